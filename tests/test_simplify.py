"""Simplification on random expressions: the value stays, the result is final, order plays no part.

A short slice of `make fuzz`, which runs many more.
"""

import numpy as np
import pytest

from symcalc import derive, parse
from symcalc.rulebook import default_rules
from symcalc.simplify import simplify
from tests.fuzz import run

BOOK = default_rules()


@pytest.mark.parametrize("seed", range(8))
def test_random_expressions(seed):
    assert run(count=60, seed=seed) == []


EQUAL = [
    ("expm(t*A)*A", "A*expm(t*A)", "A: matrix(n); t: scalar"),
    ("inv(I + x*A)*A", "A*inv(I + x*A)", "A: matrix(n); x: scalar"),
    ("(I + X^2)^-2*X", "X*inv(I + X^2)*inv(I + X^2)", "X: matrix(n)"),
    ("sqrtm(A)*logm(A)*A^(1/3)", "A^(1/3)*sqrtm(A)*logm(A)", "A: spd matrix(n)"),
    ("x'*(y .* z)", "sum(z .* x .* y)", "x: vector(n); y: vector(n); z: vector(n)"),
    ("x'*(y .* x)", "sum(x .^ 2 .* y)", "x: vector(n); y: vector(n)"),
    ("sum(x .* x)", "x'*x", "x: vector(n)"),
    ("x'*diag(y)*A*z", "(x .* y)'*A*z",
     "A: matrix(n, m); x: vector(n); y: vector(n); z: vector(m)"),
    ("diag(x)*A*y", "x .* (A*y)", "A: matrix(n, m); x: vector(n); y: vector(m)"),
    ("sum(x - sum(x)/n*ones(n))", "0", "x: vector(n)"),
    ("(I - ones(n, n)/n)*(I - ones(n)*ones(n)'/n)", "I - ones(n, n)/n", "x: vector(n)"),
    ("tril(zeros(n, n))", "zeros(n, n)", "x: vector(n)"),
    ("softmax(A, 1)*ones(m)", "ones(n)", "A: matrix(n, m)"),
    ("[A, B]*[x; y]", "A*x + B*y", "A: matrix(n); B: matrix(n, m); x: vector(n); y: vector(m)"),
    ("X[1:3, :][0, 2]", "X[1, 2]", "X: matrix(5, 4)"),
    ("X'[2, 1]", "X[1, 2]", "X: matrix(5, 4)"),
    ("(A .* S)'*x", "-(A .* S)*x",
     "A: skew matrix(n); S: symmetric matrix(n); x: vector(n)"),
    ("sylvester(2*A, 2*B, C)", "sylvester(A, B, C)/2", "A: matrix(n); B: matrix(m)"),
    ("sylvester(-c*A, -c*B, C)", "-sylvester(A, B, C)/c", "A: matrix(n); B: matrix(m); c: scalar"),
    ("sqrt(2)*sqrt(pi)", "sqrt(2*pi)", ""),
    ("sqrt(2)*sqrt(n)*x", "sqrt(2*n)*x", "x: vector(n)"),
    ("c/(sqrt(2)*sqrt(pi)) - c/sqrt(2*pi)", "0", "c: scalar"),
    ("(A .* B)'*x", "(A .* B)*x", "A: skew matrix(n); B: skew matrix(n); x: vector(n)"),
    ("log(1 + normF(x'*y)*normF(x'*y))", "log((x'*y)^2 + 1)", "x: vector(n); y: vector(n)"),
    ("(ones(n) + sqrt(2*ones(n)) .* sqrt(2*ones(n))) .^ (-1/2)", "ones(n)/sqrt(3)", ""),
    ("(x - y) ./ (x .^ 2 .* y) - (x - y) .^ 2 ./ (x .^ 3 .* y)", "(x - y) ./ x .^ 3",
     "x: positive vector(n); y: positive vector(n)"),
    ("x ./ (y .* (ones(n) + x ./ y))", "x ./ (y + x)", "x: vector(n); y: vector(n)"),
    ("(x .* y + x .* z) ./ x", "y + z", "x: vector(n); y: vector(n); z: vector(n)"),
    ("(tr(A) - c)*I*X", "(tr(A) - c)*X", "A: matrix(n); X: matrix(n); c: scalar"),
    ("diag(A + x*y')", "diag(A) + x .* y", "A: matrix(n); x: vector(n); y: vector(n)"),
    ("diag(exp(A))", "exp(diag(A))", "A: matrix(n)"),
    ("S[2:4, 0:2]'", "S[0:2, 2:4]", "S: symmetric matrix(4)"),
    ("[P, B; B', Q]'", "[P, B; B', Q]",
     "P: spd matrix(n); Q: spd matrix(m); B: matrix(n, m)"),
    ("[P, B; B', Q]*[x; y]", "[P*x + B*y; B'*x + Q*y]",
     "P: matrix(n); Q: matrix(m); B: matrix(n, m); x: vector(n); y: vector(m)"),
    ("([A; B]*x + y)[0:n]", "A*x + y[0:n]",
     "A: matrix(n); B: matrix(m, n); x: vector(n); y: vector(n+m)"),
]  # fmt: skip


def test_a_block_off_the_diagonal_of_a_symmetric_matrix_is_not_symmetric():
    difference = parse("S[0:2, 2:4]' - S[0:2, 2:4]", "S: symmetric matrix(4)")
    assert simplify(difference, BOOK).op.role != "zeros"


@pytest.mark.parametrize(("a", "b", "where"), EQUAL, ids=[f"{a} = {b}" for a, b, _ in EQUAL])
def test_two_ways_to_write_a_formula_are_one(a, b, where):
    one, other = (parse(text, where) for text in (a, b))
    assert simplify(one, BOOK) is simplify(other, BOOK)


ROOTS = [
    ("sqrt(2)*sqrt(pi)", "sqrt(2*pi)", ""),
    ("c/sqrt(2*pi*s)", "c/sqrt(2*pi*s)", "c: scalar; s: positive scalar"),
    ("sqrt(2)*c/sqrt(pi)", "c*sqrt(2/pi)", "c: scalar"),
    ("2^(-n/2)*pi^(-n/2)*x", "(2*pi)^(-n/2)*x", "x: vector(n)"),
    ("s^(3/2)/t^(3/2)", "(s/t)^(3/2)", "s: positive scalar; t: positive scalar"),
    ("sqrt(2)*sqrt(c)", "sqrt(2)*sqrt(c)", "c: scalar"),
    ("s^2*t^2", "s^2*t^2", "s: positive scalar; t: positive scalar"),
    ("sqrt(sum(x)/n)", "sqrt(mean(x))", "x: vector(n)"),
]


@pytest.mark.parametrize(("text", "shown", "where"), ROOTS, ids=[text for text, *_ in ROOTS])
def test_roots_of_what_is_positive_are_one_root(text, shown, where):
    once = simplify(parse(text, where), BOOK)
    assert str(once) == shown and simplify(once, BOOK) is once


FINAL = [
    ("exp((exp(y'/8) + x')/8) .* (-(-x' + ones(n)') .* (ones(n)' .* u') + x' + ((u' - u')"
     " + (-u' + ones(n)')))", "x: vector(n); y: vector(n); u: vector(n)"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "where"), FINAL)
def test_what_has_been_simplified_stays(text, where):
    once = simplify(parse(text, where), BOOK)
    assert simplify(once, BOOK) is once


@pytest.mark.parametrize(
    ("written", "like", "short"),
    [
        ("tril(A) + tril(A - B)", "A - B", "tril(2*A - B)"),
        ("A - diag(diag(A)) - diag(diag(A - diag(diag(A))))", "A - diag(diag(A))",
         "A - diag(diag(A))"),
    ],
)  # fmt: skip
def test_gathered_sums_keep_what_they_have_in_common(written, like, short):
    where = "A: matrix(n); B: matrix(n)"
    assert str(simplify(parse(written, where), BOOK, parse(like, where))) == short


def test_blocks_of_two_lengths_in_one_place_are_not_gathered():
    where = {"x": "vector(5)", "y": "vector(3)", "z": "vector(2)"}
    d = derive("y'*x[0:3] + z'*x[0:2]", "x", where=where)
    assert str(d.gradient) == "embed(y, 0, 0, 5, 1) + embed(z, 0, 0, 5, 1)"
    assert d.verify().passed


def test_a_power_of_what_vanishes_vanishes():
    assert str(simplify(parse("1/(1 + sum((x - x) .^ 2))", "x: vector(n)"), BOOK)) == "1"
    assert str(simplify(parse("y .* (x - x) .^ 2", "x: vector(n)"), BOOK)) == "zeros(n)"


FACTORED = [  # what the terms share is what is left of them
    ("(x + y) .* x + (x + y) .* y", "(x + y) .^ 2"),
    ("((x + y) .* x + (x + y) .* y) ./ z - (x + y) ./ z", None),
    ("((x + y) .* x + (x + y) .* y) .* z - u", "(x + y) .^ 2 .* z - u"),
    ("(x - y) .^ 2 .* x - (x - y) .^ 2 .* y", "(x - y) .^ 3"),
]


@pytest.mark.parametrize(("text", "shown"), FACTORED, ids=[text for text, _ in FACTORED])
def test_a_factor_taken_out_meets_itself(text, shown):
    e = parse(text, "x: vector(n); y: vector(n); z: vector(n); u: vector(n)")
    short = simplify(e, BOOK)
    assert shown is None or str(short) == shown
    rng = np.random.default_rng(0)
    point = {v.name: rng.normal(size=4) for v in e.variables}
    kept = {v.name: point[v.name] for v in short.variables}
    np.testing.assert_allclose(short.evaluate(**kept), e.evaluate(**point), rtol=1e-10)
