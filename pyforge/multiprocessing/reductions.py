"""How tensors travel between processes: as memory that both use."""

from __future__ import annotations

from multiprocessing import reduction
from multiprocessing.reduction import ForkingPickler
from typing import TYPE_CHECKING

from .. import _C
from .._C import Tensor
from ..nn.parameter import Parameter

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["init_reductions", "reduce_tensor"]


def reduce_tensor(tensor: Tensor) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """What pickles ``tensor`` for another process.

    Its memory is moved to shared memory first, so that each process sees what the other writes.
    Memory that is not shared yet and that other tensors or arrays look at as well stays where it
    is: then the other process gets a copy of the values.

    Raises:
        RuntimeError: for the result of an operation that requires grad, or if the system has no
            memory or file descriptor left.
    """
    if tensor.requires_grad and not tensor.is_leaf:
        raise RuntimeError(
            "Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd "
            "does not support crossing process boundaries.  If you just want to transfer the data, "
            "call detach() on the tensor before serializing (e.g., putting it on the queue)."
        )
    descriptor, nbytes, offset, sent = _C._shared_parts(tensor)
    return _rebuild, (
        type(tensor),
        reduction.DupFd(descriptor),
        nbytes,
        offset,
        tensor.dtype,
        tuple(sent.shape),
        sent.stride(),
        tensor.requires_grad,
        tensor.__dict__ or None,
    )


def _rebuild(
    cls: type[Tensor],
    descriptor: Any,
    nbytes: int,
    offset: int,
    dtype: _C.dtype,
    shape: tuple[int, ...],
    stride: tuple[int, ...],
    requires_grad: bool,
    attributes: dict[str, Any] | None,
) -> Tensor:
    t: Tensor = _C._from_shared(descriptor.detach(), nbytes, offset, dtype, shape, stride)
    if cls is Tensor:
        t.requires_grad_(requires_grad)
    else:
        t = _C._make_subclass(cls, t, requires_grad)
    if attributes:
        t.__dict__.update(attributes)
    return t


def init_reductions() -> None:
    """Let queues, pipes and the arguments of processes send tensors so."""
    for cls in (Tensor, Parameter):
        ForkingPickler.register(cls, reduce_tensor)
