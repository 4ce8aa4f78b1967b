"""A whole world for the engine to run in: both pretend services, virtual time, a real ledger, real settings.

Substitutes stand only where the outside begins: transport, clock, sleep, run ids. Every moment at which a process
could die is counted (`CliContext.moments`), so that a test can let it die there or do something just then:

    world = World(tmp_path, "full")                            # the sample day, only this story of it
    world.revel.faults.add("drop_after", "POST", "/OrderItem/")
    report = world.sync()
    world.at("before PATCH", lambda: world.revel.pos_touch(5550101))
    world.die_at(17)                                            # the 17th moment from now raises Died
"""

from __future__ import annotations

import functools
import json
import pickle
import re
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import tomli_w

from tsrevel.config import Settings, load_settings
from tsrevel.engine import run
from tsrevel.engine.context import RunContext, RunState
from tsrevel.engine.find import Window
from tsrevel.engine.outcomes import Outcome, Progress, RunReport
from tsrevel.ledger import Ledger, OrderRecord
from tsrevel.planning.assumptions import AssumptionAnswer, AssumptionCode, AssumptionResult
from tsrevel.planning.model import EventId
from tsrevel.sandbox import (
    LAKESIDE_BAKERY,
    SPECIAL_EVENTS,
    RevelSandbox,
    SampleDay,
    TripleSeatSandbox,
    make_event,
    seed_day,
)
from tsrevel.sandbox.app import LoggedRequest
from tsrevel.wiring import Runtime, open_run

MORNING = datetime(2026, 12, 12, 18, 0, tzinfo=UTC)
"""10:00 in Los Angeles (Special Events), 11:00 in Denver (Lakeside Bakery), a Saturday."""
Json = dict[str, Any]


class Died(BaseException):
    """The process died here. No Exception, so that nothing on the way takes it for a failure to recover from."""


@dataclass(slots=True)
class VirtualTime:
    """Time that passes only when somebody sleeps or a test moves it. `naps` are the seconds that were slept."""

    now: datetime = MORNING
    naps: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now.timestamp()

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.move(seconds=seconds)

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


class Wire(httpx.BaseTransport):
    """One sandbox in-process. A connection it cuts looks to httpx as one cut on the network.

    `down`: the connection is refused, nothing arrives.
    """

    def __init__(self, app: RevelSandbox | TripleSeatSandbox, name: str, reach: Callable[[str], None]) -> None:
        self._inner: httpx.BaseTransport = httpx.WSGITransport(app=app)
        self._name = name
        self._reach = reach
        self.down = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        what = f"{request.method} {request.url.path} of {self._name}"
        self._reach(f"before {what}")
        if self.down:
            raise httpx.ConnectError("refused", request=request)
        try:
            response = self._inner.handle_request(request)
        except ConnectionError as cut:
            self._reach(f"cut {what}")
            raise httpx.ReadError("cut", request=request) from cut
        self._reach(f"after {what}")
        return response


class World:
    """One installation of tsrevel and the two services it knows, seeded with the sample day at `now`.

    `stories` keeps only those events of the day (none named: all). `config` is the settings file as data: change it
    before a run. `environ` is the environment that it is read in. Runs are live unless `dry_run` is asked for.
    """

    def __init__(self, folder: Path, *stories: str, now: datetime = MORNING) -> None:
        self.folder = folder
        self.time = VirtualTime(now)
        self.tripleseat = TripleSeatSandbox(lambda: self.time.now, sleep=self.time.sleep)
        self.revel = RevelSandbox(lambda: self.time.now, sleep=self.time.sleep)
        self.day = self._seed(now)
        for event in self.day.events:
            if stories and event.story not in stories:
                del self.tripleseat.state.events[event.id]
        self.wires = {"tripleseat": Wire(self.tripleseat, "TripleSeat", self._reach)}
        self.wires["revel"] = Wire(self.revel, "Revel", self._reach)
        self.moments: list[str] = []
        self._appointments: list[tuple[re.Pattern[str], Callable[[], object]]] = []
        self._death: int | None = None
        self._numbers = count(1)
        self._read: dict[object, Settings] = {}
        self.config = self._sample_config()
        self.environ: dict[str, str] = {}
        self._write_token()

    # Runs

    def sync(
        self,
        *,
        only: Sequence[str] = (),
        max_orders: int | None = None,
        hours_back: float = 48,
        first: date | None = None,
        last: date | None = None,
        dry_run: bool = False,
    ) -> RunReport:
        """One run over all events, as `tsrevel sync` makes it."""
        with self.open_run(only=only, max_orders=max_orders, dry_run=dry_run) as ctx:
            return run.sync(ctx, RunState.begin(ctx), Window(hours_back, first, last))

    def sync_event(
        self, *event_ids: int | str, ignore_time_gate: bool = False, dry_run: bool = False, only: Sequence[str] = ()
    ) -> RunReport:
        """One run over named events, as `tsrevel sync-event` makes it."""
        named = [EventId(str(each)) for each in event_ids]
        with self.open_run(only=only, dry_run=dry_run) as ctx:
            return run.sync_events(ctx, RunState.begin(ctx), named, ignore_time_gate=ignore_time_gate)

    @contextmanager
    def open_run(
        self,
        *,
        only: Sequence[str] = (),
        max_orders: int | None = None,
        dry_run: bool = False,
        progress: Progress = lambda _done, _of: None,
    ) -> Iterator[RunContext]:
        """All that a run needs, from the settings as they are now."""
        settings, runtime = self.settings(dry_run=dry_run), self.runtime()
        run_id = runtime.new_run_id()
        self._begin_ledger(settings)
        with open_run(settings, run_id, runtime=runtime, only=only, max_orders=max_orders, progress=progress) as ctx:
            yield ctx

    def _begin_ledger(self, settings: Settings) -> None:
        """A copy of an empty ledger where the run would make one: that takes a tenth of the time of a run."""
        path = settings.ledger_path
        if path.parent == self.folder and not any(self.folder.glob(f"{path.name}*")):
            path.write_bytes(empty_ledger(settings.environment))
            path.chmod(0o600)

    def settings(self, *, dry_run: bool = False) -> Settings:
        """`config`, written to its file and read back as the command line reads it; once for what the files hold."""
        path = self.write_config()
        files = sorted(each for each in self.folder.glob("*.toml") if each.is_file())
        stamp = tuple((each.name, each.stat().st_mode, each.read_bytes()) for each in files)
        key = stamp, dry_run, tuple(sorted(self.environ.items()))
        if key not in self._read:
            overrides = {"safety.dry_run": True if dry_run else None}
            self._read[key] = load_settings(config=path, environ=self.environ, overrides=overrides)
        return self._read[key]

    def write_config(self) -> Path:
        """`config` in its file, fit for a run or not."""
        path = self.folder / "config.toml"
        path.write_text(tomli_w.dumps(self.config), encoding="utf-8")
        return path

    def runtime(self) -> Runtime:
        """Everything that ties a run to this world."""
        return Runtime(
            clock=self._clock,
            monotonic=self.time.monotonic,
            sleep=self.time.sleep,
            new_run_id=lambda: f"{next(self._numbers):08x}{0:024x}",
            tripleseat=self.wires["tripleseat"],
            revel=self.wires["revel"],
        )

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """The ledger, opened beside the runs."""
        settings = self.settings()
        with Ledger.open(settings.ledger_path, environment=settings.environment, clock=lambda: self.time.now) as ledger:
            yield ledger

    def record(self, event_id: int) -> OrderRecord | None:
        """What the ledger knows of an event's order."""
        with self.ledger() as ledger:
            return ledger.orders.get(EventId(str(event_id)))

    def lose_ledger(self) -> None:
        """The ledger's file is gone, and all that lay beside it."""
        for path in self.folder.glob("ledger.sqlite3*"):
            path.unlink()

    # What happens meanwhile

    def at(self, moment: str, action: Callable[[], object]) -> None:
        """Call `action` once, at the next moment in whose text the regular expression `moment` is found."""
        self._appointments.append((re.compile(moment), action))

    def die(self) -> None:
        """Let the process die: an action for `at`."""
        raise Died

    def die_at(self, number: int) -> None:
        """Let the process die at that moment, counted from 1 from now on."""
        self.moments.clear()
        self._death = number

    def revive(self) -> None:
        """No death any more, and no appointments; moments are counted anew."""
        self._death = None
        self._appointments.clear()
        self.moments.clear()

    def add_event(self, event_id: int = 64000050, *, lakeside: bool = False, **details: Any) -> int:
        """A new TripleSeat event, by default for today at Special Events; `details` as `make_event` takes them."""
        place = LAKESIDE_BAKERY if lakeside else SPECIAL_EVENTS
        today = self.time.now.astimezone(ZoneInfo(place.zone)).date()
        self.tripleseat.add_event(make_event(**{"id": event_id, "day": today, "location": place, **details}))
        return event_id

    def rewrite_event(self, event_id: int, **content: Any) -> None:
        """Give an event another contract: lines, charges, discount, payments as `make_event` takes them."""
        day = date.fromisoformat(self.tripleseat.event(event_id)["event_date_iso8601"])
        made = make_event(**{"id": event_id, "day": day, **content})
        parts = ("documents", "document_ids", "grand_total", "amount_due", "actual_amount", "deposit_amount")
        totals = ("billing_totals", "category_totals")
        self.tripleseat.edit_event(event_id, **{key: made[key] for key in (*parts, *totals)})

    def add_order(self, event_id: int, local_id: str = "Triple Seat {}", **fields: Any) -> int:
        """An order that somebody else made at Special Events; the id of it."""
        row = {"establishment": "/enterprise/Establishment/8/", "final_total": Decimal("1.00"), **fields}
        return int(self.revel.add("Order", None, local_id=local_id.format(event_id), **row)["id"])

    # What came of it

    def forget_requests(self) -> None:
        """Count both services' requests from 0 again."""
        self.revel.requests.clear()
        self.tripleseat.requests.clear()

    @property
    def revel_requests(self) -> list[str]:
        """Every request that reached Revel, as "METHOD path"; the looks at finished orders, all in one, left out."""
        return [f"{each.method} {each.path}" for each in self.revel.requests if not _is_look(each)]

    @property
    def looks(self) -> int:
        """How often finished orders were looked at, all in one."""
        return sum(_is_look(each) for each in list(self.revel.requests))

    @property
    def writes(self) -> list[str]:
        """Every write that reached Revel, as "METHOD Resource"."""
        return [
            f"{each.method} {each.path.split('/')[2]}" for each in list(self.revel.requests) if each.method != "GET"
        ]

    def orders_of(self, event_id: int) -> list[Json]:
        """Every order at Revel for an event, by whichever name."""
        names = {f"Triple Seat_{event_id}", f"Triple Seat {event_id}"}
        return [order for order in self.revel.orders if order["local_id"] in names]

    def flaws(self, event_id: int) -> list[str]:
        """In words, whatever keeps the event from having exactly one order, complete and to the cent."""
        orders = self.orders_of(event_id)
        if len(orders) != 1:
            return [f"{len(orders)} orders"]
        order, number = orders[0], orders[0]["id"]
        items, payments = self.revel.items_of(number), self.revel.payments_of(number)
        event = self.tripleseat.event(event_id)
        total, due = Decimal(event["grand_total"]), Decimal(event["amount_due"])
        lines = sum((each["quantity"] * each["price"] for each in items), Decimal(0))
        checks = {
            "subtotal": order["subtotal"] == lines,
            "total": order["final_total"] == total == lines - (order["discount_amount"] or 0) + order["tax"],
            "balance": order["remaining_due"] == due == total - sum(Decimal(each["amount"]) for each in payments),
            "items once": len({each["uuid"] for each in items}) == len(items),
            "payments once": len({each["uuid"] for each in payments}) == len(payments),
            "history": len(self.revel.history_of(number)) == 1,
            "printed": order["printed"] is True,
        }
        return [what for what, holds in checks.items() if not holds]

    # Set-up

    def _seed(self, now: datetime) -> SampleDay:
        """Put both services into their first state; the day that they tell of."""
        day: SampleDay
        day, self.tripleseat.state, self.revel.state, self.revel.page_cap = pickle.loads(_seeded(now))  # noqa: S301
        return day

    def _clock(self) -> datetime:
        self._reach("clock")
        return self.time.now

    def _reach(self, moment: str) -> None:
        self.moments.append(moment)
        if len(self.moments) == self._death:
            raise Died(moment)
        due = [each for each in self._appointments if each[0].search(moment)]
        for appointment in due:
            self._appointments.remove(appointment)
            appointment[1]()

    def _write_token(self) -> None:
        answer = self.tripleseat.issue_tokens()
        token = {key: answer[key] for key in ("access_token", "refresh_token")}
        path = self.folder / "token.json"
        path.write_text(json.dumps({**token, "expires_at": answer["created_at"] + answer["expires_in"]}))
        path.chmod(0o600)

    def _sample_config(self) -> dict[str, Any]:
        return {
            "environment": "sandbox",
            "safety": {"dry_run": False},
            "tripleseat": {
                "base_url": "http://127.0.0.1:8001",
                "client_id": self.day.client_id,
                "client_secret": self.day.client_secret,
                "token_file": str(self.folder / "token.json"),
            },
            "revel": {
                "base_url": "http://127.0.0.1:8002",
                "api_key": self.day.api_key,
                "api_secret": self.day.api_secret,
            },
            "sync": {"workers": 1},  # one thread: what happens when is the same in every run of a test
            "ledger": {"path": str(self.folder / "ledger.sqlite3")},
            "charges": [
                {"match": match, "as": treatment} | ({"product_name": product} if product else {})
                for match, treatment, product in self.day.charges
            ],
            "locations": [
                {
                    "name": spot.place.name,
                    "tripleseat_location": spot.place.location_id,
                    "revel_establishment": spot.establishment,
                    "timezone": spot.place.zone,
                    "user": spot.user,
                    "station": spot.station,
                    "dining_option": spot.dining_option,
                    "payment_type": spot.payment_type,
                    "discount": spot.discount,
                }
                for spot in self.day.locations
            ],
        }


def _is_look(request: LoggedRequest) -> bool:
    return "fields" in request.query and bool({"uuid__in", "local_id__in"} & request.query.keys())


@functools.cache
def _seeded(now: datetime) -> bytes:
    """Both services as `seed_day` leaves them: it is the same for every world of that moment, and takes its time."""
    tripleseat, revel = TripleSeatSandbox(lambda: now), RevelSandbox(lambda: now)
    day = seed_day(tripleseat, revel, now)
    return pickle.dumps((day, tripleseat.state, revel.state, revel.page_cap))


def find_outcome(report: RunReport, event_id: int | str) -> Outcome:
    """What the run made of one event."""
    return next(each for each in report.outcomes if each.event_id == str(event_id))


def verdict(report: RunReport, event_id: int | str) -> str:
    """The status, and the reason where there is one: "skipped TOO_EARLY"."""
    outcome = find_outcome(report, event_id)
    return f"{outcome.status} {outcome.reason}" if outcome.reason else str(outcome.status)


@functools.cache
def empty_ledger(environment: str) -> bytes:
    """The bytes of a ledger that nothing was ever written to."""
    return _bytes_of_ledger(environment, ())


@functools.cache
def tested_ledger(environment: str) -> bytes:
    """The bytes of a ledger that only knows that Revel finds orders by `__in`."""
    return _bytes_of_ledger(environment, [AssumptionAnswer(AssumptionCode.REVEL_IN_FILTER, AssumptionResult.HOLDS, "")])


def _bytes_of_ledger(environment: str, answers: Sequence[AssumptionAnswer]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.sqlite3"
        with Ledger.open(path, environment=environment, clock=lambda: MORNING) as ledger:
            ledger.assumptions.store(answers)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return path.read_bytes()
