"""Dtypes, and what the namespace says about itself."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import pyforge as pf

if TYPE_CHECKING:
    from .._C import Tensor

    Kind = str | pf.dtype | tuple["Kind", ...]

_SIGNED = (pf.int8, pf.int16, pf.int32, pf.int64)
_KINDS: dict[str, tuple[pf.dtype, ...]] = {
    "bool": (pf.bool,),
    "signed integer": _SIGNED,
    "unsigned integer": (pf.uint8,),
    "integral": (*_SIGNED, pf.uint8),
    "real floating": (pf.float32, pf.float64, pf.float16, pf.bfloat16),
    "complex floating": (),
}
_KINDS["numeric"] = _KINDS["integral"] + _KINDS["real floating"]


def astype(x: Tensor, dtype: pf.dtype, /, *, copy: bool = True, device: Any = None) -> Tensor:
    """``x`` in another dtype; a copy, unless ``copy`` is False and nothing changes."""
    return x.to(device, dtype, copy=copy) if device is not None else x.to(dtype, copy=copy)


def isdtype(dtype: pf.dtype, kind: Kind) -> bool:
    """Whether ``dtype`` is of a kind: a dtype, ``"real floating"`` and so on, or a tuple of these.

    Raises:
        ValueError: if there is no such kind.
    """
    if isinstance(kind, tuple):
        return any(isdtype(dtype, k) for k in kind)
    if isinstance(kind, str):
        if kind not in _KINDS:
            raise ValueError(f"unknown kind {kind!r}, expected one of {', '.join(_KINDS)}")
        return dtype in _KINDS[kind]
    return dtype == kind


def result_type(*arrays_and_dtypes: Any) -> pf.dtype:
    """The dtype of an operation on these arrays, dtypes and numbers.

    Raises:
        ValueError: if there are numbers only, or nothing.
    """
    dtypes = [
        d if isinstance(d, pf.dtype) else d.dtype for d in arrays_and_dtypes if not _number(d)
    ]
    if not dtypes:
        raise ValueError("result_type: at least one array or dtype is required")
    result = reduce(pf.promote_types, dtypes)
    for n in filter(_number, arrays_and_dtypes):
        result = pf.result_type(pf.empty(1, dtype=result), n)
    return result


def _number(value: object) -> bool:
    return isinstance(value, (bool, int, float))


def can_cast(from_: pf.dtype | Tensor, to: pf.dtype, /) -> bool:
    """Whether promotion leads from one dtype to the other."""
    dtype = from_ if isinstance(from_, pf.dtype) else from_.dtype
    return pf.promote_types(dtype, to) == to


class finfo:
    """Limits of a floating-point dtype, or of an array's."""

    def __init__(self, type: pf.dtype | Tensor, /) -> None:
        self.dtype = type if isinstance(type, pf.dtype) else type.dtype
        found = pf.finfo(self.dtype)
        self.bits, self.eps, self.max, self.min = found.bits, found.eps, found.max, found.min
        self.smallest_normal = found.smallest_normal


class iinfo:
    """Limits of an integer dtype, or of an array's."""

    def __init__(self, type: pf.dtype | Tensor, /) -> None:
        self.dtype = type if isinstance(type, pf.dtype) else type.dtype
        found = pf.iinfo(self.dtype)
        self.bits, self.max, self.min = found.bits, found.max, found.min


class __array_namespace_info__:
    """What the namespace has."""

    def capabilities(self) -> dict[str, Any]:
        """``{"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}``."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> pf.device:
        """The CPU."""
        return pf.device("cpu")

    def devices(self) -> list[pf.device]:
        """The CPU."""
        return [pf.device("cpu")]

    def default_dtypes(self, *, device: Any = None) -> dict[str, pf.dtype]:
        """The dtypes of new arrays by kind; no complex one."""
        return {
            "real floating": pf.get_default_dtype(),
            "integral": pf.int64,
            "indexing": pf.int64,
        }

    def dtypes(
        self, *, device: Any = None, kind: str | tuple[str, ...] | None = None
    ) -> dict[str, pf.dtype]:
        """The dtypes of the standard that there are, by name."""
        names = ("bool", "int8", "int16", "int32", "int64", "uint8", "float32", "float64")
        found: dict[str, pf.dtype] = {name: getattr(pf, name) for name in names}
        return {n: d for n, d in found.items() if kind is None or isdtype(d, kind)}
