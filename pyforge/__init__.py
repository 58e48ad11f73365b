"""A compiled reverse-mode autodiff engine for CPUs with PyTorch's names."""

import builtins as _builtins
import os as _os
from typing import TYPE_CHECKING

from . import _C, _tensor
from ._C import *  # noqa: F403
from ._C import Generator, Size, Tensor, dtype
from ._C import bool as bool
from ._C import float32 as float
from ._C import float64 as double
from ._C import int16 as short
from ._C import int32 as int
from ._C import int64 as long
from ._device import device
from ._functions import broadcast_shapes, from_dlpack, is_floating_point, is_tensor, numel
from .autograd.grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled
from .random import (
    default_generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)

if TYPE_CHECKING:
    from . import autograd, backends, cuda, datasets, memory, nn, optim, random, utils
    from ._tensor_str import get_printoptions, printoptions, set_printoptions
    from ._type_info import finfo, iinfo

__version__ = "0.1.0"

_C._set_package_dir(_os.path.dirname(_os.path.abspath(__file__)) + _os.sep)

_tensor.install()

e = 2.718281828459045
pi = 3.141592653589793
inf = _builtins.float("inf")
nan = _builtins.float("nan")
newaxis = None

# Loaded on first use.
_SUBMODULES = frozenset({"autograd", "backends", "cuda", "datasets", "memory", "nn", "optim", "utils"})
_LAZY = {
    "finfo": "_type_info",
    "iinfo": "_type_info",
    "get_printoptions": "_tensor_str",
    "printoptions": "_tensor_str",
    "set_printoptions": "_tensor_str",
}


def __getattr__(name: str) -> object:
    import importlib

    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _LAZY:
        return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'pyforge' has no attribute '{name}'")
