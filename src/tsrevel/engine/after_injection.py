"""Checks finished orders at Revel: reads them in batches, reports every twin, and compares each (`order_drift`).

It also checks whether the orders that people named still stand while their events are to come. It only reads, and
never changes an order.
"""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, date, timedelta
from itertools import groupby, islice
from operator import itemgetter
from typing import Literal

from tsrevel.engine.context import FailureStreak, NamedOrdersReported, RunContext, RunState, TwinGone
from tsrevel.engine.event_drift import find_doubles, hold_doubled, tell_beside
from tsrevel.engine.find import warn
from tsrevel.engine.order_drift import (
    STANDS,
    CheckedOrder,
    ShownFields,
    as_planned,
    as_shown,
    compare_order,
    compare_unplanned,
    names_of,
    read_orders,
    search_orders,
    tell_named_gone,
)
from tsrevel.engine.outcomes import Outcome, describe_order, fail_by_fault, not_written, order_stands
from tsrevel.engine.verify import find_twice
from tsrevel.errors import (
    ConnectionMisconfigured,
    CredentialsRefused,
    LedgerUnusable,
    Refused,
    ServerFault,
    StopRun,
    TryNextRun,
    TsrevelError,
    Unreadable,
)
from tsrevel.ledger import PENDING, OrderRecord, Resolution, StationChange, StationReport
from tsrevel.planning.assumptions import AssumptionCode
from tsrevel.planning.identity import order_uuid
from tsrevel.planning.model import Event, EventId, Hold, OrderId, Plan, Skip
from tsrevel.planning.reasons import TROUBLE, Reason, Status
from tsrevel.planning.screening import event_day, find_location, find_zone, screen_status
from tsrevel.revel.compare import has_amount
from tsrevel.revel.decode import OrderRow
from tsrevel.revel.paging import UNSUPPORTED

log = logging.getLogger(__name__)

DAYS_AFTER = 2
"""Days after its event's day during which a finished order is checked."""
BATCH = 50
"""Orders in one request."""
MOST_NAMES = 80
"""Names in one request: as long an address as BATCH uuids make, 2,200 characters with the usual names."""
MOST = 4 * BATCH
"""Orders that one run checks at most: those with the nearest event days."""
MOST_SINGLES = 50
"""Orders that a run reads one by one at most, both of those that a batch lacks and of those that it shows changed."""
SingleRead = Literal["lost", "changed"]

ShownOrder = tuple[OrderRecord, Sequence[OrderRow]]
"""An order that a run checks, and Revel's rows of its event."""
Named = tuple[Resolution, tuple[OrderId, ...]]
"""A resolution, and the orders that a person named for its event in place of the ledger's."""
WANTS_ORDER = frozenset({Reason.ORDER_EXISTS, Reason.ALREADY_INJECTED, Reason.CHANGED_AFTER_INJECTION})
"""The reasons of a skipped event that has an order and needs it: it isn't cancelled."""


def note_changed_orders(ctx: RunContext, state: RunState, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """`outcomes` with the changes that stations made to finished orders since the last report, and with their twins.

    Checks orders of coming days and of the last DAYS_AFTER days, known twins of this run's events, and whether orders
    whose plan isn't known still stand: somebody else's, and ours that a new ledger took in. A failed request ends the
    check, and the next run checks again. Raises LedgerUnusable.
    """
    told = {each.event_id: each for each in outcomes}
    finished = ctx.ledger.orders.finished_between(ctx.now().date() - timedelta(days=DAYS_AFTER + 1), date.max)
    near = [(days, record) for days, record in _near(ctx, finished) if _is_worth_a_look(told.get(record.event_id))]
    if len(near) > MOST:  # known twins are an alarm in each run, so they come first
        doubled = ctx.ledger.events.doubled(record.event_id for _, record in near)
        near = sorted(((-1 if each.event_id in doubled else days, each) for days, each in near), key=itemgetter(0))
    number = ctx.ledger.runs.count(dry_run=ctx.dry_run)
    # They count as near, because a run lists few days.
    unplanned = [(0, record) for record in _find_unplanned(ctx, state, finished, outcomes)]
    orders = [*_choose(near, number), *_choose(unplanned, number // 2)]  # only half of the runs look at the latter
    checked = {each.event_id for each in orders}
    twins = [each for each in _find_known_twins(ctx, outcomes) if each.event_id not in checked]
    orders += [each for each in twins if _days_ahead(ctx, each) is not None]  # however long ago their day was
    return _note_changes(ctx, state, outcomes, orders, number)


def note_known_twins(ctx: RunContext, state: RunState, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """`outcomes`, held where an earlier run reported several orders and Revel still shows them. Raises LedgerUnusable.

    The other finished orders aren't checked.
    """
    return _note_changes(ctx, state, outcomes, _find_known_twins(ctx, outcomes), number=1)


def _find_known_twins(ctx: RunContext, outcomes: Iterable[Outcome]) -> list[OrderRecord]:
    """The finished orders of these events of which an earlier run reported a twin."""
    seen = [each.event_id for each in outcomes if _is_worth_a_look(each)]
    orders = ctx.ledger.orders.find(ctx.ledger.events.doubled(seen)).values()
    return [each for each in orders if each.is_finished]


def _note_changes(
    ctx: RunContext, state: RunState, outcomes: Sequence[Outcome], orders: Sequence[OrderRecord], number: int
) -> list[Outcome]:
    """`outcomes` with what Revel shows of these orders. Raises LedgerUnusable."""
    told = {each.event_id: each for each in outcomes}
    by_uuid = number.bit_count() % 2 == 1
    shown_before = ctx.ledger.orders.shown(each.event_id for each in orders)
    doubled = ctx.ledger.events.doubled(each.event_id for each in orders)
    singles, streak = Counter[SingleRead](), FailureStreak()
    with _ending_the_check(state, "finished orders can't be checked now; the next run checks them"):
        for record, rows in _read_rows(ctx, orders, number, doubled, by_uuid=by_uuid):
            event_id, about = record.event_id, told.get(record.event_id)
            order = CheckedOrder(record, rows, shown_before.get(event_id), about)
            with _leaving_the_others(ctx, streak, event_id, record.order_id):
                try:
                    if event_id in doubled:
                        outcome = _check_doubled(ctx, state, order, singles)
                    else:
                        outcome = _check(ctx, state, order, singles, by_uuid=by_uuid)
                except TsrevelError:
                    raise
                except Exception as error:  # noqa: BLE001 (a fault of ours must not leave the other orders unchecked)
                    outcome = fail_by_fault(about or describe_order(record), error)
                if outcome and about and about.status in TROUBLE and outcome.status is Status.SKIPPED:
                    outcome = tell_beside(state, record, about, outcome)
                if outcome:
                    told[event_id] = outcome
    return list(told.values())


@contextmanager
def _ending_the_check(state: RunState, told: str) -> Iterator[None]:
    """A failed request ends the check, and the run tells it. It stops the run if waiting doesn't help.

    Raises LedgerUnusable.
    """
    try:
        yield
    except LedgerUnusable:
        raise
    except (CredentialsRefused, ConnectionMisconfigured) as error:  # on an idle day nothing else asks Revel
        state.stop = state.stop or error
    except (StopRun, TryNextRun, Refused) as error:
        warn(state, f"{told}: {error}")


@contextmanager
def _leaving_the_others(
    ctx: RunContext, streak: FailureStreak, event_id: EventId, order_id: OrderId | None
) -> Iterator[None]:
    """An order that Revel can't show leaves the others checked, unless it is one of several in a row or Revel is down.

    Raises the error then.
    """
    try:
        yield
        streak.add(down=False)
    except UNSUPPORTED as error:
        if streak.add(down=True):
            raise
        if ctx.revel.is_down or isinstance(error, CredentialsRefused):  # that may concern only this order
            ctx.revel.ask_the_time()
        text = "Revel order %s can't be read; a later run reads it again: %s"
        log.warning(text, order_id, error, extra={"event_id": event_id, "order_id": order_id})


def note_changed_order(
    ctx: RunContext, state: RunState, record: OrderRecord, outcome: Outcome, before: Mapping[str, str] | None
) -> Outcome:
    """`outcome` with the changes that a station made to its order since `before` (None: all); held if it has a twin."""
    if record.order_id is None:
        return outcome
    try:
        rows = search_orders(ctx, record)
        doubles = find_doubles(ctx, record.event_id, rows)
        if doubles:
            return hold_doubled(state, record, doubles, outcome)
        order = CheckedOrder(record, rows, before, outcome)
        if record.plan is None:
            return _note_unplanned(ctx, state, order, record.order_id) or outcome
        row = ctx.revel.find_by_id(record.order_id) or order.own  # one answer doesn't prove that it is gone
        return compare_order(ctx, state, order, row) or outcome
    except (StopRun, TryNextRun, Refused):  # nothing is known of the order then
        return outcome


def _note_unplanned(ctx: RunContext, state: RunState, order: CheckedOrder, order_id: OrderId) -> Outcome | None:
    """The event's outcome if its order, which has no plan, is gone and the event isn't cancelled; else None."""
    found = state.found.get(order.record.event_id)
    if found is None or order.outcome is None or order.outcome.reason not in WANTS_ORDER:
        return None
    shown = _read_unplanned(ctx, order.record, order_id)
    return compare_unplanned(state, order, shown, is_ahead=is_ahead(ctx, found.event))


def _may_read(singles: Counter[SingleRead], kind: SingleRead) -> bool:
    """Count one more single read. Returns whether it may be sent."""
    singles[kind] += 1
    return singles[kind] <= MOST_SINGLES


def _near(ctx: RunContext, finished: Iterable[OrderRecord]) -> list[tuple[int, OrderRecord]]:
    """The finished orders at this run's locations, up to DAYS_AFTER past their day, nearest day first.

    Each comes with the number of days between its day and today.
    """
    ahead = [(_days_ahead(ctx, record), record) for record in finished]
    near = [(abs(days), record) for days, record in ahead if days is not None and days >= -DAYS_AFTER]
    return sorted(near, key=itemgetter(0))


def _choose(near: Iterable[tuple[int, OrderRecord]], run_number: int) -> list[OrderRecord]:
    """MOST of the orders: the nearest. If a day has more than there is room for, chance decides.

    Turns by `run_number` would always choose the same ones where a crontab alternates between locations. They come in
    another order in each run, because single reads may not reach all of them.
    """
    chance = random.Random(run_number)  # noqa: S311 (nothing secret hangs on it)
    taken: list[OrderRecord] = []
    for _, pairs in groupby(near, key=itemgetter(0)):
        orders = [record for _, record in pairs]
        taken += chance.sample(orders, min(MOST - len(taken), len(orders)))
    chance.shuffle(taken)
    return taken


def _days_ahead(ctx: RunContext, record: OrderRecord) -> int | None:
    """Days until the event, by its location's clock; None without a plan, or if this run leaves out its location."""
    plan = record.seen_plan or record.plan  # the event may have moved to another day since
    if plan is None or not ctx.write_gate.covers(plan.location):
        return None
    return (plan.day - ctx.now().astimezone(find_zone(plan.location.timezone) or UTC).date()).days


def _find_unplanned(
    ctx: RunContext, state: RunState, finished: Iterable[OrderRecord], outcomes: Iterable[Outcome]
) -> list[OrderRecord]:
    """The orders without a plan of this run's events: those at its locations that are still to come."""
    skipped = {each.event_id for each in outcomes if each.status is Status.SKIPPED and each.reason in WANTS_ORDER}
    unplanned = [each for each in finished if each.plan is None and not each.cancelled and each.event_id in skipped]
    events = ((each, state.found.get(each.event_id)) for each in unplanned)
    return [each for each, found in events if found and is_ahead(ctx, found.event)]


def is_ahead(ctx: RunContext, event: Event) -> bool:
    """Whether the event is at a location of this run, today or later."""
    location = find_location(event, ctx.policy)
    if location is None or not ctx.write_gate.covers(location):
        return False
    zone = find_zone(location.timezone)
    day = event_day(event, zone)
    return day is not None and day >= ctx.now().astimezone(zone or UTC).date()


def _read_rows(
    ctx: RunContext, orders: Sequence[OrderRecord], number: int, doubled: Container[EventId], *, by_uuid: bool
) -> Iterator[ShownOrder]:
    """Revel's rows of each order: in some runs by uuid, in others by `local_id`, so that each kind of twin shows.

    That is one request for BATCH orders. Which way follows from this run's `number`: each occurs in any three runs in a
    row, but they don't simply alternate, because a crontab that alternates between two locations would then always ask
    in the same way for each. Orders that aren't found by `local_id` are asked for by uuid as well, and known twins in
    both ways. Orders without a plan have only names: only some runs ask for them.
    """
    for start in range(0, len(orders), BATCH):
        batch = orders[start : start + BATCH]
        rows: dict[EventId, dict[OrderId, OrderRow]] = {each.event_id: {} for each in batch}
        names = {each.event_id: names_of(ctx, each) for each in batch}
        if not by_uuid:
            _add_by_name(ctx, names, _choose_names(names, number // 2), rows)
        twice = {event_id: each for event_id, each in names.items() if event_id in doubled}
        _add_by_name(ctx, twice, [name for each in twice.values() for name in each], rows)
        seen = frozenset() if by_uuid else {each.event_id for each in batch if each.order_id in rows[each.event_id]}
        _add_by_uuid(ctx, [each for each in batch if each.event_id in doubled or each.event_id not in seen], rows)
        for each in batch:
            if each.plan or not by_uuid or each.event_id in doubled:
                yield each, tuple(rows[each.event_id].values())


def _choose_names(names: Mapping[EventId, Sequence[str]], turn: int) -> list[str]:
    """MOST_NAMES of them: each event's first name, and of the others those whose turn it is. `turn` counts up."""
    first = [each[0] for each in names.values()]
    others = [name for event_id in sorted(names) for name in names[event_id][1:]]
    room = max(MOST_NAMES - len(first), 0)
    start = turn * room % len(others) if len(others) > room else 0
    return [*first, *[*others[start:], *others[:start]][:room]]


def _add_by_name(
    ctx: RunContext,
    names: Mapping[EventId, Sequence[str]],
    wanted: Sequence[str],
    rows: Mapping[EventId, dict[OrderId, OrderRow]],
) -> None:
    """Add the rows with one of the `wanted` names to those of the event with this name, in one request."""
    found = ctx.revel.orders_by_local_id(wanted) if wanted else {}
    for event_id, each in names.items():
        rows[event_id].update({row.id: row for name in each for row in found.get(name, ())})


def _add_by_uuid(
    ctx: RunContext, orders: Sequence[OrderRecord], rows: Mapping[EventId, dict[OrderId, OrderRow]]
) -> None:
    """Add the rows with the uuid of these orders, in one request."""
    uuids = {each.event_id: each.plan.uuid for each in orders if each.plan}
    found = ctx.revel.orders_by_uuid(list(uuids.values())) if uuids else {}
    for event_id, uuid in uuids.items():
        rows[event_id].update({row.id: row for row in found.get(uuid, ())})


def _check_doubled(
    ctx: RunContext, state: RunState, order: CheckedOrder, singles: Counter[SingleRead]
) -> Outcome | None:
    """The outcome of an event with a known twin, whose end is noted. That a batch lacks one proves nothing."""
    record = order.record
    if not find_doubles(ctx, record.event_id, order.rows):
        order = replace(order, rows=read_orders(ctx, record))
    outcome = _check(ctx, state, order, singles, by_uuid=True)
    if outcome and outcome.reason is Reason.DUPLICATE_ORDERS:
        return outcome
    state.reports.append(TwinGone(record.event_id))
    return outcome or order.outcome or order_stands(describe_order(record), record)


def _check(
    ctx: RunContext, state: RunState, order: CheckedOrder, singles: Counter[SingleRead], *, by_uuid: bool
) -> Outcome | None:
    """The event's outcome with what Revel shows of its order now; None if there is nothing to report."""
    record = order.record
    is_shown = order.own is not None if record.plan else bool(order.rows)
    if not is_shown and _may_read(singles, "lost"):
        is_shown, order = True, replace(order, rows=[*order.rows, *_search(ctx, state, record, by_uuid=by_uuid)])
    doubles = find_doubles(ctx, record.event_id, order.rows)
    if doubles:
        return hold_doubled(state, record, doubles, order.outcome)
    if not is_shown:
        return None
    if record.plan is None:
        return _check_unplanned(ctx, state, order, singles)
    row = order.own and _confirm(ctx, record.plan, order.own, order.before, singles)
    if isinstance(row, Hold):
        return hold_doubled(state, record, row, order.outcome)
    return compare_order(ctx, state, order, row)


def _search(ctx: RunContext, state: RunState, record: OrderRecord, *, by_uuid: bool) -> list[OrderRow]:
    """The rows of an event whose order no batch shows, in the way of this run: Revel may not support `__in`.

    The order is read by its id only if no search shows it, because a search also shows a twin.
    """
    uuid, found = order_uuid(record.event_id), list[OrderRow]()
    with suppress(Refused, ServerFault, Unreadable):
        if not by_uuid:
            found += ctx.revel.find_orders(uuid, names_of(ctx, record))
        if all(row.id != record.order_id for row in found):
            found += ctx.revel.find_by_uuid(uuid)
    if record.order_id and all(row.id != record.order_id for row in found):
        row = ctx.revel.find_by_id(record.order_id)
        if row and row.uuid == uuid and not row.deleted and ctx.now() - record.touched_at > PENDING:
            _test_search(ctx, state, row)
        found += [row] if row else []
    return found


def _confirm(
    ctx: RunContext, plan: Plan, row: OrderRow, before: ShownFields | None, singles: Counter[SingleRead]
) -> OrderRow | Hold:
    """`row`, or the order itself if a list shows it changed, because lists may lag behind a recent write.

    A Hold if one history row exists twice, unless a person has settled that. A station that reopens an order adds a
    different one.
    """
    may_be_twice = (row.histories or 0) > 1 and not _was_mismatch_settled(ctx, plan.event_id)
    if may_be_twice and _may_read(singles, "changed"):
        twice = find_twice(ctx.revel.history(row.id))
        if twice:
            return Hold(Reason.AMOUNT_MISMATCH, f"Revel order {row.id} is not what was planned: {twice}")
    if as_shown(plan, row) == {**as_planned(plan), **(before or {})} or not _may_read(singles, "changed"):
        return row
    return ctx.revel.find_by_id(row.id) or row


def _was_mismatch_settled(ctx: RunContext, event_id: EventId) -> bool:
    """Whether a person has resolved the event after a run reported that its order isn't what was planned."""
    resolution = ctx.ledger.events.resolutions([event_id]).get(event_id)
    attempts = ctx.ledger.queries.attempts_at(event_id) if resolution else ()
    reported = (each.at for each in attempts if each.reason == Reason.AMOUNT_MISMATCH)
    return resolution is not None and any(at <= resolution.resolved_at for at in reported)


def _test_search(ctx: RunContext, state: RunState, row: OrderRow) -> None:
    """Note it if no search shows an order that was written long ago and stands: then later runs write nothing.

    A lag of Revel's lists, or a person who deletes or voids the order just now, must not look like that.
    """
    if AssumptionCode.REVEL_FINDS_BY_UUID in ctx.revel.observed:
        return

    def is_found() -> bool:
        return any(each.id == row.id for each in ctx.revel.find_by_uuid(row.uuid))

    with suppress(Refused, TryNextRun):
        if not state.poll(ctx, is_found, bool) and not ctx.revel.is_gone(ctx.revel.find_by_id(row.id)):
            ctx.revel.note_unfound(row)


def _check_unplanned(
    ctx: RunContext, state: RunState, order: CheckedOrder, singles: Counter[SingleRead]
) -> Outcome | None:
    """Check whether an order without a plan stands. That it is gone is read again, because lists may be incomplete."""
    record, rows = order.record, order.rows
    shown = STANDS if any(not row.deleted and has_amount(row) for row in rows) else _show_gone(rows, record.order_id)
    if shown not in (STANDS, order.before):
        if record.order_id is None or not _may_read(singles, "lost"):
            return None
        shown = _read_unplanned(ctx, record, record.order_id)
    return compare_unplanned(state, order, shown, is_ahead=True)


def _read_unplanned(ctx: RunContext, record: OrderRecord, order_id: OrderId) -> ShownFields:
    """An order without a plan, as Revel shows it by its id and by the event's names: one of them may be wrong."""
    row = ctx.revel.find_by_id(order_id)
    if not ctx.revel.is_gone(row):
        return STANDS
    try:
        found = ctx.revel.find_orders(order_uuid(record.event_id), names_of(ctx, record))
    except Unreadable:
        if row is None:  # one answer doesn't prove that it is gone
            raise
        found = ()
    rows = [*found, *((row,) if row else ())]
    return STANDS if ctx.revel.standing(rows) else _show_gone(rows, order_id)


def _show_gone(rows: Iterable[OrderRow], order_id: OrderId | None) -> ShownFields:
    """An order without a plan that these rows show as deleted or voided, or not at all. None of its event stands."""
    is_there = any(row.id == order_id for row in rows)
    return {"there": "yes", "deleted": "yes"} if is_there else {"there": "no", "deleted": "no"}


def _is_worth_a_look(outcome: Outcome | None) -> bool:
    """Whether its finished order is to be checked: a new one was just verified, and an alarm is told already."""
    return outcome is None or not (outcome.status in {Status.INJECTED, Status.PLANNED} or outcome.alarm)


# Orders that people named. They have no name or uuid of ours, so they are read by their ids.


def note_named_orders(ctx: RunContext, state: RunState, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """`outcomes` with the named orders that no longer stand, or stand again, since the last report.

    Half of the runs check them. A failed request ends the check, and a later run checks again. Raises LedgerUnusable.
    """
    told = {each.event_id: each for each in outcomes}
    number = ctx.ledger.runs.count(dry_run=ctx.dry_run)
    named = _find_named(ctx, state, outcomes) if number.bit_count() % 2 == 0 else []
    turn = random.Random(number).sample(named, min(len(named), MOST))  # noqa: S311 (nothing secret hangs on it)
    with _ending_the_check(state, "orders that a person named can't be checked now; a later run checks them"):
        for resolution, orders in _find_changed(ctx, turn):
            event_id, change = resolution.event_id, StationChange.CHANGED
            text = tell_named_gone(event_id, orders)
            if resolution.named_gone:
                change = StationChange.UNDONE
                text = f"Revel order {', '.join(orders)}, which a person named, stands again"
            state.reports.append(NamedOrdersReported(event_id, StationReport(change, text)))
            told[event_id] = _tell_named(told[event_id], orders[-1], text)
    return list(told.values())


def _find_named(ctx: RunContext, state: RunState, outcomes: Iterable[Outcome]) -> list[Named]:
    """The orders named for this run's events: those at its locations that are still to come and aren't cancelled.

    While the order that the ledger has stands, no other one is needed.
    """
    skipped = {each.event_id for each in outcomes if each.status is Status.SKIPPED and each.reason in WANTS_ORDER}
    wanted = [each for each in sorted(skipped & state.found.keys()) if _is_wanted(ctx, state, each)]
    resolutions = {k: each for k, each in ctx.ledger.events.resolutions(wanted).items() if each.verdict == "done"}
    records = ctx.ledger.orders.find(each for each, resolution in resolutions.items() if resolution.orders)
    named = []
    for event_id, resolution in resolutions.items():
        record = records.get(event_id)
        own = record.order_id if record and record.is_finished else None
        orders = tuple(each for each in resolution.orders if each != own)
        if orders and (own is None or resolution.order_is_gone):
            named.append((resolution, orders))
    return named


def _is_wanted(ctx: RunContext, state: RunState, event_id: EventId) -> bool:
    event = state.found[event_id].event
    return is_ahead(ctx, event) and not isinstance(screen_status(event, ctx.policy, has_order=True), Skip)


def _find_changed(ctx: RunContext, named: Sequence[Named]) -> Iterable[Named]:
    """Yield those whose orders are all gone now, or of which one stands again, after another look at each order."""
    ids = [order_id for _, orders in named for order_id in orders]
    shown: dict[OrderId, OrderRow] = {}
    for start in range(0, len(ids), BATCH):
        shown |= ctx.revel.orders_by_id(ids[start : start + BATCH])
    standing = {row.id for row in shown.values() if not row.deleted and has_amount(row)}
    doubtful = (each for each in named if not _is_as_told(each, shown.keys(), standing))
    streak = FailureStreak()
    for resolution, orders in islice(doubtful, MOST_SINGLES):
        was_gone = is_gone = bool(resolution.named_gone)
        with _leaving_the_others(ctx, streak, resolution.event_id, orders[-1]):
            is_gone = all(ctx.revel.is_gone(ctx.revel.find_by_id(each)) for each in orders)
        if is_gone != was_gone:
            yield resolution, orders


def _is_as_told(named: Named, shown: Collection[OrderId], standing: Collection[OrderId]) -> bool:
    """Whether the orders that a batch has `shown`, and of which these stand, prove what was told last."""
    resolution, orders = named
    if any(each in standing for each in orders):
        return not resolution.named_gone
    return bool(resolution.named_gone) and all(each in shown for each in orders)


def _tell_named(about: Outcome, order_id: OrderId, text: str) -> Outcome:
    if about.news and about.text:  # its event has changed as well
        return replace(about, text=f"{about.text}; {text}")
    told = not_written(about, Skip(Reason.CHANGED_AFTER_INJECTION, text, (order_id,)))
    return replace(told, order_id=order_id, news=True)
