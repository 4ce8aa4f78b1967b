"""The frame of a pretend service: one lock, one request log, the WSGI call itself, and faults on demand.

The subclass makes the service's answer (`respond`). This module decides what the client gets of it.
"""

from __future__ import annotations

import copy
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tsrevel.sandbox.wsgi import (
    AnswerError,
    ConnectionCut,
    Request,
    Response,
    html_response,
    json_response,
    read_request,
)

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

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
