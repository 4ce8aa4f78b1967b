"""The ledger opened to be looked at, and copied: nothing is made, nothing changed, whatever its version."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tsrevel.errors import LedgerDamaged, LedgerUnusable
from tsrevel.ledger import Ledger, copy_ledger, open_view, queries, runs
from tsrevel.ledger.migrations import shipped_migrations

from .samples import EVENT, ORDER, RUN, TickingClock, make_plan, make_run, open_ledger


def files(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


def make(path: Path) -> None:
    with open_ledger(path) as ledger:
        ledger.begin_run(make_run())
        ledger.claim(RUN, make_plan())


def make_old(path: Path, version: int) -> None:
    """A ledger as an earlier version of tsrevel left it, with one run."""
    path.parent.mkdir(parents=True)
    old = tuple(each for each in shipped_migrations() if each.version <= version)
    with Ledger.open(path, environment="sandbox", clock=TickingClock(), migrations=old) as ledger:
        ledger.begin_run(make_run())


def test_a_ledger_that_is_not_there_has_no_view_and_an_empty_copy(path: Path) -> None:
    assert open_view(path, "sandbox") is None
    with copy_ledger(path, "sandbox", TickingClock()) as copy:
        assert copy.runs(1) == ()
        copy.begin_run(make_run())
        copy.verify_chain()
    assert not path.parent.exists()


def test_a_view_shows_what_is_there_and_changes_no_byte(path: Path) -> None:
    make(path)
    before = files(path.parent)
    view = open_view(path, "sandbox")
    assert view is not None
    with view, view.reading() as connection:
        assert [each.run_id for each in runs.latest(connection, 9)] == [RUN]
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            connection.execute("DELETE FROM runs")
    assert files(path.parent) == before


def test_a_view_opened_before_a_run_shows_what_the_run_has_stored_since(path: Path) -> None:
    make(path)
    view = open_view(path, "sandbox")
    assert view is not None
    with view, open_ledger(path) as ledger:
        ledger.begin_run(make_run("run-2"))
        for _ in range(2):
            with view.reading() as connection:
                assert [each.run_id for each in runs.latest(connection, 9)] == ["run-2", RUN]


def test_a_view_beside_a_run_shows_its_commits_and_keeps_it_from_nothing(path: Path) -> None:
    with open_ledger(path) as ledger:
        ledger.begin_run(make_run())
        view = open_view(path, "sandbox")
        assert view is not None
        with view:
            ledger.claim(RUN, make_plan())
            with view.reading() as connection:
                ledger.settle(RUN, EVENT, ORDER, "digest")
                assert [each.state for each in queries.open_orders(connection)] in (["claimed"], [])


def test_whatever_is_written_to_a_copy_is_forgotten(path: Path) -> None:
    make(path)
    before = files(path.parent)
    with copy_ledger(path, "sandbox", TickingClock()) as copy:
        copy.settle(RUN, EVENT, ORDER, None)
        record = copy.order(EVENT)
        assert record is not None
        assert record.state == "settled"
    assert files(path.parent) == before


@pytest.mark.parametrize("version", range(1, shipped_migrations()[-1].version))
def test_an_older_ledger_is_seen_as_this_version_would_leave_it(path: Path, version: int) -> None:
    make_old(path, version)
    before = files(path.parent)
    view = open_view(path, "sandbox")
    assert view is not None
    with view, view.reading() as connection:
        assert [each.run_id for each in runs.latest(connection, 9)] == [RUN]
        assert queries.in_trouble(connection) == ()
    with copy_ledger(path, "sandbox", TickingClock()) as copy:
        assert copy.resolutions([EVENT]) == {}
    assert files(path.parent) == before


def test_what_a_run_would_refuse_a_view_refuses(path: Path) -> None:
    make(path)
    for look in (lambda: open_view(path, "production"), lambda: copy_ledger(path, "production", TickingClock())):
        with pytest.raises(LedgerUnusable, match="belongs to the sandbox"):
            look()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(LedgerUnusable, match="of version 99"):
        open_view(path, "sandbox")
    path.write_bytes(b"")
    with pytest.raises(LedgerDamaged, match="empty file"):
        open_view(path, "sandbox")
