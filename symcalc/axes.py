"""Axes as languages count them: MATLAB and Julia from 1, and PyTorch gives the places beside the
largest entries. What is read here is array code in the tokens of the language.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace

from symcalc.calls import ALONG
from symcalc.errors import ParseError, caret
from symcalc.tokens import Token

OPENING, CLOSING = ("(", "["), (")", "]")
TORCH = ("torch.", "nn.", "F.")
EXTREMA = frozenset({"max", "min"})
MAPPED = frozenset("sum mean prod maximum minimum".split())  # `sum(abs2, x)`, Julia
FROM_ONE = "axes are counted from 1, as in MATLAB and Julia"
COUNTED = {"1": "0", "2": "1"}


def call_names(tokens: Sequence[Token]) -> list[str]:
    """Return for each token the name whose bracket it stands in, nothing outside of a call; an
    opening bracket stands in its own call, a closing one too."""
    found: list[str] = []
    opened: list[str] = []
    for place, token in enumerate(tokens):
        if token.text in OPENING:
            before = tokens[place - 1] if place else token
            opened.append(before.text if token.text == "(" and before.kind == "name" else "")
        found.append(opened[-1] if opened else "")
        if token.text in CLOSING and opened:
            opened.pop()
    return found


def is_torch(tokens: Sequence[Token], text: str) -> bool:
    """Whether array code is PyTorch's: by its modules, or by an axis called `dim`."""
    return "dim=" in text.replace(" ", "") or any(
        token.kind == "module" and token.text.startswith(TORCH) for token in tokens
    )


def values_alone(tokens: list[Token], text: str) -> list[Token]:
    """Take `[0]` and `.values` away behind `X.max(dim=1)` of PyTorch, which gives a pair.

    Raises `ParseError` where it may as well be NumPy's, and the first entry."""
    marks = [k for k, token in enumerate(tokens) if _is_pair(tokens, k)]
    dropped: set[int] = set()
    for k in marks:
        names = [token.text for token in tokens[k + 1 : k + 4]]
        if names[:2] == [".", "values"]:
            dropped |= {k + 1, k + 2}
        elif names == ["[", "0", "]"] and is_torch(tokens, text):
            dropped |= {k + 1, k + 2, k + 3}
        elif names == ["[", "0", "]"] and "np." not in text and "axis" not in text:
            message = "`[0]` is the values in PyTorch, the first of them in NumPy: write amax(X, 1)"
            raise ParseError(caret(text, tokens[k + 1].at, message))
    return [token for k, token in enumerate(tokens) if k not in dropped]


def _is_pair(tokens: Sequence[Token], place: int) -> bool:
    """Whether the largest or smallest entries along an axis end at a place."""
    token = tokens[place]
    if token.kind == "applied":
        name, _, axis = token.text.partition(" ")
        return name in EXTREMA and bool(axis)
    if token.text != ")":
        return False
    opened = opening(tokens, place)
    inside = tokens[opened + 1 : place]
    named = opened > 0 and tokens[opened - 1].text in EXTREMA
    return named and any(token.text == "," for token in inside)


def opening(tokens: Sequence[Token], place: int) -> int:
    """Return the place of the bracket that the one at a place closes; 0 where there is none."""
    depth = 0
    while place >= 0:
        depth += (tokens[place].text in CLOSING) - (tokens[place].text in OPENING)
        if not depth:
            return place
        place -= 1
    return 0


def from_one(
    tokens: list[Token], text: str, is_literal: Callable[[str, str], bool], libraries: bool
) -> list[Token]:
    """Count axes from 0 where they are counted from 1: beside `dims=1`, `max(X, [], 2)`, or an axis
    2; a sum over the first of them is a row. Raises `ParseError` for an axis 0 beside them."""
    found = list(_axes(tokens, is_literal))
    certain = [start < place - 1 or text_of == "2" for start, place, text_of in found]
    if not any(certain) or (libraries and not _has_dims(tokens)):
        return tokens
    made = list(tokens)
    for start, place, count in reversed(found):
        if count not in COUNTED:
            raise ParseError(caret(text, tokens[place].at, f"`{count}` is no axis: {FROM_ONE}"))
        axis = replace(tokens[place], kind="axis", text=COUNTED[count])
        turned = [replace(tokens[place + 1], text="'")] if count == "1" else []
        made[start : place + 2] = [tokens[start], axis, tokens[place + 1], *turned]
    return made


def _has_dims(tokens: Sequence[Token]) -> bool:
    return any(token.text == "dims" for token in tokens)


def _axes(
    tokens: Sequence[Token], is_literal: Callable[[str, str], bool]
) -> Iterator[tuple[int, int, str]]:
    """Return the axes that are numbers: the comma in front, the number and its text."""
    names = call_names(tokens)
    for place, token in enumerate(tokens[:-1]):
        before = [t.text for t in tokens[max(place - 4, 0) : place]]
        if token.kind != "number" or tokens[place + 1].text != ")" or not names[place]:
            continue
        name = ALONG.get(names[place], names[place])
        if not is_literal(name, "0"):
            continue
        if before[-4:] == [",", "[", "]", ","]:
            yield place - 4, place, token.text
        elif before[-3:] == [",", "dims", "="]:
            yield place - 3, place, token.text
        elif before[-1:] == [","] and name == names[place] and not is_literal(name, "2"):
            yield place - 1, place, token.text


def mapped(
    tokens: list[Token], is_function: Callable[[str], bool], declared: Collection[str]
) -> list[Token]:
    """Write Julia's `sum(abs2, x)` as `sum(abs2(x))`."""
    made: list[Token] = []
    depths: list[int] = []  # of the brackets that were put around an argument
    depth = 0
    for k, token in enumerate(tokens):
        words = [t.text for t in tokens[max(k - 3, 0) : k]]
        depth += token.text in OPENING
        if depths and depth == depths[-1] and token.text in (",", ")"):
            made.append(replace(token, text=")"))
            depths.pop()
        called = len(words) == 3 and words[0] in MAPPED and words[1] == "("
        if token.text == "," and called and words[2] not in declared and is_function(words[2]):
            made.append(replace(token, text="("))
            depths.append(depth)
        else:
            made.append(token)
        depth -= token.text in CLOSING
    return made
