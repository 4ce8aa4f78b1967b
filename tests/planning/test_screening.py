"""Whether an event is for us and due, and which reason is told where there are several."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.planning.make import DAY, LOCATION, NOON, POLICY, make_event
from tsrevel.planning.model import Event, Fault, Hold, Location, LocationId, Policy, SiteId, Skip
from tsrevel.planning.reasons import Reason
from tsrevel.planning.screening import find_location, screen, screen_status

SPOILERS: list[tuple[type[Hold | Skip], Reason, dict[str, Any], dict[str, Any]]] = [
    (Skip, Reason.EVENT_DELETED, {"deleted": True}, {}),
    (Hold, Reason.MISSING_DATA, {"status": ""}, {}),
    (Skip, Reason.STATUS_NOT_ELIGIBLE, {"status": "LOST"}, {}),
    (Hold, Reason.MISSING_DATA, {"location_id": None, "site_id": None}, {}),
    (Skip, Reason.LOCATION_NOT_ALLOWED, {}, {"allowed": frozenset({"999"})}),
    (Hold, Reason.LOCATION_NOT_MAPPED, {}, {"locations": ()}),
    (
        Hold,
        Reason.INVALID_DATE_FORMAT,
        {"faults": (Fault(Reason.INVALID_DATE_FORMAT, "event_date is not a date"),)},
        {},
    ),
    (Hold, Reason.UNKNOWN_TIMEZONE, {}, {"locations": (replace(LOCATION, timezone="Mars/Olympus"),)}),
    (Hold, Reason.MISSING_DATA, {"day": None, "starts_at": None}, {}),
    (Skip, Reason.TOO_EARLY, {"day": DAY + timedelta(days=1)}, {}),
]
"""Every way of not being for us or not due, the one to be told first at the top."""


def spoil(number: int) -> tuple[Event, Policy]:
    """An event with the fault of that number, and with every later one that doesn't contradict it."""
    event, policy = make_event(), POLICY
    for _, _, facts, settings in reversed(SPOILERS[number:]):
        event, policy = replace(event, **facts), replace(policy, **settings)
    return event, policy


@pytest.mark.parametrize("number", range(len(SPOILERS)))
def test_of_several_reasons_the_first_in_the_list_is_told(number: int) -> None:
    event, policy = spoil(number)
    outcome = screen(event, policy, NOON)
    kind, reason, _, _ = SPOILERS[number]
    assert (type(outcome), getattr(outcome, "reason", None)) == (kind, reason)


def test_an_eligible_event_on_its_day_goes_to_its_location() -> None:
    assert screen(make_event(), POLICY, NOON) == LOCATION


@pytest.mark.parametrize("status", ["DEFINITE", "CLOSED"])
def test_an_eligible_status_is_no_obstacle(status: str) -> None:
    assert screen_status(replace(make_event(), status=status), POLICY) is None


def test_a_status_that_is_not_eligible_is_named() -> None:
    found = screen_status(replace(make_event(), status="TENTATIVE"), POLICY)
    assert found == Skip(Reason.STATUS_NOT_ELIGIBLE, "status TENTATIVE is not one of tripleseat.eligible_statuses")


def test_every_fault_of_an_event_is_told_under_the_reason_of_the_first() -> None:
    faults = (Fault(Reason.INVALID_DATE_FORMAT, "one"), Fault(Reason.MISSING_DATA, "two"))
    assert screen(replace(make_event(), faults=faults), POLICY, NOON) == Hold(Reason.INVALID_DATE_FORMAT, "one; two")


def test_an_early_event_is_told_when_its_gate_opens_by_the_locations_clock() -> None:
    found = screen(make_event(day=DAY + timedelta(days=2)), POLICY, NOON)
    assert found == Skip(Reason.TOO_EARLY, "injection opens 2026-12-14 00:00 PST")


def test_an_event_whose_gate_has_closed_is_told_so() -> None:
    found = screen(make_event(day=DAY - timedelta(days=1)), POLICY, NOON)
    assert isinstance(found, Skip)
    assert found.reason is Reason.EVENT_DAY_PASSED
    assert found.text.startswith("the gate of 2026-12-11 closed without an order")


@pytest.mark.parametrize("days", [-30, -1, 1, 30])
def test_the_gate_can_be_ignored(days: int) -> None:
    event = make_event(day=DAY + timedelta(days=days))
    assert screen(event, POLICY, NOON, ignore_gate=True) == LOCATION


@pytest.mark.parametrize("number", range(len(SPOILERS) - 1))
def test_nothing_but_the_gate_can_be_ignored(number: int) -> None:
    event, policy = spoil(number)
    outcome = screen(event, policy, NOON, ignore_gate=True)
    assert getattr(outcome, "reason", None) is SPOILERS[number][1]


@pytest.mark.parametrize("name", ["", "America", "../etc", "Pacific Time (US & Canada)"])
def test_what_is_no_time_zone_holds_the_event(name: str) -> None:
    policy = replace(POLICY, locations=(replace(LOCATION, timezone=name),))
    found = screen(make_event(), policy, NOON)
    assert found == Hold(Reason.UNKNOWN_TIMEZONE, f"{name!r} is no time zone; use a name like America/Denver")


SITE = replace(LOCATION, name="Whole site", tripleseat_location=None, tripleseat_site=SiteId("15691"))


@pytest.mark.parametrize("locations", [(LOCATION, SITE), (SITE, LOCATION)])
def test_the_location_wins_over_its_site_in_whatever_order_they_stand(locations: tuple[Location, ...]) -> None:
    assert find_location(make_event(), replace(POLICY, locations=locations)) is LOCATION


@pytest.mark.parametrize("location_id", ["30599", None])
def test_the_site_takes_what_no_location_claims(location_id: str | None) -> None:
    event = make_event(location_id=location_id)
    assert find_location(event, replace(POLICY, locations=(LOCATION, SITE))) is SITE


@pytest.mark.parametrize(("location_id", "site_id"), [("30599", "15699"), ("30599", None), (None, "15699")])
def test_what_nobody_claims_has_no_location(location_id: str | None, site_id: str | None) -> None:
    event = make_event(location_id=location_id, site_id=site_id)
    nowhere = replace(LOCATION, tripleseat_location=None)
    assert find_location(event, replace(POLICY, locations=(LOCATION, SITE, nowhere))) is None


@pytest.mark.parametrize(
    ("allowed", "only", "passes"),
    [
        (set(), set(), True),
        ({"30501"}, set(), True),
        ({"15691"}, set(), True),
        ({"30501", "999"}, {"15691"}, True),
        (set(), {"30501"}, True),
        ({"999"}, set(), False),
        (set(), {"999"}, False),
        ({"30501"}, {"999"}, False),
        ({"999"}, {"30501"}, False),
    ],
)
def test_an_event_passes_by_its_location_or_its_site_through_both_lists(
    allowed: set[str], only: set[str], passes: bool
) -> None:
    policy = replace(POLICY, allowed=frozenset(allowed), only=frozenset(only))
    outcome = screen(make_event(), policy, NOON)
    refusal = Skip(Reason.LOCATION_NOT_ALLOWED, "location 30501 is not allowed")
    assert outcome == (LOCATION if passes else refusal)


def test_an_event_with_a_site_alone_is_refused_by_its_site() -> None:
    policy = replace(POLICY, allowed=frozenset({"999"}))
    found = screen(replace(make_event(), location_id=None), policy, NOON)
    assert found == Skip(Reason.LOCATION_NOT_ALLOWED, "location 15691 is not allowed")


def test_an_event_whose_place_could_not_be_read_is_held_wherever_one_may_write() -> None:
    fault = Fault(Reason.MISSING_DATA, "event 1: location_id is not an id")
    event = replace(make_event(), location_id=None, faults=(fault,))
    for policy in (POLICY, replace(POLICY, allowed=frozenset({"999"}))):
        assert screen(event, policy, NOON) == Hold(Reason.MISSING_DATA, fault.text)


def test_an_allowed_location_without_an_entry_is_held_and_named() -> None:
    event = replace(make_event(), location_id=LocationId("30599"))
    found = screen(event, replace(POLICY, allowed=frozenset({"30599"})), NOON)
    assert found == Hold(
        Reason.LOCATION_NOT_MAPPED,
        "no [[locations]] entry for TripleSeat location 30599, site 15691; add one, or leave it out of reach",
    )


LATE = datetime(2026, 12, 13, 5, 0, tzinfo=UTC)
"""Nine in the evening of `DAY` in Los Angeles."""


def test_an_instant_belongs_to_the_locations_local_day() -> None:
    event = make_event(day=None, starts_at=LATE)
    assert screen(event, POLICY, NOON) == LOCATION
    east = replace(POLICY, locations=(replace(LOCATION, timezone="America/New_York"),))
    found = screen(event, east, NOON)
    assert isinstance(found, Skip)
    assert found.reason is Reason.TOO_EARLY


@pytest.mark.parametrize("days", [-365, -1, 0, 1, 30])
def test_an_instant_never_overrides_the_events_date(days: int) -> None:
    assert screen(make_event(starts_at=LATE + timedelta(days=days)), POLICY, NOON) == LOCATION
