"""The base of schedules: counts steps and sets the rates."""

from __future__ import annotations

import warnings
import weakref

from ..._C import Tensor
from ..optimizer import Optimizer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

EPOCH_DEPRECATION_WARNING = (
    "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where "
    "possible. Please use `scheduler.step()` to step the scheduler; with an epoch the closed form "
    "of the schedule is used, where there is one."
)


class LRScheduler:
    """Sets the learning rates of an optimiser once per call of :meth:`step`.

    Subclasses define :meth:`get_lr`.

    Args:
        optimizer: whose ``param_groups`` are changed.
        last_epoch: the number of steps already taken, -1 at the start.

    Raises:
        TypeError: if ``optimizer`` is none.
        KeyError: when resuming, if a group has no ``initial_lr``.
    """

    _get_lr_called_within_step = False
    _is_initial = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        check_optimizer(optimizer)
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", copied(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming an "
                    "optimizer; load the optimizer's state first, or start with last_epoch=-1"
                )
        self.base_lrs: list[Any] = values_of(optimizer, "initial_lr")
        self.last_epoch = last_epoch
        self._last_lr: list[Any] = []
        _watch_first_step(optimizer)
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def get_lr(self) -> list[Any]:
        """The learning rate of each group after ``last_epoch`` steps, from the present ones."""
        raise NotImplementedError

    def get_last_lr(self) -> list[Any]:
        """The learning rate of each group as last set."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Go one step on, usually after each epoch.

        Warns if the optimiser has not stepped before, as the first rate would be skipped.
        """
        if self._step_count == 1 and not getattr(self.optimizer, "_opt_called", False):
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`. Call "
                "`optimizer.step()` before `lr_scheduler.step()`, or the first value of the "
                "learning rate schedule is skipped.",
                stacklevel=2,
            )
        self._step_count += 1
        if epoch is not None:
            warnings.warn(EPOCH_DEPRECATION_WARNING, stacklevel=2)
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        closed_form = getattr(self, "_get_closed_form_lr", None)
        self._get_lr_called_within_step = True
        try:
            rates = self.get_lr() if epoch is None or closed_form is None else closed_form()
        finally:
            self._get_lr_called_within_step = False
        self._set_rates(rates)

    def _set_rates(self, rates: list[Any]) -> None:
        for group, lr in zip(self.optimizer.param_groups, rates, strict=True):
            set_value(group, "lr", lr)
        self._last_lr = self._present()

    def _present(self) -> list[Any]:
        return values_of(self.optimizer, "lr")

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimiser."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what :meth:`state_dict` returned."""
        self.__dict__.update(state_dict)


class Schedule(LRScheduler):
    """A schedule whose formula is :meth:`_rates`; asking it for rates between steps warns."""

    def get_lr(self) -> list[Any]:
        """See :meth:`LRScheduler.get_lr`; after a step, ask ``get_last_lr()`` instead."""
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, please use "
                "`get_last_lr()`.",
                stacklevel=2,
            )
        return self._rates()

    def _rates(self) -> list[Any]:
        raise NotImplementedError


def check_optimizer(optimizer: object) -> None:
    """Raise a TypeError if it is no optimiser."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")


def copied(value: Any) -> Any:
    """A rate that does not change with the given one: tensors are cloned."""
    return value.clone() if isinstance(value, Tensor) else value


def values_of(optimizer: Optimizer, key: str) -> list[Any]:
    """``key`` of every group."""
    return [copied(group[key]) for group in optimizer.param_groups]


def set_value(group: dict[str, Any], key: str, value: Any) -> None:
    """Set ``key`` of a group; a tensor there is filled."""
    if isinstance(group[key], Tensor):
        group[key].fill_(float(value))
    else:
        group[key] = value


def one_per_group(name: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """A list with a value for every group.

    Raises:
        ValueError: if a list has another length.
    """
    groups = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        value = [value] * groups
    elif len(value) != groups:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. {name} has {len(value)} "
            f"values, param_groups has {groups}."
        )
    return [copied(v) for v in value]


def _watch_first_step(optimizer: Optimizer) -> None:
    """Let the optimiser's next step set ``_opt_called``; later ones pay nothing."""
    own = optimizer.__dict__
    if own.get("_opt_called") or own.get("_first_step_watched"):
        return
    own["_first_step_watched"] = True
    owner = weakref.ref(optimizer)
    before = own.get("step")

    def step(*args: Any, **kwargs: Any) -> Any:
        optimizer = owner()
        assert optimizer is not None
        own = optimizer.__dict__
        own["_opt_called"] = True
        if own.get("step") is step:
            if before is None:
                del own["step"]
            else:
                own["step"] = before
        if before is not None:
            return before(*args, **kwargs)
        return type(optimizer).step(optimizer, *args, **kwargs)

    own["step"] = step
