"""Clipping of gradients, which never spoils them when one is not finite."""

from __future__ import annotations

import math
import warnings

from ..._C import Tensor, _scale, _total_norm, stack, tensor
from ...autograd.grad_mode import no_grad

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    Parameters = Tensor | Iterable[Tensor] | Iterable[tuple[str, Tensor]]


def clip_grad_norm_(
    parameters: Parameters,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale the gradients of all parameters down so that their common norm is ``max_norm`` at most.

    If a gradient is not finite, all gradients are left as they are and a ``RuntimeWarning`` names
    the first parameter concerned: by name, if ``model.named_parameters()`` is given, else by
    position and shape.

    Args:
        parameters: a tensor, tensors or ``(name, tensor)`` pairs; those without ``.grad`` are
            skipped.
        max_norm: the largest norm wanted.
        norm_type: the order of the norm, ``inf`` for the largest absolute value.
        error_if_nonfinite: raise instead of warning.
        foreach: accepted.

    Returns:
        The norm before clipping, a scalar tensor.

    Raises:
        RuntimeError: with ``error_if_nonfinite``, if the norm is not finite.
    """
    max_norm, norm_type = float(max_norm), float(norm_type)
    labelled = _with_grads(parameters)
    grads = [grad for _, grad in labelled]
    with no_grad():
        size = _size(grads, norm_type)
        if not math.isfinite(size):
            text = (
                f"The total norm of order {norm_type} for gradients from `parameters` is "
                f"non-finite, so it cannot be clipped: {_first_nonfinite(labelled)}."
            )
            if error_if_nonfinite:
                raise RuntimeError(
                    f"{text} To disable this error and leave the gradients as they are, set "
                    "`error_if_nonfinite=False`"
                )
            warnings.warn(f"{text} The gradients are left alone.", RuntimeWarning, stacklevel=2)
        elif size + 1e-6 > max_norm:
            _scale(grads, max_norm / (size + 1e-6))
    return _scalar(size, grads)


def norm_and_factor(parameters: Parameters, max_norm: float) -> tuple[float, float]:
    """The 2-norm of all gradients, and the factor that :func:`clip_grad_norm_` would scale them by.

    Raises RuntimeError if the norm is not finite.
    """
    labelled = _with_grads(parameters)
    with no_grad():
        size = _size([grad for _, grad in labelled], 2.0)
        if not math.isfinite(size):
            raise RuntimeError(
                "step(max_grad_norm=): the total norm of the gradients is non-finite, so it cannot "
                f"be clipped, and nothing is updated: {_first_nonfinite(labelled)}"
            )
    return size, min(1.0, float(max_norm) / (size + 1e-6))


def get_total_norm(
    tensors: Iterable[Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The norm of all ``tensors`` taken as one vector, a scalar tensor.

    Raises RuntimeError with ``error_if_nonfinite``, if the norm is not finite.
    """
    tensors = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    with no_grad():
        size = _size(tensors, float(norm_type))
        if error_if_nonfinite and not math.isfinite(size):
            raise RuntimeError(
                f"The total norm of order {norm_type} for gradients from `parameters` is "
                "non-finite, so it cannot be clipped."
            )
        return _scalar(size, tensors)


def clip_grads_with_norm_(
    parameters: Parameters, max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Scale all gradients by ``max_norm / total_norm`` if that is below one."""
    grads = [grad for _, grad in _with_grads(parameters)]
    factor = float(max_norm) / (float(total_norm) + 1e-6)
    if factor < 1:
        with no_grad():
            _scale(grads, factor)


def clip_grad_norm(
    parameters: Parameters,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The old name of :func:`clip_grad_norm_`; warns."""
    warnings.warn(
        "torch.nn.utils.clip_grad_norm is now deprecated in favor of "
        "torch.nn.utils.clip_grad_norm_.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


def _size(tensors: list[Tensor], norm_type: float) -> float:
    if norm_type == 2.0:
        return _total_norm(tensors)[0]
    norms = [t.double().norm(norm_type) for t in tensors]
    return stack(norms).norm(norm_type).item() if norms else 0.0


def _scalar(size: float, like: list[Tensor]) -> Tensor:
    return tensor(size, dtype=like[0].dtype if like else None)


def clip_grad_value_(
    parameters: Parameters, clip_value: float, foreach: bool | None = None
) -> None:
    """Clamp every element of every gradient to ``±clip_value``; NaN stays NaN."""
    clip_value = float(clip_value)
    with no_grad():
        for _, grad in _with_grads(parameters):
            grad.clamp_(-clip_value, clip_value)


def _with_grads(parameters: Parameters) -> list[tuple[str, Tensor]]:
    """The gradients there are, each with words that say whose it is."""
    found = []
    for i, entry in enumerate([parameters] if isinstance(parameters, Tensor) else parameters):
        name, param = entry if isinstance(entry, tuple) else (None, entry)
        if param.grad is not None:
            shape = tuple(param.shape)
            label = f"parameter {i}" if name is None else f"parameter '{name}'"
            found.append((f"{label} of shape {shape}", param.grad))
    return found


def _first_nonfinite(labelled: list[tuple[str, Tensor]]) -> str:
    for label, grad in labelled:
        for kind, bad in (("NaN", grad.isnan()), ("infinite", grad.isinf())):
            count = int(bad.sum().item())
            if count:
                return f"{count} of {grad.numel()} elements of the gradient of {label} are {kind}"
    return "every gradient is finite, but the norm overflows"
