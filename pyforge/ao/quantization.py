"""Marks in models that could be quantised; pyforge computes them as they are."""

from __future__ import annotations

from ..nn import Module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._C import Tensor

__all__ = ["DeQuantStub", "QuantStub"]


class QuantStub(Module):
    """Where quantised values would begin: passes its input on.

    Args:
        qconfig: has no effect.
    """

    def __init__(self, qconfig: Any = None) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        """``x`` itself."""
        return x


class DeQuantStub(QuantStub):
    """Where quantised values would end: passes its input on.

    Args:
        qconfig: has no effect.
    """


def __getattr__(name: str) -> object:
    raise AttributeError(
        f"module '{__name__}' has no attribute '{name}': pyforge has no quantisation; train and "
        "run in float32 or bfloat16"
    )
