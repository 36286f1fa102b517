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
