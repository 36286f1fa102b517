"""`python -m benchmarks [--json FILE]`: print the tables."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks.derivation import growth, typical

TABLES = {"typical formulas": typical, "growth": growth}


def show(title: str, rows: list[dict[str, object]]) -> None:
    """Print rows as an aligned table."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = [columns] + [[_cell(row.get(name, "")) for name in columns] for row in rows]
    widths = [max(len(line[k]) for line in lines) for k in range(len(columns))]
    print(f"\n{title}")
    for line in lines:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))


def _cell(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time symcalc and its contestants.")
    parser.add_argument("--json", type=Path, help="also write the tables here")
    args = parser.parse_args()
    results = {}
    for title, run in TABLES.items():
        results[title] = run()
        show(title, results[title])
    if args.json:
        args.json.write_text(json.dumps(results, indent=2), encoding="utf-8")


main()
