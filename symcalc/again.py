"""Differentiating again: what a derivation must be turned into before it can be repeated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from symcalc.declare import close_attributes
from symcalc.errors import ShapeError
from symcalc.expr import Expr, in_scope, substitute
from symcalc.inputs import reading_of
from symcalc.reader import read
from symcalc.shape import shape_text
from symcalc.show import declaration
from symcalc.simplify import simplify
from symcalc.sizes import resize

if TYPE_CHECKING:
    from symcalc.derivation import Derivation

FREED = {"orthogonal": "the orthogonal ones", "orthonormal": "those with orthonormal columns"}


def ambient(d: Derivation, variable: Expr) -> Derivation:
    """Let orthonormal columns move freely: `Q'*Q = I` holds only after differentiating."""
    word = next((word for word in FREED if word in variable.attributes), None)
    if word is None:
        return d
    free = d.rules.algebra.symbol(
        variable.name, variable.shape, variable.attributes - {*FREED}, variable.parameters
    )
    function, own = substitute([d.function, d.variable], {variable: free})
    notes = (*d.notes, _freed_note(free, word))
    scope = {**d.scope, free.name: free}
    return replace(d, function=function, variable=own, scope=scope, notes=notes)


def riemannian(d: Derivation) -> Expr:
    """Return `G - X*(X'*G + G'*X)/2`, G projected on the tangent space at X of the matrices with
    orthonormal columns; of a square one, `(G - X*G'*X)/2`.

    Raises `ShapeError` for a variable that is not declared orthogonal or orthonormal.
    """
    word = freed(d)
    if word is None:
        raise ShapeError(
            f"`{d.variable.name}` is not declared orthogonal or orthonormal: its gradient is the "
            "Riemannian one"
        )
    x = d.rules.algebra.symbol(
        d.variable.name, d.variable.shape, close_attributes(d.variable.attributes | {word})
    )
    (g,) = substitute([d.gradient.T if d.layout == "numerator" else d.gradient], {d.variable: x})
    square = word == "orthogonal"  # then X*X' is the identity as well
    tangent = (g - x * g.T * x) / 2 if square else g - x * (x.T * g + g.T * x) / 2
    return in_scope(simplify(tangent, d.rules), {**d.scope, x.name: x})


def freed(d: Derivation) -> str | None:
    """Return the attribute that the variable was declared with and does not have while it moves."""
    return next((word for word in FREED if _freed_note(d.variable, word) in d.notes), None)


def _freed_note(free: Expr, word: str) -> str:
    return f"the derivative by {free.name} is taken among all matrices, not along {FREED[word]}"


def squared_up(d: Derivation) -> Derivation | None:
    """Return the derivation with an undeclared shape taken as square, where a trace needs that."""
    rows, cols = d.gradient.shape
    for old, new in ((cols, rows), (rows, cols)):
        if rows != cols and isinstance(old, str) and old in d.free:
            function, variable, *scope = resize(
                [d.function, d.variable, *d.scope.values()], {old: new}
            )
            return replace(
                d, function=function, variable=variable,
                scope=dict(zip(d.scope, scope, strict=True)),
            )  # fmt: skip
    return None


def weighted(
    d: Derivation, weight: str | Expr | None
) -> tuple[Expr, Expr | None, Mapping[str, Expr]]:
    """Return `tr(G)` or `tr(weight'*G)`, the weight, and the variables that are known with it."""
    g, algebra = d.gradient, d.rules.algebra
    if weight is None:
        if g.shape[0] != g.shape[1]:
            raise ShapeError(
                f"the gradient `{g}` is {shape_text(g.shape)} and has no trace: pass a direction "
                'of its shape, derive(..., weight="V"), to differentiate tr(V\'*G)'
            )
        return algebra.trace(g), None, d.scope
    declared = {name: declaration(symbol) for name, symbol in d.scope.items()}
    reading = (
        read(weight, declared, d.rules, g.shape)
        if isinstance(weight, str)
        else reading_of(weight, declared, d.rules)
    )
    if reading.expr.shape != g.shape:
        raise ShapeError(
            f"the weight is {shape_text(reading.expr.shape)}, the gradient {shape_text(g.shape)}"
        )
    return algebra.frobenius(reading.expr, g), reading.expr, {**d.scope, **reading.scope}
