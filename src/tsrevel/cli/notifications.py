"""When a run tells the monitor, sends mails and calls hooks. Nothing here changes how the run ended."""

from __future__ import annotations

import json
import logging
import os
import shlex
import signal
import subprocess
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Self

import typer

from tsrevel.cli.boundary import status_of
from tsrevel.cli.context import CliContext, logging_to
from tsrevel.config import Settings
from tsrevel.config.settings import SECRETS, VARIABLES
from tsrevel.engine.outcomes import Outcome, RunReport, most_severe, recall_resolved
from tsrevel.errors import LedgerUnusable, RunLocked, describe_fault
from tsrevel.ledger import Ledger, LedgerView, OrderRecord, RunMode, hold_mail_lock
from tsrevel.ledger.outbox import DueMail, Notice
from tsrevel.notify.healthchecks import Monitor
from tsrevel.notify.sendgrid import Message, SendGrid, SendResult, SendVerdict
from tsrevel.planning.reasons import TROUBLE, Reason, Status
from tsrevel.wiring import Runtime, correlate, open_ledger

if TYPE_CHECKING:
    from tsrevel.cli.answers.runs import Hook

log = logging.getLogger(__name__)


@dataclass(slots=True)
class RunNotifier:
    """Sends the notifications at the end of one invocation.

    Call `begin` with its settings, `announce` once its run has the lock, and `add_report` for each report. Without
    `begin` (disabled or paused) it sends nothing. A run that was refused (another has the lock, or the command line is
    wrong) isn't reported to the monitor.
    """

    ctx: CliContext
    exit_status: int = 0
    _settings: Settings | None = field(default=None, init=False)
    _run_id: str = field(default="", init=False)
    _mode: RunMode = field(default="single", init=False)
    _monitor: Monitor | None = field(default=None, init=False)
    _reports: list[RunReport] = field(default_factory=list, init=False)

    def begin(self, settings: Settings, run_id: str, mode: RunMode) -> None:
        """Prepare for a run of this id that may begin."""
        self._settings, self._run_id, self._mode = settings, run_id, mode
        watched = settings.monitor
        url = watched.ping_url.get_secret_value()
        if url and mode == "bulk" and not settings.safety.dry_run:
            self._monitor = Monitor(url, run_id, watched.fail_on_held, self.ctx.runtime.monitor, settings.network)

    def announce(self) -> None:
        """Report the start to the monitor, without waiting for its answer."""
        if self._monitor:
            self._monitor.start({"correlation_id": correlate(self._run_id)})

    def add_report(self, report: RunReport) -> None:
        """Add a report before it is shown, so that it is sent even if showing it fails."""
        self._reports.append(report)
        self.exit_status = most_severe({self.exit_status, report.exit_status})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._settings is None:
            return
        self.ctx.stdout.flush()  # the report comes before messages on its notifications
        with logging_to(self.ctx, correlate(self._run_id)):
            if self._monitor and not isinstance(error, RunLocked | typer.BadParameter):
                status = status_of(error) if error else self.exit_status
                self._monitor.finish(status, self._summarise(status))
            if error is None or isinstance(error, Exception):  # after an interrupt nobody wants to wait
                self._tell(self._settings, error)
            for trouble in self._monitor.wait() if self._monitor else ():
                log.warning("%s", trouble)

    def _summarise(self, status: int) -> dict[str, object]:
        """The run as the monitor shows it: ids, counts and codes. No customer's data, and no text of a service."""
        summary: dict[str, object] = {"correlation_id": correlate(self._run_id), "exit_status": status}
        for report in self._reports[:1]:
            codes = Counter(str(outcome.reason) for outcome in report.outcomes if outcome.reason)
            summary |= {"reason": report.reason, "summary": report.summary, "reasons": dict(sorted(codes.items()))}
        return summary

    def _tell(self, settings: Settings, error: Exception | None) -> None:
        """Send the mails and call the hooks. A fault in this code is only logged."""
        try:
            if self._reports:
                send_mails(settings, self.ctx.runtime)
            self._call_hooks(settings, error)
        except Exception as fault:  # noqa: BLE001 (notifications must not change how a run ended)
            log.error("some notifications weren't sent: %s", describe_fault(fault))  # noqa: TRY400 (its text may quote data)

    def _call_hooks(self, settings: Settings, error: Exception | None) -> None:
        if settings.safety.dry_run:
            return
        report = self._sum_up(error)
        outcomes = report.outcomes
        told: dict[Hook, list[Outcome]] = {
            "on_injected": [each for each in outcomes if each.status is Status.INJECTED],
            "on_held": [each for each in outcomes if each.status is Status.HELD and each.fresh],
            "on_failure": [each for each in outcomes if (each.status is Status.FAILED and each.fresh) or each.missed],
        }
        failed_with = 0 if report.error is None else report.exit_status
        is_failure = failed_with != 0 and (self._mode == "bulk" or failed_with != self.ctx.failed_with)
        if self._reports or failed_with:
            self.ctx.failed_with = failed_with
        for hook, events in told.items():
            is_due = bool(events) or (hook == "on_failure" and is_failure)
            if not is_due or not getattr(settings.hooks, hook):
                continue
            failure = call_hook(self.ctx, settings, hook, report, events)
            if failure:
                text = "the command of hooks.%s %s; run it by hand with JSON on its standard input"
                log.error(text, hook, failure.text)

    def _sum_up(self, error: Exception | None) -> RunReport:
        """All reports as one, with the `error` that ended the run, if any."""
        dry_run = bool(self._settings and self._settings.safety.dry_run)
        first = self._reports[0] if self._reports else None
        whole = first or RunReport(self._run_id, correlate(self._run_id), self._mode, dry_run)
        errors = [report.error for report in self._reports if report.error]
        if error and not isinstance(error, RunLocked):
            errors.append(str(error) if status_of(error) != 1 else describe_fault(error))
        outcomes = tuple(outcome for report in self._reports for outcome in report.outcomes)
        status = most_severe({self.exit_status, status_of(error) if error else 0})
        return replace(whole, outcomes=outcomes, error="; ".join(errors) or None, exit_status=status)


# The mails: those that are due are written from the ledger and sent. A failure is only logged.

_OPEN_REASONS = frozenset({
    Reason.EVENT_DAY_PASSED, Reason.CHANGED_AFTER_INJECTION, Reason.CANCELLED_AFTER_INJECTION, Reason.LEDGER_LOST,
})  # fmt: skip
"""The reasons of skipped events that a person should look at."""
MAILS_SECONDS = 30.0
"""After this time a run stops sending mails; the next run sends the rest."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=15), timedelta(hours=6)
"""The pause after a mail wasn't accepted, however many runs there are. It doubles with each attempt."""
MOST_ATTEMPTS = 33
"""With these pauses they take a week. After that the mail is no longer news."""


def send_mails(settings: Settings, runtime: Runtime) -> None:
    """Send the due mails, if mails are set up and this is no dry run. Failures are logged; a later run tries again.

    The next run may begin meanwhile: it doesn't wait for SendGrid.
    """
    if not settings.email.configured or settings.safety.dry_run or not settings.safety.enable_connector:
        return
    try:
        with hold_mail_lock(settings.ledger_path), open_ledger(settings, runtime) as ledger:
            _send_due(ledger, settings, runtime)
    except RunLocked:
        log.info("another run is sending mails; it or the next run sends those that are due")
    except LedgerUnusable as error:
        log.warning("the mails that are due can't be sent now: %s", error)


def _send_due(ledger: Ledger, settings: Settings, runtime: Runtime) -> None:
    account = SendGrid(settings.email, runtime.sendgrid, settings.network)
    began = runtime.monotonic()
    for mail in ledger.outbox.make_mails(digest=settings.email.digest):
        if ledger.runs.paused():
            return
        if _must_wait(mail, runtime.clock()):
            continue
        if runtime.monotonic() - began >= MAILS_SECONDS:
            log.warning("mail %s and later ones weren't sent: it took too long; the next run continues", mail.number)
            return
        notices = find_open(ledger, mail.notices)
        if not notices:
            ledger.outbox.note_sent(mail.number)
            log.info("mail %s isn't sent: all that it reports is settled", mail.number)
            continue
        delivery = account.send(_write_mail(ledger, mail, notices, settings))
        _note_result(ledger, mail, delivery)
        if delivery.verdict in {SendVerdict.REFUSED, SendVerdict.LATER}:
            return


def _must_wait(mail: DueMail, now: datetime) -> bool:
    """Whether the pause after the last attempt isn't over. If that seems to be in the future, the clock was fast."""
    if mail.tried_at is None:
        return False
    pause: timedelta = min(FIRST_PAUSE * 2 ** min(mail.attempts - 1, 9), LONGEST_PAUSE)
    return mail.tried_at <= now < mail.tried_at + pause


def find_open(view: LedgerView, notices: Sequence[Notice]) -> list[Notice]:
    """The notices without those that are settled: a mail that couldn't be sent is sent by a later run."""
    from tsrevel.insight.history import find_changed

    ids = [each.event_id for each in notices]
    with view.reading():
        results, records = view.events.last_results(ids), view.orders.find(ids)
        resolutions = view.events.resolutions(ids)
        told = {each.event_id for each in view.queries.open_changes()}
        still = {each.event_id for each in find_changed(view)} if told else set()
        trouble = {each.event_id for each in view.queries.held_or_failed()}

    def is_settled(notice: Notice) -> bool:
        event_id = notice.event_id
        last, record = results.get(event_id), records.get(event_id)
        is_finished, is_resolved = record is not None and record.is_finished, event_id in resolutions
        if notice.occasion == "changed":
            if event_id not in told:  # a person settled it
                return is_resolved or not is_finished
            was_looked_at = last is not None and last.run_id != notice.run_id
            return event_id not in still and is_finished and was_looked_at
        if is_resolved and event_id not in trouble:
            return True
        if last is None:
            return is_finished
        return last.status not in TROUBLE and (is_finished or last.reason not in _OPEN_REASONS)

    return [each for each in notices if each.occasion == "injected" or not is_settled(each)]


def _write_mail(ledger: Ledger, mail: DueMail, notices: Sequence[Notice], settings: Settings) -> Message:
    from tsrevel.notify.message import MailContext, MailItem, write_message

    orders = ledger.orders.find(notice.event_id for notice in notices)
    resolutions = ledger.events.resolutions(notice.event_id for notice in notices)
    resolved = {
        event_id: recall_resolved(resolution)
        for event_id, resolution in resolutions.items()
        if not (event_id in orders and orders[event_id].is_finished)
    }
    failed = ledger.orders.failed_writes(notice.event_id for notice in notices)
    items = [
        MailItem(
            occasion=notice.occasion,
            event_id=notice.event_id,
            correlation_id=notice.correlation_id,
            day=notice.day,
            location=notice.location,
            order_id=notice.order_id,
            reason=notice.reason,
            text=notice.text,
            plan=orders[notice.event_id].plan if notice.event_id in orders else None,
            failed_write=failed.get(notice.event_id) if notice.occasion in {"failed", "missed"} else None,
            again=notice.again,
            resolved=resolved.get(notice.event_id) if notice.occasion == "changed" else None,
            agrees=notice.occasion == "changed" and _agrees_again(ledger, orders.get(notice.event_id)),
        )
        for notice in notices
    ]
    return write_message(items, MailContext(mail.number, mail.made_at, settings))


def _agrees_again(ledger: Ledger, record: OrderRecord | None) -> bool:
    """Whether event and order agree again. An order whose plan, or event's details, aren't known doesn't show that."""
    from tsrevel.insight.history import recall_drift

    if record is None or not record.is_finished:
        return False
    contents = ledger.orders.contents([record.event_id]).get(record.event_id)
    is_known = record.plan and contents and contents.made_details
    if not is_known and record.state != "foreign":
        return False
    return recall_drift(record, ledger.audit.rows(record.event_id), contents) is None


def _note_result(ledger: Ledger, mail: DueMail, delivery: SendResult) -> None:
    if delivery.verdict is SendVerdict.SENT:
        ledger.outbox.note_sent(mail.number)
        log.info("mail %s is sent", mail.number)
        return
    give_up = mail.attempts + 1 >= MOST_ATTEMPTS
    ledger.outbox.note_failed(mail.number, delivery.text, give_up=give_up)
    level = logging.WARNING if delivery.verdict is SendVerdict.LATER and not give_up else logging.ERROR
    end = f"attempt {mail.attempts + 1} was the last one" if give_up else "a later run sends it"
    log.log(level, "mail %s wasn't sent: %s; %s", mail.number, delivery.text, end)


# The operator's commands: JSON on standard input, limited time, no influence on the run

HOOK_SECONDS = 30
_TELLING = 8
"""The length from which a secret is also searched inside values: a shorter one may be there by chance."""


@dataclass(frozen=True, slots=True)
class HookFailure:
    """Why a hook failed; `text` continues "the command". `started`: whether it began at all."""

    text: str
    started: bool = True


def call_hook(
    ctx: CliContext,
    settings: Settings,
    hook: Hook,
    report: RunReport,
    outcomes: Sequence[Outcome],
    *,
    test: bool = False,
) -> HookFailure | None:
    """Run the command with the report's JSON on standard input, with only these events.

    `test`: all of it is invented.
    """
    from tsrevel.cli.answers.model import encode
    from tsrevel.cli.answers.runs import answer_hook

    answer = ctx.copyable_in(encode(answer_hook(hook, report, outcomes, test=test)))
    document = json.dumps(answer, ensure_ascii=False)
    secret_names = {name for key in SECRETS for name in VARIABLES[key]}  # all that may hold a secret
    environ = without_secrets(ctx.environ, secret_names, settings.secret_values)
    command: str = getattr(settings.hooks, hook)
    return run_hook(command, document, environ)


def run_hook(command: str, told: str, environ: Mapping[str, str]) -> HookFailure | None:
    """Run `command` without a shell, with `told` on its standard input. Returns why it failed, or None.

    Its output is discarded. After HOOK_SECONDS it is killed, with its whole process group.
    """
    try:
        hook = subprocess.Popen(  # noqa: S603 (the operator's own command, taken from their settings)
            shlex.split(command),
            env=dict(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        return HookFailure(f"couldn't be run ({why})", started=False)
    try:
        hook.communicate(told.encode("utf-8", "replace"), timeout=HOOK_SECONDS)
    except subprocess.TimeoutExpired:
        return HookFailure(f"took longer than {HOOK_SECONDS} seconds")
    finally:
        if hook.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(hook.pid, signal.SIGKILL)
            hook.wait()
    if hook.returncode:
        return HookFailure(f"failed with status {hook.returncode}")
    return None


def without_secrets(environ: Mapping[str, str], names: Collection[str], secrets: Collection[str]) -> dict[str, str]:
    """The environment without the variables in `names`, and without any that contains one of the `secrets`."""
    return {name: value for name, value in environ.items() if name not in names and not _has_secret(value, secrets)}


def _has_secret(value: str, secrets: Collection[str]) -> bool:
    return any(value == secret or (len(secret) >= _TELLING and secret in value) for secret in secrets)
