"""What the computations run on: :mod:`cpu`; the others are there to be asked and to say no."""

from __future__ import annotations

import importlib

from . import cpu

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import cuda as cuda
    from . import cudnn as cudnn
    from . import mkl as mkl
    from . import mkldnn as mkldnn
    from . import mps as mps
    from . import openmp as openmp

__all__ = ["cpu", "cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp"]


def __getattr__(name: str) -> object:
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    from .._absent import missing

    raise AttributeError(missing(__name__, name, __all__))
