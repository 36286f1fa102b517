"""Where a result holds: the conditions that the rows of the operations name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symcalc.differential import dependents
from symcalc.expr import Expr
from symcalc.graph import postorder
from symcalc.show import brief

if TYPE_CHECKING:
    from symcalc.normal import Normalizer


def assumptions(f: Expr, variable: Expr, n: Normalizer) -> list[str]:
    """Return the conditions of the operations that the variable passes through."""
    order = postorder([f])
    moving = dependents(order, {variable: None})
    above: dict[Expr, list[Expr]] = {}
    for node in order:
        for arg in node.args:
            above.setdefault(arg, []).append(node)
    found: dict[str, None] = {}
    for node in order:
        if node in moving and (text := condition(node)) and not _squared(node, above, n):
            found[text] = None
    return list(found)


def _squared(node: Expr, above: dict[Expr, list[Expr]], n: Normalizer) -> bool:
    """Whether only even powers of a node occur, and its square is smooth: `||x||^2` is x'*x."""
    powers = above.get(node, [])
    if not powers or not all(_even(power) and power.args[0] is node for power in powers):
        return False
    square = n.build(n.normal(n.algebra.hadamard(node, node)))
    return all(inner.op is not node.op for inner in postorder([square]))


def _even(e: Expr) -> bool:
    k = e.args[1] if e.op.role == "entrywise power" else None
    return k is not None and k.op.role == "number" and k.data > 0 and k.data % 2 == 0


def condition(node: Expr) -> str:
    """Return what the row of an operation assumes of its arguments, or nothing."""
    text: str = node.op.column("assumes", "")
    slots = {slot.name: arg for slot, arg in zip(node.op.slots, node.args, strict=False)}
    if all(arg.op.role == "number" for name, arg in slots.items() if f"{{{name}}}" in text):
        return ""
    return text.format(**{name: brief(arg) for name, arg in slots.items()})
