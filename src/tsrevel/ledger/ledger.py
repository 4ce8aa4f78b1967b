"""The ledger: the memory of all runs of one environment. Every change is one transaction with its row in the audit.

All methods of the repositories raise LedgerUnusable (locked, full, unwritable) and LedgerDamaged (broken file). Changes
also raise ClaimConflict, such as for a run that never began. After an error nothing of the change is stored.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tsrevel.files import real_path
from tsrevel.ledger.account import AssumptionRepository, CatalogRepository
from tsrevel.ledger.audit import AuditLog
from tsrevel.ledger.connection import SQLITE, Change, Connect, ConnectedTransactions, Transactions, reachable
from tsrevel.ledger.database import open_database
from tsrevel.ledger.events import DeliveryRepository, EventRepository
from tsrevel.ledger.migrations import Migration, shipped_migrations
from tsrevel.ledger.orders import OrderRepository
from tsrevel.ledger.outbox import Outbox
from tsrevel.ledger.queries import LedgerQueries
from tsrevel.ledger.records import Clock, ContentHashes, LastResult, OrderRecord, Resolution
from tsrevel.ledger.runs import RunRepository
from tsrevel.planning.model import EventId


@dataclass(frozen=True, slots=True)
class KnownEvents:
    """The orders, last results, resolutions and content hashes that the ledger knows of events."""

    orders: Mapping[EventId, OrderRecord] = field(default_factory=dict)
    results: Mapping[EventId, LastResult] = field(default_factory=dict)
    resolutions: Mapping[EventId, Resolution] = field(default_factory=dict)
    contents: Mapping[EventId, ContentHashes] = field(default_factory=dict)

    def __or__(self, other: KnownEvents) -> KnownEvents:
        return KnownEvents(
            {**self.orders, **other.orders},
            {**self.results, **other.results},
            {**self.resolutions, **other.resolutions},
            {**self.contents, **other.contents},
        )


class LedgerView:
    """The readable part of a ledger. Use it in a `with`, or call `close`.

    `open_view` returns one that refuses every change.
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
        """The file's path without links."""
        return self._transactions.path

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """All reads inside, through any repository, see the same state."""
        return self._transactions.reading()

    def known(self, event_ids: Iterable[EventId]) -> KnownEvents:
        """Everything known of these events, in one read. LedgerDamaged if a plan is unreadable."""
        ids = list(event_ids)
        with self.reading():
            results, resolutions = self.events.last_results(ids), self.events.resolutions(ids)
            return KnownEvents(self.orders.find(ids), results, resolutions, self.orders.contents(ids))

    def close(self) -> None:
        """Closes the file. Closing twice is fine; any other later use raises LedgerUnusable."""
        self._transactions.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Ledger(LedgerView):
    """The memory of all runs of one environment. Thread-safe."""

    _transactions: ConnectedTransactions

    def __init__(self, transactions: ConnectedTransactions, mail_on: Collection[str] = ()) -> None:
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
        as_it_is: bool = False,
    ) -> Self:
        """Opens the ledger at `path`, or creates it (0600, missing folders 0700). Migrates it after a backup.

        `as_it_is`: for the pause alone, without the lock of runs. A run of an older version may be under way, and what
        it stores would be lost to newer tables, so the ledger isn't migrated.

        `mail_on`: the occasions that mails report; empty if no mail can be sent. Each transaction waits up to
        `busy_seconds` for other writers. LedgerUnusable: newer, of another environment, not ours, unreadable or
        unwritable. LedgerDamaged: the file or the end of the audit is broken.
        """
        with reachable(path):
            real = real_path(path)
        all_of_them = migrations or shipped_migrations()
        connection = open_database(real, environment, all_of_them, busy_seconds, opened_by, clock(), as_it_is=as_it_is)
        return cls(ConnectedTransactions(connection, real, clock), mail_on)

    def together(self) -> AbstractContextManager[None]:
        """All changes inside, through any repository, are stored, or none of them."""
        return self._transactions.together()

    def changing(self, run_id: str | None) -> AbstractContextManager[Change]:
        """One transaction for a change that no repository makes. `run_id` None: no run makes it."""
        return self._transactions.changing(run_id)
