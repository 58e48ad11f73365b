"""Limits of the dtypes."""

from __future__ import annotations

from . import _C
from ._C import dtype as DType

__all__ = ["finfo", "iinfo"]

# bits, eps, max, smallest normal, resolution
_FLOATS = {
    "float16": (16, 2.0**-10, (2 - 2.0**-10) * 2.0**15, 2.0**-14, 1e-3),
    "bfloat16": (16, 2.0**-7, (2 - 2.0**-7) * 2.0**127, 2.0**-126, 1e-2),
    "float32": (32, 2.0**-23, (2 - 2.0**-23) * 2.0**127, 2.0**-126, 1e-6),
    "float64": (64, 2.0**-52, (2 - 2.0**-52) * 2.0**1023, 2.0**-1022, 1e-15),
}


class finfo:
    """Limits of a floating-point dtype: bits, eps, max, min, tiny, smallest_normal, resolution."""

    __slots__ = ("bits", "dtype", "eps", "max", "min", "resolution", "smallest_normal", "tiny")

    def __init__(self, type: DType | None = None) -> None:
        name = str(_C.get_default_dtype() if type is None else type).rpartition(".")[2]
        if name not in _FLOATS:
            raise TypeError(
                "pyforge.finfo() requires a floating point input type; use pyforge.iinfo for "
                f"{name}"
            )
        self.dtype = name
        self.bits, self.eps, self.max, self.smallest_normal, self.resolution = _FLOATS[name]
        self.min = -self.max
        self.tiny = self.smallest_normal

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, "
            f"eps={self.eps:g}, smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, "
            f"dtype={self.dtype})"
        )


class iinfo:
    """Limits of an integer dtype: bits, max, min."""

    __slots__ = ("bits", "dtype", "max", "min")

    def __init__(self, type: DType) -> None:
        name = str(type).rpartition(".")[2]
        if type.is_floating_point or type == _C.bool:
            raise TypeError(
                f"pyforge.iinfo() requires an integer input type; use pyforge.finfo for {name}"
            )
        self.dtype = name
        self.bits = 8 * type.itemsize
        self.max = 2 ** (self.bits - type.is_signed) - 1
        self.min = -(2 ** (self.bits - 1)) if type.is_signed else 0

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"
