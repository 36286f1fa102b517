"""Values and gradients where plain code overflows, underflows or loses its digits.

The truth is mpmath's, with 900 digits: the function as it is defined, and its differences.
"""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from mpmath import cosh, exp, log, mpf, sinh, tanh

from symcalc import derive, parse

FAR = [[-2.0, 0.3, 1.5], [-40.0, 0.0, 39.0], [-800.0, 1.0, 800.0], [-1e-9, 2e-12, 0.1]]
NEAR = [[-2.0, 0.3, 1.5], [-40.0, 0.0, 4.0], [-800.0, 1.0, 6.0]]
TAILS = [[-2.0, 0.3, 1.5], [-40.0, 3.0, 40.0]]
ABOVE = [[2.0, 0.3, 1.5], [800.0, 1e-12, 1.0], [1e-300, 1e-9, 30.0]]
PAIRS = [(1.0, 2.0), (800.0, 799.0), (-800.0, -801.0), (-700.0, 900.0)]
ONES = [[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [1.0, 1.0, 1.0]]
W, Y = [0.2, 1.5, 0.7], [0.5, 2.0, 1.0]


def s(x):
    return 1 / (1 + exp(-x))


def soft(x):
    return mp.log1p(exp(x))


def cdf(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


def pdf(x):
    return exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def below_one(x):
    """Return 1 - exp(x)."""
    return -mp.expm1(x)


def total(f):
    """Return the function that adds f of the entries."""
    return lambda z, **c: mp.fsum(f(a, **c) for a in z)


def exps(z, w=(1, 1, 1)):
    return mp.fsum(b * exp(a) for a, b in zip(z, w, strict=True))


def at(points, name="z", **others):
    return [{name: p, **others} for p in points]


def pairs(**others):
    return [{"a": a, "b": b, **others} for a, b in PAIRS]


CASES = [  # formula, variable, points, truth
    ("sum(log(normcdf(z)))", "z", at(TAILS), total(lambda a: log(cdf(a)))),
    ("sum(log(1 - normcdf(z)))", "z", at(TAILS), total(lambda a: log(cdf(-a)))),
    (
        "sum(y .* log(normcdf(X*z)) + (1 - y) .* log(1 - normcdf(X*z)))", "z",
        at(FAR[:3], X=ONES, y=[1.0, 0.0, 1.0]),
        lambda z, X, y: mp.fsum(
            b * log(cdf(mp.fdot(r, z))) + (1 - b) * log(cdf(-mp.fdot(r, z)))
            for r, b in zip(X, y, strict=True)
        ),
    ),
    ("sum(normpdf(z) ./ normcdf(z))", "z", at(TAILS), total(lambda a: pdf(a) / cdf(a))),
    ("sum(normpdf(z) ./ (1 - normcdf(z)))", "z", at(TAILS), total(lambda a: pdf(a) / cdf(-a))),
    ("sum(log((1 + erf(z))/2))", "z", at(TAILS), total(lambda a: log(mp.erfc(-a) / 2))),
    ("sum(log(erfc(z)))", "z", at(TAILS), total(lambda a: log(mp.erfc(a)))),
    (
        "sum(log(normcdf(a - z) - normcdf(b - z)))", "z",
        at([[-2.0, 0.3, 1.5], [-10.0, 3.0, 10.0], [-30.0, 0.0, 30.0]], a=1.0, b=-0.5),
        total(lambda c, a, b: log(cdf(a - c) - cdf(b - c))),
    ),
    ("sum(log(1 - exp(-exp(z))))", "z", at(NEAR), total(lambda a: log(below_one(-exp(a))))),
    (
        "sum(log(1 - exp(-exp(z))) - exp(z))", "z", at(NEAR),
        total(lambda a: log(below_one(-exp(a))) - exp(a)),
    ),
    ("sum(log(1 - exp(-z)))", "z", at(ABOVE), total(lambda a: log(below_one(-a)))),
    ("sum(log(exp(z) - 1))", "z", at(ABOVE), total(lambda a: log(mp.expm1(a)))),
    ("sum(exp(z) - 1)", "z", at(FAR[3:]), total(mp.expm1)),
    ("log(w'*exp(z))", "z", at(FAR, w=W), lambda z, w: log(exps(z, w))),
    ("log(sum(w .* exp(z)))", "w", at(FAR[2:3], w=W), lambda z, w: log(exps(z, w))),
    ("log(1 + sum(exp(z)))", "z", at([*FAR, [-40.0, -50.0, -60.0]]), lambda z: log(1 + exps(z))),
    ("log(sum(exp(z)) + c)", "z", at(FAR, c=0.3), lambda z, c: log(exps(z) + c)),
    ("log(exp(a) + exp(b))", "a", pairs(), lambda a, b: log(exp(a) + exp(b))),
    ("exp(a)/(exp(a) + exp(b))", "a", pairs(), lambda a, b: exp(a) / (exp(a) + exp(b))),
    ("-log(exp(a)/(exp(a) + exp(b)))", "a", pairs(), lambda a, b: soft(b - a)),
    ("sum(log(X*exp(z)))", "z", at(FAR[:3:2], X=ONES), lambda z, X: mp.fsum(
        log(mp.fsum(exp(b) for a, b in zip(r, z, strict=True) if a)) for r in X
    )),
    ("c*log(sum(exp(z/c)))", "z", at(FAR, c=0.1),
     lambda z, c: c * log(exps([a / c for a in z]))),
    ("sum(log(c + exp(-z)))", "z", at(FAR, c=0.3), total(lambda a, c: log(c + exp(-a)))),
    ("sum(log(exp(z) + exp(-z)))", "z", at(FAR), total(lambda a: log(2 * cosh(a)))),
    ("sum(log(2*cosh(z)))", "z", at(FAR), total(lambda a: log(2 * cosh(a)))),
    ("sum(log(1 - tanh(z).^2))", "z", at(FAR), total(lambda a: -2 * log(cosh(a)))),
    ("sum(log(1 + tanh(z)))", "z", at(FAR), total(lambda a: log(2 * s(2 * a)))),
    ("sum(1 ./ cosh(z))", "z", at(FAR), total(lambda a: 1 / cosh(a))),
    ("sum(log(sinh(z) ./ z))", "z", at([[2.0, 0.3, 1.5], [800.0, 1.0, 20.0]]),
     total(lambda a: log(sinh(a) / a))),
    ("sum(log(sigmoid(z)/c))", "z", at(FAR, c=2.0), total(lambda a, c: log(s(a) / c))),
    ("sum(log(1 - sigmoid(z)))", "z", at(FAR), total(lambda a: log(s(-a)))),
    ("sum(log(sigmoid(z) ./ (1 - sigmoid(z))))", "z", at(FAR), total(lambda a: a)),
    ("sum((1 - sigmoid(z)).^2 .* log(sigmoid(z)))", "z", at(FAR),
     total(lambda a: s(-a) ** 2 * log(s(a)))),
    ("sum(y .* exp(z))/sum(exp(z))", "z", at(FAR[:1] + FAR[2:], y=Y),
     lambda z, y: exps(z, y) / exps(z)),
    ("-log(exp(z[0])/sum(exp(z)))", "z", at(FAR), lambda z: log(exps(z)) - z[0]),
    ("log(sum(exp(z))/sum(exp(2*z)))", "z", at(FAR),
     lambda z: log(exps(z) / exps([2 * a for a in z]))),
    ("sum(1 ./ (1 + exp(-z)))", "z", at(FAR), total(s)),
    ("sum(exp(z) ./ (1 + exp(z)))", "z", at(FAR), total(s)),
    ("sum(exp(z) ./ (1 + exp(z)).^2)", "z", at(FAR), total(lambda a: s(a) * s(-a))),
    ("y'*((exp(z) - exp(-z)) ./ (exp(z) + exp(-z)))", "z", at(FAR, y=Y),
     lambda z, y: mp.fsum(b * tanh(a) for a, b in zip(z, y, strict=True))),
    ("log(sigmoid(a - c) - sigmoid(b - c))", "c",
     [{"a": 1.0, "b": -1.0, "c": c} for c in (0.5, 50.0, -60.0, 900.0)],
     lambda a, b, c: log(s(a - c) - s(b - c))),
    ("sum(log(sigmoid(a - z) - sigmoid(b - z)))", "z", at(FAR, a=1.0, b=-0.5),
     total(lambda c, a, b: log(s(a - c) - s(b - c)))),
    ("sum(log(softplus(z)))", "z", at(FAR), total(lambda a: log(soft(a)))),
    ("log(w'*normpdf(z))", "z", at([[-2.0, 0.3, 1.5], [-40.0, 50.0, 60.0]], w=W),
     lambda z, w: log(mp.fsum(b * pdf(a) for a, b in zip(z, w, strict=True)))),
    ("log(c*exp(-(a - b)^2/2) + (1 - c)*exp(-(a + b)^2/2))", "a", [{"a": 60.0, "b": 1.0, "c": 0.3}],
     lambda a, b, c: log(c * exp(-((a - b) ** 2) / 2) + (1 - c) * exp(-((a + b) ** 2) / 2))),
    ("sum(exp(-z - exp(-z)))", "z", at([[-2.0, 0.3, 1.5], [-800.0, 3.0, 800.0]]),
     total(lambda a: exp(-a - exp(-a)))),
    ("log(prod(x))", "x", at([[0.1, 2.0, 3.0], [1e-200, 1e-200, 3.0], [1e200, 1e200, 3.0]], "x"),
     lambda x: log(mp.fprod(x))),
    ("prod(x)^(1/3)", "x", at([[0.1, 2.0, 3.0], [1e-200, 1e-200, 3.0], [1e200, 1e200, 3.0]], "x"),
     lambda x: mp.fprod(x) ** (mpf(1) / 3)),
]  # fmt: skip


def exact(value):
    """Return nested lists of numbers with numbers of mpmath."""
    return [exact(part) for part in value] if isinstance(value, list) else mpf(value)


def gradient(f, given, wrt):
    """Return the gradient by a number or a vector, by differences."""
    base = given[wrt] if isinstance(given[wrt], list) else [given[wrt]]
    slopes = []
    for k, value in enumerate(base):
        step = mpf(10) ** -160 * (abs(value) or 1)
        ends = [[*base[:k], value + way * step, *base[k + 1 :]] for way in (1, -1)]
        moved = [end if isinstance(given[wrt], list) else end[0] for end in ends]
        up, down = (f(**{**given, wrt: end}) for end in moved)
        slopes.append(float((up - down) / (2 * step)))
    return np.array(slopes)


def truth(f, point, wrt):
    with mp.workdps(900):
        given = {name: exact(value) for name, value in point.items()}
        return float(f(**given)), gradient(f, given, wrt)


def close(got, wanted, tolerance=1e-11):
    """Whether all entries are right in comparison with the largest."""
    got, wanted = np.ravel(np.asarray(got)), np.ravel(np.asarray(wanted))
    return np.abs(got - wanted).max() <= tolerance * np.abs(wanted).max() + 1e-290


def points(case):
    _, wrt, given, f = case
    return [(point, *truth(f, point, wrt)) for point in given]


@pytest.mark.parametrize("case", CASES, ids=[c[0] for c in CASES])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_compiled_and_evaluated_at_extreme_points(case):
    formula, wrt, *_ = case
    d = derive(formula, wrt)
    compiled, function = d.compile("numpy"), parse(formula)
    for point, value, slope in points(case):
        got = compiled(**{name: np.array(a) for name, a in point.items()})
        for found, wanted in zip((*got, function.evaluate(**point), d.evaluate(**point)),
                                 (value, slope, value, slope), strict=True):  # fmt: skip
            assert close(found, wanted), (point, found, wanted)


@pytest.mark.parametrize("case", CASES, ids=[c[0] for c in CASES])
def test_torch_at_extreme_points(case):
    """Also differentiated: what is taken out of an exponent does not count for the slope."""
    torch = pytest.importorskip("torch")
    formula, wrt, *_ = case
    compiled = derive(formula, wrt).compile("torch")
    for point, value, slope in points(case):
        given = {name: torch.tensor(a, dtype=torch.float64) for name, a in point.items()}
        given[wrt].requires_grad_(True)
        got = compiled(**given)
        (again,) = torch.autograd.grad(got[0], given[wrt])
        assert close(got[0].detach(), value) and close(got[1].detach(), slope)
        assert close(again, slope, 1e-6) or np.isnan(again.numpy()).any()


@pytest.mark.parametrize(
    "formula",
    ["sum(log(normcdf(z)))", "log(exp(a) + exp(b))", "sum(log(cosh(z)))", "sum(log(exp(z) + 2))"],
)
def test_the_slope_of_the_code_is_right_where_the_terms_are_equal(formula):
    torch = pytest.importorskip("torch")
    d = derive(formula, "z" if "z" in formula else "a")
    given = {v.name: torch.zeros(() if v.is_scalar else 3, dtype=torch.float64, requires_grad=True)
             for v in d.function.variables}  # fmt: skip
    value, slope = d.compile("torch")(**given)
    (again,) = torch.autograd.grad(value, given[d.variable.name])
    np.testing.assert_allclose(again.numpy(), slope.detach().numpy(), rtol=1e-12)


DETERMINANTS = [  # formula, value by sign and logarithm of the determinants of A and B
    ("det(A)/det(B)", lambda a, b: a[0] * b[0] * np.exp(a[1] - b[1])),
    ("log(det(A)/det(B))", lambda a, b: a[1] - b[1] if a[0] == b[0] else np.nan),
    ("log(det(A*A')/det(B*B'))", lambda a, b: 2 * (a[1] - b[1])),
    ("det(A)^2/det(B)^2", lambda a, b: np.exp(2 * (a[1] - b[1]))),
    ("det(A*A')^(1/n)/det(B*B')^(1/n)", lambda a, b: np.exp(2 * (a[1] - b[1]) / 400)),
]


@pytest.mark.parametrize(("formula", "wanted"), DETERMINANTS, ids=[c[0] for c in DETERMINANTS])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_determinants_that_are_out_of_range(formula, wanted):
    rng = np.random.default_rng(0)
    a = rng.standard_normal((400, 400))
    b = a + 1e-3 * rng.standard_normal((400, 400))
    with np.errstate(over="ignore"):
        assert not np.isfinite(np.linalg.det(a))
    d = derive(formula, "A", where="A: matrix(n); B: matrix(n)")
    value, slope = d.compile("numpy")(A=a, B=b)
    truth = wanted(np.linalg.slogdet(a), np.linalg.slogdet(b))
    np.testing.assert_allclose(value, truth, rtol=1e-9, equal_nan=True)
    assert np.isfinite(slope).all()


def test_powers_of_a_determinant_that_is_out_of_range():
    s = np.diag(np.full(400, 10.0))
    d = derive("det(S)^(-1/2)", "S", where="S: spd matrix(n)")
    value, slope = d.compile("numpy")(S=s)
    np.testing.assert_allclose(value, 1e-200, rtol=1e-12)
    np.testing.assert_allclose(np.diag(slope), -0.5e-201, rtol=1e-12)


def test_printed_results_stay_as_they_are_written():
    assert str(derive("sum(log(normcdf(z)))", "z").gradient) == "normpdf(z) ./ normcdf(z)"
    assert str(derive("log(w'*exp(z))", "z").gradient) == "(w .* exp(z))/(w'*exp(z))"


def test_functions_that_share_work_are_left_alone():
    code = derive("sum(sigmoid(z))", "z").code()
    assert "1 - t" in code and "log1p" not in code
    assert derive("sum(exp(z))", "z").code().count("np.exp(") == 1


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_zero_times_the_logarithm_of_zero_is_not_a_number():
    """As in NumPy: the product has no limit at (0, 0) if both factors vary; see docs."""
    assert np.isnan(parse("sum(y .* log(p))", "p: vector(n)").evaluate(y=[0.0], p=[0.0]))
