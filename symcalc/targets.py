"""The libraries that code is generated for, and the kernels as plain functions of each."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache

from symcalc.dialect import Dialect, Spoken
from symcalc.errors import EvaluationError
from symcalc.fast_kernels import FastKernels, LapackKernels
from symcalc.foreign import Language
from symcalc.julia import JULIA
from symcalc.kernels import Kernels
from symcalc.library_kernels import NAMESPACE, DaskKernels, StandardKernels, TorchKernels
from symcalc.matlab import MATLAB

LIKE_FIRST = "dtype={0}.dtype, device=getattr({0}, 'device', None)"
SPECIAL = ("from scipy import special", "special")


@dataclass(frozen=True, eq=False)
class Target:
    """A library: how it is imported and what its namespaces are called."""

    imports: tuple[str, ...]
    module: str
    special: tuple[str, str]
    kernels: type[Kernels] = Kernels
    real: bool = False  # whether the code is for real arrays, which nothing differentiates
    checked: bool = False  # whether compiled functions check their arguments, as NumPy arrays
    fitted: bool = False  # whether they compare the shapes of arrays of this library
    libraries: frozenset[str] = frozenset()  # whose operations the code may use
    matrix_functions: str = ""  # where expm, logm and sqrtm are imported from
    lacks: tuple[str, ...] = ()  # which of these are not there
    exponential: str = ""  # what expm is called, if it is the only one of these
    dialect: Dialect = field(default_factory=Dialect)
    opening: str = ""  # a statement about the first array, and the function that it calls
    opened_by: str = ""
    taken_in: str = ""  # what every array that is given is passed through
    language: Language | None = None  # if it is not Python


TARGETS = {
    "numpy": Target(
        ("import numpy as np",),
        "np",
        SPECIAL,
        kernels=FastKernels,
        real=True,
        checked=True,
        libraries=frozenset({"numpy", "scipy.linalg"}),
        matrix_functions="scipy.linalg",
        dialect=Dialect(methods=True),
    ),
    "scipy": Target(
        ("import numpy as np",),
        "np",
        SPECIAL,
        kernels=LapackKernels,
        real=True,
        checked=True,
        libraries=frozenset({"numpy", "scipy.linalg", "lapack"}),
        matrix_functions="scipy.linalg",
        dialect=Dialect(methods=True),
    ),
    "jax": Target(
        ("import jax.numpy as jnp",),
        "jnp",
        ("from jax.scipy import special", "special"),
        fitted=True,
        matrix_functions="jax.scipy.linalg",
        lacks=("logm",),
    ),
    "torch": Target(
        ("import torch",),
        "torch",
        ("", "torch.special"),
        kernels=TorchKernels,
        fitted=True,
        exponential="torch.linalg.matrix_exp",
        dialect=Dialect(
            {"kron": "k.kron"},
            "dtype={0}.dtype, device={0}.device",
            "dtype=getattr({0}, 'dtype', torch.float64), device=getattr({0}, 'device', None)",
        ),
    ),
    "dask": Target(
        ("import dask.array as da",),
        "da",
        SPECIAL,
        kernels=DaskKernels,
        real=True,
        dialect=Dialect(
            {
                "kron": "k.kron",
                "amax": "xp.max",
                "linalg.inv": "k.inverse",
                "linalg.pinv": "k.pseudo_inverse",
                "linalg.solve": "k.solution",
                "linalg.det": "k.determinant",
                "linalg.matrix_power": "k.power",
                "linalg.eigvalsh": "k.eigenvalues",
                "linalg.eigh": "k.eigh",
                "linalg.svd": "k.svd",
                "linalg.cross": "k.cross",
                "reshape": "k.reshape",
                "special.polygamma": "",
            }
        ),
        taken_in="da.asarray",
    ),
    "array_api": Target(
        (),
        "xp",
        ("", ""),
        kernels=StandardKernels,
        real=True,
        dialect=Dialect(
            {
                "kron": "k.kron",
                "diag": "k.diag",
                "amax": "xp.max",
                "concatenate": "xp.concat",
                "cumsum": "xp.cumulative_sum",
                "arctan": "xp.atan",
                "arcsin": "xp.asin",
                "arccos": "xp.acos",
                "trace": "xp.linalg.trace",
                "outer": "xp.linalg.outer",
                "diagonal": "xp.linalg.diagonal",
            },
            LIKE_FIRST,
            LIKE_FIRST,
            axes=frozenset("sum max min prod amax concatenate stack cumsum".split()),
            plain=True,
            handed=True,
        ),
        opening="xp = _namespace({0})",
        opened_by=NAMESPACE,
    ),
    "julia": Target((), "xp", ("", "special"), real=True, language=JULIA),
    "matlab": Target((), "xp", ("", "special"), real=True, language=MATLAB),
}


def special_of(target: Target) -> tuple[str, str]:
    """Return how the special functions are imported, and what they are called then."""
    if not target.special[1]:
        raise EvaluationError("the array API has no special functions: choose another target")
    return target.special


def library_function(name: str, target: Target) -> str:
    """Return what a function of matrices is called."""
    if target.matrix_functions and name not in target.lacks:
        return f"matrix_functions.{name}"
    if name != "expm" or not target.exponential:
        library = target.module if target.imports else "the array API"
        raise EvaluationError(f"{library} has no `{name}`: choose another target")
    return target.exponential


def heading(target: Target, used: list[str], imports: list[str]) -> list[str]:
    """Return what stands above a function: its imports, and the kernels that it uses."""
    written: dict[str, str] = {}
    waiting = list(used)
    while waiting:
        name = waiting.pop(0)
        if name not in written:
            written[name], needed = kernel_source(name, target)
            waiting += needed
    lines = [*target.imports, *imports]
    for name, line in _importable(target):
        if any(re.search(rf"\b{name}[.(,]", text) for text in written.values()):
            lines.append(line)
    return [*filter(None, ["\n".join(dict.fromkeys(lines)), target.opened_by]), *written.values()]


def _importable(target: Target) -> list[tuple[str, str]]:
    """Return names that kernels may use, with the lines that import them."""
    package, _, module = target.matrix_functions.rpartition(".")
    return [
        ("np", "import numpy as np"),
        ("lapack", "from scipy.linalg import lapack"),
        ("matrix_functions", f"from {package} import {module} as matrix_functions"),
        ("delayed", "from dask import delayed"),
    ]


SHORT = (  # what a kernel says of itself, and what it says in the code
    (r"\b_require_whole\(", "k._exponent("),
    (r"\b_whole\(k\)", "int(k) if k == int(k) else None"),
    (r"\bself\._(lapack|xp|delayed)(\(\)(?=[.,])|\b)", r"\1"),
    (r"\bself\.(?!_library)", "k."),
)


@cache
def kernel_source(name: str, target: Target) -> tuple[str, list[str]]:
    """Return the source of a kernel as a plain function, and the kernels that it calls."""
    source = textwrap.dedent(inspect.getsource(getattr(target.kernels, name)))
    for said, written in SHORT:
        source = re.sub(said, written, source)
    source = re.sub(
        r"\bself\._library\(\)\.(\w+)", lambda m: library_function(m[1], target), source
    )
    tree = ast.parse(source).body[0]
    assert isinstance(tree, ast.FunctionDef)
    tree = _unannotated(tree, target)
    needed = list(dict.fromkeys(re.findall(r"\bk\.(\w+)", ast.unparse(tree))))
    plain = re.sub(r"\bk\._?(\w+)", r"_\1", ast.unparse(tree))
    return re.sub(r"\bxp\b", target.module, plain), needed


def _unannotated(tree: ast.FunctionDef, target: Target) -> ast.FunctionDef:
    """Return a kernel as a function without types, in the dialect of the library."""
    arrays = [
        a.arg for a in tree.args.args if a.annotation and ast.unparse(a.annotation) == "Array"
    ]
    tree.name, tree.returns, tree.args.args = f"_{tree.name.lstrip('_')}", None, tree.args.args[1:]
    for argument in [*tree.args.args, *filter(None, [tree.args.vararg])]:
        argument.annotation = None
    like = target.dialect.like and (target.dialect.like.format(*arrays[:1]) if arrays else "**like")
    if like == "**like":
        tree.args.kwarg = ast.arg("like")
    if target.dialect.handed:
        tree.args.args.insert(0, ast.arg("xp"))
    spoken = Spoken(_without(target.dialect, tree.name), like, sizes_only(target))
    spoken.visit(tree)
    return ast.fix_missing_locations(tree)


def _without(dialect: Dialect, name: str) -> Dialect:
    """Return the words that a kernel may use itself: not those that it stands for."""
    return replace(dialect, words={w: k for w, k in dialect.words.items() if k != f"k.{name[1:]}"})


def sizes_only(target: Target) -> frozenset[str]:
    """Return the kernels that make an array of sizes alone, if such arrays follow another."""
    return _made_of_sizes() if target.dialect.like else frozenset()


@cache
def _made_of_sizes() -> frozenset[str]:
    methods = [(name, m) for name, m in vars(Kernels).items() if inspect.isfunction(m)]
    return frozenset(name for name, method in methods if _types(method) == {"int"})


def _types(method: Callable[..., object]) -> set[str]:
    return {str(text) for slot, text in method.__annotations__.items() if slot != "return"}
