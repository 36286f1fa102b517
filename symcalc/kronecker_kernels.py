"""Kernels for Kronecker products, block matrices and the commutation matrix, by reshaping."""

from __future__ import annotations

from typing import Any

Array = Any


class KroneckerKernels:
    """What acts on blocks of matrices, over one array namespace."""

    def __init__(self, xp: Any) -> None:
        self._xp = xp

    def kron_left(self, m: Array, b: Array) -> Array:
        rows = self._xp.matmul(self._blocks(m, b.shape), b[:, :, None])
        return self._xp.sum(rows, 1)[:, :, 0]

    def kron_right(self, a: Array, m: Array) -> Array:
        inner = (m.shape[0] // a.shape[0], m.shape[1] // a.shape[1])
        rows = self._xp.matmul(a[:, None, None, :], self._blocks(m, inner))
        return self._xp.sum(rows, 0)[:, 0, :]

    def _blocks(self, m: Array, inner: tuple[int, int]) -> Array:
        p, q = inner
        return self._xp.reshape(m, (m.shape[0] // p, p, m.shape[1] // q, q))

    def kron_times(self, a: Array, b: Array, m: Array) -> Array:
        """Return `kron(a, b) @ m` without the Kronecker matrix."""
        blocks = self._xp.reshape(m, (a.shape[1], b.shape[1], m.shape[1]))
        inner = self._xp.reshape(b @ blocks, (a.shape[1], b.shape[0] * m.shape[1]))
        return self._xp.reshape(a @ inner, (a.shape[0] * b.shape[0], m.shape[1]))

    def kron_whole(self, a: Array, b: Array) -> Array:
        """Return `kron(a, b)` from long rows: each row of `a` stretched, of `b` repeated."""
        (m, n), (p, q), reshape, ones = a.shape, b.shape, self._xp.reshape, self._xp.ones_like
        left = reshape(a[:, :, None] * ones(b[:1, :]), (m, 1, n * q))
        right = reshape(b[:, None, :] * ones(a[:1, :, None]), (1, p, n * q))
        return reshape(left * right, (m * p, n * q))

    def commuted_kron(self, a: Array, b: Array) -> Array:
        """Return `kron(a, b) @ K(n, q)`: entry `(i, j), (l, k)` is `a[i, k]*b[j, l]`."""
        (m, n), (p, q), reshape, ones = a.shape, b.shape, self._xp.reshape, self._xp.ones_like
        left = reshape(a[:, None, :] * ones(b[:1, :, None]), (m, 1, n * q))
        right = reshape(b[:, :, None] * ones(a[:1, :]), (1, p, n * q))
        return reshape(left * right, (m * p, n * q))

    def kron_sum(self, a: Array, b: Array, c: Array, d: Array) -> Array:
        """Return `kron(a, b) + kron(c, d)`: each pair of rows is a product of thin matrices."""
        left, right = self._xp.stack((a, c), 2), self._xp.stack((b, d), 1)
        blocks = self._xp.matmul(left[:, None, ...], right[None, ...])
        return self._xp.reshape(blocks, (a.shape[0] * b.shape[0], a.shape[1] * b.shape[1]))

    def commuted_kron_sum(self, a: Array, b: Array, c: Array, d: Array) -> Array:
        """Return `(kron(a, b) + kron(c, d)) @ K(n, q)` by a product of thin matrices."""
        flat = self._xp.reshape
        left = self._xp.stack((flat(b, (-1,)), flat(d, (-1,))), 1)
        blocks = self._xp.matmul(left[None, ...], self._xp.stack((a, c), 1))
        return flat(blocks, (a.shape[0] * b.shape[0], a.shape[1] * b.shape[1]))

    def block_diagonal(self, b: Array, m: int) -> Array:
        """Return `kron(eye(m), b)`."""
        (p, q), eye = b.shape, self._xp.reshape(self._xp.eye(m), (m, 1, m, 1))
        return self._xp.reshape(eye * self._xp.reshape(b, (1, p, 1, q)), (m * p, m * q))

    def spread_blocks(self, a: Array, p: int) -> Array:
        """Return `kron(a, eye(p))`."""
        (m, n), eye = a.shape, self._xp.reshape(self._xp.eye(p), (1, p, 1, p))
        return self._xp.reshape(eye * self._xp.reshape(a, (m, 1, n, 1)), (m * p, n * p))

    def blocks_times(self, b: Array, a: Array, m: int) -> Array:
        """Return `kron(eye(m), b) @ a`."""
        blocks = self._xp.reshape(a, (m, b.shape[1], a.shape[1]))
        return self._xp.reshape(b @ blocks, (m * b.shape[0], a.shape[1]))

    def spread_times(self, a: Array, b: Array, p: int) -> Array:
        """Return `kron(a, eye(p)) @ b`."""
        rows = self._xp.reshape(b, (a.shape[1], p * b.shape[1]))
        return self._xp.reshape(a @ rows, (a.shape[0] * p, b.shape[1]))

    def weighted_blocks(self, a: Array, w: Array, b: Array) -> Array:
        """Return the block diagonal matrix of `a @ diag(c) @ b` for the columns `c` of `w`."""
        return self.diagonal_stack((a * w.T[:, None, :]) @ b)

    def weighted_stack(self, a: Array, w: Array) -> Array:
        """Return the matrices `a @ diag(c)` for the columns `c` of `w`, one below the other."""
        return self._xp.reshape(a * w.T[:, None, :], (w.shape[1] * a.shape[0], a.shape[1]))

    def diagonal_stack(self, a: Array) -> Array:
        """Return the block diagonal matrix of a stack of matrices."""
        p, m, n = a.shape
        eye = self._xp.reshape(self._xp.eye(p), (p, 1, p, 1))
        return self._xp.reshape(eye * self._xp.reshape(a, (p, m, 1, n)), (p * m, p * n))

    def spread_stack(self, a: Array) -> Array:
        """Return the matrix whose block ij is the diagonal matrix of the entries ij of a stack."""
        p, m, n = a.shape
        eye = self._xp.reshape(self._xp.eye(p), (1, p, 1, p))
        spread = self._xp.reshape(self._xp.moveaxis(a, 0, 1), (m, p, n, 1))
        return self._xp.reshape(eye * spread, (m * p, n * p))

    def commuted_rows(self, a: Array, m: int, n: int) -> Array:
        """Return `K(m, n) @ a`: the rows as the entries of a transposed matrix."""
        blocks = self._xp.reshape(a, (n, m, a.shape[1]))
        return self._xp.reshape(self._xp.moveaxis(blocks, 0, 1), (m * n, a.shape[1]))
