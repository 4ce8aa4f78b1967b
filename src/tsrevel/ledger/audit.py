"""The append-only audit: who did what to which event, each row chained to the one before by its hash.

`check_audit` compares it with the tables: the chain shows its own changes, and so the tables' as well.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from heapq import merge
from itertools import groupby
from operator import itemgetter
from pathlib import Path

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


_ROWS = {
    "audit": """
        SELECT event_id, seq, kind, detail FROM audit
        WHERE event_id IS NOT NULL AND kind IN (
            'claimed', 'recorded', 'receipt_replaced', 'settled', 'disputed', 'foreign', 'released', 'resolved',
            'reopened')
        ORDER BY event_id, seq
    """,
    "orders": "SELECT event_id, state, order_id, plan FROM orders ORDER BY event_id",
    "receipts": "SELECT event_id, uuid, revel_id FROM receipts ORDER BY event_id",
    "resolutions": "SELECT event_id, verdict FROM resolutions ORDER BY event_id",
}
"""What of each table is compared, by events: indices of the ledger's have them in that order."""
_PRUNED = "SELECT coalesce(max(seq), 0) AS seq FROM audit WHERE kind = 'pruned'"

_Row = tuple[str, str, sqlite3.Row]
"""An event's id, a table's name, and a row of that table about the event."""


@dataclass(slots=True)
class _Order:
    """What the audit says of an event's order, and of the receipts of its steps: Revel's id, and which fact says so."""

    state: str
    order_id: str | None = None
    plan_hash: str | None = None
    receipts: dict[str, tuple[str | None, int]] = field(default_factory=dict)


@dataclass(slots=True)
class _Audited:
    """All that the audit says of how the tables must look now for one event."""

    order: _Order | None = None
    verdict: str | None = None

    def read(self, seq: int, kind: str, detail: dict[str, str]) -> None:
        """Takes in one fact; they come in their order."""
        if kind == AuditKind.RESOLVED:
            self.verdict = detail["verdict"]
        elif kind == AuditKind.REOPENED:
            self.verdict = None
        elif kind == AuditKind.RELEASED:
            self.order = None
        elif kind == AuditKind.CLAIMED:
            self.order = _Order("claimed", plan_hash=detail["plan_hash"])
        elif kind == AuditKind.FOREIGN:
            self.order = _Order("foreign", detail["order_id"])
        elif kind in {AuditKind.SETTLED, AuditKind.DISPUTED}:
            self.order = self.order or _Order(kind)
            self.order.state, self.order.order_id = kind, detail.get("order_id") or self.order.order_id
        else:
            self.order = self.order or _Order("claimed")
            self.order.receipts[detail["uuid"]] = (detail.get("revel_id"), seq)
            self.order.order_id = (detail.get("revel_id") if detail["step"] == "order" else None) or self.order.order_id


def check_audit(connection: sqlite3.Connection, path: Path) -> None:
    """Raises LedgerDamaged, which names the event, where a table says of an order what the audit doesn't."""
    pruned: int = connection.execute(_PRUNED).fetchone()["seq"]
    by_event = merge(*(_rows_of(connection, table) for table in _ROWS), key=itemgetter(0))
    for event_id, rows in groupby(by_event, key=itemgetter(0)):
        finding = _compare(event_id, rows, pruned)
        if finding:
            raise LedgerDamaged(
                LedgerCode.TABLES_DISAGREE,
                f"The ledger {path} was changed by other hands, for its audit says otherwise: {finding}. Keep the "
                "file, look the order up in Revel, and restore a backup.",
            )


def _rows_of(connection: sqlite3.Connection, table: str) -> Iterator[_Row]:
    return ((row["event_id"], table, row) for row in connection.execute(_ROWS[table]))


def _compare(event_id: str, rows: Iterable[_Row], pruned: int) -> str | None:
    """What of the rows about an event isn't as the audit says. `pruned` is the last fact of a pruning."""
    told, order, verdict, receipts = _Audited(), None, None, dict[str, str | None]()
    for _, table, row in rows:
        if table == "audit":
            told.read(row["seq"], row["kind"], json.loads(row["detail"]))
        elif table == "orders":
            order = row
        elif table == "receipts":
            receipts[row["uuid"]] = row["revel_id"]
        else:
            verdict = row["verdict"]
    finding = _compare_order(event_id, order, told.order) or _compare_receipts(event_id, receipts, told.order, pruned)
    if finding is None and verdict != told.verdict:
        return f"event {event_id} is resolved as {verdict or 'nothing'}, and was as {told.verdict or 'nothing'}"
    return finding


def _compare_order(event_id: str, row: sqlite3.Row | None, told: _Order | None) -> str | None:
    if row is None and told is None:
        return None
    if row is None or told is None:
        return f"the order of event {event_id} is " + ("missing" if row is None else "in no fact")
    if row["state"] != told.state:
        return f"the order of event {event_id} is {row['state']}, and was {told.state}"
    if row["order_id"] != told.order_id:
        return f"event {event_id} has Revel order {row['order_id'] or 'none'}, and had {told.order_id or 'none'}"
    if (_hash_plan(row["plan"]) if row["plan"] else None) != told.plan_hash:
        return f"the plan of event {event_id} is another than was claimed"
    return None


def _compare_receipts(event_id: str, receipts: dict[str, str | None], told: _Order | None, pruned: int) -> str | None:
    known = told.receipts if told else {}
    for uuid, revel_id in receipts.items():
        fact = known.get(uuid)
        if fact is None or fact[0] != revel_id:
            was = f"was for {fact[0] or 'none'}" if fact else "is in no fact"
            return f"a receipt of event {event_id} is for Revel id {revel_id or 'none'}, and {was}"
    for uuid, (_, seq) in known.items():
        if uuid not in receipts and not (told and told.state != "claimed" and seq < pruned):
            return f"a receipt of event {event_id} is missing"
    return None


def _hash_plan(plan: str) -> str:
    return hashlib.sha256(plan.encode()).hexdigest()
