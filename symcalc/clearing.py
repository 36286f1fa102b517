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
        self.least: dict[Expr, dict[Expr, Number]] = {}

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
            least = self.least.get(whole)
            if least is None:
                least = self.least[whole] = self._least(whole)
            for base in [b for b in factors if b in least and b is not whole]:
                k, power = factors[base], least[base]
                if isinstance(k, Expr):
                    continue
                after, now = (k + power * times) ** 2, k**2
                fewer = after < now or (power < 0 and after == now)
                rooted = times.denominator == 1 or self.n.attributes.has(base, "positive")
                if fewer and rooted:
                    yield Move(whole, base, power)

    def _least(self, whole: Expr) -> dict[Expr, Number]:
        """Return the least power of each factor in the terms of a sum, where that is not 0."""
        monos = self.n.normal(whole).terms
        if len(monos) > MAX_TERMS:
            return {}
        found = [self._factors(whole.shape, mono) for mono in monos]
        powers = {b: [factors.get(b, 0) for factors in found] for f in found for b in f}
        least = {
            b: min(k for k in ks if not isinstance(k, Expr))
            for b, ks in powers.items()
            if not any(isinstance(k, Expr) for k in ks)
        }
        return {b: k for b, k in least.items() if k}

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
