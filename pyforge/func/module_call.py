"""Modules as functions of their parameters."""

from __future__ import annotations

from .._C import Tensor, stack
from .._tree import flatten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ..nn.modules import Module

Place = tuple["dict[str, Any]", str]


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """``module(*args, **kwargs)`` with other parameters and buffers, which may have a history.

    Args:
        module: is as before after the call.
        parameter_and_buffer_dicts: tensors by their dotted names, or several such dictionaries.
        args: the arguments; a tuple of them, or one alone.
        kwargs: the keyword arguments.
        tie_weights: a parameter found under several names is replaced at all of them.
        strict: every parameter and buffer must be given, and nothing else.

    Raises:
        ValueError: if two dictionaries give the same name, or tied names get different tensors.
        RuntimeError: for names that are missing or unexpected, with ``strict``.
        AttributeError: for an unknown name.
    """
    if isinstance(parameter_and_buffer_dicts, (list, tuple)):
        given: dict[str, Tensor] = {}
        for part in parameter_and_buffer_dicts:
            repeated = [name for name in part if name in given]
            if repeated:
                raise ValueError(
                    f"{repeated[0]} appears in multiple dictionaries; behavior of "
                    "functional call is ambiguous"
                )
            given.update(part)
    else:
        given = dict(parameter_and_buffer_dicts)  # type: ignore[arg-type]
    places = _places(module)
    if strict:
        _check_names(given, places)
    if tie_weights:
        _tie(given, places)
    arguments = () if args is None else args if isinstance(args, tuple) else (args,)
    replaced: list[tuple[Place, Any]] = []
    try:
        for name, value in given.items():
            place = places.get(name)
            if place is None:
                raise AttributeError(f"{type(module).__name__} has no parameter or buffer `{name}`")
            registry, key = place
            replaced.append((place, registry[key]))
            registry[key] = value
        return module(*arguments, **(kwargs or {}))
    finally:
        for (registry, key), before in reversed(replaced):
            registry[key] = before


def _places(module: Module) -> dict[str, Place]:
    found: dict[str, Place] = {}
    for path, part in module.named_modules(remove_duplicate=False):
        for registry in (part._parameters, part._buffers):
            for key in registry:
                found[f"{path}.{key}" if path else key] = (registry, key)
    return found


def _check_names(given: dict[str, Tensor], places: dict[str, Place]) -> None:
    unexpected = [name for name in given if name not in places]
    missing = [n for n, (r, k) in places.items() if n not in given and r[k] is not None]
    lines = []
    for names, what in ((unexpected, "Unexpected"), (missing, "Missing")):
        if names:
            lines.append(f"{what} key(s): {', '.join(names)}.")
    if lines:
        raise RuntimeError("Error(s) in loading state_dict for functional_call: " + " ".join(lines))


def _tie(given: dict[str, Tensor], places: dict[str, Place]) -> None:
    names_of: dict[int, list[str]] = {}
    for name, (registry, key) in places.items():
        if registry[key] is not None:
            names_of.setdefault(id(registry[key]), []).append(name)
    for names in names_of.values():
        values = [given[name] for name in names if name in given]
        if len(names) < 2 or not values:
            continue
        if any(value is not values[0] for value in values):
            raise ValueError(
                f"functional_call got multiple values for keys {names}, which are tied. Consider "
                "using tie_weights=False"
            )
        for name in names:
            given[name] = values[0]


def stack_module_state(
    models: Sequence[Module],
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The parameters, and the buffers, of several models of one kind, stacked along a new first
    dimension.

    Raises:
        RuntimeError: for no model, models of different classes, or in different modes.
    """
    if len(models) == 0:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if len({m.training for m in models}) > 1:
        raise RuntimeError(
            "stack_module_state: Expected all models to have the same training/eval mode."
        )
    if len({type(m) for m in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    params = _stacked([dict(m.named_parameters()) for m in models])
    buffers = _stacked([dict(m.named_buffers()) for m in models])
    return params, buffers


def _stacked(states: list[dict[str, Any]]) -> dict[str, Tensor]:
    result = {}
    for name, first in states[0].items():
        tensors, _ = flatten([state[name] for state in states])
        wanted = first.requires_grad
        result[name] = stack([t.detach() for t in tensors]).requires_grad_(wanted)
    return result


def replace_all_batch_norm_modules_(root: Module) -> Module:
    """Let every batch norm of ``root`` use the statistics of its batch alone, in place.

    ``running_mean``, ``running_var`` and ``num_batches_tracked`` become ``None``.
    """
    from ..nn import BatchNorm1d, BatchNorm2d, BatchNorm3d

    for module in root.modules():
        if isinstance(module, (BatchNorm1d, BatchNorm2d, BatchNorm3d)):
            module.track_running_stats = False
            module.running_mean = module.running_var = module.num_batches_tracked = None
    return root
