"""Problems for value and gradient, as data: formula, declarations, arrays, expert, plain value.

`value` is the function as a user of JAX or PyTorch writes it, in the form that was fastest there
(`slogdet` and `solve` beat Cholesky under JAX's differentiation but for a data matrix).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks import experts

Rng = np.random.Generator
Arrays = dict[str, Any]
SIZES = (10, 100, 500, 1000)
SAMPLES = 4  # rows of a data matrix, in multiples of n
CLASSES = 10


@dataclass(frozen=True)
class Problem:
    """A function to differentiate; `expert(**arrays)` and `value(xp, **arrays)` take its arrays."""

    name: str
    formula: str
    wrt: str
    where: str
    arrays: Callable[[Rng, int], Arrays]
    expert: Callable[..., tuple[Any, Any]]
    value: Callable[..., Any]
    sizes: tuple[int, ...] = SIZES


def rank(n: int) -> int:
    """Return the rank of a factorisation."""
    return max(2, n // 10)


def drawn(rng: Rng, **shapes: tuple[int, ...]) -> Arrays:
    """Return normal arrays; a matrix has singular values of order one."""
    return {
        name: rng.standard_normal(shape) / (np.sqrt(shape[-1]) if len(shape) > 1 else 1)
        for name, shape in shapes.items()
    }


def spd(rng: Rng, n: int) -> Any:
    a = rng.standard_normal((n, n))
    return a @ a.T / n + np.eye(n)


def square(*names: str) -> Callable[[Rng, int], Arrays]:
    return lambda rng, n: drawn(rng, **dict.fromkeys(names, (n, n)))


def invertible(rng: Rng, n: int) -> Arrays:
    return {"X": 2 * np.eye(n) + drawn(rng, X=(n, n))["X"], **drawn(rng, A=(n, n))}


def regression(rng: Rng, n: int) -> Arrays:
    return drawn(rng, X=(SAMPLES * n, n), w=(n,), y=(SAMPLES * n,))


def labelled(rng: Rng, n: int) -> Arrays:
    return {**regression(rng, n), "y": np.where(rng.random(SAMPLES * n) < 0.5, -1.0, 1.0)}


def batch(rng: Rng, n: int) -> Arrays:
    one_hot = np.eye(CLASSES)[rng.integers(CLASSES, size=SAMPLES * n)]
    return {**drawn(rng, X=(SAMPLES * n, n), W=(n, CLASSES)), "Y": one_hot}


def choice(rng: Rng, n: int) -> Arrays:
    return {**drawn(rng, W=(n, n), x=(n,)), "y": np.eye(n)[rng.integers(n)]}


def factors(rng: Rng, n: int) -> Arrays:
    return drawn(rng, T=(n, n), U=(n, rank(n)), V=(n, rank(n)))


def masked(rng: Rng, n: int) -> Arrays:
    return {**factors(rng, n), "M": rng.random((n, n))}


def components(rng: Rng, n: int) -> Arrays:
    return {"S": spd(rng, n), **drawn(rng, W=(n, rank(n)))}


def normal(rng: Rng, n: int) -> Arrays:
    return {"S": spd(rng, n), **drawn(rng, x=(n,), mu=(n,))}


def kernel(rng: Rng, n: int) -> Arrays:
    return {"K": spd(rng, n), **drawn(rng, y=(n,)), "c": 0.3}


def kronecker(rng: Rng, n: int) -> Arrays:
    return drawn(rng, A=(n, n), X=(n, n), C=(n * n, n * n))


def squares(xp: Any, r: Any) -> Any:
    return xp.sum(r * r)


def gaussian_data(xp: Any, S: Any, X: Any) -> Any:
    c = xp.cholesky(S)
    return len(X) * xp.sum(xp.log(xp.diag(c))) + squares(xp, xp.half_solve(c, X.T)) / 2


def gaussian_process(xp: Any, K: Any, y: Any, c: Any) -> Any:
    m = K + c * xp.eye(len(y))
    return y @ xp.solve(m, y) + xp.logdet(m)


NETWORK = "W: matrix(m, n); V: matrix(k, m); X: matrix(n, p); Y: matrix(k, p)"
DEEP = "W: matrix(m, n); V: matrix(k, m); U: matrix(q, k); X: matrix(n, p); Y: matrix(q, p)"
KERNEL = "K: spd matrix(n); y: vector(n); c: positive scalar"
FACTORS = "T: matrix(n, m); U: matrix(n, k); V: matrix(m, k)"
GAUSS = "logdet(S)/2 + (x - mu)'*inv(S)*(x - mu)/2"
PROCESS = "y'*inv(K + c*I)*y + logdet(K + c*I)"
PROBLEMS = (
    Problem(
        "quadratic form", "x'*A*x", "x", "A: matrix(n); x: vector(n)",
        lambda rng, n: drawn(rng, A=(n, n), x=(n,)),
        experts.quadratic_form,
        lambda xp, A, x: x @ A @ x,
    ),
    Problem(
        "least squares", "||A*x - b||^2", "x", "A: matrix(m, n); x: vector(n); b: vector(m)",
        lambda rng, n: drawn(rng, A=(SAMPLES * n, n), x=(n,), b=(SAMPLES * n,)),
        experts.least_squares,
        lambda xp, A, x, b: squares(xp, A @ x - b),
    ),
    Problem(
        "matrix least squares", "||A*X - B||_F^2", "X", "", square("A", "X", "B"),
        experts.matrix_least_squares,
        lambda xp, A, X, B: squares(xp, A @ X - B),
    ),
    Problem(
        "log det of a Gram matrix", "logdet(X*X' + I)", "X", "X: matrix(n, m)", square("X"),
        experts.log_det_gram,
        lambda xp, X: xp.logdet(X @ X.T + xp.eye(len(X))),
    ),
    Problem(
        "trace of an inverse", "tr(inv(X)*A)", "X", "", invertible,
        experts.trace_of_inverse,
        lambda xp, X, A: xp.trace(xp.solve(X, A)),
    ),
    Problem(
        "Gaussian", GAUSS, "S", "S: spd matrix(n); x: vector(n); mu: vector(n)", normal,
        experts.gaussian,
        lambda xp, S, x, mu: xp.logdet(S) / 2 + (x - mu) @ xp.solve(S, x - mu) / 2,
    ),
    Problem(
        "Gaussian, data matrix", "m*logdet(S)/2 + tr(X*inv(S)*X')/2", "S",
        "S: spd matrix(n); X: matrix(m, n)",
        lambda rng, n: {"S": spd(rng, n), "X": rng.standard_normal((2 * n, n))},
        experts.gaussian_data,
        gaussian_data,
    ),
    Problem(
        "logistic regression", "sum(log(1 + exp(-y .* (X*w))))", "w", "", labelled,
        experts.logistic,
        lambda xp, X, w, y: xp.sum(xp.softplus(-y * (X @ w))),
    ),
    Problem(
        "softmax cross-entropy", "logsumexp(W*x) - y'*W*x", "W", "", choice,
        experts.softmax,
        lambda xp, W, x, y: xp.logsumexp(W @ x) - y @ (W @ x),
    ),
    Problem(
        "softmax cross-entropy, batch", "sum(log(sum(exp(X*W), 1))) - sum(Y .* (X*W))", "W", "",
        batch,
        experts.softmax_batch,
        lambda xp, X, W, Y: xp.sum(xp.logsumexp(X @ W)) - xp.sum(Y * (X @ W)),
    ),
    Problem(
        "PCA", "-tr(W'*S*W)", "W", "S: symmetric matrix(n); W: matrix(n, k)", components,
        experts.pca,
        lambda xp, S, W: -xp.sum(W * (S @ W)),
    ),
    Problem(
        "matrix factorisation", "||T - U*V'||_F^2", "U", FACTORS, factors,
        experts.factorisation,
        lambda xp, T, U, V: squares(xp, T - U @ V.T),
    ),
    Problem(
        "masked factorisation", "||M .* (T - U*V')||_F^2", "U", FACTORS, masked,
        experts.masked_factorisation,
        lambda xp, T, M, U, V: squares(xp, M * (T - U @ V.T)),
    ),
    Problem(
        "ridge", "||X*w - y||^2 + c*||w||^2", "w", "",
        lambda rng, n: {**regression(rng, n), "c": 0.3},
        experts.ridge,
        lambda xp, X, w, y, c: squares(xp, X @ w - y) + c * (w @ w),
    ),
    Problem(
        "network of 2 layers", "||V*tanh(W*X) - Y||_F^2", "W", NETWORK, square(*"WVXY"),
        experts.two_layers,
        lambda xp, W, V, X, Y: squares(xp, V @ xp.tanh(W @ X) - Y),
    ),
    Problem(
        "network of 3 layers", "||U*tanh(V*tanh(W*X)) - Y||_F^2", "W", DEEP, square(*"WVUXY"),
        experts.three_layers,
        lambda xp, W, V, U, X, Y: squares(xp, U @ xp.tanh(V @ xp.tanh(W @ X)) - Y),
    ),
    Problem("Gaussian process", PROCESS, "K", KERNEL, kernel,
            experts.gaussian_process, gaussian_process),
    Problem("Gaussian process, noise", PROCESS, "c", KERNEL, kernel,
            experts.noise, gaussian_process),
    Problem(
        "trace of an exponential", "tr(expm(A)*B)", "A", "A: matrix(n); B: matrix(n)",
        square("A", "B"),
        experts.trace_of_exponential,
        lambda xp, A, B: xp.trace(xp.expm(A) @ B),
        (10, 100, 200),
    ),
    Problem(
        "Kronecker trace", "tr(kron(A, X)*C)", "X", "A: matrix(p); X: matrix(n)", kronecker,
        experts.trace_of_kronecker,
        lambda xp, A, X, C: xp.sum(xp.kron(A, X).T * C),
        (10, 20, 40),
    ),
)  # fmt: skip
