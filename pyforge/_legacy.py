"""Names that older programs use: tensor types as constructors, process-wide settings."""

from __future__ import annotations

from . import _C
from ._C import Tensor
from ._device import CPU, device

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_DTYPES = {
    "FloatTensor": _C.float32, "DoubleTensor": _C.float64, "HalfTensor": _C.float16,
    "BFloat16Tensor": _C.bfloat16, "ByteTensor": _C.uint8, "CharTensor": _C.int8,
    "ShortTensor": _C.int16, "IntTensor": _C.int32, "LongTensor": _C.int64, "BoolTensor": _C.bool,
}  # fmt: skip
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


class _TensorType(type):
    dtype: _C.dtype

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, Tensor) and instance.dtype == cls.dtype

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Of sizes (uninitialised), of a sequence or array, or empty."""
        if kwargs.pop("device", "cpu") not in ("cpu", None) or kwargs:
            raise TypeError(f"{cls.__name__}(): expected sizes or data, got {kwargs or 'a device'}")
        if len(args) == 1 and isinstance(args[0], Tensor):
            if args[0].dtype != cls.dtype:
                raise TypeError(
                    f"expected {cls.__name__} (got {type_of(args[0])}); use .to(dtype) to convert"
                )
            return args[0]
        if len(args) == 1 and not isinstance(args[0], (int, _C.Size)):
            return _C.tensor(args[0], dtype=cls.dtype)
        return _C.empty(*args, dtype=cls.dtype) if args else _C.empty(0, dtype=cls.dtype)


FloatTensor, DoubleTensor, HalfTensor, BFloat16Tensor, ByteTensor, CharTensor, ShortTensor, \
    IntTensor, LongTensor, BoolTensor = (
        _TensorType(name, (), {"dtype": dtype, "__doc__": f"Tensors of {dtype}."})
        for name, dtype in _DTYPES.items()
    )  # fmt: skip


def type_of(self: Tensor) -> str:
    """The name of the tensor's type, as PyTorch spells it: ``'torch.FloatTensor'``."""
    return f"torch.{_NAMES[self.dtype]}"


def type(self: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The name of the tensor's type, or the tensor with another dtype.

    Args:
        dtype: a dtype, a type such as ``FloatTensor``, or its name with or without ``torch.``.
        non_blocking: without effect.

    Raises:
        ValueError: if the name is unknown.
    """
    return type_of(self) if dtype is None else self.to(_dtype_of(dtype))


def _dtype_of(kind: Any) -> _C.dtype:
    if isinstance(kind, str):
        name = kind.rpartition(".")[2]
        if name not in _DTYPES:
            raise ValueError(f"invalid type: '{kind}'")
        return _DTYPES[name]
    found: _C.dtype = kind.dtype if isinstance(kind, _TensorType) else kind
    return found


def set_default_tensor_type(t: Any) -> None:
    """The dtype of new floating-point tensors, given as a type such as ``DoubleTensor``."""
    _C.set_default_dtype(_dtype_of(t))


def is_nonzero(input: Tensor) -> bool:
    """Whether the one element is not zero.

    Raises:
        RuntimeError: if there is not exactly one element.
    """
    return bool(input)


def is_complex(input: Tensor) -> bool:
    """False: no dtype here is complex."""
    return False


def cuda(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Raises AssertionError: there is no CUDA."""
    raise AssertionError(
        "Tensor.cuda(): not compiled with CUDA enabled, pyforge computes on the CPU only; write "
        "tensor.to(device) with device = 'cpu'"
    )


def pin_memory(self: Tensor, device: Any = None) -> Tensor:
    """The tensor itself: pinning helps copies to other devices, and there are none."""
    return self


def is_pinned(self: Tensor, device: Any = None) -> bool:
    """False, see pin_memory."""
    return False


def new(self: Tensor, *args: Any, device: Any = None) -> Tensor:
    """A tensor of this dtype: of sizes (uninitialised), of data, or empty."""
    kind = _NAMES[self.dtype]
    result: Tensor = globals()[kind](*args)
    return result


def apply_(self: Tensor, callable: Callable[[Any], Any]) -> Tensor:
    """Replace each element by ``callable(element)``, one at a time: slow, for old programs.

    Raises TypeError if the tensor requires grad.
    """
    return _elementwise(self, "apply_", callable)


def map_(self: Tensor, other: Tensor, callable: Callable[[Any, Any], Any]) -> Tensor:
    """Replace each element by ``callable(element, other's element)``; shapes must broadcast.

    Raises TypeError if a tensor requires grad.
    """
    if other.requires_grad:
        raise TypeError("Can't call map_() on Variable that requires grad. Use var.detach().map_()")
    return _elementwise(self, "map_", callable, other.expand(self.shape))


def _elementwise(self: Tensor, name: str, fn: Callable[..., Any], *others: Tensor) -> Tensor:
    if self.requires_grad:
        raise TypeError(
            f"Can't call {name}() on Variable that requires grad. Use var.detach().{name}()"
        )
    columns = (t.flatten().tolist() for t in (self, *others))
    values = [fn(*row) for row in zip(*columns, strict=True)]
    return self.copy_(_C.tensor(values, dtype=self.dtype).reshape(self.shape))


def is_signed(input: Tensor) -> bool:
    """Whether the elements can be negative."""
    return input.dtype not in (_C.uint8, _C.bool)


_settings: dict[str, Any] = {"deterministic": False, "precision": "highest"}


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Remembered; results are the same from run to run and for any number of threads anyway."""
    _settings["deterministic"] = bool(mode)


def are_deterministic_algorithms_enabled() -> bool:
    """What :func:`use_deterministic_algorithms` was called with."""
    return bool(_settings["deterministic"])


def set_float32_matmul_precision(precision: str) -> None:
    """Remembered; products of float32 are always in full precision.

    Raises:
        RuntimeError: if it is not ``'highest'``, ``'high'`` or ``'medium'``.
    """
    if precision not in ("highest", "high", "medium"):
        raise RuntimeError(f"{precision} is not one of 'highest', 'high', or 'medium'")
    _settings["precision"] = precision


def get_float32_matmul_precision() -> str:
    """What :func:`set_float32_matmul_precision` was called with."""
    return str(_settings["precision"])


def get_default_device() -> device:
    """Always ``device('cpu')``."""
    return CPU


def set_default_device(device: Any, /) -> None:
    """Takes the CPU alone.

    Raises:
        RuntimeError: for any other device.
    """
    _C.empty(0, device=device)


def frombuffer(
    buffer: Any, *, dtype: _C.dtype, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """A tensor on the memory of an object with the buffer protocol; the two share it.

    Args:
        buffer: such as a bytearray; a read-only one gives a copy.
        dtype: of the elements.
        count: how many; -1 for all that follow ``offset``.
        offset: bytes to leave out.

    Raises:
        ValueError: if the buffer is empty, too short, or its rest no multiple of the item size.
    """
    import numpy as np

    raw = np.frombuffer(buffer, dtype=np.uint8, offset=offset)
    size = dtype.itemsize
    if count < 0 and len(raw) % size:
        raise ValueError(
            f"buffer length ({len(raw)} bytes) after offset ({offset} bytes) must be a multiple of "
            f"element size ({size})"
        )
    wanted = raw if count < 0 else raw[: count * size]
    if not len(raw) or (count >= 0 and len(wanted) < count * size):
        raise ValueError(f"frombuffer: {len(raw)} bytes for {count} elements of {size} bytes")
    tensor = _C.from_numpy(wanted if wanted.flags.writeable else wanted.copy()).view(dtype)
    return tensor.requires_grad_(requires_grad)
