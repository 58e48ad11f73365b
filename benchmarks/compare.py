"""Results have to be equal before speed means anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def difference(ours: Sequence[Any], theirs: Sequence[Any], tolerance: float) -> str:
    """Empty when the results agree, or what differs.

    Floating-point arrays may differ by `tolerance` times their greatest value; shapes,
    NaN, infinities and everything else must be equal.
    """
    if len(ours) != len(theirs):
        return f"{len(ours)} results against {len(theirs)}"
    for k, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        if a.shape != b.shape:
            return f"result {k}: shape {a.shape} against {b.shape}"
        if a.dtype.kind != "f" or b.dtype.kind != "f":
            if not np.array_equal(a, b):
                return f"result {k}: {np.count_nonzero(a != b)} of {a.size} elements differ"
            continue
        finite = np.isfinite(b)
        if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
            return f"result {k}: not finite in different places"
        a, b = a[finite], b[finite]
        if not a.size:
            continue
        worst = float(np.max(np.abs(a - b)))
        greatest = float(np.max(np.abs(b)))
        if not worst <= tolerance * max(greatest, 1e-30):
            return f"result {k}: off by {worst:.2g} of {greatest:.2g}"
    return ""
