"""How long a derivation takes: typical formulas beside SymPy, and growth with size."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import sympy as sp

from benchmarks.formulas import FORMULAS
from symcalc import derive

n, m, p = sp.symbols("n m p", integer=True, positive=True)
A, S, X = (sp.MatrixSymbol(name, n, n) for name in "ASX")
B = sp.MatrixSymbol("B", n, p)
Xr = sp.MatrixSymbol("X", m, p)
Ar = sp.MatrixSymbol("A", n, m)
x = sp.MatrixSymbol("x", n, 1)
# What SymPy differentiates rightly; for the others it has no answer, or answers 0.
SYMPY: dict[str, Callable[[], object]] = {
    "quadratic form": lambda: (x.T * A * x).diff(x),
    "matrix least squares": lambda: sp.Trace((Ar * Xr - B).T * (Ar * Xr - B)).diff(Xr),
    "trace of an inverse": lambda: sp.Trace(X.inv() * A).diff(X),
    "power": lambda: sp.Trace(A * X * X * X).diff(X),
}


def median_ms(run: Callable[[], object], rounds: int) -> float:
    """Return the median time of one call in milliseconds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def typical(rounds: int = 15) -> list[dict[str, object]]:
    """Time the typical formulas, warm: gradient, second differential, SymPy where it can."""
    rows = []
    for name, (formula, wrt, where) in FORMULAS.items():

        def first(formula=formula, wrt=wrt, where=where):
            return derive(formula, wrt, where=where)

        def second(first=first):
            return first().second().action

        second()
        row = {"formula": name, "gradient ms": median_ms(first, rounds)}
        row["second ms"] = median_ms(second, rounds)
        if name in SYMPY:
            SYMPY[name]()
            row["SymPy ms"] = median_ms(SYMPY[name], 3)
            row["SymPy / symcalc"] = row["SymPy ms"] / row["gradient ms"]
        rows.append(row)
    return rows


def product(k: int) -> tuple[str, str, dict[str, str]]:
    names = [f"X_{i}" for i in range(k)]
    return f"tr({'*'.join(names)})", names[k // 2], dict.fromkeys(names, "matrix(n)")


def long_sum(k: int) -> tuple[str, str, dict[str, str]]:
    names = [f"A_{i}" for i in range(k)]
    where = dict.fromkeys(names, "matrix(n)") | {"x": "vector(n)"}
    return " + ".join(f"x'*{name}*x" for name in names), "x", where


def network(k: int) -> tuple[str, str, dict[str, str]]:
    names = [f"W_{i}" for i in range(k)]
    text = "x"
    for name in names:
        text = f"tanh({name}*{text})"
    return f"sum({text})", "W_0", dict.fromkeys(names, "matrix(n)") | {"x": "vector(n)"}


def growth() -> list[dict[str, object]]:
    """Time products, sums and networks of growing size; microseconds per factor, term or layer."""
    rows = []
    for kind, make in (("product", product), ("sum", long_sum), ("network", network)):
        for k in (10, 30, 100, 300, 1000, 3000):
            formula, wrt, where = make(k)
            ms = median_ms(lambda f=formula, w=wrt, d=where: derive(f, w, where=d), 3)
            rows.append({"kind": kind, "size": k, "ms": ms, "us each": 1e3 * ms / k})
    return rows
