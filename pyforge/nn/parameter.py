"""Tensors that are parameters of a module."""

from __future__ import annotations

from .._C import Tensor, _make_subclass, empty

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Parameter"]


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
