"""What a person has said of an event, laid upon what was found of it: it holds for what there was then. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tsrevel.ledger import Resolution
from tsrevel.reconcile.model import Difference, DifferenceKind, EventComparison
from tsrevel.reconcile.sides import contents_of

_ABOUT_EVENT = frozenset(
    {DifferenceKind.EVENT_CANCELLED, DifferenceKind.EVENT_CHANGED, DifferenceKind.ORDER_WITHOUT_EVENT}
)
_ABOUT_ORDER = frozenset(
    {
        DifferenceKind.ORDER_UNFINISHED,
        DifferenceKind.ORDER_NOT_IN_LEDGER,
        DifferenceKind.LEDGER_DIFFERS,
        DifferenceKind.WRONG_ESTABLISHMENT,
        DifferenceKind.WRONG_LOCAL_ID,
        DifferenceKind.MONEY,
        DifferenceKind.ITEM_MISSING,
        DifferenceKind.ITEM_EXTRA,
        DifferenceKind.ITEM_CHANGED,
        DifferenceKind.PAYMENT_MISSING,
        DifferenceKind.PAYMENT_DOUBLED,
        DifferenceKind.PAYMENT_EXTRA,
        DifferenceKind.PAYMENT_CHANGED,
    }
)
_MINUTE = timedelta(minutes=1)


def settle(case: EventComparison, finding: Difference) -> Difference:
    """The finding, or a note where a person resolved the event and nothing that it is about has changed since.

    Two orders for one event stay an alarm, whatever was said.
    """
    resolution = case.resolution
    if resolution is None or finding.explained or finding.kind not in _ABOUT_EVENT | _ABOUT_ORDER:
        return finding
    if not event_stands(case, resolution):
        again = f"{finding.text}; changed since it was resolved as {resolution.verdict}"
        return replace(finding, text=f"{again}: if that still holds, resolve it again once a `sync` has seen it")
    if finding.kind in _ABOUT_ORDER and not _orders_stand(case, resolution):
        return replace(finding, text=f"{finding.text}; Revel's order has changed since it was resolved")
    return as_resolved(finding, resolution)


def as_resolved(finding: Difference, resolution: Resolution) -> Difference:
    """The same as a note: a person has said that the event is seen to."""
    text = f"resolved as {resolution.verdict}: {finding.text}"
    return replace(finding, kind=DifferenceKind.RESOLVED, text=text, explained=True)


def event_stands(case: EventComparison, resolution: Resolution) -> bool:
    """Whether the event is as it was when a person resolved it.

    By its content as the listing tells it; where that isn't known, by TripleSeat's stamp, which has no seconds (facts
    TripleSeat 3.1). One that is gone can't change; it was gone then unless a run found that out later.
    """
    if case.event is None:
        record = case.record
        return not (record and record.cancelled and record.touched_at > resolution.resolved_at)
    if resolution.digest and case.digest:
        return resolution.digest == case.digest
    return _is_before(case, case.event.updated, _MINUTE, resolution)


def _orders_stand(case: EventComparison, resolution: Resolution) -> bool:
    """Whether Revel's orders and their parts are as they were then, by Revel's stamps."""
    stamps: list[datetime | None] = []
    for row in case.live:
        contents = contents_of(case, row)
        stamps += [row.updated, *(item.updated for item in contents.items)]
        stamps += [payment.updated for payment in contents.payments]
    return all(_is_before(case, stamp, timedelta(), resolution) for stamp in stamps)


def _is_before(case: EventComparison, stamp: datetime | None, precision: timedelta, resolution: Resolution) -> bool:
    if stamp is None:
        return False
    local = stamp if stamp.tzinfo else stamp.replace(tzinfo=ZoneInfo(case.spot.timezone or "UTC"))
    return local + precision <= resolution.resolved_at
