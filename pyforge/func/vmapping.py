"""Maps over a batch."""

from __future__ import annotations

from .._C import Tensor, equal, stack
from .._tree import broadcast_prefix, flatten
from ..random import get_rng_state, set_rng_state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_MODES = ("error", "different", "same")


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """A function that applies ``func`` to every entry of a batch and stacks the results.

    Note:
        ``func`` runs once per entry: this is for convenience and for derivatives per sample, not
        for speed. A function that is written for a batch is faster.

    Args:
        func: takes and returns (nested) tensors.
        in_dims: the dimension to map over for every argument, or a structure of them; ``None`` for
            arguments that are the same for all.
        out_dims: where the new dimension goes in the results; ``None`` for results that do not
            depend on the entry.
        randomness: ``"error"`` refuses random operations, ``"different"`` draws other numbers for
            each entry, ``"same"`` the same ones.
        chunk_size: accepted; must be positive.

    Raises:
        ValueError: for dimensions that do not fit the arguments, sizes that differ, results that
            are not tensors.
        RuntimeError: for an unknown ``randomness``, or random operations under ``"error"``.
    """
    if randomness not in _MODES:
        raise RuntimeError(
            f"Only allowed values for randomness are 'error', 'different', or 'same'. Got "
            f"{randomness}"
        )
    if chunk_size is not None and not chunk_size > 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")
    name = getattr(func, "__name__", repr(func))

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        leaves, rebuild = flatten(args)
        dims, size = _in_dims(name, in_dims, args, leaves)
        start = get_rng_state() if randomness != "different" else None
        results = []
        for i in range(size):
            if randomness == "same" and start is not None:
                set_rng_state(start)
            entry = [
                leaf if d is None else leaf.select(d, i)
                for leaf, d in zip(leaves, dims, strict=True)
            ]
            results.append(func(*rebuild(entry), **kwargs))
        if randomness == "error" and start is not None and not equal(get_rng_state(), start):
            raise RuntimeError(
                "vmap: called random operation while in randomness error mode. Please either use "
                "the 'same' or 'different' randomness flags on vmap or perform the randomness "
                "operation out of vmap"
            )
        return _join(name, out_dims, results)

    return wrapper


def _in_dims(
    name: str, in_dims: Any, args: tuple[Any, ...], leaves: list[Any]
) -> tuple[list[int | None], int]:
    if not isinstance(in_dims, (int, tuple)):
        raise ValueError(
            f"vmap({name}, in_dims={in_dims}, ...)(<inputs>): expected `in_dims` to be int or a "
            f"(potentially nested) tuple matching the structure of inputs, got: {type(in_dims)}."
        )
    if not args:
        raise ValueError(f"vmap({name})(<inputs>): got no inputs. Give it at least one.")
    dims = broadcast_prefix(in_dims, args)
    if dims is None:
        raise ValueError(
            f"vmap({name}, in_dims={in_dims}, ...)(<inputs>): in_dims is not compatible with the "
            "structure of `inputs`."
        )
    sizes = []
    for leaf, d in zip(leaves, dims, strict=True):
        if d is None:
            continue
        if not isinstance(d, int):
            raise ValueError(
                f"vmap({name}, in_dims={in_dims}, ...)(<inputs>): Got in_dim={d} for an input but "
                "in_dim must be either an integer dimension or None."
            )
        if not isinstance(leaf, Tensor):
            raise ValueError(
                f"vmap({name}, in_dims={in_dims}, ...)(<inputs>): Got in_dim={d} for an input but "
                f"the input is of type {type(leaf)}. We cannot vmap over non-Tensor arguments, "
                "please use None as the respective in_dim"
            )
        if not -leaf.dim() <= d < leaf.dim():
            raise ValueError(
                f"vmap({name}, in_dims={in_dims}, ...)(<inputs>): Got in_dim={d} for some input, "
                f"but that input is a Tensor of dimensionality {leaf.dim()} so expected in_dim to "
                f"satisfy -{leaf.dim()} <= in_dim < {leaf.dim()}."
            )
        sizes.append(leaf.shape[d])
    if not sizes:
        raise ValueError("vmap: Expected at least one Tensor to vmap over")
    if any(size != sizes[0] for size in sizes):
        raise ValueError(
            "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
            f"{sizes} for the mapped dimension"
        )
    if sizes[0] == 0:
        raise ValueError(
            f"vmap({name}): the mapped dimension is empty, so nothing says what the "
            "results look like"
        )
    return dims, sizes[0]


def _join(name: str, out_dims: Any, results: list[Any]) -> Any:
    parts, rebuild = flatten(results[0])
    dims = broadcast_prefix(out_dims, results[0])
    if dims is None and not isinstance(results[0], (tuple, list, dict)):
        dims = broadcast_prefix(out_dims, (results[0],))
    if dims is None:
        raise ValueError(
            f"vmap({name}, ..., out_dims={out_dims})(<inputs>): out_dims is not compatible with "
            "the structure of `outputs`."
        )
    columns = list(zip(*[flatten(r)[0] for r in results], strict=True))
    joined = []
    for part, d, column in zip(parts, dims, columns, strict=True):
        if d is not None and not isinstance(part, Tensor):
            raise ValueError(
                f"vmap({name}, ...): `{name}` must only return Tensors, got type {type(part)}. Did "
                "you mean to set out_dims= to None for output?"
            )
        joined.append(part if d is None else stack(list(column), d))
    return rebuild(joined)
