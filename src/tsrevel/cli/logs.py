"""The log on stderr: one line an entry, with the run's correlation id, as text or JSON. It has no customer data."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from tsrevel.cli.context import CliContext
from tsrevel.cli.streams import encode_entry

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
