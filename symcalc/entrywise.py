"""Entrywise products in normal form: commuting factors with exponents, one factor of a chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symcalc.clearing import Clearing
from symcalc.exact import HALF, Number
from symcalc.expr import Expr, node, sort_key
from symcalc.factors import MAX_FACTORS, untransposed
from symcalc.poly import UNIT, Exponent, Mono, Poly, Scalars, add_terms, atom, below_line, term
from symcalc.shape import SCALAR, Shape

if TYPE_CHECKING:
    from symcalc.normal import Normalizer

Factors = dict[Expr, Exponent]


class Entrywise:
    """The Hadamard product, quotient and power over a normalizer."""

    def __init__(self, normalizer: Normalizer) -> None:
        self.n = normalizer
        self.clearing = Clearing(normalizer)
        self.taken: dict[Expr, tuple[int, Factors]] = {}

    def product(self, e: Expr) -> Poly:
        """Return the normal form of `A .* B`."""
        parts = [self.n.normal(arg) for arg in e.args]
        return self._combine(e.shape, parts, 1)

    def times(self, a: Poly, b: Poly) -> Poly:
        """Return the entrywise product of two normal forms."""
        return self._combine(a.shape, [a, b], 1)

    def quotient(self, e: Expr) -> Poly:
        """Return the normal form of `A ./ B`."""
        top, bottom = (self.n.normal(arg) for arg in e.args)
        return self._combine(e.shape, [top, self._power(bottom, -1)], 1)

    def power(self, base: Expr, k: Exponent) -> Poly:
        """Return the normal form of `A .^ k`."""
        poly = self.n.normal(base)
        if k == 1:
            return poly
        return self._combine(base.shape, [self._power(poly, k)], 1)

    def joined(self, a: Expr, b: Expr) -> Poly | None:
        """Return `a .* b` if factors of the two cancel, else None."""
        left, right = self.factors(a), self.factors(b)
        merged = self.merged(left, right)
        shared = [base for base in left if base in right]
        return self.product_of(a.shape, merged) if any(b not in merged for b in shared) else None

    def sides(self, a: Expr, b: Expr) -> tuple[Expr, Expr] | None:
        """Return `u` and `v` with `u'*v = a'*b`, the same for all ways to group the factors; None
        where they are so already. A product is one side, the factors beside it the other."""
        factors = self.merged(self.factors(a), self.factors(b))
        kept = {e: k for e, k in factors.items() if not self._is_ones(e)}
        if len(kept) == 1:
            ((e, k),) = kept.items()
            one: Factors = {e: 1} if k == 2 else {}
            rest: Factors = {e: 1} if k == 2 else kept
        else:
            plain = [e for e, k in kept.items() if k == 1] or list(kept)
            chosen = min(plain, key=lambda e: (e.op.role != "product", sort_key(e)))
            one = {e: k for e, k in kept.items() if e is not chosen}
            rest = {chosen: kept[chosen]}
        left, right = (self._side(a.shape, side) for side in (one, rest))
        if left is None or right is None or {left, right} == {a, b}:
            return None
        return left, right

    def _side(self, shape: Shape, factors: Factors) -> Expr | None:
        """Return an entrywise product as one factor; None where it has scalars beside it."""
        mono, c = self.product_of(shape, factors).single or (None, 0)
        if mono is None or c != 1 or mono.scalars:
            return None
        return self.n.chain(mono.factors, shape)

    def _power(self, poly: Poly, k: Exponent) -> Poly:
        """Raise a boxed factor: the result is a single factor `(coefficient^k) base .^ k`."""
        if not poly.terms:
            vanishes = not isinstance(k, Expr) and k > 0
            return poly if vanishes else self._raised(self.n.algebra.zeros(poly.shape), k)
        mono, c = self.n.single(poly)
        whole = not isinstance(k, Expr) and k.denominator == 1
        positive = c > 0 and all(self.n.scalars.leaves_roots(b) for b, _ in mono.scalars)
        if whole or positive:
            outer = self.n.scalars.power(term(SCALAR, Mono(mono.scalars), c), k)
            inner = self.n.chain(mono.factors, poly.shape)
            assert inner is not None
            return self.n.multiply(outer, self._raised(inner, k))
        else:
            inside = self.n.build(poly)
        return self._raised(inside, k)

    def _raised(self, base: Expr, k: Exponent) -> Poly:
        sign, factors = self._signed(base)
        whole = not isinstance(k, Expr) and k.denominator == 1
        if not whole and (sign != 1 or any(x != 1 for x in factors.values())):
            sign, factors = 1, {base: 1}
        made = self.product_of(
            base.shape, {b: self.n.scalars.times_exponent(x, k) for b, x in factors.items()}
        )
        return self.n.multiply(self.n.number(sign), made) if sign < 0 and _is_odd(k) else made

    def factors(self, e: Expr) -> Factors:
        """Take a canonical entrywise product apart; one of very many factors stays whole."""
        sign, factors = self._signed(e)
        return factors if sign == 1 else {e: 1}

    def _signed(self, e: Expr) -> tuple[int, Factors]:
        """Return the factors of an entrywise product, and the sign before them."""
        found = self.taken.get(e)
        if found is None:
            sign, apart = self._apart(e)
            factors = {base: k for base, k in apart.items() if k != 0}
            self.taken[e] = found = (sign, factors) if len(factors) <= MAX_FACTORS else (1, {e: 1})
        return found

    def _apart(self, e: Expr) -> tuple[int, Factors]:
        role = e.op.role
        if role in ("hadamard", "entrywise quotient"):
            (a, left), (b, right) = (self._signed(arg) for arg in e.args)
            if role == "entrywise quotient":
                right = {b: self.n.scalars.times_exponent(k, -1) for b, k in right.items()}
            return a * b, self.merged(left, right)
        if role == "entrywise power" and not e.is_scalar:
            k = self.n.scalars.exponent(self.n.normal(e.args[1]))
            return 1, {e.args[0]: k}
        if e.op.name == "sqrt" and not e.is_scalar:
            return 1, {e.args[0]: HALF}
        if role == "transpose" and (e.args[0].op.role in _ROLES or e.args[0].op.name == "sqrt"):
            sign, inner = self._signed(e.args[0])
            turned = self._turned(inner)
            if turned is not None:
                return sign * turned[0], turned[1]
        return 1, {e: 1}

    def merged(self, a: Factors, b: Factors) -> Factors:
        """Return the product of two products; factors whose exponents cancel are gone."""
        if a.keys().isdisjoint(b):
            return {**a, **b}
        merged = dict(a)
        for base, k in b.items():
            total = self.n.scalars.add_exponents(merged[base], k) if base in merged else k
            if total == 0:
                merged.pop(base, None)
            else:
                merged[base] = total
        return merged

    def _combine(self, shape: Shape, parts: list[Poly], c: Number) -> Poly:
        scalars: Scalars = ()
        factors: Factors = {}
        for poly in parts:
            if not poly.terms:
                return Poly(shape, {})
            mono, value = self.n.single(poly)
            scalars, c = self.n.scalars.merge(scalars, mono.scalars), c * value
            chain = self.n.chain(mono.factors, shape)
            assert chain is not None
            sign, parts_of = self._signed(chain)
            c, factors = c * sign, self.merged(factors, parts_of)
        built = self.product_of(shape, factors)
        plain = c == 1 and not scalars
        return built if plain else self.n.multiply(term(SCALAR, Mono(scalars), c), built)

    def product_of(self, shape: Shape, factors: Factors) -> Poly:
        """Return the product of the factors; ones vanish, rank-one factors become diagonals."""
        kept = {b: k for b, k in factors.items() if not self._is_ones(b)}
        for base, k in kept.items():
            replaced = None if base.is_scalar else self.n.rules.power(self.n, base, k)
            if replaced is not None:
                rest = {b: x for b, x in kept.items() if b is not base}
                return self._combine(shape, [self.product_of(shape, rest), replaced], 1)
        if len(kept) > 1 and (paired := self._paired(shape, kept)) is not None:
            return paired
        if not kept:
            return self.n.normal(self.n.algebra.ones(shape))
        if len(kept) == 1 and next(iter(kept.values())) == 1:
            return self.n.normal(next(iter(kept)))
        if shape[0] == 1 and (turned := self._turned(kept)) is not None:
            column = self.product_of((shape[1], 1), turned[1])
            return self.n.chains.transpose(add_terms(column.shape, [(column, turned[0])]))
        if (cleared := self.clearing.cleared(shape, kept)) is not None:
            return cleared
        split = self._rank_one(kept) if shape[1] != 1 else None
        if split is not None:
            return split
        made = self.expression(kept)
        rewritten = self.n.rules.apply(self.n, made)
        return rewritten if rewritten is not None else self._oriented(made, kept)

    def _paired(self, shape: Shape, factors: Factors) -> Poly | None:
        """Return the product where a row says what two of its factors are together."""
        found = self.n.rules.pair(self.n, factors)
        if found is None:
            return None
        rest = self.product_of(shape, self.merged(factors, found.gone))
        return self._combine(shape, [rest, found.result], 1)

    def _oriented(self, made: Expr, factors: Factors) -> Poly:
        """Return the product as a factor, as itself or as a transpose, whichever is smaller."""
        self.n.memo[made] = atom(made)
        if made.shape[1] == 1 or (turned := self._turned(factors)) is None:
            return self.n.memo[made]
        other = self.expression(turned[1])
        if other is made:
            self.n.chains.turned[made] = turned[0], made
        elif (other.size, sort_key(other)) < (made.size, sort_key(made)):
            self.n.memo[other] = atom(other)
            sign, back = self.n.chains.turn(other)
            self.n.memo[made] = term(made.shape, Mono((), (back,)), sign * turned[0])
        return self.n.memo[made]

    def _turned(self, factors: Factors) -> tuple[int, Factors] | None:
        """Return the transposed factors and their sign; None where a root hides the sign."""
        sign = 1
        turned: Factors = {}
        for base, k in factors.items():
            poly = self.n.chains.transpose(self.n.normal(base))
            mono, c = self.n.single(poly)
            whole = not isinstance(k, Expr) and k.denominator == 1
            chain = self.n.chain(mono.factors, poly.shape)
            if mono.scalars or chain is None or abs(c) != 1 or (c != 1 and not whole):
                return None
            sign = -sign if c < 0 and _is_odd(k) else sign
            turned = self.merged(turned, {chain: k})
        return sign, turned

    def _is_ones(self, e: Expr) -> bool:
        if e.op.role in ("", "symbol"):
            return False
        single = self.n.normal(e).single
        if single is None or single[1] != 1 or single[0].scalars or not single[0].factors:
            return False
        return all(untransposed(f).op.role == "ones" for f in single[0].factors)

    def _rank_one(self, factors: Factors) -> Poly | None:
        """Write `(u*v') .* A` as `diag(u)*A*diag(v)`."""
        for base, k in factors.items():
            poly = self.n.normal(base)
            mono, c = poly.single or (UNIT, 1)
            cut = next(
                (i for i in range(1, len(mono.factors)) if mono.factors[i].shape[0] == 1), None
            )
            if cut is None or k != 1 or c != 1 or mono.scalars:
                continue
            rest = self.product_of(base.shape, {b: x for b, x in factors.items() if b is not base})
            left = self.n.algebra.product_of(mono.factors[:cut])
            right = self.n.algebra.transpose(self.n.algebra.product_of(mono.factors[cut:]))
            return self._sandwich(left, rest, right)
        return None

    def _sandwich(self, u: Expr, middle: Poly, v: Expr) -> Poly:
        result = middle
        diagonal = self.n.algebra.ops["diag"]
        if not self._is_ones(u):
            result = self.n.multiply(self.n.normal(self.n.algebra.make(diagonal, (u,))), result)
        if not self._is_ones(v):
            result = self.n.multiply(result, self.n.normal(self.n.algebra.make(diagonal, (v,))))
        return result

    def expression(self, factors: Factors) -> Expr:
        """Return the canonical expression: product of powers over product of powers."""
        items = sorted(
            factors.items(), key=lambda item: (item[0].op.role == "identity", sort_key(item[0]))
        )
        below = [(b, k) for b, k in items if below_line(k)]
        above = [(b, k) for b, k in items if not below_line(k)] if below else items
        if not above and len(below) == 1:
            return self._powered(*below[0])
        algebra = self.n.algebra
        shape = items[0][0].shape
        top = self._multiplied(
            [b if k == 1 else self._powered(b, k) for b, k in above] or [algebra.ones(shape)]
        )
        if not below:
            return top
        bottom = self._multiplied([self._powered(b, -k) for b, k in below])
        return node(algebra.role["entrywise quotient"], (top, bottom), shape)

    def _multiplied(self, parts: list[Expr]) -> Expr:
        result = parts[0]
        for part in parts[1:]:
            result = node(self.n.algebra.role["hadamard"], (result, part), part.shape)
        return result

    def _powered(self, base: Expr, k: Exponent) -> Expr:
        if k == 1:
            return base
        if k == HALF:
            return self.n.algebra.call("sqrt", base)
        exponent = self.n.scalars.as_expr(k)
        return node(self.n.algebra.role["entrywise power"], (base, exponent), base.shape)


def _is_odd(k: Exponent) -> bool:
    """Whether a power changes its sign with that of the base; the exponent is whole."""
    return not isinstance(k, Expr) and k.numerator % 2 == 1


_ROLES = {"hadamard", "entrywise quotient", "entrywise power"}
