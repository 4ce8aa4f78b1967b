"""What the ledger hands out, as data. Instants are aware and in UTC. Nothing here reads or writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Literal

from tsrevel.planning.model import Event, EventId, OrderId, Plan
from tsrevel.planning.reasons import Reason

Clock = Callable[[], datetime]
"""Gives the present instant, aware, in UTC."""

PENDING = timedelta(minutes=15)
"""How long a write whose outcome isn't known may still be applied, counted from its sending."""

RunMode = Literal["bulk", "single"]

Verdict = Literal["done", "ignored"]
"""A person's word on an event. `done`: it has its order, or needs none any more. `ignored`: it is to have none."""

OrderState = Literal["claimed", "settled", "disputed", "foreign"]
"""`claimed`: the plan is stored, its order may be anywhere between unwritten and complete. `settled`: Revel showed
it complete. `disputed`: what Revel holds isn't the plan; a person must look, and it is never written again.
`foreign`: somebody else's order was found; ours is never written."""


class AuditKind(StrEnum):
    """What a row of the audit is about. Codes never change their meaning."""

    CLAIMED = "claimed"
    RECORDED = "recorded"
    RECEIPT_REPLACED = "receipt_replaced"
    SENT = "sent"
    NOT_APPLIED = "not_applied"
    NOT_SHOWN = "not_shown"
    CLOCK_CORRECTED = "clock_corrected"
    SETTLED = "settled"
    DISPUTED = "disputed"
    LOOK_AGAIN = "look_again"
    FOREIGN = "foreign"
    RELEASED = "released"
    REMEMBERED = "remembered"
    SEEN = "seen"
    SEEN_DRY = "seen_dry"
    MISSED = "missed"
    ORDER_SHOWN = "order_shown"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    CHANGED_AFTER_RESOLUTION = "changed_after_resolution"
    RUN_BEGUN = "run_begun"
    RUN_FINISHED = "run_finished"
    LEFT_OUT = "left_out"
    PAUSED = "paused"
    PAUSE_REASON_ADDED = "pause_reason_added"
    RESUMED = "resumed"
    DELIVERY = "delivery"
    DELIVERY_REFUSED = "delivery_refused"
    MAIL_SENT = "mail_sent"
    MAIL_GIVEN_UP = "mail_given_up"
    PRUNED = "pruned"
    CATALOGUE_KEPT = "catalogue_kept"
    CATALOGUE_DROPPED = "catalogue_dropped"
    ASSUMPTIONS_TESTED = "assumptions_tested"
    REHEARSED = "rehearsed"
    # No longer written; rows of older versions have them:
    TAKEN_UP = "taken_up"
    IN_DOUBT = "in_doubt"


class StationChange(StrEnum):
    """What a report said of a finished order that a POS station has changed: so it is now, or as it was made again."""

    CHANGED = "changed"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class StationReport:
    """What was reported of such a change. `text` is free of customer data."""

    change: StationChange
    text: str


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One invocation. Without `finished_at` it is still going, or died. `whole`: no days and no places left out."""

    run_id: str
    correlation_id: str
    mode: RunMode
    dry_run: bool
    started_at: datetime
    finished_at: datetime | None = None
    exit_status: int | None = None
    summary: Mapping[str, int] = field(default_factory=dict)
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Receipt:
    """Revel's answer to the step with this `uuid`."""

    uuid: str
    kind: str
    revel_id: str | None


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """What is known of the order of one event.

    `plan` is the one claimed, and stays; `seen_plan` is the last one that a change of the event was reported
    against, `digest` the content hash of that moment. `receipts` go by the uuid of their step, and so does `sent`: when
    each step was last sent, as far as an order isn't settled. Of `unanswered` it isn't known whether they were applied.
    `local_id` is kept of foreign orders, `reason` and `text` (why) of disputed ones; `reason` is None where an older
    version stored none. `recheck_at`: a write was sent again whose
    outcome had been unknown; checked once more from then on, the order shows whether a part of it is there twice.
    `seen_trouble` is the hash of why the event, changed, couldn't be planned when last seen; None if it could.
    """

    event_id: EventId
    state: OrderState
    plan: Plan | None
    order_id: OrderId | None
    digest: str | None
    cancelled: bool
    touched_at: datetime
    receipts: Mapping[str, Receipt]
    seen_plan: Plan | None = None
    local_id: str | None = None
    reason: Reason | None = None
    text: str | None = None
    sent: Mapping[str, datetime] = field(default_factory=dict)
    unanswered: frozenset[str] = frozenset()
    recheck_at: datetime | None = None
    seen_trouble: str | None = None

    @property
    def dispute(self) -> str | None:
        """Why it is disputed, for people: with its code where that is known."""
        return describe_dispute(self.reason, self.text)

    @property
    def pending_until(self) -> datetime | None:
        """Until when a write to it may still be applied of which that isn't known; None if there is no such write."""
        return max((self.sent[uuid] + PENDING for uuid in self.unanswered), default=None)

    def pending(self, now: datetime) -> frozenset[str]:
        """The uuids of the steps that were sent, aren't answered, and may still be applied."""
        return frozenset(uuid for uuid in self.unanswered if now < self.sent[uuid] + PENDING)


@dataclass(frozen=True, slots=True)
class EventResult:
    """What a run made of one event, to be stored. Of `text` only a hash is kept.

    `updated` is TripleSeat's own stamp of the event. `event` is the event as it was seen whole: where it is held or
    failed, a copy of it without customer data is kept. `news`: a person is told of it now. `unlisted`: the listing
    should have shown it and didn't. Not `looked_into`: the run didn't come to it, so that trouble known of it stands.
    """

    event_id: EventId
    day: date | None
    status: str
    reason: str | None
    text: str
    digest: str | None
    missed: bool = False
    updated: datetime | None = None
    order_id: OrderId | None = None
    event: Event | None = None
    location: str = ""
    news: bool = False
    unlisted: bool = False
    looked_into: bool = True


@dataclass(frozen=True, slots=True)
class ContentHashes:
    """Hashes of an event's content: `made` its order was planned from, `seen` was last compared with it."""

    made: str | None = None
    seen: str | None = None


@dataclass(frozen=True, slots=True)
class LastResult:
    """What was last made of an event. `missed_at` is when its gate was first seen closed without an order.

    `updated` is the latest of TripleSeat's own stamps of the event. `unlisted_at` is since when the listing lacks it,
    though it is there.
    """

    event_id: EventId
    day: date | None
    status: str
    reason: str | None
    text_hash: str
    missed_at: datetime | None
    updated: datetime | None = None
    unlisted_at: datetime | None = None
    location: str = ""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a person settled about an event, and why. `order_id` is the order that a person said last it has.

    `digest` is the content hash of the event then, or of the latest change that was told since; None: not known.
    `orders` are all that were named since the event was last open, `was_done` whether `done` was said since.
    """

    event_id: EventId
    verdict: Verdict
    note: str
    order_id: OrderId | None
    digest: str | None
    resolved_at: datetime
    orders: tuple[OrderId, ...] = ()
    was_done: bool = False


@dataclass(frozen=True, slots=True)
class DeliveryKey:
    """What tells one webhook delivery from another: `subject` is "event 12" or "booking 34".

    `stamp` is the subject's `updated_at`, which is to the minute; "" where it has none. `body_hash` tells apart what
    was sent within one minute, and stays the same when a delivery is signed and sent again (facts TripleSeat 6.4).
    """

    trigger: str
    subject: str
    stamp: str
    body_hash: str


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One fact of the append-only audit. Its hashes aren't handed out: `chain` verifies them."""

    seq: int
    at: datetime
    run_id: str | None
    kind: str
    event_id: EventId | None
    detail: Mapping[str, str]


def describe_dispute(reason: Reason | None, text: str | None) -> str | None:
    """What an order is disputed for, in one line with its code."""
    return f"{reason}: {text}" if reason else text


def encode_instant(at: datetime) -> str:
    """`at` as ISO text in UTC with microseconds, so that text order is time order. ValueError if it is naive."""
    if at.tzinfo is None:
        raise ValueError("the ledger stores aware instants only: pass a clock that says UTC")
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def decode_instant(text: str | None) -> datetime | None:
    """The instant that `encode_instant` wrote, or None where none was stored."""
    return None if text is None else datetime.fromisoformat(text)
