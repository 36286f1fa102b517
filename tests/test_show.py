"""Printing: the text reads back as the same expression, LaTeX as written by hand, any depth."""

import re
from fractions import Fraction
from functools import reduce

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from symcalc import SymcalcError, derive, parse, variables
from symcalc.graph import postorder
from symcalc.rulebook import default_rules

ALGEBRA = default_rules().algebra
DECLARED = (
    "a: scalar; b: positive scalar; lambda: scalar; x: vector(n); y_1: vector(n); w: vector(m); "
    "A: matrix(n, m); Sigma: matrix(n, m); B: matrix(m, n); X: matrix(n); S: spd matrix(n); "
    "M: symmetric matrix(m)"
)
VARIABLES = variables(DECLARED)
ONE, NN, NM = (1, 1), ("n", "n"), ("n", "m")
SHAPES = [ONE, NN, NM, ("m", "n"), ("m", "m"), ("n", 1), ("m", 1), (1, "n"), (1, "m")]
NUMBERS = st.one_of(
    st.sampled_from([Fraction(v) for v in ("1", "-1", "2", "-3", "1/2", "-2/3", "0.0001", "7/3")]),
    st.fractions(max_denominator=5000).filter(bool),
)
ENTRYWISE = ("exp", "log", "sqrt", "abs", "tanh", "sigmoid", "relu")


def call(name, *args, dims=()):
    return ALGEBRA.call(name, *args, dims=dims)


# Each builds an expression of shape s; sub(t) draws an argument of shape t, inner a dimension.
ANY = [
    lambda sub, s, inner: sub(s) + sub(s),
    lambda sub, s, inner: sub(s) - sub(s) - sub(s),
    lambda sub, s, inner: -sub(s),
    lambda sub, s, inner: sub(ONE) * sub(s),
    lambda sub, s, inner: sub(s) / sub(ONE),
    lambda sub, s, inner: ALGEBRA.hadamard(sub(s), sub(s)),
    lambda sub, s, inner: ALGEBRA.hadamard_divide(sub(s), sub(s)),
    lambda sub, s, inner: ALGEBRA.entrywise_power(sub(s), sub(ONE)),
    lambda sub, s, inner: sub(s[::-1]).T,
    lambda sub, s, inner: sub((s[0], inner)) @ sub((inner, s[1])),
    lambda sub, s, inner: sub((s[0], 1)) @ sub((1, s[1])),
    *[lambda sub, s, inner, f=f: call(f, sub(s)) for f in ENTRYWISE],
]
SCALAR = [
    lambda sub, s, inner: sub(ONE) ** sub(ONE),
    lambda sub, s, inner: ALGEBRA.frobenius(sub(NM), sub(NM)),
    lambda sub, s, inner: call("sum", call("kron", sub(NM), sub(("n", 1)))),
    lambda sub, s, inner: call("sum", call("vec", sub(NM)).T),
    lambda sub, s, inner: call("logsumexp", sub((inner, 1))),
    *[lambda sub, s, inner, f=f: call(f, sub(NN)) for f in ("tr", "det", "logdet")],
    *[lambda sub, s, inner, f=f: call(f, sub(NM)) for f in ("sum", "norm1", "norm2", "normF")],
]
SQUARE = [
    lambda sub, s, inner: call("inv", sub(s)),
    lambda sub, s, inner: sub(s) ** sub(ONE),
    lambda sub, s, inner: call("diag", sub((s[0], 1))),
    lambda sub, s, inner: call("tril", sub(s)),
    lambda sub, s, inner: call("triu", sub(s)),
    lambda sub, s, inner: call("adj", sub(s)),
]
VECTOR = [
    lambda sub, s, inner: call("diagonal", sub((s[0], s[0]))),
    lambda sub, s, inner: call("sum_rows", sub((s[0], inner))),
    lambda sub, s, inner: call("sum_columns", sub((inner, s[0]))),
    lambda sub, s, inner: call("softmax", sub(s)),
]
RECTANGLE = [
    lambda sub, s, inner: call("pinv", sub(s[::-1])),
    lambda sub, s, inner: call("unvec", call("vec", sub(s)), dims=s),
]


def rules_for(shape):
    rows, cols = shape
    if shape == ONE:
        return ANY + SCALAR
    if cols == 1:
        return ANY + VECTOR
    return ANY + (SQUARE if rows == cols else RECTANGLE if rows != 1 else [])


def leaves(shape):
    found = [v for v in VARIABLES if v.shape == shape]
    if shape == ONE:
        return st.one_of(st.sampled_from(found), NUMBERS.map(ALGEBRA.number))
    constants = [ALGEBRA.ones(shape), ALGEBRA.zeros(shape)]
    if shape[0] == shape[1]:
        constants.append(ALGEBRA.identity(shape[0]))
    return st.sampled_from(found * 3 + constants)


@st.composite
def expressions(draw, shape=None, depth=3):
    shape = shape or draw(st.sampled_from(SHAPES))
    if depth == 0 or draw(st.integers(0, 4)) == 0:
        return draw(leaves(shape))
    build = draw(st.sampled_from(rules_for(shape)))
    inner = draw(st.sampled_from("nm"))
    try:
        return build(lambda s: draw(expressions(s, depth - 1)), shape, inner)
    except SymcalcError:  # a power of two numbers that is too large to compute
        reject()


RELAXED = settings(
    max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)


@RELAXED
@given(expressions())
def test_text_reads_back_as_the_same_expression(e):
    assert parse(str(e), e.where) is e


@pytest.mark.parametrize("text", ["tr(eye(n))*ones(1, n)", "tr(eye(m))*ones(1, n)", "tr(eye(n))"])
def test_an_identity_beside_sizes_that_are_written_reads_back(text):
    e = parse(text)
    assert parse(str(e), e.where) is e


def balanced(text, opening, closing):
    depth = 0
    for sign in text:
        depth += (sign == opening) - (sign == closing)
        if depth < 0:
            return False
    return depth == 0


def check_latex(source):
    assert balanced(source, "{", "}")
    assert source.count("\\left") == source.count("\\right")
    assert not re.search(r"[-+] -|\} [-+]\w|\}\^\{[^{}]*\}\s*\^|_\{[^{}]*_[^{}]*_", source)
    assert "None" not in source


@RELAXED
@given(expressions())
def test_latex_and_pretty_are_well_formed(e):
    check_latex(e.latex())
    assert balanced(e.pretty(), "(", ")")
    assert e.pretty().isprintable()


# expressions of Python whose text must not be read as something else: declarations, builder
NAMES = [
    ("a: scalar; T: scalar", lambda a, T: a**T),
    ("a: scalar; T: scalar", lambda a, T: a ** (-T)),
    ("T: matrix(n); X: matrix(n)", lambda T, X: X.T @ T.T),
    ("a: scalar; b: scalar; c: scalar", lambda a, b, c: (a**b) ** c - a ** (b**c)),
    ("a: scalar; b: scalar; c: scalar", lambda a, b, c: a / (b / c) - a / b / c - a / (b * c)),
    ("a: scalar; x: vector(n)", lambda a, x: 2 * (x.T / a @ x)),
    ("a: scalar; x: vector(n); A: matrix(n)", lambda a, x, A: -(A / a @ x) - a * (A / a @ x)),
    ("e: scalar; E: scalar", lambda e, E: 2 * e + 3 * E - Fraction(1, 10**6) * e),
]


@pytest.mark.parametrize("where, build", NAMES)
def test_built_expression_reads_back(where, build):
    e = build(*variables(where))
    assert parse(str(e), e.where) is e


# formula, variable, declarations: the gradient and the differential read back too
DERIVED = [
    ("||A*X - B||_F^2", "X", None),
    ("logdet(X) + tr(inv(X)*A)", "X", None),
    ("x'*A*x/(x'*x)", "x", None),
    ("sum(log(1 + exp(-y .* (X*w))))", "w", None),
    ("mean(X)", "X", None),
    ("mean(X .* X)", "X", "X: matrix(n, m)"),
    ("tr(X)", "X", None),
    ("tr(kron(A, X))", "X", None),
    ("tr(A*X^3)", "X", None),
    ("norm1(A*x) + sum(x)/n", "x", "x: vector(n)"),
    # declared names win over the functions and constants of the language
    ("tr(X) + I'*I", "X", "I: vector(n); X: matrix(n)"),
    ("mean(x .* x) + n", "x", "n: scalar; x: vector(k)"),
]


@pytest.mark.parametrize("formula, wrt, where", DERIVED)
def test_results_read_back(formula, wrt, where):
    d = derive(formula, wrt, where=where)
    for e in (d.gradient, d.differential):
        assert parse(str(e), e.where) is e


# text, LaTeX; spaces and the brackets around a base are free
LATEX = [
    ("X^-T", r"X^{-\top}"),
    ("inv(X)'", r"X^{-\top}"),
    ("inv(X')", r"\left(X^{\top}\right)^{-1}"),
    ("inv(X)*A'", r"X^{-1} A^{\top}"),
    ("inv(A*B)", r"\left(A B\right)^{-1}"),
    ("pinv(A)", r"A^{+}"),
    ("inv(X)^2", r"\left(X^{-1}\right)^{2}"),
    ("(X')^2", r"\left(X^{\top}\right)^{2}"),
    ("X^-2", r"X^{-2}"),
    ("x'*A*x", r"x^{\top} A x"),
    ("A*(B + C)", r"A \left(B + C\right)"),
    ("A - (B - C)", r"A - \left(B - C\right)"),
    ("||A*X - B||_F^2", r"\left\| A X - B \right\|_F^{2}"),
    ("||x||_1", r"\left\| x \right\|_1"),
    ("sqrt(c)", r"\sqrt{c}"),
    ("sqrt(x'*x)", r"\sqrt{x^{\top} x}"),
    ("a/b", r"\frac{a}{b}"),
    ("-a/b", r"-\frac{a}{b}"),
    ("(a + b)/(c + d)", r"\frac{a + b}{c + d}"),
    ("x/c", r"\frac{x}{c}"),
    ("-x/c", r"-\frac{x}{c}"),
    ("A*x - x/c", r"A x - \frac{x}{c}"),
    ("-3*x/4", r"-\frac{3}{4} x"),
    ("c/2 - 1", r"\frac{c}{2} - 1"),
    ("-c/2", r"-\frac{c}{2}"),
    ("3*c^2/2", r"\frac{3 c^{2}}{2}"),
    ("a*b/2", r"\frac{a b}{2}"),
    ("3*2^c/4", r"\frac{3 \cdot 2^{c}}{4}"),
    ("(a + b)/2", r"\frac{a + b}{2}"),
    ("3*(a + b)/2", r"\frac{3 \left(a + b\right)}{2}"),
    ("(a + b)*(a - 1)/2", r"\frac{\left(a + b\right) \left(a - 1\right)}{2}"),
    ("c*A/2", r"\frac{c}{2} A"),
    ("-c*logdet(A)/2", r"-\frac{c}{2} \log\det\left(A\right)"),
    ("c*x'*x/2", r"\frac{c}{2} x^{\top} x"),
    ("log(c)/2", r"\frac{1}{2} \log\left(c\right)"),
    ("(A + A')/2", r"\frac{1}{2} \left(A + A^{\top}\right)"),
    ("(c/2)^2", r"\left(\frac{c}{2}\right)^{2}"),
    ("exp(-x'*x/2)", r"\exp\left(-\frac{1}{2} x^{\top} x\right)"),
    ("(-2)^c", r"\left(-2\right)^{c}"),
    ("x.^2", r"x^{\circ 2}"),
    ("A .* (B*C)", r"A \odot \left(B C\right)"),
    ("A ./ B", r"A \oslash B"),
    ("kron(A, B)", r"A \otimes B"),
    ("tr(A*B)", r"\operatorname{Tr}\left(A B\right)"),
    ("logdet(S)", r"\log\det\left(S\right)"),
    ("2*I - A", r"2 I - A"),
    ("K(n, m)", r"\operatorname{K}\left(n,m\right)"),
    ("polygamma(2, x)", r"\psi^{(2)}\left(x\right)"),
    ("lambda*theta_1 + pi", r"\lambda \theta_{1} + \pi"),
    ("λ*Σ", r"\lambda \Sigma"),
    ("Sigma^-1", r"\Sigma^{-1}"),
    ("A1 + A_12", r"A_{1} + A_{12}"),
]


def plain(source):
    """Drop the braces around a base, which do not show, and the spaces."""
    source = re.sub(r"\{(\w|\\left.*?\\right\\?.(?:_\w)?)\}(?=\^)", r"\1", source)
    return source.replace(" ", "")


@pytest.mark.parametrize("text, expected", LATEX)
def test_latex(text, expected):
    assert plain(parse(text).latex()) == plain(expected)


def test_latex_of_a_name_with_two_subscripts_compiles():
    check_latex(parse("2*x_1_2_3", "x_1_2_3: scalar").latex())


def _terms(count):
    return " + ".join(f"a_{k}*x_{k}" for k in range(count))


DEEP = {
    "10,000 equal terms": "x'*x" + " + x'*x" * 9999,
    "10,000 terms": _terms(10_000),
    "10,000 differences": "c" + " - c*b" * 10_000,
    "2,000 nested tanh": "tanh(" * 2000 + "x" + ")" * 2000,
    "2,000 brackets": "(" * 2000 + "x" + ")" * 2000,
    "2,000 transposes": "x" + "'" * 2000,
    "2,000 factors": "A*" * 2000 + "A",
    "1,000 factors from the right": "A*(" * 1000 + "A" + ")" * 1000,
    "1,000 sums in sums": "c - (b + " * 1000 + "c" + ")" * 1000,
    "1,000 powers": "c" + "^b" * 1000,
    "1,000 quotients": "c/(" * 1000 + "b" + ")" * 1000,
    "500 norms": "||c*" * 500 + "x" + "||" * 500,
}


@pytest.mark.parametrize("name", DEEP)
def test_deep_expressions_are_read_and_printed(name):
    e = parse(DEEP[name])
    assert parse(str(e), e.where) is e
    check_latex(e.latex())
    assert e.pretty()


def test_a_long_sum_made_in_python_reads_back():
    terms = variables("; ".join(f"x_{k}: scalar" for k in range(5000)))
    e = reduce(lambda total, term: total + term, terms)
    assert parse(str(e), e.where) is e


def test_a_formula_that_is_too_long_to_write_out_is_summarised():
    (e,) = variables("x: vector(n)")
    for _ in range(60):
        e = call("tanh", e + e)
    for shown in (str(e), e.latex(), e.pretty()):
        assert re.fullmatch(r"<a formula of 121 distinct nodes, \d+ written out>", shown)


def test_a_product_of_a_scalar_with_itself_is_shared():
    (e,) = variables("c: scalar")
    for _ in range(12):
        e = e * e
    assert len(postorder([e])) < 100
