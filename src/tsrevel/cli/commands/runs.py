"""`sync`, `sync-event`, `replay`, `verify-signature`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.options import Location, app, command

DryRun = Annotated[bool, typer.Option("--dry-run", help="Read and plan in full, write nothing to Revel.")]
HoursBack = Annotated[
    int | None, typer.Option("--hours-back", min=1, metavar="H", help="Look back so far [default: sync.hours_back].")
]
First = Annotated[
    datetime | None,
    typer.Option("--from", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Only events from this day on."),
]
Last = Annotated[
    datetime | None,
    typer.Option("--to", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Only events up to this day."),
]
MaxOrders = Annotated[
    int | None, typer.Option("--max-orders", min=1, metavar="N", help="Begin at most so many orders.")
]
EventIds = Annotated[list[str], typer.Argument(metavar="EVENT_ID...", help="TripleSeat event ids.")]
IgnoreTimeGate = Annotated[
    bool, typer.Option("--ignore-time-gate", help="Inject although the event's day is not yet, or no longer, open.")
]
Signature = Annotated[
    str | None,
    typer.Option("--signature", metavar="'t=..,v1=..'", help="What the delivery's X-Signature header held."),
]
Plain = Annotated[bool, typer.Option("--plain", help="Also accept a bare hex digest of the body as its signature.")]
Unsigned = Annotated[bool, typer.Option("--unsigned", help="Take deliveries without a signature; the audit says so.")]
Archive = Annotated[
    Path | None, typer.Option("--archive", metavar="DIR", help="Move the deliveries that are dealt with there.")
]
Held = Annotated[bool, typer.Option("--held", help="All events that are held or failed.")]
RunId = Annotated[str | None, typer.Option("--run", metavar="ID", help="The events that this run held or failed.")]
Event = Annotated[list[str] | None, typer.Option("--event", metavar="ID", help="This event; repeatable.")]
FromSnapshot = Annotated[
    bool,
    typer.Option("--from-snapshot", help="Use the ledger's copy of the events. Before a write they are read again."),
]


@command(app, acts=True)
def replay(
    ctx: CliContext,
    flags: OutputOptions,
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH...", help="Captured deliveries: files, folders, -.")
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
    """Take in webhook deliveries, or try held events again. Either goes through the same engine as sync.

    NAME.json has its signature in NAME.sig beside it. With --json: one object a line, one for each delivery or event.
    """
    from tsrevel.cli import replay as verb

    if sum([bool(paths), held, run is not None, bool(event)]) != 1:
        raise typer.BadParameter("name either deliveries (PATH...), --held, --run or --event")
    if paths:
        if from_snapshot:
            raise typer.BadParameter("--from-snapshot goes with --held, --run or --event")
        return verb.replay_captured(ctx, flags, paths, verb.ReplayOptions(signature, unsigned, plain, archive, dry_run))
    if signature is not None or unsigned or plain or archive:
        raise typer.BadParameter("--signature, --unsigned, --plain and --archive go with deliveries (PATH...)")
    return verb.retry_events(ctx, flags, verb.RetryOptions(run, tuple(event or ()), from_snapshot, dry_run))


@command(app, acts=True)
def sync(
    ctx: CliContext,
    flags: OutputOptions,
    hours_back: HoursBack = None,
    first: First = None,
    last: Last = None,
    location: Location = None,
    max_orders: MaxOrders = None,
    dry_run: DryRun = False,
) -> int:
    """List events and inject what is due: the cron job."""
    from tsrevel.cli import sync as verb

    if first and last and last < first:
        raise typer.BadParameter("--to is before --from")
    days = (first.date() if first else None, last.date() if last else None)
    options = verb.SyncOptions(hours_back, *days, tuple(location or ()), max_orders, dry_run)
    return verb.sync(ctx, flags, options)


@command(app, "sync-event", acts=True)
def sync_event(
    ctx: CliContext,
    flags: OutputOptions,
    event_ids: EventIds,
    ignore_time_gate: IgnoreTimeGate = False,
    dry_run: DryRun = False,
) -> int:
    """Inject named events: for backfills and second tries."""
    from tsrevel.cli import sync as verb

    options = verb.SyncOptions(dry_run=dry_run)
    return verb.sync_events(ctx, flags, options, event_ids, ignore_time_gate=ignore_time_gate)


@command(app, "verify-signature", acts=True)
def verify_signature(
    ctx: CliContext,
    flags: OutputOptions,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The raw body; -: standard input.")] = Path("-"),
    signature: Signature = None,
    tolerance: Annotated[
        int | None,
        typer.Option("--tolerance", min=0, metavar="SECONDS", help="Refuse what was signed longer ago, or ahead."),
    ] = None,
    plain: Plain = False,
) -> int:
    """Check a webhook body against its signature. Exit status 0 or 4; no service is called.

    With --json: {"ok", "reason": a code or null, "timestamp": when it was signed, in epoch seconds, or null}.
    """
    from tsrevel.cli import verify as verb

    return verb.verify_signature(ctx, flags, file, signature, tolerance=tolerance, plain=plain)
