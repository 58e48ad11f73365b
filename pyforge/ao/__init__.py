"""The place of ``quantization``, for models that can be quantised and are not."""

from . import quantization as quantization

__all__ = ["quantization"]
