"""SymPy out: a row's `sympy` column says which SymPy expression its operation is.

A template is an expression over the slots, the sizes of their shapes and the names below. A slot
`{A:entry}` stands for one entry: the template is then applied to every entry of A. SymPy is
imported when the first formula is translated.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from symcalc.errors import RuleError
from symcalc.graph import fold
from symcalc.op import Op
from symcalc.shape import Dim, dim_names
from symcalc.sympy_names import function_names

if TYPE_CHECKING:
    from symcalc.expr import Expr

MODULES = (
    "sympy", "sympy.functions", "sympy.matrices.expressions.applyfunc",
    "sympy.matrices.expressions.hadamard", "sympy.matrices.expressions.slice",
)  # fmt: skip
CLASSES = frozenset(
    "Add BlockMatrix Determinant DiagMatrix DiagonalOf ElementwiseApplyFunction HadamardPower "
    "HadamardProduct Identity Inverse KroneckerProduct MatrixSlice OneMatrix Trace Transpose "
    "ZeroMatrix hadamard_power pi".split()
)
NODES = (
    ast.Expression, ast.Call, ast.Name, ast.Constant, ast.BinOp, ast.UnaryOp, ast.Load,
    ast.operator, ast.unaryop, ast.Starred, ast.List, ast.Tuple,
)  # fmt: skip
_SLOT = re.compile(r"\{(\w+)(\.\.\.|:entry)?\}")
_CALL = re.compile(r"(\w+)\((.*)\)")


def template_source(op: Op) -> tuple[str, list[str]]:
    """Return the template as Python source over parameter names, and the names."""
    sizes = [dim_names(d) for slot in op.slots for d in (slot.rows, slot.cols)]
    names = [slot.name for slot in op.slots] + [*op.dims, *(n for size in sizes for n in size)]
    text = _SLOT.sub(lambda m: f"*{m[1]}_" if m[2] == "..." else f"{m[1]}_", op.column("sympy"))
    return text, [f"{name}_" for name in dict.fromkeys(names)]


def entry_slots(op: Op) -> list[str]:
    """Return the slots that stand for one entry."""
    return [m[1] for m in _SLOT.finditer(op.column("sympy", "")) if m[2] == ":entry"]


def plain_call(op: Op) -> str:
    """Return the class of SymPy that the operation is, slot for slot, or ''."""
    found = _CALL.fullmatch(op.column("sympy", ""))
    if found is None:
        return ""
    slots = [_SLOT.fullmatch(text.strip()) for text in found[2].split(",")]
    names = [slot[1] for slot in slots if slot]
    whole = len(names) == len(slots) and names == [slot.name for slot in op.slots]
    return found[1] if whole else ""


def check_sympy_template(place: str, op: Op) -> None:
    """Raise `RuleError` unless the template calls functions of SymPy that are allowed."""
    source, names = template_source(op)
    shown = f"`{op.column('sympy')}`"
    try:
        tree = ast.parse(source, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise RuleError(f"{place} sympy: {shown} is not an expression: {error}") from None
    for node in ast.walk(tree):
        if problem := _problem(node, set(names)):
            raise RuleError(f"{place} sympy: {problem} is not allowed in {shown}")


def _problem(node: ast.AST, names: set[str]) -> str:
    if not isinstance(node, NODES):
        return type(node).__name__
    if isinstance(node, ast.Constant) and type(node.value) is not int:
        return f"the constant {node.value!r}"
    if isinstance(node, ast.Name) and node.id not in names and not _is_known(node.id):
        return f"the name `{node.id.rstrip('_')}`"
    return ""


def _is_known(name: str) -> bool:
    return name in CLASSES or name in function_names().values()


@cache
def template_function(op: Op) -> Callable[..., Any]:
    """Compile the template: a function of the slots and sizes, by name."""
    source, names = template_source(op)
    tree = ast.parse(source, mode="eval")
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - set(names)
    scope = {"__builtins__": {}, **{name: sympy_object(name) for name in used}}
    code = f"lambda {', '.join(names)}: {source}"
    function: Callable[..., Any] = eval(compile(code, f"<sympy {op.name}>", "eval"), scope)
    return function


def sympy_object(name: str) -> Any:
    """Return a class or function of SymPy by its name."""
    modules = [importlib.import_module(module) for module in MODULES]
    return next(getattr(module, name) for module in modules if hasattr(module, name))


def to_sympy(e: Expr, names: Mapping[str, Any] | None = None) -> Any:
    """Return a formula as SymPy's; `names` gives SymPy objects for variables and dimensions.

    Matrices, vectors and rows become matrix expressions, scalars scalar ones. Raises `RuleError`
    for an operation that SymPy does not have.
    """
    return _Out(names or {}).translated(e)


class _Out:
    """One translation: which SymPy objects stand for the names."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.names = names
        self.sp = importlib.import_module("sympy")
        self.leaves: dict[str, Callable[[Expr], Any]] = {
            "symbol": self._symbol, "number": self._number,
            "dimension": lambda e: self._dim(e.data),
        }  # fmt: skip

    def translated(self, e: Expr) -> Any:
        return fold(e, self._node)

    def _node(self, e: Expr, args: list[Any]) -> Any:
        if e.op.role in self.leaves:
            return self.leaves[e.op.role](e)
        if e.op.column("sympy") is None:
            raise RuleError(f"SymPy has no operation for `{e.op.call or e.op.name}`")
        try:
            made = self._filled(e, args)
        except (TypeError, ValueError, AttributeError, NotImplementedError) as error:
            raise RuleError(f"SymPy refuses `{e.op.call or e.op.name}` here: {error}") from error
        return self.sp.Trace(made) if e.is_scalar and made.is_Matrix else made

    def _symbol(self, e: Expr) -> Any:
        if e.name in self.names:
            return self.names[e.name]
        if not e.is_scalar:
            return self.sp.MatrixSymbol(e.name, *map(self._dim, e.shape))
        known = {word: True for word in ("positive", "nonnegative") if word in e.attributes}
        return self.sp.Symbol(e.name, **known)

    def _number(self, e: Expr) -> Any:
        return self.sp.Rational(e.data.numerator, e.data.denominator)

    def _dim(self, dim: Dim) -> Any:
        if isinstance(dim, int):
            return self.sp.Integer(dim)
        if isinstance(dim, str):
            return self.names.get(dim, self.sp.Symbol(dim))
        terms = [
            self.sp.Mul(self.sp.Rational(str(count)), *map(self._dim, names))
            for names, count in dim.terms
        ]
        return self.sp.Add(*terms)

    def _filled(self, e: Expr, args: list[Any]) -> Any:
        """Put the arguments into the template, entry by entry where the row says so."""
        values, entries = self._values(e, args), entry_slots(e.op)
        spread = [name for name in entries if values[name].is_Matrix]
        if not spread:
            return template_function(e.op)(**_parameters(values))
        entry = self.sp.Dummy("entry")
        body = template_function(e.op)(**_parameters({**values, spread[0]: entry}))
        return values[spread[0]].applyfunc(self.sp.Lambda(entry, body))

    def _values(self, e: Expr, args: list[Any]) -> dict[str, Any]:
        bound = e.sizes
        sizes = {name: self._dim(dim) for name, dim in bound.items()}
        fitted = [self._fitted(e, k, arg) for k, arg in enumerate(args)]
        if e.op.variadic:
            return {**sizes, e.op.slots[0].name: fitted}
        return {**sizes, **dict(zip([slot.name for slot in e.op.slots], fitted, strict=True))}

    def _fitted(self, e: Expr, index: int, arg: Any) -> Any:
        """Return the argument; a number in the place of a matrix becomes a 1-by-1 matrix."""
        slot = e.op.slot(index)
        loose = e.op.column("any_rank") or (slot.rows, slot.cols) == (1, 1)
        loose = loose or slot.name in entry_slots(e.op)
        return arg if loose or arg.is_Matrix else arg * self.sp.Identity(1)


def _parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{name}_": value for name, value in values.items()}
