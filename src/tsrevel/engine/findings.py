"""What a look for an event's order may find, what a look at it may, and what was found of one that was disputed."""

from __future__ import annotations

from dataclasses import dataclass

from tsrevel.ledger import OrderRecord
from tsrevel.planning.model import Hold, Step
from tsrevel.planning.reasons import Reason
from tsrevel.revel.decode import OrderRow


@dataclass(slots=True)
class Foreign:
    """An order for the event that we did not make."""

    order: OrderRow


@dataclass(frozen=True, slots=True)
class Mismatch:
    """In words, why what Revel shows of an order isn't the plan. `alarm`: a person must look before more is written."""

    reason: Reason
    text: str
    alarm: bool = False


@dataclass(frozen=True, slots=True)
class NotShown:
    """The steps that Revel acknowledged and doesn't show."""

    steps: tuple[Step, ...]


Found = OrderRow | Foreign | Hold | None


def recall_finding(record: OrderRecord) -> Hold:
    """What the order of `record` was disputed for: it stands, word for word, until all of the order is right."""
    return Hold(record.reason or Reason.ORDER_DIFFERS, record.text or "a person must look at its order")
