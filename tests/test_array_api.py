"""The Python array API standard and DLPack: results against NumPy, which follows the standard."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import pytest

import pyforge as pf
from pyforge import array_api as xp

X = np.array([[1.5, -2.0, 0.5], [3.0, -0.25, 2.0]])
N = np.array([[3, -1, 2], [2, 2, -5]])
V = np.array([2.0, 1.0, 2.0, 0.0])
B = np.array([True, False, True])
S = np.array([[2.0, 0.5], [0.5, 1.0]])

CASES: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("arange", (5,), {}), ("arange", (2, 9, 3), {}), ("arange", (5, 2), {}), ("arange", (1, 0, -0.5), {}),
    ("zeros", ((2, 3),), {}), ("ones", (2,), {}), ("full", (2, 7), {}), ("full", ((1, 2), 0.5), {}),
    ("eye", (3,), {}), ("eye", (2, 4), {"k": 1}), ("eye", (2, 2), {"k": -5}),
    ("linspace", (0.0, 1.0, 5), {}), ("linspace", (0.0, 1.0, 4), {"endpoint": False}),
    ("meshgrid", (V, B), {}), ("meshgrid", (V, B), {"indexing": "ij"}),
    ("tril", (X,), {}), ("triu", (X,), {"k": 1}), ("zeros_like", (X,), {}), ("full_like", (X, 3), {}),
    ("abs", (N,), {}), ("bitwise_invert", (B,), {}), ("ceil", (X,), {}), ("round", (X,), {}),
    ("logical_not", (B,), {}), ("signbit", (X,), {}), ("sign", (N,), {}), ("square", (N,), {}),
    ("add", (X, 1.0), {}), ("subtract", (2, N), {}), ("divide", (1.0, X), {}), ("pow", (X, 2.0), {}),
    ("equal", (N, 2), {}), ("equal", (N, N), {}), ("less_equal", (X, 0.5), {}), ("atan2", (X, X[0]), {}),
    ("floor_divide", (N, 2), {}), ("remainder", (N, 3), {}), ("bitwise_left_shift", (N, 2), {}),
    ("maximum", (X, 0.0), {}), ("copysign", (X, -1.0), {}), ("hypot", (X, X), {}), ("logical_xor", (B, True), {}),
    ("where", (B, 1.0, X), {}), ("clip", (X,), {"min": 0.0}), ("clip", (X, -1.0, 1.0), {}),
    ("broadcast_to", (B, (2, 3)), {}), ("broadcast_arrays", (X, B), {}),
    ("concat", ([X, X],), {}), ("concat", ([X, V],), {"axis": None}), ("stack", ([V, V],), {"axis": -1}),
    ("unstack", (X,), {"axis": 1}), ("expand_dims", (V,), {"axis": (0, -1)}), ("squeeze", (X[:1], 0), {}),
    ("flip", (X,), {}), ("flip", (X,), {"axis": 1}), ("permute_dims", (X, (1, 0)), {}),
    ("matrix_transpose", (X,), {}), ("moveaxis", (X[None], 0, 2), {}), ("tile", (V, (2, 1)), {}),
    ("repeat", (X, 2), {"axis": 1}), ("repeat", (V, 3), {}), ("reshape", (X, (3, -1)), {"copy": True}),
    ("roll", (X, 1), {}), ("roll", (X, (1, 2)), {"axis": (0, 1)}), ("roll", (X, -1), {"axis": 1}),
    ("take", (X, np.array([0, -1])), {"axis": 1}), ("take", (V, np.array([2])), {}),
    ("take_along_axis", (X, np.array([[0], [-1]])), {}),
    ("sum", (N,), {}), ("sum", (X,), {"axis": (0, 1)}), ("sum", (B,), {}), ("sum", (X,), {"axis": 1, "keepdims": True}),
    ("sum", (X,), {"axis": ()}), ("prod", (X,), {}), ("prod", (N,), {"axis": (0, 1), "keepdims": True}),
    ("mean", (X,), {"axis": 0}), ("var", (X,), {}), ("var", (X,), {"axis": 1, "correction": 1}),
    ("std", (X,), {"correction": 0.5, "keepdims": True}), ("max", (X,), {}), ("min", (N,), {"axis": (0,)}),
    ("all", (B,), {}), ("any", (N,), {"axis": (0, 1)}), ("all", (X,), {"axis": 1, "keepdims": True}),
    ("count_nonzero", (B,), {}), ("argmax", (X,), {}), ("argmin", (X,), {"axis": 0, "keepdims": True}),
    ("argmax", (X,), {"keepdims": True}), ("nonzero", (B,), {}), ("searchsorted", (X[0, :1], V), {"side": "right"}),
    ("argsort", (V,), {}), ("sort", (X,), {"axis": 0}), ("cumulative_sum", (N,), {"axis": 1}),
    ("cumulative_sum", (V,), {"include_initial": True}), ("cumulative_prod", (X,), {"axis": 0, "include_initial": True}),
    ("diff", (X,), {}), ("diff", (V,), {"n": 2}), ("diff", (X,), {"prepend": X[:, :1]}),
    ("unique_values", (V,), {}), ("unique_counts", (V,), {}), ("unique_inverse", (N,), {}), ("unique_all", (N,), {}),
    ("isin", (N, np.array([2])), {}), ("matmul", (X, X.T), {}), ("tensordot", (X, X), {"axes": ((0,), (0,))}),
    ("vecdot", (X, X), {}), ("vecdot", (X, X), {"axis": 0}),
    ("linalg.det", (S,), {}), ("linalg.eigh", (S,), {}), ("linalg.solve", (S, V[:2]), {}),
    ("linalg.solve", (S, S), {}), ("linalg.cholesky", (S,), {"upper": True}), ("linalg.slogdet", (S,), {}),
    ("linalg.matrix_norm", (X,), {}), ("linalg.vector_norm", (X,), {"axis": 1}), ("linalg.vector_norm", (X,), {"ord": 1}),
    ("linalg.matrix_rank", (S,), {}), ("linalg.trace", (X,), {"offset": 1}), ("linalg.diagonal", (X,), {}),
    ("linalg.pinv", (X,), {}), ("linalg.outer", (V, V), {}), ("linalg.svdvals", (X,), {}), ("linalg.inv", (S,), {}),
]  # fmt: skip


def convert(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return pf.asarray(value, copy=True)
    if isinstance(value, list):
        return [convert(v) for v in value]
    return value


def check(found: Any, want: Any, floats: bool) -> None:
    if isinstance(want, (tuple, list)):
        assert len(found) == len(want)
        assert getattr(found, "_fields", None) == getattr(want, "_fields", None)
        for f, w in zip(found, want, strict=True):
            check(f, w, floats)
        return
    want = np.asarray(want)
    assert isinstance(found, pf.Tensor)
    assert tuple(found.shape) == want.shape
    kind = str(found.dtype).rpartition(".")[2]
    if floats or want.dtype.kind != "f":  # new arrays are float32 in pyforge
        assert kind == want.dtype.name
    np.testing.assert_allclose(found.numpy(), want, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("name", "args", "options"), CASES, ids=[c[0] for c in CASES])
def test_results(name: str, args: tuple[Any, ...], options: dict[str, Any]) -> None:
    ours: Any = xp
    theirs: Any = np
    for part in name.split("."):
        ours, theirs = getattr(ours, part), getattr(theirs, part)
    with np.errstate(all="ignore"):
        want = theirs(*args, **options)
    given = {k: convert(v) for k, v in options.items()}
    check(ours(*map(convert, args), **given), want, any(isinstance(a, np.ndarray) for a in args))


STANDARD = [
    "abs",
    "acos",
    "acosh",
    "add",
    "all",
    "any",
    "arange",
    "argmax",
    "argmin",
    "argsort",
    "asarray",
    "asin",
    "asinh",
    "astype",
    "atan",
    "atan2",
    "atanh",
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "broadcast_arrays",
    "broadcast_to",
    "can_cast",
    "ceil",
    "clip",
    "concat",
    "conj",
    "copysign",
    "cos",
    "cosh",
    "count_nonzero",
    "cumulative_prod",
    "cumulative_sum",
    "diff",
    "divide",
    "e",
    "empty",
    "empty_like",
    "equal",
    "exp",
    "expand_dims",
    "expm1",
    "eye",
    "finfo",
    "flip",
    "floor",
    "floor_divide",
    "from_dlpack",
    "full",
    "full_like",
    "greater",
    "greater_equal",
    "hypot",
    "iinfo",
    "imag",
    "inf",
    "isdtype",
    "isfinite",
    "isinf",
    "isnan",
    "less",
    "less_equal",
    "linspace",
    "log",
    "log10",
    "log1p",
    "log2",
    "logaddexp",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "matmul",
    "matrix_transpose",
    "max",
    "maximum",
    "mean",
    "meshgrid",
    "min",
    "minimum",
    "moveaxis",
    "multiply",
    "nan",
    "negative",
    "newaxis",
    "nextafter",
    "nonzero",
    "not_equal",
    "ones",
    "ones_like",
    "permute_dims",
    "pi",
    "positive",
    "pow",
    "prod",
    "real",
    "reciprocal",
    "remainder",
    "repeat",
    "reshape",
    "result_type",
    "roll",
    "round",
    "searchsorted",
    "sign",
    "signbit",
    "sin",
    "sinh",
    "sort",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "std",
    "subtract",
    "sum",
    "take",
    "take_along_axis",
    "tan",
    "tanh",
    "tensordot",
    "tile",
    "tril",
    "triu",
    "trunc",
    "unique_all",
    "unique_counts",
    "unique_inverse",
    "unique_values",
    "unstack",
    "var",
    "vecdot",
    "where",
    "zeros",
    "zeros_like",
    "__array_namespace_info__",
]
LINALG = [
    "cholesky",
    "cross",
    "det",
    "diagonal",
    "eigh",
    "eigvalsh",
    "inv",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "svd",
    "svdvals",
    "tensordot",
    "trace",
    "vecdot",
    "vector_norm",
]


def test_every_name_of_the_standard_is_there() -> None:
    assert [n for n in STANDARD if not hasattr(xp, n)] == []
    assert [n for n in LINALG if not hasattr(xp.linalg, n)] == []
    assert set(STANDARD) <= set(xp.__all__)
    assert all(hasattr(xp, n) for n in xp.__all__)


def test_dtypes() -> None:
    x = pf.ones(2, dtype=pf.float32)
    assert x.__array_namespace__() is xp
    assert x.__array_namespace__(api_version="2023.12") is xp
    with pytest.raises(ValueError, match="1999"):
        x.__array_namespace__(api_version="1999.01")
    assert xp.isdtype(pf.int8, ("bool", "signed integer"))
    assert xp.isdtype(pf.float64, pf.float64)
    assert not xp.isdtype(pf.bool, "numeric")
    with pytest.raises(ValueError, match="unknown kind"):
        xp.isdtype(pf.bool, "text")
    assert xp.result_type(pf.int8, pf.ones(1, dtype=pf.uint8), 1) == pf.int16
    assert xp.result_type(x, 2.0) == pf.float32
    assert xp.can_cast(pf.int8, pf.int16)
    assert not xp.can_cast(pf.ones(1), pf.int16)
    assert xp.finfo(x).dtype == pf.float32
    assert xp.iinfo(pf.int8).max == 127
    info = xp.__array_namespace_info__()
    assert list(info.dtypes(kind="real floating")) == ["float32", "float64"]
    assert info.default_dtypes()["integral"] == pf.int64
    assert info.default_device() == x.device
    assert xp.astype(x, pf.float32, copy=False) is x
    assert xp.astype(x, pf.float32) is not x
    assert x.to_device("cpu") is x
    with pytest.raises(TypeError, match="no common dtype"):
        xp.add(pf.ones(1, dtype=pf.int32), 0.5)


def test_derivatives_go_through() -> None:
    x = pf.tensor([1.0, 2.0], requires_grad=True)
    xp.sum(xp.multiply(2.0, xp.where(x > 1.5, x, 0.0)) + xp.std(x)).backward()
    assert x.grad is not None
    assert x.grad.tolist() == [-1.0, 3.0]


class Exporter:
    """Another library's array, as of DLPack before 1.0 or after."""

    def __init__(self, array: np.ndarray, old: bool = False) -> None:
        self.array, self.old = array, old
        self.asked: dict[str, Any] = {}

    def __dlpack__(self, **wishes: Any) -> Any:
        self.asked = wishes
        if self.old and wishes:
            raise TypeError("unexpected keyword argument")
        return self.array.__dlpack__(**wishes)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)


@pytest.mark.parametrize("old", [False, True])
def test_dlpack_copies(old: bool) -> None:
    a = np.arange(4.0)
    shared, copied = pf.from_dlpack(Exporter(a, old)), pf.from_dlpack(Exporter(a, old), copy=True)
    kept = pf.from_dlpack(Exporter(a, old), copy=False, device="cpu")
    a[0] = 5.0
    assert shared[0].item() == kept[0].item() == 5.0
    assert copied[0].item() == 0.0
    with pytest.raises(RuntimeError, match="cuda"):
        pf.from_dlpack(a, device="cuda")


def test_dlpack_out() -> None:
    x = pf.arange(4.0)
    shared, copied = np.from_dlpack(x), np.from_dlpack(x, copy=True)
    x[0] = 5.0
    assert shared[0] == 5.0
    assert copied[0] == 0.0
    with pytest.raises(BufferError, match="device"):
        x.__dlpack__(dl_device=(2, 0))
    with pytest.raises(BufferError, match="require gradient"):
        np.from_dlpack(pf.ones(1, requires_grad=True))
    assert pf.from_dlpack(x, copy=True).data_ptr() != x.data_ptr()
    assert pf.from_dlpack(x).data_ptr() == x.data_ptr()


def test_dlpack_keeps_read_only_memory_unwritten() -> None:
    a = np.arange(3.0)
    a.flags.writeable = False
    x = pf.from_dlpack(a)
    with pytest.raises(RuntimeError, match="read-only"):
        x += 1
    back = np.from_dlpack(x)
    assert not back.flags.writeable
    with pytest.raises(BufferError, match="read-only"):
        x.__dlpack__()
    assert pf.from_dlpack(a, copy=True).add_(1).tolist() == [1.0, 2.0, 3.0]


def test_dlpack_frees_the_memory_with_its_last_user() -> None:
    a = np.arange(3.0)
    alive = weakref.ref(a)
    x = pf.from_dlpack(a)[1:]
    del a
    assert x.tolist() == [1.0, 2.0]
    assert alive() is not None
    del x
    assert alive() is None


class Interface:
    """An array by ``__array_interface__`` alone."""

    def __init__(self, array: np.ndarray) -> None:
        self.kept = array
        self.__array_interface__ = array.__array_interface__


def test_asarray() -> None:
    a = np.arange(3.0)
    assert pf.asarray(a).data_ptr() == a.ctypes.data
    assert pf.asarray(a, copy=True).data_ptr() != a.ctypes.data
    assert pf.asarray(Interface(a)).tolist() == [0.0, 1.0, 2.0]
    assert pf.asarray(memoryview(a)).data_ptr() == a.ctypes.data
    assert pf.asarray([pf.tensor(1), pf.tensor(2)]).dtype == pf.int64
    assert pf.asarray(np.float32(2)).dtype == pf.float32
    assert pf.asarray(3).dtype == pf.int64
    x = pf.ones(2, requires_grad=True)
    assert not pf.asarray(x * 2).requires_grad
    with pytest.raises(ValueError, match="can't alias"):
        pf.asarray([1, 2], copy=False)
    with pytest.raises(ValueError, match="into dtype"):
        pf.asarray(a, dtype=pf.float32, copy=False)
