"""Top-level functions that are written in Python."""

from __future__ import annotations

from . import _C
from ._C import Size, Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, TypeGuard


def is_tensor(obj: object) -> TypeGuard[Tensor]:
    """True for tensors, subclasses included."""
    return isinstance(obj, Tensor)


def is_floating_point(input: Tensor) -> bool:
    """True for floating-point elements."""
    return input.is_floating_point()


def numel(input: Tensor) -> int:
    """Number of elements."""
    return input.numel()


def broadcast_shapes(*shapes: int | Sequence[int]) -> Size:
    """The shape that tensors of these shapes broadcast to.

    Raises:
        RuntimeError: if two sizes differ and neither is 1.
    """
    sizes = [(s,) if isinstance(s, int) else tuple(s) for s in shapes]
    result = [1] * max(map(len, sizes), default=0)
    for i, shape in enumerate(sizes):
        for d in range(-1, -len(shape) - 1, -1):
            size = shape[d]
            if size < 0:
                raise RuntimeError(f"broadcast_shapes: negative size {size} at dimension {d}")
            if size in (1, result[d]):
                continue
            if result[d] != 1:
                raise RuntimeError(
                    f"Attempting to broadcast a dimension of length {size} at {d}! "
                    f"Mismatching argument at index {i} had {shape}; but expected shape should be "
                    f"broadcastable to {result}"
                )
            result[d] = size
    return Size(result)


def einsum(equation: Any, *operands: Any) -> Tensor:
    """Sum of products in index notation: einsum('bij,bjk->bik', x, y).

    Or with lists of numbers below 52 after each operand, and for the result:
    einsum(x, [0, 1], y, [1, 2], [0, 2]).
    """
    if isinstance(equation, str):
        return _C.einsum(equation, *operands)
    from .linalg._products import einsum_lists

    return einsum_lists(equation, *operands)


def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor on the memory of an object with ``__dlpack__``, or of a DLPack capsule.

    Args:
        ext_tensor: such as another library's array. If that may not be written, nor may the tensor.
        device: ``"cpu"``; what is on another device is copied to it by its library.
        copy: True copies the elements, False raises where that is needed.

    Raises:
        BufferError: if the object cannot be exported so.
        RuntimeError: for data on another device, or a capsule that was used before.
        TypeError: for elements of a type that pyforge does not have.
    """
    if device is not None:
        _C.empty(0, device=device)  # raises if there is no such device
    if not hasattr(ext_tensor, "__dlpack__"):
        if copy is not None:
            raise ValueError("from_dlpack: a capsule cannot be asked for a copy")
        return _C._from_dlpack(ext_tensor)
    elsewhere = device is not None and ext_tensor.__dlpack_device__()[0] != 1
    wishes: dict[str, Any] = {"dl_device": (1, 0)} if elsewhere else {}
    if copy is not None:
        wishes["copy"] = copy
    try:
        return _C._from_dlpack(ext_tensor.__dlpack__(max_version=(1, 0), **wishes))
    except TypeError:  # an exporter of DLPack before 1.0
        if elsewhere:
            raise
        t = _C._from_dlpack(ext_tensor.__dlpack__())
        return t.clone() if copy else t
