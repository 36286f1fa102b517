"""Numeric functions that a one-line array template cannot say; `k.name` in the array column.

Matrices are 2-D arrays, vectors and rows 1-D, scalars 0-D. `xp` is NumPy, `jax.numpy`, or a
namespace like them.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from symcalc.errors import EvaluationError
from symcalc.factor_kernels import FactorKernels

Array = Any


class Kernels(FactorKernels):
    """The kernels over one array namespace."""

    def total(self, *terms: Array) -> Array:
        return reduce(lambda a, b: a + b, terms)

    def entrywise_power(self, a: Array, k: Array) -> Array:
        """Return `a .^ k`; whole exponents also of negative entries."""
        whole = _whole(k)
        if whole is None:
            return a**k
        return a**whole if whole >= 0 else 1.0 / a ** (-whole)

    def matrix_power(self, a: Array, k: Array) -> Array:
        return self._xp.linalg.matrix_power(a, _require_whole(k))

    def power_differential(self, a: Array, k: Array, e: Array) -> Array:
        """Return the sum of `a^i e a^(k-1-i)`; for negative `k` by `d(a^-1) = -a^-1 (da) a^-1`."""
        whole = _require_whole(k)
        if whole < 0:
            inverse = self._xp.linalg.inv(a)
            return self.power_differential(inverse, -whole, -inverse @ e @ inverse)
        total = self._xp.zeros_like(a)
        for i in range(whole):
            power = self._xp.linalg.matrix_power
            total = total + power(a, i) @ e @ power(a, whole - 1 - i)
        return total

    def vec(self, a: Array) -> Array:
        return self._xp.reshape(a.T, (-1,))

    def unvec(self, v: Array, m: int, n: int) -> Array:
        return self._xp.reshape(v, (n, m)).T

    def submatrix(self, a: Array, i: int, p: int, j: int, q: int) -> Array:
        """Return `p` rows from row i on, of these `q` columns from column j on."""
        if min(i, j) < 0 or i + p > a.shape[0] or j + q > a.shape[1]:
            raise IndexError(f"[{i}:{i + p}, {j}:{j + q}] reaches beyond the shape {a.shape}")
        return a[i : i + p, j : j + q]

    def embed(self, a: Array, i: int, j: int, m: int, n: int) -> Array:
        """Return the m-by-n matrix with `a` from row i and column j on, zeros elsewhere."""
        p, q = a.shape
        left, right = self._xp.zeros((p, j)), self._xp.zeros((p, n - j - q))
        above, below = self._xp.zeros((i, n)), self._xp.zeros((m - i - p, n))
        row = self._xp.concatenate((left, a, right), 1)
        return self._xp.concatenate((above, row, below), 0)

    def add_diagonal(self, a: Array, c: Array) -> Array:
        """Return `a` with a number or a vector added to its diagonal."""
        return a + c * self._xp.eye(a.shape[0])

    def commutation(self, m: int, n: int) -> Array:
        blocks = self._xp.reshape(self._xp.eye(m * n), (n, m, m * n))
        return self._xp.reshape(self._xp.moveaxis(blocks, 0, 1), (m * n, m * n))

    def duplication(self, n: int) -> Array:
        """Return D with `D*vech(A) = vec(A)`; vech stacks the columns of the lower half."""
        places = [(i, j) for j in range(n) for i in range(j, n)]
        matrix = np.zeros((n * n, len(places)))
        for k, (i, j) in enumerate(places):
            matrix[j * n + i, k] = matrix[i * n + j, k] = 1.0
        return self._xp.asarray(matrix)

    def logdet(self, a: Array) -> Array:
        return self._xp.linalg.slogdet(a)[1]

    def adjugate(self, a: Array) -> Array:
        return self._xp.linalg.det(a) * self._xp.linalg.inv(a)

    def norm(self, a: Array) -> Array:
        """Return the Frobenius norm as an analytic function, so that complex steps pass."""
        return self._xp.sqrt(self._xp.sum(a * a))

    def half_tril(self, a: Array) -> Array:
        return self._xp.tril(a) - self._xp.diag(self._xp.diagonal(a)) / 2

    def chol(self, a: Array) -> Array:
        return self._xp.linalg.cholesky((a + a.T) / 2)

    def apply(self, f: Array, a: Array) -> Array:
        """Apply a given function: a callable, or the first of (function, derivative, ...)."""
        return f(a) if callable(f) else f[0](a)

    def derivative(self, f: Array) -> Array:
        """Return what is left of (function, derivative, second derivative, ...)."""
        return f[1:]

    def _exponent(self, k: Array) -> int:
        """Return a whole exponent as an int; the form that generated code has of it."""
        if int(k) != k:
            raise ValueError(f"a matrix power needs a whole exponent, got {k}")
        return int(k)

    def maximum(self, a: Array, b: Array) -> Array:
        return self._xp.where(a.real > b.real, a, b)

    def minimum(self, a: Array, b: Array) -> Array:
        return self._xp.where(a.real < b.real, a, b)

    def argmax(self, x: Array) -> Array:
        """Return 1 at the largest entry; entries that tie, as those of a symmetric matrix do, share
        it."""
        marks = self.marks(x == self._xp.max(x), x)
        return marks / self._xp.sum(marks)

    def marks(self, found: Array, x: Array) -> Array:
        """Return 1 where something is found in `x`, else 0."""
        return found * self._xp.ones_like(x)

    def logsumexp(self, x: Array) -> Array:
        top = self._xp.max(x.real)
        return self._xp.log(self._xp.sum(self._xp.exp(x - top))) + top

    def softmax(self, x: Array) -> Array:
        e = self._xp.exp(x - self._xp.max(x.real))
        return e / self._xp.sum(e)

    def logsumexp_rows(self, a: Array) -> Array:
        top = self._xp.amax(a.real, 1)
        return self._xp.log(self._xp.sum(self._xp.exp(a.T - top), 0)) + top

    def softmax_rows(self, a: Array) -> Array:
        e = self._xp.exp(a.T - self._xp.amax(a.real, 1))
        return (e / self._xp.sum(e, 0)).T

    def softmax_columns(self, a: Array) -> Array:
        e = self._xp.exp(a - self._xp.amax(a.real, 0))
        return e / self._xp.sum(e, 0)

    def row_max(self, a: Array) -> Array:
        return self._xp.amax(a, 1)

    def argmax_rows(self, a: Array) -> Array:
        return self.argmax_columns(a.T).T

    def argmax_columns(self, a: Array) -> Array:
        marks = self.marks(a == self._xp.amax(a, 0), a)
        return marks / self._xp.sum(marks, 0)

    def row_sums(self, a: Array) -> Array:
        return self._xp.sum(a, 1)

    def heaviside(self, x: Array) -> Array:
        return self._xp.where(x.real > 0, self._xp.ones_like(x), self._xp.zeros_like(x))

    def relu(self, x: Array) -> Array:
        return self._xp.where(x.real > 0, x, 0.0 * x)

    def real_values(self, z: Array) -> Array:
        """Return complex values that are real as real ones, NaN for the others."""
        return self._xp.where(z.imag == 0, z.real, self._xp.nan)

    def sigmoid(self, x: Array) -> Array:
        small = self._xp.exp(-self._xp.where(x.real > 0, x, -x))
        return self._xp.where(x.real > 0, 1.0, small) / (1.0 + small)

    def softplus(self, x: Array) -> Array:
        positive = self._xp.where(x.real > 0, x, -x)
        return self._xp.where(x.real > 0, x, 0.0 * x) + self._xp.log1p(self._xp.exp(-positive))

    def log_one_minus_exp(self, x: Array) -> Array:
        """Return `log(1 - exp(-x))` for `x > 0`, near 0 by expm1 (Mächler, 2012)."""
        near = x.real < 0.6931471805599453
        below = self._xp.log(-self._xp.expm1(-self._xp.where(near, x, 1.0 + 0.0 * x)))
        beyond = self._xp.log1p(-self._xp.exp(-self._xp.where(near, 1.0 + 0.0 * x, x)))
        return self._xp.where(near, below, beyond)

    def log_hazard_inverse(self, x: Array) -> Array:
        """Return `log(1 - exp(-exp(x)))`, which is near `x - exp(x)/2` far below 0."""
        far = x.real < -37.0
        near = self.log_one_minus_exp(self._xp.exp(self._xp.where(far, 0.0 * x, x)))
        return self._xp.where(far, x - self._xp.exp(self._xp.where(far, x, 0.0 * x)) / 2.0, near)

    def log_softplus(self, x: Array) -> Array:
        """Return `log(softplus(x))`, which is near `x - exp(x)/2` far below 0."""
        far = x.real < -37.0
        near = self._xp.log(self.softplus(self._xp.where(far, 0.0 * x, x)))
        return self._xp.where(far, x - self._xp.exp(self._xp.where(far, x, 0.0 * x)) / 2.0, near)

    def det_sign(self, a: Array) -> Array:
        return self._xp.linalg.slogdet(a)[0]

    def peak(self, a: Array) -> Array:
        """Return the largest entry, 0 if it is infinite: what may be taken out of exponents."""
        top = self._xp.max(a.real)
        return self._xp.where(self._xp.isfinite(top), top, self._xp.zeros_like(top))

    def peak_rows(self, a: Array) -> Array:
        top = self._xp.amax(a.real, 1)
        return self._xp.where(self._xp.isfinite(top), top, self._xp.zeros_like(top))

    def weighted_peak(self, a: Array, x: Array) -> Array:
        return self.peak_rows(self._xp.where(a != 0, x.real, -float("inf")))

    def weighted_exp(self, a: Array, x: Array, y: Array) -> Array:
        """Return row by row the sum of `a_k exp(x_k - y)`; an entry 0 of `a` hides its `x`."""
        shifted = self._xp.where(a != 0, x - y[:, None], -float("inf"))
        return self._xp.sum(a * self._xp.exp(shifted), 1)


def _whole(k: Array) -> int | None:
    """Return an exponent as an int if it is a known whole number."""
    known = isinstance(k, (int, float, np.number, np.ndarray)) and not np.iscomplexobj(k)
    value = float(k) if known else 0.5
    return int(value) if value.is_integer() else None


def _require_whole(k: Array) -> int:
    whole = _whole(k)
    if whole is None:
        raise EvaluationError(f"a matrix power needs a whole exponent, got {k}")
    return whole
