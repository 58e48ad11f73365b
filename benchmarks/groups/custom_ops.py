"""An op of one's own in C++, with its derivative: building, loading, calling, its length."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from ..case import Case, Step

PYFORGE = """\
from pyforge.utils.cpp_extension import load_inline
ext = load_inline("bench", "PF_UNARY_OP(bench_op, x / (1 + abs(x)), g / square(1 + abs(x)))")
op = ext.bench_op
"""
# As PyTorch's tutorial has it; its own derivative formula is not recorded a second time.
TORCH = """\
import torch
from torch.utils.cpp_extension import load_inline
source = '''
struct BenchOp : torch::autograd::Function<BenchOp> {
  static at::Tensor forward(torch::autograd::AutogradContext* ctx, const at::Tensor& x) {
    ctx->save_for_backward({x});
    return x / (1 + x.abs());
  }
  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* ctx,
                                               torch::autograd::tensor_list grads) {
    at::Tensor bottom = 1 + ctx->get_saved_variables()[0].abs();
    return {grads[0] / (bottom * bottom)};
  }
};
at::Tensor bench_op(const at::Tensor& x) { return BenchOp::apply(x); }
'''
ext = load_inline("bench", source, functions=["bench_op"])
op = ext.bench_op
"""
SOURCES = {"pyforge": PYFORGE, "torch": TORCH}
# Where the extension is built; PyTorch's time to import itself is not counted.
TIMED = """
import json, os, sys, time
folder, source = json.loads(sys.argv[1])
os.environ["PYFORGE_CACHE_DIR"] = os.environ["TORCH_EXTENSIONS_DIR"] = folder
import {0} as P
if P.__name__ == "torch":
    import torch.utils.cpp_extension
start = time.perf_counter()
scope = {{}}
exec(source, scope)
elapsed = time.perf_counter() - start
scope["op"](P.ones(3, requires_grad=True)).sum().backward()
print(elapsed)
"""


def elapsed(P: Any, folder: str) -> float:
    """Seconds to build and load, in an interpreter of its own."""
    name = P.__name__
    done = subprocess.run(
        [sys.executable, "-c", TIMED.format(name), json.dumps([folder, SOURCES[name]])],
        cwd=Path(P.__file__).parents[1], stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return float(done.stdout.splitlines()[-1])


def cold(P: Any) -> Step:
    def measure() -> float:
        with tempfile.TemporaryDirectory() as folder:
            return elapsed(P, folder)

    return Step(measure=measure)


def cached(P: Any) -> Step:
    folder = tempfile.TemporaryDirectory()
    elapsed(P, folder.name)
    return Step(measure=lambda: elapsed(P, folder.name))


def lines(P: Any) -> Step:
    return Step(measure=lambda: float(len(SOURCES[P.__name__].splitlines())))


@cache
def op_of(name: str) -> Callable[[Any], Any]:
    scope: dict[str, Any] = {}
    exec(SOURCES[name], scope)
    found: Callable[[Any], Any] = scope["op"]
    return found


def call(P: Any, x: Any) -> Callable[[], Any]:
    op, t = op_of(P.__name__), P.tensor(x)
    return lambda: op(t)


def train(P: Any, x: Any) -> Callable[[], Any]:
    op, t = op_of(P.__name__), P.tensor(x, requires_grad=True)
    return lambda: P.autograd.grad(op(t).sum(), t)[0]


def seconds(f: Callable[[], Any], repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        f()
    return (time.perf_counter() - start) / repeats


def beyond_built_in(P: Any, x: Any) -> Step:
    """What the call of a custom op costs more than that of a built-in one with one argument."""
    op, t = op_of(P.__name__), P.tensor(x)
    return Step(
        measure=lambda: seconds(lambda: op(t), 20_000) - seconds(lambda: P.square(t), 20_000)
    )


def against_built_in(P: Any, x: Any) -> Step:
    """The absolute value, written as an op of one's own and built in, in turns."""
    from pyforge.utils.cpp_extension import load_inline

    op = load_inline("bench_abs", "PF_UNARY_OP(bench_abs, abs(x), g * sign(x))").bench_abs
    t = P.tensor(x)

    def measure() -> float:
        return statistics.median(
            seconds(lambda: op(t), 1) / seconds(lambda: P.abs(t), 1) for _ in range(11)
        )

    return Step(measure=measure)


def floats(rng: Any, n: int) -> tuple[Any, ...]:
    return (rng.standard_normal(n).astype("float32"),)


def case(
    name: str, build: Any, engines: tuple[str, ...] = ("pyforge", "torch"), **more: Any
) -> Case:
    return Case(name, dict.fromkeys(engines, build), **more)


CASES = [
    case("build and load a one-line op, cold", cold, once=True, rounds=1, at_most=2.0),
    case("load it again, cached", cached, once=True, rounds=3, at_most=0.020),
    case("lines of the program", lines, once=True, rounds=1, unit="lines"),
    case("call with 4 floats", call, inputs=partial(floats, n=4), calls=1),
    case("call and gradient, 4 floats", train, inputs=partial(floats, n=4)),
    case("call and gradient, 1e6 floats", train, inputs=partial(floats, n=1_000_000)),
    case(
        "call, beyond a built-in op's", beyond_built_in, ("pyforge",),
        inputs=partial(floats, n=4), once=True, at_most=0.2e-6,
    ),
    case(
        "abs of 1e7 floats, times the built-in's time", against_built_in, ("pyforge",),
        inputs=partial(floats, n=10_000_000), unit="x", at_most=1.1, rounds=5,
    ),
]  # fmt: skip
