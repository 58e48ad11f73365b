"""Methods of Tensor that are called rarely and so are written in Python."""

from __future__ import annotations

from . import _C
from ._C import Tensor
from ._device import CPU, device, layout, strided

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import NDArray


class HookHandle:
    """Takes a gradient hook away again: ``handle.remove()``, or use it as a context manager."""

    __slots__ = ("_id", "_owner", "_remove")

    def __init__(self, owner: Any, id: int, remove: Callable[[Any, int], bool]) -> None:
        self._owner, self._id, self._remove = owner, id, remove

    def remove(self) -> None:
        """Take the hook away. Calling it again does nothing."""
        if self._owner is not None:
            self._remove(self._owner, self._id)
            self._owner = None

    def __enter__(self) -> HookHandle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


def register_hook(self: Tensor, hook: Callable[[Tensor], Tensor | None]) -> HookHandle:
    """Call ``hook(grad)`` when this tensor's gradient is computed; its result replaces that.

    Raises RuntimeError if the tensor does not require grad.
    """
    return HookHandle(self, _C._add_hook(self, hook), _C._remove_hook)


def register_post_accumulate_grad_hook(self: Tensor, hook: Callable[[Tensor], None]) -> HookHandle:
    """Call ``hook(tensor)`` after a gradient was accumulated into this leaf's ``.grad``."""
    return HookHandle(self, _C._add_post_hook(self, hook), _C._remove_hook)


def node_register_hook(self: Any, hook: Callable[..., Any]) -> HookHandle:
    """Call ``hook(grad_inputs, grad_outputs)`` after this node; it may return new grad_inputs."""
    return HookHandle(self, _C._add_node_hook(self, hook, True), _C._remove_node_hook)


def node_register_prehook(self: Any, hook: Callable[..., Any]) -> HookHandle:
    """Call ``hook(grad_outputs)`` before this node runs; it may return new grad_outputs."""
    return HookHandle(self, _C._add_node_hook(self, hook, False), _C._remove_node_hook)


def numpy(self: Tensor, *, force: bool = False) -> NDArray[Any]:
    """A NumPy array on the same memory; with ``force``, of the detached tensor.

    Raises RuntimeError if the tensor requires grad and ``force`` is not set.
    """
    import numpy as np

    return np.asarray(memoryview(self.detach() if force else self))


def array(self: Tensor, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
    values = self.numpy()
    if dtype is not None and values.dtype != dtype:
        if copy is False:
            raise ValueError(f"cannot give a tensor of {self.dtype} as {dtype} without a copy")
        return values.astype(dtype)
    return values.copy() if copy else values


def array_wrap(
    self: Tensor, array: NDArray[Any], context: Any = None, return_scalar: bool = False
) -> Tensor:
    """What NumPy's functions return when they are called with tensors."""
    return _C.as_tensor(array)


def tolist(self: Tensor) -> Any:
    """The elements as nested lists of Python numbers; of a 0-d tensor, the number."""
    return _C._to_list(self, -1)


def tensor_format(self: Tensor, spec: str) -> str:
    if self.dim() == 0 and type(self) is Tensor:
        return format(self.item(), spec)
    return object.__format__(self, spec)


def rebuild(
    cls: type[Tensor], data: bytes, dtype: _C.dtype, shape: tuple[int, ...], requires_grad: bool
) -> Tensor:
    """The inverse of pickling."""
    t = _C._from_bytes(data, dtype, shape)
    if cls is Tensor:
        return t.requires_grad_(requires_grad)
    return _C._make_subclass(cls, t, requires_grad)


def reduce_ex(self: Tensor, protocol: Any) -> tuple[Any, ...]:
    arguments = (
        type(self),
        _C._to_bytes(self),
        self.dtype,
        tuple(self.shape),
        self.requires_grad and self.is_leaf,
    )
    return (rebuild, arguments, self.__dict__) if self.__dict__ else (rebuild, arguments)


def copy(self: Tensor) -> Tensor:
    return _C._make_subclass(type(self), self.detach(), self.requires_grad)


def deepcopy(self: Tensor, memo: dict[int, Any]) -> Tensor:
    """A leaf with its own memory, its gradient and its attributes copied as well."""
    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
            "protocol at the moment; copy a detached tensor: copy.deepcopy(t.detach())"
        )
    if id(self) in memo:
        result: Tensor = memo[id(self)]
        return result
    from copy import deepcopy

    values = self.detach().clone()
    if type(self) is Tensor:
        result = values.requires_grad_(self.requires_grad)
    else:
        result = _C._make_subclass(type(self), values, self.requires_grad)
    memo[id(self)] = result
    if self.grad is not None:
        result.grad = deepcopy(self.grad, memo)
    for name, value in self.__dict__.items():
        setattr(result, name, deepcopy(value, memo))
    return result


def dlpack(
    self: Tensor,
    *,
    stream: Any = None,
    max_version: tuple[int, int] | None = None,
    dl_device: tuple[int, int] | None = None,
    copy: bool | None = None,
) -> Any:
    """A DLPack capsule on the same memory. BufferError if the tensor requires grad."""
    if dl_device is not None and tuple(dl_device) != (1, 0):
        raise BufferError(f"cannot export to DLPack device {tuple(dl_device)}, only to (1, 0)")
    versioned = max_version is not None and max_version[0] >= 1
    return _C._to_dlpack(self, versioned, bool(copy))


def resize_(self: Tensor, *sizes: Any, memory_format: Any = None) -> Tensor:
    """Change the shape in place; returns self.

    The first elements of the memory stay, in row-major order; it grows where it must, and what is
    new may be anything.

    Raises RuntimeError if the tensor requires grad, or if memory must grow that other tensors or
    arrays look at, or that belongs to another library.
    """
    shape = sizes[0] if len(sizes) == 1 and not isinstance(sizes[0], int) else sizes
    _C._resize(self, list(shape))
    return self


def resize_as_(self: Tensor, the_template: Tensor, *, memory_format: Any = None) -> Tensor:
    """resize_() to the shape of another tensor; returns self."""
    _C._resize(self, list(the_template.shape))
    return self


def array_namespace(self: Tensor, /, *, api_version: str | None = None) -> Any:
    """pyforge.array_api, the functions of the Python array API standard.

    Raises ValueError for a version of the standard that it does not follow.
    """
    from . import array_api

    known = ("2021.12", "2022.12", "2023.12", "2024.12")
    if api_version is not None and api_version not in known:
        raise ValueError(
            f"unknown version {api_version!r} of the array API standard; known are {known}"
        )
    return array_api


def to_device(self: Tensor, device: Any, /, *, stream: Any = None) -> Tensor:
    """The tensor itself, for the one device there is. RuntimeError for others."""
    return self.to(device)


def dlpack_device(self: Tensor) -> tuple[int, int]:
    return (1, 0)


def new_tensor(
    self: Tensor,
    data: Any,
    *,
    dtype: _C.dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """tensor(data) with this tensor's dtype."""
    return _C.tensor(data, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)


def get_device(self: Tensor) -> device:
    """Where the memory is: always device('cpu')."""
    return CPU


def is_cuda(self: Tensor) -> bool:
    """False: pyforge computes on the CPU only."""
    return False


def is_cpu(self: Tensor) -> bool:
    """True: see is_cuda."""
    return True


def is_meta(self: Tensor) -> bool:
    """False: every tensor has memory."""
    return False


def share_memory_(self: Tensor) -> Tensor:
    """Move the memory to where other processes can use it as well; returns self.

    A process that gets the tensor, by fork or through pyforge.multiprocessing, sees what the others
    write. Nothing happens if it is shared already.

    Raises RuntimeError if other tensors or arrays lie in the same memory, which would not follow.
    """
    _C._share_memory(self)
    return self


def is_shared(self: Tensor) -> bool:
    """True if the memory is one that other processes can use; see share_memory_."""
    return _C._is_shared(self)


METHODS = {
    "register_hook": register_hook,
    "register_post_accumulate_grad_hook": register_post_accumulate_grad_hook,
    "numpy": numpy,
    "tolist": tolist,
    "resize_": resize_,
    "resize_as_": resize_as_,
    "share_memory_": share_memory_,
    "is_shared": is_shared,
    "new_tensor": new_tensor,
    "__array__": array,
    "__array_wrap__": array_wrap,
    "__format__": tensor_format,
    "__reduce_ex__": reduce_ex,
    "__copy__": copy,
    "__deepcopy__": deepcopy,
    "__array_namespace__": array_namespace,
    "to_device": to_device,
    "__dlpack__": dlpack,
    "__dlpack_device__": dlpack_device,
}
# Loaded on first use: method name to module.
_LEGACY = ("as_subclass", "get_device", "is_nonzero", "is_signed", "to_dense", "type")
LAZY_METHODS = {
    **dict.fromkeys(_LEGACY, "_legacy"),
    **dict.fromkeys(("frexp", "ormqr"), "_numeric"),
    **dict.fromkeys(("istft", "stft"), "_refused"),
    "hardshrink": "nn.functional",
} | dict.fromkeys(
    (
        "cholesky",
        "cholesky_inverse",
        "cholesky_solve",
        "det",
        "geqrf",
        "inverse",
        "logdet",
        "lu",
        "lu_solve",
        "matrix_exp",
        "matrix_power",
        "orgqr",
        "pinverse",
        "qr",
        "slogdet",
        "svd",
        "triangular_solve",
    ),
    "linalg._top",
)
LAZY_METHODS |= dict.fromkeys(
    ("apply_", "cuda", "is_complex", "is_pinned", "map_", "new", "pin_memory"), "_legacy"
)
LAZY_METHODS["to_sparse"] = "sparse.matrix"


def get_layout(self: Tensor) -> layout:
    """How the elements lie in memory: always strided."""
    return strided


def is_other_kind(self: Tensor) -> bool:
    """False: every tensor is dense, with its values in the CPU's memory."""
    return False


PROPERTIES = {
    "device": get_device,
    "layout": get_layout,
    "is_cuda": is_cuda,
    "is_cpu": is_cpu,
    "is_meta": is_meta,
}
OTHER_KINDS = ("is_sparse", "is_sparse_csr", "is_quantized", "is_mkldnn", "is_mps", "is_xpu")
PROPERTIES |= dict.fromkeys(OTHER_KINDS, is_other_kind)


def load_method(name: str) -> Callable[..., Any]:
    """Attach a method of LAZY_METHODS."""
    from importlib import import_module

    module = import_module(f"{__package__}.{LAZY_METHODS[name]}")
    method: Callable[..., Any] = getattr(module, name)
    _C._add_tensor_attribute(name, method)
    return method


def lazy_method(name: str) -> Callable[..., Any]:
    def method(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        return load_method(name)(self, *args, **kwargs)

    method.__name__ = name
    return method


def install() -> None:
    """Attach these to the native types."""
    for name, method in METHODS.items():
        _C._add_tensor_attribute(name, method)
    for name in LAZY_METHODS:
        _C._add_tensor_attribute(name, lazy_method(name))
    for name, getter in PROPERTIES.items():
        _C._add_tensor_attribute(name, property(getter))
    _C._add_tensor_attribute("__array_priority__", 1000)
    _C._add_node_attribute("register_hook", node_register_hook)
    _C._add_node_attribute("register_prehook", node_register_prehook)
