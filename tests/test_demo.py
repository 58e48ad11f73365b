"""The digits and the command line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pyforge
from pyforge.__main__ import main
from pyforge.datasets import load_digits


def test_digits() -> None:
    images, labels = load_digits()
    assert images.shape == (1797, 64)
    assert images.dtype == pyforge.float32
    assert labels.shape == (1797,)
    assert labels.dtype == pyforge.int64
    assert images.min().item() == 0
    assert images.max().item() == 1
    as_numpy, labels_numpy = load_digits(return_numpy=True)
    np.testing.assert_array_equal(images.numpy(), as_numpy)
    assert np.bincount(labels_numpy).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_digits_name_their_source_and_licence() -> None:
    text = (Path(pyforge.__file__).parent / "datasets" / "digits.txt").read_text()
    assert "CC BY 4.0" in text
    assert "10.24432/C50P49" in text


def test_demo_reaches_the_promised_accuracy(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo"]) == 0
    out = capsys.readouterr().out
    assert "Linear(in_features=64" in out
    assert out.count("/20 ") == 20
    accuracy = float(out.split("held-out accuracy ")[1].split("%")[0])
    assert accuracy >= 97
    assert "images/s" in out
    assert "Try next:" in out


def test_same_seed_same_result(capsys: pytest.CaptureFixture[str]) -> None:
    losses = []
    for _ in range(2):
        main(["demo", "--epochs", "2", "--seed", "3", "--threads", "1"])
        lines = capsys.readouterr().out.splitlines()
        losses.append([line.split()[:-1] for line in lines if "/2 " in line])
    assert len(losses[0]) == 2
    assert losses[0] == losses[1]


def test_plot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    target = tmp_path / "digits.png"
    assert main(["demo", "--epochs", "1", "--plot", str(target)]) == 0
    assert target.read_bytes().startswith(b"\x89PNG")
    assert os.listdir(tmp_path) == ["digits.png"]
    assert str(target) in capsys.readouterr().out


def test_plot_that_cannot_be_written_is_refused_before_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "--plot", str(tmp_path / "no" / "digits.png")]) == 2
    captured = capsys.readouterr()
    assert "there is no folder" in captured.err
    assert not captured.out


def test_version_and_info(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out.strip() == f"pyforge {pyforge.__version__}"
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    for word in ("pyforge", "Python", "processor", "instruction set", "threads"):
        assert word in out


@pytest.mark.parametrize("wrong", [["demo", "--epochs", "0"], ["demo", "--seed", "x"], ["other"]])
def test_wrong_arguments(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(wrong)
    assert stop.value.code == 2
    assert "usage: pyforge" in capsys.readouterr().err


# A shell's background job ignores SIGINT, and so would every process that it starts.
INTERRUPTIBLE = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from pyforge.__main__ import main
sys.exit(main())
"""


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
def test_interrupt_leaves_the_terminal_sane() -> None:
    import pty

    outer, inner = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, "demo", "--epochs", "100000"],
        stdin=inner,
        stdout=inner,
        stderr=inner,
        env={**os.environ, "TERM": "xterm"},
        start_new_session=True,
    )
    os.close(inner)
    shown = b""
    try:
        while b"1/100000" not in shown:
            shown += os.read(outer, 4096)
        process.send_signal(signal.SIGINT)
        while True:
            try:
                more = os.read(outer, 4096)
            except OSError:
                break
            if not more:
                break
            shown += more
        assert process.wait() == 130
    finally:
        process.kill()
        process.wait()
        os.close(outer)
    assert b"Traceback" not in shown
    assert b"interrupted" in shown
    hidden, visible = shown.rfind(b"\x1b[?25l"), shown.rfind(b"\x1b[?25h")
    assert visible >= hidden
