"""Names that are called: functions that have no row yet, and letters that may be variables."""

from __future__ import annotations

from collections.abc import Callable

from symcalc.declare import default_kind
from symcalc.errors import ParseError, RuleError, caret
from symcalc.op import Op
from symcalc.postfix import Item


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


def check_calls(items: list[Item], text: str) -> None:
    """Raise `ParseError` for `gamma(x) + gamma`, where a letter is a function and a variable."""
    called = {item.value for item in items if item.kind == "call"}
    for item in items:
        if item.kind == "name" and item.value in called and default_kind(item.value):
            message = f"`{item.value}` is a function and a variable here: declare it, or rename"
            raise ParseError(caret(text, item.at, f"{message} the variable"))
