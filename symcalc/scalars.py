"""Commuting scalar factors in normal form: their exponents, powers and roots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symcalc.exact import HALF, Number, quotient, raised, rational_power
from symcalc.expr import Expr, node
from symcalc.poly import UNIT, Exponent, Mono, Poly, Scalars, sorted_scalars, term
from symcalc.shape import SCALAR

if TYPE_CHECKING:
    from symcalc.normal import Normalizer

COMPOSITE = frozenset({"product", "scale", "quotient", "entrywise power", "number"})
Powers = list[tuple[Expr, Exponent]]


class ScalarFactors:
    """Operations on scalar factors over a normalizer."""

    def __init__(self, normalizer: Normalizer) -> None:
        self.n = normalizer
        self.squares: dict[Expr, Expr | None] = {}

    def merge(self, a: Scalars, b: Scalars) -> Scalars:
        """Multiply commuting scalar factors."""
        if not a or not b:
            return a or b
        merged: dict[Expr, Exponent] = dict(a)
        for base, k in b:
            if base in merged:
                merged[base] = self.add_exponents(merged[base], k)
                self.n.joined |= base.op.role in COMPOSITE or self._has_other_square(base)
            else:
                merged[base] = k
        if self.n.rules.of_products.intersection([base.op.name for base in merged]):
            self._join_squares(merged)
            merged = self._joined_pairs(merged)
        return sorted_scalars(merged)

    def _joined_pairs(self, factors: dict[Expr, Exponent]) -> dict[Expr, Exponent]:
        """Write `heaviside(c)*relu(c)` as `relu(c)`: a row says what two factors are together."""
        found = self.n.rules.pair(self.n, factors)
        mono, c = (found.result.single or (UNIT, 0)) if found else (UNIT, 0)
        if found is None or c != 1 or mono.factors:
            return factors
        rest = {b: self.add_exponents(k, found.gone.get(b, 0)) for b, k in factors.items()}
        return dict(self.merge(sorted_scalars(rest), mono.scalars))

    def _has_other_square(self, base: Expr) -> bool:
        """Whether a row says what the square of a factor is, which is more than one factor."""
        return base.op.name in self.n.rules.of_scalars and self.square(base) is None

    def _join_squares(self, factors: dict[Expr, Exponent]) -> None:
        """Write `norm2(x)^a*(x'*x)^b` as one power: of `x'*x` for an even `a`, else of the norm."""
        for base, k in [*factors.items()]:
            square = None if isinstance(k, Expr) else self.square(base)
            half = factors.get(square, 0) if square is not None else 0
            if square is None or isinstance(k, Expr) or isinstance(half, Expr):
                continue
            total = k + 2 * half
            if half or total % 2 == 0:
                del factors[base]
                factors.pop(square, None)
                factors |= {square: quotient(total, 2)} if total % 2 == 0 else {base: total}

    def square(self, base: Expr) -> Expr | None:
        """Return what the square of a factor is by its row, if that is one factor."""
        if base not in self.squares:
            fired = len(self.n.fired)
            poly = self.n.rules.power(self.n, base, 2)
            del self.n.fired[fired:]
            one = poly.single if poly is not None else None
            alone = one is not None and one[1] == 1 and not one[0].factors
            whole = one[0].scalars if one is not None and alone else ()
            self.squares[base] = whole[0][0] if len(whole) == 1 and whole[0][1] == 1 else None
        return self.squares[base]

    def add_exponents(self, a: Exponent, b: Exponent) -> Exponent:
        if not (isinstance(a, Expr) or isinstance(b, Expr)):
            return a + b
        poly = self.n.normal(self.n.algebra.sum_of(self.as_expr(a), self.as_expr(b)))
        return self.exponent(poly)

    def as_expr(self, k: Exponent) -> Expr:
        return k if isinstance(k, Expr) else self.n.algebra.number(k)

    def exponent(self, poly: Poly) -> Exponent:
        constant = poly.constant
        return constant if constant is not None else self.n.build(poly)

    def power(self, base: Poly, k: Exponent) -> Poly:
        """Return a scalar to a power."""
        if not isinstance(k, Expr):
            if k == 0:
                return self.n.number(1)
            constant = base.constant
            if constant is not None and (root := rational_power(constant, k)) is not None:
                return self.n.number(root)
            if constant is not None and constant <= 0:
                return term(SCALAR, Mono(((self.n.build(base), k),)))
        if k == 1:
            return base
        mono, c = self.n.single(base)
        if not isinstance(k, Expr) and k.denominator == 1:
            scalars = tuple((b, self.times_exponent(x, k)) for b, x in mono.scalars)
            return self._settle_powers(scalars, raised(c, k.numerator))
        return self._root(mono, c, k)

    def _root(self, mono: Mono, c: Number, k: Exponent) -> Poly:
        """Split a power with any exponent over those factors that are known to be positive."""
        safe = [(b, x) for b, x in mono.scalars if self.leaves_roots(b)]
        if all(self._positive(b) for b, _ in mono.scalars):
            safe = [*mono.scalars]
        rest = tuple((b, x) for b, x in mono.scalars if (b, x) not in safe)
        scalars = self.merge((), tuple((b, self.times_exponent(x, k)) for b, x in safe))
        value = rational_power(c, k) if c > 0 and not isinstance(k, Expr) else None
        outside: Number = 1
        if value is not None:
            outside, c = value, 1
        if len(rest) == 1 and c == 1 and rest[0][1] == 1:
            scalars = self.merge(scalars, ((rest[0][0], k),))
        elif rest or c != 1:
            inner = self.n.build(term(SCALAR, Mono(rest), c))
            scalars = self.merge(scalars, ((inner, k),))
        return self._settle_powers(scalars, outside)

    def leaves_roots(self, base: Expr) -> bool:
        """Whether a factor is taken out of roots: what is positive, but for sizes, so that
        `sqrt(sum(x)/n)` is the root of a mean."""
        return base.op.role != "dimension" and self._positive(base)

    def _positive(self, base: Expr) -> bool:
        return self.n.attributes.has(base, "positive")

    def times_exponent(self, x: Exponent, k: Exponent) -> Exponent:
        if not (isinstance(x, Expr) or isinstance(k, Expr)):
            return x * k
        return self.exponent(self.n.normal(self.n.algebra.times(self.as_expr(x), self.as_expr(k))))

    def _settle_powers(self, scalars: Scalars, c: Number) -> Poly:
        """Apply the rows for powers of one factor, such as `normF(A)^2 = tr(A'*A)`."""
        scalars = self.merge((), scalars)
        for base, k in scalars:
            replaced = self.n.rules.power(self.n, base, k)
            if replaced is not None:
                rest = tuple((b, x) for b, x in scalars if b is not base)
                return self.n.multiply(self._settle_powers(rest, c), replaced)
        return Poly(SCALAR, {Mono(scalars): c} if c else {})

    def power_of(self, base: Expr, k: Exponent) -> Expr:
        if isinstance(k, Expr):
            return self.n.algebra.entrywise_power(base, k)
        if k == 1:
            return base
        if k == HALF:
            return self.n.algebra.call("sqrt", base)
        return node(
            self.n.algebra.role["entrywise power"], (base, self.n.algebra.number(k)), base.shape
        )

    def joined_roots(self, powers: Powers) -> Powers:
        """Write `sqrt(2)*sqrt(pi)` as `sqrt(2*pi)`, where no factor can be negative."""
        groups: dict[Exponent, Powers] = {}
        if len(powers) < 2:
            return powers
        for base, k in powers:
            root = isinstance(k, Expr) or k.denominator != 1
            if root and self._positive(base):
                size: Exponent = k if isinstance(k, Expr) else max(k, -k)
                groups.setdefault(size, []).append((base, k))
        joined = {group[0]: self._joined(k, group) for k, group in groups.items() if group[1:]}
        gone = [power for group in groups.values() for power in group[1:]]
        return [joined.get(power, power) for power in powers if power not in gone]

    def _joined(self, k: Exponent, group: Powers) -> tuple[Expr, Exponent]:
        """Write powers with one exponent, but for the sign, as one."""
        up = k if any(x == k for _, x in group) else group[0][1]
        above, below = [b for b, x in group if x == up], [b for b, x in group if x != up]
        base = self.n.algebra.product_of(above)
        return self.n.algebra.divide(base, self.n.algebra.product_of(below)) if below else base, up

    def shared(self, poly: Poly) -> Scalars:
        """Return the powers that all terms have in common."""
        first, *rest = [dict(mono.scalars) for mono in poly.terms]
        for here in rest:
            both = {base: _least(k, here[base]) for base, k in first.items() if base in here}
            first = {base: k for base, k in both.items() if k is not None}
        return sorted_scalars(first)


def _least(a: Exponent, b: Exponent) -> Exponent | None:
    """Return the smaller of two rational exponents, or the symbolic one that both are."""
    if isinstance(a, Expr) or isinstance(b, Expr):
        return a if a is b else None
    return min(a, b)
