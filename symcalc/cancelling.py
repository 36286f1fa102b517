"""Sums that cancel: `1 - exp(-t)` loses the digits of a small `t`, `-expm1(-t)` does not.

The rewrite rows of the stage "stable" lead to other operations, where an expression is computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import permutations
from operator import or_
from typing import TYPE_CHECKING

from symcalc.expr import Expr
from symcalc.graph import postorder
from symcalc.lower_rows import LowerRow, Matcher

if TYPE_CHECKING:
    from symcalc.op import Op
    from symcalc.rulebook import Rulebook

MAX_TERMS = 8  # of a sum in which terms that cancel are looked for
PRODUCTS = frozenset({"scale", "hadamard", "product"})


def extreme_marks(book: Rulebook) -> int:
    """Return the operations whose values may be out of range, or that may cancel, as marks."""
    if "extreme" not in book.cache:
        extremes = [op for op in book.ops.values() if op.column("extremes")]
        book.cache["extreme"] = reduce(or_, [op.mark for op in (*extremes, *_cancelling(book))])
    found: int = book.cache["extreme"]
    return found


def _cancelling(book: Rulebook) -> list[Op]:
    """Return the functions that stand in the sums of the rows of the stage "stable"."""
    sums = [row.lhs for row in book.stage("stable") if row.lhs.op.role == "sum"]
    return [node.op for node in postorder(sums) if not node.op.role and not node.op.dims]


class Cancelling:
    """Rewrites sums that cancel, by the rows of the stage "stable"."""

    def __init__(self, book: Rulebook) -> None:
        self.algebra = book.algebra
        self.rows: dict[str, list[LowerRow]] = {}
        for row in sorted(map(LowerRow, book.stage("stable")), key=lambda r: len(r.bound)):
            self.rows.setdefault(row.lhs.op.name, []).append(row)
        self.matcher = Matcher(lambda e: frozenset(), self.algebra.transpose, self._joined, True)
        self.extreme = extreme_marks(book)
        self.made: dict[Expr, Expr] = {}
        self.reached: dict[Expr, bool] = {}  # a function of extreme values by ring operations

    def _joined(self, factors: tuple[Expr, ...]) -> Expr:
        return self.algebra.product_of(factors)

    def rewritten(self, root: Expr) -> Expr:
        """Return an expression in which the rows have been used where a difference counts: below a
        logarithm, and beside or in a divisor that may be small. Rows that lead to an operation
        made for it are used everywhere."""
        nodes = postorder([root])
        for e in nodes:
            self.reached[e] = self._reaches(e)
        exposed = set(postorder([e for e in nodes if self._exposes(e)]))
        for e in nodes:
            whole = rebuilt(e, [self.made[arg] for arg in e.args])
            self.made[e] = self._once(whole, e in exposed)
        return self.made[root]

    def _exposes(self, e: Expr) -> bool:
        if e.op.role in PRODUCTS:
            return any(self._exposes_below(arg) for arg in e.args)
        return e.op.name == "log" or self._exposes_below(e)

    def _exposes_below(self, e: Expr) -> bool:
        divisor = e.args[1] if e.op.role in ("quotient", "entrywise quotient") else None
        if e.op.role == "entrywise power" and e.args[1].op.role == "number":
            divisor = e.args[0] if e.args[1].data < 0 else None
        return divisor is not None and self.reached[divisor]

    def _reaches(self, e: Expr) -> bool:
        if e.op.role:
            return any(self.reached[arg] for arg in e.args)
        return bool(e.op.mark & self.extreme)

    def _once(self, e: Expr, exposed: bool) -> Expr:
        if e.op.role == "scale":  # a row may have written a multiple of what another one takes
            return rebuilt(e, [e.args[0], self._once(e.args[1], exposed)])
        for row in self.rows.get(e.op.name, ()):
            if not (exposed or _is_made_for_it(row)):
                continue
            made = self._pair(row, e) if e.op.role == "sum" else self._matched(row, e)
            if made is not None:
                return self._once(made, exposed)
        return e

    def _matched(self, row: LowerRow, e: Expr) -> Expr | None:
        found = self.matcher.match(row.lhs, e, {})
        return None if found is None else row.result(found)

    def _pair(self, row: LowerRow, e: Expr) -> Expr | None:
        """Return a sum in which two terms have been replaced by what a row makes of them."""
        for a, b in permutations(range(len(e.args)), 2) if len(e.args) <= MAX_TERMS else ():
            made = self._matched(row, self.algebra.sum_of(e.args[a], e.args[b]))
            if made is not None:
                others = [term for k, term in enumerate(e.args) if k not in (a, b)]
                return self.algebra.sum_of(made, *others)
        return None


def rebuilt(e: Expr, args: Sequence[Expr]) -> Expr:
    """Return an operation on other arguments, in the one spelling that products have."""
    if tuple(args) == e.args:
        return e
    return e.op.algebra.build(e.op, args, (e.data or ()) if e.op.dims else ())


def _is_made_for_it(row: LowerRow) -> bool:
    """Whether a row leads to a function that serves no other purpose than to be right."""
    body = row.template.body
    return bool((body.args[1] if body.op.role == "scale" else body).op.column("equals"))
