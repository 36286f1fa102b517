"""Walks over shared expression graphs: iterative, so depth never matters, and each node once."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from typing import Any, Protocol, TypeVar

SMALL = 30  # nodes, as a tree: no call stack is too deep for so many


class Node(Protocol):
    """Whatever has arguments of its own kind."""

    @property
    def args(self) -> tuple[Any, ...]: ...
    @property
    def size(self) -> int: ...


N = TypeVar("N", bound=Node)
T = TypeVar("T")


def postorder(roots: Iterable[N], into: Callable[[N], bool] | None = None) -> list[N]:
    """Return the distinct nodes under `roots`, arguments first; `into` says where to go deeper."""
    seen: set[N] = set()
    order: list[N] = []
    stack: list[Any] = [*reversed(list(roots))]
    while stack:
        node = stack.pop()
        if node is None:  # the node below it has its arguments in the order
            order.append(stack.pop())
        elif node not in seen:
            seen.add(node)
            if node.args and (into is None or into(node)):
                stack += (node, None, *node.args[::-1])
            else:
                order.append(node)
    return order


def missing(root: N, done: Container[N]) -> list[N]:
    """Return the nodes under `root` that are not done yet, arguments first."""
    order: dict[N, None] = {}
    stack: list[Any] = [root]
    while stack:
        node = stack.pop()
        if node is None:  # the node below it has its arguments in the order
            order[stack.pop()] = None
        elif node not in done and node not in order:
            if node.args:
                stack += (node, None, *node.args[::-1])
            else:
                order[node] = None
    return list(order)


def waiting(root: N, done: Container[N]) -> Sequence[N]:
    """Return the nodes to be worked out, `root` last; of a small formula `root` alone, because
    asking for its arguments, one inside the other, goes not too deep there."""
    return (root,) if root.size <= SMALL else missing(root, done)


def fold(root: N, step: Callable[[N, list[T]], T]) -> T:
    """Compute `step(node, results of its arguments)` once for each node; return that of `root`."""
    memo: dict[N, T] = {}
    for node in postorder([root]):
        memo[node] = step(node, [memo[arg] for arg in node.args])
    return memo[root]
