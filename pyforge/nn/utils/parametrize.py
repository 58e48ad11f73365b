"""Parameters that are computed from others each time they are read."""

from __future__ import annotations

from contextlib import contextmanager
from copy import deepcopy

from ..._C import Tensor
from ...autograd.grad_mode import no_grad
from ..modules.container import ModuleDict, ModuleList
from ..modules.module import Module
from ..parameter import Parameter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

__all__ = [
    "ParametrizationList",
    "cached",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
    "transfer_parametrizations_and_params",
    "type_before_parametrizations",
]

_cache: dict[tuple[int, str], Tensor] = {}
_caching = 0


@contextmanager
def cached() -> Iterator[None]:
    """Inside, every parametrised tensor is computed once and then kept until the end."""
    global _caching
    _caching += 1
    try:
        yield
    finally:
        _caching -= 1
        if not _caching:
            _cache.clear()


class ParametrizationList(ModuleList):
    """The modules that compute one tensor, and what they compute it from.

    Args:
        modules: applied one after the other.
        original: the tensor that was there before; kept as ``original``, or as ``original0``, ...
            if ``right_inverse`` of the first module returns several.
        unsafe: do not check shape and dtype.

    Raises:
        ValueError: for no module, or results of another kind, dtype or shape.
    """

    original: Tensor
    unsafe: bool

    def __init__(
        self, modules: Sequence[Module], original: Tensor | Parameter, unsafe: bool = False
    ) -> None:
        if len(modules) == 0:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        shape, dtype = original.shape, original.dtype
        new: Any = original
        with no_grad():
            for module in reversed(list(self)):
                if hasattr(module, "right_inverse"):
                    try:
                        new = module.right_inverse(new)
                    except NotImplementedError:
                        continue
        if not isinstance(new, (Tensor, tuple, list)):
            raise ValueError(
                "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                f"Got {type(new).__name__}"
            )
        self.is_tensor = isinstance(new, Tensor)
        self.ntensors = 1 if self.is_tensor else len(new)
        if isinstance(new, Tensor):
            if new.dtype != dtype:
                raise ValueError(
                    "When `right_inverse` outputs one tensor, it may not change the dtype.\n"
                    f"original.dtype: {dtype}\nright_inverse(original).dtype: {new.dtype}"
                )
            original.data = new.detach()
            _register(self, "original", original)
        else:
            for i, part in enumerate(new):
                if not isinstance(part, Tensor):
                    raise ValueError(
                        f"'right_inverse' must return a Tensor or a Sequence of tensors. Got "
                        f"element {i} of the sequence with type {type(part).__name__}."
                    )
                if isinstance(original, Parameter):
                    part = Parameter(part.detach(), original.requires_grad)
                _register(self, f"original{i}", part.requires_grad_(original.requires_grad))
        if not unsafe:
            result = self()
            if not isinstance(result, Tensor):
                raise ValueError(
                    f"A parametrization must return a tensor. Got {type(result).__name__}."
                )
            _check_same("Registering a parametrization", "dtype", dtype, result.dtype)
            _check_same("Registering a parametrization", "shape", shape, result.shape)

    def right_inverse(self, value: Tensor) -> None:
        """Set the originals so that the modules compute ``value``.

        Raises:
            RuntimeError: if a module has no ``right_inverse``.
            ValueError: if one returns another kind or dtype.
        """
        new: Any = value
        with no_grad():
            for module in reversed(list(self)):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(
                        f"parametrization {type(module).__name__} does not implement right_inverse."
                    )
                new = module.right_inverse(new)
            if self.is_tensor:
                self._replace("original", new)
            elif not isinstance(new, (tuple, list)) or len(new) != self.ntensors:
                raise ValueError(
                    f"'right_inverse' must return a sequence of tensors of length {self.ntensors}."
                )
            else:
                for i, part in enumerate(new):
                    self._replace(f"original{i}", part)

    def _replace(self, name: str, value: Any) -> None:
        old: Tensor = getattr(self, name)
        if not isinstance(value, Tensor):
            raise ValueError(f"`right_inverse` should return a tensor. Got {type(value).__name__}")
        if value.dtype != old.dtype:
            raise ValueError(
                f"The tensor returned by `right_inverse` has dtype {value.dtype} while `{name}` "
                f"has dtype {old.dtype}"
            )
        old.data = value.detach()

    def forward(self) -> Any:
        """The tensor that the modules compute."""
        if self.is_tensor:
            value = self[0](self.original)
        else:
            value = self[0](*[getattr(self, f"original{i}") for i in range(self.ntensors)])
        for module in list(self)[1:]:
            value = module(value)
        return value


def _check_same(what: str, attribute: str, before: Any, now: Any) -> None:
    if before != now:
        raise ValueError(
            f"{what} may not change the {attribute} of the tensor, unless `unsafe` flag is "
            f"enabled.\nunparametrized {attribute}: {before}\nparametrized {attribute}: {now}"
        )


def _register(module: Module, name: str, value: Tensor) -> None:
    if isinstance(value, Parameter):
        module.register_parameter(name, value)
    else:
        module.register_buffer(name, value)


def _refuse_pickling(self: Module) -> Any:
    raise RuntimeError(
        "Serialization of parametrized modules is only supported through state_dict(). Save "
        "module.state_dict() and register the parametrizations again before loading it."
    )


def _deepcopy(self: Module, memo: dict[int, Any]) -> Any:
    if id(self) in memo:
        return memo[id(self)]
    copy = self.__new__(type(self))
    memo[id(self)] = copy
    Module.__setstate__(copy, deepcopy(Module.__getstate__(self), memo))
    return copy


def _own_class(module: Module) -> None:
    """Give the module a class of its own, on which properties can be put."""
    cls = type(module)
    members = {"__getstate__": _refuse_pickling, "__deepcopy__": _deepcopy}
    module.__class__ = type(f"Parametrized{cls.__name__}", (cls,), members)


def _put_property(module: Module, name: str) -> None:
    def read(self: Any) -> Any:
        if not _caching:
            return self.parametrizations[name]()
        key = (id(self), name)
        if key not in _cache:
            _cache[key] = self.parametrizations[name]()
        return _cache[key]

    def write(self: Any, value: Tensor) -> None:
        self.parametrizations[name].right_inverse(value)

    setattr(type(module), name, property(read, write))


def register_parametrization(
    module: Any, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Any:
    """Compute ``module.<tensor_name>`` by ``parametrization`` each time it is read.

    Args:
        module: gets a class of its own, ``Parametrized...``.
        tensor_name: a parameter or buffer, or one that has parametrisations already.
        parametrization: maps the original to the tensor to be used. With a method
            ``right_inverse`` the attribute can be assigned, and the present value is kept.
        unsafe: the shape or dtype may change.

    Returns:
        ``module``.

    Raises:
        ValueError: if there is no such tensor, or the result has another shape or dtype.
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        parts = module.parametrizations[tensor_name]
        if not unsafe:
            before: Tensor = getattr(module, tensor_name)
            result = parametrization(before)
            if not isinstance(result, Tensor):
                raise ValueError(
                    f"A parametrization must return a tensor. Got {type(result).__name__}."
                )
            _check_same("Registering a parametrization", "dtype", before.dtype, result.dtype)
            _check_same("Registering a parametrization", "shape", before.shape, result.shape)
        parts.append(parametrization)
        parts.unsafe |= unsafe
    elif tensor_name in module._buffers or tensor_name in module._parameters:
        original: Any = getattr(module, tensor_name)
        parametrizations = ParametrizationList([parametrization], original, unsafe=unsafe)
        delattr(module, tensor_name)
        if not is_parametrized(module):
            _own_class(module)
            module.parametrizations = ModuleDict()
        _put_property(module, tensor_name)
        module.parametrizations[tensor_name] = parametrizations
    else:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element "
            f"with name '{tensor_name}'"
        )
    return module


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether the module, or this tensor of it, has a parametrisation."""
    parametrizations = module.__dict__.get("parametrizations")
    if not isinstance(parametrizations, ModuleDict):
        return False
    return len(parametrizations) > 0 if tensor_name is None else tensor_name in parametrizations


def remove_parametrizations(
    module: Module, tensor_name: str, leave_parametrized: bool = True
) -> Module:
    """Make ``module.<tensor_name>`` an ordinary tensor again.

    Args:
        module: with a parametrisation of this tensor.
        tensor_name: which.
        leave_parametrized: keep the computed value, else the original.

    Returns:
        ``module``.

    Raises:
        ValueError: if there is none, or the original is several tensors and shall be kept.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    registered: Any = module.parametrizations  # type: ignore[attr-defined]
    parts: ParametrizationList = registered[tensor_name]
    value: Any
    if parts.is_tensor:
        value = parts.original
        if leave_parametrized:
            with no_grad():
                value.data = getattr(module, tensor_name).detach()
    elif leave_parametrized:
        value = getattr(module, tensor_name)
        value = Parameter(value.detach()) if value.requires_grad else value
    else:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is "
            "parametrized in terms of a sequence of tensors."
        )
    delattr(type(module), tensor_name)
    del registered[tensor_name]
    _register(module, tensor_name, value)
    if not is_parametrized(module):
        del module.parametrizations  # type: ignore[attr-defined]
        module.__class__ = type(module).__bases__[0]
    return module


def type_before_parametrizations(module: Module) -> type:
    """The class that the module had before."""
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(
    from_module: Module, to_module: Module, tensor_name: str | None = None
) -> Module:
    """Register the parametrisations of ``from_module`` with ``to_module``, originals included.

    Returns:
        ``to_module``.
    """
    if not is_parametrized(from_module):
        return to_module
    source: Any = from_module.parametrizations  # type: ignore[attr-defined]
    for name in list(source) if tensor_name is None else [tensor_name]:
        if not hasattr(to_module, name):
            setattr(to_module, name, Parameter(getattr(from_module, name).detach().clone()))
        for part in source[name]:
            register_parametrization(to_module, name, part)
        target: Any = to_module.parametrizations[name]  # type: ignore[attr-defined]
        for key, value in source[name]._parameters.items():
            setattr(target, key, value)
    return to_module
