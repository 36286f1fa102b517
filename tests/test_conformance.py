"""Textbook identities against independent numbers.

The cases in `corpus/*.toml` are formulas printed in the Matrix Cookbook and on Wikipedia,
objectives of every day, questions that people asked, formulas of practice, objectives of research,
and cases of books and of peers; `corpus/*truth.json` hold, for each, the derivative that JAX gives
at two random points.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from symcalc import Derivation, Expr, derive, parse
from symcalc.compare import same_form
from symcalc.rulebook import default_rules
from symcalc.simplify import simplify

CORPUS = Path(__file__).parent / "corpus"
TEXTBOOKS, *OTHERS = (
    json.loads((CORPUS / file).read_text(encoding="utf-8"))
    for file in (
        "truth.json",
        "everyday_truth.json",
        "questions_truth.json",
        "practice_truth.json",
        "research_truth.json",
        "books_truth.json",
    )
)
CASES = {name: entry for file in (TEXTBOOKS, *OTHERS) for name, entry in file.items()}
STRUCTURES = {
    "symmetric": lambda a: (a + a.T) / 2, "spd": lambda a: (a + a.T) / 2,
    "psd": lambda a: (a + a.T) / 2,
    "diagonal": lambda a: np.diag(np.diag(a)), "skew": lambda a: (a - a.T) / 2,
    "lower": np.tril, "upper": np.triu,
}  # fmt: skip


def project(array: np.ndarray, declaration: str) -> np.ndarray:
    for word, projection in STRUCTURES.items():
        if word in declaration.split():
            return projection(array)
    return array


def result(case: dict) -> Expr:
    symmetric = "entries" if case["task"] == "gradient_symmetric" else "space"
    first, other = case["wrt"][0], case["wrt"][-1]
    d: Derivation = derive(case["function"], first, where=case["where"], symmetric=symmetric)
    results = {
        "differential": lambda: d.differential,
        "jacobian": lambda: d.jacobian,
        "hessian": lambda: d.second(other).hessian,
        "trace2": lambda: d.derive(other).gradient,
    }
    return results.get(case["task"], lambda: d.gradient)()


def expected(case: dict, truth: np.ndarray) -> np.ndarray:
    if case["task"] == "gradient_symmetric":
        return truth + truth.T - np.diag(np.diag(truth))
    if case["task"] in ("gradient", "gradient_diagonal"):
        return project(truth, case["where"][case["wrt"][0]])
    return truth


def projection(shape: tuple[int, ...], declaration: str) -> np.ndarray:
    """Return the matrix that projects vec(A) onto the space of the declaration of A."""
    units = (np.reshape(unit, shape, order="F") for unit in np.eye(int(np.prod(shape))))
    return np.stack([project(unit, declaration).ravel(order="F") for unit in units])


def on_its_space(derivative: np.ndarray, case: dict, arrays: dict) -> np.ndarray:
    """Return a Jacobian or a Hessian along the directions that its variables have."""
    rows, cols = case["wrt"][0], case["wrt"][-1]
    if case["task"] == "hessian" and np.ndim(arrays[rows]) == 2:
        derivative = projection(np.shape(arrays[rows]), case["where"][rows]) @ derivative
    if case["task"] in ("hessian", "jacobian") and np.ndim(arrays[cols]) == 2:
        derivative = derivative @ projection(np.shape(arrays[cols]), case["where"][cols])
    return derivative


@pytest.mark.parametrize("name", CASES)
def test_value(name: str) -> None:
    case = CASES[name]["case"]
    formula = result(case)
    for point in CASES[name]["points"]:
        arrays = {k: np.array(v) for k, v in {**point["inputs"], **point["extra"]}.items()}
        wanted = expected(case, np.array(point["truth"]))
        if case["task"] == "jacobian" and np.ndim(arrays[case["wrt"][0]]) == 0:
            wanted = np.reshape(wanted, np.shape(point["value"]), order="F")
        got = np.reshape(formula.evaluate(**arrays), wanted.shape)
        got, wanted = (on_its_space(a, case, arrays) for a in (got, wanted))
        np.testing.assert_allclose(got, wanted, rtol=1e-7, atol=1e-9 + 1e-7 * np.abs(wanted).max())


# Printed forms that are not equal to ours as expressions: other conventions for a structured
# variable, and the adjugate, which exists where the inverse does not.
ADJUGATES = ("cookbook-0041", "wikipedia-sbm-26-cof")
OTHERWISE = {
    "cookbook-0138-unstructured", "cookbook-0139-unstructured", "cookbook-0142-unstructured",
    *ADJUGATES,
}  # fmt: skip
PRINTED = [
    name
    for name, entry in TEXTBOOKS.items()
    if entry["case"].get("answer") and name not in OTHERWISE
]


@pytest.mark.parametrize("name", PRINTED)
def test_the_printed_form_is_proven_equal(name: str) -> None:
    case = CASES[name]["case"]
    ours = result(case)
    printed = parse(case["answer"], {**ours.where, **case["where"]})
    if printed.shape == ours.shape[::-1]:
        printed = printed if printed.shape == ours.shape else printed.T
    difference = simplify(printed - ours, default_rules())
    assert str(difference) == "0" or difference.op.role == "zeros"


@pytest.mark.parametrize("name", ADJUGATES)
def test_the_adjugate_is_proven_equal_where_the_inverse_exists(name: str) -> None:
    case = CASES[name]["case"]
    ours = result(case)
    printed = parse(case["answer"], {**ours.where, **case["where"]})
    assert same_form(printed, ours, default_rules())
    assert not same_form(printed, 2 * ours, default_rules())
