"""Events whose orders are made: what has changed in TripleSeat since is told once a change, the order left as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from tsrevel.engine.find import Candidate
from tsrevel.engine.report import Outcome, describe, not_written, order_stands
from tsrevel.ledger import ContentHashes, Ledger, OrderRecord, hash_of_content, hash_of_trouble
from tsrevel.planning.changes import describe_changes
from tsrevel.planning.model import Event, EventId, Hold, Location, Plan, Policy, Skip
from tsrevel.planning.money import to_cents
from tsrevel.planning.payments import refunded_of
from tsrevel.planning.reasons import Reason
from tsrevel.planning.screen import find_location, screen_status

_BY_SETTINGS = frozenset({
    Reason.UNMAPPED_ITEMS, Reason.UNKNOWN_CHARGE, Reason.LOCATION_NOT_MAPPED, Reason.ORDER_TOO_LARGE,
    Reason.UNKNOWN_TIMEZONE,
})  # fmt: skip
"""Why an event may not be planned any more though it is as it was."""


@dataclass(slots=True, eq=False, repr=False)
class Drift:
    """Compares events with the orders that were made of them, in one run.

    `contents` are the hashes of what the orders were made of. `whole` and `plan` are `Decider`'s, as are `overtime` and
    `after_report`. Raises what `whole` and `plan` raise.
    """

    ledger: Ledger
    policy: Policy
    run_id: str
    contents: Mapping[EventId, ContentHashes]
    dry_run: bool
    whole: Callable[[Candidate], Event]
    plan: Callable[[Event, Location], Plan | Hold]
    overtime: Callable[[], str | None]
    after_report: Callable[[Callable[[], None]], None]

    def revisit(self, candidate: Candidate, record: OrderRecord) -> Outcome:
        """Skipped, unless the event has changed since: reported once a change, the order left as it is."""
        event = candidate.event
        about = replace(describe(event, find_location(event, self.policy)), order_id=record.order_id)
        if record.state == "foreign":
            done = replace(about, local_id=record.local_id)
            return not_written(
                done, Skip(Reason.ORDER_EXISTS, f"Revel order {record.order_id} was made by someone else")
            )
        known = record.plan  # None: found complete with a new ledger when its day had passed, and not as planned
        done = replace(about, local_id=known.local_id, total=known.final_total) if known else about
        unchanged = candidate.digest is not None and candidate.digest == record.digest
        if unchanged or self.overtime():
            return order_stands(done, record)
        state = screen_status(event, self.policy)
        if known is None and not isinstance(state, Skip):
            return self._revisit_unplanned(done, candidate, record) if state is None else order_stands(done, record)
        cancelled = isinstance(state, Skip)
        full = event if cancelled else self.whole(candidate)
        state = state if cancelled else screen_status(full, self.policy)
        if isinstance(state, Skip):
            return self._cancelled(done, candidate, record, state)
        content = hash_of_content(full)
        now = self._plan_now(full, content, record)
        before = record.seen_plan or known
        changes = self._changes(full, now, record, before) if before and now else []
        self._remember(candidate, plan=now, cancelled=False, content=content)
        if record.cancelled:
            changes.insert(0, _taken_up_again(event))
        if changes:
            text = f"after Revel order {record.order_id} was made: {'; '.join(changes)}"
            return replace(not_written(done, Skip(Reason.CHANGED_AFTER_INJECTION, text)), news=True)
        return order_stands(done, record)

    def _revisit_unplanned(self, done: Outcome, candidate: Candidate, record: OrderRecord) -> Outcome:
        """Skipped: with no plan to compare it to, only a cancellation taken back is told."""
        if not record.cancelled:
            return order_stands(done, record)
        self._remember(candidate, plan=None, cancelled=False)
        text = f"after Revel order {record.order_id} was made: {_taken_up_again(candidate.event)}"
        return replace(not_written(done, Skip(Reason.CHANGED_AFTER_INJECTION, text)), news=True)

    def _plan_now(self, event: Event, content: str, record: OrderRecord) -> Plan | Hold | None:
        """The order as it would be made of the event now; None where nothing of the event changed since last told.

        Then our own mappings and settings may make another order of it: that is no change of the event (DESIGN 4).
        """
        hashes = self.contents.get(event.id) or ContentHashes()
        if content == hashes.made and record.plan:
            return record.plan
        if content == hashes.seen:
            return None
        now = self.plan_anew(event)
        by_settings = isinstance(now, Hold) and now.reason in _BY_SETTINGS and _is_as_made(event, record)
        return None if hashes.made is None and by_settings else now

    def plan_anew(self, event: Event) -> Plan | Hold:
        """The order as it would be made now, wherever the event is now, or why it can't be."""
        location = find_location(event, self.policy)
        if location is None:
            text = f"moved to TripleSeat location {event.location_id}, which has no [[locations]] entry"
            return Hold(Reason.LOCATION_NOT_MAPPED, text)
        now = self.plan(event, location)
        if isinstance(now, Hold):
            return Hold(now.reason, f"it can no longer be planned ({now.reason}: {now.text})")
        return now

    def _changes(self, event: Event, now: Plan | Hold, record: OrderRecord, before: Plan) -> list[str]:
        """What is to be told of the event's state: nothing of what was told when it was last looked at."""
        if isinstance(now, Hold):
            return [] if hash_of_trouble(now.text) == record.seen_trouble else [now.text]
        again = ["it can be planned again"] if record.seen_trouble else []
        return again + describe_changes(before, now, refunded_of(event))

    def _cancelled(self, done: Outcome, candidate: Candidate, record: OrderRecord, state: Skip) -> Outcome:
        self._remember(candidate, plan=None, cancelled=True)
        if record.cancelled:
            return not_written(done, Skip(Reason.ALREADY_INJECTED, f"Revel order {record.order_id}; {state.text}"))
        text = f"{state.text}; Revel order {record.order_id} still stands: void it there if it is not wanted"
        return replace(not_written(done, Skip(Reason.CANCELLED_AFTER_INJECTION, text)), news=True)

    def _remember(
        self, candidate: Candidate, *, plan: Plan | Hold | None, cancelled: bool, content: str | None = None
    ) -> None:
        """Once the report stands: what was told. Without a `plan` nothing was but, perhaps, a cancellation."""
        if self.dry_run:
            return
        remember, event_id = self.ledger.remember, candidate.event.id
        digest = candidate.digest or ""  # of an event that wasn't listed none is known: look when it is next
        trouble = plan.text if isinstance(plan, Hold) else None
        seen = plan if isinstance(plan, Plan) else None
        keeps = plan is None
        self.after_report(
            lambda: remember(
                self.run_id,
                event_id,
                digest=digest,
                plan=seen,
                cancelled=cancelled,
                trouble=trouble,
                keeps_trouble=keeps,
                content=content,
            )
        )


def _taken_up_again(event: Event) -> str:
    return f"it had been cancelled and is {event.status} again: was the order voided meanwhile?"


def _is_as_made(event: Event, record: OrderRecord) -> bool:
    """Whether place, day and total are those of the order: all there is to go by where its content wasn't kept."""
    plan = record.plan
    if plan is None or event.grand_total is None:
        return False
    place = plan.location
    is_there = place.tripleseat_location == event.location_id or place.tripleseat_site == event.site_id
    return is_there and (event.day, to_cents(event.grand_total)) == (plan.day, plan.final_total)
