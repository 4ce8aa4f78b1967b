"""Which events the ledger knows of some days, and all that it knows of them: one state, read in one look."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from tsrevel.ledger import events, orders, resolutions
from tsrevel.ledger.records import LastResult, OrderRecord, Resolution
from tsrevel.planning.identity import NAMELESS
from tsrevel.planning.model import EventId

_OF_DAYS = """
    SELECT event_id FROM orders WHERE json_extract(plan, '$.day') BETWEEN :first AND :last
    UNION
    SELECT event_id FROM sightings JOIN orders USING (event_id) WHERE event_day BETWEEN :first AND :last
    ORDER BY event_id
"""


@dataclass(frozen=True, slots=True)
class KnownEvents:
    """What the ledger knows of events: their orders, what was last made of them, what a person settled."""

    orders: Mapping[EventId, OrderRecord]
    sightings: Mapping[EventId, LastResult]
    resolutions: Mapping[EventId, Resolution]


def find_known(connection: sqlite3.Connection, event_ids: Iterable[EventId]) -> KnownEvents:
    """All that is known of these events. LedgerDamaged for an unreadable plan."""
    ids = list(event_ids)
    return KnownEvents(
        orders.find(connection, ids),
        events.find_results(connection, ids),
        resolutions.find_resolutions(connection, ids),
    )


def find_ordered(connection: sqlite3.Connection, first: date, last: date) -> tuple[EventId, ...]:
    """The events with an order in the ledger, of any state, whose day was from `first` to `last` (both included)."""
    span = {"first": first.isoformat(), "last": last.isoformat()}
    found = (EventId(row["event_id"]) for row in connection.execute(_OF_DAYS, span))
    return tuple(each for each in found if not each.startswith(NAMELESS))
