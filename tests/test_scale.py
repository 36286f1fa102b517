"""Large formulas: no recursion, and results whose number of distinct nodes grows with the input."""

import sys

import numpy as np
import pytest

import symcalc
from symcalc import derive, variables
from symcalc.derive import forget
from tests.test_derive import slopes

LENGTHS = (10, 100, 1000)


def nodes(e):
    """Return the number of distinct nodes."""
    seen, waiting = {id(e): e}, [e]
    while waiting:
        for arg in waiting.pop().args:
            if id(arg) not in seen:
                seen[id(arg)] = arg
                waiting.append(arg)
    return len(seen)


def names(prefix, count, kind):
    return "; ".join(f"{prefix}_{k}: {kind}" for k in range(count))


def product(count):
    """`a'*A_0*...*b` as text, by the factor in the middle."""
    text = "a'*" + "*".join(f"A_{k}" for k in range(count)) + "*b"
    return text, f"A_{count // 2}", names("A", count, "matrix(n)") + "; a: vector(n); b: vector(n)"


def occurrences(count):
    """`tr(A_0*X*A_1*X*...)`: as many terms in the gradient as factors."""
    text = "tr(" + "*".join(f"A_{k}*X" for k in range(count)) + ")"
    return text, "X", names("A", count, "matrix(n)") + "; X: matrix(n)"


def terms(count):
    text = " + ".join(f"x'*a_{k}" for k in range(count))
    return text, "x", names("a", count, "vector(n)") + "; x: vector(n)"


def sines(count):
    return " + ".join(f"sum(sin({k + 1}*x))" for k in range(count)), "x", "x: vector(n)"


def network(count, wrt="W_0"):
    """A network of `count` layers, built with Python operators."""
    *weights, h = variables(names("W", count, "matrix(n)") + "; x: vector(n)")
    for W in weights:
        h = symcalc.tanh(W @ h)
    return symcalc.sum(h), wrt, None


def recurrent(count):
    """The same weights in every layer."""
    W, h = variables("W: matrix(n); x: vector(n)")
    for _ in range(count):
        h = symcalc.tanh(W @ h)
    return symcalc.sum(h), "W", None


def text_network(count):
    return "sum(" + "tanh(W*" * count + "x" + ")" * count + ")", "x", "W: matrix(n)"


def shared(count):
    """`e = tanh(e + e)`, again and again: a tree of 2^count leaves in a few nodes."""
    (e,) = variables("x: vector(n)")
    for _ in range(count):
        e = symcalc.tanh(e + e)
    return symcalc.sum(e), "x", None


def squared(count):
    """`e = e*e .* x`: sharing through a product of both."""
    (e,) = (x,) = variables("x: vector(n)")
    for _ in range(count):
        e = symcalc.tanh((e.T @ e) * x + e)
    return symcalc.sum(e), "x", None


def nested(count):
    """`e = A*sin(e)*e`: sharing in products that grow too long for one chain."""
    A, e = variables("A: matrix(n); X: matrix(n)")
    for _ in range(count):
        e = A @ symcalc.sin(e) @ e
    return symcalc.tr(e), "X", None


FAMILIES = [
    product, terms, sines, network, recurrent, text_network, shared, squared,
    lambda count: network(count, "x"), lambda count: network(count, f"W_{count // 2}"),
]  # fmt: skip
SHARED = {shared, squared}
IDS = [
    "product", "terms", "sines", "network", "recurrent", "text", "shared", "squared",
    "network by x", "network by the middle",
]  # fmt: skip


def gradient_of(family, count):
    f, wrt, where = family(count)
    return derive(f, wrt, where=where).gradient


def point_of(e, size=3):
    """Return orthogonal matrices, which keep values from vanishing, and vectors."""
    rng = np.random.default_rng(0)
    return {
        name: np.linalg.qr(rng.standard_normal((size, size)))[0]
        if "matrix" in text
        else rng.standard_normal(size)
        for name, text in e.where.items()
    }


@pytest.mark.parametrize("family", FAMILIES, ids=IDS)
def test_the_gradient_grows_with_the_formula(family):
    small, large = (10, 40) if family in SHARED else (100, 1000)
    few, many = nodes(gradient_of(family, small)), nodes(gradient_of(family, large))
    assert few < many <= 1.1 * few * large / small


def calls_of(family, count):
    """Return how many functions a derivation calls: its cost, whatever else the machine does."""
    f, wrt, where = family(count)
    made = 0

    def counted(frame, event, arg):
        nonlocal made
        made += event == "call"

    derive(f, wrt, where=where)
    forget()
    sys.setprofile(counted)
    try:
        derive(f, wrt, where=where)
    finally:
        sys.setprofile(None)
    return made


@pytest.mark.parametrize("family", FAMILIES, ids=IDS)
def test_the_work_grows_with_the_formula(family):
    small, large, slack = (10, 40, 1.4) if family in SHARED else (100, 500, 1.1)
    assert calls_of(family, large) <= slack * calls_of(family, small) * large / small


@pytest.mark.parametrize(("family", "small", "large"), [(nested, 20, 80), (shared, 40, 160)])
def test_the_work_of_long_products_that_are_shared_grows_with_their_number(family, small, large):
    assert calls_of(family, large) <= 1.35 * calls_of(family, small) * large / small


def tower(count):
    return "^".join("a" * count), "a", "a: scalar"


def test_the_work_of_products_of_scalars_grows_with_their_number():
    """The derivative of `a^a^...^a` has as many terms, with as many factors, as the tower."""
    assert calls_of(tower, 120) <= 1.1 * calls_of(tower, 40) * 3**2


@pytest.mark.parametrize("count", (1, 2, 5, 12))
@pytest.mark.parametrize("family", [*FAMILIES, occurrences], ids=[*IDS, "occurrences"])
def test_small_ones_have_the_right_value(family, count):
    f, wrt, where = family(count)
    d = derive(f, wrt, where=where)
    point = point_of(d.gradient)
    known = {v.name: point[v.name] for v in d.function.variables}

    def along(x):
        return d.function.evaluate(**{**known, wrt: x})

    wanted = slopes(along, point[wrt])
    np.testing.assert_allclose(
        d.evaluate(**point), wanted, rtol=1e-6, atol=1e-7 * (1 + abs(wanted).max())
    )


@pytest.mark.parametrize("count", LENGTHS)
def test_the_function_itself_is_what_numpy_computes(count):
    f, wrt, _ = network(count)
    d = derive(f, wrt)
    point = point_of(d.gradient)
    h = point["x"]
    for k in range(count):
        h = np.tanh(point[f"W_{k}"] @ h)
    np.testing.assert_allclose(d.function.evaluate(**point), h.sum(), rtol=1e-9)
    back, layers = np.ones(3), [point["x"]]
    for k in range(count):
        layers.append(np.tanh(point[f"W_{k}"] @ layers[-1]))
    for k in reversed(range(count)):
        back = back * (1 - layers[k + 1] ** 2)
        wanted, back = np.outer(back, layers[k]), point[f"W_{k}"].T @ back
    np.testing.assert_allclose(d.evaluate(**point), wanted, rtol=1e-8, atol=1e-300)


@pytest.mark.parametrize("count", LENGTHS)
def test_products_of_many_factors(count):
    f, wrt, where = product(count)
    d = derive(f, wrt, where=where)
    point = point_of(d.gradient)
    matrices = [point[f"A_{k}"] for k in range(count)]
    left, right = point["a"], point["b"]
    for k in range(count // 2):
        left = left @ matrices[k]
    for k in reversed(range(count // 2 + 1, count)):
        right = matrices[k] @ right
    np.testing.assert_allclose(d.evaluate(**point), np.outer(left, right), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("count", [3, 10, 40])
def test_a_power_written_out(count):
    gradient = derive("tr(" + "*".join("X" * count) + ")", "X").gradient
    assert str(gradient) == f"{count}*(X^{count - 1})'"


def test_many_terms_are_collected():
    wrt, where = "x", "x: vector(n)"
    same = " + ".join(f"{k}*x'*x" for k in range(1, 10_001))
    assert str(derive(same, wrt, where=where).gradient) == "100010000*x"
    f, _, where = terms(10_000)
    assert nodes(derive(f, wrt, where=where).gradient) == 10_001


@pytest.mark.parametrize("levels", [5, 20, 40])
def test_doubling_is_a_number(levels):
    (e,) = variables("x: vector(n)")
    for _ in range(levels):
        e = e + e
    gradient = derive(symcalc.sum(symcalc.tanh(e)), "x").gradient
    assert str(gradient) == f"{2**levels}*(ones(n) - tanh({2**levels}*x) .^ 2)"


@pytest.mark.parametrize("family", [network, recurrent, shared, text_network])
def test_steps_and_second_derivatives_do_not_recurse(family):
    f, wrt, where = family(300 if family is not shared else 20)
    d = derive(f, wrt, where=where)
    assert 2 < len(d.steps) < 100
    assert nodes(d.second("x").action) < 100 * nodes(d.gradient)
    assert str(d).startswith("f = ") and d.latex().startswith(r"\frac{\partial f}{\partial")


@pytest.mark.parametrize("count", [30, 300])
def test_code_of_a_deep_network(count):
    d = derive(*network(count)[:2])
    function = d.compile()
    point = point_of(d.gradient)
    np.testing.assert_allclose(function(**point)[1], d.evaluate(**point), rtol=1e-9, atol=1e-300)
