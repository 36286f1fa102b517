"""Gradients and differentials against numbers: functions written in NumPy and differences."""

import gc
import re
from math import inf, prod

import numpy as np
import pytest

import symcalc
from symcalc import (
    EvaluationError,
    ParseError,
    ShapeError,
    SymcalcError,
    derive,
    load_rules,
    parse,
    variables,
)  # fmt: skip
from symcalc.derive import forget
from symcalc.rulebook import default_rules
from symcalc.simplify import normalizer

SIZES = {"n": 3, "m": 4, "k": 2, "p": 2, "q": 5}
LINEAR = "A: matrix(n, m); b: vector(n)"
GAUSS = "x: vector(n); mu: vector(n); S: spd matrix(n)"
LAYER = "W: matrix(n, m); b: vector(n); x: vector(m); y: vector(n)"
ends = "a: vector(n); b: vector(m)"


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def gauss(S, mu, x):
    return np.log(np.linalg.det(S)) / 2 + (x - mu) @ np.linalg.inv(S) @ (x - mu) / 2


def lse(z):
    return np.log(np.exp(z).sum())


# formula, variable, declarations, the textbook's gradient (None: many forms), the NumPy function
FUNCTIONS = [
    # least squares and quadratic forms
    ("||A*x - b||^2", "x", LINEAR, "2*A'*(A*x - b)", lambda A, b, x: ((A @ x - b) ** 2).sum()),
    ("||A*x - b||^2/2 + c*||x||^2", "x", LINEAR, "A'*(A*x - b) + 2*c*x",
     lambda A, b, c, x: ((A @ x - b) ** 2).sum() / 2 + c * (x**2).sum()),
    ("||A*X - B||_F^2", "X", "", "2*A'*(A*X - B)", lambda A, B, X: ((A @ X - B) ** 2).sum()),
    ("x'*A*x", "x", "", "(A + A')*x", lambda A, x: x @ A @ x),
    ("x'*A*x", "x", "A: symmetric matrix(n)", "2*A*x", lambda A, x: x @ A @ x),
    ("x'*A*x", "A", "", "x*x'", lambda A, x: x @ A @ x),
    ("exp(x'*A*x)", "x", "", "exp(x'*A*x)*(A + A')*x", lambda A, x: np.exp(x @ A @ x)),
    ("x'*A*x/(x'*x)", "x", "A: symmetric matrix(n)", None, lambda A, x: x @ A @ x / (x @ x)),
    ("a'*X*b", "X", ends, "a*b'", lambda X, a, b: a @ X @ b),
    ("a'*X'*X*b", "X", "a: vector(m); b: vector(m)", "X*(a*b' + b*a')",
     lambda X, a, b: a @ X.T @ X @ b),
    ("sum(x)^2", "x", "", "2*sum(x)*ones(n)", lambda x: x.sum() ** 2),
    ("t^2*a'*x", "t", "t: scalar; a: vector(n)", "2*t*a'*x", lambda a, t, x: t**2 * (a @ x)),
    # determinants; the Gaussian likelihood
    ("log(det(X))", "X", "", "inv(X)'", lambda X: np.log(np.linalg.det(X))),
    ("logdet(S)", "S", "S: spd matrix(n)", "inv(S)", lambda S: np.log(np.linalg.det(S))),
    ("det(X)", "X", "", "det(X)*inv(X)'", lambda X: np.linalg.det(X)),
    ("1/det(X)", "X", "", "-inv(X)'/det(X)", lambda X: 1 / np.linalg.det(X)),
    ("log(det(inv(X)))", "X", "", "-inv(X)'", lambda X: -np.log(np.linalg.det(X))),
    ("det(X'*X)", "X", "X: matrix(m, n)", None, lambda X: np.linalg.det(X.T @ X)),
    ("logdet(S)/2 + (x - mu)'*inv(S)*(x - mu)/2", "mu", GAUSS, "-inv(S)*(x - mu)", gauss),
    ("logdet(S)/2 + (x - mu)'*inv(S)*(x - mu)/2", "S", GAUSS, None, gauss),
    # traces of products, powers, inverses and Kronecker products
    ("tr(A*X*B)", "X", "", "A'*B'", lambda A, B, X: np.trace(A @ X @ B)),
    ("tr(A*X*B*X')", "X", "", "A*X*B + A'*X*B'", lambda A, B, X: np.trace(A @ X @ B @ X.T)),
    ("tr(X^3)", "X", "", "3*(X^2)'", lambda X: np.trace(X @ X @ X)),
    ("tr(inv(X)*A)", "X", "", "-inv(X)'*A'*inv(X)'", lambda A, X: np.trace(np.linalg.inv(X) @ A)),
    ("b'*inv(A)*b", "A", "b: vector(n); A: spd matrix(n)", "-inv(A)*b*b'*inv(A)",
     lambda A, b: b @ np.linalg.inv(A) @ b),
    ("tr(adj(X))", "X", "", None, lambda X: np.linalg.det(X) * np.trace(np.linalg.inv(X))),
    ("tr(pinv(X)*A)", "X", "X: matrix(m, n)", None,
     lambda A, X: np.trace(np.linalg.inv(X.T @ X) @ X.T @ A)),
    ("tr(kron(X, A))", "X", "A: matrix(m)", "tr(A)*eye(n)",
     lambda A, X: np.trace(A) * np.trace(X)),
    ("tr(kron(A, X)*B)", "X", "A: matrix(p); X: matrix(n); B: matrix(p*n)", None,
     lambda A, B, X: np.trace(np.kron(A, X) @ B)),
    ("tr(diag(x)*A)", "x", "", "diag(A)", lambda A, x: (x * np.diag(A)).sum()),
    ("tr(A)/n", "A", "A: matrix(n)", "I/n", lambda A: np.trace(A) / 3),
    # learning
    ("||A - U*V'||_F^2", "U", "U: matrix(n, k)", "-2*(A - U*V')*V",
     lambda A, U, V: ((A - U @ V.T) ** 2).sum()),
    ("||M .* (A - U*V')||_F^2", "U", "U: matrix(n, k)", "-2*(M .^ 2 .* (A - U*V'))*V",
     lambda A, M, U, V: ((M * (A - U @ V.T)) ** 2).sum()),
    ("tr(W'*C*W)", "W", "C: symmetric matrix(n); W: matrix(n, k)", "2*C*W",
     lambda C, W: np.trace(W.T @ C @ W)),
    ("sum(softplus(-y .* (X*w)))", "w", "", "-X'*(sigmoid(-y .* (X*w)) .* y)",
     lambda X, w, y: np.log(1 + np.exp(-y * (X @ w))).sum()),
    ("logsumexp(x) - y'*x", "x", "", "softmax(x) - y", lambda x, y: lse(x) - y @ x),
    ("-y'*log(softmax(x))", "x", "", "sum(y)*softmax(x) - y",
     lambda x, y: -(y @ (x - lse(x)))),
    ("logsumexp(W*x) - y'*W*x", "W", LAYER, "(softmax(W*x) - y)*x'",
     lambda W, x, y: lse(W @ x) - y @ W @ x),
    ("sum(tanh(W*x + b))", "W", LAYER, "(ones(n) - tanh(W*x + b) .^ 2)*x'",
     lambda W, b, x: np.tanh(W @ x + b).sum()),
    ("||sigmoid(W*x + b) - y||^2", "b", LAYER, None,
     lambda W, b, x, y: ((sigmoid(W @ x + b) - y) ** 2).sum()),
    ("sum(relu(W*x))", "x", "W: matrix(n, m)", "W'*heaviside(W*x)",
     lambda W, x: np.maximum(W @ x, 0).sum()),
    # norms
    ("||X||_F", "X", "", "X/normF(X)", lambda X: np.sqrt((X**2).sum())),
    ("||x - c||", "x", "c: vector(n)", "(x - c)/norm2(x - c)",
     lambda c, x: np.sqrt(((x - c) ** 2).sum())),
    ("norm1(A*x - y)", "x", "", "A'*sign(A*x - y)", lambda A, x, y: abs(A @ x - y).sum()),
    ("||X||_*", "X", "X: matrix(m, n)", "polar(X)",
     lambda X: np.linalg.svd(X, compute_uv=False).sum()),
    ("normspec(X)", "X", "", "top_singular(X)", lambda X: np.linalg.svd(X, compute_uv=False)[0]),
    # entrywise functions
    ("sum(A .* sin(X))", "X", "", "A .* cos(X)", lambda A, X: (A * np.sin(X)).sum()),
    ("sum(X .^ 3)", "X", "", "3*X .^ 2", lambda X: (X**3).sum()),
    ("sum(A ./ X)", "X", "X: positive matrix(n, m)", "-A ./ X .^ 2", lambda A, X: (A / X).sum()),
    ("x'*log(x)", "x", "x: positive vector(n)", "ones(n) + log(x)", lambda x: x @ np.log(x)),
    ("mean(x .^ 2)", "x", "", "2*x/n", lambda x: (x**2).mean()),
    ("mean(min(x, x))", "x", "", "ones(n)/n", lambda x: x.mean()),  # no kink is left
    # entries that always tie share one derivative
    ("max(S)", "S", "S: symmetric matrix(n)", "argmax(S)", lambda S: S.max()),
    ("max(A + A')", "A", "A: matrix(n)", None, lambda A: (A + A.T).max()),
    ("sum(amax(x*ones(3)' + X, 1))", "x", "x: vector(n); X: matrix(n, 3)", "ones(n)",
     lambda x, X: (x[:, None] + X).max(1).sum()),
    ("sum(amax(x*ones(3)', 1))", "x", "x: vector(n)", "ones(n)", lambda x: x.sum()),
    ("sum(max(A, A'))", "A", "A: matrix(n)", None, lambda A: np.maximum(A, A.T).sum()),
    ("sum(min(x*ones(n)', ones(n)*x'))", "x", "", None,
     lambda x: np.minimum(x[:, None], x).sum()),
    ("sum(min(x .* y, clip(x, -1, 1) .* y))", "x", "", None,
     lambda x, y: np.minimum(x * y, np.clip(x, -1, 1) * y).sum()),
    ("sum(clip(x, min(x), 1))", "x", "x: unit vector(n)", None, lambda x: x.sum()),
    ("std(max(x, x))", "x", "", "(x - mean(x)*ones(n))/(n*std(x))", lambda x: x.std()),
    # the inputs that matrixcalculus.org documents (A*exp(x) is below: it has no gradient)
    ("0.5*x'*A*x", "x", "", "(A + A')*x/2", lambda A, x: x @ A @ x / 2),
    ("(y .* v)'*x", "x", "", "y .* v", lambda v, x, y: (y * v) @ x),
    ("a^b", "a", "a: positive scalar", "b*a^(b - 1)", lambda a, b: a**b),
    ("a^b", "b", "a: positive scalar", "a^b*log(a)", lambda a, b: a**b),
    ("norm2(A*x - y)^2", "x", "", "2*A'*(A*x - y)", lambda A, x, y: ((A @ x - y) ** 2).sum()),
    ("sum(log(exp(-y .* (X*w)) + vector(1)))", "w", "", "-X'*(sigmoid(-y .* (X*w)) .* y)",
     lambda X, w, y: np.log(1 + np.exp(-y * (X @ w))).sum()),
    ("tr(A*X'*B*X*C)", "X", "", "B*X*C*A + B'*X*A'*C'",
     lambda A, B, C, X: np.trace(A @ X.T @ B @ X @ C)),
    # no NumPy function: the judges of `verify` alone
    ("logdet(X'*X)", "X", "X: matrix(n, m)", "2*pinv(X)'", None),
    ("tr(X^k)", "X", "k: scalar", None, None),
    ("sum(erf(x)) + sum(gammaln(y))", "x", "y: positive vector(n)", None, None),
    ("tr(inv(X'*C*X)*A)", "X", "X: matrix(m, n); C: spd matrix(m)", None, None),
]  # fmt: skip
IDS = [f"{f} by {wrt}" for f, wrt, *_ in FUNCTIONS]

# The space of each structure, and the differences along its basis.
TRACE = lambda A, X: np.trace(A @ X)  # noqa: E731
SMOOTH = lambda A, X: np.trace(A @ X @ X @ A @ X)  # noqa: E731
STRUCTURES = {
    "symmetric": lambda e: (e + e.T) / 2, "skew": lambda e: (e - e.T) / 2,
    "diagonal": lambda e: e * np.eye(3), "lower": np.tril, "upper": np.triu,
}  # fmt: skip
STRUCTURED = [
    ("tr(A*X)", "symmetric", "(A + A')/2", TRACE), ("tr(A*X)", "skew", "(A' - A)/2", TRACE),
    ("tr(A*X)", "diagonal", "A .* I", TRACE), ("tr(A*X)", "lower", "tril(A')", TRACE),
    ("tr(A*X)", "upper", "triu(A')", TRACE),
    *[("tr(A*X*X*A*X)", name, None, SMOOTH) for name in STRUCTURES],
]  # fmt: skip


def draw(where, seed=0):
    """Return random arrays for declarations such as `{"X": "spd matrix(n)"}`."""
    rng = np.random.default_rng(seed)
    return {name: _array(text, rng) for name, text in where.items()}


def _array(text, rng):
    words, kind, dims = re.fullmatch(r"(.*?)(scalar|vector|matrix)(?:\((.*)\))?", text).groups()
    shape = [
        prod(int(f) if f.isdigit() else SIZES.get(f, 3) for f in d.strip().split("*"))
        for d in _parts(dims)
    ]
    shape = shape * 2 if kind == "matrix" and len(shape) == 1 else shape
    a = rng.uniform(0.4, 2, shape) if "positive" in words else rng.standard_normal(shape)
    if kind == "matrix" and shape[0] == shape[1]:
        a = 0.4 * a + 1.5 * np.eye(shape[0])
    a = STRUCTURES[words.strip()](a) if words.strip() in STRUCTURES else a
    return a @ a.T if "spd" in words else a


def _parts(dims):
    return dims.split(",") if dims else []


def slope(f, x, by, h=1e-3):
    """Return the derivative of `f` at `x` along `by`: central differences of fourth order."""
    return (8 * (f(x + h * by) - f(x - h * by)) - f(x + 2 * h * by) + f(x - 2 * h * by)) / (12 * h)


def units(shape):
    return np.eye(prod(shape)).reshape(-1, *shape)


def slopes(f, x):
    """Return the gradient of a scalar function of an array by differences."""
    return np.reshape([slope(f, x, by) for by in units(np.shape(x))], np.shape(x))


def along(function, point, name):
    return lambda value: function(**{**point, name: value})


@pytest.mark.parametrize(
    ("f", "wrt", "where", "wanted"), [c[:4] for c in FUNCTIONS if c[3]],
    ids=[name for name, c in zip(IDS, FUNCTIONS, strict=True) if c[3]],
)  # fmt: skip
def test_the_gradient_is_as_short_as_the_textbooks(f, wrt, where, wanted):
    assert str(derive(f, wrt, where=where).gradient) == wanted


@pytest.mark.parametrize(
    ("f", "wrt", "where", "function"), [(*c[:3], c[4]) for c in FUNCTIONS if c[4]],
    ids=[name for name, c in zip(IDS, FUNCTIONS, strict=True) if c[4]],
)  # fmt: skip
def test_the_gradient_is_that_of_the_numpy_function(f, wrt, where, function):
    d = derive(f, wrt, where=where)
    for seed in (0, 1):
        point = draw(d.gradient.where, seed)
        used = {v.name: point[v.name] for v in d.function.variables}
        np.testing.assert_allclose(d.function.evaluate(**used), function(**used), rtol=1e-10)
        plain = slopes(along(function, used, wrt), point[wrt])
        wanted = (plain + plain.T) / 2 if "spd" in d.gradient.where[wrt] else plain
        got = d.evaluate(**point)
        assert np.shape(got) == np.shape(wanted)
        np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-8 * (1 + abs(wanted).max()))


@pytest.mark.parametrize(("f", "wrt", "where"), [c[:3] for c in FUNCTIONS], ids=IDS)
def test_verify_agrees(f, wrt, where):
    done = derive(f, wrt, where=where).verify()
    assert done.passed, str(done)


LOOKS = [("tr(inv(X)*A)", "X"), ("logdet(X)", "X"), ("1/det(X)", "X")]
LOOKS += [("sum(huber_loss(x, c))", "x"), ("sum(clip(x, a, b))", "a")]  # c > 0, a < b


@pytest.mark.parametrize(("f", "wrt"), LOOKS)
def test_verify_agrees_wherever_it_looks(f, wrt):
    d = derive(f, wrt)
    assert [str(done) for seed in range(12) if not (done := d.verify(seed=seed))] == []


@pytest.mark.parametrize(("f", "structure", "text", "function"), STRUCTURED)
def test_a_structured_variable_moves_in_its_space(f, structure, text, function):
    d = derive(f, "X", where=f"A: matrix(n); X: {structure} matrix(n)")
    assert text is None or str(d.gradient) == text
    point = draw(d.gradient.where)
    g, f_of_x, projected = d.evaluate(**point), along(function, point, "X"), STRUCTURES[structure]
    for by in map(projected, units((3, 3))):
        np.testing.assert_allclose((g * by).sum(), slope(f_of_x, point["X"], by), atol=1e-8)
    np.testing.assert_allclose(projected(g), g, atol=1e-12)
    assert d.verify().passed


@pytest.mark.parametrize(
    ("f", "function", "text"),
    [
        ("tr(A*X)", TRACE, "A + A' - A .* I"),
        ("tr(A*X*X*A*X)", SMOOTH, None),
        ("logdet(X) + tr(A)", lambda A, X: np.linalg.slogdet(X)[1] + np.trace(A), None),
    ],
)
def test_by_the_free_entries_of_a_symmetric_variable(f, function, text):
    d = derive(f, "X", where="A: matrix(n); X: symmetric matrix(n)", symmetric="entries")
    assert text is None or str(d.gradient) == text
    point = draw(d.gradient.where)
    g, f_of_x = d.evaluate(**point), along(function, point, "X")
    for i, j in np.ndindex(3, 3):
        by = np.zeros((3, 3))
        by[i, j] = by[j, i] = 1
        np.testing.assert_allclose(g[i, j], slope(f_of_x, point["X"], by), rtol=1e-7, atol=1e-8)
    assert d.verify().passed


@pytest.mark.parametrize(("f", "wrt", "where"), [c[:3] for c in FUNCTIONS[::5]], ids=IDS[::5])
def test_numerator_layout_is_the_transpose(f, wrt, where):
    plain, other = derive(f, wrt, where=where), derive(f, wrt, where=where, layout="numerator")
    point = draw(plain.gradient.where)
    assert other.gradient.shape == plain.gradient.shape[::-1]
    np.testing.assert_allclose(other.evaluate(**point), plain.evaluate(**point).T)
    assert other.verify().passed
    assert "numerator layout" in str(other) and "denominator layout" in str(plain)


def test_differentials_and_jacobians_of_textbooks():
    d = derive("A*exp(x)", "x")
    assert (str(d.differential), str(d.jacobian)) == ("A*(dx .* exp(x))", "A*diag(exp(x))")
    with pytest.raises(ShapeError, match="has a differential, but no gradient"):
        _ = d.gradient
    assert str(derive("inv(X)", "X").differential) == "-inv(X)*dX*inv(X)"
    assert str(derive("x'*x", "x").jacobian) == "2*x'"
    assert str(derive("x'*x", "y").gradient) == "zeros(m)"


def test_arrays_come_in_and_go_out_by_one_convention():
    d = derive("c*x'*A*x", "x", where="z: vector(n); A: matrix(n)")
    A, x = [[1, 2], [3, 4]], [1, 2]
    for vector in (x, np.array(x), np.array([x]).T, [[1], [2]], np.array(x, float)):
        g = d.evaluate(A=A, x=vector, c=1)
        assert g.dtype == np.float64 and g.tolist() == [12, 21]
    for scalar in (2, 2.0, np.array(2), np.array([[2]])):
        assert d.evaluate(A=A, x=x, c=scalar).tolist() == [24, 42]
    assert d.evaluate(A=A, x=x, c=1, z=[0, 0]).tolist() == [12, 21]
    value = d.function.evaluate(A=A, x=x, c=1)
    assert np.shape(value) == () and isinstance(value, np.float64) and value == 27
    small = d.evaluate(A=np.float32(A), x=np.float32(x), c=np.float32(1))
    assert small.dtype == np.float32


def test_the_function_takes_every_declared_variable_too():
    first = derive("x'*x", "x", where="z: scalar; x: vector(n)")
    assert first.function.evaluate(x=[1, 2], z=3) == 5
    kept = parse("x'*x", "z: scalar; x: vector(n)")
    parse("x'*x", "x: vector(n)")  # the same formula, read with other declarations
    assert kept.evaluate(x=[1, 2], z=3) == 5


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": [1, 2, 3]}, r"x is declared n×1: the array has 3 where n is needed \(n = 2 by A\)"),
        ({"x": np.eye(2)}, r"x is n×1: an array of shape \(2, 2\) does not fit"),
        ({"A": [1, 2]}, r"A is n×n: an array of shape \(2,\) does not fit"),
        ({"A": np.ones((2, 3))}, "A is declared n×n: the array has 3 where n is needed"),
        ({"z": [1, 2, 3]}, "z is declared n×1: the array has 3 where n is needed"),
        ({"c": [1, 2]}, r"c is a scalar: an array of shape \(2,\) does not fit"),
        ({"x": ["a", "b"]}, "x: an array of numbers is needed"),
        ({"Q": 1}, "`Q` is not a variable of the formula; it has"),
    ],
)
def test_a_wrong_array_is_named(arrays, message):
    d = derive("c*x'*A*x", "x", where="z: vector(n); A: matrix(n)")
    with pytest.raises(EvaluationError, match=message):
        d.evaluate(**{"A": np.eye(2), "x": [1, 2], "c": 1, **arrays})
    with pytest.raises(EvaluationError, match=r"no value for x; pass x="):
        d.evaluate(A=np.eye(2), c=1)


def test_python_operators_build_the_formulas_that_the_text_means():
    X, A, x, y = variables("X: matrix(n, m); A: spd matrix(n); x: vector(n); y: vector(n)")
    written = {
        X.T @ A @ X: "X'*A*X", 2 * x - y / 3: "2*x - y/3", -x + 0.5 * y: "-x + y/2",
        (x.T @ y) ** 2: "(x'*y)^2", A**-1 @ x: "inv(A)*x", 1 / (1 + x.T @ x): "1/(1 + x'*x)",
        symcalc.tr(X.T @ A @ X): "tr(X'*A*X)", symcalc.logdet(A): "logdet(A)",
        symcalc.kron(A, A): "kron(A, A)", symcalc.norm2(x - y): "norm2(x - y)",
        symcalc.sum(symcalc.exp(x)): "sum(exp(x))", symcalc.diag(x) @ A: "diag(x)*A",
    }  # fmt: skip
    for e, text in written.items():
        assert parse(text, "X: matrix(n, m); A: spd matrix(n); x: vector(n); y: vector(n)") is e
    for wrt in (X, "X"):
        assert derive(symcalc.tr(X.T @ A @ X), wrt).gradient is 2 * (A @ X)


X, x = variables("X: matrix(n, m); x: vector(n)")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: X + x, ShapeError, "needs equal shapes"),
        (lambda: X @ x, ShapeError, "m ≠ n"),
        (lambda: X + 1, ShapeError, "a scalar plus a matrix is ambiguous"),
        (lambda: x / x, ShapeError, r"write `\./` for entrywise division"),
        (lambda: X**2, ShapeError, "needs a square matrix"),
        (lambda: symcalc.tr(X), ShapeError, "`tr`: slot A is n×n"),
        (lambda: symcalc.kron(X), ShapeError, r"takes 2 argument\(s\)"),
        (lambda: symcalc.tr("X"), (TypeError, SymcalcError), "expression"),
        (lambda: symcalc.nonsense, AttributeError, "has no attribute 'nonsense'"),
        (lambda: derive(3, "X"), ParseError, "not int"),
        (lambda: derive("x'*x", "x*y"), ParseError, "is not a variable"),
        (lambda: derive("x'*x", "x", layout="up"), ParseError, "'denominator', 'numerator'"),
        (lambda: derive("x'*x", "x", symmetric="up"), ParseError, "'space', 'entries'"),
    ],
)
def test_operators_and_functions_refuse_what_does_not_fit(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_verification_says_what_it_did():
    done = derive("t*x'*x", "x").verify(sizes={"n": 7}, seed=3)
    assert done.sizes["n"] == 7 and done.seed == 3 and bool(done)
    assert re.match(r"verified: \d+ comparisons at n=7.*seed 3; largest relative error", str(done))
    with pytest.raises(EvaluationError, match="no point was found where"):
        derive("sqrt(-1 - x'*x)", "x").verify()
    with pytest.raises(EvaluationError, match="`-2` must be positive for the result to hold"):
        derive("sum(huber_loss(x, -2))", "x").verify()


@pytest.mark.parametrize("f", ["tr(sqrtm(X'*X))", "tr(A*inv(X'*X))", "logdet(X'*X)"])
def test_a_verification_looks_where_the_assumptions_hold(f):
    done = derive(f, "X", where="X: matrix(n, m)").verify()
    assert done and done.sizes["n"] > done.sizes["m"], done
    with pytest.raises(EvaluationError, match="`X'\\*X` must be invertible and is singular"):
        derive(f, "X", where="X: matrix(2, 4)").verify()


@pytest.mark.parametrize("f", ["tr(A*inv(X'*X)*B)", "logdet(A*X*X'*A')", "tr(B*inv(A'*X'*X*A))"])
def test_a_verification_finds_sizes_for_which_products_are_invertible(f):
    assert derive(f, "X").verify()


def test_a_formula_asked_again_is_remembered_with_its_declarations():
    plain = derive("||A*X - B||_F^2", "X")
    assert derive("||A*X - B||_F^2", "X").scope is plain.scope  # made once
    symmetric = derive("||A*X - B||_F^2", "X", where={"A": "symmetric matrix(n)"})
    assert str(symmetric.gradient) == "2*A*(A*X - B)" and symmetric.gradient is not plain.gradient
    assert derive("||A*X - B||_F^2", "X", layout="numerator").gradient is not plain.gradient
    forget()
    assert derive("||A*X - B||_F^2", "X").scope is not plain.scope


def test_what_is_remembered_is_not_what_was_handed_out():
    first = derive("tr(A*X)", "X")
    vars(first)["gradient"] = derive("2*tr(A*X)", "X").gradient
    assert str(derive("tr(A*X)", "X").gradient) == "A'"


def test_cycles_are_collected_again_after_a_derivation():
    derive("tr(A*X)", "X")
    with pytest.raises(ParseError):
        derive("tr(A*", "X")
    assert gc.isenabled()


def test_what_is_remembered_accepts_arrays_for_its_own_declarations_again():
    where = ("c: scalar; x: vector(n)", "b: vector(m); x: vector(n)")
    for _ in range(2):
        for text in where:
            d = derive("x'*x", "x", where=text)
            assert set(d.gradient.where) == set(d.function.where) == {text[0], "x"}
            d.gradient.evaluate(x=np.ones(2), **{text[0]: 3.0 if text[0] == "c" else np.ones(4)})


def test_rules_of_a_user_are_remembered_apart(tmp_path):
    row = '[twice]\nargs = { x = "1 1" }\nd = { x = "2*H" }\narray = "2*{x}"\nsource = "2*x"\n'
    (tmp_path / "own.toml").write_text(row)
    own = load_rules(tmp_path)
    assert str(derive("twice(x'*x)", "x", rules=own).gradient) == "4*x"
    with pytest.raises(ParseError):
        derive("twice(x'*x)", "x")


@pytest.mark.parametrize(
    ("f", "wanted"),
    [
        ("sum(exp(-y .* (X*w)))", "-X'*(exp(-y .* (X*w)) .* y)"),
        ("sum(exp((X*w) .* y))", "X'*(exp((X*w) .* y) .* y)"),
        ("sum(z .* y .* x .* w)", "z .* y .* x"),
    ],
)
def test_factors_of_entrywise_products_stand_as_their_author_wrote_them(f, wanted):
    d = derive(f, "w")
    assert str(d.gradient) == wanted and d.verify().passed


@pytest.mark.parametrize(
    ("f", "where", "stated"),
    [
        ("logdet(S)", "S: spd matrix(n)", ()),
        ("logdet(X'*X/n + s*I)", "X: matrix(n, m); s: positive scalar", ()),
        ("logdet(X*X'/s^2 + I)", "X: matrix(n, m); s: scalar", ()),
        ("logdet(S/tr(S) + det(S)*X*X')", "S: spd matrix(n); X: matrix(n, m)", ()),
        ("sum(log(exp(t)*x))", "x: positive vector(n); t: scalar", ()),
        ("log(1 + x'*S*x)", "S: psd matrix(n); x: vector(n)", ()),
        ("logdet(X*X'/s + I)", "X: matrix(n, m); s: scalar", ("X*X'/s + I is invertible",)),
        ("logdet(X'*X)", "X: matrix(n, m)", ("X'*X is invertible",)),
        ("log(x'*A*x)", "A: matrix(n); x: vector(n)", ("x'*A*x is positive",)),
    ],
)
def test_what_is_known_is_not_assumed(f, where, stated):
    (variable, *_) = where.split(":")
    assumed = derive(f, variable, where=where).assumptions
    assert tuple(a for a in assumed if ": " not in a) == stated


def test_a_definite_matrix_is_factored_where_positive_scalars_stand_beside_it():
    where = "X: matrix(n, m); y: vector(m); s: positive scalar"
    f = derive("logdet(X'*X/n + s*I) + y'*inv(X'*X/n + s*I)*y", "X", where=where).compile()
    rng = np.random.default_rng(0)
    x, y, s = rng.standard_normal((5, 3)), rng.standard_normal(3), 0.7
    assert "cholesky" in f.source and "slogdet" not in f.source
    k = x.T @ x / 5 + s * np.eye(3)
    assert np.isclose(f(X=x, y=y, s=s)[0], np.linalg.slogdet(k)[1] + y @ np.linalg.solve(k, y))


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("sigmoid(x)", (0, True), (1, True)),
        ("ones(n) - tanh(x) .^ 2", (0, True), (1, False)),
        ("3*ones(n) - 2*tanh(x)", (1, True), (5, True)),
        ("sigmoid(x) .* tanh(y)", (-1, True), (1, True)),
        ("exp(x) + 2*ones(n)", (2, True), (inf, True)),
        ("exp(x)/(y'*y + 1)", (0, True), (inf, True)),
        ("x .^ 2", (0, False), (inf, True)),
        ("-abs(x)", (-inf, True), (0, False)),
        ("x .^ -3", (-inf, True), (inf, True)),
        ("p - ones(n)", (-1, True), (inf, True)),
        ("p*sigmoid(x)'*q", (0, False), (inf, True)),
    ],
)
def test_the_range_of_an_expression(text, low, high):
    e = parse(text, "x, y: vector(n); p: positive vector(n); q: nonnegative vector(n)")
    n = normalizer(default_rules())
    assert n.attributes.range(n.canonical(e)) == (low, high)
