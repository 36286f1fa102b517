"""Every error that symcalc raises on purpose, each saying what failed, on what, and what to do."""

from __future__ import annotations


class SymcalcError(ValueError):
    """Base class of all deliberate errors; on the command line the message alone is shown."""


class ParseError(SymcalcError):
    """The text is not a formula of the language; the message shows it with a caret."""


class ShapeError(SymcalcError):
    """Two sizes that must agree do not."""


class RuleError(SymcalcError):
    """A row of a rules folder is refused, or a rule that is needed does not exist."""


class EvaluationError(SymcalcError):
    """An array is missing, has the wrong shape, or an optional library is not installed."""


class StationaryError(SymcalcError):
    """The equation "gradient = 0" has no closed form that is found."""


CONTEXT = 60


def caret(text: str, position: int, message: str) -> str:
    """Return `message` under the part of `text` around `position`, marked with a caret."""
    start, stop = max(0, position - CONTEXT), position + CONTEXT
    window = "".join(c if c.isprintable() else "·" for c in text[start:stop])
    head = "…" if start else ""
    tail = "…" if stop < len(text) else ""
    pointer = " " * (len(head) + position - start) + "^"
    return f"{message}\n  {head}{window}{tail}\n  {pointer}"
