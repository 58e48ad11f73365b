"""The base class of probability distributions, and what they share."""

from __future__ import annotations

from operator import attrgetter

from .._C import (
    Size,
    Tensor,
    broadcast_tensors,
    get_default_dtype,
    normal,
    ones,
    softmax,
    tensor,
    zeros,
)
from .._type_info import finfo
from ..autograd.grad_mode import no_grad
from . import constraints
from .constraints import Constraint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Shape = Sequence[int]


class Distribution:
    """A batch of distributions over events.

    Samples have the shape ``sample_shape + batch_shape + event_shape``.

    Attributes:
        batch_shape: the shape of the parameters.
        event_shape: the shape of one draw.
        has_rsample: whether :meth:`rsample` gives draws that the parameters can be differentiated
            through.
    """

    has_rsample = False
    has_enumerate_support = False
    _validate_args = __debug__
    arg_constraints: Any = {}  # noqa: RUF012
    # How many dimensions of a parameter are the event's; None for one that the batch shares.
    _event_dims: Any = {}  # noqa: RUF012

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether parameters and values are checked where nothing else is said."""
        if value not in (True, False):
            raise ValueError
        Distribution._validate_args = value

    def __init__(
        self,
        batch_shape: Shape = (),
        event_shape: Shape = (),
        validate_args: bool | None = None,
    ) -> None:
        self._batch_shape = Size(batch_shape)
        self._event_shape = Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if not self._validate_args:
            return
        for name, constraint in self.arg_constraints.items():
            value = self.__dict__.get(name)
            if not isinstance(value, Tensor) or not isinstance(constraint, Constraint):
                continue
            if not bool(constraint.check(value).all()):
                raise ValueError(
                    f"Expected parameter {name} ({type(value).__name__} of shape "
                    f"{tuple(value.shape)}) of distribution {self!r} to satisfy the constraint "
                    f"{constraint!r}, but found invalid values:\n{value}"
                )

    @property
    def batch_shape(self) -> Size:
        """The shape of the parameters."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of one draw."""
        return self._event_shape

    @property
    def support(self) -> Any:
        """The set in which draws lie."""
        raise NotImplementedError

    @property
    def mean(self) -> Tensor:
        """The mean."""
        raise NotImplementedError

    @property
    def mode(self) -> Tensor:
        """The most probable value."""
        raise NotImplementedError(f"{type(self)} does not implement mode")

    @property
    def variance(self) -> Tensor:
        """The variance."""
        raise NotImplementedError

    @property
    def stddev(self) -> Tensor:
        """The standard deviation."""
        return self.variance.sqrt()

    def expand(self, batch_shape: Shape, _instance: Any = None) -> Any:
        """The same distribution with its parameters expanded to ``batch_shape``."""
        new = type(self).__new__(type(self))
        for name, value in self.__dict__.items():
            kept = self._event_dims.get(name, 0)
            if isinstance(value, Tensor) and kept is not None:
                tail = tuple(value.shape[value.dim() - kept :]) if kept else ()
                value = value.expand(*batch_shape, *tail)
            elif isinstance(value, Distribution):
                inner = len(value.batch_shape) - len(self.batch_shape)
                value = value.expand(
                    (*batch_shape, *value.batch_shape[len(value.batch_shape) - inner :])
                )
            new.__dict__[name] = value
        new._batch_shape = Size(batch_shape)
        return new

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Draws without a gradient."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """Draws that the parameters can be differentiated through."""
        raise NotImplementedError(
            f"{type(self).__name__} has no rsample: use sample(), and log_prob() for a score "
            "function estimate of the gradient"
        )

    def sample_n(self, n: int) -> Tensor:
        """``n`` draws."""
        return self.sample((n,))

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density, or of the probability, at ``value``."""
        raise NotImplementedError

    def cdf(self, value: Any) -> Any:
        """The probability of at most ``value``."""
        raise NotImplementedError

    def icdf(self, value: Any) -> Any:
        """The value below which the probability is ``value``."""
        raise NotImplementedError

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values of a discrete distribution, along a new first dimension."""
        raise NotImplementedError

    def entropy(self) -> Tensor:
        """The entropy in nats."""
        raise NotImplementedError

    def perplexity(self) -> Tensor:
        """``exp`` of the entropy."""
        return self.entropy().exp()

    def _extended_shape(self, sample_shape: Shape = ()) -> tuple[int, ...]:
        return (*sample_shape, *self._batch_shape, *self._event_shape)

    def _validate_sample(self, value: Any) -> None:
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        dims = len(self._event_shape)
        event = tuple(value.shape[value.dim() - dims :]) if dims else ()
        if event != tuple(self._event_shape):
            raise ValueError(
                f"The right-most size of value must match event_shape: {tuple(value.shape)} vs "
                f"{tuple(self._event_shape)}."
            )
        expected = self._batch_shape + self._event_shape
        for i, j in zip(reversed(value.shape), reversed(expected), strict=False):
            if i != 1 and j != 1 and i != j:
                raise ValueError(
                    f"Value is not broadcastable with batch_shape+event_shape: "
                    f"{tuple(value.shape)} vs {tuple(expected)}."
                )
        try:
            support = self.support
        except NotImplementedError:
            return
        if not bool(support.check(value).all()):
            raise ValueError(
                f"Expected value argument ({type(value).__name__} of shape {tuple(value.shape)}) "
                f"to be within the support ({support!r}) of the distribution {self!r}, but found "
                f"invalid values:\n{value}"
            )

    def _get_checked_instance(self, cls: type, _instance: Any = None) -> Any:
        return type(self).__new__(type(self)) if _instance is None else _instance

    def __repr__(self) -> str:
        names = [n for n in self.arg_constraints if n in self.__dict__]
        values = (self.__dict__[n] for n in names)
        args = [
            f"{n}: {v if v.numel() == 1 else v.size()}"
            for n, v in zip(names, values, strict=True)
            if isinstance(v, Tensor)
        ]
        return f"{type(self).__name__}({', '.join(args)})"


class ExponentialFamily(Distribution):
    """Distributions of the exponential family.

    A subclass may define ``_natural_params``, ``_log_normalizer`` of these and
    ``_mean_carrier_measure``; they give its entropy and divergences by differentiation.
    """

    @property
    def _natural_params(self) -> Any:
        raise NotImplementedError

    def _log_normalizer(self, *natural_params: Any) -> Any:
        raise NotImplementedError

    @property
    def _mean_carrier_measure(self) -> float:
        raise NotImplementedError

    def entropy(self) -> Tensor:
        """The entropy in nats."""
        from ..autograd import grad

        params = [x.detach().requires_grad_() for x in self._natural_params]
        log_norm = self._log_normalizer(*params)
        slopes = grad(log_norm.sum(), params, create_graph=True)
        result = log_norm - self._mean_carrier_measure
        for x, slope in zip(params, slopes, strict=True):
            term = (x * slope).reshape((*self._batch_shape, -1))
            result = result - term.sum(-1)
        return result  # type: ignore[no-any-return]


def alias(path: str, doc: str) -> Any:
    """A property that is another one of the object, or of a part of it: ``"base_dist.loc"``."""
    return property(attrgetter(path), doc=doc)


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """Numbers and tensors as tensors of one shape.

    Raises:
        ValueError: for other values.
    """
    dtype = next((v.dtype for v in values if isinstance(v, Tensor)), None)
    tensors = []
    for v in values:
        if isinstance(v, Tensor):
            tensors.append(v)
        elif isinstance(v, (int, float)):
            tensors.append(tensor(v, dtype=dtype or get_default_dtype()))
        else:
            raise ValueError(
                "Input arguments must all be instances of Number, torch.Tensor or objects "
                "implementing __torch_function__."
            )
    return tuple(broadcast_tensors(tensors))


def standard_normal(shape: Shape, dtype: Any) -> Tensor:
    """Standard normal numbers."""
    return normal(zeros(tuple(shape), dtype=dtype), ones(tuple(shape), dtype=dtype))


def clamp_probs(probs: Tensor) -> Tensor:
    """Probabilities kept a little away from 0 and 1."""
    eps = finfo(probs.dtype).eps
    return probs.clamp(eps, 1 - eps)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """Logits (or log-probabilities of classes) of probabilities."""
    safe = clamp_probs(probs)
    return safe.log() - (-safe).log1p() if is_binary else safe.log()


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """Probabilities of logits."""
    return logits.sigmoid() if is_binary else softmax(logits, -1)


def sum_rightmost(value: Tensor, dims: int) -> Tensor:
    """``value`` summed over its last ``dims`` dimensions."""
    return value if dims == 0 else value.flatten(value.dim() - dims).sum(-1)


real_params = {"loc": constraints.real, "scale": constraints.positive}
