"""Differences between events and their orders, as the ledger knows them: changes that nobody has settled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from tsrevel.engine.outcomes import describe_standing, describe_unknown_order, recall_change, recall_resolved
from tsrevel.ledger import AuditKind, AuditRow, ContentHashes, LedgerView, OrderRecord, Resolution, StationChange
from tsrevel.ledger.older_rows import read_station_change
from tsrevel.planning.changes import describe_changes, describe_unshown
from tsrevel.planning.event_details import describe_content, describe_labels
from tsrevel.planning.model import EventId, OrderId, Skip
from tsrevel.planning.reasons import Reason, Resolved
from tsrevel.tripleseat.digest import is_same_content


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
