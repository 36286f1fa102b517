"""Which sum binds which index: `A_ij` stands in a sum over i and in one over j."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from typing import NamedTuple

from symcalc.errors import ParseError, caret
from symcalc.latex_sums import Over
from symcalc.postfix import LEAVES, Item, arity
from symcalc.scope import Scope, spelled_in
from symcalc.shape import Dim, dim_add, dim_names, dim_sub, parse_dim
from symcalc.unifier import FREE

SHIFT = r"(?:_(plus|minus)_(\d+))?"
INDEX = re.compile(rf"_([A-Za-z]{{1,3}}){SHIFT}")
INDEXED = re.compile(
    rf"(?P<base>\w+?)(?P<indices>_[A-Za-z]{SHIFT}_[A-Za-z]{SHIFT}|_[A-Za-z]{{1,3}}{SHIFT})"
)
FACTORS = ("group", "prefix", "name", "number")
DELTA = "delta"  # the name of Kronecker's symbol, where it is not declared
COUNTER = ""  # of an index that stands as a number, the `i` of `i x_i`
SIGNS = {"minus": "-"}


class Name(NamedTuple):
    """A name with its indices, one letter each, and what is added to them."""

    base: str
    letters: str
    shifts: tuple[int, ...]


class Range(NamedTuple):
    """What an index runs through: how many places are left out, the end if it is known, and the
    number of places."""

    start: int
    stop: Dim | None
    size: Dim


@dataclass
class Use:
    """A name with indices where it stands, and what has bound them so far."""

    item: Item
    name: Name
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def label_names(self) -> tuple[str, ...]:
        return tuple(self.labels[letter] for letter in self.name.letters)


class Bindings:
    """The names with indices of one formula, and what each index runs through: a label for each
    sum, `i` and `i#2` for two sums over i; `left` are the indices on the left of `C_ij = ...`."""

    def __init__(self, items: list[Item], scope: Scope, text: str, left: str) -> None:
        self.scope = scope
        self.text = text
        self.items = items
        self.ranges: dict[str, Range] = {}
        self.uses: dict[int, Use] = {}
        self.labels: dict[int, tuple[str, ...]] = {}  # of the sums, by their instruction
        self.relations: dict[int, tuple[str, Use]] = {}  # the `i<j` of a sum: `<`, and i and j
        self.outer = _outer_letters(items)
        sums = [item for item in items if item.kind == "binder"]
        self.overs = {
            id(item): _related(Over.of(item.value), self.outer[id(item)]) for item in sums
        }
        overs = self.overs.values()
        # places are counted from 0 or from 1
        self.first = 0 if any(over.lower == "0" for over in overs) else 1
        named = [item for item in items if item.kind == "name"]
        self.unbound = set(left).union(
            *(set(indices_of(x.value).letters) - self.outer[id(x)] for x in named)
        )
        self.bound = {letter for item in sums for letter in self._own_letters(item)}
        ends = [over.upper for over in overs if over.upper]
        self.sizes = {name for end in ends for name in dim_names(parse_dim(end))} - self.bound
        self.parts: dict[int, Use] = {}  # the `i` of `(A*x)_i`
        self.letters = self._with_free(items)
        self.numbered: list[Item] = []  # names that may have a number below
        self._bind(items)
        self._check_numbered()

    @property
    def names(self) -> set[str]:
        """The names that have indices, as they stand in the text."""
        return {use.item.value for use in self.uses.values()}

    def fail(self, message: str, item: Item) -> ParseError:
        return ParseError(caret(self.text, item.at, message))

    def _with_free(self, items: list[Item]) -> set[str]:
        """Return the indices that a sum binds, and those in the same places: the `i` of `A_ij` and
        of `x_i` where sums run over the `j` of `x_j`."""
        names = {item.value for item in items if item.kind == "name"}
        names -= {name for name in self.scope.declared if not self._is_row_of(name)}
        found, bases, before = set(self.bound), set[str](), -1
        while len(found) + len(bases) > before:
            before = len(found) + len(bases)
            for name in sorted(names):
                indexed = indices_of(name)
                beside = indexed.base in {*bases, *self.scope.declared} and len(indexed.letters) < 3
                if beside or self._runs(indexed, found):
                    found |= set(indexed.letters)
                    bases |= {indexed.base}
        return found

    def _runs(self, name: Name, letters: Set[str]) -> bool:
        """Whether a name runs with one of the letters, as Kronecker's symbol does; `x_max` does
        not."""
        if name.base == DELTA and len(name.letters) == 2:
            return True
        known = set(name.letters) & letters
        return bool(known) and (len(name.letters) < 3 or known == set(name.letters))

    def _bind(self, items: list[Item]) -> None:
        """Find for each name with indices the sums that it stands in."""
        stack: list[list[Use]] = []
        for item in items:
            parts = [stack.pop() for _ in range(arity(item, len(stack)))][::-1]
            inside = [use for part in parts for use in part]
            if item.kind == "name":
                inside = self._used(item)
            elif item.kind == "entries":
                self.parts[id(item)] = Use(item, Name("", item.value, (0,) * len(item.value)))
                inside = [*inside, self.parts[id(item)]]
            elif item.kind == "binder":
                inside = self._close(item, inside)
            stack.append(inside)
        pairs = [pair for _, pair in self.relations.values()]
        for use in [*self.uses.values(), *self.parts.values(), *pairs]:
            self._check(use)
        for sign, pair in self.relations.values():
            self._relate(sign, pair)

    def _used(self, item: Item) -> list[Use]:
        if item.value in self.scope.declared and not self._is_row_of(item.value):
            return []
        if item.value in self.bound:
            self.uses[id(item)] = Use(item, Name(COUNTER, item.value, (0,)))
            return [self.uses[id(item)]]
        name = indices_of(item.value)
        if not self._runs(name, self.letters):
            if any(self._has_index(part) for part in item.value.split("_")[1:]):
                raise self.fail("this subscript is not read: indices are `i`, `ij` or `i+1`", item)
            self.numbered.append(item)
            return []
        if set(name.letters) & self.sizes:
            message = f"`{item.value}`: an index of the sum ends there: write what place is meant"
            raise self.fail(message, item)
        base = spelled_in(name.base, self.scope.table) or name.base
        self.uses[id(item)] = Use(item, name._replace(base=base))
        return [self.uses[id(item)]]

    def _check_numbered(self) -> None:
        """Raise `ParseError` for `x_1` beside `x_i`: a place of x, or another variable?"""
        bases = {use.name.base for use in self.uses.values()}
        for item in self.numbered:
            base, _, place = item.value.rpartition("_")
            if base in bases and place.isdecimal() and int(place) >= self.first:
                name = item.value
                message = f"`{name}` beside `{base}_i`: an entry by its number is not read"
                raise self.fail(f"{message}; rename it if it is another variable", item)

    def _has_index(self, part: str) -> bool:
        """Whether a part of a subscript is an index of a sum, also beside a number: `1i`."""
        letters = part.strip("0123456789")
        return len(letters) in (1, 2) and set(letters) <= self.bound

    def _is_row_of(self, name: str) -> bool:
        """Whether a declared name is a row or an entry for each index, `x_i: vector(3)`."""
        indexed = indices_of(name)
        return len(indexed.letters) == 1 and self._runs(indexed, self.bound)

    def _close(self, item: Item, inside: list[Use]) -> list[Use]:
        """Bind the indices of a sum in what it is over; return what waits for another sum."""
        over, letters = self.overs[id(item)], self._own_letters(item)
        if over.relation:
            first, sign, second = tuple(over.relation)
            pair = Use(item, Name("", first + second, (0, 0)))
            self.relations[id(item)] = (sign, pair)
            inside = [*inside, pair]
        self.labels[id(item)] = tuple([self._label(x, over, item, inside) for x in letters])
        return [use for use in inside if len(use.labels) < len(set(use.name.letters))]

    def _own_letters(self, item: Item) -> list[str]:
        """Return the indices that a sum binds: of `j<i` none of a sum around it, and the `j` alone
        where the `i` runs along the result."""
        over, outer = self.overs[id(item)], self.outer[id(item)]
        if not over.relation:
            return list(over.letters)
        first, _, second = tuple(over.relation)
        alone = second in outer or (first > second and second in self.unbound)
        return [first] if alone else [x for x in over.letters if x not in outer]

    def _label(self, letter: str, over: Over, item: Item, inside: list[Use]) -> str:
        """Return a new label for an index, and bind it inside of a sum."""
        uses = [x for x in inside if letter in x.name.letters and letter not in x.labels]
        taken = sum(label.partition("#")[0] == letter for label in self.ranges)
        label = f"{letter}#{taken + 1}" if taken else letter
        self.ranges[label] = self._range(over, item)
        if self.ranges[label].stop is None and all(use.item is item for use in uses):
            raise self.fail(f"nothing behind this sign runs with `{letter}`", item)
        for use in uses:
            use.labels[letter] = label
        return label

    def _range(self, over: Over, item: Item) -> Range:
        start = int(over.lower or self.first) - self.first
        if not over.upper:
            if start:
                raise self.fail("say above the sign where this ends", item)
            return Range(0, None, self.scope.unifier.fresh(FREE))
        stop = dim_add(parse_dim(over.upper), 1 - self.first)
        names = set(dim_names(stop))
        for name in sorted(names & {*self.scope.declared, *self.bound}):
            known = "an index" if name in self.bound else "declared as a variable"
            raise self.fail(f"`{name}` is {known}, and a size here", item)
        self.scope.dims |= names
        size = dim_sub(stop, start)
        if isinstance(size, int) and size < 1:
            raise self.fail("this sum is empty: it ends before it begins", item)
        return Range(start, stop, size)

    def _relate(self, sign: str, pair: Use) -> None:
        """Let two related indices run through the same places: `i<j` to n ends at n - 1 by itself.
        Raises `ParseError` where that would take more than the sums do."""
        first, second = pair.label_names if sign in ("<", "≤", "≠") else pair.label_names[::-1]
        a, b = self.ranges[first], self.ranges[second]
        strict = int(sign in ("<", ">"))
        if a.stop is None and b.stop is None:
            self.scope.unifier(a.size, b.size)
            return
        if a.stop is None:
            a = Range(0, b.stop, b.size)
        elif b.stop is None:
            b = Range(0, a.stop, a.size) if isinstance(a.stop, (str, int)) else b
        if a.stop is None or b.stop is None:
            raise self.fail("say above the sign where the second index ends", pair.item)
        ends = dim_sub(b.stop, a.stop)  # places of the second behind the last of the first
        begins = b.start - a.start
        if (ends, begins) != (0, 0):
            fits = isinstance(ends, int) and 0 <= ends <= strict and 0 <= begins <= strict
            if not fits or not self._is_alone(pair):
                raise self.fail(
                    "the two indices of this sum do not run through the same", pair.item
                )
        self.ranges[first] = self.ranges[second] = Range(a.start, b.stop, dim_sub(b.stop, a.start))

    def _is_alone(self, pair: Use) -> bool:
        """Whether a sum with related indices is all that the sums around it are over, but for
        factors: then its outer index may run further, where the inner sum is empty."""
        place = next(k for k, item in enumerate(self.items) if item is pair.item)
        for item in self.items[place + 1 :]:
            if item.kind == "binder":
                return True
            if item.kind not in FACTORS and not (item.kind == "infix" and item.value == "*"):
                return False
        return True

    def _check(self, use: Use) -> None:
        """Raise for an index that no sum around it binds; one that is free everywhere runs along
        the result."""
        for letter in use.name.letters:
            if letter in self.bound and letter not in use.labels:
                name = use.item.value
                message = f"`{name}` stands outside of the sum over `{letter}`: put brackets"
                raise self.fail(message, use.item)
            if letter not in use.labels:
                use.labels[letter] = letter
                fresh = self.scope.unifier.fresh
                self.ranges.setdefault(letter, Range(0, None, fresh(FREE)))


def indices_of(name: str) -> Name:
    """Return a name and what may be its indices: `A_ij` and `A_i_j` have two.

    >>> indices_of("A_ij")
    Name(base='A', letters='ij', shifts=(0, 0))
    >>> indices_of("y_hat_i")
    Name(base='y_hat', letters='i', shifts=(0,))
    >>> indices_of("x_i_plus_1")
    Name(base='x', letters='i', shifts=(1,))
    >>> indices_of("A_1")
    Name(base='A_1', letters='', shifts=())
    """
    match = INDEXED.fullmatch(name)
    if match is None:
        return Name(name, "", ())
    found = INDEX.findall(match["indices"])
    letters = "".join(letters for letters, _, _ in found)
    shifts = [int(SIGNS.get(sign, "") + (count or "0")) for run, sign, count in found for _ in run]
    return Name(match["base"], letters, tuple(shifts))


def _outer_letters(items: Sequence[Item]) -> dict[int, frozenset[str]]:
    """Return for each sum and each name the indices of the sums that it stands in."""
    found: dict[int, frozenset[str]] = {}
    stack: list[tuple[int, frozenset[str]]] = [(1, frozenset())]
    for item in reversed(items):
        left, letters = stack.pop()
        stack += [(left - 1, letters)] if left > 1 else []
        found[id(item)] = letters
        if item.kind == "binder":
            letters |= set(Over.of(item.value).letters)
        count = 0 if item.kind in LEAVES else item.count or 1
        stack += [(count, letters)] if count else []
    return found


def _related(over: Over, outer: Set[str]) -> Over:
    """Return a sum that ends at the index of an outer one, `j = 1` to `i - 1`, as `j<i`."""
    letter, _, less = over.upper.partition("-")
    whole = over.lower == "1" and not over.relation and not over.letters[1:]
    if letter not in outer or less not in ("", "1") or not whole:
        return over
    sign = "<" if less else "≤"
    return over._replace(lower="", upper="", relation=f"{over.letters}{sign}{letter}")
