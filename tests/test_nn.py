"""Modules: registration, state, hooks, modes, printing, and values against NumPy and PyTorch."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from typing import Any

import numpy as np
import pytest

import pyforge
from pyforge import nn
from pyforge.nn import functional as F


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 3)
        self.norm = nn.BatchNorm1d(3)
        self.scale = nn.Parameter(pyforge.ones(3))
        self.register_buffer("count", pyforge.zeros(1))
        self.register_buffer("scratch", pyforge.zeros(2), persistent=False)

    def forward(self, x: Any) -> Any:
        return self.norm(self.first(x)) * self.scale


def test_members_are_found_by_name() -> None:
    net = Net()
    assert [name for name, _ in net.named_parameters()] == [
        "scale",
        "first.weight",
        "first.bias",
        "norm.weight",
        "norm.bias",
    ]
    assert [name for name, _ in net.named_buffers()] == [
        "count",
        "scratch",
        "norm.running_mean",
        "norm.running_var",
        "norm.num_batches_tracked",
    ]
    assert [name for name, _ in net.named_modules()] == ["", "first", "norm"]
    assert [name for name, _ in net.named_children()] == ["first", "norm"]
    assert net.get_parameter("first.weight") is net.first.weight
    assert net.get_buffer("norm.running_var") is net.norm.running_var
    assert net.get_submodule("first") is net.first
    assert net.get_submodule("") is net
    for wrong in ("second", "first.weight", "scale"):
        with pytest.raises(AttributeError):
            net.get_submodule(wrong)
    with pytest.raises(AttributeError, match=r"is not an nn\.Parameter"):
        net.get_parameter("count")


def test_shared_parameters_are_listed_once() -> None:
    a = nn.Linear(3, 3)
    pair = nn.Sequential(a, a)
    assert len(list(pair.parameters())) == 2
    assert len(list(pair.modules())) == 2
    assert len(list(pair.named_parameters(remove_duplicate=False))) == 4
    assert set(pair.state_dict()) == {"0.weight", "0.bias", "1.weight", "1.bias"}


def test_registries_and_attributes_stay_one() -> None:
    layer = nn.Linear(2, 2)
    other = nn.Parameter(pyforge.ones(2, 2))
    layer._parameters["weight"] = other
    assert layer.weight is other
    layer.weight = None
    assert layer._parameters["weight"] is None
    assert layer.weight is None
    del layer.weight
    assert "weight" not in layer._parameters
    assert not hasattr(layer, "weight")
    with pytest.raises(AttributeError):
        del layer.weight
    layer.weight = other
    assert list(layer._parameters) == ["bias", "weight"]


def test_a_name_has_one_kind() -> None:
    holder = nn.Module()
    holder.thing = nn.Parameter(pyforge.ones(1))
    holder.thing = nn.Linear(1, 1)
    assert not holder._parameters
    assert list(holder._modules) == ["thing"]
    holder.thing = nn.Parameter(pyforge.ones(1))
    assert not holder._modules
    with pytest.raises(TypeError, match="cannot assign 'int' as parameter 'thing'"):
        holder.thing = 3
    holder.plain = 3
    holder.plain = nn.Linear(1, 1)
    with pytest.raises(TypeError, match="as child module 'plain'"):
        holder.plain = "text"
    holder.register_buffer("kept", pyforge.ones(1))
    with pytest.raises(TypeError, match="as buffer 'kept'"):
        holder.kept = 1.5
    holder.kept = pyforge.zeros(1)
    assert holder._buffers["kept"].item() == 0


@pytest.mark.parametrize(
    ("act", "error", "text"),
    [
        (lambda m: m.register_parameter("a.b", None), KeyError, 'can\'t contain "."'),
        (lambda m: m.register_parameter("", None), KeyError, "can't be empty string"),
        (lambda m: m.register_parameter("forward", None), KeyError, "already exists"),
        (lambda m: m.register_parameter("x", pyforge.ones(1)), TypeError, "cannot assign"),
        (lambda m: m.register_parameter(1, None), TypeError, "should be a string"),
        (lambda m: m.register_buffer("x", 1), TypeError, "cannot assign 'int' object to buffer"),
        (lambda m: m.add_module("x", 1), TypeError, "is not a Module subclass"),
        (lambda m: m.train("yes"), ValueError, "training mode is expected to be boolean"),
        (lambda m: m.to(pyforge.int64), TypeError, "only accepts floating point"),
        (lambda m: m(1), NotImplementedError, 'missing the required "forward" function'),
        (lambda m: m.missing, AttributeError, "'Module' object has no attribute 'missing'"),
    ],
)
def test_wrong_use_is_refused(act: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        act(nn.Module())
    assert text in caught.value.args[0]


def test_init_must_be_called_first() -> None:
    class Hasty(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.Linear(1, 1)

    with pytest.raises(AttributeError, match=r"before Module.__init__\(\) call"):
        Hasty()


def test_state_goes_round() -> None:
    source, target = Net(), Net()
    source(pyforge.randn(5, 4))
    state = source.state_dict()
    assert list(state) == [
        "scale",
        "count",
        "first.weight",
        "first.bias",
        "norm.weight",
        "norm.bias",
        "norm.running_mean",
        "norm.running_var",
        "norm.num_batches_tracked",
    ]
    assert not state["scale"].requires_grad
    assert source.state_dict(keep_vars=True)["scale"] is source.scale
    before = target.first.weight
    assert str(target.load_state_dict(state)) == "<All keys matched successfully>"
    assert target.first.weight is before
    for key, value in target.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), state[key].numpy(), err_msg=key)
    state["scale"].fill_(7)
    assert source.scale[0].item() == 7
    assert target.scale[0].item() == 1


def test_state_that_does_not_fit_is_refused() -> None:
    layer = nn.Linear(4, 3)
    kept = layer.weight.detach().clone()
    wrong = {"weight": pyforge.zeros(2, 2), "extra": pyforge.zeros(1)}
    with pytest.raises(RuntimeError) as caught:
        layer.load_state_dict(wrong)
    text = str(caught.value)
    assert text.startswith("Error(s) in loading state_dict for Linear:\n\t")
    assert 'Missing key(s) in state_dict: "bias". ' in text
    assert 'Unexpected key(s) in state_dict: "extra". ' in text
    assert "size mismatch for weight: copying a param with shape" in text
    np.testing.assert_array_equal(layer.weight.detach().numpy(), kept.numpy())
    result = layer.load_state_dict({"weight": kept, "extra": kept}, strict=False)
    assert result.missing_keys == ["bias"]
    assert result.unexpected_keys == ["extra"]
    with pytest.raises(TypeError, match="dict-like"):
        layer.load_state_dict([1])
    with pytest.raises(RuntimeError, match="expected Tensor or Tensor-like object"):
        layer.load_state_dict({"weight": 1, "bias": pyforge.zeros(3)})


def test_state_can_be_assigned() -> None:
    layer = nn.Linear(2, 2)
    layer.bias.requires_grad_(False)
    given = {"weight": pyforge.ones(2, 2), "bias": pyforge.ones(2)}
    layer.load_state_dict(given, assign=True)
    assert isinstance(layer.weight, nn.Parameter)
    assert layer.weight.requires_grad
    assert not layer.bias.requires_grad
    given["weight"].fill_(5)
    assert layer.weight[0, 0].item() == 5


def test_extra_state_and_its_hooks() -> None:
    class Counter(nn.Module):
        seen = 0

        def get_extra_state(self) -> Any:
            return {"seen": self.seen}

        def set_extra_state(self, state: Any) -> None:
            self.seen = state["seen"]

    log: list[str] = []
    source, target = nn.Sequential(Counter()), nn.Sequential(Counter())
    source[0].seen = 3
    source.register_state_dict_post_hook(lambda m, s, p, meta: log.append("saved"))
    target.register_load_state_dict_pre_hook(lambda m, s, *rest: log.append("loading"))
    target.register_load_state_dict_post_hook(lambda m, keys: log.append("loaded"))
    target.load_state_dict(source.state_dict())
    assert target[0].seen == 3
    assert log == ["saved", "loading", "loaded"]


@pytest.mark.parametrize("copier", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_stand_alone(copier: Any) -> None:
    net = Net()
    twin = copier(net)
    assert twin.first is twin._modules["first"]
    assert twin.scale is twin._parameters["scale"]
    assert twin.scale is not net.scale
    with pyforge.no_grad():
        twin.scale.fill_(9)
    assert net.scale[0].item() == 1
    assert isinstance(twin.scale, nn.Parameter)
    twin.first = nn.Linear(4, 3)
    assert twin._modules["first"] is twin.first


def test_modules_are_freed_without_the_collector() -> None:
    gc.disable()
    try:
        net = Net()
        watch = weakref.ref(net.first)
        net(pyforge.randn(5, 4)).sum().backward()
        del net
        assert watch() is None
    finally:
        gc.enable()


def test_modes_and_conversions_reach_everything() -> None:
    net = nn.Sequential(Net(), nn.Dropout(0.5))
    assert net.eval() is net
    assert not any(module.training for module in net.modules())
    assert net.train() is net
    assert all(module.training for module in net.modules())
    parameter = net[0].scale
    net(pyforge.randn(6, 4)).sum().backward()
    assert net.double() is net
    assert net[0].scale is parameter
    assert parameter.dtype == pyforge.float64
    assert parameter.grad.dtype == pyforge.float64
    assert net[0].norm.running_mean.dtype == pyforge.float64
    assert net[0].norm.num_batches_tracked.dtype == pyforge.int64
    assert net.to(pyforge.float32)[0].scale.dtype == pyforge.float32
    assert net.to("cpu") is net
    net.zero_grad(set_to_none=False)
    assert parameter.grad.abs().sum().item() == 0
    net.zero_grad()
    assert parameter.grad is None
    net.requires_grad_(False)
    assert not any(p.requires_grad for p in net.parameters())
    seen: list[str] = []
    net.apply(lambda module: seen.append(type(module).__name__))
    assert seen == ["Linear", "BatchNorm1d", "Net", "Dropout", "Sequential"]


def test_forward_hooks() -> None:
    layer = nn.Linear(2, 2)
    x = pyforge.ones(1, 2)
    plain = layer(x)
    log: list[str] = []
    pre = layer.register_forward_pre_hook(lambda m, args: (args[0] * 0,))
    post = layer.register_forward_hook(lambda m, args, out: out + 1)
    np.testing.assert_allclose(
        layer(x).detach().numpy()[0], layer.bias.detach().numpy() + 1, rtol=1e-6
    )
    pre.remove()
    post.remove()
    np.testing.assert_array_equal(layer(x).detach().numpy(), plain.detach().numpy())
    with layer.register_forward_pre_hook(lambda m, a, k: log.append("k"), with_kwargs=True):
        layer.register_forward_pre_hook(lambda m, a: log.append("first"), prepend=True)
        layer(input=x)
    assert log == ["first", "k"]
    layer.register_forward_pre_hook(lambda m, a, k: 3, with_kwargs=True)
    with pytest.raises(RuntimeError, match="forward pre-hook must return None or a tuple"):
        layer(x)


def test_hook_that_is_always_called() -> None:
    log: list[Any] = []
    layer = nn.Module()
    layer.register_forward_hook(lambda m, a, out: log.append(out), always_call=True)
    with pytest.raises(NotImplementedError):
        layer(1)
    assert log == [None]


def test_full_backward_hooks() -> None:
    layer = nn.Linear(3, 2)
    seen: list[Any] = []
    layer.register_full_backward_pre_hook(lambda m, go: (go[0] * 2,))
    layer.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go)))
    x = pyforge.ones(4, 3, requires_grad=True)
    layer(x).sum().backward()
    (grad_input,), (grad_output,) = seen[0]
    np.testing.assert_array_equal(grad_output.numpy(), np.full((4, 2), 2.0, np.float32))
    expected = 2 * layer.weight.detach().numpy().sum(0)
    np.testing.assert_allclose(grad_input.numpy(), np.tile(expected, (4, 1)), rtol=1e-6)
    np.testing.assert_allclose(x.grad.numpy(), grad_input.numpy())

    seen.clear()
    layer(pyforge.ones(4, 3)).sum().backward()
    assert seen[0][0] == (None,)

    other = nn.Linear(3, 2)
    other.register_full_backward_hook(lambda m, gi, go: (gi[0] * 0,))
    x.grad = None
    other(x).sum().backward()
    assert x.grad.abs().sum().item() == 0


def test_containers() -> None:
    a, b, c = nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)
    net = nn.Sequential(a, b).append(c)
    assert len(net) == 3
    assert net[-1] is c
    assert net[1:][0] is b
    assert list(net) == [a, b, c]
    assert net(pyforge.ones(5, 2)).shape == (5, 1)
    net.insert(1, nn.Tanh())
    assert [type(m).__name__ for m in net] == ["Linear", "Tanh", "ReLU", "Linear"]
    del net[1]
    assert list(net._modules) == ["0", "1", "2"]
    assert net.pop(-1) is c
    with pytest.raises(IndexError, match="index 5 is out of range"):
        net[5]
    named = nn.Sequential({"one": a, "two": b})
    assert named.one is a

    listed = nn.ModuleList([a, b])
    listed += [c]
    listed[1] = nn.Tanh()
    assert [type(m).__name__ for m in listed + nn.ModuleList([b])] == [
        "Linear",
        "Tanh",
        "Linear",
        "ReLU",
    ]
    assert len(list(listed.parameters())) == 4

    table = nn.ModuleDict({"x": a})
    table["y"] = b
    assert "y" in table
    assert list(table) == ["x", "y"]
    assert table.pop("x") is a
    assert [name for name, _ in table.items()] == ["y"]

    params = nn.ParameterList([pyforge.ones(2), pyforge.zeros(3)])
    assert isinstance(params[1], nn.Parameter)
    assert [name for name, _ in params.named_parameters()] == ["0", "1"]
    by_name = nn.ParameterDict({"u": pyforge.ones(2)})
    assert by_name["u"].requires_grad
    assert "v" not in by_name


def test_repr() -> None:
    net = nn.Sequential(
        nn.Linear(4, 8, bias=False),
        nn.ModuleList([nn.ReLU(), nn.ReLU(inplace=True), nn.ReLU(inplace=True)]),
        nn.Sequential(nn.LayerNorm(8), nn.Dropout(0.1)),
    )
    assert (
        repr(net)
        == """Sequential(
  (0): Linear(in_features=4, out_features=8, bias=False)
  (1): ModuleList(
    (0): ReLU()
    (1-2): 2 x ReLU(inplace=True)
  )
  (2): Sequential(
    (0): LayerNorm((8,), eps=1e-05, elementwise_affine=True, bias=True)
    (1): Dropout(p=0.1, inplace=False)
  )
)"""
    )
    assert repr(nn.Sequential()) == "Sequential()"
    parameter = nn.Parameter(pyforge.tensor([1.0, 2.0]))
    assert repr(parameter) == "Parameter containing:\ntensor([1., 2.], requires_grad=True)"


def test_parameter() -> None:
    data = pyforge.zeros(2)
    parameter = nn.Parameter(data)
    assert isinstance(parameter, pyforge.Tensor)
    assert parameter.requires_grad
    assert parameter.is_leaf
    assert not isinstance(parameter + 1, nn.Parameter)
    assert not nn.Parameter(data, requires_grad=False).requires_grad
    data.fill_(3)
    assert parameter[0].item() == 3
    assert type(copy.deepcopy(parameter)) is nn.Parameter


def test_dropout_follows_the_mode() -> None:
    pyforge.manual_seed(0)
    drop = nn.Dropout(0.25)
    x = pyforge.ones(1000)
    y = drop(x).numpy()
    assert set(np.unique(y)) == {np.float32(0), np.float32(1) / np.float32(0.75)}
    assert 150 < (y == 0).sum() < 350
    np.testing.assert_array_equal(drop.eval()(x).numpy(), x.numpy())
    with pytest.raises(ValueError, match="has to be between 0 and 1"):
        nn.Dropout(1.5)


def test_embedding_padding_gets_no_gradient() -> None:
    table = nn.Embedding(4, 3, padding_idx=-1)
    assert table.padding_idx == 3
    assert table.weight[3].abs().sum().item() == 0
    table(pyforge.tensor([[0, 3], [0, 1]])).sum().backward()
    expected = np.array([[2.0] * 3, [1.0] * 3, [0.0] * 3, [0.0] * 3], np.float32)
    np.testing.assert_array_equal(table.weight.grad.numpy(), expected)
    with pytest.raises(ValueError, match="Padding_idx must be within num_embeddings"):
        nn.Embedding(4, 3, padding_idx=4)
    frozen = nn.Embedding.from_pretrained(pyforge.ones(2, 2))
    assert not frozen.weight.requires_grad


def test_batch_norm_statistics() -> None:
    x = np.random.default_rng(0).normal(2.0, 3.0, (64, 5)).astype(np.float32)
    norm = nn.BatchNorm1d(5)
    out = norm(pyforge.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(out.mean(0), np.zeros(5), atol=1e-5)
    np.testing.assert_allclose(out.std(0), np.ones(5), atol=1e-4)
    np.testing.assert_allclose(norm.running_mean.numpy(), 0.1 * x.mean(0), rtol=1e-4)
    expected = 0.9 + 0.1 * x.var(0, ddof=1)
    np.testing.assert_allclose(norm.running_var.numpy(), expected, rtol=1e-4)
    assert norm.num_batches_tracked.item() == 1
    average = nn.BatchNorm1d(5, momentum=None)
    average(pyforge.from_numpy(x))
    average(pyforge.from_numpy(x + 1))
    np.testing.assert_allclose(average.running_mean.numpy(), x.mean(0) + 0.5, rtol=1e-4)
    with pytest.raises(ValueError, match=r"expected 2D or 3D input \(got 1D input\)"):
        norm(pyforge.ones(5))


MODULES: list[tuple[str, str, tuple[int, ...]]] = [
    ("Linear", "nn.Linear(6, 4)", (5, 6)),
    ("Linear without bias", "nn.Linear(6, 4, bias=False)", (2, 5, 6)),
    ("ReLU", "nn.ReLU()", (5, 6)),
    ("LeakyReLU", "nn.LeakyReLU(0.2)", (5, 6)),
    ("ELU", "nn.ELU(0.7)", (5, 6)),
    ("GELU", "nn.GELU()", (5, 6)),
    ("GELU tanh", "nn.GELU('tanh')", (5, 6)),
    ("SiLU", "nn.SiLU()", (5, 6)),
    ("Softplus", "nn.Softplus(2.0, 3.0)", (5, 6)),
    ("Tanh", "nn.Tanh()", (5, 6)),
    ("Sigmoid", "nn.Sigmoid()", (5, 6)),
    ("LogSigmoid", "nn.LogSigmoid()", (5, 6)),
    ("Softmax", "nn.Softmax(-1)", (5, 6)),
    ("LogSoftmax", "nn.LogSoftmax(0)", (5, 6)),
    ("Flatten", "nn.Flatten()", (5, 2, 3)),
    ("LayerNorm", "nn.LayerNorm((2, 3))", (5, 2, 3)),
    ("BatchNorm1d", "nn.BatchNorm1d(6)", (5, 6)),
    ("BatchNorm1d of a sequence", "nn.BatchNorm1d(6)", (5, 6, 4)),
    ("BatchNorm1d in evaluation", "nn.BatchNorm1d(6).eval()", (5, 6)),
    ("BatchNorm1d plain", "nn.BatchNorm1d(6, affine=False, track_running_stats=False)", (5, 6)),
    ("Sequential", "nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))", (5, 6)),
]
LOSSES: list[tuple[str, str]] = [
    ("nn.MSELoss()", "real"),
    ("nn.MSELoss(reduction='sum')", "real"),
    ("nn.L1Loss(reduction='none')", "real"),
    ("nn.SmoothL1Loss(beta=0.5)", "real"),
    ("nn.BCEWithLogitsLoss()", "unit"),
    ("nn.BCEWithLogitsLoss(pos_weight=lib.tensor([3.0]))", "unit"),
    ("nn.CrossEntropyLoss()", "class"),
    ("nn.CrossEntropyLoss(label_smoothing=0.1, reduction='sum')", "class"),
    ("nn.CrossEntropyLoss(weight=lib.arange(1.0, 7.0), ignore_index=2)", "class"),
    ("nn.NLLLoss()", "class"),
]


@pytest.mark.torch
@pytest.mark.parametrize(("source", "shape"), [m[1:] for m in MODULES], ids=[m[0] for m in MODULES])
def test_modules_equal_torch(source: str, shape: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(3)
    theirs = eval(source, {"nn": torch.nn})
    ours = eval(source, {"nn": nn})
    assert repr(ours) == repr(theirs)
    ours.load_state_dict({k: pyforge.from_numpy(v.numpy()) for k, v in theirs.state_dict().items()})
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    their_x, our_x = torch.from_numpy(x).requires_grad_(), pyforge.from_numpy(x).requires_grad_()
    their_y, our_y = theirs(their_x), ours(our_x)
    np.testing.assert_allclose(
        our_y.detach().numpy(), their_y.detach().numpy(), rtol=2e-6, atol=2e-6
    )
    weight = np.random.default_rng(1).normal(size=tuple(their_y.shape)).astype(np.float32)
    their_y.backward(torch.from_numpy(weight))
    our_y.backward(pyforge.from_numpy(weight))
    np.testing.assert_allclose(our_x.grad.numpy(), their_x.grad.numpy(), rtol=1e-5, atol=1e-5)
    for (name, ours_p), (_, theirs_p) in zip(
        ours.named_parameters(), theirs.named_parameters(), strict=True
    ):
        np.testing.assert_allclose(
            ours_p.grad.numpy(), theirs_p.grad.numpy(), rtol=1e-5, atol=1e-5, err_msg=name
        )
    for (name, ours_b), (_, theirs_b) in zip(
        ours.named_buffers(), theirs.named_buffers(), strict=True
    ):
        np.testing.assert_allclose(ours_b.numpy(), theirs_b.numpy(), rtol=1e-5, err_msg=name)


@pytest.mark.torch
@pytest.mark.parametrize(("source", "kind"), LOSSES)
def test_losses_equal_torch(source: str, kind: str) -> None:
    torch = pytest.importorskip("torch")
    random = np.random.default_rng(0)
    x = random.normal(size=(5, 6)).astype(np.float32)
    target = {
        "real": random.normal(size=(5, 6)).astype(np.float32),
        "unit": random.uniform(size=(5, 6)).astype(np.float32),
        "class": np.array([0, 5, 2, 1, 3]),
    }[kind]
    results = []
    for lib, modules in ((torch, torch.nn), (pyforge, nn)):
        leaf = lib.from_numpy(x.copy()).requires_grad_()
        loss = eval(source, {"nn": modules, "lib": lib})(leaf, lib.from_numpy(target))
        loss.sum().backward()
        results.append((loss.detach().numpy(), leaf.grad.numpy()))
    for theirs, ours in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_functional_names_are_the_engine_s() -> None:
    for name in F.__all__:
        assert callable(getattr(F, name)), name


def test_softmax_without_a_dimension_warns() -> None:
    with pytest.warns(UserWarning, match="Implicit dimension choice for softmax"):
        out = nn.Softmax()(pyforge.zeros(2, 4))
    np.testing.assert_allclose(out.numpy(), np.full((2, 4), 0.25, np.float32))
