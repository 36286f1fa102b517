"""Two formulas side by side: by normal form, by numbers at random points, term by term."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from symcalc.differential import direction
from symcalc.errors import EvaluationError
from symcalc.exact import Number
from symcalc.expand import multiplied_out
from symcalc.expr import Expr, substitute
from symcalc.graph import postorder
from symcalc.judge import (
    EXACT_TOLERANCE,
    SIZE_ORDERS,
    Array,
    Point,
    by_name,
    find_points,
    relative_error,
    size_of_value,
    values_of,
)
from symcalc.normal import Normalizer
from symcalc.poly import Mono, Poly
from symcalc.rulebook import Rulebook
from symcalc.sample import Rng, choose_sizes, structured
from symcalc.shape import SCALAR, dim_names
from symcalc.simplify import normalizer, simplify

if TYPE_CHECKING:
    from symcalc.derivation import Derivation

LARGEST_DENOMINATOR = 60
SMALL = (2, 3)
PIECEWISE_ROUNDS = 4  # a piece that one point in five meets is missed once in a thousand times
DELICATE = frozenset({"spd", "psd", "orthonormal", "invertible"})  # not kept by rounding


@dataclass(frozen=True)
class Sample:
    """A point, with the direction of the variable, and the sizes of the dimensions there."""

    point: Point
    sizes: Mapping[str, int]

    def error(self, got: Expr, wanted: Expr, size: float = 0.0) -> float:
        """Return the relative error of one formula against another."""
        a, b = values_of([got, wanted], self.point, self.sizes)
        return relative_error(a, b, size)


class Samples:
    """Points of the domain of a function, for the comparison of formulas in its variables."""

    def __init__(self, d: Derivation, wanted: Expr, answer: Expr, seed: int) -> None:
        self.d = d
        self.wanted = wanted
        self.answer = answer  # in the shape of `wanted`
        self.seed = seed

    @property
    def _moving(self) -> tuple[Expr, ...]:
        known = {*self.d.function.variables, self.d.variable, self._direction}
        return (*by_name({*self.answer.variables} - known), self.d.variable)

    @property
    def _direction(self) -> Expr:
        return direction(self.d.variable)

    @cached_property
    def all(self) -> tuple[Sample, ...]:
        """Points where function, derivative and answer are finite, at several choices of sizes;
        more of them where a kink parts the formulas into pieces.

        Raises `EvaluationError` where the derivative is finite nowhere.
        """
        found: list[Sample] = []
        problem: EvaluationError | None = None
        rounds = PIECEWISE_ROUNDS if self._is_piecewise() else 1
        for wanted in (self.wanted - self.answer, self.wanted):
            rng = np.random.default_rng(self.seed)
            for order in SIZE_ORDERS * rounds:
                try:
                    found += self._drawn(wanted, order, rng)
                except EvaluationError as error:
                    problem = error
            if found:
                return tuple(found)
        raise problem or EvaluationError("no point was found to compare the formulas at")

    def _is_piecewise(self) -> bool:
        roots = [self.wanted, self.answer]
        return any(e.op.column("analytic") is False for e in postorder(roots))

    def _drawn(self, result: Expr, order: Iterable[int], rng: Rng) -> list[Sample]:
        sizes = choose_sizes([*self.d.function.variables, *self._moving], {}, order)
        h, moving = self._direction, self._moving
        sizes, points = find_points(self.d.function, result, moving, h, sizes, rng)
        shape = np.shape(points[0][self.d.variable])
        by = structured(self.d.variable, rng.standard_normal(shape))
        return [Sample({**point, h: by}, sizes) for point in points]

    def agree(self, got: Expr, wanted: Expr) -> bool:
        """Whether two formulas have the same value at every point."""
        return all(self._error(sample, got, wanted) <= EXACT_TOLERANCE for sample in self.all)

    def _error(self, sample: Sample, got: Expr, wanted: Expr) -> float:
        size = size_of_value(self.wanted, sample.point, sample.sizes)
        return sample.error(got, wanted, size)

    def factor(self, got: Expr, wanted: Expr) -> Expr | None:
        """Return c with `got = c*wanted`: a rational number, also times or over a scalar."""
        algebra = self.d.rules.algebra
        ratios = [_ratio(got, wanted, sample) for sample in self.all]
        if any(ratio is None for ratio in ratios):
            return None
        for base in self._scalars():
            values = [values_of([base], s.point, s.sizes)[0] for s in self.all]
            found = {_rational(ratio / value) for ratio, value in zip(ratios, values, strict=True)}
            if len(found) == 1 and (value := found.pop()):
                return simplify(algebra.times(algebra.number(value), base), self.d.rules)
        return None

    def _scalars(self) -> Iterator[Expr]:
        algebra = self.d.rules.algebra
        one = algebra.number(1)
        yield one
        used = self.d.function.variables
        names = dict.fromkeys(chain(*(dim_names(dim) for v in used for dim in v.shape)))
        plain = [algebra.dimension(name) for name in names]
        plain += [v for v in used if v.shape == SCALAR and v is not self.d.variable]
        for base in plain:
            yield from (base, algebra.divide(one, base))

    def counterexample(self) -> Sample:
        """Return a point where the answer differs: small, with short numbers where that can be."""
        try:
            small = self._drawn(self.wanted, SMALL, np.random.default_rng(self.seed))
        except EvaluationError:
            small = []
        for sample in chain(map(_rounded, small), small, self.all):
            if not self._error(sample, self.answer, self.wanted) <= EXACT_TOLERANCE:
                return sample
        raise EvaluationError("the formulas agree at every point")

    def symmetric_would_do(self) -> list[Expr]:
        """Return the variables which, if they were symmetric, would make the answer right."""
        square = [v for v in self.wanted.variables if v.shape[0] == v.shape[1] != 1]
        found = []
        for v in (v for v in square if "symmetric" not in v.attributes):
            turned = [_with_symmetric(sample, v) for sample in self.all]
            if all(self._error(s, self.answer, self.wanted) <= EXACT_TOLERANCE for s in turned):
                found.append(v)
        return found


def _ratio(got: Expr, wanted: Expr, sample: Sample) -> float | None:
    a, b = (np.asarray(v) for v in values_of([got, wanted], sample.point, sample.sizes))
    if a.shape != b.shape or not np.any(b) or not np.all(np.isfinite(a)):
        return None
    ratio = float(np.sum(a * b) / np.sum(b * b))
    return ratio if relative_error(a, ratio * b) <= EXACT_TOLERANCE else None


def _rational(value: float) -> Fraction | None:
    near = Fraction(value).limit_denominator(LARGEST_DENOMINATOR)
    return near if abs(value - near) <= EXACT_TOLERANCE * abs(value) else None


def _rounded(sample: Sample) -> Sample:
    point = {v: a if v.attributes & DELICATE else _short(a) for v, a in sample.point.items()}
    return Sample(point, sample.sizes)


def _short(array: Array) -> Array:
    """Round to one digit after the point, and never to zero: there may be a kink."""
    return np.sign(array) * np.maximum(np.round(np.abs(array), 1), 0.1)


def _with_symmetric(sample: Sample, v: Expr) -> Sample:
    array: Array = sample.point[v]
    return Sample({**sample.point, v: (array + array.T) / 2}, sample.sizes)


def same_form(a: Expr, b: Expr, book: Rulebook) -> bool:
    """Whether two formulas of one shape are equal by simplification, where both have a value."""
    n, difference = normalizer(book), _where_defined(a - b)
    return not n.normal(difference).terms or not multiplied_out(difference, n).terms


def _where_defined(e: Expr) -> Expr:
    """Declare invertible what occurs inverted: elsewhere the formula has no value."""
    inverted = [x.args[0] for x in postorder([e]) if x.op.role == "inverse"]
    known = {
        v: v.op.algebra.symbol(v.name, v.shape, v.attributes | {"invertible"}, v.parameters)
        for v in inverted
        if v.op.role == "symbol"
    }
    return substitute([e], known)[0] if known else e


@dataclass(frozen=True)
class Terms:
    """What is off, term by term, after multiplying out."""

    missing: tuple[Expr, ...]
    extra: tuple[Expr, ...]
    scaled: tuple[tuple[Expr, Number, Number], ...]  # a term, its factor, the right factor

    def lines(self) -> list[str]:
        """Return what is off in words."""
        found = []
        for what, terms in (("missing", self.missing), ("too many", self.extra)):
            if terms:
                found.append(f"{what}: {', '.join(map(str, terms))}")
        found += [
            f"{term}: coefficient {got}, should be {right}" for term, got, right in self.scaled
        ]
        return found


def compared_terms(answer: Expr, wanted: Expr, book: Rulebook) -> Terms:
    """Compare two formulas of one shape term by term."""
    n = normalizer(book)
    got, right = multiplied_out(answer, n), multiplied_out(wanted, n)
    common = [mono for mono, _ in right.ordered if mono in got.terms]
    return Terms(
        _shown(n, right, got),
        _shown(n, got, right),
        tuple(
            (_term(n, right, mono, 1), got.terms[mono], right.terms[mono])
            for mono in common
            if got.terms[mono] != right.terms[mono]
        ),
    )


def _shown(n: Normalizer, of: Poly, without: Poly) -> tuple[Expr, ...]:
    return tuple(_term(n, of, mono, c) for mono, c in of.ordered if mono not in without.terms)


def _term(n: Normalizer, of: Poly, mono: Mono, c: Number) -> Expr:
    return simplify(n.build_term(of.shape, mono, c), n.book)
