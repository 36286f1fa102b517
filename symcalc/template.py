"""A row body, compiled: a list of constructions that puts arguments in the place of the slots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from symcalc.algebra import Algebra
from symcalc.expr import Expr
from symcalc.graph import postorder
from symcalc.op import Op
from symcalc.shape import Dim, dim_substitute

Instruction = tuple[str, Any, tuple[int, ...], tuple[Dim, ...]]


class Template:
    """The body of a rule over named slots."""

    __slots__ = ("body", "code", "params", "uses_dims")

    def __init__(self, body: Expr, params: Sequence[str]) -> None:
        self.body = body
        self.params = tuple(params)
        order = postorder([body])
        place = {node: k for k, node in enumerate(order)}
        self.code = [self._instruction(node, place) for node in order]
        self.uses_dims = any(kind in ("sized", "dimension") for kind, *_ in self.code)

    def _instruction(self, node: Expr, place: Mapping[Expr, int]) -> Instruction:
        args = tuple(place[arg] for arg in node.args)
        if node.op.role == "symbol":
            return ("slot", self.params.index(node.name), (), ())
        if node.op.role == "number":
            return ("constant", node, (), ())
        if node.op.role == "dimension":
            return ("dimension", node.data, (), ())
        if node.op.dims:
            return ("sized", node.op, args, node.data)
        return ("op", node.op, args, ())

    def __call__(
        self, algebra: Algebra, values: Sequence[Expr], dims: Mapping[str, Dim] | None = None
    ) -> Expr:
        """Return the body with `values` for the slots and `dims` for the dimensions of the row."""
        done: list[Expr] = []
        for kind, what, args, sizes in self.code:
            if kind == "op":
                done.append(algebra.build(what, [done[k] for k in args]))
            elif kind == "slot":
                done.append(values[what])
            elif kind == "constant":
                done.append(what)
            elif kind == "dimension":
                done.append(algebra.dimension(dim_substitute(what, dims or {})))
            else:
                known = [dim_substitute(size, dims or {}) for size in sizes]
                done.append(_build(algebra, what, [done[k] for k in args], known))
        return done[-1]


def _build(algebra: Algebra, op: Op, args: list[Expr], sizes: list[Dim]) -> Expr:
    if op.role == "identity":
        return algebra.identity(sizes[0])
    if op.role in ("ones", "zeros"):
        shape = (sizes[0], sizes[1])
        return algebra.ones(shape) if op.role == "ones" else algebra.zeros(shape)
    return algebra.build(op, args, sizes)
