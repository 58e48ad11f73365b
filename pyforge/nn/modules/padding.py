"""Padding at the edges."""

from __future__ import annotations

from .. import functional as F
from .module import Module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..._C import Tensor


def _edges(padding: int | Sequence[int], dims: int) -> tuple[int, ...]:
    return (padding,) * (2 * dims) if isinstance(padding, int) else tuple(padding)


class _Pad(Module):
    _dims: int
    _mode: str

    def __init__(self, padding: int | Sequence[int]) -> None:
        super().__init__()
        self.padding = _edges(padding, self._dims)

    def forward(self, input: Tensor) -> Tensor:
        """``input`` extended at its edges."""
        return F.pad(input, self.padding, self._mode)

    def extra_repr(self) -> str:
        """Before and after, of the last dimension first."""
        return f"{self.padding}"


class _ConstantPad(Module):
    _dims: int

    def __init__(self, padding: int | Sequence[int], value: float) -> None:
        super().__init__()
        self.padding = _edges(padding, self._dims)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        """``input`` extended at its edges."""
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        """Before and after, of the last dimension first, and the number."""
        return f"padding={self.padding}, value={self.value}"


class _ZeroPad(_ConstantPad):
    def __init__(self, padding: int | Sequence[int]) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        """Before and after, of the last dimension first."""
        return f"{self.padding}"


class ConstantPad1d(_ConstantPad):
    """The last dimension extended by a number."""

    _dims = 1


class ZeroPad1d(_ZeroPad):
    """The last dimension extended by zeros."""

    _dims = 1


class ConstantPad2d(_ConstantPad):
    """The last two dimensions extended by a number."""

    _dims = 2


class ZeroPad2d(_ZeroPad):
    """The last two dimensions extended by zeros."""

    _dims = 2


class ConstantPad3d(_ConstantPad):
    """The last three dimensions extended by a number."""

    _dims = 3


class ZeroPad3d(_ZeroPad):
    """The last three dimensions extended by zeros."""

    _dims = 3


class ReflectionPad1d(_Pad):
    """The last dimension mirrored at its edges."""

    _dims = 1
    _mode = "reflect"


class ReflectionPad2d(_Pad):
    """The last two dimensions mirrored at their edges."""

    _dims = 2
    _mode = "reflect"


class ReflectionPad3d(_Pad):
    """The last three dimensions mirrored at their edges."""

    _dims = 3
    _mode = "reflect"


class ReplicationPad1d(_Pad):
    """The last dimension extended by its edge elements."""

    _dims = 1
    _mode = "replicate"


class ReplicationPad2d(_Pad):
    """The last two dimensions extended by their edge elements."""

    _dims = 2
    _mode = "replicate"


class ReplicationPad3d(_Pad):
    """The last three dimensions extended by their edge elements."""

    _dims = 3
    _mode = "replicate"


class CircularPad1d(_Pad):
    """The last dimension extended by its other end."""

    _dims = 1
    _mode = "circular"


class CircularPad2d(_Pad):
    """The last two dimensions extended by their other end."""

    _dims = 2
    _mode = "circular"


class CircularPad3d(_Pad):
    """The last three dimensions extended by their other end."""

    _dims = 3
    _mode = "circular"
