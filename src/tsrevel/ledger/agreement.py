"""Whether the tables say what the audit says: the audit's chain shows its own changes, and so the tables' as well."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tsrevel.errors import LedgerDamaged

_FACTS = """
    SELECT seq, kind, event_id, detail FROM audit WHERE kind IN (
        'claimed', 'recorded', 'receipt_replaced', 'settled', 'disputed', 'foreign', 'released', 'resolved', 'reopened',
        'pruned')
    ORDER BY seq
"""
_ORDERS = "SELECT event_id, state, order_id, plan FROM orders"
_RECEIPTS = "SELECT event_id, uuid, revel_id FROM receipts"
_RESOLUTIONS = "SELECT event_id, verdict FROM resolutions"


@dataclass(slots=True)
class _Told:
    """What the audit says of an event's order, and of the receipts of its steps: Revel's id, and which fact says so."""

    state: str
    order_id: str | None = None
    plan_hash: str | None = None
    receipts: dict[str, tuple[str | None, int]] = field(default_factory=dict)


@dataclass(slots=True)
class _Audit:
    """All that the audit says of how the tables must look now."""

    orders: dict[str, _Told] = field(default_factory=dict)
    verdicts: dict[str, str] = field(default_factory=dict)
    pruned: int = 0

    def read(self, seq: int, kind: str, event_id: str, detail: dict[str, Any]) -> None:
        """Takes in one fact; they come in their order."""
        if kind == "pruned":
            self.pruned = seq
        elif kind == "resolved":
            self.verdicts[event_id] = detail["verdict"]
        elif kind == "reopened":
            self.verdicts.pop(event_id, None)
        elif kind == "released":
            self.orders.pop(event_id, None)
        elif kind == "claimed":
            self.orders[event_id] = _Told("claimed", plan_hash=detail["plan_hash"])
        elif kind == "foreign":
            self.orders[event_id] = _Told("foreign", detail["order_id"])
        elif kind in {"settled", "disputed"}:
            told = self.orders.setdefault(event_id, _Told(kind))
            told.state, told.order_id = kind, detail.get("order_id") or told.order_id
        else:
            told = self.orders.setdefault(event_id, _Told("claimed"))
            told.receipts[detail["uuid"]] = (detail.get("revel_id"), seq)
            told.order_id = (detail.get("revel_id") if detail["step"] == "order" else None) or told.order_id


def check_agreement(connection: sqlite3.Connection, path: Path) -> None:
    """Raises LedgerDamaged, which names the event, where a table says of an order what the audit doesn't."""
    audit = _Audit()
    for row in connection.execute(_FACTS):
        audit.read(row["seq"], row["kind"], row["event_id"], json.loads(row["detail"]))
    finding = (
        _compare_orders(connection, audit)
        or _compare_receipts(connection, audit)
        or _compare_verdicts(connection, audit)
    )
    if finding:
        raise LedgerDamaged(
            f"The ledger {path} was changed by other hands, for its audit says otherwise: {finding}. Keep the file, "
            "look the order up in Revel, and restore a backup."
        )


def _compare_orders(connection: sqlite3.Connection, audit: _Audit) -> str | None:
    rows = {row["event_id"]: row for row in connection.execute(_ORDERS)}
    for event_id in sorted(rows.keys() | audit.orders.keys()):
        row, told = rows.get(event_id), audit.orders.get(event_id)
        if row is None or told is None:
            return f"the order of event {event_id} is " + ("missing" if row is None else "in no fact")
        if row["state"] != told.state:
            return f"the order of event {event_id} is {row['state']}, and was {told.state}"
        if row["order_id"] != told.order_id:
            return f"event {event_id} has Revel order {row['order_id'] or 'none'}, and had {told.order_id or 'none'}"
        if (_hash(row["plan"]) if row["plan"] else None) != told.plan_hash:
            return f"the plan of event {event_id} is another than was claimed"
    return None


def _compare_receipts(connection: sqlite3.Connection, audit: _Audit) -> str | None:
    rows = {(row["event_id"], row["uuid"]): row["revel_id"] for row in connection.execute(_RECEIPTS)}
    for (event_id, uuid), revel_id in rows.items():
        known = audit.orders[event_id].receipts.get(uuid) if event_id in audit.orders else None
        if known is None or known[0] != revel_id:
            was = f"was for {known[0] or 'none'}" if known else "is in no fact"
            return f"a receipt of event {event_id} is for Revel id {revel_id or 'none'}, and {was}"
    for event_id, told in audit.orders.items():
        for uuid, (_, seq) in told.receipts.items():
            if (event_id, uuid) not in rows and not (told.state != "claimed" and seq < audit.pruned):
                return f"a receipt of event {event_id} is missing"
    return None


def _compare_verdicts(connection: sqlite3.Connection, audit: _Audit) -> str | None:
    rows = {row["event_id"]: row["verdict"] for row in connection.execute(_RESOLUTIONS)}
    for event_id in sorted(rows.keys() | audit.verdicts.keys()):
        now, was = rows.get(event_id), audit.verdicts.get(event_id)
        if now != was:
            return f"event {event_id} is resolved as {now or 'nothing'}, and was as {was or 'nothing'}"
    return None


def _hash(plan: str) -> str:
    return hashlib.sha256(plan.encode()).hexdigest()
