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
    re.compile(r"[a-z]=(?P<lower>\d+),(?P<relation>[a-z]≠[a-z])"),
    re.compile(r"(?P<from>(?P<letters>[a-z])=[a-z])(?P<behind>\+1)?"),
]
INDEX_LIST = re.compile(  # what stands below a name: `i`, `ij`, `i,j+1`, `:,j`
    r"[a-z](?:[+-]\d+)?(?:,?[a-z](?:[+-]\d+)?){,2}|:,?[a-z]|[a-z],?:"
)
OVER = {"\\sum": "sum", "\\prod": "prod", "∑": "sum", "∏": "prod"}
UNREAD = (
    "below `{}` stands an index, as `i`, `i,j`, `i=1` or `i<j`, above it the last place; a sum "
    "over a set is one with factors 0 and 1"
)
SIGNS = {
    "\\le": "≤", "\\leq": "≤", "<=": "≤", "\\in": "∈", "\\ell": "l", "\\ne": "≠", "\\neq": "≠",
    "\\lt": "<", "\\gt": ">", "\\ge": "≥", "\\geq": "≥", "\\leqslant": "≤", "\\geqslant": "≥",
}  # fmt: skip


class Over(NamedTuple):
    """What a sum runs over: the operation, the indices, from where to where (nothing where that is
    not said), and how two indices are related (`i<j`)."""

    op: str
    letters: str
    lower: str
    upper: str
    relation: str

    @classmethod
    def of(cls, text: str) -> Over:
        """Return what the text of a token says."""
        return cls(*text.split("|"))


def over_indices(op: str, below: list[str], above: list[str]) -> str:
    """Return what a sum runs over as the text of a token; nothing where `below` and `above` the
    sign stands something else than a range of numbers.

    >>> over_indices("sum", ["i", "=", "1"], ["n"])
    'sum|i|1|n|'
    >>> over_indices("sum", ["i", "<", "j"], [])
    'sum|ij|||i<j'
    >>> over_indices("sum", ["j", "=", "i", "+", "1"], ["n"])
    'sum|j||n|j>i'
    """
    text = "".join(SIGNS.get(piece, piece) for piece in below if piece not in ("{", "}"))
    match = next(filter(None, (pattern.fullmatch(text) for pattern in RANGES)), None)
    end = "".join(piece for piece in above if piece not in ("{", "}"))
    if match is None or not re.fullmatch(r"(\w+([-+]\d+)?)?", end):
        return ""
    found = match.groupdict()
    sign = ">" if found.get("behind") else "≥"
    relation = found.get("relation") or (found.get("from") or "").replace("=", sign)
    letters = re.sub(r"\W", "", found.get("letters") or relation)
    return "|".join([op, letters, found.get("lower") or "", found.get("upper") or end, relation])
