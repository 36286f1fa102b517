"""Step 5: the matrix of a linear map, `vec(L(H)) = M*vec(H)`, a fold over the `vec` columns.

For vectors the Kronecker factors are 1-by-1 and vanish, so `x'*A*x` has the Hessian `A + A'`.
"""

from __future__ import annotations

from symcalc.differential import dependents, instantiate
from symcalc.errors import RuleError
from symcalc.expr import Expr, rebuild
from symcalc.graph import postorder
from symcalc.lower import nothing_known
from symcalc.lower_rows import Matcher
from symcalc.rulebook import Rulebook
from symcalc.shape import Shape, dim_mul


def linear_matrix(e: Expr, h: Expr, book: Rulebook) -> Expr:
    """Return M with `vec(e) = M*vec(h)` for `e` linear in the leaf `h`, not simplified.

    Raises `RuleError` where an operation that stands over `h` has no `vec` column.
    """
    algebra = book.algebra
    e = _respelled(e, h, book)
    order = postorder([e])
    moving = dependents(order, {h: None})
    matrices = {h: algebra.identity(dim_mul(*h.shape))}
    for node in order:
        if node in moving and node is not h:
            matrices[node] = _combined(node, matrices, book)
    return matrices[e] if e in matrices else algebra.zeros(matrix_shape(e.shape, h.shape))


def matrix_shape(result: Shape, variable: Shape) -> Shape:
    """Return the shape of the matrix of a linear map between two shapes."""
    return (dim_mul(*result), dim_mul(*variable))


def _respelled(e: Expr, h: Expr, book: Rulebook) -> Expr:
    """Apply the rows of the stage "vec" where what they name moves with `h`: shorter matrices."""
    order = postorder([e])
    moving = dependents(order, {h: None})
    done: dict[Expr, Expr] = {}
    for node in order:
        made = rebuild(node, tuple(done[arg] for arg in node.args))
        done[node] = _by_row(made, node, moving, book) if node in moving else made
    return done[e]


def _by_row(made: Expr, node: Expr, moving: set[Expr], book: Rulebook) -> Expr:
    matcher = Matcher(nothing_known, book.algebra.transpose, lambda run: run[0], True)
    for row in book.vec_rows:
        named = zip(row.lhs.args, node.args, strict=False)
        if row.lhs.op is node.op and any(p.args and p.op is a.op and a in moving for p, a in named):
            binding = matcher.match(row.lhs, made, {})
            if binding is not None:
                return row.result(binding)
    return made


def _combined(node: Expr, matrices: dict[Expr, Expr], book: Rulebook) -> Expr:
    parts = []
    for index, arg in enumerate(node.args):
        if arg not in matrices:
            continue
        slot = node.op.slot(index).name
        template = book.body(node.op, "vec", slot)
        if template is None:
            raise RuleError(
                f"`{node.op.name}` has no matrix in slot {slot} (its row has no `vec`): use the "
                "differential or the action instead"
            )
        local = instantiate(book, template, node, index, arg)
        parts.append(book.algebra.times(local, matrices[arg]))
    return book.algebra.sum_of(*parts)
