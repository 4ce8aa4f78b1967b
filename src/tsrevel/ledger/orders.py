"""Orders with their steps and receipts: one order for each event, from claim to settled, and later changes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import get_args

from tsrevel.errors import ClaimConflict, ConflictCode
from tsrevel.ledger.connection import (
    Change,
    Repository,
    Transactions,
    canonical,
    encode_instant,
    event_id_of,
    record_of,
)
from tsrevel.ledger.older_rows import read_dispute
from tsrevel.ledger.outbox import Outbox
from tsrevel.ledger.plan_json import (
    decode_content,
    decode_plan,
    encode_content,
    encode_plan,
    hash_of_hold,
    hash_of_text,
)
from tsrevel.ledger.records import (
    PENDING,
    AuditKind,
    ContentHashes,
    EventDrift,
    OrderRecord,
    OrderState,
    Receipt,
    StationReport,
)
from tsrevel.planning.changes import EventDetails
from tsrevel.planning.identity import NAMELESS
from tsrevel.planning.model import EventId, Hold, OrderId, Plan, Step
from tsrevel.planning.money import show
from tsrevel.planning.reasons import FailedWrite

DISPUTED_FOR = f"""
    CASE WHEN text IS NOT NULL THEN (
        SELECT json_extract(detail, '$.reason') FROM audit
        WHERE audit.event_id = orders.event_id AND kind = '{AuditKind.DISPUTED}' ORDER BY seq DESC LIMIT 1) END
"""  # noqa: S608 (no value comes from outside)
"""The code of a dispute, from the audit. Rows of older versions have none."""
_ORDERS = f"""
    SELECT event_id, state, plan, seen_plan, order_id, local_id, digest, cancelled, text, look_again_at AS recheck_at,
        touched_at, seen_trouble, {DISPUTED_FOR} AS reason
    FROM orders WHERE event_id IN (SELECT value FROM json_each(?))
"""  # noqa: S608 (likewise)
_UNFINISHED = """
    SELECT event_id FROM orders
    WHERE (state = 'claimed' AND event_id NOT IN (SELECT event_id FROM resolutions))
        OR (state = 'settled' AND (look_again_at <= :now OR look_again_at > :latest))
    ORDER BY touched_at, event_id
"""
_RECEIPTS = """
    SELECT event_id, uuid, kind, revel_id
    FROM receipts JOIN steps USING (event_id, uuid)
    WHERE event_id IN (SELECT value FROM json_each(?)) ORDER BY event_id, seq
"""
_SENT = """
    SELECT event_id, uuid, sent_at, unanswered FROM orders JOIN steps USING (event_id)
    WHERE event_id IN (SELECT value FROM json_each(?)) AND state <> 'settled' AND sent_at IS NOT NULL
"""
_STATE = """
    SELECT state, EXISTS (SELECT 1 FROM receipts WHERE receipts.event_id = orders.event_id) AS begun
    FROM orders WHERE event_id = ?
"""
_CLAIM = """
    INSERT INTO orders (event_id, state, plan, digest, run_id, touched_at) VALUES (?, 'claimed', ?, ?, ?, ?)
"""
_MAY_BE_APPLIED = """
    SELECT count(*) FILTER (WHERE kind = 'sent') > count(*) FILTER (WHERE kind = 'not_applied') AS ever
    FROM audit WHERE event_id = ? AND kind IN ('sent', 'not_applied')
"""
_FAILED_WRITES = """
    SELECT event_id, json_extract(detail, '$.step') AS step, json_extract(detail, '$.uuid') AS uuid,
        json_extract(detail, '$.answer') AS answer, count(DISTINCT run_id) AS runs, max(seq) AS latest
    FROM audit
    WHERE event_id IN (SELECT value FROM json_each(?)) AND kind IN ('not_applied', 'unanswered')
      AND json_extract(detail, '$.answer') IS NOT NULL
      AND seq > coalesce(
          (SELECT max(seq) FROM audit AS other
           WHERE other.event_id = audit.event_id
             AND kind IN ('recorded', 'receipt_replaced', 'settled', 'disputed', 'foreign', 'resolved', 'reopened')),
          0)
    GROUP BY event_id, uuid HAVING runs > 1 ORDER BY latest
"""
"""SQLite takes `answer` from the row of `max(seq)`."""
_STUCK = """
    WITH first AS (
        SELECT event_id, min(seq) AS seq FROM audit
        WHERE event_id IN (SELECT value FROM json_each(?)) AND kind = 'failed'
          AND seq > coalesce(
              (SELECT max(seq) FROM audit AS other WHERE other.event_id = audit.event_id
                   AND kind = 'seen' AND json_extract(detail, '$.status') <> 'failed'),
              0)
        GROUP BY event_id)
    SELECT event_id FROM first
    WHERE NOT EXISTS (
        SELECT 1 FROM audit AS other
        WHERE other.kind = 'settled' AND other.event_id <> first.event_id AND other.seq > first.seq)
"""
_ACKNOWLEDGED_AGAIN = """
    SELECT json_extract(detail, '$.uuid') AS uuid FROM audit
    WHERE event_id = ? AND kind = 'receipt_replaced' AND json_extract(detail, '$.facts') = '{}'
"""
_RESOLVED_AS = "SELECT verdict FROM resolutions WHERE event_id = ?"
_PUT_STEP = "INSERT INTO steps (event_id, seq, kind, number, uuid) VALUES (?, ?, ?, ?, ?)"
_STEP_BEFORE = """
    SELECT sent_at, receipts.uuid IS NOT NULL AS known, revel_id
    FROM steps LEFT JOIN receipts USING (event_id, uuid)
    WHERE event_id = ? AND steps.uuid = ? AND kind = ? AND number = ?
"""
_ANSWERED, _SEEN = "{}", '{"seen":"at Revel"}'
"""The facts of a receipt: Revel answered the write, or showed its row when it was looked up."""
_PUT_RECEIPT = """
    INSERT INTO receipts (event_id, uuid, revel_id, facts, recorded_at, run_id) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (event_id, uuid) DO UPDATE SET
        revel_id = excluded.revel_id, facts = excluded.facts,
        recorded_at = excluded.recorded_at, run_id = excluded.run_id
"""
_TOUCH = "UPDATE orders SET order_id = coalesce(?, order_id), run_id = ?, touched_at = ? WHERE event_id = ?"
_MARK_SENT = "UPDATE steps SET sent_at = ?, unanswered = 1 WHERE event_id = ? AND uuid = ?"
_ANSWER = "UPDATE steps SET unanswered = 0 WHERE event_id = ? AND uuid = ?"
_MARK_NOT_APPLIED = "UPDATE steps SET sent_at = NULL, unanswered = 0 WHERE event_id = ? AND uuid = ?"
_MARK_MISSING = """
    UPDATE steps SET unanswered = 1, sent_at = CASE WHEN sent_at BETWEEN ? AND ? THEN sent_at ELSE ? END
    WHERE event_id = ? AND uuid = ?
"""
_CORRECT_CLOCK = "UPDATE steps SET sent_at = :at WHERE event_id = :event_id AND sent_at > :at"
_ANSWER_ALL = "UPDATE steps SET unanswered = 0 WHERE event_id = ?"
_SETTLE = """
    INSERT INTO orders (event_id, state, order_id, digest, run_id, touched_at)
    VALUES (:event_id, 'settled', :order_id, :digest, :run_id, :at)
    ON CONFLICT (event_id) DO UPDATE SET
        untold = CASE
            WHEN state <> 'settled' AND EXISTS (
                SELECT 1 FROM receipts WHERE receipts.event_id = orders.event_id AND facts = '{}') THEN excluded.run_id
            ELSE untold END,
        state = 'settled', order_id = excluded.order_id, digest = excluded.digest, text = NULL,
        run_id = excluded.run_id, touched_at = excluded.touched_at
"""
_DISPUTE = """
    INSERT INTO orders (event_id, state, order_id, text, run_id, touched_at)
    VALUES (:event_id, 'disputed', :order_id, :text, :run_id, :at)
    ON CONFLICT (event_id) DO UPDATE SET
        state = 'disputed', order_id = coalesce(excluded.order_id, order_id), text = excluded.text,
        run_id = excluded.run_id, touched_at = excluded.touched_at
"""
_RECHECK = """
    UPDATE orders SET look_again_at = :again, run_id = :run_id, touched_at = :at WHERE event_id = :event_id
"""
_MARK_FOREIGN = """
    INSERT INTO orders (event_id, state, order_id, local_id, digest, run_id, touched_at)
    VALUES (:event_id, 'foreign', :order_id, :local_id, :digest, :run_id, :at)
    ON CONFLICT (event_id) DO UPDATE SET
        state = 'foreign', plan = NULL, order_id = excluded.order_id, local_id = excluded.local_id,
        digest = excluded.digest, run_id = excluded.run_id, touched_at = excluded.touched_at
"""
_NOTE_DRIFT = """
    UPDATE orders SET digest = iif(:digest = '' AND state IN ('claimed', 'disputed'), digest, :digest),
        seen_plan = coalesce(:seen_plan, seen_plan), cancelled = :cancelled,
        seen_trouble = iif(:keeps_trouble, seen_trouble, :trouble), run_id = :run_id, touched_at = :at
    WHERE event_id = :event_id
"""
_DROPPED = """
    SELECT json_extract(detail, '$.order_id') AS order_id FROM audit
    WHERE event_id = ? AND kind = 'released' AND json_extract(detail, '$.order_id') IS NOT NULL
"""
_COUNT = "SELECT state, count(*) AS number FROM orders GROUP BY state"
_EVENTS_BETWEEN = """
    SELECT event_id FROM orders WHERE json_extract(plan, '$.day') BETWEEN :first AND :last
    UNION
    SELECT event_id FROM sightings JOIN orders USING (event_id) WHERE event_day BETWEEN :first AND :last
    ORDER BY event_id
"""
_FINISHED_BETWEEN = """
    SELECT event_id FROM sightings JOIN orders USING (event_id)
    WHERE event_day BETWEEN ? AND ? AND state IN ('settled', 'foreign') AND orders.order_id IS NOT NULL
    ORDER BY last_seen_at, event_id
"""
_SHOWN = "SELECT event_id, shown FROM shown_orders WHERE event_id IN (SELECT value FROM json_each(?))"
_NOTE_SHOWN = """
    INSERT INTO shown_orders (event_id, shown, seen_at, run_id) VALUES (?, ?, ?, ?)
    ON CONFLICT (event_id) DO UPDATE SET shown = excluded.shown, seen_at = excluded.seen_at, run_id = excluded.run_id
"""
_CONTENTS = "SELECT event_id, made, seen FROM event_contents WHERE event_id IN (SELECT value FROM json_each(?))"
_NOTE_MADE = """
    INSERT INTO event_contents (event_id, made) VALUES (?, ?)
    ON CONFLICT (event_id) DO UPDATE SET made = excluded.made, seen = NULL
"""
_NOTE_SEEN = """
    INSERT INTO event_contents (event_id, seen) VALUES (:event_id, :text)
    ON CONFLICT (event_id) DO UPDATE SET seen = excluded.seen, made = iif(made = :content, excluded.seen, made)
"""
"""If no details were stored when the order was planned (older version), those of the same content hash count."""


class OrderRepository(Repository):
    """`ledger.orders`: reads each event's order, and makes every change of it."""

    def __init__(self, transactions: Transactions, outbox: Outbox) -> None:
        super().__init__(transactions)
        self._outbox = outbox

    # Reads

    def get(self, event_id: EventId) -> OrderRecord | None:
        """The event's order; None if none is known. LedgerDamaged if its plan is unreadable."""
        return self.find([event_id]).get(event_id)

    def find(self, event_ids: Iterable[EventId]) -> dict[EventId, OrderRecord]:
        """The known orders of these events, in one read. LedgerDamaged if a plan is unreadable."""
        wanted = json.dumps(list(event_ids))
        with self._transactions.reading() as connection:
            receipts: dict[EventId, dict[str, Receipt]] = {}
            for row in connection.execute(_RECEIPTS, (wanted,)):
                receipts.setdefault(row["event_id"], {})[row["uuid"]] = record_of(Receipt, row)
            sent: dict[EventId, list[sqlite3.Row]] = {}
            for row in connection.execute(_SENT, (wanted,)):
                sent.setdefault(row["event_id"], []).append(row)
            orders: dict[EventId, OrderRecord] = {}
            for row in connection.execute(_ORDERS, (wanted,)):
                event_id = row["event_id"]
                orders[event_id] = _decode_order(row, receipts.get(event_id, {}), sent.get(event_id, []))
        return orders

    def unfinished(self) -> tuple[OrderRecord, ...]:
        """The claimed orders of unresolved events, and the settled orders that are due for a recheck. Oldest first.

        Their run died or had to stop, or didn't know the outcome of a write. LedgerDamaged if a plan is unreadable.
        """
        with self._transactions.reading():
            now = self._transactions.clock()
            bounds = {"now": encode_instant(now), "latest": encode_instant(now + PENDING)}
            return self._in_order(self._all(event_id_of, _UNFINISHED, bounds))

    def finished_between(
        self, first: date, last: date, *, except_of: Collection[EventId] = ()
    ) -> tuple[OrderRecord, ...]:
        """The finished orders, ours and somebody else's, of events of these days (both included).

        Not seen for longest comes first. The events in `except_of` are left out. LedgerDamaged if a plan is unreadable.
        """
        with self._transactions.reading():
            ids = self._all(event_id_of, _FINISHED_BETWEEN, (first.isoformat(), last.isoformat()))
            return self._in_order(tuple(each for each in ids if each not in except_of))

    def event_ids_between(self, first: date, last: date) -> tuple[EventId, ...]:
        """The events with an order in any state, on the days from `first` to `last` (both included)."""
        found = self._all(event_id_of, _EVENTS_BETWEEN, {"first": first.isoformat(), "last": last.isoformat()})
        return tuple(each for each in found if not each.startswith(NAMELESS))

    def count_by_state(self) -> dict[OrderState, int]:
        """The number of orders in each state, even if it is 0."""
        counted = self._all(lambda row: (row["state"], row["number"]), _COUNT)
        return dict.fromkeys(get_args(OrderState), 0) | dict(counted)

    def was_sent(self, event_id: EventId) -> bool:
        """Whether any write for the event was sent and may be applied, even under a claim dropped since."""
        return self._is(_MAY_BE_APPLIED, (event_id,))

    def dropped(self, event_id: EventId) -> frozenset[OrderId]:
        """Somebody else's orders that no longer count for the event, because a person opened it again."""
        return frozenset(self._all(lambda row: OrderId(row["order_id"]), _DROPPED, (event_id,)))

    def events_of(self, order_id: OrderId) -> tuple[EventId, ...]:
        """The events that have the Revel order with this id in the ledger."""
        return self._all(event_id_of, "SELECT event_id FROM orders WHERE order_id = ? ORDER BY event_id", (order_id,))

    def acknowledged_again(self, event_id: EventId) -> frozenset[str]:
        """The uuids of the steps that Revel acknowledged once more, after it had acknowledged or shown them before."""
        return frozenset(self._all(lambda row: str(row["uuid"]), _ACKNOWLEDGED_AGAIN, (event_id,)))

    def failed_writes(self, event_ids: Iterable[EventId]) -> dict[EventId, FailedWrite]:
        """The writes of these events' orders that failed in two runs or more, and in none since then worked.

        LedgerDamaged if a plan is unreadable.
        """
        wanted = list(event_ids)
        with self._transactions.reading() as connection:
            rows = connection.execute(_FAILED_WRITES, (json.dumps(wanted),)).fetchall()
            records = self.find(row["event_id"] for row in rows)
        return {row["event_id"]: _decode_failed_write(row, records.get(row["event_id"])) for row in rows}

    def stuck(self, event_ids: Iterable[EventId]) -> frozenset[EventId]:
        """The events among these that fail, if no other event's order was finished since they first failed."""
        return frozenset(self._by_ids(event_id_of, _STUCK, event_ids))

    def contents(self, event_ids: Iterable[EventId]) -> dict[EventId, ContentHashes]:
        """The known content hashes and details of these events. LedgerDamaged if details are unreadable."""
        return dict(self._by_ids(lambda row: (event_id_of(row), _decode_contents(row)), _CONTENTS, event_ids))

    def shown(self, event_ids: Iterable[EventId]) -> dict[EventId, dict[str, str]]:
        """These events' orders that a POS station changed after they were finished, as Revel last showed them."""
        return dict(self._by_ids(_decode_shown, _SHOWN, event_ids))

    def _in_order(self, event_ids: Sequence[EventId]) -> tuple[OrderRecord, ...]:
        found = self.find(event_ids)
        return tuple(found[each] for each in event_ids)

    # From claim to settled

    def claim(self, run_id: str, plan: Plan, digest: str | None = None) -> None:
        """Stores the plan before its first write. It replaces an earlier claim without receipts.

        `digest`: the content hash of the event that it was made from; None if unknown.

        If an earlier write for the event may be applied, the order is due for a recheck. ClaimConflict if the event is
        resolved, or its order has receipts or is settled, disputed or foreign.
        """
        with self._transactions.changing(run_id) as change:
            event_id = plan.event_id
            resolved = change.execute(_RESOLVED_AS, (event_id,)).fetchone()
            if resolved:
                raise ClaimConflict(
                    ConflictCode.RESOLVED,
                    f"Event {event_id} can't be claimed: a person has resolved it as {resolved[0]}.",
                )
            state = _require(change, event_id, "be claimed", {"claimed"}, begun=False)
            text = encode_plan(plan)
            change.execute("DELETE FROM orders WHERE event_id = ?", (event_id,))
            change.execute(_CLAIM, (event_id, text, digest, run_id, change.at))
            steps = [(event_id, seq, step.kind, step.number, step.uuid) for seq, step in enumerate(plan.steps)]
            change.connection.executemany(_PUT_STEP, steps)
            if self.was_sent(event_id):
                _recheck_when_certain(change, event_id)
            change.audit(
                AuditKind.CLAIMED, event_id, was=state, plan_hash=hash_of_text(text), total=show(plan.final_total)
            )

    def note_content(self, run_id: str, event_id: EventId, content: str, details: EventDetails | None = None) -> None:
        """Stores the content hash (`hash_of_content`) and details of the event that its order is to be made of."""
        with self._transactions.changing(run_id) as change:
            change.execute(_NOTE_MADE, (event_id, encode_content(content, details)))

    def mark_sent(self, run_id: str, event_id: EventId, step: Step) -> None:
        """Records that the step is about to be sent. Until it is answered, its outcome is unknown.

        If it was sent before, the order is due for a recheck. ClaimConflict if the claimed plan has no such step.
        """
        with self._transactions.changing(run_id) as change:
            before = change.execute(_STEP_BEFORE, (event_id, step.uuid, step.kind, step.number)).fetchone()
            if before is None:
                raise _no_such_step(event_id, step)
            change.execute(_MARK_SENT, (change.at, event_id, step.uuid))
            change.execute(_TOUCH, (None, run_id, change.at, event_id))
            if before["sent_at"] is not None:
                _recheck_when_certain(change, event_id)
            change.audit(AuditKind.SENT, event_id, step=step.kind, uuid=step.uuid)

    def mark_not_applied(self, run_id: str, event_id: EventId, step: Step, answer: str | None = None) -> None:
        """Records that the step was not sent after all, or was refused with this `answer`: it is not applied."""
        with self._transactions.changing(run_id) as change:
            change.execute(_MARK_NOT_APPLIED, (event_id, step.uuid))
            change.audit(AuditKind.NOT_APPLIED, event_id, step=step.kind, uuid=step.uuid, answer=answer)

    def note_unanswered(self, run_id: str, event_id: EventId, step: Step, answer: str) -> None:
        """Records what came in place of an answer to a step of unknown outcome, free of customer data."""
        with self._transactions.changing(run_id) as change:
            change.audit(AuditKind.UNANSWERED, event_id, step=step.kind, uuid=step.uuid, answer=answer)

    def mark_missing(self, run_id: str, event_id: EventId, steps: Iterable[Step]) -> None:
        """Records that Revel stopped showing these steps: their outcome is unknown again.

        They may be applied until PENDING after their sending or, if that is over, after now.
        """
        with self._transactions.changing(run_id) as change:
            now = datetime.fromisoformat(change.at)
            for step in steps:
                row = (encode_instant(now - PENDING), change.at, change.at, event_id, step.uuid)
                change.execute(_MARK_MISSING, row)
                change.audit(AuditKind.NOT_SHOWN, event_id, step=step.kind, uuid=step.uuid)

    def record(self, run_id: str, event_id: EventId, step: Step, revel_id: str | None, *, seen: bool = False) -> None:
        """Stores Revel's answer to a step of the claimed plan. The order step's answer has the order's id.

        The answer to a step that was written again replaces the earlier one; the audit has both. `seen`: this is no
        answer; Revel showed the step when it was looked up. ClaimConflict if the claimed plan has no such step.
        """
        with self._transactions.changing(run_id) as change:
            before = change.execute(_STEP_BEFORE, (event_id, step.uuid, step.kind, step.number)).fetchone()
            if before is None:
                raise _no_such_step(event_id, step)
            text = _SEEN if seen else _ANSWERED
            change.execute(_PUT_RECEIPT, (event_id, step.uuid, revel_id, text, change.at, run_id))
            change.execute(_ANSWER, (event_id, step.uuid))
            change.execute(_TOUCH, (revel_id if step.kind == "order" else None, run_id, change.at, event_id))
            kind, was = (AuditKind.RECEIPT_REPLACED if before["known"] else AuditKind.RECORDED), before["revel_id"]
            change.audit(kind, event_id, step=step.kind, uuid=step.uuid, revel_id=revel_id, was=was, facts=text)

    def correct_clock(self, run_id: str, event_id: EventId) -> None:
        """Sets sending times in the future to now: the clock was fast when they were stored."""
        with self._transactions.changing(run_id) as change:
            if change.execute(_CORRECT_CLOCK, {"event_id": event_id, "at": change.at}).rowcount:
                change.audit(AuditKind.CLOCK_CORRECTED, event_id)

    def settle(self, run_id: str, event_id: EventId, order_id: OrderId, digest: str | None) -> None:
        """Records that Revel showed the order complete. `digest`: the content hash of the event that it was made from.

        It works without a claim (the ledger was lost) and after a dispute. ClaimConflict for a foreign order.
        """
        with self._transactions.changing(run_id) as change:
            self._outbox.post_injected(change, event_id, order_id, was_sent=self.was_sent(event_id))
            state = _require(change, event_id, "be settled", {"claimed", "settled", "disputed"})
            _write(change, _SETTLE, event_id, order_id=order_id, digest=digest)
            change.execute(_ANSWER_ALL, (event_id,))
            change.audit(AuditKind.SETTLED, event_id, was=state, order_id=order_id, digest=digest)

    def dispute(self, run_id: str, event_id: EventId, order_id: OrderId | None, found: Hold) -> None:
        """Records that the order in Revel isn't the plan: a person must check it. `found` has no customer data."""
        with self._transactions.changing(run_id) as change:
            state = _require(change, event_id, "be disputed", set(get_args(OrderState)))
            _write(change, _DISPUTE, event_id, order_id=order_id, text=found.text)
            change.audit(
                AuditKind.DISPUTED, event_id, was=state, order_id=order_id, reason=found.reason, text=found.text
            )

    def mark_foreign(
        self, run_id: str, event_id: EventId, order_id: OrderId, local_id: str, digest: str | None = None
    ) -> None:
        """Records somebody else's order, in place of a claim without receipts. `digest`: the event's content hash now.

        ClaimConflict if our order is settled, disputed or has receipts.
        """
        with self._transactions.changing(run_id) as change:
            state = _require(change, event_id, "be foreign", {"claimed", "foreign"}, begun=False)
            change.execute("DELETE FROM steps WHERE event_id = ?", (event_id,))
            _write(change, _MARK_FOREIGN, event_id, order_id=order_id, local_id=local_id, digest=digest)
            change.audit(AuditKind.FOREIGN, event_id, was=state, order_id=order_id, local_id=local_id, digest=digest)

    def release(self, run_id: str, event_id: EventId, text: str) -> None:
        """Drops a claim and its receipts: Revel has nothing of it. `text` goes into the audit.

        ClaimConflict if the event isn't claimed.
        """
        with self._transactions.changing(run_id) as change:
            if _require(change, event_id, "be released", {"claimed"}) is None:
                raise ClaimConflict(ConflictCode.NO_ORDER, f"Event {event_id} can't be released: it isn't claimed.")
            change.execute("DELETE FROM orders WHERE event_id = ?", (event_id,))
            change.audit(AuditKind.RELEASED, event_id, text=text)

    # Afterwards

    def recheck(self, run_id: str, event_id: EventId, at: datetime | None) -> None:
        """Makes the order, settled or not, due for one more check at `at` (aware). None: that check is done.

        ClaimConflict if no order of the event is known.
        """
        with self._transactions.changing(run_id) as change:
            again = encode_instant(at) if at else None
            _write(change, _RECHECK, event_id, "be checked again", again=again)
            change.audit(AuditKind.LOOK_AGAIN, event_id, at=again or "never")

    def note_drift(self, run_id: str, drift: EventDrift) -> None:
        """Stores what the event is compared with next time. The claimed plan stays as it is. Of `trouble`, only a hash.

        ClaimConflict if no order of the event is known.
        """
        with self._transactions.changing(run_id) as change:
            seen_plan = encode_plan(drift.plan) if drift.plan else None
            _write(
                change,
                _NOTE_DRIFT,
                drift.event_id,
                digest=drift.digest,
                seen_plan=seen_plan,
                cancelled=drift.cancelled,
                trouble=hash_of_hold(drift.trouble) if drift.trouble else None,
                keeps_trouble=drift.keeps_trouble,
            )
            if drift.content:
                text = encode_content(drift.content, drift.details)
                row = {"event_id": drift.event_id, "content": drift.content, "text": text}
                change.execute(_NOTE_SEEN, row)
            change.audit(
                AuditKind.REMEMBERED,
                drift.event_id,
                digest=drift.digest,
                plan_hash=hash_of_text(seen_plan) if seen_plan else None,
                cancelled="yes" if drift.cancelled else "no",
            )

    def note_shown(
        self,
        run_id: str,
        event_id: EventId,
        shown: Mapping[str, str],
        report: StationReport | None,
        *,
        agrees: str | None = None,
    ) -> None:
        """Stores how Revel shows a finished order now. `report`: what was reported of it; None if nothing was.

        `agrees`: a person changed it to what its changed event asks for, and how; None if it doesn't agree with that.
        """
        with self._transactions.changing(run_id) as change:
            change.execute(_NOTE_SHOWN, (event_id, canonical(shown), change.at, run_id))
            told = {"change": report.change, "text": report.text} if report else {}
            change.audit(AuditKind.ORDER_SHOWN, event_id, **told, shown=canonical(shown))
            if agrees is not None:
                change.audit(AuditKind.ORDER_AGREES, event_id, text=agrees)


def _decode_shown(row: sqlite3.Row) -> tuple[EventId, dict[str, str]]:
    """The fields that runs compare: not whether the order was gone by a run's own judgement."""
    fields = json.loads(row["shown"])
    return event_id_of(row), {name: value for name, value in fields.items() if name != "gone"}


def _recheck_when_certain(change: Change, event_id: EventId) -> None:
    """Makes the order due for a recheck, after nothing sent until now can be applied any more."""
    again = encode_instant(datetime.fromisoformat(change.at) + PENDING)
    _write(change, _RECHECK, event_id, again=again)
    change.audit(AuditKind.LOOK_AGAIN, event_id, at=again)


def _require(
    change: Change, event_id: EventId, wish: str, allowed: set[OrderState], *, begun: bool = True
) -> OrderState | None:
    """The order's state; None for no order. ClaimConflict unless it is allowed.

    `begun` False: an order with receipts isn't allowed either.
    """
    row = change.execute(_STATE, (event_id,)).fetchone()
    if row is None:
        return None
    state: OrderState = row["state"]
    if state not in allowed or (row["begun"] and not begun):
        receipts = "with" if row["begun"] else "without"
        raise ClaimConflict(
            ConflictCode.WRONG_STATE, f"The order of event {event_id} can't {wish}: it is {state}, {receipts} receipts."
        )
    return state


def _no_such_step(event_id: EventId, step: Step) -> ClaimConflict:
    text = f"Event {event_id} has no {step.kind} step {step.uuid} in its claimed plan."
    return ClaimConflict(ConflictCode.NO_SUCH_STEP, text)


def _write(change: Change, sql: str, event_id: EventId, wish: str = "be updated", **values: str | bool | None) -> None:
    """Runs one of the statements above for the event, with the run and time of this change.

    ClaimConflict if it writes no row.
    """
    row = {"event_id": event_id, "run_id": change.run_id, "at": change.at, **values}
    if not change.execute(sql, row).rowcount:
        text = f"Event {event_id} can't {wish}: the ledger has no order for it."
        raise ClaimConflict(ConflictCode.NO_ORDER, text)


def _decode_order(row: sqlite3.Row, receipts: Mapping[str, Receipt], sent: Iterable[sqlite3.Row]) -> OrderRecord:
    reason, text = read_dispute(row["reason"], row["text"])
    return record_of(
        OrderRecord,
        row,
        plan=decode_plan(row["plan"]) if row["plan"] else None,
        receipts=receipts,
        sent={each["uuid"]: datetime.fromisoformat(each["sent_at"]) for each in sent},
        unanswered=frozenset(each["uuid"] for each in sent if each["unanswered"]),
        seen_plan=decode_plan(row["seen_plan"]) if row["seen_plan"] else None,
        reason=reason,
        text=text,
    )


def _decode_contents(row: sqlite3.Row) -> ContentHashes:
    (made, made_details), (seen, seen_details) = decode_content(row["made"]), decode_content(row["seen"])
    return ContentHashes(made, seen, made_details, seen_details)


def _decode_failed_write(row: sqlite3.Row, record: OrderRecord | None) -> FailedWrite:
    """Without the claimed plan only the kind of the write is known."""
    failed = FailedWrite(f"write of the {row['step']}", row["runs"], row["answer"])
    plan = record.plan if record else None
    step = next((each for each in plan.steps if each.uuid == row["uuid"]), None) if plan else None
    if record is None or plan is None or step is None:
        return failed
    product = plan.items[step.number].product if step.kind == "item" else None
    return replace(failed, order_id=record.order_id, product=product, establishment=plan.location.establishment)
