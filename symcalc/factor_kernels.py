"""Kernels that share a factorisation: of a definite matrix, of any matrix, of an exponential.

Here the factors are those that every array library has, or the matrix itself where it has none.
"""

from __future__ import annotations

from typing import Any

from symcalc.matrix_kernels import MatrixKernels

Array = Any


class FactorKernels(MatrixKernels):
    """What is computed from shared factors, over one array namespace."""

    def cholesky(self, a: Array) -> Array:
        """Return the lower Cholesky factor of a symmetric matrix."""
        return self._xp.linalg.cholesky(a)

    def spd_inverse(self, a: Array, factor: Array) -> Array:
        """Return the inverse of `a = factor @ factor.T`."""
        return self._xp.linalg.inv(a)

    def spd_solve(self, a: Array, factor: Array, b: Array) -> Array:
        """Return the solution `x` of `a @ x = b`, where `a = factor @ factor.T`."""
        return self._xp.linalg.solve(a, b)

    def spd_trace_inverse(self, a: Array, factor: Array) -> Array:
        """Return the trace of the inverse of `a = factor @ factor.T`."""
        return self._xp.trace(self.spd_inverse(a, factor))

    def lu(self, a: Array) -> Array:
        """Return what the operations with LU factors share: here the matrix itself."""
        return a

    def lu_logdet(self, lu: Array) -> Array:
        return self._xp.linalg.slogdet(lu)[1]

    def lu_det(self, lu: Array) -> Array:
        return self._xp.linalg.det(lu)

    def lu_inverse(self, lu: Array) -> Array:
        return self._xp.linalg.inv(lu)

    def lu_solve(self, lu: Array, b: Array) -> Array:
        return self._xp.linalg.solve(lu, b)

    def lu_solve_turned(self, lu: Array, b: Array) -> Array:
        return self._xp.linalg.solve(lu.T, b)

    def expm_parts(self, a: Array) -> Array:
        """Return what the exponential and its derivatives share: here the matrix itself."""
        return a

    def expm_value(self, parts: Array) -> Array:
        return self.expm(parts)

    def expm_slope(self, parts: Array, e: Array) -> Array:
        return self.expm_differential(parts, e)
