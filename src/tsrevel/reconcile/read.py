"""Looks: the events of the days, the ledger's rows, Revel's orders, each event a case. It decides nothing.

Revel's `created_date` is when an order was written, not the event's day (facts Revel 2.4). So an event's orders are
looked for by their names, and the days are listed only to find orders that no event is known for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tsrevel.engine.decide import Catalogues
from tsrevel.errors import Forbidden, Refused, ServiceDown, TryNextRun, Unreadable
from tsrevel.ledger import LedgerView
from tsrevel.ledger.days import Recalled, find_ordered, recall
from tsrevel.planning.identity import NAMELESS, known_local_ids, order_uuid
from tsrevel.planning.model import Event, EventId, Hold, Location, OrderId, Policy, Skip
from tsrevel.planning.plan import plan_order
from tsrevel.planning.reasons import Reason
from tsrevel.planning.screen import find_location, screen
from tsrevel.planning.when import GateState, judge_gate
from tsrevel.reconcile.model import Case, Span, Spot
from tsrevel.revel.books import Books, Written
from tsrevel.revel.client import Contents
from tsrevel.revel.decode import OrderRow
from tsrevel.tripleseat.client import TripleSeat

USUAL_DAYS = 7
"""Compared where no days are named: so many, today included."""
_NONE_KNOWN = Recalled({}, {}, {})
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Sources:
    """Where to look, and what the settings say. `view` is None where there is no ledger. Nothing is written."""

    tripleseat: TripleSeat
    books: Books
    catalogues: Catalogues
    view: LedgerView | None
    policy: Policy
    now: datetime
    progress: Progress = lambda _done, _of: None


@dataclass(slots=True)
class _Told:
    """One event as TripleSeat tells it, or why it doesn't. `whole`: with its lines."""

    event: Event | None = None
    problem: str = ""
    gone: bool = False
    whole: bool = False


@dataclass(slots=True)
class _Looking:
    events: dict[EventId, _Told] = field(default_factory=dict)
    orders: dict[EventId, dict[OrderId, OrderRow]] = field(default_factory=dict)
    written: dict[EventId, Written] = field(default_factory=dict)
    known: Recalled = _NONE_KNOWN
    first: date = date.min
    last: date = date.max


def choose_spans(policy: Policy, now: datetime, first: date | None, last: date | None) -> tuple[Span, ...]:
    """Each location's days: those named, else the last seven by its own clock, today included."""
    return tuple(_span(_spot(location), now, first, last) for location in policy.locations)


def read_cases(sources: Sources, spans: Iterable[Span], first: date | None, last: date | None) -> Iterator[Case]:
    """A case for each event of the days and for each order that has none there.

    Raises ServiceDown where a service can't be asked or tells nonsense; CredentialsRefused, LedgerUnusable.
    """
    spans = tuple(spans)
    begin, end = min(span.first for span in spans), max(span.last for span in spans)
    looking = _Looking(first=begin, last=end)
    with _needed():
        _list_events(sources, looking, begin, end)
        _recall(sources, looking, begin, end)
        _list_strangers(sources, looking, spans)
        _find_orders(sources, looking)
        contents = sources.books.contents([row for rows in looking.orders.values() for row in rows.values()])
        ids = list(looking.events)
        for number, event_id in enumerate(ids, 1):
            case = _case(sources, looking, event_id, contents)
            sources.progress(number, len(ids))
            span = _span_of(case, spans, sources, first, last)
            if span.first <= case.day <= span.last:
                yield case


@contextmanager
def _needed() -> Iterator[None]:
    """Round all that is read: half a comparison would be taken for a whole one."""
    try:
        yield
    except (TryNextRun, Refused) as error:
        raise ServiceDown(f"nothing was compared: {error}") from error


# What there is


def _list_events(sources: Sources, looking: _Looking, first: date, last: date) -> None:
    for found in sources.tripleseat.search_by_day(first, last):
        looking.events[EventId(found.id or f"{NAMELESS}{found.digest[:8]}")] = _Told(found.event, found.problem or "")


def _recall(sources: Sources, looking: _Looking, first: date, last: date) -> None:
    """The ledger's orders of these days. Their events that TripleSeat doesn't list there are asked for by id."""
    if sources.view is None:
        return
    with sources.view.reading() as connection:
        ordered = find_ordered(connection, first, last)
        looking.known = recall(connection, {*looking.events, *ordered})
    for event_id in ordered:
        if event_id not in looking.events:
            looking.events[event_id] = _ask(sources, event_id)


def _list_strangers(sources: Sources, looking: _Looking, spans: tuple[Span, ...]) -> None:
    """Orders that carry a name of ours, written on these days, whose event isn't among those known by now."""
    gate = sources.policy.gate
    prefixes = _prefixes(sources.policy)
    for establishment in {span.spot.establishment for span in spans if span.spot.establishment is not None}:
        here = [span for span in spans if span.spot.establishment == establishment]
        first = min(span.first for span in here) - timedelta(days=gate.days_before)
        last = max(span.last for span in here) + timedelta(days=gate.days_after)
        for written in sources.books.list_written(establishment, first, last, prefixes):
            event_id = _event_of(written.order, sources.policy)
            if event_id and event_id not in looking.events and not written.order.deleted:
                looking.events[event_id] = _ask(sources, event_id)
                looking.written[event_id] = written
    new = [event_id for event_id in looking.written if event_id not in looking.known.orders]
    if sources.view and new:
        with sources.view.reading() as connection:
            more = recall(connection, new)
        known = looking.known
        looking.known = Recalled(
            {**known.orders, **more.orders},
            {**known.sightings, **more.sightings},
            {**known.resolutions, **more.resolutions},
        )


def _find_orders(sources: Sources, looking: _Looking) -> None:
    ids = [event_id for event_id in looking.events if not event_id.startswith(NAMELESS)]
    uuids = {order_uuid(event_id): event_id for event_id in ids}
    names = {name: event_id for event_id in ids for name in _names(sources, looking, event_id)}
    for row in sources.books.find(uuids, names):
        event_id = uuids.get(row.uuid) or names[row.local_id]
        looking.orders.setdefault(event_id, {})[row.id] = row
    for event_id, record in looking.known.orders.items():
        if record.order_id and event_id not in looking.orders:
            known = sources.books.find_by_id(record.order_id)
            names_of_it = _names(sources, looking, event_id)
            if known and (known.uuid == order_uuid(event_id) or known.local_id in names_of_it):
                looking.orders[event_id] = {known.id: known}


def _names(sources: Sources, looking: _Looking, event_id: EventId) -> tuple[str, ...]:
    """Every `local_id` that its order may carry, though the settings have changed since."""
    record = looking.known.orders.get(event_id)
    plan = record.plan if record else None
    return (*known_local_ids(sources.policy, event_id), *((plan.local_id,) if plan else ()))


def _ask(sources: Sources, event_id: EventId) -> _Told:
    """The event itself, or why TripleSeat doesn't hand it out."""
    try:
        return _Told(sources.tripleseat.event(event_id), whole=True)
    except Forbidden as error:
        return _Told(problem=str(error))
    except Unreadable as error:
        return _Told(problem=str(error))
    except Refused as refused:
        return _Told(
            problem="it has no such event" if refused.status == 404 else str(refused), gone=refused.status == 404
        )


# One event


def _case(sources: Sources, looking: _Looking, event_id: EventId, contents: Mapping[OrderId, Contents]) -> Case:
    told, known = looking.events[event_id], looking.known
    orders = tuple(looking.orders.get(event_id, {}).values())
    record = known.orders.get(event_id)
    resolution = known.resolutions.get(event_id)
    case = Case(
        event_id=event_id,
        day=_day(told.event, looking, event_id, sources),
        spot=_place(told.event, looking, event_id, sources),
        event=told.event,
        problem=told.problem,
        gone=told.gone,
        orders=orders,
        contents=contents,
        record=record,
        sighting=known.sightings.get(event_id),
        resolution=resolution.verdict if resolution else None,
        has_ledger=sources.view is not None,
    )
    return _planned(sources, case, told) if told.event else case


def _planned(sources: Sources, case: Case, told: _Told) -> Case:
    """The case with what planning says of its event, which is fetched whole where an order is called for or there."""
    policy, event = sources.policy, told.event
    if event is None:
        return case
    screened = screen(event, policy, sources.now, ignore_gate=True)
    gate = _gate(event, find_location(event, policy), sources)
    case = replace(case, screened=screened, gate=gate)
    location = find_location(event, policy)
    cancelled = isinstance(screened, Skip) and screened.reason is not Reason.LOCATION_NOT_ALLOWED
    waits = gate == "early" or isinstance(screened, Hold | Skip)
    if cancelled or location is None or (waits and not case.live):
        return case
    if not told.whole:
        asked = _ask(sources, case.event_id)
        if asked.event is None:
            return replace(case, problem=f"TripleSeat lists it, and doesn't hand it out: {asked.problem}")
        event = asked.event
        again = screen(event, policy, sources.now, ignore_gate=True)
        case, location = replace(case, event=event, screened=again), find_location(event, policy) or location
        if isinstance(again, Skip) and again.reason is not Reason.LOCATION_NOT_ALLOWED:
            return case
    if isinstance(case.screened, Hold):
        return case
    catalogue = sources.catalogues.of(location.establishment)
    return replace(case, plan=plan_order(event, location, catalogue, policy))


def _gate(event: Event, location: Location | None, sources: Sources) -> GateState:
    zone = _zone(location.timezone if location else sources.policy.default_timezone)
    return judge_gate(event.day, zone, sources.policy.gate, sources.now) if event.day else "open"


def _day(event: Event | None, looking: _Looking, event_id: EventId, sources: Sources) -> date:
    """Where it is counted: the event's day; for one that has moved out of sight or is gone, the day of its order."""
    record = looking.known.orders.get(event_id)
    planned = record.plan.day if record and record.plan else None
    sighting = looking.known.sightings.get(event_id)
    written = looking.written.get(event_id)
    now = event.day if event else None
    if now and planned and not looking.first <= now <= looking.last:
        return planned
    days = [now, planned, sighting.day if sighting else None, written.day if written else None]
    return next((day for day in days if day), sources.now.date())


def _place(event: Event | None, looking: _Looking, event_id: EventId, sources: Sources) -> Spot:
    record = looking.known.orders.get(event_id)
    if event:
        location = find_location(event, sources.policy)
        unmapped = Spot(event.location_name or f"TripleSeat location {event.location_id or event.site_id}")
        return _spot(location) if location else unmapped
    establishment = record.plan.location.establishment if record and record.plan else None
    written = looking.written.get(event_id)
    if written:
        establishment = written.order.establishment
    found = [each for each in sources.policy.locations if each.establishment == establishment]
    return _spot(found[0]) if found else Spot("unknown place", establishment)


# Days and names


def _span_of(case: Case, spans: tuple[Span, ...], sources: Sources, first: date | None, last: date | None) -> Span:
    named = next((span for span in spans if span.spot == case.spot), None)
    return named or _span(replace(case.spot, timezone=sources.policy.default_timezone), sources.now, first, last)


def _span(spot: Spot, now: datetime, first: date | None, last: date | None) -> Span:
    end = last or max(now.astimezone(_zone(spot.timezone)).date(), first or date.min)
    return Span(spot, first or end - timedelta(days=USUAL_DAYS - 1), end)


def _spot(location: Location) -> Spot:
    return Spot(location.name, location.establishment, location.timezone)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def _templates(policy: Policy) -> tuple[str, ...]:
    return tuple(dict.fromkeys((policy.local_id, *policy.legacy_local_ids)))


def _prefixes(policy: Policy) -> tuple[str, ...]:
    """What the names of our orders begin with; a prefix that begins with another one isn't needed."""
    heads = sorted({template.partition("{event_id}")[0] for template in _templates(policy)})
    return tuple(head for head in heads if not any(head != other and head.startswith(other) for other in heads))


def _event_of(order: OrderRow, policy: Policy) -> EventId | None:
    """The event that an order is named after. A bare number is a POS station's (facts Revel 3.4), unless it is ours."""
    for template in _templates(policy):
        head, _, tail = template.partition("{event_id}")
        found = re.fullmatch(f"{re.escape(head)}([0-9]+){re.escape(tail)}", order.local_id)
        if found and (head or tail or order.uuid == order_uuid(EventId(found[1]))):
            return EventId(found[1])
    return None
