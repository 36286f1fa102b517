"""What a row defines by simpler operations, written by its name again: `mean(x)` for `sum(x)/n`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from symcalc.exact import Number, quotient
from symcalc.expr import Expr
from symcalc.factors import untransposed
from symcalc.op import Op
from symcalc.poly import Exponent, Scalars, below_line

if TYPE_CHECKING:
    from symcalc.present import Presenter

Powers = list[tuple[Expr, Exponent]]


class Fold(NamedTuple):
    """An operation over sizes that has a name: `sum(A)` over `m*n`."""

    op: Op
    sizes: tuple[str, ...]


class Across(NamedTuple):
    """An operation that means another one of the transpose, and whether it is transposed itself."""

    op: Op
    turned: bool


class Folding:
    """Finds defined functions in the factors of a term, for a presenter."""

    def __init__(self, presenter: Presenter) -> None:
        self.presenter = presenter
        self.n = presenter.n
        self.folds = self._compiled()
        self.across = self._of_transposes()

    def _compiled(self) -> dict[str, Fold]:
        """Return the rows with `fold`, by the operation that their definition divides by sizes."""
        book = self.n.book
        if "folds" not in book.cache:
            found = book.cache["folds"] = {}
            for op in book.ops.values():
                body = book.body(op, "define", "") if op.column("fold") else None
                if body is not None and (fold := _fold(op, body.body)) is not None:
                    found[body.body.args[0].op.name] = fold
        folds: dict[str, Fold] = book.cache["folds"]
        return folds

    def _of_transposes(self) -> dict[str, Across]:
        """Return the rows with `fold` that mean an operation of the transpose, by its name."""
        book = self.n.book
        if "across" not in book.cache:
            found = book.cache["across"] = {}
            for op in book.ops.values():
                body = book.body(op, "define", "") if op.column("fold") else None
                if body is None:
                    continue
                inner = untransposed(body.body)
                if [arg.op.role for arg in inner.args] == ["transpose"]:
                    found[inner.op.name] = Across(op, inner is not body.body)
        across: dict[str, Across] = book.cache["across"]
        return across

    def columnwise(self, e: Expr, shown: Expr) -> Expr:
        """Write `softmax(A', 1)'` as `softmax(A, 0)` where the author works along columns, and this
        is no longer."""
        inner = untransposed(e)
        found = self.across.get(inner.op.name)
        if found is None or not self._along_columns():
            return shown
        turned = self.n.chains.transpose(self.n.normal(inner.args[0]))
        arg = self.presenter.present(self.n.build(turned))
        made = self.n.algebra.build(found.op, (arg,))
        made = made if found.turned == (e is not inner) else self.n.algebra.transpose(made)
        return made if self.presenter.length(made) <= self.presenter.length(shown) else shown

    def _along_columns(self) -> bool:
        return any(row.op in self.presenter.words.folded for row in self.across.values())

    def named(self, scalars: Scalars) -> tuple[Powers, Scalars]:
        """Take the functions that the author named, such as `std(x)`, out of scalar factors."""
        out: Powers = []
        for parts, (e, power) in (self.presenter.words.named if scalars else {}).items():
            lead, unit = max(parts, key=lambda part: part[0].size)
            k = dict(scalars).get(lead, 0)
            if isinstance(k, Expr) or isinstance(unit, Expr) or not k:
                continue
            times = quotient(k, unit)
            inverse = tuple((b, self.n.scalars.times_exponent(x, -times)) for b, x in parts)
            rest = self.n.scalars.merge(scalars, inverse)
            if self._length((*rest, (e, times * power))) < self._length(scalars):
                out.append((e, times * power))
                scalars = rest
        return out, scalars

    def _length(self, scalars: Scalars) -> int:
        return sum(self.n.length(b) + (0 if k in (1, -1) else 2) for b, k in scalars)

    def folded(self, powers: Powers, chain: Expr | None) -> tuple[Powers, Expr | None]:
        """Write `sum(x)/n` as `mean(x)`, where the sizes stand below the line."""
        below = {b: k for b, k in powers if b.op.role == "dimension" and below_line(k)}
        if not below:
            return powers, chain
        tops = [(b, k) for b, k in powers if not isinstance(k, Expr) and k > 0]
        for base, k in [*tops, *([] if chain is None else [(chain, 1)])]:
            fold = self.folds.get(base.op.name)
            taken = None if fold is None else self._sizes(fold, base, k)
            if fold is None or not taken or any(below.get(b, 0) > -x for b, x in taken.items()):
                continue
            made = self.presenter.algebra.build(fold.op, base.args)
            rest = {b: x + taken.get(b, 0) for b, x in powers}
            if base is chain:
                return [(b, x) for b, x in rest.items() if x != 0], made
            rest = {made if b is base else b: x for b, x in rest.items() if x != 0}
            return self.folded([*rest.items()], chain)
        return powers, chain

    def _sizes(self, fold: Fold, base: Expr, k: Number) -> dict[Expr, Number]:
        """Return the sizes that the operation divides by, with exponents, as scalar factors."""
        bound = fold.op.bind([arg.shape for arg in base.args])
        taken: dict[Expr, Number] = {}
        for name in fold.sizes:
            if bound[name] != 1:
                size = self.presenter.algebra.dimension(bound[name])
                taken[size] = taken.get(size, 0) + k
        return taken


def _fold(op: Op, body: Expr) -> Fold | None:
    """Return the sizes that a definition divides an operation of its slots by; None for others."""
    if body.op.role != "quotient" or any(arg.args for arg in body.args[0].args):
        return None
    sizes = body.args[1].args or body.args[1:]
    alone = all(size.op.role == "dimension" for size in sizes)
    return Fold(op, tuple(size.data for size in sizes)) if alone else None
