"""Formulas as people write them: what is read, its value, and its gradient, against JAX's numbers.

`corpus/formulas.toml` holds LaTeX and the notations of everyday objectives; the truth stands in
`corpus/formulas_truth.json`, written by `make_formulas.py`.
"""

import importlib.util
import json

import numpy as np
import pytest

from symcalc import derive, parse, variables
from symcalc.show import declaration
from tests.make_formulas import CORPUS, formulas, value_and_gradient
from tests.test_conformance import project

CASES = formulas()
TRUTH = json.loads((CORPUS / "formulas_truth.json").read_text(encoding="utf-8"))


def arrays(name):
    return {key: np.array(value) for key, value in TRUTH[name]["inputs"].items()}


def close(got, wanted):
    wanted = np.asarray(wanted)
    scale = np.max(np.abs(wanted), initial=1e-3)
    np.testing.assert_allclose(np.reshape(got, wanted.shape), wanted, rtol=1e-7, atol=1e-8 * scale)


def test_the_corpus_is_complete():
    assert len(CASES) >= 150 and list(CASES) == list(TRUTH)


@pytest.mark.parametrize("name", CASES)
def test_it_is_read_and_has_the_value(name):
    case = CASES[name]
    e = parse(case["text"], case["where"])
    assert str(e) == case["parsed"]
    close(e.evaluate(**arrays(name)), TRUTH[name]["value"])


@pytest.mark.parametrize("name", CASES)
def test_its_gradient(name):
    case = CASES[name]
    d = derive(case["text"], case["wrt"], where=case["where"])
    wanted = project(np.array(TRUTH[name]["gradient"]), declaration(d.variable))
    close(d.gradient.evaluate(**arrays(name)), wanted)


@pytest.mark.parametrize("name", CASES)
def test_what_is_printed_as_latex_is_read_back(name):
    case = CASES[name]
    d = derive(case["text"], case["wrt"], where=case["where"])
    for e in (d.function, d.gradient):
        assert parse(e.latex(), e.where) is e


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
@pytest.mark.parametrize("name", list(CASES)[::6])
def test_the_truth_is_what_jax_says(name):
    given = arrays(name)
    sizes = {
        str(dim): size
        for symbol in variables(CASES[name]["where"])
        for dim, size in zip(symbol.shape, given[symbol.name].shape, strict=False)
    }
    value, gradient = value_and_gradient(CASES[name], sizes, given)
    close(value, TRUTH[name]["value"])
    close(gradient, TRUTH[name]["gradient"])
