"""The global stream of random numbers."""

from __future__ import annotations

from ._C import Generator, Tensor, default_generator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "default_generator",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "seed",
    "set_rng_state",
]


def manual_seed(seed: int) -> Generator:
    """Start the global stream of this seed, return its generator. Negative: from 2**64."""
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Take a seed from the system for the global stream and return it."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed the global stream started from."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The state of the global stream, a uint8 tensor."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Continue the global stream from a state of get_rng_state()."""
    default_generator.set_state(new_state)


class fork_rng:
    """What is drawn inside leaves the global stream as it was.

    Args:
        devices: must be empty: there is no device but the CPU.
        enabled: False for a context that does nothing.
    """

    def __init__(
        self,
        devices: Any = None,
        enabled: bool = True,
        _caller: str = "fork_rng",
        _devices_kw: str = "devices",
        device_type: str = "cuda",
    ) -> None:
        if devices:
            raise RuntimeError("fork_rng: pyforge computes on the CPU only, leave devices out")
        self.enabled = enabled

    def __enter__(self) -> None:
        if self.enabled:
            self.state = get_rng_state()

    def __exit__(self, *error: object) -> None:
        if self.enabled:
            set_rng_state(self.state)
