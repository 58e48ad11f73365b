"""Watches a training loop and says what goes wrong, where and what to do."""

from __future__ import annotations

import logging
import math
import os
import warnings

import numpy as np

from .. import _C
from .._C import Tensor
from . import _taps
from .activations import Activations, judge_trace
from .history import Track
from .layers import Layer, code_name, find_layers
from .origin import GradientProbe, Origin, find_origin, from_tape
from .outputs import Outputs
from .rules import View, first_step, rate_before_nan, window
from .trace import Cut, Op, Tracer, find_cut, graph_nodes, silent_broadcasts
from .verdict import ERROR, INFO, WARNING, DiagnosticError, DiagnosticWarning, Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from ..autograd import NanOrigin
    from ..nn import Module
    from ..optim import Optimizer
    from .bad_step import Recorder
    from .snapshot import Snapshot

_MODES = ("raise", "warn", "log", "skip_step", "dump")


class Monitor(Outputs):
    """Watches the gradients of ``model``: ``with Monitor(model, optimizer) as monitor: ...``.

    The ops of the first step are recorded with their lines; from then on, statistics are taken as
    gradients are accumulated, and judged at each step of an optimiser.

    Args:
        model: whose parameters are watched.
        optimizer: one optimiser or several.
        on_error: what to do with a verdict: ``"raise"`` (errors), ``"warn"``, ``"log"``;
            ``"skip_step"`` warns and leaves out steps with gradients that are not finite;
            ``"dump"`` warns, and writes the first step whose loss or gradients are not finite to
            ``dump_path``, from which ``pyforge.diagnose.replay`` runs it again.
        every: judge the window every so many steps.
        dump_path: the file for ``"dump"``.

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
        dump_path: str | os.PathLike[str] = "pyforge-dump.pt",
    ) -> None:
        if on_error not in _MODES:
            raise ValueError(f"on_error must be one of {', '.join(_MODES)}, got '{on_error}'")
        self._model, self._on_error, self._every = model, on_error, every
        self._dump_path = dump_path
        self._recorder: Recorder | None = None
        if optimizer is None:
            self._optimizers: list[Any] = []
        else:
            self._optimizers = (
                list(optimizer) if isinstance(optimizer, (list, tuple)) else [optimizer]
            )
        self._found: dict[tuple[str, str], Verdict] = {}
        self._tracks: list[Track] = []
        self._layers: list[Layer] = []
        self._activations: Activations | None = None
        self._last_histograms: list[list[int]] = []
        self._attached = False

    @property
    def verdicts(self) -> list[Verdict]:
        """What was found so far, the most important first."""
        return sorted(self._found.values(), key=lambda v: v.rank)

    def snapshot(self) -> Snapshot:
        """All that was seen, as plain numbers."""
        from .snapshot import take

        histograms = self._histograms() if self._attached else self._last_histograms
        return take(self.verdicts, self._tracks, self._layers, self._activations, histograms)

    def _histograms(self) -> list[list[int]]:
        return [self._watches.histogram(i) for i in range(len(self._params))]

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
        self._watches = _C._GradientWatches(
            self._params, exact=self._on_error in ("raise", "skip_step")
        )
        self._rows = np.zeros((len(live), 7))
        self._losses: list[float] = []
        self._cuts: dict[int, Cut] = {}
        self._layers = []
        self._activations = Activations(self._model)
        self._tracks = []
        self._tracer = Tracer()
        self._tracer.start()
        position = {id(p): i for i, p in enumerate(self._params)}
        self._trace_nodes: set[Any] = set()
        self._ops: list[Op] | None = None
        self._probe: GradientProbe | None = None
        self._born: NanOrigin | None = None
        self._steps: list[tuple[Any, Any]] = []
        for k, optimizer in enumerate(self._optimizers):
            members = [p for group in optimizer.param_groups for p in group["params"]]
            at = [position[id(p)] for p in members if id(p) in position]
            self._report_frozen(members)
            self._tracks.append(Track(optimizer, at, f"optimizer {k}"))
            self._wrap(optimizer, self._tracks[-1])
        _taps.add(self._observe)
        if self._on_error == "dump":
            from .bad_step import Recorder

            self._recorder = Recorder(self._model, self._optimizers)
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
        if self._activations:
            self._activations.remove()
        self._last_histograms = self._histograms()
        self._watches.remove()
        self._end_recording()

    def _end_recording(self) -> None:
        if self._recorder is not None:
            self._recorder.remove()
            self._recorder = None

    def __enter__(self) -> Monitor:
        return self.attach()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, DiagnosticError):
            self.failed(error)
        self.detach()

    def failed(self, error: BaseException) -> None:
        """Add a verdict on the exception that ended the loop."""
        from .failure import from_exception

        verdict = from_exception(error, max((t.steps for t in self._tracks), default=0))
        self._found.setdefault(verdict.key, verdict)

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
                self._tracer.stop()
                self._trace_nodes = graph_nodes(roots)
                self._ops = self._tracer.take()
                self._probe = GradientProbe(self._ops)
            else:
                self._born = from_tape(roots)
            return
        ops, self._ops = self._ops, None
        probe, self._probe = self._probe, None
        if probe:
            probe.remove()
        if not self._watches.arrived():
            return
        if len(roots) == 1 and roots[0].numel() == 1:
            self._losses.append(float(roots[0].item()))
        if ops is not None:
            self._read_trace(ops)
        if self._losses and not math.isfinite(self._losses[-1]):
            born = find_origin(ops, roots[0]) if ops else self._born
            self._not_finite("the loss", "the loss", born)
        elif (first := self._watches.first_non_finite()) >= 0:
            name = self._names[first]
            self._not_finite(f"the gradient of {name}", name, probe.origin() if probe else None)

    def _not_finite(self, what: str, where: str, born: Origin | NanOrigin | None) -> None:
        cause = "an op left the range of its dtype, or was evaluated at a singular point"
        action = (
            "keep its argument inside the domain (clamp, eps; with where(), clamp before the op), "
            "or use a stable form: log_softmax, logsumexp, binary_cross_entropy_with_logits"
        )
        if not isinstance(born, Origin):  # the recorded step comes before any change of weights
            for track in self._tracks:
                if track.steps and (verdict := rate_before_nan(track, track.label)):
                    self._tell(verdict)
                    cause = f"the steps before led there: {verdict.cause}"
                    action = verdict.action
        self._say(
            "NON_FINITE", ERROR, born.source if born else where,
            f"NaN or infinity in {what}; {born.describe() if born else 'first seen here'}",
            cause, action, max((track.steps for track in self._tracks), default=0),
        )  # fmt: skip

    def _read_trace(self, ops: list[Any]) -> None:
        self._layers = find_layers(self._names, self._params, ops)
        if self._activations:
            self._activations.join(self._layers)
        self._tell_all(first_step(self._layers))
        self._tell_all(judge_trace(self._layers, ops))
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
        if self._recorder is not None:
            self._recorder.clear()
        track.add(loss, rows[:, 0], rows[:, 2], rows[:, 3])
        if track.steps >= 8 and track.steps % self._every == 0:
            if self._activations:
                self._tell_all(self._activations.judge(track.steps))
            mine = set(track.at)
            layers = [layer for layer in self._layers if layer.at in mine]
            self._tell_all(window(View(track, layers, set(self._found), len(self._tracks) == 1)))

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
        self._tell(Verdict(kind, severity, where, evidence, cause, action, step))

    def _line_of(self, where: str) -> str:
        return next((la.source for la in self._layers if where in (la.label, la.name)), "")

    def _tell_all(self, verdicts: Iterable[Verdict]) -> None:
        for verdict in verdicts:
            self._tell(verdict)

    def _tell(self, verdict: Verdict) -> None:
        if verdict.key in self._found:
            return
        if self._recorder is not None and verdict.kind == "NON_FINITE":
            self._recorder.dump(self._dump_path, str(verdict))
            verdict.action += f"; run it again: python -m pyforge replay {self._dump_path}"
            self._end_recording()
        self._found[verdict.key] = verdict
        verdict.line = verdict.line or self._line_of(verdict.where)
        if verdict.severity == INFO or self._on_error == "log":
            logging.getLogger("pyforge.diagnose").warning("%s", verdict)
        elif self._on_error == "raise" and verdict.severity == ERROR:
            raise DiagnosticError(verdict)
        else:
            warnings.warn(str(verdict), DiagnosticWarning, stacklevel=2)
