"""Walks over shared expression graphs: iterative, so depth never matters, and each node once."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from typing import Any, Protocol, TypeVar, cast


class Node(Protocol):
    """Whatever has arguments of its own kind."""

    @property
    def args(self) -> tuple[Any, ...]: ...


N = TypeVar("N", bound=Node)
T = TypeVar("T")


def postorder(roots: Iterable[N], into: Callable[[N], bool] | None = None) -> list[N]:
    """Return the distinct nodes under `roots`, arguments first; `into` says where to go deeper."""
    seen: set[N] = set()
    order: list[N] = []
    stack: list[N | None] = [*reversed(list(roots))]
    while stack:
        node = stack.pop()
        if node is None:  # the node below it has its arguments in the order
            order.append(cast(N, stack.pop()))
        elif node not in seen:
            seen.add(node)
            if node.args and (into is None or into(node)):
                stack += (node, None, *node.args[::-1])
            else:
                order.append(node)
    return order


def missing(root: N, done: Container[N]) -> list[N]:
    """Return the nodes under `root` that are not done yet, arguments first."""
    if root in done:
        return []
    seen: set[N] = set()
    order: list[N] = []
    stack = [root]
    while stack:
        node = stack[-1]
        height = len(stack)
        for arg in node.args[::-1]:
            if arg not in done and arg not in seen:
                stack.append(arg)
        if len(stack) == height:
            stack.pop()
            if node not in seen:
                seen.add(node)
                order.append(node)
    return order


def fold(root: N, step: Callable[[N, list[T]], T]) -> T:
    """Compute `step(node, results of its arguments)` once for each node; return that of `root`."""
    memo: dict[N, T] = {}
    for node in postorder([root]):
        memo[node] = step(node, [memo[arg] for arg in node.args])
    return memo[root]
