"""What stands below and above a sum: `\\sum_{i=1}^n`, `\\sum_{i,j}`, `\\sum_{i<j}`, `sum_i`."""

from __future__ import annotations

import re
from typing import NamedTuple

LETTERS = r"(?P<letters>[a-z](?:,?[a-z])*)"
PAIR = r"(?P<relation>[a-z][<>≤≥≠][a-z])"
UPPER = r"(?P<upper>\w+(?:[-+]\d+)?)"
RANGES = [
    re.compile(rf"(?:{LETTERS}|{PAIR})(?:=(?P<lower>\d+))?"),
    re.compile(rf"(?P<lower>\d+)≤(?:{LETTERS}|{PAIR})≤{UPPER}"),
    re.compile(rf"{LETTERS}∈\[{UPPER}\]"),
    re.compile(r"(?P<behind>(?P<letters>[a-z])=[a-z])\+1"),
]
OVER = {"\\sum": "sum", "\\prod": "prod", "∑": "sum", "∏": "prod"}
UNREAD = (
    "below `{}` stands an index, as `i`, `i,j`, `i=1` or `i<j`, above it the last place; a sum "
    "over a set is one with factors 0 and 1"
)
SIGNS = {
    "\\le": "≤", "\\leq": "≤", "<=": "≤", "\\in": "∈", "\\ell": "l", "\\ne": "≠", "\\neq": "≠",
    "\\lt": "<", "\\gt": ">", "\\ge": "≥", "\\geq": "≥",
}  # fmt: skip


class Over(NamedTuple):
    """What a sum runs over: the operation, the indices, how many places are left out in front,
    behind which place it ends, and how two indices are related (`i<j`)."""

    op: str
    letters: str
    start: str
    end: str
    relation: str


def over_indices(op: str, below: list[str], above: list[str]) -> str:
    """Return what a sum runs over as the text of a token; nothing where `below` and `above` the
    sign stands something else than a range of numbers.

    >>> over_indices("sum", ["i", "=", "1"], ["n"])
    'sum|i|0|n|'
    >>> over_indices("sum", ["i", "<", "j"], [])
    'sum|ij|0||i<j'
    >>> over_indices("sum", ["j", "=", "i", "+", "1"], ["n"])
    'sum|j|0|n|j>i'
    >>> over_indices("sum", ["t", "=", "0"], ["n", "-", "1"])
    'sum|t|0|n-1+1|'
    """
    text = "".join(SIGNS.get(piece, piece) for piece in below if piece not in ("{", "}"))
    match = next(filter(None, (pattern.fullmatch(text) for pattern in RANGES)), None)
    end = "".join(piece for piece in above if piece not in ("{", "}"))
    if match is None or not re.fullmatch(r"(\w+([-+]\d+)?)?", end):
        return ""
    found = match.groupdict()
    end = found.get("upper") or end
    start = int(found.get("lower") or 1)
    relation = found.get("relation") or (found.get("behind") or "").replace("=", ">")
    letters = re.sub(r"\W", "", found.get("letters") or relation)
    end = f"{end}+1" if end and not start else end
    return "|".join([op, letters, str(max(start - 1, 0)), end, relation])
