"""The command line. Exit status: 0 done, 1 a check or verification failed, 2 bad input."""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Sequence

from symcalc.check import Check, check
from symcalc.derivation import Derivation
from symcalc.derive import derive
from symcalc.errors import SymcalcError
from symcalc.expr import Expr
from symcalc.op import Op
from symcalc.rulebook import Rulebook, default_rules, load_rules
from symcalc.rulecheck import check_report
from symcalc.steps import rule_text
from symcalc.targets import TARGETS
from symcalc.version import __version__

FORMATS = ("text", "latex", "index", "json")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    words = sys.argv[1:] if argv is None else argv
    args = _parser().parse_args([_positional(word) for word in words])
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        return int(args.run(args))
    except SymcalcError as error:
        print(f"symcalc: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 0


def _positional(word: str) -> str:
    """Keep a formula that starts with a minus sign from being taken for an option."""
    option = word.startswith("--") or word in ("-", "-h")
    return f" {word}" if word.startswith("-") and not option else word


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="symcalc", description="Differentiate matrix expressions, step by step."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _derive_parser(commands)
    _second_parsers(commands)
    _check_parser(commands)
    _rules_parser(commands)
    parser.add_argument("--version", action="version", version=f"symcalc {__version__}")
    return parser


def _derive_parser(commands) -> None:  # type: ignore[no-untyped-def]
    p = commands.add_parser("derive", help="differentiate a formula by a variable")
    p.add_argument("formula", help='for example "||A*X - B||_F^2"')
    p.add_argument("wrt", help="the variable")
    _common(p)
    p.add_argument("--steps", action="store_true", help="show every step with its rule")
    p.add_argument("--verify", action="store_true", help="check the result by numbers")
    p.add_argument(
        "--then", metavar="VARIABLE", help="differentiate the trace of the gradient again"
    )
    p.add_argument("--weight", metavar="V", help="with --then: differentiate tr(V'*G) instead")
    _conventions(p)
    p.set_defaults(run=_run_derive)


def _conventions(p: argparse.ArgumentParser) -> None:
    p.add_argument("--layout", choices=("denominator", "numerator"), default="denominator")
    p.add_argument("--symmetric", choices=("space", "entries"), default="space")


def _check_parser(commands) -> None:  # type: ignore[no-untyped-def]
    p = commands.add_parser("check", help="is my hand-derived gradient right?")
    p.add_argument("formula")
    p.add_argument("wrt", help="the variable")
    p.add_argument("answer", help="your gradient; with dX in it, your differential")
    _common(p, formats=("text", "json"))
    _conventions(p)
    p.set_defaults(run=_run_user_check)


def _second_parsers(commands) -> None:  # type: ignore[no-untyped-def]
    h = commands.add_parser("hessian", help="the second derivative by one or two variables")
    h.add_argument("formula")
    h.add_argument("wrt", nargs="+", help="one variable, or two for a mixed derivative")
    h.add_argument("--form", choices=("matrix", "bilinear", "action"), default="matrix")
    h.add_argument("--steps", action="store_true", help="show every step with its rule")
    j = commands.add_parser("jacobian", help="the Jacobian of a vector or matrix function")
    c = commands.add_parser("code", help="a standalone function: value and gradient")
    for p in (j, c):
        p.add_argument("formula")
        p.add_argument("wrt")
    c.add_argument("--target", choices=tuple(TARGETS), default="numpy")
    for p, run in ((h, _run_hessian), (j, _run_jacobian), (c, _run_code)):
        _common(p)
        p.set_defaults(run=run)


def _common(p: argparse.ArgumentParser, formats: Sequence[str] = FORMATS) -> None:
    p.add_argument("--where", default=None, help='declarations: "X: matrix(n, m); a: scalar"')
    p.add_argument("--rules", default=None, metavar="FOLDER", help="your own rows besides")
    p.add_argument("--format", choices=formats, default="text")


def _rules_parser(commands) -> None:  # type: ignore[no-untyped-def]
    p = commands.add_parser("rules", help="list, show and check the rows")
    kinds = p.add_subparsers(required=True, metavar="list|show|check")
    listing = kinds.add_parser("list", help="all operations with their differentials")
    listing.add_argument("folder", nargs="?", help="rows of your own besides")
    listing.set_defaults(run=_run_list)
    show = kinds.add_parser("show", help="one row, column by column")
    show.add_argument("name")
    show.add_argument("--rules", default=None, metavar="FOLDER")
    show.set_defaults(run=_run_show)
    check = kinds.add_parser("check", help="check rows against numbers")
    check.add_argument("folder", nargs="?", help="a folder with *.toml; default: the shipped rows")
    check.set_defaults(run=_run_check)


def _rules(folder: str | None) -> Rulebook:
    return load_rules(folder) if folder else default_rules()


def _run_derive(args: argparse.Namespace) -> int:
    d = derive(
        args.formula, args.wrt, where=args.where, rules=_rules(args.rules), layout=args.layout,
        symmetric=args.symmetric,
    )  # fmt: skip
    if args.then:
        d = d.derive(args.then, weight=args.weight)
    verification = d.verify() if args.verify else None
    if args.format == "json":
        print(json.dumps(_as_json(d, args.steps, verification), ensure_ascii=False, indent=2))
    elif args.format == "index":
        print(d.result.entry())
    else:
        print(d.latex(steps=args.steps) if args.format == "latex" else d.text(steps=args.steps))
        if verification is not None:
            print(("% " if args.format == "latex" else "") + str(verification))
    return 0 if verification is None or verification.passed else 1


def _as_json(d: Derivation, steps: bool, verification: object) -> dict[str, object]:
    found: dict[str, object] = {
        "function": str(d.function), "wrt": d.variable.name,
        "kind": "gradient" if d.function.is_scalar else "differential", "result": str(d.result),
        "latex": d.result.latex(), "shape": [str(dim) for dim in d.result.shape],
        "layout": d.layout, "assumptions": list(d.assumptions),
    }  # fmt: skip
    if steps:
        found["steps"] = [
            {"before": str(s.before), "after": str(s.after), "rule": s.rule, "source": s.source}
            for s in d.steps
        ]
    if verification is not None:
        found["verification"] = {"passed": bool(verification), "summary": str(verification)}
    return found


def _plain_derivation(args: argparse.Namespace, wrt: str) -> Derivation:
    return derive(args.formula, wrt, where=args.where, rules=_rules(args.rules))


def _print_result(args: argparse.Namespace, d: Derivation, kind: str, result: Expr) -> int:
    if args.format == "json":
        found = {
            "function": str(d.function), "kind": kind, "result": str(result),
            "latex": result.latex(), "shape": [str(dim) for dim in result.shape],
            "assumptions": list(d.assumptions),
        }  # fmt: skip
        print(json.dumps(found, ensure_ascii=False, indent=2))
    elif args.format in ("latex", "index"):
        print(result.latex() if args.format == "latex" else result.entry())
    else:
        print(f"f = {d.function}\n{kind} = {result}\n  where {'; '.join(d.assumptions)}")
    return 0


def _run_hessian(args: argparse.Namespace) -> int:
    if len(args.wrt) > 2:
        raise SymcalcError("a second derivative takes one or two variables")
    d = _plain_derivation(args, args.wrt[0])
    second = d.second(args.wrt[-1])
    if args.steps:
        print(second.latex(steps=True) if args.format == "latex" else second.text(steps=True))
        return 0
    forms = {"matrix": "hessian", "bilinear": "bilinear", "action": "action"}
    return _print_result(args, d, forms[args.form], getattr(second, forms[args.form]))


def _run_jacobian(args: argparse.Namespace) -> int:
    d = _plain_derivation(args, args.wrt)
    return _print_result(args, d, "jacobian", d.jacobian)


def _run_code(args: argparse.Namespace) -> int:
    print(_plain_derivation(args, args.wrt).code(args.target), end="")
    return 0


def _run_user_check(args: argparse.Namespace) -> int:
    found = check(
        args.formula, args.wrt, args.answer, args.where, layout=args.layout,
        symmetric=args.symmetric, rules=_rules(args.rules),
    )  # fmt: skip
    if args.format == "json":
        print(json.dumps(_check_json(found), ensure_ascii=False, indent=2))
    else:
        print(found)
    return 0 if found else 1


def _check_json(found: Check) -> dict[str, object]:
    example = found.counterexample
    return {
        "verdict": found.verdict.value, "right": bool(found), "kind": found.kind,
        "expected": str(found.expected), "answer": _text(found.answer),
        "factor": _text(found.factor), "difference": _text(found.difference),
        "counterexample": example and example.as_lists(),
        "assumptions": list(found.derivation.assumptions), "message": str(found),
    }  # fmt: skip


def _text(e: Expr | None) -> str | None:
    return None if e is None else str(e)


def _run_list(args: argparse.Namespace) -> int:
    book = _rules(args.folder)
    for name, op in book.ops.items():
        print(f"{name:20s} {_summary(book, op)}")
    print(f"{len(book.ops)} operations, {len(book.rewrites)} rewrites")
    return 0


def _summary(book: Rulebook, op: Op) -> str:
    if op.column("macro"):
        return f"stands for {op.column('macro')}"
    return rule_text(book, op) if op.column("d") else str(op.column("source"))


def _run_show(args: argparse.Namespace) -> int:
    book = _rules(args.rules)
    ops = [op for op in book.ops.values() if args.name in (op.name, op.call)] or book.called(
        args.name
    )
    rows = [row for row in book.rewrites if row.name == args.name]
    if not ops and not rows:
        raise SymcalcError(f"there is no row `{args.name}`; see `symcalc rules list`")
    for op in ops:
        print(f"[{op.name}]")
        for column, value in op.columns.items():
            print(f"{column:12s} {value}")
    for row in rows:
        print(f"[[rewrite]] {row.name}\n{row.lhs} -> {row.rhs}\n{row.why}")
    return 0


def _run_check(args: argparse.Namespace) -> int:
    book = _rules(args.folder)
    checks, broken = check_report(book, default_rules() if args.folder else None)
    for row in checks:
        print(row)
    for line in broken:
        print(f"FAIL {line}")
    failed = len(broken) + sum(not row.passed for row in checks)
    print(f"{len(checks) - failed + len(broken)} passed, {failed} failed")
    return 1 if failed or not checks else 0
