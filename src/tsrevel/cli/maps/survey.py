"""The ground that `map` works on: settings, both services for reading, and the events of the coming days."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import update_wrapper
from pathlib import Path
from typing import Concatenate, ParamSpec

from tsrevel.cli.arguments import read_locations
from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.logs import logging_to
from tsrevel.cli.standstill import report_nothing_checked, why_disabled
from tsrevel.config import Settings, load_settings
from tsrevel.errors import ConfigCode, ConfigError, ConfigProblem, Refused, ServiceDown, TryNextRun, TsrevelError
from tsrevel.planning.model import EstablishmentId, Policy
from tsrevel.planning.screening import days_in_reach
from tsrevel.revel.account import Account
from tsrevel.transport.deadline import NEVER
from tsrevel.tripleseat.client import Found, TripleSeat
from tsrevel.wiring import Runtime, Services, build_policy, correlate, open_services

P = ParamSpec("P")


class ConnectorDisabled(TsrevelError):
    """The connector is disabled or paused: no service may be asked."""


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
