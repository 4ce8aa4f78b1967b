"""Rows of the ledger as versions before the codes stored them: what they said stood in a sentence alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from tsrevel.ledger import AuditKind, Ledger
from tsrevel.ledger.connection import canonical
from tsrevel.planning.model import EventId, OrderId


def dispute(ledger: Ledger, path: Path, run_id: str, event_id: EventId, order_id: OrderId, text: str) -> None:
    """The order of an event that has one, disputed: the code stood before the text."""
    ledger.audit.add(run_id, AuditKind.DISPUTED, event_id, was="settled", order_id=order_id, text=text)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(
            "UPDATE orders SET state = 'disputed', order_id = ?, text = ? WHERE event_id = ?",
            (order_id, text, event_id),
        )


def report_station_change(ledger: Ledger, run_id: str, event_id: EventId, shown: Mapping[str, str], text: str) -> None:
    """What a station has changed, or changed back: which of them only the text said."""
    ledger.audit.add(run_id, AuditKind.ORDER_SHOWN, event_id, text=text, shown=canonical(shown))


def forget_details(path: Path) -> None:
    """What events were like when their orders were planned and when they were last compared: only as a hash."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE event_contents SET made = substr(made, 1, 64), seen = substr(seen, 1, 64)")


def forget_contents(path: Path) -> None:
    """What events were like: not at all."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DELETE FROM event_contents")


def cut_digests(path: Path) -> None:
    """Digests of search results: only of the event's own fields."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for table in ("orders", "sightings", "resolutions"):
            connection.execute(f"UPDATE {table} SET digest = substr(digest, 1, 64)")  # noqa: S608 (written here)


def blank_digests(path: Path) -> None:
    """Digests of orders begun, and of their resolutions, after a run that read the event by its id: empty."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE orders SET digest = '' WHERE state IN ('claimed', 'disputed')")
        connection.execute("UPDATE resolutions SET digest = ''")
