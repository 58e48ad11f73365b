"""Before any library is imported: one thread for all; short runs unless asked otherwise."""

from __future__ import annotations

import os

import pytest

from benchmarks.engines import THREAD_VARIABLES, pin

os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
pin(1)


def pytest_configure(config: pytest.Config) -> None:
    if getattr(config.option, "benchmark_max_time", None) == 1.0:
        config.option.benchmark_max_time, config.option.benchmark_min_rounds = 0.1, 3
