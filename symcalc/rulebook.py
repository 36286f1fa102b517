"""All that is known of the operations, as one value: the rows of one or more folders of rules."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from symcalc.algebra import Algebra
from symcalc.arraycode import check_array_template
from symcalc.declare import parse_where
from symcalc.errors import RuleError, SymcalcError
from symcalc.expr import Expr
from symcalc.op import Op, Slot
from symcalc.reader import read
from symcalc.rows import REFUSAL, check_judged, check_rewrite_row, check_row, with_derivative
from symcalc.shape import LOOSE, Dim, Shape, dim_mul, dim_names, parse_dim, shape_text
from symcalc.template import Template


@dataclass(frozen=True)
class Rewrite:
    """An equality used from left to right, where the declared attributes hold."""

    name: str
    lhs: Expr
    rhs: Expr
    where: Mapping[str, Expr]
    needs: Mapping[str, frozenset[str]]
    domain: Mapping[str, str]
    why: str
    stage: str


class Rulebook:
    """The rows of one or more folders. Build it with `load_rules`."""

    def __init__(self, ops: Mapping[str, Op], rewrites: Iterable[Rewrite] = ()) -> None:
        self.ops = dict(ops)
        self.algebra = Algebra(self.ops)
        self.rewrites = tuple(rewrites)
        self.bodies: dict[tuple[Op, str, str], Template] = {}
        self.cache: dict[Any, Any] = {}
        self._calls: dict[str, list[Op]] = {}
        for op in self.ops.values():
            for key in _call_keys(op):
                self._calls.setdefault(key, []).append(op)

    def find(self, name: str) -> list[Op]:
        """Return the operations that the language calls `name` (`diag` has two)."""
        return self._calls.get(name, [])

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
            raise RuleError(f"the macro `{op.name}` cannot stand in the body of a macro")
        return template(algebra, args, dims)

    def apply(self, name: str, *args: Expr) -> Expr:
        """Return the operation that the language calls `name`, applied to expressions."""
        found = self.find(name)
        vector = bool(args) and args[0].shape[1] == 1
        exact = [op for op in found if op.slots and (op.slots[0].cols == 1) == vector]
        op = exact[0] if len(found) > 1 and exact else found[0]
        if op.column("macro"):
            return self.expand(op, list(args), self.algebra)
        return self.algebra.build(op, args)

    def parse(self, text: str, where: Mapping[str, str] | str | None = None) -> Expr:
        """Read a formula with the operations of this rulebook."""
        return read(text, where, self).expr

    def body(self, op: Op, column: str, slot: str) -> Template | None:
        """Return a compiled body, or None where the row has none."""
        return self.bodies.get((op, column, slot))


def _call_keys(op: Op) -> list[str]:
    name = op.call or op.name
    literal = op.column("literal")
    names = [name, *op.column("aliases", [])]
    if literal is not None:
        names = [f"{key} {literal}" for key in names]
    return list(dict.fromkeys([*names, op.name]))


@cache
def default_rules() -> Rulebook:
    """Return the rows that symcalc ships, read once."""
    return _Loader(Rulebook({})).load(rules_folder())


def rules_folder() -> Path:
    """Return the folder of the shipped rows: inside the package, or beside it in a checkout."""
    here = Path(__file__).parent
    inside = here / "rules"
    return inside if inside.is_dir() else here.parent / "rules"


def load_rules(folder: str | Path) -> Rulebook:
    """Return the shipped rows and those of `folder/*.toml`.

    Raises `RuleError` with file, row and field for a row that is refused: an unknown field or name,
    a wrong shape, a missing slot, an operation without a row, an operation declared twice, an array
    template that calls what is not allowed.
    """
    path = Path(folder)
    if not path.is_dir():
        raise RuleError(f"`{folder}` is not a folder with rules (*.toml)")
    return _Loader(default_rules()).load(path)


class _Loader:
    """Reads one folder on top of a rulebook."""

    def __init__(self, base: Rulebook) -> None:
        self.base = base
        self.rows: dict[str, tuple[str, dict[str, Any]]] = {}
        self.rewrites: list[tuple[str, dict[str, Any]]] = []

    def load(self, folder: Path) -> Rulebook:
        for path in sorted(folder.glob("*.toml")):
            self._collect(path)
        if not self.rows and not self.rewrites:
            raise RuleError(f"`{folder}` holds no rules (*.toml)")
        fresh = {name: self._op(name) for name in self.rows}
        book = Rulebook({**self.base.ops, **fresh})
        book.bodies.update(self.base.bodies)
        for op in fresh.values():
            op.algebra = book.algebra
        self._check_calls(fresh)
        book.bodies.update(
            {(op, "macro", ""): m for op in fresh.values() if (m := self._macro(book, op))}
        )
        for name, op in fresh.items():
            self._bodies(book, name, op)
            check_judged(*self.rows[name])
        rewrites = [self._rewrite(book, place, row) for place, row in self.rewrites]
        book.rewrites = (*self.base.rewrites, *rewrites)
        return book

    def _collect(self, path: Path) -> None:
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise RuleError(f"{path.name}: not readable as TOML: {error}") from None
        rewrites = content.pop("rewrite", [])
        if not isinstance(rewrites, list) or not all(isinstance(row, dict) for row in rewrites):
            raise RuleError(f"{path.name} rewrite: write each equality under `[[rewrite]]`")
        for row in rewrites:
            self._collect_rewrite(path.name, row)
        for name, row in content.items():
            place = f"{path.name} [{name}]"
            if not isinstance(row, dict):
                raise RuleError(f"{path.name}: `{name}` stands outside of a row")
            if name in self.rows or name in self.base.ops:
                other = self.rows[name][0] if name in self.rows else "the shipped rules"
                raise RuleError(f"{place}: the operation is already declared in {other}")
            check_row(place, row, shipped=not self.base.ops)
            self.rows[name] = (place, row)

    def _collect_rewrite(self, file: str, row: dict[str, Any]) -> None:
        place = f"{file} [[rewrite]] {row.get('name', '?')}"
        check_rewrite_row(place, row)
        known = {r.name: "the shipped rules" for r in self.base.rewrites}
        known |= {other["name"]: where.split()[0] for where, other in self.rewrites}
        if row["name"] in known:
            raise RuleError(f"{place}: the rewrite is declared twice, also in {known[row['name']]}")
        self.rewrites.append((place, row))

    def _check_calls(self, fresh: Mapping[str, Op]) -> None:
        """Two operations may share a name only if one takes a vector and the other does not."""
        seen = {key: op for op in self.base.ops.values() for key in _call_keys(op)}
        for op in fresh.values():
            for key in _call_keys(op):
                other = seen.setdefault(key, op)
                if other is not op and _takes_vector(other) == _takes_vector(op):
                    place = self.rows[op.name][0]
                    raise RuleError(f"{place}: the name `{key}` already calls [{other.name}]")

    def _op(self, name: str) -> Op:
        place, row = self.rows[name]
        row = with_derivative(place, name, row)
        self.rows[name] = (place, row)
        args = row.get("args", {})
        slots = tuple(Slot(slot, *_shape(place, shape)) for slot, shape in args.items())
        rows, cols = _shape(place, row.get("shape", "1 1"))
        data_dims = () if row.get("macro") else tuple(row.get("dims", ()))
        op = Op(
            name, slots, rows, cols, bool(row.get("variadic")), data_dims,
            row.get("call", ""), row.get("role", ""), row,
        )  # fmt: skip
        if "array" in row:
            check_array_template(place, op)
        return op

    def _bodies(self, book: Rulebook, name: str, op: Op) -> None:
        place, row = self.rows[name]
        slots = {slot.name: (slot.rows, slot.cols) for slot in op.slots}
        result: Shape = (op.rows, op.cols)
        for slot, shape in slots.items():
            for column, extra, expected in (
                ("d", {"H": shape}, result),
                ("adjoint", {"G": result}, shape),
                ("vec", {}, (dim_mul(*result), dim_mul(*shape))),
            ):
                text = row.get(column, {}).get(slot)
                if text is not None and text != "0" and not text.startswith(REFUSAL):
                    body = self._parse(
                        book, f"{place} {column}.{slot}", text, slots | extra, expected
                    )
                    book.bodies[op, column, slot] = Template(body, [*slots, *extra])
        if op.column("d") is not None:
            self._check_slots(place, op)
        for column, expected in (("define", result), ("transpose", result[::-1])):
            if column in row:
                body = self._parse(book, f"{place} {column}", row[column], slots, expected)
                book.bodies[op, column, ""] = Template(body, list(slots))

    def _macro(self, book: Rulebook, op: Op) -> Template | None:
        if not op.column("macro"):
            return None
        slots = {slot.name: (slot.rows, slot.cols) for slot in op.slots}
        place = f"{self.rows[op.name][0]} macro"
        shape = (op.rows, op.cols)
        return Template(self._parse(book, place, op.column("macro"), slots, shape), list(slots))

    def _check_slots(self, place: str, op: Op) -> None:
        for slot in op.slots:
            if slot.name not in op.column("d"):
                raise RuleError(
                    f'{place} d: slot `{slot.name}` is missing; a slot that is constant says "0"'
                )

    def _parse(
        self, book: Rulebook, place: str, text: str, scope: Mapping[str, Shape], expected: Shape
    ) -> Expr:
        where = {name: _declaration(shape) for name, shape in scope.items()}
        try:
            reading = read(text, where, book, expected)
        except SymcalcError as error:
            raise RuleError(f"{place}: {error}") from None
        unknown = [name for name in reading.scope if name not in scope]
        if unknown:
            raise RuleError(
                f"{place}: `{unknown[0]}` is neither a slot nor an operation in `{text}`"
            )
        if reading.expr.shape != expected:
            raise RuleError(
                f"{place}: `{text}` is {shape_text(reading.expr.shape)}, "
                f"{shape_text(expected)} is needed"
            )
        return reading.expr

    def _rewrite(self, book: Rulebook, place: str, row: dict[str, Any]) -> Rewrite:
        try:
            declared = parse_where(row["where"])
            plain = {name: _declaration(d.shape) for name, d in declared.items()}
            lhs = read(row["lhs"], plain, book)
            rhs = read(row["rhs"], plain, book, lhs.expr.shape)
        except SymcalcError as error:
            raise RuleError(f"{place}: {error}") from None
        for reading in (lhs, rhs):
            for name in reading.scope:
                if name not in declared:
                    raise RuleError(f"{place}: `{name}` is not declared in where")
        if lhs.expr.shape != rhs.expr.shape:
            shapes = " and ".join(shape_text(side.expr.shape) for side in (lhs, rhs))
            raise RuleError(f"{place}: the sides are {shapes}")
        if not set(rhs.expr.variables) <= set(lhs.expr.variables):
            raise RuleError(f"{place}: the right side uses a name that the left side does not bind")
        needs = {name: d.attributes for name, d in declared.items() if d.attributes}
        return Rewrite(
            row["name"], lhs.expr, rhs.expr, dict(lhs.scope), needs,
            row.get("domain", {}), row["why"], row.get("stage", "simplify"),
        )  # fmt: skip


def _takes_vector(op: Op) -> bool:
    return bool(op.slots) and op.slots[0].cols == 1


def _shape(place: str, text: str) -> Shape:
    words = text.split()
    if len(words) != 2:
        raise RuleError(f"{place}: a shape is two dimensions such as `n m`, not `{text}`")
    try:
        return (parse_dim(words[0]), parse_dim(words[1]))
    except SymcalcError as error:
        raise RuleError(f"{place}: {error}") from None


def _declaration(shape: tuple[Dim, Dim]) -> str:
    if shape == (1, 1):
        return "scalar"
    return f"vector({shape[0]})" if shape[1] == 1 else f"matrix({shape[0]}, {shape[1]})"
