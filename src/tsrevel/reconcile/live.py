"""An event that has an order at Revel: whether it should have one, and whether that is as it should be. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tsrevel.engine.outcomes import recall_dispute
from tsrevel.planning.billing import refunded_of
from tsrevel.planning.changes import describe_changes
from tsrevel.planning.identity import known_local_ids, order_uuid
from tsrevel.planning.model import Hold, Plan, Policy, Skip
from tsrevel.planning.money import ZERO, Cents, show, to_cents
from tsrevel.planning.reasons import Reason
from tsrevel.reconcile.amounts import paid, planned_money, stored_money
from tsrevel.reconcile.model import Difference, DifferenceKind, EventComparison, Money
from tsrevel.reconcile.order_parts import compare_money, compare_order, find_doubled, is_doubled
from tsrevel.reconcile.sides import (
    contents_of,
    is_cancelled,
    is_ours,
    is_void,
    main_order,
    note,
    plan_now,
    totals_of,
    written_plan,
)
from tsrevel.revel.client import Contents
from tsrevel.revel.decode import OrderRow


def compare_live(case: EventComparison, policy: Policy) -> Iterator[Difference]:
    """What is to be said of an event with an order that isn't deleted."""
    if case.gone or not case.event_id or is_cancelled(case):
        yield from _compare_unwanted(case)
        return
    if len(case.live) > 1:
        yield _doubles(case, case.live)
    row = main_order(case)
    if case.event is None and not case.unread:
        yield _orphan(case)
    elif case.problem:
        yield Difference(DifferenceKind.EVENT_UNREADABLE, case.problem, reason=Reason.EVENT_DATA_UNAVAILABLE)
    unfinished = _find_unfinished(case, row)
    if unfinished:
        yield unfinished
        base = written_plan(case) or plan_now(case)
        if base and is_ours(case, row):
            yield from find_doubled(base, row, contents_of(case, row), policy)
        return
    if case.has_ledger and (case.event or case.record):
        yield from _compare_ledger(case, row)
    yield from _compare_ours(case, row, policy) if is_ours(case, row) else _compare_foreign(case, row, policy)


def _doubles(case: EventComparison, rows: Sequence[OrderRow]) -> Difference:
    ids = tuple(sorted(row.id for row in rows))
    named = ", ".join(sorted({repr(row.local_id) for row in rows}))
    text = f"Revel holds {len(rows)} orders for it: {', '.join(ids)} (local_id {named}); delete the wrong ones there"
    amount = Cents(sum(row.final_total for row in rows))
    finding = replace(totals_of(case), kind=DifferenceKind.DUPLICATE_ORDERS, text=text, reason=Reason.DUPLICATE_ORDERS)
    return replace(finding, revel=amount, orders=ids)


# One without an event


def _compare_unwanted(case: EventComparison) -> Iterator[Difference]:
    """Orders that no event calls for: nothing else is said of them. Those that were voided are as they should be."""
    standing = [row for row in case.live if not is_void(case, row)]
    if not standing:
        ids = ", ".join(sorted(row.id for row in case.live))
        reason = case.screened.reason if isinstance(case.screened, Skip) else None
        yield note(DifferenceKind.NOT_ELIGIBLE, f"{_why_unwanted(case)}, and Revel order {ids} is voided", reason)
        return
    if len(standing) > 1:
        yield _doubles(case, standing)
    if not case.event_id:
        yield _orphan(case)
        return
    ids = ", ".join(sorted(row.id for row in standing))
    known = case.event is not None or any(is_ours(case, row) for row in standing)
    yield replace(
        totals_of(case),
        kind=DifferenceKind.EVENT_CANCELLED if case.event else DifferenceKind.ORDER_WITHOUT_EVENT,
        text=f"{_why_unwanted(case)}; Revel order {ids} still stands: void it there if it is not wanted",
        reason=Reason.CANCELLED_AFTER_INJECTION if known else Reason.EVENT_DATA_UNAVAILABLE,
        tripleseat=ZERO,
        revel=Cents(sum(row.final_total for row in standing)),
    )


def _why_unwanted(case: EventComparison) -> str:
    if isinstance(case.screened, Skip):
        return case.screened.text
    if not case.gone:
        return case.problem
    ours = any(is_ours(case, row) for row in case.live)
    return "deleted in TripleSeat" if ours else f"TripleSeat has no event {case.event_id}"


def _orphan(case: EventComparison) -> Difference:
    row = main_order(case)
    ids = ", ".join(sorted(each.id for each in case.live))
    whose = "is for an event that TripleSeat doesn't show" if case.event_id else "names no event"
    text = f"Revel order {ids} ({row.local_id!r}) {whose}: {case.problem}"
    reason = Reason.EVENT_DATA_UNAVAILABLE
    finding = replace(totals_of(case), kind=DifferenceKind.ORDER_WITHOUT_EVENT, text=text, reason=reason)
    return replace(finding, tripleseat=ZERO, revel=Cents(sum(each.final_total for each in case.live)))


# One that isn't finished


def _find_unfinished(case: EventComparison, row: OrderRow) -> Difference | None:
    """What is to be said of an order of which parts may still be missing, and of it alone; None where it is whole.

    A settled one was whole once: what it lacks now was taken from it.
    """
    record = case.record
    lacks = "" if row.printed and row.has_history is not False else _what_lacks(row)
    if record and record.state == "claimed" and record.order_id in {None, row.id}:
        state = f"isn't finished: {lacks}" if lacks else "is in the ledger as claimed"
        text, reason = f"order {row.id} {state}; {_who_finishes(case)}", Reason.OUTCOME_UNKNOWN
    elif lacks and is_ours(case, row) and record and record.state == "disputed":
        held = recall_dispute(record)
        if held.reason is Reason.AMOUNT_MISMATCH:
            return replace(totals_of(case), text=f"it was left unfinished: {held.text}", reason=held.reason)
        text, reason = f"order {row.id} was left unfinished: {held.text}", held.reason
    elif lacks and is_ours(case, row) and not (record and record.state == "settled"):
        text, reason = f"order {row.id} isn't finished: {lacks}; {_who_finishes(case)}", Reason.ORDER_DIFFERS
    else:
        return None
    return replace(totals_of(case), kind=DifferenceKind.ORDER_UNFINISHED, text=text, reason=reason)


def _what_lacks(row: OrderRow) -> str:
    return "no history row at Revel" if row.printed else "no print mark at Revel"


def _who_finishes(case: EventComparison) -> str:
    if case.resolution:
        return "runs leave it alone, for a person resolved the event"
    if case.gate == "passed" and not case.record:
        return f"`tsrevel sync-event {case.event_id} --ignore-time-gate` finishes it"
    return "a run is at it now, or the next `sync` finishes it"


# One of ours


def _compare_ledger(case: EventComparison, row: OrderRow) -> Iterator[Difference]:
    record, ours = case.record, is_ours(case, row)
    if record is None:
        who = "ours by its uuid" if ours else "made by someone else"
        text = f"Revel order {row.id}, {who}, isn't in the ledger; the next `sync` over its day takes it in"
        yield Difference(
            DifferenceKind.ORDER_NOT_IN_LEDGER, text, reason=Reason.ORDER_EXISTS, revel=row.final_total, field="total"
        )
    elif record.order_id and record.order_id not in {each.id for each in case.live}:
        text = f"the ledger knows order {record.order_id}, Revel shows {row.id} instead"
        yield Difference(DifferenceKind.LEDGER_DIFFERS, text, reason=Reason.ORDER_DIFFERS)
    elif ours and row.uuid != order_uuid(case.event_id):
        text = f"order {row.id} is ours, and its uuid at Revel is another; look there who changed it"
        yield Difference(DifferenceKind.LEDGER_DIFFERS, text, reason=Reason.ORDER_DIFFERS)
    elif ours and record.state == "foreign":
        text = f"the ledger has order {row.id} as made by someone else, and it is ours by its uuid"
        yield Difference(DifferenceKind.LEDGER_DIFFERS, text, reason=Reason.ORDER_DIFFERS)


def _compare_ours(case: EventComparison, row: OrderRow, policy: Policy) -> Iterator[Difference]:
    written, now = written_plan(case), plan_now(case)
    base = written or now
    names = {*known_local_ids(policy, case.event_id), *([base.local_id] if base else [])}
    if row.local_id not in names:
        text = f"its local_id at Revel is {row.local_id!r}, not {base.local_id if base else min(names)!r}"
        yield Difference(DifferenceKind.WRONG_LOCAL_ID, text, reason=Reason.ORDER_DIFFERS)
    if not row.printed or row.has_history is False:
        text = f"order {row.id} isn't finished any more: {_what_lacks(row)}"
        yield Difference(DifferenceKind.ORDER_UNFINISHED, text, reason=Reason.ORDER_DIFFERS)
    if base is None:
        yield from (_of_now(each) for each in _compare_totals(case, row))
        return
    contents = contents_of(case, row)
    found = [*_compare_place(base, row), *compare_order(base, row, contents, policy)]
    drift = list(_drift(case, base)) if written else []
    if now and drift and found and _same_content(now, row, contents):
        for each in drift:
            corrected = f"{each.text}; the order at Revel says so too"
            yield replace(each, kind=DifferenceKind.CORRECTED, text=corrected, explained=True)
        return
    yield from found if written else map(_of_now, found)
    yield from drift


def _of_now(finding: Difference) -> Difference:
    """The finding where no plan is known that the order was written from: either side may have changed."""
    text = finding.text
    if finding.kind is DifferenceKind.MONEY:
        text = f"its {finding.field} at Revel is {_show(finding.revel)}, in TripleSeat {_show(finding.tripleseat)}"
    return replace(finding, text=text, ledger=None, calm=not is_doubled(finding))


def _show(cents: Cents | None) -> str:
    return show(cents or ZERO)


def _compare_place(plan: Plan, row: OrderRow) -> Iterator[Difference]:
    if row.establishment != plan.location.establishment:
        text = f"order {row.id} is at establishment {row.establishment}, not {plan.location.establishment}"
        found = Difference(DifferenceKind.WRONG_ESTABLISHMENT, text, reason=Reason.ORDER_DIFFERS, field="total")
        yield replace(found, tripleseat=plan.final_total, ledger=plan.final_total, revel=row.final_total)


def _drift(case: EventComparison, written: Plan) -> Iterator[Difference]:
    """What TripleSeat says now that it didn't when the order was planned."""
    if case.event is None or case.problem:
        return
    now = case.plan
    if isinstance(now, Plan):
        changes = describe_changes(written, now, refunded_of(case.event))
        if not changes:
            return
        text, total = f"changed in TripleSeat after the order was made: {'; '.join(changes)}", now.final_total
    else:
        why = now or (case.screened if isinstance(case.screened, Hold | Skip) else None)
        text = (
            f"changed in TripleSeat so that it can no longer be planned ({f'{why.reason}: {why.text}' if why else ''})"
        )
        total = to_cents(case.event.grand_total) if case.event.grand_total is not None else ZERO
    yield replace(
        totals_of(case),
        kind=DifferenceKind.EVENT_CHANGED,
        text=text,
        reason=Reason.CHANGED_AFTER_INJECTION,
        tripleseat=total,
    )


def _same_content(plan: Plan, row: OrderRow, contents: Contents) -> bool:
    """Whether somebody has made the order what the event is now, to the cent."""
    planned = Counter((item.product, Cents(item.quantity * item.unit_price)) for item in plan.items)
    stored = Counter(
        (each.product, Cents(int(each.quantity * each.price))) for each in contents.items if not each.voided
    )
    money = Money(
        plan.subtotal, plan.discount, plan.tax, plan.gratuity, plan.final_total, plan.paid, plan.remaining_due
    )
    received = paid(contents.payments)
    shown = Money(row.subtotal, row.discount, row.tax, row.gratuity, row.final_total, received, row.remaining_due)
    return planned == stored and money == shown and row.establishment == plan.location.establishment


# One of others


def _compare_foreign(case: EventComparison, row: OrderRow, policy: Policy) -> Iterator[Difference]:
    yield note(DifferenceKind.MADE_ELSEWHERE, f"Revel order {row.id} was made by someone else", Reason.ORDER_EXISTS)
    now = plan_now(case)
    if now is None:
        yield from _compare_totals(case, row)
        return
    yield from (replace(each, ledger=None) for each in _compare_place(now, row))
    planned, stored = planned_money(now, policy), stored_money(row, contents_of(case, row), now, policy)
    for each in compare_money(planned, stored, (planned.balance, stored.balance)):
        text = f"its {each.field} at Revel is {_show(each.revel)}, in TripleSeat {_show(each.tripleseat)}"
        yield replace(each, text=text, ledger=None)
    if planned.payments != stored.payments:
        text = f"its payments at Revel are {show(stored.payments)}, in TripleSeat {show(planned.payments)}"
        found = Difference(DifferenceKind.MONEY, text, reason=Reason.AMOUNT_MISMATCH, field="payments")
        yield replace(found, tripleseat=planned.payments, revel=stored.payments)


def _compare_totals(case: EventComparison, row: OrderRow) -> Iterator[Difference]:
    """All that can be compared where the event can't be planned: its total, and why it can't be."""
    if case.event is None or case.problem:
        return
    for hold in (case.screened, case.plan):
        if isinstance(hold, Hold | Skip):
            yield Difference(DifferenceKind.EVENT_CHANGED, f"it can't be planned: {hold.text}", reason=hold.reason)
    total = to_cents(case.event.grand_total) if case.event.grand_total is not None else ZERO
    if total != row.final_total:
        text = f"its total at Revel is {show(row.final_total)}, in TripleSeat {show(total)}"
        found = Difference(DifferenceKind.MONEY, text, reason=Reason.AMOUNT_MISMATCH, field="total")
        yield replace(found, tripleseat=total, revel=row.final_total)
