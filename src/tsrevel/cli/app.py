"""The command tree. Each command collects its options and hands over; what it needs is imported when it is called."""

from __future__ import annotations

from contextlib import redirect_stderr, redirect_stdout
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from tsrevel import __version__
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
from tsrevel.cli.world import Manner, World

USAGE = 2

app = typer.Typer(
    name="tsrevel",
    help="Carries catering orders from TripleSeat to Revel POS: exactly one order an event, to the cent.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def run_command(argv: list[str], world: World | None = None) -> int:
    """Run one command line; its exit status. `world` stands in for the real surroundings in tests."""
    world = world or World()
    try:
        with redirect_stdout(world.stdout), redirect_stderr(world.stderr):  # help and usage errors are typer's own
            app(args=argv, obj=world, prog_name="tsrevel")
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0
        if status == USAGE and "--json" in argv:
            text = "the command line can't be understood; stderr says why"
            world.answer({"schema": 1, "success": False, "reason": None, "error": text, "exit_status": USAGE})
        return status
    return 0


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tsrevel {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    del version


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
    """List TripleSeat events and inject what is due into Revel: the cron job."""
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
    """Inject named events, fetched one by one: for backfills and second tries."""
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
    """Check a captured webhook body against its signature: exit 0 or 4. It calls no service.

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
    """Put captured webhook deliveries through the engine, or events that were held or failed.

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


@command(app)
def demo(world: World, manner: Manner) -> int:
    """Show the whole story against pretend services on this machine: no account needed.

    It makes its own settings, so --config changes nothing.
    """
    from tsrevel.cli import demo as verb

    return verb.demo(world, manner)


@command(app)
def sandbox(
    world: World,
    manner: Manner,
    write_config: Annotated[
        Path | None,
        typer.Option("--write-config", metavar="F", help="Write a config that uses it, instead of printing it."),
    ] = None,
    tripleseat_port: Annotated[int, typer.Option("--tripleseat-port", min=0, max=65535, help="0: any free one.")] = 0,
    revel_port: Annotated[int, typer.Option("--revel-port", min=0, max=65535, help="0: any free one.")] = 0,
) -> int:
    """Serve the pretend services on loopback, with a sample day in them, until interrupted.

    With --json: {"schema", "tripleseat": URL, "revel": URL, "config": the file written, or else its text}.
    It makes its own settings, so --config changes nothing.
    """
    from tsrevel.cli import sandbox as verb

    try:
        return verb.serve_sandbox(world, manner, write_config, (tripleseat_port, revel_port))
    except BrokenPipeError:
        raise
    except OSError as error:
        raise typer.BadParameter(f"the sandbox can't be served: {error.strerror or type(error).__name__}") from error
