"""How far a value is from having an attribute: what `gives` and `keeps` of a row claim."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symcalc.declare import SQUARE_ATTRIBUTES

Array = Any


def violation(word: str, a: Array) -> float:
    """Return how far a value is from having an attribute; square ones need a square matrix."""
    if word in SQUARE_ATTRIBUTES and (np.ndim(a) != 2 or a.shape[0] != a.shape[1]):
        return float("inf")
    return float(VIOLATIONS[word](a) / max(1.0, float(np.max(np.abs(a)))))


def _gap(a: Array, b: Array) -> float:
    return float(np.max(np.abs(a - b), initial=0.0))


VIOLATIONS: dict[str, Callable[[Array], float]] = {
    "symmetric": lambda a: _gap(a, a.T),
    "skew": lambda a: _gap(a, -a.T),
    "diagonal": lambda a: _gap(a, np.diag(np.diag(a))),
    "lower": lambda a: _gap(a, np.tril(a)),
    "upper": lambda a: _gap(a, np.triu(a)),
    "orthogonal": lambda a: _gap(a @ a.T, np.eye(len(a))),
    "orthonormal": lambda a: _gap(a.T @ a, np.eye(a.shape[1])),
    "invertible": lambda a: 0.0 if np.linalg.cond(a) < 1e9 else float("inf"),
    "spd": lambda a: _gap(a, a.T) + max(0.0, -float(np.min(np.linalg.eigvalsh(a)))),
    "psd": lambda a: _gap(a, a.T) + max(0.0, -float(np.min(np.linalg.eigvalsh(a)))),
    "positive": lambda a: 0.0 if np.all(a > 0) else float("inf"),
    "nonnegative": lambda a: 0.0 if np.all(a >= 0) else float("inf"),
    "unit": lambda a: 0.0 if np.all(np.abs(a) < 1) else float("inf"),
}
