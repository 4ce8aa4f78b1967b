"""One installation to measure: pretend services on loopback behind meters, a settings file, events as asked for.

The programs that are measured run in processes of their own; the services run in this one.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import tomli_w

from benchmarks.meter import NONE, Latency, Meter
from tsrevel.sandbox import Charge, RevelSandbox, SampleLine, SampleVenue, TripleSeatSandbox, make_event, serve

if TYPE_CHECKING:
    from tsrevel.sandbox.wsgi import Request, Response

TSREVEL = str(Path(sys.executable).with_name("tsrevel"))
PRODUCTS = 2000
"""Of an establishment: one was seen with 2,157 (facts Revel 5.6)."""
PAGE = 250
"""Rows on a page at most: the documented maximum (facts Revel 2.1)."""
MENU = 120
"""Products of an establishment that events order from; the first of its catalogue."""
LINES = 8
SIGNING_KEY = "sandbox-signing-key"
PLACES: tuple[SampleVenue, ...] = (
    SampleVenue(30501, "Harbour Kitchen", 15691, "America/Los_Angeles"),
    SampleVenue(30502, "Lakeside Bakery", 15692, "America/Denver"),
    SampleVenue(30503, "Old Mill Cafe", 15693, "America/Los_Angeles"),
    SampleVenue(30504, "Station Deli", 15694, "America/Chicago"),
    *(SampleVenue(30505 + n, f"Kitchen No. {n}", 15695 + n, "America/Denver") for n in range(46)),
)
USER, DINING, PAYMENT_TYPE, DISCOUNT = 12, 113, 236, 3358
FIRST_EVENT = 64100001
LATELY = 4
"""Every so manieth event was changed within the last two days, so that both searches list it."""


class Till(RevelSandbox):
    """The pretend Revel, the pages of its catalogue kept ready: how long it takes over them isn't measured here."""

    def __init__(self) -> None:
        super().__init__()
        self.page_cap = PAGE
        self._pages: dict[tuple[tuple[str, str], ...], Response] = {}

    def respond(self, request: Request) -> Response:
        """As any pretend Revel answers."""
        if (request.method, request.path) != ("GET", "/resources/Product/"):
            return super().respond(request)
        if request.query not in self._pages:
            self._pages[request.query] = super().respond(request)
        return self._pages[request.query]


@dataclass(slots=True)
class Installation:
    """Both services, `establishments` of them in use, and what a run sees: `environ` has no setting of the caller's."""

    seat: TripleSeatSandbox
    till: Till
    meters: tuple[Meter, Meter]
    urls: tuple[str, str]
    folder: Path
    establishments: int
    environ: dict[str, str]
    events: dict[int, int] = field(default_factory=dict)
    """The place of each event, by the event's id."""

    @property
    def config(self) -> Path:
        """tsrevel's settings."""
        return self.folder / "config.toml"

    @property
    def sync(self) -> list[str]:
        """The command line of one live run."""
        return [TSREVEL, "sync", "--json", "--config", str(self.config)]

    def set_latency(self, latency: Latency) -> None:
        """From now on, on the way to both services."""
        for meter in self.meters:
            meter.latency = latency

    def forget_events(self) -> None:
        """Leave no event in TripleSeat."""
        self.seat.state.events.clear()
        self.events.clear()

    def add_events(self, count: int, lines: int = LINES, first: int = FIRST_EVENT, *, unknown: bool = False) -> None:
        """So many events for today, place after place, each with a discount, a tax and a deposit: all kinds of step.

        `unknown`: the first line of each is something that no product is for.
        """
        for n in range(count):
            self._add_event(first + n, n % self.establishments, lines, unknown=unknown)

    def _add_event(self, number: int, at: int, lines: int, *, unknown: bool) -> None:
        place = PLACES[at]
        now = datetime.now(UTC).astimezone(ZoneInfo(place.zone))
        rows = [SampleLine(_product_name((number * 11 + n * 7) % MENU), 2, 40) for n in range(lines)]
        if unknown:
            rows[0] = SampleLine("Nothing that is sold here", 1, 40)
        event = make_event(
            id=number,
            day=now.date(),
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
        """What the baseline needs to know; the file's path."""
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
    seat, till = TripleSeatSandbox(), Till()
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
        for n in range(products):
            code = f"{number:02d}{n:08d}"
            till.add_product(number * 100_000 + n, _product_name(n), number, "40.00", sku=code[-6:], barcode=code)


def _product_name(n: int) -> str:
    return f"Platter for Twelve, No. {n}" if n < MENU else f"Counter Item with a Name, No. {n}"


def _establishment(at: int) -> int:
    return 8 + at


def _ids(at: int) -> dict[str, int]:
    """What an order at a place needs, in the words of `[[locations]]`."""
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
    """Paced so that no pacing is felt, and with the gate a day wider on both sides: midnight may pass meanwhile."""
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
    """The caller's, without any setting, and with bytecode kept as usual."""
    unwanted = {"PYTHONDONTWRITEBYTECODE", "ENABLE_CONNECTOR", "DRY_RUN", "ALLOWED_LOCATIONS", "TIMEZONE", "ENV"}
    prefixes = ("TSREVEL_", "TRIPLESEAT_", "REVEL_", "SENDGRID_")
    return {name: value for name, value in os.environ.items() if name not in unwanted and not name.startswith(prefixes)}


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
