"""The functions of the Python array API standard (2024.12) on pyforge's tensors.

``tensor.__array_namespace__()`` gives this module, so that libraries which are written against the
standard, such as scikit-learn and SciPy, take tensors. Results are tensors, with their derivatives.

What differs: there are no complex and no unsigned dtypes but uint8, and so no ``fft``; sums of
uint8 are int64; ``x.size`` is a method, as in PyTorch, and ``x.numel()`` the number of elements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyforge as _pf

from . import linalg
from ._creation import (
    arange,
    asarray,
    empty,
    empty_like,
    eye,
    from_dlpack,
    full,
    full_like,
    linspace,
    meshgrid,
    ones,
    ones_like,
    tril,
    triu,
    zeros,
    zeros_like,
)
from ._dtypes import __array_namespace_info__, astype, can_cast, finfo, iinfo, isdtype, result_type
from ._manipulation import (
    broadcast_arrays,
    broadcast_to,
    concat,
    expand_dims,
    flip,
    matrix_transpose,
    moveaxis,
    permute_dims,
    repeat,
    reshape,
    roll,
    squeeze,
    stack,
    take,
    take_along_axis,
    tile,
    unstack,
)
from ._reductions import (
    all,
    any,
    argmax,
    argmin,
    argsort,
    count_nonzero,
    cumulative_prod,
    cumulative_sum,
    diff,
    max,
    mean,
    min,
    nonzero,
    prod,
    searchsorted,
    sort,
    std,
    sum,
    unique_all,
    unique_counts,
    unique_inverse,
    unique_values,
    var,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .._C import Tensor

__array_api_version__ = "2024.12"

e, pi, inf, nan, newaxis = _pf.e, _pf.pi, _pf.inf, _pf.nan, None

bool, int8, int16, int32, int64 = _pf.bool, _pf.int8, _pf.int16, _pf.int32, _pf.int64
uint8, float32, float64 = _pf.uint8, _pf.float32, _pf.float64

broadcast_shapes = _pf.broadcast_shapes
matmul, tensordot, vecdot = linalg.matmul, linalg.tensordot, linalg.vecdot

_UNARY = tuple(
    "abs acos acosh asin asinh atan atanh ceil cos cosh exp expm1 floor isfinite isinf isnan log "  # noqa: SIM905
    "log1p log2 log10 logical_not negative positive reciprocal round sign signbit sin sinh sqrt "
    "square tan tanh trunc".split()
)
_BINARY = tuple(
    "add atan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor copysign "  # noqa: SIM905
    "divide floor_divide greater greater_equal hypot less less_equal logaddexp logical_and "
    "logical_or logical_xor maximum minimum multiply nextafter not_equal pow remainder "
    "subtract".split()
)


def _paired(function: Callable[..., Tensor]) -> Callable[[Any, Any], Tensor]:
    """With a number in the place of either argument, which takes the other one's dtype."""

    def call(x1: Any, x2: Any) -> Tensor:
        if not isinstance(x1, _pf.Tensor):
            x1 = asarray(x1, dtype=_dtype_beside(x1, x2.dtype))
        elif not isinstance(x2, _pf.Tensor):
            x2 = asarray(x2, dtype=_dtype_beside(x2, x1.dtype))
        return function(x1, x2)

    call.__name__ = call.__qualname__ = function.__name__
    call.__doc__ = function.__doc__
    return call


def _dtype_beside(number: object, dtype: _pf.dtype) -> _pf.dtype:
    if isinstance(number, float) and not dtype.is_floating_point:
        raise TypeError(f"a Python float and an array of {dtype} have no common dtype")
    return dtype


globals().update({name: getattr(_pf, name) for name in _UNARY})
globals().update({name: _paired(getattr(_pf, name)) for name in _BINARY})
equal = _paired(_pf.eq)
bitwise_invert = _pf.bitwise_not
isin = _pf.isin


def where(condition: Tensor, x1: Any, x2: Any, /) -> Tensor:
    """``x1`` where ``condition`` holds, else ``x2``."""
    return _paired(lambda a, b: _pf.where(condition, a, b))(x1, x2)


def clip(x: Tensor, /, min: Any = None, max: Any = None) -> Tensor:
    """``x`` within the limits, in the dtype of ``x``."""
    if min is None and max is None:
        return x.clone()
    if isinstance(min, _pf.Tensor) or isinstance(max, _pf.Tensor):
        min, max = (v if v is None else asarray(v, dtype=x.dtype) for v in (min, max))
    return _pf.clamp(x, min, max).to(x.dtype)


def conj(x: Tensor, /) -> Tensor:
    """``x`` itself: there are no complex dtypes."""
    return x


def real(x: Tensor, /) -> Tensor:
    """``x`` itself: there are no complex dtypes."""
    return x


def imag(x: Tensor, /) -> Tensor:
    """Zeros: there are no complex dtypes."""
    return _pf.zeros_like(x)


__all__ = [
    "__array_api_version__",
    "__array_namespace_info__",
    "all",
    "any",
    "arange",
    "argmax",
    "argmin",
    "argsort",
    "asarray",
    "astype",
    "bitwise_invert",
    "bool",
    "broadcast_arrays",
    "broadcast_shapes",
    "broadcast_to",
    "can_cast",
    "clip",
    "concat",
    "conj",
    "count_nonzero",
    "cumulative_prod",
    "cumulative_sum",
    "diff",
    "e",
    "empty",
    "empty_like",
    "equal",
    "expand_dims",
    "eye",
    "finfo",
    "flip",
    "float32",
    "float64",
    "from_dlpack",
    "full",
    "full_like",
    "iinfo",
    "imag",
    "inf",
    "int8",
    "int16",
    "int32",
    "int64",
    "isdtype",
    "isin",
    "linalg",
    "linspace",
    "matmul",
    "matrix_transpose",
    "max",
    "mean",
    "meshgrid",
    "min",
    "moveaxis",
    "nan",
    "newaxis",
    "nonzero",
    "ones",
    "ones_like",
    "permute_dims",
    "pi",
    "prod",
    "real",
    "repeat",
    "reshape",
    "result_type",
    "roll",
    "searchsorted",
    "sort",
    "squeeze",
    "stack",
    "std",
    "sum",
    "take",
    "take_along_axis",
    "tensordot",
    "tile",
    "tril",
    "triu",
    "uint8",
    "unique_all",
    "unique_counts",
    "unique_inverse",
    "unique_values",
    "unstack",
    "var",
    "vecdot",
    "where",
    "zeros",
    "zeros_like",
    *_UNARY,
    *_BINARY,
]
