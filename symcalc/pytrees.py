"""Python syntax trees made readable: signs in their places."""

from __future__ import annotations

import ast


def is_name(tree: ast.expr) -> bool:
    """Whether a tree is a name, a number, or the transpose of a name."""
    inner = tree.value if isinstance(tree, ast.Attribute) and tree.attr == "T" else tree
    return isinstance(inner, (ast.Name, ast.Constant))


def _without_minus(tree: ast.expr) -> ast.expr | None:
    """Return `a` for `-a`, `2*a` for `-2 * a`, and so on in front of a product; else None."""
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        return tree.operand
    if isinstance(tree, ast.Constant) and isinstance(tree.value, (int, float)) and tree.value < 0:
        return ast.Constant(-tree.value)
    if isinstance(tree, ast.Subscript):  # `-x[:, None]` for `(-x)[:, None]`
        inner = _without_minus(tree.value)
        return None if inner is None else ast.Subscript(inner, tree.slice)
    if not isinstance(tree, ast.BinOp) or not isinstance(tree.op, (ast.Mult, ast.Div, ast.MatMult)):
        return None
    left = _without_minus(tree.left)
    if left is None:
        return None
    unit = isinstance(tree.op, ast.Mult) and isinstance(left, ast.Constant) and left.value == 1
    return tree.right if unit else ast.BinOp(left, tree.op, tree.right)


def signed(tree: ast.expr) -> ast.expr:
    """Write `-1 * a` as `-a`, and `a + -b` and `-b + a` as `a - b`."""
    if not isinstance(tree, ast.BinOp):
        return tree
    if isinstance(tree.op, ast.Add) and (minus := _without_minus(tree.right)) is not None:
        return ast.BinOp(tree.left, ast.Sub(), minus)
    if isinstance(tree.op, ast.Add) and (minus := _without_minus(tree.left)) is not None:
        return ast.BinOp(tree.right, ast.Sub(), minus)
    minus_one = isinstance(tree.left, ast.Constant) and tree.left.value == -1
    if isinstance(tree.op, ast.Mult) and minus_one:
        return ast.UnaryOp(ast.USub(), tree.right)
    return tree
