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
        if node in moving and (text := condition(node)):
            found[text] = None
    return list(found)


def condition(node: Expr) -> str:
    """Return what the row of an operation assumes of its arguments, or nothing."""
    text: str = node.op.column("assumes", "")
    slots = zip(node.op.slots, node.args, strict=False)
    return text and text.format(**{slot.name: brief(arg) for slot, arg in slots})
