"""Everything a run needs and never changes (`RunContext`), and everything that changes in it (`RunState`)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import chain
from typing import ClassVar, TypeVar

from tsrevel.clocks import KEEP_TIME, Moment, Skews, agree_that_it_is_wrong, is_far_off, judge_clock
from tsrevel.engine.catalogs import Catalogs
from tsrevel.engine.fetch import FoundEvent
from tsrevel.engine.outcomes import MOST_FAILURES, Progress
from tsrevel.errors import CredentialsRefused, Refused, ServiceDown, StopRun, TryNextRun, WrongClock
from tsrevel.ledger import EventDrift, Ledger, Pause, StationReport
from tsrevel.planning.model import EstablishmentId, Event, EventId, Plan, Policy
from tsrevel.revel.client import Revel
from tsrevel.transport.client import Deadline
from tsrevel.transport.write_gate import WriteGate
from tsrevel.tripleseat.client import TripleSeat

log = logging.getLogger(__name__)

T = TypeVar("T")

LOOK_PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds between repeated reads: 30 in all. No lag was ever noted, none is ruled out (facts Revel 6)."""
MOST_FRUITLESS = 3
"""After this many fruitless polls in a run, later polls use the first two pauses only."""
FRESH = timedelta(minutes=1)
"""How long an answer that was requested in advance may be used."""


@dataclass(slots=True)
class FailureStreak:
    """Events, deliveries or orders in a row that a service failed at. After `LONGEST` no more are tried."""

    LONGEST: ClassVar[int] = MOST_FAILURES
    count: int = field(default=0, init=False)

    def add(self, *, down: bool) -> bool:
        """Count one more. Returns whether the streak has just reached `LONGEST`."""
        self.count = self.count + 1 if down else 0
        return self.count == self.LONGEST


@dataclass(frozen=True, slots=True)
class System:
    """A run's surroundings: it takes time, sleep, ids and progress from them. `clock` returns aware instants.

    All runs of an invocation share `correlation_id` in logs, mails and audit rows. `new_run_id` returns the id of a
    further one.
    """

    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    new_run_id: Callable[[], str]
    correlation_id: str
    progress: Progress = lambda _done, _of: None


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one run. `workers`: establishments in parallel. `look_pauses`: seconds, see `poll`.

    `second_look`: seconds until each stage of an order is read back a second time; 0: only once.
    """

    max_orders: int
    deadline: Deadline
    workers: int = 1
    look_pauses: Sequence[float] = LOOK_PAUSES
    second_look: float = 0.0


@dataclass(frozen=True, slots=True)
class RunContext:
    """Everything that a run needs. It never changes during the run."""

    tripleseat: TripleSeat
    revel: Revel
    ledger: Ledger
    policy: Policy
    write_gate: WriteGate
    limits: Limits
    system: System
    run_id: str

    @property
    def dry_run(self) -> bool:
        """Whether this run only shows what a live one would write."""
        return self.write_gate.dry_run

    def now(self) -> datetime:
        """The current instant, aware."""
        return self.system.clock()

    def moment(self) -> Moment:
        """The current instant by both clocks, for `is_fresh`."""
        return Moment(self.system.clock(), self.system.monotonic())

    def is_fresh(self, asked: Moment, within: timedelta = FRESH) -> bool:
        """Whether less than `within` has passed since `asked`, by both clocks: one may be set, the other may stop."""
        now = self.moment()
        aged = timedelta(seconds=now.seconds - asked.seconds)
        return timedelta() <= aged < within and timedelta() <= now.instant - asked.instant < within

    def out_of_time(self) -> str | None:
        """Why the run may begin no further event; None while there is time."""
        if self.limits.deadline.is_near:
            minutes = self.limits.deadline.length // timedelta(minutes=1)
            return f"the run's time is up (sync.deadline_minutes: {minutes}); the next run continues"
        return None

    def store_assumptions(self) -> None:
        """Store what requests have shown of the account and the ledger doesn't know, for later runs to go by."""
        observed = self.revel.observed.values()
        known = {each.code: each.result for each in self.ledger.assumptions.answers()} if observed else {}
        if new := [each for each in observed if known.get(each.code) is not each.result]:
            self.ledger.assumptions.store(new)

    def stop_requests(self) -> None:
        """Send no further request: the run was interrupted while threads are at work."""
        self.tripleseat.stop()
        self.revel.stop()


@dataclass(frozen=True, slots=True)
class OrderChangeReported:
    """Revel's current state of a finished order, and the report about it, if any.

    `agrees`: a person changed it to what its changed event asks for, and how; None if it doesn't agree with that.
    """

    event_id: EventId
    shown: Mapping[str, str]
    report: StationReport | None
    agrees: str | None = None


@dataclass(frozen=True, slots=True)
class ResolvedSeen:
    """An event that a person resolved, as it is listed now. The next run compares with `digest`.

    `changed`: it has changed since, and that was reported. If not, its state was unknown when it was resolved.
    """

    event_id: EventId
    digest: str
    changed: bool


@dataclass(frozen=True, slots=True)
class NamedOrdersReported:
    """The report that the orders which a person named for an event no longer stand, or that one stands again."""

    event_id: EventId
    report: StationReport


@dataclass(frozen=True, slots=True)
class TwinGone:
    """Revel shows one order of an event of which an earlier run reported several."""

    event_id: EventId


ChangeReport = EventDrift | OrderChangeReported | ResolvedSeen | NamedOrdersReported | TwinGone
"""Stored after the run's report. If it were stored before, a run that dies would never report it."""


class ChangeReports:
    """The change reports of a run: of each kind at most one for an event, the latest. Threads share them."""

    def __init__(self) -> None:
        self._of: dict[EventId, dict[type[ChangeReport], ChangeReport]] = {}

    def __iter__(self) -> Iterator[ChangeReport]:
        return chain.from_iterable(tuple(each.values()) for each in tuple(self._of.values()))

    def append(self, report: ChangeReport) -> None:
        """Add this one, in place of an earlier one of its kind about the same event."""
        self._of.setdefault(report.event_id, {})[type(report)] = report

    def find_drift(self, event_id: EventId) -> EventDrift | None:
        """The event's comparison with its order; None if there was none."""
        found = self._of.get(event_id, {}).get(EventDrift)
        return found if isinstance(found, EventDrift) else None

    def drop(self, event_id: EventId) -> None:
        """Forget what was reported of the event: a later run reports it once more."""
        self._of.pop(event_id, None)


class OrderBudget:
    """The orders that one run may begin: up to `most`, whatever their outcomes. Threads share it.

    `reserve` counts an order at once, so that no other event takes its slot; `release` frees an unused slot. An order
    that exists already needs none: finishing it makes no further order. `agreed`: only this order may be begun.
    """

    def __init__(self, most: int, agreed: Plan | None = None) -> None:
        self._most = most
        self._agreed = agreed
        self._counted: set[EventId] = set()
        self._reserved: set[EventId] = set()
        self._lock = threading.RLock()

    @property
    def left(self) -> int:
        """How many more orders may be begun."""
        with self._lock:
            return max(self._most - len(self._counted | self._reserved), 0)

    def refusal(self) -> str | None:
        """Why no further order may be begun; None if one may."""
        return None if self.left else "the run's order limit is reached; the next run continues"

    def covers(self, plan: Plan) -> bool:
        """Whether this is the order that was agreed to, if one was."""
        return self._agreed is None or plan == self._agreed

    def reserve(self, event_id: EventId) -> str | None:
        """Count the event's order as begun. Returns why it may not be begun, or None."""
        with self._lock:
            refusal = self.refusal()
            if refusal is None:
                self._reserved.add(event_id)
            return refusal

    def count(self, event_id: EventId) -> None:
        """Count the event's order, because it is written now or would be in a live run."""
        with self._lock:
            self._counted.add(event_id)

    def release(self, event_id: EventId) -> None:
        """Free the event's slot, because the run is done with the event."""
        with self._lock:
            self._reserved.discard(event_id)


class ClockCheck:
    """The check of this machine's clock before a run decides on anything (DESIGN 4, Clocks).

    It usually needs no request, because TripleSeat has answered already.
    """

    def __init__(self, tripleseat: TripleSeat, revel: Revel) -> None:
        self._tripleseat = tripleseat
        self._revel = revel
        self._warned = False

    def check(self) -> None:
        """Raises WrongClock if both services agree that this machine's clock is far off.

        Requests only the time, and only if a service calls our clock wrong, or if none has answered yet. It is asked
        again before that counts: the machine may have slept, with its monotonic clock, since it answered.
        """
        if not self._tripleseat.answered:
            _ask(self._revel)
            if not is_far_off(self._revel.skew):
                return
        elif not is_far_off(self._tripleseat.skew):
            return
        _ask_again(self._tripleseat)
        if not is_far_off(self._tripleseat.skew):
            return
        _ask(self._revel)
        if agree_that_it_is_wrong(self._skews):
            _ask_again(self._revel)
        told = judge_clock(self._skews)
        if told and agree_that_it_is_wrong(self._skews):
            text = f"this machine's clock is wrong: {told.text}. {KEEP_TIME} Nothing is written while it is wrong"
            raise WrongClock(text)
        if told and told.verdict == "wrong" and not self._warned:
            self._warned = True
            log.warning("no two services agree that this machine's clock is wrong, so it is used: %s", told.text)

    @property
    def _skews(self) -> Skews:
        return {"TripleSeat": self._tripleseat.skew, "Revel": self._revel.skew}

    def earliest(self, now: datetime) -> datetime:
        """`now`, or earlier if a service says that this machine's clock is far ahead and the other doesn't contradict.

        Use it to decide whether enough time has passed.
        """
        skews = [skew for skew in self._skews.values() if skew is not None]
        if not skews or not all(map(is_far_off, skews)):
            return now
        return now + timedelta(seconds=min(0.0, *skews))


def _ask(service: TripleSeat | Revel) -> None:
    """Get the service's time, if it hasn't answered yet."""
    if not service.answered:
        _ask_again(service)


def _ask_again(service: TripleSeat | Revel) -> None:
    """Get the service's time. A refusal shows it too."""
    try:
        service.ask_the_time()
    except (CredentialsRefused, Refused, TryNextRun) as error:
        log.info("a request for the time failed: %s", error)


@dataclass(slots=True, eq=False, repr=False)
class RunState:
    """Everything that changes during one run. Its threads share it.

    `in_doubt`: events of this invocation with a write of unknown outcome; they aren't tried again in it. `found` and
    `whole`: events as listed and as fetched. `absent`: events that TripleSeat says don't exist. `unlisted`: events
    known to be due that the listing of `days` lacks. `unknown_orders`: events with an order of ours that another ledger
    made. `lists_nothing`: TripleSeat couldn't list any event. `incomplete`: it couldn't list all of them, which
    ends no run early. `reports`: stored after the run's report. `stop`: what ended the run early.
    """

    budget: OrderBudget
    catalogs: Catalogs
    clock_check: ClockCheck
    locks: Mapping[EstablishmentId, threading.Lock]
    in_doubt: set[EventId] = field(default_factory=set)
    found: dict[EventId, FoundEvent] = field(default_factory=dict, init=False)
    whole: dict[EventId, Event] = field(default_factory=dict, init=False)
    reports: ChangeReports = field(default_factory=ChangeReports, init=False)
    warnings: list[str] = field(default_factory=list, init=False)
    unknown_orders: set[EventId] = field(default_factory=set, init=False)
    absent: set[EventId] = field(default_factory=set, init=False)
    unlisted: frozenset[EventId] = field(default=frozenset(), init=False)
    days: tuple[date, date] | None = field(default=None, init=False)
    lists_nothing: bool = field(default=False, init=False)
    incomplete: ServiceDown | None = field(default=None, init=False)
    pause: Pause | None = field(default=None, init=False)
    stop: StopRun | None = field(default=None, init=False)
    _fruitless_polls: int = field(default=0, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    @classmethod
    def begin(cls, ctx: RunContext, catalogs: Catalogs | None = None) -> RunState:
        """The state of a run that hasn't started. `catalogs` replaces those that use the ledger's copies."""
        catalogs = catalogs or Catalogs(ctx.revel, ctx.ledger, keep=not ctx.dry_run)
        locks = {each.establishment: threading.Lock() for each in ctx.policy.locations}
        return cls(OrderBudget(ctx.limits.max_orders), catalogs, ClockCheck(ctx.tripleseat, ctx.revel), locks)

    def of_next_run(self) -> RunState:
        """The state of a further run of the same invocation, with the rest of this run's order budget."""
        return replace(self, budget=OrderBudget(self.budget.left))

    def read_pause(self, ctx: RunContext) -> Pause | None:
        """The pause of all runs, if a person set one."""
        with self._lock:
            if self.pause is None:
                self.pause = ctx.ledger.runs.paused()
            return self.pause

    @contextmanager
    def writing_at(self, establishment: EstablishmentId) -> Iterator[None]:
        """Let nothing else write at this establishment while the block writes one order.

        The work queue usually ensures that; but an event may have moved since it was listed.
        """
        with self.locks.get(establishment, nullcontext()), self.catalogs.dropped_if_refused(establishment):
            yield

    def poll(self, ctx: RunContext, look: Callable[[], T], settles: Callable[[T], bool]) -> T:
        """Call `look` until `settles` accepts its result or no pause is left, and return the last result.

        Lists may lag, and a late write may still arrive (facts Revel 6).
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
    """Sleep and return True. If the sleep would pass the run's deadline, return False at once."""
    if seconds >= ctx.limits.deadline.remaining():
        return False
    ctx.system.sleep(seconds)
    return True
