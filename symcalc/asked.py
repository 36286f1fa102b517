"""What stands in front of a function and says what is to be done with it: `d/dX`, `\\nabla_x`,
`gradient of ... with respect to x`, `min_x`, or what it is of: `x \\mapsto`. It is no part of the
formula, and is left out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from re import Match

from symcalc.errors import ParseError, caret
from symcalc.letters import latex_name

OPENS = r"\s*(?:\$\$?|\\\[|\\\()?\s*"
FONT = r"\\(?:mathbf|boldsymbol|bm|vec|mathrm|bf)"
NAME = rf"(?:{FONT}\s*\{{\s*\\?\w+\s*\}}|{FONT}\s+\w|\\[A-Za-z]+|[^\W\d_][₀-₉\d]*)"
D = r"(?:∂|\\partial|\\mathrm\s*\{d\}|\\mathrm\s+d|d)"
SUBSCRIPT = rf"(?:_\s*\{{\s*(?P<v>{NAME})\s*\}}|_\s*(?P<w>{NAME})|(?P<u>[ₐₑₒₓ]))?"
IN_FRONT = [
    re.compile(rf"{OPENS}(?P<asked>(?:∇|\\nabla){SUBSCRIPT})"),
    re.compile(
        rf"{OPENS}(?P<asked>\\[dt]?frac\s*\{{\s*{D}\s*\}}\s*\{{\s*{D}\s*(?P<v>{NAME})\s*\}})"
    ),
    re.compile(rf"{OPENS}(?P<asked>{D}\s*/\s*{D}\s*(?P<v>{NAME}))(?!\w)"),
]
AROUND = [
    re.compile(
        rf"{OPENS}(?P<asked>\\[dt]?frac\s*\{{\s*{D}(?![A-Za-z]))(?P<function>.*)"
        rf"(?P<behind>\}}\s*\{{\s*{D}\s*(?P<v>{NAME})\s*\}})\s*(?:\$\$?|\\\]|\\\))?\s*",
        re.DOTALL,
    ),
    re.compile(
        r"\s*(?P<asked>(?:the\s+)?(?:derivative|gradient)\s+of\s)(?P<function>.*)"
        rf"(?P<behind>\s(?:with respect to|wrt|w\.r\.t\.?|by)\s+(?P<v>{NAME}))\s*",
        re.DOTALL | re.IGNORECASE,
    ),
]
NAMES = rf"{NAME}(?:\s*,\s*{NAME})*"
MAP = re.compile(
    rf"{OPENS}(?P<asked>(?:\w+\s*(?:=|:|\\colon(?![A-Za-z]))\s*)?(?:@\s*\(\s*{NAMES}\s*\)"
    rf"|(?:{NAMES}|\(\s*{NAMES}\s*\))\s*(?:\\(?:long)?mapsto(?![A-Za-z])|↦|->)))"
)
EXTREMUM = r"(?:arg\s*(?:\\,|\\)?\s*)?(?:min|max)(?:imi[sz]e)?"
WORD = rf"(?:\\(?:operatorname\*?|text|mathrm|mathop)\s*\{{\s*)?\\?{EXTREMUM}(?:\s*\}})?"
LIST = r"[^{}]*(?:\{[^{}]*\}[^{}]*)*"
OBJECTIVES = [
    re.compile(rf"{OPENS}(?P<asked>\\underset\s*\{{(?P<below>{LIST})\}}\s*\{{\s*{WORD}\s*\}})"),
    re.compile(rf"{OPENS}(?P<asked>{WORD}\s*(?:\\limits)?\s*_\s*\{{(?P<below>{LIST})\}})"),
    re.compile(rf"{OPENS}(?P<asked>{WORD}_(?P<below>[^\W_]+))(?=[\s\\|‖(])"),
    re.compile(
        rf"{OPENS}(?P<asked>(?:\\text\s*\{{)?\\?{EXTREMUM}(?:\s*\}})?)(?=\s*[|‖]|\s*\\\||\s+)"
    ),
]
CONSTRAINT = re.compile(r"s\.\s?t\.|subject\s+to")
PIECE = re.compile(r"\\[lr][vV]ert|\\\||\|\||‖|\||[()\[\]{}]|[=+−-]")
BARS = ("\\|", "||", "‖", "|")


def function_alone(text: str, variable: str) -> tuple[str, str]:
    """Return a formula with spaces for what is asked of it, and what is said about that.

    Raises `ParseError` where the derivative by another variable is asked for, or of a part.

    >>> function_alone("d/dX tr(A*X)", "X")[0]
    '     tr(A*X)'
    >>> function_alone("min_x ||A*x - b||^2", "x")[0]
    '      ||A*x - b||^2'
    """
    if (constraint := CONSTRAINT.search(text)) is not None:
        message = "a constraint is not read: write the function alone, and declare what is known"
        raise ParseError(caret(text, constraint.start(), f"{message}, `orthonormal matrix(n, k)`"))
    for match in filter(None, (pattern.match(text) for pattern in IN_FRONT)):
        return _in_front(text, match, variable)
    for match in filter(None, (pattern.fullmatch(text) for pattern in AROUND)):
        if _is_closed(match["function"]):
            _check(text, match, variable)
            return _blank(text, match, "asked", "behind"), _note(match["asked"].strip(), "…")
    if (map_ := MAP.match(text)) is not None:
        return _blank(text, map_, "asked"), _note(map_["asked"].strip())
    return _objective(text)


def _in_front(text: str, match: Match[str], variable: str) -> tuple[str, str]:
    signs = {sign for sign, _ in _outside(text[match.end("asked") :])}
    if "=" in signs:
        return text, ""
    _check(text, match, variable)
    if signs:
        message = "does the derivative take the whole sum? write the function alone"
        raise ParseError(caret(text, match.start("asked"), message))
    return _blank(text, match, "asked"), _note(match["asked"].strip())


def _objective(text: str) -> tuple[str, str]:
    """Leave out `min_x`, where x is no index: it stands elsewhere than below."""
    for match in filter(None, (pattern.match(text) for pattern in OBJECTIVES)):
        below = match.groupdict().get("below") or ""
        rest = text[match.end("asked") :]
        if below and not _stands_in(below, rest):
            return text, ""
        plain = "imi" not in match["asked"] and "arg" not in match["asked"] and not below
        if not (plain and re.fullmatch(r"\s*\w*\s*|\s*\\left\b.*|\s*\\?[({\[].*", rest, re.DOTALL)):
            return _blank(text, match, "asked"), _note(match["asked"].strip())
    return text, ""


def _stands_in(below: str, rest: str) -> bool:
    """Whether the first name of a list below `min` stands in the function, and not as an index."""
    name = re.match(rf"\s*({NAME})", below)
    if name is None:
        return False
    plain = re.sub(r"_\s*(?:\{[^{}]*\}|\w)|\^\s*\{\([a-z]\)\}", "", rest)
    bare = re.sub(rf"{FONT}|[{{}}\s]", "", name[1])
    return bare in (plain if bare.startswith("\\") else re.sub(r"\\[A-Za-z]+", "", plain))


def _check(text: str, match: Match[str], variable: str) -> None:
    """Raise `ParseError` where the derivative by another variable is asked for."""
    found = [match.groupdict().get(group) for group in "vwu"]
    asked = next(filter(None, found), "")
    name = unicodedata.normalize("NFKC", re.sub(rf"{FONT}|[{{}}\\\s]", "", asked))
    if name and latex_name(name) != latex_name(variable):
        message = f"this asks for the derivative by `{name}`, and the variable is `{variable}`"
        raise ParseError(caret(text, match.start("asked"), f"{message}: write the function alone"))


def _blank(text: str, match: Match[str], *groups: str) -> str:
    for group in groups:
        start, end = match.span(group)
        text = text[:start] + " " * (end - start) + text[end:]
    return text


def _note(asked: str, behind: str = "") -> str:
    return f"`{asked}{behind}` says what is wanted of the function: it is no part of it"


def _outside(text: str) -> Iterator[tuple[str, int]]:
    """Yield the signs `=`, `+`, `-` outside of all brackets and bars, but for a leading one."""
    opened: list[str] = []
    for match in PIECE.finditer(text):
        sign = match[0]
        if sign in BARS:
            opened.pop() if opened and opened[-1] == sign else opened.append(sign)
        elif sign in "([{" or sign[:2] == "\\l":
            opened.append(sign)
        elif sign in ")]}" or sign[:2] == "\\r":
            opened = opened[:-1]
        elif not opened and text[: match.start()].strip(" \\,;:!$"):
            yield sign, match.start()


def _is_closed(text: str) -> bool:
    """Whether braces are closed in a text, and none that is not opened there."""
    depth = 0
    for sign in text:
        depth += (sign == "{") - (sign == "}")
        if depth < 0:
            return False
    return not depth
