"""Serves any WSGI app over HTTP/1.1, on this machine's loopback only.

A ConnectionCut closes the socket without an answer.
"""

from __future__ import annotations

import io
import ipaddress
import socket
import sys
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tsrevel.sandbox.wsgi import ConnectionCut

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication, WSGIEnvironment


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
