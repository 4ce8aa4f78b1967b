"""How a finished order and its event have come apart since, as far as runs have seen it: by the ledger alone. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from tsrevel.ledger import AuditKind, AuditRow, OrderRecord, StationChange
from tsrevel.ledger.older_rows import read_station_change
from tsrevel.planning.changes import describe_changes
from tsrevel.planning.model import Skip
from tsrevel.planning.reasons import Reason


def recall_drift(record: OrderRecord, facts: Iterable[AuditRow]) -> Skip | None:
    """What differs now between the event, or what Revel shows, and the order as it was made; None: nothing known."""
    if record.state != "settled":
        return None
    if record.cancelled:
        text = f"a run saw it cancelled or deleted; Revel order {record.order_id} was left as it is"
        return Skip(Reason.CANCELLED_AFTER_INJECTION, text)
    if record.plan is None:
        return None
    changes = []
    if record.seen_trouble:
        changes.append(
            "it can no longer be planned (why isn't kept: `tsrevel explain`, asking both services, tells it)"
        )
    elif record.seen_plan:
        changes += describe_changes(record.plan, record.seen_plan)
    told = [f"after Revel order {record.order_id} was made: {'; '.join(changes)}"] if changes else []
    shown = next((each for each in reversed([*facts]) if _reported(each)), None)
    if shown and _reported(shown) is StationChange.CHANGED:
        told.append(shown.detail["text"])
    return Skip(Reason.CHANGED_AFTER_INJECTION, "; ".join(told)) if told else None


def _reported(fact: AuditRow) -> StationChange | None:
    return read_station_change(fact.detail) if fact.kind == AuditKind.ORDER_SHOWN else None
