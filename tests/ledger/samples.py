"""Invented plans, runs and a clock that never looks at the real one."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from tsrevel.errors import ClaimConflict, ConflictCode, LedgerCode, LedgerDamaged, LedgerUnusable
from tsrevel.ledger import AuditKind, EventResult, Ledger, RunRecord
from tsrevel.ledger.connection import encode_instant
from tsrevel.planning.identity import list_steps, order_uuid, part_uuid
from tsrevel.planning.model import (
    EstablishmentId,
    EventId,
    Hold,
    Item,
    Location,
    LocationId,
    OrderId,
    Plan,
    PlannedPayment,
    ProductId,
)
from tsrevel.planning.money import Cents
from tsrevel.planning.reasons import Reason

START = datetime(2025, 12, 28, 16, 0, tzinfo=UTC)
DAY = date(2025, 12, 28)
EVENT = EventId("55521609")
ORDER = OrderId("5550101")
RUN = "run-1"
Refusal = TypeVar("Refusal", LedgerUnusable, LedgerDamaged, ClaimConflict)
NOTED = AuditKind.CLOCK_CORRECTED
"""For rows of the audit whose kind doesn't matter."""


class TickingClock:
    """One second later at each look."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def open_ledger(
    path: Path,
    *,
    environment: str = "sandbox",
    busy_seconds: float = 0.05,
    clock: TickingClock | None = None,
    mail_on: Collection[str] = (),
) -> Ledger:
    return Ledger.open(
        path, environment=environment, clock=clock or TickingClock(), busy_seconds=busy_seconds, mail_on=mail_on
    )


def store_result(
    ledger: Ledger,
    status: str,
    reason: str | None,
    event_id: EventId | None = None,
    *,
    day: date | None = date(2025, 12, 28),
    text: str = "",
    digest: str | None = None,
    missed: bool = False,
) -> bool:
    """What a run made of the event; True if that is news."""
    return bool(
        ledger.events.store_results(RUN, [EventResult(event_id or EVENT, day, status, reason, text, digest, missed)])
    )


def make_run(run_id: str = RUN) -> RunRecord:
    return RunRecord(run_id, "sync-1a2b3c4d", "bulk", dry_run=False, started_at=START)


def begin_older(ledger: Ledger) -> None:
    """The run `make_run`, as versions before 12 stored it."""
    run = make_run()
    row = (run.run_id, run.correlation_id, run.mode, run.dry_run, run.whole, encode_instant(run.started_at))
    insert = "INSERT INTO runs (run_id, correlation_id, mode, dry_run, whole, started_at) VALUES (?, ?, ?, ?, ?, ?)"
    ledger._transactions.connection.execute(insert, row)


def make_location() -> Location:
    return Location(
        name="Special Events",
        tripleseat_location=LocationId("30501"),
        tripleseat_site=None,
        establishment=EstablishmentId(8),
        timezone="America/Los_Angeles",
        user=12,
        station=21,
        dining_option=113,
    )


def make_plan(event_id: EventId = EVENT, *, price: int = 1250) -> Plan:
    uuid = order_uuid(event_id)
    item = Item(part_uuid(uuid, "item"), ProductId(77), 10, Cents(price), "Fruit Platter")
    payment = PlannedPayment(part_uuid(uuid, "payment"), Cents(5000))
    return Plan(
        event_id=event_id,
        day=DAY,
        location=make_location(),
        local_id=f"Triple Seat_{event_id}",
        uuid=uuid,
        items=(item,),
        discount=Cents(500),
        tax=Cents(1000),
        gratuity=Cents(0),
        payments=(payment,),
        steps=list_steps(uuid, (item,), (payment,), discounted=True),
    )


def differs(text: str = "differs", reason: Reason = Reason.ORDER_DIFFERS) -> Hold:
    return Hold(reason, text)


@contextmanager
def raises(
    kind: type[Refusal], code: LedgerCode | ConflictCode, match: str | None = None
) -> Iterator[pytest.ExceptionInfo[Refusal]]:
    """What is done inside raises an error of just this kind, for this reason."""
    with pytest.raises(kind, match=match) as caught:
        yield caught
    assert (caught.type, caught.value.code) == (kind, code)


@contextmanager
def raw(path: Path) -> Iterator[sqlite3.Connection]:
    """A stranger's connection to the ledger's file: no triggers of habit, no foreign keys, autocommit."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0.05)) as connection:
        yield connection


def rewrite(path: Path, sql: str) -> None:
    """Tampers with the audit behind its triggers' back."""
    with raw(path) as connection:
        triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(sql)
