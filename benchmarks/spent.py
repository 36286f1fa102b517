"""Where the time goes: the stages and modules of a derivation, the lines of compiled functions."""

from __future__ import annotations

import ast
import cProfile
import pstats
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.derivation import long_sum, network
from benchmarks.formulas import FORMULAS
from benchmarks.gradients import compiled
from benchmarks.libraries import own
from benchmarks.measure import clock, interleave
from benchmarks.problems import PROBLEMS
from benchmarks.tables import Row
from symcalc import derive
from symcalc.derive import forget

STAGES = {  # what `derive` calls, with everything below it
    "read": ("inputs.py", "reading_of"),
    "normal form of the function": ("simplify.py", "unfold"),
    "adjoints": ("adjoint.py", "gradients"),
    "simplify the gradient": ("simplify.py", "simplify"),
}
COMPILED = ("Gaussian", "masked factorisation", "softmax cross-entropy, batch")
MODULES = 8
Key = tuple[str, int, str]


def typical() -> None:
    for problem in FORMULAS.values():
        _derive(problem)


KINDS: dict[str, Callable[[], Any]] = {
    "typical formulas": typical,
    "sum of 1000 terms": lambda: _derive(long_sum(1000)),
    "network of 100 layers": lambda: _derive(network(100)),
}


def _derive(problem: tuple[Any, str, Any]) -> None:
    formula, wrt, where = problem
    forget()
    derive(formula, wrt, where=where)


def stage_rows(quick: bool = False) -> Iterator[Row]:
    """Yield the share of each stage (with what it calls) and of the busiest modules (alone)."""
    for kind, run in KINDS.items():
        stats, total = _profiled(run, 1 if quick else 5)
        for stage, place in STAGES.items():
            spent = sum(s[3] for key, s in stats.items() if (Path(key[0]).name, key[2]) == place)
            yield {"formulas": kind, "part": stage, "percent": 100 * spent / total}
        alone: Counter[str] = Counter()
        for key, s in stats.items():
            alone["built-in functions" if key[0] == "~" else Path(key[0]).name] += s[2]
        for module, spent in alone.most_common(MODULES):
            yield {"formulas": kind, "part": f"{module} alone", "percent": 100 * spent / total}


def _profiled(run: Callable[[], Any], times: int) -> tuple[dict[Key, Any], float]:
    """Return calls, own and cumulative time of each function, and the total."""
    run()
    profile = cProfile.Profile(clock)
    profile.enable()
    for _ in range(times):
        run()
    profile.disable()
    stats = pstats.Stats(profile)
    return stats.stats, stats.total_tt  # type: ignore[attr-defined]


def line_rows(quick: bool = False) -> Iterator[Row]:
    """Yield the time of each statement of some compiled functions, run one after the other."""
    for problem in PROBLEMS:
        if problem.name in COMPILED:
            n = 30 if quick else 500
            arrays = own(problem.arrays(np.random.default_rng(n), n))
            yield from _lines(f"{problem.name}, n = {n}", compiled(problem).source, arrays)


def _lines(title: str, source: str, arrays: dict[str, Any]) -> Iterator[Row]:
    *helpers, function = ast.parse(source).body
    scope = dict(arrays)
    exec(compile(ast.Module(helpers, []), "<helpers>", "exec"), scope)
    times = {}
    for statement in function.body[1:-1]:  # without the docstring and the return
        code = compile(ast.Module([statement], []), "<statement>", "exec")
        timing = interleave({"line": lambda code=code: exec(code, scope)}, 0.2, 3)
        times[ast.unparse(statement)] = timing.seconds("line")
    for line, seconds in times.items():
        share = 100 * seconds / sum(times.values())
        yield {"function": title, "line": f"`{line}`", "us": 1e6 * seconds, "percent": share}
