"""`sync`, `sync-event`."""

from __future__ import annotations

from datetime import date, datetime

import typer

from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.options import (
    DryRun,
    EventIds,
    First,
    HoursBack,
    IgnoreTimeGate,
    Last,
    Location,
    MaxOrders,
    command,
)
from tsrevel.cli.tree import app


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
