"""Between which bounds the entries of an expression lie: interval arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from symcalc.exact import Number, raised
from symcalc.factors import has_even_exponent

if TYPE_CHECKING:
    from symcalc.expr import Expr
    from symcalc.op import Op

Bound = tuple[Number | float, bool]  # exact or infinite, and whether it is excluded
INFINITE: dict[str, float] = {"inf": inf, "-inf": -inf}


class Range(NamedTuple):
    """An interval."""

    low: Bound = (-inf, True)
    high: Bound = (inf, True)

    @property
    def is_positive(self) -> bool:
        """Whether all of it is greater than 0."""
        return self.low > (0, False)

    @property
    def is_nonnegative(self) -> bool:
        """Whether nothing of it is less than 0."""
        return self.low[0] >= 0


Below = Callable[["Expr"], Range]
ALL = Range()
POSITIVE = Range((0, True))
NONNEGATIVE = Range((0, False))
SAID = {"positive": POSITIVE, "nonnegative": NONNEGATIVE, "unit": Range((-1, True), (1, True))}
SAID_OF_SCALARS = {"spd": POSITIVE, "psd": NONNEGATIVE}


class Ranges(dict["Expr", Range]):
    """The ranges of expressions; of one that is being worked out nothing is known."""

    def __missing__(self, e: Expr) -> Range:
        return ALL


def range_of(e: Expr, known: frozenset[str], below: Below) -> Range:
    """Return where the entries of `e` lie: what its attributes say, and the ranges `below` it."""
    found = BY_ROLE.get(e.op.role, _function)(e, below)
    if not known:
        return found
    said = [SAID[word] for word in SAID if word in known]
    said += [SAID_OF_SCALARS[word] for word in SAID_OF_SCALARS if e.is_scalar and word in known]
    if not said:
        return found
    inside = [found, *said]
    return Range(max(r.low for r in inside), min([r.high for r in inside], key=_excluded_first))


def stated(op: Op) -> Range:
    """Return the range that the row of an operation states."""
    text = op.column("range")
    if text is None:
        return ALL
    words = text.split()
    low, high = [INFINITE[word] if word in INFINITE else int(word) for word in words]
    return Range((low, True), (high, True))


def _function(e: Expr, below: Below) -> Range:
    return stated(e.op)


def _constant(value: Number) -> Range:
    return Range((value, False), (value, False))


def _sum(e: Expr, below: Below) -> Range:
    ranges = [below(arg) for arg in e.args]
    if ALL in ranges:
        return ALL
    return Range(_added([r.low for r in ranges]), _added([r.high for r in ranges]))


def _added(bounds: list[Bound]) -> Bound:
    infinite = [value for value, _ in bounds if value in INFINITE.values()]
    value = infinite[0] if infinite else sum(value for value, _ in bounds)
    return value, any(excluded for _, excluded in bounds)


def _entrywise_product(e: Expr, below: Below) -> Range:
    a, b = below(e.args[0]), below(e.args[1])
    if ALL in (a, b):
        return ALL
    ends = [_times(x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
    return Range(min(ends), max(ends, key=_excluded_first))


def _excluded_first(bound: Bound) -> tuple[Number | float, bool]:
    """Order upper bounds: of two that are equal, the one that is excluded is less."""
    return bound[0], not bound[1]


def _times(a: Bound, b: Bound) -> Bound:
    if (0, False) in (a, b):
        return 0, False
    if 0 in (a[0], b[0]):
        return 0, True
    if inf in (abs(a[0]), abs(b[0])):
        return inf if (a[0] > 0) == (b[0] > 0) else -inf, True
    return a[0] * b[0], a[1] or b[1]


def _product(e: Expr, below: Below) -> Range:
    """Return the sign of a sum of products; an outer product has one term."""
    if ALL in (below(e.args[0]), below(e.args[1])):
        return ALL
    found = _entrywise_product(e, below)
    return found if e.args[0].shape[1] == 1 else _sign(found)


def _sign(a: Range) -> Range:
    """Return where numbers lie of which no more than the sign is known."""
    return POSITIVE if a.is_positive else NONNEGATIVE if a.is_nonnegative else ALL


def _quotient(e: Expr, below: Below) -> Range:
    return _sign(below(e.args[0])) if below(e.args[1]).is_positive else ALL


def _power(e: Expr, below: Below) -> Range:
    base = below(e.args[0])
    if not has_even_exponent(e):
        return _sign(base)
    least = POSITIVE.low if base.is_positive else NONNEGATIVE.low
    most = max(_size(base.low), _size(base.high), key=_excluded_first)
    return Range(least, _raised(most, e.args[1].data))


def _size(bound: Bound) -> Bound:
    value, excluded = bound
    return (-value if value < 0 else value), excluded


def _raised(bound: Bound, k: Number) -> Bound:
    value, excluded = bound
    if k < 0 or isinstance(value, float):
        return inf, True
    return raised(value, int(k)), excluded


BY_ROLE: dict[str, Callable[[Expr, Below], Range]] = {
    "number": lambda e, below: _constant(e.data),
    "dimension": lambda e, below: Range((1, False)),
    "ones": lambda e, below: _constant(1),
    "zeros": lambda e, below: _constant(0),
    "identity": lambda e, below: Range((0, False), (1, False)),
    "transpose": lambda e, below: below(e.args[0]),
    "sum": _sum,
    "scale": _entrywise_product,
    "hadamard": _entrywise_product,
    "product": _product,
    "quotient": _quotient,
    "entrywise quotient": _quotient,
    "entrywise power": _power,
}
