"""Expressions: immutable, interned nodes. Equal expressions are one object: sharing is free."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from functools import reduce
from numbers import Rational
from operator import attrgetter, or_
from typing import Any, NoReturn
from zlib import crc32

from symcalc import show
from symcalc.graph import postorder
from symcalc.late import codegen, entries, evaluate, specialise, sympy_out
from symcalc.op import Op
from symcalc.shape import SCALAR, Dim, Shape, dim_names

MAX_SIZE = 10**15


Order = tuple[str, int, str, int]


class _Draft:
    """The fields of a node while it is made; as an `Expr` they cannot be changed any more."""

    __slots__ = (
        "__weakref__",
        "args",
        "data",
        "is_scalar",
        "known",
        "marks",
        "op",
        "order",
        "scope",
        "shape",
        "size",
    )

    op: Op
    args: tuple[Expr, ...]
    data: Any
    shape: Shape
    is_scalar: bool  # whether the shape is 1-by-1
    size: int
    order: Order  # the place among all formulas: leading name, size, operation, structure
    marks: int  # the operations in it, as the union of their `mark`
    scope: Mapping[str, Expr] | None  # the declarations last in force: what `where` and `I` mean
    known: Mapping[str, Expr] | None  # all declarations so far: which extra arrays may be given


class Expr(_Draft):
    """A formula: an operation, its arguments, and data (a number, a name, dimensions).

    Build expressions with `symcalc.parse` or with Python operators on `symcalc.variables`:

    >>> from symcalc import variables
    >>> A, x = variables("A: matrix(n, m); x: vector(m)")
    >>> print(2*(A @ x).T @ A)
    2*(A*x)'*A

    `shape` is `(rows, columns)`; a scalar is `(1, 1)`. `==` is identity, because equal
    expressions are one object.
    """

    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("an Expr cannot be changed")

    def __reduce__(self) -> NoReturn:
        raise TypeError("an Expr is not pickled: store str(e) and its declarations, and parse them")

    def __copy__(self) -> Expr:
        return self

    def __deepcopy__(self, memo: object) -> Expr:
        return self

    @property
    def name(self) -> str:
        """The name of a variable (only leaves that are variables have one)."""
        return str(self.data[0])

    @property
    def attributes(self) -> frozenset[str]:
        """What is declared of a variable: symmetric, spd, ..."""
        found: frozenset[str] = self.data[1]
        return found

    @property
    def has_every_power(self) -> bool:
        """Whether this is a variable that is declared positive definite, or `A'*A`."""
        if self.op.role != "product":
            return self.op.role == "symbol" and "spd" in self.attributes
        pairs = (self.args, self.args[::-1])
        return any(a.op.role == "transpose" and a.args[0] is b for a, b in pairs)

    @property
    def parameters(self) -> tuple[Expr, ...]:
        """The scalars on which a variable is declared to depend (`matrix(n) of t`)."""
        found: tuple[Expr, ...] = self.data[2] if self.op.role == "symbol" else ()
        return found

    @property
    def sizes(self) -> dict[str, Dim]:
        """The dimensions that the row of the operation names, as they are here."""
        return self.op.bind([arg.shape for arg in self.args], self.data if self.op.dims else ())

    @property
    def T(self) -> Expr:
        """The transpose."""
        return self.op.algebra.transpose(self)

    @property
    def variables(self) -> tuple[Expr, ...]:
        """The variables that occur, in the order of their first appearance."""
        return tuple(node for node in postorder([self]) if node.op.role == "symbol")

    @property
    def where(self) -> dict[str, str]:
        """The declarations of the variables: what `parse(str(e), e.where)` needs to return `e`."""
        return {name: show.declaration(node) for name, node in self.declared().items()}

    def __add__(self, other: Any) -> Expr:
        return self.op.algebra.add(self, self._operand(other))

    def __radd__(self, other: Any) -> Expr:
        return self.op.algebra.add(self._operand(other), self)

    def __sub__(self, other: Any) -> Expr:
        return self + -self._operand(other)

    def __rsub__(self, other: Any) -> Expr:
        return self._operand(other) + -self

    def __neg__(self) -> Expr:
        return self.op.algebra.negate(self)

    def __mul__(self, other: Any) -> Expr:
        return self.op.algebra.times(self, self._operand(other))

    def __rmul__(self, other: Any) -> Expr:
        return self.op.algebra.times(self._operand(other), self)

    __matmul__ = __mul__
    __rmatmul__ = __rmul__

    def __truediv__(self, other: Any) -> Expr:
        return self.op.algebra.divide(self, self._operand(other))

    def __rtruediv__(self, other: Any) -> Expr:
        return self.op.algebra.divide(self._operand(other), self)

    def __pow__(self, other: Any) -> Expr:
        return self.op.algebra.power(self, self._operand(other))

    def _operand(self, value: Any) -> Expr:
        if isinstance(value, Expr):
            return value
        if isinstance(value, (int, float, Rational)):
            return self.op.algebra.number(Fraction(str(value)))
        raise TypeError(f"{value!r} is not an expression or a number: declare it as a variable")

    def __bool__(self) -> NoReturn:
        raise TypeError("a formula has no truth value; compare with `is` or use symcalc.check")

    def __iter__(self) -> NoReturn:
        raise TypeError("a formula is not iterable; evaluate it first")

    def __lt__(self, other: object) -> NoReturn:
        raise TypeError("formulas are not ordered")

    __le__ = __gt__ = __ge__ = __lt__

    def __str__(self) -> str:
        return show.text(self)

    def __repr__(self) -> str:
        return f"parse({show.text(self)!r}, {self.where!r})"

    def pretty(self) -> str:
        """Return the formula with Unicode signs, for reading."""
        return show.pretty(self)

    def latex(self) -> str:
        """Return the formula as LaTeX (amsmath)."""
        return show.latex(self)

    def entry(self) -> str:
        """Return one entry in index notation, as LaTeX: `ij` of a matrix, `i` of a vector.

        Raises `ShapeError` for a formula of more than 300 nodes.

        >>> from symcalc import parse
        >>> print(parse("A'*(A*x - b)", "A: matrix(n, m); b: vector(n)").entry())
        \\sum_{j} A_{ji} \\left(\\sum_{k} A_{jk} x_{k} - b_{j}\\right)
        """
        return str(entries.entry_latex(self, self.op.algebra.book))

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def evaluate(self, /, **arrays: Any) -> Any:
        """Return the value at the given arrays.

        A vector is a 1-D array (n-by-1 is accepted), a scalar a number or a 0-D array. Every
        declared variable may be given, also one that has dropped out. Raises `EvaluationError` for
        a missing variable or a wrong shape, naming it.

        >>> from symcalc import parse
        >>> import numpy as np
        >>> float(parse("x'*A*x").evaluate(A=np.eye(2), x=np.array([1., 2.])))
        5.0
        """
        return evaluate.evaluate(self, arrays)

    def code(self, target: str = "numpy", name: str = "value") -> str:
        """Return a standalone function of the variables that occur; see `Derivation.code`.

        A declared variable is an argument too where its shape is needed for a size.
        """
        return self._generated(self._arguments(), name, target)

    def compile(self, target: str | None = None) -> Callable[..., Any]:
        """Return the value as a function of every declared variable; its source is in `.source`.

        The arguments are in the order of the declarations, `e.where`. Without a target it is
        chosen, and arguments are checked, as `Derivation.compile` says.

        >>> from symcalc import parse
        >>> parse("c*t + 1", "t: scalar; c: scalar").compile()(9, 2)
        19
        """
        everything = list(self.declared().values())
        book = self.op.algebra.book
        made: Callable[..., Any] = specialise.function_of(
            {"value": self}, everything, "value", str(self), book, target
        )
        return made

    def _generated(self, arguments: list[Expr], name: str, target: str) -> str:
        book = self.op.algebra.book
        source = codegen.generate({"value": self}, arguments, name, str(self), book, target)
        return str(source)

    def declared(self) -> dict[str, Expr]:
        """Return the variables by name: those declared with the formula, and those in it."""
        return {**(self.scope or {}), **{v.name: v for v in self.variables}}

    def _arguments(self) -> list[Expr]:
        """Return the variables that occur, and one of each size that none of them has."""
        known = self.declared().values()
        chosen = with_sizes(self, self.variables, known)
        return [v for v in known if v in chosen]

    def sympy(self, /, **names: Any) -> Any:
        """Return the formula as SymPy's; `names` gives SymPy objects for variables and sizes.

        Matrices, vectors and rows become matrix expressions, scalars scalar ones. Raises
        `RuleError` for an operation that SymPy does not have.

        >>> from symcalc import parse
        >>> parse("tr(inv(X)*A)").sympy()
        Trace(X**(-1)*A)
        """
        return sympy_out.to_sympy(self, names)


def with_sizes(e: Expr, chosen: Iterable[Expr], known: Iterable[Expr]) -> list[Expr]:
    """Return the chosen variables, and a known one for each size in `e` that none of them has."""
    found = list(chosen)
    for size in [d for node in postorder([e]) for d in _sizes(node)]:
        if not any(size in v.shape for v in found):
            found += [v for v in known if size in v.shape][:1]
    return found


def _sizes(e: Expr) -> Iterable[str]:
    """Return the names of the sizes that `eye(n)`, `n` or `embed(A, 0, 0, m, n)` is made of."""
    dims = e.data or () if e.op.dims else (e.data,) if e.op.role == "dimension" else ()
    return [name for dim in dims for name in dim_names(dim)]


sort_key = attrgetter("order")
Key = tuple[Op, tuple[Expr, ...], Any, Shape]
_TABLE: dict[Key, Expr] = {}
_SWEEP = {"at": 200_000}


def node(op: Op, args: tuple[Expr, ...], shape: Shape, data: Any = None) -> Expr:
    """Return the one node with this operation, arguments, shape and data."""
    key = (op, args, data, shape)
    found = _TABLE.get(key)
    if found is not None:
        return found
    if len(_TABLE) > _SWEEP["at"]:
        _sweep()
    return _TABLE.setdefault(key, _new(op, args, shape, data))


def _new(op: Op, args: tuple[Expr, ...], shape: Shape, data: Any) -> Expr:
    made: Any = _Draft()
    made.op, made.args, made.shape, made.data = op, args, shape, data
    made.is_scalar = shape == SCALAR
    made.size = min(MAX_SIZE, 1 + sum([arg.size for arg in args]))
    made.marks = reduce(or_, [arg.marks for arg in args], op.mark)
    made.order = _order(op, args, data, made.size)
    made.scope = made.known = None
    made.__class__ = Expr
    done: Expr = made
    return done


def _order(op: Op, args: tuple[Expr, ...], data: Any, size: int) -> Order:
    lead = data[0] if op.role == "symbol" else ""
    below = []
    for arg in args:
        inner = arg.order
        lead = lead or inner[0]
        below.append(inner[3])
    extra = 0 if data is None else crc32(_canonical(data).encode())
    return (lead, size, op.name, hash((op.code, extra, *below)))


def _canonical(data: Any) -> str:
    if isinstance(data, tuple):
        return "(" + ",".join(_canonical(item) for item in data) + ")"
    return str(sorted(data)) if isinstance(data, frozenset) else str(data)


def _sweep() -> None:
    """Drop nodes that only the table holds; newest first, so that arguments follow their owners."""
    keys = list(_TABLE)
    while keys:
        key = keys.pop()
        found = _TABLE[key]
        if sys.getrefcount(found) <= 3:  # the table, `found`, and the argument of getrefcount
            del _TABLE[key]
    _SWEEP["at"] = max(200_000, 2 * len(_TABLE))


def in_scope(e: Expr, scope: Mapping[str, Expr]) -> Expr:
    """Return `e`, which from now on accepts arrays for the variables of `scope`."""
    object.__setattr__(e, "scope", dict(scope))
    object.__setattr__(e, "known", {**(e.known or {}), **scope})
    return e


def substitute(roots: list[Expr], values: Mapping[Expr, Expr]) -> list[Expr]:
    """Replace nodes by others of the same shape, everywhere under `roots`."""
    memo: dict[Expr, Expr] = dict(values)
    for e in postorder(roots, into=lambda e: e not in values):
        if e not in memo:
            memo[e] = rebuild(e, tuple(memo[arg] for arg in e.args))
    return [memo[root] for root in roots]


def rebuild(e: Expr, args: tuple[Expr, ...]) -> Expr:
    """Return `e` with other arguments of the same shapes."""
    return e if args == e.args else node(e.op, args, e.shape, e.data)
