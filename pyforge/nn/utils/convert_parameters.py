"""All parameters as one vector, and back."""

from __future__ import annotations

from ..._C import Tensor, cat
from ...autograd.grad_mode import no_grad

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """The elements of all ``parameters`` one after the other, as one vector in the graph."""
    return cat([param.reshape(-1) for param in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Copy the elements of ``vec`` into ``parameters`` one after the other.

    Raises:
        TypeError: if ``vec`` is not a tensor.
        ValueError: if ``vec`` has not as many elements as the parameters have together.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected Tensor, but got: {type(vec).__name__}")
    params = list(parameters)
    total = sum(param.numel() for param in params)
    if vec.numel() != total:
        raise ValueError(f"vec has {vec.numel()} elements, the parameters have {total}")
    start = 0
    with no_grad():
        for param in params:
            part = vec[start : start + param.numel()]
            param.copy_(part.view(param.shape))
            start += param.numel()
