"""Where a result holds: the conditions that the rows of the operations name."""

from __future__ import annotations

from symcalc.differential import dependents
from symcalc.expr import Expr
from symcalc.graph import postorder
from symcalc.show import brief


def assumptions(f: Expr, variable: Expr) -> list[str]:
    """Return the conditions of the operations that the variable passes through."""
    order = postorder([f])
    moving = dependents(order, {variable: None})
    found: dict[str, None] = {}
    for node in order:
        condition = node.op.column("assumes")
        if condition and node in moving:
            slots = {
                slot.name: brief(arg) for slot, arg in zip(node.op.slots, node.args, strict=False)
            }
            found[condition.format(**slots)] = None
    return list(found)
