"""A process with one engine in it, that prepares, checks and times cases when it is asked to."""

from __future__ import annotations

import gc
import multiprocessing
import time
from multiprocessing.connection import Connection
from typing import Any

from . import case as cases
from . import engines

SEED = 20
PATIENCE = 300.0
# What an engine raises that has no such function.
MISSING = (AttributeError, ImportError, NotImplementedError)


class EngineError(Exception):
    """An engine could not do its part; `missing` where it has no such function."""

    def __init__(self, message: str, missing: bool = False) -> None:
        super().__init__(message)
        self.missing = missing


def timed(run: Any, calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - start) / calls


class Contender:
    """The engine of this process and the case it has at hand."""

    def __init__(self, engine: str, threads: int) -> None:
        self.engine = engine
        self.threads = threads
        self.namespace = engines.load(engine, threads)
        self.step = cases.Step()

    def rates(self) -> dict[str, Any]:
        """Of the "limit" engine: what the machine can do."""
        rates: dict[str, Any] = self.namespace.rates()
        return rates

    def prepare(self, group: str, name: str) -> list[Any]:
        """Builds the step of a case; returns the arrays that every engine should agree on."""
        import numpy as np

        from .builds import flatten

        self.drop()
        case = cases.find(group, name)
        if self.engine == "limit":
            self.step = self.namespace.step(case)
            return []
        step = case.builds[self.engine](self.namespace, *case.inputs(np.random.default_rng(SEED)))
        self.step = step if isinstance(step, cases.Step) else cases.Step(step)
        check = self.step.check or self.step.run
        return [] if check is None else [np.array(a) for a in flatten(check())]

    def calls(self, target: float) -> int:
        """How many calls fill about `target` seconds."""
        run = self.step.run
        if run is None or self.step.measure is not None:
            return 1
        calls, spent = 1, timed(run, 1)
        while spent * calls < target / 4:
            calls *= 4
            spent = timed(run, calls)
        return max(1, round(target / spent))

    def turn(self, calls: int) -> float:
        """The value of one turn: seconds per call, or what the step measures itself."""
        gc.collect()
        gc.disable()
        try:
            if self.step.measure is not None:
                return self.step.measure()
            if calls > 1:  # the others had the caches
                timed(self.step.run, 1)
            return timed(self.step.run, calls)
        finally:
            gc.enable()
            self.settle()

    def settle(self) -> None:
        """Waits until threads that spin for more work have gone to sleep."""
        for _ in range(50 if self.threads > 1 else 0):
            used = time.process_time()
            time.sleep(0.002)
            if time.process_time() - used < 0.0005:
                break

    def drop(self) -> None:
        self.step = cases.Step()
        gc.collect()


def serve(pipe: Connection, engine: str, threads: int) -> None:
    engines.pin(threads)
    contender: Contender | None = None
    while True:
        try:
            method, args = pipe.recv()
        except (EOFError, KeyboardInterrupt):
            return
        try:
            contender = contender or Contender(engine, threads)
            reply = (True, getattr(contender, method)(*args))
        except Exception as error:
            missing = isinstance(error, MISSING)
            text = str(error).strip().splitlines() or [""]
            reply = (False, (f"{type(error).__name__}: {text[0]}", missing))
        pipe.send(reply)


class Worker:
    """The handle of such a process; it starts at the first call, and anew after a crash."""

    def __init__(self, engine: str, threads: int) -> None:
        self.engine = engine
        self.threads = threads
        self._pipe: Connection | None = None
        self._process: Any = None

    def _start(self) -> Connection:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=serve, args=(theirs, self.engine, self.threads), daemon=True
        )
        with engines.environment(self.threads):
            self._process.start()
        theirs.close()
        return self._pipe

    def __call__(self, method: str, *args: Any) -> Any:
        pipe = self._pipe or self._start()
        try:
            pipe.send((method, args))
            if not pipe.poll(PATIENCE):
                raise EngineError(f"no answer within {PATIENCE:g} s")
            good, reply = pipe.recv()
        except (EOFError, OSError):
            self.close()
            raise EngineError("its process died") from None
        except EngineError:
            self.close()
            raise
        if not good:
            raise EngineError(*reply)
        return reply

    def close(self) -> None:
        if self._process is not None:
            if self._pipe is not None:
                self._pipe.close()
            self._process.kill()
            self._process.join()
        self._pipe = self._process = None
