"""`derive`: what a user asks for becomes a derivation. Formulas asked again are remembered."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from itertools import chain
from typing import Any

from symcalc.again import ambient
from symcalc.collector import uncollected
from symcalc.derivation import CONVENTIONS, LAYOUTS, Derivation
from symcalc.errors import ParseError
from symcalc.expr import Expr
from symcalc.inputs import declared_with, reading_of, variable_name, variable_of
from symcalc.rulebook import Rulebook, default_rules

Declarations = tuple[tuple[str, str], ...] | str | None
REMEMBERED = 256
MAX_TEXT = 1000  # signs of a formula that is remembered


@uncollected
def derive(
    f: str | Expr | Any,
    wrt: str | Expr | Any,
    *,
    where: Mapping[str, str] | str | None = None,
    rules: Rulebook | None = None,
    layout: str = "denominator",
    symmetric: str = "space",
) -> Derivation:
    """Differentiate a formula by one variable.

    `f` is text or an expression (of symcalc or of SymPy), `wrt` a variable or its name, `where`
    declares variables (`"X, Y: matrix(n, m); S: spd matrix(n)"` or a mapping). For a scalar `f`
    the gradient has the shape of the variable (denominator layout: `df = sum(G .* dX)`);
    `layout="numerator"` transposes it.
    For a symmetric variable the gradient is taken in the space of symmetric matrices, `(G + G')/2`;
    `symmetric="entries"` gives partial derivatives by the free entries, `G + G' - G .* I`.

    The last 256 formulas given as text are remembered, and not worked out again.

    Raises `ParseError`, `ShapeError` (with a caret) and `RuleError` (an operation without a rule).

    >>> print(derive("||A*X - B||_F^2", "X").gradient)
    2*A'*(A*X - B)
    """
    for value, allowed in ((layout, LAYOUTS), (symmetric, CONVENTIONS)):
        if value not in allowed:
            raise ParseError(f"{value!r} is not one of {', '.join(map(repr, allowed))}")
    book = rules or default_rules()
    declared = tuple(where.items()) if isinstance(where, Mapping) else where
    find = _remembered if _is_short_text(f, wrt, declared) else _found
    made = _copied(find(f, wrt, declared, book, layout, symmetric))
    made.put_in_force()
    return made


def _copied(remembered: Derivation) -> Derivation:
    """Return a derivation that its user may ask for more, apart from the one that is remembered."""
    made = object.__new__(Derivation)
    made.__dict__.update(remembered.__dict__)
    return made


def _is_short_text(f: Any, wrt: Any, where: Any) -> bool:
    words = [f, wrt, *chain(*where)] if isinstance(where, tuple) else [f, wrt, where or ""]
    return all(isinstance(word, str) for word in words) and len(f) <= MAX_TEXT


def _found(
    f: Any, wrt: Any, where: Declarations, book: Rulebook, layout: str, symmetric: str
) -> Derivation:
    declared = dict(where) if isinstance(where, tuple) else where
    reading = reading_of(f, declared_with(wrt, f, declared), book, variable_name(wrt))
    variable = variable_of(wrt, reading)
    made = Derivation(
        reading.expr, variable, layout, symmetric, {**reading.scope, variable.name: variable}, book,
        reading.free, notes=reading.notes,
    )  # fmt: skip
    made = ambient(made, variable)
    if made.function.is_scalar:
        _ = made.gradient
    return made


_remembered = lru_cache(REMEMBERED)(_found)


def forget() -> None:
    """Drop the derivations that are remembered: the next one is worked out anew."""
    _remembered.cache_clear()
