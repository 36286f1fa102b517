"""Formulas with indices, `sum_i (y_i - x_i'*w)^2`: what their parts are while they are read.

An entry `x_i`, a row `x_i` of a matrix and a sum over indices are symbols of their own;
`indexed.py` writes the formula in matrices when all sizes are known.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import NamedTuple

from symcalc.bindings import DELTA, Bindings, Use, indices_of, parts_of, stand_as_vectors
from symcalc.declare import default_kind
from symcalc.errors import ShapeError
from symcalc.expr import Expr
from symcalc.graph import postorder
from symcalc.postfix import Item
from symcalc.scope import Scope
from symcalc.shape import SCALAR, Dim, dim_add, dim_sub, shape_text
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


class Indices(Bindings):
    """The parts of one formula; `variable` is the one that it is differentiated by, `columns` are
    the names `X_j` that are columns of X."""

    def __init__(
        self, items: list[Item], scope: Scope, text: str, variable: str, columns: Set[str]
    ) -> None:
        super().__init__(items, scope, text)
        self.variable = variable
        self.columns = columns
        self.records: dict[str, Entry | Bound] = {}
        self.bodies: list[Expr] = []
        self._check_variable(items)
        scope.vectors |= stand_as_vectors(items) | self._dotted(items)
        scope.vectors |= {name for name, d in scope.declared.items() if d.shape[0] != 1}
        rows = {use.name.base for use in self._single() if use.item.value in scope.vectors}
        scope.vectors |= {use.item.value for use in self._single() if use.name.base in rows}

    def _single(self) -> list[Use]:
        """Return the names with one index."""
        return [use for use in self.uses.values() if len(use.name.letters) == 1]

    def _check_variable(self, items: Sequence[Item]) -> None:
        """Raise `ParseError` where the derivative by `x_i` is wanted: it is an entry of another."""
        name = indices_of(self.variable)
        named = [item for item in items if item.kind == "name"]
        found = [item for item in named if name.base in (item.value, indices_of(item.value).base)]
        known = {*self.scope.declared, *(item.value for item in named if id(item) not in self.uses)}
        if name.letters and found and self.variable not in known:
            raise self.fail(
                f"`{self.variable}` is a part of a variable: differentiate by `{name.base}` or "
                f"`{matrix_name(name.base)}`, and take that part of the gradient",
                found[0],
            )

    def _dotted(self, items: Sequence[Item]) -> set[str]:
        """Return the names with an index that stand beside a vector in `w · x_i`."""
        found = set()
        for left, right, sign in zip(items, items[1:], items[2:], strict=False):
            if sign.value == "·" and left.kind == right.kind == "name":
                plain = {x.value for x in (left, right)} - self.names
                if any(default_kind(name) == "vector" for name in plain):
                    found |= {left.value, right.value} & self.names
        return found

    def entry(self, item: Item) -> Expr | None:
        """Return the symbol for `x_i`; None for a name without indices."""
        use = self.uses.get(id(item))
        if use is None:
            return None
        if len(use.name.letters) > 2:
            raise self.fail("more than two indices: this is no entry of a matrix", item)
        name = f"{item.value} {' '.join(use.label_names)}"
        known = {*self.scope.declared, self.variable}
        if use.name.base == DELTA not in known and len(use.name.letters) == 2:
            return self._delta(use, name)
        vector = len(use.name.letters) == 1 and self._is_vector(use)
        column = item.value in self.columns
        v = self._variable(use, vector, column)
        labels = ("", *use.label_names) if column else (*use.label_names, *[""] * vector)
        starts = self._starts(use, v, column)
        self.records[name] = Entry(v.name, labels, starts)
        shape = (v.shape[not column], 1) if vector else SCALAR
        return self.scope.algebra.symbol(name, shape, v.attributes & KEPT)

    def _delta(self, use: Use, name: str) -> Expr:
        """Return the symbol for `\\delta_{ij}`, an entry of the identity matrix."""
        self.scope.unifier(*[self.ranges[label].size for label in use.label_names])
        self.records[name] = Entry("", use.label_names, (0, 0))
        return self.scope.algebra.symbol(name, SCALAR)

    def _is_vector(self, use: Use) -> bool:
        """Whether `x_i` is a vector, row i of X: it stands as a vector does, or X is declared."""
        base, scope = use.name.base, self.scope
        if use.item.value in scope.sliced:
            return True
        own, owner = scope.declared.get(base), scope.declared.get(matrix_name(base))
        if default_kind(base) == "matrix" and (own is None or own.shape[1] != 1):
            name = use.item.value
            raise self.fail(
                f"`{name}`: one matrix for each index is not read; `{base}_{{i,:}}` is a row, "
                f"`{base}_{{:,i}}` a column, `{base.lower()}_i` a row or an entry of a vector",
                use.item,
            )
        if own is not None:
            return own.shape[1] != 1
        return use.item.value in scope.vectors or (owner is not None and owner.shape[1] != 1)

    def _variable(self, use: Use, vector: bool, column: bool) -> Expr:
        """Return the variable whose entries, rows or columns are meant; it is made where nobody
        declared it."""
        base, table = use.name.base, self.scope.table
        matrix = vector or len(use.name.letters) == 2
        keep = base in (self.variable, *self.scope.declared) or not matrix
        name = base if keep else matrix_name(base)
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

    def _length(self, use: Use, k: int) -> Dim:
        """Return how many places the variable has along index number `k`."""
        found = self.ranges[use.label_names[k]]
        if found.stop is None:
            return found.size
        others = [x.name for x in self.uses.values() if x.name.base == use.name.base]
        shifts = [x.shifts[k] for x in others if x.letters == use.name.letters]
        return dim_add(found.stop, max(0, *shifts))

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
        end = found.size if found.stop is None else dim_add(found.stop, shift)
        left = dim_sub(length, end)
        fits = left >= 0 if isinstance(left, int) else self.scope.unifier(length, end)
        if not fits or found.start + shift < 0:
            raise ShapeError(f"the index of `{use.item.value}` runs out of the variable")
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
            and use.name.base not in self.scope.declared
        }

    def over(self, item: Item, body: Expr) -> Expr:
        """Return the symbol for a sum over indices."""
        op = parts_of(item).op
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
        if a.is_scalar and any(v.name in self.records for v in a.variables):
            message = "the norm of a number: write vectors bold, `\\mathbf{x}_i`, or declare them"
            raise ShapeError(message)

    def check(self, roots: Sequence[Expr]) -> None:
        """Raise `ShapeError` where a number `x_i` is added to a vector: it is rather a vector."""
        for e in postorder(roots):
            scaled = e.op.role == "scale" and e.args[1].op.role == "ones"
            if scaled and e.args[0].op.role == "symbol" and e.args[0].name in self.records:
                shown = e.args[0].name.partition(" ")[0]
                raise ShapeError(f"`{shown}` is a number and is added to a vector")


def matrix_name(base: str) -> str:
    """Return what the matrix is called whose rows are `x_i` and whose entries are `x_ij`."""
    return base[:1].upper() + base[1:]
