"""Bad input: each mistake gets one clear message, quickly, and no exception of another kind."""

import re
import signal

import numpy as np
import pytest

from symcalc import EvaluationError, Expr, SymcalcError, derive, parse, variables
from symcalc.cli import main
from symcalc.shape import shape_text

N = 100_000
SECONDS = 10
SPLIT = "A: matrix(n, m); B: matrix(p, q)"

# formula, variable, declarations, what the message says
BAD = [
    # brackets
    ("(x", "x", None, r"this `\(` is never closed"),
    ("x)", "x", None, r"this `\)` closes nothing"),
    ("||x", "x", None, r"this `\|\|` is never closed"),
    ("|x", "x", None, r"this `\|` is never closed"),
    ("||x|", "x", None, r"never closed|an operand was expected"),
    ("<x, y", "x", None, r"this `<` is never closed"),
    ("x > y", "x", None, r"this `>` closes nothing"),
    ("<x>", "x", None, r"`<A, B>` takes two operands"),
    ("<x, y, x>", "x", None, r"`<A, B>` takes two operands"),
    ("x]", "x", None, r"this `\]` closes nothing"),
    ("(x]", "x", None, r"`\]` does not close `\(`"),
    ("sum(x]", "x", None, r"`\]` does not close `sum\(`"),
    ("sum(x", "x", None, r"this `sum\(` is never closed"),
    ("{x", "x", None, r"this `\{` is never closed"),
    ("{x)", "x", None, r"`\)` does not close `\{`"),
    ("(x}", "x", None, r"`\}` does not close `\(`"),
    ("sum(x}", "x", None, r"`\}` does not close `sum\(`"),
    ("()", "x", None, r"an operand was expected before `\)`"),
    # nothing, and operators without operands
    ("", "x", None, r"the formula is empty"),
    (" \n\t ", "x", None, r"the formula is empty"),
    ("*x", "x", None, r"an operand was expected before `\*`"),
    ("x^^2", "x", None, r"an operand was expected before `\^`"),
    ("A**", "A", None, r"the formula ends where an operand was expected"),
    ("x +", "x", None, r"the formula ends where an operand was expected"),
    ("x 2", "x", None, r"an operator was expected before this number"),
    ("1.2.3", "x", None, r"an operator was expected before this number"),
    ("'x'", "x", None, r"an operand was expected before the transpose mark"),
    # signs that are not of the language
    ("x = y", "x", None, r"`=` is not a sign of the language"),
    ("x % 2", "x", None, r"`%` is not a sign of the language"),
    ("x; y", "x", None, r"`;` stands outside of a call"),
    ("x, y", "x", None, r"`,` stands outside of a call"),
    ("😀'*x", "x", None, r"`😀` is not a sign of the language"),
    ("x'*x\0", "x", None, r"`'\\x00'` is not a sign of the language"),
    ("\x1b[31mx", "x", None, r"`'\\x1b'` is not a sign of the language"),
    ("\u202ex", "x", None, r"`'\\u202e'` is not a sign of the language"),
    ("x\u200b", "x", None, r"`'\\u200b'` is not a sign of the language"),
    ("os.system(x)", "x", None, r"unknown function `system`"),
    ("x.__class__", "x", None, r"`\.` is not a sign of the language"),
    # Python is not run
    ("__import__('os')", "x", None, r"an operand was expected before|unknown function"),
    ("__import__(x)", "x", None, r"unknown function `__import__`"),
    ("lambda x: 0", "x", None, r"`:` needs equal shapes: `lambda\*x` is n×1, `0` is 1×1"),
    ("lambda: print(0)", "x", None, r"unknown function `print`"),
    # names
    ("trce(X)", "X", None, r"unknown function `trce`: did you mean `trace`\?"),
    ("logdett(X)", "X", None, r"unknown function `logdett`: did you mean `logdet`\?"),
    ("sinx", "x", None, r"unknown name `sinx`: did you mean `sin`\?"),
    ("tr(HX)", "X", "H: matrix(n); X: matrix(n)", r"`HX`: did you mean `H\*X`\?"),
    ("foo(x)", "x", None, r"unknown function `foo`: declare it"),
    ("²", "x", None, r"an operand was expected before the superscript"),
    ("tr(A)", "A", "tr: scalar", r"`tr` is an operation and cannot be declared"),
    ("x + exp", "x", None, r"`exp` is a function: write `exp\(\.\.\.\)`"),
    ("exp x y", "x", None, r"where does the argument of `exp` end\? write brackets"),
    ("||x||_{foo}", "x", None, r"the norm `_foo` is not known"),
    # calls
    ("sum()", "x", None, r"an operand was expected before `\)`"),
    ("tr(X,)", "X", None, r"an operand was expected before `\)`"),
    ("det(X, X)", "X", None, r"`det` takes 1 argument\(s\).*got 2"),
    ("kron(A)", "A", None, r"`kron` takes 2 argument\(s\).*got 1"),
    ("sum(A, 3)", "A", None, r"`3` is no axis: they are counted from 0"),
    ("eye()", "x", None, r"a size was expected"),
    ("X.foo()", "X", None, r"unknown function `foo`"),
    ("norm(x, 'foo')", "x", None, r"unknown name `foo`"),
    ("np.foo(X)", "X", None, r"unknown function `foo`"),
    ("hypoth(x, y)", "x", None, r"`hypoth` is not a known function"),
    ("foo(x)", "x", None, r'where="foo: entrywise"'),
    ("sum(x > 0)", "x", None, r"entries are not compared; write relu\(x\)"),
    ("x < 0", "x", None, r"this `<` is never closed: entries are not compared"),
    ("x'*x > 0", "x", None, r"this `>` closes nothing: entries are not compared"),
    ("np.einsum('ij,j->i', X, x)", "X", None, r"'ij,j->i' is no part of a formula"),
    ("spd_inverse(X)", "X", None, r"unknown function `spd_inverse`"),
    (
        "X*W + b",
        "X",
        "X: matrix(n, m); W: matrix(m, k); b: vector(k)",
        r"`ones\(n\)\*v'` has the vector v in every row",
    ),
    ("tr[X)", "X", None, r"`\)` does not close `\[`"),
    ("X(1, 2)", "X", None, r"`X` is not a function, its entries are X\[i, j\]"),
    ("X(:, 1)", "X", None, r"a part of a matrix is X\[:, j\], counted from 0"),
    ("||X||_p", "X", None, r"the norm `_p` of a matrix is that of its entries"),
    ("|x|", "x", None, r"write \|\|x\|\| for its norm, abs\(x\) for its entries"),
    ("x'*y = 0", "x", None, r"`=` is not a sign of the language: a formula is one side"),
    (r"\lambda\|\|_p^p", "x", None, r"the mark `p` stands behind a norm with something in it"),
    ("‖x²₂", "x", None, r"the mark `2` stands behind a norm with something in it"),
    ("ones()'*x", "x", None, r"a size was expected"),
    ("ones(n,)", "x", None, r"a size was expected"),
    ("eye", "x", None, r"`eye` is a function"),
    ("eye(n, m)", "x", None, r"`eye` takes the sizes .*got 2"),
    ("K(n)", "x", None, r"`K` takes the sizes .*got 1"),
    ("eye(-1)", "x", None, r"`-1` is not a dimension"),
    ("ones(1.5)", "x", None, r"`1\.5` is not a dimension"),
    ("tr(eye(0))", "x", None, r"a dimension is at least 1"),
    ("sum(ones(0))", "x", None, r"a dimension is at least 1"),
    # shapes: both sides are named
    ("A*B", "A", SPLIT, r"`A\*B`: `A` is n×m, `B` is p×q, m ≠ p"),
    ("A + B", "A", SPLIT, r"`A` is n×m, `B` is p×q, n ≠ p"),
    ("A .* B", "A", SPLIT, r"`\.\*` needs equal shapes: `A` is n×m, `B` is p×q"),
    ("A : B", "A", SPLIT, r"`:` needs equal shapes: `A` is n×m, `B` is p×q"),
    ("A*x", "x", "A: matrix(2, 3); x: vector(2)", r"`A` is 2×3, `x` is 2×1, 3 ≠ 2"),
    ("A + x", "x", None, r"`A` is n×m, `x` is n×1, m ≠ 1"),
    ("x*y", "x", None, r"for two vectors write x'\*y .*x\*y' .*x \.\* y"),
    ("tr(x)", "x", None, r"`tr`: slot A is n×n"),
    ("x^2", "x", None, r"`\^` needs a square matrix, got n×1: write `\.\^`"),
    ("2^A", "A", None, r"takes a scalar exponent, got n×m"),
    ("A/B", "A", None, r"write `\./` for entrywise division or `\*inv\(\.\)`"),
    ("c + A", "A", None, r"ambiguous; write `c\*I` or `c\*ones\(n, m\)`"),
    ("A + 1", "A", None, r"`1` is a scalar and the other term is n×m.*`I` or `ones\(n, m\)`"),
    ("x'*x - A", "A", None, r"write `\(x'\*x\)\*I` or `\(x'\*x\)\*ones\(n, m\)`"),
    # numbers
    ("1/0", "x", None, r"division by zero"),
    ("x'*x/(1 - 1)", "x", None, r"division by zero"),
    ("x ./ 0", "x", None, r"division by zero"),
    ("0^-1", "x", None, r"is not a number of reasonable size|division by zero"),
    ("2^99999", "x", None, r"is not a number of reasonable size"),
    ("1e999999", "x", None, r"this number is too large"),
    ("1e99999999", "x", None, r"this number is too large"),
    ("1e-99999999*c", "c", None, r"this number is too large"),
    ("7" * 5000, "x", None, r"this number is too large"),
    ("9^1000*" * 5 + "x'*x", "x", None, r"too large|reasonable size"),
    ("eye(" + "1" * 5000 + ")", "x", None, r"dimension|too large"),
    # the variable
    ("x'*x", "x + y", None, r"`x \+ y` is not a variable: differentiate by a name"),
    ("x'*x", "x'", None, r"`x'` is not a variable"),
    ("x'*x", "", None, r"`` is not a variable"),
    ("x'*x", "2", None, r"`2` is not a variable"),
    ("x'*x", "pi", None, r"`pi` is not a variable"),
    ("x'*x", "exp", None, r"`exp` is a function|`exp` is not a variable"),
    ("x'*x", "Xyz", None, r"unknown name `Xyz`"),
    ("sum(x)/n", "n", "x: vector(n)", r"`n` is (a dimension|not a variable)"),
    # declarations
    ("x", "x", "x: vectr(n)", r"declaration of x: `vectr\(n\)` is not one; write"),
    ("x", "x", "x: vector", r"write scalar, vector\(n\)"),
    ("x", "x", "x: vector(n, m)", r"write scalar, vector\(n\)"),
    ("x", "x", "x: scalar(n)", r"write scalar, vector\(n\)"),
    ("X", "X", "X: matrix(n, m, p)", r"write scalar, vector\(n\)"),
    ("x", "x", "x: vector(0)", r"a dimension is at least 1"),
    ("x", "x", "x: vector(-1)", r"`-1` is not a dimension"),
    ("x", "x", "x: vector(n n)", r"`n n` is not a dimension"),
    ("x", "x", "x: vector(" + "1" * 5000 + ")", r"dimension|too large"),
    ("X", "X", "X: nice matrix(n)", r"`nice` is no attribute; write"),
    ("X", "X", "X: spd matrix(n, m)", r"a spd matrix is square"),
    ("X", "X", "X: symmetric matrix(2, 3)", r"a symmetric matrix is square"),
    ("x", "x", "x: spd vector(n)", r"a spd matrix is square"),
    ("X", "X", "X: orthonormal matrix(2, 3)", r"orthonormal columns .*, not 2×3"),
    ("c", "c", "c: orthonormal scalar", r"orthonormal columns .*, not 1×1"),
    ("x", "x", "x", r"`x` is not a declaration: write `name: matrix\(n, m\)`"),
    ("x", "x", "1x: scalar", r"`1x` cannot be declared: it is not a name"),
    ("x", "x", "x: a" + " " * N + "q", r"declaration of x"),
    ("number + 1", "x", None, r"unknown name `number`"),
    ("tr(symbol)", "x", None, r"unknown name `symbol`"),
    ("x", "x", "x: vector(n) of x", r"it cannot depend on `x`"),
    ("x", "x", "x: vector(n) of 2*t", r"it cannot depend on `2\*t`: name scalars"),
    ("x", "x", "x: vector(n) of t; t: vector(n)", r"depend on `t`: it must be a plain scalar"),
    # blocks, entries, unspecified functions
    (
        "[A, B; C, D]",
        "A",
        "A: matrix(2); C: matrix(3)",
        r"the sizes n \+ 2 and n \+ 3 do not agree",
    ),
    ("[a, x; x', A]", "x", "A: matrix(2, 3); x: vector(4)", r"`hcat`: slot B is"),
    ("f(x; y)", "x", None, r"`;` stands outside of a call"),
    ("dot(x; y)", "x", None, r"`;` separates the rows of a block matrix"),
    ("X[0]", "X", None, r"`X` is n×m: write `\[i, j\]`, `\[i, :\]` or `\[:, j\]`"),
    ("X[-1, 0]", "X", None, r"`-1` is not a dimension: it is negative"),
    ("x[3]", "x", "x: vector(3)", r"index `3` is outside of 0 to 3 - 1: indices count from 0"),
    ("x[2:2]", "x", None, r"index `2:2` is outside"),
    ("X[0, 1", "X", None, r"this `\[` is never closed"),
    ("x[x]", "x", None, r"the index `x` is a variable: use a number or another name"),
    ("sum(phi)", "x", "phi: entrywise", r"`phi` is a function of one argument: write `phi\(...\)`"),
    ("phi(x, x)", "x", "phi: entrywise", r"`phi` is a function of one argument, got 2"),
    ("sum(phi(x))", "phi", "phi: entrywise", r"`apply` has no differential in slot f"),
    ("sum(sin'(x))", "x", None, r"`sin'`: a prime before the bracket is for declared functions"),
    # size
    ("(" * N + "x" + ")" * N, "x", None, r"more than \d+ brackets are nested here"),
    ("[" * N, "x", None, r"more than \d+ brackets are nested here"),
    ("||" * N, "x", None, r"more than \d+ brackets are nested here"),
    ("sum(" * 80_000, "x", None, r"more than \d+ brackets are nested here"),
    (")" * N, "x", None, r"this `\)` closes nothing"),
    ("x+" * 500_000, "x", None, r"the formula has 1000000 characters; the limit is"),
    ("+" * N, "x", None, r"the formula ends where an operand was expected"),
    ("q" * 399_000, "x", None, r"this name is too large"),
    ("a" + "1" * N + "b", "x", None, r"this name is too large"),
]
IDS = [f"{k}-{f[:20]}-{w[:10]}-{(d or '')[:30]}" for k, (f, w, d, _) in enumerate(BAD)]


@pytest.fixture(autouse=True)
def _alarm():
    """End a test that hangs: no input may keep the engine busy."""

    def stop(number, frame):
        pytest.fail(f"still busy after {SECONDS} seconds", pytrace=False)

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("formula, wrt, where, message", BAD, ids=IDS)
def test_bad_input_is_refused_with_a_message(formula, wrt, where, message):
    with pytest.raises(SymcalcError) as caught:
        derive(formula, wrt, where=where)
    shown = str(caught.value)
    assert re.search(message, shown, re.DOTALL)
    assert len(shown) < 2000


@pytest.mark.parametrize("formula, wrt, where, message", BAD, ids=IDS)
def test_the_command_line_says_it_once(formula, wrt, where, message, capsys):
    declared = [] if where is None else ["--where", where]
    assert main(["derive", formula, wrt, *declared]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("symcalc: ") and err.count("symcalc: ") == 1
    assert "Traceback" not in err
    assert re.search(message, err, re.DOTALL)


def test_a_caret_stands_under_the_place():
    with pytest.raises(SymcalcError, match=r"`%`") as caught:
        parse("x'*A*x + x % 2")
    _, text, caret = str(caught.value).splitlines()
    assert text[caret.index("^")] == "%"


# formula, variable, declarations, of types that are no text
BAD_TYPES = [
    (None, "x", None, r"a formula is text or an expression, not NoneType"),
    (5, "x", None, r"a formula is text or an expression, not int"),
    (b"x'*x", "x", None, r"a formula is text or an expression, not bytes"),
    ("x'*x", None, None, r"`None` is not a variable"),
    ("x'*x", parse("x'*y"), None, r"`x'\*y` is not a variable"),
    ("x'*x", "x", {"x": 5}, r"declaration of x: write it as text"),
    ("x'*x", "x", {"x y": "scalar"}, r"`x y` cannot be declared"),
    ("x'*x", "x", {5: "scalar"}, r"`5` cannot be declared"),
    ("x'*x", "x", 5, r"declarations|where"),
    ("x'*x", "x", ["x: scalar"], r"declarations|where"),
]


@pytest.mark.parametrize("formula, wrt, where, message", BAD_TYPES)
def test_bad_types_are_refused_with_a_message(formula, wrt, where, message):
    with pytest.raises(SymcalcError, match=message):
        derive(formula, wrt, where=where)


# large or odd, but right: formula, variable, declarations, gradient
ODD = [
    ("-" * N + "x'*x", "x", None, "2*x"),
    ("+" * N + "x'*x", "x", None, "2*x"),
    ("x'*x" + " " * 300_000, "x", None, "2*x"),
    ("x'*x" + " + x'*x" * 9999, "x", None, "20000*x"),
    ("(" * 40_000 + "x'*x" + ")" * 40_000, "x", None, "2*x"),
    ("tr(X^1000000)", "X", None, "1000000*(X^999999)'"),
    ("x'*x", " x ", None, "2*x"),
    ("x'*x", "x", ";" * N, "2*x"),
    ("lambda: x'*x", "x", None, "2*lambda*x"),
]


@pytest.mark.parametrize("formula, wrt, where, gradient", ODD, ids=range(len(ODD)))
def test_odd_input_is_answered(formula, wrt, where, gradient):
    assert str(derive(formula, wrt, where=where).gradient) == gradient


def test_the_command_line_takes_a_formula_that_starts_with_a_minus(capsys):
    assert main(["derive", "-x'*x", "x"]) == 0
    assert "-2*x" in capsys.readouterr().out


# what is taken for another name would have the derivative zero
OTHERS = [
    ("||x_1 - x_2||^2", "x", None, "`x` does not occur in this formula: `x_1` is another"),
    ("1ᵀX1", "X", None, "`X` does not occur in this formula: `X1` is another"),
    ("sum(x_1x_2)", "x_1", None, "`x_1` does not occur in this formula: `x_1x_2` is another"),
    ("||x_1 + x_2||^2", "x", "x: vector(2)", r"`x_1` is no entry of `x`: write `x\[0\]`"),
    ("||D(A*x - b)||^2", "x", None, "`x` is used as a dimension here: for a product write"),
    ("x'*K(x, y)*y", "x", None, "`x` is used as a dimension here: for a product write"),
    ("x'*ones(x)", "x", "x: vector(n)", "`x` is declared as a variable and used as a dimension"),
    ("tr(A*X)", parse("X"), None, r"`X` is a matrix\(n, m\), and a matrix\(m, n\) in the formula"),
]


@pytest.mark.parametrize("formula, wrt, where, message", OTHERS)
def test_a_variable_that_is_another_one_is_refused(formula, wrt, where, message):
    f = parse(formula) if isinstance(wrt, Expr) else formula
    with pytest.raises(SymcalcError, match=message):
        derive(f, wrt, where=where)


def test_a_variable_given_as_an_expression_declares_itself():
    (X,) = variables("X: symmetric matrix(3)")
    assert str(derive("tr(A*X)", X).gradient) == "(A + A')/2"
    assert str(derive(r"\frac{1}{2} \|D(x - y)\|^2", "x").gradient) == "D'*D*(x - y)"


# formula, variable that does not occur, declarations, the zero, its shape
ABSENT = [
    ("c", "x", None, "zeros(n)", "n×1"),
    ("x'*x", "c", None, "0", "1×1"),
    ("x'*x", "y", "x: vector(n); y: vector(m)", "zeros(m)", "m×1"),
    ("x'*x", "Y", "x: vector(n); Y: matrix(p, q)", "zeros(p, q)", "p×q"),
    ("x'*x", "Y", "x: vector(n); Y: matrix(2, 3)", "zeros(2, 3)", "2×3"),
    ("2", "X", "X: matrix(n)", "zeros(n, n)", "n×n"),
    ("2", "S", "S: symmetric matrix(n)", "zeros(n, n)", "n×n"),
    ("x'*x - x'*x", "x", None, "zeros(n)", "n×1"),
]


@pytest.mark.parametrize("formula, wrt, where, zero, shape", ABSENT)
def test_a_variable_that_does_not_occur_has_a_zero_gradient(formula, wrt, where, zero, shape):
    gradient = derive(formula, wrt, where=where).gradient
    assert (str(gradient), shape_text(gradient.shape)) == (zero, shape)


def test_the_sizes_of_an_undeclared_variable_are_its_own():
    gradient = derive("x'*x", "Y").gradient
    assert np.array_equal(gradient.evaluate(x=np.ones(3), Y=np.ones((4, 5))), np.zeros((4, 5)))


# what is no number of the machine is an error of symcalc or infinite, not of Python
@pytest.mark.parametrize("text", ["10^400*c", "1e400", "c/10^400/0.5^2000"])
def test_numbers_beyond_the_machine(text):
    e = parse(text, "c: scalar")
    try:
        assert not np.isnan(e.evaluate(c=1.0))
    except EvaluationError as error:
        assert "number" in str(error)
