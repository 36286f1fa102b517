"""A factor beside an entrywise sum and in it: `x ./ (y .* (1 + x ./ y))` is `x ./ (y + x)`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from symcalc.exact import Number
from symcalc.expr import Expr
from symcalc.poly import Mono, Poly, add_terms, term
from symcalc.shape import Shape

if TYPE_CHECKING:
    from symcalc.entrywise import Factors
    from symcalc.normal import Normalizer

MAX_TERMS = 6  # of a sum into which a factor is moved


class Move(NamedTuple):
    """A power of a factor that all terms of a sum are divided by."""

    sum: Expr
    base: Expr
    power: Number


class Clearing:
    """Clears the denominators of sums in entrywise products, over a normalizer."""

    def __init__(self, normalizer: Normalizer) -> None:
        self.n = normalizer

    def cleared(self, shape: Shape, factors: Factors) -> Poly | None:
        """Return the product with a factor moved into a sum, where it is below the line, or out of
        all its terms; None where nothing is to be moved."""
        if len(factors) < 2 or all(base.op.role != "sum" for base in factors):
            return None
        move = next(self._moves(factors), None)
        if move is None:
            return None
        times = factors[move.sum]
        rest = {b: k for b, k in factors.items() if b is not move.sum}
        more = self.n.scalars.times_exponent(move.power, times)
        rest[move.base] = self.n.scalars.add_exponents(rest[move.base], more)
        entrywise = self.n.entrywise
        beside = entrywise.product_of(shape, {b: k for b, k in rest.items() if k != 0})
        inside = self.n.build(self._divided(move))
        return entrywise.times(beside, entrywise.power(inside, times))

    def _moves(self, factors: Factors) -> Iterator[Move]:
        for whole, times in factors.items():
            if whole.op.role != "sum" or isinstance(times, Expr):
                continue
            for base, k in factors.items():
                least = self._least(whole, base)
                if base is whole or isinstance(k, Expr) or not least:
                    continue
                after, now = (k + least * times) ** 2, k**2
                fewer = after < now or (least < 0 and after == now)
                rooted = times.denominator == 1 or self.n.attributes.has(base, "positive")
                if fewer and rooted:
                    yield Move(whole, base, least)

    def _least(self, whole: Expr, base: Expr) -> Number:
        """Return the least power of a factor in the terms of a sum."""
        monos = self.n.normal(whole).terms
        if len(monos) > MAX_TERMS:
            return 0
        found = [self._factors(whole.shape, mono).get(base, 0) for mono in monos]
        rational = [k for k in found if not isinstance(k, Expr)]
        return min(rational) if len(rational) == len(found) else 0

    def _factors(self, shape: Shape, mono: Mono) -> Factors:
        chain = self.n.chain(mono.factors, shape)
        return {} if chain is None else self.n.entrywise.factors(chain)

    def _divided(self, move: Move) -> Poly:
        poly = self.n.normal(move.sum)
        by = self.n.entrywise.product_of(poly.shape, {move.base: -move.power})
        parts = [
            (self.n.entrywise.times(term(poly.shape, mono), by), c) for mono, c in poly.ordered
        ]
        return add_terms(poly.shape, parts)
