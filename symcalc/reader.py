"""From postfix instructions to expressions: what names mean, and which dimensions they have."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import pairwise
from typing import Protocol

from symcalc.algebra import Algebra
from symcalc.calls import check_calls, outside
from symcalc.declare import Declaration, default_kind, parse_where
from symcalc.errors import ParseError, ShapeError, caret
from symcalc.expr import Expr, node
from symcalc.latex_input import is_latex, latex_tokens
from symcalc.op import Op
from symcalc.shape import FREE, SCALAR, Dim, Shape, Unifier, dim_names, parse_dim
from symcalc.sizes import name_unknown, resize
from symcalc.sympy_names import function_names
from symcalc.syntax import Item, Parser

MAX_EXPONENT = 1000
NORMS = {"": "norm2", "2": "norm2", "F": "normF", "Fro": "normF", "1": "norm1", "*": "normnuc"}


class Vocabulary(Protocol):
    """What the reader asks of a rulebook."""

    algebra: Algebra

    def find(self, name: str) -> list[Op]: ...

    def called(self, name: str) -> list[Op]: ...

    def expand(self, op: Op, args: list[Expr], algebra: Algebra) -> Expr: ...

    def names(self) -> list[str]: ...


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
        self.scope: dict[str, Expr] = {
            name: self.algebra.symbol(name, d.shape, d.attributes) for name, d in declared.items()
        }
        self.dims = {name for d in declared.values() for dim in d.shape for name in dim_names(dim)}
        self._check_declared()
        self.stack: list[Expr | OpenSum] = []
        self.sizes: list[Dim] = []
        self.turned: set[str] = set()
        self.latex = is_latex(text)
        self.mention = ""

    def _check_declared(self) -> None:
        for name in self.declared:
            if name in self.dims:
                raise ParseError(f"`{name}` is declared as a variable and used as a dimension")
            found = self.vocabulary.find(name)
            if len(name) > 1 and any(op.slots or op.dims for op in found):
                raise ParseError(f"`{name}` is an operation and cannot be declared: rename it")

    def read(self, expected: Shape | None = None, mention: str = "") -> Reading:
        self.mention = mention
        tokens = latex_tokens(self.text, self.declared) if self.latex else None
        items = Parser(self.text, self._is_function, self._first_size, tokens).parse()
        self.turned = {
            name.value
            for name, mark in pairwise(items)
            if name.kind == "name" and mark.kind == "postfix"
        }
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

    def _is_function(self, name: str) -> bool:
        if name in self.declared:
            return False
        letters = name != self.mention and not self.latex
        found = self.vocabulary.find(name) or outside(name, self.vocabulary.called, letters)
        return any(op.slots or op.dims for op in found)

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
            return self.scope[name]
        if name in self.dims:
            return node(self.algebra.role["dimension"], (), SCALAR, name)
        found = self.vocabulary.find(name)
        if found and not found[0].slots and not found[0].dims:
            return self._apply(found[0], [])
        kind = default_kind(name)
        if kind is None:
            raise ParseError(caret(self.text, at, self._unknown(name, at)))
        if kind == "scalar" and name in self.turned:
            kind = "vector"  # nobody transposes a number: `b'*x` is an inner product
        self.scope[name] = self.algebra.symbol(name, self._default_shape(kind))
        return self.scope[name]

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
        size = parse_dim(item.value)
        if size == 0:
            raise ParseError(caret(self.text, item.at, "a dimension is at least 1"))
        self.sizes.append(size)

    def _do_call(self, item: Item) -> None:
        sizes = [self.sizes.pop() for _ in range(len(self.sizes))][::-1]
        count = item.count - len(sizes)
        args = self._pop(count)
        op = self._choose(item, args)
        if op.column("literal") is not None:
            args = args[:-1]
        if op.column("show") == "sizes":
            sizes += [1] * (len(op.dims) - len(sizes))
        self.stack.append(self._apply(op, args, sizes))

    def _choose(self, item: Item, args: list[Expr]) -> Op:
        """Pick the row by name; `sum(A, 0)` by its literal, `diag` by vector or matrix."""
        found: list[Op] = []
        if len(args) > 1 and args[-1].op.role == "number":
            found = self.vocabulary.find(f"{item.value} {args[-1]}")
        found = found or self.vocabulary.find(item.value)
        if not found and default_kind(item.value):
            self.algebra.notes.append(f"`{item.value}(.)` is the function, not a product")
        vector = bool(args) and args[0].shape[1] == 1
        found = found or self.vocabulary.called(item.value)
        exact = [op for op in found if op.slots and (op.slots[0].cols == 1) == vector]
        return exact[0] if len(found) > 1 and exact else found[0]

    def _apply(self, op: Op, args: list[Expr], sizes: list[Dim] | None = None) -> Expr:
        if op.column("macro"):
            op.bind([arg.shape for arg in args], sizes or [], self.unifier)
            return self.vocabulary.expand(op, args, self.algebra)
        return self.algebra.build(op, args, sizes or [])

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
        builders: dict[str, Callable[[Expr, Expr], Expr]] = {
            "*": self.algebra.times, "/": self.algebra.divide, ".*": self.algebra.hadamard,
            "./": self.algebra.hadamard_divide, "^": self.algebra.power,
            ".^": self.algebra.entrywise_power, ":": self.algebra.frobenius,
            "kron": partial(self.algebra.call, "kron"),
        }  # fmt: skip
        self.stack.append(builders[item.value](a, b))
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
        if not self.unifier.count:
            return Reading(e, self.scope, notes=notes)
        names = self._dim_names()
        root, *symbols = resize([e, *self.scope.values()], names)
        used = {name for s in symbols for dim in s.shape for name in dim_names(dim)}
        scope = dict(zip(self.scope, symbols, strict=True))
        return Reading(root, scope, frozenset(used - self.dims), notes)
