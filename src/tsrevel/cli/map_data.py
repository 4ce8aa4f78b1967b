"""The data of `map`: settings, both services for reading, coming events, and the names seen on them and on menus."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

from tsrevel.cli.answers.mapping import LeftOutJson
from tsrevel.cli.arguments import read_locations
from tsrevel.cli.context import CliContext, logging_to
from tsrevel.cli.output import show_progress
from tsrevel.config import Settings
from tsrevel.config.settings import build_policy
from tsrevel.errors import (
    ConfigCode,
    ConfigError,
    ConfigProblem,
    ConnectorDisabled,
    CredentialsRefused,
    IncompleteSearch,
    MappingUnclear,
    Refused,
    ServiceDown,
    TryNextRun,
)
from tsrevel.planning.model import EstablishmentId, EventId, Line, Location, Policy, ProductId
from tsrevel.planning.money import Cents, to_cents
from tsrevel.planning.plan import orderable_lines
from tsrevel.planning.products import (
    Catalogue,
    MatchedBy,
    Product,
    Suggestion,
    SuggestionIndex,
    Unmatched,
    match_line,
    normalise,
)
from tsrevel.planning.screening import days_in_reach, find_location, includes_entry
from tsrevel.transport.client import NEVER
from tsrevel.tripleseat.account import Menu
from tsrevel.tripleseat.client import Found
from tsrevel.wiring import Services, correlate, open_services, why_disabled


@dataclass(frozen=True, slots=True)
class DayRange:
    """The days to read, first and last included."""

    days: int
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Survey:
    """The settings, and both services for reading. There is no lock and no open ledger."""

    settings: Settings
    policy: Policy
    services: Services
    now: datetime

    def span(self, days: int) -> DayRange:
        """The days that a run searches, to `days` days from today. Missed events are among them: they need products."""
        first, last = days_in_reach(self.policy, self.now, self.settings.sync.hours_back)
        return DayRange(days, first, last + timedelta(days=days - self.policy.gate.days_before))

    def list_events(self, span: DayRange) -> tuple[list[Found], str | None]:
        """Every event of those days, of any status, and why some may be missing. Raises ServiceDown without a list."""
        with needed("the events can't be listed"):
            try:
                return self.services.tripleseat.search_by_day(span.first, span.last), None
            except IncompleteSearch as error:
                return [each for each in error.found if isinstance(each, Found)], str(error)


@contextmanager
def needed(what: str) -> Iterator[None]:
    """Wrap reads that the command can't do without: their errors end it with exit status 13."""
    try:
        yield
    except (TryNextRun, Refused) as error:
        raise ServiceDown(f"{what}: {error}") from error


@contextmanager
def open_survey(ctx: CliContext, only: Sequence[str] = ()) -> Iterator[Survey]:
    """Open the settings and services. `only` narrows the locations, as for `sync`.

    Raises ConnectorDisabled, and typer.BadParameter for a location that no entry has.
    """
    settings = ctx.load_settings()
    why = why_disabled(settings, ctx.runtime)
    if why:
        raise ConnectorDisabled(why)
    places = frozenset(read_locations(settings, only))
    deadline = NEVER if ctx.stdin.isatty() else None  # a person who is asked may take their time
    with (
        logging_to(ctx, correlate(ctx.runtime.new_run_id())),
        open_services(settings, ctx.runtime, deadline) as services,
    ):
        yield Survey(settings, build_policy(settings, places), services, ctx.runtime.clock())


def mappings_path(settings: Settings) -> Path:
    """The path of mappings.toml, which may not exist yet. Raises ConfigError if no folder is known."""
    if settings.mappings_path is None:
        remedy = "Name the settings file with --config, or set HOME."
        message = "have no folder"
        raise ConfigError(ConfigProblem(ConfigCode.NO_HOME, "mappings", "default", message, remedy))
    return settings.mappings_path


def establishment_names(settings: Settings) -> dict[EstablishmentId, str]:
    """Each establishment of the settings, with the names of its locations."""
    names: dict[EstablishmentId, list[str]] = {}
    for location in settings.locations:
        names.setdefault(EstablishmentId(location.revel_establishment), []).append(location.name)
    return {establishment: ", ".join(each) for establishment, each in names.items()}


def choose_establishments(settings: Settings, establishment: int | None, location: str | None) -> list[int]:
    """The establishments that may be meant, all if neither is named. Raises MappingUnclear for one no location has."""
    known = establishment_names(settings)
    there = "; ".join(f"{number} ({name})" for number, name in known.items()) or "none"
    if establishment is not None:
        if establishment not in known:
            raise MappingUnclear(f"no [[locations]] entry is at establishment {establishment}; there are: {there}")
        return [establishment]
    if location is None:
        return list(known)
    name, text = normalise(location), location.strip()
    fitting = [
        each.revel_establishment
        for each in settings.locations
        if normalise(each.name) == name or text in {str(each.tripleseat_location), str(each.tripleseat_site)}
    ]
    if not fitting:
        raise MappingUnclear(f"no [[locations]] entry is called {location!r} or has that id; there are: {there}")
    return list(dict.fromkeys(fitting))


@dataclass(slots=True)
class SeenName:
    """A name at an establishment, its product and how that was found, and where the name was seen.

    Without a product `why` is the reason. `menu_item_id`: map the name by this id instead. `events` are the events with
    the name, and their names.
    """

    establishment: EstablishmentId
    name: str
    menu_item_id: str | None
    way: MatchedBy | None = None
    product: ProductId | None = None
    why: str | None = None
    events: dict[EventId, str] = field(default_factory=dict, init=False)
    menus: dict[str, None] = field(default_factory=dict, init=False)
    prices: dict[Cents, None] = field(default_factory=dict, init=False)
    candidates: tuple[Suggestion, ...] = field(default=(), init=False)

    def describe(self) -> dict[str, object]:
        """Where it was seen, under the names of the answers' fields."""
        return {"events": tuple(self.events), "menus": tuple(self.menus), "prices": tuple(self.prices)}


@dataclass(slots=True)
class NameReport:
    """The names without a product (`wanted`) and with one (`sold`).

    `unread`: why an event couldn't be read. `events_unlisted`: why events may be missing.
    """

    span: DayRange
    wanted: list[SeenName]
    sold: list[SeenName]
    offers: dict[EstablishmentId, dict[ProductId, Product]]
    unread: dict[str, str]
    menus_unread: str | None = None
    events_unlisted: str | None = None

    def describe(self) -> dict[str, object]:
        """The days that were read, and what was left out, under the names of the answers' fields."""
        left_out = tuple(LeftOutJson(event=event, error=why) for event, why in self.unread.items())
        errors = {"menus_error": self.menus_unread, "events_error": self.events_unlisted}
        return {**asdict(self.span), **errors, "events_left_out": left_out}


def gather(ctx: CliContext, survey: Survey, days: int) -> NameReport:
    """Read every event of those days that isn't lost or deleted, the menus, and the establishments' products.

    Menus and events that couldn't be read are reported on stderr. Raises ServiceDown if events or products can't be
    listed.
    """
    span = survey.span(days)
    collector = _Collector(survey)
    with show_progress(ctx) as progress:
        found, unlisted = survey.list_events(span)
        for done, each in enumerate(found, 1):
            collector.look_into(each)
            progress(done, len(found))
        menus_unread = None
        try:
            menus = survey.services.tripleseat.menus()
        except (CredentialsRefused, Refused, TryNextRun) as error:
            menus, menus_unread = (), str(error)  # an account or a token's rights may lack them (facts 3.5)
        for menu in menus:
            collector.look_into_menu(menu)
        seen = sorted(collector.seen.values(), key=lambda each: (each.establishment, -len(each.events), each.name))
        wanted = [each for each in seen if each.way is None]
        places = {each.establishment for each in wanted}
        indexes = {place: SuggestionIndex(collector.offers[place].values()) for place in places}
        for name in wanted:
            name.candidates = indexes[name.establishment].rank(name.name, name.prices)
    if unlisted:
        ctx.log(f"not all events can be listed: {unlisted}", "WARNING")
    if menus_unread:
        ctx.log(f"menus were left out: {menus_unread}", "INFO")
    for event, why in collector.unread.items():
        ctx.log(f"event {event} was left out: {why}", "INFO")
    sold = [each for each in seen if each.way is not None]
    return NameReport(span, wanted, sold, collector.offers, collector.unread, menus_unread, unlisted)


@dataclass(slots=True)
class _Collector:
    survey: Survey
    seen: dict[tuple[object, ...], SeenName] = field(default_factory=dict)
    offers: dict[EstablishmentId, dict[ProductId, Product]] = field(default_factory=dict)
    catalogues: dict[EstablishmentId, Catalogue] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)

    def look_into(self, found: Found) -> None:
        """Collect the lines of an event of any status: a tentative one may be definite by its day."""
        listed = found.event
        if listed is None or listed.deleted or listed.status == "LOST":
            return
        location = find_location(listed, self.survey.policy)
        if location is None or not _is_wanted(location, self.survey.policy):
            return
        try:
            event = self.survey.services.tripleseat.event(listed.id)
        except (CredentialsRefused, Refused, TryNextRun) as error:
            self.unread[listed.id] = str(error)
            return
        for line, seen in self._match(location.establishment, orderable_lines(event, self.survey.policy)):
            seen.events[listed.id] = event.name
            if line.price:
                seen.prices[to_cents(line.price)] = None

    def look_into_menu(self, menu: Menu) -> None:
        """Collect the items of a menu, at every establishment that it is for."""
        policy = self.survey.policy
        places = (
            each.establishment
            for each in policy.locations
            if _is_wanted(each, policy) and menu.is_for(each.tripleseat_location, each.tripleseat_site)
        )
        lines = [Line(item.name, None, None, None, menu_item_id=item.id) for item in menu.items]
        for place in dict.fromkeys(places):
            for _line, seen in self._match(place, lines):
                seen.menus[menu.name or f"menu {menu.id}"] = None

    def _match(self, place: EstablishmentId, lines: Iterable[Line]) -> Iterator[tuple[Line, SeenName]]:
        """Each line with its name; several lines may share one."""
        if place not in self.catalogues:
            with needed(f"the products of establishment {place} can't be listed"):
                offers = self.survey.services.account.products(place)
            self.offers[place] = {offer.id: offer for offer in offers}
            self.catalogues[place] = Catalogue.of(place, offers)
        for line in lines:
            match = match_line(line, self.survey.policy, self.catalogues[place])
            seen = SeenName(place, match.name, line.menu_item_id if match.by is MatchedBy.MENU_ITEM else None)
            if isinstance(match.found, Unmatched):
                seen.why = match.found.why
            else:
                seen.way, seen.product = match.by, match.found
            yield line, self.seen.setdefault((place, normalise(seen.name), seen.menu_item_id, seen.way), seen)


def _is_wanted(location: Location, policy: Policy) -> bool:
    """Whether `--location` includes it. A location that isn't allowed yet is read too: it may be allowed later."""
    return includes_entry(policy.only, location)
