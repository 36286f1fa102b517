"""A function and its reflection: `1 - sigmoid(x)` is `sigmoid(-x)`, where it stands alone."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from symcalc.exact import Number
from symcalc.expr import Expr

if TYPE_CHECKING:
    from symcalc.present import Presenter

Signed = tuple[Number, Expr]


class Reflecting:
    """Finds sums that are a function at the negative of its argument, for a presenter."""

    def __init__(self, presenter: Presenter) -> None:
        self.presenter = presenter
        self.n = presenter.n
        self.found: dict[Expr, tuple[Number, Expr, Expr] | None] = {}

    def of(self, e: Expr, beside: Collection[Expr]) -> Signed | None:
        """Return the sign and the function that a sum is, if the function with the argument as it
        stands is not `beside` it: `sigmoid(x)*(1 - sigmoid(x))` stays."""
        if e.op.role != "sum" or len(e.args) != 2 or not any(map(_has_reflection, e.args)):
            return None
        if e not in self.found:
            self.found[e] = self._of(e)
        found = self.found[e]
        if found is None or found[1] in beside:
            return None
        self.presenter.regrouped = True
        return found[0], self.presenter.present(found[2])

    def _of(self, e: Expr) -> tuple[Number, Expr, Expr] | None:
        poly = self.n.normal(e)
        for mono in poly.terms:
            parts = [*(base for base, _ in mono.scalars), *mono.factors]
            f = parts[0] if len(parts) == 1 and parts[0].op.column("reflection") else None
            said = None if f is None else self.n.book.said(f, "reflection")
            if f is None or said is None:
                continue
            mirrored = self.n.normal(said)
            other = self.n.canonical(self.n.algebra.build(f.op, (-f.args[0],)))
            for sign in (1, -1):
                if poly.terms == {m: sign * c for m, c in mirrored.terms.items()}:
                    return sign, f, other
        return None


def _has_reflection(e: Expr) -> bool:
    """Whether a term is a function with a reflection, or a multiple of one."""
    return bool((e.args[1] if e.op.role == "scale" else e).op.column("reflection"))
