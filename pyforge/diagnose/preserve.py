"""Runs a model as often as one likes and leaves it as it was."""

from __future__ import annotations

import random

import numpy as np

from .. import _C
from .. import random as _random
from .._C import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from ..nn import Module


def generators() -> tuple[Any, Any, Any]:
    """The states of the random generators of pyforge, NumPy and Python."""
    return _random.get_rng_state(), np.random.get_state(), random.getstate()


def set_generators(states: tuple[Any, Any, Any]) -> None:
    """Back to ``states``."""
    _random.set_rng_state(states[0])
    np.random.set_state(states[1])
    random.setstate(states[2])


class Preserved:
    """Within the block, parameters and buffers are copies; after it, everything is as before.

    That is: values, ``.grad``, ``requires_grad``, buffers, modes, attributes of the modules, what
    their own lists and dictionaries hold, the default dtype, and the random generators.
    """

    def __init__(self, model: Module) -> None:
        self._modules = list(model.modules())
        self.params: dict[str, Tensor] = dict(model.named_parameters())

    def __enter__(self) -> Preserved:
        self.generators = generators()
        self._dtype = _C.get_default_dtype()
        self._states = [(m, dict(vars(m)), _containers(m)) for m in self._modules]
        self._data = [(p, p.data, p.grad, p.requires_grad) for p in self.params.values()]
        self._plain = _plain_tensors(self._modules)
        for p, data, _, _ in self._data:
            p.data = data.clone()
            p.grad = None
        self.reset()
        return self

    def __exit__(self, *error: object) -> None:
        for module, attributes, containers in self._states:
            vars(module).clear()
            vars(module).update(attributes)
            for held, content in containers:
                _refill(held, content)
        for p, data, grad, wanted in self._data:
            p.data = data
            p.grad = grad
            p.requires_grad_(wanted)
        _C.set_default_dtype(self._dtype)
        set_generators(self.generators)

    def reset(self, double: bool = False) -> None:
        """Fresh copies of buffers and of other tensors of the modules; generators as before."""
        copies = {
            key: t.double() if double and t.is_floating_point() else t.clone()
            for key, t in self._plain.items()
        }
        for module, attributes, containers in self._states:
            for name, value in attributes.items():
                if isinstance(value, Tensor) and id(value) in copies:
                    vars(module)[name] = copies[id(value)]
            for held, content in containers:
                if held is module._buffers:
                    for name, value in content.items():
                        held[name] = copies.get(id(value), value)
        set_generators(self.generators)

    def restore_weights(self, double: bool = False) -> None:
        """The parameters as they were, in float64 if asked for."""
        for p, data, _, _ in self._data:
            floating = double and data.is_floating_point()
            p.data = data.double() if floating else data.clone()
            p.grad = None

    def native(self) -> None:
        """Weights, buffers and new tensors in the dtype that they had."""
        _C.set_default_dtype(self._dtype)
        self.restore_weights()
        self.reset()

    def double(self) -> None:
        """Weights, buffers and new tensors in float64 from here on."""
        _C.set_default_dtype(_C.float64)
        self.restore_weights(double=True)
        self.reset(double=True)


def _plain_tensors(modules: Iterable[Module]) -> dict[int, Tensor]:
    """Buffers and tensors that are attributes, by identity; no parameters."""
    held: dict[int, Tensor] = {}
    for module in modules:
        weights = {id(p) for p in module._parameters.values()}
        for value in (*vars(module).values(), *module._buffers.values()):
            if not isinstance(value, Tensor) or id(value) in weights:
                continue
            if value.is_leaf and not value.requires_grad:
                held[id(value)] = value
    return held


def _containers(module: Module) -> list[tuple[Any, Any]]:
    """The lists, dictionaries and sets of a module with copies of them."""
    kinds = (list, dict, set)
    return [(v, v.copy()) for v in vars(module).values() if isinstance(v, kinds)]


def _refill(held: Any, content: Any) -> None:
    if isinstance(held, list):
        held[:] = content
    else:
        held.clear()
        held.update(content)
