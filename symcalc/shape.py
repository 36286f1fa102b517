"""Dimensions: numbers, names and their polynomials (`n*m`, `n + 1`); the unifier infers them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from symcalc.errors import ShapeError

Monomial = tuple[str, ...]
Count = int | Fraction


@dataclass(frozen=True, slots=True)
class Polynomial:
    """A dimension that is neither a number nor a name: sorted pairs of (names, coefficient)."""

    terms: tuple[tuple[Monomial, Count], ...]

    def __str__(self) -> str:
        parts = [_term_text(names, abs(Fraction(count))) for names, count in self.terms]
        signs = [" - " if count < 0 else " + " for _, count in self.terms]
        shown = "".join(sign + part for sign, part in zip(signs, parts, strict=True))
        return shown.removeprefix(" + ").replace(" - ", "-", shown.startswith(" - "))


Dim = int | str | Polynomial
Shape = tuple[Dim, Dim]
SCALAR: Shape = (1, 1)


def _term_text(names: Monomial, count: Count) -> str:
    top, bottom = Fraction(count).as_integer_ratio()
    factors = [str(top)] if top != 1 or not names else []
    return "*".join([*factors, *names]) + (f"/{bottom}" if bottom != 1 else "")


def _terms(dim: Dim) -> dict[Monomial, Count]:
    if isinstance(dim, int):
        return {(): dim} if dim else {}
    if isinstance(dim, str):
        return {(dim,): 1}
    return dict(dim.terms)


def _dimension(terms: Mapping[Monomial, Count]) -> Dim:
    kept = {
        names: count if isinstance(count, int) or count.denominator > 1 else count.numerator
        for names, count in terms.items()
        if count
    }
    if not kept:
        return 0
    if len(kept) == 1:
        ((names, count),) = kept.items()
        if not names and isinstance(count, int):
            return count
        if count == 1 and len(names) == 1:
            return names[0]
    return Polynomial(tuple(sorted(kept.items(), key=lambda item: (-len(item[0]), item[0]))))


def dim_add(a: Dim, b: Dim) -> Dim:
    """Return `a + b`."""
    terms = _terms(a)
    for names, count in _terms(b).items():
        terms[names] = terms.get(names, 0) + count
    return _dimension(terms)


def dim_sub(a: Dim, b: Dim) -> Dim:
    """Return `a - b`."""
    return dim_add(a, dim_mul(-1, b))


def dim_mul(a: Dim, b: Dim) -> Dim:
    """Return `a * b`."""
    terms: dict[Monomial, Count] = {}
    for left, m in _terms(a).items():
        for right, n in _terms(b).items():
            names = tuple(sorted(left + right))
            terms[names] = terms.get(names, 0) + m * n
    return _dimension(terms)


def dim_div(a: Dim, b: Dim) -> Dim | None:
    """Return the exact quotient `a / b` by a single term, or None."""
    divisor = _terms(b)
    if len(divisor) != 1:
        return 1 if a == b else None
    ((names, count),) = divisor.items()
    quotient: dict[Monomial, Count] = {}
    for left, m in _terms(a).items():
        rest = _without(left, names)
        if rest is None:
            return None
        quotient[rest] = Fraction(m) / count
    return _dimension(quotient)


def _without(names: Monomial, removed: Monomial) -> Monomial | None:
    rest = list(names)
    for name in removed:
        if name not in rest:
            return None
        rest.remove(name)
    return tuple(rest)


def dim_substitute(dim: Dim, values: Mapping[str, Dim]) -> Dim:
    """Replace the names of `dim` by `values`; names without a value stay."""
    if isinstance(dim, int):
        return dim
    if isinstance(dim, str):
        return values.get(dim, dim)
    total: Dim = 0
    for names, count in dim.terms:
        product = _dimension({(): count})
        for name in names:
            product = dim_mul(product, values.get(name, name))
        total = dim_add(total, product)
    return total


def dim_names(dim: Dim) -> Iterable[str]:
    """Return the names that occur in `dim`."""
    if isinstance(dim, Polynomial):
        return [name for names, _ in dim.terms for name in names]
    return (dim,) if isinstance(dim, str) else ()


@lru_cache(maxsize=1000)
def parse_dim(text: str) -> Dim:
    """Read a dimension such as `3`, `n`, `n*m`, `n + 1`, `n - 1` or `n*n/2`."""
    total: Dim = 0
    for sign, whole in re.findall(r"([+-]?)([^+-]*)", text.strip())[: max(1, len(text))]:
        if not (sign or whole):
            continue
        term, slash, divisor = whole.partition("/")
        if slash and not (divisor.strip().isdecimal() and int(divisor)):
            raise ShapeError(f"`{text}` is not a dimension: divide by a number")
        product = _dimension({(): Fraction(-1 if sign == "-" else 1, int(divisor or 1))})
        for factor in term.split("*"):
            factor = factor.strip()
            if not (factor.isdecimal() or factor.isidentifier()) or len(factor) > 18:
                raise ShapeError(
                    f"`{text[:40]}` is not a dimension: write a number, a name, or n*m"
                )
            product = dim_mul(product, int(factor) if factor.isdecimal() else factor)
        total = dim_add(total, product)
    if isinstance(total, int) and total < 0:
        raise ShapeError(f"`{text[:40]}` is not a dimension: it is negative")
    return total


def mentioned(dims: Iterable[Dim]) -> frozenset[str]:
    """Return sizes as text, and the names in them."""
    listed = list(dims)
    return frozenset([name for dim in listed for name in dim_names(dim)] + [str(d) for d in listed])


def shape_text(shape: Shape) -> str:
    """Return `n×m`."""
    return f"{shape[0]}×{shape[1]}"


Unify = Callable[[Dim, Dim], bool]


def same(a: Dim, b: Dim) -> bool:
    """The strict `Unify`: two dimensions agree when they are equal."""
    return a == b


FREE, LOOSE = "?", "~"


class Unifier:
    """Solves equations between dimensions. `?k` is unknown but more than 1; `~k` may also be 1."""

    def __init__(self) -> None:
        self.values: dict[str, Dim] = {}
        self.hints: dict[str, str] = {}
        self.open: list[tuple[Dim, Dim]] = []
        self.names: list[str] = []

    def fresh(self, mark: str = FREE, hint: str = "") -> str:
        """Return a new unknown dimension."""
        name = f"{mark}{len(self.names) + 1}"
        self.names.append(name)
        if hint:
            self.hints[name] = hint
        return name

    def resolve(self, dim: Dim) -> Dim:
        """Return what is known of `dim`."""
        if isinstance(dim, int):
            return dim
        if isinstance(dim, str):
            return self._resolve_name(dim)
        return dim_substitute(dim, {name: self._resolve_name(name) for name in dim_names(dim)})

    def _resolve_name(self, name: str) -> Dim:
        if name not in self.values:
            return name
        seen = [name]
        found: Dim = name
        while isinstance(found, str) and found in self.values:
            found = self.values[found]
            if isinstance(found, str):
                seen.append(found)
        if isinstance(found, Polynomial):
            found = self.resolve(found)
        for old in seen:
            if old != found:
                self.values[old] = found
        return found

    def __call__(self, a: Dim, b: Dim) -> bool:
        if a == b:
            return True
        a, b = self.resolve(a), self.resolve(b)
        if a == b:
            return True
        if _unknown(a) or _unknown(b):
            return self._bind(a, b)
        if isinstance(a, Polynomial) or isinstance(b, Polynomial):
            return self._solve(a, b)
        return False

    def _bind(self, a: Dim, b: Dim) -> bool:
        # A loose unknown gives way to a strict one; a strict one never becomes 1.
        if not _unknown(a) or (_unknown(b) and str(a)[0] == FREE and str(b)[0] == LOOSE):
            a, b = b, a
        assert isinstance(a, str)
        if b in (0, 1) and a[0] == FREE:
            return False
        if a in dim_names(b):
            return False
        self.values[a] = b
        if a in self.hints and _unknown(b):
            self.hints.setdefault(str(b), self.hints[a])
        return True

    def _solve(self, a: Dim, b: Dim) -> bool:
        """Cancel what both sides of a product share; bind a single unknown that is left."""
        left, right = _terms(a), _terms(b)
        if len(left) != 1 or len(right) != 1:
            return self._solve_sum(a, b)
        ((x, m),), ((y, n),) = left.items(), right.items()
        shared = [name for name in x if name in y]
        for name in dict.fromkeys(shared):
            times = min(x.count(name), y.count(name))
            x, y = _drop(x, name, times), _drop(y, name, times)
        for known, k, unknown, u in ((x, m, y, n), (y, n, x, m)):
            if len(unknown) == 1 and _unknown(unknown[0]):
                return self._bind(unknown[0], _dimension({known: Fraction(k) / u}))
        if any(_unknown(name) for name in x + y):
            return self._postpone(a, b)
        return False

    def _solve_sum(self, a: Dim, b: Dim) -> bool:
        """Bind the only unknown of an equation between sums; leave others for later."""
        rest = _terms(dim_sub(a, b))
        unknown = [names for names in rest if any(_unknown(name) for name in names)]
        if len(unknown) != 1 or len(unknown[0]) != 1:
            return self._postpone(a, b)
        count = rest.pop(unknown[0])
        return self(unknown[0][0], _dimension({k: Fraction(-v) / count for k, v in rest.items()}))

    def _postpone(self, a: Dim, b: Dim) -> bool:
        if not any(_unknown(name) for name in [*dim_names(a), *dim_names(b)]):
            return False
        self.open.append((a, b))
        return True

    def settle(self) -> tuple[Dim, Dim] | None:
        """Try the postponed equations again; return one that cannot hold, or None."""
        waiting, self.open = self.open, []
        for a, b in waiting:
            before = len(self.open)
            if not self(a, b) or (len(self.open) > before and not self._assume(a, b)):
                return self.resolve(a), self.resolve(b)
        return None

    def _assume(self, a: Dim, b: Dim) -> bool:
        """Satisfy `n*p = m*q` and `n + p = m + q` by `n = m` and `p = q`: square factors of a
        square product, blocks that match."""
        left, right = _terms(self.resolve(a)), _terms(self.resolve(b))
        if len(left) == len(right) > 1 and list(left.values()) == list(right.values()):
            pairs = zip(sorted(left, key=_oldest), sorted(right, key=_oldest), strict=True)
            return all(len(x) == len(y) == 1 and self(x[0], y[0]) for x, y in pairs)
        if len(left) != 1 or len(right) != 1:
            return False
        ((x, m),), ((y, n),) = left.items(), right.items()
        factors = zip(sorted(x, key=_age), sorted(y, key=_age), strict=False)
        return m == n and len(x) == len(y) and all(self(p, q) for p, q in factors)


def _age(name: str) -> tuple[int, str]:
    return len(name), name


def _oldest(names: Monomial) -> list[tuple[int, str]]:
    return [_age(name) for name in names]


def _unknown(dim: Dim) -> bool:
    return isinstance(dim, str) and dim[0] in (FREE, LOOSE)


def _drop(names: Monomial, name: str, times: int) -> Monomial:
    rest = list(names)
    for _ in range(times):
        rest.remove(name)
    return tuple(rest)
