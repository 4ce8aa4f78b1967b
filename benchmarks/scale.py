"""How cost grows: a long listing, a big ledger, big catalogues, and a thousand establishments at Revel's own rate."""

from __future__ import annotations

import gc
import heapq
import json
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

import httpx
import tomli_w

from benchmarks.ledgers import EVERY, grow, past_runs
from benchmarks.measure import HELD, Cost, meet, run_command, run_sync
from benchmarks.place import FIRST_EVENT, MENU, TSREVEL, Installation, Seat, Till, install
from benchmarks.report import Goal, print_table, progress, show
from tsrevel.config import load_settings
from tsrevel.engine import workers
from tsrevel.engine.context import RunState
from tsrevel.engine.find import Window
from tsrevel.engine.run import sync
from tsrevel.planning.identity import order_uuid
from tsrevel.planning.model import EventId
from tsrevel.sandbox import Charge, SampleLine, SampleVenue, make_event
from tsrevel.tripleseat.digest import listing_digest
from tsrevel.wiring import Runtime, open_run

DOCUMENTED_RATE = 5.0
"""Requests a second: 300 a minute for a key (facts Revel 1)."""
LATENCY = 0.3
"""Seconds that the pretend Revel and TripleSeat take for an answer on the simulated clock."""
LENGTH = 40
"""A run's deadline in minutes."""
MORNING = datetime(2026, 12, 12, 13, 0, tzinfo=UTC)
LINES = 4
ZONE = "America/Los_Angeles"
POLL, STUCK = 0.001, 2.0
"""Real seconds: how often the simulated clock looks whether anybody works; how long it waits for them at most."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of everything; smaller ones to try it quickly."""

    events: int = 5_000
    orders: int = 100_000
    days: int = 730
    products: int = 35_000
    catalogues: int = 50
    establishments: int = 1_000
    due: int = 3
    workers: tuple[int, ...] = (1, 4, 16)

    def smaller(self, factor: int) -> Sizes:
        """All of it divided."""
        return Sizes(
            max(self.events // factor, 50),
            max(self.orders // factor, 100),
            max(self.days // factor, 10),
            max(self.products // factor, 250),
            max(self.catalogues // factor, 4),
            max(self.establishments // factor, 5),
        )


def measure_scale(factor: int = 1, parts: Sequence[str] | None = None) -> list[Goal]:
    """The tables of these parts, by default of all. `factor`: divide every size by it."""
    sizes = Sizes().smaller(factor) if factor > 1 else Sizes()
    goals = []
    for name, measure in PARTS.items():
        if parts is None or name in parts:
            progress(f"scale: {name}")
            goals += measure(sizes)
    return goals


# A long listing


def measure_listing(sizes: Sizes) -> list[Goal]:
    """A run over events that all have their orders and haven't changed."""
    with install() as place:
        meet(place)
        place.add_events(1, LINES)
        run_sync(place, injected=1)
        progress(f"{sizes.events:,} events with orders are made")
        _settle(place, sizes.events)
        run_sync(place, injected=0)  # what Revel shows of each order is stored
        cost = run_sync(place, injected=0)
    title = f"One listing of {sizes.events:,} events, none of them changed"
    kinds = ", ".join(f"{kind}: {number}" for kind, number in sorted(cost.kinds.items()))
    print_table(title, ("", "wall s", "CPU s", "requests", "peak MB"), [["an idle run", *_shown(cost)]])
    print(f"\n{kinds}")
    return [
        Goal("an idle run over a long listing", cost.wall, 10, "s"),
        Goal("requests of an idle run over a long listing", cost.requests, 110),
        Goal("peak memory of an idle run over a long listing", cost.peak, 150, "MB"),
    ]


def _shown(cost: Cost) -> list[str]:
    return [show(cost.wall), show(cost.cpu), str(cost.requests), show(cost.peak)]


def _settle(place: Installation, count: int) -> None:
    """More events in TripleSeat, each with an order in the ledger and at Revel that is like the first one's."""
    first = str(FIRST_EVENT)
    template = place.seat.state.events[FIRST_EVENT]
    [made] = [row for row in place.till.state.rows["Order"].values() if str(row["local_id"]).endswith(first)]
    with closing(sqlite3.connect(place.folder / "ledger.sqlite3")) as connection, connection:
        connection.row_factory = sqlite3.Row
        day = json.loads(connection.execute("SELECT plan FROM orders WHERE event_id = ?", (first,)).fetchone()[0])[
            "day"
        ]
    grow(place.folder / "ledger.sqlite3", first, count, numbered=FIRST_EVENT + 1, day=day)
    with closing(sqlite3.connect(place.folder / "ledger.sqlite3")) as connection, connection:
        for number in range(FIRST_EVENT + 1, FIRST_EVENT + 1 + count):
            event = json.loads(json.dumps(template, default=str).replace(first, str(number)))
            place.seat.add_event(event)
            uuid = order_uuid(EventId(str(number)))
            order = 9_000_000 + number
            local_id = str(made["local_id"]).replace(first, str(number))
            place.till.add("Order", order, **{**_bare(made), "local_id": local_id, "uuid": uuid})
            digest = listing_digest(event)
            connection.execute(
                "UPDATE orders SET order_id = ?, digest = ?, plan = replace(plan, ?, ?) WHERE event_id = ?",
                (str(order), digest, str(made["uuid"]), uuid, str(number)),
            )


def _bare(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in {"id", "resource_uri"}}


# A big ledger


def measure_ledger(sizes: Sizes) -> list[Goal]:
    """Commands by a ledger of many settled orders and of every run of two years."""
    with install() as place:
        meet(place)
        place.add_events(1, LINES)
        run_sync(place, injected=1)
        progress(f"a ledger of {sizes.orders:,} orders and {sizes.days} days of runs is made")
        path = place.folder / "ledger.sqlite3"
        grow(path, str(FIRST_EVENT), sizes.orders, runs=past_runs(sizes.days, sizes.orders))
        size = path.stat().st_size / 1_000_000
        commands = {"status": ["status"], "ledger check": ["ledger", "check"], "sync": ["sync"], "history": ["history"]}
        costs = {}
        for name, words in commands.items():
            progress(name)
            costs[name] = run_command(place, [TSREVEL, *words, "--config", str(place.config)], statuses=(0, HELD))
    title = f"A ledger of {sizes.orders:,} settled orders and {sizes.days} days of runs, {size:.0f} MB"
    rows = [[name, *map(show, (cost.wall, cost.cpu, cost.peak))] for name, cost in costs.items()]
    print_table(title, ("", "wall s", "CPU s", "peak MB"), rows)
    return [
        Goal("status by a big ledger", costs["status"].wall, 1, "s"),
        Goal("ledger check of a big ledger", costs["ledger check"].wall, 60, "s"),
        *(Goal(f"peak memory of {name} by a big ledger", cost.peak, 150, "MB") for name, cost in costs.items()),
    ]


# Big catalogues


def measure_catalogues(sizes: Sizes) -> list[Goal]:
    """A run over an event at each of many establishments with big catalogues."""
    with install(sizes.catalogues, sizes.products) as place:
        place.add_events(place.establishments, LINES)
        progress("a run with a new ledger: it downloads every catalogue")
        first = run_sync(place, injected=place.establishments)
        place.add_events(place.establishments, LINES, first=FIRST_EVENT + 5_000)
        progress("the next run")
        again = run_sync(place, injected=place.establishments)
        size = (place.folder / "ledger.sqlite3").stat().st_size / 1_000_000
    title = f"{sizes.products:,} products at each of {sizes.catalogues} establishments, an event at each"
    named = (("a new ledger", first), ("the next run", again))
    rows = [[name, str(cost.till.requests["GET Product"]), *_shown(cost)] for name, cost in named]
    print_table(title, ("", "catalogue pages", "wall s", "CPU s", "requests", "peak MB"), rows)
    print(f"\nThe ledger has {size:.0f} MB.")
    return [Goal("peak memory by big catalogues", max(first.peak, again.peak), 150, "MB")]


# A thousand establishments at the documented rate


class SimulatedClock:
    """Time that passes when everybody who is at work waits for it. Threads share it."""

    def __init__(self, now: datetime) -> None:
        self._start = now
        self._seconds = 0.0
        self._sleepers: list[_Sleeper] = []
        self._lock = threading.Lock()
        self._strangers = set(threading.enumerate()) - {threading.current_thread()}

    def now(self) -> datetime:
        """The present instant."""
        return self._start + timedelta(seconds=self._seconds)

    def monotonic(self) -> float:
        """Seconds since the beginning."""
        return self._seconds

    def sleep(self, seconds: float) -> None:
        """Return when so much time has passed. Of all sleepers, the one that is due first sees to it that it does."""
        with self._lock:
            sleeper = _Sleeper(self._seconds + max(seconds, 0.0), threading.get_ident())
            heapq.heappush(self._sleepers, sleeper)
        began = time.monotonic()
        while True:
            with self._lock:
                is_next = self._sleepers[0] is sleeper
                if is_next and (self._nobody_works() or time.monotonic() - began > STUCK):
                    heapq.heappop(self._sleepers)
                    self._seconds = max(self._seconds, sleeper.until)
                    if self._sleepers:
                        self._sleepers[0].woken.set()
                    return
            sleeper.woken.wait(POLL if is_next else None)
            sleeper.woken.clear()

    def _nobody_works(self) -> bool:
        """Whether every thread sleeps here, or waits for one that does. Threads older than the clock don't count."""
        asleep = {each.thread for each in self._sleepers}
        collects = gc.isenabled()
        gc.disable()  # before 3.11.8, Python blocks for ever if it collects garbage in the next call (gh-106883)
        frames = sys._current_frames()  # noqa: SLF001 (documented; nothing else tells who waits)
        if collects:
            gc.enable()
        ours = {each.ident for each in threading.enumerate() if each not in self._strangers}
        return all(_waits(frame) for thread, frame in frames.items() if thread in ours - asleep)


@dataclass(order=True, slots=True)
class _Sleeper:
    """Who sleeps until when, in seconds."""

    until: float
    thread: int
    woken: threading.Event = field(default_factory=threading.Event, compare=False)


def _waits(frame: FrameType) -> bool:
    """Whether a thread waits for a condition or, being the one that started the workers, for their results."""
    code = frame.f_code
    return code.co_filename == threading.__file__ or (code.co_filename, code.co_name) == (workers.__file__, "results")


@dataclass(slots=True)
class SlowWire(httpx.BaseTransport):
    """A pretend service that takes its time, and counts."""

    inner: httpx.BaseTransport
    clock: SimulatedClock
    requests: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer after `LATENCY`."""
        self.clock.sleep(LATENCY)
        with self._lock:
            self.requests += 1
            return self.inner.handle_request(request)


@dataclass(frozen=True, slots=True)
class Simulation:
    """The cost until every event had its order."""

    runs: int
    took: timedelta
    revel: int
    tripleseat: int
    ledger: float
    late: int


def measure_establishments(sizes: Sizes) -> list[Goal]:
    """How long many establishments take at Revel's documented rate, by workers; and what one process needs for them."""
    return [*_measure_simulated(sizes), *_measure_at_once(sizes)]


def _measure_simulated(sizes: Sizes) -> list[Goal]:
    rows = []
    total = sizes.establishments * sizes.due
    progress(f"{sizes.establishments:,} establishments on a simulated clock, workers = {sizes.workers} side by side")
    apart = get_context("spawn")  # each simulated clock counts the threads of its own process
    with ProcessPoolExecutor(len(sizes.workers), mp_context=apart) as pool:
        simulated = list(pool.map(partial(simulate, sizes), sizes.workers))
    for count, made in zip(sizes.workers, simulated, strict=True):
        rows.append(
            [
                str(count),
                str(made.took).partition(".")[0],
                str(made.runs),
                f"{made.revel:,}",
                show(made.revel / total),
                f"{made.tripleseat:,}",
                show(total / (made.took / timedelta(hours=1))),
                str(made.late),
                show(made.ledger),
            ]
        )
    rate = f"{DOCUMENTED_RATE * 60:.0f} requests a minute"
    title = f"{sizes.establishments:,} establishments with {sizes.due} events each, {rate}"
    heads = ("workers", "until all", "runs", "Revel", "an order", "TripleSeat", "orders/h", "late", "ledger MB")
    print_table(title, heads, rows)
    print(
        f"\nOn a simulated clock: each answer takes {LATENCY} s, a run starts every 45 minutes and ends after {LENGTH}."
        "\n`late`: orders that were whole after their service had begun."
    )
    return []


def _measure_at_once(sizes: Sizes) -> list[Goal]:
    """The same orders by one process that needn't wait for anything: its memory, and the time that it needs itself."""
    total = sizes.establishments * sizes.due
    with install(sizes.establishments, MENU) as place:
        place.add_events(total, LINES)
        progress(f"{total:,} orders in one run, no latency")
        cost = run_sync(place, injected=total)
        size = (place.folder / "ledger.sqlite3").stat().st_size / 1_000_000
    title = f"One run over {sizes.establishments:,} establishments with {sizes.due} events each, no latency and no rate"
    heads = ("", "wall s", "CPU s", "requests", "peak MB", "ledger MB")
    print_table(title, heads, [[f"{total:,} orders", *_shown(cost), show(size)]])
    return [Goal(f"peak memory of {total:,} orders in one run", cost.peak, 150, "MB")]


def simulate(sizes: Sizes, count: int) -> Simulation:
    """Runs, one after another, until every event has its order."""
    clock = SimulatedClock(MORNING)
    seat, till = Seat(clock.now, sleep=clock.sleep), Till(clock.now, sleep=clock.sleep)
    with TemporaryDirectory(prefix="tsrevel-scale-") as name:
        folder = Path(name)
        starts = _populate(seat, till, sizes)
        config = _write_settings(folder, seat, till, sizes, count)
        settings = load_settings(config=config, environ={}, overrides={})
        to_seat, to_till = (SlowWire(httpx.WSGITransport(app=each), clock) for each in (seat, till))
        runtime = Runtime(clock.now, clock.monotonic, clock.sleep, tripleseat=to_seat, revel=to_till)
        runs, done, began = 0, 0, MORNING
        while done < len(starts):
            runs += 1
            with open_run(settings, f"{runs:032x}", runtime=runtime) as ctx:
                report = sync(ctx, RunState.begin(ctx), Window(48))
            if report.error or runs > len(starts):
                raise RuntimeError(report.error or f"not all were injected: {report.summary}")
            done += report.summary["injected"]
            progress(f"workers = {count}: {done:,} of {len(starts):,} orders after {runs} runs, at {clock.now():%H:%M}")
            if done < len(starts):
                began += EVERY
                clock.sleep(max((began - clock.now()).total_seconds(), 0.0))
        took = clock.now() - MORNING
        written = {int(str(row["local_id"])[-8:]): row for row in till.state.rows["Order"].values()}
        if len(written) != len(starts):
            raise RuntimeError(f"{len(written)} orders for {len(starts)} events")
        finished = _finished(folder / "ledger.sqlite3")
        late = sum(finished[str(number)] > start for number, start in starts.items())
        size = (folder / "ledger.sqlite3").stat().st_size / 1_000_000
    return Simulation(runs, took, to_till.requests, to_seat.requests, size, late)


def _finished(path: Path) -> dict[str, datetime]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT event_id, touched_at FROM orders").fetchall()
    return {event: datetime.fromisoformat(at) for event, at in rows}


def _populate(seat: Seat, till: Till, sizes: Sizes) -> dict[int, datetime]:
    """Establishments with their menus, and the day's events, from breakfast to dinner; when each begins."""
    till.add("User", 12, username="catering.api")
    till.add("CustomPaymentType", 236, name="TripleSeat")
    starts = {}
    for n in range(sizes.establishments):
        venue = SampleVenue(200_000 + n, f"Kitchen No. {n}", 100_000 + n, ZONE)
        seat.add_place(venue)
        till.add_establishment(1 + n, venue.name, ZONE)
        till.add("PosStation", 20_000 + n, establishment=f"/enterprise/Establishment/{1 + n}/")
        till.stock.sizes[1 + n] = MENU
        for due in range(sizes.due):
            number = FIRST_EVENT + n * sizes.due + due
            hour, minute = 9 + (n + due * 4) % 12, 15 * (n % 4)
            event = make_event(
                id=number,
                day=MORNING.date(),
                location=venue,
                start=clock_time(hour, minute),
                lines=[SampleLine(f"Platter for Twelve, No. {(number + each) % MENU}", 2, 40) for each in range(LINES)],
                charges=[Charge("Sales Tax", "3.10")],
                payments=[("20.00", True)],
            )
            seat.add_event(event)
            starts[number] = datetime.fromisoformat(event["event_start_iso8601"])
    return starts


def _write_settings(folder: Path, seat: Seat, till: Till, sizes: Sizes, count: int) -> Path:
    answer = seat.issue_tokens()
    token = {key: answer[key] for key in ("access_token", "refresh_token")}
    (folder / "token.json").touch(mode=0o600)
    (folder / "token.json").write_text(json.dumps({**token, "expires_at": answer["created_at"] + answer["expires_in"]}))
    locations = [
        {
            "name": f"Kitchen No. {n}",
            "tripleseat_location": 200_000 + n,
            "revel_establishment": 1 + n,
            "timezone": ZONE,
            "user": 12,
            "station": 20_000 + n,
            "dining_option": 113,
            "payment_type": 236,
            "discount": 0,
        }
        for n in range(sizes.establishments)
    ]
    settings = {
        "environment": "sandbox",
        "safety": {"dry_run": False, "max_orders_per_run": 10_000},
        "tripleseat": {
            "base_url": "http://127.0.0.1:8001",
            "client_id": seat.tokens.client_id,
            "client_secret": seat.tokens.client_secret,
            "token_file": str(folder / "token.json"),
        },
        "revel": {
            "base_url": "http://127.0.0.1:8002",
            "api_key": till.api_key,
            "api_secret": till.api_secret,
            "requests_per_second": DOCUMENTED_RATE,
        },
        "sync": {"workers": count, "deadline_minutes": LENGTH},
        "ledger": {"path": str(folder / "ledger.sqlite3")},
        "charges": [{"match": "Sales Tax", "as": "tax"}],
        "locations": locations,
    }
    path = folder / "config.toml"
    path.touch(mode=0o600)
    path.write_text(tomli_w.dumps(settings), encoding="utf-8")
    return path


PARTS: dict[str, Callable[[Sizes], list[Goal]]] = {
    "listing": measure_listing,
    "ledger": measure_ledger,
    "catalogues": measure_catalogues,
    "establishments": measure_establishments,
}
"""The parts that can be measured separately."""
