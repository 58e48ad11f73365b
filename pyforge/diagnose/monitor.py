"""Watches a training loop and says what goes wrong, where and what to do."""

from __future__ import annotations

import logging
import math
import os
import warnings

import numpy as np

from .. import _C
from .._C import Tensor
from ..autograd import anomaly_mode
from .activations import Activations, judge_trace
from .history import WINDOW, Track
from .layers import Layer, code_name, find_layers
from .origin import GradientProbe, Origin, Singular, find_origin, from_tape
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
        optimizer: one optimiser or several; without one, a change of the parameters between two
            backward passes counts as a step, as in loops with updates written by hand.
        on_error: what to do with a verdict: ``"raise"`` (errors), ``"warn"``, ``"log"``;
            ``"skip_step"`` warns and leaves out steps with gradients that are not finite;
            ``"dump"`` warns, and writes the first step whose loss or gradients are not finite to
            ``dump_path``, from which ``pyforge.diagnose.replay`` runs it again.
        every: judge the window every so many steps at first, later at each tenth of the run, every
            50 steps at least.
        dump_path: the file for ``"dump"``.
        anomaly: look at the result of every op, as ``autograd.detect_anomaly`` does but without
            raising, so that the op where NaN was born is known at every step; a step takes up to
            1.2 times as long.

    Attributes:
        verdicts: what was found, the most important first.

    Raises:
        TypeError: if ``model`` or ``optimizer`` is something else.
        ValueError: for an unknown ``on_error``, or ``every`` below 1.
    """

    def __init__(
        self,
        model: Module,
        optimizer: Optimizer | Sequence[Optimizer] | None = None,
        *,
        on_error: str = "warn",
        every: int = 10,
        dump_path: str | os.PathLike[str] = "pyforge-dump.pt",
        anomaly: bool = False,
    ) -> None:
        if on_error not in _MODES:
            raise ValueError(f"on_error must be one of {', '.join(_MODES)}, got '{on_error}'")
        if every < 1:
            raise ValueError(f"every must be at least 1, got {every}")
        self._model, self._on_error, self._every = model, on_error, every
        self._dump_path, self._anomaly = dump_path, anomaly
        self._recorder: Recorder | None = None
        self._optimizers: list[Any] = [optimizer]
        if optimizer is None:
            self._optimizers = []
        elif isinstance(optimizer, (list, tuple)):
            self._optimizers = list(optimizer)
        _check_types(model, self._optimizers)
        self._found: dict[tuple[str, str], Verdict] = {}
        self._tracks: list[Track] = []
        self._layers: list[Layer] = []
        self._activations: Activations | None = None
        self._last_histograms: list[list[int]] = []
        self._tiny: list[float] = []
        self._attached = False

    @property
    def verdicts(self) -> list[Verdict]:
        """What was found so far, the most important first."""
        return sorted(self._found.values(), key=lambda v: v.rank)

    def snapshot(self) -> Snapshot:
        """All that was seen, as plain numbers."""
        from .snapshot import take

        self._sync()
        histograms = self._histograms() if self._attached else self._last_histograms
        tiny = self._read()[:, 3].tolist() if self._attached else self._tiny
        return take(self.verdicts, self._tracks, self._layers, self._activations, histograms, tiny)

    def _read(self) -> Any:
        """Of each parameter: see ``_GradientWatches.read``."""
        rows = np.empty((len(self._params), 8))
        self._watches.read(rows)
        return rows

    def _sync(self) -> None:
        if self._attached:
            for track in self._tracks:
                track.sync()

    def _histograms(self) -> list[list[int]]:
        return [self._watches.histogram(i) for i in range(len(self._params))]

    def attach(self) -> Monitor:
        """Begin to watch."""
        return self._attach(within_pass=False)

    def _attach(self, within_pass: bool) -> Monitor:
        """``within_pass``: a backward pass is about to begin, whose ops were not recorded."""
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
        self._cuts: dict[int, Cut] = {}
        self._layers = []
        self._activations = Activations(self._model)
        self._tracks = []
        self._tracer = Tracer()
        if not within_pass:
            self._tracer.start()
        self._untraced = within_pass
        self._first_traced = int(within_pass)  # the step whose ops are known
        position = {id(p): i for i, p in enumerate(self._params)}
        self._trace_nodes: set[Any] = set()
        self._ops: list[Op] | None = None
        self._probe: GradientProbe | None = None
        self._singular: list[Singular] = []
        self._born: NanOrigin | None = None
        self._recordings = 0
        self._steps: list[tuple[Any, Any]] = []
        for k, optimizer in enumerate(self._optimizers):
            members = [p for group in optimizer.param_groups for p in group["params"]]
            at = [position[id(p)] for p in members if id(p) in position]
            self._report_frozen(members)
            if not at:
                self._say(
                    "NO_GRADIENT", WARNING, f"optimizer {k}",
                    "none of its tensors is a parameter of the model that requires a gradient",
                    "it was made for another model, or before the model's parameters were replaced",
                    f"{type(optimizer).__name__}(model.parameters(), ...) for this very model",
                )  # fmt: skip
                continue
            self._tracks.append(Track(at, f"optimizer {k}", self._watches))
            self._wrap(optimizer, self._tracks[-1])
        self._by_hand: Track | None = None
        self._used = True
        if not self._optimizers:
            self._by_hand = Track(list(range(len(self._params))), "the updates", self._watches)
            self._tracks.append(self._by_hand)
        self._listen()
        if self._anomaly:
            anomaly_mode.listen(self._hear)
        if self._on_error == "dump":
            from .bad_step import Recorder

            self._recorder = Recorder(self._model, self._optimizers)
        return self

    def detach(self) -> None:
        """End watching; the verdicts stay."""
        if not self._attached:
            return
        self._step_by_hand()
        self._sync()
        self._attached = False
        anomaly_mode.unlisten(self._hear)
        self._tracer.stop()
        for optimizer, previous in self._steps:
            if previous is None:
                del optimizer.__dict__["step"]
            else:
                optimizer.step = previous
        if self._activations:
            self._activations.remove()
        self._last_histograms = self._histograms()
        self._tiny = self._read()[:, 3].tolist()
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

        self._sync()
        verdict = from_exception(error, max((t.steps for t in self._tracks), default=0))
        self._found.setdefault(verdict.key, verdict)

    def _wrap(self, optimizer: Any, track: Track) -> None:
        plain, watches, number = optimizer.step, self._watches, track.number
        self._steps.append((optimizer, optimizer.__dict__.get("step")))
        full = min(self._every, WINDOW)

        def step(*args: Any, **kwargs: Any) -> Any:
            closure = bool(args or kwargs)  # which calls backward() inside the step
            state = watches.before(number)
            if (state or track.not_zeroed or not track.steps) and not self._before_step(
                track, state, closure
            ):
                return None
            result = plain(*args, **kwargs)
            groups = optimizer.param_groups
            lr = groups[0].get("lr", 0.0)
            if len(groups) > 1:
                lr = max(group.get("lr", 0.0) for group in groups)
            waiting = watches.after(number, lr)
            if not track.steps or waiting >= full - track.steps % full:
                self._after_step(track)
            elif self._recorder is not None:
                self._recorder.clear()
            return result

        optimizer.step = step

    def _step_by_hand(self) -> None:
        """Takes in the step since the last pass, if there was one."""
        track = self._by_hand
        if track is None or self._used or not self._watches.moved():
            return
        self._used = True
        self._before_step(track, self._watches.before(track.number), closure=False)
        self._watches.after(track.number, math.nan)
        self._after_step(track)

    # A backward pass

    def _hear(self, origin: NanOrigin) -> None:
        """Of anomaly mode; the first origin of a backward pass counts."""
        if self._born is None or self._born.phase == "given":
            self._born = origin

    def _listen(self) -> None:
        every_pass = self._tracer.on or self._by_hand is not None
        self._watches.listen(self._observe, every_pass=every_pass)

    def _observe(self, roots: list[Tensor], done: bool) -> None:
        if not done:
            self._born = None
            self._step_by_hand()
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
            if ops is not None:  # it was the pass of another model
                self._recordings += 1
                if self._recordings < 8:
                    self._tracer.start()
                self._listen()
            return
        loss = float(roots[0].item()) if len(roots) == 1 and roots[0].numel() == 1 else None
        self._watches.set_loss(loss)
        if self._by_hand:
            self._used = False
            self._watches.hold()
        if self._untraced:
            self._untraced = False
            self._tracer.start()
            self._listen()
        if ops is not None:
            self._read_trace(ops)
            self._recordings += 1
            if self._recordings < 8 and not all(self._was_reached(track) for track in self._tracks):
                self._tracer.start()
            self._listen()
        if loss is not None and not math.isfinite(loss):
            recorded = find_origin(ops, roots[0]) if ops else None
            self._not_finite("the loss", "the loss", recorded or self._born)
        elif (first := self._watches.first_non_finite()) >= 0:
            name = self._names[first]
            born = (probe.origin() if probe else None) or self._born
            self._not_finite(f"the gradient of {name}", name, born, first)
        self._born = None

    def _not_finite(
        self, what: str, where: str, born: Origin | NanOrigin | None, first: int | None = None
    ) -> None:
        given = born is None or (born.given if isinstance(born, Origin) else born.phase == "given")
        if given and any(kind == "NON_FINITE" for kind, _ in self._found):
            return  # weights that the first one spoilt
        self._sync()
        seen = born.describe() if born else "first seen here"
        if first is not None and born is None:
            source, seen = self._bracket(first)
            where = source or where
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
            f"NaN or infinity in {what}; {seen}",
            cause, action, max((track.steps for track in self._tracks), default=0),
        )  # fmt: skip

    def _bracket(self, first: int) -> tuple[str, str]:
        """(line, words) of a bad gradient whose pass was not recorded, by what arrived when."""
        rows = self._read()
        turns, bad = rows[:, 7], rows[:, 4] > 0
        before = [
            i for i in range(len(turns)) if turns[i] and turns[i] < turns[first] and not bad[i]
        ]
        last = max(before, key=lambda i: turns[i], default=None)
        words = "it is the first one that is not finite on the way from the loss"
        if last is not None:
            words += f", that of {self._names[last]}, nearer to the loss, is finite"
        ops = next((found for s in self._singular if (found := s.between(first, last))), [])
        if ops:
            words += ": born in the derivative of an op between them, such as "
            words += ", ".join(f"{name} at {source}" for name, source in ops[:4])
        elif self._params[first].numel() > 65536:
            words += "; a single element may be seen up to three steps late"
        return (ops[0][1] if len(ops) == 1 else ""), words

    def _was_reached(self, track: Track) -> bool:
        """Whether a gradient has arrived at a parameter of the optimiser."""
        return not track.at or bool(self._read()[track.at, 5].any())

    def _read_trace(self, ops: list[Any]) -> None:
        known = {layer.at for layer in self._layers}
        layers = [x for x in find_layers(self._names, self._params, ops) if x.at not in known]
        self._layers = [*self._layers, *layers]
        self._singular.append(Singular(self._params, ops))
        if self._activations:
            self._activations.join(self._layers)
        self._tell_all(first_step(layers))
        self._tell_all(judge_trace(layers, ops))
        for layer in layers:
            layer.forget()
        for op in silent_broadcasts(ops, self._trace_nodes):
            a, b = (list(t.shape) for t in op.inputs[:2])
            self._say(
                "SILENT_BROADCAST", ERROR, op.source,
                f"{op.name} of shapes {a} and {b} gives a table of all pairs",
                "the shapes differ by a dimension of size 1, so each prediction meets all targets",
                "give both the same shape: prediction.squeeze(-1) or target.unsqueeze(-1)",
            )  # fmt: skip
        rows = self._read()
        for i, param in enumerate(self._params):
            if rows[i, 5] == 0:
                self._cuts[i] = find_cut(param, ops, self._trace_nodes)
        self._trace_nodes = set()

    # A step

    def _before_step(self, track: Track, state: int, closure: bool) -> bool:
        """Of a step of note; False leaves it out."""
        carried, bad = state & 1, state & 2
        if track.steps == self._first_traced and not closure:
            self._no_gradient(track, self._read()[track.at])
        track.not_zeroed = track.not_zeroed + 1 if carried and not closure else 0
        if track.not_zeroed == 2:
            track.sync()
            self._say(
                "NOT_ZEROED", ERROR, track.label,
                "two steps in a row used gradients that an earlier step had already used",
                "backward() adds to .grad, and nothing emptied it after the step",
                "call optimizer.zero_grad() once per step, before backward()"
                if track is not self._by_hand
                else "set p.grad = None for each parameter p after the update",
                track.steps,
            )  # fmt: skip
        if self._on_error == "skip_step" and bad:
            self._watches.set_loss(None)
            return False
        return True

    def _after_step(self, track: Track) -> None:
        if self._recorder is not None:
            self._recorder.clear()
        track.sync()
        if track.steps < track.next_look:
            return
        track.next_look = track.steps + max(self._every, min(50, track.steps // 10))
        if self._activations:
            self._tell_all(self._activations.judge(track.steps))
        mine = set(track.at)
        layers = [layer for layer in self._layers if layer.at in mine]
        self._tell_all(window(View(track, layers, set(self._found), len(self._tracks) == 1)))
        track.forget()

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


def _check_types(model: Any, optimizers: list[Any]) -> None:
    if not callable(getattr(model, "named_parameters", None)):
        raise TypeError(f"Monitor: model must be an nn.Module, not {type(model).__name__}")
    for optimizer in optimizers:
        if not hasattr(optimizer, "param_groups") or not callable(getattr(optimizer, "step", None)):
            raise TypeError(
                f"Monitor: optimizer must be an optimizer or a list, not {type(optimizer).__name__}"
            )
