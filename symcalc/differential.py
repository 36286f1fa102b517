"""Step 1: the differential, a fold over the `d` columns. It is linear in the direction `dX`."""

from __future__ import annotations

from collections.abc import Mapping

from symcalc.algebra import LINEAR_ATTRIBUTES
from symcalc.errors import RuleError
from symcalc.expr import Expr
from symcalc.graph import postorder
from symcalc.op import Op
from symcalc.rows import REFUSAL
from symcalc.rulebook import Rulebook
from symcalc.template import Template


def direction(variable: Expr) -> Expr:
    """Return the direction `dX` of a variable: its shape, and the structure that sums keep."""
    kept = variable.attributes & LINEAR_ATTRIBUTES
    return variable.op.algebra.symbol(f"d{variable.name}", variable.shape, kept)


def rule(book: Rulebook, op: Op, index: int) -> Template | None:
    """Return the differential of a slot, None if constant; raise `RuleError` if none is known."""
    slot = op.slot(index).name
    text = (op.column("d") or {}).get(slot)
    if text == "0":
        return None
    template = book.body(op, "d", slot)
    if template is None:
        reason = text.removeprefix(REFUSAL) if text else "its row has no `d`"
        raise RuleError(f"`{op.name}` has no differential in slot {slot}: {reason}")
    return template


def instantiate(book: Rulebook, template: Template, e: Expr, index: int, extra: Expr) -> Expr:
    """Put the arguments of `e` and a direction or seed into a rule of its operation."""
    args = (e.args[index],) if e.op.variadic else e.args
    dims = e.sizes if template.uses_dims else None
    return template(book.algebra, (*args, extra), dims)


def dependents(order: list[Expr], on: Mapping[Expr, object]) -> set[Expr]:
    """Return the nodes of a postorder that depend on one of the given leaves."""
    found: set[Expr] = set()
    for node in order:
        if node in on or not found.isdisjoint(node.args) or any(p in on for p in node.parameters):
            found.add(node)
    return found


def differential(e: Expr, directions: Mapping[Expr, Expr], book: Rulebook) -> Expr:
    """Return `de` for the given directions of the variables, not simplified.

    Raises `RuleError` naming the operation and the slot where a rule is missing.
    """
    order = postorder([e])
    moving = dependents(order, directions)
    d: dict[Expr, Expr] = dict(directions)
    for node in order:
        if node in moving and node not in d:
            d[node] = local_differential(node, d, book)
    return d[e] if e in d else book.algebra.zeros(e.shape)


def local_differential(node: Expr, d: Mapping[Expr, Expr], book: Rulebook) -> Expr:
    """Apply the rules of one node, given the differentials of its arguments."""
    partial = book.algebra.partial
    terms = [book.algebra.times(d[p], partial(node, p)) for p in node.parameters if p in d]
    for index, arg in enumerate(node.args):
        if arg in d:
            template = rule(book, node.op, index)
            if template is not None:
                terms.append(instantiate(book, template, node, index, d[arg]))
    return book.algebra.sum_of(*terms) if terms else book.algebra.zeros(node.shape)
