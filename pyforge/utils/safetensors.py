"""Files of the safetensors format, through its own library (``pip install safetensors``).

What ``safetensors.torch`` offers, for pyforge's tensors. In programs that run by
``python -m pyforge run`` it stands in the place of that module, and of
``safetensors.safe_open(..., framework="pt")``.
"""

from __future__ import annotations

import importlib
import json
import os
from typing import TYPE_CHECKING

from .. import _C
from .._C import Tensor
from .._files import replacing

try:
    _library = importlib.import_module("safetensors._safetensors_rust")
except ImportError as e:
    raise ImportError(
        "the safetensors library is not installed: pip install 'safetensors>=0.8'"
    ) from e

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from ..nn import Module

    Path = str | os.PathLike[str]

__all__ = ["load", "load_file", "load_model", "safe_open", "save", "save_file", "save_model"]

_DTYPES = {
    "F64": _C.float64,
    "F32": _C.float32,
    "F16": _C.float16,
    "BF16": _C.bfloat16,
    "I64": _C.int64,
    "I32": _C.int32,
    "I16": _C.int16,
    "I8": _C.int8,
    "U8": _C.uint8,
    "BOOL": _C.bool,
}


def _dtype(name: str, code: str) -> _C.dtype:
    if code not in _DTYPES:
        raise TypeError(
            f"safetensors: {name!r} has elements of type {code}, which pyforge does not have; it "
            f"has {', '.join(_DTYPES)}"
        )
    return _DTYPES[code]


class safe_open:
    """A file whose tensors are read one by one.

    Args:
        filename: the file.
        framework: ``"pt"`` gives pyforge's tensors; any other goes to the library.
        device: ``"cpu"``.

    Raises:
        FileNotFoundError: if there is no such file.
        safetensors.SafetensorError: if it is no file of this format.
    """

    def __new__(
        cls, filename: Path, framework: str = "pt", device: Any = "cpu", **options: Any
    ) -> Any:
        if framework not in ("pt", "torch", "pytorch"):
            return _library.safe_open(filename, framework, device=device, **options)
        return super().__new__(cls)

    def __init__(
        self, filename: Path, framework: str = "pt", device: Any = "cpu", **options: Any
    ) -> None:
        _check_device(device)
        self._path = os.fspath(filename)
        self._file = _library.safe_open(self._path, "numpy", **options)

    def __enter__(self) -> safe_open:
        self._file.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._file.__exit__(*error)

    def keys(self) -> list[str]:
        """Names of the tensors, sorted."""
        names: list[str] = self._file.keys()
        return names

    def offset_keys(self) -> list[str]:
        """Names of the tensors, in the order of the file."""
        names: list[str] = self._file.offset_keys()
        return names

    def metadata(self) -> dict[str, str] | None:
        """The texts that were saved along."""
        texts: dict[str, str] | None = self._file.metadata()
        return texts

    def get_tensor(self, name: str) -> Tensor:
        """A tensor on its own memory. SafetensorError if there is none of this name."""
        part = self._file.get_slice(name)
        code, shape = part.get_dtype(), part.get_shape()
        dtype = _dtype(name, code)
        if 0 in shape:
            return _C.empty(shape, dtype=dtype)
        if code == "BF16":  # NumPy has none
            return _from_bytes(self._bytes(name), dtype, shape)
        return _C.as_tensor(self._file.get_tensor(name))

    def get_tensors(self) -> dict[str, Tensor]:
        """All tensors by name."""
        return {name: self.get_tensor(name) for name in self.keys()}

    def get_slice(self, name: str) -> _Slice:
        """A tensor of which parts are read by indexing."""
        return _Slice(self, name, self._file.get_slice(name))

    def _bytes(self, name: str) -> bytearray:
        with open(self._path, "rb") as file:
            length = int.from_bytes(file.read(8), "little")
            begin, end = json.loads(file.read(length))[name]["data_offsets"]
            data = bytearray(end - begin)
            file.seek(8 + length + begin)
            if file.readinto(data) != end - begin:
                raise OSError(f"safetensors: {self._path!r} has been cut short")
        return data


class _Slice:
    def __init__(self, file: safe_open, name: str, part: Any) -> None:
        self._file, self._name, self._part = file, name, part

    def get_shape(self) -> list[int]:
        """Sizes of the whole."""
        shape: list[int] = self._part.get_shape()
        return shape

    def get_dtype(self) -> str:
        """``"F32"``, ``"BF16"`` ..."""
        code: str = self._part.get_dtype()
        return code

    def __getitem__(self, index: Any) -> Tensor:
        if self.get_dtype() == "BF16" or 0 in self.get_shape():
            return self._file.get_tensor(self._name)[index].clone()
        _dtype(self._name, self.get_dtype())
        return _C.as_tensor(self._part[index])


def save_file(
    tensors: Mapping[str, Tensor], filename: Path, metadata: dict[str, str] | None = None
) -> None:
    """Write tensors by name; the file is there in full or not at all.

    Args:
        tensors: contiguous ones that do not share memory.
        filename: replaced if it is there.
        metadata: texts to save along.

    Raises:
        ValueError: for what is no dictionary of tensors, or a tensor that is not contiguous.
        RuntimeError: if tensors share memory; :func:`save_model` handles that.
    """
    specs = _specs(tensors)
    with replacing(filename) as name:
        _library.serialize_file(specs, name, metadata=metadata)


def save(tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> bytes:
    """The file as bytes; see :func:`save_file`."""
    return bytes(_library.serialize(_specs(tensors), metadata=metadata))


def load_file(filename: Path, device: Any = "cpu", **options: Any) -> dict[str, Tensor]:
    """Read all tensors of a file, by name; see :class:`safe_open`."""
    with safe_open(filename, "pt", device, **options) as file:
        tensors: dict[str, Tensor] = file.get_tensors()
        return tensors


def load(data: bytes) -> dict[str, Tensor]:
    """Read all tensors from the bytes of a file. SafetensorError if they are no such file."""
    return {
        name: _from_bytes(view["data"], _dtype(name, view["dtype"]), view["shape"])
        for name, view in _library.deserialize(data)
    }


def save_model(
    model: Module,
    filename: Path,
    metadata: dict[str, str] | None = None,
    force_contiguous: bool = True,
) -> None:
    """Write the ``state_dict`` of a model; of tensors that are one and the same, the first.

    The names of the others go into the metadata, with the name that stands for them.

    Raises:
        RuntimeError: if a tensor is part of a memory that no other one covers in full.
        ValueError: without ``force_contiguous``, for a tensor that is not contiguous.
    """
    state = dict(model.state_dict())
    texts = dict(metadata or {})
    for kept, others in _duplicates(state).items():
        for name in others:
            texts.setdefault(name, kept)
            del state[name]
    if force_contiguous:
        state = {name: t.contiguous() for name, t in state.items()}
    save_file(state, filename, texts or None)


def load_model(
    model: Module, filename: Path, strict: bool = True, device: Any = "cpu", **options: Any
) -> tuple[list[str], list[str]]:
    """Read into a model what :func:`save_model` wrote.

    Returns:
        Names that the model has and the file has not, and the other way round.

    Raises:
        RuntimeError: with ``strict``, if there are such names.
    """
    state = load_file(filename, device, **options)
    duplicates = _duplicates(dict(model.state_dict()), preferred=state.keys())
    found = model.load_state_dict(state, strict=False)
    missing, unexpected = set(found.missing_keys), list(found.unexpected_keys)
    for others in duplicates.values():
        for name in others:
            if name in missing:
                missing.remove(name)
            elif name in state:
                unexpected.append(name)
    if strict and (missing or unexpected):
        text = f"Error(s) in loading state_dict for {type(model).__name__}:"
        for kind, names in (("Missing", missing), ("Unexpected", unexpected)):
            if names:
                listed = ", ".join(f'"{name}"' for name in sorted(names))
                text += f"\n    {kind} key(s) in state_dict: {listed}"
        raise RuntimeError(text)
    return list(missing), unexpected


def _check_device(device: Any) -> None:
    _C.empty(0, device=device)


def _from_bytes(data: bytearray, dtype: _C.dtype, shape: list[int]) -> Tensor:
    if not data:
        return _C.empty(shape, dtype=dtype)
    from .._legacy import frombuffer

    return frombuffer(data, dtype=dtype).reshape(shape)


def _area(t: Tensor) -> tuple[int, int, int]:
    """Address and bytes of the whole memory, and the address of the first element."""
    whole = _C._storage_bytes(t.detach())
    return whole.data_ptr(), whole.numel(), t.data_ptr()


def _groups(tensors: Mapping[str, Tensor]) -> list[list[str]]:
    """Names of tensors that overlap, as far as they are contiguous."""
    by_memory: dict[int, list[tuple[int, int, str]]] = {}
    for name, t in tensors.items():
        if t.numel():
            memory, _, first = _area(t)
            by_memory.setdefault(memory, []).append((first, first + t.nbytes, name))
    groups = []
    for areas in by_memory.values():
        end = -1
        for first, last, name in sorted(areas):
            if first >= end:
                groups.append([name])
            else:
                groups[-1].append(name)
            end = max(end, last)
    return [sorted(group) for group in groups if len(group) > 1]


def _duplicates(
    tensors: Mapping[str, Tensor], preferred: Iterable[str] = ()
) -> dict[str, list[str]]:
    """For a name that stays, those that are of the same memory."""
    result = {}
    wanted = set(preferred)
    for group in _groups(tensors):
        whole = [
            n for n in group if _area(tensors[n])[1:] == (tensors[n].nbytes, _area(tensors[n])[0])
        ]
        if not whole:
            raise RuntimeError(
                f"Error while trying to find names to remove to save state dict: {group} share "
                "memory that none of them covers in full; save clones of them"
            )
        kept = next((n for n in whole if n in wanted), whole[0])
        result[kept] = [n for n in group if n != kept]
    return result


def _specs(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    if not isinstance(tensors, dict):
        raise ValueError(f"Expected a dict of [str, Tensor] but received {type(tensors)}")
    for name, t in tensors.items():
        if not isinstance(t, Tensor):
            raise ValueError(f"Key `{name}` is invalid, expected Tensor but received {type(t)}")
        if not t.is_contiguous():
            raise ValueError(
                f"You are trying to save a non contiguous tensor: `{name}` which is not allowed; "
                "call .contiguous() on it before saving"
            )
    if shared := _groups(tensors):
        raise RuntimeError(
            "Some tensors share memory, this will lead to duplicate memory on disk and potential "
            f"differences when loading them again: {shared}. A potential way to correctly save "
            "your model is to use `save_model`."
        )
    return {
        name: _library.TensorSpec(
            dtype=str(t.dtype).rpartition(".")[2],
            shape=list(t.shape),
            data_ptr=t.data_ptr(),
            data_len=t.nbytes,
        )
        for name, t in tensors.items()
    }
