"""What compiled functions take: arrays by the convention, on the threads that there are."""

import os
import subprocess
import sys

import numpy as np
import pytest

from symcalc import EvaluationError, derive, parse
from symcalc.pools import blas_threads, default_target

LINEAR = "A: matrix(m, n); x: vector(n); b: vector(m); c: scalar"
GAUSS = "logdet(S) + x'*inv(S)*x + tr(inv(S)*A) + logdet(A)"
TARGETS = ("numpy", "scipy")


def point(dtype=float):
    rng = np.random.default_rng(0)
    return {
        "A": rng.integers(1, 9, (4, 3)).astype(dtype),
        "x": rng.integers(1, 9, 3).astype(dtype),
        "b": rng.integers(1, 9, 4).astype(dtype),
        "c": dtype(2),
    }


def squares(target=None):
    function = derive("||A*x - b||^2 + c*sum(x)", "x", where=LINEAR).compile(target)
    return lambda given: function(*(given[name] for name in "Axbc"))


def wanted():
    A, x, b, c = point().values()
    r = A @ x - b
    return r @ r + c * x.sum(), 2 * A.T @ r + c


FORMS = {  # how else the same numbers are given
    "columns": lambda p: {**p, "x": p["x"][:, None], "b": p["b"][:, None]},
    "lists": lambda p: {k: np.asarray(a).tolist() for k, a in p.items()},
    "bytes": lambda p: {k: np.asarray(a).astype(np.uint8) for k, a in p.items()},
    "whole numbers": lambda p: {k: np.asarray(a).astype(int) for k, a in p.items()},
    "a scalar in brackets": lambda p: {**p, "c": np.array([[2.0]])},
    "a scalar of no axes": lambda p: {**p, "c": np.array(2.0)},
    "every second entry": lambda p: {**p, "A": np.repeat(p["A"], 2, 1)[:, ::2]},
    "stored by columns": lambda p: {**p, "A": np.asfortranarray(p["A"])},
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("form", FORMS)
def test_the_same_numbers_in_another_form_give_the_same_result(form, target):
    function = squares(target)
    for _ in range(2):  # the second call may take a shorter way
        value, gradient = function(FORMS[form](point()))
        assert np.shape(value) == () and np.shape(gradient) == (3,)
        np.testing.assert_allclose(value, wanted()[0])
        np.testing.assert_allclose(gradient, wanted()[1])


REFUSED = {  # what does not fit, and what the message says
    "b": (np.ones(3), "b is declared"),
    "x": (np.ones((3, 3)), "x is n×1"),
    "A": (np.ones(4), "A is m×n"),
    "c": (np.ones(2), "c is a scalar"),
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_before_and_after_a_call_that_fits(name, target):
    function, (array, message) = squares(target), REFUSED[name]
    for _ in range(2):
        with pytest.raises(EvaluationError, match=message):
            function({**point(), name: array})
        function(point())


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", "Axbc")
def test_complex_numbers_are_refused(name, target):
    given = point()
    with pytest.raises(EvaluationError, match=f"{name}: compiled functions are for real numbers"):
        squares(target)({**given, name: given[name] * 1j})


@pytest.mark.parametrize("target", TARGETS)
def test_single_precision_stays_single(target):
    rng = np.random.default_rng(1)
    a = rng.standard_normal((5, 5))
    d = derive(GAUSS, "S", where="S: spd matrix(n); A: matrix(n); x: vector(n)")
    given = {"S": a @ a.T + np.eye(5), "A": a, "x": a[0]}
    function = d.compile(target)
    single = function(**{k: v.astype(np.float32) for k, v in given.items()})
    for got, exact in zip(single, function(**given), strict=True):
        assert np.asarray(got).dtype == np.float32 and np.asarray(exact).dtype == float
        np.testing.assert_allclose(got, exact, rtol=1e-3, atol=1e-4)


def test_names_of_the_check_itself_are_free_for_arguments():
    e = parse("code*known + checked'*checked", "code: scalar; known: scalar; checked: vector(n)")
    assert e.compile()(2.0, 3.0, np.ones(4)) == 10


def test_a_function_of_functions_takes_them_as_they_are():
    d = derive("sum(phi(x))", "x", where={"phi": "entrywise", "x": "vector(n)"})
    value, gradient = d.compile()(phi=(np.sin, np.cos), x=[0.0, 1.0])
    np.testing.assert_allclose(value, np.sin(1.0))
    np.testing.assert_allclose(gradient, np.cos([0.0, 1.0]))


def test_more_kinds_of_arguments_than_are_remembered():
    function = parse("sum(x)", "x: vector(n)").compile()
    assert [function(np.ones(n)) for n in range(1, 1100)] == list(range(1, 1100))


@pytest.mark.parametrize(("threads", "target"), [(1, "scipy"), (2, "numpy"), (None, "numpy")])
def test_scipy_is_the_default_where_its_threads_stand_in_no_way(threads, target, monkeypatch):
    monkeypatch.setattr("symcalc.pools.blas_threads", lambda: threads)
    assert default_target() == target
    source = derive("logdet(S)", "S", where="S: spd matrix(n)").compile().source
    assert ("lapack" in source) == (target == "scipy")


def test_without_scipy_the_default_is_numpy(monkeypatch):
    monkeypatch.setattr("symcalc.pools.blas_threads", lambda: 1)
    monkeypatch.setattr("symcalc.pools.find_spec", lambda name: None)
    assert default_target() == "numpy"


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one processor has one thread")
def test_the_threads_are_those_of_numpy():
    if blas_threads() is None:
        pytest.skip("NumPy's BLAS does not say how many threads it has")
    code = "from symcalc.pools import blas_threads; print(blas_threads())"
    for wanted in ("1", "2"):
        threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), wanted)
        shown = subprocess.run(
            [sys.executable, "-c", code], env=os.environ | threads, capture_output=True, check=True
        )
        assert shown.stdout.decode().strip() == wanted


def test_the_environment_says_it_where_the_library_does_not(monkeypatch):
    monkeypatch.setattr("symcalc.pools._counter", lambda: None)
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    assert blas_threads() is None
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert blas_threads() == 1


CONSTANTS = {  # a factor that only a size decides, and what it is at n = 3
    "norm2(ones(n))": 3**0.5,
    "logsumexp(x - x)": np.log(3),
    "lambda_max(2*eye(n))": 2,
    "norm1(unit(1, n))": 1,
    "max(ones(n))": 1,
    "logdet(3*eye(n))": 3 * np.log(3),
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("factor", CONSTANTS)
def test_a_scalar_that_depends_on_a_size_alone_waits_for_the_arguments(factor, target):
    value, gradient = derive(f"{factor}*x'*x", "x", where="x: vector(n)").compile(target)([1, 2, 4])
    np.testing.assert_allclose(value, CONSTANTS[factor] * 21)
    np.testing.assert_allclose(gradient, CONSTANTS[factor] * np.array([2, 4, 8]))


def test_a_size_of_what_is_made_is_read_off_a_variable_that_has_dropped_out():
    where = "X: matrix(n, m); A: matrix(n)"
    s = derive("tr(X[0:2, 1:3]*A[0:2, 0:2])", "X", where=where).second("A")
    H = np.arange(9.0).reshape(3, 3)
    wanted = np.zeros((3, 4))
    wanted[:2, 1:3] = H[:2, :2].T
    np.testing.assert_array_equal(s.compile("numpy", form="action")(np.ones((3, 4)), H), wanted)


INDEFINITE = [  # `N*A*N` of a skew N is -N'*A*N
    ("logdet(P + 3*N*N)", lambda P, N: P + 3 * N @ N),
    ("logdet(P + 3*N*P*N)", lambda P, N: P + 3 * N @ P @ N),
    ("logdet(P - 3*N'*P*N)", lambda P, N: P - 3 * N.T @ P @ N),
    ("logdet(P + 3*N*P*N*N*P*N)", lambda P, N: P + 3 * N @ P @ N @ N @ P @ N),
]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("f", "matrix"), INDEFINITE)
def test_a_square_of_a_skew_matrix_is_not_taken_for_definite(f, matrix, target):
    rng = np.random.default_rng(3)
    a, P = rng.standard_normal((3, 3)), np.eye(3)
    given = matrix(P, a - a.T)
    function = derive(f, "P", where="P: spd matrix(3); N: skew matrix(3)").compile(target)
    np.testing.assert_allclose(function(P, a - a.T)[0], np.linalg.slogdet(given)[1], rtol=1e-10)


def test_a_variable_may_be_called_self():
    d = derive("self'*self", "self", where="self: vector(n)")
    np.testing.assert_array_equal(d.gradient.evaluate(self=[1, 2]), [2, 4])
    np.testing.assert_array_equal(d.evaluate(self=[1, 2]), [2, 4])
    assert d.second().structured(self=[1, 2]).structure == "diagonal"


@pytest.mark.parametrize("library", ["jax", "torch"])
def test_arrays_of_another_library_are_not_stretched(library):
    xp = pytest.importorskip("jax.numpy" if library == "jax" else "torch")
    function = derive("||A*x - b||^2 + c*mean(r)", "x", where=f"{LINEAR}; r: matrix(1, n)").compile(
        library
    )
    given = {k: xp.asarray(np.asarray(a, dtype=np.float32)) for k, a in point().items()}
    given["r"] = xp.asarray(np.ones((1, 3), dtype=np.float32))
    A, x, b, _ = point().values()
    r = A @ x - b
    columns = {**given, "x": given["x"][:, None], "b": given["b"][:, None]}
    for arrays in (given, columns, {**columns, "r": given["r"][0]}):
        value, gradient = function(**arrays)
        assert tuple(value.shape) == () and tuple(gradient.shape) == (3,)
        np.testing.assert_allclose(np.asarray(value), r @ r + 2)
        np.testing.assert_allclose(np.asarray(gradient), 2 * A.T @ r)
    with pytest.raises(EvaluationError, match="is declared"):
        function(**{**given, "b": given["b"][:1]})
    with pytest.raises(EvaluationError, match=r"A is m×n: an array of shape \(4,\)"):
        function(**{**given, "A": given["A"][:, 0]})


def test_a_function_that_compares_shapes_can_be_traced():
    jax = pytest.importorskip("jax")
    function = derive("x'*A*x", "x", where="A: matrix(n)").compile("jax")
    A, xs = np.eye(3, dtype=np.float32), np.arange(6, dtype=np.float32).reshape(2, 3)
    values, gradients = jax.jit(jax.vmap(lambda x: function(A=A, x=x)))(xs)
    np.testing.assert_allclose(values, [5, 50])
    np.testing.assert_allclose(gradients, 2 * xs)


BEYOND = [  # NumPy cuts a slice at the end, and the formula would have another shape
    ("sum(A[3, :])", "A: matrix(n)", {"A": np.ones((3, 3))}),
    ("x[5]*2", "x: vector(n)", {"x": np.ones(3)}),
    ("x[0:5]'*x[0:5]", "x: vector(n)", {"x": np.ones(3)}),
    ("sum(x[n-4:n])", "x: vector(n)", {"x": np.ones(3)}),
    ("sum(X[0:2, 1:5])", "X: matrix(n, m)", {"X": np.ones((3, 3))}),
]


@pytest.mark.parametrize(("f", "where", "given"), BEYOND)
def test_a_part_that_reaches_beyond_an_array_is_refused(f, where, given):
    d = derive(f, *given, where=where)
    with pytest.raises(EvaluationError, match="reaches beyond the shape"):
        d.function.evaluate(**given)
    with pytest.raises(EvaluationError):
        d.gradient.evaluate(**given)
    for target in TARGETS:
        with pytest.raises(IndexError, match="reaches beyond the shape"):
            d.compile(target)(**given)
