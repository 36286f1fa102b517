"""What an operation costs, in multiplications: the measure by which lowering chooses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from symcalc.graph import postorder
from symcalc.shape import Dim, dim_terms, parse_dim

if TYPE_CHECKING:
    from symcalc.expr import Expr

LARGE = 500  # a size that is not known
CALL = 1500.0  # of one call of the array library
ENTRY = 6.0  # of writing one entry of an array
READ = 4.0  # of a multiplication whose operands stream from memory
PASS = 2.0  # of reading one entry
THIN = 8  # a product with a dimension below this streams from memory


@cache
def _terms(text: str) -> list[tuple[tuple[str, ...], float]]:
    """Return a stated cost as a sum of products: the names of each, and how often it counts."""
    return [(names, float(count)) for names, count in dim_terms(parse_dim(text)).items()]


class Costs:
    """Costs under known sizes; a size without a number counts as large."""

    def __init__(self, sizes: Mapping[str, int] | None = None) -> None:
        self.sizes = dict(sizes or {})
        self.measured: dict[Dim, float] = {}

    def measure(self, dim: Dim) -> float:
        """Return the number that a dimension counts as."""
        if dim not in self.measured:
            self.measured[dim] = self._measure(dim)
        return self.measured[dim]

    def _measure(self, dim: Dim) -> float:
        if isinstance(dim, int):
            return dim
        if isinstance(dim, str):
            return self.sizes.get(dim, LARGE)
        total = 0.0
        for names, count in dim.terms:
            product = float(count)
            for name in names:
                product *= self.sizes.get(name, LARGE)
            total += product
        return total

    def entries(self, e: Expr) -> float:
        """Return the number of entries of the value."""
        return self.measure(e.shape[0]) * self.measure(e.shape[1])

    def product(self, left: Expr, right: Expr) -> float:
        """Return the cost of the product of two values."""
        m, k, n = (self.measure(d) for d in (*left.shape, right.shape[1]))
        return CALL + m * k * n * (READ if min(m, k, n) < THIN else 1.0)

    def operation(self, e: Expr) -> float:
        """Return the cost of the operation at the root; half of what it may share with others."""
        shared = e.op.column("share_cost")
        return self._own(e) + (self._stated(e, shared) / 2 if shared else 0.0)

    def _own(self, e: Expr) -> float:
        """Return the cost of the operation without what it shares, by its row if that says it."""
        role = e.op.role
        if role in ("symbol", "number", "dimension", "transpose"):
            return 0.0
        if role == "product":
            return self.product(e.args[0], e.args[1])
        stated = e.op.column("cost")
        if stated is None and role == "inverse":
            return CALL + 1.75 * self.measure(e.shape[0]) ** 3
        if stated is None:
            read = sum(self.entries(arg) for arg in e.args)
            return CALL + ENTRY * self.entries(e) + PASS * read
        return CALL + self._stated(e, stated)

    def total(self, outputs: list[Expr]) -> float:
        """Return the cost of several values, of which all that they share is computed once."""
        nodes = postorder(outputs)
        shared = {(text, e.args[0]): e for e in nodes if (text := e.op.column("share_cost"))}
        factors = [self._stated(e, text) for (text, _), e in shared.items()]
        return sum(map(self._own, nodes)) + sum(factors)

    def _stated(self, e: Expr, text: str) -> float:
        """Return a cost that a row states in its dimensions."""
        bound = e.sizes
        return sum(
            count * math.prod(self.measure(bound[name]) for name in names)
            for names, count in _terms(text)
        )

    def gathered(self, e: Expr) -> float:
        """Return the cost of an operation that reads its arguments row by row."""
        turned = [arg for arg in e.args if arg.op.role == "transpose" and 1 not in arg.shape]
        return self.operation(e) + sum(ENTRY * self.entries(arg) for arg in turned)
