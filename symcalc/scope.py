"""The names of a formula: what is declared, what an undeclared name means, what may be meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Protocol

from symcalc.algebra import Algebra
from symcalc.declare import ENTRYWISE, Declaration, default_kind
from symcalc.errors import ParseError, caret
from symcalc.expr import Expr, node
from symcalc.late import difflib
from symcalc.letters import latex_name
from symcalc.op import Op
from symcalc.postfix import Item, arity
from symcalc.shape import SCALAR, Dim, dim_names, parse_dim
from symcalc.sympy_names import function_names
from symcalc.unifier import FREE, Unifier

POWERS = ("^", ".^")
TURNED = "'"
MARKS = ("postfix", "norm")  # what only a vector has behind a lower-case name
CLASH = "`{}` is declared as a variable and used as a dimension"
MULTIPLIERS = ("lambda", "λ")
DIVIDING = (*POWERS, "/", "./")


class Vocabulary(Protocol):
    """What the reader asks of a rulebook."""

    algebra: Algebra

    @property
    def spoken(self) -> Vocabulary: ...

    def find(self, name: str) -> list[Op]: ...

    def choose(self, found: Sequence[Op], args: Sequence[Expr]) -> Op: ...

    def called(self, name: str) -> list[Op]: ...

    def expand(self, op: Op, args: list[Expr], algebra: Algebra) -> Expr: ...

    def names(self) -> list[str]: ...


class Scope:
    """The variables and dimensions of one text; undeclared names get the default kinds."""

    def __init__(
        self, text: str, declared: Mapping[str, Declaration], vocabulary: Vocabulary
    ) -> None:
        self.text = text
        self.declared = declared
        self.vocabulary = vocabulary
        self.unifier = Unifier()
        self.algebra = vocabulary.algebra.under(self.unifier)
        self.table: dict[str, Expr] = {}
        self.dims = {name for d in declared.values() for dim in d.shape for name in dim_names(dim)}
        self.written: set[str] = set()  # sizes that stand in the text, as in `eye(n)`
        self.vectors: set[str] = set()
        self.exponents: set[str] = set()
        self.numbers: set[str] = set()  # what is a scalar, whatever its letter
        self._declare()
        self._check_declared()

    def notice(self, items: list[Item], vectors: set[str]) -> None:
        """See which names are sizes (`eye(n)`), and which undeclared ones are vectors (transposed,
        alone in a norm or an inner product, bold) or exponents."""
        for item in items:
            if item.kind == "size" and item.value:
                self._write(item)
        marked = {name.value for name, mark in _name_pairs(items) if mark.kind in MARKS}
        self.vectors = vectors | marked | _multiplied_inside(items)
        self.exponents = {
            name.value
            for base, name, mark in zip([None, *items], items, items[1:], strict=False)
            if name.kind == "name" and mark.value in POWERS and not _by_entries(base, name, mark)
        }

    def _write(self, item: Item) -> None:
        names = set(dim_names(parse_dim(item.value)))
        known = sorted(names & self.declared.keys())
        if known:
            raise ParseError(caret(self.text, item.at, CLASH.format(known[0])))
        self.written |= names

    def function(self, name: str) -> Expr | None:
        """Return the function that is declared under a name, with or without primes."""
        found = self.table.get(name.rstrip("'"))
        return found if found is not None and ENTRYWISE in found.attributes else None

    def _declare(self) -> None:
        """Make the declared variables, those first on which others depend."""
        names = dict.fromkeys(p for d in self.declared.values() for p in d.parameters)
        for name in names:
            shape = self.declared[name].shape if name in self.declared else SCALAR
            if shape != SCALAR or (name in self.declared and self.declared[name].parameters):
                raise ParseError(f"others depend on `{name}`: it must be a plain scalar")
            self.table[name] = self.algebra.symbol(name, SCALAR)
        for name, d in self.declared.items():
            parameters = tuple(self.table[p] for p in d.parameters)
            self.table[name] = self.algebra.symbol(name, d.shape, d.attributes, parameters)

    def _check_declared(self) -> None:
        for name in self.declared:
            if name in self.dims:
                raise ParseError(CLASH.format(name))
            found = self.vocabulary.find(name)
            printed = [op for op in found if not op.column("macro")]  # a macro is never printed
            if len(name) > 1 and any(op.slots or op.dims for op in printed):
                raise ParseError(f"`{name}` is an operation and cannot be declared: rename it")

    def variable(self, name: str, at: int, constant: Callable[[Op], Expr]) -> Expr:
        """Return what a name stands for; `constant` builds an operation without arguments."""
        if name in self.table:
            return self._declared_variable(name, at)
        if name in self.dims or name in self.written:
            return node(self.algebra.role["dimension"], (), SCALAR, name)
        found = self.vocabulary.find(name)
        if found and not found[0].slots and not found[0].dims:
            return constant(found[0])
        partial = self._partial(name)
        if partial is not None:
            self.table[name] = partial
            return partial
        kind = default_kind(name)
        if kind is None:
            raise ParseError(caret(self.text, at, self._unknown(name, at)))
        if kind == "scalar" and name in self.vectors:
            kind = "vector"  # nobody transposes a number: `b'*x` is an inner product
        elif kind == "vector" and name in self.exponents:
            kind = "scalar"  # nobody raises to the power of a vector: `X^k`
        kind = "scalar" if name in self.numbers else kind
        self.table[name] = self.algebra.symbol(name, self._default_shape(kind))
        return self.table[name]

    def behind_matrices(self, items: list[Item]) -> set[str]:
        """Return the Greek letters right behind a matrix that nobody declared: `X*beta` is rather a
        matrix times a vector."""
        return {
            name.value
            for left, name, sign in zip(items, items[1:], items[2:], strict=False)
            if left.kind == name.kind == "name" and (sign.kind, sign.value) == ("infix", "*")
            if left.value in self.table and 1 not in self.table[left.value].shape
            if self._is_greek_number(name.value) and name.value not in self.numbers
        }

    def _is_greek_number(self, name: str) -> bool:
        """Whether a name is a scalar because it is a Greek letter; \\lambda always is one."""
        plain = name in self.declared or name not in self.table or name in MULTIPLIERS
        return not plain and not (len(name) == 1 and name.isascii()) and self.table[name].is_scalar

    def supposed(self) -> list[Expr]:
        """Return the variables that nobody declared and that are scalars by default."""
        return [v for name, v in self.table.items() if v.is_scalar and name not in self.declared]

    def _declared_variable(self, name: str, at: int) -> Expr:
        found = self.table[name]
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
        v = self.table.get(base) or self._partial(base)
        p = next((p for p in v.parameters if p.name == parameter), None) if v else None
        return self.algebra.partial(v, p) if v and p else None

    def mention(self, name: str) -> None:
        """Make sure that a variable is known, as if it stood in the formula; raise `ParseError`
        where it is rather one that does: by `x` beside `x_1`."""
        if spelled_in(name, self.table):
            return
        kind = default_kind(name)
        if name in self.dims:
            raise ParseError(f"`{name}` is a dimension, not a variable")
        if name in self.written:
            raise ParseError(
                f"`{name}` is used as a dimension here: for a product write `*` before the bracket"
            )
        if self.vocabulary.find(name) and kind != "matrix":
            raise ParseError(f"`{name}` is not a variable: it is an operation or a constant")
        if kind is None:
            raise ParseError(self._unknown(name, len(self.text)))
        other = rf"{name}\w+" if "_" in name else rf"{name}(_|\d)\w*"
        longer = next((known for known in self.table if re.fullmatch(other, known)), "")
        if longer:
            message = f"`{name}` does not occur in this formula: `{longer}` is another variable"
            raise ParseError(message)
        self.algebra.notes.append(f"`{name}` does not occur")
        self.table[name] = self.algebra.symbol(name, self._default_shape(kind))

    def _unknown(self, name: str, at: int) -> str:
        if self.vocabulary.find(name):
            return f"`{name}` is a function: write `{name}(...)`"
        called = self.text[at + len(name) :].lstrip().startswith("(")
        kind = "entrywise" if called else "matrix(n, m)"
        hint = self._hint(name) or f': declare it, for example where="{name}: {kind}"'
        return f"unknown {'function' if called else 'name'} `{name}`{hint}"

    def _default_shape(self, kind: str) -> tuple[Dim, Dim]:
        if kind == "scalar":
            return SCALAR
        rows = self.unifier.fresh(FREE)
        return (rows, 1 if kind == "vector" else self.unifier.fresh(FREE))

    def _hint(self, name: str) -> str:
        for cut in range(1, len(name)):
            if name[:cut] in self.table and name[cut:] in self.table:
                return f": did you mean `{name[:cut]}*{name[cut:]}`?"
        if self._is_glued(name):
            return f": did you mean `{'*'.join(name)}`?"
        near = difflib.get_close_matches(name, [*self.table, *self.vocabulary.names()], 1, 0.6)
        near = near or difflib.get_close_matches(name, function_names(), 1, 0.8)
        return f": did you mean `{near[0]}`?" if near else ""

    def _is_glued(self, name: str) -> bool:
        """Whether a word is rather a product of letters: `Ax`, `XY`, `xx` beside an `x`."""
        short = 1 < len(name) <= 3 and name.isalpha() and name[0] != "d"
        doubled = len(name) == 2 and name[0] == name[1]  # `uu'`
        letters = any(letter in self.table for letter in name)
        return short and (doubled or letters or not name.islower())


def below(items: list[Item]) -> list[str]:
    """Return the names in a divisor or an exponent, none of them transposed: of what may be a
    matrix, those that divide no matrix (`1/N`)."""
    stack: list[set[str]] = []
    found: dict[str, None] = {}
    turned: set[str] = set()
    for item in items:
        parts = [stack.pop() for _ in range(arity(item, len(stack)))][::-1]
        if item.kind == "infix" and item.value in DIVIDING and len(parts) == 2:
            found |= {name: None for name in sorted(parts[1]) if _may_divide(name, parts[0])}
        plain = item.kind in ("group", "prefix") or (item.kind == "infix" and item.value in "*/+-")
        names = set().union(*parts) if plain else set()
        if item.kind == "postfix":
            turned |= parts[0] if parts else set()
            names = {TURNED}
        stack.append({item.value} if item.kind == "name" else names)
    return [name for name in found if name not in turned]


def _may_divide(name: str, dividend: set[str]) -> bool:
    return name != TURNED and (default_kind(name) != "matrix" or not dividend)


def spelled_in(name: str, table: Collection[str]) -> str:
    """Return the name among others that is this one, perhaps in other letters (`beta`, `β`)."""
    if name in table:
        return name
    shown = latex_name(name)
    return next((other for other in table if latex_name(other) == shown), "")


def _multiplied_inside(items: list[Item]) -> set[str]:
    """Return the names that stand alone in `<a, b>`."""
    found: set[str] = set()
    for a, b, sign in zip(items, items[1:], items[2:], strict=False):
        if sign.kind == "infix" and sign.value == ":" and a.kind == b.kind == "name":
            found |= {a.value, b.value}
    return found


def _by_entries(base: Item | None, name: Item, mark: Item) -> bool:
    """Whether a name is an exponent that rather has entries: `2 .^ x`, `x .^ x`."""
    beside = base is not None and (base.kind == "number" or base.value == name.value)
    return beside and mark.value == ".^"


def _name_pairs(items: list[Item]) -> Iterator[tuple[Item, Item]]:
    """Return the names with the instruction that follows."""
    return ((a, b) for a, b in pairwise(items) if a.kind == "name")
