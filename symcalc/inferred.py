"""Which identities a reader of the text infers the size of, so that `I` says enough."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from symcalc.graph import postorder
from symcalc.shape import SCALAR, Dim, dim_names, fresh_names

if TYPE_CHECKING:
    from symcalc.expr import Expr

ALIGNED = frozenset({"sum", "hadamard", "entrywise quotient"})


def determined(e: Expr) -> set[Expr]:
    """Return the identities whose size the reader infers from a neighbour wherever they stand."""
    order = postorder([e])
    identities = {node for node in order if node.op.role == "identity"}
    if not identities:
        return set()
    fixed: dict[Expr, bool] = {}
    for node in order:
        fixed[node] = _fixes(node, fixed)
    inferred = dict.fromkeys(order, True)
    inferred[e] = False
    for node in reversed(order):
        context = inferred[node] or (node.op.role in ALIGNED and fixed[node])
        for arg in node.args:
            if not (context and node.op.role in ALIGNED | {"scale"}):
                inferred[arg] = False
    return {node for node in identities if inferred[node]}


def _fixes(node: Expr, fixed: dict[Expr, bool]) -> bool:
    """Whether the text of `node` alone tells both its sizes."""
    if node.op.role in ALIGNED:
        return any(fixed[arg] for arg in node.args)
    if node.op.role == "scale":
        return fixed[node.args[1]]
    if node.op.role == "identity":
        return False
    return all(fixed[arg] or arg.is_scalar for arg in node.args)


def default_dim(e: Expr) -> Dim:
    """Return the size that the reader gives to an identity that nothing determines."""
    variables = [*(e.scope or {}).values(), *e.variables]
    for variable in variables:
        if variable.shape != SCALAR:
            return variable.shape[0]
    taken = {v.name for v in variables} | {n for dim in _written(e) for n in dim_names(dim)}
    return next(name for name in fresh_names() if name not in taken)


def _written(e: Expr) -> Iterator[Dim]:
    """Yield the sizes that the text names, those of identities left out."""
    for node in postorder([e]):
        if node.op.role == "dimension":
            yield node.data
        elif node.op.dims and node.op.role != "identity":
            yield from node.data
