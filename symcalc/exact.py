"""Exact rational numbers: an `int` where the value is whole, which is fast and nearly always.

An `int` and a `Fraction` of the same value are equal and have the same hash; only a division and a
negative power of an `int` would become a float, and these are done here.
"""

from __future__ import annotations

from fractions import Fraction

Number = int | Fraction
HALF = Fraction(1, 2)


def exact(value: Number) -> Number:
    """Return a number in its fastest form."""
    if type(value) is int or value.denominator != 1:
        return value
    return value.numerator


def quotient(a: Number, b: Number) -> Number:
    """Return `a / b`."""
    if type(a) is type(b) is int:
        return Fraction(a, b) if a % b else a // b
    return exact(Fraction(a) / b)


def raised(a: Number, k: int) -> Number:
    """Return `a**k`."""
    return a**k if k >= 0 else exact(Fraction(a) ** k)


def rational_power(value: Number, k: Number) -> Number | None:
    """Return `value**k` if it is a rational number of reasonable size, else None."""
    if value == 0 and k < 0:
        return None
    if k.denominator == 1:
        size = max(value.numerator.bit_length(), value.denominator.bit_length())
        return raised(value, k.numerator) if size * abs(k.numerator) < 4096 else None
    if value < 0:
        return None
    roots = [_exact_root(part, k.denominator) for part in (value.numerator, value.denominator)]
    if None in roots:
        return None
    top, bottom = roots
    if not top and k < 0:
        return None
    return raised(Fraction(top or 0, bottom or 1), k.numerator)


def _exact_root(value: int, degree: int) -> int | None:
    root = round(value ** (1 / degree)) if value < 2**52 else 0
    return root if root**degree == value else None
