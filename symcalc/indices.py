"""Formulas with indices, `sum_i (y_i - x_i'*w)^2`: what their parts are while they are read.

An entry `x_i`, a row `x_i` of a matrix and a sum over indices are symbols of their own;
`indexed.py` writes the formula in matrices when all sizes are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

from symcalc.bindings import COUNTER, DELTA, Bindings, Use, indices_of
from symcalc.declare import default_kind
from symcalc.errors import ShapeError
from symcalc.expr import Expr
from symcalc.graph import postorder
from symcalc.notation import Notation
from symcalc.postfix import Item
from symcalc.scope import Scope, spelled_in
from symcalc.shape import SCALAR, Dim, dim_add, dim_sub, shape_text
from symcalc.stands import LIKELY, MATRIX, NUMBER, OPEN, VECTOR, Stands
from symcalc.unifier import FREE

KEPT = frozenset({"positive", "unit"})  # what is known of the entries of a vector that has it


class Bound(NamedTuple):
    """A sum, product, maximum over indices; `related` are two of them with the sign between, and
    `body` is its place among the bodies."""

    op: str
    labels: tuple[str, ...]
    related: tuple[str, ...]
    body: int


class Entry(NamedTuple):
    """Entries of a variable, or its rows or columns, one axis of which has no label; `starts` are
    the first places along the axes."""

    variable: str
    labels: tuple[str, ...]
    starts: tuple[Dim, ...]


class Part(NamedTuple):
    """Entries of what stands in brackets, `(A*x)_i`; `body` is its place among the bodies."""

    labels: tuple[str, ...]
    body: int


class Indices(Bindings):
    """The parts of one formula."""

    def __init__(self, items: list[Item], scope: Scope, notation: Notation) -> None:
        super().__init__(items, scope, notation.text, notation.left)
        self.variable = notation.variable
        self.left = notation.left
        self.slices = notation.slices
        self.records: dict[str, Entry | Bound | Part] = {}
        self.bodies: list[Expr] = []
        self.bare = {x.value for x in items if x.kind == "name" and id(x) not in self.uses}
        self.by_name = {use.item.value: use for use in self.uses.values()}
        self._check_variable()
        scope.vectors |= {name for name in self.names if self._declared_as_vector(name)}
        scope.vectors |= Stands(self._kind, self._kind_of_call).read(items)
        rows = {use.name.base for use in self._single() if use.item.value in scope.vectors}
        scope.vectors |= {use.item.value for use in self._single() if use.name.base in rows}

    def _single(self) -> list[Use]:
        """Return the names with one index."""
        return [use for use in self.uses.values() if len(use.name.letters) == 1]

    def _declared_as_vector(self, name: str) -> bool:
        return name in self.scope.declared and self.scope.declared[name].shape[0] != 1

    def _kind(self, name: str) -> str:
        """Return what a name is by itself: a number, a vector or a matrix, or open."""
        use = self.by_name.get(name)
        if use is not None and use.name.base == COUNTER:
            return NUMBER
        if use is not None:
            one = len(use.name.letters) == 1
            return (VECTOR if name in self.scope.vectors else OPEN) if one else NUMBER
        if name in self.scope.declared:
            rows, cols = self.scope.declared[name].shape
            return MATRIX if cols != 1 else NUMBER if rows == 1 else VECTOR
        if name in {*self.scope.dims, *self.scope.numbers} or self.scope.vocabulary.find(name):
            return NUMBER
        kinds = {"matrix": MATRIX, "vector": LIKELY}
        return VECTOR if name in self.scope.vectors else kinds.get(default_kind(name) or "", OPEN)

    def _kind_of_call(self, name: str) -> str:
        """Return what a function gives; open where that is what its argument is."""
        found = self.scope.vocabulary.find(name)
        if not found or any(op.is_entrywise or op.keeps_shape for op in found):
            return OPEN
        shape = (found[0].rows, found[0].cols)
        return NUMBER if shape == SCALAR else VECTOR if shape[1] == 1 else MATRIX

    def _check_variable(self) -> None:
        """Raise `ParseError` for the derivative by `x_i`, an entry of another variable."""
        part = indices_of(self.variable)
        bases = {use.name.base for use in self.uses.values()} | self.bare
        known = spelled_in(self.variable, {*self.scope.declared, *bases})
        if part.letters and part.base in bases and not known:
            raise self.fail(
                f"`{self.variable}` is a part of a variable: differentiate by `{part.base}` or "
                f"`{matrix_name(part.base)}`, and take that part of the gradient",
                next(item for item in self.items if item.kind == "binder"),
            )

    def numbers(self) -> list[str]:
        """Return the names that nobody declared and that are vectors by default, but need not be:
        the `m` of `(y_i - m x_i)^2`."""
        names = self.bare - {*self.scope.declared} - self.scope.vectors
        return sorted(name for name in names if default_kind(name) == "vector")

    def entry(self, item: Item) -> Expr | None:
        """Return the symbol for `x_i`; None for a name without indices."""
        use = self.uses.get(id(item))
        if use is None:
            return None
        if len(use.name.letters) > 2:
            raise self.fail("more than two indices: this is no entry of a matrix", item)
        name = f"{item.value} {' '.join(use.label_names)}"
        if use.name.base == COUNTER:
            return self._counter(use, name)
        known = {*self.scope.declared, self.variable}
        if use.name.base == DELTA not in known and len(use.name.letters) == 2:
            return self._delta(use, name)
        vector = len(use.name.letters) == 1 and self._is_vector(use)
        column = self.slices.get(item.value, False)
        v = self._variable(use, vector, column)
        labels = ("", *use.label_names) if column else (*use.label_names, *[""] * vector)
        starts = self._starts(use, v, column)
        self.records[name] = Entry(v.name, labels, starts)
        shape = (v.shape[not column], 1) if vector else SCALAR
        return self.scope.algebra.symbol(name, shape, v.attributes & KEPT)

    def _counter(self, use: Use, name: str) -> Expr:
        """Return the symbol for an index that stands as a number."""
        (label,) = use.label_names
        if self.ranges[label].stop is None:
            self.scope.algebra.notes.append(f"`{use.item.value}` counts from {self.first}")
        self.records[name] = Entry("", (label,), (self.ranges[label].start + self.first,))
        return self.scope.algebra.symbol(name, SCALAR)

    def part(self, item: Item, a: Expr) -> Expr:
        """Return the symbol for `(A*x)_i`, an entry of what stands in brackets."""
        labels = self.parts[id(item)].label_names
        sizes = (*[self.ranges[label].size for label in labels], 1)[:2]
        if len(labels) > 2 or not all(map(self.scope.unifier, a.shape, sizes)):
            message = f"{len(labels)} indices, and what stands in brackets is {shape_text(a.shape)}"
            raise ShapeError(message)
        name = f"[] {len(self.bodies)}"
        self.records[name] = Part(labels, len(self.bodies))
        self.bodies.append(a)
        return self.scope.algebra.symbol(name, SCALAR)

    def _delta(self, use: Use, name: str) -> Expr:
        """Return the symbol for `\\delta_{ij}`, an entry of the identity matrix."""
        self.scope.unifier(*[self.ranges[label].size for label in use.label_names])
        self.records[name] = Entry("", use.label_names, (0, 0))
        return self.scope.algebra.symbol(name, SCALAR)

    def _is_vector(self, use: Use) -> bool:
        """Whether `x_i` is a vector, row i of X: it stands as a vector does, or X is declared."""
        base, declared = use.name.base, self.scope.declared
        if use.item.value in self.slices:
            return True
        if use.item.value in declared:
            return self._declared_as_vector(use.item.value)
        own, owner = declared.get(base), declared.get(matrix_name(base))
        if default_kind(base) == "matrix" and (own is None or own.shape[1] != 1):
            name = use.item.value
            raise self.fail(
                f"`{name}`: one matrix for each index is not read; `{base}_{{i,:}}` is a row, "
                f"`{base}_{{:,i}}` a column, `{base.lower()}_i` a row or an entry of a vector",
                use.item,
            )
        if own is not None and base not in self.bare:
            return own.shape[1] != 1
        if use.item.value in self.scope.vectors:
            return True
        return own is None and owner is not None and owner.shape[1] != 1

    def _variable(self, use: Use, vector: bool, column: bool) -> Expr:
        """Return the variable whose entries, rows or columns are meant; it is made where nobody
        declared it."""
        base, table = use.name.base, self.scope.table
        matrix = vector or len(use.name.letters) == 2
        name = self._owner(use) if matrix else base
        if not matrix and default_kind(base) == "scalar" and base in self.bare - {*table}:
            raise self.fail(f"`{base}` stands here with an index and without: declare it", use.item)
        if name not in table:
            sizes = [self._length(use, k) for k in range(len(use.name.letters))]
            sizes.append(self.scope.unifier.fresh(FREE) if vector else 1)
            shape = (sizes[1], sizes[0]) if column else (sizes[0], sizes[1])
            table[name] = self.scope.algebra.symbol(name, shape)
        if vector and use.item.value in self.scope.declared:
            self.scope.unifier(table[name].shape[not column], table[use.item.value].shape[0])
        if matrix is not (table[name].shape[1] != 1):
            shown = shape_text(table[name].shape)
            raise ShapeError(f"`{use.item.value}`: `{name}` is {shown}")
        if name != base:
            kind = "column" if column else "row" if vector else "entry"
            place = ", ".join(use.name.letters)
            self.scope.algebra.notes.append(f"`{use.item.value}` is {kind} {place} of `{name}`")
        return table[name]

    def _owner(self, use: Use) -> str:
        """Return what the matrix is called whose rows are `x_i` or whose entries are `x_ij`: X, or
        x where that is declared or differentiated by. Raises `ParseError` where X may be another.
        """
        base = use.name.base
        capital, own = matrix_name(base), self.scope.declared.get(base)
        if capital == base or (own is not None and own.shape[1] != 1):
            return base
        if base == self.variable and base not in self.bare:
            return base
        others = {x.name.base for x in self.uses.values()} | self.bare
        if capital in others:
            raise self.fail(
                f"`{use.item.value}` and `{capital}` stand in one formula: declare "
                f"`{base}: matrix(...)` if they are two variables, or write `{capital}_{{i,:}}`",
                use.item,
            )
        return capital

    def _length(self, use: Use, k: int) -> Dim:
        """Return how many places the variable has along index number `k`."""
        ends: list[Dim] = []
        for other in self.uses.values():
            if other.name.base == use.name.base and len(other.name.letters) > k:
                found = self.ranges[other.label_names[k]]
                stop = found.size if found.stop is None else found.stop
                ends.append(dim_add(stop, other.name.shifts[k]))
        return reduce(_longer, ends)

    def _starts(self, use: Use, v: Expr, column: bool) -> tuple[Dim, ...]:
        lengths = v.shape[1:] if column else v.shape
        starts = [self._start(use, k, lengths[k]) for k in range(len(use.name.letters))]
        return (0, *starts) if column else tuple(starts)

    def _start(self, use: Use, k: int, length: Dim) -> Dim:
        """Return the first place that an index reaches in a variable of a length."""
        found, shift = self.ranges[use.label_names[k]], use.name.shifts[k]
        if found.stop is None and shift:
            message = "say below and above the sign where the index begins and ends"
            raise self.fail(message, use.item)
        stop = found.size if found.stop is None else found.stop
        end = dim_add(stop, shift)
        left = dim_sub(length, end)
        fits = left >= 0 if isinstance(left, int) else self.scope.unifier(length, end)
        name = use.item.value
        if found.start + shift < 0:
            raise ShapeError(f"the index of `{name}` begins before the first place")
        if not fits:
            raise ShapeError(f"the index of `{name}` runs to {end}, the variable to {length}")
        return found.start + shift

    def rulers(self) -> list[Expr]:
        """Return for each label a vector of its size."""
        symbol = self.scope.algebra.symbol
        return [symbol(label, (found.size, 1)) for label, found in self.ranges.items()]

    def supposed(self) -> set[str]:
        """Return the names that are read as entries and may be rows: `u_i`."""
        return {
            use.item.value
            for use in self.uses.values()
            if len(use.name.letters) == 1
            and use.item.value not in self.scope.vectors
            and use.name.base not in {*self.scope.declared, COUNTER}
        }

    def over(self, item: Item, body: Expr) -> Expr:
        """Return the symbol for a sum over indices."""
        op = self.overs[id(item)].op
        name = f"{op} {len(self.bodies)}"
        related: tuple[str, ...] = ()
        if id(item) in self.relations:
            sign, pair = self.relations[id(item)]
            related = (pair.label_names[0], sign, pair.label_names[1])
        self.records[name] = Bound(op, self.labels[id(item)], related, len(self.bodies))
        self.bodies.append(body)
        return self.scope.algebra.symbol(name, body.shape)

    def check_norm(self, a: Expr) -> None:
        """Raise `ShapeError` for the norm of a number that has an index: `x_i` is rather a row."""
        if a.shape[0] == 1 and any(v.name in self.records for v in a.variables):
            message = "the norm of a number: write vectors bold, `\\mathbf{x}_i`, or declare them"
            raise ShapeError(message)

    def check(self, roots: Sequence[Expr]) -> None:
        """Raise `ShapeError` where a number `x_i` is added to a vector: it is rather a vector."""
        for e in postorder(roots):
            if e.op.role == "scale" and e.args[1].op.role == "ones":
                names = [v.name for v in e.args[0].variables if v.name in self.records]
                if names:
                    raise ShapeError(f"`{names[0].split()[0]}` is a number and added to a vector")


def matrix_name(base: str) -> str:
    """Return what the matrix is called whose rows are `x_i` and whose entries are `x_ij`."""
    return base[:1].upper() + base[1:]


def _longer(a: Dim, b: Dim) -> Dim:
    """Return the larger of two sizes, the first where they cannot be compared."""
    more = dim_sub(b, a)
    return b if isinstance(more, int) and more > 0 else a
