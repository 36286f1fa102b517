"""LaTeX that a real engine accepts: two corpora, derived, as one page; and the structure of each.

The engine is pdflatex where it is installed, else KaTeX (`npm install katex`, found through
`NODE_PATH` or a `node_modules` of the checkout). The structural checks need neither.
"""

import json
import re
import shutil
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import pytest

from symcalc import RuleError, SymcalcError, derive, parse
from symcalc.expr import node
from symcalc.rulebook import default_rules

ROOT = Path(__file__).parents[1]
CORPUS = Path(__file__).parent / "corpus"
FILES = ("cookbook.toml", "wikipedia.toml")
SAMPLE = 40
BOOK = default_rules()
CALLED = [
    name
    for name, op in BOOK.ops.items()
    if not op.column("macro") and op.role not in ("symbol", "number", "dimension")
]
CASES = {
    case["id"]: case
    for name in FILES
    for case in tomllib.loads((CORPUS / name).read_text("utf-8"))["case"]
}


@cache
def derived():
    """Return the cases that derive; what does not is the business of the corpus tests."""
    found = {}
    for name, case in CASES.items():
        try:
            found[name] = derive(case["function"], case["wrt"][0], where=case["where"])
        except SymcalcError:
            continue
    assert len(found) > 0.9 * len(CASES)
    return found


@cache
def formulas():
    """Return (name, LaTeX): each function and result, and the steps of a sample over both files."""
    names = list(derived())
    stride = len(names) / SAMPLE
    sample = {names[int(k * stride)] for k in range(SAMPLE)}
    found = []
    for name, d in derived().items():
        found += [(name, d.function.latex()), (name, d.latex())]
        if name in sample:
            found.append((f"{name}, steps", d.latex(steps=True)))
    return found


# -- structure ----------------------------------------------------------------------------------

TOKEN = re.compile(r"\\(?:left|right)\s*(?:\\[a-zA-Z]+|\\.|.)|\\[a-zA-Z]+|\\.|[{}]", re.DOTALL)
ENVIRONMENT = re.compile(r"\\(begin|end)\{(\w+)\}")
EMPTY_BASE = re.compile(r"(?:^|[=+(,&\s-])\{\s*\}\s*[\^_]|(?:^|[=+(,&{])\s*[\^_]")
EMPTY_ARGUMENT = re.compile(r"[\^_]\{\s*\}|\\(?:frac|sqrt|operatorname|mathrm|text)\{\s*\}")
DOUBLE_SCRIPT = re.compile(r"\^\{[^{}]*\}\s*\^|_\{[^{}]*\}\s*_|\^\w\s*\^")
BARE_NEGATIVE = re.compile(r"(?<=[^=&(,{\s]) -(?=\S)")
LATE_NUMBER = re.compile(r"(?<=[A-Za-z})]) \d")
RAW_UNDERSCORE = re.compile(r"\\(?:operatorname|mathrm)\{[^{}\\]*_")
FOREIGN = re.compile(r"\*\*|\.\*|\./|None|<|\bExpr\b")


def problems(source):
    """Return what is wrong with the structure of a formula."""
    found = [*_unpaired(source)]
    source = source.replace(r"\circ ", "").replace(r"\left\| ", r"\left\|")
    outside = re.sub(r"\\text\{(?:[^{}]|\{[^{}]*\})*\}", "", source)
    for name, pattern in {
        "an empty base": EMPTY_BASE,
        "an empty argument": EMPTY_ARGUMENT,
        "a double script": DOUBLE_SCRIPT,
        "a negative factor without brackets": BARE_NEGATIVE,
        "a number behind a factor": LATE_NUMBER,
        "an underscore in a name": RAW_UNDERSCORE,
        "no LaTeX": FOREIGN,
    }.items():
        match = pattern.search(outside)
        found += (
            [f"{name}: {outside[max(0, match.start() - 20) : match.end() + 20]}"] if match else []
        )
    if not source.isascii():
        found.append(f"no LaTeX: {[sign for sign in source if not sign.isascii()]}")
    return found


def _unpaired(source):
    """Check braces, `\\left` and `\\right`, and environments, all nested in one another."""
    closing = {"}": "{", "right": "left", "end": "begin"}
    spans = [(m.start(), m[1], m[2]) for m in ENVIRONMENT.finditer(source)]
    rest = ENVIRONMENT.sub(lambda m: " " * len(m[0]), source)
    for match in TOKEN.finditer(rest):
        token = match[0]
        kind = next((k for k in ("left", "right") if re.match(rf"\\{k}(?![a-zA-Z])", token)), token)
        if kind in ("{", "}", "left", "right"):
            spans.append((match.start(), kind, ""))
    stack = []
    for _, kind, name in sorted(spans):
        if kind not in closing:
            stack.append((kind, name))
        elif not stack or stack.pop() != (closing[kind], name):
            return [f"{kind} {name} closes nothing"]
    return [f"{kind} {name} is not closed" for kind, name in stack]


BROKEN = [
    ("{x", "{  is not closed"),
    ("x}", "}  closes nothing"),
    (r"\left(x", "left  is not closed"),
    (r"x\right)", "right  closes nothing"),
    (r"\left({x\right)}", "closes nothing"),
    (r"\begin{aligned} x", "begin aligned is not closed"),
    (r"\begin{aligned} x \end{matrix}", "end matrix closes nothing"),
    (r"\text{a {b}", "not closed"),
    (r"{}^{\top}", "an empty base"),
    (r"x + {}^{-1}", "an empty base"),
    (r"^{-1}", "an empty base"),
    (r"x^{}", "an empty argument"),
    (r"\frac{}{2}", "an empty argument"),
    (r"x^{2}^{3}", "a double script"),
    (r"x^2^3", "a double script"),
    (r"\frac{1}{c} -A", "a negative factor without brackets"),
    (r"\frac{1}{c} 2 A", "a number behind a factor"),
    (r"\operatorname{a_b}\left(x\right)", "an underscore in a name"),
    ("A .* B", "no LaTeX"),
    (r"\text{π}", "no LaTeX"),
]
SOUND = [
    r"a &= -b - c",
    r"\left(-a\right)",
    r"\frac{-1}{2}",
    r"\operatorname{a\_b}\left(x, -2\right)",
    r"\left\{x\right\}",
    r"\left\| x \right\|_{2}^{2}",
    r"{x}^{2}",
    r"A^{-\top}",
    r"{{x}^{2}}^{3}",
]


@pytest.mark.parametrize(("source", "message"), BROKEN)
def test_the_structural_check_can_fail(source, message):
    assert any(message in text for text in problems(source)), problems(source)


@pytest.mark.parametrize("source", SOUND)
def test_the_structural_check_can_pass(source):
    assert problems(source) == []


@pytest.mark.parametrize("name", CASES)
def test_the_structure_of_every_result_and_every_step(name):
    if name not in derived():
        pytest.skip("this case does not derive; the corpus tests say why")
    d = derived()[name]
    assert problems(d.function.latex()) == []
    assert problems(d.latex()) == [], d.latex()
    assert problems(d.latex(steps=True)) == [], d.latex(steps=True)


FORMS = [
    ("X'", r"X^{\top}"),
    ("inv(X)", "X^{-1}"),
    ("inv(X)'", r"X^{-\top}"),
    ("(A*B)'*C", r"\left(A B\right)^{\top} C"),
    ("(A + B)*C", r"\left(A + B\right) C"),
    ("A .* B", r"A \odot B"),
    ("kron(A, B)", r"A \otimes B"),
    ("||A||_F", r"\left\| A \right\|_F"),
    ("a/b", r"\frac{a}{b}"),
    ("sqrt(a)", r"\sqrt{a}"),
    ("(x'*y)^2", r"{\left(x^{\top} y\right)}^{2}"),
    ("alpha*A_1*Sigma", r"\alpha A_{1} \Sigma"),
    ("exp(x)", r"\exp\left(x\right)"),
]


@pytest.mark.parametrize(("source", "wanted"), FORMS, ids=[source for source, _ in FORMS])
def test_the_usual_forms(source, wanted):
    assert parse(source).latex() == wanted


def applied(op):
    """Return an operation applied to variables that no template mentions."""
    letters = iter(("alpha", "beta", "gamma", "delta"))
    domain = op.column("domain", {})
    domain = domain if isinstance(domain, dict) else {}
    words = {s.name: frozenset({domain.get(s.name)} & {"entrywise"}) for s in op.slots}
    slots = [BOOK.algebra.symbol(next(letters), (s.rows, s.cols), words[s.name]) for s in op.slots]
    return node(op, tuple(slots), (op.rows, op.cols), op.dims or None)


@pytest.mark.parametrize("name", CALLED)
def test_every_operation_shows_all_its_arguments(name):
    e = applied(BOOK.ops[name])
    for letter, arg in zip("αβγδ", e.args, strict=False):
        assert arg.latex() in e.latex() and letter in e.pretty() and arg.name in str(e)
    for size in e.data if BOOK.ops[name].dims and not e.args else ():
        assert str(size) in e.latex() or e.op.role == "identity"
    assert problems(e.latex()) == []


@cache
def operation_steps(name):
    """Return the derivations of an operation by each of its slots that has a rule."""
    e, found = applied(BOOK.ops[name]), []
    for arg in e.args if e.op.column("d") else ():
        try:
            found.append(derive(e, arg).latex(steps=True))
        except RuleError as error:
            reasons = ("constant", "with a number", "is not in the rules")
            assert any(reason in str(error) for reason in reasons)
    return found


@pytest.mark.parametrize("name", CALLED)
def test_the_structure_of_the_steps_of_every_operation(name):
    for source in operation_steps(name):
        assert problems(source) == [], source


SIGNS = [
    "-A/c",
    "(-A)/c",
    "2*A/c",
    "A*(-2*B/c)",
    "A*(-B)",
    "A .* (-B)",
    "kron(A, -B)",
    "-A*c/(x'*x)",
]


@pytest.mark.parametrize("source", SIGNS)
def test_signs_and_numbers_keep_their_place(source):
    assert problems(parse(source).latex()) == []
    d = derive(f"normF({source})", "A")
    assert problems(d.latex()) == [] and problems(d.latex(steps=True)) == []


def test_the_name_of_a_rule_is_text():
    steps = derive("tr(inv(X))", "X").latex(steps=True)
    assert r"\text{d(inv(A)) = -inv(A)*dA*inv(A)}" in steps


# -- a real engine ------------------------------------------------------------------------------

KATEX = """
const katex = require("katex");
const page = JSON.parse(require("fs").readFileSync(0, "utf8"));
const problems = [];
for (const [name, source] of page) {
  try {
    katex.renderToString(source, { throwOnError: true, displayMode: true, strict: "error" });
  } catch (error) {
    problems.push(name + ": " + error.message);
  }
}
console.log(JSON.stringify(problems));
"""
PAGE = r"""\documentclass{article}
\usepackage[a2paper,landscape]{geometry}
\usepackage{amsmath,amssymb}
\begin{document}
%s
\end{document}
"""


def run_node(script, text=""):
    return subprocess.run(
        ["node", "-e", script], input=text, capture_output=True, text=True, cwd=ROOT, timeout=300
    )


@cache
def engine():
    if shutil.which("pdflatex"):
        return "pdflatex"
    if shutil.which("node") and run_node('require("katex")').returncode == 0:
        return "katex"
    return ""


def compiled(page, folder):
    """Return the problems that the engine has with a page of formulas."""
    if engine() == "katex":
        done = run_node(KATEX, json.dumps(page))
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    body = "\n".join(f"\\noindent {name.replace('_', '-')}\n\\[{text}\\]" for name, text in page)
    (folder / "page.tex").write_text(PAGE % body, "utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-file-line-error", "page.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=300)
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    return [line for line in lines if line.startswith(("./page.tex:", "!"))]


needs_engine = pytest.mark.skipif(
    not engine(), reason="neither pdflatex nor KaTeX (npm install katex, NODE_PATH) is installed"
)


@needs_engine
def test_one_page_of_all_results_compiles(tmp_path):
    page = formulas()
    assert len(page) > 400 and sum("steps" in name for name, _ in page) == SAMPLE
    assert compiled(page, tmp_path) == []


@needs_engine
def test_one_page_of_all_operations_compiles(tmp_path):
    page = [(name, applied(BOOK.ops[name]).latex()) for name in CALLED]
    page += [(name, source) for name in CALLED for source in operation_steps(name)]
    assert compiled(page, tmp_path) == []


@needs_engine
@pytest.mark.parametrize("source", [r"x^{2}^{3}", r"\frac{1}{2", r"\zorro{x}", r"\left(x"])
def test_the_engine_can_fail(source, tmp_path):
    assert compiled([("planted", source)], tmp_path)
