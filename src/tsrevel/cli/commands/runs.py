"""`sync`, `sync-event`, `verify-signature`, `replay`."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

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
    command,
)
from tsrevel.cli.tree import app
from tsrevel.cli.world import Manner, World


@command(app)
def sync(
    world: World,
    manner: Manner,
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
    return verb.sync(world, manner, options)


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


@command(app, "sync-event")
def sync_event(
    world: World,
    manner: Manner,
    event_ids: EventIds,
    ignore_time_gate: IgnoreTimeGate = False,
    dry_run: DryRun = False,
) -> int:
    """Inject named events: for backfills and second tries."""
    from tsrevel.cli import sync as verb

    options = verb.SyncOptions(dry_run=dry_run)
    return verb.sync_events(world, manner, options, event_ids, ignore_time_gate=ignore_time_gate)


@command(app, "verify-signature")
def verify_signature(
    world: World,
    manner: Manner,
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

    return verb.verify_signature(world, manner, file, signature, tolerance=tolerance, plain=plain)


@command(app)
def replay(
    world: World,
    manner: Manner,
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
        return verb.replay_captured(
            world, manner, paths, verb.ReplayOptions(signature, unsigned, plain, archive, dry_run)
        )
    if signature is not None or unsigned or plain or archive:
        raise typer.BadParameter("--signature, --unsigned, --plain and --archive go with deliveries (PATH...)")
    return verb.retry_events(world, manner, verb.RetryOptions(held, run, tuple(event or ()), from_snapshot, dry_run))
