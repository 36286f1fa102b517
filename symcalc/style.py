"""How a formula is printed: binding strengths, spellings, and the templates of the rows.

A template names the least binding strength that each slot needs (`{A:product}*{B:unary}`); an
argument that binds less gets brackets. Precedence and associativity are this data.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import NamedTuple

from symcalc.letters import latex_names, pretty_name

LEVELS = {
    "open": 0, "sum": 10, "term": 15, "hadamard": 19, "product": 20, "unary": 30, "power": 40,
    "postfix": 45, "atom": 60,
}  # fmt: skip


class Style(NamedTuple):
    """A way to print: the column of the templates and the spelling of the punctuation."""

    column: str
    times: str
    brackets: tuple[str, str]
    fraction: Callable[[str, str], str]
    names: Callable[[Iterable[str]], dict[str, str]]


class Piece(NamedTuple):
    """A printed subexpression: how strongly it binds, the exponent it ends with and what bears it,
    how it reads as the left factor of a longer product, if that differs, and of a fraction what
    stands above and below the line, where another factor can go there."""

    text: str
    level: int
    exponent: str = ""
    base: str = ""
    left: str = ""
    over: tuple[str, str] | None = None


_PARTS = re.compile(r"\{\{|\}\}|\{(?P<slot>[^{}:]*)(?::(?P<level>[^{}:]*))?\}|[^{}]+|[{}]")


def template_parts(source: str) -> list[tuple[str, str | None, str]]:
    """Split a template into literals (doubled brackets kept) and slots with their least level."""
    return [
        (match.group(), match["slot"], match["level"] or "open")
        for match in _PARTS.finditer(source)
    ]


@cache
def parsed_template(source: str) -> tuple[tuple[str, str | None, int], ...]:
    """Return the parts of a template with single brackets and levels as numbers."""
    parts = template_parts(source)
    single = {"{{": "{", "}}": "}"}
    return tuple((single.get(text, text), slot, LEVELS[level]) for text, slot, level in parts)


@cache
def template_head(source: str) -> str:
    """Return the name that a template begins with: `sigma` of `\\sigma\\left({A}\\right)`."""
    found = re.match(r"\\?([A-Za-z]+)(?:_\{\{\\(\w+)\}\})?", source)
    return "_".join(part for part in found.groups() if part) if found else ""


def latex_fraction(top: str, bottom: str) -> str:
    """Return a fraction in LaTeX."""
    return f"\\frac{{{top}}}{{{bottom}}}"


def _inline_fraction(top: str, bottom: str) -> str:
    return f"{top}/{bottom}"


def _plain_names(names: Iterable[str]) -> dict[str, str]:
    return {name: name for name in names}


def _pretty_names(names: Iterable[str]) -> dict[str, str]:
    return {name: pretty_name(name) for name in names}


TEXT = Style("text", "*", ("(", ")"), _inline_fraction, _plain_names)
PLAIN = Style("plain", "*", ("(", ")"), _inline_fraction, _plain_names)
PRETTY = Style("pretty", "·", ("(", ")"), _inline_fraction, _pretty_names)
LATEX = Style("latex", " ", ("\\left(", "\\right)"), latex_fraction, latex_names)
