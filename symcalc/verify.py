"""The judge: gradients and steps against numbers that know nothing of the rules.

The function is evaluated as the user wrote it; its directional derivative is taken by central
differences of fourth order, or by a complex step where every operation is analytic.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from symcalc.autodiff import LIBRARIES, Autodiff
from symcalc.differential import direction
from symcalc.errors import EvaluationError
from symcalc.evaluate import compute, numpy_backend
from symcalc.expr import Expr
from symcalc.graph import postorder
from symcalc.sample import Rng, choose_sizes, points, structured
from symcalc.show import brief
from symcalc.steps import INNER, Step

if TYPE_CHECKING:
    from symcalc.derive import Derivation
    from symcalc.second import SecondDifferential

Array = Any
Point = Mapping[Expr, Array]
JUDGES = ("differences", "complex-step", *LIBRARIES)
STEP, TOLERANCE, EXACT_TOLERANCE, SECOND_TOLERANCE = 1e-3, 1e-6, 1e-9, 1e-5
POINTS, DIRECTIONS = 2, 3


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


def verify_gradient(
    d: Derivation, sizes: Mapping[str, int], seed: int, against: tuple[str, ...]
) -> Verification:
    """Compare the result of a derivation and its steps with numbers."""
    against = (against,) if isinstance(against, str) else tuple(against)
    unknown = [judge for judge in against if judge not in JUDGES]
    if unknown or not against:
        raise EvaluationError(f"verify against {', '.join(map(repr, JUDGES))}, not {unknown}")
    sizes = choose_sizes(_sorted({*d.function.variables, d.variable}), sizes)
    rng = np.random.default_rng(seed)
    comparisons: list[Comparison] = []
    h = direction(d.variable)
    for point in _finite_points(d.function, _result(d), (d.variable,), h, sizes, rng):
        for judge in against:
            comparisons += _derivative_comparisons(d, point, sizes, rng, judge)
        comparisons += _step_comparisons(d, point, sizes, rng)
    return Verification(tuple(comparisons), sizes, seed)


def _finite_points(
    f: Expr, result: Expr, moving: tuple[Expr, ...], h: Expr, sizes: Mapping[str, int], rng: Rng
) -> list[Point]:
    """Find points around which a function, and the result along `h`, are finite."""
    variables = _sorted({*f.variables, *moving})
    found: list[Point] = []
    for point in points(variables, sizes, rng):
        ways = {v: structured(v, rng.standard_normal(np.shape(point[v]))) for v in moving}
        moved = {**point, **{v: point[v] + 0.05 * by for v, by in ways.items()}}
        here = _values([f, result], {**point, h: ways[moving[-1]]}, sizes)
        if all(np.all(np.isfinite(v)) for v in [*here, *_values([f], moved, sizes)]):
            found.append(point)
        if len(found) == POINTS:
            return found
    raise EvaluationError(
        f"no point was found where `{brief(f)}` and its derivative are finite: declare the "
        "variables more closely (positive, spd, unit, ...)"
    )


def _sorted(variables: set[Expr]) -> list[Expr]:
    return sorted(variables, key=lambda v: v.name)


def _result(d: Derivation) -> Expr:
    return d.gradient if d.function.is_scalar else d.differential


def _values(roots: list[Expr], point: Point, sizes: Mapping[str, int]) -> list[Array]:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return compute(roots, dict(point), sizes, numpy_backend())
        except np.linalg.LinAlgError:
            return [np.nan for _ in roots]


def _moved(point: Point, variable: Expr, by: Array, t: complex) -> Point:
    return {**point, variable: point[variable] + t * by}


def slope(f: Callable[[float], Array]) -> Array:
    """Return the derivative of `f` at 0 by the central difference of fourth order."""
    h = STEP
    return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)


def directional(
    e: Expr, point: Point, variable: Expr, by: Array, sizes: Mapping[str, int]
) -> Array:
    """Return the derivative of `e` at a point along a direction of a variable."""
    return slope(lambda t: np.asarray(_values([e], _moved(point, variable, by, t), sizes)[0]))


def _complex_step(
    e: Expr, point: Point, variable: Expr, by: Array, sizes: Mapping[str, int]
) -> Array:
    blocked = next((n.op.name for n in postorder([e]) if n.op.column("analytic") is False), None)
    if blocked:
        raise EvaluationError(f"`{blocked}` is not analytic: verify against differences instead")
    return np.imag(_values([e], _moved(point, variable, by, 1e-20j), sizes)[0]) / 1e-20


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
    tolerance = TOLERANCE if judge == "differences" else EXACT_TOLERANCE
    h = direction(d.variable)
    found = []
    for _ in range(DIRECTIONS):
        by = structured(d.variable, rng.standard_normal(np.shape(point[d.variable])))
        wanted = measure(point, by)
        (got,) = _values([_result(d)], {**point, h: by}, sizes)
        if d.function.is_scalar:
            got = _inner(got, by, d.layout, d.symmetric, d.variable)
        error = _error(got, wanted, _size(d.function, point, sizes))
        found.append(Comparison(f"{judge} along a direction", error, tolerance))
    return found


def _inner(g: Array, by: Array, layout: str, symmetric: str, variable: Expr) -> Array:
    """Return `df` from a gradient: the inner product that its layout and convention mean."""
    g = np.asarray(g).T if layout == "numerator" else np.asarray(g)
    if symmetric == "entries" and "symmetric" in variable.data[1] - {"diagonal"}:
        return np.sum(np.tril(g * by))
    return np.sum(g * by)


def _size(f: Expr, point: Point, sizes: Mapping[str, int]) -> float:
    """Return the size of the function: its rounding error is what differences cannot see below."""
    return float(np.max(np.abs(_values([f], point, sizes)[0]), initial=0.0))


def _error(got: Array, wanted: Array, size: float = 0.0) -> float:
    """Return the relative error, where `size` times 1e-5 counts as small."""
    got, wanted = np.asarray(got), np.asarray(wanted)
    if got.shape != wanted.shape:
        return float("inf")
    scale = max(np.max(np.abs(wanted), initial=0.0), np.max(np.abs(got), initial=0.0))
    scale = max(scale, 1e-6, 1e-5 * size)
    error = float(np.max(np.abs(got - wanted), initial=0.0) / scale)
    return error if np.isfinite(error) else float("inf")


def _step_comparisons(
    d: Derivation, point: Point, sizes: Mapping[str, int], rng: Rng
) -> list[Comparison]:
    by = structured(d.variable, rng.standard_normal(np.shape(point[d.variable])))
    here = {**point, direction(d.variable): by}
    found = []
    for number, step in enumerate(d.steps, 1):
        error = _step_error(d, step, here, by, sizes)
        found.append(Comparison(f"step {number}, {step.rule}", error, TOLERANCE))
    return found


def _step_error(
    d: Derivation, step: Step, here: Point, by: Array, sizes: Mapping[str, int]
) -> float:
    known = dict(here)
    role = d.rules.algebra.role["differential"]
    for node in postorder([step.before, step.after]):
        if node.op is role:
            known[node] = directional(node.args[0], here, d.variable, by, sizes)
    before, after = _values([step.before, step.after], known, sizes)
    if step.relation == INNER:
        last = step.after is d.gradient
        after = _inner(after, by, *((d.layout, d.symmetric) if last else ("", "")), d.variable)
        if direction(d.variable) not in step.before.variables:
            before = np.sum(before * by)
    return _error(after, before, _size(d.function, here, sizes))


def verify_second(
    s: SecondDifferential, sizes: Mapping[str, int], seed: int, against: tuple[str, ...]
) -> Verification:
    """Compare a second differential with numbers that come from the function alone."""
    judges = ("differences", *LIBRARIES)
    against = (against,) if isinstance(against, str) else tuple(against)
    if not against or any(judge not in judges for judge in against):
        raise EvaluationError(f"verify against {', '.join(map(repr, judges))}, not {against}")
    sizes = choose_sizes(_sorted({*s.function.variables, *s.variables}), sizes)
    rng = np.random.default_rng(seed)
    comparisons: list[Comparison] = []
    for point in _finite_points(s.function, s.action, s.variables, s.second, sizes, rng):
        for judge in against:
            comparisons += _second_comparisons(s, point, sizes, rng, judge)
    return Verification(tuple(comparisons), sizes, seed)


def _second_comparisons(
    s: SecondDifferential, point: Point, sizes: Mapping[str, int], rng: Rng, judge: str
) -> list[Comparison]:
    x, y = s.variables
    one = structured(x, rng.standard_normal(np.shape(point[x])))
    two = structured(y, rng.standard_normal(np.shape(point[y])))
    roots = [s.bilinear, s.action] + ([s.hessian] if s.symmetric == "space" else [])
    bilinear, action, *matrix = _values(roots, {**point, s.first: one, s.second: two}, sizes)
    tolerance = SECOND_TOLERANCE if judge == "differences" else EXACT_TOLERANCE
    if judge == "differences":
        wanted = _second_difference(s.function, point, (x, one), (y, two), sizes)
    else:
        wanted = _contracted(Autodiff(judge).second(s.function, x, y, point, sizes), one, two)
    found = {"bilinear form": bilinear, "action": np.sum(np.asarray(action) * one)}
    if matrix:
        found["Hessian"] = _by_matrix(matrix[0], one, two)
    return [
        Comparison(f"{judge}, {name}", _error(got, wanted), tolerance)
        for name, got in found.items()
    ]


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
        moved = _moved(point, other[0], other[1], t)
        return directional(f, moved, first[0], first[1], sizes)

    return slope(inner)
