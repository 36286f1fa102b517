"""Lowering: from the formula as it is written to the form in which it is best computed.

One fold. Products are taken apart into chains; the order of a chain is found by dynamic programming
over costs, where the rewrite rows of the stage "lower" compete with the plain product at every cut
and a product that is needed elsewhere is free. Traces are cut the same way, around the circle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from symcalc.chain_split import Parts, base_of, core_name, split
from symcalc.cost import ENTRY, Costs
from symcalc.graph import postorder
from symcalc.shape import SCALAR

if TYPE_CHECKING:
    from symcalc.algebra import Algebra
    from symcalc.expr import Expr
    from symcalc.lower_rows import Attributes, Factors, LowerRow, LowerRows
    from symcalc.rewrite import Binding

MAX_CHAIN = 20  # longer chains are cut into pieces
MAX_CIRCLE = 8  # a trace of more factors is cut between neighbours only
MAX_TERMS, MAX_NESTED = 4, 2  # how far a sum inside a product is multiplied out, as a trial
GAIN = 0.8  # multiplying out must save a fifth
MAX_POWER = 8
Found = tuple[float, "Expr"]


def nothing_known(e: Expr) -> frozenset[str]:
    """The attributes of an expression of which nothing may be used."""
    return frozenset()


class Lowering:
    """Lowers expressions over one algebra; what it has found is shared by all its roots.

    `free` are expressions whose value is there anyway, `sizes` the dimensions that are known, `attributes` what is known of expressions. With
    `real` the rows may use operations that are only right for real arrays; with `distribute` a
    product with a sum is multiplied out where that is cheaper.
    """

    def __init__(
        self,
        algebra: Algebra,
        sizes: Mapping[str, int] | None = None,
        attributes: Attributes = nothing_known,
        real: bool = False,
        distribute: bool = False,
        free: frozenset[Expr] = frozenset(),
    ) -> None:
        self.free = free
        self.algebra = algebra
        self.rows: LowerRows = algebra.lower_rows
        self.costs = Costs(sizes)
        self.attributes = attributes
        self.real = real
        self.distribute = distribute
        self.matcher = self.rows.matcher(attributes, self.turn, self.join, False)
        self.loose = self.rows.matcher(attributes, self.turn, self.join, True)
        self.best: dict[Expr, Found] = {}
        self.chains: dict[Factors, Found] = {}
        self.uses: Counter[Expr] = Counter()
        self.wanted: set[Factors] = set()
        self.nested = 0
        self.steps: dict[str, Callable[[Expr], Found]] = {
            "sum": self._sum, "trace": self._trace, "entrywise power": self._power,
        }  # fmt: skip

    def lower(self, roots: Sequence[Expr]) -> list[Expr]:
        """Return the roots in the form in which they are computed; shared work is shared."""
        self._survey(roots)
        return [self.found(root)[1] for root in roots]

    def computed(self, lowered: Sequence[Expr]) -> frozenset[Expr]:
        """Return the expressions whose values the lowered roots compute on their way."""
        inside = set(postorder(lowered))
        return frozenset(e for e, (_, made) in self.best.items() if e.args and made in inside)

    # -- the walk ---------------------------------------------------------------------------------

    def _survey(self, roots: Sequence[Expr]) -> None:
        """Count how often each expression is needed, and note the products that are."""
        stack, seen = list(roots), set(roots)
        self.uses.update(roots)
        while stack:
            e = stack.pop()
            parts = self._parts(e)
            if parts is not None and len(parts.factors) > 1:
                factors = tuple(parts.factors)
                self.wanted |= {factors, self.turn_all(factors)}
            for below in self._below(e):
                self.uses[below] += 1
                if below not in seen:
                    seen.add(below)
                    stack.append(below)

    def _parts(self, e: Expr) -> Parts | None:
        """Take a term apart: a product, a multiple or a transpose; None for everything else."""
        role = e.op.role
        chain = role == "product" or (
            not e.is_scalar and role in ("scale", "quotient", "transpose")
        )
        return split(e, self.turn) if chain else None

    def _below(self, e: Expr) -> list[Expr]:
        """Return what must have a value before `e` has one."""
        parts = self._parts(e.args[0] if e.op.role == "trace" else e)
        if parts is None:
            return list(e.args)
        return [base_of(f) for f in (*parts.scalars, *parts.divisors, *parts.factors)]

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
        parts = self._parts(e)
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
        options = [
            self.found(row.result(binding))
            for row in self.rows.nodes.get(e.op.name, ())
            if self._usable(row)
            and (binding := self.loose.match(row.lhs, e, {})) is not None
            and self.matcher.fulfils(row, binding)
        ]
        return min(options, key=lambda option: option[0]) if options else None

    def _usable(self, row: LowerRow) -> bool:
        return self.real or (row.analytic and not row.needs)

    def _shared(self, e: Expr) -> float:
        """Return the part of its cost that one use of an expression bears."""
        return 0.0 if e in self.free else self.found(e)[0] / max(1, self.uses[e])

    # -- terms and chains -------------------------------------------------------------------------

    def _term(self, e: Expr, parts: Parts) -> Found:
        if any(f.op.role == "zeros" for f in parts.factors):
            return 0.0, self.algebra.zeros(e.shape)
        cost, core = self.chain(tuple(parts.factors))
        scalar = self._scalar(parts)
        if scalar is None:
            return cost, core
        return cost + ENTRY * self.costs.entries(core), self.scaled(scalar, core)

    def _scalar(self, parts: Parts) -> Expr | None:
        """Return the scalar factor of a term as one expression; None for 1."""
        result = None
        for s in parts.scalars:
            lowered = self.found(s)[1]
            result = lowered if result is None else self.algebra.times(result, lowered)
        for d in parts.divisors:
            top = self.algebra.number(1) if result is None else result
            result = self.algebra.divide(top, self.found(d)[1])
        return result

    def scaled(self, scalar: Expr, core: Expr) -> Expr:
        """Multiply by a scalar where the array is smallest: a factor of a product, or the whole."""
        if core.op.role == "product" and not core.is_scalar:
            left, right = core.args
            small = min((left, right), key=self.costs.entries)
            if 4 * self.costs.entries(small) <= self.costs.entries(core):
                moved = self.scaled(scalar, small)
                pair = (moved, right) if small is left else (left, moved)
                return self.algebra.rebuild(core, pair)
        return self.algebra.times(scalar, core)

    def chain(self, factors: Factors) -> Found:
        """Return the cheapest way to compute a product, and its cost."""
        if len(factors) == 1:
            return self._atom(factors[0])
        known = self.chains.get(factors)
        if known is None:
            other = self.chains.get(self.turn_all(factors))
            known = (other[0], self.flipped(other[1])) if other else self._solved(factors)
            self.chains[factors] = known
        return known

    def _atom(self, factor: Expr) -> Found:
        base = base_of(factor)
        lowered = self.found(base)[1]
        return self._shared(base), lowered if base is factor else self.flipped(lowered)

    def _run(self, factors: Factors) -> Found:
        """Return a part of a chain: one that is needed elsewhere as well costs nothing here."""
        cost, made = self.chain(factors)
        return (0.0 if len(factors) > 1 and factors in self.wanted else cost), made

    def _solved(self, factors: Factors) -> Found:
        if len(factors) > MAX_CHAIN:
            return self._in_pieces(factors)
        options = [self._cut(factors, k) for k in range(len(factors) - 1, 0, -1)]
        options += self._by_rows(factors)
        best = min(options, key=lambda option: option[0])
        for expanded in self._expansions(factors):
            option = self.found(expanded)
            best = option if option[0] < GAIN * best[0] else best
        return best

    def _in_pieces(self, factors: Factors) -> Found:
        """Join the pieces of a long chain one after the other, from the end that is a vector."""
        starts = range(0, len(factors), MAX_CHAIN)
        pieces = [self.chain(factors[k : k + MAX_CHAIN]) for k in starts]
        backwards = factors[-1].shape[1] == 1
        cost, made = pieces.pop() if backwards else pieces.pop(0)
        for other, piece in pieces[::-1] if backwards else pieces:
            pair = (piece, made) if backwards else (made, piece)
            cost += other + self.costs.product(*pair)
            made = self.algebra.times(*pair)
        return cost, made

    def _cut(self, factors: Factors, k: int) -> Found:
        (m, left), (n, right) = self._run(factors[:k]), self._run(factors[k:])
        return m + n + self.costs.product(left, right), self.algebra.times(left, right)

    def _by_rows(self, factors: Factors) -> Iterator[Found]:
        names = dict.fromkeys(base_of(f).op.name for f in factors)
        for name in names:
            for row in self.rows.products.get(name, ()):
                if self._usable(row):
                    for binding in self.matcher.windows(row, factors):
                        yield self.found(row.result(binding))

    def _expansions(self, factors: Factors) -> Iterator[Expr]:
        """Yield a product with a sum multiplied out, for each of its sums."""
        if not self.distribute or self.nested >= MAX_NESTED:
            return
        self.nested += 1
        for k, factor in enumerate(factors):
            base = base_of(factor)
            if self._may_expand(base):
                terms = [t if base is factor else self.turn(t) for t in base.args]
                yield self.algebra.sum_of(
                    *[self.join((*factors[:k], t, *factors[k + 1 :])) for t in terms]
                )
        self.nested -= 1

    def _may_expand(self, e: Expr) -> bool:
        """Whether a factor is a sum of a few matrices that is needed here only."""
        alone = 1 not in e.shape and self.uses[e] <= 1
        return e.op.role == "sum" and alone and len(e.args) <= MAX_TERMS

    def turn(self, e: Expr) -> Expr:
        """Return the transpose of a factor; of a symmetric one the factor itself."""
        if e.op.role == "transpose":
            return e.args[0]
        square = e.shape[0] == e.shape[1]
        if e.is_scalar or (square and "symmetric" in self.attributes(e)):
            return e
        return self.algebra.transpose(e)

    def flipped(self, e: Expr) -> Expr:
        """Return the transpose of a lowered expression, a view of its value."""
        return e.args[0] if e.op.role == "transpose" else self.algebra.transpose(e)

    def turn_all(self, factors: Factors) -> Factors:
        """Return the transpose of a chain."""
        return tuple(self.turn(f) for f in reversed(factors))

    def join(self, factors: Factors) -> Expr:
        """Return the product of a chain."""
        result = factors[0]
        for factor in factors[1:]:
            result = self.algebra.times(result, factor)
        return result

    # -- traces, sums, powers ---------------------------------------------------------------------

    def _trace(self, e: Expr) -> Found:
        parts = self._parts(e.args[0])
        if parts is None or len(parts.factors) < 2:
            return self._plain(e)
        options = [
            (self._run(p)[0] + self._run(q)[0] + self.costs.gathered(made), made)
            for pair in _circles(tuple(parts.factors))
            for p, q in (pair, pair[::-1])
            for made in self._paired(p, q)
        ]
        if not options:
            return self._plain(e)
        cost, made = min(options, key=lambda option: option[0])
        scalar = self._scalar(parts)
        return cost, made if scalar is None else self.algebra.times(scalar, made)

    def _paired(self, p: Factors, q: Factors) -> Iterator[Expr]:
        """Yield the rows for the trace of the product of two runs."""
        left, right = self._run(p)[1], self._run(q)[1]
        for row in self.rows.traces:
            binding: Binding | None = {}
            for pattern, value in zip(row.factors, (left, right), strict=True):
                binding = binding if binding is None else self.matcher.match(pattern, value, binding)
            if binding is not None:
                yield row.result(binding)

    def _sum(self, e: Expr) -> Found:
        for k, term in enumerate(e.args):
            for row in self.rows.sums.get(core_name(term), ()):
                binding = self._sum_binding(row, e, k)
                if binding is not None and self._usable(row):
                    return self.found(row.result(binding))
        return self._added(e)

    def _sum_binding(self, row: LowerRow, e: Expr, k: int) -> Binding | None:
        """Match one term of a sum with the special term of a row, and the rest with its variable."""
        rest = self.algebra.sum_of(*e.args[:k], *e.args[k + 1 :])
        variable, special = sorted(row.lhs.args, key=lambda t: t.op.role != "symbol")
        binding = self._multiple(special, e.args[k])
        return None if binding is None else self.loose.match(variable, rest, binding)

    def _multiple(self, pattern: Expr, term: Expr) -> Binding | None:
        """Match `c*P` with a term, whose scalar factor may be 1."""
        if pattern.op.role != "scale":
            return self.loose.match(pattern, term, {})
        if term.op.role != "scale":
            term_scalar, core = self.algebra.number(1), term
        else:
            term_scalar, core = term.args
        binding = self.loose.match(pattern.args[1], core, {})
        return None if binding is None else {**binding, pattern.args[0]: term_scalar}

    def _added(self, e: Expr) -> Found:
        """Add the terms; a number that all of them have stands before the sum."""
        lowered = [self.found(term) for term in e.args]
        heads = {abs(t.args[0].data) for _, t in lowered if _has_number(t)}
        cost = sum(self._shared(t) for t in e.args) + ENTRY * self.costs.entries(e) * len(e.args)
        if len(heads) != 1 or not all(_has_number(t) for _, t in lowered) or heads == {1}:
            return cost, self.algebra.sum_of(*[t for _, t in lowered])
        (head,) = heads
        signs = [self.algebra.number(t.args[0].data / head) for _, t in lowered]
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


def _has_number(e: Expr) -> bool:
    return e.op.role == "scale" and e.args[0].op.role == "number"


def _circles(factors: Factors) -> Iterator[tuple[Factors, Factors]]:
    """Yield the ways to cut a circle of factors into two runs."""
    count = len(factors)
    for i in range(count):
        for j in range(i + 1, count):
            if count <= MAX_CIRCLE or i == 0:
                yield factors[i:j], factors[j:] + factors[:i]
