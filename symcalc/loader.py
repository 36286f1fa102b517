"""From `rules/*.toml` to a rulebook: rows validated, operations built, their bodies read."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from symcalc.arraycode import check_array_template
from symcalc.declare import Declaration, parse_where
from symcalc.errors import RuleError, SymcalcError
from symcalc.expr import Expr
from symcalc.kept import rows_of
from symcalc.late import sympy_out, tomllib
from symcalc.op import Op, Rewrite, Slot
from symcalc.reader import Reader
from symcalc.rows import REFUSAL, check_judged, check_rewrite_row, check_row, with_derivative
from symcalc.shape import SCALAR, Shape, dim_mul, parse_dim, shape_text
from symcalc.template import Template

if TYPE_CHECKING:
    from pathlib import Path

    from symcalc.rulebook import Rulebook


class Loader:
    """Reads one folder on top of a rulebook."""

    def __init__(self, base: Rulebook) -> None:
        self.base = base
        self.rows: dict[str, tuple[str, dict[str, Any]]] = {}
        self.rewrites: dict[str, tuple[str, dict[str, Any]]] = {}

    def load(self, folder: Path) -> Rulebook:
        """Return the rulebook with the rows of a folder; raise `RuleError` for a row refused."""
        for path in sorted(folder.glob("*.toml")):
            self._collect(path)
        if not self.rows and not self.rewrites:
            raise RuleError(f"`{folder}` holds no rules (*.toml)")
        return self.build()

    def build(self) -> Rulebook:
        """Return the rulebook with the rows that have been added."""
        fresh = {name: self._op(name) for name in self.rows}
        book = self.base.extended(fresh)
        self._check_calls(fresh)
        for name, op in fresh.items():
            self._bodies(book, name, op)
        for place, row in self.rewrites.values():
            waiting = book.unread_rewrites.setdefault(row.get("stage", "simplify"), [])
            waiting.append(partial(self._rewrite, book, place, row))
        if self.base.ops:  # the shipped rows are checked by the tests, and read when needed
            self._check(book, fresh)
        for place, row in self.rows.values():
            check_judged(place, row)
        return book

    def _check(self, book: Rulebook, fresh: Mapping[str, Op]) -> None:
        """Raise `RuleError` for a template, a body or a rewrite row that is refused."""
        for name, op in fresh.items():
            check_array_template(self.rows[name][0], op)
            other = op.column("of_matrix", name)
            if other not in book.ops:
                raise RuleError(f"{self.rows[name][0]} of_matrix: there is no operation `{other}`")
            if op.column("sympy"):
                sympy_out.check_sympy_template(self.rows[name][0], op)
            book.read_bodies(op)
        _ = book.rewrites

    def _collect(self, path: Path) -> None:
        try:
            content = rows_of(path) if not self.base.ops else tomllib.loads(path.read_text("utf-8"))
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
            self.add(place, name, row)

    def add(self, place: str, name: str, row: dict[str, Any]) -> None:
        """Take a row; raise `RuleError` if its fields are not those of one."""
        check_row(place, row, shipped=not self.base.ops)
        self.rows[name] = (place, row)

    def _collect_rewrite(self, file: str, row: dict[str, Any]) -> None:
        place = f"{file} [[rewrite]] {row.get('name', '?')}"
        check_rewrite_row(place, row)
        name, other = row["name"], ""
        if name in self.rewrites:
            other = self.rewrites[name][0].split()[0]
        elif any(known.name == name for known in self.base.rewrites):
            other = "the shipped rules"
        if other:
            raise RuleError(f"{place}: the rewrite is declared twice, also in {other}")
        self.rewrites[name] = (place, row)

    def _check_calls(self, fresh: Mapping[str, Op]) -> None:
        """Operations may share a name only if the number of arguments or a vector or a square
        matrix among them tells them apart."""
        seen: dict[str, list[Op]] = {}
        for op in self.base.ops.values():
            for key in op.call_keys():
                seen.setdefault(key, []).append(op)
        for op in fresh.values():
            for key in op.call_keys():
                others = seen.setdefault(key, [])
                other = next((known for known in others if _alike(known, op)), None)
                others.append(op)
                if other is not None:
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
        return Op(
            name, slots, rows, cols, bool(row.get("variadic")), data_dims,
            row.get("call", ""), row.get("role", ""), row,
        )  # fmt: skip

    def _bodies(self, book: Rulebook, name: str, op: Op) -> None:
        place, row = self.rows[name]
        slots = {slot.name: (slot.rows, slot.cols) for slot in op.slots}
        result: Shape = (op.rows, op.cols)
        if op.column("macro"):
            book.unread[op, "macro", ""] = partial(self._macro, book, op)
        for slot in slots:
            for column in ("d", "adjoint", "vec"):
                text = row.get(column, {}).get(slot)
                if text is not None and text != "0" and not text.startswith(REFUSAL):
                    book.unread[op, column, slot] = partial(self._rule, book, op, column, slot)
        if op.column("d") is not None:
            self._check_slots(place, op)
        for column, expected in (
            ("define", result),
            *(
                (column, result)
                for column in ("reflection", "equals", "logarithm", "mantissa", "exponent")
            ),
            ("transpose", result[::-1]),
            ("requires", SCALAR),
        ):
            if column in row:
                book.unread[op, column, ""] = partial(
                    self._template, book, f"{place} {column}", row[column], slots, expected
                )

    def _rule(self, book: Rulebook, op: Op, column: str, slot: str) -> Template:
        """Read what a row says of a slot: a differential in H, an adjoint in G, or a matrix."""
        place, row = self.rows[op.name]
        slots = {s.name: (s.rows, s.cols) for s in op.slots}
        shape, result = slots[slot], (op.rows, op.cols)
        extra: dict[str, Shape] = {"d": {"H": shape}, "adjoint": {"G": result}}.get(column, {})
        expected: Shape = {"d": result, "adjoint": shape}.get(column) or (
            dim_mul(*result), dim_mul(*shape)
        )  # fmt: skip
        where = f"{place} {column}.{slot}"
        return self._template(book, where, row[column][slot], {**slots, **extra}, expected)

    def _macro(self, book: Rulebook, op: Op) -> Template:
        slots = {slot.name: (slot.rows, slot.cols) for slot in op.slots}
        place = f"{self.rows[op.name][0]} macro"
        shape = (op.rows, op.cols)
        return self._template(book, place, op.column("macro"), slots, shape)

    def _check_slots(self, place: str, op: Op) -> None:
        for slot in op.slots:
            if slot.name not in op.column("d"):
                raise RuleError(
                    f'{place} d: slot `{slot.name}` is missing; a slot that is constant says "0"'
                )

    def _template(
        self, book: Rulebook, place: str, text: str, scope: Mapping[str, Shape], expected: Shape
    ) -> Template:
        return Template(self._parse(book, place, text, scope, expected), list(scope))

    def _parse(
        self, book: Rulebook, place: str, text: str, scope: Mapping[str, Shape], expected: Shape
    ) -> Expr:
        declared = {name: Declaration(shape) for name, shape in scope.items()}
        try:
            reading = Reader(text, declared, book).read(expected)
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
            plain = {name: Declaration(d.shape) for name, d in declared.items()}
            lhs = Reader(row["lhs"], plain, book).read()
            rhs = Reader(row["rhs"], plain, book).read(lhs.expr.shape)
            beside = [Reader(text, plain, book).read() for text in row.get("beside", ())]
        except SymcalcError as error:
            raise RuleError(f"{place}: {error}") from None
        for reading in (lhs, rhs, *beside):
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
            row.get("domain", {}), row["why"], row.get("stage", "simplify"), row.get("sizes", {}),
            tuple(reading.expr for reading in beside),
        )  # fmt: skip


def _alike(a: Op, b: Op) -> bool:
    """Whether a call could mean either: as many arguments, of the same kinds."""
    return _kinds(a) == _kinds(b)


def _kinds(op: Op) -> list[tuple[bool, bool]]:
    return [(slot.cols == 1, slot.rows == slot.cols) for slot in op.slots]


def _shape(place: str, text: str) -> Shape:
    words = text.split()
    if len(words) != 2:
        raise RuleError(f"{place}: a shape is two dimensions such as `n m`, not `{text}`")
    try:
        return (parse_dim(words[0]), parse_dim(words[1]))
    except SymcalcError as error:
        raise RuleError(f"{place}: {error}") from None
