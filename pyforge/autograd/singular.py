"""What gradients are at singular points: docs/singular_points.md."""

from __future__ import annotations

from .. import _C
from .grad_mode import _Mode

__all__ = ["get_singular_points", "set_singular_points", "singular_points"]

_MODES = ("masked", "torch")
_mode = "masked"


def set_singular_points(mode: str) -> None:
    """Choose the rule for gradients at singular points, for all threads.

    Args:
        mode: ``"masked"``, the default: PyTorch's gradients, but where no gradient arrives none is
            passed on, although the derivative is infinite or NaN there, and rows of -inf alone take
            no part in ``logsumexp``. ``"torch"``: PyTorch's exact answers, NaN in those places.

    Raises:
        ValueError: for another mode.
    """
    global _mode
    if mode not in _MODES:
        raise ValueError(f"set_singular_points: mode must be one of {_MODES}, got '{mode}'")
    _C._set_masked_gradients_propagate(mode == "torch")
    _mode = mode


def get_singular_points() -> str:
    """The rule in force, ``"masked"`` or ``"torch"``."""
    return _mode


class singular_points(_Mode):
    """``with singular_points("torch"):`` sets the rule inside; see :func:`set_singular_points`."""

    def __init__(self, mode: str) -> None:
        if mode not in _MODES:
            raise ValueError(f"singular_points: mode must be one of {_MODES}, got '{mode}'")
        self._wanted = mode
        self._before: list[str] = []

    def _clone(self) -> _Mode:
        return type(self)(self._wanted)

    def __enter__(self) -> None:
        self._before.append(get_singular_points())
        set_singular_points(self._wanted)

    def __exit__(self, *error: object) -> None:
        set_singular_points(self._before.pop())
