"""Formulas as text, as Unicode and as LaTeX: one fold over the templates of the rows.

`parse(str(e), e.where)` is `e`. The three ways to print are values of `style.py`.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from symcalc.declare import ENTRYWISE, shortest_attributes
from symcalc.graph import postorder
from symcalc.inferred import default_dim, determined
from symcalc.printer import PRINTERS, Printer
from symcalc.shape import SCALAR, mentioned
from symcalc.style import LATEX, LEVELS, PLAIN, PRETTY, TEXT, Piece, Style, template_parts

if TYPE_CHECKING:
    from symcalc.expr import Expr

__all__ = [
    "LATEX", "LEVELS", "PLAIN", "PRETTY", "SHOW_NAMES", "TEXT", "Piece", "Printer", "Style",
    "brief", "declaration", "latex", "plain", "pretty", "template_parts", "text",
]  # fmt: skip
MAX_TEXT = 200_000
SHOW_NAMES = frozenset(PRINTERS)


def text(e: Expr) -> str:
    """Return `e` in the language: what `parse` reads back as the same expression."""
    return _print(e, TEXT)


def plain(e: Expr) -> str:
    """Return `e` in the language, but with `d(.)` for a differential: for steps, not read back."""
    return _print(e, PLAIN)


def latex(e: Expr) -> str:
    """Return `e` as LaTeX with amsmath."""
    return _print(e, LATEX)


def pretty(e: Expr) -> str:
    """Return `e` with Unicode signs."""
    return _print(e, PRETTY)


def brief(e: Expr, width: int = 40) -> str:
    """Return `e` for an error message, shortened."""
    shown = text(e) if e.size < 200 else f"an expression of {e.size} nodes"
    return shown if len(shown) <= width else shown[: width - 1] + "…"


def declaration(symbol: Expr) -> str:
    """Return the declaration of a variable, such as `symmetric matrix(n)`."""
    rows, cols = symbol.shape
    if ENTRYWISE in symbol.attributes:
        return ENTRYWISE
    words = shortest_attributes(symbol.attributes)
    if symbol.shape == SCALAR:
        kind = "scalar"
    elif cols == 1:
        kind = f"vector({rows})"
    else:
        kind = f"matrix({rows})" if rows == cols else f"matrix({rows}, {cols})"
    parameters = ", ".join(p.name for p in symbol.parameters)
    return " ".join([*words, kind]) + (f" of {parameters}" if parameters else "")


def _print(e: Expr, style: Style) -> str:
    if e.size > MAX_TEXT:
        return f"<a formula of {len(postorder([e]))} distinct nodes, {e.size} written out>"
    symbols = [*(e.scope or {}).values(), *e.variables]
    names = frozenset(v.name for v in symbols)
    sizes = mentioned(dim for v in symbols for dim in v.shape)
    printer = Printer(style, determined(e), default_dim(e), names, sizes)
    memo: dict[Expr, Piece] = {}
    order = postorder([e])
    waiting = Counter(arg for node in order for arg in set(node.args))
    for node in order:
        memo[node] = printer.piece(node, [memo[arg] for arg in node.args])
        for arg in set(node.args):
            waiting[arg] -= 1
            if not waiting[arg]:
                del memo[arg]  # the text of a deep formula would be kept once for each level
    return memo[e].text
