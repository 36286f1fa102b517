"""A transposed product that nothing else needs is a product of transposes: `(A*B)'` is `B'*A'`.

The order of a product is found in one of its two directions. Here the other is written where that
is the one that is needed, so that entrywise work beside it runs along the rows of both arrays.
"""

from __future__ import annotations

from collections import Counter

from symcalc.expr import Expr
from symcalc.graph import postorder


def straightened(roots: list[Expr]) -> list[Expr]:
    """Return lowered expressions without transposed products that have one use."""
    nodes = postorder(roots)
    uses = Counter(arg for node in nodes for arg in node.args)
    uses.update(roots)
    made: dict[Expr, Expr] = {}
    for node in nodes:
        args = tuple(made[arg] for arg in node.args)
        whole = node if args == node.args else node.op.algebra.rebuild(node, args)
        alone = _is_transposed_product(node) and uses[node.args[0]] == 1
        made[node] = _turned(whole.args[0], node.args[0], uses) if alone else whole
    return [made[root] for root in roots]


def _is_transposed_product(e: Expr) -> bool:
    return e.op.role == "transpose" and 1 not in e.shape and e.args[0].op.role == "product"


def _turned(whole: Expr, before: Expr, uses: Counter[Expr]) -> Expr:
    """Return the transpose of a product, of its first factors too where they have one use.

    Where no factor is transposed it would only be longer.
    """
    e, rights = whole, []
    while e.op.role == "product" and uses[before] == 1:
        rights.append(e.args[1])
        e, before = e.args[0], before.args[0]
    if all(factor.op.role != "transpose" for factor in (e, *rights)):
        return e.op.algebra.transpose(whole)
    result = _flipped(e)
    for right in reversed(rights):
        result = e.op.algebra.times(_flipped(right), result)
    return result


def _flipped(e: Expr) -> Expr:
    return e.args[0] if e.op.role == "transpose" else e.op.algebra.transpose(e)
