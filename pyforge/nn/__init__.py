"""Neural network modules, their functional forms, initialisation and utilities."""

from __future__ import annotations

from . import functional, init, modules, utils
from .modules import *  # noqa: F403
from .modules import __all__ as _modules_all
from .parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter

__all__ = [
    "Buffer",
    "Parameter",
    "UninitializedBuffer",
    "UninitializedParameter",
    "functional",
    "init",
    "modules",
    "utils",
    *_modules_all,
]

_LAZY = frozenset({"attention", "parallel"})


def __getattr__(name: str) -> object:
    import importlib

    if name in _LAZY:
        return importlib.import_module(f"{__name__}.{name}")
    from .._absent import missing

    raise AttributeError(missing(__name__, name, __all__))
