"""What we ask of TripleSeat: which events there are, and one event with its money (facts TripleSeat 2, 3, 5).

Only reads. Nothing is judged here: an event comes back as it is told, with faults where it couldn't be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from urllib.parse import quote

from tsrevel.errors import AnswerFault, CredentialsRefused, Forbidden, Refused, TokenRefused, Unreadable
from tsrevel.planning.model import Document, Event, EventId
from tsrevel.transport.client import ApiClient
from tsrevel.transport.responses import Json
from tsrevel.tripleseat.auth import Access
from tsrevel.tripleseat.decode import decode_documents, decode_event, event_fields, unwrap, usable_id
from tsrevel.tripleseat.digest import fingerprint, listing_digest
from tsrevel.tripleseat.fields import Fields, read_number
from tsrevel.tripleseat.invoice import complete_from_page, find_invoice_urls
from tsrevel.tripleseat.locations import Site, TripleSeatLocation, decode_locations, decode_sites
from tsrevel.tripleseat.menus import Menu, read_menus
from tsrevel.tripleseat.payload import PayloadEvent, fill, is_older, is_over, read_event_ids

MOST_PAGES = 1000
_MONEY = {"show_financial": "true"}  # the singular: "show_financials" is ignored (facts TripleSeat 3)


@dataclass(frozen=True, slots=True)
class Found:
    """One search result. `digest` tells whether it changed; `event` is None where `problem` says why: no usable id."""

    event: Event | None
    digest: str
    problem: str | None
    id: str


class TripleSeat:
    """TripleSeat's events, for one account.

    Every method raises: CredentialsRefused (Forbidden), with advice; Unavailable; Unreadable; Refused; and with
    `invoice_fallback` ConfigError where the extra for it is missing.
    """

    def __init__(self, channel: ApiClient, access: Access, *, base_url: str, invoice_fallback: bool = False) -> None:
        self._channel = channel
        self._access = access
        self._base_url = base_url
        self._invoice_fallback = invoice_fallback
        self.strays: dict[str, str] = {}
        """Which search ("day", "update") listed what it wasn't asked for, in a sentence, when it last did."""

    @property
    def skew(self) -> float | None:
        """Seconds by which TripleSeat's clock is ahead of ours; None where no answer said."""
        return self._channel.skew

    @property
    def answered(self) -> bool:
        """Whether TripleSeat has answered anything."""
        return self._channel.answered

    def stop(self) -> None:
        """Let no further request go out."""
        self._channel.stop()

    def ask_the_time(self) -> None:
        """Ask for something cheap, for the Date of its answer."""
        self._read("/v1/sites.json", {})

    def search_by_day(self, first: date, last: date) -> list[Found]:
        """Every event, of any status, whose day is from `first` to `last` (facts TripleSeat 2).

        What else is listed is left out, and told in `strays`. A row that tells no day stays: it may be of those.
        """
        found = self._search("event", first, last)
        kept = [each for each in found if each.event is None or _is_within(each.event.day, first, last) is not False]
        self._leave_out("day", found, kept)
        return kept

    def search_by_update(self, first: date, last: date) -> list[Found]:
        """Every event, of any status, changed on a day from `first` to `last` (facts TripleSeat 2).

        Likewise; with a day's tolerance, as the zone of the stamps is uncertain (facts TripleSeat 3.1). Where the
        filter was passed over, a row without a readable stamp is left out as well: it may be of any time.
        """
        found = self._search("event_updated", first, last)
        span = first - timedelta(days=1), last + timedelta(days=1)
        fit = {each.id: _is_within(_update_day(each), *span) for each in found}
        doubtful = (True,) if False in fit.values() else (True, None)
        kept = [each for each in found if fit[each.id] in doubtful]
        self._leave_out("update", found, kept)
        return kept

    def _leave_out(self, search: str, found: list[Found], kept: list[Found]) -> None:
        number = len(found) - len(kept)
        if number:
            text = f"the search by {search} listed {number} events of other days than were asked for; they are left out"
            self.strays[search] = f"TripleSeat: {text}"
            self._channel.warn_once(text)

    def event(self, event_id: EventId) -> Event:
        """The event with its lines and money: from its documents, else its booking's, else its invoice page.

        Raises also: Refused with status 404 where there is no such event, Unreadable where another one comes back.
        """
        return self._complete(self._fields_of(event_id))

    def filled(self, told: PayloadEvent) -> Event:
        """The event as a delivery told it, complete: what is missing is taken from `event`.

        All of it where that is newer, and where that is over (deleted, lost) and no older. Raises what `event` raises.
        """
        fields = self._fields_of(told.event.id)
        at_tripleseat = decode_event(fields.row)
        older, newer = (
            is_older(told.event.updated, at_tripleseat.updated),
            is_older(at_tripleseat.updated, told.event.updated),
        )
        if older or (is_over(at_tripleseat) and not newer):
            return self._complete(fields)
        return self._complete(event_fields(fill(told.row, fields.row)))

    def events_of_booking(self, booking_id: str) -> tuple[EventId, ...]:
        """The ids of the booking's events (facts TripleSeat 5). Raises what `event` raises."""
        return read_event_ids(self._booking(booking_id))

    def _fields_of(self, event_id: EventId) -> Fields:
        fields = event_fields(self._read(f"/v1/events/{quote(event_id, safe='')}", _MONEY))
        if usable_id(fields.row) != event_id:
            text = f"TripleSeat: asked for event {event_id}, another one came; tell TripleSeat's support"
            raise Unreadable(text, AnswerFault.OTHER_OBJECT)
        return fields

    def _complete(self, fields: Fields) -> Event:
        event = decode_event(fields.row)
        if not _has_content(event.documents):
            booked = self._documents_of_booking(event)
            deposits = (each for each in event.documents if each.payments or each.payment_faults)
            event = replace(event, documents=(*booked, *deposits) if booked else event.documents)
        if self._invoice_fallback and not _has_content(event.documents):
            event = replace(event, documents=self._documents_of_pages(event, fields))
        return event

    def sites(self) -> tuple[Site, ...]:
        """Every site of the account (facts TripleSeat 5)."""
        return decode_sites(self._read("/v1/sites.json", {}))

    def places(self) -> tuple[TripleSeatLocation, ...]:
        """Every location of the account (facts TripleSeat 5)."""
        return decode_locations(self._read("/v1/locations.json", {}))

    def menus(self) -> tuple[Menu, ...]:
        """Every menu in use, with its items (facts TripleSeat 3.5). 403 and 404 are normal where there are none."""
        return read_menus(self._read)

    def _search(self, prefix: str, first: date, last: date) -> list[Found]:
        """All pages, each event once: the last seen wins. A row that can't be read doesn't hide the others."""
        span = {f"{prefix}_start_date": f"{first:%m/%d/%Y}", f"{prefix}_end_date": f"{last:%m/%d/%Y}"}
        found: dict[str, Found] = {}
        for page in range(1, MOST_PAGES + 1):
            order = {"order": "created_at", "sort_direction": "asc", "page": str(page)}
            answer = self._read("/v1/events/search", {**span, **order})
            rows = _results(answer)
            known = len(found)
            found |= {_key(row): _find(row) for row in rows}
            if len(found) == known or _is_last(page, answer):
                return list(found.values())
        text = f"TripleSeat: a search went on for {MOST_PAGES} pages; ask for fewer days"
        raise Unreadable(text, AnswerFault.ENDLESS_LIST)

    def _read(self, path: str, params: Mapping[str, str]) -> Json:
        try:
            return self._channel.read(path, {**params, **self._access.params()})
        except TokenRefused:
            raise
        except CredentialsRefused as refused:
            raise self._access.explain(refused) from refused

    def _documents_of_booking(self, event: Event) -> tuple[Document, ...]:
        """The booking's documents, but only where it is of this event alone (facts TripleSeat 3.4)."""
        if event.booking_id is None:
            return ()
        try:
            booking = Fields(self._booking(event.booking_id), f"booking {event.booking_id}", [])
        except Forbidden:
            return ()  # normal for a user without access to bookings
        except Refused as refused:
            if refused.status != 404:
                raise
            return ()
        return self._documents_if_only(event, booking)

    def _booking(self, booking_id: str) -> dict[str, Json]:
        row = unwrap(self._read(f"/v1/bookings/{quote(booking_id, safe='')}", _MONEY), "booking")
        if usable_id(row) != booking_id:
            text = f"TripleSeat: asked for booking {booking_id}, another one came"
            raise Unreadable(text, AnswerFault.OTHER_OBJECT)
        return row

    def _documents_if_only(self, event: Event, booking: Fields) -> tuple[Document, ...]:
        if booking.has("deleted_at") or read_event_ids(booking.row) != (event.id,):
            return ()
        documents = decode_documents(booking)
        return documents if _has_content(documents) else ()

    def _documents_of_pages(self, event: Event, fields: Fields) -> tuple[Document, ...]:
        urls = find_invoice_urls(fields, self._base_url)
        return tuple(self._completed(document, urls.get(document.id)) for document in event.documents)

    def _completed(self, document: Document, url: str | None) -> Document:
        if document.deleted or url is None:
            return document
        label = f"invoice page of document {document.id}"
        try:
            page = self._channel.read_page(url, label)
        except (Refused, CredentialsRefused) as refused:
            text = f"TripleSeat: {label} is not open to us; share the document again"
            raise Unreadable(text, AnswerFault.PAGE_NOT_OPEN) from refused
        return complete_from_page(document, page)


def _has_content(documents: tuple[Document, ...]) -> bool:
    """Whether a live document has lines, or something unreadable that must not be passed over."""
    return any(not document.deleted and (document.lines or document.faults) for document in documents)


def _results(answer: Json) -> list[Json]:
    rows = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(rows, list):
        raise Unreadable("TripleSeat: a search answered without a list of results; nothing can be told from it")
    return rows


def _is_last(page: int, answer: Json) -> bool:
    """Whether `total_pages` says so. It may be text or missing; then a page that brings nothing new is the end."""
    total = read_number(answer.get("total_pages"))
    return total is not None and 0 < total <= page


def _is_within(day: date | None, first: date, last: date) -> bool | None:
    """None where the row doesn't say."""
    return None if day is None else first <= day <= last


def _update_day(found: Found) -> date | None:
    return found.event.updated.date() if found.event and found.event.updated else None


def _key(row: Json) -> str:
    """What tells rows apart: the id, or the whole of a row that has none."""
    try:
        return usable_id(unwrap(row, "event"))
    except Unreadable:
        return f"unreadable {fingerprint(row)}"


def _find(row: Json) -> Found:
    try:
        event = decode_event(row)
    except Unreadable as problem:
        return Found(None, fingerprint(row), str(problem), "")
    return Found(event, listing_digest(row), None, event.id)
