"""Watches a training loop and says what goes wrong, where and what to do."""

from __future__ import annotations

import logging
import math
import warnings

import numpy as np

from .. import _C
from .._C import Tensor
from . import _taps
from .history import NORM, WINDOW, Track
from .layers import Layer, code_name, find_layers, init_code
from .trace import Cut, Tracer, find_cut, first_bad, graph_nodes, silent_broadcasts
from .verdict import ERROR, INFO, WARNING, DiagnosticError, DiagnosticWarning, Verdict, short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..nn import Module
    from ..optim import Optimizer

_MODES = ("raise", "warn", "log", "skip_step")


class Monitor:
    """Watches the gradients of ``model``: ``with Monitor(model, optimizer) as monitor: ...``.

    The ops of the first step are recorded with their lines; from then on, statistics are taken as
    gradients are accumulated, and judged at each step of an optimiser.

    Args:
        model: whose parameters are watched.
        optimizer: one optimiser or several.
        on_error: what to do with a verdict: ``"raise"`` (errors), ``"warn"``, ``"log"``, or
            ``"skip_step"``, which warns and leaves out steps with gradients that are not finite.
        every: judge the window every so many steps.

    Attributes:
        verdicts: what was found, the most important first.

    Raises:
        ValueError: for an unknown ``on_error``.
    """

    def __init__(
        self,
        model: Module,
        optimizer: Optimizer | Sequence[Optimizer] | None = None,
        *,
        on_error: str = "warn",
        every: int = 10,
    ) -> None:
        if on_error not in _MODES:
            raise ValueError(f"on_error must be one of {', '.join(_MODES)}, got '{on_error}'")
        self._model, self._on_error, self._every = model, on_error, every
        if optimizer is None:
            self._optimizers: list[Any] = []
        else:
            self._optimizers = (
                list(optimizer) if isinstance(optimizer, (list, tuple)) else [optimizer]
            )
        self._found: dict[tuple[str, str], Verdict] = {}
        self._attached = False

    @property
    def verdicts(self) -> list[Verdict]:
        """What was found so far, the most important first."""
        return sorted(self._found.values(), key=lambda v: v.rank)

    def attach(self) -> Monitor:
        """Begin to watch."""
        if self._attached:
            return self
        self._attached = True
        named = list(self._model.named_parameters())
        live = [(n, p) for n, p in named if p.requires_grad]
        self._names = [n for n, _ in live]
        self._params: list[Tensor] = [p for _, p in live]
        self._frozen = {id(p): n for n, p in named if not p.requires_grad}
        self._watches = _C._GradientWatches(self._params)
        self._rows = np.zeros((len(live), 7))
        self._losses: list[float] = []
        self._cuts: dict[int, Cut] = {}
        self._layers: list[Layer] = []
        self._tracer = Tracer()
        self._tracer.start()
        position = {id(p): i for i, p in enumerate(self._params)}
        self._trace_nodes: set[Any] = set()
        self._steps: list[tuple[Any, Any]] = []
        for k, optimizer in enumerate(self._optimizers):
            members = [p for group in optimizer.param_groups for p in group["params"]]
            at = [position[id(p)] for p in members if id(p) in position]
            self._report_frozen(members)
            self._wrap(optimizer, Track(optimizer, at, f"optimizer {k}"))
        _taps.add(self._observe)
        return self

    def detach(self) -> None:
        """End watching; the verdicts stay."""
        if not self._attached:
            return
        self._attached = False
        _taps.remove(self._observe)
        self._tracer.stop()
        for optimizer, previous in self._steps:
            if previous is None:
                del optimizer.__dict__["step"]
            else:
                optimizer.step = previous
        self._watches.remove()

    def __enter__(self) -> Monitor:
        return self.attach()

    def __exit__(self, *error: object) -> None:
        self.detach()

    def _wrap(self, optimizer: Any, track: Track) -> None:
        plain = optimizer.step
        self._steps.append((optimizer, optimizer.__dict__.get("step")))

        def step(*args: Any, **kwargs: Any) -> Any:
            if not self._before_step(track):
                return None
            result = plain(*args, **kwargs)
            self._after_step(track)
            return result

        optimizer.step = step

    # A backward pass

    def _observe(self, roots: list[Tensor], done: bool) -> None:
        if not done:
            if self._tracer.on:
                self._trace_nodes = graph_nodes(roots)
            return
        if not self._watches.arrived():
            return
        if len(roots) == 1 and roots[0].numel() == 1:
            self._losses.append(float(roots[0].item()))
        ops = None
        if self._tracer.on:
            self._tracer.stop()
            ops = self._tracer.take()
            self._read_trace(ops)
        bad_loss = bool(self._losses) and not math.isfinite(self._losses[-1])
        first = self._watches.first_non_finite()
        if bad_loss or first >= 0:
            born = first_bad(ops) if ops and bad_loss else None
            where = born.source if born else "the loss" if bad_loss else self._names[first]
            what = f"{born.name} made it of finite values" if born else "first seen here"
            self._say(
                "NON_FINITE", ERROR, where,
                f"NaN or infinity in {'the loss' if bad_loss else 'a gradient'}; {what}",
                "an op left the range of its dtype, or was evaluated at a singular point",
                "keep its argument inside the domain (clamp, eps), or use a stable form such as "
                "log_softmax, logsumexp or binary_cross_entropy_with_logits",
            )  # fmt: skip

    def _read_trace(self, ops: list[Any]) -> None:
        self._layers = find_layers(self._names, self._params, ops)
        for op in silent_broadcasts(ops, self._trace_nodes):
            a, b = (list(t.shape) for t in op.inputs[:2])
            self._say(
                "SILENT_BROADCAST", ERROR, op.source,
                f"{op.name} of shapes {a} and {b} gives a table of all pairs",
                "the shapes differ by a dimension of size 1, so each prediction meets all targets",
                "give both the same shape: prediction.squeeze(-1) or target.unsqueeze(-1)",
            )  # fmt: skip
        self._watches.read(self._rows)
        for i, param in enumerate(self._params):
            if self._rows[i, 5] == 0:
                self._cuts[i] = find_cut(param, ops, self._trace_nodes)
        self._trace_nodes = set()

    # A step

    def _before_step(self, track: Track) -> bool:
        self._watches.read(self._rows)
        rows = self._rows[track.at]
        if track.steps == 0:
            self._no_gradient(track, rows)
        track.not_zeroed = track.not_zeroed + 1 if rows[:, 6].any() else 0
        if track.not_zeroed == 2:
            self._say(
                "NOT_ZEROED", ERROR, track.label,
                "two steps in a row used gradients that an earlier step had already used",
                "backward() adds to .grad, and nothing emptied it after the step",
                "call optimizer.zero_grad() once per step, before backward()", track.steps,
            )  # fmt: skip
        if self._on_error == "skip_step" and rows[:, 4].any():
            self._losses.clear()
            return False
        return True

    def _after_step(self, track: Track) -> None:
        self._watches.stepped(track.at, track.updates)
        rows = self._rows[track.at]
        loss = self._losses[-1] if self._losses else None
        self._losses.clear()
        track.add(loss, rows[:, 0], rows[:, 2], rows[:, 3])
        if track.steps >= 8 and track.steps % self._every == 0:
            self._vanishing(track)

    def _no_gradient(self, track: Track, rows: Any) -> None:
        for k, i in enumerate(track.at):
            if rows[k, 5]:
                continue
            cut = self._cuts.get(i)
            self._say(
                "NO_GRADIENT", ERROR if cut and cut.kind == "cut" else WARNING, self._names[i],
                "no gradient arrived before the first step",
                cut.reason if cut else "it was not used in the passes before the step",
                "let its result reach the loss, or freeze it: "
                f"{code_name(self._names[i])}.requires_grad_(False)",
            )  # fmt: skip

    def _report_frozen(self, members: list[Tensor]) -> None:
        for param in members:
            if id(param) in self._frozen:
                name = self._frozen[id(param)]
                self._say(
                    "NO_GRADIENT", INFO, name, "the optimiser has it, but it does not change",
                    "requires_grad is False", f"{code_name(name)}.requires_grad_(True) to train it",
                )  # fmt: skip

    def _vanishing(self, track: Track) -> None:
        position = {i: k for k, i in enumerate(track.at)}
        layers = [la for la in self._layers if la.at in position and not la.sparse]
        if len(layers) < 4:
            return
        norms = track.median(NORM)[[position[la.at] for la in layers]]
        if not np.isfinite(norms).all():
            return
        logs = np.log10(np.maximum(norms, 1e-45))
        trend = np.corrcoef(np.argsort(np.argsort(logs)), np.arange(len(logs)))[0, 1]
        decay = float(10 ** (logs[-1] - logs[0]))
        if decay < 10 or trend < 0.9:
            return
        first, last = layers[0], layers[-1]
        squashing = first.activation in ("sigmoid", "tanh")
        self._say(
            "VANISHING", ERROR if decay >= 100 else WARNING, first.label,
            f"gradient norm {short(float(norms[0]))} here and {short(float(norms[-1]))} at "
            f"{last.label}, {short(decay)} times more (medians over {min(track.steps, WINDOW)})",
            f"each layer multiplies the gradient by a factor below one"
            f"{', as the derivative of ' + first.activation + ' does' if squashing else ''}",
            f"{'ReLU with ' if squashing else ''}{init_code(first)}, batch norm or residual "
            "connections", track.steps,
        )  # fmt: skip

    def _say(
        self,
        kind: str,
        severity: str,
        where: str,
        evidence: str,
        cause: str,
        action: str,
        step: int = 0,
    ) -> None:
        verdict = Verdict(kind, severity, where, evidence, cause, action, step)
        if verdict.key in self._found:
            return
        self._found[verdict.key] = verdict
        if severity == INFO or self._on_error == "log":
            logging.getLogger("pyforge.diagnose").warning("%s", verdict)
        elif self._on_error == "raise" and severity == ERROR:
            raise DiagnosticError(verdict)
        else:
            warnings.warn(str(verdict), DiagnosticWarning, stacklevel=2)
