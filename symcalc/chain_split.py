"""A term taken apart: scalar factors, divisors, and the chain of its matrix factors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from symcalc.factors import untransposed

if TYPE_CHECKING:
    from symcalc.expr import Expr
    from symcalc.lower_rows import Factors

MAX_CIRCLE = 8  # a trace of more factors is cut at the first one only


@dataclass
class Parts:
    """`scalars / divisors * factors`, the factors in order and transposed one by one."""

    scalars: list[Expr] = field(default_factory=list)
    divisors: list[Expr] = field(default_factory=list)
    factors: list[Expr] = field(default_factory=list)


def split(e: Expr, turn: Callable[[Expr], Expr]) -> Parts:
    """Take a product, a multiple or a transpose apart; iterative, so length never matters."""
    parts = Parts()
    stack = [(e, False)]
    while stack:
        node, turned = stack.pop()
        role = node.op.role
        if role == "product":
            first, second = node.args[::-1] if turned else node.args
            stack += [(second, turned), (first, turned)]
        elif role == "transpose":
            stack.append((node.args[0], not turned))
        elif node.is_scalar:
            parts.scalars.append(node)
        elif role == "scale":
            parts.scalars.append(node.args[0])
            stack.append((node.args[1], turned))
        elif role == "quotient":
            parts.divisors.append(node.args[1])
            stack.append((node.args[0], turned))
        else:
            parts.factors.append(turn(node) if turned else node)
    return _without_identities(parts)


def _without_identities(parts: Parts) -> Parts:
    kept = [f for f in parts.factors if f.op.role != "identity"]
    parts.factors = kept or parts.factors[:1]
    return parts


def core_name(term: Expr) -> str:
    """Return the operation of a term without its scalar factors and transpose."""
    while term.op.role in ("scale", "quotient"):
        term = term.args[1 if term.op.role == "scale" else 0]
    return untransposed(term).op.name


def has_number(e: Expr) -> bool:
    """Whether a term starts with a number."""
    return e.op.role == "scale" and e.args[0].op.role == "number"


def circles(factors: Factors) -> Iterator[tuple[Factors, Factors]]:
    """Yield the ways to cut a circle of factors into two runs."""
    count = len(factors)
    for i in range(count):
        for j in range(i + 1, count):
            if count <= MAX_CIRCLE or i == 0:
                yield factors[i:j], factors[j:] + factors[:i]


def rotations(factors: Factors) -> Iterator[Factors]:
    """Yield the products that have the same trace, but for those of many factors."""
    count = len(factors)
    yield from (factors[k:] + factors[:k] for k in range(count if count <= MAX_CIRCLE else 1))


def linear_places(e: Expr) -> list[int]:
    """Return the arguments from which a scalar factor comes out, by the row of the operation."""
    if e.op.variadic or e.op.role in ("scale", "quotient"):
        return []
    degrees, adjoints = e.op.column("homogeneous", {}), e.op.column("adjoint", {})
    names = [slot.name for slot in e.op.slots]
    return [k for k, n in enumerate(names) if degrees.get(n) == 1 or n in adjoints]
