"""Import, the first result, and the size of the installed package."""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from ..case import Case, Step

FIRST = """
import {0} as P
from {0} import nn
model = nn.Linear(4, 2)
model(P.ones(3, 4)).sum().backward()
P.optim.SGD(model.parameters(), lr=0.1).step()
"""


def seconds(code: str, folder: Path) -> float:
    """Of an interpreter of its own."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, cwd=folder)
    return time.perf_counter() - start


def beyond_bare(P: Any, code: str) -> Step:
    folder = Path(P.__file__).parents[1]
    code = code.format(P.__name__)
    return Step(measure=lambda: seconds(code, folder) - seconds("pass", folder))


def installed(P: Any) -> Step:
    folder = Path(P.__file__).parent
    files = [f for f in folder.rglob("*") if f.is_file() and "__pycache__" not in f.parts]
    size = sum(f.stat().st_size for f in files)
    return Step(measure=lambda: size)


def case(name: str, build: Any, **options: Any) -> Case:
    return Case(name, {"pyforge": build, "torch": build}, once=True, **options)


CASES = [
    case(
        "import, beyond a bare interpreter",
        partial(beyond_bare, code="import {0}"),
        at_most=0.030,
        rounds=5,
        quick=True,
    ),
    case("import and the first training step", partial(beyond_bare, code=FIRST), rounds=3),
    case("installed size", installed, unit="bytes", at_most=10e6, rounds=1, quick=True),
]
