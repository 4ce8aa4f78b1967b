"""A pretend TripleSeat, as a WSGI app: tokens, event search, single events, bookings, locations, sites, invoices.

It follows facts TripleSeat 1-5 and stores everything in memory. No request changes an event. Tests and the demo change
events through its methods.
"""

from __future__ import annotations

import re
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Literal
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo

from tsrevel.sandbox.app import (
    AnswerError,
    Json,
    Request,
    Response,
    SandboxApp,
    copy_json,
    html_response,
    json_response,
    utc_now,
)
from tsrevel.sandbox.documents import (
    PORTAL,
    RAILS_ZONES,
    SampleVenue,
    location_of,
    read_us_date,
    read_us_stamp,
    render_invoice,
    us_stamp,
)

RANGES = {
    "event": ("event_start_date", "event_end_date"),
    "created_at": ("event_created_start_date", "event_created_end_date"),
    "updated_at": ("event_updated_start_date", "event_updated_end_date"),
}
ORDERS = frozenset({"created_at", "updated_at", "name", "event_start"})
ALWAYS = ("id", "title", "template_document_id", "deleted_at", "views")
"""The keys of a document without show_financial (facts 3.3)."""


def select_events(
    events: list[Json], request: Request, ignored_ranges: Collection[str] = (), *, ignore_order: bool = False
) -> list[Json]:
    """The events that pass the documented parameters, in the requested order, by default by id.

    Ranges in `ignored_ranges` have no effect. With `ignore_order` the newest always come first.
    """
    kept = [event for event in events if _fits(event, request, ignored_ranges)]
    if ignore_order:
        return sorted(kept, key=lambda event: -int(event["id"]))
    order = request.first("order") or ""
    if order == "name":
        kept.sort(key=lambda event: (str(event["name"]), int(event["id"])))
    elif order in ORDERS:
        never = datetime.min  # noqa: DTZ901 - wall times are compared
        kept.sort(key=lambda event: (read_us_stamp(str(event[order] or "")) or never, int(event["id"])))
    if request.first("sort_direction") == "desc":
        kept.reverse()
    return kept


def _fits(event: Json, request: Request, ignored_ranges: Collection[str]) -> bool:
    values = {
        "location_ids": {str(event["location_id"])},
        "room_ids": {str(room) for room in event["room_ids"]},
        "contact_id": {str(event["contact_id"])},
        "account_id": {str(event["account_id"])},
    }
    for name, found in values.items():
        wanted = request.listed(name)
        if wanted and found.isdisjoint(wanted):
            return False
    statuses = [status.upper() for status in request.listed("status")]
    return (
        all(_in_range(event, kind, request) for kind in RANGES if kind not in ignored_ranges)
        and (not statuses or str(event["status"]).upper() in statuses)
        and (request.first("query") or "").lower() in str(event["name"]).lower()
    )


def _in_range(event: Json, kind: str, request: Request) -> bool:
    """Compares whole days, both ends included. A range with only one end has no effect."""
    start, end = (_read_day(request.first(name) or "", iso=kind == "event") for name in RANGES[kind])
    if start is None or end is None:
        return True
    day = read_us_date(str(event["event_date"] if kind == "event" else event[kind] or ""))
    return day is not None and start <= day <= end


def _read_day(text: str, *, iso: bool) -> date | None:
    """Reads MM/DD/YYYY, padded or not, and with `iso` also YYYY-MM-DD."""
    if iso and "-" in text:
        try:
            return date.fromisoformat(text)
        except ValueError:
            return None
    return read_us_date(text)


LIFETIME = 7200
"""The lifetime of an access token in seconds."""

ClientCredentials = Literal["refused", "ownerless", "works"]
"""How client_credentials ends: no such grant, a token that nothing accepts, or a token that works."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """One access token. `owned`: a person approved it."""

    good_until: datetime
    owned: bool


@dataclass(slots=True)
class Tokens:
    """Every token issued so far. `refresh` is the only refresh token that still works."""

    client_id: str = "sandbox-client"
    client_secret: str = "sandbox-client-secret"  # noqa: S105 - invented
    redirect_uri: str = "http://127.0.0.1:8765/callback"
    codes: set[str] = field(default_factory=lambda: {"sandbox-code"})
    challenges: dict[str, str] = field(default_factory=dict)
    """Code → the S256 challenge of its request, if it had one (RFC 7636)."""
    access: dict[str, AccessToken] = field(default_factory=dict)
    refresh: str = "sandbox-refresh-0"
    issued: int = 0

    def grant(self, form: dict[str, str], client_credentials: ClientCredentials, now: datetime) -> Json:
        """The answer to a token request. Raises AnswerError with 400 or 401 and `{"error": ...}`."""
        if (form.get("client_id"), form.get("client_secret")) != (self.client_id, self.client_secret):
            raise _refusal("invalid_client", 401)
        match form.get("grant_type"):
            case "refresh_token":
                if not self.refresh or form.get("refresh_token") != self.refresh:
                    raise _refusal("invalid_grant", 400)
                return self.issue(now)
            case "authorization_code":
                code = form.get("code", "")
                digest = sha256(form.get("code_verifier", "").encode()).digest()
                challenge = urlsafe_b64encode(digest).decode().rstrip("=")
                if (
                    code not in self.codes
                    or form.get("redirect_uri") != self.redirect_uri
                    or self.challenges.get(code, challenge) != challenge
                ):
                    raise _refusal("invalid_grant", 400)
                self.codes.discard(code)
                return self.issue(now)
            case "client_credentials" if client_credentials != "refused":
                return self._issue_access(now, owned=client_credentials == "works")
        raise _refusal("unsupported_grant_type", 400)

    def issue(self, now: datetime) -> Json:
        """A token answer as after a person's consent. It invalidates the last refresh token."""
        self.refresh = f"sandbox-refresh-{self.issued + 1}"
        return {**self._issue_access(now, owned=True), "refresh_token": self.refresh}

    def _issue_access(self, now: datetime, *, owned: bool) -> Json:
        self.issued += 1
        token = f"sandbox-access-{self.issued}"
        self.access[token] = AccessToken(now + timedelta(seconds=LIFETIME), owned)
        return {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": LIFETIME,
            "scope": "read",
            "created_at": int(now.timestamp()),
        }


def _refusal(error: str, status: int) -> AnswerError:
    return AnswerError(json_response({"error": error}, status))


PUBLIC_KEY_PATHS = ("/v1/locations", "/v1/sites")
ONE = re.compile(r"/v1/(events|bookings|menus)/(\d+)")
ENDPOINTS = re.compile(r"/v1/sites/(\d+)/webhook_endpoints")
VIEW = re.compile(r"/doc/[0-9a-f]{40}/\d+")


@dataclass(slots=True)
class TripleSeatState:
    """The stored data. `pages` are portal pages by path."""

    tokens: Tokens = field(default_factory=Tokens)
    events: dict[int, Json] = field(default_factory=dict)
    bookings: dict[int, Json] = field(default_factory=dict)
    locations: list[Json] = field(default_factory=list)
    sites: list[Json] = field(default_factory=list)
    zones: dict[int, str] = field(default_factory=dict)
    menus: dict[int, Json] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)
    hidden: dict[int, int] = field(default_factory=dict)


class TripleSeatSandbox(SandboxApp[TripleSeatState]):
    """The pretend TripleSeat. A test may set its quirks at any time.

    - `page_size` 50; `repeats_last_page`: a page past the end repeats the last one (facts 2)
    - `ignored_ranges`: ranges of days that a search ignores (`{"event", "updated_at"}`)
    - `ignores_order`: a search always lists the newest first
    - `repeats_first_page`: every page is the first one
    - `ignores_show_financial`: documents never have money
    - `unlisted`: ids of existing events that no search lists
    - `wraps_results`: search results come as `{"event": {...}}` (facts 2)
    - `client_credentials`: "refused", "ownerless" (a token that nothing accepts) or "works" (facts 1.4)
    - `accepts_key_header`: accept an `X-API-Key` header with the public key, as the real one never did (facts 1.6)
    - `forbidden`: ids of events and bookings that answer 403 (facts 1.7)
    - `webhooks`: the webhook endpoints of each site
    - `portal`: replaces the real portal's base URL in view links
    """

    def __init__(self, clock: Callable[[], datetime] = utc_now, *, sleep: Callable[[float], None] = time.sleep) -> None:
        super().__init__(TripleSeatState(), clock, sleep)
        self.public_key = "sandbox-public-key"
        self.page_size = 50
        self.repeats_last_page = False
        self.wraps_results = False
        self.ignored_ranges: set[str] = set()
        self.ignores_order = False
        self.repeats_first_page = False
        self.ignores_show_financial = False
        self.unlisted: set[int] = set()
        self.client_credentials: ClientCredentials = "refused"
        self.accepts_key_header = False
        self.forbidden: set[int] = set()
        self.webhooks: dict[int, list[Json]] = {}
        self.portal = PORTAL

    # For tests and the demo

    @property
    def tokens(self) -> Tokens:
        return self.state.tokens

    def issue_tokens(self) -> Json:
        """A token answer as after a person's consent: access_token, refresh_token and the rest."""
        with self.lock:
            return self.tokens.issue(self.clock())

    def expire_access_tokens(self) -> None:
        with self.lock:
            self.tokens.access.clear()

    def revoke_refresh_token(self) -> None:
        """Invalidate the refresh token, so a person must authorise again."""
        with self.lock:
            self.tokens.refresh = ""

    def add_place(self, place: SampleVenue) -> None:
        """Add a location, and its site with its time zone."""
        with self.lock:
            self.state.locations.append({**location_of(place), "site_name": place.name, "room_ids": [], "rooms": []})
            if place.site_id not in self.state.zones:
                zone = RAILS_ZONES.get(place.zone, place.zone)
                site = {"id": place.site_id, "customer_id": 880001, "name": place.name, "timezone": zone}
                self.state.sites.append({**site, "currency_code": "USD", "billings": []})
            self.state.zones[place.site_id] = place.zone

    def add_event(self, event: Json) -> Json:
        """Store a copy of the event, and of its booking. Its times stay unchanged."""
        with self.lock:
            kept = copy_json(event)
            self.state.events[kept["id"]] = kept
            booking = kept.get("booking")
            if booking is not None:
                self.state.bookings.setdefault(booking["id"], copy_json(booking))
            return kept

    def add_booking(self, booking: Json) -> None:
        """Store a copy of a booking with its documents. It replaces one with the same id."""
        with self.lock:
            self.state.bookings[booking["id"]] = copy_json(booking)

    def add_webhook(self, site_id: int, **more: object) -> None:
        """Add a webhook endpoint to a site. `more` are other keys (`disabled_at`, `failed_count`...)."""
        with self.lock:
            known = self.webhooks.setdefault(site_id, [])
            known.append(
                {
                    "id": 9100 + len(known),
                    "target_url": "https://hooks.example.com/tripleseat",
                    "include_event_financials": True,
                    "disabled_at": None,
                    "failed_count": 0,
                    "trigger_actions": ["UPDATE_EVENT", "UPDATE_EVENT_DOCUMENT"],
                    **more,
                }
            )

    def add_menu(self, menu_id: int, name: str, items: dict[int, str], **more: object) -> None:
        """Add a menu. `items`: id → name. `more` are other keys (`site_id`, `location_ids`, `disabled`...)."""
        rows = [{"id": number, "display_name": each, "internal_name": each} for number, each in items.items()]
        with self.lock:
            self.state.menus[menu_id] = {
                "id": menu_id,
                "site_id": None,
                "location_ids": [],
                "display_name": name,
                "internal_name": name,
                "description": "",
                "disabled": False,
                **more,
                "menu_items": rows,
            }

    def event(self, event_id: int) -> Json:
        """A full copy of one event."""
        with self.lock:
            return copy_json(self.state.events[event_id])

    def edit_event(self, event_id: int, **changes: object) -> Json:
        """Replace top-level keys of an event, and set `updated_at` to the site's wall time."""
        with self.lock:
            event = self.state.events[event_id]
            zone = ZoneInfo(self.state.zones.get(event["site_id"], "America/Los_Angeles"))
            event.update(copy_json(changes))
            if "updated_at" not in changes:
                event["updated_at"] = us_stamp(self.clock().astimezone(zone))
            return copy_json(event)

    def cancel_event(self, event_id: int) -> Json:
        """Set an event's status to LOST, and record the change."""
        before = self.event(event_id)
        after = self.edit_event(event_id, status="LOST", lost_reason={"id": 1, "name": "Cancelled"})
        change = {"status": "LOST", "previous_status": before["status"], "created_at": after["updated_at"]}
        return self.edit_event(event_id, status_changes=[{**change, "created_by": 660101}, *before["status_changes"]])

    def delete_event(self, event_id: int) -> Json:
        stamp = self.edit_event(event_id)["updated_at"]
        return self.edit_event(event_id, deleted_at=stamp)

    def hide_event(self, event_id: int, lookups: int = 1) -> None:
        """Hide an event from the next `lookups` listings or look-ups."""
        with self.lock:
            self.state.hidden[event_id] = lookups

    def add_invoice_only_event(self, event: Json) -> Json:
        """Store an event whose lines are only on its portal pages, not in its JSON."""
        with self.lock:
            for document in event["documents"]:
                for view in document["views"]:
                    self.state.pages[urlsplit(view["url"]).path] = render_invoice(event, document, view["name"])
        bare = [{**document, "line_items": []} for document in event["documents"]]
        return self.add_event({**event, "documents": bare})

    # For clients

    def respond(self, request: Request) -> Response:
        """Answer one request (facts 1.2, 2, 3, 4, 5)."""
        path = request.path.removesuffix(".json")
        if path == "/oauth2/token" and request.method == "POST":
            answer = self.tokens.grant(request.form(), self.client_credentials, self.clock())
            return json_response(answer, headers=(("Cache-Control", "no-store"),))
        if request.method != "GET":
            return json_response({"error": "Method not allowed"}, 405)
        if path == "/oauth2/authorize":
            return self._consent(request)
        if VIEW.fullmatch(path):
            return self._view(path)
        if not path.startswith("/v1/"):
            return html_response("<h1>The page you were looking for doesn't exist.</h1>", 404)
        self._admit(request, path)
        if match := ONE.fullmatch(path):
            return self._one(match[1], int(match[2]), request)
        if match := ENDPOINTS.fullmatch(path):
            return json_response([{"webhook_endpoint": each} for each in self.webhooks.get(int(match[1]), [])])
        match path:
            case "/v1/locations":
                return json_response([{"location": location} for location in self.state.locations])
            case "/v1/sites":
                return json_response([{"site": site} for site in self.state.sites])
            case "/v1/menus":
                return json_response([{**menu, "menu_items": []} for menu in self.state.menus.values()])
            case "/v1/events":
                return self._page(self._visible(), request)
            case "/v1/events/search":
                listed = [each for each in self._visible() if each["id"] not in self.unlisted]
                found = select_events(listed, request, self.ignored_ranges, ignore_order=self.ignores_order)
                return self._page(found, request)
        return json_response({"error": "Not found"}, 404)

    def _admit(self, request: Request, path: str) -> None:
        """Check the credentials. Raises AnswerError with 401 (facts 1.6, 1.7)."""
        public = request.first("public_key") == self.public_key
        if public and path in PUBLIC_KEY_PATHS:
            return
        if self.accepts_key_header and request.headers.get("x-api-key") == self.public_key:
            return
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        token = self.tokens.access.get(value) if kind.lower() == "bearer" else None
        if token is not None and self.clock() < token.good_until:
            if token.owned:
                return
            raise AnswerError(json_response({"error": "Token resource owner not found"}, 401))
        text = "This key has no permission here" if public else "The access token is invalid"
        raise AnswerError(json_response({"error": text}, 401))

    def _consent(self, request: Request) -> Response:
        """Redirect with a fresh code, as if an ADMIN had agreed."""
        target = request.first("redirect_uri") or ""
        known = (self.tokens.client_id, self.tokens.redirect_uri)
        if (request.first("client_id"), target) != known or request.first("response_type") != "code":
            return html_response("<h1>The request is invalid.</h1>", 400)
        code = f"sandbox-code-{self.tokens.issued + 1}"
        self.tokens.codes.add(code)
        if challenge := request.first("code_challenge"):
            self.tokens.challenges[code] = challenge
        query = urlencode({"code": code, "state": request.first("state") or ""})
        return Response(302, headers=(("Location", f"{target}?{query}"),))

    def _visible(self) -> list[Json]:
        return [self.state.events[number] for number in sorted(self.state.events) if self._seen(number)]

    def _seen(self, event_id: int) -> bool:
        left = self.state.hidden.get(event_id, 0)
        self.state.hidden[event_id] = max(0, left - 1)
        return left == 0

    def _page(self, events: list[Json], request: Request) -> Response:
        total = -(-len(events) // self.page_size)
        asked = request.first("page") or "1"
        page = max(1, int(asked)) if asked.isdigit() else 1
        if self.repeats_first_page:
            page = 1
        if self.repeats_last_page:
            page = min(page, max(1, total))
        shown = events[(page - 1) * self.page_size : page * self.page_size]
        results = [self._dressed(event, request) for event in shown]
        if self.wraps_results:
            results = [{"event": event} for event in results]
        return json_response({"total_pages": total, "results": results})

    def _one(self, kind: str, number: int, request: Request) -> Response:
        if kind == "menus":
            if number not in self.state.menus:
                return json_response({"error": "Not found"}, 404)
            return json_response({"menu": self.state.menus[number]})
        if number in self.forbidden:
            return json_response({"error": "You are not allowed to see this"}, 403)
        if kind == "events":
            if number not in self.state.events or not self._seen(number):
                return json_response({"error": "Event not found"}, 404)
            return json_response({"event": self._dressed(self.state.events[number], request)})
        if number not in self.state.bookings:
            return json_response({"error": "Booking not found"}, 404)
        booking = self._dressed(self.state.bookings[number], request)
        known = [self.state.events[n] for n in booking["event_ids"] if n in self.state.events]
        events = [{**self._dressed(event, request), "booking": None} for event in known]
        return json_response({"booking": {**booking, "events": events}})

    def _dressed(self, owner: Json, request: Request) -> Json:
        """An event or booking as sent to the client. Documents have money only with show_financial=true."""
        documents = copy_json(owner.get("documents") or [])
        if request.first("show_financial") != "true" or self.ignores_show_financial:
            documents = [{key: each[key] for key in ALWAYS if key in each} for each in documents]
        for document in documents:
            for view in document.get("views", []):
                view["url"] = str(view["url"]).replace(PORTAL, self.portal)
        return {**owner, "documents": documents} if "documents" in owner else owner

    def _view(self, path: str) -> Response:
        if path in self.state.pages:
            return html_response(self.state.pages[path])
        for event in self.state.events.values():
            for document in event.get("documents") or []:
                for view in document["views"]:
                    if urlsplit(view["url"]).path == path:
                        return html_response(render_invoice(event, document, view["name"]))
        return html_response("<h1>This document is no longer available.</h1>", 404)
