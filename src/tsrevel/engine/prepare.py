"""Prepares a batch of events: fetches them, plans them, confirms their products, and searches Revel for orders.

A request that can serve several events is sent once for the batch. Batches are small, and smaller while TripleSeat is
slow, so that the last answer is still fresh when it is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Sized
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from tsrevel.clocks import Moment
from tsrevel.engine.catalogs import Catalogs
from tsrevel.engine.context import FRESH, RunContext, RunState
from tsrevel.engine.fetch import EventUnavailable, fetch_event, fetch_whole
from tsrevel.engine.triage import Prepare, TriageRules
from tsrevel.ledger import KnownEvents
from tsrevel.planning.identity import known_local_ids, order_uuid
from tsrevel.planning.model import Event, EventId, Hold, Location, Plan, Policy, Skip
from tsrevel.planning.reasons import Status
from tsrevel.planning.screening import covered_locations, screen
from tsrevel.tripleseat.client import TripleSeat

BATCH = 8
"""Events prepared together. At Revel's default rate an order takes about five seconds: the last is still fresh."""
_READING = FRESH / 4
"""How long a batch is read from TripleSeat. The other events are left to the next batch."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """An event with its plan, or why it has none. `absent`: Revel has shown no order for it."""

    event: Event
    result: Plan | Hold | Skip
    absent: bool
    asked: Moment


def prepare(
    ctx: RunContext, state: RunState, known: KnownEvents, rules: TriageRules, tasks: Sequence[Prepare]
) -> dict[EventId, Prepared | EventUnavailable]:
    """The first task's event, prepared, and the others up to the first that fails, or for which reading takes too long.

    An event that fails, and those after it, are left to their own turns. Raises what is raised for the first task.
    """
    asked = ctx.moment()
    events = _fetch(ctx, state, tasks, asked)
    if isinstance(events, EventUnavailable):
        return {tasks[0].found.event.id: events}
    plans = _plan(ctx, state, rules, events)
    wanted = [event.id for event, plan in plans if isinstance(plan, Plan) or is_new_hold(known, event.id, plan)]
    absent = _find_absent(ctx, known, wanted)
    return {event.id: Prepared(event, plan, event.id in absent, asked) for event, plan in plans}


def plan_listed(
    tripleseat: TripleSeat, catalogs: Catalogs, policy: Policy, now: datetime, listed: Event
) -> tuple[Event, Plan | Hold | Skip] | EventUnavailable:
    """The plan of a listed event, or why it has none, whatever its time gate says and whether or not it has an order.

    It is fetched whole only if its listing passes the screening. Raises what TripleSeat and Revel raise.
    """
    event, verdict = listed, screen(listed, policy, now, ignore_gate=True)
    if isinstance(verdict, Location):
        whole = fetch_event(tripleseat, listed.id)
        if isinstance(whole, EventUnavailable):
            return whole
        event, verdict = whole, screen(whole, policy, now, ignore_gate=True)
    return event, catalogs.plan(event, verdict, policy, now) if isinstance(verdict, Location) else verdict


def _fetch(ctx: RunContext, state: RunState, tasks: Sequence[Prepare], asked: Moment) -> list[Event] | EventUnavailable:
    events: list[Event] = []
    with _left_to_its_turn(events):
        for task in tasks:
            if events and not ctx.is_fresh(asked, _READING):
                return events
            event = fetch_whole(ctx.tripleseat, task.found)
            if isinstance(event, EventUnavailable):
                return events or event
            events.append(event)
            state.whole[event.id] = event
    return events


def _plan(
    ctx: RunContext, state: RunState, rules: TriageRules, events: Sequence[Event]
) -> list[tuple[Event, Plan | Hold | Skip]]:
    """The plans, after their products were confirmed together."""
    verdicts: list[tuple[Event, Location | Hold | Skip]] = []
    plans: list[tuple[Event, Plan | Hold | Skip]] = []
    with _left_to_its_turn(verdicts):
        for event in events:
            verdict = screen(event, ctx.policy, ctx.now(), ignore_gate=rules.ignore_time_gate)
            verdicts.append((event, verdict))
    due = [(event, verdict) for event, verdict in verdicts if isinstance(verdict, Location)]
    if len(due) > 1:
        state.catalogs.confirm(due, ctx.policy, ctx.now())
    with _left_to_its_turn(plans):
        for event, at in verdicts:
            plan = state.catalogs.plan(event, at, ctx.policy, ctx.now()) if isinstance(at, Location) else at
            plans.append((event, plan))
    return plans


@contextmanager
def _left_to_its_turn(done: Sized) -> Iterator[None]:
    """Ignore an error in the block once something is `done`: the event that fails raises it again in its own turn."""
    try:
        yield
    except Exception:
        if not done:
            raise


def is_new_hold(known: KnownEvents, event_id: EventId, result: Plan | Hold | Skip) -> bool:
    """Whether no live run has stored this hold. Before one does, Revel is asked whether the event has its order."""
    last = known.results.get(event_id)
    return isinstance(result, Hold) and (last is None or (last.status, last.reason) != (Status.HELD, result.reason))


def _find_absent(ctx: RunContext, known: KnownEvents, event_ids: Sequence[EventId]) -> frozenset[EventId]:
    """The events that Revel has no order for, from one search for all of them, by `local_id` and by uuid.

    A single event is left to its own search, which costs no more. So is an event with an order in the ledger. So is
    every event until live runs over these locations have done their work with this ledger: it may replace a lost one.
    """
    wanted = [each for each in event_ids if each not in known.orders]
    if len(wanted) < 2:
        return frozenset()
    if ctx.ledger.runs.last_good(covered_locations(ctx.policy), ctx.now()) is None:
        return frozenset()
    return find_absent(ctx, wanted)


def find_absent(ctx: RunContext, event_ids: Sequence[EventId]) -> frozenset[EventId]:
    """The events that Revel has no order for, not even a deleted one. None of them if Revel's answer isn't usable.

    Nor until Revel has shown an order by such a search: before that, its silence proves nothing.
    """
    if not ctx.revel.has_shown_batches:
        return frozenset()
    names = {event_id: known_local_ids(ctx.policy, event_id) for event_id in event_ids}
    uuids = {event_id: order_uuid(event_id) for event_id in event_ids}
    taken = ctx.revel.taken_names([name for each in names.values() for name in each], list(uuids.values()))
    if taken is None:
        return frozenset()
    return frozenset(each for each in event_ids if taken.isdisjoint({*names[each], uuids[each]}))
