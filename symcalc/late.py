"""Modules that a derivation does without, imported when they are first used: `import symcalc`
costs little more than NumPy. `from symcalc.late import vec` gives a stand-in for `symcalc.vec`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import difflib as difflib
    import pathlib as pathlib
    import tomllib as tomllib
    from importlib import util as util

    from symcalc import asked as asked
    from symcalc import codegen as codegen
    from symcalc import compare as compare
    from symcalc import entries as entries
    from symcalc import evaluate as evaluate
    from symcalc import indexed as indexed
    from symcalc import indices as indices
    from symcalc import interop as interop
    from symcalc import judge as judge
    from symcalc import latex_input as latex_input
    from symcalc import latex_names as latex_names
    from symcalc import latex_rows as latex_rows
    from symcalc import latex_sums as latex_sums
    from symcalc import lower_rows as lower_rows
    from symcalc import objective as objective
    from symcalc import specialise as specialise
    from symcalc import stationary as stationary
    from symcalc import structure as structure
    from symcalc import structure_at as structure_at
    from symcalc import structured as structured
    from symcalc import sympy_functions as sympy_functions
    from symcalc import sympy_out as sympy_out
    from symcalc import targets as targets
    from symcalc import vec as vec
    from symcalc import verdict as verdict
    from symcalc import verify as verify
    from symcalc import verify_second as verify_second

OUTSIDE = {
    "difflib": "difflib",
    "pathlib": "pathlib",
    "tomllib": "tomllib",
    "util": "importlib.util",
}


class Late:
    """Stands for a module; to ask it for a name imports the module."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self._module), name)


def __getattr__(name: str) -> Late:
    if name.startswith("_"):
        raise AttributeError(name)
    return Late(OUTSIDE.get(name, f"symcalc.{name}"))
