"""Decides what to do with one event, from the ledger's data about it. Pure: no request, no clock, nothing written.

A finished order comes first, then a person's resolution, then an order begun, then whether the event may become one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tsrevel.engine.context import ChangeReport, ResolvedSeen
from tsrevel.engine.fetch import FoundEvent
from tsrevel.engine.outcomes import (
    Outcome,
    describe,
    describe_cancellation,
    describe_change,
    describe_order,
    describe_standing,
    leave_resolved,
    not_written,
    order_stands,
    planned,
    recall_dispute,
    with_order,
)
from tsrevel.ledger import PENDING, EventDrift, KnownEvents, LastResult, OrderRecord, Resolution
from tsrevel.planning.changes import EventDetails
from tsrevel.planning.model import Event, Hold, Location, Plan, Policy, Skip
from tsrevel.planning.reasons import TROUBLE, Reason, Status, advise
from tsrevel.planning.screening import find_location, find_zone, includes_place, screen, screen_status
from tsrevel.transport.write_gate import WriteGate
from tsrevel.tripleseat.digest import is_of_older_version, is_same_content
from tsrevel.tripleseat.payload import is_older

NEEDS_NO_ORDER = frozenset({
    Reason.STATUS_NOT_ELIGIBLE, Reason.EVENT_DELETED, Reason.CANCELLED_AFTER_INJECTION,
})  # fmt: skip
"""The reasons of an event that needs no order, once a run has checked that Revel has none for it."""
_BY_THE_CLOCK = frozenset({Reason.TOO_EARLY, Reason.EVENT_DAY_PASSED})
"""The reasons that may not apply at another time."""


@dataclass(frozen=True, slots=True)
class Leave:
    """Nothing is requested and nothing written. `report` is stored after the run's report."""

    outcome: Outcome
    report: ChangeReport | None = None


@dataclass(frozen=True, slots=True)
class Recheck:
    """The order is settled, but a write may have arrived late since: check whether any part exists twice."""

    found: FoundEvent | None
    record: OrderRecord
    plan: Plan


@dataclass(frozen=True, slots=True)
class Compare:
    """The order is settled, but the event may have changed since: fetch it and compare. `about` has the order."""

    found: FoundEvent
    about: Outcome
    record: OrderRecord
    plan: Plan


@dataclass(frozen=True, slots=True)
class Recover:
    """An order was begun: finish it from its stored plan. `about` is what is known of the event."""

    found: FoundEvent | None
    about: Outcome
    record: OrderRecord
    plan: Plan


@dataclass(frozen=True, slots=True)
class CheckMissed:
    """The gate closed without an order in this ledger: check once whether Revel has one."""

    found: FoundEvent
    verdict: Skip


@dataclass(frozen=True, slots=True)
class CheckCancelled:
    """The event needs no order and has none in this ledger: check once whether Revel has one.

    `in_trouble`: the last run held it, perhaps for an order of somebody else, or it failed since.
    """

    found: FoundEvent
    verdict: Skip
    in_trouble: bool


@dataclass(frozen=True, slots=True)
class Prepare:
    """The event is due: fetch it, plan its order, search for an existing order, and write it."""

    found: FoundEvent
    location: Location


Task = Leave | Recheck | Compare | Recover | CheckMissed | CheckCancelled | Prepare


@dataclass(frozen=True, slots=True)
class TriageRules:
    """The rules by which a run judges events. `ignore_time_gate`: a person asked for these events by name."""

    policy: Policy
    write_gate: WriteGate
    ignore_time_gate: bool = False


def triage(found: FoundEvent, known: KnownEvents, rules: TriageRules, now: datetime) -> Task:
    """Decide on a listed, named or delivered event."""
    event_id = found.event.id
    record, resolution = known.orders.get(event_id), known.resolutions.get(event_id)
    if record and record.is_finished:
        if record.plan and is_recheck_due(record, now):
            return Recheck(found, record, record.plan)
        return triage_finished(found, record, rules.policy, resolution, known.results.get(event_id))
    if resolution:
        about = describe(found.event, rules.policy)
        return _triage_resolved(found, about, record, resolution, rules.policy)
    if record and record.plan:
        about = with_order(describe(found.event, rules.policy), record)
        return _triage_begun(found, about, record, record.plan, rules)
    return triage_new(found, known, rules, now)


def triage_unlisted(record: OrderRecord, rules: TriageRules, now: datetime) -> Task | None:
    """Decide on an order begun whose event isn't listed. None if the event must be read first."""
    about = describe_order(record)
    if record.plan is None:
        return None
    if record.state != "settled":
        return _triage_begun(None, about, record, record.plan, rules)
    if is_recheck_due(record, now):
        return Recheck(None, record, record.plan)
    return Leave(order_stands(about, record))


def triage_finished(
    found: FoundEvent,
    record: OrderRecord,
    policy: Policy,
    resolution: Resolution | None,
    last: LastResult | None = None,
) -> Leave | Compare:
    """Decide on an event whose order is made, by us or by somebody else. `last`: its result in an earlier run."""
    event, plan = found.event, record.plan
    about = replace(describe(event, policy), order_id=record.order_id)
    if plan is None:
        return _triage_unplanned(found, replace(about, local_id=record.local_id), record, policy, resolution, last)
    done = replace(about, local_id=plan.local_id, total=plan.final_total)
    now, known = found.digest, record.digest
    if now is not None and now == known:
        return Leave(order_stands(done, record))
    if now and known and is_of_older_version(known) and is_same_content(known, now):
        return Leave(order_stands(done, record), report_change(found, cancelled=record.cancelled))
    state = screen_status(event, policy, has_order=True)
    if isinstance(state, Skip):
        return leave_cancelled(done, found, record, state, resolution)
    return Compare(found, done, record, plan)


def triage_new(
    found: FoundEvent, known: KnownEvents, rules: TriageRules, now: datetime
) -> Leave | CheckMissed | CheckCancelled | Prepare:
    """Decide on an event that has no order in the ledger."""
    event = found.event
    verdict = screen(event, rules.policy, now, ignore_gate=rules.ignore_time_gate)
    if isinstance(verdict, Location):
        return Prepare(found, verdict)
    about, last = describe(event, rules.policy), known.results.get(event.id)
    if isinstance(verdict, Skip) and verdict.reason is Reason.EVENT_DAY_PASSED:
        told = last is not None and last.was_missed_on(about.day)
        return Leave(not_written(about, verdict)) if told else CheckMissed(found, _recall_hold(event, verdict, last))
    cancelled = screen_status(event, rules.policy, has_order=True)
    if isinstance(cancelled, Skip) and _may_have_unknown_order(event, last, rules.policy):
        return CheckCancelled(found, cancelled, in_trouble=last is not None and last.status in TROUBLE)
    return Leave(not_written(about, verdict))


def _recall_hold(event: Event, missed: Skip, last: LastResult | None) -> Skip:
    """The verdict on a missed event, with what held it until its day ended: that would hold it again."""
    if last is None or last.status != Status.HELD:
        return missed
    first = advise(event.id, last.status, last.reason)
    return replace(missed, text=f"{missed.text}; it was held with {last.reason}: first {first}")


def _may_have_unknown_order(event: Event, last: LastResult | None, policy: Policy) -> bool:
    """Whether an event that needs no order is new to this ledger as such, or has changed in TripleSeat since.

    The ledger may be new or an older copy, and then it lacks the order that was made before the event was cancelled. An
    event of which no place is known may be at an allowed one.
    """
    if last and last.reason in NEEDS_NO_ORDER and not is_older(last.updated, event.updated):
        return False
    place = event.location_id, event.site_id
    return place == (None, None) or includes_place(policy.allowed, *place, policy.locations)


def uses_clock(task: Task) -> bool:
    """Whether `perform` must check the clock first. `recover` checks it itself."""
    by_the_clock = isinstance(task, Leave) and task.outcome.reason in _BY_THE_CLOCK
    return by_the_clock or isinstance(task, Prepare | CheckMissed)


def is_recheck_due(record: OrderRecord, now: datetime) -> bool:
    """Whether enough time has passed since a part was sent again that a check shows every duplicate.

    Also if it seems to be due in more than PENDING: a fast clock stored that.
    """
    return record.recheck_at is not None and not now < record.recheck_at <= now + PENDING


def reinstated(found: FoundEvent) -> str:
    """The report of an event that was cancelled and isn't any more."""
    return f"it had been cancelled and is {found.event.status} again: was the order voided meanwhile?"


def leave_cancelled(
    done: Outcome, found: FoundEvent, record: OrderRecord, state: Skip, resolution: Resolution | None
) -> Leave:
    """An event that was cancelled after its order was made: reported once. The order isn't changed."""
    report = report_change(found, cancelled=True)
    if record.cancelled:
        text = f"Revel order {record.order_id}; {state.text}"
        reason = Reason.ORDER_EXISTS if record.state == "foreign" else Reason.ALREADY_INJECTED
        return Leave(replace(not_written(done, Skip(reason, text)), of_event=state.text), report)
    text = describe_cancellation(state.text, describe_standing(record, resolution))
    told = not_written(done, Skip(Reason.CANCELLED_AFTER_INJECTION, text))
    return Leave(replace(told, news=True, of_event=state.text), report)


def report_change(
    found: FoundEvent,
    *,
    now: Plan | Hold | None = None,
    cancelled: bool = False,
    content: str | None = None,
    details: EventDetails | None = None,
) -> EventDrift:
    """The record of a comparison. `now` is the order as it would be made now; None: nothing was planned."""
    return EventDrift(
        found.event.id,
        digest=found.digest or "",
        plan=now if isinstance(now, Plan) else None,
        cancelled=cancelled,
        trouble=now if isinstance(now, Hold) else None,
        keeps_trouble=now is None,
        content=content,
        details=details,
    )


def _triage_unplanned(
    found: FoundEvent,
    about: Outcome,
    record: OrderRecord,
    policy: Policy,
    resolution: Resolution | None,
    last: LastResult | None,
) -> Leave:
    """An event whose order's plan isn't known: a change of the event is reported once, without the difference.

    Somebody else made that order, or a new ledger took in ours although it isn't what the event asks for now.
    """
    stands, made = order_stands(about, record), f"Revel order {record.order_id} was made"
    if record.state == "foreign":
        made = f"someone else made Revel order {record.order_id}"
    if found.digest and record.digest and is_same_content(record.digest, found.digest):
        return Leave(stands)
    state = screen_status(found.event, policy, has_order=True)
    if isinstance(state, Skip):
        return leave_cancelled(about, found, record, state, resolution)
    if isinstance(state, Hold):  # its status is unknown
        return Leave(stands)
    if record.cancelled:
        change = reinstated(found)
    elif not record.digest and not _has_changed(found.event, about, last):  # no listing has shown it yet
        return Leave(stands, report_change(found) if found.digest else None)
    elif record.digest and not found.digest:  # it was named or delivered: there is nothing to compare
        return Leave(stands)
    else:
        change = "the event has changed: is that order still right?"
    text = f"after {made}: {change}"
    told = not_written(about, Skip(Reason.CHANGED_AFTER_INJECTION, text, (found.digest or "",)))
    return Leave(replace(told, news=True), report_change(found))


def _has_changed(event: Event, about: Outcome, last: LastResult | None) -> bool:
    """Whether the event is elsewhere, on another day or newer than when a run last saw it."""
    if last is None:
        return False
    return (last.day, last.location) != (about.day, about.location) or is_older(last.updated, event.updated)


def was_updated_since(event: Event, resolution: Resolution, zone: ZoneInfo, precision: timedelta = timedelta()) -> bool:
    """Whether TripleSeat's stamp shows, or doesn't rule out, a change after the resolution.

    The stamp has only minutes, and may be the location's wall time without a zone (facts TripleSeat 3.1). `precision`:
    how much later than its stamp the change may be.
    """
    if event.updated is None:
        return True
    at = event.updated if event.updated.tzinfo else event.updated.replace(tzinfo=zone)
    return at + precision > resolution.resolved_at


def _triage_resolved(
    found: FoundEvent, about: Outcome, record: OrderRecord | None, resolution: Resolution, policy: Policy
) -> Leave:
    """An event that a person resolved, and that has no finished order of ours. Each change since is reported once.

    Digests decide. If none was known when it was resolved, TripleSeat's stamp decides for the first listed state. If
    its order was begun, changes count from its plan on.
    """
    about = with_order(about, record) if record else about
    digest, known = found.digest, resolution.digest
    if digest is None or (known and is_same_content(known, digest)):  # only a listing shows whether it has changed
        return Leave(leave_resolved(about, resolution))
    if not known:
        location = find_location(found.event, policy)
        zone = find_zone(location.timezone if location else policy.default_timezone) or ZoneInfo("UTC")
        if not was_updated_since(found.event, resolution, zone):
            return Leave(leave_resolved(about, resolution), ResolvedSeen(found.event.id, digest, changed=False))
    cancelled = isinstance(screen_status(found.event, policy, has_order=True), Skip)
    reason = Reason.CANCELLED_AFTER_INJECTION if cancelled else Reason.CHANGED_AFTER_INJECTION
    left = leave_resolved(about, resolution, describe_change(resolution, reason, digest, record=record))
    return Leave(replace(left, news=True), ResolvedSeen(found.event.id, digest, changed=True))


def _triage_begun(
    found: FoundEvent | None, about: Outcome, record: OrderRecord, plan: Plan, rules: TriageRules
) -> Leave | Recover:
    if rules.write_gate.dry_run and record.state == "disputed":
        finding = recall_dispute(record)
        return Leave(replace(not_written(about, finding), alarm=finding.reason is Reason.AMOUNT_MISMATCH))
    if rules.write_gate.dry_run:
        return Leave(replace(planned(about, plan), text="an order begun would be finished"))
    refusal = rules.write_gate.refusal(plan.location)
    if refusal:
        return Leave(not_written(about, _not_here(plan, refusal, rules.policy)))
    return Recover(found, about, record, plan)


def _not_here(plan: Plan, refusal: str, policy: Policy) -> Hold | Skip:
    """Why this run (`--location`), or any run, may not write to the location of an order begun."""
    at = plan.location
    if includes_place(policy.allowed, at.tripleseat_location, at.tripleseat_site, policy.locations):
        return Skip(Reason.LOCATION_NOT_ALLOWED, "its order was begun; a run over all locations finishes it")
    text = f"its order was begun, but now {refusal}; allow it again, or finish the order by hand"
    return Hold(Reason.LOCATION_NOT_ALLOWED, text)
