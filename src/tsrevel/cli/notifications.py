"""When a run tells the monitor, sends mails and calls hooks. Nothing here changes how the run ended."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import TYPE_CHECKING, Self

import typer

from tsrevel.cli.boundary import status_of
from tsrevel.cli.context import CliContext, logging_to
from tsrevel.cli.mails import send_mails
from tsrevel.config import Settings
from tsrevel.config.settings import SECRETS, VARIABLES
from tsrevel.engine.outcomes import Outcome, RunReport, most_severe
from tsrevel.errors import RunLocked, describe_fault
from tsrevel.ledger import RunMode
from tsrevel.notify.healthchecks import Monitor
from tsrevel.notify.hooks import HookFailure, run_hook, without_secrets
from tsrevel.planning.reasons import Status
from tsrevel.wiring import correlate

if TYPE_CHECKING:
    from tsrevel.cli.answers.runs import Hook

log = logging.getLogger(__name__)


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
