"""A sum in the shortest of its forms: factored, grouped, in one trace, under one transpose."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from symcalc.exact import Number, quotient
from symcalc.expr import Expr, node, sort_key
from symcalc.factors import flatten, rotations, starts_negative, untransposed
from symcalc.gather import Gathering
from symcalc.poly import Exponent, Mono, Scalars, content
from symcalc.shape import SCALAR, Shape
from symcalc.stack import Stacking
from symcalc.terms import TURN_SAVING, Factors, Term, transposes

if TYPE_CHECKING:
    from symcalc.normal import Normalizer
    from symcalc.present import Presenter

FACTORED_TERMS = 24
IDENTITY_PENALTY = 2
FULL_PENALTY = 6  # `(A - I)*x` for `A*x - x`: only where much more than x is shared
SCALAR_SAVING = 2  # `a*b - a + c` stays
PLACES = {"first": 0, "last": -1}
Outer = tuple[Expr, Exponent | str]  # a scalar factor with its exponent, a factor with its place


class Sums:
    """Writes sums of terms for a presenter."""

    def __init__(self, presenter: Presenter) -> None:
        self.presenter = presenter
        self.terms = presenter.terms
        self.n = presenter.n
        self.algebra = presenter.algebra
        self.length = presenter.length
        self.written: dict[tuple[object, ...], Expr] = {}
        self.gathering = Gathering(self)
        self.stacking = Stacking(self)

    def sum_of(self, terms: list[Term], shape: Shape) -> Expr:
        """Write a sum, with common factors taken out where that is shorter."""
        key: tuple[object, ...] = (*terms, shape)
        if key not in self.written:
            self.written[key] = self._sum_of(terms, shape)
        return self.written[key]

    def _sum_of(self, terms: list[Term], shape: Shape) -> Expr:
        if not terms:
            return self.algebra.zeros(shape)
        if len(terms) == 1:
            return self.terms.term(terms[0], shape)
        words = self.presenter.words.terms
        worded = words.get(frozenset((Mono(s, f), c) for c, s, f in terms)) if words else None
        if worded is not None and worded.shape == shape:
            return worded
        plain = self._plain(terms, shape)
        if len(terms) > FACTORED_TERMS:
            return plain
        best, bound = plain, self.length(plain)
        for candidate, saving in (
            (self._factored(terms, shape), 1),
            (self._merged(terms) if shape == SCALAR else self._absorbed(terms, shape), 1),
            (self._turned(terms, shape), TURN_SAVING),
            (self.gathering.linear(terms, shape), 1),
            (self.gathering.entrywise(terms, shape), 1),
            (self.gathering.around(terms, shape), 1),
            (self.gathering.regathered(terms, shape), 1),
            (self.gathering.multiples(terms, shape), 1),
            (self.stacking.stacked(terms, shape), 1),
            (self.gathering.ending(terms) if shape == SCALAR else None, 1),
        ):
            if candidate is not None and self.length(candidate) + saving <= bound:
                best, bound = candidate, self.length(candidate)
                self.presenter.regrouped = True
        return best

    def _plain(self, terms: list[Term], shape: Shape) -> Expr:
        written = [self.terms.term(t, shape) for t in terms]
        if any(e.op.role == "sum" for e in written):
            self.presenter.regrouped = True  # its terms may cancel others
        shown = [part for e in written for part in (e.args if e.op.role == "sum" else (e,))]
        lead = next((k for k, t in enumerate(shown) if not starts_negative(t)), 0)
        shown.insert(0, shown.pop(lead))
        return node(self.algebra.role["sum"], tuple(shown), shape)

    def _turned(self, terms: list[Term], shape: Shape) -> Expr | None:
        """Write a sum of transposed products as the transpose of a sum."""
        if 1 in shape or any(transposes(factors) < 1 for _, _, factors in terms):
            return None
        turned = []
        for c, scalars, factors in terms:
            reverse, sign = self.n.chains.turn_all(factors)
            for factor in reverse:
                self.presenter.shown.setdefault(factor, factor)
            turned.append((c * sign, scalars, reverse))
        if all(transposes(factors) for _, _, factors in turned):
            return None
        return self.algebra.transpose(self.sum_of(turned, (shape[1], shape[0])))

    def _merged(self, terms: list[Term]) -> Expr | None:
        """Write `tr(P*A) + tr(P*B)` as `tr(P*(A + B))`."""
        split = [self._trace_factor(t) for t in terms]
        if any(part is None for part in split):
            return None
        found = [part for part in split if part is not None]
        c, scalars, first = found[0]
        best: Expr | None = None
        for start in rotations(first):
            others = [_best_rotation(start, chain, self.n) for _, _, chain in found[1:]]
            shared = min([_shared(start, chain) for chain, _ in others], default=0)
            if not shared or shared == len(start):
                continue
            rest = [(c, scalars, start[shared:])]
            for (k, s, _), (chain, sign) in zip(found[1:], others, strict=True):
                rest.append((k * sign, s, chain[shared:]))
            inner = (start[shared - 1].shape[1], start[0].shape[0])
            box = self.presenter.box(self.sum_of(rest, inner))
            whole = self.algebra.trace(
                self.terms.chain((*self.presenter.all_shown(start[:shared]), box), inner)
            )
            if best is None or self.length(whole) < self.length(best):
                best = whole
        return best

    def _trace_factor(self, term: Term) -> Term | None:
        """Take the single trace out of a scalar term: coefficient, other scalars, its chain."""
        c, scalars, factors = term
        traces = [(b, k) for b, k in scalars if b.op.role == "trace" and k == 1]
        if factors or len(traces) != 1:
            return None
        (base, _), poly = traces[0], self.n.normal(traces[0][0].args[0])
        if poly.single is None or poly.single[1] != 1 or poly.single[0].scalars:
            return None
        for factor in poly.single[0].factors:
            self.presenter.present(factor)
        return c, tuple(item for item in scalars if item[0] is not base), poly.single[0].factors

    def _absorbed(self, terms: list[Term], shape: Shape) -> Expr | None:
        """Write `(b'*x)*a + (a'*x)*b` as `(a*b' + b*a')*x`."""
        if shape[1] != 1:
            return None
        choices = [self._endings(t) for t in terms]
        if all(len(options) == 1 for options in choices):
            return None
        common = set.intersection(*({f[-1] for _, _, f in options} for options in choices))
        best: Expr | None = None
        for last in sorted(common, key=sort_key):
            picked = [next(t for t in options if t[2][-1] is last) for options in choices]
            found = self._factored(picked, shape)
            if found is not None and (best is None or self.length(found) < self.length(best)):
                best = found
        return best

    def _endings(self, term: Term) -> list[Term]:
        """Return the ways to write a term, one of its scalar products at the end of the chain."""
        c, scalars, factors = term
        found = [term] if factors else []
        for base, k in scalars:
            if base.op.role == "product" and k == 1 and factors:
                rest = tuple(item for item in scalars if item[0] is not base)
                chain = flatten(base)
                turned, sign = self.n.chains.turn_all(chain)
                for ending, s in ((chain, 1), (turned, sign)):
                    for factor in ending:
                        self.presenter.present(factor)
                    found.append((c * s, rest, (*factors, *ending)))
        return found

    def _factored(self, terms: list[Term], shape: Shape) -> Expr | None:
        outer, scalars, inner = self._common_scalars(terms)
        before, after, rest = _common_factors(inner)
        if outer == 1 and not (scalars or before or after):
            return self._grouped(terms, shape)
        if before or after:
            middle = (
                before[-1].shape[1] if before else shape[0],
                after[0].shape[0] if after else shape[1],
            )
            if middle == SCALAR and shape != SCALAR:
                return None
            whole = self._around((outer, scalars, (*before, *after)), len(before), rest, middle)
            written = self.terms.term(whole, shape)
            if self._is_usable(written, terms, rest, shape, middle):
                return written
            if outer == 1 and not scalars:
                return self._grouped(terms, shape)
        box = self.presenter.box(self.sum_of(inner, shape))
        if shape == SCALAR:
            return self.terms.term((outer, self._beside(scalars, box), ()), shape)
        return self.terms.term((outer, scalars, (box,)), shape)

    def _beside(self, scalars: Scalars, box: Expr) -> Scalars:
        """Return scalar factors and a sum: after them, or over one like it."""
        met = any(base is box for base, _ in scalars)
        return self.n.scalars.merge(scalars, ((box, 1),)) if met else (*scalars, (box, 1))

    def _around(self, shared: Term, place: int, rest: list[Term], middle: Shape) -> Term:
        """Return a product with a sum at a place of its chain, or a sum of scalars beside it."""
        c, scalars, factors = shared
        if middle != SCALAR and not any(f for _, _, f in rest):
            self.n.joined = True  # read anew, the scalars are one factor
            return c, (*scalars, (self.presenter.box(self.sum_of(rest, SCALAR)), 1)), factors
        box = self.presenter.box(self.sum_of(rest, middle))
        return c, scalars, (*factors[:place], box, *factors[place:])

    def _is_usable(
        self, written: Expr, terms: list[Term], rest: list[Term], shape: Shape, middle: Shape
    ) -> bool:
        """Whether what the terms share may be taken out: an identity in the brackets must pay."""
        full = shape[1] == 1 != middle[1] and any(_is_full(f) for _, _, f in rest)
        if full and any(x.shape[0] == 1 for _, _, f in rest for x in f):
            return False  # `(y'*x)*x - y` stays: no outer product comes into being
        saving = FULL_PENALTY if full else IDENTITY_PENALTY
        return all(f for _, _, f in rest) or self._saves(written, terms, shape, saving)

    def _saves(self, whole: Expr, terms: list[Term], shape: Shape, saving: int) -> bool:
        if self.length(whole) + saving >= self.length(self._plain(terms, shape)):
            return False
        other = self._grouped(terms, shape) if saving == FULL_PENALTY else None
        return other is None or self.length(whole) + saving < self.length(other)

    def _common_scalars(self, terms: list[Term]) -> tuple[Number, Scalars, list[Term]]:
        outer = content([c for c, _, _ in terms])
        if all(self.terms.worded_parts(t)[0] < 0 for t in terms):
            outer = -outer
        shared = dict(terms[0][1])
        for _, scalars, _ in terms[1:]:
            here = dict(scalars)
            least = {b: _least(k, here[b]) for b, k in shared.items() if b in here}
            shared = {b: k for b, k in least.items() if k is not None}
        if outer == 1 and not shared:
            return 1, (), terms
        inverse = tuple((b, -k) for b, k in shared.items())
        rest = [(quotient(c, outer), self.n.scalars.merge(s, inverse), f) for c, s, f in terms]
        return outer, tuple(shared.items()), rest

    def _grouped(self, terms: list[Term], shape: Shape) -> Expr | None:
        """Take the most profitable factor, first, last or scalar, out of those that share it."""
        best = next((key for key in self._groups(terms) if not _is_long(terms, key)), None)
        if best is None or (shape == SCALAR and best[0].op.column("index")):
            return None  # a polynomial in coordinates stays as it is
        inside = [t for t in terms if best in _outer_factors(t)]
        outside = [t for t in terms if best not in _outer_factors(t)]
        box = self.presenter.box(self.sum_of(inside, shape))
        if shape != SCALAR:
            return self.sum_of([*outside, (1, (), (box,))], shape) if outside else box
        self.n.joined = True  # the sum may stand beside one like it, or over it
        whole = self.sum_of([*outside, (1, ((box, 1),), ())], shape)
        plain = self.length(self._plain(terms, shape))
        return whole if self.length(whole) + SCALAR_SAVING <= plain else None

    def _groups(self, terms: list[Term]) -> list[Outer]:
        """Return what some but not all terms share, the most profitable first."""
        counts = Counter(key for term in terms for key in _outer_factors(term))
        gains = [
            ((count - 1) * (1 + self.length(self.presenter.shown[key[0]])), -index, key)
            for index, (key, count) in enumerate(counts.items())
            if 1 < count < len(terms)
        ]
        return [key for *_, key in sorted(gains, key=lambda gain: gain[:2], reverse=True)]


def _is_long(terms: list[Term], key: Outer) -> bool:
    """Whether more than what the terms share would stand inside the brackets."""
    before, after, rest = _common_factors([t for t in terms if key in _outer_factors(t)])
    long = any(len(f) > max(1, len(before) + len(after)) for _, _, f in rest)
    return long and key[1] in PLACES


def _outer_factors(term: Term) -> list[Outer]:
    """Return what can be taken out of a term: its first or last factor, its scalar factors."""
    _, scalars, factors = term
    ends = [(factors[place], name) for name, place in PLACES.items()] if len(factors) > 1 else []
    return [*ends, *scalars]


def _is_full(factors: Factors) -> bool:
    """Whether a vector would be written as an identity or as ones times another vector."""
    return not factors or any(untransposed(f).op.role == "ones" for f in factors)


def _least(a: Exponent, b: Exponent) -> Exponent | None:
    if not (isinstance(a, Expr) or isinstance(b, Expr)):
        return min(a, b) if a * b > 0 and a > 0 else (max(a, b) if a < 0 and b < 0 else None)
    return a if a is b else None


def _common_factors(terms: list[Term]) -> tuple[Factors, Factors, list[Term]]:
    """Split off the factors that all chains begin and end with."""
    chains = [f for _, _, f in terms]
    shortest = min(len(f) for f in chains)
    before = 0
    while before < shortest and len({f[before] for f in chains}) == 1:
        before += 1
    after = 0
    while after < shortest - before and len({f[len(f) - 1 - after] for f in chains}) == 1:
        after += 1
    cut = [(c, s, f[before : len(f) - after]) for c, s, f in terms]
    first = chains[0]
    return first[:before], first[len(first) - after :], cut


def _shared(a: Factors, b: Factors) -> int:
    """Return the length of the common beginning."""
    count = 0
    while count < min(len(a), len(b)) and a[count] is b[count]:
        count += 1
    return count


def _best_rotation(start: Factors, chain: Factors, n: Normalizer) -> tuple[Factors, Number]:
    """Return the rotation of a chain or of its transpose that begins most like `start`."""
    turned, sign = n.chains.turn_all(chain)
    options: list[tuple[Factors, Number]] = [(c, 1) for c in rotations(chain)]
    options += [(c, sign) for c in rotations(turned)]
    return max(options, key=lambda option: _shared(start, option[0]))
