"""The normal form: one fold that turns an expression into a sum of products (`poly.py`) and back.

Products are associative, scalars commute, transposes move to the factors, like terms are collected;
sums inside products stay as the user grouped them. Everything else is the rewrite rows.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from symcalc.algebra import Algebra
from symcalc.attributes import Attributes
from symcalc.chains import Chains
from symcalc.entrywise import Entrywise
from symcalc.expr import Expr, node, sort_key
from symcalc.graph import postorder
from symcalc.poly import (
    ONE,
    UNIT,
    Exponent,
    Mono,
    Poly,
    Scalars,
    add_terms,
    atom,
    content,
    ordered,
    term,
)
from symcalc.rewrite import Rules
from symcalc.rulebook import Rulebook
from symcalc.scalars import ScalarFactors
from symcalc.shape import SCALAR, Shape

EXPANDED_POWER = 12


class Normalizer:
    """Computes normal forms over one rulebook, with a memo for one simplification."""

    def __init__(self, book: Rulebook, rules: Rules | None = None) -> None:
        self.book = book
        self.algebra: Algebra = book.algebra
        self.rules = rules or Rules([])
        self.memo: dict[Expr, Poly] = {}
        self.built: dict[Poly, Expr] = {}
        self.fired: list[str] = []
        self.depth = 0  # of rewrites inside rewrites
        self.attributes = Attributes(self)
        self.chains = Chains(self)
        self.scalars = ScalarFactors(self)
        self.entrywise = Entrywise(self)
        self._steps: dict[str, Callable[[Expr], Poly]] = {
            "number": lambda e: self.number(e.data),
            "sum": self._sum,
            "scale": lambda e: self.multiply(self.normal(e.args[0]), self.normal(e.args[1])),
            "product": lambda e: self.multiply(self.normal(e.args[0]), self.normal(e.args[1])),
            "quotient": self._quotient,
            "transpose": lambda e: self.chains.transpose(self.normal(e.args[0])),
            "identity": lambda e: term(e.shape, UNIT),
            "zeros": lambda e: Poly(e.shape, {}),
            "ones": self._ones,
            "trace": self.chains.trace,
            "power": self._matrix_power,
            "entrywise power": self._power,
            "hadamard": lambda e: self.entrywise.product(e),
            "entrywise quotient": lambda e: self.entrywise.quotient(e),
        }

    def normal(self, e: Expr) -> Poly:
        """Return the normal form of `e`."""
        found = self.memo.get(e)
        if found is not None:
            return found
        for inner in postorder([e], into=lambda n: n not in self.memo):
            if inner not in self.memo:
                step = self._steps.get(inner.op.role, self._function)
                self.memo[inner] = step(inner)
        return self.memo[e]

    def canonical(self, e: Expr) -> Expr:
        """Return the expression that stands for all expressions with the normal form of `e`."""
        return self.build(self.normal(e))

    def build(self, poly: Poly) -> Expr:
        """Return the canonical expression of a normal form."""
        found = self.built.get(poly)
        if found is None:
            terms = [self.build_term(poly.shape, mono, c) for mono, c in ordered(poly)]
            lead = next((k for k, t in enumerate(terms) if not _is_negative(self, t)), 0)
            terms.insert(0, terms.pop(lead)) if terms else None
            found = self.algebra.sum_of(*terms) if terms else self.algebra.zeros(poly.shape)
            self.built[poly] = found
            self.memo.setdefault(found, poly)
        return found

    def build_term(self, shape: Shape, mono: Mono, coefficient: Fraction) -> Expr:
        """Return coefficient * scalars * chain, what has a negative exponent below the line."""
        above = [self.scalars.power_of(b, k) for b, k in mono.scalars if not _below(k)]
        below = [self.scalars.power_of(b, -k) for b, k in mono.scalars if _below(k)]
        result = self.chain(mono.factors, shape)
        if below:
            above.insert(0, self.algebra.number(coefficient.numerator))
            if coefficient.denominator != 1:
                below.insert(0, self.algebra.number(coefficient.denominator))
        else:
            above.insert(0, self.algebra.number(coefficient))
        scalar = self.product(above)
        result = scalar if result is None else self.algebra.times(scalar, result)
        return self.algebra.divide(result, self.product(below)) if below else result

    def chain(self, factors: tuple[Expr, ...], shape: Shape) -> Expr | None:
        """Return the product of a chain; None for the empty product of scalars."""
        if not factors:
            return None if shape == SCALAR else self.algebra.identity(shape[0])
        return self.product(list(factors))

    def product(self, factors: list[Expr]) -> Expr:
        result = factors[0]
        for factor in factors[1:]:
            result = self.algebra.times(result, factor)
        return result

    def number(self, value: Fraction) -> Poly:
        return Poly(SCALAR, {UNIT: value} if value else {})

    def _sum(self, e: Expr) -> Poly:
        return add_terms(e.shape, [(self.normal(arg), ONE) for arg in e.args])

    def _ones(self, e: Expr) -> Poly:
        """Read a matrix of ones as the product of two vectors of ones."""
        rows, cols = e.shape
        left = self.algebra.ones((rows, 1))
        right = self.algebra.ones((cols, 1))
        factors = ((left,) if rows != 1 else ()) + ((self._mark(right),) if cols != 1 else ())
        return term(e.shape, Mono((), factors))

    def _mark(self, e: Expr) -> Expr:
        return self.algebra.transpose(e)

    def _quotient(self, e: Expr) -> Poly:
        below = self.scalars.power(self.normal(e.args[1]), Fraction(-1))
        return self.multiply(self.normal(e.args[0]), below)

    def single(self, poly: Poly) -> tuple[Mono, Fraction]:
        """Return the only term; a sum is boxed into one factor, its content before it."""
        return poly.single or self._box(poly)

    def _box(self, poly: Poly) -> tuple[Mono, Fraction]:
        shared = self.scalars.shared(poly)
        if shared:
            inverse = tuple((base, -k) for base, k in shared)
            poly = Poly(
                poly.shape,
                {
                    Mono(self.scalars.merge(m.scalars, inverse), m.factors): c
                    for m, c in poly.terms.items()
                },
            )
        terms = ordered(poly)
        factor = content([c for _, c in terms])
        factor = -factor if terms[0][1] < 0 else factor
        if factor != 1:
            poly = Poly(poly.shape, {mono: c / factor for mono, c in poly.terms.items()})
        boxed = self.build(poly)
        if poly.shape == SCALAR:
            return Mono(self.scalars.merge(shared, ((boxed, ONE),))), factor
        sign, oriented = self._orient(boxed)
        return Mono(shared, (oriented,)), factor * sign

    def _orient(self, e: Expr) -> tuple[Fraction, Expr]:
        """Write a sum or a function as itself or as a transpose, whichever is smaller."""
        if e.shape[1] == 1:
            return ONE, e
        turned = self.chains.transpose(self.memo[e])
        mono, sign = turned.single or (None, ONE)
        if mono is not None:
            return ONE, e
        terms = ordered(turned)
        sign = Fraction(-1 if terms[0][1] < 0 else 1)
        other = self.build(add_terms(turned.shape, [(turned, sign)]))
        if other is e:
            return ONE, e
        if e.shape[0] == 1 or (other.size, sort_key(other)) < (e.size, sort_key(e)):
            return sign, self.algebra.transpose(other)
        return ONE, e

    def multiply(self, a: Poly, b: Poly) -> Poly:
        """Return the product; sums are not multiplied out, but scalars go into them."""
        shape = _product_shape(a, b)
        if not a.terms or not b.terms:
            return Poly(shape, {})
        if _is_scalar_term(a):
            return self._scaled(a, b, shape)
        if _is_scalar_term(b):
            return self._scaled(b, a, shape)
        if a.shape == SCALAR:
            return self._scaled(term(SCALAR, *self._box(a)), b, shape)
        if b.shape == SCALAR:
            return self._scaled(term(SCALAR, *self._box(b)), a, shape)
        (left, m), (right, n) = self.single(a), self.single(b)
        scalars = self.scalars.merge(left.scalars, right.scalars)
        return self.chains.chain_poly(shape, left.factors, right.factors, scalars, m * n)

    def _scaled(self, c: Poly, a: Poly, shape: Shape) -> Poly:
        (mono, value) = self.single(c)
        if mono == UNIT:
            return Poly(shape, {m: k * value for m, k in a.terms.items()})
        return add_terms(
            shape,
            [
                (
                    term(
                        shape,
                        Mono(self.scalars.merge(mono.scalars, m.scalars), m.factors),
                        k * value,
                    ),
                    ONE,
                )
                for m, k in a.terms.items()
            ],
        )

    def _function(self, e: Expr) -> Poly:
        define = self.book.body(e.op, "define", "")
        if define is not None:
            dims = e.op.bind([arg.shape for arg in e.args], e.data or ())
            return self.normal(define(self.algebra, e.args, dims))
        expand = EXPANSIONS.get(e.op.column("expand", ""))
        if not e.args:
            found = expand(self, e, []) if expand else None
            return atom(e) if found is None else self.normal(found)
        args, scalars, coefficient = self._arguments(e)
        expanded = expand(self, e, args) if expand else None
        if expanded is not None:
            return self.multiply(term(SCALAR, Mono(scalars), coefficient), self.normal(expanded))
        made = self.algebra.build(e.op, args, e.data if e.op.dims else ())
        result = self._apply(made)
        if not scalars and coefficient == 1:
            return result
        return self.multiply(term(SCALAR, Mono(scalars), coefficient), result)

    def _arguments(self, e: Expr) -> tuple[list[Expr], Scalars, Fraction]:
        """Return the canonical arguments, and what homogeneous slots let out."""
        args: list[Expr] = []
        scalars: Scalars = ()
        coefficient = ONE
        for index, arg in enumerate(e.args):
            poly = self.normal(arg)
            degree = self._degree(e, index)
            if degree is not None and poly.terms:
                mono, c = self.single(poly)
                if c > 0 or degree % 2 in (0, 1):
                    coefficient *= c**degree
                    out = mono.scalars if poly.shape != SCALAR else ()
                    outer = tuple((b, k * degree) for b, k in out if isinstance(k, Fraction))
                    kept = tuple((b, k) for b, k in out if not isinstance(k, Fraction))
                    scalars = self.scalars.merge(scalars, outer)
                    inner = Mono(kept if poly.shape != SCALAR else mono.scalars, mono.factors)
                    poly = term(poly.shape, inner)
            if e.op.column("invariant") and poly.shape[1] != 1:
                poly = self._smaller_side(poly)
            args.append(self.build(poly))
        return args, scalars, coefficient

    def _smaller_side(self, poly: Poly) -> Poly:
        """Choose between an argument and its transpose, which the function does not tell apart."""
        turned = self.chains.transpose(poly)
        here, there = self.build(poly), self.build(turned)
        return turned if (there.size, sort_key(there)) < (here.size, sort_key(here)) else poly

    def _degree(self, e: Expr, index: int) -> int | None:
        slot = e.op.slot(index).name
        given: int | None = e.op.column("homogeneous", {}).get(slot)
        if given is None and self.book.body(e.op, "adjoint", slot) is not None:
            return 1
        return given

    def _apply(self, e: Expr) -> Poly:
        """Apply the rewrite rows to a node with canonical arguments."""
        if e in self.memo:
            return self.memo[e]
        if e.op.role in self._steps:
            return self.normal(e)
        rewritten = self.rules.apply(self, e)
        if rewritten is not None:
            return rewritten
        return self.oriented_atom(e)

    def oriented_atom(self, e: Expr) -> Poly:
        """Return a function as a factor, as itself or as a transpose, whichever is smaller."""
        self.memo[e] = atom(e)
        if (
            e.is_scalar
            or e.shape[1] == 1
            or not (self.chains.flips(e.op) or e.op.role == "hadamard")
        ):
            return self.memo[e]
        args = [self.build(self.chains.transpose(self.normal(arg))) for arg in e.args]
        if all(new is old for new, old in zip(args, e.args, strict=True)):
            return self.memo[e]
        other = self.algebra.make(e.op, args)
        if e.shape[0] == 1 or (other.size, sort_key(other)) < (e.size, sort_key(e)):
            self.memo[other] = atom(other)
            self.memo[e] = self.chains.transpose(self.memo[other])
        return self.memo[e]

    def _power(self, e: Expr) -> Poly:
        exponent = self.scalars.exponent(self.normal(e.args[1]))
        if e.is_scalar:
            return self.scalars.power(self.normal(e.args[0]), exponent)
        return self.entrywise.power(e.args[0], exponent)

    def _matrix_power(self, e: Expr) -> Poly:
        """Write a small whole power as a product."""
        k = self.scalars.exponent(self.normal(e.args[1]))
        base = self.normal(e.args[0])
        if not isinstance(k, Fraction) or k.denominator != 1 or abs(k) > EXPANDED_POWER:
            made = node(e.op, (self.build(base), self.scalars.as_expr(k)), e.shape)
            return self.oriented_atom(made)
        if k < 0:
            inverse = self.algebra.make(self.algebra.role["inverse"], (self.build(base),))
            base = self.normal(inverse)
        result = term(e.shape, UNIT)
        for _ in range(abs(k.numerator)):
            result = self.multiply(result, base)
        return result


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

    terms = [n.product([*power(i), e, *power(count - 1 - i)]) for i in range(count)]
    return algebra.sum_of(*terms) if terms else algebra.zeros(e.shape)


EXPANSIONS: dict[str, Callable[[Normalizer, Expr, list[Expr]], Expr | None]] = {
    "commutation": _commutation,
    "power_differential": _power_differential,
}


def _is_negative(normalizer: Normalizer, e: Expr) -> bool:
    """Whether a built term starts with a minus sign."""
    while e.op.role in ("scale", "quotient"):
        e = e.args[0]
    return e.op.role == "number" and e.data < 0


def _is_scalar_term(poly: Poly) -> bool:
    """Whether a polynomial is one scalar term, or a multiple of the identity."""
    single = poly.single
    return single is not None and (poly.shape == SCALAR or not single[0].factors)


def _product_shape(a: Poly, b: Poly) -> Shape:
    if a.shape == SCALAR:
        return b.shape
    return a.shape if b.shape == SCALAR else (a.shape[0], b.shape[1])


def _below(k: Exponent) -> bool:
    return isinstance(k, Fraction) and k < 0
