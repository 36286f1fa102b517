"""Sizes of a formula that has been read: names for those nobody declared, and putting others in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from symcalc.expr import Expr, node
from symcalc.graph import postorder
from symcalc.shape import SCALAR, Dim, Shape, dim_names, dim_substitute, fresh_names
from symcalc.unifier import FREE, LOOSE, Unifier


def name_unknown(unifier: Unifier, symbols: Sequence[Expr], taken: Set[str]) -> dict[str, Dim]:
    """Name the dimensions that stay unknown: n, m, p, ... in the order of the variables.

    A size that no variable fixes (`2*I` alone) is the first dimension of the first variable.
    """
    free = (name for name in fresh_names() if name not in taken)
    resolved = {name: unifier.resolve(name) for name in unifier.names}
    found: dict[str, Dim] = {}
    for symbol in symbols:
        for dim in symbol.shape:
            known = resolved.get(dim) if isinstance(dim, str) else None
            for name in dim_names(unifier.resolve(dim) if known is None else known):
                if name[0] in FREE + LOOSE and name not in found:
                    found[name] = next(free)
    first = next((s.shape[0] for s in symbols if s.shape != SCALAR), None)
    default = first if first is not None else next(free)
    default = dim_substitute(unifier.resolve(default), found)
    for dim in resolved.values():
        for inner in dim_names(dim):
            if inner[0] in FREE + LOOSE:
                found.setdefault(inner, default)
    return found | {name: dim_substitute(dim, found) for name, dim in resolved.items()}


def resize(roots: list[Expr], sizes: Mapping[str, Dim]) -> list[Expr]:
    """Replace dimensions by others throughout expressions."""
    memo: dict[Expr, Expr] = {}
    shapes: dict[Shape, Shape] = {}
    for old in postorder(roots):
        shape = shapes.get(old.shape)
        if shape is None:
            rows, cols = old.shape
            shape = shapes[old.shape] = (dim_substitute(rows, sizes), dim_substitute(cols, sizes))
        if old.op.role == "zeros" and shape == SCALAR:
            memo[old] = old.op.algebra.number(0)
            continue
        if old.op.role == "dimension":
            memo[old] = old.op.algebra.dimension(dim_substitute(old.data, sizes))
            continue
        data = tuple(dim_substitute(d, sizes) for d in old.data) if old.op.dims else old.data
        memo[old] = node(old.op, tuple([memo[arg] for arg in old.args]), shape, data)
    return [memo[root] for root in roots]
