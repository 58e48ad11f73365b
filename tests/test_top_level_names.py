"""Functions at top level that are made of others, against PyTorch: values, gradients, errors."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import pyforge as pf

torch = pytest.importorskip("torch")
LIBS = (torch, pf)


def made(lib: Any, *shape: int, seed: int = 0, dtype: str = "float64") -> Any:
    values = np.random.default_rng(seed).normal(size=shape).astype(dtype)
    return lib.from_numpy(values).requires_grad_()


def numbers(value: Any) -> list[np.ndarray]:
    if isinstance(value, (tuple, list)):
        return [n for v in value for n in numbers(v)]
    return [np.asarray(value.detach().numpy())]


def compare(call: Any, *shapes: tuple[int, ...], rtol: float = 1e-7, grad: bool = True) -> None:
    """Results, their dtypes and the gradients of ``shapes``-shaped inputs."""
    results = []
    for lib in LIBS:
        lib.manual_seed(3)
        inputs = [made(lib, *shape, seed=i) for i, shape in enumerate(shapes)]
        value = call(lib, *inputs)
        arrays = numbers(value)
        if grad:
            outputs = value if isinstance(value, (tuple, list)) else [value]
            total = sum((o * o).sum() for o in outputs if o.requires_grad)
            total.backward()
            arrays += [np.asarray(x.grad.numpy()) for x in inputs if x.grad is not None]
        results.append(arrays)
    theirs, ours = results
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-9)


def labels(lib: Any, *shape: int) -> Any:
    return lib.from_numpy(np.where(np.random.default_rng(9).random(shape) < 0.5, -1.0, 1.0))


X, Y = (4, 5), (4, 5)
CALLS: dict[str, Any] = {
    "batch_norm": lambda L, x, w, b: L.batch_norm(x, w, b, None, None, True, 0.1, 1e-5, False),
    "batch_norm, running": lambda L, x, w, b: L.batch_norm(
        x, w, b, L.zeros(5).double(), L.ones(5).double(), False, 0.1, 1e-5, False
    ),
    "instance_norm": lambda L, x, w, b: L.instance_norm(
        x.reshape(2, 5, 2), w, b, None, None, True, 0.1, 1e-5, False
    ),
    "embedding": lambda L, w: L.embedding(w, L.tensor([[0, 2], [3, 2]]), 2),
    "embedding_bag": lambda L, w: L.embedding_bag(w, L.tensor([0, 2, 3, 2]), L.tensor([0, 3]))[:3],
    "embedding_bag, mean": lambda L, w: L.embedding_bag(w, L.tensor([0, 2, 3]), L.tensor([0, 1]), mode=1)[:3],
    "embedding_bag, max": lambda L, w: L.embedding_bag(w, L.tensor([0, 2, 3, 1]), L.tensor([0, 2]), mode=2),
    "alpha_dropout": lambda L, x: L.alpha_dropout(x, 0.3, True),
    "alpha_dropout_": lambda L, x: L.alpha_dropout_(x * 1, 0.3, True),
    "feature_alpha_dropout": lambda L, x: L.feature_alpha_dropout(x, 0.3, True),
    "feature_alpha_dropout_": lambda L, x: L.feature_alpha_dropout_(x * 1, 0.3, True),
    "feature_dropout": lambda L, x: L.feature_dropout(x, 0.3, True),
    "feature_dropout_": lambda L, x: L.feature_dropout_(x * 1, 0.3, True),
    "dropout_": lambda L, x: L.dropout_(x * 1, 0.3, True),
    "affine_grid_generator": lambda L, t: L.affine_grid_generator(t, [2, 1, 3, 4], False),
    "grid_sampler": lambda L, x, g: L.grid_sampler(x, g, 0, 1, True),
    "grid_sampler_2d": lambda L, x, g: L.grid_sampler_2d(x, g, 2, 2, False),
    "grid_sampler_3d": lambda L, x, g: L.grid_sampler_3d(x, g, 0, 0, False),
    "cosine_embedding_loss": lambda L, x, y: L.cosine_embedding_loss(x, y, labels(L, 4), 0.1, 2),
    "hinge_embedding_loss": lambda L, x: L.hinge_embedding_loss(x, labels(L, 4, 5), 0.5, 0),
    "margin_ranking_loss": lambda L, x, y: L.margin_ranking_loss(x, y, labels(L, 4, 5), 0.1),
    "kl_div": lambda L, x, y: L.kl_div(x, y.detach().softmax(1)),
    "kl_div, log": lambda L, x, y: L.kl_div(x, y, 2, log_target=True),
    "poisson_nll_loss": lambda L, x, y: L.poisson_nll_loss(x, y.detach().abs() * 3, True, True, 1e-8, 1),
    "triplet_margin_loss": lambda L, x, y, z: L.triplet_margin_loss(x, y, z, 1.0, 2, 1e-6, True, 0),
    "binary_cross_entropy_with_logits": lambda L, x, y: L.binary_cross_entropy_with_logits(
        x, y.detach().sigmoid(), None, L.full((5,), 2.0).double()
    ),
    "ctc_loss": lambda L, x: L.ctc_loss(
        x.reshape(5, 2, 2).log_softmax(-1), L.tensor([[1, 1], [1, 1]]), L.tensor([5, 5]), L.tensor([2, 1])
    ),
    "rsub": lambda L, x, y: L.rsub(x, y, alpha=2),
    "rsub, number": lambda L, x: L.rsub(x, 3),
    "fill": lambda L, x, v: L.fill(x, v.sum()),
    "as_strided_copy": lambda L, x: L.as_strided_copy(x, (3, 2), (1, 2), 1),
    "unfold_copy": lambda L, x: L.unfold_copy(x, 1, 3, 1),
    "frexp": lambda L, x: L.frexp(x * 1e5).mantissa,
    "gradient": lambda L, x: L.gradient(x),
    "gradient, order 2": lambda L, x: L.gradient(x, spacing=2.0, edge_order=2),
    "gradient, one dimension": lambda L, x: L.gradient(x, dim=1, spacing=0.5),
    "gradient, distances": lambda L, x: L.gradient(x, spacing=[2.0, 0.5], dim=(1, 0)),
    "gradient, coordinates": lambda L, x: L.gradient(
        x, spacing=(L.tensor([0.0, 1.0, 3.0, 4.5]).double(), L.tensor([0.0, 0.5, 1.5, 2.0, 4.0]).double()),
        edge_order=2,
    ),
    "ormqr": lambda L, a, c: L.ormqr(*L.geqrf(a.detach()), c),
    "linear_cross_entropy": lambda L, x, w, b: L.nn.functional.linear_cross_entropy(
        x, w, L.tensor([1, 0, -100, 2]), linear_bias=b, label_smoothing=0.1
    ),
    "linear_cross_entropy, dims": lambda L, x, w: L.nn.functional.linear_cross_entropy(
        x, w.reshape(3, 2, 5), L.tensor([[1, 0], [2, 2], [0, 1], [0, 0]]), reduction="none"
    ),
}  # fmt: skip
SHAPES: dict[str, list[tuple[int, ...]]] = {
    "batch_norm": [X, (5,), (5,)], "batch_norm, running": [X, (5,), (5,)], "instance_norm": [(4, 5), (5,), (5,)],
    "affine_grid_generator": [(2, 2, 3)], "grid_sampler": [(2, 1, 4, 5), (2, 3, 3, 2)],
    "grid_sampler_2d": [(2, 1, 4, 5), (2, 3, 3, 2)], "grid_sampler_3d": [(1, 2, 3, 4, 5), (1, 2, 2, 2, 3)],
    "feature_alpha_dropout": [(4, 5, 3)], "feature_alpha_dropout_": [(4, 5, 3)], "feature_dropout": [(4, 5, 3)],
    "feature_dropout_": [(4, 5, 3)], "ormqr": [(5, 3), (5, 2)], "linear_cross_entropy": [X, (3, 5), (3,)],
    "linear_cross_entropy, dims": [X, (6, 5)], "fill": [X, (2,)],
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_equals_torch(name: str) -> None:
    call = CALLS[name]
    count = call.__code__.co_argcount - 1
    compare(call, *SHAPES.get(name, [X] * count))


@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("transpose", [True, False])
def test_ormqr_sides(left: bool, transpose: bool) -> None:
    shape = (2, 5, 3) if left else (2, 3, 5)
    compare(lambda L, a, c: L.ormqr(*L.geqrf(a.detach()), c, left, transpose), (2, 5, 4), shape)


@pytest.mark.parametrize("window", ["hann", "hamming", "blackman", "bartlett", "kaiser"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_windows(window: str, dtype: str) -> None:
    for length in (0, 1, 2, 7, 64):
        for periodic in (True, False):
            ours, theirs = (
                getattr(L, f"{window}_window")(length, periodic, dtype=getattr(L, dtype)).numpy()
                for L in (pf, torch)
            )
            assert ours.dtype == theirs.dtype
            np.testing.assert_allclose(ours, theirs, atol=1e-6 if dtype == "float32" else 1e-12)
    assert pf.hann_window(5).dtype == pf.float32
    assert pf.hann_window(3, requires_grad=True).requires_grad
    np.testing.assert_allclose(
        pf.hamming_window(8, True, 0.6, 0.4).numpy(),
        torch.hamming_window(8, True, 0.6, 0.4).numpy(),
        atol=1e-6,
    )


REDUCTIONS = ("sum", "mean", "max", "min", "prod")


@pytest.mark.parametrize("reduce", REDUCTIONS)
@pytest.mark.parametrize("initial", [None, 0.5])
def test_segment_reduce(reduce: str, initial: float | None) -> None:
    def call(L: Any, x: Any, **kw: Any) -> Any:
        return L.segment_reduce(x, reduce, initial=initial, **kw)

    compare(lambda L, x: call(L, x, lengths=L.tensor([1, 3, 2]), axis=0), (6, 2))
    compare(lambda L, x: call(L, x, offsets=L.tensor([0, 2, 3, 6])), (6,))
    compare(lambda L, x: call(L, x, lengths=L.tensor([[1, 3, 1], [2, 2, 1]]), axis=1), (2, 5, 2))
    ours, theirs = (
        call(L, L.ones(3, dtype=L.float64), lengths=L.tensor([0, 3])).numpy() for L in (pf, torch)
    )
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    "call",
    [
        lambda L: L.frexp(L.tensor([0.0, -0.0, np.inf, np.nan, 3.0, -1e-42, 0.5, 3e38])),
        lambda L: L.frexp(L.tensor([5e-324, 1.7e308, -2.5], dtype=L.float64)),
        lambda L: L.frexp(L.tensor([5.5, 0.1]).half()),
        lambda L: L.range(1, 4),
        lambda L: L.range(0.5, 3, 0.5),
        lambda L: L.range(3, 0, -1, dtype=L.int64),
        lambda L: L.gradient(L.tensor([1, 2, 4, 8])),
        lambda L: L.fill(L.ones(2, dtype=L.int32), 3),
        lambda L: L.histogramdd(L.tensor([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [2.0, 2.0]]), bins=[3, 3]),
        lambda L: L.histogramdd(L.tensor([[0.0], [1.0], [3.0]]), bins=2, range=[0.0, 4.0], density=True,
                                weight=L.tensor([1.0, 2.0, 4.0])),
        lambda L: L.histogramdd(L.tensor([[0.2, 0.1], [0.9, 3.0]]), [L.tensor([0.0, 0.5, 1.0]), L.tensor([0.0, 2.0])]),
        lambda L: L.linalg.ldl_factor_ex(L.zeros(3, 3)),
    ],
)  # fmt: skip
def test_values_equal_torch(call: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        theirs, ours = (numbers(call(lib)) for lib in LIBS)
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-6)


@pytest.mark.parametrize("shape", [(1, 1), (6, 6), (3, 5, 5), (2, 0, 0), (40, 40)])
def test_ldl(shape: tuple[int, ...]) -> None:
    for seed in range(4):
        results = []
        for L in LIBS:
            a = made(L, *shape, seed=seed).detach()
            if seed % 2:  # small diagonal: blocks of two
                a = a - L.diag_embed(a.diagonal(0, -2, -1)) * 0.999
            a = a + a.mT
            ld, pivots = L.linalg.ldl_factor(a)
            b = made(L, *shape[:-1], 2, seed=9).detach()
            results.append([ld, pivots, L.linalg.ldl_solve(ld, pivots, b), a, b])
        theirs, ours = ([v.numpy() for v in r] for r in results)
        np.testing.assert_array_equal(ours[1], theirs[1])
        np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(ours[3] @ ours[2], ours[4], atol=1e-8)
    with pytest.raises(RuntimeError, match="square"):
        pf.linalg.ldl_factor(pf.zeros(3, 2))
    with pytest.raises(pf.linalg.LinAlgError, match="singular"):
        pf.linalg.ldl_factor(pf.zeros(3, 3))


def test_ldl_solve_has_a_derivative() -> None:
    a = made(pf, 4, 4).detach()
    ld, pivots = pf.linalg.ldl_factor(a + a.mT)
    b = made(pf, 4, 2, seed=1)
    assert pf.autograd.gradcheck(lambda b: pf.linalg.ldl_solve(ld, pivots, b), (b,))


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("general", [True, False])
def test_lobpcg(largest: bool, general: bool) -> None:
    values = []
    for L in LIBS:
        L.manual_seed(0)
        a, b = (made(L, 12, 12, seed=i).detach() for i in (0, 1))
        b = b @ b.mT + L.eye(12).double() if general else None
        a = a @ a.mT + L.eye(12).double()
        e, v = L.lobpcg(a, k=3, B=b, largest=largest, niter=300, tol=1e-12)
        right = v if b is None else b @ v
        np.testing.assert_allclose((a @ v).numpy(), (right * e).numpy(), atol=1e-5)
        values.append(e.numpy())
    np.testing.assert_allclose(values[1], values[0], rtol=1e-7)
    with pytest.raises(ValueError, match="3 x the number"):
        pf.lobpcg(pf.eye(4), k=2)


def test_linear_cross_entropy_module() -> None:
    results = []
    for L in LIBS:
        L.manual_seed(0)
        m = L.nn.LinearCrossEntropyLoss(5, 3, bias=True, label_smoothing=0.1, reduction="sum")
        loss = m(made(L, 4, 5, dtype="float32"), L.tensor([0, 2, 1, 1]))
        results.append((loss.item(), repr(m), sorted(m.state_dict())))
    assert results[1][0] == pytest.approx(results[0][0], rel=1e-6)
    assert results[1][1:] == results[0][1:]


def test_settings() -> None:
    for L in LIBS:
        for mode, number in (("warn", 1), (2, 2), ("default", 0)):
            L.set_deterministic_debug_mode(mode)
            assert L.get_deterministic_debug_mode() == number
            assert L.are_deterministic_algorithms_enabled() == (number != 0)
        with pytest.raises(RuntimeError, match="invalid value of debug_mode"):
            L.set_deterministic_debug_mode("x")
        assert L.get_device(L.ones(1)) == L.ones(1).get_device() == -1
        assert not L.is_inference(L.ones(1))
        assert not L.is_storage(L.ones(1))
        assert not L.ones(1).is_meta
        assert L.get_num_interop_threads() >= 1
        assert L.empty_permuted((2, 3, 4), (0, 2, 1)).stride() == (12, 1, 3)
        x = L.ones(2)
        assert x.to_dense() is x or L is torch
        assert isinstance(x.as_subclass(L.nn.Parameter), L.nn.Parameter)
    f = pf.compile(lambda x: x + 1)
    assert f(pf.ones(1)).item() == 2
    assert pf.compile(fullgraph=True)(f) is f


def test_batch_norms_can_forget_running_statistics() -> None:
    net = pf.nn.Sequential(pf.nn.Linear(3, 4), pf.nn.BatchNorm1d(4))
    assert pf.func.replace_all_batch_norm_modules_(net) is net
    assert net[1].running_mean is None
    assert "1.running_mean" not in net.state_dict()
    x = made(pf, 5, 3, dtype="float32")
    out = pf.func.vmap(lambda x: pf.func.functional_call(net, dict(net.named_parameters()), (x,)))(
        x.unsqueeze(0)
    )
    np.testing.assert_allclose(out[0].detach().numpy(), net.eval()(x).detach().numpy(), rtol=1e-6)


def test_files(tmp_path: Any) -> None:
    path = str(tmp_path / "numbers")
    t = pf.from_file(path, shared=True, size=4, dtype=pf.float64)
    t.fill_(2.5)
    del t
    np.testing.assert_array_equal(
        torch.from_file(path, size=4, dtype=torch.float64).numpy(), [2.5] * 4
    )
    np.testing.assert_array_equal(pf.from_file(path, size=4, dtype=pf.float64).numpy(), [2.5] * 4)
    with pytest.raises(RuntimeError, match="smaller than the required size"):
        pf.from_file(path, size=5, dtype=pf.float64)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: pf.stft(pf.ones(8), 4), NotImplementedError, "complex numbers.*numpy.fft"),
        (lambda: pf.ones(8).stft(4), NotImplementedError, "complex numbers"),
        (lambda: pf.istft(pf.ones(8), 4), NotImplementedError, "numpy.fft.irfft"),
        (lambda: pf.view_as_real(pf.ones(8)), NotImplementedError, "last dimension"),
        (lambda: pf.nn.Linera(3), AttributeError, "no attribute 'Linera'"),
        (lambda: pf.hann_window(-1), RuntimeError, "requires non-negative window_length"),
        (lambda: pf.hann_window(3, dtype=pf.int64), RuntimeError, "expects floating point dtypes"),
        (lambda: pf.gradient(pf.ones(1)), RuntimeError, "edge_order\\+1"),
        (lambda: pf.gradient(pf.ones(3), edge_order=3), RuntimeError, "only supports edge_order"),
        (lambda: pf.frexp(pf.ones(2, dtype=pf.int64)), RuntimeError, "only supports floating-point"),
        (lambda: pf.segment_reduce(pf.ones(3), "sum"), RuntimeError, "lengths or offsets"),
        (lambda: pf.segment_reduce(pf.ones(3), "sum", lengths=pf.tensor([1, 1])), RuntimeError, "sum to data.size"),
        (lambda: pf.segment_reduce(pf.ones(3), "sum", lengths=pf.tensor([4, -1])), RuntimeError, "negative value"),
        (lambda: pf.grid_sampler_2d(pf.ones(2), pf.ones(2), 0, 0, False), RuntimeError, "expected 4D input"),
        (lambda: pf.ones(2, requires_grad=True).exp().as_subclass(pf.nn.Parameter), RuntimeError, "detach"),
        (lambda: pf.nn.LinearCrossEntropyLoss(3, 4, weight=pf.ones(3)), RuntimeError, "expected weight shape"),
    ],
)  # fmt: skip
def test_wrong_use_is_refused(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()
