"""Sums whose terms cancel once products are multiplied out: `s .* (1 - y) - (1 - s) .* y`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING

from symcalc.expand import collects, ways_out
from symcalc.expr import Expr, substitute
from symcalc.factors import starts_negative, untransposed
from symcalc.graph import missing, postorder
from symcalc.poly import Mono, Poly, add_terms, term
from symcalc.shape import SCALAR

if TYPE_CHECKING:
    from symcalc.normal import Normalizer

MAX_TERMS = 8
MAX_SIZE = 150
SAVING = 3
Names = frozenset[Expr]


class Cancelling:
    """Tries to multiply sums out, over a normalizer."""

    def __init__(self, normalizer: Normalizer) -> None:
        self.n = normalizer
        self.names: dict[Expr, Names] = {}
        self.tried = False

    def shorter(self, poly: Poly) -> Poly:
        """Return a sum multiplied out if that is smaller, which it is where terms cancel."""
        poly = self._over_one(poly) if poly.shape == SCALAR and len(poly.terms) > 1 else poly
        count = 0 if self.tried else len(poly.terms)
        if not 2 <= count <= MAX_TERMS or not self._may_cancel(poly):
            return poly
        whole = self.n.build(poly)
        if whole.size > MAX_SIZE:
            return poly
        plain = type(self.n)(self.n.book, self.n.rules)
        plain.cancelling.tried = True
        starts = (whole, self._reflected(whole))
        opened = [(way, start) for start in starts for way in ways_out(start, plain)]
        best, start = min(opened, key=lambda pair: pair[0].size)
        if best.size + SAVING > whole.size and not collects(start, plain):
            return poly  # no terms met, no factors cancelled: the author's grouping stays
        return self.n.normal(best) if best.size < whole.size else poly

    def _over_one(self, poly: Poly) -> Poly:
        """Write `1 - a/(a + b)` as `b/(a + b)`: a sum below the line of some terms, where that
        leaves fewer terms."""
        below = [
            b for mono in poly.terms for b, k in mono.scalars if k == -1 and b.op.role == "sum"
        ]
        for base in dict.fromkeys(below) if len(poly.terms) <= MAX_TERMS else ():
            times = self.n.normal(base)
            parts = []
            for mono, c in poly.terms.items():
                over = dict(mono.scalars).get(base) == -1
                rest = self.n.scalars.merge(mono.scalars, ((base, 1),)) if over else mono.scalars
                factor = self.n.number(1) if over else times
                parts += [
                    (self.n.multiply(term(SCALAR, Mono(rest)), term(SCALAR, m, k)), c)
                    for m, k in factor.terms.items()
                ]
            top = add_terms(SCALAR, parts)
            if len(top.terms) < len(poly.terms):
                return self.n.multiply(top, self.n.scalars.power(times, -1))
        return poly

    def _may_cancel(self, poly: Poly) -> bool:
        """Whether two terms, one of them with a sum in it, can become products of the same names,
        or two functions each other's reflection: this costs little and rules nearly all out."""
        closed: set[Names] = set()
        opened: set[Names] = set()
        chains = [list(self._pieces(mono)) for mono in poly.terms]
        if len({p for pieces in chains for p in pieces if p.op.column("reflection")}) > 1:
            return True
        if not any(p.op.role == "sum" for pieces in chains for p in pieces):
            return False
        for pieces in chains:
            sums = [p for p in pieces if p.op.role == "sum"]
            rest = self._all_names([p for p in pieces if p not in sums])
            here = {rest.union(*names) for names in product(*map(self._of_terms, sums))}
            if not here.isdisjoint(opened if not sums else opened | closed):
                return True
            (opened if sums else closed).update(here)
        return False

    def _pieces(self, mono: Mono) -> Iterator[Expr]:
        """Yield the factors of entrywise products, and what else is no sum: where other products
        meet sums, the way in which they are grouped stays."""
        yield from (base for base, _ in mono.scalars if base.op.role != "sum")
        for factor in map(untransposed, mono.factors):
            if len(found := self.n.entrywise.factors(factor)) > 1 or factor.op.role != "sum":
                yield from map(untransposed, found)

    def _of_terms(self, e: Expr) -> list[Names]:
        return [self._all_names([term]) for term in e.args]

    def _all_names(self, parts: list[Expr]) -> Names:
        """Return the variables that occur in any of the parts."""
        for part in parts:
            for e in missing(part, self.names):
                leaf = frozenset([e]) if e.op.role == "symbol" else frozenset()
                self.names[e] = leaf.union(*(self.names[arg] for arg in e.args))
        return frozenset().union(*(self.names[part] for part in parts))

    def _reflected(self, e: Expr) -> Expr:
        """Write `f(-x)` in terms of `f(x)` where a row says how, and both occur."""
        nodes = [node for node in postorder([e]) if node.op.column("reflection")]
        nodes.sort(key=lambda node: not starts_negative(node.args[0]))
        values: dict[Expr, Expr] = {}
        for node in nodes:
            other = self.n.canonical(node.op.algebra.build(node.op, (-node.args[0],)))
            said = self.n.book.said(other, "reflection") if other.op is node.op else None
            if said is not None and other in nodes and other not in values:
                values[node] = said
        return substitute([e], values)[0] if values else e
