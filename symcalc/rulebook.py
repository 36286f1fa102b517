"""All that is known of the operations, as one value: the rows of one or more folders of rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from symcalc.algebra import Algebra
from symcalc.errors import RuleError, ShapeError
from symcalc.expr import Expr
from symcalc.late import lower_rows, pathlib, sympy_functions, sympy_out
from symcalc.loader import Loader as _Loader
from symcalc.op import Op, Rewrite
from symcalc.reader import read
from symcalc.rows import STAGES
from symcalc.shape import dim_names
from symcalc.template import Template
from symcalc.unifier import LOOSE, unknown

if TYPE_CHECKING:
    from pathlib import Path

    from symcalc.lower_rows import LowerRow, LowerRows
    from symcalc.sympy_functions import Functions

__all__ = ["Rewrite", "Rulebook", "_Loader", "default_rules", "load_rules", "rules_folder"]


LEAVES = frozenset({"symbol", "number", "dimension"})


class Rulebook:
    """The rows of one or more folders. Build it with `load_rules`."""

    def __init__(self, ops: Mapping[str, Op], rewrites: Iterable[Rewrite] = ()) -> None:
        self.ops = dict(ops)
        self.algebra = Algebra(self.ops)
        self.algebra.book = self
        self.unread_rewrites: dict[str, list[Callable[[], Rewrite]]] = {}  # by stage
        self._stages: dict[str, list[Rewrite]] = {}
        for row in rewrites:
            self._stages.setdefault(row.stage, []).append(row)
        self.bodies: dict[tuple[Op, str, str], Template] = {}
        self.unread: dict[tuple[Op, str, str], Callable[[], Template]] = {}
        self.cache: dict[Any, Any] = {}
        self.functions: Functions | None = None  # rows that are written when they are asked for
        self._calls: dict[str, list[Op]] = {}
        for op in self.ops.values():
            if op.role in LEAVES:
                continue  # not called: names and numbers are written as such
            for key in op.call_keys():
                self._calls.setdefault(key, []).append(op)

    def extended(self, fresh: Mapping[str, Op]) -> Rulebook:
        """Return a rulebook with more operations, which from now on build their nodes in it."""
        book = Rulebook({**self.ops, **fresh}, self.rewrites)
        book.bodies.update(self.bodies)
        book.functions = self.functions
        book.unread.update(self.unread)
        for op in fresh.values():
            op.algebra = book.algebra
        return book

    def stage(self, name: str) -> list[Rewrite]:
        """Return the rewrite rows of a stage. They are read when first asked."""
        rows = self._stages.setdefault(name, [])
        rows += [read_row() for read_row in self.unread_rewrites.pop(name, ())]
        return rows

    @property
    def rewrites(self) -> tuple[Rewrite, ...]:
        """The rewrite rows of all stages."""
        return tuple(row for name in STAGES for row in self.stage(name))

    @cached_property
    def lower_rows(self) -> LowerRows:
        """The rows of the stage "lower", compiled."""
        return lower_rows.LowerRows(self.stage("lower"))

    @cached_property
    def vec_rows(self) -> tuple[LowerRow, ...]:
        """The rows of the stage "vec", compiled."""
        return tuple(lower_rows.LowerRow(row) for row in self.stage("vec"))

    @cached_property
    def stack_rows(self) -> tuple[LowerRow, ...]:
        """The rows of the stage "stack", compiled."""
        return tuple(lower_rows.LowerRow(row) for row in self.stage("stack"))

    @cached_property
    def spoken(self) -> Rulebook:
        """The same rows for what people type: without the steps of computations, which have no
        differential and which only the lowering names."""
        view = copy(self)
        view._calls = {}
        for key, found in self._calls.items():
            if kept := [op for op in found if op.column("d") or not _is_step(op)]:
                view._calls[key] = kept
        return view

    def find(self, name: str) -> list[Op]:
        """Return the operations that the language calls `name` (`diag` has two)."""
        return self._calls.get(name, [])

    def choose(self, found: Sequence[Op], args: Sequence[Expr]) -> Op:
        """Pick one of the rows that share a name: by the number of arguments, then `diag` by
        vector or matrix, then the row of square matrices where they may be square."""
        fitting = [op for op in found if len(op.slots) == len(args)]
        if not fitting:
            return found[0]
        exact = [op for op in fitting if _columns_agree(op, args)] if fitting[1:] else fitting
        square = [op for op in exact if _squares_agree(op, args)] if exact[1:] else exact
        return max(square or exact or fitting, key=_squares)

    def called(self, name: str) -> list[Op]:
        """Return the operations called `name`, or the function of SymPy with that name.

        Raises `RuleError` for a name of SymPy that is not a function of one variable with values.
        """
        return self.find(name) or (self.functions.called(name) if self.functions else [])

    def of_sympy(self, name: str) -> Op:
        """Return the operation that a class of SymPy is; raise `RuleError` if there is none."""
        if name in self.sympy_classes:
            return self.sympy_classes[name]
        if self.functions is None:
            raise RuleError(f"no row of the rules stands for `{name}` of SymPy")
        return self.functions.named(name)

    @cached_property
    def sympy_classes(self) -> dict[str, Op]:
        """The operations that are a class of SymPy, by its name."""
        named = {sympy_out.plain_call(op): op for op in reversed(self.ops.values())}
        return {name: op for name, op in named.items() if name}

    def names(self) -> list[str]:
        """Return the names that can be called."""
        return sorted(key for key in self._calls if key.isidentifier())

    def expand(self, op: Op, args: list[Expr], algebra: Algebra) -> Expr:
        """Replace a macro by its meaning; sizes that it leaves open are inferred."""
        dims = op.bind([arg.shape for arg in args], (), algebra.unify)
        unify: Any = algebra.unify
        for name in [*dim_names(op.rows), *dim_names(op.cols)]:
            if name not in dims:
                dims[name] = unify.fresh(LOOSE)
        template = self.body(op, "macro", "")
        if template is None:
            raise RuleError(f"the macro `{op.name}` stands in its own body")
        return template(algebra, args, dims)

    def apply(self, name: str, *args: Expr) -> Expr:
        """Return the operation that the language calls `name`, applied to expressions."""
        for arg in args:
            if not isinstance(arg, Expr):
                raise ShapeError(f"`{name}` takes expressions, not {arg!r}: use parse or variables")
        op = self.choose(self.called(name), args)
        if op.column("macro"):
            return self.expand(op, list(args), self.algebra)
        return self.algebra.build(op, args)

    def parse(self, text: str, where: Mapping[str, str] | str | None = None) -> Expr:
        """Read a formula with the operations of this rulebook."""
        return read(text, where, self).expr

    def body(self, op: Op, column: str, slot: str) -> Template | None:
        """Return a compiled body, or None where the row has none. It is read when first asked."""
        key = (op, column, slot)
        unread = self.unread.pop(key, None)  # a body that needs itself finds none
        if unread is not None:
            self.bodies[key] = unread()
        found = self.bodies.get(key)
        if found is None and self.functions is not None:
            return self.functions.bodies.get(key)
        return found

    def said(self, e: Expr, column: str) -> Expr | None:
        """Return a body of the row of `e` with the arguments of `e` in it, if the row has one."""
        template = self.body(e.op, column, "")
        return None if template is None else template(self.algebra, e.args, e.sizes)

    def is_linear(self, op: Op, index: int) -> bool:
        """Whether an operation is linear in an argument: its row gives the adjoint."""
        return self.body(op, "adjoint", op.slot(index).name) is not None

    def read_bodies(self, op: Op) -> None:
        """Read the bodies of an operation; raise `RuleError` for one that is refused."""
        for key in [key for key in self.unread if key[0] is op]:
            self.body(*key)


def _is_step(op: Op) -> bool:
    """Whether a row says what its operation is equal to: a step of computations, or a name."""
    return bool(op.column("define") or op.column("equals"))


def _columns_agree(op: Op, args: Sequence[Expr]) -> bool:
    """Whether vectors and scalars stand where the row has them, and matrices elsewhere."""
    pairs = zip(op.slots, args, strict=True)
    return all((slot.cols == 1) == (arg.shape[1] == 1) for slot, arg in pairs)


def _squares(op: Op) -> int:
    return sum(slot.rows == slot.cols for slot in op.slots)


def _squares_agree(op: Op, args: Sequence[Expr]) -> bool:
    """Whether no argument is certainly not square where the row has a square matrix."""
    pairs = [(slot, arg.shape) for slot, arg in zip(op.slots, args, strict=True)]
    square = [shape for slot, shape in pairs if slot.rows == slot.cols]
    return all(shape[0] == shape[1] or any(map(unknown, shape)) for shape in square)


@cache
def default_rules() -> Rulebook:
    """Return the rows that symcalc ships, read once."""
    book = _Loader(Rulebook({})).load(rules_folder())
    book.functions = sympy_functions.Functions(book)
    return book


def rules_folder() -> Path:
    """Return the folder of the shipped rows: inside the package, or beside it in a checkout."""
    here = pathlib.Path(__file__).parent
    inside = here / "rules"
    return inside if inside.is_dir() else here.parent / "rules"


def load_rules(folder: str | Path) -> Rulebook:
    """Return the shipped rows and those of `folder/*.toml`.

    Raises `RuleError` with file, row and field for a row that is refused: an unknown field or name,
    a wrong shape, a missing slot, an operation without a row, an operation declared twice, an array
    template that calls what is not allowed.
    """
    path = pathlib.Path(folder)
    if not path.is_dir():
        raise RuleError(f"`{folder}` is not a folder with rules (*.toml)")
    return _Loader(default_rules()).load(path)
