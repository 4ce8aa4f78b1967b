"""Deadlines: the time left for a command, and sockets that keep to it.

httpcore's own timeouts restart with every byte, so a trickling answer would never end.
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
    """The end of an invocation, `length` from now. `was_brought_forward`: it ends earlier, because `serve` stops."""

    def __init__(self, length: timedelta, monotonic: Monotonic = time.monotonic, *, end: float | None = None) -> None:
        self.length = length
        self.was_brought_forward = False
        self._monotonic = monotonic
        self._end = monotonic() + length.total_seconds() if end is None else end

    def remaining(self) -> float:
        """Seconds left, at least 0."""
        return max(self._end - self._monotonic(), 0.0)

    @property
    def has_passed(self) -> bool:
        """Whether no further request may be sent."""
        return self.remaining() <= 0

    @property
    def is_near(self) -> bool:
        """Whether nothing new should begin. The last tenth of the time, at most a minute, is for work under way."""
        return self.remaining() <= min(self.length.total_seconds() * _TENTH, _RESERVE)

    def wind_down(self) -> None:
        """Begin nothing new from now on. Work under way gets a tenth of the whole time, at most a minute, to end."""
        reserve = min(self.length.total_seconds() * _TENTH, _RESERVE)
        self._end = min(self._end, self._monotonic() + reserve)
        self.was_brought_forward = True

    def within(self, seconds: float, *, at_least: float = 0.0) -> Deadline:
        """The end of one step that begins now: `seconds` from now or this deadline, whichever comes first.

        The step gets `at_least` seconds, even beyond this deadline.
        """
        now = self._monotonic()
        end = min(now + seconds, max(self._end, now + at_least))
        return Deadline(timedelta(seconds=seconds), self._monotonic, end=end)


NEVER = Deadline(timedelta.max, end=math.inf)
"""No deadline, for commands that wait for a person. Each request still has its own limit."""


SocketOptions = Iterable[Any] | None


class TimedBackend(httpcore.NetworkBackend):
    """Connections that keep to the deadline of their thread's current exchange."""

    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()
        self._of_thread = threading.local()

    @contextmanager
    def until(self, deadline: Deadline) -> Iterator[None]:
        """Limit this thread's connections to `deadline` within the block."""
        self._of_thread.deadline = deadline
        try:
            yield
        finally:
            self._of_thread.deadline = NEVER

    def limit(self, timeout: float | None, error: type[Exception]) -> float | None:
        """The time that one step may take, in seconds; None for no limit. Raises `error` if none is left."""
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
