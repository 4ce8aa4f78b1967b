"""The audit's hash chain: append-only rows, each with the hash of the one before.

`meta` stores the length and the last hash, so a truncated end shows too.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii as quote

from tsrevel.errors import RESTORE, LedgerCode, LedgerDamaged
from tsrevel.ledger.records import AuditKind
from tsrevel.planning.model import EventId

GENESIS = "0" * 64
"""The previous hash of the first row."""

_APPEND = """
    INSERT INTO audit (seq, at, run_id, kind, event_id, detail, previous_hash, hash)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_FROM = """
    SELECT seq, at, run_id, kind, event_id, detail, previous_hash, hash FROM audit WHERE seq >= ? ORDER BY seq
"""


@dataclass(frozen=True, slots=True)
class Meta:
    """The environment of a ledger, and the length and last hash of its audit."""

    environment: str
    audit_count: int
    audit_head: str


def read_meta(connection: sqlite3.Connection) -> Meta:
    """The one row about the ledger itself. LedgerDamaged if it is missing."""
    row = connection.execute("SELECT environment, audit_count, audit_head FROM meta").fetchone()
    if row is None:
        raise LedgerDamaged(LedgerCode.META_MISSING, f"The ledger's `meta` row is missing. {RESTORE}")
    return Meta(*row)


def canonical(detail: Mapping[str, str]) -> str:
    """`detail` as JSON text in the one form that is hashed."""
    return json.dumps(detail, sort_keys=True, separators=(",", ":"))


def append_row(
    connection: sqlite3.Connection,
    at: str,
    run_id: str | None,
    kind: AuditKind,
    event_id: EventId | None,
    detail: Mapping[str, str],
) -> None:
    """Adds a row to the end of the chain, in the open transaction."""
    meta = read_meta(connection)
    seq = meta.audit_count + 1
    row = (seq, at, run_id, kind, event_id, canonical(detail))
    head = _hash(meta.audit_head, *row)
    connection.execute(_APPEND, (*row, meta.audit_head, head))
    connection.execute("UPDATE meta SET audit_count = ?, audit_head = ?", (seq, head))


def verify_chain(connection: sqlite3.Connection, last: int | None = None) -> None:
    """Checks the last `last` rows (None: all) and the end of the chain. LedgerDamaged names the first bad row."""
    meta = read_meta(connection)
    first = 1 if last is None else max(1, meta.audit_count - last + 1)
    expected, previous = first, _hash_of(connection, first - 1)
    for *content, told_previous, told in connection.execute(_FROM, (first,)):
        if content[0] != expected:
            raise _missing(expected)
        if told_previous != previous or told != _hash(previous, *content):
            raise _altered(expected)
        previous = told
        expected += 1
    if expected <= meta.audit_count:
        raise _missing(expected)
    if expected > meta.audit_count + 1:
        raise _broken(LedgerCode.AUDIT_ROW_ADDED, meta.audit_count + 1, "was not written by tsrevel")
    if previous != meta.audit_head:
        raise _altered(meta.audit_count)


def _hash_of(connection: sqlite3.Connection, seq: int) -> str:
    row = connection.execute("SELECT hash FROM audit WHERE seq = ?", (seq,)).fetchone()
    if row is None and seq > 0:
        raise _missing(seq)
    return row["hash"] if row else GENESIS


def _hash(previous: str, seq: int, at: str, run_id: str | None, kind: str, event_id: str | None, detail: str) -> str:
    """The hash of these values as a JSON list, built in half of `json.dumps`'s time: there are millions of rows."""
    run = "null" if run_id is None else quote(run_id)
    event = "null" if event_id is None else quote(event_id)
    text = f"[{quote(previous)},{seq},{quote(at)},{run},{quote(kind)},{event},{quote(detail)}]"
    return hashlib.sha256(text.encode()).hexdigest()


def _missing(seq: int) -> LedgerDamaged:
    return _broken(LedgerCode.AUDIT_ROW_MISSING, seq, "is missing")


def _altered(seq: int) -> LedgerDamaged:
    return _broken(LedgerCode.AUDIT_ROW_ALTERED, seq, "was altered")


def _broken(code: LedgerCode, seq: int, what: str) -> LedgerDamaged:
    return LedgerDamaged(code, f"The ledger's audit is broken: row {seq} {what}. Nothing was written. {RESTORE}")
