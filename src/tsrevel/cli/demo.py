"""`demo`: a sample day, a dry run, a live run, a run with nothing to do, and the orders that result."""

from __future__ import annotations

import hmac
import json
import os
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from secrets import token_hex
from subprocess import DEVNULL, PIPE, Popen
from tempfile import TemporaryDirectory
from urllib.request import ProxyHandler, Request, build_opener

from tsrevel.cli.answers.runs import DemoAnswer, answer_report
from tsrevel.cli.context import CliContext
from tsrevel.cli.output import ORDER_STATES, Row, TextOutput, columns_of
from tsrevel.cli.run_text import show_table
from tsrevel.cli.sandbox import Served, run_services
from tsrevel.cli.sync import SyncOptions, sync_all
from tsrevel.config import load_settings
from tsrevel.engine.outcomes import RunReport
from tsrevel.errors import ServiceDown
from tsrevel.files import replace_file
from tsrevel.planning.model import EventId, OrderId
from tsrevel.planning.reasons import Status
from tsrevel.wiring import Runtime, open_ledger, utc_now

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
