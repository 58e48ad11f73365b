"""The one device there is, and the one memory layout."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["device", "layout", "strided"]


class device:
    """Where a tensor's memory is: always ``device('cpu')``.

    Args:
        type: "cpu", "cpu:0" or a device.
        index: number of the device, None or 0.

    Raises:
        RuntimeError: for any other device; pyforge computes on the CPU only.
    """

    __slots__ = ("index", "type")

    type: str
    index: int | None

    def __init__(self, type: str | device = "cpu", index: int | None = None) -> None:
        name = str(type)
        if index is None and ":" in name:
            name, _, number = name.partition(":")
            index = int(number) if number.isdigit() else -1
        if name != "cpu" or index not in (None, 0):
            shown = name if index is None else f"{name}:{index}"
            raise RuntimeError(
                f"device '{shown}' is not available: pyforge computes on the CPU only, "
                "use device='cpu'"
            )
        object.__setattr__(self, "type", name)
        object.__setattr__(self, "index", index)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"attribute '{name}' of 'pyforge.device' objects is not writable")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, device):
            return NotImplemented
        return self.index == other.index

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{index})"

    def __reduce__(self) -> tuple[Any, ...]:
        return device, (self.type, self.index)


CPU = device("cpu")


class layout:
    """How a tensor's elements lie in memory: always ``pyforge.strided``."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "pyforge.strided"

    def __reduce__(self) -> str:
        return "strided"


strided = layout()
