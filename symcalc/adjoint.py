"""Steps 2 and 3: adjoints move everything off the direction, `tr(G'*L(H)) = tr(L*(G)'*H)`.

The pullback of a slot is the adjoint of its differential, taken once per row: nobody writes it by
hand. What stands against the direction at the end is the gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from symcalc.differential import dependents, instantiate, rule
from symcalc.errors import RuleError
from symcalc.expr import Expr
from symcalc.graph import postorder
from symcalc.op import Op
from symcalc.rulebook import Rulebook
from symcalc.template import Template

Pull = Callable[[Expr, int, Expr], Expr | None]


def transpose_linear(e: Expr, h: Expr, seed: Expr, book: Rulebook) -> Expr:
    """Return `L*(seed)` for `e = L(h)`, linear in the leaf `h`, by the `adjoint` columns."""

    def pull(node: Expr, index: int, g: Expr) -> Expr:
        slot = node.op.slot(index).name
        template = book.body(node.op, "adjoint", slot)
        if template is None:
            raise RuleError(
                f"`{node.op.name}` has no adjoint in slot {slot}: it is not linear there"
            )
        return instantiate(book, template, node, index, g)

    return _sweep(e, {h: None}, seed, pull, book)[h]


def pullback(book: Rulebook, op: Op, index: int) -> Template | None:
    """Return the adjoint of the differential of a slot as a template over (slots, G)."""
    slot = op.slot(index)
    key = ("pullback", op, slot.name)
    if key not in book.cache:
        book.cache[key] = _derive_pullback(book, op, index)
    found: Template | None = book.cache[key]
    return found


def _derive_pullback(book: Rulebook, op: Op, index: int) -> Template | None:
    template = rule(book, op, index)
    if template is None:
        return None
    slot = op.slot(index)
    h = book.algebra.symbol("H", (slot.rows, slot.cols))
    g = book.algebra.symbol("G", (op.rows, op.cols))
    names = [s.name for s in op.slots]
    return Template(transpose_linear(template.body, h, g, book), [*names, "G"])


def gradients(
    e: Expr, variables: Mapping[Expr, object], seed: Expr, book: Rulebook
) -> dict[Expr, Expr]:
    """Return for each variable the G with `tr(seed'*de) = tr(G'*dX)`; zero if `e` is constant."""

    def pull(node: Expr, index: int, g: Expr) -> Expr | None:
        template = pullback(book, node.op, index)
        return instantiate(book, template, node, index, g) if template else None

    return _sweep(e, variables, seed, pull, book)


def _sweep(
    e: Expr, variables: Mapping[Expr, object], seed: Expr, pull: Pull, book: Rulebook
) -> dict[Expr, Expr]:
    """Pass the seed from `e` down to the variables; `pull` takes it through one slot of a node."""
    order = postorder([e])
    moving = dependents(order, variables)
    parts: dict[Expr, list[Expr]] = {node: [] for node in (*moving, *variables)}
    if e in moving:
        parts[e].append(seed)
    for node in reversed(order):
        if node in moving and node not in variables and parts[node]:
            g = book.algebra.sum_of(*parts.pop(node))
            for p in node.parameters:
                if p in variables:
                    parts[p].append(book.algebra.frobenius(book.algebra.partial(node, p), g))
            for index, arg in enumerate(node.args):
                if arg in moving and (part := pull(node, index, g)) is not None:
                    parts[arg].append(part)
    zeros = book.algebra.zeros
    return {v: book.algebra.sum_of(*parts[v]) if parts[v] else zeros(v.shape) for v in variables}
