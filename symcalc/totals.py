"""Products with vectors of ones, written as sums over entries, rows or columns."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from symcalc.expr import Expr
from symcalc.factors import flatten, untransposed

if TYPE_CHECKING:
    from symcalc.terms import Terms

SUMS = ("sum_rows", "sum_columns")


class Totals:
    """Writes products that may have vectors of ones in them, for the writer of terms."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.algebra = terms.algebra
        self.length = terms.presenter.length

    def written(self, factors: list[Expr]) -> Expr:
        """Write products with vectors of ones as sums over entries, rows or columns."""
        if "ones" not in [untransposed(f).op.role for f in factors]:
            return self.terms.plain(factors)
        cuts = [0, *(k for k in range(1, len(factors)) if factors[k].shape[0] == 1), len(factors)]
        parts = [self._summed(factors[a:b]) for a, b in pairwise(cuts)]
        whole = self.algebra.product_of([f for part in parts for f in flatten(part)])
        if factors[-1].shape[1] == 1:
            return whole
        joined = self._joined_ones(factors, cuts[1:-1])
        return joined if self.length(joined) < self.length(whole) else whole

    def _joined_ones(self, factors: list[Expr], cuts: list[int]) -> Expr:
        """Write the product of two vectors of ones as a matrix of ones."""
        joined = list(factors)
        for k in reversed(cuts):
            if self._is_ones(factors[k - 1], False) and self._is_ones(factors[k], True):
                shape = (factors[k - 1].shape[0], factors[k].shape[1])
                joined[k - 1 : k + 1] = [self.algebra.ones(shape)]
        return joined[0] if len(joined) == 1 else self.terms.powers(joined)

    def _summed(self, factors: list[Expr]) -> Expr:
        """Write a product as a sum over entries, rows or columns if it begins or ends with ones."""
        if len(factors) == 1:
            return factors[0]
        first, last = self._is_ones(factors[0], True), self._is_ones(factors[-1], False)
        if first and last and len(factors) > 2:
            return self.algebra.call("sum", self.terms.powers(factors[1:-1]))
        if first:
            inner = self.terms.powers(factors[1:])
            if inner.shape[1] == 1:
                return self.algebra.call("sum", inner)
            return self.algebra.transpose(self._totals(1, inner, factors[1:]))
        if last:
            inner = self.terms.powers(factors[:-1])
            if inner.shape[0] != 1:
                return self._totals(0, inner, factors[:-1])
            return self.algebra.call("sum", self._turned(factors[:-1]))
        return self.terms.powers(factors)

    def _totals(self, columns: int, inner: Expr, factors: list[Expr]) -> Expr:
        """Return the sums of rows or columns; those of a transpose are the other ones."""
        turned = self._turned(factors)
        if self.length(turned) < self.length(inner):
            columns, inner = 1 - columns, turned
        return self.algebra.call(SUMS[columns], inner)

    def _turned(self, factors: list[Expr]) -> Expr:
        return self.terms.powers([self.terms.turn(f) for f in reversed(factors)])

    def _is_ones(self, e: Expr, row: bool) -> bool:
        inner = untransposed(e)
        return inner.op.role == "ones" and (e.op.role == "transpose") == row
