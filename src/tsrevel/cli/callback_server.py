"""Where TripleSeat sends the browser once a person has decided: a listener on loopback (facts TripleSeat 1.2).

It takes a GET of one path with that login's `state`, once; whatever else comes is turned away and changes nothing. It
keeps no log, and no page of it repeats what the browser sent.
"""

from __future__ import annotations

import hmac
import re
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs

from tsrevel.redaction import Secret
from tsrevel.transport.responses import tidy

REQUEST_SECONDS = 10
"""How long a browser may take to say what it wants: some connect in advance and say nothing."""
PAGE_SECONDS = 3
"""How long the end of the login waits for the browser to take its page."""
LARGEST_REQUEST = 16 * 1024
_MOST_FIELDS = 20
_LONGEST_CODE = 4096
_WORD = re.compile(r"[a-z_]{1,40}")
_PHRASES = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed"}
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
    """What the person decided: a code, or the word for why there is none, with what TripleSeat says to it."""

    code: str = ""
    error: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """Not the answer to this login, and why."""

    why: str


def read_answer(query: str, state: str) -> ConsentAnswer | Rejected:
    """What the query of a redirect says, if it carries the login's `state` (compared in constant time)."""
    try:
        fields = parse_qs(query, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return Rejected("it has more fields than any answer has")
    states, codes, errors = (fields.get(name, []) for name in ("state", "code", "error"))
    if len(states) != 1 or not hmac.compare_digest(states[0].encode(), state.encode()):
        said = f" (it says {_tell_word(errors[0])!r})" if errors else ""
        return Rejected(f"its state is not this login's{said}")
    if errors:
        return ConsentAnswer(
            error=_tell_word(errors[0]), description=tidy(" ".join(fields.get("error_description", [])))
        )
    if len(codes) == 1 and 0 < len(codes[0]) <= _LONGEST_CODE and codes[0].isascii() and codes[0].isprintable():
        return ConsentAnswer(codes[0])
    return Rejected("it holds neither a code nor an error")


def _tell_word(error: str) -> str:
    return error if _WORD.fullmatch(error) else "an error without a name"


class CallbackServer:
    """The redirect address, listened to from now on; close it, or use it as a context manager.

    `tell` is called, once, with why something that came in was turned away. Raises OSError where the port can't be had.
    """

    def __init__(self, host: str, port: int, path: str, state: str, tell: Callable[[str], None]) -> None:
        self._path, self._state, self._tell = path, state, tell
        self._lock = threading.Lock()
        self._answer: ConsentAnswer | None = None
        self._stray = False
        self._arrived, self._decided, self._shown = threading.Event(), threading.Event(), threading.Event()
        self._done = False
        self._listener = _CallbackListener(host, port, self)
        self.port: int = self._listener.server_address[1]
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def __enter__(self) -> CallbackServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def wait(self, seconds: float) -> ConsentAnswer | None:
        """The person's answer; None where none came within `seconds`. The browser is kept waiting for `conclude`.

        It is waited for a second at a time: a signal that arrives just before a wait is heeded only after it.
        """
        latest = time.monotonic() + seconds
        while (left := latest - time.monotonic()) > 0 and not self._arrived.wait(min(left, 1.0)):
            pass
        return self._answer

    def conclude(self) -> None:
        """The login is done: the browser may say so. Without this it says that the login failed."""
        self._done = True

    def close(self) -> None:
        """Give the browser its page, and stop listening."""
        self._decided.set()
        if self._answer is not None:
            self._shown.wait(PAGE_SECONDS)
        self._listener.shutdown()
        self._thread.join()
        self._listener.server_close()

    def serve(self, connection: socket.socket) -> None:
        """Answer one request, and hang up."""
        connection.settimeout(REQUEST_SECONDS)
        line = _read_first_line(connection)
        if line is None:
            return
        status, title, text = self._respond(line)
        connection.sendall(_encode_page(status, title, text))
        if status == 200:
            self._shown.set()
        connection.shutdown(socket.SHUT_WR)
        _drain(connection)

    def _respond(self, line: str) -> tuple[int, str, str]:
        method, _, rest = line.partition(" ")
        target, _, version = rest.partition(" ")
        path, _, query = target.partition("?")
        if not version.startswith("HTTP/"):
            return 400, "Not understood", "That is no request of a browser."
        if path != self._path:
            return 404, "Nothing here", "Only the login that waits here has an address."
        if method != "GET":
            return 405, "Not like this", "Only a browser that comes back from TripleSeat is expected here."
        answer = read_answer(query, self._state)
        if isinstance(answer, Rejected):
            with self._lock:
                first, self._stray = not self._stray, True
            if first:
                self._tell(answer.why)
            text = "This is not the answer to the login that waits here; it was refused. Open the address that"
            return 400, "Refused", f"{text} `tsrevel login` printed last."
        with self._lock:  # the first answer counts; the same page asked for again learns what became of that one
            if self._answer is None:
                self._answer = answer
                self._arrived.set()
        self._decided.wait()
        if self._done:
            return 200, "Done", "tsrevel may read TripleSeat now. You can close this page."
        return 200, "Not logged in", "The login failed. What to do stands where `tsrevel login` was started."


class _CallbackListener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, host: str, port: int, door: CallbackServer) -> None:
        self._door = door
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), socketserver.BaseRequestHandler)

    def finish_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401, ARG002 (socketserver's own)
        """Serve one connection. A browser that goes away in the midst of it is no fault."""
        with suppress(OSError):
            self._door.serve(request)


def _read_first_line(connection: socket.socket) -> str | None:
    """The request's first line, once its head is there; None without a whole head of bearable size."""
    head = b""
    while b"\r\n\r\n" not in head and b"\n\n" not in head:
        chunk = connection.recv(4096)
        head += chunk
        if not chunk or len(head) > LARGEST_REQUEST:
            return None
    return head.split(b"\n", 1)[0].decode("latin-1").strip()


def _encode_page(status: int, title: str, text: str) -> bytes:
    page = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>tsrevel: {title}</title></head>\n'
        f"<body><h1>{title}</h1><p>{text}</p></body></html>\n"
    ).encode()
    allow = (("Allow", "GET"),) if status == 405 else ()
    headers = (*_HEADERS, *allow, ("Content-Length", str(len(page))))
    lines = [f"HTTP/1.1 {status} {_PHRASES[status]}", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + page


def _drain(connection: socket.socket) -> None:
    """Read what is left of a request, or the page might be lost with it."""
    connection.settimeout(1)
    for _ in range(LARGEST_REQUEST // 4096):
        if not connection.recv(4096):
            return
