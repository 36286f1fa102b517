"""The tables as pictures, for those who have matplotlib: ratios as points, growth as lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import matplotlib

from benchmarks.tables import Row

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # (the backend is chosen first)
from matplotlib.ticker import LogLocator, NullLocator

plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "symcalc", "font.size": 9})

PICTURES = {  # the table, the file, what names a row, the ratios that are drawn, what 1 means
    "Value and gradient": (
        "gradients", "problem", ("symcalc/expert", "symcalc (numpy)/expert", "JAX/expert"),
        "time / time of a closed form by hand (left of the line: faster)",
    ),
    "Hessian": (
        "hessians", "Hessian", ("symcalc/expert", "JAX/symcalc", "JAX/structured"),
        "ratio of times (JAX/...: right of the line symcalc is faster)",
    ),
    "Hessian-vector product": (
        "products", "Hessian-vector product", ("JAX/symcalc",),
        "ratio of times (right of the line symcalc is faster)",
    ),
}  # fmt: skip
MARKERS = "osD^"


def draw(results: Mapping[str, Sequence[Row]], folder: Path, about: str) -> Iterator[Path]:
    """Write a picture for each table of ratios, and one for growth; yield their paths."""
    note = f"{date.today()}: {about}"
    for title, rows in results.items():
        if title in PICTURES and rows:
            name, label, ratios, axis = PICTURES[title]
            yield _saved(_points(title, rows, label, ratios, axis), folder / f"{name}.svg", note)
        elif rows and "parts" in rows[0]:
            yield _saved(_growth(title, rows), folder / "growth.svg", note)


def _points(title: str, rows: Sequence[Row], label: str, ratios: Sequence[str], axis: str) -> Any:
    """Draw a line for each problem at its largest size, a point for each ratio."""
    largest = {row[label]: row for row in sorted(rows, key=lambda row: row["n"])}
    shown = [row for row in rows if largest[row[label]] is row][::-1]
    figure, axes = plt.subplots(figsize=(8, 1.2 + 0.24 * len(shown)))
    for ratio, marker in zip(ratios, MARKERS, strict=False):
        points = [(row[ratio], place) for place, row in enumerate(shown) if ratio in row]
        if points:
            axes.plot(*zip(*points, strict=True), marker, label=ratio, alpha=0.8)
    axes.set_yticks(range(len(shown)), [f"{row[label]}, n = {row['n']}" for row in shown])
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.grid(axis="y", linewidth=0.3)
    axes.set(title=f"{title}, the largest size", xlabel=axis, xscale="log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.legend(fontsize="small")
    return figure


def _growth(title: str, rows: Sequence[Row]) -> Any:
    """Draw the time of a derivation over its size, beside a dotted line of slope one."""
    figure, axes = plt.subplots(figsize=(7, 5))
    for kind in dict.fromkeys(row["kind"] for row in rows):
        sizes, each = zip(
            *[(r["parts"], r["us each"]) for r in rows if r["kind"] == kind], strict=True
        )
        total = [1e-3 * n * us for n, us in zip(sizes, each, strict=True)]
        (line,) = axes.loglog(sizes, total, marker="o", label=kind)
        straight = [total[0] * n / sizes[0] for n in sizes]
        axes.loglog(sizes, straight, ":", color=line.get_color(), linewidth=0.8)
    axes.set(title=f"{title}: dotted is linear", xlabel="parts", ylabel="ms for one derivation")
    axes.legend()
    return figure


def _saved(figure: Any, path: Path, note: str) -> Path:
    figure.text(0.01, 0.005, note, fontsize=5.5)
    figure.tight_layout(rect=(0, 0.015, 1, 1))
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return path
