"""A structured Hessian at given arrays: plans and compiled functions are kept from call to call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from symcalc.codegen import compiled, generate
from symcalc.errors import EvaluationError
from symcalc.evaluate import read_arrays
from symcalc.expr import Expr
from symcalc.shape import SCALAR
from symcalc.structure import Plan, Structures, full_value
from symcalc.structured import Dense, StructuredHessian

if TYPE_CHECKING:
    from symcalc.second import SecondDifferential

Array = Any
Exprs = tuple[Expr, ...]
NAME = "parts"


class StructureMaker:
    """Makes the structured Hessians of one second differential."""

    def __init__(self, second: SecondDifferential) -> None:
        if SCALAR in (v.shape for v in second.variables):
            raise EvaluationError("a derivative by a scalar has no structure: use `hessian`")
        if second.symmetric == "entries":
            raise EvaluationError('by the free entries (symmetric="entries") use `hessian`')
        self.second = second
        self.known = {
            **second.scope,
            **{v.name: v for v in (*second.hessian.variables, *second.variables)},
        }
        self.plans: dict[tuple[tuple[str, int], ...], Plan | None] = {}
        self.functions: dict[tuple[Exprs, Exprs], Callable[..., Any]] = {}

    def __call__(self, arrays: Mapping[str, Any]) -> StructuredHessian:
        """Return the Hessian at these arrays."""
        values, sizes = read_arrays(self.known, arrays)
        for variable in self.second.variables:
            if variable not in values:
                raise EvaluationError(f"no value for {variable.name}; pass {variable.name}=...")
        result, direction = (values[v].shape for v in self.second.variables)
        plan = self._plan(sizes)
        if plan is None:
            return Dense(
                result, direction, partial(self._along, values), partial(self._all, values)
            )
        found = self._values(plan.parts, values)
        full = [full_value(v, e) for v, e in zip(found, plan.parts, strict=True)]
        return plan.build(result, direction, full)

    def _plan(self, sizes: Mapping[str, int]) -> Plan | None:
        key = tuple(sorted(sizes.items()))
        if key not in self.plans:
            variable = self.second.variables[1].shape
            self.plans[key] = Structures(self.second.hessian, variable, sizes).plan()
        return self.plans[key]

    def _values(self, parts: Exprs, values: Mapping[Expr, Array]) -> tuple[Array, ...]:
        """Return the values of expressions by one function that shares their work."""
        key = (parts, tuple(values))
        if key not in self.functions:
            self.functions[key] = self._function(*key)
        found = self.functions[key](*values.values())
        return found if len(parts) > 1 else (found,)

    def _function(self, parts: Exprs, arguments: Exprs) -> Callable[..., Any]:
        missing = {v.name for e in parts for v in e.variables} - {v.name for v in arguments}
        if missing:
            raise EvaluationError(f"no value for {min(missing)}; pass {min(missing)}=...")
        outputs = {f"part_{k}": part for k, part in enumerate(parts, 1)}
        source = generate(outputs, arguments, NAME, "Parts of a Hessian", self.second.rules)
        return compiled(source, NAME)

    def _all(self, values: Mapping[Expr, Array]) -> Array:
        (matrix,) = self._values((self.second.hessian,), values)
        return np.asarray(matrix)

    def _along(self, values: Mapping[Expr, Array], direction: Array) -> Array:
        (along,) = self._values((self.second.action,), {**values, self.second.second: direction})
        return np.asarray(along)
