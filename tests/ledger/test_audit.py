from __future__ import annotations

import hashlib
import json
import sqlite3
from pathlib import Path

import pytest

from tsrevel.errors import ClaimConflict, ConflictCode, LedgerCode, LedgerDamaged
from tsrevel.ledger import AuditKind, Ledger
from tsrevel.planning.model import EventId

from .samples import EVENT, NOTED, ORDER, RUN, open_ledger, raises, raw, rewrite


def fill(ledger: Ledger, rows: int = 4) -> None:
    """One row is there already: the run's beginning."""
    for number in range(rows):
        ledger.audit.add(RUN, NOTED, EVENT, number=str(number))


def test_a_fact_of_its_own_is_kept_with_its_details(ledger: Ledger) -> None:
    ledger.audit.add(None, AuditKind.PAUSED, reason="stocktaking")
    row = ledger.audit.rows()[-1]
    assert (row.seq, row.kind, row.run_id, row.event_id) == (2, AuditKind.PAUSED, None, None)
    assert row.detail == {"reason": "stocktaking"}


def test_rows_come_oldest_first_and_the_limit_keeps_the_latest(ledger: Ledger) -> None:
    fill(ledger)
    assert [row.seq for row in ledger.audit.rows()] == [1, 2, 3, 4, 5]
    assert [row.seq for row in ledger.audit.rows(limit=2)] == [4, 5]


def test_rows_of_one_event_leave_out_the_others(ledger: Ledger) -> None:
    fill(ledger, 2)
    ledger.audit.add(RUN, NOTED, EventId("2"))
    assert [row.seq for row in ledger.audit.rows(EVENT)] == [2, 3]
    assert [row.seq for row in ledger.audit.rows(EVENT, limit=1)] == [3]


def test_each_row_is_chained_to_the_one_before(ledger: Ledger) -> None:
    fill(ledger)
    with ledger.reading() as connection:
        rows = connection.execute("SELECT previous_hash, hash FROM audit ORDER BY seq").fetchall()
    assert rows[0]["previous_hash"] == "0" * 64
    assert [row["previous_hash"] for row in rows[1:]] == [row["hash"] for row in rows[:-1]]
    ledger.audit.verify()


def test_a_hash_is_over_the_row_as_json(ledger: Ledger) -> None:
    """What any other program computes from the table; a ledger may have been written years ago."""
    ledger.audit.add(None, NOTED, EventId('4" \\ Küche\n\x7f🎂'), name="Ünïcode")
    with ledger.reading() as connection:
        for row in connection.execute("SELECT * FROM audit"):
            content = [row[name] for name in ("previous_hash", "seq", "at", "run_id", "kind", "event_id", "detail")]
            text = json.dumps(content, separators=(",", ":"))
            assert row["hash"] == hashlib.sha256(text.encode()).hexdigest()


def test_an_empty_chain_is_sound(path: Path) -> None:
    with open_ledger(path) as ledger:
        ledger.audit.verify()
        assert ledger.audit.rows() == ()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit SET kind = 'settled' WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 5",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit VALUES (2, '', NULL, 'settled', NULL, '{}', '', '')",
    ],
)
def test_the_database_itself_refuses_to_rewrite_the_audit(ledger: Ledger, path: Path, sql: str) -> None:
    fill(ledger)
    with raw(path) as stranger, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        stranger.execute(sql)
    ledger.audit.verify()


HARM = {
    "a changed kind": ("UPDATE audit SET kind = 'settled' WHERE seq = 3", LedgerCode.AUDIT_ROW_ALTERED, "row 3 "),
    "a changed detail": ("UPDATE audit SET detail = '{}' WHERE seq = 2", LedgerCode.AUDIT_ROW_ALTERED, "row 2 "),
    "a changed instant": ("UPDATE audit SET at = '2020-01-01' WHERE seq = 1", LedgerCode.AUDIT_ROW_ALTERED, "row 1 "),
    "a changed link": ("UPDATE audit SET previous_hash = hash WHERE seq = 4", LedgerCode.AUDIT_ROW_ALTERED, "row 4 "),
    "a row cut out": ("DELETE FROM audit WHERE seq = 3", LedgerCode.AUDIT_ROW_MISSING, "row 3 "),
    "the end cut off": ("DELETE FROM audit WHERE seq > 3", LedgerCode.AUDIT_ROW_MISSING, "row 4 "),
    "all cut off": ("DELETE FROM audit", LedgerCode.AUDIT_ROW_MISSING, "row 1 "),
    "a row added": (
        "INSERT INTO audit SELECT 6, at, run_id, kind, event_id, detail, previous_hash, hash FROM audit WHERE seq = 5",
        LedgerCode.AUDIT_ROW_ALTERED,
        "row 6 ",
    ),
    "an end cut off and the count with it": (
        "UPDATE meta SET audit_count = 5, audit_head = (SELECT hash FROM audit WHERE seq = 4)",
        LedgerCode.AUDIT_ROW_ALTERED,
        "row 5 ",
    ),
    "a count too low": ("UPDATE meta SET audit_count = 4", LedgerCode.AUDIT_ROW_ADDED, "row 5 "),
    "no record of itself": ("DELETE FROM meta", LedgerCode.META_MISSING, None),
}


@pytest.mark.parametrize(("sql", "code", "row"), HARM.values(), ids=HARM.keys())
def test_tampering_behind_the_triggers_is_noticed(
    path: Path, ledger: Ledger, sql: str, code: LedgerCode, row: str
) -> None:
    fill(ledger)
    rewrite(path, sql)
    with raises(LedgerDamaged, code, match=row):
        ledger.audit.verify()


@pytest.mark.parametrize(("sql", "code", "row"), HARM.values(), ids=HARM.keys())
def test_a_ledger_tampered_with_lately_does_not_open(path: Path, sql: str, code: LedgerCode, row: str | None) -> None:
    with open_ledger(path) as ledger:
        for number in range(5):
            ledger.audit.add(None, NOTED, number=str(number))
    rewrite(path, sql)
    with raises(LedgerDamaged, code, match=row):
        open_ledger(path)


def test_opening_verifies_the_last_hundred_rows_only(path: Path) -> None:
    with open_ledger(path) as ledger:
        for number in range(150):
            ledger.audit.add(None, NOTED, number=str(number))
    rewrite(path, "UPDATE audit SET detail = '{}' WHERE seq = 10")
    with open_ledger(path) as ledger, raises(LedgerDamaged, LedgerCode.AUDIT_ROW_ALTERED, match="row 10 "):
        ledger.audit.verify()
    rewrite(path, "UPDATE audit SET detail = '{}' WHERE seq = 140")
    with raises(LedgerDamaged, LedgerCode.AUDIT_ROW_ALTERED, match="row 140 "):
        open_ledger(path)


def test_opening_notices_that_the_row_before_the_last_hundred_is_gone(path: Path) -> None:
    with open_ledger(path) as ledger:
        for number in range(150):
            ledger.audit.add(None, NOTED, number=str(number))
    rewrite(path, "DELETE FROM audit WHERE seq = 50")
    with raises(LedgerDamaged, LedgerCode.AUDIT_ROW_MISSING, match="row 50 "):
        open_ledger(path)


def test_a_refused_change_leaves_no_audit_row(ledger: Ledger) -> None:
    ledger.orders.settle(RUN, EVENT, ORDER, None)
    before = ledger.audit.rows()
    with raises(ClaimConflict, ConflictCode.WRONG_STATE):
        ledger.orders.release(RUN, EVENT, "nothing there")
    assert ledger.audit.rows() == before
