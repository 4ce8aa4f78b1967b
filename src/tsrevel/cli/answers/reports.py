"""The answers of `status`, `history`, `explain`, `resolve` and `rehearse`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from tsrevel.cli.answers.model import Answer, Done, Id, IfAny, Instant, Money, OrderId, Text, fill
from tsrevel.cli.answers.runs import EventJson, PauseJson
from tsrevel.cli.answers.setup import AssumptionJson
from tsrevel.ledger import OrderRecord, OrderState, Resolution, RunMode, RunRecord, Verdict
from tsrevel.ledger.queries import Attempt, EventStatus, StepStatus
from tsrevel.planning.explain import How
from tsrevel.planning.model import Treatment
from tsrevel.planning.reasons import Category, FailedWrite, Reason, Status, advise

Day = Annotated[date | None, Field(serialization_alias="date")]
DoubtUntil = Annotated[Instant | None, Field(serialization_alias="doubt_until_at")]
"""Until this time Revel may still apply a write whose answer was lost."""
Dispute = Annotated[str | None, Field(serialization_alias="text")]
"""Why an order is in dispute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunJson:
    """A run as the ledger has it. Without `finished_at` it is under way, or its process ended early."""

    run_id: str
    correlation_id: str
    mode: RunMode
    dry_run: bool
    started_at: Instant
    finished_at: Instant | None
    seconds: int | None
    exit_status: int | None
    summary: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptJson:
    """The result of one run for an event."""

    event_id: Id
    at: Instant
    run_id: str
    correlation_id: str
    status: str
    reason: str | None
    order_id: OrderId


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStatusJson:
    """An event as a run last saw it. `since`: when it got this status. `advice`: what to do.

    `revel_order_id`: the order that the ledger knows, the event's own or somebody else's; `explain` names all.
    """

    event_id: Annotated[Id, Field(serialization_alias="id")]
    day: Day
    location: Text
    status: str
    reason: str | None
    category: Category | None
    since: Instant
    first_seen_at: Instant
    last_seen_at: Instant
    missed_at: Instant | None
    order_id: OrderId
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DueEventJson(EventStatusJson):
    """An event that waits for its day. `overdue`: its gate has closed, and no run has settled it since."""

    overdue: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedEventJson:
    """An event or an order that changed after the order was made."""

    event_id: Annotated[Id, Field(serialization_alias="id")]
    day: Day
    location: Text
    reason: str
    text: str
    order_id: OrderId
    told_at: Instant
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOrderJson:
    """An order that is begun and not finished, or in dispute. `receipts` is null if unknown."""

    event_id: Id
    state: OrderState
    day: Day
    location: Text
    order_id: OrderId
    total: Money | None
    steps: int
    receipts: int | None
    dispute: Dispute
    touched_at: Instant
    pending_until: DoubtUntil


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolutionJson:
    """A person's decision. `revel_order_ids`: every order that was named since the event was last open."""

    event_id: Id
    verdict: Verdict
    note: str
    order_id: OrderId
    orders: Annotated[tuple[Id, ...], Field(serialization_alias="revel_order_ids")]
    resolved_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderJson:
    """The order of an event as the ledger has it."""

    state: OrderState
    order_id: OrderId
    local_id: str | None
    total: Money | None
    cancelled: bool
    dispute: Dispute
    touched_at: Instant
    pending_until: DoubtUntil


@dataclass(frozen=True, slots=True, kw_only=True)
class StepJson:
    """A step of a plan. `receipt` is "not_kept" if it isn't stored (any more), and null if nothing was written."""

    kind: Annotated[str, Field(serialization_alias="step")]
    number: int
    uuid: str
    written: bool | None
    receipt: Literal["kept", "not_kept"] | None
    revel_id: str | None
    recorded_at: Annotated[Instant | None, Field(serialization_alias="at")]
    run_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveriesJson:
    """The webhook deliveries in the spool of `serve`: how many wait, since when, and how many failed."""

    waiting: int
    oldest: Annotated[Instant | None, Field(serialization_alias="oldest_at")]
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusAnswer(Done):
    """The state of an installation, read only from the ledger.

    `dry_run` is the setting as this command reads it, and `dry_run_origin` where it comes from. `dry_run_differs`: the
    last runs had the other value, so they have another environment or other settings.
    """

    now: Annotated[Instant, Field(serialization_alias="checked_at")]
    dry_run: bool
    dry_run_origin: str
    dry_run_differs: bool
    enabled: bool
    paused: PauseJson | None
    known: Annotated[bool, Field(serialization_alias="has_ledger")]
    last_good_run: RunJson | None
    seconds_since_good_run: int | None
    is_stale: Annotated[bool, Field(serialization_alias="stale")]
    warnings: tuple[str, ...]
    runs: tuple[RunJson, ...]
    held: tuple[EventStatusJson, ...]
    failed: tuple[EventStatusJson, ...]
    missed: tuple[EventStatusJson, ...]
    changed: tuple[ChangedEventJson, ...]
    dry_run_findings: tuple[EventStatusJson, ...]
    due: tuple[DueEventJson, ...]
    orders: tuple[OpenOrderJson, ...]
    resolved: tuple[ResolutionJson, ...]
    deliveries: DeliveriesJson
    assumptions: tuple[AssumptionJson, ...]
    environment: str
    settings: str | None
    ledger: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWithEventsJson(RunJson):
    """A run, and the events that it injected, held and failed, or first found missed or changed (skipped)."""

    events: tuple[AttemptJson, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsAnswer(Done):
    """The last runs: `history` without an event. Or the one run that was named."""

    paused: PauseJson | None
    runs: tuple[RunWithEventsJson, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FactJson:
    """A row of the audit."""

    seq: int
    at: Instant
    run_id: str | None
    kind: str
    text: str
    detail: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventHistoryAnswer(Answer):
    """Everything that happened to one event: `history` with an event. `receipts`: the steps with stored receipts."""

    success: bool
    event_id: Id
    known: bool
    event: EventStatusJson | None
    order: OrderJson | None
    resolution: ResolutionJson | None
    attempts: tuple[AttemptJson, ...]
    receipts: tuple[StepJson, ...]
    steps: tuple[StepJson, ...]
    facts: tuple[FactJson, ...]
    paused: PauseJson | None
    error: IfAny[str | None] = None
    exit_status: IfAny[int | None] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedOrderJson:
    """The order that a person named, as Revel has it. `day` is the one on which it was written."""

    id: Id
    establishment: Id | None
    day: Day
    total: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveAnswer(Done):
    """A person's decision (`resolution`), and the one `before` it. `order`: the one named now, if it was read."""

    event_id: Id
    verdict: Literal["done", "ignored", "open"]
    reason: Reason | None
    resolution: ResolutionJson | None
    before: ResolutionJson | None
    event: EventStatusJson | None
    order: NamedOrderJson | None
    warnings: tuple[str, ...]
    settings: str | None
    ledger: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedEventJson(EventJson):
    """The event with its decision, and with its status in TripleSeat."""

    tripleseat_status: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForetoldJson:
    """Why the event would be held if it were due now."""

    reason: Reason
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LineJson:
    """A line of a document and the product that it becomes. `how`: the rule that found the product."""

    name: str
    quantity: str
    amount: Money
    product: Id | None
    product_name: str | None
    how: How | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeJson:
    """A tax, fee or gratuity of TripleSeat. `as`: what it is in Revel; null if no setting says."""

    name: str
    amount: Money
    treat_as: Annotated[Treatment | None, Field(serialization_alias="as")]


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyJson:
    """The money of a document, and of the order that is planned from it. Unknown amounts are left out or null.

    `holds`: the parts of the document add up to its grand total.
    """

    lines_total: Annotated[IfAny[Money | None], Field(serialization_alias="lines")] = None
    discount: IfAny[Money | None] = None
    charges: IfAny[tuple[ChargeJson, ...] | None] = None
    charges_total: IfAny[Money | None] = None
    grand_total: Money | None = None
    event_total: Money | None = None
    holds: IfAny[bool | None] = None
    identity: IfAny[str | None] = None
    final_total: Annotated[IfAny[Money | None], Field(serialization_alias="order_total")] = None
    paid: IfAny[Money | None] = None
    remaining_due: IfAny[Money | None] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentJson:
    """A document of the event, and why it is, or may be, the order."""

    id: Id
    title: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RivalDocumentJson(DocumentJson):
    """One of several documents between which a person must choose."""

    lines: tuple[LineJson, ...]
    money: MoneyJson


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemJson:
    """An item of the order."""

    line: str
    product: Id
    product_name: str | None
    quantity: int
    unit_price: Money
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryJson:
    """A webhook delivery about the event."""

    at: Instant
    trigger: str | None
    signed: bool
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainAnswer(Answer):
    """The decision on one event, and the plan with the reason for each part of it.

    `source`: both services were read ("live"), or only the ledger. `foretold`: why it would be held if it were due now.
    `switched_off`: why runs do nothing now, or write nothing. `documents`: the ones between which a person must choose.
    """

    success: bool
    source: Literal["live", "ledger"]
    event_id: Id
    known: bool
    status: Status | None
    reason: Reason | None
    category: Category | None
    text: Text
    advice: str | None
    event: ExplainedEventJson | None
    foretold: ForetoldJson | None
    switched_off: str | None
    documents: tuple[RivalDocumentJson, ...]
    document: DocumentJson | None
    lines: tuple[LineJson, ...]
    money: MoneyJson | None
    items: tuple[ItemJson, ...]
    steps: tuple[StepJson, ...]
    last_seen: EventStatusJson | None
    order: OrderJson | None
    resolution: ResolutionJson | None
    attempts: tuple[AttemptJson, ...]
    deliveries: tuple[DeliveryJson, ...]
    error: IfAny[str | None] = None
    exit_status: IfAny[int | None] = None


class FieldResult(StrEnum):
    """The result for a field that was sent."""

    KEPT = "kept"
    CHANGED = "changed"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class SentField:
    """A field of a resource, with its worst result over all rows. It has no value, because some name customers."""

    resource: str
    field: str
    result: FieldResult


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalAnswer(Answer):
    """One order that was made under supervision. `station`: a person's answers; empty if nobody was asked.

    `left_to_check`: what a person must still check. `error` is there if no order was made, or if it couldn't be
    compared.
    """

    success: bool
    exit_status: int
    reason: Reason | None
    event: EventJson | None = None
    fields: tuple[SentField, ...] = ()
    station: dict[str, str] = field(default_factory=dict)
    left_to_check: tuple[str, ...] = ()
    error: IfAny[str | None] = None


def answer_run(run: RunRecord) -> RunJson:
    """A run as the ledger has it."""
    seconds = int((run.finished_at - run.started_at).total_seconds()) if run.finished_at else None
    return fill(RunJson, run, seconds=seconds)


def answer_status(each: EventStatus, *, failed_write: FailedWrite | None = None) -> EventStatusJson:
    """An event as a run last saw it. `failed_write`: as for `advise`."""
    known = Reason.__members__.get(each.reason or "")  # an older version's code may be gone
    advice = advise(
        each.event_id,
        each.status,
        each.reason,
        has_order=each.has_order,
        failed_write=failed_write,
        again=each.repeated,
    )
    return fill(EventStatusJson, each, category=known.category if known else None, advice=advice)


def answer_resolution(each: Resolution | None) -> ResolutionJson | None:
    """A person's decision, if there is one."""
    return fill(ResolutionJson, each) if each else None


def answer_record(record: OrderRecord | None) -> OrderJson | None:
    """The order of an event as the ledger has it, if it does."""
    if record is None:
        return None
    local_id = record.plan.local_id if record.plan else record.local_id
    return fill(OrderJson, record, local_id=local_id, total=record.plan.final_total if record.plan else None)


def answer_attempts(attempts: Iterable[Attempt]) -> tuple[AttemptJson, ...]:
    """The results of runs for events."""
    return tuple(fill(AttemptJson, each) for each in attempts)


def answer_steps(steps: Iterable[StepStatus]) -> tuple[StepJson, ...]:
    """Steps of the claimed plan, with their receipts."""
    return tuple(fill(StepJson, step, number=step.number + 1, receipt=receipt_of(step)) for step in steps)


def receipt_of(step: StepStatus) -> Literal["kept", "not_kept"] | None:
    """ "not_kept" if the receipt isn't stored (any more); None if nothing was written."""
    if step.kept:
        return "kept"
    return None if step.written is False else "not_kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationJson:
    """The state of one settings file's installation. With an `error` all else is unknown.

    `alarm`: a person must check an order before anything more is written. `warnings` are those of `status`.
    `unwritable`: this user can't write to the ledger, so its runs can't begin.
    """

    name: str
    config: str
    exit_status: int
    error: str | None = None
    last_good_at: Instant | None = None
    ago: Annotated[str | None, Field(exclude=True)] = None
    stale: bool = False
    held: int = 0
    failed: int = 0
    missed: int = 0
    changed: int = 0
    overdue: int = 0
    paused: bool = False
    dry_run: bool = False
    disputed: bool = False
    alarm: bool = False
    unwritable: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AllStatusAnswer(Answer):
    """All installations of a folder. `exit_status` is that of the worst."""

    success: bool
    exit_status: int
    installations: tuple[InstallationJson, ...]
