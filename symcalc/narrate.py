"""The derivation told: the result and its steps as text, with Unicode signs, and as LaTeX."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from symcalc.expr import Expr
from symcalc.show import plain
from symcalc.steps import INNER, SECOND, Step

if TYPE_CHECKING:
    from symcalc.derivation import Derivation

ESCAPES = {
    "\\": "\\textbackslash ", "{": "\\{", "}": "\\}", "_": "\\_", "^": "\\textasciicircum ",
    "&": "\\&", "#": "\\#", "%": "\\%", "$": "\\$", "~": "\\textasciitilde ", "'": "$'$",
    "|": "$|$", "<": "$<$", ">": "$>$", "ᵀ": "$^{\\top}$", "⁻¹": "$^{-1}$",
    "⁻ᵀ": "$^{-\\top}$", "⁺": "$^{+}$", "¹": "$^{1}$",
    "·": "$\\cdot$", "⊙": "$\\odot$", "⊘": "$\\oslash$", "⊗": "$\\otimes$", "‖": "$\\|$",
    "≠": "$\\ne$", "π": "$\\pi$", "₁": "$_1$", "₂": "$_2$",
}  # fmt: skip


def steps_text(d: Derivation, steps: bool = False, pretty: bool = False) -> str:
    """Return the result, and on request the steps, as lines of text."""

    def show(e: Expr) -> str:
        return e.pretty() if pretty else str(e)

    lines = [f"f = {show(d.function)}"]
    if steps:
        lines.append(steps_lines_text(d.steps, pretty))
    lines.append(f"{_result_name(d)} = {show(d.result)}")
    lines.append(f"  where {'; '.join(d.assumptions)}" if d.assumptions else "")
    if d.function.is_scalar:
        lines.append(f"  {d.layout} layout: {_layout_text(d)}")
    return "\n".join(line for line in lines if line)


def steps_lines_text(steps: Iterable[Step], pretty: bool) -> str:
    """Return each step as an equality and, below it, its rule."""
    names = {INNER: "G", SECOND: "d2f"}
    lines = []
    for step in steps:
        before, after = (e.pretty() if pretty else plain(e) for e in (step.before, step.after))
        lines += [f"  {names.get(step.relation, before)} = {after}", f"      {step.rule}"]
    return "\n".join(lines)


def _result_name(d: Derivation) -> str:
    return f"df/d{d.variable.name}" if d.function.is_scalar else "df"


def _layout_text(d: Derivation) -> str:
    name = d.variable.name
    if d.layout == "numerator":
        return f"the gradient has the shape of {name}', df = sum(G' .* d{name})"
    return f"the gradient has the shape of {name}, df = sum(G .* d{name})"


def steps_latex(d: Derivation, steps: bool) -> str:
    """Return the result as LaTeX, or all steps as an `aligned` environment."""
    name = d.variable.latex()
    left = f"\\frac{{\\partial f}}{{\\partial {name}}}" if d.function.is_scalar else "\\mathrm{d}f"
    result = f"{left} = {d.result.latex()}"
    if not steps:
        return result
    return steps_lines_latex(d.steps, left)


def steps_lines_latex(steps: Iterable[Step], left: str) -> str:
    """Return steps as an `aligned` environment; `left` is what a gradient is called."""
    lines = []
    names = {INNER: left, SECOND: "\\mathrm{d}^2 f"}
    for step in steps:
        before = names.get(step.relation) or step.before.latex()
        lines.append(f"{before} &= {step.after.latex()} && \\text{{{_latex_text(step.rule)}}}")
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"


def _latex_text(text: str) -> str:
    """Return a rule's name for `\\text{}`."""
    return "".join(ESCAPES.get(sign, sign) for sign in re.findall("⁻¹|⁻ᵀ|.", text))
