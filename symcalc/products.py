"""The order of a product, by dynamic programming over the costs of its runs.

At every cut the plain product competes with the rewrite rows of the stage "lower"; a run that is
needed elsewhere as well is free. A sum between factors is multiplied out where that is cheaper.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from symcalc.chain_split import Parts
from symcalc.factors import untransposed
from symcalc.graph import postorder

if TYPE_CHECKING:
    from symcalc.expr import Expr
    from symcalc.lower import Lowering
    from symcalc.lower_rows import Factors

MAX_CHAIN = 20  # longer chains are cut into pieces
MAX_TERMS, MAX_NESTED = 4, 2  # how far a sum inside a product is multiplied out, as a trial
GAIN = 0.8  # multiplying out must save a fifth
Found = tuple[float, "Expr"]


def _within(part: Expr, whole: Expr) -> bool:
    """Whether a value, or its transpose, is computed on the way to another."""
    return untransposed(part) in postorder([whole])


class Products:
    """Finds the cheapest way to compute the products of a lowering, and remembers their runs."""

    def __init__(self, whole: Lowering) -> None:
        self.whole = whole
        self.memo: dict[Factors, Found] = {}
        self.nested = 0

    def chain(self, factors: Factors) -> Found:
        """Return the cheapest way to compute a product, and its cost."""
        if len(factors) == 1:
            return self.whole.atom(factors[0])
        known = self.memo.get(factors)
        if known is None:
            other = self.memo.get(self.whole.turn_all(factors))
            known = (other[0], self.whole.flipped(other[1])) if other else self._solved(factors)
            self.memo[factors] = known
        return known

    def run(self, factors: Factors) -> Found:
        """Return a part of a chain: one that is needed elsewhere as well costs nothing here."""
        cost, made = self.chain(factors)
        there = factors in self.whole.wanted or untransposed(made) in self.whole.free
        return (0.0 if len(factors) > 1 and there else cost), made

    def _solved(self, factors: Factors) -> Found:
        if len(factors) > MAX_CHAIN:
            return self._in_pieces(factors)
        options = [self._cut(factors, k) for k in range(len(factors) - 1, 0, -1)]
        options += self._by_rows(factors)
        turned = self._by_rows(self.whole.turn_all(factors))
        options += [(cost, self.whole.flipped(made)) for cost, made in turned]
        best = min(options, key=lambda option: option[0])
        for expanded in self._expansions(factors):
            option = self.whole.found(expanded)
            best = option if option[0] < GAIN * best[0] else best
        return best

    def _in_pieces(self, factors: Factors) -> Found:
        """Join the pieces of a long chain one after the other, from the end that is a vector."""
        starts = range(0, len(factors), MAX_CHAIN)
        pieces = [self.chain(factors[k : k + MAX_CHAIN]) for k in starts]
        backwards = factors[-1].shape[1] == 1
        cost, made = pieces.pop() if backwards else pieces.pop(0)
        for other, piece in pieces[::-1] if backwards else pieces:
            pair = (piece, made) if backwards else (made, piece)
            cost += other + self.whole.costs.product(*pair)
            made = self.whole.algebra.times(*pair)
        return cost, made

    def _cut(self, factors: Factors, k: int) -> Found:
        (m, left), (n, right) = self.run(factors[:k]), self.run(factors[k:])
        if factors[: len(factors) - k] == self.whole.turn_all(factors[k:]):
            n = 0.0 if _within(right, left) else n  # `A*B*A'`: the outer part is computed once
        return m + n + self.whole.costs.product(left, right), self.whole.algebra.times(left, right)

    def _by_rows(self, factors: Factors) -> Iterator[Found]:
        names = dict.fromkeys(untransposed(f).op.name for f in factors)
        for name in names:
            for row in self.whole.rows.products.get(name, ()):
                if self.whole.usable(row):
                    for binding in self.whole.matcher.windows(row, factors):
                        yield self.whole.found(row.result(binding))

    def _expansions(self, factors: Factors) -> Iterator[Expr]:
        """Yield a product with a sum multiplied out, for each of its sums."""
        if not self.whole.distribute or self.nested >= MAX_NESTED:
            return
        self.nested += 1
        for k, factor in enumerate(factors):
            base = untransposed(factor)
            if self._may_expand(base):
                terms = [t if base is factor else self.whole.turn(t) for t in base.args]
                chain = self.whole.algebra.product_of
                yield self.whole.algebra.sum_of(
                    *[chain((*factors[:k], t, *factors[k + 1 :])) for t in terms]
                )
        self.nested -= 1

    def _may_expand(self, e: Expr) -> bool:
        """Whether a factor is a sum of a few matrices that is needed here only, or never formed."""
        if e.op.role != "sum" or 1 in e.shape or len(e.args) > MAX_TERMS:
            return False
        return self.whole.uses[e] <= 1 or all(self._is_light(term) for term in e.args)

    def _is_light(self, term: Expr) -> bool:
        """Whether a term takes less than a matrix product: the identity, or of rank one."""
        factors = (self.whole.parts(term) or Parts(factors=[term])).factors
        return any(f.op.role == "identity" or 1 in f.shape for f in factors)
