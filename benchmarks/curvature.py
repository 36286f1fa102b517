"""Hessian problems as data. Experts return the matrix in vec order (columns stacked).

Each expert writes the Hessian once, through a four-dimensional view `H[j, i, l, k]` of the result:
the second derivative by the entries `(i, j)` and `(k, l)`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.linalg import lapack

from benchmarks import problems
from benchmarks.experts import factor, solve
from benchmarks.problems import Arrays, Rng, drawn

Array = Any
ORDINARY = (10, 100, 500)
DENSE = (10, 20, 30)  # n*n by n*n, dense: 6 MB at n = 30
ACTIONS = (10, 100, 500)


@dataclass(frozen=True)
class Curvature:
    """A function to differentiate twice; `actions` are the sizes for Hessian-vector products."""

    name: str
    formula: str
    wrt: str
    where: str
    arrays: Callable[[Rng, int], Arrays]
    expert: Callable[..., Array]
    value: Callable[..., Any]
    sizes: tuple[int, ...] = ORDINARY
    actions: tuple[int, ...] = ACTIONS
    symmetric: bool = False  # the variable: Hessians are compared on symmetric directions


def block_diagonal(count: int, block: Array) -> Array:
    """Return `kron(eye(count), block)`."""
    m = len(block)
    h = np.zeros((count, m, count, m))
    every = np.arange(count)
    h[every, :, every, :] = block
    return h.reshape(count * m, count * m)


def interleaved(blocks: Array) -> Array:
    """Return the matrix whose entries `(a, i), (b, i)` are `blocks[i, a, b]`."""
    n, k, _ = blocks.shape
    h = np.zeros((k, n, k, n))
    every = np.arange(n)
    h[:, every, :, every] = blocks
    return h.reshape(k * n, k * n)


def crossed(left: Array, right: Array) -> Array:
    """Return `H[j, i, l, k] = left[j, k]*right[l, i]`, that is `kron(left, right')*K`."""
    return left[:, None, None, :] * right.T[None, :, :, None]


def kron(left: Array, right: Array) -> Array:
    return left[:, None, :, None] * right[None, :, None, :]


def flat(h: Array) -> Array:
    side = h.shape[0] * h.shape[1]
    return h.reshape(side, side)


def quadratic_form(A: Array) -> Array:
    return A + A.T


def matrix_least_squares(A: Array, X: Array) -> Array:
    block = A.T @ A
    block *= 2
    return block_diagonal(X.shape[1], block)


def factorisation(U: Array, V: Array) -> Array:
    block = V.T @ V
    block *= 2
    return interleaved(np.broadcast_to(block, (len(U), *block.shape)))


def masked_factorisation(M: Array, V: Array) -> Array:
    m, k = V.shape
    pairs = (V[:, :, None] * V[:, None, :]).reshape(m, k * k)
    weights = M * M
    weights *= 2
    return interleaved((weights @ pairs).reshape(len(M), k, k))


def pca(S: Array, W: Array) -> Array:
    return block_diagonal(W.shape[1], -2 * S)


def log_det(X: Array) -> Array:
    p = np.linalg.inv(X)
    return flat(crossed(-p, p))


def trace_of_inverse(X: Array, A: Array) -> Array:
    p = np.linalg.inv(X)
    q = p @ A @ p
    h = crossed(p, q)
    h += crossed(q, p)
    return flat(h)


def gaussian(S: Array, x: Array, mu: Array) -> Array:
    c = factor(S)
    u = solve(c, x - mu)
    half = lapack.dpotri(c, overwrite_c=1)[0]
    p = half + half.T
    p.flat[:: len(p) + 1] *= 0.5
    q = np.outer(0.5 * u, u)
    q -= 0.25 * p
    h = kron(p, q)
    h += kron(q, p)
    return flat(h)


def logistic(X: Array, w: Array, y: Array) -> Array:
    t = X @ w
    t *= y
    e = np.exp(-np.abs(t))
    weights = np.sqrt(e)
    weights /= 1 + e
    weights *= np.abs(y)
    z = weights[:, None] * X
    return z.T @ z


def softmax_weights(z: Array) -> Array:
    s = np.exp(z - z.max())
    s /= s.sum()
    return s


def log_sum_exp(A: Array, x: Array) -> Array:
    s = softmax_weights(A @ x)
    z = np.sqrt(s)[:, None] * A
    mean = s @ A
    h = z.T @ z
    h -= np.outer(mean, mean)
    return h


def softmax(W: Array, x: Array) -> Array:
    s = softmax_weights(W @ x)
    inner = np.outer(-s, s)
    inner.flat[:: len(s) + 1] += s
    return flat(kron(np.outer(x, x), inner))


def softmax_batch(X: Array, W: Array) -> Array:
    z = X @ W
    z -= z.max(1)[:, None]
    s = np.exp(z, out=z)
    s /= s.sum(1)[:, None]
    p, n = s.shape[1], X.shape[1]
    h = np.empty((p, n, p, n))
    for a in range(p):
        for b in range(a + 1):
            weights = s[:, a] * ((a == b) - s[:, b])
            h[b, :, a, :] = h[a, :, b, :] = X.T @ (weights[:, None] * X)
    return flat(h)


def ridge(X: Array, c: float) -> Array:
    h = X.T @ X
    h.flat[:: len(h) + 1] += c
    h *= 2
    return h


def small_batch(rng: Rng, n: int) -> Arrays:
    one_hot = np.eye(5)[rng.integers(5, size=2 * n)]
    return {**drawn(rng, X=(2 * n, n), W=(n, 5)), "Y": one_hot}


def again(name: str, expert: Callable[..., Array], **changes: Any) -> Curvature:
    """Return the Hessian problem of a problem of the first order."""
    (p,) = (p for p in problems.PROBLEMS if p.name == name)
    return replace(
        Curvature(p.name, p.formula, p.wrt, p.where, p.arrays, expert, p.value), **changes
    )


CURVATURES = (
    again("quadratic form", quadratic_form, sizes=(10, 100, 500, 1000)),
    again("ridge", ridge),
    again("logistic regression", logistic),
    Curvature(
        "log-sum-exp", "logsumexp(A*x)", "x", "A: matrix(m, n); x: vector(n)",
        lambda rng, n: drawn(rng, A=(2 * n, n), x=(n,)), log_sum_exp,
        lambda xp, A, x: xp.logsumexp(A @ x),
    ),
    again("softmax cross-entropy", softmax, sizes=DENSE),
    again("softmax cross-entropy, batch", softmax_batch, arrays=small_batch, sizes=(5, 10, 30)),
    again("matrix least squares", matrix_least_squares, sizes=(10, 30, 50)),
    again("matrix factorisation", factorisation, sizes=(10, 50, 100)),
    again("masked factorisation", masked_factorisation, sizes=(10, 50, 100)),
    again("PCA", pca, sizes=(10, 50, 100)),
    Curvature(
        "log det", "logdet(X)", "X", "",
        lambda rng, n: {"X": problems.invertible(rng, n)["X"]}, log_det,
        lambda xp, X: xp.logdet(X), DENSE,
    ),
    again("trace of an inverse", trace_of_inverse, sizes=DENSE),
    again("Gaussian", gaussian, sizes=DENSE, symmetric=True),
)  # fmt: skip
