"""Sums over indices: what they mean is computed here with loops over the entries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symcalc import derive, parse
from symcalc.errors import ParseError, ShapeError, SymcalcError

RNG = np.random.default_rng(3)
N, M, P = 4, 3, 2
ARRAYS: dict[str, Any] = {
    "X": RNG.normal(size=(N, M)), "Y": RNG.normal(size=(N, P)), "W": RNG.normal(size=(P, M)),
    "V": RNG.normal(size=(N, M)), "A": RNG.normal(size=(M, M)), "K": RNG.normal(size=(N, N)),
    "C": RNG.normal(size=(N, M)), "B": RNG.normal(size=(M, P)), "R": RNG.uniform(size=(N, P)),
    "S": np.array([[2.0, 0.5, 0.1], [0.5, 1.5, 0.2], [0.1, 0.2, 1.0]]),
    "x": np.array([0.7, 1.9, 1.2, 0.4]), "y": RNG.normal(size=N), "z": RNG.uniform(0.5, 2.0, N),
    "w": RNG.normal(size=M), "mu": RNG.normal(size=M), "a": RNG.normal(size=N),
    "b": 0.7, "w_0": 0.2, "x_bar": np.arange(N) + 0.5, "c": 1.3, "theta": 0.4,
    "M": RNG.normal(size=(P, M)), "q": RNG.normal(size=P),
}  # fmt: skip
SIZES = {
    "X": "matrix(n, m)", "Y": "matrix(n, p)", "W": "matrix(p, m)", "V": "matrix(n, m)",
    "A": "matrix(m)", "K": "matrix(n)", "C": "matrix(n, m)", "B": "matrix(m, p)",
    "R": "matrix(n, p)", "S": "spd matrix(m)", "x": "vector(n)", "y": "vector(n)",
    "z": "positive vector(n)", "w": "vector(m)", "mu": "vector(m)", "a": "vector(n)",
    "b": "scalar", "w_0": "scalar",
    "x_bar": "vector(n)", "c": "scalar", "theta": "scalar", "M": "matrix(p, m)", "q": "vector(p)",
}  # fmt: skip
n, m, p = range(N), range(M), range(P)


def _shown(value: Any) -> str:
    return value[:60] if isinstance(value, str) else ""


# the formula, the variable of the gradient, its variables, and its value entry by entry
FORMULAS: list[tuple[str, str, str, Any]] = [
    (r"\sum_i x_i^2", "x", "x", lambda x: sum(x[i] ** 2 for i in n)),
    (r"\sum_{i=1}^n x_i y_i z_i", "x", "x y z", lambda x, y, z: sum(x[i] * y[i] * z[i] for i in n)),
    (r"\sum_{i,j} x_i K_{ij} x_j", "x", "x K",
     lambda x, K: sum(x[i] * K[i, j] * x[j] for i in n for j in n)),
    (r"\sum_{ij} C_{ij} X_{ij}^2", "X", "X C",
     lambda X, C: sum(C[i, j] * X[i, j] ** 2 for i in n for j in m)),
    (r"\sum_i \sum_j X_{ij} w_j y_i", "w", "X w y",
     lambda X, w, y: sum(X[i, j] * w[j] * y[i] for i in n for j in m)),
    (r"\sum_i \left( y_i - \sum_j X_{ij} w_j \right)^2", "w", "X w y",
     lambda X, w, y: sum((y[i] - sum(X[i, j] * w[j] for j in m)) ** 2 for i in n)),
    (r"\sum_{i,j,k} X_{ij} B_{jk} Y_{ik}", "B", "X B Y",
     lambda X, B, Y: sum(X[i, j] * B[j, k] * Y[i, k] for i in n for j in m for k in p)),
    (r"\sum_i K_{ii}", "K", "K", lambda K: sum(K[i, i] for i in n)),
    (r"\sum_i x_i \prod_j z_j", "z", "x z", lambda x, z: sum(x) * np.prod(z)),
    (r"\left(\sum_i x_i\right)^2", "x", "x", lambda x: sum(x) ** 2),
    (r"\sum_i (x_i - \sum_j x_j)^2", "x", "x", lambda x: sum((x[i] - sum(x)) ** 2 for i in n)),
    (r"\frac{\sum_i a_i x_i}{\sum_i x_i}", "x", "x a", lambda x, a: a @ x / sum(x)),
    (r"\sum_i x_i \log \frac{x_i}{z_i}", "z", "x z",
     lambda x, z: sum(x[i] * np.log(x[i] / z[i]) for i in n)),
    (r"\sum_i \frac{1}{1 + e^{-x_i}}", "x", "x", lambda x: sum(1 / (1 + np.exp(-x[i])) for i in n)),
    (r"\sum_i z_i^{y_i}", "z", "z y", lambda z, y: sum(z[i] ** y[i] for i in n)),
    (r"\prod_i \theta^{x_i}", r"\theta", "x theta",
     lambda x, theta: np.prod([theta ** x[i] for i in n])),
    (r"\max_i x_i", "x", "x", lambda x: max(x)),
    (r"\log \sum_i \exp x_i", "x", "x", lambda x: np.log(sum(np.exp(x)))),
    (r"\sum_{i=1}^n 2 x_i + \sum_{i=1}^n 3", "x", "x", lambda x: 2 * sum(x) + 3 * N),
    (r"-\frac12 \sum_i x_i + c", "c", "x c", lambda x, c: -sum(x) / 2 + c),
    # rows of a matrix
    (r"\sum_i (y_i - x_i^T w)^2", "w", "X w y",
     lambda X, w, y: sum((y[i] - X[i] @ w) ** 2 for i in n)),
    (r"\sum_i \log(1 + \exp(-y_i w^\top x_i))", "w", "X w y",
     lambda X, w, y: sum(np.log(1 + np.exp(-y[i] * w @ X[i])) for i in n)),
    (r"\frac1n \sum_{i=1}^{n} (\mathbf{w}^T \mathbf{x}_i + b - y_i)^2", "b", "X w y b",
     lambda X, w, y, b: sum((w @ X[i] + b - y[i]) ** 2 for i in n) / N),
    (r"\sum_i \|x_i - \mu\|^2", r"\mu", "X mu",
     lambda X, mu: sum(sum((X[i] - mu) ** 2) for i in n)),
    (r"\sum_{i=1}^n \left\|x_i - \frac1n \sum_{j=1}^n x_j\right\|^2", "X", "X",
     lambda X: sum(sum((X[i] - sum(X) / N) ** 2) for i in n)),
    (r"\sum_i \|x_i - v_i\|", "X", "X V",
     lambda X, V: sum(np.linalg.norm(X[i] - V[i]) for i in n)),
    (r"\sum_i \|x_i\|_1", "X", "X", lambda X: sum(sum(abs(X[i])) for i in n)),
    (r"\sum_i (x_i - \mu)^T S^{-1} (x_i - \mu)", r"\mu", "X mu S",
     lambda X, mu, S: sum((X[i] - mu) @ np.linalg.inv(S) @ (X[i] - mu) for i in n)),
    (r"\sum_i x_i^T A v_i", "A", "X A V", lambda X, A, V: sum(X[i] @ A @ V[i] for i in n)),
    (r"\sum_i (x_i^T A x_i)^2", "A", "X A", lambda X, A: sum((X[i] @ A @ X[i]) ** 2 for i in n)),
    (r"\sum_i a_i \operatorname{tr}(x_i x_i^T A)", "a", "X A a",
     lambda X, A, a: sum(a[i] * np.trace(np.outer(X[i], X[i]) @ A) for i in n)),
    (r"\operatorname{tr}\left( A \sum_i x_i x_i^T \right)", "X", "X A",
     lambda X, A: np.trace(A @ sum(np.outer(X[i], X[i]) for i in n))),
    (r"\log\det\left(\sum_i z_i x_i x_i^T\right)", "z", "X z",
     lambda X, z: np.linalg.slogdet(sum(z[i] * np.outer(X[i], X[i]) for i in n))[1]),
    (r"\sum_{ij} (K_{ij} - x_i^T v_j)^2", "X", "X V K",
     lambda X, V, K: sum((K[i, j] - X[i] @ V[j]) ** 2 for i in n for j in n)),
    (r"\sum_i \sum_k r_{ik} \|x_i - m_k\|^2", "M", "X R M",
     lambda X, R, M: sum(R[i, k] * sum((X[i] - M[k]) ** 2) for i in n for k in p)),
    (r"\sum_{i,j} K_{ij} \|x_i - x_j\|^2", "X", "X K",
     lambda X, K: sum(K[i, j] * sum((X[i] - X[j]) ** 2) for i in n for j in n)),
    (r"\sum_i \log \sum_k \exp(w_k^T x_i)", "W", "X W",
     lambda X, W: sum(np.log(sum(np.exp(W[k] @ X[i]) for k in p)) for i in n)),
    (r"-\sum_i \sum_k r_{ik} \log \frac{\exp(w_k^T x_i)}{\sum_j \exp(w_j^T x_i)}", "W", "X W R",
     lambda X, W, R: -sum(
         R[i, k] * np.log(np.exp(W[k] @ X[i]) / sum(np.exp(W[j] @ X[i]) for j in p))
         for i in n for k in p)),
    (r"\sum_i \|y_i - W x_i\|_2^2", "W", "X W Y",
     lambda X, W, Y: sum(sum((Y[i] - W @ X[i]) ** 2) for i in n)),
    (r"\sum_i y_i (w \cdot x_i)", "w", "X w y", lambda X, w, y: sum(y[i] * w @ X[i] for i in n)),
    (r"\sum_i \tanh(w^T x_i) y_i", "w", "X w y",
     lambda X, w, y: sum(np.tanh(w @ X[i]) * y[i] for i in n)),
    (r"\left\| \sum_i a_i x_i \right\|^2", "a", "X a",
     lambda X, a: sum(sum(a[i] * X[i] for i in n) ** 2)),
    (r"\sum_i \max(0, 1 - y_i w^T x_i)", "w", "X w y",
     lambda X, w, y: sum(max(0, 1 - y[i] * w @ X[i]) for i in n)),
    # rows and columns by a colon, samples above
    (r"\sum_j \|X_{:,j}\|_2", "X", "X", lambda X: sum(np.linalg.norm(X[:, j]) for j in m)),
    (r"\sum_i \|X_{i,:} - \mu\|^2", r"\mu", "X mu",
     lambda X, mu: sum(sum((X[i] - mu) ** 2) for i in n)),
    (r"\frac{1}{2n} \sum_{i=1}^n (w^T x^{(i)} - y^{(i)})^2", "w", "X w y",
     lambda X, w, y: sum((w @ X[i] - y[i]) ** 2 for i in n) / (2 * N)),
    (r"\sum_i \sum_j w_j x_j^{(i)}", "w", "X w",
     lambda X, w: sum(w[j] * X[i, j] for i in n for j in m)),
    # indices that are related, shifted, or begin elsewhere
    (r"\sum_{i<j} K_{ij} (x_i - x_j)^2", "x", "x K",
     lambda x, K: sum(K[i, j] * (x[i] - x[j]) ** 2 for i in n for j in n if i < j)),
    (r"\sum_{i \neq j} x_i K_{ij} x_j", "x", "x K",
     lambda x, K: sum(x[i] * K[i, j] * x[j] for i in n for j in n if i != j)),
    (r"\sum_{1 \le i < j \le n} x_i x_j", "x", "x",
     lambda x: sum(x[i] * x[j] for i in n for j in n if i < j)),
    (r"\sum_i \sum_{j \ne i} x_i K_{ij} x_j", "x", "x K",
     lambda x, K: sum(x[i] * K[i, j] * x[j] for i in n for j in n if i != j)),
    (r"\sum_{i=1}^n \sum_{j=i+1}^n K_{ij} x_j", "x", "x K",
     lambda x, K: sum(K[i, j] * x[j] for i in n for j in n if j > i)),
    (r"\sum_{i=1}^n z_i \sum_{j=1}^{i} x_j", "x", "x z",
     lambda x, z: sum(z[i] * x[j] for i in n for j in n if j <= i)),
    (r"\sum_{i=1}^n \sum_{j=1}^{i-1} K_{ij} x_j", "x", "x K",
     lambda x, K: sum(K[i, j] * x[j] for i in n for j in n if j < i)),
    (r"\sum_i \sum_{j \ge i} x_j y_i + \sum_{i<j} x_i x_j", "x", "x y",
     lambda x, y: sum(x[j] * y[i] for i in n for j in n if j >= i)
     + sum(x[i] * x[j] for i in n for j in n if i < j)),
    (r"\sum_{i=1}^{n-1} (x_{i+1} - x_i)^2", "x", "x",
     lambda x: sum((x[i + 1] - x[i]) ** 2 for i in range(N - 1))),
    (r"\sum_{t=2}^{n} (x_t - \theta x_{t-1})^2", r"\theta", "x theta",
     lambda x, theta: sum((x[t] - theta * x[t - 1]) ** 2 for t in range(1, N))),
    (r"\sum_{t=1}^{n-1} \|x_{t+1} - A x_t\|^2", "A", "X A",
     lambda X, A: sum(sum((X[t + 1] - A @ X[t]) ** 2) for t in range(N - 1))),
    (r"\sum_{i=0}^{n-1} x_i^2", "x", "x", lambda x: sum(x[i] ** 2 for i in n)),
    (r"\sum_{i \in [n]} x_i^2", "x", "x", lambda x: sum(x[i] ** 2 for i in n)),
    (r"\sum_{t=0}^{n-1} x_t^2 + \sum_{t=1}^{n-1} y_t x_t", "x", "x y",
     lambda x, y: sum(x[t] ** 2 for t in n) + sum(y[t] * x[t] for t in range(1, N))),
    (r"\sum_{i=1}^n (y_i - x_i)^2 + c \sum_{i=1}^{n-1} (x_{i+1} - x_i)^2", "x", "x y c",
     lambda x, y, c: sum((y - x) ** 2) + c * sum((x[1:] - x[:-1]) ** 2)),
    (r"\sum_{i=1}^{n-1} \sum_{j=i+1}^n x_i K_{ij} x_j", "x", "x K",
     lambda x, K: sum(x[i] * K[i, j] * x[j] for i in n for j in n if i < j)),
    (r"\sum_{i=2}^n \sum_{j=1}^{i-1} x_i K_{ij} x_j", "x", "x K",
     lambda x, K: sum(x[i] * K[i, j] * x[j] for i in n for j in n if j < i)),
    (r"\sum_i \sum_{j \ne i} x_j", "x", "x", lambda x: (N - 1) * sum(x)),
    (r"\sum_{i \ne j} \log |x_i - x_j|", "x", "x",
     lambda x: sum(np.log(abs(x[i] - x[j])) for i in n for j in n if i != j)),
    (r"\sum_{i<j} \frac{z_i z_j}{(x_i - x_j)^2}", "z", "x z",
     lambda x, z: sum(z[i] * z[j] / (x[i] - x[j]) ** 2 for i in n for j in n if i < j)),
    (r"\sum_i e^{x_i} y_i", "x", "x y", lambda x, y: sum(np.exp(x[i]) * y[i] for i in n)),
    (r"\sum_i (y_i - b - \sum_j X_{ij} w_j)^2 + w_0", "w", "X w y b w_0",
     lambda X, w, y, b, w_0: sum((y - b - X @ w) ** 2) + w_0),
    # where a vector is certain
    (r"\sum_i \|A x_i\|^2", "A", "X A", lambda X, A: sum(sum((A @ X[i]) ** 2) for i in n)),
    (r"\sum_i \|y_i - \sum_j K_{ij} y_j\|^2", "K", "Y K",
     lambda Y, K: sum(sum((Y[i] - K[i] @ Y) ** 2) for i in n)),
    (r"\sum_i \|v_i - 2 x_i\|^2", "X", "X V", lambda X, V: np.sum((V - 2 * X) ** 2)),
    (r"\sum_i w^T (x_i - v_i)", "w", "X V w", lambda X, V, w: sum(w @ (X[i] - V[i]) for i in n)),
    (r"\left\| \sum_i x_i v_i^T \right\|_F^2", "X", "X V",
     lambda X, V: np.sum((X.T @ V) ** 2)),
    (r"\sum_i \langle x_i, v_i \rangle", "X", "X V", lambda X, V: np.sum(X * V)),
    (r"\sum_i \exp(-\|w - x_i\|^2)", "w", "X w",
     lambda X, w: sum(np.exp(-sum((w - X[i]) ** 2)) for i in n)),
    # entries of what stands in brackets, Kronecker's delta
    (r"\sum_i y_i (X w)_i", "w", "X w y", lambda X, w, y: y @ X @ w),
    (r"\sum_{i,j} \left(S^{-1}\right)_{ij} A_{ij}", "A", "S A",
     lambda S, A: np.sum(np.linalg.inv(S) * A)),
    (r"\sum_{i,j} \delta_{ij} x_i y_j", "x", "x y", lambda x, y: x @ y),
    (r"\sum_i \bar{x}_i y_i", "y", "x_bar y", lambda x_bar, y: x_bar @ y),
    # plain text
    ("sum_i (y_i - w'*x_i)^2", "w", "X w y",
     lambda X, w, y: sum((y[i] - w @ X[i]) ** 2 for i in n)),
    ("sum_ij K_ij x_i y_j", "x", "x y K",
     lambda x, y, K: sum(K[i, j] * x[i] * y[j] for i in n for j in n)),
    ("∑_i x_i^2 * y_i", "x", "x y", lambda x, y: sum(x[i] ** 2 * y[i] for i in n)),
    (r"sum_{i=1}^n (x_i - c)^2", "c", "x c", lambda x, c: sum((x[i] - c) ** 2 for i in n)),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "variable", "names", "value"), FORMULAS, ids=_shown)
def test_a_sum_is_what_its_loops_compute(
    formula: str, variable: str, names: str, value: Any
) -> None:
    arrays = {name: ARRAYS[name] for name in names.split()}
    where = {name: SIZES[name] for name in arrays}
    found = float(parse(formula, where).evaluate(**arrays))
    assert found == pytest.approx(float(value(**arrays)), rel=1e-10)
    assert derive(formula, variable, where=where).verify().passed


VECTORS = [
    (r"\sum_j A_{ij} w_j", "A w", lambda A, w: A @ w),
    (r"\sum_k X_{ik} B_{kj}", "X B", lambda X, B: X @ B),
    (r"\sum_i A_{ij} w_i", "A w", lambda A, w: A.T @ w),
    (r"C_{ij} = \sum_k X_{ik} B_{kj} + Y_{ij}", "X B Y", lambda X, B, Y: X @ B + Y),
    (r"\frac{\exp(x_i)}{\sum_j \exp(x_j)}", "x", lambda x: np.exp(x) / sum(np.exp(x))),
    (r"\sum_i y_i x_i \quad", "x y", lambda x, y: x @ y),
    (r"C_{ji} = \sum_k A_{jk} A_{ki}", "A", lambda A: A @ A),
    (r"y_i = \sum_{j \ne i} K_{ij} x_j", "K x", lambda K, x: (K - np.diag(np.diag(K))) @ x),
    (r"\sum_i z_i \mathbf{x}_i", "X z", lambda X, z: X.T @ z),
    (r"\frac1n \sum_{i=1}^n (x_i - \mu)(x_i - \mu)^T", "X mu",
     lambda X, mu: (X - mu).T @ (X - mu) / N),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "names", "value"), VECTORS, ids=_shown)
def test_an_index_that_nothing_binds_runs_along_the_result(
    formula: str, names: str, value: Any
) -> None:
    arrays = {name: ARRAYS[name] for name in names.split()}
    found = parse(formula, {name: SIZES[name] for name in arrays}).evaluate(**arrays)
    np.testing.assert_allclose(found, value(**arrays), rtol=1e-10)


UNDECLARED = [
    (r"\sum_i (y_i - x_i^T w)^2", "w", "-2*X'*(y - X*w)"),
    (r"\sum_{i,j} x_i A_{ij} x_j", "x", "(A + A')*x"),
    (r"\sum_i \phi(w^T x_i)", "w", "X'*phi'(X*w)"),
    (r"\sum_i \|x_i - \mu\|^2", r"\mu", "2*(n*mu - sum(X, 0))"),
    (r"\sum_{i=1}^N \sum_{k=1}^K r_{ik} \|x_i - \mu_k\|^2", r"\mu",
     "2*(diag(sum(R, 0))*mu - R'*X)"),
    (r"\sum_i \log\sum_j \exp(x_i^T w_j)", "W", "softmax(X*W', 1)'*X"),
    (r"\sum_{i,j} (R_{ij} - u_i^T v_j)^2", "U", "-2*(R - U*V')*V"),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "variable", "gradient"), UNDECLARED)
def test_gradients_are_matrix_expressions(formula: str, variable: str, gradient: str) -> None:
    d = derive(formula, variable, where={"phi": "entrywise"})
    assert str(d.gradient) == gradient
    assert d.verify().passed


def test_what_an_indexed_name_means_is_told() -> None:
    d = derive(r"\sum_i (y_i - x_i^T w)^2", "w")
    assert "`x_i` is row i of `X`" in d.assumptions


REFUSED = [
    (r"\sum_i x_i^2 + x_1 x_2", "an entry by its number is not read"),
    (r"\sum_{k=1}^{N-1} x_k^2 + x_N^2", "ends there"),
    (r"\sum_t (y_t - \sum_k a_k y_{t-k})^2", "this subscript is not read"),
    (r"\sum_i A_{1i} x_i", "this subscript is not read"),
    (r"\sum_i w_{y_i}^T x_i", "this subscript is not read"),
    (r"\sum_i w_i x_{(i)}", "this subscript is not read"),
    (r"\sum_{i,j} k_{ij} K_{ij}", "stand in one formula"),
    (r"\sum_i a_i^T A a_i", "stand in one formula"),
    (r"\sum_{i,j} A^{-1}_{ij} x_i", "an entry of a power"),
    (r"\sum_{i=1}^N x_i x_N", "ends there"),
    (r"\sum_i x_i^{[1]}", "is an index in some papers"),
    (r"\sum_k \frac{\pi_k}{\sqrt{2\pi}\sigma_k}", "stands here with an index and without"),
    (r"\sum_{i=4}^{1} x_i", "ends before it begins"),
    (r"\sum_{i=1}^{n-1} (y_i + \sum_{j=i+1}^n x_j)", "do not run through the same"),
    (r"\sum_i x_i + y_i", "outside of the sum over `i`"),
    (r"\sum_{j=1}^i x_j y_i + \sum_i y_i", "`i` is an index, and a size"),
    (r"\sum_i A_i X", "one matrix for each index"),
    (r"\sum_{i \in S} x_i", "below `\\sum` stands an index"),
    (r"\sum x_i", "below `\\sum` stands an index"),
    (r"\sum_i w", "nothing behind this sign runs with `i`"),
    (r"\sum_i \sum_i x_i", "nothing behind this sign runs with `i`"),
    (r"\sum_i (x_{i+1} - x_i)^2", "where the index begins and ends"),
    (r"\sum_{i=2} x_i", "say above the sign"),
    (r"\sum_{i=1}^n (x_{i-1} - x_i)^2", "begins before the first place"),
    (r"\sum_{i,j,k} A_{ijk}", "more than two indices"),
    (r"\sum_{i,j,k} \exp(x_i + y_j + z_k)", "three indices"),
    (r"\sum_i \prod_j \sin(A_{ij})", "`prod` of each row"),
    (r"\sum_i \|X_{:,i} - X_{i,:}\|^2", "a row here and a column there"),
    (r"\sum_{i=1}^c c x_i", "declared as a variable"),
]


@pytest.mark.parametrize(("formula", "message"), REFUSED)
def test_refusals_say_why(formula: str, message: str) -> None:
    where = {"c": "scalar"} if "^c" in formula else None
    with pytest.raises((ParseError, ShapeError)) as caught:
        parse(formula, where)
    assert message in str(caught.value)
    assert "^" in str(caught.value).splitlines()[-1]


def test_the_derivative_by_what_does_not_occur_is_refused() -> None:
    with pytest.raises(SymcalcError, match="`X` does not occur"):
        derive(r"\sum_i x_i^2", "X")


def test_a_letter_that_must_be_a_number_is_one() -> None:
    assert str(derive(r"\sum_i (y_i - m x_i - b)^2", "m").gradient) == "2*(b*ones(n) + m*x - y)'*x"


def test_a_declared_row_is_a_row() -> None:
    d = derive(r"\sum_i (y_i - w^T x_i)^2", "w", where={"x_i": "vector(3)"})
    assert str(d.gradient) == "-2*X'*(y - X*w)"
    assert d.gradient.shape == (3, 1)


@pytest.mark.parametrize("variable", ["x_i", "w_j", "x_k", "y_k"])
def test_the_derivative_by_a_part_of_a_variable_is_refused(variable: str) -> None:
    with pytest.raises(ParseError, match="differentiate by"):
        derive(r"\sum_i (y_i - x_i^T w)^2 + \sum_j w_j", variable)


def test_a_norm_of_numbers_is_refused() -> None:
    with pytest.raises(SymcalcError, match="norm of a number"):
        parse(r"\sum_i \|x_i\|", {"x": "vector(n)"})


def test_a_sum_over_a_product_of_thousands_of_factors_is_read() -> None:
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    rows = RNG.normal(size=(3, 2))
    found = derive(f"sum_i x_i'*({'A*' * 2000}w)", "w", where="A: matrix(2)")
    value = found.evaluate(A=turn, X=rows, w=np.zeros(2))
    expected = np.linalg.matrix_power(turn, 2000).T @ rows.sum(axis=0)
    np.testing.assert_allclose(np.ravel(value), expected, rtol=1e-9)
