"""Every row against numbers, planted errors that must be caught, and what the loader refuses."""

import json
import random
import re
import subprocess
import sys
import tomllib

import pytest

from symcalc import ParseError, RuleError, SymcalcError, derive, functions, load_rules, parse
from symcalc import rows as row_language
from symcalc.arraycode import check_array_template
from symcalc.cli import main
from symcalc.rows import UNEVALUATED
from symcalc.rulebook import LEAVES, Rulebook, _Loader, default_rules, rules_folder
from symcalc.rulecheck import check_op, check_report, check_rewrite
from symcalc.sympy_out import check_sympy_template

BOOK = default_rules()
SEEDS = (0, 1, 2)
CONTENTS = [tomllib.loads(p.read_text("utf-8")) for p in sorted(rules_folder().glob("*.toml"))]
REWRITES = {row["name"]: row for content in CONTENTS for row in content.pop("rewrite", [])}
ROWS = {name: row for content in CONTENTS for name, row in content.items()}
IDENTITY = {"role", "call", "literal", "aliases", "show", "superscript"}


def toml(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def table(head, row):
    return "\n".join([head, *(f"{key} = {toml(value)}" for key, value in row.items()), ""])


def loaded(folder, text, name="bad.toml"):
    (folder / name).write_text(text, encoding="utf-8")
    return load_rules(folder)


def failures(book):
    checks, broken = check_report(book, BOOK)
    return [str(check) for check in checks if not check.passed] + broken, checks


# -- the shipped rows ---------------------------------------------------------------------------


def expected_checks(op):
    """Return what a row must be checked for: each column that has a body and is not refused."""
    if op.role in LEAVES | UNEVALUATED or op.column("macro"):
        return set()
    found = {column for column in ("define", "transpose") if op.column(column) and not op.variadic}
    for column in ("d", "adjoint", "vec", "homogeneous"):
        for slot, body in op.column(column, {}).items():
            if not str(body).startswith("!"):
                found.add(f"{column}.{slot}")
    return found


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("op", BOOK.ops.values(), ids=list(BOOK.ops))
def test_every_column_of_every_operation(op, seed):
    checks = check_op(BOOK, op, seed)
    assert [str(c) for c in checks if not c.passed] == [], f"seed {seed}"
    assert expected_checks(op) <= {c.what for c in checks}, "a column is not checked"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("row", BOOK.rewrites, ids=[row.name for row in BOOK.rewrites])
def test_every_rewrite(row, seed):
    assert check_rewrite(BOOK, row, seed).passed, (seed, check_rewrite(BOOK, row, seed))


@pytest.mark.parametrize("op", BOOK.ops.values(), ids=list(BOOK.ops))
def test_every_template_calls_what_is_allowed(op):
    check_array_template(op.name, op)
    if op.column("sympy"):
        check_sympy_template(op.name, op)


def test_rewrites_are_read_when_their_stage_is_asked_for():
    book = _Loader(Rulebook({})).load(rules_folder())
    assert set(book.unread_rewrites) == set(row_language.STAGES)
    assert sum(len(book.stage(name)) for name in row_language.STAGES) == len(REWRITES)
    assert {row.stage for row in book.stage("lower")} == {"lower"} and not book.unread_rewrites


@pytest.mark.parametrize("name", ROWS)
def test_every_row_names_its_source_and_every_computed_one_has_array_code(name):
    row = ROWS[name]
    assert row["source"].strip()
    assert "array" in row or "macro" in row or row.get("role") in LEAVES | UNEVALUATED


# -- planted errors -----------------------------------------------------------------------------

PLANTED = [
    ("inv", "d.A", "inv(A)*H*inv(A)"),
    ("inv", "d.A", "-inv(A)*inv(A)*H"),
    ("inv", "d.A", "-inv(A)'*H*inv(A)'"),
    ("inv", "d.A", "-2.001/2*inv(A)*H*inv(A)"),
    ("inv", "transpose", "inv(A)"),
    ("inv", "homogeneous.A", 1),
    ("inv", "keeps", ["unit"]),
    ("det", "d.A", "tr(inv(A)*H)"),
    ("det", "d.A", "det(A)*tr(inv(A)'*H)"),
    ("det", "array", "k.logdet({A})"),
    ("logdet", "d.A", "-tr(inv(A)*H)"),
    ("logdet", "d.A", "2.001/2*tr(inv(A)*H)"),
    ("adj", "d.A", "tr(inv(A)*H)*adj(A) - adj(A)*inv(A)*H"),
    ("pinv", "d.A", "-pinv(A)*H*pinv(A)"),
    ("pinv", "d.A", "-pinv(A)*H*pinv(A) + pinv(A)*pinv(A)'*H'*(I - A*pinv(A))"),
    ("mul", "d.A", "B*H"),
    ("mul", "adjoint.A", "G*B"),
    ("mul", "adjoint.B", "2.001/2*A'*G"),
    ("mul", "vec.A", "kron(I, B')"),
    ("mul", "vec.B", "kron(A, I)"),
    ("mul", "transpose", "A'*B'"),
    ("had", "d.A", "H .* A"),
    ("had", "adjoint.A", "G .* A"),
    ("had", "vec.A", "diag(vec(B'))"),
    ("had", "transpose", "A .* B"),
    ("scale", "adjoint.c", "sum(G)*sum(A)"),
    ("div", "d.c", "H*A/c^2"),
    ("ediv", "d.B", "A .* H ./ B .^ 2"),
    ("epow", "d.A", "A .^ (k - 1) .* H"),
    ("transpose", "d.A", "H"),
    ("transpose", "vec.A", "K(n, m)"),
    ("tr", "d.A", "2.001/2*tr(H)"),
    ("tr", "adjoint.A", "G*ones(n, n)"),
    ("tr", "vec.A", "ones(n*n)'"),
    ("kron", "d.A", "kron(B, H)"),
    ("kron", "adjoint.A", "kron_right(B, G)"),
    ("kron", "transpose", "kron(B', A')"),
    ("kron_left", "d.B", "2*kron_left(M, H)"),
    ("sum", "adjoint.A", "2*G*ones(m, n)"),
    ("sum_columns", "vec.A", "kron(ones(m)', I)"),
    ("vec", "adjoint.A", "unvec(G, n, m)'"),
    ("tril", "adjoint.A", "triu(G)"),
    ("tril", "invariant", True),
    ("tril", "keeps", ["symmetric"]),
    ("tril", "gives", ["diagonal"]),
    ("exp", "keeps", ["diagonal"]),
    ("diag", "promotes", {"positive": "unit"}),
    ("commutation", "transpose", "K(m, n)"),
    ("power_differential", "adjoint.E", "power_differential(A, k, G)"),
    ("softmax", "d.x", "softmax(x) .* H"),
    ("softmax", "d.x", "softmax(x) .* H + softmax(x)*(softmax(x)'*H)"),
    ("norm1", "d.A", "sum(H)"),
    ("norm2", "d.A", "tr(A'*H)*norm2(A)"),
    ("tanh", "derivative", "ones(m, n) + tanh(A) .^ 2"),
    ("cos", "derivative", "sin(A)"),
    ("cos", "gives", ["positive"]),
    ("sqrt", "derivative", "A .^ (-1/2)"),
    ("erf", "derivative", "2.001/sqrt(pi)*exp(-A .^ 2)"),
    ("polygamma", "d.A", "polygamma(k, A) .* H"),
]


def copied(name):
    """Return a copy of a shipped row that may stand beside it under another name."""
    return {k: v for k, v in ROWS[name].items() if k not in IDENTITY}


@pytest.mark.parametrize("place", PLANTED, ids=[f"{n}-{c}-{b}" for n, c, b in PLANTED])
def test_planted_error_in_an_operation(place, tmp_path):
    name, where, wrong = place
    column, _, slot = where.partition(".")
    row = copied(name)
    row[column] = {**row.get(column, {}), slot: wrong} if slot else wrong
    try:
        book = loaded(tmp_path, table("[wrong]", row))
    except RuleError as error:
        assert re.match(rf"bad\.toml \[wrong\] {re.escape(where)}", str(error))
        return
    failed, checks = failures(book)
    assert failed, f"not caught; only {[str(c) for c in checks]} were checked"
    what = {"derivative": "d.A", "array": "d.A"}.get(where, where)
    assert any(f" {what}:" in line or column in line for line in failed), failed


@pytest.mark.parametrize("name", sorted({name for name, *_ in PLANTED}))
def test_the_same_row_without_the_error_passes(name, tmp_path):
    failed, checks = failures(loaded(tmp_path, table("[right]", copied(name))))
    assert failed == [] and checks


PLANTED_REWRITES = [
    ("inverse-cancels-right", "rhs", "2.001/2*I"),
    ("inverse-of-product", "rhs", "inv(A)*inv(B)"),
    ("inverse-of-product", "lhs", "inv(B*A)"),
    ("inverse-of-orthogonal", "rhs", "Q"),
    ("inverse-of-orthogonal", "where", {"Q": "matrix(n)"}),
    ("orthonormal-columns", "where", {"Q": "matrix(n, k)"}),
    ("orthonormal-columns", "lhs", "Q*Q'"),
    ("inverse-of-kronecker", "rhs", "kron(inv(B), inv(A))"),
    ("pseudoinverse-of-full-rank", "rhs", "pinv(A)"),
    ("pseudoinverse-of-full-rank", "domain", {"A": "wide"}),
    ("adjugate-of-invertible", "rhs", "inv(A)"),
    ("sylvester-of-multiples", "rhs", "c*sylvester(A, B, C)"),
    ("logdet-of-inverse", "rhs", "logdet(A)"),
    ("log-of-determinant", "rhs", "2.001/2*logdet(A)"),
    ("matrix-determinant-lemma", "rhs", "1 - v'*u"),
    ("squared-frobenius-norm", "rhs", "tr(A*A)"),
    ("squared-frobenius-norm", "rhs", "normF(A)"),
    ("diagonal-times-vector", "rhs", "x .* x"),
    ("trace-of-kronecker", "rhs", "tr(A) + tr(B)"),
    ("kronecker-times-kronecker", "rhs", "kron(B*D, A*C)"),
    ("kronecker-times-vec", "rhs", "vec(B*X'*A')"),
    ("commutation-of-vec", "rhs", "vec(A)"),
    ("transposed-commutation", "lhs", "K(m, n)*K(m, n)"),
    ("kronecker-partial-trace-left", "rhs", "sum(C)*A"),
    ("power-differential-along-identity", "rhs", "A^(k - 1)"),
    ("absolute-value-of-positive", "where", {"A": "matrix(m, n)"}),
    ("sign-of-positive", "rhs", "-ones(m, n)"),
    ("log-of-one-plus-exp", "rhs", "softplus(-a)"),
]


@pytest.mark.parametrize(
    "place", PLANTED_REWRITES, ids=[f"{p[0]}-{p[2]}" for p in PLANTED_REWRITES]
)
def test_planted_error_in_a_rewrite(place, tmp_path):
    name, field, wrong = place
    row = {**REWRITES[name], field: wrong, "name": "wrong"}
    try:
        book = loaded(tmp_path, table("[[rewrite]]", row))
    except RuleError as error:
        assert re.match(r"bad\.toml \[\[rewrite\]\] wrong: ", str(error))
        return
    assert any("wrong]" in line for line in failures(book)[0])


def test_a_row_that_nothing_can_check_is_not_passed_over(tmp_path, capsys):
    good = 'args = { A = "n n" }\narray = "xp.trace({A})"\nd = { A = "tr(H)" }\nsource = "test"\n'
    text = f"[f]\n{good}\n[g]\n{good}".replace('array = "xp.trace({A})"\n', "", 1)
    (tmp_path / "rows.toml").write_text(text)
    assert main(["rules", "check", str(tmp_path)]) != 0, capsys.readouterr().out


def test_a_rewrite_that_never_gets_smaller_is_refused(tmp_path):
    where = {"A": "matrix(m, n)"}
    row = {"name": "loop", "lhs": "tanh(A)", "rhs": "-tanh(-A)", "where": where, "why": "odd"}
    book = loaded(tmp_path, table("[[rewrite]]", row))
    with pytest.raises(RuleError, match="the rewrite `loop` does not come to an end"):
        derive("sum(tanh(X))", "X", rules=book)


# -- order and extension ------------------------------------------------------------------------

FORMULAS = (
    "||A*X - B||_F^2",
    "logdet(X'*X)",
    "tr(inv(X)*A*X'*B)",
    "sum(tanh(A*X) .* (B + X))",
    "tr(kron(X, X)*C)",
    "log(det(X))*tr(X^3)",
    "vec(X)'*A*vec(X)",
    "tr(pinv(X)*A) + norm2(diag(X))",
)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_rows_and_files_never_matters(seed, tmp_path):
    tables = [table(f"[{name}]", row) for name, row in ROWS.items()]
    tables += [table("[[rewrite]]", row) for row in REWRITES.values()]
    random.Random(seed).shuffle(tables)
    for number in range(4):
        (tmp_path / f"{(number * 7) % 5}.toml").write_text("\n".join(tables[number::4]), "utf-8")
    book = _Loader(Rulebook({})).load(tmp_path)
    assert set(book.ops) == set(BOOK.ops) and len(book.rewrites) == len(BOOK.rewrites)
    for f in FORMULAS:
        got, wanted = derive(f, "X", rules=book), derive(f, "X")
        assert (str(got.gradient), got.latex()) == (str(wanted.gradient), wanted.latex()), seed


SINH2 = """
[sinh2]
args = { A = "m n" }
shape = "m n"
derivative = "2*cosh(2*A)"
array = "xp.sinh(2*{A})"
source = "chain rule"
"""


def test_a_user_adds_an_operation_with_one_row(tmp_path, capsys):
    d = derive("sum(sinh2(A*X))", "X", rules=loaded(tmp_path, SINH2, "mine.toml"))
    assert str(d.gradient) == "2*A'*cosh(2*A*X)"
    assert d.verify().passed and any("sinh2" in step.rule for step in d.steps)
    assert main(["rules", "check", str(tmp_path)]) == 0
    assert "ok   [sinh2] d.A" in capsys.readouterr().out
    with pytest.raises(ParseError, match="sinh2"):
        derive("sum(sinh2(X))", "X")


# -- what the loader refuses --------------------------------------------------------------------

ROW = '[f]\nargs = {{ A = "n n" }}\nshape = "n n"\nsource = "test"\n{}\n'
WITH = {
    'colour = "red"': "unknown field `colour`; known are args",
    "array = 3": "array: 3 has the wrong type",
    "shape2 = 1": "unknown field `shape2`",
    'd = { A = "Z9*H" }': r"d\.A: `Z9` is neither a slot nor an operation",
    'd = { A = "foo(H)" }': r"d\.A: unknown function `foo`",
    'd = { A = "H*" }': r"d\.A: [\s\S]*\^",
    'd = { A = "tr(H)" }': r"d\.A: `tr\(H\)` is 1×1, n×n is needed",
    "d = { A = 3 }": r"d.*A",
    "adjoint = { A = 3 }": r"adjoint.*A",
    'd = { A = "H", B = "H" }': "d: there is no slot `B`",
    'adjoint = { B = "G" }': "adjoint: there is no slot `B`",
    'vec = { A = "I", B = "I" }': "vec: there is no slot `B`",
    'vec = { A = "A" }': r"vec\.A: `A` is n×n, n\*n×n\*n is needed|vec\.A: ",
    'transpose = "tr(A)"': "transpose: `tr\\(A\\)` is 1×1",
    'array = "{A}"\nof_matrix = "zorro"': "of_matrix: there is no operation `zorro`",
    'define = "B"': "define: `B` is neither a slot",
    'homogeneous = { B = 1 }\narray = "{A}"': "homogeneous.*B",
    'homogeneous = { A = "x" }\narray = "{A}"': "homogeneous",
    'derivative = "A"\nd = { A = "H" }': "an entrywise function has one slot and no `d`",
    'aliases = ["inv"]': r"the name `inv` already calls \[inv\]",
    'call = "logdet"': r"the name `logdet` already calls \[logdet\]",
    "aliases = [3]": "aliases",
    'role = "inverse"': "role",
    'level = "zorro"': "level.*zorro",
    'text = "f({B})"': "text.*B",
    'latex = "f({A:zorro})"': "latex.*zorro",
    'domain = { A = "invertable" }': "domain.*invertable",
    'domain = { B = "invertible" }': "domain.*B",
    'keeps = ["zorro"]': "keeps.*zorro",
    'gives = ["zorro"]': "gives.*zorro",
    'expand = "os.system"': "expand.*os.system",
    'array = "{B}"': "array: the name `B` is not allowed",
    'array = "{A} +"': "array: `{A} \\+` is not an expression",
}
WHOLE = {
    '[f]\nargs = { A = "n n" }': "source: every row names its source",
    '[f]\nargs = { A = "n n" }\nsource = ""': "source: every row names its source",
    '[f]\nargs = { A = "n n", B = "n n" }\nd = { A = "0" }\nsource = "t"': "slot `B` is missing",
    '[f]\nargs = { H = "n n" }\nsource = "t"': "`H` is reserved",
    '[f]\nargs = { G = "n n" }\nsource = "t"': "`G` is reserved",
    '[f]\nargs = { A = "n" }\nsource = "t"': "two dimensions such as `n m`, not `n`",
    '[f]\nargs = { A = "n ?" }\nsource = "t"': "`\\?` is not a dimension",
    '[f]\nargs = { A = 3 }\nsource = "t"': "args",
    '[f]\nargs = { "a b" = "n n" }\nsource = "t"': "args.*a b",
    '[f]\ndims = ["n m"]\nshape = "2 2"\nsource = "t"': "`n m` is not a name",
    '[f]\nargs = { A = "n 1" }\nmacro = "f(A)"\nsource = "t"': "`f` stands in its own body",
    '[f]\nargs = { A = "n 1" }\nmacro = "foo(A)"\nsource = "t"': "macro: unknown function `foo`",
}
REWRITE = {"name": "f", "lhs": "inv(A)*A", "rhs": "I", "where": {"A": "matrix(n)"}, "why": "test"}
CHANGED = {
    "unbound": ({"rhs": "B"}, "`B` is not declared in where"),
    "undeclared": ({"where": {"B": "matrix(n)"}}, "`A` is not declared in where"),
    "not bound on the left": (
        {"rhs": "B", "where": {"A": "matrix(n)", "B": "matrix(n)"}},
        "the right side uses a name that the left side does not bind",
    ),
    "shapes": ({"rhs": "tr(A)"}, "the sides are n×n and 1×1"),
    "conflict": ({"where": {"A": "matrix(n, m)"}}, "inv"),
    "attribute": ({"where": {"A": "zorro matrix(n)"}}, "`zorro` is no attribute"),
    "field": ({"stages": "x"}, "unknown field `stages`"),
    "type": ({"why": 3}, "why: 3 has the wrong type"),
    "where type": ({"where": {"A": 3}}, "where: .* has the wrong type"),
    "domain name": ({"domain": {"B": "invertible"}}, "domain.*B"),
    "domain word": ({"domain": {"A": "invertable"}}, "domain.*invertable"),
    "stage": ({"stage": "zorro"}, "stage.*zorro"),
    "shipped name": ({"name": "inverse-of-inverse"}, "declared twice"),
}
MISSING = [key for key in REWRITE if key != "name"]
REFUSED = {text: (ROW.format(text), message) for text, message in WITH.items()}
REFUSED |= {text: (text, message) for text, message in WHOLE.items()}
REFUSED |= {
    f"rewrite, {name}": (table("[[rewrite]]", {**REWRITE, **new}), message)
    for name, (new, message) in CHANGED.items()
}
REFUSED |= {
    f"rewrite without {key}": (
        table("[[rewrite]]", {k: v for k, v in REWRITE.items() if k != key}),
        f"the field `{key}` is missing",
    )
    for key in MISSING
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=list(REFUSED))
def test_a_bad_row_is_refused_by_file_and_row(text, message, tmp_path):
    with pytest.raises(RuleError, match=message) as caught:
        loaded(tmp_path, text)
    assert "bad.toml" in str(caught.value), "the message names the file"
    assert re.search(r"\[f\]|\[\[rewrite\]\] f|inverse-of-inverse", str(caught.value))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[f", "bad.toml: not readable as TOML"),
        ("x = 3", "bad.toml: `x` stands outside of a row"),
        ("rewrite = 3", "bad.toml.*rewrite"),
        ('[rewrite]\nname = "x"', "bad.toml.*rewrite"),
        (
            "[inv]\nsource = 't'",
            r"bad.toml \[inv\]: the operation is already declared in the shipped",
        ),
        ('[[rewrite]]\nlhs = "A"', r"bad.toml \[\[rewrite\]\] \?: the field `name` is missing"),
        ("", "holds no rules"),
    ],
)
def test_a_bad_file_is_refused(text, message, tmp_path):
    with pytest.raises(RuleError, match=message):
        loaded(tmp_path, text)


def test_an_operation_declared_in_two_files_is_refused_by_both_names(tmp_path):
    (tmp_path / "a.toml").write_text(ROW.format(""))
    with pytest.raises(RuleError, match=r"b.toml \[f\].*already declared in a.toml"):
        loaded(tmp_path, ROW.format(""), "b.toml")


def test_a_folder_is_needed_that_holds_rows(tmp_path):
    with pytest.raises(RuleError, match="holds no rules"):
        load_rules(tmp_path)
    with pytest.raises(RuleError, match="is not a folder"):
        load_rules(tmp_path / "missing")
    (tmp_path / "file.toml").write_text(SINH2)
    with pytest.raises(RuleError, match="is not a folder"):
        load_rules(tmp_path / "file.toml")
    (tmp_path / "latin.toml").write_bytes(b'[f]\nsource = "caf\xe9"')
    with pytest.raises(RuleError, match=r"latin\.toml: not readable"):
        load_rules(tmp_path)


# -- rules are data: a stranger's folder runs no code of its own --------------------------------

ATTACKS = [
    "__import__('os')", "__import__(1)", "xp.__class__", "{A}.__class__", "{A}.T.__class__",
    "xp.load({A})", "xp.load('x')", "open({A})", "eval({A})", "(lambda: {A})()",
    "[x for x in {A}]", "sum(x for x in {A})", "'{A}'", "f'{A}'", "b'x'", "xp.ctypeslib",
    "xp.linalg.linalg", "xp.lib", "xp.inv.__globals__", "xp.linalg.inv.__globals__", "(y := {A})",
    "{A} if {A} else {A}", "{A} < 1", "{A} and {A}", "{{1: 2}}", "{A}[0]", "k._xp", "k.__init__",
    "k.total.__globals__", "k.load({A})", "special.os", "special.loadtxt({A})", "xp.save({A})",
    "xp.fromfile({A})", "xp.f2py", "None", "{A}.tofile({A})", "{A}.dump({A})", "().__class__",
    "(1).real", "{A}({A})", "xp({A})", "X", "A", "xp.linalg.load({A})", "yield {A}", "await {A}",
    "{A}; {A}", "import os", "{A}\n{A}", "numpy",
]  # fmt: skip


@pytest.mark.parametrize("template", ATTACKS)
def test_an_array_template_calls_only_what_is_allowed(template, tmp_path):
    with pytest.raises(RuleError, match=r"bad\.toml \[f\] array: [\s\S]*(not allowed|expression)"):
        loaded(tmp_path, ROW.format(f"array = {toml(template)}"))


def test_a_huge_array_template_is_an_error_and_no_crash(tmp_path):
    with pytest.raises(RuleError, match=r"bad\.toml \[f\] array"):
        loaded(tmp_path, ROW.format(f'array = "{"-" * 100_000}{{A}}"'))


@pytest.mark.parametrize("field", ["args", "dims"])
def test_the_name_of_a_slot_or_size_is_not_code(field, tmp_path):
    proof = tmp_path / "proof"
    hook = "().__class__.__base__.__subclasses__()"
    module = f"[c for c in {hook} if c.__name__ == 'catch_warnings'][0]()._module"
    name = f"n_={module}.__builtins__['open']({str(proof)!r}, 'w'), *q"
    value = {name: "2 2"} if field == "args" else [name]
    row = {field: value, "shape": "2 2", "array": "xp.eye(2)", "source": "test"}
    (tmp_path / "bad.toml").write_text(table("[f]", row))
    command = [sys.executable, "-m", "symcalc", "rules", "check", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert not proof.exists(), "the rules folder ran code of its own"
    assert done.returncode == 2 and "bad.toml [f]" in done.stderr


def test_printing_templates_reach_no_attributes(tmp_path):
    text = ROW.format('latex = "f({A.__class__})"\narray = "{A}"')
    with pytest.raises(SymcalcError, match=r"bad\.toml \[f\] latex"):
        loaded(tmp_path, text)


def test_every_expansion_that_a_row_may_name_exists():
    assert set(row_language.EXPANSIONS) == set(functions.EXPANSIONS)


def test_a_macro_may_stand_for_others(tmp_path):
    rows = '[f]\nargs = { A = "n 1" }\nmacro = "2*g(A)"\nsource = "t"\n'
    rows += '[g]\nargs = { A = "n 1" }\nmacro = "sum(A .^ 2)"\nsource = "t"\n'
    (tmp_path / "own.toml").write_text(rows)
    own = load_rules(tmp_path)
    assert parse("f(x)", rules=own) is parse("2*sum(x .^ 2)", rules=own)
