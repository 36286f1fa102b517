"""How to read what the rows print: the LaTeX column of every row, turned around.

`\\sigma\\left({A}\\right)` makes `\\sigma(` a call of that row, `K_{{{m},{n}}}` a letter that takes
sizes, `\\psi^{{({k})}}\\left({A}\\right)` a pattern of several parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache

from symcalc.latex_lexer import Lexeme, lexemes
from symcalc.latex_names import ACCENT_COMMANDS, FONTS, base_name, index_name
from symcalc.op import Op
from symcalc.style import parsed_template

STRUCTURE = frozenset([*FONTS, *ACCENT_COMMANDS, "\\sqrt"])
PUNCTUATION = ("|", "||", "\\sqrt", "\\frac")  # read as such, whatever the row


@dataclass(frozen=True)
class Pattern:
    """LaTeX of several parts: its head, and what stands behind each argument."""

    call: str
    head: tuple[str, ...]
    ends: tuple[tuple[str, ...], ...]


@dataclass
class Phrasebook:
    """What the rows print: heads of calls, pairs of heads, patterns, letters with sizes, marks."""

    heads: dict[str, str] = field(default_factory=dict)
    pairs: dict[tuple[str, str], str] = field(default_factory=dict)
    patterns: list[Pattern] = field(default_factory=list)
    sized: dict[str, Op] = field(default_factory=dict)
    digits: dict[str, str] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)


@lru_cache(8)
def phrasebook(ops: tuple[Op, ...]) -> Phrasebook:
    """Return how the rows are read."""
    book = Phrasebook()
    for op in ops:
        if op.column("show") == "superscript":
            book.marks[op.column("superscript")] = op.name
        elif op.column("latex"):
            _add(book, op, _parts(op.column("latex")))
    return book


@cache
def _parts(source: str) -> tuple[tuple[Lexeme, ...], ...]:
    """Return the literals of a template, cut: before, between and behind its slots."""
    texts = [""]
    for literal, slot, _ in parsed_template(source):
        texts += [""] if slot is not None else []
        texts[-1] += literal if slot is None else ""
    return tuple(tuple(lexemes(text, lambda run: False)) for text in texts)


def _add(book: Phrasebook, op: Op, parts: tuple[tuple[Lexeme, ...], ...]) -> None:
    head = parts[0]
    call = op.call or op.name
    if not head or head[0].text in PUNCTUATION:
        return
    if op.dims and not op.slots:
        digit = [lexeme.text for lexeme in head if lexeme.kind == "number"]
        book.digits |= dict.fromkeys(digit, op.name)
        book.sized |= {} if digit else {head[0].text: op}
        return
    names = _head_names(head)
    if names is None or any(not _plain(part) for part in parts[1:]):
        ends = tuple(tuple(lexeme.text for lexeme in part) for part in parts[1:])
        if op.slots:
            book.patterns.append(Pattern(op.name, tuple(x.text for x in head), ends))
    elif len(names) == 1:
        book.heads[names[0]] = call
    else:
        book.pairs[names[0], names[1]] = call


def _head_names(head: tuple[Lexeme, ...]) -> list[str] | None:
    """Return the one or two names in front of `(`, or None where something else stands."""
    names, place = [], 0
    while place < len(head) - 1:
        name = head_name(head, place)
        if name is None:
            return None
        names.append(name[0])
        place = name[1]
    return names if head[-1].text == "(" and 1 <= len(names) <= 2 else None


def head_name(found: Sequence[Lexeme], place: int) -> tuple[str, int] | None:
    """Read `\\log`, `\\operatorname{tr}` or `\\lambda_{\\max}` as the name of a function."""
    base = base_name(found, place)
    if base is None and place < len(found) and found[place].kind == "command":
        if found[place].text in STRUCTURE:
            return None
        text, end = found[place].text[1:], place + 1
    elif base is not None:
        text, end = base.text, base.end
    else:
        return None
    if end < len(found) and found[end].text == "_":
        stop = end + 2
        while stop <= len(found) and found[end + 1].text == "{" and found[stop - 1].text != "}":
            stop += 1
        if stop > len(found):
            return None
        text, end = f"{text}_{index_name(found[end + 1 : stop])}", stop
    return text, end


def _plain(part: tuple[Lexeme, ...]) -> bool:
    """Whether a literal behind a slot is what closes or separates the arguments of a call."""
    return all(lexeme.text in (",", ")") or lexeme.kind == "number" for lexeme in part)
