"""What programs ask about devices, compilers and processes, and names of other times and places."""

from __future__ import annotations

import copy
import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from programs import run

import pyforge as pf
from pyforge import nn

try:
    import torch
except ImportError:
    torch = None  # type: ignore[assignment]

QUESTIONS = """
cuda.is_available() cuda.device_count() cuda.is_initialized() cuda.memory_allocated()
cuda.max_memory_allocated() accelerator.is_available() accelerator.device_count()
accelerator.current_accelerator() xpu.is_available() mps.is_available() backends.mps.is_available()
backends.mps.is_built() backends.cudnn.is_available() backends.cudnn.version()
backends.cuda.is_built() compiler.is_compiling() distributed.is_initialized()
jit.is_scripting() jit.is_tracing() version.cuda version.hip version.debug
ones(2).is_cuda ones(2).is_sparse ones(2).is_quantized ones(2).is_complex() ones(2).is_pinned()
ones(2).is_mps ones(2).is_xpu ones(2).is_mkldnn cuda.manual_seed(1) cuda.manual_seed_all(1)
cuda.empty_cache() backends.cudnn.enabled backends.cudnn.benchmark backends.cudnn.deterministic
"""


@pytest.mark.torch
@pytest.mark.parametrize("question", QUESTIONS.split())
def test_same_answer_as_a_pytorch_without_devices(question: str) -> None:
    assert eval(f"P.{question}", {"P": pf}) == eval(f"P.{question}", {"P": torch})


REFUSALS = [
    ("ones(2).cuda()", AssertionError, "not compiled with CUDA"),
    ("cuda.synchronize()", AssertionError, "not compiled with CUDA"),
    ("cuda.get_device_name(0)", AssertionError, "not compiled with CUDA"),
    ("distributed.get_rank()", ValueError, "Default process group has not been initialized"),
    ("distributed.all_reduce", AttributeError, "run one process"),
    ("nn.parallel.DistributedDataParallel(nn.Linear(1, 1))", RuntimeError, "train the module"),
    ("onnx.export(None, (), 'f')", NotImplementedError, "state_dict"),
    ("jit.load('f')", NotImplementedError, "state_dict"),
    ("jit.save(None, 'f')", NotImplementedError, "state_dict"),
    ("compile(3)", TypeError, "expected a module or a function"),
    ("hub.load('some/repo', 'model')", ValueError, "source='local'"),
    ("fft", AttributeError, "numpy.fft"),
    ("_assert(False, 'no rows')", AssertionError, "no rows"),
    ("complex64", AttributeError, "real and imaginary parts"),
    ("nn.Lineer", AttributeError, "did you mean 'Linear'"),
    ("nn.SyncBatchNorm(3)(ones(3))", ValueError, "at least 2D"),
    ("autograd.Variable([1.0])", TypeError, "has to be a tensor"),
]


@pytest.mark.parametrize(("expression", "error", "phrase"), REFUSALS)
def test_what_is_not_there_says_what_to_do(expression: str, error: Any, phrase: str) -> None:
    with pytest.raises(error, match=phrase):
        eval(f"P.{expression}", {"P": pf, "nn": nn, "ones": pf.ones})


def test_compile_and_script_return_what_they_got() -> None:
    model = nn.Linear(2, 2)
    assert pf.compile(model, mode="reduce-overhead", fullgraph=True) is model
    assert pf.jit.script(model) is model
    assert pf.jit.trace(model, pf.ones(1, 2)) is model
    model.compile(dynamic=True)

    @pf.compile(backend="inductor")
    @pf.jit.script
    def twice(x: Any) -> Any:
        return 2 * x

    @pf.compiler.disable
    @pf.jit.ignore(drop=True)
    @pf.jit.unused
    def thrice(x: Any) -> Any:
        return 3 * x

    assert twice(2) == 4
    assert thrice(2) == 6
    with pytest.raises(RuntimeError, match="Either mode or options"):
        pf.compile(model, mode="default", options={})


def test_switches_without_effect() -> None:
    pf.backends.cudnn.benchmark = True
    pf.backends.cuda.matmul.allow_tf32 = True
    pf.backends.cudnn.benchmark = pf.backends.cuda.matmul.allow_tf32 = False
    q = pf.randn(1, 1, 3, 4)
    with (
        nn.attention.sdpa_kernel([nn.attention.SDPBackend.MATH]),
        pf.backends.cuda.sdp_kernel(enable_flash=False),
    ):
        assert nn.functional.scaled_dot_product_attention(q, q, q).shape == q.shape


def test_variable() -> None:
    x = pf.ones(3)
    v = pf.autograd.Variable(x, requires_grad=True)
    (v * 2).sum().backward()
    assert v.grad.tolist() == [2.0] * 3
    assert v.data_ptr() == x.data_ptr()
    assert isinstance(x, pf.autograd.Variable)
    assert not pf.autograd.Variable(v * 2).requires_grad
    with pytest.warns(UserWarning, match="volatile was removed"):
        pf.autograd.Variable(x, volatile=True)


@pytest.mark.parametrize(
    "P", [pf, pytest.param(torch, marks=pytest.mark.torch)], ids=["pf", "torch"]
)
def test_factor_ahead_of_the_tensor(P: Any) -> None:
    p, g = P.tensor([1.0, 2.0]), P.tensor([3.0, 5.0])
    with pytest.warns(UserWarning, match="deprecated"):  # noqa: PT031
        assert p.clone().add_(-0.5, g).tolist() == [-0.5, -0.5]
        assert P.add(p, 2, g).tolist() == [7.0, 12.0]
        assert p.clone().addcdiv_(2, p, g).tolist() == pytest.approx([1 + 2 / 3, 2 + 4 / 5])
        assert p.addcmul(0.5, p, g).tolist() == [2.5, 7.0]
    with pytest.raises(TypeError):
        p.add(1, 2, g)


def test_draws_inside_fork_rng_leave_no_trace() -> None:
    pf.manual_seed(1)
    with pf.random.fork_rng():
        inside = pf.rand(2)
    assert pf.rand(2).tolist() == inside.tolist()


@pytest.mark.torch
def test_sync_batchnorm_is_batchnorm_on_one_process() -> None:
    def trained(P: Any) -> Any:
        model = P.nn.Sequential(P.nn.Sequential(P.nn.BatchNorm2d(3)), P.nn.BatchNorm1d(2)).eval()
        model[0][0].momentum = 0.3
        model = P.nn.SyncBatchNorm.convert_sync_batchnorm(model)
        assert type(model[0][0]) is type(model[1]) is P.nn.SyncBatchNorm
        assert not model[1].training
        assert model[0][0].momentum == 0.3
        model.train()
        x = P.from_numpy(np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2) ** 2)
        return [model[0](x).detach().numpy(), *(t.numpy() for t in model.state_dict().values())]

    for ours, theirs in zip(trained(pf), trained(torch), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.torch
@pytest.mark.parametrize("map", ["matrix_exp", "cayley", "householder"])
@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5)])
def test_orthogonal(map: str, shape: tuple[int, int]) -> None:
    def trained(P: Any) -> list[np.ndarray]:
        P.manual_seed(2)
        layer = P.nn.Linear(shape[1], shape[0], dtype=P.float64)
        P.nn.utils.parametrizations.orthogonal(layer, orthogonal_map=map)
        layer = copy.deepcopy(layer)
        optimizer = P.optim.SGD(layer.parameters(), lr=0.1)
        x = P.from_numpy(np.linspace(-1, 1, 4 * shape[1]).reshape(4, -1))
        for _ in range(5):
            optimizer.zero_grad()
            ((layer(x) - 1) ** 2).mean().backward()
            optimizer.step()
        return [layer.weight.detach().numpy(), *(t.numpy() for t in layer.state_dict().values())]

    ours, theirs = trained(pf), trained(torch)
    q = ours[0] if shape[0] >= shape[1] else ours[0].T
    np.testing.assert_allclose(q.T @ q, np.eye(min(shape)), atol=1e-12)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10)


def test_orthogonal_without_trivialization() -> None:
    layer = nn.utils.parametrizations.orthogonal(nn.Linear(3, 5), use_trivialization=False)
    weight = pf.linalg.qr(pf.randn(5, 3))[0]
    layer.weight = weight
    assert pf.allclose(layer.weight, weight, atol=1e-5)
    square = nn.utils.parametrizations.orthogonal(nn.Linear(3, 3), use_trivialization=False)
    with pytest.raises(NotImplementedError, match="not possible to assign"):
        square.weight = pf.eye(3)
    for bad, phrase in (
        ({"name": "bias"}, "1 dimensions"),
        ({"orthogonal_map": "qr"}, "has to be"),
    ):
        with pytest.raises(ValueError, match=phrase):
            nn.utils.parametrizations.orthogonal(nn.Linear(3, 3), **bad)


@pytest.mark.parametrize(
    "P", [pf, pytest.param(torch, marks=pytest.mark.torch)], ids=["pf", "torch"]
)
def test_multi_grad_hook(P: Any) -> None:
    graph = P.autograd.graph
    a, b = P.ones(2, requires_grad=True), P.ones(2, requires_grad=True)
    unused = P.ones(2, requires_grad=True)
    c = a * b
    seen: list[Any] = []
    all_of = graph.register_multi_grad_hook(
        (a, unused, c), lambda grads: seen.append([g and g.tolist() for g in map(first, grads)])
    )
    any_of = graph.register_multi_grad_hook((a, b), lambda g: seen.append(g.tolist()), mode="any")
    for _ in range(2):
        (c * 3).sum().backward(retain_graph=True)
        seen.sort(key=str)
        assert seen == [[3.0, 3.0], [[3.0], None, [3.0]]]
        seen.clear()
    P.autograd.grad((c * 3).sum(), b, retain_graph=True)
    assert seen == [[3.0, 3.0], [None, None, [3.0]]] or sorted(seen, key=str) == [
        [3.0, 3.0],
        [None, None, [3.0]],
    ]
    seen.clear()
    all_of.remove()
    any_of.remove()
    c.sum().backward()
    assert seen == []
    with pytest.raises(ValueError, match="mode to be one of"):
        graph.register_multi_grad_hook((a,), print, mode="some")


def first(grad: Any) -> Any:
    return None if grad is None else grad[:1]


@pytest.mark.parametrize(
    "P", [pf, pytest.param(torch, marks=pytest.mark.torch)], ids=["pf", "torch"]
)
def test_mutation_of_saved_values(P: Any) -> None:
    x = P.tensor([1.0, 2.0], requires_grad=True)
    with P.autograd.graph.allow_mutation_on_saved_tensors():
        y = x * 1
        z = (y**2).sum()
        y.mul_(100)
        z.backward()
    assert x.grad.tolist() == [2.0, 4.0]
    y = x * 1
    z = (y**2).sum()
    P.autograd.graph.increment_version(y.detach())
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()


def test_old_tensor_methods() -> None:
    x = pf.tensor([1.0, 2.0])
    assert x.new(2, 3).shape == (2, 3)
    assert x.new([4]).tolist() == [4.0]
    assert x.clone().apply_(lambda v: v + 1).tolist() == [2.0, 3.0]
    assert x.clone().map_(pf.tensor(3.0), lambda a, b: a * b).tolist() == [3.0, 6.0]
    assert x.pin_memory() is x
    assert x.layout is pf.strided
    with pytest.raises(TypeError, match="requires grad"):
        pf.ones(2, requires_grad=True).apply_(abs)


def test_states_from_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    source = tmp_path / "model.pth"
    pf.save({"weight": pf.ones(2)}, source)
    for _ in range(2):  # the second time from the folder
        states = pf.hub.load_state_dict_from_url(source.as_uri())
        assert states["weight"].tolist() == [1.0, 1.0]
        source.unlink(missing_ok=True)
    assert (tmp_path / "home/hub/checkpoints/model.pth").exists()
    other = tmp_path / "other-00000000.pth"
    pf.save({}, other)
    with pytest.raises(RuntimeError, match="invalid hash value"):
        pf.utils.model_zoo.load_url(other.as_uri(), check_hash=True)


def test_local_hub(tmp_path: Path) -> None:
    (tmp_path / "helper_of_hub.py").write_text("SIZE = 3")
    (tmp_path / "hubconf.py").write_text(
        "import helper_of_hub\nimport pyforge\n"
        "def tiny(out=1): return pyforge.nn.Linear(helper_of_hub.SIZE, out)"
    )
    layer = pf.hub.load(str(tmp_path), "tiny", source="local", out=2, trust_repo=True)
    assert layer.weight.shape == (2, 3)
    with pytest.raises(RuntimeError, match="Cannot find callable"):
        pf.hub.load(str(tmp_path), "big", source="local")


PLACES = """
import sys
import torch
from torch.distributions.categorical import Categorical
from torch.distributions.relaxed_categorical import RelaxedOneHotCategorical
from torch.nn.modules.sparse import Embedding
from torch.nn.modules.utils import _pair
from torch.nn.parallel.data_parallel import DataParallel
from torch.utils.data._utils.collate import default_collate
from torch.utils.data.distributed import DistributedSampler
from torch.autograd.variable import Variable
from torch.cuda.amp import GradScaler, autocast
import torch.backends.cudnn as cudnn
import torch.onnx
assert Categorical is torch.distributions.Categorical and Embedding is torch.nn.Embedding
assert torch.__version__.startswith("2.13.0+pyforge.") and torch.version.cuda is None
assert str(torch.float32) == "torch.float32" and repr(torch.ones(2).shape) == "torch.Size([2])"
assert _pair(3) == (3, 3)
"""


def test_places_of_names(tmp_path: Path) -> None:
    script = tmp_path / "places.py"
    script.write_text(PLACES)
    outcome = run(["-m", "pyforge", "run", script])
    assert outcome.status == 0, outcome.explain()


def test_tensorboard_is_tensorboardx() -> None:
    tensorboardx = pytest.importorskip("tensorboardX")
    module = importlib.import_module("pyforge.utils.tensorboard")
    assert module.SummaryWriter is tensorboardx.SummaryWriter


@pytest.mark.parametrize(
    "P", [pf, pytest.param(torch, marks=pytest.mark.torch)], ids=["pf", "torch"]
)
def test_out_argument(P: Any) -> None:
    a, b = P.tensor([[1.0, 2.0], [3.0, 0.0]]), P.ones(2, 2)
    total = P.zeros(2, 2)
    memory = total.data_ptr()
    assert P.add(a, b, alpha=2, out=total) is total
    assert total.tolist() == [[3.0, 4.0], [5.0, 2.0]]
    assert total.data_ptr() == memory
    P.add(total.data, b, out=total.data)
    assert total.tolist() == [[4.0, 5.0], [6.0, 3.0]]
    assert P.mm(a, b, out=P.empty(0)).tolist() == [[3.0, 3.0], [3.0, 3.0]]
    assert P.cat([a, b], out=P.empty(0)).shape == (4, 2)
    assert P.arange(3, out=P.empty(3)).tolist() == [0.0, 1.0, 2.0]
    values, places = P.empty(0), P.empty(0, dtype=P.int64)
    found = P.max(a, 1, out=(values, places))
    assert found.values is values
    assert places.tolist() == [1, 0]
    with pytest.raises(RuntimeError, match="can't be cast"):
        P.exp(a, out=P.zeros(2, 2, dtype=P.int64))
    with pytest.raises(RuntimeError, match="don't support automatic differentiation"):
        P.exp(a.clone().requires_grad_(), out=P.zeros(2, 2))
    with pytest.warns(UserWarning, match="was resized"):
        P.exp(a, out=P.zeros(3))
    with pytest.raises(TypeError):
        P.exp(a, out=3)


@pytest.mark.parametrize(
    "P", [pf, pytest.param(torch, marks=pytest.mark.torch)], ids=["pf", "torch"]
)
def test_memory_format_is_accepted(P: Any) -> None:
    x = P.arange(24.0).reshape(1, 2, 3, 4)
    for form in (P.channels_last, P.contiguous_format):
        for y in (
            x.to(memory_format=form),
            x.contiguous(memory_format=form),
            x.clone(memory_format=form),
            P.zeros_like(x, memory_format=P.preserve_format) + x,
        ):
            assert y.tolist() == x.tolist()
    model = P.nn.Conv2d(2, 1, 1).to(memory_format=P.channels_last)
    assert model(x).shape == (1, 1, 3, 4)


@pytest.mark.parametrize(
    "P", [pf, pytest.param(torch, marks=pytest.mark.torch)], ids=["pf", "torch"]
)
def test_other_devices_can_be_named(P: Any) -> None:
    cuda = P.device("cuda:1")
    assert (cuda.type, cuda.index) == ("cuda", 1)
    assert cuda != P.device("cuda")
    assert cuda == P.device("cuda", 1)
    assert P.device("cpu") != cuda
    with pytest.raises((RuntimeError, AssertionError)):
        P.ones(2).to(cuda)
    for bad in ("gpu", "cuda:x", ""):
        with pytest.raises(RuntimeError, match=r"Expected one of|Invalid device|must not be empty"):
            P.device(bad)
    with pytest.raises(RuntimeError, match="must not include an index"):
        P.device("cuda:1", 2)


@pytest.mark.parametrize(
    "P", [pf, pytest.param(torch, marks=pytest.mark.torch)], ids=["pf", "torch"]
)
def test_names_of_the_class_come_before_children(P: Any) -> None:
    class Model(P.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = P.nn.Linear(1, 1)
            self.parameters = P.nn.ParameterList([self.layer.weight])

    model = Model()
    assert len(list(model.parameters())) == 2
    assert list(dict(model.named_children())) == ["layer", "parameters"]
    assert set(copy.deepcopy(model).state_dict()) == set(model.state_dict())


@pytest.mark.torch
def test_pytree() -> None:
    import torch.utils._pytree as theirs

    import pyforge.utils._pytree as ours

    tree = {"a": [1, (2, 3)], "b": {"c": 4}}
    for m in (ours, theirs):
        leaves, spec = m.tree_flatten(tree)
        assert leaves == [1, 2, 3, 4]
        assert m.tree_unflatten([0, 1, 2, 3], spec)["a"] == [0, (1, 2)]
        assert m.tree_map(lambda x, y: x + y, tree, tree) == {"a": [2, (4, 6)], "b": {"c": 8}}
        assert m.tree_leaves(tree, is_leaf=lambda x: isinstance(x, tuple)) == [1, (2, 3), 4]
        assert m.tree_map_only(int, str, [1, "x"]) == ["1", "x"]
        with pytest.raises(ValueError, match="leaves"):
            m.tree_unflatten([1], spec)
