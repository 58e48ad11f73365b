"""The older name of :func:`pyforge.hub.load_state_dict_from_url`."""

from __future__ import annotations

from ..hub import load_state_dict_from_url
from ..hub import load_state_dict_from_url as load_url

__all__ = ["load_state_dict_from_url", "load_url"]


def __getattr__(name: str) -> object:
    if name == "tqdm":
        from .. import hub

        return hub.tqdm
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
