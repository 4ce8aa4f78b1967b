"""The data that the ledger returns. Instants are aware and in UTC. Nothing here reads or writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Literal

from tsrevel.ledger.plan_json import hash_of_details
from tsrevel.planning.changes import EventDetails
from tsrevel.planning.model import Event, EventId, Hold, OrderId, Plan
from tsrevel.planning.reasons import TROUBLE, Reason

Clock = Callable[[], datetime]
"""Returns the current instant, aware, in UTC."""

PENDING = timedelta(minutes=15)
"""How long after its sending a write of unknown outcome may still be applied."""

GONE = "deleted"
"""The digest of an event that TripleSeat no longer has."""

FAILED_AGAIN = ("failed again",)
"""The last of the details of a failure that an earlier run had reported, too."""

RunMode = Literal["bulk", "single"]

Verdict = Literal["done", "ignored"]
"""A person's verdict on an event. `done`: it has its order, or no longer needs one. `ignored`: it gets none."""

OrderState = Literal["claimed", "settled", "disputed", "foreign"]
"""`claimed`: the plan is stored; none, a part or all of its order is written. `settled`: Revel showed it complete.
`disputed`: the order in Revel isn't the plan. A person must check it, and runs never write to it again.
`foreign`: somebody else's order was found, so runs never write ours."""


class AuditKind(StrEnum):
    """The kind of an audit row. Codes never change their meaning."""

    CLAIMED = "claimed"
    RECORDED = "recorded"
    RECEIPT_REPLACED = "receipt_replaced"
    SENT = "sent"
    NOT_APPLIED = "not_applied"
    UNANSWERED = "unanswered"
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
    ORDER_AGREES = "order_agrees"
    TWIN_GONE = "twin_gone"
    FAILED = "failed"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    CHANGED_AFTER_RESOLUTION = "changed_after_resolution"
    SEEN_AFTER_RESOLUTION = "seen_after_resolution"
    NAMED_ORDERS_SHOWN = "named_orders_shown"
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
    """How a POS station changed a finished order: from its original state, or back to it."""

    CHANGED = "changed"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class StationReport:
    """The report of such a change. `text` is free of customer data."""

    change: StationChange
    text: str


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One pass over events; `replay` makes one for each delivery, with one correlation id.

    Without `finished_at` it still runs, or ended early. `followed`: a later run began, so it runs no more, because one
    lock lets one run in. `whole`: it left out no days, and no events of its locations. `locations`: those that it
    covered, by TripleSeat's id. A run that left out days names none, nor does one of an older version that covered all.
    `mode`: "bulk" lists events, "single" takes named or delivered ones.
    """

    run_id: str
    correlation_id: str
    mode: RunMode
    dry_run: bool
    started_at: datetime
    finished_at: datetime | None = None
    exit_status: int | None = None
    summary: Mapping[str, int] = field(default_factory=dict)
    whole: bool = True
    locations: tuple[str, ...] = ()
    followed: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """Revel's answer to the step with this `uuid`."""

    uuid: str
    kind: str
    revel_id: str | None


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """Everything known of the order of one event.

    `plan` is the claimed plan, and stays. `seen_plan` is the event's plan when a change was last reported. `digest` is
    the event's content hash then, or when the order was claimed or settled. `receipts` and `sent` are by the uuid of
    their step. `sent` is when each step was last sent; it is empty for a settled order. The outcome of `unanswered` is
    unknown. Foreign orders have `local_id`, disputed ones `reason` and `text`; older versions stored no `reason`.
    `recheck_at`: a write of unknown outcome was sent again, so a check from then on shows whether a part exists twice.
    `seen_trouble`: the hash of why the changed event couldn't be planned when last seen; None if it could.
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
    def is_finished(self) -> bool:
        """Whether the event has its order, made by us or by somebody else: runs never make one for it again."""
        return self.state in {"settled", "foreign"}

    @property
    def dispute(self) -> str | None:
        """Why it is disputed, for people: with its code, if known."""
        return describe_dispute(self.reason, self.text)

    @property
    def pending_until(self) -> datetime | None:
        """Until when a write of unknown outcome may still be applied; None if there is none."""
        return max((self.sent[uuid] + PENDING for uuid in self.unanswered), default=None)

    def pending(self, now: datetime) -> frozenset[str]:
        """The uuids of the sent and unanswered steps that may still be applied."""
        return frozenset(uuid for uuid in self.unanswered if now < self.sent[uuid] + PENDING)


@dataclass(frozen=True, slots=True)
class EventResult:
    """A run's result for one event, to be stored. The ledger stores only a hash of `details`.

    `updated` is TripleSeat's own time of the last change. `event` is the complete event: if it is held or failed, the
    ledger stores a copy without customer data. `news`: this run reports it to a person. `unlisted`: the listing should
    have the event and doesn't. `looked_into` False: nothing was learned of the event, so known trouble stays.
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
    details: tuple[str, ...] = ()

    @property
    def repeated(self) -> bool:
        """Whether it failed in an earlier run, too, so that a person is needed."""
        return self.details[-1:] == FAILED_AGAIN


@dataclass(frozen=True, slots=True)
class ContentHashes:
    """An event's content: `made` when its order was planned, `seen` when it was last compared.

    `made` and `seen` are hashes. The details beside each are None if an older version stored it.
    """

    made: str | None = None
    seen: str | None = None
    made_details: EventDetails | None = None
    seen_details: EventDetails | None = None

    @property
    def last(self) -> str | None:
        """The hash when the event was last compared, or else when its order was planned."""
        return self.seen or self.made

    @property
    def last_details(self) -> EventDetails | None:
        """The details then."""
        return self.seen_details if self.seen else self.made_details


@dataclass(frozen=True, slots=True)
class EventDrift:
    """A reported comparison of an event with its finished order, for the next comparison.

    `digest`: the event's content hash in the listing. "" if it wasn't listed: then a finished order is compared again
    at the next listing, and an unfinished one keeps its hash. `plan`: the order as it would be made now; None leaves
    the stored one. `trouble`: why the event can't be planned now; `keeps_trouble` leaves what is stored of that.
    `content`: the event's content hash, with its `details`; None leaves both.
    """

    event_id: EventId
    digest: str
    plan: Plan | None = None
    cancelled: bool = False
    trouble: Hold | None = None
    keeps_trouble: bool = False
    content: str | None = None
    details: EventDetails | None = None


def shows_repeated(details_hash: str) -> bool:
    """Whether a result with these details is a failure that an earlier run had reported, too, and nothing else."""
    return details_hash == hash_of_details(FAILED_AGAIN)


@dataclass(frozen=True, slots=True)
class LastResult:
    """The last result for an event. `missed_at`: when a run first saw its gate closed on that day without an order.

    `updated` is the latest of TripleSeat's own times of change. `unlisted_at`: since when the listing lacks the event,
    although it exists. `run_id`: the run whose result it is, stored at `seen_at`.
    """

    event_id: EventId
    day: date | None
    status: str
    reason: str | None
    details_hash: str
    missed_at: datetime | None
    updated: datetime | None = None
    unlisted_at: datetime | None = None
    location: str = ""
    run_id: str = ""
    seen_at: datetime | None = None

    @property
    def repeated(self) -> bool:
        """Whether it was a failure that an earlier run had reported, too, and nothing was told beside it."""
        return shows_repeated(self.details_hash)

    def was_missed_on(self, day: date | None) -> bool:
        """Whether a run has reported it as missed on that day, and nothing else of it since.

        It may be missed again: if it was postponed, or if a person let a run make its order and that was in vain.
        """
        return self.missed_at is not None and self.day == day and self.status not in TROUBLE


@dataclass(frozen=True, slots=True)
class Resolution:
    """A person's verdict on an event, and why. `order_id` is the order that a person last named.

    `digest` is the event's content hash then, or at the latest change reported since; None if unknown. If its order was
    begun and not finished, it is the hash of the event that the order was planned from. `orders` are all orders named
    since the event was last open. `was_done`: a person said `done` since then. `order_was_gone`: the last that runs
    told of its order, before this resolution, is that it was deleted or voided; `order_is_gone`: before or after it.
    `named_gone`: the report that no named order stands any more; "" without one, or if one stands again.
    """

    event_id: EventId
    verdict: Verdict
    note: str
    order_id: OrderId | None
    digest: str | None
    resolved_at: datetime
    orders: tuple[OrderId, ...] = ()
    was_done: bool = False
    order_was_gone: bool = False
    order_is_gone: bool = False
    named_gone: str = ""

    @property
    def may_replace(self) -> bool:
        """Whether an order that nobody named may stand in place of the event's own, which was gone by then."""
        return self.verdict == "done" and self.order_was_gone

    @property
    def may_have_order(self) -> bool:
        """Whether an order may exist that runs don't find. If so, an event that is opened again may get a second."""
        return self.was_done or bool(self.orders)


@dataclass(frozen=True, slots=True)
class DeliveryKey:
    """Identifies a webhook delivery. `subject` is "event 12" or "booking 34".

    `stamp` is the subject's `updated_at`, to the minute; "" if it has none. `body_hash` distinguishes deliveries of the
    same minute. It stays the same when a delivery is signed and sent again (facts TripleSeat 6.4).
    """

    trigger: str
    subject: str
    stamp: str
    body_hash: str


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One row of the append-only audit, without its hashes: `chain` verifies them."""

    seq: int
    at: datetime
    run_id: str | None
    kind: str
    event_id: EventId | None
    detail: Mapping[str, str]


def describe_dispute(reason: Reason | None, text: str | None) -> str | None:
    """Why an order is disputed, in one line with its code."""
    return f"{reason}: {text}" if reason else text
