"""`sync` and `sync-event`: load the settings, start the engine, and show its report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date

from tsrevel.cli.arguments import read_event_id, read_locations
from tsrevel.cli.context import CliContext, logging_to
from tsrevel.cli.notifications import RunNotifier
from tsrevel.cli.output import show_progress
from tsrevel.cli.run_text import show_report
from tsrevel.config import Settings
from tsrevel.engine.context import RunContext, RunState
from tsrevel.engine.find import Window
from tsrevel.engine.outcomes import RunReport
from tsrevel.engine.run import sync as sync_window
from tsrevel.engine.run import sync_events as sync_named
from tsrevel.errors import LedgerUnusable
from tsrevel.ledger import Pause, RunMode, read_pause
from tsrevel.transport.client import Deadline
from tsrevel.wiring import correlate, open_run


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """The options of `sync` and `sync-event`. Those for locations, orders and dry runs can only narrow the settings.

    `deadline`: the run's end, for a caller that may bring it forward.
    """

    hours_back: int | None = None
    first: date | None = None
    last: date | None = None
    locations: tuple[str, ...] = ()
    max_orders: int | None = None
    dry_run: bool = False
    deadline: Deadline | None = None


def sync(ctx: CliContext, options: SyncOptions) -> RunReport:
    """List events, inject what is due, report."""
    with RunNotifier(ctx) as notifier:
        report = sync_all(ctx, options, notifier)
        notifier.add_report(report)
        show_report(report, ctx)
    return report


def sync_events(
    ctx: CliContext, options: SyncOptions, event_ids: Sequence[str], *, ignore_time_gate: bool
) -> RunReport:
    """The same for named events. Raises typer.BadParameter for a text that can't be an event id."""
    named = [read_event_id(each) for each in event_ids]
    with RunNotifier(ctx) as notifier:
        with start_run(ctx, options, "single", notifier) as started:
            if isinstance(started, RunReport):
                report = started
            else:
                state = RunState.begin(started.ctx)
                report = sync_named(started.ctx, state, named, ignore_time_gate=ignore_time_gate)
        notifier.add_report(report)
        show_report(report, ctx)
    return report


def sync_all(ctx: CliContext, options: SyncOptions, notifier: RunNotifier | None = None) -> RunReport:
    """Do what `sync` does, but print nothing. Raises what `start_run` raises."""
    with start_run(ctx, options, "bulk", notifier) as started:
        if isinstance(started, RunReport):
            return started
        window = Window(started.settings.sync.hours_back, options.first, options.last)
        return sync_window(started.ctx, RunState.begin(started.ctx), window)


@dataclass(frozen=True, slots=True)
class StartedRun:
    """A run that may begin: the engine's context, and the settings that it is built from."""

    ctx: RunContext
    settings: Settings


@contextmanager
def start_run(
    ctx: CliContext, options: SyncOptions, mode: RunMode, notifier: RunNotifier | None
) -> Iterator[StartedRun | RunReport]:
    """Start one run, with a log and a progress bar. While runs are disabled or paused, yield their report instead.

    `notifier` learns of a run that may begin. Raises ConfigError, RunLocked, LedgerUnusable, and typer.BadParameter
    for a location that no entry has.
    """
    overrides = {"sync.hours_back": options.hours_back, "safety.dry_run": True if options.dry_run else None}
    settings = ctx.load_settings(overrides=overrides)
    only = read_locations(settings, options.locations)
    run_id = ctx.runtime.new_run_id()
    pause: Pause | None = None
    with suppress(LedgerUnusable):  # the run raises that, once the notifier can report it
        pause = read_pause(settings.ledger_path, ctx.runtime.database)
    if pause or not settings.safety.enable_connector:
        yield RunReport.of_disabled(run_id, correlate(run_id), mode, settings.safety.dry_run, pause)
        return
    if notifier:
        notifier.begin(settings, run_id, mode)
    with (
        logging_to(ctx, correlate(run_id)),
        show_progress(ctx) as progress,
        open_run(
            settings,
            run_id,
            runtime=ctx.runtime,
            only=only,
            max_orders=options.max_orders,
            progress=progress,
            on_start=notifier.announce if notifier else lambda: None,
            deadline=options.deadline,
        ) as run_ctx,
    ):
        yield StartedRun(run_ctx, settings)
