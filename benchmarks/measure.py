"""Timing: contestants take turns in one run, so that what disturbs one disturbs all.

A sample is the mean of as many calls as fill `SAMPLE` seconds; a time is the median of the samples.
A ratio is the median of the ratios within a turn, not the ratio of two medians: it does not move
when the machine slows down half-way. On one processor the clock is the processor's: it stands still
while another program has the processor. Otherwise it is the clock on the wall.
"""

from __future__ import annotations

import gc
import math
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

Call = Callable[[], object]
SAMPLE = 2e-3
MOST_ROUNDS = 300


@dataclass(frozen=True)
class Timing:
    """Seconds per call, one sample for each contestant and turn."""

    samples: Mapping[str, tuple[float, ...]]

    def seconds(self, name: str) -> float:
        """Return the median time of one call."""
        return statistics.median(self.samples[name])

    def ratio(self, name: str, other: str) -> float:
        """Return the median of `name / other` over the turns."""
        pairs = zip(self.samples[name], self.samples[other], strict=True)
        return statistics.median(a / b for a, b in pairs)


def bound() -> bool:
    """Whether this process has one processor, and so one thread at a time."""
    return hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) == 1


clock = time.process_time if bound() else time.perf_counter


def interleave(contestants: Mapping[str, Call], seconds: float = 1.0, least: int = 5) -> Timing:
    """Time calls that take turns, for about `seconds` and at least `least` turns, warm."""
    repeats = {name: _repeats(call) for name, call in contestants.items()}
    samples: dict[str, list[float]] = {name: [] for name in contestants}
    names = list(contestants)
    start = clock()
    with _no_collection():
        for turn in range(MOST_ROUNDS):
            for k in range(len(names)):
                name = names[(k + turn) % len(names)]
                samples[name].append(_sample(contestants[name], repeats[name]))
            if turn + 1 >= least and clock() - start > seconds:
                break
    return Timing({name: tuple(values) for name, values in samples.items()})


def geometric_mean(values: list[float]) -> float:
    """Return the geometric mean of ratios; NaN of none."""
    return math.exp(statistics.fmean(map(math.log, values))) if values else math.nan


def _repeats(call: Call) -> int:
    call()
    took = min(_sample(call, 1) for _ in range(3))
    return max(1, math.ceil(SAMPLE / max(took, 1e-9)))


def _sample(call: Call, repeats: int) -> float:
    start = clock()
    for _ in range(repeats):
        call()
    return (clock() - start) / repeats


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the collector of garbage out of the samples."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
