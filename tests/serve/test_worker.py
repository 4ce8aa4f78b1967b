"""When the worker tries what, by a stand-in for the commands that it runs."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tsrevel.config import Settings
from tsrevel.engine.deliveries import DeliveryAnswer
from tsrevel.engine.outcomes import RunReport
from tsrevel.errors import Halted, LedgerCode, LedgerUnusable, RunLocked, SpoolUnwritable
from tsrevel.serve import worker as module
from tsrevel.serve.worker import FIRST_PAUSE, LONGEST_PAUSE, MOST_FAULTS, Document, Worker, pause_after
from tsrevel.webhook.spool import Spool, move_away

from ..world import World

DEALT_WITH = DeliveryAnswer(ok=True)
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

    def settings(self) -> Settings:
        return self.given

    def why_disabled(self) -> str | None:
        return self.why

    def replay(self, path: Path, to_come: Sequence[DeliveryAnswer]) -> DeliveryAnswer | None:
        self.tried.append(path.stem)
        answer = self.answers.get(path.stem[0], DEALT_WITH)
        if isinstance(answer, Exception):
            raise answer
        if not answer.may_pass:
            move_away(path, self.spool.done)
        return answer

    def sync(self, hours_back: int | None = None) -> RunReport:
        self.tried.append("sync")
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


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(module, "LOCK_SECONDS", 0.0)


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


def test_a_service_that_is_down_keeps_all_waiting(acted: Acted) -> None:
    acted.answers["a"] = DOWN
    put(acted, "a", "b")
    work(acted, 5)
    assert acted.tried == ["a"]


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
