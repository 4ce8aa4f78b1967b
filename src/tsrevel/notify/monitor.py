"""The watchdog's pings, Healthchecks style: /start, then the base URL for success or /EXIT_STATUS, with the run's id.

Pings go out beside the run, one after another, each for five seconds at most; what hangs or fails is told at the end.
The URL is itself the key to the check: it is in no message.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Thread
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, UUID, uuid5

from tsrevel.errors import Unavailable
from tsrevel.network import DIRECT, Network
from tsrevel.transport import send_once

if TYPE_CHECKING:
    import httpx

PING_SECONDS = 5.0


@dataclass(slots=True)
class Monitor:
    """One check at one monitor, for one run."""

    url: str
    run_id: str
    transport: httpx.BaseTransport | None = None
    network: Network = DIRECT
    _last: Thread | None = field(default=None, init=False)
    _troubles: list[str] = field(default_factory=list, init=False)

    def start(self) -> None:
        """Tell that the run has begun. Returns at once."""
        self._send("/start")

    def finish(self, exit_status: int) -> None:
        """Tell how the run ended, after its start: out of order they would raise an alarm. Returns at once."""
        self._send(f"/{exit_status}" if exit_status else "")

    def wait(self) -> tuple[str, ...]:
        """Return when all is told or given up: what wasn't told, worded for messages."""
        if self._last:
            self._last.join(2 * PING_SECONDS)
        return tuple(self._troubles)

    def _send(self, what: str) -> None:
        thread = Thread(target=self._ping, args=(what, self._last), daemon=True)
        self._last = thread
        thread.start()

    def _ping(self, what: str, before: Thread | None) -> None:
        if before:
            before.join()
        url = f"{self.url}{what}?rid={run_uuid(self.run_id)}"
        try:
            status, _ = send_once("GET", url, PING_SECONDS, self.transport, network=self.network)
        except Unavailable as error:
            self._troubles.append(f"the monitor wasn't told ({what or 'success'}): {error}")
            return
        if not 200 <= status < 300:
            text = f"the monitor wasn't told ({what or 'success'}): it answered {status}; check monitor.ping_url"
            self._troubles.append(text)


def run_uuid(run_id: str) -> UUID:
    """The run's id as a UUID, as monitors take no other: the very same where it is one."""
    try:
        return UUID(run_id)
    except ValueError:
        return uuid5(NAMESPACE_URL, f"tsrevel-run:{run_id}")
