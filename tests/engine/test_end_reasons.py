"""What ended a run is the reason of the events that it left: only a fault in tsrevel and this machine have none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tsrevel.engine.outcomes import end_reason
from tsrevel.errors import (
    ConfigCode,
    ConfigError,
    ConfigProblem,
    ConnectionFault,
    ConnectionMisconfigured,
    CredentialsRefused,
    Forbidden,
    Halted,
    ServiceDown,
    StopRun,
    TokenRefused,
    WriteForbidden,
)
from tsrevel.planning.reasons import Category, Reason, Status

from ..world import World, find_outcome
from .conftest import FULL

NO_TOKEN = ConfigError(
    ConfigProblem(ConfigCode.FILE_NOT_FOUND, "tripleseat.token_file", "settings", "is missing", "Set it.")
)


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        (CredentialsRefused("x"), Reason.AUTHORIZATION_DENIED),
        (Forbidden("x"), Reason.AUTHORIZATION_DENIED),
        (TokenRefused("x"), Reason.AUTHORIZATION_DENIED),
        (NO_TOKEN, Reason.AUTHORIZATION_DENIED),
        (ConnectionMisconfigured("x", ConnectionFault.NO_TLS), Reason.UPSTREAM_UNAVAILABLE),
        (ServiceDown("x"), Reason.UPSTREAM_UNAVAILABLE),
        (WriteForbidden("x"), None),
        (Halted("x"), None),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, StopRun) else str(each),
)
def test_what_stops_at_an_event_is_the_reason_of_the_event(stop: StopRun, reason: Reason | None) -> None:
    assert end_reason(stop) is reason


def missing(path: Path) -> None:
    path.unlink()


def broken(path: Path) -> None:
    path.write_text("{")


def no_file(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("spoil", [missing, broken, no_file])
def test_a_token_that_can_not_be_used_is_no_fault_in_tsrevel(world: World, spoil: object) -> None:
    assert callable(spoil)
    spoil(world.folder / "token.json")
    report = world.sync_event(FULL)
    outcome = find_outcome(report, FULL)
    assert (report.exit_status, report.reason) == (10, Reason.AUTHORIZATION_DENIED)
    assert (outcome.status, outcome.reason) == (Status.FAILED, Reason.AUTHORIZATION_DENIED)
    assert outcome.category is Category.UPSTREAM


def every(kind: type[StopRun]) -> Iterator[type[StopRun]]:
    for each in kind.__subclasses__():
        yield each
        yield from every(each)


def test_each_way_to_end_a_run_is_judged_here() -> None:
    store_no_event = {"LedgerUnusable", "LedgerDamaged", "WrongClock", "AssumptionFailed", "RunLocked"}
    judged = {"CredentialsRefused", "Forbidden", "TokenRefused", "ConfigError", "ConnectionMisconfigured"}
    judged |= {"ServiceDown", "WriteForbidden", "Halted"}
    ours = {each.__name__ for each in every(StopRun) if each.__module__.startswith("tsrevel")}
    assert ours == store_no_event | judged
