"""Norms with a subscript: `||x||_F`, `||x||_p`, `||x||_W`, and those of which there are two."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from symcalc.declare import default_kind
from symcalc.errors import ParseError, caret
from symcalc.expr import Expr
from symcalc.op import Op
from symcalc.postfix import Item
from symcalc.scope import Scope

NAMED = {"": "norm2", "2": "norm2", "F": "normF", "1": "norm1", "*": "normnuc"}
INVERSE = "^-1"
EXPONENTS = ("p", "q", "r")  # what a subscript is called that is the exponent
ROWS_OR_COLUMNS = (
    "sums the norms of the rows in some papers, of the columns in others: write "
    "sum(sqrt(sum(X.^2, 1))) for the rows, sum(sqrt(sum(X.^2, 0))) for the columns"
)
REFUSED = {
    "2_1": ROWS_OR_COLUMNS,
    "1_2": ROWS_OR_COLUMNS,
    "0": "counts the entries that are not 0: it has no derivative",
}


def joined(items: list[Item]) -> list[Item]:
    """Read `||x||_p^p` as the sum of the powers: the root and the power cancel."""
    if not any(item.kind == "norm" and item.value in EXPONENTS for item in items):
        return items
    found: list[Item] = []
    for item in items:
        power = item.kind == "infix" and item.value == "^"
        last = [x for x in found[-3:] if x.kind != "group"][-2:] if power else []
        if [x.kind for x in last] == ["norm", "name"] and last[0].value == last[1].value:
            del found[found.index(last[0]) + 1 :]
            last[0].marks = "sum"
        else:
            found.append(item)
    return found


def subscript(item: Item, scope: Scope, constant: Callable[[Op], Expr], text: str) -> Expr:
    """Return the exponent or the matrix that stands below a norm."""
    name = item.value
    if name in REFUSED:
        raise ParseError(caret(text, item.at, f"the norm `_{name}` {REFUSED[name]}"))
    if name.isdigit():
        return scope.algebra.number(Fraction(name))
    base = name.removesuffix(INVERSE)
    exponent = name in EXPONENTS and name not in scope.declared
    if not (exponent or base in scope.declared or default_kind(base) == "matrix"):
        message = f"the norm `_{name}` is not known: write `_F`, `_1`, `_*`, `_op`, `_inf` or `_p`"
        raise ParseError(caret(text, item.at, message))
    scope.numbers |= {name} if exponent else set()
    v = scope.variable(base, item.at, constant)
    if not v.is_scalar:
        scope.algebra.notes.append(f"`||x||_W` is sqrt(x'*W*x), with `{name}` for W")
    return scope.algebra.power(v, scope.algebra.number(-1)) if name != base else v
