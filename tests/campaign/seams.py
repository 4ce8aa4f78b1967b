"""Where the rig stands in for the world outside: the way to a service, and the connection to the ledger."""

from __future__ import annotations

import sqlite3
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import httpx

from .alphabet import Fault
from .happenings import fill_disk

if TYPE_CHECKING:
    from .rig import Rig


class PointWire(httpx.BaseTransport):
    """The way to one service: every request on it is a point."""

    def __init__(self, rig: Rig, service: str) -> None:
        self._rig = rig
        self._service = service

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The service's answer, or what the fault of this point makes of it."""
        response = self._rig.exchange(self._service, request)
        if self._rig.dated:
            response.headers["Date"] = format_datetime(self._rig.time.now, usegmt=True)
        return response


class PointConnection(sqlite3.Connection):
    """A connection to the ledger: every transaction that may write is a point."""

    rig: Rig
    writes = False
    fault: Fault | None = None

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """As SQLite does, unless a fault strikes at the begin or around the commit."""
        if sql == "BEGIN IMMEDIATE":
            self.fault = self.rig.arrive_at_commit()
            self.writes = True
        elif sql == "COMMIT" and self.writes:
            return self._commit(sql)
        elif sql == "ROLLBACK":
            self.writes = False
        return super().execute(sql, parameters)

    def _commit(self, sql: str) -> sqlite3.Cursor:
        rig, fault = self.rig, self.fault
        rig.refuse_the_dead()
        self.writes = False
        if rig.disk_full:
            fill_disk(rig)
        if fault and fault.before_commit:
            fault.before_commit(rig)
        cursor = super().execute(sql)
        if fault and fault.after_commit:
            fault.after_commit(rig)
        return cursor
