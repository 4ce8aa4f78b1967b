"""Whether an event is for us and due, and which reason is told where there are several."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.planning.make import DAY, LOCATION, NOON, POLICY, make_event, without_details
from tsrevel.planning.model import Event, Fault, Hold, Location, LocationId, Policy, SiteId, Skip, TimeGate
from tsrevel.planning.reasons import Reason
from tsrevel.planning.screening import (
    GateState,
    covered_locations,
    days_in_reach,
    find_location,
    find_named,
    includes_place,
    judge_gate,
    opens_at,
    screen,
    screen_status,
    update_days_in_reach,
)

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


@pytest.mark.parametrize("status", ["DEFINITE", "CLOSED"])
def test_an_event_that_is_sold_and_has_its_order_is_not_cancelled_whichever_statuses_are_eligible(status: str) -> None:
    event, policy = replace(make_event(), status=status), replace(POLICY, eligible_statuses=frozenset({"TENTATIVE"}))
    assert isinstance(screen_status(event, policy), Skip)
    assert screen_status(event, policy, has_order=True) is None
    assert screen(event, policy, NOON, has_order=True) == LOCATION


@pytest.mark.parametrize("spoilt", [{"status": "LOST"}, {"status": "PROSPECT"}, {"deleted": True}])
def test_any_other_event_is_cancelled_though_it_has_its_order(spoilt: dict[str, Any]) -> None:
    assert isinstance(screen_status(replace(make_event(), **spoilt), POLICY, has_order=True), Skip)


def test_every_fault_of_an_event_is_told_under_the_reason_of_the_first() -> None:
    faults = (Fault(Reason.INVALID_DATE_FORMAT, "one"), Fault(Reason.MISSING_DATA, "two"))
    assert without_details(screen(replace(make_event(), faults=faults), POLICY, NOON)) == Hold(
        Reason.INVALID_DATE_FORMAT, "one; two"
    )


def test_an_early_event_is_told_when_its_gate_opens_by_the_locations_clock() -> None:
    found = screen(make_event(day=DAY + timedelta(days=2)), POLICY, NOON)
    assert found == Skip(Reason.TOO_EARLY, "injection opens on 2026-12-14 00:00 PST")


def test_an_event_whose_gate_has_closed_is_told_so() -> None:
    found = screen(make_event(day=DAY - timedelta(days=1)), POLICY, NOON)
    assert isinstance(found, Skip)
    assert found.reason is Reason.EVENT_DAY_PASSED
    assert found.text.startswith("this event was on 2026-12-11 and has no order")


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
    assert without_details(found) == Hold(
        Reason.UNKNOWN_TIMEZONE, f"this machine knows no time zone {name!r}; use a name like America/Denver"
    )


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


def test_the_first_location_with_a_name_is_found() -> None:
    policy = replace(POLICY, locations=(SITE, LOCATION, replace(LOCATION, name=SITE.name)))
    assert find_named(SITE.name, policy) == SITE
    assert find_named("Nowhere", policy) is None


@pytest.mark.parametrize(
    ("allowed", "only", "covered"),
    [
        (set(), set(), ["30501", "15691"]),
        ({"30501"}, set(), ["30501"]),
        (set(), {"15691"}, ["15691"]),
        ({"30501", "15691"}, {"15691"}, ["15691"]),
        ({"30501"}, {"15691"}, []),
        ({"999"}, set(), []),
    ],
)
def test_a_run_covers_the_entries_that_both_lists_let_through(
    allowed: set[str], only: set[str], covered: list[str]
) -> None:
    policy = replace(POLICY, locations=(LOCATION, SITE), allowed=frozenset(allowed), only=frozenset(only))
    found = covered_locations(policy)
    assert list(found) == covered
    assert set(found.values()) <= {LOCATION, SITE}


HERE = replace(LOCATION, tripleseat_site=SiteId("15691"))
THERE = replace(LOCATION, tripleseat_location=LocationId("30502"), tripleseat_site=SiteId("15692"))
AT_A_SITE = replace(SITE, tripleseat_site=SiteId("15693"))


@pytest.mark.parametrize(
    ("location_id", "site_id", "ids", "passes"),
    [
        ("30502", "30501", {"30501"}, False),
        ("30502", "30501", {"30501", "30502"}, True),
        (None, "30501", {"30501"}, False),
        ("15691", "15692", {"15691"}, False),
        ("15691", None, {"15691"}, False),
        ("15693", "15692", {"15693"}, False),
        ("30501", "30502", {"30502"}, False),
        ("30501", "15691", {"30501"}, True),
        ("30599", "15691", {"15691"}, True),
        ("30599", "15693", {"15693"}, True),
        (None, "15692", {"15692"}, True),
    ],
)
@pytest.mark.parametrize("field", ["allowed", "only"])
def test_the_id_of_a_location_does_not_stand_for_the_site_with_that_number_nor_a_site_for_a_location(
    field: str, location_id: str | None, site_id: str | None, ids: set[str], passes: bool
) -> None:
    """TripleSeat numbers both separately. The entries tell which of both an id is."""
    narrowed: dict[str, Any] = {field: frozenset(ids)}
    policy = replace(POLICY, locations=(HERE, THERE, AT_A_SITE), **narrowed)
    event = make_event(location_id=location_id, site_id=site_id)
    assert (getattr(screen(event, policy, NOON), "reason", None) is not Reason.LOCATION_NOT_ALLOWED) is passes


@pytest.mark.parametrize(("location", "site"), [("30599", "15691"), ("30502", "30599"), (None, "30599")])
def test_an_id_that_no_entry_has_counts_as_either(location: str | None, site: str | None) -> None:
    assert includes_place(frozenset({"30599"}), location, site, (HERE, THERE))


def test_no_ids_include_every_place_and_some_never_include_none() -> None:
    for entries in ((), (LOCATION,), (HERE,)):
        assert includes_place(frozenset(), None, None, entries)
        assert not includes_place(frozenset({"30501"}), None, None, entries)


def test_an_event_with_a_site_alone_is_refused_by_its_site() -> None:
    policy = replace(POLICY, allowed=frozenset({"999"}))
    found = screen(replace(make_event(), location_id=None), policy, NOON)
    assert found == Skip(Reason.LOCATION_NOT_ALLOWED, "location 15691 is not allowed")


def test_an_event_whose_place_could_not_be_read_is_held_wherever_one_may_write() -> None:
    fault = Fault(Reason.MISSING_DATA, "event 1: location_id is not an id")
    event = replace(make_event(), location_id=None, faults=(fault,))
    for policy in (POLICY, replace(POLICY, allowed=frozenset({"999"}))):
        assert without_details(screen(event, policy, NOON)) == Hold(Reason.MISSING_DATA, fault.text)


def test_an_allowed_location_without_an_entry_is_held_and_named() -> None:
    event = replace(make_event(), location_id=LocationId("30599"))
    found = screen(event, replace(POLICY, allowed=frozenset({"30599"})), NOON)
    assert without_details(found) == Hold(
        Reason.LOCATION_NOT_MAPPED,
        "no [[locations]] entry has TripleSeat location 30599, site 15691; add one, or name only the other "
        "locations in safety.allowed_locations",
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


LOS_ANGELES, NEW_YORK = ZoneInfo("America/Los_Angeles"), ZoneInfo("America/New_York")
ZONES = (
    "America/Los_Angeles",
    "America/New_York",
    "Africa/Cairo",
    "Asia/Kolkata",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Australia/Lord_Howe",
    "UTC",
)

gates = st.builds(TimeGate, st.integers(0, 5), st.times().map(lambda at: at.replace(microsecond=0)), st.integers(0, 5))
instants = st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 (bounds)


def at(zone: ZoneInfo, *parts: int) -> datetime:
    """The instant of a wall clock in `zone`."""
    return datetime(*parts, tzinfo=zone)  # type: ignore[misc,arg-type]


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Any gate, over one to three zones."""
    zones = draw(st.lists(st.sampled_from(ZONES), min_size=1, max_size=3))
    locations = tuple(replace(LOCATION, timezone=zone) for zone in zones)
    return replace(POLICY, gate=draw(gates), locations=locations, default_timezone=draw(st.sampled_from(ZONES)))


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (at(LOS_ANGELES, 2026, 12, 11, 23, 59, 59), "early"),
        (at(LOS_ANGELES, 2026, 12, 12, 0, 0), "open"),
        (at(LOS_ANGELES, 2026, 12, 12, 23, 59, 59), "open"),
        (at(LOS_ANGELES, 2026, 12, 13, 0, 0), "passed"),
    ],
)
def test_by_default_the_gate_is_open_on_the_event_day_alone(now: datetime, state: GateState) -> None:
    assert judge_gate(DAY, LOS_ANGELES, TimeGate(), now.astimezone(UTC)) == state


def test_half_past_eleven_at_night_in_los_angeles_is_the_next_day_in_new_york() -> None:
    now = at(LOS_ANGELES, 2026, 12, 12, 23, 30).astimezone(UTC)
    assert judge_gate(DAY, LOS_ANGELES, TimeGate(), now) == "open"
    assert judge_gate(DAY, NEW_YORK, TimeGate(), now) == "passed"
    assert judge_gate(DAY + timedelta(days=1), LOS_ANGELES, TimeGate(), now) == "early"
    assert judge_gate(DAY + timedelta(days=1), NEW_YORK, TimeGate(), now) == "open"


@pytest.mark.parametrize(
    ("gate", "opening", "last"),
    [
        (TimeGate(0, time(6, 30), 0), (2026, 12, 12, 6, 30), (2026, 12, 12, 23, 59)),
        (TimeGate(2, time(0, 0), 0), (2026, 12, 10, 0, 0), (2026, 12, 12, 23, 59)),
        (TimeGate(1, time(18, 0), 3), (2026, 12, 11, 18, 0), (2026, 12, 15, 23, 59)),
        (TimeGate(0, time(0, 0), 1), (2026, 12, 12, 0, 0), (2026, 12, 13, 23, 59)),
    ],
)
def test_the_gate_opens_days_before_at_its_hour_and_closes_days_after_at_midnight(
    gate: TimeGate, opening: tuple[int, ...], last: tuple[int, ...]
) -> None:
    first, final = at(NEW_YORK, *opening), at(NEW_YORK, *last)
    assert opens_at(DAY, NEW_YORK, gate) == first
    assert judge_gate(DAY, NEW_YORK, gate, first - timedelta(seconds=1)) == "early"
    assert judge_gate(DAY, NEW_YORK, gate, first) == "open"
    assert judge_gate(DAY, NEW_YORK, gate, final) == "open"
    assert judge_gate(DAY, NEW_YORK, gate, final + timedelta(minutes=1)) == "passed"


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 8), 23), (date(2026, 11, 1), 25), (DAY, 24)])
def test_a_gate_is_open_for_as_many_hours_as_its_day_has(day: date, hours: int) -> None:
    opening = opens_at(day, LOS_ANGELES, TimeGate())
    hourly = [opening + timedelta(hours=hour, minutes=59) for hour in range(-1, 27)]
    assert [judge_gate(day, LOS_ANGELES, TimeGate(), now) for now in hourly].count("open") == hours


def test_an_opening_hour_that_the_clock_jumps_over_opens_when_it_would_have_been() -> None:
    gate = TimeGate(opens_at=time(2, 30))
    assert opens_at(date(2026, 3, 8), LOS_ANGELES, gate) == datetime(2026, 3, 8, 10, 30, tzinfo=UTC)


def test_an_opening_hour_that_the_clock_shows_twice_opens_the_first_time() -> None:
    gate = TimeGate(opens_at=time(1, 30))
    assert opens_at(date(2026, 11, 1), LOS_ANGELES, gate) == datetime(2026, 11, 1, 8, 30, tzinfo=UTC)


def test_a_day_that_begins_at_one_in_the_morning_opens_then() -> None:
    cairo, day = ZoneInfo("Africa/Cairo"), date(2026, 4, 24)
    opening = opens_at(day, cairo, TimeGate())
    assert opening.astimezone(cairo) == at(cairo, 2026, 4, 24, 1, 0)
    assert judge_gate(day, cairo, TimeGate(), opening - timedelta(seconds=1)) == "early"


@pytest.mark.parametrize(("day", "state"), [(date.min, "passed"), (date.max, "early")])
def test_a_day_at_the_edge_of_the_calendar_is_judged_all_the_same(day: date, state: GateState) -> None:
    assert judge_gate(day, LOS_ANGELES, TimeGate(9, time(23, 0), 9), at(LOS_ANGELES, 2026, 12, 12)) == state


def test_the_search_spans_the_open_gates_and_the_hours_behind() -> None:
    policy = replace(POLICY, gate=TimeGate(days_before=2, days_after=1))
    now = at(LOS_ANGELES, 2026, 12, 12, 12, 0)
    assert days_in_reach(policy, now, 0) == (date(2026, 12, 11), date(2026, 12, 14))
    assert days_in_reach(policy, now, 48) == (date(2026, 12, 9), date(2026, 12, 14))


def test_the_search_spans_the_days_of_every_zone() -> None:
    policy = replace(POLICY, locations=(LOCATION, replace(LOCATION, timezone="America/New_York")))
    late = at(LOS_ANGELES, 2026, 12, 12, 23, 30)
    assert days_in_reach(policy, late, 0) == (date(2026, 12, 12), date(2026, 12, 13))


def test_the_search_for_updates_spans_the_day_in_utc_too() -> None:
    late = at(LOS_ANGELES, 2026, 12, 12, 23, 30)
    assert update_days_in_reach(POLICY, late, 0) == (date(2026, 12, 12), date(2026, 12, 13))
    early = at(ZoneInfo("Asia/Kolkata"), 2026, 12, 12, 4, 0)
    kolkata = replace(POLICY, locations=(), default_timezone="Asia/Kolkata")
    assert update_days_in_reach(kolkata, early, 24) == (date(2026, 12, 10), date(2026, 12, 12))


@given(policies(), instants, st.floats(0, 240), st.integers(-20, 20))
def test_every_gate_that_is_open_or_closed_within_the_hours_back_is_searched(
    policy: Policy, now: datetime, hours_back: float, offset: int
) -> None:
    day = now.date() + timedelta(days=offset)
    first, last = days_in_reach(policy, now, hours_back)
    for location in policy.locations:
        zone = ZoneInfo(location.timezone)
        state = judge_gate(day, zone, policy.gate, now)
        before = judge_gate(day, zone, policy.gate, now - timedelta(hours=hours_back))
        if state == "open" or (state == "passed" and before != "passed"):
            assert first <= day <= last


@given(policies(), instants, st.floats(0, 240))
def test_every_update_within_the_hours_back_is_searched_whatever_its_zone(
    policy: Policy, now: datetime, hours_back: float
) -> None:
    first, last = update_days_in_reach(policy, now, hours_back)
    for zone in (UTC, *(ZoneInfo(location.timezone) for location in policy.locations)):
        for hours in (0.0, hours_back / 2, hours_back):
            assert first <= (now - timedelta(hours=hours)).astimezone(zone).date() <= last


@given(gates, instants, st.sampled_from(ZONES), st.integers(-10, 10), st.integers(1, 400))
def test_a_gate_never_opens_again_once_it_has_closed(
    gate: TimeGate, now: datetime, name: str, offset: int, hours: int
) -> None:
    order, zone, day = ("early", "open", "passed"), ZoneInfo(name), now.date() + timedelta(days=offset)
    earlier, later = (judge_gate(day, zone, gate, moment) for moment in (now, now + timedelta(hours=hours)))
    assert order.index(earlier) <= order.index(later)
