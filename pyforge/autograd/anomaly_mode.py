"""Anomaly detection: where a value or a gradient that is not finite was born."""

from __future__ import annotations

from .. import _C
from .grad_mode import _Mode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .nan_origin import NanOrigin

__all__ = [
    "detect_anomaly",
    "is_anomaly_check_nan_enabled",
    "is_anomaly_enabled",
    "set_anomaly_enabled",
    "set_detect_anomaly",
]


_user = (False, True, False)  # enabled, check_nan, check_inf, as set by the user
_listeners: list[Callable[[NanOrigin], None]] = []


def set_anomaly_enabled(enabled: bool, check_nan: bool = True, *, check_inf: bool = False) -> None:
    """Turn anomaly detection on or off; see :class:`detect_anomaly`."""
    global _user
    _user = (enabled, check_nan, check_inf)
    _apply()


def _apply() -> None:
    enabled, check_nan, check_inf = _user
    if _listeners:
        enabled, check_nan, check_inf = True, True, enabled and check_inf
    _C._set_anomaly_handlers(_begin, _arrived, _failed)
    _C._set_anomaly_mode(enabled, check_nan, check_inf)
    _C._watch_calls(enabled and (check_nan or check_inf))


def listen(listener: Callable[[NanOrigin], None]) -> None:
    """Look for NaN as :class:`detect_anomaly` does, but call ``listener`` instead of raising."""
    _listeners.append(listener)
    _apply()


def unlisten(listener: Callable[[NanOrigin], None]) -> None:
    """Call ``listener`` no more."""
    if listener in _listeners:
        _listeners.remove(listener)
        _apply()


def is_anomaly_enabled() -> bool:
    """Whether anomaly detection is on."""
    return _user[0]


def is_anomaly_check_nan_enabled() -> bool:
    """Whether anomaly detection, when it is on, looks for NaN."""
    return _user[1]


class _Switch(_Mode):
    def __init__(self, enabled: bool, check_nan: bool, check_inf: bool) -> None:
        self._wanted = (enabled, check_nan, check_inf)
        self._before: list[tuple[bool, bool, bool]] = []

    def _clone(self) -> _Mode:
        return _Switch(*self._wanted)

    def __enter__(self) -> None:
        self._before.append(_user)
        _set(*self._wanted)

    def __exit__(self, *error: object) -> None:
        _set(*self._before.pop())


def _set(enabled: bool, check_nan: bool, check_inf: bool) -> None:
    set_anomaly_enabled(enabled, check_nan, check_inf=check_inf)


class detect_anomaly(_Switch):
    """Inside, ``backward()`` raises where NaN would reach a gradient, and names its origin.

    Ops that give values that are not finite are remembered with their operands and lines. A loss
    that is NaN, or a NaN that arrives at a leaf or a requested gradient, raises ``RuntimeError``
    ("... returned nan values in its 0th output ...") that tells where the value was born, in the
    forward or the backward pass, and the way from there to the loss. NaN that ends at a mask is no
    error. An error in a backward function is accompanied by a warning with the line of its forward
    call.

    Args:
        check_nan: raise on NaN; ``False``: only the line for errors of backward functions.
        check_inf: raise on infinities too (not in PyTorch).
    """

    def __init__(self, check_nan: bool = True, *, check_inf: bool = False) -> None:
        import warnings

        super().__init__(True, check_nan, check_inf)
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should "
            "only be enabled for debugging.",
            stacklevel=2,
        )


class set_detect_anomaly(_Switch):
    """Turns anomaly detection on or off at once; a ``with`` block undoes it at its end.

    Args:
        mode: on or off.
        check_nan: raise on NaN.
        check_inf: raise on infinities too (not in PyTorch).
    """

    def __init__(self, mode: bool, check_nan: bool = True, *, check_inf: bool = False) -> None:
        super().__init__(mode, check_nan, check_inf)
        self._before.append(_user)
        _set(*self._wanted)

    def __enter__(self) -> None:
        _set(*self._wanted)

    def __exit__(self, *error: object) -> None:
        _set(*self._before[-1])

    def __call__(self, function: Any) -> Any:
        _set(*self._before[-1])
        return super().__call__(function)


# Called by the engine.


def _begin(root: _C.Tensor, grad: _C.Tensor) -> None:
    from . import nan_origin

    worst = max(_C._finiteness(root), _C._finiteness(grad))
    raises = _raises(worst)
    if not raises and not (_listeners and worst == 2):
        return
    origin = nan_origin.of_value(root) if _C._finiteness(root) else None
    if origin is not None:
        _tell(origin)
        if raises:
            raise RuntimeError(origin.message())
    if raises:
        what = "loss" if _C._finiteness(root) else "gradient"
        raise RuntimeError(f"the {what} given to backward() holds {nan_origin.KIND[worst]} values")


def _arrived(path: list[Any], node: Any, output_nr: int, grad: _C.Tensor) -> None:
    from . import nan_origin

    worst = _C._finiteness(grad)
    raises = _raises(worst)
    if raises or (_listeners and worst == 2):
        origin = nan_origin.of_gradient(path, node, output_nr, grad)
        _tell(origin)
        if raises:
            raise RuntimeError(origin.message())
    else:
        nan_origin.remember_infinity(path, node, output_nr, grad)


def _raises(worst: int) -> bool:
    enabled, check_nan, check_inf = _user
    return enabled and (check_inf or (check_nan and worst == 2))


def _tell(origin: NanOrigin) -> None:
    for listener in tuple(_listeners):
        listener(origin)


def _failed(node: Any) -> None:
    import contextlib
    import warnings

    with contextlib.suppress(Warning):  # where warnings are errors: the one under way is to be seen
        warnings.warn(
            f"Error detected in {node.name()}. Traceback of forward call that caused the error:\n"
            f"  {node.source}",
            stacklevel=2,
        )
