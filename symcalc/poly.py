"""Sums of products in normal form: what the simplifier computes with.

A term is a rational coefficient, commuting scalar factors with exponents, and a chain of matrix
factors. The empty chain of a square shape is the identity.
"""

from __future__ import annotations

from fractions import Fraction
from math import gcd
from typing import NamedTuple

from symcalc.exact import Number
from symcalc.expr import Expr, sort_key
from symcalc.shape import SCALAR, Shape

Exponent = Number | Expr
Scalars = tuple[tuple[Expr, Exponent], ...]


class Mono(NamedTuple):
    """The part of a term beside its coefficient."""

    scalars: Scalars = ()
    factors: tuple[Expr, ...] = ()


UNIT = Mono()


class Poly:
    """A sum of terms of one shape, not changed once made; the zero has none.

    `single` is the only term, if there is exactly one.
    """

    __slots__ = ("_ordered", "shape", "single", "terms")

    def __init__(self, shape: Shape, terms: dict[Mono, Number]) -> None:
        self.shape = shape
        self.terms = terms
        self.single: tuple[Mono, Number] | None = None
        if len(terms) == 1:
            (self.single,) = terms.items()
        self._ordered: list[tuple[Mono, Number]] | None = None

    @property
    def ordered(self) -> list[tuple[Mono, Number]]:
        """The terms in their natural order."""
        if self._ordered is None:
            self._ordered = sorted(self.terms.items(), key=_place)
        return self._ordered

    @property
    def constant(self) -> Number | None:
        """The value, if this is a number."""
        if self.shape != SCALAR:
            return None
        if not self.terms:
            return 0
        single = self.single
        return single[1] if single and single[0] == UNIT else None


def term(shape: Shape, mono: Mono, coefficient: Number = 1) -> Poly:
    """Return a single term."""
    return Poly(shape, {mono: coefficient})


def atom(e: Expr) -> Poly:
    """Return an expression that the normal form does not look into."""
    mono = Mono(((e, 1),)) if e.is_scalar else Mono((), (e,))
    return Poly(e.shape, {mono: 1})


def add_terms(shape: Shape, parts: list[tuple[Poly, Number]]) -> Poly:
    """Return the combination of polynomials; terms that cancel vanish."""
    return collect(shape, [(mono, c * k) for poly, k in parts for mono, c in poly.terms.items()])


def collect(shape: Shape, terms: list[tuple[Mono, Number]]) -> Poly:
    """Return the sum of the terms; those that cancel vanish."""
    total: dict[Mono, Number] = {}
    for mono, coefficient in terms:
        value = total.get(mono, 0) + coefficient
        if value:
            total[mono] = value
        else:
            total.pop(mono, None)
    return Poly(shape, total)


def sorted_scalars(merged: dict[Expr, Exponent]) -> Scalars:
    """Order the factors and drop those with exponent zero."""
    kept = [(base, k) for base, k in merged.items() if k != 0]
    if len(kept) < 2:
        return tuple(kept)
    return tuple(sorted(kept, key=lambda item: sort_key(item[0])))


def below_line(k: Exponent) -> bool:
    """Whether a factor with this exponent stands below the line of a fraction."""
    return not isinstance(k, Expr) and k < 0


def _place(item: tuple[Mono, Number]) -> tuple[object, ...]:
    """The natural order of terms: more matrix factors first, then by name."""
    mono, _ = item
    scalars, factors = mono
    chain = [f.order for f in factors]
    powers = [(base.order, -1 if isinstance(k, Expr) else -k) for base, k in scalars]
    return (-len(chain), not powers and not chain, chain, powers)


def content(coefficients: list[Number]) -> Number:
    """Return the positive rational that divides all coefficients into coprime integers."""
    top, bottom = 0, 1
    for value in coefficients:
        top = gcd(top, value.numerator)
        bottom = bottom * value.denominator // gcd(bottom, value.denominator)
    return top if bottom == 1 else Fraction(top, bottom)
