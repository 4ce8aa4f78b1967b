"""The frame of a pretend service: one lock, one request log, the WSGI call itself, and faults on demand.

What a service answers is the subclass's affair (`respond`); what becomes of that answer on its way to the client
is decided here.
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
"""Every kind of fault, and whether the request still does its work when the fault fires."""

DETAILS = frozenset({"status", "body", "headers", "seconds", "lookups", "applied"})


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class InjectedFault:
    """One fault that waits for its request; `times` None means it never goes away."""

    kind: str
    method: str | None
    path: re.Pattern[str] | None
    times: int | None
    after: int
    details: Mapping[str, Any]

    def spoil(self, real: Response | None) -> Response:
        """The answer the client gets instead of the real one (None where the work was not done).

        Raises ConnectionCut for the two kinds that end the connection.
        """
        status = int(self.details.get("status", 200 if real is None else real.status))
        match self.kind:
            case "drop_before" | "drop_after":
                raise ConnectionCut("the sandbox was told to cut this connection")
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
    """The faults that wait at one app. Deterministic, and safe to use while the app serves.

    A fault waits until a matching request comes, fires `times` times and is gone.
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
        """Let the next `times` fitting requests fail, once `after` fitting ones have passed unharmed.

        `path` is a regular expression searched in the request's path. Faults are tried in the order they were
        added; a request that one fault takes is not counted by the later ones. Kinds and their details:

        - `status`, `status_after`: answer `status` (500) with `body` and `headers`, before / after the work
        - `html`: a login page with 200; `truncated`: half the real answer; `wrong_shape`: `body` instead
        - `not_applied`: the success answer, but nothing is kept
        - `drop_before`, `drop_after`: the connection is cut before / after the work
        - `slow`: wait `seconds` first, then whatever else is due
        - `invisible`: the saved row stays unseen for the next `lookups` (1) look-ups that would show it

        `applied` says whether the work is done, in place of what the kind says. Raises ValueError for an unknown
        kind or detail.
        """
        if kind not in APPLIES:
            raise ValueError(f"no fault is called {kind!r}; there are {', '.join(APPLIES)}")
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
        """How many faults have not yet fired as often as asked."""
        with self._lock:
            return len(self._waiting)

    def take(self, request: Request) -> tuple[float, InjectedFault | None]:
        """The seconds to wait and the fault to carry out for this request."""
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
    """One request as it came, for counting. `status` is 0 where the connection was cut."""

    method: str
    path: str
    query: Mapping[str, str]
    status: int


class SandboxApp(Generic[State]):
    """A WSGI app with a state that can be rolled back, faults on demand and a log of its requests.

    `clock` gives aware UTC; `sleep` takes the seconds of a `slow` fault.
    """

    def __init__(self, state: State, clock: Callable[[], datetime], sleep: Callable[[float], None]) -> None:
        self.state = state
        self.clock = clock
        self.lock = threading.RLock()
        self.faults = Faults(self.lock)
        self.requests: list[LoggedRequest] = []
        self.clock_ahead: timedelta | None = None
        """By how much the Date of each answer is ahead of `clock`; None: answers have no Date."""
        self._sleep = sleep

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request. Raises ConnectionCut where a fault says so."""
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
        """Keep the row that `response` tells of out of the next `lookups` look-ups. Nothing, unless overridden."""

    def count(self, method: str | None = None, path: str | None = None) -> int:
        """How many requests came, of one method and with a path in which the regular expression is found."""
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
