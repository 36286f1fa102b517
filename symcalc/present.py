"""From canonical expressions to the way a textbook writes them: factored, powers, signs, sums.

Each choice is between equal forms, and the shorter one wins; length counts names, numbers and
signs. Sums are written in `sums.py`, terms and products in `terms.py`.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Collection, Iterable, Mapping
from math import prod
from typing import TYPE_CHECKING, Any

from symcalc.exact import Number, quotient
from symcalc.expr import Expr, node, rebuild
from symcalc.factors import (
    MAX_FACTORS,
    flatten,
    has_even_exponent,
    starts_negative,
    untransposed,
)
from symcalc.folding import Folding
from symcalc.graph import postorder
from symcalc.poly import UNIT, Mono, Poly, Scalars, term
from symcalc.reflection import Reflecting
from symcalc.sums import FACTORED_TERMS, Sums
from symcalc.terms import Factors, Terms

if TYPE_CHECKING:
    from symcalc.normal import Normalizer
    from symcalc.op import Op

ENTRYWISE = frozenset({"hadamard", "entrywise quotient"})
RING = frozenset({"sum", "product", "scale", "quotient", "entrywise power"})


class Wording:
    """The sums of a formula, so that they are written as its author wrote them."""

    def __init__(self) -> None:
        self.exact: dict[Expr, Expr] = {}  # by the canonical sum
        self.terms: dict[frozenset[tuple[Mono, Number]], Expr] = {}  # by its terms
        self.boxed: dict[Expr, tuple[Number, Expr]] = {}  # by the factor, with its sign
        self.kept: set[Expr] = set()  # the sums whose signs stay as they are
        self.ranks: dict[Expr, int] = {}  # the order of factors in entrywise products
        self.named: dict[Scalars, tuple[Expr, Number]] = {}  # powers of functions, by factors
        self.folded: set[Op] = set()  # operations that rows define by others

    def learn(self, e: Expr, n: Normalizer) -> None:
        """Remember a sum, if no shorter way to write it is known."""
        poly = n.normal(e)
        if len(poly.terms) < 2:
            return
        canonical = n.build(poly)
        if e is not canonical and (
            n.length(e) > n.length(canonical) or not _functions(e) <= _functions(canonical)
        ):
            return
        self.exact.setdefault(canonical, e)
        self.terms.setdefault(frozenset(poly.terms.items()), e)
        mono, sign = n.single(poly)
        boxed = [*mono.factors, *(base for base, k in mono.scalars if k == 1)]
        alone = len(mono.factors) + len(mono.scalars) == 1
        if abs(sign) == 1 and alone and boxed and boxed[0].op.role == "sum":
            self.kept.add(self.boxed.setdefault(boxed[0], (sign, e))[1])

    def spell(self, e: Expr, n: Normalizer) -> None:
        """Remember how the author wrote a number such as `x'*A*y` or `tr(A'*B)`."""
        mono, c = n.normal(e).single or (UNIT, 1)
        base, k = mono.scalars[0] if len(mono.scalars) == 1 else (e, 0)
        if c == k == 1 and base.op is e.op and n.length(e) <= n.length(base):
            own, other = (flatten(x.args[0] if e.op.role == "trace" else x) for x in (e, base))
            names = set(map(untransposed, own))
            plain = len(set(own)) == len(own) and all(f.op.role != "ones" for f in names)
            if plain and len(own) == len(other) and names == set(map(untransposed, other)):
                self.exact.setdefault(base, e)

    def rank(self, e: Expr, n: Normalizer) -> None:
        """Remember in which order the factors of an entrywise product stand."""
        for factor in e.args:
            mono, _ = n.single(n.normal(factor))
            self.ranks.setdefault(n.build(term(factor.shape, mono)), len(self.ranks))

    def name(self, e: Expr, n: Normalizer) -> None:
        """Remember a function that a row defines by simpler ones, such as `std(x)`, by its factors
        and by those of its square; what rewriting replaced in it stays replaced."""
        mono, c = n.normal(e).single or (UNIT, 1)
        e = rebuild(e, tuple(_unless_replaced(arg, n) for arg in e.args))
        power: Number = 1
        while mono.scalars and not mono.factors and c == 1:
            self.named[mono.scalars] = e, power
            base, k = mono.scalars[0]
            if len(mono.scalars) > 1 or isinstance(k, Expr) or k == 1:
                break
            (mono, c), power = n.normal(base).single or (UNIT, 1), quotient(1, k)


def wording(n: Normalizer, like: Expr | None) -> Wording:
    """Return how the author of `like` wrote its sums; a normalizer asks only once."""
    if like not in n.wordings:
        n.wordings[like] = words = Wording()
        whole = None if n.fired else like  # nothing has replaced it: only parts of it are written
        for e in postorder([like] if like is not None else []):
            if e.op.role == "sum":
                if e is not whole:
                    words.learn(e, n)
            elif e.op.role == "hadamard":
                words.rank(e, n)
            elif e.is_scalar and e.op.role in ("product", "trace"):
                words.spell(e, n)
            elif e.op.column("fold"):
                words.folded.add(e.op)
                if e.is_scalar:
                    words.name(e, n)
    return n.wordings[like]


class Presenter:
    """Writes canonical expressions of one normalizer; sums of `like` as they stand there, and sums
    of embedded blocks as stacks if it `stacks`."""

    def __init__(
        self, normalizer: Normalizer, like: Expr | None = None, stacks: bool = False
    ) -> None:
        self.n = normalizer
        self.stacks = stacks
        self.algebra = normalizer.algebra
        self.regrouped = False  # whether a sum was written otherwise than term by term
        self.shown: dict[Expr, Expr] = {}
        self.worded: dict[Expr, tuple[Number, Expr]] = {}
        self.length = normalizer.length
        self.words = wording(normalizer, like)
        self.folding = Folding(self)
        self.reflecting = Reflecting(self)
        self.terms = Terms(self)
        self.sums = Sums(self)

    def as_worded(self, factor: Expr, beside: Collection[Expr] = ()) -> tuple[Number, Expr]:
        """Return a factor as its author wrote it, and the sign that this takes."""
        found = self.worded.get(factor)
        if found is None:
            found = self.worded[factor] = self._as_worded(factor)
        if factor.op.role == "sum" and factor not in self.words.boxed:
            return self.reflecting.of(factor, beside) or found
        return found

    def _as_worded(self, factor: Expr) -> tuple[Number, Expr]:
        turned = factor.op.role == "transpose"
        plain = factor.args[0] if turned else factor
        found = self.words.boxed.get(plain) or self._odd(plain)
        if found is None:
            return self._entrywise_worded(factor, self.present(factor))
        return found[0], self.algebra.transpose(found[1]) if turned else found[1]

    def _odd(self, e: Expr) -> tuple[Number, Expr] | None:
        """Return `inv(B - A)` as minus `inv(A - B)`, where the author wrote `A - B`."""
        degrees = e.op.column("homogeneous")
        if not degrees or len(e.args) != 1 or e.args[0] not in self.words.boxed:
            return None
        sign, worded = self.words.boxed[e.args[0]]
        odd = sign < 0 and degrees.get(e.op.slot(0).name, 0) % 2
        return (sign, rebuild(e, (worded,))) if odd else None

    def _entrywise_worded(self, factor: Expr, shown: Expr) -> tuple[Number, Expr]:
        """Return an entrywise product with its sums as their author wrote them, and the sign."""
        if factor.op.role == "transpose" and shown.op.role == "transpose":
            sign, worded = self._entrywise_worded(factor.args[0], shown.args[0])
            return sign, self.algebra.transpose(worded)
        if factor.op.role != "hadamard":
            return 1, shown
        words = self.words.boxed
        factors = _entrywise_factors(factor)
        boxed = {f: words[f] for f in factors if f in words}
        if all(sign > 0 for sign, _ in boxed.values()):
            return 1, shown
        self.all_presented(tuple(factors))
        forms = ChainMap({f: e for f, (_, e) in boxed.items()}, self.shown)
        return prod(sign for sign, _ in boxed.values()), self._in_order(factor, forms)

    def box(self, e: Expr) -> Expr:
        """Let a finished expression stand as a factor."""
        self.shown.setdefault(e, e)
        return e

    def all_shown(self, factors: Factors) -> Factors:
        """Return the presented forms of factors."""
        return tuple(self.shown[f] for f in factors)

    def all_presented(self, factors: Factors) -> Factors:
        """Present factors that are no parts of what is presented already; return their forms."""
        return tuple(self.present(f) for f in factors)

    def factors_of(self, poly: Poly) -> Factors:
        """Return the factors of a polynomial, boxed if it is a sum, and present them."""
        factors = self.n.single(poly)[0].factors
        self.all_presented(factors)
        return factors

    def _all_worded(self, factors: Factors) -> Factors:
        """Return factors as their author wrote them, where that does not change the sign."""
        worded = [self.as_worded(f) for f in factors]
        if sum([sign < 0 for sign, _ in worded]) % 2:
            return self.all_shown(factors)
        return tuple(shown for _, shown in worded)

    def present(self, root: Expr) -> Expr:
        """Return the presented form of a canonical expression."""
        if root in self.shown:
            return self.shown[root]
        stack: list[Any] = [root]
        while stack:
            e = stack.pop()
            if e is None:  # all parts of the expression below it are presented
                e = stack.pop()
                self.shown[e] = self._show(e)
            elif not e.args:
                self.shown[e] = e
            elif e not in self.shown:
                stack += (e, None, *self._parts(e))
        return self.shown[root]

    def _ring(self, e: Expr) -> Poly | None:
        """Return the normal form of a ring operation whose terms are smaller than itself."""
        if e.op.role not in RING or (e.op.role == "entrywise power" and not e.is_scalar):
            return None
        poly = self.n.memo.get(e)
        if poly is None or (poly.single is not None and e in _atoms(poly.single[0])):
            return None
        return poly

    def _parts(self, e: Expr) -> Iterable[Expr]:
        poly = self._ring(e)
        if poly is None:
            if e.op.role == "hadamard" and self.words.ranks:
                return e.args[0], *_entrywise_factors(e)
            factors = flatten(e, MAX_FACTORS) if e.op.role == "product" else ()
            return e.args if not factors or len(factors) > MAX_FACTORS else factors
        return [part for mono in poly.terms for part in _atoms(mono)]

    def _show(self, e: Expr) -> Expr:
        if e in self.words.exact:
            return self.words.exact[e]
        poly = self._ring(e)
        if poly is not None:
            return self.sums.sum_of(
                [(c, m.scalars, m.factors) for m, c in poly.ordered], poly.shape
            )
        if e.op.role == "product" and len(factors := flatten(e, MAX_FACTORS)) <= MAX_FACTORS:
            return self.terms.chain(self._all_worded(factors), e.shape)
        if e.op.role == "transpose":
            turned = self._untransposed(e, rebuild(e, (self.shown[e.args[0]],)))
            return self.folding.columnwise(e, turned)
        if e.op.role == "hadamard" and self.words.ranks:
            return self._in_order(e, self.shown)
        shown = [self.shown[arg] for arg in e.args]
        if has_even_exponent(e) and e.args[0] in self.words.boxed:
            shown[0] = self.words.boxed[e.args[0]][1]
        return self.folding.columnwise(e, self._with_sign_outside(e, shown))

    def _in_order(self, e: Expr, forms: Mapping[Expr, Expr]) -> Expr:
        """Write an entrywise product; factors that the author multiplied stand in his order."""
        factors = _entrywise_factors(e)
        ranks = self.words.ranks
        places = [k for k, f in enumerate(factors) if f in ranks]
        known = sorted([factors[k] for k in places], key=ranks.__getitem__)
        for k, factor in zip(places, known, strict=True):
            factors[k] = factor
        whole, shown = factors[0], forms[factors[0]]
        for factor in factors[1:]:
            whole = node(e.op, (whole, factor), e.shape)
            shown = self._with_sign_outside(whole, [shown, forms[factor]])
        return shown

    def _with_sign_outside(self, e: Expr, shown: list[Expr], turned: bool = False) -> Expr:
        """Write an operation, or its transpose where that has the arguments that are given; a minus
        sign that came into a linear argument stands before it."""
        if e.op.column("absolute"):
            found = self.words.boxed.get(e.args[0])
            shown = [self.algebra.negate(a) if starts_negative(a) else a for a in shown]
            shown = shown if found is None else [found[1]]
        negative = False
        for k, (arg, written) in enumerate(zip(e.args, shown, strict=True)):
            came = starts_negative(written) and not starts_negative(arg)
            if came and self.n.book.is_linear(e.op, k):
                shown[k] = self.algebra.negate(written)
                negative = not negative
        made = node(e.op, tuple(shown), e.shape[::-1] if turned else e.shape, e.data)
        return self.algebra.negate(made) if negative else made

    def _untransposed(self, e: Expr, shown: Expr) -> Expr:
        """Write the transpose of a sum or an entrywise product as one where that is shorter."""
        inner = e.args[0]
        if inner.args and inner.op.dims and self.n.chains.flips(inner.op):
            other = self.n.functions.turned(inner)
            if other.args == inner.args:  # `S[k:n, 0:k]` of a symmetric matrix
                return rebuild(other, self.shown[inner].args)
        if inner.op.role in ENTRYWISE:
            other = self._with_sign_outside(inner, [self._across(a) for a in inner.args], True)
            return other if self.length(other) < self.length(shown) else shown
        poly = self.n.memo.get(inner)
        if inner.op.role != "sum" or inner in self.words.boxed or poly is None or 1 in inner.shape:
            return shown
        if len(poly.terms) > FACTORED_TERMS:
            return shown
        other = self.present(self._transposed(inner))
        return other if self.length(other) < self.length(shown) else shown

    def _across(self, e: Expr) -> Expr:
        """Write the transpose of an argument, its own or that of its parts."""
        own, parts = self.algebra.transpose(self.shown[e]), self.present(self._transposed(e))
        return own if self.length(own) < self.length(parts) else parts

    def _transposed(self, e: Expr) -> Expr:
        return self.n.build(self.n.chains.transpose(self.n.normal(e)))


def _entrywise_factors(e: Expr) -> list[Expr]:
    """Return the factors of an entrywise product, of a long one only the last."""
    found = [e]
    while found[0].op is e.op and len(found) < MAX_FACTORS:
        found[:1] = found[0].args
    return found


def _functions(e: Expr) -> set[str]:
    """Return the names of the functions in an expression: what rewriting may have replaced."""
    called = {node.op for node in postorder([e])}
    return {op.name for op in called if not (op.role or op.column("define"))}


def _unless_replaced(e: Expr, n: Normalizer) -> Expr:
    """Return an expression, in canonical form if rewriting replaced functions in it."""
    canonical = n.canonical(e)
    return e if _functions(e) <= _functions(canonical) else canonical


def _atoms(mono: Mono) -> list[Expr]:
    return [base for base, _ in mono.scalars] + list(mono.factors)
