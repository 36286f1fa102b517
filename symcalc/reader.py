"""From text to expressions: the formula as it stands, and what it means where that does not fit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, replace

from symcalc import norms
from symcalc.calls import check_axes, check_calls, entrywise_note
from symcalc.declare import Declaration, default_kind, parse_where
from symcalc.errors import ParseError, ShapeError, caret
from symcalc.execute import Machine
from symcalc.expr import Expr
from symcalc.late import asked, indexed, indices
from symcalc.notation import Notation
from symcalc.postfix import Item
from symcalc.scope import Vocabulary, below, spelled_in
from symcalc.shape import SCALAR, Dim, Shape, dim_names
from symcalc.sizes import name_unknown, resize
from symcalc.syntax import Parser

UNSIGNED_BESIDE = (".*", "kron")
ASKING = re.compile(
    r"∂|∇|nabla|partial|frac\s*\{|d\s*/\s*d|erivative|radient|min|max|s\.t\.|subject"
    r"|mapsto|↦|->|@\s*\(\s*\w+\s*[,)]"
)
TIGHTLY = "a product without a sign is read before `∘` and `⊗`: `A ∘ B C` is A ∘ (B C)"


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
    asks = mention and ASKING.search(text)
    text, note = asked.function_alone(text, mention) if asks else (text, "")
    if note:
        alone = read(text, where, vocabulary, expected, mention)
        return replace(alone, notes=(*alone.notes, note))
    reader = Reader(text, declared, vocabulary)
    try:
        reading = reader.read(expected, mention)
        if reader.added or reader.behind:
            rather = reader.added | reader.behind
            with suppress(ParseError, ShapeError):
                return Reader(text, declared, vocabulary, rather).read(expected, mention)
            reader.check_behind()
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
    if numbers:
        tries += [([], numbers), *((vectors, numbers) for vectors, _ in tries if vectors)]
    while tries:
        vectors, numbers = tries.pop(0)
        found = Reader(reader.text, declared, vocabulary, vectors, numbers)
        with suppress(ParseError, ShapeError):
            yield found.read(expected, mention)
        if numbers and not vectors:  # it may have read on, and met other names
            more = sorted({v.name for v in found.scope.supposed()} - supposed - {*numbers})
            tries += [([name], numbers) for name in more]


class Reader(Machine):
    """Reads one formula; `added` are the scalars by default that LaTeX adds to vectors, where they
    are rather vectors: `Ax - b`."""

    added: AbstractSet[str] = frozenset()
    behind: AbstractSet[str] = frozenset()  # Greek scalars by default right behind a matrix

    def read(self, expected: Shape | None = None, mention: str = "") -> Reading:
        """Return the formula, of a shape if one is expected."""
        notation = Notation(self.text, self.scope.declared, self.vocabulary, mention)
        items = Parser(self.text, notation, self._first_size, self.tight).parse()
        self.scope.notice(items, notation.vectors | self.vectors)
        self.scope.numbers = self.numbers
        self.items = items
        self.arrays = notation.arrays
        self.typed = not (notation.arrays or notation.latex)
        self.contracts = self.typed and any(item.value == "@" for item in items)
        if any(item.kind == "binder" for item in items):
            self.indices = indices.Indices(items, self.scope, notation)
        check_calls(items, self.text)
        check_axes(items, self.text, self.vocabulary.find)
        self._tell_choices(notation)
        for item in norms.joined(items):
            self._step(item)
        (e,) = self._pop(1)
        if notation.typeset:
            terms = [self.algebra.split(term)[1] for term in self.algebra.added]
            names = {x[0].name for x in terms if len(x) == 1 and x[0].op.role == "symbol"}
            self.added = names - {*self.scope.declared, *self.numbers}
        self.behind = self.scope.behind_matrices(items)
        self._mention(mention)
        for dim, wanted in zip(e.shape, expected or (), strict=False):
            self.unifier(dim, wanted)
        conflict = self.unifier.settle()
        if conflict:
            raise ShapeError(self._named(f"the sizes {conflict[0]} and {conflict[1]} do not agree"))
        return self._finish(e)

    def check_behind(self) -> None:
        """Raise `ParseError` for `Y - X*beta` of undeclared names: a number stands in front."""
        names = [v.name for v in self.scope.table.values() if not v.is_scalar]
        for item in self.items:
            if item.value in self.behind and not set(names) <= {*self.scope.declared}:
                message = (
                    f"is `{item.value}` behind a matrix a vector? declare it, or write it first"
                )
                raise ParseError(caret(self.text, item.at, message))

    def _tell_choices(self, notation: Notation) -> None:
        """Note how names and products were taken where that is not what they are by themselves."""
        notes = self.algebra.notes
        notes += [*notation.notes, *[TIGHTLY] * self.tight]
        known = self.indices.names if self.indices else set()
        for name in sorted(self.vectors - known):
            notes.append(f"`{name}` is a vector: a scalar does not fit there")
        why = (
            "a vector does not fit there" if self.indices else "it stands in a divisor or exponent"
        )
        notes += [f"`{name}` is a scalar: {why}" for name in sorted(self.numbers)]
        for name in notation.products():
            notes.append(f"`{name}(...)` is a product, `{name}` a variable")

    def _mention(self, name: str) -> None:
        if not name:
            return
        if self.indices and not spelled_in(name, self.scope.table):
            raise ShapeError(caret(self.text, 0, f"`{name}` does not occur in this formula"))
        self.scope.mention(name)
        used = {item.value for item in self.items if item.kind == "name"}
        parts = [x for x in used - {*self.scope.declared} if re.fullmatch(rf"{name}_?\d+", x)]
        if parts and not spelled_in(name, used):
            part = min(parts)
            message = f"`{part}` is no entry of `{name}`: write `{name}[0]`, counted from 0"
            raise ParseError(caret(self.text, 0, message))

    def _step(self, item: Item) -> None:
        try:
            getattr(self, f"_do_{item.kind}")(item)
        except ShapeError as error:
            message = self._named(str(error))
            raise ShapeError(caret(self.text, item.at, message)) from None

    def _first_size(self, name: str) -> int | None:
        found = self.vocabulary.find(name)
        return len(found[0].slots) if found and found[0].dims else None

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
                e, bodies, found.records, scope, sizes, found.left, self.algebra.book
            )
        except ShapeError as error:
            at = next(item.at for item in self.items if item.kind == "binder")
            raise ShapeError(caret(self.text, at, str(error))) from None
        return made
