"""symcalc: symbolic matrix differential calculus, step by step, checked by numbers."""

from collections.abc import Callable
from functools import partial

from symcalc.check import Check, Verdict, check
from symcalc.derive import Derivation, derive
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
from symcalc.objective import Objective
from symcalc.rulebook import Rulebook, default_rules, load_rules
from symcalc.second import SecondDifferential
from symcalc.steps import Step
from symcalc.verify import Verification
from symcalc.version import __version__

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


def __getattr__(name: str) -> Callable[..., Expr]:
    """Every operation of the rules is a function of expressions: `symcalc.tr(X.T @ A @ X)`."""
    found = default_rules().called(name) if not name.startswith("_") else []
    if not found or not found[0].slots:
        raise AttributeError(f"module 'symcalc' has no attribute {name!r}")
    return partial(default_rules().apply, name)
