"""Pruning: a parameter times a mask of zeros and ones, computed before each forward pass.

The parameter ``weight`` of a pruned module is replaced by the parameter ``weight_orig``, which is
trained, and the buffer ``weight_mask``; the attribute ``weight`` is their product. Pruning a
parameter again prunes what is left of it.
"""

from __future__ import annotations

import numbers
from abc import ABC, abstractmethod
from collections.abc import Iterable

from ... import _C
from ..._C import Tensor
from .convert_parameters import parameters_to_vector

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TypeVar

    from ..modules.module import Module

    M = TypeVar("M", bound=Module)

__all__ = [
    "BasePruningMethod",
    "CustomFromMask",
    "Identity",
    "L1Unstructured",
    "LnStructured",
    "PruningContainer",
    "RandomStructured",
    "RandomUnstructured",
    "custom_from_mask",
    "global_unstructured",
    "identity",
    "is_pruned",
    "l1_unstructured",
    "ln_structured",
    "random_structured",
    "random_unstructured",
    "remove",
]


class BasePruningMethod(ABC):
    """A way to choose what is pruned; the object is the hook that does it before each forward pass.

    Subclasses define ``compute_mask`` and the class attribute ``PRUNING_TYPE``: ``"unstructured"``
    for single elements, ``"structured"`` for whole slices along an attribute ``dim``, ``"global"``
    for a mask of the whole tensor.
    """

    PRUNING_TYPE: str
    _tensor_name: str | None = None

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, str(self._tensor_name), self.apply_mask(module))

    @abstractmethod
    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask, of the shape of ``t``.

        Args:
            t: how important each element is.
            default_mask: of the shape of ``t``; zero where elements are pruned already.
        """

    def apply_mask(self, module: Module) -> Tensor:
        """``<name>_orig`` times ``<name>_mask``.

        Raises:
            AssertionError: if this method was not applied to a parameter.
        """
        name = self._tensor_name
        if name is None:
            raise AssertionError(f"Module {module} has to be pruned")
        orig: Tensor = getattr(module, f"{name}_orig")
        mask: Tensor = getattr(module, f"{name}_mask")
        return mask.to(dtype=orig.dtype) * orig

    @classmethod
    def apply(
        cls,
        module: Module,
        name: str,
        *args: Any,
        importance_scores: Tensor | None = None,
        **kwargs: Any,
    ) -> BasePruningMethod:
        """Prune the parameter ``name`` of ``module``; returns the hook.

        Args:
            module: with the parameter.
            name: of the parameter.
            args: for the constructor of this class.
            importance_scores: how important each element is, in the parameter's shape; the
                parameter itself by default.
            kwargs: for the constructor of this class.

        Raises:
            AssertionError: if the scores have another shape than the parameter.
        """
        hooks = module._forward_pre_hooks
        earlier = [
            key
            for key, hook in hooks.items()
            if isinstance(hook, BasePruningMethod) and hook._tensor_name == name
        ]
        if len(earlier) > 1:
            raise AssertionError(
                f"Avoid adding multiple pruning hooks to the same tensor {name} of module "
                f"{module}. Use a PruningContainer."
            )
        method: BasePruningMethod = cls(*args, **kwargs)
        method._tensor_name = name
        before: Any = hooks[earlier[0]] if earlier else None

        param: Tensor = getattr(module, name)
        scores = param if importance_scores is None else importance_scores
        _same_shape(scores, param, f"parameter {name} of {module}")
        if before is None:
            mask = method.compute_mask(scores, default_mask=_C.ones_like(param))
            module.register_parameter(f"{name}_orig", param)  # type: ignore[arg-type]
            del module._parameters[name]
        else:
            container = before if isinstance(before, PruningContainer) else PruningContainer(before)
            container._chain(method)
            old: Tensor = getattr(module, f"{name}_mask")
            try:
                mask = container.compute_mask(scores, default_mask=old.detach().clone())
            except BaseException:
                container._pruning_methods = container._pruning_methods[:-1]
                raise
            del hooks[earlier[0]]
            method = container
        module.register_buffer(f"{name}_mask", mask)
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def prune(
        self,
        t: Tensor,
        default_mask: Tensor | None = None,
        importance_scores: Tensor | None = None,
    ) -> Tensor:
        """``t`` times its mask, without a module.

        Args:
            t: a tensor.
            default_mask: zero where elements are pruned already; ones by default.
            importance_scores: how important each element is; ``t`` itself by default.

        Raises:
            AssertionError: if the scores have another shape than ``t``.
        """
        scores = t if importance_scores is None else importance_scores
        _same_shape(scores, t, "tensor t")
        mask = _C.ones_like(t) if default_mask is None else default_mask
        return t * self.compute_mask(scores, default_mask=mask)

    def remove(self, module: Module) -> None:
        """Make the pruned values the parameter's own; the hook stays with the caller.

        Raises:
            AssertionError: if this method was not applied to a parameter.
        """
        name = self._tensor_name
        if name is None:
            raise AssertionError(f"Module {module} has to be pruned before pruning can be removed")
        values = self.apply_mask(module)
        if hasattr(module, name):
            delattr(module, name)
        param = module._parameters.pop(f"{name}_orig")
        assert param is not None
        param.data = values.detach()
        del module._buffers[f"{name}_mask"]
        setattr(module, name, param)


class PruningContainer(BasePruningMethod):
    """Pruning methods applied to one parameter one after the other."""

    def __init__(self, *args: BasePruningMethod) -> None:
        self._pruning_methods: tuple[BasePruningMethod, ...] = ()
        if args and isinstance(args[0], BasePruningMethod):
            self._tensor_name = args[0]._tensor_name
        for method in args:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: BasePruningMethod) -> None:
        """Append a method.

        Raises:
            TypeError: if it is no pruning method.
            ValueError: if it belongs to another parameter.
        """
        if not isinstance(method, BasePruningMethod):
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if method._tensor_name != self._tensor_name:
            raise ValueError(
                "Can only add pruning methods acting on the parameter named "
                f"'{self._tensor_name}' to PruningContainer {self}. Found '{method._tensor_name}'"
            )
        self._chain(method)

    def _chain(self, method: BasePruningMethod) -> None:
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Iterator[BasePruningMethod]:
        return iter(self._pruning_methods)

    def __getitem__(self, idx: int) -> BasePruningMethod:
        return self._pruning_methods[idx]

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The old mask, with the newest method's choice among what it leaves.

        Raises:
            AttributeError: if a method of structured type has no ``dim``.
            IndexError: if its ``dim`` is out of range.
            ValueError: if its ``PRUNING_TYPE`` is unknown.
        """
        method = self._pruning_methods[-1]
        left = _left(method, default_mask, t.dim())
        mask = default_mask.to(dtype=t.dtype)
        chosen = method.compute_mask(t[left], default_mask=default_mask[left])
        mask[left] = chosen.to(dtype=mask.dtype)
        return mask


def _left(method: BasePruningMethod, mask: Tensor, ndim: int) -> Any:
    """Index of the elements from which `method` may choose."""
    if method.PRUNING_TYPE == "unstructured":
        return mask == 1
    if method.PRUNING_TYPE == "global":
        return (slice(None),) * ndim
    if method.PRUNING_TYPE != "structured":
        raise ValueError(f"Unrecognized PRUNING_TYPE {method.PRUNING_TYPE}")
    if not hasattr(method, "dim"):
        raise AttributeError(
            'Pruning methods of PRUNING_TYPE "structured" need to have the attribute `dim` defined.'
        )
    dim = method.dim + ndim if method.dim < 0 else method.dim
    if not 0 <= dim < ndim:
        raise IndexError(f"Index is out of bounds for tensor with dimensions {ndim}")
    others = [d for d in range(ndim) if d != dim]
    return (slice(None),) * dim + (mask.sum(dim=others) != 0,)


class Identity(BasePruningMethod):
    """Prunes nothing: a mask of ones."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        return default_mask

    @classmethod
    def apply(cls, module: Module, name: str) -> BasePruningMethod:  # type: ignore[override]
        """Give the parameter a mask of ones; returns the hook."""
        return super().apply(module, name)


class _Unstructured(BasePruningMethod):
    PRUNING_TYPE = "unstructured"

    def __init__(self, amount: float) -> None:
        _check_amount(amount)
        self.amount = amount

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        count = _count(self.amount, t.numel())
        mask = default_mask.reshape(-1).clone()
        if count:
            mask[self._pruned(t.reshape(-1), count)] = 0
        return mask.view(t.shape)

    @abstractmethod
    def _pruned(self, t: Tensor, count: int) -> Tensor:
        """Places of ``count`` elements."""


class RandomUnstructured(_Unstructured):
    """Prunes elements drawn at random.

    Args:
        amount: how many elements (an ``int``), or which share of them (a ``float`` from 0 to 1).

    Raises:
        TypeError: if ``amount`` is no number.
        ValueError: if it is negative, or a share above 1.
    """

    def _pruned(self, t: Tensor, count: int) -> Tensor:
        return _C.rand_like(t).topk(count).indices

    @classmethod
    def apply(cls, module: Module, name: str, amount: float) -> BasePruningMethod:  # type: ignore[override]
        """Prune ``amount`` elements of the parameter; returns the hook."""
        return super().apply(module, name, amount=amount)


class L1Unstructured(_Unstructured):
    """Prunes the elements of smallest absolute value.

    Args:
        amount: how many elements (an ``int``), or which share of them (a ``float`` from 0 to 1).

    Raises:
        TypeError: if ``amount`` is no number.
        ValueError: if it is negative, or a share above 1.
    """

    def _pruned(self, t: Tensor, count: int) -> Tensor:
        return t.abs().topk(count, largest=False).indices

    @classmethod
    def apply(  # type: ignore[override]
        cls, module: Module, name: str, amount: float, importance_scores: Tensor | None = None
    ) -> BasePruningMethod:
        """Prune ``amount`` elements of the parameter; returns the hook."""
        return super().apply(module, name, amount=amount, importance_scores=importance_scores)


class _Structured(BasePruningMethod):
    PRUNING_TYPE = "structured"

    def __init__(self, amount: float, dim: int = -1) -> None:
        _check_amount(amount)
        self.amount = amount
        self.dim = dim

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask.

        Raises:
            ValueError: if ``t`` has fewer than two dimensions, or fewer slices than to be pruned.
            IndexError: if ``dim`` is out of range.
        """
        if t.dim() <= 1:
            raise ValueError(
                "Structured pruning can only be applied to multidimensional tensors. Found tensor "
                f"of shape {t.shape} with {t.dim()} dims"
            )
        if not -t.dim() <= self.dim < t.dim():
            raise IndexError(f"Invalid index {self.dim} for tensor of size {t.shape}")
        count = _count(self.amount, t.shape[self.dim])
        if not count:
            return default_mask
        mask = _C.zeros_like(t)
        mask[(slice(None),) * (self.dim % t.dim()) + (self._kept(t, count),)] = 1
        mask *= default_mask.to(dtype=mask.dtype)
        return mask

    @abstractmethod
    def _kept(self, t: Tensor, count: int) -> Tensor:
        """Index of all slices but ``count``."""


class RandomStructured(_Structured):
    """Prunes slices drawn at random.

    Args:
        amount: how many slices (an ``int``), or which share of them (a ``float`` from 0 to 1).
        dim: the slices are those along this dimension.

    Raises:
        TypeError: if ``amount`` is no number.
        ValueError: if it is negative, or a share above 1.
    """

    def _kept(self, t: Tensor, count: int) -> Tensor:
        draws = _C.rand(t.shape[self.dim])
        return draws > draws.kthvalue(count).values

    @classmethod
    def apply(  # type: ignore[override]
        cls, module: Module, name: str, amount: float, dim: int = -1
    ) -> BasePruningMethod:
        """Prune ``amount`` slices of the parameter along ``dim``; returns the hook."""
        return super().apply(module, name, amount=amount, dim=dim)


class LnStructured(_Structured):
    """Prunes the slices of smallest norm.

    Args:
        amount: how many slices (an ``int``), or which share of them (a ``float`` from 0 to 1).
        n: which norm, as `p` of ``torch.norm``.
        dim: the slices are those along this dimension.

    Raises:
        TypeError: if ``amount`` is no number.
        ValueError: if it is negative, or a share above 1.
    """

    def __init__(self, amount: float, n: float | str, dim: int = -1) -> None:
        super().__init__(amount, dim)
        self.n = n

    def _kept(self, t: Tensor, count: int) -> Tensor:
        ndim = t.dim()
        others = [d for d in range(ndim) if d != self.dim % ndim]
        norms = _C.norm(t, self.n, dim=others)
        return norms.topk(t.shape[self.dim] - count).indices

    @classmethod
    def apply(  # type: ignore[override]
        cls,
        module: Module,
        name: str,
        amount: float,
        n: float | str,
        dim: int,
        importance_scores: Tensor | None = None,
    ) -> BasePruningMethod:
        """Prune ``amount`` slices of the parameter along ``dim``; returns the hook."""
        return super().apply(
            module, name, amount=amount, n=n, dim=dim, importance_scores=importance_scores
        )


class CustomFromMask(BasePruningMethod):
    """Prunes where a given mask is zero.

    Args:
        mask: zeros and ones, of the parameter's shape.
    """

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Both masks' zeros.

        Raises:
            AssertionError: if the masks' shapes differ.
        """
        if default_mask.shape != self.mask.shape:
            raise AssertionError(
                f"default_mask shape {default_mask.shape} must match "
                f"self.mask shape {self.mask.shape}"
            )
        return default_mask * self.mask.to(dtype=default_mask.dtype)

    @classmethod
    def apply(cls, module: Module, name: str, mask: Tensor) -> BasePruningMethod:  # type: ignore[override]
        """Give the parameter this mask; returns the hook."""
        return super().apply(module, name, mask=mask)


def identity(module: M, name: str) -> M:
    """Give the parameter a mask of ones, and prune nothing; returns ``module``."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: M, name: str, amount: float) -> M:
    """Prune elements of the parameter drawn at random.

    Args:
        module: with the parameter.
        name: of the parameter.
        amount: how many elements (an ``int``), or which share of them (a ``float`` from 0 to 1).

    Returns:
        ``module``.

    Raises:
        TypeError: if ``amount`` is no number.
        ValueError: if it is negative, a share above 1, or more than there is.
    """
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(
    module: M, name: str, amount: float, importance_scores: Tensor | None = None
) -> M:
    """Prune the elements of smallest absolute value.

    Args:
        module: with the parameter.
        name: of the parameter.
        amount: how many elements (an ``int``), or which share of them (a ``float`` from 0 to 1).
        importance_scores: values to judge by instead of the parameter's own, in its shape.

    Returns:
        ``module``.

    Raises:
        TypeError: if ``amount`` is no number.
        ValueError: if it is negative, a share above 1, or more than there is.
    """
    L1Unstructured.apply(module, name, amount=amount, importance_scores=importance_scores)
    return module


def random_structured(module: M, name: str, amount: float, dim: int) -> M:
    """Prune slices of the parameter drawn at random.

    Args:
        module: with the parameter.
        name: of the parameter.
        amount: how many slices (an ``int``), or which share of them (a ``float`` from 0 to 1).
        dim: the slices are those along this dimension.

    Returns:
        ``module``.

    Raises:
        TypeError: if ``amount`` is no number.
        ValueError: if it is negative, a share above 1, more than there is, or the parameter has
            one dimension only.
        IndexError: if ``dim`` is out of range.
    """
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: M,
    name: str,
    amount: float,
    n: float | str,
    dim: int,
    importance_scores: Tensor | None = None,
) -> M:
    """Prune the slices of the parameter of smallest norm.

    Args:
        module: with the parameter.
        name: of the parameter.
        amount: how many slices (an ``int``), or which share of them (a ``float`` from 0 to 1).
        n: which norm, as `p` of ``torch.norm``.
        dim: the slices are those along this dimension.
        importance_scores: values to judge by instead of the parameter's own, in its shape.

    Returns:
        ``module``.

    Raises:
        TypeError: if ``amount`` is no number.
        ValueError: if it is negative, a share above 1, more than there is, or the parameter has
            one dimension only.
        IndexError: if ``dim`` is out of range.
    """
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def global_unstructured(
    parameters: Iterable[tuple[Module, str]],
    pruning_method: type[BasePruningMethod],
    importance_scores: dict[tuple[Module, str], Tensor] | None = None,
    **kwargs: Any,
) -> None:
    """Prune elements of several parameters, chosen among all of them together.

    Args:
        parameters: pairs of a module and the name of a parameter.
        pruning_method: a class of this module, or another, of unstructured type.
        importance_scores: values to judge by instead of a parameter's own, by pair.
        kwargs: for the constructor of ``pruning_method``, such as ``amount``.

    Raises:
        TypeError: if the method is not unstructured, ``parameters`` not iterable, or the scores
            no ``dict``.
    """
    if not isinstance(parameters, Iterable):
        raise TypeError("global_unstructured(): parameters is not an Iterable")
    given = {} if importance_scores is None else importance_scores
    if not isinstance(given, dict):
        raise TypeError("global_unstructured(): importance_scores must be of type dict")
    method = pruning_method(**kwargs)
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. '
            f"Found method {pruning_method} of type {method.PRUNING_TYPE}"
        )
    pairs = list(parameters)
    params: list[Tensor] = [getattr(module, name) for module, name in pairs]
    scores = [given.get(pair, param) for pair, param in zip(pairs, params, strict=True)]
    masks: list[Tensor] = []
    for (module, name), param in zip(pairs, params, strict=True):
        old = getattr(module, f"{name}_mask", None)
        masks.append(_C.ones_like(param) if old is None else old)
    whole = PruningContainer(method).compute_mask(
        parameters_to_vector(scores), parameters_to_vector(masks)
    )
    parts = whole.split([param.numel() for param in params])
    for (module, name), param, part in zip(pairs, params, parts, strict=True):
        custom_from_mask(module, name, mask=part.view(param.shape))


def custom_from_mask(module: M, name: str, mask: Tensor) -> M:
    """Prune where ``mask`` is zero.

    Args:
        module: with the parameter.
        name: of the parameter.
        mask: zeros and ones, of the parameter's shape.

    Returns:
        ``module``.

    Raises:
        AssertionError: if the mask has another shape than the parameter.
    """
    CustomFromMask.apply(module, name, mask)
    return module


def remove(module: M, name: str) -> M:
    """Make the parameter an ordinary one with its pruned values; pruning is not undone.

    Args:
        module: with the parameter.
        name: of the parameter.

    Returns:
        ``module``.

    Raises:
        ValueError: if it is not pruned.
    """
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(
        f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed"
    )


def is_pruned(module: Module) -> bool:
    """Whether a parameter of ``module`` or of a module in it is pruned."""
    return any(
        isinstance(hook, BasePruningMethod)
        for part in module.modules()
        for hook in part._forward_pre_hooks.values()
    )


def _same_shape(scores: Tensor, param: Tensor, what: str) -> None:
    if scores.shape != param.shape:
        raise AssertionError(
            f"importance_scores should have the same shape as {what}, "
            f"got {scores.shape} vs {param.shape}"
        )


def _check_amount(amount: object) -> None:
    if not isinstance(amount, numbers.Real):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    if float(amount) < 0 or (float(amount) > 1 and not isinstance(amount, numbers.Integral)):
        raise ValueError(
            f"amount={amount} should either be a float in the range [0, 1] or a non-negative "
            "integer"
        )


def _count(amount: float, size: int) -> int:
    """How many of `size` elements to prune."""
    if not isinstance(amount, numbers.Integral):
        return round(amount * size)
    if amount > size:
        raise ValueError(
            f"amount={amount} should be smaller than the number of parameters to prune={size}"
        )
    return int(amount)
