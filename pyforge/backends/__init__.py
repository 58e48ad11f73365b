"""What the computations run on."""

from . import cpu

__all__ = ["cpu"]
