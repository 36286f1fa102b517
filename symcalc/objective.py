"""A function for `scipy.optimize`: flat arrays in, value and flat gradient out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from symcalc.errors import EvaluationError
from symcalc.evaluate import read_arrays, size_of
from symcalc.expr import Expr
from symcalc.sample import inside, structured
from symcalc.show import brief, declaration
from symcalc.specialise import function_of

if TYPE_CHECKING:
    from symcalc.derivation import Derivation

Array = Any


class Objective:
    """`o(flat)` is the value and the gradient, `o.hessp(flat, direction)` the Hessian's action.

    `o.x0` is the start, `o.unflatten(flat)` gives a flat array the shape of the variable (C order).
    A structured variable (symmetric, lower, ...) is a full array; what the structure does not allow
    is projected away, so the gradient is that within the structure. Outside the domain (`spd`,
    `positive`, `unit`, a singular matrix) the value is infinite, and a line search comes back.
    """

    def __init__(self, d: Derivation, x0: Any, arrays: Mapping[str, Any]) -> None:
        self.derivation = d.usual
        self.variable = d.variable
        self._gradient = self.derivation.gradient  # refuses a function that is not a scalar
        given = {**arrays, self.variable.name: x0}
        self._known, sizes = read_arrays(self._scope, given)
        self._check(arrays)
        start = self._known.pop(self.variable)
        self.shape: tuple[int, ...] = np.shape(start)
        self.x0: Array = np.ravel(start)
        for v in self._scope.values():
            if v is not self.variable and v not in self._known:  # declared, and not needed
                self._known[v] = np.zeros([size_of(dim, sizes) for dim in v.shape if dim != 1])

    @property
    def _scope(self) -> Mapping[str, Expr]:
        return self.derivation.scope

    def _check(self, arrays: Mapping[str, Any]) -> None:
        name, start = self.variable.name, self._known[self.variable]
        if name in arrays:
            raise EvaluationError(f"{name} is what is sought: pass its start as x0")
        used = {*self.derivation.function.variables, *self._gradient.variables}
        missing = [v.name for v in self._scope.values() if v in used and v not in self._known]
        if missing:
            raise EvaluationError(f"no value for {', '.join(missing)}; pass {missing[0]}=...")
        if not (np.array_equal(structured(self.variable, start), start) and self._inside(start)):
            raise EvaluationError(f"x0 is not a {declaration(self.variable)}, as {name} is")

    def _inside(self, array: Array) -> bool:
        return bool(np.all(np.isfinite(array))) and inside(self.variable, array)

    def __call__(self, flat: Array) -> tuple[float, Array]:
        """Return the value and the flat gradient."""
        array = self.unflatten(flat)
        try:
            if self._inside(array):
                value, gradient = self._compiled(*self._arguments(array))
                return float(value), np.ravel(np.asarray(gradient, dtype=float))
        except np.linalg.LinAlgError:
            pass
        return np.inf, np.full(self.x0.shape, np.nan)

    def hessp(self, flat: Array, direction: Array) -> Array:
        """Return the Hessian at `flat`, applied to a direction, both flat."""
        arguments = self._arguments(self.unflatten(flat))
        return np.ravel(self._action(*arguments, self.unflatten(direction)))

    def unflatten(self, flat: Array) -> Array:
        """Return a flat array in the shape of the variable, within its structure."""
        return structured(self.variable, np.reshape(np.asarray(flat, dtype=float), self.shape))

    def _arguments(self, array: Array) -> list[Array]:
        values = {**self._known, self.variable: array}
        return [values[v] for v in self._scope.values()]

    @cached_property
    def _compiled(self) -> Callable[..., Any]:
        return self.derivation.compile()

    @cached_property
    def _action(self) -> Callable[..., Any]:
        second = self.derivation.second()
        arguments = [*self._scope.values(), second.second]
        return function_of(
            {"action": second.action}, arguments, "action", str(second.action), second.rules
        )

    def __repr__(self) -> str:
        name = self.variable.name
        return f"Objective({brief(self.derivation.function)} by {name}, {self.x0.size} numbers)"
