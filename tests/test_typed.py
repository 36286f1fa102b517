"""Formulas as people type them: text, LaTeX, NumPy, PyTorch, MATLAB, R, Julia, Unicode.

Each line of `corpus/typed.txt` holds a formula, the variable, declarations, and what its author
means as an expression of NumPy: the value is compared with that, and the derivative with central
differences of that.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symcalc import Derivation, Expr, derive
from symcalc.errors import SymcalcError
from symcalc.shape import Dim, dim_names, dim_substitute

SIZES = {"n": 3, "m": 4, "p": 2, "k": 2, "d": 4, "N": 3, "q": 5, "K": 2, "M": 4}
STEP = 1e-6
LINES = (Path(__file__).parent / "corpus" / "typed.txt").read_text(encoding="utf-8").splitlines()
CASES = [line.split(" |||| ") for line in LINES if line and not line.startswith("# ")]


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def softmax(x: Any) -> Any:
    return np.exp(x) / np.sum(np.exp(x))


def size_of(dim: Dim) -> int:
    found = dim_substitute(dim, {name: SIZES.get(name, 3) for name in dim_names(dim)})
    assert isinstance(found, int)
    return found


def drawn(v: Expr, rng: np.random.Generator, positive: bool) -> Any:
    rows, cols = map(size_of, v.shape)
    array = rng.normal(size=(rows, cols))
    if "spd" in v.attributes:
        return array @ array.T + np.eye(rows)
    if "symmetric" in v.attributes:
        return array + array.T
    if "unit" in v.attributes:
        array = rng.uniform(0.1, 0.9, (rows, cols))
    if positive or "positive" in v.attributes:
        array = np.abs(array) + 0.1
    return array if cols != 1 else array[:, 0] if rows != 1 else array[0, 0]


def differences(function: Any, x: Any) -> Any:
    """Return the derivative of each entry of the function by each entry of x."""
    columns = []
    for place in np.ndindex(np.shape(x)):
        step = np.zeros(np.shape(x))
        step[place] = STEP
        columns.append((np.ravel(function(x + step)) - np.ravel(function(x - step))) / (2 * STEP))
    return np.stack(columns, axis=1)


def derivative(d: Derivation, point: dict[str, Any], meant: Any) -> Any:
    """Return the derivative in the same order: by the entries of the variable, row by row."""
    if np.size(meant) == 1:
        return np.ravel(d.gradient.evaluate(**point))[None, :]
    return np.reshape(d.jacobian.evaluate(**point), (np.size(meant), -1))


@pytest.mark.parametrize(("formula", "variable", "where", "meaning"), CASES)
def test_it_is_read_as_it_was_meant(formula: str, variable: str, where: str, meaning: str) -> None:
    d = derive(formula, variable, where=where.strip() or None)
    x = d.variable
    for positive in (False, True):
        rng = np.random.default_rng(len(formula))
        point = {v.name: drawn(v, rng, positive) for v in d.scope.values()}
        sizes = {name: size_of(name) for v in d.scope.values() for dim in v.shape
                 for name in dim_names(dim)}  # fmt: skip
        known = {"np": np, "sigmoid": sigmoid, "softmax": softmax, **sizes}

        def value(at: Any, known: Any = known, point: Any = point) -> Any:
            return eval(meaning, {**known, **point, x.name: at})

        with np.errstate(all="ignore"):
            wanted = np.asarray(value(point[x.name]))
        if np.all(np.isfinite(wanted)):
            break
    with np.errstate(all="ignore"):
        got = np.asarray(d.function.evaluate(**point))
    np.testing.assert_allclose(got.reshape(wanted.shape), wanted, rtol=1e-9, atol=1e-9)
    if wanted.ndim > 1 or (wanted.ndim == 1 and np.ndim(point[x.name]) > 1):
        return
    by_entries = differences(value, point[x.name])
    if {"spd", "symmetric"} & x.attributes:
        side = point[x.name].shape
        by_entries = (by_entries.reshape(side) + by_entries.reshape(side).T).reshape(1, -1) / 2
    found = derivative(d, point, wanted)
    scale = max(1.0, float(np.max(np.abs(by_entries))))
    np.testing.assert_allclose(found, by_entries, rtol=1e-5, atol=1e-5 * scale)


REFUSED = [
    (r"\begin{cases} x & x > 0 \\ 0 & x \le 0 \end{cases}", "x", "write relu(x), max(x, y)"),
    (r"\mathbb{E}[\|x\|^2]", "x", "of an expectation write what it is of"),
    (r"\min_X \operatorname{tr}(X^TAX) \quad \text{s.t. } X^TX = I", "X", "a constraint is not"),
    (r"\nabla_y \|x\|^2", "x", "asks for the derivative by `y`, and the variable is `x`"),
    (r"\nabla_x \|x\|^2 + x^Tx", "x", "does the derivative take the whole sum?"),
    (r"\nabla_x f(x) = Ax", "x", "write the function"),
    (r"(Y - X\beta)^T(Y - X\beta)", r"\beta", "is `beta` behind a matrix a vector?"),
    ("||Y - X*beta||^2", "beta", "is `beta` behind a matrix a vector?"),
    ("trace(X'*X/N)", "X", "the divisor is"),
    ("A^+ b", "b", r"write pinv(A)"),
    ("x^* A x", "x", "write A' for the transpose"),
    ("2^A", "A", "write `.^` for the powers entry by entry"),
    ("diag(2)*x", "x", "`diag` of a number"),
    ("X.max(1)[0] @ y", "X", "write amax(X, 1)"),
    (r"\sum_{i=1}^{n} \|A_i x - b_i\|^2", "x", "one matrix for each index is not read"),
    (r"\|A\|_{2,1}", "A", "write sum(sqrt(sum(X.^2, 1))) for the rows"),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "variable", "message"), REFUSED)
def test_it_is_refused_and_says_what_to_write(formula: str, variable: str, message: str) -> None:
    with pytest.raises(SymcalcError) as caught:
        derive(formula, variable)
    assert message in str(caught.value)
