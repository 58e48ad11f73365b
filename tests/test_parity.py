"""docs/parity.md lists no name that is not there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "tools" / "parity.py"


@pytest.mark.skipif(not SCRIPT.exists(), reason="needs the repository")
def test_page() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
