"""Functionals of images that are more than one operation of the engine."""

from __future__ import annotations

import math

from .. import _C
from .._C import col2im, im2col

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from .._C import Tensor

    IntOrInts = int | Sequence[int]
    Sizes = int | Sequence[int | None]


def _max_pool(dims: int) -> Callable[..., Any]:
    plain = getattr(_C, f"max_pool{dims}d")
    with_indices = getattr(_C, f"max_pool{dims}d_with_indices")

    def max_pool(
        input: Tensor,
        kernel_size: IntOrInts,
        stride: IntOrInts | None = None,
        padding: IntOrInts = 0,
        dilation: IntOrInts = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """The largest element of each window; with ``return_indices`` also its flat index."""
        run = with_indices if return_indices else plain
        result: Tensor | tuple[Tensor, Tensor] = run(
            input, kernel_size, stride, padding, dilation, ceil_mode
        )
        return result

    max_pool.__name__ = max_pool.__qualname__ = f"max_pool{dims}d"
    return max_pool


max_pool1d, max_pool2d, max_pool3d = map(_max_pool, (1, 2, 3))


def _output_size(input: Tensor, size: Sizes, dims: int) -> tuple[int, ...]:
    """``size`` for each dimension, with the input's own where it is ``None``."""
    given = (size,) * dims if isinstance(size, int) else tuple(size)
    if len(given) == 1:
        given *= dims
    own = tuple(input.shape)[-dims:]
    if len(given) != dims or len(own) != dims:
        raise ValueError(f"Input dimension should be at least {len(given) + 1}, got {size}")
    return tuple(o if g is None else g for g, o in zip(given, own, strict=True))


def _adaptive_avg_pool(dims: int) -> Callable[..., Any]:
    run = getattr(_C, f"adaptive_avg_pool{dims}d")

    def adaptive_avg_pool(input: Tensor, output_size: Sizes) -> Tensor:
        """Averages of windows that cover the input; ``None`` keeps a size."""
        result: Tensor = run(input, _output_size(input, output_size, dims))
        return result

    adaptive_avg_pool.__name__ = adaptive_avg_pool.__qualname__ = f"adaptive_avg_pool{dims}d"
    return adaptive_avg_pool


def _adaptive_max_pool(dims: int) -> Callable[..., Any]:
    run = getattr(_C, f"adaptive_max_pool{dims}d_with_indices")

    def adaptive_max_pool(
        input: Tensor, output_size: Sizes, return_indices: bool = False
    ) -> Tensor | tuple[Tensor, Tensor]:
        """The largest elements of windows that cover the input; ``None`` keeps a size."""
        values, indices = run(input, _output_size(input, output_size, dims))
        return (values, indices) if return_indices else values

    adaptive_max_pool.__name__ = adaptive_max_pool.__qualname__ = f"adaptive_max_pool{dims}d"
    return adaptive_max_pool


adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = map(_adaptive_max_pool, (1, 2, 3))
adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = map(_adaptive_avg_pool, (1, 2, 3))


def lp_pool1d(
    input: Tensor,
    norm_type: float,
    kernel_size: int,
    stride: IntOrInts | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The ``norm_type`` norm of each window."""
    out = _C.avg_pool1d(input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
    return (out.sign() * out.abs().relu()).mul(kernel_size).pow(1.0 / norm_type)


def lp_pool2d(
    input: Tensor,
    norm_type: float,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The ``norm_type`` norm of each window."""
    kh, kw = (kernel_size,) * 2 if isinstance(kernel_size, int) else kernel_size
    out = _C.avg_pool2d(input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
    return (out.sign() * out.abs().relu()).mul(kh * kw).pow(1.0 / norm_type)


def lp_pool3d(
    input: Tensor,
    norm_type: float,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The ``norm_type`` norm of each window."""
    kd, kh, kw = (kernel_size,) * 3 if isinstance(kernel_size, int) else kernel_size
    out = _C.avg_pool3d(input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
    return (out.sign() * out.abs().relu()).mul(kd * kh * kw).pow(1.0 / norm_type)


_MODES = {"linear": 1, "bilinear": 2, "trilinear": 3, "bicubic": 2}


def interpolate(
    input: Tensor,
    size: IntOrInts | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """``input`` ``[N, C, *spatial]`` resampled to ``size`` or by ``scale_factor``.

    ``mode`` is ``nearest``, ``nearest-exact``, ``area``, ``linear`` (3-d input), ``bilinear`` or
    ``bicubic`` (4-d), or ``trilinear`` (5-d). With ``antialias`` the two modes for 4-d input
    weigh all that an element of the output covers, as Pillow does.

    Raises:
        ValueError: if not exactly one of ``size`` and ``scale_factor`` is given, or
            ``align_corners`` or ``antialias`` for a mode without it.
        NotImplementedError: if the mode does not fit the input's dimensions.
    """
    dims = input.dim() - 2
    exact = mode in ("nearest", "nearest-exact", "area")
    if exact and align_corners is not None:
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: "
            "linear | bilinear | bicubic | trilinear"
        )
    if antialias and not (mode in ("bilinear", "bicubic") and dims == 2):
        raise ValueError(
            "Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D "
            "tensor as input"
        )
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is None and scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    if dims not in (1, 2, 3) or not (exact or _MODES.get(mode) == dims):
        raise NotImplementedError(
            "Input Error: Only 3D, 4D and 5D input Tensors supported (got "
            f"{input.dim()}D) for the modes: nearest | linear | bilinear | bicubic | trilinear | "
            f"area | nearest-exact (got {mode})"
        )
    shape = tuple(input.shape)[2:]
    scales: Sequence[float | None] = (None,) * dims
    if size is not None:
        sizes = (size,) * dims if isinstance(size, int) else tuple(size)
        if len(sizes) != dims:
            raise ValueError(
                f"Input and output must have the same number of spatial dimensions, but got input "
                f"with spatial dimensions of {list(shape)} and output size of {size}."
            )
        if recompute_scale_factor:
            raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
    else:
        assert scale_factor is not None
        given = (
            (scale_factor,) * dims
            if isinstance(scale_factor, (int, float))
            else tuple(scale_factor)
        )
        if len(given) != dims:
            raise ValueError(
                f"Input and scale_factor must have the same number of spatial dimensions, but got "
                f"input with spatial dimensions of {list(shape)} and scale_factor of shape {given}."
            )
        sizes = tuple(math.floor(n * float(s)) for n, s in zip(shape, given, strict=True))
        if not recompute_scale_factor:
            scales = [float(s) for s in given]
    if mode == "area":
        pools = (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)
        return pools[dims - 1](input, sizes)  # type: ignore[no-any-return]
    rule = {"bicubic": "cubic"}.get(mode, mode if exact else "linear")
    bytes_ = input.dtype == _C.uint8 and mode in ("bilinear", "bicubic")
    out = input.float() if bytes_ else input
    for d in reversed(range(dims)) if bytes_ or antialias else range(dims):
        if antialias:
            from ._antialias import resample_dim

            out = resample_dim(out, d + 2, sizes[d], mode, bool(align_corners), scales[d])
        else:
            out = _C._resample_dim(out, d + 2, sizes[d], rule, bool(align_corners), scales[d])
        if bytes_:  # as PyTorch does after each dimension
            out = (out + 0.5).floor().clamp(0, 255)
    return out.to(input.dtype)


def upsample(
    input: Tensor,
    size: IntOrInts | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """`interpolate` under its old name."""
    return interpolate(input, size, scale_factor, mode, align_corners)


def unfold(
    input: Tensor,
    kernel_size: IntOrInts,
    dilation: IntOrInts = 1,
    padding: IntOrInts = 0,
    stride: IntOrInts = 1,
) -> Tensor:
    """Every window of ``[N, C, H, W]`` as a column of ``[N, C * kernel, windows]``."""
    return im2col(input, kernel_size, dilation, padding, stride)


def fold(
    input: Tensor,
    output_size: IntOrInts,
    kernel_size: IntOrInts,
    dilation: IntOrInts = 1,
    padding: IntOrInts = 0,
    stride: IntOrInts = 1,
) -> Tensor:
    """Columns ``[N, C * kernel, windows]`` added up where their windows lie."""
    return col2im(input, output_size, kernel_size, dilation, padding, stride)
