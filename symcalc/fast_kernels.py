"""Kernels for generated NumPy code: real arrays, in place, triangles by blocks.

NumPy has no routine for triangular matrices, and SciPy's wheel brings a second BLAS whose threads
stand in the way of NumPy's. So triangles are taken apart into blocks until they are small, and the
work is in NumPy's matrix product. Each kernel stands alone: its source is copied into the code.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from symcalc.kernels import Array
from symcalc.pade_kernels import PadeKernels


class FastKernels(PadeKernels):
    """The kernels of symcalc, some of them in a form that is only for real NumPy arrays."""

    def sylvester(self, a: Array, b: Array, c: Array) -> Array:
        return self._library().solve_sylvester(a, b, c)

    def add_diagonal(self, a: Array, c: Array) -> Array:
        """Return `a` with a number or a vector added to its diagonal."""
        result = np.array(a, order="C")
        result.reshape(-1)[:: result.shape[1] + 1] += c
        return result

    def row_max(self, a: Array) -> Array:
        """Return the largest entry of each row: entry by entry where the rows are short."""
        return (np.array(a.T, order="C") if a.shape[1] < 32 else a.T).max(0)

    def row_sums(self, a: Array) -> Array:
        """Return the sum of each row, by BLAS."""
        return a @ np.ones(a.shape[1], a.dtype)

    def block_diagonal(self, b: Array, m: int) -> Array:
        """Return `kron(eye(m), b)`."""
        result = np.zeros((m, b.shape[0], m, b.shape[1]))
        result[range(m), :, range(m), :] = b
        return result.reshape(m * b.shape[0], m * b.shape[1])

    def spread_blocks(self, a: Array, p: int) -> Array:
        """Return `kron(a, eye(p))`."""
        result = np.zeros((a.shape[0], p, a.shape[1], p))
        result[:, range(p), :, range(p)] = a
        return result.reshape(a.shape[0] * p, a.shape[1] * p)

    def diagonal_stack(self, a: Array) -> Array:
        """Return the block diagonal matrix of a stack of matrices."""
        p, m, n = a.shape
        result = np.zeros((p, m, p, n))
        result[range(p), :, range(p), :] = a
        return result.reshape(p * m, p * n)

    def spread_stack(self, a: Array) -> Array:
        """Return the matrix whose block ij is the diagonal matrix of the entries ij of a stack."""
        p, m, n = a.shape
        result = np.zeros((m, p, n, p))
        result[:, range(p), :, range(p)] = a
        return result.reshape(m * p, n * p)

    def spd_inverse(self, a: Array, factor: Array) -> Array:
        """Return the inverse of `a = factor @ factor.T`."""
        if len(a) < 90:
            return np.linalg.inv(a)
        triangle = self.triangular_inverse(factor)
        return self.gram_of_triangle(triangle, np.empty_like(triangle))

    def spd_trace_inverse(self, a: Array, factor: Array) -> Array:
        """Return the trace of the inverse of `a = factor @ factor.T`: a norm of half the work."""
        entries = self.triangular_inverse(factor).ravel(order="A")
        return entries @ entries

    def triangular_inverse(self, a: Array) -> Array:
        """Return the inverse of a lower triangle; above the diagonal it is zero up to rounding."""
        if len(a) <= 32:
            return np.linalg.inv(a)
        half, result = len(a) // 2, np.zeros_like(a)
        top = result[:half, :half] = self.triangular_inverse(a[:half, :half])
        bottom = result[half:, half:] = self.triangular_inverse(a[half:, half:])
        result[half:, :half] = -(bottom @ a[half:, :half] @ top)
        return result

    def gram_of_triangle(self, a: Array, out: Array) -> Array:
        """Write `a.T @ a` into `out`, for a lower triangle `a`."""
        if len(a) <= 128:
            return np.matmul(a.T, a, out=out)
        half = len(a) // 2
        left, right = a[half:, :half], a[half:, half:]
        self.gram_of_triangle(a[:half, :half], out[:half, :half])
        self.gram_of_triangle(right, out[half:, half:])
        out[:half, :half] += left.T @ left
        out[half:, :half] = right.T @ left
        out[:half, half:] = out[half:, :half].T
        return out

    def spd_solve(self, a: Array, factor: Array, b: Array) -> Array:
        """Return the solution `x` of `a @ x = b`, where `a = factor @ factor.T`."""
        if len(a) < 300 or b.ndim > 1:
            return np.linalg.solve(a, b)
        x, starts = b.copy(), range(0, len(a), 64)
        for i in starts:
            x[i : i + 64] -= factor[i : i + 64, :i] @ x[:i]
            x[i : i + 64] = np.linalg.solve(factor[i : i + 64, i : i + 64], x[i : i + 64])
        for i in reversed(starts):
            x[i : i + 64] -= x[i + 64 :] @ factor[i + 64 :, i : i + 64]
            x[i : i + 64] = np.linalg.solve(factor[i : i + 64, i : i + 64].T, x[i : i + 64])
        return x


class LapackKernels(FastKernels):
    """Definite matrices by SciPy's LAPACK: fastest on one thread, see above for several."""

    def _lapack(self) -> Any:
        return importlib.import_module("scipy.linalg.lapack")

    def routine(self, name: str, a: Array) -> Any:
        """Return a routine of LAPACK in the precision of an array."""
        precision = "s" if a.dtype.char == "f" else "d"
        return getattr(self._lapack(), precision + name)

    def cholesky(self, a: Array) -> Array:
        """Return the lower Cholesky factor of a symmetric matrix."""
        factor, failed = self.routine("potrf", a)(a.T, lower=1)
        if failed:
            raise np.linalg.LinAlgError("Matrix is not positive definite")
        return factor

    def spd_inverse(self, a: Array, factor: Array) -> Array:
        """Return the inverse of `a = factor @ factor.T`."""
        half = self.routine("potri", a)(factor, lower=1)[0]
        result = half + half.T
        result.reshape(-1, order="A")[:: len(a) + 1] /= 2
        return result

    def triangular_inverse(self, a: Array) -> Array:
        """Return the inverse of a lower triangle."""
        return self.routine("trtri", a)(a, lower=1)[0]

    def lu(self, a: Array) -> Array:
        """Return the LU factors of `a.T` and the exchanged rows: LAPACK stores columns."""
        factors, places, failed = self.routine("getrf", a)(a.T)
        if failed:
            raise np.linalg.LinAlgError("Singular matrix")
        return factors, places

    def lu_logdet(self, lu: Array) -> Array:
        return np.sum(np.log(np.abs(np.diagonal(lu[0]))))

    def lu_det(self, lu: Array) -> Array:
        """Return the determinant: the product of the diagonal, a sign for each exchange."""
        exchanged = np.count_nonzero(lu[1] != np.arange(len(lu[1])))
        return (-1) ** exchanged * np.prod(np.diagonal(lu[0]))

    def lu_inverse(self, lu: Array) -> Array:
        """Return the inverse; `getrs` is faster than `getri`."""
        return self.routine("getrs", lu[0])(*lu, np.eye(len(lu[1])), trans=1)[0]

    def lu_solve(self, lu: Array, b: Array) -> Array:
        """Return the solution `x` of `a @ x = b`."""
        return self.routine("getrs", lu[0])(*lu, b, trans=1)[0]

    def lu_solve_turned(self, lu: Array, b: Array) -> Array:
        """Return the solution `x` of `a.T @ x = b`."""
        return self.routine("getrs", lu[0])(*lu, b)[0]

    def spd_solve(self, a: Array, factor: Array, b: Array) -> Array:
        """Return the solution `x` of `a @ x = b`, where `a = factor @ factor.T`."""
        return self.routine("potrs", a)(factor, b, lower=1)[0]
