"""What commands print: a table on a terminal, silence or a few lines off it, one JSON object with --json (DESIGN 2)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.streams import inner
from tsrevel.cli.table import show_events
from tsrevel.engine.context import Progress
from tsrevel.engine.outcomes import Outcome, RunReport
from tsrevel.ledger import Pause
from tsrevel.planning.money import show
from tsrevel.planning.reasons import Reason, Status
from tsrevel.text import show_controls


def encode_report(report: RunReport) -> dict[str, object]:
    """The report as `--json` prints it: ids are strings, money is a string with two decimals."""
    answer: dict[str, object] = {
        "schema": 1,
        "success": report.success,
        "mode": report.mode,
        "run_id": report.run_id,
        "correlation_id": report.correlation_id,
        "dry_run": report.dry_run,
        "reason": report.reason,
        "summary": report.summary,
        "events": [encode_outcome(outcome) for outcome in report.outcomes],
        "paused": encode_pause(report.paused),
    }
    answer |= {"warnings": list(report.warnings)} if report.warnings else {}
    return answer | ({"error": report.error, "exit_status": report.exit_status} if report.error else {})


def encode_pause(pause: Pause | None) -> dict[str, str | None] | None:
    """A pause as --json prints it: since when, in UTC, and why, in the words of whoever said so."""
    if pause is None:
        return None
    return {"since": pause.since.isoformat(timespec="seconds").replace("+00:00", "Z"), "reason": pause.reason or None}


def encode_outcome(outcome: Outcome) -> dict[str, object]:
    """One event as --json prints it (DESIGN 4)."""
    told = outcome.status is not Status.SKIPPED or outcome.news
    return {
        "id": outcome.event_id,
        "name": outcome.name,
        "date": outcome.day.isoformat() if outcome.day else None,
        "location": outcome.location,
        "establishment": str(outcome.establishment) if outcome.establishment is not None else None,
        "status": outcome.status,
        "reason": outcome.reason,
        "category": outcome.category,
        "error": (outcome.text or None) if told else None,
        "revel_order_id": outcome.order_id,
        "local_id": outcome.local_id,
        "total": show(outcome.total) if outcome.total is not None else None,
    }


def show_report(report: RunReport, ctx: CliContext, flags: OutputOptions) -> None:
    """Print the report on stdout in the manner asked for; why a run ended before its time goes to stderr."""
    if report.error:
        print(f"tsrevel: [{report.correlation_id}] {report.error}", file=ctx.stderr)
    if flags.json:
        ctx.answer(encode_report(report))
    elif ctx.stdout.isatty():
        from tsrevel.cli.table import open_console

        show_table(report, open_console(ctx))
    else:
        for line in list_errors(report) if flags.quiet else list_news(report):
            print(line, file=ctx.stdout)


def list_news(report: RunReport) -> list[str]:
    """What a person hasn't been told yet, a line each, after one line that sums up; nothing where nothing is new."""
    news = [outcome for outcome in report.outcomes if outcome.news]
    lines = [news_line(outcome) for outcome in news if outcome.status is not Status.INJECTED]
    cut_short = report.error and report.outcomes  # without outcomes the error says it all
    return [summary_line(report), *lines] if news or cut_short else []


def list_errors(report: RunReport) -> list[str]:
    """What no manner of speaking leaves out: failures, missed events, and orders that a person must look at."""
    errors = [each for each in report.outcomes if each.status is Status.FAILED or each.missed or each.alarm]
    return [news_line(outcome) for outcome in errors]


def summary_line(report: RunReport) -> str:
    """The run in one line."""
    counts = report.summary
    done = [
        outcome.total for outcome in report.outcomes if outcome.status is Status.INJECTED and outcome.total is not None
    ]
    always = Status.PLANNED if report.dry_run else Status.INJECTED
    parts = [f"{counts[status]} {status}" for status in Status if counts[status] or status is always]
    missed = f", {counts['missed']} missed" if counts["missed"] else ""
    money = f" ({show(type(done[0])(sum(done)))} in all)" if done else ""
    dry = " (dry run, nothing written)" if report.dry_run else ""
    return f"[{report.correlation_id}] {counts['queried']} events: {', '.join(parts)}{missed}{money}{dry}"


def news_line(outcome: Outcome) -> str:
    """One event, without its name: the line may end in a mailbox or a log, and names are customer data."""
    what = "missed" if outcome.missed else outcome.status
    told = f"{outcome.location} {outcome.day or ''}".strip()
    where = f" ({told})" if told else ""
    total = f" {show(outcome.total)}" if outcome.total is not None else ""
    reason = f" {outcome.reason}" if outcome.reason else ""
    return f"{what} event {outcome.event_id}{where}{total}{reason}" + (f": {outcome.text}" if outcome.text else "")


def show_table(report: RunReport, console: Console) -> None:
    """The whole run for a person: every event, and the run in one line."""
    disabled = report.reason is Reason.CONNECTOR_DISABLED
    if disabled and not report.outcomes:
        why = f"Runs are {report.paused}" if report.paused else "The connector is disabled (safety.enable_connector)"
        console.print(show_controls(f"{why}: nothing was asked, nothing written."), markup=False, soft_wrap=True)
        return
    if report.outcomes:
        show_events(console, report.outcomes)
    if report.paused:
        console.print(show_controls(f"Stopped on the way: {report.paused}."), markup=False, soft_wrap=True)
    console.print(summary_line(report), markup=False, soft_wrap=not console.is_terminal)


@contextmanager
def show_progress(ctx: CliContext, flags: OutputOptions) -> Iterator[Progress]:
    """A progress bar on stderr where that is a terminal, fed by what is yielded; nothing elsewhere."""
    if flags.quiet or flags.json or not ctx.stderr.isatty():
        yield lambda _done, _of: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("so far"))
    with Bar(*columns, console=Console(file=inner(ctx.stderr), _environ=ctx.environ), transient=True) as bar:
        task = bar.add_task("reading", total=None)
        yield lambda done, of: bar.update(task, description=f"{done} of {of}", completed=done, total=of)
