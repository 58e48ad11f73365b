"""SciPy's minimisers, with gradients and Hessians from the tape. Needs SciPy."""

from __future__ import annotations

from ._C import Tensor, cat, float64, from_numpy
from ._tree import flatten
from .autograd import grad
from .autograd.grad_mode import enable_grad

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["minimize"]

_WITH_PRODUCTS = ("newton-cg", "trust-ncg", "trust-krylov", "trust-constr")
_WITH_HESSIAN = ("dogleg", "trust-exact")
_WITHOUT_GRADIENT = ("nelder-mead", "powell", "cobyla", "cobyqa")


def minimize(
    fun: Callable[..., Tensor],
    x0: Any,
    args: tuple[Any, ...] = (),
    method: str | None = None,
    *,
    bounds: Any = None,
    constraints: Any = (),
    tol: float | None = None,
    callback: Any = None,
    options: dict[str, Any] | None = None,
) -> Any:
    """Minimise ``fun`` with :func:`scipy.optimize.minimize`.

    SciPy gets value and gradient in float64, and where the method takes them Hessian-vector
    products or the Hessian, by differentiating twice.

    Args:
        fun: ``fun(x, *args)`` returns a tensor of one element; ``x`` is like ``x0``.
        x0: where to start: a tensor, or nested tuples, lists and dictionaries of tensors. Left as
            it is.
        args: further arguments of ``fun``.
        method: SciPy's; L-BFGS-B, BFGS or SLSQP by default, as SciPy chooses.
        bounds: as SciPy's, for the elements of all tensors one after the other.
        constraints: as SciPy's, functions of one NumPy vector.
        tol: as SciPy's.
        callback: as SciPy's; gets NumPy arrays.
        options: as SciPy's.

    Returns:
        SciPy's result; its ``x`` is like ``x0``, with the dtypes of ``x0``.

    Raises:
        ImportError: without SciPy.
        TypeError: if ``x0`` holds something else than floating point tensors, or ``fun`` returns
            no tensor.
        ValueError: if ``fun`` returns several elements.
    """
    try:
        from scipy import optimize
    except ImportError:
        raise ImportError(
            "pyforge.optimize needs SciPy, which is not installed: pip install scipy"
        ) from None
    import numpy as np

    start, rebuild = flatten(x0)
    for t in start:
        if not isinstance(t, Tensor) or not t.is_floating_point():
            raise TypeError(
                "minimize: x0 must be a floating point Tensor or hold such tensors, got "
                f"{t.dtype if isinstance(t, Tensor) else type(t).__name__}"
            )

    def parts(vector: Array) -> list[Tensor]:
        flat = from_numpy(np.array(vector, dtype=np.float64))
        pieces, at = [], 0
        for t in start:
            pieces.append(flat[at : at + t.numel()].view(t.shape).to(t.dtype))
            at += t.numel()
        return pieces

    def evaluate(vector: Array) -> tuple[list[Tensor], Tensor]:
        inputs = [p.detach().requires_grad_() for p in parts(vector)]
        with enable_grad():
            value = fun(rebuild(inputs), *args)
        if not isinstance(value, Tensor):
            raise TypeError(f"minimize: fun must return a Tensor, not {type(value).__name__}")
        if value.numel() != 1:
            raise ValueError(
                f"minimize: fun must return one element, got a tensor of shape {tuple(value.shape)}"
            )
        return inputs, value

    def joined(tensors: Any, like: list[Tensor]) -> Array:
        flat = [
            (x.new_zeros(x.shape) if t is None else t).detach().reshape(-1).to(float64)
            for t, x in zip(tensors, like, strict=True)
        ]
        return cat(flat).numpy()

    def value_alone(vector: Array) -> float:
        return float(evaluate(vector)[1])

    def value_and_gradient(vector: Array) -> tuple[float, Array]:
        inputs, value = evaluate(vector)
        if not value.requires_grad:
            return float(value), np.zeros_like(vector)
        return float(value), joined(grad(value, inputs, allow_unused=True), inputs)

    def product(vector: Array, direction: Array) -> Array:
        inputs, value = evaluate(vector)
        if not value.requires_grad:
            return np.zeros_like(vector)
        with enable_grad():
            slopes = grad(value, inputs, create_graph=True, allow_unused=True)
        pairs = [
            (g, d)
            for g, d in zip(slopes, parts(direction), strict=True)
            if g is not None and g.requires_grad
        ]
        if not pairs:
            return np.zeros_like(vector)
        second = grad([g for g, _ in pairs], inputs, [d for _, d in pairs], allow_unused=True)
        return joined(second, inputs)

    def hessian(vector: Array) -> Array:
        return np.stack([product(vector, row) for row in np.eye(len(vector))])

    name = (method or "").lower()
    extra: dict[str, Any] = {}
    if name in _WITH_PRODUCTS:
        extra["hessp"] = product
    elif name in _WITH_HESSIAN:
        extra["hess"] = hessian
    plain = name in _WITHOUT_GRADIENT
    result = optimize.minimize(
        value_alone if plain else value_and_gradient,
        joined(start, start),
        method=method,
        jac=None if plain else True,
        bounds=bounds,
        constraints=constraints,
        tol=tol,
        callback=callback,
        options=options,
        **extra,
    )
    result.x = rebuild(parts(result.x))
    return result
