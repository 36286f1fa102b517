"""The normal form: one fold that turns an expression into a sum of products (`poly.py`) and back.

Products are associative, scalars commute, transposes move to the factors, like terms are collected;
sums inside products stay as the user grouped them. Everything else is the rewrite rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from symcalc.algebra import Algebra
from symcalc.attributes import Attributes
from symcalc.cancel import Cancelling
from symcalc.chains import Chains
from symcalc.commuting import Commuting
from symcalc.entrywise import Entrywise
from symcalc.exact import Number, quotient
from symcalc.expr import Expr, sort_key
from symcalc.factors import starts_negative, untransposed
from symcalc.functions import Functions
from symcalc.graph import waiting
from symcalc.length import Lengths
from symcalc.poly import (
    UNIT,
    Mono,
    Poly,
    add_terms,
    below_line,
    collect,
    content,
    term,
)
from symcalc.rewrite import Rules
from symcalc.rulebook import Rulebook
from symcalc.scalars import ScalarFactors
from symcalc.shape import SCALAR, Shape

if TYPE_CHECKING:
    from symcalc.op import Op
    from symcalc.present import Wording
    from symcalc.rewrite import Trigger


class Normalizer:
    """Computes normal forms over one rulebook, with a memo for one simplification."""

    def __init__(self, book: Rulebook, rules: Rules | None = None) -> None:
        self.book = book
        self.algebra: Algebra = book.algebra
        self.rules = rules or Rules([])
        self.memo: dict[Expr, Poly] = {}
        self.built: dict[Poly, Expr] = {}
        self.boxes: dict[Poly, tuple[Mono, Number]] = {}
        self.oriented: dict[Expr, tuple[Number, Expr]] = {}
        self.triggers: dict[Expr, list[Trigger]] = {}
        self.wordings: dict[Expr | None, Wording] = {}
        self.length = Lengths().of
        self.fired: list[str] = []
        self.depth = 0  # of rewrites inside rewrites
        self.joined = False  # whether powers of a product met, that may be one of its factors now
        self.cut = False  # whether a product was too long to be one chain
        self.attributes = Attributes(self)
        self.cancelling = Cancelling(self)
        self.chains = Chains(self)
        self.commuting = Commuting(self)
        self.scalars = ScalarFactors(self)
        self.entrywise = Entrywise(self)
        self.functions = Functions(self)

    def normal(self, e: Expr) -> Poly:
        """Return the normal form of `e`."""
        found = self.memo.get(e)
        if found is not None:
            return found
        for inner in waiting(e, self.memo):
            if inner not in self.memo:
                step = BY_ROLE.get(inner.op.role, _function)
                self.memo[inner] = step(self, inner)
        return self.memo[e]

    def is_ring(self, op: Op) -> bool:
        """Whether an operation is one of the ring, with a normal form of its own."""
        return op.role in BY_ROLE

    def canonical(self, e: Expr) -> Expr:
        """Return the expression that stands for all expressions with the normal form of `e`."""
        return self.build(self.normal(e))

    def build(self, poly: Poly) -> Expr:
        """Return the canonical expression of a normal form."""
        found = self.built.get(poly)
        if found is None:
            found = _only_factor(poly)
            boxed = found is not None and untransposed(found).op.role == "sum"
            self.built[poly] = found = self._built(poly) if found is None else found
            if not boxed:  # read again, a sum that stood as a factor is its terms
                self.memo.setdefault(found, poly)
        return found

    def _built(self, poly: Poly) -> Expr:
        if not poly.terms:
            return self.algebra.zeros(poly.shape)
        if poly.single is not None:
            return self.build_term(poly.shape, *poly.single)
        terms = [self.build_term(poly.shape, mono, c) for mono, c in poly.ordered]
        lead = next((k for k, t in enumerate(terms) if not starts_negative(t)), 0)
        terms.insert(0, terms.pop(lead))
        return self.algebra.sum_of(*terms)

    def build_term(self, shape: Shape, mono: Mono, coefficient: Number) -> Expr:
        """Return coefficient * scalars * chain, what has a negative exponent below the line."""
        if coefficient == 1 and not mono.scalars and mono.factors:
            return self.algebra.chain(mono.factors)
        above = [self.scalars.power_of(b, k) for b, k in mono.scalars if not below_line(k)]
        below = [self.scalars.power_of(b, -k) for b, k in mono.scalars if below_line(k)]
        chain = self.chain(mono.factors, shape)
        top = coefficient
        if below and coefficient.denominator != 1:
            top = coefficient.numerator
            below.insert(0, self.algebra.number(coefficient.denominator))
        if top != 1 or (chain is None and not above):
            above.insert(0, self.algebra.number(top))
        result = self._multiple(above, chain)
        return self.algebra.divide(result, self.algebra.product_of(below)) if below else result

    def _multiple(self, scalars: list[Expr], chain: Expr | None) -> Expr:
        if not scalars and chain is not None:
            return chain
        scalar = self.algebra.product_of(scalars)
        return scalar if chain is None else self.algebra.times(scalar, chain)

    def chain(self, factors: tuple[Expr, ...], shape: Shape) -> Expr | None:
        """Return the product of a chain; None for the empty product of scalars."""
        if not factors:
            return None if shape == SCALAR else self.algebra.identity(shape[0])
        return self.algebra.chain(factors)

    def number(self, value: Number) -> Poly:
        return Poly(SCALAR, {UNIT: value} if value else {})

    def _sum(self, e: Expr) -> Poly:
        return self.cancelling.shorter(add_terms(e.shape, [(self.normal(a), 1) for a in e.args]))

    def _ones(self, e: Expr) -> Poly:
        """Read a matrix of ones as the product of two vectors of ones."""
        rows, cols = e.shape
        left = () if rows == 1 else (self.algebra.ones((rows, 1)),)
        right = () if cols == 1 else (self.algebra.transpose(self.algebra.ones((cols, 1))),)
        return term(e.shape, Mono((), left + right))

    def _quotient(self, e: Expr) -> Poly:
        below = self.scalars.power(self.normal(e.args[1]), -1)
        poly = self.multiply(self.normal(e.args[0]), below)
        made = self.build(poly) if poly.single is not None else e
        rewritten = self.rules.apply(self, made) if made.op.role == "quotient" else None
        return poly if rewritten is None else rewritten

    def single(self, poly: Poly) -> tuple[Mono, Number]:
        """Return the only term; a sum is boxed into one factor, its content before it."""
        return poly.single or self.box(poly)

    def box(self, poly: Poly) -> tuple[Mono, Number]:
        """Return a polynomial as one factor and a coefficient; `a*I + b*I` is `(a + b)*I`."""
        found = self.boxes.get(poly)
        if found is None:
            found = self.boxes[poly] = self._box(poly)
        return found

    def _box(self, poly: Poly) -> tuple[Mono, Number]:
        if not poly.terms:
            scalar = poly.shape == SCALAR
            return Mono((), () if scalar else (self.algebra.zeros(poly.shape),)), 0
        if poly.shape != SCALAR and not any(m.factors for m in poly.terms):
            return self.box(Poly(SCALAR, poly.terms))
        shared = self.scalars.shared(poly)
        if shared:
            inverse = tuple((b, self.scalars.times_exponent(k, -1)) for b, k in shared)
            rest = {
                Mono(self.scalars.merge(m.scalars, inverse), m.factors): c
                for m, c in poly.terms.items()
            }
            poly = Poly(poly.shape, rest)
        terms = poly.ordered
        factor = content([c for _, c in terms])
        factor = -factor if terms[0][1] < 0 else factor
        if factor != 1:
            poly = Poly(poly.shape, {mono: quotient(c, factor) for mono, c in poly.terms.items()})
        boxed = self.build(poly)
        if poly.shape == SCALAR:
            return Mono(self.scalars.merge(shared, ((boxed, 1),))), factor
        if boxed not in self.oriented:
            self.oriented[boxed] = self._orient(boxed)
        sign, oriented = self.oriented[boxed]
        return Mono(shared, (oriented,)), factor * sign

    def _orient(self, e: Expr) -> tuple[Number, Expr]:
        """Write a sum or a function as itself or as a transpose, whichever is smaller."""
        if e.shape[1] == 1:
            return 1, e
        turned = self.chains.transpose(self.memo[e])
        mono, sign = turned.single or (None, 1)
        if mono is not None:
            return 1, e
        terms = turned.ordered
        sign = -1 if terms[0][1] < 0 else 1
        other = self.build(add_terms(turned.shape, [(turned, sign)]))
        if other is e:
            return 1, e
        if e.shape[0] == 1 or (other.size, sort_key(other)) < (e.size, sort_key(e)):
            return sign, self.algebra.transpose(other)
        return 1, e

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
            mono, c = self.box(a)
            same = b.shape == SCALAR and self.box(b)[0] == mono  # a square stays one
            return self._scaled(
                term(SCALAR, mono, c), term(SCALAR, *self.box(b)) if same else b, shape
            )
        if b.shape == SCALAR:
            return self._scaled(term(SCALAR, *self.box(b)), a, shape)
        (left, m), (right, n) = self.single(a), self.single(b)
        scalars = self.scalars.merge(left.scalars, right.scalars)
        return self.chains.chain_poly(shape, left.factors, right.factors, scalars, m * n)

    def _scaled(self, c: Poly, a: Poly, shape: Shape) -> Poly:
        mono, value = self.single(c)
        if mono == UNIT:
            if value == 1 and a.shape == shape:
                return a
            return Poly(shape, {m: k * value for m, k in a.terms.items()})
        merge = self.scalars.merge
        return collect(
            shape,
            [
                (Mono(merge(mono.scalars, m.scalars), m.factors), k * value)
                for m, k in a.terms.items()
            ],
        )

    def _power(self, e: Expr) -> Poly:
        exponent = self.scalars.exponent(self.normal(e.args[1]))
        if e.is_scalar:
            return self.scalars.power(self.normal(e.args[0]), exponent)
        return self.entrywise.power(e.args[0], exponent)


def _only_factor(poly: Poly) -> Expr | None:
    """Return the factor that a polynomial consists of, if it is no more than that."""
    if poly.single is None or poly.single[1] != 1:
        return None
    scalars, factors = poly.single[0]
    if len(factors) == 1 and not scalars:
        return factors[0]
    plain = len(scalars) == 1 and not factors and scalars[0][1] == 1 and poly.shape == SCALAR
    return scalars[0][0] if plain else None


def _is_scalar_term(poly: Poly) -> bool:
    """Whether a polynomial is one scalar term, or a multiple of the identity."""
    single = poly.single
    return single is not None and (poly.shape == SCALAR or not single[0].factors)


def _product_shape(a: Poly, b: Poly) -> Shape:
    if a.shape == SCALAR:
        return b.shape
    return a.shape if b.shape == SCALAR else (a.shape[0], b.shape[1])


def _product(n: Normalizer, e: Expr) -> Poly:
    return n.multiply(n.normal(e.args[0]), n.normal(e.args[1]))


def _function(n: Normalizer, e: Expr) -> Poly:
    return n.functions.normal(e)


BY_ROLE: dict[str, Callable[[Normalizer, Expr], Poly]] = {
    "number": lambda n, e: n.number(e.data),
    "sum": Normalizer._sum,
    "scale": _product,
    "product": _product,
    "quotient": Normalizer._quotient,
    "transpose": lambda n, e: n.chains.transpose(n.normal(e.args[0])),
    "identity": lambda n, e: term(e.shape, UNIT),
    "zeros": lambda n, e: Poly(e.shape, {}),
    "ones": Normalizer._ones,
    "trace": lambda n, e: n.chains.trace(e),
    "power": lambda n, e: n.functions.power(e),
    "entrywise power": Normalizer._power,
    "hadamard": lambda n, e: n.entrywise.product(e),
    "entrywise quotient": lambda n, e: n.entrywise.quotient(e),
}
