"""Files that repeat a step of training whose loss or gradients were not finite.

``Monitor(..., on_error="dump")`` writes one, :func:`replay` and ``python -m pyforge replay FILE``
run it. It holds the model and its optimisers as they were before the step, each call of the model
since the step before (arguments, state of the random numbers), and the gradients that arrived at
its results, so that the passes through the model can be repeated without the rest of the script.
"""

from __future__ import annotations

import contextlib
import os
import pickle
from dataclasses import dataclass, field
from typing import Any

from .. import _C
from .._C import Tensor
from ..autograd import backward
from ..random import get_rng_state, set_rng_state
from ..serialization import load, save

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..nn import Module

__all__ = ["Recorder", "Replay", "replay"]

_FORMAT = 1
_HOOKS = (
    "_forward_pre_hooks", "_forward_hooks", "_hooks_with_kwargs", "_hooks_always_called",
    "_backward_pre_hooks", "_backward_hooks",
)  # fmt: skip


def _tensors(value: Any) -> list[Tensor]:
    """The tensors in nested tuples, lists and dicts."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (tuple, list)):
        return [t for item in value for t in _tensors(item)]
    return []


@contextlib.contextmanager
def _without_hooks(model: Module) -> Iterator[None]:
    """Hooks are mostly closures, which cannot be written, and are no part of the step."""
    kept = []
    for module in model.modules():
        own = {name: module.__dict__[name] for name in _HOOKS}
        kept.append((module, own, module._has_hooks))
        module.__dict__.update({name: type(value)() for name, value in own.items()})
        module._has_hooks = False
    try:
        yield
    finally:
        for module, own, has_hooks in kept:
            module.__dict__.update(own)
            module._has_hooks = has_hooks


class Recorder:
    """Keeps what is needed to repeat the calls of ``model`` since the last :meth:`clear`."""

    def __init__(self, model: Module, optimizers: Sequence[Any]) -> None:
        self._model, self._optimizers = model, list(optimizers)
        self._calls: list[dict[str, Any]] = []
        self._buffers: list[Tensor] = []
        self._handles = [
            model.register_forward_pre_hook(self._before, with_kwargs=True, prepend=True),
            model.register_forward_hook(self._after),
        ]

    def _before(self, model: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if not self._calls:
            self._buffers = [b.detach().clone() for b in model.buffers()]
        self._calls.append(
            {"args": args, "kwargs": dict(kwargs), "rng": get_rng_state(), "grads": {}}
        )

    def _after(self, model: Module, args: tuple[Any, ...], output: Any) -> None:
        if not self._calls:
            return
        grads = self._calls[-1]["grads"]
        for i, t in enumerate(_tensors(output)):
            if t.requires_grad:
                t.register_hook(_keep_in(grads, i))

    def clear(self) -> None:
        """A step was made: what came before it is of no interest."""
        self._calls.clear()
        self._buffers = []

    def remove(self) -> None:
        """Record no more."""
        for handle in self._handles:
            handle.remove()

    def dump(self, path: str | os.PathLike[str], verdict: str) -> None:
        """Write the file: complete, or not at all."""
        model = self._model
        content = {
            "format": _FORMAT,
            "verdict": verdict,
            "model": None,
            "state": model.state_dict(),
            "buffers": self._buffers,
            "calls": [
                {**c, "args": _plain(c["args"]), "kwargs": _plain(c["kwargs"])} for c in self._calls
            ],
            "gradients": {n: p.grad for n, p in model.named_parameters()},
            "optimizers": [(type(o).__name__, o.state_dict()) for o in self._optimizers],
        }  # fmt: skip
        with _without_hooks(model):
            try:
                save({**content, "model": model}, path)
            except (pickle.PicklingError, AttributeError, TypeError) as error:
                content["verdict"] += f"\n(the model itself could not be written: {error})"
                save(content, path)


def _plain(value: Any) -> Any:
    """Arguments without their graphs."""
    if isinstance(value, Tensor):
        return value.detach().requires_grad_(value.requires_grad)
    if type(value) in (tuple, list):
        return type(value)(_plain(item) for item in value)
    if type(value) is dict:
        return {key: _plain(item) for key, item in value.items()}
    return value


def _keep_in(grads: dict[int, Tensor], i: int) -> Callable[[Tensor], None]:
    def keep(grad: Tensor) -> None:
        grads[i] = grad.detach().clone()

    return keep


@dataclass
class Replay:
    """What came of a step that was run again.

    Attributes:
        verdict: what was said when the file was written.
        bad_outputs: a result of the model is not finite.
        bad_gradients: parameters whose gradient is not finite.
        same: every gradient has the same bits as in the run; None if there were none.
        origin: where the bad value was born, with operands and line; empty if it was not born in
            the model.
        model: as it was before the step, with the gradients of the step.
        optimizers: names and states, as they were before the step.
    """

    verdict: str
    bad_outputs: bool = False
    bad_gradients: list[str] = field(default_factory=list)
    same: bool | None = None
    origin: str = ""
    model: Any = None
    optimizers: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __str__(self) -> str:
        lines = ["When it was written:", self.verdict, "", "Run again:"]
        lines.append(f"  results of the model: {'not finite' if self.bad_outputs else 'finite'}")
        bad = ", ".join(self.bad_gradients)
        lines.append(f"  gradients: {f'not finite in {bad}' if bad else 'finite'}")
        if self.same is not None:
            agree = "have the same bits as" if self.same else "DIFFER from those"
            lines.append(f"  gradients {agree} in the run")
        lines.append(
            f"  born: {self.origin}" if self.origin else "  not born in the model's own ops"
        )
        return "\n".join(lines)


def replay(
    path: str | os.PathLike[str],
    *,
    model: Module | None = None,
    step: Callable[..., Tensor] | None = None,
) -> Replay:
    """Run the step of a file of ``Monitor(..., on_error="dump")`` once more.

    The file is a pickle: it can run any code, so it must come from a source that you trust. The
    classes of the model must be importable.

    Args:
        path: the file.
        model: to run instead of the one in the file; gets its parameters and buffers.
        step: ``step(model, *args, **kwargs)`` computes the loss of one call; without it, the
            gradients that arrived at the model's results are sent back through it.

    Raises:
        RuntimeError: the model could not be written to the file, and none is given.
    """
    data = load(path, weights_only=False)
    if not isinstance(data, dict) or data.get("format") != _FORMAT:
        raise RuntimeError(f"replay: {os.fspath(path)} was not written by a Monitor")
    model = model if model is not None else data["model"]
    if model is None:
        raise RuntimeError("replay: the file has no model; pass one as `model`")
    result = Replay(data["verdict"], model=model, optimizers=data["optimizers"])
    _run(model, data, step, result)
    parameters = dict(model.named_parameters())
    result.bad_gradients = [
        n for n, p in parameters.items() if p.grad is not None and _C._finiteness(p.grad)
    ]
    found = data["gradients"]
    if any(g is not None for g in found.values()) and step is None:
        result.same = all(_same_bits(parameters[n].grad, g) for n, g in found.items())
    gradients = {n: p.grad for n, p in parameters.items()}
    from ..autograd import set_detect_anomaly

    with set_detect_anomaly(True, check_inf=True):
        try:
            _run(model, data, step, result)
        except RuntimeError as error:
            result.origin = str(error)
    for n, p in parameters.items():
        p.grad = gradients[n]
    return result


def _run(model: Module, data: dict[str, Any], step: Any, result: Replay) -> None:
    from ..autograd import explain_nan
    from ..autograd.anomaly_mode import is_anomaly_enabled

    model.load_state_dict(data["state"])
    for buffer, value in zip(model.buffers(), data["buffers"], strict=False):
        buffer.detach().copy_(value)
    for p in model.parameters():
        p.grad = None
    for call in data["calls"]:
        set_rng_state(call["rng"])
        if step is not None:
            step(model, *call["args"], **call["kwargs"]).backward()
            continue
        outputs = _tensors(model(*call["args"], **call["kwargs"]))
        bad = [t for t in outputs if _C._finiteness(t)]
        result.bad_outputs = result.bad_outputs or bool(bad)
        if bad and is_anomaly_enabled() and (origin := explain_nan(bad[0])) is not None:
            raise RuntimeError(str(origin))
        pairs = [(outputs[i], g) for i, g in call["grads"].items()]
        if pairs:
            backward([t for t, _ in pairs], [g for _, g in pairs])


def _same_bits(a: Tensor | None, b: Tensor | None) -> bool:
    if a is None or b is None:
        return a is b
    return a.shape == b.shape and bool(((a == b) | (_C.isnan(a) & _C.isnan(b))).all().item())
