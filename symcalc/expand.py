"""Multiplying out: operations that are linear in a slot (they have an adjoint) go into its sums."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING

from symcalc.expr import Expr, rebuild
from symcalc.graph import postorder
from symcalc.poly import Poly

if TYPE_CHECKING:
    from symcalc.normal import Normalizer
    from symcalc.rulebook import Rulebook

MAX_TERMS = 64


def multiplied_out(e: Expr, n: Normalizer) -> Poly:
    """Return the normal form of `e` with its products multiplied out, like terms collected.

    A product of more than `MAX_TERMS` terms stays as it is: the value is always that of `e`.
    """
    return _opened(n.build(_opened(n.canonical(e), n)), n)  # collecting may uncover a sum


def collected(e: Expr, n: Normalizer) -> Poly | None:
    """Return `multiplied_out(e, n)` if like terms meet somewhere in it, else None."""
    e = n.canonical(e)
    parts = _terms(e, n.book)
    inside = [
        arg for node in parts for k, arg in enumerate(node.args) if not n.book.is_linear(node.op, k)
    ]
    met = any(_like_terms(parts[whole], n) for whole in (e, *inside))
    return multiplied_out(e, n) if met else None


def _like_terms(terms: list[Expr], n: Normalizer) -> bool:
    count = len(terms)
    return count > 1 and len(n.normal(n.book.algebra.sum_of(*terms)).terms) < count


def _opened(e: Expr, n: Normalizer) -> Poly:
    return n.normal(n.book.algebra.sum_of(*_terms(e, n.book)[e]))


def _terms(e: Expr, book: Rulebook) -> dict[Expr, list[Expr]]:
    """Return the terms of every node under `e` once its products are multiplied out."""
    parts: dict[Expr, list[Expr]] = {}
    for node in postorder([e]):
        if node.op.role == "sum":
            parts[node] = [part for arg in node.args for part in parts[arg]]
        else:
            parts[node] = _distributed(node, parts, book)
    return parts


def _distributed(node: Expr, parts: dict[Expr, list[Expr]], book: Rulebook) -> list[Expr]:
    choices = [
        parts[arg] if book.is_linear(node.op, k) else [book.algebra.sum_of(*parts[arg])]
        for k, arg in enumerate(node.args)
    ]
    if prod(map(len, choices)) > MAX_TERMS:
        choices = [[book.algebra.sum_of(*choice)] for choice in choices]
    return [rebuild(node, args) for args in product(*choices)]
