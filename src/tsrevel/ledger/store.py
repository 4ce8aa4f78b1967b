"""The ledger itself: every change one transaction with its audit row, safe to share between threads.

Errors of every method: LedgerUnusable (locked, full, unwritable), LedgerDamaged (broken file or unreadable plan),
and, for changes, ClaimConflict. After any of them nothing of the change is stored.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Self

from tsrevel.errors import LedgerUnusable
from tsrevel.ledger import audit, deliveries, orders, runs, sightings
from tsrevel.ledger.audit import Change
from tsrevel.ledger.connection import SQLITE, Connect, mapped, reachable, transaction
from tsrevel.ledger.database import open_database
from tsrevel.ledger.migrations import Migration, back_up, shipped_migrations
from tsrevel.ledger.records import (
    AuditRow,
    Clock,
    DeliveryKey,
    OrderRecord,
    OrderState,
    RunRecord,
    Seen,
    Sighting,
    encode_instant,
)
from tsrevel.planning.model import Event, EventId, OrderId, Plan, Step


class Ledger:
    """The memory of all runs of one environment. Use it in a `with`, or call `close`."""

    def __init__(self, connection: sqlite3.Connection, path: Path, clock: Clock) -> None:
        self._connection = connection
        self._path = path
        self._clock = clock
        self._lock = RLock()

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        environment: str,
        clock: Clock,
        migrations: tuple[Migration, ...] | None = None,
        busy_seconds: float = 5.0,
        opened_by: Connect = SQLITE,
    ) -> Self:
        """The ledger at `path`, made (0600, missing folders 0700) if there is none, and migrated after a backup.

        LedgerUnusable: newer, of another environment, not ours, unreadable or unwritable. LedgerDamaged: the file
        or the end of the audit is broken. Other writers are waited for, `busy_seconds` each time.
        """
        with reachable(path):
            real = path.resolve()
        connection = open_database(real, environment, migrations or shipped_migrations(), busy_seconds, opened_by)
        return cls(connection, real, clock)

    def close(self) -> None:
        """Closes the file; closing twice is fine, and any other use afterwards is LedgerUnusable."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Runs

    def begin_run(self, run: RunRecord) -> None:
        """Stores a run that begins; everything below wants its id. ClaimConflict if the id is taken."""
        with self._changing(run.run_id) as change:
            runs.begin(change, run)

    def finish_run(self, run_id: str, *, exit_status: int, summary: Mapping[str, int]) -> None:
        """Closes a run, once."""
        with self._changing(run_id) as change:
            runs.finish(change, exit_status, summary)

    def runs(self, limit: int) -> tuple[RunRecord, ...]:
        """The last `limit` runs, newest first."""
        with self._reading() as connection:
            return runs.latest(connection, limit)

    def last_good_run(self) -> RunRecord | None:
        """The last live bulk run that came to its end, whatever it held; None if there was none."""
        with self._reading() as connection:
            return runs.last_good(connection)

    # Orders

    def order(self, event_id: EventId) -> OrderRecord | None:
        """What is known of the event's order; None if nothing is."""
        return self.orders([event_id]).get(event_id)

    def orders(self, event_ids: Iterable[EventId]) -> dict[EventId, OrderRecord]:
        """What is known of these events' orders, in one look for any number of them."""
        with self._reading() as connection:
            return orders.find(connection, event_ids)

    def unfinished(self) -> tuple[OrderRecord, ...]:
        """The orders claimed and not yet settled or disputed, and the settled ones that are due to be looked at again.

        Oldest first. A run died, or couldn't go on, or it didn't know for a while what became of a write.
        """
        with self._reading() as connection:
            return orders.find_unfinished(connection, self._clock())

    def counts(self) -> dict[OrderState, int]:
        """How many orders stand in each state."""
        with self._reading() as connection:
            return orders.count_by_state(connection)

    def claim(self, run_id: str, plan: Plan) -> None:
        """Stores the plan before its first write. May replace a claim without receipts; else ClaimConflict."""
        with self._changing(run_id) as change:
            orders.claim(change, plan)

    def record(
        self, run_id: str, event_id: EventId, step: Step, *, revel_id: str | None, facts: Mapping[str, str]
    ) -> None:
        """Stores Revel's answer to a step of the claimed plan; that of the order step gives the order its id.

        The answer to a step that had to be written again replaces the earlier one, and the audit keeps both.
        `facts` must be free of customer data.
        """
        with self._changing(run_id) as change:
            orders.record(change, event_id, step, revel_id, facts)

    def take_up(self, run_id: str, event_id: EventId) -> None:
        """This run is about to write to an order begun: should it die, the next one knows."""
        with self._changing(run_id) as change:
            orders.take_up(change, event_id)

    def settle(self, run_id: str, event_id: EventId, order_id: OrderId, digest: str | None) -> None:
        """Revel showed the order complete. `digest` is the content hash of the event it was made of.

        Also without a claim (the ledger was lost) and after a dispute; ClaimConflict for a foreign order.
        """
        with self._changing(run_id) as change:
            orders.settle(change, event_id, order_id, digest)

    def dispute(self, run_id: str, event_id: EventId, order_id: OrderId | None, text: str) -> None:
        """What Revel holds isn't the plan: a person must look. `text` says why, without customer data."""
        with self._changing(run_id) as change:
            orders.dispute(change, event_id, order_id, text)

    def doubt(self, run_id: str, event_id: EventId, until: datetime) -> None:
        """A write got no answer in time: until `until` (aware) it may still be applied, so nothing is sent again.

        Then the order is looked at again.
        """
        with self._changing(run_id) as change:
            orders.doubt(change, event_id, until)

    def look_again(self, run_id: str, event_id: EventId, at: datetime | None) -> None:
        """The order is to be looked at once more at `at` (aware), settled or not; None: it was."""
        with self._changing(run_id) as change:
            orders.look_again(change, event_id, at)

    def note_foreign(
        self, run_id: str, event_id: EventId, order_id: OrderId, local_id: str, digest: str | None
    ) -> None:
        """Somebody else's order was found. ClaimConflict if ours is settled, disputed or has receipts."""
        with self._changing(run_id) as change:
            orders.note_foreign(change, event_id, order_id, local_id, digest)

    def release(self, run_id: str, event_id: EventId, text: str) -> None:
        """Drops a claim because Revel proved to hold nothing of it. The audit keeps it, its receipts and `text`."""
        with self._changing(run_id) as change:
            orders.release(change, event_id, text)

    def remember(
        self,
        run_id: str,
        event_id: EventId,
        *,
        digest: str | None,
        plan: Plan | None = None,
        cancelled: bool | None = None,
    ) -> None:
        """After a drift was reported: what the event is compared with next time. The claimed plan stays as it is."""
        with self._changing(run_id) as change:
            orders.remember(change, event_id, digest, plan, cancelled)

    # Sightings

    def see(
        self,
        run_id: str,
        event_id: EventId,
        *,
        day: date | None,
        status: str,
        reason: str | None,
        text: str,
        digest: str | None,
        missed: bool = False,
    ) -> bool:
        """Stores what was made of an event. True if its status, reason or text is new or changed."""
        seen = Seen(event_id, day, status, reason, text, digest, missed)
        return event_id in self.see_many(run_id, [seen])

    def see_many(self, run_id: str, seen: Iterable[Seen]) -> frozenset[EventId]:
        """`see` for all events of a run in one transaction; gives those that are new or changed.

        `seen` is drawn inside the transaction: have it ready.
        """
        with self._changing(run_id) as change:
            return frozenset(one.event_id for one in seen if sightings.put(change, one))

    def sightings(self, event_ids: Iterable[EventId]) -> dict[EventId, Sighting]:
        """What was last made of these events, as far as they were ever seen."""
        with self._reading() as connection:
            return sightings.find(connection, event_ids)

    def count_unsettled(self, first: date, last: date) -> int:
        """Events of these days (both included) that were waiting or in trouble when last seen, and have no order.

        That is: held, failed, planned, TOO_EARLY or RUN_LIMIT_REACHED. If there are some, an empty listing is suspect.
        """
        with self._reading() as connection:
            return sightings.count_unsettled(connection, first, last)

    def snapshot(self, event_id: EventId) -> Event | None:
        """The copy of an event that was held or failed when last seen, without customer data; None if there is none."""
        with self._reading() as connection:
            return sightings.find_snapshot(connection, event_id)

    def to_be_tried_again(self) -> tuple[EventId, ...]:
        """The events that were held or failed when last seen, by their days."""
        with self._reading() as connection:
            return sightings.to_be_tried_again(connection)

    def tried_in_vain(self, run: str) -> tuple[EventId, ...] | None:
        """The events that this run (its id or correlation id) held or failed; None if there was no such run."""
        with self._reading() as connection:
            return sightings.tried_in_vain(connection, run)

    # Webhook deliveries

    def knows_delivery(self, key: DeliveryKey) -> bool:
        """Whether this delivery was dealt with before."""
        with self._reading() as connection:
            return deliveries.knows(connection, key)

    def note_delivery(
        self, run_id: str | None, key: DeliveryKey, event_id: EventId | None, *, signed: bool, reason: str | None
    ) -> None:
        """The delivery was dealt with in this run (None: it called for none), and isn't to be again."""
        with self._changing(run_id) as change:
            deliveries.note(change, key, event_id, signed=signed, reason=reason)

    # Audit

    def audit(self, run_id: str | None, kind: str, event_id: EventId | None = None, **detail: str) -> None:
        """Adds a fact of its own to the audit. `detail` must be free of customer data and secrets."""
        with self._changing(run_id) as change:
            change.audit(kind, event_id, **detail)

    def audit_rows(self, event_id: EventId | None = None, limit: int | None = None) -> tuple[AuditRow, ...]:
        """The last `limit` facts (None: all), of one event or of everything, oldest first."""
        with self._reading() as connection:
            return audit.latest_rows(connection, event_id, limit)

    def verify_chain(self) -> None:
        """Checks every row of the audit. LedgerDamaged names the first that is missing, altered or not ours."""
        with self._reading() as connection:
            audit.verify_all(connection)

    def back_up(self, target: Path) -> None:
        """Copies the ledger, complete and consistent, to a new file (0600). LedgerUnusable if `target` exists."""
        with reachable(target), mapped(self._path):
            if target.exists():
                raise LedgerUnusable(f"The backup {target} exists already: name a new file.")
            back_up(self._path, target)

    @contextmanager
    def _changing(self, run_id: str | None) -> Iterator[Change]:
        with self._lock, transaction(self._connection, self._path):
            yield Change(self._connection, run_id, encode_instant(self._clock()))

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """All reads inside see one and the same state."""
        with self._lock, transaction(self._connection, self._path, "DEFERRED"):
            yield self._connection
