"""How block matrices, entries, rows and columns are printed: `[A, B; C, D]`, `X[i, j]`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symcalc.shape import Dim, dim_add
from symcalc.style import LEVELS, Piece

if TYPE_CHECKING:
    from symcalc.expr import Expr
    from symcalc.printer import Printer


def beside(printer: Printer, e: Expr, args: list[Piece]) -> Piece:
    """Print `[A, B]`; what stands in the same row already is continued."""
    column = " & " if printer.style.column == "latex" else ", "
    return _block(printer, e, args, column, (e.op.name,))


def above(printer: Printer, e: Expr, args: list[Piece]) -> Piece:
    """Print `[A, B; C, D]`: rows of blocks one above the other."""
    row = " \\\\ " if printer.style.column == "latex" else "; "
    return _block(printer, e, args, row, (e.op.name, *(a.op.name for a in e.args if _is_row(a))))


def _is_row(e: Expr) -> bool:
    return bool(e.op.column("show") == "beside")


def _block(
    printer: Printer, e: Expr, args: list[Piece], sign: str, merged: tuple[str, ...]
) -> Piece:
    first, last = e.args
    left = args[0].base if first.op.name in merged else args[0].text
    right = args[1].base if last.op.name in merged and last.op is not e.op else args[1].text
    inside = f"{left}{sign}{right}"
    if printer.style.column == "latex":
        return Piece(f"\\begin{{bmatrix}} {inside} \\end{{bmatrix}}", LEVELS["atom"], base=inside)
    return Piece(f"[{inside}]", LEVELS["atom"], base=inside)


def part(printer: Printer, e: Expr, args: list[Piece]) -> Piece:
    """Print an entry, a row, a column or a block: `X[i, j]`, `X[i, :]`, `X[0:2, 1:3]`."""
    i, p, j, q = e.data
    rows, cols = e.args[0].shape
    places = [_place(i, p, rows), _place(j, q, cols)]
    shown = places[0] if cols == 1 else ", ".join(places)
    if printer.style.column == "latex":
        return Piece(f"\\left[{args[0].text}\\right]_{{{shown}}}", LEVELS["postfix"])
    base = printer.at(args[0], LEVELS["postfix"])
    return Piece(f"{base}[{shown}]", LEVELS["postfix"])


def _place(start: Dim, count: Dim, size: Dim) -> str:
    if count == size and start == 0:
        return "0" if size == 1 else ":"
    return str(start) if count == 1 else f"{start}:{dim_add(start, count)}"
