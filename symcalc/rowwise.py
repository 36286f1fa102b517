"""A vector beside a matrix: in array code it stands for each row, elsewhere it does not fit."""

from __future__ import annotations

from symcalc.algebra import Algebra
from symcalc.errors import ShapeError
from symcalc.expr import Expr
from symcalc.show import brief

HINT = "`ones(n)*v'` has the vector v in every row, `v*ones(m)'` in every column"
SIGNS = frozenset({"+", "-", ".*", "./", ".^"})


def in_every_row(algebra: Algebra, e: Expr, beside: Expr) -> Expr:
    """Return `ones(n)*x'` for a vector `x` beside an n-row matrix, and anything else as it is."""
    if not is_mixed(e, beside):
        return e
    algebra.notes.append(f"`{brief(e)}` stands in every row, as in NumPy")
    rows = algebra.ones((beside.shape[0], 1))
    return algebra.times(rows, algebra.transpose(e))


def check_sum(algebra: Algebra, a: Expr, b: Expr) -> None:
    """Raise `ShapeError` if `a + b` cannot be; of a matrix and a vector, say what can be meant."""
    try:
        algebra.check_sum(a, b)
    except ShapeError as error:
        if not (is_mixed(a, b) or is_mixed(b, a)):
            raise
        raise ShapeError(f"{error}; {HINT}") from None


def is_mixed(e: Expr, beside: Expr) -> bool:
    """Whether the one is a vector and the other a matrix."""
    return e.shape[1] == 1 and not e.is_scalar and 1 not in beside.shape
