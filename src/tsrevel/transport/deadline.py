"""Deadlines: the time left for a command, and sockets that keep to it.

httpcore's own timeouts begin anew with every byte, so an answer that trickles would have no end.
"""

from __future__ import annotations

import math
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpcore

_RESERVE = 60.0
_TENTH = 0.1

Monotonic = Callable[[], float]


class Deadline:
    """The end of an invocation, `length` from now."""

    def __init__(self, length: timedelta, monotonic: Monotonic = time.monotonic, *, end: float | None = None) -> None:
        self.length = length
        self._monotonic = monotonic
        self._end = monotonic() + length.total_seconds() if end is None else end

    def remaining(self) -> float:
        """Seconds that are left, 0 at least."""
        return max(self._end - self._monotonic(), 0.0)

    @property
    def has_passed(self) -> bool:
        """Whether no further request may go out."""
        return self.remaining() <= 0

    @property
    def is_near(self) -> bool:
        """Whether nothing new should be begun: the last tenth, a minute at most, is for what is under way."""
        return self.remaining() <= min(self.length.total_seconds() * _TENTH, _RESERVE)

    def wind_down(self) -> None:
        """Begin nothing new from now on: what is under way has the last part of the time to end."""
        reserve = min(self.length.total_seconds() * _TENTH, _RESERVE)
        self._end = min(self._end, self._monotonic() + reserve)

    def within(self, seconds: float, *, at_least: float = 0.0) -> Deadline:
        """The end of one step that begins now: `seconds` from now or this deadline, whichever comes first.

        The step has `at_least` so many seconds, though they reach beyond this deadline.
        """
        now = self._monotonic()
        end = min(now + seconds, max(self._end, now + at_least))
        return Deadline(timedelta(seconds=seconds), self._monotonic, end=end)


NEVER = Deadline(timedelta.max, end=math.inf)
"""No end: for what waits for a person in between. Each request has one all the same."""


SocketOptions = Iterable[Any] | None


class TimedBackend(httpcore.NetworkBackend):
    """Connections that keep the deadline of the exchange that their thread is at."""

    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()
        self._of_thread = threading.local()

    @contextmanager
    def until(self, deadline: Deadline) -> Iterator[None]:
        """What this thread does meanwhile ends with `deadline`."""
        self._of_thread.deadline = deadline
        try:
            yield
        finally:
            self._of_thread.deadline = NEVER

    def limit(self, timeout: float | None, error: type[Exception]) -> float | None:
        """The time that one step may take, in seconds; None for no limit. Raises `error` where none is left."""
        deadline: Deadline = getattr(self._of_thread, "deadline", NEVER)
        if deadline is NEVER:
            return timeout
        remaining = deadline.remaining()
        if remaining <= 0:
            raise error
        return remaining if timeout is None else min(timeout, remaining)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: SocketOptions = None,
    ) -> httpcore.NetworkStream:
        """A connection, made in time."""
        limit = self.limit(timeout, httpcore.ConnectTimeout)
        return _TimedStream(self._inner.connect_tcp(host, port, limit, local_address, socket_options), self)


class _TimedStream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, backend: TimedBackend) -> None:
        self._inner = inner
        self._backend = backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._backend.limit(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._backend.limit(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        limit = self._backend.limit(timeout, httpcore.ConnectTimeout)
        return _TimedStream(self._inner.start_tls(ssl_context, server_hostname, limit), self._backend)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 (httpcore's own)
        return self._inner.get_extra_info(info)
