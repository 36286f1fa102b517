"""Operations by rows and columns, of eigenvalues, fractional powers, larger and smaller entries."""

import math

import numpy as np
import pytest

from symcalc import RuleError, ShapeError, derive, parse
from symcalc.expr import in_scope
from symcalc.rulebook import default_rules
from symcalc.sample import sample
from symcalc.simplify import simplify

# Formula, variable, declarations, gradient (None: only the value counts).
GRADIENTS = [
    ("sum(logsumexp(X*W, 1)) - tr(Y'*X*W)", "W", None, "X'*(softmax(X*W, 1) - Y)"),
    ("-sum(Y .* log(softmax(X*W, 1)))", "W", None, "X'*(diag(sum(Y, 1))*softmax(X*W, 1) - Y)"),
    ("-y'*log(softmax(W*x))", "W", None, "(sum(y)*softmax(W*x) - y)*x'"),
    ("sum(logsumexp(X, 0))", "X", None, "softmax(X, 0)"),
    ("tr(A*softmax(X, 1))", "X", None, None),
    ("tr(A*softmax(X, 0))", "X", None, None),
    ("||softmax(Q*K'/sqrt(n), 1)*V||_F^2", "Q", "Q: matrix(m, n); K: matrix(p, n)", None),
    ("sum(softmax(X, 1))", "X", None, "zeros(n, m)"),
    ("sum(max(0, 1 - y .* (X*w)))", "w", None, "-X'*(heaviside(ones(n) - y .* (X*w)) .* y)"),
    ("sum(max(X, 0) .^ 2)", "X", None, "2*relu(X)"),
    ("-y'*log(sigmoid(X*w)) - (1 - y)'*log(1 - sigmoid(X*w))", "w", None, "X'*(sigmoid(X*w) - y)"),
    ("log(sum(exp(A*x)))", "x", None, "A'*softmax(A*x)"),
    ("sum(W .* log(ones(n, m) + exp(X*Y)))", "X", None, "(W .* sigmoid(X*Y))*Y'"),
    ("logdet(I + inv(U)*X)", "X", "U: spd matrix(n)", "inv(U + X)'"),
    ("tr(S*(X - ones(n)*x')'*(X - ones(n)*x'))", "S", "X: matrix(n, m)",
     "(X - ones(n)*x')'*(X - ones(n)*x')"),
    ("tr(X*inv(Y)) - logdet(X*inv(Y))", "Y", "X: spd matrix(n); Y: spd matrix(n)",
     "inv(Y)*(Y - X)*inv(Y)"),
    ("sum(log(eigvals(X)))", "X", "X: spd matrix(n)", "inv(X)"),
    ("sum(silu(A*x))", "x", None, None),
    ("sum(log_softmax(X, 1) .* Y)", "X", None, "Y - diag(sum(Y, 1))*softmax(X, 1)"),
    ("a'*cross(x, A*x)", "x", "a: vector(3); x: vector(3); A: matrix(3)",
     "A'*cross(a, x) + cross(A*x, a)"),
    ("||B - A*khatri_rao(X, Y)||_F^2", "X", None, None),
    ("sum(min(x, y))", "x", None, "heaviside(y - x)"),
    ("sum(maximum(x, y))", "y", None, "ones(n) - heaviside(x - y)"),  # what is left of 1
    ("max(X)", "X", None, "argmax(X)"),
    ("max(abs(X))", "X", None, "sign(X) .* argmax(abs(X))"),
    ("min(A*x)", "x", None, None),
    ("sum(eigvals(X))", "X", "X: symmetric matrix(n)", "I"),
    ("tr(X^(1/2))", "X", "X: spd matrix(n)", "X^(-1/2)/2"),
    ("tr(X^p)", "X", "X: spd matrix(n); p: scalar", "p*X^(p - 1)"),
    ("tr(X^k)", "X", None, "k*(X^(k - 1))'"),
    ("logdet(X^(1/3))", "X", "X: spd matrix(n)", "inv(X)/3"),
    ("mean(X)", "X", None, "ones(n, m)/(n*m)"),
    ("sum(mean(X, 0) .^ 2)", "X", None, "2*ones(n, n)*X/n^2"),
    ("y'*mean(X, 1)", "X", None, "y*ones(m)'/m"),
    ("sum(eigvals(X) .^ 3)", "X", "X: symmetric matrix(n)",
     "3*eigvecs(X)*diag(eigvals(X) .^ 2)*eigvecs(X)'"),
    ("tr(A*X^(3/2))", "X", "X: spd matrix(n)", None),
    ("tr(A*X^(-1/2))", "X", "X: spd matrix(n)", None),
    ("sum(x .^ y)", "x", "x: positive vector(n); y: vector(n)", "x .^ y .* y ./ x"),
    ("sum(x .^ y)", "y", "x: positive vector(n); y: vector(n)", "log(x) .* x .^ y"),
    ("prod(x .^ y)", "x", "x: positive vector(n); y: vector(n)", "prod(x .^ y)*(y ./ x)"),
    ("sum(x .^ x)", "x", "x: positive vector(n)", "x .^ x .* (ones(n) + log(x))"),
    ("sum(log(x .^ y))", "y", "x: positive vector(n); y: vector(n)", "log(x)"),
    ("z'*(c .^ x)", "x", "c: positive scalar; x: vector(n)", "log(c)*(c .^ x .* z)"),
    ("z'*(c .^ x)", "c", "c: positive scalar; x: vector(n)", None),
    ("tr(A*X .^ P)", "P", "X: positive matrix(n, m); P: matrix(n, m)", None),
    ("tr(A*X .^ (P'))", "X", "X: positive matrix(n, m); P: matrix(m, n)", None),
    ("sum(2 .^ (A*x))", "x", None, "log(2)*A'*2 .^ (A*x)"),
    ("sum(amax(X*Y, 1))", "Y", None, "X'*argmax(X*Y, 1)"),
    ("z'*amin(X, 1)", "X", None, "diag(z)*argmax(-X, 1)"),
    ("z'*amax(X, 0)", "X", None, None),
    ("z'*amin(X, 0)", "X", None, None),
    ("sum(amax(X, 1) .^ 2)", "X", None, "2*diag(amax(X, 1))*argmax(X, 1)"),
]  # fmt: skip
FIRST_ORDER = [("tr(A*X^k)", "X", "k: scalar", "power_differential(X, k, A)'")]


def names(cases):
    return [f"{c[0]} by {c[1]}" for c in cases]


@pytest.mark.parametrize(
    ("f", "wrt", "where", "gradient"), [*GRADIENTS, *FIRST_ORDER],
    ids=names([*GRADIENTS, *FIRST_ORDER]),
)  # fmt: skip
def test_a_gradient(f, wrt, where, gradient):
    d = derive(f, wrt, where=where)
    assert gradient is None or str(d.gradient) == gradient
    assert d.verify(), d.verify()
    assert parse(str(d.gradient), d.gradient.where) is d.gradient


@pytest.mark.parametrize(("f", "wrt", "where", "gradient"), GRADIENTS, ids=names(GRADIENTS))
def test_a_second_differential(f, wrt, where, gradient):
    second = derive(f, wrt, where=where).second()
    assert second.verify(), second.verify()


@pytest.mark.parametrize(("f", "wrt", "where", "gradient"), FIRST_ORDER, ids=names(FIRST_ORDER))
def test_a_second_derivative_that_no_rule_gives_is_refused(f, wrt, where, gradient):
    with pytest.raises(RuleError, match="with a number as exponent"):
        _ = derive(f, wrt, where=where).second().action


@pytest.mark.parametrize(
    ("f", "gradient"),
    [
        ("tr(A*Q)", "(A' - Q*A*Q)/2"),
        ("tr(Q'*A*Q*S)", None),
        ("||A*Q - S||_F^2", None),
        ("tr(Q'*S*Q)", "zeros(n, n)"),
    ],
)
def test_the_gradient_along_the_orthogonal_matrices(f, gradient):
    where = "Q: orthogonal matrix(n); A: matrix(n); S: symmetric matrix(n)"
    d = derive(f, "Q", where=where)
    g = d.riemannian_gradient
    assert gradient is None or str(g) == gradient
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((2, 4, 4))
    q, w = np.linalg.qr(b)[0], a - a.T
    arrays = {"A": a, "S": b + b.T}

    def along(t):  # exp(t*w) by its series: w is small
        step = sum(np.linalg.matrix_power(t * w, k) / math.factorial(k) for k in range(12))
        return d.function.evaluate(Q=q @ step, **arrays)

    value = g.evaluate(Q=q, **arrays)
    np.testing.assert_allclose(q.T @ value + value.T @ q, 0, atol=1e-12)  # it is tangent
    slope = (along(1e-4) - along(-1e-4)) / 2e-4
    assert np.sum(value * (q @ w)) == pytest.approx(slope, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(
    ("f", "q", "gradient"),
    [
        ("tr(Q'*S*Q)", "matrix(n, k)", "2*(I - Q*Q')*S*Q"),
        ("tr(B'*Q)", "matrix(n, k)", "B - Q*(B'*Q + Q'*B)/2"),
        ("||S*Q - B||_F^2", "matrix(n, k)", None),
        ("tr(Q'*S*Q*diag(h))", "matrix(n, k)", None),
        ("tr(Q'*Q)", "matrix(n, k)", "zeros(n, k)"),
        ("Q'*S*Q", "vector(n)", "2*(S*Q - (Q'*S*Q)*Q)"),
    ],
)
def test_the_gradient_along_orthonormal_columns(f, q, gradient):
    where = f"Q: orthonormal {q}; S: symmetric matrix(n); B: matrix(n, k); h: vector(k)"
    d = derive(f, "Q", where=where)
    g = d.riemannian_gradient
    assert gradient is None or str(g) == gradient
    rng = np.random.default_rng(5)
    s, k = rng.standard_normal((5, 5)), 2
    arrays = {"S": s + s.T, "B": rng.standard_normal((5, k)), "h": rng.standard_normal(k)}
    start = np.linalg.qr(rng.standard_normal((5, k if q[0] == "m" else 1)))[0]
    shape = (5, k) if q[0] == "m" else (5,)
    v = rng.standard_normal(start.shape)
    v = v - start @ (start.T @ v + v.T @ start) / 2  # a tangent, as (start + t*v) stays orthonormal

    def along(t):  # the nearest matrix with orthonormal columns
        left, _, right = np.linalg.svd(start + t * v, full_matrices=False)
        return d.function.evaluate(Q=np.reshape(left @ right, shape), **arrays)

    value = np.reshape(g.evaluate(Q=np.reshape(start, shape), **arrays), start.shape)
    np.testing.assert_allclose(start.T @ value + value.T @ start, 0, atol=1e-12)  # it is tangent
    slope = (along(1e-4) - along(-1e-4)) / 2e-4
    assert np.sum(value * v) == pytest.approx(slope, rel=1e-5, abs=1e-6)


# expression, declarations, its simplest form: of orthonormal columns, and of orthogonal matrices
ORTHONORMAL = [
    ("Q'*Q", "Q: orthonormal matrix(n, k)", "eye(k)"),
    ("Q*Q'", "Q: orthonormal matrix(n, k)", "Q*Q'"),
    ("Q*Q'*Q", "Q: orthonormal matrix(n, k)", "Q"),
    ("Q*Q'", "Q: orthonormal matrix(n)", "I"),
    ("pinv(Q)", "Q: orthonormal matrix(n, k)", "Q'"),
    ("pinv(Q')", "Q: orthonormal matrix(n, k)", "Q"),
    ("||Q*x||^2", "Q: orthonormal matrix(n, k); x: vector(k)", "x'*x"),
    ("||Q'*x||^2", "Q: orthonormal matrix(n, k); x: vector(n)", "x'*Q*Q'*x"),
    ("(2*Q)'*(2*Q)", "Q: orthonormal matrix(n, k)", "4*eye(k)"),
    ("pinv(Q*R)", "Q: orthonormal matrix(n, k); R: orthonormal matrix(k, m)", "R'*Q'"),
    ("pinv(2*Q)", "Q: orthonormal matrix(n, k)", "Q'/2"),
    ("q'*q", "q: orthonormal vector(n)", "1"),
    ("inv(Q)*Q'", "Q: orthogonal matrix(n)", "(Q^2)'"),
]


@pytest.mark.parametrize(("text", "where", "shown"), ORTHONORMAL)
def test_orthonormal_columns_are_used(text, where, shown):
    e = parse(text, where)
    short = in_scope(simplify(e, default_rules()), e.declared())
    assert str(short) == shown
    sizes = {"n": 6, "k": 4, "m": 3}
    rng = np.random.default_rng(2)
    arrays = {v.name: sample(v, sizes, rng) for v in e.variables}
    assert all(is_orthonormal(arrays[name]) for name in arrays if name in "QRq")
    np.testing.assert_allclose(short.evaluate(**arrays), e.evaluate(**arrays), atol=1e-12)


def is_orthonormal(a):
    a = a.reshape(len(a), -1)
    return np.allclose(a.T @ a, np.eye(a.shape[1]))


@pytest.mark.parametrize("where", ["Q: orthonormal matrix(n, k)", "Q: orthonormal matrix(k, n)"])
def test_points_with_orthonormal_columns_are_not_wider_than_high(where):
    assert derive("||Q*Q'*A - A||_F^2", "A", where=where).verify().passed


def test_only_an_orthogonal_variable_has_a_riemannian_gradient():
    with pytest.raises(ShapeError, match=r"`X` is not declared orthogonal or orthonormal"):
        _ = derive("tr(A*X)", "X").riemannian_gradient


def test_a_size_is_read_off_a_product_of_sizes():
    d = derive("tr(A*kron(eye(n), F)')", "F", where="A: matrix(n*p); F: matrix(p)")
    a, f = np.arange(36.0).reshape(6, 6), np.eye(3)
    blocks = a[:3, :3] + a[3:, 3:]
    np.testing.assert_array_equal(d.gradient.evaluate(A=a, F=f), blocks)
    np.testing.assert_array_equal(d.compile()(A=a, F=f)[1], blocks)


def test_the_jacobian_of_a_vector_product():
    d = derive("cross(a, x)", "x", where="a: vector(3); x: vector(3)")
    assert str(d.jacobian) == "[0, -a[2], a[1]; a[2], 0, -a[0]; -a[1], a[0], 0]"
