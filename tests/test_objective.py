"""`objective` against NumPy functions and differences; `Expr.compile` and `Expr.code`."""

import numpy as np
import pytest
from scipy.optimize import minimize

from symcalc import EvaluationError, ShapeError, derive, parse
from symcalc.judge import slope

RNG = np.random.default_rng(0)
A, B, X = RNG.standard_normal((5, 3)), RNG.standard_normal((5, 2)), RNG.standard_normal((3, 2))
b, x = RNG.standard_normal(5), RNG.standard_normal(3)
C = A.T @ A + np.eye(3)
SPD = "S: spd matrix(n); C: spd matrix(n); k: scalar"
GAUSS = "k*logdet(S)/2 + tr(inv(S)*C)/2"


def gauss(S):
    return 7 * np.log(np.linalg.det(S)) / 2 + np.trace(np.linalg.inv(S) @ C) / 2


def logistic(w):
    return np.log(1 + np.exp(-np.sign(b) * (A @ w))).sum()


# formula, variable, declarations, start, arrays, the NumPy function of the variable
OBJECTIVES = [
    ("||A*x - b||^2", "x", "b: vector(n)", x, {"A": A, "b": b}, lambda x: ((A @ x - b) ** 2).sum()),
    ("||A*X - B||_F^2 + c*||X||_F^2", "X", "", X, {"A": A, "B": B, "c": 0.5},
     lambda X: ((A @ X - B) ** 2).sum() + 0.5 * (X**2).sum()),
    ("sum(log(1 + exp(-y .* (A*w))))", "w", "", x, {"A": A, "y": np.sign(b)}, logistic),
    (GAUSS, "S", SPD, np.eye(3), {"C": C, "k": 7}, gauss),
    ("||T - U*V'||_F^2", "V", "", X, {"T": B @ X.T, "U": B},
     lambda V: ((B @ X.T - B @ V.T) ** 2).sum()),
    ("sum(exp(t*x))", "t", "t: scalar", 0.3, {"x": x}, lambda t: np.exp(t * x).sum()),
    ("tr(A*L*L')", "L", "L: lower matrix(n)", np.tril(C), {"A": A[:3]},
     lambda L: np.trace(A[:3] @ L @ L.T)),
    ("sum(x .* log(x))", "x", "x: positive vector(n)", abs(x), {}, lambda x: (x * np.log(x)).sum()),
    ("sum(x)^2/n", "x", "x: vector(n); y: vector(n); Z: matrix(n, m)", x, {"Z": A[:3]},
     lambda x: x.sum() ** 2 / 3),
]  # fmt: skip
IDS = [f"{row[0]} by {row[1]}" for row in OBJECTIVES]


@pytest.fixture(params=OBJECTIVES, ids=IDS)
def case(request):
    f, wrt, where, x0, arrays, numpy_function = request.param
    o = derive(f, wrt, where=where or None).objective(x0=x0, **arrays)
    rng = np.random.default_rng(1)
    kept = {"S": lambda e: (e + e.T) / 2, "L": np.tril}.get(wrt, lambda e: e)
    ways = [kept(rng.standard_normal(np.shape(x0))) for _ in range(3)]
    return o, numpy_function, ways


def test_value_gradient_and_hessian(case):
    o, numpy_function, ways = case
    value, gradient = o(o.x0)
    assert isinstance(value, float) and gradient.shape == o.x0.shape
    assert np.isclose(value, numpy_function(o.unflatten(o.x0)))
    for by in ways:
        flat = np.ravel(by)
        wanted = slope(lambda t, by=by: numpy_function(o.unflatten(o.x0) + t * by))
        assert np.isclose(gradient @ flat, wanted, rtol=1e-7, atol=1e-7)
        turned = slope(lambda t, flat=flat: o(o.x0 + t * flat)[1])
        assert np.allclose(o.hessp(o.x0, flat), turned, rtol=1e-6, atol=1e-6)


def test_flattening_is_in_c_order():
    o = derive("||A*X - B||_F^2", "X").objective(X, A=A, B=B)
    assert np.array_equal(o.x0, X.ravel()) and np.array_equal(o.unflatten(o.x0), X)
    assert np.allclose(o(o.x0)[1], (2 * A.T @ (A @ X - B)).ravel())


@pytest.mark.parametrize("options", [{}, {"symmetric": "entries"}, {"layout": "numerator"}])
def test_a_symmetric_variable_is_a_full_array_with_a_symmetric_gradient(options):
    o = derive(GAUSS, "S", where=SPD, **options).objective(np.eye(3), C=C, k=7)
    gradient = o(o.x0)[1].reshape(3, 3)
    assert np.allclose(gradient, (7 * np.eye(3) - C) / 2)
    skew = np.array([[0, 1.0, 0], [-1, 0, 0], [0, 0, 0]]).ravel()
    assert np.array_equal(o.unflatten(o.x0 + skew), np.eye(3))
    assert o(o.x0 + skew)[0] == o(o.x0)[0] and not np.any(o.hessp(o.x0, skew))


METHODS = ["BFGS", "Newton-CG", "trust-ncg", "trust-krylov"]


@pytest.mark.parametrize("method", METHODS)
def test_a_covariance_is_found(method):
    o = derive(GAUSS, "S", where=SPD).objective(np.eye(3), C=C, k=7)
    options = {} if method == "BFGS" else {"hessp": o.hessp}
    found = minimize(o, o.x0, jac=True, method=method, **options)
    assert found.success and np.allclose(o.unflatten(found.x), C / 7, atol=1e-4)


@pytest.mark.parametrize("method", [*METHODS, "L-BFGS-B"])
def test_ridge_regression_is_found(method):
    d = derive("||A*X - B||_F^2 + c*||X||_F^2", "X")
    o = d.objective(np.zeros((3, 2)), A=A, B=B, c=0.5)
    options = {} if "BFGS" in method else {"hessp": o.hessp}
    found = minimize(o, o.x0, jac=True, method=method, **options)
    wanted = np.linalg.solve(A.T @ A + 0.5 * np.eye(3), A.T @ B)
    assert found.success and np.allclose(o.unflatten(found.x), wanted, atol=1e-4)
    assert np.allclose(d.stationary().evaluate(A=A, B=B, c=0.5), wanted)


OUTSIDE = [
    (GAUSS, "S", SPD, np.eye(3), {"C": C, "k": 7}, -np.eye(3)),
    ("-sum(log(x))", "x", "x: positive vector(n)", np.ones(3), {}, np.array([1, -1, 1.0])),
    ("tr(inv(X))", "X", "X: matrix(n)", np.eye(2), {}, np.zeros((2, 2))),
    ("||x||^2", "x", "x: vector(n)", np.ones(2), {}, np.array([np.nan, 1])),
]


@pytest.mark.parametrize(("f", "wrt", "where", "x0", "arrays", "outside"), OUTSIDE)
def test_outside_the_domain_the_value_is_infinite(f, wrt, where, x0, arrays, outside):
    o = derive(f, wrt, where=where).objective(x0, **arrays)
    assert np.isfinite(o(o.x0)[0])
    value, gradient = o(outside.ravel())
    assert value == np.inf and np.isnan(gradient).all() and gradient.shape == o.x0.shape


LS = "||A*X - B||_F^2"
REFUSED = [
    (LS, "X", "", X, {"A": A}, EvaluationError, "no value for B; pass B="),
    (LS, "X", "", X.T, {"A": A, "B": B}, EvaluationError, "X is declared m×p"),
    (LS, "X", "", X, {"A": A, "B": B, "X": X}, EvaluationError, "as x0"),
    (LS, "X", "", X, {"A": A, "B": B, "Q": X}, EvaluationError, "`Q` is not a variable"),
    (GAUSS, "S", SPD, -np.eye(3), {"C": C, "k": 7}, EvaluationError, "x0 is not a spd matrix"),
    (GAUSS, "S", SPD, np.triu(C), {"C": C, "k": 7}, EvaluationError, "x0 is not a spd matrix"),
    ("A*X", "X", "", X, {"A": A}, ShapeError, "not a scalar"),
]


@pytest.mark.parametrize(("f", "wrt", "where", "x0", "arrays", "error", "message"), REFUSED)
def test_what_is_refused(f, wrt, where, x0, arrays, error, message):
    with pytest.raises(error, match=message):
        derive(f, wrt, where=where or None).objective(x0, **arrays)


def test_it_says_what_it_is():
    o = derive(LS, "X").objective(X, A=A, B=B)
    assert repr(o) == "Objective(normF(A*X - B)^2 by X, 6 numbers)"


# -- Expr.compile and Expr.code -----------------------------------------------------------------

FORMULAS = [
    ("A*X - B", "", {"A": A, "X": X, "B": B}, A @ X - B),
    ("x'*C*x/2", "C: matrix(n)", {"C": C, "x": x}, x @ C @ x / 2),
    ("inv(C + c*I)*x", "C: spd matrix(n)", {"C": C, "c": 2.0, "x": x},
     np.linalg.solve(C + 2 * np.eye(3), x)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "where", "arrays", "wanted"), FORMULAS)
def test_compile_takes_what_is_declared_in_its_order(text, where, arrays, wanted):
    e = parse(text, where or None)
    function = e.compile()
    assert np.allclose(function(*[arrays[name] for name in e.where]), wanted)
    scope = {}
    exec(e.code(name="g"), scope)
    assert np.allclose(scope["g"](**arrays), wanted)
    assert function.source == e.code()


def test_code_takes_what_it_needs():
    d = derive("tr(X) + tr(Y)", "X", where="Y: matrix(m); Z: matrix(n); X: matrix(n)")
    assert "def value(Z):" in d.gradient.code()  # the identity has the size of Z, X and Z
    assert "def value(Y, Z, X):" in d.gradient.compile().source
    assert np.array_equal(d.gradient.compile()(np.eye(2), C, C), np.eye(3))


def test_code_for_another_target():
    jax = pytest.importorskip("jax")
    e = parse("A*X - B")
    assert "import jax.numpy" in e.code("jax")
    with jax.enable_x64(True) if hasattr(jax, "enable_x64") else jax.experimental.enable_x64():
        assert np.allclose(e.compile("jax")(A, X, B), A @ X - B)
    with pytest.raises(EvaluationError, match="the target is one of"):
        e.code("cobol")
