"""Products of arrays whose axes have labels, multiplied as matrices: `A_ij*x_j` is `A*x`.

A term is a tuple of factors; what no axis of the result is called is summed. A product is written
where matrices can hold all that comes between; else it is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import reduce
from typing import NamedTuple

from symcalc.calls import ALONG
from symcalc.errors import ShapeError
from symcalc.expr import Expr
from symcalc.graph import postorder
from symcalc.rulebook import Rulebook
from symcalc.shape import Dim

TOO_MANY = "this sum needs an array with three indices: it is no matrix expression"
Labels = tuple[str, ...]


class Factor(NamedTuple):
    """An array, and the labels of its axes: two of a matrix, none of a scalar."""

    array: Expr
    labels: Labels


Term = tuple[Factor, ...]


class Arrays:
    """Writes terms as arrays; `sizes` are the dimensions of the labels."""

    def __init__(self, book: Rulebook, sizes: dict[str, Dim]) -> None:
        self.book = book
        self.algebra = book.algebra
        self.sizes = sizes

    def array(self, terms: Iterable[Term], labels: Labels) -> Expr:
        """Return a sum of products as one array, repeated along labels that a term has not.

        Raises `ShapeError` where that takes more than two labels.
        """
        if len(labels) > 2:
            raise ShapeError(TOO_MANY)
        return self.algebra.sum_of(*[self._dense(term, labels) for term in terms])

    def _total(self, vector: Expr) -> Expr:
        """Return the sum of a vector; of sums of rows, that of the matrix."""
        of_rows = vector.op in self.book.find("sum 1")
        return self.book.apply("sum", vector.args[0] if of_rows else vector)

    def of_rows(self, name: str, array: Expr) -> Expr:
        """Return what an operation makes of the rows of a matrix, `logsumexp(A, 1)`."""
        along = f"{ALONG.get(name, name)} 1"
        if not self.book.find(along):
            raise ShapeError(f"`{name}` of each row of a matrix is not known")
        return self.book.apply(along, array)

    def factor(self, array: Expr, labels: Labels) -> Factor:
        """Return a factor; of a matrix with one label twice its diagonal."""
        if len(set(labels)) == len(labels):
            return Factor(array, labels)
        return Factor(self.book.apply("diag", array), labels[:1])

    def _dense(self, term: Term, labels: Labels) -> Expr:
        factors = self._contracted(list(term), labels)
        scalars = [f.array for f in factors if not f.labels]
        vectors = [self._merged([f for f in factors if f.labels == (x,)], (x,)) for x in labels]
        if len(labels) == 2:
            matrix = self._merged([f for f in factors if len(f.labels) == 2], labels)
            found = self._matrix(vectors, matrix, labels)
        else:
            found = self._filled(next(iter(vectors), None), labels)
        return self.algebra.product_of([*scalars, found])

    def _matrix(self, vectors: list[Expr | None], matrix: Expr | None, labels: Labels) -> Expr:
        """Return a matrix with its rows and columns scaled, or an outer product."""
        left, right = vectors
        if matrix is None:
            return self._filled(left, labels[:1]) * transposed(self._filled(right, labels[1:]))
        matrix = matrix if left is None else self.book.apply("diag", left) * matrix
        return matrix if right is None else matrix * self.book.apply("diag", right)

    def _filled(self, array: Expr | None, labels: Labels) -> Expr:
        """Return an array, ones where there is none."""
        if array is not None:
            return array
        rows, columns = [*[self.sizes[label] for label in labels], 1, 1][:2]
        return self.algebra.ones((rows, columns))

    def _product(self, factors: list[Factor], labels: Labels) -> Expr:
        """Return the entrywise product of arrays that have the same labels."""
        arrays = [f.array if f.labels == labels else transposed(f.array) for f in factors]
        powers = [
            self.algebra.entrywise_power(array, self.algebra.number(count)) if count > 1 else array
            for array, count in Counter(arrays).items()
        ]
        return reduce(self.algebra.hadamard, powers)

    def _merged(self, factors: list[Factor], labels: Labels) -> Expr | None:
        return self._product(factors, labels) if factors else None

    def _contracted(self, factors: list[Factor], kept: Labels) -> list[Factor]:
        """Sum over the labels that are not kept, first over those with the fewest neighbours."""
        while True:
            summed = {x: None for f in factors for x in f.labels if x not in kept}
            if not summed:
                return factors
            label = min(summed, key=lambda x: len(_neighbours(factors, x)))
            beside = _neighbours(factors, label)
            if len(beside) > 2:
                raise ShapeError(TOO_MANY)
            inside = [f for f in factors if label in f.labels]
            factors = [f for f in factors if label not in f.labels]
            factors.append(self._summed(inside, label, beside))

    def _summed(self, factors: list[Factor], label: str, beside: Labels) -> Factor:
        """Return `u'*v`, `A*v` or `A*diag(v)*B`: a sum over the label that all factors have."""
        vectors = [f for f in factors if f.labels == (label,)]
        if not beside:
            *others, last = vectors
            other = self._merged(others, (label,))
            total = self._total(last.array) if other is None else transposed(other) * last.array
            return Factor(total, ())
        vector = self._merged(vectors, (label,))
        sides = [self._product([f for f in factors if x in f.labels], (x, label)) for x in beside]
        if len(beside) == 1:
            (side,) = sides
            return Factor(self.of_rows("sum", side) if vector is None else side * vector, beside)
        left, right = sides
        left = left if vector is None else left * self.book.apply("diag", vector)
        return Factor(left * transposed(right), beside)


def transposed(e: Expr) -> Expr:
    """Return `e'`, `A` for `A''` and `B'*A'` for `(A*B)'`; scalars stay in front."""
    if e.op.role == "scale":
        return e.args[0] * transposed(e.args[1])
    turned: dict[Expr, Expr] = {}
    for part in postorder([e], lambda x: x.op.role == "product"):
        if part.op.role == "product":
            turned[part] = turned[part.args[1]] * turned[part.args[0]]
        else:
            turned[part] = part.args[0] if part.op.role == "transpose" else part.T
    return turned[e]


def _neighbours(factors: list[Factor], label: str) -> Labels:
    """Return the labels that stand beside one in the same arrays."""
    found = {x: None for f in factors if label in f.labels for x in f.labels}
    return tuple(x for x in found if x != label)
