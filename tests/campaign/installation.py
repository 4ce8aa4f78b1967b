"""One installation of tsrevel, its two services on loopback behind a door that strikes, and what must hold there."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from tsrevel.ledger import Ledger, OrderRecord
from tsrevel.planning.model import EventId
from tsrevel.sandbox import ConnectionCut, serve

from ..forks import PATIENCE, Forks, Ran, Run
from ..world import World

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

KINDS = ("before", "cut", "after", "answered", "slow", "commit", "time")
"""When a run is struck: see `Instant`."""
UNSEEN = {"commit", "time"}
"""The kinds that are no request's."""
GLANCE = 0.0003
"""Seconds between two looks at the ledger's log; more and more while nothing happens."""
Strike = Callable[[Run], None]


class Violation(AssertionError):
    """What must hold doesn't."""


@dataclass(frozen=True, slots=True)
class Instant:
    """When to strike: at a run's `number`th request to either service or commit, `delay` in seconds.

    `before`: it has arrived, and is carried out once the client is gone. `cut`: it is lost with the client. `after`: it
    was carried out, the answer is not sent yet. `answered`: `delay` after that, which is when the ledger is written.
    `slow`: it is carried out `delay` after the client is gone. `commit`: the ledger's log was seen to grow just now.
    `time`: `delay` after the start, whatever goes on then.
    """

    kind: str
    number: int = 0
    delay: float = 0.0

    def __str__(self) -> str:
        delay = f" {self.delay * 1000:.1f} ms" if self.delay else ""
        return f"{self.kind} {self.number or ''}{delay}".strip()


@dataclass(frozen=True, slots=True)
class Due:
    """What an event's order has when it is complete, in numbers that were worked out by hand."""

    event_id: int
    items: int
    paid: Decimal
    discount: Decimal = Decimal(0)


DUE = {"full": Due(64000001, 5, Decimal("200.00"), Decimal("9.60")), "paid": Due(64000002, 3, Decimal("254.80"))}


@dataclass(frozen=True, slots=True)
class Remains:
    """What there is of one order: steps that Revel shows, receipts that the ledger has of them."""

    steps: int
    receipts: int
    claimed: bool
    finished: bool = False
    complete: bool = False

    @property
    def at_revel(self) -> str:
        """In words, how far it came."""
        if self.complete:
            return "complete"
        if self.finished:
            return "finished, but for its history"
        return "nothing" if not self.steps else "the order alone" if self.steps == 1 else "some of its parts"

    @property
    def in_ledger(self) -> str:
        """In words, what the ledger knows of it."""
        if not self.claimed:
            return "nothing"
        return "a step too few" if self.receipts < self.steps else "every step" if self.steps else "the claim alone"


class Door:
    """Stands before both services, counts the requests of a run, and strikes at the one it was armed for."""

    def __init__(self) -> None:
        self.count = 0
        self._busy = 0
        self._change = threading.Condition()
        self._armed: tuple[Instant, Callable[[], object]] | None = None

    def arm(self, instant: Instant, strike: Callable[[], object]) -> None:
        """Count from 0 again, and call `strike` once, at that instant."""
        with self._change:
            self.count, self._armed = 0, (instant, strike)

    def disarm(self) -> bool:
        """Strike no more. True where the instant never came."""
        with self._change:
            never, self._armed = self._armed is not None, None
            return never

    def wait_idle(self) -> None:
        """Return when no request is being carried out any more."""
        with self._change:
            self._change.wait_for(lambda: self._busy == 0, PATIENCE)

    def guard(self, app: WSGIApplication) -> WSGIApplication:
        """The same service behind this door."""

        def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            instant, strike = self._enter()
            try:
                if instant is None:
                    return app(environ, start_response)
                return _answer(instant, strike, lambda: app(environ, start_response))
            finally:
                self._leave()

        return answer

    def _enter(self) -> tuple[Instant | None, Callable[[], object]]:
        with self._change:
            self._busy += 1
            self.count += 1
            if self._armed is None or self._armed[0].number != self.count:
                return None, lambda: None
            due, self._armed = self._armed, None
            return due

    def _leave(self) -> None:
        with self._change:
            self._busy -= 1
            self._change.notify_all()


def _answer(instant: Instant, strike: Callable[[], object], work: Callable[[], Iterable[bytes]]) -> Iterable[bytes]:
    """Strike before or after the work, as the instant says."""
    if instant.kind == "answered":
        answer = work()
        threading.Timer(instant.delay, strike).start()
        return answer
    if instant.kind == "after":
        answer = work()
        strike()
        return answer
    strike()
    if instant.kind == "cut":
        raise ConnectionCut("lost with its client")
    if instant.kind == "slow":
        time.sleep(instant.delay)
    return work()


@dataclass(slots=True)
class Installation:
    """Settings, ledger and services of one case; `story` tells what was done to it, for the violations."""

    world: World
    door: Door
    forks: Forks
    stories: tuple[str, ...]
    story: list[str] = field(default_factory=list)

    def start(self, *, fresh: bool = False) -> Run:
        """A `tsrevel sync` at work."""
        return self.forks.start("sync", "--config", str(self.world.folder / "config.toml"), "--json", fresh=fresh)

    def strike(self, instant: Instant, number: int, *, fresh: bool = False) -> tuple[Ran, bool]:
        """A run that gets the signal at that instant: how it ended, and whether the instant ever came."""
        return self.strike_with(instant, lambda run: run.send(number), fresh=fresh)

    def strike_with(self, instant: Instant, strike: Strike, *, fresh: bool = False) -> tuple[Ran, bool]:
        """The same for a run to which `strike` is done, in another thread."""
        self.say(str(instant))
        target: Future[Run] = Future()
        if instant.kind not in UNSEEN:
            self.door.arm(instant, lambda: strike(target.result(PATIENCE)))
        run = self.start(fresh=fresh)
        target.set_result(run)
        if instant.kind in UNSEEN:
            came = self._await(instant, run)
            if came:
                strike(run)
            return run.wait(), came
        ran = run.wait()
        return ran, not self.door.disarm()

    def _await(self, instant: Instant, run: Run) -> bool:
        """Return True at an instant that is no request's, False where the run ends before."""
        if instant.kind == "time":
            return not run.ends_within(instant.delay)
        log = self.world.folder / "ledger.sqlite3-wal"
        size, left, pause = _size_of(log), instant.number, GLANCE
        while left and not run.ends_within(pause):
            before, size = size, _size_of(log)
            left -= size > before
            pause = GLANCE if size > before else min(pause * 1.1, 20 * GLANCE)
        return left == 0

    def say(self, what: str) -> None:
        """Add to the story."""
        self.story.append(what)

    def expect(self, holds: bool, otherwise: str) -> None:
        """Raise a Violation unless it holds."""
        if not holds:
            raise Violation(otherwise)

    def is_complete(self) -> bool:
        """Whether every due event has exactly one order, complete and to the cent, and the ledger knows."""
        records = self._read_ledger()
        settled = all((record := records.get(due.event_id)) and record.state == "settled" for due in self._due)
        return settled and not any(self.world.flaws(due.event_id) for due in self._due)

    def pass_doubt(self) -> None:
        """As if a quarter of an hour had passed: what was sent and isn't there isn't coming any more."""
        with closing(sqlite3.connect(self.world.folder / "ledger.sqlite3")) as database, database:
            database.execute(
                "UPDATE steps SET sent_at = strftime('%Y-%m-%dT%H:%M:%f', sent_at, '-15 minutes') || '000+00:00'"
                " WHERE sent_at IS NOT NULL"
            )

    def check(self) -> Remains:
        """What is there. Raises a Violation where something that must always hold doesn't."""
        records = self._read_ledger()
        left = [self._check_event(due, records.get(due.event_id)) for due in self._due]
        strangers = len(self.world.revel.orders) - sum(len(self.world.orders_of(due.event_id)) for due in self._due)
        self.expect(strangers == 0, f"{strangers} orders of no event")
        unfinished = [each for each in left if each.steps and not each.complete]
        return max(unfinished or left, key=lambda each: each.steps)

    @property
    def _due(self) -> list[Due]:
        return [DUE[story] for story in self.stories]

    def _check_event(self, due: Due, record: OrderRecord | None) -> Remains:
        orders, event = self.world.orders_of(due.event_id), due.event_id
        self.expect(len(orders) <= 1, f"event {event} has {len(orders)} orders")
        receipts = len(record.receipts) if record else 0
        if not orders:
            self.expect(record is None or record.state == "claimed", f"event {event} is settled without an order")
            self.expect(receipts == 0, f"event {event} has receipts of nothing")
            return Remains(0, 0, claimed=record is not None)
        order = orders[0]
        items, payments = self.world.revel.items_of(order["id"]), self.world.revel.payments_of(order["id"])
        discounts, flaws = order["applied_discounts"], set(self.world.flaws(event))
        steps = 1 + len(items) + len(discounts) + len(payments) + order["printed"] + order["has_history"]
        checks = {
            "it was never claimed": record is not None,
            "it is disputed": record is None or record.state in {"claimed", "settled"},
            "an item twice": len({each["product"] for each in items}) == len(items) <= due.items,
            "a uuid twice": len({each["uuid"] for each in [*items, *payments]}) == len(items) + len(payments),
            "a payment twice": len(payments) <= 1,
            "more paid than was": sum(Decimal(each["amount"]) for each in payments) <= due.paid,
            "a discount twice": len(discounts) <= 1,
            "another discount": (order["discount_amount"] or 0) in {Decimal(0), due.discount},
            "finished, and wrong": not order["printed"] or (flaws <= {"history"} and len(items) == due.items),
            "in the history, and wrong": not order["has_history"] or not flaws,
            "settled, and wrong": record is None or record.state != "settled" or not flaws,
            "more receipts than steps": receipts <= steps,
        }
        for what, holds in checks.items():
            self.expect(holds, f"event {event}: {what}; {steps} steps, {receipts} receipts, wrong {sorted(flaws)}")
        return Remains(steps, receipts, claimed=True, finished=order["printed"], complete=not flaws)

    def _read_ledger(self) -> dict[int, OrderRecord]:
        """What the ledger knows, once it proved sound. Looked at in a copy: what a run left is left to the next run."""
        path = self.world.folder / "ledger.sqlite3"
        if not path.exists():
            return {}
        scratch = self.world.folder / "copy"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        for part in self.world.folder.glob("ledger.sqlite3*"):
            if not part.name.endswith("-shm"):
                shutil.copy(part, scratch)
        with closing(sqlite3.connect(scratch / path.name)) as database:
            found = database.execute("PRAGMA integrity_check").fetchall()
        self.expect(found == [("ok",)], f"the ledger is damaged: {found}")
        with Ledger.open(scratch / path.name, environment="sandbox", clock=lambda: datetime.now(UTC)) as ledger:
            ledger.audit.verify()
            records = ledger.orders.find([EventId(str(due.event_id)) for due in self._due])
        return {int(event): record for event, record in records.items()}


@contextmanager
def open_installation(folder: Path, stories: tuple[str, ...], forks: Forks) -> Iterator[Installation]:
    """An installation that serves these stories of the sample day; its gate stays open a day longer, for midnight."""
    folder.mkdir(parents=True)
    world = World(folder, *stories, now=datetime.now(UTC).replace(minute=0, second=0, microsecond=0))
    world.config["time_gate"] = {"days_after": 1}
    world.config["sync"] = {"workers": 4}  # threads as well, at one establishment and at several
    door = Door()
    with ExitStack() as stack:
        for name, app in (("tripleseat", world.tripleseat), ("revel", world.revel)):
            server = stack.enter_context(serve(door.guard(app)))
            world.config[name] |= {"base_url": server.url, "requests_per_second": 1000}
        world.write_config()
        yield Installation(world, door, forks, stories)
        door.wait_idle()


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
