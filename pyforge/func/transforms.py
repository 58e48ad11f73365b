"""Derivatives of functions of (nested) tensors, as functions that can be differentiated again."""

from __future__ import annotations

from .._C import Tensor, _graph_leaves, is_grad_enabled, stack, zeros_like
from .._tree import flatten
from ..autograd import grad as _autograd_grad
from ..autograd.grad_mode import enable_grad

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Argnums = int | tuple[int, ...]


class _Traced:
    """Outputs of a function, and the inputs with respect to which they can be differentiated."""

    def __init__(self, name: str, func: Callable[..., Any], primals: Any, has_aux: bool) -> None:
        self.name = name
        self.recorded_outside = is_grad_enabled()
        values, self.rebuild_inputs = flatten(primals)
        for value in values:
            if not isinstance(value, Tensor):
                raise RuntimeError(
                    f"{name}: expected all inputs that are differentiated to be Tensors, got "
                    f"{type(value).__name__}"
                )
        with enable_grad():
            # A view stays connected to what the caller differentiates by.
            self.inputs = [
                v.view_as(v)
                if v.requires_grad and self.recorded_outside
                else v.detach().requires_grad_()
                for v in values
            ]
            result = func(*self.rebuild_inputs(self.inputs))
        self.aux = None
        if has_aux:
            if not isinstance(result, tuple) or len(result) != 2:
                raise RuntimeError(
                    f"{name}: output of function should be a tuple: (output, aux) if has_aux is "
                    f"True, got {type(result).__name__}"
                )
            result, aux = result
            self.aux = self.finish(aux)
        self.outputs, self.rebuild_outputs = flatten(result)
        for output in self.outputs:
            if not isinstance(output, Tensor):
                raise RuntimeError(
                    f"{name}: expected the function to return Tensors, got {type(output).__name__}"
                )

    def pull(self, cotangents: list[Tensor | None], *, record: bool | None = None) -> list[Tensor]:
        """The gradients of the inputs, zeros where an output does not depend on them."""
        record = self.tracked() if record is None else record
        pairs = [(y, g) for y, g in zip(self.outputs, cotangents, strict=True) if y.requires_grad]
        if not pairs:
            return [zeros_like(x) for x in self.inputs]
        with enable_grad():
            grads = _autograd_grad(
                [y for y, _ in pairs],
                self.inputs,
                [g for _, g in pairs],
                retain_graph=True,
                create_graph=record,
                allow_unused=True,
            )
        return [zeros_like(x) if g is None else g for g, x in zip(grads, self.inputs, strict=True)]

    def tracked(self) -> bool:
        """Whether the outputs depend on something that the caller differentiates by."""
        if not self.recorded_outside:
            return False
        own = {id(x) for x in self.inputs if x.is_leaf}
        return any(
            id(leaf) not in own
            for y in self.outputs
            if y.requires_grad
            for leaf in _graph_leaves(y)
        )

    def push(self, tangents: list[Tensor]) -> list[Tensor]:
        """The directional derivatives of the outputs, by differentiating the pull-back again."""
        dummies = [zeros_like(y).requires_grad_() for y in self.outputs]
        pulled = self.pull(list(dummies), record=True)
        record = self.tracked() or any(t.requires_grad for t in tangents)
        return _second(pulled, dummies, tangents, record)

    def finish(self, tree: Any) -> Any:
        """The values for the caller: without history unless the caller can use it."""
        leaves, rebuild = flatten(tree)
        own = {id(x) for x in self.inputs if x.is_leaf}
        return rebuild([_finished(v, own, self.recorded_outside) for v in leaves])


def _finished(value: Any, own: set[int], recorded: bool) -> Any:
    if not isinstance(value, Tensor) or not value.requires_grad:
        return value
    if recorded and any(id(leaf) not in own for leaf in _graph_leaves(value)):
        return value
    return value.detach()


def _second(
    pulled: list[Tensor], dummies: list[Tensor], tangents: list[Tensor], record: bool
) -> list[Tensor]:
    pairs = [(p, t) for p, t in zip(pulled, tangents, strict=True) if p.requires_grad]
    if not pairs:
        return [zeros_like(d) for d in dummies]
    grads = _autograd_grad(
        [p for p, _ in pairs],
        dummies,
        [t for _, t in pairs],
        retain_graph=True,
        create_graph=record,
        allow_unused=True,
    )
    return [zeros_like(d) if g is None else g for g, d in zip(grads, dummies, strict=True)]


def _choose(
    name: str, func: Callable[..., Any], argnums: Argnums, args: tuple[Any, ...], kwargs: Any
) -> tuple[Callable[..., Any], list[Any]]:
    """A function of the chosen arguments alone, and these."""
    numbers = (argnums,) if isinstance(argnums, int) else argnums
    chosen = []
    for n in numbers:
        if not isinstance(n, int):
            raise RuntimeError(f"{name}: argnums must be int or Tuple[int, ...], got {argnums}")
        if not -len(args) <= n < len(args):
            raise RuntimeError(f"{name}: got argnum={n}, but only {len(args)} positional inputs")
        chosen.append(n % len(args))
    if len(set(chosen)) != len(chosen):
        raise RuntimeError(f"{name}: argnums elements must be unique, got {argnums}")

    def partial(*values: Any) -> Any:
        everything = list(args)
        for n, value in zip(chosen, values, strict=True):
            everything[n] = value
        return func(*everything, **kwargs)

    return partial, [args[n] for n in chosen]


def _shaped(argnums: Argnums, values: Any) -> Any:
    return values[0] if isinstance(argnums, int) else tuple(values)


def grad_and_value(
    func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that returns ``(gradient, value)`` of ``func``, which returns a 0-d tensor.

    Args:
        func: takes tensors, or nested tuples, lists and dictionaries of them.
        argnums: the argument to differentiate by, or a tuple of several.
        has_aux: ``func`` returns ``(value, aux)``; the result is ``(gradient, (value, aux))``.

    Raises:
        RuntimeError: for a value that is not a scalar, or wrong ``argnums``.
    """

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        partial, chosen = _choose("grad", func, argnums, args, kwargs)
        traced = _Traced("grad", partial, chosen, has_aux)
        if len(traced.outputs) != 1 or traced.outputs[0].dim() != 0:
            shapes = [tuple(y.shape) for y in traced.outputs]
            raise RuntimeError(
                "grad_and_value(f)(*args): Expected f(*args) to return a scalar tensor, got "
                f"{'tensor with ' + str(len(shapes[0])) + ' dims' if len(shapes) == 1 else shapes}"
                "; reduce it with sum() or mean(), or use jacrev"
            )
        grads = traced.finish(traced.rebuild_inputs(traced.pull([None])))
        value = traced.finish(traced.outputs[0])
        return _shaped(argnums, grads), (value, traced.aux) if has_aux else value

    return wrapper


def value_and_grad(
    func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """As :func:`grad_and_value`, the other way round: ``(value, gradient)``."""
    both = grad_and_value(func, argnums, has_aux)

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        gradient, value = both(*args, **kwargs)
        return value, gradient

    return wrapper


def grad(
    func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that returns the gradient of ``func``; arguments as :func:`grad_and_value`.

    With ``has_aux`` it returns ``(gradient, aux)``.
    """
    both = grad_and_value(func, argnums, has_aux)

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        gradient, value = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return wrapper


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """``(func(*primals), vjp_fn)``: ``vjp_fn(cotangents)`` is a tuple of gradients, one per primal.

    Args:
        func: takes and returns (nested) tensors.
        primals: its arguments.
        has_aux: ``func`` returns ``(output, aux)``; the result is ``(output, vjp_fn, aux)``.

    Raises:
        RuntimeError: for values that are not tensors; in ``vjp_fn``, for cotangents of another
            structure or shape than the outputs.
    """
    traced = _Traced("vjp", func, list(primals), has_aux)
    output = traced.finish(traced.rebuild_outputs(traced.outputs))

    def pull_back(*cotangents: Any, **unused: Any) -> Any:
        given, _ = flatten(cotangents[0] if len(cotangents) == 1 else cotangents)
        _check_like("vjp_fn", "cotangents", given, traced.outputs)
        grads = traced.pull(given, record=traced.tracked() or any(g.requires_grad for g in given))
        own = {id(x) for x in traced.inputs if x.is_leaf}
        grads = [_finished(g, own, is_grad_enabled()) for g in grads]
        return tuple(traced.rebuild_inputs(grads))

    return (output, pull_back, traced.aux) if has_aux else (output, pull_back)


def _check_like(name: str, what: str, given: list[Any], like: list[Tensor]) -> None:
    if len(given) != len(like):
        raise RuntimeError(f"{name}: expected {len(like)} {what}, got {len(given)}")
    for g, y in zip(given, like, strict=True):
        if not isinstance(g, Tensor) or g.shape != y.shape:
            shape = tuple(g.shape) if isinstance(g, Tensor) else type(g).__name__
            raise RuntimeError(f"{name}: expected {what} of shape {tuple(y.shape)}, got {shape}")


def jvp(
    func: Callable[..., Any],
    primals: tuple[Any, ...],
    tangents: tuple[Any, ...],
    *,
    strict: bool = False,
    has_aux: bool = False,
) -> Any:
    """``(func(*primals), derivative of it in the direction of tangents)``.

    Computed by differentiating the gradient with respect to the cotangents, which costs about three
    evaluations and gives the numbers of forward mode.

    Args:
        func: takes and returns (nested) tensors.
        primals: its arguments, a tuple.
        tangents: a direction of the structure and shapes of ``primals``.
        strict: accepted; outputs that depend on no input have zero derivatives.
        has_aux: ``func`` returns ``(output, aux)``; the result is ``(output, derivative, aux)``.

    Raises:
        RuntimeError: for primals or tangents that are no tuple, or of different shapes.
    """
    for what, value in (("primals", primals), ("tangents", tangents)):
        if not isinstance(value, tuple):
            raise RuntimeError(
                f"jvp: Expected {what} to be a tuple. E.g. it should be valid to call f(*primals)."
            )
    traced = _Traced("jvp", func, list(primals), has_aux)
    given, _ = flatten(list(tangents))
    _check_like("jvp", "tangents", given, traced.inputs)
    output = traced.finish(traced.rebuild_outputs(traced.outputs))
    derivative = traced.finish(traced.rebuild_outputs(traced.push(given)))
    return (output, derivative, traced.aux) if has_aux else (output, derivative)


def linearize(func: Callable[..., Any], *primals: Any) -> Any:
    """``(func(*primals), jvp_fn)``: ``jvp_fn(*tangents)`` is the derivative in that direction.

    ``func`` is evaluated once, however many directions follow.
    """
    traced = _Traced("linearize", func, list(primals), False)
    output = traced.finish(traced.rebuild_outputs(traced.outputs))

    def push_forward(*tangents: Any) -> Any:
        given, _ = flatten(list(tangents))
        _check_like("linearize", "tangents", given, traced.inputs)
        return traced.finish(traced.rebuild_outputs(traced.push(given)))

    return output, push_forward


def jacrev(
    func: Callable[..., Any],
    argnums: Argnums = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
) -> Callable[..., Any]:
    """A function that returns the Jacobian of ``func``, row by row: one backward pass per output.

    The Jacobian of an output by an input has the shape of the output followed by that of the input.

    Args:
        func: takes and returns (nested) tensors.
        argnums: the argument to differentiate by, or a tuple of several.
        has_aux: ``func`` returns ``(output, aux)``; the result is ``(Jacobian, aux)``.
        chunk_size: accepted; rows are computed one at a time.
    """

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        partial, chosen = _choose("jacrev", func, argnums, args, kwargs)
        traced = _Traced("jacrev", partial, chosen, has_aux)
        record = traced.tracked()
        blocks = []
        for k, y in enumerate(traced.outputs):
            rows = []
            for unit in _units(y):
                cotangents: list[Any] = [zeros_like(o) for o in traced.outputs]
                cotangents[k] = unit
                rows.append(traced.pull(cotangents, record=record))
            grads = [
                _stack([row[i] for row in rows], x, tuple(y.shape) + tuple(x.shape))
                for i, x in enumerate(traced.inputs)
            ]
            grads = [traced.finish(g) for g in grads]
            blocks.append(_shaped(argnums, traced.rebuild_inputs(grads)))
        result = traced.rebuild_outputs(blocks)
        return (result, traced.aux) if has_aux else result

    return wrapper


def jacfwd(
    func: Callable[..., Any],
    argnums: Argnums = 0,
    has_aux: bool = False,
    *,
    randomness: str = "error",
) -> Callable[..., Any]:
    """As :func:`jacrev`, column by column: one pass over the doubled graph per input.

    Args:
        func: takes and returns (nested) tensors.
        argnums: the argument to differentiate by, or a tuple of several.
        has_aux: ``func`` returns ``(output, aux)``; the result is ``(Jacobian, aux)``.
        randomness: accepted; ``func`` is evaluated once.
    """

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        partial, chosen = _choose("jacfwd", func, argnums, args, kwargs)
        traced = _Traced("jacfwd", partial, chosen, has_aux)
        record = traced.tracked()
        dummies = [zeros_like(y).requires_grad_() for y in traced.outputs]
        pulled = traced.pull(list(dummies), record=True)
        columns: list[list[list[Tensor]]] = []  # per input, per element, per output
        for i, x in enumerate(traced.inputs):
            columns.append([])
            for unit in _units(x):
                tangents = [zeros_like(o) for o in traced.inputs]
                tangents[i] = unit
                columns[i].append(_second(pulled, dummies, tangents, record))
        blocks = []
        for k, y in enumerate(traced.outputs):
            grads = []
            for i, x in enumerate(traced.inputs):
                block = _stack([c[k] for c in columns[i]], y, tuple(x.shape) + tuple(y.shape))
                order = [*range(x.dim(), x.dim() + y.dim()), *range(x.dim())]
                grads.append(traced.finish(block.permute(order)))
            blocks.append(_shaped(argnums, traced.rebuild_inputs(grads)))
        result = traced.rebuild_outputs(blocks)
        return (result, traced.aux) if has_aux else result

    return wrapper


def _units(like: Tensor) -> Any:
    """Tensors like ``like`` with a single one, in order."""
    for i in range(like.numel()):
        flat = like.new_zeros(like.numel())
        flat[i] = 1
        yield flat.view(like.shape)


def _stack(rows: list[Tensor], like: Tensor, shape: tuple[int, ...]) -> Tensor:
    return stack(rows).view(shape) if rows else like.new_zeros(shape)


def hessian(func: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """A function that returns the Hessian of ``func``: the Jacobian of its Jacobian."""
    return jacfwd(jacrev(func, argnums), argnums)
