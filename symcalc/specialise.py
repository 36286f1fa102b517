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
MAX_SHAPES = 1000  # that are remembered
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
    return any(costs.total(large) > GAIN * costs.total(ordered(costs.sizes)) for costs in probes)


DISPATCH = """\
def {name}({arguments}):
    try:
        chosen = {known}[{shapes}]
    except (KeyError, AttributeError, TypeError):
        chosen = {choose}({arguments})
    return chosen({arguments})
"""


def _dispatching(
    general: Function, make: Callable[[Sizes], Function], places: Mapping[str, tuple[int, int]]
) -> Function:
    """Return a function that looks its code up by the shapes of its arguments: one look, no loop.

    It is written out for the arguments that it has, which takes half the time of `*args`.
    """
    by_shapes: dict[tuple[Any, ...], Function] = {}
    by_magnitude: dict[tuple[int, ...], Function] = {}
    read = sorted({index for index, _ in places.values()})

    def choose(*args: Any) -> Function:
        try:
            sizes = {name: args[i].shape[axis] for name, (i, axis) in places.items()}
            magnitude = tuple(size.bit_length() for size in sizes.values())
            shapes = tuple(args[i].shape for i in read)
        except (AttributeError, IndexError):
            return general
        if magnitude not in by_magnitude:
            by_magnitude[magnitude] = make(sizes)
        if len(by_shapes) == MAX_SHAPES:
            by_shapes.clear()
        return by_shapes.setdefault(shapes, by_magnitude[magnitude])

    return _written(general, {"by_shapes": by_shapes, "choose": choose}, read)


def _written(general: Function, helpers: Mapping[str, Any], read: Sequence[int]) -> Function:
    """Return the dispatching function in the place of the general one."""
    names = list(inspect.signature(general).parameters)
    known, choose = (_beside(names, name) for name in helpers)
    source = DISPATCH.format(
        name=general.__name__, arguments=", ".join(names), known=known, choose=choose,
        shapes="".join(f"{names[k]}.shape, " for k in read),
    )  # fmt: skip
    scope = dict(zip((known, choose), helpers.values(), strict=True))
    exec(source, scope)
    function: Function = scope[general.__name__]
    function.__doc__ = general.__doc__
    function.source = general.source  # type: ignore[attr-defined]
    return function


def _beside(taken: Sequence[str], name: str) -> str:
    """Return a name that no argument has."""
    return name if name not in taken else _beside(taken, f"{name}_")
