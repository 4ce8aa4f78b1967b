"""Handles orders that may exist already: searched before the first write, begun, found or in doubt.

Nothing is written twice: existing parts of an order are kept, missing parts are written from the claimed plan, and
nothing is sent again while it may still arrive.
"""

from __future__ import annotations

import logging
from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tsrevel.engine.context import OrderChangeReported, RunContext, RunState
from tsrevel.engine.event_drift import find_doubles, note_content, plan_anew
from tsrevel.engine.fetch import EventUnavailable, FoundEvent, UnlistedEvent, fetch_whole, read_event
from tsrevel.engine.inject import Writing, differs, dispute, hold_order, raise_not_shown, settle, write_missing
from tsrevel.engine.order_drift import as_planned
from tsrevel.engine.outcomes import Outcome, describe, injected, not_written, planned, recall_dispute
from tsrevel.engine.triage import is_recheck_due
from tsrevel.engine.verify import (
    Mismatch,
    Missing,
    Strange,
    find_missing,
    find_renamed,
    find_twice,
    read_beginning,
    row_id,
)
from tsrevel.errors import LedgerUnusable, Refused, StillPending, StopRun, TryNextRun
from tsrevel.ledger import PENDING, OrderRecord, StationChange, StationReport
from tsrevel.planning.identity import known_local_ids, local_id, order_uuid
from tsrevel.planning.model import CHARGE_FIELDS, Event, EventId, Hold, Labels, Location, OrderId, Plan, Skip, Step
from tsrevel.planning.money import Cents
from tsrevel.planning.reasons import Reason, Status
from tsrevel.planning.screening import find_entry, find_location, screen_status
from tsrevel.revel.client import Contents, tell_renamed
from tsrevel.revel.compare import describe_differences, shows_labels
from tsrevel.revel.decode import OrderRow

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Absent:
    """Revel has no order for the event."""


@dataclass(frozen=True, slots=True)
class Ours:
    """Revel has our own order for the event, under its uuid."""

    row: OrderRow


@dataclass(frozen=True, slots=True)
class Foreign:
    """Revel has an order for the event that we did not make."""

    row: OrderRow


ExistingOrder = Absent | Ours | Foreign | Hold
"""The result of a search for an event's order; a Hold if there are several, or if it was deleted."""


def find_order(
    ctx: RunContext, event_id: EventId, begun: Plan | None = None, *, order_id: OrderId | None = None
) -> ExistingOrder:
    """The event's order in Revel, searched by its local_ids and by our uuid, because a local_id may be lost or changed.

    `begun`: the plan of an order that was begun. If neither finds it, it is read by `order_id`, the id that Revel gave
    it. Somebody else's order that is gone doesn't count if a person has opened the event again since.
    """
    uuid = begun.uuid if begun else order_uuid(event_id)
    local_ids = known_local_ids(ctx.policy, event_id, begun.local_id if begun else None)
    found = {row.id: row for row in ctx.revel.find_orders(uuid, local_ids)}
    if len([row for row in found.values() if not row.deleted]) < 2:  # two are enough to hold the event
        found |= {row.id: row for row in ctx.revel.find_by_uuid(uuid)}
    if order_id and not found:
        row = ctx.revel.find_by_id(order_id)
        found = {row.id: row} if row and (row.uuid == uuid or row.local_id in local_ids) else {}
    doubles = find_doubles(ctx, event_id, found.values())
    if doubles:
        return doubles
    only = next(iter(ctx.revel.standing(found.values())), None)
    gone = found.keys() - ctx.ledger.orders.dropped(event_id) if found and not only else ()
    if gone:
        ids = tuple(sorted(gone))
        text = f"its Revel order {', '.join(ids)} was deleted or voided there; if it is wanted, enter it by hand"
        return Hold(Reason.ORDER_EXISTS, text, ids)
    if only is None:
        return Absent()
    return Ours(only) if only.uuid == uuid else Foreign(only)


def hold_found(about: Outcome, found: Hold) -> Outcome:
    """Held for what the search found. With several orders, nothing more is written before a person has checked."""
    return replace(not_written(about, found), alarm=found.reason is Reason.DUPLICATE_ORDERS)


# An order that somebody else made


def leave_foreign(
    ctx: RunContext, about: Outcome, row: OrderRow, location: Location | None, digest: str | None
) -> Outcome:
    """An order that someone else made counts at the event's establishment. Elsewhere a person must decide."""
    known, elsewhere = with_row(about, row), find_misplaced(row, location)
    if elsewhere:
        return not_written(known, elsewhere)
    if _may_be_ours(ctx, row, about.event_id):
        return hold_stranger(known, row)
    if not ctx.dry_run:
        ctx.ledger.orders.mark_foreign(ctx.run_id, about.event_id, row.id, row.local_id, digest)
    return not_written(known, Skip(Reason.ORDER_EXISTS, f"Revel order {row.id} was made by someone else"))


def find_misplaced(row: OrderRow, location: Location | None) -> Hold | None:
    """Why a person must decide on an order that exists already: it isn't at its event's establishment."""
    if location and row.establishment == location.establishment:
        return None
    text = f"Revel order {row.id} for it is at establishment {row.establishment}; was the event moved?"
    return Hold(Reason.ORDER_EXISTS, text, (row.id,))


def with_row(about: Outcome, row: OrderRow) -> Outcome:
    """`about` with the order that Revel shows."""
    return replace(about, order_id=row.id, local_id=row.local_id, total=row.amounts["total"])


def _may_be_ours(ctx: RunContext, row: OrderRow, event_id: EventId) -> bool:
    """Whether it has our name, and an order of ours was sent that may have arrived late with another uuid."""
    return row.local_id == local_id(ctx.policy, event_id) and ctx.ledger.orders.was_sent(event_id)


def hold_stranger(about: Outcome, row: OrderRow) -> Outcome:
    """Held: nobody can know whether that order is ours."""
    text = f"Revel order {row.id} has our name and another uuid, and an order of ours was sent before: look at it"
    return replace(not_written(about, Hold(Reason.ORDER_DIFFERS, text, (row.id,))), alarm=True)


# An order of ours that this ledger doesn't know


def adopt(
    ctx: RunContext, state: RunState, about: Outcome, plan: Plan, row: OrderRow, labels: Labels, digest: str | None
) -> Outcome:
    """Finish an order with our uuid that this ledger doesn't know, if its contents are part of the plan.

    Its labels stay as they were first written, so other ones are reported.
    """
    plan = _with_its_name(ctx, plan, row)
    _note_unknown_order(ctx, state, plan.event_id)
    contents, found = _read_unknown(ctx, state, plan, row.id, pending={step.uuid for step in plan.steps})
    ctx.ledger.orders.claim(ctx.run_id, plan, digest)
    if _is_whole_and_paid(plan, contents):
        return _found_complete(_settle_whole(ctx, Writing(about, plan, (), order_id=row.id, digest=digest), contents))
    if isinstance(found, Strange):
        return dispute(ctx, about, plan, row.id, Mismatch(found.reason, found.text))
    begun = _begun_at(plan, contents)
    writing = Writing(
        about, _plan_missing(ctx, plan, contents), found.steps, order_id=row.id, digest=digest, begun=begun
    )
    _record_shown(ctx, writing, contents)
    outcome = write_missing(ctx, state, writing)
    if outcome.status is not Status.INJECTED:
        return outcome
    if not found.steps:
        return _found_complete(outcome)
    if contents.order is None or shows_labels(labels, contents.order):
        return outcome
    return _tell_labels(state, outcome, plan, contents.order)


def _note_unknown_order(ctx: RunContext, state: RunState, event_id: EventId) -> None:
    """Note that the event has an order of ours, unless this ledger sent it under a claim that was dropped since."""
    if not ctx.ledger.orders.was_sent(event_id):
        state.unknown_orders.add(event_id)


def _with_its_name(ctx: RunContext, plan: Plan, row: OrderRow) -> Plan:
    """The plan with the `local_id` that our order was made with, if the settings have another one since."""
    known = row.local_id in known_local_ids(ctx.policy, plan.event_id)
    return replace(plan, local_id=row.local_id) if known else plan


def _read_unknown(
    ctx: RunContext, state: RunState, plan: Plan, order_id: OrderId, *, pending: Container[str] = ()
) -> tuple[Contents, Missing | Strange]:
    """`read_beginning` for an order that may have been begun from an earlier state of its event."""
    contents, found = read_beginning(ctx, state, plan, order_id, pending=pending)
    if isinstance(found, Strange) or contents.order is None or not found.steps:
        return contents, found
    differences = describe_differences(plan, contents.order, CHARGE_FIELDS)
    differences = differences or _begun_too_early(ctx, plan, contents.order)
    return contents, Strange(differences) if differences else found


def _begun_too_early(ctx: RunContext, plan: Plan, order: OrderRow) -> str:
    """In words, that an unfinished order stands on a day before its event may have one; "" if it doesn't.

    Nobody has opened an order without a history row (facts Revel 3.8), so its day is the one of its first write.
    """
    first = plan.day - timedelta(days=ctx.policy.gate.days_before)
    today = ctx.now().astimezone(ZoneInfo(plan.location.timezone)).date()
    if order.written is None or order.written >= min(first, today):
        return ""
    return f"it was begun on {order.written}, but its event is on {plan.day} now"


def _begun_at(plan: Plan, contents: Contents) -> datetime | None:
    """When the order was first written, as Revel shows it; None if it doesn't."""
    begun = contents.order.begun if contents.order else None
    return begun.replace(tzinfo=ZoneInfo(plan.location.timezone)) if begun else None


def _lacks_history(found: Missing) -> bool:
    return any(step.kind == "history" for step in found.steps)


def _tell_labels(state: RunState, finished: Outcome, plan: Plan, order: OrderRow) -> Outcome:
    """The finished order, and that its labels are those of an earlier state of its event."""
    text = f"Revel order {order.id} was begun before its event changed: correct its notes and call name there"
    report = StationReport(StationChange.CHANGED, text)
    state.reports.append(OrderChangeReported(plan.event_id, {**as_planned(plan), "gone": "no"}, report))
    return replace(finished, reason=Reason.CHANGED_AFTER_INJECTION, text=text)


def preview_adoption(ctx: RunContext, state: RunState, about: Outcome, plan: Plan, row: OrderRow) -> Outcome:
    """The outcome of `adopt`, as far as reads show it. Stores and writes nothing."""
    plan = _with_its_name(ctx, plan, row)
    contents, found = _read_unknown(ctx, state, plan, row.id)
    if _is_whole_and_paid(plan, contents):
        return _found_complete(injected(about, plan, row.id))
    if isinstance(found, Strange):
        return hold_order(about, plan, row.id, differs(Mismatch(found.reason, found.text), row.id))
    differences = describe_differences(plan, contents.order) if _has_totals(found.steps) and contents.order else ""
    if differences:
        return hold_order(about, plan, row.id, differs(Mismatch(Reason.AMOUNT_MISMATCH, differences), row.id))
    if found.steps:
        text = f"Revel order {row.id} was begun and would be finished"
        return replace(planned(about, plan), order_id=row.id, text=text)
    return _found_complete(injected(about, plan, row.id))


def _adopt_whole(ctx: RunContext, state: RunState, plan: Plan, row: OrderRow, digest: str | None) -> bool:
    """Add an order of ours to this ledger, which doesn't know it, if it is all of the plan and nothing else.

    Writes nothing to Revel. False: it isn't the plan, and nothing was stored.
    """
    plan = _with_its_name(ctx, plan, row)
    contents, found = read_beginning(ctx, state, plan, row.id)
    is_whole = found == Missing(()) and contents.order is not None and not describe_differences(plan, contents.order)
    if not (is_whole or _is_whole_and_paid(plan, contents)):
        return False
    ctx.ledger.orders.claim(ctx.run_id, plan, digest)
    about = Outcome(plan.event_id, Status.SKIPPED)
    _settle_whole(ctx, Writing(about, plan, (), order_id=row.id, digest=digest), contents)
    return True


def settle_found(ctx: RunContext, state: RunState, found: FoundEvent, row: OrderRow) -> bool:
    """Store the standing order of a cancelled event. Returns whether it was stored.

    Somebody else's order isn't if it is at another place or may be ours: should the event return, it is held again.
    """
    event_id = found.event.id
    if row.uuid == order_uuid(event_id):
        take_in(ctx, state, found, row)
        return True
    if find_misplaced(row, find_location(found.event, ctx.policy)) or _may_be_ours(ctx, row, event_id):
        return False
    ctx.ledger.orders.mark_foreign(ctx.run_id, event_id, row.id, row.local_id, found.digest)
    return True


def take_in(ctx: RunContext, state: RunState, found: FoundEvent, row: OrderRow) -> None:
    """Settle our finished order of a past or cancelled event. It gets its plan if Revel shows exactly that plan."""
    event_id, whole = found.event.id, fetch_whole(ctx.tripleseat, found)
    _note_unknown_order(ctx, state, event_id)
    if isinstance(whole, Event):
        state.whole[event_id] = whole
        plan = plan_anew(ctx, state, whole)
        if isinstance(plan, Plan) and _adopt_whole(ctx, state, plan, row, found.digest):
            note_content(ctx, found, whole, plan)
            return
    ctx.ledger.orders.settle(ctx.run_id, event_id, row.id, found.digest)


# An order that a run began


def recover(
    ctx: RunContext, state: RunState, about: Outcome, record: OrderRecord, plan: Plan, found: FoundEvent | None
) -> Outcome | None:
    """Finish the half-written order of `record` from its claimed plan. `found`: its event, if it is listed.

    None if Revel has nothing of it and nothing can still arrive: its claim is dropped, and its event is decided anew.
    Raises StillPending if something that was sent may still be applied.
    """
    if record.event_id in state.in_doubt:
        raise StillPending("what was sent to Revel may still appear there; a later run checks again")
    state.clock_check.check()
    match _find_begun(ctx, state, record, plan):
        case Hold() as hold:
            return hold_found(about, hold)
        case Foreign(row):
            return _recover_foreign(ctx, state, about, record, plan, row, found)
        case Ours(row):
            with state.writing_at(plan.location.establishment):
                return _finish(ctx, state, about, record, plan, row)
        case Absent():
            gone = _judge_absence(ctx, record, plan) if record.order_id else None
            if gone:
                return not_written(about, gone)
            ctx.ledger.orders.release(ctx.run_id, record.event_id, "Revel holds nothing of it")
            return None


def recheck(ctx: RunContext, state: RunState, record: OrderRecord, plan: Plan) -> Hold | None:
    """Check again whether a late write doubled a settled order. Returns what a person must resolve, or None.

    The order stays settled and due for a recheck until none of it exists twice. If the clock proves to be fast, a later
    run checks again.
    """
    match find_order(ctx, plan.event_id, plan):
        case Ours(row):
            twice = find_twice(ctx.revel.contents(row.id))
            if twice:
                return differs(Mismatch(Reason.AMOUNT_MISMATCH, twice), row.id)
        case Hold(reason=Reason.DUPLICATE_ORDERS) as several:
            return several
    now = state.clock_check.earliest(ctx.now())
    if not ctx.dry_run and record.recheck_at and is_recheck_due(record, now):
        by_fast_clock = record.recheck_at > now  # so it isn't known when the part was sent
        ctx.ledger.orders.recheck(ctx.run_id, record.event_id, now + PENDING if by_fast_clock else None)
    return None


def _find_begun(ctx: RunContext, state: RunState, record: OrderRecord, plan: Plan) -> ExistingOrder:
    """The order begun. If Revel answered its write, or may still apply it, the search goes on for a while.

    Raises StillPending if Revel doesn't show it and part of it may still be applied.
    """
    answered = plan.uuid in record.receipts and plan.uuid not in record.unanswered

    def settles(found: ExistingOrder) -> bool:
        return not isinstance(found, Absent) or not (answered or plan.uuid in _pending(ctx, state, record))

    found = state.poll(ctx, lambda: find_order(ctx, plan.event_id, plan, order_id=record.order_id), settles)
    pending = _pending(ctx, state, record)  # only now, because Revel's answer also shows its time
    if isinstance(found, Absent) and answered:
        ctx.ledger.orders.mark_missing(ctx.run_id, record.event_id, plan.steps[:1])
    is_other = isinstance(found, Foreign) and found.row.local_id != plan.local_id
    if pending and (isinstance(found, Absent) or is_other):
        raise _still_pending(ctx, record)
    return found


def _finish(
    ctx: RunContext, state: RunState, about: Outcome, record: OrderRecord, plan: Plan, row: OrderRow
) -> Outcome:
    """Write the missing parts of the order, if its contents are part of the plan.

    A disputed order is only checked again. If it is right now, a person corrected it: it gets its history row if that
    is missing, and is settled. A whole order that a guest has paid at a station is settled, too.
    """
    pending, answered = _pending(ctx, state, record), record.receipts.keys() - record.unanswered
    contents, found = read_beginning(ctx, state, plan, row.id, pending=pending, answered=answered)
    renamed = find_renamed(plan, contents, record.sent)
    if renamed:
        return _disown(ctx, about, record, plan, row.id, renamed.step)
    if _is_whole_and_paid(plan, contents):
        whole = Writing(about, plan, (), order_id=row.id, known=answered)
        return _tell_whole(record, _settle_whole(ctx, whole, contents))
    if record.state == "disputed" and not _has_come_right(ctx, record, plan, contents, found):
        return hold_order(about, plan, row.id, recall_dispute(record))
    if isinstance(found, Strange):
        return dispute(ctx, about, plan, row.id, Mismatch(found.reason, found.text))
    was_sent = any(step.uuid in record.sent for step in found.steps)  # and it may be written as it was
    to_write = plan if was_sent else _plan_missing(ctx, plan, contents)
    begun = _begun_at(plan, contents)
    writing = Writing(about, to_write, found.steps, order_id=row.id, known=answered, begun=begun)
    _record_shown(ctx, writing, contents, record.sent)
    if any(step.uuid in pending for step in found.steps):
        raise _still_pending(ctx, record)
    lost = tuple(step for step in found.steps if step.uuid in answered)
    if lost:
        raise_not_shown(ctx, plan, lost, row.id)
    hidden = _find_hidden(ctx, record, plan, row.id, found.steps)
    if hidden:
        return hold_order(about, plan, row.id, hidden, alarm=True)
    outcome = write_missing(ctx, state, writing)
    return outcome if found.steps else _tell_whole(record, outcome)


def _find_hidden(
    ctx: RunContext, record: OrderRecord, plan: Plan, order_id: OrderId, missing: Iterable[Step]
) -> Hold | None:
    """Why not to send again parts that the lists of the order's parts lack; None if they may be sent.

    A list may lag or hide rows, so each that was sent is searched for by its own id and uuid. If Revel has acknowledged
    one twice, it isn't sent a third time.
    """
    again = ctx.ledger.orders.acknowledged_again(record.event_id)
    for step in missing:
        if step.uuid not in record.sent:
            continue
        receipt, is_part = record.receipts.get(step.uuid), step.kind not in {"discount", "totals"}
        if is_part and ctx.revel.seek(plan, step, order_id, receipt.revel_id if receipt else None):
            text = f"Revel has its {step.name}, but doesn't list it among the order's parts"
        elif step.uuid in again:
            text = f"Revel acknowledged its {step.name} twice and doesn't show it"
        else:
            continue
        right = "read it" if is_part else "change orders"
        return differs(Mismatch(Reason.ORDER_DIFFERS, f"{text}; check that the API key may {right}"), order_id)
    return None


def _plan_missing(ctx: RunContext, plan: Plan, contents: Contents) -> Plan:
    """The plan, to write steps that were never sent or were refused: by its location's settings as they are now.

    A wrong one, such as a payment type that Revel refuses, may have been corrected since. An order that has its
    discount keeps it (facts Revel 3.7).
    """
    at, order = plan.location, contents.order
    entry = find_entry(at.tripleseat_location, at.tripleseat_site, ctx.policy)
    now = entry if entry and entry.establishment == at.establishment else at
    present = replace(
        at,
        user=now.user,
        station=now.station,
        dining_option=now.dining_option,
        payment_type=now.payment_type or at.payment_type,
        discount=(order.discount_id if order else 0) or now.discount or at.discount,
    )
    return replace(plan, location=present)


def _recover_foreign(
    ctx: RunContext,
    state: RunState,
    about: Outcome,
    record: OrderRecord,
    plan: Plan,
    row: OrderRow,
    found: FoundEvent | None,
) -> Outcome:
    """Revel shows an order with another uuid in place of the one that was begun.

    If nothing was begun, that order counts for the event as it is now, which may have moved. If the event can't be read
    now, the claim stays. A cancelled event keeps no digest, so that the next run tells the cancellation.
    """
    sent = plan.uuid in record.sent or plan.uuid in record.receipts
    if sent and row.local_id == plan.local_id:
        return _disown(ctx, about, record, plan, row.id, plan.steps[0])
    if record.state == "claimed" and not record.receipts:
        event = found or read_begun(ctx, state, record)
        if event is None:
            text = f"whether Revel order {row.id} is this event's can't be checked: TripleSeat doesn't return the event"
            return replace(about, status=Status.FAILED, reason=Reason.EVENT_DATA_UNAVAILABLE, text=text)
        if screen_status(event.event, ctx.policy, has_order=True):
            return leave_foreign(ctx, about, row, plan.location, None)
        about = describe(event.event, ctx.policy)
        return leave_foreign(ctx, about, row, find_location(event.event, ctx.policy), event.digest)
    text = f"Revel shows order {row.id}, made by someone else, instead of our order {record.order_id}"
    return not_written(about, Hold(Reason.ORDER_DIFFERS, text, (row.id,)))


def read_begun(ctx: RunContext, state: RunState, record: OrderRecord) -> FoundEvent | None:
    """The unlisted event of an order begun; None if it can't be read now: the next run reads it."""
    if state.lists_nothing:
        return None
    try:
        found = read_event(ctx.tripleseat, ctx.ledger, ctx.policy, UnlistedEvent(record), ctx.now())
    except LedgerUnusable:
        raise
    except (StopRun, TryNextRun, Refused) as error:
        log.warning("event %s can't be read now; the next run reads it: %s", record.event_id, error)
        return None
    if isinstance(found, EventUnavailable):
        return None
    state.found[record.event_id] = found
    return found


def _judge_absence(ctx: RunContext, record: OrderRecord, plan: Plan) -> Hold | None:
    """Why not to write an order again that Revel acknowledged and doesn't show; None if it may be written again.

    Raises StillPending while Revel may only not show it yet.
    """
    if plan.uuid not in record.unanswered:
        raise_not_shown(ctx, plan, plan.steps[:1], record.order_id)
    if record.state == "disputed" or any(each.kind != "order" for each in record.receipts.values()):
        text = f"its Revel order {record.order_id} is gone; if it is wanted, enter it by hand"
        return Hold(Reason.ORDER_EXISTS, text)
    return None


def _disown(
    ctx: RunContext, about: Outcome, record: OrderRecord, plan: Plan, order_id: OrderId, renamed: Step
) -> Outcome:
    """Hold an order whose uuids Revel replaced: its parts can no longer be recognized as ours."""
    mismatch = Mismatch(Reason.ORDER_DIFFERS, tell_renamed(renamed), alarm=True)
    if record.state == "disputed":
        return hold_order(about, plan, order_id, recall_dispute(record), alarm=True)
    return dispute(ctx, about, plan, order_id, mismatch)


def _pending(ctx: RunContext, state: RunState, record: OrderRecord) -> frozenset[str]:
    """The uuids of the steps that may still be applied.

    A sending time in the future is corrected in the ledger, because the clock was fast then. If it is fast now, the
    services' time counts.
    """
    now = ctx.now()
    if any(record.sent[uuid] > now for uuid in record.unanswered):
        ctx.ledger.orders.correct_clock(ctx.run_id, record.event_id)
    return record.pending(state.clock_check.earliest(now))


def _still_pending(ctx: RunContext, record: OrderRecord) -> StillPending:
    known = ctx.ledger.orders.get(record.event_id)
    until = known.pending_until if known else None
    again = f"{until:%Y-%m-%d %H:%M} UTC" if until else "the next run has checked"
    return StillPending(f"what was sent to Revel may still appear there; nothing is sent again before {again}")


def _record_shown(ctx: RunContext, writing: Writing, contents: Contents, sent: Container[str] = ()) -> None:
    """Store a receipt for each step that Revel shows and that has none in this ledger.

    If this ledger hasn't sent one of them, an earlier ledger has, and may have sent missing steps as well: the order is
    due for a recheck after they would have arrived.
    """
    event_id, shown = writing.plan.event_id, [each for each in writing.plan.steps if each not in writing.missing]
    unknown = [step for step in shown if step.uuid not in writing.known]
    for step in unknown:
        found = row_id(step, contents) or writing.order_id
        ctx.ledger.orders.record(ctx.run_id, event_id, step, found, seen=True)
    if writing.missing and any(step.uuid not in sent for step in unknown):
        ctx.ledger.orders.recheck(ctx.run_id, event_id, ctx.now() + PENDING)


def _settle_whole(ctx: RunContext, writing: Writing, contents: Contents) -> Outcome:
    """Settle an order to which nothing is to be written."""
    _record_shown(ctx, writing, contents)
    return settle(ctx, writing, writing.order_id)


def _tell_whole(record: OrderRecord, outcome: Outcome) -> Outcome:
    """The outcome of an order to which nothing was written now. If this ledger has sent nothing of it, it was found."""
    return _found_complete(outcome) if outcome.status is Status.INJECTED and not record.sent else outcome


def _has_come_right(
    ctx: RunContext, record: OrderRecord, plan: Plan, contents: Contents, found: Missing | Strange
) -> bool:
    order = contents.order
    if isinstance(found, Strange) or not _has_totals(found.steps) or order is None:
        return False
    if plan.uuid not in record.sent and _lacks_history(found) and _begun_too_early(ctx, plan, order):
        return False
    return not describe_differences(plan, order)


def _is_whole_and_paid(plan: Plan, contents: Contents) -> bool:
    """Whether the order is as planned once payments taken at a station, which are normal, are left out."""
    planned = {each.uuid for each in plan.payments}
    taken = [each for each in contents.payments if each.uuid not in planned and each.counts]
    order = contents.order
    if not taken or order is None or order.amounts["balance"] < 0:
        return False
    balance = Cents(order.amounts["balance"] + sum(each.amount for each in taken))
    order = replace(order, amounts={**order.amounts, "balance": balance})
    payments = tuple(each for each in contents.payments if each not in taken)
    found = find_missing(plan, replace(contents, order=order, payments=payments))
    return found == Missing(()) and not describe_differences(plan, order)


def _has_totals(missing: Iterable[Step]) -> bool:
    """Whether at most the history row is missing."""
    return all(step.kind == "history" for step in missing)


def _found_complete(outcome: Outcome) -> Outcome:
    return replace(outcome, status=Status.SKIPPED, reason=Reason.ALREADY_INJECTED, text="found complete at Revel")
