"""The HTTP server: uvicorn, with limits on how long a client may take, and a shutdown that finishes started work.

uvicorn doesn't limit how long a request may take to arrive. Each limit is for a whole phase of h11's, so that single
bytes don't renew it.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Mapping
from enum import Enum, auto
from types import FrameType
from typing import ClassVar

import h11
from starlette.applications import Starlette
from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from tsrevel.errors import ConfigCode, ConfigError, ConfigProblem
from tsrevel.serve.worker import Worker

MOST_CONNECTIONS = 64
_LARGEST_HEAD = 32 * 1024
_TOO_MANY = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n"


class Phase(Enum):
    """The step of its client that a connection waits for."""

    HEAD = auto()
    BODY = auto()
    REST_OF_BODY = auto()  # of a request that is answered already: some clients read only after they have sent all
    READING = auto()  # of the answer


SECONDS = {Phase.HEAD: 10.0, Phase.BODY: 30.0, Phase.REST_OF_BODY: 5.0, Phase.READING: 30.0}
"""The seconds that each may last."""


class GuardedProtocol(H11Protocol):
    """One connection. It is cut if its client is slow or silent, and refused beyond MOST_CONNECTIONS."""

    seconds: ClassVar[Mapping[Phase, float]] = SECONDS
    _phase: Phase | None = None
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.write(_TOO_MANY)
            transport.close()
        else:
            self._set_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._enter(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        self._set_timer()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Whether the connection stays open: a client that sends no more still gets its answer."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete or cycle.more_body:
            return False
        cycle.keep_alive = False
        return True

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._set_timer()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._enter(Phase.READING)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._set_timer()

    def _set_timer(self) -> None:
        """Start the timer of the connection's phase, unless it runs already."""
        if self.flow.write_paused:
            return  # until the client reads
        theirs = self.conn.their_state
        phase = None
        if theirs is h11.IDLE:
            phase = Phase.HEAD
        elif theirs is h11.SEND_BODY:
            phase = Phase.REST_OF_BODY if self.conn.our_state in {h11.DONE, h11.MUST_CLOSE} else Phase.BODY
        if phase is not self._phase:
            self._enter(phase)

    def _enter(self, phase: Phase | None) -> None:
        if self._timer:
            self._timer.cancel()
        self._phase = phase
        self._timer = self.loop.call_later(self.seconds[phase], self.transport.abort) if phase else None


class DrainingServer(Server):
    """Ends at SIGTERM, SIGINT or SIGHUP once the worker has ended. Until then it answers requests, deliveries with 503.

    After a second signal it doesn't wait for the worker. `last_signal` is the number of the last one.
    """

    last_signal = 0

    def __init__(self, config: Config, worker: Worker) -> None:
        super().__init__(config)
        self._worker = worker

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        del frame
        self.last_signal = sig
        self.should_exit = self._worker.is_stopping
        self._worker.stop()

    async def on_tick(self, counter: int) -> bool:
        if self._worker.is_stopping and not self._worker.is_alive():
            self.should_exit = True
        return await super().on_tick(counter)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises ConfigError."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((host, port), family=family, backlog=2 * MOST_CONNECTIONS)
    except OSError as error:
        message = f"can't be used with port {port}: {error.strerror or error}"
        remedy = "Set an address of this machine and a free port."
        problem = ConfigProblem(ConfigCode.UNUSABLE_VALUE, "serve.host", "settings or flags", message, remedy)
        raise ConfigError(problem) from error


def run_server(app: Starlette, worker: Worker, listening: socket.socket) -> int:
    """Serve until SIGTERM, SIGINT or SIGHUP, and return the number of the last signal.

    A client's claims about itself (X-Forwarded-...) are ignored.
    """
    config = Config(
        app,
        http=GuardedProtocol,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        h11_max_incomplete_event_size=_LARGEST_HEAD,
    )
    server = DrainingServer(config, worker)
    hangup = signal.getsignal(signal.SIGHUP)
    if hangup is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, server.handle_exit)  # uvicorn itself handles the two others
    try:
        server.run(sockets=[listening])
    finally:
        signal.signal(signal.SIGHUP, hangup)
    return server.last_signal
