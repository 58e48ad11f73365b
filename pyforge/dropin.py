"""Programs written for PyTorch, unchanged: ``import torch`` gives pyforge.

``python -m pyforge run script.py args...`` runs a script so; :func:`install` does the same inside a
program, before its first ``import torch``.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import runpy
import sys
from typing import TYPE_CHECKING

from ._absent import explain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType
    from typing import Any

__all__ = ["install", "run"]

PYTORCH = "2.13.0"  # the version that docs/parity.md compares with


# PyTorch's modules whose names pyforge keeps in a larger module.
_COARSER = {
    "functional": "pyforge",
    "nn.modules.channelshuffle": "pyforge.nn",
    "nn.modules.distance": "pyforge.nn",
    "nn.modules.flatten": "pyforge.nn",
    "nn.modules.fold": "pyforge.nn",
    "nn.modules.instancenorm": "pyforge.nn.modules.batchnorm",
    "nn.modules.pixelshuffle": "pyforge.nn",
    "nn.modules.sparse": "pyforge.nn",
    "nn.parallel.data_parallel": "pyforge.nn.parallel",
    "nn.parallel.distributed": "pyforge.nn.parallel",
    "nn.utils.stateless": "pyforge.func",
    "utils.data._utils": "pyforge.utils.data",
    "utils.data._utils.collate": "pyforge.utils.data.collate",
    "utils.data.distributed": "pyforge.utils.data",
}


class _Alias(importlib.abc.Loader):
    """Loads ``torch.x`` as the module ``pyforge.x`` itself, not a copy."""

    def __init__(self, target: str) -> None:
        self.target = target

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module = importlib.import_module(self.target)
        self.own = (module.__spec__, module.__loader__)
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__, module.__loader__ = self.own


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        head, _, rest = fullname.partition(".")
        if head == "safetensors":
            return _find_safetensors(fullname, path)
        if head != "torch":
            return None
        name = f"pyforge.{rest}" if rest else "pyforge"
        found = _find(name)
        if found is None and (coarser := _COARSER.get(rest)):
            name = coarser
            found = _find(name)
        if found is None:
            why = explain(rest) or f"pyforge has no counterpart of {fullname!r}{_nearest(rest)}"
            raise ModuleNotFoundError(why, name=fullname)
        # As a package, so that what it lacks is asked for here and gets a reason.
        return importlib.util.spec_from_loader(fullname, _Alias(name), is_package=True)


def _find(name: str) -> importlib.machinery.ModuleSpec | None:
    try:
        importlib.import_module(name.rpartition(".")[0] or name)  # it may have put the module there
        return importlib.util.find_spec(name)
    except ModuleNotFoundError:
        return None


class _SafetensorsLoader(importlib.abc.Loader):
    """Loads the library, with pyforge's ``safe_open``."""

    def __init__(self, plain: importlib.abc.Loader) -> None:
        self.plain = plain

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self.plain.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self.plain.exec_module(module)
        from .utils import safetensors

        module.safe_open = safetensors.safe_open  # type: ignore[attr-defined]


def _find_safetensors(name: str, path: Any) -> importlib.machinery.ModuleSpec | None:
    if name == "safetensors.torch":
        return importlib.util.spec_from_loader(name, _Alias("pyforge.utils.safetensors"))
    if name != "safetensors":
        return None
    spec = importlib.machinery.PathFinder.find_spec(name, path)
    if spec is not None and spec.loader is not None:
        spec.loader = _SafetensorsLoader(spec.loader)
    return spec


def _nearest(rest: str) -> str:
    """``; the nearest module is ...``, or nothing."""
    import pkgutil

    parent, _, leaf = rest.rpartition(".")
    try:
        package = importlib.import_module(f"pyforge.{parent}" if parent else "pyforge")
    except ImportError:
        return ""
    names = [m.name for m in pkgutil.iter_modules(getattr(package, "__path__", []))]
    close = difflib.get_close_matches(leaf, [n for n in names if not n.startswith("_")], 1)
    return f"; the nearest is 'torch.{parent + '.' if parent else ''}{close[0]}'" if close else ""


def install() -> None:
    """Make ``import torch`` and its submodules resolve to pyforge in this process.

    ``torch.__version__`` is then that of the PyTorch whose names these are, since programs choose
    by it what to call: ``"2.13.0+pyforge.0.1.0"``. Dtypes and sizes print as ``torch.float32``
    and ``torch.Size([2])``.

    Raises:
        RuntimeError: if PyTorch has been imported already.
    """
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    if "torch" in sys.modules:
        raise RuntimeError("PyTorch is imported already; install pyforge in its place before that")
    import pyforge

    pyforge._C._show_as_torch()
    pyforge.__version__ = f"{PYTORCH}+pyforge.{pyforge.__version__}"
    sys.meta_path.insert(0, _Finder())
    _install_in_spawned()


class _Installs:
    """Calls :func:`install` where it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[()]]:
        return install, ()


def _install_in_spawned() -> None:
    """Processes that multiprocessing spawns see pyforge too, before they import the program."""
    from multiprocessing import spawn

    plain = spawn.get_preparation_data

    def get_preparation_data(name: str) -> dict[str, object]:
        return {**plain(name), "pyforge": _Installs()}

    spawn.get_preparation_data = get_preparation_data


def run(script: str, args: Sequence[str] = ()) -> None:
    """Run a script as ``python script args...`` does, with pyforge in the place of PyTorch.

    Raises:
        FileNotFoundError: if there is no such script.
    """
    if not os.path.isfile(script):
        raise FileNotFoundError(f"there is no script {script!r}")
    install()
    sys.argv = [script, *args]
    sys.path[0] = os.path.dirname(os.path.abspath(script))
    runpy.run_path(script, run_name="__main__")
