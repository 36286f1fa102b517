"""The rewrite rows of the stage "lower", compiled: patterns over products, traces, sums and nodes.

A variable of a pattern stands for any expression of its shape, in a product for a run of factors.
In a product its dimensions are never 1: vectors have rows of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from symcalc.chain_split import core_name
from symcalc.expr import Expr
from symcalc.factors import flatten, is_variable, untransposed
from symcalc.graph import postorder
from symcalc.op import Rewrite
from symcalc.rewrite import Binding, bind_sizes, fits, known_sizes
from symcalc.template import Template

Factors = tuple[Expr, ...]
Attributes = Callable[[Expr], frozenset[str]]
Turn = Callable[[Expr], Expr]
Join = Callable[[Factors], Expr]


class LowerRow:
    """A row: its pattern, taken apart, and the template of the form in which it is computed."""

    def __init__(self, row: Rewrite) -> None:
        self.name = row.name
        self.lhs = row.lhs
        self.needs = row.needs
        self.bound = list(row.lhs.variables)
        self.template = Template(row.rhs, [v.name for v in self.bound])
        self.analytic = all(n.op.column("analytic") is not False for n in postorder([row.rhs]))
        self.libraries = {n.op.column("library") for n in postorder([row.rhs])} - {None}
        self.beside = row.beside
        inner = row.lhs.args[0] if row.lhs.op.role == "trace" else row.lhs
        self.factors = flatten(inner)

    def key(self) -> str:
        """Return the operation at which the row can fire: the first that is not a variable."""
        if self.lhs.op.role == "sum":
            return next(core_name(t) for t in self.lhs.args if not is_variable(t))
        if self.lhs.op.role == "product":
            return next(untransposed(f).op.name for f in self.factors if not is_variable(f))
        return self.lhs.op.name

    def result(self, binding: Binding) -> Expr:
        """Return the right side under a binding."""
        values = [binding[v] for v in self.bound]
        algebra = self.template.body.op.algebra
        return self.template(algebra, values, known_sizes(binding))


class LowerRows:
    """The rows of a rulebook by what their left side is: a product, a trace, a sum or a node.

    A trace of variables alone is a row for the ends of a trace; others are found around the circle.
    """

    def __init__(self, rewrites: Iterable[Rewrite]) -> None:
        self.products: dict[str, list[LowerRow]] = {}
        self.sums: dict[str, list[LowerRow]] = {}
        self.nodes: dict[str, list[LowerRow]] = {}
        self.traces: list[LowerRow] = []
        self.circles: dict[str, list[LowerRow]] = {}
        for rewrite in sorted(rewrites, key=lambda r: (not r.beside, r.name)):
            self._index(LowerRow(rewrite))

    def _index(self, row: LowerRow) -> None:
        role = row.lhs.op.role
        if role == "trace":
            named = [untransposed(f).op.name for f in row.factors if not is_variable(f)]
            (self.circles.setdefault(named[0], []) if named else self.traces).append(row)
            return
        table = {"product": self.products, "sum": self.sums}.get(role, self.nodes)
        table.setdefault(row.key(), []).append(row)


class Matcher:
    """Matches patterns of lower rows; `thin`: whether a named dimension may be 1."""

    def __init__(self, attributes: Attributes, turn: Turn, join: Join, thin: bool) -> None:
        self.thin = thin
        self.attributes = attributes
        self.turn = turn
        self.join = join

    def match(self, pattern: Expr, e: Expr, binding: Binding) -> Binding | None:
        """Return the binding under which the pattern equals the expression, or None."""
        if pattern.op.role == "symbol":
            return self._bind(pattern, e, binding)
        if pattern.op.role == "transpose" and pattern.args[0].op.role == "symbol":
            return self._bind(pattern.args[0], self.turn(e), binding)
        if pattern.op is e.op and pattern.op.role == "sum" and any(map(is_variable, pattern.args)):
            return self._match_sum(pattern, e, binding)
        if pattern.op is not e.op or len(pattern.args) != len(e.args):
            return None
        if pattern.op.dims:
            found = bind_sizes(pattern, e, binding)
            if found is None:
                return None
            binding = found
        elif pattern.data != e.data:
            return None
        return self.match_all(pattern.args, e.args, binding)

    def _match_sum(self, pattern: Expr, e: Expr, binding: Binding) -> Binding | None:
        """Match a sum of a variable and a term: the variable takes all other terms."""
        term, rest = sorted(pattern.args, key=is_variable)
        for k, arg in enumerate(e.args):
            found = self.match(term, arg, binding)
            if found is not None:
                others = e.op.algebra.sum_of(*e.args[:k], *e.args[k + 1 :])
                return self._bind(rest, others, found)
        return None

    def match_all(self, patterns: Factors, args: Factors, binding: Binding) -> Binding | None:
        """Match patterns with as many expressions, one after the other."""
        found: Binding | None = binding
        for pattern, arg in zip(patterns, args, strict=True):
            found = None if found is None else self.match(pattern, arg, found)
        return found

    def _bind(self, variable: Expr, e: Expr, binding: Binding) -> Binding | None:
        if variable in binding:
            return binding if binding[variable] is e else None
        named = zip(variable.shape, e.shape, strict=True)
        flat = not self.thin and any(isinstance(p, str) and d == 1 for p, d in named)
        if flat or not fits(variable, e, binding):
            return None
        return {**binding, variable: e}

    def fulfils(self, row: LowerRow, binding: Binding) -> bool:
        """Whether what is bound has the attributes that the row needs."""
        return all(
            row.needs[v.name] <= self.attributes(binding[v])
            for v in row.bound
            if v.name in row.needs
        )

    def windows(self, row: LowerRow, factors: Factors) -> Iterator[Binding]:
        """Yield the bindings under which the product pattern of a row equals a whole chain."""
        for binding in self.aligned(row.factors, factors, {}):
            if self.fulfils(row, binding):
                yield binding

    def aligned(self, patterns: Factors, factors: Factors, known: Binding) -> Iterator[Binding]:
        """Yield the bindings under which a product of patterns equals a whole chain."""
        for cuts in _alignments(patterns, factors):
            binding: Binding | None = known
            pairs = zip(patterns, cuts, strict=True)
            for pattern, run in sorted(pairs, key=lambda pair: is_variable(pair[0])):
                binding = None if binding is None else self.match(pattern, self.join(run), binding)
            if binding is not None:
                yield binding


def _alignments(patterns: Factors, factors: Factors) -> Iterator[tuple[Factors, ...]]:
    """Yield the ways to cut a chain into one run per pattern; only a variable takes several."""
    first, rest = patterns[0], patterns[1:]
    spare = len(factors) - len(rest)
    if not rest:
        if spare == 1 or (spare > 1 and is_variable(first)):
            yield (factors,)
        return
    for length in range(1, spare + 1 if is_variable(first) else min(spare, 1) + 1):
        if is_variable(first) or untransposed(factors[0]).op is untransposed(first).op:
            for others in _alignments(rest, factors[length:]):
                yield (factors[:length], *others)
