"""The history of an event or of runs, and how an event now differs from its order. It reads only the ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from tsrevel.engine.outcomes import describe_standing, describe_unknown_order, recall_change, recall_resolved
from tsrevel.ledger import (
    AuditKind,
    AuditRow,
    ContentHashes,
    LedgerView,
    OrderRecord,
    Resolution,
    RunRecord,
    StationChange,
)
from tsrevel.ledger.older_rows import read_station_change
from tsrevel.ledger.queries import Attempt, EventStatus, OpenChange, StepStatus
from tsrevel.planning.changes import describe_changes, describe_content, describe_labels, describe_unshown
from tsrevel.planning.model import EventId, OrderId, Skip
from tsrevel.planning.money import Cents
from tsrevel.planning.reasons import FailedWrite, Reason, Resolved
from tsrevel.tripleseat.digest import is_same_content


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
    """A run, and the events that it injected, held or failed, or first found missed or changed.

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
    AuditKind.FAILED: "tried in vain",
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


# Differences between events and their orders: changes that nobody has settled


@dataclass(frozen=True, slots=True)
class Changed:
    """An event that differs from its order, and how. `told_at` is when a run last reported it.

    `resolved`: tsrevel made no order for it, and it has changed since a person resolved it.
    """

    event_id: EventId
    day: date | None
    location: str
    reason: str
    text: str
    order_id: OrderId | None
    told_at: datetime
    resolved: Resolved | None = None


def find_changed(view: LedgerView) -> Iterator[Changed]:
    """Reported changes that nobody has settled, unless event and order agree again.

    That another ledger made an order stays open beside a change of its event.
    """
    with view.reading():
        found = view.queries.open_changes()
        if not found:
            return
        ids = [each.event_id for each in found]
        records, resolutions = view.orders.find(ids), view.events.resolutions(ids)
        contents = view.orders.contents(records)
        facts = {each: view.audit.rows(each, None) for each in records}
    for each in found:
        record, resolution = records.get(each.event_id), resolutions.get(each.event_id)
        order_id, resolved = record.order_id if record else None, None
        if resolution and not (record and record.is_finished):
            told = [recall_change(resolution, Reason(each.reason), record)]
            order_id, resolved = resolution.order_id or order_id, recall_resolved(resolution)
        elif record is None:
            continue
        else:
            drift = recall_drift(record, facts[each.event_id], contents.get(each.event_id), resolution)
            told = [drift] if drift else []
            if each.reason == Reason.LEDGER_LOST:
                told = [describe_unknown_order(record.order_id), *told]
            elif not record.is_finished:
                told = [Skip(Reason(each.reason), "it has changed since its order was made")]
        for skip in told:
            yield Changed(
                event_id=each.event_id,
                day=each.day,
                location=each.location,
                reason=skip.reason,
                text=skip.text,
                order_id=order_id,
                told_at=each.told_at,
                resolved=resolved,
            )


def recall_drift(
    record: OrderRecord, facts: Sequence[AuditRow], contents: ContentHashes | None, resolution: Resolution | None = None
) -> Skip | None:
    """How the event, or the order in Revel, now differs from the order that was made; None if no change is known.

    If a person has changed the order in Revel to what the event asks for, only what the order can't show differs.
    `contents`: the event's, then and now.
    """
    if not record.is_finished:
        return None
    if record.plan is None:
        return _recall_unplanned(record, facts, resolution)
    was_corrected = _was_corrected(record, facts)
    if record.cancelled and was_corrected:
        return None
    if record.cancelled:
        told = [] if resolution else _recall_station_change(facts)  # it may be gone, and another one stand
        standing = "; ".join(told) or describe_standing(record, resolution)
        return Skip(Reason.CANCELLED_AFTER_INJECTION, f"the event was cancelled or deleted; {standing}")
    changes = []
    made, seen = (contents.made_details, contents.seen_details) if contents else (None, None)
    if record.seen_trouble:
        changes.append(f"the event can no longer be planned; `tsrevel explain {record.event_id}` shows why")
        changes += describe_content(made, seen) if made and seen else []
    elif record.seen_plan:
        describe = describe_unshown if was_corrected else describe_changes
        changes += describe(record.plan, record.seen_plan)
    changes += describe_labels(made, seen) if made and seen else []
    told = [f"after Revel order {record.order_id} was made: {'; '.join(changes)}"] if changes else []
    told += [] if was_corrected else _recall_station_change(facts)
    told += [resolution.named_gone] if resolution and resolution.named_gone else []
    return Skip(Reason.CHANGED_AFTER_INJECTION, "; ".join(told)) if told else None


def _recall_unplanned(record: OrderRecord, facts: Sequence[AuditRow], resolution: Resolution | None) -> Skip | None:
    """The same for an order whose plan isn't known: whether its event changed since, and whether that order is gone.

    A cancelled event whose order a run saw gone agrees with Revel, unless another order may have replaced it.
    """
    gone = _recall_station_change(facts)
    if record.cancelled:
        text = f"the event was cancelled or deleted; {describe_standing(record, resolution)}"
        is_over = gone and not (resolution and resolution.may_replace)
        return None if is_over else Skip(Reason.CANCELLED_AFTER_INJECTION, text)
    made = {AuditKind.FOREIGN, AuditKind.SETTLED}
    found = next((each.seq for each in reversed(facts) if each.kind in made), 0)
    digests = [
        each.detail["digest"]
        for each in facts
        if each.seq >= found and each.kind in {*made, AuditKind.REMEMBERED} and each.detail.get("digest")
    ]
    is_changed = bool(digests) and not is_same_content(digests[0], digests[-1])
    order = f"Revel order {record.order_id}"
    since = f"someone else made {order}" if record.state == "foreign" else f"{order} was made"
    told = [f"the event has changed since {since}"] if is_changed else []
    told += gone
    told += [resolution.named_gone] if resolution and resolution.named_gone else []
    return Skip(Reason.CHANGED_AFTER_INJECTION, "; ".join(told)) if told else None


def _recall_station_change(facts: Sequence[AuditRow]) -> list[str]:
    """The latest report of a change at Revel, unless that was undone since. An order that was dropped doesn't count."""
    for fact in reversed(facts):
        if fact.kind == AuditKind.RELEASED:
            break
        if fact.kind == AuditKind.ORDER_AGREES:
            return [fact.detail["text"]] if fact.detail.get("text") else []
        reported = read_station_change(fact.detail) if fact.kind == AuditKind.ORDER_SHOWN else None
        if reported:
            return [fact.detail["text"]] if reported is StationChange.CHANGED else []
    return []


def _was_corrected(record: OrderRecord, facts: Sequence[AuditRow]) -> bool:
    """Whether a run found the order as the event asks for, and neither has changed since."""
    if record.seen_trouble and not record.cancelled:
        return False
    agrees, cancelled, plan_hash = False, "no", None
    for fact in facts:
        if fact.kind == AuditKind.ORDER_AGREES:
            agrees = True
        elif fact.kind == AuditKind.ORDER_SHOWN and read_station_change(fact.detail):
            agrees = False
        elif fact.kind == AuditKind.REMEMBERED:
            was = cancelled, plan_hash
            cancelled, plan_hash = fact.detail["cancelled"], fact.detail.get("plan_hash", plan_hash)
            agrees = agrees and was == (cancelled, plan_hash)
    return agrees
