"""Equations between dimensions: what the sizes of undeclared variables must be."""

from __future__ import annotations

from fractions import Fraction

from symcalc.exact import HALF, rational_power
from symcalc.shape import (
    Dim,
    Monomial,
    Polynomial,
    dim_names,
    dim_sub,
    dim_substitute,
    dim_terms,
    dimension,
)

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
        if isinstance(dim, str):
            return self._resolve_name(dim) if dim in self.values else dim
        if isinstance(dim, int):
            return dim
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
        if unknown(a) or unknown(b):
            return self._bind(a, b)
        if isinstance(a, Polynomial) or isinstance(b, Polynomial):
            return self._solve(a, b)
        return False

    def _bind(self, a: Dim, b: Dim) -> bool:
        # A loose unknown gives way to a strict one; a strict one never becomes 1.
        if not unknown(a) or (unknown(b) and str(a)[0] == FREE and str(b)[0] == LOOSE):
            a, b = b, a
        assert isinstance(a, str)
        if b in (0, 1) and a[0] == FREE:
            return False
        if a in dim_names(b):
            return False
        self.values[a] = b
        if a in self.hints and unknown(b):
            self.hints.setdefault(str(b), self.hints[a])
        return True

    def _solve(self, a: Dim, b: Dim) -> bool:
        """Cancel what both sides of a product share; bind a single unknown that is left."""
        left, right = dim_terms(a), dim_terms(b)
        if len(left) != 1 or len(right) != 1:
            return self._solve_sum(a, b)
        ((x, m),), ((y, n),) = left.items(), right.items()
        shared = [name for name in x if name in y]
        for name in dict.fromkeys(shared):
            times = min(x.count(name), y.count(name))
            x, y = _drop(x, name, times), _drop(y, name, times)
        for known, k, open_, u in ((x, m, y, n), (y, n, x, m)):
            if len(open_) == 1 and unknown(open_[0]):
                return self._bind(open_[0], dimension({known: Fraction(k) / u}))
            square = len(open_) == 2 and open_[0] == open_[1] and unknown(open_[0])
            root = rational_power(Fraction(k) / u, HALF) if square and not known else None
            if root is not None and root.denominator == 1:
                return self._bind(open_[0], int(root))
        if any(unknown(name) for name in x + y):
            return self._postpone(a, b)
        return False

    def _solve_sum(self, a: Dim, b: Dim) -> bool:
        """Bind the only unknown of an equation between sums; leave others for later."""
        rest = dim_terms(dim_sub(a, b))
        open_ = [names for names in rest if any(unknown(name) for name in names)]
        if len(open_) != 1 or len(open_[0]) != 1:
            return self._postpone(a, b)
        count = rest.pop(open_[0])
        return self(open_[0][0], dimension({k: Fraction(-v) / count for k, v in rest.items()}))

    def _postpone(self, a: Dim, b: Dim) -> bool:
        if not any(unknown(name) for name in [*dim_names(a), *dim_names(b)]):
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
        left, right = dim_terms(self.resolve(a)), dim_terms(self.resolve(b))
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


def unknown(dim: Dim) -> bool:
    return isinstance(dim, str) and dim[0] in (FREE, LOOSE)


def _drop(names: Monomial, name: str, times: int) -> Monomial:
    rest = list(names)
    for _ in range(times):
        rest.remove(name)
    return tuple(rest)
