"""How long the text of an expression is: what the presentation makes small."""

from __future__ import annotations

from collections.abc import Callable

from symcalc.expr import Expr
from symcalc.graph import waiting


class Lengths:
    """Lengths of expressions, remembered."""

    def __init__(self) -> None:
        self._memo: dict[Expr, int] = {}

    def of(self, e: Expr) -> int:
        """Return the number of names, numbers and signs in the text of `e`."""
        found = self._memo.get(e)
        if found is None:
            for here in waiting(e, self._memo):
                found = self._memo[here] = sum(map(self.of, here.args)) + _own_length(here)
            assert found is not None
        return found


def _own_length(e: Expr) -> int:
    rule = _OWN_LENGTH.get(e.op.role)
    return rule(e) if rule else 1


def _scale_length(e: Expr) -> int:
    factor = e.args[0]
    if factor.op.role != "number":
        return 1
    value = abs(factor.data)
    return -1 if value == 1 else (0 if value.numerator == 1 and value.denominator > 1 else 1)


_OWN_LENGTH: dict[str, Callable[[Expr], int]] = {
    "sum": lambda e: len(e.args) - 1,
    "scale": _scale_length,
    "number": lambda e: 1 if e.data.denominator == 1 else 2,
    "ones": lambda e: 2,
    "zeros": lambda e: 2,
}
