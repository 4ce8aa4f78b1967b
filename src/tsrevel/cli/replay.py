"""`replay`: captured webhook deliveries, or events that were held or failed, through the engine once more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import typer

from tsrevel.cli.arguments import read_event_id
from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.deliveries import STDIN, list_captured, move_away, open_archive, open_body, read_signature, show_path
from tsrevel.cli.logs import logging_to
from tsrevel.cli.notifications import Begin, RunNotifier
from tsrevel.cli.output import list_errors, list_news, news_line, show_progress, show_report
from tsrevel.cli.streams import encode_json
from tsrevel.config import Settings, load_settings
from tsrevel.engine.context import RunState
from tsrevel.engine.deliveries import DeliveryAnswer, DeliveryQueue, refuse, understand
from tsrevel.engine.fetch import NamedEvent, StoredEvent, UnreadEvent
from tsrevel.engine.outcomes import CHANGES, Outcome, RunReport, most_severe
from tsrevel.engine.run import take_up
from tsrevel.errors import DeliveryFault, DeliveryRefused, DeliveryUnreadable, TsrevelError
from tsrevel.ledger import Ledger, read_pause
from tsrevel.planning.model import EventId
from tsrevel.planning.reasons import Reason, Status
from tsrevel.webhook.signature import check_signature
from tsrevel.wiring import Runtime, correlate, open_run


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """The flags of `replay` for captured deliveries. `signature` is for a single one."""

    signature: str | None = None
    unsigned: bool = False
    plain: bool = False
    archive: Path | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class RetryOptions:
    """The flags of `replay` for events: those `held` or failed, those of a `run`, or these `events`."""

    held: bool = False
    run: str | None = None
    events: tuple[str, ...] = ()
    from_snapshot: bool = False
    dry_run: bool = False


def replay_captured(ctx: CliContext, flags: OutputOptions, paths: Sequence[Path], options: ReplayOptions) -> int:
    """Put captured deliveries through the engine, one after another; the most_severe of their exit statuses.

    Raises ConfigError, RunLocked, LedgerUnusable, and typer.BadParameter for files that aren't there.
    """
    captured = list_captured(paths)
    if options.signature is not None and len(captured) > 1:
        raise typer.BadParameter("--signature is for a single delivery: put NAME.sig beside each NAME.json")
    if options.archive and not options.dry_run:
        open_archive(options.archive, captured)
    settings = _load(ctx, flags, dry_run=options.dry_run)
    with RunNotifier(ctx, flags) as notifier:
        with _receiver(ctx, flags, settings, notifier.begin) as receiver:
            if receiver and len(captured) > 1:
                receiver.to_come += _look_ahead(ctx, captured)
            desk = _Desk(ctx, flags, settings, options, receiver, notifier)
            statuses = {0, *(desk.deal_with(path) for path in captured)}
        notifier.exit_status = most_severe(statuses)
    return notifier.exit_status


def retry_events(ctx: CliContext, flags: OutputOptions, options: RetryOptions) -> int:
    """Put events through the engine again that were held or failed, or that are named.

    Raises ConfigError, RunLocked, LedgerUnusable, and typer.BadParameter for an unknown run, and what is no event's id.
    """
    named = tuple(dict.fromkeys(read_event_id(each) for each in options.events))
    options = replace(options, events=named, run=options.run.strip() if options.run else options.run)
    with RunNotifier(ctx, flags) as notifier:
        report = _retry(ctx, flags, options, notifier)
        notifier.add_report(report)
        _tell_report(report, ctx, flags)
    return report.exit_status


def _retry(ctx: CliContext, flags: OutputOptions, options: RetryOptions, notifier: RunNotifier) -> RunReport:
    settings = _load(ctx, flags, dry_run=options.dry_run)
    runtime = ctx.runtime or Runtime()
    run_id = runtime.new_run_id()
    pause = read_pause(settings.ledger_path, runtime.database)
    if pause or not settings.safety.enable_connector:
        return RunReport.of_disabled(run_id, correlate(run_id), "single", settings.safety.dry_run, pause)
    on_start = notifier.begin(settings, run_id, "single")
    with (
        logging_to(ctx.stderr, flags, correlate(run_id)),
        show_progress(ctx, flags) as progress,
        open_run(settings, run_id, runtime=runtime, progress=progress, on_start=on_start) as run_ctx,
    ):
        chosen = _choose(run_ctx.ledger, options)
        return take_up(run_ctx, RunState.begin(run_ctx), [_unread(each, options, settings) for each in chosen])


def _tell_report(report: RunReport, ctx: CliContext, flags: OutputOptions) -> None:
    if not flags.json:
        show_report(report, ctx, flags)
        return
    for line in [_encode_outcome(each) for each in report.outcomes] or _encode_end(report):
        _print_line(ctx, line | {"trigger": None})
    if report.error:
        print(f"tsrevel: {report.error}", file=ctx.stderr)


def _look_ahead(ctx: CliContext, captured: Sequence[Path]) -> Iterator[DeliveryAnswer]:
    """What can be understood of the deliveries at hand; what can't be is told when its turn comes."""
    for path in captured:
        with suppress(DeliveryRefused, OSError):
            if path != STDIN:
                yield understand(open_body(ctx, path))[1]


def _load(ctx: CliContext, flags: OutputOptions, *, dry_run: bool) -> Settings:
    overrides = {"safety.dry_run": True if dry_run else None}
    return load_settings(config=flags.config, environ=ctx.environ, overrides=overrides)


def _choose(ledger: Ledger, options: RetryOptions) -> tuple[EventId, ...]:
    if options.events:
        return tuple(map(EventId, options.events))
    if options.run is None:
        return ledger.events.retryable()
    found = ledger.events.unsuccessful_in(options.run)
    if found is None:
        raise typer.BadParameter(f"the ledger knows no run {options.run}")
    return found


def _unread(event_id: EventId, options: RetryOptions, settings: Settings) -> UnreadEvent:
    """How the event is read: anew, or as the ledger's copy has it. Where an order is to be made it is read again."""
    if not options.from_snapshot:
        return NamedEvent(event_id)
    verify = settings.tripleseat.payload == "verify" and not settings.safety.dry_run
    return StoredEvent(event_id, verify)


@contextmanager
def _receiver(
    ctx: CliContext, flags: OutputOptions, settings: Settings, begin: Begin
) -> Iterator[DeliveryQueue | None]:
    """What takes the deliveries; None while the connector is disabled, or paused."""
    runtime = ctx.runtime or Runtime()
    if not settings.safety.enable_connector or read_pause(settings.ledger_path, runtime.database):
        yield None
        return
    run_id = runtime.new_run_id()
    on_start = begin(settings, run_id, "single")
    with (
        logging_to(ctx.stderr, flags, correlate(run_id)),
        open_run(settings, run_id, runtime=runtime, on_start=on_start) as run_ctx,
    ):
        yield DeliveryQueue(run_ctx, trusted=settings.tripleseat.payload == "trust")


@dataclass(slots=True)
class _Desk:
    """Where deliveries are opened, trusted, handed on, answered and put away."""

    ctx: CliContext
    flags: OutputOptions
    settings: Settings
    options: ReplayOptions
    receiver: DeliveryQueue | None
    notifier: RunNotifier

    def deal_with(self, path: Path) -> int:
        """One delivery, from the file to its place in the archive; the exit status that it calls for."""
        signed = True
        try:
            signature = self.options.signature if self.options.signature is not None else read_signature(path)
            signed = bool(signature) or not self.options.unsigned
            answer = self._answer(path, signature, signed=signed)
        except DeliveryRefused as refusal:
            answer = refuse(refusal)
        except OSError as error:
            text = f"the file can't be opened ({error.strerror or type(error).__name__})"
            answer = replace(refuse(DeliveryUnreadable(text, DeliveryFault.FILE_UNREADABLE)), may_pass=True)
        if answer.report:
            self.notifier.add_report(answer.report)
        self._tell(show_path(path), answer)
        if self.receiver:
            self.receiver.note(answer, signed=signed)
        kept = answer.may_pass or self.settings.safety.dry_run or path == STDIN
        return most_severe({answer.exit_status, 0 if kept else self._put_away(path)})

    def _answer(self, path: Path, signature: str | None, *, signed: bool) -> DeliveryAnswer:
        body = open_body(self.ctx, path)
        if signed:
            keys = [key.get_secret_value() for key in self.settings.tripleseat.webhook_signing_keys]
            runtime = self.ctx.runtime or Runtime()
            check_signature(body, signature, keys, plain=self.options.plain, now=runtime.clock())
        if self.receiver:
            return self.receiver.take(body)
        _, answer = understand(body)
        if answer.reason:
            return answer
        return answer.hold_off(Reason.CONNECTOR_DISABLED, self._why_disabled())

    def _why_disabled(self) -> str:
        runtime = self.ctx.runtime or Runtime()
        pause = read_pause(self.settings.ledger_path, runtime.database)
        return str(pause) if pause else "the connector is disabled (safety.enable_connector)"

    def _put_away(self, path: Path) -> int:
        if self.options.archive is None:
            return 0
        try:
            move_away(path, self.options.archive)
        except OSError as error:
            text = f"{show_path(path)} is dealt with and can't be moved: {error.strerror or type(error).__name__}"
            print(f"tsrevel: {text}", file=self.ctx.stderr)
            return TsrevelError.exit_status
        return 0

    def _tell(self, name: str, answer: DeliveryAnswer) -> None:
        if self.flags.json:
            _print_line(self.ctx, _encode(answer) | {"file": name})
            return
        for line in self._lines(name, answer):
            print(line, file=self.ctx.stdout, flush=True)

    def _lines(self, name: str, answer: DeliveryAnswer) -> list[str]:
        """On a terminal every delivery and what came of it; elsewhere news alone, and errors always."""
        if self.ctx.stdout.isatty():
            told = [news_line(each) for each in answer.outcomes] or [_sum_up(answer)]
            return [f"{name}: {answer.trigger or 'refused'}: {line}" for line in told]
        failed = not answer.ok or (answer.exit_status and answer.report is None)
        report = answer.report
        lines = (list_errors(report) if self.flags.quiet else list_news(report)) if report else []
        return [*lines, *([f"{name}: {_sum_up(answer)}"] if failed else [])]


def _sum_up(answer: DeliveryAnswer) -> str:
    return answer.text or answer.reason or "nothing to do"


def _encode(answer: DeliveryAnswer) -> dict[str, object]:
    """A delivery as --json prints it (DESIGN 4); of a booking with several events, each of them as well."""
    outcomes = answer.outcomes
    single = outcomes[0] if len(outcomes) == 1 else None
    line: dict[str, object] = {
        "ok": answer.ok,
        "processed": answer.processed,
        "trigger": answer.trigger,
        "reason": answer.reason,
        "event_id": answer.event_id,
        "revel_order_id": single.order_id if single else None,
        "status": single.status if single else None,
        "error": answer.text or None,
    }
    return line if len(outcomes) < 2 else line | {"events": [_encode_outcome(each) for each in outcomes]}


def _encode_outcome(outcome: Outcome) -> dict[str, object]:
    return {
        "ok": True,
        "processed": outcome.status is Status.INJECTED or outcome.reason in CHANGES,
        "reason": outcome.reason,
        "event_id": outcome.event_id,
        "revel_order_id": outcome.order_id,
        "status": outcome.status,
        "error": outcome.text or None,
    }


def _encode_end(report: RunReport) -> list[dict[str, object]]:
    """A run that came to no event, because it was stopped or is disabled, in one line."""
    if not report.error and not report.reason:
        return []
    nothing = {"event_id": None, "revel_order_id": None, "status": None}
    text = report.error or (str(report.paused) if report.paused else None)
    return [{"ok": not report.error, "processed": False, "reason": report.reason, "error": text, **nothing}]


def _print_line(ctx: CliContext, line: dict[str, object]) -> None:
    print(encode_json(line, ctx.stdout), file=ctx.stdout, flush=True)
