"""The service's only worker: the spool's deliveries in order, the API's jobs, and `sync` at its interval.

It decides when something is done; the commands decide how. Nothing else in this process writes to Revel.
"""

from __future__ import annotations

import logging
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Protocol, TypeVar

from tsrevel.config import Settings
from tsrevel.config.paths import is_there
from tsrevel.engine.deliveries import DeliveryAnswer, understand
from tsrevel.engine.outcomes import RunReport
from tsrevel.errors import DeliveryRefused, Halted, RunLocked, TsrevelError, describe_fault
from tsrevel.webhook.spool import Spool, move_away, read_captured

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""Seconds between checks for deliveries that others left in the spool, and for the end of a pause."""
LOCK_SECONDS = 5.0
"""Seconds between attempts to get the lock while another run holds it."""
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 300.0
"""Seconds before a delivery is tried again. The pause doubles with each attempt."""
LONGEST_OUTAGE_PAUSE = 30.0
"""The most seconds for which a service that seems to be down keeps all deliveries waiting: it may be up again."""
MOST_FAULTS = 10
"""Attempts after which a delivery that is unreadable, or ends in an internal error, is moved to `failed`."""
_PRUNE_SECONDS = 3600.0
_FAULT = 1
_UNREADABLE = 3

Document = dict[str, object]
T = TypeVar("T")


class Commands(Protocol):
    """The worker's commands, each as the command line runs it. All raise TsrevelError."""

    def settings(self) -> Settings:
        """The current settings."""

    def latest_settings(self) -> Settings:
        """The same; the last good ones if these can't be loaded."""

    def why_disabled(self) -> str | None:
        """Why no request may be sent to any service; None if it may."""

    def replay(self, path: Path, to_come: Sequence[DeliveryAnswer]) -> DeliveryAnswer | None:
        """Process one delivery, and move it away unless it must be tried again. None: its file is gone."""

    def sync(self, hours_back: int | None = None) -> RunReport:
        """Run `sync`."""

    def sync_event(self, event_id: str) -> RunReport:
        """Run `sync-event`."""

    def encode(self, report: RunReport) -> Document:
        """The report as --json prints it."""

    def plan(self, body: bytes) -> Document:
        """The result that a delivery would have. Stores and writes nothing."""

    def wind_down(self) -> None:
        """Let the current run finish its order in hand, and begin no other."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often a delivery was tried, and when it is due again (monotonic seconds)."""

    count: int
    due: float


UNTRIED = Attempts(0, 0.0)


class Worker(Thread):
    """Works until `stop`, and finishes the job in hand."""

    def __init__(self, commands: Commands, spool: Spool) -> None:
        super().__init__(name="worker", daemon=True)
        self.commands, self.spool = commands, spool
        self._stopping, self._wake = Event(), Event()
        self._jobs: deque[tuple[Callable[[], Document], Future[Document]]] = deque()
        self._attempts: dict[Path, Attempts] = {}
        self._understood: dict[Path, DeliveryAnswer | None] = {}
        self._planned: set[Path] = set()
        self._waiting: list[Path] = []
        self._failures, self._hold_until = 0, 0.0
        self._deliveries_from = 0.0
        self._unavailable: set[str] = set()  # what failed with a service down since the last run that had an answer
        self._next_look = self._next_sync = self._next_prune = time.monotonic()

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    def stop(self) -> None:
        """Finish the order in hand, then end."""
        self._stopping.set()
        self.commands.wind_down()
        self._wake.set()

    def wake(self) -> None:
        """Check the spool now, because it has something new."""
        self._wake.set()

    def submit(self, job: Callable[[], Document]) -> Future[Document]:
        """Run `job` before the next delivery. Its future raises Halted if the worker ends first."""
        future: Future[Document] = Future()
        self._jobs.append((job, future))
        self._wake.set()
        if self.is_stopping:
            self._refuse_jobs()
        return future

    def run(self) -> None:
        """Work until `stop`. Log each error, and try again after a pause."""
        while not self.is_stopping:
            pause = attempt(self._step)
            if isinstance(pause, RunLocked):
                log.info("waiting for the lock: %s", pause)
                pause = self._hold(LOCK_SECONDS)
            elif isinstance(pause, Exception):
                log.error("%s", pause if isinstance(pause, TsrevelError) else describe_fault(pause))
                self._failures += 1
                pause = self._hold(pause_after(self._failures))
            self._wake.wait(pause)
            self._wake.clear()
        self._refuse_jobs()

    def _step(self) -> float:
        """Do what is due next. Returns the seconds until something else may be due."""
        if self._jobs:
            self._run_job(*self._jobs.popleft())
            return 0
        now = time.monotonic()
        if now < self._hold_until:
            return min(self._hold_until - now, LOOK_SECONDS)
        settings = self.commands.settings()
        every = settings.serve.sync_every_minutes * 60
        if every and now >= self._next_sync:
            self._poll(every)
            return 0
        if now >= self._next_prune:
            self._next_prune = now + _PRUNE_SECONDS
            with suppress(OSError):
                self.spool.prune(datetime.now(UTC))
        if now < self._deliveries_from:
            return min(self._deliveries_from - now, LOOK_SECONDS)
        if not settings.safety.dry_run:
            self._planned.clear()
        if not self._waiting or now >= self._next_look:  # listing a long spool for each delivery would be slow
            self._next_look = now + LOOK_SECONDS
            self._look()
        path = self._choose(now)
        if path is None:
            return LOOK_SECONDS
        if self.commands.why_disabled():
            return self._hold(LOOK_SECONDS)
        self._work_off(path, dry_run=settings.safety.dry_run)
        return 0

    def _poll(self, every: float) -> None:
        """Run `sync`, and leave time for deliveries before the next, even if it takes longer than its interval."""
        began = time.monotonic()
        result = attempt(self.commands.sync)
        ended = time.monotonic()
        if isinstance(result, RunLocked):
            raise result  # it is still due, and no delivery gets the lock either
        if isinstance(result, Exception):
            self._next_sync = ended + min(every / 2, LONGEST_PAUSE)
            raise result
        self._next_sync = max(began + every, ended + every / 2)

    def _run_job(self, job: Callable[[], Document], future: Future[Document]) -> None:
        result = attempt(job)
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)

    def _refuse_jobs(self) -> None:
        while self._jobs:
            self._jobs.popleft()[1].set_exception(Halted("the service is shutting down"))

    def _look(self) -> None:
        """List the waiting deliveries, and drop the data about all others."""
        try:
            self._waiting = self.spool.waiting()
        except OSError as error:
            log.error("the spool can't be read: %s", error.strerror)  # noqa: TRY400
            self._waiting = []
        here = set(self._waiting)
        for memory in (self._attempts, self._understood):
            for gone in memory.keys() - here:
                del memory[gone]
        self._planned &= here

    def _choose(self, now: float) -> Path | None:
        """The delivery that is due and was tried least often; the oldest of these."""
        due = (path for path in self._waiting if path not in self._planned and self._attempts_of(path).due <= now)
        return min(due, key=lambda path: self._attempts_of(path).count, default=None)

    def _attempts_of(self, path: Path) -> Attempts:
        return self._attempts.get(path, UNTRIED)

    def _work_off(self, path: Path, *, dry_run: bool) -> None:
        """Process one delivery. If it is still in the spool afterwards, it is tried again later."""
        others = [self._understand(each) for each in self._waiting if each != path]
        answer = attempt(partial(self.commands.replay, path, [each for each in others if each]))
        if isinstance(answer, TsrevelError):
            raise answer
        if isinstance(answer, Exception):
            log.error("%s: %s", path.stem, describe_fault(answer))
            answer = DeliveryAnswer(ok=True, text="a fault in tsrevel: see the log", exit_status=_FAULT, may_pass=True)
        status = answer.exit_status if answer else 0
        if answer:
            self._judge_services(path, answer)
        if not is_there(path):
            self._waiting.remove(path)
            return
        if dry_run and (answer is None or not answer.may_pass):
            self._planned.add(path)  # it waits for the first live run
            return
        count = self._attempts_of(path).count + 1
        self._attempts[path] = Attempts(count, time.monotonic() + pause_after(count))
        unreadable = answer is not None and not answer.ok and status == _UNREADABLE
        if count >= MOST_FAULTS and (status == _FAULT or unreadable) and not dry_run:
            self._give_up(path, answer.text if answer else "")

    def _judge_services(self, path: Path, answer: DeliveryAnswer) -> None:
        """Keep all deliveries waiting, longer each time, if this answer shows that none would succeed now.

        A single event's failure doesn't show that: TripleSeat may fail for that event only, and for as long as it
        exists.
        """
        if answer.down:
            about = answer.failing or {path.stem}
            others_too = bool(self._unavailable - about)
            self._unavailable |= about
            if others_too:
                self._failures += 1
                self._deliveries_from = time.monotonic() + pause_after(self._failures, LONGEST_OUTAGE_PAUSE)
        elif answer.ended:
            self._unavailable.clear()
            self._failures += 1
            self._deliveries_from = time.monotonic() + pause_after(self._failures)
        elif answer.report:  # without a run no service was asked
            self._unavailable.clear()
            self._failures = 0

    def _give_up(self, path: Path, reason: str) -> None:
        log.error("%s is given up after %d attempts and moved to %s", path.stem, MOST_FAULTS, self.spool.failed)
        try:
            move_away(path, self.spool.failed, reason)
            self._waiting.remove(path)
        except OSError as error:
            log.error("%s can't be moved to %s: %s", path.stem, self.spool.failed, error.strerror)  # noqa: TRY400

    def _understand(self, path: Path) -> DeliveryAnswer | None:
        """The subject of a waiting delivery: a later one about the same event may supersede the one in hand."""
        if path not in self._understood:
            self._understood[path] = None
            with suppress(DeliveryRefused, OSError):
                self._understood[path] = understand(read_captured(path))[1]
        return self._understood[path]

    def _hold(self, seconds: float) -> float:
        self._hold_until = time.monotonic() + seconds
        return min(seconds, LOOK_SECONDS)


def attempt(call: Callable[[], T]) -> T | Exception:
    """The result of `call`, or its error: no error may end the service or block the deliveries behind it."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001 (the caller reports it)
        return error


def pause_after(attempts: int, most: float = LONGEST_PAUSE) -> float:
    """Seconds to wait after that many attempts, with jitter, so that a service that recovers isn't flooded."""
    longest: float = min(FIRST_PAUSE * 2 ** min(attempts - 1, 20), most)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 (nothing secret)
