"""A pretend Healthchecks: checks with a period and a grace time that go down by themselves when nobody pings them.

The rules are those of its documentation: /start sets a run going, which must end within the grace time; a success sets
the check up; /fail or an exit status above 0 sets it down; /log changes nothing. Each time it goes down is an alert.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

_PATH = re.compile(r"/ping/(?P<key>[0-9a-f-]{36}|[A-Za-z0-9]{22}/[a-z0-9-]+)(?:/(?P<what>start|fail|log|[0-9]+))?")
_RUN = re.compile(r"(?:^|&)rid=([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:&|$)")
_LARGEST_BODY = 100_000


@dataclass
class Check:
    """One check. `alerts` are the instants at which it went down."""

    period: timedelta
    grace: timedelta
    status: str = "new"
    due: datetime | None = None
    started: datetime | None = None
    alerts: list[datetime] = field(default_factory=list)

    def look(self, now: datetime) -> None:
        """What its watchman does every so often: what is late goes down."""
        late = self.due is not None and now > self.due + self.grace
        hanging = self.started is not None and now > self.started + self.grace
        if (late or hanging) and self.status != "down":
            self._go_down(now)

    def ping(self, what: str, now: datetime) -> None:
        """Take a ping, as `look` would have been called all the time before."""
        self.look(now)
        if what == "start":
            self.started = now
        elif what in {"", "0"}:
            self.status, self.due, self.started = "up", now + self.period, None
        elif what != "log":
            self.due = self.started = None
            if self.status != "down":
                self._go_down(now)

    def _go_down(self, now: datetime) -> None:
        self.status = "down"
        self.alerts.append(now)


@dataclass
class Healthchecks:
    """The service, with one check for whatever key comes first. `answers` are given first, one a request."""

    clock: Callable[[], datetime]
    check: Check
    answers: list[str] = field(default_factory=list)
    pings: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path, query = environ["PATH_INFO"], environ.get("QUERY_STRING", "")
        self.paths.append(f"{path}?{query}")
        status = self.answers.pop(0) if self.answers else self._take(path, query, environ)
        start_response(status, [("Content-Type", "text/plain")])
        return [status.partition(" ")[2].encode()]

    def _take(self, path: str, query: str, environ: WSGIEnvironment) -> str:
        found = _PATH.fullmatch(path)
        if found is None or not _RUN.search(query):
            return "404 not found"
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if environ["REQUEST_METHOD"] != "POST" or len(body) > _LARGEST_BODY:
            return "400 Bad Request"
        self.bodies.append(json.loads(body))
        self.agents.add(environ["HTTP_USER_AGENT"])
        self.pings.append(found["what"] or "")
        self.check.ping(found["what"] or "", self.clock())
        return "200 OK"
