"""The one write gate: dry run, kill switch, allowed locations, environment. The transport asks it each time."""

from __future__ import annotations

from dataclasses import dataclass

from tsrevel.errors import WriteForbidden
from tsrevel.transport.network import is_loopback


@dataclass(frozen=True, slots=True)
class WriteScope:
    """The TripleSeat ids of the location that a write is for: what the gate judges it by."""

    location: str | None
    site: str | None


@dataclass(frozen=True, slots=True)
class WriteGate:
    """Whether a write to Revel may go out at all (DESIGN 4).

    `allowed` and `only` hold TripleSeat location or site ids; empty means all. `sandbox` says which hosts may be
    written to: this machine alone, or any but this machine; None leaves that open.
    """

    dry_run: bool
    enabled: bool = True
    allowed: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()
    sandbox: bool | None = None

    def refusal(self, place: WriteScope | None) -> str | None:
        """Why a write for `place` must not go out, or None."""
        if not self.enabled:
            return "the connector is disabled"
        if self.dry_run:
            return "this is a dry run"
        if not self.covers(place):
            return "its location is not allowed"
        return None

    def covers(self, place: WriteScope | None) -> bool:
        """Whether `place` is among those that this run is about, whether it may write at all or not."""
        ids = {place.location, place.site} if place else set()
        return all(not permitted or permitted & ids for permitted in (self.allowed, self.only))

    def check(self, method: str, host: str, place: WriteScope | None) -> None:
        """Let reads pass; raise `WriteForbidden` for a write that must not go out."""
        if method in {"GET", "HEAD"}:
            return
        objection = self.refusal(place)
        if objection is None and self.sandbox is not None and self.sandbox != is_loopback(host):
            objection = "its host belongs to the other environment"
        if objection:
            raise WriteForbidden(f"tsrevel stopped a write, because {objection}; nothing was sent")
