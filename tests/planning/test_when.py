"""The gate opens and closes by the location's own clock, and no open gate is outside the search."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.planning.make import DAY, LOCATION, POLICY
from tsrevel.planning.model import Policy, TimeGate
from tsrevel.planning.when import GateState, days_in_reach, judge_gate, opens_at, update_days_in_reach

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
