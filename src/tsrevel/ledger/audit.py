"""The append-only audit: who did what to which event, each row chained to the one before by its hash.

A change and its row are written in one transaction, so there is never one without the other. `meta` keeps the
length and the last hash, so that a cut end shows too.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tsrevel.errors import LedgerCode, LedgerDamaged
from tsrevel.ledger.records import AuditKind, AuditRow
from tsrevel.planning.model import EventId

GENESIS = "0" * 64
"""What the first row has for a previous hash."""

_APPEND = """
    INSERT INTO audit (seq, at, run_id, kind, event_id, detail, previous_hash, hash)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_FROM = """
    SELECT seq, at, run_id, kind, event_id, detail, previous_hash, hash FROM audit WHERE seq >= ? ORDER BY seq
"""
_LATEST = """
    SELECT * FROM (
        SELECT seq, at, run_id, kind, event_id, detail, previous_hash, hash FROM audit
        WHERE ?1 IS NULL OR event_id = ?1
        ORDER BY seq DESC LIMIT ?2
    ) ORDER BY seq
"""


@dataclass(frozen=True, slots=True)
class Meta:
    """Whose ledger it is, and the length and end of its audit."""

    environment: str
    audit_count: int
    audit_head: str


@dataclass(frozen=True, slots=True)
class Change:
    """An open transaction, with who makes it (`run_id`) and when (`at`, as stored)."""

    connection: sqlite3.Connection
    run_id: str | None
    at: str

    def audit(self, kind: AuditKind, event_id: EventId | None = None, **detail: str | None) -> None:
        """Adds a row to the audit, in this transaction. Details that are None are left out."""
        meta = read_meta(self.connection)
        seq = meta.audit_count + 1
        text = canonical({name: value for name, value in detail.items() if value is not None})
        row = (seq, self.at, self.run_id, kind, event_id, text)
        head = _hash(meta.audit_head, row)
        self.connection.execute(_APPEND, (*row, meta.audit_head, head))
        self.connection.execute("UPDATE meta SET audit_count = ?, audit_head = ?", (seq, head))


def canonical(detail: Mapping[str, str]) -> str:
    """`detail` as the one JSON text that its hash is taken of."""
    return json.dumps(detail, sort_keys=True, separators=(",", ":"))


def read_meta(connection: sqlite3.Connection) -> Meta:
    """The one row about the ledger itself. LedgerDamaged if it is gone."""
    row = connection.execute("SELECT environment, audit_count, audit_head FROM meta").fetchone()
    if row is None:
        raise LedgerDamaged(
            LedgerCode.META_MISSING, "The ledger's record of itself is gone: keep the file, and restore a backup."
        )
    return Meta(*row)


def latest_rows(connection: sqlite3.Connection, event_id: EventId | None, limit: int | None) -> tuple[AuditRow, ...]:
    """The last `limit` rows (all, for None), of one event or of all, oldest first."""
    found = connection.execute(_LATEST, (event_id, -1 if limit is None else limit))
    return tuple(_decode_row(row) for row in found)


def verify_tail(connection: sqlite3.Connection, rows: int) -> None:
    """Checks the last `rows` rows of the chain and its end. LedgerDamaged names the first bad row."""
    meta = read_meta(connection)
    first = max(1, meta.audit_count - rows + 1)
    _verify_from(connection, meta, first, _hash_of(connection, first - 1))


def verify_all(connection: sqlite3.Connection) -> None:
    """Checks the whole chain. LedgerDamaged names the first bad row."""
    _verify_from(connection, read_meta(connection), 1, GENESIS)


def _hash_of(connection: sqlite3.Connection, seq: int) -> str:
    row = connection.execute("SELECT hash FROM audit WHERE seq = ?", (seq,)).fetchone()
    if row is None and seq > 0:
        raise _missing(seq)
    return row["hash"] if row else GENESIS


def _verify_from(connection: sqlite3.Connection, meta: Meta, first: int, previous: str) -> None:
    expected = first
    for row in connection.execute(_FROM, (first,)):
        if row["seq"] != expected:
            raise _missing(expected)
        if row["previous_hash"] != previous or row["hash"] != _hash(previous, tuple(row)[:6]):
            raise _altered(expected)
        previous = row["hash"]
        expected += 1
    if expected <= meta.audit_count:
        raise _missing(expected)
    if expected > meta.audit_count + 1:
        raise _broken(LedgerCode.AUDIT_ROW_ADDED, meta.audit_count + 1, "was not written by tsrevel")
    if previous != meta.audit_head:
        raise _altered(meta.audit_count)


def _hash(previous: str, content: tuple[int | str | None, ...]) -> str:
    text = json.dumps([previous, *content], separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _missing(seq: int) -> LedgerDamaged:
    return _broken(LedgerCode.AUDIT_ROW_MISSING, seq, "is missing")


def _altered(seq: int) -> LedgerDamaged:
    return _broken(LedgerCode.AUDIT_ROW_ALTERED, seq, "was altered")


def _broken(code: LedgerCode, seq: int, what: str) -> LedgerDamaged:
    return LedgerDamaged(
        code,
        f"The ledger's audit is broken: row {seq} {what}. Nothing was written; keep the file, and restore a backup.",
    )


def _decode_row(row: sqlite3.Row) -> AuditRow:
    return AuditRow(
        seq=row["seq"],
        at=datetime.fromisoformat(row["at"]),
        run_id=row["run_id"],
        kind=row["kind"],
        event_id=row["event_id"],
        detail=json.loads(row["detail"]),
        previous_hash=row["previous_hash"],
        hash=row["hash"],
    )
