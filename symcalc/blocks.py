"""Entries and blocks: what `X[i, j]` and `[A, B; C, D]` mean; indices count from 0, as in NumPy."""

from __future__ import annotations

from collections.abc import Container
from functools import partial, reduce

from symcalc.algebra import Algebra
from symcalc.errors import ShapeError
from symcalc.expr import Expr
from symcalc.factors import is_zero
from symcalc.shape import Dim, dim_add, dim_names, dim_sub, parse_dim, shape_text
from symcalc.show import brief
from symcalc.unifier import LOOSE, Unifier


def places(a: Expr, text: str, variables: Container[str]) -> list[Dim]:
    """Return the first row, the number of rows, the first column, the number of columns that the
    text between the brackets means. Raises `ShapeError` for a place outside of the matrix."""
    parts = text.split(",")
    vector = len(parts) == 1 and 1 in a.shape
    if not vector and len(parts) != 2:
        raise ShapeError(
            f"`{brief(a)}` is {shape_text(a.shape)}: write `[i, j]`, `[i, :]` or `[:, j]`"
        )
    if vector:
        parts = ["0", *parts] if a.shape[1] != 1 else [*parts, "0"]
    pairs = zip(parts, a.shape, strict=True)
    return [dim for part, size in pairs for dim in _interval(part, size, variables)]


def _interval(text: str, size: Dim, variables: Container[str]) -> tuple[Dim, Dim]:
    """Return the start and the length that `i`, `:`, `a:b`, `a:` or `:b` means."""
    first, colon, last = text.partition(":")
    start: Dim = parse_dim(first) if first.strip() or not colon else 0
    stop = parse_dim(last) if last.strip() else size
    count = dim_sub(stop, start) if colon else 1
    if count == 0 or any(
        _negative(d) for d in (start, count, dim_sub(size, dim_add(start, count)))
    ):
        raise ShapeError(f"the index `{text}` is outside of 0 to {size} - 1: indices count from 0")
    named = next((n for n in [*dim_names(start), *dim_names(count)] if n in variables), None)
    if named is not None:
        raise ShapeError(f"the index `{named}` is a variable: use a number or another name")
    return start, count


def _negative(dim: Dim) -> bool:
    return isinstance(dim, int) and dim < 0


def blocks(rows: list[list[Expr]], algebra: Algebra, unifier: Unifier) -> Expr:
    """Put blocks side by side and one above the other; a `0` takes the size that it needs."""
    several = len(rows) > 1 or len(rows[0]) > 1
    rows = [[_block(e, algebra, unifier) if several else e for e in row] for row in rows]
    for row in rows:
        for e in row[1:]:
            unifier(e.shape[0], row[0].shape[0])
    if len({len(row) for row in rows}) == 1:
        for column in zip(*rows, strict=True):
            for e in column[1:]:
                unifier(e.shape[1], column[0].shape[1])
    beside, above = (partial(algebra.call, name) for name in ("hcat", "vcat"))
    return reduce(above, [reduce(beside, row) for row in rows])


def _block(e: Expr, algebra: Algebra, unifier: Unifier) -> Expr:
    return algebra.zeros((unifier.fresh(LOOSE), unifier.fresh(LOOSE))) if is_zero(e) else e
