"""Tensors that are parameters of a module."""

from __future__ import annotations

from .._C import Parameter

__all__ = ["Parameter"]
