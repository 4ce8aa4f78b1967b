"""Derives an order's uuids from its event alone, and its `local_id` from the event and a setting.

So the uuids are the same each time (facts Revel 3.3, 3.4).
"""

from __future__ import annotations

from uuid import UUID, uuid5

from tsrevel.planning.model import EventId, Item, PlannedPayment, Policy, Step

NAMESPACE = UUID("7b0f6c1e-52a7-5d0c-9a4e-1f2d3c4b5a69")
"""Never change it: every uuid ever written to Revel is derived from it."""

NAMELESS = "unreadable-"
"""The beginning of our name for a listed row without a usable id. Nothing is requested by such a name."""


def order_uuid(event_id: EventId) -> str:
    """The uuid of the event's order: the same on every machine, with or without a ledger."""
    return str(uuid5(NAMESPACE, f"order/{event_id}"))


def part_uuid(order: str, kind: str, number: int = 0) -> str:
    """The uuid of a part of the order with uuid `order`: for example, its payment with that number."""
    return str(uuid5(UUID(order), f"{kind}/{number}"))


def part_uuids(order: str, kind: str, count: int) -> list[str]:
    """The uuids of the order's first `count` parts of that kind."""
    return [part_uuid(order, kind, number) for number in range(count)]


def local_id(policy: Policy, event_id: EventId) -> str:
    return policy.local_id.format(event_id=event_id)


def name_templates(policy: Policy) -> tuple[str, ...]:
    """The templates of our orders' `local_id`: the present one first."""
    return tuple(dict.fromkeys((policy.local_id, *policy.legacy_local_ids)))


def known_local_ids(policy: Policy, event_id: EventId, own: str | None = None) -> tuple[str, ...]:
    """Every `local_id` that an order for the event may have: ours first, then the legacy ones.

    `own`: that of a known order, which comes before them: the settings may have changed since.
    """
    known = [template.format(event_id=event_id) for template in name_templates(policy)]
    return tuple(dict.fromkeys([own, *known] if own else known))


def list_steps(
    order: str, items: tuple[Item, ...], payments: tuple[PlannedPayment, ...], *, discounted: bool
) -> tuple[Step, ...]:
    """The writes in their order, each a recovery point (DESIGN 4; facts Revel 7)."""
    discount = [Step("discount", part_uuid(order, "discount"))] if discounted else []
    return (
        Step("order", order),
        *(Step("item", item.uuid, n) for n, item in enumerate(items)),
        *discount,
        *(Step("payment", payment.uuid, n) for n, payment in enumerate(payments)),
        Step("totals", part_uuid(order, "totals")),
        Step("history", part_uuid(order, "history")),
    )
