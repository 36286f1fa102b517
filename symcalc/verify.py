"""The judge: gradients and steps against numbers that know nothing of the rules.

The function is evaluated as the user wrote it; its directional derivative is taken by central
differences of fourth order, or by a complex step where every operation is analytic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from symcalc.autodiff import LIBRARIES, Autodiff
from symcalc.differential import direction
from symcalc.errors import EvaluationError
from symcalc.expr import Expr
from symcalc.graph import postorder
from symcalc.judge import (
    DIRECTIONS,
    EXACT_TOLERANCE,
    FINE_STEP,
    STEP,
    TOLERANCE,
    Array,
    Comparison,
    Point,
    Verification,
    checked_judges,
    directional,
    find_points,
    relative_error,
    shifted,
    size_of_value,
    values_of,
)
from symcalc.sample import Rng, structured
from symcalc.steps import INNER, Step

if TYPE_CHECKING:
    from symcalc.derivation import Derivation
JUDGES = ("differences", "complex-step", *LIBRARIES)


def verify_gradient(
    d: Derivation, sizes: Mapping[str, int], seed: int, against: tuple[str, ...]
) -> Verification:
    """Compare the result of a derivation and its steps with numbers."""
    against = checked_judges(against, JUDGES)
    h = direction(d.variable)
    comparisons: list[Comparison] = []
    rng = np.random.default_rng(seed)
    sizes, found = find_points(d.function, d.result, (d.variable,), h, sizes, rng)
    for point in found:
        for judge in against:
            comparisons += _derivative_comparisons(d, point, sizes, rng, judge)
        comparisons += _step_comparisons(d, point, sizes, rng)
    return Verification(tuple(comparisons), sizes, seed)


def _complex_step(
    e: Expr, point: Point, variable: Expr, by: Array, sizes: Mapping[str, int]
) -> Array:
    blocked = next((n.op.name for n in postorder([e]) if n.op.column("analytic") is False), None)
    if blocked:
        raise EvaluationError(f"`{blocked}` is not analytic: verify against differences instead")
    return np.imag(values_of([e], shifted(point, variable, by, 1e-20j), sizes)[0]) / 1e-20


def _measure(
    d: Derivation, judge: str, sizes: Mapping[str, int]
) -> Callable[[Point, Array], Array]:
    """Return how a judge finds the derivative of the function at a point along a direction."""
    if judge in LIBRARIES:
        library = Autodiff(judge)
        return lambda point, by: library.slope(d, point, by, sizes)
    by_numbers = directional if judge == "differences" else _complex_step
    return lambda point, by: by_numbers(d.function, point, d.variable, by, sizes)


def _derivative_comparisons(
    d: Derivation, point: Point, sizes: Mapping[str, int], rng: Rng, judge: str
) -> list[Comparison]:
    measure = _measure(d, judge, sizes)
    finer = partial(directional, d.function, point, d.variable, sizes=sizes, h=FINE_STEP)
    tolerance = TOLERANCE if judge == "differences" else EXACT_TOLERANCE
    h = direction(d.variable)
    found = []
    for _ in range(DIRECTIONS):
        by = structured(d.variable, rng.standard_normal(np.shape(point[d.variable])))
        wanted = measure(point, by)
        (got,) = values_of([d.result], {**point, h: by}, sizes)
        if d.function.is_scalar:
            got = _inner(got, by, d.layout, d.symmetric, d.variable)
        size = size_of_value(d.function, point, sizes)
        error = relative_error(got, wanted, size)
        if error > tolerance and judge == "differences":
            error = min(error, relative_error(got, finer(by=by), size))
        found.append(Comparison(f"{judge} along a direction", error, tolerance))
    return found


def _inner(g: Array, by: Array, layout: str, symmetric: str, variable: Expr) -> Array:
    """Return `df` from a gradient: the inner product that its layout and convention mean."""
    g = np.asarray(g).T if layout == "numerator" else np.asarray(g)
    if symmetric == "entries" and "symmetric" in variable.attributes - {"diagonal"}:
        return np.sum(np.tril(g * by))
    return np.sum(g * by)


def _step_comparisons(
    d: Derivation, point: Point, sizes: Mapping[str, int], rng: Rng
) -> list[Comparison]:
    by = structured(d.variable, rng.standard_normal(np.shape(point[d.variable])))
    here = {**point, direction(d.variable): by}
    found = []
    for number, step in enumerate(d.steps, 1):
        error = _step_error(d, step, here, by, sizes)
        if error > TOLERANCE:
            error = min(error, _step_error(d, step, here, by, sizes, FINE_STEP))
        found.append(Comparison(f"step {number}, {step.rule}", error, TOLERANCE))
    return found


def _step_error(
    d: Derivation, step: Step, here: Point, by: Array, sizes: Mapping[str, int], h: float = STEP
) -> float:
    known = dict(here)
    role = d.rules.algebra.role["differential"]
    for node in postorder([step.before, step.after]):
        if node.op is role:
            known[node] = directional(node.args[0], here, d.variable, by, sizes, h)
    before, after = values_of([step.before, step.after], known, sizes)
    if step.relation == INNER:
        last = step.after is d.gradient
        after = _inner(after, by, *((d.layout, d.symmetric) if last else ("", "")), d.variable)
        if direction(d.variable) not in step.before.variables:
            before = np.sum(before * by)
    return relative_error(after, before, size_of_value(d.function, here, sizes))
