"""NumPy's names on tensors, for programs written for HIPS autograd.

``import autograd.numpy as np`` becomes ``import pyforge.numpy as np``, and
``from autograd import grad`` becomes ``from pyforge.numpy import grad``. Arrays are float64
tensors; anything that takes NumPy arrays takes them too. ``np.random`` is NumPy's own, with
tensors as results.
"""

from __future__ import annotations

import builtins as _builtins
import math as _math

from .. import _C
from .._C import Tensor, float64, int64
from . import linalg as linalg
from . import random as random
from .derivatives import (
    elementwise_grad as elementwise_grad,
)
from .derivatives import (
    grad as grad,
)
from .derivatives import (
    hessian as hessian,
)
from .derivatives import (
    hessian_vector_product as hessian_vector_product,
)
from .derivatives import (
    jacobian as jacobian,
)
from .derivatives import (
    value_and_grad as value_and_grad,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Axis = int | tuple[int, ...] | None

pi = _math.pi
e = _math.e
inf = _math.inf
nan = _math.nan
newaxis = None
ndarray = Tensor

_ELEMENTWISE = [
    "abs",
    "arccos",
    "arcsin",
    "arctan",
    "arctan2",
    "ceil",
    "cos",
    "cosh",
    "exp",
    "expm1",
    "exp2",
    "fabs",
    "floor",
    "isfinite",
    "isinf",
    "isnan",
    "log",
    "log10",
    "log1p",
    "log2",
    "logaddexp",
    "logical_and",
    "logical_not",
    "logical_or",
    "maximum",
    "minimum",
    "mod",
    "negative",
    "reciprocal",
    "sign",
    "sin",
    "sinh",
    "sqrt",
    "square",
    "tan",
    "tanh",
    "tril",
    "triu",
    "true_divide",
]
_NAMED = {
    "arccos": "acos",
    "arcsin": "asin",
    "arctan": "atan",
    "arctan2": "atan2",
    "fabs": "abs",
    "mod": "remainder",
}


def array(object: Any, dtype: Any = None) -> Tensor:
    """A tensor of numbers, nested sequences of numbers and tensors, or a NumPy array.

    Floating point numbers become float64, as in NumPy.
    """
    if isinstance(object, (list, tuple)) and _holds_tensors(object):
        return _C.stack([array(item) for item in object])
    if isinstance(object, Tensor):
        return object if dtype is None else object.to(dtype)
    result = _C.as_tensor(object)
    if dtype is None and result.dtype == _C.float32:
        result = _C.tensor(object, dtype=float64)
    return result if dtype is None else result.to(dtype)


def _holds_tensors(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return _builtins.any(_holds_tensors(item) for item in value)
    return isinstance(value, Tensor)


asarray = array


def _wrap(name: str) -> Any:
    function = getattr(_C, _NAMED.get(name, name))

    def call(*args: Any) -> Tensor:
        tensors: list[Any] = [array(a) for a in args]
        first = tensors[0]
        if not first.is_floating_point() and name not in ("abs", "maximum", "minimum", "sign"):
            tensors = [t.to(float64) if not t.is_floating_point() else t for t in tensors]
        result: Tensor = function(*tensors)
        return result

    call.__name__ = name
    call.__doc__ = f"NumPy's ``{name}``, elementwise."
    return call


def __getattr__(name: str) -> Any:
    if name in _ELEMENTWISE:
        globals()[name] = value = _wrap(name)
        return value
    raise AttributeError(
        f"module 'pyforge.numpy' has no attribute {name!r}; use the method or function of pyforge"
    )


def _axes(x: Tensor, axis: Axis) -> list[int]:
    if axis is None:
        return list(range(x.dim()))
    return [axis] if isinstance(axis, int) else list(axis)


def _reduce(name: str) -> Any:
    def call(a: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
        x = array(a)
        if name == "mean" and not x.is_floating_point():
            x = x.to(float64)
        axes = _axes(x, axis)
        if not axes:
            return x
        if name in ("prod", "all", "any"):
            result: Tensor = x
            for d in sorted((d % x.dim() for d in axes), reverse=True):
                result = getattr(result, name)(d, keepdim=keepdims)
            return result
        reduced: Tensor = getattr(x, name)(axes, keepdim=keepdims)
        return reduced

    call.__doc__ = f"NumPy's ``{name.removeprefix('a')}`` over ``axis``."
    return call


sum = _reduce("sum")
mean = _reduce("mean")
prod = _reduce("prod")
max = amax = _reduce("amax")
min = amin = _reduce("amin")
all = _reduce("all")
any = _reduce("any")


def var(a: Any, axis: Axis = None, ddof: int = 0, keepdims: bool = False) -> Tensor:
    """The variance over ``axis``, divided by the count less ``ddof``."""
    x = array(a)
    return x.var(_axes(x, axis), correction=ddof, keepdim=keepdims)


def std(a: Any, axis: Axis = None, ddof: int = 0, keepdims: bool = False) -> Tensor:
    """The root of :func:`var`."""
    x = array(a)
    return x.std(_axes(x, axis), correction=ddof, keepdim=keepdims)


def argmax(a: Any, axis: int | None = None) -> Tensor:
    """Where the largest element is."""
    x = array(a)
    return x.reshape(-1).argmax(0) if axis is None else x.argmax(axis)


def argmin(a: Any, axis: int | None = None) -> Tensor:
    """Where the smallest element is."""
    x = array(a)
    return x.reshape(-1).argmin(0) if axis is None else x.argmin(axis)


def cumsum(a: Any, axis: int | None = None) -> Tensor:
    """Running sums along ``axis``, of all elements by default."""
    x = array(a)
    return x.reshape(-1).cumsum(0) if axis is None else x.cumsum(axis)


def dot(a: Any, b: Any) -> Tensor:
    """Sums over the last axis of ``a`` and the last but one of ``b``."""
    x, y = array(a), array(b)
    if x.dim() == 0 or y.dim() == 0:
        return x * y
    if x.dim() > 2 or y.dim() > 2:
        last = y.dim() - 2 if y.dim() > 1 else 0
        return tensordot(x, y, ([x.dim() - 1], [last]))
    return x @ y


def matmul(a: Any, b: Any) -> Tensor:
    """The matrix product."""
    return array(a) @ array(b)


def inner(a: Any, b: Any) -> Tensor:
    """Sums over the last axes of both."""
    x, y = array(a), array(b)
    if x.dim() == 0 or y.dim() == 0:
        return x * y
    return tensordot(x, y, ([x.dim() - 1], [y.dim() - 1]))


def outer(a: Any, b: Any) -> Tensor:
    """The products of all pairs of elements."""
    return array(a).reshape(-1, 1) * array(b).reshape(1, -1)


def tensordot(a: Any, b: Any, axes: Any = 2) -> Tensor:
    """Sums over the given axes of both."""
    from .. import tensordot as contract

    return contract(array(a), array(b), axes)


def einsum(subscripts: str, *operands: Any) -> Tensor:
    """Einstein's sums."""
    return _C.einsum(subscripts, [array(x) for x in operands])


def power(a: Any, b: Any) -> Tensor:
    """``a ** b``."""
    return array(a) ** (b if isinstance(b, (int, float)) else array(b))


def where(condition: Any, x: Any, y: Any) -> Tensor:
    """``x`` where the condition holds, ``y`` elsewhere."""
    return _C.where(array(condition), array(x), array(y))


def clip(a: Any, a_min: Any, a_max: Any) -> Tensor:
    """Elements kept between two bounds."""
    return array(a).clamp(a_min, a_max)


def reshape(a: Any, newshape: Any) -> Tensor:
    """The elements in another shape."""
    return array(a).reshape(newshape)


def ravel(a: Any) -> Tensor:
    """All elements in one vector."""
    return array(a).reshape(-1)


def transpose(a: Any, axes: Any = None) -> Tensor:
    """The axes in another order, reversed by default."""
    x = array(a)
    return x.permute(*(range(x.dim() - 1, -1, -1) if axes is None else axes))


def swapaxes(a: Any, axis1: int, axis2: int) -> Tensor:
    """Two axes exchanged."""
    return array(a).transpose(axis1, axis2)


def expand_dims(a: Any, axis: int) -> Tensor:
    """A new axis of size 1."""
    return array(a).unsqueeze(axis)


def squeeze(a: Any, axis: int | None = None) -> Tensor:
    """Axes of size 1 removed."""
    return array(a).squeeze() if axis is None else array(a).squeeze(axis)


def broadcast_to(a: Any, shape: Any) -> Tensor:
    """Repeated to ``shape``."""
    return array(a).expand(*((shape,) if isinstance(shape, int) else shape))


def concatenate(arrays: Any, axis: int = 0) -> Tensor:
    """Arrays joined along an axis."""
    return _C.cat([array(a) for a in arrays], axis)


def stack(arrays: Any, axis: int = 0) -> Tensor:
    """Arrays joined along a new axis."""
    return _C.stack([array(a) for a in arrays], axis)


def vstack(arrays: Any) -> Tensor:
    """Rows below each other."""
    return concatenate([a if a.dim() > 1 else a.reshape(1, -1) for a in map(array, arrays)])


def hstack(arrays: Any) -> Tensor:
    """Columns beside each other."""
    parts = [array(a) for a in arrays]
    return concatenate(parts, 0 if parts[0].dim() < 2 else 1)


def tile(a: Any, reps: Any) -> Tensor:
    """Repeated along each axis."""
    x, counts = array(a), (reps,) if isinstance(reps, int) else tuple(reps)
    shape = (1,) * (len(counts) - x.dim()) + tuple(x.shape)
    return x.reshape(shape).repeat(*((1,) * (len(shape) - len(counts)) + counts))


def diag(a: Any, k: int = 0) -> Tensor:
    """The diagonal of a matrix, or a matrix with this diagonal."""
    x = array(a)
    if x.dim() == 2:
        return x.diagonal(k)
    n = x.shape[0] + abs_int(k)
    rows = _C.arange(x.shape[0]) + (-k if k < 0 else 0)
    cols = _C.arange(x.shape[0]) + (k if k > 0 else 0)
    flat = _C.zeros((n * n,), dtype=x.dtype).index_add(0, rows * n + cols, x)
    return flat.view(n, n)


def abs_int(k: int) -> int:
    """The magnitude of an integer."""
    return k if k >= 0 else -k


def trace(a: Any) -> Tensor:
    """The sum of the diagonal."""
    return array(a).diagonal().sum()


def sort(a: Any, axis: int = -1) -> Tensor:
    """The elements in order along an axis."""
    return array(a).sort(axis)[0]


def zeros(shape: Any, dtype: Any = float64) -> Tensor:
    """Zeros."""
    return _C.zeros((shape,) if isinstance(shape, int) else tuple(shape), dtype=dtype)


def ones(shape: Any, dtype: Any = float64) -> Tensor:
    """Ones."""
    return _C.ones((shape,) if isinstance(shape, int) else tuple(shape), dtype=dtype)


def full(shape: Any, fill_value: float, dtype: Any = float64) -> Tensor:
    """One number everywhere."""
    size = (shape,) if isinstance(shape, int) else tuple(shape)
    return _C.full(size, fill_value, dtype=dtype)


def zeros_like(a: Any) -> Tensor:
    """Zeros in the shape of ``a``."""
    return _C.zeros_like(array(a))


def ones_like(a: Any) -> Tensor:
    """Ones in the shape of ``a``."""
    return _C.ones_like(array(a))


def eye(n: int, m: int | None = None) -> Tensor:
    """Ones on the diagonal."""
    return _C.eye(n, n if m is None else m, dtype=float64)


identity = eye


def arange(*args: Any) -> Tensor:
    """Numbers at a distance of 1, or of the third argument."""
    whole = _builtins.all(isinstance(a, int) for a in args)
    return _C.arange(*args, dtype=int64 if whole else float64)


def linspace(start: float, stop: float, num: int = 50) -> Tensor:
    """``num`` numbers at equal distances, both ends included."""
    return _C.linspace(start, stop, num, dtype=float64)


def shape(a: Any) -> tuple[int, ...]:
    """The sizes of all axes."""
    return tuple(array(a).shape)


def ndim(a: Any) -> int:
    """The number of axes."""
    return array(a).dim()


def size(a: Any) -> int:
    """The number of elements."""
    return array(a).numel()


def allclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8) -> bool:
    """Whether all elements are equal within tolerances."""
    import numpy

    x, y = (array(t).detach().numpy() for t in (a, b))
    return _builtins.bool(numpy.allclose(x, y, rtol, atol))
