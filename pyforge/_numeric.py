"""Numerical functions that are called seldom, made of others."""

from __future__ import annotations

import builtins
import math
import warnings
from collections import namedtuple

from . import _C
from ._C import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ._C import dtype as Dtype

frexp_result = namedtuple("frexp_result", ["mantissa", "exponent"])
histogramdd_result = namedtuple("histogramdd_result", ["hist", "bin_edges"])


def frexp(input: Tensor) -> tuple[Tensor, Tensor]:
    """``input`` as ``mantissa * 2 ** exponent``, the mantissa's magnitude in [0.5, 1).

    Args:
        input: floating-point, any shape.

    Returns:
        The mantissa, of the dtype of ``input``, and the exponent, int32; zeros, infinities and
        NaN have the exponent 0.

    Raises:
        RuntimeError: for other dtypes.
    """
    if not input.is_floating_point():
        raise RuntimeError(f"torch.frexp() only supports floating-point dtypes, got {input.dtype}")
    import numpy as np

    wide = input if input.dtype == _C.float64 else input.float()
    values = np.asarray(wide.detach().numpy())
    powers = np.where(np.isfinite(values), np.frexp(values)[1], 0).astype(np.int32)
    exponent = _C.as_tensor(powers)
    half = exponent.div(2, rounding_mode="floor")  # in two steps, each a finite power
    mantissa = wide * _C.exp2(-half.to(wide.dtype)) * _C.exp2((half - exponent).to(wide.dtype))
    return frexp_result(mantissa.to(input.dtype), exponent)


def rsub(input: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """``other - alpha * input``."""
    scaled = input if alpha == 1 else alpha * input
    return other - scaled  # type: ignore[no-any-return]


def fill(input: Tensor, value: Any) -> Tensor:
    """A tensor like ``input`` with ``value`` (a number or a 0-d tensor) everywhere."""
    return input.clone().fill_(value)


def range(
    start: float = 0,
    end: float | None = None,
    step: float = 1,
    *,
    dtype: Dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """``start`` to ``end``, which belongs to it, in steps; deprecated, use ``arange``.

    Raises:
        RuntimeError: if ``step`` is 0 or leads away from ``end``.
    """
    warnings.warn(
        "torch.range is deprecated and will be removed in a future release because its behavior "
        "is inconsistent with Python's range builtin. Instead, use torch.arange, which produces "
        "values in [start, end).",
        UserWarning,
        stacklevel=2,
    )
    if end is None:
        start, end = 0, start
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    kind = dtype or _C.get_default_dtype()
    k = _C.arange(int((end - start) / step) + 1)
    values = (start + k.double() * step) if kind.is_floating_point else (int(start) + k * int(step))
    return values.to(kind).requires_grad_(requires_grad)


def _differences(x: Tensor, at: Tensor | float, order: int) -> Tensor:
    """The derivative along the last dimension, at coordinates or with one distance."""
    n = x.shape[-1]
    if isinstance(at, Tensor):
        steps = at[1:] - at[:-1]
    else:
        steps = _C.full((n - 1,), at, dtype=x.dtype)
    slopes = (x[..., 1:] - x[..., :-1]) / steps
    left, right = steps[:-1], steps[1:]
    # the mean of the slopes on both sides, each by the other's distance
    inner = (slopes[..., :-1] * right + slopes[..., 1:] * left) / (left + right)
    first, last = slopes[..., :1], slopes[..., -1:]
    if order == 2:
        first = first - left[:1] * (slopes[..., 1:2] - first) / (left[:1] + right[:1])
        before = slopes[..., -2:-1]
        last = last + right[-1:] * (last - before) / (left[-1:] + right[-1:])
    return _C.cat([first, inner, last], -1)


def gradient(
    input: Tensor,
    *,
    spacing: Any = 1,
    dim: int | Sequence[int] | None = None,
    edge_order: int = 1,
) -> tuple[Tensor, ...]:
    """Derivatives along each of ``dim``, by central differences of second order.

    Args:
        input: values at the points of a grid.
        spacing: the distance of points: one for all, one for each dimension, or the coordinates
            along each dimension as tensors.
        dim: dimensions; all by default.
        edge_order: of the one-sided differences at the ends, 1 or 2.

    Raises:
        RuntimeError: if a dimension has fewer than ``edge_order + 1`` points, or ``spacing``
            does not fit.
    """
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    dims: list[int] = (
        [*builtins.range(input.dim())] if dim is None else [dim] if isinstance(dim, int) else [*dim]
    )
    scalar = isinstance(spacing, (int, float)) or (
        isinstance(spacing, Tensor) and spacing.dim() == 0
    )
    places: list[Any] = [spacing] * len(dims) if scalar else list(spacing)
    if len(places) != len(dims):
        raise RuntimeError(
            "torch.gradient expected spacing to be unspecified, a scalar, or a list of length "
            f"equal to 'self.dim() = {len(dims)}', but got a list of length {len(places)}"
        )
    x = input if input.is_floating_point() else input.to(_C.get_default_dtype())
    results = []
    for axis, at in zip(dims, places, strict=True):
        n = input.shape[axis]
        if n < edge_order + 1:
            raise RuntimeError(
                "torch.gradient expected each dimension size to be at least edge_order+1"
            )
        if isinstance(at, Tensor) and at.dim() == 1 and at.shape[0] != n:
            raise RuntimeError(
                f"torch.gradient expected each tensor to have the same length as dimension {axis} "
                f"({n}), but got {at.shape[0]}"
            )
        at = float(at) if isinstance(at, Tensor) and at.dim() == 0 else at
        results.append(_differences(x.movedim(axis, -1), at, edge_order).movedim(-1, axis))
    return tuple(results)


def histogramdd(
    input: Tensor,
    bins: Any,
    *,
    range: Sequence[float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> histogramdd_result:
    """A histogram over ``n`` dimensions.

    Args:
        input: points, ``[..., n]``.
        bins: the number of bins in every dimension, in each, or the edges in each.
        range: the smallest and largest value in each dimension, one after the other.
        weight: of each point, ``[...]``.
        density: divide by the total and the volume of the bins.

    Returns:
        ``hist`` and a tuple of ``bin_edges``, of the dtype of ``input``.

    Raises:
        RuntimeError: if shapes do not fit, or ``input`` is not floating-point.
    """
    import numpy as np

    if not input.is_floating_point():
        raise RuntimeError(f"histogramdd: not implemented for {input.dtype}, convert with .to()")
    if input.dim() < 2:
        raise RuntimeError("torch.histogramdd: input tensor should have at least 2 dimensions")
    n = input.shape[-1]
    points = input.detach().reshape(-1, n).double().numpy()
    edges: Any = bins
    if not isinstance(bins, int):
        edges = [b.double().numpy() if isinstance(b, Tensor) else int(b) for b in bins]
        if len(edges) != n:
            raise RuntimeError(
                f"torch.histogramdd: The size of bins must be equal to the innermost dimension of "
                f"the input, got {len(edges)} for {n}"
            )
    limits = None if range is None else list(zip(range[::2], range[1::2], strict=True))
    weights = None if weight is None else weight.detach().reshape(-1).double().numpy()
    counts, found = np.histogramdd(points, edges, limits, density, weights)
    return histogramdd_result(
        _C.from_numpy(np.ascontiguousarray(counts)).to(input.dtype),
        tuple(_C.from_numpy(np.ascontiguousarray(e)).to(input.dtype) for e in found),
    )


def segment_reduce(
    data: Tensor,
    reduce: str,
    *,
    lengths: Tensor | None = None,
    indices: Tensor | None = None,
    offsets: Tensor | None = None,
    axis: int = 0,
    unsafe: bool = False,
    initial: float | None = None,
) -> Tensor:
    """Sums, means, extremes or products of neighbouring pieces along ``axis``.

    Args:
        data: the values; the dimensions before ``axis`` are a batch.
        reduce: ``"sum"``, ``"mean"``, ``"max"``, ``"min"`` or ``"prod"``.
        lengths: of the pieces, ``[*batch, count]``; or
        offsets: where they start, and the last one's end, ``[*batch, count + 1]``.
        indices: not supported, as in PyTorch.
        unsafe: do not check that the pieces cover ``data``.
        initial: the value that each piece starts from.

    Raises:
        RuntimeError: if not exactly one of lengths and offsets is given, or they do not fit.
    """
    if indices is not None:
        raise RuntimeError("segment_reduce(): indices based reduction is not supported yet.")
    if (lengths is None) == (offsets is None):
        raise RuntimeError("segment_reduce(): Either lengths or offsets must be defined.")
    kinds = {"sum": 0.0, "mean": 0.0, "max": -math.inf, "min": math.inf, "prod": 1.0}
    if reduce not in kinds:
        raise RuntimeError(f"segment_reduce(): unsupported reduction {reduce!r}")
    size = data.shape[axis]
    axis = axis % data.dim()
    if offsets is not None:
        lengths = offsets[..., 1:] - offsets[..., :-1]
    assert lengths is not None
    if lengths.dim() != axis + 1:
        raise RuntimeError("Expected axis to be the last dimension of lengths but got " + str(axis))
    if bool((lengths < 0).any()):
        raise RuntimeError("lengths contains negative value!")
    if not unsafe and not bool((lengths.sum(-1) == size).all()):
        raise RuntimeError("Expected all rows of lengths along axis to sum to data.size(axis)")
    ends = lengths.cumsum(-1).contiguous()
    place = _C.arange(size, dtype=ends.dtype).expand((*ends.shape[:-1], size)).contiguous()
    piece = _C.searchsorted(ends, place, right=True).clamp(max=max(lengths.shape[-1] - 1, 0))
    tail = (1,) * (data.dim() - axis - 1)
    piece = piece.reshape((*piece.shape, *tail)).expand(data.shape)
    shape = (*data.shape[:axis], lengths.shape[-1], *data.shape[axis + 1 :])
    start = _C.full(shape, kinds[reduce] if initial is None else initial, dtype=data.dtype)
    how = {"sum": "sum", "mean": "sum", "max": "amax", "min": "amin", "prod": "prod"}[reduce]
    result = start.scatter_reduce(axis, piece, data, how, include_self=True)
    if reduce != "mean":
        return result
    counts = lengths.to(data.dtype).reshape((*lengths.shape, *tail))
    if initial is None:
        return result / counts  # NaN of an empty piece
    return _C.where(counts == 0, result, result / counts.clamp(min=1))


def empty_permuted(size: Sequence[int], physical_layout: Sequence[int], **options: Any) -> Tensor:
    """Uninitialised, of ``size``, its dimensions in memory in the order ``physical_layout``.

    Raises:
        RuntimeError: if that is no order of the dimensions.
    """
    dims = [*builtins.range(len(size))]
    if sorted(physical_layout) != dims:
        raise RuntimeError(
            "Number of dimensions in size does not match the length of the physical_layout; "
            f"size {tuple(size)}, physical_layout {tuple(physical_layout)}"
        )
    order = list(physical_layout)
    inverse = [order.index(i) for i in dims]
    return _C.empty([size[i] for i in order], **options).permute(inverse)


def as_strided_copy(
    input: Tensor, size: Any, stride: Any, storage_offset: int | None = None
) -> Tensor:
    """:func:`as_strided` in memory of its own."""
    return _C.as_strided(input, size, stride, storage_offset).clone()


def unfold_copy(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """``input.unfold(...)`` in memory of its own."""
    return input.unfold(dimension, size, step).clone()


def ormqr(
    input: Tensor, tau: Tensor, other: Tensor, left: bool = True, transpose: bool = False
) -> Tensor:
    """``other`` times the orthogonal matrix that ``geqrf`` left in ``input`` and ``tau``.

    Args:
        input: reflectors below the diagonal, ``[..., m, k]``.
        tau: their factors, ``[..., k]``.
        other: ``[..., m, n]``, or ``[..., n, m]`` from the right.
        left: ``Q @ other``, else ``other @ Q``.
        transpose: of ``Q``.

    Raises:
        RuntimeError: if the shapes do not fit.
    """
    m, k = input.shape[-2], tau.shape[-1]
    if other.dim() < 2 or other.shape[-2 if left else -1] != m:
        raise RuntimeError(
            f"torch.ormqr: other.shape[{-2 if left else -1}] must be equal to input.shape[-2], got "
            f"{tuple(other.shape)} and {tuple(input.shape)}"
        )
    if k > input.shape[-1]:
        raise RuntimeError(
            "torch.ormqr: tau.shape[-1] must be less than or equal to input.shape[-1]"
        )
    result = other if left else other.mT
    # Q = H_1 ... H_k; from the left the last reflector comes first.
    forward = left == transpose
    unit = _C.eye(m, k, dtype=input.dtype)
    vectors = input[..., :, :k].tril(-1) + unit
    for i in builtins.range(k) if forward else reversed(builtins.range(k)):
        v = vectors[..., i : i + 1]
        result = result - tau[..., i : i + 1].unsqueeze(-1) * (v @ (v.mT @ result))
    return result if left else result.mT


def lobpcg(
    A: Tensor,
    k: int | None = None,
    B: Tensor | None = None,
    X: Tensor | None = None,
    n: int | None = None,
    iK: Tensor | None = None,
    niter: int | None = None,
    tol: float | None = None,
    largest: bool | None = None,
    method: str | None = None,
    tracker: Any = None,
    ortho_iparams: Any = None,
    ortho_fparams: Any = None,
    ortho_bparams: Any = None,
) -> tuple[Tensor, Tensor]:
    """The ``k`` largest (or smallest) eigenvalues of ``A x = lambda B x`` and their vectors.

    By a full decomposition, which is exact: ``X``, ``iK``, ``niter``, ``tol``, ``method`` and the
    parameters of the iteration make no difference.

    Args:
        A: symmetric, ``[..., m, m]``.
        k: how many; as many as ``X`` has columns, else 1.
        B: symmetric and positive definite; the identity by default.
        largest: ``False`` for the smallest.

    Returns:
        Values ``[..., k]`` and vectors ``[..., m, k]``.

    Raises:
        ValueError: if ``A`` has fewer than ``3 k`` rows.
    """
    from .linalg import cholesky, eigh, solve_triangular

    if k is None:
        k = 1 if X is None else X.shape[-1]
    if A.shape[-1] < 3 * k:
        raise ValueError(
            f"LPBPCG algorithm is not applicable when the number of A rows (={A.shape[-1]}) is "
            f"smaller than 3 x the number of requested eigenpairs (={k})"
        )
    lower = None if B is None else cholesky(B)
    matrix = A
    if lower is not None:
        half = solve_triangular(lower, A, upper=False)
        matrix = solve_triangular(lower, half.mT, upper=False)
    values, vectors = eigh((matrix + matrix.mT) / 2)
    if largest is None or largest:
        values, vectors = values[..., -k:].flip((-1,)), vectors[..., -k:].flip((-1,))
    else:
        values, vectors = values[..., :k], vectors[..., :k]
    if lower is not None:
        vectors = solve_triangular(lower.mT, vectors, upper=True)
    return values, vectors


def from_file(
    filename: str,
    shared: bool | None = None,
    size: int = 0,
    *,
    dtype: Dtype | None = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """``size`` elements on the memory of a file.

    Args:
        filename: the file; with ``shared`` it is made as long as needed.
        shared: whether writes go to the file.
        size: how many elements.

    Raises:
        RuntimeError: if the file is too short.
    """
    import os

    import numpy as np

    kind = dtype or _C.get_default_dtype()
    wanted = size * kind.itemsize
    if shared:
        with open(filename, "ab"):
            pass
        if os.path.getsize(filename) < wanted:
            os.truncate(filename, wanted)
    elif os.path.getsize(filename) < wanted:
        raise RuntimeError(
            f"file <{filename}> size <{os.path.getsize(filename)}> is smaller than the required "
            f"size <{wanted}>"
        )
    if not wanted:
        return _C.empty(0, dtype=kind)
    raw = np.memmap(filename, np.uint8, "r+" if shared else "c", 0, (wanted,))
    return _C.from_numpy(np.asarray(raw)).view(kind).requires_grad_(requires_grad)


def to_dlpack(tensor: Tensor) -> Any:
    """A DLPack capsule on the same memory."""
    return tensor.__dlpack__()
