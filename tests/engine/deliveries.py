"""Webhook deliveries as TripleSeat would send them, made of what the pretend one holds (facts TripleSeat 6.3)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from tsrevel.engine.deliveries import DeliveryAnswer, DeliveryQueue
from tsrevel.ledger import DeliveryKey

from ..world import World

Json = dict[str, Any]


def encode(trigger: str, **content: Any) -> bytes:
    """A raw body."""
    return json.dumps({"webhook_trigger_type": trigger, "message": "...", **content}).encode()


def delivery(world: World, event_id: int, trigger: str = "UPDATE_EVENT", **changes: Any) -> bytes:
    """The event as it is now, with everything in it; `changes` replace keys of it."""
    return encode(trigger, event={**world.tripleseat.event(event_id), **changes})


def partial(world: World, event_id: int, *missing: str, **changes: Any) -> bytes:
    """The same without some of its keys."""
    event = {**world.tripleseat.event(event_id), **changes}
    return encode("UPDATE_EVENT", event={key: value for key, value in event.items() if key not in missing})


def documents_without(world: World, event_id: int, key: str) -> list[Json]:
    """Its documents, each without that key."""
    documents = world.tripleseat.event(event_id)["documents"]
    return [{name: value for name, value in each.items() if name != key} for each in documents]


def booking(world: World, *event_ids: int, trigger: str = "UPDATE_BOOKING", **content: Any) -> bytes:
    """The booking of these events, told by `event_ids` unless `content` says otherwise."""
    number = world.tripleseat.event(event_ids[0])["booking_id"]
    return encode(trigger, booking={"id": number, "event_ids": list(event_ids), **content})


@contextmanager
def receiving(world: World, *, dry_run: bool = False, max_orders: int | None = None) -> Iterator[DeliveryQueue]:
    """One invocation that takes deliveries."""
    with world.open_run(dry_run=dry_run, max_orders=max_orders) as ctx:
        trusted = world.settings().tripleseat.payload == "trust"
        yield DeliveryQueue(ctx, trusted)


def deliver(
    world: World,
    *bodies: bytes,
    dry_run: bool = False,
    max_orders: int | None = None,
    signed: bool = True,
    received: datetime | None = None,
) -> list[DeliveryAnswer]:
    """Take and note deliveries in one invocation, one after another. `received`: when they came; None: now."""
    answers = []
    with receiving(world, dry_run=dry_run, max_orders=max_orders) as receiver:
        for body in bodies:
            answers.append(receiver.take(body, received))
            receiver.note(answers[-1], signed=signed)
    return answers


def said(answer: DeliveryAnswer) -> str:
    """Whether it was processed, and the reason: "done", "not done TOO_EARLY"."""
    words = ["done" if answer.processed else "not done", answer.reason]
    return " ".join(str(word) for word in words if word)


def noted(world: World, answer: DeliveryAnswer) -> bool:
    """Whether the ledger knows the delivery, so that it isn't taken again."""
    assert isinstance(answer.key, DeliveryKey)
    with world.ledger() as ledger:
        return ledger.deliveries.is_known(answer.key, datetime.min.replace(tzinfo=UTC))


def seat_requests(world: World) -> list[str]:
    """The paths that TripleSeat was asked for."""
    return [each.path for each in world.tripleseat.requests]
