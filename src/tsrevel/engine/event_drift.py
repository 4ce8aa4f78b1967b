"""Compares an event with the order that was made of it, and reports each change in TripleSeat once.

It only reads, and never changes the order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, replace
from zoneinfo import ZoneInfo

from tsrevel.engine.context import RunContext, RunState
from tsrevel.engine.fetch import EventUnavailable, FoundEvent, fetch_whole
from tsrevel.engine.outcomes import (
    Outcome,
    describe_cancellation,
    describe_order,
    is_told_change,
    not_written,
    order_stands,
    with_order,
)
from tsrevel.engine.triage import Compare, leave_cancelled, reinstated, report_change, was_updated_since
from tsrevel.ledger import ContentHashes, KnownEvents, OrderRecord, hash_of_content, hash_of_hold
from tsrevel.planning.billing import refunded_of
from tsrevel.planning.changes import (
    EventDetails,
    describe_changes,
    describe_content,
    describe_labels,
    describe_unshown,
    details_of,
    fill_unknown,
    without_labels,
)
from tsrevel.planning.identity import order_uuid
from tsrevel.planning.model import Event, EventId, Hold, Location, OrderId, Plan, Policy, Skip
from tsrevel.planning.money import to_cents
from tsrevel.planning.plan import with_options_of
from tsrevel.planning.reasons import TROUBLE, Reason, Status
from tsrevel.planning.screening import find_location, find_zone, screen_status
from tsrevel.revel.client import tell_doubles
from tsrevel.revel.decode import OrderRow

_BY_SETTINGS = frozenset({
    Reason.UNMAPPED_ITEMS, Reason.UNKNOWN_CHARGE, Reason.LOCATION_NOT_MAPPED, Reason.ORDER_TOO_LARGE,
    Reason.UNKNOWN_TIMEZONE,
})  # fmt: skip
"""Reasons that our own settings can cause although the event is unchanged."""


def compare_with_event(
    ctx: RunContext, state: RunState, known: KnownEvents, task: Compare
) -> Outcome | EventUnavailable:
    """Report what changed since the event's order was made, or since the last report; else ALREADY_INJECTED.

    If TripleSeat refuses the event (403), its order stands once a person has resolved it, until it changes again.
    """
    found, done, record = task.found, task.about, task.record
    event_id = found.event.id
    whole = fetch_whole(ctx.tripleseat, found)
    if isinstance(whole, EventUnavailable):
        resolution, zone = known.resolutions.get(event_id), find_zone(task.plan.location.timezone) or ZoneInfo("UTC")
        is_settled = resolution and not was_updated_since(found.event, resolution, zone)
        return order_stands(done, record) if is_settled and whole.status is Status.HELD else whole
    state.whole[event_id] = whole
    status = screen_status(whole, ctx.policy, has_order=True)
    if isinstance(status, Skip):
        leave = leave_cancelled(done, found, record, status, known.resolutions.get(event_id))
        if leave.report:
            state.reports.append(leave.report)
        return leave.outcome
    hashes = known.contents.get(event_id) or ContentHashes()
    content, details = hash_of_content(whole), _details_of(ctx, found, whole, task.plan, hashes)
    now = _plan_now(ctx, state, whole, content, record, hashes, details)
    changes, unshown = [], []
    if isinstance(now, Hold):
        changes = _changes_of_unplannable(now, record, hashes, content, details)
    elif now:
        again = ["it can be planned again"] if record.seen_trouble else []
        before = record.seen_plan or task.plan
        changes, unshown = again + describe_changes(before, now, refunded_of(whole)), describe_unshown(before, now)
    if hashes.last_details:
        labels = describe_labels(hashes.last_details, details)
        changes, unshown = changes + labels, unshown + labels
    state.reports.append(report_change(found, now=now, content=content, details=details))
    if record.cancelled:
        changes.insert(0, reinstated(found))
    is_as_made = bool(changes) and _is_again_as_made(record, now, hashes, details)
    if is_as_made:
        changes.append("it is again as the order was made")
    if changes:
        told = (content, *(each or "" for each in astuple(details)), now.reason if isinstance(now, Hold) else "")
        text = "; ".join(changes)
        changed = not_written(done, Skip(Reason.CHANGED_AFTER_INJECTION, tell_changed(record, text), told))
        return replace(changed, news=True, of_event=text, unshown="; ".join(unshown), is_as_made=is_as_made)
    return order_stands(done, record)


def find_doubles(ctx: RunContext, event_id: EventId, rows: Iterable[OrderRow]) -> Hold | None:
    """That several of these orders of the event stand; None for fewer."""
    found = ctx.revel.doubles(rows)
    if not found:
        return None
    return Hold(Reason.DUPLICATE_ORDERS, tell_doubles(found, order_uuid(event_id)), tuple(row.id for row in found))


def hold_doubled(state: RunState, record: OrderRecord, found: Hold, outcome: Outcome | None) -> Outcome:
    """Report an order that has a twin, or a part twice, in every run until a person deletes one of them.

    A change of the event is told beside it, and why it is held or failed.
    """
    about = with_order(outcome, record) if outcome else describe_order(record)
    doubled = replace(not_written(about, found), alarm=True)
    if outcome and outcome.status in TROUBLE:
        return replace(doubled, text=f"{doubled.text}; {outcome.text}")
    return tell_beside(state, record, doubled, outcome)


def tell_beside(state: RunState, record: OrderRecord, trouble: Outcome, compared: Outcome | None) -> Outcome:
    """`trouble` with the order, and beside it the change of the event or of the order that `compared` tells.

    While the event is held or failed, the change doesn't count as told, so it is told again later.
    """
    if compared is None or not is_told_change(compared):
        return trouble
    state.reports.drop(record.event_id)
    details = (*trouble.details, str(compared.reason), *compared.details)
    return replace(trouble, text=f"{trouble.text}; {compared.text}", details=details)


def with_standing(outcome: Outcome, record: OrderRecord, numbers: Sequence[OrderId]) -> Outcome:
    """`outcome` about the orders that Revel shows in place of the ledger's; as it is if there are none."""
    if not numbers:
        return outcome
    standing, about = replace(record, order_id=OrderId(", ".join(numbers))), replace(outcome, order_id=numbers[0])
    order = f"Revel order {standing.order_id}"
    if about.order_only:
        return order_stands(about, standing)
    if not about.of_event:
        return about
    match about.reason:
        case Reason.CANCELLED_AFTER_INJECTION:
            text = describe_cancellation(about.of_event, f"{order} still stands")
        case Reason.CHANGED_AFTER_INJECTION:
            text = tell_changed(standing, about.of_event)
        case _:
            text = f"{order}; {about.of_event}"
    return replace(about, text=text)


def _is_again_as_made(
    record: OrderRecord, now: Plan | Hold | None, hashes: ContentHashes, details: EventDetails
) -> bool:
    """Whether its changes were taken back: the order would be made now as it was, its labels included."""
    if record.plan is None or not isinstance(now, Plan) or describe_changes(record.plan, now):
        return False
    return hashes.made_details is None or not describe_labels(hashes.made_details, details)


def tell_changed(record: OrderRecord, changes: str) -> str:
    """The changes of an event since its order was made or begun."""
    order = f"Revel order {record.order_id}" if record.order_id else "its order"
    return f"after {order} was {'made' if record.is_finished else 'begun'}: {changes}"


def plan_anew(ctx: RunContext, state: RunState, event: Event) -> Plan | Hold:
    """The order as it would be made now, at the event's current location, or why it can't be planned."""
    return _plan_at(ctx, state, event, find_location(event, ctx.policy), ctx.policy)


def _plan_at(ctx: RunContext, state: RunState, event: Event, location: Location | None, policy: Policy) -> Plan | Hold:
    if location is None:
        text = f"moved to TripleSeat location {event.location_id}, which has no [[locations]] entry"
        return Hold(Reason.LOCATION_NOT_MAPPED, text, (str(event.location_id),))
    now = state.catalogs.plan(event, location, policy, ctx.now())
    if isinstance(now, Hold):
        return Hold(now.reason, f"it can no longer be planned ({now.reason}: {now.text})", now.details)
    return now


def _plan_again(
    ctx: RunContext,
    state: RunState,
    event: Event,
    record: OrderRecord,
    written: Plan,
    hashes: ContentHashes,
    details: EventDetails,
) -> Plan | Hold:
    """The order as it would be made now, with the settings that it was made with, as far as its plan shows them.

    While the event stays at its TripleSeat location, its order stays at its establishment.
    """
    location = find_location(event, ctx.policy)
    plans = (record.seen_plan, written)
    stood = next((each.location for each in plans if each and _is_at(each.location, event)), None)
    if stood and location and location.establishment == stood.establishment:
        kept = {name: getattr(location, name) or getattr(stood, name) for name in ("discount", "payment_type")}
        location = replace(location, timezone=stood.timezone, **kept)
    elif stood:
        location = stood
    made = hashes.made_details
    policy = with_options_of(written, ctx.policy, event, made, details) if made else ctx.policy
    return _plan_at(ctx, state, event, location, policy)


def _is_at(location: Location, event: Event) -> bool:
    """Whether the event is at this location, which comes from a plan."""
    return (location.tripleseat_location, location.tripleseat_site) == (event.location_id, event.site_id)


def _plan_now(
    ctx: RunContext,
    state: RunState,
    event: Event,
    content: str,
    record: OrderRecord,
    hashes: ContentHashes,
    details: EventDetails,
) -> Plan | Hold | None:
    """The order as it would be made now; None if the event hasn't changed since the last report.

    A new order that differs only because of our mappings and settings is no change of the event (DESIGN 4). But an
    event that couldn't be planned and can be now is reported with what changed in it meanwhile.
    """
    if record.plan and is_unchanged(event, content, record, hashes):
        return record.plan
    if content == hashes.seen and not record.seen_trouble:
        return None
    written = record.plan
    now = _plan_again(ctx, state, event, record, written, hashes, details) if written else plan_anew(ctx, state, event)
    if not isinstance(now, Hold):
        return now
    return None if content == hashes.seen or is_unchanged(event, content, record, hashes, now) else now


def is_unchanged(
    event: Event, content: str, record: OrderRecord, hashes: ContentHashes, hold: Hold | None = None
) -> bool:
    """Whether the event is as its order was planned: only our mappings or settings can lead to another plan.

    `hold`, why it can't be planned now, decides if the ledger has no hash of the event's content then.
    """
    if hashes.made is not None:
        return content == hashes.made
    return hold is not None and hold.reason in _BY_SETTINGS and _is_as_made(event, record)


def _changes_of_unplannable(
    now: Hold, record: OrderRecord, hashes: ContentHashes, content: str, details: EventDetails
) -> list[str]:
    """Why the event can't be planned, and what changed in it, without what an earlier run reported."""
    trouble = [] if hash_of_hold(now) == record.seen_trouble else [now.text]
    if hashes.last_details:
        is_move_told = trouble and now.reason is Reason.LOCATION_NOT_MAPPED
        known = replace(details, location=None) if is_move_told else details
        return trouble + describe_content(hashes.last_details, known)
    is_untold = not trouble and hashes.last is not None and content != hashes.last
    return ["its day, location, lines or amounts have changed"] if is_untold else trouble


def note_content(ctx: RunContext, found: FoundEvent, event: Event, plan: Plan) -> None:
    """Store the content and details of the event that its order is made of, to compare it later."""
    details = read_details(found, event, plan.location)
    ctx.ledger.orders.note_content(ctx.run_id, event.id, hash_of_content(event), details)


def read_details(found: FoundEvent, event: Event, location: Location) -> EventDetails:
    """The event's details, by its location's clock. The payload of a delivery may lack any label, so it shows none."""
    details = details_of(event, find_zone(location.timezone))
    return without_labels(details) if found.told else details


def _details_of(ctx: RunContext, found: FoundEvent, event: Event, plan: Plan, hashes: ContentHashes) -> EventDetails:
    """The event's details now; the last known ones where it lacks some.

    Its time zone is that of the order's location, which the settings don't change, but after a move its own location's.
    """
    place = plan.location
    if not _is_at(place, event):
        place = find_location(event, ctx.policy) or place
    details = read_details(found, event, place)
    return fill_unknown(details, hashes.last_details) if hashes.last_details else details


def _is_as_made(event: Event, record: OrderRecord) -> bool:
    """Whether location, day and total are the order's. Used if the ledger has no hash of the event's content."""
    plan = record.plan
    if plan is None or event.grand_total is None:
        return False
    place = plan.location
    is_there = place.tripleseat_location == event.location_id or place.tripleseat_site == event.site_id
    return is_there and (event.day, to_cents(event.grand_total)) == (plan.day, plan.final_total)
