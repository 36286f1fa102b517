"""What is printed as LaTeX is read back as the same expression, whatever it is called."""

import random

import pytest

from symcalc import derive, parse
from tests.fuzz import SHAPES, Generator
from tests.test_conformance import CASES, result
from tests.test_latex import BOOK, CALLED, applied

SEEDS = 300
NAMES = (
    "x x1 x_1 x_1_2 x12 x_12 Sigma Σ sigma psi K I D I_n T t e d dX dX_1 dSigma y_hat y_hat_1 yhat "
    "x_hat_k_plus_1_k loss loss_1 Alpha PI Pi lambda_1 lambda1 X_ij S_B x_star _x x_ x__1 é tr_x "
    "sigma_max K_n_n D_n H A1b AB omicron varphi l x_tilde_2 E P k_plus u_1_T lambda"
).split()
FORMULAS = (
    "{A}*{B}'*{C} + {c}*{A}", "tr(inv({A})*sigmoid({B})*digamma({C}))*{c}",
    "{A}^({c}) + {B}*I + normspec({A})*{C}", "kron({A}, {B})*commutation(n, n)",
    "{A}'*{B}^2*ones(n)*ones(n)'", "lambda_max({A})*abs({c})*abs(abs({c} + 1))*abs({B})",
    "2*{c}^(-{c})*{A} .^ {c}", "inv({A}') + inv({A})' + pinv({B})' + eye(n)",
    "polygamma(2, {A})*sqrt({c})*expm({B}) - zeros(n, n)", "sum({A}, 0)'*{B}*sum({C}, 1)",
    "unvec(vec({A}), n, n) - sum({A})/n*{B}", "exp(-{A}/2 - (3/2)*{B})*det({C})/logdet({A})",
)  # fmt: skip


def reads_back(e):
    return parse(e.latex(), e.where) is e


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_random_expression(seed):
    rng = random.Random(seed)
    e = Generator(rng).build(rng.choice(SHAPES), rng.choice([2, 3, 4, 5]))
    assert reads_back(e), e.latex()


ROWS = [
    name
    for name in CALLED
    if BOOK.spoken.find(name) and BOOK.ops[name].role != "sum" and name != "derivative"
]


@pytest.mark.parametrize("name", ROWS)
def test_every_row(name):
    e = applied(BOOK.ops[name])
    assert reads_back(e), e.latex()


@pytest.mark.parametrize("name", CASES)
def test_every_result_of_the_textbooks(name):
    case = CASES[name]["case"]
    function, found = parse(case["function"], case["where"]), result(CASES[name]["case"])
    assert reads_back(function), function.latex()
    assert reads_back(found), found.latex()


@pytest.mark.parametrize("seed", range(120))
def test_any_names(seed):
    rng = random.Random(seed)
    names = dict(zip("ABCc", rng.sample(NAMES, 4), strict=True))
    where = {names[key]: "matrix(n)" for key in "ABC"} | {names["c"]: "scalar"}
    for formula in FORMULAS:
        e = parse(formula.format(**names), where)
        assert reads_back(e), (where, e.latex())


DEEP = [
    "(" * 5000 + "x'*x" + ")" * 5000,
    "sqrt(1 + " * 1000 + "x'*x" + ")" * 1000,
    "+".join(["a*x'*x"] * 3000),
]


@pytest.mark.parametrize("text", DEEP, ids=range(len(DEEP)))
def test_deep_and_long_formulas(text):
    assert reads_back(parse(text))


def test_second_derivatives():
    s = derive("tr(X^3)", "X").second()
    for e in (s.bilinear, s.action, s.hessian):
        assert reads_back(e), e.latex()


def test_the_printer_keeps_apart_what_looks_alike():
    e = parse("x1'*x_1", "x1: vector(n); x_1: vector(n)")
    assert e.latex() == r"\mathrm{x1}^{\top} \mathrm{x\_1}"
    assert parse("sigmoid(A)*sigma", "A: matrix(n); sigma: scalar").latex() == (
        r"\sigma \operatorname{sigmoid}\left(A\right)"
    )
    assert reads_back(parse("pi*kron(eye(m), diag(v))", "v: vector(n)"))
    for name in ("σ", "ψ"):
        assert reads_back(
            parse(f"sigmoid(A)*digamma({name})*{name}", f"A: matrix(n); {name}: scalar")
        )
    assert (
        parse("K(n, n)*x", "x: vector(n*n)").latex()
        != parse("K*x", "K: matrix(n*n); x: vector(n*n)").latex()
    )
