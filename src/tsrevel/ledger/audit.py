"""The append-only audit of all changes, and the check that the tables agree with it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from heapq import merge
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from tsrevel.errors import RESTORE, LedgerCode, LedgerDamaged
from tsrevel.ledger.connection import Repository, reader_of, verify_chain
from tsrevel.ledger.plan_json import hash_of_text
from tsrevel.ledger.records import AuditKind, AuditRow
from tsrevel.planning.model import EventId

_LATEST = """
    SELECT * FROM (
        SELECT seq, at, run_id, kind, event_id, detail FROM audit ORDER BY seq DESC LIMIT :limit
    ) ORDER BY seq
"""
_LATEST_OF_EVENT = """
    SELECT * FROM (
        SELECT seq, at, run_id, kind, event_id, detail FROM audit WHERE event_id = :event ORDER BY seq DESC LIMIT :limit
    ) ORDER BY seq
"""
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
"""The rows to compare, sorted by event. Indices provide that order."""
_PRUNED = "SELECT coalesce(max(seq), 0) AS seq FROM audit WHERE kind = 'pruned'"


class AuditLog(Repository):
    """`ledger.audit`: reads and verifies the audit. Each change adds its own row; `add` is for other facts."""

    def add(self, run_id: str | None, kind: AuditKind, event_id: EventId | None = None, **detail: str) -> None:
        """Adds a fact that belongs to no other change. `detail` must be free of customer data and secrets."""
        with self._transactions.changing(run_id) as change:
            change.audit(kind, event_id, **detail)

    def rows(self, event_id: EventId | None = None, limit: int | None = None) -> tuple[AuditRow, ...]:
        """The last `limit` rows (None: all), about one event or about everything, oldest first."""
        wanted = {"event": event_id, "limit": -1 if limit is None else limit}
        return self._all(reader_of(AuditRow), _LATEST_OF_EVENT if event_id else _LATEST, wanted)

    def verify(self) -> None:
        """Checks every row of the audit. LedgerDamaged names the first that is missing, altered or not ours."""
        with self._transactions.reading() as connection:
            verify_chain(connection)


# The tables against the audit

_Rows = tuple[str, str, list[sqlite3.Row]]
"""An event's id, a table's name, and the rows of that table about the event."""


@dataclass(slots=True)
class _Order:
    """An event's order according to the audit. `receipts`: by step uuid, Revel's id and the audit row's number."""

    state: str
    order_id: str | None = None
    plan_hash: str | None = None
    receipts: dict[str, tuple[str | None, int]] = field(default_factory=dict)


@dataclass(slots=True)
class _Facts:
    """The rows that the tables must have for one event, according to the audit."""

    order: _Order | None = None
    verdict: str | None = None

    def read(self, seq: int, kind: str, detail: dict[str, str]) -> None:
        """Applies one audit row. Pass the rows in their order."""
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


def check_tables(connection: sqlite3.Connection, path: Path) -> None:
    """Raises LedgerDamaged, which names the event, if a table contradicts the audit.

    The chain proves the audit, so this check proves the tables. It compares one event at a time, so a large ledger
    needs little memory.
    """
    pruned: int = connection.execute(_PRUNED).fetchone()["seq"]
    by_event = merge(*(_rows_of(connection, table) for table in _ROWS), key=itemgetter(0))
    for event_id, tables in groupby(by_event, key=itemgetter(0)):
        finding = _compare(event_id, {table: rows for _, table, rows in tables}, pruned)
        if finding:
            raise LedgerDamaged(
                LedgerCode.TABLES_DISAGREE,
                f"Another program changed the ledger {path}: {finding}. Check the order in Revel. {RESTORE}",
            )


def _rows_of(connection: sqlite3.Connection, table: str) -> Iterator[_Rows]:
    for event_id, rows in groupby(connection.execute(_ROWS[table]), key=itemgetter(0)):
        yield event_id, table, list(rows)


def _compare(event_id: str, rows: Mapping[str, list[sqlite3.Row]], pruned: int) -> str | None:
    """The first contradiction between an event's rows and the audit. `pruned`: the last pruning's row number."""
    told = _Facts()
    for _, seq, kind, detail in rows.get("audit", ()):
        told.read(seq, kind, json.loads(detail))
    order = next(iter(rows.get("orders", ())), None)
    receipts = {row["uuid"]: row["revel_id"] for row in rows.get("receipts", ())}
    verdict = next((row["verdict"] for row in rows.get("resolutions", ())), None)
    finding = _compare_order(event_id, order, told.order) or _compare_receipts(event_id, receipts, told.order, pruned)
    if finding is None and verdict != told.verdict:
        return f"event {event_id} is resolved as {verdict or 'nothing'}; the audit says {told.verdict or 'nothing'}"
    return finding


def _compare_order(event_id: str, row: sqlite3.Row | None, told: _Order | None) -> str | None:
    if row is None and told is None:
        return None
    if row is None or told is None:
        return f"the order of event {event_id} is " + ("missing" if row is None else "not in the audit")
    if row["state"] != told.state:
        return f"the order of event {event_id} is {row['state']}; the audit says {told.state}"
    if row["order_id"] != told.order_id:
        return f"event {event_id} has Revel order {row['order_id'] or 'none'}; the audit says {told.order_id or 'none'}"
    if (hash_of_text(row["plan"]) if row["plan"] else None) != told.plan_hash:
        return f"the plan of event {event_id} is not the claimed one"
    return None


def _compare_receipts(event_id: str, receipts: dict[str, str | None], told: _Order | None, pruned: int) -> str | None:
    known = told.receipts if told else {}
    for uuid, revel_id in receipts.items():
        fact = known.get(uuid)
        if fact is None or fact[0] != revel_id:
            was = f"the audit says {fact[0] or 'none'}" if fact else "it is not in the audit"
            return f"a receipt of event {event_id} is for Revel id {revel_id or 'none'}; {was}"
    for uuid, (_, seq) in known.items():
        if uuid not in receipts and not (told and told.state != "claimed" and seq < pruned):
            return f"a receipt of event {event_id} is missing"
    return None
