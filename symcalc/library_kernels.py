"""Kernels for generated code, where a library lacks what the kernels of NumPy are made of.

As in `fast_kernels.py`, the source of each is copied into the code; all are for real arrays.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from symcalc.kernels import Array, Kernels


def _namespace(a):  # type: ignore[no-untyped-def]
    """Return the array API namespace of an array, by array-api-compat if it has none itself."""
    if hasattr(a, "__array_namespace__"):
        return a.__array_namespace__()
    import array_api_compat  # noqa: PLC0415

    return array_api_compat.array_namespace(a)


NAMESPACE = re.sub(r"  # .*", "", inspect.getsource(_namespace)).rstrip()


class TorchKernels(Kernels):
    """PyTorch: the exponential is its only function of matrices."""

    def kron(self, a: Array, b: Array) -> Array:
        """Return the Kronecker product; PyTorch's is only for contiguous arrays."""
        return self._xp.kron(a.contiguous(), b.contiguous())


class PlainKernels(Kernels):
    """Written with few functions, for libraries that have no others."""

    def kron(self, a: Array, b: Array) -> Array:
        (m, n), (p, q) = a.shape, b.shape
        blocks = self._xp.reshape(a, (m, 1, n, 1)) * self._xp.reshape(b, (1, p, 1, q))
        return self._xp.reshape(blocks, (m * p, n * q))

    def kron_left(self, m: Array, b: Array) -> Array:
        blocks = self._blocks(m, b.shape)
        weighted = blocks * self._xp.reshape(b, (1, b.shape[0], 1, b.shape[1]))
        return self._xp.sum(weighted, axis=(1, 3))

    def kron_right(self, a: Array, m: Array) -> Array:
        inner = (m.shape[0] // a.shape[0], m.shape[1] // a.shape[1])
        weighted = self._blocks(m, inner) * self._xp.reshape(a, (a.shape[0], 1, a.shape[1], 1))
        return self._xp.sum(weighted, axis=(0, 2))

    def half_tril(self, a: Array) -> Array:
        return self._xp.tril(a) - self._xp.eye(a.shape[0]) * a / 2

    def maximum(self, a: Array, b: Array) -> Array:
        return self._xp.maximum(a, b)

    def minimum(self, a: Array, b: Array) -> Array:
        return self._xp.minimum(a, b)


class StandardKernels(PlainKernels):
    """The array API standard: the names that all libraries agree on."""

    def diag(self, x: Array) -> Array:
        """Return the diagonal matrix of a vector."""
        return self._xp.eye(x.shape[0]) * x

    def marks(self, found: Array, x: Array) -> Array:
        return self._xp.astype(found, x.dtype)


class DaskKernels(PlainKernels):
    """Dask: lazy arrays in chunks.

    Definite matrices are factored chunk by chunk. Other matrices are brought into one piece, for
    Dask's elimination looks for pivots within a chunk only; so each must fit one worker's memory.
    """

    def _delayed(self, function: Callable[..., Any]) -> Any:
        raise NotImplementedError  # in the code this is `dask.delayed`

    def in_one_piece(self, result: Any, shape: Any, *arrays: Array) -> Array:
        """Return a delayed result of NumPy's, computed from some arrays, as an array."""
        kind = np.result_type(np.float32, *[a.dtype for a in arrays])
        return self._xp.from_delayed(result, shape, dtype=kind)

    def reshape(self, a: Array, shape: Any) -> Array:
        """Return an array in another shape: in one chunk, where Dask does not cut chunks so."""
        a = self._xp.asarray(a)
        try:
            return a.reshape(shape)
        except NotImplementedError:
            return a.rechunk(-1).reshape(shape)

    def cross(self, a: Array, b: Array) -> Array:
        (a1, a2, a3), (b1, b2, b3) = a, b
        return self._xp.stack((a2 * b3 - a3 * b2, a3 * b1 - a1 * b3, a1 * b2 - a2 * b1))

    def inverse(self, a: Array) -> Array:
        return self.in_one_piece(self._delayed(np.linalg.inv)(a), a.shape, a)

    def pseudo_inverse(self, a: Array) -> Array:
        return self.in_one_piece(self._delayed(np.linalg.pinv)(a), a.T.shape, a)

    def solution(self, a: Array, b: Array) -> Array:
        """Return the solution `x` of `a @ x = b`."""
        return self.in_one_piece(self._delayed(np.linalg.solve)(a, b), b.shape, a, b)

    def determinant(self, a: Array) -> Array:
        return self.in_one_piece(self._delayed(np.linalg.det)(a), (), a)

    def logdet(self, a: Array) -> Array:
        return self.in_one_piece(self._delayed(np.linalg.slogdet)(a)[1], (), a)

    def det_sign(self, a: Array) -> Array:
        return self.in_one_piece(self._delayed(np.linalg.slogdet)(a)[0], (), a)

    def power(self, a: Array, k: int) -> Array:
        return self.in_one_piece(self._delayed(np.linalg.matrix_power)(a, k), a.shape, a)

    def eigenvalues(self, a: Array) -> Array:
        return self.in_one_piece(self._delayed(np.linalg.eigvalsh)(a), (a.shape[0],), a)

    def eigh(self, a: Array) -> tuple[Array, Array]:
        parts = self._delayed(np.linalg.eigh)(a)
        values = self.in_one_piece(parts[0], (a.shape[0],), a)
        return values, self.in_one_piece(parts[1], a.shape, a)

    def svd(self, a: Array, full_matrices: bool = False) -> tuple[Array, Array, Array]:
        (m, n), parts = a.shape, self._delayed(np.linalg.svd)(a, full_matrices=full_matrices)
        u = self.in_one_piece(parts[0], (m, min(m, n)), a)
        values = self.in_one_piece(parts[1], (min(m, n),), a)
        return u, values, self.in_one_piece(parts[2], (min(m, n), n), a)

    def cholesky(self, a: Array) -> Array:
        """Return the lower Cholesky factor of a symmetric matrix.

        Dask factors chunks of one size: the last is filled up with ones on the diagonal.
        """
        n, size = a.shape[0], max(a.chunks[0])
        more, filled = -n % size, a
        if more:
            ones = self._xp.pad(self._xp.ones(more), ((n, 0),))
            filled = self._xp.pad(a, ((0, more), (0, more))) + self._xp.diag(ones)
        return self._xp.linalg.cholesky(filled.rechunk((size, size)), lower=True)[:n, :n]

    def chol(self, a: Array) -> Array:
        return self.cholesky((a + a.T) / 2)

    def spd_inverse(self, a: Array, factor: Array) -> Array:
        """Return the inverse of `a = factor @ factor.T`."""
        return self.spd_solve(a, factor, self._xp.eye(a.shape[0]))

    def spd_solve(self, a: Array, factor: Array, b: Array) -> Array:
        """Return the solution `x` of `a @ x = b`, where `a = factor @ factor.T`."""
        rows = b.rechunk({0: factor.chunks[0]})
        half = self._xp.linalg.solve_triangular(factor, rows, lower=True)
        return self._xp.linalg.solve_triangular(factor.T, half)
