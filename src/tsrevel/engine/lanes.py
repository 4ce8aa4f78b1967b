"""Things done in lanes: one after another in each lane, several lanes at a time."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Generic, TypeVar

from tsrevel.pace import Pace

T = TypeVar("T")
R = TypeVar("R")

GRACE = 5.0
"""Seconds that lanes get to come to a halt, once whoever waits for them was interrupted."""


@contextmanager
def in_lanes(
    lanes: Sequence[Sequence[T]],
    do: Callable[[T], R],
    at_once: int,
    *,
    apart: float = 0.0,
    go_on: Callable[[], bool] = lambda: True,
    abandon: Callable[[], None] = lambda: None,
) -> Iterator[Iterator[tuple[T, R]]]:
    """Gives each thing with what `do` made of it, as it is done. A further one is begun only while `go_on` says so.

    With one lane, or one at once, all of it happens in the caller's thread, in order; else lanes are taken up in order,
    `apart` seconds after one another at least. What `do` raises is raised here. Then, or when the block is left
    early, nothing further is begun; where that is by an exception (Ctrl-C), `abandon` is called. What is under way gets
    GRACE to end. Then it is left to itself, and dies with the process.
    """
    if at_once == 1 or len(lanes) < 2:
        yield ((each, do(each)) for lane in lanes for each in lane if go_on())
        return
    crew: _Crew[T, R] = _Crew(lanes, do, go_on, Pace(1 / apart if apart else math.inf, time.monotonic, time.sleep))
    crew.start(min(at_once, len(lanes)))
    heard_out = False
    try:
        yield crew.results()
        heard_out = True
    finally:
        crew.over = True
        if not heard_out:
            abandon()
        crew.join()


class _Crew(Generic[T, R]):
    """Threads that work lanes off. `over`: they begin nothing further."""

    def __init__(
        self, lanes: Sequence[Sequence[T]], do: Callable[[T], R], go_on: Callable[[], bool], pace: Pace
    ) -> None:
        self._waiting = deque(lanes)
        self._do = do
        self._go_on = go_on
        self._pace = pace
        self._taking = threading.Lock()
        self._done: SimpleQueue[tuple[T, R] | BaseException | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self.over = False

    def start(self, hands: int) -> None:
        """Begin, with so many threads."""
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(hands)]
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

    def join(self) -> None:
        """Wait for the threads to end, for GRACE seconds in all."""
        latest = time.monotonic() + GRACE
        for thread in self._threads:
            thread.join(max(latest - time.monotonic(), 0.0))

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
                if not self._waiting:
                    return
                self._pace.wait()
                lane = self._waiting.popleft()
            yield lane
