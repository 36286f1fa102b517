"""Sums of blocks, each in its place, as one stack of blocks: `unit(0, 2)*a' + unit(1, 2)*b'` is
`[a'; b']`.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from symcalc.expr import Expr
from symcalc.rewrite import Matcher
from symcalc.shape import Dim, Shape, dim_add
from symcalc.terms import Term

if TYPE_CHECKING:
    from symcalc.sums import Sums

Block = tuple[Dim, Dim, Term]  # the first row, the number of rows, the term without its place


class Stacking:
    """Writes sums of embedded blocks as stacks, for the writer of sums."""

    def __init__(self, sums: Sums) -> None:
        self.sums = sums
        self.presenter = sums.presenter

    def stacked(self, terms: list[Term], shape: Shape) -> Expr | None:
        """Write a sum as blocks one above the other, or side by side, if these fill it."""
        if not self.presenter.stacks or len(terms) < 2:
            return None
        for axis, name in enumerate(("vcat", "hcat")):
            blocks = self._blocks([self._placed(t, axis) for t in terms], shape, axis)
            if blocks is not None:
                call = self.presenter.algebra.call
                return reduce(lambda first, second: call(name, first, second), blocks)
        return None

    def _blocks(self, placed: list[Block | None], shape: Shape, axis: int) -> list[Expr] | None:
        rows: dict[Dim, tuple[Dim, list[Term]]] = {}
        for block in placed:
            if block is None or rows.setdefault(block[0], (block[1], []))[0] != block[1]:
                return None
            rows[block[0]][1].append(block[2])
        shown: list[Expr] = []
        place: Dim = 0
        while place in rows:
            size, inner = rows.pop(place)
            shown.append(self.sums.sum_of(inner, (shape[0], size) if axis else (size, shape[1])))
            place = dim_add(place, size)
        whole = place == shape[axis] and not rows
        return shown if whole and len(shown) > 1 else None

    def _placed(self, term: Term, axis: int) -> Block | None:
        """Take the place of a block off a term: its first row, or its first column."""
        c, scalars, factors = term
        outer = factors[-axis] if factors else None
        place = None if outer is None else self._place(outer, axis)
        if outer is None or place is None:
            return None
        start, size, inner = place
        rest = factors[:-1] if axis else factors[1:]
        if inner is not None:
            inner = self.presenter.box(self.presenter.present(inner))
            rest = (*rest, inner) if axis else (inner, *rest)
        return start, size, (c, scalars, rest)

    def _place(self, outer: Expr, axis: int) -> tuple[Dim, Dim, Expr | None] | None:
        """Return the place and the size of a block, and what stands there if not the identity."""
        block = self._block(outer)
        if block is None or block.data[1 - axis] != 0:
            return None
        inner = block.args[0]
        if inner.shape[1 - axis] != outer.shape[1 - axis]:
            return None
        plain = inner is self.presenter.algebra.identity(inner.shape[axis])
        return block.data[axis], inner.shape[axis], None if plain else inner

    def _block(self, outer: Expr) -> Expr | None:
        """Return a factor as a block in a matrix of zeros, as the rows of the stage "stack" do."""
        rows = self.presenter.n.book.stack_rows
        if outer.op in {row.template.body.op for row in rows}:
            return outer
        for row in rows:
            for binding in Matcher(self.presenter.n).match(row.lhs, outer, {}):
                return row.result(binding)
        return None
