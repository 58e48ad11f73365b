"""Custom C++ ops: formulas, algorithms, the border, the build."""

from __future__ import annotations

import os
import pickle
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pyforge as pf
from pyforge.autograd import gradcheck, gradgradcheck
from pyforge.diagnose.trace import Op
from pyforge.utils import cpp_extension

FORMULAS = """
PF_UNARY_OP(softsign2, x / (1 + abs(x)), g / square(1 + abs(x)), "x / (1 + |x|)")
PF_UNARY_OP(underived, x * exp(x))
PF_UNARY_OP(root, sqrt(x), g * 0.5 / y)
PF_BINARY_OP(logaddexp2, maximum(a, b) + log1p(exp(-abs(a - b))), g * sigmoid(a - b), g * sigmoid(b - a))
PF_TERNARY_OP(mix3, a + c * (b - a), g * (1 - c), g * c, g * (b - a))
PF_BINARY_OP_1(gap, width, 0.5, where(abs(a - b) < width, 0, a - b), where(abs(a - b) < width, 0, g), where(abs(a - b) < width, 0, -g))
PF_UNARY_OP(cube3, pow(x, 3) + fmod(x, 1000.0), g * (3 * pow(x, 2.0) + 1))
PF_UNARY_OP(gates, relu(x) * silu(x) + softplus(x) * clamp(x, -9, 9), g * (where(x < 0, 0, silu(x)) + relu(x) * sigmoid(x) * (1 + x * (1 - sigmoid(x))) + sigmoid(x) * x + softplus(x)))
PF_UNARY_OP_1(power_law, k, 2.0, pow(abs(x), k), g * k * pow(abs(x), k - 1) * sign(x))
"""

ALGORITHMS = """
#include <pyforge/op.h>
using namespace pyforge;

static Tensor scaled(Context& ctx, const Tensor& x, double factor) {
  ctx.save(x);
  return x * x * factor;
}
static void scaled_backward(Context& ctx) {
  ctx.set_grad(0, ctx.grad() * ctx.saved(0) * (2 * ctx.number("factor")));
}
PF_OP("scaled_square(Tensor x, float factor=1.0) -> Tensor", scaled, scaled_backward, "factor x^2")
PF_OP("once(Tensor x, float factor=1.0) -> Tensor", scaled, scaled_backward,
      OpOptions{.doc = "once", .once_differentiable = true})
PF_OP("no_derivative(Tensor x, float factor=1.0) -> Tensor", scaled, nullptr)

// Raw views, a loop on the pool, two outputs, a derivative by a kernel.
static Tensors<2> both(Context& ctx, const Tensor& x) {
  Tensor in = contiguous(x), up = ctx.empty_like(in), down = ctx.empty_like(in);
  const double* p = in.data<double>();
  double *u = up.mutable_data<double>(), *d = down.mutable_data<double>();
  parallel_for(in.numel(), 1000, [=](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      u[i] = p[i] + 1;
      d[i] = 3 * p[i];
    }
  });
  return {up, down};
}
static void both_backward(Context& ctx) {
  Tensor a = contiguous(ctx.grad(0)), b = contiguous(ctx.grad(1)), g = ctx.empty_like(a);
  for (int64_t i = 0; i < g.numel(); ++i)
    g.mutable_data<double>()[i] = a.data<double>()[i] + 3 * b.data<double>()[i];
  ctx.set_grad(0, g);
}
PF_OP("both(Tensor x) -> (Tensor up, Tensor down)", both, both_backward)

static Tensor attributes(Context& ctx, const Tensor& x, const Tensor& bias, Ints dims, Floats fs,
                         Bools bs, String mode, Optional<int64_t> n) {
  PF_CHECK(mode == "sum", PF_VALUE_ERROR, "attributes: unknown mode of ", mode.size(), " letters");
  Tensor y = sum(x, dims) * fs[0];
  if (bs[0] && bias.defined()) y = y + bias;
  return y + static_cast<double>(n.value_or(0));
}
PF_OP("attributes(Tensor x, Tensor? bias=None, *, int[] dims=[0], float[] fs=[2.0], bool[] bs=[True],"
      " str mode='sum', int? n=None) -> Tensor", attributes, nullptr)

static Tensor double_it(Context&, const Tensor& x) {
  for (int64_t i = 0; i < x.numel(); ++i) x.mutable_data<double>()[i] *= 2;
  return x;
}
static void double_backward(Context& ctx) { ctx.set_grad(0, ctx.grad() * 2.0); }
PF_OP("double_(Tensor(a!) x) -> Tensor(a!)", double_it, double_backward)

static Tensor total(Context&, Span<Tensor> all) {
  Tensor y = all[0];
  for (int64_t i = 1; i < all.size(); ++i) y = y + all[i];
  return all.size() == 1 ? clone(y) : y;
}
static void total_backward(Context& ctx) {
  for (int i = 0; ctx.needs(0, i); ++i) ctx.set_grad(0, i, ctx.grad());
}
PF_OP("total(Tensor[] all) -> Tensor", total, total_backward)

static void rule(ShapeRule& r) { r.like(0, 0); }
static Tensor wrong_shape(Context& ctx, const Tensor& x) { return ctx.empty(Sizes(x.numel() + 1), x.dtype()); }
static void bad_gradient(Context& ctx) { ctx.set_grad(0, ctx.empty(Sizes(7), DType::Float64)); }
PF_OP("wrong_shape(Tensor x) -> Tensor", wrong_shape, nullptr, OpOptions{.shape = PF_SHAPE(rule)})
PF_OP("wrong_gradient(Tensor x) -> Tensor", scaled_one, bad_gradient)
static Tensor same(Context&, const Tensor& x) { return x; }
PF_OP("aliasing(Tensor x) -> Tensor", same, nullptr)
static Tensor throws(Context&, const Tensor& x) {
  parallel_for(100000, 10, [](int64_t, int64_t) { throw Error("inside the loop"); });
  return x;
}
PF_OP("throws(Tensor x) -> Tensor", throws, nullptr)
static Tensors<2> two(Context&, const Tensor& x) { return {x * 1.0, x * 2.0}; }
PF_OP("too_many(Tensor x) -> Tensor", two, nullptr)
static void seventh(Context& ctx) { ctx.set_grad(7, ctx.grad()); }
PF_OP("no_such_gradient(Tensor x) -> Tensor", scaled_one, seventh)
static void of_factor(Context& ctx) { ctx.set_grad(1, ctx.grad()); }
PF_OP("gradient_of_a_number(Tensor x, float factor=1.0) -> Tensor", scaled, of_factor)
""".replace(
    "static void bad_gradient",
    "static Tensor scaled_one(Context&, const Tensor& x) { return x * 1.0; }\nstatic void bad_gradient",
)


@pytest.fixture(scope="module")
def formulas() -> Iterator[Any]:
    library = cpp_extension.load_inline("test_formulas", FORMULAS)
    yield library
    library.unload()


@pytest.fixture(scope="module")
def ext(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    path = tmp_path_factory.mktemp("ext") / "algorithms.cpp"
    path.write_text(ALGORITHMS)
    build = cpp_extension._cache_root()
    library = cpp_extension.load("test_algorithms", str(path), build_directory=build)
    yield library
    library.unload()


def randn(*shape: int) -> Any:
    return pf.randn(shape, dtype=pf.float64).requires_grad_()


@pytest.mark.parametrize(
    ("name", "shapes"),
    [("softsign2", [(5, 3)]), ("gap", [(5, 3), (5, 1)]), ("cube3", [(5, 3)]), ("gates", [(5, 3)]), ("logaddexp2", [(5, 3), (3,)]), ("mix3", [(5, 3), (3,), (5, 1)]),
     ("power_law", [()])],
)  # fmt: skip
def test_formula(formulas: Any, name: str, shapes: list[tuple[int, ...]]) -> None:
    op = getattr(formulas, name)
    args = tuple(randn(*s) for s in shapes)
    assert gradcheck(op, args)
    assert gradgradcheck(op, args)
    assert op(*args).grad_fn.name() == name.title().replace("_", "") + "Backward0"
    big = pf.randn(40, 70).t()
    rest = [pf.randn(1, 40) for _ in shapes[1:]]
    assert pf.equal(op(big, *rest), op(big.contiguous(), *rest))
    inplace = getattr(formulas, name + "_")
    want, x = op(big, *rest), big.clone()
    assert inplace(x, *rest) is x
    assert pf.equal(x, want)
    assert op(big[:0], *rest).shape == (0, 40)


@pytest.mark.parametrize("create_graph", [False, True])
def test_masked_elements_of_a_formula(formulas: Any, create_graph: bool) -> None:
    def gradient() -> list[float]:
        x = pf.tensor([-1.0, 0.0, 4.0], requires_grad=True)
        y = pf.where(x > 0, formulas.root(x), pf.zeros(3))
        return pf.autograd.grad(y.sum(), x, create_graph=create_graph)[0].tolist()

    assert gradient() == [0.0, 0.0, 0.25]
    with pf.autograd.singular_points("torch"):
        assert str(gradient()) == "[nan, nan, 0.25]"


def test_names_docs_and_pickles(formulas: Any) -> None:
    assert pf.ops.softsign2(pf.ones(2)).tolist() == [0.5, 0.5]
    assert "x / (1 + |x|)" in formulas.softsign2.__doc__
    assert pickle.loads(pickle.dumps(formulas.softsign2))(pf.ones(1)).item() == 0.5
    with pytest.raises(AttributeError, match="no custom op 'nothing'"):
        pf.ops.nothing  # noqa: B018
    source = formulas.softsign2(randn(2)).grad_fn.source
    assert "test_cpp_extension.py" in source


def test_stub(formulas: Any, ext: Any) -> None:
    text = cpp_extension.stub(ext)
    compile(text, "stub.pyi", "exec")
    assert "def scaled_square(x: Tensor, factor: float = 1.0) -> Tensor:" in text
    assert "def both(x: Tensor) -> _both_result:" in text
    assert "class _both_result(NamedTuple):\n    up: Tensor\n    down: Tensor" in text
    assert "bias: Tensor | None = None, *, dims: int | Sequence[int] = [0]" in text
    formula = cpp_extension.stub(formulas)
    assert '    """x / (1 + |x|)"""' in formula
    assert "def mix3(input: Tensor | float, other: Tensor | float" in formula


def test_custom_ops_are_traced(formulas: Any) -> None:
    from pyforge import _C

    _C._take_trace()
    _C._set_trace(10)
    try:
        formulas.softsign2(pf.ones(3))
        late = cpp_extension.load_library("test_formulas", formulas.__file__)
        late.softsign2(pf.ones(3))
    finally:
        _C._set_trace(0)
    assert [row.name for row in map(Op, _C._take_trace())].count("softsign2") == 2


def test_custom_ops_are_profiled(formulas: Any) -> None:
    x = randn(3)
    with pf.profiler.profile(record_shapes=True) as prof:
        formulas.softsign2(x).sum().backward()
    events = {e.name: e for e in prof.events()}
    assert events["softsign2"].input_shapes == [[3]]
    assert events["Softsign2Backward0"].forward is events["softsign2"]


def test_missing_and_single_derivatives(formulas: Any, ext: Any) -> None:
    for op in (formulas.underived, ext.no_derivative):
        with pytest.raises(RuntimeError, match=f"derivative for {op.__name__} is not implemented"):
            op(randn(2)).sum().backward()
    x = randn(2)
    y = ext.once(x).sum()
    with pytest.raises(RuntimeError, match="once"):
        pf.autograd.grad(y, x, create_graph=True)
    (g,) = pf.autograd.grad((ext.both(x)[0] * randn(2)).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiate twice through both"):
        g.sum().backward()


def test_algorithm(ext: Any) -> None:
    assert gradcheck(lambda x: ext.scaled_square(x, 3.0), (randn(4),))
    assert gradgradcheck(lambda x: ext.scaled_square(x, factor=3.0), (randn(4),))
    assert gradcheck(lambda x: tuple(ext.both(x)), (randn(4),))
    result = ext.both(pf.ones(3, dtype=pf.float64))
    assert result.down.tolist() == [3.0] * 3
    assert gradcheck(lambda *x: ext.total(x), (randn(3), randn(3)))
    x = pf.ones(2, 3, dtype=pf.float64)
    assert ext.attributes(x, pf.ones(3)).tolist() == [5.0] * 3
    assert ext.attributes(x, dims=[1], fs=[0.5], bs=[False], n=1).tolist() == [2.5] * 2
    with pytest.raises(ValueError, match="unknown mode of 4 letters"):
        ext.attributes(x, mode="mean")
    with pytest.raises(TypeError, match="'fs' must be tuple of floats"):
        ext.attributes(x, fs=["a"])


def test_in_place(ext: Any) -> None:
    leaf = randn(3)
    y = leaf * 1
    version = y._version
    assert ext.double_(y) is y
    assert y._version > version
    y.sum().backward()
    assert leaf.grad.tolist() == [2.0] * 3
    with pytest.raises(RuntimeError, match="leaf Variable"):
        ext.double_(leaf)


@pytest.mark.parametrize(
    ("name", "text"),
    [("wrong_shape", r"has shape \[4\], but its shape rule says \[3\]"),
     ("aliasing", "shares memory with an argument"), ("throws", "inside the loop"),
     ("too_many", "returned 2 tensors, but its schema says 1")],
)  # fmt: skip
def test_mistakes_are_caught(ext: Any, name: str, text: str) -> None:
    with pytest.raises(RuntimeError, match=text):
        getattr(ext, name)(pf.zeros(3))


def test_wrong_gradient(ext: Any) -> None:
    with pytest.raises(RuntimeError, match=r"invalid gradient at index 0 - got \[7\]"):
        ext.wrong_gradient(randn(3)).sum().backward()
    with pytest.raises(RuntimeError, match="set_grad: there is no parameter 7"):
        ext.no_such_gradient(randn(3)).sum().backward()
    with pytest.raises(RuntimeError, match="set_grad: parameter 1 is not a tensor"):
        ext.gradient_of_a_number(randn(3)).sum().backward()


def test_unloading(formulas: Any) -> None:
    path, x = formulas.__file__, randn(3)
    ext = cpp_extension.load_library("test_formulas", path)
    z = ext.softsign2(x)
    memory = resident()
    for _ in range(1000):
        again = cpp_extension.load_library("test_formulas", path)
        again.unload()
    kept_by_sanitizer = "libasan" in os.environ.get("LD_PRELOAD", "")
    assert kept_by_sanitizer or resident() - memory < 4 << 20
    assert "softsign2" not in dir(pf.ops)
    z.sum().backward()  # the graph keeps the code
    assert x.grad is not None
    cpp_extension.load_library("test_formulas", path)


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


LOAD = """
import sys
from pyforge.utils import cpp_extension
ext = cpp_extension.load_inline("made", "PF_UNARY_OP(made, x * 2, g * 2)", build_directory=sys.argv[1])
import pyforge as pf
assert ext.made(pf.ones(1)).item() == 2
"""


def start(directory: Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", LOAD, str(directory)],
        env={**os.environ, **environment}, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def test_two_processes_and_a_killed_build(tmp_path: Path) -> None:
    slow = tmp_path / "slow-c++"
    slow.write_text("#!/bin/sh\nsleep 60\n")
    slow.chmod(0o755)
    killed = start(tmp_path, CXX=str(slow))
    deadline = time.monotonic() + 30
    while not list(tmp_path.glob("*.build")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    slow.write_text('#!/bin/sh\nexec c++ "$@"\n')
    both = [start(tmp_path, CXX=str(slow)) for _ in range(2)]
    for process in both:
        error = process.communicate(timeout=100)[1]
        assert process.returncode == 0, error


def test_compiler_errors(tmp_path: Path) -> None:
    with pytest.raises(cpp_extension.CompilationError, match=r"bad\.cpp:2:"):
        cpp_extension.load_inline(
            "bad", "\nint f() { return nonsense; }", build_directory=str(tmp_path)
        )
    for word, text in (
        ("PF_UNARY_OP(bad, x * z)", r".z. was not declared"),
        ("PF_UNARY_OP(bad, x * x, 2 * x)", "must use g, the gradient of the result"),
        ("int unused;", "has no op"),
    ):
        with pytest.raises(RuntimeError, match=text) as caught:
            cpp_extension.load_inline("bad", word, build_directory=str(tmp_path))
        assert len(str(caught.value).splitlines()) < 12, caught.value


def test_compilers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, folder = "PF_UNARY_OP(made, x * 2, g * 2)", str(tmp_path / "cache")
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(
        RuntimeError, match=r"CXX names a C\+\+ compiler that is not there: no-such"
    ):
        cpp_extension.load_inline("made", source, build_directory=folder)
    monkeypatch.setenv("CXX", "false")
    with pytest.raises(cpp_extension.CompilationError, match=r"false .* failed"):
        cpp_extension.load_inline("made", source, build_directory=folder)
    monkeypatch.setenv("CXX", "env c++")  # a launcher before it
    cpp_extension.load_inline("made", source, build_directory=folder)
    monkeypatch.setenv("CXX", "no-such-compiler")  # what is built needs none
    assert (
        cpp_extension.load_inline("made", source, build_directory=folder).made(2.0 * pf.ones(1))
        == 4
    )
    monkeypatch.delenv("CXX")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="Install one, such as 'apt install g"):
        cpp_extension.load_inline("other", source, build_directory=folder)
    (tmp_path / "file").touch()
    monkeypatch.setenv("PYFORGE_CACHE_DIR", str(tmp_path / "file" / "folder"))
    with pytest.raises(RuntimeError, match="name another folder in the variable PYFORGE_CACHE_DIR"):
        cpp_extension.load_inline("made", source)


def test_incompatible_interface_is_refused(tmp_path: Path) -> None:
    source = """#include <pyforge/pyforge_op.h>
extern "C" __attribute__((visibility("default"))) const pf_library_info pyforge_op_library;
const pf_library_info pyforge_op_library = {sizeof(pf_library_info), %d, 0, nullptr};"""
    for major, advice in ((0, "build the library again"), (99, "upgrade pyforge")):
        with pytest.raises(RuntimeError, match=advice):
            cpp_extension.load_inline("old", source % major, build_directory=str(tmp_path),
                                      extra_cflags=["-DPYFORGE_NO_EXPORT"])  # fmt: skip


def test_headers_that_are_installed() -> None:
    """The package has of the kernels' headers those that the public ones include."""
    root = Path(cpp_extension.include_paths()[1])
    lists = root.parent / "CMakeLists.txt"
    if root.name != "csrc" or not lists.exists():
        pytest.skip("needs the repository")
    block = re.search(r"install\(DIRECTORY csrc/kernels.*?\)\n", lists.read_text(), re.DOTALL)
    patterns = [p.replace("\\\\", "\\") for p in re.findall(r'REGEX "(.*?)"', block.group(0))]
    needed, waiting = set(), [root / "include/pyforge/formula.h"]
    while waiting:
        path = waiting.pop()
        needed.add(path)
        for name in re.findall(r'#include "([^"]+)"', path.read_text()):
            found = [f for f in (root / name, path.parent / name) if f.exists()]
            waiting += [f for f in found if f not in needed]
    kernels = {f for f in needed if f.parent.name == "kernels"}
    files = [*(root / "kernels").glob("*.h"), *(root / "kernels").glob("*.inc")]
    assert {f for f in files if any(re.search(p, str(f)) for p in patterns)} == kernels


def test_changed_header_is_built_again(tmp_path: Path) -> None:
    source, header = tmp_path / "op.cpp", tmp_path / "factor.h"
    source.write_text(
        '#include <pyforge/formula.h>\n#include "factor.h"\nPF_UNARY_OP(times, x * FACTOR)'
    )
    for factor in (2, 3, 2):
        header.write_text(f"#define FACTOR {factor}")
        ext = cpp_extension.load("times", [str(source)], build_directory=str(tmp_path / "b"))
        assert ext.times(pf.ones(1)).item() == factor
    assert len(list((tmp_path / "b").glob("*.so"))) == 2
