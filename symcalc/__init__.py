"""symcalc: symbolic matrix differential calculus, step by step, checked by numbers."""

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from symcalc.check import Check, Verdict, check
from symcalc.derivation import Derivation
from symcalc.derive import derive
from symcalc.errors import (
    EvaluationError,
    ParseError,
    RuleError,
    ShapeError,
    StationaryError,
    SymcalcError,
)
from symcalc.expr import Expr
from symcalc.inputs import parse, variables
from symcalc.rulebook import Rulebook, default_rules, load_rules
from symcalc.second import SecondDifferential
from symcalc.steps import Step
from symcalc.version import __version__

if TYPE_CHECKING:
    from symcalc.judge import Verification
    from symcalc.objective import Objective

LATE = {"Objective": "symcalc.objective", "Verification": "symcalc.judge"}
__all__ = [
    "Check",
    "Derivation",
    "EvaluationError",
    "Expr",
    "Objective",
    "ParseError",
    "RuleError",
    "Rulebook",
    "SecondDifferential",
    "ShapeError",
    "StationaryError",
    "Step",
    "SymcalcError",
    "Verdict",
    "Verification",
    "__version__",
    "check",
    "derive",
    "load_rules",
    "parse",
    "variables",
]


def __getattr__(name: str) -> Any:
    """Every operation of the rules is a function of expressions: `symcalc.tr(X.T @ A @ X)`; a class
    that few need is imported when it is asked for."""
    if name in LATE:
        return getattr(import_module(LATE[name]), name)
    found = default_rules().called(name) if not name.startswith("_") else []
    if not found or not found[0].slots:
        raise AttributeError(f"module 'symcalc' has no attribute {name!r}")
    return partial(default_rules().apply, name)
