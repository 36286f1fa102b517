"""Products taken apart: their factors, what stands under a transpose, the sign in front."""

from __future__ import annotations

from symcalc.expr import Expr

MAX_FACTORS = 40


def flatten(e: Expr, limit: int = 10**9) -> tuple[Expr, ...]:
    """Return the factors of a left-associated product; no more than the last `limit` one by one."""
    factors: list[Expr] = []
    while e.op.role == "product" and len(factors) < limit:
        factors.append(e.args[1])
        e = e.args[0]
    return (e, *reversed(factors))


def untransposed(e: Expr) -> Expr:
    """Return `A` for `A'`, and every other expression itself."""
    return e.args[0] if e.op.role == "transpose" else e


def is_variable(e: Expr) -> bool:
    """Whether a pattern is a variable or its transpose."""
    return untransposed(e).op.role == "symbol"


def is_zero(e: Expr) -> bool:
    """Whether an expression is the number 0."""
    return e.op.role == "number" and e.data == 0


def starts_negative(e: Expr) -> bool:
    """Whether a term starts with a negative number."""
    while e.op.role in ("scale", "quotient"):
        e = e.args[0]
    return e.op.role == "number" and e.data < 0


def has_even_exponent(e: Expr) -> bool:
    """Whether an expression is an entrywise power with an even number as its exponent."""
    exponent = e.args[1] if e.op.role == "entrywise power" else None
    return exponent is not None and exponent.op.role == "number" and exponent.data % 2 == 0


def rotations(chain: tuple[Expr, ...]) -> list[tuple[Expr, ...]]:
    """Return the chains whose product has the same trace."""
    return [chain[k:] + chain[:k] for k in range(len(chain))]
