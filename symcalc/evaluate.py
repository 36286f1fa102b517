"""Values: one fold over the array column. Scalars are 0-D, vectors and rows 1-D, matrices 2-D."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from symcalc.arraycode import array_function, column_for
from symcalc.declare import ENTRYWISE
from symcalc.errors import EvaluationError
from symcalc.exact import Number
from symcalc.graph import postorder
from symcalc.kernels import Kernels
from symcalc.lower import Lowering
from symcalc.magnitude import stable
from symcalc.shape import (
    SCALAR,
    Dim,
    Polynomial,
    dim_linear,
    dim_names,
    dim_substitute,
    shape_text,
)

if TYPE_CHECKING:
    from symcalc.expr import Expr

KRONECKER_SIZE = 64  # of the unknowns of an equation that is solved as one linear system
MAX_ORDER = 8  # of derivatives of a function that is given as numbers
_FAILURES = (
    ValueError, TypeError, IndexError, ArithmeticError, AttributeError, NotImplementedError,
)  # fmt: skip


class _Special:
    """A namespace of special functions, imported when one is first needed."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        try:
            return getattr(importlib.import_module(self._module), name)
        except ImportError:
            package = self._module.partition(".")[0]
            raise EvaluationError(
                f"`{name}` needs {package}: pip install symcalc[{package}]"
            ) from None


@dataclass(frozen=True)
class Backend:
    """An array library: its namespace, its special functions and the kernels over it."""

    xp: Any
    special: Any
    kernels: Kernels

    def number(self, value: Number) -> Any:
        """Return an exact number as one of the library."""
        whole = value.denominator == 1 and abs(value.numerator) < 2**53
        try:
            return int(value) if whole else float(value)
        except OverflowError:
            raise EvaluationError("a number is beyond the range of floating point") from None


def special_functions(module: str) -> Any:
    """Return a namespace of special functions that is imported when it is first used."""
    return _Special(module)


class NumpyKernels(Kernels):
    """The kernels over NumPy, some of them by SciPy where it is installed."""

    def sylvester(self, a: Any, b: Any, c: Any) -> Any:
        small = np.size(c) <= KRONECKER_SIZE or importlib.util.find_spec("scipy") is None
        return super().sylvester(a, b, c) if small else self._library().solve_sylvester(a, b, c)


@cache
def numpy_backend() -> Backend:
    """NumPy, with SciPy's special functions when they are needed."""
    return Backend(np, special_functions("scipy.special"), NumpyKernels(np))


def evaluate(e: Expr, arrays: Mapping[str, Any], scope: Mapping[str, Expr] | None = None) -> Any:
    """Return the value of `e`; `scope` holds the declared variables that may be given besides."""
    known = {**(scope or e.known or {}), **{v.name: v for v in e.variables}}
    places = {name: int(arrays[name]) for name in _given_sizes(e, known, arrays)}
    values, dims = read_arrays(known, {k: a for k, a in arrays.items() if k not in places})
    dims = {**dims, **places}
    missing = [v.name for v in e.variables if v not in values]
    if missing:
        raise EvaluationError(f"no value for {', '.join(missing)}; pass {missing[0]}=...")
    result = compute([lowered(e, tuple(dims.items()))], values, dims, numpy_backend())[0]
    return outward(result, e)


@lru_cache(maxsize=256)
def lowered(e: Expr, dims: tuple[tuple[str, int], ...]) -> Expr:
    """Return an expression in the form in which it is evaluated under the given dimensions.

    Only what holds for every array is used: forms without overflow, the order of products, and the
    rows of the stage "lower" that need no attribute and are right for complex numbers too.
    """
    return Lowering(e.op.algebra, dict(dims)).lower(stable([e], e.op.algebra.book))[0]


def _given_sizes(e: Expr, known: Mapping[str, Expr], arrays: Mapping[str, Any]) -> set[str]:
    """Return the names given that are no variables but places or sizes, as in `X[i, j]`."""
    others = {name for name, value in arrays.items() if name not in known and _is_whole(value)}
    if not others:
        return others
    sized = [node for node in postorder([e]) if node.op.dims]
    return others & {name for node in sized for dim in node.data for name in dim_names(dim)}


def _is_whole(value: Any) -> bool:
    return isinstance(value, (int, np.integer))


def read_arrays(
    known: Mapping[str, Expr], arrays: Mapping[str, Any], xp: Any = np
) -> tuple[dict[Expr, Any], dict[str, int]]:
    """Bring arrays to the convention and read the dimensions off them."""
    values: dict[Expr, Any] = {}
    dims: dict[str, int] = {}
    owners: dict[str, str] = {}
    composed: list[tuple[Expr, Dim, int]] = []
    for name, value in arrays.items():
        if name not in known:
            raise EvaluationError(
                f"`{name}` is not a variable of the formula; it has {', '.join(known) or 'none'}"
            )
        symbol = known[name]
        if ENTRYWISE in symbol.attributes:
            values[symbol] = _given_function(symbol.name, value)
            continue
        values[symbol] = _inward(symbol, value, xp)
        for dim, size in zip(symbol.shape, _full_shape(symbol, values[symbol]), strict=True):
            _bind_dim(symbol, dim, size, dims, owners)
            composed += [(symbol, dim, size)] if isinstance(dim, Polynomial) else []
    for _ in composed:
        for symbol, dim, size in composed:
            _solve_dim(symbol, dim, size, dims, owners)
    return values, dims


def _given_function(name: str, value: Any) -> tuple[Callable[[Any], Any], ...]:
    """Return a function and its derivatives; those not given raise when they are needed."""

    def missing(a: Any) -> Any:
        raise EvaluationError(f"a derivative of {name} is needed: pass {name}=(f, df, ...)")

    given = (value,) if callable(value) else tuple(value)
    return (*given, *[missing] * MAX_ORDER)


def _full_shape(symbol: Expr, array: Any) -> tuple[int, int]:
    shape = tuple(array.shape)
    if len(shape) == 2:
        return shape[0], shape[1]
    size = shape[0] if shape else 1
    return (1, size) if symbol.shape[0] == 1 else (size, 1)


def _bind_dim(
    symbol: Expr, dim: Dim, size: int, dims: dict[str, int], owners: dict[str, str]
) -> None:
    if isinstance(dim, str) and dim not in dims:
        dims[dim], owners[dim] = size, symbol.name
    expected = dim_substitute(dim, dims)
    if isinstance(expected, int) and expected != size:
        because = f" ({dim} = {expected} by {owners[dim]})" if dim in owners else ""
        raise EvaluationError(
            f"{symbol.name} is declared {shape_text(symbol.shape)}: the array has {size} where "
            f"{dim} is needed{because}"
        )


def _solve_dim(
    symbol: Expr, dim: Dim, size: int, dims: dict[str, int], owners: dict[str, str]
) -> None:
    """Read the only size in `n*m`, `n + 1` that is not known yet, and check the whole."""
    unknown = list(dict.fromkeys(name for name in dim_names(dim) if name not in dims))
    linear = dim_linear(dim, unknown[0]) if len(unknown) == 1 else None
    if linear is not None:
        a, b = (dim_substitute(part, dims) for part in linear)
        if isinstance(a, int) and isinstance(b, int) and a and (size - b) % a == 0:
            dims[unknown[0]], owners[unknown[0]] = (size - b) // a, symbol.name
    _bind_dim(symbol, dim, size, dims, owners)


def _inward(symbol: Expr, value: Any, xp: Any) -> Any:
    array = value if hasattr(value, "dtype") else np.asarray(value)
    kind = getattr(array.dtype, "kind", "f")
    if kind not in "iubfc":
        raise EvaluationError(f"{symbol.name}: an array of numbers is needed, not {value!r:.60}")
    if kind in "iub":
        array = array.astype(np.float64)
    array = xp.asarray(array)
    rank, shape = _rank(symbol), tuple(array.shape)
    thin = len(shape) == 2 and shape[1 if symbol.shape[1] == 1 else 0] == 1
    if rank == 0 and math.prod(shape) == 1:
        return xp.reshape(array, ())
    if rank == 1 and (len(shape) == 1 or thin):
        return xp.reshape(array, (-1,))
    if rank == 2 and len(shape) == 2:
        return array
    wanted = "a scalar" if rank == 0 else shape_text(symbol.shape)
    raise EvaluationError(f"{symbol.name} is {wanted}: an array of shape {shape} does not fit")


def _rank(e: Expr) -> int:
    """Return the number of axes that the value of an expression has."""
    return 0 if e.shape == SCALAR else (1 if 1 in e.shape else 2)


def compute(
    roots: list[Expr], values: Mapping[Expr, Any], dims: Mapping[str, int], backend: Backend
) -> list[Any]:
    """Evaluate several expressions over shared work; `values` may also hold inner nodes."""
    memo: dict[Expr, Any] = dict(values)
    for node in postorder(roots, into=lambda n: n not in values):
        if node not in memo:
            memo[node] = _value(node, memo, dims, backend)
    return [memo[root] for root in roots]


def _value(node: Expr, memo: Mapping[Expr, Any], dims: Mapping[str, int], backend: Backend) -> Any:
    role = node.op.role
    if role == "number":
        return backend.number(node.data)
    if role == "dimension":
        return size_of(node.data, dims)
    if role == "symbol":
        raise EvaluationError(f"no value for {node.name}; pass {node.name}=...")
    if not node.op.column("array"):
        raise EvaluationError(f"`{node.op.name}` has no array code")
    args = [_fit(memo[arg], node, k, backend.xp) for k, arg in enumerate(node.args)]
    sizes = [size_of(dim, dims) for dim in node.data] if node.op.dims else []
    function = array_function(node.op, column_for(node))
    try:
        result = function(backend.xp, backend.special, backend.kernels, *args, *sizes)
    except np.linalg.LinAlgError:
        raise
    except EvaluationError:
        raise
    except _FAILURES as error:
        raise EvaluationError(f"the array code of `{node.op.name}` fails: {error}") from error
    rank = _rank(node)
    if rank == 2 or isinstance(result, tuple) or np.ndim(result) == rank:
        return result
    return backend.xp.reshape(result, () if rank == 0 else (-1,))


def full_form(node: Expr, index: int) -> tuple[int, int] | None:
    """Return the 2-D shape that an argument must be given, None where its own form fits.

    A matrix slot takes 2-D arrays; operations that declare `any_rank`, and products, do not care.
    """
    arg, slot = node.args[index], node.op.slot(index)
    loose = node.op.column("any_rank") or node.op.role == "product"
    if loose or 1 not in arg.shape or 1 in (slot.rows, slot.cols):
        return None
    return (1, 1) if arg.is_scalar else ((-1, 1) if arg.shape[1] == 1 else (1, -1))


def _fit(value: Any, node: Expr, index: int, xp: Any) -> Any:
    wanted = full_form(node, index)
    return value if wanted is None else xp.reshape(xp.asarray(value), wanted)


def size_of(dim: Dim, dims: Mapping[str, int]) -> int:
    """Return the number that a dimension has at this evaluation."""
    size = dim_substitute(dim, dims)
    if isinstance(size, (str, Polynomial)):
        raise EvaluationError(f"the size {size} is not known: pass a variable whose shape fixes it")
    return size


def outward(value: Any, e: Expr) -> Any:
    """Return a scalar as a NumPy scalar, everything else as it is."""
    return np.asarray(value)[()] if e.is_scalar and not hasattr(value, "dtype") else value
