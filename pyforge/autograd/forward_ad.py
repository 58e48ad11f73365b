"""Forward-mode differentiation, which pyforge does not have; every name here says what to use."""

from __future__ import annotations

__all__ = ["dual_level", "enter_dual_level", "exit_dual_level", "make_dual", "unpack_dual"]


def _missing(name: str) -> NotImplementedError:
    return NotImplementedError(
        f"forward_ad.{name}: forward-mode differentiation is not supported; pyforge.func.jvp and "
        "pyforge.autograd.functional.jvp give the same numbers by differentiating twice"
    )


class dual_level:
    """Raises NotImplementedError when it is entered."""

    def __enter__(self) -> int:
        raise _missing("dual_level")

    def __exit__(self, *error: object) -> None:
        raise _missing("dual_level")


def enter_dual_level() -> int:
    """Raises NotImplementedError."""
    raise _missing("enter_dual_level")


def exit_dual_level(*, level: int | None = None) -> None:
    """Raises NotImplementedError."""
    raise _missing("exit_dual_level")


def make_dual(tensor: object, tangent: object, *, level: int | None = None) -> object:
    """Raises NotImplementedError."""
    raise _missing("make_dual")


def unpack_dual(tensor: object, *, level: int | None = None) -> object:
    """Raises NotImplementedError."""
    raise _missing("unpack_dual")
