"""States from the web or a folder, and entry points of local ``hubconf.py`` files."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import sys

from ._files import replacing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["download_url_to_file", "get_dir", "load", "load_state_dict_from_url", "set_dir"]

_dir: str | None = None
_HASH = re.compile(r"-([a-f0-9]{8,})\.")


def get_dir() -> str:
    """Where downloads are kept: set_dir()'s, ``$TORCH_HOME/hub`` or ``~/.cache/torch/hub``."""
    if _dir is not None:
        return _dir
    cache = os.getenv("XDG_CACHE_HOME", os.path.join(os.path.expanduser("~"), ".cache"))
    return os.path.join(os.getenv("TORCH_HOME", os.path.join(cache, "torch")), "hub")


def set_dir(d: str | os.PathLike[str]) -> None:
    """Where downloads are kept from now on."""
    global _dir
    _dir = os.path.expanduser(d)


def download_url_to_file(
    url: str, dst: str | os.PathLike[str], hash_prefix: str | None = None, progress: bool = True
) -> None:
    """Save what ``url`` gives as ``dst``, all of it or nothing.

    Raises:
        RuntimeError: if its SHA-256 does not start with ``hash_prefix``.
        urllib.error.URLError: if it cannot be had.
    """
    import urllib.request

    dst = os.path.expanduser(dst)
    digest = hashlib.sha256()
    with replacing(dst) as name:
        with open(name, "wb") as file, urllib.request.urlopen(url) as source:
            while block := source.read(1 << 20):
                file.write(block)
                digest.update(block)
        if hash_prefix is not None and not digest.hexdigest().startswith(hash_prefix):
            raise RuntimeError(
                f'invalid hash value (expected "{hash_prefix}", got "{digest.hexdigest()}")'
            )


def load_state_dict_from_url(
    url: str,
    model_dir: str | None = None,
    map_location: Any = None,
    progress: bool = True,
    check_hash: bool = False,
    file_name: str | None = None,
    weights_only: bool = True,
) -> dict[str, Any]:
    """What ``torch.load`` reads from ``url``; the file is kept, and not fetched again.

    Args:
        url: of a file of ``torch.save``.
        model_dir: where the file is kept, by default ``get_dir()/checkpoints``.
        map_location: "cpu" or None.
        progress: accepted.
        check_hash: compare with the hash in the file's name, as in ``name-0123abcd.pth``.
        file_name: instead of the one in ``url``.
        weights_only: see :func:`pyforge.load`.
    """
    import urllib.parse

    from .serialization import load as load_file

    folder = model_dir or os.path.join(get_dir(), "checkpoints")
    os.makedirs(folder, exist_ok=True)
    name = file_name or os.path.basename(urllib.parse.urlparse(url).path)
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        found = _HASH.search(name) if check_hash else None
        sys.stderr.write(f'Downloading: "{url}" to {path}\n')
        download_url_to_file(url, path, found[1] if found else None, progress)
    states: dict[str, Any] = load_file(path, map_location=map_location, weights_only=weights_only)
    return states


def load(repo_or_dir: str, model: str, *args: Any, source: str = "github", **kwargs: Any) -> Any:
    """What the entry point ``model`` of ``repo_or_dir/hubconf.py`` returns for the arguments.

    Args:
        repo_or_dir: a folder.
        model: the name of a function in ``hubconf.py``.
        source: "local"; clone what is on GitHub first.

    Raises:
        ValueError: for another source.
        RuntimeError: if there is no such function.
    """
    for name in ("trust_repo", "force_reload", "verbose", "skip_validation"):
        kwargs.pop(name, None)
    if source != "local":
        raise ValueError(
            f"hub.load: source='{source}' is not supported; clone the repository and give its "
            "folder with source='local'"
        )
    folder = os.path.expanduser(repo_or_dir)
    spec = importlib.util.spec_from_file_location("hubconf", os.path.join(folder, "hubconf.py"))
    assert spec is not None
    assert spec.loader is not None
    hubconf = importlib.util.module_from_spec(spec)
    sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(hubconf)
    finally:
        sys.path.remove(folder)
    entry = getattr(hubconf, model, None)
    if not callable(entry):
        raise RuntimeError(f"Cannot find callable {model} in hubconf")
    return entry(*args, **kwargs)
