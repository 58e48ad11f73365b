"""float16 and bfloat16: every row of the op table, against PyTorch's result for the same dtype.

Both compute in wider arithmetic and round once, but not always at the same places: a result may
also be closer to the one of float64 than PyTorch's is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from optable import ROWS
from optable.model import Const, Op, Sample
from support import Call, describe, differentiable, dtype_name, flat, is_tensor, quiet, torch

import pyforge as pf

pytestmark = pytest.mark.torch

HALVES = ("float16", "bfloat16")
EPS = {"float16": 2.0**-10, "bfloat16": 2.0**-7}


class HalfCall(Call):
    """A sample whose float32 arrays are tensors of a half dtype, the same bits in both libraries."""

    def __init__(self, P: Any, op: Op, sample: Sample, dtype: str, grad: bool = False) -> None:
        self.dtype = dtype
        super().__init__(P, op, sample, grad=grad)

    def _tensor(self, v: np.ndarray) -> Any:
        t = super()._tensor(v)
        if v.dtype.kind != "f":
            return t
        t = t.to(getattr(self.P, "float16" if self.dtype == "float64" else self.dtype))
        return t.double() if self.dtype == "float64" else t
