"""Nested tuples, lists and dictionaries as a flat list of their leaves, and back."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def flatten(
    tree: Any, is_leaf: Callable[[Any], bool] | None = None
) -> tuple[list[Any], Callable[[list[Any]], Any]]:
    """The leaves, and a function that builds a tree of the same structure from other leaves."""
    leaves: list[Any] = []
    build = _walk(tree, leaves, is_leaf)

    def rebuild(values: list[Any]) -> Any:
        return build(iter(values))

    return leaves, rebuild


def _walk(
    tree: Any, leaves: list[Any], is_leaf: Callable[[Any], bool] | None = None
) -> Callable[[Any], Any]:
    if is_leaf is not None and is_leaf(tree):
        leaves.append(tree)
        return next
    if isinstance(tree, dict):
        keys = list(tree)
        parts = [_walk(tree[k], leaves, is_leaf) for k in keys]
        kind: Any = type(tree)
        return lambda values: kind((k, part(values)) for k, part in zip(keys, parts, strict=True))
    if isinstance(tree, (tuple, list)):
        parts = [_walk(item, leaves, is_leaf) for item in tree]
        kind = type(tree)
        if hasattr(tree, "_fields"):
            return lambda values: kind(*[part(values) for part in parts])
        return lambda values: kind([part(values) for part in parts])
    leaves.append(tree)
    return next


def broadcast_prefix(prefix: Any, tree: Any) -> list[Any] | None:
    """One entry of ``prefix`` for each leaf of ``tree``; ``None`` if their structures differ.

    A leaf of ``prefix`` stands for all leaves at its place.
    """
    if not isinstance(prefix, (tuple, list, dict)):
        return [prefix] * len(flatten(tree)[0])
    if isinstance(prefix, dict):
        if not isinstance(tree, dict) or set(prefix) != set(tree):
            return None
        pairs = [(prefix[k], tree[k]) for k in tree]
    else:
        if not isinstance(tree, (tuple, list)) or len(prefix) != len(tree):
            return None
        pairs = list(zip(prefix, tree, strict=True))
    result: list[Any] = []
    for part, below in pairs:
        entries = broadcast_prefix(part, below)
        if entries is None:
            return None
        result += entries
    return result
