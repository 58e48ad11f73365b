"""What compile() fuses: the same numbers as op by op, and never more than it may."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

import pyforge as pf
from pyforge import diagnose, nn
from pyforge.nn import functional as F
from pyforge.nn.utils import parametrizations

ACTIVATIONS: list[Callable[[], nn.Module]] = [
    nn.ReLU,
    lambda: nn.ReLU(inplace=True),
    nn.Tanh,
    nn.Sigmoid,
    nn.SiLU,
    nn.GELU,
    lambda: nn.GELU(approximate="tanh"),
]

# Layer and input: small, skinny and blocked products; direct, depthwise, gathered (also over all
# images), strided and transformed convolutions.
LAYERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "linear": (lambda: nn.Linear(7, 5), (3, 7)),
    "linear without bias": (lambda: nn.Linear(7, 5, bias=False), (2, 3, 7)),
    "linear row": (lambda: nn.Linear(64, 33), (1, 64)),
    "linear blocked": (lambda: nn.Linear(300, 70), (150, 300)),
    "linear deep": (lambda: nn.Linear(9000, 4), (40, 9000)),
    "conv1d": (lambda: nn.Conv1d(3, 4, 3), (2, 3, 20)),
    "conv3d": (lambda: nn.Conv3d(2, 3, 2, padding="valid"), (1, 2, 4, 5, 6)),
    "direct": (lambda: nn.Conv2d(1, 6, 5, padding=2), (3, 1, 28, 28)),
    "direct narrow": (lambda: nn.Conv2d(6, 16, 5), (2, 6, 14, 14)),
    "narrow images": (lambda: nn.Conv2d(5, 37, 3, padding=1), (3, 5, 6, 19)),
    "depthwise": (lambda: nn.Conv2d(8, 8, 3, padding=1, groups=8), (2, 8, 9, 37)),
    "gather": (lambda: nn.Conv2d(20, 18, 3, stride=2, padding=1, bias=False), (2, 20, 33, 34)),
    "joined": (lambda: nn.Conv2d(20, 18, 2, padding="same", dilation=2), (4, 20, 7, 7)),
    "1x1": (lambda: nn.Conv2d(24, 40, 1), (2, 24, 16, 17)),
    "winograd": (lambda: nn.Conv2d(32, 32, 3, padding="same"), (2, 32, 29, 31)),
    "unbatched": (lambda: nn.Conv2d(3, 4, 3), (3, 8, 9)),
}

FUSED = ("LinearPointwiseBackward0", "ConvolutionPointwiseBackward0")


def name_of(y: Any) -> str:
    return type(y.grad_fn).__name__


def pair(make: Callable[[], nn.Module], act: Callable[[], nn.Module], dtype: Any) -> Any:
    pf.manual_seed(3)
    eager = nn.Sequential(make(), act()).to(dtype)
    return eager, pf.compile(copy.deepcopy(eager))


def gradients(model: Any, x: Any, g: Any) -> Any:
    x = x.clone().requires_grad_()
    y = model(x)
    return y, pf.autograd.grad(y, (x, *model.parameters()), g)


@pytest.mark.parametrize("dtype", [pf.float32, pf.float64], ids=str)
@pytest.mark.parametrize("layer", LAYERS)
def test_same_bits(layer: str, dtype: Any) -> None:
    make, shape = LAYERS[layer]
    for act in ACTIVATIONS:
        eager, fused = pair(make, act, dtype)
        x = pf.randn(shape, dtype=dtype)
        with pf.no_grad():
            g = pf.randn_like(eager(x))
            assert pf.equal(fused(x), eager(x))
        y, got = gradients(fused, x, g)
        z, want = gradients(eager, x, g)
        assert (name_of(y) in FUSED) == (layer != "unbatched")  # whose last op is a view
        assert name_of(z) not in FUSED
        assert pf.equal(y, z)
        for a, b in zip(got, want, strict=True):
            assert pf.equal(a, b)


@pytest.mark.parametrize("dtype", [pf.float16, pf.bfloat16], ids=str)
def test_halves(dtype: Any) -> None:
    for layer in ("linear", "gather", "direct"):
        make, shape = LAYERS[layer]
        for act in ACTIVATIONS:
            eager, fused = pair(make, act, dtype)
            x = pf.randn(shape).to(dtype)
            y, got = gradients(fused, x, pf.ones_like(eager(x)))
            z, want = gradients(eager, x, pf.ones_like(y))
            assert pf.equal(y, z)
            for a, b in zip(got, want, strict=True):
                assert pf.allclose(a.float(), b.float(), rtol=2e-2, atol=2e-2)


def test_threads_give_the_same_bits() -> None:
    before = pf.get_num_threads()
    try:
        for layer in ("linear blocked", "narrow images", "depthwise", "gather", "joined", "winograd"):
            make, shape = LAYERS[layer]
            _, fused = pair(make, nn.SiLU, pf.float32)
            x, results = pf.randn(4 * shape[0], *shape[1:]), []
            for threads in (1, 2, 3):
                pf.set_num_threads(threads)
                y, grads = gradients(fused, x, pf.ones_like(fused(x)))
                results.append([y, *grads])
            for other in results[1:]:
                assert all(pf.equal(a, b) for a, b in zip(results[0], other, strict=True))
    finally:
        pf.set_num_threads(before)


def test_whole_training_is_the_same() -> None:
    def train(compiled: bool) -> Any:
        pf.manual_seed(0)
        inner = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.BatchNorm1d(16), nn.Dropout(0.2))
        model = nn.Sequential(inner, nn.Linear(16, 16), nn.GELU(), nn.Linear(16, 3))
        keys = list(model.state_dict())
        if compiled:
            model.compile()
        assert list(model.state_dict()) == keys
        optimizer = pf.optim.Adam(model.parameters(), lr=0.01)
        x, target = pf.randn(12, 8), pf.randint(0, 3, (12,))
        for _ in range(5):
            optimizer.zero_grad()
            F.cross_entropy(model(x), target).backward()
            optimizer.step()
        model.eval()
        return [model(x), *model.parameters()]

    for a, b in zip(train(True), train(False), strict=True):
        assert pf.equal(a, b)


def test_higher_derivatives() -> None:
    for act in (nn.Tanh, nn.SiLU):
        eager, fused = pair(lambda: nn.Linear(3, 4), act, pf.float64)
        x = pf.randn(5, 3, dtype=pf.float64)
        hessians = [
            pf.autograd.functional.hessian(lambda v, m=m: m(v).square().sum(), x)
            for m in (fused, eager)
        ]
        assert pf.allclose(*hessians)


class Halved(nn.Linear):
    def forward(self, input: Any) -> Any:
        return super().forward(input) / 2


def hooked(model: Any) -> None:
    model[0].register_forward_hook(lambda m, args, out: None)


def activation_hooked(model: Any) -> None:
    model[1].register_full_backward_hook(lambda m, gi, go: None)


def pre_hooked(model: Any) -> None:
    model[1].register_forward_pre_hook(lambda m, args: None)


def own_forward(model: Any) -> None:
    model[1].forward = lambda x: 2 * x


def replaced(model: Any) -> None:
    model[0] = Halved(4, 4)


def changed(model: Any) -> None:
    model[1] = nn.Softplus()


@pytest.mark.parametrize(
    "change",
    [hooked, activation_hooked, pre_hooked, own_forward, replaced, changed],
    ids=lambda f: f.__name__,
)
def test_steps_aside(change: Callable[[Any], None]) -> None:
    eager, fused = pair(lambda: nn.Linear(4, 4), nn.ReLU, pf.float32)
    x = pf.randn(3, 4)
    assert name_of(fused(x)) == FUSED[0]
    for model in (eager, fused):
        pf.manual_seed(1)
        change(model)
    assert name_of(fused(x)) == name_of(eager(x))
    assert pf.equal(fused(x), eager(x))


def test_steps_aside_for_diagnosis() -> None:
    _, fused = pair(lambda: nn.Linear(4, 4), nn.ReLU, pf.float32)
    x = pf.randn(3, 4)
    with (
        pytest.warns(UserWarning, match="Anomaly Detection"),
        pf.autograd.detect_anomaly(check_nan=False),
    ):
        assert name_of(fused(x)) == "ReluBackward0"
    with pf.autocast("cpu"):
        assert fused(x).dtype == pf.bfloat16
    with pf.profiler.profile() as profile:
        fused(x)
    assert "relu" in {e.key for e in profile.key_averages()}
    handle = nn.modules.module.register_module_forward_hook(lambda m, args, out: None)
    assert name_of(fused(x)) == "ReluBackward0"
    handle.remove()
    optimizer = pf.optim.SGD(fused.parameters(), lr=0.1)
    with diagnose.Monitor(fused, optimizer):
        assert name_of(fused(x)) == "ReluBackward0"
    fused(x)  # finds that the monitor's hooks are gone
    assert name_of(fused(x)) == FUSED[0]


def test_what_is_and_is_not_fused() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
            self.head = nn.Linear(4, 4)

        def forward(self, x: Any) -> Any:
            return self.body(x), F.relu(self.head(x))

    x = pf.randn(3, 4)
    net: Any = pf.compile(Net())
    assert [name_of(y) for y in net(x)] == [FUSED[0], "ReluBackward0"]
    assert name_of(copy.deepcopy(net)(x)[0]) == "ReluBackward0"
    plain: Any = pf.compile(Net(), backend="eager")
    assert name_of(plain(x)[0]) == "ReluBackward0"
    assert name_of(pf.compile(disable=True)(Net())(x)[0]) == "ReluBackward0"
    parametrizations.weight_norm(net.body[0])
    y = net(x)[0]
    assert name_of(y) == FUSED[0]
    y.sum().backward()
    assert net.body[0].parametrizations.weight.original0.grad is not None
    circular: Any = nn.Sequential(nn.Conv2d(2, 2, 3, padding=1, padding_mode="circular"), nn.ReLU())
    even: Any = nn.Sequential(nn.Conv2d(2, 2, 2, padding="same"), nn.ReLU())
    for model in (circular, even):
        assert name_of(pf.compile(model)(pf.ones(1, 2, 5, 5))) == "ReluBackward0"


def test_names_of_activations() -> None:
    x, w, one = pf.ones(2, 3), pf.ones(4, 3), ((0,), (1,), (1,), 1)
    with pytest.raises(RuntimeError, match="_linear_pointwise: no activation is called 'elu'"):
        pf._C._linear_pointwise(x, w, None, "elu")
    with pytest.raises(RuntimeError, match="must be none or tanh, not 'erf'"):
        pf._C._linear_pointwise(x, w, None, "gelu", "erf")
    with pytest.raises(RuntimeError, match="expected 3 to 5-dimensional weight"):
        pf._C._convolution_pointwise(x, w, None, *one, "relu")


def test_errors_are_those_of_the_layer() -> None:
    eager, fused = pair(lambda: nn.Linear(4, 4), nn.ReLU, pf.float32)
    messages = []
    for model in (eager, fused):
        with pytest.raises(RuntimeError, match="shapes cannot be multiplied") as error:
            model(pf.ones(2, 3))
        messages.append(str(error.value))
    assert messages[0] == messages[1]
    loop: Any = nn.Sequential()
    loop.append(loop)
    loop._fuses = True
    with pytest.raises(RecursionError):
        loop(pf.ones(1))
