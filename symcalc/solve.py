"""Linear matrix equations `L(X) = C`, solved by what stands around the unknown in each term."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from symcalc.differential import dependents
from symcalc.errors import RuleError
from symcalc.exact import Number
from symcalc.expr import Expr, substitute
from symcalc.factors import untransposed
from symcalc.graph import postorder
from symcalc.normal import Normalizer
from symcalc.poly import Mono
from symcalc.rulebook import Rulebook
from symcalc.shape import SCALAR, Dim
from symcalc.simplify import normalizer, simplify
from symcalc.vec import linear_matrix

ENTRYWISE = frozenset({"sum", "scale", "quotient", "hadamard", "entrywise quotient"})


class Sided(NamedTuple):
    """A term `factor*left*X*right`, or with `X'` if it is turned."""

    factor: Expr
    left: Expr
    right: Expr
    turned: bool


def solutions(linear: Expr, constant: Expr, h: Expr, book: Rulebook) -> Iterator[Expr]:
    """Yield candidates for the X with `L(X) = C`, the plainest first; `linear` is `L(h)`.

    They are right where what they invert is invertible.
    """
    weight = _weight(linear, h, book)
    if weight is not None:
        yield book.algebra.hadamard_divide(constant, weight)
    if h.shape[1] != 1:
        terms = _sided_terms(linear, h, book)
        if terms:
            yield from _two_sided(terms, constant, book)
            yield from _sylvester(terms, constant, book)
    try:
        yield _by_vec(linear, constant, h, book)
    except RuleError:
        return


def _weight(linear: Expr, h: Expr, book: Rulebook) -> Expr | None:
    """Return W of `L(X) = W .* X`."""
    order = postorder([linear])
    moving = dependents(order, {h: None})
    roles = {node.op.role for node in order if node in moving and node is not h}
    if not roles <= ENTRYWISE or (h.shape != SCALAR and not roles & {"hadamard"}):
        return None
    return simplify(substitute([linear], {h: book.algebra.ones(h.shape)})[0], book)


def _sided_terms(linear: Expr, h: Expr, book: Rulebook) -> list[Sided]:
    """Return the terms, if each has the unknown as one of its factors; else none."""
    n = normalizer(book)
    poly = n.normal(linear)
    found = [_sided(n, mono, poly.terms[mono], h) for mono, _ in poly.ordered]
    terms = [t for t in found if t is not None]
    return terms if len(terms) == len(found) else []


def _sided(n: Normalizer, mono: Mono, coefficient: Number, h: Expr) -> Sided | None:
    places = [k for k, factor in enumerate(mono.factors) if h in factor.variables]
    if len(places) != 1 or any(h in base.variables for base, _ in mono.scalars):
        return None
    (place,) = places
    unknown = mono.factors[place]
    if untransposed(unknown) is not h:
        return None
    return Sided(
        n.build_term(SCALAR, Mono(mono.scalars), coefficient),
        _chain(n, mono.factors[:place], unknown.shape[0]),
        _chain(n, mono.factors[place + 1 :], unknown.shape[1]),
        unknown is not h,
    )


def _chain(n: Normalizer, factors: tuple[Expr, ...], size: Dim) -> Expr:
    return n.algebra.product_of(factors) if factors else n.algebra.identity(size)


def _two_sided(terms: list[Sided], constant: Expr, book: Rulebook) -> Iterator[Expr]:
    """Solve `P*X*Q = C`, where all terms have the same P or the same Q."""
    first = terms[0]
    if any(t.turned != first.turned for t in terms):
        return
    algebra = book.algebra
    if all(t.right is first.right for t in terms):
        left, right = algebra.sum_of(*[t.factor * t.left for t in terms]), first.right
    elif all(t.left is first.left for t in terms):
        left, right = first.left, algebra.sum_of(*[t.factor * t.right for t in terms])
    else:
        return
    found = _inverse(left, book) * constant * _inverse(right, book)
    yield algebra.transpose(found) if first.turned else found


def _sylvester(terms: list[Sided], constant: Expr, book: Rulebook) -> Iterator[Expr]:
    """Solve `P*X + X*Q = C`."""
    if any(t.turned for t in terms):
        return
    before = [t.factor * t.left for t in terms if t.right.op.role == "identity"]
    after = [t for t in terms if t.right.op.role != "identity"]
    if before and after and all(t.left.op.role == "identity" for t in after):
        left = book.algebra.sum_of(*before)
        right = book.algebra.sum_of(*[t.factor * t.right for t in after])
        yield book.algebra.call("sylvester", left, right, constant)


def _by_vec(linear: Expr, constant: Expr, h: Expr, book: Rulebook) -> Expr:
    """Solve the system of all entries, `M*vec(X) = vec(C)`."""
    matrix = simplify(linear_matrix(linear, h, book), book)
    if h.shape[1] == 1:
        return _inverse(matrix, book) * constant
    solved = _inverse(matrix, book) * book.algebra.call("vec", constant)
    return book.algebra.call("unvec", solved, dims=h.shape)


def _inverse(e: Expr, book: Rulebook) -> Expr:
    return book.algebra.power(simplify(e, book), book.algebra.number(-1))
