"""``numpy.linalg`` on tensors."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def __getattr__(name: str) -> Any:
    from .. import linalg

    if name.startswith("_") or not hasattr(linalg, name):
        raise AttributeError(f"module 'pyforge.numpy.linalg' has no attribute {name!r}")
    function = getattr(linalg, name)

    def call(*args: Any, **kwargs: Any) -> Any:
        from . import array

        return function(*[array(a) for a in args], **kwargs)

    return call


def norm(x: Any, ord: Any = None, axis: Any = None) -> Any:
    """The norm of a vector or matrix, as NumPy's."""
    from . import array

    t = array(x)
    if ord is None and axis is None:
        return t.reshape(-1).norm()
    if axis is not None:
        return t.norm(2 if ord is None else ord, axis)
    from .. import linalg

    return linalg.norm(t, ord)
