"""Formulas as text, as Unicode and as LaTeX: one fold over the templates of the rows.

A template names the least binding strength that each slot needs (`{A:product}*{B:unary}`); an argument
that binds less gets brackets. Precedence and associativity are this data, and `parse(str(e)) is e`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING

from symcalc.declare import GREEK, shortest_attributes
from symcalc.graph import postorder
from symcalc.shape import SCALAR, Dim, dim_names

if TYPE_CHECKING:
    from symcalc.expr import Expr

LEVELS = {
    "open": 0, "sum": 10, "term": 15, "hadamard": 19, "product": 20, "unary": 30, "power": 40,
    "postfix": 45, "atom": 60,
}  # fmt: skip
MAX_TEXT = 200_000
DECIMAL_FROM = 1000


@dataclass(frozen=True, slots=True)
class Style:
    """A way to print: the column of the templates and the spelling of the punctuation."""

    column: str
    times: str
    brackets: tuple[str, str]
    fraction: Callable[[str, str], str]
    name: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Piece:
    """A printed subexpression: how strongly it binds, the exponent it ends with, and how it reads as
    the left factor of a longer product, if that differs."""

    text: str
    level: int
    exponent: str = ""
    base: str = ""
    left: str = ""


def text(e: Expr) -> str:
    """Return `e` in the language: what `parse` reads back as the same expression."""
    return _print(e, TEXT)


def plain(e: Expr) -> str:
    """Return `e` in the language, but with `d(.)` for a differential: for steps, not to be read back."""
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
    words = shortest_attributes(symbol.data[1])
    if symbol.shape == SCALAR:
        kind = "scalar"
    elif cols == 1:
        kind = f"vector({rows})"
    else:
        kind = f"matrix({rows})" if rows == cols else f"matrix({rows}, {cols})"
    return " ".join([*words, kind])


def _print(e: Expr, style: Style) -> str:
    if e.size > MAX_TEXT:
        return f"<a formula of {len(postorder([e]))} distinct nodes, {e.size} written out>"
    names = frozenset([*(e.scope or {}), *(v.name for v in e.variables)])
    printer = Printer(style, _determined(e), _default_dim(e), names)
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


class Printer:
    """Prints one node from its printed arguments."""

    def __init__(
        self, style: Style, determined: set[Expr], default: Dim, names: frozenset[str]
    ) -> None:
        self.style = style
        self.names = names  # of the variables: an operation of the same name is spelled out
        self.determined = determined
        self.default = default

    def piece(self, e: Expr, args: list[Piece]) -> Piece:
        special = _SPECIAL.get(e.op.column("show", ""))
        if special is not None:
            return special(self, e, args)
        return self.template(e, args)

    def template(self, e: Expr, args: list[Piece]) -> Piece:
        column = self.style.column
        source = e.op.column(column) or (column != "latex" and e.op.column("text")) or ""
        level = e.op.column(f"{column}_level") or e.op.column("level", "atom")
        if not source:
            listed = ", ".join([a.text for a in args] + [str(d) for d in e.data or ()])
            if not listed:
                return Piece(e.op.name, LEVELS["atom"])
            name = e.op.name if e.op.call in self.names else e.op.call or e.op.name
            return Piece(_call(self.style, name, listed), LEVELS["atom"])
        values = {slot.name: piece for slot, piece in zip(e.op.slots, args, strict=False)}
        sizes = zip(e.op.dims, e.data or (), strict=False)
        values |= {name: Piece(str(dim), LEVELS["atom"]) for name, dim in sizes}
        parts = [
            literal if slot is None else self.at(values[slot], level_needed)
            for literal, slot, level_needed in _template(source)
        ]
        return Piece("".join(parts), LEVELS[level])

    def at(self, piece: Piece, level: int) -> str:
        """Return the text, in brackets if it binds less than `level`."""
        mixed = level == LEVELS["hadamard"] and piece.level == LEVELS["product"]
        if piece.level >= level and not mixed:
            return piece.text
        left, right = self.style.brackets
        return f"{left}{piece.text}{right}"


_PIECES = re.compile(r"\{\{|\}\}|\{(?P<slot>[^{}:]*)(?::(?P<level>[^{}:]*))?\}|[^{}]+|[{}]")


def template_parts(source: str) -> list[tuple[str, str | None, str]]:
    """Split a template into literals (doubled brackets kept) and slots with their least level."""
    return [
        (match.group(), match["slot"], match["level"] or "open")
        for match in _PIECES.finditer(source)
    ]


@cache
def _template(source: str) -> tuple[tuple[str, str | None, int], ...]:
    parts = template_parts(source)
    single = {"{{": "{", "}}": "}"}
    return tuple((single.get(text, text), slot, LEVELS[level]) for text, slot, level in parts)


def _call(style: Style, name: str, listed: str) -> str:
    if style.column != "latex":
        return f"{name}({listed})"
    escaped = name.replace("_", "\\_")
    return f"\\operatorname{{{escaped}}}\\left({listed}\\right)"


def _symbol(printer: Printer, e: Expr, args: list[Piece]) -> Piece:
    return Piece(printer.style.name(e.data[0]), LEVELS["atom"])


def _dimension(printer: Printer, e: Expr, args: list[Piece]) -> Piece:
    return Piece(str(e.data), LEVELS["atom"])


def _number(printer: Printer, e: Expr, args: list[Piece]) -> Piece:
    return _rational(printer.style, e.data)


def _rational(style: Style, value: Fraction) -> Piece:
    sign = "-" if value < 0 else ""
    top, bottom = str(abs(value.numerator)), str(value.denominator)
    if value.denominator == 1:
        shown, level = top, "atom"
    elif value.denominator > DECIMAL_FROM and (decimal := _decimal(abs(value))):
        shown, level = decimal, "atom"
    else:
        shown, level = style.fraction(top, bottom), "product"
    return Piece(sign + shown, LEVELS["unary" if sign and level == "atom" else level])


def _decimal(value: Fraction) -> str:
    """Return the exact decimal form of a fraction, or nothing if it does not end."""
    bottom, digits = value.denominator, 0
    while bottom % 10 == 0:
        bottom, digits = bottom // 10, digits + 1
    for factor, other in ((2, 5), (5, 2)):
        while bottom % factor == 0:
            bottom, value, digits = bottom // factor, value * other / other, digits + 1
    if bottom != 1:
        return ""
    whole = value * 10**digits
    shown = str(whole.numerator).rjust(digits + 1, "0")
    return f"{shown[:-digits]}.{shown[-digits:]}".rstrip("0")


def _sum(printer: Printer, e: Expr, args: list[Piece]) -> Piece:
    parts = [printer.at(args[0], LEVELS["term"])]
    for piece in args[1:]:
        shown = printer.at(piece, LEVELS["term"])
        parts.append(f" - {shown[1:]}" if shown.startswith("-") else f" + {shown}")
    return Piece("".join(parts), LEVELS["sum"])


def _scale(printer: Printer, e: Expr, args: list[Piece]) -> Piece:
    factor, (c, a) = e.args[0], args
    if factor.op.role != "number":
        needed = "unary" if factor.op.role == "product" else "product"
        left = c.left or printer.at(c, LEVELS[needed] if c.text[:1] != "-" else LEVELS["product"])
        return Piece(_joined(printer, left, _factor(printer, e, a)), LEVELS["product"])
    whole = _multiple(printer, factor.data, _factor(printer, e, a), a)
    if e.args[1].op.role != "product" or not e.is_scalar:
        return whole
    closed = _multiple(printer, factor.data, printer.at(a, LEVELS["unary"]), a)
    return replace(whole, left=closed.text)


def _joined(printer: Printer, left: str, right: str) -> str:
    if printer.style.column == "latex" and right[:1].isdigit():
        return f"{left} \\cdot {right}"
    return printer.style.times.join([left, right])


def _multiple(printer: Printer, value: Fraction, shown: str, a: Piece) -> Piece:
    sign, value = ("-", -value) if value < 0 else ("", value)
    if value.denominator != 1 and value.denominator <= DECIMAL_FROM:
        return _fraction(printer, sign, value, shown, a)
    if value != 1:
        shown = _joined(printer, _rational(printer.style, value).text, shown)
    return Piece(sign + shown, LEVELS["product"])


def _factor(printer: Printer, e: Expr, piece: Piece) -> str:
    """Return the right factor of a multiple; another multiple there keeps its brackets."""
    closed = e.args[1].op.role == "scale" or piece.text[:1] == "-"
    return printer.at(piece, LEVELS["unary" if closed else "product"])


def _fraction(printer: Printer, sign: str, value: Fraction, shown: str, a: Piece) -> Piece:
    top, bottom = str(value.numerator), str(value.denominator)
    if printer.style.column == "latex":
        return Piece(f"{sign}{_frac(top, bottom)} {shown}", LEVELS["product"])
    left = "" if top == "1" else top + printer.style.times
    return Piece(f"{sign}{left}{shown}/{bottom}", LEVELS["product"])


def _quotient(printer: Printer, e: Expr, args: list[Piece]) -> Piece:
    top, bottom = args
    if printer.style.column == "latex":
        sign = "-" if top.text[:1] == "-" and top.level > LEVELS["sum"] else ""
        return Piece(sign + _frac(top.text[len(sign) :], bottom.text), LEVELS["product"])
    shown = printer.at(top, LEVELS["product"])
    return Piece(f"{shown}/{printer.at(bottom, LEVELS['unary'])}", LEVELS["product"])


def _frac(top: str, bottom: str) -> str:
    return f"\\frac{{{top}}}{{{bottom}}}"


def _power(printer: Printer, e: Expr, args: list[Piece]) -> Piece:
    """Print `x^k`, `A .^ k`; an exponent in LaTeX and Unicode is set as one."""
    base, exponent = args
    entrywise = e.op.role == "entrywise power" and e.shape != SCALAR
    shown = printer.at(base, LEVELS["postfix"])
    if printer.style.column == "latex":
        circle = "\\circ " if entrywise else ""
        return Piece(f"{{{shown}}}^{{{circle}{exponent.text}}}", LEVELS["power"])
    sign = " .^ " if entrywise else "^"
    negative = e.args[1].op.role == "number" and exponent.level >= LEVELS["unary"]
    right = exponent.text if negative else printer.at(exponent, LEVELS["postfix"])
    right = f"({right})" if right.strip("(-)") == "T" else right  # `^T` is the transpose
    return Piece(shown + sign + right, LEVELS["power"])


def _superscript(printer: Printer, e: Expr, args: list[Piece]) -> Piece:
    """Print `X^{-1}`, `X^\\top`, and both at once as `X^{-\\top}`."""
    mark = e.op.column("superscript")
    if printer.style.column in ("text", "plain") or mark is None:
        return printer.template(e, args)
    mark = mark if printer.style.column == "latex" else _MARKS[mark]
    (inner,) = args
    if {inner.exponent, mark} <= _MERGING and inner.exponent != mark:
        both = "-\\top" if printer.style.column == "latex" else "⁻ᵀ"
        return Piece(_raised(printer, inner.base, both), LEVELS["power"])
    base = printer.at(inner, LEVELS["postfix"])
    return Piece(_raised(printer, base, mark), LEVELS["power"], mark, base)


_MARKS = {"-1": "⁻¹", "\\top": "ᵀ", "+": "⁺"}
_MERGING = {"-1", "\\top", "⁻¹", "ᵀ"}


def _raised(printer: Printer, base: str, mark: str) -> str:
    return f"{base}^{{{mark}}}" if printer.style.column == "latex" else base + mark


def _sizes(printer: Printer, e: Expr, args: list[Piece]) -> Piece:
    """Print `ones(n, m)`, `zeros(n)`: a last size of 1 is left out."""
    sizes = e.data[:-1] if e.data[-1] == 1 else e.data
    if printer.style.column == "latex":
        sizes_text = " \\times ".join(str(size) for size in sizes)
        sign = "".join(text for text, _, _ in _template(e.op.column("latex")))
        return Piece(f"{sign}_{{{sizes_text}}}", LEVELS["atom"])
    return Piece(f"{e.op.name}({', '.join(str(size) for size in sizes)})", LEVELS["atom"])


def _identity(printer: Printer, e: Expr, args: list[Piece]) -> Piece:
    """Print `I` where the reader infers its size, else `eye(n)`."""
    short = e in printer.determined or e.data[0] == printer.default
    plain = printer.style.column not in ("text", "plain") or (short and "I" not in printer.names)
    return Piece("I" if plain else f"eye({e.data[0]})", LEVELS["atom"])


_SPECIAL: dict[str, Callable[[Printer, Expr, list[Piece]], Piece]] = {
    "symbol": _symbol,
    "dimension": _dimension,
    "number": _number,
    "sum": _sum,
    "scale": _scale,
    "quotient": _quotient,
    "power": _power,
    "superscript": _superscript,
    "sizes": _sizes,
    "identity": _identity,
}


SHOW_NAMES = frozenset(_SPECIAL)


def _determined(e: Expr) -> set[Expr]:
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
        context = inferred[node] or (node.op.role in _ALIGNED and fixed[node])
        for arg in node.args:
            if not (context and node.op.role in _ALIGNED | {"scale"}):
                inferred[arg] = False
    return {node for node in identities if inferred[node]}


_ALIGNED = {"sum", "hadamard", "entrywise quotient"}


def _fixes(node: Expr, fixed: dict[Expr, bool]) -> bool:
    """Whether the text of `node` alone tells both its sizes."""
    if node.op.role in _ALIGNED:
        return any(fixed[arg] for arg in node.args)
    if node.op.role == "scale":
        return fixed[node.args[1]]
    if node.op.role == "identity":
        return False
    return all(fixed[arg] or arg.is_scalar for arg in node.args)


def _default_dim(e: Expr) -> Dim:
    """Return the size that the reader gives to an identity that nothing determines."""
    variables = [*(e.scope or {}).values(), *e.variables]
    for variable in variables:
        if variable.shape != SCALAR:
            return variable.shape[0]
    taken = {v.name for v in variables} | {
        n for v in variables for d in v.shape for n in dim_names(d)
    }
    return next(name for name in ("n", "m", "p", "q", "r") if name not in taken)


def _text_name(name: str) -> str:
    return name


def _latex_name(name: str) -> str:
    base, _, index = name.partition("_")
    digits = re.fullmatch(r"([^\W\d]+)(\d+)", base)
    if digits and not index:
        base, index = digits[1], digits[2]
    shown = (
        f"\\mathrm{{d}}{_latex_letter(base[1:])}" if _is_direction(base) else _latex_letter(base)
    )
    return f"{shown}_{{{index.replace('_', ',')}}}" if index else shown


def _is_direction(base: str) -> bool:
    return len(base) > 1 and base[0] == "d" and default_letter(base[1:])


def default_letter(name: str) -> bool:
    """Whether a name is one letter or the name of a Greek letter."""
    return len(name) == 1 or name.lower() in GREEK


def _latex_letter(name: str) -> str:
    if len(name) == 1 and name.lower() in _GREEK_SIGNS:
        greek = GREEK[_GREEK_SIGNS.index(name.lower())]
        name = greek if name.islower() else greek.capitalize()
    if name.lower() in GREEK and name not in _LATIN_CAPITALS:
        return f"\\{name}"
    return name if len(name) == 1 else f"\\mathrm{{{name}}}"


_LATIN_CAPITALS = {
    "Alpha",
    "Beta",
    "Epsilon",
    "Zeta",
    "Eta",
    "Iota",
    "Kappa",
    "Mu",
    "Nu",
    "Omicron",
    "Rho",
    "Tau",
    "Chi",
    "omicron",
}


_GREEK_SIGNS = "αβγδεζηθικλμνξοπρστυφχψω"


def _pretty_name(name: str) -> str:
    base, _, index = name.partition("_")
    lower = base.lower()
    if lower in GREEK:
        sign = _GREEK_SIGNS[GREEK.index(lower)]
        base = sign if base == lower else sign.upper()
    return base + (
        index.translate(_SUBSCRIPTS) if index.isdecimal() else f"_{index}" if index else ""
    )


_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")

TEXT = Style("text", "*", ("(", ")"), lambda a, b: f"{a}/{b}", _text_name)
PLAIN = Style("plain", "*", ("(", ")"), lambda a, b: f"{a}/{b}", _text_name)
PRETTY = Style("pretty", "·", ("(", ")"), lambda a, b: f"{a}/{b}", _pretty_name)
LATEX = Style("latex", " ", ("\\left(", "\\right)"), _frac, _latex_name)
