"""Ratios and growth as pictures, for those who have matplotlib."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

from benchmarks.tables import Row

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # (the backend is chosen first)

LABEL = {"problem", "Hessian", "Hessian-vector product"}


def draw(results: Mapping[str, Sequence[Row]], folder: Path) -> Iterator[Path]:
    """Write a picture for each table of ratios by size, and one for growth; yield their paths."""
    for title, rows in results.items():
        if not rows:
            continue
        if "n" in rows[0]:
            yield from _ratio_pictures(title, rows, folder)
        elif "parts" in rows[0]:
            yield _growth_picture(title, rows, folder)


def _ratio_pictures(title: str, rows: Sequence[Row], folder: Path) -> Iterator[Path]:
    (label,) = LABEL & rows[0].keys()
    for ratio in [name for name in rows[0] if "/" in name]:
        lines = _lines(rows, label, "n", ratio)
        yield _picture(f"{title}: {ratio}", lines, "n", ratio, folder, level=1.0)


def _growth_picture(title: str, rows: Sequence[Row], folder: Path) -> Path:
    return _picture(title, _lines(rows, "kind", "parts", "us each"), "parts", "us each", folder)


def _lines(rows: Sequence[Row], label: str, x: str, y: str) -> dict[str, list[tuple[Any, Any]]]:
    lines: dict[str, list[tuple[Any, Any]]] = {}
    for row in rows:
        if y in row:
            lines.setdefault(row[label], []).append((row[x], row[y]))
    return lines


def _picture(
    title: str,
    lines: Mapping[str, list[tuple[Any, Any]]],
    x: str,
    y: str,
    folder: Path,
    level: float | None = None,
) -> Path:
    figure, axes = plt.subplots(figsize=(9, 6))
    for name, points in lines.items():
        axes.loglog(*zip(*points, strict=True), marker="o", label=name)
    if level is not None:
        axes.axhline(level, color="black", linewidth=0.8)
    axes.set(title=title, xlabel=x, ylabel=y)
    axes.legend(fontsize="x-small", ncols=2)
    path = folder / f"{''.join(c if c.isalnum() else '-' for c in title.lower())}.svg"
    figure.savefig(path)
    plt.close(figure)
    return path
