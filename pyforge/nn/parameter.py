"""Tensors that are parameters of a module."""

from __future__ import annotations

from .._C import Tensor, _make_subclass, empty

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._C import dtype as DType

__all__ = ["Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter", "is_lazy"]


class Parameter(Tensor):
    """A tensor that a module, when it is assigned to one, lists among its parameters.

    Args:
        data: the values; the parameter shares their memory.
        requires_grad: whether it gets a gradient.

    Raises:
        TypeError: if ``data`` is not a tensor.
        RuntimeError: if a gradient is wanted and ``data`` is not of a floating point dtype.
    """

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Parameter:
        if data is not None and not isinstance(data, Tensor):
            raise TypeError(
                f"Parameter(): argument 'data' must be Tensor, not {type(data).__name__}"
            )
        return _make_subclass(cls, empty(0) if data is None else data, requires_grad)

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.detach().clone(), self.requires_grad)
        copy: Parameter = memo[id(self)]
        return copy

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return type(self), (self.detach(), self.requires_grad)


class Buffer(Tensor):
    """A tensor that a module, when it is assigned to one, lists among its buffers.

    Args:
        data: the values; the buffer shares their memory.
        persistent: whether ``state_dict`` contains it.
    """

    persistent: bool

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Buffer:
        buffer = _make_subclass(cls, empty(0) if data is None else data, False)
        buffer.persistent = persistent
        return buffer


class _Uninitialized:
    """What parameters and buffers of unknown shape have in common."""

    cls_to_become: type
    _wanted_dtype: DType | None

    def materialize(
        self, shape: tuple[int, ...], device: Any = None, dtype: DType | None = None
    ) -> None:
        """Give it a shape, and make it an ordinary one; its values are arbitrary."""
        wanted = self.__dict__.pop("_wanted_dtype", None) if dtype is None else dtype
        self.__dict__.pop("_wanted_dtype", None)
        self.data = empty(tuple(shape), dtype=wanted, device=device)
        self.__class__ = self.cls_to_become

    @property
    def shape(self) -> Any:
        """Raises RuntimeError: it has none yet."""
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually "
            "happens in `load_state_dict` when trying to load an uninitialized parameter into an "
            "initialized one. Call `forward` to initialize the parameters before accessing their "
            "attributes."
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            memo[id(self)] = self._again()
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return _uninitialized, (type(self), self.requires_grad, self.__dict__.get("_wanted_dtype"))

    def _again(self) -> Any:
        return _uninitialized(type(self), self.requires_grad, self.__dict__.get("_wanted_dtype"))

    requires_grad: bool
    data: Tensor


def _uninitialized(cls: Any, requires_grad: bool, dtype: DType | None) -> Any:
    if issubclass(cls, Parameter):
        return cls(requires_grad, dtype=dtype)
    return cls(dtype=dtype)


class UninitializedParameter(_Uninitialized, Parameter):
    """A parameter of a lazy module, which has no shape before the first forward pass."""

    cls_to_become = Parameter

    def __new__(
        cls, requires_grad: bool = True, device: Any = None, dtype: DType | None = None
    ) -> UninitializedParameter:
        param = _make_subclass(cls, empty(0, dtype=dtype, device=device), requires_grad)
        param._wanted_dtype = dtype
        return param


class UninitializedBuffer(_Uninitialized, Tensor):
    """A buffer of a lazy module, which has no shape before the first forward pass."""

    def __new__(
        cls, requires_grad: bool = False, device: Any = None, dtype: DType | None = None
    ) -> UninitializedBuffer:
        buffer = _make_subclass(cls, empty(0, dtype=dtype, device=device), requires_grad)
        buffer._wanted_dtype = dtype
        return buffer


class _PlainBuffer(Tensor):
    """What an uninitialised buffer becomes."""


UninitializedBuffer.cls_to_become = _PlainBuffer


def is_lazy(param: Any) -> bool:
    """Whether it has no shape yet."""
    return isinstance(param, _Uninitialized)
