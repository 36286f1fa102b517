"""Second derivatives against JAX, which differentiates the same function written by hand."""

import itertools

import numpy as np
import pytest

from symcalc import Derivation, EvaluationError, ShapeError, derive
from tests.test_derive import draw

jax = pytest.importorskip("jax", reason="JAX judges the second derivatives")
jnp = jax.numpy

inv, tr = jnp.linalg.inv, jnp.trace
sigmoid = jax.nn.sigmoid
LINEAR = "A: matrix(n, m); b: vector(n)"
GAUSS = "x: vector(n); mu: vector(n); S: spd matrix(n)"
LAYER = "W: matrix(n, m); x: vector(m); y: vector(n)"
ENDS = "a: vector(n); b: vector(m)"
FACTORS = "T: matrix(n, m); U: matrix(n, k); V: matrix(m, k)"
SQUARE = "X: matrix(n); A: matrix(n); B: matrix(n)"


def residual(A, b, x):
    return ((A @ x - b) ** 2).sum()


def gauss(S, mu, x):
    return jnp.linalg.slogdet(S)[1] / 2 + (x - mu) @ inv(S) @ (x - mu) / 2


def factors(T, U, V):
    return ((T - U @ V.T) ** 2).sum()


def logistic(X, w, y):
    return jnp.log1p(jnp.exp(-y * (X @ w))).sum()


def layer(W, x, y):
    return y @ jnp.tanh(W @ x)


# formula, first variable, second variable (None: the first again), declarations, in jax.numpy, the
# Hessian where textbooks agree on one form
FUNCTIONS = [
    # vectors
    ("x'*A*x", "x", None, "A: matrix(n)", lambda A, x: x @ A @ x, "A + A'"),
    ("||x||^2", "x", None, "", lambda x: x @ x, "2*I"),
    ("||A*x - b||^2", "x", None, LINEAR, residual, "2*A'*A"),
    ("||A*x - b||^2", "x", "b", LINEAR, residual, "-2*A'"),
    ("exp(x'*A*x)", "x", None, "A: matrix(n)", lambda A, x: jnp.exp(x @ A @ x), None),
    ("logsumexp(x)", "x", None, "", lambda x: jax.nn.logsumexp(x),
     "diag(softmax(x)) - softmax(x)*softmax(x)'"),
    ("logsumexp(A*x)", "x", None, LINEAR, lambda A, x: jax.nn.logsumexp(A @ x), None),
    ("sum(softplus(X*w)) - y'*X*w", "w", None, "", lambda X, w, y: logistic(-X, w, 1) - y @ X @ w,
     "X'*diag(sigmoid(X*w) .* (ones(n) - sigmoid(X*w)))*X"),
    ("sum(log(exp(-y .* (X*w)) + vector(1)))", "w", None, "", logistic, None),
    ("sum(x .^ 3)", "x", None, "", lambda x: (x**3).sum(), "6*diag(x)"),
    ("||x||^4", "x", None, "", lambda x: (x @ x) ** 2, "8*x*x' + 4*(x'*x)*I"),
    ("||x||", "x", None, "", lambda x: jnp.sqrt(x @ x), None),
    ("x'*A*x/(x'*x)", "x", None, "A: symmetric matrix(n)", lambda A, x: x @ A @ x / (x @ x), None),
    ("(x'*A*x)*(y'*x)", "x", None, "y: vector(n)", lambda A, x, y: (x @ A @ x) * (y @ x), None),
    ("1/(1 + x'*x)", "x", None, "", lambda x: 1 / (1 + x @ x), None),
    ("x'*log(x)", "x", None, "x: positive vector(n)", lambda x: x @ jnp.log(x), "diag(x .^ -1)"),
    ("sum(relu(W*x) .^ 2)", "x", None, LAYER, lambda W, x: (jax.nn.relu(W @ x) ** 2).sum(), None),
    ("y'*tanh(W*x)", "x", None, LAYER, layer, None),
    ("logdet(S)/2 + (x - mu)'*inv(S)*(x - mu)/2", "mu", None, GAUSS, gauss, "inv(S)"),
    ("logdet(S)/2 + (x - mu)'*inv(S)*(x - mu)/2", "mu", "x", GAUSS, gauss, "-inv(S)"),
    ("tr(X*diag(x)*X')", "x", None, "", lambda X, x: tr(X * x @ X.T), "zeros(m, m)"),
    # matrices
    ("||X||_F^2", "X", None, "", lambda X: (X**2).sum(), "2*eye(m*n)"),
    ("||T - U*V'||_F^2", "U", None, FACTORS, factors, "2*kron(V'*V, I)"),
    ("||T - U*V'||_F^2", "U", "V", FACTORS, factors, None),
    ("||A*x - b||^2", "A", None, LINEAR, residual, None),
    ("tr(X'*A*X*B)", "X", None, "", lambda A, B, X: tr(X.T @ A @ X @ B),
     "kron(B, A') + kron(B', A)"),
    ("tr(X^3)", "X", None, "", lambda X: tr(X @ X @ X), None),
    ("logdet(X)", "X", None, "", lambda X: jnp.linalg.slogdet(X)[1], None),
    ("logdet(S)", "S", None, "S: spd matrix(n)", lambda S: jnp.linalg.slogdet(S)[1],
     "-kron(inv(S), inv(S))"),
    ("det(X)", "X", None, "", lambda X: jnp.linalg.det(X), None),
    ("tr(inv(X)*A)", "X", None, "", lambda A, X: tr(inv(X) @ A), None),
    ("tr(inv(X)*A)", "X", "A", "", lambda A, X: tr(inv(X) @ A), None),
    ("sum(exp(X))", "X", None, "", lambda X: jnp.exp(X).sum(), "diag(vec(exp(X)))"),
    ("sum(A .* sin(X))", "X", "A", "", lambda A, X: (A * jnp.sin(X)).sum(), "diag(vec(cos(X)))"),
    ("y'*tanh(W*x)", "W", None, LAYER, layer, None),
    ("logsumexp(W*x) - y'*W*x", "W", None, LAYER,
     lambda W, x, y: jax.nn.logsumexp(W @ x) - y @ W @ x,
     "kron(x*x', diag(softmax(W*x)) - softmax(W*x)*softmax(W*x)')"),
    ("sum(logsumexp(X*W, 1)) - tr(Y'*X*W)", "W", None, "",
     lambda X, W, Y: jax.nn.logsumexp(X @ W, 1).sum() - tr(Y.T @ X @ W),
     "kron(eye(p), X')*diag(vec(softmax(X*W, 1)))"
     "*(eye(n*p) - kron(ones(p, p), I)*diag(vec(softmax(X*W, 1))))*kron(eye(p), X)"),
    ("sum(log(sum(exp(X*W), 1)))", "W", None, "",
     lambda X, W: jax.nn.logsumexp(X @ W, 1).sum(), None),
    ("||A*diag(X'*a)*B||_F^2", "X", None, "a: vector(n); A: matrix(k, m); B: matrix(m, q)",
     lambda A, B, X, a: ((A * (X.T @ a) @ B) ** 2).sum(), None),
    ("||X'*X - I||_F^2", "X", None, "X: matrix(n, m)",
     lambda X: ((X.T @ X - jnp.eye(4)) ** 2).sum(), None),
    ("||X||_F", "X", None, "", lambda X: jnp.sqrt((X**2).sum()), None),
    ("tr(kron(X, X))", "X", None, "X: matrix(n)", lambda X: tr(X) ** 2, "2*vec(I)*vec(I)'"),
    ("tr(pinv(X)*A)", "X", None, "X: matrix(m, n)",
     lambda A, X: tr(inv(X.T @ X) @ X.T @ A), None),
    ("a'*X*b", "X", None, ENDS, lambda X, a, b: a @ X @ b, "zeros(m*n, m*n)"),
    # of different kinds
    ("x'*A*x", "x", "A", "A: matrix(n)", lambda A, x: x @ A @ x, None),
    ("x'*A*x", "A", "x", "A: matrix(n)", lambda A, x: x @ A @ x, "kron(I, x) + kron(x, I)"),
    ("||A*x - b||^2", "A", "x", LINEAR, residual, None),
    ("a'*X*b", "X", "a", ENDS, lambda X, a, b: a @ X @ b, "kron(b, I)"),
    ("a'*X*b", "a", "b", ENDS, lambda X, a, b: a @ X @ b, "X"),
    ("y'*tanh(W*x)", "W", "x", LAYER, layer, None),
    ("logdet(S)/2 + (x - mu)'*inv(S)*(x - mu)/2", "mu", "S", GAUSS, gauss, None),
    ("tr(X*diag(x)*X')", "X", "x", "", lambda X, x: tr(X * x @ X.T), None),
    # scalars
    ("t^3*a'*x", "t", None, "t: scalar; a: vector(n)", lambda a, t, x: t**3 * (a @ x), "6*t*a'*x"),
    ("t^3*a'*x", "t", "x", "t: scalar; a: vector(n)", lambda a, t, x: t**3 * (a @ x), "3*t^2*a'"),
    ("t^3*a'*x", "x", "t", "t: scalar; a: vector(n)", lambda a, t, x: t**3 * (a @ x), "3*t^2*a"),
    ("t^2*tr(A*X)", "X", "t", "t: scalar", lambda A, X, t: t**2 * tr(A @ X), "2*t*A'"),
    ("t^2*tr(A*X)", "t", "X", "t: scalar", lambda A, X, t: t**2 * tr(A @ X), None),
    ("exp(a*b)", "a", "b", "", lambda a, b: jnp.exp(a * b), "exp(a*b)*(a*b + 1)"),
    ("log(1 + exp(a*x'*y))", "x", "a", "", lambda a, x, y: jnp.log1p(jnp.exp(a * (x @ y))), None),
]  # fmt: skip
IDS = [f"{c[0]} by {c[1]}{' ' + c[2] if c[2] else ''}" for c in FUNCTIONS]

TRACES = [  # functions of a square X: tr of the gradient by X, differentiated by the second name
    ("||X||_F^2", "X", lambda A, B, X: (X**2).sum()),
    ("tr(X^3)", "X", lambda A, B, X: tr(X @ X @ X)),
    ("logdet(X)", "X", lambda A, B, X: jnp.linalg.slogdet(X)[1]),
    ("det(X)", "X", lambda A, B, X: jnp.linalg.det(X)),
    ("tr(A*X*B*X')", "X", lambda A, B, X: tr(A @ X @ B @ X.T)),
    ("tr(A*X*B*X')", "A", lambda A, B, X: tr(A @ X @ B @ X.T)),
    ("||A*X - B||_F^2", "X", lambda A, B, X: ((A @ X - B) ** 2).sum()),
    ("||A*X - B||_F^2", "B", lambda A, B, X: ((A @ X - B) ** 2).sum()),
    ("sum(exp(A*X))", "X", lambda A, B, X: jnp.exp(A @ X).sum()),
    ("tr(inv(X)*A)", "A", lambda A, B, X: tr(inv(X) @ A)),
]

ENTRIES = [  # functions of a symmetric S, and again in jax.numpy
    ("logdet(S)", lambda A, S: jnp.linalg.slogdet(S)[1]),
    ("||S||_F^2", lambda A, S: (S**2).sum()),
    ("tr(A*S*A*S)", lambda A, S: tr(A @ S @ A @ S)),
    ("tr(S^3)", lambda A, S: tr(S @ S @ S)),
    ("tr(inv(S)*A)", lambda A, S: tr(inv(S) @ A)),
]

JACOBIANS = [  # formula, variable, declarations, in jax.numpy, the textbook's Jacobian
    ("A*x", "x", "", lambda A, x: A @ x, "A"),
    ("A*sin(x)", "x", "", lambda A, x: A @ jnp.sin(x), "A*diag(cos(x))"),
    ("softmax(x)", "x", "", lambda x: jax.nn.softmax(x), None),
    ("x/norm2(x)", "x", "", lambda x: x / jnp.sqrt(x @ x), None),
    ("(x'*A*x)*x", "x", "", lambda A, x: (x @ A @ x) * x, None),
    ("A*x", "A", "", lambda A, x: A @ x, "kron(x', I)"),
    ("tanh(W*x)", "W", LAYER, lambda W, x: jnp.tanh(W @ x), None),
    ("x*y'", "x", "y: vector(m)", lambda x, y: jnp.outer(x, y), "kron(y, eye(n))"),
    ("diag(x)*A", "x", "", lambda A, x: x[:, None] * A, None),
    ("t^2*A", "t", "t: scalar", lambda A, t: t**2 * A, "2*t*A"),
    ("exp(t*x)", "t", "t: scalar", lambda t, x: jnp.exp(t * x), None),
    ("A*X*B", "X", "", lambda A, B, X: A @ X @ B, "kron(B', A)"),
    ("X'", "X", "", lambda X: X.T, "K(n, m)"),
    ("X'*A*X", "X", "A: matrix(n)", lambda A, X: X.T @ A @ X, None),
    ("inv(X)", "X", "", lambda X: inv(X), "-kron(inv(X)', inv(X))"),
    ("A .* X", "X", "", lambda A, X: A * X, "diag(vec(A))"),
    ("X .^ 2", "X", "", lambda X: X**2, None),
    ("X^3", "X", "", lambda X: X @ X @ X, None),
    ("kron(X, A)", "X", "", lambda A, X: jnp.kron(X, A), None),
    ("kron(A, X)", "X", "", lambda A, X: jnp.kron(A, X), None),
    ("diag(X)", "X", "X: matrix(n)", lambda X: jnp.diag(X), None),
    ("tr(A*X)", "X", "", lambda A, X: tr(A @ X), None),
]


@pytest.fixture(autouse=True)
def double_precision():
    with jax.enable_x64(True):
        yield


def of(function, point, *names):
    """Return a function of some variables, the others held fixed."""
    known = {k: v for k, v in point.items() if k in function_names(function)}
    return lambda *values: function(**{**known, **dict(zip(names, values, strict=True))})


def function_names(function):
    return function.__code__.co_varnames[: function.__code__.co_argcount]


def direction(declaration, array, seed):
    by = np.asarray(np.random.default_rng(seed).standard_normal(np.shape(array)))
    return by + by.T if "spd" in declaration else by


def close(got, wanted, scale=1e-8):
    wanted = np.asarray(wanted)
    assert np.shape(got) == wanted.shape
    np.testing.assert_allclose(got, wanted, rtol=scale, atol=scale * max(1, abs(wanted).max()))


def as_matrix(array, rows, columns):
    """Return an array of partial derivatives as a matrix in vec (column-major) order."""
    return np.reshape(array, (np.size(rows), np.size(columns)), order="F")


# -- the three forms ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "first", "second", "where", "function"), [c[:5] for c in FUNCTIONS], ids=IDS
)
def test_bilinear_action_and_hessian_are_those_of_jax(f, first, second, where, function):
    s = derive(f, first, where=where).second(second)
    point, second = draw(s.action.where), second or first
    x, y = point[first], point[second]
    if first == second:
        partials = np.asarray(jax.hessian(of(function, point, first))(x))
    else:
        gradient = jax.grad(of(function, point, first, second))
        partials = np.asarray(jax.jacfwd(gradient, argnums=1)(x, y))
    assert partials.shape == np.shape(x) + np.shape(y)
    one, two = direction(s.gradient.where[first], x, 1), direction(s.gradient.where[second], y, 2)
    action = np.tensordot(partials, two, np.ndim(y))
    directions = {**point, "H_1": one, "H_2": two}
    close(s.action.evaluate(**directions), action)
    close(s.bilinear.evaluate(**directions), (action * one).sum())
    hessian = s.hessian.evaluate(**point)
    if "spd" in s.gradient.where[second]:  # the matrix is read on symmetric directions alone
        close(hessian @ two.ravel(order="F"), action.ravel(order="F"))
    elif 1 in s.hessian.shape and np.ndim(x) == 0 < np.ndim(y):
        close(hessian, np.ravel(partials, order="F"))
    else:
        close(hessian, partials if np.ndim(y) == 0 else as_matrix(partials, x, y))


@pytest.mark.parametrize(
    ("f", "first", "second", "where", "text"), [(*c[:4], c[5]) for c in FUNCTIONS if c[5]],
    ids=[name for name, c in zip(IDS, FUNCTIONS, strict=True) if c[5]],
)  # fmt: skip
def test_the_hessian_is_as_short_as_the_textbooks(f, first, second, where, text):
    assert str(derive(f, first, where=where).second(second).hessian) == text


@pytest.mark.parametrize(
    ("f", "first", "second", "where"), [c[:4] for c in FUNCTIONS if (c[2] or c[1]).islower()
                                        and c[1].islower()]
)  # fmt: skip
def test_hessians_by_vectors_hold_no_kronecker_product(f, first, second, where):
    text = str(derive(f, first, where=where).second(second).hessian)
    assert not any(word in text for word in ("kron", "vec(", "K("))


@pytest.mark.parametrize(
    ("against", "f", "first", "second", "where"),
    [(judge, *c[:4]) for judge, step in (("differences", 1), ("torch", 2), ("jax", 5))
     for c in FUNCTIONS[::step]],
)  # fmt: skip
def test_verify_agrees(against, f, first, second, where):
    if against == "torch":
        pytest.importorskip("torch", reason="PyTorch is the judge")
    done = derive(f, first, where=where).second(second).verify(against=(against,))
    assert done.passed, str(done)
    names = {c.what for c in done.comparisons}
    assert names == {f"{against}, {form}" for form in ("bilinear form", "action", "Hessian")}


def test_verify_takes_all_judges_at_once():
    pytest.importorskip("torch", reason="PyTorch is one of the judges")
    done = derive("tr(X^3)", "X").second().verify(against=("differences", "jax", "torch"))
    assert done.passed and len(done.comparisons) == 2 * 3 * 3


@pytest.mark.parametrize("form", ["action", "hessian", "bilinear"])
def test_verify_catches_a_wrong_form(form):
    s = derive("tr(X^3)", "X").second()
    assert s.verify(against=("differences", "jax")).passed
    s.__dict__[form] = getattr(s, form) * 1.0001
    assert not s.verify().passed and not s.verify(against="jax").passed
    for judges in ("magic", (), ("complex-step",), ("jax", "magic")):
        with pytest.raises(EvaluationError, match="verify against 'differences', 'jax', 'torch'"):
            s.verify(against=judges)


def test_the_founding_example():
    s = derive("||X||_F^2", "X").second()
    assert (str(s.bilinear), str(s.action)) == ("tr(2*H_2*H_1')", "2*H_2")
    last = s.latex(steps=True).splitlines()[-2]
    assert r"\operatorname{Tr}\left(2 H_{2} H_{1}^{\top}\right) &&" in last
    assert s.latex() == r"\mathrm{d}^2 f = \operatorname{Tr}\left(2 H_{2} H_{1}^{\top}\right)"


@pytest.mark.parametrize(
    ("f", "wrt", "where", "structure", "blocks"),
    [
        ("||T - U*V'||_F^2", "U", FACTORS, "kronecker", ["2*V'*V", "I"]),
        ("logdet(S)", "S", "S: spd matrix(n)", "kronecker", ["-inv(S)", "inv(S)"]),
        ("||X||_F^2", "X", "", "diagonal", ["2*eye(m*n)"]),
        ("sum(x .^ 3)", "x", "", "diagonal", ["6*diag(x)"]),
        ("a'*X*b", "X", ENDS, "zero", ["zeros(m*n, m*n)"]),
        ("x'*A*x", "x", "", "dense", ["A + A'"]),
        ("t^3", "t", "t: scalar", "scalar", ["6*t"]),
    ],
)
def test_structure_and_blocks(f, wrt, where, structure, blocks):
    s = derive(f, wrt, where=where).second()
    assert (s.structure, [str(b) for b in s.blocks]) == (structure, blocks)


@pytest.mark.parametrize(("f", "function"), ENTRIES, ids=[c[0] for c in ENTRIES])
def test_hessians_by_the_free_entries_of_a_symmetric_variable(f, function):
    where = "S: symmetric matrix(n); A: matrix(n)"
    s = derive(f, "S", where=where, symmetric="entries").second()
    point = draw({"S": "spd matrix(n)", "A": "matrix(n)"})
    places = [(i, j) for j in range(3) for i in range(j, 3)]  # vech: the lower part by columns

    def of_entries(v):
        S = jnp.zeros((3, 3))
        for k, (i, j) in enumerate(places):
            S = S.at[i, j].set(v[k]).at[j, i].set(v[k])
        return function(point["A"], S)

    free = np.array([point["S"][i, j] for i, j in places])
    known = {name: point[name] for name in s.gradient.where if name in point}
    close(s.hessian.evaluate(**known), jax.hessian(of_entries)(free))
    assert s.verify().passed


# -- the trace trick ----------------------------------------------------------------------------


@pytest.mark.parametrize(("f", "wrt", "function"), TRACES, ids=[f"{c[0]} {c[1]}" for c in TRACES])
@pytest.mark.parametrize("weight", [None, "V"])
def test_differentiating_the_trace_of_the_gradient(f, wrt, function, weight):
    d = derive(f, "X", where=SQUARE + "; V: matrix(n)").derive(wrt, weight=weight)
    point = draw(d.gradient.where | dict.fromkeys("ABXV", "matrix(n)"))
    factor = np.eye(3) if weight is None else point["V"]

    def traced(X, Y):
        other = {} if wrt == "X" else {wrt: Y}
        known = {"A": point["A"], "B": point["B"], **other}
        return tr(factor.T @ jax.grad(lambda X: function(**{**known, "X": X}))(X))

    x = point["X"]
    whole = (lambda Y: traced(Y, Y)) if wrt == "X" else (lambda Y: traced(x, Y))
    wanted = jax.grad(whole)(point[wrt])
    close(d.gradient.evaluate(**point), wanted)
    assert isinstance(d, Derivation) and d.verify().passed


def test_the_trace_trick_again_and_again():
    d, seen = derive("tr(X^4)", "X"), []
    for _ in range(4):
        seen.append(str(d.gradient))
        assert d.verify().passed
        d = d.derive("X")
    assert seen == ["4*(X^3)'", "12*(X^2)'", "24*X'", "24*I"]


def test_weights():
    d = derive("a'*X*b", "X", where=ENDS)
    with pytest.raises(ShapeError, match=r"has no trace: pass a direction.*weight=\"V\""):
        derive("a'*X*b", "X", where="X: matrix(n, m); " + ENDS).derive("X")
    assert str(d.derive("a", weight="V").gradient) == "V*b"
    assert str(derive("x'*A*x", "x").derive("x", weight="v").gradient) == "(A + A')*v"
    with pytest.raises(ShapeError, match="the weight is n×n, the gradient n×m"):
        derive("a'*X*b", "X", where="V: matrix(n); " + ENDS).derive("a", weight="V")


# -- Jacobians ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "wrt", "where", "function", "text"), JACOBIANS, ids=[f"{c[0]} {c[1]}" for c in JACOBIANS]
)
def test_differentials_and_jacobians_are_those_of_jax(f, wrt, where, function, text):
    d = derive(f, wrt, where=where)
    point = draw(d.jacobian.where)
    wanted = jax.jacfwd(of(function, point, wrt))(point[wrt])
    by = direction("", point[wrt], 3)
    close(d.differential.evaluate(**point, **{f"d{wrt}": by}), np.tensordot(wanted, by, by.ndim))
    if np.ndim(point[wrt]):
        value = d.function.evaluate(**{v.name: point[v.name] for v in d.function.variables})
        wanted = as_matrix(wanted, value, point[wrt])
        wanted = wanted[0] if np.ndim(value) == 0 else wanted
    close(d.jacobian.evaluate(**point), wanted)
    assert text is None or str(d.jacobian) == text


def test_the_second_derivative_does_not_depend_on_the_order():
    where = "W: matrix(n, m); x: vector(m); y: vector(n)"
    d = derive("y'*tanh(W*x)", "W", where=where)
    for first, second in itertools.permutations("Wxy", 2):
        one = derive(d.function, first, where=where).second(second).hessian
        two = derive(d.function, second, where=where).second(first).hessian
        point = draw(d.gradient.where)
        close(one.evaluate(**point), two.evaluate(**point).T)


def test_a_hessian_by_one_variable_is_symmetric():
    d = derive("tr(X*Y*X'*Y')", "X", where="X: matrix(n); Y: matrix(n)")
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((2, 3, 3))
    matrix = d.second().hessian.evaluate(X=X, Y=Y)
    assert d.second().is_symmetric and not d.second("Y").is_symmetric
    np.testing.assert_allclose(matrix, matrix.T, rtol=1e-12, atol=1e-12)
