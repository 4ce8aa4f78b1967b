"""`history`: the last runs, or all that ever happened to one event, by the ledger alone."""

from __future__ import annotations

from tsrevel.cli.answers import reports
from tsrevel.cli.answers.model import fill
from tsrevel.cli.answers.runs import answer_pause
from tsrevel.cli.arguments import find_event_id
from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.output import (
    STYLES,
    TextOutput,
    look,
    run_line,
    shown_at,
)
from tsrevel.insight.history import EventHistory, describe_fact, recount_event, recount_runs
from tsrevel.ledger import Pause
from tsrevel.ledger.queries import Attempt
from tsrevel.planning.money import show


def show_runs(ctx: CliContext, flags: OutputOptions, limit: int) -> int:
    """The last runs and what they injected, held and failed: exit 0. Raises what `status` raises."""
    with look(ctx, flags) as (_, view, _now):
        told, pause = recount_runs(view, limit), view.runs.paused() if view else None
    if flags.json:
        runs = tuple(
            fill(reports.RunWithEventsJson, reports.answer_run(each.run), events=reports.answer_attempts(each.attempts))
            for each in told
        )
        ctx.answer(reports.RunsAnswer(paused=answer_pause(pause), runs=runs))
    else:
        page = _page(ctx, pause)
        if not told:
            page.line("no runs yet")
        for each in told:
            page.line(run_line(each.run), "bold")
            for one in each.attempts:
                _tell_attempt(page, one, f"{one.status} event {one.event_id}")
    return 0


def show_event(ctx: CliContext, flags: OutputOptions, event: str, limit: int | None) -> int:
    """Everything that happened to the event, of facts the last `limit`: exit 0, also where it is unknown.

    Raises typer.BadParameter for what can't be an event's id.
    """
    with look(ctx, flags) as (_, view, _now):
        event_id = find_event_id(event, lambda each: recount_event(view, each).known)
        told, pause = recount_event(view, event_id, limit), view.runs.paused() if view else None
    if flags.json:
        answer = fill(
            reports.EventHistoryAnswer,
            told,
            event=reports.answer_status(told.standing) if told.standing else None,
            order=reports.answer_record(told.record),
            resolution=reports.answer_resolution(told.resolution),
            attempts=reports.answer_attempts(told.attempts),
            receipts=reports.answer_steps(each for each in told.steps if each.kept),
            steps=reports.answer_steps(told.steps),
            facts=tuple(fill(reports.FactJson, fact, text=describe_fact(fact)) for fact in told.facts),
            paused=answer_pause(pause),
        )
        ctx.answer(answer)
    else:
        _tell_event(_page(ctx, pause), told)
    return 0


def _page(ctx: CliContext, pause: Pause | None) -> TextOutput:
    """A page that begins with the pause, if there is one."""
    page = TextOutput(ctx)
    if pause:
        page.line(f"! runs are {pause}", "bold red")
    return page


def _tell_event(page: TextOutput, told: EventHistory) -> None:
    if not told.known:
        page.line(f"event {told.event_id}: no run has ever seen it, as far as this ledger knows")
        return
    head = f"event {told.event_id}"
    if standing := told.standing:
        where = f"{standing.location} {standing.day or ''}".strip()
        head += f" ({where})" if where else ""
        head += f": {standing.status} {standing.reason or ''}".rstrip()
        head += f", last seen {shown_at(standing.last_seen_at)}"
    page.line(head, "bold")
    if record := told.record:
        total = f", total {show(record.plan.final_total)}" if record.plan else ""
        text = f": {record.dispute}" if record.dispute else ""
        page.line(f"order: {record.state}, Revel order {record.order_id or 'none yet'}{total}{text}")
    if resolution := told.resolution:
        page.line(f"resolved as {resolution.verdict} {shown_at(resolution.resolved_at)}: {resolution.note}")
    if told.attempts:
        page.line("attempts", "bold")
        for one in told.attempts:
            _tell_attempt(page, one, f"{shown_at(one.at)}  {one.correlation_id}  {one.status}")
    if told.steps:
        page.line("receipts", "bold")
        rows = []
        for step in told.steps:
            name = f"{step.kind} {step.number + 1}" if step.kind in {"item", "payment"} else step.kind
            missing = {"kept": "", "not_kept": "receipt not kept", None: "not written"}[reports.receipt_of(step)]
            when, run = shown_at(step.recorded_at), (step.run_id or "")[:8]
            rows.append((name, step.revel_id or missing, when, run, step.uuid))
        page.rows(("Step", "Revel id", "When", "Run", "uuid"), rows)
    page.line("what happened", "bold")
    for fact in told.facts:
        by = f"[{fact.run_id[:8]}] " if fact.run_id else ""
        page.line(f"{shown_at(fact.at)}  {by}{describe_fact(fact)}", indent=2)


def _tell_attempt(page: TextOutput, attempt: Attempt, head: str) -> None:
    order = f" Revel order {attempt.order_id}" if attempt.order_id else ""
    page.line(f"{head} {attempt.reason or ''}".rstrip() + order, STYLES.get(attempt.status, ""), indent=2)
