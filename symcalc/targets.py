"""The libraries that code is generated for, and the kernels as plain functions of each."""

from __future__ import annotations

import inspect
import re
import textwrap
from dataclasses import dataclass

from symcalc.errors import EvaluationError
from symcalc.fast_kernels import FastKernels, LapackKernels
from symcalc.kernels import Kernels


@dataclass(frozen=True)
class Target:
    """A library: how it is imported and what its namespaces are called."""

    imports: tuple[str, ...]
    module: str
    special: tuple[str, str]
    dtype: str = ""
    kernels: type[Kernels] = Kernels
    real: bool = False  # whether the code is for real arrays, which nothing differentiates
    matrix_functions: str = ""  # where expm, logm and sqrtm are imported from


TARGETS = {
    "numpy": Target(
        ("import numpy as np",),
        "np",
        ("from scipy import special", "special"),
        kernels=FastKernels,
        real=True,
        matrix_functions="scipy.linalg",
    ),
    "scipy": Target(
        ("import numpy as np",),
        "np",
        ("from scipy import special", "special"),
        kernels=LapackKernels,
        real=True,
        matrix_functions="scipy.linalg",
    ),
    "jax": Target(
        ("import jax.numpy as jnp",),
        "jnp",
        ("from jax.scipy import special", "special"),
        matrix_functions="jax.scipy.linalg",
    ),
    "torch": Target(("import torch",), "torch", ("", "torch.special"), "torch.float64"),
}


def _with_library(source: str, target: Target) -> str:
    """Name the function of matrices that the library has."""

    def named(match: re.Match[str]) -> str:
        if target.matrix_functions:
            return f"matrix_functions.{match[1]}("
        if match[1] != "expm":
            raise EvaluationError(f"{target.module} has no `{match[1]}`: choose another target")
        return f"{target.module}.linalg.matrix_exp("

    return re.sub(r"self\._library\(\)\.(\w+)\(", named, source)


def kernel_source(name: str, target: Target) -> tuple[str, list[str]]:
    """Return the source of a kernel as a plain function, and the kernels that it calls."""
    source = textwrap.dedent(inspect.getsource(getattr(target.kernels, name)))
    source = re.sub(
        r": (Array|int|tuple\[int, int\]|Callable\[\[Array\], Array\])(?=[,)])", "", source
    )
    source = re.sub(r"\) -> [^:]+:", "):", source, count=1)
    source = source.replace(f"def {name}(self, ", f"def _{name}(").replace(
        "self._xp", target.module
    )
    if "_require_whole(" in source or "_whole(" in source:
        source = source.replace("_require_whole(", "int(")
        source = source.replace("whole = _whole(k)", "whole = int(k) if k == int(k) else None")
    if target.dtype:
        source = re.sub(r"(torch\.eye\([^()]*)\)", rf"\1, dtype={target.dtype})", source)
    source = source.replace("self._lapack().", "lapack.")
    source = _with_library(source, target)
    needed = re.findall(r"self\.(\w+)", source)
    source = re.sub(r"self\.(\w+)", lambda m: f"_{m[1].lstrip('_')}", source)
    source = source.replace("def __", "def _")
    return source.rstrip(), needed
