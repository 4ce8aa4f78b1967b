"""Sockets under a deadline: httpcore's own timeouts begin anew with every byte, so an answer that trickles has no end.

Each read, write and connection is given no more time than the exchange has left, its headers and handshake included.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore

from tsrevel.deadline import NEVER, Deadline

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
