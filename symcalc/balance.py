"""A scalar beside a sum and in it: `A*x/(1 + q/c)/c` is `A*x/(c + q)`, shorter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from symcalc.exact import Number
from symcalc.expr import Expr, substitute
from symcalc.factors import untransposed
from symcalc.poly import UNIT, Mono, Poly, Scalars, below_line, term
from symcalc.shape import SCALAR, Shape

if TYPE_CHECKING:
    from symcalc.present import Presenter
    from symcalc.terms import Term

MAX_TERMS = 6  # of a sum into which a scalar is moved
Moves = dict["Place", Number]


class Place(NamedTuple):
    """A sum in a part of a term, by which this part is homogeneous, and the degree."""

    part: Expr
    sum: Expr
    degree: Number


class Balance:
    """Moves powers of scalars into the sums of a term and out of them, for a presenter."""

    def __init__(self, presenter: Presenter) -> None:
        self.presenter = presenter
        self.n = presenter.n
        self.algebra = presenter.algebra
        self.inside: dict[Expr, dict[Expr, set[Number]]] = {}

    def options(self, whole: Term, shape: Shape) -> Iterator[Term]:
        """Yield equal terms in which a scalar that occurs twice stands otherwise."""
        places = [place for place in self._places(whole) if self._exponents(place.sum)]
        if not places:
            return
        outside = self._outside(whole[1])
        seen = [base for place in places for base in self._exponents(place.sum)]
        for base in dict.fromkeys(seen):
            if base in outside or seen.count(base) > 1:
                rooted = self._is_positive(base)
                usable = [p for p in places if rooted or p.degree.denominator == 1]
                for moves in self._moves(usable, base, outside.get(base, False)):
                    moved = self._moved(whole, shape, base, moves)
                    if moved is not None:
                        yield moved

    def _outside(self, scalars: Scalars) -> dict[Expr, bool]:
        """Return the factors beside the sums, and their squares: whether below the line."""
        found = {base: below_line(k) for base, k in scalars}
        squares = {self.n.scalars.square(base): below for base, below in found.items()}
        return found | {square: below for square, below in squares.items() if square is not None}

    def _is_positive(self, base: Expr) -> bool:
        """Whether a root of the scalar can be taken out of a root of a product."""
        return not {"positive", "psd"}.isdisjoint(self.n.attributes.of(base))

    def _places(self, whole: Term) -> Iterator[Place]:
        _, scalars, factors = whole
        for base, k in scalars:
            if base.op.role == "sum" and not isinstance(k, Expr):
                yield Place(base, base, k)
        for factor in factors:
            for base, k in self._sums(untransposed(factor)):
                yield Place(factor, base, k)

    def _sums(self, factor: Expr) -> Iterator[tuple[Expr, Number]]:
        """Yield the sums in which a factor is homogeneous, with the degrees."""
        if factor.op.role == "sum":
            yield factor, 1
        elif factor.op.role in ("", "inverse"):
            for degree, arg in self.n.functions.slots(factor):
                if degree and arg.op.role == "sum":
                    yield arg, degree
        else:
            for base, k in self.n.entrywise.factors(factor).items():
                if base.op.role == "sum" and not isinstance(k, Expr):
                    yield base, k

    def _exponents(self, e: Expr) -> dict[Expr, set[Number]]:
        """Return the scalars that some terms of a sum have, with their exponents in all terms."""
        found = self.inside.get(e)
        if found is None:
            monos = self.n.normal(e).terms
            bases = {b for m in monos for b, _ in m.scalars} if len(monos) <= MAX_TERMS else ()
            found = {}
            for base in bases:
                here = {dict(m.scalars).get(base, 0) for m in monos}
                exponents = {k for k in here if not isinstance(k, Expr)}
                if len(here) > 1 and len(exponents) == len(here):
                    found[base] = exponents
            self.inside[e] = found
        return found

    def _moves(self, places: list[Place], base: Expr, below: bool) -> Iterator[Moves]:
        """Yield ways to divide sums by powers of the scalar: by the least everywhere, or by one
        where the scalar stands below the line already, and so is not 0."""
        exponents = {p: self._exponents(p.sum).get(base, {0}) for p in places}
        least = {p: min(found) for p, found in exponents.items() if min(found) < 0}
        if least:
            yield least
        for place, found in exponents.items() if below else ():
            yield from ({place: k} for k in sorted(found) if k > 0)

    def _moved(self, whole: Term, shape: Shape, base: Expr, moves: Moves) -> Term | None:
        c, scalars, factors = whole
        power = sum(k * place.degree for place, k in moves.items())
        result = self.n.multiply(self._power(base, power), term(SCALAR, Mono((), ()), c))
        sums = {p.part: {p.sum: self._divided(p.sum, base, k)} for p, k in moves.items()}
        for b, k in scalars:
            new = substitute([b], sums[b])[0] if b in sums else b
            result = self.n.multiply(result, self.n.scalars.power(self.n.normal(new), k))
        chain = term(shape, UNIT)
        if factors:
            made = [substitute([f], sums[f])[0] if f in sums else f for f in factors]
            chain = self.n.normal(self.algebra.product_of(made))
        single = self.n.multiply(result, chain).single
        if single is None:
            return None
        mono, value = single
        self.presenter.all_presented((*(b for b, _ in mono.scalars), *mono.factors))
        return value, mono.scalars, mono.factors

    def _power(self, base: Expr, k: Number) -> Poly:
        return self.n.scalars.power(self.n.normal(base), k)

    def _divided(self, e: Expr, base: Expr, k: Number) -> Expr:
        return self.n.build(self.n.multiply(self._power(base, -k), self.n.normal(e)))
