from __future__ import annotations

import functools
import sqlite3
import stat
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tsrevel.errors import LedgerCode, LedgerUnusable
from tsrevel.ledger import Ledger
from tsrevel.ledger.maintenance import back_up_ledger
from tsrevel.ledger.migrations import Migration, shipped_migrations
from tsrevel.ledger.plan_json import encode_plan

from .samples import EVENT, ORDER, RUN, START, TickingClock, begin_older, make_plan, make_run, open_ledger, raises, raw

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


def test_the_ledger_is_backed_up_once_before_it_is_migrated(path: Path) -> None:
    make_first(path)
    backup = path.with_name(f"ledger.db.v{SHIPPED}.bak")
    backup.with_name(f"{backup.name}-wal").write_bytes(b"of an earlier copy")
    with open_with(path, NEXT, AFTER_NEXT):
        pass
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


def make_older(path: Path, version: int, *, finished_at: str | None, **order: str | None) -> None:
    """A ledger of an older version with an order begun: its first step has a receipt, the others have none."""
    older = shipped_migrations()[:version]
    with Ledger.open(path, environment="sandbox", clock=TickingClock(), migrations=older) as ledger:
        begin_older(ledger)
    plan = make_plan()
    claim = "INSERT INTO orders (event_id, state, plan, run_id, touched_at) VALUES (?, 'claimed', ?, ?, ?)"
    steps = [(EVENT, seq, step.kind, step.number, step.uuid) for seq, step in enumerate(plan.steps)]
    with raw(path) as connection:
        connection.execute("UPDATE runs SET finished_at = ?", (finished_at,))
        connection.execute(claim, (EVENT, encode_plan(plan), RUN, STAMP))
        connection.executemany("INSERT INTO steps (event_id, seq, kind, number, uuid) VALUES (?, ?, ?, ?, ?)", steps)
        for name, value in order.items():
            connection.execute(f"UPDATE orders SET {name} = ?", (value,))  # noqa: S608 (the names stand in this file)
        receipt = (
            "INSERT INTO receipts (event_id, uuid, revel_id, facts, recorded_at, run_id) VALUES (?, ?, ?, '{}', ?, ?)"
        )
        connection.execute(receipt, (EVENT, plan.uuid, ORDER, STAMP, RUN))


def doubt_of(path: Path) -> tuple[frozenset[str], set[datetime]]:
    """The steps in doubt, and since when, once this version has opened the ledger."""
    with open_ledger(path) as ledger:
        order = ledger.orders.get(EVENT)
        assert order is not None
        return order.unanswered, set(order.sent.values())


UNANSWERED = frozenset(step.uuid for step in make_plan().steps[1:])
FINISHED = "2025-12-28T16:30:00.000000+00:00"


@pytest.mark.parametrize(
    ("finished_at", "doubt_until", "since"),
    [
        (None, None, "2025-12-28T16:05:00+00:00"),
        (FINISHED, "2025-12-28T16:17:30.250000+00:00", "2025-12-28T16:02:30.250000+00:00"),
        (None, "2025-12-28T16:31:00.000000+00:00", "2025-12-28T16:16:00+00:00"),
    ],
)
def test_what_an_older_version_had_in_doubt_is_pending(
    path: Path, finished_at: str | None, doubt_until: str | None, since: str
) -> None:
    make_older(path, 7, finished_at=finished_at, doubt_until_at=doubt_until)
    assert doubt_of(path) == (UNANSWERED, {datetime.fromisoformat(since)})


@pytest.mark.parametrize("version", [2, 8, 9, 10])
@pytest.mark.parametrize("state", ["claimed", "disputed"])
def test_what_an_older_version_was_to_look_at_again_is_pending_until_then(path: Path, version: int, state: str) -> None:
    again = "2025-12-28T16:17:30.250000+00:00"
    make_older(path, version, finished_at=FINISHED, look_again_at=again, state=state)
    since = datetime.fromisoformat("2025-12-28T16:02:30.250000+00:00")
    assert doubt_of(path) == (UNANSWERED, {since})


@pytest.mark.parametrize("version", [1, 7, 10])
@pytest.mark.parametrize(
    ("finished_at", "since"),
    [
        (FINISHED, "2025-12-28T16:05:00+00:00"),
        ("2025-12-28T16:01:00.500000+00:00", "2025-12-28T16:01:00.500000+00:00"),
        (None, "2025-12-28T16:05:00+00:00"),
    ],
)
def test_an_order_begun_without_a_note_is_pending_from_the_last_time_that_its_run_may_have_sent(
    path: Path, version: int, finished_at: str | None, since: str
) -> None:
    make_older(path, version, finished_at=finished_at)
    assert doubt_of(path) == (UNANSWERED, {datetime.fromisoformat(since)})


def test_a_settled_order_of_an_older_version_has_nothing_pending(path: Path) -> None:
    make_older(path, 8, finished_at=FINISHED, look_again_at=STAMP, state="settled")
    with raw(path) as connection:
        connection.execute("DELETE FROM receipts")
    assert doubt_of(path) == (frozenset(), set())
    with raw(path) as connection:
        assert connection.execute("SELECT count(*) FROM steps WHERE unanswered").fetchone() == (0,)


@pytest.mark.parametrize("answered", [True, False])
def test_an_order_whose_sendings_are_noted_keeps_them_as_they_are(path: Path, answered: bool) -> None:
    first, second = make_plan().steps[:2]
    before = shipped_migrations()[:10]
    with Ledger.open(path, environment="sandbox", clock=TickingClock(), migrations=before) as ledger:
        begin_older(ledger)
        ledger.orders.claim(RUN, make_plan())
        ledger.orders.mark_sent(RUN, EVENT, first)
        if answered:
            ledger.orders.record(RUN, EVENT, first, ORDER)
            ledger.orders.mark_sent(RUN, EVENT, second)
            ledger.orders.mark_not_applied(RUN, EVENT, second)
        else:
            ledger.orders.mark_not_applied(RUN, EVENT, first)
        ledger.orders.recheck(RUN, EVENT, datetime.fromisoformat(FINISHED))
        known = ledger.orders.get(EVENT)
        ledger.runs.finish(RUN, exit_status=3, summary={})
    with open_ledger(path) as ledger:
        assert ledger.orders.get(EVENT) == known


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


def test_a_run_of_an_older_version_covered_every_location_or_it_isn_t_known_which(path: Path) -> None:
    older = shipped_migrations()[:11]
    with Ledger.open(path, environment="sandbox", clock=TickingClock(), migrations=older) as ledger:
        begin_older(ledger)
        ledger.runs.finish(RUN, exit_status=0, summary={})
    with open_ledger(path) as ledger:
        good = ledger.runs.last_good(["30501", "30502"], START + timedelta(days=1))
        assert good is not None
        assert (good.run_id, good.locations) == (RUN, ())
    with raw(path) as connection:
        connection.execute("UPDATE runs SET whole = 0")
    with open_ledger(path) as ledger:
        assert ledger.runs.last_good(["30501"], START + timedelta(days=1)) is None
        assert ledger.runs.unseen_since(["30501", "30502"], START + timedelta(days=1)) == START


def test_a_run_of_version_12_that_was_limited_to_locations_stays_a_good_one_there(path: Path) -> None:
    older = shipped_migrations()[:12]
    with Ledger.open(path, environment="sandbox", clock=TickingClock(), migrations=older) as ledger:
        for run_id, locations in (("limited", ("30501",)), ("some-days", ())):
            ledger.runs.begin(replace(make_run(run_id), whole=False, locations=locations))
            ledger.runs.finish(run_id, exit_status=0, summary={})
    with open_ledger(path) as ledger:
        last = ledger.runs.last_good_of_each(["30501", "30502"], START + timedelta(days=1))
        assert [each and each.run_id for each in last.values()] == ["limited", None]


def settle_as_before(ledger: Ledger) -> None:
    """An order that a run of an older version finished."""
    plan = make_plan()
    ledger.orders.claim(RUN, plan)
    ledger.orders.record(RUN, EVENT, plan.steps[0], ORDER)
    ledger._transactions.connection.execute("UPDATE orders SET state = 'settled'")


def test_an_order_of_a_run_of_an_older_version_that_died_is_reported_after_the_upgrade(path: Path) -> None:
    older = shipped_migrations()[:13]
    with Ledger.open(path, environment="sandbox", clock=TickingClock(), migrations=older) as ledger:
        for run_id in (RUN, "told"):
            ledger.runs.begin(make_run(run_id))
        settle_as_before(ledger)
    with open_ledger(path) as ledger:
        assert ledger.runs.unreported("told") == {EVENT: make_run().correlation_id}


def test_a_run_of_an_older_version_that_was_under_way_at_the_upgrade_has_reported_its_orders_itself(path: Path) -> None:
    older = shipped_migrations()[:13]
    with Ledger.open(path, environment="sandbox", clock=TickingClock(), migrations=older) as ledger:
        ledger.runs.begin(make_run())
        settle_as_before(ledger)
    with open_ledger(path) as ledger:
        assert ledger.runs.unreported("next") == {EVENT: make_run().correlation_id}
        ledger._transactions.connection.execute(
            "INSERT INTO attempts (run_id, event_id, status, at) VALUES (?, ?, 'injected', 'now')", (RUN, EVENT)
        )
        assert ledger.runs.unreported("next") == {}
