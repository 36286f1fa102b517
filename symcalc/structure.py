"""The structure of a Hessian, read off the terms of its normal form.

`kron(A, I)` acts on each row of a matrix by itself, `kron(I, A)` on each column, `diag(w)` on each
entry, and `K` takes rows to columns: a product of such factors is block diagonal, and its blocks
are products of small matrices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from symcalc.expr import Expr
from symcalc.normal import Normalizer
from symcalc.poly import Mono, term
from symcalc.shape import SCALAR, Dim, Shape, dim_substitute
from symcalc.simplify import normalizer
from symcalc.structured import (
    BlockDiagonal,
    Commuted,
    Diagonal,
    Kronecker,
    LowRank,
    Size,
    StructuredHessian,
)

Array = Any
Factors = tuple[Expr, ...]
Build = Callable[[Size, Size, list[Array]], StructuredHessian]
Link = tuple[Expr, bool]  # a matrix for each row, or (True) a weight for each entry


@dataclass(frozen=True)
class Plan:
    """A structure: the expressions that are needed, and how the Hessian is built of their values.

    All values are given as 2-D arrays.
    """

    structure: str
    parts: tuple[Expr, ...]
    build: Build


class Structures:
    """Recognises the structure of one Hessian by a variable of this shape, under known sizes."""

    def __init__(self, hessian: Expr, variable: Shape, sizes: Mapping[str, int]) -> None:
        self.n: Normalizer = normalizer(hessian.op.algebra.book)
        self.algebra = self.n.algebra
        self.hessian = hessian
        self.variable = variable
        self.sizes = dict(sizes)
        poly = self.n.normal(hessian)
        self.terms = [(self._scalar(mono, c), mono.factors) for mono, c in poly.ordered]

    def _scalar(self, mono: Mono, coefficient: Any) -> Expr:
        return self.n.build(term(SCALAR, Mono(mono.scalars), coefficient))

    def plan(self) -> Plan | None:
        """Return the first structure that fits; None where the Hessian is just dense."""
        found = (f() for f in (self._diagonal, self._kronecker, self._by_rows, self._low_rank))
        return next((plan for plan in found if plan is not None), None)

    # -- diagonal and low rank --------------------------------------------------------------------

    def _diagonal(self) -> Plan | None:
        parts = [self._entries(scalar, factors) for scalar, factors in self.terms]
        square = self.hessian.shape[0] == self.hessian.shape[1]
        if not square or any(part is None for part in parts):
            return None
        return Plan(Diagonal.structure, (self._added(parts),), lambda r, d, v: Diagonal(r, d, v[0]))

    def _added(self, parts: list[Expr | None]) -> Expr:
        """Return the sum of diagonals, which is zero if there is none."""
        zero: Expr = self.algebra.zeros((self.hessian.shape[0], 1))
        return self.algebra.sum_of(*[p for p in parts if p is not None]) if parts else zero

    def _entries(self, scalar: Expr, factors: Factors) -> Expr | None:
        """Return the diagonal of a term that is a diagonal matrix."""
        if not factors:
            return self.algebra.times(scalar, self.algebra.ones((self.hessian.shape[0], 1)))
        if len(factors) == 1 and factors[0].op.name == "diag":
            return self.algebra.times(scalar, factors[0].args[0])
        return None

    def _low_rank(self) -> Plan | None:
        diagonals = [self._entries(*t) for t in self.terms]
        thick = [t for t, d in zip(self.terms, diagonals, strict=True) if d is None]
        cuts = [self._cut(factors) for _, factors in thick]
        if any(cut is None for cut in cuts) or not self._is_low(cuts):
            return None
        parts = [self._added([d for d in diagonals if d is not None])]
        for (scalar, factors), cut in zip(thick, cuts, strict=True):
            assert cut is not None
            left = self.n.algebra.product_of(factors[: cut[1]])
            right = self.n.algebra.product_of(factors[cut[1] :])
            parts += [self.algebra.times(scalar, left), right]
        return Plan(LowRank.structure, tuple(parts), _low_rank)

    def _cut(self, factors: Factors) -> tuple[int, int] | None:
        """Return the smallest known inner dimension of a product, and where it is."""
        inner = [(self._known(factors[k].shape[0]), k) for k in range(1, len(factors))]
        return min(((size, k) for size, k in inner if size is not None), default=None)

    def _known(self, dim: Dim) -> int | None:
        size = dim_substitute(dim, self.sizes)
        return size if isinstance(size, int) else None

    def _is_low(self, cuts: list[tuple[int, int] | None]) -> bool:
        """Whether the rank of these products is below half the size; by sizes, or each is 1."""
        if self.hessian.shape[0] != self.hessian.shape[1]:
            return False
        ranks, size = [cut[0] for cut in cuts if cut], self._known(self.hessian.shape[0])
        return max(ranks) == 1 if size is None else 2 * sum(ranks) < size

    # -- Kronecker products and blocks ------------------------------------------------------------

    def _kronecker(self) -> Plan | None:
        scalar, factors = self.terms[0] if len(self.terms) == 1 else (None, ())
        names = tuple(f.op.name for f in factors)
        kind = {("kron",): Kronecker, ("kron", "commutation"): Commuted}.get(names)
        if scalar is None or kind is None:
            return None
        left, right = factors[0].args
        parts = (self.algebra.times(scalar, left), right)
        return Plan(kind.structure, parts, lambda r, d, v: kind(r, d, *v))

    def _by_rows(self) -> Plan | None:
        """Return the structure of independent rows or columns of the variable."""
        for by_rows in (True, False) if self.terms else ():
            chains = [self._links(scalar, f, by_rows) for scalar, f in self.terms]
            if self.variable[0 if by_rows else 1] != 1 and all(c is not None for c in chains):
                return _stacked([c for c in chains if c is not None], by_rows)
        return None

    def _links(self, scalar: Expr, factors: Factors, by_rows: bool) -> list[Link] | None:
        """Return what a term does to each row (column), None where it mixes them."""
        count, width = self.variable if by_rows else self.variable[::-1]
        links: list[Link] = [(self.algebra.times(scalar, self.algebra.identity(width)), False)]
        rows = by_rows
        for factor in reversed(factors):
            if factor.op.name == "commutation":
                if factor.data != ((count, width) if rows else (width, count)):
                    return None
                rows = not rows
                continue
            link = self._link(factor, count, width, rows)
            if link is None:
                return None
            links.append(link)
            width = width if link[1] else link[0].shape[0]
        return _lighter(links, scalar, self.algebra.times) if rows == by_rows else None

    def _link(self, factor: Expr, count: Dim, width: Dim, rows: bool) -> Link | None:
        if factor.op.name == "diag":
            dims = (count, width) if rows else (width, count)
            weights = self.algebra.call("unvec", factor.args[0], dims=dims)
            return (weights if rows else self.algebra.transpose(weights)), True
        if factor.op.name != "kron":
            return None
        inner, eye = factor.args if rows else factor.args[::-1]
        same = eye.op.role == "identity" and eye.shape[0] == count
        return (inner, False) if same else None


def full_value(value: Array, e: Expr) -> Array:
    """Return the value of an expression as a 2-D array."""
    rows, columns = e.shape
    array = np.asarray(value, float)
    return array if array.ndim == 2 else array.reshape(*_ends(rows), *_ends(columns))


def _ends(dim: Dim) -> tuple[int, ...]:
    return (1,) if dim == 1 else (-1,)


def _lighter(links: list[Link], scalar: Expr, times: Callable[[Expr, Expr], Expr]) -> list[Link]:
    """Move the scalar from the identity into the factor beside it, if there is one."""
    if len(links) == 1:
        return links
    (first, weights), *rest = links[1:]
    return [(times(scalar, first), weights), *rest]


def _stacked(chains: list[list[Link]], by_rows: bool) -> Plan:
    """Return the plan of a sum of chains, each a product of matrices and weights from the right."""
    kinds = [[weights for _, weights in chain] for chain in chains]

    def build(result: Size, direction: Size, values: list[Array]) -> StructuredHessian:
        given = iter(values)
        stacks = [_stack(marks, given) for marks in kinds]
        return BlockDiagonal(result, direction, reduce(np.add, stacks), by_rows)

    parts = tuple(e for chain in chains for e, _ in chain)
    return Plan(BlockDiagonal.structure, parts, build)


def _stack(marks: list[bool], values: Iterator[Array]) -> Array:
    """Return the blocks of one chain, by matrix products of small arrays."""
    stack: Array = None
    for weights in marks:
        value = next(values)
        if not weights:
            stack = value[None] if stack is None else value @ stack
        elif stack is None:
            stack = value[:, :, None] * np.eye(value.shape[1])
        else:
            stack = value[:, :, None] * stack
    return stack


def _low_rank(result: Size, direction: Size, values: list[Array]) -> StructuredHessian:
    weights, *pairs = values
    left = np.concatenate(pairs[::2], axis=1)
    return LowRank(result, direction, np.ravel(weights), left, np.concatenate(pairs[1::2], axis=0))
