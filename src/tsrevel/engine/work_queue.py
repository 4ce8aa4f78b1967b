"""The order of a run's work: first the possible orders, of these first the one whose service starts soonest.

No two threads work at one establishment at the same time. A slow establishment waits until the others are done. One
that keeps failing is set aside for the rest of the run. So neither starves the others, and the events that a run leaves
for the next one start later than those that it handled.
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
from tsrevel.engine.fetch import DueEvent, FoundEvent, ResolvedEvent, VanishedEvent
from tsrevel.engine.find import WorkItem, id_of
from tsrevel.engine.outcomes import NOT_TRIED, Outcome
from tsrevel.engine.prepare import BATCH
from tsrevel.engine.triage import Leave, Prepare, Recover, Task, TriageRules, triage
from tsrevel.errors import ServiceDown
from tsrevel.ledger import KnownEvents, LastResult, OrderRecord, hash_of_details
from tsrevel.planning.model import EstablishmentId, Event, Location, Policy
from tsrevel.planning.reasons import Reason, Status
from tsrevel.planning.screening import event_day, find_location, find_named, find_zone

SLOW = 60.0
"""Seconds for one event, times `workers`, which share the request rate. An order takes about five."""
_SOMETIME = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """One event in the queue. `number` is its position in the listing; `starts` is when its service starts.

    `establishment` is the one that may be written to for it. None if unknown or more than one: the event is then
    handled while no other is. `writes`: it may become an order. Such events come first. `failed`: it was tried in the
    last run, and a service failed. Such events come last, so that they don't keep the others waiting in each run.
    `expected` is what triage said when the entry was made; `decide` asks again, because its gate may have opened or
    closed since.
    """

    number: int
    item: WorkItem
    expected: Task | None
    establishment: EstablishmentId | None
    starts: datetime
    writes: bool
    failed: bool

    @property
    def needs_requests(self) -> bool:
        """Whether a service must be asked before its outcome is known."""
        return not isinstance(self.item, Outcome) and not isinstance(self.expected, Leave)


def make_entry(ctx: RunContext, known: KnownEvents, rules: TriageRules, number: int, item: WorkItem) -> QueueEntry:
    """The event with what triage says now, its establishment and its urgency."""
    try:
        expected = triage(item, known, rules, ctx.now()) if isinstance(item, FoundEvent) else None
        reads = VanishedEvent | ResolvedEvent | Outcome
        writes = isinstance(expected, Prepare | Recover) if expected else not isinstance(item, reads)
        at, starts = _establishment(ctx.policy, known, item), _starts(ctx.policy, item)
    except Exception:  # noqa: BLE001 (`decide` raises it again, for this event alone)
        return QueueEntry(number, item, None, None, _SOMETIME, writes=False, failed=True)
    return QueueEntry(number, item, expected, at, starts, writes, _has_failed(known.results.get(id_of(item))))


def _has_failed(last: LastResult | None) -> bool:
    if last is None or (last.status, last.reason) != (Status.FAILED, Reason.UPSTREAM_UNAVAILABLE):
        return False
    return last.details_hash != hash_of_details(NOT_TRIED)


class WorkQueue:
    """The waiting entries, shared by a run's threads: `take` some, and call `end` for each."""

    def __init__(self, entries: Iterable[QueueEntry], budget: OrderBudget, most_workers: int) -> None:
        self.set_aside: dict[EstablishmentId | None, ServiceDown] = {}
        """The establishments that are left to the next run, each with the reason."""
        self._budget = budget
        self._waiting: dict[EstablishmentId | None, deque[QueueEntry]] = {}
        self._in_hand: Counter[EstablishmentId | None] = Counter()
        self._writes_in_hand = 0
        self._slow: set[EstablishmentId | None] = set()
        self._failures = _Failures()
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
        """Record a entry's outcome and duration. Returns the reason to end the run, if a service seems to be down."""
        with self._changed:
            self._let_go(entry)
            if seconds > SLOW * self.workers:
                self._slow.add(entry.establishment)
            if outcome is None or not self._failures.add(entry.establishment, down=outcome.down):
                return None
            down = ServiceDown(f"{FailureStreak.LONGEST} events in a row failed: {outcome.text}")
            if self._failures.everywhere or not (self._waiting.keys() | self._in_hand.keys()) - {entry.establishment}:
                return down
            self.set_aside[entry.establishment] = down
            self._waiting.pop(entry.establishment, None)
        return None

    def go_on_with(self, entries: list[QueueEntry]) -> list[QueueEntry]:
        """The worker's remaining entries that it continues with. The others wait again, or are left to the next run.

        Empty if a waiting entry is more urgent by now, because an establishment proved slow or is free again.
        """
        with self._changed:
            entries = sorted(entries, key=self._urgency)
            kept = [each for each in entries if each.establishment not in self.set_aside]
            if kept and any(self._urgency(each) < self._urgency(kept[0]) for each in islice(self._in_order(), 1)):
                kept = []
            for entry in reversed(entries):
                if entry not in kept:
                    self._let_go(entry)
                    if entry.establishment not in self.set_aside:
                        self._waiting.setdefault(entry.establishment, deque()).appendleft(entry)
            return kept

    def close(self) -> None:
        """Hand out no more entries."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _urgency(self, entry: QueueEntry) -> tuple[bool, bool, bool, datetime, int, int]:
        """The sort key: the lowest is done first. Events that start together are grouped by establishment."""
        at = entry.establishment
        return at in self._slow, entry.failed, not entry.writes, entry.starts, -1 if at is None else at, entry.number

    def _choose(self) -> list[QueueEntry]:
        """The entries to hand out next; none while the most urgent one must wait for those in progress."""
        if None in self._in_hand:
            return []
        self._is_full = self._is_full or not (self._budget.left or self._writes_in_hand)
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
        if self._is_full or not entry.writes:  # without any room, each entry is only reported
            return True
        busy = (each for establishment in self._in_hand for each in self._waiting.get(establishment, ()))
        ahead = sum(each.writes and self._urgency(each) < self._urgency(entry) for each in busy)
        return self._writes_in_hand + len(chosen) + ahead < self._budget.left

    def _remove(self, entry: QueueEntry) -> None:
        entries = self._waiting[entry.establishment]
        entries.popleft()
        if not entries:
            del self._waiting[entry.establishment]
        self._in_hand[entry.establishment] += 1
        self._writes_in_hand += entry.writes

    def _let_go(self, entry: QueueEntry) -> None:
        self._in_hand[entry.establishment] -= 1
        if not self._in_hand[entry.establishment]:
            del self._in_hand[entry.establishment]
        self._writes_in_hand -= entry.writes
        self._changed.notify_all()


@dataclass(slots=True)
class _Failures:
    """Failures in a row, at each establishment and in the whole run."""

    at: defaultdict[EstablishmentId | None, FailureStreak] = field(default_factory=lambda: defaultdict(FailureStreak))
    latest: list[EstablishmentId | None] = field(default_factory=list)

    def add(self, establishment: EstablishmentId | None, *, down: bool) -> bool:
        """Count one more outcome. Returns whether the establishment or the run has failed too often in a row."""
        streak = self.at[establishment]
        streak.add(down=down)
        if not down:
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
        case DueEvent(last) | ResolvedEvent(last):
            named = find_named(last.location, policy)
            return named.establishment if named else None
        case OrderRecord(plan=plan) | VanishedEvent(record=OrderRecord(plan=plan)) if plan:
            return plan.location.establishment
    return None


def _starts(policy: Policy, item: WorkItem) -> datetime:
    """The start of the event's service; if only its day is known, the start of that day."""
    match item:
        case FoundEvent(event):
            return _service_start(event, find_location(event, policy), policy)
        case DueEvent(last):
            return _midnight(last.day, find_zone(policy.default_timezone))
        case OrderRecord(plan=plan) | VanishedEvent(record=OrderRecord(plan=plan)) if plan:
            return _midnight(plan.day, find_zone(plan.location.timezone))
    return _SOMETIME


def _service_start(event: Event, location: Location | None, policy: Policy) -> datetime:
    zone = find_zone(location.timezone if location else policy.default_timezone)
    day, start = event_day(event, zone), event.starts_at
    midnight = _midnight(day, zone)
    if start and midnight <= start < midnight + timedelta(days=2):  # a start far from the event's day is wrong
        return start
    return midnight


def _midnight(day: date | None, zone: ZoneInfo | None) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone or UTC).astimezone(UTC) if day else _SOMETIME
