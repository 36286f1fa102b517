"""The array column: what a template may call, checked before anything is compiled.

Rules are data, also those of a stranger: a template is an expression over its slots that calls
functions from three namespaces and nothing else: `xp` (numpy, jax.numpy, torch, ...), `special`
(scipy.special and its kin) and `k` (the kernels of symcalc).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from symcalc.errors import RuleError
from symcalc.kernels import Kernels
from symcalc.op import Op

if TYPE_CHECKING:
    from symcalc.expr import Expr

XP = frozenset(
    "abs add arccos arccosh arcsin arcsinh arctan arctan2 arctanh cbrt ceil clip concat "
    "concatenate cos cosh cumsum diag diagonal dot e einsum exp exp2 expand_dims expm1 eye fabs "
    "flip floor full heaviside hypot inner kron linalg log log10 log1p log2 logaddexp matmul "
    "max maximum mean min minimum mod multiply negative ones outer pi power prod real "
    "reciprocal reshape round sign sin sinc sinh sqrt square stack std subtract sum tan tanh "
    "tensordot tile trace transpose tril triu var vdot where zeros".split()
)
LINALG = frozenset(
    "cholesky cond cross det eigh eigvalsh inv matrix_norm matrix_power matrix_rank norm pinv "
    "slogdet solve svd svdvals".split()
)
SPECIAL = frozenset(
    "airy digamma ellipe ellipk erf erfc erfcinv erfcx erfi erfinv expi expit factorial fresnel "
    "gamma gammainc gammaincc gammaln i0 i0e i1 i1e j0 j1 lambertw log_ndtr logit logsumexp ndtr "
    "ndtri polygamma psi shichi sici softmax xlogy y0 y1 zeta".split()
)
KERNELS = frozenset(name for name in dir(Kernels) if not name.startswith("_"))
ALLOWED = {"xp": XP, "linalg": LINALG, "special": SPECIAL, "k": KERNELS}
NODES = (
    ast.Expression, ast.Call, ast.Attribute, ast.Name, ast.Constant, ast.BinOp, ast.UnaryOp,
    ast.Load, ast.Tuple, ast.keyword, ast.operator, ast.unaryop, ast.Starred,
    ast.Subscript,
)  # fmt: skip
METHODS = ("T", "ravel")  # of a slot
MAX_TEMPLATE = 2000
COLUMNS = ("array", "rank_one", "flat")


def array_source(op: Op, column: str = "array") -> tuple[str, list[str]]:
    """Return a template as Python source over parameter names, and the names."""
    source = op.column(column)
    for name, shared in reversed(op.column("share", {}).items()):
        source = source.replace(f"{{{name}}}", f"({shared})")
    names = [slot.name for slot in op.slots] + list(op.dims)
    source = re.sub(r"\{(\w+)\.\.\.\}", r"*\1_", source)
    return re.sub(r"\{(\w+)\}", r"\1_", source), [f"{name}_" for name in names]


def column_for(node: Expr) -> str:
    """Return which template fits: the product of a column and a row, and flat vectors, differ."""
    op = node.op
    if op.column("rank_one") and node.args[0].shape[1] == 1:
        return "rank_one"
    return "flat" if op.column("flat") and 1 in node.shape else "array"


def check_array_template(place: str, op: Op) -> None:
    """Raise `RuleError` unless the templates call allowed functions of their own slots only."""
    for column in COLUMNS:
        if op.column(column):
            _check_column(place, op, column)


def _check_column(place: str, op: Op, column: str) -> None:
    source, names = array_source(op, column)
    if op.role in ("number", "dimension"):
        names = ["value_"]
    shown = f"`{op.column(column)}`"
    if len(source) > MAX_TEMPLATE:
        raise RuleError(f"{place} {column}: a template of {len(source)} characters is too long")
    try:
        tree = ast.parse(source, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise RuleError(f"{place} {column}: {shown} is not an expression: {error}") from None
    for node in ast.walk(_WithoutAxes().visit(tree)):
        problem = _problem(node, set(names))
        if problem:
            raise RuleError(f"{place} {column}: {problem} is not allowed in {shown}")


class _WithoutAxes(ast.NodeTransformer):
    """Takes `[:, None]`, the one kind of subscript that is allowed, away from what it stands at."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        axes = node.slice.elts if isinstance(node.slice, ast.Tuple) else []
        plain = [ast.unparse(axis) in (":", "None") for axis in axes]
        return self.visit(node.value) if plain and all(plain) else node


def _problem(node: ast.AST, names: set[str]) -> str:
    if not isinstance(node, NODES):
        return type(node).__name__
    if isinstance(node, ast.Constant) and not isinstance(node.value, (int, float)):
        return f"the constant {node.value!r}"
    if isinstance(node, ast.Name) and node.id not in names | {"xp", "special", "k"}:
        return f"the name `{node.id.rstrip('_')}`"
    if isinstance(node, ast.Attribute):
        return _attribute_problem(node, names)
    if isinstance(node, ast.Subscript) and not isinstance(node.value, ast.Call):
        return "an index"  # but one of the several results of a function
    if isinstance(node, ast.Call) and not isinstance(node.func, ast.Attribute):
        return "this call"
    return ""


def _attribute_problem(node: ast.Attribute, names: set[str]) -> str:
    owner = node.value
    if isinstance(owner, ast.Name) and owner.id in names:
        return "" if node.attr in METHODS else f"the attribute `{node.attr}`"
    name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
    if node.attr in ALLOWED.get(name, ()):
        return ""
    return f"`{ast.unparse(node)}`"


@cache
def array_function(op: Op, column: str = "array") -> Callable[..., Any]:
    """Compile the template of an operation: a function of (xp, special, k, *slots, *dims)."""
    source, names = array_source(op, column)
    if op.variadic:
        names = [f"*{names[0]}"]
    code = f"lambda xp, special, k, {', '.join(names)}: {source}"
    function: Callable[..., Any] = eval(
        compile(code, f"<rules {op.name}>", "eval"), {"__builtins__": {}}
    )
    return function
