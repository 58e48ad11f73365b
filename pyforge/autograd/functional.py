"""Products with Jacobians and Hessians, and these themselves, of functions of tensors."""

from __future__ import annotations

from .._C import Tensor, stack, zeros_like
from . import grad as _autograd_grad
from .grad_mode import enable_grad

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Tensors = Tensor | tuple[Tensor, ...]

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

_STRICT = "This is not allowed in strict mode."


def _as_tuple(value: Any, what: str, name: str) -> tuple[bool, tuple[Tensor, ...]]:
    several = isinstance(value, tuple)
    values = value if several else (value,)
    for i, v in enumerate(values):
        if not isinstance(v, Tensor):
            where = f"the value at index {i}" if several else f"the given {what}"
            raise TypeError(
                f"The {what} given to {name} must be either a Tensor or a tuple of Tensors but "
                f"{where} has type {type(v)}."
            )
    return several, values


def _inputs(inputs: tuple[Tensor, ...], create_graph: bool) -> tuple[Tensor, ...]:
    """Tensors to differentiate by; connected to the given ones if the result shall be."""
    return tuple(
        x.view_as(x) if create_graph and x.requires_grad else x.detach().requires_grad_()
        for x in inputs
    )


def _direction(
    v: Any, like: tuple[Tensor, ...], several: bool, create_graph: bool, name: str
) -> tuple[Tensor, ...]:
    _, given = _as_tuple(v, "v", name)
    if len(given) != len(like):
        if several:
            raise RuntimeError(
                f"v is a tuple of invalid length: should be {len(like)} but got {len(given)}."
            )
        raise RuntimeError("The given v should contain a single Tensor.")
    for i, (g, x) in enumerate(zip(given, like, strict=True)):
        if g.shape != x.shape:
            entry = f"Entry {i} in " if several else ""
            raise RuntimeError(f"{entry}v has invalid size: should be {x.shape} but got {g.shape}.")
    return tuple(g if create_graph and g.requires_grad else g.detach() for g in given)


def _gradients(
    outputs: Sequence[Tensor],
    inputs: tuple[Tensor, ...],
    grad_outputs: Sequence[Tensor | None],
    create_graph: bool,
) -> tuple[Tensor | None, ...]:
    pairs = [(y, g) for y, g in zip(outputs, grad_outputs, strict=True) if y.requires_grad]
    if not pairs:
        return (None,) * len(inputs)
    return _autograd_grad(
        [y for y, _ in pairs],
        inputs,
        [g for _, g in pairs],
        retain_graph=True,
        create_graph=create_graph,
        allow_unused=True,
    )


def _filled(
    grads: Sequence[Tensor | None], like: Sequence[Tensor], strict: bool, what: str
) -> tuple[Tensor, ...]:
    """Zeros where there is no gradient, which ``strict`` forbids."""
    result = []
    for i, (g, x) in enumerate(zip(grads, like, strict=True)):
        if g is None and strict:
            raise RuntimeError(what.format(i) + " " + _STRICT)
        result.append(zeros_like(x) if g is None else g)
    return tuple(result)


def _must_depend(tensors: Sequence[Tensor], strict: bool, what: str) -> None:
    for i, t in enumerate(tensors):
        if strict and not t.requires_grad:
            raise RuntimeError(what.format(i) + " " + _STRICT)


def _given_back(values: tuple[Tensor, ...], several: bool, create_graph: bool) -> Any:
    values = values if create_graph else tuple(v.detach() for v in values)
    return values if several else values[0]


_INDEPENDENT = "The output of the user-provided function is independent of input {}."
_NOT_DIFFERENTIABLE = "Output {} of the user-provided function does not require gradients."
_GRAD_INDEPENDENT = (
    "The gradient with respect to input {} is independent of the inputs of the user-provided "
    "function."
)
_CREATE_GRAPH = "The jacobian of the user-provided function is independent of input {}."


def vjp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """``(func(*inputs), v times its Jacobian)``.

    Args:
        func: takes and returns tensors.
        inputs: a tensor or a tuple of tensors.
        v: of the shapes of the outputs; may be left out for a single element.
        create_graph: let the results be differentiated again.
        strict: an output that does not depend on an input is an error instead of zeros.

    Raises:
        RuntimeError: for a ``v`` that is missing or has the wrong shape; with ``strict``.
        TypeError: for values that are not tensors.
    """
    with enable_grad():
        several, xs = _as_tuple(inputs, "inputs", "vjp")
        xs = _inputs(xs, create_graph)
        several_out, ys = _as_tuple(func(*xs), "outputs of the user-provided function", "vjp")
        _must_depend(ys, strict, _NOT_DIFFERENTIABLE)
        gs: Sequence[Tensor | None] = [None]
        if v is not None:
            gs = _direction(v, ys, several_out, create_graph, "vjp")
        elif len(ys) != 1 or ys[0].numel() != 1:
            raise RuntimeError(
                "The vector v can only be None if the user-provided function returns a single "
                "Tensor with a single element."
            )
        grads = _filled(_gradients(ys, xs, gs, create_graph), xs, strict, _INDEPENDENT)
        _must_depend(grads, strict and create_graph, _CREATE_GRAPH)
    return (
        _given_back(ys, several_out, create_graph),
        _given_back(grads, several, create_graph),
    )


def jvp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """``(func(*inputs), its Jacobian times v)``, by differentiating twice.

    Args:
        func: takes and returns tensors.
        inputs: a tensor or a tuple of tensors.
        v: of the shapes of the inputs; may be left out for a single element.
        create_graph: let the results be differentiated again.
        strict: an output that does not depend on an input is an error instead of zeros.

    Raises:
        RuntimeError: for a ``v`` that is missing or has the wrong shape; with ``strict``.
        TypeError: for values that are not tensors.
    """
    with enable_grad():
        several, xs = _as_tuple(inputs, "inputs", "jvp")
        xs = _inputs(xs, create_graph)
        if v is not None:
            vs = _direction(v, xs, several, create_graph, "jvp")
        elif len(xs) != 1 or xs[0].numel() != 1:
            raise RuntimeError(
                "The vector v can only be None if the input to the user-provided function is a "
                "single Tensor with a single element."
            )
        else:
            vs = (zeros_like(xs[0]) + 1,)
            vs = tuple(t.detach() for t in vs)
        several_out, ys = _as_tuple(func(*xs), "outputs of the user-provided function", "jvp")
        _must_depend(ys, strict, _NOT_DIFFERENTIABLE)
        dummies = tuple(zeros_like(y).requires_grad_() for y in ys)
        grads = _filled(_gradients(ys, xs, dummies, True), xs, strict, _INDEPENDENT)
        _must_depend(grads, strict, _GRAD_INDEPENDENT)
        pushed = _filled(_gradients(grads, dummies, vs, create_graph), ys, strict, _INDEPENDENT)
    return (
        _given_back(ys, several_out, create_graph),
        _given_back(pushed, several_out, create_graph),
    )


def _check_strategy(name: str, strategy: str, vectorize: bool, strict: bool) -> None:
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError(
            'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your '
            'function has more outputs than inputs, "forward-mode" tends to be more performant. '
            'Otherwise, prefer to use "reverse-mode".'
        )
    if vectorize and strict:
        raise RuntimeError(
            f"torch.autograd.functional.{name}: `strict=True` and `vectorized=True` are not "
            "supported together."
        )
    if strategy == "forward-mode" and not vectorize:
        raise NotImplementedError(
            f"torch.autograd.functional.{name}: `strategy='forward-mode'` needs `vectorize=True`."
        )


def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian of ``func``: for an output and an input, in the shape of both together.

    One backward pass per element of the outputs.

    Args:
        func: takes and returns tensors.
        inputs: a tensor or a tuple of tensors.
        create_graph: let the result be differentiated again.
        strict: an output that does not depend on an input is an error instead of zeros.
        vectorize: accepted.
        strategy: ``"reverse-mode"``, or with ``vectorize`` ``"forward-mode"``, the same numbers.

    Returns:
        A tensor; a tuple of them for several inputs or outputs, nested for both.

    Raises:
        RuntimeError: with ``strict``.
        TypeError: for values that are not tensors.
    """
    _check_strategy("jacobian", strategy, vectorize, strict)
    with enable_grad():
        several, xs = _as_tuple(inputs, "inputs", "jacobian")
        xs = _inputs(xs, create_graph)
        several_out, ys = _as_tuple(func(*xs), "outputs of the user-provided function", "jacobian")
        _must_depend(ys, strict, _NOT_DIFFERENTIABLE)
        result = []
        for y in ys:
            rows = []
            for i in range(y.numel()):
                unit = y.new_zeros(y.numel())
                unit[i] = 1
                grads = _gradients([y], xs, [unit.view(y.shape)], create_graph)
                rows.append(_filled(grads, xs, strict, _INDEPENDENT))
                _must_depend(rows[-1], strict and create_graph, _CREATE_GRAPH)
            blocks = tuple(
                stack([row[k] for row in rows]).view(tuple(y.shape) + tuple(x.shape))
                if rows
                else x.new_zeros(tuple(y.shape) + tuple(x.shape))
                for k, x in enumerate(xs)
            )
            result.append(_given_back(blocks, several, create_graph))
    return tuple(result) if several_out else result[0]


def hessian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The Hessian of ``func``, which returns a single element.

    Args:
        func: takes tensors, returns a tensor of one element.
        inputs: a tensor or a tuple of tensors.
        create_graph: let the result be differentiated again.
        strict: independence of an input is an error instead of zeros.
        vectorize: accepted.
        outer_jacobian_strategy: see :func:`jacobian`.

    Returns:
        A tensor in the shape of the input twice; for several, a tuple of tuples.

    Raises:
        RuntimeError: for several elements; with ``strict``.
    """
    several, xs = _as_tuple(inputs, "inputs", "hessian")
    _check_strategy("hessian", outer_jacobian_strategy, vectorize, strict)

    def gradient(*args: Tensor) -> tuple[Tensor, ...]:
        grads: tuple[Tensor, ...] = jacobian(
            lambda *a: _single(func(*a), "hessian"), args, create_graph=True, strict=strict
        )
        return tuple(g.reshape(x.shape) for g, x in zip(grads, args, strict=True))

    result = jacobian(gradient, xs, create_graph, strict)
    return result if several else result[0][0]


def _single(output: Any, name: str) -> Tensor:
    several, ys = _as_tuple(output, "outputs of the user-provided function", name)
    if several:
        raise RuntimeError(f"The function given to {name} should return a single Tensor")
    if ys[0].numel() != 1:
        raise RuntimeError(
            f"The Tensor returned by the function given to {name} should contain a single element"
        )
    return ys[0]


def _second_order(
    name: str,
    func: Callable[..., Any],
    inputs: Any,
    v: Any,
    create_graph: bool,
    strict: bool,
) -> tuple[Any, Any]:
    """The value, and v times the derivative of the gradient."""
    with enable_grad():
        several, xs = _as_tuple(inputs, "inputs", name)
        xs = _inputs(xs, create_graph)
        if v is not None:
            vs = _direction(v, xs, several, create_graph, name)
        elif len(xs) != 1 or xs[0].numel() != 1:
            raise RuntimeError(
                "The vector v can only be None if the input to the user-provided function is a "
                "single Tensor with a single element."
            )
        else:
            vs = ((zeros_like(xs[0]) + 1).detach(),)
        y = _single(func(*xs), name)
        _must_depend([y], strict, _NOT_DIFFERENTIABLE)
        grads = _filled(_gradients([y], xs, [None], True), xs, strict, _INDEPENDENT)
        _must_depend(grads, strict, _GRAD_INDEPENDENT)
        product = _filled(_gradients(grads, xs, vs, create_graph), xs, strict, _INDEPENDENT)
    value = _given_back((y,), False, create_graph)
    return value, _given_back(product, several, create_graph)


def vhp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """``(func(*inputs), v times its Hessian)``; two backward passes.

    Args:
        func: takes tensors, returns a tensor of one element.
        inputs: a tensor or a tuple of tensors.
        v: of the shapes of the inputs; may be left out for a single element.
        create_graph: let the results be differentiated again.
        strict: independence of an input is an error instead of zeros.

    Raises:
        RuntimeError: for a ``v`` that is missing or has the wrong shape, for several outputs; with
            ``strict``.
    """
    return _second_order("vhp", func, inputs, v, create_graph, strict)


def hvp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """``(func(*inputs), its Hessian times v)``; the Hessian is symmetric, so as :func:`vhp`."""
    return _second_order("hvp", func, inputs, v, create_graph, strict)
