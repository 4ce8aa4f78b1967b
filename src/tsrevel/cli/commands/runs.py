"""`sync`, `sync-event`, `replay`, `verify-signature`, `serve`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from tsrevel.cli.boundary import NOTHING_WRITTEN, UNFINISHED, require_extra
from tsrevel.cli.context import CliContext
from tsrevel.cli.options import (
    LEDGER_EXITS,
    LOCK_EXITS,
    RUN,
    RUN_EXITS,
    Location,
    app,
    command,
    complete_event,
    new_file,
)

DryRun = Annotated[bool, typer.Option("--dry-run", help="Read and plan everything, but write nothing to Revel.")]
HoursBack = Annotated[
    int | None,
    typer.Option("--hours-back", min=1, max=87_840, metavar="H", help="Look back H hours. [default: sync.hours_back]"),
]
First = Annotated[
    datetime | None,
    typer.Option("--from", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Only events on or after this day."),
]
Last = Annotated[
    datetime | None,
    typer.Option("--to", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Only events on or before this day."),
]
MaxOrders = Annotated[int | None, typer.Option("--max-orders", min=1, metavar="N", help="Make at most N orders.")]
EventIds = Annotated[
    list[str], typer.Argument(metavar="EVENT_ID", help="TripleSeat event ids.", autocompletion=complete_event)
]
_IGNORE_GATE = "Make orders outside the time gate too. Revel dates them now, not on their events' days."
IgnoreTimeGate = Annotated[bool, typer.Option("--ignore-time-gate", help=_IGNORE_GATE)]
Signature = Annotated[
    str | None, typer.Option("--signature", metavar="'t=..,v1=..'", help="The delivery's X-Signature header.")
]
Plain = Annotated[bool, typer.Option("--plain", help="Also accept a bare hex digest of the body as its signature.")]
Unsigned = Annotated[bool, typer.Option("--unsigned", help="Accept unsigned deliveries. The audit notes it.")]
Archive = Annotated[
    Path | None,
    typer.Option("--archive", metavar="DIR", callback=new_file, help="Move finished deliveries to this folder."),
]
Held = Annotated[bool, typer.Option("--held", help="Try all held and failed events again.")]
RunId = Annotated[str | None, typer.Option("--run", metavar="ID", help="Try events that this run held or failed.")]
Event = Annotated[
    list[str] | None,
    typer.Option("--event", metavar="ID", help="Try this event again. May be repeated.", autocompletion=complete_event),
]
FromSnapshot = Annotated[
    bool,
    typer.Option("--from-snapshot", help="Use the ledger's copy of the events. They are read again before a write."),
]


@command(app, panel=RUN, example="tsrevel sync --dry-run", exits=RUN_EXITS, acts=True, unfinished=UNFINISHED)
def sync(
    ctx: CliContext,
    hours_back: HoursBack = None,
    first: First = None,
    last: Last = None,
    location: Location = None,
    max_orders: MaxOrders = None,
    dry_run: DryRun = False,
) -> int:
    """Make the orders that are due. This is the cron job.

    It lists recent events, decides what to do with each, writes the due orders to Revel, and reports the result for
    every event.
    """
    from tsrevel.cli import sync as verb

    if first and last and last < first:
        raise typer.BadParameter("--to is before --from")
    days = (first.date() if first else None, last.date() if last else None)
    options = verb.SyncOptions(hours_back, *days, tuple(location or ()), max_orders, dry_run)
    return verb.sync(ctx, options).exit_status


@command(
    app,
    "sync-event",
    panel=RUN,
    example="tsrevel sync-event 64000003 --dry-run",
    exits=RUN_EXITS,
    acts=True,
    unfinished=UNFINISHED,
)
def sync_event(
    ctx: CliContext, event_ids: EventIds, ignore_time_gate: IgnoreTimeGate = False, dry_run: DryRun = False
) -> int:
    """Make the orders of the events that you name.

    Use it to make missed orders, or to try an event again.
    """
    from tsrevel.cli import sync as verb

    options = verb.SyncOptions(dry_run=dry_run)
    return verb.sync_events(ctx, options, event_ids, ignore_time_gate=ignore_time_gate).exit_status


@command(
    app,
    panel=RUN,
    example="tsrevel rehearse 64000003",
    exits=RUN_EXITS | {3: "no order was made, or the station shows something else"},
    acts=True,
    unfinished=NOTHING_WRITTEN,
)
def rehearse(
    ctx: CliContext,
    event: Annotated[str, typer.Argument(metavar="EVENT", help="A TripleSeat event id.")],
    agreed: Annotated[bool, typer.Option("--yes", help="Make the order without asking anybody.")] = False,
) -> int:
    """Make an account's first order under supervision.

    It shows the plan and asks for the location's name. Then it makes the order as a run would, reads each stage back at
    once and again after 30 seconds, and compares each sent field with what Revel shows. At the end it asks what a POS
    station shows, and stores the answers in the ledger.
    """
    from tsrevel.cli import rehearse as verb

    return verb.rehearse(ctx, event, agreed=agreed)


@command(
    app,
    panel=RUN,
    example="tsrevel replay /var/spool/tsrevel --archive /var/spool/tsrevel-done",
    exits=RUN_EXITS | {3: f"{RUN_EXITS[3]}, or a delivery couldn't be read", 4: "a signature is invalid"},
    acts=True,
    unfinished=UNFINISHED,
)
def replay(
    ctx: CliContext,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help="Captured deliveries: files, folders, or - for standard input."),
    ] = None,
    signature: Signature = None,
    unsigned: Unsigned = False,
    plain: Plain = False,
    archive: Archive = None,
    held: Held = False,
    run: RunId = None,
    event: Event = None,
    from_snapshot: FromSnapshot = False,
    dry_run: DryRun = False,
) -> int:
    """Process webhook deliveries, or try held events again.

    It decides as `sync` does. The signature of NAME.json is in NAME.sig beside it. With `--json` it prints one line, a
    JSON object, for each delivery or event.
    """
    from tsrevel.cli import replay as verb

    if sum([bool(paths), held, run is not None, bool(event)]) != 1:
        raise typer.BadParameter("name either deliveries (PATH...), --held, --run or --event")
    if paths:
        if from_snapshot:
            raise typer.BadParameter("--from-snapshot goes with --held, --run or --event")
        return verb.replay_captured(ctx, paths, verb.ReplayOptions(signature, unsigned, plain, archive, dry_run))
    if signature is not None or unsigned or plain or archive:
        raise typer.BadParameter("--signature, --unsigned, --plain and --archive go with deliveries (PATH...)")
    return verb.retry_events(ctx, verb.RetryOptions(run, tuple(event or ()), from_snapshot, dry_run))


@command(
    app,
    "verify-signature",
    panel=RUN,
    example="tsrevel verify-signature body.json --signature 't=…,v1=…'",
    exits={0: "the signature is valid", 4: "the signature is invalid", 10: LEDGER_EXITS[10]},
    acts=True,
)
def verify_signature(
    ctx: CliContext,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The raw body. -: standard input.")] = Path("-"),
    signature: Signature = None,
    tolerance: Annotated[
        int | None,
        typer.Option(
            "--tolerance", min=0, metavar="SECONDS", help="Refuse a body signed more than SECONDS before or after now."
        ),
    ] = None,
    plain: Plain = False,
) -> int:
    """Check a captured webhook body against its signature.

    It calls no service.
    """
    from tsrevel.cli import deliveries as verb

    return verb.verify_signature(ctx, file, signature, tolerance=tolerance, plain=plain)


@command(
    app,
    panel=RUN,
    example="tsrevel serve --port 8080",
    exits=LEDGER_EXITS | LOCK_EXITS | {0: "stopped by SIGTERM, SIGHUP or Ctrl-C, after the current order"},
    acts=True,
)
def serve(
    ctx: CliContext,
    host: Annotated[
        str | None, typer.Option("--host", metavar="H", help="Listen on this address. [default: serve.host]")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65535, metavar="P", help="Listen on this port. [default: serve.port]"),
    ] = None,
    plain: Plain = False,
) -> int:
    """Receive webhook deliveries over HTTP, until SIGTERM.

    It stores each delivery before it answers, and then processes it as `replay` does. It needs the extra
    `tsrevel[serve]`. With `--json` it prints its address, then the objects of `replay` and `sync`, one a line.
    """
    require_extra("serve", "starlette", "uvicorn")
    from tsrevel.cli import serve as verb

    return verb.serve(ctx, host, port, plain=plain)
