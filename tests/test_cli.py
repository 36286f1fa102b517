"""The command line: what it prints, and its exit status: 0 done, 1 a check failed, 2 bad input."""

import json
import subprocess
import sys

import pytest

from symcalc import derive
from symcalc.cli import main
from symcalc.rulebook import default_rules

NORM = "||A*X - B||_F^2"
ROW = """
[{name}]
args = {{ A = "m n" }}
shape = "m n"
derivative = "{derivative}"
array = "{array}"
source = "test"
"""
SINH2 = ROW.format(name="sinh2", derivative="2*cosh(2*A)", array="xp.sinh(2*{A})")
WRONG = ROW.format(name="sinh2", derivative="2.001*cosh(2*A)", array="xp.sinh(2*{A})")
RAISES = ROW.format(name="sinh2", derivative="A", array="xp.reshape({A}, (7, 11))")


def run(capsys, *argv):
    """Return the exit status and the two streams of one command."""
    try:
        status = main(argv)
    except SystemExit as end:
        status = end.code
    out, err = capsys.readouterr()
    return status, out, err


def fresh(*argv, **options):
    command = [sys.executable, *argv]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


@pytest.fixture
def rows(tmp_path):
    """A way to make a folder of rules."""

    def make(text):
        (tmp_path / "rows.toml").write_text(text)
        return str(tmp_path)

    return make


DERIVE = [
    (
        ["||X||_F^2", "X"],
        ["f = normF(X)^2", "df/dX = 2*X", "X: matrix(n, m)", "denominator layout"],
    ),
    ([NORM, "X"], ["df/dX = 2*A'*(A*X - B)"]),
    (["A*X", "X"], ["df = A*dX"]),
    (["x'*A*x", "x"], ["df/dx = (A + A')*x", "x: vector(n)"]),
    (["tr(X)", "Y"], ["df/dY = zeros(m, p)"]),
    (["logdet(X)", "X"], ["df/dX = inv(X)'", "X is invertible"]),
    (["logdet(S)", "S", "--where", "S: spd matrix(n)"], ["df/dS = inv(S)", "S: ", "spd"]),
    (
        ["a'*X*b", "X", "--where", "X: matrix(n, m); a: vector(n); b: vector(m)"],
        ["df/dX = a*b'", "a: vector(n)"],
    ),
    (["x'*A*y", "A", "--layout", "numerator"], ["df/dA = y*x'", "the shape of A'"]),
    (["x'*A*y", "A", "--layout", "denominator"], ["df/dA = x*y'", "the shape of A,"]),
    (
        ["x'*S*x", "S", "--where", "S: symmetric matrix(n)"],
        ["df/dS = x*x'", "S: symmetric matrix(n)"],
    ),
    (
        ["x'*S*x", "S", "--where", "S: symmetric matrix(n)", "--symmetric", "entries"],
        ["df/dS = 2*x*x' - diag(x .^ 2)"],
    ),
    (["||X||_F^2", "X", "--steps"], ["2*tr(X*dX')", "d(tr(A)) = tr(dA)", "G = 2*X"]),
    (["||X||_F^2", "X", "--verify"], ["df/dX = 2*X", "verified: ", "seed 0"]),
    (["||X||_F^2", "X", "--format", "latex"], [r"\frac{\partial f}{\partial X} = 2 X"]),
    (["A*X", "X", "--format", "latex"], [r"\mathrm{d}f = A \mathrm{d}X"]),
    (["||X||_F^2", "X", "--format", "latex", "--verify"], ["\n% verified: "]),
    (
        ["||X||_F^2", "X", "--format", "latex", "--steps"],
        [r"\begin{aligned}", r"\end{aligned}", r"\text{", r"\frac{\partial f}{\partial X} &= 2 X"],
    ),
]


@pytest.mark.parametrize(("argv", "wanted"), DERIVE, ids=[" ".join(argv) for argv, _ in DERIVE])
def test_derive_prints(argv, wanted, capsys):
    status, out, err = run(capsys, "derive", *argv)
    assert (status, err) == (0, "")
    assert [text for text in wanted if text not in out] == [], out


def test_plain_output_has_no_steps_and_no_verification(capsys):
    _, out, _ = run(capsys, "derive", "||X||_F^2", "X")
    assert "tr(" not in out and "verified" not in out


@pytest.mark.parametrize("formula", [NORM, "A*X", "x'*A*x*X", "logdet(X)"])
@pytest.mark.parametrize("extra", [(), ("--steps",), ("--verify",), ("--steps", "--verify")])
def test_json_holds_what_the_derivation_holds(formula, extra, capsys):
    status, out, _ = run(capsys, "derive", formula, "X", "--format", "json", *extra)
    found, d = json.loads(out), derive(formula, "X")
    result = d.gradient if d.function.is_scalar else d.differential
    assert status == 0
    assert found.pop("kind") == ("gradient" if d.function.is_scalar else "differential")
    assert [found.pop(k) for k in ("function", "wrt")] == [str(d.function), "X"]
    assert [found.pop(k) for k in ("result", "latex")] == [str(result), result.latex()]
    assert found.pop("shape") == [str(dim) for dim in result.shape]
    assert [found.pop(k) for k in ("layout", "assumptions")] == ["denominator", list(d.assumptions)]
    if "--steps" in extra:
        steps = found.pop("steps")
        assert [s["after"] for s in steps] == [str(s.after) for s in d.steps]
        assert all(set(s) == {"before", "after", "rule", "source"} for s in steps)
        assert all(s["rule"] and s["source"] for s in steps)
    if "--verify" in extra:
        verification = found.pop("verification")
        assert verification["passed"] is True and "verified" in verification["summary"]
    assert found == {}, "fields that no test knows"


def test_rules_of_a_folder_are_used(rows, capsys):
    argv = ("derive", "sum(sinh2(X))", "X", "--verify", "--rules", rows(SINH2))
    status, out, _ = run(capsys, *argv)
    assert status == 0 and "df/dX = 2*cosh(2*X)" in out and "verified" in out


# -- rules list, show, check --------------------------------------------------------------------


def test_rules_list_names_every_operation_with_its_differential(capsys, rows):
    status, out, _ = run(capsys, "rules", "list")
    names = [line.split()[0] for line in out.splitlines()]
    book = default_rules()
    assert status == 0 and names[:-1] == list(book.ops)
    assert out.splitlines()[-1] == f"{len(book.ops)} operations, {len(book.rewrites)} rewrites"
    assert "d(A*B) = dA*B + A*dB" in out and "stands for inv(A)*B" in out
    status, out, _ = run(capsys, "rules", "list", rows(SINH2))
    assert status == 0 and "d(sinh2(A)) = 2*(cosh(2*A) .* dA)" in out and "\nmul " in out


SHOW = [
    (["inv"], ["[inv]", "-inv(A)*H*inv(A)", "xp.linalg.inv({A})", "Magnus & Neudecker"]),
    (["diag"], ["[diag]", "diag(H)"]),
    (["ln"], ["[log]"]),
    (["inverse-of-inverse"], ["[[rewrite]] inverse-of-inverse", "inv(inv(A)) -> A"]),
]


@pytest.mark.parametrize(("argv", "wanted"), SHOW, ids=[argv[0] for argv, _ in SHOW])
def test_rules_show(argv, wanted, capsys):
    status, out, err = run(capsys, "rules", "show", *argv)
    assert (status, err) == (0, "")
    assert [text for text in wanted if text not in out] == [], out


def test_rules_show_of_a_folder(rows, capsys):
    status, out, _ = run(capsys, "rules", "show", "sinh2", "--rules", rows(SINH2))
    assert status == 0 and "2*cosh(2*A)" in out


def test_a_name_that_calls_two_operations_shows_both(capsys):
    assert "[diagonal]" in run(capsys, "rules", "show", "diag")[1]


def test_rules_check_of_the_shipped_rows(capsys):
    status, out, _ = run(capsys, "rules", "check")
    *lines, last = out.splitlines()
    assert status == 0 and last == f"{len(lines)} passed, 0 failed"
    assert all(line.startswith("ok   [") for line in lines) and len(lines) > 200


@pytest.mark.parametrize(
    ("text", "status", "wanted"),
    [
        (SINH2, 0, "0 failed"),
        (WRONG, 1, "FAIL [sinh2] d.A"),
        (SINH2 + WRONG.replace("sinh2", "other"), 1, "FAIL [other] d.A"),
        (RAISES, 1, "FAIL [sinh2]"),
    ],
    ids=["right", "wrong", "one of two", "array code that raises"],
)
def test_rules_check_of_a_folder(text, status, wanted, rows, capsys):
    found, out, _ = run(capsys, "rules", "check", rows(text))
    assert (found, wanted in out) == (status, True), out
    *lines, last = out.splitlines()
    failed = sum(line.startswith("FAIL") for line in lines)
    assert last == f"{len(lines) - failed} passed, {failed} failed"


# -- exit statuses ------------------------------------------------------------------------------


def test_a_verification_that_fails_gives_1(rows, capsys):
    argv = ("derive", "sum(sinh2(X))", "X", "--verify", "--rules", rows(WRONG))
    status, out, _ = run(capsys, *argv)
    assert status == 1 and "FAILED" in out
    status, out, _ = run(capsys, *argv, "--format", "json")
    assert status == 1 and json.loads(out)["verification"]["passed"] is False


BAD = [
    (["derive", "foo(X)", "X"], r"unknown function `foo`"),
    (["derive", "A*", "X"], "^"),
    (["derive", "", "X"], "symcalc: "),
    (["derive", "A*X + B", "X", "--where", "X: matrix(n"], "declaration of X"),
    (["derive", "A*B", "A", "--where", "A: matrix(n, m); B: matrix(p, q)"], "m"),
    (["derive", "tr(X)", "X + Y"], "is not a variable"),
    (["derive", "(" * 100_000 + "X" + ")" * 100_000, "X"], "symcalc: "),
    (["derive", "tr(X)", "X", "--rules", "/missing"], "`/missing` is not a folder"),
    (["derive", "log(-norm2(X))", "X", "--verify"], "no point was found"),
    (["rules", "show", "zorro"], "there is no row `zorro`"),
    (["rules", "check", "/missing"], "`/missing` is not a folder"),
    (["rules", "list", "/missing"], "`/missing` is not a folder"),
]
USAGE = [
    [],
    ["frob"],
    ["derive"],
    ["derive", "tr(X)"],
    ["derive", "tr(X)", "X", "--format", "pdf"],
    ["derive", "tr(X)", "X", "--layout", "zorro"],
    ["derive", "tr(X)", "X", "--symmetric", "zorro"],
    ["rules"],
    ["rules", "show"],
]


@pytest.mark.parametrize(("argv", "message"), BAD, ids=[" ".join(a)[:60] for a, _ in BAD])
def test_bad_input_gives_2_and_one_message(argv, message, capsys):
    status, out, err = run(capsys, *argv)
    assert (status, out) == (2, "")
    assert err.startswith("symcalc: ") and message in err and "Traceback" not in err
    assert len(err) < 1000


@pytest.mark.parametrize("argv", USAGE, ids=map(" ".join, USAGE))
def test_bad_usage_gives_2_and_the_usage(argv, capsys):
    status, out, err = run(capsys, *argv)
    assert (status, out) == (2, "") and err.startswith("usage: symcalc") and "error: " in err


def test_array_code_that_raises_is_no_traceback(rows, capsys):
    argv = ("derive", "sum(sinh2(X))", "X", "--verify", "--rules", rows(RAISES))
    status, _, err = run(capsys, *argv)
    assert status == 2 and err.startswith("symcalc: ") and "sinh2" in err


@pytest.mark.parametrize("argv", [["--help"], ["derive", "--help"], ["rules", "--help"]])
def test_help(argv, capsys):
    status, out, _ = run(capsys, *argv)
    assert status == 0 and out.startswith("usage: symcalc")


# -- the process --------------------------------------------------------------------------------


def test_module_and_statuses_of_the_process(rows, tmp_path):
    done = fresh("-m", "symcalc", "derive", NORM, "X", "--steps", "--verify", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "df/dX = 2*A'*(A*X - B)" in done.stdout and "verified" in done.stdout
    done = fresh("-m", "symcalc", "rules", "check", rows(WRONG))
    assert done.returncode == 1 and "FAIL [sinh2] d.A" in done.stdout
    done = fresh("-m", "symcalc", "derive", "foo(X)", "X")
    assert done.returncode == 2 and "Traceback" not in done.stderr and done.stdout == ""


def test_a_closed_pipe_is_no_error():
    code = "import sys; from symcalc.cli import main; sys.exit(main(['rules', 'list']))"
    shell = f'{sys.executable} -c "{code}" | true; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("encoding", ["ascii", "utf-8", "latin-1"])
def test_output_in_an_encoding_that_has_no_mathematical_signs(encoding):
    env = {"PYTHONIOENCODING": encoding}
    argv = ("-m", "symcalc", "derive", "||X||_F^2", "X", "--steps")
    done = fresh(*argv, env=env, encoding=encoding)
    assert done.returncode == 0 and "df/dX = 2*X" in done.stdout, done.stderr[-300:]


@pytest.mark.parametrize("package", ["sympy", "scipy", "jax", "torch"])
def test_importing_symcalc_does_not_import(package):
    code = "import sys, symcalc; print([m for m in sys.modules if m.split('.')[0] in sys.argv])"
    done = fresh("-c", code, package)
    assert done.stdout.strip() == "[]"


def test_importing_symcalc_imports_numpy_so_the_test_above_can_fail():
    code = "import sys, symcalc; print([m for m in sys.modules if m == sys.argv[1]])"
    assert fresh("-c", code, "numpy").stdout.strip() == "['numpy']"
