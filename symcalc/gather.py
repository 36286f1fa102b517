"""Sums whose terms are functions: `diag(a) + diag(b)` is `diag(a + b)`, `a .* b + a .* c` is
`a .* (b + c)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symcalc.exact import Number
from symcalc.expr import Expr, rebuild
from symcalc.poly import Mono, add_terms, term
from symcalc.shape import SCALAR, Shape
from symcalc.terms import Term, beside

if TYPE_CHECKING:
    from symcalc.entrywise import Factors
    from symcalc.normal import Normalizer
    from symcalc.present import Presenter
    from symcalc.sums import Sums


class Gathering:
    """Writes sums of functions as functions of sums, for the writer of sums."""

    def __init__(self, sums: Sums) -> None:
        self.sums = sums
        self.presenter: Presenter = sums.presenter
        self.n: Normalizer = sums.presenter.n

    def linear(self, terms: list[Term], shape: Shape) -> Expr | None:
        """Write `kron(A, B) + kron(A, C)` as `kron(A, B + C)`: both are linear in that place."""
        for place in (0, 1):
            groups: dict[object, list[Term]] = {}
            for k, t in enumerate(terms):
                groups.setdefault(beside(t, place) or k, []).append(t)
            if len(groups) < len(terms):
                gathered = [self._one_of(group, place) for group in groups.values()]
                return self.sums.sum_of(gathered, shape)
        return None

    def _one_of(self, terms: list[Term], place: int) -> Term:
        """Return the single operation of terms that differ in one argument."""
        if len(terms) == 1:
            return terms[0]
        inner: list[Term] = []
        for c, scalars, (e,) in terms:
            for mono, k in self.n.normal(e.args[place]).ordered:
                self.presenter.all_presented(mono.factors)
                inner.append((c * k, self.n.scalars.merge(scalars, mono.scalars), mono.factors))
        e = terms[0][2][0]
        args = list(self.presenter.all_presented(e.args))
        args[place] = self.sums.sum_of(inner, e.args[place].shape)
        return 1, (), (self.presenter.box(rebuild(e, tuple(args))),)

    def entrywise(self, terms: list[Term], shape: Shape) -> Expr | None:
        """Write `a .* b + a .^ 2 .* c` as `a .* (b + a .* c)`."""
        if shape == SCALAR or any(len(factors) != 1 for _, _, factors in terms):
            return None
        split = [self.n.entrywise.factors(f) for _, _, (f,) in terms]
        common = _least(split)
        if not common:
            return None
        rests = []
        for (c, scalars, _), factors in zip(terms, split, strict=True):
            left = {b: k - common[b] if b in common else k for b, k in factors.items()}
            plain = self.n.entrywise.product_of(shape, {b: k for b, k in left.items() if k != 0})
            rests.append((self.n.multiply(term(SCALAR, Mono(scalars)), plain), c))
        poly = add_terms(shape, rests)
        rest = self.n.build(poly)
        if not poly.terms or rest.size >= sum(f.size for _, _, (f,) in terms):
            return None
        inner = self.presenter.box(self.presenter.present(rest))
        return self.presenter.present(self.n.entrywise.expression({**common, inner: 1}))


def _least(split: list[Factors]) -> dict[Expr, Number]:
    """Return the powers that all products have in common, those with rational exponents."""
    first, *others = split
    common: dict[Expr, Number] = {
        b: k for b, k in first.items() if not isinstance(k, Expr) and b.op.role != "ones"
    }
    for factors in others:
        both = {b: factors[b] for b in common if b in factors}
        common = {b: min(common[b], k) for b, k in both.items() if not isinstance(k, Expr)}
    return common
