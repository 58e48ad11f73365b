"""Special functions beyond the op table: known values, wide ranges, singular points, namespaces."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.special
from support import instruction_sets, torch

import pyforge as pf
from pyforge import special

# Computed with 40 digits.
KNOWN: list[tuple[str, tuple[float, ...], float]] = [
    ("erfc", (10.0,), 2.088487583762545e-45),
    ("erfcx", (30.0,), 0.01879588886141675),
    ("erfcx", (-3.0,), 16205.988853999586),
    ("erfinv", (0.5,), 0.4769362762044699),
    ("erfinv", (1 - 2**-40,), 5.05125408524939),
    ("ndtri", (1e-300,), -37.0470962993612),
    ("ndtri", (0.975,), 1.9599639845400538),
    ("log_ndtr", (-40.0,), -804.6084420137538),
    ("gammaln", (0.5,), 0.5723649429247001),
    ("gammaln", (100.0,), 359.1342053695754),
    ("psi", (-2.5,), 1.103156640645243),
    ("polygamma", (1, -3.5), 9.620879298050347),
    ("polygamma", (4, 0.25), -24584.375388637935),
    ("zeta", (2.0, 1.0), math.pi**2 / 6),
    ("zeta", (1.5, 0.5), 4.776537947554833),
    ("zeta", (3.0, -1.5), 0.1181020258208637),
    ("i0", (12.5,), 30596.335155785153),
    ("i0e", (700.0,), 0.015081295651531358),
    ("i1", (0.5,), 0.2578943053908963),
    ("i1e", (-700.0,), -0.015070519444716848),
    ("bessel_j0", (3.0,), -0.26005195490193345),
    ("bessel_y1", (2.5,), 0.1459181379667858),
]


@pytest.fixture(autouse=True)
def _settings() -> Any:
    isa = pf.backends.cpu.get_instruction_set()
    yield
    pf.backends.cpu.set_instruction_set(isa)


def call(name: str, args: tuple[float, ...], dtype: Any) -> float:
    *numbers, last = args
    return float(getattr(special, name)(*numbers, pf.tensor(last, dtype=dtype)).item())


@pytest.mark.parametrize(("name", "args", "want"), KNOWN, ids=lambda v: str(v))
def test_known_value(name: str, args: tuple[float, ...], want: float) -> None:
    for isa in instruction_sets():
        pf.backends.cpu.set_instruction_set(isa)
        assert call(name, args, pf.float64) == pytest.approx(want, rel=4e-15), isa
        if float(np.float32(args[-1])) == args[-1] and abs(want) > 1e-38:
            assert call(name, args, pf.float32) == pytest.approx(want, rel=7e-8), isa


WIDE = [
    "erfc", "erfcx", "erfinv", "ndtri", "log_ndtr", "gammaln", "i0", "i0e", "i1", "i1e", "entr",
]  # fmt: skip


@pytest.mark.parametrize("name", WIDE)
def test_wide_range(name: str) -> None:
    """SciPy's results over many magnitudes, as far as they are right."""
    rng = np.random.default_rng(3)
    x = np.concatenate([rng.uniform(-30, 30, 500), 10.0 ** rng.uniform(-300, 2, 500)])
    if name in ("erfinv", "ndtri"):
        x = np.concatenate([rng.uniform(0, 1, 500), 10.0 ** rng.uniform(-300, 0, 500)])
    got = getattr(special, name)(pf.from_numpy(x)).numpy()
    np.testing.assert_allclose(got, getattr(scipy.special, name)(x), rtol=2e-13, atol=1e-300)


def grads(f: Any, *values: float) -> list[float]:
    leaves = [pf.tensor(v, dtype=pf.float64, requires_grad=True) for v in values]
    f(*leaves).backward()
    return [float(x.grad.item()) for x in leaves]


INF = math.inf
SINGULAR: list[tuple[str, Any, tuple[float, ...], list[float]]] = [
    ("hypot at the origin", pf.hypot, (0.0, 0.0), [0.0, 0.0]),
    ("atan2 at the origin", pf.atan2, (0.0, 0.0), [0.0, 0.0]),
    ("atan2 of huge numbers", pf.atan2, (1e200, 1e200), [5e-201, -5e-201]),
    ("logaddexp of -inf", pf.logaddexp, (-INF, -INF), [0.5, 0.5]),
    ("logaddexp of inf and a number", pf.logaddexp, (INF, 1.0), [1.0, 0.0]),
    ("logaddexp far apart", pf.logaddexp, (1000.0, -1000.0), [1.0, 0.0]),
    ("xlogy of 0 and 0", lambda a: pf.xlogy(a, 0.0), (0.0,), [0.0]),
    ("sinc at 0", pf.sinc, (0.0,), [0.0]),
    ("nan_to_num of NaN", pf.nan_to_num, (math.nan,), [0.0]),
    ("logcumsumexp of -inf", lambda a: pf.logcumsumexp(a.reshape(1), 0)[0], (-INF,), [0.0]),
    (
        "logcumsumexp from -inf on",
        lambda a: pf.logcumsumexp(pf.stack([a, a, a * 0 + 1]), 0)[2],
        (-1e308,),
        [0.0],
    ),
    ("fmax past NaN", pf.fmax, (math.nan, 1.0), [0.0, 1.0]),
    ("sinc before its series ends", pf.sinc, (0.0199,), [-0.06544279136590632]),
    ("sinc after its series ends", pf.sinc, (0.0201,), [-0.06609998589653555]),
    ("i0 at infinity", special.i0, (INF,), [INF]),
    ("i1 at 0", special.i1, (0.0,), [0.5]),
    ("copysign of -2 and 1", pf.copysign, (-2.0, 1.0), [-1.0, 0.0]),
]


@pytest.mark.parametrize(
    ("f", "values", "want"), [pytest.param(*row[1:], id=row[0]) for row in SINGULAR]
)
def test_singular_point(f: Any, values: tuple[float, ...], want: list[float]) -> None:
    assert grads(f, *values) == pytest.approx(want, rel=1e-12)


def test_sinc_curvature_at_zero() -> None:
    x = pf.tensor(0.0, dtype=pf.float64, requires_grad=True)
    (g,) = pf.autograd.grad(pf.sinc(x), x, create_graph=True)
    assert pf.autograd.grad(g, x)[0].item() == pytest.approx(-(math.pi**2) / 3)


def test_zeta_of_a_recorded_exponent_is_an_error() -> None:
    with pytest.raises(RuntimeError, match=r"zeta.*derivative"):
        special.zeta(pf.tensor(2.0, requires_grad=True), pf.tensor(1.0))


@pytest.mark.parametrize("far", [-1e18, -1e300, 1e300])
def test_far_arguments_return(far: float) -> None:
    """Neither sums term by term: no input takes long."""
    assert math.isnan(call("psi", (far,), pf.float64)) or far > 0
    assert call("polygamma", (1, far), pf.float64) in (INF, 1e-300)


def test_values_at_limits() -> None:
    x = pf.tensor([0.0, -0.0, INF, -INF, -1e-310, -2.0], dtype=pf.float64)
    assert special.psi(x)[:5].tolist()[0::4] == [-INF, INF]
    assert special.psi(x).isnan().tolist() == [False, False, False, True, False, True]
    assert special.i0(x).tolist() == [1.0, 1.0, INF, INF, 1.0, pytest.approx(2.279585302336067)]
    assert special.i1(x)[2:4].tolist() == [INF, -INF]
    assert pf.ldexp(pf.tensor(3.0), pf.tensor(-2)).item() == 0.75
    with pytest.raises(RuntimeError, match="floating point number"):
        pf.addcmul(*[pf.tensor([1])] * 3, value=0.5)


def test_lerp_meets_its_ends() -> None:
    a, b = pf.tensor([0.1, 1e20]), pf.tensor([0.7, 1.0])
    assert pf.equal(pf.lerp(a, b, 0.0), a)
    assert pf.equal(pf.lerp(a, b, 1.0), b)


def test_searchsorted_with_a_sorter() -> None:
    line, order = pf.tensor([3.0, 1.0, 2.0]), pf.tensor([1, 2, 0])
    found = pf.searchsorted(line, pf.tensor([1.5, 3.5]), sorter=order)
    assert found.tolist() == [1, 3]
    with pytest.raises(RuntimeError, match="sorter index out of range"):
        pf.searchsorted(line, 1.0, sorter=order + 1)


def test_in_place_functions() -> None:
    x = pf.tensor([1.0, 4.0])
    assert pf.sqrt_(x) is x
    assert x.tolist() == [1.0, 2.0]
    for name in pf._inplace.NAMES:
        assert getattr(pf, name) is getattr(pf.Tensor, name)
    with pytest.raises(AttributeError, match="no_such_"):
        pf.no_such_  # noqa: B018


@pytest.mark.torch
def test_names_are_pytorchs() -> None:
    assert set(special.__all__) <= set(dir(torch.special))
