"""Sampling at points of a grid, and undoing maximum pooling."""

from __future__ import annotations

import math
import warnings

from .._C import Tensor, arange, cat, floor, int64, linspace, ones, rand, where, zeros

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Ints = int | Sequence[int]

_MODES = ("bilinear", "nearest", "bicubic")
_PADDING = ("zeros", "border", "reflection")


def _settled(align_corners: bool | None) -> bool:
    if align_corners is None:
        warnings.warn(
            "Default grid_sample and affine_grid behavior has changed to align_corners=False since "
            "1.3.0. Please specify align_corners=True if the old behavior is desired.",
            stacklevel=3,
        )
    return bool(align_corners)


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """The points that an affine map of each sample takes the points of a regular grid to.

    Args:
        theta: matrices ``[N, 2, 3]``, or ``[N, 3, 4]`` for volumes.
        size: of the output of :func:`grid_sample`, ``(N, C, H, W)`` or ``(N, C, D, H, W)``.
        align_corners: whether -1 and 1 are the centres of the outermost pixels, or their edges.

    Returns:
        ``[N, H, W, 2]`` or ``[N, D, H, W, 3]``.

    Raises:
        ValueError: for a dtype or shapes that do not fit.
        NotImplementedError: for another number of dimensions.
    """
    align = _settled(align_corners)
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    dims = len(size) - 2
    if dims not in (2, 3):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, "
            f"respectively. Got size {tuple(size)}"
        )
    if theta.dim() != 3 or tuple(theta.shape[1:]) != (dims, dims + 1):
        raise ValueError(
            f"Expected a batch of {dims}D affine matrices of shape Nx{dims}x{dims + 1} for size "
            f"{tuple(size)}. Got {tuple(theta.shape)}."
        )
    if min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {tuple(size)}")
    spatial = tuple(size[2:])
    axes = []
    for d, n in enumerate(spatial):
        steps = linspace(-1, 1, n, dtype=theta.dtype) if n > 1 else zeros(1, dtype=theta.dtype)
        if not align:
            steps = steps * ((n - 1) / n)
        shape = [1] * dims
        shape[d] = n
        axes.append(steps.view(shape).expand(*spatial).reshape(-1))
    base = cat(
        [a.unsqueeze(1) for a in [*reversed(axes), ones(axes[0].shape, dtype=theta.dtype)]], 1
    )
    grid = base.unsqueeze(0).expand(theta.shape[0], -1, -1).bmm(theta.transpose(1, 2))
    return grid.view(theta.shape[0], *spatial, dims)


def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """The values of ``input`` at the points of ``grid``, between the pixels too.

    Args:
        input: ``[N, C, H, W]`` or ``[N, C, D, H, W]``.
        grid: ``[N, H_out, W_out, 2]`` (x, y) or ``[N, D_out, H_out, W_out, 3]`` (x, y, z), with -1
            and 1 for the borders.
        mode: ``"bilinear"``, ``"nearest"`` or, for images, ``"bicubic"``.
        padding_mode: what is outside: ``"zeros"``, ``"border"`` or ``"reflection"``.
        align_corners: whether -1 and 1 are the centres of the outermost pixels, or their edges.

    Returns:
        ``[N, C, H_out, W_out]`` or ``[N, C, D_out, H_out, W_out]``.

    Raises:
        ValueError: for an unknown mode.
        RuntimeError: for shapes that do not fit.
    """
    if mode not in _MODES:
        raise ValueError(
            "nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', "
            f"but got: '{mode}'"
        )
    if padding_mode not in _PADDING:
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or "
            f"'reflection', but got: '{padding_mode}'"
        )
    align = _settled(align_corners)
    dims = input.dim() - 2
    if dims not in (2, 3) or grid.dim() != input.dim():
        raise RuntimeError(
            "grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but "
            f"got input with sizes {tuple(input.shape)} and grid with sizes {tuple(grid.shape)}"
        )
    if grid.shape[0] != input.shape[0] or grid.shape[-1] != dims:
        raise RuntimeError(
            "grid_sampler(): expected grid and input to have same batch size, and grid to have "
            f"size {dims} in last dimension, but got input with sizes {tuple(input.shape)} and "
            f"grid with sizes {tuple(grid.shape)}"
        )
    if mode == "bicubic" and dims != 2:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")
    if 0 in input.shape[2:]:
        raise RuntimeError(
            "grid_sampler(): expected input to have non-empty spatial dimensions, but input has "
            f"sizes {tuple(input.shape)}"
        )
    sizes = tuple(input.shape[2:])
    flat = input.reshape(input.shape[0], input.shape[1], -1)
    points = grid.reshape(grid.shape[0], -1, dims)
    # Coordinates in pixels, slowest dimension first.
    at = [_pixels(points[..., dims - 1 - d], n, align) for d, n in enumerate(sizes)]
    if mode == "bicubic":
        result = _bicubic(flat, at, sizes, padding_mode, align)
    else:
        at = [_inside(c, n, padding_mode, align) for c, n in zip(at, sizes, strict=True)]
        result = _nearest(flat, at, sizes) if mode == "nearest" else _linear(flat, at, sizes)
    return result.view(input.shape[0], input.shape[1], *grid.shape[1:-1])


def _pixels(c: Tensor, n: int, align: bool) -> Tensor:
    return (c + 1) / 2 * (n - 1) if align else ((c + 1) * n - 1) / 2


def _inside(c: Tensor, n: int, padding_mode: str, align: bool) -> Tensor:
    if padding_mode == "zeros":
        return c
    if padding_mode == "reflection":
        low, span = (0.0, n - 1.0) if align else (-0.5, float(n))
        if span == 0:
            c = c * 0
        else:
            distance = (c - low).abs()
            flips = floor(distance.detach() / span)
            rest = distance - flips * span
            odd = (flips - 2 * floor(flips / 2)) != 0
            c = where(odd, span - rest, rest) + low
    return c.clamp(0, n - 1)


def _take(flat: Tensor, at: list[Tensor], sizes: tuple[int, ...]) -> Tensor:
    """Pixels at whole coordinates, 0 for those outside."""
    index: Any = 0
    valid: Any = None
    for c, n in zip(at, sizes, strict=True):
        inside = (c >= 0) & (c <= n - 1)
        valid = inside if valid is None else valid & inside
        index = index * n + where(inside, c, zeros((), dtype=c.dtype)).to(int64)
    picked = flat.gather(2, index.unsqueeze(1).expand(-1, flat.shape[1], -1))
    return where(valid.unsqueeze(1), picked, zeros((), dtype=flat.dtype))


def _nearest(flat: Tensor, at: list[Tensor], sizes: tuple[int, ...]) -> Tensor:
    return _take(flat, [c.detach().round() for c in at], sizes)


def _linear(flat: Tensor, at: list[Tensor], sizes: tuple[int, ...]) -> Tensor:
    lows = [floor(c.detach()) for c in at]
    total: Any = None
    for corner in range(2 ** len(sizes)):
        places: list[Tensor] = []
        weight: Any = None
        for d, (c, low) in enumerate(zip(at, lows, strict=True)):
            high = corner >> d & 1
            share: Any = c - low if high else low + 1 - c
            weight = share if weight is None else weight * share
            places.append(low + high)
        part = _take(flat, places, sizes) * weight.unsqueeze(1)
        total = part if total is None else total + part
    result: Tensor = total
    return result


def _cubic_weights(t: Tensor) -> list[Tensor]:
    a = -0.75

    def near(x: Tensor) -> Tensor:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: Tensor) -> Tensor:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    return [far(t + 1), near(t), near(1 - t), far(2 - t)]


def _bicubic(
    flat: Tensor, at: list[Tensor], sizes: tuple[int, ...], padding_mode: str, align: bool
) -> Tensor:
    lows = [floor(c.detach()) for c in at]
    ys, xs = (_cubic_weights(c - low) for c, low in zip(at, lows, strict=True))
    total: Any = None
    for i, wy in enumerate(ys):
        y = _inside(lows[0] + (i - 1), sizes[0], padding_mode, align)
        for j, wx in enumerate(xs):
            x = _inside(lows[1] + (j - 1), sizes[1], padding_mode, align)
            part = _take(flat, [y.round(), x.round()], sizes) * (wy * wx).unsqueeze(1)
            total = part if total is None else total + part
    result: Tensor = total
    return result


# Undoing maximum pooling


def _each(value: Ints, dims: int) -> tuple[int, ...]:
    return (value,) * dims if isinstance(value, int) else tuple(value)


def _max_unpool(
    input: Tensor,
    indices: Tensor,
    kernel_size: Ints,
    stride: Ints | None,
    padding: Ints,
    output_size: Sequence[int] | None,
    dims: int,
) -> Tensor:
    name = f"max_unpool{dims}d"
    if input.dim() not in (dims + 1, dims + 2):
        raise RuntimeError(
            f"{name}: Input to {name} should be a {dims + 1}d or {dims + 2}d Tensor, but got a "
            f"tensor with {input.dim()} dimensions"
        )
    if indices.dtype != int64:
        raise RuntimeError(
            f"{name}: elements in indices should be type int64 but got: {indices.dtype}"
        )
    if indices.shape != input.shape:
        raise RuntimeError(
            f"{name}: Expected shape of indices to be: {tuple(input.shape)} but got: "
            f"{tuple(indices.shape)}"
        )
    kernel = _each(kernel_size, dims)
    step = kernel if stride is None else _each(stride, dims)
    pad = _each(padding, dims)
    size = [
        (n - 1) * s - 2 * p + k
        for n, s, p, k in zip(input.shape[-dims:], step, pad, kernel, strict=True)
    ]
    if output_size is not None:
        given = list(output_size)[-dims:]
        if len(output_size) not in (dims, dims + 1, dims + 2):
            raise ValueError(
                f"output_size should be a sequence containing {dims} or {dims + 2} elements, but "
                f"it has a length of '{len(output_size)}'"
            )
        for n, default, s in zip(given, size, step, strict=True):
            if not default - s < n < default + s:
                raise ValueError(
                    f"invalid output_size '{tuple(given)}' (dim must be between "
                    f"{[d - s for d, s in zip(size, step, strict=True)]} and "
                    f"{[d + s for d, s in zip(size, step, strict=True)]})"
                )
        size = given
    total = math.prod(size)
    if indices.numel() and not 0 <= int(indices.min()) <= int(indices.max()) < total:
        raise RuntimeError(
            f"{name}: found an invalid max index: {int(indices.max())} (output volumes are of size "
            f"{'x'.join(map(str, size))})"
        )
    lead = tuple(input.shape[:-dims])
    count = math.prod(input.shape[-dims:])
    flat = zeros((*lead, total), dtype=input.dtype)
    filled = flat.scatter(-1, indices.reshape(*lead, count), input.reshape(*lead, count))
    return filled.view(*lead, *size)


def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Maxima ``[*, C, L]`` put back where :func:`max_pool1d` found them, zeros elsewhere.

    Raises RuntimeError or ValueError for indices or an ``output_size`` that do not fit.
    """
    return _max_unpool(input, indices, kernel_size, stride, padding, output_size, 1)


def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Maxima ``[*, C, H, W]`` put back where :func:`max_pool2d` found them, zeros elsewhere.

    Raises RuntimeError or ValueError for indices or an ``output_size`` that do not fit.
    """
    return _max_unpool(input, indices, kernel_size, stride, padding, output_size, 2)


def max_unpool3d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Maxima ``[*, C, D, H, W]`` put back where :func:`max_pool3d` found them, zeros elsewhere.

    Raises RuntimeError or ValueError for indices or an ``output_size`` that do not fit.
    """
    return _max_unpool(input, indices, kernel_size, stride, padding, output_size, 3)


# Pooling over windows at random places


def _fractional(
    input: Tensor,
    kernel_size: Ints,
    output_size: Ints | None,
    output_ratio: Any,
    return_indices: bool,
    samples: Tensor | None,
    dims: int,
) -> Any:
    name = f"fractional_max_pool{dims}d"
    if (output_size is None) == (output_ratio is None):
        raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
    if input.dim() not in (dims + 1, dims + 2):
        raise RuntimeError(
            f"{name}: Expected {dims + 1}D or {dims + 2}D tensor, but got: {input.shape}"
        )
    kernel = _each(kernel_size, dims)
    sizes = tuple(input.shape[-dims:])
    if output_size is None:
        ratios = (output_ratio,) * dims if isinstance(output_ratio, float) else tuple(output_ratio)
        out = tuple(int(n * r) for n, r in zip(sizes, ratios, strict=True))
    else:
        out = _each(output_size, dims)
    batched = input if input.dim() == dims + 2 else input.unsqueeze(0)
    n, channels = batched.shape[:2]
    if samples is None:
        samples = rand((n, channels, dims), dtype=input.dtype)
    index: Any = None
    for d in range(dims):
        size, k, o = sizes[d], kernel[d], out[d]
        if o + k - 1 > size:
            raise RuntimeError(f"{name}: kernel {k} and output {o} are too large for input {size}")
        # PyTorch's samples are in the order width, height; in volumes depth, height, width.
        u = samples[..., 1 - d if dims == 2 else d].to(batched.dtype).unsqueeze(-1)
        if o > 1:
            alpha = (size - k) / (o - 1)
            steps = arange(o, dtype=batched.dtype)
            starts = floor((steps + u) * alpha).to(int64) - floor(u * alpha).to(int64)
            last = starts * 0 + (size - k)
            starts = where(arange(o) == o - 1, last, starts)
        else:
            starts = (u * 0 + (size - k)).to(int64)
        places = starts.unsqueeze(-1) + arange(k)  # [N, C, o, k]
        shape = [n, channels] + [1] * (2 * dims)
        shape[2 + d], shape[2 + dims + d] = o, k
        places = places.view(shape)
        index = places if index is None else index * size + places
    index = index.expand(n, channels, *out, *kernel).reshape(n, channels, -1)
    windows = batched.reshape(n, channels, -1).gather(2, index)
    windows = windows.view(n, channels, *out, math.prod(kernel))
    values, which = windows.max(-1)
    values = values if input.dim() == dims + 2 else values.squeeze(0)
    if not return_indices:
        return values
    flat = index.view(n, channels, *out, math.prod(kernel))
    found = flat.gather(-1, which.unsqueeze(-1)).squeeze(-1)
    return values, found if input.dim() == dims + 2 else found.squeeze(0)


def fractional_max_pool2d(
    input: Tensor,
    kernel_size: Ints,
    output_size: Ints | None = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """The maxima of windows that are spread at random over ``[*, C, H, W]``.

    Give ``output_size``, or ``output_ratio`` as a share of the input's size. With
    ``return_indices`` also the places of the maxima. Raises ValueError for neither or both.
    """
    return _fractional(
        input, kernel_size, output_size, output_ratio, return_indices, _random_samples, 2
    )


def fractional_max_pool3d(
    input: Tensor,
    kernel_size: Ints,
    output_size: Ints | None = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """As :func:`fractional_max_pool2d` for volumes ``[*, C, D, H, W]``."""
    return _fractional(
        input, kernel_size, output_size, output_ratio, return_indices, _random_samples, 3
    )
