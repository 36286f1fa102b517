"""Dimensions: numbers, names and their polynomials (`n*m`, `n + 1`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
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
LETTERS = "nmpqrskl"
POWER = re.compile(r"(\w+)\s*\^\s*([1-9])(?!\w)")


def _term_text(names: Monomial, count: Count) -> str:
    top, bottom = Fraction(count).as_integer_ratio()
    factors = [str(top)] if top != 1 or not names else []
    return "*".join([*factors, *names]) + (f"/{bottom}" if bottom != 1 else "")


def dim_terms(dim: Dim) -> dict[Monomial, Count]:
    if isinstance(dim, int):
        return {(): dim} if dim else {}
    if isinstance(dim, str):
        return {(dim,): 1}
    return dict(dim.terms)


def dimension(terms: Mapping[Monomial, Count]) -> Dim:
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
    terms = dim_terms(a)
    for names, count in dim_terms(b).items():
        terms[names] = terms.get(names, 0) + count
    return dimension(terms)


def dim_sub(a: Dim, b: Dim) -> Dim:
    """Return `a - b`."""
    return dim_add(a, dim_mul(-1, b))


def dim_mul(a: Dim, b: Dim) -> Dim:
    """Return `a * b`."""
    terms: dict[Monomial, Count] = {}
    for left, m in dim_terms(a).items():
        for right, n in dim_terms(b).items():
            names = tuple(sorted(left + right))
            terms[names] = terms.get(names, 0) + m * n
    return dimension(terms)


def dim_div(a: Dim, b: Dim) -> Dim | None:
    """Return the exact quotient `a / b` by a single term, or None."""
    divisor = dim_terms(b)
    if len(divisor) != 1:
        return 1 if a == b else None
    ((names, count),) = divisor.items()
    quotient: dict[Monomial, Count] = {}
    for left, m in dim_terms(a).items():
        rest = _without(left, names)
        if rest is None:
            return None
        quotient[rest] = Fraction(m) / count
    return dimension(quotient)


def _without(names: Monomial, removed: Monomial) -> Monomial | None:
    rest = list(names)
    for name in removed:
        if name not in rest:
            return None
        rest.remove(name)
    return tuple(rest)


def dim_substitute(dim: Dim, values: Mapping[str, Dim]) -> Dim:
    """Replace the names of `dim` by `values`; names without a value stay."""
    if isinstance(dim, str):
        return values.get(dim, dim)
    if isinstance(dim, int):
        return dim
    total: Dim = 0
    for names, count in dim.terms:
        product = dimension({(): count})
        for name in names:
            product = dim_mul(product, values.get(name, name))
        total = dim_add(total, product)
    return total


def dim_linear(dim: Dim, name: str) -> tuple[Dim, Dim] | None:
    """Return `a` and `b` with `dim = a*name + b`, neither of which holds the name; else None."""
    parts: tuple[dict[Monomial, Count], dict[Monomial, Count]] = ({}, {})
    for names, count in dim_terms(dim).items():
        power = names.count(name)
        if power > 1:
            return None
        parts[1 - power][tuple(other for other in names if other != name)] = count
    return dimension(parts[0]), dimension(parts[1])


def dim_names(dim: Dim) -> Iterable[str]:
    """Return the names that occur in `dim`."""
    if isinstance(dim, str):
        return (dim,)
    return [name for names, _ in dim.terms for name in names] if isinstance(dim, Polynomial) else ()


@lru_cache(maxsize=1000)
def parse_dim(text: str) -> Dim:
    """Read a dimension such as `3`, `n`, `n*m`, `n^2`, `n + 1`, `n - 1` or `n*n/2`."""
    total: Dim = 0
    plain = POWER.sub(lambda m: "*".join([m[1]] * int(m[2])), text.replace("**", "^"))
    for sign, whole in re.findall(r"([+-]?)([^+-]*)", plain.strip())[: max(1, len(text))]:
        if not (sign or whole):
            continue
        term, slash, divisor = whole.partition("/")
        if slash and not (divisor.strip().isdecimal() and int(divisor)):
            raise ShapeError(f"`{text}` is not a dimension: divide by a number")
        product = dimension({(): Fraction(-1 if sign == "-" else 1, int(divisor or 1))})
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


def fresh_names() -> Iterator[str]:
    """Yield names for dimensions that nobody named."""
    yield from LETTERS
    k = 1
    while True:
        yield from (f"{letter}{k}" for letter in LETTERS)
        k += 1
