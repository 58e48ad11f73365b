"""The physical limits, measured in turn with the engines: peak arithmetic, copies, calls."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from .case import Case, Step

COPY_BYTES = 1 << 26


def compiler() -> str | None:
    names = (os.environ.get("CC"), "cc", "gcc", "clang")
    return next((path for n in names if n and (path := shutil.which(n))), None)


def native() -> Any:
    """limits.c compiled for this machine, or None without a compiler."""
    cc = compiler()
    if cc is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        library = str(Path(folder) / "limits.so")
        source = str(Path(__file__).with_name("limits.c"))
        options = ["-O2", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC"]
        made = subprocess.run([cc, *options, source, "-o", library], capture_output=True)
        if made.returncode:
            return None
        loaded = ctypes.CDLL(library)
    for name in ("peak_f32", "peak_f64", "copy_library", "copy_streaming"):
        getattr(loaded, name).restype = ctypes.c_double
    return loaded


def aligned(size: int) -> Any:
    memory = np.ones(size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + size]


class Limits:
    """Rates of this machine on a number of threads.

    Without a C compiler the peak is that of NumPy's matrix product and copies are NumPy's:
    `method` says which.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.code = native()
        self.method = "C, -march=native" if self.code else "NumPy's matmul and copy"
        self.pool = ThreadPoolExecutor(threads)
        self.copies = [(aligned(COPY_BYTES), aligned(COPY_BYTES)) for _ in range(threads)]
        self._copy: Callable[[Any, Any], float] | None = None

    def together(self, work: Callable[[int], float]) -> float:
        """The sum of the rates of all threads, working at the same time."""
        barrier = threading.Barrier(self.threads)

        def one(k: int) -> float:
            barrier.wait()
            return work(k)

        return sum(self.pool.map(one, range(self.threads)))

    def peak(self, double: bool = False) -> float:
        """Floating-point operations per second."""
        if self.code is None:
            a = np.ones((768, 768), np.float64 if double else np.float32)
            start = time.perf_counter()
            a @ a
            return 2 * 768**3 / (time.perf_counter() - start)
        f = self.code.peak_f64 if double else self.code.peak_f32
        return self.together(lambda k: f(ctypes.c_long(400_000)))

    def copy(self) -> float:
        """Bytes read and written per second."""
        if self._copy is None:
            choices = [self.numpy_copy]
            if self.code is not None:
                choices = [self.native_copy("copy_library"), self.native_copy("copy_streaming")]
            rates = [max(self.copy_rate(c) for _ in range(3)) for c in choices]
            self._copy = choices[rates.index(max(rates))]
        return self.copy_rate(self._copy)

    def copy_rate(self, copy: Callable[[Any, Any], float]) -> float:
        return self.together(lambda k: copy(*self.copies[k]))

    def native_copy(self, name: str) -> Callable[[Any, Any], float]:
        f = getattr(self.code, name)

        def copy(to: Any, source: Any) -> float:
            pointers = [ctypes.c_void_p(a.ctypes.data) for a in (to, source)]
            rate: float = f(*pointers, ctypes.c_long(COPY_BYTES))
            return rate

        return copy

    def numpy_copy(self, to: Any, source: Any) -> float:
        start = time.perf_counter()
        np.copyto(to, source)
        return 2 * COPY_BYTES / (time.perf_counter() - start)

    def call(self) -> float:
        """Seconds of one product of Python's own floats: a C function that makes an object."""
        x, y, calls = 0.1, 0.2, 20_000
        start = time.perf_counter()
        for _ in range(calls):
            x * y
        return (time.perf_counter() - start) / calls

    def step(self, case: Case) -> Step:
        """Measures the least time that a case can take."""

        def measure() -> float:
            least = case.calls * self.call() if case.calls else 0.0
            if case.flops:
                least = max(least, case.flops / self.peak(case.double))
            if case.bytes:
                least = max(least, case.bytes / self.copy())
            return least

        return Step(measure=measure)

    def rates(self) -> dict[str, float | str]:
        """For the description of the machine."""
        return {
            "threads": self.threads,
            "method": self.method,
            "peak_f32_flops": max(self.peak() for _ in range(5)),
            "peak_f64_flops": max(self.peak(True) for _ in range(5)),
            "copy_bytes_per_second": max(self.copy() for _ in range(5)),
            "call_seconds": min(self.call() for _ in range(5)),
        }
