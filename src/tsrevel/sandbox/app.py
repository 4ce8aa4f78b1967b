"""The frame of a pretend service: one lock, one request log, the WSGI call itself, and faults on demand.

The subclass makes the service's answer (`respond`). This module decides what the client gets of it, and serves the app
over HTTP/1.1, on this machine's loopback only. Standard library only.
"""

from __future__ import annotations

import copy
import io
import ipaddress
import json
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import parse_qsl, unquote

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

Copied = TypeVar("Copied")
Json = dict[str, Any]
"""One JSON object. Money that Revel sends as a number is a Decimal here, and a JSON number in answers."""


def copy_json(value: Copied) -> Copied:
    """A copy that shares no list or dict with `value`. Several times faster than `copy.deepcopy`."""
    if isinstance(value, dict):
        return {key: copy_json(each) for key, each in value.items()}  # type: ignore[return-value]
    if isinstance(value, list):
        return [copy_json(each) for each in value]  # type: ignore[return-value]
    return value


class ConnectionCut(ConnectionError):
    """The connection ends without an answer.

    The WSGI call raises it. The loopback server then closes the socket; an in-process transport may raise the client
    library's read error.
    """


class AnswerError(Exception):
    """Ends a request early, with this answer."""

    def __init__(self, response: Response) -> None:
        self.response = response
        super().__init__(str(response.status))


@dataclass(frozen=True, slots=True)
class Request:
    """One request. The query is ordered pairs; header names are in lower case."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes

    def first(self, name: str) -> str | None:
        """The first value of a query parameter; None if it is missing."""
        return next((value for key, value in self.query if key == name), None)

    def listed(self, name: str) -> list[str]:
        """The values of a list parameter: `a=1,2`, `a=1&a=2` and `a[]=1&a[]=2` mean the same."""
        given = [value for key, value in self.query if key in (name, f"{name}[]")]
        return [part.strip() for value in given for part in value.split(",") if part.strip()]

    def form(self) -> dict[str, str]:
        """The body as a form; {} if its content type is another one."""
        if not self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return {}
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def json_object(self) -> Json | None:
        """The body as one JSON object with exact decimals; None if it isn't one."""
        try:
            decoded = json.loads(self.body, parse_float=Decimal)
        except ValueError:
            return None
        return decoded if isinstance(decoded, dict) else None


@dataclass(frozen=True, slots=True)
class Response:
    """One complete answer. Nothing is streamed."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def status_line(self) -> str:
        return f"{self.status} {responses.get(self.status, 'Unknown')}"


def read_request(environ: WSGIEnvironment) -> Request:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    headers = {
        key[5:].replace("_", "-").lower(): str(value) for key, value in environ.items() if key.startswith("HTTP_")
    }
    headers["content-type"] = str(environ.get("CONTENT_TYPE") or "")
    return Request(
        method=str(environ["REQUEST_METHOD"]).upper(),
        path=str(environ.get("PATH_INFO") or "/"),
        query=tuple(parse_qsl(str(environ.get("QUERY_STRING") or ""), keep_blank_values=True)),
        headers=headers,
        body=environ["wsgi.input"].read(length) if length else b"",
    )


def json_response(data: object, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """An answer in JSON. Decimals become JSON numbers, as in Revel's answers."""
    body = json.dumps(data, default=_plain_number, ensure_ascii=False).encode()
    return Response(status, body, (("Content-Type", "application/json; charset=utf-8"), *headers))


def html_response(text: str, status: int = 200) -> Response:
    return Response(status, text.encode(), (("Content-Type", "text/html; charset=utf-8"),))


def _plain_number(value: object) -> float:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} can't be sent as JSON")


# The server


class LoopbackServer(ThreadingHTTPServer):
    """A running server, with its `url` and `port`. Close it, or use it as a context manager."""

    daemon_threads = True

    def __init__(self, app: WSGIApplication, host: str, port: int) -> None:
        try:
            loopback = host == "localhost" or ipaddress.IPv4Address(host).is_loopback
        except ValueError:
            loopback = False
        if not loopback:
            raise ValueError(f"the sandbox listens on loopback only, not on {host!r}; use 127.0.0.1")
        self.app = app
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__((host, port), _Exchange)
        self.port: int = self.server_address[1]
        self.url = f"http://{host}:{self.port}"
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening and end all connections."""
        self.shutdown()
        self._thread.join()
        with self._guard:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def finish_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Serve one connection. A client that disconnects is no error."""
        with self._guard:
            self._open.add(request)
        try:
            with suppress(ConnectionError):
                super().finish_request(request, client_address)
        finally:
            with self._guard:
                self._open.discard(request)


def serve(app: WSGIApplication, host: str = "127.0.0.1", port: int = 0) -> LoopbackServer:
    """Serve `app` in the background. Port 0 takes a free port.

    Raises ValueError for a host that isn't loopback, and OSError if the port is in use.
    """
    return LoopbackServer(app, host, port)


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: LoopbackServer

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401
        """Log nothing: the app has its own log."""

    def relay(self) -> None:
        """Pass one request to the app, and its answer to the client."""
        answer: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], _exc_info: object = None) -> Any:  # noqa: ANN401
            answer.extend([status, headers])

        try:
            body = b"".join(self.server.app(self._environ(), start_response))
        except ConnectionCut:
            self.close_connection = True
            return
        self.send_response_only(int(answer[0].split(" ", 1)[0]))
        for name, value in answer[1]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        with suppress(OSError):  # the client may have given up waiting
            self.wfile.flush()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = relay  # noqa: N815 - http.server's names

    def _environ(self) -> WSGIEnvironment:
        path, _, query = self.path.partition("?")
        length = int(self.headers.get("Content-Length") or 0)
        environ: WSGIEnvironment = {
            "REQUEST_METHOD": self.command,
            "PATH_INFO": unquote(path),
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(length),
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": str(self.server.server_address[1]),
            "SERVER_PROTOCOL": self.request_version,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(self.rfile.read(length)),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
        }
        for name, value in self.headers.items():
            environ["HTTP_" + name.upper().replace("-", "_")] = value
        return environ


# The service

State = TypeVar("State")

LOGIN_PAGE = (
    "<!doctype html><html><head><title>Sign in</title></head>"
    "<body><form action='/login' method='post'><input name='user'></form></body></html>"
)

APPLIES = {
    "status": False,
    "status_after": True,
    "html": False,
    "truncated": True,
    "wrong_shape": True,
    "not_applied": False,
    "drop_before": False,
    "drop_after": True,
    "slow": True,
    "invisible": True,
}
"""Kind of fault → whether the request still does its work when the fault fires."""

DETAILS = frozenset({"status", "body", "headers", "seconds", "lookups", "applied"})


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class InjectedFault:
    """A fault that waits for its request. If `times` is None, it fires forever."""

    kind: str
    method: str | None
    path: re.Pattern[str] | None
    times: int | None
    after: int
    details: Mapping[str, Any]

    def spoil(self, real: Response | None) -> Response:
        """The answer that replaces `real`, which is None if the work wasn't done.

        Raises ConnectionCut for the two kinds that end the connection.
        """
        status = int(self.details.get("status", 200 if real is None else real.status))
        match self.kind:
            case "drop_before" | "drop_after":
                raise ConnectionCut("a fault of the sandbox cuts this connection")
            case "status" | "status_after":
                status = int(self.details.get("status", 500))
                body = self.details.get("body", "")
                headers = tuple(dict(self.details.get("headers", {})).items())
                if isinstance(body, str):
                    return Response(status, body.encode(), (("Content-Type", "text/plain; charset=utf-8"), *headers))
                return json_response(body, status, headers)
            case "html":
                return html_response(self.details.get("body", LOGIN_PAGE), self.details.get("status", 200))
            case "wrong_shape":
                return json_response(self.details.get("body", {"unexpected": True}), status)
            case "truncated":
                whole = real.body if real is not None and len(real.body) > 1 else b'{"objects": []}'
                headers = (("Content-Type", "application/json; charset=utf-8"),)
                return Response(status, whole[: len(whole) // 2], headers)
        return real if real is not None else Response(200)


class Faults:
    """The waiting faults of one app. They are deterministic, and may be added while the app serves.

    A fault waits for a matching request, fires `times` times, and is removed.
    """

    def __init__(self, lock: threading.RLock) -> None:
        self._lock = lock
        self._waiting: list[InjectedFault] = []

    def add(
        self,
        kind: str,
        method: str | None = None,
        path: str | None = None,
        times: int | None = 1,
        after: int = 0,
        **details: Any,  # noqa: ANN401
    ) -> None:
        """Let the next `times` matching requests fail, after the first `after` matching ones have passed.

        `path` is a regular expression that is searched in the request's path. The first fault that matches takes the
        request, in the order in which they were added; later ones don't count it. Kinds and their details:

        - `status`, `status_after`: answer `status` (500) with `body` and `headers`, before / after the work
        - `html`: a login page with 200; `truncated`: half the real answer; `wrong_shape`: `body` instead
        - `not_applied`: the success answer, but nothing is stored
        - `drop_before`, `drop_after`: the connection is cut before / after the work
        - `slow`: wait `seconds` first; then other faults, or the real answer
        - `invisible`: the next `lookups` (1) look-ups don't show the saved row

        `applied` overrides whether the work is done. Raises ValueError for an unknown kind or detail.
        """
        if kind not in APPLIES:
            raise ValueError(f"unknown kind of fault {kind!r}; known: {', '.join(APPLIES)}")
        if unknown := set(details) - DETAILS:
            raise ValueError(f"unknown fault details: {', '.join(sorted(unknown))}")
        method = method.upper() if method is not None else None
        pattern = re.compile(path) if path is not None else None
        with self._lock:
            self._waiting.append(InjectedFault(kind, method, pattern, times, after, details))

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    @property
    def waiting(self) -> int:
        """How many faults still wait."""
        with self._lock:
            return len(self._waiting)

    def take(self, request: Request) -> tuple[float, InjectedFault | None]:
        """The seconds to wait before this request, and the fault to apply to it."""
        delay = 0.0
        with self._lock:
            for fault in list(self._waiting):
                if fault.method not in (None, request.method):
                    continue
                if fault.path is not None and not fault.path.search(request.path):
                    continue
                if fault.after > 0:
                    fault.after -= 1
                    continue
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._waiting.remove(fault)
                if fault.kind != "slow":
                    return delay, fault
                delay += float(fault.details.get("seconds", 1.0))
        return delay, None


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request, for counting. `status` is 0 if the connection was cut."""

    method: str
    path: str
    query: Mapping[str, str]
    status: int


class SandboxApp(Generic[State]):
    """A WSGI app with a state that can be rolled back, faults on demand and a log of its requests.

    `clock` returns aware UTC. `sleep` waits the seconds of a `slow` fault.
    """

    def __init__(self, state: State, clock: Callable[[], datetime], sleep: Callable[[float], None]) -> None:
        self.state = state
        self.clock = clock
        self.lock = threading.RLock()
        self.faults = Faults(self.lock)
        self.requests: list[LoggedRequest] = []
        self.clock_ahead: timedelta | None = None
        """How far the Date of each answer is ahead of `clock`. None: answers have no Date."""
        self._sleep = sleep

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request. Raises ConnectionCut if a fault cuts the connection."""
        request = read_request(environ)
        try:
            response = self._answer(request)
        except ConnectionCut:
            self._log(request, 0)
            raise
        self._log(request, response.status)
        length = ("Content-Length", str(len(response.body)))
        date = []
        if self.clock_ahead is not None:
            date = [("Date", format_datetime(self.clock() + self.clock_ahead, usegmt=True))]
        start_response(response.status_line, [*response.headers, *date, length])
        return [response.body]

    def respond(self, request: Request) -> Response:
        """The service's own answer. May raise AnswerError to end early."""
        raise NotImplementedError

    def conceal(self, response: Response, lookups: int) -> None:
        """Hide the row in `response` from the next `lookups` look-ups. Does nothing unless overridden."""

    def count(self, method: str | None = None, path: str | None = None) -> int:
        """How many requests came with this method, and with a path that the regular expression matches anywhere."""
        with self.lock:
            return sum(
                1
                for request in self.requests
                if (method is None or request.method == method) and (path is None or re.search(path, request.path))
            )

    def _answer(self, request: Request) -> Response:
        delay, fault = self.faults.take(request)
        if delay > 0:
            self._sleep(delay)
        with self.lock:
            if fault is None:
                return self._work(request)
            if fault.kind == "not_applied":
                kept = copy.deepcopy(self.state)
                response = self._work(request)
                self.state = kept
                return response
            real = self._work(request) if fault.details.get("applied", APPLIES[fault.kind]) else None
            if fault.kind == "invisible" and real is not None:
                self.conceal(real, int(fault.details.get("lookups", 1)))
            return fault.spoil(real)

    def _work(self, request: Request) -> Response:
        try:
            return self.respond(request)
        except AnswerError as early:
            return early.response

    def _log(self, request: Request, status: int) -> None:
        with self.lock:
            self.requests.append(LoggedRequest(request.method, request.path, dict(request.query), status))
