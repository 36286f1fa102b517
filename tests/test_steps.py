"""Steps: a chain of equalities in the order of a textbook, and a judge that catches a lie."""

from dataclasses import replace

import pytest

from symcalc import EvaluationError, ParseError, Step, derive, load_rules, parse

POSITIVE = "x: positive vector(n)"
LAYER = "W: matrix(n, m); b: vector(n); x: vector(m); y: vector(n)"
GAUSS = "x: vector(n); mu: vector(n); S: spd matrix(n)"

FUNCTIONS = [  # formula, variable, declarations
    ("||X||_F^2", "X", ""), ("tr(X*X')", "X", ""), ("||A*x - b||^2", "x", "b: vector(n)"),
    ("x'*A*x", "x", ""), ("x'*A*x", "A", ""), ("a'*X*b", "X", "a: vector(n); b: vector(m)"),
    ("tr(A*X*B*X')", "X", ""), ("tr(X^3)", "X", ""), ("log(det(X))", "X", ""), ("det(X)", "X", ""),
    ("logdet(S)", "S", "S: spd matrix(n)"), ("1/(1 + x'*x)", "x", ""), ("||X||_F", "X", ""),
    ("logdet(S)/2 + (x - mu)'*inv(S)*(x - mu)/2", "mu", GAUSS),
    ("logdet(S)/2 + (x - mu)'*inv(S)*(x - mu)/2", "S", GAUSS),
    ("logsumexp(x) - y'*x", "x", ""), ("-y'*log(softmax(x))", "x", ""), ("exp(x'*A*x)", "x", ""),
    ("||M .* (A - U*V')||_F^2", "U", ""), ("sum(tanh(W*x + b))", "W", LAYER),
    ("||sigmoid(W*x + b) - y||^2", "b", LAYER), ("sum(relu(W*x))", "x", LAYER),
    ("sum(log(exp(-y .* (X*w)) + vector(1)))", "w", ""), ("x'*log(x)", "x", POSITIVE),
    ("norm1(A*x - y)", "x", ""), ("||X||_*", "X", "X: matrix(n, m)"), ("normspec(X)", "X", ""),
    ("tr(kron(X, A))", "X", "A: matrix(m)"), ("sum(A ./ X)", "X", "X: positive matrix(n, m)"),
    ("tr(diag(x)*A)", "x", ""), ("a^b", "b", "a: positive scalar"), ("t^2*x'*x", "t", "t: scalar"),
    ("tr(A*X)", "X", "X: symmetric matrix(n)"), ("tr(A*X)", "X", "X: lower matrix(n)"),
    ("A*exp(x)", "x", ""), ("X'*A*X", "X", "A: matrix(n)"), ("A*inv(X)*B", "X", ""),
    ("tr(A*B)", "X", ""), ("sum(tanh(x)) + mean(x .^ 2)", "x", ""),
]  # fmt: skip
SCALAR = [c for c in FUNCTIONS if c[0] not in ("A*exp(x)", "X'*A*X", "A*inv(X)*B", "tr(A*B)")]
NAMES = [f"{f} by {wrt}" for f, wrt, _ in FUNCTIONS]

LAYERS = "tanh(W*" * 80 + "x" + ")" * 80

FOUNDING_TEXT = [
    "normF(X)^2 = tr(X*X')", "tr(dX*X' + X*dX')", "tr(dX*X' + X*dX') = tr(dX*X') + tr(X*dX')",
    "= 2*tr(X*dX')", "2*tr(X*dX') = tr(2*X*dX')", "G = 2*X", "df/dX = 2*X",
]  # fmt: skip
FOUNDING_LATEX = [
    r"{\left\| X \right\|_F}^{2} &= \operatorname{Tr}\left(X X^{\top}\right)",
    r"\operatorname{Tr}\left(\mathrm{d}X X^{\top} + X \mathrm{d}X^{\top}\right)",
    r"\operatorname{Tr}\left(\mathrm{d}X X^{\top}\right) + "
    r"\operatorname{Tr}\left(X \mathrm{d}X^{\top}\right)",
    r"&= 2 \operatorname{Tr}\left(X \mathrm{d}X^{\top}\right)",
    r"&= \operatorname{Tr}\left(2 X \mathrm{d}X^{\top}\right)",
    r"\frac{\partial f}{\partial X} &= 2 X",
]

ROW = """
[tanh2]
args = { A = "m n" }
shape = "m n"
array = "xp.tanh({A})"
source = "a copy of tanh"
"""
SLOPE = "ones(m, n) - tanh2(A) .^ 2"


def in_order(text, parts):
    """Return the parts that do not stand in the text in this order."""
    missing, at = [], 0
    for part in parts:
        found = text.find(part, at)
        at, missing = (found + len(part), missing) if found >= 0 else (at, [*missing, part])
    return missing


def read_off(step):
    return step.relation != "equal"


def follows(step, later):
    """Whether a step starts where the one before it ended, or with the differential of that."""
    start = later.before
    return start is step.after or (start.op.name == "differential" and start.args[0] is step.after)


def broken(d, against="differences"):
    return [c.what for c in d.verify(against=against).comparisons if not c.passed]


# -- the founding example -----------------------------------------------------------------------


@pytest.mark.parametrize("f", ["||X||_F^2", "normF(X)^2"])
def test_the_founding_example_reads_as_in_a_textbook(f):
    d = derive(f, "X")
    assert in_order(d.text(steps=True), FOUNDING_TEXT) == []
    assert in_order(d.latex(steps=True), FOUNDING_LATEX) == []
    assert d.latex(steps=True).startswith("\\begin{aligned}")
    assert d.latex() == r"\frac{\partial f}{\partial X} = 2 X"
    assert in_order(d.pretty(steps=True), ["tr(X·Xᵀ)", "2·tr(X·dXᵀ)", "G = 2·X"]) == []


def test_the_founding_example_as_objects():
    where = "X: matrix(n, m); dX: matrix(n, m)"
    texts = ["tr(dX*X' + X*dX')", "tr(dX*X') + tr(X*dX')", "2*tr(X*dX')", "tr(2*X*dX')", "2*X"]
    steps = derive("||X||_F^2", "X", where="X: matrix(n, m)").steps
    assert [step.after for step in steps[-5:]] == [parse(text, where) for text in texts]
    assert [s.relation for s in steps] == ["equal"] * (len(steps) - 1) + ["inner product"]


# -- every derivation ---------------------------------------------------------------------------


@pytest.mark.parametrize(("f", "wrt", "where"), FUNCTIONS, ids=NAMES)
def test_steps_are_a_chain_of_named_rules(f, wrt, where):
    d = derive(f, wrt, where=where)
    assert d.steps and all(isinstance(step, Step) for step in d.steps)
    assert [s for s in d.steps if not s.rule.strip() or not s.source.strip()] == []
    assert [str(b) for a, b in zip(d.steps, d.steps[1:], strict=False) if not follows(a, b)] == []
    assert [s for s in d.steps if s.before is s.after] == []
    assert d.steps[-1].after is (d.gradient if d.function.is_scalar else d.differential)
    first = d.steps[0].before
    assert d.function in (first, *first.args)
    assert any(map(read_off, d.steps)) == d.function.is_scalar


@pytest.mark.parametrize(("f", "wrt", "where"), FUNCTIONS, ids=NAMES)
def test_every_step_is_checked_by_numbers(f, wrt, where):
    d = derive(f, wrt, where=where)
    done = d.verify()
    for number, step in enumerate(d.steps, 1):
        found = [c for c in done.comparisons if c.what == f"step {number}, {step.rule}"]
        assert len(found) == 2, "once at each of two points"
        assert [c for c in found if not c.passed] == [], str(done)
    assert done.passed, str(done)


@pytest.mark.parametrize(("f", "wrt", "where"), FUNCTIONS, ids=NAMES)
def test_every_step_is_printed_in_order(f, wrt, where):
    d = derive(f, wrt, where=where)
    lines = d.text(steps=True).splitlines()
    assert in_order("\n".join(lines), [s.rule for s in d.steps]) == []
    assert d.latex(steps=True).count(" \\\\\n") == len(d.steps) - 1
    assert all(f"= {s.after.latex()} " in d.latex(steps=True) for s in d.steps)


def test_a_long_chain_of_layers_ends_in_one_step():
    d = derive(f"sum({LAYERS})", "x", where="W: matrix(n)")
    assert len(d.steps) < 80
    assert any("remaining layers" in step.rule for step in d.steps)
    assert d.verify().passed


@pytest.mark.parametrize(("f", "wrt", "where"), FUNCTIONS[:20:4], ids=NAMES[:20:4])
def test_the_steps_of_second_derivatives_are_a_chain_too(f, wrt, where):
    s = derive(f, wrt, where=where).second()
    assert s.steps[-1].after is s.bilinear
    assert [str(b) for a, b in zip(s.steps, s.steps[1:], strict=False) if not follows(a, b)] == []
    assert s.text(steps=True).count("\n      ") == len(s.steps)


# -- a lie is caught ----------------------------------------------------------------------------


@pytest.mark.parametrize(("f", "wrt", "where"), SCALAR, ids=[c[0] for c in SCALAR])
def test_a_wrong_gradient_fails(f, wrt, where):
    d = derive(f, wrt, where=where)
    d.__dict__["gradient"] = d.gradient * parse("1.00001")
    assert not d.verify().passed and "FAILED" in str(d.verify())


@pytest.mark.parametrize("judge", ["differences", "complex-step", "jax", "torch"])
def test_every_judge_catches_a_wrong_gradient(judge):
    if judge in ("jax", "torch"):
        pytest.importorskip(judge, reason=f"{judge} is the judge")
    where = "A: matrix(n); x: vector(n)"
    d = derive("x'*A*x", "x", where=where)
    assert broken(d, judge) == []
    d.__dict__["gradient"] = derive("x'*A'*x + sum(x)/10^5", "x", where=where).gradient
    assert f"{judge} along a direction" in broken(d, judge)


@pytest.mark.parametrize("index", range(6))
def test_a_wrong_step_fails(index):
    d = derive("tr(X*X')", "X")
    step = d.steps[index]
    wrong = replace(step, after=step.after * parse("1.001"))
    d.__dict__["steps"] = (*d.steps[:index], wrong, *d.steps[index + 1 :])
    assert broken(d) == [f"step {index + 1}, {step.rule}"] * 2


@pytest.mark.parametrize("wrt", ["x", "W"])
@pytest.mark.parametrize(
    "body",
    [
        f"2.001*({SLOPE})", f"1.00001*({SLOPE})", f"-({SLOPE})", "ones(m, n) - tanh2(A)",
        "ones(m, n) + tanh2(A) .^ 2",
    ],
)  # fmt: skip
def test_a_wrong_row_fails(body, wrt, tmp_path):
    (tmp_path / "mine.toml").write_text(f'{ROW}derivative = "{body}"\n')
    d = derive("sum(tanh2(W*x))", wrt, where="W: matrix(n, m)", rules=load_rules(tmp_path))
    found = broken(d)
    assert "differences along a direction" in found
    assert any(what.startswith("step ") and "tanh2" in what for what in found)
    assert broken(d, "complex-step")


def test_the_right_row_passes(tmp_path):
    (tmp_path / "mine.toml").write_text(f'{ROW}derivative = "{SLOPE}"\n')
    d = derive("sum(tanh2(W*x))", "x", where="W: matrix(n, m)", rules=load_rules(tmp_path))
    assert broken(d) == broken(d, "complex-step") == []


# -- judges -------------------------------------------------------------------------------------


@pytest.mark.parametrize("against", ["magic", (), ("magic",), ("differences", "magic"), [""]])
def test_an_unknown_judge_is_refused(against):
    with pytest.raises(
        EvaluationError, match="verify against 'differences', 'complex-step', 'jax'"
    ):
        derive("x'*x", "x").verify(against=against)


@pytest.mark.parametrize(
    ("f", "wrt", "where"),
    [
        ("x'*A*x", "x", ""), ("det(X)", "X", ""), ("sum(erf(x))", "x", ""), ("||X||_F", "X", ""),
        ("logsumexp(x)", "x", ""), ("tr(inv(X)*A)", "X", "X: spd matrix(n)"), ("||x||", "x", ""),
        ("sum(softplus(A*x))", "x", ""), ("x'*log(x)", "x", POSITIVE), ("A*exp(x)", "x", ""),
    ],
)  # fmt: skip
def test_the_complex_step_is_exact_where_the_function_is_analytic(f, wrt, where):
    done = derive(f, wrt, where=where).verify(against="complex-step")
    found = [c for c in done.comparisons if c.what.startswith("complex-step")]
    assert len(found) == 6 and max(c.error for c in found) < 1e-12 and done.passed, str(done)


@pytest.mark.parametrize(
    ("f", "wrt", "name"),
    [
        ("norm1(x)", "x", "norm1"), ("sum(abs(x))", "x", "abs"), ("logdet(X)", "X", "logdet"),
        ("sum(relu(x))", "x", "relu"), ("||X||_*", "X", "normnuc"), ("tr(pinv(X)*A)", "X", "pinv"),
        ("sum(gammaln(x))", "x", "gammaln"),
    ],
)  # fmt: skip
def test_the_complex_step_refuses_what_is_not_analytic(f, wrt, name):
    with pytest.raises(EvaluationError, match=f"`{name}` is not analytic: verify against"):
        derive(f, wrt).verify(against=("complex-step",))


def test_steps_of_a_variable_that_does_not_occur():
    d = derive("tr(A*B)", "X", where="X: matrix(n, m)")
    assert "constant" in d.steps[0].rule and str(d.gradient) == "zeros(n, m)"
    with pytest.raises(ParseError, match="not one of"):
        derive("tr(X)", "X", layout="sideways")
