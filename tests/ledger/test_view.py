"""The ledger opened to be looked at, and copied: nothing is made, nothing changed, whatever its version."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from tsrevel.errors import LedgerCode, LedgerDamaged, LedgerUnusable
from tsrevel.ledger import (
    EventDrift,
    Ledger,
    StationChange,
    StationReport,
    copy_event,
    database,
    inspect_ledger,
    open_view,
)
from tsrevel.ledger.migrations import shipped_migrations
from tsrevel.planning.model import EstablishmentId, EventId, ProductId
from tsrevel.planning.products import Catalogue, Product

from .samples import (
    EVENT,
    NOTED,
    ORDER,
    RUN,
    START,
    TickingClock,
    begin_older,
    make_plan,
    make_run,
    open_ledger,
    raises,
    raw,
    store_result,
)


def files(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


def make(path: Path) -> None:
    with open_ledger(path) as ledger:
        ledger.runs.begin(make_run())
        ledger.orders.claim(RUN, make_plan())


def test_a_large_ledger_is_checked_where_it_is_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What reads some rows doesn't read gigabytes first. The first run of a day does, and `ledger check`."""
    with open_ledger(path) as ledger:
        ledger.runs.begin(make_run())
        for number in range(300):
            ledger.audit.add(RUN, NOTED, padding="x" * 200, number=str(number))
    with raw(path) as connection:
        size, (root,) = (
            connection.execute("PRAGMA page_size").fetchone()[0],
            connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'audit_by_event'").fetchone(),
        )
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xaa" * size)
    with raises(LedgerDamaged, LedgerCode.CORRUPT):
        open_view(path, "sandbox")
    monkeypatch.setattr(database, "MOST_CHECKED", path.stat().st_size - 1)
    view = open_view(path, "sandbox")
    assert view is not None
    with view:
        assert [each.run_id for each in view.runs.latest(9)] == [RUN]
        with raises(LedgerDamaged, LedgerCode.CORRUPT):
            view.audit.rows(EVENT)
    open_ledger(path, clock=TickingClock()).close()  # on the day of its last run
    with raises(LedgerDamaged, LedgerCode.CORRUPT):
        open_ledger(path, clock=TickingClock(START + timedelta(days=1)))
    with raises(LedgerDamaged, LedgerCode.CORRUPT):
        inspect_ledger(path, environment="sandbox")


def make_old(path: Path, version: int) -> None:
    """A ledger as an earlier version of tsrevel left it, with one run."""
    path.parent.mkdir(parents=True)
    old = tuple(each for each in shipped_migrations() if each.version <= version)
    with Ledger.open(path, environment="sandbox", clock=TickingClock(), migrations=old) as ledger:
        begin_older(ledger)


def test_a_ledger_that_is_not_there_has_no_view_and_an_empty_copy(path: Path) -> None:
    assert open_view(path, "sandbox") is None
    with copy_event(path, EVENT, "sandbox", TickingClock()) as copy:
        assert copy.runs.latest(1) == ()
        copy.runs.begin(make_run())
        copy.audit.verify()
    assert not path.parent.exists()


def test_a_view_shows_what_is_there_and_changes_no_byte(path: Path) -> None:
    make(path)
    before = files(path.parent)
    view = open_view(path, "sandbox")
    assert view is not None
    with view, view.reading() as connection:
        assert [each.run_id for each in view.runs.latest(9)] == [RUN]
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            connection.execute("DELETE FROM runs")
    assert files(path.parent) == before


@pytest.mark.parametrize("version", [1, shipped_migrations()[-1].version])
def test_a_view_refuses_every_change(path: Path, version: int) -> None:
    make_old(path, version)
    view = open_view(path, "sandbox")
    assert view is not None
    with view:
        with pytest.raises(LedgerUnusable, match="readonly"):
            view.events.resolve(EVENT, "done", "by hand", None)
        assert view.events.all_resolutions() == ()


def test_a_view_knows_the_orders_that_are_unfinished_now(path: Path) -> None:
    make(path)
    view = open_view(path, "sandbox")
    assert view is not None
    with view:
        assert [each.event_id for each in view.orders.unfinished()] == [EVENT]


def test_a_view_opened_before_a_run_shows_what_the_run_has_stored_since(path: Path) -> None:
    make(path)
    view = open_view(path, "sandbox")
    assert view is not None
    with view, open_ledger(path) as ledger:
        ledger.runs.begin(make_run("run-2"))
        for _ in range(2):
            assert [each.run_id for each in view.runs.latest(9)] == ["run-2", RUN]


def test_a_view_beside_a_run_shows_its_commits_and_keeps_it_from_nothing(path: Path) -> None:
    with open_ledger(path) as ledger:
        ledger.runs.begin(make_run())
        view = open_view(path, "sandbox")
        assert view is not None
        with view:
            ledger.orders.claim(RUN, make_plan())
            with view.reading():
                ledger.orders.settle(RUN, EVENT, ORDER, "digest")
                assert [each.state for each in view.queries.open_orders()] in (["claimed"], [])


def test_whatever_is_written_to_a_copy_is_forgotten(path: Path) -> None:
    make(path)
    before = files(path.parent)
    with copy_event(path, EVENT, "sandbox", TickingClock()) as copy:
        copy.orders.settle(RUN, EVENT, ORDER, None)
        record = copy.orders.get(EVENT)
        assert record is not None
        assert record.state == "settled"
    assert files(path.parent) == before


@pytest.mark.parametrize("version", range(1, shipped_migrations()[-1].version))
def test_an_older_ledger_is_seen_as_this_version_would_leave_it(path: Path, version: int) -> None:
    make_old(path, version)
    before = files(path.parent)
    view = open_view(path, "sandbox")
    assert view is not None
    with view:
        assert [each.run_id for each in view.runs.latest(9)] == [RUN]
        assert view.queries.held_or_failed() == ()
    with copy_event(path, EVENT, "sandbox", TickingClock()) as copy:
        assert copy.events.resolutions([EVENT]) == {}
    assert files(path.parent) == before


def test_what_a_run_would_refuse_a_view_refuses(path: Path) -> None:
    make(path)
    looks: list[Callable[[], object]] = [
        lambda: open_view(path, "production"),
        lambda: copy_event(path, EVENT, "production", TickingClock()),
    ]
    for look in looks:
        with raises(LedgerUnusable, LedgerCode.OTHER_ENVIRONMENT):
            look()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with raises(LedgerUnusable, LedgerCode.NEWER_VERSION):
        open_view(path, "sandbox")
    path.write_bytes(b"")
    with raises(LedgerDamaged, LedgerCode.EMPTY_FILE):
        open_view(path, "sandbox")


# A copy for one event

OTHERS = tuple(EventId(str(70000001 + n)) for n in range(30))


def fill(ledger: Ledger, *event_ids: EventId) -> None:
    """Of each event an order with its receipts, and whatever else a ledger keeps of one."""
    for event_id in event_ids:
        plan = make_plan(event_id)
        ledger.orders.claim(RUN, plan)
        for step in plan.steps:
            ledger.orders.record(RUN, event_id, step, "5550101", seen=True)
        ledger.orders.settle(RUN, event_id, ORDER, "digest")
        ledger.orders.note_shown(
            RUN, event_id, {"final_total": "1.00"}, StationReport(StationChange.CHANGED, "at a station")
        )
        store_result(ledger, "held", "UNMAPPED_ITEMS", event_id, text="one")
        ledger.events.resolve(event_id, "ignored", "by hand", None)


def make_full(path: Path) -> None:
    """Two good runs and one that is still going on; the event, and others before and after it."""
    with open_ledger(path) as ledger:
        for run_id in ("run-0", RUN, "run-2"):
            ledger.runs.begin(make_run(run_id))
            fill(ledger, *{RUN: (OTHERS[0], EVENT, *OTHERS[1:])}.get(run_id, ()))
            ledger.runs.finish(run_id, exit_status=0, summary={})
        ledger.runs.begin(make_run("run-3"))
        ledger.catalogs.store(Catalogue.of(EstablishmentId(8), [Product(ProductId(77), "Fruit Platter")]))
        ledger.runs.pause("stock-taking")


def known_of(ledger: Ledger, event_id: EventId) -> list[object]:
    ids = [event_id]
    looks: list[Callable[[], object]] = [
        lambda: ledger.orders.get(event_id),
        lambda: ledger.events.last_results(ids),
        lambda: ledger.events.resolutions(ids),
        lambda: ledger.orders.shown(ids),
        lambda: ledger.audit.rows(event_id),
        ledger.runs.paused,
        lambda: ledger.catalogs.recent(EstablishmentId(8), timedelta(days=1)),
    ]
    return [look() for look in looks]


def test_a_copy_for_one_event_has_all_of_it_and_nothing_of_the_others(path: Path) -> None:
    make_full(path)
    later = TickingClock(START + timedelta(hours=2))
    with (
        Ledger.open(path, environment="sandbox", clock=later) as ledger,
        copy_event(path, EVENT, "sandbox", later) as copy,
    ):
        known = known_of(ledger, EVENT)
        assert known_of(copy, EVENT) == known
        assert all(known)
        assert [copy.orders.get(each) for each in OTHERS] == [None] * len(OTHERS)
        assert {each.run_id for each in copy.runs.latest(9)} == {RUN}


def test_a_copy_for_one_event_grows_with_no_other(path: Path) -> None:
    make_full(path)
    with open_ledger(path) as ledger, copy_event(path, EVENT, "sandbox", TickingClock()) as copy:
        here, there = count_rows(copy), count_rows(ledger)
    assert here.keys() == there.keys()
    assert {name: rows for name, rows in here.items() if rows > max(there[name] // len(OTHERS), 2)} == {}


def count_rows(ledger: Ledger) -> dict[str, int]:
    names = ledger._transactions.connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    count = "SELECT count(*) FROM {}"
    return {name: ledger._transactions.connection.execute(count.format(name)).fetchone()[0] for (name,) in names}


def test_what_a_run_would_do_next_can_be_done_to_a_copy_for_one_event(path: Path) -> None:
    make_full(path)
    before = files(path.parent)
    with copy_event(path, EVENT, "sandbox", TickingClock()) as copy:
        copy.runs.begin(make_run("run-9"))
        copy.orders.note_drift("run-9", EventDrift(EVENT, "other", cancelled=True))
        copy.orders.note_shown("run-9", EVENT, {"final_total": "2.00"}, None)
        assert [row.run_id for row in copy.audit.rows(EVENT)][-1] == "run-9"
        record = copy.orders.get(EVENT)
        assert record is not None
        assert record.cancelled
    assert files(path.parent) == before


def test_an_order_of_the_first_version_is_in_the_copy_for_its_event(path: Path) -> None:
    make_old(path, 1)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "INSERT INTO orders (event_id, state, order_id, run_id, touched_at) VALUES (?, 'settled', ?, ?, ?)",
            [(each, ORDER, RUN, START.isoformat()) for each in (EVENT, *OTHERS)],
        )
    with copy_event(path, EVENT, "sandbox", TickingClock()) as copy:
        records = copy.orders.find([EVENT, *OTHERS])
        assert {event_id: record.order_id for event_id, record in records.items()} == {EVENT: ORDER}
