"""Things done in lanes: one after another in each lane, several lanes at a time."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from queue import SimpleQueue
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

GRACE = 5.0
"""Seconds that what is under way gets to end, once whoever waits for it was interrupted."""


def in_lanes(
    lanes: Sequence[Sequence[T]],
    do: Callable[[T], R],
    at_once: int,
    *,
    apart: float = 0.0,
    go_on: Callable[[], bool] = lambda: True,
    abandon: Callable[[], None] = lambda: None,
) -> AbstractContextManager[Iterator[tuple[T, R]]]:
    """Gives each thing with what `do` made of it, as it is done. A further one is begun only while `go_on` says so.

    With one lane, or one at once, all of it happens in the caller's thread, in order; else lanes are taken up in order,
    each `apart` seconds after the one before, or once nothing is under way. What `do` raises is raised here; then, or
    when the block is left early, nothing further is begun, and what is under way is waited for. Where that is by an
    interrupt (Ctrl-C, SIGTERM), `abandon` is called first, and the wait is GRACE at most: then it is left to itself,
    and dies with the process.
    """
    if at_once == 1 or len(lanes) < 2:
        return _Block(((each, do(each)) for lane in lanes for each in lane if go_on()), None, abandon)
    crew = _Crew(lanes, do, go_on, apart, min(at_once, len(lanes)))
    return _Block(crew.results(), crew, abandon)


class _Block(Generic[T, R]):
    """Sees to it that nothing is left running when the block ends."""

    def __init__(self, results: Iterator[tuple[T, R]], crew: _Crew[T, R] | None, abandon: Callable[[], None]) -> None:
        self._results = results
        self._crew = crew
        self._abandon = abandon

    def __enter__(self) -> Iterator[tuple[T, R]]:
        if self._crew:
            self._crew.start()
        return self._results

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        interrupted = kind is not None and not issubclass(kind, Exception)
        if self._crew:
            self._crew.over = True
        if interrupted:
            self._abandon()
        if self._crew:
            self._crew.join(GRACE if interrupted else None)


class _Crew(Generic[T, R]):
    """Threads that work lanes off. `over`: they begin nothing further."""

    def __init__(
        self, lanes: Sequence[Sequence[T]], do: Callable[[T], R], go_on: Callable[[], bool], apart: float, hands: int
    ) -> None:
        self._waiting = deque(lanes)
        self._do = do
        self._go_on = go_on
        self._apart = apart
        self._begun_at = -math.inf
        self._under_way = 0
        self._taking = threading.Condition()
        self._done: SimpleQueue[tuple[T, R] | BaseException | None] = SimpleQueue()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(hands)]
        self.over = False

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def results(self) -> Iterator[tuple[T, R]]:
        """What is done, until all is. Raises what a thread raised."""
        ended = 0
        while ended < len(self._threads):
            done = self._done.get()
            if isinstance(done, BaseException):
                raise done
            if done is None:
                ended += 1
            else:
                yield done

    def join(self, seconds: float | None) -> None:
        """Wait for the threads to end, for so long in all; None: however long it takes."""
        latest = None if seconds is None else time.monotonic() + seconds
        for thread in self._threads:
            thread.join(None if latest is None else max(latest - time.monotonic(), 0.0))

    def _work(self) -> None:
        try:
            for lane in self._lanes():
                for each in lane:
                    if self.over or not self._go_on():
                        return
                    self._done.put((each, self._do(each)))
        except BaseException as error:  # noqa: BLE001 (raised again in the thread that waits for it)
            self._done.put(error)
        finally:
            self._done.put(None)

    def _lanes(self) -> Iterator[Sequence[T]]:
        """Those that nobody has taken yet, one after another."""
        while True:
            with self._taking:
                while self._under_way and (early := self._begun_at + self._apart - time.monotonic()) > 0:
                    self._taking.wait(early)
                if not self._waiting:
                    return
                lane = self._waiting.popleft()
                self._begun_at = time.monotonic()
                self._under_way += 1
            yield lane
            with self._taking:
                self._under_way -= 1
                self._taking.notify_all()
