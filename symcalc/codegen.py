"""Code: a formula as a standalone function of a library, made from the array column.

The templates are put together as syntax trees, so brackets come out right; what is used twice gets
a name, kernels that are used come along as helper functions. The result runs without symcalc.
"""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from symcalc.arraycode import array_source, column_for
from symcalc.dialect import Filled, Spoken, parsed
from symcalc.errors import EvaluationError
from symcalc.evaluate import compute, full_form, numpy_backend
from symcalc.expr import Expr
from symcalc.foreign import translated
from symcalc.graph import postorder
from symcalc.plan import is_view, lowered, uses_of
from symcalc.pytrees import is_name, signed
from symcalc.rulebook import Rulebook
from symcalc.shape import Dim, dim_linear, dim_names
from symcalc.show import declaration
from symcalc.targets import (
    TARGETS,
    Target,
    heading,
    sizes_only,
    special_of,
)

MAX_INLINE = 12  # deeper expressions are cut into named parts
SPARE = frozenset(
    "np jnp torch da xp _namespace delayed lapack matrix_functions special "
    "value gradient jacobian hessian action bilinear".split()
)


def generate(
    outputs: Mapping[str, Expr],
    variables: Sequence[Expr],
    name: str,
    summary: str,
    book: Rulebook,
    target: str = "numpy",
    sizes: Mapping[str, int] | None = None,
) -> str:
    """Return the source of a function of `variables` that computes `outputs`.

    Vectors are 1-D arrays, scalars numbers or 0-D arrays. `sizes` are dimensions that are known:
    they decide the order of products. Raises `EvaluationError` for an unknown target.
    """
    if target not in TARGETS:
        raise EvaluationError(f"the target is one of {', '.join(TARGETS)}, not {target!r}")
    row = TARGETS[target]
    outputs = lowered(outputs, book, sizes, row.real, row.libraries)
    writer = _Writer(row, variables)
    results = {label: writer.result(label, e, outputs) for label, e in outputs.items()}
    described = [f"{writer.names[v]}: {declaration(v)}" for v in variables]
    if row.language:
        ranks = {writer.names[v]: rank_of(v) for v in variables}
        values = {label: (results[label], rank_of(e)) for label, e in outputs.items()}
        return translated(
            row.language, name, ranks, [summary, *described], writer.statements(), values
        )
    lines = [*writer.statements(), f"return {', '.join(results.values())}"]
    text = "\n".join(
        [
            f"def {name}({', '.join(writer.names.values())}):",
            *_docstring([summary, "", *described]),
            *(f"    {line}" for line in lines),
        ]
    )
    return "\n\n\n".join([*heading(row, writer.used, writer.extra_imports), text]) + "\n"


def rank_of(e: Expr) -> str:
    """Return the number of axes of an array, as the tables of languages write it."""
    return "0" if e.is_scalar else ("1" if 1 in e.shape else "2")


def _docstring(lines: Sequence[str]) -> list[str]:
    first, *others = lines
    return [f'    """{first}', *(f"    {line}".rstrip() for line in others), '    """']


class _Writer:
    """Writes the statements of one function."""

    def __init__(self, target: Target, variables: Sequence[Expr]) -> None:
        self.target = target
        self.variables = variables
        self.taken = set(SPARE) | {f"_{kernel.lstrip('_')}" for kernel in dir(target.kernels)}
        self.taken |= target.language.reserved if target.language else set()
        self.names = {v: self.free_name(v.name) for v in variables}
        self.depth: dict[Expr, int] = {}
        self.varying: set[Expr] = set()
        self.trees: dict[Expr, ast.expr] = {}
        self.lines: list[str] = []
        self.shared: dict[str, ast.expr] = {}
        self.used: list[str] = []
        self.extra_imports: list[str] = []
        self.sizes: dict[str, tuple[str, str]] = {}
        self.count = 0
        self.spoken = Spoken(target.dialect, self._like(), sizes_only(target))
        by_name = replace(target.dialect, methods=False)  # numbers have no methods
        self.of_numbers = Spoken(by_name, self._like(), sizes_only(target))

    def _like(self) -> str:
        """Return the keywords that an array which is made gets."""
        dialect = self.target.dialect
        if array := self._first_array():
            return dialect.like.format(array)
        return dialect.like_scalar.format([*self.names.values(), "None"][0])

    def _first_array(self) -> str:
        return next((name for v, name in self.names.items() if not v.is_scalar), "")

    def free_name(self, name: str) -> str:
        """Return a name like this one, of the language, that nothing else has."""
        fresh = self.target.language.spelled(name) if self.target.language else name
        while keyword.iskeyword(fresh) or fresh in self.taken:
            fresh += "_"
        self.taken.add(fresh)
        return fresh

    def result(self, label: str, e: Expr, outputs: Mapping[str, Expr]) -> str:
        """Write what computes an output; return its name."""
        uses = uses_of(list(outputs.values()))
        for node in postorder([e]):
            if node not in self.trees:
                if _varies(node) or self.varying & set(node.args):
                    self.varying.add(node)
                self.trees[node] = self._node(node)
                self.depth[node] = 1 + max([self.depth[arg] for arg in node.args], default=0)
                shared = uses[node] > 1 or self.depth[node] > MAX_INLINE
                if shared and node.args and not is_view(node):
                    self._name(node)
        shown = ast.unparse(self.trees[e])
        if shown.isidentifier() and e not in self.names:
            return shown
        self.lines.append(f"{label} = {shown}")
        return label

    def _name(self, node: Expr) -> None:
        self.depth[node] = 0
        self.trees[node] = self._assigned(self.trees[node])

    def _assigned(self, tree: ast.expr) -> ast.expr:
        """Write a statement that gives a name to a value."""
        self.count += 1
        fresh = self.free_name(f"t{self.count}")
        self.lines.append(f"{fresh} = {ast.unparse(tree)}")
        return ast.Name(fresh)

    def _node(self, node: Expr) -> ast.expr:
        role = node.op.role
        if role == "symbol":
            return ast.Name(self.names[node])
        if role == "dimension":
            return self._size(node.data)
        if node.is_scalar and node not in self.varying:
            return _constant(node)
        if role == "transpose" and 1 in node.shape:
            return self.trees[node.args[0]]
        return self._filled(node)

    def _filled(self, node: Expr) -> ast.expr:
        """Put the trees of the arguments into the template of the operation."""
        if not node.op.column("array"):
            raise EvaluationError(f"`{node.op.name}` has no array code")
        if node.op.role == "sum":
            return self._added(node)
        if node.op.role == "entrywise power":
            return self._power(node)
        column = column_for(node)
        self._name_repeated(node, array_source(node.op, column)[0])
        _, names = array_source(node.op, column)
        args = [self._fitted(node, k) for k in range(len(node.args))]
        values = dict(zip(names, [*args, *(self._size(d) for d in node.data or ())], strict=False))
        for name, shared in node.op.column("share", {}).items():
            values[f"{name}_"] = self._shared(self._fill(node, shared, values))
        tree = signed(self._fill(node, node.op.column(column), values))
        whole = column_for(node) == "array" and 1 in node.shape and not node.op.column("any_rank")
        if whole and (node.op.dims or any(full_form(node, k) for k in range(len(node.args)))):
            return self._reshaped(tree, () if node.is_scalar else (-1,))
        return tree

    def _fill(self, node: Expr, template: str, values: Mapping[str, ast.expr]) -> ast.expr:
        """Return a template as a syntax tree, with trees for its slots."""
        spoken = self.of_numbers if any(arg.is_scalar for arg in node.args) else self.spoken
        tree = spoken.visit(parsed(re.sub(r"\{(\w+)(\.\.\.)?\}", r"\1_", template)))
        filled: ast.expr = Filled(values, self.namespace, self.kernel).visit(tree)
        return filled

    def _shared(self, tree: ast.expr) -> ast.expr:
        """Return the name of a part that several operations may have in common."""
        key = ast.unparse(tree)
        if key not in self.shared:
            self.shared[key] = self._assigned(tree)
        return self.shared[key]

    def _name_repeated(self, node: Expr, source: str) -> None:
        """Give an argument a name if the template says it more than once."""
        for slot, arg in zip(node.op.slots, node.args, strict=False):
            repeated = len(re.findall(rf"\b{slot.name}_", source)) > 1
            if repeated and not node.op.variadic and not is_name(self.trees[arg]):
                self._name(arg)

    def _power(self, node: Expr) -> ast.expr:
        """Write `a ** 2`; a negative whole exponent is written as a float, for integer arrays."""
        base, exponent = node.args
        if exponent.op.role != "number":
            return ast.BinOp(self.trees[base], ast.Pow(), self.trees[exponent])
        value = exponent.data
        whole = value.denominator == 1 and value > 0
        power = ast.Constant(int(value) if whole else float(value))
        return ast.BinOp(self.trees[base], ast.Pow(), power)

    def _added(self, node: Expr) -> ast.expr:
        total = self.trees[node.args[0]]
        for arg in node.args[1:]:
            total = signed(ast.BinOp(total, ast.Add(), self.trees[arg]))
        return total

    def _fitted(self, node: Expr, index: int) -> ast.expr:
        tree = self.trees[arg := node.args[index]]
        if not arg.variables and arg.is_scalar and not node.op.role:
            tree = self._as_array(tree)
        wanted = full_form(node, index)
        return tree if wanted is None else self._reshaped(tree, wanted)

    def _as_array(self, number: ast.expr) -> ast.expr:
        """Return a number as the library takes it where it wants an array."""
        if like := self._like():
            return parsed(f"{self.target.module}.asarray({ast.unparse(number)}, {like})")
        taken_in = self.target.taken_in
        return parsed(f"{taken_in}({ast.unparse(number)})") if taken_in else number

    def _reshaped(self, tree: ast.expr, shape: tuple[int, ...]) -> ast.expr:
        function = ast.Attribute(ast.Name(self.target.module), "reshape")
        return ast.Call(function, [tree, parsed(str(shape))], [])

    def _size(self, dim: Dim) -> ast.expr:
        """Return the expression for a dimension; its names are read off the arguments."""
        for name in dim_names(dim):
            if name not in self.sizes:
                self.sizes[name] = (self.free_name(name), self._read_size(name))
        whole = re.sub(r"[^\W\d]\w*", lambda m: self.sizes[m[0]][0], str(dim))
        return parsed(whole.replace("/", "//"))

    def _read_size(self, name: str) -> str:
        """Return a size as that of an argument, or solved for in `n*m`, `n + 1`."""
        axes = {
            dim: f"{self.names[v]}.shape[{0 if 1 in v.shape else axis}]"
            for v in reversed(self.variables)
            for axis, dim in reversed(list(enumerate(v.shape)))
        }
        if name in axes:
            return axes[name]
        for dim, whole in axes.items():
            linear = dim_linear(dim, name) if name in dim_names(dim) else None
            if linear is not None and all(n in axes for part in linear for n in dim_names(part)):
                return ast.unparse(self._solved(parsed(whole), *linear))
        raise EvaluationError(f"the size {name} is not the size of any argument")

    def _solved(self, tree: ast.expr, a: Dim, b: Dim) -> ast.expr:
        """Return `n` for the size `a*n + b`."""
        tree = tree if b == 0 else ast.BinOp(tree, ast.Sub(), self._size(b))
        return tree if a == 1 else ast.BinOp(tree, ast.FloorDiv(), self._size(a))

    def statements(self) -> list[str]:
        """Return the body of the function, but for its last line."""
        sizes = [f"{name} = {source}" for name, source in self.sizes.values()]
        return [*self._opening(), *sizes, *self.lines]

    def _opening(self) -> list[str]:
        """Return the statements that make the library known and take the arrays in."""
        if self.target.taken_in:
            arrays = [name for v, name in self.names.items() if not v.is_scalar]
            return [f"{name} = {self.target.taken_in}({name})" for name in arrays]
        used = any(re.search(rf"\b{self.target.module}\b", line) for line in self.lines)
        if not self.target.opening or not used:
            return []
        if not self.names:
            raise EvaluationError("without an argument there is no array to tell the library by")
        return [self.target.opening.format(self._first_array() or next(iter(self.names.values())))]

    def kernel(self, name: str) -> str:
        """Return the name of a helper function and remember to write it out."""
        if name not in self.used:
            self.used.append(name)
        return f"_{name}"

    def namespace(self, name: str) -> ast.expr:
        if name == "xp":
            return ast.Name(self.target.module)
        line, module = special_of(self.target)
        if line and line not in self.extra_imports:
            self.extra_imports.append(line)
        return parsed(module)


def _varies(node: Expr) -> bool:
    """Whether the value of a node is not known before the arguments are, or their sizes."""
    if node.op.dims:
        return not all(isinstance(dim, int) for dim in node.data or ())
    return node.op.role in ("symbol", "dimension")


def _constant(node: Expr) -> ast.expr:
    value = compute([node], {}, {}, numpy_backend())[0]
    return ast.Constant(value if isinstance(value, int) else float(value))


def compiled(source: str, name: str) -> Callable[..., Any]:
    """Run generated source and return its function, with the source as `.source`."""
    scope: dict[str, Any] = {}
    try:
        exec(compile(source, f"<symcalc {name}>", "exec"), scope)
    except SyntaxError:
        raise EvaluationError(
            "only Python can be compiled here: `code` prints other languages"
        ) from None
    function: Callable[..., Any] = scope[name]
    function.source = source  # type: ignore[attr-defined]
    return function
