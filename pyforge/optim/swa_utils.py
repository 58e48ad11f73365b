"""Averages of weights over training: stochastic weight averaging and moving averages."""

from __future__ import annotations

import math
from copy import deepcopy

from .._C import Tensor, tensor
from ..autograd.grad_mode import no_grad
from ..nn.modules import Module
from .lr_scheduler.base import Schedule, check_optimizer, one_per_group

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from .optimizer import Optimizer

__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]


def get_ema_avg_fn(decay: float = 0.999) -> Callable[[Tensor, Tensor, Any], Tensor]:
    """An ``avg_fn`` that keeps the share ``decay`` of the average.

    Raises:
        ValueError: if ``decay`` is not in [0, 1].
    """
    _check_decay(decay)

    def ema_update(averaged: Tensor, current: Tensor, num_averaged: Any) -> Tensor:
        with no_grad():
            mean: Tensor = averaged * decay + current * (1 - decay)
            return mean

    return ema_update


def get_swa_avg_fn() -> Callable[[Tensor, Tensor, Any], Tensor]:
    """An ``avg_fn`` that gives the mean of all."""

    def swa_update(averaged: Tensor, current: Tensor, num_averaged: Any) -> Tensor:
        with no_grad():
            mean: Tensor = averaged + (current - averaged) / (num_averaged + 1)
            return mean

    return swa_update


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable[[Any, Any, Any], None]:
    """As :func:`get_ema_avg_fn`, for lists of tensors, in place.

    Raises:
        ValueError: if ``decay`` is not in [0, 1].
    """
    _check_decay(decay)

    def ema_update(averaged: Iterable[Tensor], current: Iterable[Tensor], _: Any) -> None:
        with no_grad():
            for mean, value in zip(averaged, current, strict=True):
                if mean.is_floating_point():
                    _lerp(mean, value, 1 - decay)
                else:
                    mean.copy_(mean * decay + value * (1 - decay))

    return ema_update


def get_swa_multi_avg_fn() -> Callable[[Any, Any, Any], None]:
    """As :func:`get_swa_avg_fn`, for lists of tensors, in place."""

    def swa_update(averaged: Iterable[Tensor], current: Iterable[Tensor], num: Any) -> None:
        with no_grad():
            for mean, value in zip(averaged, current, strict=True):
                if mean.is_floating_point():
                    _lerp(mean, value, 1 / (float(num) + 1))
                else:
                    mean.add_((value - mean) // (int(num) + 1))

    return swa_update


def _lerp(start: Tensor, end: Tensor, weight: float) -> None:
    """Towards ``end``, computed from the nearer end."""
    if weight < 0.5:
        start.add_(end - start, alpha=weight)
    else:
        start.copy_(end - (end - start) * (1 - weight))


def _check_decay(decay: float) -> None:
    if not 0.0 <= decay <= 1.0:
        raise ValueError(
            f"Invalid decay value {decay} provided. Please provide a value in [0,1] range."
        )


class AveragedModel(Module):
    """A copy of a model whose parameters are averages of the model's.

    Args:
        model: the model that is trained.
        device: ``None`` or ``"cpu"``.
        avg_fn: ``avg_fn(average, current, number averaged) -> new average`` of one parameter.
        multi_avg_fn: the same for lists of tensors, in place. Without either: the plain mean.
        use_buffers: average the buffers too, instead of copying them.

    Attributes:
        module: the copy.
        n_averaged: how many models went into it, an int64 buffer.

    Raises:
        AssertionError: if both functions are given.
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Callable[[Tensor, Tensor, Any], Tensor] | None = None,
        multi_avg_fn: Callable[[Any, Any, Any], None] | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", tensor(0))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The output of the averaged model."""
        return self.module(*args, **kwargs)

    def _averaged(self, model: Module) -> list[Tensor]:
        tensors: list[Tensor] = list(model.parameters())
        return tensors + list(model.buffers()) if self.use_buffers else tensors

    def update_parameters(self, model: Module) -> None:
        """Take the present parameters of ``model`` into the average."""
        own = [t.detach() for t in self._averaged(self.module)]
        current = [t.detach() for t in self._averaged(model)]
        count = int(self.n_averaged)
        with no_grad():
            if count == 0:
                for mean, value in zip(own, current, strict=True):
                    mean.copy_(value)
            elif self.avg_fn is None:
                average = self.multi_avg_fn or get_swa_multi_avg_fn()
                average(own, current, self.n_averaged)
            else:
                for mean, value in zip(own, current, strict=True):
                    mean.copy_(self.avg_fn(mean, value, self.n_averaged))
            if not self.use_buffers:
                buffers = zip(self.module.buffers(), model.buffers(), strict=True)
                for mean, value in buffers:
                    mean.detach().copy_(value.detach())
            self.n_averaged.add_(1)


def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Compute the running statistics of all batch norms in ``model`` from one pass over ``loader``.

    Args:
        loader: gives batches, or lists and tuples whose first entry is one.
        model: left in the mode it is in.
        device: ``None`` or ``"cpu"``.
    """
    norms: dict[Any, Any] = {}
    module: Any
    for module in model.modules():
        if hasattr(module, "running_mean") and hasattr(module, "momentum"):
            module.reset_running_stats()
            norms[module] = module.momentum
    if not norms:
        return
    training = model.training
    with no_grad():
        model.train()
        for module in norms:
            module.momentum = None
        try:
            for batch in loader:
                values = batch[0] if isinstance(batch, (list, tuple)) else batch
                model(values if device is None else values.to(device))
        finally:
            for module, momentum in norms.items():
                module.momentum = momentum
            model.train(training)


class SWALR(Schedule):
    """From the present rate to ``swa_lr`` in ``anneal_epochs`` steps, then constant.

    Args:
        optimizer: whose ``param_groups`` are changed.
        swa_lr: the final rate, one or one per group.
        anneal_epochs: how many steps the change takes.
        anneal_strategy: ``"cos"`` or ``"linear"``.
        last_epoch: see :class:`~pyforge.optim.lr_scheduler.LRScheduler`.

    Raises:
        ValueError: for an unknown strategy or a negative number of steps.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | list[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        rates = one_per_group("swa_lr", optimizer, swa_lr)
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["swa_lr"] = rate
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self._anneal_strategy = anneal_strategy
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _share(self, step: int) -> float:
        at = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return at if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * at)) / 2

    def _rates(self) -> list[Any]:
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        now, before = self._share(step), self._share(max(0, step - 1))
        rates = []
        for group in self.optimizer.param_groups:
            target, lr = group["swa_lr"], group["lr"]
            # What the rate was at the start, of which it has covered `before` of the way.
            start = target if before == 1 else (lr - before * target) / (1 - before)
            rates.append(target * now + start * (1 - now))
        return rates
