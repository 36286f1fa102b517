"""Operations by rows and columns, of eigenvalues, fractional powers, larger and smaller entries."""

import pytest

from symcalc import RuleError, derive, parse

# Formula, variable, declarations, gradient (None: only the value counts).
GRADIENTS = [
    ("sum(logsumexp(X*W, 1)) - tr(Y'*X*W)", "W", None, "X'*(softmax(X*W, 1) - Y)"),
    ("-sum(Y .* log(softmax(X*W, 1)))", "W", None, "X'*(diag(sum(Y, 1))*softmax(X*W, 1) - Y)"),
    ("-y'*log(softmax(W*x))", "W", None, "(sum(y)*softmax(W*x) - y)*x'"),
    ("sum(logsumexp(X, 0))", "X", None, "softmax(X', 1)'"),
    ("tr(A*softmax(X, 1))", "X", None, None),
    ("tr(A*softmax(X, 0))", "X", None, None),
    ("||softmax(Q*K'/sqrt(n), 1)*V||_F^2", "Q", "Q: matrix(m, n); K: matrix(p, n)", None),
    ("sum(softmax(X, 1))", "X", None, "zeros(n, m)"),
    ("sum(max(0, 1 - y .* (X*w)))", "w", None, "-X'*(heaviside(ones(n) - (y .* (X*w))) .* y)"),
    ("sum(max(X, 0) .^ 2)", "X", None, "2*(heaviside(X) .* max(X, zeros(n, m)))"),
    ("sum(min(x, y))", "x", None, "heaviside(y - x)"),
    ("sum(maximum(x, y))", "y", None, "heaviside(y - x)"),
    ("max(X)", "X", None, "argmax(X)"),
    ("max(abs(X))", "X", None, "sign(X) .* argmax(abs(X))"),
    ("min(A*x)", "x", None, None),
    ("sum(eigvals(X))", "X", "X: symmetric matrix(n)", "I"),
    ("tr(X^(1/2))", "X", "X: spd matrix(n)", "X^(-1/2)/2"),
    ("tr(X^p)", "X", "X: spd matrix(n); p: scalar", "p*X^(p - 1)"),
    ("tr(X^k)", "X", None, "k*(X^(k - 1))'"),
    ("logdet(X^(1/3))", "X", "X: spd matrix(n)", "inv(X)/3"),
    ("mean(X)", "X", None, "ones(n, m)/(n*m)"),
    ("sum(mean(X, 0) .^ 2)", "X", None, "2*ones(n)*ones(n)'*X/n^2"),
    ("y'*mean(X, 1)", "X", None, "y*ones(m)'/m"),
]  # fmt: skip
FIRST_ORDER = [
    ("sum(eigvals(X) .^ 3)", "X", "X: symmetric matrix(n)",
     "3*eigvecs(X)*diag(eigvals(X) .^ 2)*eigvecs(X)'"),
    ("sum(log(eigvals(X)))", "X", "X: spd matrix(n)", None),
    ("tr(A*X^(3/2))", "X", "X: spd matrix(n)", None),
    ("tr(A*X^(-1/2))", "X", "X: spd matrix(n)", None),
    ("tr(A*X^k)", "X", "k: scalar", "power_differential(X, k, A)'"),
]  # fmt: skip


def names(cases):
    return [f"{c[0]} by {c[1]}" for c in cases]


@pytest.mark.parametrize(
    ("f", "wrt", "where", "gradient"), [*GRADIENTS, *FIRST_ORDER],
    ids=names([*GRADIENTS, *FIRST_ORDER]),
)  # fmt: skip
def test_a_gradient(f, wrt, where, gradient):
    d = derive(f, wrt, where=where)
    assert gradient is None or str(d.gradient) == gradient
    assert d.verify(), d.verify()
    assert parse(str(d.gradient), d.gradient.where) is d.gradient


@pytest.mark.parametrize(("f", "wrt", "where", "gradient"), GRADIENTS, ids=names(GRADIENTS))
def test_a_second_differential(f, wrt, where, gradient):
    second = derive(f, wrt, where=where).second()
    assert second.verify(), second.verify()


@pytest.mark.parametrize(("f", "wrt", "where", "gradient"), FIRST_ORDER, ids=names(FIRST_ORDER))
def test_a_second_derivative_that_no_rule_gives_is_refused(f, wrt, where, gradient):
    with pytest.raises(RuleError, match=r"is not in the rules|with a number as exponent"):
        _ = derive(f, wrt, where=where).second().action
