"""Gradients: backward, grad, user-written functions, modes and checks."""

from __future__ import annotations

from .._C import Node, Tensor, _run_backward, stack
from .function import Function, once_differentiable
from .grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled
from .gradcheck import GradcheckError, gradcheck, gradgradcheck
from .variable import Variable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from . import forward_ad as forward_ad
    from . import functional as functional
    from . import graph as graph
    from . import profiler as profiler
    from .anomaly_mode import detect_anomaly as detect_anomaly
    from .anomaly_mode import set_detect_anomaly as set_detect_anomaly
    from .nan_origin import NanOrigin as NanOrigin
    from .nan_origin import explain_nan as explain_nan
    from .singular import get_singular_points as get_singular_points
    from .singular import set_singular_points as set_singular_points
    from .singular import singular_points as singular_points

_SUBMODULES = frozenset(
    {"anomaly_mode", "forward_ad", "functional", "graph", "profiler", "profiler_util"}
)

__all__ = [
    "Function",
    "GradcheckError",
    "NanOrigin",
    "Node",
    "Variable",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "explain_nan",
    "get_singular_points",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "graph",
    "inference_mode",
    "no_grad",
    "once_differentiable",
    "set_detect_anomaly",
    "set_grad_enabled",
    "set_singular_points",
    "singular_points",
]

# Loaded on first use.
_HOME = {
    "NanOrigin": "nan_origin",
    "detect_anomaly": "anomaly_mode",
    "explain_nan": "nan_origin",
    "get_singular_points": "singular",
    "set_detect_anomaly": "anomaly_mode",
    "set_singular_points": "singular",
    "singular_points": "singular",
}


def __getattr__(name: str) -> object:
    import importlib

    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _HOME:
        value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    from .._absent import missing

    raise AttributeError(missing(__name__, name, __all__))


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """Accumulate the gradients of ``tensors`` into the ``.grad`` of the leaves (or of ``inputs``).

    Args:
        tensors: one tensor or several; those of more than one element need a gradient.
        grad_tensors: the gradient of each of ``tensors``, in its shape; ``None`` stands for 1.
        retain_graph: keep the graph for another pass; ``create_graph`` by default.
        create_graph: record the pass itself, for higher derivatives.
        inputs: accumulate into these alone.

    Raises:
        RuntimeError: no history, a gradient that is missing or of the wrong shape, a graph that was
            freed, a saved value that was overwritten.
    """
    keep = create_graph if retain_graph is None else retain_graph
    _run_backward(tensors, grad_tensors, inputs, keep, create_graph, True)


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of ``outputs`` with respect to ``inputs``, one each; ``.grad`` is left alone.

    Args:
        outputs: one tensor or several; those of more than one element need a gradient.
        inputs: tensors of the graph, leaves or not.
        grad_outputs: the gradient of each of ``outputs``; ``None`` stands for 1.
        retain_graph: keep the graph for another pass; ``create_graph`` by default.
        create_graph: record the pass itself, for higher derivatives.
        allow_unused: ``None`` in the result for inputs that were not used, instead of an error.
        is_grads_batched: ``grad_outputs`` have a first dimension more, and so have the results: one
            backward pass for each of its entries.
        materialize_grads: zeros instead of ``None``.

    Raises:
        RuntimeError: as for ``backward``; an input that was not used.
    """
    if is_grads_batched:
        return _batched_grad(
            outputs,
            inputs,
            grad_outputs,
            retain_graph,
            create_graph,
            allow_unused,
            materialize_grads,
        )
    if not only_inputs:
        raise ValueError("grad: only_inputs=False is not supported; use backward() to accumulate")
    if allow_unused is False and materialize_grads:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, "
            "but got: allow_unused=False."
        )
    keep = create_graph if retain_graph is None else retain_graph
    if not materialize_grads:
        return _run_backward(
            outputs, grad_outputs, inputs, keep, create_graph, False, bool(allow_unused)
        )
    targets = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    result = _run_backward(outputs, grad_outputs, targets, keep, create_graph, False)
    return tuple(
        t.new_zeros(t.shape) if g is None else g for g, t in zip(result, targets, strict=True)
    )


def _batched_grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Tensor | Sequence[Tensor | None] | None,
    retain_graph: bool | None,
    create_graph: bool,
    allow_unused: bool | None,
    materialize_grads: bool,
) -> tuple[Tensor | None, ...]:
    roots = (outputs,) if isinstance(outputs, Tensor) else tuple(outputs)
    given = (grad_outputs,) if isinstance(grad_outputs, Tensor) else tuple(grad_outputs or ())
    batch = next((g.shape[0] for g in given if g is not None and g.dim()), 0)
    if len(given) != len(roots) or batch == 0:
        raise RuntimeError(
            "grad: is_grads_batched needs one gradient per output, each with a first dimension for "
            "the batch that is not empty"
        )
    for y, g in zip(roots, given, strict=True):
        if g is not None and tuple(g.shape) != (batch, *y.shape):
            raise RuntimeError(
                "If `is_grads_batched=True`, we interpret the first dimension of each grad_output "
                "as the batch dimension. The sizes of the remaining dimensions are expected to "
                f"match the shape of the corresponding output, but got {tuple(g.shape)} for an "
                f"output of shape {tuple(y.shape)}"
            )
    keep = create_graph if retain_graph is None else retain_graph
    rows = [
        grad(
            roots,
            inputs,
            [None if g is None else g[i] for g in given],
            keep or i < batch - 1,
            create_graph,
            True,
            allow_unused,
            False,
            materialize_grads,
        )
        for i in range(batch)
    ]
    columns = zip(*rows, strict=True)
    return tuple(None if c[0] is None else stack([t for t in c if t is not None]) for c in columns)
