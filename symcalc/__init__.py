"""symcalc: symbolic matrix differential calculus, step by step, checked by numbers."""

from symcalc.derive import Derivation, derive, parse, variables
from symcalc.errors import (
    EvaluationError,
    ParseError,
    RuleError,
    ShapeError,
    SymcalcError,
)
from symcalc.expr import Expr
from symcalc.rulebook import Rulebook, load_rules
from symcalc.steps import Step
from symcalc.verify import Verification

__version__ = "0.1.0"

__all__ = [
    "Derivation",
    "EvaluationError",
    "Expr",
    "ParseError",
    "RuleError",
    "Rulebook",
    "ShapeError",
    "Step",
    "SymcalcError",
    "Verification",
    "derive",
    "load_rules",
    "parse",
    "variables",
]
