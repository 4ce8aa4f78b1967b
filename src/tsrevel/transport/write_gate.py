"""The one write gate: dry run, kill switch, allowed locations, environment. It checks each request."""

from __future__ import annotations

from dataclasses import dataclass

from tsrevel.errors import WriteForbidden
from tsrevel.planning.model import Location
from tsrevel.planning.screening import covers_place
from tsrevel.transport.network import is_loopback


@dataclass(frozen=True, slots=True)
class WriteGate:
    """Decides whether a write to Revel may be sent (DESIGN 4).

    `allowed` and `only` hold TripleSeat location or site ids; empty means all. `entries` tell which of both an id is.
    `sandbox`: if True, only this machine may be written to; if False, any host but this machine; if None, any host.
    """

    dry_run: bool
    enabled: bool = True
    allowed: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()
    entries: tuple[Location, ...] = ()
    sandbox: bool | None = None

    def refusal(self, location: Location | None) -> str | None:
        """Why a write for this location must not be sent, or None."""
        if not self.enabled:
            return "the connector is disabled"
        if self.dry_run:
            return "this is a dry run"
        if not self.covers(location):
            return "its location is not allowed"
        return None

    def covers(self, location: Location | None) -> bool:
        """Whether this run covers the location, by its TripleSeat ids, even if it may not write."""
        place = (location.tripleseat_location, location.tripleseat_site) if location else (None, None)
        return covers_place(*place, self.entries, self.allowed, self.only)

    def check(self, method: str, host: str, location: Location | None) -> None:
        """Let reads pass; raise `WriteForbidden` for a write that must not be sent."""
        if method in {"GET", "HEAD"}:
            return
        why = self.refusal(location)
        if why is None and self.sandbox is not None and self.sandbox != is_loopback(host):
            why = "its host belongs to the other environment"
        if why:
            raise WriteForbidden(f"tsrevel stopped a write, because {why}; nothing was sent")
