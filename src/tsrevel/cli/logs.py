"""The log: one line an entry on stderr, each with the run's correlation id, as text or as JSON. No customer data."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TextIO

from tsrevel.cli.world import Manner

_LOGGER = logging.getLogger("tsrevel")


class _TextLines(logging.Formatter):
    def __init__(self, correlation_id: str) -> None:
        self._correlation_id = correlation_id
        super().__init__()

    def format(self, record: logging.LogRecord) -> str:
        return f"{_instant(record)} {record.levelname} [{self._correlation_id}] {record.getMessage()}"


class _JsonLines(_TextLines):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "at": _instant(record),
            "level": record.levelname,
            "correlation_id": self._correlation_id,
            "message": record.getMessage(),
        }
        return json.dumps(entry, ensure_ascii=False)


@contextmanager
def logging_to(stream: TextIO, manner: Manner, correlation_id: str) -> Iterator[None]:
    """Send tsrevel's log to `stream` meanwhile: warnings and errors, more with -v, only errors with -q."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter((_JsonLines if manner.log_format == "json" else _TextLines)(correlation_id))
    before = _LOGGER.level
    _LOGGER.addHandler(handler)
    _LOGGER.propagate = False
    _LOGGER.setLevel(_level(manner))
    try:
        yield
    finally:
        _LOGGER.removeHandler(handler)
        _LOGGER.propagate = True
        _LOGGER.setLevel(before)


def _level(manner: Manner) -> int:
    if manner.quiet:
        return logging.ERROR
    return {0: logging.WARNING, 1: logging.INFO}.get(manner.verbose, logging.DEBUG)


def _instant(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
