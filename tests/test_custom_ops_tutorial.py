"""The blocks of docs/custom_ops.md, in order."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parent.parent / "docs" / "custom_ops.md"
if not PAGE.exists():
    pytest.skip("needs the repository", allow_module_level=True)
# The name of a C++ file is the last one between backquotes before its block.
PARTS = re.split(r"```(\w*)\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    scope: dict[str, Any] = {}
    ran = 0
    for before, language, block in zip(PARTS[::3], PARTS[1::3], PARTS[2::3], strict=False):
        if language == "cpp":
            Path(re.findall(r"`(\w+\.cpp)`", before)[-1]).write_text(block)
        elif language == "python":
            exec(compile(block, "custom_ops.md", "exec"), scope)
            ran += 1
    assert ran >= 7
