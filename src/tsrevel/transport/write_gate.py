"""The one write gate: dry run, kill switch, allowed locations, environment. It checks each request."""

from __future__ import annotations

from dataclasses import dataclass

from tsrevel.errors import WriteForbidden
from tsrevel.transport.network import is_loopback


@dataclass(frozen=True, slots=True)
class WriteScope:
    """The TripleSeat ids of the location of a write, by which the gate decides."""

    location: str | None
    site: str | None


@dataclass(frozen=True, slots=True)
class WriteGate:
    """Decides whether a write to Revel may be sent (DESIGN 4).

    `allowed` and `only` hold TripleSeat location or site ids; empty means all. `sandbox`: if True, only this machine
    may be written to; if False, any host but this machine; if None, any host.
    """

    dry_run: bool
    enabled: bool = True
    allowed: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()
    sandbox: bool | None = None

    def refusal(self, place: WriteScope | None) -> str | None:
        """Why a write for `place` must not be sent, or None."""
        if not self.enabled:
            return "the connector is disabled"
        if self.dry_run:
            return "this is a dry run"
        if not self.covers(place):
            return "its location is not allowed"
        return None

    def covers(self, place: WriteScope | None) -> bool:
        """Whether this run covers `place`, even if it may not write."""
        ids = {place.location, place.site} if place else set()
        return all(not permitted or permitted & ids for permitted in (self.allowed, self.only))

    def check(self, method: str, host: str, place: WriteScope | None) -> None:
        """Let reads pass; raise `WriteForbidden` for a write that must not be sent."""
        if method in {"GET", "HEAD"}:
            return
        objection = self.refusal(place)
        if objection is None and self.sandbox is not None and self.sandbox != is_loopback(host):
            objection = "its host belongs to the other environment"
        if objection:
            raise WriteForbidden(f"tsrevel stopped a write, because {objection}; nothing was sent")
