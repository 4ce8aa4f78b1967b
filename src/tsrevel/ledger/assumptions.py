"""What the account answered to `doctor --assumptions`: the last answer of each assumption."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from tsrevel.ledger.connection import Transactions
from tsrevel.ledger.plan_json import decode_plan
from tsrevel.ledger.records import AuditKind, decode_instant
from tsrevel.planning.assumptions import AssumptionAnswer, AssumptionCode, AssumptionResult
from tsrevel.planning.model import EventId, OrderId
from tsrevel.planning.money import Cents

_STORE = """
    INSERT INTO assumptions (code, result, detail, tested_at) VALUES (?, ?, ?, ?)
    ON CONFLICT (code) DO UPDATE
    SET result = excluded.result, detail = excluded.detail, tested_at = excluded.tested_at
"""
_ALL = "SELECT code, result, detail, tested_at FROM assumptions ORDER BY rowid"
_REHEARSALS = "SELECT at, event_id, detail FROM audit WHERE kind = ? ORDER BY seq"
_KNOWN_ORDERS = """
    SELECT order_id, plan,
        (SELECT recorded_at FROM steps JOIN receipts USING (event_id, uuid)
         WHERE steps.event_id = orders.event_id AND steps.kind = 'order' AND receipts.facts = '{}') AS written_at
    FROM orders WHERE order_id IS NOT NULL AND plan IS NOT NULL AND state <> 'foreign'
    ORDER BY touched_at DESC, rowid DESC LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class KnownOrder:
    """An order that tsrevel wrote, as it was sent. `written_at`: when Revel acknowledged it; None where not stored.

    `timezone` is that of its establishment.
    """

    order_id: OrderId
    uuid: str
    local_id: str
    total: Cents
    timezone: str
    written_at: datetime | None


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """An order that was made under supervision: what became of its fields, and what a person saw at a station."""

    at: datetime
    event_id: EventId
    facts: Mapping[str, str]


class AssumptionRepository:
    """`ledger.assumptions`: what is known of the account's own behaviour."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def store(self, answers: Iterable[AssumptionAnswer]) -> None:
        """Stores these answers, dated now. One that can't be told leaves an earlier answer as it is."""
        with self._transactions.changing(None) as change:
            told = [each for each in answers if each.result is not AssumptionResult.UNTOLD]
            for each in told:
                change.connection.execute(_STORE, (each.code, each.result, each.detail, change.at))
            if told:
                change.audit(
                    AuditKind.ASSUMPTIONS_TESTED, None, **{each.code.value: each.result.value for each in told}
                )

    def answers(self) -> tuple[AssumptionAnswer, ...]:
        """The last answer of each assumption that was ever tested and that this version knows."""
        known = set(AssumptionCode)
        with self._transactions.reading() as connection:
            return tuple(
                AssumptionAnswer(
                    AssumptionCode(row["code"]),
                    AssumptionResult(row["result"]),
                    row["detail"],
                    decode_instant(row["tested_at"]),
                )
                for row in connection.execute(_ALL)
                if row["code"] in known
            )

    def store_rehearsal(self, event_id: EventId, facts: Mapping[str, str]) -> None:
        """Stores what a rehearsal showed. `facts` must be free of customer data."""
        with self._transactions.changing(None) as change:
            change.audit(AuditKind.REHEARSED, event_id, **facts)

    def rehearsals(self) -> tuple[Rehearsal, ...]:
        """Every rehearsal, oldest first."""
        with self._transactions.reading() as connection:
            rows = connection.execute(_REHEARSALS, (AuditKind.REHEARSED,)).fetchall()
        return tuple(
            Rehearsal(datetime.fromisoformat(row["at"]), EventId(row["event_id"]), json.loads(row["detail"]))
            for row in rows
        )

    def known_orders(self, most: int) -> tuple[KnownOrder, ...]:
        """Orders that tsrevel wrote, those touched last first. LedgerDamaged for an unreadable plan."""
        with self._transactions.reading() as connection:
            rows = connection.execute(_KNOWN_ORDERS, (most,)).fetchall()
        found = ((row, decode_plan(row["plan"])) for row in rows)
        return tuple(
            KnownOrder(
                OrderId(row["order_id"]),
                plan.uuid,
                plan.local_id,
                plan.final_total,
                plan.location.timezone,
                decode_instant(row["written_at"]),
            )
            for row, plan in found
        )
