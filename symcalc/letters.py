"""Names of variables in LaTeX and Unicode: Greek letters, indices, accents, directions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu "
    "nu xi omicron pi rho sigma tau upsilon phi chi psi omega"
).split()
GREEK_SIGNS = "αβγδεζηθικλμνξοπρστυφχψω"
# LaTeX has no command for the Greek letters that look like Latin ones.
WITHOUT_COMMAND = frozenset(
    "Alpha Beta Epsilon Zeta Eta Iota Kappa Mu Nu Omicron Rho Tau Chi omicron".split()
)
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
ACCENTS = ("hat", "tilde", "bar", "dot", "ddot", "check", "breve")
INDEX_SIGNS = {"plus": "+", "minus": "-", "star": "*"}


def latex_name(name: str) -> str:
    """Return a name as LaTeX: `x_1` and `x1` as `x_{1}`, `y_hat` with its accent, `dX` as a
    direction."""
    base, underscore, index = name.partition("_")
    digits = re.fullmatch(r"([^\W\d]+)(\d+)", base)
    if digits and not underscore:
        base, index = digits[1], digits[2]
    parts = index.split("_") if index or underscore else []
    accents = [part for part in parts[:1] if part in ACCENTS]
    parts = parts[len(accents) :]
    if not base or not all(part.isalnum() for part in parts):
        return _spelled(name)
    direction = len(base) > 1 and base[0] == "d" and _is_letter(base[1:])
    letter = _latex_letter(base[1:] if direction else base)
    if accents:
        letter = f"\\{accents[0]}{{{letter}}}"
    shown = f"\\mathrm{{d}}{letter}" if direction else letter
    return f"{shown}_{{{_latex_index(parts)}}}" if parts else shown


def latex_names(names: Iterable[str]) -> dict[str, str]:
    """Return names as LaTeX; those that would look the same are spelled out."""
    shown = {name: latex_name(name) for name in names}
    seen = Counter(shown.values())
    return {name: _spelled(name) if seen[text] > 1 else text for name, text in shown.items()}


def _spelled(name: str) -> str:
    return "\\mathrm{" + name.replace("_", "\\_") + "}"


def _latex_index(parts: list[str]) -> str:
    """Join the parts of an index: `k_plus_1_k` is `k+1,k`."""
    shown = ""
    for part in parts:
        sign = INDEX_SIGNS.get(part)
        comma = "," if shown and not sign and shown[-1] not in "+-*" else ""
        shown += sign or comma + part
    return shown


def _is_letter(name: str) -> bool:
    """Whether a name is one letter or the name of a Greek letter."""
    return len(name) == 1 or _is_greek(name)


def _is_greek(name: str) -> bool:
    return name in GREEK or (name.lower() in GREEK and name.istitle())


def _latex_letter(name: str) -> str:
    if len(name) == 1 and name.lower() in GREEK_SIGNS:
        greek = GREEK[GREEK_SIGNS.index(name.lower())]
        name = greek if name.islower() else greek.capitalize()
    if _is_greek(name) and name not in WITHOUT_COMMAND:
        return f"\\{name}"
    return name if len(name) == 1 and name.isalpha() else f"\\mathrm{{{name}}}"


def pretty_name(name: str) -> str:
    """Return a name with Greek signs and subscripts."""
    base, _, index = name.partition("_")
    lower = base.lower()
    if lower in GREEK:
        sign = GREEK_SIGNS[GREEK.index(lower)]
        base = sign if base == lower else sign.upper()
    if not index:
        return base
    return base + (index.translate(SUBSCRIPTS) if index.isdecimal() else f"_{index}")
