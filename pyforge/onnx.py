"""pyforge writes no ONNX; the module is there for programs that import it and may not call it.

What registers a translation of an op does nothing, since none is ever asked for.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn, TypeVar

    T = TypeVar("T")

__all__ = ["export", "is_in_onnx_export", "register_custom_op_symbolic"]

# PyTorch's submodules with the translations.
operators = symbolic_helper = symbolic_opset11 = sys.modules[__name__]


def is_in_onnx_export() -> bool:
    """False."""
    return False


def export(model: Any, args: Any = (), f: Any = None, *more: Any, **kwargs: Any) -> NoReturn:
    """Raises NotImplementedError."""
    raise NotImplementedError(
        "onnx.export: pyforge writes no ONNX; save the state_dict with torch.save and export the "
        "same module from PyTorch"
    )


def register_custom_op_symbolic(
    symbolic_name: str, symbolic_fn: Callable[..., Any], opset_version: int
) -> None:
    """Nothing."""


def parse_args(*arg_descriptors: str) -> Callable[[T], T]:
    """Decorates a translation, which stays as it is."""
    return lambda fn: fn
