"""The base class of neural network modules."""

from __future__ import annotations

from ..._C import Tensor, _ModuleBase, empty_like
from ...autograd.grad_mode import no_grad
from ..parameter import Buffer, Parameter
from .global_hooks import (  # noqa: F401  (found here in PyTorch)
    register_module_backward_hook,
    register_module_buffer_registration_hook,
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
    registered,
    registration,
)
from .module_hooks import HookMethods
from .module_state import StateMethods
from .registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from typing_extensions import Self

    from ..._C import dtype as DType

_REGISTRIES = ("_parameters", "_buffers", "_modules")


class Module(_ModuleBase, HookMethods, StateMethods):
    """Base class of all neural network modules.

    Subclasses call ``super().__init__()``, assign parameters and other modules to attributes, and
    define ``forward``.
    """

    training: bool
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]

    def __init__(self) -> None:
        own = self.__dict__
        own["training"] = True
        for registry in _REGISTRIES:
            own[registry] = Registry(self)
        own["_non_persistent_buffers_set"] = set()
        self._init_hooks()
        self._init_state_hooks()

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The computation done at each call; subclasses define it."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    # Registration

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under ``name``.

        Raises:
            AttributeError: before ``Module.__init__`` was called.
            KeyError: if the name is taken, empty or has a dot.
            TypeError: if ``param`` is neither a ``Parameter`` nor ``None``.
            ValueError: if ``param`` is the result of an operation.
        """
        parameters = self._registry("_parameters", "parameter")
        self._check_name("parameter", name, parameters)
        if param is not None:
            if not isinstance(param, Parameter):
                raise TypeError(
                    f"cannot assign '{_type_name(param)}' object to parameter '{name}' "
                    "(nn.Parameter or None required)"
                )
            if param.grad_fn is not None:
                raise ValueError(
                    f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must "
                    f"be created explicitly. To express '{name}' as a function of another Tensor, "
                    "compute the value in the forward() method."
                )
        if registration["parameter"]:
            param = registered("parameter", self, name, param)
        parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that belongs to the module but is no parameter, such as a running mean.

        Args:
            name: the attribute by which it is found.
            tensor: the buffer, or ``None`` for one that is left out of ``state_dict``.
            persistent: whether ``state_dict`` contains it.

        Raises:
            AttributeError: before ``Module.__init__`` was called.
            KeyError: if the name is taken, empty or has a dot.
            TypeError: if ``tensor`` is neither a tensor nor ``None``.
        """
        buffers = self._registry("_buffers", "buffer")
        self._check_name("buffer", name, buffers)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{_type_name(tensor)}' object to buffer '{name}' "
                "(Tensor or None required)"
            )
        if registration["buffer"]:
            tensor = registered("buffer", self, name, tensor)
        buffers[name] = tensor
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a child module under ``name``.

        Raises:
            AttributeError: before ``Module.__init__`` was called.
            KeyError: if the name is taken, empty or has a dot.
            TypeError: if ``module`` is neither a module nor ``None``.
        """
        modules = self._registry("_modules", "module")
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{_type_name(module)} is not a Module subclass")
        self._check_name("module", name, modules)
        if registration["module"]:
            module = registered("module", self, name, module)
        modules[name] = module

    register_module = add_module

    def _registry(self, which: str, kind: str) -> Any:
        try:
            return self.__dict__[which]
        except KeyError:
            raise AttributeError(f"cannot assign {kind} before Module.__init__() call") from None

    def _check_name(self, kind: str, name: str, registry: dict[str, Any]) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {_type_name(name)}")
        if name not in registry and hasattr(self, name):
            raise KeyError(f"attribute '{name}' already exists")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain "."')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter):
            self._registry("_parameters", "parameters")
            self._forget(name, "_parameters")
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            modules = self._registry("_modules", "module")
            self._forget(name, "_modules")
            if registration["module"]:
                value = registered("module", self, name, value)
            modules[name] = value
        elif isinstance(value, Buffer):
            self._forget(name, "_buffers")
            self.register_buffer(name, value, value.persistent)
        else:
            own = self.__dict__
            if "_parameters" in own:
                if name in own["_parameters"]:
                    self._check_replacement("parameter", "nn.Parameter", name, value)
                    own["_parameters"][name] = value
                    return
                if name in own["_modules"]:
                    self._check_replacement("child module", "nn.Module", name, value)
                    own["_modules"][name] = value
                    return
                if name in own["_buffers"]:
                    if not isinstance(value, Tensor):
                        self._check_replacement("buffer", "Tensor", name, value)
                    own["_buffers"][name] = value
                    return
            object.__setattr__(self, name, value)

    def _check_replacement(self, kind: str, expected: str, name: str, value: Any) -> None:
        if value is not None:
            raise TypeError(
                f"cannot assign '{_type_name(value)}' as {kind} '{name}' ({expected} or None "
                "expected)"
            )

    def _forget(self, name: str, keep: str) -> None:
        """Remove ``name`` wherever it is registered, except in ``keep``."""
        own = self.__dict__
        if name in own[keep]:
            return
        for registry in _REGISTRIES:
            if registry != keep and name in own[registry]:
                del own[registry][name]
        own["_non_persistent_buffers_set"].discard(name)
        own.pop(name, None)

    def __delattr__(self, name: str) -> None:
        for registry in _REGISTRIES:
            if name in self.__dict__.get(registry, ()):
                del self.__dict__[registry][name]
                self._non_persistent_buffers_set.discard(name)
                return
        object.__delattr__(self, name)

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        for registry in _REGISTRIES:
            for name in self.__dict__[registry]:
                state.pop(name, None)
            state[registry] = dict(self.__dict__[registry])
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for registry in _REGISTRIES:
            self.__dict__[registry] = Registry(self, state[registry])
        self._find_hooks()

    # Looking things up

    def get_submodule(self, target: str) -> Module:
        """The module with the dotted name ``target``; the module itself for ``""``.

        Raises:
            AttributeError: if there is none.
        """
        module: Module = self
        for name in target.split(".") if target else ():
            if not hasattr(module, name):
                raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
            module = getattr(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return module

    def get_parameter(self, target: str) -> Parameter:
        """The parameter with the dotted name ``target``.

        Raises:
            AttributeError: if there is none.
        """
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
        param = getattr(module, name)
        if not isinstance(param, Parameter):
            raise AttributeError(f"`{name}` is not an nn.Parameter")
        return param

    def get_buffer(self, target: str) -> Tensor:
        """The buffer with the dotted name ``target``.

        Raises:
            AttributeError: if there is none.
        """
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        buffer = module._buffers.get(name)
        if buffer is None:
            raise AttributeError(f"`{name}` is not a buffer of {type(module).__name__}")
        return buffer

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put ``module`` at the dotted name ``target``.

        Raises:
            ValueError: for an empty name, or something that is no module.
            AttributeError: if the way leads through something that is no module; with ``strict``,
                if there is no module at this name.
        """
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        path, _, name = target.rpartition(".")
        if not isinstance(module, Module):
            raise ValueError(
                '"module" is not an nn.Module, found type <class '
                f"'{type(module).__module__}.{type(module).__qualname__}'>"
            )
        parent = self.get_submodule(path)
        if strict and not isinstance(getattr(parent, name, None), Module):
            raise AttributeError(f"{type(parent).__name__} has no attribute `{name}`")
        setattr(parent, name, module)

    def children(self) -> Iterator[Module]:
        """The direct children, each once."""
        for _, child in self.named_children():
            yield child

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The direct children with their names, each once."""
        seen: set[Module] = set()
        for name, child in self._modules.items():
            if child is not None and child not in seen:
                seen.add(child)
                yield name, child

    def modules(self) -> Iterator[Module]:
        """The module itself and all modules below it, each once."""
        for _, module in self.named_modules():
            yield module

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """The module itself and all modules below it with their dotted names.

        Args:
            memo: modules to leave out.
            prefix: put before every name.
            remove_duplicate: list a module that is found under two names only once.
        """
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, child in self._modules.items():
            if child is not None:
                below = f"{prefix}.{name}" if prefix else name
                yield from child.named_modules(memo, below, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, with those of all modules below if ``recurse``, each once."""
        for _, param in self.named_parameters(recurse=recurse):
            yield param

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """The parameters with their dotted names."""
        return self._named_members("_parameters", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers, with those of all modules below if ``recurse``, each once."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """The buffers with their dotted names."""
        return self._named_members("_buffers", prefix, recurse, remove_duplicate)

    def _named_members(
        self, registry: str, prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        modules = (
            self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
            if recurse
            else iter([(prefix, self)])
        )
        for path, module in modules:
            for name, member in module.__dict__[registry].items():
                if member is not None and id(member) not in seen:
                    if remove_duplicate:
                        seen.add(id(member))
                    yield (f"{path}.{name}" if path else name), member

    # Acting on everything below

    def apply(self, fn: Callable[[Module], object]) -> Self:
        """Call ``fn`` on every module below and then on the module itself; returns the module."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Self:
        """Set training mode, which dropout and batch norm heed; returns the module.

        Raises:
            ValueError: if ``mode`` is not a bool.
        """
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for child in self.children():
            child.train(mode)
        return self

    def eval(self) -> Self:
        """Set evaluation mode; returns the module."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Say for all parameters whether they need a gradient; returns the module."""
        for param in self.parameters():
            param.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of all parameters, or set them to zero."""
        for param in self.parameters():
            if param.grad is not None:
                if set_to_none:
                    param.grad = None
                else:
                    param.grad = param.grad.detach().zero_()

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Replace the data of all parameters, their gradients and all buffers by ``fn`` of it."""
        if recurse:
            for child in self.children():
                child._apply(fn)
        for param in self._parameters.values():
            if param is not None:
                with no_grad():
                    grad = param.grad
                    param.grad = None
                    param.data = fn(param.data)
                    if grad is not None:
                        param.grad = fn(grad)
        for name, buffer in list(self._buffers.items()):
            if buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    def share_memory(self) -> Self:
        """Move parameters, their gradients and buffers to shared memory; returns the module.

        Raises:
            RuntimeError: if other tensors or arrays lie in the same memory.
        """
        for tensor in (*self.parameters(), *self.buffers()):
            tensor.share_memory_()
            if tensor.grad is not None:
                tensor.grad.share_memory_()
        return self

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Convert floating point parameters and buffers; returns the module.

        Takes what ``Tensor.to`` takes: a dtype, the device ``"cpu"``, or a tensor to be like.

        Raises:
            TypeError: if the dtype is not a floating point one.
        """
        kwargs.pop("memory_format", None)
        dtype = kwargs.get("dtype")
        for arg in args:
            if isinstance(arg, Tensor):
                dtype = arg.dtype
            elif hasattr(arg, "is_floating_point"):
                dtype = arg
        if dtype is not None and not dtype.is_floating_point:
            raise TypeError(
                "nn.Module.to only accepts floating point or complex dtypes, but got desired "
                f"dtype={dtype}"
            )
        return self._apply(lambda t: t.to(*args, **kwargs) if t.is_floating_point() else t)

    def type(self, dst_type: DType) -> Self:
        """Convert all parameters and buffers to ``dst_type``; returns the module."""
        return self._apply(lambda t: t.to(dst_type))

    def float(self) -> Self:
        """Convert floating point parameters and buffers to float32; returns the module."""
        return self._apply(lambda t: t.float() if t.is_floating_point() else t)

    def double(self) -> Self:
        """Convert floating point parameters and buffers to float64; returns the module."""
        return self._apply(lambda t: t.double() if t.is_floating_point() else t)

    def half(self) -> Self:
        """Convert floating point parameters and buffers to float16; returns the module."""
        return self._apply(lambda t: t.half() if t.is_floating_point() else t)

    def bfloat16(self) -> Self:
        """Convert floating point parameters and buffers to bfloat16; returns the module."""
        return self._apply(lambda t: t.bfloat16() if t.is_floating_point() else t)

    def cpu(self) -> Self:
        """The module itself: all of its tensors are on the CPU."""
        return self

    def to_empty(self, *, device: Any, recurse: bool = True) -> Self:
        """Replace all values by arbitrary ones; returns the module."""
        return self._apply(lambda t: empty_like(t, device=device), recurse=recurse)

    def cuda(self, device: Any = None) -> Self:
        """Raises RuntimeError: there is only the CPU."""
        raise RuntimeError("pyforge computes on the CPU only: there is no CUDA device to move to")

    # Printing

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Fuse what is within the module, in place: see :func:`pyforge.compile`."""
        from ...compiler import compile

        compile(self, *args, **kwargs)

    def extra_repr(self) -> str:
        """What the printed form says of the module itself; subclasses may define it."""
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        if len(lines) == 1 and not self._modules:
            return f"{self._get_name()}({lines[0]})"
        for name, child in self._modules.items():
            lines.append(f"({name}): " + repr(child).replace("\n", "\n  "))
        body = "\n  " + "\n  ".join(lines) + "\n" if lines else ""
        return f"{self._get_name()}({body})"


def _type_name(value: object) -> str:
    kind = value if isinstance(value, type) else type(value)
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else (f"{kind.__module__}.{kind.__qualname__}")
    )
