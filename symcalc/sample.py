"""Random points: arrays with the declared attributes, drawn in ever more special ways."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import reduce
from typing import Any, TypeAlias

import numpy as np

from symcalc.declare import ENTRYWISE
from symcalc.errors import EvaluationError
from symcalc.evaluate import size_of
from symcalc.expr import Expr
from symcalc.shape import SCALAR, dim_names

Rng: TypeAlias = "np.random.Generator"  # as text: numpy.random is imported when first used
Array = Any
SIZES = (3, 4, 2, 5, 6, 7)
RANGES = {"large": (1.2, 3.0), "fraction": (0.1, 0.9), "negative": (-3.0, -0.1)}
SIGNED = frozenset({"positive", "nonnegative"})
MODES = ("plain", "positive", "unit", "definite", "definite positive", "whole", *RANGES)


def choose_sizes(
    variables: Iterable[Expr], given: Mapping[str, int], order: Iterable[int] = SIZES
) -> dict[str, int]:
    """Return a size for every dimension: different ones, so that no mistake hides in a square."""
    variables = [*variables]
    names = [name for v in variables for dim in v.shape for name in dim_names(dim)]
    free = [size for size in order if size not in given.values()] or list(SIZES)
    chosen = dict(given)
    for k, name in enumerate(n for n in dict.fromkeys(names) if n not in given):
        chosen[name] = free[k % len(free)]
    for rows, cols in [v.shape for v in variables if "orthonormal" in v.attributes]:
        free_pair = rows in chosen and cols in chosen and not given.keys() & {rows, cols}
        if free_pair and chosen[str(rows)] < chosen[str(cols)]:  # columns are not longer than rows
            chosen[str(rows)], chosen[str(cols)] = chosen[str(cols)], chosen[str(rows)]
    for dim in [dim for v in variables for dim in v.shape]:
        missing = 1 - size_of(dim, chosen)  # `n - 5` needs a larger n
        for name in dim_names(dim) if missing > 0 else ():
            chosen[name] += 0 if name in given else missing
    return chosen


def sample(variable: Expr, sizes: Mapping[str, int], rng: Rng, mode: str = "plain") -> Array:
    """Return a random array with the attributes of the variable, 2-D or 0-D inside."""
    shape = tuple(size_of(dim, sizes) for dim in variable.shape)
    if min(shape) < 0:
        raise EvaluationError(f"`{variable.name}` would have the shape {shape}: pass other sizes")
    attributes = variable.attributes
    if ENTRYWISE in attributes:
        return _function(rng)
    if variable.shape == SCALAR:
        return np.asarray(_entries((), attributes, rng, mode))
    if 1 in variable.shape:
        flat = _entries((shape[0] * shape[1],), attributes, rng, mode)
        return flat / np.linalg.norm(flat) if "orthonormal" in attributes else flat
    for name, build in BUILDERS.items():
        if name in attributes:
            return build(shape, rng, "positive" if SIGNED & attributes else mode)
    if "definite" in mode and shape[0] == shape[1] and not attributes & (SIGNED | {"unit"}):
        return _spd(shape, rng, mode)
    return _entries(shape, attributes, rng, mode)


def _function(rng: Rng) -> tuple[Callable[[Array], Array], ...]:
    """Return a random polynomial and its derivatives: plain arithmetic, for every library."""
    p = np.polynomial.Polynomial([1.5, *rng.uniform(0.1, 0.5, 5) / [1, 2, 6, 24, 120]])

    def horner(coefficients: list[float]) -> Callable[[Array], Array]:
        return lambda a: reduce(lambda total, c: total * a + c, coefficients[::-1], 0.0 * a)

    return tuple(horner([float(c) for c in p.deriv(k).coef]) for k in range(8))


def _entries(shape: tuple[int, ...], attributes: frozenset[str], rng: Rng, mode: str) -> Array:
    if mode in RANGES and "unit" not in attributes:
        return rng.uniform(*RANGES[mode], shape)
    signed = bool(SIGNED & attributes)
    if "unit" in attributes or (mode == "unit" and not signed):
        return rng.uniform(0.1 if signed else -0.9, 0.9, shape)
    if signed or "positive" in mode:
        return rng.uniform(0.4, 2.0, shape)
    if mode == "whole" and shape == ():
        return np.float64(rng.integers(2, 4))
    if len(shape) == 2 and mode == "plain":
        return well_conditioned(shape, rng)
    # Away from 0, where |x| and sign(x) have their kink.
    drawn = rng.standard_normal(shape)
    return drawn + 0.1 * np.where(drawn < 0, -1.0, 1.0)


def _spd(shape: tuple[int, ...], rng: Rng, mode: str) -> Array:
    a = rng.standard_normal(shape)
    return a @ a.T / shape[0] + 0.5 * np.eye(shape[0])


def _psd(shape: tuple[int, ...], rng: Rng, mode: str) -> Array:
    a = rng.standard_normal((shape[0], max(1, shape[0] - 1)))
    return a @ a.T


def _diagonal(shape: tuple[int, ...], rng: Rng, mode: str) -> Array:
    return np.diag(rng.uniform(0.4, 2.0, shape[0]))


def _symmetric(shape: tuple[int, ...], rng: Rng, mode: str) -> Array:
    a = _entries(shape, frozenset(), rng, mode)
    return _spd(shape, rng, mode) if "definite" in mode else (a + a.T) / 2


def _skew(shape: tuple[int, ...], rng: Rng, mode: str) -> Array:
    a = rng.standard_normal(shape)
    return (a - a.T) / 2


def _orthonormal(shape: tuple[int, ...], rng: Rng, mode: str) -> Array:
    if shape[0] < shape[1]:
        raise EvaluationError(
            f"{shape[1]} columns of {shape[0]} entries cannot be orthonormal: choose sizes with at "
            "least as many rows as columns"
        )
    return np.linalg.qr(rng.standard_normal(shape))[0]


def _lower(shape: tuple[int, ...], rng: Rng, mode: str) -> Array:
    return np.tril(rng.standard_normal(shape), -1) + np.diag(rng.uniform(0.5, 2.0, shape[0]))


def _upper(shape: tuple[int, ...], rng: Rng, mode: str) -> Array:
    return _lower(shape, rng, mode).T


def _invertible(shape: tuple[int, ...], rng: Rng, mode: str) -> Array:
    return _spd(shape, rng, mode) if "definite" in mode else well_conditioned(shape, rng)


def well_conditioned(shape: tuple[int, ...], rng: Rng) -> Array:
    """Return a random matrix of full rank with singular values between 0.5 and 2."""
    u, _, v = np.linalg.svd(rng.standard_normal(shape), full_matrices=False)
    return u * rng.uniform(0.5, 2.0, u.shape[1]) @ v


BUILDERS = {
    "diagonal": _diagonal, "orthonormal": _orthonormal, "spd": _spd, "psd": _psd, "skew": _skew,
    "symmetric": _symmetric, "lower": _lower, "upper": _upper, "invertible": _invertible,
}  # fmt: skip


def structured(variable: Expr, array: Array) -> Array:
    """Project a direction on the space that the structure of the variable allows."""
    attributes = variable.attributes
    if "diagonal" in attributes:
        return np.diag(np.diag(array))
    if "symmetric" in attributes:
        return (array + array.T) / 2
    if "skew" in attributes:
        return (array - array.T) / 2
    if "lower" in attributes:
        return np.tril(array)
    return np.triu(array) if "upper" in attributes else array


def inside(variable: Expr, array: Array) -> bool:
    """Whether an array lies in the open set that `spd`, `positive` and `unit` declare."""
    attributes = variable.attributes
    if "positive" in attributes and not np.all(array > 0):
        return False
    if "nonnegative" in attributes and not np.all(array >= 0):
        return False
    if "unit" in attributes and not np.all(np.abs(array) < 1):
        return False
    return "spd" not in attributes or bool(np.all(np.linalg.eigvalsh(array) > 0))


def points(
    variables: list[Expr], sizes: Mapping[str, int], rng: Rng, tries: int = 4
) -> Iterator[dict[Expr, Array]]:
    """Yield random points, the plainest ways to draw them first."""
    for mode in MODES:
        for _ in range(tries):
            yield {v: sample(v, sizes, rng, mode) for v in variables}
