"""A compiled reverse-mode autodiff engine for CPUs with PyTorch's names."""

import os as _os
from typing import TYPE_CHECKING

from . import _C, _tensor
from ._C import *  # noqa: F403
from ._C import Generator, Size, Tensor, dtype
from .autograd.grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled

if TYPE_CHECKING:
    from . import autograd, backends, datasets, memory, nn, optim, utils

__version__ = "0.1.0"

_C._set_package_dir(_os.path.dirname(_os.path.abspath(__file__)) + _os.sep)

_tensor.install()

_SUBMODULES = frozenset({"autograd", "backends", "datasets", "memory", "nn", "optim", "utils"})


def __getattr__(name: str) -> object:
    if name in _SUBMODULES:
        import importlib

        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module 'pyforge' has no attribute '{name}'")
