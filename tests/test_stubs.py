"""The stub of the extension module describes what is registered."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

GENERATOR = Path(__file__).resolve().parent.parent / "tools" / "generate_stubs.py"


@pytest.mark.skipif(not GENERATOR.exists(), reason="not a source checkout")
def test_stub_is_up_to_date() -> None:
    run = subprocess.run(
        [sys.executable, str(GENERATOR), "--check"], capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stdout + run.stderr
