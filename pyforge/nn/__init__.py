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


def __getattr__(name: str) -> object:
    from .._refused import ABSENT

    reason = ABSENT.get(f"nn.{name}")
    text = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(f"{text}: {reason}" if reason else text)
