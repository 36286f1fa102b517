"""Hessians that know their structure: products, solutions and the matrix from small arrays.

Directions have the shape of the variable. `vec` order stacks the columns of a matrix.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from symcalc.errors import EvaluationError

Array = Any
Size = tuple[int, ...]
SINGULAR = "the Hessian is singular at these arrays, or nearly so"
TOLERANCE = 1e-6  # of what a solution leaves over, relative to what it was to reach


class StructuredHessian(ABC):
    """The second derivative at given arrays, of `result`-shaped values along `direction`s.

    The sizes are those of the arrays, `(n,)` for a vector.
    """

    structure: str

    def __init__(self, result: Size, direction: Size) -> None:
        self.result = result
        self.direction = direction

    @property
    def shape(self) -> tuple[int, int]:
        """The shape of the matrix that `dense` returns."""
        return int(np.prod(self.result)), int(np.prod(self.direction))

    def product(self, v: Array) -> Array:
        """Return the Hessian applied to a direction, in the shape of the first variable.

        Raises `EvaluationError` for an array that has not the shape of the second variable.
        """
        made = self._times(_full(v, self.direction))
        return np.reshape(made, self.result, order="F")

    def matvec(self, v: Array) -> Array:
        """Return `dense() @ v` for a vector in vec order, without the matrix."""
        direction = np.reshape(np.asarray(v), self.direction, order="F")
        return np.reshape(self.product(direction), -1, order="F")

    def solve(self, v: Array) -> Array:
        """Return the direction whose product is `v`, as a Newton step needs it.

        Raises `EvaluationError` where the Hessian is not square or is singular.
        """
        rows, columns = self.shape
        if rows != columns:
            raise EvaluationError(f"only a square Hessian can be solved: this is {rows}x{columns}")
        wanted = _full(v, self.result)
        try:
            found = np.reshape(self._solved(wanted), self.direction, order="F")
        except np.linalg.LinAlgError:
            raise EvaluationError(SINGULAR) from None
        missed = np.max(np.abs(self.product(found) - v), initial=0)
        if not missed <= TOLERANCE * np.max(np.abs(v), initial=0):
            raise EvaluationError(SINGULAR)
        return found

    @abstractmethod
    def dense(self) -> Array:
        """Return the matrix in vec order."""

    @abstractmethod
    def _times(self, v: Array) -> Array: ...

    def _solved(self, v: Array) -> Array:
        return np.linalg.solve(self.dense(), np.reshape(v, -1, order="F"))


def _matrix_size(size: Size) -> Size:
    return size if len(size) == 2 else (*size, 1)


def _full(v: Array, size: Size) -> Array:
    """Return a direction as a matrix."""
    array = np.asarray(v)
    if array.shape != size:
        raise EvaluationError(f"an array of shape {size} is needed, not {array.shape}")
    return np.reshape(array, _matrix_size(size))


class Diagonal(StructuredHessian):
    """`diag(vec(weights))`."""

    structure = "diagonal"

    def __init__(self, result: Size, direction: Size, weights: Array) -> None:
        super().__init__(result, direction)
        self.weights = np.reshape(weights, _matrix_size(direction), order="F")

    def dense(self) -> Array:
        return np.diag(np.reshape(self.weights, -1, order="F"))

    def _times(self, v: Array) -> Array:
        return self.weights * v

    def _solved(self, v: Array) -> Array:
        if not np.all(self.weights):
            raise np.linalg.LinAlgError
        return np.reshape(v, self.weights.shape, order="F") / self.weights


class Kronecker(StructuredHessian):
    """`kron(left, right)`, which takes V to `right @ V @ left.T`."""

    structure = "kronecker"

    def __init__(self, result: Size, direction: Size, left: Array, right: Array) -> None:
        super().__init__(result, direction)
        self.left = left
        self.right = right

    def dense(self) -> Array:
        return np.kron(self.left, self.right)

    def _times(self, v: Array) -> Array:
        inner = np.reshape(v, (self.right.shape[1], self.left.shape[1]), order="F")
        return self.right @ inner @ self.left.T

    def _solved(self, v: Array) -> Array:
        outer = np.reshape(v, (self.right.shape[0], self.left.shape[0]), order="F")
        return np.linalg.solve(self.left, np.linalg.solve(self.right, outer).T).T


class Commuted(Kronecker):
    """`kron(left, right) @ K`, which takes V to `right @ V.T @ left.T`."""

    structure = "kronecker times commutation"

    def dense(self) -> Array:
        blocks = self.left[:, None, None, :] * self.right[None, :, :, None]
        return np.reshape(blocks, self.shape)

    def _times(self, v: Array) -> Array:
        inner = np.reshape(v, (self.left.shape[1], self.right.shape[1]), order="F")
        return super()._times(inner.T)

    def _solved(self, v: Array) -> Array:
        return super()._solved(v).T


class BlockDiagonal(StructuredHessian):
    """A stack of blocks, one for each row of the variable or for each column.

    A stack of one block holds for all of them.
    """

    structure = "block diagonal"

    def __init__(self, result: Size, direction: Size, blocks: Array, by_rows: bool) -> None:
        super().__init__(result, direction)
        self.blocks = blocks
        self.by_rows = by_rows

    def dense(self) -> Array:
        count, (_, m, k) = self._count(), self.blocks.shape
        each = range(count)
        if self.by_rows:
            h = np.zeros((m, count, k, count))
            h[:, each, :, each] = self.blocks
        else:
            h = np.zeros((count, m, count, k))
            h[each, :, each, :] = self.blocks
        return np.reshape(h, self.shape)

    def _times(self, v: Array) -> Array:
        return self._each(lambda blocks, columns: blocks @ columns, v)

    def _solved(self, v: Array) -> Array:
        count, m = self._count(), self.blocks.shape[1]
        size = (count, m) if self.by_rows else (m, count)
        return self._each(np.linalg.solve, np.reshape(v, size, order="F"))

    def _count(self) -> int:
        return _matrix_size(self.direction)[0 if self.by_rows else 1]

    def _each(self, function: Callable[[Array, Array], Array], v: Array) -> Array:
        """Apply a function of blocks and column vectors to the rows or columns of `v`."""
        rows = v if self.by_rows else v.T
        if len(self.blocks) == 1:
            made = function(self.blocks[0], rows.T).T
        else:
            made = function(self.blocks, rows[:, :, None])[:, :, 0]
        return made if self.by_rows else made.T


class LowRank(StructuredHessian):
    """`diag(weights) + left @ right` with few columns in `left`; solved by Woodbury's identity."""

    structure = "diagonal plus low rank"

    def __init__(
        self, result: Size, direction: Size, weights: Array, left: Array, right: Array
    ) -> None:
        super().__init__(result, direction)
        self.weights = weights
        self.left = left
        self.right = right

    def dense(self) -> Array:
        h = self.left @ self.right
        h.reshape(-1)[:: len(h) + 1] += self.weights
        return h

    def _times(self, v: Array) -> Array:
        flat = np.reshape(v, -1, order="F")
        return self.weights * flat + self.left @ (self.right @ flat)

    def _solved(self, v: Array) -> Array:
        if not np.all(self.weights):
            return super()._solved(v)
        flat = np.reshape(v, -1, order="F") / self.weights
        thin = self.left / self.weights[:, None]
        inner = np.eye(thin.shape[1]) + self.right @ thin
        return flat - thin @ np.linalg.solve(inner, self.right @ flat)


class Dense(StructuredHessian):
    """A Hessian without a structure: products by the action, the matrix only where it is needed."""

    structure = "dense"

    def __init__(
        self,
        result: Size,
        direction: Size,
        action: Callable[[Array], Array],
        matrix: Callable[[], Array],
    ) -> None:
        super().__init__(result, direction)
        self._action = action
        self._matrix = matrix

    def dense(self) -> Array:
        return np.reshape(self._matrix(), self.shape)

    def _times(self, v: Array) -> Array:
        return self._action(np.reshape(v, self.direction))
