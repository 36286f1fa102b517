"""Sums whose terms are functions: `diag(a) + diag(b)` is `diag(a + b)`, `a .* b + a .* c` is
`a .* (b + c)`.
"""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from symcalc.exact import Number, quotient
from symcalc.expr import Expr, rebuild
from symcalc.factors import flatten, untransposed
from symcalc.poly import Mono, Scalars, add_terms, term
from symcalc.shape import SCALAR, Shape
from symcalc.terms import Factors as Chain
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
        if sum([len(f) == 1 and not f[0].op.role for _, _, f in terms]) < 2:
            return None
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
        found: dict[Mono, Number] = {}  # what several arguments have in common is one term
        for c, scalars, (e,) in terms:
            for mono, k in self.n.normal(e.args[place]).ordered:
                self.presenter.all_presented(mono.factors)
                here = Mono(self.n.scalars.merge(scalars, mono.scalars), mono.factors)
                found[here] = found.get(here, 0) + c * k
        inner = [(c, m.scalars, m.factors) for m, c in found.items() if c]
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
        last: Factors = {rest if rest in common else inner: 1}
        whole = self.n.entrywise.merged({**common}, last)
        return self.presenter.present(self.n.entrywise.expression(whole))

    def around(self, terms: list[Term], shape: Shape) -> Expr | None:
        """Write `inv(A) - inv(A)*B*inv(A)` as `inv(A)*(A - B)*inv(A)`."""
        alone = [t[2][0] for t in terms if len(t[2]) == 1]
        outer = alone[0] if len(alone) == 1 else None
        if outer is None or untransposed(outer).op.role != "inverse":
            return None
        if not all(len(f) == 1 or (len(f) > 2 and f[0] is f[-1] is outer) for _, _, f in terms):
            return None
        inverse = self.n.algebra.make(untransposed(outer).op, (outer,))
        middle = self.presenter.factors_of(self.n.normal(inverse))
        inner = [(c, s, f[1:-1] if len(f) > 1 else middle) for c, s, f in terms]
        box = self.presenter.box(self.sums.sum_of(inner, shape))
        return self.sums.terms.term((1, (), (outer, box, outer)), shape)

    def regathered(self, terms: list[Term], shape: Shape) -> Expr | None:
        """Write `A*(x - y) - x + y` as `(A - I)*(x - y)`: a sum whose terms stand beside it."""
        loose = {Mono(s, f): c for c, s, f in terms}
        for _, _, factors in terms:
            for factor in (factors[:1] + factors[-1:]) if len(factors) > 1 else ():
                if untransposed(factor).op.role != "sum" or factor.shape != shape:
                    continue
                inside = self.n.normal(factor).terms
                times = {quotient(loose[m], c) if m in loose else 0 for m, c in inside.items()}
                if len(times) == 1 and (value := times.pop()):
                    rest = [(c, s, f) for c, s, f in terms if Mono(s, f) not in inside]
                    return self.sums.sum_of([*rest, (value, (), (factor,))], shape)
        return None

    def multiples(self, terms: list[Term], shape: Shape) -> Expr | None:
        """Write `c*x - c*y + x - y` as `(c + 1)*(x - y)`: several scalars times the same terms, or
        the identity."""
        if shape == SCALAR:
            return None
        groups: dict[Scalars, dict[Chain, Number]] = {}
        for c, scalars, factors in terms:
            groups.setdefault(scalars, {})[factors] = c
        alike: dict[frozenset[tuple[Chain, Number]], list[tuple[Number, Scalars]]] = {}
        for scalars, parts in groups.items():
            lead = next(parts[factors] for _, _, factors in terms if factors in parts)
            key = frozenset((factors, quotient(c, lead)) for factors, c in parts.items())
            alike.setdefault(key, []).append((lead, scalars))
        for key, multiples in alike.items():
            if len(multiples) > 1 and len(key) > 1:
                return self._times(dict(key), multiples, terms, shape)
        alone = [t for t in terms if not t[2]]
        return self._one_multiple(alone, terms, shape) if len(alone) > 1 else None

    def _one_multiple(self, alone: list[Term], terms: list[Term], shape: Shape) -> Expr:
        """Return the multiples of the identity as one, beside the other terms."""
        sign = -1 if all(c < 0 for c, _, _ in alone) else 1
        times = self.sums.sum_of([(sign * c, s, ()) for c, s, _ in alone], SCALAR)
        one: Term = (sign, ((self.presenter.box(times), 1),), ())
        return self.sums.sum_of([*(t for t in terms if t[2]), one], shape)

    def _times(
        self,
        parts: dict[Chain, Number],
        multiples: list[tuple[Number, Scalars]],
        terms: list[Term],
        shape: Shape,
    ) -> Expr:
        """Return the sum of multiples times the sum of parts, and the other terms."""
        scalars = [s for _, s in multiples]
        inner: list[Term] = [(parts[f], (), f) for _, s, f in terms if s == scalars[0]]
        outer = self.sums.sum_of([(c, s, ()) for c, s in multiples], SCALAR)
        boxes = (self.presenter.box(outer), 1), self.presenter.box(self.sums.sum_of(inner, shape))
        rest = [t for t in terms if t[1] not in scalars]
        return self.sums.sum_of([*rest, (1, boxes[:1], boxes[1:])], shape)

    def ending(self, terms: list[Term]) -> Expr | None:
        """Write `x'*A*B*y - z'*B*y` as `(A'*x - z)'*B*y`, for endings of two factors or more."""
        split = [part for t in terms if (part := self._product(t)) is not None]
        if len(split) < len(terms):
            return None
        (c, scalars, first), *others = split
        best: Expr | None = None
        for start, sign in self._ways(first):
            chosen = [
                max(self._ways(f), key=lambda way: _shared(start, way[0])) for _, _, f in others
            ]
            shared = min(_shared(start, chain) for chain, _ in chosen)
            if not 2 <= shared < min(len(start), *(len(chain) for chain, _ in chosen)):
                continue
            rest = [(c * sign, scalars, start[:-shared])]
            for (k, more, _), (chain, s) in zip(others, chosen, strict=True):
                rest.append((k * s, more, chain[:-shared]))
            made = self._row(rest) * self.sums.terms.chain(
                self.presenter.all_presented(start[-shared:]), (start[-shared].shape[0], 1)
            )
            if best is None or self.n.length(made) < self.n.length(best):
                best = made
        return best

    def _product(self, t: Term) -> Term | None:
        """Take the single inner product out of a scalar term."""
        c, scalars, factors = t
        found = [base for base, k in scalars if base.op.role == "product" and k == 1]
        if factors or len(found) != 1:
            return None
        return c, tuple(part for part in scalars if part[0] is not found[0]), flatten(found[0])

    def _ways(self, chain: Chain) -> list[tuple[Chain, Number]]:
        return [(chain, 1), self.n.chains.turn_all(chain)]

    def _row(self, terms: list[Term]) -> Expr:
        """Write a sum of rows as the transpose of a sum of columns."""
        columns: list[Term] = []
        for c, scalars, factors in terms:
            turned, sign = self.n.chains.turn_all(factors)
            self.presenter.all_presented(turned)
            columns.append((c * sign, scalars, turned))
        length = terms[0][2][-1].shape[1]
        return self.n.algebra.transpose(self.sums.sum_of(columns, (length, 1)))


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


def _shared(a: Chain, b: Chain) -> int:
    """Return the length of the common end."""
    pairs = zip(reversed(a), reversed(b), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] is pair[1], pairs))
