"""Wraps a pretend service: adds latency, and counts requests, connections and bytes in both directions."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_NUMBER = re.compile(r"/[0-9]+(?:;[0-9]+)*(?=/|\.|$)")
_LINE_ENDS = 4
"""A request line has two blanks and CRLF, a header has a colon, a blank and CRLF: four bytes each."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds for the round trip, for the service's work on a request, and for opening a connection."""

    round_trip: float = 0.0
    service: float = 0.0
    connection: float = 0.0


NONE = Latency()
FAR = Latency(round_trip=0.040, service=0.060, connection=0.040)


@dataclass(slots=True)
class Tally:
    """Requests by kind ("POST OrderItem"), opened connections, and bytes of HTTP in both directions with heads."""

    requests: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    sent: int = 0
    received: int = 0

    @property
    def bytes(self) -> int:
        """Bytes in both directions."""
        return self.sent + self.received


class Meter:
    """A WSGI app around another one. `latency` may be set at any time.

    A new thread means a new connection, because the sandbox's server has one thread for each connection.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._connection = threading.local()
        self._tally = Tally()
        self.latency = NONE

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request after the latency. Raises the app's exceptions."""
        new = not getattr(self._connection, "known", False)
        self._connection.known = True
        delay = self.latency.round_trip + self.latency.service + (self.latency.connection if new else 0.0)
        if delay:
            time.sleep(delay)
        head: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], _exc_info: object = None) -> Any:  # noqa: ANN401
            head.extend((status, headers))
            return start_response(status, headers)

        body = list(self._app(environ, start))
        self._note(environ, _size_of_answer(head[0], head[1]) + sum(map(len, body)), new=new)
        return body

    def read(self) -> Tally:
        """Return the tally since the last call, and begin a new one."""
        with self._lock:
            tally, self._tally = self._tally, Tally()
        return tally

    def _note(self, environ: WSGIEnvironment, received: int, *, new: bool) -> None:
        with self._lock:
            self._tally.requests[f"{environ['REQUEST_METHOD']} {_resource(str(environ['PATH_INFO']))}"] += 1
            self._tally.connections += new
            self._tally.sent += _size_of_request(environ)
            self._tally.received += received


def _resource(path: str) -> str:
    """The path's resource, without ids: `OrderItem`, `Order/ID`, `events/search`, `oauth2/token`."""
    bare = _NUMBER.sub("/ID", path).removesuffix(".json").strip("/")
    return bare.removeprefix("resources/").removeprefix("enterprise/").removeprefix("v1/")


def _size_of_request(environ: WSGIEnvironment) -> int:
    """The size of a request in HTTP/1.1. Its path must have no characters that a URL escapes."""
    query = str(environ.get("QUERY_STRING") or "")
    line = len(str(environ["REQUEST_METHOD"])) + len(str(environ["PATH_INFO"])) + (len(query) + 1 if query else 0)
    heads = sum(
        len(name) - len("HTTP_") + len(str(value)) + _LINE_ENDS
        for name, value in environ.items()
        if name.startswith("HTTP_")
    )
    return line + _LINE_ENDS + len("HTTP/1.1") + heads + len("\r\n") + int(environ.get("CONTENT_LENGTH") or 0)


def _size_of_answer(status: str, headers: list[tuple[str, str]]) -> int:
    heads = sum(len(name) + len(value) + _LINE_ENDS for name, value in headers)
    return len(f"HTTP/1.1 {status}\r\n") + heads + len("\r\n")
