"""A run and its events in words: lines, tables and sums, the same wherever they are shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import groupby

from tsrevel.cli.context import CliContext
from tsrevel.cli.options import ALWAYS_EXITS, RUN_EXITS
from tsrevel.cli.output import STYLES, Row, TextOutput, columns_of
from tsrevel.engine.outcomes import NEEDS_ATTENTION, Outcome, RunReport, describe_disabled, is_problem, is_told_change
from tsrevel.ledger import RunRecord
from tsrevel.planning.money import Cents, show_grouped
from tsrevel.planning.reasons import Reason, Status, advise
from tsrevel.text import capitalised, count_of

_EVENT_COLUMNS = columns_of("Event", "Name:name", "Status:status", "Total:amount", "Order", "Reason")


def show_events(page: TextOutput, outcomes: Sequence[Outcome]) -> None:
    """Print every event under its day and location."""
    rows: list[Row | str] = []
    ordered = sorted(outcomes, key=_day_and_place)
    for (day, location), group in groupby(ordered, _day_and_place):
        rows.append(f"{'no day' if day == date.max else day}, {location or 'no location'}")
        for each in group:
            status = _show_status(each)
            total = show_grouped(each.total) if each.total is not None else ""
            cells = (each.event_id, each.name, status, total, each.order_id or "", each.reason or "")
            style = "bold" if "bold" in STYLES[status] else "dim" if status == "skipped" else ""
            rows.append(Row(cells, style, "" if each.order_only else _explain(each)))
    page.table(_EVENT_COLUMNS, rows)


def _show_status(outcome: Outcome) -> str:
    if outcome.still_missed:
        return "missed"  # a person is still needed
    is_changed = outcome.status is Status.SKIPPED and is_told_change(outcome)
    return "changed" if is_changed else outcome.shown_status


def _explain(outcome: Outcome) -> str:
    """The reason of the event's status, and what to do."""
    advice = _advise(outcome)
    return f"{outcome.text}; {advice}" if advice else outcome.text


def _advise(outcome: Outcome) -> str:
    """Advice if it is missed, if it fails in every run, or if it changed once resolved; else ""."""
    failed, again = outcome.failed_write, outcome.repeated
    if not (outcome.missed or failed or again or (outcome.resolved and outcome.news)):
        return ""
    status, reason = outcome.status, outcome.reason
    return advise(outcome.event_id, status, reason, failed_write=failed, again=again, resolved=outcome.resolved)


def _day_and_place(outcome: Outcome) -> tuple[date, str]:
    return outcome.day or date.max, outcome.location


def summarise(counts: Mapping[str, int], totals: Mapping[str, Cents] | None, *, dry_run: bool) -> str:
    """A run in one sentence, the same everywhere. Every event is counted once.

    `counts` are those of `RunReport.counts`; older runs lack some. `totals` are the sums of the orders by currency,
    None if unknown.
    """
    dry = "; dry run, nothing was written" if dry_run else ""
    told = list_counts(counts, totals, verb="planned" if dry_run else "made")
    return f"{count_of(counts.get('queried', 0), 'event')}: {told}{dry}"


def list_counts(counts: Mapping[str, int], totals: Mapping[str, Cents] | None, *, verb: str) -> str:
    """The results in words: the orders "made", "planned" or the like, then the other events by status."""
    number = counts.get("injected" if verb == "made" else "planned", 0)
    missed, still, changed = counts.get("missed", 0), counts.get("still_missed", 0), counts.get("changed", 0)
    left = counts.get("left", 0)
    others = {
        "held": counts.get("held", 0),
        "failed": counts.get("failed", 0),
        "missed": missed,
        "still missed": still,
        "changed": changed,
        "left for the next run": left,
        "with nothing to do": counts.get("skipped", 0) - missed - still - changed - left,
    }
    money = f" ({_show_totals(totals)})" if number and totals else ""
    orders = f"{count_of(number, 'order')} {verb}{money}"
    return ", ".join([orders, *(f"{count:,} {what}" for what, count in others.items() if count)])


def _show_totals(totals: Mapping[str, Cents]) -> str:
    """The amounts. Several currencies are named, because their sums can't be added: "1,000.00 GBP and 300.00 USD"."""
    if len(totals) == 1:
        return "".join(map(show_grouped, totals.values()))
    return " and ".join(f"{show_grouped(total)} {currency}" for currency, total in sorted(totals.items()))


def add_totals(outcomes: Iterable[Outcome]) -> dict[str, Cents] | None:
    """The sums of these orders by currency; None if the total of one is unknown."""
    totals: dict[str, Cents] = {}
    for each in outcomes:
        if each.total is None:
            return None
        totals[each.currency] = Cents(totals.get(each.currency, 0) + each.total)
    return totals


def show_report(report: RunReport, ctx: CliContext) -> None:
    """Print the report on stdout in the requested format. The reason why a run ended early goes to stderr."""
    if report.error:
        ctx.log(report.error, correlation_id=report.correlation_id)
    if ctx.options.json:
        from tsrevel.cli.answers.runs import answer_report

        ctx.answer(answer_report(report))
    elif ctx.stdout.isatty():
        show_table(report, TextOutput(ctx))
    else:
        for line in list_problems(report) if ctx.options.quiet else list_news(report):
            print(ctx.copyable(line), file=ctx.stdout)


def list_news(report: RunReport) -> list[str]:
    """One line for each event that is news, after a summary line; nothing if nothing is new."""
    news = _news(report)
    lines = [news_line(each) for each in news if each.status is not Status.INJECTED or is_told_change(each)]
    cut_short = report.error and report.outcomes  # without outcomes the error is enough
    return [f"[{report.correlation_id}] {summary_of(report)}", *lines] if news or cut_short else []


def list_problems(report: RunReport) -> list[str]:
    """Of the lines of `list_news`, those of problems. No later run repeats them, so -q must show them, too."""
    return [news_line(each) for each in _news(report) if is_problem(each)]


def _news(report: RunReport) -> list[Outcome]:
    return [each for each in report.outcomes if each.news]


def summary_of(report: RunReport) -> str:
    """The run in one sentence."""
    wanted = Status.PLANNED if report.dry_run else Status.INJECTED
    totals = add_totals(each for each in report.outcomes if each.status is wanted)
    return summarise(report.counts, totals, dry_run=report.dry_run)


def news_line(outcome: Outcome, *, named: bool = False) -> str:
    """One event, with its reason.

    `named` is only for terminals: other lines may go to mails or logs, and names are customer data.
    """
    name = f" {outcome.name}" if named and outcome.name else ""
    told = f"{outcome.location} {outcome.day or ''}".strip()
    where = f" ({told})" if told else ""
    total = f" {show_grouped(outcome.total)}" if outcome.total is not None else ""
    reason = f" {outcome.reason}" if outcome.reason else ""
    why = f": {_explain(outcome)}" if outcome.text else ""
    return f"{outcome.shown_status} event {outcome.event_id}{name}{where}{total}{reason}{why}"


def show_table(report: RunReport, page: TextOutput) -> None:
    """The whole run for a person: every event, and the run in one line."""
    disabled = report.reason is Reason.CONNECTOR_DISABLED
    if disabled and not report.outcomes:
        why = describe_disabled(report.paused)
        page.line(f"{capitalised(why)}: no service was called, and nothing was written.", hang=0)
        return
    if report.outcomes:
        show_events(page, report.outcomes)
    if report.paused:
        page.line(f"The run stopped early: {report.paused}.", hang=0)
    show_summary(report, page)


def show_summary(report: RunReport, page: TextOutput) -> None:
    """The run in one sentence, and its id."""
    page.line(summary_of(report), "bold", hang=0)
    page.line(f"run {report.correlation_id}", "dim")


def run_line(page: TextOutput, run: RunRecord, totals: Mapping[str, Cents] | None) -> str:
    """A stored run in one line; `totals` are the sums of its orders by currency, None if the ledger lacks them."""
    head = f"{run.correlation_id}  {page.at(run.started_at)}  {run.mode}"
    if run.finished_at is None:
        dry = ", dry run" if run.dry_run else ""
        is_open = "" if run.followed else "is under way, "
        return f"{head}{dry}, not finished: it {is_open}was stopped, died, or couldn't store its end"
    seconds = int((run.finished_at - run.started_at).total_seconds())
    did_work = run.exit_status in {0, NEEDS_ATTENTION}
    ended = f"exit {run.exit_status}" if did_work else describe_exit(run.exit_status)
    found = did_work or run.summary.get("queried")
    told = summarise(run.summary, totals, dry_run=run.dry_run) if found else "no event was read"
    return f"{head}, {seconds} s, {ended}: {told}"


def describe_exit(status: int | None) -> str:
    """The exit status of a run with its meaning."""
    meaning = (ALWAYS_EXITS | RUN_EXITS).get(status or 0)
    return f"exit {status} ({meaning})" if meaning else f"exit {status}"
