"""NumPy's random numbers, as float64 tensors."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def _tensors(source: Any, name: str) -> Any:
    value = getattr(source, name)
    if not callable(value) or name in ("seed", "get_state", "set_state", "shuffle"):
        return value

    def call(*args: Any, **kwargs: Any) -> Any:
        import numpy

        from .._C import from_numpy

        result = value(*args, **kwargs)
        return from_numpy(result) if isinstance(result, numpy.ndarray) else result

    return call


class RandomState:
    """NumPy's ``RandomState``, whose arrays are tensors."""

    def __init__(self, seed: Any = None) -> None:
        import numpy

        self._source = numpy.random.RandomState(seed)

    def __getattr__(self, name: str) -> Any:
        return _tensors(self._source, name)


def __getattr__(name: str) -> Any:
    import numpy

    return _tensors(numpy.random, name)
