"""Which sum binds which index: `A_ij` stands in a sum over i and in one over j."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from typing import NamedTuple

from symcalc.errors import ParseError, caret
from symcalc.latex_sums import Over
from symcalc.postfix import Item
from symcalc.scope import Scope, spelled_in
from symcalc.shape import Dim, dim_names, dim_sub, parse_dim
from symcalc.unifier import FREE

LEAVES = ("name", "number", "size", "literal")
SHIFT = r"(?:_(plus|minus)_(\d+))?"
INDEX = re.compile(rf"_([A-Za-z]{{1,3}}){SHIFT}")
INDEXED = re.compile(
    rf"(?P<base>\w+?)(?P<indices>_[A-Za-z]{SHIFT}_[A-Za-z]{SHIFT}|_[A-Za-z]{{1,3}}{SHIFT})"
)
DELTA = "delta"  # the name of Kronecker's symbol, where it is not declared
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
    sum, `i` and `i#2` for two sums over i."""

    def __init__(self, items: list[Item], scope: Scope, text: str) -> None:
        self.scope = scope
        self.text = text
        self.ranges: dict[str, Range] = {}
        self.uses: dict[int, Use] = {}
        self.labels: dict[int, tuple[str, ...]] = {}  # of the sums, by their instruction
        self.relations: dict[int, tuple[str, Use]] = {}  # the `i<j` of a sum: `<`, and i and j
        self.outer = _outer_letters(items)
        self.bound = {x for item in items if item.kind == "binder" for x in parts_of(item).letters}
        self.letters = self._with_free(items)
        self._bind(items)

    @property
    def names(self) -> set[str]:
        """The names that have indices, as they stand in the text."""
        return {use.item.value for use in self.uses.values()}

    def fail(self, message: str, item: Item) -> ParseError:
        return ParseError(caret(self.text, item.at, message))

    def _with_free(self, items: list[Item]) -> set[str]:
        """Return the indices that a sum binds, and those in the same places: the `i` of `A_ij` and
        of `x_i` where sums run over the `j` of `x_j`."""
        names = {item.value for item in items if item.kind == "name"} - set(self.scope.declared)
        found, bases, before = set(self.bound), set[str](), -1
        while len(found) + len(bases) > before:
            before = len(found) + len(bases)
            for name in sorted(names):
                indexed = indices_of(name)
                beside = indexed.base in bases and len(indexed.letters) < 3
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
            parts = [stack.pop() for _ in range(_arity(item, stack))][::-1]
            inside = [use for part in parts for use in part]
            if item.kind == "name":
                inside = self._used(item)
            elif item.kind == "binder":
                inside = self._close(item, inside)
            stack.append(inside)
        pairs = [pair for _, pair in self.relations.values()]
        for use in [*self.uses.values(), *pairs]:
            self._check(use)
        for pair in pairs:
            self.scope.unifier(*[self.ranges[label].size for label in pair.label_names])

    def _used(self, item: Item) -> list[Use]:
        if item.value in self.bound - set(self.scope.declared):
            message = f"`{item.value}` is an index and no number: write the function alone"
            raise self.fail(message, item)
        name = indices_of(item.value)
        if not self._runs(name, self.letters):
            return []
        base = spelled_in(name.base, self.scope.table) or name.base
        self.uses[id(item)] = Use(item, name._replace(base=base))
        return [self.uses[id(item)]]

    def _close(self, item: Item, inside: list[Use]) -> list[Use]:
        """Bind the indices of a sum in what it is over; return what waits for another sum."""
        outer = self.outer[id(item)]
        over = _related(parts_of(item), outer)
        letters = [x for x in over.letters if not (over.relation and x in outer)]
        if over.relation:
            first, sign, second = tuple(over.relation)
            pair = Use(item, Name("", first + second, (0, 0)))
            self.relations[id(item)] = (sign, pair)
            inside = [*inside, pair]
        self.labels[id(item)] = tuple([self._label(x, over, item, inside) for x in letters])
        return [use for use in inside if len(use.labels) < len(set(use.name.letters))]

    def _label(self, letter: str, over: Over, item: Item, inside: list[Use]) -> str:
        """Return a new label for an index, and bind it inside of a sum."""
        uses = [x for x in inside if letter in x.name.letters and letter not in x.labels]
        taken = sum(label.partition("#")[0] == letter for label in self.ranges)
        label = f"{letter}#{taken + 1}" if taken else letter
        self.ranges[label] = self._range(over, item)
        if self.ranges[label].stop is None and not any(use.name.base for use in uses):
            raise self.fail(f"nothing behind this sign runs with `{letter}`", item)
        for use in uses:
            use.labels[letter] = label
        return label

    def _range(self, over: Over, item: Item) -> Range:
        start, end = int(over.start), over.end
        if not end:
            if start:
                raise self.fail("say above the sign where this ends", item)
            return Range(0, None, self.scope.unifier.fresh(FREE))
        stop = parse_dim(end)
        names = set(dim_names(stop))
        for name in sorted(names & {*self.scope.declared, *self.bound}):
            known = "an index" if name in self.bound else "declared as a variable"
            raise self.fail(f"`{name}` is {known}, and a size here", item)
        self.scope.dims |= names
        return Range(start, stop, dim_sub(stop, start))

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
    """Return for each sum the indices of those that it stands in."""
    found: dict[int, frozenset[str]] = {}
    stack: list[tuple[int, frozenset[str]]] = [(1, frozenset())]
    for item in reversed(items):
        left, letters = stack.pop()
        stack += [(left - 1, letters)] if left > 1 else []
        if item.kind == "binder":
            found[id(item)] = letters
            letters |= set(parts_of(item).letters)
        count = 0 if item.kind in LEAVES else item.count or 1
        stack += [(count, letters)] if count else []
    return found


def _related(over: Over, outer: Set[str]) -> Over:
    """Return a sum that ends at the index of an outer one, `j = 1` to `i - 1`, as `j<i`."""
    letter, _, less = over.end.partition("-")
    if (
        letter not in outer
        or over.letters[1:]
        or less not in ("", "1")
        or over.start != "0"
        or over.relation
    ):
        return over
    return over._replace(end="", relation=f"{over.letters}{'<' if less else '≤'}{letter}")


def parts_of(item: Item) -> Over:
    return Over(*item.value.split("|"))


def _arity(item: Item, stack: Sequence[object]) -> int:
    return 0 if item.kind in LEAVES else min(item.count or 1, len(stack))


def stand_as_vectors(items: Sequence[Item]) -> set[str]:
    """Return the names that are vectors because a norm of them is taken, `||x_i - mu||`, or because
    they stand transposed, `(x_i - mu)'`."""
    found: set[str] = set()
    stack: list[set[str]] = []
    for item in items:
        parts = [stack.pop() for _ in range(_arity(item, stack))]
        names: set[str] = set().union(*parts)
        if item.kind == "name":
            names = {item.value}
        elif item.kind in ("norm", "postfix"):
            found |= names
        plain = item.kind in ("name", "group", "prefix", "postfix") or (
            item.kind == "infix" and item.value in "+-"
        )
        stack.append(names if plain else set())
    return found
