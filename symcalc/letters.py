"""Names of variables in LaTeX and Unicode: Greek letters, indices, directions."""

from __future__ import annotations

import re

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


def latex_name(name: str) -> str:
    """Return a name as LaTeX: `x_1` and `x1` as `x_{1}`, `dX` as a direction."""
    base, _, index = name.partition("_")
    digits = re.fullmatch(r"([^\W\d]+)(\d+)", base)
    if digits and not index:
        base, index = digits[1], digits[2]
    direction = len(base) > 1 and base[0] == "d" and _is_letter(base[1:])
    shown = f"\\mathrm{{d}}{_latex_letter(base[1:])}" if direction else _latex_letter(base)
    return f"{shown}_{{{index.replace('_', ',')}}}" if index else shown


def _is_letter(name: str) -> bool:
    """Whether a name is one letter or the name of a Greek letter."""
    return len(name) == 1 or name.lower() in GREEK


def _latex_letter(name: str) -> str:
    if len(name) == 1 and name.lower() in GREEK_SIGNS:
        greek = GREEK[GREEK_SIGNS.index(name.lower())]
        name = greek if name.islower() else greek.capitalize()
    if name.lower() in GREEK and name not in WITHOUT_COMMAND:
        return f"\\{name}"
    return name if len(name) == 1 else f"\\mathrm{{{name}}}"


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
