"""The tables of orders, their steps and receipts: one order for each event, from claim to settled."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import get_args

from tsrevel.ledger.audit import Change, canonical
from tsrevel.ledger.older_rows import read_dispute
from tsrevel.ledger.plan_json import decode_plan, encode_plan
from tsrevel.ledger.records import (
    PENDING,
    AuditKind,
    ClaimConflict,
    ConflictCode,
    OrderRecord,
    OrderState,
    Receipt,
    decode_instant,
    encode_instant,
)
from tsrevel.planning.model import EventId, Hold, OrderId, Plan, Step
from tsrevel.planning.money import show

DISPUTED_FOR = f"""
    CASE WHEN text IS NOT NULL THEN (
        SELECT json_extract(detail, '$.reason') FROM audit
        WHERE audit.event_id = orders.event_id AND kind = '{AuditKind.DISPUTED}' ORDER BY seq DESC LIMIT 1) END
"""  # noqa: S608 (no value comes from outside)
"""The code of a dispute: it is in the audit, where rows of older versions have none."""
_ORDERS = f"""
    SELECT event_id, state, plan, seen_plan, order_id, local_id, digest, cancelled, text, look_again_at, touched_at,
        seen_trouble, {DISPUTED_FOR} AS reason
    FROM orders WHERE event_id IN (SELECT value FROM json_each(?))
"""  # noqa: S608 (likewise)
_UNFINISHED = """
    SELECT event_id FROM orders
    WHERE (state = 'claimed' AND event_id NOT IN (SELECT event_id FROM resolutions))
        OR (state = 'settled' AND look_again_at <= ?)
    ORDER BY touched_at, event_id
"""
_RECEIPTS = """
    SELECT event_id, uuid, kind, revel_id, facts, recorded_at, run_id
    FROM receipts JOIN steps USING (event_id, uuid)
    WHERE event_id IN (SELECT value FROM json_each(?)) ORDER BY event_id, seq
"""
_SENT = """
    SELECT event_id, uuid, sent_at, unanswered FROM orders JOIN steps USING (event_id)
    WHERE event_id IN (SELECT value FROM json_each(?)) AND state <> 'settled' AND sent_at IS NOT NULL
"""
_STANDING = """
    SELECT state, EXISTS (SELECT 1 FROM receipts WHERE receipts.event_id = orders.event_id) AS begun
    FROM orders WHERE event_id = ?
"""
_CLAIM = """
    INSERT INTO orders (event_id, state, plan, run_id, touched_at) VALUES (?, 'claimed', ?, ?, ?)
"""
_MAY_BE_APPLIED = """
    SELECT count(*) FILTER (WHERE kind = 'sent') > count(*) FILTER (WHERE kind = 'not_applied') AS ever
    FROM audit WHERE event_id = ? AND kind IN ('sent', 'not_applied')
"""
_IS_RESOLVED = "SELECT verdict FROM resolutions WHERE event_id = ?"
_ADD_STEP = "INSERT INTO steps (event_id, seq, kind, number, uuid) VALUES (?, ?, ?, ?, ?)"
_STEP_BEFORE = """
    SELECT receipts.uuid IS NOT NULL AS known, revel_id
    FROM steps LEFT JOIN receipts USING (event_id, uuid)
    WHERE event_id = ? AND steps.uuid = ? AND kind = ? AND number = ?
"""
_PUT_RECEIPT = """
    INSERT INTO receipts (event_id, uuid, revel_id, facts, recorded_at, run_id) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (event_id, uuid) DO UPDATE SET
        revel_id = excluded.revel_id, facts = excluded.facts,
        recorded_at = excluded.recorded_at, run_id = excluded.run_id
"""
_TOUCH = """
    UPDATE orders SET order_id = coalesce(:order_id, order_id), run_id = :run_id, touched_at = :at
    WHERE event_id = :event_id
"""
_WAS_SENT = "SELECT sent_at FROM steps WHERE event_id = ? AND uuid = ?"
_MARK_SENT = "UPDATE steps SET sent_at = ?, unanswered = 1 WHERE event_id = ? AND uuid = ?"
_ANSWER = "UPDATE steps SET unanswered = 0 WHERE event_id = ? AND uuid = ?"
_UNMARK = "UPDATE steps SET sent_at = NULL, unanswered = 0 WHERE event_id = ? AND uuid = ?"
_MISS = """
    UPDATE steps SET unanswered = 1, sent_at = CASE WHEN sent_at BETWEEN ? AND ? THEN sent_at ELSE ? END
    WHERE event_id = ? AND uuid = ?
"""
_CORRECT_CLOCK = "UPDATE steps SET sent_at = :at WHERE event_id = :event_id AND sent_at > :at"
_ANSWER_ALL = "UPDATE steps SET unanswered = 0 WHERE event_id = ?"
_SETTLE = """
    INSERT INTO orders (event_id, state, order_id, digest, run_id, touched_at)
    VALUES (:event_id, 'settled', :order_id, :digest, :run_id, :at)
    ON CONFLICT (event_id) DO UPDATE SET
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
_LOOK_AGAIN = """
    UPDATE orders SET look_again_at = :again, run_id = :run_id, touched_at = :at WHERE event_id = :event_id
"""
_NOTE_FOREIGN = """
    INSERT INTO orders (event_id, state, order_id, local_id, digest, run_id, touched_at)
    VALUES (:event_id, 'foreign', :order_id, :local_id, :digest, :run_id, :at)
    ON CONFLICT (event_id) DO UPDATE SET
        state = 'foreign', plan = NULL, order_id = excluded.order_id, local_id = excluded.local_id,
        digest = excluded.digest, run_id = excluded.run_id, touched_at = excluded.touched_at
"""
_REMEMBER = """
    UPDATE orders SET digest = coalesce(:digest, digest), seen_plan = coalesce(:seen_plan, seen_plan),
        cancelled = coalesce(:cancelled, cancelled),
        seen_trouble = iif(:keeps_trouble, seen_trouble, :trouble), run_id = :run_id, touched_at = :at
    WHERE event_id = :event_id
"""


def find_unfinished(connection: sqlite3.Connection, now: datetime) -> tuple[OrderRecord, ...]:
    """The claimed orders and those to be looked at again, oldest first. LedgerDamaged for an unreadable plan."""
    ids = [EventId(row["event_id"]) for row in connection.execute(_UNFINISHED, (encode_instant(now),))]
    found = find(connection, ids)
    return tuple(found[event_id] for event_id in ids)


def find(connection: sqlite3.Connection, event_ids: Iterable[EventId]) -> dict[EventId, OrderRecord]:
    """What is known of these events' orders, as far as anything is. LedgerDamaged for an unreadable plan."""
    wanted = json.dumps(list(event_ids))
    receipts: dict[EventId, dict[str, Receipt]] = {}
    for row in connection.execute(_RECEIPTS, (wanted,)):
        receipts.setdefault(row["event_id"], {})[row["uuid"]] = _decode_receipt(row)
    sent: dict[EventId, list[sqlite3.Row]] = {}
    for row in connection.execute(_SENT, (wanted,)):
        sent.setdefault(row["event_id"], []).append(row)
    found = connection.execute(_ORDERS, (wanted,)).fetchall()
    return {
        row["event_id"]: _decode_order(row, receipts.get(row["event_id"], {}), sent.get(row["event_id"], []))
        for row in found
    }


def was_sent(connection: sqlite3.Connection, event_id: EventId) -> bool:
    """Whether anything was ever sent for the event that may have been applied, claims dropped since included."""
    return bool(connection.execute(_MAY_BE_APPLIED, (event_id,)).fetchone()["ever"])


def count_by_state(connection: sqlite3.Connection) -> dict[OrderState, int]:
    """How many orders stand in each state, states with none included."""
    counts: dict[OrderState, int] = dict.fromkeys(get_args(OrderState), 0)
    for row in connection.execute("SELECT state, count(*) AS number FROM orders GROUP BY state"):
        counts[row["state"]] = row["number"]
    return counts


def claim(change: Change, plan: Plan) -> None:
    """Stores the plan that is about to be written, in place of an earlier claim of which nothing was written.

    If anything of the event was sent before that may have been applied, the order is to be looked at once more.
    """
    resolved = change.connection.execute(_IS_RESOLVED, (plan.event_id,)).fetchone()
    if resolved:
        raise ClaimConflict(
            ConflictCode.RESOLVED, f"Event {plan.event_id} can't be claimed: a person has resolved it as {resolved[0]}."
        )
    state = _standing(change, plan.event_id, "be claimed", {"claimed"}, begun=False)
    text = encode_plan(plan)
    change.connection.execute("DELETE FROM orders WHERE event_id = ?", (plan.event_id,))
    change.connection.execute(_CLAIM, (plan.event_id, text, change.run_id, change.at))
    steps = [(plan.event_id, seq, step.kind, step.number, step.uuid) for seq, step in enumerate(plan.steps)]
    change.connection.executemany(_ADD_STEP, steps)
    if was_sent(change.connection, plan.event_id):
        _recheck(change, plan.event_id)
    plan_hash = hashlib.sha256(text.encode()).hexdigest()
    change.audit(AuditKind.CLAIMED, plan.event_id, was=state, plan_hash=plan_hash, total=show(plan.final_total))


def record(change: Change, event_id: EventId, step: Step, revel_id: str | None, facts: Mapping[str, str]) -> None:
    """Stores Revel's answer to a step of the claimed plan, in place of an earlier one."""
    wanted = (event_id, step.uuid, step.kind, step.number)
    before = change.connection.execute(_STEP_BEFORE, wanted).fetchone()
    if before is None:
        raise ClaimConflict(
            ConflictCode.NO_SUCH_STEP, f"Event {event_id} has no {step.kind} step {step.uuid} in its claimed plan."
        )
    kept = canonical(facts)
    change.connection.execute(_PUT_RECEIPT, (event_id, step.uuid, revel_id, kept, change.at, change.run_id))
    order_id = revel_id if step.kind == "order" else None
    change.connection.execute(_ANSWER, (event_id, step.uuid))
    _write(change, _TOUCH, event_id, order_id=order_id)
    kind = AuditKind.RECEIPT_REPLACED if before["known"] else AuditKind.RECORDED
    was = before["revel_id"]
    change.audit(kind, event_id, step=step.kind, uuid=step.uuid, revel_id=revel_id, was=was, facts=kept)


def mark_sent(change: Change, event_id: EventId, step: Step) -> None:
    """Notes that the step is sent now. One that was sent before is looked at once more, when this one can't be late."""
    before = change.connection.execute(_WAS_SENT, (event_id, step.uuid)).fetchone()
    if before is None:
        raise ClaimConflict(
            ConflictCode.NO_SUCH_STEP, f"Event {event_id} has no {step.kind} step {step.uuid} in its claimed plan."
        )
    change.connection.execute(_MARK_SENT, (change.at, event_id, step.uuid))
    _write(change, _TOUCH, event_id, order_id=None)
    if before["sent_at"] is not None:
        _recheck(change, event_id)
    change.audit(AuditKind.SENT, event_id, step=step.kind, uuid=step.uuid)


def note_not_applied(change: Change, event_id: EventId, step: Step) -> None:
    """Notes that what was sent of the step was surely not applied."""
    change.connection.execute(_UNMARK, (event_id, step.uuid))
    change.audit(AuditKind.NOT_APPLIED, event_id, step=step.kind, uuid=step.uuid)


def miss(change: Change, event_id: EventId, steps: Iterable[Step]) -> None:
    """Notes that steps which Revel acknowledged or showed aren't to be seen: whether they were applied isn't known.

    They count from their sending, or from now where that is too long ago to explain it.
    """
    now = datetime.fromisoformat(change.at)
    for step in steps:
        given = (encode_instant(now - PENDING), change.at, change.at, event_id, step.uuid)
        change.connection.execute(_MISS, given)
        change.audit(AuditKind.NOT_SHOWN, event_id, step=step.kind, uuid=step.uuid)


def correct_clock(change: Change, event_id: EventId) -> None:
    """Counts what was sent in the future, by a clock that was fast, from now."""
    if change.connection.execute(_CORRECT_CLOCK, {"event_id": event_id, "at": change.at}).rowcount:
        change.audit(AuditKind.CLOCK_CORRECTED, event_id)


def settle(change: Change, event_id: EventId, order_id: OrderId, digest: str | None) -> None:
    """Notes that Revel showed the order complete. An order found complete may be settled without a claim."""
    state = _standing(change, event_id, "be settled", {"claimed", "settled", "disputed"})
    _write(change, _SETTLE, event_id, order_id=order_id, digest=digest)
    change.connection.execute(_ANSWER_ALL, (event_id,))
    change.audit(AuditKind.SETTLED, event_id, was=state, order_id=order_id, digest=digest)


def dispute(change: Change, event_id: EventId, order_id: OrderId | None, finding: Hold) -> None:
    """Notes that what Revel holds isn't the plan, whatever was known before."""
    state = _standing(change, event_id, "be disputed", set(get_args(OrderState)))
    _write(change, _DISPUTE, event_id, order_id=order_id, text=finding.text)
    change.audit(AuditKind.DISPUTED, event_id, was=state, order_id=order_id, reason=finding.reason, text=finding.text)


def look_again(change: Change, event_id: EventId, at: datetime | None) -> None:
    """Notes when the order is to be looked at once more, settled or not; None: it was."""
    again = encode_instant(at) if at else None
    if not _write(change, _LOOK_AGAIN, event_id, again=again):
        raise ClaimConflict(
            ConflictCode.NO_ORDER, f"Event {event_id} can't be looked at again: the ledger knows no order of it."
        )
    change.audit(AuditKind.LOOK_AGAIN, event_id, at=again or "never")


def _recheck(change: Change, event_id: EventId) -> None:
    """Has the order looked at once more, when nothing sent until now can be applied any more."""
    again = encode_instant(datetime.fromisoformat(change.at) + PENDING)
    _write(change, _LOOK_AGAIN, event_id, again=again)
    change.audit(AuditKind.LOOK_AGAIN, event_id, at=again)


def note_foreign(change: Change, event_id: EventId, order_id: OrderId, local_id: str, digest: str | None) -> None:
    """Notes somebody else's order, in place of a claim of which nothing was written."""
    state = _standing(change, event_id, "be foreign", {"claimed", "foreign"}, begun=False)
    change.connection.execute("DELETE FROM steps WHERE event_id = ?", (event_id,))
    _write(change, _NOTE_FOREIGN, event_id, order_id=order_id, local_id=local_id, digest=digest)
    change.audit(AuditKind.FOREIGN, event_id, was=state, order_id=order_id, local_id=local_id, digest=digest)


def release(change: Change, event_id: EventId, text: str) -> None:
    """Drops a claim, receipts and all, because Revel proved to hold nothing of it."""
    if _standing(change, event_id, "be released", {"claimed"}) is None:
        raise ClaimConflict(ConflictCode.NO_ORDER, f"Event {event_id} can't be released: it isn't claimed.")
    change.connection.execute("DELETE FROM orders WHERE event_id = ?", (event_id,))
    change.audit(AuditKind.RELEASED, event_id, text=text)


def hash_of_trouble(text: str) -> str:
    """How the ledger keeps why an event can't be planned: the text may name people."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def remember(
    change: Change,
    event_id: EventId,
    digest: str | None,
    plan: Plan | None,
    cancelled: bool | None,
    trouble: str | None = None,
    *,
    keeps_trouble: bool = False,
) -> None:
    """Keeps the state of the event that a report was made of. None leaves plan and cancelled as they are.

    `keeps_trouble`: why it couldn't be planned is as it was.
    """
    seen_plan = encode_plan(plan) if plan else None
    values = {"digest": digest, "seen_plan": seen_plan, "trouble": hash_of_trouble(trouble) if trouble else None}
    if not _write(change, _REMEMBER, event_id, cancelled=cancelled, keeps_trouble=keeps_trouble, **values):
        raise ClaimConflict(
            ConflictCode.NO_ORDER, f"Event {event_id} can't be remembered: the ledger knows no order of it."
        )
    plan_hash = hashlib.sha256(seen_plan.encode()).hexdigest() if seen_plan else None
    known = None if cancelled is None else ("yes" if cancelled else "no")
    change.audit(AuditKind.REMEMBERED, event_id, digest=digest, plan_hash=plan_hash, cancelled=known)


def _standing(
    change: Change, event_id: EventId, wish: str, allowed: set[OrderState], *, begun: bool = True
) -> OrderState | None:
    """The state the order is in now. ClaimConflict unless it is allowed (and, if so asked, without receipts)."""
    row = change.connection.execute(_STANDING, (event_id,)).fetchone()
    if row is None:
        return None
    state: OrderState = row["state"]
    if state not in allowed or (row["begun"] and not begun):
        receipts = "with" if row["begun"] else "without"
        raise ClaimConflict(
            ConflictCode.WRONG_STATE, f"The order of event {event_id} can't {wish}: it is {state}, {receipts} receipts."
        )
    return state


def _write(change: Change, sql: str, event_id: EventId, **values: str | bool | None) -> bool:
    """Runs one of the statements above for the event, as of this change. True if a row was written."""
    row = {"event_id": event_id, "run_id": change.run_id, "at": change.at, **values}
    return change.connection.execute(sql, row).rowcount > 0


def _decode_order(row: sqlite3.Row, receipts: Mapping[str, Receipt], sent: Iterable[sqlite3.Row]) -> OrderRecord:
    reason, text = read_dispute(row["reason"], row["text"])
    return OrderRecord(
        event_id=row["event_id"],
        state=row["state"],
        plan=decode_plan(row["plan"]) if row["plan"] else None,
        order_id=row["order_id"],
        digest=row["digest"],
        cancelled=bool(row["cancelled"]),
        touched_at=datetime.fromisoformat(row["touched_at"]),
        receipts=receipts,
        sent={each["uuid"]: datetime.fromisoformat(each["sent_at"]) for each in sent},
        unanswered=frozenset(each["uuid"] for each in sent if each["unanswered"]),
        seen_plan=decode_plan(row["seen_plan"]) if row["seen_plan"] else None,
        local_id=row["local_id"],
        reason=reason,
        text=text,
        look_again_at=decode_instant(row["look_again_at"]),
        seen_trouble=row["seen_trouble"],
    )


def _decode_receipt(row: sqlite3.Row) -> Receipt:
    return Receipt(
        uuid=row["uuid"],
        kind=row["kind"],
        revel_id=row["revel_id"],
        facts=json.loads(row["facts"]),
        recorded_at=datetime.fromisoformat(row["recorded_at"]),
        run_id=row["run_id"],
    )


_LONG_SETTLED = """
    SELECT event_id FROM orders LEFT JOIN sightings USING (event_id)
    WHERE state = 'settled' AND plan IS NOT NULL AND look_again_at IS NULL
      AND orders.touched_at < :before AND coalesce(event_day, json_extract(plan, '$.day')) < :before
"""
_GOES: Mapping[str, str] = {
    "receipts": f"receipts WHERE event_id IN ({_LONG_SETTLED}) AND recorded_at < :before",
    "attempts": f"attempts WHERE event_id IN ({_LONG_SETTLED}) AND at < :before",
    "deliveries": "deliveries WHERE handled_at < :before AND subject IN "  # noqa: S608 (all of it is written here)
    f"(SELECT 'event ' || event_id FROM ({_LONG_SETTLED}))",
    "sightings": f"""
        sightings WHERE event_id IN ({_LONG_SETTLED}) AND last_seen_at < :before
        AND status IN ('injected', 'skipped') AND missed_at IS NULL
    """,
}
"""What is dropped of events whose order was settled long ago. Sightings last: the others ask them for days."""


def count_old_details(connection: sqlite3.Connection, before: datetime) -> dict[str, int]:
    """How many rows of each table `drop` would drop."""
    return {
        table: int(connection.execute(f"SELECT count(*) FROM {rows}", _bounds(before)).fetchone()[0])  # noqa: S608
        for table, rows in _GOES.items()
    }


def drop_old_details(change: Change, before: datetime, older_than: int) -> dict[str, int]:
    """Drops the details of orders settled before `before`; how many rows of each table. The audit says so.

    What stays for ever: each event's order with its id, uuid, local_id and plan, whatever is held, disputed or somebody
    else's, all runs and the whole audit.
    """
    gone = {
        table: change.connection.execute(f"DELETE FROM {rows}", _bounds(before)).rowcount  # noqa: S608
        for table, rows in _GOES.items()
    }
    if any(gone.values()):
        told = {table: str(number) for table, number in gone.items()}
        change.audit(AuditKind.PRUNED, None, older_than=str(older_than), **told)
    return gone


def _bounds(before: datetime) -> dict[str, str]:
    return {"before": encode_instant(before)}
