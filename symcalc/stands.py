"""Where a name stands tells whether it is a vector: `x_i` transposed, in a norm, behind a matrix,
or added to a vector. Nothing is known of its size yet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from symcalc.postfix import Item, arity

NUMBER, VECTOR, ROW, MATRIX, OPEN = "number", "vector", "row", "matrix", ""
LIKELY = "likely"  # a letter that is a vector unless it must be a number
UNDECIDED = (OPEN, LIKELY)
SHAPED = (VECTOR, ROW, MATRIX)


class Part(NamedTuple):
    """What a part of the formula is; where that is open, the names that decide it."""

    kind: str
    names: frozenset[str] = frozenset()


PLAIN = Part(NUMBER)


class Stands:
    """One pass over a formula; `kind_of` says what a name is by itself, `kind_of_call` what a
    function gives (open: what its argument is). `vectors` are the names that must be vectors."""

    def __init__(self, kind_of: Callable[[str], str], kind_of_call: Callable[[str], str]) -> None:
        self.kind_of = kind_of
        self.kind_of_call = kind_of_call
        self.vectors: set[str] = set()

    def read(self, items: Sequence[Item]) -> set[str]:
        """Return the names that must be vectors."""
        stack: list[Part] = []
        for item in items:
            parts = [stack.pop() for _ in range(arity(item, len(stack)))][::-1]
            stack.append(getattr(self, f"_{item.kind}", self._number)(item, *parts))
        return self.vectors

    def _number(self, item: Item, *parts: Part) -> Part:
        return PLAIN

    def _name(self, item: Item) -> Part:
        kind = self.kind_of(item.value)
        return Part(kind, frozenset([item.value]) if kind in UNDECIDED else frozenset())

    def _group(self, item: Item, a: Part) -> Part:
        return a

    _prefix = _binder = _group

    def _postfix(self, item: Item, a: Part) -> Part:
        if a.kind in UNDECIDED:
            a = self._vector(a)
        return Part({VECTOR: ROW, ROW: VECTOR}.get(a.kind, a.kind))

    def _norm(self, item: Item, a: Part) -> Part:
        self._vector(a)
        return PLAIN

    def _call(self, item: Item, *parts: Part) -> Part:
        kind = self.kind_of_call(item.value)
        if kind == OPEN:
            return parts[0] if len(parts) == 1 else PLAIN
        return Part(kind)

    _bare = _call

    def _vector(self, *parts: Part) -> Part:
        for part in parts:
            self.vectors |= part.names
        return Part(VECTOR)

    def _infix(self, item: Item, a: Part, b: Part) -> Part:
        if item.value in ("+", "-", ".*", "./"):
            return self._alike(a, b)
        if item.value == ":":
            self._vector(a, b)
            return PLAIN
        if item.value == "/":
            return a
        if item.value in ("^", ".^"):
            return Part(a.kind if a.kind in SHAPED else NUMBER)
        if item.value == "·" and {VECTOR, LIKELY} & {a.kind, b.kind}:
            self._vector(a, b)
            return PLAIN
        return self._product(a, b)

    def _alike(self, a: Part, b: Part) -> Part:
        """Return a sum: what is added to a vector is one, but for a written number."""
        if VECTOR in (a.kind, b.kind):
            return self._vector(a, b)
        shaped = next((part for part in (a, b) if part.kind in SHAPED), None)
        open_ = Part(OPEN, a.names | b.names) if a.names or b.names else PLAIN
        return shaped or open_

    def _product(self, a: Part, b: Part) -> Part:
        if a.kind in (MATRIX, ROW) and b.kind in (*UNDECIDED, VECTOR):
            self._vector(b)
            return Part(VECTOR) if a.kind == MATRIX else PLAIN
        if a.kind in (MATRIX, VECTOR, LIKELY) and b.kind in (MATRIX, ROW):
            return Part(MATRIX)
        if a.kind == ROW:
            return a if b.kind in (MATRIX, NUMBER) else PLAIN
        if b.kind in SHAPED:
            return b
        return b if b.kind in UNDECIDED and a.kind in (*UNDECIDED, NUMBER) else a
