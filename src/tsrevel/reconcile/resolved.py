"""Takes a person's resolution of an event into account: a finding that it explains is only noted. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tsrevel.engine.triage import was_updated_since
from tsrevel.ledger import Resolution
from tsrevel.reconcile.model import ALARMS, Difference, DifferenceKind, EventComparison, named_order
from tsrevel.tripleseat.digest import is_same_content

_ABOUT_EVENT = frozenset({
    DifferenceKind.EVENT_CANCELLED, DifferenceKind.EVENT_CHANGED, DifferenceKind.ORDER_WITHOUT_EVENT,
})  # fmt: skip
_ABOUT_ORDER = (ALARMS - {DifferenceKind.DUPLICATE_ORDERS}) | {
    DifferenceKind.ORDER_UNFINISHED, DifferenceKind.ORDER_NOT_IN_LEDGER, DifferenceKind.LEDGER_DIFFERS,
    DifferenceKind.WRONG_LOCAL_ID, DifferenceKind.PAYMENT_EXTRA,
}  # fmt: skip
_MINUTE = timedelta(minutes=1)


def settle(case: EventComparison, finding: Difference) -> Difference:
    """The finding, or a note if a person resolved the event and its subject hasn't changed since.

    Two orders for one event stay an alarm, resolved or not. Nor does a resolution explain how the order that it names
    differs from the event; that is no alarm, because its plan isn't known.
    """
    resolution = case.resolution
    if resolution is None or finding.explained or finding.kind not in _ABOUT_EVENT | _ABOUT_ORDER:
        return finding
    by_hand = case.is_named(case.main_order) and finding.kind in _ABOUT_ORDER
    if not event_stands(case, resolution):
        return replace(_changed_since(finding, resolution), calm=finding.calm or by_hand)
    if by_hand:
        text = f"{finding.text}; correct the order in Revel, or name the right one: {name_order(case)}"
        return replace(finding, text=text, calm=finding.kind is DifferenceKind.MONEY)
    if finding.kind in _ABOUT_ORDER and not _orders_stand(case, resolution, finding):
        return replace(finding, text=f"{finding.text}; Revel's order has changed since it was resolved")
    return as_resolved(finding, resolution)


def _changed_since(finding: Difference, resolution: Resolution) -> Difference:
    again = f"{finding.text}; changed since it was resolved as {resolution.verdict}"
    return replace(finding, text=f"{again}; if that still holds, resolve it again after the next `sync`")


def name_order(case: EventComparison, order: str = "ID") -> str:
    return f'`tsrevel resolve {case.event_id} --as done --order {order} --note "entered by hand"`'


def as_resolved(finding: Difference, resolution: Resolution) -> Difference:
    """The finding as a note: a person has dealt with the event."""
    text = f"resolved as {resolution.verdict}: {finding.text}"
    return replace(finding, kind=DifferenceKind.RESOLVED, text=text, explained=True)


def event_stands(case: EventComparison, resolution: Resolution) -> bool:
    """Whether the event is unchanged since a person resolved it.

    A change that a run has reported stays one until it is resolved again. Otherwise content hashes decide. If one is
    unknown, TripleSeat's stamp decides, which has no seconds (facts TripleSeat 3.1). An event that TripleSeat doesn't
    return counts as unchanged, unless a run noticed its cancellation later.
    """
    record = case.record
    if case.event is None:
        return not (record and record.cancelled and record.touched_at > resolution.resolved_at)
    if case.has_open_change and not (record and record.is_finished):
        return False
    if resolution.digest and case.digest:
        return is_same_content(resolution.digest, case.digest)
    return not was_updated_since(case.event, resolution, _zone(case), _MINUTE)


def _orders_stand(case: EventComparison, resolution: Resolution, finding: Difference) -> bool:
    """Whether Revel's orders and their parts are unchanged since then, by Revel's stamps.

    A payment that a station took since changes neither items nor names. It may well change the order's other amounts,
    because opening an order may recalculate it (facts Revel 3.7).
    """
    by_payment = finding.field == "payments" or (finding.kind is DifferenceKind.MONEY and finding.field != "items")
    base, zone = case.written_plan or case.plan_now, _zone(case)
    planned = {payment.uuid for payment in base.payments} if base else frozenset()

    def is_old(stamp: datetime | None) -> bool:
        return stamp is not None and _aware(stamp, zone) <= resolution.resolved_at

    for row in case.live:
        contents = case.contents_of(row)
        new = [each for each in contents.payments if not is_old(each.updated)]
        served = not by_payment and bool(new) and all(each.counts and each.uuid not in planned for each in new)
        if not (all(is_old(each.updated) for each in contents.items) and (served or (not new and is_old(row.updated)))):
            return False
    return True


def _aware(stamp: datetime, zone: ZoneInfo) -> datetime:
    return stamp if stamp.tzinfo else stamp.replace(tzinfo=zone)


def _zone(case: EventComparison) -> ZoneInfo:
    return ZoneInfo(case.location.timezone or "UTC")


def unless_resolved(case: EventComparison, finding: Difference) -> Difference:
    """The finding, or a note if a person resolved the event and it hasn't changed since.

    It is a note, too, if the order that the person named is another event's: that is a finding of its own.
    """
    resolution = case.resolution
    if resolution is None:
        return finding
    if not (event_stands(case, resolution) or named_order(resolution) in case.shared):
        return _changed_since(finding, resolution)
    return as_resolved(finding, resolution)
