"""SymPy's functions of one variable as rows, written when a name is first asked for.

A row of this kind is a function of the name alone: `Functions` remembers it, and a rulebook shares
the memory with every rulebook that extends it, so that equal formulas stay one object. The
derivative is SymPy's, and so is the array code, but for the table below.
"""

from __future__ import annotations

import cmath
import importlib
import re
from collections.abc import Mapping
from functools import cache
from threading import RLock
from typing import TYPE_CHECKING, Any

from symcalc.arraycode import check_array_template
from symcalc.errors import RuleError, SymcalcError
from symcalc.interop import entrywise
from symcalc.loader import Loader
from symcalc.op import Op, Slot
from symcalc.rows import REFUSAL, Row
from symcalc.sympy_names import function_names
from symcalc.template import Template

if TYPE_CHECKING:
    from symcalc.rulebook import Rulebook

# Code for arrays that SymPy's printer lacks, or writes in a way that overflows or turns complex.
CODE = {
    "Chi": "special.shichi({A})[1]",
    "LambertW": "k.real_values(special.lambertw({A}))",
    "Li": "special.expi(xp.log({A})) - 1.045163780117492784844588889194613136523",
    "Shi": "special.shichi({A})[0]",
    "acoth": "xp.arctanh(1/{A})",
    "acsch": "xp.arcsinh(1/{A})",
    "asech": "xp.arccosh(1/{A})",
    "coth": "1/xp.tanh({A})",
    "csch": "1/xp.sinh({A})",
    "elliptic_e": "special.ellipe({A})",
    "elliptic_k": "special.ellipk({A})",
    "erfi": "special.erfi({A})",
    "erfinv": "special.erfinv({A})",
    "factorial": "special.gamma({A} + 1)",  # special.factorial is 0 for negative numbers
    "li": "special.expi(xp.log({A}))",
    "sech": "1/xp.cosh({A})",
    "zeta": "special.zeta({A})",
}
MODULES = {"numpy.": "xp.", "scipy.special.": "special.", "scipy.constants.pi": "xp.pi"}
HINTS = {"Sum": ": write Trace, or products with OneMatrix"}
# Where a function may be sampled: the first domain in whose points it is real and finite.
DOMAINS = {
    "": "-3 -5/2 -2 -pi/2 -1 -1/2 0 1/2 1 pi/2 2 5/2 3",
    "positive": "2/5 1/2 1 3/2 pi/2 2",
    "unit": "-9/10 -1/2 -1/10 0 1/10 1/2 9/10",
    "large": "11/10 3/2 2 5/2 3",
    "fraction": "1/10 1/4 1/2 3/4 9/10",
}


class Functions:
    """The rows of SymPy's functions over the rows of a rulebook."""

    def __init__(self, base: Rulebook) -> None:
        self.base = base
        self.ops: dict[str, Op] = {}
        self.bodies: dict[tuple[Op, str, str], Template] = {}
        self._lock = RLock()

    def called(self, name: str) -> list[Op]:
        """Return the function that a name calls; none if SymPy does not have the name."""
        exact = function_names().get(name)
        return [self.base.of_sympy(exact)] if exact else []

    def named(self, name: str) -> Op:
        """Return the row of a function; raise `RuleError` if there is none with values."""
        with self._lock:
            if name not in self.ops:
                self._add(name)
            return self.ops[name]

    def _add(self, name: str) -> None:
        """Write the row of a function, and those of the functions in its derivative."""
        draft = _Draft(self.base, self.ops)
        draft.of_sympy(name)
        loader = Loader(self.base)
        while waiting := [name for name in draft.stubs if name not in loader.rows]:
            loader.add(f"SymPy [{waiting[0]}]", waiting[0], _row(waiting[0], draft))
        book = loader.build()
        fresh = {name: book.ops[name] for name in loader.rows}
        written = set(fresh.values())
        self.bodies.update({key: body for key, body in book.bodies.items() if key[0] in written})
        self.ops.update(fresh)


class _Draft:
    """The rows of the base, and in place of those yet to be written operations with their names."""

    def __init__(self, base: Rulebook, written: Mapping[str, Op]) -> None:
        self.base, self.algebra = base, base.algebra
        self.known = {**written, **base.sympy_classes}
        self.stubs: dict[str, Op] = {}

    def find(self, name: str) -> list[Op]:
        return self.base.find(name)

    def of_sympy(self, name: str) -> Op:
        if name in self.known:
            return self.known[name]
        if name not in self.stubs:
            self.stubs[name] = _stub(name)
            self.stubs[name].algebra = self.algebra
        return self.stubs[name]


def _stub(name: str) -> Op:
    columns = {"sympy": f"{name}({{A:entry}})", "array": _array_code(name)}
    stub = Op(name, (Slot("A", "m", "n"),), "m", "n", columns=columns)
    try:
        check_array_template("", stub)
    except RuleError:
        raise RuleError(f"`{name}` of SymPy has no code for arrays") from None
    return stub


def _row(name: str, draft: _Draft) -> Row:
    """Return the row of a function, as it would stand in a file."""
    stub, domain = draft.stubs[name], _domain(name)
    code = stub.column("array")
    row: Row = {
        "args": {"A": "m n"}, "shape": "m n", "derivative": _derivative(name, draft),
        "array": code, "sympy": stub.column("sympy"), **_latex(name), "domain": domain,
        "analytic": "special." not in code, "source": f"SymPy {_sympy().__version__}",
    }  # fmt: skip
    return {**row, "assumes": f"{name} is smooth at {{A}}"} if domain else row


def _derivative(name: str, draft: _Draft) -> str:
    """Return the derivative in the language, or the refusal of one that it cannot say."""
    x = _variable()
    matrix = draft.algebra.symbol("A", ("m", "n"))
    try:
        derivative = _function(name)(x).diff(x)
        if derivative.has(_sympy().Derivative):
            return f"{REFUSAL}SymPy gives no derivative of `{name}`"
        return str(entrywise(derivative, x, matrix, draft))
    except (SymcalcError, ValueError, TypeError) as error:
        return f"{REFUSAL}the derivative of `{name}` is not known: {error}"


def _function(name: str) -> Any:
    """Return a function of one variable of SymPy; raise `RuleError` if the name is none."""
    if name not in function_names().values():
        raise RuleError(f"no row of the rules stands for `{name}` of SymPy{HINTS.get(name, '')}")
    found, x = getattr(_sympy().functions, name), _variable()
    try:
        applied = found(x) if isinstance(found, type) else None
    except (TypeError, ValueError):
        applied = None
    if type(applied) is not found or getattr(applied, "args", ()) != (x,):
        raise RuleError(f"`{name}` of SymPy is no function of one variable that has a row")
    return found


@cache
def _array_code(name: str) -> str:
    """Return array code: from the table, or what SymPy's printer writes for SciPy."""
    function = _function(name)
    if name in CODE:
        return CODE[name]
    printer = importlib.import_module("sympy.printing.numpy").SciPyPrinter({"strict": False})
    text = str(printer.doprint(function(_sympy().Symbol("A"))))
    for module, short in MODULES.items():
        text = text.replace(module, short)
    return re.sub(r"\bA\b", "{A}", text)


def _latex(name: str) -> dict[str, str]:
    """Return SymPy's LaTeX, where it sets the argument in brackets."""
    text = _sympy().latex(_function(name)(_sympy().Symbol("SLOT")))
    if r"\left(SLOT" not in text:
        return {}
    return {"latex": re.sub(r"[{}]", lambda m: 2 * m[0], text).replace("SLOT", "{A}")}


def _domain(name: str) -> str:
    """Return where a function has real values; raise `RuleError` if that is nowhere."""
    function, rational = _function(name), _sympy().Rational
    exact = {"pi/2": _sympy().pi / 2, "-pi/2": -_sympy().pi / 2}
    for domain, points in DOMAINS.items():
        if all(_is_real(function(exact.get(p) or rational(p))) for p in points.split()):
            return domain
    raise RuleError(f"`{name}` of SymPy has no real values")


def _is_real(e: Any) -> bool:
    try:
        value = complex(e.evalf())
    except (TypeError, ValueError, ArithmeticError):
        return False
    return cmath.isfinite(value) and abs(value.imag) < 1e-12


def _variable() -> Any:
    return _sympy().Symbol("x", real=True)


def _sympy() -> Any:
    return importlib.import_module("sympy")
