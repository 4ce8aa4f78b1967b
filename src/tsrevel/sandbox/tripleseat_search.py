"""The pretend TripleSeat's event search (facts TripleSeat 2): documented parameters only, all others ignored."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from tsrevel.sandbox.stamps import read_us_date, read_us_stamp

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tsrevel.sandbox.wsgi import Json, Request

RANGES = {
    "event": ("event_start_date", "event_end_date"),
    "created_at": ("event_created_start_date", "event_created_end_date"),
    "updated_at": ("event_updated_start_date", "event_updated_end_date"),
}
ORDERS = frozenset({"created_at", "updated_at", "name", "event_start"})
ALWAYS = ("id", "title", "template_document_id", "deleted_at", "views")
"""What a document carries without show_financial (facts 3.3)."""


def select_events(events: Iterable[Json], request: Request) -> list[Json]:
    """The events that the documented parameters leave, in the order asked for (by id when none is)."""
    kept = [event for event in events if _fits(event, request)]
    order = request.first("order") or ""
    if order in ORDERS:
        kept.sort(key=lambda event: _sort_key(event, order))
    if request.first("sort_direction") == "desc":
        kept.reverse()
    return kept


def without_financials(documents: list[Json]) -> list[Json]:
    """The documents as they come when show_financial wasn't asked for: no lines, totals or payments."""
    return [{key: document[key] for key in ALWAYS if key in document} for document in documents]


def _fits(event: Json, request: Request) -> bool:
    return (
        all(_in_range(event, kind, request) for kind in RANGES)
        and _is_listed(str(event["status"]).upper(), [s.upper() for s in request.listed("status")])
        and _is_listed(str(event["location_id"]), request.listed("location_ids"))
        and _shares_room(event, request.listed("room_ids"))
        and _is_listed(str(event["contact_id"]), request.listed("contact_id"))
        and _is_listed(str(event["account_id"]), request.listed("account_id"))
        and (request.first("query") or "").lower() in str(event["name"]).lower()
    )


def _in_range(event: Json, kind: str, request: Request) -> bool:
    """Whole days, both ends included; a range with only one end is no range."""
    start, end = (_read_day(request.first(name) or "", iso=kind == "event") for name in RANGES[kind])
    if start is None or end is None:
        return True
    day = _read_day(str(event["event_date"] if kind == "event" else event[kind] or ""), iso=False)
    return day is not None and start <= day <= end


def _read_day(text: str, *, iso: bool) -> date | None:
    """MM/DD/YYYY, padded or not; the event range takes YYYY-MM-DD too."""
    if iso and "-" in text:
        try:
            return date.fromisoformat(text)
        except ValueError:
            return None
    return read_us_date(text)


def _is_listed(value: str, wanted: list[str]) -> bool:
    return not wanted or value in wanted


def _shares_room(event: Json, wanted: list[str]) -> bool:
    return not wanted or any(str(room) in wanted for room in event["room_ids"])


def _sort_key(event: Json, order: str) -> tuple[datetime, str, int]:
    if order == "name":
        return datetime.min, str(event["name"]), int(event["id"])  # noqa: DTZ901 - wall times are compared
    stamp = read_us_stamp(str(event[order] or ""))
    return stamp or datetime.min, "", int(event["id"])  # noqa: DTZ901
