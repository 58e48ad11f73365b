"""The one device there is, and the one memory layout."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "channels_last",
    "channels_last_3d",
    "contiguous_format",
    "device",
    "layout",
    "memory_format",
    "preserve_format",
    "strided",
]

# The types of devices that PyTorch knows.
_TYPES = frozenset(
    """cpu cuda fpga hip hpu ideep ipu lazy maia meta mkldnn mps mtia opencl opengl privateuseone ve
    vulkan xla xpu""".split()  # noqa: SIM905
)


class device:
    """Where a tensor's memory is: always ``device('cpu')``.

    Other devices of PyTorch can be named and compared, and are an error where they are used.

    Args:
        type: "cpu", "cuda:1" and so on, or a device.
        index: number of the device.

    Raises:
        RuntimeError: if there is no such type of device, or the number is none.
    """

    __slots__ = ("index", "type")

    type: str
    index: int | None

    def __init__(self, type: str | device = "cpu", index: int | None = None) -> None:
        name = str(type)
        if ":" in name:
            if index is not None:
                raise RuntimeError(
                    f"type (string) must not include an index because index was passed "
                    f"explicitly: {name}"
                )
            name, _, number = name.partition(":")
            if not number.isdigit():
                raise RuntimeError(f"Invalid device string: '{type}'")
            index = int(number)
        if name not in _TYPES:
            raise RuntimeError(
                f"Expected one of cpu, cuda, mps, xpu ... device type at start of device string: "
                f"{name}"
            )
        object.__setattr__(self, "type", name)
        object.__setattr__(self, "index", index)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"attribute '{name}' of 'pyforge.device' objects is not writable")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, device):
            return NotImplemented
        return (self.type, self.index) == (other.type, other.index)

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


class memory_format:
    """An order of dimensions in memory, as a hint: accepted everywhere, without effect here."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"pyforge.{self._name}"

    def __reduce__(self) -> str:
        return self._name


channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")
contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
