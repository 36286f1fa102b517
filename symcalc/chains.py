"""Products of matrices in normal form: chains of factors, their transposes and their traces."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from symcalc.exact import Number
from symcalc.expr import Expr
from symcalc.factors import flatten, untransposed
from symcalc.poly import Mono, Poly, Scalars, add_terms, atom, collect, term
from symcalc.shape import SCALAR, Shape

if TYPE_CHECKING:
    from symcalc.normal import Normalizer
    from symcalc.op import Op

MAX_CHAIN = 40
MAX_DIVISOR = 6  # factors of a product that a quotient beside it may be divided by
QUOTIENTS = frozenset({"hadamard", "entrywise quotient", "entrywise power"})
MAX_OPENED = 6  # terms of a sum that is multiplied out in a trace


class Chains:
    """Operations on chains of factors over a normalizer."""

    def __init__(self, normalizer: Normalizer) -> None:
        self.n = normalizer
        self.turned: dict[Expr, tuple[Number, Expr]] = {}
        self.transposes: dict[Poly, Poly] = {}

    def chain_poly(
        self,
        shape: Shape,
        left: tuple[Expr, ...],
        right: tuple[Expr, ...],
        scalars: Scalars = (),
        coefficient: Number = 1,
    ) -> Poly:
        """Return the normal form of a product: rules applied, scalar segments taken out."""
        if len(left) + len(right) > MAX_CHAIN:
            self.n.cut = True
            left, right = self._shortened(left, right)
        factors = self.n.commuting.ordered(left + right)
        found = self.n.rules.reduce_chain(self.n, factors)
        if found is not None:
            whole, before, after = found
            inner = self.chain_poly_of(whole, before, after, shape)
            return self.n.multiply(term(SCALAR, Mono(scalars), coefficient), inner)
        spread = self._spread(factors)
        if spread is not None:
            parts = [(self.chain_poly(shape, f[:1], f[1:], s), c) for s, f, c in spread]
            return self.n.multiply(
                term(SCALAR, Mono(scalars), coefficient), add_terms(shape, parts)
            )
        segments = _segments(factors)
        outer: tuple[Expr, ...] = ()
        for segment in segments:
            if segment[0].shape[0] == 1 and segment[-1].shape[1] == 1:
                value = self._scalar_chain(segment)
                mono, factor = self.n.single(value)
                scalars, coefficient = (
                    self.n.scalars.merge(scalars, mono.scalars),
                    coefficient * factor,
                )
            else:
                outer += segment
        if len(outer) == 1 < len(segments) and untransposed(outer[0]).op.role == "sum":
            whole = self.n.normal(outer[0])  # a scalar beside a sum goes into its terms
            return self.n.multiply(term(SCALAR, Mono(scalars), coefficient), whole)
        return Poly(shape, {Mono(scalars, outer): coefficient} if coefficient else {})

    def _spread(
        self, factors: tuple[Expr, ...]
    ) -> list[tuple[Scalars, tuple[Expr, ...], Number]] | None:
        """Multiply `1'*(x - 1*c)` out: a sum beside a vector of ones, which meets ones in it; and
        `(I - 1*1'/n)*(I - 1*1'/n)`, sums of two terms with ones in both."""
        mark = self.n.algebra.role["sum"].mark
        for place, factor in enumerate(factors):
            if not factor.marks & mark or untransposed(factor).op.role != "sum":
                continue
            before, after = factors[:place], factors[place + 1 :]
            left = before and factor.shape[0] != 1 and self._meets_ones(before[-1], factor)
            right = after and factor.shape[1] != 1 and _is_ones(after[0])
            if not (left or right):
                continue
            poly = self.n.normal(factor)
            chains = [m.factors for m in poly.terms if m.factors]
            if any((left and _is_ones(f[0])) or (right and _is_ones(f[-1])) for f in chains):
                return [(m.scalars, before + m.factors + after, c) for m, c in poly.terms.items()]
        return None

    def _meets_ones(self, e: Expr, factor: Expr) -> bool:
        """Whether a factor is a vector of ones; or a sum of two terms that has one at its edge, and
        beside the other sum terms that cancel."""
        if untransposed(e).op.role != "sum":
            return _is_ones(e)
        if e is not factor and self.turn(factor)[1] is e:
            return False  # the size of what is centred stays: multiplied out, it loses digits
        first, second = self.n.normal(e).terms, self.n.normal(factor).terms
        if len(first) != 2 or not any(m.factors and _is_ones(m.factors[-1]) for m in first):
            return False
        shape, merge = (e.shape[0], factor.shape[1]), self.n.scalars.merge
        parts = [
            (self.chain_poly(shape, m.factors, k.factors, merge(m.scalars, k.scalars)), c * d)
            for m, c in first.items()
            for k, d in second.items()
        ]
        return len(add_terms(shape, parts).terms) < len(first) * len(second)

    def chain_poly_of(
        self, whole: Poly, before: tuple[Expr, ...], after: tuple[Expr, ...], shape: Shape
    ) -> Poly:
        """Return `before * whole * after`."""
        result = whole
        if before:
            front = term((before[0].shape[0], before[-1].shape[1]), Mono((), before))
            result = self.n.multiply(front, result)
        if after:
            back = term((after[0].shape[0], after[-1].shape[1]), Mono((), after))
            result = self.n.multiply(result, back)
        return Poly(shape, result.terms)

    def _shortened(
        self, left: tuple[Expr, ...], right: tuple[Expr, ...]
    ) -> tuple[tuple[Expr, ...], tuple[Expr, ...]]:
        """Keep the cost of long products linear: the longer side becomes one factor."""
        if len(left) >= len(right):
            return (self._opaque(left),), right
        return left, (self._opaque(right),)

    def _opaque(self, factors: tuple[Expr, ...]) -> Expr:
        boxed = self.n.algebra.chain(factors)
        self.n.memo[boxed] = term(boxed.shape, Mono((), (boxed,)))
        return boxed

    def _scalar_chain(self, factors: tuple[Expr, ...]) -> Poly:
        """Return a 1-by-1 product as a scalar factor: of it and its transpose one is kept."""
        turned, sign = self.turn_all(factors)
        if _chain_key(turned) < _chain_key(factors):
            factors = turned
        else:
            sign = 1
        poly = self._turned_reduced(turned, factors) or self._cancelled(factors)
        if poly is not None:
            return self.n.multiply(self.n.number(sign), poly)
        factors, turn = self._regrouped(factors)
        sign = sign * turn
        whole = self.n.algebra.chain(factors)
        result = term(SCALAR, Mono(((whole, 1),)))
        self.n.memo[whole] = result
        return self.n.multiply(self.n.number(sign), result) if sign != 1 else result

    def _turned_reduced(self, turned: tuple[Expr, ...], factors: tuple[Expr, ...]) -> Poly | None:
        """Apply the rows to a 1-by-1 product that was turned round; before, they were."""
        if factors is not turned or self.n.rules.reduce_chain(self.n, factors) is None:
            return None
        return self.chain_poly(SCALAR, factors, ())

    def _cancelled(self, factors: tuple[Expr, ...]) -> Poly | None:
        """Write `a'*(b ./ a)` as `sum(b)`: entrywise factors of an inner product that cancel."""
        for left, right in self._sides(factors):
            if left.op.role == right.op.role == "ones":
                return self.n.normal(self.n.algebra.dimension(left.shape[0]))
            joined = self.n.entrywise.joined(left, right)
            if joined is not None:
                row = self.n.algebra.transpose(self.n.algebra.ones(left.shape))
                return self.n.multiply(term(row.shape, Mono((), (row,))), joined)
        return None

    def _sides(self, factors: tuple[Expr, ...]) -> list[tuple[Expr, Expr]]:
        """Return the two vectors of an inner product; a longer chain may stand beside a quotient
        by what it is."""
        first = self.turn(factors[0])[1]
        if len(factors) == 2:
            return [(first, factors[1])]
        if not 2 < len(factors) <= MAX_DIVISOR:
            return []
        found = []
        for end, rest in ((first, factors[1:]), (factors[-1], self.turn_all(factors[:-1])[0])):
            if end.op.role in QUOTIENTS:
                found.append((end, self.n.algebra.product_of(rest)))
        return found

    def _regrouped(self, factors: tuple[Expr, ...]) -> tuple[tuple[Expr, ...], Number]:
        """Write `a'*(b .* c)`, `b'*(a .* c)` and `sum(a .* b .* c)` as one and the same product."""
        sides = None
        if len(factors) == 2:
            sides = self.n.entrywise.sides(self.turn(factors[0])[1], factors[1])
        if sides is None:
            return factors, 1
        new = (self.n.algebra.transpose(sides[0]), *flatten(sides[1]))
        turned, sign = self.turn_all(new)
        return (turned, sign) if _chain_key(turned) < _chain_key(new) else (new, 1)

    def transpose(self, poly: Poly) -> Poly:
        """Return the transpose."""
        if poly.shape == SCALAR:
            return poly
        found = self.transposes.get(poly)
        if found is None:
            found = self.transposes[poly] = self._transpose(poly)
        return found

    def _transpose(self, poly: Poly) -> Poly:
        shape = (poly.shape[1], poly.shape[0])
        terms = []
        for mono, c in poly.terms.items():
            factors, sign = self.turn_all(mono.factors)
            turned = self.n.commuting.ordered(factors)
            terms.append((Mono(mono.scalars, turned), c * sign))
        return collect(shape, terms) if terms[1:] else Poly(shape, dict(terms))

    def turn_all(self, factors: tuple[Expr, ...]) -> tuple[tuple[Expr, ...], Number]:
        """Return the reversed, transposed factors and their sign."""
        sign: Number = 1
        turned = []
        for factor in reversed(factors):
            s, other = self.turned.get(factor) or self.turn(factor)
            if s != 1:
                sign *= s
            turned.append(other)
        return tuple(turned), sign

    def turn(self, e: Expr) -> tuple[Number, Expr]:
        """Return the transpose of a factor: itself if it is symmetric, minus itself if skew."""
        found = self.turned.get(e)
        if found is None:
            found = self.turned[e] = self._turn(e)
        return found

    def _turn(self, e: Expr) -> tuple[Number, Expr]:
        if e.op.role == "transpose":
            return 1, e.args[0]
        if e.shape[0] == e.shape[1]:
            known = self.n.attributes.of(e)
            if "symmetric" in known:
                return 1, e
            if "skew" in known:
                return -1, e
        found = None if self.flips(e.op) else self.turned_by_row(e)
        return found or (1, self.n.algebra.transpose(e))

    def turned_by_row(self, e: Expr) -> tuple[Number, Expr] | None:
        """Return the transpose of a function by its row, if it is one factor."""
        turned = None if e.op.role else self.by_rule(e)
        if turned is None:
            return None
        mono, c = self.n.single(self.n.normal(turned))
        return (c, mono.factors[0]) if not mono.scalars and len(mono.factors) == 1 else None

    def by_rule(self, e: Expr) -> Expr | None:
        """Return what the row of an operation says its transpose is."""
        return self.n.book.said(e, "transpose")

    def flips(self, op: Op) -> bool:
        """Whether `f(A)' = f(A')`, as for every entrywise function."""
        key = ("flips", op)
        if key not in self.n.book.cache:
            body = self.n.book.body(op, "transpose", "")
            same = body is not None and body.body.op is op and not op.column("inside")
            slots = zip(op.slots, body.body.args, strict=False) if same and body else ()
            self.n.book.cache[key] = same and all(_turns(arg, slot.name) for slot, arg in slots)
        return bool(self.n.book.cache[key])

    def trace(self, e: Expr) -> Poly:
        poly = self.n.normal(e.args[0])
        opened = self._opened(poly)
        if opened is not None:
            value = self._traced(opened)
            fewer = len(value.terms) < len(opened.terms)
            if fewer or not all(_has_trace(mono.scalars) for mono in value.terms):
                return value
        return self._traced(poly)

    def _traced(self, poly: Poly) -> Poly:
        parts = []
        for mono, c in poly.terms.items():
            value = self._trace_of(mono.factors, poly.shape)
            parts.append((self.n.multiply(term(SCALAR, Mono(mono.scalars)), value), c))
        return add_terms(SCALAR, parts)

    def _opened(self, poly: Poly) -> Poly | None:
        """Multiply the only sum of a product out: in a trace its terms may be equal, or shorter."""
        if poly.single is None:
            return None
        (scalars, factors), c = poly.single
        places = [k for k, f in enumerate(factors) if untransposed(f).op.role == "sum"]
        if len(places) != 1 or len(self.n.normal(factors[places[0]]).terms) > MAX_OPENED:
            return None
        place = places[0]
        inner = self.n.normal(factors[place]).terms
        before, after = factors[:place], factors[place + 1 :]
        parts = [
            (self.chain_poly(poly.shape, before, m.factors + after, m.scalars), c * k)
            for m, k in inner.items()
        ]
        return self.n.multiply(term(SCALAR, Mono(scalars)), add_terms(poly.shape, parts))

    def _trace_of(self, factors: tuple[Expr, ...], shape: Shape) -> Poly:
        """Return the trace of a chain: the smallest of its rotations and their transposes."""
        if not factors:
            return self.n.normal(self.n.algebra.dimension(shape[0]))
        cut = next((k for k in range(1, len(factors)) if factors[k].shape[0] == 1), None)
        if cut is not None:
            return self.chain_poly(SCALAR, factors[cut:], factors[:cut])
        for k in range(1, len(factors)):
            turned = factors[k:] + factors[:k]
            if self.n.rules.reduce_chain(self.n, turned) is not None:
                square = (turned[0].shape[0], turned[-1].shape[1])
                reduced = self.n.build(self.chain_poly(square, turned[:1], turned[1:]))
                return self.n.normal(self.n.algebra.trace(reduced))
        sign, best = self._smallest_rotation(factors)
        made = self.n.algebra.trace(self.n.algebra.chain(best))
        rewritten = self.n.rules.apply(self.n, made)
        value = rewritten if rewritten is not None else atom(made)
        self.n.memo.setdefault(made, value)
        return self.n.multiply(self.n.number(sign), value) if sign != 1 else value

    def _smallest_rotation(self, factors: tuple[Expr, ...]) -> tuple[Number, tuple[Expr, ...]]:
        turned, sign = self.turn_all(factors)
        rotations = [
            ((count, key[k:] + key[:k]), s, chain[k:] + chain[:k])
            for s, chain in ((1, factors), (sign, turned))
            for count, key in [_chain_key(chain)]
            for k in range(len(chain))
        ]
        _, sign, best = min(rotations, key=lambda rotation: rotation[0])
        return sign, best


def _has_trace(scalars: Scalars) -> bool:
    return any(base.op.role == "trace" for base, _ in scalars)


def _is_ones(e: Expr) -> bool:
    return untransposed(e).op.role == "ones"


def _turns(arg: Expr, slot: str) -> bool:
    """Whether an argument of a transpose rule is the transpose of the slot in its place."""
    inner = untransposed(arg)
    turned = arg.op.role == "transpose" or arg.is_scalar
    return turned and inner.op.role == "symbol" and inner.name == slot


def _chain_key(factors: tuple[Expr, ...]) -> tuple[int, list[tuple[object, ...]]]:
    """Order chains: few transposes first, then by the factors."""
    count = sum([factor.op.role == "transpose" for factor in factors])
    return count, [factor.order for factor in factors]


def _segments(factors: tuple[Expr, ...]) -> list[tuple[Expr, ...]]:
    """Cut a chain where its inner dimension is 1."""
    inner = [k for k in range(1, len(factors)) if factors[k].shape[0] == 1]
    if not inner:
        return [factors] if factors else []
    cuts = [0, *inner, len(factors)]
    return [factors[a:b] for a, b in itertools.pairwise(cuts) if a < b]
