"""Array code as people type it means what NumPy makes of the very same text."""

import numpy as np
import pytest

from symcalc import derive, parse
from symcalc.errors import SymcalcError

WHERE = (
    "X: matrix(n, m); W: matrix(m, k); b: vector(k); x: vector(m); y: vector(n); v: vector(n); "
    "s: positive vector(m); A: spd matrix(m)"
)
CODE = [
    # a vector beside a matrix stands for each row
    "np.mean((np.tanh(X @ W + b) - 1/2*(X @ W))**2)",
    "np.sum((X - X.mean(axis=0))**2)",
    "np.sum((X - X.mean(0, keepdims=True))**2)",
    "np.sum((X - np.mean(X, axis=0, keepdims=True))**2)",
    "np.sum(((X - x)/s)**2)",
    "np.sum((x - X)*s - X)",
    "np.abs(b + X @ W - b/2)",
    "np.exp(b - X @ W)/b",
    # products that are methods
    "x.dot(A).dot(x)",
    "x.dot(A.dot(x))",
    "2*x.dot(s)**2/x.dot(x)",
    "X.dot(x).sum()",
    "(X.dot(W)).T.dot(y)",
    # functions of NumPy
    "np.inner(x, s)",
    "np.vdot(X, X)",
    "np.power(s, 3)",
    "np.reciprocal(s)",
    "np.linalg.cholesky(A)",
    "np.linalg.matrix_power(A, 3)",
    "np.linalg.slogdet(A)[1]",
    "np.hypot(y, v)",
    "np.logaddexp(y, v)",
    "np.arctan2(x, s)",
    "np.clip(X, -1/2, 1/2)",
    "np.diff(x)",
    "np.sum(x @ (x @ A))",
    "np.dot(x, x @ A)",
    "np.sum(A @ (x @ A))",
    "np.linalg.norm(X, axis=1) @ np.linalg.norm(W @ W.T @ X.T, axis=0)",
    # methods with arguments, and without a module in front
    "((X @ W - 2*X @ W)**2).sum()",
    "(X * X).sum() + (A @ A).trace()",
    "X.reshape(-1) @ X.reshape(-1)",
    "X.ravel() @ X.flatten()",
    "np.subtract(x, s).dot(np.divide(x, s))",
    "X.shape[0]*(x @ x)/len(x) + X.size + X.sum().item()",
    "np.linalg.norm(X, 2) + np.linalg.norm(x, ord=1) + np.linalg.norm(X, 'fro')",
    # along an axis
    "np.max(X, axis=1) @ y + np.min(X, axis=0) @ x + np.amax(X, -1) @ y + X.max(0).sum()",
    "X.min(axis=1) @ y + np.amax(x) + np.amin(x)",
    "np.var(X, axis=0) @ x + np.std(X, axis=1) @ y",
    "np.cumsum(X, axis=0).sum() + np.sum(np.cumsum(X, axis=1)) + np.cumsum(x, axis=0) @ x",
    "np.sum(np.diff(X, axis=0)**2) + np.sum(np.diff(X, axis=1)**2) + np.sum(np.diff(x, n=2)**2)",
    "np.sum(np.tril(A, -1)**2) + np.sum(np.triu(A, k=1)**3) + np.tril(A, 0).sum()",
    # exponents with entries
    "np.sum(s**x) + np.sum(2**x) + np.sum(np.power(s, x)) + np.sum(np.abs(X)**x)",
    # a power of a power is taken from the right
    "np.sum(x)**2**3 + np.sum(s**-2**2) - 2**np.sum(s)**2",
    "-np.linalg.norm(x)**0.5**2*2**3**2",
]


@pytest.mark.parametrize("text", CODE)
def test_array_code(text):
    rng = np.random.default_rng(5)
    given = {"X": (4, 3), "W": (3, 2), "b": 2, "x": 3, "y": 4, "v": 4}
    arrays = {name: rng.standard_normal(shape) for name, shape in given.items()}
    arrays |= {"s": rng.uniform(0.5, 2, 3), "A": arrays["X"].T @ arrays["X"] + np.eye(3)}
    e = parse(text, WHERE)
    got = e.evaluate(**{name: arrays[name] for name in e.where})
    wanted = eval(text, {"np": np, **arrays})
    assert np.shape(got) == np.shape(wanted)
    np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-12)


def test_it_says_where_a_vector_stands():
    d = derive("np.sum((X @ W + b)**2)", "b", where=WHERE)
    assert str(d.gradient) == "2*(sum(X*W, 0) + n*b)"
    assert "`b` stands in every row, as in NumPy" in d.assumptions


@pytest.mark.parametrize("name", ["gram", "shift", "inner", "power", "tv", "diff"])
def test_names_that_are_never_printed_may_be_declared(name):
    assert str(derive(f"{name}*x'*x", "x", where={name: "scalar"}).gradient) == f"2*{name}*x"


OTHERWISE = [
    ("np.prod(X, axis=1)", "`prod` along the axis 1 is not known"),
    ("X.max(1)[0]", r"`\[0\]` is the values in PyTorch, the first of them in NumPy"),
    ("X.var(dim=0)", "`var` is another function in torch"),
    ("np.var(x, ddof=1)", r"`ddof=` is not read: with n - 1 below"),
    ("np.eye(3, k=1) @ A", r"a shifted identity is embed\(eye\(n - 1\), 0, 1, n, n\)"),
    ("np.cov(X, rowvar=False)", "the argument `rowvar=` is not read"),
    ("sum(A, 2) + sum(A, 0)", "`0` is no axis: axes are counted from 1"),
    ("torch.var(x)", "`var` is another function in torch"),
    ("sd(x) + sum(A %*% x)", "`sd` is another function in R"),
    ("np.sinc(x)", "`sinc` is another function in np"),
    ("np.sum(x[:, None]*X)", "a new axis is not read"),
    ("X.sum(axis=1, keepdims=True)", "kept axes are read behind the axis 0 only"),
    ("np.sum(x @ s.T)", "of 1-D arrays is x'\\*y, of columns x\\*y'"),
    ("np.linalg.norm(X, 1)", "`norm`: slot x is n×1"),
    ("np.var(x @ s)", "`var` of a number"),
    ("x(1) + x(2)", r"`x\(1\)`: an entry is `x\[0\]`"),
    ("x.unknown(2)", "unknown function `unknown`"),
    ("np.e*x", "unknown function `e` behind `np.`"),
    ("scipy.special.psi(x)", "unknown function `psi`"),
]


@pytest.mark.parametrize(("text", "message"), OTHERWISE)
def test_what_a_library_means_otherwise_is_refused(text, message):
    with pytest.raises(SymcalcError, match=message):
        parse(text, WHERE)


TORCH_CODE = [
    ("(X @ x - y).pow(2).mean()", "mean((X*x - y) .^ 2)"),
    ("x.exp().mul(s).sum()", "sum(exp(x) .* s)"),
    ("torch.mul(X, X).sum()", "sum(X .* X)"),
    ("torch.norm(X, 2) + X.norm(p=1)", "normF(X) + norm1(X)"),
    ("F.relu(X @ x).sum()", "sum(relu(X*x))"),
    ("F.softmax(x, dim=0) @ s + torch.logsumexp(x, -1)", "softmax(x)'*s + logsumexp(x)"),
    ("torch.softmax(X, dim=-1).sum()", "sum(softmax(X, 1))"),
    ("X.view(-1) @ X.view(-1)", "vec(X')'*vec(X')"),
]


@pytest.mark.parametrize(("text", "meaning"), TORCH_CODE)
def test_code_of_pytorch(text, meaning):
    assert parse(text, WHERE) is parse(meaning, WHERE)


@pytest.mark.parametrize("text", ["(A*x).trace()", "A.inv()*x", "(A*x).norm()"])
def test_methods_that_matrices_of_sympy_have_leave_products_alone(text):
    where = "A: matrix(n); x: matrix(n)"
    assert ".*" not in str(parse(text, where))


R_CODE = [
    ("sum(X * W %*% X)", "sum(X .* (W*X))"),
    ("sum(-y * A %*% x)", "sum(-y .* (A*x))"),
    ("sum(X^-1) + sum(A %*% x)", "sum(X .^ -1) + sum(A*x)"),
    ("sum(A %*% x)^2^3", "sum(A*x)^8"),
]


@pytest.mark.parametrize(("text", "meaning"), R_CODE)
def test_signs_bind_as_in_r(text, meaning):
    where = {
        "X": "matrix(n)",
        "W": "matrix(n)",
        "A": "matrix(n)",
        "x": "vector(n)",
        "y": "vector(n)",
    }
    assert parse(text, where) is parse(meaning, where)


@pytest.mark.parametrize("text", ["tr(X, A)", "transpose(X, A)"])
def test_an_argument_too_many_is_refused(text):
    with pytest.raises(SymcalcError, match="takes 1 argument"):
        parse(text)


def test_the_larger_of_one_is_itself():
    assert str(derive("sum(max(x, x))", "x").gradient) == "ones(n)"
