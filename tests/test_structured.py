"""Structured Hessians against the dense matrix, and against their own solutions."""

import numpy as np
import pytest

from symcalc import EvaluationError, derive

FACTORS = "T: matrix(n, m); U: matrix(n, k); V: matrix(m, k); c: scalar"
SIZES = {"n": 5, "m": 6, "k": 3, "p": 4}
DENSE, BLOCKS, LOW = "dense", "block diagonal", "diagonal plus low rank"
TURNED = "kronecker times commutation"

# formula, first and second variable, declarations, structure by the formula, structure at SIZES
HESSIANS = [
    ("||M .* (T - U*V')||_F^2", "U", "U", FACTORS, BLOCKS, BLOCKS),
    ("||M .* (T - U*V')||_F^2", "V", "V", FACTORS, BLOCKS, BLOCKS),
    ("||M .* (T - U*V')||_F^2", "U", "V", FACTORS, DENSE, DENSE),
    ("||M .* (T - U*V')||_F^2 + c*||U||_F^2", "U", "U", FACTORS, BLOCKS, BLOCKS),
    ("||T - U*V'||_F^2 + c*||U||_F^2", "U", "U", FACTORS, BLOCKS, BLOCKS),
    ("||M .* (A*X - B)||_F^2", "X", "X", "", BLOCKS, BLOCKS),
    ("sum(exp(A*X)) + c*||X||_F^2", "X", "X", "c: scalar", BLOCKS, BLOCKS),
    ("sum(exp(A*X)) + sum(exp(X*B))", "X", "X", "", DENSE, DENSE),
    ("||T - U*V'||_F^2", "U", "U", FACTORS, "kronecker", "kronecker"),
    ("||A*X - B||_F^2", "X", "X", "", "kronecker", "kronecker"),
    ("||A*X - B||_F^2", "X", "B", "", "kronecker", "kronecker"),
    ("a'*X*b", "X", "a", "a: vector(n); b: vector(m)", "kronecker", "kronecker"),
    ("logsumexp(W*x) - y'*W*x", "W", "W", "", "kronecker", "kronecker"),
    ("logdet(X)", "X", "X", "", TURNED, TURNED),
    ("tr(inv(X)*A)", "X", "A", "", TURNED, TURNED),
    ("tr(inv(X)*A)", "X", "X", "", DENSE, DENSE),
    ("sum(x .^ 4) + x'*x", "x", "x", "", "diagonal", "diagonal"),
    ("||X||_F^2", "X", "X", "X: matrix(n, m)", "diagonal", "diagonal"),
    ("sum(A .* sin(X))", "X", "A", "A: matrix(n, m)", "diagonal", "diagonal"),
    ("a'*X*b", "X", "X", "a: vector(n); b: vector(m)", "zero", "diagonal"),
    ("x'*N*x", "x", "N", "N: skew matrix(n)", "zero", DENSE),
    ("logsumexp(x) + x'*x", "x", "x", "", LOW, LOW),
    ("||x||^4", "x", "x", "", LOW, LOW),
    ("||X*w - y||^2 + c*||w||^2", "w", "w", "X: matrix(k, p); c: scalar", DENSE, DENSE),
    ("||X*w - y||^2 + c*||w||^2", "w", "w", "X: matrix(k, q); c: scalar", DENSE, LOW),
    ("x'*A*x", "x", "x", "", DENSE, DENSE),
]  # fmt: skip
IDS = [f"{c[0]} by {c[1]} and {c[2]}" for c in HESSIANS]


def arrays_for(s, seed=0):
    """Return random arrays of every declared variable; matrices are well conditioned."""
    rng, sizes, arrays = np.random.default_rng(seed), {**SIZES, "q": 9}, {}
    for name, v in s.scope.items():
        dims = [d if isinstance(d, int) else sizes[d] for d in v.shape]
        shape = tuple(d for d, given in zip(dims, v.shape, strict=True) if given != 1)
        arrays[name] = 0.1 * rng.random(shape) + (np.eye(*shape) if len(shape) == 2 else 0.5)
    return arrays


@pytest.mark.parametrize(("f", "first", "other", "where", "named", "found"), HESSIANS, ids=IDS)
def test_a_structured_hessian_is_the_dense_one(f, first, other, where, named, found):
    s = derive(f, first, where=where).second(other)
    arrays = arrays_for(s)
    h, dense = s.structured(**arrays), s.hessian.evaluate(**arrays)
    assert (s.structure, h.structure, h.shape) == (named, found, dense.shape)
    by = np.random.default_rng(1).standard_normal(arrays[other].shape)
    wanted = dense @ by.ravel(order="F")
    close = {"rtol": 1e-10, "atol": 1e-10}
    np.testing.assert_allclose(h.dense(), dense, **close)
    np.testing.assert_allclose(h.matvec(by.ravel(order="F")), wanted, **close)
    product = h.product(by)
    assert product.shape == arrays[first].shape
    np.testing.assert_allclose(product.ravel(order="F"), wanted, **close)
    if dense.shape[0] == dense.shape[1] == np.linalg.matrix_rank(dense):
        solution = h.solve(product)
        np.testing.assert_allclose(h.product(solution), product, rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(solution, by, rtol=1e-6, atol=1e-6)


def test_masked_blocks_are_small():
    n, m, k = 2000, 300, 4
    rng = np.random.default_rng(0)
    U, V, T, M = (rng.random(shape) for shape in ((n, k), (m, k), (n, m), (n, m)))
    s = derive("||M .* (T - U*V')||_F^2", "U", where="T: matrix(n, m); U: matrix(n, k)").second()
    h = s.structured(U=U, V=V, T=T, M=M)
    assert h.blocks.shape == (n, k, k)  # the matrix would have 512 MB
    step = h.solve(rng.random((n, k)))
    np.testing.assert_allclose(2 * (M[7] ** 2 * V.T) @ V, h.blocks[7])
    assert step.shape == (n, k)


@pytest.mark.parametrize(
    ("f", "where", "arrays"),
    [
        ("logsumexp(x)", "", {"x": [1.0, 2.0, 4.0]}),
        ("||A*X - B||_F^2", "", {"A": np.ones((2, 2)), "X": np.eye(2), "B": np.eye(2)}),
        ("sum(x .^ 3)", "", {"x": [1.0, 0.0]}),
        ("x'*A*x", "", {"A": [[1.0, 0.0], [0.0, 0.0]], "x": [1.0, 2.0]}),
        ("||M .* (A*X - B)||_F^2", "",
         {"A": np.eye(2), "X": np.eye(2), "B": np.eye(2), "M": np.array([[1.0, 0.0], [1, 1]])}),
    ],
)  # fmt: skip
def test_a_singular_hessian_is_not_solved(f, where, arrays):
    wrt = "x" if "x" in arrays else "X"
    h = derive(f, wrt, where=where).second().structured(**arrays)
    with pytest.raises(EvaluationError, match="singular at these arrays"):
        h.solve(np.arange(1.0, 1 + np.size(arrays[wrt])).reshape(np.shape(arrays[wrt])))


def test_what_does_not_fit_is_refused():
    s = derive("||A*X - B||_F^2", "X").second()
    arrays = {"A": np.eye(2), "X": np.ones((2, 3)), "B": np.ones((2, 3))}
    with pytest.raises(EvaluationError, match=r"shape \(2, 3\) is needed, not \(3, 2\)"):
        s.structured(**arrays).product(np.ones((3, 2)))
    with pytest.raises(EvaluationError, match="no value for A"):
        s.structured(X=np.ones((2, 3)), B=np.ones((2, 3)))
    with pytest.raises(EvaluationError, match="no value for X"):
        s.structured(A=np.eye(2), B=np.ones((2, 3)))
    with pytest.raises(EvaluationError, match="use `hessian`"):
        derive("t^2*a'*x", "t", where="t: scalar").second().structured(t=1.0)
    oblong = derive("a'*X*b", "X", where="a: vector(n); b: vector(m)").second("a")
    made = oblong.structured(a=np.ones(2), b=np.ones(3), X=np.ones((2, 3)))
    with pytest.raises(EvaluationError, match="only a square Hessian can be solved: this is 6x2"):
        made.solve(np.ones((2, 3)))
