"""Compiled functions look at what they are given: arrays of known shapes go straight to the code.

All others are brought to the convention first, as `evaluate` does it: lists, whole numbers, n-by-1
arrays. What does not fit, which NumPy would stretch until it answers something, is an error.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symcalc.declare import ENTRYWISE
from symcalc.errors import EvaluationError
from symcalc.evaluate import read_arrays
from symcalc.expr import Expr

MAX_KNOWN = 1000  # kinds of arguments that are remembered
NUMBERS = (float, int, np.float64)
Function = Callable[..., Any]
Pick = Callable[[Mapping[str, int]], Function]
Read = Callable[[Mapping[str, Expr], Sequence[Any]], tuple[list[Any], dict[str, int]]]

GUARDED = """\
def {name}({arguments}):
    try:
        {code} = {known}[{kind}]
    except (KeyError, AttributeError, TypeError):
        return {checked}({arguments})
    return {code}({arguments})
"""


def guarded(function: Function, arguments: Sequence[Expr], pick: Pick, read: Read) -> Function:
    """Return a function that has its arguments read once for each kind of them, and picks its code.

    It is written out for the arguments that there are, which takes half the time of `*args`.
    """
    names = list(inspect.signature(function).parameters)
    kinds = [_kind_of(name, v) for name, v in zip(names, arguments, strict=True)]
    if not any(kinds):
        return function
    checked = _Checked(arguments, pick, read)
    words = {word: _beside(names, word) for word in ("code", "known", "checked")}
    source = GUARDED.format(
        name=function.__name__, arguments=", ".join(names), kind="".join(kinds), **words
    )
    scope: dict[str, Any] = {words["known"]: checked.known, words["checked"]: checked}
    exec(source, scope)
    made: Function = scope[function.__name__]
    made.__doc__ = function.__doc__
    made.source = function.source  # type: ignore[attr-defined]
    return made


def _kind_of(name: str, v: Expr) -> str:
    """Return what tells the kind of an argument, in code; nothing for a function."""
    if ENTRYWISE in v.attributes:
        return ""
    return f"{name}.__class__, " if v.is_scalar else f"{name}.shape, {name}.dtype, "


def _beside(taken: Sequence[str], name: str) -> str:
    """Return a name that no argument has."""
    return name if name not in taken else _beside(taken, f"{name}_")


def converted(
    variables: Mapping[str, Expr], given: Sequence[Any]
) -> tuple[list[Any], dict[str, int]]:
    """Return arguments as real NumPy arrays by the convention, and the sizes read off them."""
    values, sizes = read_arrays(variables, dict(zip(variables, given, strict=True)))
    return [_ready(v, values[v], a) for v, a in zip(values, given, strict=True)], sizes


def _ready(v: Expr, value: Any, given: Any) -> Any:
    """Return what the code is given: the argument itself where it is one as it should be."""
    if ENTRYWISE in v.attributes:
        return given
    if value.dtype.kind == "c":
        raise EvaluationError(f"{v.name}: compiled functions are for real numbers")
    if v.is_scalar:
        return given if type(given) in NUMBERS else value[()]
    same = type(given) is np.ndarray and given.shape == value.shape
    return given if same and given.dtype == value.dtype else value


def measured(
    variables: Mapping[str, Expr], given: Sequence[Any]
) -> tuple[list[Any], dict[str, int]]:
    """Return arguments as they are, and the sizes of those that are arrays as they should be."""
    sizes: dict[str, int] = {}
    for v, a in zip(variables.values(), given, strict=True):
        dims = [dim for dim in v.shape if dim != 1]
        for dim, size in zip(dims, getattr(a, "shape", ()), strict=False):
            sizes |= {dim: size} if isinstance(dim, str) else {}
    return list(given), sizes


class _Checked:
    """Calls the code with arguments of a kind that is new, after a look at each."""

    def __init__(self, arguments: Sequence[Expr], pick: Pick, read: Read) -> None:
        self.variables = {v.name: v for v in arguments}
        self.pick = pick
        self.read = read
        self.known: dict[tuple[Any, ...], Function] = {}

    def __call__(self, *given: Any) -> Any:
        ready, sizes = self.read(self.variables, given)
        code = self.pick(sizes)
        if all(r is a for r, a in zip(ready, given, strict=True)):
            self._remember(code, given)
        return code(*ready)

    def _remember(self, code: Function, given: Sequence[Any]) -> None:
        kind: list[Any] = []
        for v, a in zip(self.variables.values(), given, strict=True):
            if ENTRYWISE not in v.attributes:
                kind += [type(a)] if v.is_scalar else [a.shape, a.dtype]
        if len(self.known) == MAX_KNOWN:
            self.known.clear()
        self.known[tuple(kind)] = code
