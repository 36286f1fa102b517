"""Names that are called: functions without a row yet, letters that may be variables, and functions
of the entries that a reader may take for functions of the matrix."""

from __future__ import annotations

from collections.abc import Callable

from symcalc.declare import default_kind
from symcalc.errors import ParseError, RuleError, caret
from symcalc.expr import Expr
from symcalc.op import Op
from symcalc.postfix import Item
from symcalc.shape import SCALAR
from symcalc.show import brief

ALONG = {  # what a function is called along an axis: the 1 of `norm(x, 1)`, `max(X, 1)` is none
    "norm": "norm2", "max": "amax", "min": "amin", "maximum": "amax", "minimum": "amin",
    "diff": "diff_along",
}  # fmt: skip


def outside(name: str, called: Callable[[str], list[Op]], letters: bool) -> list[Op]:
    """Return the function of SymPy that a called name means; `letters`: `gamma(x)` may be one."""
    letter = default_kind(name) is not None
    if letter and not letters:
        return []
    try:
        return called(name)
    except RuleError:
        if letter:
            return []
        raise


def check_axes(items: list[Item], text: str, find: Callable[[str], list[Op]]) -> None:
    """Raise `ParseError` for an axis of a function that has none, `np.max(X, axis=0)`."""
    for axis, call in zip(items, [*items[1:], None], strict=True):
        if axis.kind != "axis":
            continue
        if call and call.count == 2:
            call.value = ALONG.get(call.value, call.value)
        rows = find(f"{call.value} {axis.value}") if call and call.kind == "call" else []
        if call is None or not any((op.rows, op.cols) != (1, 1) for op in rows):
            name = call.value if call else ""
            message = f"`{name}` along the axis {axis.value} is not known"
            raise ParseError(caret(text, axis.at, message))
        axis.kind = "number"


def check_calls(items: list[Item], text: str) -> None:
    """Raise `ParseError` for `gamma(x) + gamma`, where a letter is a function and a variable."""
    called = {item.value for item in items if item.kind == "call"}
    for item in items:
        if item.kind == "name" and item.value in called and default_kind(item.value):
            message = f"`{item.value}` is a function and a variable here: declare it, or rename"
            raise ParseError(caret(text, item.at, f"{message} the variable"))


def says_entrywise(item: Item, text: str) -> bool:
    """Whether a call is written as one of the entries: `exp.(X)`, `np.exp(X)`, `X.exp()`."""
    end = item.at + len(item.value)
    return "." in (text[item.at - 1 : item.at + 1] + text[end : end + 1])


def entrywise_note(e: Expr) -> str:
    """Return what is said of `exp(X)` of a square matrix: that it is not `expm(X)`."""
    other = e.op.column("of_matrix")
    if e.shape == SCALAR or e.shape[0] != e.shape[1]:
        return ""
    function = f"{other}({brief(e.args[0])})"
    return f"`{brief(e)}` is taken entry by entry; the function of the matrix is `{function}`"
