"""Where a scalar factor is multiplied: into the smallest argument, into a sum, or at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symcalc.chain_split import linear_places
from symcalc.factors import starts_negative, untransposed

if TYPE_CHECKING:
    from symcalc.algebra import Algebra
    from symcalc.cost import Costs
    from symcalc.expr import Expr


class Scaling:
    """Multiplies lowered expressions by scalars, over one algebra."""

    def __init__(self, algebra: Algebra, costs: Costs) -> None:
        self.algebra = algebra
        self.costs = costs
        self.minus = algebra.number(-1)

    def scaled(self, scalar: Expr, core: Expr) -> Expr:
        """Multiply by a scalar where the array is smallest: an argument, or the whole."""
        if scalar is self.minus and core.op.role == "sum" and not core.is_scalar:
            terms = [self._negated(term) for term in core.args]
            return self.algebra.sum_of(*sorted(terms, key=starts_negative))
        place = self._place(core)
        if place is None or 4 * self.costs.entries(core.args[place]) > self.costs.entries(core):
            return self.algebra.times(scalar, core)
        moved = self.scaled(scalar, core.args[place])
        return self.algebra.rebuild(core, (*core.args[:place], moved, *core.args[place + 1 :]))

    def _place(self, core: Expr) -> int | None:
        """Return the smallest argument from which a scalar comes out, if there is one."""
        places = [] if core.is_scalar or _is_gram(core) else linear_places(core)
        return min(places, key=lambda k: self.costs.entries(core.args[k]), default=None)

    def _negated(self, term: Expr) -> Expr:
        opposite = term.op.role == "scale" and term.args[0] is self.minus
        return term.args[1] if opposite else self.scaled(self.minus, term)


def _is_gram(e: Expr) -> bool:
    """Whether this is `A*A'`, of which BLAS computes only one half."""
    if e.op.role != "product" or 1 in e.args[0].shape:
        return False
    left, right = e.args
    same = untransposed(left) is untransposed(right)
    return same and (left.op.role == "transpose") != (right.op.role == "transpose")
