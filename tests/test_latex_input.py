"""LaTeX in: the notations that people paste, what they mean, and that their gradients are right."""

import pytest

from symcalc import ParseError, derive, parse

# LaTeX, declarations, what it means
NOTATIONS = [
    (r"\mbox{tr}\left\{ X^T A X^{-1} B\right\}", None, "tr(X'*A*inv(X)*B)"),
    (r"\operatorname{Tr}\left(\mathbf{A}\exp(\mathbf{X})\right)", None, "tr(A*exp(X))"),
    (r"|\mathbf{X}^{T} \mathbf{X}|", None, "det(X'*X)"),
    (r"\log\vert \mathbf{I} + \mathbf{A}\mathbf{S} \vert", None, "log(det(I + A*S))"),
    (r"\|A^T A - I\|_F^2", None, "normF(A'*A - I)^2"),
    (r"\frac12 \left\lVert CA - BC \right\rVert_F^2", None, "normF(C*A - B*C)^2/2"),
    (r"\vert\vert Y - XBX^{\top} \vert\vert_F^2", None, "normF(Y - X*B*X')^2"),
    (r"a^T X^{-T}X^{-1}a", None, "a'*inv(X)'*inv(X)*a"),
    (r"-X^{-2T}", None, "-(X^-2)'"),
    (r"x'(A+tB)^{-1}x", {"t": "scalar"}, "x'*inv(A + t*B)*x"),
    (r"\langle X, AX\rangle", None, "tr(X'*(A*X))"),
    (r"A \circ B", None, "A .* B"),
    (r"W \odot (A-UV')", None, "W .* (A - U*V')"),
    (r"\operatorname{diag}(x)^2 A x", None, "diag(x)^2*A*x"),
    (r"\frac{x^T A x}{x^T x}", None, "x'*A*x/(x'*x)"),
    (r"J(w)=\frac{w^TS_Bw}{w^TS_Ww}", None, "w'*S_B*w/(w'*S_W*w)"),
    (r"\log\det\Sigma", None, "logdet(Sigma)"),
    (r"\frac{1}{2} x^\top A x + b^\top x", None, "x'*A*x/2 + b'*x"),
    (r"\sqrt{x^T x}", None, "sqrt(x'*x)"),
    (r"{\rm tr}(A B)", None, "tr(A*B)"),
    (r"\mathrm{tr} A B", None, "tr(A*B)"),
    (r"\left(X^{\intercal} X\right)^{-1}", None, "inv(X'*X)"),
    (r"\left\| A X - B \right\|_F^{2}", None, "normF(A*X - B)^2"),
    (r"X^{+}", None, "pinv(X)"),
    (r"A \otimes B", None, "kron(A, B)"),
    (r"{X}^{\circ 2}", None, "X .^ 2"),
    (r"\hat{y}^T y", None, "y_hat'*y"),
    (r"f(X) = \operatorname{tr}(X)", None, "tr(X)"),
    (r"\|X\|_*", None, "normnuc(X)"),
    (r"\sigma(X w)", None, "sigmoid(X*w)"),
    (r"\sigma(x + y)", {"sigma": "scalar"}, "sigma*(x + y)"),
    (r"x_1 + x_{2}", {"x_1": "scalar", "x_2": "scalar"}, "x_1 + x_2"),
    (r"\boldsymbol{\mu}^\top \boldsymbol{\Sigma}^{-1} \boldsymbol{\mu}", None, "mu'*inv(Sigma)*mu"),
    (r"\text{Tr}\left[ X X^\top \right]", None, "tr(X*X')"),
    (r"X – Y", None, "X - Y"),
    (r"\lVert x \rVert_2^2 – c", None, "norm2(x)^2 - c"),
]


@pytest.mark.parametrize(("latex", "where", "meaning"), NOTATIONS, ids=[n[0] for n in NOTATIONS])
def test_a_notation(latex, where, meaning):
    e = parse(latex, where)
    assert str(e) == meaning
    assert parse(meaning, e.where) is e


@pytest.mark.parametrize(("latex", "where"), [n[:2] for n in NOTATIONS if n[2][0] in "tnl"])
def test_its_gradient_is_right(latex, where):
    e = parse(latex, where)
    variable = next(v for v in e.variables if v.name in "xXAwW" or v.name == "Sigma")
    d = derive(e, variable)
    assert d.verify().passed


# what is ambiguous or unknown is refused
REFUSED = [
    (r"\log \det X^T X", r"where does the argument of `logdet` end\? write brackets"),
    (r"\sum x", r"below `.sum` stands an index"),
    (r"\frac{x}", r"the formula ends where an argument was expected"),
    (r"\sqrt{x", r"this `{` is never closed"),
    (r"\operatorname{t r+}(X)", r"is not a name"),
    ("{" * 20_000 + "\\alpha", r"groups are nested here"),
]


@pytest.mark.parametrize(("latex", "message"), REFUSED)
def test_it_refuses(latex, message):
    with pytest.raises(ParseError, match=message):
        parse(latex)
