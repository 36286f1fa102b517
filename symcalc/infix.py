"""Products as libraries and books write them: `x @ A`, `x · y`, and the solution `A \\ b`."""

from __future__ import annotations

from collections.abc import Callable

from symcalc.algebra import Algebra
from symcalc.errors import ShapeError
from symcalc.expr import Expr

ENTRYWISE = {"*": ".*", "/": "./", "**": ".^"}
OF_MATRICES = {"*": "@", "/": "@ inv(.)", "**": "^"}
TWO_READINGS = (
    "beside `@` the sign `{}` is of the entries in NumPy, elsewhere of matrices: write `{}` or `{}`"
)


def contracted(algebra: Algebra, a: Expr, b: Expr) -> Expr:
    """Return `a @ b`, in which a vector on the left of a matrix or vector is 1-D, and so is what
    `x @ A` gives on the right; `x @ y'` is the product of a column and a row."""
    if b.shape[0] == 1 and not b.is_scalar and b.op.role != "transpose":
        b = algebra.transpose(b)
    return algebra.times(algebra.transpose(a) if _vector(a) and b.shape[0] != 1 else a, b)


def dotted(algebra: Algebra, a: Expr, b: Expr) -> Expr:
    """Return `a · b`: the inner product of two vectors, the product of anything else."""
    return algebra.times(algebra.transpose(a) if _vector(a) and _vector(b) else a, b)


def crossed(algebra: Algebra, a: Expr, b: Expr) -> Expr:
    """Return `a × b`: the cross product of two vectors, the product of anything else."""
    return algebra.call("cross", a, b) if _vector(a) and _vector(b) else algebra.times(a, b)


def solved(algebra: Algebra, a: Expr, b: Expr) -> Expr:
    """Return `A \\ b`, the solution x of A*x = b."""
    return algebra.times(algebra.power(a, algebra.number(-1)), b)


def beside_at(sign: str, a: Expr, b: Expr) -> str:
    """Return the sign that `*`, `/` or `**` of Python is beside `@`: of the entries between
    vectors. Raises `ShapeError` for matrices, where both readings fit."""
    arrays = [e for e in (a, b) if not e.is_scalar]
    whole = {"*": len(arrays) < 2, "/": b.is_scalar, "**": not arrays}
    if whole.get(sign, True):
        return sign
    if not all(map(_vector, arrays)):
        raise ShapeError(TWO_READINGS.format(sign, ENTRYWISE[sign], OF_MATRICES[sign]))
    return ENTRYWISE[sign]


def _vector(e: Expr) -> bool:
    return e.shape[1] == 1 and not e.is_scalar


INFIX: dict[str, Callable[[Algebra, Expr, Expr], Expr]] = {
    "*": Algebra.times, "@": contracted, "·": dotted, "×": crossed, "\\": solved,
    "/": Algebra.divide, ".*": Algebra.hadamard, "./": Algebra.hadamard_divide, "^": Algebra.power,
    ".^": Algebra.entrywise_power, ":": Algebra.frobenius,
    "kron": lambda algebra, a, b: algebra.call("kron", a, b),
    "outer": lambda algebra, a, b: algebra.times(a, algebra.transpose(b)),
}  # fmt: skip
