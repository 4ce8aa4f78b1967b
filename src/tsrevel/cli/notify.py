"""`notify --test`: send one mail and one ping, and call the hooks, with invented events; report each result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import get_args
from zoneinfo import ZoneInfo

from tsrevel.cli.answers.runs import Hook
from tsrevel.cli.answers.setup import NotifyAnswer, TrialJson
from tsrevel.cli.context import CliContext
from tsrevel.cli.notifications import call_hook
from tsrevel.cli.output import TextOutput, report_nothing_checked
from tsrevel.config import Settings
from tsrevel.config.settings import build_policy
from tsrevel.engine.outcomes import NEEDS_ATTENTION, Outcome, RunReport, most_severe
from tsrevel.errors import ConfigError, CredentialsRefused, ServiceDown
from tsrevel.notify.healthchecks import Monitor
from tsrevel.notify.message import MailContext, MailItem, write_message
from tsrevel.notify.sendgrid import Message, SendGrid, SendVerdict
from tsrevel.planning.model import EstablishmentId, EventId, Item, Location, OrderId, Plan, ProductId
from tsrevel.planning.money import Cents
from tsrevel.planning.reasons import Reason, Status
from tsrevel.wiring import Runtime, correlate, why_disabled

_MADE, _HELD, _FAILED = EventId("10000001"), EventId("10000002"), EventId("10000003")
_ORDER = OrderId("2000001")
_HOLD, _FAILURE = "This is a test. No event is held.", "This is a test. Nothing failed."
_STATUS_OF_MAIL = {
    SendVerdict.SENT: 0,
    SendVerdict.REFUSED: CredentialsRefused.exit_status,
    SendVerdict.LATER: ServiceDown.exit_status,
    SendVerdict.UNACCEPTABLE: ConfigError.exit_status,
}


def send_test(ctx: CliContext) -> int:
    """Try every notification that is set up, also in a dry run. While runs are paused or disabled, send nothing."""
    settings = ctx.load_settings()
    why = why_disabled(settings, ctx.runtime)
    if why:
        return report_nothing_checked(ctx, why)
    results = tuple(_try_all(ctx, settings))
    status = most_severe({each.exit_status for each in results})
    if ctx.options.json:
        dry_run = settings.safety.dry_run
        ctx.answer(NotifyAnswer(success=status == 0, exit_status=status, dry_run=dry_run, results=results))
        return status
    out = TextOutput(ctx)
    for each in results:
        if each.result == "failed" or not ctx.options.quiet:
            out.line(f"{each.result}: {each.text}", hang=14, label=f"{each.name}:", mark=each.result)
    if settings.safety.dry_run and not ctx.options.quiet:
        out.line("Runs send nothing yet, because safety.dry_run is true.")
    return status


def _try_all(ctx: CliContext, settings: Settings) -> Iterator[TrialJson]:
    run_id, now = ctx.runtime.new_run_id(), ctx.runtime.clock()
    yield _try_mail(settings, ctx.runtime, run_id, now)
    yield _try_ping(settings, ctx.runtime, run_id)
    report = _make_report(settings, run_id, now)
    hooks: tuple[Hook, ...] = get_args(Hook)
    for hook, outcome in zip(hooks, report.outcomes, strict=True):
        if not getattr(settings.hooks, hook):
            yield TrialJson(hook, "skipped", f"hooks.{hook} isn't set")
        elif failure := call_hook(ctx, settings, hook, report, [outcome], test=True):
            status = NEEDS_ATTENTION if failure.started else ConfigError.exit_status
            yield TrialJson(hook, "failed", f"the command of hooks.{hook} {failure.text}", status)
        else:
            yield TrialJson(hook, "ok", f"the command of hooks.{hook} ended with status 0")


def _try_mail(settings: Settings, runtime: Runtime, run_id: str, now: datetime) -> TrialJson:
    email = settings.email
    if email.missing:
        return TrialJson("mail", "skipped", email.describe_missing())
    account = SendGrid(email, runtime.sendgrid, settings.network)
    delivery = account.send(_write_mail(settings, run_id, now))
    status = _STATUS_OF_MAIL[delivery.verdict]
    if status:
        return TrialJson("mail", "failed", delivery.text, status)
    return TrialJson("mail", "ok", f"SendGrid accepted it, from {email.sender} to {', '.join(email.recipients)}")


def _try_ping(settings: Settings, runtime: Runtime, run_id: str) -> TrialJson:
    url = settings.monitor.ping_url.get_secret_value()
    if not url:
        return TrialJson("ping", "skipped", "monitor.ping_url isn't set")
    monitor = Monitor(url, run_id, transport=runtime.monitor, network=settings.network)
    for failure in monitor.try_out({"test": True, "correlation_id": correlate(run_id)}):
        status = (ServiceDown if failure.may_pass else ConfigError).exit_status
        return TrialJson("ping", "failed", failure.text, status)
    return TrialJson("ping", "ok", "the monitor accepted it as a success")


def _write_mail(settings: Settings, run_id: str, now: datetime) -> Message:
    plan, run = _make_plan(settings, now), correlate(run_id)
    made = MailItem("injected", _MADE, run, order_id=_ORDER, plan=plan)
    held = MailItem("held", _HELD, run, plan.day, plan.location.name, None, Reason.UNMAPPED_ITEMS, _HOLD)
    return write_message([made, held], MailContext(None, now, settings))


def _make_plan(settings: Settings, now: datetime) -> Plan:
    """An invented order at the first location of the settings, so its currency and time zone are seen."""
    sample = Location("Sample location", None, None, EstablishmentId(1), settings.timezone, 0, 0, 0)
    location = next(iter(build_policy(settings).locations), sample)
    return Plan(
        event_id=_MADE,
        day=now.astimezone(ZoneInfo(location.timezone)).date(),
        location=location,
        local_id=f"test_{_MADE}",
        uuid="",
        items=(
            Item("", ProductId(1), 12, Cents(1850), "Sample lunch"),
            Item("", ProductId(2), 1, Cents(3800), "Sample coffee"),
        ),
        discount=Cents(500),
        tax=Cents(2015),
        gratuity=Cents(0),
        payments=(),
        steps=(),
    )


def _make_report(settings: Settings, run_id: str, now: datetime) -> RunReport:
    """A run with an injected, a held and a failed event, all invented, in the order of the hooks."""
    plan = _make_plan(settings, now)
    about = Outcome(_MADE, Status.INJECTED, name="Test event", day=plan.day, location=plan.location.name)
    return RunReport(
        run_id,
        correlate(run_id),
        "bulk",
        dry_run=False,
        outcomes=(
            replace(about, order_id=_ORDER, local_id=plan.local_id, total=plan.final_total),
            replace(about, event_id=_HELD, status=Status.HELD, reason=Reason.UNMAPPED_ITEMS, text=_HOLD),
            replace(about, event_id=_FAILED, status=Status.FAILED, reason=Reason.UPSTREAM_UNAVAILABLE, text=_FAILURE),
        ),
        exit_status=NEEDS_ATTENTION,
    )
