"""One native observer of backward passes, shared by all monitors."""

from __future__ import annotations

from .. import _C

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Observer = Callable[[list[_C.Tensor], bool], Any]

_observers: list[Observer] = []


def _fan_out(roots: list[_C.Tensor], done: bool) -> None:
    for observer in tuple(_observers):
        observer(roots, done)


def add(observer: Observer) -> None:
    """Call ``observer(roots, done)`` before (False) and after (True) each backward pass."""
    _observers.append(observer)
    _C._set_backward_observer(_fan_out)


def remove(observer: Observer) -> None:
    """Call it no more."""
    if observer in _observers:
        _observers.remove(observer)
    if not _observers:
        _C._set_backward_observer(None)
