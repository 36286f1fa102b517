"""Functions in normal form: defined, expanded or rewritten by their rows, else one factor."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from symcalc.exact import Number, quotient, raised
from symcalc.expr import Expr, node, sort_key
from symcalc.factors import untransposed
from symcalc.poly import UNIT, Mono, Poly, Scalars, atom, term
from symcalc.shape import SCALAR

if TYPE_CHECKING:
    from symcalc.normal import Normalizer
    from symcalc.op import Op
    from symcalc.template import Template

EXPANDED_POWER = 12


class Traits(NamedTuple):
    """What the row of an operation says to the normal form."""

    define: Template | None
    expand: Callable[[Normalizer, Expr, list[Expr]], Expr | None] | None
    degrees: list[int | None]
    invariant: bool
    absolute: bool

    def slots(self, e: Expr) -> list[tuple[int | None, Expr]]:
        """Return the arguments with the degree in which the operation is homogeneous there."""
        return [(self.degrees[0 if e.op.variadic else k], arg) for k, arg in enumerate(e.args)]


class Functions:
    """Operations without a place in the ring, and powers of matrices, over a normalizer."""

    def __init__(self, normalizer: Normalizer) -> None:
        self.n = normalizer
        self.transposes: dict[Expr, Expr] = {}

    def normal(self, e: Expr) -> Poly:
        """Return the normal form of an operation that the ring does not know."""
        traits = self._traits(e.op)
        if traits.define is not None:
            return self.n.normal(traits.define(self.n.algebra, e.args, e.sizes))
        if not e.args:
            found = traits.expand(self.n, e, []) if traits.expand else None
            rewritten = self.n.rules.apply(self.n, e) if found is None else self.n.normal(found)
            return atom(e) if rewritten is None else rewritten
        for degree, arg in traits.slots(e):
            vanishes = traits.absolute or (degree is not None and degree > 0)
            if vanishes and not self.n.normal(arg).terms:
                return Poly(e.shape, {})
        args, scalars, coefficient = self._arguments(e, traits)
        expanded = traits.expand(self.n, e, args) if traits.expand else None
        if expanded is not None:
            result = self.n.normal(expanded)
        else:
            same, sizes = tuple(args) == e.args, e.data if e.op.dims else ()
            result = self._apply(e if same else self.n.algebra.build(e.op, args, sizes))
            if not scalars and coefficient == 1:
                return result
        return self.n.multiply(term(SCALAR, Mono(scalars), coefficient), result)

    def slots(self, e: Expr) -> list[tuple[int | None, Expr]]:
        """Return the arguments with the degree in which the operation is homogeneous there."""
        return self._traits(e.op).slots(e)

    def _traits(self, op: Op) -> Traits:
        found: Traits | None = self.n.book.cache.get(("traits", op))
        if found is None:
            found = self.n.book.cache["traits", op] = Traits(
                self.n.book.body(op, "define", ""),
                EXPANSIONS.get(op.column("expand", "")),
                [self._degree(op, k) for k in range(len(op.slots))],
                bool(op.column("invariant")),
                bool(op.column("absolute")),
            )
        return found

    def _degree(self, op: Op, index: int) -> int | None:
        given: int | None = op.column("homogeneous", {}).get(op.slot(index).name)
        if given is None and self.n.book.is_linear(op, index):
            return 1
        return given

    def _arguments(self, e: Expr, traits: Traits) -> tuple[list[Expr], Scalars, Number]:
        """Return the canonical arguments, and what homogeneous slots let out."""
        args: list[Expr] = []
        scalars: Scalars = ()
        coefficient: Number = 1
        for degree, arg in traits.slots(e):
            poly = self.n.normal(arg)
            if degree is not None and poly.terms:
                mono, c = self.n.single(poly)
                if c > 0 or degree % 2 in (0, 1):
                    coefficient *= raised(c, degree)
                    out = mono.scalars if poly.shape != SCALAR else ()
                    free = [degree == 1 or not isinstance(k, Expr) for _, k in out]
                    outer = tuple(
                        (b, k if degree == 1 else k * degree)
                        for (b, k), leaves in zip(out, free, strict=True)
                        if leaves
                    )
                    kept = tuple(p for p, leaves in zip(out, free, strict=True) if not leaves)
                    scalars = self.n.scalars.merge(scalars, outer)
                    inner = Mono(kept if poly.shape != SCALAR else mono.scalars, mono.factors)
                    poly = term(poly.shape, inner)
            if traits.absolute and poly.terms:
                poly, out, c = self._magnitude(poly)
                scalars, coefficient = self.n.scalars.merge(scalars, out), coefficient * c
            if traits.invariant and poly.shape[1] != 1:
                poly = self._smaller_side(poly)
            args.append(self.n.build(poly))
        return args, scalars, coefficient

    def _magnitude(self, poly: Poly) -> tuple[Poly, Scalars, Number]:
        """Return an argument without the scalars before it, and their absolute values."""
        mono, c = self.n.single(poly)
        inside = () if poly.shape == SCALAR else mono.scalars
        if any(isinstance(k, Expr) for _, k in inside):
            return poly, (), 1
        outside, size = self.n.number(max(c, -c)), self.n.algebra.ops["abs"]
        for base, k in inside:
            whole = self.n.normal(self.n.algebra.make(size, (base,)))
            outside = self.n.multiply(outside, self.n.scalars.power(whole, k))
        inverse = tuple((base, self.n.scalars.times_exponent(k, -1)) for base, k in inside)
        rest = self.n.multiply(term(SCALAR, Mono(inverse), quotient(1, c)), poly)
        mono, c = self.n.single(outside)
        return rest, mono.scalars, c

    def _smaller_side(self, poly: Poly) -> Poly:
        """Choose between an argument and its transpose, which the function does not tell apart."""
        turned = self.n.chains.transpose(poly)
        here, there = self.n.build(poly), self.n.build(turned)
        return turned if (there.size, sort_key(there)) < (here.size, sort_key(here)) else poly

    def _apply(self, e: Expr) -> Poly:
        """Apply the rewrite rows to a node with canonical arguments."""
        if e in self.n.memo:
            return self.n.memo[e]
        if self.n.is_ring(e.op):
            return self.n.normal(e)
        rewritten = self.n.rules.apply(self.n, e)
        if rewritten is not None:
            return rewritten
        return self.oriented_atom(e)

    def oriented_atom(self, e: Expr) -> Poly:
        """Return a function as a factor, as itself or as a transpose, whichever is smaller."""
        self.n.memo[e] = atom(e)
        if (e.shape[1] == 1 and not e.op.dims) or not self.n.chains.flips(e.op):
            return self.n.memo[e]
        other = self.turned(e)
        if other is e or (other.args == e.args and e.args[0].op.role == "identity"):
            return self.n.memo[e]
        row = e.shape[0] == 1 and not e.op.dims
        if row or _orientation(other) < _orientation(e):
            self.n.memo[e] = self.n.chains.transpose(self.n.normal(other))
        return self.n.memo[e]

    def turned(self, e: Expr) -> Expr:
        """Return what the transpose rule gives, with canonical arguments."""
        found = self.transposes.get(e)
        if found is None:
            turned = self.n.chains.by_rule(e)
            assert turned is not None
            args = [self.n.canonical(arg) for arg in turned.args]
            found = self.transposes[e] = self.n.algebra.make(e.op, args, turned.data or ())
        return found

    def power(self, e: Expr) -> Poly:
        """Write a small whole power as a product."""
        k = self.n.scalars.exponent(self.n.normal(e.args[1]))
        base = self.n.normal(e.args[0])
        if isinstance(k, Expr) or k.denominator != 1 or abs(k.numerator) > EXPANDED_POWER:
            made = node(e.op, (self.n.build(base), self.n.scalars.as_expr(k)), e.shape)
            return self.oriented_atom(made)
        if k < 0:
            inverse = self.n.algebra.make(self.n.algebra.role["inverse"], (self.n.build(base),))
            base = self.n.normal(inverse)
        result = term(e.shape, UNIT)
        for _ in range(abs(k.numerator)):
            result = self.n.multiply(result, base)
        return result


def _orientation(e: Expr) -> tuple[object, ...]:
    """Order an operation and its transpose: the smaller one, places above the diagonal."""
    names = e.op.column("index", ())
    places = [size for name, size in zip(e.op.dims, e.data or (), strict=False) if name in names]
    return e.size, [(not isinstance(k, int), str(k)) for k in places], sort_key(e)


def _commutation(n: Normalizer, e: Expr, args: list[Expr]) -> Expr | None:
    """Return the identity for `K(n, 1)` and `K(1, n)`."""
    return n.algebra.identity(e.shape[0]) if 1 in e.data else None


def _power_differential(n: Normalizer, node_: Expr, args: list[Expr]) -> Expr | None:
    """Return the sum of `A^i E A^(k-1-i)` for a small whole number k."""
    a, k, e = args
    if k.op.role != "number" or k.data.denominator != 1 or abs(k.data) > EXPANDED_POWER:
        return None
    count, algebra = k.data.numerator, n.algebra
    if count < 0:
        a = algebra.power(a, algebra.number(-1))
        e, count = algebra.negate(algebra.times(algebra.times(a, e), a)), -count

    def power(i: int) -> list[Expr]:
        return [] if i == 0 else [algebra.power(a, algebra.number(i))]

    terms = [n.algebra.product_of([*power(i), e, *power(count - 1 - i)]) for i in range(count)]
    return algebra.sum_of(*terms) if terms else algebra.zeros(e.shape)


def _diagonal(n: Normalizer, e: Expr, args: list[Expr]) -> Expr | None:
    """Return `f(diag(A))` for `diag(f(A))`, and `diag(A) + x .* y` for `diag(A + x*y')`."""
    inner = args[0]
    if inner.op.is_entrywise and len(inner.args) == 1:
        return n.algebra.make(inner.op, (n.algebra.make(e.op, inner.args),))
    return _apart(n, e, args)


def _apart(n: Normalizer, e: Expr, args: list[Expr]) -> Expr | None:
    """Return `L(A) + M` for `L(A + B)`, where a row says that `L(B)` is M, if that is no longer."""
    whole = n.normal(args[0])
    if len(whole.terms) == 1:
        return None
    rest, apart = dict(whole.terms), []
    for mono, c in whole.ordered:
        part = n.algebra.build(e.op, [n.build(term(whole.shape, mono))], e.data or ())
        value = n.normal(part)
        if not _is_called(part, value):
            apart.append(n.algebra.times(n.algebra.number(c), n.build(value)))
            del rest[mono]
    if not apart:
        return None
    left = [n.algebra.build(e.op, [n.build(Poly(whole.shape, rest))], e.data or ())] if rest else []
    split = n.canonical(n.algebra.sum_of(*left, *apart))
    return split if split.size <= args[0].size + 1 else None


def _is_called(e: Expr, value: Poly) -> bool:
    """Whether the value of a call is no more than this call."""
    factors = [untransposed(f) for mono in value.terms for f in mono.factors]
    return [f.op for f in factors] == [e.op] and factors[0].size >= e.size


EXPANSIONS: dict[str, Callable[[Normalizer, Expr, list[Expr]], Expr | None]] = {
    "commutation": _commutation,
    "apart": _apart,
    "diagonal": _diagonal,
    "power_differential": _power_differential,
}
