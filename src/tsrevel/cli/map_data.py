"""What `map` works on: settings, both services for reading, coming events, and the names seen on them and on menus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import update_wrapper
from pathlib import Path
from typing import Concatenate, ParamSpec

from tsrevel.cli.arguments import read_locations
from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.logs import logging_to
from tsrevel.cli.output import report_nothing_checked
from tsrevel.config import Settings, load_settings
from tsrevel.errors import (
    ConfigCode,
    ConfigError,
    ConfigProblem,
    ConnectorDisabled,
    CredentialsRefused,
    Refused,
    ServiceDown,
    TryNextRun,
)
from tsrevel.planning.coverage import Matched, MatchedBy, MissingLine, judge_lines, orderable_lines
from tsrevel.planning.model import EstablishmentId, EventId, Line, Location, Policy, ProductId
from tsrevel.planning.money import Cents, to_cents
from tsrevel.planning.products import Catalogue, Product, RevelProduct, Suggestion, SuggestionIndex, normalise
from tsrevel.planning.screening import days_in_reach, find_location
from tsrevel.revel.account import Account
from tsrevel.transport.deadline import NEVER
from tsrevel.tripleseat.client import Found, TripleSeat
from tsrevel.tripleseat.menus import Menu
from tsrevel.wiring import Runtime, Services, build_policy, correlate, open_services, why_disabled

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class DayRange:
    """The days looked at, both included."""

    days: int
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Survey:
    """Both services, to be read, and what the settings say. Nothing is locked, no ledger is open."""

    settings: Settings
    policy: Policy
    services: Services
    now: datetime

    @property
    def tripleseat(self) -> TripleSeat:
        """TripleSeat's events and menus."""
        return self.services.tripleseat

    @property
    def account(self) -> Account:
        """Revel's products."""
        return self.services.account

    def span(self, days: int) -> DayRange:
        """From the first day that may still be due, to `days` days from today."""
        first, _ = days_in_reach(self.policy, self.now, 0)
        today = days_in_reach(self.policy, self.now, 0)[1] - timedelta(days=self.policy.gate.days_before)
        return DayRange(days, first, today + timedelta(days=days))

    def coming_events(self, span: DayRange) -> list[Found]:
        """Every event of those days, of any status. Raises ServiceDown where they can't be listed."""
        with needed("the events can't be listed"):
            return self.tripleseat.search_by_day(span.first, span.last)


@contextmanager
def needed(what: str) -> Iterator[None]:
    """Round reads without which there is no answer at all: what is wrong with them ends the command, exit 13."""
    try:
        yield
    except (TryNextRun, Refused) as error:
        raise ServiceDown(f"{what}: {error}") from error


def load(ctx: CliContext, flags: OutputOptions, *, offline: bool) -> Settings:
    """The settings; `offline`, as they will do where no service is asked."""
    return load_settings(config=flags.config, environ=ctx.environ, offline=offline)


def unless_switched_off(
    ask: Callable[Concatenate[CliContext, OutputOptions, P], int],
) -> Callable[Concatenate[CliContext, OutputOptions, P], int]:
    """`ask`; while the connector is disabled or paused it asks nobody and says that nothing was checked (DESIGN 2)."""

    def asking(ctx: CliContext, flags: OutputOptions, /, *args: P.args, **options: P.kwargs) -> int:
        try:
            return ask(ctx, flags, *args, **options)
        except ConnectorDisabled as why:
            return report_nothing_checked(ctx, flags, str(why))

    update_wrapper(asking, ask)
    return asking


@contextmanager
def open_survey(ctx: CliContext, flags: OutputOptions, only: Sequence[str] = ()) -> Iterator[Survey]:
    """Settings and services, ready. `only` narrows the locations, as for `sync`.

    Raises SwitchedOff, and typer.BadParameter for a place that no entry has.
    """
    runtime = ctx.runtime or Runtime()
    settings = load(ctx, flags, offline=False)
    why = why_disabled(settings, runtime)
    if why:
        raise ConnectorDisabled(why)
    places = frozenset(read_locations(settings, only))
    deadline = NEVER if ctx.stdin.isatty() else None  # a person who is asked may take their time
    with (
        logging_to(ctx.stderr, flags, correlate(runtime.new_run_id())),
        open_services(settings, runtime, deadline) as services,
    ):
        yield Survey(settings, build_policy(settings, places), services, runtime.clock())


def mappings_path(settings: Settings) -> Path:
    """Where mappings.toml lies or will lie. Raises ConfigError where no folder is known."""
    if settings.mappings_path is None:
        remedy = "Name the settings file with --config, or set HOME."
        message = "have no folder to lie in"
        raise ConfigError((ConfigProblem(ConfigCode.NO_HOME, "mappings", "default", message, remedy),))
    return settings.mappings_path


def establishment_names(settings: Settings) -> dict[EstablishmentId, str]:
    """Each establishment of the settings and the locations that ring up there, by their names."""
    names: dict[EstablishmentId, list[str]] = {}
    for location in settings.locations:
        names.setdefault(EstablishmentId(location.revel_establishment), []).append(location.name)
    return {establishment: ", ".join(each) for establishment, each in names.items()}


Progress = Callable[[int, int], None]


@dataclass(slots=True)
class UnmappedName:
    """A name that has no product at an establishment, and where it was seen. `menu_item_id`: map by that instead."""

    establishment: EstablishmentId
    name: str
    menu_item_id: str | None
    why: str
    events: dict[EventId, None] = field(default_factory=dict)
    menus: dict[str, None] = field(default_factory=dict)
    prices: dict[Cents, None] = field(default_factory=dict)
    candidates: tuple[Suggestion, ...] = ()


@dataclass(slots=True)
class MappedName:
    """A name that has a product at an establishment, and where it was seen. `menu_item_id`: it is mapped by that."""

    establishment: EstablishmentId
    name: str
    menu_item_id: str | None
    way: MatchedBy
    product: ProductId
    events: dict[EventId, None] = field(default_factory=dict)
    menus: dict[str, None] = field(default_factory=dict)
    prices: dict[Cents, None] = field(default_factory=dict)


@dataclass(slots=True)
class NameReport:
    """All names without a product, and those with one. `unread` are events that couldn't be looked into, with why."""

    wanted: list[UnmappedName]
    sold: list[MappedName]
    offers: dict[EstablishmentId, dict[ProductId, RevelProduct]]
    unread: dict[str, str]
    menus_unread: str | None = None


def gather(survey: Survey, span: DayRange, progress: Progress) -> NameReport:
    """Look at every event of those days that isn't lost or deleted, at the menus, and at the establishments' products.

    Raises ServiceDown where events or products can't be listed.
    """
    found = survey.coming_events(span)
    collector = _Collector(survey)
    for done, each in enumerate(found, 1):
        collector.look_into(each)
        progress(done, len(found))
    menus, menus_unread = _read_menus(survey)
    for menu in menus:
        collector.look_into_menu(menu)
    seen = sorted(collector.seen.values(), key=lambda each: (each.establishment, -len(each.events), each.name))
    wanted = [each for each in seen if isinstance(each, UnmappedName)]
    sold = [each for each in seen if isinstance(each, MappedName)]
    return NameReport(_ranked(wanted, collector.offers), sold, collector.offers, collector.unread, menus_unread)


def tell_what_is_left_out(ctx: CliContext, found: NameReport) -> None:
    """Warn on stderr of menus and events that couldn't be looked into."""
    if found.menus_unread:
        print(f"tsrevel: menus were left out: {found.menus_unread}", file=ctx.stderr)
    for event, why in found.unread.items():
        print(f"tsrevel: event {event} was left out: {why}", file=ctx.stderr)


def _read_menus(survey: Survey) -> tuple[tuple[Menu, ...], str | None]:
    """The menus, or why they can't be read: not every account has them, nor every token the right (facts 3.5)."""
    try:
        return survey.tripleseat.menus(), None
    except (CredentialsRefused, Refused, TryNextRun) as error:
        return (), str(error)


def _ranked(
    wanted: list[UnmappedName], offers: dict[EstablishmentId, dict[ProductId, RevelProduct]]
) -> list[UnmappedName]:
    shelves = {place: SuggestionIndex(offers[place].values()) for place in {each.establishment for each in wanted}}
    for each in wanted:
        each.candidates = shelves[each.establishment].rank(each.name, each.prices)
    return wanted


@dataclass(slots=True)
class _Collector:
    survey: Survey
    seen: dict[tuple[object, ...], UnmappedName | MappedName] = field(default_factory=dict)
    offers: dict[EstablishmentId, dict[ProductId, RevelProduct]] = field(default_factory=dict)
    catalogues: dict[EstablishmentId, Catalogue] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)

    def look_into(self, found: Found) -> None:
        """The lines of an event, whatever its status: one that is tentative now may be definite by its day."""
        listed = found.event
        if listed is None or listed.deleted or listed.status == "LOST":
            return
        location = find_location(listed, self.survey.policy)
        if location is None or not _is_wanted(location, self.survey.policy):
            return
        try:
            event = self.survey.tripleseat.event(listed.id)
        except (CredentialsRefused, Refused, TryNextRun) as error:
            self.unread[listed.id] = str(error)
            return
        lines = orderable_lines(event, self.survey.policy)
        for judged in self._judge(location.establishment, lines):
            entry = self._entry(location.establishment, judged)
            entry.events[listed.id] = None
            if judged.line.price:
                entry.prices[to_cents(judged.line.price)] = None

    def look_into_menu(self, menu: Menu) -> None:
        """The items of a menu, at every establishment that it is for."""
        policy = self.survey.policy
        places = (
            each.establishment
            for each in policy.locations
            if _is_wanted(each, policy) and menu.is_for(each.tripleseat_location, each.tripleseat_site)
        )
        lines = [Line(item.name, None, None, None, menu_item_id=item.id) for item in menu.items]
        for place in dict.fromkeys(places):
            for judged in self._judge(place, lines):
                self._entry(place, judged).menus[menu.name or f"menu {menu.id}"] = None

    def _judge(self, place: EstablishmentId, lines: Iterable[Line]) -> Iterable[Matched | MissingLine]:
        return judge_lines(lines, self.survey.policy, self._catalogue(place))

    def _entry(self, place: EstablishmentId, judged: Matched | MissingLine) -> UnmappedName | MappedName:
        name, item = judged.name, judged.menu_item_id
        if isinstance(judged, MissingLine):
            return self.seen.setdefault((place, normalise(name), item), UnmappedName(place, name, item, judged.why))
        key = (place, normalise(name), item, judged.way)
        return self.seen.setdefault(key, MappedName(place, name, item, judged.way, judged.product))

    def _catalogue(self, place: EstablishmentId) -> Catalogue:
        if place not in self.catalogues:
            with needed(f"the products of establishment {place} can't be listed"):
                offers = self.survey.account.products(place)
            self.offers[place] = {offer.id: offer for offer in offers}
            self.catalogues[place] = Catalogue.of(place, (Product(offer.id, offer.name) for offer in offers))
        return self.catalogues[place]


def _is_wanted(location: Location, policy: Policy) -> bool:
    """Whether `--location` leaves it in. Those not allowed yet are looked at too: they are to be, one day."""
    return not policy.only or bool(policy.only & {location.tripleseat_location, location.tripleseat_site})
