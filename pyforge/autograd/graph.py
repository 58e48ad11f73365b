"""The recorded graph: ``pyforge.autograd.graph(loss)`` draws it; this module has its parts.

The module can be called: ``graph(loss, model)`` gives a :class:`Graph`, which prints as a text
tree and has ``dot()`` and ``svg()``. Everything else is PyTorch's: nodes, edges, and hooks on what
the graph keeps for the backward pass.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import NamedTuple

from .._C import (
    Node,
    Tensor,
    _bump_version,
    _current_run,
    _pop_saved_hooks,
    _push_saved_hooks,
    _runs_now,
)
from .grad_mode import _Mode
from .graph_view import Graph, GraphNode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from ..nn import Module

__all__ = [
    "GradientEdge",
    "Graph",
    "GraphNode",
    "Node",
    "allow_mutation_on_saved_tensors",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "increment_version",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_tensors_hooks",
]

_forbidden: list[str] = []


class GradientEdge(NamedTuple):
    """Where a gradient enters the graph: a node and one of its outputs."""

    node: Node
    output_nr: int


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The edge by which the gradient of ``tensor`` enters the graph.

    Raises:
        RuntimeError: it does not require grad.
    """
    if not tensor.requires_grad:
        raise RuntimeError(
            "It is not possible to get the gradient edge for a Tensor "
            "that does not require gradients"
        )
    node = tensor.grad_fn
    if node is not None:
        return GradientEdge(node, tensor.output_nr)
    view = tensor.view_as(tensor).grad_fn  # the accumulator of a leaf hangs on what reads it
    assert view is not None
    return GradientEdge(*view.next_functions[0])  # type: ignore[arg-type]


class saved_tensors_hooks:
    """Inside, every tensor that is saved for the backward pass goes through two functions.

    ``pack_hook(tensor)`` is called when an op saves a tensor and may return anything;
    ``unpack_hook`` gets that when the backward pass needs the value, and returns a tensor with the
    same values. Both see tensors without history and run with recording off. Of nested pairs only
    the innermost is used.

    Raises:
        RuntimeError: when entered inside :class:`disable_saved_tensors_hooks`; when a pack hook
            changes its argument in place.
        TypeError: if an unpack hook returns something else than a tensor.
    """

    def __init__(
        self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]
    ) -> None:
        self.pack_hook = pack_hook
        self.unpack_hook = unpack_hook

    def __enter__(self) -> None:
        if _forbidden:
            raise RuntimeError(_forbidden[-1])
        _push_saved_hooks(self.pack_hook, self.unpack_hook)

    def __exit__(self, *error: object) -> None:
        _pop_saved_hooks()


class save_on_cpu(saved_tensors_hooks):
    """Keeps copies of what is saved; all memory is the CPU's, so this gains nothing here."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cpu") -> None:
        super().__init__(lambda tensor: tensor.clone(), lambda copy: copy)


class allow_mutation_on_saved_tensors(saved_tensors_hooks):
    """Inside, what is saved for the backward pass is copied, so that it may be overwritten.

    PyTorch copies when a value is overwritten, this when it is saved: the gradients are the same,
    the memory is more.
    """

    def __init__(self) -> None:
        super().__init__(lambda tensor: tensor.clone(), lambda copy: copy)


class disable_saved_tensors_hooks(_Mode):
    """Inside, entering :class:`saved_tensors_hooks` raises a RuntimeError with this message."""

    def __init__(self, error_message: str) -> None:
        self.error_message = error_message

    def _clone(self) -> _Mode:
        return type(self)(self.error_message)

    def __enter__(self) -> None:
        _forbidden.append(self.error_message)

    def __exit__(self, *error: object) -> None:
        _forbidden.pop()


def increment_version(tensor: Tensor | Sequence[Tensor]) -> None:
    """Tell the engine that these were written to by code it does not see."""
    for t in (tensor,) if isinstance(tensor, Tensor) else tensor:
        _bump_version(t)


class MultiGradHandle:
    """Takes the hooks of :func:`register_multi_grad_hook` away again."""

    def __init__(self, handles: Sequence[Any]) -> None:
        self.handles = tuple(handles)

    def remove(self) -> None:
        """Take them away. Calling it again does nothing."""
        for handle in self.handles:
            handle.remove()

    def __enter__(self) -> MultiGradHandle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


def register_multi_grad_hook(
    tensors: Sequence[Tensor | GradientEdge],
    fn: Callable[[Sequence[Tensor | None]], None] | Callable[[Tensor], None],
    *,
    mode: str = "all",
) -> MultiGradHandle:
    """Call ``fn`` once in a backward pass, when the gradients of several tensors are there.

    Args:
        tensors: tensors that require grad, or edges of :func:`get_gradient_edge`.
        fn: for "all", called with a list of the gradients, ``None`` for those that this pass does
            not reach; for "any", with the first gradient that is ready. What it returns is ignored.
        mode: "all" or "any".

    Raises:
        ValueError: for another mode.
        RuntimeError: if a tensor does not require grad.
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    edges = [t if isinstance(t, GradientEdge) else get_gradient_edge(t) for t in tensors]
    seen: dict[int, tuple[list[Tensor | None], int, int]] = {}  # gradients, awaited, arrived
    last = 0

    def arrived(i: int, grad: Tensor) -> None:
        nonlocal last
        run = _current_run()
        if mode == "any":
            if run != last:
                last = run
                fn(grad)  # type: ignore[arg-type]
            return
        if run not in seen:
            if len(seen) > 8:  # left by passes that ended in an error
                del seen[min(seen)]
            seen[run] = ([None] * len(edges), sum(_runs_now(e.node) for e in edges), 0)
        grads, awaited, count = seen[run]
        grads[i] = grad
        if count + 1 == awaited:
            del seen[run]
            fn(grads)  # type: ignore[arg-type]
        else:
            seen[run] = (grads, awaited, count + 1)

    def listen(i: int, target: Tensor | GradientEdge) -> Any:
        if isinstance(target, Tensor):
            return target.register_hook(lambda grad: arrived(i, grad))
        number = target.output_nr
        return target.node.register_prehook(lambda grads: arrived(i, grads[number]))

    return MultiGradHandle([listen(i, t) for i, t in enumerate(tensors)])


class _Callable(ModuleType):
    def __call__(self, loss: Tensor, model: Module | None = None, *, watch: bool = True) -> Graph:
        """The graph behind ``loss``, as a :class:`Graph`.

        Args:
            loss: a tensor with history.
            model: its modules name the parameters and fold large graphs.
            watch: note time and gradient norm of every node when ``backward()`` runs.
        """
        return Graph(loss, model, watch=watch)


sys.modules[__name__].__class__ = _Callable
