"""`stationary`: the slope of the function, by differences, is zero at what is returned."""

import numpy as np
import pytest

from symcalc import StationaryError, derive
from symcalc.judge import directional
from symcalc.sample import choose_sizes, inside, sample, structured
from symcalc.stationary import conditions

GAUSS = "-k*logdet(S)/2 - tr(inv(S)*C)/2"
LIKELY = "S: spd matrix(n); C: spd matrix(n); k: positive scalar"
MAP = "mu: vector(p); m: vector(p); S: spd matrix(p); T: spd matrix(p)"
WEIGHTED = "b: vector(n); W: spd matrix(n)"
LINEAR = "b: vector(n); G: matrix(k, m)"
POSITIVE = "s: positive scalar; k: positive scalar; c: positive scalar"

# formula, variable, declarations, the point
SOLVED = [
    # least squares: ordinary, ridge, weighted, Tikhonov with an operator, smoothing
    ("||A*x - b||^2", "x", "b: vector(n)", "pinv(A)*b"),
    ("||A*X - B||_F^2", "X", "", "pinv(A)*B"),
    ("||A*x - b||^2 + c*||x||^2", "x", "b: vector(n); c: positive scalar",
     "inv(A'*A + c*I)*A'*b"),
    ("||A*X - B||_F^2 + c*||X||_F^2", "X", "c: positive scalar", "inv(A'*A + c*I)*A'*B"),
    ("(A*x - b)'*W*(A*x - b)", "x", WEIGHTED, "inv(A'*W*A)*A'*W*b"),
    ("||A*x - b||^2 + ||G*x||^2", "x", LINEAR, "inv(A'*A + G'*G)*A'*b"),
    ("||A*x - b||^2 + c*||G*x - h||^2", "x", LINEAR + "; c: positive scalar",
     "inv(A'*A + c*G'*G)*(A'*b + c*G'*h)"),
    ("||x - y||^2 + c*||A*x||^2", "x", "c: positive scalar", "inv(c*A'*A + I)*y"),
    ("tr((X*W - Y)'*D*(X*W - Y)) + c*tr(W'*W)", "W",
     "D: spd matrix(n); c: positive scalar", "inv(X'*D*X + c*I)*X'*D*Y"),
    ("||y - K*u||^2 + c*u'*K*u", "u", "K: spd matrix(n); u: vector(n); c: positive scalar",
     "inv(K + c*I)*y"),
    # estimation: linear MMSE, Wiener filter, Kalman gain, means and covariances
    ("tr((X - W*Y)*(X - W*Y)')", "W", "", "X*pinv(Y)"),
    ("tr(Q - W*C' - C*W' + W*R*W')", "W", "Q: matrix(n); R: spd matrix(m)", "C*inv(R)"),
    ("tr((X - W*H*X)*(X - W*H*X)') + c*||W||_F^2", "W", "c: positive scalar", None),
    ("tr((I - K*H)*P*(I - K*H)' + K*R*K')", "K", "P: spd matrix(n); R: spd matrix(m)",
     "P*H'*inv(H*P*H' + R)"),
    ("(x - mu)'*inv(S)*(x - mu)", "mu", "mu: vector(n); S: spd matrix(n)", "x"),
    ("(x - mu)'*inv(S)*(x - mu) + (mu - m)'*inv(T)*(mu - m)", "mu", MAP,
     "inv(inv(S) + inv(T))*(inv(S)*x + inv(T)*m)"),
    ("tr((X - ones(n)*mu')*inv(S)*(X - ones(n)*mu')')", "mu",
     "mu: vector(p); S: spd matrix(p); X: matrix(n, p)", "mean(X, 0)"),
    (GAUSS, "S", LIKELY, "C/k"),
    ("k*logdet(S) - tr(S*C)", "S", LIKELY, "k*inv(C)"),
    ("k*logdet(X) - tr(X*C)", "X", "X: matrix(n); C: matrix(n); k: positive scalar",
     "k*inv(C)"),
    ("k*log(s)/2 + c/(2*s)", "s", POSITIVE, "c/k"),
    ("k*log(s) - c*s", "s", POSITIVE, "k/c"),
    # factorisation with one factor fixed
    ("||T - U*V'||_F^2", "U", "", "T*pinv(V)'"),
    ("||T - U*V'||_F^2", "V", "", "T'*pinv(U)'"),
    ("||T - U*V'||_F^2 + c*||U||_F^2", "U", "c: positive scalar", "T*V*inv(V'*V + c*I)"),
    ("||X - a*b'||_F^2", "a", "a: vector(n); b: vector(m)", "X*b/(b'*b)"),
    # quadratic forms
    ("x'*A*x/2 - b'*x", "x", "A: spd matrix(n)", "inv(A)*b"),
    ("x'*A*x - b'*x", "x", "", "inv(A + A')*b"),
    ("x'*A*x - tr(A)", "x", "A: spd matrix(n)", "zeros(n)"),
    ("tr(X'*A*X)/2 - tr(B'*X)", "X", "A: spd matrix(n); X: matrix(n, m)", "inv(A)*B"),
    ("tr(X'*A*X*B)/2 - tr(C'*X)", "X", "A: spd matrix(n); B: spd matrix(m)",
     "inv(A)*C*inv(B)"),
    ("(a'*x - b)^2 + c*||x||^2", "x", "a: vector(n); c: positive scalar", None),
    # terms on both sides: Sylvester, and by all entries
    ("tr(X'*A*X)/2 + tr(X*B*X')/2 - tr(C'*X)", "X", "A: spd matrix(n); B: spd matrix(m)",
     "sylvester(A, B, C)"),
    ("||A*X*B - C||_F^2", "X", "", "pinv(A)*C*pinv(B)"),
    ("||A*X*B - C||_F^2 + c*||X||_F^2", "X", "c: positive scalar", None),
    ("||A*X + X*B - C||_F^2", "X", "A: spd matrix(n); B: spd matrix(m)", None),
    ("(tr(X) - c)^2 + d*||X||_F^2", "X", "d: positive scalar", None),
    ("||A*X' - B||_F^2", "X", "", "B'*pinv(A)'"),
    # entry by entry, and scalars
    ("||M .* X - C||_F^2", "X", "M: positive matrix(n, m)", "C ./ M"),
    ("||m .* x - y||^2 + c*||x||^2", "x", "m: vector(n); c: positive scalar", None),
    ("||diag(x)*A - B||_F^2", "x", "", None),
    ("||y - t*x||^2", "t", "t: scalar", "x'*y/(x'*x)"),
    ("sum((x - t) .^ 2)", "t", "x: vector(n); t: scalar", "mean(x)"),
    # what is never zero is dropped
    ("exp(-||x - y||^2)", "x", "", "y"),
    ("log(1 + ||A*x - b||^2)", "x", "b: vector(n)", "pinv(A)*b"),
    # structured variables
    ("||X - C||_F^2", "X", "X: symmetric matrix(n)", "(C + C')/2"),
    ("||X - C||_F^2", "X", "X: skew matrix(n)", "(C - C')/2"),
    ("||A*X - B||_F^2", "X", "A: matrix(n, m); X: symmetric matrix(m)",
     "sylvester(A'*A, A'*A, A'*B + B'*A)"),
]  # fmt: skip
IDS = [f"{f} by {x}" for f, x, *_ in SOLVED]


def slopes(d, solution, seed):
    """Return slopes of the function at the solution, and beside it, along random directions."""
    rng = np.random.default_rng(seed)
    sizes = choose_sizes(d.scope.values(), {}, (4, 3, 2, 5) if seed else (5, 3, 4, 2))
    point = {v: sample(v, sizes, rng) for v in d.scope.values()}
    value = np.asarray(solution.evaluate(**{v.name: array for v, array in point.items()}))
    assert np.allclose(structured(d.variable, value), value)
    at, beside = [], []
    for _ in range(4):
        by = structured(d.variable, rng.standard_normal(value.shape)) * (0.1 + np.abs(value).max())
        for found, base in ((at, value), (beside, value + 0.1 * by)):
            here = {**point, d.variable: base}
            found.append(directional(d.function, here, d.variable, 0.1 * by, sizes))
    return value, np.max(np.abs(at)), np.max(np.abs(beside))


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("f", "x", "where", "wanted"), SOLVED, ids=IDS)
def test_the_slope_is_zero(f, x, where, wanted, seed):
    d = derive(f, x, where=where or None)
    solution = d.stationary()
    assert wanted is None or str(solution) == wanted
    assert d.variable not in solution.variables and solution.shape == d.variable.shape
    value, at, beside = slopes(d, solution, seed)
    assert at < 1e-8 * beside
    assert inside(d.variable, value)


def test_layout_and_convention_make_no_difference():
    plain = derive(GAUSS, "S", where=LIKELY).stationary()
    assert derive(GAUSS, "S", where=LIKELY, symmetric="entries").stationary() is plain
    f = "||A*X - B||_F^2"
    assert derive(f, "X", layout="numerator").stationary() is derive(f, "X").stationary()


# formula, variable, declarations, what the refusal says
REFUSED = [
    ("||A*X - B||_F^2", "X", "X: orthogonal matrix(m); A: matrix(n, m)", "orthogonal"),
    ("tr(A'*X)", "X", "X: orthogonal matrix(n)", "orthogonal"),
    ("tr(A'*X)", "X", "X: orthonormal matrix(n, k)", "orthonormal"),
    ("||X'*X - A||_F^2", "X", "", "not linear in X"),
    ("tr(X^3)", "X", "", "not linear in X"),
    ("sum(log(1 + exp(-x)))", "x", "", "not linear in x"),
    ("x'*A*x/(x'*x)", "x", "", "not linear in x"),
    ("||x||", "x", "", "singular"),
    # the derivative of sign and heaviside is zero, and the gradient is not affine for that
    ("||x||^2 + c*norm1(x)", "x", "", "not linear in x"),
    ("||x||^2 + sum(relu(x))", "x", "", "not linear in x"),
    ("sum(x)", "x", "", "does not depend on x"),
    ("tr(X)", "Y", "", "does not depend on Y"),
    # singular, or outside the domain
    ("||X + X' - A||_F^2", "X", "X: matrix(n)", "singular"),
    ("logdet(S) + tr(S*C)", "S", LIKELY, "not a spd matrix"),
    ("k*log(s) + c*s", "s", POSITIVE, "not a positive scalar"),
    ("||A*X - B||_F^2", "X", "X: lower matrix(m); A: matrix(n, m)", "not a lower matrix"),
]


@pytest.mark.parametrize(("f", "x", "where", "message"), REFUSED)
def test_what_has_no_closed_form_is_refused(f, x, where, message):
    with pytest.raises(StationaryError, match=f"^no closed form found: .*{message}"):
        derive(f, x, where=where or None).stationary()


CONDITIONS = [
    ("||A*x - b||^2 + c*||x||^2", "x", "b: vector(n)", ("A'*A + c*I is invertible",)),
    ("||A*x - b||^2", "x", "b: vector(n)", ("the rank of A is constant",)),
    ("||M .* X - C||_F^2", "X", "", ("M has no zero entry",)),
    ("||y - t*x||^2", "t", "t: scalar", ("x'*x is not 0",)),
    ("tr((X - ones(n)*mu')*(X - ones(n)*mu')')", "mu", "mu: vector(p)", ()),
]


@pytest.mark.parametrize(("f", "x", "where", "wanted"), CONDITIONS)
def test_what_must_be_invertible(f, x, where, wanted):
    assert conditions(derive(f, x, where=where or None).stationary()) == wanted


def test_the_result_takes_every_declared_array():
    d = derive("||x - mu||^2", "mu", where="mu: vector(n); x: vector(n)")
    x = np.array([1.0, 2.0])
    assert np.allclose(d.stationary().evaluate(x=x, mu=np.zeros(2)), x)
