"""The surroundings of every command: streams, environment, runtime, common options, and the log on stderr."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, TextIO
from zoneinfo import ZoneInfo

from tsrevel.cli.streams import encode_entry, encode_json, plain
from tsrevel.text import with_config

if TYPE_CHECKING:
    from tsrevel.cli.answers.model import Answer
    from tsrevel.config import Settings
    from tsrevel.errors import ConfigProblem
    from tsrevel.wiring import Runtime

LogFormat = Literal["text", "json"]
LogLevel = Literal["ERROR", "WARNING", "INFO"]


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """The common options. `config`: the settings file that --config names. `verbose`: the number of -v."""

    config: Path | None = None
    json: bool = False
    quiet: bool = False
    verbose: int = 0
    log_format: LogFormat = "text"


@dataclass(slots=True)
class CliContext:
    """One invocation's surroundings and common options. `stand_in`: a test's clock and network.

    Its output streams print control characters as escapes, so no terminal obeys them.
    """

    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    stdin: BinaryIO = field(default_factory=lambda: sys.stdin.buffer if sys.stdin else BytesIO())
    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    stderr: TextIO = field(default_factory=lambda: sys.stderr)
    stand_in: Runtime | None = None
    options: OutputOptions = OutputOptions()
    answered: bool = field(default=False, init=False)
    unfinished: str = field(default="", init=False)
    """The message after an interrupt: the state that it would leave behind now."""
    zone: tzinfo = field(default=UTC, init=False)
    """The time zone of times that people read: that of the settings once they are loaded."""
    failed_with: int = field(default=0, init=False)
    """The exit status of the last run, if it ended early: `serve` tries each delivery again and again."""

    def __post_init__(self) -> None:
        self.stdout, self.stderr = plain(self.stdout), plain(self.stderr)

    @property
    def runtime(self) -> Runtime:
        """The clock and network of a run. The real one takes long to load."""
        from tsrevel.wiring import Runtime

        return self.stand_in or Runtime()

    def now(self) -> datetime:
        """The current time. It doesn't load the real runtime."""
        return self.stand_in.clock() if self.stand_in else datetime.now(UTC)

    def load_settings(
        self, *, offline: bool = False, secrets: Collection[str] = (), overrides: Mapping[str, object] | None = None
    ) -> Settings:
        """The settings in use, as `config.load_settings` reads them. Raises ConfigError."""
        from tsrevel.config import load_settings

        settings = load_settings(
            config=self.options.config,
            environ=self.environ,
            overrides=overrides or {},
            offline=offline,
            secrets=secrets,
        )
        self.zone = ZoneInfo(settings.timezone)
        return settings

    def copyable(self, text: str) -> str:
        """`text` with `--config` in its commands if they need it for the settings file in use."""
        if "`tsrevel " not in text:
            return text
        from tsrevel.config.paths import config_to_name

        return with_config(text, config_to_name(self.options.config, self.environ))

    def copyable_in(self, document: object) -> object:
        """The document of an answer, with `copyable` applied to its texts."""
        match document:
            case str():
                return self.copyable(document)
            case dict():
                return {key: self.copyable_in(value) for key, value in document.items()}
            case list() | tuple():
                return [self.copyable_in(each) for each in document]
            case _:
                return document

    def say(self, text: str) -> None:
        """Print text for people on stdout, wrapped on a terminal."""
        print(self._fold(text, self.stdout), file=self.stdout)

    def tell(self, text: str) -> None:
        """Print text for people on stderr, wrapped on a terminal, and flush it."""
        print(self._fold(text, self.stderr), file=self.stderr, flush=True)

    def _fold(self, text: str, stream: TextIO) -> str:
        text = self.copyable(text)
        if not stream.isatty():
            return text
        from tsrevel.cli.wrapping import fold

        return fold(text, self.environ)

    def log(self, text: str, level: LogLevel = "ERROR", correlation_id: str = "") -> None:
        """Print on stderr why a command failed, or a warning: as text for people, or as a line of the JSON log."""
        if self.options.log_format == "json":
            message = self.copyable(text)
            line = encode_entry(self.stderr, datetime.now(UTC), level, correlation_id, message, {})
            print(line, file=self.stderr, flush=True)
        else:
            run = f"[{correlation_id}] " if correlation_id else ""
            self.tell(f"tsrevel: {run}{'warning: ' if level == 'WARNING' else ''}{text}")

    def answer(self, answer: Answer, *, more: bool = False) -> None:
        """Print the JSON object of --json on stdout. Later ones are dropped, unless `more` was true."""
        from tsrevel.cli.answers.model import encode

        if not self.answered:
            line = encode_json(self.copyable_in(encode(answer)), self.stdout)
            self.answered = not more
            print(line, file=self.stdout, flush=True)

    def conclude(self, answer: Answer, *lines: str) -> int:
        """End a command that is done: print its answer with --json, else the lines, unless -q. Returns 0."""
        if self.options.json:
            self.answer(answer)
        elif not self.options.quiet:
            print(*lines, sep="\n", file=self.stdout)
        return 0

    def fail(self, text: str, status: int, problems: Iterable[ConfigProblem] = ()) -> int:
        """Report on stderr, and with --json on stdout, why the command failed or did nothing; return `status`."""
        for line in text.splitlines():
            self.log(line)
        if self.options.json:
            self.answer_failure(text, status, problems)
        return status

    def answer_failure(self, error: str, exit_status: int, problems: Iterable[ConfigProblem] = ()) -> None:
        """Print the JSON object of a command that failed."""
        from tsrevel.cli.answers.model import FailureAnswer, ProblemJson, fill

        listed = tuple(fill(ProblemJson, each) for each in problems)
        self.answer(FailureAnswer(error=error, exit_status=exit_status, problems=listed))


# The log: a line for each entry, with the run's correlation id, as text or JSON. It has no customer data.

_SUBJECTS = ("event_id", "order_id", "reason")
"""Fields that a JSON line about an event also has. Callers pass them to the logger as `extra`."""


class _LogFormatter(logging.Formatter):
    def __init__(self, ctx: CliContext, correlation_id: str) -> None:
        self._ctx, self._correlation_id = ctx, correlation_id
        super().__init__()

    def format(self, record: logging.LogRecord) -> str:
        instant = datetime.fromtimestamp(record.created, UTC)
        level, message = record.levelname, self._ctx.copyable(record.getMessage())
        if self._ctx.options.log_format == "json":
            about = {key: getattr(record, key) for key in _SUBJECTS if hasattr(record, key)}
            return encode_entry(self._ctx.stderr, instant, level, self._correlation_id, message, about)
        at = instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        indented = message.replace("\n", "\n    ")  # so that no line looks like another entry
        return f"{at} {level} [{self._correlation_id}] {indented}"


@contextmanager
def logging_to(
    ctx: CliContext, correlation_id: str, name: str = "tsrevel", *, shows_warnings: bool = True
) -> Iterator[None]:
    """Send tsrevel's log to stderr: warnings and errors; with -v each step, with -vv each request.

    With -q only warnings and errors: many a warning is given only once. `name`: send only the log of that package, and
    to no other handler. Without `shows_warnings`, only errors: for a command whose answer has the warnings.
    """
    logger = logging.getLogger(name)
    verbose = 0 if ctx.options.quiet else ctx.options.verbose
    level = {0: logging.WARNING if shows_warnings else logging.ERROR, 1: logging.INFO}.get(verbose, logging.DEBUG)
    handler = logging.StreamHandler(ctx.stderr)
    handler.setFormatter(_LogFormatter(ctx, correlation_id))
    before = logger.level
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = True
        logger.setLevel(before)
