"""Groups in LaTeX that are no brackets, as they are printed: `\\mathbf{AX}^{-1}` is A X^{-1}.

A font of several letters is one of each, and a script behind it belongs to the last; the braces
of `{\\|x\\|}_2` are left out, `{a \\over b}` is a fraction, `\\langle x \\mid y\\rangle` a pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from symcalc.latex_lexer import Lexeme
from symcalc.latex_names import FONTS, base_name, greek_name

SWITCHES = ("\\bf", "\\cal", "\\sf", "\\bb", "\\rm", "\\it")
SCRIPTS = ("_", "^")
DIGITS = ("0", "1")


def regrouped(found: Sequence[Lexeme]) -> list[Lexeme]:
    """Return the lexemes of a formula with groups that mean what is printed."""
    texts = {lexeme.text for lexeme in found}
    if not texts.isdisjoint(("||", "\\over", "<")):
        found = _replaced(found, {**_bare_norms(found), **_fractions(found), **_pairs(found)})
    return list(found) if texts.isdisjoint(FONTS) else spread(found, partners(found))


def _replaced(found: Sequence[Lexeme], by: dict[int, str]) -> list[Lexeme]:
    """Return the lexemes with others at some places, given by their texts."""
    return [
        replace(lexeme, text=text, kind="command" if text[:1] == "\\" else "sign")
        if place in by
        else lexeme
        for place, lexeme in enumerate(found)
        for text in (by[place].split() if place in by else [""])
    ]


def _bare_norms(found: Sequence[Lexeme]) -> dict[int, str]:
    """Leave out the braces around a norm in front of a subscript, `{\\|x\\|}_2`."""
    inner = {
        opened: closed
        for opened, closed in partners(found).items()
        if found[opened + 1].text == found[closed - 1].text == "||"
        and [x.text for x in found[closed + 1 : closed + 2]] == ["_"]
    }
    return dict.fromkeys((*inner, *inner.values()), "")


def _fractions(found: Sequence[Lexeme]) -> dict[int, str]:
    """Write `{a \\over b}` as `\\frac{a}{b}`."""
    made: dict[int, str] = {}
    groups = sorted(partners(found).items(), key=lambda ends: ends[1] - ends[0])
    for place, lexeme in enumerate(found):
        around = [ends for ends in groups if ends[0] < place < ends[1]]
        if lexeme.text == "\\over" and around:
            made |= {around[0][0]: "\\frac {", place: "} {"}
    return made


def _pairs(found: Sequence[Lexeme]) -> dict[int, str]:
    """Write `\\langle x \\mid y\\rangle` with a comma."""
    made: dict[int, str] = {}
    opened = -1
    for place, lexeme in enumerate(found):
        if lexeme.text == "<":
            opened = place
        elif lexeme.text == ">" and opened >= 0:
            inside = range(opened + 1, place)
            bars = [k for k in inside if found[k].text == "|"]
            made |= {bars[0]: ","} if len(bars) == 1 else {}
            opened = -1
    return made


def spread(found: Sequence[Lexeme], partner: dict[int, int]) -> list[Lexeme]:
    """Return the lexemes with the font of a group at each of its letters, and without the braces.
    `partner` says where the brace at a place is closed."""
    fonts: dict[int, Lexeme] = {}  # the font of a letter, by its place
    gone: set[int] = set()
    for place, lexeme in enumerate(found):
        if lexeme.text in FONTS and (ends := _group(found, place, partner)):
            gone |= {place} if _is_argument(found, place, ends[1]) else {place, *ends}
            fonts |= dict.fromkeys(_letters(found, range(*ends), partner), lexeme)
    if not gone:
        return list(found)
    kept = [place for place in range(len(found)) if place not in gone]
    return [x for p in kept for x in (fonts.get(p), found[p]) if x is not None]


def partners(found: Sequence[Lexeme]) -> dict[int, int]:
    """Return the place of the brace that closes the one at each place."""
    closed, opened = {}, []
    for place, lexeme in enumerate(found):
        if lexeme.text == "{":
            opened.append(place)
        elif lexeme.text == "}" and opened:
            closed[opened.pop()] = place
    return closed


def _group(
    found: Sequence[Lexeme], place: int, partner: dict[int, int]
) -> tuple[int, int] | tuple[()]:
    """Return the braces of several letters in the font at a place: behind it, or around it and in
    front of a script. None below or above a letter."""
    opened = place - 1 if found[place].text in SWITCHES else place + 1
    closed = partner.get(opened, 0)
    before = found[min(opened, place) - 1].text if min(opened, place) > 0 else ""
    if not closed or before in SCRIPTS:
        return ()
    behind = found[closed + 1].text if closed + 1 < len(found) else ""
    if opened < place and (behind not in SCRIPTS or before in ("}", "{") or before[:1] == "\\"):
        return ()
    name = base_name(found, min(opened, place))
    return () if name and name.end == closed + 1 else (opened, closed)


def _is_argument(found: Sequence[Lexeme], place: int, closed: int) -> bool:
    """Whether the letters are what a function in front is of: `\\det\\mathbf{AB}`."""
    behind = found[closed + 1].text if closed + 1 < len(found) else ""
    return place > 0 and found[place - 1].kind in ("command", "word") and behind not in SCRIPTS


def _letters(found: Sequence[Lexeme], places: range, partner: dict[int, int]) -> list[int]:
    """Return the places of the letters and of digits that may be a vector, but for scripts."""
    letters, place = [], places.start
    while place < places.stop:
        lexeme = found[place]
        if lexeme.text in SCRIPTS:
            place = partner.get(place + 1, place + 1)
        elif lexeme.kind in ("letter", "word") or lexeme.text in DIGITS or greek_name(lexeme):
            letters.append(place)
        place += 1
    return letters
