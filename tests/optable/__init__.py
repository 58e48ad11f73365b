"""One row per op; the generic checks are in `tests/test_ops*.py`."""

from . import (
    rows_attention,
    rows_closeness,
    rows_conv,
    rows_creation,
    rows_elementwise,
    rows_functional,
    rows_index,
    rows_linalg,
    rows_matmul,
    rows_nn,
    rows_pointwise,
    rows_products,
    rows_random,
    rows_rearrange,
    rows_recurrent,
    rows_reduce,
    rows_shape,
    rows_special,
    rows_special_more,
    rows_statistics,
)
from .model import Op

FAMILIES = {
    "elementwise": rows_elementwise,
    "closeness": rows_closeness,
    "reduce": rows_reduce,
    "matmul": rows_matmul,
    "products": rows_products,
    "linalg": rows_linalg,
    "shape": rows_shape,
    "rearrange": rows_rearrange,
    "index": rows_index,
    "nn": rows_nn,
    "attention": rows_attention,
    "conv": rows_conv,
    "pointwise": rows_pointwise,
    "functional": rows_functional,
    "recurrent": rows_recurrent,
    "special": rows_special,
    "special functions": rows_special_more,
    "statistics": rows_statistics,
    "random": rows_random,
    "creation": rows_creation,
}

ROWS: list[Op] = [row for family in FAMILIES.values() for row in family.ROWS]
