"""What a case has on each of its sides, as the comparison asks for it. Pure."""

from __future__ import annotations

from tsrevel.planning.identity import order_uuid
from tsrevel.planning.model import Plan, Skip
from tsrevel.planning.money import Cents, to_cents
from tsrevel.planning.reasons import Reason
from tsrevel.reconcile.model import Difference, DifferenceKind, EventComparison
from tsrevel.revel.client import Contents
from tsrevel.revel.decode import OrderRow

_CANCELLED = frozenset({Reason.STATUS_NOT_ELIGIBLE, Reason.EVENT_DELETED})
_NOTHING = Contents(None)


def is_cancelled(case: EventComparison) -> bool:
    """Whether TripleSeat has the event, and as one that may not become an order."""
    return isinstance(case.screened, Skip) and case.screened.reason in _CANCELLED


def is_ours(case: EventComparison, row: OrderRow) -> bool:
    """Whether we made the order: by its uuid, or by its id in the ledger, whatever it is called now."""
    record = case.record
    known = record is not None and record.state != "foreign" and record.order_id == row.id
    return known or (bool(case.event_id) and row.uuid == order_uuid(case.event_id))


def is_void(case: EventComparison, row: OrderRow) -> bool:
    """Whether nothing of the order counts any more: a person has voided it at Revel."""
    contents = contents_of(case, row)
    sold = any(not item.voided for item in contents.items)
    paid = any(payment.counts for payment in contents.payments)
    return not (sold or paid or row.final_total or row.remaining_due)


def main_order(case: EventComparison) -> OrderRow:
    """The one that counts where there are several: the ledger's, else ours, else the oldest."""
    known = case.record.order_id if case.record else None
    return min(case.live, key=lambda row: (row.id != known, not is_ours(case, row), int(row.id)))


def contents_of(case: EventComparison, row: OrderRow) -> Contents:
    """The order's items and payments."""
    return case.contents.get(row.id, _NOTHING)


def plan_now(case: EventComparison) -> Plan | None:
    """What the event would be written as now; None where it can't be planned."""
    return case.plan if isinstance(case.plan, Plan) else None


def written_plan(case: EventComparison) -> Plan | None:
    """What the ledger says that the order was written as; None where it doesn't say."""
    return case.record.plan if case.record else None


def totals_of(case: EventComparison) -> Difference:
    """A finding about the total, with what each of the three says it is: to be completed."""
    now, written, live = plan_now(case), written_plan(case), case.live
    told = to_cents(case.event.grand_total) if case.event and case.event.grand_total is not None else None
    return Difference(
        DifferenceKind.MONEY,
        "",
        field="total",
        tripleseat=now.final_total if now else told,
        ledger=written.final_total if written else None,
        revel=Cents(sum(row.final_total for row in live)) if live else None,
    )


def note(kind: DifferenceKind, text: str, reason: Reason | None = None) -> Difference:
    """Something explained."""
    return Difference(kind, text, reason=reason, explained=True)
