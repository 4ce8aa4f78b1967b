"""A world in which every request and every commit is a numbered point, at which a fault may strike.

The engine, the ledger and the clients are production's; what is bent is the transport, the clock and the SQLite
connection. The rig keeps the history that the invariants judge: it decides nothing about right or wrong.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import json
import pickle
import shutil
import sqlite3
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx

from tsrevel.config import Settings
from tsrevel.planning.identity import order_uuid
from tsrevel.planning.model import EventId
from tsrevel.sandbox import LAKESIDE_BAKERY, SampleDay
from tsrevel.sandbox.revel_tables import link_id
from tsrevel.wiring import Runtime

from ..world import Died, Json, World, tested_ledger
from .alphabet import FAULTS, Call, Fault, Point
from .happenings import ENDS, OLD_EVENT
from .lag import show_unreceipted
from .scenario import Content, Scenario, build_services
from .seams import PointConnection, PointWire
from .users import CRON, environ_of

REVEL, TRIPLESEAT, LEDGER = "Revel", "TripleSeat", "ledger"


@dataclass(slots=True)
class Planned:
    """A fault that waits for its point: the first from `number` on which it fits."""

    number: int
    fault: Fault


class Rig(World):
    """One installation, the two services with a scenario's events, and the faults planned for it.

    With several `workers` what happens when is the threads' affair: a schedule may take another course each time.
    `time` is the true time; the machine's clock is `skew` beside it. `user` is who runs the settings file now. `trace`
    tells every point and every run. Where it `surveys`, `survey` lists the faults that fit each point.
    """

    def __init__(
        self, folder: Path, scenario: Scenario, planned: Iterable[tuple[int, str]] = (), workers: int = 1
    ) -> None:
        self.scenario = scenario
        self.lock = threading.RLock()
        super().__init__(folder)
        self._lay_quirks()
        self.wires_to = {service: httpx.WSGITransport(app=app) for service, app in self._apps().items()}
        self._adapt_config()
        self.workers = workers
        self.config["sync"] = {"workers": workers}
        self.run_as(CRON)
        self._lay_ledger()
        self.waiting = [Planned(number, FAULTS[name]) for number, name in sorted(planned)]
        self.count = 0
        self.surveys = False
        self.survey: list[tuple[str, ...]] = []
        self.fired: list[tuple[int, str]] = []
        self.trace: list[str] = []
        self.breaches: list[str] = []
        self.skew = timedelta()
        self.dead = self.stopped = self.intruding = self.disk_full = False
        self.outage: set[str] = set()
        self.hidden_until = self.time.now
        self.late: list[tuple[datetime, str, httpx.Request]] = []  # when, whose, what
        self.on_send: Callable[[Point], object] = lambda _point: None
        self.on_write: Callable[[Point, httpx.Request], object] = lambda _point, _request: None
        self.contents: dict[int, Content] = {story.id: story.content for story in scenario.stories}
        self.versions: dict[int, list[Content]] = {number: [each] for number, each in self.contents.items()}
        self.since: dict[int, int] = {}
        self.ended: dict[int, str] = {}
        self.ended_before_run: set[int] = set()
        self.changes: defaultdict[int, set[str]] = defaultdict(set)
        self.touched: dict[int, int] = {}
        self.removed: dict[int, int] = {}
        self.twins: set[tuple[str, int]] = set()  # rows that the world made beside ours
        self.renamed: set[int] = set()  # events of which Revel has kept another uuid than was sent
        self.seen_twice: dict[int, int] = {}  # when an answer last showed two standing orders of an event
        self.told: set[int] = set()
        self.known_due: set[int] = set()
        self.begun_slow: set[int] = set()  # events whose order was begun while the clock was slow
        self.unheard: set[int] = set()
        self.began, self.dated = 0, False
        self.looked: dict[int, int] = {}
        self.seen_complete: dict[int, int] = {}
        self.run_versions: dict[int, int] = {}
        self.mode = "live"
        self.ledger_lost = self.jumped = self.wrote = self.asked_token = self.under_way = False
        self.token_was_good, self.token_arrived = True, False

    # Runs

    def begin_run(self, mode: str) -> None:
        """A run begins: what it may write, and which versions of the events it can meet."""
        self.mode, self.began = mode, self.count
        self.unheard.clear()
        self.config["safety"] = {"dry_run": False, "enable_connector": mode != "disabled"}
        if mode == "elsewhere":
            self.config["safety"]["allowed_locations"] = [LAKESIDE_BAKERY.location_id]
        self.run_versions = {number: len(each) - 1 for number, each in self.versions.items()}
        self.ended_before_run = {number for number, why in self.ended.items() if why in ENDS}
        self.jumped = self.wrote = self.asked_token = self.token_arrived = False
        self.under_way = bool(self.late) or any(self.revel.state.hidden.values())
        self.token_was_good = self.token_is_good()

    def end_run(self) -> None:
        """The run is over, one way or the other: what lasted as long as it did is over too."""
        self.skew = timedelta()
        self.dead = self.stopped = self.disk_full = self.dated = False
        self.tripleseat.ignored_ranges = set()
        self.tripleseat.unlisted.clear()
        self.tripleseat.state.events.pop(OLD_EVENT, None)
        self.revel.ignored_filters -= {"establishment", "active"}
        self.outage.clear()
        show_unreceipted(self)
        self.apply_late()

    def run_as(self, user: str) -> None:
        """From now on that user runs the settings file."""
        self.user = user
        self.environ = environ_of(user, self.folder / "homes")

    # Points

    def arrive(self, service: str, method: str, path: str, body: bytes = b"") -> tuple[Point, Fault | None]:
        """Number this point, and find the fault that strikes at it. What the world does happens now."""
        self.refuse_the_dead()
        self.apply_late()
        if self.stopped and service != LEDGER and self.workers == 1:  # another thread may be past the brake already
            self.breaches.append(f"{method} {path} of {service} was sent after a signal had ended the run")
        if self.intruding:
            self.breaches.append(f"a second process reached {method} {path} of {service}")
        self.count += 1
        point = Point(self.count, service, method, path, body)
        if self.surveys:
            self.survey.append(tuple(name for name, fault in FAULTS.items() if fault.fits(self, point)))
        due = (each for each in self.waiting if each.number <= self.count)
        planned = next((each for each in due if each.fault.fits(self, point)), None)
        if planned is None:
            return point, None
        self.waiting.remove(planned)
        self.fired.append((self.count, planned.fault.name))
        if planned.fault.happen:
            planned.fault.happen(self, point)
        return point, planned.fault

    def arrive_at_commit(self) -> Fault | None:
        """The ledger begins a transaction: the point is its commit."""
        with self.lock:
            point, fault = self.arrive(LEDGER, "COMMIT", "")
            self._tell(point, fault, "")
        if fault and fault.at_begin:
            fault.at_begin(self)
        return fault

    def exchange(self, service: str, request: httpx.Request) -> httpx.Response:
        """One request and its answer; those of several threads one after another."""
        with self.lock:
            return self._exchange(service, request)

    def _exchange(self, service: str, request: httpx.Request) -> httpx.Response:
        body = request.read()
        point, fault = self.arrive(service, request.method, request.url.raw_path.decode(), body)
        if point.path.startswith("/oauth2/token"):
            self.asked_token, self.token_arrived = True, False
        if point.is_write:
            self.wrote = True
            self.on_send(point)
            self._remember_basis(point)
        call = Call(self, point, request)
        try:
            if service in self.outage:
                raise httpx.ConnectError("refused", request=request)
            response = fault.answer(call) if fault and fault.answer else self._exchange_well(call)
        except BaseException as error:
            self._tell(point, fault, type(error).__name__)
            raise
        self._tell(point, fault, str(response.status_code))
        return response

    def _exchange_well(self, call: Call) -> httpx.Response:
        response = call.send()
        if call.point.service == REVEL and call.point.method == "GET":
            self._remember_look(call.point, response)
        elif call.point.path.startswith("/oauth2/token"):
            self.token_arrived = response.status_code == 200
        return response

    def refuse_the_dead(self) -> None:
        """A dead process does nothing any more."""
        if self.dead:
            raise Died

    def _tell(self, point: Point, fault: Fault | None, answer: str) -> None:
        digest = hashlib.sha256(point.body).hexdigest()[:8] if point.body else "-"
        what = f"{point.number} {point.service} {point.method} {point.path} {digest}"
        self.trace.append(f"{what} {fault.name if fault else '-'} {answer}".rstrip())

    # Services

    def deliver(self, service: str, request: httpx.Request) -> httpx.Response:
        """Let the service do its work; the answer, read to its end."""
        if not self.scenario.expands and "expand" in request.url.params:
            request = httpx.Request("GET", request.url.copy_remove_param("expand"), headers=request.headers)
        response = self.wires_to[service].handle_request(request)
        response.read()
        if service == REVEL and request.method != "GET":
            self.on_write(Point(self.count, service, request.method, request.url.path), request)
        return response

    def pretend(self, service: str, request: httpx.Request) -> httpx.Response:
        """The answer that the service would give; its state stays as it was, but for the ids that it has given away."""
        app = self._apps()[service]
        kept = pickle.dumps(app.state)
        response = self.wires_to[service].handle_request(request)
        response.read()
        issued = self.revel.state.issued
        app.state = pickle.loads(kept)  # noqa: S301
        self.revel.state.issued = issued  # a database's sequence never gives the same number twice
        return response

    def apply_late(self) -> None:
        """Let the services do what has been under way until now."""
        if self.time.now >= self.hidden_until:
            self.revel.state.hidden.clear()
        due = sorted((each for each in self.late if each[0] <= self.time.now), key=lambda each: each[0])
        for each in due:
            self.late.remove(each)
            self.deliver(each[1], each[2])

    def _apps(self) -> dict[str, Any]:
        return {TRIPLESEAT: self.tripleseat, REVEL: self.revel}

    # The world's own doing

    @property
    def alive(self) -> list[int]:
        """The events that can still change."""
        return [number for number in self.contents if number not in self.ended]

    def rewrite(self, number: int, content: Content, why: str) -> None:
        """TripleSeat tells the event differently from now on."""
        self.contents[number] = content
        self.versions[number].append(content)
        self.rewrite_event(number, **content.as_arguments())
        self.note_change(number, why)

    def end_event(self, number: int, why: str, end: Callable[[int], object]) -> None:
        """The event is called off, deleted or gone."""
        end(number)
        self.ended[number] = why
        self.note_change(number, why)

    def note_change(self, number: int | None, why: str) -> None:
        """Remember what happened to an event or its order."""
        if number is not None:
            self.changes[number].add(why)

    def make_twins(self, first: httpx.Response) -> None:
        """What a proxy has just sent will be sent once more: `first` is what was made of it."""
        row = first.json() if first.is_success else {}
        if "resource_uri" in row:
            resource = str(row["resource_uri"]).strip("/").split("/")[1]
            self.twins.add((resource, int(row["id"])))

    def add_twin(self, order: Json) -> None:
        """Another machine makes the same order."""
        fields = {key: value for key, value in copy.deepcopy(order).items() if key not in {"id", "resource_uri"}}
        fields |= {"orderhistory": [], "has_history": False, "applied_discounts": [], "discount_amount": None}
        self.twins.add(("Order", self.revel.add("Order", None, **fields)["id"]))

    def rename(self, response: httpx.Response) -> httpx.Response:
        """Revel keeps another uuid of the row just saved, and says so."""
        row = response.json() if response.is_success else {}
        if "resource_uri" not in row:
            return response
        resource = str(row["resource_uri"]).strip("/").split("/")[1]
        kept = self.revel.state.rows[resource][int(row["id"])]
        kept["uuid"] = row["uuid"] = f"00000000-0000-4000-8000-{int(row['id']):012d}"
        order = kept if resource == "Order" else self.revel.state.follow(kept["order"])
        number = self.event_of(order) if order else None
        if number is not None:
            self.renamed.add(number)
        return httpx.Response(response.status_code, json=row)

    def own(self, resource: str, rows: Iterable[Json]) -> list[Json]:
        """Those rows that the world didn't make beside ours."""
        return [row for row in rows if (resource, row["id"]) not in self.twins]

    def doubled(self, number: int) -> bool:
        """Whether the event has an order, or a part of it, beside the one that we made."""
        orders = [row for row in self.orders_for(number) if not row["deleted"]]
        if len(orders) > 1:
            return True
        uris = {row["resource_uri"] for row in orders}
        return any(
            resource != "Order" and self.revel.state.rows[resource][row_id]["order"] in uris
            for resource, row_id in self.twins
        )

    def standing_orders(self) -> list[Json]:
        """The rows of all orders at Revel that nobody deleted; not copies."""
        return [row for row in self.revel.state.rows["Order"].values() if not row["deleted"]]

    def orders_for(self, number: int) -> list[Json]:
        """The rows of an event's orders, deleted ones included, by whichever name; not copies."""
        names = (f"Triple Seat_{number}", f"Triple Seat {number}")
        uuid = _uuid_for(number)
        rows = self.revel.state.rows["Order"].values()
        return [row for row in rows if row["local_id"] in names or row["uuid"] == uuid]

    def event_of(self, order: Json) -> int | None:
        """The event that an order is for."""
        return next(
            (number for number in self.contents if any(each["id"] == order["id"] for each in self.orders_for(number))),
            None,
        )

    def token_is_good(self) -> bool:
        """Whether TripleSeat would take the refresh token that is kept."""
        kept = json.loads((self.folder / "token.json").read_text())
        return bool(kept["refresh_token"] == self.tripleseat.tokens.refresh)

    def log_in_again(self) -> bool:
        """What an operator does once TripleSeat refuses the refresh token: whether it was that."""
        if self.token_is_good():
            return False
        self._write_token()
        return True

    # History

    def _remember_basis(self, point: Point) -> None:
        """The versions of this run and after are those that an order sent now may be made of."""
        if point.method == "POST" and point.path.startswith("/resources/Order/"):
            body = json.loads(point.body)
            number = int(str(body["local_id"]).rpartition("_")[2] or 0)
            if number in self.contents:
                self.since.setdefault(number, self.run_versions[number])

    def _remember_look(self, point: Point, response: httpx.Response) -> None:
        """Which orders this answer shows as they stand."""
        path, _, query = point.path.partition("?")
        asked = dict(parse_qsl(query))
        if path == "/resources/Order/":
            uuids = asked.get("uuid__in", asked.get("uuid", "")).split(",")
            names = {*asked.get("local_id__in", asked.get("local_id", "")).split(","), *uuids}
            rows = response.json().get("objects", ())
            meant = [row for row in rows if names & {row["local_id"], row["uuid"]}]  # not what a filter let through
            shown = Counter(self.event_of(row) for row in meant if not row["deleted"] and self._is_order(row))
            self.seen_twice.update((number, point.number) for number, times in shown.items() if number and times > 1)
            self.looked.update((row["id"], point.number) for row in meant)
        elif path.startswith("/resources/Order/"):
            self.looked[link_id(path) or 0] = point.number
        elif asked.get("expand") == "order" and "order" in asked and self.scenario.expands:
            self.looked[int(asked["order"])] = point.number

    def _is_order(self, row: Json) -> bool:
        return row["id"] in self.revel.state.rows["Order"]

    def last_look(self, order_id: int) -> int:
        """The point at which the order was last looked at."""
        return self.looked.get(order_id, 0)

    # Set-up

    def settings(self, *, dry_run: bool = False) -> Settings:
        """As the file would be read; read once for each content and user."""
        return _load(self, json.dumps(self.config), dry_run)

    def runtime(self) -> Runtime:
        """Everything that ties a run to this rig."""
        plain = super().runtime()
        return replace(
            plain,
            clock=lambda: self.time.now + self.skew,
            tripleseat=PointWire(self, TRIPLESEAT),
            revel=PointWire(self, REVEL),
            database=self._open_database,
        )

    def _open_database(self, *args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection = sqlite3.connect(*args, factory=PointConnection, **kwargs)
        connection.rig = self
        return connection

    def _seed(self, now: datetime) -> SampleDay:
        """The scenario's events instead of the sample day's."""
        day: SampleDay
        day, self.tripleseat.state, self.revel.state = pickle.loads(build_services(self.scenario.name))  # noqa: S301
        return day

    def _lay_quirks(self) -> None:
        for name, value in self.scenario.quirks:
            setattr(self.revel, name, value)

    def _adapt_config(self) -> None:
        del self.config["ledger"]  # where it lies follows from the settings file
        self.config["charges"].append({"match": "Gratuity", "as": "gratuity"})
        if self.scenario.gated:
            self.config["time_gate"] = {"days_before": 1, "opens_at": "12:00"}

    def _lay_ledger(self) -> None:
        """A new ledger in its place, whatever an earlier schedule left there."""
        for path in self.folder.glob("*ledger.sqlite3*"):
            if path.is_file():
                path.unlink()
        shutil.rmtree(self.folder / "homes", ignore_errors=True)
        (self.folder / "ledger.sqlite3").write_bytes(tested_ledger(self.settings().environment))
        (self.folder / "ledger.sqlite3").chmod(0o600)


@functools.cache
def _uuid_for(number: int) -> str:
    return order_uuid(EventId(str(number)))


_LOADED: dict[tuple[Path, str, str, bool], Settings] = {}


def _load(rig: Rig, config: str, dry_run: bool) -> Settings:
    key = (rig.folder, rig.user, config, dry_run)
    if key not in _LOADED:
        _LOADED[key] = World.settings(rig, dry_run=dry_run)
    return _LOADED[key]
