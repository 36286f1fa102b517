"""A scalar beside a sum and in it: `A*x/(1 + q/c)/c` is `A*x/(c + q)`, shorter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, NamedTuple

from symcalc.exact import HALF, Number, quotient
from symcalc.expr import Expr, substitute
from symcalc.factors import untransposed
from symcalc.graph import postorder
from symcalc.poly import Mono, Poly, Scalars, term
from symcalc.shape import SCALAR

if TYPE_CHECKING:
    from symcalc.present import Presenter
    from symcalc.terms import Term

MAX_TERMS = 6  # of a sum into which a scalar is moved
Moves = dict["Place", Number]


class Place(NamedTuple):
    """A sum in a part of a term, by which this part is homogeneous, and the degree: of all parts
    that are equal, and of all slots that it has."""

    part: Expr
    sum: Expr
    degree: Number


class Balance:
    """Moves powers of scalars into the sums of a term and out of them, for a presenter."""

    def __init__(self, presenter: Presenter) -> None:
        self.presenter = presenter
        self.n = presenter.n
        self.algebra = presenter.algebra
        self.inside: dict[Expr, dict[Expr, list[Number]]] = {}
        self.mark = self.algebra.role["sum"].mark

    def options(self, whole: Term) -> Iterator[Term]:
        """Yield equal terms in which a scalar that occurs twice stands otherwise."""
        parts = [*[base for base, _ in whole[1]], *whole[2]]
        if not reduce(or_, [part.marks for part in parts], 0) & self.mark:
            return
        found = Counter(self._places(whole))
        places = [p._replace(degree=p.degree * count) for p, count in found.items()]
        if len(places) + bool(whole[1]) < 2:  # nothing occurs twice
            return
        outside = self._outside(whole[1])
        seen = [base for place in places for base in self._exponents(place.sum)]
        for base in dict.fromkeys(seen):
            if base in outside or seen.count(base) > 1:
                rooted = self._is_positive(base)
                usable = [p for p in places if rooted or p.degree.denominator == 1]
                power = outside.get(base, 0)
                for moves in self._moves(usable, base, power < 0):
                    if self._saves(base, power, moves):
                        yield self._moved(whole, base, moves)

    def _outside(self, scalars: Scalars) -> dict[Expr, Number]:
        """Return the exponents of the factors beside the sums, and of their squares."""
        found = {base: k for base, k in scalars if not isinstance(k, Expr)}
        squares = {self.n.scalars.square(base): quotient(k, 2) for base, k in found.items()}
        return found | {square: k for square, k in squares.items() if square is not None}

    def _saves(self, base: Expr, power: Number, moves: Moves) -> bool:
        """Whether the powers of the scalar alone become shorter."""
        length, beside = self.n.length(base) + 1, power
        saved = _signs(power, length)
        for place, k in moves.items():
            beside += k * place.degree
            inside = self._exponents(place.sum)[base]
            saved += sum([_signs(x, length) - _signs(x - k, length) for x in inside])
        return saved >= _signs(beside, length)

    def _is_positive(self, base: Expr) -> bool:
        """Whether a root of the scalar can be taken out of a root of a product."""
        return not {"positive", "psd"}.isdisjoint(self.n.attributes.of(base))

    def _places(self, whole: Term) -> Iterator[Place]:
        """Yield the sums whose terms have different powers of a scalar."""
        _, scalars, factors = whole
        for base, k in scalars:
            inner = base.args[1] if base.op.role == "scale" else base
            if inner.op.role == "sum" and not isinstance(k, Expr) and self._exponents(inner):
                yield Place(base, inner, k)
        for factor in factors:
            if not factor.marks & self.mark:
                continue
            plain = untransposed(factor)
            sums = Counter(self._sums(plain))
            for (base, k), count in sums.items():
                if self._exponents(base) and _occurrences(base, plain) == count:  # no others
                    yield Place(factor, base, k * count)

    def _sums(self, factor: Expr) -> Iterator[tuple[Expr, Number]]:
        """Yield the sums in which a factor is homogeneous, with the degrees."""
        if factor.op.role == "sum":
            yield factor, 1
        elif factor.op.role == "symbol":
            return
        elif factor.op.role in ("", "inverse"):
            for degree, arg in self.n.functions.slots(factor):
                if degree and arg.op.role == "sum":
                    yield arg, degree
        else:
            for base, k in self.n.entrywise.factors(factor).items():
                if base.op.role == "sum" and not isinstance(k, Expr):
                    yield base, k

    def _exponents(self, e: Expr) -> dict[Expr, list[Number]]:
        """Return the scalars that some terms of a sum have, with their exponents in all terms."""
        found = self.inside.get(e)
        if found is None:
            monos = self.n.normal(e).terms
            bases = {b for m in monos for b, _ in m.scalars} if len(monos) <= MAX_TERMS else ()
            found = {}
            for base in bases:
                here = [dict(m.scalars).get(base, 0) for m in monos]
                exponents = [k for k in here if not isinstance(k, Expr)]
                if len(exponents) == len(here) and len(set(here)) > 1:
                    found[base] = exponents
            self.inside[e] = found
        return found

    def _moves(self, places: list[Place], base: Expr, below: bool) -> Iterator[Moves]:
        """Yield ways to divide sums by powers of the scalar: by the least everywhere, or by one
        where the scalar stands below the line already, and so is not 0."""
        exponents = {p: self._exponents(p.sum).get(base, [0]) for p in places}
        least = {p: min(found) for p, found in exponents.items() if min(found) < 0}
        if least:
            yield least
        if len(least) > 1:
            yield from ({place: k} for place, k in least.items())
        for place, found in exponents.items() if below else ():
            yield from ({place: k} for k in sorted(set(found)) if k > 0)

    def _moved(self, whole: Term, base: Expr, moves: Moves) -> Term:
        """Return the term with sums divided by powers of a scalar, which stand beside them."""
        c, scalars, factors = whole
        new: dict[Expr, Expr] = {}
        for place, k in moves.items():
            divided = {place.sum: self._divided(place.sum, base, k)}
            new[place.part] = substitute([new.get(place.part, place.part)], divided)[0]
        power = sum([k * place.degree for place, k in moves.items()])
        result = self.n.multiply(self._power(base, power), self.n.number(c))
        sums: Scalars = ()
        for b, x in scalars:
            made = new.get(b, b)
            if b in new and made.op.role == "sum":  # it stays divided
                sums = self.n.scalars.merge(sums, ((made, x),))
            else:
                result = self.n.multiply(result, self.n.scalars.power(self.n.normal(made), x))
        chain: list[Expr] = []
        for factor in factors:
            made = new.get(factor, factor)
            if factor in new and untransposed(factor).op.role != "sum":
                mono, value = self.n.single(self.n.normal(made))
                result = self.n.multiply(result, term(SCALAR, Mono(mono.scalars), value))
                chain += mono.factors
            else:
                chain.append(made)
        mono, value = self.n.single(result)
        beside = self.n.scalars.merge(mono.scalars, sums)
        self.presenter.all_presented((*(b for b, _ in beside), *chain))
        return value, beside, tuple(chain)

    def _power(self, base: Expr, k: Number) -> Poly:
        return self.n.scalars.power(self.n.normal(base), k)

    def _divided(self, e: Expr, base: Expr, k: Number) -> Expr:
        return self.n.build(self.n.multiply(self._power(base, -k), self.n.normal(e)))


def _occurrences(part: Expr, e: Expr) -> int:
    """Return how often a part stands in an expression that is written out."""
    counts: dict[Expr, int] = {}
    for node in postorder([e], into=lambda inner: inner is not part):
        counts[node] = 1 if node is part else sum([counts[arg] for arg in node.args])
    return counts[e]


def _signs(k: Number, length: int) -> int:
    """Return how long a power of a scalar of some length is, with the sign before it."""
    return 0 if k == 0 else length + (0 if abs(k) in (1, HALF) else 2)
