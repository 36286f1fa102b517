"""Every row against numbers, from the row itself: no rule is trusted because a book printed it.

`d` is compared with central differences of the array column, `adjoint` by inner products, `vec` and
`transpose` by explicit matrices, a rewrite by the values of both sides.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from symcalc.claims import violation
from symcalc.declare import ATTRIBUTES, ENTRYWISE, SQUARE_ATTRIBUTES, close_attributes
from symcalc.errors import SymcalcError
from symcalc.evaluate import compute, numpy_backend, size_of
from symcalc.expr import Expr, node
from symcalc.judge import slope
from symcalc.op import Op, Rewrite
from symcalc.ranges import stated
from symcalc.rows import REFUSAL, UNEVALUATED
from symcalc.rulebook import LEAVES, Rulebook
from symcalc.sample import RANGES, sample, well_conditioned
from symcalc.shape import SCALAR, Dim, dim_names
from symcalc.simplify import simplify

Array = Any
TOLERANCE = 1e-6
ROUNDS = 3


@dataclass(frozen=True)
class RowCheck:
    """One column of one row, checked: the largest relative error over random points."""

    row: str
    what: str
    error: float

    @property
    def passed(self) -> bool:
        return self.error <= TOLERANCE

    def __str__(self) -> str:
        verdict = "ok  " if self.passed else "FAIL"
        return f"{verdict} [{self.row}] {self.what}: relative error {self.error:.1e}"


def check_op(book: Rulebook, op: Op, seed: int = 0) -> list[RowCheck]:
    """Check every column of an operation that numbers can judge."""
    if op.role in LEAVES | UNEVALUATED or op.column("macro") or not op.column("array"):
        return []
    checks: dict[str, list[float]] = {}
    for number in range(ROUNDS):
        rng = np.random.default_rng([seed, number])
        case = _Case(book, op, rng, number)
        for what, error in case.errors():
            checks.setdefault(what, []).append(error)
    return [RowCheck(op.name, what, max(errors)) for what, errors in checks.items()]


def check_rewrite(book: Rulebook, row: Rewrite, seed: int = 0) -> RowCheck:
    """Compare the values of both sides of a rewrite row, and see that rewriting comes to an end."""
    simplify(row.lhs, book)
    errors = []
    for number in range(ROUNDS):
        rng = np.random.default_rng([seed, number])
        sizes = _sizes([d for v in row.where.values() for d in v.shape] + _data_dims(row), number)
        sizes |= {**_proportions(row, sizes), **row.sizes}
        values = {
            v: _draw(v, row.needs.get(name, frozenset()), row.domain.get(name, ""), sizes, rng)
            for name, v in row.where.items()
        }
        left, right = _compute(book, [row.lhs, row.rhs], values, sizes)
        errors.append(_distance(left, right))
    return RowCheck(f"rewrite {row.name}", "both sides", max(errors))


class _Case:
    """One random point for the slots of an operation."""

    def __init__(self, book: Rulebook, op: Op, rng: np.random.Generator, number: int) -> None:
        self.book, self.op, self.rng = book, op, rng
        algebra = book.algebra
        self.slots = [algebra.symbol(s.name, (s.rows, s.cols)) for s in op.slots]
        dims = [d for v in self.slots for d in v.shape] + list(op.dims) + [op.rows, op.cols]
        self.sizes = _sizes(dims, number) | op.column("sizes", {})
        names = list(op.dims)
        whole_args = (
            (self.slots[0], algebra.symbol("B_", self.slots[0].shape)) if op.variadic else None
        )
        self.args = list(whole_args or self.slots)
        self.whole = node(
            op, tuple(self.args), (op.rows, op.cols), tuple(names) if op.dims else None
        )
        self.values = {
            v: _draw(v, frozenset(), op.domain(v.name), self.sizes, rng) for v in self.args
        }

    def value(self, e: Expr, extra: Mapping[Expr, Array] | None = None) -> Array:
        return _compute(self.book, [e], {**self.values, **(extra or {})}, self.sizes)[0]

    def errors(self) -> Iterator[tuple[str, float]]:
        for slot in self.slots:
            yield from self._slot_errors(slot)
        expect = {
            "transpose": self._transposed, "define": self._plain, "equals": self._plain,
            "reflection": self._reflected,
        }  # fmt: skip
        for column, expected in expect.items():
            body = self.book.body(self.op, column, "")
            if body is not None and not self.op.variadic:
                yield column, _distance(self.value(body.body), expected())
        yield from self._magnitude_errors()
        required = self.book.body(self.op, "requires", "")
        if required is not None:
            yield "requires", float(self.value(required.body) <= 0)
        yield from self._claims()

    def _magnitude_errors(self) -> Iterator[tuple[str, float]]:
        """Compare the value with `exp(logarithm)`, and with `mantissa .* exp(exponent)`."""
        bodies = {
            column: np.asarray(self.value(body.body))
            for column in ("logarithm", "mantissa", "exponent")
            if (body := self.book.body(self.op, column, "")) is not None
        }
        if "logarithm" in bodies:
            yield "logarithm", _distance(np.exp(bodies["logarithm"]), self._plain())
        if "exponent" in bodies:
            whole = bodies["mantissa"] * np.exp(bodies["exponent"])
            yield "exponent", _distance(whole, self._plain())

    def _plain(self) -> Array:
        return self.value(self.whole)

    def _reflected(self) -> Array:
        """Return `f(-x)`, where `reflection` writes it in terms of `f(x)`."""
        (slot,) = self.slots
        return self.value(self.whole, {slot: -self.values[slot]})

    def _transposed(self) -> Array:
        return np.asarray(self._plain()).T

    def _slot_errors(self, slot: Expr) -> Iterator[tuple[str, float]]:
        text = self.op.column("d", {}).get(slot.name, REFUSAL)
        if not text.startswith(REFUSAL):
            yield f"d.{slot.name}", self._differential_error(slot, text)
        adjoint = self.book.body(self.op, "adjoint", slot.name)
        if adjoint is not None:
            yield f"adjoint.{slot.name}", self._adjoint_error(slot, adjoint.body)
        vec = self.book.body(self.op, "vec", slot.name)
        if vec is not None:
            yield f"vec.{slot.name}", self._vec_error(slot, vec.body)

    def _direction(self, like: Expr) -> Array:
        return self.rng.standard_normal(np.shape(self.values[like]))

    def _along(self, slot: Expr, by: Array) -> Array:
        base = self.values[slot]
        return slope(lambda t: np.asarray(self.value(self.whole, {slot: base + t * by})))

    def _differential_error(self, slot: Expr, text: str) -> float:
        by = self._direction(slot)
        wanted = self._along(slot, by)
        template = self.book.body(self.op, "d", slot.name)
        if text == "0" or template is None:
            return _distance(np.zeros_like(wanted), wanted)
        h = self.book.algebra.symbol("H", slot.shape)
        return _distance(self.value(template.body, {h: by}), wanted)

    def _linear(self, slot: Expr, by: Array) -> Array:
        if self.op.variadic:
            return by
        return self.value(self.whole, {slot: by})

    def _adjoint_error(self, slot: Expr, body: Expr) -> float:
        """Compare `<G, L(H)>` with `<L*(G), H>`, and `L` with a linear map."""
        by, other = self._direction(slot), self._direction(slot)
        result = self._linear(slot, by)
        g = self.rng.standard_normal(np.shape(result))
        seed = self.book.algebra.symbol("G", (self.op.rows, self.op.cols))
        pulled = self.value(body, {seed: g})
        linear = _distance(
            self._linear(slot, by + 2 * other), result + 2 * self._linear(slot, other)
        )
        return max(linear, _distance(np.sum(pulled * by), np.sum(g * result)))

    def _vec_error(self, slot: Expr, body: Expr) -> float:
        by = self._direction(slot)
        matrix = np.reshape(self.value(body), (-1, np.size(by)))
        got = matrix @ np.reshape(by, (-1, 1), order="F")
        return _distance(got, np.reshape(self._linear(slot, by), (-1, 1), order="F"))

    def _claims(self) -> Iterator[tuple[str, float]]:
        """Check what the row says of all values: `homogeneous`, ..., `gives`, `range`, `keeps`."""
        value = np.asarray(self._plain())
        for name, degree in self.op.column("homogeneous", {}).items():
            slot = next(v for v in self.slots if v.name == name)
            scaled = self.value(self.whole, {slot: 3.0 * self.values[slot]})
            yield f"homogeneous.{name}", _distance(scaled, 3.0**degree * value)
        if self.op.column("absolute"):
            negative = {slot: -3.0 * np.asarray(self.values[slot]) for slot in self.slots}
            yield "absolute", _distance(self.value(self.whole, negative), 3.0 * value)
        if self.op.column("invariant"):
            (slot,) = self.slots
            turned = np.asarray(self.values[slot]).T
            shape = (slot.shape[1], slot.shape[0])
            other = self.book.algebra.symbol(slot.name, shape)
            whole = node(self.op, (other,), self.whole.shape)
            yield "invariant", _distance(self.value(whole, {other: turned}), value)
        if self.op.column("commutes"):
            a = self.values[self.slots[0]]
            yield "commutes", _distance(a @ value, value @ a)
        for word in self.op.column("gives", ()):
            yield f"gives {word}", max(violation(word, v) for v in (value, self._spread()))
        if self.op.column("range"):
            yield "range", max(self._beyond(v) for v in (value, self._spread()))
        square = dict.fromkeys(self.sizes, 4)  # attributes of matrices, and of even size for skew
        claims = [("keeps", word, word) for word in self.op.column("keeps", ())]
        claims += [("promotes", *pair) for pair in self.op.column("promotes", {}).items()]
        for column, word, made in claims:
            structured = {v: self._structured(v, word, square) for v in self.args}
            (value,) = _compute(self.book, [self.whole], structured, square)
            yield f"{column} {word}", violation(made, np.asarray(value))

    def _beyond(self, value: Array) -> float:
        """Return how far a value lies outside the range."""
        (low, _), (high, _) = stated(self.op)
        return max(0.0, float(np.max(low - value)), float(np.max(value - high)))

    def _spread(self) -> Array:
        """Return the value at a point farther out, where a claim has more ways to fail."""
        far = {
            v: a if self.op.domain(v.name) else 4.0 * np.asarray(a) for v, a in self.values.items()
        }
        return np.asarray(self.value(self.whole, far))

    def _structured(self, v: Expr, word: str, sizes: Mapping[str, int]) -> Array:
        """Return a value with an attribute, for slots that can have it."""
        if v.shape == SCALAR:
            return self.values[v]
        symbol = self.book.algebra.symbol(v.name, (size_of(v.shape[0], sizes),) * 2)
        like = symbol if word in SQUARE_ATTRIBUTES else v
        return _draw(like, frozenset({word}), self.op.domain(v.name), sizes, self.rng)


def _sizes(dims: list[Dim], number: int) -> dict[str, int]:
    names = list(dict.fromkeys(name for dim in dims for name in dim_names(dim)))
    choices = ((3, 2, 4, 5, 2, 3), (2, 4, 3, 2, 5, 4), (4, 3, 2, 3, 2, 2))[number % 3]
    return {name: choices[k % len(choices)] for k, name in enumerate(names)}


def _data_dims(row: Rewrite) -> list[Dim]:
    return [dim for e in (row.lhs, row.rhs) for dim in _leaf_dims(e)]


def _leaf_dims(e: Expr) -> list[Dim]:
    return [*(e.data if e.op.dims else ()), *[d for arg in e.args for d in _leaf_dims(arg)]]


def _proportions(row: Rewrite, sizes: Mapping[str, int]) -> dict[str, int]:
    """Return sizes for slots that are declared `tall` or `wide`."""
    for name, domain in row.domain.items():
        rows, cols = row.where[name].shape
        if domain in ("tall", "wide") and isinstance(rows, str) and isinstance(cols, str):
            long, short = (rows, cols) if domain == "tall" else (cols, rows)
            return {long: 5, short: 3}
    return {}


def _draw(
    v: Expr, needs: frozenset[str], domain: str, sizes: Mapping[str, int], rng: np.random.Generator
) -> Array:
    words = frozenset(domain.split()) & (ATTRIBUTES | {ENTRYWISE}) | needs
    symbol = v.op.algebra.symbol(v.name, v.shape, close_attributes(words))
    if "natural" in domain:
        return np.float64(rng.choice([1, 2, 3]))
    if "integer" in domain:
        return np.float64(rng.choice([2, 3, -2]))
    if domain == "distinct":
        shape = [size_of(dim, sizes) for dim in v.shape if dim != 1]
        return rng.permutation(prod(shape)).reshape(shape) + rng.uniform(-0.2, 0.2, shape)
    if domain in RANGES:
        return sample(symbol, sizes, rng, domain)
    if v.shape == SCALAR and not words:
        return np.float64(rng.uniform(0.5, 2.0) * rng.choice([-1, 1]))
    if 1 not in v.shape and not words:
        return well_conditioned(tuple(size_of(d, sizes) for d in v.shape), rng)
    return sample(symbol, sizes, rng)


def _compute(
    book: Rulebook, roots: list[Expr], values: Mapping[Expr, Array], sizes: Mapping[str, int]
) -> list[Array]:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compute(roots, values, sizes, numpy_backend())


def _distance(got: Array, wanted: Array) -> float:
    got, wanted = np.asarray(got, float), np.asarray(wanted, float)
    if got.shape != wanted.shape:
        return float("inf")
    scale = max(np.max(np.abs(wanted), initial=0.0), np.max(np.abs(got), initial=0.0), 1e-3)
    error = float(np.max(np.abs(got - wanted), initial=0.0) / scale)
    return error if np.isfinite(error) else float("inf")


def check_report(book: Rulebook, base: Rulebook | None) -> tuple[list[RowCheck], list[str]]:
    """Check the rows that `base` does not have; return the checks, and what failed to run."""
    known = set(base.ops) if base else set()
    names = {row.name for row in base.rewrites} if base else set()
    ops = [op for name, op in book.ops.items() if name not in known]
    rewrites = [row for row in book.rewrites if row.name not in names]
    found: list[RowCheck] = []
    broken: list[str] = []
    items: list[Op | Rewrite] = [*ops, *rewrites]
    for item in items:
        try:
            found += check_op(book, item) if isinstance(item, Op) else [check_rewrite(book, item)]
        except (SymcalcError, ArithmeticError, ValueError, TypeError, AttributeError) as error:
            broken.append(f"[{item.name}]: {type(error).__name__}: {error}")
    return found, broken
