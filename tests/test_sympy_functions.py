"""SymPy's functions of one variable: rows that are written when a name is first asked for."""

import subprocess
import sys

import numpy as np
import pytest
import sympy

from symcalc import RuleError, SymcalcError, default_rules, derive, load_rules, parse
from symcalc.rulecheck import check_op
from symcalc.sympy_names import function_names

BOOK = default_rules()
UNIVARIATE = [
    ("LambertW", "positive"), ("lambertw", "positive"), ("asinh", ""), ("acosh", "large"),
    ("atanh", "unit"), ("acoth", "large"), ("sec", "unit"), ("csc", "positive"),
    ("cot", "positive"), ("asec", "large"), ("acsc", "large"), ("acot", ""), ("sech", ""),
    ("csch", "positive"), ("coth", "positive"), ("asech", "fraction"), ("acsch", "positive"),
    ("erfc", ""), ("erfi", ""), ("erfinv", "unit"), ("Si", ""), ("Ci", "positive"),
    ("Shi", ""), ("Chi", "positive"), ("Ei", "positive"), ("li", "large"), ("Li", "large"),
    ("fresnels", ""), ("fresnelc", ""), ("airyai", ""), ("airybi", ""), ("airyaiprime", ""),
    ("airybiprime", ""), ("gamma", "positive"), ("factorial", "positive"), ("sinc", ""),
    ("elliptic_k", "unit"), ("elliptic_e", "unit"), ("catalan", "positive"),
]  # fmt: skip
POINTS = {
    "": (-2.3, -0.7, 0.6, 2.9), "positive": (0.45, 1.9), "unit": (-0.8, 0.3), "large": (1.2, 2.7),
    "fraction": (0.2, 0.85),
}  # fmt: skip


@pytest.mark.parametrize(("name", "domain"), UNIVARIATE)
def test_a_function_of_sympy_is_a_row(name, domain):
    (op,) = BOOK.called(name)
    assert (op.column("domain") or "") == domain and op is BOOK.called(op.name)[0]
    checks = check_op(BOOK, op)
    assert {check.what for check in checks} >= {"d.A", "transpose"}
    assert all(check.passed for check in checks), [str(check) for check in checks]


@pytest.mark.parametrize(("name", "domain"), UNIVARIATE)
def test_its_values_are_those_of_sympy(name, domain):
    function = getattr(sympy.functions, function_names()[name])
    got = parse(f"{name}(x)").evaluate(x=np.array(POINTS[domain]))
    wanted = [complex(function(sympy.Float(point, 20)).evalf(20)) for point in POINTS[domain]]
    assert np.allclose(got, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("name", "domain"), [row for row in UNIVARIATE if row[0] != "catalan"])
def test_a_gradient_with_it_is_verified(name, domain):
    made = derive(f"sum({name}(A*x))", "x")
    inner = "2 + x .^ 2" if domain == "large" else "x"
    assert derive(f"sum({name}({inner}))", "x").verify().passed
    assert parse(str(made.gradient), made.gradient.where) is made.gradient


@pytest.mark.parametrize("name", ["zeta", "floor", "ceiling", "frac"])
def test_a_function_without_a_derivative_has_values_only(name):
    assert np.isfinite(parse(f"sum({name}(x))").evaluate(x=np.array([2.5, 3.5])))
    with pytest.raises(RuleError, match=f"SymPy gives no derivative of `{name}`"):
        derive(f"sum({name}(x))", "x")


NOT_UNIVARIATE = [
    ("besselj(x)", "`besselj` of SymPy is no function of one variable"),
    ("conjugate(x)", "`conjugate` of SymPy is no function of one variable"),
    ("fibonacci(x)", "`fibonacci` of SymPy has no code for arrays"),
    ("subfactorial(x)", "`subfactorial` of SymPy has no real values"),
    ("airyia(x)", "unknown function `airyia`: did you mean `airy"),
    ("blah(x)", "unknown function `blah`: declare it"),
    ("LambertW", "unknown name `LambertW`"),
    ("gamma(x) + gamma", "`gamma` is a function and a variable here"),
]


@pytest.mark.parametrize(("text", "match"), NOT_UNIVARIATE)
def test_a_name_that_is_no_function_of_one_variable(text, match):
    with pytest.raises(SymcalcError, match=match):
        parse(text)


LETTERS = [
    ("gamma*(x'*x)", "scale"), ("beta(x'*x)", "scale"), (r"\gamma \cdot (x^\top x)", "scale"),
    ("gamma(x)", "gamma"), ("gamma(a)", "gamma"), ("chi(x'*x)", "scale"), ("E1(a)", "scale"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "name"), LETTERS)
def test_a_letter_is_a_function_only_where_it_can_be_none_else(text, name):
    assert parse(text).op.name == name


def test_a_letter_that_is_declared_or_asked_for_is_a_variable():
    assert parse("gamma(x'*x)", "gamma: scalar").op.name == "scale"
    assert str(derive("gamma(x'*x)", "gamma").gradient) == "x'*x"
    assert "`gamma(.)` is the function, not a product" in derive("gamma(a)", "a").assumptions


def test_rulebooks_share_the_rows_and_their_own_come_first(tmp_path):
    row = (
        'args = { A = "m n" }\nshape = "m n"\n'
        'derivative = "2*asinh(A) ./ sqrt(ones(m, n) + A .^ 2)"\n'
        'array = "xp.arcsinh({A})*xp.arcsinh({A})"\nsource = "test"\n'
    )
    (tmp_path / "rows.toml").write_text(
        f'[asinh_squared]\n{row}[acosh]\nargs = {{ A = "m n" }}\nshape = "m n"\nderivative = "0"\n'
        'array = "0*{A}"\nsource = "test"\n'
    )
    book = load_rules(tmp_path)
    assert book.called("asinh") == BOOK.called("asinh")
    assert parse("asinh(x)", rules=book) is parse("asinh(x)")
    assert all(check.passed for check in check_op(book, book.ops["asinh_squared"]))
    assert derive("sum(acosh(x))", "x", rules=book).gradient.op.name == "zeros"
    assert BOOK.called("acosh") != book.called("acosh")


def test_code_with_a_function_of_sympy_runs():
    function = derive("sum(Si(x) .* LambertW(x))", "x").compile()
    x0, h = np.array([0.5, 1.5]), 1e-6
    value, gradient = function(x=x0)
    slope_ = [(function(x=x0 + h * e)[0] - function(x=x0 - h * e)[0]) / (2 * h) for e in np.eye(2)]
    assert np.isfinite(value) and np.allclose(gradient, slope_, rtol=1e-7)


def test_sympy_is_imported_only_for_its_own():
    code = (
        "import sys, symcalc; symcalc.derive('gamma*sum(exp(A*x))', 'x', where='gamma: scalar')\n"
        "try: symcalc.parse('lambetw(x)')\n"
        "except symcalc.ParseError as error: print(error)\n"
        "print('sympy' in sys.modules); symcalc.parse('erfi(x)'); print('sympy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "did you mean `lambertw`" in done.stdout
    assert done.stdout.splitlines()[-2:] == ["False", "True"]
