# Written by tools/generate_stubs.py; do not edit.
from builtins import bool as _bool, float as _float, int as _int, str as _str
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar, overload

from numpy.typing import NDArray

from ._device import device as _device
from ._device import layout
from .sparse.matrix import SparseTensor
from ._tensor import HookHandle
from .linalg._results import (
    GeqrfResult,
    LUFactorExResult,
    LUFactorResult,
    QRResult,
    SlogdetResult,
    SVDTransposedResult,
    TriangularSolveResult,
)

_dtype = dtype
_Number = _bool | _int | _float
_Operand = Tensor | _bool | _int | _float
_Index = Any
_T = TypeVar("_T", bound=Tensor)

class dtype:
    """The type of a tensor's elements, such as pyforge.float32."""
    @property
    def itemsize(self) -> _int: ...
    @property
    def is_floating_point(self) -> _bool: ...
    @property
    def is_complex(self) -> _bool: ...
    @property
    def is_signed(self) -> _bool: ...

bfloat16: dtype
bool: dtype
float16: dtype
float32: dtype
float64: dtype
int16: dtype
int32: dtype
int64: dtype
int8: dtype
uint8: dtype

class Size(tuple[_int, ...]):
    """The sizes of a tensor: a tuple with numel()."""
    def numel(self) -> _int: ...

class Generator:
    """A stream of random numbers, the same as PyTorch's CPU generator for a seed."""
    def __init__(self, device: _str | _device = "cpu") -> None: ...
    def manual_seed(self, seed: _int) -> Generator: ...
    def seed(self) -> _int: ...
    def initial_seed(self) -> _int: ...
    def get_state(self) -> Tensor: ...
    def set_state(self, new_state: Tensor) -> None: ...

default_generator: Generator

class Node:
    """A recorded op."""
    def name(self) -> _str: ...
    def _sequence_nr(self) -> _int: ...
    @property
    def next_functions(self) -> tuple[tuple[Node | None, _int], ...]: ...
    @property
    def variable(self) -> Tensor: ...
    @property
    def source(self) -> _str: ...
    @property
    def saved_bytes(self) -> _int: ...
    @property
    def output_shapes(self) -> tuple[Size, ...]: ...
    @property
    def output_dtypes(self) -> tuple[dtype, ...]: ...
    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]: ...
    @property
    def _saved_slots(self) -> tuple[tuple[Tensor | None, _int], ...]: ...
    @property
    def _released(self) -> _bool: ...
    def register_hook(self, hook: Callable[..., Any]) -> HookHandle: ...
    def register_prehook(self, hook: Callable[..., Any]) -> HookHandle: ...

class _ModuleBase:
    _has_hooks: _bool
    _fuses: _bool
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...

class op_function:
    """A registered op."""
    __name__: _str
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...

class _aminmax_result(NamedTuple):
    min: Tensor
    max: Tensor

class _cummax_result(NamedTuple):
    values: Tensor
    indices: Tensor

class _cummin_result(NamedTuple):
    values: Tensor
    indices: Tensor

class _histogram_result(NamedTuple):
    hist: Tensor
    bin_edges: Tensor

class _kthvalue_result(NamedTuple):
    values: Tensor
    indices: Tensor

class _linalg_cholesky_ex_result(NamedTuple):
    L: Tensor
    info: Tensor

class _linalg_inv_ex_result(NamedTuple):
    inverse: Tensor
    info: Tensor

class _linalg_lu_pack_result(NamedTuple):
    LU: Tensor
    pivots: Tensor
    info: Tensor

class _linalg_slogdet_result(NamedTuple):
    sign: Tensor
    logabsdet: Tensor

class _linalg_solve_ex_result(NamedTuple):
    result: Tensor
    info: Tensor

class _max_result(NamedTuple):
    values: Tensor
    indices: Tensor

class _median_result(NamedTuple):
    values: Tensor
    indices: Tensor

class _min_result(NamedTuple):
    values: Tensor
    indices: Tensor

class _mode_result(NamedTuple):
    values: Tensor
    indices: Tensor

class _nanmedian_result(NamedTuple):
    values: Tensor
    indices: Tensor

class _sort_result(NamedTuple):
    values: Tensor
    indices: Tensor

class _topk_result(NamedTuple):
    values: Tensor
    indices: Tensor

class Tensor:
    """A multi-dimensional array of one dtype that can take part in automatic differentiation."""
    @overload
    def __init__(self, *size: _int) -> None: ...
    @overload
    def __init__(self, data: Any) -> None: ...

    __dict__: dict[_str, Any]
    __array_priority__: _int
    requires_grad: _bool
    grad: Tensor | None
    data: Tensor
    @property
    def shape(self) -> Size: ...
    @property
    def ndim(self) -> _int: ...
    @property
    def itemsize(self) -> _int: ...
    @property
    def nbytes(self) -> _int: ...
    @property
    def is_leaf(self) -> _bool: ...
    @property
    def grad_fn(self) -> Node | None: ...
    @property
    def output_nr(self) -> _int: ...
    @property
    def _version(self) -> _int: ...
    @property
    def _last_write(self) -> _str | None: ...
    @property
    def _base(self) -> Tensor | None: ...
    @property
    def is_inference_mode(self) -> _bool: ...
    @property
    def retains_grad(self) -> _bool: ...
    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: _bool | None = None,
        create_graph: _bool = False,
        inputs: Tensor | Sequence[Tensor] | None = None,
    ) -> None:
        """Accumulates the gradient of this tensor into the .grad of the leaves (or of `inputs`)."""
    def detach(self) -> Tensor:
        """The same memory without history."""
    def detach_(self) -> Tensor:
        """Drops this tensor's history."""
    def requires_grad_(self, requires_grad: _bool = True) -> Tensor:
        """Marks a leaf; returns self."""
    def retain_grad(self) -> None:
        """Keeps the gradient of a non-leaf in .grad during backward."""
    def item(self) -> Any:
        """The one element as a Python number. RuntimeError if there is not exactly one."""
    def dim(self) -> _int: ...
    def ndimension(self) -> _int: ...
    def numel(self) -> _int: ...
    def nelement(self) -> _int: ...
    def data_ptr(self) -> _int: ...
    def element_size(self) -> _int: ...
    def storage_offset(self) -> _int: ...
    def is_contiguous(self) -> _bool: ...
    def is_floating_point(self) -> _bool: ...
    def is_inference(self) -> _bool: ...
    @overload
    def size(self, dim: None = None) -> Size: ...
    @overload
    def size(self, dim: _int) -> _int: ...
    @overload
    def stride(self, dim: None = None) -> tuple[_int, ...]: ...
    @overload
    def stride(self, dim: _int) -> _int: ...
    @overload
    def to(
        self, dtype: _dtype, non_blocking: _bool = False, copy: _bool = False
    ) -> Tensor: ...
    @overload
    def to(
        self,
        device: _str | _device | None = None,
        dtype: _dtype | None = None,
        non_blocking: _bool = False,
        copy: _bool = False,
    ) -> Tensor: ...
    @overload
    def to(self, other: Tensor, non_blocking: _bool = False, copy: _bool = False) -> Tensor: ...
    def cpu(self) -> Tensor: ...
    def __len__(self) -> _int: ...
    def __iter__(self) -> Iterator[Tensor]: ...
    def __contains__(self, element: object) -> _bool: ...
    def __getitem__(self, index: _Index) -> Tensor: ...
    def __setitem__(self, index: _Index, value: _Operand) -> None: ...
    def __bool__(self) -> _bool: ...
    def __int__(self) -> _int: ...
    def __float__(self) -> _float: ...
    def __index__(self) -> _int: ...
    def __hash__(self) -> _int: ...
    def __buffer__(self, flags: _int) -> memoryview: ...
    def __add__(self, other: _Operand) -> Tensor: ...
    def __radd__(self, other: _Operand) -> Tensor: ...
    def __iadd__(self, other: _Operand) -> Tensor: ...
    def __sub__(self, other: _Operand) -> Tensor: ...
    def __rsub__(self, other: _Operand) -> Tensor: ...
    def __isub__(self, other: _Operand) -> Tensor: ...
    def __mul__(self, other: _Operand) -> Tensor: ...
    def __rmul__(self, other: _Operand) -> Tensor: ...
    def __imul__(self, other: _Operand) -> Tensor: ...
    def __truediv__(self, other: _Operand) -> Tensor: ...
    def __rtruediv__(self, other: _Operand) -> Tensor: ...
    def __itruediv__(self, other: _Operand) -> Tensor: ...
    def __floordiv__(self, other: _Operand) -> Tensor: ...
    def __rfloordiv__(self, other: _Operand) -> Tensor: ...
    def __ifloordiv__(self, other: _Operand) -> Tensor: ...
    def __mod__(self, other: _Operand) -> Tensor: ...
    def __rmod__(self, other: _Operand) -> Tensor: ...
    def __imod__(self, other: _Operand) -> Tensor: ...
    def __pow__(self, other: _Operand) -> Tensor: ...
    def __rpow__(self, other: _Operand) -> Tensor: ...
    def __ipow__(self, other: _Operand) -> Tensor: ...
    def __and__(self, other: _Operand) -> Tensor: ...
    def __rand__(self, other: _Operand) -> Tensor: ...
    def __iand__(self, other: _Operand) -> Tensor: ...
    def __or__(self, other: _Operand) -> Tensor: ...
    def __ror__(self, other: _Operand) -> Tensor: ...
    def __ior__(self, other: _Operand) -> Tensor: ...
    def __xor__(self, other: _Operand) -> Tensor: ...
    def __rxor__(self, other: _Operand) -> Tensor: ...
    def __ixor__(self, other: _Operand) -> Tensor: ...
    def __matmul__(self, other: Tensor) -> Tensor: ...
    def __rmatmul__(self, other: Tensor) -> Tensor: ...
    def __lshift__(self, other: _Operand) -> Tensor: ...
    def __rlshift__(self, other: _Operand) -> Tensor: ...
    def __rshift__(self, other: _Operand) -> Tensor: ...
    def __rrshift__(self, other: _Operand) -> Tensor: ...
    def __lt__(self, other: _Operand) -> Tensor: ...
    def __le__(self, other: _Operand) -> Tensor: ...
    def __gt__(self, other: _Operand) -> Tensor: ...
    def __ge__(self, other: _Operand) -> Tensor: ...
    def __eq__(self, other: _Operand) -> Tensor: ...
    def __ne__(self, other: _Operand) -> Tensor: ...
    def __neg__(self) -> Tensor: ...
    def __pos__(self) -> Tensor: ...
    def __abs__(self) -> Tensor: ...
    def __invert__(self) -> Tensor: ...
    def __array__(self, dtype: Any = None, copy: _bool | None = None) -> NDArray[Any]: ...
    def __array_namespace__(self, *, api_version: _str | None = None) -> Any:
        """pyforge.array_api, the functions of the Python array API standard."""
    def __array_wrap__(self, array: NDArray[Any], context: Any = None, return_scalar: _bool = False) -> Tensor:
        """What NumPy's functions return when they are called with tensors."""
    def __copy__(self) -> Tensor: ...
    def __deepcopy__(self, memo: dict[_int, Any]) -> Tensor:
        """A leaf with its own memory, its gradient and its attributes copied as well."""
    def __dlpack__(self, *, stream: Any = None, max_version: tuple[_int, _int] | None = None, dl_device: tuple[_int, _int] | None = None, copy: _bool | None = None) -> Any:
        """A DLPack capsule on the same memory. BufferError if the tensor requires grad."""
    def __dlpack_device__(self) -> tuple[_int, _int]: ...
    def __format__(self, spec: _str) -> _str: ...
    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]: ...
    def apply_(self, callable: Callable[[Any], Any]) -> Tensor:
        """Replace each element by ``callable(element)``, one at a time: slow, for old programs."""
    def as_subclass(self, cls: Any) -> Any:
        """The tensor as an object of ``cls``, a subclass of ``Tensor``, on the same memory."""
    def cholesky(self, upper: _bool = False) -> Tensor:
        """The older form of linalg.cholesky."""
    def cholesky_inverse(self, upper: _bool = False) -> Tensor:
        """The inverse of the matrix whose Cholesky factor is L ``[*, n, n]``."""
    def cholesky_solve(self, L: Tensor, upper: _bool = False) -> Tensor:
        """X with A X = B ``[*, n, k]``, where L ``[*, n, n]`` is the Cholesky factor of A."""
    def cuda(self, args: Any, kwargs: Any) -> Tensor:
        """Raises AssertionError: there is no CUDA."""
    def det(self) -> Tensor:
        """Determinants ``[*]`` of square matrices ``[*, n, n]``; singular ones have a gradient too."""
    def frexp(self) -> tuple[Tensor, Tensor]:
        """``input`` as ``mantissa * 2 ** exponent``, the mantissa's magnitude in [0.5, 1)."""
    def geqrf(self) -> GeqrfResult:
        """R in the upper triangle and reflectors below it ``[*, m, n]``; tau ``[*, min(m, n)]``."""
    def get_device(self) -> _int:
        """The number of the tensor's GPU: -1, for it is on the CPU."""
    def hardshrink(self, lambd: _float = 0.5) -> Tensor:
        """``input`` where it is outside ``[-lambd, lambd]``, else 0."""
    def inverse(self) -> Tensor:
        """Inverses of square matrices ``[*, n, n]`` (float32 or float64)."""
    def is_complex(self) -> _bool:
        """False: no dtype here is complex."""
    def is_nonzero(self) -> _bool:
        """Whether the one element is not zero."""
    def is_pinned(self, device: Any = None) -> _bool:
        """False, see pin_memory."""
    def is_shared(self) -> _bool:
        """True if the memory is one that other processes can use; see share_memory_."""
    def is_signed(self) -> _bool:
        """Whether the elements can be negative."""
    def istft(self, kwargs: Any) -> Any:
        """Not available: raises NotImplementedError, since the input is complex."""
    def logdet(self) -> Tensor:
        """Logarithms of determinants ``[*]``; NaN where the determinant is negative."""
    def lu(self, pivot: _bool = True, get_infos: _bool = False) -> LUFactorResult | LUFactorExResult:
        """The older form of linalg.lu_factor_ex: LU and pivots, and with ``get_infos`` the infos."""
    def lu_solve(self, LU_data: Tensor, LU_pivots: Tensor) -> Tensor:
        """The older form of linalg.lu_solve, with the right-hand sides first."""
    def map_(self, other: Tensor, callable: Callable[[Any, Any], Any]) -> Tensor:
        """Replace each element by ``callable(element, other's element)``; shapes must broadcast."""
    def matrix_exp(self) -> Tensor:
        """Exponentials of square matrices ``[*, n, n]``, by scaling and squaring."""
    def matrix_power(self, n: _int) -> Tensor:
        """A multiplied n times with itself, for square ``[*, m, m]``; for n < 0, the inverse."""
    def new(self, args: Any, *, device: Any = None) -> Tensor:
        """A tensor of this dtype: of sizes (uninitialised), of data, or empty."""
    def new_tensor(self, data: Any, *, dtype: _dtype | None = None, device: Any = None, requires_grad: _bool = False) -> Tensor:
        """tensor(data) with this tensor's dtype."""
    def numpy(self, *, force: _bool = False) -> NDArray[Any]:
        """A NumPy array on the same memory; with ``force``, of the detached tensor."""
    def orgqr(self, tau: Tensor) -> Tensor:
        """The first n columns ``[*, m, n]`` of the product of reflectors I - tau_i v_i v_i^T."""
    def ormqr(self, tau: Tensor, other: Tensor, left: _bool = True, transpose: _bool = False) -> Tensor:
        """``other`` times the orthogonal matrix that ``geqrf`` left in ``input`` and ``tau``."""
    def pin_memory(self, device: Any = None) -> Tensor:
        """The tensor itself: pinning helps copies to other devices, and there are none."""
    def pinverse(self, rcond: _float | Tensor | None = None, hermitian: _bool = False, *, atol: _float | Tensor | None = None, rtol: _float | Tensor | None = None) -> Tensor:
        """Moore-Penrose pseudo-inverses ``[*, n, m]`` of matrices ``[*, m, n]``."""
    def qr(self, some: _bool = True) -> QRResult:
        """The older form of linalg.qr: reduced by default, complete without ``some``."""
    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> HookHandle:
        """Call ``hook(grad)`` when this tensor's gradient is computed; its result replaces that."""
    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> HookHandle:
        """Call ``hook(tensor)`` after a gradient was accumulated into this leaf's ``.grad``."""
    def resize_(self, sizes: Any, *, memory_format: Any = None) -> Tensor:
        """Change the shape in place; returns self."""
    def resize_as_(self, the_template: Tensor, *, memory_format: Any = None) -> Tensor:
        """resize_() to the shape of another tensor; returns self."""
    def share_memory_(self) -> Tensor:
        """Move the memory to where other processes can use it as well; returns self."""
    def slogdet(self) -> SlogdetResult:
        """Sign and natural logarithm of the absolute value of determinants, each ``[*]``."""
    def stft(self, kwargs: Any) -> Any:
        """Not available: raises NotImplementedError, since the result is complex."""
    def svd(self, some: _bool = True, compute_uv: _bool = True) -> SVDTransposedResult:
        """The older form of linalg.svd: V instead of its transpose, reduced matrices by default."""
    def to_dense(self, dtype: _dtype | None = None, *, masked_grad: _bool | None = None) -> Tensor:
        """The tensor itself, or with another dtype: all tensors are dense."""
    def to_device(self, device: Any, *, stream: Any = None) -> Tensor:
        """The tensor itself, for the one device there is. RuntimeError for others."""
    def to_sparse(self) -> SparseTensor:
        """The elements that are not zero, with their coordinates."""
    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers; of a 0-d tensor, the number."""
    def triangular_solve(self, A: Tensor, upper: _bool = True, transpose: _bool = False, unitriangular: _bool = False) -> TriangularSolveResult:
        """X with A X = b (A^T X = b with ``transpose``) and A; the older form of solve_triangular."""
    def type(self, dtype: Any = None, non_blocking: _bool = False) -> Any:
        """The name of the tensor's type, or the tensor with another dtype."""
    @property
    def device(self) -> _device: ...
    @property
    def is_cpu(self) -> _bool: ...
    @property
    def is_cuda(self) -> _bool: ...
    @property
    def is_meta(self) -> _bool: ...
    @property
    def is_mkldnn(self) -> _bool: ...
    @property
    def is_mps(self) -> _bool: ...
    @property
    def is_quantized(self) -> _bool: ...
    @property
    def is_sparse(self) -> _bool: ...
    @property
    def is_sparse_csr(self) -> _bool: ...
    @property
    def is_xpu(self) -> _bool: ...
    @property
    def layout(self) -> layout: ...
    @property
    def dtype(self) -> _dtype: ...
    @property
    def H(self) -> Tensor: ...
    @property
    def T(self) -> Tensor: ...
    def abs(self) -> Tensor:
        """|x|; its derivative at 0 is 0."""
    def abs_(self) -> Tensor:
        """In-place form of abs()."""
    def absolute(self) -> Tensor:
        """Same as abs()."""
    def absolute_(self) -> Tensor:
        """In-place form of absolute()."""
    def acos(self) -> Tensor:
        """Inverse cosine, in [0, pi]; NaN outside [-1, 1]."""
    def acos_(self) -> Tensor:
        """In-place form of acos()."""
    def acosh(self) -> Tensor:
        """Inverse hyperbolic cosine; NaN below 1."""
    def acosh_(self) -> Tensor:
        """In-place form of acosh()."""
    def add(self, other: _Operand, *, alpha: _Number = 1) -> Tensor:
        """input + alpha * other; logical or for bool."""
    def add_(self, other: _Operand, *, alpha: _Number = 1) -> Tensor:
        """In-place form of add()."""
    def addbmm(self, batch1: Tensor, batch2: Tensor, *, beta: _Number = 1, alpha: _Number = 1) -> Tensor:
        """beta * input + alpha * the sum of the products of two batches of matrices."""
    def addbmm_(self, batch1: Tensor, batch2: Tensor, *, beta: _Number = 1, alpha: _Number = 1) -> Tensor:
        """In-place form of addbmm()."""
    def addcdiv(self, tensor1: Tensor, tensor2: Tensor, *, value: _Number = 1) -> Tensor:
        """input + value * tensor1 / tensor2"""
    def addcdiv_(self, tensor1: Tensor, tensor2: Tensor, *, value: _Number = 1) -> Tensor:
        """In-place form of addcdiv()."""
    def addcmul(self, tensor1: Tensor, tensor2: Tensor, *, value: _Number = 1) -> Tensor:
        """input + value * tensor1 * tensor2"""
    def addcmul_(self, tensor1: Tensor, tensor2: Tensor, *, value: _Number = 1) -> Tensor:
        """In-place form of addcmul()."""
    def addmm(self, mat1: Tensor, mat2: Tensor, *, beta: _Number = 1, alpha: _Number = 1) -> Tensor:
        """beta * input + alpha * mat1 @ mat2; with beta 0 input is not read."""
    def addmm_(self, mat1: Tensor, mat2: Tensor, *, beta: _Number = 1, alpha: _Number = 1) -> Tensor:
        """In-place form of addmm()."""
    def addmv(self, mat: Tensor, vec: Tensor, *, beta: _Number = 1, alpha: _Number = 1) -> Tensor:
        """beta * input + alpha * mat @ vec; with beta 0 input is not read."""
    def addmv_(self, mat: Tensor, vec: Tensor, *, beta: _Number = 1, alpha: _Number = 1) -> Tensor:
        """In-place form of addmv()."""
    def addr(self, vec1: Tensor, vec2: Tensor, *, beta: _Number = 1, alpha: _Number = 1) -> Tensor:
        """beta * input + alpha * outer(vec1, vec2); with beta 0 input is not read."""
    def addr_(self, vec1: Tensor, vec2: Tensor, *, beta: _Number = 1, alpha: _Number = 1) -> Tensor:
        """In-place form of addr()."""
    def adjoint(self) -> Tensor:
        """A view with the last two dimensions exchanged."""
    def all(self, dim: _int | Sequence[_int] | None = None, keepdim: _bool = False) -> Tensor:
        """Whether all elements are nonzero, over the dimensions `dim` (all by default)."""
    def allclose(self, other: Tensor, rtol: _float = 1e-05, atol: _float = 1e-08, equal_nan: _bool = False) -> _bool:
        """True if isclose() holds everywhere."""
    def amax(self, dim: _int | Sequence[_int] | None = None, keepdim: _bool = False) -> Tensor:
        """Largest elements over the dimensions `dim` (all by default); ties share the gradient."""
    def amin(self, dim: _int | Sequence[_int] | None = None, keepdim: _bool = False) -> Tensor:
        """Smallest elements over the dimensions `dim` (all by default); ties share the gradient."""
    def aminmax(self, *, dim: _int | None = None, keepdim: _bool = False) -> _aminmax_result:
        """Smallest and largest elements, of all or along `dim`; ties share the gradient."""
    def any(self, dim: _int | Sequence[_int] | None = None, keepdim: _bool = False) -> Tensor:
        """Whether any element is nonzero, over the dimensions `dim` (all by default)."""
    def arccos(self) -> Tensor:
        """Same as acos()."""
    def arccos_(self) -> Tensor:
        """In-place form of arccos()."""
    def arccosh(self) -> Tensor:
        """Same as acosh()."""
    def arccosh_(self) -> Tensor:
        """In-place form of arccosh()."""
    def arcsin(self) -> Tensor:
        """Same as asin()."""
    def arcsin_(self) -> Tensor:
        """In-place form of arcsin()."""
    def arcsinh(self) -> Tensor:
        """Same as asinh()."""
    def arcsinh_(self) -> Tensor:
        """In-place form of arcsinh()."""
    def arctan(self) -> Tensor:
        """Same as atan()."""
    def arctan_(self) -> Tensor:
        """In-place form of arctan()."""
    def arctan2(self, other: _Operand) -> Tensor:
        """Same as atan2()."""
    def arctan2_(self, other: _Operand) -> Tensor:
        """In-place form of arctan2()."""
    def arctanh(self) -> Tensor:
        """Same as atanh()."""
    def arctanh_(self) -> Tensor:
        """In-place form of arctanh()."""
    def argmax(self, dim: _int | None = None, keepdim: _bool = False) -> Tensor:
        """Index of the largest element (the first of equals) along `dim`, or in the flattened tensor."""
    def argmin(self, dim: _int | None = None, keepdim: _bool = False) -> Tensor:
        """Index of the smallest element (the first of equals) along `dim`, or in the flattened tensor."""
    def argsort(self, dim: _int = -1, descending: _bool = False, stable: _bool = False) -> Tensor:
        """The indices that sort along `dim`. Always stable; NaN counts as the largest."""
    def argwhere(self) -> Tensor:
        """Positions of the elements that are not zero, one row each."""
    def as_strided(self, size: _int | Sequence[_int], stride: _int | Sequence[_int], storage_offset: _int | None = None) -> Tensor:
        """A view of the storage by raw geometry, in elements; RuntimeError beyond the storage. Gradients of elements that share a place add up."""
    def as_strided_(self, size: _int | Sequence[_int], stride: _int | Sequence[_int], storage_offset: _int | None = None) -> Tensor:
        """In-place form of as_strided()."""
    def as_strided_scatter(self, src: Tensor, size: _int | Sequence[_int], stride: _int | Sequence[_int], storage_offset: _int | None = None) -> Tensor:
        """A contiguous copy with `src` written to the region that as_strided would give of it."""
    def asin(self) -> Tensor:
        """Inverse sine, in [-pi/2, pi/2]; NaN outside [-1, 1]."""
    def asin_(self) -> Tensor:
        """In-place form of asin()."""
    def asinh(self) -> Tensor:
        """Inverse hyperbolic sine."""
    def asinh_(self) -> Tensor:
        """In-place form of asinh()."""
    def atan(self) -> Tensor:
        """Inverse tangent, in [-pi/2, pi/2]."""
    def atan_(self) -> Tensor:
        """In-place form of atan()."""
    def atan2(self, other: _Operand) -> Tensor:
        """The angle of the point (other, input), in [-pi, pi]; its derivative at the origin is 0."""
    def atan2_(self, other: _Operand) -> Tensor:
        """In-place form of atan2()."""
    def atanh(self) -> Tensor:
        """Inverse hyperbolic tangent; NaN outside [-1, 1]."""
    def atanh_(self) -> Tensor:
        """In-place form of atanh()."""
    def baddbmm(self, batch1: Tensor, batch2: Tensor, *, beta: _Number = 1, alpha: _Number = 1) -> Tensor:
        """beta * input + alpha * bmm(batch1, batch2); with beta 0 input is not read."""
    def baddbmm_(self, batch1: Tensor, batch2: Tensor, *, beta: _Number = 1, alpha: _Number = 1) -> Tensor:
        """In-place form of baddbmm()."""
    @overload
    def bernoulli(self, *, generator: Generator | None = None) -> Tensor: ...
    @overload
    def bernoulli(self, p: _float, *, generator: Generator | None = None) -> Tensor:
        """1 with the probability that each element gives, else 0."""
    def bernoulli_(self, p: _float, *, generator: Generator | None = None) -> Tensor:
        """In-place form of bernoulli()."""
    def bfloat16(self) -> Tensor:
        """The tensor as bfloat16."""
    def bincount(self, weights: Tensor | None = None, minlength: _int = 0) -> Tensor:
        """How often each of 0, 1, ... occurs in a 1-d tensor, or the sum of its weights."""
    def bitwise_and(self, other: _Operand) -> Tensor:
        """a & b"""
    def bitwise_and_(self, other: _Operand) -> Tensor:
        """In-place form of bitwise_and()."""
    def bitwise_left_shift(self, other: _Operand) -> Tensor:
        """Same as lshift()."""
    def bitwise_left_shift_(self, other: _Operand) -> Tensor:
        """In-place form of bitwise_left_shift()."""
    def bitwise_not(self) -> Tensor:
        """~x; logical not for bool."""
    def bitwise_not_(self) -> Tensor:
        """In-place form of bitwise_not()."""
    def bitwise_or(self, other: _Operand) -> Tensor:
        """a | b"""
    def bitwise_or_(self, other: _Operand) -> Tensor:
        """In-place form of bitwise_or()."""
    def bitwise_right_shift(self, other: _Operand) -> Tensor:
        """Same as rshift()."""
    def bitwise_right_shift_(self, other: _Operand) -> Tensor:
        """In-place form of bitwise_right_shift()."""
    def bitwise_xor(self, other: _Operand) -> Tensor:
        """a ^ b"""
    def bitwise_xor_(self, other: _Operand) -> Tensor:
        """In-place form of bitwise_xor()."""
    def bmm(self, mat2: Tensor) -> Tensor:
        """Products of two batches of matrices, pair by pair."""
    def bool(self) -> Tensor:
        """The tensor as bool: True where it is not zero."""
    @overload
    def broadcast_to(self, size: _int | Sequence[_int]) -> Tensor: ...
    @overload
    def broadcast_to(self, *size: _int) -> Tensor:
        """A view of shape `size`, with dimensions of size 1 repeated without copying; the same as expand."""
    def bucketize(self, boundaries: Tensor, *, out_int32: _bool = False, right: _bool = False) -> Tensor:
        """How many of the sorted boundaries are less than each element, or not greater if right."""
    def byte(self) -> Tensor:
        """The tensor as uint8."""
    def cauchy_(self, median: _float = 0, sigma: _float = 1, *, generator: Generator | None = None) -> Tensor:
        """In-place form of cauchy()."""
    def ceil(self) -> Tensor:
        """The smallest integer not below x."""
    def ceil_(self) -> Tensor:
        """In-place form of ceil()."""
    def char(self) -> Tensor:
        """The tensor as int8."""
    def chunk(self, chunks: _int, dim: _int = 0) -> tuple[Tensor, ...]:
        """At most `chunks` views of equal length along `dim`; the last may be shorter."""
    def clamp(self, min: _Operand | None = None, max: _Operand | None = None) -> Tensor:
        """input limited to [min, max]; the limits pass the gradient."""
    def clamp_(self, min: _Operand | None = None, max: _Operand | None = None) -> Tensor:
        """In-place form of clamp()."""
    def clamp_max(self, max: _Operand) -> Tensor:
        """input, at most max."""
    def clamp_max_(self, max: _Operand) -> Tensor:
        """In-place form of clamp_max()."""
    def clamp_min(self, min: _Operand) -> Tensor:
        """input, at least min."""
    def clamp_min_(self, min: _Operand) -> Tensor:
        """In-place form of clamp_min()."""
    def clip(self, min: _Operand | None = None, max: _Operand | None = None) -> Tensor:
        """Same as clamp()."""
    def clip_(self, min: _Operand | None = None, max: _Operand | None = None) -> Tensor:
        """In-place form of clip()."""
    def clone(self) -> Tensor:
        """A copy with history."""
    def contiguous(self) -> Tensor:
        """The tensor itself if its elements lie in row-major order, else a copy."""
    def copy_(self, src: Tensor, non_blocking: _bool = False) -> Tensor:
        """Overwrites the tensor with `src`, broadcast to its shape and converted to its dtype. Returns self."""
    def copysign(self, other: _Operand) -> Tensor:
        """The magnitude of input with the sign of other."""
    def copysign_(self, other: _Operand) -> Tensor:
        """In-place form of copysign()."""
    def corrcoef(self) -> Tensor:
        """Pearson's correlation coefficients of the rows of input."""
    def cos(self) -> Tensor:
        """Cosine."""
    def cos_(self) -> Tensor:
        """In-place form of cos()."""
    def cosh(self) -> Tensor:
        """Hyperbolic cosine."""
    def cosh_(self) -> Tensor:
        """In-place form of cosh()."""
    def count_nonzero(self, dim: _int | Sequence[_int] | None = None) -> Tensor:
        """Number of nonzero elements over the dimensions `dim` (all by default)."""
    def cov(self, *, correction: _int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None) -> Tensor:
        """Covariance matrix of the rows of input, its columns being observations."""
    def cross(self, other: Tensor, dim: _int | None = None) -> Tensor:
        """Cross product along `dim` of size 3, by default the first such dimension."""
    def cummax(self, dim: _int) -> _cummax_result:
        """Running maximum along `dim`, and where it was (the last of equals)."""
    def cummin(self, dim: _int) -> _cummin_result:
        """Running minimum along `dim`, and where it was (the last of equals)."""
    def cumprod(self, dim: _int, *, dtype: _dtype | None = None) -> Tensor:
        """Running product along `dim`; integers and bool give int64."""
    def cumprod_(self, dim: _int, *, dtype: _dtype | None = None) -> Tensor:
        """In-place form of cumprod()."""
    def cumsum(self, dim: _int, *, dtype: _dtype | None = None) -> Tensor:
        """Running sum along `dim`; integers and bool give int64."""
    def cumsum_(self, dim: _int, *, dtype: _dtype | None = None) -> Tensor:
        """In-place form of cumsum()."""
    def deg2rad(self) -> Tensor:
        """Degrees to radians."""
    def deg2rad_(self) -> Tensor:
        """In-place form of deg2rad()."""
    def diag(self, diagonal: _int = 0) -> Tensor:
        """The matrix with a vector on a diagonal, or the diagonal of a matrix as a copy."""
    def diag_embed(self, offset: _int = 0, dim1: _int = -2, dim2: _int = -1) -> Tensor:
        """Matrices with the last dimension of `input` on their diagonals, zero elsewhere; they lie in dimensions `dim1` and `dim2` of the result."""
    def diagflat(self, offset: _int = 0) -> Tensor:
        """The matrix with all elements of `input`, in order, on a diagonal."""
    def diagonal(self, offset: _int = 0, dim1: _int = 0, dim2: _int = 1) -> Tensor:
        """A view of the diagonal of two dimensions, as the last dimension."""
    def diagonal_scatter(self, src: Tensor, offset: _int = 0, dim1: _int = 0, dim2: _int = 1) -> Tensor:
        """A copy with `src` on the diagonal of two dimensions."""
    def diff(self, n: _int = 1, dim: _int = -1, prepend: Tensor | None = None, append: Tensor | None = None) -> Tensor:
        """The n-th difference of neighbours along `dim`."""
    def digamma(self) -> Tensor:
        """The derivative of lgamma."""
    def digamma_(self) -> Tensor:
        """In-place form of digamma()."""
    def dist(self, other: Tensor, p: _float = 2) -> Tensor:
        """The p-norm of input - other."""
    def div(self, other: _Operand, *, rounding_mode: _str | None = None) -> Tensor:
        """input / other; rounding_mode 'floor' or 'trunc' rounds down or towards zero."""
    def div_(self, other: _Operand, *, rounding_mode: _str | None = None) -> Tensor:
        """In-place form of div()."""
    def divide(self, other: _Operand, *, rounding_mode: _str | None = None) -> Tensor:
        """input / other; rounding_mode 'floor' or 'trunc' rounds down or towards zero."""
    def divide_(self, other: _Operand, *, rounding_mode: _str | None = None) -> Tensor:
        """In-place form of divide()."""
    def dot(self, other: Tensor) -> Tensor:
        """Sum of the products of two vectors' elements."""
    def double(self) -> Tensor:
        """The tensor as float64."""
    @overload
    def dsplit(self, sections: _int) -> tuple[Tensor, ...]: ...
    @overload
    def dsplit(self, indices: _int | Sequence[_int]) -> tuple[Tensor, ...]: ...
    @overload
    def dsplit(self, *indices: _int) -> tuple[Tensor, ...]:
        """Equal views along dimension 2."""
    def eq(self, other: _Operand) -> Tensor:
        """a == b"""
    def eq_(self, other: _Operand) -> Tensor:
        """In-place form of eq()."""
    def equal(self, other: Tensor) -> _bool:
        """True if shape and all elements are the same."""
    def erf(self) -> Tensor:
        """The error function, 2 / sqrt(pi) times the integral of e^-t^2 from 0 to x."""
    def erf_(self) -> Tensor:
        """In-place form of erf()."""
    def erfc(self) -> Tensor:
        """1 - erf(x), accurate where it is small."""
    def erfc_(self) -> Tensor:
        """In-place form of erfc()."""
    def erfinv(self) -> Tensor:
        """The inverse of erf; NaN outside [-1, 1]."""
    def erfinv_(self) -> Tensor:
        """In-place form of erfinv()."""
    def exp(self) -> Tensor:
        """e^x"""
    def exp_(self) -> Tensor:
        """In-place form of exp()."""
    def exp2(self) -> Tensor:
        """2^x"""
    def exp2_(self) -> Tensor:
        """In-place form of exp2()."""
    @overload
    def expand(self, size: _int | Sequence[_int]) -> Tensor: ...
    @overload
    def expand(self, *size: _int) -> Tensor:
        """A view of shape `size`, with dimensions of size 1 repeated without copying; -1 keeps a size."""
    def expand_as(self, other: Tensor) -> Tensor:
        """A view expanded to the shape of `other`."""
    def expm1(self) -> Tensor:
        """e^x - 1, accurate near 0."""
    def expm1_(self) -> Tensor:
        """In-place form of expm1()."""
    def exponential_(self, lambd: _float = 1, *, generator: Generator | None = None) -> Tensor:
        """In-place form of exponential()."""
    def fill_(self, value: _Operand) -> Tensor:
        """Overwrites every element with a number or a 0-d tensor. Returns self."""
    def fill_diagonal_(self, fill_value: _Number, wrap: _bool = False) -> Tensor:
        """In-place form of fill_diagonal()."""
    def fix(self) -> Tensor:
        """Same as trunc()."""
    def fix_(self) -> Tensor:
        """In-place form of fix()."""
    def flatten(self, start_dim: _int = 0, end_dim: _int = -1) -> Tensor:
        """The dimensions from `start_dim` to `end_dim` merged into one; a view where strides allow it."""
    @overload
    def flip(self, dims: _int | Sequence[_int]) -> Tensor: ...
    @overload
    def flip(self, *dims: _int) -> Tensor:
        """A copy with the dimensions `dims` reversed."""
    def fliplr(self) -> Tensor:
        """A copy with dimension 1 reversed."""
    def flipud(self) -> Tensor:
        """A copy with dimension 0 reversed."""
    def float(self) -> Tensor:
        """The tensor as float32."""
    def float_power(self, exponent: _Operand) -> Tensor:
        """input to the power exponent, computed and returned in float64."""
    def float_power_(self, exponent: _Operand) -> Tensor:
        """In-place form of float_power()."""
    def floor(self) -> Tensor:
        """The largest integer not above x."""
    def floor_(self) -> Tensor:
        """In-place form of floor()."""
    def floor_divide(self, other: _Operand) -> Tensor:
        """floor(a / b). Integers by 0 raise RuntimeError."""
    def floor_divide_(self, other: _Operand) -> Tensor:
        """In-place form of floor_divide()."""
    def fmax(self, other: _Operand) -> Tensor:
        """The larger of input and other; a number where the other is NaN."""
    def fmax_(self, other: _Operand) -> Tensor:
        """In-place form of fmax()."""
    def fmin(self, other: _Operand) -> Tensor:
        """The smaller of input and other; a number where the other is NaN."""
    def fmin_(self, other: _Operand) -> Tensor:
        """In-place form of fmin()."""
    def fmod(self, other: _Operand) -> Tensor:
        """a - b * trunc(a / b), with the sign of a, exact. Integers by 0 raise RuntimeError."""
    def fmod_(self, other: _Operand) -> Tensor:
        """In-place form of fmod()."""
    def frac(self) -> Tensor:
        """The fraction of input, with its sign."""
    def frac_(self) -> Tensor:
        """In-place form of frac()."""
    def gather(self, dim: _int, index: Tensor) -> Tensor:
        """Elements along `dim` picked by an index of the output's shape."""
    def gcd(self, other: _Operand) -> Tensor:
        """Greatest common divisor, not negative."""
    def gcd_(self, other: _Operand) -> Tensor:
        """In-place form of gcd()."""
    def ge(self, other: _Operand) -> Tensor:
        """a >= b"""
    def ge_(self, other: _Operand) -> Tensor:
        """In-place form of ge()."""
    def geometric_(self, p: _float, *, generator: Generator | None = None) -> Tensor:
        """In-place form of geometric()."""
    def ger(self, vec2: Tensor) -> Tensor:
        """The same as outer."""
    def greater(self, other: _Operand) -> Tensor:
        """Same as gt()."""
    def greater_(self, other: _Operand) -> Tensor:
        """In-place form of greater()."""
    def greater_equal(self, other: _Operand) -> Tensor:
        """Same as ge()."""
    def greater_equal_(self, other: _Operand) -> Tensor:
        """In-place form of greater_equal()."""
    def gt(self, other: _Operand) -> Tensor:
        """a > b"""
    def gt_(self, other: _Operand) -> Tensor:
        """In-place form of gt()."""
    def half(self) -> Tensor:
        """The tensor as float16."""
    def heaviside(self, values: Tensor) -> Tensor:
        """0 where input is negative, 1 where positive, `values` where it is 0."""
    def heaviside_(self, values: Tensor) -> Tensor:
        """In-place form of heaviside()."""
    def histc(self, bins: _int = 100, min: _Number = 0, max: _Number = 0) -> Tensor:
        """Counts in equal bins from min to max, or over the range of the input if they are equal."""
    @overload
    def histogram(self, bins: Tensor, *, weight: Tensor | None = None, density: _bool = False) -> _histogram_result: ...
    @overload
    def histogram(self, bins: _int = 100, *, range: Sequence[_float] | None = None, weight: Tensor | None = None, density: _bool = False) -> _histogram_result:
        """Weights between the edges `bins`, and the edges."""
    @overload
    def hsplit(self, sections: _int) -> tuple[Tensor, ...]: ...
    @overload
    def hsplit(self, indices: _int | Sequence[_int]) -> tuple[Tensor, ...]: ...
    @overload
    def hsplit(self, *indices: _int) -> tuple[Tensor, ...]:
        """Equal views along dimension 1, of a vector along dimension 0."""
    def hypot(self, other: _Operand) -> Tensor:
        """sqrt(input^2 + other^2) without overflow; its derivative at the origin is 0."""
    def hypot_(self, other: _Operand) -> Tensor:
        """In-place form of hypot()."""
    def i0(self) -> Tensor:
        """Modified Bessel function of the first kind of order 0."""
    def i0_(self) -> Tensor:
        """In-place form of i0()."""
    def igamma(self, other: _Operand) -> Tensor:
        """The regularised lower incomplete gamma function: the probability of less than other of a gamma distribution of shape input; NaN for negative operands."""
    def igamma_(self, other: _Operand) -> Tensor:
        """In-place form of igamma()."""
    def igammac(self, other: _Operand) -> Tensor:
        """The regularised upper incomplete gamma function, 1 - igamma without its rounding."""
    def igammac_(self, other: _Operand) -> Tensor:
        """In-place form of igammac()."""
    def index_add(self, dim: _int, index: Tensor, source: Tensor, *, alpha: _Number = 1) -> Tensor:
        """Adds alpha * source to the positions `index` of dimension `dim`, in the order of the index."""
    def index_add_(self, dim: _int, index: Tensor, source: Tensor, *, alpha: _Number = 1) -> Tensor:
        """In-place form of index_add()."""
    def index_copy(self, dim: _int, index: Tensor, source: Tensor) -> Tensor:
        """Writes `source` to the positions `index` of dimension `dim`."""
    def index_copy_(self, dim: _int, index: Tensor, source: Tensor) -> Tensor:
        """In-place form of index_copy()."""
    def index_fill(self, dim: _int, index: Tensor, value: _Operand) -> Tensor:
        """Fills the positions `index` of dimension `dim` with a number or a 0-d tensor."""
    def index_fill_(self, dim: _int, index: Tensor, value: _Operand) -> Tensor:
        """In-place form of index_fill()."""
    def index_put(self, indices: Sequence[Tensor], values: Tensor, accumulate: _bool = False) -> Tensor:
        """A copy with `values` written (or added, with accumulate) where the index tensors point."""
    def index_put_(self, indices: Sequence[Tensor], values: Tensor, accumulate: _bool = False) -> Tensor:
        """Writes (or adds, with accumulate) `values` where the index tensors point. Returns self."""
    def index_reduce(self, dim: _int, index: Tensor, source: Tensor, reduce: _str, *, include_self: _bool = True) -> Tensor:
        """A copy in which the positions `index` of dimension `dim` hold the prod, mean, amax or amin of the slices of `source` sent there."""
    def index_reduce_(self, dim: _int, index: Tensor, source: Tensor, reduce: _str, *, include_self: _bool = True) -> Tensor:
        """In-place form of index_reduce()."""
    def index_select(self, dim: _int, index: Tensor) -> Tensor:
        """The positions `index` (1-d) of dimension `dim`, as a copy."""
    def inner(self, other: Tensor) -> Tensor:
        """Sums of products over the last dimension of both: shape input[:-1] + other[:-1]."""
    def int(self) -> Tensor:
        """The tensor as int32."""
    def is_same_size(self, other: Tensor) -> _bool:
        """Whether two tensors have the same shape."""
    def isclose(self, other: Tensor, rtol: _float = 1e-05, atol: _float = 1e-08, equal_nan: _bool = False) -> Tensor:
        """Where abs(input - other) <= atol + rtol * abs(other)."""
    def isfinite(self) -> Tensor:
        """Whether x is neither infinite nor NaN."""
    def isinf(self) -> Tensor:
        """Whether x is infinite."""
    def isnan(self) -> Tensor:
        """Whether x is NaN."""
    def isneginf(self) -> Tensor:
        """Whether x is -infinity."""
    def isposinf(self) -> Tensor:
        """Whether x is +infinity."""
    def isreal(self) -> Tensor:
        """True everywhere: no dtype is complex."""
    def kron(self, other: Tensor) -> Tensor:
        """Kronecker product: each element of `input` times all of `other`, in blocks."""
    def kthvalue(self, k: _int, dim: _int = -1, keepdim: _bool = False) -> _kthvalue_result:
        """The k-th smallest elements along `dim`, counted from 1, and where they were."""
    def lcm(self, other: _Operand) -> Tensor:
        """Least common multiple, not negative."""
    def lcm_(self, other: _Operand) -> Tensor:
        """In-place form of lcm()."""
    def ldexp(self, other: _Operand) -> Tensor:
        """input * 2^other"""
    def ldexp_(self, other: _Operand) -> Tensor:
        """In-place form of ldexp()."""
    def le(self, other: _Operand) -> Tensor:
        """a <= b"""
    def le_(self, other: _Operand) -> Tensor:
        """In-place form of le()."""
    def lerp(self, end: Tensor, weight: _Operand) -> Tensor:
        """input + weight * (end - input), exact at both ends."""
    def lerp_(self, end: Tensor, weight: _Operand) -> Tensor:
        """In-place form of lerp()."""
    def less(self, other: _Operand) -> Tensor:
        """Same as lt()."""
    def less_(self, other: _Operand) -> Tensor:
        """In-place form of less()."""
    def less_equal(self, other: _Operand) -> Tensor:
        """Same as le()."""
    def less_equal_(self, other: _Operand) -> Tensor:
        """In-place form of less_equal()."""
    def lgamma(self) -> Tensor:
        """log |Gamma(x)|"""
    def lgamma_(self) -> Tensor:
        """In-place form of lgamma()."""
    def log(self) -> Tensor:
        """Natural logarithm."""
    def log_(self) -> Tensor:
        """In-place form of log()."""
    def log10(self) -> Tensor:
        """Logarithm to base 10."""
    def log10_(self) -> Tensor:
        """In-place form of log10()."""
    def log1p(self) -> Tensor:
        """log(1 + x), accurate near 0."""
    def log1p_(self) -> Tensor:
        """In-place form of log1p()."""
    def log2(self) -> Tensor:
        """Logarithm to base 2."""
    def log2_(self) -> Tensor:
        """In-place form of log2()."""
    def log_normal_(self, mean: _float = 1, std: _float = 2, *, generator: Generator | None = None) -> Tensor:
        """In-place form of log_normal()."""
    def log_softmax(self, dim: _int, dtype: _dtype | None = None) -> Tensor:
        """The logarithm of softmax(), without overflow."""
    def logaddexp(self, other: _Operand) -> Tensor:
        """log(e^input + e^other) without overflow."""
    def logaddexp_(self, other: _Operand) -> Tensor:
        """In-place form of logaddexp()."""
    def logaddexp2(self, other: _Operand) -> Tensor:
        """log2(2^input + 2^other) without overflow."""
    def logaddexp2_(self, other: _Operand) -> Tensor:
        """In-place form of logaddexp2()."""
    def logcumsumexp(self, dim: _int) -> Tensor:
        """log(cumsum(exp(x))) along `dim`, without overflow."""
    def logical_and(self, other: _Operand) -> Tensor:
        """Whether both are nonzero."""
    def logical_and_(self, other: _Operand) -> Tensor:
        """In-place form of logical_and()."""
    def logical_not(self) -> Tensor:
        """Whether x is zero."""
    def logical_not_(self) -> Tensor:
        """In-place form of logical_not()."""
    def logical_or(self, other: _Operand) -> Tensor:
        """Whether either is nonzero."""
    def logical_or_(self, other: _Operand) -> Tensor:
        """In-place form of logical_or()."""
    def logical_xor(self, other: _Operand) -> Tensor:
        """Whether exactly one is nonzero."""
    def logical_xor_(self, other: _Operand) -> Tensor:
        """In-place form of logical_xor()."""
    def logit(self, eps: _float | None = None) -> Tensor:
        """log(input / (1 - input)), the input limited to [eps, 1 - eps] if eps is given."""
    def logit_(self, eps: _float | None = None) -> Tensor:
        """In-place form of logit()."""
    def logsumexp(self, dim: _int | Sequence[_int], keepdim: _bool = False) -> Tensor:
        """log(sum(exp(x))) over the dimensions `dim`, without overflow."""
    def long(self) -> Tensor:
        """The tensor as int64."""
    def lt(self, other: _Operand) -> Tensor:
        """a < b"""
    def lt_(self, other: _Operand) -> Tensor:
        """In-place form of lt()."""
    @property
    def mH(self) -> Tensor: ...
    @property
    def mT(self) -> Tensor: ...
    def masked_fill(self, mask: Tensor, value: _Operand) -> Tensor:
        """The input with a number or a 0-d tensor where `mask` is True."""
    def masked_fill_(self, mask: Tensor, value: _Operand) -> Tensor:
        """In-place form of masked_fill()."""
    def masked_scatter(self, mask: Tensor, source: Tensor) -> Tensor:
        """A copy with the elements of `source`, in order, where `mask` is True."""
    def masked_scatter_(self, mask: Tensor, source: Tensor) -> Tensor:
        """In-place form of masked_scatter()."""
    def masked_select(self, mask: Tensor) -> Tensor:
        """The elements where `mask` is True, 1-d."""
    def matmul(self, other: Tensor) -> Tensor:
        """Matrix product of the last two dimensions; leading dimensions broadcast, vectors are rows or columns."""
    @overload
    def max(self) -> Tensor: ...
    @overload
    def max(self, dim: _int, keepdim: _bool = False) -> _max_result: ...
    @overload
    def max(self, other: Tensor) -> Tensor:
        """Largest element; NaN if there is one. Ties share the gradient."""
    def maximum(self, other: _Operand) -> Tensor:
        """The larger of a and b; NaN if either is. Equal operands share the gradient."""
    def maximum_(self, other: _Operand) -> Tensor:
        """In-place form of maximum()."""
    def mean(self, dim: _int | Sequence[_int] | None = None, keepdim: _bool = False, *, dtype: _dtype | None = None) -> Tensor:
        """Mean over the dimensions `dim` (all by default)."""
    @overload
    def median(self) -> Tensor: ...
    @overload
    def median(self, dim: _int, keepdim: _bool = False) -> _median_result:
        """The median of all elements, the lower one of two; NaN if there is one."""
    @overload
    def min(self) -> Tensor: ...
    @overload
    def min(self, dim: _int, keepdim: _bool = False) -> _min_result: ...
    @overload
    def min(self, other: Tensor) -> Tensor:
        """Smallest element; NaN if there is one. Ties share the gradient."""
    def minimum(self, other: _Operand) -> Tensor:
        """The smaller of a and b; NaN if either is. Equal operands share the gradient."""
    def minimum_(self, other: _Operand) -> Tensor:
        """In-place form of minimum()."""
    def mm(self, mat2: Tensor) -> Tensor:
        """Product of two matrices."""
    def mode(self, dim: _int = -1, keepdim: _bool = False) -> _mode_result:
        """The most frequent elements along `dim`, the smallest of several, and where they were last."""
    def moveaxis(self, source: _int | Sequence[_int], destination: _int | Sequence[_int]) -> Tensor:
        """A view with dimensions moved; NumPy's name of movedim."""
    def movedim(self, source: _int | Sequence[_int], destination: _int | Sequence[_int]) -> Tensor:
        """A view with the dimensions `source` moved to the places `destination`."""
    def msort(self) -> Tensor:
        """Sorted along dimension 0."""
    def mul(self, other: _Operand) -> Tensor:
        """a * b; logical and for bool."""
    def mul_(self, other: _Operand) -> Tensor:
        """In-place form of mul()."""
    def multinomial(self, num_samples: _int, replacement: _bool = False, *, generator: Generator | None = None) -> Tensor:
        """Indices drawn from each row of weights `input`, (n) or (rows, n); int64, (num_samples) or (rows, num_samples)."""
    def multiply(self, other: _Operand) -> Tensor:
        """Same as mul()."""
    def multiply_(self, other: _Operand) -> Tensor:
        """In-place form of multiply()."""
    def mv(self, vec: Tensor) -> Tensor:
        """Product of a matrix and a vector."""
    def mvlgamma(self, p: _int) -> Tensor:
        """Logarithm of the multivariate gamma function of dimension p."""
    def mvlgamma_(self, p: _int) -> Tensor:
        """In-place form of mvlgamma()."""
    def nan_to_num(self, nan: _float | None = None, posinf: _float | None = None, neginf: _float | None = None) -> Tensor:
        """NaN replaced by `nan` (0), infinities by `posinf` and `neginf` (the largest finite numbers)."""
    def nan_to_num_(self, nan: _float | None = None, posinf: _float | None = None, neginf: _float | None = None) -> Tensor:
        """In-place form of nan_to_num()."""
    def nanmean(self, dim: _int | Sequence[_int] | None = None, keepdim: _bool = False, *, dtype: _dtype | None = None) -> Tensor:
        """Mean over the dimensions `dim` (all by default) of what is not NaN."""
    @overload
    def nanmedian(self) -> Tensor: ...
    @overload
    def nanmedian(self, dim: _int, keepdim: _bool = False) -> _nanmedian_result:
        """The median of all elements that are not NaN, the lower one of two."""
    @overload
    def nanquantile(self, q: _float, dim: _int | None = None, keepdim: _bool = False, *, interpolation: _str = "linear") -> Tensor: ...
    @overload
    def nanquantile(self, q: Tensor, dim: _int | None = None, keepdim: _bool = False, *, interpolation: _str = "linear") -> Tensor:
        """The q-th quantile along `dim`, or of all elements, of what is not NaN."""
    def nansum(self, dim: _int | Sequence[_int] | None = None, keepdim: _bool = False, *, dtype: _dtype | None = None) -> Tensor:
        """Sum over the dimensions `dim` (all by default), NaN counting as 0."""
    def narrow(self, dim: _int, start: _int, length: _int) -> Tensor:
        """A view of `length` positions of dimension `dim` from `start` on."""
    def narrow_copy(self, dim: _int, start: _int, length: _int) -> Tensor:
        """narrow() as a copy."""
    def ne(self, other: _Operand) -> Tensor:
        """a != b"""
    def ne_(self, other: _Operand) -> Tensor:
        """In-place form of ne()."""
    def neg(self) -> Tensor:
        """-x"""
    def neg_(self) -> Tensor:
        """In-place form of neg()."""
    def negative(self) -> Tensor:
        """Same as neg()."""
    def negative_(self) -> Tensor:
        """In-place form of negative()."""
    @overload
    def new_empty(self, size: _int | Sequence[_int], *, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None) -> Tensor: ...
    @overload
    def new_empty(self, *size: _int, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None) -> Tensor:
        """Arbitrary values of this tensor's dtype."""
    def new_empty_strided(self, size: _int | Sequence[_int], stride: _int | Sequence[_int], *, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None) -> Tensor:
        """Arbitrary values of this tensor's dtype laid out with these strides."""
    def new_full(self, size: _int | Sequence[_int], fill_value: _Number, *, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None) -> Tensor:
        """One value, of this tensor's dtype."""
    @overload
    def new_ones(self, size: _int | Sequence[_int], *, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None) -> Tensor: ...
    @overload
    def new_ones(self, *size: _int, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None) -> Tensor:
        """Ones of this tensor's dtype."""
    @overload
    def new_zeros(self, size: _int | Sequence[_int], *, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None) -> Tensor: ...
    @overload
    def new_zeros(self, *size: _int, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None) -> Tensor:
        """Zeros of this tensor's dtype."""
    def nextafter(self, other: Tensor) -> Tensor:
        """The next number after input in the direction of other."""
    def nextafter_(self, other: Tensor) -> Tensor:
        """In-place form of nextafter()."""
    def nonzero(self, *, as_tuple: _bool = False) -> Tensor:
        """Positions of the elements that are not zero: one row each, or with as_tuple one tensor per dimension."""
    def nonzero_static(self, *, size: _int, fill_value: _int = -1) -> Tensor:
        """The first `size` rows of nonzero(), filled up with rows of `fill_value`."""
    @overload
    def norm(self, p: _Number | None = 2, dim: _int | Sequence[_int] | None = None, keepdim: _bool = False, dtype: _dtype | None = None) -> Tensor: ...
    @overload
    def norm(self, p: _str, dim: _int | Sequence[_int] | None = None, keepdim: _bool = False, dtype: _dtype | None = None) -> Tensor:
        """The p-norm (sum |x|^p)^(1/p) over the dimensions `dim` (all by default); inf: largest |x|, 0: count of nonzeros."""
    def normal_(self, mean: _float = 0, std: _float = 1, *, generator: Generator | None = None) -> Tensor:
        """In-place form of normal()."""
    def not_equal(self, other: _Operand) -> Tensor:
        """Same as ne()."""
    def not_equal_(self, other: _Operand) -> Tensor:
        """In-place form of not_equal()."""
    def outer(self, vec2: Tensor) -> Tensor:
        """All products of an element of one vector and one of the other."""
    @overload
    def permute(self, dims: _int | Sequence[_int]) -> Tensor: ...
    @overload
    def permute(self, *dims: _int) -> Tensor:
        """A view with the dimensions in the order `dims`."""
    def polygamma(self, n: _int) -> Tensor:
        """The n-th derivative of digamma()."""
    def polygamma_(self, n: _int) -> Tensor:
        """In-place form of polygamma()."""
    def positive(self) -> Tensor:
        """The input itself."""
    def pow(self, other: _Operand) -> Tensor:
        """a to the power b. A negative integer power of an integer is 0 but for bases 1 and -1."""
    def pow_(self, other: _Operand) -> Tensor:
        """In-place form of pow()."""
    def prelu(self, weight: Tensor) -> Tensor:
        """input where positive, weight (one, or one per channel) * input elsewhere."""
    @overload
    def prod(self, *, dtype: _dtype | None = None) -> Tensor: ...
    @overload
    def prod(self, dim: _int, keepdim: _bool = False, *, dtype: _dtype | None = None) -> Tensor:
        """Product of all elements; integers and bool give int64."""
    def put(self, index: Tensor, source: Tensor, accumulate: _bool = False) -> Tensor:
        """A copy with `source` written (added, with accumulate) at positions `index` of the flattened tensor."""
    def put_(self, index: Tensor, source: Tensor, accumulate: _bool = False) -> Tensor:
        """In-place form of put()."""
    @overload
    def quantile(self, q: _float, dim: _int | None = None, keepdim: _bool = False, *, interpolation: _str = "linear") -> Tensor: ...
    @overload
    def quantile(self, q: Tensor, dim: _int | None = None, keepdim: _bool = False, *, interpolation: _str = "linear") -> Tensor:
        """The q-th quantile along `dim`, or of all elements; NaN if there is one."""
    def rad2deg(self) -> Tensor:
        """Radians to degrees."""
    def rad2deg_(self) -> Tensor:
        """In-place form of rad2deg()."""
    @overload
    def random_(self, *, generator: Generator | None = None) -> Tensor: ...
    @overload
    def random_(self, to: _int, *, generator: Generator | None = None) -> Tensor: ...
    @overload
    def random_(self, from_: _int, to: _int, *, generator: Generator | None = None) -> Tensor:
        """In-place form of random()."""
    def ravel(self) -> Tensor:
        """One dimension; a view where strides allow it."""
    def reciprocal(self) -> Tensor:
        """1 / x"""
    def reciprocal_(self) -> Tensor:
        """In-place form of reciprocal()."""
    def relu(self) -> Tensor:
        """max(x, 0)"""
    def relu_(self) -> Tensor:
        """In-place form of relu()."""
    def remainder(self, other: _Operand) -> Tensor:
        """a - b * floor(a / b), with the sign of b. Integers by 0 raise RuntimeError."""
    def remainder_(self, other: _Operand) -> Tensor:
        """In-place form of remainder()."""
    def renorm(self, p: _float, dim: _int, maxnorm: _float) -> Tensor:
        """Each slice along `dim` scaled down to a p-norm of at most maxnorm."""
    def renorm_(self, p: _float, dim: _int, maxnorm: _float) -> Tensor:
        """In-place form of renorm()."""
    @overload
    def repeat(self, repeats: _int | Sequence[_int]) -> Tensor: ...
    @overload
    def repeat(self, *repeats: _int) -> Tensor:
        """A copy repeated along each dimension; more repeats than dimensions add leading ones."""
    @overload
    def repeat_interleave(self, repeats: _int, dim: _int | None = None, *, output_size: _int | None = None) -> Tensor: ...
    @overload
    def repeat_interleave(self, repeats: Tensor, dim: _int | None = None, *, output_size: _int | None = None) -> Tensor:
        """Each position of dimension `dim` (each element without it) `repeats` times in a row."""
    @overload
    def reshape(self, shape: _int | Sequence[_int]) -> Tensor: ...
    @overload
    def reshape(self, *shape: _int) -> Tensor:
        """The same elements in another shape: a view where strides allow it, else a copy. One size may be -1."""
    def reshape_as(self, other: Tensor) -> Tensor:
        """The same elements in the shape of `other`."""
    def roll(self, shifts: _int | Sequence[_int], dims: _int | Sequence[_int] = ...) -> Tensor:
        """A copy shifted cyclically along `dims`; of the flattened tensor if there are none."""
    def rot90(self, k: _int = 1, dims: _int | Sequence[_int] = ...) -> Tensor:
        """A copy turned by `k` quarters from the first of `dims` towards the second."""
    def round(self, *, decimals: _int = 0) -> Tensor:
        """The nearest multiple of 10^-decimals, halves to even."""
    def round_(self, *, decimals: _int = 0) -> Tensor:
        """In-place form of round()."""
    def rsqrt(self) -> Tensor:
        """1 / sqrt(x)"""
    def rsqrt_(self) -> Tensor:
        """In-place form of rsqrt()."""
    @overload
    def scatter(self, dim: _int, index: Tensor, src: Tensor) -> Tensor: ...
    @overload
    def scatter(self, dim: _int, index: Tensor, value: _Number) -> Tensor: ...
    @overload
    def scatter(self, dim: _int, index: Tensor, src: Tensor, *, reduce: _str) -> Tensor: ...
    @overload
    def scatter(self, dim: _int, index: Tensor, value: _Number, *, reduce: _str) -> Tensor:
        """Writes `src` along `dim` to the places an index of its shape names."""
    @overload
    def scatter_(self, dim: _int, index: Tensor, src: Tensor) -> Tensor: ...
    @overload
    def scatter_(self, dim: _int, index: Tensor, value: _Number) -> Tensor: ...
    @overload
    def scatter_(self, dim: _int, index: Tensor, src: Tensor, *, reduce: _str) -> Tensor: ...
    @overload
    def scatter_(self, dim: _int, index: Tensor, value: _Number, *, reduce: _str) -> Tensor:
        """In-place form of scatter()."""
    def scatter_add(self, dim: _int, index: Tensor, src: Tensor) -> Tensor:
        """Adds `src` along `dim` to the places an index of its shape names, in the order of the index."""
    def scatter_add_(self, dim: _int, index: Tensor, src: Tensor) -> Tensor:
        """In-place form of scatter_add()."""
    def scatter_reduce(self, dim: _int, index: Tensor, src: Tensor, reduce: _str, *, include_self: _bool = True) -> Tensor:
        """A copy in which the places along `dim` that an index names hold the sum, prod, mean, amax or amin of the `src` elements sent there (and of their own value, with include_self)."""
    def scatter_reduce_(self, dim: _int, index: Tensor, src: Tensor, reduce: _str, *, include_self: _bool = True) -> Tensor:
        """In-place form of scatter_reduce()."""
    def select(self, dim: _int, index: _int) -> Tensor:
        """The slice at position `index` of dimension `dim`, a view without that dimension."""
    def select_scatter(self, src: Tensor, dim: _int, index: _int) -> Tensor:
        """A copy with `src` at position `index` of dimension `dim`."""
    def sgn(self) -> Tensor:
        """Same as sign()."""
    def sgn_(self) -> Tensor:
        """In-place form of sgn()."""
    def short(self) -> Tensor:
        """The tensor as int16."""
    def sigmoid(self) -> Tensor:
        """1 / (1 + e^-x)"""
    def sigmoid_(self) -> Tensor:
        """In-place form of sigmoid()."""
    def sign(self) -> Tensor:
        """-1, 0 or 1; 0 for NaN."""
    def sign_(self) -> Tensor:
        """In-place form of sign()."""
    def signbit(self) -> Tensor:
        """Whether the sign is negative, that of -0.0 and NaN included."""
    def sin(self) -> Tensor:
        """Sine."""
    def sin_(self) -> Tensor:
        """In-place form of sin()."""
    def sinc(self) -> Tensor:
        """sin(pi x) / (pi x); 1 at 0."""
    def sinc_(self) -> Tensor:
        """In-place form of sinc()."""
    def sinh(self) -> Tensor:
        """Hyperbolic sine."""
    def sinh_(self) -> Tensor:
        """In-place form of sinh()."""
    def slice_scatter(self, src: Tensor, dim: _int = 0, start: _int | None = None, end: _int | None = None, step: _int = 1) -> Tensor:
        """A copy with `src` in the slice start:end:step of dimension `dim`."""
    def softmax(self, dim: _int, dtype: _dtype | None = None) -> Tensor:
        """exp(input) divided by its sum along `dim`, without overflow."""
    def sort(self, dim: _int = -1, descending: _bool = False, stable: _bool = False) -> _sort_result:
        """Elements along `dim` in order, and where they were. Always stable; NaN counts as the largest."""
    @overload
    def split(self, split_size: _int, dim: _int = 0) -> tuple[Tensor, ...]: ...
    @overload
    def split(self, split_size: _int | Sequence[_int], dim: _int = 0) -> tuple[Tensor, ...]:
        """Views of `split_size` positions each along `dim`; the last may be shorter."""
    def split_with_sizes(self, split_sizes: _int | Sequence[_int], dim: _int = 0) -> tuple[Tensor, ...]:
        """Views of the given lengths along `dim`."""
    def sqrt(self) -> Tensor:
        """Square root; its derivative at 0 is infinite."""
    def sqrt_(self) -> Tensor:
        """In-place form of sqrt()."""
    def square(self) -> Tensor:
        """x * x"""
    def square_(self) -> Tensor:
        """In-place form of square()."""
    @overload
    def squeeze(self) -> Tensor: ...
    @overload
    def squeeze(self, dim: _int) -> Tensor: ...
    @overload
    def squeeze(self, dim: _int | Sequence[_int]) -> Tensor: ...
    @overload
    def squeeze(self, *dim: _int) -> Tensor:
        """A view without the dimensions of size 1."""
    @overload
    def squeeze_(self) -> Tensor: ...
    @overload
    def squeeze_(self, dim: _int) -> Tensor: ...
    @overload
    def squeeze_(self, dim: _int | Sequence[_int]) -> Tensor: ...
    @overload
    def squeeze_(self, *dim: _int) -> Tensor:
        """In-place form of squeeze()."""
    @overload
    def std(self, unbiased: _bool) -> Tensor: ...
    @overload
    def std(self, dim: _int | Sequence[_int] | None = None, unbiased: _bool = True, keepdim: _bool = False) -> Tensor: ...
    @overload
    def std(self, dim: _int | Sequence[_int] | None = None, *, correction: _Number | None = 1, keepdim: _bool = False) -> Tensor:
        """Standard deviation of all elements."""
    def sub(self, other: _Operand, *, alpha: _Number = 1) -> Tensor:
        """input - alpha * other"""
    def sub_(self, other: _Operand, *, alpha: _Number = 1) -> Tensor:
        """In-place form of sub()."""
    def subtract(self, other: _Operand, *, alpha: _Number = 1) -> Tensor:
        """input - alpha * other"""
    def subtract_(self, other: _Operand, *, alpha: _Number = 1) -> Tensor:
        """In-place form of subtract()."""
    def sum(self, dim: _int | Sequence[_int] | None = None, keepdim: _bool = False, *, dtype: _dtype | None = None) -> Tensor:
        """Sum over the dimensions `dim` (all by default); integers and bool give int64."""
    @overload
    def sum_to_size(self, size: _int | Sequence[_int]) -> Tensor: ...
    @overload
    def sum_to_size(self, *size: _int) -> Tensor:
        """Sums over the dimensions that broadcasting `size` to the shape of `input` would repeat."""
    def swapaxes(self, axis0: _int, axis1: _int) -> Tensor:
        """A view with two dimensions exchanged; NumPy's name of transpose."""
    def swapaxes_(self, axis0: _int, axis1: _int) -> Tensor:
        """In-place form of swapaxes()."""
    def swapdims(self, dim0: _int, dim1: _int) -> Tensor:
        """A view with two dimensions exchanged; the same as transpose."""
    def swapdims_(self, dim0: _int, dim1: _int) -> Tensor:
        """In-place form of swapdims()."""
    def t(self) -> Tensor:
        """The transposed matrix as a view; up to two dimensions."""
    def t_(self) -> Tensor:
        """In-place form of t()."""
    def take(self, index: Tensor) -> Tensor:
        """The elements at positions `index` of the flattened tensor, in the shape of `index`."""
    def take_along_dim(self, indices: Tensor, dim: _int | None = None) -> Tensor:
        """Elements along `dim` picked by `indices`, which broadcast against the input."""
    def tan(self) -> Tensor:
        """Tangent."""
    def tan_(self) -> Tensor:
        """In-place form of tan()."""
    def tanh(self) -> Tensor:
        """Hyperbolic tangent."""
    def tanh_(self) -> Tensor:
        """In-place form of tanh()."""
    @overload
    def tensor_split(self, sections: _int, dim: _int = 0) -> tuple[Tensor, ...]: ...
    @overload
    def tensor_split(self, indices: _int | Sequence[_int], dim: _int = 0) -> tuple[Tensor, ...]: ...
    @overload
    def tensor_split(self, tensor_indices_or_sections: Tensor, dim: _int = 0) -> tuple[Tensor, ...]:
        """`sections` views along `dim` whose lengths differ by at most one."""
    @overload
    def tile(self, dims: _int | Sequence[_int]) -> Tensor: ...
    @overload
    def tile(self, *dims: _int) -> Tensor:
        """A copy repeated along the last dimensions; like repeat with missing leading repeats of 1."""
    def topk(self, k: _int, dim: _int = -1, largest: _bool = True, sorted: _bool = True) -> _topk_result:
        """The k largest (or smallest) elements along `dim`, and where they were."""
    def trace(self) -> Tensor:
        """Sum of the diagonal of a matrix."""
    def transpose(self, dim0: _int, dim1: _int) -> Tensor:
        """A view with two dimensions exchanged."""
    def transpose_(self, dim0: _int, dim1: _int) -> Tensor:
        """In-place form of transpose()."""
    def tril(self, diagonal: _int = 0) -> Tensor:
        """The lower triangle up to `diagonal`, zero elsewhere."""
    def tril_(self, diagonal: _int = 0) -> Tensor:
        """In-place form of tril()."""
    def triu(self, diagonal: _int = 0) -> Tensor:
        """The upper triangle from `diagonal` on, zero elsewhere."""
    def triu_(self, diagonal: _int = 0) -> Tensor:
        """In-place form of triu()."""
    def true_divide(self, other: _Operand) -> Tensor:
        """input / other"""
    def true_divide_(self, other: _Operand) -> Tensor:
        """In-place form of true_divide()."""
    def trunc(self) -> Tensor:
        """x without its fraction."""
    def trunc_(self) -> Tensor:
        """In-place form of trunc()."""
    def type_as(self, other: Tensor) -> Tensor:
        """The tensor in the dtype of `other`."""
    def unbind(self, dim: _int = 0) -> tuple[Tensor, ...]:
        """One view per position of dimension `dim`, without that dimension."""
    def unflatten(self, dim: _int, sizes: _int | Sequence[_int]) -> Tensor:
        """A view with dimension `dim` split into `sizes`; one of them may be -1."""
    def unfold(self, dimension: _int, size: _int, step: _int) -> Tensor:
        """A view with the windows of `size` positions, `step` apart, of dimension `dimension`, which counts them; a new last dimension holds the positions within each."""
    def uniform_(self, from_: _float = 0, to: _float = 1, *, generator: Generator | None = None) -> Tensor:
        """In-place form of uniform()."""
    def unique(self, sorted: _bool = True, return_inverse: _bool = False, return_counts: _bool = False, dim: _int | None = None) -> Any:
        """The distinct elements, or slices along `dim`, in order; with where each went, and how many."""
    def unique_consecutive(self, return_inverse: _bool = False, return_counts: _bool = False, dim: _int | None = None) -> Any:
        """The first of each run of equal elements, or slices along `dim`; with the run of each, and lengths."""
    def unsafe_chunk(self, chunks: _int, dim: _int = 0) -> tuple[Tensor, ...]:
        """The same as chunk."""
    def unsafe_split(self, split_size: _int, dim: _int = 0) -> tuple[Tensor, ...]:
        """The same as split."""
    def unsafe_split_with_sizes(self, split_sizes: _int | Sequence[_int], dim: _int = 0) -> tuple[Tensor, ...]:
        """The same as split_with_sizes."""
    def unsqueeze(self, dim: _int) -> Tensor:
        """A view with a new dimension of size 1 at `dim`."""
    def unsqueeze_(self, dim: _int) -> Tensor:
        """In-place form of unsqueeze()."""
    @overload
    def var(self, unbiased: _bool) -> Tensor: ...
    @overload
    def var(self, dim: _int | Sequence[_int] | None = None, unbiased: _bool = True, keepdim: _bool = False) -> Tensor: ...
    @overload
    def var(self, dim: _int | Sequence[_int] | None = None, *, correction: _Number | None = 1, keepdim: _bool = False) -> Tensor:
        """Variance of all elements."""
    def vdot(self, other: Tensor) -> Tensor:
        """Sum of the products of two vectors' elements."""
    @overload
    def view(self, dtype: _dtype) -> Tensor: ...
    @overload
    def view(self, size: _int | Sequence[_int]) -> Tensor: ...
    @overload
    def view(self, *size: _int) -> Tensor:
        """The same bytes read as another dtype, without history."""
    def view_as(self, other: Tensor) -> Tensor:
        """A view in the shape of `other`."""
    @overload
    def vsplit(self, sections: _int) -> tuple[Tensor, ...]: ...
    @overload
    def vsplit(self, indices: _int | Sequence[_int]) -> tuple[Tensor, ...]: ...
    @overload
    def vsplit(self, *indices: _int) -> tuple[Tensor, ...]:
        """Equal views along dimension 0."""
    def where(self, condition: Tensor, other: _Operand) -> Tensor:
        """The tensor where `condition` is True, `other` elsewhere; all broadcast."""
    def xlogy(self, other: _Operand) -> Tensor:
        """input * log(other), 0 where input is 0."""
    def xlogy_(self, other: _Operand) -> Tensor:
        """In-place form of xlogy()."""
    def zero_(self) -> Tensor:
        """Overwrites every element with zero. Returns self."""

def tensor(
    data: Any,
    *,
    dtype: _dtype | None = None,
    device: _str | _device | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor:
    """A new tensor with a copy of `data`: a number, nested sequences, a tensor or a NumPy array."""

def as_tensor(
    data: Any, dtype: _dtype | None = None, device: _str | _device | None = None
) -> Tensor:
    """`data` as a tensor: itself, on its memory if it is an array, else a copy."""

def asarray(
    obj: Any,
    *,
    dtype: _dtype | None = None,
    device: _str | _device | None = None,
    copy: _bool | None = None,
    requires_grad: _bool = False,
) -> Tensor:
    """`obj` as a tensor. copy=False raises ValueError where a copy is needed."""

def from_numpy(ndarray: NDArray[Any]) -> Tensor:
    """A tensor on the memory of a NumPy array."""

def promote_types(type1: dtype, type2: dtype) -> dtype:
    """The smallest dtype that holds both."""

def can_cast(from_: dtype, to: dtype) -> _bool:
    """True unless the cast would leave the category: floating point, integer, bool."""

def result_type(tensor1: _Operand, tensor2: _Operand) -> dtype:
    """The dtype of an arithmetic op on these tensors or numbers."""

def is_grad_enabled() -> _bool:
    """True where ops are recorded."""

def is_inference_mode_enabled() -> _bool:
    """True inside inference_mode()."""

def get_num_threads() -> _int:
    """Threads that one op may use."""

def set_num_threads(num_threads: _int) -> None:
    """Sets the number of threads that one op may use. ValueError below 1."""

def set_flush_denormal(mode: _bool) -> _bool:
    """Treats denormal numbers as zero in every thread. False where the CPU cannot."""

def get_default_dtype() -> dtype:
    """The dtype of new floating-point tensors."""

def set_default_dtype(d: dtype) -> None:
    """Sets the dtype of new floating-point tensors. TypeError unless the dtype is floating."""

def _run_backward(
    tensors: Tensor | Sequence[Tensor],
    grads: Tensor | Sequence[Tensor | None] | None,
    inputs: Tensor | Sequence[Tensor] | None,
    retain_graph: _bool,
    create_graph: _bool,
    accumulate: _bool,
    allow_unused: _bool = True,
    /,
) -> tuple[Tensor | None, ...]: ...
def is_autocast_cache_enabled() -> _bool:
    """Whether autocast keeps its casts of weights until the outermost context ends."""

def set_autocast_cache_enabled(enabled: _bool) -> None:
    """Switches the keeping of casts of weights."""

def autocast_increment_nesting() -> _int:
    """Enters a context and returns how many are open."""

def autocast_decrement_nesting() -> _int:
    """Leaves a context and returns how many are still open."""

def clear_autocast_cache() -> None:
    """Forgets the casts of weights."""

def _autocast_enabled() -> _bool: ...
def _autocast_dtype() -> dtype: ...
def _set_autocast_enabled(on: _bool, /) -> None: ...
def _set_autocast_dtype(dtype: dtype, /) -> None: ...
def _set_grad_enabled(on: _bool, /) -> _bool: ...
def _set_inference_mode(on: _bool, /) -> _bool: ...
def _make_subclass(cls: type[_T], data: Tensor, requires_grad: _bool, /) -> _T: ...
def _record_function(
    name: _str,
    entry: Callable[..., Any],
    ctx: Any,
    arguments: Sequence[Tensor | None],
    outputs: Sequence[Tensor],
    saved: Sequence[Tensor | None],
    differentiable: Sequence[_bool],
    dirty: Sequence[Tensor],
    materialize: _bool,
) -> list[Tensor]: ...
def _add_hook(tensor: Tensor, hook: Callable[[Tensor], Tensor | None]) -> _int: ...
def _add_post_hook(tensor: Tensor, hook: Callable[[Tensor], None]) -> _int: ...
def _remove_hook(tensor: Tensor, id: _int) -> _bool: ...
def _add_node_hook(node: Node, hook: Callable[..., Any], post: _bool) -> _int: ...
def _remove_node_hook(node: Node, id: _int) -> _bool: ...
def _add_node_attribute(name: _str, value: object) -> None: ...
def _add_tensor_attribute(name: _str, value: object) -> None: ...
def _set_global_module_hooks(on: _bool) -> None: ...
def _set_fused_forwards(forwards: dict[str, Any]) -> None: ...
def _push_saved_hooks(pack: Callable[[Tensor], Any], unpack: Callable[[Any], Tensor]) -> None: ...
def _pop_saved_hooks() -> None: ...
def _bump_version(t: Tensor) -> None: ...
def _current_run() -> _int: ...
def _runs_now(node: Node) -> _bool: ...
def _show_as_torch() -> None: ...
def _sgd_step(
    params: Sequence[Tensor],
    state: Any,
    lr: Any,
    momentum: _float,
    dampening: _float,
    weight_decay: _float,
    nesterov: _bool,
    maximize: _bool,
    grad_scale: _float,
    /,
) -> None: ...
def _adam_step(
    params: Sequence[Tensor],
    state: Any,
    lr: Any,
    beta1: Any,
    beta2: Any,
    eps: _float,
    weight_decay: _float,
    decoupled: _bool,
    amsgrad: _bool,
    maximize: _bool,
    grad_scale: _float,
    /,
) -> None: ...
def _rmsprop_step(
    params: Sequence[Tensor],
    state: Any,
    lr: Any,
    alpha: _float,
    eps: _float,
    weight_decay: _float,
    momentum: _float,
    centered: _bool,
    maximize: _bool,
    grad_scale: _float,
    /,
) -> None: ...
def _adagrad_step(
    params: Sequence[Tensor],
    state: Any,
    lr: Any,
    lr_decay: _float,
    eps: _float,
    weight_decay: _float,
    maximize: _bool,
    grad_scale: _float,
    /,
) -> None: ...
def _nadam_step(
    params: Sequence[Tensor],
    state: Any,
    lr: Any,
    beta1: _float,
    beta2: _float,
    eps: _float,
    weight_decay: _float,
    momentum_decay: _float,
    decoupled: _bool,
    maximize: _bool,
    grad_scale: _float,
    /,
) -> None: ...
def _radam_step(
    params: Sequence[Tensor],
    state: Any,
    lr: Any,
    beta1: _float,
    beta2: _float,
    eps: _float,
    weight_decay: _float,
    decoupled: _bool,
    maximize: _bool,
    grad_scale: _float,
    /,
) -> None: ...
def _adamax_step(
    params: Sequence[Tensor],
    state: Any,
    lr: Any,
    beta1: _float,
    beta2: _float,
    eps: _float,
    weight_decay: _float,
    maximize: _bool,
    grad_scale: _float,
    /,
) -> None: ...
def _adadelta_step(
    params: Sequence[Tensor],
    state: Any,
    lr: Any,
    rho: _float,
    eps: _float,
    weight_decay: _float,
    maximize: _bool,
    grad_scale: _float,
    /,
) -> None: ...
def _rprop_step(
    params: Sequence[Tensor],
    state: Any,
    lr: Any,
    eta_minus: _float,
    eta_plus: _float,
    step_min: _float,
    step_max: _float,
    maximize: _bool,
    grad_scale: _float,
    /,
) -> None: ...
def _asgd_step(
    params: Sequence[Tensor],
    state: Any,
    lr: Any,
    lambd: _float,
    alpha: _float,
    t0: _float,
    weight_decay: _float,
    maximize: _bool,
    grad_scale: _float,
    /,
) -> None: ...
def _total_norm(tensors: Sequence[Tensor]) -> tuple[_float, _int]: ...
def _scale(tensors: Sequence[Tensor], factor: _float) -> None: ...
def _graph_leaves(root: Tensor) -> list[Tensor]: ...
def _set_trace(limit: _int) -> None: ...
def _trace_length() -> _int: ...
def _trace_record(name: _str, inputs: Any, outputs: Any) -> None: ...
def _take_trace() -> list[_TracedOp]: ...
def _watch_calls(on: _bool) -> None: ...
def _bad_calls() -> list[_TracedOp]: ...
def _set_anomaly_handlers(
    begin: Callable[[Tensor, Tensor], None],
    arrived: Callable[[list[Any], Node, _int, Tensor], None],
    failed: Callable[[Node], None],
) -> None: ...
def _set_anomaly_mode(enabled: _bool, check_nan: _bool, check_inf: _bool) -> None: ...
def _anomaly_mode() -> tuple[_bool, _bool, _bool]: ...
def _finiteness(t: Tensor) -> _int: ...
def _set_masked_gradients_propagate(on: _bool) -> _bool: ...
def _profiler_start(shapes: _bool, memory: _bool, frames: _int) -> None: ...
def _profiler_stop() -> _ProfilerTrace: ...
def _profiler_abandon() -> None: ...
def _profiler_on() -> _bool: ...
def _range_begin(name: _str, kind: _int) -> _int: ...
def _range_end(handle: _int) -> None: ...

class _ProfilerTrace:
    start_ns: _int
    duration_ns: _int
    def rows(self) -> list[tuple[Any, ...]]: ...
    def __len__(self) -> _int: ...

class _TracedOp:
    name: _str
    inputs: list[Tensor]
    outputs: list[Tensor]
    grad_enabled: _bool
    bad_input: _bool
    bad_output: _bool
    source: _str

class _GradientWatches:
    def __init__(self, leaves: Sequence[Tensor], exact: _bool = ...) -> None: ...
    def remove(self) -> None: ...
    def arrived(self) -> _int: ...
    def read(self, out: Any) -> None: ...
    def first_non_finite(self) -> _int: ...
    def listen(self, call: Callable[[list[Tensor], _bool], Any], every_pass: _bool) -> None: ...
    def set_loss(self, loss: _float | None) -> None: ...
    def track(self, at: Sequence[_int], window: Any) -> _int: ...
    def before(self, track: _int) -> _int: ...
    def after(self, track: _int, lr: _float) -> _int: ...
    def hold(self) -> None: ...
    def moved(self) -> _bool: ...
    def take(self, track: _int) -> list[tuple[_float | None, _float, _float]]: ...
    def histogram(self, i: _int) -> list[_int]: ...
    @staticmethod
    def bytes_per_leaf() -> _int: ...

class _ActivationWatch:
    def __init__(self, lower: _float, upper: _float, channels: _bool) -> None: ...
    def observe(self, output: Tensor) -> None: ...
    def read(self) -> tuple[Any, ...]: ...
    def reset(self) -> None: ...

def _instruction_set() -> _str: ...
def _available_instruction_sets() -> list[_str]: ...
def _select_instruction_set(name: _str) -> _bool: ...
def _memory_stats() -> dict[_str, _int]: ...
def _memory_classes() -> list[tuple[_int, _int, _int]]: ...
def _reset_peak_memory() -> None: ...
def _empty_cache() -> None: ...
def _set_package_dir(dir: _str) -> None: ...
def _registered_ops() -> list[_str]: ...
def _op_rows(name: _str) -> list[tuple[_str, _str, _int]]: ...
def _load_library(name: _str, path: _str) -> dict[_str, Any]: ...
def _unload_library(name: _str) -> _bool: ...
def _external_op(name: _str) -> Any: ...
def _external_ops() -> list[_str]: ...
def _set_output_fill(byte: _int) -> None: ...
def _set_ranges_reversed(on: _bool) -> None: ...
def _op_instruction_set() -> _str: ...
def _op_abi() -> tuple[_int, _int]: ...
def _to_list(tensor: Tensor, edge: _int) -> Any: ...
def _to_bytes(tensor: Tensor) -> bytes: ...
def _storage_bytes(input: Tensor) -> Tensor: ...
def _view_storage(
    bytes: Tensor, dtype: _dtype, size: Sequence[_int], stride: Sequence[_int], offset: _int
) -> Tensor: ...
def _resize(t: Tensor, sizes: Sequence[_int]) -> None: ...
def _is_shared(t: Tensor) -> _bool: ...
def _share_memory(t: Tensor) -> None: ...
def _shared_parts(t: Tensor) -> tuple[_int, _int, _int, Tensor]: ...
def _from_shared(
    descriptor: _int,
    nbytes: _int,
    offset: _int,
    dtype: _dtype,
    size: Sequence[_int],
    stride: Sequence[_int],
) -> Tensor: ...
def _from_bytes(data: bytes, dtype: _dtype, shape: tuple[_int, ...]) -> Tensor: ...
def _to_dlpack(tensor: Tensor, versioned: _bool, copy: _bool) -> Any: ...
def _from_dlpack(capsule: Any) -> Tensor: ...

def _convolution_pointwise(input: Tensor, weight: Tensor, bias: Tensor | None, padding: _int | Sequence[_int], stride: _int | Sequence[_int], dilation: _int | Sequence[_int], groups: _int, attr: _str, algorithm: _str | None = None, *, out: Tensor | None = None) -> Tensor:
    """A convolution of one to three dimensions and the activation `attr` (relu, sigmoid, tanh, swish, or gelu by `algorithm`) in one op."""

def _ctc_losses(log_probs: Tensor, targets: Tensor, input_lengths: Tensor, target_lengths: Tensor, blank: _int = 0, zero_infinity: _bool = False, *, out: Tensor | None = None) -> Tensor:
    """The CTC loss of every sequence [N] from log-probabilities [T, N, C]; ctc_loss reduces it."""

def _linear_pointwise(input: Tensor, weight: Tensor, bias: Tensor | None, attr: _str, algorithm: _str | None = None, *, out: Tensor | None = None) -> Tensor:
    """linear() and the activation `attr` (relu, sigmoid, tanh, swish, or gelu by `algorithm`) in one op."""

def _resample_dim(input: Tensor, dim: _int, size: _int, mode: _str, align_corners: _bool = False, scale: _float | None = None, *, out: Tensor | None = None) -> Tensor:
    """One dimension of an interpolation."""

def _standard_gamma(input: Tensor, *, generator: Generator | None = None, out: Tensor | None = None) -> Tensor:
    """Gamma distributed numbers of rate 1 and the shapes `input`."""

def abs(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """|x|; its derivative at 0 is 0."""

def absolute(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Same as abs()."""

def acos(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Inverse cosine, in [0, pi]; NaN outside [-1, 1]."""

def acosh(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Inverse hyperbolic cosine; NaN below 1."""

@overload
def adaptive_avg_pool1d(input: Tensor, output_size: _int | Sequence[_int], *, out: Tensor | None = None) -> Tensor: ...
@overload
def adaptive_avg_pool1d(input: Tensor, *output_size: _int, out: Tensor | None = None) -> Tensor:
    """Averages of output_size windows that together cover the last dimension."""

@overload
def adaptive_avg_pool2d(input: Tensor, output_size: _int | Sequence[_int], *, out: Tensor | None = None) -> Tensor: ...
@overload
def adaptive_avg_pool2d(input: Tensor, *output_size: _int, out: Tensor | None = None) -> Tensor:
    """Averages of output_size windows that together cover the last two dimensions."""

@overload
def adaptive_avg_pool3d(input: Tensor, output_size: _int | Sequence[_int], *, out: Tensor | None = None) -> Tensor: ...
@overload
def adaptive_avg_pool3d(input: Tensor, *output_size: _int, out: Tensor | None = None) -> Tensor:
    """Averages of output_size windows that together cover the last three dimensions."""

@overload
def adaptive_max_pool1d_with_indices(input: Tensor, output_size: _int | Sequence[_int], *, out: Sequence[Tensor] | None = None) -> tuple[Tensor, Tensor]: ...
@overload
def adaptive_max_pool1d_with_indices(input: Tensor, *output_size: _int, out: Sequence[Tensor] | None = None) -> tuple[Tensor, Tensor]:
    """The largest element of each of output_size windows, and its index in the flattened plane."""

@overload
def adaptive_max_pool2d_with_indices(input: Tensor, output_size: _int | Sequence[_int], *, out: Sequence[Tensor] | None = None) -> tuple[Tensor, Tensor]: ...
@overload
def adaptive_max_pool2d_with_indices(input: Tensor, *output_size: _int, out: Sequence[Tensor] | None = None) -> tuple[Tensor, Tensor]:
    """The largest element of each of output_size windows, and its index in the flattened plane."""

@overload
def adaptive_max_pool3d_with_indices(input: Tensor, output_size: _int | Sequence[_int], *, out: Sequence[Tensor] | None = None) -> tuple[Tensor, Tensor]: ...
@overload
def adaptive_max_pool3d_with_indices(input: Tensor, *output_size: _int, out: Sequence[Tensor] | None = None) -> tuple[Tensor, Tensor]:
    """The largest element of each of output_size windows, and its index in the flattened plane."""

def add(input: _Operand, other: _Operand, *, alpha: _Number = 1, out: Tensor | None = None) -> Tensor:
    """input + alpha * other; logical or for bool."""

def addbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: _Number = 1, alpha: _Number = 1, out: Tensor | None = None) -> Tensor:
    """beta * input + alpha * the sum of the products of two batches of matrices."""

def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: _Number = 1, out: Tensor | None = None) -> Tensor:
    """input + value * tensor1 / tensor2"""

def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: _Number = 1, out: Tensor | None = None) -> Tensor:
    """input + value * tensor1 * tensor2"""

def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: _Number = 1, alpha: _Number = 1, out: Tensor | None = None) -> Tensor:
    """beta * input + alpha * mat1 @ mat2; with beta 0 input is not read."""

def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: _Number = 1, alpha: _Number = 1, out: Tensor | None = None) -> Tensor:
    """beta * input + alpha * mat @ vec; with beta 0 input is not read."""

def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: _Number = 1, alpha: _Number = 1, out: Tensor | None = None) -> Tensor:
    """beta * input + alpha * outer(vec1, vec2); with beta 0 input is not read."""

def adjoint(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """A view with the last two dimensions exchanged."""

def alias_copy(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """A copy."""

def all(input: Tensor, dim: _int | Sequence[_int] | None = None, keepdim: _bool = False, *, out: Tensor | None = None) -> Tensor:
    """Whether all elements are nonzero, over the dimensions `dim` (all by default)."""

def allclose(input: Tensor, other: Tensor, rtol: _float = 1e-05, atol: _float = 1e-08, equal_nan: _bool = False) -> _bool:
    """True if isclose() holds everywhere."""

def amax(input: Tensor, dim: _int | Sequence[_int] | None = None, keepdim: _bool = False, *, out: Tensor | None = None) -> Tensor:
    """Largest elements over the dimensions `dim` (all by default); ties share the gradient."""

def amin(input: Tensor, dim: _int | Sequence[_int] | None = None, keepdim: _bool = False, *, out: Tensor | None = None) -> Tensor:
    """Smallest elements over the dimensions `dim` (all by default); ties share the gradient."""

def aminmax(input: Tensor, *, dim: _int | None = None, keepdim: _bool = False, out: Sequence[Tensor] | None = None) -> _aminmax_result:
    """Smallest and largest elements, of all or along `dim`; ties share the gradient."""

def any(input: Tensor, dim: _int | Sequence[_int] | None = None, keepdim: _bool = False, *, out: Tensor | None = None) -> Tensor:
    """Whether any element is nonzero, over the dimensions `dim` (all by default)."""

@overload
def arange(end: _Number, *, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor: ...
@overload
def arange(start: _Number, end: _Number, step: _Number = 1, *, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor:
    """0, 1, ... below `end`."""

def arccos(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Same as acos()."""

def arccosh(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Same as acosh()."""

def arcsin(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Same as asin()."""

def arcsinh(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Same as asinh()."""

def arctan(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Same as atan()."""

def arctan2(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """Same as atan2()."""

def arctanh(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Same as atanh()."""

def argmax(input: Tensor, dim: _int | None = None, keepdim: _bool = False, *, out: Tensor | None = None) -> Tensor:
    """Index of the largest element (the first of equals) along `dim`, or in the flattened tensor."""

def argmin(input: Tensor, dim: _int | None = None, keepdim: _bool = False, *, out: Tensor | None = None) -> Tensor:
    """Index of the smallest element (the first of equals) along `dim`, or in the flattened tensor."""

def argsort(input: Tensor, dim: _int = -1, descending: _bool = False, stable: _bool = False, *, out: Tensor | None = None) -> Tensor:
    """The indices that sort along `dim`. Always stable; NaN counts as the largest."""

def argwhere(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Positions of the elements that are not zero, one row each."""

def as_strided(input: Tensor, size: _int | Sequence[_int], stride: _int | Sequence[_int], storage_offset: _int | None = None, *, out: Tensor | None = None) -> Tensor:
    """A view of the storage by raw geometry, in elements; RuntimeError beyond the storage. Gradients of elements that share a place add up."""

def as_strided_scatter(input: Tensor, src: Tensor, size: _int | Sequence[_int], stride: _int | Sequence[_int], storage_offset: _int | None = None, *, out: Tensor | None = None) -> Tensor:
    """A contiguous copy with `src` written to the region that as_strided would give of it."""

def asin(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Inverse sine, in [-pi/2, pi/2]; NaN outside [-1, 1]."""

def asinh(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Inverse hyperbolic sine."""

def atan(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Inverse tangent, in [-pi/2, pi/2]."""

def atan2(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """The angle of the point (other, input), in [-pi, pi]; its derivative at the origin is 0."""

def atanh(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Inverse hyperbolic tangent; NaN outside [-1, 1]."""

@overload
def atleast_1d(tensors: Sequence[Tensor]) -> tuple[Tensor, ...]: ...
@overload
def atleast_1d(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Views with at least one dimension."""

@overload
def atleast_2d(tensors: Sequence[Tensor]) -> tuple[Tensor, ...]: ...
@overload
def atleast_2d(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Views with at least two dimensions."""

@overload
def atleast_3d(tensors: Sequence[Tensor]) -> tuple[Tensor, ...]: ...
@overload
def atleast_3d(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Views with at least three dimensions."""

def avg_pool1d(input: Tensor, kernel_size: _int | Sequence[_int], stride: _int | Sequence[_int] | None = None, padding: _int | Sequence[_int] = ..., ceil_mode: _bool = False, count_include_pad: _bool = True, *, out: Tensor | None = None) -> Tensor:
    """The average of each window."""

def avg_pool2d(input: Tensor, kernel_size: _int | Sequence[_int], stride: _int | Sequence[_int] | None = None, padding: _int | Sequence[_int] = ..., ceil_mode: _bool = False, count_include_pad: _bool = True, divisor_override: _int | None = None, *, out: Tensor | None = None) -> Tensor:
    """The average of each window."""

def avg_pool3d(input: Tensor, kernel_size: _int | Sequence[_int], stride: _int | Sequence[_int] | None = None, padding: _int | Sequence[_int] = ..., ceil_mode: _bool = False, count_include_pad: _bool = True, divisor_override: _int | None = None, *, out: Tensor | None = None) -> Tensor:
    """The average of each window."""

def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: _Number = 1, alpha: _Number = 1, out: Tensor | None = None) -> Tensor:
    """beta * input + alpha * bmm(batch1, batch2); with beta 0 input is not read."""

def batch_norm(input: Tensor, running_mean: Tensor | None, running_var: Tensor | None, weight: Tensor | None = None, bias: Tensor | None = None, training: _bool = False, momentum: _float = 0.1, eps: _float = 1e-5, *, out: Tensor | None = None) -> Tensor:
    """input with mean 0 and variance 1 in each channel (dim 1), then scaled and shifted; in training the running statistics are updated."""

@overload
def bernoulli(input: Tensor, *, generator: Generator | None = None, out: Tensor | None = None) -> Tensor: ...
@overload
def bernoulli(input: Tensor, p: _float, *, generator: Generator | None = None, out: Tensor | None = None) -> Tensor:
    """1 with the probability that each element gives, else 0."""

def binary_cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: _bool | None = None, reduce: _bool | None = None, reduction: _str = "mean", *, out: Tensor | None = None) -> Tensor:
    """Cross-entropy of probabilities and targets in [0, 1]; logarithms not below -100."""

def binary_cross_entropy_with_logits(input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: _bool | None = None, reduce: _bool | None = None, reduction: _str = "mean", pos_weight: Tensor | None = None, *, out: Tensor | None = None) -> Tensor:
    """binary_cross_entropy() of sigmoid(input), without overflow."""

def bincount(input: Tensor, weights: Tensor | None = None, minlength: _int = 0, *, out: Tensor | None = None) -> Tensor:
    """How often each of 0, 1, ... occurs in a 1-d tensor, or the sum of its weights."""

def binomial(count: Tensor, prob: Tensor, *, generator: Generator | None = None, out: Tensor | None = None) -> Tensor:
    """How many of `count` trials succeed, each with the probability `prob`."""

def bitwise_and(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """a & b"""

def bitwise_left_shift(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """Same as lshift()."""

def bitwise_not(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """~x; logical not for bool."""

def bitwise_or(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """a | b"""

def bitwise_right_shift(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """Same as rshift()."""

def bitwise_xor(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """a ^ b"""

def block_diag(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """The matrix with these matrices (vectors as rows) along its diagonal, zero elsewhere."""

def bmm(input: Tensor, mat2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Products of two batches of matrices, pair by pair."""

def broadcast_tensors(tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Views of the tensors expanded to their common shape."""

@overload
def broadcast_to(input: Tensor, size: _int | Sequence[_int], *, out: Tensor | None = None) -> Tensor: ...
@overload
def broadcast_to(input: Tensor, *size: _int, out: Tensor | None = None) -> Tensor:
    """A view of shape `size`, with dimensions of size 1 repeated without copying; the same as expand."""

def bucketize(input: _Operand, boundaries: Tensor, *, out_int32: _bool = False, right: _bool = False, out: Tensor | None = None) -> Tensor:
    """How many of the sorted boundaries are less than each element, or not greater if right."""

def cartesian_prod(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """All tuples with one element of each vector, as rows [n, number of vectors]."""

def cat(tensors: Sequence[Tensor], dim: _int = 0, *, out: Tensor | None = None) -> Tensor:
    """The tensors one after another along dimension `dim`."""

def cdist(x1: Tensor, x2: Tensor, p: _float = 2.0, compute_mode: _str | None = None, *, out: Tensor | None = None) -> Tensor:
    """p-norm distances of every row of x1 to every row of x2, batches broadcast; for p = 2 and more than 25 rows by a matrix product, unless compute_mode forbids it."""

def ceil(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The smallest integer not below x."""

def celu(input: Tensor, alpha: _float = 1.0, inplace: _bool = False, *, out: Tensor | None = None) -> Tensor:
    """input where positive, alpha * (e^(input / alpha) - 1) elsewhere."""

def chunk(input: Tensor, chunks: _int, dim: _int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` views of equal length along `dim`; the last may be shorter."""

def clamp(input: Tensor, min: _Operand | None = None, max: _Operand | None = None, *, out: Tensor | None = None) -> Tensor:
    """input limited to [min, max]; the limits pass the gradient."""

def clamp_max(input: Tensor, max: _Operand, *, out: Tensor | None = None) -> Tensor:
    """input, at most max."""

def clamp_min(input: Tensor, min: _Operand, *, out: Tensor | None = None) -> Tensor:
    """input, at least min."""

def clip(input: Tensor, min: _Operand | None = None, max: _Operand | None = None, *, out: Tensor | None = None) -> Tensor:
    """Same as clamp()."""

def clone(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """A copy with history."""

def col2im(input: Tensor, output_size: _int | Sequence[_int], kernel_size: _int | Sequence[_int], dilation: _int | Sequence[_int], padding: _int | Sequence[_int], stride: _int | Sequence[_int], *, out: Tensor | None = None) -> Tensor:
    """Columns [N, C * kernel, windows] added up where their windows lie."""

def column_stack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """Tensors side by side, vectors as columns."""

def combinations(input: Tensor, r: _int = 2, with_replacement: _bool = False, *, out: Tensor | None = None) -> Tensor:
    """All `r` elements of a vector in its order, as rows [n, r]."""

def concat(tensors: Sequence[Tensor], dim: _int = 0, *, out: Tensor | None = None) -> Tensor:
    """The same as cat."""

def concatenate(tensors: Sequence[Tensor], dim: _int = 0, *, out: Tensor | None = None) -> Tensor:
    """NumPy's name of cat."""

def constant_pad_nd(input: Tensor, pad: _int | Sequence[_int], value: _Number = 0, *, out: Tensor | None = None) -> Tensor:
    """input extended at its edges by a number; negative padding cuts."""

@overload
def conv1d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: _int | Sequence[_int] = ..., padding: _int | Sequence[_int] = ..., dilation: _int | Sequence[_int] = ..., groups: _int = 1, *, out: Tensor | None = None) -> Tensor: ...
@overload
def conv1d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: _int | Sequence[_int] = ..., padding: _str = "valid", dilation: _int | Sequence[_int] = ..., groups: _int = 1, *, out: Tensor | None = None) -> Tensor:
    """Cross-correlation of input [N, C, L] with weight [K, C / groups, kernel], plus bias."""

@overload
def conv2d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: _int | Sequence[_int] = ..., padding: _int | Sequence[_int] = ..., dilation: _int | Sequence[_int] = ..., groups: _int = 1, *, out: Tensor | None = None) -> Tensor: ...
@overload
def conv2d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: _int | Sequence[_int] = ..., padding: _str = "valid", dilation: _int | Sequence[_int] = ..., groups: _int = 1, *, out: Tensor | None = None) -> Tensor:
    """Cross-correlation of input [N, C, H, W] with weight [K, C / groups, *kernel], plus bias."""

@overload
def conv3d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: _int | Sequence[_int] = ..., padding: _int | Sequence[_int] = ..., dilation: _int | Sequence[_int] = ..., groups: _int = 1, *, out: Tensor | None = None) -> Tensor: ...
@overload
def conv3d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: _int | Sequence[_int] = ..., padding: _str = "valid", dilation: _int | Sequence[_int] = ..., groups: _int = 1, *, out: Tensor | None = None) -> Tensor:
    """Cross-correlation of input [N, C, D, H, W] with weight [K, C / groups, *kernel], plus bias."""

def conv_transpose1d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: _int | Sequence[_int] = ..., padding: _int | Sequence[_int] = ..., output_padding: _int | Sequence[_int] = ..., groups: _int = 1, dilation: _int | Sequence[_int] = ..., *, out: Tensor | None = None) -> Tensor:
    """The transposed convolution: the gradient of conv1d with respect to its input, with weight [in, out / groups, *kernel]."""

def conv_transpose2d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: _int | Sequence[_int] = ..., padding: _int | Sequence[_int] = ..., output_padding: _int | Sequence[_int] = ..., groups: _int = 1, dilation: _int | Sequence[_int] = ..., *, out: Tensor | None = None) -> Tensor:
    """The transposed convolution: the gradient of conv2d with respect to its input, with weight [in, out / groups, *kernel]."""

def conv_transpose3d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: _int | Sequence[_int] = ..., padding: _int | Sequence[_int] = ..., output_padding: _int | Sequence[_int] = ..., groups: _int = 1, dilation: _int | Sequence[_int] = ..., *, out: Tensor | None = None) -> Tensor:
    """The transposed convolution: the gradient of conv3d with respect to its input, with weight [in, out / groups, *kernel]."""

def copysign(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """The magnitude of input with the sign of other."""

def corrcoef(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Pearson's correlation coefficients of the rows of input."""

def cos(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Cosine."""

def cosh(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Hyperbolic cosine."""

def count_nonzero(input: Tensor, dim: _int | Sequence[_int] | None = None, *, out: Tensor | None = None) -> Tensor:
    """Number of nonzero elements over the dimensions `dim` (all by default)."""

def cov(input: Tensor, *, correction: _int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None, out: Tensor | None = None) -> Tensor:
    """Covariance matrix of the rows of input, its columns being observations."""

def cross(input: Tensor, other: Tensor, dim: _int | None = None, *, out: Tensor | None = None) -> Tensor:
    """Cross product along `dim` of size 3, by default the first such dimension."""

def cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: _bool | None = None, ignore_index: _int = -100, reduce: _bool | None = None, reduction: _str = "mean", label_smoothing: _float = 0.0, *, out: Tensor | None = None) -> Tensor:
    """Cross-entropy of logits (classes in dim 1) and target classes or probabilities."""

def cummax(input: Tensor, dim: _int, *, out: Sequence[Tensor] | None = None) -> _cummax_result:
    """Running maximum along `dim`, and where it was (the last of equals)."""

def cummin(input: Tensor, dim: _int, *, out: Sequence[Tensor] | None = None) -> _cummin_result:
    """Running minimum along `dim`, and where it was (the last of equals)."""

def cumprod(input: Tensor, dim: _int, *, dtype: _dtype | None = None, out: Tensor | None = None) -> Tensor:
    """Running product along `dim`; integers and bool give int64."""

def cumsum(input: Tensor, dim: _int, *, dtype: _dtype | None = None, out: Tensor | None = None) -> Tensor:
    """Running sum along `dim`; integers and bool give int64."""

def cumulative_trapezoid(y: Tensor, x: Tensor | None = None, *, dx: _Number = 1, dim: _int = -1, out: Tensor | None = None) -> Tensor:
    """Running integral of y along `dim` by the trapezoidal rule."""

def deg2rad(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Degrees to radians."""

def detach(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The same memory without history."""

def detach_copy(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """A copy without history."""

def diag(input: Tensor, diagonal: _int = 0, *, out: Tensor | None = None) -> Tensor:
    """The matrix with a vector on a diagonal, or the diagonal of a matrix as a copy."""

def diag_embed(input: Tensor, offset: _int = 0, dim1: _int = -2, dim2: _int = -1, *, out: Tensor | None = None) -> Tensor:
    """Matrices with the last dimension of `input` on their diagonals, zero elsewhere; they lie in dimensions `dim1` and `dim2` of the result."""

def diagflat(input: Tensor, offset: _int = 0, *, out: Tensor | None = None) -> Tensor:
    """The matrix with all elements of `input`, in order, on a diagonal."""

def diagonal(input: Tensor, offset: _int = 0, dim1: _int = 0, dim2: _int = 1, *, out: Tensor | None = None) -> Tensor:
    """A view of the diagonal of two dimensions, as the last dimension."""

def diagonal_copy(input: Tensor, offset: _int = 0, dim1: _int = 0, dim2: _int = 1, *, out: Tensor | None = None) -> Tensor:
    """diagonal() as a copy."""

def diagonal_scatter(input: Tensor, src: Tensor, offset: _int = 0, dim1: _int = 0, dim2: _int = 1, *, out: Tensor | None = None) -> Tensor:
    """A copy with `src` on the diagonal of two dimensions."""

def diff(input: Tensor, n: _int = 1, dim: _int = -1, prepend: Tensor | None = None, append: Tensor | None = None, *, out: Tensor | None = None) -> Tensor:
    """The n-th difference of neighbours along `dim`."""

def digamma(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The derivative of lgamma."""

def dist(input: Tensor, other: Tensor, p: _float = 2, *, out: Tensor | None = None) -> Tensor:
    """The p-norm of input - other."""

def div(input: _Operand, other: _Operand, *, rounding_mode: _str | None = None, out: Tensor | None = None) -> Tensor:
    """input / other; rounding_mode 'floor' or 'trunc' rounds down or towards zero."""

def divide(input: _Operand, other: _Operand, *, rounding_mode: _str | None = None, out: Tensor | None = None) -> Tensor:
    """input / other; rounding_mode 'floor' or 'trunc' rounds down or towards zero."""

def dot(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Sum of the products of two vectors' elements."""

def dropout(input: Tensor, p: _float = 0.5, training: _bool = True, inplace: _bool = False, *, out: Tensor | None = None) -> Tensor:
    """In training: every element zeroed with probability p, the others divided by 1 - p. Else the input."""

@overload
def dsplit(input: Tensor, sections: _int) -> tuple[Tensor, ...]: ...
@overload
def dsplit(input: Tensor, indices: _int | Sequence[_int]) -> tuple[Tensor, ...]: ...
@overload
def dsplit(input: Tensor, *indices: _int) -> tuple[Tensor, ...]:
    """Equal views along dimension 2."""

def dstack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """Tensors in depth: joined along dimension 2."""

def einsum(equation: _str, operands: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """Sum of products in index notation: einsum('bij,bjk->bik', x, y). Operands follow one by one or as a list."""

def elu(input: Tensor, alpha: _Number = 1.0, inplace: _bool = False, *, out: Tensor | None = None) -> Tensor:
    """input where positive, alpha * (e^input - 1) elsewhere."""

def embedding(input: Tensor, weight: Tensor, padding_idx: _int | None = None, max_norm: _float | None = None, norm_type: _float = 2.0, scale_grad_by_freq: _bool = False, sparse: _bool = False, *, out: Tensor | None = None) -> Tensor:
    """The rows of `weight` that `input` names; the row padding_idx gets no gradient. With max_norm longer rows are first scaled down to that norm, in place. Gradients are dense, sparse or not."""

@overload
def empty(size: _int | Sequence[_int], *, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor: ...
@overload
def empty(*size: _int, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor:
    """A tensor with arbitrary values."""

def empty_like(input: Tensor, *, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor:
    """Arbitrary values in the shape of `input`."""

@overload
def empty_strided(size: _int | Sequence[_int], stride: _int | Sequence[_int], *, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor: ...
@overload
def empty_strided(size: _int | Sequence[_int], *stride: _int, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor:
    """Arbitrary values laid out with these strides."""

def eq(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """a == b"""

def equal(input: Tensor, other: Tensor) -> _bool:
    """True if shape and all elements are the same."""

def erf(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The error function, 2 / sqrt(pi) times the integral of e^-t^2 from 0 to x."""

def erfc(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """1 - erf(x), accurate where it is small."""

def erfinv(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The inverse of erf; NaN outside [-1, 1]."""

def exp(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """e^x"""

def exp2(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """2^x"""

@overload
def expand_copy(input: Tensor, size: _int | Sequence[_int], *, out: Tensor | None = None) -> Tensor: ...
@overload
def expand_copy(input: Tensor, *size: _int, out: Tensor | None = None) -> Tensor:
    """expand() as a copy."""

def expm1(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """e^x - 1, accurate near 0."""

def eye(n: _int, m: _int | None = None, *, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor:
    """Ones on the diagonal of an n by m matrix, zeros elsewhere."""

def fix(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Same as trunc()."""

def flatten(input: Tensor, start_dim: _int = 0, end_dim: _int = -1, *, out: Tensor | None = None) -> Tensor:
    """The dimensions from `start_dim` to `end_dim` merged into one; a view where strides allow it."""

@overload
def flip(input: Tensor, dims: _int | Sequence[_int], *, out: Tensor | None = None) -> Tensor: ...
@overload
def flip(input: Tensor, *dims: _int, out: Tensor | None = None) -> Tensor:
    """A copy with the dimensions `dims` reversed."""

def fliplr(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """A copy with dimension 1 reversed."""

def flipud(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """A copy with dimension 0 reversed."""

def float_power(input: _Operand, exponent: _Operand, *, out: Tensor | None = None) -> Tensor:
    """input to the power exponent, computed and returned in float64."""

def floor(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The largest integer not above x."""

def floor_divide(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """floor(a / b). Integers by 0 raise RuntimeError."""

def fmax(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """The larger of input and other; a number where the other is NaN."""

def fmin(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """The smaller of input and other; a number where the other is NaN."""

def fmod(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """a - b * trunc(a / b), with the sign of a, exact. Integers by 0 raise RuntimeError."""

def frac(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The fraction of input, with its sign."""

def full(size: _int | Sequence[_int], fill_value: _Number, *, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor:
    """A tensor filled with one value, whose kind gives the dtype."""

def full_like(input: Tensor, fill_value: _Number, *, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor:
    """One value in the shape and dtype of `input`."""

def gather(input: Tensor, dim: _int, index: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Elements along `dim` picked by an index of the output's shape."""

def gcd(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """Greatest common divisor, not negative."""

def ge(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """a >= b"""

def gelu(input: Tensor, *, approximate: _str = "none", out: Tensor | None = None) -> Tensor:
    """input times the normal distribution function of input; 'tanh' approximates it."""

def ger(input: Tensor, vec2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The same as outer."""

def greater(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """Same as gt()."""

def greater_equal(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """Same as ge()."""

def group_norm(input: Tensor, num_groups: _int, weight: Tensor | None = None, bias: Tensor | None = None, eps: _float = 1e-5, *, out: Tensor | None = None) -> Tensor:
    """input with mean 0 and variance 1 over each group of channels, then scaled and shifted."""

@overload
def gru(input: Tensor, hx: Tensor, params: Sequence[Tensor], has_biases: _bool, num_layers: _int, dropout: _float, train: _bool, bidirectional: _bool, batch_first: _bool, *, out: Sequence[Tensor] | None = None) -> tuple[Tensor, Tensor]: ...
@overload
def gru(data: Tensor, batch_sizes: Tensor, hx: Tensor, params: Sequence[Tensor], has_biases: _bool, num_layers: _int, dropout: _float, train: _bool, bidirectional: _bool, *, out: Sequence[Tensor] | None = None) -> tuple[Tensor, Tensor]:
    """Gated recurrent units over sequences: the last layer's states and the final h. `params` are the weights layer by layer as nn.GRU holds them."""

def gru_cell(input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None, *, out: Tensor | None = None) -> Tensor:
    """One step of gated recurrent units: the new h."""

def gt(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """a > b"""

def hardsigmoid(input: Tensor, inplace: _bool = False, *, out: Tensor | None = None) -> Tensor:
    """input / 6 + 1/2, limited to [0, 1]."""

def hardswish(input: Tensor, inplace: _bool = False, *, out: Tensor | None = None) -> Tensor:
    """input * hardsigmoid(input)"""

def hardtanh(input: Tensor, min_val: _Number = -1.0, max_val: _Number = 1.0, inplace: _bool = False, *, out: Tensor | None = None) -> Tensor:
    """input limited to [min_val, max_val]; the limits get no gradient."""

def heaviside(input: Tensor, values: Tensor, *, out: Tensor | None = None) -> Tensor:
    """0 where input is negative, 1 where positive, `values` where it is 0."""

def histc(input: Tensor, bins: _int = 100, min: _Number = 0, max: _Number = 0, *, out: Tensor | None = None) -> Tensor:
    """Counts in equal bins from min to max, or over the range of the input if they are equal."""

@overload
def histogram(input: Tensor, bins: Tensor, *, weight: Tensor | None = None, density: _bool = False, out: Sequence[Tensor] | None = None) -> _histogram_result: ...
@overload
def histogram(input: Tensor, bins: _int = 100, *, range: Sequence[_float] | None = None, weight: Tensor | None = None, density: _bool = False, out: Sequence[Tensor] | None = None) -> _histogram_result:
    """Weights between the edges `bins`, and the edges."""

@overload
def hsplit(input: Tensor, sections: _int) -> tuple[Tensor, ...]: ...
@overload
def hsplit(input: Tensor, indices: _int | Sequence[_int]) -> tuple[Tensor, ...]: ...
@overload
def hsplit(input: Tensor, *indices: _int) -> tuple[Tensor, ...]:
    """Equal views along dimension 1, of a vector along dimension 0."""

def hstack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """Tensors side by side: joined along dimension 1, vectors along dimension 0."""

def huber_loss(input: Tensor, target: Tensor, reduction: _str = "mean", delta: _float = 1.0, *, out: Tensor | None = None) -> Tensor:
    """d^2 / 2 where the difference |d| < delta, delta (|d| - delta / 2) elsewhere."""

def hypot(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """sqrt(input^2 + other^2) without overflow; its derivative at the origin is 0."""

def i0(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Modified Bessel function of the first kind of order 0."""

def igamma(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """The regularised lower incomplete gamma function: the probability of less than other of a gamma distribution of shape input; NaN for negative operands."""

def igammac(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """The regularised upper incomplete gamma function, 1 - igamma without its rounding."""

def im2col(input: Tensor, kernel_size: _int | Sequence[_int], dilation: _int | Sequence[_int], padding: _int | Sequence[_int], stride: _int | Sequence[_int], *, out: Tensor | None = None) -> Tensor:
    """Every window of [N, C, H, W] as a column of [N, C * kernel, windows]."""

def index_add(input: Tensor, dim: _int, index: Tensor, source: Tensor, *, alpha: _Number = 1, out: Tensor | None = None) -> Tensor:
    """Adds alpha * source to the positions `index` of dimension `dim`, in the order of the index."""

def index_copy(input: Tensor, dim: _int, index: Tensor, source: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Writes `source` to the positions `index` of dimension `dim`."""

def index_fill(input: Tensor, dim: _int, index: Tensor, value: _Operand, *, out: Tensor | None = None) -> Tensor:
    """Fills the positions `index` of dimension `dim` with a number or a 0-d tensor."""

def index_put(input: Tensor, indices: Sequence[Tensor], values: Tensor, accumulate: _bool = False, *, out: Tensor | None = None) -> Tensor:
    """A copy with `values` written (or added, with accumulate) where the index tensors point."""

def index_reduce(input: Tensor, dim: _int, index: Tensor, source: Tensor, reduce: _str, *, include_self: _bool = True, out: Tensor | None = None) -> Tensor:
    """A copy in which the positions `index` of dimension `dim` hold the prod, mean, amax or amin of the slices of `source` sent there."""

def index_select(input: Tensor, dim: _int, index: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The positions `index` (1-d) of dimension `dim`, as a copy."""

def inner(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Sums of products over the last dimension of both: shape input[:-1] + other[:-1]."""

def instance_norm(input: Tensor, running_mean: Tensor | None = None, running_var: Tensor | None = None, weight: Tensor | None = None, bias: Tensor | None = None, use_input_stats: _bool = True, momentum: _float = 0.1, eps: _float = 1e-5, *, out: Tensor | None = None) -> Tensor:
    """input with mean 0 and variance 1 in each channel of each sample, then scaled and shifted."""

def is_same_size(input: Tensor, other: Tensor) -> _bool:
    """Whether two tensors have the same shape."""

def isclose(input: Tensor, other: Tensor, rtol: _float = 1e-05, atol: _float = 1e-08, equal_nan: _bool = False, *, out: Tensor | None = None) -> Tensor:
    """Where abs(input - other) <= atol + rtol * abs(other)."""

def isfinite(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Whether x is neither infinite nor NaN."""

def isin(elements: _Operand, test_elements: _Operand, *, assume_unique: _bool = False, invert: _bool = False, out: Tensor | None = None) -> Tensor:
    """Whether each element is one of test_elements, or none of them if invert."""

def isinf(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Whether x is infinite."""

def isnan(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Whether x is NaN."""

def isneginf(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Whether x is -infinity."""

def isposinf(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Whether x is +infinity."""

def isreal(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """True everywhere: no dtype is complex."""

def kl_div(input: Tensor, target: Tensor, size_average: _bool | None = None, reduce: _bool | None = None, reduction: _str = "mean", log_target: _bool = False, *, out: Tensor | None = None) -> Tensor:
    """Kullback-Leibler divergence of log-probabilities `input` from `target`."""

def kron(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Kronecker product: each element of `input` times all of `other`, in blocks."""

def kthvalue(input: Tensor, k: _int, dim: _int = -1, keepdim: _bool = False, *, out: Sequence[Tensor] | None = None) -> _kthvalue_result:
    """The k-th smallest elements along `dim`, counted from 1, and where they were."""

def l1_loss(input: Tensor, target: Tensor, size_average: _bool | None = None, reduce: _bool | None = None, reduction: _str = "mean", *, out: Tensor | None = None) -> Tensor:
    """Absolute difference of input and target."""

def layer_norm(input: Tensor, normalized_shape: _int | Sequence[_int], weight: Tensor | None = None, bias: Tensor | None = None, eps: _float = 1e-5, *, out: Tensor | None = None) -> Tensor:
    """input with mean 0 and variance 1 over its last dimensions, then scaled and shifted."""

def lcm(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """Least common multiple, not negative."""

def ldexp(input: Tensor, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """input * 2^other"""

def le(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """a <= b"""

def leaky_relu(input: Tensor, negative_slope: _Number = 0.01, inplace: _bool = False, *, out: Tensor | None = None) -> Tensor:
    """input where positive, negative_slope * input elsewhere."""

def lerp(input: Tensor, end: Tensor, weight: _Operand, *, out: Tensor | None = None) -> Tensor:
    """input + weight * (end - input), exact at both ends."""

def less(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """Same as lt()."""

def less_equal(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """Same as le()."""

def lgamma(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """log |Gamma(x)|"""

def linalg_cholesky_ex(A: Tensor, *, upper: _bool = False, out: Sequence[Tensor] | None = None) -> _linalg_cholesky_ex_result:
    """Cholesky factors, and the order of the first leading minor that is not positive, or 0 (int32)."""

def linalg_cross(input: Tensor, other: Tensor, *, dim: _int = -1, out: Tensor | None = None) -> Tensor:
    """Cross product along `dim` of size 3; what linalg.cross is."""

def linalg_det_values(A: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Determinants, without history. What linalg.det computes."""

def linalg_inv_ex(A: Tensor, *, out: Sequence[Tensor] | None = None) -> _linalg_inv_ex_result:
    """Inverses of square matrices, and the first zero pivot of each from 1, or 0 (int32)."""

def linalg_lu_pack(A: Tensor, *, pivot: _bool = True, out: Sequence[Tensor] | None = None) -> _linalg_lu_pack_result:
    """Both factors of LU with partial pivoting in one matrix, row exchanges from 1 (int32), and the first zero pivot from 1 or 0; without history. What linalg.lu_factor is made of."""

def linalg_slogdet(A: Tensor, *, out: Sequence[Tensor] | None = None) -> _linalg_slogdet_result:
    """Sign and logarithm of the absolute value of determinants."""

def linalg_solve_ex(A: Tensor, B: Tensor, *, left: _bool = True, out: Sequence[Tensor] | None = None) -> _linalg_solve_ex_result:
    """X with A X = B (X A = B without `left`), and the first zero pivot of each A from 1, or 0 (int32)."""

def linalg_solve_triangular(A: Tensor, B: Tensor, *, upper: _bool, left: _bool = True, unitriangular: _bool = False, out: Tensor | None = None) -> Tensor:
    """X with A X = B (X A = B without `left`), A triangular [*, n, n]; the other triangle is not read, nor the diagonal with `unitriangular`. What linalg.solve_triangular is."""

def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None, *, out: Tensor | None = None) -> Tensor:
    """input @ weight.T + bias."""

def linspace(start: _Number, end: _Number, steps: _int, *, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor:
    """`steps` values at equal distances from start to end, both included."""

def log(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Natural logarithm."""

def log10(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Logarithm to base 10."""

def log1p(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """log(1 + x), accurate near 0."""

def log2(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Logarithm to base 2."""

def log_softmax(input: Tensor, dim: _int, dtype: _dtype | None = None, *, out: Tensor | None = None) -> Tensor:
    """The logarithm of softmax(), without overflow."""

def logaddexp(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """log(e^input + e^other) without overflow."""

def logaddexp2(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """log2(2^input + 2^other) without overflow."""

def logcumsumexp(input: Tensor, dim: _int, *, out: Tensor | None = None) -> Tensor:
    """log(cumsum(exp(x))) along `dim`, without overflow."""

def logical_and(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """Whether both are nonzero."""

def logical_not(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Whether x is zero."""

def logical_or(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """Whether either is nonzero."""

def logical_xor(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """Whether exactly one is nonzero."""

def logit(input: Tensor, eps: _float | None = None, *, out: Tensor | None = None) -> Tensor:
    """log(input / (1 - input)), the input limited to [eps, 1 - eps] if eps is given."""

def logsigmoid(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """log(sigmoid(input)), without overflow."""

def logspace(start: _Number, end: _Number, steps: _int, base: _float = 10.0, *, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor:
    """`steps` powers of `base`, exponents at equal distances from start to end."""

def logsumexp(input: Tensor, dim: _int | Sequence[_int], keepdim: _bool = False, *, out: Tensor | None = None) -> Tensor:
    """log(sum(exp(x))) over the dimensions `dim`, without overflow."""

@overload
def lstm(input: Tensor, hx: Sequence[Tensor], params: Sequence[Tensor], has_biases: _bool, num_layers: _int, dropout: _float, train: _bool, bidirectional: _bool, batch_first: _bool, *, out: Sequence[Tensor] | None = None) -> tuple[Tensor, Tensor, Tensor]: ...
@overload
def lstm(data: Tensor, batch_sizes: Tensor, hx: Sequence[Tensor], params: Sequence[Tensor], has_biases: _bool, num_layers: _int, dropout: _float, train: _bool, bidirectional: _bool, *, out: Sequence[Tensor] | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Long short-term memory over sequences: the last layer's states, the final h and the final c. `hx` is (h_0, c_0), `params` the weights layer by layer as nn.LSTM holds them."""

def lstm_cell(input: Tensor, hx: Sequence[Tensor], w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None, *, out: Sequence[Tensor] | None = None) -> tuple[Tensor, Tensor]:
    """One step of long short-term memory: the new h and c."""

def lt(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """a < b"""

def masked_fill(input: Tensor, mask: Tensor, value: _Operand, *, out: Tensor | None = None) -> Tensor:
    """The input with a number or a 0-d tensor where `mask` is True."""

def masked_scatter(input: Tensor, mask: Tensor, source: Tensor, *, out: Tensor | None = None) -> Tensor:
    """A copy with the elements of `source`, in order, where `mask` is True."""

def masked_select(input: Tensor, mask: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The elements where `mask` is True, 1-d."""

def matmul(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Matrix product of the last two dimensions; leading dimensions broadcast, vectors are rows or columns."""

@overload
def max(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
@overload
def max(input: Tensor, dim: _int, keepdim: _bool = False, *, out: Sequence[Tensor] | None = None) -> _max_result: ...
@overload
def max(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Largest element; NaN if there is one. Ties share the gradient."""

def max_pool1d(input: Tensor, kernel_size: _int | Sequence[_int], stride: _int | Sequence[_int] | None = None, padding: _int | Sequence[_int] = ..., dilation: _int | Sequence[_int] = ..., ceil_mode: _bool = False, *, out: Tensor | None = None) -> Tensor:
    """The largest element of each window; NaN is larger than everything."""

def max_pool1d_with_indices(input: Tensor, kernel_size: _int | Sequence[_int], stride: _int | Sequence[_int] | None = None, padding: _int | Sequence[_int] = ..., dilation: _int | Sequence[_int] = ..., ceil_mode: _bool = False, *, out: Sequence[Tensor] | None = None) -> tuple[Tensor, Tensor]:
    """The largest element of each window, and its index in the flattened plane."""

def max_pool2d(input: Tensor, kernel_size: _int | Sequence[_int], stride: _int | Sequence[_int] | None = None, padding: _int | Sequence[_int] = ..., dilation: _int | Sequence[_int] = ..., ceil_mode: _bool = False, *, out: Tensor | None = None) -> Tensor:
    """The largest element of each window; NaN is larger than everything."""

def max_pool2d_with_indices(input: Tensor, kernel_size: _int | Sequence[_int], stride: _int | Sequence[_int] | None = None, padding: _int | Sequence[_int] = ..., dilation: _int | Sequence[_int] = ..., ceil_mode: _bool = False, *, out: Sequence[Tensor] | None = None) -> tuple[Tensor, Tensor]:
    """The largest element of each window, and its index in the flattened plane."""

def max_pool3d(input: Tensor, kernel_size: _int | Sequence[_int], stride: _int | Sequence[_int] | None = None, padding: _int | Sequence[_int] = ..., dilation: _int | Sequence[_int] = ..., ceil_mode: _bool = False, *, out: Tensor | None = None) -> Tensor:
    """The largest element of each window; NaN is larger than everything."""

def max_pool3d_with_indices(input: Tensor, kernel_size: _int | Sequence[_int], stride: _int | Sequence[_int] | None = None, padding: _int | Sequence[_int] = ..., dilation: _int | Sequence[_int] = ..., ceil_mode: _bool = False, *, out: Sequence[Tensor] | None = None) -> tuple[Tensor, Tensor]:
    """The largest element of each window, and its index in the flattened plane."""

def maximum(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """The larger of a and b; NaN if either is. Equal operands share the gradient."""

def mean(input: Tensor, dim: _int | Sequence[_int] | None = None, keepdim: _bool = False, *, dtype: _dtype | None = None, out: Tensor | None = None) -> Tensor:
    """Mean over the dimensions `dim` (all by default)."""

@overload
def median(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
@overload
def median(input: Tensor, dim: _int, keepdim: _bool = False, *, out: Sequence[Tensor] | None = None) -> _median_result:
    """The median of all elements, the lower one of two; NaN if there is one."""

def meshgrid(tensors: Sequence[Tensor], *, indexing: _str = "ij") -> tuple[Tensor, ...]:
    """Coordinate grids of 1-d tensors; indexing 'ij' or 'xy'."""

@overload
def min(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
@overload
def min(input: Tensor, dim: _int, keepdim: _bool = False, *, out: Sequence[Tensor] | None = None) -> _min_result: ...
@overload
def min(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Smallest element; NaN if there is one. Ties share the gradient."""

def minimum(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """The smaller of a and b; NaN if either is. Equal operands share the gradient."""

def mish(input: Tensor, inplace: _bool = False, *, out: Tensor | None = None) -> Tensor:
    """input * tanh(softplus(input))"""

def mm(input: Tensor, mat2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Product of two matrices."""

def mode(input: Tensor, dim: _int = -1, keepdim: _bool = False, *, out: Sequence[Tensor] | None = None) -> _mode_result:
    """The most frequent elements along `dim`, the smallest of several, and where they were last."""

def moveaxis(input: Tensor, source: _int | Sequence[_int], destination: _int | Sequence[_int], *, out: Tensor | None = None) -> Tensor:
    """A view with dimensions moved; NumPy's name of movedim."""

def movedim(input: Tensor, source: _int | Sequence[_int], destination: _int | Sequence[_int], *, out: Tensor | None = None) -> Tensor:
    """A view with the dimensions `source` moved to the places `destination`."""

def mse_loss(input: Tensor, target: Tensor, size_average: _bool | None = None, reduce: _bool | None = None, reduction: _str = "mean", *, out: Tensor | None = None) -> Tensor:
    """Squared difference of input and target."""

def msort(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Sorted along dimension 0."""

def mul(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """a * b; logical and for bool."""

def multinomial(input: Tensor, num_samples: _int, replacement: _bool = False, *, generator: Generator | None = None, out: Tensor | None = None) -> Tensor:
    """Indices drawn from each row of weights `input`, (n) or (rows, n); int64, (num_samples) or (rows, num_samples)."""

def multiply(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """Same as mul()."""

def mv(input: Tensor, vec: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Product of a matrix and a vector."""

def mvlgamma(input: Tensor, p: _int, *, out: Tensor | None = None) -> Tensor:
    """Logarithm of the multivariate gamma function of dimension p."""

def nan_to_num(input: Tensor, nan: _float | None = None, posinf: _float | None = None, neginf: _float | None = None, *, out: Tensor | None = None) -> Tensor:
    """NaN replaced by `nan` (0), infinities by `posinf` and `neginf` (the largest finite numbers)."""

def nanmean(input: Tensor, dim: _int | Sequence[_int] | None = None, keepdim: _bool = False, *, dtype: _dtype | None = None, out: Tensor | None = None) -> Tensor:
    """Mean over the dimensions `dim` (all by default) of what is not NaN."""

@overload
def nanmedian(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
@overload
def nanmedian(input: Tensor, dim: _int, keepdim: _bool = False, *, out: Sequence[Tensor] | None = None) -> _nanmedian_result:
    """The median of all elements that are not NaN, the lower one of two."""

@overload
def nanquantile(input: Tensor, q: _float, dim: _int | None = None, keepdim: _bool = False, *, interpolation: _str = "linear", out: Tensor | None = None) -> Tensor: ...
@overload
def nanquantile(input: Tensor, q: Tensor, dim: _int | None = None, keepdim: _bool = False, *, interpolation: _str = "linear", out: Tensor | None = None) -> Tensor:
    """The q-th quantile along `dim`, or of all elements, of what is not NaN."""

def nansum(input: Tensor, dim: _int | Sequence[_int] | None = None, keepdim: _bool = False, *, dtype: _dtype | None = None, out: Tensor | None = None) -> Tensor:
    """Sum over the dimensions `dim` (all by default), NaN counting as 0."""

def narrow(input: Tensor, dim: _int, start: _int, length: _int, *, out: Tensor | None = None) -> Tensor:
    """A view of `length` positions of dimension `dim` from `start` on."""

def narrow_copy(input: Tensor, dim: _int, start: _int, length: _int, *, out: Tensor | None = None) -> Tensor:
    """narrow() as a copy."""

def ne(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """a != b"""

def neg(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """-x"""

def negative(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Same as neg()."""

def nextafter(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The next number after input in the direction of other."""

def nll_loss(input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: _bool | None = None, ignore_index: _int = -100, reduce: _bool | None = None, reduction: _str = "mean", *, out: Tensor | None = None) -> Tensor:
    """Minus the log-probability (in dim 1) of the target classes."""

def nonzero(input: Tensor, *, as_tuple: _bool = False, out: Tensor | None = None) -> Tensor:
    """Positions of the elements that are not zero: one row each, or with as_tuple one tensor per dimension."""

def nonzero_static(input: Tensor, *, size: _int, fill_value: _int = -1, out: Tensor | None = None) -> Tensor:
    """The first `size` rows of nonzero(), filled up with rows of `fill_value`."""

@overload
def norm(input: Tensor, p: _Number | None = 2, dim: _int | Sequence[_int] | None = None, keepdim: _bool = False, dtype: _dtype | None = None, *, out: Tensor | None = None) -> Tensor: ...
@overload
def norm(input: Tensor, p: _str, dim: _int | Sequence[_int] | None = None, keepdim: _bool = False, dtype: _dtype | None = None, *, out: Tensor | None = None) -> Tensor:
    """The p-norm (sum |x|^p)^(1/p) over the dimensions `dim` (all by default); inf: largest |x|, 0: count of nonzeros."""

@overload
def normal(mean: _float, std: _float, size: _int | Sequence[_int], *, generator: Generator | None = None, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor: ...
@overload
def normal(mean: _Operand, std: _Operand = 1, *, generator: Generator | None = None, out: Tensor | None = None) -> Tensor:
    """Normal numbers of one mean and standard deviation."""

def not_equal(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """Same as ne()."""

def one_hot(tensor: Tensor, num_classes: _int = -1, *, out: Tensor | None = None) -> Tensor:
    """int64 ones at the class of each element along a new last dimension, zeros elsewhere."""

@overload
def ones(size: _int | Sequence[_int], *, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor: ...
@overload
def ones(*size: _int, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor:
    """A tensor of ones."""

def ones_like(input: Tensor, *, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor:
    """Ones in the shape of `input`."""

def outer(input: Tensor, vec2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """All products of an element of one vector and one of the other."""

def pad(input: Tensor, pad: _int | Sequence[_int], mode: _str = "constant", value: _float | None = None, *, out: Tensor | None = None) -> Tensor:
    """input extended at its edges: `pad` holds before and after of the last dimension, then of the one before it."""

@overload
def permute(input: Tensor, dims: _int | Sequence[_int], *, out: Tensor | None = None) -> Tensor: ...
@overload
def permute(input: Tensor, *dims: _int, out: Tensor | None = None) -> Tensor:
    """A view with the dimensions in the order `dims`."""

@overload
def permute_copy(input: Tensor, dims: _int | Sequence[_int], *, out: Tensor | None = None) -> Tensor: ...
@overload
def permute_copy(input: Tensor, *dims: _int, out: Tensor | None = None) -> Tensor:
    """permute() as a copy."""

def pixel_shuffle(input: Tensor, upscale_factor: _int, *, out: Tensor | None = None) -> Tensor:
    """[*, C r^2, H, W] to [*, C, H r, W r]."""

def pixel_unshuffle(input: Tensor, downscale_factor: _int, *, out: Tensor | None = None) -> Tensor:
    """[*, C, H r, W r] to [*, C r^2, H, W]."""

def poisson(input: Tensor, *, generator: Generator | None = None, out: Tensor | None = None) -> Tensor:
    """Poisson distributed numbers of the rates `input`."""

def polygamma(n: _int, input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The n-th derivative of digamma()."""

def positive(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The input itself."""

def pow(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """a to the power b. A negative integer power of an integer is 0 but for bases 1 and -1."""

def prelu(input: Tensor, weight: Tensor, *, out: Tensor | None = None) -> Tensor:
    """input where positive, weight (one, or one per channel) * input elsewhere."""

@overload
def prod(input: Tensor, *, dtype: _dtype | None = None, out: Tensor | None = None) -> Tensor: ...
@overload
def prod(input: Tensor, dim: _int, keepdim: _bool = False, *, dtype: _dtype | None = None, out: Tensor | None = None) -> Tensor:
    """Product of all elements; integers and bool give int64."""

def put(input: Tensor, index: Tensor, source: Tensor, accumulate: _bool = False, *, out: Tensor | None = None) -> Tensor:
    """A copy with `source` written (added, with accumulate) at positions `index` of the flattened tensor."""

@overload
def quantile(input: Tensor, q: _float, dim: _int | None = None, keepdim: _bool = False, *, interpolation: _str = "linear", out: Tensor | None = None) -> Tensor: ...
@overload
def quantile(input: Tensor, q: Tensor, dim: _int | None = None, keepdim: _bool = False, *, interpolation: _str = "linear", out: Tensor | None = None) -> Tensor:
    """The q-th quantile along `dim`, or of all elements; NaN if there is one."""

def rad2deg(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Radians to degrees."""

@overload
def rand(size: _int | Sequence[_int], *, generator: Generator | None = None, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor: ...
@overload
def rand(*size: _int, generator: Generator | None = None, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor:
    """Uniform in [0, 1)."""

def rand_like(input: Tensor, *, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor:
    """Uniform in [0, 1), in the shape of `input`."""

@overload
def randint(high: _int, size: _int | Sequence[_int], *, generator: Generator | None = None, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor: ...
@overload
def randint(high: _int, *size: _int, generator: Generator | None = None, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor: ...
@overload
def randint(low: _int, high: _int, size: _int | Sequence[_int], *, generator: Generator | None = None, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor:
    """Integers in [0, high), int64."""

@overload
def randint_like(input: Tensor, high: _int, *, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor: ...
@overload
def randint_like(input: Tensor, low: _int, high: _int, *, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor:
    """Integers in [0, high), in the shape of `input`."""

@overload
def randn(size: _int | Sequence[_int], *, generator: Generator | None = None, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor: ...
@overload
def randn(*size: _int, generator: Generator | None = None, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor:
    """Normal with mean 0 and standard deviation 1."""

def randn_like(input: Tensor, *, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor:
    """Standard normal, in the shape of `input`."""

def randperm(n: _int, *, generator: Generator | None = None, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor:
    """A random order of 0 .. n-1."""

def ravel(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """One dimension; a view where strides allow it."""

def reciprocal(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """1 / x"""

def relu(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """max(x, 0)"""

def relu6(input: Tensor, inplace: _bool = False, *, out: Tensor | None = None) -> Tensor:
    """input limited to [0, 6]."""

def remainder(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """a - b * floor(a / b), with the sign of b. Integers by 0 raise RuntimeError."""

def renorm(input: Tensor, p: _float, dim: _int, maxnorm: _float, *, out: Tensor | None = None) -> Tensor:
    """Each slice along `dim` scaled down to a p-norm of at most maxnorm."""

@overload
def repeat_interleave(repeats: Tensor, *, output_size: _int | None = None, out: Tensor | None = None) -> Tensor: ...
@overload
def repeat_interleave(input: Tensor, repeats: _int, dim: _int | None = None, *, output_size: _int | None = None, out: Tensor | None = None) -> Tensor: ...
@overload
def repeat_interleave(input: Tensor, repeats: Tensor, dim: _int | None = None, *, output_size: _int | None = None, out: Tensor | None = None) -> Tensor:
    """0 repeats[0] times, 1 repeats[1] times, and so on."""

@overload
def reshape(input: Tensor, shape: _int | Sequence[_int], *, out: Tensor | None = None) -> Tensor: ...
@overload
def reshape(input: Tensor, *shape: _int, out: Tensor | None = None) -> Tensor:
    """The same elements in another shape: a view where strides allow it, else a copy. One size may be -1."""

def rms_norm(input: Tensor, normalized_shape: _int | Sequence[_int], weight: Tensor | None = None, eps: _float | None = None, *, out: Tensor | None = None) -> Tensor:
    """input divided by the root of its mean square over the last dimensions, then scaled."""

@overload
def rnn_relu(input: Tensor, hx: Tensor, params: Sequence[Tensor], has_biases: _bool, num_layers: _int, dropout: _float, train: _bool, bidirectional: _bool, batch_first: _bool, *, out: Sequence[Tensor] | None = None) -> tuple[Tensor, Tensor]: ...
@overload
def rnn_relu(data: Tensor, batch_sizes: Tensor, hx: Tensor, params: Sequence[Tensor], has_biases: _bool, num_layers: _int, dropout: _float, train: _bool, bidirectional: _bool, *, out: Sequence[Tensor] | None = None) -> tuple[Tensor, Tensor]:
    """A recurrent network with ReLU over sequences: the last layer's states, the final h."""

def rnn_relu_cell(input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None, *, out: Tensor | None = None) -> Tensor:
    """max(w_ih input + b_ih + w_hh hx + b_hh, 0)"""

@overload
def rnn_tanh(input: Tensor, hx: Tensor, params: Sequence[Tensor], has_biases: _bool, num_layers: _int, dropout: _float, train: _bool, bidirectional: _bool, batch_first: _bool, *, out: Sequence[Tensor] | None = None) -> tuple[Tensor, Tensor]: ...
@overload
def rnn_tanh(data: Tensor, batch_sizes: Tensor, hx: Tensor, params: Sequence[Tensor], has_biases: _bool, num_layers: _int, dropout: _float, train: _bool, bidirectional: _bool, *, out: Sequence[Tensor] | None = None) -> tuple[Tensor, Tensor]:
    """A recurrent network with tanh over sequences: the last layer's states, the final h."""

def rnn_tanh_cell(input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None, *, out: Tensor | None = None) -> Tensor:
    """tanh(w_ih input + b_ih + w_hh hx + b_hh)"""

def roll(input: Tensor, shifts: _int | Sequence[_int], dims: _int | Sequence[_int] = ..., *, out: Tensor | None = None) -> Tensor:
    """A copy shifted cyclically along `dims`; of the flattened tensor if there are none."""

def rot90(input: Tensor, k: _int = 1, dims: _int | Sequence[_int] = ..., *, out: Tensor | None = None) -> Tensor:
    """A copy turned by `k` quarters from the first of `dims` towards the second."""

def round(input: Tensor, *, decimals: _int = 0, out: Tensor | None = None) -> Tensor:
    """The nearest multiple of 10^-decimals, halves to even."""

def row_stack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """The same as vstack."""

def rsqrt(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """1 / sqrt(x)"""

def scalar_tensor(s: _Number, *, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor:
    """A 0-d tensor of the default dtype."""

def scaled_dot_product_attention(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, dropout_p: _float = 0.0, is_causal: _bool = False, *, scale: _float | None = None, enable_gqa: _bool = False, out: Tensor | None = None) -> Tensor:
    """softmax(query key^T scale + attn_mask) value over the last two dimensions, block by block: no matrix of all scores is made. A bool mask tells which keys count. dropout_p applies whenever it is not 0; scale defaults to 1 / sqrt(the last size of query)."""

@overload
def scatter(input: Tensor, dim: _int, index: Tensor, src: Tensor, *, out: Tensor | None = None) -> Tensor: ...
@overload
def scatter(input: Tensor, dim: _int, index: Tensor, value: _Number, *, out: Tensor | None = None) -> Tensor: ...
@overload
def scatter(input: Tensor, dim: _int, index: Tensor, src: Tensor, *, reduce: _str, out: Tensor | None = None) -> Tensor: ...
@overload
def scatter(input: Tensor, dim: _int, index: Tensor, value: _Number, *, reduce: _str, out: Tensor | None = None) -> Tensor:
    """Writes `src` along `dim` to the places an index of its shape names."""

def scatter_add(input: Tensor, dim: _int, index: Tensor, src: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Adds `src` along `dim` to the places an index of its shape names, in the order of the index."""

def scatter_reduce(input: Tensor, dim: _int, index: Tensor, src: Tensor, reduce: _str, *, include_self: _bool = True, out: Tensor | None = None) -> Tensor:
    """A copy in which the places along `dim` that an index names hold the sum, prod, mean, amax or amin of the `src` elements sent there (and of their own value, with include_self)."""

def searchsorted(sorted_sequence: Tensor, input: _Operand, *, out_int32: _bool = False, right: _bool = False, side: _str | None = None, sorter: Tensor | None = None, out: Tensor | None = None) -> Tensor:
    """Where each element of input goes in the last dimension of sorted_sequence to keep its order: before equals, after them if right."""

def select(input: Tensor, dim: _int, index: _int, *, out: Tensor | None = None) -> Tensor:
    """The slice at position `index` of dimension `dim`, a view without that dimension."""

def select_copy(input: Tensor, dim: _int, index: _int, *, out: Tensor | None = None) -> Tensor:
    """select() as a copy."""

def select_scatter(input: Tensor, src: Tensor, dim: _int, index: _int, *, out: Tensor | None = None) -> Tensor:
    """A copy with `src` at position `index` of dimension `dim`."""

def selu(input: Tensor, inplace: _bool = False, *, out: Tensor | None = None) -> Tensor:
    """elu() with the constants of self-normalising networks."""

def sgn(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Same as sign()."""

def sigmoid(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """1 / (1 + e^-x)"""

def sign(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """-1, 0 or 1; 0 for NaN."""

def signbit(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Whether the sign is negative, that of -0.0 and NaN included."""

def silu(input: Tensor, inplace: _bool = False, *, out: Tensor | None = None) -> Tensor:
    """input * sigmoid(input)"""

def sin(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Sine."""

def sinc(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """sin(pi x) / (pi x); 1 at 0."""

def sinh(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Hyperbolic sine."""

def slice_copy(input: Tensor, dim: _int = 0, start: _int | None = None, end: _int | None = None, step: _int = 1, *, out: Tensor | None = None) -> Tensor:
    """The slice start:end:step of dimension `dim` as a copy."""

def slice_scatter(input: Tensor, src: Tensor, dim: _int = 0, start: _int | None = None, end: _int | None = None, step: _int = 1, *, out: Tensor | None = None) -> Tensor:
    """A copy with `src` in the slice start:end:step of dimension `dim`."""

def smooth_l1_loss(input: Tensor, target: Tensor, size_average: _bool | None = None, reduce: _bool | None = None, reduction: _str = "mean", beta: _float = 1.0, *, out: Tensor | None = None) -> Tensor:
    """d^2 / (2 beta) where the difference |d| < beta, |d| - beta / 2 elsewhere."""

def softmax(input: Tensor, dim: _int, dtype: _dtype | None = None, *, out: Tensor | None = None) -> Tensor:
    """exp(input) divided by its sum along `dim`, without overflow."""

def softplus(input: Tensor, beta: _Number = 1.0, threshold: _Number = 20.0, *, out: Tensor | None = None) -> Tensor:
    """log(1 + e^(beta input)) / beta; input itself where beta * input exceeds threshold."""

def softsign(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """input / (1 + |input|)"""

def sort(input: Tensor, dim: _int = -1, descending: _bool = False, stable: _bool = False, *, out: Sequence[Tensor] | None = None) -> _sort_result:
    """Elements along `dim` in order, and where they were. Always stable; NaN counts as the largest."""

def special_airy_ai(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Airy's function Ai."""

def special_airy_ai_prime(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The derivative of Airy's function Ai."""

def special_bessel_j0(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Bessel function of the first kind of order 0."""

def special_bessel_j1(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Bessel function of the first kind of order 1."""

def special_bessel_y0(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Bessel function of the second kind of order 0."""

def special_bessel_y1(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Bessel function of the second kind of order 1."""

def special_chebyshev_polynomial_t(input: _Operand, n: _Operand, *, out: Tensor | None = None) -> Tensor:
    """Chebyshev polynomial of the first kind of degree n; 0 for negative n."""

def special_chebyshev_polynomial_u(input: _Operand, n: _Operand, *, out: Tensor | None = None) -> Tensor:
    """Chebyshev polynomial of the second kind of degree n; 0 for negative n."""

def special_chebyshev_polynomial_v(input: _Operand, n: _Operand, *, out: Tensor | None = None) -> Tensor:
    """Chebyshev polynomial of the third kind of degree n; 0 for negative n."""

def special_chebyshev_polynomial_w(input: _Operand, n: _Operand, *, out: Tensor | None = None) -> Tensor:
    """Chebyshev polynomial of the fourth kind of degree n; 0 for negative n."""

def special_entr(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Entropy -x log(x): 0 at 0, -inf where negative."""

def special_erfcx(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """e^(x^2) erfc(x)"""

def special_hermite_polynomial_h(input: _Operand, n: _Operand, *, out: Tensor | None = None) -> Tensor:
    """Physicist's Hermite polynomial of degree n; 0 for negative n, NaN above 512."""

def special_hermite_polynomial_he(input: _Operand, n: _Operand, *, out: Tensor | None = None) -> Tensor:
    """Probabilist's Hermite polynomial of degree n; 0 for negative n, NaN above 512."""

def special_i0e(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """e^-|x| i0(x)"""

def special_i1(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Modified Bessel function of the first kind of order 1."""

def special_i1e(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """e^-|x| i1(x)"""

def special_igamma_da(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """The derivative of igamma by its first operand."""

def special_laguerre_polynomial_l(input: _Operand, n: _Operand, *, out: Tensor | None = None) -> Tensor:
    """Laguerre polynomial of degree n; 0 for negative n, NaN above 10 million."""

def special_legendre_polynomial_p(input: _Operand, n: _Operand, *, out: Tensor | None = None) -> Tensor:
    """Legendre polynomial of degree n; 0 for negative n, NaN above 10 million."""

def special_log_ndtr(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Logarithm of the normal distribution function."""

def special_modified_bessel_k0(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Modified Bessel function of the second kind of order 0; NaN for negative x."""

def special_modified_bessel_k1(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Modified Bessel function of the second kind of order 1; NaN for negative x."""

def special_ndtri(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The inverse of ndtr, the normal distribution function."""

def special_scaled_modified_bessel_k0(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """e^x modified_bessel_k0(x)"""

def special_scaled_modified_bessel_k1(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """e^x modified_bessel_k1(x)"""

def special_shifted_chebyshev_polynomial_t(input: _Operand, n: _Operand, *, out: Tensor | None = None) -> Tensor:
    """Chebyshev polynomial of the first kind of degree n at 2 x - 1; 0 for negative n."""

def special_shifted_chebyshev_polynomial_u(input: _Operand, n: _Operand, *, out: Tensor | None = None) -> Tensor:
    """Chebyshev polynomial of the second kind of degree n at 2 x - 1; 0 for negative n."""

def special_shifted_chebyshev_polynomial_v(input: _Operand, n: _Operand, *, out: Tensor | None = None) -> Tensor:
    """Chebyshev polynomial of the third kind of degree n at 2 x - 1; 0 for negative n."""

def special_shifted_chebyshev_polynomial_w(input: _Operand, n: _Operand, *, out: Tensor | None = None) -> Tensor:
    """Chebyshev polynomial of the fourth kind of degree n at 2 x - 1; 0 for negative n."""

def special_spherical_bessel_j0(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Spherical Bessel function of the first kind of order 0, sin(x) / x."""

def special_xlog1py(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """input * log1p(other), 0 where input is 0."""

def special_zeta(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """Hurwitz's zeta function, the sum of (other + k)^-input over k >= 0."""

@overload
def split(tensor: Tensor, split_size_or_sections: _int, dim: _int = 0) -> tuple[Tensor, ...]: ...
@overload
def split(tensor: Tensor, split_size_or_sections: _int | Sequence[_int], dim: _int = 0) -> tuple[Tensor, ...]:
    """Views of `split_size_or_sections` positions each along `dim`; the last may be shorter."""

def split_copy(input: Tensor, split_size: _int, dim: _int = 0) -> tuple[Tensor, ...]:
    """split() as copies."""

def split_with_sizes(input: Tensor, split_sizes: _int | Sequence[_int], dim: _int = 0) -> tuple[Tensor, ...]:
    """Views of the given lengths along `dim`."""

def split_with_sizes_copy(input: Tensor, split_sizes: _int | Sequence[_int], dim: _int = 0) -> tuple[Tensor, ...]:
    """split_with_sizes() as copies."""

def sqrt(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Square root; its derivative at 0 is infinite."""

def square(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """x * x"""

@overload
def squeeze(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
@overload
def squeeze(input: Tensor, dim: _int, *, out: Tensor | None = None) -> Tensor: ...
@overload
def squeeze(input: Tensor, dim: _int | Sequence[_int], *, out: Tensor | None = None) -> Tensor: ...
@overload
def squeeze(input: Tensor, *dim: _int, out: Tensor | None = None) -> Tensor:
    """A view without the dimensions of size 1."""

@overload
def squeeze_copy(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
@overload
def squeeze_copy(input: Tensor, dim: _int | Sequence[_int], *, out: Tensor | None = None) -> Tensor: ...
@overload
def squeeze_copy(input: Tensor, *dim: _int, out: Tensor | None = None) -> Tensor:
    """squeeze() as a copy."""

def stack(tensors: Sequence[Tensor], dim: _int = 0, *, out: Tensor | None = None) -> Tensor:
    """Tensors of one shape along a new dimension `dim`."""

@overload
def std(input: Tensor, unbiased: _bool, *, out: Tensor | None = None) -> Tensor: ...
@overload
def std(input: Tensor, dim: _int | Sequence[_int] | None = None, unbiased: _bool = True, keepdim: _bool = False, *, out: Tensor | None = None) -> Tensor: ...
@overload
def std(input: Tensor, dim: _int | Sequence[_int] | None = None, *, correction: _Number | None = 1, keepdim: _bool = False, out: Tensor | None = None) -> Tensor:
    """Standard deviation of all elements."""

@overload
def std_mean(input: Tensor, unbiased: _bool, *, out: Sequence[Tensor] | None = None) -> tuple[Tensor, Tensor]: ...
@overload
def std_mean(input: Tensor, dim: _int | Sequence[_int] | None = None, unbiased: _bool = True, keepdim: _bool = False, *, out: Sequence[Tensor] | None = None) -> tuple[Tensor, Tensor]: ...
@overload
def std_mean(input: Tensor, dim: _int | Sequence[_int] | None = None, *, correction: _Number | None = 1, keepdim: _bool = False, out: Sequence[Tensor] | None = None) -> tuple[Tensor, Tensor]:
    """Standard deviation and mean of all elements."""

def sub(input: _Operand, other: _Operand, *, alpha: _Number = 1, out: Tensor | None = None) -> Tensor:
    """input - alpha * other"""

def subtract(input: _Operand, other: _Operand, *, alpha: _Number = 1, out: Tensor | None = None) -> Tensor:
    """input - alpha * other"""

def sum(input: Tensor, dim: _int | Sequence[_int] | None = None, keepdim: _bool = False, *, dtype: _dtype | None = None, out: Tensor | None = None) -> Tensor:
    """Sum over the dimensions `dim` (all by default); integers and bool give int64."""

def swapaxes(input: Tensor, axis0: _int, axis1: _int, *, out: Tensor | None = None) -> Tensor:
    """A view with two dimensions exchanged; NumPy's name of transpose."""

def swapdims(input: Tensor, dim0: _int, dim1: _int, *, out: Tensor | None = None) -> Tensor:
    """A view with two dimensions exchanged; the same as transpose."""

def t(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The transposed matrix as a view; up to two dimensions."""

def t_copy(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """t() as a copy."""

def take(input: Tensor, index: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The elements at positions `index` of the flattened tensor, in the shape of `index`."""

def take_along_dim(input: Tensor, indices: Tensor, dim: _int | None = None, *, out: Tensor | None = None) -> Tensor:
    """Elements along `dim` picked by `indices`, which broadcast against the input."""

def tan(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Tangent."""

def tanh(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Hyperbolic tangent."""

def tanhshrink(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """input - tanh(input)"""

@overload
def tensor_split(input: Tensor, sections: _int, dim: _int = 0) -> tuple[Tensor, ...]: ...
@overload
def tensor_split(input: Tensor, indices: _int | Sequence[_int], dim: _int = 0) -> tuple[Tensor, ...]: ...
@overload
def tensor_split(input: Tensor, tensor_indices_or_sections: Tensor, dim: _int = 0) -> tuple[Tensor, ...]:
    """`sections` views along `dim` whose lengths differ by at most one."""

def threshold(input: Tensor, threshold: _Number, value: _Number, inplace: _bool = False, *, out: Tensor | None = None) -> Tensor:
    """input where above threshold, value elsewhere."""

@overload
def tile(input: Tensor, dims: _int | Sequence[_int], *, out: Tensor | None = None) -> Tensor: ...
@overload
def tile(input: Tensor, *dims: _int, out: Tensor | None = None) -> Tensor:
    """A copy repeated along the last dimensions; like repeat with missing leading repeats of 1."""

def topk(input: Tensor, k: _int, dim: _int = -1, largest: _bool = True, sorted: _bool = True, *, out: Sequence[Tensor] | None = None) -> _topk_result:
    """The k largest (or smallest) elements along `dim`, and where they were."""

def trace(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Sum of the diagonal of a matrix."""

def transpose(input: Tensor, dim0: _int, dim1: _int, *, out: Tensor | None = None) -> Tensor:
    """A view with two dimensions exchanged."""

def transpose_copy(input: Tensor, dim0: _int, dim1: _int, *, out: Tensor | None = None) -> Tensor:
    """transpose() as a copy."""

def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: _Number = 1, dim: _int = -1, out: Tensor | None = None) -> Tensor:
    """Integral of y along `dim` by the trapezoidal rule, at points x or dx apart."""

def trapz(y: Tensor, x: Tensor | None = None, *, dx: _Number = 1, dim: _int = -1, out: Tensor | None = None) -> Tensor:
    """Same as trapezoid()."""

def tril(input: Tensor, diagonal: _int = 0, *, out: Tensor | None = None) -> Tensor:
    """The lower triangle up to `diagonal`, zero elsewhere."""

def tril_indices(row: _int, col: _int, offset: _int = 0, *, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor:
    """Rows and columns [2, n] of the lower triangle of a row by col matrix."""

def triu(input: Tensor, diagonal: _int = 0, *, out: Tensor | None = None) -> Tensor:
    """The upper triangle from `diagonal` on, zero elsewhere."""

def triu_indices(row: _int, col: _int, offset: _int = 0, *, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor:
    """Rows and columns [2, n] of the upper triangle of a row by col matrix."""

def true_divide(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """input / other"""

def trunc(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """x without its fraction."""

def unbind(input: Tensor, dim: _int = 0) -> tuple[Tensor, ...]:
    """One view per position of dimension `dim`, without that dimension."""

def unbind_copy(input: Tensor, dim: _int = 0) -> tuple[Tensor, ...]:
    """unbind() as copies."""

def unflatten(input: Tensor, dim: _int, sizes: _int | Sequence[_int], *, out: Tensor | None = None) -> Tensor:
    """A view with dimension `dim` split into `sizes`; one of them may be -1."""

def unique(input: Tensor, sorted: _bool = True, return_inverse: _bool = False, return_counts: _bool = False, dim: _int | None = None) -> Any:
    """The distinct elements, or slices along `dim`, in order; with where each went, and how many."""

def unique_consecutive(input: Tensor, return_inverse: _bool = False, return_counts: _bool = False, dim: _int | None = None) -> Any:
    """The first of each run of equal elements, or slices along `dim`; with the run of each, and lengths."""

@overload
def unravel_index(indices: Tensor, shape: _int | Sequence[_int]) -> tuple[Tensor, ...]: ...
@overload
def unravel_index(indices: Tensor, *shape: _int) -> tuple[Tensor, ...]:
    """Positions in a flattened tensor of this shape as one tensor per dimension."""

def unsafe_chunk(input: Tensor, chunks: _int, dim: _int = 0) -> tuple[Tensor, ...]:
    """The same as chunk."""

def unsafe_split(input: Tensor, split_size: _int, dim: _int = 0) -> tuple[Tensor, ...]:
    """The same as split."""

def unsafe_split_with_sizes(input: Tensor, split_sizes: _int | Sequence[_int], dim: _int = 0) -> tuple[Tensor, ...]:
    """The same as split_with_sizes."""

def unsqueeze(input: Tensor, dim: _int, *, out: Tensor | None = None) -> Tensor:
    """A view with a new dimension of size 1 at `dim`."""

def unsqueeze_copy(input: Tensor, dim: _int, *, out: Tensor | None = None) -> Tensor:
    """unsqueeze() as a copy."""

@overload
def var(input: Tensor, unbiased: _bool, *, out: Tensor | None = None) -> Tensor: ...
@overload
def var(input: Tensor, dim: _int | Sequence[_int] | None = None, unbiased: _bool = True, keepdim: _bool = False, *, out: Tensor | None = None) -> Tensor: ...
@overload
def var(input: Tensor, dim: _int | Sequence[_int] | None = None, *, correction: _Number | None = 1, keepdim: _bool = False, out: Tensor | None = None) -> Tensor:
    """Variance of all elements."""

@overload
def var_mean(input: Tensor, unbiased: _bool, *, out: Sequence[Tensor] | None = None) -> tuple[Tensor, Tensor]: ...
@overload
def var_mean(input: Tensor, dim: _int | Sequence[_int] | None = None, unbiased: _bool = True, keepdim: _bool = False, *, out: Sequence[Tensor] | None = None) -> tuple[Tensor, Tensor]: ...
@overload
def var_mean(input: Tensor, dim: _int | Sequence[_int] | None = None, *, correction: _Number | None = 1, keepdim: _bool = False, out: Sequence[Tensor] | None = None) -> tuple[Tensor, Tensor]:
    """Variance and mean of all elements."""

def vdot(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Sum of the products of two vectors' elements."""

@overload
def view_copy(input: Tensor, size: _int | Sequence[_int], *, out: Tensor | None = None) -> Tensor: ...
@overload
def view_copy(input: Tensor, *size: _int, out: Tensor | None = None) -> Tensor:
    """view() as a copy."""

@overload
def vsplit(input: Tensor, sections: _int) -> tuple[Tensor, ...]: ...
@overload
def vsplit(input: Tensor, indices: _int | Sequence[_int]) -> tuple[Tensor, ...]: ...
@overload
def vsplit(input: Tensor, *indices: _int) -> tuple[Tensor, ...]:
    """Equal views along dimension 0."""

def vstack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """Tensors on top of each other: joined along dimension 0, vectors as rows."""

@overload
def where(condition: Tensor) -> tuple[Tensor, ...]: ...
@overload
def where(condition: Tensor, input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """The same as nonzero(condition, as_tuple=True)."""

def xlogy(input: _Operand, other: _Operand, *, out: Tensor | None = None) -> Tensor:
    """input * log(other), 0 where input is 0."""

@overload
def zeros(size: _int | Sequence[_int], *, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor: ...
@overload
def zeros(*size: _int, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor:
    """A tensor of zeros."""

def zeros_like(input: Tensor, *, dtype: _dtype | None = None, device: _str | _device | None = None, requires_grad: _bool = False, layout: Any = None, pin_memory: _bool = False, memory_format: Any = None, out: Tensor | None = None) -> Tensor:
    """Zeros in the shape of `input`."""

__all__ = [
    "Generator",
    "Node",
    "Size",
    "Tensor",
    "abs",
    "absolute",
    "acos",
    "acosh",
    "adaptive_avg_pool1d",
    "add",
    "addbmm",
    "addcdiv",
    "addcmul",
    "addmm",
    "addmv",
    "addr",
    "adjoint",
    "alias_copy",
    "all",
    "allclose",
    "amax",
    "amin",
    "aminmax",
    "any",
    "arange",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "argmax",
    "argmin",
    "argsort",
    "argwhere",
    "as_strided",
    "as_strided_scatter",
    "as_tensor",
    "asarray",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "autocast_decrement_nesting",
    "autocast_increment_nesting",
    "avg_pool1d",
    "baddbmm",
    "bernoulli",
    "bfloat16",
    "bincount",
    "binomial",
    "bitwise_and",
    "bitwise_left_shift",
    "bitwise_not",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "block_diag",
    "bmm",
    "bool",
    "broadcast_tensors",
    "broadcast_to",
    "bucketize",
    "can_cast",
    "cartesian_prod",
    "cat",
    "cdist",
    "ceil",
    "chunk",
    "clamp",
    "clamp_max",
    "clamp_min",
    "clear_autocast_cache",
    "clip",
    "clone",
    "column_stack",
    "combinations",
    "concat",
    "concatenate",
    "constant_pad_nd",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "copysign",
    "corrcoef",
    "cos",
    "cosh",
    "count_nonzero",
    "cov",
    "cross",
    "cummax",
    "cummin",
    "cumprod",
    "cumsum",
    "cumulative_trapezoid",
    "default_generator",
    "deg2rad",
    "detach",
    "detach_copy",
    "diag",
    "diag_embed",
    "diagflat",
    "diagonal",
    "diagonal_copy",
    "diagonal_scatter",
    "diff",
    "digamma",
    "dist",
    "div",
    "divide",
    "dot",
    "dropout",
    "dsplit",
    "dstack",
    "dtype",
    "einsum",
    "empty",
    "empty_like",
    "empty_strided",
    "eq",
    "equal",
    "erf",
    "erfc",
    "erfinv",
    "exp",
    "exp2",
    "expand_copy",
    "expm1",
    "eye",
    "fix",
    "flatten",
    "flip",
    "fliplr",
    "flipud",
    "float16",
    "float32",
    "float64",
    "float_power",
    "floor",
    "floor_divide",
    "fmax",
    "fmin",
    "fmod",
    "frac",
    "from_numpy",
    "full",
    "full_like",
    "gather",
    "gcd",
    "ge",
    "ger",
    "get_default_dtype",
    "get_num_threads",
    "greater",
    "greater_equal",
    "group_norm",
    "gru",
    "gru_cell",
    "gt",
    "heaviside",
    "histc",
    "histogram",
    "hsplit",
    "hstack",
    "hypot",
    "i0",
    "igamma",
    "igammac",
    "index_add",
    "index_copy",
    "index_fill",
    "index_put",
    "index_reduce",
    "index_select",
    "inner",
    "int16",
    "int32",
    "int64",
    "int8",
    "is_autocast_cache_enabled",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "is_same_size",
    "isclose",
    "isfinite",
    "isin",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "isreal",
    "kron",
    "kthvalue",
    "layer_norm",
    "lcm",
    "ldexp",
    "le",
    "lerp",
    "less",
    "less_equal",
    "lgamma",
    "linspace",
    "log",
    "log10",
    "log1p",
    "log2",
    "log_softmax",
    "logaddexp",
    "logaddexp2",
    "logcumsumexp",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "logit",
    "logspace",
    "logsumexp",
    "lstm",
    "lstm_cell",
    "lt",
    "masked_fill",
    "masked_scatter",
    "masked_select",
    "matmul",
    "max",
    "max_pool1d",
    "max_pool1d_with_indices",
    "max_pool2d",
    "max_pool2d_with_indices",
    "max_pool3d",
    "max_pool3d_with_indices",
    "maximum",
    "mean",
    "median",
    "meshgrid",
    "min",
    "minimum",
    "mm",
    "mode",
    "moveaxis",
    "movedim",
    "msort",
    "mul",
    "multinomial",
    "multiply",
    "mv",
    "mvlgamma",
    "nan_to_num",
    "nanmean",
    "nanmedian",
    "nanquantile",
    "nansum",
    "narrow",
    "narrow_copy",
    "ne",
    "neg",
    "negative",
    "nextafter",
    "nonzero",
    "nonzero_static",
    "norm",
    "normal",
    "not_equal",
    "ones",
    "ones_like",
    "outer",
    "permute",
    "permute_copy",
    "pixel_shuffle",
    "pixel_unshuffle",
    "poisson",
    "polygamma",
    "positive",
    "pow",
    "prelu",
    "prod",
    "promote_types",
    "put",
    "quantile",
    "rad2deg",
    "rand",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "randperm",
    "ravel",
    "reciprocal",
    "relu",
    "remainder",
    "renorm",
    "repeat_interleave",
    "reshape",
    "result_type",
    "rms_norm",
    "rnn_relu",
    "rnn_relu_cell",
    "rnn_tanh",
    "rnn_tanh_cell",
    "roll",
    "rot90",
    "round",
    "row_stack",
    "rsqrt",
    "scalar_tensor",
    "scatter",
    "scatter_add",
    "scatter_reduce",
    "searchsorted",
    "select",
    "select_copy",
    "select_scatter",
    "set_autocast_cache_enabled",
    "set_default_dtype",
    "set_flush_denormal",
    "set_num_threads",
    "sgn",
    "sigmoid",
    "sign",
    "signbit",
    "sin",
    "sinc",
    "sinh",
    "slice_copy",
    "slice_scatter",
    "softmax",
    "sort",
    "split",
    "split_copy",
    "split_with_sizes",
    "split_with_sizes_copy",
    "sqrt",
    "square",
    "squeeze",
    "squeeze_copy",
    "stack",
    "std",
    "std_mean",
    "sub",
    "subtract",
    "sum",
    "swapaxes",
    "swapdims",
    "t",
    "t_copy",
    "take",
    "take_along_dim",
    "tan",
    "tanh",
    "tensor",
    "tensor_split",
    "tile",
    "topk",
    "trace",
    "transpose",
    "transpose_copy",
    "trapezoid",
    "trapz",
    "tril",
    "tril_indices",
    "triu",
    "triu_indices",
    "true_divide",
    "trunc",
    "uint8",
    "unbind",
    "unbind_copy",
    "unflatten",
    "unique",
    "unique_consecutive",
    "unravel_index",
    "unsafe_chunk",
    "unsafe_split",
    "unsafe_split_with_sizes",
    "unsqueeze",
    "unsqueeze_copy",
    "var",
    "var_mean",
    "vdot",
    "view_copy",
    "vsplit",
    "vstack",
    "where",
    "xlogy",
    "zeros",
    "zeros_like",
]
