"""A small pool of threads that an interrupt can leave."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Generic, TypeVar

R = TypeVar("R")

GRACE = 5.0
"""Seconds that requests in progress get to end after an interrupt."""


@contextmanager
def in_parallel(work: Callable[[], Iterator[R]], workers: int, *, stop: Callable[[], None]) -> Iterator[Iterator[R]]:
    """Yields results of `workers` threads as they arrive; each thread runs `work` once.

    A single worker uses the caller's own thread. An error of `work` is raised here. If the block is left early, no
    thread starts on another result, and the block waits for work in progress. If an interrupt (Ctrl-C, SIGTERM) ends
    it, it first calls `stop`, so that no further request is sent, and waits up to GRACE seconds. Threads that still run
    then end with the process.
    """
    pool = _WorkerPool(work, workers) if workers > 1 else None

    def end(kind: type[BaseException] | None, *_: object) -> None:
        interrupted = kind is not None and not issubclass(kind, Exception)
        if interrupted:
            stop()
        if pool:
            pool.leave(GRACE if interrupted else None)

    with ExitStack() as stack:
        stack.push(end)
        yield pool.results() if pool else work()


class _WorkerPool(Generic[R]):
    """Threads that run the same work."""

    def __init__(self, work: Callable[[], Iterator[R]], workers: int) -> None:
        self._work = work
        self._leaving = threading.Event()
        self._results: SimpleQueue[R | _Ended] = SimpleQueue()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def results(self) -> Iterator[R]:
        """The results, until all threads have ended. Raises what a thread raised."""
        working = len(self._threads)
        while working:
            result = self._results.get()
            if not isinstance(result, _Ended):
                yield result
            elif result.error:
                raise result.error
            else:
                working -= 1

    def leave(self, seconds: float | None) -> None:
        """Begin nothing further and wait for the threads, up to `seconds` in all; None: without a limit."""
        self._leaving.set()
        latest = None if seconds is None else time.monotonic() + seconds
        for thread in self._threads:
            thread.join(None if latest is None else max(latest - time.monotonic(), 0.0))

    def _run(self) -> None:
        try:
            for result in self._work():
                self._results.put(result)
                if self._leaving.is_set():
                    break
        except BaseException as error:  # noqa: BLE001 (raised again in the thread that waits for it)
            self._results.put(_Ended(error))
        else:
            self._results.put(_Ended(None))


@dataclass(frozen=True, slots=True)
class _Ended:
    """Marks that a thread has ended, with or without an error."""

    error: BaseException | None
