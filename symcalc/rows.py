"""What a row may say: its fields, their types, the names in them. Everything else is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from symcalc.declare import ATTRIBUTES, ENTRYWISE
from symcalc.errors import RuleError
from symcalc.op import ENTRYWISE_POWERS
from symcalc.printer import PRINTERS
from symcalc.style import LEVELS, template_parts

Row = dict[str, Any]
REFUSAL = "!"
RESERVED = frozenset({"H", "G"})
ROLES = frozenset(
    "symbol number dimension sum scale product quotient transpose trace hadamard power identity "
    "ones zeros inverse differential application".split()
) | {"entrywise quotient", "fractional power", *ENTRYWISE_POWERS}
UNEVALUATED = frozenset({"symbol", "differential"})
STAGES = ("simplify", "lower", "stable", "vec", "stack")
EXTREMES = ("large", "small")
EXPANSIONS = ("power_differential", "commutation", "diagonal", "apart")
DOMAIN_WORDS = ATTRIBUTES | {
    ENTRYWISE, *"integer natural distinct tall wide smooth large fraction negative".split()
}  # fmt: skip


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _bodies(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())


def _degrees(value: Any) -> bool:
    return isinstance(value, dict) and all(type(item) is int for item in value.values())


def _bounds(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"(-inf|-?\d+) (inf|-?\d+)", value) is not None


def _domain(value: Any) -> bool:
    return _text(value) or _bodies(value)


FIELDS: dict[str, Callable[[Any], bool]] = {
    "args": _bodies, "shape": _text, "dims": _texts, "index": _texts, "sizes": _degrees,
    "variadic": _flag, "role": _text,
    "call": _text, "aliases": _texts, "literal": _text, "of_matrix": _text,
    "d": _bodies, "derivative": _text, "adjoint": _bodies, "vec": _bodies, "transpose": _text,
    "reflection": _text,
    "logarithm": _text, "mantissa": _text, "exponent": _text, "extremes": _texts,
    "macro": _text, "entrywise": _flag, "equals": _text, "define": _text, "fold": _flag,
    "expand": _text,
    "homogeneous": _degrees, "absolute": _flag, "invariant": _flag, "commutes": _flag,
    "inside": _flag, "keeps": _texts, "gives": _texts, "promotes": _bodies, "range": _bounds,
    "analytic": _flag, "library": _text, "broadcast": _flag, "any_rank": _flag, "several": _flag,
    "array": _text, "rank_one": _text, "flat": _text, "share": _bodies,
    "cost": _text, "share_cost": _text,
    "sympy": _text,
    "domain": _domain, "requires": _text, "assumes": _text, "source": _text,
    "text": _text, "latex": _text, "pretty": _text, "plain": _text, "level": _text,
    "latex_level": _text, "pretty_level": _text, "show": _text, "superscript": _text,
}  # fmt: skip
REWRITE_FIELDS: dict[str, Callable[[Any], bool]] = {
    "name": _text, "lhs": _text, "rhs": _text, "where": _bodies, "domain": _bodies, "why": _text,
    "source": _text, "stage": _text, "sizes": _degrees, "beside": _texts,
}  # fmt: skip


def check_row(place: str, row: Row, shipped: bool) -> None:
    """Raise `RuleError` for a field that an operation cannot have or a name that means nothing."""
    _check_fields(place, row, FIELDS)
    if not row.get("source"):
        raise RuleError(f"{place} source: every row names its source")
    slots, dims = list(row.get("args", {})), row.get("dims", [])
    _check_names(place, [*slots, *dims, *row.get("share", {})])
    for column in ("d", "adjoint", "vec", "homogeneous"):
        _check_members(place, column, row.get(column, {}), slots, "slot")
    if isinstance(row.get("domain"), dict):
        _check_members(place, "domain", row["domain"], slots, "slot")
    _check_domain(place, row.get("domain", ""))
    for column in ("keeps", "gives", "promotes"):
        _check_members(place, column, row.get(column, []), ATTRIBUTES, "attribute")
    _check_members(place, "promotes", row.get("promotes", {}).values(), ATTRIBUTES, "attribute")
    _check_members(place, "extremes", row.get("extremes", []), EXTREMES, "extreme")
    _check_members(place, "index", row.get("index", []), dims, "size")
    for column in ("level", "latex_level", "pretty_level"):
        _check_members(place, column, [row[column]] if column in row else [], LEVELS, "level")
    _check_members(place, "expand", _given(row, "expand"), EXPANSIONS, "expansion")
    _check_members(place, "show", _given(row, "show"), PRINTERS, "printer")
    _check_role(place, row, shipped)
    for column in ("text", "latex", "pretty", "plain", "assumes"):
        _check_template(place, column, row.get(column, ""), [*slots, *dims])


def check_judged(place: str, row: Row) -> None:
    """Raise `RuleError` for a row that no number could check."""
    if not ({"array", "macro", "define"} & set(row)) and row.get("role") not in UNEVALUATED:
        raise RuleError(f"{place} array: without array code no number can check the row")


def _given(row: Row, column: str) -> list[str]:
    return [row[column]] if column in row else []


def check_rewrite_row(place: str, row: Row) -> None:
    """Raise `RuleError` for a field that a rewrite cannot have, or one that it lacks."""
    _check_fields(place, row, REWRITE_FIELDS)
    for needed in ("name", "lhs", "rhs", "where", "why"):
        if needed not in row:
            raise RuleError(f"{place}: the field `{needed}` is missing")
    _check_members(place, "stage", _given(row, "stage"), STAGES, "stage")
    if "beside" in row and row.get("stage") != "lower":
        raise RuleError(f"{place} beside: only a row of the stage `lower` may ask what is there")
    _check_members(place, "domain", row.get("domain", {}), row["where"], "name")
    _check_domain(place, row.get("domain", {}))


def _check_fields(
    place: str, row: Mapping[str, Any], fields: Mapping[str, Callable[[Any], bool]]
) -> None:
    for name, value in row.items():
        if name not in fields:
            raise RuleError(f"{place}: unknown field `{name}`; known are {', '.join(fields)}")
        if not fields[name](value):
            raise RuleError(f"{place} {name}: {value!r:.80} has the wrong type")


def _check_names(place: str, names: list[str]) -> None:
    for name in names:
        if not (name.isidentifier() and name.isascii()) or name.startswith("_"):
            raise RuleError(f"{place} args: `{name:.40}` is not a name for a slot or a size")
        if name in RESERVED:
            raise RuleError(f"{place} args: `{name}` is reserved for directions")
        if names.count(name) > 1:
            raise RuleError(f"{place} args: `{name}` is declared twice")


def _check_members(
    place: str, column: str, given: Iterable[str], known: Iterable[str], kind: str
) -> None:
    for name in given:
        if name not in known:
            listed = ", ".join(sorted(known))
            raise RuleError(f"{place} {column}: there is no {kind} `{name}`; known are {listed}")


def _check_domain(place: str, domain: str | dict[str, str]) -> None:
    texts = [domain] if isinstance(domain, str) else list(domain.values())
    words = [word for text in texts for word in text.split()]
    _check_members(place, "domain", words, DOMAIN_WORDS, "domain")


def _check_role(place: str, row: Row, shipped: bool) -> None:
    role = row.get("role")
    if role is None:
        return
    if not shipped:
        raise RuleError(f"{place} role: roles belong to the shipped ring operations")
    _check_members(place, "role", [role], ROLES, "role")


def _check_template(place: str, column: str, source: str, names: list[str]) -> None:
    for literal, slot, level in template_parts(source):
        if slot is not None and slot not in names:
            raise RuleError(f"{place} {column}: there is no slot `{slot}` for `{{{slot}}}`")
        if level not in LEVELS:
            raise RuleError(f"{place} {column}: there is no level `{level}`")
        if slot is None and re.search(r"[{}]", literal.replace("{{", "").replace("}}", "")):
            raise RuleError(f"{place} {column}: a bracket in `{literal:.40}` stands alone")


def with_derivative(place: str, name: str, row: Row) -> Row:
    """Expand `derivative`, an entrywise function's, to its differential `derivative .* H`."""
    if "derivative" not in row:
        return row
    if len(row.get("args", {})) != 1 or "d" in row:
        raise RuleError(f"{place} derivative: an entrywise function has one slot and no `d`")
    (slot,) = row["args"]
    derivative = row["derivative"]
    plain = derivative == "0" or derivative.startswith(REFUSAL)
    body = derivative if plain else f"({derivative}) .* H"
    return {"transpose": f"{name}({slot}')", "any_rank": True, **row, "d": {slot: body}}
