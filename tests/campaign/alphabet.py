"""Everything that can go wrong, by name: what it is, at which points it can happen, and what it does there.

A point is one request to either service or one commit of the ledger. The rig asks here what becomes of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, NoReturn

import httpx

from tsrevel.sandbox.app import LOGIN_PAGE

from ..world import Died
from . import happenings
from .lag import hide_saved
from .refusals import refusal

if TYPE_CHECKING:
    from .rig import Rig


@dataclass(frozen=True, slots=True)
class Point:
    """One request or one commit, numbered from 1 over the whole schedule. `service` of a commit is "ledger"."""

    number: int
    service: str
    method: str
    path: str
    body: bytes = b""

    @property
    def is_commit(self) -> bool:
        """Whether it is a transaction of the ledger."""
        return self.service == "ledger"

    @property
    def is_write(self) -> bool:
        """Whether it changes something at Revel."""
        return self.service == "Revel" and self.method != "GET"


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way to a service."""

    rig: Rig
    point: Point
    request: httpx.Request

    def send(self) -> httpx.Response:
        """Let the service do its work, and take its answer."""
        return self.rig.deliver(self.point.service, self.request)

    def pretend(self) -> httpx.Response:
        """The answer that the service would give; nothing of it is kept."""
        return self.rig.pretend(self.point.service, self.request)

    def send_later(self, **after: float) -> None:
        """Let the service do its work when that time has passed, whoever still lives then."""
        self.request.extensions["looked"] = dict(self.rig.looked)
        self.rig.late.append((self.rig.time.now + timedelta(**after), self.point.service, self.request))

    def answer(self, status: int, content: bytes | str = b"", **headers: str) -> httpx.Response:
        """An answer of our own."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.Response(status, headers=named, content=content, request=self.request)


LATE = (0.4, 2.5, 20.0, 45.0, 300.0, 840.0)
"""Seconds after which a write may still be applied that got no answer, or none that counts."""
Fits = Callable[["Rig", Point], bool]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that can go wrong. `answer` stands in for a request's exchange, the rest happens where it says."""

    name: str
    text: str
    fits: Fits
    answer: Callable[[Call], httpx.Response] | None = None
    happen: Callable[[Rig, Point], object] | None = None
    at_begin: Callable[[Rig], object] | None = None
    before_commit: Callable[[Rig], object] | None = None
    after_commit: Callable[[Rig], object] | None = None
    of_world: bool = False


def _at_requests(_rig: Rig, point: Point) -> bool:
    return not point.is_commit


def _at_writes(_rig: Rig, point: Point) -> bool:
    return point.is_write


def _at_posts(_rig: Rig, point: Point) -> bool:
    return point.is_write and point.method == "POST"


def _at_commits(_rig: Rig, point: Point) -> bool:
    return point.is_commit


def _anywhere(_rig: Rig, _point: Point) -> bool:
    return True


# What becomes of a request


def _refuse(call: Call) -> NoReturn:
    raise httpx.ConnectError("refused", request=call.request)


def _connect_slowly(call: Call) -> NoReturn:
    call.rig.time.move(seconds=10)
    raise httpx.ConnectTimeout("no connection in time", request=call.request)


def _time_out(call: Call) -> NoReturn:
    call.rig.time.move(seconds=60)
    raise httpx.ReadTimeout("no answer in time", request=call.request)


def _reset(call: Call) -> NoReturn:
    raise httpx.ReadError("reset", request=call.request)


def _reset_after(call: Call) -> NoReturn:
    call.send()
    raise httpx.RemoteProtocolError("cut in mid-answer", request=call.request)


def _time_out_after(call: Call) -> NoReturn:
    call.send()
    _time_out(call)


def _time_out_late(call: Call) -> NoReturn:
    call.send_later(minutes=1 + call.point.number * 5 % 14)
    _time_out(call)


def _reset_late(call: Call) -> NoReturn:
    call.send_later(seconds=LATE[call.point.number % len(LATE)])
    _reset(call)


def _fail_late(call: Call) -> httpx.Response:
    call.send_later(seconds=LATE[call.point.number % len(LATE)])
    return _say_no(call, (500, 502, 503, 520, 524)[call.point.number // len(LATE) % 5])


def _throttle_after(call: Call) -> httpx.Response:
    call.send()
    return _say_no(call, 429)


def _send_twice(call: Call) -> httpx.Response:
    call.rig.make_twins(call.send())
    return call.send()


def _rename(call: Call) -> httpx.Response:
    return call.rig.rename(call.send())


def _gateway_late(call: Call) -> httpx.Response:
    call.send_later(minutes=1 + call.point.number * 3 % 14)
    call.rig.time.move(seconds=(30, 45, 59)[call.point.number % 3])
    return call.answer(504, "Gateway Time-out")


def _status(code: int, **headers: str) -> Callable[[Call], httpx.Response]:
    return lambda call: _say_no(call, code, **headers)


def _say_no(call: Call, code: int, **headers: str) -> httpx.Response:
    kind, body = refusal(call.point)
    return call.answer(code, body, Content_Type=kind, **headers)


def _throttle_until(call: Call) -> httpx.Response:
    at = call.rig.time.now + timedelta(seconds=9)
    return _say_no(call, 429, Retry_After=format_datetime(at, usegmt=True))


def _fail_after(call: Call) -> httpx.Response:
    call.send()
    return _say_no(call, 500)


def _login_page(call: Call) -> httpx.Response:
    return call.answer(200, LOGIN_PAGE, Content_Type="text/html; charset=utf-8")


def _cut_short(call: Call, response: httpx.Response) -> httpx.Response:
    body = response.read()
    return call.answer(response.status_code, body[: len(body) // 2], Content_Type="application/json")


def _misshape(call: Call, response: httpx.Response) -> httpx.Response:
    return call.answer(response.status_code, '{"unexpected": true}', Content_Type="application/json")


def _echo(call: Call) -> httpx.Response:
    body = call.pretend().read()
    return call.answer(200, body, Content_Type="application/json")


def _hide(call: Call) -> httpx.Response:
    response = call.send()
    hide_saved(call.rig, response, call.point.number)
    return response


def _cut_power(call: Call) -> httpx.Response:
    call.rig.outage.add(call.point.service)
    call.rig.jumped = call.rig.jumped or call.rig.dated  # the one that still answers can't convict the clock alone
    _refuse(call)


# Death


class Stopped(BaseException):
    """A signal (SIGTERM, Ctrl-C): the process unwinds, and may still store something."""


def _die(rig: Rig) -> NoReturn:
    rig.dead = True
    raise Died


def _die_before(call: Call) -> NoReturn:
    _die(call.rig)


def _die_after(call: Call) -> NoReturn:
    call.send()
    _die(call.rig)


def _die_meanwhile(call: Call) -> NoReturn:
    call.send_later(seconds=LATE[call.point.number % len(LATE)])
    _die(call.rig)


def _stop_meanwhile(call: Call) -> NoReturn:
    call.send_later(seconds=LATE[call.point.number % len(LATE)])
    call.rig.stopped = True
    raise Stopped


def _stop_after(call: Call) -> NoReturn:
    call.send()
    call.rig.stopped = True
    raise Stopped


_FAULTS = (
    # at any request
    Fault("refused", "the connection is refused", _at_requests, _refuse),
    Fault("connect_timeout", "no connection within the time limit", _at_requests, _connect_slowly),
    Fault("timeout_before", "no answer in time, nothing was done", _at_requests, _time_out),
    Fault("timeout_after", "no answer in time, all was done", _at_requests, _time_out_after),
    Fault("reset_before", "connection reset, nothing was done", _at_requests, _reset),
    Fault("reset_after", "connection reset in mid-answer, all was done", _at_requests, _reset_after),
    *(Fault(f"{code}", f"HTTP {code}, nothing done", _at_requests, _status(code)) for code in (401, 403, 404, 409)),
    Fault("422", "HTTP 422, nothing done", _at_requests, _status(422)),
    Fault("429", "HTTP 429 without Retry-After", _at_requests, _status(429)),
    Fault("429_seconds", "HTTP 429 with Retry-After in seconds", _at_requests, _status(429, Retry_After="7")),
    Fault("429_date", "HTTP 429 with Retry-After as a date", _at_requests, _throttle_until),
    *(Fault(f"{code}", f"HTTP {code}, nothing done", _at_requests, _status(code)) for code in (500, 502, 503)),
    Fault("html_200", "a login page with 200, nothing done", _at_requests, _login_page),
    Fault("truncated", "half the answer, nothing kept", _at_requests, lambda c: _cut_short(c, c.pretend())),
    Fault("wrong_shape", "JSON of another shape, nothing kept", _at_requests, lambda c: _misshape(c, c.pretend())),
    Fault("outage", "the service is gone until the run ends", _at_requests, _cut_power),
    # at writes to Revel
    Fault("500_after", "saved, then HTTP 500", _at_writes, _fail_after),
    Fault("504_late", "HTTP 504, and applied minutes later", _at_writes, _gateway_late),
    Fault("timeout_late", "no answer in time, and applied minutes later", _at_writes, _time_out_late),
    Fault("reset_late", "connection reset, and applied moments or minutes later", _at_writes, _reset_late),
    Fault("5xx_late", "HTTP 5xx, and applied moments or minutes later", _at_writes, _fail_late),
    Fault("429_after", "saved, then HTTP 429", _at_writes, _throttle_after),
    Fault("sent_twice", "a proxy sends the POST twice", _at_posts, _send_twice),
    Fault("uuid_not_kept", "saved under another uuid than was sent", _at_posts, _rename),
    Fault("not_applied", "the answer of a success, nothing kept", _at_writes, lambda c: c.pretend()),
    Fault("not_applied_200", "200 with an echo, nothing kept", _at_writes, _echo),
    Fault("truncated_after", "saved, half the answer", _at_writes, lambda c: _cut_short(c, c.send())),
    Fault("wrong_shape_after", "saved, an answer of another shape", _at_writes, lambda c: _misshape(c, c.send())),
    Fault("invisible", "saved, and unseen by the next look-ups", _at_writes, _hide),
    Fault(
        "kill_in_flight", "the process dies, the write is applied moments or minutes later", _at_writes, _die_meanwhile
    ),
    Fault(
        "stop_in_flight",
        "a signal ends the run, the write is applied moments or minutes later",
        _at_writes,
        _stop_meanwhile,
    ),
    Fault("stop_after", "the write is applied, a signal ends the run before its answer", _at_writes, _stop_after),
    # death at any point
    Fault("kill_before", "the process dies before it", _anywhere, _die_before, before_commit=_die),
    Fault("kill_after", "the process dies after it", _anywhere, _die_after, after_commit=_die),
    # at commits
    Fault("disk_full", "the disk is full until the run ends", _at_commits, before_commit=happenings.fill_disk),
    Fault("disk_io_error", "the disk fails at a commit", _at_commits, before_commit=happenings.break_disk),
    Fault("locked", "another program keeps the ledger locked", _at_commits, at_begin=happenings.lock_database),
    # the world, at any point
    *(Fault(name, text, fits, happen=happen, of_world=True) for name, text, fits, happen in happenings.OF_THE_WORLD),
)
FAULTS = {fault.name: fault for fault in _FAULTS}
"""Every fault by its name."""
AT_WRITES = frozenset(name for name, fault in FAULTS.items() if fault.fits in (_at_writes, _at_posts))
"""Those that only a write to Revel can suffer."""
