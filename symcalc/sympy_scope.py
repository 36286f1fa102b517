"""The names of a translation from SymPy: what symbols and sizes stand for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

from symcalc.declare import Declaration
from symcalc.errors import ParseError, ShapeError
from symcalc.expr import Expr
from symcalc.shape import Dim, Shape, dim_add, dim_mul, parse_dim, shape_text

MAX_DEGREE = 8


def kind(e: Any, table: Mapping[str, Any] | Sequence[str]) -> str:
    """Return the name of the first class of an object that a table knows, or ''."""
    return next((cls.__name__ for cls in type(e).__mro__ if cls.__name__ in table), "")


class Names:
    """The variables and sizes of one translation: what each name stands for."""

    def __init__(self, declared: Mapping[str, Declaration]) -> None:
        self.declared = declared
        self.scope: dict[str, Expr] = {}
        self.sizes: set[Any] = set()
        self._owners: dict[str, Any] = {}

    def claim(self, owner: Any) -> str:
        """Return the name of a symbol; raise `ParseError` if it cannot be one in a formula."""
        name = str(owner.name)
        if not name.isidentifier():
            raise ParseError(f"`{name}` is not a name of the language: rename the symbol in SymPy")
        if self._owners.setdefault(name, owner) != owner:
            raise ParseError(f"two different symbols of SymPy are called `{name}`: rename one")
        return name

    def attributes(self, name: str, shape: Shape) -> frozenset[str]:
        """Return the declared attributes; raise `ShapeError` for a declaration of another shape."""
        declared = self.declared.get(name, Declaration(shape))
        if declared.shape != shape:
            raise ShapeError(
                f"{name} is {shape_text(shape)} in SymPy and declared {shape_text(declared.shape)}"
            )
        return declared.attributes

    def size(self, e: Any) -> Dim:
        """Return a size: a number, a symbol, or sums and products of them."""
        found: Dim = 0
        try:
            found = SIZES[kind(e, SIZES)](self, e)
            readable = found != 0 and parse_dim(str(found)) == found
        except (KeyError, ShapeError):
            readable = False
        if not readable:
            raise ShapeError(f"the size `{e}` is not read: write a number, a name, n + 1 or n*m")
        return found

    def shape(self, e: Any) -> Shape:
        """Return the shape of a matrix expression."""
        return self.size(e.shape[0]), self.size(e.shape[1])


def _size_power(names: Names, e: Any) -> Dim:
    base, degree = e.args
    if not (degree.is_Integer and 0 < degree <= MAX_DEGREE):
        raise ShapeError(f"`{e}` is not a size")
    return reduce(dim_mul, [names.size(base)] * int(degree))


SIZES: dict[str, Callable[[Names, Any], Dim]] = {
    "Integer": lambda names, e: int(e),
    "Rational": lambda names, e: parse_dim(f"{e.p}/{e.q}"),
    "Symbol": lambda names, e: names.claim(e),
    "Add": lambda names, e: reduce(dim_add, map(names.size, e.args)),
    "Mul": lambda names, e: reduce(dim_mul, map(names.size, e.args)),
    "Pow": _size_power,
}
