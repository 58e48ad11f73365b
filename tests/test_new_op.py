"""``python -m pyforge new-op``: the project builds, and its own tests pass."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import pyforge as pf
from pyforge.__main__ import main
from pyforge.utils import cpp_extension


@pytest.mark.skipif(
    not (shutil.which("cmake") and shutil.which("ninja")), reason="needs cmake and ninja"
)
def test_project(tmp_path: Path) -> None:
    assert main(["new-op", "soft_thing", "--directory", str(tmp_path)]) == 0
    project = tmp_path / "soft_thing"
    readme = (project / "README.md").read_text()
    formula = re.search(r"PF_UNARY_OP_1\(squareplus.*\)", readme).group(0)
    with (project / "csrc/soft_thing.cpp").open("a") as source:
        source.write(f"#include <pyforge/formula.h>\n{formula}\n")
    build, site = tmp_path / "build", tmp_path / "site"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(site), str(Path(pf.__file__).parent.parent)]),
    }

    def run(*command: str) -> str:
        done = subprocess.run(
            command, cwd=project, env=environment, text=True, capture_output=True, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run(
        "cmake", "-S", ".", "-B", str(build), "-G", "Ninja", f"-DPython_EXECUTABLE={sys.executable}"
    )
    run("ninja", "-C", str(build))
    run("cmake", "--install", str(build), "--prefix", str(site))
    shutil.copy(project / "src/soft_thing/__init__.py", site / "soft_thing")
    for isa in pf.backends.cpu.available_instruction_sets():
        environment["PYFORGE_ISA"] = isa
        output = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
        assert " passed" in output
    # As after an editable install: the package here, its library in site-packages.
    load = "from pyforge.utils.cpp_extension import load_package, stub;"
    load += f"library = load_package('soft_thing', {str(project / 'src' / 'soft_thing')!r});"
    text = run(sys.executable, "-c", load + "print(stub(library))")
    assert "def soft_thing(x: Tensor, scale: float = 1.0) -> Tensor:" in text
    check = "import pyforge as pf; from pyforge.testing import opcheck;"
    check += (
        "opcheck(library.squareplus, (pf.randn(4, 3, dtype=pf.float64, requires_grad=True), 2.0))"
    )
    run(sys.executable, "-c", load + check)


def test_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "taken").mkdir()
    for name, text in (("Bad-Name", "not a lower-case Python name"), ("taken", "exists already")):
        assert main(["new-op", name, "--directory", str(tmp_path)]) == 2
        assert text in capsys.readouterr().err
    with pytest.raises(RuntimeError, match=r"there is no library nothing\..*pyforge_add_ops"):
        cpp_extension.load_package("nothing", str(tmp_path))


def test_cmake_dir(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--cmake-dir"]) == 0
    folder = Path(capsys.readouterr().out.strip())
    assert (folder / "pyforgeConfig.cmake").exists()
    assert (folder.parent.parent / "include/pyforge/op.h").exists()
