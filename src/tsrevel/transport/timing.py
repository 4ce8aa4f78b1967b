"""When a request may be sent, how long it may take, and when it is repeated. The only importer of tenacity.

httpcore's own timeouts restart with every byte, so a trickling answer would never end: sockets keep to a deadline here.
"""

from __future__ import annotations

import math
import random
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import httpcore
import tenacity

from tsrevel.errors import Halted, Unavailable

T = TypeVar("T")

_RESERVE = 60.0
_TENTH = 0.1
ATTEMPTS = 4
LONGEST_WAIT = 60.0
"""Seconds. A service that asks for a longer wait counts as unavailable until it is over: a run doesn't wait for it."""

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


@dataclass(slots=True)
class RateLimiter:
    """At most `per_second` requests a second, evenly spaced, over all threads."""

    per_second: float
    monotonic: Monotonic
    sleep: Callable[[float], None]
    _next: float = -math.inf
    _held_until: float = -math.inf
    _halted: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self, at_most: float = math.inf) -> bool:
        """Wait until the next request may be sent. Returns False at once if that takes longer than `at_most` seconds.

        Likewise if the service asked for a pause with more than LONGEST_WAIT left. Raises Halted after `stop`.
        """
        while True:
            with self._lock:
                now = self.monotonic()
                if self._held_until - now > LONGEST_WAIT:
                    return False
                slot = max(now, self._next)
                self._next = slot + 1 / self.per_second
            if slot - now > at_most:
                return False
            if slot > now and not self._halted:
                self.sleep(slot - now)
            if self._halted:
                raise Halted("the run was interrupted; the next one continues")
            if slot >= self._held_until:
                return True
            at_most -= slot - now

    def pause_for(self, seconds: float) -> None:
        """Send nothing for `seconds`, because the service asked for that. Waiting requests are delayed too."""
        with self._lock:
            self._held_until = max(self._held_until, self.monotonic() + seconds)
            self._next = max(self._next, self._held_until)

    def paused_for(self) -> float:
        """Seconds left of the pause that the service asked for."""
        return max(self._held_until - self.monotonic(), 0.0)

    def stop(self) -> None:
        """Send no further request. A request under way may end."""
        self._halted = True


def with_retries(ask: Callable[[], T], sleep: Callable[[float], None], deadline: Deadline) -> T:
    """The result of `ask`. Repeats it after Unavailable, up to ATTEMPTS times in all, after requested or growing waits.

    No wait goes beyond `deadline`. Raises what the last attempt raised.
    """
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: isinstance(error, Unavailable) and is_worth_waiting(error)),
        stop=lambda state: state.attempt_number >= ATTEMPTS or state.upcoming_sleep >= deadline.remaining(),
        wait=_wait,
        sleep=sleep,
        reraise=True,
    )
    return retrying(ask)


def pause_after(error: BaseException | None, attempt: int) -> float:
    """Seconds to wait before the next attempt: as `error` says, or growing. `attempt` counts from 1."""
    told = getattr(error, "wait", None)
    return float(told) if told is not None else 0.5 * 2 ** (attempt - 1)


def is_worth_waiting(error: BaseException) -> bool:
    """Whether the service asks for a wait that a run can afford."""
    return (getattr(error, "wait", None) or 0.0) <= LONGEST_WAIT


def _wait(state: tenacity.RetryCallState) -> float:
    """The pause before a read is repeated. Its last third is random, so that clients don't all return at once."""
    error = state.outcome.exception() if state.outcome else None
    pause = pause_after(error, state.attempt_number)
    told = getattr(error, "wait", None) is not None
    return pause if told else random.uniform(pause, 1.5 * pause)  # noqa: S311 (nothing secret hangs on it)


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
