"""The base class of optimisers."""

from __future__ import annotations

import warnings
from collections import defaultdict
from copy import deepcopy

from .._C import Tensor, float32, tensor
from ..autograd.grad_mode import enable_grad, no_grad
from ..utils.hooks import RemovableHandle, add_hook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    Params = Iterable[Tensor] | Iterable[dict[str, Any]] | Iterable[tuple[str, Tensor]]


class _Required:
    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()


class Optimizer:
    """Holds groups of parameters with their settings, and a state per parameter.

    Subclasses pass their default settings to ``__init__`` and define :meth:`step`.

    Args:
        params: tensors, ``(name, tensor)`` pairs, or dictionaries with the key ``"params"`` and
            settings of that group.
        defaults: settings of groups that do not have their own.

    Attributes:
        param_groups: one dictionary per group.
        state: for each parameter a dictionary of what the optimiser keeps about it.

    Raises:
        TypeError: if ``params`` is a tensor, or holds something else than tensors.
        ValueError: if there are no parameters, or one is the result of an operation.
    """

    param_groups: list[dict[str, Any]]
    state: defaultdict[Any, dict[str, Any]]
    _scalars: tuple[str, ...] = ()  # of the state: tensors, which old states have as numbers

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self._step_pre_hooks: dict[int, Callable[..., Any]] = {}
        self._step_post_hooks: dict[int, Callable[..., Any]] = {}
        self._state_hooks: dict[str, dict[int, Callable[..., Any]]] = {}
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, "
                f"but got {type(params).__name__}"
            )
        self.state = defaultdict(dict)
        self.param_groups = []
        groups: list[Any] = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters once.

        Args:
            closure: computes the loss anew, with gradients, and returns it.

        Returns:
            What ``closure`` returned, or ``None``.
        """
        raise NotImplementedError

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of all parameters, or set them to zero."""
        for group in self.param_groups:
            for param in group["params"]:
                if set_to_none:
                    param.grad = None
                elif param.grad is not None:
                    param.grad = param.grad.detach().zero_()

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with settings of their own.

        Args:
            param_group: ``"params"`` and settings; missing ones are taken from the defaults.

        Raises:
            TypeError: if it is no dictionary, the parameters are a set, or one is not a tensor.
            ValueError: if a parameter is the result of an operation or is in another group, or a
                required setting is missing.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params, names = _split_names(param_group["params"])
        param_group["params"] = params
        if names:
            param_group["param_names"] = names
        for param in params:
            if not isinstance(param, Tensor):
                raise TypeError(
                    "optimizer can only optimize Tensors, but one of the params is "
                    f"{type(param).__name__}"
                )
            if not (param.is_leaf or param.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(
                    "parameter group didn't specify a value of required optimization parameter "
                    f"{name}"
                )
            param_group.setdefault(name, default)
        own = {id(param) for param in params}
        if len(own) != len(params):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters",
                stacklevel=3,
            )
        for group in self.param_groups:
            if ("param_names" in group) != bool(names):
                raise ValueError("all optimizer param groups should be with/without names")
            if not own.isdisjoint(id(param) for param in group["params"]):
                raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(param_group)

    def state_dict(self) -> dict[str, Any]:
        """``{"state": ..., "param_groups": ...}`` with parameters replaced by their positions."""
        for hook in self._hooks_of("state_dict_pre"):
            hook(self)
        order = [id(p) for group in self.param_groups for p in group["params"]]
        position = {key: i for i, key in enumerate(order)}
        groups = [
            {**group, "params": [position[id(p)] for p in group["params"]]}
            for group in self.param_groups
        ]
        state = {
            position[id(key)] if isinstance(key, Tensor) else key: value
            for key, value in self.state.items()
        }
        result: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in self._hooks_of("state_dict_post"):
            changed = hook(self, result)
            result = result if changed is None else changed
        return result

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what :meth:`state_dict` returned; tensors are copied.

        Raises:
            ValueError: if the number or sizes of the groups differ.
        """
        state_dict = state_dict.copy()
        for hook in self._hooks_of("load_state_dict_pre"):
            changed = hook(self, state_dict)
            state_dict = state_dict if changed is None else changed
        saved = deepcopy(state_dict)
        old, new = self.param_groups, saved["param_groups"]
        if len(old) != len(new):
            raise ValueError("loaded state dict has a different number of parameter groups")
        param_at: dict[Any, Tensor] = {}
        for group, loaded in zip(old, new, strict=True):
            if len(group["params"]) != len(loaded["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of "
                    "optimizer's group"
                )
            param_at.update(zip(loaded["params"], group["params"], strict=True))
            loaded["params"] = group["params"]
            if "param_names" in group:
                loaded.setdefault("param_names", group["param_names"])
        state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        for key, value in saved["state"].items():
            param = param_at.get(key)
            state[key if param is None else param] = (
                value if param is None else _cast_like(param, value)
            )
        self.__setstate__({"state": state, "param_groups": new})
        for hook in self._hooks_of("load_state_dict_post"):
            hook(self)

    def __getstate__(self) -> dict[str, Any]:
        return {
            "defaults": self.defaults,
            "state": self.state,
            "param_groups": self.param_groups,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.__dict__.setdefault("_step_pre_hooks", {})
        self.__dict__.setdefault("_step_post_hooks", {})
        self.__dict__.setdefault("_state_hooks", {})
        for group in self.param_groups:
            for name, default in self.defaults.items():
                if default is not required:
                    group.setdefault(name, default)
        for entry in self.state.values() if self._scalars else ():
            for key in self._scalars:
                if key in entry and not isinstance(entry[key], Tensor):
                    entry[key] = tensor(float(entry[key]), dtype=float32)

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Run ``hook(optimizer, args, kwargs) -> None or (args, kwargs)`` before each step."""
        self._hook_step()
        return add_hook(hook, self._step_pre_hooks)

    def register_step_post_hook(self, hook: Callable[..., None]) -> RemovableHandle:
        """Run ``hook(optimizer, args, kwargs)`` after each step."""
        self._hook_step()
        return add_hook(hook, self._step_post_hooks)

    def register_state_dict_pre_hook(
        self, hook: Callable[[Optimizer], None], prepend: bool = False
    ) -> RemovableHandle:
        """Run ``hook(optimizer)`` before :meth:`state_dict`."""
        return self._hook_state("state_dict_pre", hook, prepend)

    def register_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Run ``hook(optimizer, state_dict) -> None or a new one`` after :meth:`state_dict`."""
        return self._hook_state("state_dict_post", hook, prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Run ``hook(optimizer, state_dict) -> None or a new one`` before loading (a copy)."""
        return self._hook_state("load_state_dict_pre", hook, prepend)

    def register_load_state_dict_post_hook(
        self, hook: Callable[[Optimizer], None], prepend: bool = False
    ) -> RemovableHandle:
        """Run ``hook(optimizer)`` after :meth:`load_state_dict`."""
        return self._hook_state("load_state_dict_post", hook, prepend)

    def _hooks_of(self, event: str) -> tuple[Callable[..., Any], ...]:
        return tuple(self._state_hooks.get(event, {}).values())

    def _hook_state(self, event: str, hook: Callable[..., Any], prepend: bool) -> RemovableHandle:
        return add_hook(hook, self._state_hooks.setdefault(event, {}), prepend=prepend)

    def _hook_step(self) -> None:
        """Let this one object's ``step`` run the hooks; without hooks a step pays nothing."""
        if self.__dict__.get("_step_hooked"):
            return
        self._step_hooked = True
        before = self.__dict__.get("step")

        def step(*args: Any, **kwargs: Any) -> Any:
            for pre_hook in tuple(self._step_pre_hooks.values()):
                changed = pre_hook(self, args, kwargs)
                if changed is not None:
                    if not (isinstance(changed, tuple) and len(changed) == 2):
                        raise RuntimeError(
                            "step pre-hook must return None or a tuple of (new_args, new_kwargs), "
                            f"but got {changed}."
                        )
                    args, kwargs = changed
            if before is not None:
                result = before(*args, **kwargs)
            else:
                result = type(self).step(self, *args, **kwargs)
            for post_hook in tuple(self._step_post_hooks.values()):
                post_hook(self, args, kwargs)
            return result

        self.step = step  # type: ignore[method-assign]

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join([*lines, ")"])


class FusedOptimizer(Optimizer):
    """An optimiser whose step is one native call per group of parameters."""

    _scalars: tuple[str, ...] = ("step",)

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        if defaults["differentiable"]:
            raise NotImplementedError(
                "differentiable=True: steps are not recorded; write the update with tensor "
                "operations to differentiate through it"
            )
        super().__init__(params, defaults)

    def step(
        self, closure: Callable[[], Any] | None = None, *, max_grad_norm: float | None = None
    ) -> Any:
        """Update all parameters that have a gradient.

        Args:
            closure: computes the loss anew, with gradients, and returns it.
            max_grad_norm: clip the common norm of all gradients to this, as
                :func:`~pyforge.nn.utils.clip_grad_norm_` does, in the same pass: ``.grad`` itself
                stays as it is. ``self.grad_norm`` is then the norm before clipping.

        Returns:
            What ``closure`` returned, or ``None``.

        Raises:
            RuntimeError: with ``max_grad_norm``, if the norm is not finite; nothing is updated.
        """
        loss = None if closure is None else run_closure(closure)
        grad_scale = 1.0 if max_grad_norm is None else self._clip(max_grad_norm)
        for group in self.param_groups:
            self._update(group, grad_scale)
        return loss

    def _update(self, group: dict[str, Any], grad_scale: float) -> None:
        """Update the parameters of ``group`` by their gradients times ``grad_scale``."""
        raise NotImplementedError

    def _clip(self, max_grad_norm: float) -> float:
        from ..nn.utils.clip_grad import norm_and_factor

        params = [p for group in self.param_groups for p in group["params"]]
        self.grad_norm, factor = norm_and_factor(params, max_grad_norm)
        return factor


class PlainOptimizer(Optimizer):
    """An optimiser whose step is written in Python, one parameter after another."""

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update all parameters that have a gradient; see :meth:`Optimizer.step`."""
        loss = run_closure(closure)
        with no_grad():
            for group in self.param_groups:
                for param in group["params"]:
                    if param.grad is not None:
                        self._update(param, param.grad, group)
        return loss

    def _update(self, param: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        raise NotImplementedError


def _split_names(params: Any) -> tuple[list[Any], list[str]]:
    if isinstance(params, Tensor):
        return [params], []
    if isinstance(params, set):
        raise TypeError(
            "optimizer parameters need to be organized in ordered collections, but the ordering of "
            "tensors in sets will change between runs. Please use a list instead."
        )
    entries = list(params)
    names = [entry[0] for entry in entries if isinstance(entry, tuple)]
    if names and len(names) != len(entries):
        raise ValueError(
            "all optimizer params should be with/without names. Some param names are missing"
        )
    return [entry[1] if isinstance(entry, tuple) else entry for entry in entries], names


def _cast_like(param: Tensor, value: Any, key: str = "") -> Any:
    """``value`` with its tensors converted to the dtype of ``param``, except step counts."""
    if isinstance(value, Tensor):
        return value.to(param.dtype) if param.is_floating_point() and key != "step" else value
    if isinstance(value, dict):
        return {k: _cast_like(param, v, k) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_cast_like(param, v) for v in value)
    return value


def run_closure(closure: Callable[[], Any] | None) -> Any:
    """Call ``closure``, if there is one, with gradients recorded."""
    if closure is None:
        return None
    with enable_grad():
        return closure()


def check_not_negative(**settings: float) -> None:
    """Raise a ValueError that names the first of ``settings`` that is negative."""
    for name, value in settings.items():
        if not value >= 0.0:
            raise ValueError(f"Invalid {name} value: {value}")


def check_rate(lr: Any, complaint: str = "Invalid learning rate") -> None:
    """Raise a ValueError for a learning rate that is negative, or a tensor of several."""
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    if not lr >= 0.0:
        raise ValueError(f"{complaint}: {lr}")


def check_betas(betas: tuple[float, float]) -> None:
    """Raise a ValueError for a beta that is not in [0, 1)."""
    for i, beta in enumerate(betas):
        if not 0.0 <= beta < 1.0:
            raise ValueError(f"Invalid beta parameter at index {i}: {beta}")


def check_adam(
    lr: Any, betas: tuple[float, float], eps: float, weight_decay: float, **settings: float
) -> None:
    """Raise a ValueError for what is out of range in Adam or one of its kind."""
    check_rate(lr)
    check_not_negative(epsilon=eps)
    check_betas(betas)
    check_not_negative(weight_decay=weight_decay, **settings)
