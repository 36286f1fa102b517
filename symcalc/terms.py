"""A term in textbook form: its sign in a difference, sums for ones, powers for repetitions."""

from __future__ import annotations

from collections.abc import Iterable
from operator import and_
from typing import TYPE_CHECKING

from symcalc.balance import Balance
from symcalc.exact import Number
from symcalc.expr import Expr, node, rebuild
from symcalc.factors import MAX_FACTORS, flatten, starts_negative, untransposed
from symcalc.folding import Powers
from symcalc.poly import Exponent, Scalars, below_line
from symcalc.shape import SCALAR, Shape
from symcalc.totals import Totals

if TYPE_CHECKING:
    from symcalc.present import Presenter

Factors = tuple[Expr, ...]
Term = tuple[Number, Scalars, Factors]
TURN_SAVING = 3
INVERSE_SAVING = 2
SIGNED = ("transpose", "hadamard", "entrywise quotient")  # a sign of an argument is one of these
LEAVES = ("symbol", "dimension")


class Terms:
    """Writes terms and chains of factors for a presenter."""

    def __init__(self, presenter: Presenter) -> None:
        self.presenter = presenter
        self.n = presenter.n
        self.algebra = presenter.algebra
        self.length = presenter.length
        self.written: dict[tuple[Term, Shape], Expr] = {}
        self.balance = Balance(presenter)
        self.totals = Totals(self)

    def term(self, term: Term, shape: Shape) -> Expr:
        """Write a term, its scalars beside its sums or in them."""
        key = (term, shape)
        if key not in self.written:
            self.written[key] = self._term(term, shape)
        return self.written[key]

    def _term(self, term: Term, shape: Shape) -> Expr:
        best = self._written(term, shape)
        for other in self.balance.options(term):
            written = self._written(other, shape)
            if self.length(written) < self.length(best):
                best = written
                self.presenter.regrouped = True
        return best

    def _written(self, term: Term, shape: Shape) -> Expr:
        """Write coefficient * scalars * chain; a minus sign goes into a difference."""
        coefficient, shown, powers = self.worded_parts(term)
        if coefficient < 0:
            coefficient = self._absorb_sign(coefficient, shown, powers)
        chain = self.chain(tuple(shown), shape) if shown or shape != SCALAR else None
        if chain is not None and not powers:
            return self.algebra.times(self.algebra.number(coefficient), chain)
        powers, chain = self.presenter.folding.folded(powers, chain)
        powers = self.n.scalars.joined_roots(powers)
        powers.sort(key=lambda item: item[0].op.role not in LEAVES or item[1] != 1)
        above = [self._power(b, k) for b, k in powers if not below_line(k)]
        below = [self._power(b, -k) for b, k in powers if below_line(k)]
        top, bottom = coefficient, 1
        if below:
            top, bottom = coefficient.numerator, coefficient.denominator
        parts = [*above, *([] if chain is None else [chain])]
        if top == 1 and len(parts) == 1 and parts[0].op.role not in ("scale", "quotient"):
            result = parts[0]
        else:
            result = self.algebra.product_of([self.algebra.number(top), *parts])
        if not below:
            return result
        if bottom != 1:
            below.insert(0, self.algebra.number(bottom))
        return self.algebra.divide(result, self.n.algebra.product_of(below))

    def _power(self, base: Expr, k: Exponent) -> Expr:
        """Write a power, an exponent that is no number as any other formula."""
        return self.n.scalars.power_of(base, self._shown(k) if isinstance(k, Expr) else k)

    def _shown(self, k: Expr) -> Expr:
        return self.presenter.present(self.n.canonical(k))

    def worded_parts(self, term: Term) -> tuple[Number, list[Expr], list[tuple[Expr, Exponent]]]:
        coefficient, scalars, factors = term
        shown: list[Expr] = []
        powers: Powers = []
        beside = (*[base for base, _ in scalars], *factors)
        for factor in factors:
            sign, worded = self.presenter.as_worded(factor, beside)
            if (coefficient != 1 or len(beside) > 1) and _is_negative(worded):
                sign, worded = -sign, self._opposite(worded)
            coefficient *= sign
            shown.append(worded)
        if not scalars:
            return coefficient, shown, powers
        named, scalars = self.presenter.folding.named(scalars)
        norms = {base: norm for base, k in scalars if (norm := self._norm(base, k)) is not None}
        for base, k in scalars:
            if base in norms and not isinstance(k, Expr):
                powers.append(self._shorter_square(norms[base], base, k))
                continue
            sign, worded = self.presenter.as_worded(base, beside)
            if sign < 0 and (isinstance(k, Expr) or k.denominator != 1):
                worded = self.presenter.shown[base]
            elif sign < 0 and not isinstance(k, Expr) and k.numerator % 2:
                coefficient = -coefficient
            powers.append((worded, k))
        return coefficient, shown, powers + named

    def _shorter_square(self, norm: Expr, base: Expr, k: Number) -> tuple[Expr, Number]:
        """Write `(x'*A'*A*x)^k` as a power of the norm where that is shorter."""
        found: list[tuple[Expr, Number]] = [(self.presenter.present(base), k), (norm, 2 * k)]
        plain, short = (self.length(self.n.scalars.power_of(b, max(x, -x))) for b, x in found)
        return found[1] if short < plain else found[0]

    def _norm(self, base: Expr, k: Exponent) -> Expr | None:
        """Return the norm whose square a scalar such as `x'*A'*A*x` or `tr(A*A')` is."""
        traced = base.op.role == "trace"
        factors = flatten(base.args[0] if traced else base, MAX_FACTORS)
        half = len(factors) // 2
        if isinstance(k, Expr) or not half or len(factors) % 2:
            return None
        turned, sign = self.n.chains.turn_all(factors[:half])
        if sign != 1 or turned != factors[half:]:
            return None
        shown = [self.presenter.as_worded(f)[1] for f in (factors[:half] if traced else turned)]
        return self.algebra.call("normF" if traced else "norm2", self.algebra.product_of(shown))

    def _absorb_sign(self, coefficient: Number, factors: list[Expr], powers: Powers) -> Number:
        for k, factor in enumerate(factors):
            flipped = self._flipped(factor)
            if flipped is not None:
                factors[k] = flipped
                return -coefficient
        for k, (base, exponent) in enumerate(powers):
            flipped = self._flipped(base)
            if flipped is not None and not isinstance(exponent, Expr) and exponent in (1, -1):
                powers[k] = (flipped, exponent)
                return -coefficient
        return coefficient

    def _flipped(self, e: Expr) -> Expr | None:
        """Return `B - A` for `A - B`, if a sum has a term with a minus sign."""
        if e in self.presenter.words.kept:
            return None
        if e.op.role in SIGNED or linear_in_each(e):
            kept = e.op.role == "hadamard"  # `1 - x` stays beside what it is multiplied with
            flipped = (
                (k, None if kept and _has_unit(arg) else self._flipped(arg))
                for k, arg in enumerate(e.args)
            )
            place, inner = next(((k, f) for k, f in flipped if f is not None), (0, None))
            before, after = e.args[:place], e.args[place + 1 :]
            return None if inner is None else self.algebra.rebuild(e, (*before, inner, *after))
        if e.op.role != "sum" or not any(starts_negative(t) for t in e.args):
            return None
        return self._negated(e)

    def _opposite(self, e: Expr) -> Expr:
        """Write a sum, or the inverse of one, with the other signs."""
        return self._negated(e) if e.op.role == "sum" else rebuild(e, (self._opposite(e.args[0]),))

    def _negated(self, e: Expr) -> Expr:
        """Write a sum with the other signs, a term without one first."""
        terms = [self.algebra.negate(t) for t in e.args]
        lead = next(k for k, t in enumerate(terms) if not starts_negative(t))
        terms.insert(0, terms.pop(lead))
        return node(e.op, tuple(terms), e.shape)

    def chain(self, factors: Factors, shape: Shape) -> Expr:
        """Write a product: sums for ones, powers for repeated factors, one transpose for many."""
        if not factors:
            return self.algebra.identity(shape[0])
        if len(factors) == 1:
            return factors[0]
        shown = list(factors)
        whole = self.totals.written(shown)
        if shape[0] != 1 and transposes(shown) >= 2:
            whole = self.totals.written(self._short_rows(shown))
            turned = self.totals.written([self.turn(f) for f in reversed(shown)])
            other = self.algebra.transpose(turned)
            if self.length(other) + TURN_SAVING <= self.length(whole):
                return other
        return whole

    def _short_rows(self, factors: list[Expr]) -> list[Expr]:
        """Write `x'*A'` at the end of a product as `(A*x)'`."""
        cut = next((k for k in range(1, len(factors)) if factors[k].shape[0] == 1), None)
        if cut is None or transposes(factors[cut:]) < 2:
            return factors
        row = self.algebra.transpose(self.powers([self.turn(f) for f in reversed(factors[cut:])]))
        shorter = self.length(row) < self.length(self.n.algebra.product_of(factors[cut:]))
        return [*factors[:cut], row] if shorter else factors

    def turn(self, e: Expr) -> Expr:
        if e.op.role == "transpose":
            return e.args[0]
        if e.shape[0] == e.shape[1] and self.n.attributes.has(e, "symmetric"):
            return e
        return self.algebra.transpose(e)

    def plain(self, factors: list[Expr]) -> Expr:
        """Write a product without vectors of ones."""
        return self.powers(self._one_inverse(factors))

    def _one_inverse(self, factors: list[Expr]) -> list[Expr]:
        """Write `inv(A)*inv(B)*inv(C)` as `inv(C*B*A)` where that is shorter by far."""
        inverses = [_is_plain_inverse(untransposed(f)) for f in factors]
        pairs = [*map(and_, inverses, inverses[1:])]
        if True not in pairs:
            return factors
        start = pairs.index(True)
        stop = next((k for k in range(start, len(factors)) if not inverses[k]), len(factors))
        bases = [self._base(f) for f in reversed(factors[start:stop])]
        whole = self.algebra.call("inv", self.chain(tuple(bases), factors[start].shape))
        rest = [*factors[:start], whole, *self._one_inverse(factors[stop:])]
        plain = self.length(self.powers(factors[start:stop]))
        return rest if self.length(whole) + INVERSE_SAVING <= plain else factors

    def _base(self, e: Expr) -> Expr:
        """Return `A` for `inv(A)`, `A'` for `inv(A)'`."""
        return e.args[0] if e.op.role == "inverse" else self.turn(e.args[0].args[0])

    def powers(self, factors: list[Expr]) -> Expr:
        """Write repeated runs of factors as powers."""
        if len(set(factors)) == len(factors):
            return self.n.algebra.product_of(factors)
        parts: list[Expr] = []
        place = 0
        while place < len(factors):
            length, count = _longest_repeat(factors, place)
            if count == 1:
                parts.append(factors[place])
            else:
                parts.append(self._raised(factors[place : place + length], count))
            place += length * count
        return self.n.algebra.product_of(parts)

    def _raised(self, block: list[Expr], count: int) -> Expr:
        base = self.n.algebra.product_of(block)
        turned = base.op.role == "transpose"
        base = base.args[0] if turned else base
        if base.op.role == "inverse":
            base, count = base.args[0], -count
        power = self.algebra.power(base, self.algebra.number(count))
        return self.algebra.transpose(power) if turned else power


def _is_negative(e: Expr) -> bool:
    """Whether all terms of a sum have a minus sign: it belongs before what the sum stands in. So
    does that of an inverse."""
    if len(e.args) == 1 and e.op.role in ("transpose", "inverse"):
        return _is_negative(e.args[0])
    return e.op.role == "sum" and all(starts_negative(t) for t in e.args)


def _has_unit(e: Expr) -> bool:
    """Whether ones or the identity are a term of a sum."""
    return any(t.op.role in ("ones", "identity") for t in e.args)


def _is_plain_inverse(e: Expr) -> bool:
    return e.op.role == "inverse" and untransposed(e.args[0]).op.role == "symbol"


def linear_in_each(e: Expr) -> bool:
    """Whether this is a function of two arguments that is linear in each, by its row: `kron`."""
    return not e.op.role and len(e.args) == len(e.op.column("adjoint", ())) == 2


def beside(term: Term, place: int) -> object:
    """Return what a function that is linear in each argument has in its other place, with its name;
    None for other terms."""
    e = term[2][0] if len(term[2]) == 1 else None
    if e is None or e.op.role or not place < len(e.args) == len(e.op.column("adjoint", ())) <= 2:
        return None
    return (e.op, e.data, e.args[place].shape, *e.args[:place], *e.args[place + 1 :])


def transposes(factors: Iterable[Expr]) -> int:
    """Return how many of the factors are transposes."""
    return sum([f.op.role == "transpose" for f in factors])


def _longest_repeat(factors: list[Expr], start: int) -> tuple[int, int]:
    """Return the length and number of repetitions of the block at `start` that saves most."""
    best = (1, 1)
    for length in range(1, (len(factors) - start) // 2 + 1):
        if factors[start + length] is not factors[start]:
            continue
        block = factors[start : start + length]
        count = 1
        while factors[start + count * length : start + (count + 1) * length] == block:
            count += 1
        square = block[0].shape[0] == block[-1].shape[1] != 1
        if square and count > 1 and length * count > best[0] * best[1]:
            best = (length, count)
    return best
