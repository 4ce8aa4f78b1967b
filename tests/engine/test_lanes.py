"""Things done in lanes: what may happen at the same time, and what happens when somebody stops."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from tsrevel.engine import lanes as module
from tsrevel.engine.lanes import in_lanes

LONG = 10.0
"""Seconds after which a test that waits for another thread gives up."""


@dataclass
class Desk:
    """Notes who is at work; `doing` holds whatever is under way."""

    doing: list[str] = field(default_factory=list)
    most: int = 0
    begun: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def at_work(self, what: str) -> Iterator[None]:
        with self.lock:
            assert what[0] not in [each[0] for each in self.doing], "two things of one lane"
            self.doing.append(what)
            self.begun.append(what)
            self.most = max(self.most, len(self.doing))
        yield
        with self.lock:
            self.doing.remove(what)

    def do(self, what: str) -> str:
        with self.at_work(what):
            time.sleep(0.002)
        return what.upper()


LANES = [[f"{lane}{number}" for number in range(4)] for lane in "abcdef"]


@pytest.mark.parametrize("at_once", [2, 3, 32])
def test_every_thing_is_done_once_and_in_order_within_its_lane(at_once: int) -> None:
    desk = Desk()
    with in_lanes(LANES, desk.do, at_once) as done:
        results = list(done)
    assert sorted(results) == [(each, each.upper()) for lane in LANES for each in lane]
    for lane in LANES:
        assert [each for each in desk.begun if each in lane] == lane
    assert 2 <= desk.most <= at_once


@pytest.mark.parametrize(("lanes", "at_once"), [(LANES, 1), (LANES[:1], 4), ([], 4)])
def test_one_lane_or_one_at_once_needs_no_thread(lanes: list[list[str]], at_once: int) -> None:
    homes: set[int] = set()

    def do(what: str) -> str:
        homes.add(threading.get_ident())
        return what

    with in_lanes(lanes, do, at_once) as done:
        assert [each for each, _ in done] == [each for lane in lanes for each in lane]
    assert homes <= {threading.get_ident()}


@pytest.mark.parametrize("at_once", [1, 3])
def test_nothing_is_begun_once_it_is_not_to_go_on(at_once: int) -> None:
    desk, heard = Desk(), []
    with in_lanes(LANES, desk.do, at_once, go_on=lambda: len(desk.begun) < 7) as done:
        heard = [each for each, _ in done]
    assert sorted(heard) == sorted(desk.begun)
    assert 7 <= len(heard) <= 7 + at_once - 1


def test_what_a_thread_raises_is_raised_where_it_is_waited_for() -> None:
    class Gone(BaseException):
        pass

    desk, abandoned = Desk(), []

    def do(what: str) -> str:
        if what == "b2":
            raise Gone
        return desk.do(what)

    with (
        pytest.raises(Gone),
        in_lanes(LANES, do, 3, abandon=lambda: abandoned.append(len(desk.doing))) as done,
    ):
        for _ in done:
            pass
    assert len(abandoned) == 1
    assert desk.doing == []
    assert "b3" not in desk.begun


def wait_until(holds: Callable[[], bool]) -> None:
    latest = time.monotonic() + LONG
    while not holds():
        assert time.monotonic() < latest
        time.sleep(0.001)


def test_an_interrupted_caller_abandons_first_and_then_waits_for_what_is_under_way() -> None:
    desk, go_on, order = Desk(), threading.Event(), []

    def do(what: str) -> str:
        with desk.at_work(what):
            assert go_on.wait(LONG)
            order.append("ended")
        return what

    def abandon() -> None:
        order.append("abandoned")
        go_on.set()

    def interrupt() -> None:
        with in_lanes(LANES, do, 2, abandon=abandon):
            wait_until(lambda: len(desk.doing) == 2)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert order == ["abandoned", "ended", "ended"]
    assert sorted(desk.begun) == ["a0", "b0"]


def test_what_does_not_end_is_left_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GRACE", 0.05)
    stuck = threading.Event()

    def interrupt() -> None:
        with in_lanes(LANES, lambda _: stuck.wait(LONG), 2):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert any(thread.daemon for thread in threading.enumerate())
    stuck.set()


def test_a_caller_that_has_heard_enough_abandons_nothing() -> None:
    abandoned: list[str] = []
    with in_lanes(LANES, Desk().do, 2, abandon=lambda: abandoned.append("all")) as done:
        next(done)
    assert abandoned == []


def test_lanes_are_taken_up_in_order_and_apart_while_others_are_under_way() -> None:
    begun: list[float] = []

    def do(what: str) -> str:
        begun.append(time.monotonic())
        time.sleep(0.2)
        return what

    began = time.monotonic()
    with in_lanes([[each] for each in "abc"], do, 3, apart=0.05) as done:
        list(done)
    assert len(begun) == 3
    assert max(begun) - began >= 2 * 0.05


def test_nobody_waits_for_what_is_done() -> None:
    began = time.monotonic()
    with in_lanes([[each] for each in "abcdef"], str.upper, 3, apart=5.0) as done:
        assert [each for each, _ in done] == list("abcdef")
    assert time.monotonic() - began < 5
