"""`check`: verdicts on right answers and on the usual slips; counterexamples by differences."""

import json

import numpy as np
import pytest

from symcalc import ParseError, RuleError, ShapeError, Verdict, check, derive, parse, variables
from symcalc.cli import main
from symcalc.judge import directional

LS = "||A*X - B||_F^2"
SYM = "X: symmetric matrix(n)"
ENTRIES = "2*inv(X) - (inv(X) .* I)"

# formula, variable, declarations, answer, verdict
VERDICTS = [
    # right: as it stands, multiplied out, in LaTeX, with other operations
    (LS, "X", "", "2*A'*(A*X - B)", "proven"),
    (LS, "X", "", "2*A'*A*X - 2*A'*B", "proven"),
    (LS, "X", "", "-2*A'*(B - A*X)", "proven"),
    (LS, "X", "", r"2A^\top (A X - B)", "proven"),
    (LS, "X", "", r"2 \mathbf{A}^{\top}\left(\mathbf{A}\mathbf{X} - \mathbf{B}\right)", "proven"),
    ("x'*A*x", "x", "", "A*x + A'*x", "proven"),
    ("tr(X^3)", "X", "", "3*X'^2", "proven"),
    ("logdet(X)", "X", "", "inv(X')", "proven"),
    ("sum(x)/n", "x", "x: vector(n)", "ones(n)/n", "proven"),
    ("tr(X)", "X", "", "I", "proven"),
    ("tr(X)", "Y", "X: matrix(n); Y: matrix(n, m)", "0*Y", "proven"),
    ("det(X)", "X", "", "adj(X)'", "proven"),
    ("det(X)", "X", "", "adj(X)", "transposed"),
    ("sum(sigmoid(x))", "x", "", "exp(x) ./ (1 + exp(x)) .^ 2", "equal"),
    ("sum(relu(x))", "x", "", "sign(x)/2 + 1/2", "equal"),
    ("sum(log(x))", "x", "x: positive vector(n)", "exp(-log(x))", "equal"),
    ("huber_loss(c, b)", "c", "", "min(max(c, -b), b)", "equal"),
    ("huber_loss(c, b)", "c", "", "clip(c, -3*b, b)", "wrong"),  # differs on one piece of three
    ("tr(A*L)", "L", "L: lower matrix(n)", "tril(A')", "proven"),
    # differentials and Jacobians
    ("A*X", "X", "", "A*dX", "proven"),
    (LS, "X", "", "2*tr((A*X - B)'*A*dX)", "proven"),
    ("inv(X)", "X", "", "-inv(X)*dX*inv(X)", "proven"),
    ("inv(X)", "X", "", "inv(X)*dX*inv(X)", "factor"),
    ("X'*X", "X", "", "2*X'*dX", "wrong"),
    ("A*sin(x)", "x", "", "A*diag(cos(x))", "proven"),
    ("A*sin(x)", "x", "", "diag(cos(x))*A'", "transposed"),
    ("A*sin(x)", "x", "", "A*cos(x)", "wrong shape"),
    ("t*A", "t", "t: scalar", "A", "proven"),
    # the other layout
    (LS, "X", "", "2*(A*X - B)'*A", "transposed"),
    ("x'*A*x", "x", "", "x'*(A + A')", "transposed"),
    ("tr(A*X)", "X", "A: matrix(n); X: matrix(n)", "A", "transposed"),
    ("logdet(X)", "X", "", "inv(X)", "transposed"),
    # a constant factor
    (LS, "X", "", "A'*(A*X - B)", "factor"),
    (LS, "X", "", "2*A'*(B - A*X)", "factor"),
    ("tr(X'*S*X)", "X", "S: symmetric matrix(n); X: matrix(n, k)", "X'*S", "factor"),
    ("sum(x)/n", "x", "x: vector(n)", "ones(n)", "factor"),
    ("c*||x||^2", "x", "", "2*x", "factor"),
    # structured variables
    ("logdet(X)", "X", SYM, "inv(X)", "proven"),
    ("logdet(X)", "X", SYM, ENTRIES, "other convention"),
    ("tr(A*X)", "X", SYM, "A'", "unsymmetrised"),
    ("tr(A*X)", "X", SYM, "2*A'", "wrong"),
    ("tr(A*L)", "L", "L: lower matrix(n)", "A'", "unsymmetrised"),
    # wrong
    (LS, "X", "", "2*A'*A*X", "wrong"),
    ("x'*A*x", "x", "", "2*A*x", "wrong"),
    ("x'*A*x", "x", "", "x'*A", "wrong"),
    ("sum(sqrt(x))", "x", "", "1 ./ (2*sqrt(-x))", "wrong"),
    ("tr(X)", "X", "", "0*X", "wrong"),
    ("tr(X)", "Y", "Y: matrix(n, m)", "2*Y", "wrong"),
    ("x'*x", "x", "", "2.000001*x", "wrong"),
    (LS, "X", "", "2*A*(A*X - B)", "wrong shape"),
    (LS, "X", "", "2*A'*(A*X - b)", "wrong shape"),
    ("||x||^2", "x", "", "2", "wrong shape"),
    ("||X||_F^2", "X", "", "X + X'", "wrong shape"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("f", "wrt", "where", "answer", "verdict"), VERDICTS, ids=[f"{v[0]}: {v[3]}" for v in VERDICTS]
)
def test_a_verdict(f, wrt, where, answer, verdict):
    found = check(f, wrt, answer, where or None)
    assert found.verdict == verdict, str(found)
    assert bool(found) == (verdict in ("proven", "equal"))
    text = str(found)
    assert str(found.expected) in text and ("right" in text.splitlines()[0]) == bool(found)


def test_every_verdict_is_met():
    assert {v[4] for v in VERDICTS} == {v.value for v in Verdict}


FACTORS = [
    (LS, "X", "", "A'*(A*X - B)", "1/2", False),
    (LS, "X", "", "-6*A'*(A*X - B)", "-3", False),
    (LS, "X", "", "2*A'*(B - A*X)", "-1", False),
    (LS, "X", "", "(A*X - B)'*A/3", "1/6", True),
    ("mean(X .^ 2)", "X", "X: matrix(n, m)", "2*X/n", "m", False),
    ("sum(x)", "x", "x: vector(n)", "-ones(n)/(2*n)", "-1/(2*n)", False),
    ("c*x'*A*x/2", "x", "A: symmetric matrix(n)", "A*x", "1/c", False),
]


@pytest.mark.parametrize(("f", "wrt", "where", "answer", "factor", "turned"), FACTORS)
def test_a_factor(f, wrt, where, answer, factor, turned):
    found = check(f, wrt, answer, where or None)
    assert (found.verdict, str(found.factor), found.turned) == (Verdict.FACTOR, factor, turned)


@pytest.mark.parametrize("row", [v for v in VERDICTS if v[4] == "wrong"], ids=lambda v: v[3])
def test_a_counterexample_is_one(row):
    """The right value comes from differences of the function, the other from the answer."""
    f, wrt, where, answer, _ = row
    found = check(f, wrt, answer, where or None)
    example = found.counterexample
    assert not np.allclose(example.expected, example.answer, rtol=1e-8)
    d, arrays = found.derivation, dict(example.point)
    assert all(np.max(np.shape(a), initial=0) <= 3 for a in arrays.values())
    by = arrays.pop(f"d{wrt}", np.ones(np.shape(arrays.get(wrt, example.expected))))
    arrays.setdefault(wrt, np.ones_like(by))
    if {v.name for v in d.function.variables} <= set(arrays):
        point = {d.scope[name]: np.asarray(a) for name, a in arrays.items()}
        sizes = {dim: n for v, a in point.items() for dim, n in zip(v.shape, a.shape, strict=False)}
        slope = directional(d.function, point, d.variable, by, sizes)
        got = example.expected if found.kind == "differential" else np.sum(example.expected * by)
        assert np.allclose(got, slope, rtol=1e-6)


MESSAGES = [
    (LS, "X", "", "2*A'*A*X", ["missing: -2*A'*B", "answer - gradient = 2*A'*B", "at A = [["]),
    (LS, "X", "", "2*A'*A*X - A'*B", ["A'*B: coefficient -1, should be -2"]),
    (LS, "X", "", "2*A'*A*X - 2*A'*B + X", ["too many: X"]),
    (LS, "X", "", "2*(A*X - B)'*A", ['check with layout="numerator"']),
    (LS, "X", "", "2*A'*(B - A*X)", ["sign: the answer is minus the gradient"]),
    (LS, "X", "", "2*A*(A*X - B)", ["the gradient is m×p", "m ≠ n", "  2*A*(A*X - B)"]),
    (LS, "X", "", "2*A'*(A*X - b)", ["did you mean `B`?"]),
    ("||x||^2", "x", "", "2", ["the answer is 1×1, the gradient is n×1"]),
    ("A*X", "X", "", "A", ["the Jacobian is n*p×m*p", "write the differential with dX: A*dX"]),
    ("x'*A*x", "x", "", "2*A*x", ["right if A were symmetric", "missing: A'*x"]),
    ("x'*A*x", "x", "", "A*x", ["the derivation starts: d(x'*A*x) = dx'*A*x + x'*A*dx"]),
    ("logdet(X)", "X", SYM, ENTRIES, ["free entries", 'check with symmetric="entries"']),
    ("tr(A*X)", "X", SYM, "A'", ["(A + A')/2", "its projection"]),
    ("sum(sin(2*x))", "x", "", "2*(cos(x).^2 - sin(x).^2)", ["random points"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("f", "wrt", "where", "answer", "wanted"), MESSAGES, ids=[m[3] for m in MESSAGES]
)
def test_a_message(f, wrt, where, answer, wanted):
    text = str(check(f, wrt, answer, where or None))
    assert [part for part in wanted if part not in text] == [], text


def test_a_symmetric_matrix_is_offered_only_where_it_helps():
    assert "symmetric" not in str(check("x'*A*x", "x", "3*A*x"))


def test_conventions_are_those_that_are_asked_for():
    assert check("logdet(X)", "X", ENTRIES, SYM, symmetric="entries")
    found = check("logdet(X)", "X", "inv(X)", SYM, symmetric="entries")
    assert found.verdict is Verdict.CONVENTION
    assert check(LS, "X", "2*(A*X - B)'*A", layout="numerator")
    found = check(LS, "X", "2*A'*(A*X - B)", layout="numerator")
    assert found.verdict is Verdict.TRANSPOSED and 'layout="denominator"' in str(found)
    lower = check("tr(A*L)", "L", "A", "L: lower matrix(n)", layout="numerator")
    assert lower.verdict is Verdict.UNSYMMETRISED


def test_answers_may_be_expressions():
    A, X, B = variables("A: matrix(n, m); X: matrix(m, p); B: matrix(n, p)")
    where = "A: matrix(n, m); X: matrix(m, p); B: matrix(n, p)"
    assert check(LS, "X", 2 * A.T @ (A @ X - B), where)
    assert check(parse(LS), "X", derive(LS, "X").gradient)
    assert check("x'*A*x", "x", parse("(A + A')*x", "A: matrix(k); x: vector(k)"))


REFUSALS = [
    ("tr(X)", "X", "2*(", ParseError, "operand was expected"),
    ("||x||^2", "x", "2*z", ParseError, "uses `z`.*did you mean `x`"),
    ("tr(A*B", "A", "B'", ParseError, "never closed"),
    ("tr(A*B)", "A", "B'", ShapeError, "m ≠ p"),
    ("tr(A^t)", "t", "A", RuleError, "exponent"),
]


@pytest.mark.parametrize(("f", "wrt", "answer", "error", "message"), REFUSALS)
def test_what_is_refused(f, wrt, answer, error, message):
    where = "A: matrix(n, m); B: matrix(p, q)" if error is ShapeError else "t: scalar"
    with pytest.raises(error, match=message):
        check(f, wrt, answer, where)


COMMANDS = [
    (["x'*A*x", "x", "(A + A')*x"], 0, "right"),
    (["sum(-x)", "x", "-ones(n)", "--where", "x: vector(n)"], 0, "right"),
    (["x'*A*x", "x", "2*A*x"], 1, "wrong"),
    (["x'*A*x", "x", "2*A*x", "--where", "A: symmetric matrix(n)"], 0, "right"),
    (["tr(A*X)", "X", "A", "--layout", "numerator"], 0, "right"),
    (["logdet(X)", "X", ENTRIES, "--where", SYM, "--symmetric", "entries"], 0, "right"),
]


@pytest.mark.parametrize(("argv", "status", "word"), COMMANDS)
def test_the_command(argv, status, word, capsys):
    assert main(["check", *argv]) == status
    assert capsys.readouterr().out.startswith(word)


def test_bad_input_of_the_command(capsys):
    assert main(["check", "x'*A*x", "x", "2*("]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("symcalc: ")


@pytest.mark.parametrize("answer", ["2*A'*A*X", "A'*(A*X - B)", "2*A'*(A*X - B)", "A*A"])
def test_json_holds_what_the_check_holds(answer, capsys):
    status = main(["check", LS, "X", answer, "--format", "json"])
    found, wanted = json.loads(capsys.readouterr().out), check(LS, "X", answer)
    assert status == (0 if wanted else 1) and found["right"] is bool(wanted)
    assert (found["verdict"], found["message"]) == (wanted.verdict.value, str(wanted))
    example = found.pop("counterexample")
    assert (example is None) == (wanted.counterexample is None)
    if example:
        assert np.allclose(example["expected"], wanted.counterexample.expected)
    assert set(found) == {
        "verdict", "right", "kind", "expected", "answer", "factor", "difference", "assumptions",
        "message",
    }  # fmt: skip


def test_json_has_no_nan(capsys):
    main(["check", "sum(sqrt(x))", "x", "1 ./ (2*sqrt(-x))", "--format", "json"])
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert found["counterexample"]["answer"] == [None, None]
