from __future__ import annotations

import errno
import os
import random
import resource
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from tsrevel.errors import LedgerCode, LedgerDamaged, LedgerUnusable
from tsrevel.files import look_at
from tsrevel.ledger import database, hold_lock, hold_mail_lock, open_view
from tsrevel.ledger.connection import connect, describe_unwritable, use_wal
from tsrevel.ledger.maintenance import back_up_ledger

from ..disks import mount_read_only
from .samples import EVENT, NOTED, ORDER, RUN, make_run, open_ledger, raises, raw

NOBODY = 65534


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def make_ledger(path: Path, rows: int = 0) -> None:
    with open_ledger(path) as ledger:
        ledger.runs.begin(make_run())
        for number in range(rows):
            ledger.audit.add(RUN, NOTED, number=str(number), padding="x" * 200)


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that an unprivileged user can at least enter (those of pytest are closed)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)


@contextmanager
def unprivileged() -> Iterator[None]:
    """Gives up root's right to write anywhere, where the tests run as root."""
    uid = os.geteuid()
    if uid == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(uid)


def test_a_new_ledger_and_its_folders_are_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "state" / "ledger.db"
    with open_ledger(path):
        assert mode_of(path) == 0o600
        assert mode_of(path.with_name("ledger.db-wal")) == 0o600
    assert mode_of(path.parent) == mode_of(path.parent.parent) == 0o700


def test_a_new_ledger_leaves_nothing_beside_it(path: Path) -> None:
    make_ledger(path)
    assert [file.name for file in path.parent.iterdir()] == ["ledger.db"]


def test_what_was_stored_is_there_when_it_is_opened_again(path: Path) -> None:
    make_ledger(path)
    with open_ledger(path) as ledger:
        assert ledger.runs.latest(10) == (make_run(),)


def test_a_ledger_reached_by_a_link_is_made_where_the_link_points(tmp_path: Path) -> None:
    link = tmp_path / "ledger.db"
    link.symlink_to(tmp_path / "elsewhere" / "real.db")
    make_ledger(link)
    assert link.is_symlink()
    with open_ledger(tmp_path / "elsewhere" / "real.db") as ledger:
        assert len(ledger.runs.latest(10)) == 1


def test_two_that_make_the_ledger_at_once_end_up_with_one(path: Path) -> None:
    ready = Barrier(4, timeout=60)

    def make(number: int) -> None:
        ready.wait()
        with open_ledger(path, busy_seconds=60) as ledger:
            ledger.audit.add(None, NOTED, number=str(number))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(make, range(4)))
    with open_ledger(path) as ledger:
        assert {row.detail["number"] for row in ledger.audit.rows()} == {"0", "1", "2", "3"}


@pytest.mark.parametrize("happens", ["made", "removed"])
def test_a_log_that_another_process_makes_or_removes_just_now_is_not_unwritable(
    path: Path, monkeypatch: pytest.MonkeyPatch, happens: str
) -> None:
    make_ledger(path)
    log = path.with_name(f"{path.name}-wal")
    if happens == "removed":
        log.touch()
    may_access = os.access

    def access(tested: Path, *args: int, **kwargs: bool) -> bool:
        if tested == log and happens == "removed":
            log.unlink()
        allowed = may_access(tested, *args, **kwargs)
        if tested == log and happens == "made":
            log.touch()
        return allowed

    monkeypatch.setattr(os, "access", access)
    assert describe_unwritable(path) == ""


def test_a_ledger_that_another_process_makes_just_now_is_not_missing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(looked_at: Path) -> os.stat_result | None:
        found = look_at(looked_at)
        path.parent.mkdir()
        path.touch()
        path.with_name(f"{path.name}-wal").touch()
        return found

    monkeypatch.setattr(database, "look_at", look)
    database.refuse_leftovers(path)


def test_the_file_is_durable_and_guards_its_references(path: Path) -> None:
    with open_ledger(path) as ledger:
        values = {
            name: ledger._transactions.connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert values == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


TABLES = (
    *("meta", "runs", "orders", "steps", "receipts", "sightings", "audit", "deliveries", "attempts"),
    *("resolutions", "pause", "shown_orders", "mails", "notices", "catalogues", "dry_sightings", "open_changes"),
    *("event_contents", "assumptions"),
)


def test_every_table_is_strict(path: Path) -> None:
    make_ledger(path)
    with raw(path) as connection:
        tables = connection.execute("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'").fetchall()
    assert {name: strict for name, strict in tables if not name.startswith("sqlite_")} == dict.fromkeys(TABLES, 1)


def test_a_file_system_without_a_write_ahead_log_is_refused() -> None:
    with closing(sqlite3.connect(":memory:")) as connection, raises(LedgerUnusable, LedgerCode.WAL_UNSUPPORTED):
        use_wal(connection)


def test_the_other_environments_ledger_is_refused(path: Path) -> None:
    make_ledger(path)
    with raises(LedgerUnusable, LedgerCode.OTHER_ENVIRONMENT):
        open_ledger(path, environment="production")


def test_a_newer_ledger_is_refused_and_left_alone(path: Path) -> None:
    make_ledger(path)
    with raw(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    with raises(LedgerUnusable, LedgerCode.NEWER_VERSION):
        open_ledger(path)
    assert path.read_bytes() == before


def test_a_database_that_is_not_a_ledger_is_refused_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with raw(path) as connection:
        connection.execute("CREATE TABLE customers (name TEXT)")
    before = path.read_bytes()
    with raises(LedgerUnusable, LedgerCode.NOT_A_LEDGER):
        open_ledger(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"a shopping list " * 1000, random.Random(1).randbytes(5000), b"\0" * 512])
def test_a_file_that_is_no_database_is_damage_and_left_as_it_is(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with raises(LedgerDamaged, LedgerCode.NOT_A_DATABASE):
        open_ledger(path)
    assert path.read_bytes() == content


def test_an_empty_file_is_taken_for_a_lost_ledger_not_for_a_new_one(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    with raises(LedgerDamaged, LedgerCode.EMPTY_FILE):
        open_ledger(path)


def test_a_log_whose_ledger_is_gone_is_not_replayed_into_a_new_one(path: Path) -> None:
    path.parent.mkdir()
    path.with_name("ledger.db-wal").write_bytes(b"left by a crash")
    with raises(LedgerDamaged, LedgerCode.LOG_WITHOUT_LEDGER):
        open_ledger(path)
    assert not path.exists()


def halve(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def behead(path: Path) -> None:
    os.truncate(path, 60)


def scribble(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xaa" * (path.stat().st_size - 4096))


def swap_index(path: Path) -> None:
    """Leaves every page readable, but an index that doesn't fit its table."""
    with raw(path) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = 'audit_by_event')"
            " WHERE name = 'runs_by_start'"
        )


@pytest.mark.parametrize("harm", [halve, scribble, swap_index])
def test_a_damaged_ledger_is_refused(path: Path, harm: Callable[[Path], None]) -> None:
    make_ledger(path, rows=300)
    harm(path)
    with raises(LedgerDamaged, LedgerCode.CORRUPT):
        open_ledger(path)


def test_a_ledger_cut_down_to_a_few_bytes_is_refused(path: Path) -> None:
    make_ledger(path)
    behead(path)
    with pytest.raises(LedgerUnusable):
        open_ledger(path)


def test_damage_that_shows_later_stops_the_run_too(path: Path) -> None:
    make_ledger(path, rows=300)
    with open_ledger(path) as ledger:
        ledger._transactions.connection.execute("PRAGMA shrink_memory")
        scribble(path)
        with raises(LedgerDamaged, LedgerCode.CORRUPT):
            ledger.audit.rows()


def test_a_folder_in_place_of_the_ledger_is_refused(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(LedgerUnusable):
        open_ledger(path)


def test_a_file_in_place_of_its_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with raises(LedgerUnusable, LedgerCode.UNREACHABLE):
        open_ledger(tmp_path / "state" / "ledger.db")


def test_a_ledger_that_may_only_be_read_is_refused(public_folder: Path) -> None:
    path = public_folder / "ledger.db"
    make_ledger(path)
    path.chmod(0o444)
    public_folder.chmod(0o555)
    with unprivileged(), raises(LedgerUnusable, LedgerCode.UNREACHABLE):
        open_ledger(path)


@pytest.fixture
def own_folder(public_folder: Path) -> Path:
    """A folder of the user that `unprivileged` becomes."""
    if os.geteuid() == 0:
        os.chown(public_folder, NOBODY, -1)
    return public_folder


def test_a_read_only_ledger_in_a_writable_folder_is_refused_and_nothing_is_made_beside_it(own_folder: Path) -> None:
    path = own_folder / "ledger.db"
    with unprivileged():
        make_ledger(path)
        path.chmod(0o444)
        with raises(LedgerUnusable, LedgerCode.UNREACHABLE) as caught:
            open_ledger(path)
        assert [each.name for each in own_folder.iterdir()] == ["ledger.db"]
        assert f"`chmod u+rw {path}`" in str(caught.value)
        path.chmod(0o600)
        open_ledger(path).close()


@pytest.mark.parametrize("ends", [("-shm",), ("-wal",), ("-wal", "-shm")])
def test_a_read_only_log_is_named_with_the_command_that_helps(own_folder: Path, ends: tuple[str, ...]) -> None:
    path = own_folder / "ledger.db"
    with unprivileged():
        make_ledger(path)
        beside = [own_folder / f"ledger.db{end}" for end in ends]
        for each in beside:
            each.touch(0o444)
        with raises(LedgerUnusable, LedgerCode.UNREACHABLE) as caught:
            open_ledger(path)
        assert f"`chmod u+rw {' '.join(map(str, beside))}`" in str(caught.value)
        for each in beside:
            each.chmod(0o600)
        open_ledger(path).close()


def test_a_log_that_belongs_to_another_user_is_named(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = own_folder / "ledger.db"
    with unprivileged():
        make_ledger(path)
        (own_folder / "ledger.db-shm").touch(0o444)
        monkeypatch.setattr("os.geteuid", lambda: NOBODY - 1)
        with raises(LedgerUnusable, LedgerCode.UNREACHABLE) as caught:
            open_ledger(path)
        monkeypatch.undo()
    assert "may not write to ledger.db-shm: check the owner and permissions" in str(caught.value)


def test_the_backup_of_a_read_only_ledger_makes_nothing_beside_it(own_folder: Path) -> None:
    path, target = own_folder / "ledger.db", own_folder / "copy.db"
    with unprivileged():
        make_ledger(path)
        path.chmod(0o444)
        assert back_up_ledger(path, target, "sandbox").tables["runs"] == 1
        assert sorted(each.name for each in own_folder.iterdir()) == ["copy.db", "ledger.db"]
        assert mode_of(target) == 0o600


def test_a_ledger_that_may_not_even_be_read_is_refused(public_folder: Path) -> None:
    path = public_folder / "ledger.db"
    make_ledger(path)
    path.chmod(0o000)
    with unprivileged(), raises(LedgerUnusable, LedgerCode.UNREACHABLE):
        open_ledger(path)


def test_a_folder_that_may_only_be_read_gets_no_ledger(public_folder: Path) -> None:
    public_folder.chmod(0o555)
    with unprivileged(), raises(LedgerUnusable, LedgerCode.UNREACHABLE):
        open_ledger(public_folder / "ledger.db")
    assert list(public_folder.iterdir()) == []


def test_a_closed_ledger_is_unusable_and_closing_twice_is_fine(path: Path) -> None:
    ledger = open_ledger(path)
    ledger.close()
    ledger.close()
    with raises(LedgerUnusable, LedgerCode.STATEMENT_FAILED):
        ledger.orders.settle(RUN, EVENT, ORDER, None)


class FullAtTheCheckpoint(sqlite3.Connection):
    """A connection whose log can't be moved into the file: the disk has no room left."""

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        if "wal_checkpoint" in sql:
            return super().execute("SELECT 1, 40, 12")
        return super().execute(sql, *values)


def test_a_new_ledger_that_cannot_be_stored_whole_is_not_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = partial(sqlite3.connect, factory=FullAtTheCheckpoint)
    with monkeypatch.context() as patch:
        patch.setattr(database, "connect", lambda draft, seconds: connect(draft, seconds, full))
        with raises(LedgerUnusable, LedgerCode.DISK_FULL):
            open_ledger(path)
    assert list(path.parent.iterdir()) == []
    make_ledger(path)


@pytest.mark.parametrize("room", [*range(4, 100, 16), *range(100, 600, 40)])
def test_a_ledger_born_without_room_is_whole_or_not_there(path: Path, room: int) -> None:
    """`room` in KiB: no file may grow beyond it."""
    before, error = resource.getrlimit(resource.RLIMIT_FSIZE), None
    resource.setrlimit(resource.RLIMIT_FSIZE, (room * 1024, before[1]))
    try:
        open_ledger(path).close()
    except LedgerUnusable as caught:
        error = caught
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert error is None or (error.code in {LedgerCode.DISK_FULL, LedgerCode.DISK_FAILED} and str(path) in str(error))
    make_ledger(path)
    with open_ledger(path) as ledger:
        ledger.audit.verify()


@pytest.mark.parametrize("kind", ["named pipe", "link in a circle", "device"])
def test_what_is_no_regular_file_is_no_ledger_and_nobody_waits_for_it(path: Path, kind: str) -> None:
    path.parent.mkdir()
    if kind == "named pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/null")
    else:
        path.symlink_to(path)
    acts: list[Callable[[], object]] = [
        lambda: open_ledger(path),
        lambda: hold_lock(path).__enter__(),
        lambda: open_view(path, "sandbox"),
    ]
    for act in acts:
        with raises(LedgerUnusable, LedgerCode.UNREACHABLE):
            act()


def test_a_ledger_made_by_root_belongs_to_whom_its_folder_belongs_to(path: Path) -> None:
    """Where the tests don't run as root, it belongs to this user anyway."""
    owner = NOBODY if os.geteuid() == 0 else os.geteuid()
    path.parent.mkdir()
    os.chown(path.parent, owner, -1)
    with hold_lock(path), hold_mail_lock(path), open_ledger(path) as ledger:
        ledger.runs.begin(make_run())
        files = list(path.parent.iterdir())
        assert {file.stat().st_uid for file in files} == {owner}
        assert {"ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.db.lock"} <= {file.name for file in files}
    back_up_ledger(path, path.with_name("copy.db"), "sandbox")
    assert path.with_name("copy.db").stat().st_uid == owner


def test_a_ledger_of_two_names_whose_log_lies_by_the_other_is_refused(path: Path) -> None:
    make_ledger(path)
    other = path.with_name("other.db")
    other.hardlink_to(path)
    open_ledger(other).close()  # with no log beside either name, both will do
    path.with_name("ledger.db-wal").write_bytes(b"")
    with open_ledger(other):
        pass
    path.with_name("ledger.db-wal").write_bytes(b"left by a crash")
    path.with_name("stranger.db").write_bytes(b"another")
    path.with_name("stranger.db-wal").write_bytes(b"another's")
    with raises(LedgerUnusable, LedgerCode.LOG_OF_OTHER_NAME):
        open_ledger(other)


@pytest.mark.parametrize("there", [True, False])
def test_a_file_system_that_is_mounted_read_only_is_named_and_no_mode_is_blamed(
    path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    if there:
        make_ledger(path)
    mkdir = Path.mkdir

    def refuse(folder: Path, *args: object, **more: object) -> None:
        if folder != path.parent:
            mkdir(folder, *args, **more)  # type: ignore[arg-type]
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(folder))

    mount_read_only(monkeypatch)
    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(LedgerUnusable) as caught, open_ledger(path):
        pass
    assert caught.value.code is LedgerCode.UNREACHABLE
    assert "its file system is read-only; mount it writable, or set ledger.path" in str(caught.value)
    assert "chmod" not in str(caught.value)
