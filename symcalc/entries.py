"""One entry of a formula in index notation: `(2*A'*(A*x - b))_i` is
`2 \\sum_{k} A_{ki} (\\sum_{l} A_{kl} x_l - b_k)`.

The entry is a scalar formula over symbols such as `A_ki`; a sum is a symbol too, and is written out
when the formula is printed. What has no entries of its own, as an inverse, stands in brackets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from symcalc import show
from symcalc.algebra import Algebra
from symcalc.bindings import DELTA
from symcalc.errors import ShapeError
from symcalc.expr import Expr
from symcalc.letters import latex_name
from symcalc.op import ENTRYWISE_POWERS
from symcalc.rulebook import Rulebook
from symcalc.shape import SCALAR, Dim, dim_names

MAX_NODES = 300
LETTERS = "ijklpqrstuvhabcdfgmno"
# what a sum without brackets may stand before
BEHIND = re.compile(r"\s*($|[+&=]|-|\\right|}(?!\^))")
LEAVES = ("symbol", "number", "dimension", "identity", "ones", "zeros")
OF_ENTRIES: dict[str, Callable[..., Expr]] = {
    "sum": Algebra.sum_of, "scale": Algebra.times, "hadamard": Algebra.times,
    "quotient": Algebra.divide, "entrywise quotient": Algebra.divide,
    **dict.fromkeys(ENTRYWISE_POWERS, Algebra.entrywise_power),
}  # fmt: skip


class Place(NamedTuple):
    """The indices of an entry, `""` along an axis of one, and the letters that are taken."""

    row: str
    column: str
    taken: str

    def of(self, e: Expr) -> Place:
        """Return the place in an argument: the same, or none in a scalar."""
        return Place("", "", self.taken) if e.is_scalar else self

    @property
    def indices(self) -> str:
        return self.row + self.column


def entry_latex(e: Expr, book: Rulebook) -> str:
    """Return the entry `ij` of a matrix, `i` of a vector, as LaTeX.

    Raises `ShapeError` for a formula of more than 300 nodes.
    """
    if e.size > MAX_NODES:
        raise ShapeError(f"a formula of {e.size} nodes is too long for index notation")
    entries = Entries(e, book)
    first, *others = entries.letters
    row = first if e.shape[0] != 1 else ""
    column = (others[0] if row else first) if e.shape[1] != 1 else ""
    return entries.latex(entries.at(e, Place(row, column, row + column)))


class Entries:
    """The symbols of one formula: sums, and what stands in brackets."""

    def __init__(self, e: Expr, book: Rulebook) -> None:
        self.book = book
        self.algebra = book.algebra
        vector, matrix = (self.algebra.symbol("x", ("n", size)) for size in (1, "n"))
        self.spread, self.diagonal = (book.choose(book.find("diag"), [a]) for a in (vector, matrix))
        names = {v.name for v in e.declared().values()}
        names |= {name for v in e.declared().values() for d in v.shape for name in dim_names(d)}
        self.names = names
        self.letters = [letter for letter in LETTERS if letter not in names]
        self.texts: dict[str, str] = {}

    def at(self, e: Expr, place: Place) -> Expr:
        """Return an entry as a scalar formula."""
        role = e.op.role
        if role in LEAVES:
            return self._leaf(e, place)
        if role in OF_ENTRIES or e.op.is_entrywise:
            args = [self.at(a, place.of(a)) for a in e.args]
            special = OF_ENTRIES.get(role)
            return special(self.algebra, *args) if special else self.algebra.build(e.op, args)
        if role == "transpose":
            return self.at(e.args[0], place._replace(row=place.column, column=place.row))
        if role == "product":
            return self._product(e, place)
        if role == "trace" or e.op is self.diagonal:
            return self._diagonal(e.args[0], place)
        if e.op is self.spread:
            return self._delta(place) * self.at(e.args[0], place._replace(column=""))
        return self._other(e, place)

    def _leaf(self, e: Expr, place: Place) -> Expr:
        if e.op.role == "identity":
            return self._delta(place)
        if e.op.role in ("ones", "zeros"):
            return self.algebra.number(1 if e.op.role == "ones" else 0)
        return self._named(e.name, place) if place.indices and e.op.role == "symbol" else e

    def latex(self, e: Expr) -> str:
        """Return a formula of entries as LaTeX, its sums and brackets written out."""
        text = show.latex(e)
        for name, meaning in self.texts.items():
            mark = latex_name(name)
            while mark in text:
                before, _, behind = text.partition(mark)
                bare = meaning.startswith("\\left[") or BEHIND.match(behind)
                text = before + (meaning if bare else f"\\left({meaning}\\right)") + behind
        return text

    def _named(self, name: str, place: Place) -> Expr:
        return self.algebra.symbol(f"{name}_{place.indices}", SCALAR)

    def _written(self, text: str) -> Expr:
        """Return a symbol that is printed as a text."""
        name = f"placeholder{len(self.texts)}of"
        self.texts[name] = text
        return self.algebra.symbol(name, SCALAR)

    def _delta(self, place: Place) -> Expr:
        """Return Kronecker's symbol, which is 1 where there is one index."""
        if "" in (place.row, place.column) or place.row == place.column:
            return self.algebra.number(1)
        if DELTA in self.names:
            raise ShapeError(f"`{DELTA}` is a variable here and Kronecker's symbol: rename it")
        return self._named(DELTA, place)

    def _free(self, taken: str) -> str:
        """Return a letter that is not taken."""
        for letter in self.letters:
            if letter not in taken:
                return letter
        raise ShapeError("there are not enough letters for the indices of this formula")

    def _diagonal(self, a: Expr, place: Place) -> Expr:
        """Return the entry of the diagonal of a matrix, or their sum where no index is given."""
        if place.row:
            return self.at(a, place._replace(column=place.row))
        letter = self._free(place.taken)
        entry = self.at(a, Place(letter, letter, place.taken + letter))
        return self._sum({letter: a.shape[0]}, entry)

    def _product(self, e: Expr, place: Place) -> Expr:
        """Return the sum over the indices between the factors; a diagonal matrix has one index."""
        factors = _factors(e)
        groups = [0]
        for factor in factors:
            groups.append(groups[-1] + (factor.op is not self.spread))
        labels, taken = {groups[-1]: place.column} | {0: place.row}, place.taken
        summed: dict[str, Dim] = {}
        for group, factor in zip(groups[1:], factors, strict=True):
            if group not in labels:
                letter = self._free(taken) if factor.shape[1] != 1 else ""
                labels[group], taken = letter, taken + letter
                summed |= {letter: factor.shape[1]} if letter else {}
        entries = [self._delta(place)] if not groups[-1] and place.row != place.column else []
        for left, right, factor in zip(groups, groups[1:], factors, strict=False):
            inner = factor.args[0] if left == right else factor
            column = "" if left == right else labels[right]
            entries.append(self.at(inner, Place(labels[left], column, taken)))
        return self._sum(summed, self.algebra.product_of(entries))

    def _sum(self, letters: Mapping[str, Dim], entry: Expr) -> Expr:
        """Return a sum over indices; one that stands nowhere counts."""
        text = self.latex(entry)
        running = [x for x in letters if re.search(rf"_\{{[^}}]*{x}", text)]
        counted = [size for x, size in letters.items() if x not in running]
        for size in counted:
            entry = self.algebra.dimension(size) * entry
        if not running:
            return entry
        number, factors = self.algebra.split(entry)
        if number != 1 and factors:
            inner = self._sum(dict.fromkeys(running, 1), self.algebra.product_of(factors))
            return self.algebra.number(number) * inner
        text = self.latex(entry) if counted else text
        body = f"\\left({text}\\right)" if entry.op.role == "sum" else text
        return self._written(f"\\sum_{{{','.join(running)}}} {body}")

    def _other(self, e: Expr, place: Place) -> Expr:
        """Return an entry of what a row defines by others, or of what stands in brackets."""
        meaning = self.book.said(e, "define")
        if meaning is not None:
            return self.at(meaning, place)
        if e.is_scalar:
            return e
        return self._written(f"\\left[{show.latex(e)}\\right]_{{{place.indices}}}")


def _factors(e: Expr) -> list[Expr]:
    """Return the factors of nested products."""
    found, stack = [], [e]
    while stack:
        e = stack.pop()
        if e.op.role == "product":
            stack += e.args[::-1]
        else:
            found.append(e)
    return found
