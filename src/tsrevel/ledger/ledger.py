"""The ledger: the memory of all runs of one environment. Every change is one transaction with its row in the audit.

Errors of all methods below `Ledger`: LedgerUnusable (locked, full, unwritable), LedgerDamaged (broken file), and, for
changes, ClaimConflict (also where the run that makes the change never began). After any of them nothing of the change
is stored.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tsrevel.files import real_path
from tsrevel.ledger.assumptions import AssumptionRepository
from tsrevel.ledger.audit import AuditLog
from tsrevel.ledger.catalogs import CatalogRepository
from tsrevel.ledger.connection import SQLITE, Change, Connect, Transactions, reachable
from tsrevel.ledger.database import open_database
from tsrevel.ledger.events import DeliveryRepository, EventRepository
from tsrevel.ledger.migrations import Migration, shipped_migrations
from tsrevel.ledger.orders import OrderRepository
from tsrevel.ledger.outbox import Outbox
from tsrevel.ledger.queries import LedgerQueries
from tsrevel.ledger.records import Clock, LastResult, OrderRecord, Resolution
from tsrevel.ledger.runs import RunRepository
from tsrevel.planning.model import EventId


@dataclass(frozen=True, slots=True)
class KnownEvents:
    """What the ledger knows of events: their orders, what was last made of them, what people settled."""

    orders: Mapping[EventId, OrderRecord]
    results: Mapping[EventId, LastResult]
    resolutions: Mapping[EventId, Resolution]


class LedgerView:
    """What can be read of a ledger. Use it in a `with`, or call `close`.

    `open_view` makes one that refuses every change.
    """

    def __init__(self, transactions: Transactions, mail_on: Collection[str] = ()) -> None:
        self._transactions = transactions
        self._outbox = Outbox(transactions, mail_on)
        self.runs = RunRepository(transactions)
        self.orders = OrderRepository(transactions, self._outbox)
        self.events = EventRepository(transactions, self._outbox)
        self.catalogs = CatalogRepository(transactions)
        self.assumptions = AssumptionRepository(transactions)
        self.queries = LedgerQueries(transactions)
        self.audit = AuditLog(transactions)

    @property
    def path(self) -> Path:
        """Where the file really is."""
        return self._transactions.path

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """All reads inside, through whichever repository, see one and the same state."""
        return self._transactions.reading()

    def known(self, event_ids: Iterable[EventId]) -> KnownEvents:
        """All that is known of these events, in one read. LedgerDamaged for an unreadable plan."""
        ids = list(event_ids)
        with self.reading():
            return KnownEvents(self.orders.find(ids), self.events.last_results(ids), self.events.resolutions(ids))

    def close(self) -> None:
        """Closes the file; closing twice is fine, and any other use afterwards is LedgerUnusable."""
        self._transactions.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Ledger(LedgerView):
    """The memory of all runs of one environment. Safe to share between threads."""

    def __init__(self, transactions: Transactions, mail_on: Collection[str] = ()) -> None:
        super().__init__(transactions, mail_on)
        self.outbox = self._outbox
        self.deliveries = DeliveryRepository(transactions)

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        environment: str,
        clock: Clock,
        mail_on: Collection[str] = (),
        migrations: tuple[Migration, ...] | None = None,
        busy_seconds: float = 5.0,
        opened_by: Connect = SQLITE,
    ) -> Self:
        """The ledger at `path`, made (0600, missing folders 0700) if there is none, and migrated after a backup.

        `mail_on`: the occasions that mails are sent of; none, unless mails can be sent. Other writers are waited for,
        `busy_seconds` each time. LedgerUnusable: newer, of another environment, not ours, unreadable or unwritable.
        LedgerDamaged: the file or the end of the audit is broken.
        """
        with reachable(path):
            real = real_path(path)
        connection = open_database(real, environment, migrations or shipped_migrations(), busy_seconds, opened_by)
        return cls(Transactions(connection, real, clock), mail_on)

    def changing(self, run_id: str | None) -> AbstractContextManager[Change]:
        """One transaction for a change that no repository makes. `run_id` None: no run makes it."""
        return self._transactions.changing(run_id)
