"""Groups of work in a small pool: what may happen at the same time, and what happens when somebody stops."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import pytest

from tsrevel.engine import workers as module
from tsrevel.engine.workers import in_parallel

R = TypeVar("R")
LONG = 10.0
"""Seconds after which a test that waits for another thread gives up."""


def no_stop() -> None:
    raise AssertionError("nobody interrupted it")


@dataclass
class Recorder:
    """Notes who is at work; `doing` holds whatever is under way."""

    doing: list[str] = field(default_factory=list)
    most: int = 0
    begun: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def at_work(self, what: str) -> Iterator[None]:
        with self.lock:
            assert what[0] not in [each[0] for each in self.doing], "two things of one group"
            self.doing.append(what)
            self.begun.append(what)
            self.most = max(self.most, len(self.doing))
        yield
        with self.lock:
            self.doing.remove(what)

    def work(self, group: Sequence[str]) -> Iterator[str]:
        for what in group:
            with self.at_work(what):
                time.sleep(0.002)
            yield what.upper()

    def work_off(self, groups: Sequence[Sequence[str]]) -> Callable[[], Iterator[str]]:
        return share_out(groups, self.work)


def share_out(
    groups: Sequence[Sequence[str]], work: Callable[[Sequence[str]], Iterator[R]]
) -> Callable[[], Iterator[R]]:
    """What one thread of several does: it takes a group, works it off, and takes the next one."""
    left = deque(groups)

    def loop() -> Iterator[R]:
        while left:
            yield from work(left.popleft())

    return loop


GROUPS = [[f"{group}{number}" for number in range(4)] for group in "abcdef"]


@pytest.mark.parametrize("workers", [2, 3, 32])
def test_every_thing_is_done_once_and_in_order_within_its_group(workers: int) -> None:
    recorder = Recorder()
    with in_parallel(recorder.work_off(GROUPS), workers, stop=no_stop) as results:
        done = list(results)
    assert sorted(done) == [each.upper() for group in GROUPS for each in group]
    for group in GROUPS:
        assert [each for each in recorder.begun if each in group] == group
    assert 2 <= recorder.most <= workers


@pytest.mark.parametrize("groups", [GROUPS, GROUPS[:1], []])
def test_one_worker_needs_no_thread(groups: list[list[str]]) -> None:
    threads: set[int] = set()

    def work(group: Sequence[str]) -> Iterator[str]:
        for what in group:
            threads.add(threading.get_ident())
            yield what

    with in_parallel(share_out(groups, work), 1, stop=no_stop) as results:
        assert list(results) == [each for group in groups for each in group]
    assert threads <= {threading.get_ident()}


@pytest.mark.parametrize("workers", [1, 3])
def test_what_a_worker_raises_is_raised_where_it_is_waited_for(workers: int) -> None:
    class Gone(BaseException):
        pass

    recorder, stopped = Recorder(), []

    def work(group: Sequence[str]) -> Iterator[str]:
        for what in group:
            if what == "b2":
                raise Gone
            yield from recorder.work([what])

    with (
        pytest.raises(Gone),
        in_parallel(share_out(GROUPS, work), workers, stop=lambda: stopped.append(len(recorder.doing))) as results,
    ):
        for _ in results:
            pass
    assert len(stopped) == 1
    assert recorder.doing == []
    assert "b3" not in recorder.begun


def wait_until(holds: Callable[[], bool]) -> None:
    latest = time.monotonic() + LONG
    while not holds():
        assert time.monotonic() < latest
        time.sleep(0.001)


def test_an_interrupted_caller_stops_requests_first_and_then_waits_for_what_is_under_way() -> None:
    recorder, go_on, order = Recorder(), threading.Event(), list[str]()

    def work(group: Sequence[str]) -> Iterator[str]:
        for what in group:
            with recorder.at_work(what):
                assert go_on.wait(LONG)
                order.append("ended")
            yield what

    def stop() -> None:
        order.append("stopped")
        go_on.set()

    def interrupt() -> None:
        with in_parallel(share_out(GROUPS, work), 2, stop=stop):
            wait_until(lambda: len(recorder.doing) == 2)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert order == ["stopped", "ended", "ended"]
    assert sorted(recorder.begun) == ["a0", "b0"]


def test_what_does_not_end_is_left_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GRACE", 0.05)
    stuck = threading.Event()

    def work(group: Sequence[str]) -> Iterator[bool]:
        for _ in group:
            yield stuck.wait(LONG)

    def interrupt() -> None:
        with in_parallel(share_out(GROUPS, work), 2, stop=lambda: None):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert any(thread.daemon for thread in threading.enumerate())
    stuck.set()


def test_a_caller_that_has_heard_enough_stops_no_requests() -> None:
    recorder = Recorder()
    with in_parallel(recorder.work_off(GROUPS), 2, stop=no_stop) as results:
        next(results)
    assert recorder.doing == []
    assert len(recorder.begun) < sum(map(len, GROUPS))
