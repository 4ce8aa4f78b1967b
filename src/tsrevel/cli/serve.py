"""`serve`: the webhook service. Its worker runs the code of other commands."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

from tsrevel.cli.answers.model import encode
from tsrevel.cli.answers.runs import ServeAnswer, answer_planned, answer_report
from tsrevel.cli.context import CliContext, logging_to
from tsrevel.cli.replay import ReplayOptions, replay_files
from tsrevel.cli.sync import SyncOptions, sync, sync_events
from tsrevel.config import Settings, load_settings
from tsrevel.doctor.machine import secret_files
from tsrevel.engine.deliveries import DeliveryAnswer, DeliveryQueue, refuse, understand
from tsrevel.engine.outcomes import RunReport
from tsrevel.errors import ConfigCode, ConfigError, ConfigProblem, DeliveryRefused, LedgerUnusable, RunLocked
from tsrevel.ledger import hold_lock
from tsrevel.ledger.migrations import back_up
from tsrevel.planning.reasons import Reason
from tsrevel.serve.app import build_app, listen, run_server
from tsrevel.serve.worker import Document, Worker
from tsrevel.signals import end_exchanges
from tsrevel.text import reason_of
from tsrevel.transport.client import Deadline
from tsrevel.webhook.spool import Spool
from tsrevel.wiring import correlate, make_state_folder, open_ledger, open_run, why_disabled

_STATUS_OF_SIGNALS = 128
"""Added to a signal's number: the exit status of a command that it ended, as shells have it."""
_ID_DIGITS = 8
"""The first digits of a delivery's run ids come from its name, so all its runs have one correlation id."""
_FAILURE_SECONDS = 30.0
"""How long settings that can't be loaded aren't tried again, unless a file changes: each try runs secrets' commands."""

_Stamps = dict[Path, tuple[int, int, int] | None]
"""Values by the settings' files, which change when the files do."""


def serve(ctx: CliContext, host: str | None, port: int | None, *, plain: bool) -> int:
    """Serve until SIGTERM, SIGHUP or Ctrl-C. Raises ConfigError, LedgerUnusable, RunLocked if it can't start."""
    commands = ServedCommands(ctx, {"serve.host": host, "serve.port": port}, plain=plain)
    settings = commands.settings()
    make_state_folder(settings)
    spool = Spool(settings.spool_path)
    with ExitStack() as stack:
        try:
            stack.enter_context(spool.hold(settings.config_path))
        except OSError as error:
            message = f"can't be used: {reason_of(error)}"
            remedy = f"Let this user write to {spool.folder}, or name another folder."
            problem = ConfigProblem(ConfigCode.FILE_UNWRITABLE, "serve.spool", "settings", message, remedy)
            raise ConfigError(problem) from error
        stack.enter_context(logging_to(ctx, "serve", "tsrevel.serve"))
        listening = stack.enter_context(listen(settings.serve.host, settings.serve.port))
        commands.make_ledger()
        worker = Worker(commands, spool)
        _announce(ctx, settings, listening.getsockname()[1])
        worker.start()
        number = run_server(build_app(worker, plain=plain), worker, listening)
        if worker.is_alive():  # a second signal doesn't wait for it
            end_exchanges()
            return _STATUS_OF_SIGNALS + number
    return 0


def _announce(ctx: CliContext, settings: Settings, port: int) -> None:
    host = settings.serve.host
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    if ctx.options.json:
        ctx.answer(ServeAnswer(url=url, spool=str(settings.spool_path)), more=True)
    if not settings.tripleseat.webhook_signing_keys:
        ctx.log("tripleseat.webhook_signing_keys is empty: every delivery will be refused", "INFO")
    if settings.safety.dry_run and not ctx.options.quiet:
        ctx.log("safety.dry_run is true: deliveries are planned, and wait until it is false", "INFO")
    if not ctx.options.quiet:
        ctx.tell(f"Serving on {url}/webhook until SIGTERM or Ctrl-C. Deliveries wait in {settings.spool_path}.")


@dataclass(frozen=True, slots=True)
class _FailedLoad:
    """Settings that couldn't be loaded from files with these stamps, and when they are tried again."""

    stamps: _Stamps
    problems: tuple[ConfigProblem, ...]
    until: float


@dataclass(slots=True)
class ServedCommands:
    """The commands as the worker runs them. `overrides` and `plain`: the flags of `serve`."""

    ctx: CliContext
    overrides: dict[str, object]
    plain: bool
    _settings: Settings | None = field(default=None, init=False)
    _stamps: _Stamps = field(default_factory=dict, init=False)
    _failed: _FailedLoad | None = field(default=None, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)
    _deadline: Deadline | None = field(default=None, init=False)

    def settings(self) -> Settings:
        """The settings, read again if one of their files has changed. Raises ConfigError."""
        with self._lock:
            return self._reload()

    def latest_settings(self) -> Settings:
        """The same; the last good ones while another thread reads them, and if they can't be loaded."""
        if self._settings and self._lock.acquire(blocking=False):  # a secret's command may hang
            try:
                return self._reload()
            except ConfigError:  # the worker reports it
                return self._settings
            finally:
                self._lock.release()
        return self._settings or self.settings()

    def _reload(self) -> Settings:
        stamps = {each: _stamp_of(each) for each in self._stamps}
        if self._settings and stamps == self._stamps:
            return self._settings
        runtime, environ = self.ctx.runtime, self.ctx.environ
        failed = self._failed
        if failed and failed.stamps == stamps and runtime.monotonic() < failed.until:
            raise ConfigError(*failed.problems)
        config = self.ctx.options.config
        try:
            settings = load_settings(config=config, environ=environ, overrides=self.overrides, run=runtime.run_command)
        except ConfigError as error:
            self._failed = _FailedLoad(stamps, error.problems, runtime.monotonic() + _FAILURE_SECONDS)
            raise
        secrets = [path for _, path in secret_files(settings, environ)]
        files = [each for each in (settings.config_path, settings.mappings_path, *secrets) if each]
        # those from before the reading, so that a change meanwhile is noticed
        self._stamps = {each: stamps[each] if each in stamps else _stamp_of(each) for each in files}
        self._settings = settings
        return settings

    def make_ledger(self) -> None:
        """Create or migrate the ledger, so that its problems show at the start. Raises LedgerUnusable."""
        settings = self.settings()
        try:
            with hold_lock(settings.ledger_path):
                open_ledger(settings, self.ctx.runtime).close()
        except RunLocked:  # a run has it open
            return

    def why_disabled(self) -> str | None:
        with suppress(LedgerUnusable):  # the run of the next delivery reports that
            return why_disabled(self.settings(), self.ctx.runtime)
        return None

    def replay(self, path: Path, to_come: Sequence[DeliveryAnswer]) -> DeliveryAnswer | None:
        """Process one delivery as `replay --archive` does. Raises RunLocked, LedgerUnusable, SpoolUnwritable."""
        settings, spool = self.settings(), Spool(path.parent)
        run_id = self.ctx.runtime.new_run_id()
        known = path.stem[-_ID_DIGITS:]
        if len(known) == _ID_DIGITS and set(known) <= set("0123456789abcdef"):
            run_id = known + run_id[_ID_DIGITS:]
        options = ReplayOptions(
            plain=self.plain, archive=spool.done, refused=spool.failed, run_id=run_id, deadline=self._begin(settings)
        )
        answers = replay_files(self.ctx, settings, [path], options, to_come)
        return answers[0] if answers else None

    def sync(self, hours_back: int | None = None) -> RunReport:
        options = SyncOptions(hours_back=hours_back, deadline=self._begin(self.settings()))
        return sync(replace(self.ctx), options)

    def sync_event(self, event_id: str) -> RunReport:
        options = SyncOptions(deadline=self._begin(self.settings()))
        return sync_events(replace(self.ctx), options, [event_id], ignore_time_gate=False)

    def encode(self, report: RunReport) -> Document:
        return encode(answer_report(report))

    def plan(self, body: bytes) -> Document:
        """Plan a delivery: a dry run on a copy of the ledger, which is then deleted."""
        settings = self.settings()
        try:
            _, answer = understand(body)
            why = why_disabled(settings, self.ctx.runtime)
            if why:
                answer = answer.hold_off(Reason.CONNECTOR_DISABLED, why)
            elif answer.key:
                answer = self._plan(settings, body)
        except DeliveryRefused as error:
            answer = refuse(error)
        return encode(answer_planned(answer))

    def _plan(self, settings: Settings, body: bytes) -> DeliveryAnswer:
        run_id = self.ctx.runtime.new_run_id()
        with TemporaryDirectory(prefix="tsrevel-plan-") as folder, logging_to(self.ctx, correlate(run_id)):
            copy = Path(folder, "ledger.sqlite3")
            if settings.ledger_path.exists():
                back_up(settings.ledger_path, copy)
            safety = settings.safety.model_copy(update={"dry_run": True})
            trial = settings.model_copy(update={"ledger_path": copy, "safety": safety})
            with open_run(trial, run_id, runtime=self.ctx.runtime, deadline=self._begin(settings)) as run:
                return DeliveryQueue(run, trust_payload=settings.tripleseat.payload == "trust").take(body)

    def _begin(self, settings: Settings) -> Deadline:
        self._deadline = Deadline(timedelta(minutes=settings.sync.deadline_minutes), self.ctx.runtime.monotonic)
        return self._deadline

    def wind_down(self) -> None:
        if self._deadline:
            self._deadline.wind_down()


def _stamp_of(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
