"""Compiled functions whose order of products depends on the sizes: chosen from the arrays.

A function is compiled for sizes that all count as large. Where that order would cost much more than
another one if a single dimension were small, the function looks at the shapes of its arguments and
compiles itself once for each order of magnitude of them. All others stay plain functions.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from symcalc.cost import Costs
from symcalc.expr import Expr
from symcalc.graph import postorder
from symcalc.lower import Lowering
from symcalc.rulebook import Rulebook
from symcalc.simplify import normalizer

SMALL = 5  # a size beside which all others are large
GAIN = 1.5  # another order must be that many times cheaper
MAX_NAMES, MAX_NODES = 6, 200  # beyond, trying each size would cost more than it can save
Function = Callable[..., Any]
Sizes = Mapping[str, int]


def specialised(
    general: Function,
    make: Callable[[Sizes], Function],
    outputs: Mapping[str, Expr],
    arguments: Sequence[Expr],
    book: Rulebook,
) -> Function:
    """Return the function itself, or one that chooses its order of products by its arguments."""
    places = _places(arguments)
    if len(places) < 2 or not _varies(outputs, list(places), book):
        return general
    return _dispatching(general, make, places)


def _places(arguments: Sequence[Expr]) -> dict[str, tuple[int, int]]:
    """Return from which argument and axis a size is read."""
    found: dict[str, tuple[int, int]] = {}
    for index, v in enumerate(arguments):
        for axis, dim in enumerate(v.shape):
            if isinstance(dim, str):
                found.setdefault(dim, (index, 0 if 1 in v.shape else axis))
    return found


def _varies(outputs: Mapping[str, Expr], names: Sequence[str], book: Rulebook) -> bool:
    """Whether the order for large sizes is a bad one where a single size is small."""
    n = normalizer(book)
    canonical = [n.canonical(e) for e in outputs.values()]
    if len(names) > MAX_NAMES or len(postorder(canonical)) > MAX_NODES:
        return False

    def ordered(sizes: Sizes) -> list[Expr]:
        return Lowering(book.algebra, sizes, n.attributes.of, True, True).lower(canonical)

    large, probes = ordered({}), [Costs({name: SMALL}) for name in names]
    return any(_cost(large, costs) > GAIN * _cost(ordered(costs.sizes), costs) for costs in probes)


def _cost(outputs: list[Expr], costs: Costs) -> float:
    return sum(costs.operation(node) for node in postorder(outputs))


def _dispatching(
    general: Function, make: Callable[[Sizes], Function], places: Mapping[str, tuple[int, int]]
) -> Function:
    known: dict[tuple[int, ...], Function] = {}
    wanted, signature = tuple(places.values()), inspect.signature(general)

    def function(*args: Any, **named: Any) -> Any:
        if named:
            args = signature.bind(*args, **named).args
        try:
            key = tuple([args[i].shape[axis].bit_length() for i, axis in wanted])
        except (AttributeError, IndexError):
            return general(*args)
        if key not in known:
            known[key] = make({n: args[i].shape[axis] for n, (i, axis) in places.items()})
        return known[key](*args)

    function.__name__, function.__doc__ = general.__name__, general.__doc__
    function.__signature__ = signature  # type: ignore[attr-defined]
    function.source = general.source  # type: ignore[attr-defined]
    return function
