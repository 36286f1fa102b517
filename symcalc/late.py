"""Modules that a derivation does without, imported when they are first used: `import symcalc`
costs little more than NumPy.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


class Late:
    """Stands for a module; to ask it for a name imports the module."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self._module), name)


difflib: Any = Late("difflib")
codegen: Any = Late("symcalc.codegen")
compare: Any = Late("symcalc.compare")
evaluate: Any = Late("symcalc.evaluate")
judge: Any = Late("symcalc.judge")
latex_input: Any = Late("symcalc.latex_input")
latex_names: Any = Late("symcalc.latex_names")
latex_rows: Any = Late("symcalc.latex_rows")
objective: Any = Late("symcalc.objective")
specialise: Any = Late("symcalc.specialise")
stationary: Any = Late("symcalc.stationary")
structure_at: Any = Late("symcalc.structure_at")
targets: Any = Late("symcalc.targets")
verdict: Any = Late("symcalc.verdict")
verify: Any = Late("symcalc.verify")
verify_second: Any = Late("symcalc.verify_second")
