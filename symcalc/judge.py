"""The tools of the judge: points, values, slopes by differences, relative errors, the verdict."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from symcalc.errors import EvaluationError
from symcalc.evaluate import compute, numpy_backend
from symcalc.expr import Expr
from symcalc.graph import postorder
from symcalc.sample import SIZES, Rng, choose_sizes, points, structured
from symcalc.show import brief

Array = Any
Point = Mapping[Expr, Array]
FINE_STEP = 1e-4  # for what bends so much that the usual step is too long
STEP, TOLERANCE, EXACT_TOLERANCE, SECOND_TOLERANCE = 1e-3, 1e-6, 1e-9, 1e-5
SMOOTH = 2e-5
VANISHING = 1e-10
POINTS, DIRECTIONS = 2, 3
TAYLOR_ORDER = 2
SIZE_ORDERS = (SIZES, SIZES[::-1], (4, 2, 6, 3, 7, 5), (2, 5, 3, 7, 4, 6))


@dataclass(frozen=True)
class Comparison:
    """One number against another: what was compared, the relative error, and the bound on it."""

    what: str
    error: float
    tolerance: float

    @property
    def passed(self) -> bool:
        return self.error <= self.tolerance


@dataclass(frozen=True)
class Verification:
    """The outcome of `verify`: every comparison, the sizes and the seed."""

    comparisons: tuple[Comparison, ...]
    sizes: Mapping[str, int]
    seed: int

    @property
    def passed(self) -> bool:
        """Whether every comparison holds; nothing compared is not a pass."""
        return bool(self.comparisons) and all(c.passed for c in self.comparisons)

    @property
    def worst(self) -> Comparison:
        """The comparison with the largest error relative to its bound."""
        return max(self.comparisons, key=lambda c: c.error / c.tolerance)

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        verdict = "verified" if self.passed else "FAILED"
        sizes = ", ".join(f"{name}={size}" for name, size in self.sizes.items())
        worst = self.worst
        at = f" at {sizes}" if sizes else ""
        return (
            f"{verdict}: {len(self.comparisons)} comparisons{at}, seed {self.seed}; largest "
            f"relative error {worst.error:.1e} ({worst.what}, allowed {worst.tolerance:.0e})"
        )


def checked_judges(against: str | tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    """Return the judges as a tuple. Raises `EvaluationError` for none or an unknown one."""
    names = (against,) if isinstance(against, str) else tuple(against)
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise EvaluationError(f"verify against {', '.join(map(repr, known))}, not {unknown}")
    return names


def find_points(
    f: Expr, result: Expr, moving: tuple[Expr, ...], h: Expr, given: Mapping[str, int], rng: Rng
) -> tuple[dict[str, int], list[Point]]:
    """Return sizes, and points where a function is smooth and the result along `h` is finite.

    Raises `EvaluationError` if there are none: with the cause, where the evaluation names one.
    """
    variables = by_name(_with_partials({*f.variables, *moving}, moving))
    problem: EvaluationError | None = None
    flat: tuple[dict[str, int], list[Point]] | None = None
    for order in SIZE_ORDERS:
        sizes = choose_sizes(variables, given, order)
        try:
            found = _finite_points(f, result, variables, moving, h, sizes, rng)
        except EvaluationError as error:
            problem, found = error, []
        if any(size_of_value(f, point, sizes) > VANISHING for point in found):
            return sizes, found
        flat = (sizes, found) if found and flat is None else flat
    if flat is not None:  # the function vanishes everywhere, not only for want of a better size
        return flat
    raise problem or EvaluationError(
        f"no point was found where `{brief(f)}` and its derivative are finite: declare the "
        "variables more closely (positive, spd, unit, ...)"
    )


def _with_partials(variables: set[Expr], moving: tuple[Expr, ...]) -> set[Expr]:
    """Add the derivatives, up to the second, of variables that depend on those that move."""
    found, new = set(variables), variables
    for _ in range(TAYLOR_ORDER):
        new = {v.op.algebra.partial(v, p) for v in new for p in v.parameters if p in moving}
        found |= new
    return found


def _finite_points(
    f: Expr, result: Expr, variables: list[Expr], moving: tuple[Expr, ...], h: Expr,
    sizes: Mapping[str, int], rng: Rng,
) -> list[Point]:  # fmt: skip
    found: list[Point] = []
    problem: EvaluationError | None = None
    inverted, required = _inverted([f, result]), _required(f)
    for point in points(variables, sizes, rng):
        ways = [_way(point, moving, rng) for _ in range(DIRECTIONS)]
        here = {**point, h: ways[0][moving[-1]]}
        try:
            _require_regular(inverted, here, sizes)
            _require_positive(required, here, sizes)
            finite = all(np.all(np.isfinite(v)) for v in values_of([f, result], here, sizes))
            if finite and all(_is_smooth(f, point, way, sizes) for way in ways):
                found.append(point)
        except EvaluationError as error:
            problem = error
        if len(found) == POINTS:
            return found
    if problem is not None and not found:
        raise problem
    return found


def _way(point: Point, moving: tuple[Expr, ...], rng: Rng) -> dict[Expr, Array]:
    return {v: structured(v, rng.standard_normal(np.shape(point[v]))) for v in moving}


def _inverted(roots: list[Expr]) -> list[Expr]:
    """Return the matrices that some operation assumes to be invertible or definite."""
    assuming = [node for node in postorder(roots) if node.op.column("assumes")]
    return [
        arg
        for node in assuming
        for k, arg in enumerate(node.args)
        if {"invertible", "spd"} & set(node.op.domain(node.op.slot(k).name).split())
    ]


def _required(f: Expr) -> list[Expr]:
    """Return the scalars that the rows of the operations require to be positive."""
    algebra = f.op.algebra
    bodies = [(algebra.book.body(e.op, "requires", ""), e.args) for e in postorder([f])]
    return [body(algebra, args) for body, args in bodies if body is not None]


def _require_regular(matrices: list[Expr], point: Point, sizes: Mapping[str, int]) -> None:
    """Raise `EvaluationError` if one of some matrices is singular but for rounding."""
    for e, value in zip(matrices, values_of(matrices, point, sizes), strict=True):
        if not np.all(np.isfinite(value)):
            raise EvaluationError(f"`{brief(e)}` is not finite: declare the variables more closely")
        if np.linalg.cond(np.atleast_2d(value)) > 1 / VANISHING:
            at = ", ".join(f"{name}={size}" for name, size in sizes.items())
            raise EvaluationError(
                f"`{brief(e)}` must be invertible and is singular{' at ' * bool(at)}{at}: declare "
                "the variables more closely, or pass other sizes"
            )


def _require_positive(scalars: list[Expr], point: Point, sizes: Mapping[str, int]) -> None:
    for e, value in zip(scalars, values_of(scalars, point, sizes), strict=True):
        if not value > 0:
            raise EvaluationError(f"`{brief(e)}` must be positive for the result to hold")


def _is_smooth(f: Expr, point: Point, ways: Mapping[Expr, Array], sizes: Mapping[str, int]) -> bool:
    """Whether differences with two steps agree: no kink, no pole and no singularity is near."""

    def along(t: float) -> Array:
        there = reduce(lambda here, v: shifted(here, v, ways[v], t), ways, point)
        return np.asarray(values_of([f], there, sizes)[0])

    with np.errstate(invalid="ignore"):
        near, far = slope(along), slope(along, 4 * STEP)
        return relative_error(far, near, size_of_value(f, point, sizes)) < SMOOTH


def by_name(variables: set[Expr]) -> list[Expr]:
    """Return variables in the order of their names."""
    return sorted(variables, key=lambda v: v.name)


def values_of(roots: list[Expr], point: Point, sizes: Mapping[str, int]) -> list[Array]:
    """Return the values at a point, without warnings; NaN where linear algebra fails."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return compute(roots, dict(point), sizes, numpy_backend())
        except np.linalg.LinAlgError:
            return [np.nan for _ in roots]


def shifted(point: Point, variable: Expr, by: Array, t: complex) -> Point:
    """Return a point, one variable moved along a direction, and with it what depends on it."""
    return moved(point, variable, t * by)


def moved(point: Point, variable: Expr, change: Array) -> Point:
    """Return a point, one variable changed. A variable that depends on it follows its Taylor
    polynomial, whose coefficients are the values of `dK_t`, ... at the point."""
    after = {**point, variable: point[variable] + change}
    for v in point:
        if variable in v.parameters:
            after[v] = _taylor(point, v, variable, change)
    return after


def _taylor(point: Point, v: Expr, parameter: Expr, change: Array) -> Array:
    total, factor, order = point[v], change, 1
    v = v.op.algebra.partial(v, parameter)
    while v in point:
        total, order = total + factor * point[v], order + 1
        factor = factor * change / order
        v = v.op.algebra.partial(v, parameter)
    return total


def slope(f: Callable[[float], Array], h: float = STEP) -> Array:
    """Return the derivative of `f` at 0 by the central difference of fourth order."""
    return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)


def directional(
    e: Expr, point: Point, variable: Expr, by: Array, sizes: Mapping[str, int], h: float = STEP
) -> Array:
    """Return the derivative of `e` at a point along a direction of a variable."""
    return slope(lambda t: np.asarray(values_of([e], shifted(point, variable, by, t), sizes)[0]), h)


def size_of_value(f: Expr, point: Point, sizes: Mapping[str, int]) -> float:
    """Return the size of the function: its rounding error is what differences cannot see below."""
    return float(np.max(np.abs(values_of([f], point, sizes)[0]), initial=0.0))


def relative_error(got: Array, wanted: Array, size: float = 0.0) -> float:
    """Return the relative error, where `size` times 1e-5 counts as small."""
    got, wanted = np.asarray(got), np.asarray(wanted)
    if got.shape != wanted.shape:
        return float("inf")
    scale = max(np.max(np.abs(wanted), initial=0.0), np.max(np.abs(got), initial=0.0))
    scale = max(scale, 1e-6, 1e-5 * size)
    error = float(np.max(np.abs(got - wanted), initial=0.0) / scale)
    return error if np.isfinite(error) else float("inf")
