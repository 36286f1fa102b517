"""What generated code computes: the outputs lowered together, and what of them gets a name."""

from __future__ import annotations

from collections.abc import Mapping

from symcalc.cost import Costs
from symcalc.expr import Expr
from symcalc.graph import postorder
from symcalc.lower import Lowering
from symcalc.magnitude import stable
from symcalc.rulebook import Rulebook
from symcalc.simplify import normalizer
from symcalc.straight import straightened


def lowered(
    outputs: Mapping[str, Expr],
    book: Rulebook,
    sizes: Mapping[str, int] | None,
    real: bool,
    libraries: frozenset[str] = frozenset(),
) -> dict[str, Expr]:
    """Return the outputs in the form in which they are computed, work shared between them."""
    n = normalizer(book)
    canonical = [n.canonical(e) for e in stable(list(outputs.values()), book)]
    known = (book.algebra, sizes, n.attributes.of, real, True)

    def planned(inverses: bool) -> list[Expr]:
        first = Lowering(*known, frozenset(), libraries, inverses)
        free = first.computed(first.lower(canonical))  # the second round knows what there is
        return Lowering(*known, free, libraries, inverses).lower(canonical)

    inverted = any(e.op.role == "inverse" for e in postorder(canonical))
    plans = [planned(inverses) for inverses in ((True, False) if inverted else (True,))]
    costs = [Costs(sizes).total(plan) for plan in plans]
    return dict(zip(outputs, straightened(plans[costs.index(min(costs))]), strict=True))


def uses_of(outputs: list[Expr]) -> dict[Expr, int]:
    counts: dict[Expr, int] = {}
    for node in postorder(outputs):
        counts.setdefault(node, 0)
        for arg in node.args:
            counts[arg] += 1
    for output in outputs:
        counts[output] += 1
    return counts


def is_view(node: Expr) -> bool:
    """Whether a node costs nothing: the transpose of a vector, or of something that has a name."""
    return node.op.role == "transpose" and (1 in node.shape or not node.args[0].args)
