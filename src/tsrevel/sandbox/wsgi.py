"""Decodes HTTP requests, encodes answers, and serves WSGI apps over HTTP/1.1, on this machine's loopback only.

Standard library only. Routing, state and business rules are elsewhere.
"""

from __future__ import annotations

import io
import ipaddress
import json
import socket
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, unquote

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication, WSGIEnvironment

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
