"""Traces: a circle of factors, cut where that is cheapest, or rewritten by the rows for traces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from symcalc.chain_split import Parts, circles, rotations
from symcalc.factors import untransposed
from symcalc.products import Found

if TYPE_CHECKING:
    from symcalc.expr import Expr
    from symcalc.lower import Lowering
    from symcalc.lower_rows import Factors


class Traces:
    """Finds the cheapest way to compute the traces of a lowering."""

    def __init__(self, whole: Lowering) -> None:
        self.whole = whole

    def found(self, e: Expr) -> Found:
        """Return the cheapest way to compute a trace, and its cost."""
        parts = self.whole.parts(e.args[0]) or Parts(factors=[e.args[0]])
        options = [
            (
                self.whole.products.run(p)[0]
                + self.whole.products.run(q)[0]
                + self.whole.costs.gathered(made),
                made,
            )
            for pair in circles(tuple(parts.factors))
            for p, q in (pair, pair[::-1])
            for made in self._paired(p, q)
        ]
        for factors in rotations(tuple(parts.factors)):
            options += [*self._around(factors), self._whole_trace(factors)]
        cost, made = min(options, key=lambda option: option[0])
        scalar = self.whole.scalar(parts)
        return cost, made if scalar is None else self.whole.algebra.times(scalar, made)

    def _around(self, factors: Factors) -> Iterator[Found]:
        """Yield what the rows for a trace with an operation in it make of a circle."""
        for name in dict.fromkeys(untransposed(f).op.name for f in factors):
            for row in self.whole.rows.circles.get(name, ()):
                for binding in (
                    self.whole.matcher.windows(row, factors) if self.whole.usable(row) else ()
                ):
                    yield self.whole.found(row.result(binding))

    def _whole_trace(self, factors: Factors) -> Found:
        """Return the trace of a product that is computed as a whole, as a solution may be."""
        cost, whole = self.whole.products.run(factors)
        made = self.whole.algebra.trace(untransposed(whole))
        return cost + self.whole.costs.operation(made), made

    def _paired(self, p: Factors, q: Factors) -> Iterator[Expr]:
        """Yield the rows for the trace of the product of two runs."""
        left, right = self.whole.products.run(p)[1], self.whole.products.run(q)[1]
        for row in self.whole.rows.traces:
            binding = self.whole.matcher.match_all(row.factors, (left, right), {})
            if binding is not None:
                yield row.result(binding)
