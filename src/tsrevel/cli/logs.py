"""The log: one line an entry on stderr, each with the run's correlation id, as text or as JSON. No customer data."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TextIO

from tsrevel.cli.context import OutputOptions
from tsrevel.cli.streams import encode_json

_LOGGER = logging.getLogger("tsrevel")


class _TextLines(logging.Formatter):
    def __init__(self, correlation_id: str) -> None:
        self._correlation_id = correlation_id
        super().__init__()

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage().replace("\n", "\n    ")  # what goes on can't be taken for another entry
        return f"{_instant(record)} {record.levelname} [{self._correlation_id}] {message}"


class _JsonLines(_TextLines):
    def __init__(self, correlation_id: str, stream: TextIO) -> None:
        self._stream = stream
        super().__init__(correlation_id)

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "at": _instant(record),
            "level": record.levelname,
            "correlation_id": self._correlation_id,
            "message": record.getMessage(),
        }
        return encode_json(entry, self._stream)


@contextmanager
def logging_to(stream: TextIO, flags: OutputOptions, correlation_id: str) -> Iterator[None]:
    """Send tsrevel's log to `stream` meanwhile: warnings and errors, more with -v, only errors with -q."""
    handler = logging.StreamHandler(stream)
    as_json = flags.log_format == "json"
    handler.setFormatter(_JsonLines(correlation_id, stream) if as_json else _TextLines(correlation_id))
    before = _LOGGER.level
    _LOGGER.addHandler(handler)
    _LOGGER.propagate = False
    _LOGGER.setLevel(_level(flags))
    try:
        yield
    finally:
        _LOGGER.removeHandler(handler)
        _LOGGER.propagate = True
        _LOGGER.setLevel(before)


def _level(flags: OutputOptions) -> int:
    if flags.quiet:
        return logging.ERROR
    return {0: logging.WARNING, 1: logging.INFO}.get(flags.verbose, logging.DEBUG)


def _instant(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
