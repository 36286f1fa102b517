"""Which names are functions of SymPy, read off its source: asking costs no import of SymPy."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache

from symcalc.declare import default_kind
from symcalc.late import pathlib, util


@cache
def function_names() -> Mapping[str, str]:
    """Return SymPy's name for each name of a function: also for `lambertw`, in small letters,
    where that is not the name of a variable (`chi`)."""
    listed = _exported()
    small = {name.lower(): name for name in reversed(listed) if default_kind(name.lower()) is None}
    return {**small, **{name: name for name in listed}}


def _exported() -> list[str]:
    """Return what `sympy/functions/__init__.py` lists in `__all__`."""
    found = util.find_spec("sympy")
    if found is None or found.origin is None:
        return []
    source = pathlib.Path(found.origin).with_name("functions") / "__init__.py"
    tree = ast.parse(source.read_text(encoding="utf-8")) if source.is_file() else ast.Module([], [])
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return []


def is_sympy(value: object) -> bool:
    """Whether a value is an object of SymPy."""
    modules = [str(cls.__module__) for cls in type(value).__mro__]  # None for Function("f")(x)
    return any(module.partition(".")[0] == "sympy" for module in modules)
