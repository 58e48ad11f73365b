"""Checking derivatives against finite differences."""

from __future__ import annotations

import warnings

from .._C import Tensor, float64, zeros_like

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]


class GradcheckError(RuntimeError):
    """A derivative does not agree with finite differences."""


def gradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_grad_dtypes: bool = False,
    fast_mode: bool = False,
) -> bool:
    """Check the derivative of ``func`` at ``inputs`` against central differences.

    Every element of every input that requires a gradient is perturbed in place (and put back), and
    the change of every element of every output is compared with what backward says. Inputs should
    be float64: in float32 the differences drown in rounding errors.

    Args:
        func: takes the inputs, returns a tensor or a tuple of tensors. It must return the same at
            each call.
        inputs: a tensor or a sequence of arguments.
        eps: the perturbation.
        atol: the absolute tolerance.
        rtol: the tolerance relative to the numeric value.
        raise_exception: raise on failure instead of returning ``False``.
        nondet_tol: by how much two runs may differ.
        check_grad_dtypes: also demand that gradients have the dtype of their inputs.
        fast_mode: compare random projections of the derivative instead of every element; only if
            they disagree is every element looked at.

    Returns:
        Whether the check passed.

    Raises:
        GradcheckError: on failure. The text names input, output and element, the analytic and the
            numeric value, and the likely mistake.
        ValueError: if no input requires a gradient.

    Warns:
        UserWarning: for inputs that are not float64, and if the check passes with a relative error
            above 1e-4.
    """
    args = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    wrt = _differentiable(args)
    try:
        if fast_mode:
            _check_repeatable(func, args, nondet_tol)
            if _projections_agree(func, args, wrt, eps, atol, rtol):
                return True
        _check_every_element(func, args, wrt, eps, atol, rtol, nondet_tol, check_grad_dtypes)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    grad_outputs: Tensor | Sequence[Tensor] | None = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_grad_dtypes: bool = False,
    fast_mode: bool = False,
) -> bool:
    """Check the second derivative of ``func`` at ``inputs``: a gradcheck of its gradient.

    Args:
        func: see :func:`gradcheck`.
        inputs: see :func:`gradcheck`.
        grad_outputs: the gradients of the outputs, random ones if not given; they are checked as
            inputs too.
        eps: this and the rest as in :func:`gradcheck`.

    Returns:
        Whether the check passed.

    Raises:
        GradcheckError: on failure.
        ValueError: if no input requires a gradient.
    """
    from . import grad

    args = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    wrt = _differentiable(args)
    if grad_outputs is None:
        weights = tuple(
            _drawn_like(out).requires_grad_() for out in _outputs(func(*args)) if out.requires_grad
        )
    else:
        weights = (grad_outputs,) if isinstance(grad_outputs, Tensor) else tuple(grad_outputs)

    def gradient(*both: Any) -> tuple[Tensor, ...]:
        outputs = [out for out in _outputs(func(*both[: len(args)])) if out.requires_grad]
        grads = grad(
            outputs,
            [both[i] for i in wrt],
            list(both[len(args) :]),
            create_graph=True,
            allow_unused=True,
        )
        return tuple(g for g in grads if g is not None)

    return gradcheck(
        gradient,
        args + weights,
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_grad_dtypes=check_grad_dtypes,
        fast_mode=fast_mode,
    )


def _differentiable(args: tuple[Any, ...]) -> list[int]:
    """The positions of the inputs to check."""
    wrt = []
    for i, arg in enumerate(args):
        if not (isinstance(arg, Tensor) and arg.requires_grad):
            continue
        if arg.dtype != float64:
            warnings.warn(
                f"Input #{i} requires gradient and is not a double precision floating point "
                "tensor. This check will likely fail if all the inputs are not of double precision "
                "floating point.",
                stacklevel=3,
            )
        if any(n > 1 and stride == 0 for n, stride in zip(arg.shape, arg.stride(), strict=True)):
            raise RuntimeError(
                f"The {i}th input has a dimension with stride 0. gradcheck only supports inputs "
                "that are non-overlapping to be able to compute the numerical gradients correctly. "
                "You should call .contiguous on the input before passing it to gradcheck."
            )
        wrt.append(i)
    if not wrt:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of the them "
            "have requires_grad=True."
        )
    return wrt


def _outputs(result: Any) -> list[Tensor]:
    """The floating point tensors among what a function returned."""
    found = list(result) if isinstance(result, (tuple, list)) else [result]
    tensors = [out for out in found if isinstance(out, Tensor)]
    if not tensors:
        raise ValueError("gradcheck expects the function to return a tensor or a tuple of tensors")
    return [out for out in tensors if out.is_floating_point()]


def _drawn_like(out: Tensor) -> Tensor:
    """Normal random numbers, the same at each call, without touching the engine's generator."""
    import numpy as np

    drawn = zeros_like(out.detach())
    drawn.numpy()[...] = np.random.default_rng(0).standard_normal(tuple(out.shape))
    return drawn


def _values(func: Callable[..., Any], args: tuple[Any, ...]) -> list[Array]:
    """The outputs as flat float64 arrays of their own."""
    return [
        out.detach().numpy().astype("float64").reshape(-1).copy() for out in _outputs(func(*args))
    ]


def _check_repeatable(func: Callable[..., Any], args: tuple[Any, ...], nondet_tol: float) -> None:
    first, second = _values(func, args), _values(func, args)
    for o, (a, b) in enumerate(zip(first, second, strict=True)):
        if a.shape != b.shape:
            raise GradcheckError(
                f"The function is not deterministic: with the same inputs output {o} has "
                f"{a.size} elements in one call and {b.size} in the next."
            )
        unequal = ~((abs(a - b) <= nondet_tol) | (a == b) | ((a != a) & (b != b)))
        if unequal.any():
            at = int(unequal.argmax())
            raise GradcheckError(
                "The function is not deterministic: with the same inputs element "
                f"{at} of output {o} is {a[at]:.6g} in one call and {b[at]:.6g} in the next. Draw "
                "random numbers (weights, dropout masks) outside of it, or seed the generator "
                f"inside. The tolerance for nondeterminism was {nondet_tol}."
            )


def _analytic(
    out: Tensor, args: tuple[Any, ...], wrt: list[int], check_dtypes: bool
) -> list[Array | None]:
    """Per input the derivative ``[input elements, output elements]``; None if out of the graph."""
    import numpy as np

    from . import grad

    tensors = [args[i] for i in wrt]
    jacobians: list[Array | None] = [None] * len(wrt)
    seed = zeros_like(out.detach())
    flat = seed.numpy().reshape(-1)
    for column in range(out.numel()):
        flat[:] = 0
        flat[column] = 1
        grads = grad([out], tensors, [seed.clone()], retain_graph=True, allow_unused=True)
        for k, (tensor, g) in enumerate(zip(tensors, grads, strict=True)):
            if g is None:
                continue
            if g.shape != tensor.shape:
                raise GradcheckError(
                    f"Analytical gradient of input {wrt[k]} has incorrect size: "
                    f"{tuple(g.shape)} instead of {tuple(tensor.shape)}"
                )
            if check_dtypes and g.dtype != tensor.dtype:
                raise GradcheckError(
                    f"Analytical gradient of input {wrt[k]} has incorrect type: {g.dtype} instead "
                    f"of {tensor.dtype}"
                )
            jacobian = jacobians[k]
            if jacobian is None:
                jacobian = jacobians[k] = np.zeros((tensor.numel(), out.numel()))
            jacobian[:, column] = g.detach().numpy().reshape(-1)
    return jacobians


def _numeric(
    func: Callable[..., Any], args: tuple[Any, ...], tensor: Tensor, eps: float
) -> tuple[list[Array], list[Array]]:
    """Per output the central differences ``[input elements, output elements]``.

    Also returns by how much the forward and the backward difference disagree.
    """
    import numpy as np

    here = _values(func, args)
    central, jump = [], []
    for out in here:
        central.append(np.zeros((tensor.numel(), out.size)))
        jump.append(np.zeros((tensor.numel(), out.size)))
    data = tensor.detach().numpy()
    for row, index in enumerate(np.ndindex(data.shape)):
        kept = data[index]
        try:
            data[index] = kept + eps
            above = _values(func, args)
            data[index] = kept - eps
            below = _values(func, args)
        finally:
            data[index] = kept
        for o, (lo, mid, hi) in enumerate(zip(below, here, above, strict=True)):
            central[o][row] = (hi - lo) / (2 * eps)
            jump[o][row] = abs((hi - mid) - (mid - lo)) / eps
    return central, jump


def _check_every_element(
    func: Callable[..., Any],
    args: tuple[Any, ...],
    wrt: list[int],
    eps: float,
    atol: float,
    rtol: float,
    nondet_tol: float,
    check_dtypes: bool,
) -> None:
    import numpy as np

    from .gradcheck_report import Mismatch

    _check_repeatable(func, args, nondet_tol)
    outputs = _outputs(func(*args))
    analytic = [
        _analytic(out, args, wrt, check_dtypes) if out.requires_grad else [None] * len(wrt)
        for out in outputs
    ]
    doubtful = 0.0
    for k, i in enumerate(wrt):
        central, jump = _numeric(func, args, args[i], eps)
        for o, out in enumerate(outputs):
            found = analytic[o][k]
            reached = found is not None
            have = np.zeros_like(central[o]) if found is None else found
            with np.errstate(invalid="ignore"):
                bad = ~(abs(have - central[o]) <= atol + rtol * abs(central[o]))
                bad &= have != central[o]
            if bad.any():
                mismatch = Mismatch(
                    o, tuple(out.shape), i, tuple(args[i].shape), have, central[o], jump[o], bad
                )
                other = _belongs_to(func, args, wrt, i, o, have, eps)
                raise GradcheckError(mismatch.report(reached, atol, other))
            doubtful = max(doubtful, _relative_error(have, central[o], out, eps))
    for o, out in enumerate(outputs):
        if out.requires_grad:
            _check_reentrant(out, args, wrt, analytic[o], nondet_tol)
    if doubtful > 1e-4:
        warnings.warn(
            f"gradcheck passed within its tolerances, but with a relative error of {doubtful:.1e}; "
            "above 1e-4 the derivative deserves a second look",
            stacklevel=3,
        )


def _belongs_to(
    func: Callable[..., Any],
    args: tuple[Any, ...],
    wrt: list[int],
    i: int,
    o: int,
    have: Array,
    eps: float,
) -> int | None:
    """The other input whose derivative ``have`` is, sums over broadcast dimensions aside."""
    import numpy as np

    def reduced(jacobian: Array, before: Tensor, shape: tuple[int, ...]) -> Array:
        whole = jacobian.reshape(*before.shape, -1)
        lead = before.dim() - len(shape)
        axes = tuple(range(lead)) + tuple(
            lead + d for d, n in enumerate(shape) if n == 1 and before.shape[lead + d] != 1
        )
        summed: Array = whole.sum(axes) if axes else whole
        return summed.reshape(-1, jacobian.shape[1])

    if not have.any():
        return None
    for j in wrt:
        if j == i:
            continue
        small, large = sorted((args[i], args[j]), key=lambda t: t.numel())
        try:
            fits = np.broadcast_shapes(small.shape, large.shape) == tuple(large.shape)
        except ValueError:
            continue
        if not fits:
            continue
        want, shape = _numeric(func, args, args[j], eps)[0][o], tuple(small.shape)
        a, b = reduced(have, args[i], shape), reduced(want, args[j], shape)
        if a.shape == b.shape and np.allclose(a, b, rtol=1e-3, atol=1e-4):
            return j
    return None


def _relative_error(have: Array, want: Array, out: Tensor, eps: float) -> float:
    """The largest relative error, entries below the rounding error of the differences left out."""
    import numpy as np

    if not have.size:
        return 0.0
    size = float(abs(out.detach().numpy()).max())
    unit = float(np.finfo(out.detach().numpy().dtype).eps)
    noise = 1e4 * unit * max(size, 1.0) / eps
    scale = np.maximum(abs(have), abs(want))
    errors = abs(have - want)
    return float(np.where(errors > noise, errors / np.maximum(scale, noise), 0.0).max())


def _check_reentrant(
    out: Tensor,
    args: tuple[Any, ...],
    wrt: list[int],
    before: Iterable[Array | None],
    nondet_tol: float,
) -> None:
    for i, a, b in zip(wrt, before, _analytic(out, args, wrt, False), strict=True):
        if a is not None and b is not None and (abs(a - b) > nondet_tol).any():
            raise GradcheckError(
                "Backward is not reentrant, i.e., running backward with same input and grad_output "
                "multiple times gives different values, although analytical gradient matches "
                f"numerical gradient. This is so for input {i}. The tolerance for nondeterminism "
                f"was {nondet_tol}."
            )


def _projections_agree(
    func: Callable[..., Any],
    args: tuple[Any, ...],
    wrt: list[int],
    eps: float,
    atol: float,
    rtol: float,
) -> bool:
    """Compare ``v @ J @ u`` for random ``u`` and ``v``, for each pair of input and output."""
    import numpy as np

    from . import grad

    random = np.random.default_rng(0)

    def unit(n: int) -> Array:
        vector = random.standard_normal(n)
        return vector / max(float(np.linalg.norm(vector)), 1e-30)

    for o, out in enumerate(_outputs(func(*args))):
        v = unit(out.numel())
        grads: Sequence[Tensor | None] = [None] * len(wrt)
        if out.requires_grad:
            seed = zeros_like(out.detach())
            seed.numpy()[...] = v.reshape(tuple(out.shape))
            grads = grad(
                [out], [args[i] for i in wrt], [seed], retain_graph=True, allow_unused=True
            )
        for i, g in zip(wrt, grads, strict=True):
            data = args[i].detach().numpy()
            u = unit(data.size)
            kept = data.copy()
            try:
                data[...] = kept + eps * u.reshape(kept.shape)
                above = _values(func, args)[o]
                data[...] = kept - eps * u.reshape(kept.shape)
                below = _values(func, args)[o]
            finally:
                data[...] = kept
            numeric = float(v @ (above - below)) / (2 * eps)
            found = 0.0 if g is None else float(u @ g.detach().numpy().reshape(-1))
            slack = atol * float(abs(u).sum() * abs(v).sum())
            if not abs(found - numeric) <= slack + rtol * abs(numeric):
                return False
    return True
