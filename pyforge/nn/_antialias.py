"""Resampling with a filter as wide as the output's pixels: no aliasing when images shrink."""

from __future__ import annotations

import math

from .. import _C

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._C import Tensor


def _triangle(x: float) -> float:
    return max(0.0, 1.0 - abs(x))


def _cubic(x: float) -> float:
    """Keys' kernel with a = -1/2, as in Pillow; PyTorch's without a filter has -3/4."""
    x = abs(x)
    if x < 1:
        return (1.5 * x - 2.5) * x * x + 1
    return -0.5 * (((x - 5) * x + 8) * x - 4) if x < 2 else 0.0


_FILTERS = {"bilinear": (_triangle, 1), "bicubic": (_cubic, 2)}


def weights(n: int, size: int, mode: str, align_corners: bool, factor: float | None) -> Any:
    """The matrix ``[size, n]`` that resamples ``n`` elements to ``size``, as nested lists.

    Each row is the kernel, stretched by the scale where that is above 1, about the output's centre,
    cut at the borders and normalised.
    """
    kernel, radius = _FILTERS[mode]
    if align_corners:
        scale = (n - 1) / (size - 1) if size > 1 else 0.0
    else:
        scale = 1.0 / factor if factor else n / size
    stretch = max(scale, 1.0)
    rows = []
    for i in range(size):
        centre = scale * (i + 0.5)
        first = max(int(centre - radius * stretch + 0.5), 0)
        last = min(int(centre + radius * stretch + 0.5), n)
        row = [kernel((j - centre + 0.5) / stretch) for j in range(first, last)]
        total = math.fsum(row) or 1.0
        rows.append([0.0] * first + [w / total for w in row] + [0.0] * (n - last))
    return rows


def resample_dim(
    input: Tensor, dim: int, size: int, mode: str, align_corners: bool, factor: float | None
) -> Tensor:
    """``input`` ``[N, C, H, W]`` with dimension 2 or 3 resampled to ``size``.

    Raises:
        NotImplementedError: for integers.
    """
    if not input.is_floating_point():
        raise NotImplementedError(
            f"interpolate: antialias=True is not implemented for '{input.dtype}'; convert the "
            "input with .to(dtype) first"
        )
    wide = input.float() if input.element_size() < 4 else input
    rows = weights(input.shape[dim], size, mode, align_corners, factor)
    matrix = _C.tensor(rows, dtype=wide.dtype)
    out = matrix @ wide if dim == 2 else wide @ matrix.t()
    return out.to(input.dtype)
