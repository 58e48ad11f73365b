"""Distributions made of others."""

from __future__ import annotations

import math

from .. import _C
from .._C import Tensor
from .._type_info import finfo
from ..autograd.grad_mode import no_grad
from . import constraints
from .continuous import Normal, Uniform
from .discrete import Categorical
from .distribution import Distribution, alias, broadcast_all, real_params, sum_rightmost
from .transforms import (
    AbsTransform,
    AffineTransform,
    ComposeTransform,
    ExpTransform,
    Transform,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .distribution import Shape


EULER = 0.57721566490153286060


class Independent(Distribution):
    """``base_distribution`` with its last batch dimensions taken as part of the event.

    Raises:
        ValueError: if it has not as many.
    """

    def __init__(
        self,
        base_distribution: Distribution,
        reinterpreted_batch_ndims: int,
        validate_args: bool | None = None,
    ) -> None:
        batch = len(base_distribution.batch_shape)
        if reinterpreted_batch_ndims > batch:
            raise ValueError(
                "Expected reinterpreted_batch_ndims <= len(base_distribution.batch_shape), actual "
                f"{reinterpreted_batch_ndims} vs {batch}"
            )
        shape = base_distribution.batch_shape + base_distribution.event_shape
        self.base_dist = base_distribution
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims
        split = batch - reinterpreted_batch_ndims
        super().__init__(shape[:split], shape[split:], validate_args)

    has_rsample: bool = alias("base_dist.has_rsample", "Whether the base has.")
    mean: Tensor = alias("base_dist.mean", "The mean.")
    mode: Tensor = alias("base_dist.mode", "The most probable value.")
    variance: Tensor = alias("base_dist.variance", "The variance.")

    @property
    def has_enumerate_support(self) -> bool:  # type: ignore[override]
        """Whether the base has, and nothing was taken into the event."""
        return self.base_dist.has_enumerate_support and not self.reinterpreted_batch_ndims

    @property
    def support(self) -> Any:
        """That of the base, for whole events."""
        return constraints._widened(self.base_dist.support, self.reinterpreted_batch_ndims)

    def expand(self, batch_shape: Shape, _instance: Any = None) -> Any:
        """See :class:`Distribution`."""
        kept = tuple(self.event_shape[: self.reinterpreted_batch_ndims])
        base = self.base_dist.expand((*batch_shape, *kept))
        return Independent(base, self.reinterpreted_batch_ndims, self._validate_args)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Draws without a gradient."""
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """Draws that the parameters can be differentiated through."""
        return self.base_dist.rsample(sample_shape)

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density."""
        return sum_rightmost(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)

    def entropy(self) -> Tensor:
        """The entropy in nats."""
        return sum_rightmost(self.base_dist.entropy(), self.reinterpreted_batch_ndims)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values, if nothing was taken into the event."""
        if self.reinterpreted_batch_ndims > 0:
            raise NotImplementedError("Enumeration over cartesian product is not implemented")
        return self.base_dist.enumerate_support(expand)

    def __repr__(self) -> str:
        return f"Independent({self.base_dist}, {self.reinterpreted_batch_ndims})"


class TransformedDistribution(Distribution):
    """What ``transforms``, one after the other, make of the draws of ``base_distribution``."""

    def __init__(
        self,
        base_distribution: Distribution,
        transforms: Any,
        validate_args: bool | None = None,
    ) -> None:
        parts = [transforms] if isinstance(transforms, Transform) else list(transforms)
        for part in parts:
            if not isinstance(part, Transform):
                raise ValueError(
                    f"transforms must be a Transform or a list of Transforms, got {transforms}"
                )
        self.transforms = parts
        shape = tuple(base_distribution.batch_shape) + tuple(base_distribution.event_shape)
        whole = ComposeTransform(parts)
        base_event = len(base_distribution.event_shape)
        out = whole.forward_shape(shape)
        if parts:
            taken = max(whole.domain.event_dim - base_event, 0)
            event = whole.codomain.event_dim + max(base_event - whole.domain.event_dim, 0)
        else:
            taken, event = 0, base_event
        self.base_dist: Any = Independent(base_distribution, taken) if taken else base_distribution
        split = len(out) - event
        super().__init__(out[:split], out[split:], validate_args)

    has_rsample: bool = alias("base_dist.has_rsample", "Whether the base has.")

    @property
    def support(self) -> Any:
        """Where the last transform leads."""
        if not self.transforms:
            return self.base_dist.support
        codomain = self.transforms[-1].codomain
        return constraints._widened(codomain, len(self.event_shape) - codomain.event_dim)

    def expand(self, batch_shape: Shape, _instance: Any = None) -> Any:
        """See :class:`Distribution`."""
        if tuple(self.base_dist.batch_shape) != tuple(self.batch_shape):
            raise NotImplementedError("expand: the transforms change the batch shape")
        new = type(self).__new__(type(self))
        new.__dict__.update(self.__dict__)
        new.base_dist = self.base_dist.expand(batch_shape)
        for name in self.arg_constraints:
            if isinstance(value := new.__dict__.get(name), Tensor):
                new.__dict__[name] = value.expand(batch_shape)
        new._batch_shape = _C.Size(batch_shape)
        return new

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Draws without a gradient."""
        with no_grad():
            x = self.base_dist.sample(sample_shape)
            for transform in self.transforms:
                x = transform(x)
            return x  # type: ignore[no-any-return]

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """Draws that the parameters can be differentiated through."""
        x = self.base_dist.rsample(sample_shape)
        for transform in self.transforms:
            x = transform(x)
        return x  # type: ignore[no-any-return]

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density."""
        if self._validate_args:
            self._validate_sample(value)
        event = len(self.event_shape)
        total: Any = 0.0
        y = value
        for transform in reversed(self.transforms):
            x = transform._inv_call(y)
            event += transform.domain.event_dim - transform.codomain.event_dim
            term = transform.log_abs_det_jacobian(x, y)
            total = total - sum_rightmost(term, event - transform.domain.event_dim)
            y = x
        base = self.base_dist.log_prob(y)
        return total + sum_rightmost(base, event - len(self.base_dist.event_shape))

    def cdf(self, value: Any) -> Any:
        """The probability of at most ``value``."""
        for transform in reversed(self.transforms):
            value = transform._inv_call(value)
        sign = ComposeTransform(self.transforms).sign
        return sign * (self.base_dist.cdf(value) - 0.5) + 0.5

    def icdf(self, value: Any) -> Any:
        """The quantile."""
        sign = ComposeTransform(self.transforms).sign
        x = self.base_dist.icdf(sign * (value - 0.5) + 0.5)
        for transform in self.transforms:
            x = transform(x)
        return x


class LogNormal(TransformedDistribution):
    """``exp`` of normal numbers with mean ``loc`` and deviation ``scale``."""

    arg_constraints = real_params
    support = constraints.positive
    has_rsample = True

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        super().__init__(Normal(loc, scale, validate_args), ExpTransform(), validate_args)

    loc: Tensor = alias("base_dist.loc", "The mean of the logarithm.")
    scale: Tensor = alias("base_dist.scale", "The deviation of the logarithm.")

    @property
    def mean(self) -> Tensor:
        """The mean."""
        return (self.loc + self.scale.pow(2) / 2).exp()

    @property
    def mode(self) -> Tensor:
        """The most probable value."""
        return (self.loc - self.scale.square()).exp()

    @property
    def variance(self) -> Tensor:
        """The variance."""
        square = self.scale.pow(2)
        return square.expm1() * (2 * self.loc + square).exp()

    def entropy(self) -> Tensor:
        """The entropy in nats."""
        return self.base_dist.entropy() + self.loc  # type: ignore[no-any-return]


class _Half(TransformedDistribution):
    """The magnitude of numbers on both sides of 0."""

    arg_constraints = {"scale": constraints.positive}  # noqa: RUF012
    support = constraints.nonnegative
    has_rsample = True
    scale: Tensor

    @property
    def mode(self) -> Tensor:
        """Zero."""
        return _C.zeros_like(self.scale)

    def cdf(self, value: Any) -> Any:
        """The probability of at most ``value``."""
        if self._validate_args:
            self._validate_sample(value)
        return 2 * self.base_dist.cdf(value) - 1

    def icdf(self, value: Any) -> Any:
        """The quantile."""
        return self.base_dist.icdf((value + 1) / 2)

    def entropy(self) -> Tensor:
        """The entropy in nats."""
        return self.base_dist.entropy() - math.log(2)  # type: ignore[no-any-return]


class HalfNormal(_Half):
    """The magnitude of normal numbers of mean 0 and deviation ``scale``."""

    scale: Tensor = alias("base_dist.scale", "The deviation before the sign is dropped.")

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        super().__init__(Normal(0, scale, False), AbsTransform(), validate_args)

    @property
    def mean(self) -> Tensor:
        """The mean."""
        return self.scale * math.sqrt(2 / math.pi)

    @property
    def variance(self) -> Tensor:
        """The variance."""
        return self.scale.pow(2) * (1 - 2 / math.pi)

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density."""
        if self._validate_args:
            self._validate_sample(value)
        inside = self.base_dist.log_prob(value) + math.log(2)
        return _C.where(value >= 0, inside, -math.inf)


class Gumbel(TransformedDistribution):
    """The largest of many numbers, moved and scaled."""

    arg_constraints = real_params
    support = constraints.real
    has_rsample = True
    loc: Tensor
    scale: Tensor

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        limits = finfo(self.loc.dtype)
        low, high = _C.full_like(self.loc, limits.tiny), _C.full_like(self.loc, 1 - limits.eps)
        parts = [
            ExpTransform().inv,
            AffineTransform(0, -_C.ones_like(self.scale)),
            ExpTransform().inv,
            AffineTransform(self.loc, -self.scale),
        ]
        super().__init__(Uniform(low, high, validate_args), parts, validate_args)

    @property
    def mean(self) -> Tensor:
        """The mean."""
        return self.loc + self.scale * EULER

    mode: Tensor = alias("loc", "The most probable value.")

    @property
    def stddev(self) -> Tensor:
        """The standard deviation."""
        return math.pi / math.sqrt(6) * self.scale

    @property
    def variance(self) -> Tensor:
        """The variance."""
        return self.stddev.pow(2)

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density."""
        if self._validate_args:
            self._validate_sample(value)
        y = (self.loc - value) / self.scale
        return (y - y.exp()) - self.scale.log()

    def entropy(self) -> Tensor:
        """The entropy in nats."""
        return self.scale.log() + (1 + EULER)


class MixtureSameFamily(Distribution):
    """One of the components, chosen by a :class:`Categorical` over their last batch dimension."""

    def __init__(
        self,
        mixture_distribution: Categorical,
        component_distribution: Distribution,
        validate_args: bool | None = None,
    ) -> None:
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(
                "The Mixture distribution needs to be an instance of "
                "torch.distributions.Categorical"
            )
        self._mixture_distribution = mixture_distribution
        self._component_distribution = component_distribution
        batch = component_distribution.batch_shape
        if mixture_distribution.param_shape[-1] != batch[-1]:
            raise ValueError(
                f"`mixture_distribution component` ({mixture_distribution.param_shape[-1]}) does "
                f"not equal `component_distribution.batch_shape[-1]` ({batch[-1]})"
            )
        super().__init__(batch[:-1], component_distribution.event_shape, validate_args)

    mixture_distribution: Categorical = alias("_mixture_distribution", "Which component is drawn.")
    component_distribution: Distribution = alias("_component_distribution", "The components.")
    support: Any = alias("_component_distribution.support", "That of the components.")

    def _weights(self) -> Tensor:
        probs = self._mixture_distribution.probs
        return probs.reshape(*probs.shape, *[1] * len(self.event_shape))

    @property
    def mean(self) -> Tensor:
        """The mean."""
        axis = -1 - len(self.event_shape)
        return (self._weights() * self._component_distribution.mean).sum(axis)

    @property
    def variance(self) -> Tensor:
        """The variance."""
        axis = -1 - len(self.event_shape)
        weights, parts = self._weights(), self._component_distribution
        spread = (parts.mean - self.mean.unsqueeze(axis)).pow(2)
        return (weights * parts.variance).sum(axis) + (weights * spread).sum(axis)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Draws without a gradient."""
        with no_grad():
            axis = len(sample_shape) + len(self.batch_shape)
            which = self._mixture_distribution.sample(sample_shape)
            drawn = self._component_distribution.sample(sample_shape)
            tail = tuple(self.event_shape)
            index = which.reshape(*which.shape, *[1] * (len(tail) + 1))
            index = index.expand(*which.shape, 1, *tail)
            return drawn.gather(axis, index).squeeze(axis)

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density."""
        if self._validate_args:
            self._validate_sample(value)
        padded = value.unsqueeze(-1 - len(self.event_shape))
        parts = self._component_distribution.log_prob(padded)
        return (parts + _C.log_softmax(self._mixture_distribution.logits, -1)).logsumexp(-1)

    def cdf(self, value: Any) -> Any:
        """The probability of at most ``value``."""
        parts = self._component_distribution.cdf(value.unsqueeze(-1 - len(self.event_shape)))
        return (parts * self._mixture_distribution.probs).sum(-1)

    def __repr__(self) -> str:
        parts = f"{self._mixture_distribution},\n  {self._component_distribution}"
        return f"MixtureSameFamily(\n  {parts})"


__all__ = [
    "Gumbel",
    "HalfNormal",
    "Independent",
    "LogNormal",
    "MixtureSameFamily",
    "TransformedDistribution",
]
