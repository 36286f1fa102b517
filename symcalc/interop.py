"""SymPy in: matrix expressions and scalar functions of them become formulas, class by class.

A class that a row's `sympy` column names (`Inverse({A})`) is read as that row; the tables below
hold leaves, and classes that stand for more than one operation, such as products of any length.
Nothing here imports SymPy: whoever hands over an expression of SymPy has it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial, reduce
from typing import Any, Protocol

from symcalc.algebra import Algebra
from symcalc.blocks import blocks
from symcalc.declare import parse_where
from symcalc.errors import ParseError, RuleError, ShapeError
from symcalc.expr import Expr, in_scope
from symcalc.graph import postorder
from symcalc.op import Op
from symcalc.shape import SCALAR, Shape, shape_text
from symcalc.sympy_names import is_sympy
from symcalc.sympy_out import entry_slots, to_sympy
from symcalc.sympy_scope import Names, kind
from symcalc.unifier import Unifier

__all__ = ["entrywise", "from_sympy", "is_sympy", "to_sympy"]
SIZED = ("MatrixSymbol", "Identity", "OneMatrix", "ZeroMatrix")


class Vocabulary(Protocol):
    """What the translation asks of a rulebook: the row that stands for a class of SymPy."""

    algebra: Algebra

    def find(self, name: str) -> list[Op]: ...

    def of_sympy(self, name: str) -> Op: ...


def from_sympy(
    expression: Any, book: Vocabulary, where: Mapping[str, str] | str | None = None
) -> Expr:
    """Return an expression of SymPy as a formula, its variables in scope.

    An n-by-1 `MatrixSymbol` becomes a vector, a `Symbol` a scalar (or a size, where a shape uses
    it); `where` may add attributes (`"S: spd matrix(n)"`). Raises `RuleError` for what has no row,
    `ShapeError` and `ParseError` for shapes and names that the language does not have.

    >>> from sympy import Inverse, MatrixSymbol, Trace
    >>> from symcalc import default_rules
    >>> X = MatrixSymbol("X", 3, 3)
    >>> print(from_sympy(Trace(Inverse(X) * X.T), default_rules()))
    tr(inv(X)*X')
    """
    reader = _In(book, Names(parse_where(where)))
    return in_scope(reader.translated(expression), reader.names.scope)


def entrywise(body: Any, entry: Any, matrix: Expr, book: Vocabulary) -> Expr:
    """Return a scalar expression in the symbol `entry`, applied to every entry of a matrix."""
    return _Entrywise(book, Names({}), entry, matrix).translated(body)


class _In:
    """One translation, from the leaves up."""

    def __init__(self, book: Vocabulary, names: Names) -> None:
        self.book, self.algebra, self.names = book, book.algebra, names

    def translated(self, root: Any) -> Expr:
        """Return the formula of an expression, each distinct part of it translated once."""
        if not is_sympy(root) or type(root).__hash__ is None:
            raise ParseError(
                f"`{_brief(root)}` is not a symbolic expression of SymPy: write explicit matrices "
                "as MatrixSymbol, and pass their values when you evaluate"
            )
        order = postorder([root], into=lambda e: not kind(e, LEAVES))
        for e in reversed(order):
            self._check_known(e)
        shapes = [e.shape for e in order if kind(e, SIZED)]
        self.names.sizes |= {s for shape in shapes for size in shape for s in size.free_symbols}
        memo: dict[Any, Any] = {}
        for e in order:
            memo[e] = self._node(e, memo)
        found: Expr = memo[root]
        return found

    def _check_known(self, e: Any) -> None:
        name = _class_name(e)
        if not name:
            raise RuleError(f"`{_brief(e)}` is a function without a meaning: replace it in SymPy")
        if not kind(e, LEAVES) and name not in OPERATIONS:
            self.book.of_sympy(name)

    def _node(self, e: Any, memo: Mapping[Any, Any]) -> Any:
        if leaf := kind(e, LEAVES):
            return LEAVES[leaf](self, e)
        args, name = [memo[arg] for arg in e.args], _class_name(e)
        return OPERATIONS[name](self, *args) if name in OPERATIONS else self._row(e, name, args)

    def _row(self, e: Any, name: str, args: list[Expr]) -> Expr:
        """Return the operation of the row that names the class."""
        op = self.book.of_sympy(name)
        if len(args) != len(op.slots):
            raise RuleError(f"`{_brief(e)}`: `{op.name}` takes {len(op.slots)} argument(s)")
        for slot, arg in zip(op.slots, args, strict=True):
            if slot.name in entry_slots(op):
                self.check_entry(e, arg)
        return self.algebra.build(op, args)

    def check_entry(self, e: Any, arg: Expr) -> None:
        """Raise `ShapeError` for a scalar function of a matrix."""
        if not arg.is_scalar:
            raise ShapeError(
                f"`{_brief(e)}` is a function of a {shape_text(arg.shape)} matrix: write "
                "X.applyfunc(f) for the function of every entry"
            )

    def call(self, name: str, *args: Expr) -> Expr:
        return self.algebra.build(self.algebra.ops[name], args)

    def symbol(self, e: Any) -> Expr:
        """Return a scalar variable, or a size where the shape of a matrix uses the symbol."""
        if e in self.names.sizes:
            return self.algebra.dimension(self.names.size(e))
        known = ("positive", e.is_positive), ("nonnegative", e.is_nonnegative and not e.is_positive)
        return self._variable(e, SCALAR, frozenset(word for word, holds in known if holds))

    def matrix_symbol(self, e: Any) -> Expr:
        return self._variable(e, self.names.shape(e), frozenset())

    def _variable(self, e: Any, shape: Shape, known: frozenset[str]) -> Expr:
        name = self.names.claim(e)
        if len(name) > 1 and any(op.slots or op.dims for op in self.book.find(name)):
            raise ParseError(f"`{name}` is an operation: rename the symbol in SymPy")
        attributes = self.names.attributes(name, shape) | known
        return self.names.scope.setdefault(name, self.algebra.symbol(name, shape, attributes))

    def decimal(self, e: Any) -> Expr:
        """Return the shortest decimal that is the same double: `Float(0.1)` is 1/10."""
        if not math.isfinite(float(e)):
            raise ShapeError(f"the number `{e}` is too large")
        return self.algebra.number(Fraction(repr(float(e))))

    def sum(self, *args: Expr) -> Expr:
        return self.algebra.sum_of(*args)

    def product(self, *args: Expr) -> Expr:
        return reduce(self.algebra.times, args)

    def power(self, base: Expr, k: Expr) -> Expr:
        if base.is_scalar and k is self.algebra.number(-1):
            return self.algebra.divide(self.algebra.number(1), base)
        return self.algebra.power(base, k)

    def element(self, base: Expr, *place: Expr) -> Expr:
        """Return an entry of a matrix, which counts from 0 in SymPy too."""
        if not all(index.op.role == "number" for index in place):
            raise RuleError(f"an entry of `{base}` with a symbol as index: write a number")
        i, j = (index.data for index in place)
        return self.algebra.call("submatrix", base, dims=(i, 1, j, 1))

    def blocks(self, e: Any) -> Expr:
        """Return a matrix of blocks."""
        rows = [[self.translated(b) for b in e.blocks.row(i)] for i in range(e.blockshape[0])]
        return blocks(rows, self.algebra, Unifier())

    def part(self, e: Any) -> Expr:
        """Return some rows and columns of a matrix, all of them that lie between two indices."""
        spans = [tuple(span) for span in (e.rowslice, e.colslice)]
        if any(step != 1 for _, _, step in spans):
            raise RuleError(f"`{_brief(e)}`: a part of a matrix leaves no rows or columns out")
        size = self.names.size
        dims = [d for a, b, _ in spans for d in (size(a) if a else 0, size(b - a))]
        return self.algebra.call("submatrix", self.translated(e.parent), dims=tuple(dims))

    def applied(self, function: Any, matrix: Expr) -> Expr:
        """Return a function applied to the entries of a matrix."""
        (entry,) = function.variables
        return _Entrywise(self.book, self.names, entry, matrix).translated(function.expr)


class _Entrywise(_In):
    """The translation of a scalar expression in one symbol, which stands for each entry."""

    def __init__(self, book: Vocabulary, names: Names, entry: Any, matrix: Expr) -> None:
        super().__init__(book, names)
        self.entry, self.matrix = entry, matrix

    def check_entry(self, e: Any, arg: Expr) -> None:
        """Every function is one of the entries here."""

    def symbol(self, e: Any) -> Expr:
        return self.matrix if e == self.entry else super().symbol(e)

    def translated(self, root: Any) -> Expr:
        """Return the formula in the shape of the matrix, also of a constant."""
        return self._spread(super().translated(root))

    def _spread(self, e: Expr) -> Expr:
        return self.algebra.hadamard(e, self.ones) if e.is_scalar else e

    @property
    def ones(self) -> Expr:
        return self.algebra.ones(self.matrix.shape)

    def sum(self, *args: Expr) -> Expr:
        constant = all(arg.is_scalar for arg in args)
        return self.algebra.sum_of(*(args if constant else map(self._spread, args)))

    def product(self, *args: Expr) -> Expr:
        return reduce(self.algebra.hadamard, args)

    def power(self, base: Expr, k: Expr) -> Expr:
        return self.algebra.entrywise_power(base, k)


LEAVES: dict[str, Callable[[_In, Any], Any]] = {
    "Symbol": lambda t, e: t.symbol(e),
    "MatrixSymbol": lambda t, e: t.matrix_symbol(e),
    "Rational": lambda t, e: t.algebra.number(Fraction(int(e.p), int(e.q))),
    "Float": lambda t, e: t.decimal(e),
    "Pi": lambda t, e: t.call("pi"),
    "Exp1": lambda t, e: t.call("exp", t.algebra.number(1)),
    "Identity": lambda t, e: t.algebra.identity(t.names.size(e.shape[0])),
    "OneMatrix": lambda t, e: t.algebra.ones(t.names.shape(e)),
    "ZeroMatrix": lambda t, e: t.algebra.zeros(t.names.shape(e)),
    "Lambda": lambda t, e: e,
    "BlockMatrix": lambda t, e: t.blocks(e),
    "MatrixSlice": lambda t, e: t.part(e),
}
OPERATIONS: dict[str, Callable[..., Expr]] = {
    "Add": lambda t, *args: t.sum(*args),
    "MatAdd": lambda t, *args: t.algebra.sum_of(*args),
    "Mul": lambda t, *args: t.product(*args),
    "MatMul": lambda t, *args: reduce(t.algebra.times, args),
    "Pow": lambda t, base, k: t.power(base, k),
    "MatPow": lambda t, base, k: t.algebra.power(base, k),
    "HadamardProduct": lambda t, *args: reduce(t.algebra.hadamard, args),
    "HadamardPower": lambda t, base, k: t.algebra.entrywise_power(base, k),
    "KroneckerProduct": lambda t, *args: reduce(partial(t.call, "kron"), args),
    "Inverse": lambda t, base, *exponent: t.call("inv", base),
    "MatrixElement": lambda t, base, i, j: t.element(base, i, j),
    "Adjoint": lambda t, base: t.algebra.transpose(base),  # every number is real
    "DiagonalMatrix": lambda t, base: t.call("diag", t.call("diagonal", base)),
    "Heaviside": lambda t, x, *at_zero: t.call("heaviside", x),
    "ElementwiseApplyFunction": lambda t, function, matrix: t.applied(function, matrix),
}


def _class_name(e: Any) -> str:
    """Return the class of an expression; '' for a function that only has a name."""
    return type(e).__name__ if (type(e).__module__ or "").startswith("sympy.") else ""


def _brief(e: Any) -> str:
    shown = str(e)
    return shown if len(shown) <= 60 else shown[:59] + "…"
