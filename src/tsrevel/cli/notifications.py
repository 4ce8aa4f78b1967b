"""What is told of a run besides its report: monitor pings, mails, hooks. Nothing here changes how the run ended.

The start is pinged beside the run; all else follows once the report is out, and only what is set up is even loaded.
The monitor is told of live runs of `sync` alone: it watches whether orders go on being made (docs/operations.md).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

import typer

from tsrevel.cli.boundary import describe_fault, status_of
from tsrevel.cli.callouts import call_out
from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.logs import logging_to
from tsrevel.config import Settings
from tsrevel.engine.outcomes import Outcome, RunReport, most_severe
from tsrevel.errors import RunLocked
from tsrevel.ledger import RunMode
from tsrevel.notify.healthchecks import Monitor
from tsrevel.planning.reasons import Status
from tsrevel.wiring import Runtime, correlate

log = logging.getLogger(__name__)

Begin = Callable[[Settings, str, RunMode], Callable[[], None]]
"""Called when a run of this id is about to begin; gives what is to be called once it holds the lock."""


@dataclass(slots=True)
class RunNotifier:
    """Goes with one invocation: `begin` when it has its settings, `hear` each report; at its end it tells them.

    Without `begin` (disabled or paused) it tells nothing; of a run that was refused (the lock is held, or the command
    line makes no sense) the monitor isn't told.
    """

    ctx: CliContext
    flags: OutputOptions
    exit_status: int = 0
    _settings: Settings | None = field(default=None, init=False)
    _run_id: str = field(default="", init=False)
    _mode: RunMode = field(default="single", init=False)
    _monitor: Monitor | None = field(default=None, init=False)
    _reports: list[RunReport] = field(default_factory=list, init=False)

    def begin(self, settings: Settings, run_id: str, mode: RunMode) -> Callable[[], None]:
        """The run is about to begin. What is given back tells the monitor of its start, without waiting for it."""
        self._settings, self._run_id, self._mode = settings, run_id, mode
        watched = settings.monitor
        url = watched.ping_url.get_secret_value()
        if not url or mode != "bulk" or settings.safety.dry_run:
            return lambda: None
        monitor = Monitor(url, run_id, watched.fail_on_held, self._seams.monitor, settings.network)
        self._monitor = monitor
        return lambda: monitor.start({"correlation_id": correlate(run_id)})

    def add_report(self, report: RunReport) -> None:
        """A report, before it is shown: were that to fail, it is told all the same."""
        self._reports.append(report)
        self.exit_status = most_severe({self.exit_status, report.exit_status})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._settings is None:
            return
        self.ctx.stdout.flush()  # the report comes before what is said of telling it
        with logging_to(self.ctx.stderr, self.flags, correlate(self._run_id)):
            if self._monitor and not isinstance(error, RunLocked | typer.BadParameter):
                status = status_of(error) if error else self.exit_status
                self._monitor.finish(status, self._summarise(status))
            if error is None or isinstance(error, Exception):  # whoever interrupts a run doesn't want to wait
                self._tell(self._settings, error)
            for trouble in self._monitor.wait() if self._monitor else ():
                log.warning("%s", trouble)

    @property
    def _seams(self) -> Runtime:
        return self.ctx.runtime or Runtime()

    def _summarise(self, status: int) -> dict[str, object]:
        """The run as the monitor shows it: ids, counts and codes. No customer's data, and no text of a service."""
        summary: dict[str, object] = {"correlation_id": correlate(self._run_id), "exit_status": status}
        for report in self._reports[:1]:
            codes = Counter(str(outcome.reason) for outcome in report.outcomes if outcome.reason)
            summary |= {"reason": report.reason, "summary": report.summary, "reasons": dict(sorted(codes.items()))}
        return summary

    def _tell(self, settings: Settings, error: Exception | None) -> None:
        """The mails and the hooks; a fault of ours in telling is told, and no more."""
        try:
            if settings.email.configured and not settings.safety.dry_run and self._reports:
                from tsrevel.cli.mails import send_mails

                send_mails(settings, self._seams)
            self._call_hooks(settings, error)
        except Exception as fault:  # noqa: BLE001 (what is told of a run must not change how it ended)
            log.error("not everybody was told: %s", describe_fault(fault))  # noqa: TRY400 (its text may quote data)

    def _call_hooks(self, settings: Settings, error: Exception | None) -> None:
        hooks = settings.hooks
        if settings.safety.dry_run or not (hooks.on_injected or hooks.on_held or hooks.on_failure):
            return
        report = self._sum_up(error)
        outcomes = report.outcomes
        call_out(self.ctx, settings, "on_injected", report, [each for each in outcomes if _is_injected(each)])
        call_out(self.ctx, settings, "on_held", report, [each for each in outcomes if _is_newly_held(each)])
        failed = [each for each in outcomes if each.status is Status.FAILED or each.missed]
        call_out(self.ctx, settings, "on_failure", report, failed, anyway=report.error is not None)

    def _sum_up(self, error: Exception | None) -> RunReport:
        """All that was heard as one report, `error` included where it ended the run."""
        dry_run = bool(self._settings and self._settings.safety.dry_run)
        first = self._reports[0] if self._reports else None
        whole = first or RunReport(self._run_id, correlate(self._run_id), self._mode, dry_run)
        errors = [report.error for report in self._reports if report.error]
        if error and not isinstance(error, RunLocked):
            errors.append(str(error) if status_of(error) != 1 else describe_fault(error))
        outcomes = tuple(outcome for report in self._reports for outcome in report.outcomes)
        status = most_severe({self.exit_status, status_of(error) if error else 0})
        return replace(whole, outcomes=outcomes, error="; ".join(errors) or None, exit_status=status)


def _is_injected(outcome: Outcome) -> bool:
    return outcome.status is Status.INJECTED


def _is_newly_held(outcome: Outcome) -> bool:
    return outcome.status is Status.HELD and outcome.fresh
