"""Answers a person's questions: what needs attention, and what happened to this event? Only reads."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tsrevel.ledger.connection import Repository, decode_instant, encode_instant, reader_of, record_of
from tsrevel.ledger.older_rows import read_dispute
from tsrevel.ledger.orders import DISPUTED_FOR
from tsrevel.ledger.plan_json import decode_plan
from tsrevel.ledger.records import PENDING, OrderState, describe_dispute, shows_repeated
from tsrevel.planning.model import EventId, OrderId
from tsrevel.planning.money import ZERO, Cents
from tsrevel.text import count_of, show_span

_ORDER = "orders.order_id, (orders.order_id IS NOT NULL AND orders.state <> 'foreign') AS has_order"
_STATUS = """
    iif(sightings.status = 'planned', 'skipped', sightings.status) AS status,
    iif(sightings.status = 'planned', 'REOPENED', sightings.reason) AS reason
"""
"""No live run leaves an event planned: a person opened it again, and no run has read it since (`events.reopen`)."""
_STATUSES = f"""
    SELECT sightings.event_id, event_day AS day, location, {_STATUS}, text_hash AS details_hash,
        missed_at, first_seen_at, last_seen_at, {_ORDER}, coalesce(
            (SELECT min(at) FROM audit AS trouble
             WHERE trouble.event_id = sightings.event_id AND kind = 'seen'
               AND seq > coalesce(
                   (SELECT max(seq) FROM audit AS other
                    WHERE other.event_id = sightings.event_id AND kind = 'seen'
                      AND json_extract(other.detail, '$.status') <> sightings.status),
                   0)),
            last_seen_at) AS since
    FROM sightings LEFT JOIN orders USING (event_id)
    WHERE (NOT EXISTS (
            SELECT 1 FROM resolutions WHERE resolutions.event_id = sightings.event_id
                AND (resolved_at >= last_seen_at OR orders.state IS NULL OR orders.state NOT IN ('settled', 'foreign')))
        OR (reason = 'DUPLICATE_ORDERS' AND orders.state IN ('settled', 'foreign')))
"""  # noqa: S608 (no value comes from outside)
"""A resolution ends no report of a second order, nor what runs have reported of a finished order since."""
# `+event_day` makes SQLite sort the found rows. Without + it reads every event, row by row, by the index of days.
_HELD_OR_FAILED = f"""
    {_STATUSES} AND sightings.status IN ('held', 'failed') ORDER BY +event_day, location, event_id
"""
_NO_ORDER = "(orders.state IS NULL OR orders.state NOT IN ('settled', 'foreign'))"
_WAITING_EVENTS = f"""
    {_STATUSES} AND (sightings.status = 'planned'
        OR sightings.status = 'skipped' AND reason IN ('TOO_EARLY', 'RUN_LIMIT_REACHED')) AND {_NO_ORDER}
    ORDER BY +event_day, location, event_id
"""
_MISSED_EVENTS = f"""
    {_STATUSES} AND missed_at IS NOT NULL AND reason = 'EVENT_DAY_PASSED' AND {_NO_ORDER}
    ORDER BY +event_day, location, event_id
"""
_DRY_FINDINGS = f"""
    SELECT event_id, event_day AS day, location, status, reason, text_hash AS details_hash, missed_at,
        since_at AS first_seen_at, last_seen_at, {_ORDER}, since_at AS since
    FROM dry_sightings LEFT JOIN orders USING (event_id)
    WHERE (status IN ('held', 'failed') OR missed_at IS NOT NULL AND reason = 'EVENT_DAY_PASSED')
      AND event_id NOT IN (SELECT event_id FROM resolutions)
      AND (state IS NULL OR state NOT IN ('settled', 'foreign'))
      AND NOT EXISTS (
          SELECT 1 FROM sightings AS known
          WHERE known.event_id = dry_sightings.event_id AND known.status = dry_sightings.status
            AND known.reason IS dry_sightings.reason
            AND (known.missed_at IS NOT NULL OR dry_sightings.missed_at IS NULL))
    ORDER BY event_day, location, event_id
"""  # noqa: S608 (likewise)
"""Leaves out findings that a live run has in the same state, perhaps in other words."""
_OPEN_CHANGES = """
    SELECT event_id, event_day AS day, coalesce(location, '') AS location, open_changes.reason, told_at
    FROM open_changes LEFT JOIN sightings USING (event_id)
    WHERE :event_id IS NULL OR event_id = :event_id ORDER BY event_day, event_id
"""
_EVENT_STATUS = f"""
    SELECT event_id, event_day AS day, location, {_STATUS}, text_hash AS details_hash, missed_at,
        first_seen_at, last_seen_at, {_ORDER}, last_seen_at AS since
    FROM sightings LEFT JOIN orders USING (event_id) WHERE event_id = ?
"""  # noqa: S608 (likewise)
_ARE_UNKNOWN = """
    (state = 'disputed' AND NOT EXISTS (SELECT 1 FROM receipts AS known WHERE known.event_id = orders.event_id))
"""
"""An order found in Revel that differs from the plan, after the ledger lost or dropped its rows about it."""
_OPEN_ORDERS = f"""
    SELECT event_id, state, plan, order_id, text, touched_at, {_ARE_UNKNOWN} AS unknown, {DISPUTED_FOR} AS reason,
        (SELECT max(sent_at) FROM steps WHERE steps.event_id = orders.event_id AND unanswered) AS pending_since,
        (SELECT count(*) FROM steps WHERE steps.event_id = orders.event_id) AS steps,
        (SELECT count(*) FROM receipts WHERE receipts.event_id = orders.event_id) AS receipts
    FROM orders
    WHERE state IN ('claimed', 'disputed') AND event_id NOT IN (SELECT event_id FROM resolutions)
    ORDER BY touched_at, event_id
"""  # noqa: S608 (all of it is written here)
_ATTEMPTS_OF_EVENT = """
    SELECT attempts.run_id, correlation_id, event_id, status, reason, order_id, at
    FROM attempts JOIN runs USING (run_id)
    WHERE event_id = ? ORDER BY at, attempts.rowid
"""
_FINDINGS_OF_RUNS = """
    WITH wanted AS (SELECT value AS run_id FROM json_each(?)),
    told AS (
        SELECT run_id, event_id, status, reason, order_id, at, 1 AS part, rowid AS number FROM attempts
        WHERE run_id IN wanted
        UNION ALL
        SELECT audit.run_id, event_id, 'skipped',
            iif(kind = 'missed', 'EVENT_DAY_PASSED', json_extract(detail, '$.reason')), order_id, at, 2, seq
        FROM audit LEFT JOIN orders USING (event_id)
        WHERE seq > coalesce(
                (SELECT seq FROM audit WHERE kind = 'run_begun' AND run_id = (
                    SELECT run_id FROM runs WHERE run_id IN wanted ORDER BY rowid LIMIT 1) ORDER BY seq DESC LIMIT 1),
                0)
            AND audit.run_id IN wanted
            AND (kind = 'missed' OR kind = 'seen' AND json_extract(detail, '$.status') = 'skipped'
                AND json_extract(detail, '$.reason') IN ('CHANGED_AFTER_INJECTION', 'CANCELLED_AFTER_INJECTION')))
    SELECT run_id, correlation_id, event_id, status, reason, order_id, at
    FROM told JOIN runs USING (run_id) ORDER BY part, number
"""
"""The search begins at the first of these runs, from the end: no index of the audit is by run."""
_PLANS_OF_RUNS = """
    SELECT attempts.run_id, plan FROM attempts JOIN orders USING (event_id)
    WHERE status = 'injected' AND attempts.run_id IN (SELECT value FROM json_each(?))
"""
_STEPS = f"""
    SELECT steps.kind, number, uuid, revel_id, recorded_at, receipts.run_id, state, receipts.uuid IS NOT NULL AS kept,
        {_ARE_UNKNOWN} AS unknown
    FROM steps JOIN orders USING (event_id) LEFT JOIN receipts USING (event_id, uuid)
    WHERE event_id = ? ORDER BY seq
"""  # noqa: S608 (likewise)


@dataclass(frozen=True, slots=True)
class EventStatus:
    """The status of an event when a run last saw it. `since`: the event has had that status since then.

    `location` is the [[locations]] entry's name, else TripleSeat's; '' if only an earlier version saw the event.
    `order_id`: the order in Revel that the ledger knows. `has_order`: that is one of ours, finished or not.
    """

    event_id: EventId
    day: date | None
    location: str
    status: str
    reason: str | None
    details_hash: str
    missed_at: datetime | None
    first_seen_at: datetime
    last_seen_at: datetime
    since: datetime
    order_id: OrderId | None
    has_order: bool

    @property
    def repeated(self) -> bool:
        """Whether it had failed before, too."""
        return shows_repeated(self.details_hash)


@dataclass(frozen=True, slots=True)
class OpenChange:
    """A change after injection or resolution that was reported at `told_at`, and that nobody has settled since."""

    event_id: EventId
    day: date | None
    location: str
    reason: str
    told_at: datetime


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """A claimed or disputed order. `dispute` says why it is disputed; `total` is in cents.

    `receipts` is None if the order was found in Revel without receipts in the ledger: nobody knows what is written.
    """

    event_id: EventId
    state: OrderState
    day: date | None
    location: str
    order_id: OrderId | None
    total: Cents | None
    steps: int
    receipts: int | None
    dispute: str | None
    touched_at: datetime
    pending_until: datetime | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """A run that injected, held or failed an event, or first found it missed or changed (skipped)."""

    run_id: str
    correlation_id: str
    event_id: EventId
    status: str
    reason: str | None
    order_id: OrderId | None
    at: datetime


@dataclass(frozen=True, slots=True)
class UnsentMails:
    """The mails that SendGrid hasn't accepted, though runs tried. `since`: when the oldest was made."""

    count: int
    since: datetime

    def describe(self, now: datetime) -> str:
        return f"SendGrid hasn't accepted {count_of(self.count, 'mail')}, the oldest for {show_span(now - self.since)}"


@dataclass(frozen=True, slots=True)
class StepStatus:
    """A step of the claimed plan with its receipt: Revel's id, when, in which run; None without a receipt.

    `written` without `kept`: Revel showed it, but the ledger has no receipt (pruned, or a new ledger). `written` is
    None if unknown: the order is disputed and has no receipt at all.
    """

    kind: str
    number: int
    uuid: str
    written: bool | None
    kept: bool
    revel_id: str | None
    recorded_at: datetime | None
    run_id: str | None


_RECENT_EVENTS = f"""
    WITH seen AS (
        SELECT event_id, event_day, {_STATUS}, last_seen_at FROM sightings
        UNION ALL
        SELECT event_id, event_day, status, reason, last_seen_at FROM dry_sightings
        WHERE event_id NOT IN (SELECT event_id FROM sightings)
    )
    SELECT event_id, coalesce(event_day || ' ', '') || status || coalesce(' ' || reason, '') AS text FROM seen
    WHERE substr(event_id, 1, length(?1)) = ?1 ORDER BY last_seen_at DESC, event_id LIMIT ?2
"""  # noqa: S608 (likewise)
_UNSENT = """
    SELECT count(*) AS count, min(made_at) AS since FROM mails
    WHERE (state = 'due' AND EXISTS (SELECT 1 FROM mails WHERE state = 'due' AND attempts > 0))
        OR (state = 'given_up' AND tried_at > :week_ago
            AND number > (SELECT coalesce(max(number), 0) FROM mails WHERE state = 'sent'))
"""
"""If one mail failed, all that wait count. A mail that was given up counts until a later one is sent, or for a week."""


class LedgerQueries(Repository):
    """`ledger.queries`: what `status`, `history` and `explain` show of events and orders."""

    def held_or_failed(self) -> tuple[EventStatus, ...]:
        """The events that were held or failed when last seen, by day.

        Resolved ones only with a second order, or if a run has reported it of their finished order since.
        """
        return self._all(reader_of(EventStatus), _HELD_OR_FAILED)

    def waiting(self) -> tuple[EventStatus, ...]:
        """The unresolved events that wait for their day or for the next run, by day."""
        return self._all(reader_of(EventStatus), _WAITING_EVENTS)

    def missed(self) -> tuple[EventStatus, ...]:
        """The unresolved events whose gate closed without an order, by day."""
        return self._all(reader_of(EventStatus), _MISSED_EVENTS)

    def dry_findings(self) -> tuple[EventStatus, ...]:
        """The events that only a dry run found held, failed or missed, by day."""
        return self._all(reader_of(EventStatus), _DRY_FINDINGS)

    def event_status(self, event_id: EventId) -> EventStatus | None:
        """The event's status when last seen, resolved or not; None if no run ever saw it."""
        return self._first(reader_of(EventStatus), _EVENT_STATUS, (event_id,))

    def recent_events(self, prefix: str, limit: int) -> tuple[tuple[EventId, str], ...]:
        """The `limit` events seen last whose ids begin with `prefix`, each with its day, status and reason as text."""
        return self._all(lambda row: (EventId(row["event_id"]), row["text"]), _RECENT_EVENTS, (prefix, limit))

    def open_changes(self, event_id: EventId | None = None) -> tuple[OpenChange, ...]:
        """The reported changes that nobody has settled, by day, or that of one event. Some may have been undone since.

        The events have a finished order, or a person has resolved them.
        """
        return self._all(reader_of(OpenChange), _OPEN_CHANGES, {"event_id": event_id})

    def open_orders(self) -> tuple[OpenOrder, ...]:
        """The claimed and disputed orders of unresolved events, longest unchanged first. LedgerDamaged: bad plan."""
        return self._all(_decode_open_order, _OPEN_ORDERS)

    def attempts_at(self, event_id: EventId) -> tuple[Attempt, ...]:
        """Every attempt at the event, oldest first."""
        return self._all(reader_of(Attempt), _ATTEMPTS_OF_EVENT, (event_id,))

    def attempts_in(self, run_ids: Iterable[str]) -> tuple[Attempt, ...]:
        """The attempts of these runs, in their order, and after them what the runs first found missed or changed."""
        return self._by_ids(reader_of(Attempt), _FINDINGS_OF_RUNS, run_ids)

    def totals_of(self, run_ids: Iterable[str]) -> dict[str, dict[str, Cents]]:
        """The sums of the orders that each of these runs made, by currency.

        Runs without orders, or with a lost plan, are left out. LedgerDamaged: bad plan.
        """
        totals: defaultdict[str, defaultdict[str, Cents]] = defaultdict(lambda: defaultdict(lambda: ZERO))
        lost = set()
        with self._transactions.reading() as connection:
            for run_id, text in connection.execute(_PLANS_OF_RUNS, (json.dumps(list(run_ids)),)):
                if text is None:
                    lost.add(run_id)
                else:
                    plan = decode_plan(text)
                    sums, currency = totals[run_id], plan.location.currency
                    sums[currency] = Cents(sums[currency] + plan.final_total)
        return {run_id: dict(sums) for run_id, sums in totals.items() if run_id not in lost}

    def steps_of(self, event_id: EventId) -> tuple[StepStatus, ...]:
        """The steps of the claimed plan with their receipts, in the order of writing; empty without a claim."""
        return self._all(_decode_step, _STEPS, (event_id,))

    def unsent_mails(self, now: datetime) -> UnsentMails | None:
        """The mails that wait because runs tried in vain, or were given up lately; None if there are none."""
        with self._transactions.reading() as connection:
            row = connection.execute(_UNSENT, {"week_ago": encode_instant(now - timedelta(weeks=1))}).fetchone()
            return UnsentMails(row["count"], datetime.fromisoformat(row["since"])) if row["count"] else None


def _decode_open_order(row: sqlite3.Row) -> OpenOrder:
    plan = decode_plan(row["plan"]) if row["plan"] else None
    since = decode_instant(row["pending_since"])
    return record_of(
        OpenOrder,
        row,
        day=plan.day if plan else None,
        location=plan.location.name if plan else "",
        total=plan.final_total if plan else None,
        receipts=None if row["unknown"] else row["receipts"],
        dispute=describe_dispute(*read_dispute(row["reason"], row["text"])),
        pending_until=since + PENDING if since else None,
    )


def _decode_step(row: sqlite3.Row) -> StepStatus:
    written = None if row["unknown"] else bool(row["kept"]) or row["state"] == "settled"
    return record_of(StepStatus, row, written=written)
