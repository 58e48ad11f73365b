"""Linear algebra with derivatives, through the LAPACK that NumPy carries.

Matrices are the last two dimensions, of float32 or float64; leading dimensions are batches.
"""

from __future__ import annotations

from .._C import Tensor
from .._C import linalg_cross as cross
from .._C import linalg_solve_triangular as solve_triangular
from .._C import matmul as matmul
from ._base import LinAlgError
from ._householder import householder_product
from ._ldl import ldl_factor, ldl_factor_ex, ldl_solve
from ._lu import lu, lu_factor, lu_factor_ex, lu_solve
from ._norms import cond, matrix_norm, norm, vector_norm
from ._products import (
    diagonal,
    matrix_exp,
    matrix_power,
    multi_dot,
    tensorinv,
    tensorsolve,
    vander,
    vecdot,
)
from ._spectral import eigh, eigvalsh, lstsq, matrix_rank, pinv, qr, svd, svdvals
from ._square import (
    cholesky,
    cholesky_ex,
    det,
    inv,
    inv_ex,
    slogdet,
    solve,
    solve_ex,
)

__all__ = [
    "LinAlgError",
    "cholesky",
    "cholesky_ex",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "householder_product",
    "inv",
    "inv_ex",
    "ldl_factor",
    "ldl_factor_ex",
    "ldl_solve",
    "lstsq",
    "lu",
    "lu_factor",
    "lu_factor_ex",
    "lu_solve",
    "matmul",
    "matrix_exp",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "multi_dot",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_ex",
    "solve_triangular",
    "svd",
    "svdvals",
    "tensorinv",
    "tensorsolve",
    "vander",
    "vecdot",
    "vector_norm",
]

_COMPLEX = (
    "{name}: eigenvalues of a general matrix are complex, and pyforge has no complex dtypes; for "
    "symmetric matrices use linalg.eigh or linalg.eigvalsh, for values without derivatives "
    "numpy.linalg.{short}(A.numpy())"
)


def eig(A: Tensor) -> None:
    """Not available: raises NotImplementedError, since the results are complex."""
    raise NotImplementedError(_COMPLEX.format(name="linalg.eig", short="eig"))


def eigvals(A: Tensor) -> None:
    """Not available: raises NotImplementedError, since the results are complex."""
    raise NotImplementedError(_COMPLEX.format(name="linalg.eigvals", short="eigvals"))
