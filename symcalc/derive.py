"""The whole pipeline on one screen: read, differentiate, move into trace form, simplify, read off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from symcalc.adjoint import gradients
from symcalc.assume import assumptions
from symcalc.differential import differential, direction
from symcalc.errors import ParseError, ShapeError
from symcalc.expr import Expr, in_scope
from symcalc.project import project
from symcalc.reader import Reading, read
from symcalc.rulebook import Rulebook, default_rules
from symcalc.shape import shape_text
from symcalc.simplify import simplify, unfold
from symcalc.steps import Step, derivation_steps, steps_latex, steps_text
from symcalc.verify import Verification, verify_gradient

LAYOUTS = ("denominator", "numerator")
CONVENTIONS = ("space", "entries")


def derive(
    f: str | Expr,
    wrt: str | Expr,
    *,
    where: Mapping[str, str] | str | None = None,
    rules: Rulebook | None = None,
    layout: str = "denominator",
    symmetric: str = "space",
) -> Derivation:
    """Differentiate a formula by one variable.

    `f` is text or an expression, `wrt` a variable or its name, `where` declares variables
    (`"X: matrix(n, m); S: spd matrix(n)"` or a mapping). For a scalar `f` the gradient has the shape of
    the variable (denominator layout: `df = sum(G .* dX)`); `layout="numerator"` transposes it.
    For a symmetric variable the gradient is taken in the space of symmetric matrices, `(G + G')/2`;
    `symmetric="entries"` gives partial derivatives by the free entries, `G + G' - G .* I`.

    Raises `ParseError`, `ShapeError` (with a caret) and `RuleError` (an operation without a rule).

    >>> print(derive("||A*X - B||_F^2", "X").gradient)
    2*A'*(A*X - B)
    """
    for value, allowed in ((layout, LAYOUTS), (symmetric, CONVENTIONS)):
        if value not in allowed:
            raise ParseError(f"{value!r} is not one of {', '.join(map(repr, allowed))}")
    book = rules or default_rules()
    reading = _reading(f, where, book)
    variable = _variable(wrt, reading, book)
    made = Derivation(
        reading.expr, variable, layout, symmetric, {**reading.scope, variable.name: variable}, book
    )
    if made.function.is_scalar:
        _ = made.gradient
    return made


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


def _reading(f: str | Expr, where: Mapping[str, str] | str | None, book: Rulebook) -> Reading:
    if isinstance(f, str):
        return read(f, where, book)
    if not isinstance(f, Expr):
        raise ParseError(f"a formula is text or an expression, not {type(f).__name__}")
    scope = dict(read("0", where, book).scope)
    return Reading(f, scope | dict(f.scope or {}) | {v.name: v for v in f.variables})


def _variable(wrt: str | Expr, reading: Reading, book: Rulebook) -> Expr:
    if isinstance(wrt, Expr):
        if wrt.op.role != "symbol":
            raise ParseError(f"`{wrt}` is not a variable: differentiate by a name")
        return wrt
    if not isinstance(wrt, str) or not wrt.strip().isidentifier():
        raise ParseError(f"`{wrt}` is not a variable: differentiate by a name such as `X`")
    name = wrt.strip()
    if name in reading.scope:
        return reading.scope[name]
    found = read(name, None, book).expr
    if found.op.role != "symbol":
        raise ParseError(f"`{name}` is not a variable of the formula")
    return found


@dataclass(frozen=True)
class Derivation:
    """The derivative of a function by a variable, and everything that was done to find it."""

    function: Expr
    variable: Expr
    layout: str
    symmetric: str
    scope: Mapping[str, Expr] = field(repr=False)
    rules: Rulebook = field(repr=False)

    @cached_property
    def differential(self) -> Expr:
        """The differential, an expression in the direction `dX`.

        >>> print(derive("X'*A*X", "X").differential)
        dX'*A*X + X'*A*dX
        """
        h = direction(self.variable)
        d = differential(self._unfolded, {self.variable: h}, self.rules)
        return self._known(simplify(d, self.rules, self.function), h)

    @cached_property
    def gradient(self) -> Expr:
        """The gradient of a scalar function, in the shape of the variable. Raises `ShapeError` else."""
        plain = self.raw_gradient
        projected = project(plain, self.variable, self.symmetric, self.rules)
        shown = self.rules.algebra.transpose(projected) if self.layout == "numerator" else projected
        return self._known(simplify(shown, self.rules, self.function))

    @cached_property
    def raw_gradient(self) -> Expr:
        """The gradient as the adjoints give it: not simplified, not projected on a structure."""
        if not self.function.is_scalar:
            raise ShapeError(
                f"the function is {shape_text(self.function.shape)}, not a scalar: it has a "
                "differential, but no gradient; take a trace, a norm or a sum of it"
            )
        one = self.rules.algebra.number(1)
        return gradients(self._unfolded, {self.variable: None}, one, self.rules)[self.variable]

    @cached_property
    def _unfolded(self) -> Expr:
        return unfold(self.function, self.rules)[0]

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The derivation as a person would write it: equalities, each with its rule and source."""
        return derivation_steps(self)

    @cached_property
    def assumptions(self) -> tuple[str, ...]:
        """What the result takes for granted: shapes and attributes, and where it holds."""
        declared = [f"{name}: {text}" for name, text in self.function.where.items()]
        if self.variable.name not in self.function.where:
            declared += [f"{n}: {t}" for n, t in self.variable.where.items()]
        return tuple(declared + assumptions(self._unfolded, self.variable))

    def verify(
        self,
        sizes: Mapping[str, int] | None = None,
        seed: int = 0,
        against: tuple[str, ...] = ("differences",),
    ) -> Verification:
        """Compare the gradient, and every step, with numbers at random points.

        `sizes` fixes dimensions (`{"n": 3}`), `against` names the judges: `"differences"` (central
        differences along random directions) and `"complex-step"`. Raises `EvaluationError` where
        no point of the domain is found.

        >>> derive("logdet(X)", "X").verify().passed
        True
        """
        return verify_gradient(self, dict(sizes or {}), seed, against)

    def latex(self, steps: bool = False) -> str:
        """Return the result as LaTeX, or the whole derivation as an `aligned` environment."""
        return steps_latex(self, steps)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def __str__(self) -> str:
        return steps_text(self, steps=False)

    def pretty(self, steps: bool = False) -> str:
        """Return the result, or the whole derivation, as text with Unicode signs."""
        return steps_text(self, steps=steps, pretty=True)

    def text(self, steps: bool = False) -> str:
        """Return the result, or the whole derivation, as plain text."""
        return steps_text(self, steps=steps)

    def evaluate(self, **arrays: Any) -> Any:
        """Return the value of the gradient; see `Expr.evaluate`."""
        return self.gradient.evaluate(**arrays)

    def _known(self, e: Expr, *more: Expr) -> Expr:
        """Let the result accept arrays for every declared variable."""
        return in_scope(e, {**self.scope, **{v.name: v for v in more}})
