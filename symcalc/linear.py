"""Distributing linear operations over sums: `tr(A*(H + B*H))` is `tr(A*H) + tr(A*B*H)`."""

from __future__ import annotations

from symcalc.differential import dependents
from symcalc.expr import Expr, rebuild
from symcalc.graph import postorder
from symcalc.rulebook import Rulebook

MAX_TERMS = 24


def split_linear(e: Expr, h: Expr, book: Rulebook) -> Expr:
    """Distribute the operations that are linear in the direction over sums."""
    order = postorder([e])
    moving = dependents(order, {h: None})
    parts: dict[Expr, list[Expr]] = {h: [h]}
    for inner in order:
        if inner in moving and inner is not h:
            found = _parts(inner, moving, parts, book)
            if found is None or len(found) > MAX_TERMS:
                return e
            parts[inner] = found
    terms = parts.get(e, [e])
    return book.algebra.sum_of(*terms) if len(terms) > 1 else e


def _parts(
    e: Expr, moving: set[Expr], parts: dict[Expr, list[Expr]], book: Rulebook
) -> list[Expr] | None:
    if e.op.role == "sum":
        return [part for arg in e.args for part in parts.get(arg, [])]
    places = [k for k, arg in enumerate(e.args) if arg in moving]
    if len(places) != 1 or not book.is_linear(e.op, places[0]):
        return None
    (place,) = places
    return [
        rebuild(e, (*e.args[:place], part, *e.args[place + 1 :])) for part in parts[e.args[place]]
    ]
