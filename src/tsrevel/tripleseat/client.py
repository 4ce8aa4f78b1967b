"""Searches events in TripleSeat, and reads one event with its money (facts TripleSeat 2, 3, 5).

Only reads, and decides nothing: it returns an event as TripleSeat has it, with a fault for each unreadable part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from urllib.parse import quote

from tsrevel.errors import (
    AnswerFault,
    CredentialsRefused,
    Forbidden,
    IncompleteSearch,
    Refused,
    TokenRefused,
    Unreadable,
)
from tsrevel.planning.identity import NAMELESS
from tsrevel.planning.model import Document, Event, EventId, Fault
from tsrevel.planning.reasons import Reason
from tsrevel.transport.api import ApiClient, ApiService
from tsrevel.transport.responses import Json
from tsrevel.tripleseat.account import Menu, Site, TripleSeatLocation, decode_locations, decode_sites, read_menus
from tsrevel.tripleseat.auth import Access
from tsrevel.tripleseat.decode import decode_documents, decode_event, unwrap, usable_id
from tsrevel.tripleseat.digest import fingerprint, listing_digest, read_stamps
from tsrevel.tripleseat.fields import Fields, read_number
from tsrevel.tripleseat.invoice import complete_from_page, find_invoice_urls
from tsrevel.tripleseat.payload import PayloadEvent, fill, is_older, is_over, read_event_ids

MOST_PAGES = 1000
FULL_PAGE = 50
"""The events on each page of a search but the last (facts TripleSeat 2)."""
_A_DAY = timedelta(days=1)
_MONEY = {"show_financial": "true"}  # the singular: "show_financials" is ignored (facts TripleSeat 3)


@dataclass(frozen=True, slots=True)
class Found:
    """One search result. `digest` changes with it. `stamps` are the times of its last change, to the minute.

    `event` is None if it has no usable id, and `problem` says so. Its `id` then is a name by which the next run
    recognizes it.
    """

    event: Event | None
    digest: str
    problem: str | None
    id: EventId
    stamps: tuple[datetime, ...] = ()


class TripleSeat(ApiService):
    """TripleSeat's events, for one account.

    Every method raises: CredentialsRefused (Forbidden), with advice; Unavailable; Unreadable; Refused. A search also
    raises IncompleteSearch.
    """

    def __init__(self, client: ApiClient, access: Access, *, base_url: str, invoice_fallback: bool = False) -> None:
        super().__init__(client)
        self._access = access
        self._base_url = base_url
        self._invoice_fallback = invoice_fallback
        self._found: dict[str, Found] = {}
        self.search_warnings: dict[str, str] = {}
        """A sentence for each search ("day", "update") that listed other events than requested."""
        self.listed_none = False
        """Whether the last search by day listed no event at all, not even one of another day."""

    def ask_the_time(self) -> None:
        """Send a cheap request, to read the Date of its answer."""
        self.read("/v1/sites.json", {})

    def search_by_day(self, first: date, last: date) -> list[Found]:
        """Every event, of any status, whose day is from `first` to `last` (facts TripleSeat 2).

        Events of other days are left out. If they are more than a day off, `search_warnings` says so: the search may
        match by overlap, and a night's event ends on the next day. A row without a day stays: it may be of these days.
        """
        found, lack = self._search("event", first, last)
        self.listed_none = not found
        others = {
            each.id: each.event.day
            for each in found
            if each.event and each.event.day and not first <= each.event.day <= last
        }
        self._warn_of_search("day", sum(not first - _A_DAY <= day <= last + _A_DAY for day in others.values()))
        return _unless_incomplete([each for each in found if each.id not in others], lack)

    def search_by_update(self, first: date, last: date) -> list[Found]:
        """Every event, of any status, changed on a day from `first` to `last` (facts TripleSeat 2).

        Others are left out likewise, with a day's tolerance, as the zone of the stamps is uncertain
        (facts TripleSeat 3.1). If any is left out, so are rows without a readable stamp: they may be of any time.
        """
        found, lack = self._search("event_updated", first, last)
        first, last = first - _A_DAY, last + _A_DAY
        dated = [(each, each.event.updated.date()) for each in found if each.event and each.event.updated]
        fit = {each.id for each, day in dated if first <= day <= last}
        kept = [each for each in found if each.id in fit] if len(fit) < len(dated) else found
        self._warn_of_search("update", len(found) - len(kept))
        return _unless_incomplete(kept, lack)

    def _warn_of_search(self, search: str, number: int) -> None:
        if number:
            text = f"the search by {search} listed events of other days ({number}); they are left out"
            self.search_warnings[search] = f"TripleSeat: {text}"
            self._client.warn_once(text)

    def event(self, event_id: EventId) -> Event:
        """The event with its lines and money: from its documents, else its booking's, else its invoice page.

        Also raises Refused with status 404 if there is no such event, and Unreadable if another one is returned.
        """
        return self._complete(self._read_event(event_id))

    def filled(self, told: PayloadEvent) -> Event:
        """The event of a delivery, with missing fields from TripleSeat. Raises what `event` raises.

        If TripleSeat's state is newer, or is over (deleted, lost) and not older, it is used instead.
        """
        row = self._read_event(told.event.id)
        known = decode_event(row)
        is_newer = is_older(told.event.updated, known.updated)
        if is_newer or (is_over(known) and not is_older(known.updated, told.event.updated)):
            return self._complete(row)
        return self._complete(fill(told.row, row))

    def events_of_booking(self, booking_id: str) -> tuple[EventId, ...]:
        """The ids of the booking's events (facts TripleSeat 5). Raises what `event` raises."""
        return read_event_ids(self._read_one("booking", booking_id))

    def _read_event(self, event_id: EventId) -> dict[str, Json]:
        return self._read_one("event", event_id, advice="; ask TripleSeat's support")

    def _read_one(self, kind: str, number: str, advice: str = "") -> dict[str, Json]:
        """The object of that kind, with its money. Raises Unreadable if another one is returned."""
        row = unwrap(self.read(f"/v1/{kind}s/{quote(number, safe='')}", _MONEY), kind)
        if usable_id(row) != number:
            text = f"TripleSeat: the request for {kind} {number} returned another {kind}{advice}"
            raise Unreadable(text, AnswerFault.OTHER_OBJECT)
        return row

    def _complete(self, row: dict[str, Json]) -> Event:
        event = decode_event(row)
        if not _has_content(event.documents):
            booked = self._documents_of_booking(event)
            deposits = (each for each in event.documents if each.payments or each.payment_faults)
            event = replace(event, documents=(*booked, *deposits) if booked else event.documents)
        if self._invoice_fallback and not _has_content(event.documents):
            urls = find_invoice_urls(row, self._base_url)
            completed = tuple(self._completed(document, urls.get(document.id)) for document in event.documents)
            event = replace(event, documents=completed)
        return event

    def sites(self) -> tuple[Site, ...]:
        """Every site of the account (facts TripleSeat 5)."""
        return decode_sites(self.read("/v1/sites.json", {}))

    def locations(self) -> tuple[TripleSeatLocation, ...]:
        """Every location of the account (facts TripleSeat 5)."""
        return decode_locations(self.read("/v1/locations.json", {}))

    def menus(self) -> tuple[Menu, ...]:
        """Every menu in use, with its items (facts TripleSeat 3.5). 403 and 404 are normal if there are none."""
        return read_menus(self.read)

    def _search(self, prefix: str, first: date, last: date) -> tuple[list[Found], str]:
        """The events of all pages, each once, and why some may be missing. The last row wins.

        Pages may overlap or be empty: events move while they are read, and `total_pages` may count rows that this user
        may not see. An event that slid from a page not yet read onto one already read is left to the next run. A page
        that repeats only earlier events ends the search: servers repeat the last page. But if the second page does,
        every page may be the first one, and a full page is hardly the last.
        """
        span = {f"{prefix}_start_date": f"{first:%m/%d/%Y}", f"{prefix}_end_date": f"{last:%m/%d/%Y}"}
        found: dict[EventId, Found] = {}
        rows: list[Json] = []
        for page in range(1, MOST_PAGES + 1):
            rows, pages = self._read_page(span, page, again=bool(rows) or page == 1)
            read = {each.id: each for each in map(self._find, rows)}
            is_new = not read.keys() <= found.keys()
            found.update(read)
            is_full = len(rows) >= FULL_PAGE
            if rows and not is_new and (is_full or pages > 0):
                lack = f"page {page} of a search repeats earlier events"
                return list(found.values()), lack if page == 2 or is_full else ""
            has_more = page < pages if page <= pages else is_new  # a smaller count than was read says nothing
            if not has_more:
                return list(found.values()), ""
        return list(found.values()), f"a search has more than {MOST_PAGES} pages; name fewer days"

    def _find(self, row: Json) -> Found:
        """The result of a row. A row that both searches list is decoded once."""
        content = fingerprint(row)
        if content not in self._found:
            self._found[content] = _find(row, content)
        return self._found[content]

    def _read_page(self, span: Mapping[str, str], page: int, *, again: bool) -> tuple[list[Json], Decimal]:
        """The rows of a page, and the number of pages; 0 if it is unknown.

        `again`: if it is empty and not the last, it is read twice, because a slip of the service must not hide its
        events. Of several empty pages in a row only the first is.
        """
        order = {"order": "created_at", "sort_direction": "asc", "page": str(page)}
        answer = self.read("/v1/events/search", {**span, **order})
        rows = answer.get("results") if isinstance(answer, dict) else None
        if not isinstance(answer, dict) or not isinstance(rows, list):
            raise Unreadable("TripleSeat: a search returned no list of results")
        pages = read_number(answer.get("total_pages")) or Decimal(0)
        if again and not rows and page < pages:
            return self._read_page(span, page, again=False)
        return rows, pages

    def read(self, path: str, params: Mapping[str, str]) -> Json:
        """The decoded answer to a GET."""
        try:
            return self._client.read(path, {**params, **self._access.params()})
        except TokenRefused:
            raise
        except CredentialsRefused as refused:
            raise self._access.explain(refused) from refused

    def _documents_of_booking(self, event: Event) -> tuple[Document, ...]:
        """The booking's documents, if this is the booking's only event (facts TripleSeat 3.4); else none."""
        if event.booking_id is None:
            return ()
        try:
            row = self._read_one("booking", event.booking_id)
        except Forbidden:
            return ()  # normal for a user without access to bookings
        except Refused as refused:
            if refused.status != 404:
                raise
            return ()
        booking = Fields(row, f"booking {event.booking_id}", [])
        if booking.has("deleted_at") or read_event_ids(row) != (event.id,):
            return ()
        documents = decode_documents(booking)
        return documents if _has_content(documents) else ()

    def _completed(self, document: Document, url: str | None) -> Document:
        """The document with its page's lines. A page that can't be opened or read is a fault: a person must mend it."""
        if document.deleted or url is None:
            return document
        label = f"invoice page of document {document.id}"
        try:
            page = self._client.read_page(url, label)
        except (Refused, CredentialsRefused, Unreadable):
            fault = Fault(Reason.NO_LINE_ITEMS, f"tsrevel can't open the {label}; share the document again")
            return replace(document, faults=(*document.faults, fault))
        return complete_from_page(document, page)


def _has_content(documents: tuple[Document, ...]) -> bool:
    """Whether a live document has lines, or an unreadable part, which must not be ignored."""
    return any(not document.deleted and (document.lines or document.faults) for document in documents)


def _unless_incomplete(found: list[Found], lack: str) -> list[Found]:
    if lack:
        raise IncompleteSearch(f"TripleSeat: {lack}, so some may be missing", found)
    return found


def _find(row: Json, content: str) -> Found:
    """The result of a row with the fingerprint `content`."""
    try:
        event = decode_event(row)
    except Unreadable as problem:
        return Found(None, content, str(problem), EventId(f"{NAMELESS}{content[:8]}"))
    return Found(event, listing_digest(row), None, event.id, read_stamps(row))
