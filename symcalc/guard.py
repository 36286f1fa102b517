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
from symcalc.shape import Dim

MAX_KNOWN = 1000  # kinds of arguments that are remembered
NUMBERS = (float, int, np.float64)
Function = Callable[..., Any]
Pick = Callable[[Mapping[str, int]], Function]
Read = Callable[[Mapping[str, Expr], Sequence[Any]], tuple[list[Any], dict[str, int]]]

FITTED = """\
def {name}({arguments}):
    if {fits}:
        return {code}({arguments})
    return {code}(*{fitted}({arguments}))
"""
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
    needed = {"code": None, "known": checked.known, "checked": checked}
    return _written(function, names, GUARDED, needed, kind="".join(kinds))


def fitted(function: Function, arguments: Sequence[Expr]) -> Function:
    """Return a function of arrays of another library that compares their shapes first: columns
    become 1-D, and what would be stretched is an `EvaluationError`.

    It asks for nothing but shapes, which are known while a function is traced.
    """
    names = list(inspect.signature(function).parameters)
    conditions = _fitting(dict(zip(names, arguments, strict=True)))
    if not conditions:
        return function
    variables = {v.name: v for v in arguments}

    def brought(*given: Any) -> list[Any]:
        arrays = {name: a for name, a in zip(variables, given, strict=True) if hasattr(a, "shape")}
        values, _ = read_arrays(variables, arrays, _AsTheyAre)
        return [values.get(v, a) for v, a in zip(arguments, given, strict=True)]

    needed = {"code": function, "fitted": brought}
    return _written(function, names, FITTED, needed, fits=" and ".join(conditions))


class _AsTheyAre:
    """A namespace that leaves arrays in their library."""

    @staticmethod
    def asarray(a: Any) -> Any:
        return a

    @staticmethod
    def reshape(a: Any, shape: tuple[int, ...]) -> Any:
        return a.reshape(shape)


def _fitting(variables: Mapping[str, Expr]) -> list[str]:
    """Return the conditions, in code, under which arrays have the declared shapes."""
    conditions: list[str] = []
    sizes: dict[Dim, list[str]] = {}
    for name, v in variables.items():
        dims = [dim for dim in v.shape if dim != 1]
        if dims:
            conditions.append(f"len({name}.shape) == {len(dims)}")
        for axis, dim in enumerate(dims):
            sizes.setdefault(dim, []).append(f"{name}.shape[{axis}]")
    for dim, same in sizes.items():
        if isinstance(dim, (int, str)):
            same = [str(dim), *same] if isinstance(dim, int) else same
            conditions += [" == ".join(same)] if len(same) > 1 else []
    return conditions


def _written(
    function: Function, names: Sequence[str], template: str, needed: Mapping[str, Any], **parts: str
) -> Function:
    """Return the function of a template; what it needs has names that no argument has."""
    words = {word: _beside(names, word) for word in needed}
    arguments = ", ".join(names)
    source = template.format(name=function.__name__, arguments=arguments, **words, **parts)
    scope: dict[str, Any] = {words[word]: thing for word, thing in needed.items()}
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
