"""What stands behind `^` and `_` in LaTeX: marks, powers, sizes."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence

from symcalc.latex_lexer import Lexeme
from symcalc.latex_names import FONTS, base_name
from symcalc.latex_refused import SUPERSCRIPTS

MAX_MARK = 12
TRANSPOSED = re.compile(r"(-?)(\d*)(T|t|'+)")


def exponent(found: Sequence[Lexeme], declared: Collection[str]) -> tuple[str, str]:
    """Return what an exponent is: a transpose (of a power, or of none), the mark of a row,
    something refused, an entrywise power, or a power."""
    texts = [x.text for x in found[:MAX_MARK] if x.text not in FONTS and x.text not in ("{", "}")]
    if texts[:1] == [".*"]:
        return "entrywise", ""
    if len(found) > MAX_MARK:
        return "power", ""
    mark = TRANSPOSED.fullmatch("".join(texts))
    if mark and (mark[3] != "t" or "t" not in declared) and len(mark[3]) == 1:
        digits = mark[2] or ("1" if mark[1] else "")
        return "transpose", f"{mark[1]} {digits}".strip()
    first = texts[0] if texts else ""
    if first == "(" and "T" in texts:
        return "power", ""
    if first in SUPERSCRIPTS and first not in declared and (len(texts) == 1 or first in "(["):
        return "refused", first
    if texts == ["+"]:
        return "mark", first
    return "power", ""


def size_texts(found: Sequence[Lexeme], resolve: Callable[[str], str]) -> list[str] | None:
    """Return the sizes `n \\times m` or `n, m` of a subscript as text; None if they are none."""
    sizes, place = [""], 0
    while place < len(found):
        lexeme, name = found[place], base_name(found, place) if found[place].text != "{" else None
        place = name.end if name else place + 1
        if lexeme.text in ("×", ","):
            sizes.append("")
        elif name or lexeme.kind == "number":
            text, place = _with_index(found, place, name.text if name else lexeme.text)
            star = "*" if re.search(r"\w$", sizes[-1]) else ""
            sizes[-1] += star + (resolve(text) if name else text)
        elif lexeme.text in ("+", "-", "*", "·", "/"):
            sizes[-1] += "*" if lexeme.text == "·" else lexeme.text
        elif lexeme.text not in ("{", "}"):
            return None
    return sizes if all(re.fullmatch(r"\w+([-*/+]\w+)*", size) for size in sizes) else None


def _with_index(found: Sequence[Lexeme], place: int, text: str) -> tuple[str, int]:
    """Join a size such as `n_1` with its index."""
    if place + 1 >= len(found) or found[place].text != "_":
        return text, place
    place += 1
    braced = found[place].text == "{"
    index = found[place + braced].text
    return f"{text}_{index}", place + 1 + 2 * braced
