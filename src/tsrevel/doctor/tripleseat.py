"""Checks that TripleSeat answers, accepts the token, and lets it read what runs need (facts TripleSeat 1, 2, 5)."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

from tsrevel.config import Settings
from tsrevel.doctor.findings import (
    REFUSED,
    CheckFinding,
    SkippedCheck,
    attempt,
    failure,
    is_silent,
    list_candidates,
    ok,
    problem,
    skip_all,
    skipped,
    usable,
    warning,
)
from tsrevel.errors import (
    ConfigError,
    CredentialsCode,
    CredentialsRefused,
    Forbidden,
    Refused,
    TokenRefused,
    TsrevelError,
)
from tsrevel.planning.model import Event, Policy
from tsrevel.planning.screening import find_location, includes_place, screen_status
from tsrevel.text import count_of
from tsrevel.tripleseat.account import Site, TripleSeatLocation
from tsrevel.tripleseat.client import Found, TripleSeat

CONNECTION, TOKEN = "tripleseat.connection", "tripleseat.token"
SITES, LOCATIONS, LISTING = "tripleseat.sites", "tripleseat.locations", "tripleseat.listing"
EVENT, UNMAPPED = "tripleseat.event", "tripleseat.unmapped"
_READS = (SITES, LOCATIONS, LISTING, EVENT)
_UNREACHABLE = SkippedCheck("UNREACHABLE", "TripleSeat can't be reached")
_TOKEN_PROBLEM = SkippedCheck("TOKEN_PROBLEM", f"{TOKEN} is a problem")
_LOGIN_HELPS = {
    CredentialsCode.NOT_ACCEPTED,
    CredentialsCode.MALFORMED,
    CredentialsCode.APPROVAL_NEEDED,
    CredentialsCode.TOKEN_WITHOUT_USER,
    CredentialsCode.REFRESH_TOKEN_REFUSED,
}
"""The refusals that a new login ends. The others are of the app, its settings in TripleSeat, or the token URL."""


@dataclass(frozen=True, slots=True)
class TripleSeatLists:
    """TripleSeat's lists; None for one without a usable answer. `events` are those of `days`."""

    sites: tuple[Site, ...] | None = None
    locations: tuple[TripleSeatLocation, ...] | None = None
    events: tuple[Event, ...] | None = None
    days: tuple[date, date] | None = None


def skip_tripleseat(because: SkippedCheck) -> Iterator[CheckFinding]:
    yield from skip_all((CONNECTION, TOKEN, *_READS), because)


def examine_tripleseat(
    tripleseat: TripleSeat, settings: Settings, policy: Policy, days: tuple[date, date]
) -> Generator[CheckFinding, None, TripleSeatLists]:
    """Read each list once. A problem with one list doesn't hide the others."""
    sites = attempt(tripleseat.sites)
    if is_silent(sites):
        yield failure(CONNECTION, sites)
        yield from skip_all((TOKEN, *_READS), _UNREACHABLE)
        return TripleSeatLists()
    if isinstance(sites, ConfigError | TokenRefused):
        yield from _without_token(sites, settings)
        return TripleSeatLists()
    locations, found = attempt(tripleseat.locations), attempt(lambda: tripleseat.search_by_day(*days))
    reads = {SITES: sites, LOCATIONS: locations, LISTING: found}
    refused = [
        each for each in reads.values() if isinstance(each, CredentialsRefused) and not isinstance(each, Forbidden)
    ]
    if len(refused) == len(reads) or isinstance(found, TokenRefused):
        yield from _without_token(refused[-1], settings)
        return TripleSeatLists()
    yield ok(CONNECTION, f"{settings.tripleseat.base_url} answers")
    yield _check_token(settings, reads)
    yield _tell_list(SITES, sites, "sites")
    yield _tell_list(LOCATIONS, locations, "locations")
    events = None
    if not isinstance(found, TsrevelError):
        events = tuple(each.event for each in found if each.event is not None)
    yield _tell_listing(found, days)
    yield _check_event(tripleseat, policy, events)
    if events is not None:
        yield from _check_unmapped(events, policy)
    return TripleSeatLists(usable(sites), usable(locations), events, days)


def _without_token(error: TsrevelError, settings: Settings) -> Iterator[CheckFinding]:
    yield skipped(CONNECTION, _TOKEN_PROBLEM)
    found = failure(TOKEN, error)
    if settings.tripleseat.auth == "oauth2" and isinstance(error, CredentialsRefused):
        how = " while the sandbox runs." if settings.is_sandbox else ". An admin user of TripleSeat must approve."
        login_helps = error.code in _LOGIN_HELPS
        found = replace(found, remedy=f"Run `tsrevel login`{how}" if login_helps else "Correct what the message names.")
    yield found
    yield from skip_all(_READS, _TOKEN_PROBLEM)


def _check_token(settings: Settings, reads: Mapping[str, object]) -> CheckFinding:
    auth = settings.tripleseat.auth
    if any(not isinstance(answer, TsrevelError) for answer in reads.values()):
        untried = "; the next renewal tries client id and secret" if auth == "oauth2" else ""
        return ok(TOKEN, f"accepted (tripleseat.auth = {auth}){untried}")
    remedy = "See the checks below."
    if any(isinstance(answer, CredentialsRefused) for answer in reads.values()):
        return problem(TOKEN, "NOTHING_READ", "TripleSeat refused every request with it", remedy, REFUSED)
    text = "no usable answer, so the token can't be checked"
    return warning(TOKEN, "NO_USABLE_ANSWER", text, remedy)


def _tell_list(
    name: str, answer: tuple[Site, ...] | tuple[TripleSeatLocation, ...] | TsrevelError, what: str
) -> CheckFinding:
    if isinstance(answer, Refused):  # only a warning: runs don't need the list
        remedy = "Compare the ids and time zones with TripleSeat's settings by hand."
        return warning(name, "NO_SUCH_RESOURCE", f"{answer}; so the {what} can't be checked", remedy)
    if isinstance(answer, TsrevelError):
        return failure(name, answer)
    return ok(name, f"{len(answer)} {what} can be read: {list_candidates((each.id, each.name) for each in answer)}")


def _tell_listing(found: list[Found] | TsrevelError, days: tuple[date, date]) -> CheckFinding:
    if isinstance(found, TsrevelError):
        return failure(LISTING, found)
    span = f"from {days[0]} to {days[1]}"
    if not found:
        remedy = "If there should be events, give the approving user and the app's scopes access to their locations."
        text = f"the event search works, but lists no event {span}"
        return warning(LISTING, "NO_EVENT", text, remedy)
    return ok(LISTING, f"the event search works: {count_of(len(found), 'event')} {span}")


def _check_event(tripleseat: TripleSeat, policy: Policy, events: tuple[Event, ...] | None) -> CheckFinding:
    """Whether one event can be read with its lines and money, which needs its own scope (facts TripleSeat 1.5)."""
    if not events:
        return skipped(EVENT, SkippedCheck("NO_EVENT", f"{LISTING} shows no event"))
    likely = next((each for each in events if screen_status(each, policy) is None), events[0])
    whole = attempt(lambda: tripleseat.event(likely.id))
    if isinstance(whole, Refused) and whole.status == 404:
        text = f"TripleSeat lists event {likely.id} but doesn't return it"
        return warning(EVENT, "EVENT_GONE", text, "Run `tsrevel doctor` again.")
    if isinstance(whole, TsrevelError):
        return failure(EVENT, whole)
    if not any(document.lines for document in whole.documents):
        remedy = "If it should have lines, let the app and the approving user see financials."
        text = f"event {likely.id} can be read, but none of its documents has lines"
        return warning(EVENT, "NO_LINES", text, remedy)
    return ok(EVENT, f"event {likely.id} can be read with its lines and money")


def _check_unmapped(events: tuple[Event, ...], policy: Policy) -> Iterator[CheckFinding]:
    """Report the locations whose events would be held because no entry has them."""
    places = {}
    for event in events:
        reached = includes_place(policy.allowed, event.location_id, event.site_id, policy.locations)
        if reached and screen_status(event, policy) is None and find_location(event, policy) is None:
            places[event.location_id or event.site_id] = event.location_name
    if places:
        text = f"there are events at locations without a [[locations]] entry: {list_candidates(places.items())}"
        remedy = "Add entries, or set safety.allowed_locations. Otherwise these events are held."
        yield warning(UNMAPPED, "UNMAPPED_PLACE", text, remedy)
