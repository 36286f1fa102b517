"""Hessians and Hessian-vector products beside the expert and JAX."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.curvature import CURVATURES, Curvature
from benchmarks.gradients import check, in_order, ratios
from benchmarks.libraries import Value, installed, on_jax, own
from benchmarks.measure import Call, interleave
from benchmarks.problems import Arrays, Rng
from benchmarks.tables import Row
from symcalc import derive

Array = Any
DIRECTION = "direction"
RATIOS = (
    ("symcalc", "expert"), ("JAX", "expert"), ("JAX", "symcalc"), ("JAX", "structured")
)  # fmt: skip


def second(problem: Curvature) -> Any:
    """Return symcalc's second differential."""
    return derive(problem.formula, problem.wrt, where=problem.where).second()


def of_hessian(problem: Curvature, s: Any, arrays: Arrays) -> dict[str, Call]:
    """Return what computes the Hessian: as a matrix, and where it has a structure, as that."""
    arrays = without_direction(arrays)
    names = inspect.signature(problem.expert).parameters
    calls = {
        "symcalc": in_order(s.compile(), arrays),
        "expert": in_order(problem.expert, {name: arrays[name] for name in names}),
    }
    if s.structure not in ("dense", "scalar"):
        mine = own(arrays)
        calls["structured"] = lambda: s.structured(**mine)
    if installed("jax"):
        hessian: Any = lambda jax, value: jax.hessian(value)  # noqa: E731
        calls["JAX"] = on_jax(problem.value, hessian, arrays, problem.wrt)
    return calls


def without_direction(arrays: Arrays) -> Arrays:
    return {name: a for name, a in arrays.items() if name != DIRECTION}


def of_action(problem: Curvature, action: Value, name: str, arrays: Arrays) -> dict[str, Call]:
    """Return what computes the product of the Hessian with the direction among the arrays.

    `name` is what symcalc calls the direction.
    """
    given = {**without_direction(arrays), name: arrays[DIRECTION]}
    calls = {"symcalc": in_order(action, given)}
    if installed("jax"):

        def value(xp: Any, direction: Array, **given: Array) -> Any:
            return problem.value(xp, **given)

        calls["JAX"] = on_jax(value, forward_over_reverse, arrays, problem.wrt)
    return calls


def forward_over_reverse(jax: Any, value: Value) -> Value:
    """Return the derivative of the gradient along the last argument."""
    slope = jax.grad(value)
    return lambda x, *rest: jax.jvp(lambda x: slope(x, *rest), (x,), (rest[-1],))[1]


def directed(problem: Curvature, rng: Rng, arrays: Arrays) -> Arrays:
    """Return the arrays and a direction of the variable, symmetric where the variable is."""
    by = rng.standard_normal(np.shape(arrays[problem.wrt]))
    return {**arrays, DIRECTION: by + by.T if problem.symmetric else by}


def along(hessian: Array, by: Array) -> Array:
    """Apply a Hessian to a direction: a matrix in vec order, or JAX's array of twice the axes."""
    h = np.asarray(hessian)
    if h.ndim == 4:
        return np.tensordot(h, by, 2)
    return (h @ by.ravel("F")).reshape(by.shape, order="F")


def agree(problem: Curvature, calls: dict[str, Call], arrays: Arrays) -> None:
    """Check Hessians along a direction, and their entries where the variable has no structure."""
    title, by = f"Hessian of {problem.name}", arrays[DIRECTION]
    results = {name: call() for name, call in calls.items() if name != "structured"}
    check(title, {name: along(h, by) for name, h in results.items()})
    if not problem.symmetric:
        check(title, {name: h for name, h in results.items() if name != "JAX"})


def hessian_rows(quick: bool = False) -> Iterator[Row]:
    """Yield a row for each Hessian and size."""
    for problem in CURVATURES:
        s = second(problem)
        for n in problem.sizes[: 1 if quick else None]:
            rng = np.random.default_rng(n)
            arrays = problem.arrays(rng, n)
            calls = of_hessian(problem, s, arrays)
            agree(problem, calls, directed(problem, rng, arrays))
            timing = interleave(calls, 0.2 if quick else 0.6, 3 if quick else 5)
            yield {
                "Hessian": problem.name,
                "n": n,
                "structure": s.structure,
                "expert us": 1e6 * timing.seconds("expert"),
                **ratios(timing, RATIOS),
            }


def action_rows(quick: bool = False) -> Iterator[Row]:
    """Yield a row for each Hessian-vector product and size."""
    for problem in CURVATURES:
        s = second(problem)
        action = s.compile(form="action")
        for n in problem.actions[: 1 if quick else None]:
            rng = np.random.default_rng(n)
            arrays = directed(problem, rng, problem.arrays(rng, n))
            calls = of_action(problem, action, s.second.name, arrays)
            check(f"product of {problem.name}", {name: call() for name, call in calls.items()})
            timing = interleave(calls, 0.2 if quick else 0.4, 3 if quick else 5)
            yield {
                "Hessian-vector product": problem.name,
                "n": n,
                "symcalc us": 1e6 * timing.seconds("symcalc"),
                **ratios(timing, RATIOS),
            }
