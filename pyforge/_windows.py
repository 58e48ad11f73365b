"""Window functions."""

from __future__ import annotations

import math

from . import _C
from ._C import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "bartlett_window",
    "blackman_window",
    "hamming_window",
    "hann_window",
    "kaiser_window",
]


def _made(name: str, length: int, periodic: bool, options: dict[str, Any], shape: Any) -> Tensor:
    """``shape(k, last)`` of the positions ``k``, which end at ``last``.

    A periodic window is one longer without its last element.
    """
    dtype = options.pop("dtype", None) or _C.get_default_dtype()
    requires_grad = options.pop("requires_grad", False)
    options.pop("pin_memory", None)
    layout = options.pop("layout", None)
    if layout is not None and str(layout) != "torch.strided":
        raise RuntimeError(f"{name} is not implemented for the layout {layout}")
    _C.empty(0, device=options.pop("device", None))
    if options:
        raise TypeError(f"{name}() got an unexpected keyword argument '{next(iter(options))}'")
    if not dtype.is_floating_point:
        raise RuntimeError(f"{name} expects floating point dtypes, got: {dtype}")
    if length < 0:
        raise RuntimeError(
            f"{name} requires non-negative window_length, got window_length={length}"
        )
    if length <= 1:
        window = _C.ones(length, dtype=dtype)
    else:
        last = length if periodic else length - 1
        k = _C.arange(last + 1, dtype=_C.float64)
        window = shape(k, last)[:length].to(dtype).contiguous()
    return window.requires_grad_(requires_grad)


def hann_window(window_length: int, periodic: bool = True, **options: Any) -> Tensor:
    """``0.5 - 0.5 cos(2 pi k / last)``.

    Args:
        window_length: number of elements.
        periodic: leave out the last element of a window that is one longer.
        options: ``dtype``, ``device`` and ``requires_grad``.

    Raises:
        RuntimeError: for a negative length, or a dtype that is not floating.
    """
    return _cosines("hann_window", window_length, periodic, options, 0.5, 0.5)


def hamming_window(
    window_length: int,
    periodic: bool = True,
    alpha: float = 0.54,
    beta: float = 0.46,
    **options: Any,
) -> Tensor:
    """``alpha - beta cos(2 pi k / last)``; see :func:`hann_window`."""
    return _cosines("hamming_window", window_length, periodic, options, alpha, beta)


def blackman_window(window_length: int, periodic: bool = True, **options: Any) -> Tensor:
    """``0.42 - 0.5 cos(2 pi k / last) + 0.08 cos(4 pi k / last)``; see :func:`hann_window`."""
    return _cosines("blackman_window", window_length, periodic, options, 0.42, 0.5, 0.08)


def _cosines(
    name: str,
    length: int,
    periodic: bool,
    options: dict[str, Any],
    mean: float,
    first: float,
    second: float = 0.0,
) -> Tensor:
    def shape(k: Tensor, last: int) -> Tensor:
        angle = k * (2 * math.pi / last)
        window = mean - first * angle.cos()
        return window + second * (2 * angle).cos() if second else window

    return _made(name, length, periodic, options, shape)


def bartlett_window(window_length: int, periodic: bool = True, **options: Any) -> Tensor:
    """A triangle from 0 to 1 to 0; see :func:`hann_window`."""
    return _made(
        "bartlett_window",
        window_length,
        periodic,
        options,
        lambda k, last: 1 - (2 * k / last - 1).abs(),
    )


def kaiser_window(
    window_length: int, periodic: bool = True, beta: float = 12.0, **options: Any
) -> Tensor:
    """``i0(beta sqrt(1 - (2 k / last - 1)^2)) / i0(beta)``; see :func:`hann_window`."""

    def shape(k: Tensor, last: int) -> Tensor:
        root = (1 - (2 * k / last - 1).square()).clamp(min=0).sqrt()
        return (beta * root).i0() / _C.tensor(beta, dtype=_C.float64).i0()

    return _made("kaiser_window", window_length, periodic, options, shape)
