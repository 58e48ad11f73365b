"""``torch.compile`` and what goes with it.

pyforge runs every op when it is called, through compiled kernels, so there is nothing to wait for:
a model comes back at once, and trains and saves as before. What compiling changes is the graph:
layers and the activations behind them become one op (docs/fusion.md).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    T = TypeVar("T")

__all__ = ["compile", "disable", "is_compiling", "is_dynamo_compiling", "is_exporting", "reset"]


def compile(
    model: Callable[..., Any] | None = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: str | Callable[..., Any] = "inductor",
    mode: str | None = None,
    options: dict[str, Any] | None = None,
    disable: bool = False,
) -> Any:
    """``model`` itself, of which every ``nn.Sequential`` now fuses. Without it, a decorator.

    In a ``Sequential`` anywhere within the model, a ``Linear`` or convolution followed by ``ReLU``,
    ``GELU``, ``SiLU``, ``Tanh`` or ``Sigmoid`` runs as one op, with the bits of the two in the
    forward pass, in float32 and float64 in the backward pass too. Parameters and ``state_dict``
    stay what they are. The graph names these ops ``LinearPointwiseBackward0`` and
    ``ConvolutionPointwiseBackward0``.

    Not fused are modules with hooks or with a ``forward`` of their own, everything under
    ``autocast``, ``detect_anomaly``, a profiler or a monitor, and what a hand-written ``forward``
    calls: of ``F.relu(self.fc(x))`` only ``fc`` is seen. Functions run as they are. A copy or a
    pickle of a compiled model is not compiled.

    Args:
        model: a module, which is changed in place, or a function.
        backend: ``"eager"`` and ``"aot_eager"`` fuse nothing.
        disable: fuse nothing.
        fullgraph, dynamic, mode, options: how PyTorch should compile; without effect.

    Raises:
        TypeError: if ``model`` cannot be called.
        RuntimeError: for ``mode`` and ``options`` together, as in PyTorch.
    """
    if mode is not None and options is not None:
        raise RuntimeError(
            "Either mode or options can be specified, but both can't be specified at the same time."
        )
    if model is None:
        return lambda model: compile(model, backend=backend, disable=disable)
    if not callable(model):
        raise TypeError(f"compile: expected a module or a function, not {type(model).__name__}")
    if not disable and backend not in ("eager", "aot_eager"):
        _fuse(model)
    return model


def _fuse(model: object) -> None:
    from ._C import _set_fused_forwards
    from .nn.modules import activation, container, conv, linear
    from .nn.modules.module import Module

    if not isinstance(model, Module):
        return
    kinds: dict[str, Any] = {
        "Sequential": container.Sequential,
        "Linear": linear.Linear,
        "Conv": conv._Conv,
        "ReLU": activation.ReLU,
        "Sigmoid": activation.Sigmoid,
        "Tanh": activation.Tanh,
        "SiLU": activation.SiLU,
        "GELU": activation.GELU,
    }
    # A forward that a program has put in the place of ours is not among them.
    own = {
        name: kind.forward
        for name, kind in kinds.items()
        if kind.forward.__module__ == kind.__module__
    }
    _set_fused_forwards(own)
    for module in model.modules():
        if isinstance(module, container.Sequential):
            module._fuses = True


def disable(fn: Any = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """``fn`` itself, or a decorator: nothing is compiled."""
    return (lambda fn: fn) if fn is None else fn


def is_compiling() -> bool:
    """False: ops run when they are called."""
    return False


def is_compile_supported(device_type: str) -> bool:
    """False: nothing is compiled when a program runs."""
    return False


def is_dynamo_compiling() -> bool:
    """False: ops run when they are called."""
    return False


def is_exporting() -> bool:
    """False: ops run when they are called."""
    return False


def reset() -> None:
    """Does nothing: there are no compiled graphs to forget."""
