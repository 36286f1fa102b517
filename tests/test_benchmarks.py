"""The benchmarks compare contestants that compute the same: checked at tiny sizes, never timed."""

from contextlib import nullcontext
from importlib import import_module

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the experts use SciPy")
from benchmarks import gradients, hessians, measure, tables
from benchmarks.curvature import CURVATURES
from benchmarks.derivation import FORMULAS, GROWING, shared
from benchmarks.libraries import installed
from benchmarks.problems import PROBLEMS
from benchmarks.sympy_forms import FORMS, symbolic
from symcalc import derive

TINY = 5


@pytest.fixture(autouse=True)
def double_precision():
    with import_module("jax").enable_x64(True) if installed("jax") else nullcontext():
        yield


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.name)
def test_value_and_gradient_agree(problem):
    function = gradients.compiled(problem)
    arrays = problem.arrays(np.random.default_rng(0), TINY)
    calls = gradients.contestants(problem, function, arrays)
    assert {"symcalc", "expert"} <= calls.keys()
    gradients.agree(problem.name, calls)


@pytest.mark.parametrize("problem", CURVATURES, ids=lambda p: p.name)
def test_hessians_and_products_agree(problem):
    s = hessians.second(problem)
    action = s.compile(form="action")
    rng = np.random.default_rng(0)
    arrays = hessians.directed(problem, rng, problem.arrays(rng, TINY))
    calls = hessians.of_hessian(problem, s, arrays)
    hessians.agree(problem, calls, arrays)
    products = hessians.of_action(problem, action, s.second.name, arrays)
    results = {name: call() for name, call in products.items()}
    results["expert"] = hessians.along(calls["expert"](), arrays[hessians.DIRECTION])
    gradients.check(problem.name, results)
    if "structured" in calls:
        assert calls["structured"]().structure == s.structure


def test_an_expert_leaves_its_arrays_alone():
    for problem in PROBLEMS:
        arrays = problem.arrays(np.random.default_rng(1), 5)
        before = {name: np.copy(a) for name, a in arrays.items()}
        problem.expert(**arrays)
        assert all(np.array_equal(arrays[name], a) for name, a in before.items()), problem.name


@pytest.mark.parametrize("wrong", [np.array([1.0, 2.1]), np.array([[1.0, 2.0]]), np.nan])
def test_a_disagreement_is_found(wrong):
    with pytest.raises(AssertionError, match="here: b and a disagree"):
        gradients.check("here", {"a": np.array([1.0, 2.0]), "b": wrong})


def test_contestants_take_turns():
    order = []
    calls = {name: (lambda name=name: order.append(name)) for name in "ab"}
    timing = measure.interleave(calls, seconds=0.0, least=3)
    assert [len(timing.samples[name]) for name in "ab"] == [3, 3]
    seen = "".join(order).replace("aa", "a").replace("aa", "a")
    assert seen.rindex("a") > seen.index("b")


def test_ratios_are_taken_within_a_turn():
    timing = measure.Timing({"a": (2.0, 20.0, 6.0), "b": (1.0, 10.0, 2.0)})
    assert timing.ratio("a", "b") == 2 and timing.seconds("a") == 6
    assert measure.geometric_mean([2.0, 8.0]) == pytest.approx(4)


def test_tables_and_geometric_means():
    rows = [{"problem": "p", "n": 3, "a/b": 2.0}, {"problem": "q", "n": 3, "a/b": 8.0, "us": 1e4}]
    assert tables.markdown(rows).splitlines()[-1] == "| q | 3 | 8.00 | 10000 |"
    assert "| all | 2 | 4.00 |" in tables.summary(rows)
    assert tables.summary([{"kind": "sum", "ms": 1.0}]) == ""


@pytest.mark.parametrize("kind", GROWING)
def test_growing_formulas_have_as_many_parts_as_they_say(kind):
    make, _ = GROWING[kind]
    sizes = []
    for k in (4, 8):
        formula, wrt, where = make(k)
        sizes.append(derive(formula, wrt, where=where).function.size)
    assert sizes[1] > 1.5 * sizes[0]


def test_sharing_is_exponential_as_a_tree():
    assert shared(20)[0].size > 2**20


def test_every_typical_formula_is_tried_in_sympy():
    assert FORMS.keys() == FORMULAS.keys()
    function, variable = symbolic("quadratic form")
    assert str(function.diff(variable)) == "A*x + A.T*x"
