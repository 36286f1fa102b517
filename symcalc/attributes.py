"""What is known of a canonical expression: symmetric, positive, ..., by `keeps` and `gives`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from symcalc.declare import close_attributes
from symcalc.expr import Expr
from symcalc.factors import MAX_FACTORS, flatten
from symcalc.graph import waiting
from symcalc.ranges import ALL, Range, Ranges, range_of

if TYPE_CHECKING:
    from symcalc.normal import Normalizer

NONE: frozenset[str] = frozenset()
ADDITIVE = frozenset({"symmetric", "skew", "diagonal", "lower", "upper", "psd", "spd"})
SCALED = frozenset({"symmetric", "skew", "diagonal", "lower", "upper"})
OF_IDENTITY = close_attributes(frozenset({"spd", "diagonal", "orthogonal"}))
AS_MATRIX = {"nonnegative": "psd", "positive": "spd"}  # of one entry
COLUMNS = frozenset({"orthonormal"})  # what is said of the columns, and not of the rows
_SWAPPED = {"lower": "upper", "upper": "lower"}


class Attributes:
    """Attributes of canonical expressions, remembered for one simplification."""

    def __init__(self, normalizer: Normalizer) -> None:
        self.normalizer = normalizer
        self.memo: dict[Expr, frozenset[str]] = {}
        self.ranges = Ranges()

    def has(self, e: Expr, attribute: str) -> bool:
        """Whether the expression is known to have the attribute."""
        return attribute in self.of(e)

    def of(self, e: Expr) -> frozenset[str]:
        """Return all that is known of a canonical expression."""
        if e not in self.memo:
            for inner in waiting(e, self.memo):
                if inner not in self.memo:
                    self.memo[inner] = NONE
                    step = BY_ROLE.get(inner.op.role, Attributes._function)
                    known = frozenset(step(self, inner))
                    found = self.ranges[inner] = range_of(inner, known, self.ranges.__getitem__)
                    known = known if found is ALL else _signed(inner, known, found)
                    self.memo[inner] = close_attributes(known) if known else NONE
        return self.memo[e]

    def range(self, e: Expr) -> Range:
        """Return between which bounds the entries of a canonical expression lie."""
        self.of(e)
        return self.ranges[e]

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
        return self._multiple(e.args[1], e.args[0])

    def _quotient(self, e: Expr) -> frozenset[str]:
        return self._multiple(e.args[0], e.args[1])

    def _multiple(self, e: Expr, by: Expr) -> frozenset[str]:
        """Return what is known of the product or the quotient of a matrix and a scalar."""
        sign, known = self.of(by), self.of(e)
        if "positive" in sign:
            return known - {"orthogonal", "unit"} - COLUMNS
        return known & (SCALED | {"psd"} if "psd" in sign else SCALED)

    def _product(self, e: Expr) -> frozenset[str]:
        """Factors with orthonormal columns have such a product; see `_palindrome` for the rest."""
        left, right = (self.of(arg) for arg in e.args)
        return self._palindrome(e) | (left & right & COLUMNS)

    def _palindrome(self, e: Expr) -> frozenset[str]:
        """A palindrome such as `X'*A*X` is symmetric, and as definite as its middle; with a skew
        `N` it has the other sign: `N*A*N = -N'*A*N`."""
        if e.shape[0] != e.shape[1]:
            return NONE
        factors = flatten(e, MAX_FACTORS)
        if len(factors) > MAX_FACTORS:
            return NONE
        turned, sign = self.normalizer.chains.turn_all(factors)
        if sign != 1 or turned != factors:
            return NONE
        middle = len(factors) // 2
        half = len(factors) % 2 == 0 or self.has(factors[middle], "psd")
        definite = half and self.normalizer.chains.turn_all(factors[:middle])[1] == 1
        return frozenset({"symmetric", "psd"} if definite else {"symmetric"})

    def _hadamard(self, e: Expr) -> frozenset[str]:
        left, right = self.of(e.args[0]), self.of(e.args[1])
        sparse = (left | right) & {"diagonal", "lower", "upper"}
        if "skew" in left & right:
            sparse |= {"symmetric"}
        if any("skew" in a and "symmetric" in b for a, b in ((left, right), (right, left))):
            sparse |= {"skew"}
        return sparse | left & right & {"symmetric", "psd", "spd"}

    def _power(self, e: Expr) -> frozenset[str]:
        return self.of(e.args[0]) & {"symmetric"}

    def _function(self, e: Expr) -> frozenset[str]:
        gives = frozenset(e.op.column("gives", ()))
        if not e.args:
            return gives
        scalars = [arg for arg in e.args if arg.is_scalar]
        matrices = [self.of(arg) for arg in e.args if not arg.is_scalar]
        shared = frozenset.intersection(*(matrices or [self.of(arg) for arg in scalars]))
        shared -= {w for w in AS_MATRIX for arg in scalars if w not in self.of(arg)}
        keeps = set(e.op.column("keeps", ()))
        if e.shape[0] == e.shape[1] and self._turns_into_itself(e, shared):
            gives |= {"symmetric"}
        promoted = {w for known, w in e.op.column("promotes", {}).items() if known in shared}
        return gives | (shared & keeps) | promoted

    def _turns_into_itself(self, e: Expr, shared: frozenset[str]) -> bool:
        """Whether the transpose rule of a function gives the function itself."""
        chains = self.normalizer.chains
        if chains.flips(e.op) and not e.op.dims:
            return "symmetric" in shared
        return chains.turned_by_row(e) == (1, e)


def _signed(e: Expr, known: frozenset[str], found: Range) -> frozenset[str]:
    """Add to what is known of an expression what its range says of its sign."""
    more = {"nonnegative"} if found.is_nonnegative else set()
    more |= {"positive"} if found.is_positive else set()
    return known | more | ({AS_MATRIX[word] for word in more} if e.is_scalar else NONE)


BY_ROLE: dict[str, Callable[[Attributes, Expr], Iterable[str]]] = {
    "symbol": lambda a, e: e.attributes,
    "identity": lambda a, e: OF_IDENTITY,
    "transpose": Attributes._transpose,
    "sum": Attributes._sum,
    "scale": Attributes._scale,
    "quotient": Attributes._quotient,
    "product": Attributes._product,
    "hadamard": Attributes._hadamard,
    "entrywise power": Attributes._power,
}
