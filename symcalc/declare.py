"""Declarations of variables (`"symmetric matrix(n)"`) and the kinds that undeclared names have."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from symcalc.errors import ParseError, ShapeError
from symcalc.letters import GREEK, GREEK_SIGNS
from symcalc.shape import SCALAR, Dim, Shape, parse_dim, shape_text

ATTRIBUTES = frozenset(
    {"symmetric", "skew", "spd", "psd", "diagonal", "orthogonal", "orthonormal", "invertible"}
    | {"lower", "upper", "positive", "nonnegative", "unit"}
)
SQUARE_ATTRIBUTES = ATTRIBUTES - {"positive", "nonnegative", "unit", "orthonormal"}
ENTRYWISE = "entrywise"  # what an unspecified function is declared as
IMPLIED = {
    "spd": {"symmetric", "psd", "invertible"},
    "psd": {"symmetric"},
    "diagonal": {"symmetric", "lower", "upper"},
    "orthogonal": {"invertible", "orthonormal"},
}
_KIND = re.compile(r"\s*(scalar|vector|matrix)\s*(?:\(([^()]*)\))?\s*")
_NEXT_ENTRY = re.compile(r";|(?:\n|(?<=\)),|(?<=scalar),|(?<=entrywise),)(?=[\w\s,]{1,300}:)")


class Declaration(NamedTuple):
    """What is known of a variable: its shape, its attributes (implied ones included), and the
    scalars on which it depends. An unspecified function is a scalar with the mark `entrywise`."""

    shape: Shape
    attributes: frozenset[str] = frozenset()
    parameters: tuple[str, ...] = ()


def close_attributes(attributes: frozenset[str]) -> frozenset[str]:
    """Add what the attributes imply (`spd` is symmetric, psd and invertible)."""
    return attributes.union(*(IMPLIED.get(word, set()) for word in attributes))


def shortest_attributes(attributes: frozenset[str]) -> list[str]:
    """Leave out what the other attributes imply."""
    implied = close_attributes(frozenset()).union(
        *(close_attributes(frozenset({word})) - {word} for word in attributes)
    )
    return sorted(attributes - implied)


def parse_declaration(text: str, name: str = "") -> Declaration:
    """Read `[attributes] scalar | vector(n) | matrix(n, m) | matrix(n) [of t]`, or `entrywise`."""
    if text.strip() == ENTRYWISE:
        return Declaration(SCALAR, frozenset({ENTRYWISE}))
    text, _, parameters = text.partition(" of ")
    found = re.search(r"\b(?:scalar|vector|matrix)\b", text)
    start = found.start() if found else 0
    attributes, kind = text[:start].split(), text[start:].strip()
    match = _KIND.fullmatch(kind)
    unknown = [word for word in attributes if word not in ATTRIBUTES]
    if match is None or unknown:
        problem = (
            f"`{unknown[0]}` is no attribute" if match and unknown else f"`{text[:60]}` is not one"
        )
        raise ParseError(
            f"declaration of {name or 'a variable'}: {problem}; write "
            "`[attributes] scalar`, `vector(n)`, `matrix(n)` or `matrix(n, m)`, with attributes "
            f"{', '.join(sorted(ATTRIBUTES))}; `matrix(n) of t` depends on the scalar t, and "
            f"`{ENTRYWISE}` is a function applied to every entry"
        )
    if {"symmetric", "skew"} <= close_attributes(frozenset(attributes)):
        raise ParseError(f"declaration of {name or text}: no matrix is both symmetric and skew")
    shape = _shape(match[1], match[2], text)
    given = frozenset(attributes)
    if given & SQUARE_ATTRIBUTES and shape[0] != shape[1]:
        word = min(given & SQUARE_ATTRIBUTES)
        raise ShapeError(
            f"declaration of {name or text}: a {word} matrix is square, `{text}` is not"
        )
    if "orthonormal" in given:
        given |= _with_orthonormal_columns(shape, name or text)
    return Declaration(shape, close_attributes(given), _parameters(parameters, name))


def _with_orthonormal_columns(shape: Shape, what: str) -> set[str]:
    """Return what orthonormal columns mean for a shape: a square matrix is orthogonal."""
    rows, cols = shape
    wide = isinstance(rows, int) and isinstance(cols, int) and rows < cols
    if wide or rows == 1:
        raise ShapeError(
            f"declaration of {what}: orthonormal columns have at least as many entries as there "
            f"are columns, not {shape_text(shape)}"
        )
    return {"orthogonal"} if rows == cols else set()


def _parameters(text: str, name: str) -> tuple[str, ...]:
    names = tuple(word.strip() for word in text.split(",")) if text.strip() else ()
    wrong = next((word for word in names if not word.isidentifier() or word == name), None)
    if wrong is not None:
        raise ParseError(f"declaration of {name}: it cannot depend on `{wrong}`: name scalars")
    return names


def _shape(kind: str, sizes: str | None, text: str) -> Shape:
    dims: list[Dim] = [parse_dim(size) for size in sizes.split(",")] if sizes else []
    if any(dim == 0 for dim in dims):
        raise ShapeError(f"`{text}`: a dimension is at least 1")
    if kind == "scalar" and not dims:
        return SCALAR
    if kind == "vector" and len(dims) == 1:
        return (dims[0], 1)
    if kind == "matrix" and len(dims) in (1, 2):
        return (dims[0], dims[-1])
    raise ParseError(f"`{text}`: write scalar, vector(n), matrix(n) or matrix(n, m)")


def parse_where(where: Mapping[str, str] | str | None) -> dict[str, Declaration]:
    """Read declarations given as a mapping or as text, `"X, Y: matrix(n, m); a: scalar"`.

    Lines, and commas after a shape, part entries of a text as semicolons do.
    """
    if where is None:
        return {}
    if not isinstance(where, (str, Mapping)):
        raise ParseError(
            f'declarations are text or a mapping, where="x: vector(n)", not {type(where).__name__}'
        )
    if isinstance(where, str):
        entries = [
            pair for text in _NEXT_ENTRY.split(where.strip(" \n,")) for pair in _split_entry(text)
        ]
        where = dict(entries)
        if len(where) < len(entries):
            names = [name for name, _ in entries]
            twice = next(name for name in names if names.count(name) > 1)
            raise ParseError(f"`{twice}` is declared twice")
    declared = {}
    known: dict[str, Declaration] = {}
    for name, text in where.items():
        if not isinstance(text, str):
            raise ParseError(f"declaration of {name}: write it as text, such as 'matrix(n, m)'")
        if not isinstance(name, str) or not name.isidentifier():
            raise ParseError(f"`{name}` cannot be declared: it is not a name")
        declared[unicodedata.normalize("NFKC", name)] = known[text] = known.get(
            text
        ) or parse_declaration(text, name)
    return declared


def _split_entry(entry: str) -> list[tuple[str, str]]:
    """Return each name of `A, B: matrix(n)` with what it is declared as."""
    names, colon, text = entry.partition(":")
    if not colon and names.strip():
        raise ParseError(f"`{entry.strip()}` is not a declaration: write `name: matrix(n, m)`")
    return [(name.strip(), text.strip()) for name in names.split(",")] if colon else []


@lru_cache(maxsize=1000)
def default_kind(name: str) -> str | None:
    """Return the kind that an undeclared name has (matrixcalculus.org's defaults), or None."""
    base = re.sub(r"_\w*$|\d+$", "", name, count=1)
    if base in GREEK or (len(base) == 1 and base in GREEK_SIGNS):
        return "scalar"
    if base.lower() in GREEK or (len(base) == 1 and base.lower() in GREEK_SIGNS + "ς"):
        return "matrix"
    if len(base) != 1 or not base.isalpha():
        return None
    if base.isupper():
        return "matrix"
    return "scalar" if "a" <= base <= "g" else "vector"
