"""Multiples by a fraction, in LaTeX: plain scalars stand above the line, `\\frac{3 p}{2}`, anything
else behind the fraction, `\\frac{1}{2} x^{\\top} x`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symcalc.graph import postorder
from symcalc.style import LEVELS, Piece, latex_fraction

if TYPE_CHECKING:
    from symcalc.expr import Expr
    from symcalc.printer import Printer

DECIMAL_FROM = 1000  # a greater denominator is printed as a decimal
LONGEST = 12  # what is longer is easier to read behind the fraction
PLAIN = frozenset({"symbol", "number", "dimension", "sum", "scale", "entrywise power"})


def over_the_line(printer: Printer, e: Expr, args: list[Piece]) -> Piece | None:
    """Print a fraction times a plain scalar as one fraction; None where there is no such."""
    factor, (c, a) = e.args[0], args
    if printer.style.column != "latex" or not _is_plain(e.args[1]) or a.text[:1] == "-":
        return None
    closed = printer.at(a, LEVELS["product"])
    if c.over is not None:
        top, bottom = joined(printer, c.over[0], closed), c.over[1]
        shown = top
    elif factor.op.role == "number" and 1 < factor.data.denominator <= DECIMAL_FROM:
        times, bottom = str(abs(factor.data.numerator)), str(factor.data.denominator)
        top = closed if times == "1" else joined(printer, times, closed)
        shown = a.text if times == "1" else top
    else:
        return None
    sign = "-" if c.text[:1] == "-" else ""
    text = sign + latex_fraction(shown, bottom)
    return Piece(text, LEVELS["product"], over=(top, bottom))


def joined(printer: Printer, left: str, right: str) -> str:
    """Return the product of two printed factors."""
    if printer.style.column == "latex" and right.lstrip("{")[:1].isdigit():
        return f"{left} \\cdot {right}"
    return printer.style.times.join([left, right])


def _is_plain(e: Expr) -> bool:
    if not e.is_scalar or e.size > LONGEST or e.op.role in ("scale", "number"):
        return False
    return all(part.is_scalar and part.op.role in PLAIN for part in postorder([e]))
