"""Settings of the whole suite."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

import pyforge

# PyTorch's answers at infinities and NaN depend on its instruction set; ask for the same everywhere.
if {"v3", "v4"} & set(pyforge.backends.cpu.available_instruction_sets()):
    os.environ.setdefault("ATEN_CPU_CAPABILITY", "avx2")
try:
    import torch

    torch.set_num_threads(1)
except ImportError:
    torch = None


@pytest.fixture(name="_settings")
def settings() -> Iterator[None]:
    """Instruction set and threads are afterwards what they were."""
    isa, threads = pyforge.backends.cpu.get_instruction_set(), pyforge.get_num_threads()
    yield
    pyforge.backends.cpu.set_instruction_set(isa)
    pyforge.set_num_threads(threads)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "torch: compares with PyTorch, skipped where it is missing")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if torch is None:
        skip = pytest.mark.skip(reason="PyTorch is not installed")
        for item in items:
            if item.get_closest_marker("torch"):
                item.add_marker(skip)
