"""Rewrite rows at work: matching a pattern against a canonical expression, a chain, or a power.

Variables of a pattern stand for expressions of their shape; in a product they may stand for several
factors. A row whose variables need attributes fires only where these are known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, NamedTuple, cast

from symcalc.errors import RuleError
from symcalc.exact import Number, quotient
from symcalc.expr import Expr
from symcalc.factors import flatten, is_variable, rotations, untransposed
from symcalc.op import Op, Rewrite
from symcalc.pairs import Pair, Pairs, is_pair
from symcalc.poly import Exponent, Poly
from symcalc.shape import SCALAR, Dim, dim_substitute
from symcalc.template import Template

if TYPE_CHECKING:
    from symcalc.normal import Normalizer

MAX_DEPTH = 90
NONE: frozenset[str] = frozenset()
NO_HEADS: frozenset[Op] = frozenset()
DECLARED, PLAIN = "variable with attributes", "variable"  # where no operation tells factors apart
COMMUTATIVE = frozenset({"hadamard", "sum"})
Binding = dict[Expr, Expr]
Factors = tuple[Expr, ...]


class Rule:
    """A compiled row: its canonical left side and the template of its right side."""

    def __init__(self, row: Rewrite, lhs: Expr, rhs: Expr) -> None:
        self.name = row.name
        self.lhs = lhs
        self.variables = list(lhs.variables)
        self.template = Template(rhs, [v.name for v in self.variables])
        self.needs = row.needs
        self.factors = flatten(lhs)
        self.heads = _heads(lhs)
        self.marks = _marks(lhs)
        self.power = _power(lhs)

    def needed(self, trigger: int) -> frozenset[str]:
        """Return the attributes that a factor in the place of a variable pattern must have."""
        variable = untransposed(self.factors[trigger])
        return self.needs.get(variable.name, NONE) if variable.op.role == "symbol" else NONE


class Trigger(NamedTuple):
    """The factor by which a product is recognised: the operations in the product, its place, how
    many stand from there on, the attributes and the operations below it that it must have, and the
    operation right of it."""

    rule: Rule
    marks: int
    place: int
    after: int
    needed: frozenset[str]
    heads: frozenset[Op]
    right: Op | None


class Rules:
    """The rewrite rows of a rulebook, indexed by the operation at which they can fire."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.by_root: dict[str, list[Rule]] = {}
        self.by_factor: dict[str, list[Trigger]] = {}
        self.by_base: dict[tuple[str, bool], list[Rule]] = {}  # powers; whether of a scalar
        self.pairs = Pairs()
        for rule in rules:
            self._index(rule)
        for triggers in self.by_factor.values():
            triggers.sort(key=lambda trigger: -trigger.rule.lhs.size)  # what says more goes first
        self.of_scalars = {name for name, scalar in self.by_base if scalar}
        self.of_products = self.of_scalars | self.pairs.names

    def _index(self, rule: Rule) -> None:
        lhs = rule.lhs
        if lhs.op.role == "product":
            place = next((k for k, f in enumerate(rule.factors) if not is_variable(f)), 0)
            inner = untransposed(rule.factors[place])
            after = len(rule.factors) - place
            beside = rule.factors[place + 1 : place + 2]
            right = next((untransposed(f).op for f in beside if not is_variable(f)), None)
            marks = reduce(or_, map(_marks, rule.factors))
            trigger = Trigger(rule, marks, place, after, rule.needed(place), _heads(inner), right)
            key = DECLARED if inner.op.role == "symbol" else inner.op.name
            for k in (key,) if trigger.needed or key != DECLARED else (key, PLAIN):
                self.by_factor.setdefault(k, []).append(trigger)
        elif rule.power is not None:
            base = rule.power[0]
            self.by_base.setdefault((base.op.name, base.is_scalar), []).append(rule)
        elif is_pair(lhs):
            self.pairs.add(rule)
        else:
            self.by_root.setdefault(lhs.op.name, []).append(rule)

    def apply(self, n: Normalizer, e: Expr) -> Poly | None:
        """Rewrite a node at its root, if a row fits."""
        rules = self.by_root.get(e.op.name, ())
        heads = {arg.op for arg in e.args} if rules else NO_HEADS
        for rule in rules:
            if rule.marks & ~e.marks or not rule.heads <= heads:  # rules most rows out
                continue
            for binding in Matcher(n).match(rule.lhs, e, {}):
                if self._allowed(n, rule, binding):
                    return self._result(n, rule, binding)
        return None

    def power(self, n: Normalizer, base: Expr, k: Exponent) -> Poly | None:
        """Rewrite `base^k` by a row for a power of the base that divides `k`."""
        for rule in self.by_base.get((base.op.name, base.is_scalar), ()):
            pattern, unit = cast(tuple[Expr, Number], rule.power)
            times = None if isinstance(k, Expr) else quotient(k, unit)
            if times is None or times.denominator != 1 or (unit < 0 and times < 0):
                continue
            for binding in Matcher(n).match(pattern, base, {}):
                if self._allowed(n, rule, binding):
                    result = self._result(n, rule, binding)
                    if base.is_scalar:
                        return n.scalars.power(result, times)
                    return n.entrywise.power(n.build(result), times)
        return None

    def pair(self, n: Normalizer, factors: Mapping[Expr, Exponent]) -> Pair | None:
        """Find two commuting factors, functions of one argument, whose product a row rewrites."""
        for rule, gone, binding in self.pairs.among(factors):
            if self._allowed(n, rule, binding):
                return Pair(gone, self._result(n, rule, binding))
        return None

    def reduce_chain(self, n: Normalizer, factors: Factors) -> tuple[Poly, Factors, Factors] | None:
        """Find a run of factors that a row rewrites; return its value and what stands around it."""
        if len(factors) < 2:
            return None
        marks, known = 0, n.triggers
        for place, factor in enumerate(factors):
            triggers = known.get(factor)
            if triggers is None:
                triggers = known[factor] = self._triggers(n, untransposed(factor))
            if not triggers:
                continue
            marks = marks or reduce(or_, [f.marks for f in factors])
            for rule, inside, trigger, after, _, _, right in triggers:
                if inside & ~marks or not trigger <= place <= len(factors) - after:
                    continue  # each pattern takes at least one factor
                if right is not None and untransposed(factors[place + 1]).op is not right:
                    continue
                found = self._window(n, rule, trigger, factors, place)
                if found is not None:
                    start, stop, binding = found
                    return self._result(n, rule, binding), factors[:start], factors[stop:]
        return None

    def _triggers(self, n: Normalizer, inner: Expr) -> list[Trigger]:
        """Return the triggers that a factor, or its transpose, may be."""
        below = {arg.op for arg in inner.args}
        return [
            trigger
            for trigger in self.by_factor.get(_key(inner), ())
            if trigger.heads <= below
            and (not trigger.needed or trigger.needed <= n.attributes.of(inner))
        ]

    def _window(
        self, n: Normalizer, rule: Rule, trigger: int, factors: Factors, place: int
    ) -> tuple[int, int, Binding] | None:
        matcher = Matcher(n)
        for binding in matcher.match(rule.factors[trigger], factors[place], {}):
            right = matcher.extend(
                rule.factors[trigger + 1 :], factors[place + 1 :], binding, False
            )
            if right is None:
                continue
            before = factors[:place][::-1]
            left = matcher.extend(rule.factors[:trigger][::-1], before, right[1], True)
            if left is not None and self._allowed(n, rule, left[1]):
                return place - left[0], place + 1 + right[0], left[1]
        return None

    def _allowed(self, n: Normalizer, rule: Rule, binding: Binding) -> bool:
        return all(
            rule.needs[v.name] <= n.attributes.of(binding[v])
            for v in rule.variables
            if v.name in rule.needs
        )

    def _result(self, n: Normalizer, rule: Rule, binding: Binding) -> Poly:
        n.fired.append(rule.name)
        n.depth += 1
        if n.depth > MAX_DEPTH:
            raise RuleError(f"the rewrite `{rule.name}` does not come to an end")
        values = [binding[v] for v in rule.variables]
        result = n.normal(rule.template(n.algebra, values, known_sizes(binding)))
        n.depth -= 1
        return result


class Matcher:
    """Finds bindings of pattern variables; iterates over the ways to match."""

    def __init__(self, normalizer: Normalizer) -> None:
        self.n = normalizer

    def match(self, pattern: Expr, e: Expr, binding: Binding) -> Iterator[Binding]:
        """Yield the bindings under which the pattern equals the expression."""
        role = pattern.op.role
        if role == "symbol":
            yield from self._bind(pattern, e, binding)
        elif role == "transpose" and pattern.args[0].op.role == "symbol":
            if e.shape[::-1] != SCALAR:
                yield from self._bind(pattern.args[0], self._turned(e), binding)
        elif role == "product" and e.op.role == "product":
            yield from self._sequence(flatten(pattern), flatten(e), binding)
        elif role == e.op.role == "trace":
            patterns, factors = flatten(pattern.args[0]), flatten(e.args[0])
            if _named(patterns) <= {untransposed(f).op for f in factors}:
                for chain in rotations(factors):
                    yield from self._sequence(patterns, chain, binding)
        elif e.op.role == "transpose" and e.args[0].op is pattern.op:
            yield from self._transposed(pattern, e.args[0], binding)
        elif pattern.op is e.op and len(pattern.args) == len(e.args):
            if pattern.op.dims:
                extended = bind_sizes(pattern, e, binding)
                if extended is not None:
                    yield from self._arguments(pattern, e, extended)
            elif pattern.data == e.data:
                yield from self._arguments(pattern, e, binding)

    def _transposed(self, pattern: Expr, e: Expr, binding: Binding) -> Iterator[Binding]:
        """Match `f(A)` against the transpose of `e = f(B)`, where that is `f(B')`."""
        if self.n.chains.flips(e.op) and not self._is_symmetric(pattern):
            yield from self.match(pattern, self.n.functions.turned(e), binding)

    def _is_symmetric(self, pattern: Expr) -> bool:
        """Whether a pattern such as `inv(A'*A)` is found without its transpose, its own."""
        key = ("symmetric", pattern)
        if key not in self.n.book.cache:
            self.n.book.cache[key] = self.n.attributes.has(pattern, "symmetric")
        return bool(self.n.book.cache[key])

    def _arguments(self, pattern: Expr, e: Expr, binding: Binding) -> Iterator[Binding]:
        orders: list[Sequence[Expr]] = [e.args]
        if pattern.op.role in COMMUTATIVE and len(e.args) == 2:
            orders.append(e.args[::-1])
        for order in orders:
            yield from self._all(list(zip(pattern.args, order, strict=True)), binding)

    def _all(self, pairs: list[tuple[Expr, Expr]], binding: Binding) -> Iterator[Binding]:
        if not pairs:
            yield binding
            return
        for extended in self.match(*pairs[0], binding):
            yield from self._all(pairs[1:], extended)

    def _bind(self, variable: Expr, e: Expr, binding: Binding) -> Iterator[Binding]:
        bound = binding.get(variable)
        if bound is not None:
            if bound is e:
                yield binding
        elif fits(variable, e, binding):
            yield {**binding, variable: e}

    def _turned(self, e: Expr) -> Expr:
        return self.n.build(self.n.chains.transpose(self.n.normal(e)))

    def _sequence(self, patterns: Factors, factors: Factors, binding: Binding) -> Iterator[Binding]:
        """Match a whole chain; a variable takes one factor or a run of them."""
        if not patterns:
            if not factors:
                yield binding
            return
        longest = len(factors) - len(patterns) + 1
        if len(patterns) == 1 and longest > 1:  # the last variable takes all that is left
            if is_variable(patterns[0]):
                yield from self.match(patterns[0], self._joined(factors), binding)
            return
        run: Expr | None = None
        for length in range(1, (longest if is_variable(patterns[0]) else min(longest, 1)) + 1):
            factor = factors[length - 1]
            run = factor if run is None else self.n.algebra.times(run, factor)
            for extended in self.match(patterns[0], run, binding):
                yield from self._sequence(patterns[1:], factors[length:], extended)

    def _joined(self, factors: Factors) -> Expr:
        return factors[0] if len(factors) == 1 else self.n.algebra.product_of(factors)

    def extend(
        self, patterns: Factors, factors: Factors, binding: Binding, backwards: bool
    ) -> tuple[int, Binding] | None:
        """Match patterns in turn against the next factors; return how many factors were used.

        The last pattern, if it is a vector, may stand for a product that is one.
        """
        used, step = 0, -1 if backwards else 1
        for pattern in patterns:
            wanted = self._wanted(pattern, binding, backwards)
            here = factors[used:]
            if wanted is not None:
                if here[: len(wanted)] != wanted:
                    return None
                used += len(wanted)
                continue
            if not here:
                return None
            run = here[:1]
            found = next(self.match(pattern, here[0], binding), None)
            if found is None and pattern is patterns[-1]:
                run = _vector_run(pattern, here)
                found = next(self.match(pattern, self._joined(run[::step]), binding), None)
            if found is None:
                return None
            binding, used = found, used + len(run)
        return used, binding

    def _wanted(self, pattern: Expr, binding: Binding, backwards: bool) -> Factors | None:
        """Return the factors that a variable pattern stands for, if it is already bound."""
        turned = pattern.op.role == "transpose"
        variable = pattern.args[0] if turned else pattern
        if variable.op.role != "symbol" or variable not in binding:
            return None
        poly = self.n.normal(binding[variable])
        poly = self.n.chains.transpose(poly) if turned else poly
        mono, c = self.n.single(poly) if poly.terms else (None, None)
        if mono is None or c != 1 or mono.scalars or not mono.factors:
            factors: Factors = (pattern,)  # no chain of factors equals it: nothing matches
        else:
            factors = mono.factors
        return factors[::-1] if backwards else factors


def _named(patterns: Factors) -> set[Op]:
    """Return the operations of the factors of a pattern that are more than variables."""
    return {untransposed(p).op for p in patterns if not is_variable(p)}


def _power(lhs: Expr) -> tuple[Expr, Number] | None:
    """Return the base and exponent of a left side that is a power, or one over something."""
    if lhs.op.role == "entrywise power":
        return lhs.args[0], lhs.args[1].data
    if lhs.op.role == "quotient" and lhs.args[0].op.role == "number" and lhs.args[0].data == 1:
        return lhs.args[1], -1
    return None


def _heads(pattern: Expr) -> frozenset[Op]:
    """Return the operations that must stand right below the root of what a pattern matches."""
    return frozenset([arg.op for arg in pattern.args if not is_variable(arg)])


def _marks(pattern: Expr) -> int:
    """Return the operations that must stand somewhere in what a pattern matches."""
    if is_variable(pattern):
        return 0
    return reduce(or_, map(_marks, pattern.args), pattern.op.mark)


def _key(inner: Expr) -> str:
    if inner.op.role != "symbol":
        return inner.op.name
    return DECLARED if inner.attributes else PLAIN


def _vector_run(pattern: Expr, factors: Factors) -> Factors:
    """Return the factors up to the first that ends a column (or a row, in reading order)."""
    axis = 1 if pattern.shape[1] == 1 else 0
    if pattern.shape[axis] != 1 or not is_variable(pattern):
        return factors[:1]
    end = next((k for k, f in enumerate(factors) if f.shape[axis] == 1), len(factors))
    return factors[: end + 1]


def known_sizes(binding: Binding) -> dict[str, Dim]:
    known: dict[str, Dim] = {}
    for pattern, value in binding.items():
        sizes = pattern.data if pattern.op.dims else pattern.shape
        found = value.data if pattern.op.dims else value.shape
        known.update((p, dim) for p, dim in zip(sizes, found, strict=True) if isinstance(p, str))
    return known


def _agree(patterns: Iterable[Dim], dims: Iterable[Dim], known: dict[str, Dim]) -> bool:
    for pattern, dim in zip(patterns, dims, strict=True):
        if isinstance(pattern, str):
            if known.setdefault(pattern, dim) != dim:
                return False
        elif dim_substitute(pattern, known) != dim:
            return False
    return True


def fits(variable: Expr, e: Expr, binding: Binding) -> bool:
    """Whether the shape of `e` is one that the variable can have, given the other bindings."""
    return _agree(variable.shape, e.shape, known_sizes(binding))


def bind_sizes(pattern: Expr, e: Expr, binding: Binding) -> Binding | None:
    """Match the sizes of `eye(n)`, `K(m, n)`: the leaf itself is bound, its sizes with it."""
    return {**binding, pattern: e} if _agree(pattern.data, e.data, known_sizes(binding)) else None
