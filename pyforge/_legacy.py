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


def _assert(condition: Any, message: str) -> None:
    """``assert condition, message``. AssertionError if it is false."""
    if not condition:
        raise AssertionError(message)


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


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """Remembered: 0 or ``"default"``, 1 or ``"warn"``, 2 or ``"error"``; nothing depends on it.

    Raises:
        RuntimeError: for another value.
    """
    modes = {"default": 0, "warn": 1, "error": 2}
    mode = modes.get(debug_mode, debug_mode) if isinstance(debug_mode, str) else debug_mode
    if mode not in (0, 1, 2):
        raise RuntimeError(
            "invalid value of debug_mode, expected one of `default`, `warn`, `error`, 0, 1 or 2, "
            f"but got {debug_mode}"
        )
    _settings["deterministic"] = mode != 0
    _settings["debug_mode"] = mode


def get_deterministic_debug_mode() -> int:
    """0 if results may differ from run to run as far as the program cares, 1 warn, 2 error."""
    if not _settings["deterministic"]:
        return 0
    return int(_settings.get("debug_mode") or 2)


def get_num_interop_threads() -> int:
    """One: ops run one after the other, each on the threads of :func:`set_num_threads`."""
    return 1


def set_num_interop_threads(num: int) -> None:
    """Accepted; see :func:`get_num_interop_threads`.

    Raises:
        RuntimeError: if it is not positive.
    """
    if num <= 0:
        raise RuntimeError(f"Expected positive number of threads, got {num}")


def set_warn_always(b: bool, /) -> None:
    """Remembered; which warnings repeat is up to Python's ``warnings`` filters."""
    _settings["warn_always"] = bool(b)


def is_warn_always_enabled() -> bool:
    """What :func:`set_warn_always` was called with."""
    return bool(_settings.get("warn_always", False))


def get_device(input: Tensor) -> int:
    """The number of the tensor's GPU: -1, for it is on the CPU."""
    return -1


def get_device_module(device: Any = None) -> Any:
    """``pyforge.cpu``, what there is for the one device.

    Raises:
        RuntimeError: for another device.
    """
    from . import cpu

    _C.empty(0, device=device)
    return cpu


def is_inference(input: Tensor) -> bool:
    """Whether it was made in ``inference_mode``."""
    return input.is_inference()


def is_storage(obj: Any, /) -> bool:
    """False: storages have no objects of their own."""
    return False


def get_autocast_cpu_dtype() -> _C.dtype:
    """The dtype of ``autocast`` on the CPU."""
    from .amp.autocast_mode import get_autocast_dtype

    return get_autocast_dtype("cpu")


def set_autocast_cpu_dtype(dtype: _C.dtype) -> None:
    """Set the dtype of ``autocast`` on the CPU."""
    from .amp.autocast_mode import set_autocast_dtype

    set_autocast_dtype("cpu", dtype)


def set_autocast_cpu_enabled(enabled: bool) -> None:
    """Switch ``autocast`` on the CPU on or off."""
    from .amp.autocast_mode import set_autocast_enabled

    set_autocast_enabled("cpu", enabled)


def as_subclass(self: Tensor, cls: Any) -> Any:
    """The tensor as an object of ``cls``, a subclass of ``Tensor``, on the same memory.

    Raises:
        TypeError: if ``cls`` is no such class.
        RuntimeError: if the tensor is the result of recorded operations.
    """
    import inspect

    if not (inspect.isclass(cls) and issubclass(cls, Tensor)):
        raise TypeError(f"as_subclass: cls must be a subclass of Tensor, got {cls}")
    if self.grad_fn is not None:
        raise RuntimeError(
            "as_subclass: the history of a recorded result cannot change its class; use "
            "detach() first"
        )
    return _C._make_subclass(cls, self.detach(), self.requires_grad)


def to_dense(
    self: Tensor, dtype: _C.dtype | None = None, *, masked_grad: bool | None = None
) -> Tensor:
    """The tensor itself, or with another dtype: all tensors are dense."""
    return self if dtype is None else self.to(dtype)


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
