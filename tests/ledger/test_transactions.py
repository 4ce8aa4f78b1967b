from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from tsrevel.errors import ClaimConflict, ConflictCode, LedgerCode, LedgerUnusable
from tsrevel.ledger import AuditKind, EventResult, Ledger
from tsrevel.planning.model import EventId

from .samples import DAY, EVENT, NOTED, RUN, make_plan, make_run, open_ledger, raises, raw

DIES_MIDWAY = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from tsrevel.ledger import AuditKind, EventResult, Ledger

def seen():
    yield EventResult("1", None, "held", None, "", None)
    yield EventResult("2", None, "held", None, "", None)
    os._exit(9)

ledger = Ledger.open(Path(sys.argv[1]), environment="sandbox", clock=lambda: datetime(2025, 12, 28, tzinfo=UTC))
ledger.audit.add(None, AuditKind.LEFT_OUT)
ledger.events.store_results("run-1", seen())
"""


def hold(number: int) -> EventResult:
    return EventResult(EventId(str(number)), DAY, "held", "NO_LINE_ITEMS", "", None)


def test_a_transaction_that_raises_midway_leaves_nothing(ledger: Ledger) -> None:
    def seen() -> Iterator[EventResult]:
        yield hold(1)
        raise KeyboardInterrupt

    before = ledger.audit.rows()
    with pytest.raises(KeyboardInterrupt):
        ledger.events.store_results(RUN, seen())
    assert ledger.events.last_results([EventId("1")]) == {}
    assert ledger.audit.rows() == before
    ledger.audit.verify()


def test_a_process_that_dies_midway_leaves_nothing(path: Path, ledger: Ledger) -> None:
    died = subprocess.run([sys.executable, "-c", DIES_MIDWAY, str(path)], check=False)
    assert died.returncode == 9
    assert ledger.events.last_results([EventId("1"), EventId("2")]) == {}
    assert [row.kind for row in ledger.audit.rows()] == [AuditKind.RUN_BEGUN, AuditKind.LEFT_OUT]
    ledger.audit.verify()


def test_a_claim_that_fails_midway_keeps_the_earlier_claim(ledger: Ledger, path: Path) -> None:
    ledger.orders.claim(RUN, make_plan())
    with raw(path) as stranger:
        stranger.execute(
            "CREATE TRIGGER pretend_crash BEFORE INSERT ON steps WHEN NEW.seq = 3"
            " BEGIN SELECT RAISE(ABORT, 'crash'); END"
        )
    with raises(ClaimConflict, ConflictCode.BROKEN_RULE):
        ledger.orders.claim(RUN, make_plan(price=1300))
    order = ledger.orders.get(EVENT)
    assert order is not None
    assert order.plan == make_plan()
    assert ledger._transactions.connection.execute("SELECT count(*) FROM steps").fetchone()[0] == len(make_plan().steps)


def test_a_change_inside_a_change_is_refused_and_nothing_is_stored(ledger: Ledger) -> None:
    def seen() -> Iterator[EventResult]:
        yield hold(1)
        ledger.audit.add(RUN, NOTED)

    with raises(LedgerUnusable, LedgerCode.STATEMENT_FAILED):
        ledger.events.store_results(RUN, seen())
    assert ledger.events.last_results([EventId("1")]) == {}
    assert len(ledger.audit.rows()) == 1


def test_changes_made_together_are_stored_together_or_not_at_all(ledger: Ledger) -> None:
    with suppress(KeyboardInterrupt), ledger.together():
        ledger.events.store_results(RUN, [hold(1)])
        ledger.runs.finish(RUN, exit_status=0, summary={})
        assert ledger.runs.latest(1)[0].exit_status == 0
        raise KeyboardInterrupt
    assert ledger.events.last_results([EventId("1")]) == {}
    assert ledger.runs.latest(1)[0].exit_status is None
    with ledger.together():
        ledger.events.store_results(RUN, [hold(1)])
        ledger.runs.finish(RUN, exit_status=3, summary={})
    assert ledger.runs.latest(1)[0].exit_status == 3
    ledger.audit.add(RUN, NOTED)
    ledger.audit.verify()


def test_two_connections_write_in_turns_and_keep_one_chain(path: Path) -> None:
    def write(name: str) -> None:
        with open_ledger(path, busy_seconds=30) as ledger:
            for number in range(30):
                ledger.audit.add(None, NOTED, writer=name, number=str(number))

    with open_ledger(path) as ledger:
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(write, ["a", "b"]))
        ledger.audit.verify()
        assert len(ledger.audit.rows()) == 60


def test_threads_share_one_ledger(ledger: Ledger) -> None:
    def write(number: int) -> None:
        event_id = EventId(str(number))
        plan = make_plan(event_id)
        ledger.orders.claim(RUN, plan)
        for step in plan.steps:
            ledger.orders.record(RUN, event_id, step, str(number))
            assert ledger.orders.get(event_id) is not None

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(16)))
    assert ledger.orders.count_by_state()["claimed"] == 16
    ledger.audit.verify()


def test_a_reader_is_not_kept_waiting_by_a_writer(ledger: Ledger, path: Path) -> None:
    with raw(path) as stranger:
        stranger.execute("BEGIN IMMEDIATE")
        assert ledger.runs.latest(10) == (make_run(),)


def test_a_locked_ledger_is_unusable_and_says_why(ledger: Ledger, path: Path) -> None:
    with raw(path) as stranger:
        stranger.execute("BEGIN IMMEDIATE")
        with raises(LedgerUnusable, LedgerCode.LOCKED):
            ledger.orders.claim(RUN, make_plan())
        with raises(LedgerUnusable, LedgerCode.LOCKED):
            open_ledger(path)
    ledger.orders.claim(RUN, make_plan())
    assert ledger.orders.count_by_state()["claimed"] == 1


def test_a_full_disk_is_unusable_and_leaves_what_was_stored(ledger: Ledger) -> None:
    pages = ledger._transactions.connection.execute("PRAGMA page_count").fetchone()[0]
    ledger._transactions.connection.execute(f"PRAGMA max_page_count = {pages}")
    with raises(LedgerUnusable, LedgerCode.DISK_FULL):
        ledger.audit.add(RUN, NOTED, padding="x" * 100_000)
    assert len(ledger.audit.rows()) == 1
    ledger.audit.verify()


def test_a_ledger_that_turns_read_only_is_unusable(ledger: Ledger) -> None:
    ledger._transactions.connection.execute("PRAGMA query_only = ON")
    with raises(LedgerUnusable, LedgerCode.UNREACHABLE):
        ledger.orders.claim(RUN, make_plan())
    assert ledger.orders.get(EVENT) is None
