"""What changed after an order was made, in TripleSeat or at a POS station. Each change is reported once.

This module only reads (facts Revel 3.7) and never changes the order. Normal service at a station is not reported: a
payment taken, the order printed, sent or closed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from tsrevel.engine.context import Known, OrderChangeReported, RunContext, RunState, scope_of
from tsrevel.engine.fetch import EventUnavailable, FoundEvent, fetch_whole
from tsrevel.engine.outcomes import Outcome, describe, not_written, order_stands, with_order
from tsrevel.engine.triage import leave_cancelled, reinstated, report_change
from tsrevel.engine.verify import find_twice
from tsrevel.errors import LedgerUnusable, Refused, StopRun, TryNextRun, Unreadable
from tsrevel.ledger import ContentHashes, OrderRecord, StationChange, StationReport, hash_of_content, hash_of_text
from tsrevel.planning.billing import refunded_of
from tsrevel.planning.changes import describe_changes
from tsrevel.planning.model import Event, EventId, Hold, OrderId, Plan, Skip
from tsrevel.planning.money import to_cents
from tsrevel.planning.reasons import Reason, Status
from tsrevel.planning.screening import find_location, screen_status
from tsrevel.revel.client import tell_doubles
from tsrevel.revel.compare import IDENTITY, planned_fields, shown_fields
from tsrevel.revel.decode import OrderRow

log = logging.getLogger(__name__)

DAYS_AFTER = 2
"""An order is looked at from when it was made until so many days after its event's day."""
BATCH = 50
"""Orders asked for in one request."""
MOST = 4 * BATCH
"""Orders that a run looks at, at most: those whose days are nearest."""
MOST_SINGLES = 50
"""Orders that a run asks for one by one at most, where Revel doesn't show them together."""

_BY_SETTINGS = frozenset({
    Reason.UNMAPPED_ITEMS, Reason.UNKNOWN_CHARGE, Reason.LOCATION_NOT_MAPPED, Reason.ORDER_TOO_LARGE,
    Reason.UNKNOWN_TIMEZONE,
})  # fmt: skip
"""Why an event may not be planned any more though it is as it was."""

ShownOrder = Mapping[str, str]
"""What of an order is compared, as text: money with two decimals, marks as yes or no. Free of customer data."""
_ENDINGS = {
    StationChange.CHANGED: "look at it there, it is left as it is",
    StationChange.UNDONE: "it is as it was made again",
}


# In TripleSeat


def compare_with_event(
    ctx: RunContext, state: RunState, known: Known, found: FoundEvent, record: OrderRecord, plan: Plan
) -> Outcome | EventUnavailable:
    """Skipped, unless the event has changed since its order was made, or since that was last reported."""
    event = found.event
    about = replace(describe(event, find_location(event, ctx.policy)), order_id=record.order_id)
    done = replace(about, local_id=plan.local_id, total=plan.final_total)
    if ctx.out_of_time():
        return order_stands(done, record)
    whole = fetch_whole(ctx.tripleseat, found)
    if isinstance(whole, EventUnavailable):
        return whole
    state.whole[event.id] = whole
    status = screen_status(whole, ctx.policy)
    if isinstance(status, Skip):
        leave = leave_cancelled(done, found, record, status)
        if leave.report:
            state.reports.append(leave.report)
        return leave.outcome
    content = hash_of_content(whole)
    now = _plan_now(ctx, state, whole, content, record, known.contents.get(event.id) or ContentHashes())
    changes = _changes(whole, now, record, record.seen_plan or plan) if now else []
    state.reports.append(report_change(found, now=now, content=content))
    if record.cancelled:
        changes.insert(0, reinstated(found))
    if changes:
        text = f"after Revel order {record.order_id} was made: {'; '.join(changes)}"
        return replace(not_written(done, Skip(Reason.CHANGED_AFTER_INJECTION, text)), news=True)
    return order_stands(done, record)


def plan_anew(ctx: RunContext, state: RunState, event: Event) -> Plan | Hold:
    """The order as it would be made now, wherever the event is now, or why it can't be."""
    location = find_location(event, ctx.policy)
    if location is None:
        text = f"moved to TripleSeat location {event.location_id}, which has no [[locations]] entry"
        return Hold(Reason.LOCATION_NOT_MAPPED, text)
    now = state.catalogs.plan(event, location, ctx.policy, ctx.now())
    if isinstance(now, Hold):
        return Hold(now.reason, f"it can no longer be planned ({now.reason}: {now.text})")
    return now


def _plan_now(
    ctx: RunContext, state: RunState, event: Event, content: str, record: OrderRecord, hashes: ContentHashes
) -> Plan | Hold | None:
    """The order as it would be made of the event now; None where nothing of the event changed since last told.

    Then our own mappings and settings may make another order of it: that is no change of the event (DESIGN 4).
    """
    if content == hashes.made and record.plan:
        return record.plan
    if content == hashes.seen:
        return None
    now = plan_anew(ctx, state, event)
    by_settings = isinstance(now, Hold) and now.reason in _BY_SETTINGS and _is_as_made(event, record)
    return None if hashes.made is None and by_settings else now


def _changes(event: Event, now: Plan | Hold, record: OrderRecord, before: Plan) -> list[str]:
    """What is to be reported of the event's state: nothing of what was reported when it was last looked at."""
    if isinstance(now, Hold):
        return [] if hash_of_text(now.text) == record.seen_trouble else [now.text]
    again = ["it can be planned again"] if record.seen_trouble else []
    return again + describe_changes(before, now, refunded_of(event))


def _is_as_made(event: Event, record: OrderRecord) -> bool:
    """Whether place, day and total are those of the order: all there is to go by where its content wasn't kept."""
    plan = record.plan
    if plan is None or event.grand_total is None:
        return False
    place = plan.location
    is_there = place.tripleseat_location == event.location_id or place.tripleseat_site == event.site_id
    return is_there and (event.day, to_cents(event.grand_total)) == (plan.day, plan.final_total)


# At Revel


def note_changed_orders(ctx: RunContext, state: RunState, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """`outcomes` with what stations changed of finished orders since it was last told. Raises LedgerUnusable.

    Looks at the orders of days to come and of those just passed. A look that fails tells nothing: the next run looks
    again.
    """
    told = {each.event_id: each for each in outcomes}
    orders = [each for each in _near(ctx) if _has_room(told.get(each.event_id))][:MOST]
    shown_before = ctx.ledger.orders.shown(each.event_id for each in orders)
    try:
        for each in _look_at(ctx, orders, shown_before):
            about = told.get(each.record.event_id)
            if isinstance(each.shown, Hold):
                outcome: Outcome | None = _hold(each.record, each.shown, about)
            else:
                before = shown_before.get(each.record.event_id)
                outcome = _compare(state, each.record, each.shown, before, about)
            if outcome:
                told[each.record.event_id] = outcome
    except LedgerUnusable:
        raise
    except (StopRun, TryNextRun, Refused) as error:
        log.warning("finished orders can't be looked at now, so the next run looks again: %s", error)
    return list(told.values())


def note_changed_order(ctx: RunContext, state: RunState, record: OrderRecord, outcome: Outcome) -> Outcome:
    """`outcome` with what a station changed of its order since it was made, told before or not."""
    if record.order_id is None:
        return outcome
    try:
        row = _find(ctx, record, record.order_id)
    except (StopRun, TryNextRun, Refused):  # then there is nothing to say of it
        return outcome
    return _compare(state, record, row, None, outcome) or outcome


def describe_order_changes(before: ShownOrder, now: ShownOrder) -> list[str]:
    """What a person must know of the change from `before` to `now`; nothing where it is normal service.

    A balance that falls, not below zero, is a payment taken at a station.
    """
    if now["there"] != before["there"]:
        return ["Revel has no such order any more" if now["there"] == "no" else "it is there again"]
    changes = []
    if now["deleted"] != before["deleted"]:
        changes.append("it was deleted" if now["deleted"] == "yes" else "it is no longer deleted")
    amounts = [name for name in now if name not in {*IDENTITY, "deleted", "there"}]
    changes += [f"{name} {before[name]} → {now[name]}" for name in amounts if now[name] != before[name]]
    changes += [f"its {name} is another" for name in IDENTITY if now[name] < before[name]]
    changes += [f"its {name} is ours again" for name in IDENTITY if now[name] > before[name]]
    is_payment = 0 <= Decimal(now["balance"]) < Decimal(before["balance"])
    return [] if len(changes) == 1 and is_payment else changes


@dataclass(frozen=True, slots=True)
class _Look:
    """What Revel shows of a finished order; a Hold where it, or a part of it, is there twice; None: it isn't there."""

    record: OrderRecord
    shown: OrderRow | Hold | None


@dataclass(slots=True)
class _Singles:
    """Orders that may still be asked for one by one."""

    left: int

    def take(self) -> bool:
        self.left -= 1
        return self.left >= 0


def _near(ctx: RunContext) -> list[OrderRecord]:
    """The finished orders of locations that this run is about and of days not long passed, the nearest day first."""
    first = ctx.now().date() - timedelta(days=DAYS_AFTER + 1)
    ahead = [(_days_ahead(ctx, record), record) for record in ctx.ledger.orders.settled_between(first, date.max)]
    near = [(days, record) for days, record in ahead if days is not None and days >= -DAYS_AFTER]
    return [record for _, record in sorted(near, key=lambda pair: abs(pair[0]))]


def _days_ahead(ctx: RunContext, record: OrderRecord) -> int | None:
    """In how many days its event is, by the clock there; None where the run isn't about its location."""
    plan = record.seen_plan or record.plan  # an event may have been moved to another day since
    if plan is None or not ctx.gate.covers(scope_of(plan.location)):
        return None
    return (plan.day - ctx.now().astimezone(ZoneInfo(plan.location.timezone)).date()).days


def _look_at(
    ctx: RunContext, orders: Iterable[OrderRecord], shown_before: Mapping[EventId, ShownOrder]
) -> Iterator[_Look]:
    """What Revel shows of each order. Asked for by uuid, so that a twin is shown as well."""
    wanted = {record.plan.uuid: (record, record.plan) for record in orders if record.order_id and record.plan}
    uuids, lost, changed = list(wanted), _Singles(MOST_SINGLES), _Singles(MOST_SINGLES)
    for start in range(0, len(uuids), BATCH):
        batch = uuids[start : start + BATCH]
        found = ctx.revel.orders_by_uuid(batch)
        for uuid in batch:
            (record, plan), rows = wanted[uuid], found.get(uuid, ())
            standing = [row.id for row in rows if not row.deleted]
            own = next((row for row in rows if row.id == record.order_id), None)
            if len(standing) > 1:
                yield _Look(record, Hold(Reason.DUPLICATE_ORDERS, tell_doubles(standing)))
            elif own:
                yield _Look(record, _confirm(ctx, plan, own, shown_before.get(record.event_id), changed))
            elif record.order_id and lost.take():
                try:
                    row = _find(ctx, record, record.order_id)
                except Unreadable as error:
                    about = {"event_id": record.event_id, "order_id": record.order_id}
                    text = "Revel order %s can't be read, so the next run looks again: %s"
                    log.warning(text, record.order_id, error, extra=about)
                else:
                    yield _Look(record, row)


def _confirm(
    ctx: RunContext, plan: Plan, row: OrderRow, before: ShownOrder | None, singles: _Singles
) -> OrderRow | Hold:
    """`row`, or the order itself where a list shows it changed: lists may lag behind what was just written.

    A Hold where one history row is there twice; a station that opens an order again adds one of its own.
    """
    if (row.histories or 0) > 1 and singles.take():
        twice = find_twice(ctx.revel.history(row.id))
        if twice:
            return Hold(Reason.AMOUNT_MISMATCH, f"Revel order {row.id} is not what was planned: {twice}")
    if _as_shown(plan, row) == {**_as_planned(plan), **(before or {})} or not singles.take():
        return row
    return ctx.revel.find_by_id(row.id) or row


def _find(ctx: RunContext, record: OrderRecord, order_id: OrderId) -> OrderRow | None:
    """The order by its id; where Revel knows no such id, by its uuid: one word isn't enough to call it gone."""
    row = ctx.revel.find_by_id(order_id)
    if row is None and record.plan:
        row = next((each for each in ctx.revel.find_by_uuid(record.plan.uuid) if each.id == order_id), None)
    return row


def _compare(
    state: RunState,
    record: OrderRecord,
    row: OrderRow | None,
    shown_before: ShownOrder | None,
    outcome: Outcome | None,
) -> Outcome | None:
    """The event's outcome with what was changed; None where there is nothing to tell."""
    if record.plan is None:
        return None
    planned, shown = _as_planned(record.plan), _as_shown(record.plan, row)
    before = {**planned, **(shown_before or {})}  # an older version stored fewer fields
    if shown == before:
        return None
    changes = describe_order_changes(before, shown)
    report = None
    if changes:
        change = StationChange.UNDONE if shown == planned else StationChange.CHANGED
        what = f"Revel order {record.order_id} was changed at Revel: {', '.join(changes)}"
        report = StationReport(change, f"{what}; {_ENDINGS[change]}")
    state.reports.append(OrderChangeReported(record.event_id, shown, report))
    return _tell(record, outcome, report.text) if report else None


def _has_room(outcome: Outcome | None) -> bool:
    """Whether it may be told: what this run has just made was just proven, and trouble is told by itself."""
    return outcome is None or outcome.status is Status.SKIPPED


def _tell(record: OrderRecord, outcome: Outcome | None, text: str) -> Outcome:
    about = outcome or with_order(Outcome(record.event_id, Status.SKIPPED), record)
    if about.news and about.text:  # the event has changed as well, or was cancelled
        return replace(about, text=f"{about.text}; {text}")
    told = not_written(about, Skip(Reason.CHANGED_AFTER_INJECTION, text))
    return replace(told, order_id=record.order_id, news=True)


def _hold(record: OrderRecord, found: Hold, outcome: Outcome | None) -> Outcome:
    """An order that has a twin, or a part twice: told in every run, until a person has deleted one of them."""
    about = with_order(outcome or Outcome(record.event_id, Status.SKIPPED), record)
    return replace(not_written(about, found), alarm=True)


def _as_planned(plan: Plan) -> ShownOrder:
    return _with_marks(planned_fields(plan), deleted=False, local_id=True, uuid=True)


def _as_shown(plan: Plan, row: OrderRow | None) -> ShownOrder:
    if row is None:
        return {**_as_planned(plan), "there": "no"}
    is_ours = {"local_id": row.local_id == plan.local_id, "uuid": row.uuid == plan.uuid}
    return _with_marks(shown_fields(row), deleted=row.deleted, **is_ours)


def _with_marks(fields: Mapping[str, str], *, deleted: bool, local_id: bool, uuid: bool) -> ShownOrder:
    """The fields, with "yes" or "no" instead of names that could be somebody else's."""
    marks = {"deleted": deleted, "local_id": local_id, "uuid": uuid, "there": True}
    return {**fields, **{name: "yes" if holds else "no" for name, holds in marks.items()}}
