"""What is known of a canonical expression: symmetric, positive, ..., by `keeps` and `gives`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from symcalc.declare import close_attributes
from symcalc.expr import Expr
from symcalc.factors import MAX_FACTORS, flatten
from symcalc.graph import waiting

if TYPE_CHECKING:
    from symcalc.normal import Normalizer

NONE: frozenset[str] = frozenset()
ADDITIVE = frozenset({"symmetric", "skew", "diagonal", "lower", "upper", "positive", "psd", "spd"})
OF_IDENTITY = close_attributes(frozenset({"spd", "diagonal", "orthogonal"}))
COLUMNS = frozenset({"orthonormal"})  # what is said of the columns, and not of the rows
_SWAPPED = {"lower": "upper", "upper": "lower"}


class Attributes:
    """Attributes of canonical expressions, remembered for one simplification."""

    def __init__(self, normalizer: Normalizer) -> None:
        self.normalizer = normalizer
        self.memo: dict[Expr, frozenset[str]] = {}

    def has(self, e: Expr, attribute: str) -> bool:
        """Whether the expression is known to have the attribute."""
        return attribute in self.of(e)

    def of(self, e: Expr) -> frozenset[str]:
        """Return all that is known of a canonical expression."""
        found = self.memo.get(e)
        if found is None:
            for inner in waiting(e, self.memo):
                if inner not in self.memo:
                    self.memo[inner] = NONE
                    step = BY_ROLE.get(inner.op.role, Attributes._function)
                    known = frozenset(step(self, inner))
                    self.memo[inner] = close_attributes(known) if known else NONE
            found = self.memo[e]
        return found

    def _transpose(self, e: Expr) -> frozenset[str]:
        known = self.of(e.args[0])
        rows = frozenset() if "orthogonal" in known else COLUMNS
        return frozenset(_SWAPPED.get(word, word) for word in known) - rows

    def _sum(self, e: Expr) -> frozenset[str]:
        shared = frozenset.intersection(*(self.of(arg) for arg in e.args)) & ADDITIVE
        if all("psd" in self.of(arg) for arg in e.args):
            definite = any("spd" in self.of(arg) for arg in e.args)
            shared |= {"spd"} if definite else {"psd"}
        if "symmetric" in shared or e.shape[0] != e.shape[1]:
            return shared
        poly = self.normalizer.memo.get(e)
        turned = self.normalizer.chains.transpose(poly) if poly else None
        same = turned is not None and poly is not None and turned.terms == poly.terms
        return shared | {"symmetric"} if same else shared

    def _scale(self, e: Expr) -> frozenset[str]:
        if "positive" in self.of(e.args[0]):
            return self.of(e.args[1]) - {"orthogonal", "unit"} - COLUMNS
        return self.of(e.args[1]) & {"symmetric", "skew", "diagonal", "lower", "upper"}

    def _product(self, e: Expr) -> frozenset[str]:
        """Factors with positive entries have such a product, and those with orthonormal columns;
        see `_palindrome` for the others."""
        left, right = (self.of(arg) for arg in e.args)
        return self._palindrome(e) | (left & right & ({"positive"} | COLUMNS))

    def _palindrome(self, e: Expr) -> frozenset[str]:
        """A palindrome such as `X'*A*X` is symmetric, and as definite as its middle."""
        if e.shape[0] != e.shape[1]:
            return NONE
        factors = flatten(e, MAX_FACTORS)
        if len(factors) > MAX_FACTORS:
            return NONE
        turned, sign = self.normalizer.chains.turn_all(factors)
        if sign != 1 or turned != factors:
            return NONE
        middle = len(factors) // 2
        even = len(factors) % 2 == 0
        definite = even or self.has(factors[middle], "psd")
        return frozenset({"symmetric", "psd"} if definite else {"symmetric"})

    def _hadamard(self, e: Expr) -> frozenset[str]:
        left, right = self.of(e.args[0]), self.of(e.args[1])
        sparse = (left | right) & {"diagonal", "lower", "upper"}
        if "skew" in left & right:
            sparse |= {"symmetric"}
        if any("skew" in a and "symmetric" in b for a, b in ((left, right), (right, left))):
            sparse |= {"skew"}
        return sparse | left & right & {"symmetric", "positive", "psd", "spd"}

    def _power(self, e: Expr) -> frozenset[str]:
        return self.of(e.args[0]) & {"positive", "symmetric"}

    def _function(self, e: Expr) -> frozenset[str]:
        gives = frozenset(e.op.column("gives", ()))
        if not e.args:
            return gives
        scalars = [arg for arg in e.args if arg.is_scalar]
        matrices = [self.of(arg) for arg in e.args if not arg.is_scalar]
        shared = frozenset.intersection(*(matrices or [self.of(arg) for arg in scalars]))
        if any("positive" not in self.of(arg) for arg in scalars):
            shared -= {"positive"}
        keeps = set(e.op.column("keeps", ()))
        if e.shape[0] == e.shape[1]:
            if self.normalizer.chains.flips(e.op) and not e.op.dims:
                keeps.add("symmetric")
            elif (e.op.dims or len(e.args) > 1) and self._is_its_transpose(e):
                gives |= {"symmetric"}
        promoted = {w for known, w in e.op.column("promotes", {}).items() if known in shared}
        return gives | (shared & keeps) | promoted

    def _is_its_transpose(self, e: Expr) -> bool:
        """Whether the transpose of an operation, by its row, is the operation: `[A, B; B', A]`."""
        if self.normalizer.chains.flips(e.op):
            return self.normalizer.functions.turned(e) is e
        return self.normalizer.chains.turn(e) == (1, e)


BY_ROLE: dict[str, Callable[[Attributes, Expr], Iterable[str]]] = {
    "symbol": lambda a, e: e.attributes,
    "identity": lambda a, e: OF_IDENTITY,
    "ones": lambda a, e: {"positive"},
    "dimension": lambda a, e: {"positive"},
    "number": lambda a, e: {"positive"} if e.data > 0 else NONE,
    "transpose": Attributes._transpose,
    "sum": Attributes._sum,
    "scale": Attributes._scale,
    "product": Attributes._product,
    "hadamard": Attributes._hadamard,
    "entrywise power": Attributes._power,
}
