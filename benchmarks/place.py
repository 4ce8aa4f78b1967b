"""An installation to measure: pretend services behind meters on loopback, a settings file, and events.

The measured programs run in their own processes. The services run in this one.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import tomli_w

from benchmarks.meter import NONE, Latency, Meter
from tsrevel.sandbox import Charge, RevelSandbox, SampleLine, SampleVenue, TripleSeatSandbox, make_event, serve
from tsrevel.sandbox.app import Json, Request, Response, json_response, utc_now
from tsrevel.sandbox.revel_tables import PRODUCT, Resource, link_id, one_page, select_rows
from tsrevel.sandbox.tripleseat import select_events

TSREVEL = str(Path(sys.executable).with_name("tsrevel"))
PRODUCTS = 2000
"""Products of an establishment. A real one had 2,157 (facts Revel 5.6)."""
PAGE = 250
"""Most rows on a page, as documented (facts Revel 2.1)."""
MENU = 120
"""Events order from the first products of a catalogue, up to this number."""
LINES = 8
SIGNING_KEY = "sandbox-signing-key"
PLACES: tuple[SampleVenue, ...] = (
    SampleVenue(30501, "Harbour Kitchen", 15691, "America/Los_Angeles"),
    SampleVenue(30502, "Lakeside Bakery", 15692, "America/Denver"),
    SampleVenue(30503, "Old Mill Cafe", 15693, "America/Los_Angeles"),
    SampleVenue(30504, "Station Deli", 15694, "America/Chicago"),
    *(SampleVenue(30505 + n, f"Kitchen No. {n}", 15695 + n, "America/Denver") for n in range(996)),
)
USER, DINING, PAYMENT_TYPE, DISCOUNT = 12, 113, 236, 3358
FIRST_EVENT = 64100001
MOST_PRODUCTS = 100_000
"""Of one establishment: the ids of the next one's begin behind so many."""
MOST_SELECTED = 20
KEYS = {"Order": ("uuid", "local_id"), "OrderItem": ("order", "uuid"), "Payment": ("order", "uuid"),
        "OrderHistory": ("order", "uuid")}  # fmt: skip
"""The fields by which tsrevel finds rows: of each resource."""
LATELY = 4
"""One in LATELY events was changed within the last two days, so both searches list it."""


class Seat(TripleSeatSandbox):
    """The pretend TripleSeat, which selects events once for all pages of a search."""

    def __init__(self, clock: Callable[[], datetime] = utc_now, *, sleep: Callable[[float], None] = time.sleep) -> None:
        super().__init__(clock, sleep=sleep)
        self._searches: dict[tuple[tuple[str, str], ...], list[Json]] = {}

    def add_event(self, event: Json) -> Json:
        """Add an event, and forget earlier searches."""
        self._searches.clear()
        return super().add_event(event)

    def forget_events(self) -> None:
        """Leave no event."""
        self._searches.clear()
        self.state.events.clear()

    def respond(self, request: Request) -> Response:
        """Answer one request."""
        if request.path != "/v1/events/search":
            return super().respond(request)
        self._admit(request, request.path)
        asked = tuple((name, value) for name, value in request.query if name != "page")
        if asked not in self._searches:
            self._searches[asked] = select_events(list(self.state.events.values()), request)
        return self._page(self._searches[asked], request)


class Stock(dict[int, Json]):
    """The products of all establishments by their ids: each row is made when it is asked for. `sizes`: how many."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: dict[int, int] = {}

    def __contains__(self, row_id: object) -> bool:
        establishment, n = divmod(row_id, MOST_PRODUCTS) if isinstance(row_id, int) else (0, 0)
        return n < self.sizes.get(establishment, 0)

    def get(self, row_id: int, default: Any = None) -> Any:  # noqa: ANN401
        """The row; `default` where there is none."""
        return _product(row_id) if row_id in self else default

    def rows_of(self, establishment: int) -> Iterator[Json]:
        """An establishment's products."""
        return (_product(establishment * MOST_PRODUCTS + n) for n in range(self.sizes.get(establishment, 0)))


def _product(row_id: int) -> Json:
    establishment, n = divmod(row_id, MOST_PRODUCTS)
    code = f"{establishment:02d}{n:08d}"
    return {
        "id": row_id,
        "uuid": str(UUID(int=row_id)),
        **PRODUCT.blank,
        "name": _product_name(n),
        "establishment": f"/enterprise/Establishment/{establishment}/",
        "price": Decimal("40.00"),
        "sku": code[-6:],
        "barcode": code,
        "resource_uri": PRODUCT.uri(row_id),
    }


class Till(RevelSandbox):
    """The pretend Revel with what makes it fast where there is much of everything: its own time isn't measured here.

    Catalogues aren't stored: a row is made when it is asked for. Orders and their parts are found by an index; what is
    written is never moved to another order, or given another uuid or `local_id`.
    """

    def __init__(self, clock: Callable[[], datetime] = utc_now, *, sleep: Callable[[float], None] = time.sleep) -> None:
        super().__init__(clock, sleep=sleep)
        self.page_cap = PAGE
        self.stock = Stock()
        self.state.rows["Product"] = self.stock
        self._selected: dict[tuple[tuple[str, str], ...], list[Json]] = {}
        self._index: defaultdict[tuple[str, str, str], dict[int, Json]] = defaultdict(dict)

    def _insert(self, resource: Resource, values: Json, row_id: int | None = None) -> Json:
        row = super()._insert(resource, values, row_id)
        for name in KEYS.get(resource.name, ()):
            self._index[resource.name, name, str(link_id(row[name]) or row[name])][row["id"]] = row
        return row

    def _read(self, resource: Resource, row_id: int | None, batch: str | None, request: Request) -> Response:
        if row_id is not None or batch is not None:
            return super()._read(resource, row_id, batch, request)
        if resource.name == "Product":
            return self._list_products(request)
        found = self._look_up(resource, request)
        if found is None:
            return super()._read(resource, None, None, request)
        rows = self.state.rows
        try:
            self.state.rows = {**rows, resource.name: found}
            return super()._read(resource, None, None, request)
        finally:
            self.state.rows = rows

    def _look_up(self, resource: Resource, request: Request) -> dict[int, Json] | None:
        """The rows that one of the filters leaves at most; None where none of them is on a key."""
        for given, wanted in request.query:
            name, _, suffix = given.partition("__")
            if name in KEYS.get(resource.name, ()) and suffix in {"", "in"}:
                values = wanted.split(",") if suffix else [wanted]
                found = [self._index.get((resource.name, name, value), {}) for value in values]
                return {row_id: row for rows in found for row_id, row in rows.items()}
        return None

    def _list_products(self, request: Request) -> Response:
        """A page of a list, whose other pages are likely to be asked for next."""
        asked = tuple((name, value) for name, value in request.query if name not in {"limit", "offset", "fields"})
        if asked not in self._selected:
            while len(self._selected) >= MOST_SELECTED:
                del self._selected[next(iter(self._selected))]
            at = request.first("establishment")
            rows = [row for place in ([int(at)] if at else self.stock.sizes) for row in self.stock.rows_of(place)]
            self._selected[asked] = select_rows(rows, PRODUCT, request, ignored=())
        page = one_page(self._selected[asked], request, self.page_cap)
        page["objects"] = [self._shown(row, request) for row in page["objects"]]
        return json_response(page)


@dataclass(slots=True)
class Installation:
    """Both services with their number of establishments, and a run's folder and `environ`, which holds no settings."""

    seat: Seat
    till: Till
    meters: tuple[Meter, Meter]
    urls: tuple[str, str]
    folder: Path
    establishments: int
    environ: dict[str, str]
    events: dict[int, int] = field(default_factory=dict)
    """Event id → index of its location in PLACES."""

    @property
    def config(self) -> Path:
        """The file of tsrevel's settings."""
        return self.folder / "config.toml"

    @property
    def sync(self) -> list[str]:
        """The command line of one live run."""
        return [TSREVEL, "sync", "--json", "--config", str(self.config)]

    def set_latency(self, latency: Latency) -> None:
        """Set the latency of both services."""
        for meter in self.meters:
            meter.latency = latency

    def forget_events(self) -> None:
        """Leave no event in TripleSeat."""
        self.seat.forget_events()
        self.events.clear()

    def add_events(self, count: int, lines: int = LINES, first: int = FIRST_EVENT, *, days_ago: int = 0) -> None:
        """Add events of one day, spread over the locations. Discount, tax and deposit make all kinds of steps."""
        for n in range(count):
            self._add_event(first + n, n % self.establishments, lines, days_ago)

    def _add_event(self, number: int, at: int, lines: int, days_ago: int) -> None:
        place = PLACES[at]
        now = datetime.now(UTC).astimezone(ZoneInfo(place.zone))
        rows = [SampleLine(_product_name((number * 11 + n * 7) % MENU), 2, 40) for n in range(lines)]
        event = make_event(
            id=number,
            day=now.date() - timedelta(days=days_ago),
            location=place,
            name=f"Example Widgets lunch {number}",
            lines=rows,
            discount=5,
            charges=[Charge("Sales Tax", "3.10")],
            payments=[("20.00", True)],
            updated_at=now.replace(tzinfo=None) - timedelta(days=1 if number % LATELY == 0 else 9),
        )
        self.seat.add_event(event)
        self.events[number] = at

    def write_job(self) -> Path:
        """Write the file that the baseline reads. Returns its path."""
        places = [{**_ids(n), "establishment": _establishment(n)} for n in range(self.establishments)]
        token = json.loads((self.folder / "token.json").read_text(encoding="utf-8"))["access_token"]
        job = {
            "tripleseat": self.urls[0],
            "revel": self.urls[1],
            "token": token,
            "key": f"{self.till.api_key}:{self.till.api_secret}",
            "places": places,
            "events": list(self.events.items()),
        }
        path = self.folder / "job.json"
        path.write_text(json.dumps(job), encoding="utf-8")
        return path


@contextmanager
def install(establishments: int = 1, products: int = PRODUCTS) -> Iterator[Installation]:
    """An installation that goes when the block ends. No latency is set and there are no events."""
    seat, till = Seat(), Till()
    _stock(seat, till, establishments, products)
    meters = Meter(seat), Meter(till)
    with (
        TemporaryDirectory(prefix="tsrevel-benchmark-") as name,
        serve(meters[0]) as seat_served,
        serve(meters[1]) as till_served,
    ):
        urls, folder = (seat_served.url, till_served.url), Path(name)
        _write(folder / "token.json", json.dumps(_token(seat)))
        _write(folder / "config.toml", tomli_w.dumps(_settings(seat, till, urls, folder, establishments)))
        installation = Installation(seat, till, meters, urls, folder, establishments, _environ())
        installation.set_latency(NONE)
        yield installation


def _stock(seat: TripleSeatSandbox, till: Till, establishments: int, products: int) -> None:
    till.add("User", USER, username="catering.api")
    till.add("Discount", DISCOUNT, name="TripleSeat discount")
    till.add("CustomPaymentType", PAYMENT_TYPE, name="TripleSeat")
    for at in range(establishments):
        number = _establishment(at)
        seat.add_place(PLACES[at])
        till.add_establishment(number, PLACES[at].name, PLACES[at].zone)
        till.add("PosStation", _ids(at)["station"], establishment=f"/enterprise/Establishment/{number}/")
        till.stock.sizes[number] = products


def _product_name(n: int) -> str:
    return f"Platter for Twelve, No. {n}" if n < MENU else f"Counter Item with a Name, No. {n}"


def _establishment(at: int) -> int:
    return 8 + at


def _ids(at: int) -> dict[str, int]:
    """The ids that an order at a location needs, by the keys of `[[locations]]`."""
    return {
        "user": USER,
        "station": 21 + at,
        "dining_option": DINING,
        "payment_type": PAYMENT_TYPE,
        "discount": DISCOUNT,
    }


def _token(seat: TripleSeatSandbox) -> dict[str, object]:
    answer = seat.issue_tokens()
    token = {key: answer[key] for key in ("access_token", "refresh_token")}
    return {**token, "expires_at": answer["created_at"] + answer["expires_in"]}


def _settings(
    seat: TripleSeatSandbox, till: Till, urls: tuple[str, str], folder: Path, establishments: int
) -> dict[str, object]:
    """Settings with a high rate limit, and a gate that is a day wider on both sides in case midnight passes."""
    return {
        "environment": "sandbox",
        "safety": {"dry_run": False, "max_orders_per_run": 10_000},
        "tripleseat": {
            "base_url": urls[0],
            "client_id": seat.tokens.client_id,
            "client_secret": seat.tokens.client_secret,
            "token_file": str(folder / "token.json"),
            "webhook_signing_keys": [SIGNING_KEY],
            "requests_per_second": 1000,
        },
        "revel": {
            "base_url": urls[1],
            "api_key": till.api_key,
            "api_secret": till.api_secret,
            "requests_per_second": 1000,
        },
        "sync": {"workers": 4},
        "time_gate": {"days_before": 1, "days_after": 1},
        "ledger": {"path": str(folder / "ledger.sqlite3")},
        "charges": [{"match": "Sales Tax", "as": "tax"}],
        "locations": [
            {
                "name": PLACES[at].name,
                "tripleseat_location": PLACES[at].location_id,
                "revel_establishment": _establishment(at),
                "timezone": PLACES[at].zone,
                **_ids(at),
            }
            for at in range(establishments)
        ],
    }


def _environ() -> dict[str, str]:
    """The caller's environment without tsrevel's settings, and with bytecode caching as usual."""
    unwanted = {"PYTHONDONTWRITEBYTECODE", "ENABLE_CONNECTOR", "DRY_RUN", "ALLOWED_LOCATIONS", "TIMEZONE", "ENV"}
    prefixes = ("TSREVEL_", "TRIPLESEAT_", "REVEL_", "SENDGRID_")
    return {name: value for name, value in os.environ.items() if name not in unwanted and not name.startswith(prefixes)}


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
