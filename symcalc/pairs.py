"""Rows for two functions of one argument that are multiplied: `heaviside(A) .* relu(A)`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from symcalc.expr import Expr
from symcalc.factors import is_variable
from symcalc.poly import Exponent, Poly

if TYPE_CHECKING:
    from symcalc.rewrite import Rule

SECOND = {"hadamard": 1, "entrywise quotient": -1}  # the exponent of the second factor


class Pair(NamedTuple):
    """Two factors with the exponents that take them away, and what stands in their place."""

    gone: dict[Expr, Exponent]
    result: Poly


class Found(NamedTuple):
    """Two factors that a row is about, and what its variable stands for."""

    rule: Rule
    gone: dict[Expr, Exponent]
    binding: dict[Expr, Expr]


class Pairs:
    """The rows of this kind, found among commuting factors in any order."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self.names: set[str] = set()

    def add(self, rule: Rule) -> None:
        """Add a row."""
        self.rules.append(rule)
        self.names.update(f.op.name for f in rule.lhs.args)

    def among(self, factors: Mapping[Expr, Exponent]) -> Iterator[Found]:
        """Yield the pairs among factors with exponents."""
        able = [e for e in factors if e.op.name in self.names]
        for rule in self.rules if len(able) > 1 else ():
            f, g = rule.lhs.args
            unit = SECOND[rule.lhs.op.role]
            for a in [e for e in able if e.op is f.op and _holds(factors[e], 1)]:
                for b in [e for e in able if e.op is g.op and e.args == a.args]:
                    if _holds(factors[b], unit):
                        yield Found(rule, {a: -1, b: -unit}, {f.args[0]: a.args[0]})


def is_pair(lhs: Expr) -> bool:
    """Whether a left side multiplies or divides two functions of one variable."""
    if lhs.op.role not in SECOND:
        return False
    f, g = lhs.args
    return len(f.args) == 1 and f.args == g.args and is_variable(f.args[0])


def _holds(k: Exponent, unit: int) -> bool:
    """Whether a power with this exponent holds the factor, or one over it."""
    return not isinstance(k, Expr) and k * unit >= 1
