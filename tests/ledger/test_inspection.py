"""A look at the ledger that leaves every byte and every file as it was."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tsrevel.errors import LedgerCode, LedgerDamaged, LedgerUnusable
from tsrevel.ledger import Ledger, hold_lock, inspect_ledger, is_locked
from tsrevel.planning.model import EventId

from ..world import MORNING
from .samples import NOTED, raises


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


def make(path: Path) -> Ledger:
    return Ledger.open(path, environment="sandbox", clock=lambda: MORNING)


def files(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


def test_a_ledger_that_is_not_there_is_not_made(path: Path) -> None:
    assert inspect_ledger(path, environment="sandbox") is None
    assert inspect_ledger(path.parent / "no" / "such" / path.name, environment="sandbox") is None
    assert files(path.parent) == {}


def test_a_sound_one_is_told_and_left_byte_for_byte(path: Path) -> None:
    with make(path) as ledger:
        ledger.audit.add(None, NOTED)
    before = files(path.parent)
    seen = inspect_ledger(path, environment="sandbox")
    assert seen is not None
    assert (seen.version, seen.facts, seen.last_at) == (seen.newest, 1, MORNING)
    assert files(path.parent) == before


def test_one_that_a_run_has_open_is_read_with_its_log(path: Path) -> None:
    with make(path) as ledger:
        ledger.audit.add(None, NOTED)
        seen = inspect_ledger(path, environment="sandbox")
        assert seen is not None
        assert seen.facts == 1


def test_an_older_one_is_not_brought_up_to_date(path: Path) -> None:
    with make(path):
        pass
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 2")
    seen = inspect_ledger(path, environment="sandbox")
    assert seen is not None
    assert seen.version == 2 < seen.newest


def test_a_newer_one_and_one_of_the_other_environment_are_refused(path: Path) -> None:
    with make(path):
        pass
    with raises(LedgerUnusable, LedgerCode.OTHER_ENVIRONMENT):
        inspect_ledger(path, environment="production")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with raises(LedgerUnusable, LedgerCode.NEWER_VERSION):
        inspect_ledger(path, environment="sandbox")


def test_a_damaged_one_is_told_as_damaged(path: Path) -> None:
    with make(path):
        pass
    whole = path.read_bytes()
    for broken in (b"", whole[: len(whole) // 2]):
        path.write_bytes(broken)
        with pytest.raises(LedgerDamaged):
            inspect_ledger(path, environment="sandbox")


def test_an_altered_audit_is_told_as_damaged(path: Path) -> None:
    with make(path) as ledger:
        ledger.audit.add(None, NOTED)
        ledger.audit.add(None, NOTED)
    with closing(sqlite3.connect(path)) as connection, connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("UPDATE audit SET kind = 'other' WHERE seq = 1")
    with raises(LedgerDamaged, LedgerCode.AUDIT_ROW_ALTERED, match="row 1 "):
        inspect_ledger(path, environment="sandbox")


def test_the_lock_is_seen_without_being_made_or_kept(path: Path) -> None:
    assert not is_locked(path)
    assert files(path.parent) == {}
    with hold_lock(path):
        assert is_locked(path)
    assert not is_locked(path)
    with hold_lock(path):
        pass


def test_an_index_that_disagrees_with_its_table_is_told_as_damaged(path: Path) -> None:
    with make(path) as ledger:
        ledger.audit.add(None, NOTED, EventId("11"))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        index = "CREATE INDEX audit_by_event ON audit (kind)"
        connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'audit_by_event'", (index,))
    with raises(LedgerDamaged, LedgerCode.CORRUPT):
        inspect_ledger(path, environment="sandbox")
