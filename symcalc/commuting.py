"""Factors that commute: functions of one matrix, `inv(I + A)*A` or `A*inv(I + A)`, in one order."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from symcalc.expr import Expr, sort_key
from symcalc.graph import missing

if TYPE_CHECKING:
    from symcalc.normal import Normalizer

LEAVES = ("symbol", "transpose")
RING = frozenset({"sum", "product", "scale", "quotient"})


class Commuting:
    """Finds, and remembers, the matrix of which a factor is a function: by rows that say so."""

    def __init__(self, normalizer: Normalizer) -> None:
        self.n = normalizer
        self.memo: dict[Expr, Expr | None] = {}

    def ordered(self, factors: tuple[Expr, ...]) -> tuple[Expr, ...]:
        """Sort the neighbours in a chain that are functions of the same matrix.

        Patterns, which are normalised without rules, keep the order in which they are written.
        """
        if not self.n.rules.by_factor or not _may_commute(factors):
            return factors
        known = [self.memo[f] if f in self.memo else self.variable(f) for f in factors]
        for one, other in pairwise(known):
            if one is other is not None:
                break
        else:
            return factors
        runs: list[tuple[Expr | None, list[Expr]]] = []
        for factor, of in zip(factors, known, strict=True):
            if of is not None and runs and runs[-1][0] is of:
                runs[-1][1].append(factor)
            else:
                runs.append((of, [factor]))
        return tuple([f for _, run in runs for f in sorted(run, key=sort_key)])

    def variable(self, e: Expr) -> Expr | None:
        """Return the matrix A for an expression that commutes with all that commutes with A."""
        if e not in self.memo:
            for node in missing(e, self.memo):
                self.memo[node] = self._of(node)
        return self.memo[e]

    def _of(self, e: Expr) -> Expr | None:
        if e.is_scalar or e.shape[0] != e.shape[1] or not e.args:
            return e if e.op.role == "symbol" and not e.is_scalar else None
        if e.op.role == "transpose" and e.args[0].op.role == "symbol":
            return e
        if e.op.role not in RING and not e.op.column("commutes"):
            return None
        parts = [arg for arg in e.args if not arg.is_scalar and arg.op.role != "identity"]
        found = {self.memo[part] for part in parts}
        return found.pop() if len(found) == 1 else None


def _may_commute(factors: tuple[Expr, ...]) -> bool:
    """Whether two neighbours are square, one of them more than a variable: only these can change
    places."""
    plain, size = True, None  # of the factor before, its size if it is square
    for factor in factors:
        leaf, (rows, cols) = factor.op.role in LEAVES, factor.shape
        if rows == cols == size and not (leaf and plain):
            return True
        plain, size = leaf, cols if rows == cols else None
    return False
