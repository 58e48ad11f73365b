"""From one function over a namespace to what each engine runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .case import Build, Case, Step

Function = Callable[..., Any]


def cotangent(shape: Sequence[int], dtype: Any) -> Any:
    """A fixed gradient of the result, neither constant nor small."""
    size = int(np.prod(shape, dtype=np.int64))
    return np.cos(np.arange(size) % 1013).astype(dtype).reshape(tuple(shape))


def flatten(result: Any) -> list[Any]:
    """Arrays of a nested result of any engine, in order."""
    if isinstance(result, Mapping):
        return [a for key in sorted(result) for a in flatten(result[key])]
    if isinstance(result, (tuple, list)):
        return [a for item in result for a in flatten(item)]
    if hasattr(result, "detach"):
        return [result.detach().contiguous().numpy()]
    return [np.asarray(result)]


def leaves(P: Any, arrays: Sequence[Any], wrt: Sequence[int] | None) -> tuple[list[Any], list[Any]]:
    """Tensors of the arrays; those of `wrt` (by default all floating ones) want a gradient."""
    tensors = [P.tensor(a) for a in arrays]
    chosen = wrt if wrt is not None else [k for k, a in enumerate(arrays) if a.dtype.kind == "f"]
    return tensors, [tensors[k].requires_grad_() for k in chosen]


def forward(f: Function) -> Build:
    def build(P: Any, *arrays: Any) -> Function:
        tensors = [P.tensor(a) for a in arrays]
        return lambda: f(P, *tensors)

    return build


def backward(f: Function, wrt: Sequence[int] | None = None) -> Build:
    """The backward pass alone, over a graph that is kept."""

    def build(P: Any, *arrays: Any) -> Function:
        tensors, wanted = leaves(P, arrays, wrt)
        y = f(P, *tensors)
        g = P.tensor(cotangent(y.shape, y.detach().numpy().dtype))
        return lambda: P.autograd.grad(y, wanted, g, retain_graph=True)

    return build


def both(f: Function, wrt: Sequence[int] | None = None) -> Build:
    """Forward and backward, gradients into `.grad`."""

    def build(P: Any, *arrays: Any) -> Step:
        tensors, wanted = leaves(P, arrays, wrt)
        y = f(P, *tensors)
        g = P.tensor(cotangent(y.shape, y.detach().numpy().dtype))

        def run() -> Any:
            for leaf in wanted:
                leaf.grad = None
            y = f(P, *tensors)
            y.backward(g)
            return y

        return Step(run, lambda: [run(), *(leaf.grad for leaf in wanted)])

    return build


def training(make: Function) -> Build:
    """A training step. `make(P, *inputs)` returns the model, a function that gives the loss, and
    the optimiser; the first three losses and the first gradients are compared."""

    def build(P: Any, *arrays: Any) -> Step:
        model, loss_of, optimiser = make(P, *arrays)

        def run() -> Any:
            optimiser.zero_grad()
            loss = loss_of()
            loss.backward()
            optimiser.step()
            return loss

        def check() -> Any:
            loss = run().item()
            gradients = [p.grad.clone() for p in model.parameters()]
            return [[loss, run().item(), run().item()], gradients]

        return Step(run, check)

    return build


MODES = {"forward": forward, "backward": backward, "forward + backward": both}


def numpy_forward(f: Function) -> Build:
    return lambda np, *arrays: lambda: f(np, *arrays)


def jax_build(f: Function, mode: str, wrt: Sequence[int] | None) -> Build:
    """`f(jax, *arrays)` compiled; backward by `jax.vjp`, of which only what is used is computed."""

    def build(jax: Any, *arrays: Any) -> Function:
        xs = [jax.numpy.asarray(a) for a in arrays]
        if mode == "forward":
            compiled = jax.jit(lambda *xs: f(jax, *xs))
            return lambda: jax.block_until_ready(compiled(*xs))
        kinds = [k for k, a in enumerate(arrays) if a.dtype.kind == "f"]
        chosen = list(wrt) if wrt is not None else kinds

        def of_leaves(*values: Any) -> Any:
            full = list(xs)
            for k, v in zip(chosen, values, strict=True):
                full[k] = v
            return f(jax, *full)

        def run(g: Any, *values: Any) -> Any:
            y, pull = jax.vjp(of_leaves, *values)
            return pull(g) if mode == "backward" else (y, *pull(g))

        values = [xs[k] for k in chosen]
        shape = jax.eval_shape(of_leaves, *values)
        g = jax.numpy.asarray(cotangent(shape.shape, shape.dtype))
        compiled = jax.jit(run)
        return lambda: jax.block_until_ready(compiled(g, *values))

    return build


def op(
    name: str,
    f: Function,
    inputs: Callable[[Any], tuple[Any, ...]],
    mode: str = "forward",
    *,
    array: Function | None = None,
    numpy: Build | None = None,
    jax: Function | None = None,
    wrt: Sequence[int] | None = None,
    **options: Any,
) -> Case:
    """A case of one function.

    Args:
        f: `f(P, *tensors)` for pyforge and PyTorch.
        inputs: makes the arrays.
        mode: "forward", "backward" (alone) or "forward + backward".
        array: `array(np, *arrays)` for NumPy (forward only) and JAX.
        numpy: what NumPy runs instead, a build; for backward passes by hand.
        jax: `jax(jax, *arrays)` instead of `array`.
        wrt: which inputs want gradients, by default all floating ones.
        options: of Case.
    """
    build = forward(f) if mode == "forward" else MODES[mode](f, wrt)
    builds = {"pyforge": build, "torch": build}
    if numpy is None and array is not None and mode == "forward":
        numpy = numpy_forward(array)
    if numpy is not None:
        builds["numpy"] = numpy
    if jax is None and array is not None:
        jax = lambda jax, *xs: array(jax.numpy, *xs)  # noqa: E731
    if jax is not None:
        builds["jax"] = jax_build(jax, mode, wrt)
    return Case(name, builds, inputs, **options)
