"""One event's case judged: what differs between TripleSeat, ledger and Revel, and why. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tsrevel.planning.model import Hold, Policy, Skip
from tsrevel.planning.money import ZERO, to_cents
from tsrevel.planning.reasons import Reason
from tsrevel.reconcile.amounts import planned_money, stored_money
from tsrevel.reconcile.live import compare_live
from tsrevel.reconcile.model import ComparisonResult, Difference, DifferenceKind, EventComparison, Money
from tsrevel.reconcile.settled import as_resolved, settle
from tsrevel.reconcile.sides import contents_of, is_cancelled, is_void, note, plan_now, totals_of, written_plan


def judge(case: EventComparison, policy: Policy) -> ComparisonResult:
    """The case with its findings, each with the event and orders it is about, and what each of the three counts."""
    found = (settle(case, each) for each in compare_live(case, policy)) if case.live else _compare_without_order(case)
    orders = tuple(sorted(row.id for row in case.orders))
    findings = tuple(
        replace(each, event_id=each.event_id or case.event_id or None, orders=each.orders or orders) for each in found
    )
    plan = written_plan(case) or plan_now(case)
    off = case.gone or is_cancelled(case)
    counted = [row for row in case.live if not (off and is_void(case, row))]
    revel = tuple(stored_money(row, contents_of(case, row), plan, policy) for row in counted)
    ledger = _ledger(case, findings, revel, policy)
    places = tuple(row.establishment for row in counted)
    return ComparisonResult(case, findings, _tripleseat(case, findings, policy), ledger, revel, places)


# What each of the three counts


def _tripleseat(case: EventComparison, findings: tuple[Difference, ...], policy: Policy) -> Money | None:
    """None where no order is called for. What can't be planned counts with the event's total alone."""
    if case.event is None or is_cancelled(case) or case.event.day not in {None, case.day}:
        return None
    if not case.live and all(each.explained for each in findings):
        return None
    plan = plan_now(case)
    if plan:
        return planned_money(plan, policy)
    total = to_cents(case.event.grand_total) if case.event.grand_total is not None else ZERO
    return Money(total=total, partial=True)


def _ledger(
    case: EventComparison, findings: tuple[Difference, ...], revel: tuple[Money, ...], policy: Policy
) -> Money | None:
    """None where it holds no order. It keeps no amounts of orders that others made: there Revel's stand in."""
    record = case.record
    if record is None or (record.state == "claimed" and not record.order_id):
        return None
    if not revel and all(each.explained for each in findings):
        return None
    if record.plan:
        return planned_money(record.plan, policy)
    return revel[0] if revel else Money()


# An event that has no order at Revel


def _compare_without_order(case: EventComparison) -> Iterator[Difference]:
    ordered = bool(case.record and case.record.order_id)
    if case.gone:
        if ordered:
            yield note(DifferenceKind.NOT_ELIGIBLE, "neither TripleSeat has the event nor Revel its order any more")
    elif ordered and not is_cancelled(case):
        yield _settled(case, _gone(case))
    elif case.event is None:
        yield Difference(DifferenceKind.EVENT_UNREADABLE, case.problem, reason=Reason.EVENT_DATA_UNAVAILABLE)
    else:
        yield _without_order(case)


def _gone(case: EventComparison) -> Difference:
    order_id = case.record.order_id if case.record else None
    how = "it is deleted at Revel" if case.orders else "Revel has it no more"
    state = case.record.state if case.record else ""
    text = f"the ledger has order {order_id} as {state}, and {how}; if it is wanted, enter it by hand"
    amounts = totals_of(case)
    orders = (order_id,) if order_id else ()
    return replace(
        amounts, kind=DifferenceKind.ORDER_GONE, text=text, reason=Reason.ORDER_DIFFERS, orders=orders, revel=ZERO
    )


def _without_order(case: EventComparison) -> Difference:
    verdict = case.screened
    if isinstance(verdict, Skip):
        kind = (
            DifferenceKind.NOT_ALLOWED if verdict.reason is Reason.LOCATION_NOT_ALLOWED else DifferenceKind.NOT_ELIGIBLE
        )
        return note(kind, verdict.text, verdict.reason)
    if case.gate == "early" and not isinstance(verdict, Hold):
        return note(DifferenceKind.NOT_DUE, "its gate hasn't opened yet", Reason.TOO_EARLY)
    reason, text = _why_without(case)
    return _settled(
        case, replace(totals_of(case), kind=DifferenceKind.EVENT_WITHOUT_ORDER, text=text, reason=reason, revel=ZERO)
    )


def _why_without(case: EventComparison) -> tuple[Reason | None, str]:
    for hold in (case.screened, case.plan):
        if isinstance(hold, Hold):
            return hold.reason, f"it is held: {hold.text}"
    if case.problem:
        return Reason.EVENT_DATA_UNAVAILABLE, case.problem
    if case.gate == "passed":
        remedy = "enter it by hand, or by `sync-event --ignore-time-gate`"
        return Reason.EVENT_DAY_PASSED, f"its gate closed without an order; {remedy}"
    last = case.sighting
    if last and last.reason and last.status in {"held", "failed"}:
        return Reason(last.reason), f"the last run {last.status} it ({last.reason}), and nothing stands in its way now"
    return None, "it is due and has no order yet; the next `sync` writes it"


def _settled(case: EventComparison, finding: Difference) -> Difference:
    return as_resolved(finding, case.resolution) if case.resolution else finding
