"""Scripts that import torch, run with pyforge in its place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import optim
from torch.utils.data import DataLoader, TensorDataset

assert torch.__name__ == "pyforge" and nn is torch.nn and sys.modules["torch.nn"] is nn
assert nn.__spec__.name == "pyforge.nn"
torch.manual_seed(0)
x = torch.randn(64, 3)
loader = DataLoader(TensorDataset(x, x.sum(1, keepdim=True)), batch_size=16, shuffle=True)
model = nn.Linear(3, 1)
optimizer = optim.SGD(model.parameters(), lr=0.1)
for epoch in range(int(sys.argv[1])):
    for a, b in loader:
        loss = F.mse_loss(model(a), b)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
print(f"{loss.item():.6f}")
"""


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *args], capture_output=True, text=True, timeout=120, check=False
    )


def test_script_runs_unchanged(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    result = run("-m", "pyforge", "run", str(script), "20")
    assert result.returncode == 0, result.stderr
    assert float(result.stdout) < 0.01


@pytest.mark.torch
def test_same_loss_as_torch(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    theirs = tmp_path / "theirs.py"
    theirs.write_text("\n".join(line for line in SCRIPT.splitlines() if "pyforge" not in line))
    ours = run("-m", "pyforge", "run", str(script), "2")
    reference = run(str(theirs), "2")
    assert reference.returncode == 0, reference.stderr
    assert float(ours.stdout) == pytest.approx(float(reference.stdout), rel=1e-4)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    script = tmp_path / "missing.py"
    for line, expected in (
        ("import torch.distributed.rpc", "no counterpart of 'torch.distributed"),
        ("import torch.optimm", "nearest is 'torch.optim'"),
        ("import torch; torch.softmaks", "did you mean 'softmax'"),
    ):
        script.write_text(line)
        result = run("-m", "pyforge", "run", str(script))
        assert result.returncode == 1
        assert expected in result.stderr.splitlines()[-1]
    result = run("-m", "pyforge", "run", str(tmp_path / "nowhere.py"))
    assert result.returncode == 2
    assert "no script" in result.stderr
