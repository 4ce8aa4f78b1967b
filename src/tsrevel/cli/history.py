"""`history`: the last runs, or all that ever happened to one event, by the ledger alone."""

from __future__ import annotations

from collections.abc import Iterable

from tsrevel.cli.arguments import find_event_id
from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.output import (
    STYLES,
    TextOutput,
    encode_at,
    encode_attempt,
    encode_pause,
    encode_record,
    encode_resolution,
    encode_run,
    encode_standing,
    look,
    run_line,
    shown_at,
)
from tsrevel.insight.history import EventHistory, describe_fact, recount_event, recount_runs
from tsrevel.ledger import Pause
from tsrevel.ledger.queries import Attempt, StepStatus
from tsrevel.planning.money import show


def show_runs(ctx: CliContext, flags: OutputOptions, limit: int) -> int:
    """The last runs and what they injected, held and failed: exit 0. Raises what `status` raises."""
    with look(ctx, flags) as (_, view, _now):
        told, pause = recount_runs(view, limit), view.runs.paused() if view else None
    if flags.json:
        runs = [encode_run(each.run) | {"events": [encode_attempt(one) for one in each.attempts]} for each in told]
        ctx.answer({"schema": 1, "success": True, "paused": encode_pause(pause), "runs": runs})
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
        answer = {
            "schema": 1,
            "success": True,
            "event_id": told.event_id,
            "known": told.known,
            "event": encode_standing(told.standing) if told.standing else None,
            "order": encode_record(told.record),
            "resolution": encode_resolution(told.resolution),
            "attempts": [encode_attempt(each) for each in told.attempts],
            "receipts": encode_steps([each for each in told.steps if each.kept]),
            "steps": encode_steps(told.steps),
            "facts": [
                {
                    "seq": fact.seq,
                    "at": encode_at(fact.at),
                    "run_id": fact.run_id,
                    "kind": fact.kind,
                    "text": describe_fact(fact),
                    "detail": dict(fact.detail),
                }
                for fact in told.facts
            ],
            "paused": encode_pause(pause),
        }
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


def encode_steps(steps: Iterable[StepStatus]) -> list[dict[str, object]]:
    """Steps of the claimed plan, with their receipts."""
    return [
        {
            "step": step.kind,
            "number": step.number + 1,
            "uuid": step.uuid,
            "written": step.written,
            "receipt": _receipt_of(step),
            "revel_id": step.revel_id,
            "at": encode_at(step.recorded_at),
            "run_id": step.run_id,
        }
        for step in steps
    ]


def _receipt_of(step: StepStatus) -> str | None:
    """ "kept"; "not_kept" where there was one, or may have been; None where nothing was written."""
    if step.kept:
        return "kept"
    return None if step.written is False else "not_kept"


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
            missing = {"kept": "", "not_kept": "receipt not kept", None: "not written"}[_receipt_of(step)]
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
