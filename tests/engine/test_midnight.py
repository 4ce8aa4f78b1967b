"""The gate is the location's own day: two places, two zones, one instant."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from ..world import World, verdict

HERE, THERE = 64000051, 64000052
"""An event in Los Angeles and one in Denver, both on 12 December."""
PASSED, EARLY = "skipped EVENT_DAY_PASSED", "skipped TOO_EARLY"


@pytest.mark.parametrize(
    ("hour", "minute", "here", "there"),
    [
        (6, 59, EARLY, EARLY),
        (7, 0, EARLY, "injected"),
        (7, 59, EARLY, "injected"),
        (8, 0, "injected", "injected"),
        (24 + 6, 59, "injected", "injected"),
        (24 + 7, 0, "injected", PASSED),
        (24 + 7, 59, "injected", PASSED),
        (24 + 8, 0, PASSED, PASSED),
    ],
)
def test_each_gate_opens_and_closes_at_midnight_of_its_own_place(
    tmp_path: Path, hour: int, minute: int, here: str, there: str
) -> None:
    world = World(tmp_path, "none", now=datetime(2026, 12, 12 + hour // 24, hour % 24, minute, tzinfo=UTC))
    day = date(2026, 12, 12)
    updated = datetime(2026, 12, 1, 9, 0)  # noqa: DTZ001 (wall time, as make_event takes it)
    world.add_event(HERE, day=day, updated_at=updated)
    world.add_event(THERE, day=day, updated_at=updated, lakeside=True)
    report = world.sync(first=day, last=day)
    assert [verdict(report, each) for each in (HERE, THERE)] == [here, there]
    listed = {each.event_id for each in world.sync().outcomes}
    assert {str(each) for each, said in ((HERE, here), (THERE, there)) if said == "injected"} <= listed


def test_an_order_of_the_last_hour_carries_the_day_of_its_place(tmp_path: Path) -> None:
    world = World(tmp_path, "none", now=datetime(2026, 12, 13, 6, 30, tzinfo=UTC))
    for event_id, lakeside in ((HERE, False), (THERE, True)):
        world.add_event(event_id, day=date(2026, 12, 12), lakeside=lakeside)
    world.sync()
    written = [world.orders_of(each)[0]["created_date"][:16] for each in (HERE, THERE)]
    assert written == ["2026-12-12T22:30", "2026-12-12T23:30"]


@pytest.mark.parametrize(("days", "noticed"), [(5, True), (40, False)])
def test_an_event_of_the_days_of_an_outage_is_noticed_as_missed(tmp_path: Path, days: int, noticed: bool) -> None:
    world = World(tmp_path, "none")
    world.sync()
    world.add_event(HERE, day=date(2026, 12, 13))
    world.time.move(days=days)
    report = world.sync()
    assert [verdict(report, each.event_id) for each in report.outcomes] == [PASSED] * noticed
    assert report.exit_status == (3 if noticed else 0)


def test_a_wider_gate_lets_an_event_in_early_and_late(tmp_path: Path) -> None:
    world = World(tmp_path, "early", "missed")
    world.config["time_gate"] = {"days_before": 6, "opens_at": "09:00", "days_after": 1}
    report = world.sync()
    assert {str(each.status) for each in report.outcomes} == {"injected"}
    assert len(report.outcomes) == 2


def test_a_gate_that_opens_at_an_hour_stays_shut_until_then(tmp_path: Path) -> None:
    world = World(tmp_path, "full")
    world.config["time_gate"] = {"opens_at": "10:01"}
    assert verdict(world.sync(), 64000001) == EARLY
    world.time.move(minutes=1)
    assert verdict(world.sync(), 64000001) == "injected"
