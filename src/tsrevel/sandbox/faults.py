"""Faults on demand: what can go wrong between a client and either pretend service.

A fault waits until a matching request comes, fires `times` times and is gone. Deterministic: no chance, no
clock. Which request takes which fault is decided here; the app carries it out.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tsrevel.sandbox.wsgi import ConnectionCut, Response, html_response, json_response

if TYPE_CHECKING:
    from collections.abc import Mapping
    from threading import RLock

    from tsrevel.sandbox.wsgi import Request

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


@dataclass(slots=True)
class InjectedFault:
    """One fault that waits for its request; `times` None means it never goes away."""

    kind: str
    method: str | None
    path: re.Pattern[str] | None
    times: int | None
    after: int
    details: Mapping[str, Any] = field(default_factory=dict)

    def fits(self, request: Request) -> bool:
        """Whether this request is one the fault waits for."""
        if self.method is not None and self.method.upper() != request.method:
            return False
        return self.path is None or self.path.search(request.path) is not None

    def fires(self) -> bool:
        """Count one fitting request; True when the fault is due on it."""
        if self.after > 0:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True

    @property
    def spent(self) -> bool:
        """True once the fault has fired as often as asked."""
        return self.times is not None and self.times <= 0

    @property
    def applies(self) -> bool:
        """Whether the request still does its work; `applied=` in the details overrides the kind's habit."""
        return bool(self.details.get("applied", APPLIES[self.kind]))

    @property
    def lookups(self) -> int:
        """How many look-ups a saved row stays unseen for (`invisible`)."""
        return int(self.details.get("lookups", 1))

    def spoil(self, real: Response | None) -> Response:
        """The answer the client gets instead of the real one (None where the work was not done).

        Raises ConnectionCut for the two kinds that end the connection.
        """
        if self.kind in ("drop_before", "drop_after"):
            raise ConnectionCut("the sandbox was told to cut this connection")
        if self.kind in ("status", "status_after"):
            return self._spoiled_status()
        if self.kind == "html":
            return html_response(self.details.get("body", LOGIN_PAGE), self.details.get("status", 200))
        if self.kind == "wrong_shape":
            return json_response(self.details.get("body", {"unexpected": True}), self._status_like(real))
        if self.kind == "truncated":
            return self._cut_short(real)
        return real if real is not None else Response(200)

    def _spoiled_status(self) -> Response:
        body = self.details.get("body", "")
        headers = tuple(dict(self.details.get("headers", {})).items())
        status = int(self.details.get("status", 500))
        if isinstance(body, str):
            return Response(status, body.encode(), (("Content-Type", "text/plain; charset=utf-8"), *headers))
        return json_response(body, status, headers)

    def _cut_short(self, real: Response | None) -> Response:
        body = real.body if real is not None and len(real.body) > 1 else json.dumps({"objects": []}).encode()
        headers = (("Content-Type", "application/json; charset=utf-8"),)
        return Response(self._status_like(real), body[: len(body) // 2], headers)

    def _status_like(self, real: Response | None) -> int:
        return int(self.details.get("status", 200 if real is None else real.status))


class Faults:
    """The faults that wait at one app. Safe to use while the app serves."""

    def __init__(self, lock: RLock) -> None:
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

        Raises ValueError for an unknown kind or detail.
        """
        if kind not in APPLIES:
            raise ValueError(f"no fault is called {kind!r}; there are {', '.join(APPLIES)}")
        if unknown := set(details) - DETAILS:
            raise ValueError(f"unknown fault details: {', '.join(sorted(unknown))}")
        pattern = re.compile(path) if path is not None else None
        with self._lock:
            self._waiting.append(InjectedFault(kind, method, pattern, times, after, details))

    def clear(self) -> None:
        """Forget every fault that still waits."""
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
            taken = None
            for fault in list(self._waiting):
                if not fault.fits(request) or not fault.fires():
                    continue
                if fault.spent:
                    self._waiting.remove(fault)
                if fault.kind != "slow":
                    taken = fault
                    break
                delay += float(fault.details.get("seconds", 1.0))
            return delay, taken
