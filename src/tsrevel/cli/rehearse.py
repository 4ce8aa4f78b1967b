"""`rehearse`: make the first order under supervision, and compare it with what was sent."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from tsrevel.cli.answers.reports import FieldResult, RehearsalAnswer, SentField
from tsrevel.cli.answers.runs import answer_outcome
from tsrevel.cli.arguments import read_event_id
from tsrevel.cli.context import CliContext, logging_to
from tsrevel.cli.explain import show_explanation, status_of_explanation
from tsrevel.cli.notifications import RunNotifier
from tsrevel.cli.output import NOTHING_CHECKED, TextOutput
from tsrevel.cli.prompts import Terminal, may_ask
from tsrevel.cli.run_text import show_report
from tsrevel.cli.sync import SyncOptions, start_run
from tsrevel.config import Settings
from tsrevel.engine.context import OrderBudget, RunState
from tsrevel.engine.outcomes import NEEDS_ATTENTION, Outcome, RunReport, describe_disabled
from tsrevel.engine.run import sync_events
from tsrevel.errors import USAGE, ConfigError, ServiceDown
from tsrevel.insight.explain import explain_live
from tsrevel.planning.model import Event, Labels, OrderId, Plan, StepKind
from tsrevel.planning.money import show
from tsrevel.planning.plan import label_order
from tsrevel.planning.reasons import Reason, Status
from tsrevel.revel.decode import Row, decode_id, decode_uuid
from tsrevel.revel.encode import encode_step
from tsrevel.revel.probes import RevelAnswer, RevelProbe
from tsrevel.wiring import open_ledger, open_services, why_disabled

SECOND_LOOK = 30.0
"""Seconds until each stage of the order is read back again."""
_AMOUNT = re.compile(r"\$?\s*(\d{1,3}(?:,\d{3})+|\d+)\.(\d\d)")
_YES_OR_NO = {True: "yes", False: "no"}


def rehearse(ctx: CliContext, event: str, *, agreed: bool) -> int:
    """Make one order; if `agreed`, without asking. Raises typer.BadParameter for a text that can't be an event id."""
    event_id = read_event_id(event)
    settings = ctx.load_settings()
    if not agreed and not may_ask(ctx):
        return _refuse(ctx, "without a terminal nobody can be asked; add --yes to make the order without asking", USAGE)
    if settings.safety.dry_run:
        text = (
            "safety.dry_run is true, so nothing was written; set it to false, and list one location in"
            " safety.allowed_locations"
        )
        return _refuse(ctx, text, ConfigError.exit_status)
    disabled = why_disabled(settings, ctx.runtime)
    if disabled:
        return _refuse(ctx, f"nothing was written: {disabled}", NOTHING_CHECKED, Reason.CONNECTOR_DISABLED)
    with logging_to(ctx, "rehearse"):
        told = explain_live(settings, ctx.runtime, event_id)
    outcome, plan = told.outcome, told.plan
    if not ctx.options.json:
        advised = outcome is None or outcome.status is not Status.PLANNED  # else this command is what to do
        show_explanation(TextOutput(ctx, settings, outcome.location if outcome else ""), told, advised=advised)
    if outcome is None or plan is None or told.event is None or outcome.status is not Status.PLANNED:
        why = f"{outcome.status} {outcome.reason or ''}: {outcome.text}" if outcome else "no such event"
        text = f"no run would make an order of event {event_id} now ({why})"
        return _refuse(ctx, text, status_of_explanation(told) or NEEDS_ATTENTION, outcome.reason if outcome else None)
    if not agreed:
        terminal = Terminal(ctx)
        terminal.say("This writes one order to Revel. To make it, type the location's name.")
        typed = terminal.ask(f"Location ({plan.location.name})")
        if typed.strip() != plan.location.name:
            return _refuse(ctx, "that isn't the location's name; nothing was written", USAGE)
    ctx.unfinished = f"its order may be half-written: run `tsrevel sync-event {event_id}` to finish it"
    report = _inject(ctx, plan)
    made = next((each for each in report.outcomes if each.event_id == event_id), outcome)
    if made.status is not Status.INJECTED or not made.order_id:
        disabled = describe_disabled(report.paused) if report.reason is Reason.CONNECTOR_DISABLED else ""
        text = report.error or disabled or made.text or "its order would be another one now than the one shown above"
        if not report.error:  # that is told already
            ctx.log(f"no order of event {event_id} is finished: {made.reason or made.status}: {text}")
        return _fail(ctx, text, report.exit_status or NEEDS_ATTENTION, made.reason, made)
    ctx.unfinished = f"Revel order {made.order_id} is made; check it at a POS station"
    return _compare(ctx, settings, told.event, plan, replace(made, text=""), agreed=agreed)


def _inject(ctx: CliContext, plan: Plan) -> RunReport:
    """Run as `sync-event` does, but begin no other order than `plan`, and read each stage back a second time."""
    with RunNotifier(ctx) as notifier:
        with start_run(ctx, SyncOptions(max_orders=1), "single", notifier) as started:
            if isinstance(started, RunReport):
                report = started
            else:
                run = replace(started.ctx, limits=replace(started.ctx.limits, second_look=SECOND_LOOK))
                state = RunState.begin(run)
                state.budget = OrderBudget(1, plan)
                report = sync_events(run, state, [plan.event_id])
        notifier.add_report(report)
        if not ctx.options.json:
            show_report(report, ctx)
        elif report.error:
            ctx.log(report.error)
    return report


def _compare(ctx: CliContext, settings: Settings, event: Event, planned: Plan, made: Outcome, *, agreed: bool) -> int:
    with open_ledger(settings, ctx.runtime) as ledger:
        record = ledger.orders.get(made.event_id)
        plan = record.plan if record and record.plan else planned
        labels = label_order(event, plan.location)
        with open_services(settings, ctx.runtime) as services:
            order_id = OrderId(made.order_id or "")
            try:
                fields = compare_sent_fields(services.revel_probe, plan, labels, order_id, ctx.runtime.clock())
            except ServiceDown as error:
                text = f"Revel order {order_id} is made, but can't be compared: {error}. Check it there by hand"
                ctx.log(text)
                return _fail(ctx, text, error.exit_status, made=made)
        if not ctx.options.json:
            _show_fields(ctx, fields)
        left = _list_checks(plan)
        station: dict[str, str] = {}
        if not agreed:
            station = _ask_about_station(Terminal(ctx), plan)
            left = ()
        facts = {
            "order": order_id,
            **{str(result): str(sum(each.result is result for each in fields)) for result in FieldResult},
            "not_kept": ", ".join(f"{e.resource}.{e.field}" for e in fields if e.result is not FieldResult.KEPT),
            **station,
        }
        ledger.assumptions.store_rehearsal(made.event_id, facts)
    wrong = [name for name, answer in station.items() if answer == "no"]
    status = NEEDS_ATTENTION if wrong else 0
    if ctx.options.json:
        answer = RehearsalAnswer(
            success=status == 0,
            exit_status=status,
            reason=made.reason,
            event=answer_outcome(made),
            fields=fields,
            station=station,
            left_to_check=left,
        )
        ctx.answer(answer)
        return status
    for check in left:
        ctx.say(f"Left to check by hand: {check}")
    if wrong:
        ctx.say(f"The station shows something else ({', '.join(wrong)}). Make no other order until you know why.")
    else:
        ctx.say("The answers are in the ledger; `tsrevel report` shows them.")
    return status


def _ask_about_station(terminal: Terminal, plan: Plan) -> dict[str, str]:
    """The person's answers about the POS station: yes, no and amounts. Nothing else is stored."""
    terminal.say("Open the order at a POS station of that location, then answer.")
    station = {}
    if plan.discount:
        there = terminal.confirm(f"Is the discount of {show(plan.discount)} still there?", default=True)
        station["discount_kept"] = _YES_OR_NO[there]

    def check(text: str) -> str:
        return "" if _AMOUNT.fullmatch(text.strip()) else "Type an amount with two decimals, like 837.72."

    shown = _AMOUNT.fullmatch(terminal.ask("Which total does the station show?", check=check).strip())
    total = f"{shown[1].replace(',', '')}.{shown[2]}" if shown else ""
    station |= {"total": total, "total_agrees": _YES_OR_NO[total == show(plan.final_total)]}
    station["printed"] = _YES_OR_NO[terminal.confirm("Is it marked as printed, or did it print?", default=True)]
    return station


def _list_checks(plan: Plan) -> tuple[str, ...]:
    discount = (f"the discount of {show(plan.discount)} is still there",) if plan.discount else ()
    opened = f"open the order at a POS station: it shows the total {show(plan.final_total)}"
    return (opened, *discount, "it is marked as printed, or printed", "day, items and their names are right")


def _show_fields(ctx: CliContext, fields: tuple[SentField, ...]) -> None:
    counts = Counter(each.result for each in fields)
    kept = f"{counts[FieldResult.KEPT]} of {len(fields)} fields as they were sent"
    ctx.say(f"After {SECOND_LOOK:.0f} s Revel shows {kept}.")
    for each in fields:
        if each.result is not FieldResult.KEPT:
            ctx.say(f"  {each.result}: {each.resource}.{each.field}")


def _refuse(ctx: CliContext, text: str, status: int, reason: Reason | None = None) -> int:
    ctx.log(text)
    return _fail(ctx, text, status, reason)


def _fail(ctx: CliContext, text: str, status: int, reason: Reason | None = None, made: Outcome | None = None) -> int:
    """The same, for a text that is logged already."""
    if ctx.options.json:
        event = answer_outcome(made) if made else None
        ctx.answer(RehearsalAnswer(success=False, exit_status=status, reason=reason, event=event, error=text))
    return status


# What Revel shows of the fields that were sent (facts Revel 2.2)

_PARTS: Mapping[StepKind, str] = {"item": "OrderItem", "payment": "Payment", "history": "OrderHistory"}
_MOST_PAGES = 100
_WRITTEN_WITHIN = timedelta(minutes=30)
_TIMES = frozenset({"created_date", "updated_date", "payment_date", "opened", "closed"})


def compare_sent_fields(
    probe: RevelProbe, plan: Plan, labels: Labels, order_id: OrderId, written_at: datetime
) -> tuple[SentField, ...]:
    """Compare each field of the order and its parts. Unreadable rows count as dropped. `written_at` is approximate.

    Raises ServiceDown if Revel doesn't return the order or its parts.
    """
    shown = {resource: _read_parts(probe, resource, order_id) for resource in _PARTS.values()}
    order_rows = _answered(probe.one("Order", order_id)).rows
    order_sent: dict[str, object] = {}
    worst: dict[tuple[str, str], FieldResult] = {}
    for step in plan.steps:
        body = encode_step(plan, step, order_id, labels, written_at)
        if step.kind in _PARTS:
            resource = _PARTS[step.kind]
            _note(worst, resource, compare_fields(body, shown[resource].get(step.uuid, {})))
        else:  # later steps set some fields of the order again
            order_sent |= body
    _note(worst, "Order", compare_fields(order_sent, order_rows[0] if order_rows else {}))
    return tuple(SentField(resource, name, result) for (resource, name), result in sorted(worst.items()))


def _read_parts(probe: RevelProbe, resource: str, order_id: OrderId) -> dict[str, Row]:
    """The resource's rows of the order, by uuid, from all pages."""
    params = {"order": order_id, "limit": "250"}
    page = _answered(probe.list_rows(resource, **params))
    rows = {decode_uuid(row.get("uuid")): row for row in page.rows}
    for _ in range(_MOST_PAGES):
        if not page.next:
            break
        page = _answered(probe.follow(resource, page, params))
        rows |= {decode_uuid(row.get("uuid")): row for row in page.rows}
    return rows


def _answered(answer: RevelAnswer) -> RevelAnswer:
    if answer.failure:
        raise ServiceDown(answer.failure)
    return answer


def _note(worst: dict[tuple[str, str], FieldResult], resource: str, found: Iterator[tuple[str, FieldResult]]) -> None:
    severity = list(FieldResult)
    for name, result in found:
        worst[resource, name] = max(worst.get((resource, name), FieldResult.KEPT), result, key=severity.index)


def compare_fields(sent: Mapping[str, object], row: Row) -> Iterator[tuple[str, FieldResult]]:
    """Yield each field that was sent, with its result in the row."""
    for name, value in sent.items():
        shown = row.get(name)
        if shown is None and value is not None:
            yield name, FieldResult.DROPPED
        elif _is_same(name, value, shown):
            yield name, FieldResult.KEPT
        else:
            yield name, FieldResult.CHANGED


def _is_same(name: str, sent: object, shown: object) -> bool:
    if name == "uuid":
        return decode_uuid(sent) == decode_uuid(shown)
    if name in _TIMES:
        try:
            times = [datetime.fromisoformat(str(each)).replace(tzinfo=None) for each in (sent, shown)]
        except ValueError:
            return False
        return abs(times[0] - times[1]) <= _WRITTEN_WITHIN
    if isinstance(sent, str) and sent.startswith("/"):
        return decode_id(sent) == decode_id(shown)
    if isinstance(sent, bool) or isinstance(shown, bool):
        return sent is shown
    numbers = [_number(each) for each in (sent, shown)]
    if None not in numbers:
        return numbers[0] == numbers[1]
    return str(sent) == str(shown)


def _number(value: object) -> Decimal | None:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None
