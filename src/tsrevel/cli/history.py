"""`history`: the last runs, one run, or everything that happened to one event. It reads only the ledger."""

from __future__ import annotations

import typer

from tsrevel.cli.answers import reports
from tsrevel.cli.answers.model import fill
from tsrevel.cli.answers.runs import answer_pause
from tsrevel.cli.arguments import AN_EVENT_ID, find_event_id
from tsrevel.cli.context import CliContext
from tsrevel.cli.output import ALARM, ORDER_STATES, STYLES, Row, TextOutput, columns_of, look
from tsrevel.cli.run_text import run_line
from tsrevel.config import Settings
from tsrevel.engine.outcomes import CHANGES
from tsrevel.errors import USAGE
from tsrevel.insight.history import EventHistory, RunHistory, describe_fact, recount_event, recount_runs
from tsrevel.ledger import Pause
from tsrevel.ledger.queries import Attempt
from tsrevel.planning.model import EventId, name_step
from tsrevel.planning.money import show_grouped
from tsrevel.planning.reasons import Reason

_RUNS_SHOWN = 10
"""Show up to this many runs with one id. There is only one, unless two runs have the same correlation id."""


def show_runs(ctx: CliContext, limit: int) -> int:
    """Show the last runs and what each did and first found. Exit status 0. Raises what `status` raises."""
    with look(ctx) as (settings, view, _now):
        _tell_runs(ctx, settings, recount_runs(view, limit), view.runs.paused() if view else None)
    return 0


def _tell_runs(ctx: CliContext, settings: Settings, told: tuple[RunHistory, ...], pause: Pause | None) -> None:
    if ctx.options.json:
        runs = tuple(
            fill(reports.RunWithEventsJson, reports.answer_run(each.run), events=reports.answer_attempts(each.attempts))
            for each in told
        )
        ctx.answer(reports.RunsAnswer(paused=answer_pause(pause), runs=runs))
    else:
        page = _begin(ctx, settings, pause)
        if not told:
            page.line("no runs yet")
        for each in told:
            page.line(run_line(page, each.run, each.totals), "bold")
            for one in each.attempts:
                word = _FOUND.get(one.reason, one.status)
                _tell_attempt(page, one, f"{word} event {one.event_id}", word)


def show_one(ctx: CliContext, name: str, limit: int | None) -> int:
    """Show everything that happened to an event, with its last `limit` audit rows, or in a run.

    Exit status 0, or 2 if the ledger knows neither an event nor a run of this id. Raises typer.BadParameter for a text
    that can't be the id of either.
    """
    with look(ctx) as (settings, view, _now):
        pause, runs = view.runs.paused() if view else None, recount_runs(view, _RUNS_SHOWN, name.strip())
        try:
            event_id = find_event_id(name, lambda each: recount_event(view, each).known)
        except typer.BadParameter as error:
            if not runs:
                text = f"{name!r} is not {AN_EVENT_ID}, and no run in the ledger has that id"
                raise typer.BadParameter(f"{text}; `tsrevel history` lists the runs") from error
            _tell_runs(ctx, settings, runs, pause)
            return 0
        told = recount_event(view, event_id, limit)
    if runs and not told.known:  # a run's short id may have only digits
        _tell_runs(ctx, settings, runs, pause)
        return 0
    if ctx.options.json:
        answer = fill(
            reports.EventHistoryAnswer,
            told,
            event=reports.answer_status(told.standing, failed_write=told.failed_write) if told.standing else None,
            order=reports.answer_record(told.record),
            resolution=reports.answer_resolution(told.resolution),
            attempts=reports.answer_attempts(told.attempts),
            receipts=reports.answer_steps(each for each in told.steps if each.kept),
            steps=reports.answer_steps(told.steps),
            facts=tuple(fill(reports.FactJson, fact, text=describe_fact(fact)) for fact in told.facts),
            paused=answer_pause(pause),
            success=told.known,
            error=None if told.known else _describe_unknown(event_id),
            exit_status=None if told.known else USAGE,
        )
        ctx.answer(answer)
    else:
        place = told.standing.location if told.standing else ""
        _tell_event(_begin(ctx, settings, pause, place), told)
    return 0 if told.known else USAGE


def _begin(ctx: CliContext, settings: Settings, pause: Pause | None, place: str = "") -> TextOutput:
    """The output. It begins with the pause, if there is one."""
    page = TextOutput(ctx, settings, place)
    if pause:
        page.line(f"! runs are {pause}", ALARM)
    return page


def _describe_unknown(event_id: EventId) -> str:
    return f"neither an event nor a run in this ledger has the id {event_id}"


def _tell_event(page: TextOutput, told: EventHistory) -> None:
    if not told.known:
        page.line(_describe_unknown(told.event_id))
        return
    head = f"event {told.event_id}"
    if standing := told.standing:
        where = f"{standing.location} {standing.day or ''}".strip()
        head += f" ({where})" if where else ""
        head += f": {standing.status} {standing.reason or ''}".rstrip()
        head += f", last seen {page.at(standing.last_seen_at)}"
    page.line(head, "bold")
    if record := told.record:
        total = f", total {show_grouped(record.plan.final_total)}" if record.plan else ""
        text = f": {record.dispute}" if record.dispute else ""
        page.line(f"order: {ORDER_STATES[record.state]}, Revel order {record.order_id or 'none yet'}{total}{text}")
    if resolution := told.resolution:
        page.line(f"resolved as {resolution.verdict} {page.at(resolution.resolved_at)}: {resolution.note}")
    if told.attempts:
        page.line("attempts", "bold")
        for one in told.attempts:
            _tell_attempt(page, one, f"{page.at(one.at)}  {one.correlation_id}  {one.status}", one.status)
    if told.steps:
        page.line("receipts", "bold")
        rows = []
        for step in told.steps:
            missing = {"kept": "", "not_kept": "receipt not stored", None: "not written"}[reports.receipt_of(step)]
            when, run = page.at(step.recorded_at), (step.run_id or "")[:8]
            rows.append(Row((name_step(step.kind, step.number), step.revel_id or missing, when, run, step.uuid)))
        page.table(_STEP_COLUMNS, rows)
    page.line("history", "bold")
    for fact in told.facts:
        by = f"[{fact.run_id[:8]}] " if fact.run_id else ""
        page.line(f"{page.at(fact.at)}  {by}{describe_fact(fact)}", indent=2)


_STEP_COLUMNS = columns_of("Step", "Revel id", "When", "Run", "uuid")


_FOUND: dict[str | None, str] = {**dict.fromkeys(CHANGES, "changed"), Reason.EVENT_DAY_PASSED: "missed"}
"""The word for what a run found of an event, by its reason, if that says more than the status."""


def _tell_attempt(page: TextOutput, attempt: Attempt, head: str, word: str) -> None:
    order = f" Revel order {attempt.order_id}" if attempt.order_id else ""
    page.line(f"{head} {attempt.reason or ''}".rstrip() + order, STYLES.get(word, ""), indent=2)
