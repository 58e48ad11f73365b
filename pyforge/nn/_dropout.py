"""Dropout of whole channels, and dropout that keeps mean and variance."""

from __future__ import annotations

import math
import warnings

from .._C import Tensor, empty

_SELU_LIMIT = 1.7580993408473766  # minus the value SELU tends to


def _check(p: float) -> None:
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _noise(input: Tensor, p: float, per_feature: bool) -> Tensor:
    """1 with probability 1 - p, else 0: per element, or per channel of ``[N, C, *]``."""
    if per_feature and input.dim() < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    shape = tuple(input.shape)
    if per_feature:
        shape = shape[:2] + (1,) * (input.dim() - 2)
    return empty(shape, dtype=input.dtype).bernoulli_(1 - p)


def _channels(input: Tensor, p: float, training: bool, inplace: bool) -> Tensor:
    if p == 0 or not training or input.numel() == 0:
        return input
    factor: Tensor | float = 0.0 if p == 1 else _noise(input, p, True).div_(1 - p)
    return input.mul_(factor) if inplace else input * factor


def dropout1d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zero whole channels of ``[N, C, L]`` or ``[C, L]`` with probability p, scale up the others.

    Raises:
        ValueError: if ``p`` is not between 0 and 1.
        RuntimeError: for other numbers of dimensions.
    """
    _check(p)
    if input.dim() not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.dim()}D input. Note that "
            "dropout1d exists to provide channel-wise dropout on inputs with 1 spatial dimension, "
            "a channel dimension, and an optional batch dimension (i.e. 2D or 3D inputs)."
        )
    batched = input.dim() == 3
    result = _channels(input if batched else input.unsqueeze(0), p, training, inplace)
    return result if batched else input if inplace else result.squeeze(0)


def _warn_dims(name: str, dims: int, spatial: int) -> None:
    warnings.warn(
        f"{name}: Received a {dims}-D input to {name}, which is deprecated and will result in an "
        "error in a future release. To retain the behavior and silence this warning, please use "
        f"dropout instead. Note that {name} exists to provide channel-wise dropout on inputs with "
        f"{spatial} spatial dimensions, a channel dimension, and an optional batch dimension (i.e. "
        f"{spatial + 1}D or {spatial + 2}D inputs).",
        stacklevel=3,
    )


def dropout2d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zero whole channels of ``[N, C, H, W]`` with probability p, scale up the others.

    A 3-d input counts as ``[N, C, L]``, with a warning. Raises ValueError if ``p`` is not between
    0 and 1.
    """
    _check(p)
    if input.dim() not in (3, 4):
        _warn_dims("dropout2d", input.dim(), 2)
    if input.dim() == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout "
            "behavior is desired - input is interpreted as shape (N, C, L), where C is the channel "
            "dim. Please switch to dropout1d for that.",
            stacklevel=2,
        )
    return _channels(input, p, training, inplace)


def dropout3d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zero whole channels of ``[N, C, D, H, W]`` or ``[C, D, H, W]`` with probability p.

    Raises ValueError if ``p`` is not between 0 and 1.
    """
    _check(p)
    if input.dim() not in (4, 5):
        _warn_dims("dropout3d", input.dim(), 3)
    batched = input.dim() == 5
    result = _channels(input if batched else input.unsqueeze(0), p, training, inplace)
    return result if batched else input if inplace else result.squeeze(0)


def _alpha(input: Tensor, p: float, training: bool, inplace: bool, per_feature: bool) -> Tensor:
    _check(p)
    if p == 0 or not training or input.numel() == 0:
        return input
    if p == 1:
        return input.mul_(0) if inplace else input * 0
    noise = _noise(input, p, per_feature)
    a = 1 / math.sqrt((_SELU_LIMIT * _SELU_LIMIT * p + 1) * (1 - p))
    shift = (noise - 1).mul_(_SELU_LIMIT * a).add_(_SELU_LIMIT * a * p)
    noise.mul_(a)
    return input.mul_(noise).add_(shift) if inplace else input * noise + shift


def alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Set elements to SELU's limit with probability p; mean 0 and variance 1 stay as they are.

    Klambauer et al. 2017. Raises ValueError if ``p`` is not between 0 and 1.
    """
    return _alpha(input, p, training, inplace, False)


def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """:func:`alpha_dropout` of whole channels of ``[N, C, *]``."""
    return _alpha(input, p, training, inplace, True)
