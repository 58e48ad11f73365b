"""The arguments of a checked op as a flat list of tensors, and variants of them."""

from __future__ import annotations

from .. import _C
from .._C import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

__all__ = ["Arguments", "difference", "far", "laid_out", "shared", "tiled"]

_LARGE = 1 << 18  # elements; far above the grain of usual parallel loops


class Arguments:
    """Positional and keyword arguments; their tensors, also those in lists, in order."""

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.args, self.kwargs = args, kwargs
        self.tensors: list[Tensor] = []
        self.labels: list[str] = []
        self.tops: list[int | str] = []  # the argument that holds the tensor
        for i, a in enumerate(args):
            self._collect(a, f"input {i}", i)
        for name, a in kwargs.items():
            self._collect(a, f"input {name!r}", name)

    def _collect(self, a: Any, label: str, top: int | str) -> None:
        if isinstance(a, Tensor):
            self.tensors.append(a)
            self.labels.append(label)
            self.tops.append(top)
        elif isinstance(a, (list, tuple)):
            for i, item in enumerate(a):
                self._collect(item, f"{label}[{i}]", top)

    def with_tensors(self, tensors: Sequence[Tensor]) -> tuple[list[Any], dict[str, Any]]:
        """The same arguments with other tensors."""
        rest = iter(tensors)
        args = [_replaced(a, rest) for a in self.args]
        return args, {name: _replaced(a, rest) for name, a in self.kwargs.items()}


def _replaced(a: Any, rest: Iterator[Tensor]) -> Any:
    if isinstance(a, Tensor):
        return next(rest)
    if isinstance(a, (list, tuple)):
        items = [_replaced(item, rest) for item in a]
        return items if isinstance(a, list) else tuple(items)
    return a


def _array(t: Tensor) -> Any:
    return (t.float() if t.dtype == _C.bfloat16 else t).detach().numpy()


def difference(a: Tensor, b: Tensor) -> tuple[int, ...] | None:
    """The first element that differs; NaN equals NaN."""
    import numpy as np

    x, y = _array(a), _array(b)
    found = np.argwhere(~((x == y) | ((x != x) & (y != y))))
    return tuple(int(i) for i in found[0]) if len(found) else None


def far(a: Tensor, b: Tensor, tolerance: float) -> tuple[int, ...] | None:
    """The first element that differs by more than ``tolerance`` times the largest of ``b``."""
    import numpy as np

    if not b.is_floating_point():
        return difference(a, b)
    x, y = a.detach().double().numpy(), b.detach().double().numpy()
    finite = abs(y[np.isfinite(y)])
    size = max(float(finite.max()) if finite.size else 0.0, 1e-30)
    with np.errstate(invalid="ignore"):
        near = (abs(x - y) <= tolerance * size) | (x == y) | ((x != x) & (y != y))
    found = np.argwhere(~near)
    return tuple(int(i) for i in found[0]) if len(found) else None


def laid_out(t: Tensor, layout: str) -> Tensor:
    """The same values in other strides; what lies between them is NaN."""
    if layout == "transposed" and t.dim() >= 2:
        return t.transpose(-1, -2).contiguous().transpose(-1, -2)
    if layout == "stepped" and t.dim() >= 1:
        wide = _C.zeros([*t.shape[:-1], 2 * t.shape[-1]], dtype=t.dtype)
        if t.is_floating_point():
            wide.fill_(float("nan"))
        view = wide[..., ::2]
        view.copy_(t)
        return view
    return t


def tiled(tensors: Sequence[Tensor]) -> Iterator[list[list[Tensor]]]:
    """Ways to make the inputs large along one dimension, each in growing sizes.

    Slices are repeated in random order and floating ones scaled by up to 1%, so that a loop that
    reads the wrong slice shows.
    """
    most = max((t.dim() for t in tensors), default=0)
    if not most:
        return
    first = next(t for t in tensors if t.dim() == most)

    def alike(t: Tensor, dim: int) -> bool:
        return t.dim() == most and t.shape[dim] == first.shape[dim]

    ways: list[tuple[int, Callable[[Tensor], bool]]] = [
        (0, lambda t: alike(t, 0)),
        (0, lambda t: t.dim() > 0),
        (-1, lambda t: t.dim() > 0 and t.shape[-1] == first.shape[-1]),
        (0, lambda t: t is first),
    ]
    seen = []
    for dim, chosen in ways:
        which = (dim, [t.numel() > 0 and chosen(t) and not _offsets(t) for t in tensors])
        if not any(which[1]) or which in seen:
            continue
        seen.append(which)
        largest = max(t.numel() for t, w in zip(tensors, which[1], strict=True) if w)
        yield [
            [
                _tile(t, dim, max(size // largest, 1)) if w else t
                for t, w in zip(tensors, which[1], strict=True)
            ]
            for size in (_LARGE // 64, _LARGE)
        ]


def _offsets(t: Tensor) -> bool:
    """Whether it looks like places where rows begin, which may not be repeated."""
    if t.is_floating_point() or t.dim() != 1 or t.numel() < 3:
        return False
    a = t.numpy()
    return bool(a[0] == 0 and (a[1:] >= a[:-1]).all())


def _tile(t: Tensor, dim: int, times: int) -> Tensor:
    import numpy as np

    random = np.random.default_rng(0)
    a = _array(t)
    n = a.shape[dim] * times
    order = np.concatenate([np.arange(a.shape[dim]), random.integers(0, a.shape[dim], n)])[:n]
    large = np.take(a, order, axis=dim)
    if t.is_floating_point():
        shape = [1] * a.ndim
        shape[dim] = n
        large = large * random.uniform(0.99, 1.0, shape).astype(a.dtype)
    return _C.from_numpy(np.ascontiguousarray(large)).to(t.dtype)


def shared(a: Tensor, b: Tensor) -> bool:
    """Whether a change of one may change the other."""
    import numpy as np

    if not a.numel() or not b.numel() or _C.bfloat16 in (a.dtype, b.dtype):
        return False
    return bool(np.may_share_memory(a.detach().numpy(), b.detach().numpy()))
