"""Reads the events of the days, the ledger's rows and Revel's orders, and makes each event a case. It decides nothing.

Revel's `created_date` is when an order was written, not the event's day (facts Revel 2.4). So an event's orders are
looked up by uuid and name. Orders are listed by day only to find those without a known event.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import IntEnum
from zoneinfo import ZoneInfo

from tsrevel.engine.catalogs import Catalogs
from tsrevel.engine.context import FailureStreak
from tsrevel.engine.event_drift import is_unchanged
from tsrevel.engine.fetch import EventUnavailable, FoundEvent, fetch_event
from tsrevel.engine.outcomes import Progress
from tsrevel.errors import Refused, ServiceDown, TryNextRun, Unavailable, Unreadable
from tsrevel.ledger import ContentHashes, KnownEvents, LedgerView, hash_of_content
from tsrevel.planning.identity import NAMELESS, known_local_ids, order_uuid
from tsrevel.planning.model import Event, EventId, Hold, Location, OrderId, Policy, Skip
from tsrevel.planning.reasons import FailedWrite, Reason, Status
from tsrevel.planning.screening import GateState, event_day, find_location, find_zone, judge_gate, screen
from tsrevel.reconcile.model import (
    EVERY_EVENT,
    ComparedSpan,
    EventComparison,
    ReportLocation,
    event_of,
    is_named_like_ours,
    named_order,
    owner_of,
    prefixes,
)
from tsrevel.revel.client import Contents
from tsrevel.revel.decode import OrderRow
from tsrevel.revel.orders import DatedOrder, OrderSearch
from tsrevel.tripleseat.client import TripleSeat

log = logging.getLogger(__name__)

USUAL_DAYS = 7
"""How many days are compared by default, today included."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The services, the ledger and the settings to read from. `view` is None if there is no ledger."""

    tripleseat: TripleSeat
    order_search: OrderSearch
    catalogues: Catalogs
    view: LedgerView | None
    policy: Policy
    now: datetime
    progress: Progress = lambda _done, _of: None


@dataclass(slots=True)
class _Looking:
    first: date
    last: date
    events: dict[EventId, FoundEvent | EventUnavailable] = field(default_factory=dict)
    orders: dict[EventId, dict[OrderId, OrderRow]] = field(default_factory=dict)
    written: dict[EventId, DatedOrder] = field(default_factory=dict)
    contents: dict[OrderId, Contents] = field(default_factory=dict, init=False)
    nameless: list[DatedOrder] = field(default_factory=list)
    """Orders with a name nearly like ours. Some belong to an event by their uuid."""
    shared: dict[EventId, dict[OrderId, EventId]] = field(default_factory=dict, init=False)
    """Orders that stand for an event, each with another event that has a better right to it."""
    known: KnownEvents = field(default_factory=KnownEvents)
    named: dict[OrderId, OrderRow | None] = field(default_factory=dict, init=False)
    """The orders that people named, as Revel has them; None if it has none. Those that can't be read are left out."""
    changed: frozenset[EventId] = field(default=frozenset(), init=False)
    """Events with a reported change that nobody has settled."""
    failed_writes: dict[EventId, FailedWrite] = field(default_factory=dict, init=False)
    failures: FailureStreak = field(default_factory=FailureStreak)


def choose_spans(policy: Policy, now: datetime, first: date | None, last: date | None) -> tuple[ComparedSpan, ...]:
    """Each location's days: those given, else the last seven by its own clock, today included."""
    return tuple(_span(_report_location(location), now, first, last) for location in policy.locations)


def read_cases(
    sources: Sources, spans: tuple[ComparedSpan, ...], first: date | None, last: date | None
) -> Iterator[EventComparison]:
    """Yield a case for each event of the days, and for each order written then whose event isn't known.

    Raises ServiceDown if a service gives no usable answer; CredentialsRefused, LedgerUnusable.
    """
    looking = _Looking(first=min(span.first for span in spans), last=max(span.last for span in spans))
    try:
        _list_events(sources, looking)
        _list_strangers(sources, looking, spans)
        _find_orders(sources, looking, tuple(looking.events))
        _find_orders(sources, looking, _read_ledger_again(sources, looking))
        if sources.view:
            looking.failed_writes = sources.view.orders.failed_writes(looking.known.orders)
            looking.changed = frozenset(each.event_id for each in sources.view.queries.open_changes())
        _find_shared(sources, looking)
        rows = [row for rows in looking.orders.values() for row in rows.values()]
        known = {row.id for row in rows}
        misplaced = [each for each in looking.nameless if each.order.id not in known]
        contents = sources.order_search.contents([each.order for each in misplaced])
        for each in misplaced:  # each once, although several locations may share its establishment
            of_it = next((span for span in spans if _was_written_in(each, span)), None)
            if of_it:
                yield _misplaced_order(each, of_it, contents)
        for number, event_id in enumerate(looking.events, 1):
            case = _case(sources, looking, event_id)
            sources.progress(number, len(looking.events))
            named = next((span for span in spans if span.location == case.location), None)
            elsewhere = replace(case.location, timezone=sources.policy.default_timezone)
            span = named or _span(elsewhere, sources.now, first, last)
            if span.first <= case.day <= span.last:
                yield case
    except (TryNextRun, Refused) as error:  # half a comparison could be taken for a whole one
        raise ServiceDown(f"nothing was compared: {error}") from error


# Read events and orders


def _list_events(sources: Sources, looking: _Looking) -> None:
    """Read the events of these days, and known ones that may have moved or been deleted.

    Those have a planned order on these days, or a person resolved them as done.
    """
    for found in sources.tripleseat.search_by_day(looking.first, looking.last):
        unusable = EventUnavailable(Status.FAILED, Reason.EVENT_DATA_UNAVAILABLE, found.problem or "")
        listed = FoundEvent(found.event, found.digest, complete=False) if found.event else unusable
        looking.events[found.id] = listed
    if sources.view is None:
        return
    with sources.view.reading():
        span = looking.first, looking.last
        known = dict.fromkeys(
            (*sources.view.orders.event_ids_between(*span), *sources.view.events.resolved_between(*span))
        )
        looking.known = sources.view.known({*looking.events, *known})
    for event_id in known:
        if event_id not in looking.events:
            looking.events[event_id] = _ask(sources, looking, event_id)


def _list_strangers(sources: Sources, looking: _Looking, spans: tuple[ComparedSpan, ...]) -> None:
    """Read orders with a name like ours that were written on these days, and their events if not yet read."""
    gate = sources.policy.gate
    beginnings = prefixes(sources.policy)
    for establishment in {span.location.establishment for span in spans if span.location.establishment is not None}:
        here = [span for span in spans if span.location.establishment == establishment]
        first = min(span.first for span in here) - timedelta(days=gate.days_before)
        last = max(span.last for span in here) + timedelta(days=gate.days_after)
        for written in sources.order_search.list_written(establishment, first, last, beginnings):
            event_id = event_of(written.order, sources.policy)
            if event_id is None and not written.order.deleted and is_named_like_ours(written.order, sources.policy):
                looking.nameless.append(written)
            elif event_id and event_id not in looking.events and not written.order.deleted:
                looking.events[event_id] = _ask(sources, looking, event_id)
                looking.written[event_id] = written
    new = [event_id for event_id in looking.written if event_id not in looking.known.orders]
    if sources.view and new:
        looking.known |= sources.view.known(new)


def _read_ledger_again(sources: Sources, looking: _Looking) -> list[EventId]:
    """Read the ledger again; return the events whose order or resolution has changed meanwhile.

    A run may write orders while they are compared. It claims each order before it sends it. So for an unchanged event
    what was read of Revel in between belongs to the ledger's row; for the others Revel must be read again.
    """
    if sources.view is None:
        return []
    before, looking.known = looking.known, sources.view.known(looking.events)
    return [event_id for event_id in looking.events if _stand(before, event_id) != _stand(looking.known, event_id)]


def _stand(known: KnownEvents, event_id: EventId) -> tuple[object, ...]:
    record, resolution = known.orders.get(event_id), known.resolutions.get(event_id)
    return (record.state, record.order_id, record.plan, resolution) if record else (resolution,)


def _find_orders(sources: Sources, looking: _Looking, event_ids: Sequence[EventId]) -> None:
    """Read the orders of these events, and what they contain."""
    for event_id in event_ids:
        looking.orders.pop(event_id, None)
    ids = {event_id: order_uuid(event_id) for event_id in event_ids if not event_id.startswith(NAMELESS)}
    owners = {order_uuid(event_id): event_id for event_id in looking.events}  # also of events that aren't read again
    names = {name: event_id for event_id in ids for name in _names(sources, looking, event_id)}
    for row in sources.order_search.find(ids.values(), names):
        event_id = owners.get(row.uuid) or names[row.local_id]
        if event_id in ids:
            looking.orders.setdefault(event_id, {})[row.id] = row
    for event_id in event_ids:
        record = looking.known.orders.get(event_id)
        if record and record.order_id and event_id not in looking.orders:
            known = sources.order_search.find_by_id(record.order_id)
            names_of_it = _names(sources, looking, event_id)
            if known and (known.uuid == order_uuid(event_id) or known.local_id in names_of_it):
                looking.orders[event_id] = {known.id: known}
    _find_named(sources, looking, event_ids)
    rows = [row for event_id in event_ids for row in looking.orders.get(event_id, {}).values()]
    looking.contents.update(sources.order_search.contents(rows))


def _find_named(sources: Sources, looking: _Looking, event_ids: Sequence[EventId]) -> None:
    """Read the orders that people named for these events. One that is another event's isn't counted as this one's."""
    for event_id in event_ids:
        order_id = named_order(looking.known.resolutions.get(event_id))
        if order_id is None or order_id in looking.orders.get(event_id, {}):
            continue
        try:
            row = sources.order_search.find_by_id(order_id)
        except Unreadable as error:
            log.warning("whether order %s is that of event %s can't be checked: %s", order_id, event_id, error)
            continue
        looking.named[order_id] = row
        if row and not row.deleted and _owner_of(sources, row, event_id) in {None, event_id}:
            looking.orders.setdefault(event_id, {})[row.id] = row


class _Right(IntEnum):
    """Why an order stands for an event, the best right first."""

    UUID = 0
    NAME = 1
    LEDGER = 2
    PERSON = 3


def _find_shared(sources: Sources, looking: _Looking) -> None:
    """Find the orders that stand for several events."""
    for order_id, holders in _list_rights(sources, looking).items():
        best, owner = min(holders)
        for _, event_id in holders:
            others = [each for each in holders if each[1] != event_id]
            if others and (event_id != owner or min(others)[0] is best):
                looking.shared.setdefault(event_id, {})[order_id] = min(others)[1]
                if best is _Right.PERSON:  # nothing shows whose it is, and its money must not count twice
                    looking.orders.get(event_id, {}).pop(order_id, None)


def _list_rights(sources: Sources, looking: _Looking) -> dict[OrderId, list[tuple[_Right, EventId]]]:
    """The events that each order stands for."""
    rights: defaultdict[OrderId, list[tuple[_Right, EventId]]] = defaultdict(list)
    for event_id, rows in looking.orders.items():
        names = _names(sources, looking, event_id)
        for order in rows.values():
            if not order.deleted:
                by_key = _Right.UUID if order.uuid == order_uuid(event_id) else _Right.NAME
                is_keyed = by_key is _Right.UUID or order.local_id in names or order.id not in looking.named
                rights[order.id].append((by_key if is_keyed else _Right.PERSON, event_id))
    for event_id, record in looking.known.orders.items():
        if record.order_id and record.order_id not in looking.orders.get(event_id, {}):
            rights[record.order_id].append((_Right.LEDGER, event_id))
    for resolution in sources.view.events.all_resolutions() if sources.view else ():
        event_id, order_id = resolution.event_id, named_order(resolution)
        if order_id is None or any(event_id == holder for _, holder in rights.get(order_id, ())):
            continue
        row = looking.named.get(order_id) if event_id in looking.events else None
        if row and not row.deleted and order_id not in rights:  # its event may be on another day
            owner = _owner_of(sources, row, event_id)
            if owner and owner != event_id:
                rights[order_id].append((_Right.NAME, owner))
        rights[order_id].append((_Right.PERSON, event_id))
    return rights


def _owner_of(sources: Sources, order: OrderRow, event_id: EventId) -> EventId | None:
    """The event that an order, named for this one, is for by its keys; None if they don't tell."""
    seen = sources.view.queries.recent_events("", EVERY_EVENT) if sources.view else ()
    return owner_of(order, sources.policy, [event_id, *(each for each, _ in seen)])


def _names(sources: Sources, looking: _Looking, event_id: EventId) -> tuple[str, ...]:
    """Every `local_id` that its order may have, including that of its plan in case the settings have changed."""
    record = looking.known.orders.get(event_id)
    plan = record.plan if record else None
    return (*known_local_ids(sources.policy, event_id), *((plan.local_id,) if plan else ()))


def _ask(sources: Sources, looking: _Looking, event_id: EventId) -> FoundEvent | EventUnavailable:
    """The event, or why TripleSeat doesn't return it. Raises ServiceDown after several failures in a row."""
    try:
        event = fetch_event(sources.tripleseat, event_id)
    except Unavailable as error:
        if looking.failures.add(down=True):
            text = f"nothing was compared: {FailureStreak.LONGEST} events in a row couldn't be read: {error}"
            raise ServiceDown(text) from error
        return EventUnavailable(Status.FAILED, Reason.UPSTREAM_UNAVAILABLE, str(error))
    looking.failures.add(down=False)
    return event if isinstance(event, EventUnavailable) else FoundEvent(event)


def _was_written_in(written: DatedOrder, span: ComparedSpan) -> bool:
    return written.order.establishment == span.location.establishment and span.first <= written.day <= span.last


def _misplaced_order(written: DatedOrder, span: ComparedSpan, contents: Mapping[OrderId, Contents]) -> EventComparison:
    """The case of an order without an event, counted where and when it was written."""
    problem = "its local_id begins like ours but has no event number; check the order in Revel"
    orders = (written.order,)
    return EventComparison(EventId(""), written.day, span.location, problem=problem, orders=orders, contents=contents)


# Make the case of an event


def _case(sources: Sources, looking: _Looking, event_id: EventId) -> EventComparison:
    told, known, orders = looking.events[event_id], looking.known, looking.orders.get(event_id, {})
    live = (each.id for each in orders.values() if not each.deleted)
    unreadable = {each: why for each in live if (why := sources.order_search.unreadable.get(each))}
    event = told.event if isinstance(told, FoundEvent) else None
    location = find_location(event, sources.policy) if event else None
    case = EventComparison(
        event_id=event_id,
        day=_day(sources, looking, event_id, event, location),
        location=_find_report_location(sources, looking, event_id, event, location),
        event=event,
        orders=() if unreadable else tuple(orders.values()),
        unreadable=unreadable,
        contents=looking.contents,
        record=known.orders.get(event_id),
        last_result=known.results.get(event_id),
        resolution=known.resolutions.get(event_id),
        failed_write=looking.failed_writes.get(event_id),
        shared=looking.shared.get(event_id, {}),
        named_gone=_why_named_is_gone(looking, event_id),
        has_open_change=event_id in looking.changed,
        has_ledger=sources.view is not None,
    )
    if isinstance(told, EventUnavailable):
        unread = told.status is Status.FAILED and not told.absent
        return replace(case, problem=told.text, gone=told.absent, unread=unread)
    return _planned(sources, looking, replace(case, digest=told.digest), told, location)


def _planned(
    sources: Sources, looking: _Looking, case: EventComparison, found: FoundEvent, location: Location | None
) -> EventComparison:
    """Add screening, gate and plan. The event is read in full if it is due for an order or already has one.

    The plan of an event that is as its order was planned is that of the order: our own mappings or settings may have
    changed since.
    """
    policy, event = sources.policy, found.event
    has_order = bool(case.record or case.live or case.resolution)
    screened = screen(event, policy, sources.now, ignore_gate=True, has_order=has_order)
    zone = _zone(location.timezone if location else policy.default_timezone)
    day = event_day(event, zone)
    gate: GateState = judge_gate(day, zone, policy.gate, sources.now) if day else "open"
    case = replace(case, screened=screened, gate=gate)
    cancelled = isinstance(screened, Skip) and screened.reason is not Reason.LOCATION_NOT_ALLOWED
    waits = location is None or gate == "early" or isinstance(screened, Hold | Skip)
    if cancelled or (waits and not case.live):
        return case
    if not found.complete:
        asked = _ask(sources, looking, case.event_id)
        if isinstance(asked, EventUnavailable):
            return replace(case, problem=f"TripleSeat lists it but doesn't return it: {asked.text}")
        event = asked.event
        again = screen(event, policy, sources.now, ignore_gate=True, has_order=has_order)
        case, location = replace(case, event=event, screened=again), find_location(event, policy) or location
        if isinstance(again, Skip) and again.reason is not Reason.LOCATION_NOT_ALLOWED:
            return case
    hold = case.screened if isinstance(case.screened, Hold) else None
    now = None if hold or location is None else sources.catalogues.plan(event, location, policy, sources.now)
    record, hashes = case.record, looking.known.contents.get(case.event_id) or ContentHashes()
    why = now if isinstance(now, Hold) else hold
    if record and record.plan and is_unchanged(event, hash_of_content(event), record, hashes, why):
        at = case.location if location else _report_location(record.plan.location)
        return replace(case, plan=record.plan, location=at)
    return replace(case, plan=now)


def _day(
    sources: Sources, looking: _Looking, event_id: EventId, event: Event | None, location: Location | None
) -> date:
    """The day that it counts for: the event's; if it moved out of these days or is gone, the day of its order."""
    record = looking.known.orders.get(event_id)
    planned = record.plan.day if record and record.plan else None
    last_result = looking.known.results.get(event_id)
    written = looking.written.get(event_id)
    now = event_day(event, find_zone(location.timezone) if location else None) if event else None
    if now and planned and not looking.first <= now <= looking.last:
        return planned
    days = [now, planned, last_result.day if last_result else None, written.day if written else None]
    return next((day for day in days if day), sources.now.date())


def _find_report_location(
    sources: Sources, looking: _Looking, event_id: EventId, event: Event | None, location: Location | None
) -> ReportLocation:
    if location:
        return _report_location(location)
    if event:
        return ReportLocation(event.location_name or f"TripleSeat location {event.location_id or event.site_id}")
    record, written = looking.known.orders.get(event_id), looking.written.get(event_id)
    establishment = record.plan.location.establishment if record and record.plan else None
    if written:
        establishment = written.order.establishment
    found = [each for each in sources.policy.locations if each.establishment == establishment]
    return _report_location(found[0]) if found else ReportLocation("unknown location", establishment)


def _why_named_is_gone(looking: _Looking, event_id: EventId) -> str:
    """Why the order that a person named doesn't stand; "" if it stands or isn't known, or if none was named."""
    order_id = named_order(looking.known.resolutions.get(event_id))
    row = looking.orders.get(event_id, {}).get(order_id) if order_id else None
    if order_id is None or (row is None and order_id not in looking.named):
        return ""
    row = row or looking.named[order_id]
    if row is None:
        return "Revel no longer has it"
    return "it is deleted in Revel" if row.deleted else ""


# Days and names


def _span(location: ReportLocation, now: datetime, first: date | None, last: date | None) -> ComparedSpan:
    end = last or max(now.astimezone(_zone(location.timezone)).date(), first or date.min)
    return ComparedSpan(location, first or end - timedelta(days=USUAL_DAYS - 1), end)


def _report_location(location: Location) -> ReportLocation:
    return ReportLocation(location.name, location.establishment, location.timezone)


def _zone(name: str) -> ZoneInfo:
    return find_zone(name) or ZoneInfo("UTC")
