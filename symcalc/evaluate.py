"""Values: one fold over the array column. Inside, scalars are 0-D and everything else is 2-D."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from symcalc.arraycode import array_function
from symcalc.errors import EvaluationError
from symcalc.graph import postorder
from symcalc.kernels import Kernels
from symcalc.shape import SCALAR, Dim, Polynomial, dim_substitute, shape_text

if TYPE_CHECKING:
    from symcalc.expr import Expr


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


@cache
def numpy_backend() -> Backend:
    """NumPy, with SciPy's special functions when they are needed."""
    return Backend(np, _Special("scipy.special"), Kernels(np))


def evaluate(e: Expr, arrays: Mapping[str, Any], scope: Mapping[str, Expr] | None = None) -> Any:
    """Return the value of `e`; `scope` holds the declared variables that may be given besides."""
    known = {**(scope or e.scope or {}), **{v.name: v for v in e.variables}}
    values, dims = read_arrays(known, arrays)
    missing = [v.name for v in e.variables if v not in values]
    if missing:
        raise EvaluationError(f"no value for {', '.join(missing)}; pass {missing[0]}=...")
    result = compute([e], values, dims, numpy_backend())[0]
    return outward(result, e)


def read_arrays(
    known: Mapping[str, Expr], arrays: Mapping[str, Any], xp: Any = np
) -> tuple[dict[Expr, Any], dict[str, int]]:
    """Bring arrays to the inner convention and read the dimensions off them."""
    values: dict[Expr, Any] = {}
    dims: dict[str, int] = {}
    owners: dict[str, str] = {}
    for name, value in arrays.items():
        if name not in known:
            raise EvaluationError(
                f"`{name}` is not a variable of the formula; it has {', '.join(known) or 'none'}"
            )
        symbol = known[name]
        values[symbol] = _inward(symbol, value, xp)
        for dim, size in zip(symbol.shape, np.shape(values[symbol]) or (1, 1), strict=True):
            _bind_dim(symbol, dim, size, dims, owners)
    return values, dims


def _bind_dim(
    symbol: Expr, dim: Dim, size: int, dims: dict[str, int], owners: dict[str, str]
) -> None:
    if isinstance(dim, str) and dim not in dims:
        dims[dim], owners[dim] = size, symbol.name
    expected = dim_substitute(dim, dims)  # type: ignore[arg-type]
    if isinstance(expected, int) and expected != size:
        because = f" ({dim} = {expected} by {owners[dim]})" if dim in owners else ""
        raise EvaluationError(
            f"{symbol.name} is declared {shape_text(symbol.shape)}: the array has {size} where "
            f"{dim} is needed{because}"
        )


def _inward(symbol: Expr, value: Any, xp: Any) -> Any:
    array = value if hasattr(value, "dtype") else np.asarray(value)
    kind = getattr(array.dtype, "kind", "f")
    if kind not in "iubfc":
        raise EvaluationError(f"{symbol.name}: an array of numbers is needed, not {value!r:.60}")
    if kind in "iub":
        array = array.astype(np.float64)
    array = xp.asarray(array)
    shape = tuple(array.shape)
    if symbol.shape == SCALAR and array.size == 1:
        return xp.reshape(array, ())
    if symbol.shape[1] == 1 and len(shape) == 1:
        return xp.reshape(array, (-1, 1))
    if len(shape) != 2 or symbol.shape == SCALAR:
        wanted = "a scalar" if symbol.shape == SCALAR else shape_text(symbol.shape)
        raise EvaluationError(f"{symbol.name} is {wanted}: an array of shape {shape} does not fit")
    return array


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
        value = node.data
        return int(value) if value.denominator == 1 and abs(value) < 2**53 else float(value)
    if role == "dimension":
        return size_of(node.data, dims)
    if role == "symbol":
        raise EvaluationError(f"no value for {node.name}; pass {node.name}=...")
    if not node.op.column("array"):
        raise EvaluationError(f"`{node.op.name}` has no array code")
    args = [_fit(memo[arg], arg, node.op.slot(k), backend.xp) for k, arg in enumerate(node.args)]
    sizes = [size_of(dim, dims) for dim in node.data] if node.op.dims else []
    function = array_function(node.op)
    result = function(backend.xp, backend.special, backend.kernels, *args, *sizes)
    return backend.xp.reshape(result, ()) if node.is_scalar and np.ndim(result) else result


def _fit(value: Any, arg: Expr, slot: Any, xp: Any) -> Any:
    """Give a scalar the 1-by-1 form where the slot holds a matrix."""
    if arg.is_scalar and (slot.rows, slot.cols) != SCALAR:
        return xp.reshape(xp.asarray(value), (1, 1))
    return value


def size_of(dim: Dim, dims: Mapping[str, int]) -> int:
    """Return the number that a dimension has at this evaluation."""
    size = dim_substitute(dim, dims)  # type: ignore[arg-type]
    if isinstance(size, (str, Polynomial)):
        raise EvaluationError(f"the size {size} is not known: pass a variable whose shape fixes it")
    return size


def outward(value: Any, e: Expr) -> Any:
    """Bring a result to the outer convention: vectors 1-D, scalars 0-D."""
    if e.is_scalar:
        return np.asarray(value)[()] if not hasattr(value, "dtype") else value
    return value[:, 0] if e.shape[1] == 1 else value
