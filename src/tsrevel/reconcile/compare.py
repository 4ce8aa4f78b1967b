"""One event's case judged: what differs between TripleSeat, ledger and Revel, and why. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from tsrevel.planning.changes import describe_changes
from tsrevel.planning.identity import known_local_ids, order_uuid
from tsrevel.planning.model import Hold, Plan, Policy, Skip
from tsrevel.planning.money import ZERO, Cents, show, to_cents
from tsrevel.planning.reasons import Reason
from tsrevel.reconcile.amounts import planned_money, stored_money
from tsrevel.reconcile.model import Case, Finding, Kind, Money, Verdict
from tsrevel.reconcile.parts import compare_money, compare_order
from tsrevel.revel.client import Contents
from tsrevel.revel.decode import OrderRow

_CANCELLED = frozenset({Reason.STATUS_NOT_ELIGIBLE, Reason.EVENT_DELETED})
_NOTHING = Contents(None)


def judge(case: Case, policy: Policy) -> Verdict:
    """The case with its findings, each with the event and orders it is about, and what each of the three counts."""
    live = case.live
    found = list(_compare_live(case, policy) if live else _compare_without_order(case))
    orders = tuple(sorted(row.id for row in case.orders))
    findings = tuple(
        replace(each, event_id=each.event_id or case.event_id, orders=each.orders or orders) for each in found
    )
    plan = _written(case) or _plan(case)
    revel = tuple(stored_money(row, _contents(case, row), plan, policy) for row in live)
    return Verdict(case, findings, _tripleseat(case, findings, policy), _ledger(case, findings, revel, policy), revel)


# What each of the three counts


def _tripleseat(case: Case, findings: tuple[Finding, ...], policy: Policy) -> Money | None:
    """None where no order is called for. What can't be planned counts with the event's total alone."""
    if case.event is None or _is_cancelled(case) or case.event.day not in {None, case.day}:
        return None
    if not case.live and all(each.explained for each in findings):
        return None
    plan = _plan(case)
    if plan:
        return planned_money(plan, policy)
    total = to_cents(case.event.grand_total) if case.event.grand_total is not None else ZERO
    return Money(total=total, balance=total)


def _ledger(case: Case, findings: tuple[Finding, ...], revel: tuple[Money, ...], policy: Policy) -> Money | None:
    """None where it holds no order. It keeps no amounts of orders that others made: there Revel's stand in."""
    record = case.record
    if record is None or (record.state == "claimed" and not record.order_id):
        return None
    if not case.live and all(each.explained for each in findings):
        return None
    if record.plan:
        return planned_money(record.plan, policy)
    return revel[0] if revel else Money()


# An event that has no order at Revel


def _compare_without_order(case: Case) -> Iterator[Finding]:
    ordered = bool(case.record and case.record.order_id)
    if case.gone:
        if ordered:
            yield _note(Kind.NOT_ELIGIBLE, "neither TripleSeat has the event nor Revel its order any more")
    elif ordered and not _is_cancelled(case):
        yield _settled(case, _gone(case))
    elif case.event is None:
        yield Finding(Kind.EVENT_UNREADABLE, case.problem, reason=Reason.EVENT_DATA_UNAVAILABLE)
    else:
        yield _without_order(case)


def _gone(case: Case) -> Finding:
    order_id = case.record.order_id if case.record else None
    how = "it is deleted at Revel" if case.orders else "Revel has it no more"
    state = case.record.state if case.record else ""
    text = f"the ledger has order {order_id} as {state}, and {how}; if it is wanted, enter it by hand"
    amounts = _totals(case)
    orders = (order_id,) if order_id else ()
    return replace(amounts, kind=Kind.ORDER_GONE, text=text, reason=Reason.ORDER_DIFFERS, orders=orders, revel=ZERO)


def _without_order(case: Case) -> Finding:
    verdict = case.screened
    if isinstance(verdict, Skip):
        kind = Kind.NOT_ALLOWED if verdict.reason is Reason.LOCATION_NOT_ALLOWED else Kind.NOT_ELIGIBLE
        return _note(kind, verdict.text, verdict.reason)
    if case.gate == "early" and not isinstance(verdict, Hold):
        return _note(Kind.NOT_DUE, "its gate hasn't opened yet", Reason.TOO_EARLY)
    reason, text = _why_without(case)
    return _settled(case, replace(_totals(case), kind=Kind.EVENT_WITHOUT_ORDER, text=text, reason=reason, revel=ZERO))


def _why_without(case: Case) -> tuple[Reason | None, str]:
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


def _settled(case: Case, finding: Finding) -> Finding:
    """The same as a note where a person has said that the event is seen to."""
    if case.resolution is None:
        return finding
    text = f"resolved as {case.resolution}: {finding.text}"
    return replace(finding, kind=Kind.RESOLVED, text=text, explained=True)


# An event that has one


def _compare_live(case: Case, policy: Policy) -> Iterator[Finding]:
    live = case.live
    if len(live) > 1:
        yield _doubles(case)
    row = _main_order(case)
    if case.event is None:
        yield _orphan(case)
    elif _is_cancelled(case):
        why = case.screened.text if isinstance(case.screened, Skip) else ""
        text = f"{why}; its order {row.id} still stands: void it there if it is not wanted"
        yield replace(
            _totals(case),
            kind=Kind.EVENT_CANCELLED,
            text=text,
            reason=Reason.CANCELLED_AFTER_INJECTION,
            tripleseat=ZERO,
            revel=row.final_total,
        )
    elif case.problem:
        yield Finding(Kind.EVENT_UNREADABLE, case.problem, reason=Reason.EVENT_DATA_UNAVAILABLE)
    if case.has_ledger and case.event:
        yield from _compare_ledger(case, row)
    if row.uuid == order_uuid(case.event_id):
        yield from _compare_ours(case, row, policy)
    else:
        yield from _compare_foreign(case, row, policy)


def _doubles(case: Case) -> Finding:
    ids = ", ".join(sorted(row.id for row in case.live))
    named = ", ".join(sorted({repr(row.local_id) for row in case.live}))
    text = f"Revel holds {len(case.live)} orders for it: {ids} (local_id {named}); delete the wrong ones there"
    amount = Cents(sum(row.final_total for row in case.live))
    finding = replace(_totals(case), kind=Kind.DUPLICATE_ORDERS, text=text, reason=Reason.DUPLICATE_ORDERS)
    return replace(finding, revel=amount, orders=tuple(sorted(row.id for row in case.live)))


def _orphan(case: Case) -> Finding:
    row = _main_order(case)
    ids = ", ".join(sorted(each.id for each in case.live))
    text = f"Revel order {ids} ({row.local_id!r}) is for an event that TripleSeat doesn't show: {case.problem}"
    reason = Reason.EVENT_DATA_UNAVAILABLE
    finding = replace(_totals(case), kind=Kind.ORDER_WITHOUT_EVENT, text=text, reason=reason)
    return replace(finding, tripleseat=ZERO, revel=Cents(sum(each.final_total for each in case.live)))


def _compare_ledger(case: Case, row: OrderRow) -> Iterator[Finding]:
    record = case.record
    ours = row.uuid == order_uuid(case.event_id)
    if record is None:
        who = "ours by its uuid" if ours else "made by someone else"
        text = f"Revel order {row.id}, {who}, isn't in the ledger; the next `sync` over its day takes it in"
        yield Finding(Kind.ORDER_NOT_IN_LEDGER, text, reason=Reason.ORDER_EXISTS, revel=row.final_total, field="total")
    elif record.order_id and record.order_id not in {each.id for each in case.live}:
        text = f"the ledger knows order {record.order_id}, Revel shows {row.id} instead"
        yield Finding(Kind.LEDGER_DIFFERS, text, reason=Reason.ORDER_DIFFERS)
    elif record.state == "claimed" or (ours and record.state == "foreign"):
        text = f"the ledger has order {row.id} as {record.state}; the next `sync` looks at it again"
        yield Finding(Kind.ORDER_UNFINISHED, text, reason=Reason.OUTCOME_UNKNOWN)


def _compare_ours(case: Case, row: OrderRow, policy: Policy) -> Iterator[Finding]:
    written, now = _written(case), _plan(case)
    base = written or now
    names = {*known_local_ids(policy, case.event_id), *([base.local_id] if base else [])}
    if row.local_id not in names:
        text = f"its local_id at Revel is {row.local_id!r}, not {base.local_id if base else min(names)!r}"
        yield Finding(Kind.WRONG_LOCAL_ID, text, reason=Reason.ORDER_DIFFERS)
    if not row.printed or row.has_history is False:
        text = f"order {row.id} isn't finished: {'no history row' if row.printed else 'no print mark'} at Revel"
        yield Finding(Kind.ORDER_UNFINISHED, text, reason=Reason.ORDER_DIFFERS)
    if base is None:
        yield from _compare_totals(case, row)
        return
    found = [*_compare_place(base, row), *compare_order(base, row, _contents(case, row), policy)]
    drift = list(_drift(case, base)) if written else []
    if now and drift and found and _same_content(now, row, _contents(case, row)):
        for each in drift:
            yield replace(
                each, kind=Kind.CORRECTED, text=f"{each.text}; the order at Revel says so too", explained=True
            )
        return
    yield from (_told_by(each, case) for each in found)
    yield from drift


def _told_by(finding: Finding, case: Case) -> Finding:
    """The finding without the ledger's amount where there is no plan in the ledger."""
    return finding if _written(case) else replace(finding, ledger=None)


def _compare_place(plan: Plan, row: OrderRow) -> Iterator[Finding]:
    if row.establishment != plan.location.establishment:
        text = f"order {row.id} is at establishment {row.establishment}, not {plan.location.establishment}"
        yield Finding(Kind.WRONG_ESTABLISHMENT, text, reason=Reason.ORDER_DIFFERS)


def _drift(case: Case, written: Plan) -> Iterator[Finding]:
    """What TripleSeat says now that it didn't when the order was planned."""
    if case.event is None or case.problem or _is_cancelled(case):
        return
    now = case.plan
    if isinstance(now, Plan):
        changes = describe_changes(written, now)
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
        _totals(case), kind=Kind.EVENT_CHANGED, text=text, reason=Reason.CHANGED_AFTER_INJECTION, tripleseat=total
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
    paid = Cents(sum(each.amount for each in contents.payments if not each.deleted))
    shown = Money(row.subtotal, row.discount, row.tax, row.gratuity, row.final_total, paid, row.remaining_due)
    return planned == stored and money == shown and row.establishment == plan.location.establishment


def _compare_foreign(case: Case, row: OrderRow, policy: Policy) -> Iterator[Finding]:
    yield _note(Kind.MADE_ELSEWHERE, f"Revel order {row.id} was made by someone else", Reason.ORDER_EXISTS)
    now = _plan(case)
    if now is None:
        yield from _compare_totals(case, row)
        return
    yield from _compare_place(now, row)
    planned, stored = planned_money(now, policy), stored_money(row, _contents(case, row), now, policy)
    for each in compare_money(planned, stored, (planned.balance, stored.balance)):
        text = f"its {each.field} at Revel is {show(each.revel or ZERO)}, in TripleSeat {show(each.tripleseat or ZERO)}"
        yield replace(each, text=text, ledger=None)
    if planned.payments != stored.payments:
        text = f"its payments at Revel are {show(stored.payments)}, in TripleSeat {show(planned.payments)}"
        found = Finding(Kind.MONEY, text, reason=Reason.AMOUNT_MISMATCH, field="payments")
        yield replace(found, tripleseat=planned.payments, revel=stored.payments)


def _compare_totals(case: Case, row: OrderRow) -> Iterator[Finding]:
    """All that can be compared where the event can't be planned: its total, and why it can't be."""
    if case.event is None or _is_cancelled(case) or case.problem:
        return
    for hold in (case.screened, case.plan):
        if isinstance(hold, Hold | Skip):
            yield Finding(Kind.EVENT_CHANGED, f"it can't be planned: {hold.text}", reason=hold.reason)
    total = to_cents(case.event.grand_total) if case.event.grand_total is not None else ZERO
    if total != row.final_total:
        text = f"its total at Revel is {show(row.final_total)}, in TripleSeat {show(total)}"
        found = Finding(Kind.MONEY, text, reason=Reason.AMOUNT_MISMATCH, field="total")
        yield replace(found, tripleseat=total, revel=row.final_total)


# What a case has


def _is_cancelled(case: Case) -> bool:
    return isinstance(case.screened, Skip) and case.screened.reason in _CANCELLED


def _main_order(case: Case) -> OrderRow:
    """The one that counts where there are several: the ledger's, else ours, else the oldest."""
    known = case.record.order_id if case.record else None
    ours = order_uuid(case.event_id)
    return min(case.live, key=lambda row: (row.id != known, row.uuid != ours, int(row.id)))


def _contents(case: Case, row: OrderRow) -> Contents:
    return case.contents.get(row.id, _NOTHING)


def _plan(case: Case) -> Plan | None:
    return case.plan if isinstance(case.plan, Plan) else None


def _written(case: Case) -> Plan | None:
    return case.record.plan if case.record else None


def _totals(case: Case) -> Finding:
    """A finding about the total, with what each of the three says it is: to be completed."""
    now, written, live = _plan(case), _written(case), case.live
    told = to_cents(case.event.grand_total) if case.event and case.event.grand_total is not None else None
    return Finding(
        Kind.MONEY,
        "",
        field="total",
        tripleseat=now.final_total if now else told,
        ledger=written.final_total if written else None,
        revel=Cents(sum(row.final_total for row in live)) if live else None,
    )


def _note(kind: Kind, text: str, reason: Reason | None = None) -> Finding:
    return Finding(kind, text, reason=reason, explained=True)
