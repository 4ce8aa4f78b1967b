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
    encode_record,
    encode_resolution,
    encode_run,
    encode_standing,
    look,
    run_line,
    shown_at,
)
from tsrevel.insight.history import EventHistory, RunHistory, describe_fact, recall_pause, recount_event, recount_runs
from tsrevel.ledger import AuditRow, Pause
from tsrevel.ledger.queries import StepStatus
from tsrevel.planning.money import show


def show_runs(ctx: CliContext, flags: OutputOptions, limit: int) -> int:
    """The last runs and what they injected, held and failed: exit 0. Raises what `status` raises."""
    with look(ctx, flags) as (_, view, _now):
        told, pause = recount_runs(view, limit), recall_pause(view)
    if flags.json:
        from tsrevel.cli.output import encode_pause  # it knows the engine

        runs = [encode_run(each.run) | {"events": [encode_attempt(one) for one in each.attempts]} for each in told]
        ctx.answer({"schema": 1, "success": True, "paused": encode_pause(pause), "runs": runs})
    else:
        _tell_runs(_page(ctx, pause), told)
    return 0


def show_event(ctx: CliContext, flags: OutputOptions, event: str, limit: int | None) -> int:
    """Everything that happened to the event, of facts the last `limit`: exit 0, also where it is unknown.

    Raises typer.BadParameter for what can't be an event's id.
    """
    with look(ctx, flags) as (_, view, _now):
        event_id = find_event_id(event, lambda each: recount_event(view, each).known)
        told, pause = recount_event(view, event_id, limit), recall_pause(view)
    if flags.json:
        from tsrevel.cli.output import encode_pause

        ctx.answer(encode_history(told) | {"paused": encode_pause(pause)})
    else:
        _tell_event(_page(ctx, pause), told)
    return 0


def _page(ctx: CliContext, pause: Pause | None) -> TextOutput:
    """A page that begins with the pause, if there is one."""
    page = TextOutput(ctx)
    if pause:
        page.line(f"! runs are {pause}", "bold red")
    return page


def encode_history(told: EventHistory) -> dict[str, object]:
    """The history of an event for --json."""
    return {
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
        "facts": [_encode_fact(each) for each in told.facts],
    }


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


def _encode_fact(fact: AuditRow) -> dict[str, object]:
    return {
        "seq": fact.seq,
        "at": encode_at(fact.at),
        "run_id": fact.run_id,
        "kind": fact.kind,
        "text": describe_fact(fact),
        "detail": dict(fact.detail),
    }


def _tell_runs(page: TextOutput, told: tuple[RunHistory, ...]) -> None:
    if not told:
        page.line("no runs yet")
    for each in told:
        page.line(run_line(each.run), "bold")
        for one in each.attempts:
            order = f" Revel order {one.order_id}" if one.order_id else ""
            text = f"{one.status} event {one.event_id} {one.reason or ''}".rstrip() + order
            page.line(text, STYLES.get(one.status, ""), indent=2)


def _tell_event(page: TextOutput, told: EventHistory) -> None:
    if not told.known:
        page.line(f"event {told.event_id}: no run has ever seen it, as far as this ledger knows")
        return
    standing, record, resolution = told.standing, told.record, told.resolution
    head = f"event {told.event_id}"
    if standing:
        where = f"{standing.location} {standing.day or ''}".strip()
        head += f" ({where})" if where else ""
        head += (
            f": {standing.status} {standing.reason or ''}".rstrip() + f", last seen {shown_at(standing.last_seen_at)}"
        )
    page.line(head, "bold")
    if record:
        total = f", total {show(record.plan.final_total)}" if record.plan else ""
        text = f": {record.dispute}" if record.dispute else ""
        page.line(f"order: {record.state}, Revel order {record.order_id or 'none yet'}{total}{text}")
    if resolution:
        page.line(f"resolved as {resolution.verdict} {shown_at(resolution.resolved_at)}: {resolution.note}")
    if told.attempts:
        page.line("attempts", "bold")
        for one in told.attempts:
            order = f" Revel order {one.order_id}" if one.order_id else ""
            text = f"{shown_at(one.at)}  {one.correlation_id}  {one.status} {one.reason or ''}".rstrip() + order
            page.line(text, STYLES.get(one.status, ""), indent=2)
    _tell_steps(page, told.steps)
    page.line("what happened", "bold")
    for fact in told.facts:
        run = f"[{fact.run_id[:8]}] " if fact.run_id else ""
        page.line(f"{shown_at(fact.at)}  {run}{describe_fact(fact)}", indent=2)


def _tell_steps(page: TextOutput, steps: tuple[StepStatus, ...]) -> None:
    if not steps:
        return
    page.line("receipts", "bold")
    rows = [
        (
            f"{step.kind} {step.number + 1}" if step.kind in {"item", "payment"} else step.kind,
            step.revel_id or {"kept": "", "not_kept": "receipt not kept", None: "not written"}[_receipt_of(step)],
            shown_at(step.recorded_at),
            (step.run_id or "")[:8],
            step.uuid,
        )
        for step in steps
    ]
    page.rows(("Step", "Revel id", "When", "Run", "uuid"), rows)
