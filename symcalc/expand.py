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


def multiplied_out(e: Expr, n: Normalizer, inside: bool = True) -> Poly:
    """Return the normal form of `e` with its products multiplied out, like terms collected; not
    those `inside` denominators and other functions that are not linear, if so wanted.

    A product of more than `MAX_TERMS` terms stays as it is: the value is always that of `e`.
    """
    once = n.build(_opened(n.canonical(e), n, inside))
    return _opened(once, n, inside)  # collecting may uncover a sum


def ways_out(e: Expr, n: Normalizer) -> list[Expr]:
    """Return `e` multiplied out, as it may be written: outside of what is not linear, and all."""
    outer, whole = (n.build(multiplied_out(e, n, inside)) for inside in (False, True))
    return [outer, whole]


def collects(e: Expr, n: Normalizer) -> bool:
    """Whether like terms meet somewhere in `e` once it is multiplied out."""
    e = n.canonical(e)
    parts = _terms(e, n.book)
    inside = [
        arg for node in parts for k, arg in enumerate(node.args) if not n.book.is_linear(node.op, k)
    ]
    return any(_like_terms(parts[whole], n) for whole in (e, *inside))


def _like_terms(terms: list[Expr], n: Normalizer) -> bool:
    count = len(terms)
    return count > 1 and len(n.normal(n.book.algebra.sum_of(*terms)).terms) < count


def _opened(e: Expr, n: Normalizer, inside: bool) -> Poly:
    return n.normal(n.book.algebra.sum_of(*_terms(e, n.book, inside)[e]))


def _terms(e: Expr, book: Rulebook, inside: bool = True) -> dict[Expr, list[Expr]]:
    """Return the terms of every node under `e` once its products are multiplied out."""
    parts: dict[Expr, list[Expr]] = {}
    for node in postorder([e]):
        if node.op.role == "sum":
            parts[node] = [part for arg in node.args for part in parts[arg]]
        else:
            parts[node] = _distributed(node, parts, book, inside)
    return parts


def _distributed(
    node: Expr, parts: dict[Expr, list[Expr]], book: Rulebook, inside: bool
) -> list[Expr]:
    choices = [
        parts[arg]
        if book.is_linear(node.op, k)
        else [book.algebra.sum_of(*parts[arg]) if inside else arg]
        for k, arg in enumerate(node.args)
    ]
    if prod(map(len, choices)) > MAX_TERMS:
        choices = [[book.algebra.sum_of(*choice)] for choice in choices]
    return [rebuild(node, args) for args in product(*choices)]
