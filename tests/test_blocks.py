"""Blocks, entries, unspecified functions and variables that depend on scalars."""

import numpy as np
import pytest

from symcalc import EvaluationError, derive, parse

# Formula, variable, declarations, gradient; the value is compared with differences, JAX and
# PyTorch, which know nothing of our rules.
GRADIENTS = [
    ("X[0, 1]^2", "X", None, "2*X[0, 1]*unit(0, n)*unit(1, m)'"),
    ("X[0, 1]*X[1, 0]", "X", "X: matrix(n)", None),
    ("a'*X[:, 1]", "X", "a: vector(n)", "a*unit(1, m)'"),
    ("(A*X*B)[0, 1]", "X", None, "A[0, :]'*B[:, 1]'"),
    ("X[1, :]*A*X[1, :]'", "X", None, "unit(1, n)*X[1, :]*(A + A')"),
    ("sum(X[:, 0] .* X[:, 1])", "X", None, "X[:, 1]*unit(0, m)' + X[:, 0]*unit(1, m)'"),
    ("x[1]^3*x[0]", "x", None, "x[1]^2*(3*x[0]*unit(1, n) + x[1]*unit(0, n))"),
    ("exp(x[0]) + x'*x", "x", None, None),
    ("tr(X[0:2, 1:3]*A)", "X", "X: matrix(4, 5)", None),
    ("||X[1:, :]||_F^2", "X", None, None),
    ("||x[1:n] - x[0:n-1]||^2", "x", "x: vector(n)", None),
    ("det(X[0:2, 0:2])", "X", "X: matrix(3, 4)", None),
    ("tr([A, X; X', B])", "X", None, "zeros(n, m)"),
    ("logdet([A, X; X', B])", "A", "A: spd matrix(n); B: spd matrix(m); X: matrix(n, m)", None),
    ("logdet([A, X; X', B])", "X", "A: matrix(n); B: matrix(m)",
     "inv([A, X; X', B])[0:n, n:m + n] + inv([A, X; X', B])[n:m + n, 0:n]'"),
    ("logdet([A, X; X', B])", "X", "A: symmetric matrix(n); B: symmetric matrix(m)",
     "2*inv([A, X; X', B])[0:n, n:m + n]"),
    ("||A - S[0:n, n:2*n]||_F^2", "A", "A: matrix(n); S: symmetric matrix(2*n)",
     "2*(A - S[0:n, n:2*n])"),
    ("tr(A*(S[0:n, n:2*n] + S[n:2*n, 0:n]'))", "A", "A: matrix(n); S: symmetric matrix(2*n)",
     "2*S[n:2*n, 0:n]"),
    ("tr(X*S[n:2*n, 0:n])", "X", "X: symmetric matrix(n); S: symmetric matrix(2*n)",
     "(S[0:n, n:2*n] + S[n:2*n, 0:n])/2"),
    ("||[A; B]*x - [y; z]||^2", "x", None, "2*[A', B']*([A; B]*x - [y; z])"),
    ("||[A, x]||_F^2", "x", None, "2*x"),
    ("[x; 1]'*A*[x; 1]", "x", "A: matrix(n+1)", "((A + A')*[x; 1])[0:n]"),
    ("tr([A, 0; 0, X]*M)", "X", "A: matrix(n); X: matrix(m); M: matrix(n+m)", None),
    ("det([a, b; c, d]*X)", "a", "X: matrix(2)", None),
    ("sum([x, y]*z)", "x", None, None),
    ("sum(phi(W*x))", "W", "phi: entrywise", "phi'(W*x)*x'"),
    ("sum(phi(W*x))", "x", "phi: entrywise", "W'*phi'(W*x)"),
    ("||Y - phi(X*W)||_F^2", "W", "phi: entrywise", "-2*X'*((Y - phi(X*W)) .* phi'(X*W))"),
    ("y'*phi(A*psi(B*x))", "x", "phi: entrywise; psi: entrywise",
     "B'*((A'*(phi'(A*psi(B*x)) .* y)) .* psi'(B*x))"),
    ("sum(phi'(x))", "x", "phi: entrywise", "phi''(x)"),
    ("phi(x'*x)", "x", "phi: entrywise", "2*phi'(x'*x)*x"),
    ("logdet(K)", "theta", "K: spd matrix(n) of theta", "tr(inv(K)*dK_theta)"),
    ("y'*inv(K)*y + logdet(K)", "theta", "K: spd matrix(n) of theta; y: vector(n)", None),
    ("tr(K)*theta^2", "theta", "K: matrix(n) of theta", "theta*(2*tr(K) + theta*tr(dK_theta))"),
    ("x'*A*x", "t", "x: vector(n) of t; A: symmetric matrix(n)", "2*dx_t'*A*x"),
    ("x'*A*x", "x", "x: vector(n) of t; A: symmetric matrix(n)", "2*A*x"),
    ("tr(A*B)", "t", "A: matrix(n) of t, s; B: matrix(n) of t", "tr(A*dB_t) + tr(B*dA_t)"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("f", "wrt", "where", "gradient"), GRADIENTS, ids=[f"{c[0]} by {c[1]}" for c in GRADIENTS]
)
def test_a_gradient(f, wrt, where, gradient):
    d = derive(f, wrt, where=where)
    assert gradient is None or str(d.gradient) == gradient
    assert d.verify(), d.verify()
    assert d.second().verify(), d.second().verify()
    assert parse(str(d.gradient), d.gradient.where) is d.gradient


@pytest.mark.parametrize("library", ["jax", "torch"])
@pytest.mark.parametrize(
    ("f", "wrt", "where"), [c[:3] for c in GRADIENTS], ids=[f"{c[0]} by {c[1]}" for c in GRADIENTS]
)
def test_automatic_differentiation_agrees(f, wrt, where, library):
    pytest.importorskip(library)
    d = derive(f, wrt, where=where)
    assert d.verify(against=library), d.verify(against=library)
    assert d.second().verify(against=library), d.second().verify(against=library)


@pytest.mark.parametrize(
    ("text", "where", "shown", "shape"),
    [
        ("[A, B; C, D]", None, "[A, B; C, D]", None),
        ("[A, 0; 0, B]", None, "[A, zeros(n, q); zeros(p, m), B]", None),
        ("[A, I; 0, A]", "A: matrix(n)", "[A, I; zeros(n, n), A]", None),
        ("[1, 2; 3, 4]", None, "[1, 2; 3, 4]", (2, 2)),
        ("[[A; B], C]", None, "[[A; B], C]", None),
        ("[A, B, C; D, E, F]", None, "[A, B, C; D, E, F]", None),
        ("[x; y]", "x: vector(2); y: vector(3)", "[x; y]", (5, 1)),
        ("X[n-1, :]", "X: matrix(n, m)", "X[n - 1, :]", (1, "m")),
        ("X[:2, 1:]", "X: matrix(3, 4)", "X[0:2, 1:4]", (2, 3)),
        ("(A*X)[0, 1]", None, "(A*X)[0, 1]", (1, 1)),
        ("X[i, j]", None, "X[i, j]", (1, 1)),
        ("X'[0, 1]", None, "X'[0, 1]", (1, 1)),
        ("x'[1]", None, "x'[0, 1]", (1, 1)),
        ("A [x]", "A: matrix(n)", "A*x", ("n", 1)),
    ],
)
def test_blocks_and_entries_read_and_print(text, where, shown, shape):
    e = parse(text, where)
    assert str(e) == shown
    assert shape in (None, e.shape)
    assert parse(str(e), e.where) is e
    assert parse(e.latex(), e.where) is e


def test_blocks_and_entries_have_the_values_of_numpy():
    rng = np.random.default_rng(5)
    a, b, c, d = (rng.standard_normal(s) for s in ((2, 3), (2, 1), (4, 3), (4, 1)))
    got = parse("[A, B; C, D]", "B: matrix(2, 1); D: matrix(4, 1)").evaluate(A=a, B=b, C=c, D=d)
    np.testing.assert_array_equal(got, np.block([[a, b], [c, d]]))
    np.testing.assert_array_equal(parse("X[1, :]").evaluate(X=c), c[1])
    np.testing.assert_array_equal(parse("X[:, 2]").evaluate(X=c), c[:, 2])
    np.testing.assert_array_equal(parse("X[1:3, 0:2]").evaluate(X=c), c[1:3, :2])
    assert parse("X[3, 2]").evaluate(X=c) == c[3, 2]


def test_a_symbolic_index_takes_its_value_at_evaluation():
    x = np.arange(12.0).reshape(3, 4)
    d = derive("X[i, j]^2", "X")
    wanted = np.zeros((3, 4))
    wanted[2, 1] = 2 * x[2, 1]
    np.testing.assert_array_equal(d.gradient.evaluate(X=x, i=2, j=1), wanted)
    with pytest.raises(EvaluationError, match=r"the size i is not known"):
        d.gradient.evaluate(X=x)


def test_a_given_function_brings_its_derivatives():
    d = derive("sum(phi(W*x))", "x", where="phi: entrywise")
    rng = np.random.default_rng(0)
    w, x = rng.standard_normal((3, 2)), rng.standard_normal(2)
    got = d.gradient.evaluate(phi=(np.sin, np.cos), W=w, x=x)
    np.testing.assert_allclose(got, w.T @ np.cos(w @ x))
    value, gradient = d.compile()(phi=(np.sin, np.cos), W=w, x=x)
    np.testing.assert_allclose(value, np.sum(np.sin(w @ x)))
    np.testing.assert_allclose(gradient, got)
    with pytest.raises(EvaluationError, match=r"a derivative of phi is needed: pass phi=\(f, df"):
        d.gradient.evaluate(phi=np.sin, W=w, x=x)


def test_a_parameter_is_only_needed_where_it_occurs():
    g = derive("logdet(K)", "theta", where="K: spd matrix(n) of theta").gradient
    k, dk = np.diag([2.0, 4.0]), np.eye(2)
    assert g.evaluate(K=k, dK_theta=dk) == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("f", "assumed"),
    [
        ("logdet(X*X' + eye(n))", "X: matrix(n, m)"),
        ("||A*X - ones(n, m)||_F^2", "X: matrix(p, m)"),
        ("sum(X[0:k, :])", "X: matrix(n, m)"),
        ("sum(X[n, :])", "X: matrix(m, p)"),
    ],
)
def test_an_inferred_size_is_no_name_that_stands_in_the_formula(f, assumed):
    assert assumed in derive(f, "X").assumptions
