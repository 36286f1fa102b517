"""Where a result holds: the conditions that the rows of the operations name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symcalc.differential import dependents
from symcalc.expr import Expr
from symcalc.factors import has_even_exponent
from symcalc.graph import postorder
from symcalc.show import brief

if TYPE_CHECKING:
    from symcalc.normal import Normalizer
    from symcalc.op import Slot

SUFFICIENT = frozenset({"positive", "invertible", "spd"})  # domains that are all that is assumed


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
        if node in moving and (text := condition(node, n)) and not _squared(node, above, n):
            found[text] = None
    return list(found)


def _squared(node: Expr, above: dict[Expr, list[Expr]], n: Normalizer) -> bool:
    """Whether only even powers of a node occur, and its square is smooth: `||x||^2` is x'*x."""
    powers = above.get(node, [])
    if not powers or not all(_raises(power, node) for power in powers):
        return False
    square = n.build(n.normal(n.algebra.hadamard(node, node)))
    return all(inner.op is not node.op for inner in postorder([square]))


def _raises(power: Expr, node: Expr) -> bool:
    """Whether an expression is an even and positive power of a node."""
    return has_even_exponent(power) and power.args[0] is node and power.args[1].data > 0


def condition(node: Expr, n: Normalizer) -> str:
    """Return what the row of an operation assumes of its arguments and is not known, or nothing."""
    text: str = node.op.column("assumes", "")
    if not text or _is_met(node, n):
        return ""
    return text.format(**{slot.name: brief(arg) for slot, arg in _arguments(node)})


def _is_met(node: Expr, n: Normalizer) -> bool:
    """Whether all arguments are known to lie in the domain, and it is all that the row assumes."""
    domains = [(set(node.op.domain(slot.name).split()), arg) for slot, arg in _arguments(node)]
    named = [(words, arg) for words, arg in domains if words]
    return bool(named) and all(
        words <= SUFFICIENT & n.attributes.of(n.canonical(arg)) for words, arg in named
    )


def _arguments(node: Expr) -> list[tuple[Slot, Expr]]:
    return list(zip(node.op.slots, node.args, strict=False))
