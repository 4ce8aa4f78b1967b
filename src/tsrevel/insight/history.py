"""The history of one event, from its first sight to its last receipt, or of the last runs. Reads only the ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from tsrevel.ledger import AuditKind, AuditRow, ContentHashes, LedgerView, OrderRecord, Resolution, RunRecord
from tsrevel.ledger.queries import Attempt, EventStatus, OpenChange, StepStatus
from tsrevel.planning.model import EventId
from tsrevel.planning.money import Cents
from tsrevel.planning.reasons import FailedWrite


@dataclass(frozen=True, slots=True)
class EventHistory:
    """The ledger's rows about one event. `facts` are its audit rows, oldest first."""

    event_id: EventId
    standing: EventStatus | None = None
    record: OrderRecord | None = None
    resolution: Resolution | None = None
    attempts: tuple[Attempt, ...] = ()
    steps: tuple[StepStatus, ...] = ()
    facts: tuple[AuditRow, ...] = ()
    failed_write: FailedWrite | None = None
    open_change: OpenChange | None = None
    contents: ContentHashes | None = None

    @property
    def known(self) -> bool:
        """Whether any run or person ever dealt with it."""
        return bool(self.standing or self.record or self.resolution or self.facts)


@dataclass(frozen=True, slots=True)
class RunHistory:
    """A run, and the events that it injected, held or failed.

    `totals` are the sums of its orders by currency, None if unknown.
    """

    run: RunRecord
    attempts: tuple[Attempt, ...]
    totals: Mapping[str, Cents] | None = None


def recount_event(view: LedgerView | None, event_id: EventId, limit: int | None = None) -> EventHistory:
    """The event's history, with the last `limit` audit rows. Raises LedgerUnusable and LedgerDamaged."""
    if view is None:
        return EventHistory(event_id)
    with view.reading():
        return EventHistory(
            event_id,
            standing=view.queries.event_status(event_id),
            record=view.orders.find([event_id]).get(event_id),
            resolution=view.events.resolutions([event_id]).get(event_id),
            attempts=view.queries.attempts_at(event_id),
            steps=view.queries.steps_of(event_id),
            facts=view.audit.rows(event_id, limit),
            contents=view.orders.contents([event_id]).get(event_id),
            failed_write=view.orders.failed_writes([event_id]).get(event_id),
            open_change=next(iter(view.queries.open_changes(event_id)), None),
        )


def recount_runs(view: LedgerView | None, limit: int, name: str | None = None) -> tuple[RunHistory, ...]:
    """The last `limit` runs, newest first, or the runs that `name` names, usually one.

    Raises LedgerUnusable and LedgerDamaged.
    """
    if view is None:
        return ()
    with view.reading():
        latest = view.runs.latest(limit) if name is None else view.runs.find(name)[:limit]
        ids = [run.run_id for run in latest]
        attempts, totals = view.queries.attempts_in(ids), view.queries.totals_of(ids)
    return tuple(
        RunHistory(run, tuple(each for each in attempts if each.run_id == run.run_id), totals.get(run.run_id))
        for run in latest
    )


_SENTENCES: dict[str, str] = {
    AuditKind.CLAIMED: "claimed: the ledger stored the plan, total {total}",
    AuditKind.RECORDED: "written: {step}, Revel id {revel_id}",
    AuditKind.RECEIPT_REPLACED: "written again: {step}, Revel id {revel_id} (was {was})",
    AuditKind.SENT: "about to send: {step}",
    AuditKind.NOT_APPLIED: "not applied by Revel: {step}",
    AuditKind.UNANSWERED: "no usable answer to: {step} ({answer})",
    AuditKind.NOT_SHOWN: "acknowledged, but Revel doesn't show it: {step}",
    AuditKind.CLOCK_CORRECTED: "the clock was ahead when it was sent: its time counts from now",
    AuditKind.TAKEN_UP: "continued: an earlier run began this order",
    AuditKind.SETTLED: "finished: Revel showed order {order_id} complete",
    AuditKind.DISPUTED: "to be checked: {text}",
    AuditKind.IN_DOUBT: "in doubt: the last write may still appear until {until}",
    AuditKind.LOOK_AGAIN: "next check: {at}",
    AuditKind.FOREIGN: "someone else made Revel order {order_id} ({local_id})",
    AuditKind.RELEASED: "released: {text}",
    AuditKind.REMEMBERED: "the event as a run saw it; later runs compare with it",
    AuditKind.ORDER_AGREES: "agrees again: a person changed the order in Revel to what the event asks for",
    AuditKind.TWIN_GONE: "the other orders are gone: Revel shows one",
    AuditKind.MISSED: "missed: the event was on {day} and has no order",
    AuditKind.DELIVERY: "webhook delivery {trigger} of {stamp}, signed: {signed}, reason: {reason}",
    AuditKind.RESOLVED: "resolved by a person as {verdict}, order {order_id}: {note}",
    AuditKind.REOPENED: "reopened by a person: {note}",
    AuditKind.CHANGED_AFTER_RESOLUTION: "changed after a person had resolved it",
    AuditKind.NAMED_ORDERS_SHOWN: "{text}",
    AuditKind.SEEN_AFTER_RESOLUTION: "listed for the first time after a person had resolved it",
}


def describe_fact(fact: AuditRow) -> str:
    """An audit row in words. A kind without a sentence is shown by its name."""
    if fact.kind in {AuditKind.SEEN, AuditKind.SEEN_DRY}:
        result = f"{fact.detail.get('status', '')} {fact.detail.get('reason', '')}".strip()
        head = "dry run: " if fact.kind == AuditKind.SEEN_DRY else ""
        return f"{head}{result}" + (f", event day {fact.detail['day']}" if "day" in fact.detail else "")
    if fact.kind == AuditKind.DISPUTED and "reason" in fact.detail:  # in older rows the text includes the reason
        return f"to be checked: {fact.detail['reason']}: {fact.detail['text']}"
    if fact.kind == AuditKind.NOT_APPLIED and "answer" in fact.detail:
        return f"refused by Revel: {fact.detail['step']} ({fact.detail['answer']})"
    if fact.kind == AuditKind.ORDER_SHOWN:
        told = fact.detail.get("text")
        return f"reported of the order: {told}" if told else "Revel's order as a run saw it"
    sentence = _SENTENCES.get(fact.kind)
    if sentence is None:
        name = fact.kind.replace("_", " ")
        told = ", ".join(f"{key} {value}" for key, value in fact.detail.items())
        return f"{name}: {told}" if told else name
    return sentence.format_map(defaultdict(lambda: "none", fact.detail))  # rows leave out empty values
