"""`replay`: put captured webhook deliveries, or held and failed events, through the engine again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import typer

from tsrevel.cli.answers.model import fill
from tsrevel.cli.answers.runs import ReplayLine, answer_delivery, answer_replayed
from tsrevel.cli.arguments import read_event_id
from tsrevel.cli.context import CliContext, logging_to
from tsrevel.cli.deliveries import STDIN, list_captured, open_archive, open_body, show_path
from tsrevel.cli.notifications import RunNotifier
from tsrevel.cli.output import TextOutput
from tsrevel.cli.run_text import list_news, list_problems, news_line, show_report, show_summary
from tsrevel.cli.sync import StartedRun, SyncOptions, start_run
from tsrevel.config import Settings
from tsrevel.config.paths import is_there
from tsrevel.engine.context import RunState
from tsrevel.engine.deliveries import DeliveryAnswer, DeliveryQueue, refuse, understand
from tsrevel.engine.fetch import NamedEvent, StoredEvent, UnreadEvent
from tsrevel.engine.outcomes import Outcome, RunReport, most_severe
from tsrevel.engine.run import take_up
from tsrevel.errors import (
    DeliveryFault,
    DeliveryRefused,
    DeliveryUnreadable,
    LedgerUnusable,
    SpoolUnwritable,
    TsrevelError,
)
from tsrevel.ledger import Ledger
from tsrevel.planning.model import EventId
from tsrevel.planning.reasons import Reason, Status
from tsrevel.text import reason_of
from tsrevel.transport.client import Deadline
from tsrevel.webhook.delivery import check_signature
from tsrevel.webhook.spool import move_away, read_signature
from tsrevel.wiring import correlate, open_run, why_disabled


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """The flags of `replay` for captured deliveries. `signature` is for a single one.

    Only `serve` sets `refused` (a folder for refused deliveries), `run_id`, and `deadline`.
    """

    signature: str | None = None
    unsigned: bool = False
    plain: bool = False
    archive: Path | None = None
    dry_run: bool = False
    refused: Path | None = None
    run_id: str | None = None
    deadline: Deadline | None = None


@dataclass(frozen=True, slots=True)
class RetryOptions:
    """The flags of `replay` for events: those that a `run` held or failed, these `events`, or all held or failed."""

    run: str | None = None
    events: tuple[str, ...] = ()
    from_snapshot: bool = False
    dry_run: bool = False


def replay_captured(ctx: CliContext, paths: Sequence[Path], options: ReplayOptions) -> int:
    """Put captured deliveries through the engine, one after another; return the most severe of their exit statuses.

    Raises ConfigError, RunLocked, LedgerUnusable, and typer.BadParameter for unusable paths.
    """
    captured = list_captured(paths)
    if options.signature is not None and len(captured) > 1:
        raise typer.BadParameter("--signature is for a single delivery; put NAME.sig beside each NAME.json")
    overrides = {"safety.dry_run": True if options.dry_run else None}
    settings = ctx.load_settings(overrides=overrides)
    if options.archive and not options.dry_run:
        open_archive(options.archive, captured, settings)
    to_come = list(_look_ahead(ctx, captured)) if len(captured) > 1 else []
    answers = replay_files(ctx, settings, captured, options, to_come)
    return most_severe({0, *(each.exit_status for each in answers)})


def replay_files(
    ctx: CliContext,
    settings: Settings,
    captured: Sequence[Path],
    options: ReplayOptions,
    to_come: Sequence[DeliveryAnswer],
) -> list[DeliveryAnswer]:
    """The same with these settings; return the answer to each delivery. `to_come`: all that were read in advance.

    A missing file has no answer, because another process took it. Raises RunLocked, LedgerUnusable, and for
    `serve` SpoolUnwritable.
    """
    ctx.zone = ZoneInfo(settings.timezone)
    with RunNotifier(ctx) as notifier:
        with ExitStack() as stack:
            queue: DeliveryQueue | None = None
            why, run_id = None, ""
            with suppress(LedgerUnusable):  # the run raises that, once the notifier can report it
                why = why_disabled(settings, ctx.runtime)
            if why is None:
                run_id = options.run_id or ctx.runtime.new_run_id()
                notifier.begin(settings, run_id, "single")
                stack.enter_context(logging_to(ctx, correlate(run_id)))
                opened = open_run(settings, run_id, runtime=ctx.runtime, deadline=options.deadline)
                queue = DeliveryQueue(stack.enter_context(opened), trust_payload=settings.tripleseat.payload == "trust")
                queue.to_come += to_come
            replay = _Replay(ctx, settings, options, queue, notifier, why or "")
            answers = [replay.take(each) for each in captured if each == STDIN or is_there(each)]
            replay.tell_untried()
            if queue and options.run_id is None and ctx.stdout.isatty() and not ctx.options.json:
                outcomes, dry_run = tuple(replay.outcomes.values()), settings.safety.dry_run
                show_summary(RunReport(run_id, correlate(run_id), "single", dry_run, outcomes), TextOutput(ctx))
        notifier.exit_status = most_severe({0, *(each.exit_status for each in answers)})
    if replay.unmoved and options.refused:
        raise SpoolUnwritable(replay.unmoved)
    return answers


def _look_ahead(ctx: CliContext, captured: Sequence[Path]) -> Iterator[DeliveryAnswer]:
    """Read the deliveries in advance. An unreadable one is left out: it is reported in its turn."""
    for path in captured:
        with suppress(DeliveryRefused, OSError):
            if path != STDIN:
                yield understand(open_body(ctx, path))[1]


def retry_events(ctx: CliContext, options: RetryOptions) -> int:
    """Put held and failed events, or the named ones, through the engine again.

    Raises ConfigError, RunLocked, LedgerUnusable, and typer.BadParameter for an unknown run or an unusable event id.
    """
    named = tuple(dict.fromkeys(read_event_id(each) for each in options.events))

    with RunNotifier(ctx) as notifier:
        with start_run(ctx, SyncOptions(dry_run=options.dry_run), "single", notifier) as started:
            report = started if isinstance(started, RunReport) else _retry(started, options, named)
        notifier.add_report(report)
        if ctx.options.json:
            _print_outcomes(ctx, report)
        else:
            show_report(report, ctx)
    return report.exit_status


def _retry(started: StartedRun, options: RetryOptions, named: Sequence[EventId]) -> RunReport:
    chosen = named or _choose(started.ctx.ledger, None if options.run is None else options.run.strip())
    events: list[UnreadEvent] = [NamedEvent(each, typed=True) for each in chosen]
    if options.from_snapshot:  # before an order is made, the event is read again
        settings = started.settings
        verify = settings.tripleseat.payload == "verify" and not settings.safety.dry_run
        events = [StoredEvent(each, verify) for each in chosen]
    return take_up(started.ctx, RunState.begin(started.ctx), events)


def _choose(ledger: Ledger, run: str | None) -> tuple[EventId, ...]:
    """The events that this run held or failed; for None, all that are held or failed."""
    if run is None:
        return ledger.events.retryable()
    found = ledger.events.unsuccessful_in(run)
    if found is None:
        raise typer.BadParameter(f"the ledger has no run {run}; `tsrevel history` lists the runs")
    return found


def _print_outcomes(ctx: CliContext, report: RunReport) -> None:
    """Print a line for each event, or one line for a run without events that was stopped or disabled."""
    lines = [fill(ReplayLine, answer_replayed(each)) for each in report.outcomes]
    if not lines and (report.error or report.reason):
        text = report.error or (str(report.paused) if report.paused else None)
        lines = [ReplayLine(ok=not report.error, processed=False, reason=report.reason, error=text)]
    for line in lines:
        ctx.answer(line, more=True)
    if report.error:
        ctx.log(report.error)


@dataclass(slots=True)
class _Replay:
    """Puts captured deliveries through the engine. `queue` is None while runs are disabled or paused: see `why`."""

    ctx: CliContext
    settings: Settings
    options: ReplayOptions
    queue: DeliveryQueue | None
    notifier: RunNotifier
    why: str
    outcomes: dict[EventId, Outcome] = field(default_factory=dict)
    """The result for each event. A later delivery that had nothing to do doesn't change it."""
    untried: list[str] = field(default_factory=list, init=False)
    """The names of the deliveries that weren't tried."""
    unmoved: str = field(default="", init=False)
    """The delivery that was processed but not moved, and the reason; "" if all were moved."""

    def take(self, path: Path) -> DeliveryAnswer:
        """Process one delivery, and move its file to the archive; return its answer."""
        signed = True
        try:
            signature = self.options.signature
            if signature is None and path != STDIN:
                signature = read_signature(path)
            signed = bool(signature) or not self.options.unsigned
            answer = self._answer(path, signature, signed=signed)
        except DeliveryRefused as refusal:
            answer = refuse(refusal)
        except OSError as error:
            text = f"the file can't be opened ({reason_of(error)})"
            answer = replace(refuse(DeliveryUnreadable(text, DeliveryFault.FILE_UNREADABLE)), may_pass=True)
        if answer.report:
            self.notifier.add_report(answer.report)
        for each in answer.outcomes:
            if each.status is not Status.SKIPPED or each.missed:
                self.outcomes[each.event_id] = each
            self.outcomes.setdefault(each.event_id, each)
        self._tell(show_path(path), answer)
        if self.queue:
            self.queue.note(answer, signed=signed)
        kept = answer.may_pass or self.settings.safety.dry_run or path == STDIN
        refused = self.options.refused if not answer.ok else None
        folder = refused or self.options.archive
        if kept or folder is None:
            return answer
        try:
            move_away(path, folder, answer.text if refused else "")
        except OSError as error:
            self.unmoved = f"{show_path(path)} was processed but can't be moved to {folder}: {reason_of(error)}"
            if not self.options.refused:
                self.ctx.log(self.unmoved)
            return replace(answer, exit_status=most_severe({answer.exit_status, TsrevelError.exit_status}))
        return answer

    def _answer(self, path: Path, signature: str | None, *, signed: bool) -> DeliveryAnswer:
        body = open_body(self.ctx, path)
        received = None if path == STDIN else datetime.fromtimestamp(path.stat().st_mtime, UTC)
        if signed:
            keys = [key.get_secret_value() for key in self.settings.tripleseat.webhook_signing_keys]
            check_signature(body, signature, keys, plain=self.options.plain, now=self.ctx.now())
        if self.queue:
            return self.queue.take(body, received)
        _, answer = understand(body)
        if answer.reason:
            return answer
        return answer.hold_off(Reason.CONNECTOR_DISABLED, self.why)

    def _tell(self, name: str, answer: DeliveryAnswer) -> None:
        """Report a delivery: on a terminal always; elsewhere only news and errors. What ended its run is an error."""
        if answer.ended:
            self._warn(f"{name}: {answer.ended}")
        if answer.untried:
            self.untried.append(name)
        if self.ctx.options.json:
            self.ctx.answer(answer_delivery(answer, name), more=True)
            return
        summary = answer.text or answer.reason or "nothing to do"
        if self.ctx.stdout.isatty():
            page = TextOutput(self.ctx)
            if answer.ended:
                summary = "the run ended early"
            told = [(news_line(each, named=True), each.shown_status) for each in answer.outcomes] or [(summary, "")]
            for line, status in told:
                page.line(f"{name}: {answer.trigger or 'refused'}: {line}", mark=status)
            return
        report = answer.report
        lines = (list_problems(report) if self.ctx.options.quiet else list_news(report)) if report else []
        is_told = bool(answer.ended) or answer.untried
        if not answer.ok or (answer.exit_status and report is None and not is_told):
            lines.append(f"{name}: {summary}")
        for line in lines:
            print(self.ctx.copyable(line), file=self.ctx.stdout, flush=True)

    def tell_untried(self) -> None:
        """Report the deliveries that weren't tried, all in one line: what stopped them is already told."""
        if not self.untried:
            return
        first, *more = self.untried
        others = f" and {len(more):,} more" if more else ""
        self._warn(f"{first}{others}: not tried because the delivery before failed; the next replay does")

    def _warn(self, text: str) -> None:
        run = self.queue.ctx.system.correlation_id if self.queue else ""
        self.ctx.log(text, correlation_id=run)
