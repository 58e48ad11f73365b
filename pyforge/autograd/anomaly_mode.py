"""Anomaly detection: where a value or a gradient that is not finite was born."""

from __future__ import annotations

from .. import _C
from .grad_mode import _Mode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "detect_anomaly",
    "is_anomaly_check_nan_enabled",
    "is_anomaly_enabled",
    "set_anomaly_enabled",
    "set_detect_anomaly",
]


def set_anomaly_enabled(enabled: bool, check_nan: bool = True, *, check_inf: bool = False) -> None:
    """Turn anomaly detection on or off; see :class:`detect_anomaly`."""
    _C._set_anomaly_handlers(_begin, _arrived, _failed)
    _C._set_anomaly_mode(enabled, check_nan, check_inf)
    _C._watch_calls(enabled and (check_nan or check_inf))


def is_anomaly_enabled() -> bool:
    """Whether anomaly detection is on."""
    return _C._anomaly_mode()[0]


def is_anomaly_check_nan_enabled() -> bool:
    """Whether anomaly detection, when it is on, looks for NaN."""
    return _C._anomaly_mode()[1]


class _Switch(_Mode):
    def __init__(self, enabled: bool, check_nan: bool, check_inf: bool) -> None:
        self._wanted = (enabled, check_nan, check_inf)
        self._before: list[tuple[bool, bool, bool]] = []

    def _clone(self) -> _Mode:
        return _Switch(*self._wanted)

    def __enter__(self) -> None:
        self._before.append(_C._anomaly_mode())
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
        self._before.append(_C._anomaly_mode())
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
    _, check_nan, check_inf = _C._anomaly_mode()
    worst = max(_C._finiteness(root), _C._finiteness(grad))
    if not (check_inf or (check_nan and worst == 2)):
        return
    from . import nan_origin

    if _C._finiteness(root) and (origin := nan_origin.of_value(root)) is not None:
        raise RuntimeError(origin.message())
    what = "loss" if _C._finiteness(root) else "gradient"
    raise RuntimeError(f"the {what} given to backward() holds {nan_origin.KIND[worst]} values")


def _arrived(path: list[Any], node: Any, output_nr: int, grad: _C.Tensor) -> None:
    _, check_nan, check_inf = _C._anomaly_mode()
    from . import nan_origin

    worst = _C._finiteness(grad)
    if check_inf or (check_nan and worst == 2):
        raise RuntimeError(nan_origin.of_gradient(path, node, output_nr, grad).message())
    nan_origin.remember_infinity(path, node, output_nr, grad)


def _failed(node: Any) -> None:
    import contextlib
    import warnings

    with contextlib.suppress(Warning):  # where warnings are errors: the one under way is to be seen
        warnings.warn(
            f"Error detected in {node.name()}. Traceback of forward call that caused the error:\n"
            f"  {node.source}",
            stacklevel=2,
        )
