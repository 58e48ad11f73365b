"""Reparametrised weights, lazy modules, hooks on all modules, containers, sampling, initial values."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import numpy as np
import pytest

import pyforge as pf
from pyforge import nn
from pyforge.nn.utils import parametrize

torch = pytest.importorskip("torch")
LIBS = (torch, pf)
rng = np.random.default_rng(0)


def close(ours: Any, theirs: Any, rtol: float = 1e-5, atol: float = 1e-5) -> None:
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=rtol, atol=atol)


def both(run: Any, seed: int = 0) -> None:
    """Run the same code in both libraries: equal tensors, gradients and states."""
    results = []
    for lib in LIBS:
        lib.manual_seed(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results.append(run(lib))
    theirs, ours = results
    for a, b in zip(theirs, ours, strict=True):
        if isinstance(a, dict):
            assert list(a) == list(b)
            for key in a:
                close(b[key], a[key])
        elif hasattr(a, "detach"):
            close(b, a)
        elif isinstance(a, str):
            assert a.replace("torch.", "pyforge.") == b
        else:
            assert a == b


def trained(lib: Any, module: Any, x: Any, weight: str = "weight") -> list[Any]:
    y = module(x)
    y.square().sum().backward()
    grads = [p.grad for p in module.parameters()]
    again = module(x)
    module.eval()
    names = [n for n, _ in module.named_parameters()]
    return [y, *grads, again, module(x), dict(module.state_dict()), names, repr(module)]


# Reparametrised weights


@pytest.mark.parametrize("layer", ["Linear(3, 4)", "Conv2d(3, 4, 2)", "ConvTranspose1d(3, 4, 2)"])
@pytest.mark.parametrize(
    "apply",
    [
        "utils.weight_norm(m)",
        "utils.weight_norm(m, dim=None)",
        "utils.weight_norm(m, dim=1)",
        "utils.spectral_norm(m)",
        "utils.spectral_norm(m, n_power_iterations=3)",
        "utils.parametrizations.weight_norm(m)",
        "utils.parametrizations.weight_norm(m, dim=1)",
        "utils.parametrizations.spectral_norm(m)",
        "utils.remove_weight_norm(nn.utils.weight_norm(m))",
        "utils.remove_spectral_norm(nn.utils.spectral_norm(m))",
        "utils.parametrize.remove_parametrizations(nn.utils.parametrizations.weight_norm(m), 'weight')",
    ],
)
def test_norms_of_weights_equal_torch(layer: str, apply: str) -> None:
    sizes = {"Linear": (5, 3), "Conv2d": (2, 3, 4, 5), "ConvTranspose1d": (2, 3, 4)}

    def run(lib: Any) -> list[Any]:
        m = eval("nn." + layer, {"nn": lib.nn})
        m = eval("nn." + apply, {"nn": lib.nn, "m": m})
        return trained(lib, m, lib.randn(*sizes[layer.partition("(")[0]]))

    both(run)


class Symmetric(nn.Module):
    def forward(self, x: Any) -> Any:
        return x.triu() + x.triu(1).t()

    def right_inverse(self, x: Any) -> Any:
        return x.triu()


class Doubled(nn.Module):
    def forward(self, x: Any) -> Any:
        return x * 2


def test_own_parametrizations() -> None:
    m = nn.Linear(3, 3)
    values = m.weight.detach().clone()
    parametrize.register_parametrization(m, "weight", Symmetric())
    parametrize.register_parametrization(m, "weight", Doubled())
    assert type(m).__name__ == "ParametrizedLinear"
    assert parametrize.type_before_parametrizations(m) is nn.Linear
    close(m.weight, 2 * (values.triu() + values.triu(1).t()))
    assert list(m.state_dict()) == ["bias", "parametrizations.weight.original"]
    with pytest.raises(RuntimeError, match="does not implement right_inverse"):
        m.weight = values
    with parametrize.cached():
        assert m.weight is m.weight
    assert m.weight is not m.weight
    twin = copy.deepcopy(m)
    twin.parametrizations.weight.original.data.zero_()
    assert m.weight.abs().sum() > 0
    with pytest.raises(RuntimeError, match="only supported through state_dict"):
        pickle.dumps(m)
    other = nn.Linear(3, 3)
    parametrize.transfer_parametrizations_and_params(m, other)
    close(other.weight, m.weight)
    computed = m.weight.detach().clone()
    parametrize.remove_parametrizations(m, "weight")
    assert type(m) is nn.Linear
    assert isinstance(m.weight, nn.Parameter)
    close(m.weight, computed)
    parametrize.register_parametrization(m, "weight", Symmetric())
    m.weight = pf.eye(3)
    close(m.weight, pf.eye(3))
    with pytest.raises(ValueError, match="may not change the shape"):
        parametrize.register_parametrization(m, "bias", nn.Unflatten(0, (1, 3)))
    with pytest.raises(ValueError, match="does not have a parameter"):
        parametrize.register_parametrization(m, "nothing", Doubled())


def test_states_of_the_older_weight_norm_are_loaded() -> None:
    with pytest.warns(FutureWarning, match="deprecated in favor of"):
        old = nn.utils.weight_norm(nn.Linear(3, 2))
    new = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
    new.load_state_dict(old.state_dict())
    x = pf.randn(4, 3)
    close(new(x), old(x))


def test_fused_batch_norms() -> None:
    def run(lib: Any) -> list[Any]:
        conv, bn = lib.nn.Conv2d(2, 3, 2), lib.nn.BatchNorm2d(3)
        linear, norm = lib.nn.Linear(4, 3), lib.nn.BatchNorm1d(3)
        x, y = lib.randn(4, 2, 5, 5), lib.randn(6, 4)
        bn(conv(x)), norm(linear(y))
        for m in (conv, bn, linear, norm):
            m.eval()
        fuse = lib.nn.utils
        return [fuse.fuse_conv_bn_eval(conv, bn)(x), fuse.fuse_linear_bn_eval(linear, norm)(y)]

    both(run)


# Lazy modules

LAZY = [
    ("LazyLinear", (3,), (5, 4)),
    ("LazyLinear", (3, False), (2, 5, 4)),
    ("LazyConv1d", (4, 3), (2, 6, 8)),
    ("LazyConv2d", (4, 3, 2, 1, 1, 2), (2, 6, 8, 8)),
    ("LazyConv3d", (4, 2), (2, 6, 3, 3, 3)),
    ("LazyConvTranspose1d", (4, 3), (2, 6, 8)),
    ("LazyConvTranspose2d", (4, 3), (2, 6, 4, 4)),
    ("LazyConvTranspose3d", (4, 2), (2, 6, 3, 3, 3)),
    ("LazyBatchNorm1d", (), (5, 4)),
    ("LazyBatchNorm2d", (), (5, 4, 3, 3)),
    ("LazyBatchNorm3d", (), (2, 4, 3, 3, 3)),
    ("LazyInstanceNorm1d", (), (5, 4, 6)),
    ("LazyInstanceNorm2d", (), (5, 4, 3, 3)),
    ("LazyInstanceNorm3d", (), (2, 4, 3, 3, 3)),
]


@pytest.mark.parametrize(("name", "args", "shape"), LAZY)
def test_lazy_modules_equal_torch(name: str, args: tuple[Any, ...], shape: tuple[int, ...]) -> None:
    def run(lib: Any) -> list[Any]:
        m = getattr(lib.nn, name)(*args)
        before = [list(m.state_dict()), m.has_uninitialized_params()]
        x = lib.randn(*shape)
        after = trained(lib, m, x)
        return [*before, *after, type(m).__name__]

    both(run)


def test_lazy_modules_in_use() -> None:
    with pytest.warns(UserWarning, match="Lazy modules are a new feature"):
        lazy = nn.LazyLinear(3)
    assert repr(lazy.weight) == "<UninitializedParameter>"
    with pytest.raises(RuntimeError, match="shape of an uninitialized parameter"):
        _ = lazy.weight.shape
    twins = [copy.deepcopy(lazy), pickle.loads(pickle.dumps(lazy))]
    lazy.load_state_dict(nn.Linear(7, 3).state_dict())
    assert lazy.weight.shape == (3, 7)
    for twin in twins:
        twin(pf.ones(2, 5))
        assert type(twin) is nn.Linear
        assert twin.weight.shape == (3, 5)
        assert isinstance(twin.weight, nn.Parameter)


# Modules


def test_hooks_on_all_modules() -> None:
    from pyforge.nn.modules import module as m

    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    log: list[str] = []
    own = net[0].register_forward_hook(lambda *_: log.append("own"))
    handles = [
        m.register_module_forward_pre_hook(lambda mod, args: log.append(f"pre {type(mod).__name__}")),
        m.register_module_forward_hook(lambda mod, args, out: log.append(f"post {type(mod).__name__}")),
        m.register_module_full_backward_pre_hook(lambda mod, g: log.append(f"back {type(mod).__name__}")),
        m.register_module_full_backward_hook(lambda mod, gi, go: log.append(f"done {type(mod).__name__}")),
    ]  # fmt: skip
    net(pf.ones(1, 2).requires_grad_()).sum().backward()
    assert log == [
        "pre Sequential", "pre Linear", "post Linear", "own", "pre ReLU", "post ReLU", "post Sequential",
        "back Sequential", "back ReLU", "done ReLU", "back Linear", "done Linear", "done Sequential",
    ]  # fmt: skip
    for handle in (*handles, own):
        handle.remove()
    log.clear()
    net(pf.ones(1, 2))
    net(pf.ones(1, 2))
    assert log == []

    def fails(*_: Any) -> None:
        raise KeyError

    with m.register_module_forward_hook(lambda *_: log.append("always"), always_call=True):
        bad = nn.Identity()
        bad.register_forward_pre_hook(fails)
        with pytest.raises(KeyError):
            bad(1)
    assert log == ["always"]


def test_hooks_on_registration() -> None:
    from pyforge.nn.modules import module as m

    seen: list[str] = []

    def note(module: Any, name: str, value: Any) -> Any:
        seen.append(name)
        return nn.Tanh() if isinstance(value, nn.ReLU) else None

    with (
        m.register_module_parameter_registration_hook(note),
        m.register_module_buffer_registration_hook(note),
        m.register_module_module_registration_hook(note),
    ):
        net = nn.Module()
        net.w = nn.Parameter(pf.ones(1))
        net.register_buffer("b", pf.ones(1))
        net.act = nn.ReLU()
        net.add_module("act2", nn.ReLU())
    net.after = nn.ReLU()
    assert seen == ["w", "b", "act", "act2"]
    assert isinstance(net.act, nn.Tanh)
    assert isinstance(net.act2, nn.Tanh)


def test_submodules_are_replaced_and_emptied() -> None:
    net = nn.Sequential(nn.Sequential(nn.Linear(2, 2)), nn.ReLU())
    net.set_submodule("0.0", nn.Tanh())
    assert isinstance(net[0][0], nn.Tanh)
    with pytest.raises(AttributeError, match="no attribute `x`"):
        net.set_submodule("0.x", nn.Tanh(), strict=True)
    with pytest.raises(ValueError, match="without a target name"):
        net.set_submodule("", nn.Tanh())
    assert nn.Linear(2, 3).to_empty(device="cpu").weight.shape == (3, 2)
    with pytest.raises(RuntimeError, match="CPU only"):
        net.cuda()


def test_buffers_by_assignment() -> None:
    net = nn.Module()
    net.kept = nn.Buffer(pf.ones(2))
    net.left = nn.Buffer(pf.ones(2), persistent=False)
    assert list(net.state_dict()) == ["kept"]
    assert [n for n, _ in net.named_buffers()] == ["kept", "left"]


def test_containers_equal_torch() -> None:
    def run(lib: Any) -> list[Any]:
        n = lib.nn
        params = n.ParameterList([n.Parameter(lib.ones(2)), lib.zeros(1, 3), "text"])
        params += [lib.ones(1)]
        params[1] = lib.ones(4)
        table = n.ParameterDict({"a": lib.ones(2)})
        table["b"] = 3
        table.update([("c", lib.zeros(1))])
        table.setdefault("d", lib.ones(3))
        joined = table | n.ParameterDict({"e": lib.ones(1)})
        out = [
            list(joined.keys()),
            table.pop("a"),
            table.popitem()[0],
            table.get("x", 5),
            len(table),
        ]
        seq = n.Sequential(n.ReLU(), n.Tanh()) + n.Sequential(n.GELU())
        seq *= 2
        seq += n.Sequential(n.SiLU())
        return [
            *out, repr(seq), repr(params), repr(joined), len(params), len(params[1:]),
            [k for k, _ in params.named_parameters()], dict(joined.state_dict()), list(reversed(joined)),
        ]  # fmt: skip

    both(run)


@pytest.mark.parametrize("options", [{}, {"max_norm": 1.0}, {"max_norm": 0.5, "norm_type": 1.0}, {"scale_grad_by_freq": True, "padding_idx": 1}, {"sparse": True}])  # fmt: skip
def test_embedding_options(options: dict[str, Any]) -> None:
    def run(lib: Any) -> list[Any]:
        table = lib.nn.Embedding(5, 3, **options)
        y = table(lib.tensor([[0, 1, 1], [4, 0, 1]]))
        y.square().sum().backward()
        grad = table.weight.grad
        return [
            y,
            grad.to_dense() if lib is torch and grad.is_sparse else grad,
            table.weight,
            repr(table),
        ]

    both(run)


LOSSES = [
    ("mse_loss", (), "none"), ("l1_loss", (False,), None), ("smooth_l1_loss", (None, False), None),
    ("huber_loss", ("sum",), None), ("kl_div", (None, None, "sum"), None),
    ("binary_cross_entropy", (None, True), None), ("binary_cross_entropy_with_logits", (None, False), None),
    ("nll_loss", (None, None, -100, None, "sum"), None), ("cross_entropy", (None, False), None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "reduction"), LOSSES)
def test_losses_take_the_retired_arguments(name: str, args: Any, reduction: Any) -> None:
    x, t = rng.uniform(0.1, 0.9, (4, 3)), rng.uniform(0.1, 0.9, (4, 3))

    def run(lib: Any) -> list[Any]:
        target = (
            lib.tensor([0, 2, 1, 1])
            if name in ("nll_loss", "cross_entropy")
            else lib.from_numpy(t.copy())
        )
        extra = {} if reduction is None else {"reduction": reduction}
        return [getattr(lib.nn.functional, name)(lib.from_numpy(x.copy()), target, *args, **extra)]

    both(run)
    with pytest.warns(UserWarning, match="reduction='sum' instead"):
        nn.MSELoss(False)
    with pytest.warns(UserWarning, match="reduction='none' instead"):
        nn.functional.mse_loss(pf.ones(1), pf.ones(1), reduce=False)


# Sampling


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("align", [False, True])
def test_grid_sample_equals_torch(dims: int, mode: str, padding: str, align: bool) -> None:
    if dims == 3 and mode == "bicubic":
        pytest.skip("not in PyTorch")
    image = rng.normal(size=(2, 3, 4, 5, 3)[: dims + 2])
    grid = rng.uniform(-2.3, 2.3, size=(*(2, 3, 4, 2, 3)[: dims + 1], dims))

    def run(lib: Any) -> list[Any]:
        x, g = (lib.from_numpy(a.copy()).requires_grad_() for a in (image, grid))
        y = lib.nn.functional.grid_sample(x, g, mode, padding, align)
        (y * lib.arange(y.numel()).view(y.shape).to(lib.float64).cos()).sum().backward()
        return [y, x.grad, *([] if mode == "nearest" else [g.grad])]

    both(run)


def test_affine_grid_equals_torch() -> None:
    def run(lib: Any) -> list[Any]:
        theta, cube = lib.randn(2, 2, 3).requires_grad_(), lib.randn(1, 3, 4)
        f = lib.nn.functional.affine_grid
        y = f(theta, (2, 1, 3, 4), True)
        y.square().sum().backward()
        return [y, theta.grad, f(theta, (2, 1, 3, 1), False), f(cube, (1, 1, 2, 3, 4), False)]

    both(run)


def test_unpooling_equals_torch() -> None:
    def run(lib: Any) -> list[Any]:
        n, out = lib.nn, []
        for d, shape in ((1, (2, 3, 9)), (2, (2, 3, 6, 7)), (3, (1, 2, 4, 5, 6))):
            pool = getattr(n, f"MaxPool{d}d")(2, 2, return_indices=True)
            unpool = getattr(n, f"MaxUnpool{d}d")(2, 2)
            x = lib.randn(*shape).requires_grad_()
            y = unpool(*pool(x), output_size=shape)
            y.square().sum().backward()
            out += [y, x.grad, repr(unpool)]
        x = lib.randn(2, 3, 7, 7, 7)
        out += [n.LPPool3d(2, 3, 2)(x), n.functional.adaptive_max_pool3d_with_indices(x, 2)[1]]
        out += [n.functional.max_pool2d_with_indices(x[0], 3)[1]]
        return out

    both(run)


@pytest.mark.parametrize("dims", [2, 3])
def test_fractional_pooling_equals_torch(dims: int) -> None:
    def run(lib: Any) -> list[Any]:
        pool = getattr(lib.nn, f"FractionalMaxPool{dims}d")
        x = lib.randn(2, 3, *[9, 8, 7][:dims]).requires_grad_()
        y, where = pool(2, output_size=4, return_indices=True)(x)
        y.sum().backward()
        return [y, where, x.grad, pool(3, output_ratio=0.5)(x)]

    both(run)


def test_adaptive_softmax_equals_torch() -> None:
    def run(lib: Any) -> list[Any]:
        m = lib.nn.AdaptiveLogSoftmaxWithLoss(8, 20, [4, 10], div_value=2.0, head_bias=True)
        x, t = lib.randn(7, 8), lib.tensor([0, 3, 5, 12, 19, 4, 9])
        out = m(x, t)
        out.loss.backward()
        grads = [p.grad for p in m.parameters()]
        return [
            *out,
            *grads,
            m.log_prob(x),
            m.predict(x),
            *m(x[0], t[4]),
            repr(m),
            list(m.state_dict()),
        ]

    both(run)


# Initial values


@pytest.mark.parametrize(
    "call",
    [
        "sparse_(w, 0.4)", "sparse_(w, 0.9, std=2.0)", "dirac_(c)", "dirac_(c, 2)", "dirac_(v)",
        "xavier_uniform(w)", "kaiming_normal(w)", "normal(w)", "constant(w, 2.0)", "eye(w)",
    ],
)  # fmt: skip
def test_initial_values_equal_torch(call: str) -> None:
    def run(lib: Any) -> list[Any]:
        names = {"w": lib.empty(5, 3), "c": lib.empty(4, 2, 3), "v": lib.empty(2, 3, 2, 3, 4)}
        return [eval("init." + call, {"init": lib.nn.init, **names})]

    both(run)


def test_old_names_warn() -> None:
    with pytest.warns(FutureWarning, match=r"nn.init.normal` is now deprecated"):
        nn.init.normal(pf.empty(2))
    with pytest.warns(FutureWarning, match="clip_grad_norm is now deprecated"):
        nn.utils.clip_grad_norm([], 1.0)
