"""pyforge traces no programs; the module is there for those that mark functions for a tracer."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    T = TypeVar("T")

__all__ = ["wrap"]


def wrap(fn_or_name: T) -> T:
    """``fn_or_name`` itself: a function, which is called as any other, or the name of one."""
    return fn_or_name


def __getattr__(name: str) -> object:
    raise AttributeError(
        f"module '{__name__}' has no attribute '{name}': pyforge has no graphs of programs; "
        "torch.autograd.graph(loss) draws what was computed"
    )
