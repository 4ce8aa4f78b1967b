"""Monitor pings, Healthchecks style: /start, then the URL itself for success or /EXIT_STATUS, with the run's id.

Pings are sent in the background, one after another, each in up to two attempts of five seconds. Failures are reported
at the end. No message contains the URL, which is the key to the check.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Thread
from urllib.parse import urlsplit, urlunsplit
from uuid import NAMESPACE_URL, UUID, uuid5

from tsrevel import __version__
from tsrevel.errors import Unavailable
from tsrevel.transport.client import Transport, send_once
from tsrevel.transport.network import DIRECT, Network
from tsrevel.transport.responses import Json

PING_SECONDS = 5.0
"""The seconds that one attempt may take."""
ATTEMPTS = 2
_NEEDS_ATTENTION = 3
_MAY_PASS = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class PingFailure:
    """A ping that the monitor didn't accept. `may_pass`: another attempt may help."""

    text: str
    may_pass: bool

    def __str__(self) -> str:
        return self.text


@dataclass(slots=True)
class Monitor:
    """One check at one monitor, for one run. `fail_on_held`: exit status 3 isn't a success."""

    url: str
    run_id: str
    fail_on_held: bool = False
    transport: Transport = None
    network: Network = DIRECT
    _last: Thread | None = field(default=None, init=False)
    _failures: list[PingFailure] = field(default_factory=list, init=False)

    def start(self, summary: Mapping[str, Json]) -> None:
        """Report that the run has begun. Returns at once."""
        self._send("/start", summary)

    def finish(self, exit_status: int, summary: Mapping[str, Json]) -> None:
        """Report how the run ended, after its start: the wrong order would raise an alarm. Returns at once.

        A run that holds or fails some events did its work: the check watches only whether runs stop.
        """
        worked = exit_status == 0 or (exit_status == _NEEDS_ATTENTION and not self.fail_on_held)
        self._send("" if worked else f"/{exit_status}", summary)

    def try_out(self, summary: Mapping[str, Json]) -> tuple[PingFailure, ...]:
        """Report a success without a run, and wait for the answer."""
        self._send("", summary)
        return self.wait()

    def wait(self) -> tuple[PingFailure, ...]:
        """Wait until all pings are sent or given up. Returns the failures, worded for messages."""
        if self._last:
            self._last.join(2 * ATTEMPTS * PING_SECONDS)
        return tuple(self._failures)

    def _send(self, what: str, summary: Mapping[str, Json]) -> None:
        thread = Thread(target=self._ping, args=(what, dict(summary), self._last), daemon=True)
        self._last = thread
        thread.start()

    def _ping(self, what: str, summary: Mapping[str, Json], before: Thread | None) -> None:
        if before:
            before.join()
        url = ping_address(self.url, what, self.run_id)
        headers = {"User-Agent": f"tsrevel/{__version__}"}
        missing = f"the monitor got no ping ({what or 'success'})"
        failure: PingFailure | None = None
        for _ in range(ATTEMPTS):
            try:
                status, _answer = send_once(
                    "POST", url, PING_SECONDS, self.transport, network=self.network, json=summary, headers=headers
                )
            except Unavailable as error:
                failure = PingFailure(f"{missing}: {error}", may_pass=True)
                continue
            if 200 <= status < 300:
                return
            may_pass = status >= 500 or status in _MAY_PASS
            failure = PingFailure(f"{missing}: it answered {status}; check monitor.ping_url", may_pass)
            if not may_pass:
                break
        if failure:
            self._failures.append(failure)


def ping_address(url: str, what: str, run_id: str) -> str:
    """The URL of a ping. `what` ("" or "/start", say) extends its path; a query such as "?create=1" stays."""
    parts = urlsplit(url)
    path = parts.path.rstrip("/") + what if what else parts.path
    query = "&".join(each for each in (parts.query, f"rid={run_uuid(run_id)}") if each)
    return urlunsplit((parts.scheme, parts.netloc, path, query, ""))


def run_uuid(run_id: str) -> UUID:
    """The run's id as a UUID, because monitors accept nothing else. An id that is a UUID stays unchanged."""
    try:
        return UUID(run_id)
    except ValueError:
        return uuid5(NAMESPACE_URL, f"tsrevel-run:{run_id}")
