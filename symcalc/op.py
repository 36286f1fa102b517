"""A row, read: an operation with its slots and columns, or an equality. It applies no rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

from symcalc.errors import ShapeError
from symcalc.shape import (
    Dim,
    Shape,
    Unify,
    dim_div,
    dim_names,
    dim_substitute,
    same,
    shape_text,
)
from symcalc.unifier import LOOSE, Unifier

if TYPE_CHECKING:
    from symcalc.algebra import Algebra
    from symcalc.expr import Expr

ENTRYWISE_POWERS = frozenset({"entrywise power", "power by entries", "powers of a scalar"})
MARKS = 60  # bits of a set of operations: two may share one, so that it only ever says too much


class Slot(NamedTuple):
    """One argument of an operation: its name and its shape, dimensions by name."""

    name: str
    rows: Dim
    cols: Dim


@dataclass(eq=False)
class Op:
    """A row of `rules/`, read: `d`, `adjoint` and `vec` map slots to bodies in the language."""

    name: str
    slots: tuple[Slot, ...] = ()
    rows: Dim = 1
    cols: Dim = 1
    variadic: bool = False
    dims: tuple[str, ...] = ()
    call: str = ""
    role: str = ""
    columns: dict[str, Any] = field(default_factory=dict)
    algebra: Algebra = field(init=False, repr=False)  # of the rulebook that reads the row

    def __post_init__(self) -> None:
        self.code = crc32(self.name.encode())
        self.mark = 1 << self.code % MARKS

    def __repr__(self) -> str:
        return f"Op({self.name})"

    def slot(self, index: int) -> Slot:
        """Return the slot of the argument at `index`; a variadic operation has one for all."""
        return self.slots[0 if self.variadic else index]

    def column(self, name: str, default: Any = None) -> Any:
        """Return a column of the row."""
        return self.columns.get(name, default)

    @property
    def is_entrywise(self) -> bool:
        """Whether each entry of the result comes from the same entries of the arguments."""
        columns = ("derivative", "broadcast", "entrywise")
        return self.role == "application" or any(self.column(name) for name in columns)

    @property
    def keeps_shape(self) -> bool:
        """Whether the result has the shape of the first argument."""
        return bool(self.slots) and (self.rows, self.cols) == self.slots[0][1:]

    def domain(self, slot: str) -> str:
        """Return how the numeric check samples a slot."""
        domain = self.column("domain", "")
        return str(domain if isinstance(domain, str) else domain.get(slot, ""))

    def call_keys(self) -> list[str]:
        """Return the names that call the operation, with the literal that tells it apart."""
        name = self.call or self.name
        literal = self.column("literal")
        names = [name, *self.column("aliases", [])]
        if literal is not None:
            names = [f"{key} {word}" for key in names for word in literal.split()]
        return list(dict.fromkeys([*names, self.name]))

    def bind(
        self, shapes: Sequence[Shape], dims: Sequence[Dim] = (), unify: Unify = same
    ) -> dict[str, Dim]:
        """Match the shapes of the arguments with the slots; return the dimensions by name."""
        if len(shapes) != len(self.slots) or len(dims) != len(self.dims):
            self.check_count(len(shapes), len(dims))
        bound: dict[str, Dim] = dict(zip(self.dims, dims, strict=True))
        later: list[tuple[int, Dim, Dim]] = []
        for index, shape in enumerate(shapes):
            slot = self.slot(index)
            for pattern, dim in ((slot.rows, shape[0]), (slot.cols, shape[1])):
                if isinstance(pattern, str):
                    wanted = bound.setdefault(pattern, dim)
                elif isinstance(pattern, int):
                    wanted = pattern
                else:
                    later.append((index, pattern, dim))
                    continue
                if wanted is not dim and not unify(wanted, dim):
                    raise self._conflict(index, wanted, shapes)
        for index, pattern, dim in later:
            self._bind_product(pattern, dim, bound, unify)
            if not unify(dim_substitute(pattern, bound), dim):
                raise self._conflict(index, dim_substitute(pattern, bound), shapes)
        return bound

    def _bind_product(self, pattern: Dim, dim: Dim, bound: dict[str, Dim], unify: Unify) -> None:
        missing = [name for name in dict.fromkeys(dim_names(pattern)) if name not in bound]
        if not missing:
            return
        rest = dim_substitute(pattern, {**bound, missing[0]: 1})
        quotient = dim_div(dim, rest) if len(missing) == 1 else None
        if quotient is not None:
            bound[missing[0]] = quotient
        elif isinstance(unify, Unifier):
            bound.update({name: unify.fresh(LOOSE) for name in missing})
        else:
            raise ShapeError(f"`{self.name}`: {dim} cannot be read as {pattern}")

    def result(self, bound: dict[str, Dim]) -> Shape:
        """Return the shape of the result under a binding of dimensions."""
        return (dim_substitute(self.rows, bound), dim_substitute(self.cols, bound))

    def check_count(self, args: int, dims: int) -> None:
        if dims != len(self.dims):
            raise ShapeError(
                f"`{self.call or self.name}` takes the sizes {', '.join(self.dims)}, got {dims}"
            )
        if args != len(self.slots) and not (self.variadic and args):
            name, count = self.call or self.name, len(self.slots)
            wanted = ", ".join(slot.name for slot in self.slots) or "none"
            raise ShapeError(f"`{name}` takes {count} argument(s) ({wanted}), got {args}")

    def _conflict(self, index: int, wanted: Dim, shapes: Sequence[Shape]) -> ShapeError:
        slot = self.slot(index)
        got = ", ".join(shape_text(shape) for shape in shapes)
        name, shape = self.call or self.name, shape_text((slot.rows, slot.cols))
        return ShapeError(
            f"`{name}`: slot {slot.name} is {shape}, "
            f"but the arguments are {got} ({wanted} expected)"
        )


class Rewrite(NamedTuple):
    """An equality used from left to right, where the declared attributes hold."""

    name: str
    lhs: Expr
    rhs: Expr
    where: Mapping[str, Expr]
    needs: Mapping[str, frozenset[str]]
    domain: Mapping[str, str]
    why: str
    stage: str
    sizes: Mapping[str, int]
    beside: tuple[Expr, ...] = ()  # one of these must be needed as well
