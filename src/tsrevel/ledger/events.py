"""The last result for each event (so each finding is reported once), what people settled, and webhook deliveries."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from datetime import date, datetime

from tsrevel.ledger.connection import (
    Change,
    Repository,
    Transactions,
    encode_instant,
    event_id_of,
    record_of,
)
from tsrevel.ledger.outbox import REPORTED_CHANGES, Outbox
from tsrevel.ledger.plan_json import OF_DETAILS, decode_snapshot, encode_snapshot, hash_of_details
from tsrevel.ledger.records import (
    AuditKind,
    DeliveryKey,
    EventResult,
    LastResult,
    Resolution,
    StationChange,
    StationReport,
    Verdict,
)
from tsrevel.planning.identity import NAMELESS
from tsrevel.planning.model import Event, EventId, OrderId
from tsrevel.planning.reasons import TROUBLE

_LAST_RESULTS = """
    SELECT event_id, event_day AS day, status, reason, text_hash AS details_hash, missed_at, updated, unlisted_at,
        location, run_id, last_seen_at AS seen_at
    FROM sightings WHERE event_id IN (SELECT value FROM json_each(?))
"""
_PUT_RESULT = """
    INSERT INTO sightings
        (event_id, event_day, status, reason, text_hash, digest, missed_at, first_seen_at, last_seen_at, run_id,
        updated, snapshot, location, unlisted_at)
    VALUES
        (:event_id, :event_day, :status, :reason, :text_hash, :digest, :missed_at, :at, :at, :run_id,
        :updated, :snapshot, :location, iif(:unlisted, :at, NULL))
    ON CONFLICT (event_id) DO UPDATE SET
        event_day = excluded.event_day, status = excluded.status, reason = excluded.reason,
        text_hash = excluded.text_hash, digest = excluded.digest,
        missed_at = coalesce(iif(event_day IS excluded.event_day, missed_at, NULL), excluded.missed_at),
        last_seen_at = excluded.last_seen_at, run_id = excluded.run_id,
        unlisted_at = CASE WHEN :unlisted THEN coalesce(unlisted_at, :at) WHEN :digest IS NULL THEN unlisted_at END,
        updated = excluded.updated, location = coalesce(nullif(excluded.location, ''), location),
        snapshot = CASE WHEN excluded.status IN ('held', 'failed') THEN coalesce(excluded.snapshot, snapshot) END
"""
_DOUBLED = """
    SELECT event_id FROM (
        SELECT event_id, kind, max(seq) FROM audit
        WHERE event_id IN (SELECT value FROM json_each(?))
          AND (kind = 'twin_gone' OR kind = 'seen' AND json_extract(detail, '$.reason') = 'DUPLICATE_ORDERS')
        GROUP BY event_id)
    WHERE kind = 'seen'
"""
"""SQLite takes `kind` from the row of `max(seq)`."""
_SNAPSHOT = "SELECT snapshot FROM sightings WHERE event_id = ? AND snapshot IS NOT NULL"
_RETRYABLE = """
    SELECT event_id FROM sightings
    WHERE status IN ('held', 'failed') AND event_id NOT IN (SELECT event_id FROM resolutions)
    ORDER BY event_day, event_id
"""
_UNSUCCESSFUL_IN = """
    SELECT event_id FROM attempts JOIN runs USING (run_id)
    WHERE (runs.run_id = :run OR correlation_id = :run) AND status IN ('held', 'failed') ORDER BY attempts.rowid
"""
_IS_RUN = "SELECT EXISTS (SELECT 1 FROM runs WHERE run_id = :run OR correlation_id = :run) AS known"
_PUT_ATTEMPT = """
    INSERT INTO attempts (run_id, event_id, status, reason, order_id, at)
    VALUES (:run_id, :event_id, :status, :reason, :order_id, :at)
    ON CONFLICT (run_id, event_id) DO UPDATE SET
        status = excluded.status, reason = excluded.reason, order_id = excluded.order_id, at = excluded.at
"""
_IS_TOLD = "UPDATE orders SET untold = NULL WHERE event_id = ?"
_WAITING = frozenset({"TOO_EARLY", "RUN_LIMIT_REACHED"})
_ATTEMPTED = frozenset({"injected", "held", "failed"})
_UNSETTLED = """
    FROM sightings LEFT JOIN orders USING (event_id)
    WHERE event_day BETWEEN ? AND ?
      AND (sightings.status IN ('held', 'failed', 'planned')
           OR sightings.reason IN ('TOO_EARLY', 'RUN_LIMIT_REACHED', 'CONNECTOR_DISABLED'))
      AND (orders.state IS NULL OR orders.state NOT IN ('settled', 'foreign'))
      AND event_id NOT IN (SELECT event_id FROM resolutions)
"""
_FIND_UNSETTLED = f"""
    SELECT event_id {_UNSETTLED}
    ORDER BY abs(julianday(event_day) - julianday(?)), sightings.last_seen_at, event_id
"""
_FIND_LEFT_BEHIND = """
    SELECT event_id FROM sightings LEFT JOIN orders USING (event_id)
    WHERE (coalesce(event_day, substr(first_seen_at, 1, 10)) >= ? OR sightings.status = 'planned')
      AND event_id NOT IN (SELECT event_id FROM resolutions)
      AND (sightings.status IN ('failed', 'planned')
           OR event_day < ? AND sightings.reason IN ('TOO_EARLY', 'RUN_LIMIT_REACHED', 'CONNECTOR_DISABLED')
              AND (orders.state IS NULL OR orders.state NOT IN ('settled', 'foreign')))
    ORDER BY sightings.last_seen_at, event_id
"""
_PUT_CHANGE = """
    INSERT INTO open_changes (event_id, reason, told_at, run_id) VALUES (?, ?, ?, ?)
    ON CONFLICT (event_id) DO UPDATE SET
        reason = excluded.reason, told_at = excluded.told_at, run_id = excluded.run_id
    WHERE open_changes.reason <> 'LEDGER_LOST'
"""
"""Nothing but a person ends the report of a lost ledger."""
_OPEN_CHANGE = "SELECT reason, told_at, run_id FROM open_changes WHERE event_id = ?"
_DROP_CHANGE = "DELETE FROM open_changes WHERE event_id = :event_id"
_DROP_CHANGE_OF_NAMED = f"""
    DELETE FROM open_changes WHERE event_id = :event_id AND NOT EXISTS (
        SELECT 1 FROM audit WHERE event_id = :event_id
            AND kind IN ('{AuditKind.CHANGED_AFTER_RESOLUTION}', '{AuditKind.REMEMBERED}', '{AuditKind.ORDER_SHOWN}')
            AND seq > (SELECT max(seq) FROM audit WHERE event_id = :event_id AND kind = '{AuditKind.RESOLVED}'))
"""  # noqa: S608 (all of it is written here)
_HAS_FINISHED = "SELECT EXISTS (SELECT 1 FROM orders WHERE event_id = ? AND state = 'settled') AS finished"
_WAIT_AGAIN = """
    UPDATE sightings SET status = 'planned', reason = NULL, missed_at = NULL
    WHERE event_id = :event_id AND status = 'skipped' AND NOT EXISTS (SELECT 1 FROM orders WHERE event_id = :event_id)
"""
"""The row's mark for the next run, which replaces it. People read it as skipped, REOPENED (`queries`)."""
_BRING_BACK_CHANGE = """
    INSERT INTO open_changes (event_id, reason, told_at, run_id)
    SELECT event_id, json_extract(detail, '$.reason'), json_extract(detail, '$.since'), json_extract(detail, '$.run_id')
    FROM audit
    WHERE event_id = :event_id AND kind = 'resolved' AND json_extract(detail, '$.reason') IS NOT NULL
      AND seq > coalesce((SELECT max(seq) FROM audit WHERE event_id = :event_id AND kind = 'reopened'), 0)
    ORDER BY seq DESC LIMIT 1
    ON CONFLICT (event_id) DO NOTHING
"""
_LAST_DRY = """
    SELECT event_id, event_day AS day, status, reason, text_hash AS details_hash, missed_at, NULL AS updated,
        NULL AS unlisted_at, location, run_id, last_seen_at AS seen_at
    FROM dry_sightings WHERE event_id = ?
"""
_DROP_DRY = "DELETE FROM dry_sightings WHERE event_id = ?"
_PUT_DRY = """
    INSERT INTO dry_sightings
        (event_id, event_day, location, status, reason, text_hash, missed_at, since_at, last_seen_at, run_id)
    VALUES (:event_id, :event_day, :location, :status, :reason, :text_hash, :missed_at, :at, :at, :run_id)
    ON CONFLICT (event_id) DO UPDATE SET
        event_day = excluded.event_day, location = excluded.location, reason = excluded.reason,
        text_hash = excluded.text_hash,
        missed_at = coalesce(iif(event_day IS excluded.event_day, missed_at, NULL), excluded.missed_at),
        since_at = iif(status = excluded.status, since_at, excluded.since_at), status = excluded.status,
        last_seen_at = excluded.last_seen_at, run_id = excluded.run_id
"""
_SINCE_OPEN = """
    FROM audit WHERE audit.event_id = resolutions.event_id AND kind = 'resolved' AND seq > coalesce(
        (SELECT max(seq) FROM audit AS other WHERE other.event_id = resolutions.event_id AND kind = 'reopened'), 0)
"""
_SHOWN_GONE = """
    coalesce(json_extract(shown, '$.gone') = 'yes',
        json_extract(shown, '$.there') = 'no' OR json_extract(shown, '$.deleted') = 'yes'
        OR (json_extract(shown, '$.total') = '0.00' AND json_extract(shown, '$.balance') = '0.00'))
"""
"""By the run's own judgement. Earlier versions stored only the amounts, and those of a free order are zero, too."""
_RESOLUTIONS = f"""
    SELECT event_id, verdict, note, order_id, digest, resolved_at,
        (SELECT json_group_array(DISTINCT json_extract(detail, '$.order_id')) {_SINCE_OPEN}
            AND json_extract(detail, '$.order_id') IS NOT NULL) AS orders,
        EXISTS (SELECT 1 {_SINCE_OPEN} AND json_extract(detail, '$.verdict') = 'done') AS was_done,
        EXISTS (SELECT 1 FROM shown_orders WHERE shown_orders.event_id = resolutions.event_id AND {_SHOWN_GONE}
            AND seen_at <= resolved_at) AS order_was_gone,
        EXISTS (SELECT 1 FROM shown_orders WHERE shown_orders.event_id = resolutions.event_id AND {_SHOWN_GONE}
            ) AS order_is_gone,
        (SELECT iif(json_extract(detail, '$.change') = '{StationChange.CHANGED}', json_extract(detail, '$.text'), '')
            FROM audit WHERE audit.event_id = resolutions.event_id AND kind = '{AuditKind.NAMED_ORDERS_SHOWN}'
            AND seq > (SELECT max(seq) FROM audit AS other
                WHERE other.event_id = resolutions.event_id AND kind = 'resolved')
            ORDER BY seq DESC LIMIT 1) AS named_gone
    FROM resolutions
"""  # noqa: S608 (all of it is written here)
"""`orders` and `was_done` come from the audit: they include earlier resolutions."""
_RESOLUTIONS_OF = f"{_RESOLUTIONS} WHERE event_id IN (SELECT value FROM json_each(?))"  # noqa: S608 (likewise)
_ALL_RESOLUTIONS = f"{_RESOLUTIONS} ORDER BY resolved_at DESC, event_id"
_RESOLVED_BETWEEN = """
    SELECT event_id FROM sightings JOIN resolutions USING (event_id) LEFT JOIN orders USING (event_id)
    WHERE event_day BETWEEN ? AND ? AND verdict = 'done' AND (state IS NULL OR state NOT IN ('settled', 'foreign'))
    ORDER BY last_seen_at, event_id
"""
_PUT_RESOLUTION = """
    INSERT INTO resolutions (event_id, verdict, note, order_id, digest, resolved_at)
    VALUES (:event_id, :verdict, :note, :order_id, coalesce(
        (SELECT coalesce(nullif(resolutions.digest, ''), nullif(orders.digest, ''))
         FROM orders LEFT JOIN resolutions USING (event_id)
         WHERE event_id = :event_id AND state IN ('claimed', 'disputed')),
        (SELECT digest FROM sightings WHERE event_id = :event_id)), :at)
    ON CONFLICT (event_id) DO UPDATE SET
        verdict = excluded.verdict, note = excluded.note, order_id = coalesce(excluded.order_id, order_id),
        digest = excluded.digest, resolved_at = excluded.resolved_at
"""
_END_RECHECK = """
    UPDATE orders SET look_again_at = NULL
    WHERE event_id = :event_id AND state = 'settled' AND look_again_at <= :at AND EXISTS (
        SELECT 1 FROM sightings WHERE sightings.event_id = orders.event_id AND reason = 'AMOUNT_MISMATCH')
"""
_FOREIGN = "SELECT order_id FROM orders WHERE event_id = ? AND state = 'foreign'"
_KNOWS_DELIVERY = """
    SELECT EXISTS (
        SELECT 1 FROM deliveries LEFT JOIN runs USING (run_id)
        WHERE trigger = ? AND subject = ? AND stamp IN (?, ?)
            AND coalesce(started_at, handled_at) BETWEEN ? AND ?
    ) AS known
"""
_PUT_DELIVERY = """
    INSERT INTO deliveries (trigger, subject, stamp, handled_at, run_id) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (trigger, subject, stamp) DO UPDATE SET handled_at = excluded.handled_at, run_id = excluded.run_id
"""


class EventRepository(Repository):
    """`ledger.events`: the results of runs for events, and what people settled about events."""

    def __init__(self, transactions: Transactions, outbox: Outbox) -> None:
        super().__init__(transactions)
        self._outbox = outbox

    # Results of runs

    def store_results(self, run_id: str, results: Iterable[EventResult]) -> frozenset[EventId]:
        """Stores a run's results. Returns the events whose status, reason or details are new or changed.

        Only those go into the audit and, if mails report them, into the outbox. A result with `looked_into` False
        doesn't replace what a person is to know of the event (`_stands`).
        """
        with self._transactions.changing(run_id) as change:
            told = tuple(results)
            before = self.last_results(each.event_id for each in told)
            news = frozenset(each.event_id for each in told if self._put(change, each))
            self._outbox.post_results(change, told, before, news)
            for each in told:
                if each.news and each.reason in REPORTED_CHANGES:
                    change.execute(_PUT_CHANGE, (each.event_id, each.reason, change.at, run_id))
            return news

    def store_dry_results(self, run_id: str, results: Iterable[EventResult]) -> frozenset[EventId]:
        """Stores a dry run's results, separately from live ones. Returns the events whose result is new.

        A result that equals the live one is neither stored nor new.
        """
        with self._transactions.changing(run_id) as change:
            told = tuple(results)
            known = self.last_results(each.event_id for each in told)
            return frozenset(each.event_id for each in told if _put_dry(change, each, known.get(each.event_id)))

    def report_lost_ledger(self, run_id: str, result: EventResult) -> None:
        """Stores that another ledger made the event's order. That stays open until a person resolves the event."""
        with self._transactions.changing(run_id) as change:
            self._outbox.post_results(change, [result], {}, {result.event_id})
            change.execute(_PUT_CHANGE, (result.event_id, result.reason, change.at, run_id))

    def last_results(self, event_ids: Iterable[EventId]) -> dict[EventId, LastResult]:
        """The last live result for each of these events. Events that no live run saw are left out."""
        found = self._by_ids(lambda row: (event_id_of(row), record_of(LastResult, row)), _LAST_RESULTS, event_ids)
        return dict(found)

    def doubled(self, event_ids: Iterable[EventId]) -> frozenset[EventId]:
        """The events for which a run reported several orders, and no run has seen since that one is left."""
        return frozenset(self._by_ids(event_id_of, _DOUBLED, event_ids))

    def note_twin_gone(self, run_id: str, event_id: EventId) -> None:
        """Records that Revel shows one order of the event again."""
        with self._transactions.changing(run_id) as change:
            change.audit(AuditKind.TWIN_GONE, event_id)

    def snapshot(self, event_id: EventId) -> Event | None:
        """The copy of an event that was last held or failed, without customer data; None if there is none.

        LedgerDamaged if it is unreadable.
        """
        return self._first(lambda row: decode_snapshot(row["snapshot"]), _SNAPSHOT, (event_id,))

    def retryable(self) -> tuple[EventId, ...]:
        """The unresolved events that were last held or failed, by day. Events without an id are left out."""
        return self._with_ids(_RETRYABLE)

    def unsuccessful_in(self, run: str) -> tuple[EventId, ...] | None:
        """The events that `run` (a run id or correlation id) held or failed; None if there is no such run."""
        with self._transactions.reading():
            if not self._is(_IS_RUN, {"run": run}):
                return None
            return tuple(dict.fromkeys(self._all(event_id_of, _UNSUCCESSFUL_IN, {"run": run})))

    def unsettled(self, first: date, last: date, today: date) -> tuple[EventId, ...]:
        """The events of these days (both included) that last waited or had trouble, and have no finished order.

        That is: held, failed, planned, TOO_EARLY, RUN_LIMIT_REACHED or CONNECTOR_DISABLED. The most urgent come first:
        nearest to `today`, then not seen for longest. Events without an id are left out.
        """
        return self._with_ids(_FIND_UNSETTLED, first, last, today)

    def left_behind(self, since: date, before: date) -> tuple[EventId, ...]:
        """The unresolved events from `since` on that last failed, and those before the day `before` that last waited.

        One that failed may have a finished order: then it couldn't be compared with it. If its day is unknown, because
        no run could read it, the day on which a run first tried counts. Events that a person has opened again are among
        them, whatever their day. Not seen for longest comes first. Events without an id are left out.
        """
        return self._with_ids(_FIND_LEFT_BEHIND, since, before)

    def _with_ids(self, sql: str, *days: date) -> tuple[EventId, ...]:
        """The events of these rows, without those that have no id."""
        found = self._all(event_id_of, sql, [each.isoformat() for each in days])
        return tuple(each for each in found if not each.startswith(NAMELESS))

    # What people settled

    def resolve(self, event_id: EventId, verdict: Verdict, note: str, order_id: OrderId | None) -> None:
        """Stores a person's verdict on an event, in place of an earlier one. Runs leave the event alone from now on.

        Orders named earlier stay named. `note` must be free of customer data. A change that is open is settled; the
        audit keeps it for `reopen`. If a recheck reported that a part of its order exists twice, that is settled, too.
        """
        with self._transactions.changing(None) as change:
            row = {"event_id": event_id, "verdict": verdict, "note": note, "order_id": order_id, "at": change.at}
            change.execute(_PUT_RESOLUTION, row)
            if change.execute(_END_RECHECK, row).rowcount:
                change.audit(AuditKind.LOOK_AGAIN, event_id, at="never")
            told = change.execute(_OPEN_CHANGE, (event_id,)).fetchone()
            settled = {"reason": told["reason"], "since": told["told_at"], "run_id": told["run_id"]} if told else {}
            change.audit(AuditKind.RESOLVED, event_id, verdict=verdict, note=note, order_id=order_id, **settled)
            change.execute(_DROP_CHANGE, {"event_id": event_id})

    def reopen(self, event_id: EventId, note: str) -> bool:
        """Removes the verdict, and somebody else's order. False if there was neither.

        The next run reads the event by its id, searches Revel and plans it again, and what changed after the verdict is
        settled. But if its order is finished, the change that the verdict had settled is open again.
        """
        with self._transactions.changing(None) as change:
            dropped = change.execute("DELETE FROM resolutions WHERE event_id = ?", (event_id,)).rowcount > 0
            if dropped:
                finished = change.execute(_HAS_FINISHED, (event_id,)).fetchone()["finished"]
                change.execute(_BRING_BACK_CHANGE if finished else _DROP_CHANGE, {"event_id": event_id})
                change.audit(AuditKind.REOPENED, event_id, note=note)
            reopened = _drop_foreign(change, event_id, note) or dropped
            if reopened:
                change.execute(_WAIT_AGAIN, {"event_id": event_id})
            return reopened

    def note_listed(self, run_id: str, event_id: EventId, digest: str, *, changed: bool) -> None:
        """Records how a resolved event is listed now. The next run compares it with `digest`.

        `changed`: its change was reported. If not, no listing had shown it before.
        """
        kind = AuditKind.CHANGED_AFTER_RESOLUTION if changed else AuditKind.SEEN_AFTER_RESOLUTION
        with self._transactions.changing(run_id) as change:
            change.execute("UPDATE resolutions SET digest = ? WHERE event_id = ?", (digest, event_id))
            change.audit(kind, event_id, digest=digest)

    def note_named_orders(self, run_id: str, event_id: EventId, report: StationReport) -> None:
        """Records the report that the orders named for a resolved event no longer stand, or that one stands again.

        If one stands again, and nothing else was reported since the event was resolved, no change is open any more.
        """
        with self._transactions.changing(run_id) as change:
            change.audit(AuditKind.NAMED_ORDERS_SHOWN, event_id, change=report.change, text=report.text)
            if report.change is StationChange.UNDONE:
                change.execute(_DROP_CHANGE_OF_NAMED, {"event_id": event_id})

    def resolutions(self, event_ids: Iterable[EventId]) -> dict[EventId, Resolution]:
        """The resolutions of these events. Unresolved events are left out."""
        return {each.event_id: each for each in self._by_ids(_decode_resolution, _RESOLUTIONS_OF, event_ids)}

    def resolved_between(self, first: date, last: date) -> dict[EventId, Resolution]:
        """The events of these days (both included) that a person resolved as done, and that have no finished order.

        Not seen for longest comes first. Events without an id, or that no run has seen, are left out.
        """
        with self._transactions.reading():
            ids = self._with_ids(_RESOLVED_BETWEEN, first, last)
            found = self.resolutions(ids)
            return {event_id: found[event_id] for event_id in ids}

    def all_resolutions(self) -> tuple[Resolution, ...]:
        """Every resolution, newest first."""
        return self._all(_decode_resolution, _ALL_RESOLUTIONS)

    def _put(self, change: Change, result: EventResult) -> bool:
        """Stores one result of a live run. True if it is new or changed.

        The first `missed` sets `missed_at`, which stays until the event is on another day. The live result replaces a
        dry run's.
        """
        known = self.last_results([result.event_id]).get(result.event_id)
        row = _encode_result(change, result)
        latest = _later(known.updated if known else None, result.updated)
        more = {
            "digest": result.digest,
            "order_id": result.order_id,
            "updated": latest.isoformat() if latest else None,
            "snapshot": encode_snapshot(result.event) if result.event and result.status in TROUBLE else None,
            "unlisted": result.unlisted,
        }
        stands = known is not None and _stands(known, result)
        if not stands:
            change.execute(_PUT_RESULT, {**row, **more})
        if result.looked_into:
            change.execute(_DROP_DRY, (result.event_id,))
        if result.status in _ATTEMPTED:
            change.execute(_PUT_ATTEMPT, {**row, **more})
        if result.status == "injected":
            change.execute(_IS_TOLD, (result.event_id,))
        if stands:
            return False
        day, text_hash = row["event_day"], row["text_hash"]
        if result.missed and not (known and known.was_missed_on(result.day)):
            change.audit(AuditKind.MISSED, result.event_id, day=day)
        is_news = known is None or not _is_same(result, text_hash, (known.status, known.reason, known.details_hash))
        if is_news:
            told = {"status": result.status, "reason": result.reason, "again": "yes" if result.repeated else None}
            change.audit(AuditKind.SEEN, result.event_id, day=day, text_hash=text_hash, **told)
        return is_news


class DeliveryRepository(Repository):
    """`ledger.deliveries`: the webhook deliveries that are done, so none is done twice (DESIGN 4)."""

    def is_known(self, key: DeliveryKey, received: datetime) -> bool:
        """Whether this delivery was done before, by a run that began after it was `received`.

        An equal one that came later may tell of another change: edits of documents needn't move the stamp. A run that
        seems to begin later than now had a fast clock. Earlier versions stored the stamp without the body's hash. Such
        a row matches every delivery of its minute.
        """
        since, now = encode_instant(received), encode_instant(self._transactions.clock())
        row = (key.trigger, key.subject, _stored_stamp(key), key.stamp, since, now)
        return self._is(_KNOWS_DELIVERY, row)

    def store(
        self, run_id: str | None, key: DeliveryKey, event_id: EventId | None, *, signed: bool, reason: str | None
    ) -> None:
        """Records that the delivery is done, in this run (None: it needed none). `reason`: why it led to nothing."""
        with self._transactions.changing(run_id) as change:
            row = (key.trigger, key.subject, _stored_stamp(key), change.at, run_id)
            change.execute(_PUT_DELIVERY, row)
            told = {"trigger": key.trigger, "subject": key.subject, "body": key.body_hash, "reason": reason}
            stamp, word = key.stamp or key.body_hash, "yes" if signed else "no"
            change.audit(AuditKind.DELIVERY, event_id, signed=word, stamp=stamp, **told)


def _drop_foreign(change: Change, event_id: EventId, note: str) -> bool:
    """Forgets somebody else's order and what was reported of it. False if the event has none."""
    row = change.execute(_FOREIGN, (event_id,)).fetchone()
    if row is None:
        return False
    for table in ("orders", "shown_orders", "open_changes"):
        change.execute(f"DELETE FROM {table} WHERE event_id = ?", (event_id,))  # noqa: S608 (named above)
    text = f"someone else's Revel order {row['order_id']} no longer counts; a person opened the event again"
    change.audit(AuditKind.RELEASED, event_id, order_id=row["order_id"], text=f"{text}: {note}" if note else text)
    return True


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    """The later of two of TripleSeat's times; `other` if they can't be compared because only one has a zone."""
    if one is None or other is None or (one.tzinfo is None) != (other.tzinfo is None):
        return other or one
    return max(one, other)


def _stands(known: LastResult, result: EventResult) -> bool:
    """Whether a known result stays because the run learned nothing of the event: a hold, a failure or a missed day.

    An event that waits for its time stays listed as due while runs are paused. A missed day, and a waiting event, stay
    only while the event is on the same day.
    """
    if result.looked_into:
        return False
    if known.status in TROUBLE:
        return True
    was_missed = known.missed_at is not None and known.reason == "EVENT_DAY_PASSED"
    waits = known.status == "planned" or known.reason in _WAITING
    is_same_day = result.day is None or result.day == known.day
    return is_same_day and (was_missed or (waits and result.reason == "CONNECTOR_DISABLED"))


def _put_dry(change: Change, result: EventResult, known: LastResult | None) -> bool:
    """Stores one result of a dry run, unless it equals the live one. True if it differs from the last dry run's."""
    last = change.execute(_LAST_DRY, (result.event_id,)).fetchone()
    before = record_of(LastResult, last) if last else None
    if before and _stands(before, result):
        return False
    row = _encode_result(change, result)
    now = row["text_hash"]
    stands = known is not None and _is_same(result, now, (known.status, known.reason, known.details_hash))
    if known and stands and (known.was_missed_on(result.day) or not result.missed):
        change.execute(_DROP_DRY, (result.event_id,))
        return False
    change.execute(_PUT_DRY, row)
    is_news = before is None or not _is_same(result, now, (before.status, before.reason, before.details_hash))
    if is_news:
        change.audit(
            AuditKind.SEEN_DRY, result.event_id, day=row["event_day"], status=result.status, reason=result.reason
        )
    return is_news


def _is_same(result: EventResult, details_hash: str | None, before: tuple[str, str | None, str]) -> bool:
    """Whether the result is the same as `before`: its status, reason and hash of its details.

    Earlier versions stored the hash of a sentence. In their rows only status and reason count.
    """
    status, reason, known_hash = before
    is_comparable = known_hash.startswith(OF_DETAILS)
    return (status, reason) == (result.status, result.reason) and (known_hash == details_hash or not is_comparable)


def _encode_result(change: Change, result: EventResult) -> dict[str, str | None]:
    """The columns that live and dry results share."""
    return {
        "event_id": result.event_id,
        "event_day": result.day.isoformat() if result.day else None,
        "location": result.location,
        "status": result.status,
        "reason": result.reason,
        "text_hash": hash_of_details(result.details),
        "missed_at": change.at if result.missed else None,
        "at": change.at,
        "run_id": change.run_id,
    }


def _stored_stamp(key: DeliveryKey) -> str:
    """Stamp and hash in one column; without a stamp only the hash, as earlier versions stored it."""
    return f"{key.stamp} {key.body_hash}".strip()


def _decode_resolution(row: sqlite3.Row) -> Resolution:
    named = [*json.loads(row["orders"]), row["order_id"]]
    return record_of(
        Resolution,
        row,
        orders=tuple(dict.fromkeys(filter(None, named))),
        was_done=bool(row["was_done"]) or row["verdict"] == "done",
        named_gone=row["named_gone"] or "",
    )
