"""Kernels for functions of a matrix, their derivatives, and what its decompositions give.

The derivative of `f` at `a` in the direction `e` is the upper right block of `f([[a, e], [0, a]])`;
the second derivative is the derivative of that block (Higham & Relton 2014). On vectors, `e -> a e`
is `kron(I, a)` and `e -> e a` is `kron(a.T, I)`: these on the diagonal give the matrix of the map.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from symcalc.errors import EvaluationError
from symcalc.kronecker_kernels import KroneckerKernels

Array = Any


class MatrixKernels(KroneckerKernels):
    """Functions of matrices, over one array namespace."""

    def expm(self, a: Array) -> Array:
        return self._library().expm(a)

    def expm_differential(self, a: Array, e: Array) -> Array:
        return self._corner(self.expm, a, e)

    def expm_second_differential(self, a: Array, e: Array, f: Array) -> Array:
        return self._second_corner(self.expm, a, e, f)

    def expm_jacobian(self, a: Array) -> Array:
        return self._jacobian(self.expm, a)

    def expm_second_jacobian(self, a: Array, f: Array) -> Array:
        return self._second_jacobian(self.expm, a, f)

    def logm(self, a: Array) -> Array:
        return self._library().logm(a)

    def logm_differential(self, a: Array, e: Array) -> Array:
        return self._corner(self.logm, a, e)

    def logm_second_differential(self, a: Array, e: Array, f: Array) -> Array:
        return self._second_corner(self.logm, a, e, f)

    def logm_jacobian(self, a: Array) -> Array:
        return self._jacobian(self.logm, a)

    def logm_second_jacobian(self, a: Array, f: Array) -> Array:
        return self._second_jacobian(self.logm, a, f)

    def fractional_power(self, a: Array, k: Array) -> Array:
        return self._library().expm(k * self._library().logm(a))

    def fractional_power_differential(self, a: Array, k: Array, e: Array) -> Array:
        power = self.fractional_power
        return self._corner(lambda block: power(block, k), a, e)

    def fractional_power_second_differential(self, a: Array, k: Array, e: Array, f: Array) -> Array:
        power = self.fractional_power
        return self._second_corner(lambda block: power(block, k), a, e, f)

    def fractional_power_jacobian(self, a: Array, k: Array) -> Array:
        power = self.fractional_power
        return self._jacobian(lambda block: power(block, k), a)

    def fractional_power_second_jacobian(self, a: Array, k: Array, f: Array) -> Array:
        power = self.fractional_power
        return self._second_jacobian(lambda block: power(block, k), a, f)

    def sqrtm(self, a: Array) -> Array:
        return self._library().sqrtm(a)

    def _corner(self, function: Callable[[Array], Array], a: Array, e: Array) -> Array:
        """Return the derivative of a function of matrices at `a` in the direction `e`."""
        n = a.shape[0]
        return function(self._triangle(a, e, a))[:n, n:]

    def _second_corner(
        self, function: Callable[[Array], Array], a: Array, e: Array, f: Array
    ) -> Array:
        """Return the second derivative at `a` in the directions `e` and `f`."""
        n, along = a.shape[0], self._triangle(f, self._xp.zeros_like(f), f)
        return self._corner(function, self._triangle(a, e, a), along)[:n, n:]

    def _jacobian(self, function: Callable[[Array], Array], a: Array) -> Array:
        """Return the matrix of the derivative at `a`, in vec order."""
        one, m = self._xp.eye(a.shape[0]), a.shape[0] ** 2
        left, right = self._xp.kron(one, a), self._xp.kron(a.T, one)
        return function(self._triangle(left, self._xp.kron(one, one), right))[:m, m:]

    def _second_jacobian(self, function: Callable[[Array], Array], a: Array, f: Array) -> Array:
        """Return the derivative of the matrix of the derivative in the direction `f`."""
        one, m = self._xp.eye(a.shape[0]), a.shape[0] ** 2
        left, right = self._xp.kron(one, f), self._xp.kron(f.T, one)
        along = self._triangle(left, self._xp.zeros_like(left), right)
        left, right = self._xp.kron(one, a), self._xp.kron(a.T, one)
        point = self._triangle(left, self._xp.kron(one, one), right)
        return self._corner(function, point, along)[:m, m:]

    def _triangle(self, a: Array, e: Array, b: Array) -> Array:
        """Return the block matrix `[[a, e], [0, b]]` of square blocks."""
        top = self._xp.concatenate((a, e), 1)
        bottom = self._xp.concatenate((self._xp.zeros_like(e), b), 1)
        return self._xp.concatenate((top, bottom), 0)

    def _library(self) -> Any:
        """Return the functions of matrices of the array library."""
        return MATRIX_FUNCTIONS[self._xp.__name__]()

    def polar(self, a: Array) -> Array:
        u, _, v = self._xp.linalg.svd(a, full_matrices=False)
        return u @ v

    def polar_differential(self, a: Array, e: Array) -> Array:
        """Return the derivative of `u @ v`, where `a = u @ diag(s) @ v`, in the direction `e`."""
        u, s, v = self._xp.linalg.svd(a, full_matrices=False)
        inner, per = u.T @ e @ v.T, self.reciprocals(s, 0 * s, s)
        turned = (inner - inner.T) * self.reciprocals(s[:, None] + s, 0 * s, s)
        left = (e @ v.T - u @ inner) * per
        right = (u.T @ e - inner @ v) * per[:, None]
        return u @ turned @ v + left @ v + u @ right

    def polar_jacobian(self, a: Array) -> Array:
        """Return the matrix of `polar_differential(a, e)` in vec order, term by term."""
        u, s, v = self._xp.linalg.svd(a, full_matrices=False)
        (m, n), r, per = a.shape, s.shape[0], self.reciprocals(s, 0 * s, s)
        inner = self._xp.kron(v, u.T)
        sums = self._xp.reshape(self.reciprocals(s[:, None] + s, 0 * s, s), (-1, 1))
        turned = inner.T @ ((inner - self.commuted_rows(inner, r, r)) * sums)
        left = self._xp.kron((v.T * per) @ v, self._xp.eye(m) - u @ u.T)
        return turned + left + self._xp.kron(self._xp.eye(n) - v.T @ v, (u * per) @ u.T)

    def singular_values(self, a: Array) -> Array:
        return self._xp.linalg.svd(a, full_matrices=False)[1]

    def top_singular(self, a: Array) -> Array:
        u, _, v = self._xp.linalg.svd(a, full_matrices=False)
        return self._xp.outer(u[:, 0], v[0, :])

    def lambda_max(self, a: Array) -> Array:
        return self._xp.linalg.eigvalsh((a + a.T) / 2)[-1]

    def lambda_min(self, a: Array) -> Array:
        return self._xp.linalg.eigvalsh((a + a.T) / 2)[0]

    def eigenvectors(self, a: Array) -> Array:
        """Return the eigenvectors; no column has a negative sum, so that none turns at random."""
        vectors = self._xp.linalg.eigh((a + a.T) / 2)[1]
        return self._xp.where(self._xp.sum(vectors, 0) < 0, -vectors, vectors)

    def eigenprojector(self, a: Array, index: int) -> Array:
        vector = self._xp.linalg.eigh((a + a.T) / 2)[1][:, index]
        return self._xp.outer(vector, vector)

    def reduced_resolvent(self, a: Array) -> Array:
        """Return the pseudoinverse of `l I - a` for the largest eigenvalue `l`."""
        values, vectors = self._xp.linalg.eigh((a + a.T) / 2)
        own = self._xp.eye(a.shape[0])[-1, :]
        return vectors * self.reciprocals(values[-1] - values, own, values) @ vectors.T

    def reciprocal_gaps(self, x: Array) -> Array:
        """Return the matrix of `1/(x[j] - x[i])`, zero on the diagonal."""
        return self.reciprocals(x - x[:, None], self._xp.eye(x.shape[0]), x)

    def reciprocals(self, gaps: Array, own: Array, values: Array) -> Array:
        """Return 1 over the gaps between values, 0 where `own` is 1; NaN for a gap that is no more
        than the rounding of the values, for what divides by it has no derivative there."""
        size = self._xp.max(self._xp.abs(values))
        lost = size + (gaps + own * (size + 1.0)) / 4096 == size
        return self._xp.where(lost, self._xp.nan * gaps, 1.0 / (gaps + own) - own)

    def sylvester(self, a: Array, b: Array, c: Array) -> Array:
        """Return the solution x of `a x + x b = c`, by the Kronecker form of the equation."""
        m, n = c.shape
        left, right = self._xp.kron(self._xp.eye(n), a), self._xp.kron(b.T, self._xp.eye(m))
        solution = self._xp.linalg.solve(left + right, self._xp.reshape(c.T, (-1,)))
        return self._xp.reshape(solution, (n, m)).T


class _TorchMatrixFunctions:
    """PyTorch has only the exponential."""

    def __init__(self) -> None:
        self.expm = importlib.import_module("torch").linalg.matrix_exp

    def __getattr__(self, name: str) -> Any:
        raise EvaluationError(f"PyTorch has no `{name}`: use NumPy with SciPy")


def _scipy_linalg() -> Any:
    try:
        return importlib.import_module("scipy.linalg")
    except ImportError:
        raise EvaluationError(
            "functions of matrices need SciPy: pip install symcalc[scipy]"
        ) from None


MATRIX_FUNCTIONS: dict[str, Callable[[], Any]] = {
    "numpy": _scipy_linalg,
    "jax.numpy": lambda: importlib.import_module("jax.scipy.linalg"),
    "torch": _TorchMatrixFunctions,
}
