"""Reads of a ledger while its file changes: by runs, maintenance, migrations, copies and other users."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tsrevel.errors import LedgerCode, LedgerDamaged, LedgerUnusable
from tsrevel.ledger import EventResult, Ledger, LedgerView, copy_event, inspect_ledger, open_view
from tsrevel.ledger.connection import SQLITE, Connect
from tsrevel.ledger.maintenance import back_up_ledger, check_ledger, count_prunable, export_rows
from tsrevel.ledger.migrations import shipped_migrations
from tsrevel.ledger.runs import read_pause
from tsrevel.planning.model import EventId

from ..users import as_other, folder_of_other
from .samples import DAY, EVENT, START, TickingClock, begin_older, make_run, open_ledger, raises, raw

EVENTS = 150
"""Results of so many events are more than one page of each table and index."""
MIGRATIONS = shipped_migrations()  # read by a user who may read the package
Act = Callable[[], object]


@pytest.fixture(params=["may lock the file", "may only read its folder"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """A ledger with a good run. Its owner reads it, who can make a log beside it or can't."""
    with folder_of_other() as folder, as_other():
        place = Place(folder, may_lock=request.param == "may lock the file")
        yield place
        folder.chmod(0o755)


@pytest.fixture
def unlocked() -> Iterator[Place]:
    """The same for a user who may only read its folder."""
    with folder_of_other() as folder, as_other():
        yield Place(folder, may_lock=False)
        folder.chmod(0o755)


class Place:
    """The folder of a ledger, and what happens there."""

    def __init__(self, folder: Path, *, may_lock: bool) -> None:
        self.folder = folder
        self.path = folder / "ledger.db"
        self.may_lock = may_lock
        self.runs = 0
        self.run()

    def do(self, act: Act) -> None:
        """Let somebody do this who may write here."""
        self.folder.chmod(0o755)
        act()
        self.folder.chmod(0o755 if self.may_lock else 0o555)

    def run(self) -> None:
        """A run that begins and ends. It changes the row of every event, and leaves no log."""

        def run() -> None:
            self.runs += 1
            name = f"run-{self.runs}"
            results = [
                EventResult(EventId(str(number)), DAY, "held", "NO_LINE_ITEMS", "", None, details=(name * 9,))
                for number in range(EVENTS)
            ]
            with open_ledger(self.path, busy_seconds=5) as ledger:
                ledger.runs.begin(make_run(name))
                ledger.events.store_results(name, results)
                ledger.runs.finish(name, exit_status=0, summary={})

        self.do(run)

    def vacuum(self) -> None:
        """Every page moves."""

        def vacuum() -> None:
            with raw(self.path) as connection:
                connection.execute("DELETE FROM attempts")
                connection.execute("VACUUM")

        self.do(vacuum)

    def view(self, opened_by: Connect = SQLITE) -> LedgerView:
        view = open_view(self.path, "sandbox", opened_by)
        assert view is not None
        return view

    def latest(self, view: LedgerView) -> str:
        return view.runs.latest(1)[0].run_id

    def beside(self) -> list[str]:
        return sorted(each.name for each in self.folder.iterdir() if each != self.path)


def at(statement: str, act: Act, *, first: int = 1, times: int = 1) -> Connect:
    """Connections that do `act` just before statements with this text, from the `first` on."""
    left: list[Act] = [*[act] * times, *[lambda: None] * (first - 1)]

    class Disturbed(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            if statement in sql and left:
                left.pop()()
            return super().execute(sql, *values)

    return partial(sqlite3.connect, factory=Disturbed)


def copy_and_close(path: Path, by: Connect) -> Path:
    with copy_event(path, EVENT, "sandbox", TickingClock(), by) as copy:
        return copy.path


_CONNECT = sqlite3.connect
READERS: dict[str, tuple[str, Callable[[Path, Connect], object]]] = {
    "inspect": ("integrity_check", lambda path, by: inspect_ledger(path, environment="sandbox", opened_by=by)),
    "check": ("foreign_key_check", lambda path, by: check_ledger(path, "sandbox", by)),
    "open": ("quick_check", lambda path, by: open_view(path, "sandbox", by)),
    "copy of an event": ("SELECT sql FROM sqlite_master", copy_and_close),
    "count prunable": ("FROM attempts", lambda path, by: count_prunable(path, "sandbox", START, by)),
}


@pytest.mark.parametrize("change", [Place.run, Place.vacuum])
@pytest.mark.parametrize("reader", READERS)
def test_what_begins_and_ends_during_a_read_makes_a_sound_ledger_no_damaged_one(
    place: Place, reader: str, change: Callable[[Place], None]
) -> None:
    statement, read = READERS[reader]
    assert read(place.path, at(statement, partial(change, place))) is not None
    assert place.beside() == []


@pytest.mark.parametrize("reader", READERS)
def test_a_ledger_that_changes_during_every_read_is_called_changed_and_not_damaged(
    unlocked: Place, reader: str
) -> None:
    statement, read = READERS[reader]
    with raises(LedgerUnusable, LedgerCode.CHANGED_WHILE_READ, match="Run the command again"):
        read(unlocked.path, at(statement, unlocked.run, times=9))


@pytest.mark.parametrize("change", [Place.run, Place.vacuum])
@pytest.mark.parametrize("statement", ["BEGIN DEFERRED", "FROM sightings"])
def test_all_rows_of_an_export_are_of_one_moment(place: Place, change: Callable[[Place], None], statement: str) -> None:
    """The first read is the one that opens the view."""
    by = at(statement, partial(change, place), first=2 if statement == "BEGIN DEFERRED" else 1)
    rows = list(export_rows(place.path, "sandbox", by))
    assert len({row["run_id"] for row in rows if row["table"] == "sightings"}) == 1
    assert sum(row["table"] == "sightings" for row in rows) == EVENTS
    assert place.beside() == []


def test_an_export_of_a_ledger_that_changes_all_the_time_prints_nothing_and_says_so(unlocked: Place) -> None:
    rows = export_rows(unlocked.path, "sandbox", at("BEGIN DEFERRED", unlocked.run, first=2, times=9))
    with raises(LedgerUnusable, LedgerCode.CHANGED_WHILE_READ):
        next(rows)


@pytest.mark.parametrize("reader", ["copy of an event", "export"])
def test_a_copy_of_a_ledger_that_changed_meanwhile_is_closed(
    unlocked: Place, reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies: list[sqlite3.Connection] = []

    def note(name: str, **options: Any) -> sqlite3.Connection:
        copies.append(_CONNECT(name, **options))
        return copies[-1]

    statement, read = {**READERS, "export": ("BEGIN DEFERRED", _begin_export)}[reader]
    by = at(statement, unlocked.run, first=2 if reader == "export" else 1, times=9)
    monkeypatch.setattr("tsrevel.ledger.view.sqlite3.connect", note)
    with raises(LedgerUnusable, LedgerCode.CHANGED_WHILE_READ):
        read(unlocked.path, by)
    assert copies
    for each in copies:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            each.execute("SELECT 1")


def _begin_export(path: Path, by: Connect) -> object:
    return next(export_rows(path, "sandbox", by))


def test_reads_of_a_view_agree_or_it_says_that_they_may_not(place: Place) -> None:
    view = place.view()

    def read_twice() -> list[str]:
        with view.reading():
            before = place.latest(view)
            place.run()
            assert len(view.queries.held_or_failed()) == EVENTS
            return [before, place.latest(view)]

    if place.may_lock:
        assert read_twice() == ["run-1", "run-1"]
    else:
        with raises(LedgerUnusable, LedgerCode.CHANGED_WHILE_READ):
            read_twice()
    assert place.latest(view) == "run-2"
    assert place.beside() == []


def test_a_backup_beside_a_run_is_a_sound_copy(place: Place) -> None:
    with folder_of_other() as elsewhere:
        for number, change in enumerate((place.run, place.vacuum)):
            copy = elsewhere / f"{number}.db"
            by = at("quick_check", change)
            assert back_up_ledger(place.path, copy, "sandbox", by).tables["runs"] == 2
    assert place.beside() == []


def test_a_view_that_stays_open_shows_each_run_that_has_ended_since(place: Place) -> None:
    view = place.view()
    for _ in range(3):
        assert place.latest(view) == f"run-{place.runs}"
        assert len(view.queries.held_or_failed()) == EVENTS
        view.audit.verify()
        place.run()
    place.vacuum()
    assert place.latest(view) == "run-4"
    view.audit.verify()


@pytest.mark.parametrize("way", ["copied over it", "moved to its place"])
def test_a_view_that_stays_open_shows_the_copy_that_was_put_in_the_ledgers_place(place: Place, way: str) -> None:
    with folder_of_other() as elsewhere:
        copy = elsewhere / "copy.db"
        shutil.copyfile(place.path, copy)
        place.run()
        view = place.view()
        assert place.latest(view) == "run-2"
        place.do(lambda: shutil.copyfile(copy, place.path) if way == "copied over it" else copy.replace(place.path))
        assert place.latest(view) == "run-1"
        view.audit.verify()
        assert place.beside() == []
        place.run()
        assert place.latest(view) == "run-3"
        assert check_ledger(place.path, "sandbox") is not None


def test_a_view_of_an_older_ledger_shows_what_the_run_that_upgrades_it_stores() -> None:
    with folder_of_other() as folder, as_other():
        path = folder / "ledger.db"
        old = MIGRATIONS[:-1]
        with Ledger.open(path, environment="sandbox", clock=TickingClock(), migrations=old) as ledger:
            begin_older(ledger)
        view = open_view(path, "sandbox")
        assert view is not None
        assert [each.run_id for each in view.runs.latest(9)] == ["run-1"]
        with open_ledger(path) as ledger:
            ledger.runs.begin(make_run("run-2"))
        assert [each.run_id for each in view.runs.latest(9)] == ["run-2", "run-1"]


def test_a_view_refuses_what_was_put_in_the_ledgers_place_as_opening_would(place: Place) -> None:
    view = place.view()
    aside = place.folder / "aside.db"
    place.do(lambda: place.path.rename(aside))
    with raises(LedgerUnusable, LedgerCode.ABSENT):
        view.runs.latest(1)
    place.do(lambda: Ledger.open(place.path, environment="production", clock=TickingClock()).close())
    with raises(LedgerUnusable, LedgerCode.OTHER_ENVIRONMENT):
        view.runs.latest(1)
    place.do(lambda: aside.replace(place.path))
    assert place.latest(view) == "run-1"


def scribble(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xaa" * (path.stat().st_size - 4096))


@pytest.mark.parametrize("reader", READERS)
def test_a_damaged_ledger_is_called_damaged(place: Place, reader: str) -> None:
    _, read = READERS[reader]
    place.do(lambda: scribble(place.path))
    with raises(LedgerDamaged, LedgerCode.CORRUPT):
        read(place.path, SQLITE)
    assert place.beside() == []


def test_damage_during_a_read_is_called_damage(place: Place) -> None:
    by = at("integrity_check", lambda: place.do(lambda: scribble(place.path)))
    with raises(LedgerDamaged, LedgerCode.CORRUPT):
        inspect_ledger(place.path, environment="sandbox", opened_by=by)


# Logs


def test_a_reader_may_look_at_a_log_that_a_dead_run_left_and_moves_nothing_of_it(place: Place) -> None:
    kept = place.folder / "kept"
    log = place.folder / "ledger.db-wal"

    def die() -> None:
        with open_ledger(place.path) as ledger:
            ledger.runs.begin(make_run("run-9"))
            kept.mkdir()
            for each in place.folder.glob("ledger.db*"):
                shutil.copyfile(each, kept / each.name)
        for each in kept.iterdir():
            each.replace(place.folder / each.name)
        kept.rmdir()

    place.do(die)
    before = {each.name: each.read_bytes() for each in (place.path, log)}
    assert place.latest(place.view()) == "run-9"
    assert {each.name: each.read_bytes() for each in (place.path, log)} == before


def test_a_reader_removes_the_empty_log_that_a_killed_reader_left(place: Place) -> None:
    log, index = (place.folder / f"ledger.db{end}" for end in ("-wal", "-shm"))

    def leave() -> None:
        log.touch(0o600)
        index.touch(0o600)

    place.do(leave)
    assert place.latest(place.view()) == "run-1"
    assert place.beside() == ([] if place.may_lock else ["ledger.db-shm", "ledger.db-wal"])
    place.run()
    assert place.beside() == []


def test_who_is_neither_root_nor_the_owner_makes_no_log_that_would_shut_the_owner_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A group may be allowed to write to the folder and to the ledger."""
    with folder_of_other() as folder, as_other():
        place = Place(folder, may_lock=True)
        place.path.chmod(0o666)
        folder.chmod(0o777)
        stranger = os.geteuid() - 1
        monkeypatch.setattr("os.geteuid", lambda: stranger)
        found: list[list[str]] = []
        by = at("quick_check", lambda: found.append(place.beside()))
        assert place.latest(place.view(by)) == "run-1"
        assert found == [[]]


def test_a_run_that_ends_while_a_reader_opens_its_log_is_no_error(place: Place) -> None:
    """The log was seen, and is gone when SQLite wants to open it."""
    log = place.folder / "ledger.db-wal"
    place.do(lambda: log.write_bytes(b"x"))

    def open_late(name: str, **options: Any) -> sqlite3.Connection:
        if log.exists():
            place.do(log.unlink)
            raise sqlite3.OperationalError("unable to open database file")
        return SQLITE(name, **options)

    assert place.latest(place.view(open_late)) == "run-1"


def test_a_log_that_cannot_be_opened_is_an_error(place: Place) -> None:
    place.do(lambda: (place.folder / "ledger.db-wal").write_bytes(b"x"))

    def refuse(name: str, **options: Any) -> sqlite3.Connection:
        error = sqlite3.OperationalError("unable to open database file")
        error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
        raise error

    with raises(LedgerUnusable, LedgerCode.UNREACHABLE):
        place.view(refuse)


def test_where_there_is_no_room_for_a_log_the_ledger_is_read_without_one() -> None:
    """No file may grow beyond 1 KiB."""
    with folder_of_other() as folder, as_other():
        place = Place(folder, may_lock=True)
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, before[1]))
        try:
            assert place.latest(place.view()) == "run-1"
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert place.latest(place.view()) == "run-1"
        assert place.beside() == []


def test_a_log_that_a_run_began_meanwhile_is_never_left_out() -> None:
    """Without its log, a ledger would be read as it was before the run."""
    with folder_of_other() as folder, as_other():
        place = Place(folder, may_lock=True)

        def begin_and_refuse(name: str, **options: Any) -> sqlite3.Connection:
            (folder / "ledger.db-wal").write_bytes(b"x")
            raise sqlite3.OperationalError("disk I/O error")

        with pytest.raises(LedgerUnusable, match="disk I/O error"):
            place.view(begin_and_refuse)


def test_a_ledger_that_another_process_has_locked_is_told_as_locked() -> None:
    """As a copy is that has no write-ahead log yet."""
    with folder_of_other() as folder, as_other():
        place = Place(folder, may_lock=True)
        with raw(place.path) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("BEGIN EXCLUSIVE")
            with raises(LedgerUnusable, LedgerCode.LOCKED):
                place.view(lambda name, **options: SQLITE(name, **options | {"timeout": 0}))


def test_a_pause_is_seen_whoever_looks(place: Place) -> None:
    def pause() -> None:
        with open_ledger(place.path) as ledger:
            ledger.runs.pause("stock-taking")

    assert read_pause(place.path) is None
    place.do(pause)
    found = read_pause(place.path)
    assert found is not None
    assert found.reason == "stock-taking"
    assert place.beside() == []
