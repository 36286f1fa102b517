"""A printed node from its printed arguments: by the template of its row, or a printer it names."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING

from symcalc.exact import Number
from symcalc.letters import latex_name
from symcalc.op import ENTRYWISE_POWERS
from symcalc.printer_blocks import above, beside, part
from symcalc.printer_fractions import DECIMAL_FROM, joined, over_the_line
from symcalc.shape import SCALAR, Dim
from symcalc.style import LEVELS, Piece, Style, latex_fraction, parsed_template, template_head

if TYPE_CHECKING:
    from symcalc.expr import Expr


class Printer:
    """Prints one node from its printed arguments."""

    def __init__(
        self,
        style: Style,
        determined: set[Expr],
        default: Dim,
        names: frozenset[str],
        sizes: frozenset[str],
    ) -> None:
        self.style = style
        self.names = names  # of variables and sizes: an operation of this name is spelled out
        self.sizes = sizes  # that the declarations of the variables mention
        self.shown = style.names([*names, *(size for size in sizes if size.isidentifier())])
        self.determined = determined
        self.default = default
        self.taken = {latex_name(name) for name in names} if style.column == "latex" else set()

    def piece(self, e: Expr, args: list[Piece]) -> Piece:
        special = PRINTERS.get(e.op.column("show", ""))
        if special is not None:
            return special(self, e, args)
        return self.template(e, args)

    def template(self, e: Expr, args: list[Piece]) -> Piece:
        column = self.style.column
        source = e.op.column(column) or (column != "latex" and e.op.column("text")) or ""
        level = e.op.column(f"{column}_level") or e.op.column("level", "atom")
        if not source or latex_name(template_head(source)) in self.taken:
            return self.call(e, args)
        values = {slot.name: piece for slot, piece in zip(e.op.slots, args, strict=False)}
        sizes = zip(e.op.dims, e.data or (), strict=False)
        values |= {name: Piece(self.size(dim), LEVELS["atom"]) for name, dim in sizes}
        parts = [
            literal if slot is None else self.at(values[slot], level_needed)
            for literal, slot, level_needed in parsed_template(source)
        ]
        shown = "".join(parts)
        if column == "latex" and e.op.dims and self._reads_otherwise(e, shown):
            return self.call(e, args)
        return Piece(shown, LEVELS[level])

    def _reads_otherwise(self, e: Expr, shown: str) -> bool:
        """Whether `K_{m,n}` would be read as a variable: one looks so, or no size is declared."""
        known = e.op.role == "identity" or all(str(size) in self.sizes for size in e.data)
        return shown in self.shown.values() or not known

    def call(self, e: Expr, args: list[Piece]) -> Piece:
        """Print `name(arguments, sizes)`."""
        listed = ", ".join([a.text for a in args] + [self.size(dim) for dim in e.data or ()])
        if not listed:
            return Piece(e.op.name, LEVELS["atom"])
        name = e.op.name if e.op.call in self.names else e.op.call or e.op.name
        return Piece(_call(self.style, name, listed), LEVELS["atom"])

    def name(self, name: str) -> str:
        """Return a variable or a size as this style shows it."""
        return self.shown.get(name) or self.style.names([name])[name]

    def size(self, dim: Dim) -> str:
        """Return a size; the names in it as this style shows them."""
        if self.style.column != "latex":
            return str(dim)
        names = re.sub(r"[^\W\d]\w*", lambda match: self.name(match[0]), str(dim))
        return names.replace("*", " \\cdot ")

    def at(self, piece: Piece, level: int) -> str:
        """Return the text, in brackets if it binds less than `level`."""
        mixed = level == LEVELS["hadamard"] and piece.level == LEVELS["product"]
        if piece.level >= level and not mixed:
            return piece.text
        left, right = self.style.brackets
        return f"{left}{piece.text}{right}"


def _call(style: Style, name: str, listed: str) -> str:
    if style.column != "latex":
        return f"{name}({listed})"
    escaped = name.replace("_", "\\_")
    return f"\\operatorname{{{escaped}}}\\left({listed}\\right)"


def _symbol(printer: Printer, e: Expr, args: list[Piece]) -> Piece:
    return Piece(printer.name(e.data[0]), LEVELS["atom"])


def _dimension(printer: Printer, e: Expr, args: list[Piece]) -> Piece:
    return Piece(printer.size(e.data), LEVELS["atom"])


def _number(printer: Printer, e: Expr, args: list[Piece]) -> Piece:
    return _rational(printer.style, e.data)


def _rational(style: Style, value: Number) -> Piece:
    sign = "-" if value < 0 else ""
    top, bottom = str(abs(value.numerator)), str(value.denominator)
    if value.denominator == 1:
        shown, level = top, "atom"
    elif value.denominator > DECIMAL_FROM and (decimal := _decimal(abs(Fraction(value)))):
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
    fraction = over_the_line(printer, e, args)
    if fraction is not None:
        return fraction
    if factor.op.role != "number":
        needed = "unary" if factor.op.role == "product" else "product"
        left = c.left or printer.at(c, LEVELS[needed] if c.text[:1] != "-" else LEVELS["product"])
        return Piece(joined(printer, left, _factor(printer, e, a)), LEVELS["product"])
    if factor.data == -1 and _takes_sign(e.args[1]):
        return Piece(f"-{a.text}", LEVELS["hadamard"])
    whole = _multiple(printer, factor.data, _factor(printer, e, a), a)
    if e.args[1].op.role != "product" or not e.is_scalar:
        return whole
    closed = _multiple(printer, factor.data, printer.at(a, LEVELS["unary"]), a)
    return whole._replace(left=closed.text)


def _takes_sign(e: Expr) -> bool:
    """Whether `-A .* B` is read as `-(A .* B)`: a number comes out of an entrywise product."""
    first = e
    while first.op.role in ("hadamard", "entrywise quotient"):
        first = first.args[0]
    return first is not e and first.op.role != "quotient"


def _multiple(printer: Printer, value: Number, shown: str, a: Piece) -> Piece:
    sign, value = ("-", -value) if value < 0 else ("", value)
    if value.denominator != 1 and value.denominator <= DECIMAL_FROM:
        return _fraction(printer, sign, value, shown, a)
    if value != 1:
        shown = joined(printer, _rational(printer.style, value).text, shown)
    return Piece(sign + shown, LEVELS["product"])


def _factor(printer: Printer, e: Expr, piece: Piece) -> str:
    """Return the right factor of a multiple; another multiple there keeps its brackets."""
    closed = e.args[1].op.role == "scale" or piece.text[:1] == "-"
    return printer.at(piece, LEVELS["unary" if closed else "product"])


def _fraction(printer: Printer, sign: str, value: Number, shown: str, a: Piece) -> Piece:
    top, bottom = str(value.numerator), str(value.denominator)
    if printer.style.column == "latex":
        return Piece(f"{sign}{latex_fraction(top, bottom)} {shown}", LEVELS["product"])
    left = "" if top == "1" else top + printer.style.times
    return Piece(f"{sign}{left}{shown}/{bottom}", LEVELS["product"])


def _quotient(printer: Printer, e: Expr, args: list[Piece]) -> Piece:
    top, bottom = args
    if printer.style.column == "latex":
        sign = "-" if top.text[:1] == "-" and top.level > LEVELS["sum"] else ""
        return Piece(sign + latex_fraction(top.text[len(sign) :], bottom.text), LEVELS["product"])
    sign = "-" if top.text[:1] == "-" and top.level == LEVELS["hadamard"] else ""
    shown = sign + printer.at(top._replace(text=top.text[len(sign) :]), LEVELS["product"])
    return Piece(f"{shown}/{printer.at(bottom, LEVELS['unary'])}", LEVELS["product"])


def _power(printer: Printer, e: Expr, args: list[Piece]) -> Piece:
    """Print `x^k`, `A .^ k`; an exponent in LaTeX and Unicode is set as one."""
    base, exponent = args
    number = e.args[1].op.role == "number"
    fraction = number and e.args[1].data.denominator != 1
    fraction = fraction or (not number and e.args[0].has_every_power)
    if e.op.role == "fractional power" and not fraction:
        return printer.call(e, args)
    entrywise = e.op.role in ENTRYWISE_POWERS and e.shape != SCALAR
    shown = printer.at(base, LEVELS["postfix"])
    if printer.style.column == "latex":
        circle = "\\circ " if entrywise else ""
        raised = f"\\left({exponent.text}\\right)" if _TURNS.match(exponent.text) else exponent.text
        return Piece(f"{{{shown}}}^{{{circle}{raised}}}", LEVELS["power"])
    sign = " .^ " if entrywise else "^"
    negative = e.args[1].op.role == "number" and exponent.level >= LEVELS["unary"]
    level = LEVELS["postfix" if e.args[1].is_scalar else "atom"]  # `A .^ B'` is (A .^ B)'
    right = exponent.text if negative else printer.at(exponent, level)
    right = f"({right})" if right.strip("(-)") == "T" else right  # `^T` is the transpose
    return Piece(shown + sign + right, LEVELS["power"])


_TURNS = re.compile(r"-?[\d ]*T$")  # in LaTeX, what reads as a transpose in an exponent


def _superscript(printer: Printer, e: Expr, args: list[Piece]) -> Piece:
    """Print `X^{-1}`, `X^\\top`, and both at once as `X^{-\\top}`."""
    mark = e.op.column("superscript")
    if printer.style.column in ("text", "plain") or mark is None:
        return printer.template(e, args)
    mark = mark if printer.style.column == "latex" else _MARKS[mark]
    (inner,) = args
    if (inner.exponent, mark) in _MERGING:
        both = "-\\top" if printer.style.column == "latex" else "⁻ᵀ"
        return Piece(_raised(printer, inner.base, both), LEVELS["power"])
    base = printer.at(inner, LEVELS["postfix"])
    return Piece(_raised(printer, base, mark), LEVELS["power"], mark, base)


_MARKS = {"-1": "⁻¹", "\\top": "ᵀ", "+": "⁺"}
_MERGING = {("-1", "\\top"), ("⁻¹", "ᵀ")}


def _raised(printer: Printer, base: str, mark: str) -> str:
    return f"{base}^{{{mark}}}" if printer.style.column == "latex" else base + mark


def _sizes(printer: Printer, e: Expr, args: list[Piece]) -> Piece:
    """Print `ones(n, m)`, `zeros(n)`: a last size of 1 is left out."""
    sizes = e.data[:-1] if e.data[-1] == 1 else e.data
    if printer.style.column == "latex":
        sizes_text = " \\times ".join(printer.size(size) for size in sizes)
        sign = "".join(text for text, _, _ in parsed_template(e.op.column("latex")))
        return Piece(f"{sign}_{{{sizes_text}}}", LEVELS["atom"])
    return Piece(f"{e.op.name}({', '.join(str(size) for size in sizes)})", LEVELS["atom"])


def _identity(printer: Printer, e: Expr, args: list[Piece]) -> Piece:
    """Print `I` where the reader infers its size, else `eye(n)` or `I_{n}`."""
    short = e in printer.determined or e.data[0] == printer.default
    if printer.style.column == "pretty" or (short and "I" not in printer.names):
        return Piece("I", LEVELS["atom"])
    return printer.template(e, args)


def _bars(printer: Printer, e: Expr, args: list[Piece]) -> Piece:
    """Print `|x|` of a scalar: bars around a matrix are its determinant, double bars a norm."""
    doubled = e.args[0].op is e.op
    return printer.template(e, args) if e.is_scalar and not doubled else printer.call(e, args)


PRINTERS: dict[str, Callable[[Printer, Expr, list[Piece]], Piece]] = {
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
    "beside": beside,
    "above": above,
    "part": part,
    "bars": _bars,
}
