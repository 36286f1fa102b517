"""What a check found, in words that a student can act on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from symcalc.expr import Expr
from symcalc.shape import shape_text
from symcalc.show import plain

if TYPE_CHECKING:
    from symcalc.check import Check

LONG = 120  # a longer difference says no more than the two formulas
MANY = 4


def describe(check: Check) -> str:
    """Return the verdict, the right formula, what is off and where that is seen."""
    lines = [SENTENCES[check.verdict.value](check)]
    if check.answer is not None:
        lines.append(f"  your answer: {check.answer}")
    lines.append(f"  {check.kind}: {check.expected}")
    lines += [f"  {line}" for line in (*check.notes, *_terms(check), *_example(check))]
    if not check:
        lines += _first_step(check)
    if check.derivation.assumptions:
        lines.append(f"  where {'; '.join(check.derivation.assumptions)}")
    return "\n".join(lines)


def _proven(check: Check) -> str:
    return f"right: the answer is the {check.kind} (proven by simplification)"


def _equal(check: Check) -> str:
    return f"right: the answer equals the {check.kind} at {check.points} random points"


def _transposed(check: Check) -> str:
    if check.kind != "gradient":
        return f"transposed: the answer is the transpose of the {check.kind}"
    ours = check.derivation.layout
    other = "numerator" if ours == "denominator" else "denominator"
    return (
        f"transposed: the answer is the gradient in {other} layout, and {ours} layout is asked "
        f'for: transpose it, or check with layout="{other}"'
    )


def _factor(check: Check) -> str:
    what = f"the transpose of the {check.kind}" if check.turned else f"the {check.kind}"
    if str(check.factor) == "-1":
        return f"sign: the answer is minus {what}"
    text = str(check.factor)
    text = f"({text})" if "/" in text else text
    return f"off by a factor: the answer is {text} times {what}"


def _convention(check: Check) -> str:
    name = check.derivation.variable.name
    means = {
        "entries": "partial derivatives by the free entries, G + G' - G .* I",
        "space": "the gradient in the space of symmetric matrices, (G + G')/2",
    }
    ours = check.derivation.symmetric
    other = "space" if ours == "entries" else "entries"
    return (
        f"other convention: {name} is symmetric, and the answer is {means[other]}; asked for is "
        f'{means[ours]}. Both are in use: check with symmetric="{other}"'
    )


def _unsymmetrised(check: Check) -> str:
    variable = check.derivation.variable
    return (
        f"not projected: the answer takes all entries of {variable.name} as free, and "
        f"{variable.name} is structured: its projection on that structure is the gradient"
    )


def _shape(check: Check) -> str:
    expected = f"the {check.kind} is {shape_text(check.expected.shape)}"
    if check.answer is None:
        return f"wrong shape: the answer has shapes that do not fit; {expected}"
    text = f"wrong shape: the answer is {shape_text(check.answer.shape)}, {expected}"
    if check.kind == "Jacobian":
        h = f"d{check.derivation.variable.name}"
        return f"{text}; write the differential with {h}: {check.derivation.differential}"
    return text


def _wrong(check: Check) -> str:
    turned = ", also when it is transposed" if check.turned else ""
    return f"wrong: the answer is not the {check.kind}{turned}"


SENTENCES: dict[str, Callable[[Check], str]] = {
    "proven": _proven,
    "equal": _equal,
    "transposed": _transposed,
    "factor": _factor,
    "other convention": _convention,
    "unsymmetrised": _unsymmetrised,
    "wrong shape": _shape,
    "wrong": _wrong,
}


def _terms(check: Check) -> list[str]:
    if check.terms is None or check.difference is None:
        return []
    lines = [line for line in check.terms.lines() if len(line) <= LONG]
    difference = str(check.difference)
    if len(difference) <= LONG:
        lines.append(f"answer - {check.kind} = {difference}")
    return lines if len(lines) <= MANY else lines[-1:]


def _example(check: Check) -> list[str]:
    example = check.counterexample
    if example is None:
        return []
    point = ", ".join(f"{name} = {_array(value)}" for name, value in example.point.items())
    return [
        f"at {point}",
        f"  your answer is {_array(example.answer)}",
        f"  the {check.kind} is {_array(example.expected)}",
    ]


def _array(value: Any) -> str:
    return " ".join(np.array2string(np.asarray(value), precision=4, separator=", ").split())


def _first_step(check: Check) -> list[str]:
    steps = check.derivation.steps
    if not steps:
        return []
    before, after = (_short(e) for e in (steps[0].before, steps[0].after))
    return [f"  the derivation starts: {before} = {after}   [{steps[0].rule}]"]


def _short(e: Expr) -> str:
    text = plain(e)
    return text if len(text) <= LONG else text[: LONG - 1] + "…"
