"""When the worker tries what, by a stand-in for the commands that it runs."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tsrevel.config import Settings
from tsrevel.engine.deliveries import DeliveryAnswer
from tsrevel.engine.outcomes import Outcome, RunReport
from tsrevel.errors import Halted, LedgerCode, LedgerUnusable, RunLocked, SpoolUnwritable
from tsrevel.planning.model import EventId
from tsrevel.planning.reasons import Status
from tsrevel.serve import worker as module
from tsrevel.serve.worker import (
    FIRST_PAUSE,
    LONGEST_OUTAGE_PAUSE,
    LONGEST_PAUSE,
    LOOK_SECONDS,
    MOST_FAULTS,
    Document,
    Worker,
    pause_after,
)
from tsrevel.tripleseat.payload import DeliverySubject
from tsrevel.webhook.spool import Spool, move_away

from ..world import World

DEALT_WITH = DeliveryAnswer(ok=True, report=RunReport("r", "c", "single", dry_run=False))
IGNORED = DeliveryAnswer(ok=True, text="its trigger doesn't affect orders")
LATER = DeliveryAnswer(ok=True, exit_status=3, may_pass=True)
DOWN = DeliveryAnswer(ok=True, exit_status=13, may_pass=True)
UNREADABLE = DeliveryAnswer(ok=False, text="why", exit_status=3, may_pass=True)


@dataclass
class Acted:
    """What a delivery's name begins with says what becomes of it. `tried`: the names in order."""

    spool: Spool
    given: Settings
    answers: dict[str, DeliveryAnswer | Exception]
    tried: list[str] = field(default_factory=list)
    why: str | None = None
    poll: Callable[[], None] = lambda: None
    retry: Callable[[], None] = lambda: None

    def settings(self) -> Settings:
        return self.given

    def latest_settings(self) -> Settings:
        return self.given

    def why_disabled(self) -> str | None:
        return self.why

    def replay(self, path: Path, to_come: Sequence[DeliveryAnswer]) -> DeliveryAnswer | None:
        self.tried.append(path.stem)
        answer = self.answers.get(path.stem[0], DEALT_WITH)
        if isinstance(answer, Exception):
            raise answer
        if answer.may_pass:
            self.retry()
        else:
            move_away(path, self.spool.done)
        return answer

    def sync(self, hours_back: int | None = None) -> RunReport:
        self.tried.append("sync")
        self.poll()
        return RunReport("r", "c", "bulk", dry_run=False)

    def sync_event(self, event_id: str) -> RunReport:
        return self.sync()

    def encode(self, report: RunReport) -> Document:
        return {}

    def plan(self, body: bytes) -> Document:
        return {}

    def wind_down(self) -> None:
        self.tried.append("wind down")


@pytest.fixture
def acted(tmp_path: Path) -> Iterator[Acted]:
    spool = Spool(tmp_path / "spool")
    with spool.hold(None):
        yield Acted(spool, World(tmp_path).settings(), {})


@dataclass
class Clock:
    """A clock that only moves when the worker waits."""

    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds

    def work(self, worker: Worker, seconds: float) -> None:
        """Let a worker that nobody started work for so long."""
        end = self.now + seconds
        while self.now < end:
            pause = module.attempt(worker._step)
            assert not isinstance(pause, Exception), pause
            self.now += max(pause, 0.01)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(module, "LOCK_SECONDS", 0.0)


def failed(event_id: str) -> RunReport:
    """The report of a run in which a service failed for that event."""
    return RunReport("r", "c", "single", False, (Outcome(EventId(event_id), Status.FAILED, down=True),))


def polled(settings: Settings, minutes: int) -> Settings:
    """The same settings with a poll at that interval."""
    return settings.model_copy(update={"serve": settings.serve.model_copy(update={"sync_every_minutes": minutes})})


def put(acted: Acted, *names: str) -> None:
    for name in names:
        (acted.spool.folder / f"{name}.json").write_bytes(b"{}")


def work(acted: Acted, steps: int) -> Worker:
    """So many steps of a worker that nobody started."""
    worker = Worker(acted, acted.spool)
    for _ in range(steps):
        module.attempt(worker._step)
    return worker


def test_deliveries_are_taken_in_order_once_each(acted: Acted) -> None:
    put(acted, "c", "a", "b")
    work(acted, 5)
    assert acted.tried == ["a", "b", "c"]


def test_one_that_has_to_wait_keeps_no_other_waiting(acted: Acted) -> None:
    acted.answers["a"] = LATER
    put(acted, "a", "b")
    work(acted, 5)
    assert acted.tried == ["a", "b"]


def test_a_service_that_fails_for_two_events_keeps_all_waiting(acted: Acted) -> None:
    acted.answers |= {"a": DOWN, "b": DOWN}
    put(acted, "a", "b", "c")
    work(acted, 5)
    assert acted.tried == ["a", "b"]


def test_it_counts_as_failing_even_if_it_answered_something(acted: Acted) -> None:
    acted.answers |= {each: replace(LATER, report=failed(each)) for each in "ab"}
    put(acted, "a", "b", "c")
    work(acted, 5)
    assert acted.tried == ["a", "b"]


def test_a_delivery_that_needs_no_service_does_not_prove_that_they_are_up(acted: Acted) -> None:
    acted.answers |= {"a": DOWN, "b": IGNORED, "c": DOWN}
    put(acted, "a", "b", "c", "d")
    work(acted, 6)
    assert acted.tried == ["a", "b", "c"]


def test_an_event_for_which_a_service_fails_keeps_no_other_waiting(acted: Acted) -> None:
    acted.answers["a"] = DOWN
    put(acted, "a", "b", "c")
    work(acted, 5)
    assert acted.tried == ["a", "b", "c"]


@pytest.mark.parametrize("about", [{"subject": DeliverySubject("event", "1", None)}, {"report": failed("1")}])
def test_several_deliveries_about_the_same_failing_event_keep_no_other_waiting(
    acted: Acted, about: dict[str, Any]
) -> None:
    acted.answers["a"] = replace(DOWN, **about)
    put(acted, "a1", "a2", "a3", "b")
    work(acted, 5)
    assert acted.tried == ["a1", "a2", "a3", "b"]


def test_a_booking_and_its_failing_event_count_as_one_failure(acted: Acted) -> None:
    booking = replace(DOWN, subject=DeliverySubject("booking", "7", None), report=failed("1"))
    acted.answers |= {"a": booking, "b": replace(DOWN, subject=DeliverySubject("event", "1", None))}
    put(acted, "a", "b", "c")
    work(acted, 5)
    assert acted.tried == ["a", "b", "c"]


@pytest.mark.parametrize("status", [10, 12, 14])
def test_what_ends_a_run_keeps_all_waiting(acted: Acted, status: int) -> None:
    acted.answers["a"] = replace(DOWN, exit_status=status, ended="why")
    put(acted, "a", "b")
    work(acted, 5)
    assert acted.tried == ["a"]


def test_an_order_that_a_person_must_check_keeps_no_other_waiting(acted: Acted) -> None:
    acted.answers["a"] = replace(LATER, exit_status=14)
    put(acted, "a", "b")
    work(acted, 5)
    assert acted.tried == ["a", "b"]


@pytest.mark.parametrize("failing", [["a"], ["a1", "a2"], ["a", "b"], ["a", "b", "c"]])
def test_a_new_delivery_is_tried_within_half_a_minute_however_long_others_have_failed(
    acted: Acted, clock: Clock, failing: list[str]
) -> None:
    one = replace(DOWN, subject=DeliverySubject("event", "1", None))
    acted.answers |= {"a": one, "b": DOWN, "c": DOWN}
    put(acted, *failing)
    worker = Worker(acted, acted.spool)
    clock.work(worker, 3600)
    for number in range(5):
        put(acted, f"z{number}")
        clock.work(worker, LONGEST_OUTAGE_PAUSE + LOOK_SECONDS)
        assert f"z{number}" in acted.tried
        clock.work(worker, 600)


def test_a_new_delivery_is_tried_next_however_long_the_attempts_of_others_take(acted: Acted, clock: Clock) -> None:
    acted.answers |= dict.fromkeys("abc", LATER)
    acted.retry = lambda: clock.pass_by(31)  # longer than the pause before the next attempt
    put(acted, "a", "b", "c")
    worker = Worker(acted, acted.spool)
    clock.work(worker, 31)
    put(acted, "z")
    clock.work(worker, 3 * 31)
    assert "z" in acted.tried[:4]


@pytest.mark.parametrize("failing", [["a"], ["b"], ["a", "b"]])
def test_after_a_pause_a_delivery_has_its_turn_that_was_tried_less_often(
    acted: Acted, clock: Clock, failing: list[str]
) -> None:
    acted.answers |= {"a": replace(DOWN, exit_status=12, ended="why"), "b": DOWN}
    put(acted, *failing)
    worker = Worker(acted, acted.spool)
    clock.work(worker, 3600)
    put(acted, "z")
    clock.work(worker, LONGEST_PAUSE + LOOK_SECONDS)
    assert "z" in acted.tried


def test_a_service_that_is_down_is_not_flooded(acted: Acted, clock: Clock) -> None:
    names = [f"{letter}{number}" for letter in "abcdefghij" for number in range(30)]
    acted.answers |= dict.fromkeys("abcdefghij", DOWN)
    put(acted, *names)
    worker = Worker(acted, acted.spool)
    clock.work(worker, 3600)
    assert len(acted.tried) <= 3600 / (LONGEST_OUTAGE_PAUSE / 2) + 10
    assert max(map(acted.tried.count, names)) == 1


def test_in_good_times_deliveries_stay_in_order(acted: Acted, clock: Clock) -> None:
    acted.answers["a"] = DOWN
    put(acted, "a")
    worker = Worker(acted, acted.spool)
    clock.work(worker, LOOK_SECONDS)
    put(acted, *(f"b{number}" for number in range(3)))
    clock.work(worker, LOOK_SECONDS)
    acted.answers["a"] = DEALT_WITH
    clock.work(worker, FIRST_PAUSE)
    assert acted.tried == ["a", "b0", "b1", "b2", "a"]


def test_the_poll_runs_at_its_interval_while_deliveries_wait_for_a_service(acted: Acted, clock: Clock) -> None:
    acted.given = polled(acted.given, 5)
    acted.answers |= {"a": DOWN, "b": replace(DOWN, exit_status=12, ended="why")}
    put(acted, "a", "b")
    clock.work(Worker(acted, acted.spool), 3600 - 1)
    assert acted.tried.count("sync") == 12


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize(("answer", "reason"), [(RuntimeError("x"), "a fault in tsrevel"), (UNREADABLE, "why")])
def test_poison_is_put_aside_with_its_reason(acted: Acted, answer: DeliveryAnswer | Exception, reason: str) -> None:
    acted.answers["p"] = answer
    put(acted, "p", "q")
    work(acted, MOST_FAULTS + 5)
    assert (acted.tried.count("p"), acted.tried.count("q")) == (MOST_FAULTS, 1)
    assert (acted.spool.failed / "p.reason").read_text().startswith(reason)
    assert acted.spool.count().failed == 1


@pytest.mark.usefixtures("no_pauses")
def test_a_link_to_nowhere_is_put_aside(acted: Acted) -> None:
    acted.answers["p"] = UNREADABLE
    (acted.spool.folder / "p.json").symlink_to("nowhere")
    work(acted, MOST_FAULTS + 5)
    assert acted.tried == ["p"] * MOST_FAULTS
    assert acted.spool.count().failed == 1


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize(
    "answer", [LATER, DOWN, RunLocked("x"), LedgerUnusable(LedgerCode.LOCKED, "x"), SpoolUnwritable("x")]
)
def test_what_may_pass_is_never_given_up(acted: Acted, answer: DeliveryAnswer | Exception) -> None:
    acted.answers["a"] = answer
    put(acted, "a")
    work(acted, 3 * MOST_FAULTS)
    assert acted.tried == ["a"] * 3 * MOST_FAULTS
    assert acted.spool.count().failed == 0


def test_while_runs_are_disabled_nothing_is_tried(acted: Acted) -> None:
    acted.why = "paused"
    put(acted, "a")
    work(acted, 3)
    assert acted.tried == []


def test_a_spool_that_can_not_be_read_is_looked_at_again(acted: Acted, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_folder: Path) -> list[Path]:
        raise OSError(errno.EIO, "Input/output error")

    put(acted, "a")
    with monkeypatch.context() as broken:
        broken.setattr("tsrevel.webhook.spool.list_bodies", refuse)
        work(acted, 2)
    assert acted.tried == []
    work(acted, 1)
    assert acted.tried == ["a"]


def test_jobs_come_first_and_are_refused_once_it_ends(acted: Acted) -> None:
    put(acted, "a")
    worker = Worker(acted, acted.spool)
    first = worker.submit(lambda: {"tried": list(acted.tried)})
    worker._step()
    assert first.result() == {"tried": []}
    worker.stop()
    with pytest.raises(Halted):
        worker.submit(dict).result(1)
    worker.start()
    worker.join(10)
    assert acted.tried == ["wind down"]


def test_pauses_grow_and_end_somewhere() -> None:
    assert all(FIRST_PAUSE / 2 <= pause_after(1) <= FIRST_PAUSE for _ in range(50))
    assert pause_after(4) >= 4 * FIRST_PAUSE
    assert LONGEST_PAUSE / 2 <= pause_after(10**6) <= LONGEST_PAUSE
    assert len({pause_after(3) for _ in range(10)}) > 1


@pytest.mark.parametrize("seconds", [60, 240, 300, 1000])
def test_a_poll_that_takes_as_long_as_its_interval_leaves_time_for_deliveries(
    acted: Acted, clock: Clock, seconds: int
) -> None:
    acted.given, acted.poll = polled(acted.given, 5), lambda: clock.pass_by(seconds)
    put(acted, *(f"a{number}" for number in range(9)))
    clock.work(Worker(acted, acted.spool), 4 * (seconds + 300))
    assert acted.tried[:10] == ["sync", *(f"a{number}" for number in range(9))]
    assert acted.tried.count("sync") >= 4


def test_a_short_poll_does_not_shift_the_next(acted: Acted, clock: Clock) -> None:
    acted.given, acted.poll = polled(acted.given, 5), lambda: clock.pass_by(100)
    clock.work(Worker(acted, acted.spool), 3600 - 1)
    assert acted.tried.count("sync") == 12


def test_a_poll_that_breaks_keeps_no_delivery_waiting_and_is_tried_again(acted: Acted, clock: Clock) -> None:
    def fail() -> None:
        raise RuntimeError("x")

    acted.given, acted.poll = polled(acted.given, 45), fail
    put(acted, "a")
    worker = Worker(acted, acted.spool)
    with pytest.raises(RuntimeError):
        worker._step()
    clock.work(worker, LONGEST_PAUSE - 1)
    assert acted.tried == ["sync", "a"]
    acted.poll = lambda: None
    clock.work(worker, 2)
    assert acted.tried == ["sync", "a", "sync"]


def test_a_poll_that_finds_the_lock_taken_is_tried_again_once_it_is_free(acted: Acted, clock: Clock) -> None:
    def refuse() -> None:
        raise RunLocked("x")

    acted.given, acted.poll = polled(acted.given, 45), refuse
    worker = Worker(acted, acted.spool)
    with pytest.raises(RunLocked):
        worker._step()
    acted.poll = lambda: None
    clock.work(worker, 1)
    assert acted.tried == ["sync", "sync"]
