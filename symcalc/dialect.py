"""The words of a library: templates and kernels say `xp.concatenate`, the array API `xp.concat`.

Templates and kernels are syntax trees over three names, `xp` (the library), `k` (the kernels) and
`special`; this fold writes what the library calls otherwise, or does not have, in its own words.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from symcalc.errors import EvaluationError

MADE = ("eye", "ones", "zeros", "asarray")  # functions that make an array out of nothing
METHODS = {"amax": "max", **{name: name for name in ("sum", "max", "min", "trace", "diagonal")}}


@dataclass(frozen=True)
class Dialect:
    """How a library differs from NumPy."""

    words: Mapping[str, str] = field(default_factory=dict)  # `concatenate`: `xp.concat`; "": none
    like: str = ""  # keywords of an array that is made, after one that there is: `dtype={}.dtype`
    like_scalar: str = ""  # the same after what may be a plain number
    axes: frozenset[str] = frozenset()  # functions whose axis is a keyword
    plain: bool = False  # whether arrays have neither `.real` nor `.ravel()`
    handed: bool = False  # whether kernels are handed `xp`, which is known when the code runs
    methods: bool = False  # whether arrays have methods that cost less than the functions do


def parsed(source: str) -> ast.expr:
    """Return the syntax tree of an expression."""
    return ast.parse(source, mode="eval").body


class Spoken(ast.NodeTransformer):
    """Writes a tree in a dialect; `like` are the keywords that made arrays get."""

    def __init__(self, dialect: Dialect, like: str, sizes_only: frozenset[str]) -> None:
        self.dialect = dialect
        self.like = like
        self.sizes_only = sizes_only  # kernels that are given no array

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        name = ast.unparse(node).removeprefix("xp.")
        if name in self.dialect.words:
            return self._said(name)
        self.generic_visit(node)
        return node.value if self.dialect.plain and node.attr == "real" else node

    def _said(self, name: str) -> ast.expr:
        if not self.dialect.words[name]:
            raise EvaluationError(f"the target has no `{name}`: choose another one")
        return parsed(self.dialect.words[name])

    def visit_Call(self, node: ast.Call) -> ast.expr:
        owner, _, name = ast.unparse(node.func).rpartition(".")
        if name == "ravel" and self.dialect.plain and isinstance(node.func, ast.Attribute):
            return ast.Call(
                parsed("xp.reshape"), [self.visit(node.func.value), parsed("(-1,)")], []
            )
        self.generic_visit(node)
        if owner == "xp" and self.dialect.methods:
            return _by_method(node, name)
        if owner == "xp" and name in self.dialect.axes and len(node.args) == 2:
            node.keywords.append(ast.keyword("axis", node.args.pop()))
        if name in (MADE if owner == "xp" else self.sizes_only):
            node.keywords += _keywords(self.like)
        if self.dialect.handed and ast.unparse(node.func).startswith("k."):
            node.args.insert(0, ast.Name("xp"))
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        sides = [_flattened(side) for side in (node.left, node.right)]
        if not (self.dialect.methods and isinstance(node.op, ast.MatMult) and all(sides)):
            return node
        return ast.Call(parsed("xp.vdot"), [side for side in sides if side], [])


def _by_method(call: ast.Call, name: str) -> ast.expr:
    """Return a call of a function of arrays as one of their methods, an outer product as `*`."""
    first, *others = call.args
    if name == "outer":
        column = ast.Subscript(first, parsed("x[:, None]").slice)  # type: ignore[attr-defined]
        return ast.BinOp(column, ast.Mult(), others[0])
    if name not in METHODS:
        return call
    return ast.Call(ast.Attribute(first, METHODS[name]), others, call.keywords)


def _flattened(tree: ast.expr) -> ast.expr | None:
    """Return what a call `x.ravel()` flattens; None for everything else."""
    called = isinstance(tree, ast.Call) and not (tree.args or tree.keywords)
    if called and isinstance(tree.func, ast.Attribute) and tree.func.attr == "ravel":  # type: ignore[attr-defined]
        return tree.func.value  # type: ignore[attr-defined]
    return None


class Filled(ast.NodeTransformer):
    """Replaces slots by trees, and namespaces by modules."""

    def __init__(
        self,
        values: Mapping[str, ast.expr],
        namespace: Callable[[str], ast.expr],
        kernel: Callable[[str], str],
    ) -> None:
        self.values = values
        self.namespace = namespace
        self.kernel = kernel

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self.values:
            return self.values[node.id]
        return self.namespace(node.id) if node.id in ("xp", "special") else node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        one = isinstance(node.right, ast.Constant) and node.right.value == 1
        return node.left if one and isinstance(node.op, ast.Mult) else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if isinstance(node.value, ast.Name) and node.value.id == "k":
            return ast.Name(self.kernel(node.attr))
        self.generic_visit(node)
        return node


def _keywords(text: str) -> list[ast.keyword]:
    call = parsed(f"made({text})")
    return call.keywords if isinstance(call, ast.Call) else []
