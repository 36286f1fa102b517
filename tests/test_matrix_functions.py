"""Second derivatives of functions of matrices and of spectra, against JAX of other algorithms."""

import numpy as np
import pytest

from symcalc import RuleError, derive, parse
from tests.test_derive import draw
from tests.test_second import as_matrix, close, double_precision, function_names, of

jax = pytest.importorskip("jax", reason="JAX judges the second derivatives")
jnp = jax.numpy
__all__ = ["double_precision"]

tr = jnp.trace
NODES, WEIGHTS = np.polynomial.legendre.leggauss(60)


def expm(a):
    """Return the series of exp(a/64), squared six times."""
    power = total = jnp.eye(a.shape[0])
    for k in range(1, 13):
        power = power @ a / (64 * k)
        total = total + power
    for _ in range(6):
        total = total @ total
    return total


def logm(a):
    """Return the integral of (a - I)*inv(t*(a - I) + I) over t in [0, 1]."""
    one = jnp.eye(a.shape[0])
    inverses = jnp.linalg.inv((NODES[:, None, None] + 1) / 2 * (a - one) + one)
    return (a - one) @ jnp.tensordot(WEIGHTS, inverses, 1) / 2


def power(a, k):
    return expm(k * logm(a))


def singular_values(a):
    """Return the singular values as square roots of the eigenvalues of the smaller product."""
    small = a.T @ a if a.shape[0] > a.shape[1] else a @ a.T
    return jnp.sqrt(jnp.linalg.eigvalsh(small))


def sym(a):
    return (a + a.T) / 2


def eigvecs_squared(A, C):
    return (C * jnp.linalg.eigh(A)[1] ** 2).sum()


SPD, SYMMETRIC, ONE = "A: spd matrix(n)", "A: symmetric matrix(n)", "A: matrix(n)"
# formula, variable, declarations, in jax.numpy, the Hessian where it is short
FUNCTIONS = [
    ("tr(B*expm(A))", "A", ONE, lambda A, B: tr(B @ expm(A)), "K(n, n)*expm_second_jacobian(A, B)"),
    ("tr(expm(A))", "A", ONE, lambda A: tr(expm(A)), "K(n, n)*expm_jacobian(A)"),
    ("x'*expm(A)*y", "A", ONE, lambda A, x, y: x @ expm(A) @ y, None),
    ("normF(expm(A))^2", "A", ONE, lambda A: (expm(A) ** 2).sum(), None),
    ("tr(expm(X'*X))", "X", "X: matrix(n, m)", lambda X: tr(expm(X.T @ X)), None),
    ("tr(B*logm(A))", "A", ONE, lambda A, B: tr(B @ logm(A)), "K(n, n)*logm_second_jacobian(A, B)"),
    ("tr(A*logm(A))", "A", SPD, lambda A: tr(A @ logm(A)), "logm_jacobian(A)"),
    ("tr(B*A^(1/3))", "A", ONE, lambda A, B: tr(B @ power(A, 1 / 3)),
     "K(n, n)*fpow_second_jacobian(A, 1/3, B)"),
    ("tr(B*A^(-3/2))", "A", SPD, lambda A, B: tr(B @ power(A, -1.5)), None),
    ("tr(A^(5/2))", "A", SPD, lambda A: tr(power(A, 2.5)), "5*fpow_jacobian(A, 3/2)/2"),
    ("tr(B*sqrtm(A))", "A", ONE, lambda A, B: tr(B @ power(A, 0.5)), None),
    ("||X||_*", "X", "X: matrix(2, 4)", lambda X: singular_values(X).sum(), "polar_jacobian(X)"),
    ("||X||_*", "X", "X: matrix(4, 2)", lambda X: singular_values(X).sum(), "polar_jacobian(X)"),
    ("||A*X||_*^2", "X", "A: matrix(4, 4); X: matrix(4, 3)",
     lambda A, X: singular_values(A @ X).sum() ** 2, None),
    ("normspec(X)", "X", "X: matrix(2, 4)", lambda X: singular_values(X)[-1], None),
    ("normspec(X)", "X", "X: matrix(4, 2)", lambda X: singular_values(X)[-1], None),
    ("lambda_max(A)", "A", ONE, lambda A: jnp.linalg.eigvalsh(sym(A))[-1], None),
    ("lambda_max(A)", "A", SYMMETRIC, lambda A: jnp.linalg.eigvalsh(A)[-1],
     "kron(reduced_resolvent_max(A), eigenprojector_max(A)) + "
     "kron(eigenprojector_max(A), reduced_resolvent_max(A))"),
    ("lambda_min(A)", "A", ONE, lambda A: jnp.linalg.eigvalsh(sym(A))[0], None),
    ("lambda_max(X'*X)", "X", "X: matrix(n, m)", lambda X: singular_values(X)[-1] ** 2, None),
    ("x'*eigvals(A)", "A", SYMMETRIC, lambda A, x: x @ jnp.linalg.eigvalsh(A), None),
    ("sum(eigvals(A) .^ 3)", "A", SYMMETRIC, lambda A: tr(A @ A @ A), None),
    ("sum(C .* eigvecs(A) .^ 2)", "A", SYMMETRIC, eigvecs_squared, None),
    ("tr(B*chol(A))", "A", SPD, lambda A, B: tr(B @ jnp.linalg.cholesky(A)), None),
]  # fmt: skip
IDS = [f"{c[0]} {c[2]}" for c in FUNCTIONS]


@pytest.mark.parametrize(("f", "wrt", "where", "function", "hessian"), FUNCTIONS, ids=IDS)
def test_action_and_hessian_are_those_of_jax(f, wrt, where, function, hessian):
    s = derive(f, wrt, where=where).second()
    assert hessian is None or str(s.hessian) == hessian
    point = draw(s.gradient.where)
    x = point[wrt]
    one, two = np.random.default_rng(1).standard_normal((2, *x.shape))
    if "A: s" in where:  # in the space of the symmetric matrices
        one, two = one + one.T, two + two.T
    partials = as_matrix(jax.hessian(of(function, point, wrt))(x), x, x)
    wanted = one.ravel("F") @ partials @ two.ravel("F")
    assert set(function_names(function)) <= set(point)
    close(np.sum(one * s.action.evaluate(**point, H_2=two)), wanted)
    close(one.ravel("F") @ s.hessian.evaluate(**point) @ two.ravel("F"), wanted)
    if "A: s" not in where:
        close(s.hessian.evaluate(**point), partials)


JACOBIANS = [  # formula, declarations, in jax.numpy, the Jacobian
    ("expm(A)", ONE, expm, "expm_jacobian(A)"),
    ("logm(A)", ONE, logm, "logm_jacobian(A)"),
    ("A^(1/3)", ONE, lambda A: power(A, 1 / 3), "fpow_jacobian(A, 1/3)"),
    ("sqrtm(A)", ONE, lambda A: power(A, 0.5), None),
    ("expm(A)*expm(A')", ONE, lambda A: expm(A) @ expm(A.T), None),
    ("polar(A)", ONE, lambda A: A @ power(A.T @ A, -0.5), "polar_jacobian(A)"),
]


@pytest.mark.parametrize(
    ("f", "where", "function", "jacobian"), JACOBIANS, ids=[c[0] for c in JACOBIANS]
)
def test_jacobians_are_those_of_jax(f, where, function, jacobian):
    d = derive(f, "A", where=where)
    assert jacobian is None or str(d.jacobian) == jacobian
    a = draw({"A": "matrix(n)"})["A"]
    close(d.jacobian.evaluate(A=a), as_matrix(jax.jacobian(function)(a), a, a))


@pytest.mark.parametrize(
    ("f", "where"), [("tr(B*eigvecs(A))", SYMMETRIC), ("tr(B*polar(X))", "X: matrix(n, m)")]
)
def test_eigenvectors_and_the_polar_factor_have_a_gradient(f, where):
    d = derive(f, f[-3], where=where)
    for seed in range(4):
        assert d.verify(seed=seed), d.verify(seed=seed)


@pytest.mark.parametrize(
    ("f", "wrt", "function"),
    [
        ("lambda_max(A)", "A", lambda A: jnp.linalg.eigvalsh(sym(A))[-1]),
        ("lambda_min(A)", "A", lambda A: jnp.linalg.eigvalsh(sym(A))[0]),
        ("normspec(A)", "A", lambda A: singular_values(A)[-1]),
    ],
)
def test_eigenvalues_have_derivatives_of_every_order(f, wrt, function):
    third = derive(f, "A", where=ONE).derive("A").derive("A")
    a = draw({"A": "matrix(n)"})["A"]
    gradient = function
    for _ in range(2):
        gradient = (lambda inner: lambda a: tr(jax.grad(inner)(a)))(gradient)
    close(third.evaluate(A=a), jax.grad(gradient)(a))


@pytest.mark.parametrize("f", ["tr(B*expm(A))", "tr(B*logm(A))", "tr(B*A^(1/3))", "||A||_*"])
def test_the_third_derivative_is_refused(f):
    second = derive(f, "A", where=ONE).derive("A", weight="C")
    with pytest.raises(RuleError, match="is not in the rules"):
        _ = second.derive("A", weight="C").gradient


@pytest.mark.parametrize("target", ["jax", "torch"])
@pytest.mark.parametrize("f", ["tr(B*expm(A))", "||A||_*", "normspec(A)", "x'*eigvals(A)"])
def test_other_libraries_agree(f, target):
    library = pytest.importorskip(target)
    s = derive(f, "A", where=SYMMETRIC if "eig" in f else ONE).second()
    point = draw(s.gradient.where)
    arrays = {name: (jnp if target == "jax" else library).asarray(a) for name, a in point.items()}
    names = [v.name for v in s.hessian.variables]
    got = s.compile(target)(**{name: arrays[name] for name in names})
    close(np.asarray(got), s.hessian.evaluate(**point))


REAL_POWERS = [
    ("tr(X^a)", "X", "a*X^(a - 1)"),
    ("tr(X^a)", "a", "tr(logm(X)*X^a)"),
    ("tr(A^(1/2)*B*A^(1/2))", "B", "A"),
    ("tr(A^(-1/2)*B*A^(-1/2))", "B", "inv(A)"),
    ("tr(X^(a/2)*X^(a/2))", "X", "a*X^(a - 1)"),
    ("tr(X*X^(1/2))", "X", "3*X^(1/2)/2"),
    ("tr(inv(X^(1/2))*B)", "B", "X^(-1/2)"),
    ("tr((Y'*Y)^(a/2))", "Y", "a*Y*(Y'*Y)^(a/2 - 1)"),
    ("tr((Y'*Y)^(a/2))^(1/a)", "Y", "tr((Y'*Y)^(a/2))^(1/a - 1)*Y*(Y'*Y)^(a/2 - 1)"),
    ("tr((2*X)*logm(2*X))", "X", "2*(logm(2*X) + I)"),
]
DEFINITE = "X: spd matrix(n); A: spd matrix(n); B: matrix(n); Y: matrix(n, m); a: scalar"


@pytest.mark.parametrize(("f", "x", "gradient"), REAL_POWERS, ids=[f for f, *_ in REAL_POWERS])
def test_real_powers_of_definite_matrices(f, x, gradient):
    d = derive(f, x, where=DEFINITE)
    assert str(d.gradient) == gradient
    assert parse(str(d.gradient), d.gradient.where) is d.gradient
    assert d.verify().passed


def test_a_real_power_has_its_value():
    x = np.array([[2.0, 1.0], [1.0, 3.0]])
    values, vectors = np.linalg.eigh(x)
    wanted = vectors @ np.diag(values**0.7) @ vectors.T
    got = parse("X^a", "X: spd matrix(n); a: scalar").evaluate(X=x, a=0.7)
    np.testing.assert_allclose(got, wanted, rtol=1e-12)


@pytest.mark.parametrize("n", [3, 40])
def test_a_sylvester_equation_of_any_size_is_evaluated(n):
    rng = np.random.default_rng(n)
    a, b, c = rng.standard_normal((n, n)), rng.standard_normal((n, n)), rng.standard_normal((n, n))
    x = parse("sylvester(A, B, C)", "A, B, C: matrix(n)").evaluate(A=a, B=b, C=c)
    assert np.allclose(a @ x + x @ b, c)


@pytest.mark.parametrize(
    ("f", "where"),
    [
        ("normspec(N)", "N: skew matrix(n)"),  # its singular values come in pairs
        ("lambda_max(N'*N)", "N: skew matrix(n)"),
        ("normnuc(N*B*N)", "N: skew matrix(n); B: matrix(n)"),
    ],
)
def test_a_gap_lost_in_rounding_has_no_reciprocal(f, where):
    b = np.random.default_rng(0).normal(size=(5, 5))
    arrays = {"N": b - b.T, "B": b, "H_2": b.T - b}
    names = where.replace("; ", ": ").split(": ")[::2]
    action = derive(f, "N", where=where).second().action
    with np.errstate(all="ignore"):
        assert np.isnan(action.evaluate(**{k: arrays[k] for k in (*names, "H_2")})).all()
