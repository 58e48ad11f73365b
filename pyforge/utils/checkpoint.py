"""Checkpointing: compute again in the backward pass what would take memory until then."""

from __future__ import annotations

import contextlib
import sys
import time
import warnings
import weakref

from .. import _C
from .._C import Tensor
from ..autograd import Function, backward
from ..autograd.grad_mode import enable_grad
from ..autograd.graph import saved_tensors_hooks
from ..memory import _storage, memory_report
from ..random import get_rng_state, set_rng_state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from typing import Any

    ContextFn = Callable[[], tuple[AbstractContextManager[Any], AbstractContextManager[Any]]]

__all__ = [
    "CheckpointCost",
    "CheckpointError",
    "checkpoint",
    "checkpoint_sequential",
    "noop_context_fn",
    "set_checkpoint_early_stop",
]


class CheckpointError(RuntimeError):
    """The function did something else when it was computed again."""


def noop_context_fn() -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
    """Two contexts that do nothing."""
    return contextlib.nullcontext(), contextlib.nullcontext()


@contextlib.contextmanager
def set_checkpoint_early_stop(enable: bool) -> Iterator[None]:
    """Accepted for PyTorch's programs: the function is always computed to its end."""
    yield


class CheckpointCost:
    """What the checkpoints of one line cost, as last measured.

    Attributes:
        source: ``"file.py:12, in f"``, the line that called :func:`checkpoint`.
        seconds: one call of the function.
        bytes: what one call would have kept for the backward pass; None before the first one.
    """

    __slots__ = ("bytes", "seconds", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        self.seconds = 0.0
        self.bytes: int | None = None


_costs: dict[tuple[Any, int], CheckpointCost] = {}  # by code object and line
_live: weakref.WeakSet[_Frame] = weakref.WeakSet()
_MOST_LINES = 256


def _cost_here() -> CheckpointCost:
    """Of the first line outside the package."""
    frame = sys._getframe(2)
    package = __name__.partition(".")[0]
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == package:
        frame = frame.f_back
    code = frame.f_code
    key = (code, frame.f_lineno)
    cost = _costs.get(key)
    if cost is None:
        if len(_costs) >= _MOST_LINES:
            _costs.clear()
        cost = CheckpointCost(f"{code.co_filename}:{frame.f_lineno}, in {code.co_name}")
        _costs[key] = cost
    return cost


def costs_in(nodes: dict[int, Any]) -> tuple[dict[CheckpointCost, int], list[Any]]:
    """The checkpoints in a graph of nodes by sequence number.

    Returns:
        How many calls of each, and (cost, argument) of what those without reentry keep.
    """
    found: dict[CheckpointCost, int] = {}
    arguments = []
    for frame in tuple(_live):
        if any(number in nodes for number in frame.made):
            found[frame.cost] = found.get(frame.cost, 0) + 1
            _, args, kwargs = frame.call
            given = (*args, *kwargs.values())
            arguments += [(frame.cost, a) for a in given if isinstance(a, Tensor)]
    by_line = {cost.source: cost for cost in _costs.values()}
    for node in nodes.values():
        if node.name() == "_ReentrantBackward" and node.source in by_line:
            cost = by_line[node.source]
            found[cost] = found.get(cost, 0) + 1
    return found, arguments


@contextlib.contextmanager
def _random_from(state: Tensor | None) -> Iterator[None]:
    """Inside, the global stream goes on from ``state``; afterwards from where it was."""
    if state is None:
        yield
        return
    outside = get_rng_state()
    set_rng_state(state)
    try:
        yield
    finally:
        set_rng_state(outside)


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: ContextFn = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    **kwargs: Any,
) -> Any:
    """``function(*args, **kwargs)``, without keeping what its derivative needs.

    The backward pass calls the function again. Gradients are the same to the bit: the random
    numbers drawn inside are drawn again.

    Args:
        function: must do the same at each call.
        use_reentrant: ``True`` runs a backward pass inside the backward pass: an argument must
            require a gradient, keyword arguments and ``autograd.grad`` are not supported. ``False``
            puts back the values that were not kept, one by one, and has no such limits. ``None``
            stands for ``True``, with a warning.
        context_fn: gives a context for the first and one for the second computation; only without
            reentry.
        determinism_check: ``"default"`` compares shape and dtype of each value that is computed
            again with the first one, ``"none"`` does not.
        debug: accepted; the messages name the values anyway.
        early_stop: accepted; the function is always computed to its end.
        preserve_rng_state: draw the same random numbers again, ``True`` by default.

    Raises:
        ValueError: for settings that do not go together.
        CheckpointError: in the backward pass, if the second computation saves other values.
    """
    if use_reentrant is None:
        warnings.warn(
            "torch.utils.checkpoint: the use_reentrant parameter should be passed explicitly. "
            "use_reentrant=False is recommended; True is the default for now.",
            stacklevel=2,
        )
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if determinism_check not in ("default", "none"):
        raise ValueError(
            f"determinism_check should be one of 'default', 'none', got {determinism_check}"
        )
    if not use_reentrant:
        frame = _Frame(function, args, kwargs, preserve, context_fn, determinism_check)
        frame.cost = _cost_here()
        return frame.forward()
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    if context_fn is not noop_context_fn or debug:
        raise ValueError(
            "Passing `context_fn` or `debug` is only supported when use_reentrant=False."
        )
    return _Reentrant.apply(function, preserve, _cost_here(), *args)


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """Apply ``functions`` one after the other, in ``segments`` checkpoints (the last one is not).

    Args:
        functions: a ``Sequential`` or a list of functions of one argument.
        segments: into how many parts they are split.
        input: the argument of the first.
        use_reentrant: see :func:`checkpoint`.

    Raises:
        ValueError: for other keyword arguments than ``preserve_rng_state``.
    """
    if use_reentrant is None:
        warnings.warn(
            "torch.utils.checkpoint.checkpoint_sequential: the use_reentrant parameter should be "
            "passed explicitly. use_reentrant=False is recommended; True is the default for now.",
            stacklevel=2,
        )
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    steps = list(functions.children()) if hasattr(functions, "children") else list(functions)
    size = len(steps) // segments
    value = input
    for i in range(segments - 1):
        part = steps[i * size : (i + 1) * size]
        value = checkpoint(
            _chain(part), value, use_reentrant=use_reentrant, preserve_rng_state=preserve
        )
    return _chain(steps[(segments - 1) * size :])(value)


def _chain(functions: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    def run(value: Any) -> Any:
        for function in functions:
            value = function(value)
        return value

    return run


class _Holder:
    """Stands in the graph for a value that is not kept until it has been computed again."""

    __slots__ = ("__weakref__", "frame", "like", "value")

    def __init__(self, frame: _Frame, like: tuple[Any, Any]) -> None:
        self.frame = frame
        self.like = like
        self.value: Tensor | None = None


class _Frame:
    """One checkpointed call without reentry."""

    def __init__(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        preserve: bool,
        context_fn: ContextFn,
        determinism_check: str,
    ) -> None:
        self.call = (function, args, kwargs)
        self.random = get_rng_state() if preserve else None
        self.contexts = context_fn()
        self.compare = determinism_check == "default"
        self.holders: list[weakref.ref[_Holder]] = []
        self.cost: CheckpointCost
        self.made: list[int] = []  # sequence numbers of the nodes that made the results
        _live.add(self)

    def forward(self) -> Any:
        function, args, kwargs = self.call
        start = time.perf_counter()
        with self.contexts[0], saved_tensors_hooks(self._hold, self._value):
            result = function(*args, **kwargs)
        self.cost.seconds = time.perf_counter() - start
        for y in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(y, Tensor) and y.grad_fn is not None:
                self.made.append(y.grad_fn._sequence_nr())
        return result

    def _hold(self, tensor: Tensor) -> _Holder:
        holder = _Holder(self, (tuple(tensor.shape), tensor.dtype))
        self.holders.append(weakref.ref(holder))
        return holder

    def _value(self, holder: _Holder) -> Tensor:
        if holder.value is None:
            self._compute_again()
        if holder.value is None:
            raise CheckpointError(
                "torch.utils.checkpoint: A different number of tensors was saved during the "
                "original forward and recomputation; the function must do the same at each call."
            )
        return holder.value

    def _compute_again(self) -> None:
        function, args, kwargs = self.call
        count = 0
        kept: dict[int, int] = {}  # all of them are alive at the end
        measures = self.cost.bytes is None

        def give(tensor: Tensor) -> Tensor:
            nonlocal count
            holder = self.holders[count]() if count < len(self.holders) else None
            count += 1
            if holder is not None:
                now = (tuple(tensor.shape), tensor.dtype)
                if self.compare and now != holder.like:
                    raise CheckpointError(
                        "torch.utils.checkpoint: Recomputed values for the following tensors have "
                        f"different metadata than during the forward pass: tensor at position "
                        f"{count - 1}: saved {holder.like}, recomputed {now}"
                    )
                holder.value = tensor
                if measures:
                    address, size = _storage(tensor)
                    kept[address] = size
            return tensor

        with (
            _random_from(self.random),
            self.contexts[1],
            enable_grad(),
            saved_tensors_hooks(give, lambda tensor: tensor),
        ):
            result = function(*args, **kwargs)
        if measures:
            results = result if isinstance(result, (tuple, list)) else (result,)
            made = [y for y in results if isinstance(y, Tensor) and y.requires_grad]
            given = [a for a in (*args, *kwargs.values()) if isinstance(a, Tensor)]
            given += [leaf for y in made for leaf in _C._graph_leaves(y)]
            held = {_storage(t)[0] for t in given}
            self.cost.bytes = sum(size for address, size in kept.items() if address not in held)
        if count != len(self.holders):
            raise CheckpointError(
                "torch.utils.checkpoint: A different number of tensors was saved during the "
                f"original forward and recomputation. Number of tensors saved during forward: "
                f"{len(self.holders)}. Number of tensors saved during recomputation: {count}."
            )


class _Reentrant(Function):
    @staticmethod
    def forward(
        ctx: Any, function: Callable[..., Any], preserve: bool, cost: CheckpointCost, *args: Any
    ) -> Any:
        if not any(isinstance(a, Tensor) and a.requires_grad for a in args):
            warnings.warn(
                "None of the inputs have requires_grad=True. Gradients will be None", stacklevel=4
            )
        ctx.function = function
        ctx.random = get_rng_state() if preserve else None
        ctx.plain = [None if isinstance(a, Tensor) else a for a in args]
        ctx.is_tensor = [isinstance(a, Tensor) for a in args]
        ctx.save_for_backward(*(a for a in args if isinstance(a, Tensor)))
        ctx.cost = cost
        start = time.perf_counter()
        result = function(*args)
        cost.seconds = time.perf_counter() - start
        return result

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> Any:
        saved = iter(ctx.saved_tensors)
        args = [
            next(saved) if tensor else plain
            for tensor, plain in zip(ctx.is_tensor, ctx.plain, strict=True)
        ]
        inputs = [
            a.detach().requires_grad_(a.requires_grad) if isinstance(a, Tensor) else a for a in args
        ]
        with _random_from(ctx.random), enable_grad():
            outputs = ctx.function(*inputs)
        outputs = (outputs,) if isinstance(outputs, Tensor) else outputs
        pairs = [
            (y, g)
            for y, g in zip(outputs, grads, strict=True)
            if isinstance(y, Tensor) and y.requires_grad
        ]
        if not pairs:
            raise RuntimeError(
                "none of output has requires_grad=True, this checkpoint() is not necessary"
            )
        if ctx.cost.bytes is None:
            ctx.cost.bytes = sum(memory_report(y).saved for y, _ in pairs[:1])
        backward([y for y, _ in pairs], [g for _, g in pairs])
        return (None, None, None, *(a.grad if isinstance(a, Tensor) else None for a in inputs))
