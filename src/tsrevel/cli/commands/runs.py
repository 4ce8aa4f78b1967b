"""`sync`, `sync-event`, `replay`, `verify-signature`."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.options import (
    Archive,
    DryRun,
    Event,
    EventIds,
    First,
    FromSnapshot,
    Held,
    HoursBack,
    IgnoreTimeGate,
    Last,
    Location,
    MaxOrders,
    Plain,
    RunId,
    Signature,
    Unsigned,
    app,
    command,
)


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
    return verb.retry_events(ctx, flags, verb.RetryOptions(held, run, tuple(event or ()), from_snapshot, dry_run))


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
    days = (_day(first), _day(last))
    options = verb.SyncOptions(hours_back, *days, tuple(location or ()), max_orders, dry_run)
    return verb.sync(ctx, flags, options)


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


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
