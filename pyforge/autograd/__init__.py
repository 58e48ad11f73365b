"""Gradients: backward, grad, modes and checks."""

from __future__ import annotations

from .grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled

__all__ = ["enable_grad", "inference_mode", "no_grad", "set_grad_enabled"]
