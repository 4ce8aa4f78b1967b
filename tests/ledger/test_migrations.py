from __future__ import annotations

import functools
import sqlite3
import stat
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tsrevel.errors import LedgerCode, LedgerUnusable
from tsrevel.ledger import Ledger
from tsrevel.ledger.maintenance import back_up_ledger
from tsrevel.ledger.migrations import Migration, shipped_migrations

from .samples import EVENT, ORDER, RUN, TickingClock, make_plan, make_run, open_ledger, raises, raw

SHIPPED = shipped_migrations()[-1].version
NEXT = Migration(
    SHIPPED + 1,
    """
    -- a comment; with a semicolon
    CREATE TABLE extra (note TEXT NOT NULL) STRICT;
    CREATE TRIGGER extra_is_kept BEFORE DELETE ON extra
    BEGIN
        SELECT RAISE(ABORT, 'kept');
    END;
    INSERT INTO extra VALUES ('from v2')
    """,
)
BROKEN = Migration(SHIPPED + 1, "CREATE TABLE extra (note TEXT NOT NULL) STRICT;\nINSERT INTO nowhere VALUES (1);\n")
AFTER_NEXT = Migration(SHIPPED + 2, "INSERT INTO extra VALUES ('from v3');")


def open_with(path: Path, *later: Migration) -> Ledger:
    return Ledger.open(path, environment="sandbox", clock=TickingClock(), migrations=(*shipped_migrations(), *later))


def make_first(path: Path) -> None:
    with open_ledger(path) as ledger:
        ledger.runs.begin(make_run())
        ledger.orders.settle(RUN, EVENT, ORDER, "digest-1")


def version_of(path: Path) -> int:
    with raw(path) as connection:
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def names_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_the_shipped_migrations_count_up_from_one() -> None:
    versions = [migration.version for migration in shipped_migrations()]
    assert versions == list(range(1, len(versions) + 1))


def test_no_shipped_migration_ends_the_transaction_it_runs_in() -> None:
    for migration in shipped_migrations():
        statements = [line.strip().upper() for line in migration.sql.splitlines()]
        assert not [line for line in statements if line.startswith(("COMMIT", "BEGIN TRANSACTION", "ROLLBACK"))]


def test_an_older_ledger_is_migrated_with_all_it_holds(path: Path) -> None:
    make_first(path)
    with open_with(path, NEXT, AFTER_NEXT) as ledger:
        order = ledger.orders.get(EVENT)
        assert order is not None
        assert order.order_id == ORDER
        notes = ledger._transactions.connection.execute("SELECT note FROM extra").fetchall()
        ledger.audit.verify()
    assert [note for (note,) in notes] == ["from v2", "from v3"]
    assert version_of(path) == SHIPPED + 2


def test_the_ledger_is_backed_up_before_it_is_migrated(path: Path) -> None:
    make_first(path)
    with open_with(path, NEXT):
        pass
    backup = path.with_name(f"ledger.db.v{SHIPPED}.bak")
    assert names_in(path.parent) == ["ledger.db", f"ledger.db.v{SHIPPED}.bak"]
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    with open_ledger(backup) as kept:
        assert kept.orders.count_by_state()["settled"] == 1
        kept.audit.verify()


def test_nothing_is_backed_up_when_nothing_is_migrated(path: Path) -> None:
    make_first(path)
    make_second = open_ledger(path)
    make_second.close()
    assert names_in(path.parent) == ["ledger.db"]


def test_a_new_ledger_goes_through_every_migration_without_a_backup(path: Path) -> None:
    with open_with(path, NEXT):
        pass
    assert version_of(path) == SHIPPED + 1
    assert names_in(path.parent) == ["ledger.db"]


def test_a_failing_migration_leaves_the_ledger_as_it_was(path: Path) -> None:
    make_first(path)
    with raises(LedgerUnusable, LedgerCode.STATEMENT_FAILED):
        open_with(path, BROKEN)
    assert version_of(path) == SHIPPED
    with open_ledger(path) as ledger:
        assert ledger.orders.count_by_state()["settled"] == 1
        assert not ledger._transactions.connection.execute(
            "SELECT 1 FROM sqlite_master WHERE name = 'extra'"
        ).fetchall()


def test_a_migration_can_be_tried_again_after_it_failed(path: Path) -> None:
    make_first(path)
    with pytest.raises(LedgerUnusable):
        open_with(path, BROKEN)
    with open_with(path, NEXT):
        pass
    assert version_of(path) == SHIPPED + 1


def test_a_new_ledger_is_made_complete_or_not_at_all(path: Path) -> None:
    with raises(LedgerUnusable, LedgerCode.STATEMENT_FAILED):
        open_with(path, BROKEN)
    assert names_in(path.parent) == []


def test_an_older_program_refuses_a_migrated_ledger(path: Path) -> None:
    with open_with(path, NEXT):
        pass
    with raises(LedgerUnusable, LedgerCode.NEWER_VERSION):
        open_ledger(path)


def test_a_backup_by_hand_is_a_ledger_of_its_own(ledger: Ledger, path: Path, tmp_path: Path) -> None:
    ledger.orders.settle(RUN, EVENT, ORDER, None)
    target = tmp_path / "copy.db"
    back_up_ledger(path, target, "sandbox")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with open_ledger(target) as copy:
        assert copy.audit.rows() == ledger.audit.rows()


def test_a_backup_never_overwrites_anything(ledger: Ledger, path: Path) -> None:
    with raises(LedgerUnusable, LedgerCode.EXISTS):
        back_up_ledger(path, path, "sandbox")
    assert len(ledger.runs.latest(10)) == 1


@pytest.mark.usefixtures("ledger")
def test_a_backup_into_a_missing_folder_is_refused(path: Path, tmp_path: Path) -> None:
    with raises(LedgerUnusable, LedgerCode.UNREACHABLE):
        back_up_ledger(path, tmp_path / "missing" / "copy.db", "sandbox")


def test_a_ledger_of_the_first_version_is_migrated_to_this_one(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    first = shipped_migrations()[:1]
    Ledger.open(path, environment="sandbox", clock=TickingClock(), migrations=first).close()
    with open_ledger(path) as ledger:
        ledger.runs.begin(make_run())
        ledger.orders.settle(RUN, EVENT, ORDER, None)
        ledger.orders.recheck(RUN, EVENT, None)
    assert version_of(path) == SHIPPED


STAMP = "2025-12-28T16:00:00.000000+00:00"


def make_seventh(path: Path, *, finished: bool, doubt_until: str | None) -> None:
    """A ledger of the seventh version with an order begun: its first step has a receipt, the others have none."""
    seventh = shipped_migrations()[:7]
    with Ledger.open(path, environment="sandbox", clock=TickingClock(), migrations=seventh) as ledger:
        ledger.runs.begin(make_run())
        ledger.orders.claim(RUN, make_plan())
        if finished:
            ledger.runs.finish(RUN, exit_status=3, summary={})
    with raw(path) as connection:
        connection.execute("UPDATE orders SET touched_at = ?, doubt_until_at = ?", (STAMP, doubt_until))
        receipt = (
            "INSERT INTO receipts (event_id, uuid, revel_id, facts, recorded_at, run_id) VALUES (?, ?, ?, '{}', ?, ?)"
        )
        connection.execute(receipt, (EVENT, make_plan().uuid, ORDER, STAMP, RUN))


@pytest.mark.parametrize(
    ("finished", "doubt_until", "since"),
    [
        (False, None, "2025-12-28T16:05:00+00:00"),
        (True, "2025-12-28T16:17:30.250000+00:00", "2025-12-28T16:02:30.250000+00:00"),
        (False, "2025-12-28T16:31:00.000000+00:00", "2025-12-28T16:16:00+00:00"),
    ],
)
def test_what_an_older_version_had_in_doubt_is_pending(
    path: Path, finished: bool, doubt_until: str | None, since: str
) -> None:
    make_seventh(path, finished=finished, doubt_until=doubt_until)
    with open_ledger(path) as ledger:
        order = ledger.orders.get(EVENT)
        assert order is not None
        assert order.unanswered == {step.uuid for step in make_plan().steps[1:]}
        assert set(order.sent.values()) == {datetime.fromisoformat(since)}


def test_what_an_older_version_had_left_in_order_is_not(path: Path) -> None:
    make_seventh(path, finished=True, doubt_until=None)
    with open_ledger(path) as ledger:
        order = ledger.orders.get(EVENT)
        assert order is not None
        assert (order.sent, order.pending_until) == ({}, None)


def test_what_another_process_applies_meanwhile_is_not_applied_again(path: Path) -> None:
    make_first(path)
    migrations = (*shipped_migrations(), NEXT)

    class Slower(sqlite3.Connection):
        """Looks at the version, and is overtaken before it takes the lock again."""

        def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            if sql == "BEGIN IMMEDIATE" and version_of(path) == SHIPPED and looked:
                open_with(path, NEXT).close()
            looked.extend([sql] if sql == "COMMIT" else [])
            return super().execute(sql, *parameters)

    looked: list[str] = []
    connect = functools.partial(sqlite3.connect, factory=Slower)
    opened = Ledger.open(path, environment="sandbox", clock=TickingClock(), migrations=migrations, opened_by=connect)
    opened.close()
    with raw(path) as connection:
        assert connection.execute("SELECT note FROM extra").fetchall() == [("from v2",)]
