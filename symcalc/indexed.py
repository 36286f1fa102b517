"""From sums over indices to matrices: `sum_i (y_i - x_i'*w)^2` is `||y - X*w||^2`.

Each part of the formula is a sum of products of labelled arrays: the labels are the indices that it
runs with, and one for each row and column of a vector or matrix, so that `sum_i x_i*x_i'` is
`X'*X`. A part that a matrix can hold is written as one array at once.
Source: Laue, Mitterreiter, Giesen (2018), Computing higher order derivatives of matrix and tensor
expressions: a product of matrices is a sum over labels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count, product
from typing import NamedTuple

from symcalc.errors import ShapeError
from symcalc.expr import Expr
from symcalc.graph import postorder
from symcalc.indices import Bound, Entry, Part
from symcalc.labelled import Arrays, Factor, Labels, Term, transposed
from symcalc.rulebook import Rulebook
from symcalc.shape import SCALAR, Dim, dim_add
from symcalc.simplify import normalizer, simplify, unfold

TRIANGLES = {"<": "triu", "≤": "triu", ">": "tril", "≥": "tril"}
WITHOUT_DIAGONAL = ("<", ">", "≠")


class Value(NamedTuple):
    """A sum of products. `row` and `column` label the axes of the vector or matrix that this is for
    each choice of the indices in `free`."""

    terms: tuple[Term, ...]
    row: str = ""
    column: str = ""
    free: frozenset[str] = frozenset()

    @property
    def labels(self) -> Labels:
        return (*sorted(self.free), *filter(None, (self.row, self.column)))

    def of(self, array: Expr) -> Value:
        """Return a value with the labels of this one: an array, and the scalar in front of it."""
        scalars = []
        while array.op.role == "scale" and not array.is_scalar:
            scalar, array = array.args
            scalars.append(Factor(scalar, ()))
        return self._replace(terms=((*scalars, Factor(array, self.labels)),))


def in_matrices(
    root: Expr,
    bodies: Sequence[Expr],
    records: Mapping[str, Entry | Bound | Part],
    variables: Mapping[str, Expr],
    sizes: Mapping[str, Dim],
    left: str,
    book: Rulebook,
) -> Expr:
    """Return a formula with indices as one of matrices; `bodies` are what the sums are over, the
    inner ones first, `left` the indices in the order that the left side has. Raises `ShapeError`
    where there is none."""
    indexed = Indexed(book, records, variables, sizes)
    sums = [record for record in records.values() if isinstance(record, Bound)]
    related = {record.body: record.related for record in sums if record.related}
    for place, body in enumerate(bodies):
        indexed.bodies.append(indexed.read(body, related.get(place)))
    found = indexed.result(indexed.read(root), left)
    shown = [found, simplify(found, book, like=found), simplify(found, book)]
    return min(shown, key=normalizer(book).length)


class Indexed:
    """The values of the parts of one formula."""

    def __init__(
        self,
        book: Rulebook,
        records: Mapping[str, Entry | Bound | Part],
        variables: Mapping[str, Expr],
        sizes: Mapping[str, Dim],
    ) -> None:
        self.book = book
        self.algebra = book.algebra
        self.arrays = Arrays(book, dict(sizes))
        self.records = records
        self.variables = variables
        self.bodies: list[Value] = []
        self.numbers = count()
        self.memo: dict[Expr, Value | None] = {}
        self.mask: Value | None = None  # 1 where the indices of the sum are related, 0 elsewhere

    def read(self, e: Expr, related: tuple[str, ...] | None = None) -> Value:
        """Return the value of a formula as it was written, or else of its normal form; where two
        indices are not `related` it does not matter."""
        self.memo, self.mask = {}, self._mask(*related) if related else None
        try:
            return self.value(unfold(e, self.book)[0])
        except ShapeError:
            return self.value(normalizer(self.book).canonical(e))

    def result(self, value: Value, left: str) -> Expr:
        """Return a formula; an index that nothing binds runs along the result."""
        if value.free and (value.row or value.column):
            raise ShapeError("this is a vector or a matrix for each index: give it an index too")
        if left and value.free == set(left):
            return self._array(value, tuple(left))
        return self._plain(value)

    def _plain(self, value: Value) -> Expr:
        """Return a value as an array of the shape that it has in the formula."""
        array = self._array(value)
        return transposed(array) if value.column and not value.row else array

    def value(self, root: Expr) -> Value:
        """Return the value of a formula, those of its parts first."""
        for e in postorder([root]):
            if e not in self.memo:
                self.memo[e] = self._node(e)
        return self._of(root)

    def _array(self, value: Value, labels: Labels | None = None) -> Expr:
        return self.arrays.array(value.terms, value.labels if labels is None else labels)

    def _of(self, e: Expr) -> Value:
        """Return the value of a node; where nothing in it has an index, that is the node."""
        return self.memo[e] or self._leaf(e)

    def _leaf(self, e: Expr) -> Value:
        row, column = [self._label(size) if size != 1 else "" for size in e.shape]
        return Value((), row, column).of(e if row else transposed(e))

    def _label(self, size: Dim) -> str:
        label = f"~{next(self.numbers)}"
        self.arrays.sizes[label] = size
        return label

    def _node(self, e: Expr) -> Value | None:
        if e.op.role == "symbol":
            record = self.records.get(e.name)
            if record is None:
                return None
            return RECORDS[type(record)](self, record)
        if all(self.memo[arg] is None for arg in e.args):
            return None
        values = [self._of(arg) for arg in e.args]
        if not any(value.free for value in values):
            return self._leaf(self.algebra.build(e.op, [*map(self._plain, values)], e.data or ()))
        fold = FOLDS.get(e.op.role)
        if fold is not None:
            return fold(self, *values)
        return self._entrywise(e) if e.op.is_entrywise else self._reduced(e)

    def _entry(self, record: Entry) -> Value:
        """Return entries, rows or columns of a variable, of all of it or from some place on."""
        size = self.arrays.sizes[record.labels[0]] if not record.variable else 1
        if not record.variable and len(record.labels) == 1:
            (start,) = record.starts
            places = self.algebra.call("arange", dims=(start, dim_add(start, size)))
            return Value(((Factor(places, record.labels),),), free=frozenset(record.labels))
        if not record.variable:
            identity = self.arrays.factor(self.algebra.identity(size), record.labels)
            return Value(((identity,),), free=frozenset(record.labels))
        v = self.variables[record.variable]
        label = self._label(v.shape[record.labels.index("")]) if "" in record.labels else ""
        labels = tuple(x or label for x in record.labels)
        shape = (*[self.arrays.sizes[x] for x in labels], 1)[:2]
        if shape != v.shape:
            starts = (*record.starts, 0)[:2]
            v = self.algebra.call("submatrix", v, dims=(starts[0], shape[0], starts[1], shape[1]))
        free = frozenset(filter(None, record.labels))
        return Value(((self.arrays.factor(v, labels),),), label, free=free)

    def _part(self, record: Part) -> Value:
        """Return entries of what stands in brackets."""
        value = self.bodies[record.body]
        row, column = (*record.labels, "")[:2]
        value = self._renamed(value, {value.row: row, value.column: column})
        return Value(value.terms, free=value.free | set(record.labels))

    def _over(self, record: Bound) -> Value:
        """Return a sum over indices, or what else a row makes of a vector."""
        value = self.bodies[record.body]
        if record.related:
            value = self._joined(self._mask(*record.related), value, value.row, value.column)
        for label in reversed(record.labels):
            value = self._along(record.op, value, label)
        return value

    def _mask(self, first: str, sign: str, second: str) -> Value:
        """Return 1 where the two indices are related, 0 elsewhere."""
        size = self.arrays.sizes[first]
        ones = self.algebra.ones((size, size))
        kept = self.book.apply(TRIANGLES[sign], ones) if sign in TRIANGLES else ones
        if sign in WITHOUT_DIAGONAL:
            kept = kept - self.algebra.identity(size)
        return Value(((Factor(kept, (first, second)),),), free=frozenset((first, second)))

    def _along(self, op: str, value: Value, label: str) -> Value:
        rest = value.free - {label}
        if op != "sum":
            if value.row or value.column or len(rest) > 1:
                raise ShapeError(f"`{op}` over an index is read of numbers")
            array = self._array(value, (*rest, label))
            found = self.arrays.of_rows(op, array) if rest else self.book.apply(op, array)
            return Value((), free=rest).of(found)
        size = Factor(self.algebra.dimension(self.arrays.sizes[label]), ())
        terms = tuple(
            term if any(label in f.labels for f in term) else (*term, size) for term in value.terms
        )
        return self._short(value._replace(terms=terms, free=rest))

    def _renamed(self, value: Value, names: Mapping[str, str]) -> Value:
        def new(label: str) -> str:
            return names.get(label, label)

        terms = [
            tuple([self.arrays.factor(f.array, tuple(map(new, f.labels))) for f in term])
            for term in value.terms
        ]
        return Value(tuple(terms), new(value.row), new(value.column), value.free)

    def _apart(self, value: Value) -> Value:
        """Return a value with labels of its own, but for the indices; it may stand twice."""
        labels = {x for term in value.terms for f in term for x in f.labels} - value.free
        sizes = self.arrays.sizes
        return self._renamed(value, {x: self._label(sizes[x]) for x in sorted(labels)})

    def _like(self, a: Value, b: Value) -> Value:
        """Return `b` with labels of its own, but for the row and column, which are those of `a`."""
        b = self._apart(b)
        return self._renamed(b, {b.row: a.row, b.column: a.column})

    def _joined(self, a: Value, b: Value, row: str, column: str) -> Value:
        terms = tuple(x + y for x, y in product(a.terms, b.terms))
        return self._short(Value(terms, row, column, a.free | b.free))

    def _short(self, value: Value) -> Value:
        """Write a sum that a matrix can hold as one array; a product waits for what it meets."""
        many = len(value.labels) > 2 or len(value.terms) == 1
        return value if many else value.of(self._array(value))

    def _scaled(self, a: Value, b: Value) -> Value:
        b = self._apart(b)
        return self._joined(a, b, a.row or b.row, a.column or b.column)

    def _product(self, a: Value, b: Value) -> Value:
        b = self._apart(b)
        b = self._renamed(b, {b.row: a.column})
        return self._joined(a, b, a.row, b.column)

    def _hadamard(self, a: Value, b: Value) -> Value:
        return self._joined(a, self._like(a, b), a.row, a.column)

    def _transposed(self, a: Value) -> Value:
        return a._replace(row=a.column, column=a.row)

    def _trace(self, a: Value) -> Value:
        a = self._renamed(a, {a.column: a.row})
        return self._short(a._replace(row="", column=""))

    def _sum(self, first: Value, *others: Value) -> Value:
        parts = [first, *[self._like(first, other) for other in others]]
        terms = tuple(term for part in parts for term in part.terms)
        return self._short(Value(terms, first.row, first.column, _free(parts)))

    def _regular(self, a: Value) -> Expr:
        """Return an array that may be singular where the indices of the sum are not related, with
        1 there: `log(x_i - x_j)` is left out for `i = j`, and must not be infinite."""
        array = self._array(a)
        if self.mask is None or not self.mask.free <= a.free or a.labels[2:]:
            return array
        mask = self._array(self.mask, a.labels)
        rest = self.algebra.ones(array.shape) - mask
        return self.algebra.add(self.algebra.hadamard(array, mask), rest)

    def _inverse(self, a: Value) -> Value:
        one = self._array(self._leaf(self.algebra.number(1)), a.labels)
        return a.of(self.algebra.hadamard_divide(one, self._regular(a)))

    def _quotient(self, a: Value, b: Value) -> Value:
        return self._scaled(a, self._inverse(b))

    def _entrywise_quotient(self, a: Value, b: Value) -> Value:
        return self._hadamard(a, self._inverse(b))

    def _power(self, a: Value, k: Value) -> Value:
        if k.free and (k.labels == a.labels or not a.labels):
            return k.of(self.algebra.entrywise_power(self._regular(a), self._array(k)))
        if k.free:
            logs = self.book.apply("log", self._regular(a))
            product = self._hadamard(k, a.of(logs))
            return product.of(self.book.apply("exp", self._array(product)))
        exponent = self._array(k)
        whole = exponent.op.role == "number" and exponent.data.denominator == 1
        if len(a.labels) > 2 and whole and exponent.data == 2:
            return self._hadamard(a, a)
        base = self._array(a) if whole and exponent.data > 0 else self._regular(a)
        return a.of(self.algebra.entrywise_power(base, exponent))

    def _applied(self, f: Value, a: Value) -> Value:
        return a.of(self.algebra.call("apply", self._array(f), self._array(a)))

    def _entrywise(self, e: Expr) -> Value:
        """Apply an operation of entries to arrays that all have the same labels."""
        first, *others = [self._of(arg) for arg in e.args]
        parts = [first, *[self._like(first, other) for other in others]]
        value = first._replace(free=_free(parts))
        if not others and "positive" in e.op.domain(e.op.slot(0).name):
            return value.of(self.algebra.build(e.op, [self._regular(first)]))
        arrays = [self._array(part, value.labels) for part in parts]
        return value.of(self.algebra.build(e.op, arrays))

    def _reduced(self, e: Expr) -> Value:
        """Apply what makes a number of a vector to the rows of a matrix."""
        name = e.op.call or e.op.name
        value = self._of(e.args[0])
        if e.args[1:] or e.shape != SCALAR or len(value.labels) != 2 or value.column:
            indices = ", ".join(sorted(value.free))
            raise ShapeError(f"`{name}` of what runs with `{indices}` is not read")
        return Value((), free=value.free).of(self.arrays.of_rows(name, self._array(value)))


RECORDS: dict[type, Callable[..., Value]] = {
    Entry: Indexed._entry, Bound: Indexed._over, Part: Indexed._part,
}  # fmt: skip
FOLDS: dict[str, Callable[..., Value]] = {
    "sum": Indexed._sum, "scale": Indexed._scaled, "product": Indexed._product,
    "quotient": Indexed._quotient, "hadamard": Indexed._hadamard,
    "entrywise quotient": Indexed._entrywise_quotient, "entrywise power": Indexed._power,
    "transpose": Indexed._transposed, "trace": Indexed._trace, "application": Indexed._applied,
}  # fmt: skip


def _free(parts: Sequence[Value]) -> frozenset[str]:
    return frozenset().union(*[part.free for part in parts])
