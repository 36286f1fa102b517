"""The normal form: one fold that turns an expression into a sum of products (`poly.py`) and back.

Products are associative, scalars commute, transposes move to the factors, like terms are collected;
sums inside products stay as the user grouped them. Everything else is the rewrite rows of the rulebook.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from symcalc.algebra import Algebra
from symcalc.attributes import Attributes
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
    sorted_scalars,
    term,
)
from symcalc.rewrite import Rules
from symcalc.rulebook import Rulebook
from symcalc.shape import SCALAR, Shape

MAX_CHAIN = 40
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
        self.attributes = Attributes(self)
        self.entrywise = Entrywise(self)
        self._steps: dict[str, Callable[[Expr], Poly]] = {
            "number": lambda e: self.number(e.data),
            "sum": self._sum,
            "scale": lambda e: self.multiply(self.normal(e.args[0]), self.normal(e.args[1])),
            "product": lambda e: self.multiply(self.normal(e.args[0]), self.normal(e.args[1])),
            "quotient": self._quotient,
            "transpose": lambda e: self.transpose(self.normal(e.args[0])),
            "identity": lambda e: term(e.shape, UNIT),
            "zeros": lambda e: Poly(e.shape, {}),
            "ones": self._ones,
            "trace": self._trace,
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

    # -- building -------------------------------------------------------------------------------

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
        above = [self.power_of(b, k) for b, k in mono.scalars if not _below(k)]
        below = [self.power_of(b, -k) for b, k in mono.scalars if _below(k)]
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

    def power_of(self, base: Expr, k: Exponent) -> Expr:
        if isinstance(k, Expr):
            return self.algebra.entrywise_power(base, k)
        if k == 1:
            return base
        if k == Fraction(1, 2):
            return self.algebra.call("sqrt", base)
        return node(self.algebra.role["entrywise power"], (base, self.algebra.number(k)), base.shape)

    # -- ring operations ------------------------------------------------------------------------

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
        below = self.power(self.normal(e.args[1]), Fraction(-1))
        return self.multiply(self.normal(e.args[0]), below)

    def single(self, poly: Poly) -> tuple[Mono, Fraction]:
        """Return the only term; a sum is boxed into one factor, its content before it."""
        return poly.single or self._box(poly)

    def _box(self, poly: Poly) -> tuple[Mono, Fraction]:
        shared = self._shared_scalars(poly)
        if shared:
            inverse = tuple((base, -k) for base, k in shared)
            poly = Poly(
                poly.shape,
                {Mono(self.merge(m.scalars, inverse), m.factors): c for m, c in poly.terms.items()},
            )
        terms = ordered(poly)
        factor = content([c for _, c in terms])
        factor = -factor if terms[0][1] < 0 else factor
        if factor != 1:
            poly = Poly(poly.shape, {mono: c / factor for mono, c in poly.terms.items()})
        boxed = self.build(poly)
        if poly.shape == SCALAR:
            return Mono(self.merge(shared, ((boxed, ONE),))), factor
        sign, oriented = self._orient(boxed)
        return Mono(shared, (oriented,)), factor * sign

    def _shared_scalars(self, poly: Poly) -> Scalars:
        monos = list(poly.terms)
        shared = dict(monos[0].scalars)
        for mono in monos[1:]:
            here = dict(mono.scalars)
            shared = {
                base: min(k, here[base])  # type: ignore[type-var]
                for base, k in shared.items()
                if isinstance(k, Fraction) and isinstance(here.get(base), Fraction)
            }
        return sorted_scalars({b: k for b, k in shared.items() if isinstance(k, Fraction)})

    def _orient(self, e: Expr) -> tuple[Fraction, Expr]:
        """Write a sum or a function as itself or as a transpose, whichever is smaller."""
        if e.shape[1] == 1:
            return ONE, e
        turned = self.transpose(self.memo[e])
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
        scalars = self.merge(left.scalars, right.scalars)
        return self.chain_poly(shape, left.factors, right.factors, scalars, m * n)

    def _scaled(self, c: Poly, a: Poly, shape: Shape) -> Poly:
        (mono, value) = self.single(c)
        if mono == UNIT:
            return Poly(shape, {m: k * value for m, k in a.terms.items()})
        return add_terms(
            shape,
            [
                (term(shape, Mono(self.merge(mono.scalars, m.scalars), m.factors), k * value), ONE)
                for m, k in a.terms.items()
            ],
        )

    def merge(self, a: Scalars, b: Scalars) -> Scalars:
        """Multiply commuting scalar factors."""
        if not a or not b:
            return a or b
        merged: dict[Expr, Exponent] = dict(a)
        for base, k in b:
            merged[base] = self._add_exponents(merged[base], k) if base in merged else k
        return sorted_scalars(merged)

    def _add_exponents(self, a: Exponent, b: Exponent) -> Exponent:
        if isinstance(a, Fraction) and isinstance(b, Fraction):
            return a + b
        poly = self.normal(self.algebra.sum_of(self._as_expr(a), self._as_expr(b)))
        return self._exponent(poly)

    def _as_expr(self, k: Exponent) -> Expr:
        return self.algebra.number(k) if isinstance(k, Fraction) else k

    def _exponent(self, poly: Poly) -> Exponent:
        constant = poly.constant
        return constant if constant is not None else self.build(poly)

    # -- chains ---------------------------------------------------------------------------------

    def chain_poly(
        self,
        shape: Shape,
        left: tuple[Expr, ...],
        right: tuple[Expr, ...],
        scalars: Scalars = (),
        coefficient: Fraction = ONE,
    ) -> Poly:
        """Return the normal form of a product of factors: rules applied, scalar segments taken out."""
        if len(left) + len(right) > MAX_CHAIN:
            left, right = self._shortened(left, right)
        factors = left + right
        found = self.rules.reduce_chain(self, factors)
        if found is not None:
            whole, before, after = found
            inner = self.chain_poly_of(whole, before, after, shape)
            return self.multiply(term(SCALAR, Mono(scalars), coefficient), inner)
        segments = _segments(factors)
        outer: tuple[Expr, ...] = ()
        for segment in segments:
            if segment[0].shape[0] == 1 and segment[-1].shape[1] == 1:
                value = self._scalar_chain(segment)
                mono, factor = self.single(value)
                scalars, coefficient = self.merge(scalars, mono.scalars), coefficient * factor
            else:
                outer += segment
        return Poly(shape, {Mono(scalars, outer): coefficient} if coefficient else {})

    def chain_poly_of(
        self, whole: Poly, before: tuple[Expr, ...], after: tuple[Expr, ...], shape: Shape
    ) -> Poly:
        """Return `before * whole * after`."""
        result = whole
        if before:
            front = term((before[0].shape[0], before[-1].shape[1]), Mono((), before))
            result = self.multiply(front, result)
        if after:
            back = term((after[0].shape[0], after[-1].shape[1]), Mono((), after))
            result = self.multiply(result, back)
        return Poly(shape, result.terms)

    def _shortened(
        self, left: tuple[Expr, ...], right: tuple[Expr, ...]
    ) -> tuple[tuple[Expr, ...], tuple[Expr, ...]]:
        """Keep the cost of long products linear: the longer side becomes one factor."""
        if len(left) >= len(right):
            return (self._opaque(left),), right
        return left, (self._opaque(right),)

    def _opaque(self, factors: tuple[Expr, ...]) -> Expr:
        boxed = self.product(list(factors))
        self.memo[boxed] = term(boxed.shape, Mono((), (boxed,)))
        return boxed

    def _scalar_chain(self, factors: tuple[Expr, ...]) -> Poly:
        """Return a 1-by-1 product as a scalar factor: it equals its transpose, one of them is kept."""
        turned, sign = self.turn_all(factors)
        if [sort_key(f) for f in turned] < [sort_key(f) for f in factors]:
            factors = turned
        else:
            sign = ONE
        poly = self.rules.scalar_chain(self, factors)
        if poly is not None:
            return self.multiply(self.number(sign), poly)
        whole = self.product(list(factors))
        result = term(SCALAR, Mono(((whole, ONE),)))
        self.memo[whole] = result
        return self.multiply(self.number(sign), result) if sign != 1 else result

    # -- transposes -----------------------------------------------------------------------------

    def transpose(self, poly: Poly) -> Poly:
        """Return the transpose."""
        if poly.shape == SCALAR:
            return poly
        shape = (poly.shape[1], poly.shape[0])
        parts = []
        for mono, c in poly.terms.items():
            factors, sign = self.turn_all(mono.factors)
            parts.append((term(shape, Mono(mono.scalars, factors)), c * sign))
        return add_terms(shape, parts)

    def turn_all(self, factors: tuple[Expr, ...]) -> tuple[tuple[Expr, ...], Fraction]:
        """Return the reversed, transposed factors and their sign."""
        sign, turned = ONE, []
        for factor in reversed(factors):
            s, other = self.turn(factor)
            sign *= s
            turned.append(other)
        return tuple(turned), sign

    def turn(self, e: Expr) -> tuple[Fraction, Expr]:
        """Return the transpose of a factor: itself if it is symmetric, minus itself if skew."""
        if e.op.role == "transpose":
            return ONE, e.args[0]
        if e.shape[0] == e.shape[1]:
            if self.attributes.has(e, "symmetric"):
                return ONE, e
            if self.attributes.has(e, "skew"):
                return Fraction(-1), e
        body = self.book.body(e.op, "transpose", "")
        if body is not None and not e.op.role and not self.flips(e.op):
            dims = e.op.bind([a.shape for a in e.args], e.data or ())
            poly = self.normal(body(self.algebra, e.args, dims))
            mono, c = self.single(poly)
            if not mono.scalars and len(mono.factors) == 1:
                return c, mono.factors[0]
        return ONE, self.algebra.transpose(e)

    def flips(self, op) -> bool:
        """Whether `f(A)' = f(A')`: the transpose of the result is the function of the transposes."""
        key = ("flips", op)
        if key not in self.book.cache:
            body = self.book.body(op, "transpose", "")
            self.book.cache[key] = body is not None and body.body.op is op and all(
                arg.op.role == "transpose" or (arg.op.role == "symbol" and arg.is_scalar)
                for arg in body.body.args
            )
        return self.book.cache[key]

    # -- functions ------------------------------------------------------------------------------

    def _function(self, e: Expr) -> Poly:
        define = self.book.body(e.op, "define", "")
        if define is not None:
            dims = e.op.bind([arg.shape for arg in e.args], e.data or ())
            return self.normal(define(self.algebra, e.args, dims))
        if not e.args:
            return atom(e)
        args, scalars, coefficient = self._arguments(e)
        expand = EXPANSIONS.get(e.op.column("expand", ""))
        expanded = expand(self, args) if expand else None
        if expanded is not None:
            return self.multiply(term(SCALAR, Mono(scalars), coefficient), self.normal(expanded))
        made = self.algebra.build(e.op, args, e.data if e.op.dims else ())
        result = self._apply(made)
        if not scalars and coefficient == 1:
            return result
        return self.multiply(term(SCALAR, Mono(scalars), coefficient), result)

    def _arguments(self, e: Expr) -> tuple[list[Expr], Scalars, Fraction]:
        """Return the canonical arguments, and what homogeneous slots let out."""
        args, scalars, coefficient = [], (), ONE
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
                    scalars = self.merge(scalars, outer)
                    inner = Mono(kept if poly.shape != SCALAR else mono.scalars, mono.factors)
                    poly = term(poly.shape, inner)
            if e.op.column("invariant") and poly.shape[1] != 1:
                poly = self._smaller_side(poly)
            args.append(self.build(poly))
        return args, scalars, coefficient

    def _smaller_side(self, poly: Poly) -> Poly:
        """Choose between an argument and its transpose where the function does not tell them apart."""
        turned = self.transpose(poly)
        here, there = self.build(poly), self.build(turned)
        return turned if (there.size, sort_key(there)) < (here.size, sort_key(here)) else poly

    def _degree(self, e: Expr, index: int) -> int | None:
        slot = e.op.slot(index).name
        given = e.op.column("homogeneous", {}).get(slot)
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
        if e.is_scalar or e.shape[1] == 1 or not (self.flips(e.op) or e.op.role == "hadamard"):
            return self.memo[e]
        args = [self.build(self.transpose(self.normal(arg))) for arg in e.args]
        if all(new is old for new, old in zip(args, e.args, strict=True)):
            return self.memo[e]
        other = self.algebra.make(e.op, args)
        if e.shape[0] == 1 or (other.size, sort_key(other)) < (e.size, sort_key(e)):
            self.memo[other] = atom(other)
            self.memo[e] = self.transpose(self.memo[other])
        return self.memo[e]

    # -- powers and traces ----------------------------------------------------------------------

    def _power(self, e: Expr) -> Poly:
        exponent = self._exponent(self.normal(e.args[1]))
        if e.is_scalar:
            return self.power(self.normal(e.args[0]), exponent)
        return self.entrywise.power(e.args[0], exponent)

    def power(self, base: Poly, k: Exponent) -> Poly:
        """Return a scalar to a power."""
        if isinstance(k, Fraction):
            if k == 0:
                return self.number(ONE)
            constant = base.constant
            if constant is not None and (root := rational_power(constant, k)) is not None:
                return self.number(root)
            if constant is not None and constant <= 0:
                return term(SCALAR, Mono(((self.build(base), k),)))
        if k == 1:
            return base
        mono, c = self.single(base)
        if isinstance(k, Fraction) and k.denominator == 1:
            scalars = tuple((b, self._times_exponent(x, k)) for b, x in mono.scalars)
            return self._settle_powers(scalars, c**k.numerator)
        return self._root(mono, c, k)

    def _root(self, mono: Mono, c: Fraction, k: Exponent) -> Poly:
        """Split a power with any exponent over its factors as far as they are known to be positive."""
        safe = [(b, x) for b, x in mono.scalars if self.attributes.has(b, "positive")]
        rest = tuple((b, x) for b, x in mono.scalars if (b, x) not in safe)
        scalars = self.merge((), tuple((b, self._times_exponent(x, k)) for b, x in safe))
        value = rational_power(c, k) if c > 0 and isinstance(k, Fraction) else None
        outside = ONE
        if value is not None:
            outside, c = value, ONE
        if len(rest) == 1 and c == 1 and rest[0][1] == 1:
            scalars = self.merge(scalars, ((rest[0][0], k),))
        elif rest or c != 1:
            inner = self.build(term(SCALAR, Mono(rest), c))
            scalars = self.merge(scalars, ((inner, k),))
        return self._settle_powers(scalars, outside)

    def _times_exponent(self, x: Exponent, k: Exponent) -> Exponent:
        if isinstance(x, Fraction) and isinstance(k, Fraction):
            return x * k
        return self._exponent(self.normal(self.algebra.times(self._as_expr(x), self._as_expr(k))))

    def _settle_powers(self, scalars: Scalars, c: Fraction) -> Poly:
        """Apply the rows for powers of one factor, such as `normF(A)^2 = tr(A'*A)`."""
        scalars = self.merge((), scalars)
        for base, k in scalars:
            replaced = self.rules.power(self, base, k)
            if replaced is not None:
                rest = tuple((b, x) for b, x in scalars if b is not base)
                return self.multiply(self._settle_powers(rest, c), replaced)
        return Poly(SCALAR, {Mono(scalars): c} if c else {})

    def _matrix_power(self, e: Expr) -> Poly:
        """Write a small whole power as a product."""
        k = self._exponent(self.normal(e.args[1]))
        base = self.normal(e.args[0])
        if not isinstance(k, Fraction) or k.denominator != 1 or abs(k) > EXPANDED_POWER:
            made = node(e.op, (self.build(base), self._as_expr(k)), e.shape)
            return self.oriented_atom(made)
        if k < 0:
            inverse = self.algebra.make(self.algebra.role["inverse"], (self.build(base),))
            base = self.normal(inverse)
        result = term(e.shape, UNIT)
        for _ in range(abs(k.numerator)):
            result = self.multiply(result, base)
        return result

    def _trace(self, e: Expr) -> Poly:
        poly = self.normal(e.args[0])
        parts = []
        for mono, c in poly.terms.items():
            value = self._trace_of(mono.factors, e.args[0].shape)
            parts.append((self.multiply(term(SCALAR, Mono(mono.scalars)), value), c))
        return add_terms(SCALAR, parts)

    def _trace_of(self, factors: tuple[Expr, ...], shape: Shape) -> Poly:
        """Return the trace of a chain: the smallest of its rotations and their transposes."""
        if not factors:
            return self.normal(self.algebra.dimension(shape[0]))
        cut = next((k for k in range(1, len(factors)) if factors[k].shape[0] == 1), None)
        if cut is not None:
            return self.chain_poly(SCALAR, factors[cut:], factors[:cut])
        for k in range(1, len(factors)):
            turned = factors[k:] + factors[:k]
            if self.rules.reduce_chain(self, turned) is not None:
                square = (turned[0].shape[0], turned[-1].shape[1])
                reduced = self.build(self.chain_poly(square, turned[:1], turned[1:]))
                return self.normal(self.algebra.trace(reduced))
        sign, best = self._smallest_rotation(factors)
        made = self.algebra.trace(self.product(list(best)))
        rewritten = self.rules.apply(self, made)
        value = rewritten if rewritten is not None else atom(made)
        self.memo.setdefault(made, value)
        return self.multiply(self.number(sign), value) if sign != 1 else value

    def _smallest_rotation(
        self, factors: tuple[Expr, ...]
    ) -> tuple[Fraction, tuple[Expr, ...]]:
        turned, sign = self.turn_all(factors)
        keys = [[sort_key(f) for f in chain] for chain in (factors, turned)]
        best = (_rotate_key(keys[0], 0), ONE, factors)
        for key, s, chain in ((keys[0], ONE, factors), (keys[1], sign, turned)):
            for k in range(len(chain)):
                candidate = _rotate_key(key, k)
                if candidate < best[0]:
                    best = (candidate, s, chain[k:] + chain[:k])
        return best[1], best[2]


def _power_differential(n: Normalizer, args: list[Expr]) -> Expr | None:
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


EXPANSIONS: dict[str, Callable[[Normalizer, list[Expr]], Expr | None]] = {
    "power_differential": _power_differential
}


def _rotate_key(key: list, k: int) -> list:
    return key[k:] + key[:k]


def _below(k: Exponent) -> bool:
    return isinstance(k, Fraction) and k < 0


def _is_negative(normalizer: Normalizer, e: Expr) -> bool:
    """Whether a built term starts with a minus sign."""
    while e.op.role in ("scale", "quotient"):
        e = e.args[0]
    return e.op.role == "number" and e.data < 0


def _is_scalar_term(poly: Poly) -> bool:
    single = poly.single
    return poly.shape == SCALAR and single is not None


def _product_shape(a: Poly, b: Poly) -> Shape:
    if a.shape == SCALAR:
        return b.shape
    return a.shape if b.shape == SCALAR else (a.shape[0], b.shape[1])


def _segments(factors: tuple[Expr, ...]) -> list[tuple[Expr, ...]]:
    """Cut a chain where its inner dimension is 1."""
    cuts = [0, *(k for k in range(1, len(factors)) if factors[k].shape[0] == 1), len(factors)]
    return [factors[a:b] for a, b in zip(cuts, cuts[1:], strict=False) if a < b]


def rational_power(value: Fraction, k: Fraction) -> Fraction | None:
    """Return `value**k` if it is a rational number of reasonable size, else None."""
    if value == 0 and k < 0:
        return None
    if k.denominator == 1:
        size = max(value.numerator.bit_length(), value.denominator.bit_length())
        return value**k.numerator if size * abs(k.numerator) < 4096 else None
    if value < 0:
        return None
    roots = [_exact_root(part, k.denominator) for part in (value.numerator, value.denominator)]
    if None in roots:
        return None
    top, bottom = roots
    if not top and k < 0:
        return None
    return Fraction(top or 0, bottom or 1) ** k.numerator


def _exact_root(value: int, degree: int) -> int | None:
    root = round(value ** (1 / degree)) if value < 2**52 else 0
    return root if root**degree == value else None
