"""Compiled functions: generated, checked at the door, their order of products chosen by the sizes.

A function is compiled for sizes that all count as large. Where that order would cost much more than
another one if a single dimension were small, it is compiled once for each order of magnitude of the
shapes of its arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from symcalc.codegen import compiled, generate
from symcalc.cost import Costs
from symcalc.expr import Expr
from symcalc.graph import postorder
from symcalc.guard import converted, fitted, guarded, measured
from symcalc.lower import Lowering
from symcalc.pools import default_target
from symcalc.rulebook import Rulebook
from symcalc.simplify import normalizer
from symcalc.targets import TARGETS

SMALL = 5  # a size beside which all others are large
GAIN = 1.5  # another order must be that many times cheaper
MAX_NAMES, MAX_NODES = 6, 200  # beyond, trying each size would cost more than it can save
Function = Callable[..., Any]
Sizes = Mapping[str, int]


def function_of(
    outputs: Mapping[str, Expr],
    arguments: Sequence[Expr],
    name: str,
    summary: str,
    book: Rulebook,
    target: str | None = None,
    sizes: Sizes | None = None,
) -> Function:
    """Return a function of `arguments` that computes `outputs`, with its source as `.source`.

    Without a target it is SciPy's LAPACK where that stands in no way, else NumPy.
    """
    target = default_target() if target is None else target

    def make(sizes: Sizes | None) -> Function:
        return compiled(generate(outputs, arguments, name, summary, book, target, sizes), name)

    general, row = make(sizes), TARGETS[target]
    if row.fitted:
        return fitted(general, arguments)
    fixed = sizes is not None or not row.real
    names = [] if fixed else _sizes_that_matter(outputs, arguments, book)
    if not (names or row.checked):
        return general
    pick = _chooser(general, make, names)
    return guarded(general, arguments, pick, converted if row.checked else measured)


def _chooser(
    general: Function, make: Callable[[Sizes], Function], names: Sequence[str]
) -> Callable[[Sizes], Function]:
    """Return what chooses a function by the orders of magnitude of these sizes."""
    known: dict[tuple[int, ...], Function] = {}

    def choose(sizes: Sizes) -> Function:
        magnitude = tuple(sizes[name].bit_length() for name in names if name in sizes)
        if magnitude not in known:
            known[magnitude] = make(sizes) if len(magnitude) == len(names) > 0 else general
        return known[magnitude]

    return choose


def _sizes_that_matter(
    outputs: Mapping[str, Expr], arguments: Sequence[Expr], book: Rulebook
) -> list[str]:
    """Return the sizes if the order for large ones is a bad one where a single one is small."""
    names = list(dict.fromkeys(d for v in arguments for d in v.shape if isinstance(d, str)))
    n = normalizer(book)
    canonical = [n.canonical(e) for e in outputs.values()]
    if not 2 <= len(names) <= MAX_NAMES or len(postorder(canonical)) > MAX_NODES:
        return []

    def ordered(sizes: Sizes) -> list[Expr]:
        return Lowering(book.algebra, sizes, n.attributes.of, True, True).lower(canonical)

    large, probes = ordered({}), [Costs({name: SMALL}) for name in names]
    varies = any(costs.total(large) > GAIN * costs.total(ordered(costs.sizes)) for costs in probes)
    return names if varies else []
