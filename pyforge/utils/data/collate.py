"""From a list of samples to one batch."""

from __future__ import annotations

import collections.abc
import copy
from typing import Any

from ... import _C
from ..._C import Tensor

__all__ = ["default_collate", "default_convert"]


def _is_numpy(x: object) -> bool:
    return type(x).__module__ == "numpy"


def _rebuild(like: Any, values: Any) -> Any:
    """A container of the type of ``like``; a plain one where that type cannot be made so."""
    try:
        if isinstance(like, collections.abc.MutableMapping):
            clone = copy.copy(like)
            clone.update(values)
            return clone
        return type(like)(values)
    except TypeError:
        return values


def default_convert(data: Any) -> Any:
    """NumPy arrays and numbers as tensors, in containers too; anything else as it is."""
    if isinstance(data, Tensor):
        return data
    if _is_numpy(data):
        kind = data.dtype.kind
        return data if kind in "SU" or kind == "O" else _C.as_tensor(data)
    if isinstance(data, collections.abc.Mapping):
        return _rebuild(data, {k: default_convert(v) for k, v in data.items()})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(default_convert(v) for v in data))
    if isinstance(data, tuple):
        return [default_convert(v) for v in data]
    if isinstance(data, collections.abc.Sequence) and not isinstance(data, (str, bytes)):
        return _rebuild(data, [default_convert(v) for v in data])
    return data


def default_collate(batch: Any) -> Any:
    """Tensors, arrays and numbers are stacked along a new first dimension, in containers too.

    Raises:
        TypeError: for a kind of sample that cannot be stacked.
        RuntimeError: if samples differ in shape or length.
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return _C.stack(list(batch), 0)
    if _is_numpy(first):
        if first.dtype.kind in "SUO":
            raise TypeError(
                "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or "
                f"lists; found {first.dtype}"
            )
        if getattr(first, "shape", ()) == ():
            return _C.as_tensor([b.item() for b in batch]).to(_C.as_tensor(first).dtype)
        return _C.stack([_C.as_tensor(b) for b in batch], 0)
    if isinstance(first, float):
        return _C.tensor(list(batch), dtype=_C.float64)
    if isinstance(first, int):
        return _C.tensor(list(batch))
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, collections.abc.Mapping):
        return _rebuild(first, {k: default_collate([d[k] for d in batch]) for k in first})
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(default_collate(list(v)) for v in zip(*batch, strict=True)))
    if isinstance(first, collections.abc.Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        columns = [default_collate(list(v)) for v in zip(*batch, strict=True)]
        return columns if isinstance(first, tuple) else _rebuild(first, columns)
    raise TypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {type(first)}"
    )
