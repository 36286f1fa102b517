"""What the parser takes and gives: a source of tokens, and instructions in postfix order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from symcalc.tokens import Token


@dataclass(slots=True)
class Item:
    """One instruction: push a number or a name, or apply something to the last `count` values."""

    kind: str
    value: Any
    at: int
    count: int = 0
    marks: str = ""  # the commas and semicolons of a block matrix


@dataclass(slots=True)
class Pending:
    """An operator or bracket waiting on the stack; `level` 0 is a bracket."""

    item: Item
    level: int


LEAVES = ("name", "number", "axis", "size", "literal")


def arity(item: Item, waiting: int) -> int:
    """Return how many of the values that wait an instruction takes."""
    return 0 if item.kind in LEAVES else min(item.count or 1, waiting)


class Source(Protocol):
    """Tokens, which names are called with brackets, and how far a function without them reaches."""

    tokens: list[Token]
    latex: bool

    def is_function(self, name: str) -> bool: ...
    def reach(self, name: str) -> int: ...
