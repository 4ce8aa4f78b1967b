"""Checks whether the orders that people named still stand while their events are to come, and reports each loss once.

Such an order has no name or uuid of ours, so it is read by its id. It only reads, and never changes an order.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from itertools import islice

from tsrevel.engine.after_injection import (
    BATCH,
    MOST,
    MOST_SINGLES,
    WANTS_ORDER,
    ending_the_check,
    is_ahead,
    leaving_the_others,
)
from tsrevel.engine.context import FailureStreak, NamedOrdersReported, RunContext, RunState
from tsrevel.engine.order_drift import tell_named_gone
from tsrevel.engine.outcomes import Outcome, not_written
from tsrevel.ledger import Resolution, StationChange, StationReport
from tsrevel.planning.model import EventId, OrderId, Skip
from tsrevel.planning.reasons import Reason, Status
from tsrevel.planning.screening import screen_status
from tsrevel.revel.compare import has_amount
from tsrevel.revel.decode import OrderRow


def note_named_orders(ctx: RunContext, state: RunState, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """`outcomes` with the named orders that no longer stand, or stand again, since the last report.

    Half of the runs check them. A failed request ends the check, and a later run checks again. Raises LedgerUnusable.
    """
    told = {each.event_id: each for each in outcomes}
    number = ctx.ledger.runs.count(dry_run=ctx.dry_run)
    named = _find_named(ctx, state, outcomes) if number.bit_count() % 2 == 0 else []
    turn = random.Random(number).sample(named, min(len(named), MOST))  # noqa: S311 (nothing secret hangs on it)
    with ending_the_check(state, "orders that a person named can't be checked now; a later run checks them"):
        for resolution, orders in _find_changed(ctx, turn):
            event_id, change = resolution.event_id, StationChange.CHANGED
            text = tell_named_gone(event_id, orders)
            if resolution.named_gone:
                change = StationChange.UNDONE
                text = f"Revel order {', '.join(orders)}, which a person named, stands again"
            state.reports.append(NamedOrdersReported(event_id, StationReport(change, text)))
            told[event_id] = _tell(told[event_id], orders[-1], text)
    return list(told.values())


Named = tuple[Resolution, tuple[OrderId, ...]]
"""A resolution, and the orders that a person named for its event in place of the ledger's."""


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
        with leaving_the_others(ctx, streak, resolution.event_id, orders[-1]):
            is_gone = all(ctx.revel.is_gone(ctx.revel.find_by_id(each)) for each in orders)
        if is_gone != was_gone:
            yield resolution, orders


def _is_as_told(named: Named, shown: Collection[OrderId], standing: Collection[OrderId]) -> bool:
    """Whether the orders that a batch has `shown`, and of which these stand, prove what was told last."""
    resolution, orders = named
    if any(each in standing for each in orders):
        return not resolution.named_gone
    return bool(resolution.named_gone) and all(each in shown for each in orders)


def _tell(about: Outcome, order_id: OrderId, text: str) -> Outcome:
    if about.news and about.text:  # its event has changed as well
        return replace(about, text=f"{about.text}; {text}")
    told = not_written(about, Skip(Reason.CHANGED_AFTER_INJECTION, text, (order_id,)))
    return replace(told, order_id=order_id, news=True)
