"""The names of our orders at Revel, read backwards: which event an order is for. Pure."""

from __future__ import annotations

import re

from tsrevel.planning.identity import order_uuid
from tsrevel.planning.model import EventId, Policy
from tsrevel.revel.decode import OrderRow


def templates(policy: Policy) -> tuple[str, ...]:
    """How our orders are named: now, and before."""
    return tuple(dict.fromkeys((policy.local_id, *policy.legacy_local_ids)))


def prefixes(policy: Policy) -> tuple[str, ...]:
    """What the names of our orders begin with; a prefix that begins with another one isn't needed."""
    heads = sorted({template.partition("{event_id}")[0] for template in templates(policy)})
    return tuple(head for head in heads if not any(head != other and head.startswith(other) for other in heads))


def is_named_like_ours(order: OrderRow, policy: Policy) -> bool:
    """Whether its name begins as ours do. Where ours begin with nothing, none does."""
    return any(head and order.local_id.startswith(head) for head in prefixes(policy))


def event_of(order: OrderRow, policy: Policy) -> EventId | None:
    """The event that an order is named after. A bare number is a POS station's (facts Revel 3.4), unless it is ours."""
    for template in templates(policy):
        head, _, tail = template.partition("{event_id}")
        found = re.fullmatch(f"{re.escape(head)}([0-9]+){re.escape(tail)}", order.local_id)
        if found and (head or tail or order.uuid == order_uuid(EventId(found[1]))):
            return EventId(found[1])
    return None
