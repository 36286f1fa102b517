"""Judges that differentiate the function themselves: JAX and PyTorch over the array column.

They know the values of the operations and nothing of our rules, so they are an independent route.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from symcalc.errors import EvaluationError
from symcalc.evaluate import Backend, compute, special_functions
from symcalc.expr import Expr
from symcalc.judge import moved
from symcalc.kernels import Kernels

if TYPE_CHECKING:
    from symcalc.derivation import Derivation

Array = Any
Values = Mapping[Expr, Array]
LIBRARIES = ("jax", "torch")


class Autodiff:
    """Automatic differentiation by one library: arrays in, NumPy arrays out."""

    def __init__(self, library: str) -> None:
        module = _require(library)
        self.grad: Callable[..., Any] = module.grad if library == "jax" else module.func.grad
        self.jvp: Callable[..., Any] = module.jvp if library == "jax" else module.func.jvp
        self.hess: Callable[..., Any] = module.hessian if library == "jax" else module.func.hessian
        self.jacobian: Callable[..., Any] = (
            module.jacrev if library == "jax" else module.func.jacrev
        )
        self.backend = _jax_backend() if library == "jax" else _torch_backend(module)
        self.module = module
        self.library = library

    def arrays(self, point: Values) -> dict[Expr, Array]:
        """Bring a point into the library, in double precision."""
        return {
            v: a if isinstance(a, tuple) else self.backend.xp.asarray(np.asarray(a, float))
            for v, a in point.items()
        }

    def function(self, d: Derivation, sizes: Mapping[str, int]) -> Callable[[Values], Array]:
        """Return the function of a derivation, of a repeated one by differentiating its origin."""
        parent = d.parent
        if parent is None:
            return lambda values: compute([d.function], values, sizes, self.backend)[0]
        inner, variable, weight = self.function(parent, sizes), parent.variable, d.weight

        def traced(values: Values) -> Array:
            def along(x: Array) -> Array:
                return inner(moved(values, variable, x - values[variable]))

            g = self.grad(along)(values[variable])
            if weight is not None:
                return (g * compute([weight], values, sizes, self.backend)[0]).sum()
            return g if g.ndim == 0 else self.backend.xp.trace(g)

        return traced

    def slope(self, d: Derivation, point: Values, by: Array, sizes: Mapping[str, int]) -> Array:
        """Return the derivative of the function of `d` along a direction of its variable."""
        with self._double():
            values, f = self.arrays(point), self.function(d, sizes)
            direction = self.backend.xp.asarray(np.asarray(by, float))

            def along(x: Array) -> Array:
                return f(moved(values, d.variable, x - values[d.variable]))

            if d.function.is_scalar:
                return np.sum(np.asarray(self.grad(along)(values[d.variable])) * by)
            return np.asarray(self.jvp(along, (values[d.variable],), (direction,))[1])

    def second(
        self, f: Expr, first: Expr, other: Expr, point: Values, sizes: Mapping[str, int]
    ) -> Array:
        """Return the second partial derivatives, axes of `first` before those of `other`."""
        with self._double():
            values = self.arrays(point)

            def gradient(y: Array) -> Array:
                def along(x: Array) -> Array:
                    both = moved(moved(values, other, y - values[other]), first, x - values[first])
                    return compute([f], both, sizes, self.backend)[0]

                return self.grad(along)(values[first])

            def whole(y: Array) -> Array:
                return compute([f], moved(values, other, y - values[other]), sizes, self.backend)[0]

            if first is other:
                return np.asarray(self.hess(whole)(values[other]))
            return np.asarray(self.jacobian(gradient)(values[other]))

    def _double(self) -> Any:
        if self.library == "jax":
            if hasattr(self.module, "enable_x64"):
                return self.module.enable_x64(True)
            return importlib.import_module("jax.experimental").enable_x64()
        return self.module.enable_grad()


def _require(library: str) -> Any:
    try:
        return importlib.import_module(library)
    except ImportError:
        raise EvaluationError(
            f"verifying against {library} needs it: pip install symcalc[{library}]"
        ) from None


def _jax_backend() -> Backend:
    xp = importlib.import_module("jax.numpy")
    return Backend(xp, special_functions("jax.scipy.special"), Kernels(xp))


def _torch_backend(torch: Any) -> Backend:
    xp = _Double(torch)
    return Backend(xp, special_functions("torch.special"), Kernels(xp))


class _Double:
    """The namespace of PyTorch: it creates double precision, and takes plain numbers as well."""

    def __init__(self, torch: Any) -> None:
        self._torch = torch

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._torch, name)
        if name == "kron":
            return lambda a, b: found(a.contiguous(), b.contiguous())
        if name in ("eye", "ones", "zeros", "asarray"):
            return lambda *args: found(*args, dtype=self._torch.float64)
        return self._lenient(found) if callable(found) else found

    def _lenient(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(first: Any, *args: Any) -> Any:
            plain = isinstance(first, (int, float))
            return function(self.asarray(first) if plain else first, *args)

        return call
