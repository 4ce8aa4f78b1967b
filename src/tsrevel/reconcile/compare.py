"""Compares one event in TripleSeat, ledger and Revel. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain

from tsrevel.engine.outcomes import recall_dispute
from tsrevel.ledger import GONE, Resolution
from tsrevel.planning.billing import refunded_of
from tsrevel.planning.changes import describe_changes, describe_unshown
from tsrevel.planning.identity import known_local_ids, order_uuid
from tsrevel.planning.model import Hold, Plan, Policy, Skip
from tsrevel.planning.money import ZERO, Cents, show
from tsrevel.planning.reasons import TROUBLE, Reason, Status, advise
from tsrevel.reconcile.model import ComparisonResult, Difference, DifferenceKind, EventComparison, Money, named_order
from tsrevel.reconcile.order_parts import (
    compare_amounts,
    compare_order,
    differ_in_total,
    differs,
    find_doubled,
    is_doubled,
    money_differs,
    note,
    paid,
    payment_extra,
    planned_money,
    stored_money,
)
from tsrevel.reconcile.resolved import event_stands, name_order, settle, unless_resolved
from tsrevel.revel.compare import agrees_with, sum_taken
from tsrevel.revel.decode import OrderRow

_RESOLVED = "runs leave it alone because a person resolved the event"


def compare_live(case: EventComparison, policy: Policy) -> Iterator[Difference]:
    """The findings for a case with at least one order that isn't deleted."""
    if case.gone or not case.event_id or case.is_cancelled:
        yield from _compare_unwanted(case)
        return
    standing = case.standing_orders
    if len(standing) > 1:
        yield _doubles(case, standing)
    row = case.main_order
    if case.event is None and not case.unread:
        yield _orphan(case)
    elif case.problem:
        yield Difference(DifferenceKind.EVENT_UNREADABLE, case.problem, reason=Reason.EVENT_DATA_UNAVAILABLE)
    unfinished = _find_unfinished(case, row)
    if unfinished:
        yield unfinished
        base = case.written_plan or case.plan_now
        if base and case.is_ours(row):
            yield from find_doubled(base, row, case.contents_of(row), policy)
        return
    if case.has_ledger and (case.event or case.record):
        yield from _compare_ledger(case, row)
    yield from _compare_ours(case, row, policy) if case.is_ours(row) else _compare_foreign(case, row)


def _doubles(case: EventComparison, rows: Sequence[OrderRow]) -> Difference:
    ids = tuple(sorted(row.id for row in rows))
    named = ", ".join(sorted({repr(row.local_id) for row in rows}))
    told = f"Revel has {len(rows)} orders of this event: {', '.join(ids)} (local_id {named})"
    text, total = f"{told}; delete or void the wrong ones there", Cents(sum(row.amounts["total"] for row in rows))
    kind, reason = DifferenceKind.DUPLICATE_ORDERS, Reason.DUPLICATE_ORDERS
    return differ_in_total(case, kind, text, reason, orders=ids, revel=total)


# Orders that no event needs


def _compare_unwanted(case: EventComparison) -> Iterator[Difference]:
    """The findings for orders that no event needs. If all of them were voided, that is only noted."""
    standing = case.standing_orders
    if not standing:
        ids = ", ".join(sorted(row.id for row in case.live))
        if _may_have_order(case) and case.resolution and not event_stands(case, case.resolution):
            yield _cancelled_since(case, f"{_why_unwanted(case)}, and Revel order {ids} is voided")
            return
        reason = case.screened.reason if isinstance(case.screened, Skip) else None
        yield note(DifferenceKind.NOT_ELIGIBLE, f"{_why_unwanted(case)}, and Revel order {ids} is voided", reason)
        return
    if len(standing) > 1:
        yield _doubles(case, standing)
    if not case.event_id:
        yield _orphan(case)
        return
    ids = ", ".join(sorted(row.id for row in standing))
    known = case.event is not None or any(case.is_ours(row) for row in standing)
    yield differ_in_total(
        case,
        DifferenceKind.EVENT_CANCELLED if case.event else DifferenceKind.ORDER_WITHOUT_EVENT,
        f"{_why_unwanted(case)}; Revel order {ids} still stands; if nobody wants it, void it in Revel",
        Reason.CANCELLED_AFTER_INJECTION if known else Reason.EVENT_DATA_UNAVAILABLE,
        tripleseat=ZERO,
        revel=Cents(sum(row.amounts["total"] for row in standing)),
    )


def _why_unwanted(case: EventComparison) -> str:
    if isinstance(case.screened, Skip):
        return case.screened.text
    if not case.gone:
        return case.problem
    ours = any(case.is_ours(row) for row in case.live)
    return "deleted in TripleSeat" if ours else f"TripleSeat has no event {case.event_id}"


def _orphan(case: EventComparison) -> Difference:
    ids = ", ".join(sorted(each.id for each in case.live))
    whose = "is for an event that TripleSeat doesn't return" if case.event_id else "names no event"
    text = f"Revel order {ids} ({case.main_order.local_id!r}) {whose}: {case.problem}"
    kind, reason = DifferenceKind.ORDER_WITHOUT_EVENT, Reason.EVENT_DATA_UNAVAILABLE
    return differ_in_total(case, kind, text, reason, tripleseat=ZERO)


# Unfinished orders


def _find_unfinished(case: EventComparison, row: OrderRow) -> Difference | None:
    """The finding for an order that may still lack parts; None if it is finished.

    A settled order was finished once, so `_compare_ours` reports what it lacks now.
    """
    record = case.record
    if case.is_named(row):
        return None
    lacks = "" if row.is_finished else _what_lacks(row)
    if record and record.state == "claimed" and record.order_id in {None, row.id}:
        state = f"isn't finished: {lacks}" if lacks else "is only claimed in the ledger"
        text, reason = f"order {row.id} {state}; {_who_finishes(case)}", Reason.OUTCOME_UNKNOWN
    elif lacks and case.is_ours(row) and record and record.state == "disputed":
        held = recall_dispute(record)
        kind = DifferenceKind.MONEY if held.reason is Reason.AMOUNT_MISMATCH else DifferenceKind.ORDER_UNFINISHED
        return differ_in_total(case, kind, held.text, held.reason)
    elif lacks and case.is_ours(row) and not (record and record.state == "settled"):
        text, reason = f"order {row.id} isn't finished: {lacks}; {_who_finishes(case)}", Reason.ORDER_DIFFERS
    else:
        return None
    return differ_in_total(case, DifferenceKind.ORDER_UNFINISHED, text, reason)


def _what_lacks(row: OrderRow) -> str:
    return "it isn't marked as printed" if row.has_history is None else "it has no history row"


def _who_finishes(case: EventComparison) -> str:
    if case.resolution:
        return _RESOLVED
    if case.failed_write:
        return advise(case.event_id, Status.PLANNED, None, failed_write=case.failed_write)
    if case.gate == "passed" and not case.record:
        return f"run `tsrevel sync-event {case.event_id} --ignore-time-gate` to finish it"
    return "a run is writing it now, or the next live `sync` finishes it"


def _who_adds(case: EventComparison, row: OrderRow) -> str:
    if case.resolution:
        return _RESOLVED
    if isinstance(case.screened, Skip):
        return f"runs leave it alone: {case.screened.text}"
    if case.gate == "passed":
        return f"`tsrevel sync-event {case.event_id} --ignore-time-gate` adds it"
    if isinstance(case.screened, Hold) or isinstance(case.plan, Hold):
        return f"a live `sync` adds it once the event can be planned, or run {name_order(case, row.id)}"
    return "the next live `sync` over its day adds it"


# Orders that tsrevel made


def _compare_ledger(case: EventComparison, row: OrderRow) -> Iterator[Difference]:
    record, ours = case.record, case.is_ours(row)
    if case.is_named(row):  # the ledger has it by the resolution
        return
    if record is None and len(case.standing_orders) > 1:  # no run adds any of them
        return
    if record is None:
        who = "ours by its uuid" if ours else "made by someone else"
        text = f"Revel order {row.id}, {who}, isn't in the ledger; {_who_adds(case, row)}"
        yield Difference(
            DifferenceKind.ORDER_NOT_IN_LEDGER,
            text,
            reason=Reason.ORDER_EXISTS,
            revel=row.amounts["total"],
            field="total",
        )
        return
    if record.order_id and record.order_id not in {each.id for each in case.standing_orders or case.live}:
        voided = ", which was voided" if any(record.order_id == each.id for each in case.live) else ""
        text = f"the ledger has order {record.order_id}{voided}, but Revel shows order {row.id}"
        text += "" if ours else f"; if that is the event's order, run {name_order(case, row.id)}"
    elif ours and row.uuid != order_uuid(case.event_id):
        text = f"order {row.id} is ours, but its uuid in Revel differs; check in Revel who changed it"
    elif ours and record.state == "foreign":
        text = f"the ledger says that someone else made order {row.id}, but its uuid is ours"
    else:
        return
    yield Difference(DifferenceKind.LEDGER_DIFFERS, text, reason=Reason.ORDER_DIFFERS)


def _compare_ours(case: EventComparison, row: OrderRow, policy: Policy) -> Iterator[Difference]:
    written, now = case.written_plan, case.plan_now
    base = written or now
    names = {*known_local_ids(policy, case.event_id), *([base.local_id] if base else [])}
    if row.local_id not in names:
        text = f"its local_id in Revel is {row.local_id!r}, not {base.local_id if base else min(names)!r}"
        yield Difference(DifferenceKind.WRONG_LOCAL_ID, text, reason=Reason.ORDER_DIFFERS)
    if row.has_history is False:  # a run accepts a missing print mark, too
        text = f"order {row.id} is no longer finished: no history row at Revel"
        yield Difference(DifferenceKind.ORDER_UNFINISHED, text, reason=Reason.ORDER_DIFFERS)
    if base is None:
        yield from map(_calm, _compare_totals(case, row))
        return
    contents = case.contents_of(row)
    found = [*_compare_place(base, row), *compare_order(base, row, contents, policy)]
    drift = list(_drift(case, base)) if written else []
    if now and drift and found and agrees_with(now, base, row, contents.items, contents.payments):
        for each in drift:
            corrected = f"{each.text}; the order in Revel agrees"
            yield replace(each, kind=DifferenceKind.CORRECTED, text=corrected, explained=True)
            unshown = describe_unshown(base, now)
            if unshown:
                yield replace(each, text=_tell_drift(unshown))
        at_station = sum_taken(now, contents.payments)
        if at_station:
            yield payment_extra(at_station)
        return
    yield from found if written else map(_calm, found)
    yield from drift


def _calm(finding: Difference) -> Difference:
    """The finding if the written plan isn't known. Either side may have changed, so only a doubled part is an alarm."""
    return replace(_against_event(finding), calm=not is_doubled(finding))


def _against_event(finding: Difference) -> Difference:
    """The finding as a difference between Revel and the current event, without the ledger."""
    if finding.kind is not DifferenceKind.MONEY:
        return replace(finding, ledger=None)
    revel, tripleseat = show(finding.revel or ZERO), show(finding.tripleseat or ZERO)
    text = f"Revel has {revel} as its {finding.field}, TripleSeat has {tripleseat}"
    return replace(finding, text=text, ledger=None)


def _compare_place(plan: Plan, row: OrderRow) -> Iterator[Difference]:
    if row.establishment != plan.location.establishment:
        text = f"order {row.id} is at establishment {row.establishment}, not {plan.location.establishment}"
        yield differs(DifferenceKind.WRONG_ESTABLISHMENT, text, "total", plan.final_total, row.amounts["total"])


def _drift(case: EventComparison, written: Plan) -> Iterator[Difference]:
    """The finding if the event has changed in TripleSeat since the order was planned."""
    if case.event is None or case.problem:
        return
    now = case.plan
    if isinstance(now, Plan):
        changes = describe_changes(written, now, refunded_of(case.event))
        if not changes:
            return
        text, total = _tell_drift(changes), now.final_total
    else:
        why = now or (case.screened if isinstance(case.screened, Hold | Skip) else None)
        told = f"{why.reason}: {why.text}" if why else ""
        text = f"changed in TripleSeat, and can no longer be planned ({told})"
        total = case.event_total or ZERO
    kind, reason = DifferenceKind.EVENT_CHANGED, Reason.CHANGED_AFTER_INJECTION
    yield differ_in_total(case, kind, text, reason, tripleseat=total)


def _tell_drift(changes: Iterable[str]) -> str:
    return f"changed in TripleSeat after the order was made: {'; '.join(changes)}"


# Orders that someone else made


def _compare_foreign(case: EventComparison, row: OrderRow) -> Iterator[Difference]:
    who = "a person named" if case.is_named(row) else "someone else made"
    yield note(DifferenceKind.MADE_ELSEWHERE, f"{who} Revel order {row.id}", Reason.ORDER_EXISTS)
    now = case.plan_now
    if now is None:
        yield from _compare_totals(case, row)
        return
    received = paid(case.contents_of(row).payments)
    found = [*_compare_place(now, row), *compare_amounts(now, row, received, is_ours=False)]
    if received != now.paid:
        found.append(money_differs("payments", now.paid, received))
    yield from map(_against_event, found)


def _compare_totals(case: EventComparison, row: OrderRow) -> Iterator[Difference]:
    """The findings for an event that can't be planned: why it can't be, and its total if that differs."""
    if case.event is None or case.problem:
        return
    for hold in (case.screened, case.plan):
        if isinstance(hold, Hold | Skip):
            yield Difference(DifferenceKind.EVENT_CHANGED, f"it can't be planned: {hold.text}", reason=hold.reason)
    total = case.event_total or ZERO
    if total != row.amounts["total"]:
        yield _against_event(money_differs("total", total, row.amounts["total"]))


def judge(case: EventComparison, policy: Policy) -> ComparisonResult:
    """The result for the case: its findings, each with its event and orders, and its money in each of the three."""
    found = _tell_unreadable(case) if case.unreadable else _compare_without_order(case)
    if case.live:
        found = (settle(case, _explain_payment(case, each, policy)) for each in compare_live(case, policy))
    orders = tuple(sorted(row.id for row in case.orders))
    findings = tuple(
        replace(each, event_id=each.event_id or case.event_id or None, orders=each.orders or orders)
        for each in chain(_compare_shared(case), found)
    )
    off = case.gone or case.is_cancelled
    counted = case.standing_orders if off else case.standing_orders or case.live
    revel = tuple(stored_money(case, row, policy) for row in counted)
    ledger = _ledger(case, findings, revel, policy)
    establishments = tuple(row.establishment for row in counted)
    return ComparisonResult(case, findings, _tripleseat(case, findings, policy), ledger, revel, establishments)


def _explain_payment(case: EventComparison, finding: Difference, policy: Policy) -> Difference:
    """The finding, or a note if it is a payment that a station took while no payment comes from TripleSeat.

    A payment that the order's balance doesn't show, or that is more than was due, stays a difference.
    """
    kinds = {DifferenceKind.PAYMENT_EXTRA, DifferenceKind.MONEY}
    if policy.payments != "none" or finding.field != "payments" or finding.kind not in kinds:
        return finding
    row = case.main_order
    if not 0 <= row.amounts["balance"] == row.amounts["total"] - paid(case.contents_of(row).payments):
        return finding
    text = f'a station took {show(finding.revel or ZERO)}; with orders.payments = "none", TripleSeat needs no payment'
    return replace(finding, kind=DifferenceKind.PAYMENT_EXTRA, text=text, explained=True)


# The money of a case in each of the three


def _tripleseat(case: EventComparison, findings: tuple[Difference, ...], policy: Policy) -> Money | None:
    """None if no order is expected. An event that can't be planned counts with its total only."""
    if case.event is None or case.is_cancelled or case.event.day not in {None, case.day}:
        return None
    if not case.live and all(each.explained for each in findings):
        return None
    plan = case.plan_now
    return planned_money(plan, policy) if plan else Money(total=case.event_total or ZERO, partial=True)


def _ledger(
    case: EventComparison, findings: tuple[Difference, ...], revel: tuple[Money, ...], policy: Policy
) -> Money | None:
    """None if the ledger has no order. It stores no amounts of orders that others made or people named, so Revel's are
    used.
    """
    record = case.record
    if record is None or (record.state == "claimed" and not record.order_id):
        return revel[0] if any(case.is_named(row) for row in case.live) and revel else None
    if not revel and all(each.explained for each in findings):
        return None
    if revel and case.is_named(case.main_order):
        return revel[0]
    if record.plan:
        return planned_money(record.plan, policy)
    return revel[0] if revel else Money()


# Orders that stand for several events


def _compare_shared(case: EventComparison) -> Iterator[Difference]:
    """The finding for each order that stands for the event, but is another event's. No resolution explains it."""
    for order, other in case.shared.items():
        if order == named_order(case.resolution):
            how = "a person named it when this event was resolved; name the right one with `tsrevel resolve "
            how += f"{case.event_id} --as done --order ID`"
        else:
            how = "check in Revel and TripleSeat which event it is for, and enter the other order by hand"
        text = f"Revel order {order} stands for two events, this one and {other}: {how}"
        yield Difference(DifferenceKind.SHARED_ORDER, text, reason=Reason.ORDER_DIFFERS, orders=(order,))


# Events without an order in Revel, or with one that can't be read


def _tell_unreadable(case: EventComparison) -> Iterator[Difference]:
    ids = tuple(sorted(case.unreadable))
    why = "; ".join(case.unreadable[each] for each in ids)
    text = f"Revel order {', '.join(ids)} can't be compared: {why}; check it in Revel"
    kind, reason = DifferenceKind.ORDER_UNREADABLE, Reason.UPSTREAM_UNAVAILABLE
    found = differ_in_total(case, kind, text, reason, orders=ids)
    yield found if named_order(case.resolution) in ids else unless_resolved(case, found)


def _compare_without_order(case: EventComparison) -> Iterator[Difference]:
    record, verdict, resolution = case.record, case.screened, case.resolution
    changed = resolution is not None and case.event is not None and not event_stands(case, resolution)
    off = case.gone or case.is_cancelled
    if case.named_gone and not off:
        yield _named_gone(case)
    elif case.gone:
        if resolution and _may_have_order(case) and _is_deleted_since(case, resolution):
            yield _cancelled_since(case, "deleted in TripleSeat")
        elif record and record.order_id:
            yield note(
                DifferenceKind.NOT_ELIGIBLE, "TripleSeat no longer has the event, and Revel no longer has its order"
            )
    elif record and record.order_id and not off:
        how = "it is deleted in Revel" if case.orders else "Revel no longer has it"
        text = f"the ledger has order {record.order_id}, and {how}; enter it by hand if wanted"
        kind, orders = DifferenceKind.ORDER_GONE, (record.order_id,)
        found = differ_in_total(case, kind, text, Reason.ORDER_DIFFERS, orders=orders, revel=ZERO)
        yield unless_resolved(case, found)
    elif case.event is None:
        yield Difference(DifferenceKind.EVENT_UNREADABLE, case.problem, reason=Reason.EVENT_DATA_UNAVAILABLE)
    elif isinstance(verdict, Skip):
        if changed and off and _may_have_order(case):
            yield _cancelled_since(case, verdict.text)
            return
        not_allowed = verdict.reason is Reason.LOCATION_NOT_ALLOWED
        kind = DifferenceKind.NOT_ALLOWED if not_allowed else DifferenceKind.NOT_ELIGIBLE
        yield note(kind, verdict.text, verdict.reason)
    elif case.gate == "early" and not isinstance(verdict, Hold) and not changed:
        yield note(DifferenceKind.NOT_DUE, "injection isn't open yet", Reason.TOO_EARLY)
    else:
        reason, text = _why_without(case)
        found = differ_in_total(case, DifferenceKind.EVENT_WITHOUT_ORDER, text, reason, revel=ZERO)
        yield unless_resolved(case, found)


def _named_gone(case: EventComparison) -> Difference:
    """The finding for a resolved event whose order doesn't stand any more. Its resolution doesn't explain that."""
    named = named_order(case.resolution)
    text = (
        f"a person named Revel order {named} for it, and {case.named_gone}; enter it by hand and run "
        f"{name_order(case)}, or resolve the event as ignored"
    )
    kind, orders = DifferenceKind.ORDER_GONE, (named,) if named else ()
    return differ_in_total(case, kind, text, Reason.ORDER_DIFFERS, orders=orders, revel=ZERO)


def _may_have_order(case: EventComparison) -> bool:
    """Whether somebody may have entered its order by hand, perhaps in place of ours, without naming it."""
    resolution, record = case.resolution, case.record
    if resolution is None or (record and not record.is_finished):
        return False
    may_stand = resolution.may_replace if record else resolution.was_done
    return may_stand and set(resolution.orders) <= {record.order_id if record else None}


def _is_deleted_since(case: EventComparison, resolution: Resolution) -> bool:
    """Whether it was resolved before it was deleted. If it has a finished order, a run must have noticed that."""
    if case.record:
        return not event_stands(case, resolution)
    return case.has_open_change or resolution.digest != GONE


def _cancelled_since(case: EventComparison, why: str) -> Difference:
    text = (
        f"{why}; it was cancelled after a person resolved it as done: if its order was entered by hand, void "
        f'it in Revel, then run `tsrevel resolve {case.event_id} --as done --note "voided in Revel"`'
    )
    reason = Reason.CANCELLED_AFTER_INJECTION
    return differ_in_total(case, DifferenceKind.EVENT_CANCELLED, text, reason, tripleseat=ZERO)


def _why_without(case: EventComparison) -> tuple[Reason | None, str]:
    resolution = case.resolution
    for hold in (case.screened, case.plan):
        if isinstance(hold, Hold):
            return hold.reason, f"it is held: {hold.text}"
    if case.problem:
        return Reason.EVENT_DATA_UNAVAILABLE, case.problem
    if resolution:
        known = "whether it has one by hand is unknown" if resolution.was_done else "it was to get none"
        return None, f"tsrevel knows no order of it; {known}"
    if case.gate == "passed":
        remedy = advise(case.event_id, Status.SKIPPED, Reason.EVENT_DAY_PASSED)
        return Reason.EVENT_DAY_PASSED, f"its day has passed without an order; {remedy}"
    last = case.last_result
    if last and last.reason and last.status in TROUBLE:
        return Reason(last.reason), f"the last run {last.status} it ({last.reason}); nothing blocks it now"
    return None, "it is due and has no order yet; the next live `sync` makes it"
