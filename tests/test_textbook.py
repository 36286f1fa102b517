"""Results as a textbook prints them, and notations that need no declaration; both with numbers."""

from __future__ import annotations

import pytest

from symcalc import ParseError, ShapeError, derive, parse

Y = "y: vector(n)"
RESULTS = [  # function, variable, declarations, the gradient
    ("norm2(x)^3", "x", None, "3*norm2(x)*x"),
    ("x'*A*x/norm2(x)^3", "x", "A: symmetric matrix(n)",
     "2*A*x/norm2(x)^3 - 3*(x'*A*x)*x/norm2(x)^5"),
    ("x'*y/(norm2(x)*norm2(y))", "x", None, "(y - (x'*y)*x/(x'*x))/(norm2(x)*norm2(y))"),
    ("normF(X)^3/tr(X'*X)", "X", None, "X/normF(X)"),
    ("log(x'*A*x) - log(x'*B*x)", "x", None, "((A + A')/(x'*A*x) - (B + B')/(x'*B*x))*x"),
    ("||A - U*diag(s)*V'||_F^2", "s", "U: matrix(m, k); V: matrix(n, k)",
     "-2*diag(U'*(A - U*diag(s)*V')*V)"),
    ("-y'*log(sigmoid(X*w)) - (1 - y)'*log(1 - sigmoid(X*w))", "w", Y, "X'*(sigmoid(X*w) - y)"),
    ("-y'*log(1 ./ (1 + exp(-X*w))) - (1 - y)'*log(1 - 1 ./ (1 + exp(-X*w)))", "w", Y,
     "X'*(sigmoid(X*w) - y)"),
    ("sum(y .* softplus(-X*w) + (1 - y) .* softplus(X*w))", "w", Y, "X'*(sigmoid(X*w) - y)"),
    ("log(1/(1 + exp(-w'*x)))", "w", None, "sigmoid(-w'*x)*x"),
    ("y*softplus(-w'*x) + (1 - y)*softplus(w'*x)", "w", "y: scalar", "(sigmoid(w'*x) - y)*x"),
    ("sum(log(1 + exp(-A .* X)))", "X", None, "-A .* sigmoid(-A .* X)"),
    ("tr(softmax_rows(X)*A)", "X", None, None),
    (r"\|y - X\beta\|^2", r"\beta", None, "-2*X'*(y - X*beta)"),
    ("||y - X*β||^2", "beta", None, "-2*X'*(y - X*β)"),
    ("||y - X*b||^2 + c*||b||^2", "b", None, "2*(c*b - X'*(y - X*b))"),
    (r"\mathbf{x}^T A \mathbf{x}", r"\mathbf{x}", None, "(A + A')*x"),
    # two powers of one denominator
    ("c*log(a + b) + c/(a + b)", "a", "a: positive scalar; b: positive scalar; c: scalar",
     "c/(a + b) - c/(a + b)^2"),
    ("log(1 + x'*x) + 1/(1 + x'*x)", "x", "x: vector(n)", "2*(x'*x)*x/(1 + x'*x)^2"),
]  # fmt: skip


@pytest.mark.parametrize(("f", "wrt", "where", "wanted"), RESULTS, ids=[r[0] for r in RESULTS])
def test_a_gradient(f, wrt, where, wanted):
    d = derive(f, wrt, where=where)
    assert wanted is None or str(d.gradient) == wanted
    assert d.verify().passed


def test_the_hessian_of_the_cross_entropy():
    f = "-y'*log(sigmoid(X*w)) - (1 - y)'*log(1 - sigmoid(X*w))"
    second = derive(f, "w", where=Y).second()
    assert str(second.hessian) == "X'*diag(sigmoid(X*w) .* (ones(n) - sigmoid(X*w)))*X"
    assert second.verify().passed


def test_a_scalar_that_does_not_fit_is_a_vector_and_the_result_says_so():
    d = derive("||y - X*b||^2 + c*sum(b)", "b")
    assert d.variable.shape == ("m", 1) and parse("c", d.function.where).is_scalar
    assert "`b` is a vector: a scalar does not fit there" in d.assumptions
    with pytest.raises(ShapeError, match="equal shapes"):
        derive("a'*X*b + c*X", "X")
    with pytest.raises(ShapeError, match="equal shapes"):
        derive("||y - X*b||^2", "b", where="b: scalar")


@pytest.mark.parametrize(
    "text", ["-A .* B", "C - A .* B", "-A ./ B + C", "(-A .* B)'", "-(A/c) .* B"]
)
def test_a_sign_before_an_entrywise_product_is_read_back(text):
    e = parse(text)
    assert parse(str(e), e.where) is e and parse(e.latex(), e.where) is e


def test_a_function_that_is_not_known_is_named():
    with pytest.raises(ParseError, match="cosine` is not a known function"):
        parse("1 + cosine(x, y)")
