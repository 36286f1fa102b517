"""How long a derivation takes: typical formulas beside SymPy, loading, and growth with size."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import sympy as sp

from benchmarks.formulas import FORMULAS
from benchmarks.measure import Timing, clock, interleave
from benchmarks.sympy_forms import FORMS, numeric, symbolic
from benchmarks.tables import Row
from symcalc import derive, sin, tr, variables
from symcalc.derive import forget

Problem = tuple[Any, str, Any]  # formula, variable, declarations
TOLERANCE = 1e-9
TOO_LONG = 20.0  # seconds for one derivation, after which a kind of formula grows no further
PROGRAMS = {
    "import numpy": "import numpy",
    "import symcalc": "import symcalc",
    "import symcalc, first derivation": "import symcalc; symcalc.derive('||A*X - B||_F^2', 'X')",
    "import sympy": "import sympy",
}


def sympy_agrees(name: str) -> bool:
    """Whether SymPy's answer is right: symcalc's gradient has the same values at a random point."""
    formula, wrt, where = FORMULAS[name]
    gradient = derive(formula, wrt, where=where).gradient
    try:
        function, variable = numeric(name)
        answer = function.diff(variable)
        values = _point(answer, function)
        got = np.asarray(answer.subs(values).doit().as_explicit(), dtype=float)
    except (NotImplementedError, AttributeError, TypeError, ValueError):
        return False
    arrays = {s.name: _array(value) for s, value in values.items()}
    wanted = gradient.evaluate(**{k: arrays[k] for k in gradient.where if k in arrays})
    return got.size == np.size(wanted) and np.allclose(
        got.reshape(np.shape(wanted)), wanted, TOLERANCE, TOLERANCE
    )


def _point(*expressions: Any) -> dict[Any, Any]:
    """Return small fractions for all names; square matrices are symmetric and positive definite."""
    rng = np.random.default_rng(0)
    used = {s for e in expressions for s in e.free_symbols}
    return {s: _draw(rng, s) for s in sorted(used, key=str)}


def _draw(rng: np.random.Generator, symbol: Any) -> Any:
    if not isinstance(symbol, sp.MatrixSymbol):
        return sp.Float(rng.random())
    rows, columns = map(int, symbol.shape)
    a = rng.standard_normal((rows, columns))
    if rows == columns and symbol.name == "S":
        a = a @ a.T + np.eye(rows)
    return sp.ImmutableMatrix(a)


def _array(value: Any) -> Any:
    if isinstance(value, sp.MatrixBase):
        a = np.array(value, dtype=float)
        return a.ravel() if a.shape[1] == 1 else a
    return float(value)


def typical(quick: bool = False) -> Iterator[Row]:
    """Time the typical formulas: gradient and second differential worked out anew with the rules
    read, the gradient asked again, and SymPy, with its cache, where it is right."""
    for name, (formula, wrt, where) in FORMULAS.items():

        def again(formula: str = formula, wrt: str = wrt, where: Any = where) -> Any:
            return derive(formula, wrt, where=where)

        def first(again: Callable[[], Any] = again) -> Any:
            forget()
            return again()

        def second(first: Callable[[], Any] = first) -> Any:
            return first().second().action

        calls = {"first": first, "second": second, "again": again}
        right = name in FORMS and sympy_agrees(name)
        if right:
            f, variable = symbolic(name)
            calls["SymPy"] = lambda f=f, v=variable: f.diff(v)
        timing = interleave(calls, 0.2 if quick else 1.0, 3)
        yield {
            "formula": name,
            "gradient ms": 1e3 * timing.seconds("first"),
            "gradient and second ms": 1e3 * timing.seconds("second"),
            "asked again ms": 1e3 * timing.seconds("again"),
            "SymPy/symcalc": timing.ratio("SymPy", "first") if right else "wrong or fails",
        }


def loading(quick: bool = False) -> Iterator[Row]:
    """Time imports in fresh processes that take turns."""
    timing = _fresh(3 if quick else 9)
    for name in PROGRAMS:
        ratio = timing.ratio(name, "import numpy")
        yield {"program": name, "ms": 1e3 * timing.seconds(name), "to import numpy": ratio}


def _fresh(turns: int) -> Timing:
    samples: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(turns + 1):  # the first writes the compiled modules
            for name, program in PROGRAMS.items():
                seconds = _seconds_inside(program, folder)
                samples[name] += [seconds] if turn else []
    return Timing({name: tuple(values) for name, values in samples.items()})


def _seconds_inside(program: str, folder: str) -> float:
    """Return how long a program takes, without the start of the interpreter."""
    timed = f"from time import {clock.__name__} as t; s = t(); {program}; print(t() - s)"
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(
        [sys.executable, "-c", timed], env=environment, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def product(k: int) -> Problem:
    names = [f"X_{i}" for i in range(k)]
    return f"tr({'*'.join(names)})", names[k // 2], dict.fromkeys(names, "matrix(n)")


def long_sum(k: int) -> Problem:
    names = [f"A{i}" for i in range(k)]
    where = dict.fromkeys(names, "matrix(n)") | {"x": "vector(n)"}
    return "+".join(f"x'*{name}*x" for name in names), "x", where


def network(k: int) -> Problem:
    names = [f"W_{i}" for i in range(k)]
    text = "x"
    for name in names:
        text = f"tanh({name}*{text})"
    return f"sum({text})", "W_0", dict.fromkeys(names, "matrix(n)") | {"x": "vector(n)"}


def shared(k: int) -> Problem:
    """Return `e -> A*sin(e)*e` `k` times over: a tree of 2^k leaves."""
    A, e = variables("A: matrix(n); X: matrix(n)")
    for _ in range(k):
        e = A @ sin(e) @ e
    return tr(e), "X", None


GROWING: dict[str, tuple[Callable[[int], Problem], tuple[int, ...]]] = {
    "product": (product, (10, 30, 100, 300, 1000, 3000)),
    "sum": (long_sum, (10, 100, 1000, 10_000, 30_000)),
    "network": (network, (10, 30, 100, 300, 1000, 3000)),
    "shared": (shared, (1, 2, 5, 10, 20)),
}


def growth(quick: bool = False) -> Iterator[Row]:
    """Time formulas of growing size, reading and all; microseconds per factor, term or layer."""
    for kind, (make, sizes) in GROWING.items():
        for k in sizes[: 3 if quick else None]:
            formula, wrt, where = make(k)
            times = [_once(formula, wrt, where) for _ in range(3)]
            seconds = statistics.median(times[: 1 if times[0] > TOO_LONG / 4 else 3])
            yield {"kind": kind, "parts": k, "ms": 1e3 * seconds, "us each": 1e6 * seconds / k}
            if seconds > TOO_LONG:
                break


def _once(formula: Any, wrt: str, where: Any) -> float:
    forget()
    start = clock()
    derive(formula, wrt, where=where)
    return clock() - start
