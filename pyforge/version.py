"""What this is a version of; None for what pyforge does not use."""

from __future__ import annotations

from . import __version__ as __version__

cuda: str | None = None
hip: str | None = None
xpu: str | None = None
debug = False
