"""Names at the top of the package, some of them methods of Tensor, for what is in linalg."""

from __future__ import annotations

from ._householder import geqrf
from ._householder import householder_product as orgqr
from ._lowrank import pca_lowrank, svd_lowrank
from ._lu import lu_of as lu
from ._lu import lu_solve_of as lu_solve
from ._lu import lu_unpack
from ._norms import frobenius_norm, nuclear_norm
from ._products import chain_matmul, matrix_exp, matrix_power, tensordot
from ._products import vander_descending as vander
from ._spectral import pinv as pinverse
from ._spectral import qr_some as qr
from ._spectral import svd_transposed as svd
from ._square import (
    cholesky_inverse,
    cholesky_solve,
    det,
    logdet,
    slogdet,
    triangular_solve,
)
from ._square import cholesky_positional as cholesky
from ._square import inv as inverse

__all__ = [
    "chain_matmul",
    "cholesky",
    "cholesky_inverse",
    "cholesky_solve",
    "det",
    "frobenius_norm",
    "geqrf",
    "inverse",
    "logdet",
    "lu",
    "lu_solve",
    "lu_unpack",
    "matrix_exp",
    "matrix_power",
    "nuclear_norm",
    "orgqr",
    "pca_lowrank",
    "pinverse",
    "qr",
    "slogdet",
    "svd",
    "svd_lowrank",
    "tensordot",
    "triangular_solve",
    "vander",
]
