"""Names at the top of the package, some of them methods of Tensor, for what is in linalg."""

from __future__ import annotations

from ._lu import lu_solve_of as lu_solve
from ._lu import lu_unpack
from ._products import chain_matmul, matrix_exp, matrix_power, tensordot
from ._products import vander_descending as vander
from ._spectral import pinv as pinverse
from ._spectral import qr_some as qr
from ._spectral import svd_transposed as svd
from ._square import cholesky, cholesky_inverse, cholesky_solve, det, logdet, slogdet
from ._square import inv as inverse

__all__ = [
    "chain_matmul",
    "cholesky",
    "cholesky_inverse",
    "cholesky_solve",
    "det",
    "inverse",
    "logdet",
    "lu_solve",
    "lu_unpack",
    "matrix_exp",
    "matrix_power",
    "pinverse",
    "qr",
    "slogdet",
    "svd",
    "tensordot",
    "vander",
]
