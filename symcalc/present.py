"""From canonical expressions to the way a textbook writes them: factored, powers, signs, sums.

Each choice is between equal forms, and the shorter one wins; length counts names, numbers and signs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import TYPE_CHECKING

from symcalc.attributes import MAX_FACTORS, flatten
from symcalc.expr import Expr, node, rebuild, sort_key
from symcalc.graph import postorder
from symcalc.poly import ONE, Mono, Poly, Scalars, content, ordered
from symcalc.shape import SCALAR, Shape

if TYPE_CHECKING:
    from symcalc.normal import Normalizer

Factors = tuple[Expr, ...]
Term = tuple[Fraction, Scalars, Factors]
RING = {"sum", "product", "scale", "quotient", "entrywise power"}
FACTORED_TERMS = 24
IDENTITY_PENALTY = 2
TURN_SAVING = 3


class Presenter:
    """Writes canonical expressions of one normalizer."""

    def __init__(self, normalizer: Normalizer, like: Expr | None = None) -> None:
        self.n = normalizer
        self.algebra = normalizer.algebra
        self.regrouped = False  # whether a sum was written otherwise than term by term
        self.shown: dict[Expr, Expr] = {}
        self.lengths: dict[Expr, int] = {}
        self.exact: dict[Expr, Expr] = {}
        self.worded: dict[Expr, tuple[Fraction, Expr]] = {}
        if like is not None:
            self._learn(like)

    def _learn(self, like: Expr) -> None:
        """Remember the sums of a formula, so that they are written as its author wrote them."""
        for e in postorder([like]):
            poly = self.n.normal(e) if e.op.role == "sum" else None
            if poly is None or len(poly.terms) < 2:
                continue
            canonical = self.n.build(poly)
            if self.length(e) > self.length(canonical) or not _functions(e) <= _functions(canonical):
                continue
            self.exact.setdefault(canonical, e)
            mono, sign = self.n.single(poly)
            boxed = mono.factors or tuple(base for base, _ in mono.scalars)
            if abs(sign) == 1 and len(boxed) == 1 and boxed[0].op.role == "sum":
                self.worded.setdefault(boxed[0], (sign, e))

    def _as_worded(self, factor: Expr) -> tuple[Fraction, Expr]:
        """Return a factor as its author wrote it, and the sign that this takes."""
        turned = factor.op.role == "transpose"
        found = self.worded.get(factor.args[0] if turned else factor)
        if found is None:
            return ONE, self.shown[factor]
        return found[0], self.algebra.transpose(found[1]) if turned else found[1]

    def present(self, root: Expr) -> Expr:
        """Return the presented form of a canonical expression."""
        stack = [root]
        while stack:
            e = stack[-1]
            if e in self.shown:
                stack.pop()
                continue
            waiting = [part for part in self._parts(e) if part not in self.shown]
            if waiting:
                stack.extend(waiting)
            else:
                stack.pop()
                self.shown[e] = self._show(e)
        return self.shown[root]

    def _ring(self, e: Expr) -> Poly | None:
        """Return the normal form of a ring operation whose terms are smaller than itself."""
        if e.op.role not in RING or (e.op.role == "entrywise power" and not e.is_scalar):
            return None
        poly = self.n.memo.get(e)
        return None if poly is None or any(e in _atoms(mono) for mono in poly.terms) else poly

    def _parts(self, e: Expr) -> Iterable[Expr]:
        poly = self._ring(e)
        if poly is None:
            factors = flatten(e, MAX_FACTORS) if e.op.role == "product" else ()
            return e.args if not factors or len(factors) > MAX_FACTORS else factors
        return [part for mono in poly.terms for part in _atoms(mono)]

    def _show(self, e: Expr) -> Expr:
        if e in self.exact:
            return self.exact[e]
        poly = self._ring(e)
        if poly is not None:
            return self.sum_of([(c, m.scalars, m.factors) for m, c in ordered(poly)], poly.shape)
        if e.op.role == "product" and len(factors := flatten(e, MAX_FACTORS)) <= MAX_FACTORS:
            return self.chain(self._all_shown(factors), e.shape)
        return rebuild(e, tuple(self.shown[arg] for arg in e.args))

    # -- sums -----------------------------------------------------------------------------------

    def sum_of(self, terms: list[Term], shape: Shape) -> Expr:
        """Write a sum, with common factors taken out where that is shorter."""
        if not terms:
            return self.algebra.zeros(shape)
        if len(terms) == 1:
            return self.term(terms[0], shape)
        plain = self._plain(terms, shape)
        if len(terms) > FACTORED_TERMS:
            return plain
        best, bound = plain, self.length(plain)
        for candidate, saving in (
            (self._factored(terms, shape), 1),
            (self._merged(terms) if shape == SCALAR else self._absorbed(terms, shape), 1),
            (self._turned(terms, shape), TURN_SAVING),
        ):
            if candidate is not None and self.length(candidate) + saving <= bound:
                best, bound = candidate, self.length(candidate)
                self.regrouped = True
        return best

    def _turned(self, terms: list[Term], shape: Shape) -> Expr | None:
        """Write a sum of transposed products as the transpose of a sum."""
        if 1 in shape or any(self._transposes(list(factors)) < 1 for _, _, factors in terms):
            return None
        turned = []
        for c, scalars, factors in terms:
            reverse, sign = self.n.chains.turn_all(factors)
            for factor in reverse:
                self.shown.setdefault(factor, factor)
            turned.append((c * sign, scalars, reverse))
        if all(self._transposes(list(factors)) for _, _, factors in turned):
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
        for start in _rotations(first):
            others = [_best_rotation(start, chain, self.n) for _, _, chain in found[1:]]
            shared = min([_shared(start, chain) for chain, _ in others], default=0)
            if not shared or shared == len(start):
                continue
            rest = [(c, scalars, start[shared:])]
            for (k, s, _), (chain, sign) in zip(found[1:], others, strict=True):
                rest.append((k * sign, s, chain[shared:]))
            inner = (start[shared - 1].shape[1], start[0].shape[0])
            box = self._box(self.sum_of(rest, inner))
            whole = self.algebra.trace(self.chain((*self._all_shown(start[:shared]), box), inner))
            if best is None or self.length(whole) < self.length(best):
                best = whole
        return best

    def _all_shown(self, factors: Factors) -> Factors:
        return tuple(self.shown[f] for f in factors)

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
            self.present(factor)
        return c, tuple(item for item in scalars if item[0] is not base), poly.single[0].factors

    def _absorbed(self, terms: list[Term], shape: Shape) -> Expr | None:
        """Write `(b'*x)*a + (a'*x)*b` as `(a*b' + b*a')*x`."""
        if shape[1] != 1:
            return None
        choices = [self._endings(t) for t in terms]
        common = set.intersection(*({f[-1] for _, _, f in options} for options in choices))
        if all(len(options) == 1 for options in choices):
            return None
        best: Expr | None = None
        for last in sorted(common, key=sort_key):
            picked = [next(t for t in options if t[2][-1] is last) for options in choices]
            found = self._factored(picked, shape)
            if found is not None and (best is None or self.length(found) < self.length(best)):
                best = found
        return best

    def _endings(self, term: Term) -> list[Term]:
        """Return the ways to write a term with one of its scalar products at the end of the chain."""
        c, scalars, factors = term
        found = [term] if factors else []
        for base, k in scalars:
            if base.op.role == "product" and k == 1 and factors:
                rest = tuple(item for item in scalars if item[0] is not base)
                chain = flatten(base)
                turned, sign = self.n.chains.turn_all(chain)
                for ending, s in ((chain, ONE), (turned, sign)):
                    for factor in ending:
                        self.present(factor)
                    found.append((c * s, rest, (*factors, *ending)))
        return found

    def _plain(self, terms: list[Term], shape: Shape) -> Expr:
        shown = [self.term(t, shape) for t in terms]
        lead = next((k for k, t in enumerate(terms) if t[0] > 0), 0)
        shown.insert(0, shown.pop(lead))
        return node(self.algebra.role["sum"], tuple(shown), shape)

    def _factored(self, terms: list[Term], shape: Shape) -> Expr | None:
        outer, scalars, inner = self._common_scalars(terms)
        before, after, inner = _common_factors(inner)
        if outer != 1 or scalars or before or after:
            rest = [(c, s, f) for c, s, f in inner]
            middle = (
                before[-1].shape[1] if before else shape[0],
                after[0].shape[0] if after else shape[1],
            )
            if before or after:
                if middle == SCALAR and shape != SCALAR:
                    return None
                penalty = any(not f for _, _, f in rest)
                box = self._box(self.sum_of(rest, middle))
                whole = self.term((outer, scalars, (*before, box, *after)), shape)
                return None if penalty and not self._saves(whole, terms, shape) else whole
            if shape == SCALAR:
                box = self._box(self.sum_of(rest, shape))
                return self.term((outer, (*scalars, (box, ONE)), ()), shape)
            return self.term((outer, scalars, (self._box(self.sum_of(rest, shape)),)), shape)
        return self._grouped(terms, shape)

    def _saves(self, whole: Expr, terms: list[Term], shape: Shape) -> bool:
        plain = self.length(self._plain(terms, shape))
        return self.length(whole) + IDENTITY_PENALTY < plain

    def _box(self, e: Expr) -> Expr:
        """Let a finished expression stand as a factor."""
        self.shown.setdefault(e, e)
        return e

    def _common_scalars(self, terms: list[Term]) -> tuple[Fraction, Scalars, list[Term]]:
        outer = content([c for c, _, _ in terms])
        if all(self._worded_parts(t)[0] < 0 for t in terms):
            outer = -outer
        shared = dict(terms[0][1])
        for _, scalars, _ in terms[1:]:
            here = dict(scalars)
            shared = {b: _least(k, here[b]) for b, k in shared.items() if b in here}
        shared = {b: k for b, k in shared.items() if k is not None}
        if outer == 1 and not shared:
            return ONE, (), terms
        inverse = tuple((b, -k) for b, k in shared.items())
        rest = [(c / outer, self.n.scalars.merge(s, inverse), f) for c, s, f in terms]
        return outer, tuple(shared.items()), rest

    def _grouped(self, terms: list[Term], shape: Shape) -> Expr | None:
        """Take the most profitable first or last factor out of the terms that share it."""
        if shape == SCALAR:
            return None
        best = self._best_group(terms)
        if best is None:
            return None
        factor, place = best
        inside = [t for t in terms if len(t[2]) > 1 and t[2][place] is factor]
        outside = [t for t in terms if not (len(t[2]) > 1 and t[2][place] is factor)]
        before, after, rest = _common_factors(inside)
        if any(len(f) > max(1, len(before) + len(after)) for _, _, f in rest):
            return None
        group = self.sum_of(inside, shape)
        whole: Term = (ONE, (), (self._box(group),))
        return self.sum_of([*outside, whole], shape) if outside else group

    def _best_group(self, terms: list[Term]) -> tuple[Expr, int] | None:
        counts: Counter[tuple[Expr, int]] = Counter()
        for _, _, factors in terms:
            if len(factors) > 1:
                counts[factors[0], 0] += 1
                counts[factors[-1], -1] += 1
        gains = [
            ((count - 1) * (1 + self.length(self.shown[key[0]])), -index, key)
            for index, (key, count) in enumerate(counts.items())
            if 1 < count < len(terms)
        ]
        return max(gains, key=lambda gain: gain[:2])[2] if gains else None

    # -- terms ----------------------------------------------------------------------------------

    def term(self, term: Term, shape: Shape) -> Expr:
        """Write coefficient * scalars * chain; a minus sign goes into a difference."""
        coefficient, shown, powers = self._worded_parts(term)
        if coefficient < 0:
            coefficient = self._absorb_sign(coefficient, shown, powers)
        powers.sort(key=lambda item: item[0].op.role != "symbol" or item[1] != 1)
        above = [self.n.scalars.power_of(b, k) for b, k in powers if not _negative(k)]
        below = [self.n.scalars.power_of(b, -k) for b, k in powers if _negative(k)]
        top, bottom = coefficient, Fraction(1)
        if below:
            top, bottom = Fraction(coefficient.numerator), Fraction(coefficient.denominator)
        chain = self.chain(tuple(shown), shape) if shown or shape != SCALAR else None
        parts = [*above, *([] if chain is None else [chain])]
        result = self.algebra.number(top)
        for part in parts:
            result = self.algebra.times(result, part)
        if not below:
            return result
        if bottom != 1:
            below.insert(0, self.algebra.number(bottom))
        return self.algebra.divide(result, self.n.product(below))

    def _worded_parts(
        self, term: Term
    ) -> tuple[Fraction, list[Expr], list[tuple[Expr, Fraction | Expr]]]:
        coefficient, scalars, factors = term
        shown, powers = [], []
        for factor in factors:
            sign, worded = self._as_worded(factor)
            coefficient *= sign
            shown.append(worded)
        for base, k in scalars:
            sign, worded = self._as_worded(base)
            if sign < 0 and not (isinstance(k, Fraction) and k.denominator == 1):
                worded = self.shown[base]
            elif sign < 0 and isinstance(k, Fraction) and k.numerator % 2:
                coefficient = -coefficient
            powers.append((worded, k))
        return coefficient, shown, powers

    def _absorb_sign(
        self, coefficient: Fraction, factors: list[Expr], powers: list[tuple[Expr, Fraction | Expr]]
    ) -> Fraction:
        for k, factor in enumerate(factors):
            flipped = self._flipped(factor)
            if flipped is not None:
                factors[k] = flipped
                return -coefficient
        for k, (base, exponent) in enumerate(powers):
            flipped = self._flipped(base)
            if flipped is not None and isinstance(exponent, Fraction) and exponent in (1, -1):
                powers[k] = (flipped, exponent)
                return -coefficient
        return coefficient

    def _flipped(self, e: Expr) -> Expr | None:
        """Return `B - A` for `A - B`, if a sum has a term with a minus sign."""
        if any(e is worded for _, worded in self.worded.values()):
            return None
        if e.op.role == "transpose":
            inner = self._flipped(e.args[0])
            return None if inner is None else self.algebra.transpose(inner)
        if e.op.role != "sum" or not any(_starts_negative(t) for t in e.args):
            return None
        terms = [self.algebra.negate(t) for t in e.args]
        lead = next(k for k, t in enumerate(terms) if not _starts_negative(t))
        terms.insert(0, terms.pop(lead))
        return node(e.op, tuple(terms), e.shape)

    # -- chains ---------------------------------------------------------------------------------

    def chain(self, factors: Factors, shape: Shape) -> Expr:
        """Write a product: sums for ones, powers for repeated factors, one transpose for many."""
        shown = list(factors)
        if not shown:
            return self.algebra.identity(shape[0])
        whole = self._with_sums(shown)
        if shape[0] != 1 and self._transposes(shown) >= 2:
            whole = self._with_sums(self._short_rows(shown))
            turned = self._with_sums([self._turn(f) for f in reversed(shown)])
            other = self.algebra.transpose(turned)
            if self.length(other) + TURN_SAVING <= self.length(whole):
                return other
        return whole

    def _short_rows(self, factors: list[Expr]) -> list[Expr]:
        """Write `x'*A'` at the end of a product as `(A*x)'`."""
        cut = next((k for k in range(1, len(factors)) if factors[k].shape[0] == 1), None)
        if cut is None or self._transposes(factors[cut:]) < 2:
            return factors
        row = self.algebra.transpose(
            self.n.product([self._turn(f) for f in reversed(factors[cut:])])
        )
        shorter = self.length(row) < self.length(self.n.product(factors[cut:]))
        return [*factors[:cut], row] if shorter else factors

    def _transposes(self, factors: list[Expr]) -> int:
        return sum(f.op.role == "transpose" for f in factors)

    def _turn(self, e: Expr) -> Expr:
        if e.op.role == "transpose":
            return e.args[0]
        if e.shape[0] == e.shape[1] and self.n.attributes.has(e, "symmetric"):
            return e
        return self.algebra.transpose(e)

    def _with_sums(self, factors: list[Expr]) -> Expr:
        """Write products with vectors of ones as sums over entries, rows or columns."""
        first, last = self._is_ones(factors[0], True), self._is_ones(factors[-1], False)
        if (
            len(factors) == 2
            and self._is_ones(factors[0], False)
            and self._is_ones(factors[1], True)
        ):
            return self.algebra.ones((factors[0].shape[0], factors[1].shape[1]))
        if first and last and len(factors) > 2:
            return self.algebra.call("sum", self._powers(factors[1:-1]))
        if first and len(factors) > 1:
            inner = self._powers(factors[1:])
            if inner.shape[1] == 1:
                return self.algebra.call("sum", inner)
            return self.algebra.transpose(self.algebra.call("sum_columns", inner))
        if last and len(factors) > 1:
            inner = self._powers(factors[:-1])
            if inner.shape[0] != 1:
                return self.algebra.call("sum_rows", inner)
            return self.algebra.call("sum", self._turned_row(inner, factors[:-1]))
        return self._powers(factors)

    def _turned_row(self, inner: Expr, factors: list[Expr]) -> Expr:
        return self._powers([self._turn(f) for f in reversed(factors)])

    def _is_ones(self, e: Expr, row: bool) -> bool:
        inner = e.args[0] if e.op.role == "transpose" else e
        return inner.op.role == "ones" and (e.op.role == "transpose") == row

    def _powers(self, factors: list[Expr]) -> Expr:
        """Write repeated runs of factors as powers."""
        if len(set(factors)) == len(factors):
            return self.n.product(factors)
        parts: list[Expr] = []
        place = 0
        while place < len(factors):
            length, count = _longest_repeat(factors, place)
            if count == 1:
                parts.append(factors[place])
            else:
                parts.append(self._raised(factors[place : place + length], count))
            place += length * count
        return self.n.product(parts)

    def _raised(self, block: list[Expr], count: int) -> Expr:
        base = self.n.product(block)
        turned = base.op.role == "transpose"
        base = base.args[0] if turned else base
        if base.op.role == "inverse":
            base, count = base.args[0], -count
        power = self.algebra.power(base, self.algebra.number(count))
        return self.algebra.transpose(power) if turned else power

    # -- length ---------------------------------------------------------------------------------

    def length(self, e: Expr) -> int:
        """Return the number of names, numbers and signs in the text of `e`."""
        stack = [e]
        while stack:
            here = stack[-1]
            waiting = [arg for arg in here.args if arg not in self.lengths]
            if waiting:
                stack.extend(waiting)
            else:
                stack.pop()
                self.lengths[here] = sum(self.lengths[arg] for arg in here.args) + _own_length(here)
        return self.lengths[e]


def _functions(e: Expr) -> set[str]:
    """Return the names of the functions in an expression: what rewriting may have replaced."""
    return {node.op.name for node in postorder([e]) if not node.op.role}


def _own_length(e: Expr) -> int:
    rule = _OWN_LENGTH.get(e.op.role)
    return rule(e) if rule else 1


def _scale_length(e: Expr) -> int:
    factor = e.args[0]
    if factor.op.role != "number":
        return 1
    value = abs(factor.data)
    return -1 if value == 1 else (0 if value.numerator == 1 and value.denominator > 1 else 1)


_OWN_LENGTH: dict[str, Callable[[Expr], int]] = {
    "sum": lambda e: len(e.args) - 1,
    "scale": _scale_length,
    "number": lambda e: 1 if e.data.denominator == 1 else 2,
    "ones": lambda e: 2,
    "zeros": lambda e: 2,
}


def _atoms(mono: Mono) -> list[Expr]:
    return [base for base, _ in mono.scalars] + list(mono.factors)


def _negative(k: Fraction | Expr) -> bool:
    return isinstance(k, Fraction) and k < 0


def _least(a: Fraction | Expr, b: Fraction | Expr) -> Fraction | Expr | None:
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return min(a, b) if a * b > 0 and a > 0 else (max(a, b) if a < 0 and b < 0 else None)
    return a if a is b else None


def _starts_negative(e: Expr) -> bool:
    while e.op.role in ("scale", "quotient"):
        e = e.args[0]
    return e.op.role == "number" and e.data < 0


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


def _rotations(chain: Factors) -> list[Factors]:
    return [chain[k:] + chain[:k] for k in range(len(chain))]


def _shared(a: Factors, b: Factors) -> int:
    """Return the length of the common beginning."""
    count = 0
    while count < min(len(a), len(b)) and a[count] is b[count]:
        count += 1
    return count


def _best_rotation(start: Factors, chain: Factors, n: Normalizer) -> tuple[Factors, Fraction]:
    """Return the rotation of a chain or of its transpose that begins most like `start`."""
    turned, sign = n.chains.turn_all(chain)
    options = [(c, ONE) for c in _rotations(chain)] + [(c, sign) for c in _rotations(turned)]
    return max(options, key=lambda option: _shared(start, option[0]))


def _longest_repeat(factors: list[Expr], start: int) -> tuple[int, int]:
    """Return the length and number of repetitions of the block at `start` that saves most."""
    best = (1, 1)
    for length in range(1, (len(factors) - start) // 2 + 1):
        block = factors[start : start + length]
        count = 1
        while factors[start + count * length : start + (count + 1) * length] == block:
            count += 1
        square = block[0].shape[0] == block[-1].shape[1] != 1
        if square and count > 1 and length * count > best[0] * best[1]:
            best = (length, count)
    return best
