"""Special functions under the names of ``torch.special``."""

from __future__ import annotations

from ._C import (
    Tensor,
    digamma,
    erf,
    erfc,
    erfinv,
    exp2,
    expm1,
    i0,
    lgamma,
    log1p,
    log_softmax,
    logit,
    logsumexp,
    mvlgamma,
    polygamma,
    round,
    sigmoid,
    sinc,
    softmax,
    xlogy,
)
from ._C import special_bessel_j0 as bessel_j0
from ._C import special_bessel_j1 as bessel_j1
from ._C import special_bessel_y0 as bessel_y0
from ._C import special_bessel_y1 as bessel_y1
from ._C import special_entr as entr
from ._C import special_erfcx as erfcx
from ._C import special_i0e as i0e
from ._C import special_i1 as i1
from ._C import special_i1e as i1e
from ._C import special_log_ndtr as log_ndtr
from ._C import special_ndtri as ndtri
from ._C import special_xlog1py as xlog1py
from ._C import special_zeta as zeta

__all__ = [
    "bessel_j0",
    "bessel_j1",
    "bessel_y0",
    "bessel_y1",
    "digamma",
    "entr",
    "erf",
    "erfc",
    "erfcx",
    "erfinv",
    "exp2",
    "expit",
    "expm1",
    "gammaln",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "log1p",
    "log_ndtr",
    "log_softmax",
    "logit",
    "logsumexp",
    "modified_bessel_i0",
    "modified_bessel_i1",
    "multigammaln",
    "ndtr",
    "ndtri",
    "polygamma",
    "psi",
    "round",
    "sinc",
    "softmax",
    "xlog1py",
    "xlogy",
    "zeta",
]

expit = sigmoid
gammaln = lgamma
psi = digamma
multigammaln = mvlgamma
modified_bessel_i0 = i0
modified_bessel_i1 = i1


def ndtr(input: Tensor) -> Tensor:
    """The standard normal distribution function, ``erfc(-input / sqrt(2)) / 2``."""
    return 0.5 * erfc(-0.7071067811865476 * input)
