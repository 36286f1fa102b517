"""Value and gradient: the compiled derivation beside the expert, JAX and PyTorch."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.libraries import installed, on_jax, on_torch, own
from benchmarks.measure import Call, Timing, interleave
from benchmarks.problems import PROBLEMS, Arrays, Problem
from benchmarks.tables import Row
from symcalc import derive

TOLERANCE = 1e-8
PLAIN = "symcalc (numpy)"
RATIOS = (
    ("symcalc", "expert"), (PLAIN, "expert"), ("JAX", "expert"), ("JAX", "symcalc"),
    ("PyTorch", "symcalc"),
)  # fmt: skip


def in_order(function: Callable[..., Any], arrays: Arrays) -> Call:
    """Return a call by position, with arrays of its own."""
    mine = own(arrays)
    values = [mine[name] for name in inspect.signature(function).parameters]
    return lambda: function(*values)


def compiled(problem: Problem, target: str | None = None) -> Callable[..., Any]:
    """Return symcalc's function for value and gradient; without a target `compile()` chooses."""
    return derive(problem.formula, problem.wrt, where=problem.where).compile(target)


def contestants(problem: Problem, function: Callable[..., Any], arrays: Arrays) -> dict[str, Call]:
    """Return what computes value and gradient; libraries that are not installed are left out."""
    calls = {
        "symcalc": in_order(function, arrays),
        "expert": in_order(problem.expert, arrays),
    }
    plain: Any = compiled(problem, "numpy")
    if plain.source != getattr(function, "source", ""):
        calls[PLAIN] = in_order(plain, arrays)
    if installed("jax"):
        both: Any = lambda jax, value: jax.value_and_grad(value)  # noqa: E731
        calls["JAX"] = on_jax(problem.value, both, arrays, problem.wrt)
    if installed("torch"):
        calls["PyTorch"] = on_torch(problem.value, arrays, problem.wrt)
    return calls


def check(title: str, results: dict[str, Any]) -> None:
    """Raise `AssertionError` unless all results are the same numbers in the same shape."""
    (first, wanted), *others = results.items()
    for name, got in others:
        got, scale = np.asarray(got), 1 + np.max(np.abs(wanted))
        same = np.shape(got) == np.shape(wanted)
        if not same or np.max(np.abs(got - wanted)) > TOLERANCE * scale:
            raise AssertionError(f"{title}: {name} and {first} disagree")


def agree(title: str, calls: dict[str, Call]) -> None:
    """Check values and gradients of contestants against the first."""
    results = {name: call() for name, call in calls.items()}
    for part, index in (("value", 0), ("gradient", 1)):
        check(f"{title}, {part}", {name: np.asarray(r[index]) for name, r in results.items()})


def ratios(timing: Timing, pairs: tuple[tuple[str, str], ...] = RATIOS) -> Row:
    """Return the ratios of those contestants that ran."""
    ran = timing.samples
    return {f"{a}/{b}": timing.ratio(a, b) for a, b in pairs if a in ran and b in ran}


def rows(quick: bool = False) -> Iterator[Row]:
    """Yield a row for each problem and size."""
    for problem in PROBLEMS:
        function = compiled(problem)
        for n in problem.sizes[: 2 if quick else None]:
            arrays = problem.arrays(np.random.default_rng(n), n)
            calls = contestants(problem, function, arrays)
            agree(f"{problem.name}, n = {n}", calls)
            timing = interleave(calls, 0.2 if quick else 0.6, 3 if quick else 5)
            yield {
                "problem": problem.name,
                "n": n,
                "expert us": 1e6 * timing.seconds("expert"),
                **ratios(timing),
            }
