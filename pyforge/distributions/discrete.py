"""Distributions over whole numbers and classes."""

from __future__ import annotations

from .. import _C
from .._C import Tensor, multinomial, where
from .._type_info import finfo
from ..autograd.grad_mode import enable_grad, no_grad
from ..nn.functional import binary_cross_entropy_with_logits
from . import constraints
from .distribution import (
    Distribution,
    ExponentialFamily,
    alias,
    broadcast_all,
    logits_to_probs,
    probs_to_logits,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .distribution import Shape


def _one_of(probs: Any, logits: Any) -> None:
    if (probs is None) == (logits is None):
        raise ValueError("Either `probs` or `logits` must be specified, but not both.")


class _ProbsOrLogits(Distribution):
    """Has ``probs`` or ``logits``; the other is worked out, with its history, when asked for."""

    probs: Tensor
    logits: Tensor
    _is_binary = False

    def __getattr__(self, name: str) -> Any:
        own = self.__dict__
        with enable_grad():
            if name == "probs" and "logits" in own:
                own[name] = self._probs_of(own["logits"])
            elif name == "logits" and "probs" in own:
                own[name] = probs_to_logits(own["probs"], self._is_binary)
            else:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return own[name]

    def _probs_of(self, logits: Tensor) -> Tensor:
        return logits_to_probs(logits, self._is_binary)

    @property
    def _param(self) -> Tensor:
        given: Tensor = self.__dict__["probs" if "probs" in self.__dict__ else "logits"]
        return given

    param_shape: Any = alias("_param.shape", "The shape of ``probs``.")


class _Trials(_ProbsOrLogits):
    """Success has the probability ``probs``, or the log-odds ``logits``."""

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}  # noqa: RUF012
    _is_binary = True

    def _set(self, probs: Any, logits: Any, *before: Any) -> list[Tensor]:
        """Takes the one that is given; ``before`` comes back in its shape."""
        _one_of(probs, logits)
        key, given = ("logits", logits) if probs is None else ("probs", probs)
        *rest, self.__dict__[key] = broadcast_all(*before, given)
        return rest


class Bernoulli(_Trials, ExponentialFamily):
    """1 with the probability ``probs``, else 0."""

    support = constraints.boolean
    has_enumerate_support = True

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self._set(probs, logits)
        super().__init__(self._param.shape, (), validate_args)

    @property
    def mean(self) -> Tensor:
        """The mean."""
        return self.probs

    @property
    def mode(self) -> Tensor:
        """The more probable value, NaN if both are."""
        p = self.probs
        return where(p == 0.5, p * float("nan"), (p >= 0.5).to(p.dtype))

    @property
    def variance(self) -> Tensor:
        """The variance."""
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Draws without a gradient."""
        with no_grad():
            return _C.bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the probability."""
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value, reduction="none")

    def entropy(self) -> Tensor:
        """The entropy in nats."""
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """0 and 1."""
        values = _C.arange(2, dtype=self._param.dtype)
        values = values.view(2, *[1] * len(self._batch_shape))
        return values.expand(2, *self._batch_shape) if expand else values


class Geometric(_Trials):
    """The number of failures before the first success."""

    support = constraints.nonnegative_integer

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self._set(probs, logits)
        super().__init__(self._param.shape, (), validate_args)
        if self._validate_args and probs is not None and not bool((self.probs > 0).all()):
            raise ValueError(
                f"Expected parameter probs of distribution {self!r} to be positive but found "
                f"invalid values:\n{self.probs}"
            )

    @property
    def mean(self) -> Tensor:
        """The mean."""
        return 1.0 / self.probs - 1.0

    @property
    def mode(self) -> Tensor:
        """Zero."""
        return _C.zeros_like(self.probs)

    @property
    def variance(self) -> Tensor:
        """The variance."""
        return (1.0 / self.probs - 1.0) / self.probs

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Draws without a gradient."""
        with no_grad():
            probs = self.probs
            u = probs.new_empty(self._extended_shape(sample_shape))
            u.uniform_(finfo(probs.dtype).tiny, 1)
            return (u.log() / (-probs).log1p()).floor()

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the probability."""
        if self._validate_args:
            self._validate_sample(value)
        value, probs = broadcast_all(value, self.probs)
        safe = where((probs == 1) & (value == 0), 0.0, probs)
        return value * (-safe).log1p() + probs.log()

    def entropy(self) -> Tensor:
        """The entropy in nats."""
        return (
            binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none") / self.probs
        )


class Binomial(_Trials):
    """The number of successes among ``total_count``."""

    arg_constraints = {  # noqa: RUF012
        "total_count": constraints.nonnegative_integer,
        "probs": constraints.unit_interval,
        "logits": constraints.real,
    }
    has_enumerate_support = True
    total_count: Tensor

    def __init__(
        self,
        total_count: Any = 1,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        (total,) = self._set(probs, logits, total_count)
        self.total_count = total.to(self._param.dtype)
        super().__init__(self._param.shape, (), validate_args)

    @property
    def support(self) -> Any:
        """0 to ``total_count``."""
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self) -> Tensor:
        """The mean."""
        return self.total_count * self.probs

    @property
    def mode(self) -> Tensor:
        """The most probable number."""
        return ((self.total_count + 1) * self.probs).floor().clamp(max=self.total_count)

    @property
    def variance(self) -> Tensor:
        """The variance."""
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Draws without a gradient."""
        shape = self._extended_shape(sample_shape)
        with no_grad():
            return _C.binomial(self.total_count.expand(shape), self.probs.expand(shape))

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the probability."""
        if self._validate_args:
            self._validate_sample(value)
        n = self.total_count
        factorials = (n + 1).lgamma() - (value + 1).lgamma() - (n - value + 1).lgamma()
        # log(1 + exp(logits)) without overflow
        magnitude = self.logits.clamp(min=0) + (-self.logits.abs()).exp().log1p()
        return value * self.logits - n * magnitude + factorials

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """0 to ``total_count``, which must be the same for all."""
        most = int(self.total_count.max())
        if int(self.total_count.min()) != most:
            raise NotImplementedError(
                "Inhomogeneous total count not supported by `enumerate_support`."
            )
        values = _C.arange(1 + most, dtype=self._param.dtype)
        values = values.view(-1, *[1] * len(self._batch_shape))
        return values.expand(-1, *self._batch_shape) if expand else values

    def entropy(self) -> Tensor:
        """The entropy in nats."""
        logs: Tensor = self.log_prob(self.enumerate_support(False))
        return -(logs.exp() * logs).sum(0)


class Poisson(ExponentialFamily):
    """The number of events that come at ``rate``."""

    arg_constraints = {"rate": constraints.nonnegative}  # noqa: RUF012
    support = constraints.nonnegative_integer
    rate: Tensor

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = broadcast_all(rate)
        super().__init__(self.rate.shape, (), validate_args)

    @property
    def mean(self) -> Tensor:
        """The mean."""
        return self.rate

    @property
    def mode(self) -> Tensor:
        """The most probable number."""
        return self.rate.floor()

    @property
    def variance(self) -> Tensor:
        """The variance."""
        return self.rate

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Draws without a gradient."""
        with no_grad():
            return _C.poisson(self.rate.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the probability."""
        if self._validate_args:
            self._validate_sample(value)
        rate, value = broadcast_all(self.rate, value)
        weighted = where(value == 0, 0.0, value * rate.log())
        return weighted - rate - (value + 1).lgamma()


class Categorical(_ProbsOrLogits):
    """Classes 0 to ``n - 1``, from ``probs`` ``[..., n]`` (any positive weights) or ``logits``."""

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}  # noqa: RUF012
    has_enumerate_support = True
    _event_dims = {"probs": 1, "logits": 1}  # noqa: RUF012

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        _one_of(probs, logits)
        given = logits if probs is None else probs
        if given.dim() < 1:
            name = "logits" if probs is None else "probs"
            raise ValueError(f"`{name}` parameter must be at least one-dimensional.")
        if probs is not None:
            self.__dict__["probs"] = probs / probs.sum(-1, keepdim=True)
        else:
            self.__dict__["logits"] = logits - logits.logsumexp(-1, keepdim=True)
        self._num_events = given.shape[-1]
        super().__init__(given.shape[:-1], (), validate_args)

    @property
    def support(self) -> Any:
        """The classes."""
        return constraints.integer_interval(0, self._num_events - 1)

    @property
    def mean(self) -> Tensor:
        """NaN: classes have no mean."""
        return self._param[..., 0].detach() * float("nan")

    @property
    def mode(self) -> Tensor:
        """The most probable class."""
        return self.probs.argmax(-1)

    @property
    def variance(self) -> Tensor:
        """NaN: classes have no variance."""
        return self.mean

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Draws without a gradient."""
        count = 1
        for n in sample_shape:
            count *= n
        with no_grad():
            table = self.probs.reshape(-1, self._num_events)
            drawn = multinomial(table, count, True).t()
            return drawn.reshape(self._extended_shape(sample_shape))

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the probability."""
        if self._validate_args:
            self._validate_sample(value)
        index = value.long().unsqueeze(-1)
        index, table = _C.broadcast_tensors([index, self.logits])
        return table.gather(-1, index[..., :1]).squeeze(-1)

    def entropy(self) -> Tensor:
        """The entropy in nats."""
        logits = self.logits.clamp(min=finfo(self.logits.dtype).min)
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All classes."""
        values = _C.arange(self._num_events).view(-1, *[1] * len(self._batch_shape))
        return values.expand(-1, *self._batch_shape) if expand else values


class _OfCategorical(Distribution):
    """Has the classes of a :class:`Categorical`."""

    arg_constraints = Categorical.arg_constraints
    probs: Tensor = alias("_categorical.probs", "The probabilities of the classes.")
    logits: Tensor = alias("_categorical.logits", "Their logarithms.")
    param_shape: Any = alias("_categorical.param_shape", "The shape of ``probs``.")

    def __init__(self, categorical: Categorical, validate_args: bool | None) -> None:
        self._categorical = categorical
        shape = categorical.param_shape
        super().__init__(shape[:-1], shape[-1:], validate_args)


class OneHotCategorical(_OfCategorical):
    """:class:`Categorical` whose draws are vectors with a single one."""

    support = constraints.one_hot
    has_enumerate_support = True

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        super().__init__(Categorical(probs, logits, validate_args), validate_args)

    mean: Tensor = alias("probs", "The mean.")

    @property
    def mode(self) -> Tensor:
        """The most probable class."""
        return _C.one_hot(self.probs.argmax(-1), self._event_shape[0]).to(self.probs.dtype)

    @property
    def variance(self) -> Tensor:
        """The variance."""
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Draws without a gradient."""
        classes = self._categorical.sample(sample_shape)
        return _C.one_hot(classes, self._event_shape[0]).to(self.probs.dtype)

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the probability."""
        if self._validate_args:
            self._validate_sample(value)
        return self._categorical.log_prob(value.max(-1)[1])

    def entropy(self) -> Tensor:
        """The entropy in nats."""
        return self._categorical.entropy()

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All classes."""
        n = self._event_shape[0]
        values = _C.eye(n, dtype=self.probs.dtype).view(n, *[1] * len(self._batch_shape), n)
        return values.expand(n, *self._batch_shape, n) if expand else values


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """:class:`OneHotCategorical` whose draws pass gradients to ``probs``."""

    has_rsample = True

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """Draws with the gradient of ``probs``."""
        probs = self.probs
        return self.sample(sample_shape) + (probs - probs.detach())
