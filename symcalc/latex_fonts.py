"""A font of several letters in LaTeX is one of each: a script behind it belongs to the last letter.

`\\mathbf{AX}^{-1}` is printed as A X^{-1}, and so it is read; `\\mathbf{X}`, a single name, stays.
"""

from __future__ import annotations

from collections.abc import Sequence

from symcalc.latex_lexer import Lexeme
from symcalc.latex_names import FONTS, base_name, greek_name

SWITCHES = ("\\bf", "\\cal", "\\sf", "\\bb", "\\rm", "\\it")
SCRIPTS = ("_", "^")
DIGITS = ("0", "1")


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
