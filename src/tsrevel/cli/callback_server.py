"""The loopback server to which TripleSeat sends the browser after a person's decision (facts TripleSeat 1.2).

It accepts a GET of one path with the login's `state`, once. It refuses everything else. It has no log, and its pages
never repeat what the browser sent.
"""

from __future__ import annotations

import hmac
import re
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs

from tsrevel.redaction import Secret
from tsrevel.transport.responses import tidy

REQUEST_SECONDS = 10
"""How long a browser may take to send its request: some connect in advance and send nothing."""
PAGE_SECONDS = 3
"""How long the end of the login waits for the browser to take its page."""
_MOST_FIELDS = 20
_LONGEST_CODE = 4096
_WORD = re.compile(r"[a-z_]{1,40}")
_HEADERS = (
    ("Content-Type", "text/html; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'"),
    ("Connection", "close"),
)


@dataclass(frozen=True, slots=True, repr=False)
class ConsentAnswer(Secret):
    """The person's decision: a code, or an error word with TripleSeat's description."""

    code: str = ""
    error: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A redirect that isn't the answer to this login, and why."""

    why: str


def read_answer(query: str, state: str) -> ConsentAnswer | Rejected:
    """The answer in a redirect's query, if it has the login's `state` (compared in constant time)."""
    try:
        fields = parse_qs(query, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return Rejected("it has too many fields")
    states, codes, errors = (fields.get(name, []) for name in ("state", "code", "error"))
    if len(states) != 1 or not hmac.compare_digest(states[0].encode(), state.encode()):
        said = f" (its error is {_tell_word(errors[0])!r})" if errors else ""
        return Rejected(f"its state belongs to another login{said}")
    if errors:
        return ConsentAnswer(
            error=_tell_word(errors[0]), description=tidy(" ".join(fields.get("error_description", [])))
        )
    if len(codes) == 1 and 0 < len(codes[0]) <= _LONGEST_CODE and codes[0].isascii() and codes[0].isprintable():
        return ConsentAnswer(codes[0])
    return Rejected("it has no code and no error")


def _tell_word(error: str) -> str:
    return error if _WORD.fullmatch(error) else "an error without a name"


class CallbackServer(socketserver.ThreadingTCPServer):
    """Listens at the redirect address until it is closed; it is a context manager.

    `tell` is called once, with the reason, when a redirect is refused. Raises OSError if the port can't be opened.
    """

    allow_reuse_address = True
    daemon_threads = True  # a silent browser delays nobody, not even the end

    def __init__(self, host: str, port: int, path: str, state: str, tell: Callable[[str], None]) -> None:
        self.path, self.shown = path, threading.Event()
        self._state, self._tell = state, tell
        self._lock = threading.Lock()
        self._answer: ConsentAnswer | None = None
        self._stray = False
        self._arrived = threading.Event()
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)
        self.port: int = self.server_address[1]
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def __exit__(self, *args: object) -> None:
        self.close()

    def wait(self, seconds: float) -> ConsentAnswer | None:
        """The person's answer; None if none comes within `seconds`.

        This waits one second at a time, because a signal that arrives just before a wait is handled only after it.
        """
        latest = time.monotonic() + seconds
        while (left := latest - time.monotonic()) > 0 and not self._arrived.wait(min(left, 1.0)):
            pass
        return self._answer

    def close(self) -> None:
        """Stop listening, once the browser has its page."""
        if self._answer is not None:
            self.shown.wait(PAGE_SECONDS)
        self.shutdown()
        self.server_close()

    def respond(self, query: str) -> tuple[int, str, str]:
        """The status, title and text of the page for a redirect."""
        answer = read_answer(query, self._state)
        if isinstance(answer, Rejected):
            with self._lock:
                first, self._stray = not self._stray, True
            if first:
                self._tell(answer.why)
            text = "This answer belongs to another login, so tsrevel refused it. Open the address that"
            return 400, "Refused", f"{text} `tsrevel login` printed last."
        with self._lock:  # only the first answer counts
            if self._answer is None:
                self._answer = answer
                self._arrived.set()
        return 200, "Received", "Go back to the terminal: `tsrevel login` says there whether it worked."

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore a browser that closes the connection during its request."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    server: CallbackServer
    timeout = REQUEST_SECONDS
    protocol_version = default_request_version = "HTTP/1.1"
    server_version, sys_version = "tsrevel", ""

    def do_GET(self) -> None:
        """Answer only at the redirect URL's path."""
        path, _, query = self.path.partition("?")
        if path != self.server.path:
            self._send(404, "Nothing here", "This address doesn't exist.")
            return
        status, title, text = self.server.respond(query)
        self._send(status, title, text)
        if status == HTTPStatus.OK:
            self.server.shown.set()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Send a page of ours: the base class's repeats what the browser sent."""
        if code == HTTPStatus.NOT_IMPLEMENTED:
            self._send(405, "Not supported", "This address only accepts a browser that comes back from TripleSeat.")
        else:
            self._send(code, "Not understood", "This was not a browser's request.")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Write no log: the address holds the code."""

    def _send(self, status: int, title: str, text: str) -> None:
        page = (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>tsrevel: {title}</title></head>\n'
            f"<body><h1>{title}</h1><p>{text}</p></body></html>\n"
        ).encode()
        self.send_response(status)
        allow = (("Allow", "GET"),) if status == HTTPStatus.METHOD_NOT_ALLOWED else ()
        for name, value in (*_HEADERS, *allow, ("Content-Length", str(len(page)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(page)
