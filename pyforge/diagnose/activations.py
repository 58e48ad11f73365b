"""Units that give zero for all data, and activations at the end of their range."""

from __future__ import annotations

import math

import numpy as np

from .. import _C
from .._C import Tensor
from .layers import Layer, code_name, init_code
from .snapshot import ActivationRow
from .verdict import ERROR, WARNING, Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ..nn import Module
    from .trace import Op

# Beyond these bounds the slope is under 2% of a sigmoid's output range, 6% of tanh's greatest.
_BOUNDS = {"relu": (-math.inf, math.inf), "sigmoid": (0.02, 0.98), "tanh": (-0.97, 0.97)}
_LOOKS = 12  # kept per activation for pictures
_LEAST_ROWS = 16  # a unit that is silent for fewer rows may be so by chance
Reading = tuple[int, int, float, float, float, float, float, float, int, list[int]]


class _Tap:
    __slots__ = ("calls", "kind", "layer", "name", "passed", "rows", "watch")

    def __init__(self, name: str, kind: str) -> None:
        self.name, self.kind = name, kind
        self.watch: Any = None
        self.layer: Layer | None = None
        self.rows = self.calls = 0
        self.passed = False  # once every unit looked alive

    @property
    def label(self) -> str:
        """The layer before it, or its own name."""
        return self.layer.label if self.layer else self.name

    def __call__(self, module: Module, args: Any, output: Any) -> None:
        self.calls += 1
        if self.calls > 16 and self.calls % 4:  # each fourth output stands for all
            return
        if not module.training or not isinstance(output, Tensor) or output.dim() < 2:
            return
        if self.watch is None:
            self.watch = _watch(self.kind, output)
        self.watch.observe(output)
        self.rows += output.shape[0]


def _watch(kind: str, output: Tensor) -> Any:
    return _C._ActivationWatch(*_BOUNDS[kind], output.dim() >= 4)


class Activations:
    """Watches the modules ``ReLU``, ``Sigmoid`` and ``Tanh`` of a model while it trains."""

    def __init__(self, model: Module) -> None:
        from .. import nn

        kinds = {nn.ReLU: "relu", nn.Sigmoid: "sigmoid", nn.Tanh: "tanh"}
        self._taps: list[_Tap] = []
        self._model = model
        for name, module in model.named_modules():
            kind = kinds.get(type(module))
            if kind:
                tap = _Tap(name, kind)
                self._taps.append(tap)
                module.register_forward_hook(tap)
        # Of each: mean, std, shares of zero, low and high, idle; then `unhealthy` over the run.
        self._seen = np.full((len(self._taps), 6 + _LOOKS), np.nan, np.float32)
        self._steps: list[int] = []  # of the looks that are kept
        self._looks, self._look_every = 0, 1

    def _take(self, k: int, place: int | None) -> Reading:
        """What tap ``k`` saw since the last call."""
        tap, row = self._taps[k], self._seen[k]
        reading: Reading = tap.watch.read()
        tap.watch.reset()
        tap.rows = 0
        _, _, mean, std, zero, low, high, _, units, dead = reading
        row[:6] = mean, std, zero, low, high, len(dead) / units if units else 0.0
        if place is not None:
            row[6 + place] = unhealthy(tap.kind, reading)
        return reading

    def _place(self, step: int) -> int | None:
        """Where this look is kept; looks are thinned out evenly when they become too many."""
        self._looks += 1
        if self._looks % self._look_every:
            return None
        if len(self._steps) == _LOOKS:
            kept = self._seen[:, 7::2].copy()
            self._seen[:, 6:] = np.nan
            self._seen[:, 6 : 6 + kept.shape[1]] = kept
            self._steps = self._steps[1::2]
            self._look_every *= 2
            if self._looks % self._look_every:
                return None
        self._steps.append(step)
        return len(self._steps) - 1

    def remove(self) -> None:
        """Watch no more."""
        mine = set(map(id, self._taps))
        for _, module in self._model.named_modules():
            for key, hook in list(module._forward_hooks.items()):
                if id(hook) in mine:
                    del module._forward_hooks[key]

    def join(self, layers: list[Layer]) -> None:
        """Give each tap the layer before it, by the order in which both were first used."""
        used = [tap for tap in self._taps if tap.watch is not None]
        for kind in _BOUNDS:
            taps = [tap for tap in used if tap.kind == kind]
            of_kind = [layer for layer in layers if layer.activation == kind]
            if len(taps) == len(of_kind):
                for tap, layer in zip(taps, of_kind, strict=True):
                    tap.layer = layer

    def rows(self) -> list[ActivationRow]:
        """The state of each, for reports."""
        rows = []
        for k, tap in enumerate(self._taps):
            if tap.watch is None:
                continue
            if tap.rows and np.isnan(self._seen[k, 0]):
                self._take(k, None)
            mean, std, zero, low, high, idle = self._seen[k, :6].tolist()
            course = zip(self._steps, self._seen[k, 6:].tolist(), strict=False)
            kept = [(step, value) for step, value in course if math.isfinite(value)]
            rows.append(
                ActivationRow(
                    tap.label, tap.kind, mean, std, zero, low, high,
                    idle if tap.kind == "relu" else 0.0,
                    [step for step, _ in kept], [value for _, value in kept],
                )
            )  # fmt: skip
        return rows

    def judge(self, step: int) -> Iterator[Verdict]:
        """The verdicts on what was seen since the last call."""
        place = self._place(step)
        for k, tap in enumerate(self._taps):
            if tap.watch is None or tap.rows < _LEAST_ROWS:
                continue
            reading = self._take(k, place)
            verdict = _verdict(tap.kind, tap.label, tap.layer, reading, step, tap.passed)
            if verdict:
                yield verdict
            elif tap.kind == "relu":
                tap.passed = True


def unhealthy(kind: str, reading: Reading) -> float:
    """Share of units that gave zero for all rows (relu), of outputs at the ends of the range."""
    _, _, _, _, _, low, high, _, units, dead = reading
    if kind == "relu":
        return len(dead) / units if units else 0.0
    return low + high


def judge_trace(layers: list[Layer], ops: list[Op]) -> Iterator[Verdict]:
    """The same of one recorded pass, which also shows activations that are called as functions."""
    outputs = {id(t): t for op in ops for t in op.outputs}
    for layer in layers:
        output = outputs.get(layer.activated)
        if layer.activation not in _BOUNDS or output is None or output.dim() < 2:
            continue
        if output.numel() // output.shape[-1] < _LEAST_ROWS:
            continue
        watch = _watch(layer.activation, output)
        watch.observe(output.detach())
        verdict = _verdict(layer.activation, layer.label, layer, watch.read(), 0, False)
        if verdict:
            yield verdict


def _verdict(
    kind: str, where: str, layer: Layer | None, reading: Reading, step: int, passed: bool
) -> Verdict | None:
    _, _, mean, _, zero, _, _, _, units, dead = reading
    if kind == "relu":
        return _dead(where, layer, zero, units, dead, step, passed)
    share = unhealthy(kind, reading)
    if share < 0.8 or (layer is not None and layer.last):
        return None
    return Verdict(
        "SATURATED", ERROR if share >= 0.95 else WARNING, where,
        f"{share:.0%} of the outputs of {kind} are at the ends of its range (mean {mean:.3g})",
        f"the inputs of {kind} are large, and its slope is nearly zero there",
        f"{init_code(layer) if layer else 'a smaller initialisation'}, a normalisation before "
        f"{kind}, inputs scaled to mean 0 and standard deviation 1, or a lower learning rate",
        step,
    )  # fmt: skip


def _dead(
    where: str,
    layer: Layer | None,
    zero: float,
    units: int,
    dead: list[int],
    step: int,
    passed: bool,
) -> Verdict | None:
    share = len(dead) / units if units else 0.0
    if share < 0.5:
        return None
    if passed:
        cause = "they were alive before: steps were so large that no input reaches them any more"
        action = "a lower learning rate, gradient clipping, or nn.LeakyReLU in place of ReLU"
    else:
        cause = "bias or weights put the input of ReLU below zero for all data"
        bias = code_name(f"{layer.label}.bias") if layer else "the bias"
        action = f"nn.init.zeros_({bias})" + (f"; {init_code(layer)}" if layer else "")
    return Verdict(
        "DEAD", ERROR if share >= 0.9 else WARNING, where,
        f"{len(dead)} of {units} units gave 0 for all data ({zero:.0%} of the outputs are 0), "
        f"such as {dead[:5]}",
        cause, action, step,
    )  # fmt: skip
