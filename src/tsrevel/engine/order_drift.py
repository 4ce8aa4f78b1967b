"""Compares a finished order at Revel with its plan. `after_injection` reads the orders, `event_drift` compares events.

It only reads (facts Revel 3.7) and never changes the order. Normal service at a station is no change: a payment, or the
order printed, sent or closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from tsrevel.engine.context import NamedOrdersReported, OrderChangeReported, RunContext, RunState
from tsrevel.engine.event_drift import tell_changed, with_standing
from tsrevel.engine.outcomes import Outcome, describe_order, is_told_change, not_written, order_stands
from tsrevel.errors import Unreadable
from tsrevel.ledger import EventDrift, OrderRecord, StationChange, StationReport
from tsrevel.planning.identity import known_local_ids, order_uuid
from tsrevel.planning.model import EventId, OrderId, Plan, Skip
from tsrevel.planning.reasons import Reason
from tsrevel.revel.compare import IDENTITY, agrees_with, has_items, planned_fields, shown_fields
from tsrevel.revel.decode import OrderRow

ShownFields = Mapping[str, str]
"""The compared fields of an order, as text: money with two decimals, marks as yes or no. No customer data."""
STANDS: ShownFields = {"there": "yes", "deleted": "no"}
"""Stored of an order without a plan that stands."""
_ENDINGS = {
    StationChange.CHANGED: "check it there; tsrevel doesn't change it",
    StationChange.UNDONE: "it is again as tsrevel made it",
}


@dataclass(frozen=True, slots=True)
class CheckedOrder:
    """A finished order to check, and all of Revel's `rows` of its event.

    `before`: what the last report showed of it; None if nothing has changed so far. `outcome`: its event's in this run,
    if that has one.
    """

    record: OrderRecord
    rows: Sequence[OrderRow]
    before: ShownFields | None
    outcome: Outcome | None

    @property
    def own(self) -> OrderRow | None:
        """The row of the order itself; None if Revel's rows lack it."""
        return next((row for row in self.rows if row.id == self.record.order_id), None)


@dataclass(frozen=True, slots=True)
class _Comparison:
    """An order, its `row` in Revel (None if there is none), and its fields `before` and as `shown` now.

    `gone`: it was deleted or voided. Asked only if there is something to report, since a free order costs requests.
    """

    record: OrderRecord
    plan: Plan
    row: OrderRow | None
    before: ShownFields
    shown: ShownFields
    gone: bool = False

    @property
    def stored(self) -> ShownFields:
        """The fields that the ledger stores, and whether the order is gone, which they don't show of a free order."""
        return {**self.shown, "gone": "yes" if self.gone else "no"}


@dataclass(frozen=True, slots=True)
class _Standing:
    """The orders that stand for an event whose own order was compared.

    `cancelled`: the event needs none. `named`: its own is gone, and these, which a person named, stand. `others`: its
    own is gone, and these stand although it is cancelled. `agrees`: Revel has what the event asks for. `lost`: its own
    is gone, and so are these, which a person named.
    """

    cancelled: bool
    named: tuple[OrderId, ...]
    lost: tuple[OrderId, ...]
    others: tuple[OrderId, ...]
    agrees: bool


def compare_order(ctx: RunContext, state: RunState, order: CheckedOrder, row: OrderRow | None) -> Outcome | None:
    """The event's outcome with the changes of its order, of which this is the row; None if there is nothing to report.

    If a person deleted the order and kept a whole twin with our uuid, that is the order from now on. If the twin isn't
    whole, it is named.
    """
    record, plan, outcome = order.record, order.record.plan, order.outcome
    if plan is None:
        return None
    before = {**as_planned(plan), **(order.before or {})}  # an older version stored fewer fields
    twins = _find_twins(ctx, record, plan, row, order.rows)
    kept = next((each for each in twins if _is_whole(ctx, record, plan, each)), None)
    if kept is None:
        found = _Comparison(record, plan, row, before, as_shown(plan, row))
        partial = twins if found.shown != before else ()
        news = [f"order {each.id} stands in its place and isn't whole" for each in partial]
        return _report(ctx, state, found, outcome, news)
    if not ctx.dry_run:
        ctx.ledger.orders.settle(ctx.run_id, record.event_id, kept.id, record.digest)
    news = [f"it stands in place of order {record.order_id}"] if order.before else []
    before |= STANDS
    about = outcome and with_standing(outcome, record, [kept.id])
    found = _Comparison(replace(record, order_id=kept.id), plan, kept, before, as_shown(plan, kept))
    return _report(ctx, state, found, about, news) or about


def _find_twins(
    ctx: RunContext, record: OrderRecord, plan: Plan, row: OrderRow | None, rows: Iterable[OrderRow]
) -> tuple[OrderRow, ...]:
    """The twins with our uuid that stand while the order itself, `row`, is gone."""
    twins = [each for each in rows if each.uuid == plan.uuid and each.id != record.order_id]
    return ctx.revel.standing(twins) if twins and ctx.revel.is_gone(row) else ()


def _is_whole(ctx: RunContext, record: OrderRecord, plan: Plan, twin: OrderRow) -> bool:
    """Whether the twin was finished with the items of the order as made or as last seen."""
    if not twin.is_finished:
        return False
    items = ctx.revel.items(twin.id).items
    return any(each and has_items(each, plan, items) for each in (plan, record.seen_plan))


def _report(
    ctx: RunContext, state: RunState, found: _Comparison, outcome: Outcome | None, news: Sequence[str] = ()
) -> Outcome | None:
    """`outcome` with what has changed of the order, and with the `news`; None if nothing has.

    Of an order that a person changed to what its changed event asks for, only changes that it can't show are reported.
    If our order is gone and a person named another one, only the event's changes are.
    """
    record, shown, before = found.record, found.shown, found.before
    told = outcome if outcome and is_told_change(outcome) else None
    if shown == before and told is None and not news:
        return None
    found = replace(found, gone=ctx.revel.is_gone(found.row))
    changes = [*describe_order_changes(before, shown), *news]
    what = f"Revel order {record.order_id} was changed in Revel: {', '.join(changes)}"
    standing = _find_standing(ctx, state, found)
    if standing.agrees:
        state.reports.append(OrderChangeReported(record.event_id, found.stored, None, agrees=what if changes else ""))
        if told and told.unshown:
            return replace(told, text=tell_changed(record, told.unshown), unshown="")
        return order_stands(replace(told, news=False), record) if told else None
    told = told and with_standing(told, record, standing.named or standing.others)
    if changes and (standing.cancelled or not standing.named):
        return _report_change(ctx, state, found, what, standing, told or outcome)
    if shown != before:
        state.reports.append(OrderChangeReported(record.event_id, found.stored, None))
    return _tell_made(ctx, state, found, told) if told and told.is_as_made else told


def _find_standing(ctx: RunContext, state: RunState, found: _Comparison) -> _Standing:
    record = found.record
    drift, gone = state.reports.find_drift(record.event_id), found.gone
    cancelled = drift.cancelled if drift else record.cancelled
    resolution = ctx.ledger.events.resolutions([record.event_id]).get(record.event_id) if gone else None
    numbers = [each for each in resolution.orders if each != record.order_id] if resolution else []
    named = tuple(each for each in numbers if not ctx.revel.is_gone(ctx.revel.find_by_id(each)))
    others = tuple(_find_others(ctx, record)) if gone and cancelled and not named else ()
    if cancelled:  # and an order that nobody named may stand in place of ours
        may_be_replaced = resolution is not None and resolution.may_replace and not numbers and not record.cancelled
        agrees = gone and not (named or others or may_be_replaced)
    else:
        agrees = _agrees(ctx, found, drift)
    return _Standing(cancelled, named, () if named else tuple(numbers), others, agrees)


def _report_change(
    ctx: RunContext, state: RunState, found: _Comparison, what: str, standing: _Standing, outcome: Outcome | None
) -> Outcome:
    """`outcome` with `what` a station changed, and what that means for a person."""
    record, plan, row, shown = found.record, found.plan, found.row, found.shown
    is_as_made = not describe_order_changes(as_planned(plan), shown)
    is_told = outcome is not None and is_told_change(outcome)
    is_unwanted = standing.cancelled and not is_told and (is_as_made or bool(standing.others))
    change = StationChange.UNDONE if is_as_made else StationChange.CHANGED
    ending = _ENDINGS[change]
    if is_unwanted:
        number = ", ".join(standing.others) or record.order_id
        ending = f"its event is cancelled: if nobody wants Revel order {number}, void it in Revel"
    elif is_as_made and row and not has_items(plan, plan, ctx.revel.items(row.id).items):
        change = StationChange.CHANGED
        ending = f"it doesn't have the items that tsrevel wrote; {_ENDINGS[change]}"
    elif standing.lost and not standing.cancelled:
        ending = tell_named_gone(record.event_id, standing.lost)
        state.reports.append(NamedOrdersReported(record.event_id, StationReport(change, ending)))
    elif found.gone:
        ending = "tsrevel makes no other one"
    text = f"{what}; {ending}"
    state.reports.append(OrderChangeReported(record.event_id, found.stored, StationReport(change, text)))
    changed = tell_station(record, outcome, text, shown)
    return replace(changed, reason=Reason.CANCELLED_AFTER_INJECTION) if is_unwanted else changed


def _tell_made(ctx: RunContext, state: RunState, found: _Comparison, told: Outcome) -> Outcome:
    """`told`, that the event is again as its order was made, and whether the order in Revel still is, too."""
    record, plan, row, shown = found.record, found.plan, found.row, found.shown
    changes = describe_order_changes(as_planned(plan), shown)
    if changes or row is None:
        return replace(told, text=f"{told.text}, but Revel order {record.order_id} isn't: {', '.join(changes)}")
    if has_items(plan, plan, ctx.revel.items(row.id).items):
        return replace(told, text=f"{told.text}, and so is Revel order {row.id}")
    text = f"Revel order {row.id} doesn't have the items that tsrevel wrote"
    report = StationReport(StationChange.CHANGED, f"{text}; {_ENDINGS[StationChange.CHANGED]}")
    state.reports.append(OrderChangeReported(record.event_id, found.stored, report))
    return replace(told, text=f"{told.text}, but {text}")


def describe_order_changes(before: ShownFields, now: ShownFields) -> list[str]:
    """The changes from `before` to `now` that a person must know of; empty for normal service.

    A balance that falls, but not below zero, is a payment taken at a station.
    """
    if now["there"] != before["there"]:
        return ["it no longer exists" if now["there"] == "no" else "it exists again"]
    changes = []
    if now["deleted"] != before["deleted"]:
        changes.append("it was deleted" if now["deleted"] == "yes" else "it is no longer deleted")
    amounts = [name for name in now if name not in {*IDENTITY, "deleted", "there"}]
    changes += [f"{name} {before[name]} → {now[name]}" for name in amounts if now[name] != before[name]]
    changes += [f"its {name} has changed" for name in IDENTITY if now[name] < before[name]]
    changes += [f"its {name} is tsrevel's again" for name in IDENTITY if now[name] > before[name]]
    is_payment = 0 <= Decimal(now["balance"]) < Decimal(before["balance"])
    return [] if len(changes) == 1 and is_payment else changes


def _agrees(ctx: RunContext, found: _Comparison, drift: EventDrift | None) -> bool:
    """Whether a person has changed the order to what its event asks for, after that was changed.

    A change that the order doesn't show, such as another day, is for a person to settle.
    """
    record, plan, row = found.record, found.plan, found.row
    now = (drift.plan if drift else None) or record.seen_plan
    trouble = record.seen_trouble if drift is None or drift.keeps_trouble else drift.trouble
    if row is None or now is None or trouble:
        return False
    if as_planned(now) == as_planned(plan) or describe_order_changes(as_planned(now), found.shown):
        return False
    contents = ctx.revel.contents(row.id)
    return agrees_with(now, plan, row, contents.items, contents.payments)


def _find_others(ctx: RunContext, record: OrderRecord) -> list[OrderId]:
    """The orders besides ours that stand under a name or the uuid of the event."""
    others = {row.id: row for row in search_orders(ctx, record) if row.id != record.order_id}
    return sorted(number for number, row in others.items() if not ctx.revel.is_gone(row))


def search_orders(ctx: RunContext, record: OrderRecord) -> list[OrderRow]:
    """Every order of the event; none also if Revel's answer to the search isn't usable."""
    try:
        return read_orders(ctx, record)
    except Unreadable:
        return []


def read_orders(ctx: RunContext, record: OrderRecord) -> list[OrderRow]:
    """Every order of the event. Raises Unreadable, too."""
    uuid = order_uuid(record.event_id)
    return [*ctx.revel.find_orders(uuid, names_of(ctx, record)), *ctx.revel.find_by_uuid(uuid)]


def names_of(ctx: RunContext, record: OrderRecord) -> tuple[str, ...]:
    """Every `local_id` that the event's order may have, the order's own first."""
    own = record.plan.local_id if record.plan else record.local_id
    return known_local_ids(ctx.policy, record.event_id, own)


def compare_unplanned(state: RunState, order: CheckedOrder, shown: ShownFields, *, is_ahead: bool) -> Outcome | None:
    """The event's outcome if an order without a plan is gone, or stands again, since the last report; else None."""
    if shown == (order.before or STANDS):
        return None
    record = order.record
    is_foreign = record.state == "foreign"
    whose = f"Revel order {record.order_id}" + (", which someone else made," if is_foreign else "")
    if shown == STANDS:
        change, text = StationChange.UNDONE, f"{whose} stands again"
    else:
        how = "was deleted or voided" if shown["there"] == "yes" else "is gone"
        change, text = StationChange.CHANGED, f"{whose} {how}"
        if is_ahead and not is_foreign:
            text += "; if the event needs an order, enter it by hand"
        elif is_ahead:
            command = f'tsrevel resolve {record.event_id} --as open --note "order wanted"'
            text += f". If the event needs an order, run `{command}`: the next run makes it"
    state.reports.append(OrderChangeReported(record.event_id, shown, StationReport(change, text)))
    return tell_station(record, order.outcome, text, shown)


def tell_named_gone(event_id: EventId, orders: Iterable[OrderId]) -> str:
    """That the orders which a person named are gone, and what to do."""
    command = f'tsrevel resolve {event_id} --as done --order ID --note "entered by hand"'
    gone = f"Revel order {', '.join(orders)}, which a person named, no longer stands"
    return f"{gone}; if the event needs an order, enter it by hand and run `{command}`"


def tell_station(record: OrderRecord, outcome: Outcome | None, text: str, shown: ShownFields) -> Outcome:
    """The event's outcome with a change of its order, which Revel shows like this now."""
    details = tuple(f"{name} {value}" for name, value in sorted(shown.items()))
    about = outcome or describe_order(record)
    if about.news and about.text:  # the event has changed as well, or was cancelled
        return replace(about, text=f"{about.text}; {text}", details=(*about.details, *details))
    return replace(
        not_written(about, Skip(Reason.CHANGED_AFTER_INJECTION, text, details)), order_id=record.order_id, news=True
    )


def as_planned(plan: Plan) -> ShownFields:
    """The order as a run shows it while nobody has changed it."""
    return _with_marks(planned_fields(plan), deleted=False, local_id=True, uuid=True)


def as_shown(plan: Plan, row: OrderRow | None) -> ShownFields:
    if row is None:
        return {**as_planned(plan), "there": "no"}
    is_ours = {"local_id": row.local_id == plan.local_id, "uuid": row.uuid == plan.uuid}
    return _with_marks(shown_fields(row), deleted=row.deleted, **is_ours)


def _with_marks(fields: Mapping[str, str], *, deleted: bool, local_id: bool, uuid: bool) -> ShownFields:
    """The fields and "yes" or "no" marks. The marks replace names, which could belong to somebody else."""
    marks = {"deleted": deleted, "local_id": local_id, "uuid": uuid, "there": True}
    return {**fields, **{name: "yes" if holds else "no" for name, holds in marks.items()}}
