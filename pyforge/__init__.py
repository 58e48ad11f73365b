"""A compiled reverse-mode autodiff engine for CPUs with PyTorch's names."""

import builtins as _builtins
import os as _os

from . import _C, _tensor
from ._C import *  # noqa: F403
from ._device import channels_last as channels_last
from ._device import channels_last_3d as channels_last_3d
from ._device import contiguous_format as contiguous_format
from ._device import device as device
from ._device import layout as layout
from ._device import memory_format as memory_format
from ._device import preserve_format as preserve_format
from ._device import strided as strided
from ._functions import broadcast_shapes as broadcast_shapes
from ._functions import einsum as einsum  # type: ignore[assignment]
from ._functions import from_dlpack as from_dlpack
from ._functions import is_floating_point as is_floating_point
from ._functions import is_tensor as is_tensor
from ._functions import numel as numel
from .autograd.grad_mode import enable_grad as enable_grad
from .autograd.grad_mode import inference_mode as inference_mode
from .autograd.grad_mode import no_grad as no_grad
from .autograd.grad_mode import set_grad_enabled as set_grad_enabled
from .random import get_rng_state as get_rng_state
from .random import initial_seed as initial_seed
from .random import manual_seed as manual_seed
from .random import seed as seed
from .random import set_rng_state as set_rng_state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import accelerator as accelerator
    from . import amp as amp
    from . import array_api as array_api
    from . import autograd as autograd
    from . import backends as backends
    from . import compiler as compiler
    from . import cpu as cpu
    from . import cuda as cuda
    from . import datasets as datasets
    from . import diagnose as diagnose
    from . import distributed as distributed
    from . import distributions as distributions
    from . import func as func
    from . import hub as hub
    from . import jit as jit
    from . import linalg as linalg
    from . import memory as memory
    from . import mps as mps
    from . import multiprocessing as multiprocessing
    from . import nn as nn
    from . import onnx as onnx
    from . import ops as ops
    from . import optim as optim
    from . import profiler as profiler
    from . import random as random
    from . import serialization as serialization
    from . import sparse as sparse
    from . import special as special
    from . import testing as testing
    from . import types as types
    from . import utils as utils
    from . import version as version
    from . import xpu as xpu
    from ._legacy import BFloat16Tensor as BFloat16Tensor
    from ._legacy import BoolTensor as BoolTensor
    from ._legacy import ByteTensor as ByteTensor
    from ._legacy import CharTensor as CharTensor
    from ._legacy import DoubleTensor as DoubleTensor
    from ._legacy import FloatTensor as FloatTensor
    from ._legacy import HalfTensor as HalfTensor
    from ._legacy import IntTensor as IntTensor
    from ._legacy import LongTensor as LongTensor
    from ._legacy import ShortTensor as ShortTensor
    from ._legacy import _assert as _assert
    from ._legacy import (
        are_deterministic_algorithms_enabled as are_deterministic_algorithms_enabled,
    )
    from ._legacy import frombuffer as frombuffer
    from ._legacy import get_autocast_cpu_dtype as get_autocast_cpu_dtype
    from ._legacy import get_default_device as get_default_device
    from ._legacy import get_deterministic_debug_mode as get_deterministic_debug_mode
    from ._legacy import get_device as get_device
    from ._legacy import get_device_module as get_device_module
    from ._legacy import get_float32_matmul_precision as get_float32_matmul_precision
    from ._legacy import get_num_interop_threads as get_num_interop_threads
    from ._legacy import is_complex as is_complex
    from ._legacy import is_inference as is_inference
    from ._legacy import is_nonzero as is_nonzero
    from ._legacy import is_signed as is_signed
    from ._legacy import is_storage as is_storage
    from ._legacy import is_warn_always_enabled as is_warn_always_enabled
    from ._legacy import set_autocast_cpu_dtype as set_autocast_cpu_dtype
    from ._legacy import set_autocast_cpu_enabled as set_autocast_cpu_enabled
    from ._legacy import set_default_device as set_default_device
    from ._legacy import set_default_tensor_type as set_default_tensor_type
    from ._legacy import set_deterministic_debug_mode as set_deterministic_debug_mode
    from ._legacy import set_float32_matmul_precision as set_float32_matmul_precision
    from ._legacy import set_num_interop_threads as set_num_interop_threads
    from ._legacy import set_warn_always as set_warn_always
    from ._legacy import use_deterministic_algorithms as use_deterministic_algorithms
    from ._numeric import as_strided_copy as as_strided_copy
    from ._numeric import empty_permuted as empty_permuted
    from ._numeric import fill as fill
    from ._numeric import frexp as frexp
    from ._numeric import from_file as from_file
    from ._numeric import gradient as gradient
    from ._numeric import histogramdd as histogramdd
    from ._numeric import lobpcg as lobpcg
    from ._numeric import ormqr as ormqr
    from ._numeric import range as range
    from ._numeric import rsub as rsub
    from ._numeric import segment_reduce as segment_reduce
    from ._numeric import to_dlpack as to_dlpack
    from ._numeric import unfold_copy as unfold_copy
    from ._old_forms import affine_grid_generator as affine_grid_generator
    from ._old_forms import alpha_dropout as alpha_dropout
    from ._old_forms import alpha_dropout_ as alpha_dropout_
    from ._old_forms import batch_norm as batch_norm
    from ._old_forms import binary_cross_entropy_with_logits as binary_cross_entropy_with_logits
    from ._old_forms import cosine_embedding_loss as cosine_embedding_loss
    from ._old_forms import ctc_loss as ctc_loss
    from ._old_forms import dropout_ as dropout_
    from ._old_forms import embedding as embedding
    from ._old_forms import embedding_bag as embedding_bag
    from ._old_forms import feature_alpha_dropout as feature_alpha_dropout
    from ._old_forms import feature_alpha_dropout_ as feature_alpha_dropout_
    from ._old_forms import feature_dropout as feature_dropout
    from ._old_forms import feature_dropout_ as feature_dropout_
    from ._old_forms import grid_sampler as grid_sampler
    from ._old_forms import grid_sampler_2d as grid_sampler_2d
    from ._old_forms import grid_sampler_3d as grid_sampler_3d
    from ._old_forms import hinge_embedding_loss as hinge_embedding_loss
    from ._old_forms import instance_norm as instance_norm
    from ._old_forms import kl_div as kl_div
    from ._old_forms import margin_ranking_loss as margin_ranking_loss
    from ._old_forms import poisson_nll_loss as poisson_nll_loss
    from ._old_forms import triplet_margin_loss as triplet_margin_loss
    from ._refused import istft as istft
    from ._refused import stft as stft
    from ._refused import view_as_real as view_as_real
    from ._refused import view_as_real_copy as view_as_real_copy
    from ._tensor_str import get_printoptions as get_printoptions
    from ._tensor_str import printoptions as printoptions
    from ._tensor_str import set_printoptions as set_printoptions
    from ._type_info import finfo as finfo
    from ._type_info import iinfo as iinfo
    from ._windows import bartlett_window as bartlett_window
    from ._windows import blackman_window as blackman_window
    from ._windows import hamming_window as hamming_window
    from ._windows import hann_window as hann_window
    from ._windows import kaiser_window as kaiser_window
    from .amp import GradScaler as GradScaler
    from .amp.autocast_mode import autocast as autocast
    from .amp.autocast_mode import get_autocast_dtype as get_autocast_dtype
    from .amp.autocast_mode import is_autocast_enabled as is_autocast_enabled
    from .amp.autocast_mode import set_autocast_dtype as set_autocast_dtype
    from .amp.autocast_mode import set_autocast_enabled as set_autocast_enabled
    from .autograd.anomaly_mode import (
        is_anomaly_check_nan_enabled as is_anomaly_check_nan_enabled,
    )
    from .autograd.anomaly_mode import is_anomaly_enabled as is_anomaly_enabled
    from .autograd.anomaly_mode import set_anomaly_enabled as set_anomaly_enabled
    from .compiler import compile as compile
    from .func import vmap as vmap
    from .linalg._top import chain_matmul as chain_matmul
    from .linalg._top import cholesky as cholesky
    from .linalg._top import cholesky_inverse as cholesky_inverse
    from .linalg._top import cholesky_solve as cholesky_solve
    from .linalg._top import det as det
    from .linalg._top import frobenius_norm as frobenius_norm
    from .linalg._top import geqrf as geqrf
    from .linalg._top import inverse as inverse
    from .linalg._top import logdet as logdet
    from .linalg._top import lu as lu
    from .linalg._top import lu_solve as lu_solve
    from .linalg._top import lu_unpack as lu_unpack
    from .linalg._top import matrix_exp as matrix_exp
    from .linalg._top import matrix_power as matrix_power
    from .linalg._top import nuclear_norm as nuclear_norm
    from .linalg._top import orgqr as orgqr
    from .linalg._top import pca_lowrank as pca_lowrank
    from .linalg._top import pinverse as pinverse
    from .linalg._top import qr as qr
    from .linalg._top import slogdet as slogdet
    from .linalg._top import svd as svd
    from .linalg._top import svd_lowrank as svd_lowrank
    from .linalg._top import tensordot as tensordot
    from .linalg._top import triangular_solve as triangular_solve
    from .linalg._top import vander as vander
    from .nn.functional import adaptive_max_pool1d as adaptive_max_pool1d
    from .nn.functional import bilinear as bilinear
    from .nn.functional import celu as celu
    from .nn.functional import celu_ as celu_
    from .nn.functional import channel_shuffle as channel_shuffle
    from .nn.functional import cosine_similarity as cosine_similarity
    from .nn.functional import hardshrink as hardshrink
    from .nn.functional import pairwise_distance as pairwise_distance
    from .nn.functional import pdist as pdist
    from .nn.functional import relu_ as relu_
    from .nn.functional import rrelu as rrelu
    from .nn.functional import rrelu_ as rrelu_
    from .nn.functional import selu as selu
    from .nn.functional import selu_ as selu_
    from .nn.functional import threshold as threshold
    from .nn.functional import threshold_ as threshold_
    from .serialization import load as load
    from .serialization import save as save
    from .sparse import sparse_coo as sparse_coo
    from .sparse import sparse_coo_tensor as sparse_coo_tensor
    from .sparse import spmm as spmm

__version__ = "0.1.0"

_C._set_package_dir(_os.path.dirname(_os.path.abspath(__file__)) + _os.sep)

_tensor.install()

half = _C.float16
float = _C.float32
double = _C.float64
short = _C.int16
int = _C.int32
long = _C.int64

e = 2.718281828459045
pi = 3.141592653589793
inf = _builtins.float("inf")
nan = _builtins.float("nan")
newaxis = None

# Loaded on first use.
_SUBMODULES = frozenset(
    {
        "accelerator",
        "amp",
        "array_api",
        "autograd",
        "backends",
        "compiler",
        "cpu",
        "cuda",
        "datasets",
        "diagnose",
        "distributed",
        "distributions",
        "func",
        "hub",
        "jit",
        "linalg",
        "library",
        "memory",
        "mps",
        "multiprocessing",
        "nn",
        "onnx",
        "ops",
        "optim",
        "profiler",
        "serialization",
        "sparse",
        "special",
        "testing",
        "types",
        "utils",
        "version",
        "xpu",
    }
)
_LAZY = {
    name: module
    for module, names in {
        "_legacy": """
            BFloat16Tensor BoolTensor ByteTensor CharTensor DoubleTensor FloatTensor
            HalfTensor IntTensor LongTensor ShortTensor _assert
            are_deterministic_algorithms_enabled frombuffer get_autocast_cpu_dtype
            get_default_device get_deterministic_debug_mode get_device get_device_module
            get_float32_matmul_precision get_num_interop_threads is_complex is_inference
            is_nonzero is_signed is_storage is_warn_always_enabled
            set_autocast_cpu_dtype set_autocast_cpu_enabled set_default_device
            set_default_tensor_type set_deterministic_debug_mode
            set_float32_matmul_precision set_num_interop_threads set_warn_always
            use_deterministic_algorithms
        """,
        "_numeric": """
            as_strided_copy empty_permuted fill frexp from_file gradient histogramdd
            lobpcg ormqr range rsub segment_reduce to_dlpack unfold_copy
        """,
        "_old_forms": """
            affine_grid_generator alpha_dropout alpha_dropout_ batch_norm
            binary_cross_entropy_with_logits cosine_embedding_loss ctc_loss dropout_
            embedding embedding_bag feature_alpha_dropout feature_alpha_dropout_
            feature_dropout feature_dropout_ grid_sampler grid_sampler_2d
            grid_sampler_3d hinge_embedding_loss instance_norm kl_div
            margin_ranking_loss poisson_nll_loss triplet_margin_loss
        """,
        "_refused": "istft stft view_as_real view_as_real_copy",
        "_tensor_str": "get_printoptions printoptions set_printoptions",
        "_type_info": "finfo iinfo",
        "_windows": "bartlett_window blackman_window hamming_window hann_window kaiser_window",
        "amp": "GradScaler",
        "amp.autocast_mode": """
            autocast get_autocast_dtype is_autocast_enabled set_autocast_dtype
            set_autocast_enabled
        """,
        "autograd.anomaly_mode": """
            is_anomaly_check_nan_enabled is_anomaly_enabled set_anomaly_enabled
        """,
        "compiler": "compile",
        "func": "vmap",
        "linalg._top": """
            chain_matmul cholesky cholesky_inverse cholesky_solve det frobenius_norm
            geqrf inverse logdet lu lu_solve lu_unpack matrix_exp matrix_power
            nuclear_norm orgqr pca_lowrank pinverse qr slogdet svd svd_lowrank tensordot
            triangular_solve vander
        """,
        "nn.functional": """
            adaptive_max_pool1d bilinear celu celu_ channel_shuffle cosine_similarity
            hardshrink pairwise_distance pdist relu_ rrelu rrelu_ selu selu_ threshold
            threshold_
        """,
        "serialization": "load save",
        "sparse": "spmm",
        "sparse.matrix": "sparse_coo sparse_coo_tensor",
    }.items()
    for name in names.split()
}


def __getattr__(name: str) -> object:
    import importlib

    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _LAZY:
        return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    if name.endswith("_") and name in importlib.import_module(f"{__name__}._inplace").NAMES:
        return getattr(_C.Tensor, name)
    from ._absent import missing

    raise AttributeError(missing(__name__, name, (*globals(), *_SUBMODULES, *_LAZY)))
