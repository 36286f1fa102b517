"""Random well-typed expressions, for properties that must hold for every expression.

Run `python -m tests.fuzz COUNT SEED` for a long run; `test_simplify.py` runs a slice.
"""

from __future__ import annotations

import random
import sys
import warnings
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from symcalc import EvaluationError, Expr, derive, variables
from symcalc.expr import in_scope, rebuild
from symcalc.graph import postorder
from symcalc.rulebook import default_rules
from symcalc.sample import sample
from symcalc.simplify import simplify

WHERE = (
    "a: scalar; b: positive scalar; x: vector(n); y: vector(n); z: vector(m); "
    "u: positive vector(n); "
    "A: matrix(n); B: matrix(n); C: matrix(n, m); D: matrix(n, m); E: matrix(m, n); "
    "S: symmetric matrix(n); P: spd matrix(n); Q: orthogonal matrix(n); L: diagonal matrix(n); "
    "N: skew matrix(n)"
)
SIZES = {"n": 3, "m": 4}
SHAPES = [("1", "1"), ("n", "1"), ("m", "1"), ("n", "n"), ("n", "m"), ("m", "n"), ("1", "n")]
ENTRYWISE = ("exp", "tanh", "sin", "sigmoid", "softplus")


@dataclass
class Generator:
    """Builds random expressions of a given shape from operations that always have a value."""

    rng: random.Random
    leaves: dict[tuple, list[Expr]] = field(default_factory=dict)
    made: dict[tuple, list[Expr]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for symbol in variables(WHERE):
            self.leaves.setdefault(_text(symbol), []).append(symbol)

    def build(self, shape: tuple[str, str], depth: int) -> Expr:
        """Return a random expression, now and then one that stands in the formula already."""
        known = self.made.setdefault(shape, [])
        if known and self.rng.random() < 0.12:
            return self.rng.choice(known)
        known.append(self._fresh(shape, depth))
        return known[-1]

    def _fresh(self, shape: tuple[str, str], depth: int) -> Expr:
        algebra = default_rules().algebra
        if depth <= 0 or self.rng.random() < 0.1:
            return self._leaf(shape)
        ways = [self._sum, self._sum, self._product, self._product, self._scaled, self._entrywise]
        ways += [self._turned, self._hadamard, self._shared, self._rooted]
        if shape == ("1", "1"):
            ways += [self._trace, self._norm, self._total, self._logdet]
        if shape == ("n", "n"):
            ways += [self._inverse, self._power, self._diag]
        if shape == ("n", "1"):
            ways += [lambda s, d: algebra.call("diagonal", self.build(("n", "n"), d))]
            ways += [lambda s, d: algebra.call("softmax", self.build(("n", "1"), d))]
        return self.rng.choice(ways)(shape, depth - 1)

    def _leaf(self, shape: tuple[str, str]) -> Expr:
        algebra = default_rules().algebra
        if shape == ("1", "1") and self.rng.random() < 0.3:
            return algebra.number(self.rng.choice([2, 3, -1, -2]))
        if shape in (("1", "n"), ("1", "m")):
            return self._leaf(shape[::-1]).T
        if shape == ("n", "n") and self.rng.random() < 0.15:
            return algebra.identity("n")
        if self.rng.random() < 0.06:
            return algebra.ones(tuple(1 if d == "1" else d for d in shape))
        if shape == ("m", "m"):
            return self._leaf(("m", "n")) * self._leaf(("n", "m"))
        return self.rng.choice(self.leaves[shape])

    def _sum(self, shape, depth):
        terms = [self.build(shape, depth) for _ in range(self.rng.choice([2, 2, 3]))]
        terms = [-t if self.rng.random() < 0.3 else t for t in terms]
        return default_rules().algebra.sum_of(*terms)

    def _product(self, shape, depth):
        inner = self.rng.choice(["n", "n", "m", "1"])
        return self.build((shape[0], inner), depth) * self.build((inner, shape[1]), depth)

    def _scaled(self, shape, depth):
        whole = self.build(("1", "1"), depth - 1) * self.build(shape, depth)
        return whole / self.leaves["1", "1"][1] if self.rng.random() < 0.3 else whole

    def _shared(self, shape, depth):
        """Return a sum whose terms have powers of one scalar before them or below the line."""
        algebra = default_rules().algebra
        scalar = self.leaves["1", "1"][1] if self.rng.random() < 0.7 else self._leaf(("1", "1"))
        positive = scalar is self.leaves["1", "1"][1]
        powers = [-2, -1, -1, 0, 0, 1, 1, 2] if positive else [0, 1, 1, 2]
        terms = [
            algebra.power(scalar, algebra.number(self.rng.choice(powers))) * self.build(shape, d)
            for d in (depth - 1, depth - 1)
        ]
        return terms[0] - terms[1] if self.rng.random() < 0.4 else terms[0] + terms[1]

    def _rooted(self, shape, depth):
        """Return a root, a logarithm or a power of something positive."""
        algebra = default_rules().algebra
        square = algebra.hadamard(inner := self.build(shape, depth - 1), inner)
        below = self.leaves["1", "1"][1] if self.rng.random() < 0.5 else algebra.number(1)
        whole = algebra.ones(tuple(1 if d == "1" else d for d in shape)) + square / below
        if self.rng.random() < 0.3:
            return algebra.call("log", whole)
        k = algebra.number(Fraction(self.rng.choice([-3, -1, 1, 3]), 2))
        return algebra.entrywise_power(whole, k)

    def _entrywise(self, shape, depth):
        inner = self.build(shape, depth) / 8
        return default_rules().algebra.call(self.rng.choice(ENTRYWISE), inner)

    def _turned(self, shape, depth):
        return self.build(shape[::-1], depth).T

    def _hadamard(self, shape, depth):
        algebra = default_rules().algebra
        left, right = self.build(shape, depth), self.build(shape, depth)
        if self.rng.random() < 0.25:
            return algebra.hadamard_divide(left, algebra.call("exp", right / 8))
        return algebra.hadamard(left, right)

    def _trace(self, shape, depth):
        return default_rules().algebra.call("tr", self.build(("n", "n"), depth))

    def _norm(self, shape, depth):
        algebra = default_rules().algebra
        norm = algebra.call("normF", self.build(self.rng.choice(SHAPES), depth))
        return algebra.power(norm, algebra.number(2)) if self.rng.random() < 0.6 else norm

    def _total(self, shape, depth):
        return default_rules().algebra.call("sum", self.build(self.rng.choice(SHAPES), depth))

    def _definite(self, depth):
        inner = self.build(("n", "n"), depth - 1) / 8
        square = inner.T * inner
        square = square / self.leaves["1", "1"][1] if self.rng.random() < 0.4 else square
        return square + self.leaves["n", "n"][3]

    def _logdet(self, shape, depth):
        return default_rules().algebra.call("logdet", self._definite(depth))

    def _inverse(self, shape, depth):
        return default_rules().algebra.call("inv", self._definite(depth))

    def _power(self, shape, depth):
        algebra = default_rules().algebra
        return algebra.power(
            self.build(("n", "n"), depth - 1), algebra.number(self.rng.choice([2, 3]))
        )

    def _diag(self, shape, depth):
        return default_rules().algebra.call("diag", self.build(("n", "1"), depth))


def _text(e: Expr) -> tuple[str, str]:
    return str(e.shape[0]), str(e.shape[1])


def point(seed: int) -> dict[str, np.ndarray]:
    """Return arrays for all leaves, with their attributes."""
    rng = np.random.default_rng(seed)
    return {v.name: sample(v, SIZES, rng) for v in variables(WHERE)}


def shuffled(e: Expr, rng: random.Random) -> Expr:
    """Return the expression with the terms of its sums in another order."""
    memo: dict[Expr, Expr] = {}
    for node in postorder([e]):
        args = [memo[arg] for arg in node.args]
        if node.op.role == "sum":
            rng.shuffle(args)
        memo[node] = rebuild(node, tuple(args))
    return memo[e]


def value(e: Expr, arrays: dict[str, np.ndarray]) -> np.ndarray:
    used = {v.name for v in e.variables}
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        known = {name: a for name, a in arrays.items() if name in used or name in ("C",)}
        return np.asarray(e.evaluate(**known))


def problems(e: Expr, seed: int) -> list[str]:
    """Return what is wrong with the simplification of an expression."""
    book = default_rules()
    scope = {v.name: v for v in variables(WHERE)}
    simple, alike = simplify(e, book), simplify(e, book, like=e)
    found = []
    arrays = point(seed)
    before = value(in_scope(e, scope), arrays)
    for other in {simple, alike}:
        after = value(in_scope(other, scope), arrays)
        if not _agree(before, after):
            found.append(f"value: {e} -> {other}")
    if simplify(simple, book) is not simple:
        found.append(f"not idempotent: {e} -> {simple} -> {simplify(simple, book)}")
    other = simplify(shuffled(e, random.Random(seed)), book)
    if other is not simple:
        found.append(f"order: {e} -> {simple} or {other}")
    return found


def _agree(before: np.ndarray, after: np.ndarray) -> bool:
    size = float(np.max(np.abs(before), initial=0))
    if not (np.all(np.isfinite(before)) and size < 1e8):
        return True
    same = before.shape == after.shape
    return same and bool(np.max(np.abs(before - after), initial=0) <= 1e-7 * max(1.0, size))


def gradient_problems(e: Expr, rng: random.Random) -> list[str]:
    """Return what is wrong with the gradient of a scalar expression by one of its variables."""
    if not e.variables:
        return []
    d = derive(e, rng.choice(e.variables))
    try:
        verification = d.verify(sizes=SIZES, seed=rng.randrange(1000))
    except EvaluationError:
        return []  # no point where the function is finite
    return [] if verification.passed else [f"gradient: {e} by {d.variable}: {verification}"]


def run(count: int, seed: int, depth: int = 4) -> list[str]:
    """Check `count` random expressions; return the problems."""
    found = []
    for k in range(count):
        rng = random.Random(seed * 1_000_003 + k)
        e = Generator(rng).build(rng.choice(SHAPES), rng.choice([2, 3, depth]))
        texts = problems(e, k)
        if e.is_scalar:
            texts += gradient_problems(e, rng)
        found += [f"[{seed}/{k}] {text}" for text in texts]
    return found


if __name__ == "__main__":
    count, seed = (int(word) for word in (sys.argv[1:] + ["1000", "0"][len(sys.argv) - 1 :]))
    failures = run(count, seed)
    print(*failures[:40], sep="\n")
    names = ("value", "idempotent", "order", "gradient")
    kinds = {name: sum(f"{name}:" in text for text in failures) for name in names}
    print(f"{count} expressions, seed {seed}: {len(failures)} problems {kinds}")
    sys.exit(1 if failures else 0)
