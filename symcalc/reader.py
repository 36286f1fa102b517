"""From postfix instructions to expressions: what names mean, and which dimensions they have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction

from symcalc import norms, rowwise
from symcalc.blocks import blocks, places
from symcalc.calls import check_calls, entrywise_note, says_entrywise
from symcalc.declare import Declaration, default_kind, parse_where
from symcalc.errors import ParseError, ShapeError, caret
from symcalc.expr import Expr
from symcalc.factors import is_zero
from symcalc.indices import Indices
from symcalc.infix import INFIX
from symcalc.late import indexed
from symcalc.notation import Notation
from symcalc.op import Op
from symcalc.postfix import Item
from symcalc.scope import Scope, Vocabulary, below, spelled_in
from symcalc.shape import (
    SCALAR,
    Dim,
    Shape,
    dim_names,
    parse_dim,
)
from symcalc.sizes import name_unknown, resize
from symcalc.syntax import Parser

MAX_EXPONENT = 1000
UNSIGNED_BESIDE = (".*", "kron")
TIGHTLY = "a product without a sign is read before `∘` and `⊗`: `A ∘ B C` is A ∘ (B C)"


class OpenSum(list[Expr]):
    """The terms of a sum that may go on."""


@dataclass(frozen=True)
class Reading:
    """A formula that has been read: the expression and every variable that was declared or used."""

    expr: Expr
    scope: Mapping[str, Expr]
    free: frozenset[str] = frozenset()  # the dimensions that were inferred, not declared
    notes: tuple[str, ...] = ()  # how something ambiguous was read


def read(
    text: str,
    where: Mapping[str, str] | str | None,
    vocabulary: Vocabulary,
    expected: Shape | None = None,
    mention: str = "",
) -> Reading:
    """Read a formula, of a shape if one is expected; `mention` is a variable that must be known
    even if it does not occur. Raises `ParseError` or `ShapeError` with a caret under the place."""
    if not isinstance(text, str):
        raise ParseError(f"a formula is text or an expression, not {type(text).__name__}")
    declared, vocabulary = parse_where(where), vocabulary.spoken
    reader = Reader(text, declared, vocabulary)
    try:
        reading = reader.read(expected, mention)
        if expected is not None or reading.expr.shape[0] != 1 or reading.expr.is_scalar:
            return reading
        return next(_others(reader, declared, vocabulary, mention, SCALAR), reading)
    except ShapeError:
        for other in _others(reader, declared, vocabulary, mention, expected):
            return other
        raise


def _others(
    reader: Reader,
    declared: Mapping[str, Declaration],
    vocabulary: Vocabulary,
    mention: str,
    expected: Shape | None,
) -> Iterator[Reading]:
    """Yield what a formula means that does not fit as it was read: a name that nobody declared is
    a vector, or, in a divisor or an exponent, a scalar. Nobody differentiates a row."""
    supposed = {v.name for v in reader.scope.supposed()}
    supposed |= reader.indices.supposed() if reader.indices else set()
    known = {*declared, *supposed, mention}
    numbers = [name for name in below(reader.items) if name not in known]
    scalars = sorted(supposed, key=lambda name: (default_kind(name) != "vector", name))
    if any(item.kind == "infix" and item.value in UNSIGNED_BESIDE for item in reader.items):
        with suppress(ParseError, ShapeError):
            yield Reader(reader.text, declared, vocabulary, tight=True).read(expected, mention)
    tries: list[tuple[list[str], list[str]]] = [([name], []) for name in scalars]
    if reader.indices and (open_ := reader.indices.numbers()):
        tries.insert(0, ([], open_))
    tries += [(scalars, [])] if scalars[1:] else []
    tries += [([], numbers)] if numbers else []
    for vectors, numbers in tries:
        with suppress(ParseError, ShapeError):
            found = Reader(reader.text, declared, vocabulary, vectors, numbers)
            yield found.read(expected, mention)


class Reader:
    """Executes the instructions of the parser on a stack of expressions."""

    def __init__(
        self,
        text: str,
        declared: Mapping[str, Declaration],
        vocabulary: Vocabulary,
        vectors: Iterable[str] = (),
        numbers: Iterable[str] = (),
        tight: bool = False,
    ) -> None:
        self.text = text
        self.vocabulary = vocabulary
        self.vectors = set(vectors)  # what is a scalar by default and does not fit as one
        self.numbers = set(numbers)  # what is none by default, and stands in a divisor
        self.tight = tight  # whether a product without a sign binds before `∘` and `⊗`
        self.items: list[Item] = []
        self.indices: Indices | None = None
        self.left = ""  # the indices on the left side of a definition
        self.scope = Scope(text, declared, vocabulary)
        self.unifier = self.scope.unifier
        self.algebra = self.scope.algebra
        self.stack: list[Expr | OpenSum] = []
        self.sizes: list[Dim] = []
        self.of_entries: list[Expr] = []  # calls that may be taken for functions of a matrix
        self.arrays = False  # whether the text is code of an array library

    def read(self, expected: Shape | None = None, mention: str = "") -> Reading:
        notation = Notation(self.text, self.scope.declared, self.vocabulary, mention)
        items = Parser(self.text, notation, self._first_size, self.tight).parse()
        if self.tight:
            self.algebra.notes.append(TIGHTLY)
        self.scope.notice(items, notation.vectors | self.vectors)
        self.scope.numbers = self.numbers
        self.items = items
        indexed_names: set[str] = set()
        if any(item.kind == "binder" for item in items):
            self.scope.sliced, self.left = notation.sliced, notation.left
            self.indices = Indices(
                items, self.scope, self.text, notation.left, mention, notation.columns
            )
            indexed_names = self.indices.names
        self.arrays = notation.arrays
        check_calls(items, self.text)
        for name in sorted(self.vectors - indexed_names):
            self.algebra.notes.append(f"`{name}` is a vector: a scalar does not fit there")
        for name in sorted(self.numbers):
            self.algebra.notes.append(f"`{name}` is a scalar: it stands in a divisor or exponent")
        for name in notation.products():
            self.algebra.notes.append(f"`{name}(...)` is a product, `{name}` a variable")
        for item in norms.joined(items):
            self._step(item)
        (e,) = self._pop(1)
        if mention:
            if self.indices and not spelled_in(mention, self.scope.table):
                raise ShapeError(caret(self.text, 0, f"`{mention}` does not occur in this formula"))
            self.scope.mention(mention)
        for dim, wanted in zip(e.shape, expected or (), strict=False):
            self.unifier(dim, wanted)
        conflict = self.unifier.settle()
        if conflict:
            raise ShapeError(self._named(f"the sizes {conflict[0]} and {conflict[1]} do not agree"))
        return self._finish(e)

    def _step(self, item: Item) -> None:
        try:
            getattr(self, f"_do_{item.kind}")(item)
        except ShapeError as error:
            message = self._named(str(error))
            raise ShapeError(caret(self.text, item.at, message)) from None

    def _first_size(self, name: str) -> int | None:
        found = self.vocabulary.find(name)
        return len(found[0].slots) if found and found[0].dims else None

    def _do_number(self, item: Item) -> None:
        _, _, exponent = item.value.lower().partition("e")
        if abs(int(exponent or 0)) > MAX_EXPONENT:
            raise ParseError(caret(self.text, item.at, "this number is too large"))
        whole = item.value.isdecimal()
        value = int(item.value) if whole else Fraction(item.value)
        self.stack.append(self.algebra.number(value))

    def _do_name(self, item: Item) -> None:
        found = self.indices.entry(item) if self.indices else None
        if found is None:
            found = self.scope.variable(item.value, item.at, self._apply_constant)
        self.stack.append(found)

    def _do_entries(self, item: Item) -> None:
        assert self.indices is not None
        self.stack.append(self.indices.part(item, *self._pop(1)))

    def _do_binder(self, item: Item) -> None:
        assert self.indices is not None
        self.stack.append(self.indices.over(item, *self._pop(1)))

    def _apply_constant(self, op: Op) -> Expr:
        return self._apply(op, [])

    def _do_literal(self, item: Item) -> None:
        self.stack.append(self.algebra.symbol(item.value, SCALAR))

    def _do_size(self, item: Item) -> None:
        if not item.value:
            raise ParseError(caret(self.text, item.at, "a size was expected"))
        size = parse_dim(item.value)
        self.scope.written |= set(dim_names(size))
        self.sizes.append(size)

    def _do_bare(self, item: Item) -> None:
        self._do_call(item)

    def _do_call(self, item: Item) -> None:
        function = self.scope.function(item.value)
        if function is not None:
            return self._apply_unspecified(item, function)
        if item.value.endswith("'"):
            message = f"`{item.value}`: a prime before the bracket is for declared functions only"
            raise ParseError(caret(self.text, item.at, message))
        sizes = [self.sizes.pop() for _ in range(len(self.sizes))][::-1]
        count = item.count - len(sizes)
        args = self._pop(count)
        op = self._choose(item, args)
        for name, size in zip(op.dims, sizes, strict=False):
            if size == 0 and name not in op.column("index", ()):
                raise ParseError(caret(self.text, item.at, "a dimension is at least 1"))
        if op.column("literal") is not None:
            args = args[: len(op.slots)]
        if op.column("show") == "sizes":
            sizes += [1] * (len(op.dims) - len(sizes))
        made = self._apply(op, args, sizes)
        if op.column("of_matrix") and not says_entrywise(item, self.text):
            self.of_entries.append(made)
        self.stack.append(made)
        return None

    def _apply_unspecified(self, item: Item, function: Expr) -> None:
        """Apply a declared function or its derivative, `phi(x)` or `phi'(x)`, to every entry."""
        if item.count != 1:
            message = f"`{item.value}` is a function of one argument, got {item.count}"
            raise ParseError(caret(self.text, item.at, message))
        for _ in range(item.value.count("'")):
            function = self.algebra.call("derivative", function)
        self.stack.append(self.algebra.call("apply", function, *self._pop(1)))

    def _choose(self, item: Item, args: list[Expr]) -> Op:
        """Pick the row by name; `sum(A, 0)` by its literal, `diag` by vector or matrix."""
        found: list[Op] = []
        if len(args) > 1 and args[-1].op.role in ("number", "symbol"):
            found = self.vocabulary.find(f"{item.value} {args[-1]}")
            if not found and self._is_axis(item, args):
                message = f"`{args[-1]}` is no axis: they are counted from 0, `{item.value}(A, 0)`"
                raise ParseError(caret(self.text, item.at, message))
        found = found or self.vocabulary.find(item.value)
        if not found and default_kind(item.value):
            self.algebra.notes.append(f"`{item.value}(.)` is the function, not a product")
        return self.vocabulary.choose(found or self.vocabulary.called(item.value), args)

    def _is_axis(self, item: Item, args: list[Expr]) -> bool:
        """Whether the last argument can only be an axis, as in `sum(A, 2)`."""
        rows = self.vocabulary.find(item.value)
        fits = any(op.variadic or len(op.slots) == len(args) for op in rows)
        return bool(self.vocabulary.find(f"{item.value} 0")) and not fits

    def _apply(self, op: Op, args: list[Expr], sizes: list[Dim] | None = None) -> Expr:
        if op.column("broadcast"):
            args = self._broadcast(args)
        if op.column("macro"):
            op.bind([arg.shape for arg in args], sizes or [], self.unifier)
            return self.vocabulary.expand(op, args, self.algebra)
        return self.algebra.build(op, args, sizes or [])

    def _broadcast(self, args: list[Expr]) -> list[Expr]:
        """Let a scalar beside a vector or matrix stand for each entry: `max(0, x)`."""
        shape = next((arg.shape for arg in args if not arg.is_scalar), SCALAR)
        ones, zeros = self.algebra.ones(shape), self.algebra.zeros(shape)
        return [
            arg if not arg.is_scalar else zeros if is_zero(arg) else self.algebra.times(arg, ones)
            for arg in args
        ]

    def _do_index(self, item: Item) -> None:
        (a,) = self._pop(1)
        sizes = places(a, item.value, self.scope.table)
        self.scope.written |= {name for size in sizes for name in dim_names(size)}
        self.stack.append(self.algebra.call("submatrix", a, dims=sizes))

    def _do_block(self, item: Item) -> None:
        cells = iter(self._pop(item.count))
        rows = [[next(cells) for _ in row.split(",")] for row in item.marks.split(";")]
        self.stack.append(blocks(rows, self.algebra, self.unifier))

    def _pop(self, count: int) -> list[Expr]:
        start = len(self.stack) - count
        taken = [a if isinstance(a, Expr) else self.algebra.sum_of(*a) for a in self.stack[start:]]
        del self.stack[start:]
        return taken

    def _do_prefix(self, item: Item) -> None:
        (a,) = self._pop(1)
        if item.value == "inverse":
            self.stack.append(self.algebra.power(a, self.algebra.number(-1)))
        else:
            self.stack.append(self.algebra.negate(a) if item.value == "-" else a)

    def _do_postfix(self, item: Item) -> None:
        (a,) = self._pop(1)
        self.stack.append(self.algebra.transpose(a))

    def _do_group(self, item: Item) -> None:
        self.stack.append(*self._pop(1))

    def _do_bars(self, item: Item) -> None:
        (a,) = self._pop(1)
        if a.shape[1] == 1 and not a.is_scalar:
            message = "bars of a vector: write ||x|| for its norm, abs(x) for its entries"
            raise ParseError(caret(self.text, item.at, message))
        self.stack.append(self.algebra.call("abs" if a.is_scalar else "det", a))

    def _do_norm(self, item: Item) -> None:
        (a,) = self._pop(1)
        name = item.value
        if self.indices is not None:
            self.indices.check_norm(a)
        if name == "2" and 1 not in a.shape:
            self.algebra.notes.append(norms.FROBENIUS)
        if name in norms.NAMED:
            return self.stack.append(self.algebra.call(norms.NAMED[name], a))
        found, args = self.vocabulary.find(f"norm {name}"), [a]
        if not found:
            args.append(norms.subscript(item, a, self.scope, self._apply_constant, self.text))
            rows = self.vocabulary.find(f"norm {item.marks}" if item.marks else "norm")
            found = [self.vocabulary.choose(rows, args)]
        return self.stack.append(self._apply(found[0], args))

    def _do_infix(self, item: Item) -> None:
        if item.value in "+-":
            return self._add(item)
        a, b = self._pop(2)
        if self.arrays and item.value in rowwise.SIGNS:
            a, b = self._in_rows(a, b), self._in_rows(b, a)
        self.stack.append(INFIX[item.value](self.algebra, a, b))
        return None

    def _add(self, item: Item) -> None:
        """Continue the chain `a + b - c` on top of the stack: a chain becomes one node."""
        (b,) = self._pop(1)
        chain = self.stack.pop()
        if isinstance(chain, Expr):
            chain = OpenSum([chain])
        if self.arrays:
            chain[:] = [self._in_rows(term, b) for term in chain]
            b = self._in_rows(b, chain[0])
        chain.append(self.algebra.negate(b) if item.value == "-" else b)
        rowwise.check_sum(self.algebra, chain[0], b)
        self.stack.append(chain)

    def _in_rows(self, e: Expr, beside: Expr) -> Expr:
        return rowwise.in_every_row(self.algebra, e, beside)

    def _named(self, message: str) -> str:
        """Give the unknown dimensions of a message readable names."""
        names = self._dim_names()
        return re.sub(r"[?~]\d+", lambda m: str(names.get(m[0], "?")), message)

    def _dim_names(self) -> dict[str, Dim]:
        symbols = list(self.scope.table.values())
        return name_unknown(
            self.unifier, symbols, self.scope.dims | self.scope.written | set(self.scope.table)
        )

    def _finish(self, e: Expr) -> Reading:
        if not self.unifier.names:
            root = self._in_matrices(e, self.scope.table, {})
            return Reading(root, self.scope.table, notes=self._notes(self.of_entries))
        names = self._dim_names()
        roots = [e, *self.scope.table.values(), *self.of_entries]
        root, *symbols = resize(roots, names)
        calls = [symbols.pop() for _ in self.of_entries][::-1]
        used = {name for s in symbols for dim in s.shape for name in dim_names(dim)}
        scope = dict(zip(self.scope.table, symbols, strict=True))
        root = self._in_matrices(root, scope, names)
        return Reading(root, scope, frozenset(used - self.scope.dims), self._notes(calls))

    def _notes(self, calls: list[Expr]) -> tuple[str, ...]:
        notes = [*self.algebra.notes, *map(entrywise_note, calls)]
        return tuple(dict.fromkeys(note for note in notes if note))

    def _in_matrices(self, e: Expr, scope: Mapping[str, Expr], names: Mapping[str, Dim]) -> Expr:
        """Return a formula that may have indices as one of matrices."""
        found = self.indices
        if found is None:
            return e
        sizes = {ruler.name: ruler.shape[0] for ruler in resize(found.rulers(), names)}
        bodies = resize(found.bodies, names)
        try:
            found.check([e, *bodies])
            made: Expr = indexed.in_matrices(
                e, bodies, found.records, scope, sizes, self.left, self.algebra.book
            )
        except ShapeError as error:
            at = next(item.at for item in self.items if item.kind == "binder")
            raise ShapeError(caret(self.text, at, str(error))) from None
        return made
