"""The order of a run's work, and when it stops trying.

1. Orders begun come first: a part of them stands in Revel. They exist, so they take no slot of the order limit.
2. Then the other possible orders, the one whose service starts soonest first; then what is only read.
3. Last come the events that failed when a run last tried them, whatever the reason, those tried longest ago first. An
   event that the run's own limits left out hasn't failed.
4. Three failures in a row with a service set the establishment aside for the rest of the run; several establishments in
   turn, or the only one, end the run. An event that fails again may be at fault itself: three of those in a row set
   only such events aside.
5. A slow establishment waits until the others are done, and so does one where a service refused our credentials.

So no event keeps others from their orders, run after run, and the events that a run leaves for the next one start later
than those that it handled. No two threads work at one establishment at the same time. `outcomes.exit_status` has the
rule for exit status 13.
"""

from __future__ import annotations

import heapq
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from tsrevel.engine.context import FailureStreak, OrderBudget, RunContext
from tsrevel.engine.fetch import FoundEvent, UnlistedEvent
from tsrevel.engine.find import WorkItem, id_of
from tsrevel.engine.outcomes import NOT_TRIED, Outcome, is_half_written
from tsrevel.engine.prepare import BATCH
from tsrevel.engine.triage import Leave, Prepare, Recover, Task, TriageRules, triage
from tsrevel.errors import ServiceDown
from tsrevel.ledger import KnownEvents, LastResult, OrderRecord, hash_of_details
from tsrevel.planning.model import EstablishmentId, Event, Location, Policy
from tsrevel.planning.reasons import Reason, Status
from tsrevel.planning.screening import event_day, find_location, find_named, find_zone, local_start

SLOW = 60.0
"""Seconds for one event, times `workers`, which share the request rate. An order takes about five."""
_SOMETIME, _NEVER = datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """One event in the queue. `number` is its position in the listing; `starts` is when its service starts.

    `establishment` is the one that may be written to for it. None if unknown or more than one: the event is then
    handled while no other is. `writes`: it may become an order, or its order be finished. `failed_at`: when a run last
    tried it, if it failed then. `refused`: a service refused our credentials then. `expected` is what triage said when
    the entry was made; `decide` asks again, because its gate may have opened or closed since.
    """

    number: int
    item: WorkItem
    expected: Task | None
    establishment: EstablishmentId | None
    starts: datetime
    writes: bool
    failed_at: datetime | None = None
    refused: bool = False

    @property
    def failed(self) -> bool:
        """Whether it failed when a run last tried it."""
        return self.failed_at is not None

    @property
    def is_begun(self) -> bool:
        """Whether a part of its order stands in Revel, which a run must finish."""
        record = self.expected.record if isinstance(self.expected, Recover) else self.item
        return isinstance(record, OrderRecord) and is_half_written(record)

    @property
    def needs_slot(self) -> bool:
        """Whether it may become a new order, which the order limit counts."""
        return self.writes and not self.is_begun

    @property
    def needs_requests(self) -> bool:
        """Whether a service must be asked before its outcome is known."""
        return not isinstance(self.item, Outcome) and not isinstance(self.expected, Leave)


def make_entry(ctx: RunContext, known: KnownEvents, rules: TriageRules, number: int, item: WorkItem) -> QueueEntry:
    """The event with what triage says now, its establishment and its urgency."""
    try:
        expected = triage(item, known, rules, ctx.now()) if isinstance(item, FoundEvent) else None
        is_read = isinstance(item, Outcome) or (isinstance(item, UnlistedEvent) and not item.is_due)
        writes = isinstance(expected, Prepare | Recover) if expected else not is_read
        at, starts = _establishment(ctx.policy, known, item), _starts(ctx.policy, item)
    except Exception:  # noqa: BLE001 (`decide` raises it again, for this event alone)
        return QueueEntry(number, item, None, None, _SOMETIME, writes=False, failed_at=_SOMETIME)
    last = known.results.get(id_of(item))
    if last is None or not has_failed(last):
        return QueueEntry(number, item, expected, at, starts, writes)
    refused = last.reason == Reason.AUTHORIZATION_DENIED
    return QueueEntry(number, item, expected, at, starts, writes, last.seen_at, refused)


def has_failed(last: LastResult) -> bool:
    """Whether the event failed when it was last tried. The run's own limits are no failure."""
    is_tried = last.reason != Reason.RUN_LIMIT_REACHED and last.details_hash != hash_of_details(NOT_TRIED)
    return last.status == Status.FAILED and is_tried


class WorkQueue:
    """The waiting entries, shared by a run's threads: `take` some, and call `end` for each."""

    def __init__(self, entries: Iterable[QueueEntry], budget: OrderBudget, most_workers: int) -> None:
        entries = list(entries)
        self._budget = budget
        self._set_aside: dict[tuple[EstablishmentId | None, bool], ServiceDown] = {}
        self._waiting: dict[EstablishmentId | None, deque[QueueEntry]] = {}
        self._in_hand: Counter[EstablishmentId | None] = Counter()
        self._slots_in_hand = 0
        self._waits_for_others = {each.establishment for each in entries if each.refused}
        self._failures = {failed: _Failures() for failed in (True, False)}
        self._is_full = False
        self._closed = False
        self._changed = threading.Condition()
        for entry in sorted(entries, key=self._urgency):
            self._waiting.setdefault(entry.establishment, deque()).append(entry)
        self.workers = max(min(most_workers, len(self._waiting)), 1)
        """The threads that can work at the same time."""
        self._batch = max(min(BATCH, 2 * BATCH // self.workers), 2)  # orders take longer where workers share the rate

    def take(self) -> list[QueueEntry]:
        """The most urgent entries at establishments where no other thread works, few enough to prepare together.

        Waits while there are none. An empty list is the end: nothing is left, or the queue is closed.
        """
        with self._changed:
            while not self._closed and (self._waiting or self._in_hand):
                entries = self._choose()
                if entries:
                    for entry in entries:
                        self._remove(entry)
                    return entries
                self._changed.wait()
        return []

    def end(self, entry: QueueEntry, outcome: Outcome | None, seconds: float) -> ServiceDown | None:
        """Record an entry's outcome and duration. Returns the reason to end the run, if a service seems to be down."""
        with self._changed:
            self._let_go(entry)
            if seconds > SLOW * self.workers:
                self._waits_for_others.add(entry.establishment)
            failures = self._failures[entry.failed]
            if outcome is None or not failures.add(entry.establishment, outcome):
                return None
            down = ServiceDown(f"{FailureStreak.LONGEST} events in a row failed: {outcome.text}")
            here, others = {entry.establishment}, (self._waiting.keys() | self._in_hand.keys()) - {entry.establishment}
            if not entry.failed and (failures.everywhere or not others):
                return down
            for establishment in here | others if failures.everywhere else here:
                self._leave(establishment, down, only_failed=entry.failed)
        return None

    def why_left(self, entry: QueueEntry) -> ServiceDown | None:
        """Why the entry is left to the next run, if it is set aside."""
        return self._set_aside.get((entry.establishment, entry.failed))

    def _leave(self, establishment: EstablishmentId | None, down: ServiceDown, *, only_failed: bool) -> None:
        """Set the establishment aside, or its events that failed before."""
        for failed in {True, only_failed}:
            self._set_aside[establishment, failed] = down
        waiting = deque(each for each in self._waiting.pop(establishment, ()) if not self.why_left(each))
        if waiting:
            self._waiting[establishment] = waiting

    def go_on_with(self, entries: list[QueueEntry]) -> list[QueueEntry]:
        """The worker's remaining entries that it continues with. The others wait again, or are left to the next run.

        Empty if a waiting entry is more urgent by now, because an establishment proved slow or is free again.
        """
        with self._changed:
            entries = sorted(entries, key=self._urgency)
            kept = [each for each in entries if not self.why_left(each)]
            if kept and any(self._urgency(each) < self._urgency(kept[0]) for each in islice(self._in_order(), 1)):
                kept = []
            for entry in reversed(entries):
                if entry not in kept:
                    self._let_go(entry)
                    if not self.why_left(entry):
                        self._waiting.setdefault(entry.establishment, deque()).appendleft(entry)
            return kept

    def close(self) -> None:
        """Hand out no more entries."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _urgency(self, entry: QueueEntry) -> tuple[bool, int, datetime, bool, datetime, int, int]:
        """The sort key: the lowest is done first. Events that start together are grouped by establishment."""
        at, rank = entry.establishment, 0 if entry.is_begun else 1 + entry.failed
        tried, place = entry.failed_at or _NEVER, -1 if at is None else at
        return at in self._waits_for_others, rank, tried, not entry.writes, entry.starts, place, entry.number

    def _choose(self) -> list[QueueEntry]:
        """The entries to hand out next; none while the most urgent one must wait for those in progress."""
        if None in self._in_hand:
            return []
        self._is_full = self._is_full or not (self._budget.left or self._slots_in_hand)
        share = max((len(self._waiting.keys() | self._in_hand.keys())) // self.workers, 1)
        chosen: list[QueueEntry] = []
        for entry in self._in_order():
            if entry.establishment is None:
                return chosen or ([] if self._in_hand else [entry])
            involved = {each.establishment for each in (*chosen, entry)}
            alone = not chosen and not self._in_hand
            if len(chosen) == self._batch or len(involved) > share or not (alone or self._has_room(entry, chosen)):
                break
            chosen.append(entry)
        return chosen

    def _in_order(self) -> Iterator[QueueEntry]:
        free = (entries for establishment, entries in self._waiting.items() if establishment not in self._in_hand)
        return heapq.merge(*free, key=self._urgency)

    def _has_room(self, entry: QueueEntry, chosen: list[QueueEntry]) -> bool:
        """Whether the order limit has room for this entry, for those in progress, and for more urgent ones."""
        if self._is_full or not entry.needs_slot:  # without any room, each entry is only reported
            return True
        busy = (each for establishment in self._in_hand for each in self._waiting.get(establishment, ()))
        ahead = sum(each.needs_slot and self._urgency(each) < self._urgency(entry) for each in busy)
        return self._slots_in_hand + sum(each.needs_slot for each in chosen) + ahead < self._budget.left

    def _remove(self, entry: QueueEntry) -> None:
        entries = self._waiting[entry.establishment]
        entries.popleft()
        if not entries:
            del self._waiting[entry.establishment]
        self._in_hand[entry.establishment] += 1
        self._slots_in_hand += entry.needs_slot

    def _let_go(self, entry: QueueEntry) -> None:
        self._in_hand[entry.establishment] -= 1
        if not self._in_hand[entry.establishment]:
            del self._in_hand[entry.establishment]
        self._slots_in_hand -= entry.needs_slot
        self._changed.notify_all()


@dataclass(slots=True)
class _Failures:
    """Failures in a row, at each establishment and in the whole run. `of_writes`: the latest one was a lost write."""

    at: defaultdict[EstablishmentId | None, FailureStreak] = field(default_factory=lambda: defaultdict(FailureStreak))
    latest: list[EstablishmentId | None] = field(default_factory=list)
    of_writes: bool = False

    def add(self, establishment: EstablishmentId | None, outcome: Outcome) -> bool:
        """Count one more outcome. Returns whether the establishment or the run has failed too often in a row."""
        if self.of_writes and not outcome.down and outcome.status is not Status.INJECTED:
            return False  # a service that answers reads may still take no writes
        streak = self.at[establishment]
        streak.add(down=outcome.down)
        self.of_writes = outcome.down and outcome.reason is Reason.OUTCOME_UNKNOWN
        if not outcome.down:
            self.latest.clear()
            return False
        self.latest.append(establishment)
        return self.everywhere or streak.count >= FailureStreak.LONGEST

    @property
    def everywhere(self) -> bool:
        """Whether the run's latest failures are too many, at several establishments."""
        return len(self.latest) >= FailureStreak.LONGEST and len(set(self.latest)) > 1


def _establishment(policy: Policy, known: KnownEvents, item: WorkItem) -> EstablishmentId | None:
    """The establishment by what is known now. If the event proves to be at another one, `writing_at` makes it wait."""
    match item:
        case FoundEvent(event):
            location, record = find_location(event, policy), known.orders.get(event.id)
            at = location.establishment if location else None
            if record and not record.is_finished:
                return at if record.plan and record.plan.location.establishment == at else None
            return at
        case UnlistedEvent(LastResult() as last):
            named = find_named(last.location, policy)
            return named.establishment if named else None
        case OrderRecord(plan=plan) | UnlistedEvent(OrderRecord(plan=plan)) if plan:
            return plan.location.establishment
    return None


def _starts(policy: Policy, item: WorkItem) -> datetime:
    """The start of the event's service; if only its day is known, the start of that day."""
    match item:
        case FoundEvent(event):
            return _service_start(event, find_location(event, policy), policy)
        case UnlistedEvent(LastResult() as last, is_due=True):
            return _midnight(last.day, find_zone(policy.default_timezone))
        case OrderRecord(plan=plan) | UnlistedEvent(OrderRecord(plan=plan)) if plan:
            return _midnight(plan.day, find_zone(plan.location.timezone))
    return _SOMETIME


def _service_start(event: Event, location: Location | None, policy: Policy) -> datetime:
    zone = find_zone(location.timezone if location else policy.default_timezone)
    day, start = event_day(event, zone), local_start(event, zone)
    midnight = _midnight(day, zone)
    if start and midnight <= start < midnight + timedelta(days=2):  # a start far from the event's day is wrong
        return start
    return midnight


def _midnight(day: date | None, zone: ZoneInfo | None) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone or UTC).astimezone(UTC) if day else _SOMETIME
