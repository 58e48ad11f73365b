"""Counts of several classes, and of successes before failures; angles."""

from __future__ import annotations

import math

from .. import _C
from .._C import Tensor
from ..autograd.grad_mode import enable_grad, no_grad
from ..nn.functional import logsigmoid
from . import constraints
from .discrete import Binomial, Categorical, _OfCategorical, _Trials
from .distribution import Distribution, alias, broadcast_all
from .gammas import Gamma

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .distribution import Shape


class Multinomial(_OfCategorical):
    """How often each of ``n`` classes comes up among ``total_count`` draws.

    Args:
        total_count: how many draws.
        probs: probabilities or any positive weights, ``[..., n]``; or
        logits: their logarithms.

    Raises:
        NotImplementedError: if ``total_count`` is not one int.
    """

    def __init__(
        self,
        total_count: int = 1,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        if not isinstance(total_count, int):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count = total_count
        super().__init__(Categorical(probs, logits), validate_args)

    @property
    def support(self) -> Any:
        """Counts that are not more than ``total_count`` in all."""
        return constraints.multinomial(self.total_count)

    @property
    def mean(self) -> Tensor:
        """The mean."""
        return self.probs * self.total_count

    @property
    def variance(self) -> Tensor:
        """The variance."""
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Draws without a gradient."""
        with no_grad():
            drawn = self._categorical.sample((self.total_count, *sample_shape)).movedim(0, -1)
            counts = _C.zeros(self._extended_shape(sample_shape), dtype=self.probs.dtype)
            return counts.scatter_add(-1, drawn, _C.ones_like(drawn).to(counts.dtype))

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the probability."""
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        logits = _C.where((value == 0) & (logits == -math.inf), 0.0, logits)
        orders = (value.sum(-1) + 1).lgamma() - (value + 1).lgamma().sum(-1)
        return orders + (logits * value).sum(-1)

    def entropy(self) -> Tensor:
        """The entropy in nats."""
        n = self.total_count
        binomial = Binomial(n, self.probs)
        values = binomial.enumerate_support(False)[1:]
        weighted: Tensor = binomial.log_prob(values).exp() * (values + 1).lgamma()
        return n * self._categorical.entropy() - math.lgamma(n + 1) + weighted.sum((0, -1))


class NegativeBinomial(_Trials):
    """The number of successes before ``total_count`` failures; any positive ``total_count``."""

    arg_constraints = {  # noqa: RUF012
        "total_count": constraints.greater_than_eq(0),
        "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }
    support = constraints.nonnegative_integer
    total_count: Tensor

    def __init__(
        self,
        total_count: Any,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        (total,) = self._set(probs, logits, total_count)
        self.total_count = total.to(self._param.dtype)
        Distribution.__init__(self, self._param.shape, (), validate_args)

    @property
    def mean(self) -> Tensor:
        """The mean."""
        return self.total_count * self.logits.exp()

    @property
    def mode(self) -> Tensor:
        """The most probable number."""
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0.0)

    @property
    def variance(self) -> Tensor:
        """The variance."""
        return self.mean / (-self.logits).sigmoid()

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Draws without a gradient."""
        with no_grad():
            gamma = Gamma(self.total_count, (-self.logits).exp(), False)
            return _C.poisson(gamma.sample(sample_shape))

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the probability."""
        if self._validate_args:
            self._validate_sample(value)
        n = self.total_count
        powers = n * logsigmoid(-self.logits) + value * logsigmoid(self.logits)
        orders = (n + value).lgamma() - (1.0 + value).lgamma() - n.lgamma()
        return powers + _C.where(n + value == 0.0, 0.0, orders)


# Polynomials for the modified Bessel functions, Abramowitz and Stegun 9.8.1 to 9.8.4.
_SMALL = (
    (1.0, 3.5156229, 3.0899424, 1.2067492, 0.2659732, 0.360768e-1, 0.45813e-2),
    (0.5, 0.87890594, 0.51498869, 0.15084934, 0.2658733e-1, 0.301532e-2, 0.32411e-3),
)
_LARGE = (
    (0.39894228, 0.1328592e-1, 0.225319e-2, -0.157565e-2, 0.916281e-2, -0.2057706e-1,
     0.2635537e-1, -0.1647633e-1, 0.392377e-2),
    (0.39894228, -0.3988024e-1, -0.362018e-2, 0.163801e-2, -0.1031555e-1, 0.2282967e-1,
     -0.2895312e-1, 0.1787654e-1, -0.420059e-2),
)  # fmt: skip


def _polynomial(x: Tensor, coefficients: tuple[float, ...]) -> Any:
    result: Any = coefficients[-1]
    for c in reversed(coefficients[:-1]):
        result = c + x * result
    return result


def _log_bessel(x: Tensor, order: int) -> Tensor:
    """``log I_order(x)`` for positive ``x``, good to about 1e-7."""
    small = _polynomial((x / 3.75) ** 2, _SMALL[order])
    small = (x.abs() * small if order else small).log()
    large = x - 0.5 * x.log() + _polynomial(3.75 / x, _LARGE[order]).log()
    return _C.where(x < 3.75, small, large)


class VonMises(Distribution):
    """Angles around ``loc``, the nearer the larger ``concentration``; in radians.

    Drawn by rejection, in float64 (Best and Fisher 1979).
    """

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}  # noqa: RUF012
    support = constraints.real
    loc: Tensor
    concentration: Tensor

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, (), validate_args)

    mean: Tensor = alias("loc", "The circular mean.")
    mode: Tensor = alias("loc", "The most probable angle.")

    @property
    def variance(self) -> Tensor:
        """The circular variance."""
        with enable_grad():
            return (
                1 - (_log_bessel(self.concentration, 1) - _log_bessel(self.concentration, 0)).exp()
            )

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Draws without a gradient."""
        shape = self._extended_shape(sample_shape)
        with no_grad():
            loc, kappa = self.loc.double(), self.concentration.double()
            tau = 1 + (1 + 4 * kappa**2).sqrt()
            rho = (tau - (2 * tau).sqrt()) / (2 * kappa)
            r = _C.where(kappa < 1e-5, 1 / kappa + kappa, (1 + rho**2) / (2 * rho))
            x, done = loc.new_zeros(shape), _C.zeros(shape, dtype=_C.bool)
            while not bool(done.all()):
                u1, u2, u3 = _C.rand((3, *shape), dtype=loc.dtype).unbind(0)
                z = (math.pi * u1).cos()
                f = (1 + r * z) / (r + z)
                c = kappa * (r - f)
                accept = (c * (2 - c) - u2 > 0) | ((c / u2).log() + 1 - c >= 0)
                x = _C.where(accept, (u3 - 0.5).sign() * f.acos(), x)
                done = done | accept
            angle = (x + math.pi + loc) % (2 * math.pi) - math.pi
            return angle.to(self.loc.dtype)

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density."""
        if self._validate_args:
            self._validate_sample(value)
        near = self.concentration * (value - self.loc).cos()
        return near - math.log(2 * math.pi) - _log_bessel(self.concentration, 0)
