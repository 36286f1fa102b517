"""The command line of the benchmarks; start it with `python -m benchmarks`."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks import derivation, gradients, hessians, spent
from benchmarks.libraries import double_precision, installed
from benchmarks.measure import bound
from benchmarks.tables import Row, markdown, summary

Table = Callable[[bool], Iterator[Row]]
SUITES: dict[str, dict[str, Table]] = {
    "derivation": {
        "Typical formulas": derivation.typical,
        "Loading": derivation.loading,
        "Growth": derivation.growth,
    },
    "gradients": {"Value and gradient": gradients.rows},
    "hessians": {
        "Hessian": hessians.hessian_rows,
        "Hessian-vector product": hessians.action_rows,
    },
    "spent": {
        "Where a derivation spends its time": spent.stage_rows,
        "Where compiled functions spend their time": spent.line_rows,
    },
}
PACKAGES = ("numpy", "scipy", "sympy", "jax", "torch")


def main() -> None:
    """Run the suites that are asked for; print Markdown, write JSON and plots."""
    args = _arguments()
    double_precision()
    print(about(), flush=True)
    results: dict[str, list[Row]] = {}
    for suite in SUITES if args.suite == "all" else [args.suite]:
        for title, table in SUITES[suite].items():
            results[title] = _shown(title, table(args.quick))
    if args.json:
        written = {"about": about(), "tables": results}
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    if args.plots:
        _plot(results, args.plots)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("suite", nargs="?", default="all", choices=[*SUITES, "all"])
    parser.add_argument("--quick", action="store_true", help="small sizes and few samples")
    parser.add_argument("--free", action="store_true", help="all processors, any number of threads")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the tables here")
    parser.add_argument("--plots", type=Path, metavar="FOLDER", help="also draw them (matplotlib)")
    args = parser.parse_args()
    if args.plots and not installed("matplotlib"):
        parser.error("--plots needs matplotlib: pip install symcalc[bench]")
    return args


def about() -> str:
    """Name the versions, the kind of machine and how much of it is used."""
    found = [f"{name} {_version(name)}" for name in PACKAGES if installed(name)]
    threads = "one processor" if bound() else "all processors"
    return (
        f"Python {platform.python_version()}, {', '.join(found)}; {platform.machine()}, {threads}"
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "?"


def _shown(title: str, rows: Iterator[Row]) -> list[Row]:
    found = []
    for row in rows:
        found.append(row)
        print(".", end="", file=sys.stderr, flush=True)
    print(f"\n## {title}\n\n{markdown(found)}\n{summary(found)}", flush=True)
    return found


def _plot(results: dict[str, list[Row]], folder: Path) -> None:
    from benchmarks.plots import draw  # noqa: PLC0415  (optional package)

    folder.mkdir(parents=True, exist_ok=True)
    for path in draw(results, folder, about()):
        print(path)


if __name__ == "__main__":
    main()
