"""Second differentials against numbers that come from the function alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from symcalc.autodiff import LIBRARIES, Autodiff
from symcalc.errors import RuleError
from symcalc.expr import Expr
from symcalc.graph import postorder
from symcalc.judge import (
    EXACT_TOLERANCE,
    SECOND_TOLERANCE,
    Array,
    Comparison,
    Point,
    Verification,
    checked_judges,
    directional,
    find_points,
    relative_error,
    shifted,
    slope,
    values_of,
)
from symcalc.sample import Rng, structured

if TYPE_CHECKING:
    from symcalc.second import SecondDifferential
LARGE_PART = 100.0


def verify_second(
    s: SecondDifferential, sizes: Mapping[str, int], seed: int, against: tuple[str, ...]
) -> Verification:
    """Compare a second differential with numbers that come from the function alone."""
    against = checked_judges(against, ("differences", *LIBRARIES))
    rng = np.random.default_rng(seed)
    comparisons: list[Comparison] = []
    sizes, found = find_points(s.function, s.action, s.variables, s.second, sizes, rng)
    for point in found:
        for judge in against:
            comparisons += _second_comparisons(s, point, sizes, rng, judge)
    return Verification(tuple(comparisons), sizes, seed)


def _matrix(s: SecondDifferential) -> list[Expr]:
    """Return the Hessian, if it is by all entries and its operations have a matrix."""
    try:
        return [s.hessian] if s.symmetric == "space" else []
    except RuleError:
        return []


def _second_comparisons(
    s: SecondDifferential, point: Point, sizes: Mapping[str, int], rng: Rng, judge: str
) -> list[Comparison]:
    x, y = s.variables
    one = structured(x, rng.standard_normal(np.shape(point[x])))
    two = structured(y, rng.standard_normal(np.shape(point[y])))
    roots = [s.bilinear, s.action, *_matrix(s)]
    bilinear, action, *matrix = values_of(roots, {**point, s.first: one, s.second: two}, sizes)
    tolerance = SECOND_TOLERANCE if judge == "differences" else EXACT_TOLERANCE
    if judge == "differences":
        wanted = _second_difference(s.function, point, (x, one), (y, two), sizes)
    else:
        wanted = _contracted(Autodiff(judge).second(s.function, x, y, point, sizes), one, two)
    size = 100 * _size(s.function, point, sizes) if judge == "differences" else 0.0
    found = {"bilinear form": bilinear, "action": np.sum(np.asarray(action) * one)}
    if matrix:
        found["Hessian"] = _by_matrix(matrix[0], one, two)
    return [
        Comparison(f"{judge}, {name}", relative_error(got, wanted, size), tolerance)
        for name, got in found.items()
    ]


def _size(f: Expr, point: Point, sizes: Mapping[str, int]) -> float:
    """Return the size of the function or of its parts, whose rounding it has where they cancel."""
    parts = [np.asarray(part) for part in values_of(postorder([f]), point, sizes)]
    numbers = [part for part in parts if part.dtype.kind in "fiu"]  # others are functions
    *inner, own = [float(np.max(np.abs(part), initial=0.0)) for part in numbers]
    return max(own, min(max(inner, default=0.0), LARGE_PART))


def _by_matrix(matrix: Array, one: Array, two: Array) -> Array:
    left = np.reshape(one, (1, -1), order="F")
    right = np.reshape(two, (-1, 1), order="F")
    return (left @ np.reshape(matrix, (np.size(one), np.size(two)), order="F") @ right)[0, 0]


def _contracted(partials: Array, one: Array, two: Array) -> Array:
    return np.sum(np.reshape(partials, (np.size(one), -1)) * np.outer(one, two))


def _second_difference(
    f: Expr,
    point: Point,
    first: tuple[Expr, Array],
    other: tuple[Expr, Array],
    sizes: Mapping[str, int],
) -> Array:
    """Return the mixed second derivative along two directions, by slopes of slopes."""

    def inner(t: float) -> Array:
        moved = shifted(point, other[0], other[1], t)
        return directional(f, moved, first[0], first[1], sizes)

    return slope(inner)
