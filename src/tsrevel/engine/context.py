"""What a run needs (`RunContext`, which never changes) and what changes in the course of it (`RunState`)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import ClassVar, TypeVar

from tsrevel.engine.catalogs import Catalogs
from tsrevel.engine.clocks import ClockCheck
from tsrevel.engine.fetch import FoundEvent
from tsrevel.engine.outcomes import Progress
from tsrevel.errors import StopRun
from tsrevel.ledger import ContentHashes, LastResult, Ledger, OrderRecord, Pause, Resolution, StationReport
from tsrevel.planning.identity import known_local_ids
from tsrevel.planning.model import EstablishmentId, Event, EventId, Location, Plan, Policy
from tsrevel.revel.client import Revel
from tsrevel.transport.deadline import Deadline
from tsrevel.transport.write_gate import WriteGate, WriteScope
from tsrevel.tripleseat.client import TripleSeat

T = TypeVar("T")

LOOK_PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds between looks for the same thing: 30 in all. No lag was ever noted, none is ruled out (facts Revel 6)."""
MOST_FRUITLESS = 3
"""When so many looks of a run have found nothing, later looks use the first two pauses only."""
FRESH = timedelta(minutes=1)
"""How long an answer may be used that was asked for in advance."""


@dataclass(slots=True)
class FailureStreak:
    """How many events or deliveries in a row failed because a service is down: after `LONGEST` the rest would too."""

    LONGEST: ClassVar[int] = 3
    count: int = field(default=0, init=False)

    def add(self, *, down: bool) -> bool:
        """Count one more. Whether that makes the streak so long that no further one is to be tried."""
        self.count = self.count + 1 if down else 0
        return self.count == self.LONGEST


@dataclass(frozen=True, slots=True)
class Environment:
    """What ties a run to the world outside, besides the two services and the ledger. `clock` gives aware instants.

    `new_run_id` names a further run of the same invocation.
    """

    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    new_run_id: Callable[[], str]
    progress: Progress = lambda _done, _of: None


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may do at most. `workers`: establishments at a time. `look_pauses`: seconds, see `poll`.

    `second_look`: the seconds after which each stage of an order is read back once more; 0: it isn't.
    """

    max_orders: int
    deadline: Deadline
    workers: int = 1
    look_pauses: Sequence[float] = LOOK_PAUSES
    second_look: float = 0.0


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """A run's own id, and the one that all runs of its invocation share in logs, mails and audit rows."""

    run_id: str
    correlation_id: str


@dataclass(frozen=True, slots=True)
class RunContext:
    """Everything that a run needs. Nothing in it changes while the run goes on."""

    tripleseat: TripleSeat
    revel: Revel
    ledger: Ledger
    policy: Policy
    gate: WriteGate
    limits: Limits
    environment: Environment
    identity: RunIdentity

    @property
    def run_id(self) -> str:
        """The id of this run."""
        return self.identity.run_id

    @property
    def dry_run(self) -> bool:
        """Whether this run only shows what a live one would write."""
        return self.gate.dry_run

    def now(self) -> datetime:
        """The present instant, aware."""
        return self.environment.clock()

    def moment(self) -> Moment:
        """The present instant by both clocks, for `is_fresh`."""
        return Moment(self.environment.clock(), self.environment.monotonic())

    def is_fresh(self, asked: Moment) -> bool:
        """Whether no more than FRESH has passed since `asked`, by both clocks: one may be set, one may stand still."""
        now = self.moment()
        aged = timedelta(seconds=now.seconds - asked.seconds)
        return timedelta() <= aged < FRESH and timedelta() <= now.instant - asked.instant < FRESH

    def out_of_time(self) -> str | None:
        """Why no further event may be begun; None while there is time."""
        if self.limits.deadline.is_near:
            length = self.limits.deadline.length
            return f"the run's time is up (sync.deadline_minutes: {length}); the next one goes on"
        return None

    def stop_requests(self) -> None:
        """Let no further request go out: the run was interrupted while threads are at work."""
        self.tripleseat.stop()
        self.revel.stop()


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant by the clock, and in seconds of the monotonic clock."""

    instant: datetime
    seconds: float


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger knows of a run's events, read in one go. `is_new`: no run with this ledger ever ended well."""

    orders: Mapping[EventId, OrderRecord] = field(default_factory=dict)
    results: Mapping[EventId, LastResult] = field(default_factory=dict)
    resolutions: Mapping[EventId, Resolution] = field(default_factory=dict)
    contents: Mapping[EventId, ContentHashes] = field(default_factory=dict)
    is_new: bool = False


def read_known(ledger: Ledger, event_ids: Sequence[EventId]) -> Known:
    """All that the ledger knows of these events. Raises LedgerUnusable."""
    with ledger.reading():
        known, contents = ledger.known(event_ids), ledger.orders.contents(event_ids)
        is_new = ledger.runs.last_good() is None
    return Known(known.orders, known.results, known.resolutions, contents, is_new=is_new)


@dataclass(frozen=True, slots=True)
class EventChangeReported:
    """An event was compared with its finished order: what to compare with next time (`ledger.orders.note_drift`)."""

    event_id: EventId
    digest: str
    plan: Plan | None
    cancelled: bool
    trouble: str | None
    keeps_trouble: bool
    content: str | None


@dataclass(frozen=True, slots=True)
class OrderChangeReported:
    """Revel shows a finished order like this now; `report` is what is reported of it, if anything."""

    event_id: EventId
    shown: Mapping[str, str]
    report: StationReport | None


@dataclass(frozen=True, slots=True)
class ResolvedChangeReported:
    """An event that a person resolved has changed since: the digest that it is compared with next time."""

    event_id: EventId
    digest: str


ChangeReport = EventChangeReported | OrderChangeReported | ResolvedChangeReported
"""What is stored once the run's report stands: stored before, a run that dies would keep what it found to itself."""


class OrderBudget:
    """Orders that one run may begin: `most` of them, whatever becomes of each. Threads share it.

    An order is counted from `reserve` on, so that no other event can take its place; `release` gives back what wasn't
    used. Orders taken up again count as well, though nothing keeps them from being finished.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._counted: set[EventId] = set()
        self._reserved: set[EventId] = set()
        self._lock = threading.RLock()

    @property
    def left(self) -> int:
        """How many more may be begun."""
        with self._lock:
            return max(self._most - len(self._counted | self._reserved), 0)

    def refusal(self) -> str | None:
        """Why no further order may be begun; None while one may."""
        return None if self.left else "as many orders were begun as one run may begin; the next one goes on"

    def reserve(self, event_id: EventId) -> str | None:
        """Count the event's order as begun; or why that may not be."""
        with self._lock:
            refusal = self.refusal()
            if refusal is None:
                self._reserved.add(event_id)
            return refusal

    def count(self, event_id: EventId) -> None:
        """The event's order is written to now, or would be in a live run."""
        with self._lock:
            self._counted.add(event_id)

    def release(self, event_id: EventId) -> None:
        """The run is done with the event."""
        with self._lock:
            self._reserved.discard(event_id)


@dataclass(slots=True, eq=False, repr=False)
class RunState:
    """What changes in the course of one run; its threads share it.

    `in_doubt` are the events of this invocation whose writes have an unknown outcome: they aren't tried again in it.
    `found` and `whole` are the events as they were listed and as they were fetched, `absent` those that TripleSeat said
    don't exist. `unlisted` are those known to be due that the listing of `days` lacked. `reports` is stored when the
    run's report stands. `stop`: what ended the run early.
    """

    budget: OrderBudget
    catalogs: Catalogs
    clock_check: ClockCheck
    locks: Mapping[EstablishmentId, threading.Lock]
    in_doubt: set[EventId] = field(default_factory=set)
    found: dict[EventId, FoundEvent] = field(default_factory=dict, init=False)
    whole: dict[EventId, Event] = field(default_factory=dict, init=False)
    reports: list[ChangeReport] = field(default_factory=list, init=False)
    warnings: list[str] = field(default_factory=list, init=False)
    absent: set[EventId] = field(default_factory=set, init=False)
    unlisted: frozenset[EventId] = field(default=frozenset(), init=False)
    days: tuple[date, date] | None = field(default=None, init=False)
    pause: Pause | None = field(default=None, init=False)
    stop: StopRun | None = field(default=None, init=False)
    _fruitless_polls: int = field(default=0, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    @classmethod
    def begin(cls, ctx: RunContext, catalogs: Catalogs | None = None) -> RunState:
        """The state of a run that hasn't done anything yet. `catalogs`: where the ledger's copies aren't to be used."""
        catalogs = catalogs or Catalogs(ctx.revel, ctx.ledger, keep=not ctx.dry_run)
        locks = {each.establishment: threading.Lock() for each in ctx.policy.locations}
        return cls(OrderBudget(ctx.limits.max_orders), catalogs, ClockCheck(ctx.tripleseat, ctx.revel), locks)

    def of_next_run(self) -> RunState:
        """The state of a further run of the same invocation: it has what this one left of the budget."""
        return replace(self, budget=OrderBudget(self.budget.left))

    def read_pause(self, ctx: RunContext) -> Pause | None:
        """The pause of all runs, if a person asked for one; then this run won't count as one that saw every event."""
        with self._lock:
            if self.pause is None:
                self.pause = ctx.ledger.runs.paused()
                if self.pause:
                    ctx.ledger.runs.mark_partial(ctx.run_id)
            return self.pause

    @contextmanager
    def writing_at(self, establishment: EstablishmentId) -> Iterator[None]:
        """Round the writes of one order: at its establishment nothing else is written meanwhile.

        As a rule the worker sees to that; but an event may have been moved since it was listed.
        """
        with self.locks.get(establishment, nullcontext()), self.catalogs.dropped_if_refused(establishment):
            yield

    def poll(self, ctx: RunContext, look: Callable[[], T], settles: Callable[[T], bool]) -> T:
        """Call `look` until `settles` accepts its result or no pause is left, and return the last result.

        Lists may lag, and a late write may still be under way (facts Revel 6).
        """
        found = look()
        if settles(found):
            return found
        pauses = ctx.limits.look_pauses
        for pause in pauses[:2] if self._fruitless_polls >= MOST_FRUITLESS else pauses:
            if not wait(ctx, pause):
                break
            found = look()
            if settles(found):
                return found
        self._fruitless_polls += 1
        return found


def wait(ctx: RunContext, seconds: float) -> bool:
    """Sleep and return True. Return False at once if the sleep would pass the run's deadline."""
    if seconds >= ctx.limits.deadline.remaining():
        return False
    ctx.environment.sleep(seconds)
    return True


def order_names(ctx: RunContext, plan: Plan) -> tuple[str, ...]:
    """Every `local_id` under which the plan's order may be found, though the settings have changed since."""
    return tuple(dict.fromkeys((plan.local_id, *known_local_ids(ctx.policy, plan.event_id))))


def scope_of(location: Location) -> WriteScope:
    """By what the write gate judges a write for that location."""
    return WriteScope(location.tripleseat_location, location.tripleseat_site)
