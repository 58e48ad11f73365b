"""A model examined before training: gradients, branches, initial loss, memory."""

from __future__ import annotations

import contextlib
import itertools
import math
import warnings
from dataclasses import dataclass, field

from .._C import Tensor
from ..autograd.grad_mode import enable_grad
from . import check_loss
from .activations import judge_trace
from .differences import compare
from .failure import from_exception
from .layers import code_name, find_layers
from .origin import GradientProbe, find_origin
from .preserve import Preserved
from .repeat import repeatable
from .rules import first_step
from .trace import Cut, Op, Tracer, find_cut, graph_nodes, silent_broadcasts
from .verdict import ERROR, INFO, WARNING, Verdict, short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    from ..nn import Module


@dataclass
class Branch:
    """One way through the model: a batch, a mode and flags.

    Attributes:
        loss: its loss.
        gradients: norm of each parameter's gradient, None if it got none.
        errors: relative error of each parameter's gradient against finite differences, beyond
            what rounding explains.
    """

    name: str
    loss: float = math.nan
    gradients: dict[str, float | None] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)


@dataclass
class CheckReport:
    """What :func:`check` found.

    Attributes:
        verdicts: the findings, the most important first.
        branches: one entry per batch, mode and set of flags.
        memory: (op, line, bytes kept for backward), the most first.
        fit: losses at the start and the end, steps and learning rate of fitting one batch; None if
            it was not tried.
    """

    verdicts: list[Verdict]
    branches: list[Branch]
    memory: list[tuple[str, str, int]]
    fit: tuple[float, float, int, float] | None

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return all(v.severity != ERROR for v in self.verdicts)

    def __str__(self) -> str:
        parts = [str(v) for v in self.verdicts] or ["nothing found"]
        for branch in self.branches:
            got = sum(g is not None for g in branch.gradients.values())
            text = f"{branch.name}: loss {short(branch.loss)}, gradients for {got} of "
            text += f"{len(branch.gradients)} parameters"
            if branch.errors:
                worst = max(branch.errors, key=lambda name: branch.errors[name])
                error = branch.errors[worst]
                text += f", largest error {error:.1e} ({worst})" if error else ", no error in them"
            parts.append(text)
        if self.fit:
            start, end, steps, lr = self.fit
            parts.append(
                f"one batch: loss {short(start)} to {short(end)} in {steps} steps (Adam, lr={lr:g})"
            )
        if self.memory:
            total = sum(size for _, _, size in self.memory)
            parts.append(f"kept for backward: {total:,} bytes")
            parts += [f"  {size:>12,}  {op}  {line}" for op, line, size in self.memory[:8]]
        return "\n".join(parts) + "\n"


def check(
    model: Module,
    loss_fn: Callable[..., Any],
    batch: Any,
    *,
    batches: Sequence[Any] = (),
    flags: Sequence[Mapping[str, Any]] = (),
    forward: Callable[[Module, Any], Any] | None = None,
    modes: Sequence[str] = ("train", "eval"),
    tolerance: float = 1e-4,
    fit_steps: int = 200,
) -> CheckReport:
    """Examine a model before it is trained; afterwards it is as it was.

    Every batch is passed in training and in evaluation mode and with every set of flags. On each
    of these branches, each parameter must get a gradient or a reason is given; the gradients are
    compared with central differences along random directions, in float64, on this model.

    Args:
        model: any module.
        loss_fn: called with the model's output, and the target if the batch has one.
        batch: inputs and target, ``(x, ..., target)``, or one tensor of inputs.
        batches: more of them, that take other ways through the model.
        flags: attributes to set, such as ``{"encoder.use_skip": True}``; one run for each.
        forward: calls the model where ``model(*inputs)`` does not do; gets model and batch.
        modes: of ``"train"`` and ``"eval"``, the ones that are looked at.
        tolerance: relative error of a gradient above which it is reported.
        fit_steps: how long to try to fit the one batch, 0 for not at all.

    Returns:
        The findings; ``print(check(...))`` shows them.

    Raises:
        TypeError: ``model`` is no module, or ``loss_fn`` cannot be called.
        ValueError: for an unknown mode or flag.
    """
    if not callable(getattr(model, "named_modules", None)):
        raise TypeError(f"check: model must be an nn.Module, not {type(model).__name__}")
    if not callable(loss_fn):
        raise TypeError(f"check: loss_fn must be a function, not {type(loss_fn).__name__}")
    if wrong := set(modes) - {"train", "eval"}:
        raise ValueError(f"modes are 'train' and 'eval', got {sorted(wrong)}")
    return _Check(model, loss_fn, forward, tolerance).run(
        [batch, *batches], [dict(f) for f in flags] or [{}], modes, fit_steps
    )


class _Check:
    def __init__(
        self,
        model: Module,
        loss_fn: Callable[..., Any],
        forward: Callable[[Module, Any], Any] | None,
        tolerance: float,
    ) -> None:
        self.model, self.loss_fn, self.forward, self.tolerance = model, loss_fn, forward, tolerance
        self.found: dict[tuple[str, str], Verdict] = {}
        self.branches: list[Branch] = []
        self.memory: list[tuple[str, str, int]] = []
        self.cuts: dict[str, dict[str, Cut]] = {}  # by branch and parameter

    def say(
        self, kind: str, severity: str, where: str, evidence: str, cause: str, action: str
    ) -> None:
        self.tell([Verdict(kind, severity, where, evidence, cause, action)])

    def tell(self, verdicts: Iterator[Verdict] | list[Verdict]) -> None:
        for verdict in verdicts:
            known = self.found.setdefault(verdict.key, verdict)
            if verdict.rank < known.rank:  # worse on this branch
                self.found[verdict.key] = verdict

    def loss(self, batch: Any) -> Any:
        inputs, target = _split(batch)
        output = self.forward(self.model, batch) if self.forward else self.model(*inputs)
        return self.loss_fn(output, *target)

    def run(
        self, batches: list[Any], flags: list[dict[str, Any]], modes: Sequence[str], fit_steps: int
    ) -> CheckReport:
        fit = None
        with Preserved(self.model) as kept, enable_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what they say is found below, with its line
            for (k, batch), flag, mode in itertools.product(enumerate(batches), flags, modes):
                name = "training" if mode == "train" else "evaluation"
                name += f", batch {k}" if len(batches) > 1 else ""
                name += "".join(f", {key}={value}" for key, value in flag.items())
                self.model.train(mode == "train")
                with _flagged(self.model, flag):
                    self.branch(Branch(name), batch, kept, mode)
            self.missing(kept)
            self.model.train()
            if fit_steps and not any(v.severity == ERROR for v in self.found.values()):
                with _flagged(self.model, flags[0]):
                    fit = check_loss.fit(self, batches[0], kept, fit_steps)
        verdicts = sorted(self.found.values(), key=lambda v: v.rank)
        return CheckReport(verdicts, self.branches, self.memory, fit)

    def branch(self, branch: Branch, batch: Any, kept: Preserved, mode: str) -> None:
        kept.native()
        try:
            ops, nodes, loss = self.traced(batch)
            if not self.usable(loss, ops):
                return
            self.branches.append(branch)
            branch.loss = float(loss.item())
            self.backward(branch, loss, ops, nodes, kept)
            if len(self.branches) == 1:
                self.first_look(ops, nodes, kept)
                self.tell(check_loss.judge(ops))
            if not repeatable(self, batch, kept, mode):
                return
            kept.double()
            compare(self, branch, _double(batch), kept, ops, nodes)
        except Exception as error:
            self.tell([from_exception(error, where="the model or the loss")])
        finally:
            kept.native()

    def traced(self, batch: Any) -> tuple[list[Op], set[Any], Any]:
        """One forward pass: its ops, the nodes of its graph, its loss."""
        tracer = Tracer()
        tracer.start()
        try:
            loss = self.loss(batch)
        finally:
            tracer.stop()
        ops = tracer.take()
        return ops, graph_nodes([loss]) if isinstance(loss, Tensor) else set(), loss

    def usable(self, loss: Any, ops: list[Op]) -> bool:
        last = ops[-1].source if ops else "the loss"
        if not isinstance(loss, Tensor) or loss.numel() != 1:
            got = f"shape {list(loss.shape)}" if isinstance(loss, Tensor) else type(loss).__name__
            self.say(
                "SHAPES", ERROR, last, f"the loss is {got}, not one number",
                "backward() starts from one number", "reduce it: loss.mean()",
            )  # fmt: skip
            return False
        if not math.isfinite(float(loss.item())):
            born = find_origin(ops, loss)
            self.say(
                "NON_FINITE", ERROR, born.op.source if born else last,
                f"the loss is {loss.item()}; {born.describe() if born else 'first seen here'}",
                "an op left the range of its dtype, or was evaluated at a singular point",
                "keep its argument inside the domain (clamp, eps), or use a stable form",
            )  # fmt: skip
            return False
        if not loss.requires_grad:
            self.say(
                "NO_GRADIENT", ERROR, last, "the loss does not depend on any parameter",
                "detach(), no_grad(), .data, .item() or an integer op cuts the history",
                "return the loss as a tensor computed from the parameters",
            )  # fmt: skip
            return False
        return True

    def backward(
        self, branch: Branch, loss: Tensor, ops: list[Op], nodes: set[Any], kept: Preserved
    ) -> None:
        probe = GradientProbe(ops)
        sizes: dict[tuple[str, str], int] = {}
        for node in nodes:
            if node.saved_bytes:
                key = (node.name(), node.source)
                sizes[key] = sizes.get(key, 0) + node.saved_bytes
        loss.backward()
        probe.remove()
        if not self.memory:
            rows = [(op, line, size) for (op, line), size in sizes.items()]
            self.memory = sorted(rows, key=lambda row: -row[2])
        cuts = self.cuts[branch.name] = {}
        for name, p in kept.params.items():
            if not p.requires_grad:
                continue
            norm = None if p.grad is None else float(p.grad.double().norm().item())
            branch.gradients[name] = norm
            if norm is None:
                cuts[name] = find_cut(p, ops, nodes)
            elif not math.isfinite(norm):
                born = probe.origin()
                self.say(
                    "NON_FINITE", ERROR, born.op.source if born else name,
                    f"the gradient of {name} is not finite"
                    + (f"; {born.describe()}" if born else ""),
                    "a derivative was taken at a singular point",
                    "keep the op's argument away from it (clamp, eps; with where(), before the op)",
                )  # fmt: skip

    def first_look(self, ops: list[Op], nodes: set[Any], kept: Preserved) -> None:
        names, params = list(kept.params), list(kept.params.values())
        live = [(n, p) for n, p in zip(names, params, strict=True) if p.requires_grad]
        layers = find_layers([n for n, _ in live], [p for _, p in live], ops)
        verdicts = [*first_step(layers), *judge_trace(layers, ops)]
        for verdict in verdicts:
            lines = (la.source for la in layers if verdict.where in (la.label, la.name))
            verdict.line = next(lines, "")
        self.tell(verdicts)
        for op in silent_broadcasts(ops, nodes):
            a, b = (list(t.shape) for t in op.inputs[:2])
            self.say(
                "SILENT_BROADCAST", ERROR, op.source,
                f"{op.name} of shapes {a} and {b} gives a table of all pairs",
                "the shapes differ by a dimension of size 1, so each prediction meets all targets",
                "give both the same shape: prediction.squeeze(-1) or target.unsqueeze(-1)",
            )  # fmt: skip

    def missing(self, kept: Preserved) -> None:
        """Parameters without a gradient, or with one that is 0, on all branches or on some."""
        trained = [b for b in self.branches if b.name.startswith("training")] or self.branches
        for name, p in kept.params.items():
            if not p.requires_grad:
                continue
            without = [b for b in trained if b.gradients.get(name) is None]
            got = [g for b in trained if (g := b.gradients.get(name)) is not None]
            if trained and len(without) == len(trained):
                cut = self.cuts[trained[0].name].get(name)
                self.say(
                    "NO_GRADIENT", ERROR if cut and cut.kind == "cut" else WARNING, name,
                    "no gradient arrives", cut.reason if cut else "no op of the forward pass "
                    "reads it", "let its result reach the loss, or freeze it: "
                    f"{code_name(name)}.requires_grad_(False)",
                )  # fmt: skip
            elif without:
                self.say(
                    "NO_GRADIENT", INFO, name,
                    "no gradient on some branches: " + "; ".join(b.name for b in without[:4]),
                    self.cuts[without[0].name][name].reason,
                    "nothing, if that is meant; optimisers pass over parameters without gradient",
                )  # fmt: skip
            elif got and not any(got) and any(b.loss for b in trained):
                self.say(
                    "ZERO_GRADIENT", WARNING, name, "its gradient is exactly 0",
                    "a factor of zero (a zeroed last layer, a dead ReLU), or an op with derivative "
                    "zero such as round or sign", "initialise what multiplies it with small "
                    "random numbers, unless zero is meant (residual branches)",
                )  # fmt: skip


def _split(batch: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    if isinstance(batch, (tuple, list)) and len(batch) > 1:
        return tuple(batch[:-1]), (batch[-1],)
    return (batch[0] if isinstance(batch, (tuple, list)) else batch,), ()


def _double(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.double() if value.is_floating_point() else value
    if isinstance(value, (tuple, list)):
        return type(value)(_double(v) for v in value)
    if isinstance(value, dict):
        return {k: _double(v) for k, v in value.items()}
    return value


@contextlib.contextmanager
def _flagged(model: Module, flags: dict[str, Any]) -> Iterator[None]:
    """``a.b.c = value`` on submodules for the block."""
    before = []
    try:
        for path, value in flags.items():
            owner, _, name = path.rpartition(".")
            holder = model.get_submodule(owner)
            if not hasattr(holder, name):
                raise ValueError(f"the model has no attribute '{path}'")
            before.append((holder, name, getattr(holder, name)))
            setattr(holder, name, value)
        yield
    finally:
        for holder, name, value in before:
            setattr(holder, name, value)
