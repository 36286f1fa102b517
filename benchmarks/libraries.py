"""JAX and PyTorch as their users write them: each library's own functions under common names."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import numpy as np

Array = Any
Value = Callable[..., Any]  # value(xp, **arrays)


@cache
def jax_names() -> SimpleNamespace:
    """Return the functions of JAX; double precision is switched on by the caller."""
    jnp = importlib.import_module("jax.numpy")
    linalg, special, nn = map(
        importlib.import_module, ("jax.scipy.linalg", "jax.scipy.special", "jax.nn")
    )
    return SimpleNamespace(
        sum=jnp.sum, exp=jnp.exp, log=jnp.log, tanh=jnp.tanh, trace=jnp.trace, kron=jnp.kron,
        diag=jnp.diag, inv=jnp.linalg.inv, solve=jnp.linalg.solve, cholesky=jnp.linalg.cholesky,
        logdet=lambda a: jnp.linalg.slogdet(a)[1], expm=linalg.expm, softplus=nn.softplus,
        half_solve=lambda c, b: linalg.solve_triangular(c, b, lower=True),
        logsumexp=lambda a: special.logsumexp(a, -1), eye=lambda n: jnp.eye(n, dtype=float),
    )  # fmt: skip


@cache
def torch_names() -> SimpleNamespace:
    """Return the functions of PyTorch."""
    torch = importlib.import_module("torch")
    linalg, nn = torch.linalg, torch.nn.functional
    return SimpleNamespace(
        sum=torch.sum, exp=torch.exp, log=torch.log, tanh=torch.tanh, trace=torch.trace,
        kron=torch.kron, diag=torch.diag, inv=linalg.inv, solve=linalg.solve,
        cholesky=linalg.cholesky, logdet=lambda a: linalg.slogdet(a)[1], expm=linalg.matrix_exp,
        softplus=nn.softplus, logsumexp=lambda a: torch.logsumexp(a, -1),
        half_solve=lambda c, b: linalg.solve_triangular(c, b, upper=False),
        eye=lambda n: torch.eye(n, dtype=torch.float64),
    )  # fmt: skip


def installed(name: str) -> bool:
    return find_spec(name) is not None


def double_precision() -> None:
    """Let JAX compute in double precision, in the whole process."""
    if installed("jax"):
        importlib.import_module("jax").config.update("jax_enable_x64", True)


def own(arrays: dict[str, Array]) -> dict[str, Array]:
    """Return fresh copies, so that no contestant warms the cache for another."""
    return {name: a.copy() if isinstance(a, np.ndarray) else a for name, a in arrays.items()}


def on_jax(
    value: Value, transform: Callable[[Any, Value], Value], arrays: dict[str, Array], wrt: str
) -> Callable[[], Any]:
    """Return a call of a jitted transform of `value` by its first argument, data on the device."""
    jax = importlib.import_module("jax")
    xp, names = jax_names(), [wrt, *(name for name in arrays if name != wrt)]
    device = [jax.numpy.asarray(a) for a in own({name: arrays[name] for name in names}).values()]
    plain = lambda *args: value(xp, **dict(zip(names, args, strict=True)))  # noqa: E731
    function = jax.jit(transform(jax, plain))
    return lambda: jax.block_until_ready(function(*device))


def on_torch(value: Value, arrays: dict[str, Array], wrt: str) -> Callable[[], Any]:
    """Return a call that records `value` and differentiates it backwards."""
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    xp = torch_names()
    tensors = {name: torch.tensor(a, dtype=torch.float64) for name, a in arrays.items()}
    x = tensors[wrt].requires_grad_(True)

    def call() -> Any:
        result = value(xp, **tensors)
        (slope,) = torch.autograd.grad(result, x)
        return result.detach(), slope

    return call
