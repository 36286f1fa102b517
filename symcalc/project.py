"""The gradient of a structured variable: the projection on the space that the variable moves in."""

from __future__ import annotations

from symcalc.algebra import Algebra
from symcalc.expr import Expr
from symcalc.rulebook import Rulebook


def project(g: Expr, variable: Expr, symmetric: str, book: Rulebook) -> Expr:
    """Return the gradient within the structure of the variable.

    Symmetric: `(G + G')/2`, the only G with `df = tr(G*dX)` in that space, or with
    `symmetric="entries"` the partial derivatives by the free entries, `G + G' - G .* I`
    (Petersen & Pedersen, 2012, eq. 138).
    """
    for attribute, projection in PROJECTIONS.items():
        if attribute in variable.attributes:
            return projection(book.algebra, g, symmetric)
    return g


def duplicates(variable: Expr, algebra: Algebra) -> Expr | None:
    """Return `D(n)` with `vec(X) = D*vech(X)` for a symmetric variable, else None."""
    if "symmetric" not in variable.attributes or "diagonal" in variable.attributes:
        return None
    return algebra.call("duplication", dims=(variable.shape[0],))


def _symmetric(algebra: Algebra, g: Expr, symmetric: str) -> Expr:
    both = algebra.add(g, algebra.transpose(g))
    if symmetric == "entries":
        return both - algebra.hadamard(g, algebra.identity(g.shape[0]))
    return algebra.divide(both, algebra.number(2))


def _skew(algebra: Algebra, g: Expr, symmetric: str) -> Expr:
    return algebra.divide(g - algebra.transpose(g), algebra.number(2))


def _diagonal(algebra: Algebra, g: Expr, symmetric: str) -> Expr:
    return algebra.hadamard(g, algebra.identity(g.shape[0]))


def _lower(algebra: Algebra, g: Expr, symmetric: str) -> Expr:
    return algebra.call("tril", g)


def _upper(algebra: Algebra, g: Expr, symmetric: str) -> Expr:
    return algebra.call("triu", g)


PROJECTIONS = {
    "diagonal": _diagonal,
    "symmetric": _symmetric,
    "skew": _skew,
    "lower": _lower,
    "upper": _upper,
}
