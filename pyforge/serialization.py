"""Files of tensors: PyTorch's zip format, written and read without PyTorch.

An archive holds ``data.pkl``, a pickle in which each tensor refers to a storage, and one file of
raw bytes per storage. Loading with ``weights_only=True``, the default, resolves only an
allow-list of names, so that a file cannot run code.
"""

from __future__ import annotations

import collections
import io
import os
import pickle
import sys
import zipfile
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, ClassVar

from . import _C
from ._C import Tensor
from ._device import device as Device
from ._files import replacing
from .nn.parameter import Parameter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import IO

__all__ = [
    "add_safe_globals",
    "clear_safe_globals",
    "get_safe_globals",
    "load",
    "safe_globals",
    "save",
]

_STORAGES = {
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}
_STORAGE_OF = {dtype: storage for storage, dtype in _STORAGES.items()}
_EXTRA: dict[str, Any] = {}


class _Name:
    """Stands for a global of PyTorch in a pickle that is being written."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name

    def __call__(self, *args: Any) -> None:
        raise TypeError(f"{self.module}.{self.name} is a name only")


class _Stored:
    """The memory of a tensor, in a pickle that is being written or read."""

    def __init__(self, key: str, dtype: str, memory: Tensor) -> None:
        self.key, self.dtype, self.memory = key, dtype, memory


# ---- writing ---------------------------------------------------------------------------------


class _Writer(pickle._Pickler):
    """Writes tensors as PyTorch does, and pyforge's classes under PyTorch's names."""

    dispatch: ClassVar[dict[type, Any]] = dict(pickle._Pickler.dispatch)

    def __init__(self, file: IO[bytes], protocol: int) -> None:
        super().__init__(file, protocol)
        self.storages: dict[tuple[int, str], _Stored] = {}
        self._names: dict[tuple[str, str], _Name] = {}

    def name(self, module: str, name: str) -> _Name:
        return self._names.setdefault((module, name), _Name(module, name))

    def persistent_id(self, obj: Any) -> Any:
        if not isinstance(obj, _Stored):
            return None
        width = getattr(_C, obj.dtype).itemsize
        name = self.name("torch", _STORAGE_OF[obj.dtype])
        return ("storage", name, obj.key, "cpu", obj.memory.numel() // width)

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, _C.dtype):
            return str(obj)  # a name: save_global writes PyTorch's
        if isinstance(obj, OrderedDict) and type(obj).__module__.startswith("pyforge."):
            return OrderedDict, (), obj.__dict__ or None, None, iter(obj.items())
        if isinstance(obj, Device):
            return self.name("torch", "device"), (str(obj),)
        if isinstance(obj, Parameter):
            rebuild = self.name("torch._utils", "_rebuild_parameter")
            return rebuild, (obj.detach(), obj.requires_grad, OrderedDict())
        if isinstance(obj, Tensor):
            dtype = str(obj.dtype).rpartition(".")[2]
            memory = _C._storage_bytes(obj)
            key = (memory.data_ptr(), dtype)
            stored = self.storages.get(key)
            if stored is None:
                stored = self.storages[key] = _Stored(str(len(self.storages)), dtype, memory)
            if any(s < 0 for s in obj.stride()):
                return self.reducer_override(obj.detach().clone())
            return self.name("torch._utils", "_rebuild_tensor_v2"), (
                stored,
                obj.storage_offset(),
                tuple(obj.shape),
                tuple(obj.stride()),
                obj.requires_grad and obj.is_leaf,
                OrderedDict(),
            )
        return NotImplemented

    def save_global(self, obj: Any, name: str | None = None) -> None:
        if isinstance(obj, _C.dtype):
            obj = self.name("torch", str(obj).rpartition(".")[2])
        elif not isinstance(obj, _Name):
            module = getattr(obj, "__module__", None) or ""
            if module == "pyforge" or module.startswith("pyforge."):
                obj = self.name("torch" + module[len("pyforge") :], name or obj.__qualname__)
            else:
                super().save_global(obj, name)  # type: ignore[misc]
                return
        if (seen := self.memo.get(id(obj))) is not None:  # type: ignore[attr-defined]
            self.write(self.get(seen[0]))  # type: ignore[attr-defined]
            return
        self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())  # type: ignore[attr-defined]
        self.memoize(obj)  # type: ignore[attr-defined]

    dispatch[_Name] = save_global


def save(
    obj: object,
    f: str | os.PathLike[str] | IO[bytes],
    pickle_module: Any = None,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
) -> None:
    """Write an object with tensors in it to a file that PyTorch reads too.

    A path is written under a temporary name and renamed, so that a failure leaves what was there.
    Tensors that share memory share it again after loading.

    Args:
        obj: tensors, numbers, strings and containers of them; modules and other picklable objects.
        f: a path, or a file open for binary writing.
        pickle_module: accepted; the pickle is always written by the standard module.
    """
    if not isinstance(f, (str, os.PathLike)):
        _write(obj, f, "archive", pickle_protocol)
        return
    path = os.fspath(f)
    stem = os.path.splitext(os.path.basename(path))[0]
    with replacing(path) as temporary, open(temporary, "wb") as file:
        _write(obj, file, stem or "archive", pickle_protocol)


def _write(obj: object, file: IO[bytes], folder: str, protocol: int) -> None:
    pickled = io.BytesIO()
    writer = _Writer(pickled, protocol)
    writer.dump(obj)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        archive.writestr(f"{folder}/data.pkl", pickled.getvalue())
        archive.writestr(f"{folder}/byteorder", sys.byteorder)
        for stored in writer.storages.values():
            with archive.open(f"{folder}/data/{stored.key}", "w", force_zip64=True) as out:
                if stored.memory.numel():
                    out.write(memoryview(stored.memory.numpy()))  # type: ignore[arg-type]
        archive.writestr(f"{folder}/version", "3\n")


# ---- reading ---------------------------------------------------------------------------------


def _rebuild_tensor(
    stored: _Stored,
    offset: int,
    size: tuple[int, ...],
    stride: tuple[int, ...],
    requires_grad: bool = False,
    hooks: Any = None,
    metadata: Any = None,
) -> Tensor:
    dtype = getattr(_C, stored.dtype)
    t: Tensor = _C._view_storage(stored.memory, dtype, list(size), list(stride), offset)
    return t.requires_grad_() if requires_grad else t


def _rebuild_parameter(data: Tensor, requires_grad: bool, hooks: Any) -> Parameter:
    return Parameter(data, requires_grad)


def _rebuild_parameter_with_state(
    data: Tensor, requires_grad: bool, hooks: Any, state: dict[str, Any]
) -> Parameter:
    parameter = Parameter(data, requires_grad)
    for name, value in state.items():
        setattr(parameter, name, value)
    return parameter


def _known() -> dict[str, Any]:
    """What a file may name with ``weights_only=True``."""
    known: dict[str, Any] = {
        "torch._utils._rebuild_tensor_v2": _rebuild_tensor,
        "torch._utils._rebuild_tensor": _rebuild_tensor,
        "torch._utils._rebuild_parameter": _rebuild_parameter,
        "torch._utils._rebuild_parameter_with_state": _rebuild_parameter_with_state,
        "torch.nn.parameter.Parameter": Parameter,
        "torch.Size": _C.Size,
        "torch.device": Device,
        "collections.OrderedDict": OrderedDict,
        "collections.Counter": collections.Counter,
        "collections.defaultdict": collections.defaultdict,
    }
    for name in ("set", "frozenset", "dict", "list", "tuple", "int", "float", "bool", "complex"):
        known[f"builtins.{name}"] = known[f"__builtin__.{name}"] = getattr(
            __import__("builtins"), name
        )
    for storage in _STORAGES:
        known[f"torch.{storage}"] = storage
    for dtype in _STORAGES.values():
        if hasattr(_C, dtype):
            known[f"torch.{dtype}"] = getattr(_C, dtype)
    return known


class _Reader(pickle.Unpickler):
    def __init__(self, archive: zipfile.ZipFile, folder: str, weights_only: bool) -> None:
        super().__init__(io.BytesIO(archive.read(f"{folder}/data.pkl")), encoding="utf-8")
        self.archive, self.folder, self.weights_only = archive, folder, weights_only
        self.known = {**_known(), **_EXTRA}
        self.memory: dict[str, Tensor] = {}

    def find_class(self, module: str, name: str) -> Any:
        full = f"{module}.{name}"
        if full in self.known:
            return self.known[full]
        if self.weights_only:
            raise pickle.UnpicklingError(
                "Weights only load failed. The file refers to a name that is not on the "
                f"allow-list: {full}. If you trust the file, allow that name with "
                "pyforge.serialization.add_safe_globals, or load with weights_only=False, which "
                "can run any code in it."
            )
        if module == "torch" or module.startswith("torch."):
            module = "pyforge" + module[len("torch") :]
        return super().find_class(module, name)

    def persistent_load(self, pid: Any) -> _Stored:
        kind, storage, key, _, numel = pid
        if kind != "storage" or storage not in _STORAGES:
            raise pickle.UnpicklingError(f"unknown kind of storage in the file: {pid!r}")
        dtype = _STORAGES[storage]
        if not hasattr(_C, dtype):
            raise RuntimeError(
                f"load: the file holds tensors of {dtype}, which pyforge does not have"
            )
        if key not in self.memory:
            entry = self.archive.getinfo(f"{self.folder}/data/{key}")
            expected = numel * getattr(_C, dtype).itemsize
            if entry.file_size != expected:
                raise RuntimeError(
                    f"load: storage {key} has {entry.file_size} bytes where {expected} are "
                    "expected; the file is damaged"
                )
            memory = _C.empty(expected, dtype=_C.uint8)
            if expected:
                view = memoryview(memory.numpy())  # type: ignore[arg-type]
                with self.archive.open(entry) as data:
                    at = 0
                    while at < expected:
                        at += data.readinto(view[at : at + (1 << 24)])  # type: ignore[attr-defined]
            self.memory[key] = memory
        return _Stored(key, dtype, self.memory[key])


def _loads_weights_only(given: bool | None) -> bool:
    safe, unsafe = (
        os.getenv(f"TORCH_FORCE_{name}WEIGHTS_ONLY_LOAD", "0") in ("1", "y", "yes", "true")
        for name in ("", "NO_")
    )
    if safe and unsafe:
        raise RuntimeError(
            "Only one of `TORCH_FORCE_WEIGHTS_ONLY_LOAD` or `TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD` "
            "should be set, but both were set."
        )
    return safe or (not unsafe if given is None else given)


def load(
    f: str | os.PathLike[str] | IO[bytes],
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
) -> Any:
    """Read what :func:`save`, or PyTorch's, wrote.

    Args:
        f: a path, or a seekable file open for binary reading.
        map_location: accepted; everything is loaded to the CPU.
        weights_only: True (the default) loads tensors, numbers, strings and containers only and
            never runs code of the file; False also loads any other object, so the file must be
            trusted. ``TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1`` in the environment makes False the
            default, ``TORCH_FORCE_WEIGHTS_ONLY_LOAD=1`` makes it True whatever is given.

    Raises:
        pickle.UnpicklingError: if the file names something that is not allowed.
        RuntimeError: if it is not a file of this format, or damaged.
    """
    safe = _loads_weights_only(weights_only)
    try:
        archive = zipfile.ZipFile(f)
    except zipfile.BadZipFile as error:
        raise RuntimeError(
            f"load: {f!r} is not a file in PyTorch's zip format ({error}); files written before "
            "PyTorch 1.6 must be saved again with a newer version"
        ) from None
    with archive:
        records = [n for n in archive.namelist() if n.endswith("/data.pkl")]
        if len(records) != 1:
            raise RuntimeError(f"load: {f!r} is a zip file, but without one 'data.pkl'")
        folder = records[0][: -len("/data.pkl")]
        try:
            order = archive.read(f"{folder}/byteorder").decode()
        except KeyError:
            order = "little"
        if order != sys.byteorder:
            raise RuntimeError(f"load: the file was written on a {order}-endian machine")
        try:
            return _Reader(archive, folder, safe).load()
        except (EOFError, KeyError, zipfile.BadZipFile) as error:
            raise RuntimeError(f"load: the file is damaged: {error}") from error


def add_safe_globals(safe_globals: Sequence[Callable[..., Any] | tuple[Any, str]]) -> None:
    """Allow these classes or functions in files loaded with ``weights_only=True``."""
    for item in safe_globals:
        obj, name = item if isinstance(item, tuple) else (item, "")
        _EXTRA[name or f"{obj.__module__}.{obj.__qualname__}"] = obj


def get_safe_globals() -> list[Any]:
    """What :func:`add_safe_globals` has allowed."""
    return list(_EXTRA.values())


def clear_safe_globals() -> None:
    """Take back what :func:`add_safe_globals` has allowed."""
    _EXTRA.clear()


class safe_globals:
    """Context manager: :func:`add_safe_globals` for a while."""

    def __init__(self, safe_globals: Sequence[Callable[..., Any] | tuple[Any, str]]) -> None:
        self.items = safe_globals

    def __enter__(self) -> None:
        self.before = dict(_EXTRA)
        add_safe_globals(self.items)

    def __exit__(self, *exc: object) -> None:
        _EXTRA.clear()
        _EXTRA.update(self.before)
