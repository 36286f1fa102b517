"""From postfix instructions to expressions: what names mean, and which dimensions they have."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial, reduce
from itertools import pairwise
from typing import Protocol

from symcalc.algebra import Algebra
from symcalc.calls import check_calls
from symcalc.declare import ENTRYWISE, Declaration, default_kind, parse_where
from symcalc.errors import ParseError, ShapeError, caret
from symcalc.expr import Expr, node
from symcalc.notation import Notation
from symcalc.op import Op
from symcalc.postfix import Item
from symcalc.shape import (
    FREE,
    LOOSE,
    SCALAR,
    Dim,
    Shape,
    Unifier,
    dim_add,
    dim_names,
    dim_sub,
    parse_dim,
    shape_text,
)
from symcalc.show import brief
from symcalc.sizes import name_unknown, resize
from symcalc.sympy_names import function_names
from symcalc.syntax import Parser

MAX_EXPONENT = 1000
POWERS = ("^", ".^")
NORMS = {"": "norm2", "2": "norm2", "F": "normF", "Fro": "normF", "1": "norm1", "*": "normnuc"}


class Vocabulary(Protocol):
    """What the reader asks of a rulebook."""

    algebra: Algebra

    def find(self, name: str) -> list[Op]: ...

    def choose(self, found: Sequence[Op], args: Sequence[Expr]) -> Op: ...

    def called(self, name: str) -> list[Op]: ...

    def expand(self, op: Op, args: list[Expr], algebra: Algebra) -> Expr: ...

    def names(self) -> list[str]: ...


INFIX: dict[str, Callable[[Algebra, Expr, Expr], Expr]] = {
    "*": Algebra.times, "/": Algebra.divide, ".*": Algebra.hadamard,
    "./": Algebra.hadamard_divide, "^": Algebra.power, ".^": Algebra.entrywise_power,
    ":": Algebra.frobenius, "kron": lambda algebra, a, b: algebra.call("kron", a, b),
}  # fmt: skip


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
    return Reader(text, parse_where(where), vocabulary).read(expected, mention)


class Reader:
    """Executes the instructions of the parser on a stack of expressions."""

    def __init__(
        self, text: str, declared: Mapping[str, Declaration], vocabulary: Vocabulary
    ) -> None:
        self.text = text
        self.declared = declared
        self.vocabulary = vocabulary
        self.unifier = Unifier()
        self.algebra = vocabulary.algebra.under(self.unifier)
        self.scope: dict[str, Expr] = {}
        self._declare()
        self.dims = {name for d in declared.values() for dim in d.shape for name in dim_names(dim)}
        self._check_declared()
        self.stack: list[Expr | OpenSum] = []
        self.sizes: list[Dim] = []
        self.turned: set[str] = set()
        self.exponents: set[str] = set()

    def _declare(self) -> None:
        """Make the declared variables, those first on which others depend."""
        names = dict.fromkeys(p for d in self.declared.values() for p in d.parameters)
        for name in names:
            shape = self.declared[name].shape if name in self.declared else SCALAR
            if shape != SCALAR or (name in self.declared and self.declared[name].parameters):
                raise ParseError(f"others depend on `{name}`: it must be a plain scalar")
            self.scope[name] = self.algebra.symbol(name, SCALAR)
        for name, d in self.declared.items():
            parameters = tuple(self.scope[p] for p in d.parameters)
            self.scope[name] = self.algebra.symbol(name, d.shape, d.attributes, parameters)

    def _check_declared(self) -> None:
        for name in self.declared:
            if name in self.dims:
                raise ParseError(f"`{name}` is declared as a variable and used as a dimension")
            found = self.vocabulary.find(name)
            if len(name) > 1 and any(op.slots or op.dims for op in found):
                raise ParseError(f"`{name}` is an operation and cannot be declared: rename it")

    def read(self, expected: Shape | None = None, mention: str = "") -> Reading:
        notation = Notation(self.text, self.declared, self.vocabulary, mention)
        items = Parser(self.text, notation, self._first_size).parse()
        turned = {name.value for name, mark in _name_pairs(items) if mark.kind == "postfix"}
        self.turned = notation.vectors | turned
        self.exponents = {name.value for name, mark in _name_pairs(items) if mark.value in POWERS}
        check_calls(items, self.text)
        for item in items:
            self._step(item)
        (e,) = self._pop(1)
        if mention:
            self._mention(mention)
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

    def _hint(self, name: str) -> str:
        for cut in range(1, len(name)):
            if name[:cut] in self.scope and name[cut:] in self.scope:
                return f": did you mean `{name[:cut]}*{name[cut:]}`?"
        near = difflib.get_close_matches(name, [*self.scope, *self.vocabulary.names()], 1, 0.6)
        near = near or difflib.get_close_matches(name, function_names(), 1, 0.8)
        return f": did you mean `{near[0]}`?" if near else ""

    def _do_number(self, item: Item) -> None:
        _, _, exponent = item.value.lower().partition("e")
        if abs(int(exponent or 0)) > MAX_EXPONENT:
            raise ParseError(caret(self.text, item.at, "this number is too large"))
        self.stack.append(self.algebra.number(Fraction(item.value)))

    def _do_name(self, item: Item) -> None:
        self.stack.append(self._variable(item.value, item.at))

    def _variable(self, name: str, at: int) -> Expr:
        if name in self.scope:
            return self._declared_variable(name, at)
        if name in self.dims:
            return node(self.algebra.role["dimension"], (), SCALAR, name)
        found = self.vocabulary.find(name)
        if found and not found[0].slots and not found[0].dims:
            return self._apply(found[0], [])
        partial = self._partial(name)
        if partial is not None:
            self.scope[name] = partial
            return partial
        kind = default_kind(name)
        if kind is None:
            raise ParseError(caret(self.text, at, self._unknown(name, at)))
        if kind == "scalar" and name in self.turned:
            kind = "vector"  # nobody transposes a number: `b'*x` is an inner product
        elif name in self.exponents:
            kind = "scalar"  # nobody raises to the power of a vector: `X^k`
        self.scope[name] = self.algebra.symbol(name, self._default_shape(kind))
        return self.scope[name]

    def _declared_variable(self, name: str, at: int) -> Expr:
        found = self.scope[name]
        if ENTRYWISE in found.attributes:
            raise ParseError(
                caret(self.text, at, f"`{name}` is a function of one argument: write `{name}(...)`")
            )
        return found

    def _partial(self, name: str) -> Expr | None:
        """Return `dK_t`, the derivative of a declared `K` that depends on `t`."""
        base, _, parameter = name[1:].rpartition("_")
        if name[:1] != "d" or not base:
            return None
        v = self.scope.get(base) or self._partial(base)
        p = next((p for p in v.parameters if p.name == parameter), None) if v else None
        return self.algebra.partial(v, p) if v and p else None

    def _mention(self, name: str) -> None:
        """Make sure that a variable is known, as if it stood in the formula."""
        if name in self.scope:
            return
        kind = default_kind(name)
        if name in self.dims:
            raise ParseError(f"`{name}` is a dimension, not a variable")
        if self.vocabulary.find(name) and kind != "matrix":
            raise ParseError(f"`{name}` is not a variable: it is an operation or a constant")
        if kind is None:
            raise ParseError(self._unknown(name, len(self.text)))
        self.scope[name] = self.algebra.symbol(name, self._default_shape(kind))

    def _unknown(self, name: str, at: int) -> str:
        if self.vocabulary.find(name):
            return f"`{name}` is a function: write `{name}(...)`"
        called = self.text[at + len(name) :].lstrip().startswith("(")
        hint = self._hint(name) or f': declare it, for example where="{name}: matrix(n, m)"'
        return f"unknown {'function' if called else 'name'} `{name}`{hint}"

    def _default_shape(self, kind: str) -> tuple[Dim, Dim]:
        if kind == "scalar":
            return SCALAR
        rows = self.unifier.fresh(FREE)
        return (rows, 1 if kind == "vector" else self.unifier.fresh(FREE))

    def _do_size(self, item: Item) -> None:
        if not item.value:
            raise ParseError(caret(self.text, item.at, "a size was expected"))
        self.sizes.append(parse_dim(item.value))

    def _do_bare(self, item: Item) -> None:
        self._do_call(item)

    def _do_call(self, item: Item) -> None:
        function = self.scope.get(item.value.rstrip("'"))
        if function is not None and ENTRYWISE in function.attributes:
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
            args = args[:-1]
        if op.column("show") == "sizes":
            sizes += [1] * (len(op.dims) - len(sizes))
        self.stack.append(self._apply(op, args, sizes))
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
        if len(args) > 1 and args[-1].op.role == "number":
            found = self.vocabulary.find(f"{item.value} {args[-1]}")
        found = found or self.vocabulary.find(item.value)
        if not found and default_kind(item.value):
            self.algebra.notes.append(f"`{item.value}(.)` is the function, not a product")
        return self.vocabulary.choose(found or self.vocabulary.called(item.value), args)

    def _apply(self, op: Op, args: list[Expr], sizes: list[Dim] | None = None) -> Expr:
        if op.column("macro"):
            op.bind([arg.shape for arg in args], sizes or [], self.unifier)
            return self.vocabulary.expand(op, args, self.algebra)
        if op.column("broadcast"):
            args = self._broadcast(args)
        return self.algebra.build(op, args, sizes or [])

    def _broadcast(self, args: list[Expr]) -> list[Expr]:
        """Let a scalar beside a vector or matrix stand for each entry: `max(0, x)`."""
        shape = next((arg.shape for arg in args if not arg.is_scalar), SCALAR)
        ones = self.algebra.ones(shape)
        return [self.algebra.times(arg, ones) if arg.is_scalar else arg for arg in args]

    def _do_index(self, item: Item) -> None:
        """Take an entry, a row, a column or a block; indices count from 0."""
        (a,) = self._pop(1)
        places = item.value.split(",")
        vector = len(places) == 1 and 1 in a.shape
        if not vector and len(places) != 2:
            message = f"`{brief(a)}` is {shape_text(a.shape)}: write `[i, j]`, `[i, :]` or `[:, j]`"
            raise ShapeError(message)
        row = vector and a.shape[1] != 1
        texts = ["0", *places] if row else ([*places, "0"] if vector else places)
        sizes = [
            dim
            for text, size in zip(texts, a.shape, strict=True)
            for dim in self._interval(text, size, item.at)
        ]
        self.stack.append(self.algebra.call("submatrix", a, dims=sizes))

    def _interval(self, text: str, size: Dim, at: int) -> tuple[Dim, Dim]:
        """Return the start and the length that `i`, `:`, `a:b`, `a:` or `:b` means."""
        start_text, colon, stop_text = text.partition(":")
        start: Dim = parse_dim(start_text) if start_text.strip() or not colon else 0
        stop = parse_dim(stop_text) if stop_text.strip() else size
        count = dim_sub(stop, start) if colon else 1
        known = [x for x in (start, count) if isinstance(x, int)]
        beyond = dim_sub(size, dim_add(start, count))
        if any(x < 0 for x in known) or count == 0 or (isinstance(beyond, int) and beyond < 0):
            raise ShapeError(
                f"the index `{text}` is outside of 0 to {size} - 1: indices count from 0"
            )
        named = next((n for n in [*dim_names(start), *dim_names(count)] if n in self.scope), None)
        if named is not None:
            raise ShapeError(f"the index `{named}` is a variable: use a number or another name")
        return start, count

    def _do_block(self, item: Item) -> None:
        """Put blocks side by side and one above the other; a `0` takes the size that it needs."""
        parts = self._pop(item.count)
        cells = iter(parts)
        rows = [[next(cells) for _ in row.split(",")] for row in item.marks.split(";")]
        rows = [[self._block(e, len(parts) > 1) for e in row] for row in rows]
        for row in rows:
            for e in row[1:]:
                self.unifier(e.shape[0], row[0].shape[0])
        if len({len(row) for row in rows}) == 1:
            for column in zip(*rows, strict=True):
                for e in column[1:]:
                    self.unifier(e.shape[1], column[0].shape[1])
        beside, above = (partial(self.algebra.call, name) for name in ("hcat", "vcat"))
        self.stack.append(reduce(above, [reduce(beside, row) for row in rows]))

    def _block(self, e: Expr, free: bool) -> Expr:
        zero = e.op.role == "number" and e.data == 0 and free
        fresh = (self.unifier.fresh(LOOSE), self.unifier.fresh(LOOSE)) if zero else SCALAR
        return self.algebra.zeros(fresh) if zero else e

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
        self.stack.append(self.algebra.call("abs" if a.is_scalar else "det", a))

    def _do_norm(self, item: Item) -> None:
        (a,) = self._pop(1)
        name = NORMS.get(item.value)
        found = self.vocabulary.find(name) if name else []
        if not found:
            raise ParseError(caret(self.text, item.at, f"the norm `_{item.value}` is not known"))
        self.stack.append(self.algebra.build(found[0], [a]))

    def _do_infix(self, item: Item) -> None:
        if item.value in "+-":
            return self._add(item)
        a, b = self._pop(2)
        self.stack.append(INFIX[item.value](self.algebra, a, b))
        return None

    def _add(self, item: Item) -> None:
        """Continue the chain `a + b - c` on top of the stack: a chain becomes one node."""
        (b,) = self._pop(1)
        chain = self.stack.pop()
        if isinstance(chain, Expr):
            chain = OpenSum([chain])
        chain.append(self.algebra.negate(b) if item.value == "-" else b)
        self.algebra.check_sum(chain[0], b)
        self.stack.append(chain)

    def _named(self, message: str) -> str:
        """Give the unknown dimensions of a message readable names."""
        names = self._dim_names()
        return re.sub(r"[?~]\d+", lambda m: str(names.get(m[0], "?")), message)

    def _dim_names(self) -> dict[str, Dim]:
        symbols = list(self.scope.values())
        return name_unknown(self.unifier, symbols, self.dims | set(self.scope))

    def _finish(self, e: Expr) -> Reading:
        notes = tuple(dict.fromkeys(self.algebra.notes))
        if not self.unifier.names:
            return Reading(e, self.scope, notes=notes)
        names = self._dim_names()
        root, *symbols = resize([e, *self.scope.values()], names)
        used = {name for s in symbols for dim in s.shape for name in dim_names(dim)}
        scope = dict(zip(self.scope, symbols, strict=True))
        return Reading(root, scope, frozenset(used - self.dims), notes)


def _name_pairs(items: list[Item]) -> Iterator[tuple[Item, Item]]:
    """Return the names with the instruction that follows."""
    return ((a, b) for a, b in pairwise(items) if a.kind == "name")
