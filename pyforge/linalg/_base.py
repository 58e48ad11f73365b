"""What the functions of linalg share: checks, NumPy arrays, results."""

from __future__ import annotations

from .._C import Tensor, float32, float64, from_numpy
from .._functions import broadcast_shapes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.floating[Any]]


class LinAlgError(RuntimeError):
    """A matrix is singular, not positive-definite, or an algorithm did not converge."""


def check_floating(name: str, a: Tensor, argument: str = "A") -> None:
    if not isinstance(a, Tensor):
        raise TypeError(
            f"linalg.{name}(): argument '{argument}' must be Tensor, not {type(a).__name__}"
        )
    if a.dtype is float32 or a.dtype is float64:
        return
    if a.dtype.is_floating_point:
        raise RuntimeError(
            f"linalg.{name}: Low precision dtypes not supported. Got {a.dtype}; "
            "convert with .float() first"
        )
    raise RuntimeError(
        f"linalg.{name}: Expected a floating point or complex tensor as input. Got {a.dtype}"
    )


def check_matrix(name: str, a: Tensor, argument: str = "A") -> None:
    check_floating(name, a, argument)
    if a.dim() < 2:
        raise RuntimeError(
            f"linalg.{name}: The input tensor {argument} must have at least 2 dimensions."
        )


def check_square(name: str, a: Tensor, argument: str = "A") -> None:
    check_matrix(name, a, argument)
    rows, columns = a.shape[-2:]
    if rows != columns:
        raise RuntimeError(
            f"linalg.{name}: {argument} must be batches of square matrices, "
            f"but they are {rows} by {columns} matrices"
        )


def check_same_dtype(name: str, a: Tensor, b: Tensor) -> None:
    if not isinstance(b, Tensor) or a.dtype is not b.dtype:
        raise RuntimeError(
            f"linalg.{name}: Expected A and B to have the same dtype, but found A of type "
            f"{a.dtype} and B of type {getattr(b, 'dtype', type(b).__name__)} instead"
        )


def array(t: Tensor) -> Array:
    return t.detach().numpy()


def tensor(a: Any) -> Tensor:
    import numpy as np

    return from_numpy(np.require(a, requirements=["C", "W"]))


def same_batch(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Views with the leading dimensions broadcast."""
    if a.shape[:-2] == b.shape[:-2]:
        return a, b
    batch = broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return a.expand(*batch, *a.shape[-2:]), b.expand(*batch, *b.shape[-2:])


def check_fits(name: str, a: Tensor, b: Tensor, left: bool = True) -> None:
    if b.dim() < 2 or b.shape[-2 if left else -1] != a.shape[-1]:
        n = a.shape[-1]
        shape = "x".join(map(str, b.shape[-2:]))
        raise RuntimeError(
            f"linalg.{name}: Incompatible shapes of A and B for the equation "
            f"{'AX = B' if left else 'XA = B'} ({n}x{n} and {shape})"
        )


def half_triangle(m: Tensor) -> Tensor:
    """The lower triangle with half of the diagonal."""
    return m.tril() - 0.5 * m.diagonal(0, -2, -1).diag_embed()
