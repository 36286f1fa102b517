"""Lowering: from the formula as it is written to the form in which it is best computed.

One fold. A term is scalars and a chain of factors, whose order `products.py` finds; a trace is cut
in the same way, around the circle; sums and other operations are rewritten by the rows of the stage
"lower". What several roots need is computed once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from symcalc.chain_split import Parts, core_name, has_number, split
from symcalc.cost import ENTRY, Costs
from symcalc.exact import quotient
from symcalc.factors import flatten, untransposed
from symcalc.graph import postorder
from symcalc.lower_rows import Matcher
from symcalc.products import Found, Products
from symcalc.scaling import Scaling
from symcalc.shape import SCALAR
from symcalc.traces import Traces

if TYPE_CHECKING:
    from symcalc.algebra import Algebra
    from symcalc.expr import Expr
    from symcalc.lower_rows import Attributes, Factors, LowerRow, LowerRows
    from symcalc.rewrite import Binding

MAX_POWER = 8


def nothing_known(e: Expr) -> frozenset[str]:
    """The attributes of an expression of which nothing may be used."""
    return frozenset()


class Lowering:
    """Lowers expressions over one algebra; what it has found is shared by all its roots.

    `sizes` are the dimensions that are known, `attributes` what is known of expressions, `free` the
    expressions whose value is there anyway. With `real` the rows may use operations that are only
    right for real arrays, and those of `libraries`; without `inverses` each use of an inverse bears
    its whole cost, so that solving is chosen; with `distribute` sums in products are multiplied out
    where that pays.
    """

    def __init__(
        self, algebra: Algebra, sizes: Mapping[str, int] | None = None,
        attributes: Attributes = nothing_known, real: bool = False, distribute: bool = False,
        free: frozenset[Expr] = frozenset(), libraries: frozenset[str] = frozenset(),
        inverses: bool = True,
    ) -> None:  # fmt: skip
        self.free = free
        self.libraries = libraries
        self.inverses = inverses
        self.algebra = algebra
        self.rows: LowerRows = algebra.book.lower_rows
        self.costs = Costs(sizes)
        self.attributes = attributes
        self.real = real
        self.distribute = distribute
        self.matcher, self.loose = [
            Matcher(attributes, self.turn, algebra.product_of, thin) for thin in (False, True)
        ]
        self.best: dict[Expr, Found] = {}
        self.uses: Counter[Expr] = Counter()
        self.needed: defaultdict[str, list[Expr]] = defaultdict(list)
        self.wanted: Counter[Factors] = Counter()
        self.products = Products(self)
        self.scaling = Scaling(algebra, self.costs)
        self.steps: dict[str, Callable[[Expr], Found]] = {
            "sum": self._sum, "trace": Traces(self).found,
            "entrywise power": self._power, "hadamard": self._hadamard,
        }  # fmt: skip

    def lower(self, roots: Sequence[Expr]) -> list[Expr]:
        """Return the roots in the form in which they are computed; shared work is shared.

        Where nothing is known to be there, the last is lowered first: a gradient is the larger one,
        and what it computes is there for the value.
        """
        self._survey(roots)
        for root in [] if self.free else reversed(roots):
            self.free |= self.computed([self.found(root)[1]])
        return [self.found(root)[1] for root in roots]

    def computed(self, lowered: Sequence[Expr]) -> frozenset[Expr]:
        """Return what the lowered roots compute on their way, as written and as lowered."""
        inside = {e for e in postorder(lowered) if e.args}
        return frozenset(inside | {e for e, (_, made) in self.best.items() if made in inside})

    # -- the walk ---------------------------------------------------------------------------------

    def _survey(self, roots: Sequence[Expr]) -> None:
        """Count how often each expression is needed, and note the products that are."""
        stack, seen = list(roots), set(roots)
        self.uses.update(roots)
        while stack:
            e = stack.pop()
            self.needed[e.op.name].append(e)
            parts = self.parts(e)
            if parts is not None and len(parts.factors) > 1:
                factors = tuple(parts.factors)
                self.wanted.update({factors, self.turn_all(factors)})
            for below in self._below(e):
                self.uses[below] += 1
                if below not in seen:
                    seen.add(below)
                    stack.append(below)

    def parts(self, e: Expr) -> Parts | None:
        """Take a term apart: a product, a multiple or a transpose; None for everything else."""
        role = e.op.role
        chain = role == "product" or (
            not e.is_scalar and role in ("scale", "quotient", "transpose")
        )
        return split(e, self.turn) if chain else None

    def _below(self, e: Expr) -> list[Expr]:
        """Return what must have a value before `e` has one."""
        parts = self.parts(e.args[0] if e.op.role == "trace" else e)
        if parts is None:
            return list(e.args)
        return [untransposed(f) for f in (*parts.scalars, *parts.divisors, *parts.factors)]

    def found(self, root: Expr) -> Found:
        """Return the cost of an expression and its lowered form; iterative in the depth."""
        stack = [(root, False)]
        while stack:
            e, ready = stack.pop()
            if e in self.best:
                continue
            if ready:
                self.best[e] = self._step(e)
            else:
                stack.append((e, True))
                stack.extend((b, False) for b in self._below(e) if b not in self.best)
        return self.best[root]

    def _step(self, e: Expr) -> Found:
        parts = self.parts(e)
        if parts is not None:
            return self._term(e, parts)
        rewritten = self._by_node_row(e)
        if rewritten is not None:
            return rewritten
        return self.steps.get(e.op.role, self._plain)(e)

    def _plain(self, e: Expr) -> Found:
        below = [self.found(arg) for arg in e.args]
        made = self.algebra.rebuild(e, tuple(b[1] for b in below))
        return sum(self._shared(a) for a in e.args) + self.costs.operation(made), made

    def _by_node_row(self, e: Expr) -> Found | None:
        bound = [
            (row, binding)
            for row in self.rows.nodes.get(e.op.name, ())
            if self.usable(row)
            and (binding := self.loose.match(row.lhs, e, {})) is not None
            and self.matcher.fulfils(row, binding)
            and self._has_beside(row, binding)
        ]
        special = any(row.needs for row, _ in bound)  # what is known of an argument decides
        options = [self.found(row.result(b)) for row, b in bound if not special or row.needs]
        return min(options, key=lambda option: option[0]) if options else None

    def usable(self, row: LowerRow) -> bool:
        general = row.analytic and not row.needs
        return (self.real or general) and row.libraries <= self.libraries

    def _has_beside(self, row: LowerRow, binding: Binding) -> bool:
        """Whether an expression is needed as well beside which the row pays."""
        return not row.beside or any(
            self.loose.match(pattern, e, binding) is not None
            for pattern in row.beside
            for e in self.needed[pattern.op.name]
        )

    def _shared(self, e: Expr) -> float:
        """Return the part of its cost that one use of an expression bears."""
        whole = e.op.role == "inverse" and not self.inverses
        return 0.0 if e in self.free else self.found(e)[0] / max(1, 1 if whole else self.uses[e])

    # -- terms and chains -------------------------------------------------------------------------

    def _term(self, e: Expr, parts: Parts) -> Found:
        if any(f.op.role == "zeros" for f in parts.factors):
            return 0.0, self.algebra.zeros(e.shape)
        factors = tuple(parts.factors)
        cost, core = self.products.chain(factors)
        scalar = self.scalar(parts)
        if scalar is None:
            return cost, core
        alone = self.wanted[factors] <= 1  # a product that others need too stays as it is
        made = self.scaling.scaled(scalar, core) if alone else self.algebra.times(scalar, core)
        return cost + ENTRY * self.costs.entries(core), made

    def scalar(self, parts: Parts) -> Expr | None:
        """Return the scalar factor of a term as one expression; None for 1."""
        result = None
        for s in parts.scalars:
            lowered = self.found(s)[1]
            result = lowered if result is None else self.algebra.times(result, lowered)
        for d in parts.divisors:
            top = self.algebra.number(1) if result is None else result
            result = self.algebra.divide(top, self.found(d)[1])
        return result

    def atom(self, factor: Expr) -> Found:
        base = untransposed(factor)
        lowered = self.found(base)[1]
        return self._shared(base), lowered if base is factor else self.flipped(lowered)

    def turn(self, e: Expr) -> Expr:
        """Return the transpose of a factor; of a symmetric one the factor itself."""
        if e.op.role == "transpose":
            return e.args[0]
        square = e.shape[0] == e.shape[1]
        if e.is_scalar or (square and "symmetric" in self.attributes(e)):
            return e
        if e.op.column("inside"):
            turned = tuple(self.turn(arg) for arg in e.args)
            return self.algebra.build(e.op, turned)
        return self.algebra.transpose(e)

    def flipped(self, e: Expr) -> Expr:
        """Return the transpose of a lowered expression, a view of its value."""
        return e.args[0] if e.op.role == "transpose" else self.algebra.transpose(e)

    def turn_all(self, factors: Factors) -> Factors:
        """Return the transpose of a chain."""
        return tuple(self.turn(f) for f in reversed(factors))

    # -- sums and powers -------------------------------------------------------------------------

    def _sum(self, e: Expr) -> Found:
        for k, term in enumerate(e.args):
            for row in self.rows.sums.get(core_name(term), ()):
                binding = self._sum_binding(row, e, k)
                if binding is not None and self.usable(row):
                    return self.found(row.result(binding))
        return self._added(e)

    def _sum_binding(self, row: LowerRow, e: Expr, k: int) -> Binding | None:
        """Match a term with the special term of a row, the rest with its variable or last term."""
        rest = self.algebra.sum_of(*e.args[:k], *e.args[k + 1 :])
        other, special = sorted(row.lhs.args, key=lambda t: t.op.role != "symbol")
        found = self._multiple(special, e.args[k], {})
        return None if found is None else self._multiple(other, rest, found)

    def _multiple(self, pattern: Expr, term: Expr, known: Binding) -> Binding | None:
        """Match `c*P` with a term, whose scalar factor may be 1."""
        if pattern.op.role != "scale":
            return self.loose.match(pattern, term, known)
        c, core = self._coefficient(term)
        factors = flatten(pattern.args[1])
        chain = tuple(self._factors(core)) if len(factors) > 1 else (core,)
        binding = next(self.loose.aligned(factors, chain, known), None) if chain else None
        return None if binding is None else {**binding, pattern.args[0]: c}

    def _factors(self, e: Expr) -> list[Expr]:
        """Return the factors of a product of matrices; none if there are scalars in it."""
        parts = self.parts(e)
        return [] if parts is None or parts.scalars or parts.divisors else parts.factors

    def _coefficient(self, term: Expr) -> tuple[Expr, Expr]:
        """Return a term as a scalar and what it multiplies."""
        c = self.algebra.number(1)
        while term.op.role in ("scale", "quotient"):
            if term.op.role == "scale":
                c, term = self.algebra.times(c, term.args[0]), term.args[1]
            else:
                c, term = self.algebra.divide(c, term.args[1]), term.args[0]
        return c, term

    def _added(self, e: Expr) -> Found:
        """Add the terms; a number that all of them have stands before the sum."""
        lowered = [self.found(term) for term in e.args]
        heads = {abs(t.args[0].data) for _, t in lowered if has_number(t)}
        cost = sum(self._shared(t) for t in e.args) + ENTRY * self.costs.entries(e) * len(e.args)
        if len(heads) != 1 or not all(has_number(t) for _, t in lowered) or heads == {1}:
            return cost, self.algebra.sum_of(*[t for _, t in lowered])
        (head,) = heads
        signs = [self.algebra.number(quotient(t.args[0].data, head)) for _, t in lowered]
        cores = [self.algebra.times(s, t.args[1]) for s, (_, t) in zip(signs, lowered, strict=True)]
        total = self.algebra.sum_of(*cores)
        return cost, self.algebra.times(self.algebra.number(head), total)

    def _power(self, e: Expr) -> Found:
        """Write a small whole power entry by entry as a product of squares."""
        base, k = e.args
        whole = k.op.role == "number" and k.data.denominator == 1 and 2 <= k.data <= MAX_POWER
        if e.shape == SCALAR or not whole:
            return self._plain(e)
        cost, square = self.found(base)
        result, count = None, k.data.numerator
        while count:
            if count % 2:
                result = square if result is None else self.algebra.hadamard(result, square)
            count //= 2
            square = self.algebra.hadamard(square, square) if count else square
        assert result is not None
        return cost + 2 * ENTRY * self.costs.entries(e), result

    def _hadamard(self, e: Expr) -> Found:
        """Write `A .^ 2 .* B` as `A .* (A .* B)` where `A .* B` is needed anyway."""
        times, two = self.algebra.hadamard, self.algebra.number(2)
        for power, other in (e.args, e.args[::-1]):
            if power.op.role == "entrywise power" and power.args[1] is two:
                base = power.args[0]
                both = (times(base, other), times(other, base))
                inner = next((b for b in both if b in self.uses), None)
                return self._plain(e if inner is None else times(base, inner))
        return self._plain(e)
