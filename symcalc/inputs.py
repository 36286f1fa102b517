"""What a user asks for: a formula, declarations and a variable, each as text or as expressions."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from symcalc.errors import ParseError, ShapeError
from symcalc.expr import Expr, in_scope
from symcalc.late import interop
from symcalc.reader import Reading, read
from symcalc.rulebook import Rulebook, default_rules
from symcalc.scope import spelled_in
from symcalc.show import declaration
from symcalc.sympy_names import is_sympy


def reading_of(
    f: Any, where: Mapping[str, str] | str | None, book: Rulebook, mention: str = ""
) -> Reading:
    """Read text or an expression, also one of SymPy, with the declarations of both."""
    if isinstance(f, str):
        return read(f, where, book, mention=mention)
    if is_sympy(f):
        f = interop.from_sympy(f, book, where)
    if not isinstance(f, Expr):
        raise ParseError(f"a formula is text or an expression, not {type(f).__name__}")
    scope = f.declared()
    declared = {name: declaration(symbol) for name, symbol in scope.items()}
    known = read("0", declared | dict(_as_mapping(where)), book, mention=mention)
    return Reading(f, dict(known.scope) | scope, known.free)


def _as_mapping(where: Mapping[str, str] | str | None) -> Mapping[str, str]:
    if where is None or isinstance(where, Mapping):
        return where or {}
    return {name: declaration(v) for name, v in read("0", where, default_rules()).scope.items()}


def declared_with(
    wrt: Any, f: Any, where: Mapping[str, str] | str | None
) -> Mapping[str, str] | str | None:
    """Return the declarations, and that of a variable which is a symbol, here or of SymPy."""
    if isinstance(wrt, Expr) and wrt.op.role == "symbol" and isinstance(f, str):
        return {wrt.name: declaration(wrt), **_as_mapping(where)}
    if not is_sympy(wrt) or (isinstance(f, str) and not hasattr(wrt, "shape")):
        return where
    symbol = interop.from_sympy(wrt, default_rules(), where)
    return {**_as_mapping(where), variable_name(wrt): declaration(symbol)}


def variable_name(wrt: Any) -> str:
    """Return the name of the variable to differentiate by; raise `ParseError` for all else."""
    if isinstance(wrt, str) and wrt.strip().isidentifier():
        return wrt.strip()
    if is_sympy(wrt):
        wrt = interop.from_sympy(wrt, default_rules())
    if isinstance(wrt, Expr) and wrt.op.role == "symbol":
        return wrt.name
    with suppress(ParseError, ShapeError):
        read_as = read(wrt, None, default_rules()).expr
        if read_as.op.role == "symbol":
            return read_as.name
        if wrt.strip()[1:].isidentifier():  # `\\pi` is a number where nobody declares it
            return str(wrt.strip()[1:])
    raise ParseError(f"`{wrt}` is not a variable: differentiate by a name such as `X`")


def variable_of(wrt: Any, reading: Reading) -> Expr:
    """Return the variable to differentiate by, as it is declared in a reading."""
    found: Expr = reading.scope.get(spelled_in(variable_name(wrt), reading.scope), wrt)
    if isinstance(wrt, Expr) and found is not wrt:
        one, other = declaration(wrt), declaration(found)
        raise ShapeError(f"`{wrt}` is a {one}, and a {other} in the formula: pass its name")
    return found


def parse(
    text: str, where: Mapping[str, str] | str | None = None, rules: Rulebook | None = None
) -> Expr:
    """Read a formula. `parse(str(e), e.where)` is `e`.

    >>> print(parse("2X(A + B)'"))
    2*X*(A + B)'
    """
    reading = read(text, where, rules or default_rules())
    return in_scope(reading.expr, reading.scope)


def variables(where: Mapping[str, str] | str) -> tuple[Expr, ...]:
    """Return declared variables, to be combined with Python operators.

    >>> X, A = variables("X: matrix(n, m); A: symmetric matrix(n)")
    >>> print(X.T @ A @ X)
    X'*A*X
    """
    return tuple(read("0", where, default_rules()).scope.values())
