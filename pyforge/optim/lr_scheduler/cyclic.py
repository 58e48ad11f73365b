"""Schedules that rise and fall, with the momentum moving the other way."""

from __future__ import annotations

import math

from .base import Schedule, check_optimizer, one_per_group, set_value
from .decay import attributes_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..optimizer import Optimizer


_MODES = {"triangular": "cycle", "triangular2": "cycle", "exp_range": "iterations"}


class _WithMomentum(Schedule):
    """Also sets ``momentum``, or the first of ``betas``."""

    use_beta1: bool

    def _start_momentum(
        self, optimizer: Optimizer, base: list[float], highest: list[float], last_epoch: int
    ) -> None:
        if last_epoch != -1:
            return
        for group, low, high in zip(optimizer.param_groups, base, highest, strict=True):
            self._set_momentum(group, high)
            group["max_momentum"] = high
            group["base_momentum"] = low

    def _find_momentum(self, optimizer: Optimizer) -> None:
        if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
            raise ValueError(
                "optimizer must support momentum or beta1 with `cycle_momentum` option enabled"
            )
        self.use_beta1 = "betas" in optimizer.defaults

    def _set_momentum(self, group: dict[str, Any], momentum: float) -> None:
        if self.use_beta1:
            group["betas"] = (momentum, *group["betas"][1:])
        else:
            group["momentum"] = momentum


class CyclicLR(_WithMomentum):
    """Between ``base_lr`` and ``max_lr`` and back, again and again (Smith 2017).

    Args:
        optimizer: whose ``param_groups`` are changed.
        base_lr: the lowest rate, one or one per group.
        max_lr: the highest rate of the first cycle, one or one per group.
        step_size_up: steps of the rise.
        step_size_down: steps of the fall; as many by default.
        mode: ``"triangular"``, ``"triangular2"`` (half the height each cycle) or ``"exp_range"``
            (the height times ``gamma`` each step).
        gamma: see ``mode``.
        scale_fn: the height instead of ``mode``: a function of ``scale_mode``.
        scale_mode: ``"cycle"`` or ``"iterations"``.
        cycle_momentum: move the momentum the other way.
        base_momentum: the lowest momentum, one or one per group.
        max_momentum: the highest momentum, one or one per group.
        last_epoch: see :class:`LRScheduler`.

    Raises:
        ValueError: for an unknown mode, a list of the wrong length, no momentum to cycle.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        self.optimizer = optimizer
        base_lrs = one_per_group("base_lr", optimizer, base_lr)
        if last_epoch == -1:
            for lr, group in zip(base_lrs, optimizer.param_groups, strict=True):
                set_value(group, "lr", lr)
        self.max_lrs = one_per_group("max_lr", optimizer, max_lr)
        up = float(step_size_up)
        self.total_size = up + (up if step_size_down is None else float(step_size_down))
        self.step_ratio = up / self.total_size
        if mode not in _MODES and scale_fn is None:
            raise ValueError("mode is invalid and scale_fn is None")
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        self.scale_mode = scale_mode if scale_fn is not None else _MODES[mode]
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._find_momentum(optimizer)
            self.base_momentums = one_per_group("base_momentum", optimizer, base_momentum)
            self.max_momentums = one_per_group("max_momentum", optimizer, max_momentum)
            self._start_momentum(optimizer, self.base_momentums, self.max_momentums, last_epoch)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x: float) -> float:
        """The height of the cycle, as a share of that of the first."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular2":
            return float(2.0 ** (1 - x))
        return float(self.gamma**x) if self.mode == "exp_range" else 1.0

    def _rates(self) -> list[Any]:
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        at = 1.0 + self.last_epoch / self.total_size - cycle
        rising = at <= self.step_ratio
        share = at / self.step_ratio if rising else (at - 1) / (self.step_ratio - 1)
        height = share * self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            ranges = zip(self.base_momentums, self.max_momentums, strict=True)
            momenta = [high - (high - low) * height for low, high in ranges]
            for group, momentum in zip(self.optimizer.param_groups, momenta, strict=True):
                self._set_momentum(group, momentum)
        lrs = zip(self.base_lrs, self.max_lrs, strict=True)
        return [low + (high - low) * height for low, high in lrs]

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimiser; of ``scale_fn`` only the attributes of an object."""
        state = super().state_dict()
        state["_scale_fn_custom"] = attributes_of(self._scale_fn_custom)
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what :meth:`state_dict` returned."""
        state = dict(state_dict)
        attributes = state.pop("_scale_fn_custom")
        if attributes is not None and self._scale_fn_custom is not None:
            self._scale_fn_custom.__dict__.update(attributes)
        super().load_state_dict(state)


class CosineAnnealingWarmRestarts(Schedule):
    """Half a cosine down to ``eta_min``, then from the initial rate anew (Loshchilov 2017).

    Args:
        optimizer: whose ``param_groups`` are changed.
        T_0: steps of the first run.
        T_mult: how many times longer each run is than the one before.
        eta_min: the lowest rate.
        last_epoch: see :class:`LRScheduler`.

    Raises:
        ValueError: for lengths that are not positive integers.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,
        T_mult: int = 1,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        if not isinstance(T_0, int) or T_0 <= 0:
            raise ValueError(f"Expected positive integer T_0, but got {T_0}")
        if not isinstance(T_mult, int) or T_mult < 1:
            raise ValueError(f"Expected integer T_mult >= 1, but got {T_mult}")
        if not isinstance(eta_min, (float, int)):
            raise ValueError(
                f"Expected float or int eta_min, but got {eta_min} of type {type(eta_min)}"
            )
        self.T_0 = T_0
        self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def _rates(self) -> list[Any]:
        height = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (base - self.eta_min) * height for base in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Go one step on, or to ``epoch``, which may have a fraction.

        Raises:
            ValueError: for a negative ``epoch``.
        """
        if epoch is None and self.last_epoch >= 0:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        else:
            epoch = 0 if epoch is None else epoch
            self._go_to(epoch)
        self.last_epoch = math.floor(epoch)
        self._get_lr_called_within_step = True
        try:
            rates = self.get_lr()
        finally:
            self._get_lr_called_within_step = False
        self._set_rates(rates)

    def _go_to(self, epoch: float) -> None:
        if epoch < 0:
            raise ValueError(f"Expected non-negative epoch, but got {epoch}")
        if epoch < self.T_0:
            self.T_i, self.T_cur = self.T_0, epoch
        elif self.T_mult == 1:
            self.T_cur = epoch % self.T_0
        else:
            grown = epoch / self.T_0 * (self.T_mult - 1) + 1
            run = int(math.log(grown, self.T_mult))
            start = self.T_0 * (self.T_mult**run - 1) / (self.T_mult - 1)
            self.T_i, self.T_cur = self.T_0 * self.T_mult**run, epoch - start


class OneCycleLR(_WithMomentum):
    """One rise and one fall over the whole training (Smith and Topin 2018).

    Args:
        optimizer: whose ``param_groups`` are changed.
        max_lr: the highest rate, one or one per group.
        total_steps: the number of steps, or:
        epochs: the number of epochs, with
        steps_per_epoch: the steps of each.
        pct_start: share of the rise.
        anneal_strategy: ``"cos"`` or ``"linear"``.
        cycle_momentum: move the momentum the other way.
        base_momentum: the lowest momentum, one or one per group.
        max_momentum: the highest momentum, one or one per group.
        div_factor: the first rate is ``max_lr`` divided by it.
        final_div_factor: the last rate is the first divided by it.
        three_phase: fall to the first rate as long as it rose, then to the last.
        last_epoch: see :class:`LRScheduler`.

    Raises:
        ValueError: for numbers of steps that are missing or not positive, an unknown strategy, no
            momentum to cycle; in ``step``, beyond the last step.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        self.optimizer = optimizer
        if total_steps is not None:
            self.total_steps = _positive("total_steps", total_steps)
        elif epochs is not None and steps_per_epoch is not None:
            self.total_steps = _positive("epochs", epochs) * _positive(
                "steps_per_epoch", steps_per_epoch
            )
        else:
            raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        rise = float(pct_start * self.total_steps)
        up = ("initial_lr", "max_lr", "max_momentum", "base_momentum")
        phases: list[tuple[float, tuple[str, str, str, str]]] = [(rise - 1, up)]
        if three_phase:
            phases += [
                (2 * rise - 2, ("max_lr", "initial_lr", "base_momentum", "max_momentum")),
                (
                    self.total_steps - 1,
                    ("initial_lr", "min_lr", "max_momentum", "max_momentum"),
                ),
            ]
        else:
            down = ("max_lr", "min_lr", "base_momentum", "max_momentum")
            phases.append((self.total_steps - 1, down))
        keys = ("start_lr", "end_lr", "start_momentum", "end_momentum")
        self._schedule_phases: list[dict[str, Any]] = [
            {"end_step": end, **dict(zip(keys, names, strict=True))} for end, names in phases
        ]
        self._anneal_func_type = anneal_strategy
        highest = one_per_group("max_lr", optimizer, max_lr)
        if last_epoch == -1:
            for group, rate in zip(optimizer.param_groups, highest, strict=True):
                group["initial_lr"] = rate / div_factor
                group["max_lr"] = rate
                group["min_lr"] = group["initial_lr"] / final_div_factor
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._find_momentum(optimizer)
            self._start_momentum(
                optimizer,
                one_per_group("base_momentum", optimizer, base_momentum),
                one_per_group("max_momentum", optimizer, max_momentum),
                last_epoch,
            )
        super().__init__(optimizer, last_epoch)

    def _between(self, start: Any, end: Any, share: float) -> Any:
        if self._anneal_func_type == "linear":
            return (end - start) * share + start
        return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)

    def _rates(self) -> list[Any]:
        step = self.last_epoch
        if step > self.total_steps:
            raise ValueError(
                f"Tried to step {step} times. The specified number of total steps is "
                f"{self.total_steps}"
            )
        start = 0.0
        phase = self._schedule_phases[0]
        for phase in self._schedule_phases:
            if step <= phase["end_step"] or phase is self._schedule_phases[-1]:
                break
            start = phase["end_step"]
        share = (step - start) / (phase["end_step"] - start)
        rates = []
        for group in self.optimizer.param_groups:
            ends = (group[phase["start_lr"]], group[phase["end_lr"]])
            rates.append(self._between(*ends, share))
            if self.cycle_momentum:
                ends = (group[phase["start_momentum"]], group[phase["end_momentum"]])
                self._set_momentum(group, self._between(*ends, share))
        return rates


def _positive(name: str, value: int) -> int:
    if not isinstance(value, int) or value <= 0:
        raise ValueError(f"Expected positive integer {name}, but got {value}")
    return value
