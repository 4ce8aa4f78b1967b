"""`sync` and `sync-event`: settings, engine, report; the work is the engine's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from tsrevel.cli.arguments import read_event_id, read_locations
from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.logs import logging_to
from tsrevel.cli.notifications import Begin, RunNotifier
from tsrevel.cli.output import show_progress, show_report
from tsrevel.config import Settings, load_settings
from tsrevel.engine.context import RunContext, RunState
from tsrevel.engine.find import Window
from tsrevel.engine.outcomes import RunReport
from tsrevel.engine.run import sync as sync_window
from tsrevel.engine.run import sync_events as sync_named
from tsrevel.ledger import RunMode, read_pause
from tsrevel.wiring import Runtime, correlate, open_run


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """The flags of `sync` and `sync-event`. They narrow what the settings allow, never widen it."""

    hours_back: int | None = None
    first: date | None = None
    last: date | None = None
    locations: tuple[str, ...] = ()
    max_orders: int | None = None
    dry_run: bool = False


def sync(ctx: CliContext, flags: OutputOptions, options: SyncOptions) -> int:
    """List events, inject what is due, report; the exit status."""
    return _tell(ctx, flags, lambda begin: sync_all(ctx, flags, options, begin))


def sync_events(
    ctx: CliContext, flags: OutputOptions, options: SyncOptions, event_ids: Sequence[str], *, ignore_time_gate: bool
) -> int:
    """The same for named events. Raises typer.BadParameter for what can't be an event's id."""
    named = [read_event_id(each) for each in event_ids]

    def run(ctx: RunContext, _settings: Settings) -> RunReport:
        return sync_named(ctx, RunState.begin(ctx), named, ignore_time_gate=ignore_time_gate)

    return _tell(ctx, flags, lambda begin: make_run(ctx, flags, options, "single", run, begin))


def sync_all(ctx: CliContext, flags: OutputOptions, options: SyncOptions, begin: Begin | None = None) -> RunReport:
    """What `sync` does, without a word of it. `begin` is called before a run, unless there is none to be made.

    Raises ConfigError, RunLocked, LedgerUnusable, and typer.BadParameter for a location that no entry has.
    """

    def run(ctx: RunContext, settings: Settings) -> RunReport:
        return sync_window(ctx, RunState.begin(ctx), Window(settings.sync.hours_back, options.first, options.last))

    return make_run(ctx, flags, options, "bulk", run, begin)


def make_run(
    ctx: CliContext,
    flags: OutputOptions,
    options: SyncOptions,
    mode: RunMode,
    run: Callable[[RunContext, Settings], RunReport],
    begin: Begin | None,
) -> RunReport:
    """One run, with a log and a progress bar; none while the connector is disabled or paused.

    Raises ConfigError, RunLocked, LedgerUnusable, and typer.BadParameter for a location that no entry has.
    """
    runtime = ctx.runtime or Runtime()
    overrides = {"sync.hours_back": options.hours_back, "safety.dry_run": True if options.dry_run else None}
    settings = load_settings(config=flags.config, environ=ctx.environ, overrides=overrides)
    only = read_locations(settings, options.locations)
    run_id = runtime.new_run_id()
    pause = read_pause(settings.ledger_path, runtime.database)
    if pause or not settings.safety.enable_connector:
        return RunReport.of_disabled(run_id, correlate(run_id), mode, settings.safety.dry_run, pause)
    on_start = begin(settings, run_id, mode) if begin else lambda: None
    with (
        logging_to(ctx.stderr, flags, correlate(run_id)),
        show_progress(ctx, flags) as progress,
        open_run(
            settings,
            run_id,
            runtime=runtime,
            only=only,
            max_orders=options.max_orders,
            progress=progress,
            on_start=on_start,
        ) as run_ctx,
    ):
        return run(run_ctx, settings)


def _tell(ctx: CliContext, flags: OutputOptions, run: Callable[[Begin], RunReport]) -> int:
    with RunNotifier(ctx, flags) as notifier:
        report = run(notifier.begin)
        notifier.add_report(report)
        show_report(report, ctx, flags)
    return report.exit_status
