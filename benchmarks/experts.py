"""Value and gradient by hand: level-3 BLAS, one factorisation for both, few temporaries.

These are the yardstick: what a patient person writes with NumPy and SciPy's LAPACK routines.
LAPACK stores columns, NumPy rows: passing a transposed array passes it without a copy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import blas, expm, expm_frechet, lapack

Array = Any
Pair = tuple[Any, Any]
SMALL_EXPONENTIAL = 32  # below, one exponential of twice the size is faster than Fréchet's


def factor(s: Array) -> Array:
    """Return the upper Cholesky factor of a symmetric array, zeros below."""
    return lapack.dpotrf(s.T, clean=1)[0]


def solve(c: Array, b: Array) -> Array:
    return lapack.dpotrs(c, b)[0]


def half_logdet(c: Array) -> Any:
    return np.log(c.diagonal()).sum()


def add_to_diagonal(a: Array, by: float) -> None:
    a.flat[:: a.shape[1] + 1] += by


def inverse_less_outer(c: Array, v: Array, scale: float) -> Array:
    """Return `scale*(inv(S) - v*v')` from the factor of S, on one triangle until the end."""
    half = blas.dsyr(-1.0, v, a=lapack.dpotri(c, overwrite_c=1)[0], overwrite_a=1)
    half *= scale
    full = half + half.T
    full.flat[:: full.shape[1] + 1] *= 0.5
    return full


def quadratic_form(A: Array, x: Array) -> Pair:
    y = A @ x
    value = x @ y
    y += x @ A
    return value, y


def least_squares(A: Array, x: Array, b: Array) -> Pair:
    r = A @ x
    r -= b
    g = r @ A
    g *= 2
    return r @ r, g


def matrix_least_squares(A: Array, X: Array, B: Array) -> Pair:
    r = A @ X
    r -= B
    value = np.vdot(r, r)
    g = A.T @ r
    g *= 2
    return value, g


def log_det_gram(X: Array) -> Pair:
    m = X @ X.T
    add_to_diagonal(m, 1)
    c = factor(m)
    g = solve(c, X)
    g *= 2
    return 2 * half_logdet(c), g


def trace_of_inverse(X: Array, A: Array) -> Pair:
    lu, pivots, _ = lapack.dgetrf(X.T)
    t = lapack.dgetrs(lu, pivots, A.T)[0]  # inv(X)'*A'
    g = lapack.dgetrs(lu, pivots, t.T, trans=1)[0].T  # t*inv(X)'
    return np.trace(t), np.negative(g, out=g)


def gaussian(S: Array, x: Array, mu: Array) -> Pair:
    c, d = factor(S), x - mu
    v = solve(c, d)
    value = half_logdet(c) + 0.5 * (d @ v)
    return value, inverse_less_outer(c, v, 0.5)


def gaussian_data(S: Array, X: Array) -> Pair:
    m, c = len(X), factor(S)
    p = solve(c, X.T @ X)
    value = m * half_logdet(c) + 0.5 * np.trace(p)
    np.negative(p, out=p)
    add_to_diagonal(p, m)
    g = solve(c, p.T)
    g *= 0.5
    return value, g


def logistic(X: Array, w: Array, y: Array) -> Pair:
    t = X @ w
    t *= y
    e = np.exp(-np.abs(t))
    value = np.log1p(e).sum() - np.minimum(t, 0).sum()
    s = np.where(t < 0, 1.0, e)
    s /= 1 + e
    s *= y
    g = s @ X
    return value, np.negative(g, out=g)


def softmax(W: Array, x: Array, y: Array) -> Pair:
    z = W @ x
    top = z.max()
    s = np.exp(z - top)
    total = s.sum()
    value = np.log(total) + top - y @ z
    s /= total
    s -= y
    return value, np.outer(s, x)


def softmax_batch(X: Array, W: Array, Y: Array) -> Pair:
    z = X @ W
    value = -np.vdot(Y, z)
    top = z.max(1)
    z -= top[:, None]
    np.exp(z, out=z)
    total = z.sum(1)
    value += top.sum() + np.log(total).sum()
    z /= total[:, None]
    z -= Y
    return value, X.T @ z


def pca(S: Array, W: Array) -> Pair:
    p = S @ W
    value = -np.vdot(W, p)
    p *= -2
    return value, p


def factorisation(T: Array, U: Array, V: Array) -> Pair:
    r = U @ V.T
    r -= T
    value = np.vdot(r, r)
    g = r @ V
    g *= 2
    return value, g


def masked_factorisation(T: Array, M: Array, U: Array, V: Array) -> Pair:
    r = U @ V.T
    r -= T
    r *= M
    value = np.vdot(r, r)
    r *= M
    g = r @ V
    g *= 2
    return value, g


def ridge(X: Array, w: Array, y: Array, c: float) -> Pair:
    r = X @ w
    r -= y
    g = r @ X
    g += c * w
    g *= 2
    return r @ r + c * (w @ w), g


def _through_tanh(slope: Array, t: Array) -> Array:
    """Multiply a slope by `1 - t .^ 2` in place; `t` is used up."""
    t *= t
    slope -= np.multiply(slope, t, out=t)
    return slope


def two_layers(W: Array, V: Array, X: Array, Y: Array) -> Pair:
    t = W @ X
    np.tanh(t, out=t)
    r = V @ t
    r -= Y
    value = np.vdot(r, r)
    r *= 2
    return value, _through_tanh(V.T @ r, t) @ X.T


def three_layers(W: Array, V: Array, U: Array, X: Array, Y: Array) -> Pair:
    t = W @ X
    np.tanh(t, out=t)
    s = V @ t
    np.tanh(s, out=s)
    r = U @ s
    r -= Y
    value = np.vdot(r, r)
    r *= 2
    return value, _through_tanh(V.T @ _through_tanh(U.T @ r, s), t) @ X.T


def gaussian_process(K: Array, y: Array, c: float) -> Pair:
    m = K.copy()
    add_to_diagonal(m, c)
    u = factor(m)
    v = solve(u, y)
    value = y @ v + 2 * half_logdet(u)
    return value, inverse_less_outer(u, v, 1.0)


def noise(K: Array, y: Array, c: float) -> Pair:
    """The same by the scalar `c`: the trace of the inverse is a norm of the inverse factor."""
    m = K.copy()
    add_to_diagonal(m, c)
    u = factor(m)
    v = solve(u, y)
    value = y @ v + 2 * half_logdet(u)
    inverse = lapack.dtrtri(u, overwrite_c=1)[0].T
    return value, np.vdot(inverse, inverse) - v @ v


def trace_of_exponential(A: Array, B: Array) -> Pair:
    n = len(A)
    if n >= SMALL_EXPONENTIAL:
        e, g = expm_frechet(A.T, B.T)
        return np.vdot(e, B), g
    z = np.zeros((2 * n, 2 * n))
    z[:n, :n] = z[n:, n:] = A.T
    z[:n, n:] = B.T
    e = expm(z)
    return np.vdot(e[:n, :n], B), e[:n, n:]


def trace_of_kronecker(A: Array, X: Array, C: Array) -> Pair:
    p, n = len(A), len(X)
    parts = np.matmul(A.T[:, None, None, :], C.reshape(p, n, p, n))
    g = parts.sum(0)[:, 0].T
    return np.vdot(g, X), g
