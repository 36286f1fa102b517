"""Rows as Markdown tables, and their ratios as geometric means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.measure import geometric_mean

Row = dict[str, Any]


def markdown(rows: Sequence[Row]) -> str:
    """Return a Markdown table; a column that a row lacks is empty there."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = [columns, ["---"] * len(columns)]
    lines += [[cell(row.get(name, "")) for name in columns] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(value: object) -> str:
    """Return two digits behind the point below 10, otherwise three figures."""
    if not isinstance(value, float):
        return str(value)
    if value >= 1000:
        return f"{value:.0f}"
    return f"{value:.2f}" if value < 10 else f"{value:.3g}"


def summary(rows: Sequence[Row]) -> str:
    """Return the geometric mean of each ratio, for each size and over all; '' without ratios."""
    names = [name for name in dict.fromkeys(n for row in rows for n in row) if "/" in name]
    sizes = sorted({row["n"] for row in rows if "n" in row})
    if not names:
        return ""
    means = [_means(f"n = {n}", [row for row in rows if row["n"] == n], names) for n in sizes]
    return f"\nGeometric means\n\n{markdown([*means, _means('all', rows, names)])}\n"


def _means(title: str, rows: Sequence[Row], names: Sequence[str]) -> Row:
    found = {name: [r[name] for r in rows if isinstance(r.get(name), float)] for name in names}
    means = {name: geometric_mean(v) if v else "" for name, v in found.items()}
    return {"rows": title, "count": max(map(len, found.values())), **means}
