"""The ledger itself: every change one transaction with its audit row, safe to share between threads.

Errors of every method: LedgerUnusable (locked, full, unwritable), LedgerDamaged (broken file or unreadable plan),
and, for changes, ClaimConflict. After any of them nothing of the change is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

from tsrevel.ledger import audit, catalogues, changes, events, orders, outbox, queries, runs
from tsrevel.ledger.outbox import Outbox
from tsrevel.ledger.queries import EventStatus
from tsrevel.ledger.records import (
    AuditKind,
    AuditRow,
    ContentHashes,
    DeliveryKey,
    EventResult,
    LastResult,
    OrderRecord,
    OrderState,
    Resolution,
    RunRecord,
    StationReport,
    Verdict,
)
from tsrevel.ledger.runs import Pause
from tsrevel.planning.model import EstablishmentId, Event, EventId, Hold, OrderId, Plan, Step
from tsrevel.planning.products import Catalogue


class Ledger(Outbox):
    """The memory of all runs of one environment. Use it in a `with`, or call `close`."""

    # Runs

    def begin_run(self, run: RunRecord) -> None:
        """Stores a run that begins; everything below wants its id. ClaimConflict if the id is taken."""
        with self._changing(run.run_id) as change:
            runs.begin(change, run)

    def finish_run(self, run_id: str, *, exit_status: int, summary: Mapping[str, int]) -> None:
        """Closes a run, once."""
        with self._changing(run_id) as change:
            runs.finish(change, exit_status, summary)

    def knows_live_runs(self) -> bool:
        """Whether any live bulk run was ever begun with this ledger; if not, an earlier one may have been lost."""
        with self.reading() as connection:
            return runs.is_any_live(connection)

    def leave_out(self, run_id: str) -> None:
        """This run leaves events out: it won't count as one that looked at all of them."""
        with self._changing(run_id) as change:
            runs.leave_out(change)

    def runs(self, limit: int) -> tuple[RunRecord, ...]:
        """The last `limit` runs, newest first."""
        with self.reading() as connection:
            return runs.latest(connection, limit)

    def last_good_run(self) -> RunRecord | None:
        """The last live bulk run that came to its end, whatever it held; None if there was none."""
        with self.reading() as connection:
            return runs.last_good(connection)

    # Orders

    def order(self, event_id: EventId) -> OrderRecord | None:
        """What is known of the event's order; None if nothing is."""
        return self.orders([event_id]).get(event_id)

    def orders(self, event_ids: Iterable[EventId]) -> dict[EventId, OrderRecord]:
        """What is known of these events' orders, in one look for any number of them."""
        with self.reading() as connection:
            return orders.find(connection, event_ids)

    def unfinished(self) -> tuple[OrderRecord, ...]:
        """The orders claimed and not yet settled or disputed, and the settled ones that are due to be looked at again.

        Oldest first. A run died, or couldn't go on, or it didn't know for a while what became of a write.
        """
        with self.reading() as connection:
            return orders.find_unfinished(connection, self._clock())

    def counts(self) -> dict[OrderState, int]:
        """How many orders stand in each state."""
        with self.reading() as connection:
            return orders.count_by_state(connection)

    def was_sent(self, event_id: EventId) -> bool:
        """Whether anything was ever sent for the event that may have been applied, claims dropped since included."""
        with self.reading() as connection:
            return orders.was_sent(connection, event_id)

    def claim(self, run_id: str, plan: Plan) -> None:
        """Stores the plan before its first write. May replace a claim without receipts; else ClaimConflict."""
        with self._changing(run_id) as change:
            orders.claim(change, plan)

    def record(
        self,
        run_id: str,
        event_id: EventId,
        step: Step,
        *,
        revel_id: str | None,
        facts: Mapping[str, str],
    ) -> None:
        """Stores Revel's answer to a step of the claimed plan; that of the order step gives the order its id.

        The answer to a step that had to be written again replaces the earlier one, and the audit keeps both.
        `facts` must be free of customer data.
        """
        with self._changing(run_id) as change:
            orders.record(change, event_id, step, revel_id, facts)

    def mark_sent(self, run_id: str, event_id: EventId, step: Step) -> None:
        """The step is about to be sent: until it is answered nobody knows whether it was applied."""
        with self._changing(run_id) as change:
            orders.mark_sent(change, event_id, step)

    def note_not_applied(self, run_id: str, event_id: EventId, step: Step) -> None:
        """The step was not sent after all, or was refused: it is surely not applied."""
        with self._changing(run_id) as change:
            orders.note_not_applied(change, event_id, step)

    def miss(self, run_id: str, event_id: EventId, steps: Iterable[Step]) -> None:
        """Revel acknowledged or showed these steps, and doesn't show them: their outcome isn't known any more."""
        with self._changing(run_id) as change:
            orders.miss(change, event_id, steps)

    def correct_clock(self, run_id: str, event_id: EventId) -> None:
        """What was sent in the future, by a clock that was fast, counts from now on."""
        with self._changing(run_id) as change:
            orders.correct_clock(change, event_id)

    def settle(self, run_id: str, event_id: EventId, order_id: OrderId, digest: str | None) -> None:
        """Revel showed the order complete. `digest` is the content hash of the event it was made of.

        Also without a claim (the ledger was lost) and after a dispute; ClaimConflict for a foreign order.
        """
        with self._changing(run_id) as change:
            outbox.post_injected(change, event_id, order_id, self.occasions)
            orders.settle(change, event_id, order_id, digest)

    def dispute(self, run_id: str, event_id: EventId, order_id: OrderId | None, finding: Hold) -> None:
        """What Revel holds isn't the plan: a person must look. `finding` says why, without customer data."""
        with self._changing(run_id) as change:
            orders.dispute(change, event_id, order_id, finding)

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
        trouble: str | None = None,
        keeps_trouble: bool = False,
        content: str | None = None,
    ) -> None:
        """After a drift was reported: what the event is compared with next time. The claimed plan stays as it is.

        `trouble` is why it can't be planned now; of it a hash is kept. `keeps_trouble`: that is as it was.
        `content` is the hash of what the event was like.
        """
        with self._changing(run_id) as change:
            orders.remember(change, event_id, digest, plan, cancelled, trouble, keeps_trouble=keeps_trouble)
            if content:
                changes.note_seen(change, event_id, content)

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
        seen = EventResult(event_id, day, status, reason, text, digest, missed)
        return event_id in self.see_many(run_id, [seen])

    def see_many(self, run_id: str, seen: Iterable[EventResult]) -> frozenset[EventId]:
        """`see` for all events of a run in one transaction; gives those that are new or changed.

        `seen` is drawn inside the transaction: have it ready.
        """
        with self._changing(run_id) as change:
            told = tuple(seen)
            before = events.find_results(change.connection, [one.event_id for one in told])
            fresh = frozenset(one.event_id for one in told if events.put_result(change, one))
            outbox.post_seen(change, told, before, fresh, self.occasions)
            for one in told:
                if one.news and one.reason in changes.REPORTED_CHANGES:
                    changes.put(change, one.event_id, one.reason)
            return fresh

    def see_dry(self, run_id: str, seen: Iterable[EventResult]) -> frozenset[EventId]:
        """What a dry run made of these events, kept apart; those of which that is news, to live runs as well."""
        with self._changing(run_id) as change:
            return events.put_dry_results(change, tuple(seen))

    def sightings(self, event_ids: Iterable[EventId]) -> dict[EventId, LastResult]:
        """What was last made of these events, as far as they were ever seen."""
        with self.reading() as connection:
            return events.find_results(connection, event_ids)

    def count_unsettled(self, first: date, last: date) -> int:
        """Events of these days (both included) that were waiting or in trouble when last seen, and have no order.

        That is: held, failed, planned, TOO_EARLY, RUN_LIMIT_REACHED or CONNECTOR_DISABLED. If there are some, an empty
        listing is suspect.
        """
        with self.reading() as connection:
            return events.count_unsettled(connection, first, last)

    def unsettled(self, first: date, last: date, today: date) -> tuple[EventId, ...]:
        """Those events, the most urgent first: of the days nearest to `today`, and not seen for longest."""
        with self.reading() as connection:
            return events.find_unsettled(connection, first, last, today)

    def snapshot(self, event_id: EventId) -> Event | None:
        """The copy of an event that was held or failed when last seen, without customer data; None if there is none."""
        with self.reading() as connection:
            return events.find_snapshot(connection, event_id)

    def retryable(self) -> tuple[EventId, ...]:
        """The events that were held or failed when last seen, by their days."""
        with self.reading() as connection:
            return events.retryable(connection)

    def unsuccessful_in(self, run: str) -> tuple[EventId, ...] | None:
        """The events that this run (its id or correlation id) held or failed; None if there was no such run."""
        with self.reading() as connection:
            return events.unsuccessful_in(connection, run)

    def standing(self, event_id: EventId) -> EventStatus | None:
        """How the event stood when a run last saw it; None if none ever did."""
        with self.reading() as connection:
            return queries.standing_of(connection, event_id)

    # Resolutions

    def resolve(self, event_id: EventId, verdict: Verdict, note: str, order_id: OrderId | None) -> None:
        """Stores a person's word on an event: runs leave it alone from now on. `note` must be free of customer data."""
        with self._changing(None) as change:
            events.put_resolution(change, event_id, verdict, note, order_id)
            changes.drop(change, event_id)

    def reopen(self, event_id: EventId, note: str) -> bool:
        """Takes that word back; False if there was none."""
        with self._changing(None) as change:
            return events.drop_resolution(change, event_id, note)

    def resolutions(self, event_ids: Iterable[EventId]) -> dict[EventId, Resolution]:
        """What a person settled of these events, as far as anything was."""
        with self.reading() as connection:
            return events.find_resolutions(connection, event_ids)

    def note_change(self, run_id: str, event_id: EventId, digest: str) -> None:
        """After a change of a resolved event was told: the content hash that it is compared with next time."""
        with self._changing(run_id) as change:
            events.note_change(change, event_id, digest)

    # Finished orders as Revel shows them

    def settled_between(self, first: date, last: date) -> tuple[OrderRecord, ...]:
        """Our finished orders for events of these days (both included), the latest day first."""
        with self.reading() as connection:
            near = changes.find_settled_between(connection, first, last)
            found = orders.find(connection, near)
            return tuple(found[event_id] for event_id in near)

    def shown_orders(self, event_ids: Iterable[EventId]) -> dict[EventId, dict[str, str]]:
        """What Revel last showed of the finished orders that a station has changed."""
        with self.reading() as connection:
            return changes.find_shown(connection, event_ids)

    def note_shown(
        self, run_id: str, event_id: EventId, shown: Mapping[str, str], report: StationReport | None
    ) -> None:
        """Revel shows a finished order like this now, and this was reported of it, if anything was."""
        with self._changing(run_id) as change:
            changes.note_shown(change, event_id, shown, report)

    # What finished orders were made of

    def contents_of(self, event_ids: Iterable[EventId]) -> dict[EventId, ContentHashes]:
        """The content hashes of these events, as far as they are known."""
        with self.reading() as connection:
            return changes.find_contents(connection, event_ids)

    def note_made(self, run_id: str, event_id: EventId, content: str) -> None:
        """The order is about to be made of the event with this content (`hash_of_content`)."""
        with self._changing(run_id) as change:
            changes.note_made(change, event_id, content)

    # Catalogues

    def recent_catalog(self, establishment: EstablishmentId, longest: timedelta) -> Catalogue | None:
        """The establishment's products as kept less than `longest` ago; None if there is no such copy."""
        with self.reading() as connection:
            return catalogues.find_young(connection, establishment, self._clock(), longest)

    def keep_catalogue(self, catalogue: Catalogue) -> None:
        """Stores what Revel has just listed, in place of the copy before."""
        with self._changing(None) as change:
            catalogues.keep(change, catalogue)

    def drop_catalogue(self, establishment: EstablishmentId) -> None:
        """Forgets the copy of the establishment's products."""
        with self._changing(None) as change:
            catalogues.drop(change, establishment)

    # The pause

    def pause(self, reason: str) -> Pause | None:
        """From now on no run does anything. An earlier pause stands, and is returned. The audit keeps no reason."""
        with self._changing(None) as change:
            return runs.begin_pause(change, reason)

    def resume(self) -> Pause | None:
        """Runs work again; the pause that ended, None if there was none."""
        with self._changing(None) as change:
            return runs.end_pause(change)

    def paused(self) -> Pause | None:
        """The pause; None if there is none."""
        with self.reading() as connection:
            return runs.find_pause(connection)

    def prune(self, before: datetime, older_than: int) -> dict[str, int]:
        """Drops the details of orders settled before `before`, `older_than` days ago: how many rows of each table."""
        with self._changing(None) as change:
            return orders.drop_old_details(change, before, older_than)

    # Webhook deliveries

    def knows_delivery(self, key: DeliveryKey) -> bool:
        """Whether this delivery was dealt with before."""
        with self.reading() as connection:
            return events.knows_delivery(connection, key)

    def note_delivery(
        self, run_id: str | None, key: DeliveryKey, event_id: EventId | None, *, signed: bool, reason: str | None
    ) -> None:
        """The delivery was dealt with in this run (None: it called for none), and isn't to be again."""
        with self._changing(run_id) as change:
            events.note_delivery(change, key, event_id, signed=signed, reason=reason)

    # Audit

    def audit(self, run_id: str | None, kind: AuditKind, event_id: EventId | None = None, **detail: str) -> None:
        """Adds a fact of its own to the audit. `detail` must be free of customer data and secrets."""
        with self._changing(run_id) as change:
            change.audit(kind, event_id, **detail)

    def audit_rows(self, event_id: EventId | None = None, limit: int | None = None) -> tuple[AuditRow, ...]:
        """The last `limit` facts (None: all), of one event or of everything, oldest first."""
        with self.reading() as connection:
            return audit.latest_rows(connection, event_id, limit)

    def verify_chain(self) -> None:
        """Checks every row of the audit. LedgerDamaged names the first that is missing, altered or not ours."""
        with self.reading() as connection:
            audit.verify_all(connection)
