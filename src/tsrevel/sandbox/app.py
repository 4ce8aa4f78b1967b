"""The frame of a pretend service: one lock, one request log, the faults, and the WSGI call itself.

What a service answers is the subclass's affair (`respond`); what becomes of that answer on its way to the client
is decided here.
"""

from __future__ import annotations

import copy
import re
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Generic, TypeVar

from tsrevel.sandbox.faults import Faults
from tsrevel.sandbox.wsgi import AnswerError, ConnectionCut, read_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from wsgiref.types import StartResponse, WSGIEnvironment

    from tsrevel.sandbox.faults import InjectedFault
    from tsrevel.sandbox.wsgi import Request, Response

State = TypeVar("State")


def utc_now() -> datetime:
    """The real time, aware: the clock of an app that was given none."""
    return datetime.now(UTC)


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
        start_response(response.status_line, [*response.headers, length])
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
            return self._work(request) if fault is None else self._suffer(fault, request)

    def _suffer(self, fault: InjectedFault, request: Request) -> Response:
        if fault.kind == "not_applied":
            kept = copy.deepcopy(self.state)
            response = self._work(request)
            self.state = kept
            return response
        real = self._work(request) if fault.applies else None
        if fault.kind == "invisible" and real is not None:
            self.conceal(real, fault.lookups)
        return fault.spoil(real)

    def _work(self, request: Request) -> Response:
        try:
            return self.respond(request)
        except AnswerError as early:
            return early.response

    def _log(self, request: Request, status: int) -> None:
        with self.lock:
            entry = LoggedRequest(request.method, request.path, dict(request.query), status)
            self.requests.append(entry)


real_sleep = time.sleep
"""The sleep of an app that was given none."""
