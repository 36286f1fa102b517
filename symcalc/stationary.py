"""Set the gradient to zero and solve: where the gradient is affine in the variable.

The gradient is split as `L(X) - C`, by the structure of the formula: every operation between the
variable and the gradient is linear. If it is not affine as it stands, it is multiplied by the
variable, which turns a gradient in `inv(X)` into one that is. What is found is then checked by
numbers: the gradient vanishes there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from symcalc.again import freed
from symcalc.assume import condition
from symcalc.differential import dependents, differential, direction
from symcalc.errors import StationaryError
from symcalc.expand import multiplied_out
from symcalc.expr import Expr, substitute
from symcalc.factors import untransposed
from symcalc.graph import postorder
from symcalc.judge import SIZE_ORDERS, by_name, relative_error, values_of
from symcalc.linear import split_linear
from symcalc.normal import Normalizer
from symcalc.poly import Mono, Poly, below_line
from symcalc.rulebook import Rulebook
from symcalc.sample import choose_sizes, inside, points, structured
from symcalc.shape import SCALAR
from symcalc.show import brief, declaration
from symcalc.simplify import normalizer, simplify
from symcalc.solve import solutions

if TYPE_CHECKING:
    from symcalc.derivation import Derivation

TOLERANCE = 1e-7
ENOUGH = 3
NEAR = 1.1
MAX_POWER = 4  # a scalar variable may stand below the line up to this power
NOT_ZERO = {"quotient": "{} is not 0", "entrywise quotient": "{} has no zero entry"}


def stationary(d: Derivation) -> Expr:
    """Return the point where the gradient vanishes, in terms of the other variables.

    Raises `StationaryError` where no closed form is found.
    """
    g, x = d.usual.gradient, d.variable
    if word := freed(d):
        raise _none(f"{x.name} is {word}, and the gradient vanishes on no such matrix as a rule")
    if x not in g.variables:
        raise _none(f"the gradient `{brief(g)}` does not depend on {x.name}")
    failed = ""
    for equation in _equations(g, x, d.rules):
        found = affine(equation, x, d.rules)
        for solution in solutions(*found, direction(x), d.rules) if found else ():
            short = simplify(solution, d.rules, d.function)
            if _vanishes(g, x, short):
                return short
            failed = _failed(short, x)
    raise _none(failed or _not_affine(g, x))


def _none(why: str) -> StationaryError:
    return StationaryError(f"no closed form found: {why}")


def _failed(solution: Expr, x: Expr) -> str:
    return (
        f"`{brief(solution)}` is no solution: what it inverts is singular, or it is not "
        f"a {declaration(x)}"
    )


def _not_affine(g: Expr, x: Expr) -> str:
    return (
        f"the gradient `{brief(g)}` is not linear in {x.name}, also after multiplying by "
        f"{x.name}: minimise by numbers, with `Derivation.objective`"
    )


def _equations(g: Expr, x: Expr, book: Rulebook) -> Iterator[Expr]:
    """Yield forms of `g = 0` that have the same invertible solutions."""
    n = normalizer(book)
    for poly in (n.normal(g), multiplied_out(g, n)):
        yield simplify(n.build(_cancelled(poly, n)), book)
    for e in _multiplied(g, x, book):
        yield simplify(n.build(multiplied_out(e, n)), book)


def _cancelled(poly: Poly, n: Normalizer) -> Poly:
    """Drop what all terms share and is never zero: invertible factors, positive scalars."""
    shared = set.intersection(*({*m.scalars} for m in poly.terms)) if poly.terms else set()
    never = {(b, k) for b, k in shared if below_line(k) or n.attributes.has(b, "positive")}
    terms = {
        Mono(tuple(s for s in m.scalars if s not in never), m.factors): c
        for m, c in poly.terms.items()
    }
    poly = Poly(poly.shape, terms)
    for place, rest in ((0, slice(1, None)), (-1, slice(None, -1))):
        while (factor := _shared(poly, place)) is not None and _is_invertible(factor, n):
            terms = {Mono(m.scalars, m.factors[rest]): c for m, c in poly.terms.items()}
            poly = Poly(poly.shape, terms)
    return poly


def _shared(poly: Poly, place: int) -> Expr | None:
    if not all(m.factors for m in poly.terms):
        return None
    found = {m.factors[place] for m in poly.terms}
    return found.pop() if len(found) == 1 else None


def _is_invertible(factor: Expr, n: Normalizer) -> bool:
    square = factor.shape[0] == factor.shape[1]
    inverse = untransposed(factor).op.role == "inverse"
    return square and (inverse or n.attributes.has(factor, "invertible"))


def _multiplied(g: Expr, x: Expr, book: Rulebook) -> Iterator[Expr]:
    if x.shape == SCALAR:
        for k in range(1, MAX_POWER + 1):
            yield book.algebra.power(x, book.algebra.number(k)) * g
    elif x.shape[0] == x.shape[1]:
        for factor in (x, x.T):
            yield from (factor * g, g * factor, factor * g * factor)


def affine(e: Expr, x: Expr, book: Rulebook) -> tuple[Expr, Expr] | None:
    """Return `L(dX)` and `C` of `e = L(X) - C`, or None where the structure does not show it."""
    order = postorder([e])
    moving = dependents(order, {x: None})
    if not all(_is_linear(node, moving, book) for node in order if node in moving):
        return None
    h = direction(x)
    linear = simplify(differential(e, {x: h}, book), book)
    if x in linear.variables or h not in linear.variables:
        return None
    constant = simplify(-substitute([e], {x: book.algebra.zeros(x.shape)})[0], book)
    return split_linear(linear, h, book), constant


def _is_linear(node: Expr, moving: set[Expr], book: Rulebook) -> bool:
    places = [k for k, arg in enumerate(node.args) if arg in moving]
    if not places or node.op.role == "sum":
        return True
    return len(places) == 1 and book.is_linear(node.op, places[0])


def _vanishes(g: Expr, x: Expr, solution: Expr) -> bool:
    """Whether the gradient is zero at the solution, at random points where both are finite."""
    if x in solution.variables:
        return False
    others = by_name({*g.variables, *solution.variables, x} - {x})
    return any(_vanishes_at(g, x, solution, others, order) for order in SIZE_ORDERS)


def _vanishes_at(
    g: Expr, x: Expr, solution: Expr, others: list[Expr], order: tuple[int, ...]
) -> bool:
    """Whether it is zero at `ENOUGH` points, and the solution in the domain at one of them."""
    sizes = choose_sizes([*others, x], {}, order)
    found: list[bool] = []
    for point in points(others, sizes, np.random.default_rng(0)):
        (value,) = values_of([solution], point, sizes)
        if np.all(np.isfinite(value)):
            here, near = (
                values_of([g], {**point, x: scale * value}, sizes)[0] for scale in (1, NEAR)
            )
            kept = relative_error(structured(x, value), value) < TOLERANCE
            if not (kept and np.max(np.abs(here)) <= TOLERANCE * np.max(np.abs(near))):
                return False
            found.append(inside(x, value))
        if len(found) >= ENOUGH and any(found):
            return True
    return False


def conditions(e: Expr) -> tuple[str, ...]:
    """Return what a formula needs to exist, such as `A'*A + c*I is invertible`.

    >>> from symcalc import derive
    >>> print(*conditions(derive("||A*x - b||^2 + c*||x||^2", "x").stationary()))
    A'*A + c*I is invertible
    """
    found: dict[str, None] = {}
    n = normalizer(e.op.algebra.book)
    for node in postorder([e]):
        if text := condition(node, n):
            found[text] = None
        elif node.op.role in NOT_ZERO and node.args[1].op.role != "dimension":
            found[NOT_ZERO[node.op.role].format(brief(node.args[1]))] = None
    return tuple(found)
