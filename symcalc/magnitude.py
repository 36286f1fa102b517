"""Expressions as `m .* exp(s)`, so that what would overflow or underflow is never formed.

`log(w'*exp(z))` is `log(w'*exp(z - c)) + c` with `c = max(z)`, `exp(a)/(exp(a) + exp(b))` needs
only differences of exponents, and `normpdf(z) ./ normcdf(z)` has a common factor far out. Rows give
the mantissa and the exponent of their operation, or its logarithm; the ring operations carry them.
Where sums cancel (`1 - exp(x)`), the rewrite rows of the stage "stable" lead to other operations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, NamedTuple

from symcalc.cancelling import Cancelling, extreme_marks, rebuilt
from symcalc.exact import Number
from symcalc.expr import Expr
from symcalc.graph import postorder
from symcalc.shape import SCALAR, Shape

if TYPE_CHECKING:
    from symcalc.rulebook import Rulebook

Exponent = Mapping[Expr, Number]  # a linear combination, of scalars or of the shape of the whole


class Magnitude(NamedTuple):
    """`mantissa .* exp(exponent)`, the mantissa None for ones; `less_one` is the mantissa - 1."""

    mantissa: Expr | None
    exponent: Exponent
    large: bool  # whether it may overflow
    small: bool  # whether it may underflow
    less_one: Expr | None = None
    joint: bool = False  # whether large and small factors meet here, which must not be formed
    inverted: bool = False  # whether something has been divided by


def stable(roots: Sequence[Expr], book: Rulebook) -> list[Expr]:
    """Return expressions with the values of `roots` that stay in the range of floating point.

    An expression in which nothing can leave it is returned as it is.
    """
    if not any(root.marks & extreme_marks(book) for root in roots):
        return list(roots)
    fold = Magnitudes(book)
    return [fold.stable(root) for root in roots]


class Magnitudes:
    """Finds magnitudes, and with them the stable values; what it has found it keeps."""

    def __init__(self, book: Rulebook) -> None:
        self.book = book
        self.algebra = book.algebra
        self.cancelling = Cancelling(book)
        both = [op for op in book.ops.values() if len(op.column("extremes", ())) == 2]
        self.steep = reduce(or_, [op.mark for op in both])  # in an exponent
        self.values: dict[Expr, Expr] = {}
        self.found: dict[tuple[Expr, bool], Magnitude | None] = {}
        self.steps: dict[str, Callable[[Expr, bool], Magnitude | None]] = {
            "scale": self._times, "hadamard": self._times,
            "quotient": self._over, "entrywise quotient": self._over,
            "entrywise power": self._power, "sum": self._sum, "product": self._product,
            "transpose": self._turned,
        }  # fmt: skip

    def stable(self, root: Expr) -> Expr:
        """Return the value of an expression without what leaves the range of floating point."""
        return self.plain(self.cancelling.rewritten(root))

    def plain(self, root: Expr) -> Expr:
        for node in postorder([root], into=lambda n: n not in self.values):
            if node not in self.values:
                self.values[node] = self._value(node)
        return self.values[root]

    def _value(self, e: Expr) -> Expr:
        own = self.of(e, False)
        if own is not None and own.joint:
            return self._whole(own, e.shape)
        if e.op.name == "log" and (of := self.of(e.args[0], True)) is not None:
            return self._logarithm(of, e)
        return rebuilt(e, [self.values[arg] for arg in e.args])

    def _whole(self, m: Magnitude, shape: Shape) -> Expr:
        """Return `mantissa .* exp(exponent)` as an expression."""
        mantissa = self.algebra.ones(shape) if m.mantissa is None else m.mantissa
        if not m.exponent:
            return self._spread(mantissa, shape)
        factor = self.algebra.call("exp", self._total(m.exponent))
        if m.mantissa is None and factor.shape == shape:
            return factor
        return self._spread(self.algebra.hadamard(factor, mantissa), shape)

    def _logarithm(self, m: Magnitude, e: Expr) -> Expr:
        """Return `log(mantissa) + exponent`."""
        terms = [self._spread(self._total(m.exponent), e.shape)] if m.exponent else []
        if m.less_one is not None:
            terms.append(self.algebra.call("log_one_plus", m.less_one))
        elif m.mantissa is not None:
            terms.append(self._spread(self.algebra.build(e.op, [m.mantissa]), e.shape))
        return self.algebra.sum_of(*terms) if terms else self.algebra.zeros(e.shape)

    def _total(self, exponent: Exponent) -> Expr:
        """Return a linear combination as one expression; scalars are added to every entry."""
        shape = next((s.shape for s in exponent if not s.is_scalar), SCALAR)
        times, number = self.algebra.times, self.algebra.number
        terms = [times(number(c), self._spread(s, shape)) for s, c in exponent.items()]
        return self.algebra.sum_of(*terms)

    def _spread(self, s: Expr, shape: Shape) -> Expr:
        return s if s.shape == shape else self.algebra.times(s, self.algebra.ones(shape))

    # -- magnitudes -------------------------------------------------------------------------------

    def of(self, e: Expr, full: bool) -> Magnitude | None:
        """Return the magnitude of an expression, None where it has no exponent.

        It is `full` below a logarithm: of a function whose logarithm is known, that is taken.
        """
        if (e, full) not in self.found:
            for node in postorder([e], into=lambda n: (n, full) not in self.found):
                if (node, full) not in self.found:
                    step = self.steps.get(node.op.role, self._by_row)
                    self.found[node, full] = step(node, full)
        return self.found[e, full]

    def _by_row(self, e: Expr, full: bool) -> Magnitude | None:
        extremes = e.op.column("extremes", ())
        if not extremes:
            return self._defined(e, full)
        flags = ("large" in extremes, "small" in extremes)
        short = e.op.column("exponent") and not (full and e.op.column("logarithm"))
        if not short:
            return Magnitude(None, self._terms(self._body(e, "logarithm")), *flags)
        mantissa = self._body(e, "mantissa")
        return Magnitude(mantissa, self._terms(self._body(e, "exponent")), *flags)

    def _body(self, e: Expr, column: str) -> Expr:
        body = self.book.body(e.op, column, "")
        assert body is not None
        return body(self.algebra, [self.plain(arg) for arg in e.args], e.sizes)

    def _defined(self, e: Expr, full: bool) -> Magnitude | None:
        """Return the magnitude of what an operation is defined as, if its arguments have one."""
        if not e.op.column("define") or all(self.of(arg, full) is None for arg in e.args):
            return None
        meaning = self.book.said(e, "define")
        if meaning is None:
            return None
        self.plain(meaning)
        return self.of(meaning, full)

    def _terms(self, s: Expr) -> dict[Expr, Number]:
        """Return an expression as a linear combination."""
        terms: dict[Expr, Number] = {}
        for term in s.args if s.op.role == "sum" else (s,):
            scaled = term.op.role == "scale" and term.args[0].op.role == "number"
            core, c = (term.args[1], term.args[0].data) if scaled else (term, 1)
            terms[core] = terms.get(core, 0) + c
        return {core: c for core, c in terms.items() if c}

    def _known(self, e: Expr, full: bool) -> Magnitude:
        """Return the magnitude of an expression, the value as its mantissa if it has none."""
        return self.of(e, full) or self._without(e)

    def _without(self, e: Expr) -> Magnitude:
        """Return an expression as a mantissa."""
        plain = self.plain(e)
        ones = plain.op.role == "ones" or (plain.op.role == "number" and plain.data == 1)
        return Magnitude(None if ones else plain, {}, False, False)

    def _times(self, e: Expr, full: bool) -> Magnitude | None:
        if all(self.of(arg, full) is None for arg in e.args):
            return None
        a, b = (self._known(arg, full) for arg in e.args)
        pure = a.mantissa is b.mantissa is None and bool(a.exponent) and bool(b.exponent)
        bounded = (a.large and b.small and not b.large) or (b.large and a.small and not a.large)
        over = (a.inverted or b.inverted) and ((a.large and b.small) or (b.large and a.small))
        steep = any(s.marks & self.steep for m in (a, b) for s in m.exponent) and bool(b.exponent)
        mantissa = self._multiplied(a.mantissa, b.mantissa)
        joint = pure or bounded or over or (steep and bool(a.exponent))
        return self._joined(a, b, 1, mantissa, joint)

    def _over(self, e: Expr, full: bool) -> Magnitude | None:
        if all(self.of(arg, full) is None for arg in e.args):
            return None
        a, b = (self._known(arg, full) for arg in e.args)
        mantissa = self._divided(a.mantissa, b.mantissa, e.args[1].shape)
        joint = (a.large and b.large) or (a.small and b.small)
        other = b._replace(large=b.small, small=b.large, inverted=True)
        return self._joined(a, other, -1, mantissa, joint)

    def _joined(
        self, a: Magnitude, b: Magnitude, sign: int, mantissa: Expr | None, joint: bool
    ) -> Magnitude:
        exponent = dict(a.exponent)
        for s, c in b.exponent.items():
            exponent[s] = exponent.get(s, 0) + sign * c
        left = {s: c for s, c in exponent.items() if c}
        inverted = a.inverted or b.inverted
        return Magnitude(
            mantissa, left, a.large or b.large, a.small or b.small, None, joint, inverted
        )

    def _multiplied(self, a: Expr | None, b: Expr | None) -> Expr | None:
        return b if a is None else a if b is None else self.algebra.hadamard(a, b)

    def _divided(self, a: Expr | None, b: Expr | None, shape: Shape) -> Expr | None:
        if b is None:
            return a
        return self.algebra.hadamard_divide(self.algebra.ones(shape) if a is None else a, b)

    def _power(self, e: Expr, full: bool) -> Magnitude | None:
        base, k = self.of(e.args[0], full), self.plain(e.args[1])
        if base is None:
            return None
        number = k.op.role == "number"
        times = self.algebra.times
        exponent = {
            (s if number else times(k, s)): c * k.data if number else c
            for s, c in base.exponent.items()
        }
        power = self.algebra.entrywise_power
        mantissa = None if base.mantissa is None else power(base.mantissa, k)
        flags = (base.large, base.small)
        if not number or k.data < 0:
            flags = (base.small or not number, base.large or not number)
        root = not number or abs(k.data) < 1  # which may be in range where the base is not
        return Magnitude(
            mantissa, exponent, *flags, None, root, base.inverted or not number or k.data < 0
        )

    def _turned(self, e: Expr, full: bool) -> Magnitude | None:
        m = self.of(e.args[0], full)
        if m is None:
            return None
        turn = self.algebra.transpose
        exponent = {(s if s.is_scalar else turn(s)): c for s, c in m.exponent.items()}
        return m._replace(
            mantissa=None if m.mantissa is None else turn(m.mantissa),
            exponent=exponent,
            less_one=None,
            joint=False,
        )

    # -- sums -------------------------------------------------------------------------------------

    def _sum(self, e: Expr, full: bool) -> Magnitude | None:
        """Take the largest exponent out of a sum; a term without one has the exponent 0."""
        found = [self.of(term, full) for term in e.args]
        if not any(m is not None and m.large for m in found) and None in found:
            return None
        terms = [self._known(term, full) for term in e.args]
        if None in found:  # beside a plain term only what is large matters
            pairs = zip(e.args, terms, strict=True)
            terms = [m if m.large else self._without(term) for term, m in pairs]
        exponents = list({frozenset(m.exponent.items()): m.exponent for m in terms}.values())
        large, small = any(m.large for m in terms), all(m.small for m in terms)
        inverted = any(m.inverted for m in terms)
        if len(exponents) == 1:
            parts = [self._part(m, None, e.shape) for m in terms]
            total = self.algebra.sum_of(*parts)
            return Magnitude(total, exponents[0], large, small, None, False, inverted)
        top = self._top(exponents, e.shape)
        return self._shifted(terms, top, e.shape)._replace(
            large=large, small=small, inverted=inverted
        )

    def _top(self, exponents: Sequence[Exponent], shape: Shape) -> Expr:
        """Return the largest of several exponents, entry by entry."""
        given = [self._spread(self._total(s), shape) for s in exponents if s]
        top = reduce(lambda a, b: self.algebra.call("maximum", a, b), given)
        return top if all(exponents) else self.algebra.call("relu", top)

    def _shifted(self, terms: Sequence[Magnitude], top: Expr, shape: Shape) -> Magnitude:
        parts = [self._part(m, top, shape) for m in terms]
        total = self.algebra.sum_of(*parts)
        ones = [k for k, m in enumerate(terms) if m.mantissa is None and not m.exponent]
        less = None
        if ones:
            parts[ones[0]] = self.algebra.call("exp_minus_one", self.algebra.negate(top))
            less = self.algebra.sum_of(*parts)
        return Magnitude(total, {top: 1}, True, True, less)

    def _part(self, m: Magnitude, top: Expr | None, shape: Shape) -> Expr:
        """Return a term of a sum from which the largest exponent has been taken out."""
        if top is None:
            return self._whole(m._replace(exponent={}), shape)
        exponent = dict(m.exponent)
        exponent[top] = exponent.get(top, 0) - 1
        left = {s: c for s, c in exponent.items() if c}
        return self._whole(m._replace(exponent=left), shape)

    # -- products of matrices ---------------------------------------------------------------------

    def _product(self, e: Expr, full: bool) -> Magnitude | None:
        """Take the largest exponents out of sums of products, row by row or column by column."""
        left, right = (self.of(arg, full) for arg in e.args)
        if left is None and right is None:
            return None
        p, inner, q = e.args[0].shape[0], e.args[0].shape[1], e.args[1].shape[1]
        if inner == 1:
            return None
        if left is not None and right is not None:
            return self._inner(e, full) if (p, q) == (1, 1) else None
        a, b = (self.plain(arg) for arg in e.args)
        if right is not None and p == 1:
            return self._reduced(
                right, (inner, q), 0, lambda shifted: self.algebra.times(a, shifted)
            )
        if left is not None and q == 1:
            return self._reduced(
                left, (p, inner), 1, lambda shifted: self.algebra.times(shifted, b)
            )
        return self._weighted(a, right, (p, inner)) if right is not None and q == 1 else None

    def _inner(self, e: Expr, full: bool) -> Magnitude | None:
        """Return the inner product of two vectors as the sum of their entrywise product."""
        row, b = e.args
        a = row.args[0] if row.op.role == "transpose" else self.algebra.transpose(row)
        entries = self.algebra.hadamard(a, b)
        own = self.of(entries, full)
        ones = self.algebra.transpose(self.algebra.ones(entries.shape))
        whole = self.of(self.algebra.times(ones, entries), full)
        return whole and whole._replace(joint=bool(own and own.joint))

    def _reduced(
        self, m: Magnitude, shape: Shape, axis: int, product: Callable[[Expr], Expr]
    ) -> Magnitude:
        """Take the largest exponents along an axis out of what a product sums along it."""
        if all(s.is_scalar for s in m.exponent):
            whole = self._whole(m._replace(exponent={}), shape)
            return m._replace(mantissa=product(whole), less_one=None, joint=False)
        top, spread = self._peaks(self._total(m.exponent), axis)
        shifted = {**m.exponent, spread: m.exponent.get(spread, 0) - 1}
        mantissa = product(self._whole(m._replace(exponent=shifted), shape))
        return m._replace(mantissa=mantissa, exponent={top: 1}, less_one=None, joint=False)

    def _peaks(self, s: Expr, axis: int) -> tuple[Expr, Expr]:
        """Return the largest entries along an axis, and these beside every entry."""
        times, turn, (rows, cols) = self.algebra.times, self.algebra.transpose, s.shape
        if 1 in s.shape:
            top = self.algebra.call("peak", s)
            return top, times(top, self.algebra.ones(s.shape))
        if axis == 1:
            top = self.algebra.call("peak_rows", s)
            return top, times(top, turn(self.algebra.ones((cols, 1))))
        top = turn(self.algebra.call("peak_rows", turn(s)))
        return top, times(self.algebra.ones((rows, 1)), top)

    def _weighted(self, a: Expr, m: Magnitude, shape: Shape) -> Magnitude:
        """Return the product of a matrix of weights and a vector, row by row."""
        s = self._total(m.exponent)
        if m.mantissa is not None:
            a = self.algebra.times(a, self.algebra.call("diag", m.mantissa))
        if s.is_scalar:
            return m._replace(mantissa=self.algebra.times(a, self.algebra.ones((shape[1], 1))))
        top = self.algebra.call("weighted_peak", a, s)
        product = self.algebra.call("weighted_exp", a, s, top)
        return m._replace(mantissa=product, exponent={top: 1}, less_one=None, joint=False)
