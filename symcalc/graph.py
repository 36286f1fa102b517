"""Walks over shared expression graphs: iterative, so depth never matters, and each node once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar


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
    stack = [(root, False) for root in reversed(list(roots))]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            if into is None or into(node):
                stack.extend((arg, False) for arg in reversed(node.args) if arg not in seen)
    return order


def fold(root: N, step: Callable[[N, list[T]], T]) -> T:
    """Compute `step(node, results of its arguments)` once for each node; return that of `root`."""
    memo: dict[N, T] = {}
    for node in postorder([root]):
        memo[node] = step(node, [memo[arg] for arg in node.args])
    return memo[root]
