"""Writes docs/parity.md: which names of PyTorch's public namespaces pyforge has.

python tools/parity.py            write the page; needs PyTorch
python tools/parity.py --check    fail if a name that the page lists as there is missing
"""

from __future__ import annotations

import importlib
import re
import sys
import types
import warnings
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
PAGE = ROOT / "docs" / "parity.md"

NAMESPACES = [
    "", "Tensor", "nn", "nn.functional", "nn.init", "nn.utils", "nn.utils.prune", "optim",
    "optim.lr_scheduler", "utils.data", "utils.benchmark", "linalg", "special", "autograd", "func",
    "distributions",
]  # fmt: skip

# What has no meaning in eager mode on a CPU, or is a part of PyTorch's machinery that leaks out.
ELSEWHERE = re.compile(
    r"""
    .*(?:cuda|cudnn|miopen|mkldnn|vulkan|xla|ipu|xpu|hpu|mtia|maia|mps|fbgemm|autocast_gpu).*
    | .*(?:sparse|coo|csr|csc|bsr|bsc|coalesce|_indices_copy|values_copy|crow_|ccol_|row_indices|col_indices).*
    | smm | hsmm | dsmm | spmm | sspaddmm | saddmm | hspmm | indices | values | dense_dim
    | .*(?:quant|qint|qscheme|q_scale|q_zero|q_per|per_channel|per_tensor|int_repr|fused_moving).*
    | (?:u?int[1-7]|uint16|uint32|uint64|bits.*|bit|float[48]_.*|complex.*|c(?:half|float|double)|chalf)
    | .*(?:conj|complex).* | real | imag | angle | polar | is_neg | resolve_neg
    | .*(?:Storage|Type|Error|Exception|Guard|State|Logger|Iterator)$ | .*(?:Script|SymBool|SymInt|SymFloat).*
    | sym_.* | Sym.* | .*(?:DispatchKey|Graph|Stream|Event|Deserial|Serial|Capsule|Module[A-Z].*Builder).*
    | AVG | SUM | AliasDb | Argument.* | Block | Code | CallStack | CompilationUnit | Future | Gradient | Use | Value
    | IODescriptor | OperatorInfo | FileCheck | FunctionSchema | ExecutionPlan | Benchmark.* | ThroughputBenchmark
    | DisableTorch.* | Tag | StaticModule | PyTorchFile.* | Lite.* | USE_.* | PRIVATE_OPS | Generator[A-Z].*
    | import_ir.* | parse_.* | merge_type.* | unify_type.* | fork | wait | jagged | cond | while_loop | init_num_threads
    | has_.* | is_distributed | thread_safe_generator | profiler_allow.* | prepare_multi.* | get_file_path
    | native_.* | batch_norm_.* | .*renorm_?$ | conv_tbc | convolution | norm_except_dim | slice_inverse
    | .*_backward.* | hash_tensor | compiled_with.* | typename | classproperty | boolean_dispatch | .*torch_function.*
    | BroadcastingList.* | assert_int_or_pair | .*notes | common_args | multi_dim_common | factory_kwargs | Scaling.* | Swizzle.*
    | .*scaled.*mm | grouped_mm | is_.*_enabled | set_multithreading.* | kineto.* | Profiler.* | DeviceType | SavedTensor
    | NestedIOFunction | variable | .*datapipe.* | .*DataPipe | DataChunk | runtime_validation.* | .*determinism | argument_validation
    | debug_unwrap | functionalize | rearrange | nested.* | is_nested | to_padded.* | record_stream | is_pinned | pin_memory
    | storage.* | untyped_storage | set_ | is_set_to | const_data_ptr | map_ | map2_ | apply_ | reinforce | volatile | dim_order
    | module_load | grad_dtype | name | new | memory_format | .*_format | layout | strided | Container | symeig | solve | lstsq
    | lu | eig | matrix_rank | GRID_.* | EPOCH_.*
    | indices_copy | BufferDict | CompleteArgumentSpec | DeepCopyMemoTable | ErrorReport | LoggerBase | StorageBase
    | quint.* | choose_qparams.* | enforce_grad_layout.* | is_tensor_like | non_deterministic | swap_in_optimizer.* | index
    """,
    re.VERBOSE,
)  # fmt: skip
TYPING = {"ABC", "Any", "Callable", "Counter", "DType", "Literal", "Mapping", "Optimizer", "Optional", "ParamSpec", "Self",
          "Iterable", "Sequence", "SupportsFloat", "Tensor", "TypeVar", "TypedDict", "TYPE_CHECKING", "abstractmethod", "bisect_right", "cast", "inf",
          "overload", "override", "partial", "ref", "wraps"}  # fmt: skip

# Names that are there and behave differently.
DIFFERS = {
    "compile": "returns the model itself: ops run when they are called",
    "nn.SyncBatchNorm": "for one process, a batch norm for inputs of any dimensions",
    "nn.Embedding": "`sparse=True` gives a dense gradient",
    "nn.EmbeddingBag": "`sparse=True` gives a dense gradient",
    "nn.LinearCrossEntropyLoss": "`options` make no difference",
    "nn.functional.linear_cross_entropy": "`options` make no difference",
    "lobpcg": "by a full decomposition",
    "use_deterministic_algorithms": "remembered; results are deterministic anyway",
    "set_float32_matmul_precision": "remembered; products are in full precision",
    "igamma": "has a derivative by its first argument too",
    "igammac": "has a derivative by its first argument too",
    "Tensor.as_subclass": "not of results with history",
    "special.airy_ai": "has derivatives, as have the Bessel functions",
    "linalg.ldl_solve": "has a derivative by `B`",
    "distributions.Wishart": "divergence of a batch per matrix; PyTorch sums over the batch",
    "distributions.Beta": "gradients of draws are those of normalised gamma numbers",
    "distributions.Dirichlet": "gradients of draws are those of normalised gamma numbers",
    "optim.SparseAdam": "takes dense gradients and touches the rows that are not zero",
    "func.vmap": "loops over the batch",
    "func.jvp": "by two reverse passes",
    "func.jacfwd": "by reverse passes",
    "hypot": "gradient at the origin is 0, PyTorch's is NaN",
    "logaddexp": "gradient at equal infinities is finite, PyTorch's is NaN",
    "logcumsumexp": "gradient over leading -inf is finite, PyTorch's is NaN",
    "logsumexp": "gradient of -inf alone is 0, PyTorch's is NaN; see singular_points.md",
    "median": "of equal values one gets the gradient, PyTorch spreads it",
    "addcmul": "a float `value` on integers raises, PyTorch cuts it off",
}  # fmt: skip


def public(space: Any) -> list[str]:
    names = []
    for name in sorted(set(dir(space))):
        if name.startswith("_") or name in TYPING or ELSEWHERE.fullmatch(name):
            continue
        if space.__name__ == "torch" and name in ("ModuleDict", "ParameterDict"):
            continue  # TorchScript's
        try:
            value = getattr(space, name)
        except Exception:
            continue
        if not isinstance(value, types.ModuleType):
            names.append(name)
    return names


def resolve(root: str, path: str) -> Any:
    value = importlib.import_module(root)
    for part in path.split(".") if path else []:
        root = f"{root}.{part}"
        value = getattr(value, part, None) or importlib.import_module(root)
    return value


def alternative(path: str, name: str) -> str | None:
    """The sentence that pyforge raises instead of doing what the name says."""
    if path == "linalg" and name in ("eig", "eigvals"):
        return "needs complex numbers; for symmetric matrices `eigh` and `eigvalsh`"
    from pyforge import _absent, _refused

    raised: str | None = _refused.RAISES.get(name) if path in ("", "Tensor") else None
    absent = _absent.REASONS.get(f"{path}.{name}" if path else name)
    return raised or (absent and f"pyforge has no {absent}")


def page() -> str:
    warnings.simplefilter("ignore")
    version = importlib.import_module("torch").__version__.split("+")[0]
    rows, details = [], []
    for path in NAMESPACES:
        names, ours = public(resolve("torch", path)), resolve("pyforge", path)
        refused = {n: reason for n in names if (reason := alternative(path, n))}
        missing = [n for n in names if not hasattr(ours, n) and n not in refused]
        there = [n for n in names if hasattr(ours, n) and n not in refused]
        title = f"torch.{path}" if path else "torch"
        share = 100 * len(there) / len(names)
        rows.append(f"| `{title}` | {len(names)} | {len(there)} | {share:.0f}% |")
        marked = [f"`{n}`" for n in there if (f"{path}.{n}" if path else n) not in DIFFERS]
        differs = [(n, DIFFERS[f"{path}.{n}" if path else n]) for n in there
                   if (f"{path}.{n}" if path else n) in DIFFERS]  # fmt: skip
        details.append(f"## {title}\n")
        details.append(f"The same: {', '.join(marked)}\n")
        if differs:
            details.append("Differs:\n")
            details += [f"- `{n}`: {how}" for n, how in differs]
            details.append("")
        if refused:
            details.append("Not there, and says so:\n")
            details += [f"- `{n}`: {reason}" for n, reason in refused.items()]
            details.append("")
        if missing:
            details.append(f"Missing: {', '.join(f'`{n}`' for n in missing)}\n")
    head = f"""# Parity with PyTorch {version}

Made by `python tools/parity.py` from PyTorch's own namespaces: every public name that has a
meaning on a CPU in eager mode. Left out are other devices, sparse, quantised and complex tensors,
TorchScript, and machinery that shows through (the pattern is in the script). What is known to
differ is listed; ops are compared with PyTorch in the tests, in value and gradient.

| namespace | names | there | |
|---|---|---|---|
"""
    return head + "\n".join(rows) + "\n\n" + "\n".join(details)


def check() -> int:
    namespace, lost = None, []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## torch"):
            namespace = resolve("pyforge", line[3:].removeprefix("torch").lstrip("."))
        elif line.startswith("The same: "):
            lost += [n for n in re.findall(r"`(\w+)`", line) if not hasattr(namespace, n)]
    for name in lost:
        print(f"docs/parity.md lists {name}, which is not there", file=sys.stderr)
    return bool(lost)


def main() -> int:
    if "--check" in sys.argv[1:]:
        return check()
    PAGE.write_text(page().rstrip() + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
