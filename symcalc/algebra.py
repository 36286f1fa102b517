"""The constructors of the ring operations: they check shapes and keep one spelling of each product.

Scalars stand before products and numbers before scalars (`A*(2*B)` is built as `2*A*B`), a product
with a scalar is a scaling, a scalar has no transpose. Nothing else is simplified here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import reduce
from typing import Any

from symcalc.errors import ShapeError
from symcalc.exact import Number, exact, quotient, raised
from symcalc.expr import Expr, node, rebuild
from symcalc.op import ENTRYWISE_POWERS, Op
from symcalc.shape import SCALAR, Dim, Shape, Unify, same, shape_text
from symcalc.show import brief

FLAT_SUM = 100
FLAT_PRODUCT = 16
MAX_NUMBER_BITS = 8192
ENTRYWISE = ENTRYWISE_POWERS | {"hadamard", "entrywise quotient"}
LINEAR_ATTRIBUTES = frozenset({"symmetric", "skew", "diagonal", "lower", "upper"})


class Algebra:
    """Builds expressions over the operations of a rulebook, by the role that a row declares."""

    def __init__(self, ops: Mapping[str, Op], unify: Unify = same) -> None:
        self.ops = ops
        self.unify = unify
        self.notes: list[str] = []
        self.added: list[Expr] = []  # scalars that were added to the entries of others
        self.book: Any = None  # the rulebook over these operations
        self.role = {op.role: op for op in ops.values() if op.role}

    def under(self, unify: Unify) -> Algebra:
        """Return the same algebra with another way to compare dimensions."""
        other = copy(self)
        other.unify, other.notes, other.added = unify, [], []
        return other

    def build(self, op: Op, args: Sequence[Expr], dims: Sequence[Dim] = ()) -> Expr:
        """Return `op(args)`; ring operations go through their own constructor."""
        special = CONSTRUCTORS.get(op.role)
        if special is None:
            return self.make(op, args, dims)
        if not op.variadic and len(args) != len(op.slots):
            op.check_count(len(args), len(dims))
        return special(self, *args)

    def make(self, op: Op, args: Sequence[Expr], dims: Sequence[Dim] = ()) -> Expr:
        """Return the plain node `op(args)` with its inferred shape."""
        bound = op.bind([arg.shape for arg in args], dims, self.unify)
        data = tuple(bound[name] for name in op.dims) if op.dims else None
        return node(op, tuple(args), op.result(bound), data)

    def rebuild(self, e: Expr, args: tuple[Expr, ...]) -> Expr:
        """Return `e` with other arguments of the same shapes."""
        return rebuild(e, args)

    def call(self, name: str, *args: Expr, dims: Sequence[Dim] = ()) -> Expr:
        """Return the operation called `name` applied to `args`."""
        return self.build(self.ops[name], args, dims)

    def number(self, value: Number) -> Expr:
        """Return an exact rational constant. Raises `ShapeError` beyond a reasonable size."""
        value = exact(value)
        if value.numerator.bit_length() + value.denominator.bit_length() > MAX_NUMBER_BITS:
            raise ShapeError("a number here is too large")
        return node(self.role["number"], (), SCALAR, value)

    def symbol(
        self,
        name: str,
        shape: Shape,
        attributes: frozenset[str] = frozenset(),
        parameters: tuple[Expr, ...] = (),
    ) -> Expr:
        """Return a variable; `parameters` are the scalars on which it depends."""
        return node(self.role["symbol"], (), shape, (name, attributes, parameters))

    def partial(self, v: Expr, parameter: Expr) -> Expr:
        """Return the derivative of a variable by a scalar on which it depends, `dK_t`."""
        name = f"d{v.name}_{parameter.name}"
        return self.symbol(name, v.shape, v.attributes & LINEAR_ATTRIBUTES, v.parameters)

    def identity(self, size: Dim) -> Expr:
        """Return the identity matrix, which is the number 1 for size 1."""
        return self.number(1) if size == 1 else self.make(self.role["identity"], (), (size,))

    def ones(self, shape: Shape) -> Expr:
        """Return the matrix of ones."""
        return self.number(1) if shape == SCALAR else self.make(self.role["ones"], (), shape)

    def zeros(self, shape: Shape) -> Expr:
        """Return the zero of a shape."""
        return self.number(0) if shape == SCALAR else self.make(self.role["zeros"], (), shape)

    def dimension(self, dim: Dim) -> Expr:
        """Return a dimension as a scalar."""
        if isinstance(dim, int):
            return self.number(dim)
        if isinstance(dim, str):
            return node(self.role["dimension"], (), SCALAR, dim)
        terms = [[self.number(count), *map(self.dimension, names)] for names, count in dim.terms]
        return self.sum_of(*[reduce(self.times, factors) for factors in terms])

    def add(self, a: Expr, b: Expr) -> Expr:
        """Return `a + b`; a sum on the left is continued."""
        flat = a.op is self.role["sum"] and len(a.args) < FLAT_SUM
        return self.sum_of(*(a.args if flat else (a,)), b)

    def sum_of(self, *terms: Expr) -> Expr:
        """Return the sum of the terms; a scalar beside a vector stands for each entry."""
        if len(terms) == 1:
            return terms[0]
        shapes = {term.shape for term in terms}
        if len(shapes) > 1:
            terms = self._aligned(terms)
        elif SCALAR in shapes and all(term.op.role == "number" for term in terms):
            return self.number(sum([term.data for term in terms]))
        return node(self.role["sum"], terms, terms[0].shape)

    def _aligned(self, terms: tuple[Expr, ...]) -> tuple[Expr, ...]:
        """Return terms of one shape, the scalars among them times ones."""
        other = next(term for term in terms if not term.is_scalar)
        parts = tuple([self._entrywise(term, other) for term in terms])
        for part in parts:
            self._agree(part, parts[0], "+")
        return parts

    def frobenius(self, a: Expr, b: Expr) -> Expr:
        """Return the Frobenius product `A : B`, that is `tr(A'*B)`."""
        self._agree(a, b, ":")
        return self.trace(self.times(self.transpose(a), b))

    def check_sum(self, a: Expr, b: Expr) -> None:
        """Raise `ShapeError` if `a + b` cannot be."""
        if not (a.is_scalar or b.is_scalar):
            self._agree(a, b, "+")
        elif a.shape != b.shape:
            self._entrywise(*((a, b) if a.is_scalar else (b, a)))

    def _entrywise(self, term: Expr, other: Expr) -> Expr:
        shape = other.shape
        if term.shape == shape or not term.is_scalar:
            return term
        if 1 not in shape and not _of_entries(other):
            multiple = _times_text(term)
            raise ShapeError(
                f"`{term}` is a scalar and the other term is {shape_text(shape)}: a scalar plus a "
                f"matrix is ambiguous; write `{multiple}I` or `{multiple}ones(n, m)`"
            )
        if self.unify is not same:  # a reading collects how it understood the text
            self.notes.append(f"`{brief(term)}` is added to every entry")
            self.added.append(term)
        return self.times(term, self.ones(shape))

    def _agree(self, a: Expr, b: Expr, sign: str) -> None:
        if a.shape == b.shape:
            return
        for left, right in zip(a.shape, b.shape, strict=True):
            if not self.unify(left, right):
                raise ShapeError(
                    f"`{sign}` needs equal shapes: `{brief(a)}` is {shape_text(a.shape)}, "
                    f"`{brief(b)}` is {shape_text(b.shape)}, {left} ≠ {right}"
                )

    def negate(self, a: Expr) -> Expr:
        """Return `-a`."""
        return self.times(self.number(-1), a)

    def product_of(self, factors: Sequence[Expr]) -> Expr:
        """Return the product of at least one factor."""
        first, *rest = factors
        product = self.times(first, rest[0]) if rest else first
        return reduce(self._appended, rest[1:], product)

    def _appended(self, product: Expr, factor: Expr) -> Expr:
        """Return `product*factor` for a product made here: a plain scalar goes to its end, so that
        the cost of many is linear."""
        special = product.op.role == "number" or factor.op.role in ("number", "scale", "quotient")
        if special or not (product.is_scalar and factor.is_scalar):
            return self.times(product, factor)
        return node(self.role["scale"], (product, factor), SCALAR)

    def chain(self, factors: Sequence[Expr]) -> Expr:
        """Return the product of matrices that fit, none of them a multiple or a quotient."""
        made, op = factors[0], self.role["product"]
        for factor in factors[1:]:
            made = node(op, (made, factor), (made.shape[0], factor.shape[1]))
        return made

    def times(self, a: Expr, b: Expr) -> Expr:
        """Return `a*b`: a matrix product, or a multiple where one of them is a scalar."""
        scale = self.role["scale"]
        if a.is_scalar and b.is_scalar:
            return self._scalar_times(a, b)
        if a.is_scalar:
            return self._multiple(a, b)
        if b.is_scalar:
            return self._multiple(b, a)
        if a.op is scale:
            return self._multiple(a.args[0], self.times(a.args[1], b))
        if b.op is scale:
            return self._multiple(b.args[0], self.times(a, b.args[1]))
        if a.op.role == "quotient" or b.op.role == "quotient":
            a, divisors = self._numerator(a)
            b, others = self._numerator(b)
            return self._over(self.times(a, b), [*divisors, *others])
        if a.shape[1] != b.shape[0] and not self.unify(a.shape[1], b.shape[0]):
            raise self._product_error(a, b)
        return node(self.role["product"], (a, b), (a.shape[0], b.shape[1]))

    def _product_error(self, a: Expr, b: Expr) -> ShapeError:
        message = (
            f"`{brief(a)}*{brief(b)}`: `{brief(a)}` is {shape_text(a.shape)}, `{brief(b)}` is "
            f"{shape_text(b.shape)}, {a.shape[1]} ≠ {b.shape[0]}"
        )
        if a.shape[1] == b.shape[1] == 1:
            message += "; for two vectors write x'*y (a number), x*y' (a matrix) or x .* y"
        return ShapeError(message)

    def _multiple(self, c: Expr, a: Expr) -> Expr:
        if a.op is self.role["scale"]:
            return self._multiple(self._scalar_times(c, a.args[0]), a.args[1])
        a, divisors = self._numerator(a)
        if divisors:
            return self._over(self._multiple(c, a), divisors)
        if c.op is self.role["number"] and c.data == 1:
            return a
        return node(self.role["scale"], (c, a), a.shape)

    def _scalar_times(self, a: Expr, b: Expr) -> Expr:
        """Multiply two scalars, the number first and the rest from left to right."""
        (m, x), (n, y) = self.split(a), self.split(b)
        if len(y) > FLAT_PRODUCT:  # a long product stays one factor: doubling it must not unfold it
            n, y = 1, [b]
        factors = [*x, *y]
        if m * n != 1 or not factors:
            factors.insert(0, self.number(m * n))
        product = factors[0]
        for factor in factors[1:]:
            top, divisors = self._numerator(factor)
            if divisors:
                product = self._over(self._scalar_times(product, top), divisors)
            else:
                product = node(self.role["scale"], (product, factor), SCALAR)
        return product

    def _numerator(self, a: Expr) -> tuple[Expr, list[Expr]]:
        """Take `a/b/c` apart into `a` and `[c, b]`."""
        divisors = []
        while a.op is self.role["quotient"]:
            divisors.append(a.args[1])
            a = a.args[0]
        return a, divisors

    def _over(self, a: Expr, divisors: list[Expr]) -> Expr:
        return reduce(self.divide, reversed(divisors), a)

    def split(self, a: Expr) -> tuple[Number, list[Expr]]:
        """Return the leading number and the other factors of a scalar product."""
        factors: list[Expr] = []
        while a.op is self.role["scale"]:
            factors.append(a.args[1])
            a = a.args[0]
        if a.op is self.role["number"]:
            return a.data, factors[::-1]
        return 1, [a, *factors[::-1]]

    def divide(self, a: Expr, b: Expr) -> Expr:
        """Return `a/b` by a scalar `b`."""
        if not b.is_scalar:
            raise ShapeError(
                f"`/` divides by a scalar, and the divisor is {shape_text(b.shape)}: write "
                "`./` for entrywise division or `*inv(.)` for the inverse"
            )
        if b.op is self.role["number"]:
            if b.data == 0:
                raise ShapeError("division by zero")
            return self.times(self.number(quotient(1, b.data)), a)
        return node(self.role["quotient"], (a, b), a.shape)

    def hadamard(self, a: Expr, b: Expr) -> Expr:
        """Return the entrywise product `a .* b`."""
        if a.is_scalar or b.is_scalar:
            return self.times(a, b)
        scale = self.role["scale"]
        if a.op is scale:
            return self._multiple(a.args[0], self.hadamard(a.args[1], b))
        if b.op is scale:
            return self._multiple(b.args[0], self.hadamard(a, b.args[1]))
        self._agree(a, b, ".*")
        return node(self.role["hadamard"], (a, b), a.shape)

    def hadamard_divide(self, a: Expr, b: Expr) -> Expr:
        """Return the entrywise quotient `a ./ b`."""
        if b.is_scalar:
            return self.divide(a, b)
        if a.is_scalar:
            return self.times(a, self.hadamard_divide(self.ones(b.shape), b))
        if a.op is self.role["scale"]:
            return self._multiple(a.args[0], self.hadamard_divide(a.args[1], b))
        self._agree(a, b, "./")
        return node(self.role["entrywise quotient"], (a, b), a.shape)

    def entrywise_power(self, a: Expr, k: Expr) -> Expr:
        """Return `a .^ k`, each entry with its own exponent where `k` is no scalar; two numbers are
        computed where that is exact."""
        if not k.is_scalar:
            return self._power_by_entries(a, k)
        number = self.role["number"]
        if k.op is number and k.data == 1:
            return a
        if a.op is k.op is number and k.data.denominator == 1:
            return self._number_power(a, k)
        return node(self.role["entrywise power"], (a, k), a.shape)

    def _power_by_entries(self, a: Expr, k: Expr) -> Expr:
        if a.is_scalar:
            return node(self.role["powers of a scalar"], (a, k), k.shape)
        self._agree(a, k, ".^")
        return node(self.role["power by entries"], (a, k), a.shape)

    def _number_power(self, a: Expr, k: Expr) -> Expr:
        bits = max(a.data.numerator.bit_length(), a.data.denominator.bit_length())
        if bits * abs(k.data.numerator) > MAX_NUMBER_BITS or (a.data == 0 and k.data < 0):
            raise ShapeError(f"`{a}^({k})` is not a number of reasonable size")
        return self.number(raised(a.data, k.data.numerator))

    def power(self, a: Expr, k: Expr) -> Expr:
        """Return `a^k`: of a scalar, or the power of a square matrix."""
        if not k.is_scalar:
            raise ShapeError(
                f"`^` takes a scalar exponent, got {shape_text(k.shape)}: write `.^` for the "
                "powers entry by entry"
            )
        if a.is_scalar:
            return self.entrywise_power(a, k)
        if not self.unify(a.shape[0], a.shape[1]):
            raise ShapeError(
                f"`^` needs a square matrix, got {shape_text(a.shape)}: write `.^` for the "
                "entrywise power"
            )
        if k.op is self.role["number"] and k.data == -1:
            return self.make(self.role["inverse"], (a,))
        whole = k.data.denominator == 1 if k.op.role == "number" else not a.has_every_power
        return node(self.role["power" if whole else "fractional power"], (a, k), a.shape)

    def principal_power(self, a: Expr, k: Expr) -> Expr:
        """Return the principal power `a^k`; of a whole number it is the power."""
        if a.is_scalar or (k.op.role == "number" and k.data.denominator == 1):
            return self.power(a, k)
        return node(self.role["fractional power"], (a, k), a.shape)

    def transpose(self, a: Expr) -> Expr:
        """Return `a'`."""
        if a.is_scalar:
            return a
        return node(self.role["transpose"], (a,), (a.shape[1], a.shape[0]))

    def trace(self, a: Expr) -> Expr:
        """Return `tr(a)`; the trace of a scalar is the scalar."""
        return a if a.is_scalar else self.make(self.role["trace"], (a,))


CONSTRUCTORS: dict[str, Callable[..., Expr]] = {
    "sum": Algebra.sum_of, "scale": Algebra.times, "product": Algebra.times,
    "power": Algebra.power, "fractional power": Algebra.principal_power,
    "quotient": Algebra.divide, "hadamard": Algebra.hadamard,
    "transpose": Algebra.transpose, "entrywise quotient": Algebra.hadamard_divide,
    "trace": Algebra.trace, **dict.fromkeys(ENTRYWISE_POWERS, Algebra.entrywise_power),
}  # fmt: skip


def _of_entries(e: Expr) -> bool:
    """Whether a matrix is made entry by entry: nobody adds the identity to `exp(A)` or `A .* B`."""
    while e.op.role in ("scale", "quotient", "transpose"):
        e = e.args[1] if e.op.role == "scale" else e.args[0]
    if e.op.role == "sum":
        return any(_of_entries(term) for term in e.args)
    return e.op.column("derivative") is not None or e.op.role in ENTRYWISE


def _times_text(term: Expr) -> str:
    text = str(term)
    return "" if text == "1" else (f"{text}*" if term.size < 2 else f"({text})*")
