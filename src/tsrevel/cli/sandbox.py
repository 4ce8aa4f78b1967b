"""`sandbox`: the pretend services on loopback with a sample day in them, and the settings that use them.

`demo` makes a dry run, a live run and a run with nothing to do there, and shows the orders that result.
"""

from __future__ import annotations

import errno
import hmac
import json
import os
import shlex
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from secrets import token_hex
from subprocess import DEVNULL, PIPE, Popen
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.request import ProxyHandler, Request, build_opener

import tomlkit
import typer

from tsrevel.cli.answers.runs import DemoAnswer, answer_report
from tsrevel.cli.answers.setup import SandboxAnswer
from tsrevel.cli.boundary import UNEXPECTED
from tsrevel.cli.context import CliContext
from tsrevel.cli.output import ORDER_STATES, Row, TextOutput, columns_of
from tsrevel.cli.run_text import show_table
from tsrevel.cli.streams import trouble_of
from tsrevel.cli.sync import SyncOptions, sync_all
from tsrevel.config import load_settings
from tsrevel.engine.outcomes import RunReport
from tsrevel.errors import ConfigCode, ConfigError, ConfigProblem, ServiceDown
from tsrevel.files import look_at, read_regular, replace_file
from tsrevel.planning.model import EventId, OrderId
from tsrevel.planning.reasons import Status
from tsrevel.wiring import Runtime, open_ledger, utc_now

if TYPE_CHECKING:
    from tsrevel.sandbox import RevelSandbox, SampleDay, TripleSeatSandbox

MARK = "# Written by `tsrevel sandbox`, which may overwrite it."
"""The first line of settings that a sandbox wrote."""


@dataclass(frozen=True, slots=True)
class Served:
    """Both pretend services, which run at `urls` (TripleSeat, Revel), and settings (TOML) that use them."""

    urls: tuple[str, str]
    tripleseat: TripleSeatSandbox
    revel: RevelSandbox
    day: SampleDay
    config: str


def serve_sandbox(
    ctx: CliContext, write_config: Path | None, ports: tuple[int, int], login_port: int, broken: Sequence[str]
) -> int:
    """Serve both services until interrupted; the settings go to `write_config`, or to stdout.

    `login_port`: where `login` waits for the browser. `broken`: the assumptions that the services break. Raises
    typer.BadParameter for an unknown one, ConfigError if the file exists and no sandbox wrote it, and OSError if a port
    is taken or the file can't be written.
    """
    if write_config and look_at(write_config) is not None and not read_regular(write_config).startswith(MARK.encode()):
        remedy = "Name a new file in a folder of its own."
        text = f"{write_config} exists and isn't a sandbox's settings file; nothing was written"
        problem = ConfigProblem(ConfigCode.FILE_NOT_OURS, "--write-config", "the command line", text, remedy)
        raise ConfigError(problem)  # it may be settings of production
    from tsrevel.sandbox import BREAKS, add_orders_by_hand, break_services

    unknown = [each for each in broken if each not in BREAKS]
    if unknown:
        raise typer.BadParameter(f"--break {unknown[0]} is unknown; there are: {', '.join(BREAKS)}")
    with run_services(ports) as served:
        served.tripleseat.tokens.redirect_uri = f"http://127.0.0.1:{login_port}/callback"
        add_orders_by_hand(served.revel, served.day)
        served.tripleseat.clock_ahead = served.revel.clock_ahead = timedelta()
        break_services(served.tripleseat, served.revel, *broken)
        if write_config:
            replace_file(write_config, f"{MARK}\n{served.config}".encode())
        if ctx.options.json:
            config = str(write_config) if write_config else served.config
            ctx.answer(SandboxAnswer(tripleseat=served.urls[0], revel=served.urls[1], config=config))
        elif not write_config:
            print(served.config, file=ctx.stdout, flush=True)
        trouble = trouble_of(ctx.stdout)
        if trouble:  # nobody knows the addresses; a reader that has gone wants nothing more
            return 0 if trouble.errno == errno.EPIPE else UNEXPECTED
        if not ctx.options.quiet:
            if write_config:
                shown = shlex.quote(str(write_config))
                print(f"Try:  tsrevel sync --config {shown}", file=ctx.stderr)
                print(f"      tsrevel login --config {shown} --port {login_port}   (a rehearsal)", file=ctx.stderr)
            text = "Serving on loopback until interrupted (Ctrl-C); everything in it is invented."
            if broken:
                text = f"{text} Broken: {', '.join(broken)}."
            print(text, file=ctx.stderr, flush=True)
        threading.Event().wait()
    return 0


@contextmanager
def run_services(ports: tuple[int, int] = (0, 0)) -> Iterator[Served]:
    """Both services on loopback, with events of today. Their token file and ledger are deleted when they end."""
    from tsrevel.sandbox import RevelSandbox, TripleSeatSandbox, seed_day, serve

    tripleseat, revel = TripleSeatSandbox(utc_now), RevelSandbox(utc_now)
    day = seed_day(tripleseat, revel, utc_now())
    with (
        TemporaryDirectory(prefix="tsrevel-sandbox-") as folder,
        serve(tripleseat, port=ports[0]) as tripleseat_server,
        serve(revel, port=ports[1]) as revel_server,
    ):
        answer = tripleseat.issue_tokens()
        token = {key: answer[key] for key in ("access_token", "refresh_token")}
        token["expires_at"] = answer["created_at"] + answer["expires_in"]
        replace_file(Path(folder, "token.json"), json.dumps(token).encode())
        urls = (tripleseat_server.url, revel_server.url)
        config = _encode_config(day, *urls, Path(folder))
        yield Served(urls, tripleseat, revel, day, config)


def _encode_config(day: SampleDay, tripleseat_url: str, revel_url: str, folder: Path) -> str:
    """Settings that point at the services. Dry run is left at its default: on."""
    settings = {
        "environment": "sandbox",
        "tripleseat": {
            "base_url": tripleseat_url,
            "client_id": day.client_id,
            "client_secret": day.client_secret,
            "token_file": str(folder / "token.json"),
            "requests_per_second": 200,
        },
        "revel": {
            "base_url": revel_url,
            "api_key": day.api_key,
            "api_secret": day.api_secret,
            "requests_per_second": 200,
        },
        "ledger": {"path": str(folder / "ledger.sqlite3")},
        "charges": [
            {"match": match, "as": treat_as} | ({"product_name": product_name} if product_name else {})
            for match, treat_as, product_name in day.charges
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
            for spot in day.locations
        ],
    }
    return tomlkit.dumps(settings)


BROKEN_PROMISE = 1
DELIVERED = "lost"
"""The sample event that the delivery is about."""
DELIVERY_SECONDS = 30


def demo(ctx: CliContext, *, serve: bool) -> int:
    """Show the runs on stdout. Exit status 0 if every event ended as it should, to the cent and only once."""
    page = TextOutput(ctx)
    page.console.quiet = ctx.options.json or ctx.options.quiet
    if not page.is_terminal:
        page.console.width = 100  # people read the demo, nobody searches it
    with TemporaryDirectory(prefix="tsrevel-demo-") as folder, run_services() as served:
        config = Path(folder, "config.toml")
        replace_file(config, served.config.encode())
        trial, live = (
            replace(ctx, options=replace(ctx.options, config=config), environ={"DRY_RUN": each})
            for each in ("true", "false")
        )
        spots = " and ".join(f"{spot.place.name} ({spot.place.zone})" for spot in served.day.locations)
        page.line("The sandbox runs a TripleSeat and a Revel on this machine. All their data is invented.")
        page.line(f"{spots}.")
        page.line()
        reports = [
            _act(trial, page, "1. A dry run reads and plans everything, and writes nothing."),
            _act(live, page, "2. A live run makes the orders."),
            _act(live, page, "3. Another live run finds nothing left to do."),
        ]
        if serve:
            _deliver(served, config, page)
        page.line(f"{5 if serve else 4}. The orders in Revel now, and their records in the ledger.", "bold")
        page.line()
        page.table(_PROOF_COLUMNS, _proof(served, config), indent=0)
        faults = _find_faults(served, *reports, serve=serve)
    if ctx.options.json:
        ctx.answer(DemoAnswer(success=not faults, faults=tuple(faults), runs=tuple(map(answer_report, reports))))
    for fault in faults:
        print(f"tsrevel: {fault}", file=ctx.stderr)
    if not faults:
        page.line()
        page.line("Revel has each order once, correct to the cent. Next: try `tsrevel sandbox`, or the README.")
    return BROKEN_PROMISE if faults else 0


def _act(ctx: CliContext, page: TextOutput, title: str) -> RunReport:
    page.line(title, "bold")
    page.line()
    report = sync_all(ctx, SyncOptions())
    if not page.console.quiet:
        show_table(report, page)
    page.line()
    return report


def _deliver(served: Served, config: Path, page: TextOutput) -> None:
    """Make a lost event definite again, and send the signed delivery that TripleSeat would send to `serve`."""
    sample = served.day.event(DELIVERED)
    event = served.tripleseat.edit_event(sample.id, status="DEFINITE")
    page.line(f"4. A webhook: event {sample.id} ({sample.name}) becomes DEFINITE after all.", "bold")
    page.line()
    body = json.dumps({"webhook_trigger_type": "STATUS_CHANGE_EVENT", "event": event}).encode()
    key, stamp = token_hex(), int(utc_now().timestamp())
    digest = hmac.new(key.encode(), b"%d.%s" % (stamp, body), "sha256").hexdigest()
    environ = os.environ | {"DRY_RUN": "false", "TRIPLESEAT_WEBHOOK_SIGNING_KEY": key}
    command = [sys.executable, "-m", "tsrevel", "serve", "--port", "0", "--json", "--config", str(config)]
    with Popen(command, env=environ, stdout=PIPE, stderr=DEVNULL, text=True) as process:  # noqa: S603 (ourselves)
        try:
            url = json.loads(_read_line(process))["url"]
            request = Request(f"{url}/webhook", body, {"X-Signature": f"t={stamp},v1={digest}"})  # noqa: S310 (loopback)
            with build_opener(ProxyHandler({})).open(request, timeout=DELIVERY_SECONDS) as answer:
                page.line(f"POST /webhook was answered with {answer.status}, {json.loads(answer.read())['reason']}.")
            done = json.loads(_read_line(process))
            page.line(f"Then the delivery was processed: {done['status']}, Revel order {done['revel_order_id']}.")
            page.line()
        finally:
            process.terminate()


def _read_line(process: Popen[str]) -> str:
    """The next line that the service prints. Raises ServiceDown if it ended instead."""
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise ServiceDown("`tsrevel serve` ended too early; run it with the settings of `tsrevel sandbox` to see why")
    return line


_PROOF_COLUMNS = columns_of(
    *("Order", "local_id", "Items:amount", "Total:amount", "Paid:amount", "Due:amount", "Ledger", "Receipts:amount")
)


def _proof(served: Served, config: Path) -> list[Row]:
    """Each order in Revel beside its record in the ledger. Raises LedgerDamaged if the audit chain is broken."""
    settings = load_settings(config=config, environ={})
    with open_ledger(settings, Runtime()) as ledger:
        ledger.audit.verify()
        records = ledger.orders.find(EventId(str(event.id)) for event in served.day.events)
    known, rows = {record.order_id: record for record in records.values()}, []
    for order in served.revel.orders:
        record = known.get(OrderId(str(order["id"])))
        told = (ORDER_STATES[record.state], str(len(record.receipts))) if record else ("unknown", "")
        paid = sum(Decimal(payment["amount"]) for payment in served.revel.payments_of(order["id"]))
        sums = (order["final_total"], paid, order["remaining_due"])
        items = str(len(served.revel.items_of(order["id"])))
        rows.append(Row((str(order["id"]), order["local_id"], items, *(f"{amount:,.2f}" for amount in sums), *told)))
    return rows


def _find_faults(served: Served, dry: RunReport, live: RunReport, again: RunReport, *, serve: bool) -> list[str]:
    """Everything that didn't end as the sample day says: the demo is also a check."""
    faults = []
    ended = {outcome.event_id: outcome for outcome in live.outcomes}
    due = [event for event in served.day.events if event.status == Status.INJECTED]
    for event in served.day.events:
        outcome = ended.get(EventId(str(event.id)))
        if outcome is None or (outcome.status, outcome.reason) != (event.status, event.reason):
            faults.append(f"event {event.id} should have been {event.status} {event.reason or ''}")
    if dry.summary["injected"] or again.summary["injected"] or dry.summary["planned"] != len(due):
        faults.append("a run wrote or planned something that it should not have")
    totals = sorted(Decimal(order["final_total"]) for order in served.revel.orders)
    delivered = [served.day.event(DELIVERED)] if serve else []
    if totals != sorted(event.total for event in (*due, *delivered)):
        faults.append("the orders in Revel don't add up to the events")
    return faults
