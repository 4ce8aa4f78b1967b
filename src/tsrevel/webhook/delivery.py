"""Reads a webhook delivery: its trigger, and its event or booking (facts TripleSeat 6.2, 6.3). Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from tsrevel.errors import DeliveryFault, DeliveryUnreadable, NotJson
from tsrevel.transport.responses import Json, decode_json

ACTIONABLE = frozenset(
    {
        "CREATE_EVENT",
        "UPDATE_EVENT",
        "STATUS_CHANGE_EVENT",
        "CREATE_BOOKING",
        "UPDATE_BOOKING",
        "STATUS_CHANGE_BOOKING",
        "EVENT_CREATED",
        "EVENT_UPDATED",
        "BOOKING_CREATED",
        "BOOKING_UPDATED",
        "CHANGE_EVENT_DATETIME",
        "CHANGE_EVENT_GUEST_COUNTS",
        "REASSIGN_EVENT_LOCATION",
        "CREATE_EVENT_DOCUMENT",
        "UPDATE_EVENT_DOCUMENT",
        "DELETE_EVENT",
    }
)
"""The triggers that may affect an order (DESIGN 4)."""
DELETION = "DELETE_EVENT"
_TRIGGER = re.compile(r"[A-Z0-9_]{1,64}")

_ROOTS = ("event", "booking", "document_layout")


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery, with the object under its root key as it came. `body_hash` distinguishes otherwise equal deliveries.

    `root` is "event", "booking" or "document_layout"; "" if it has none of them, such as a lead.
    """

    trigger: str
    root: str
    row: dict[str, Json]
    body_hash: str

    @property
    def is_actionable(self) -> bool:
        return self.trigger in ACTIONABLE


def read_delivery(body: bytes) -> Delivery:
    """The delivery in a raw body. Raises DeliveryUnreadable, whose text quotes nothing of the body."""
    try:
        content = decode_json(body)
    except NotJson as error:
        raise DeliveryUnreadable(f"it is {error}, not a delivery", DeliveryFault.NOT_JSON) from error
    trigger = content.get("webhook_trigger_type") if isinstance(content, dict) else None
    trigger = trigger.strip().upper() if isinstance(trigger, str) else ""
    if not _TRIGGER.fullmatch(trigger):
        raise DeliveryUnreadable("it has no webhook_trigger_type", DeliveryFault.NO_TRIGGER)
    root = next((root for root in _ROOTS if isinstance(content.get(root), dict)), "")
    if trigger in ACTIONABLE and not root:
        raise DeliveryUnreadable("it has neither an event nor a booking", DeliveryFault.NO_SUBJECT)
    row = content[root] if root else {}
    inner = row.get(root)  # the API wraps a single object once more, and some senders forward that
    return Delivery(trigger, root, inner if isinstance(inner, dict) else row, hashlib.sha256(body).hexdigest())
