"""A clock that both services contradict decides nothing: neither what is due, nor what is missed or too early."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path

import httpx
import pytest

from tsrevel.wiring import Runtime

from ..world import Died, World, find_outcome, verdict
from .conftest import EARLY, FULL
from .deliveries import deliver, delivery


class Dated(httpx.BaseTransport):
    """A service whose answers carry a Date: the world's time, and so much more. None: they carry none."""

    def __init__(self, world: World, name: str, off: timedelta | None = timedelta()) -> None:
        self._world, self._name, self.off = world, name, off

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._world.wires[self._name].handle_request(request)
        if self.off is not None:
            response.headers["Date"] = format_datetime(self._world.time.now + self.off, usegmt=True)
        return response


class Astray(World):
    """A world in which the services tell the time, and the machine's clock is `wrong` beside it.

    `slept`: seconds that its monotonic clock didn't count.
    """

    def __init__(self, folder: Path, *stories: str) -> None:
        super().__init__(folder, *stories)
        self.wrong, self.slept = timedelta(), 0.0
        self.dated = {name: Dated(self, name) for name in self.wires}

    def runtime(self) -> Runtime:
        plain = super().runtime()
        return replace(
            plain,
            clock=lambda: self.time.now + self.wrong,
            monotonic=lambda: plain.monotonic() - self.slept,
            tripleseat=self.dated["tripleseat"],
            revel=self.dated["revel"],
        )


YEARS = datetime(1970, 1, 2, tzinfo=UTC) - datetime(2026, 12, 12, tzinfo=UTC)


@pytest.fixture
def astray(tmp_path: Path) -> Astray:
    return Astray(tmp_path)


@pytest.mark.parametrize("wrong", [timedelta(days=1), timedelta(days=-1), timedelta(minutes=11), YEARS])
def test_a_clock_that_both_services_contradict_ends_the_run_before_anything_follows_from_it(
    astray: Astray, wrong: timedelta
) -> None:
    astray.wrong = wrong
    report = astray.sync()
    assert (report.exit_status, report.success, report.outcomes) == (10, False, ())
    direction = "ahead of" if wrong > timedelta() else "behind"
    assert direction in str(report.error)
    assert "by the Date of its last answer" in str(report.error)
    assert not astray.writes
    with astray.ledger() as ledger:
        assert not ledger.events.last_results([str(FULL), str(EARLY)])  # type: ignore[list-item]


def test_nothing_of_the_wrong_clock_stays_once_it_is_right(astray: Astray) -> None:
    astray.wrong = timedelta(days=1)
    astray.sync()
    astray.wrong = timedelta()
    report = astray.sync()
    assert verdict(report, FULL) == "injected"
    assert verdict(report, EARLY) == "skipped TOO_EARLY"


@pytest.mark.parametrize(
    ("gate", "step"),
    [
        ({}, timedelta(days=1)),
        ({}, timedelta(hours=3)),
        ({"days_after": 1}, timedelta(days=1)),
        ({"days_before": 1}, timedelta(days=-1)),
    ],
)
def test_a_clock_that_steps_while_an_order_is_written_dates_no_other(
    tmp_path: Path, gate: dict[str, int], step: timedelta
) -> None:
    astray = Astray(tmp_path, "none")
    astray.config["time_gate"] = gate
    first, *others = (astray.add_event(64000101 + n, start=time(11 + n)) for n in range(3))
    astray.at("after POST /resources/OrderHistory/", partial(setattr, astray, "wrong", step))
    report = astray.sync()
    assert (report.exit_status, [each.event_id for each in report.outcomes]) == (10, [str(first)])
    assert verdict(report, first) == "injected"
    astray.wrong = timedelta()
    report = astray.sync()
    assert [verdict(report, each) for each in others] == ["injected"] * 2
    assert {order["created_date"][:10] for each in others for order in astray.orders_of(each)} == {"2026-12-12"}


def test_a_clock_that_steps_after_the_search_for_the_order_dates_nothing(tmp_path: Path) -> None:
    astray = Astray(tmp_path, "none")
    astray.add_event()
    astray.config["time_gate"] = {"days_after": 1}
    astray.at("after GET /resources/Order/", partial(setattr, astray, "wrong", timedelta(days=1)))
    assert (astray.sync().exit_status, astray.writes) == (10, [])


def test_a_machine_that_sleeps_in_a_run_has_no_wrong_clock(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its monotonic clock sleeps too, so the answers from before the sleep seem to contradict the clock."""
    world = Astray(tmp_path, "none")
    events = [world.add_event(64000101 + n, start=time(11 + n)) for n in range(3)]

    def sleep() -> None:
        world.time.move(minutes=40)
        world.slept += 40 * 60

    world.at("after POST /resources/OrderHistory/", sleep)
    report = world.sync()
    assert [verdict(report, each) for each in events] == ["injected"] * 3
    assert not [each for each in caplog.records if each.levelname == "WARNING"]


def test_a_named_event_is_left_alone_by_a_wrong_clock(astray: Astray) -> None:
    astray.wrong = timedelta(days=1)
    report = astray.sync_event(EARLY, FULL)
    assert (report.exit_status, report.outcomes, astray.writes) == (10, (), [])


def test_a_delivery_is_kept_for_later_by_a_wrong_clock(astray: Astray) -> None:
    astray.wrong = timedelta(days=1)
    [answer] = deliver(astray, delivery(astray, FULL))
    assert (answer.exit_status, answer.may_pass, astray.writes) == (10, True, [])


def test_services_that_contradict_each_other_dont_stop_a_run(astray: Astray) -> None:
    astray.dated["tripleseat"].off = timedelta(days=1)
    assert verdict(astray.sync(), FULL) == "injected"
    astray.dated["revel"].off = -timedelta(days=1)
    assert astray.sync().exit_status != 10


def test_a_service_that_tells_no_time_is_not_said_to_contradict_the_other(
    astray: Astray, caplog: pytest.LogCaptureFixture
) -> None:
    astray.dated["tripleseat"].off, astray.dated["revel"].off = timedelta(days=1), None
    assert astray.sync().exit_status != 10
    [told] = [each.getMessage() for each in caplog.records if "clock" in each.getMessage()]
    assert "TripleSeat's" in told
    assert "Revel" not in told


def test_services_that_are_some_minutes_apart_still_agree_on_a_wrong_day(astray: Astray) -> None:
    astray.wrong = timedelta(days=1)
    astray.dated["revel"].off = timedelta(minutes=9)
    assert (astray.sync().exit_status, astray.writes) == (10, [])


def test_one_service_without_a_date_doesnt_stop_a_run(astray: Astray) -> None:
    astray.wrong = timedelta(hours=1)
    astray.dated["revel"].off = None
    assert find_outcome(astray.sync(), FULL).order_id
    astray.dated["revel"].off, astray.dated["tripleseat"].off = timedelta(), None
    assert astray.sync().exit_status != 10


def test_ten_minutes_are_forgiven(astray: Astray) -> None:
    astray.wrong = timedelta(minutes=9)
    assert verdict(astray.sync(), FULL) == "injected"


def test_a_right_clock_costs_no_request(astray: Astray) -> None:
    astray.sync()
    astray.forget_requests()
    astray.sync()
    assert not any(each.query == {"limit": "1"} for each in astray.revel.requests)
    assert not any("sites" in each.path for each in astray.tripleseat.requests)


def test_an_order_begun_is_not_finished_by_a_wrong_clock_either(astray: Astray) -> None:
    astray.at("after POST /resources/OrderItem/", astray.die)
    with pytest.raises(Died):
        astray.sync()
    astray.revive()
    before = len(astray.writes)
    astray.wrong = timedelta(days=2)
    assert astray.sync().exit_status == 10
    assert len(astray.writes) == before


@pytest.mark.parametrize(
    ("tripleseat", "expected"), [("silent", "failed OUTCOME_UNKNOWN"), ("on our side", "injected")]
)
def test_a_clock_that_is_fast_ends_no_doubt_unless_a_service_contradicts_the_other(
    tmp_path: Path, tripleseat: str, expected: str
) -> None:
    """Revel says that this clock is a day fast. Where TripleSeat says nothing, a write in doubt isn't sent again."""
    world = Astray(tmp_path, "full")
    world.revel.faults.add("drop_before", "POST", "/OrderItem/")
    assert verdict(world.sync(), FULL) == "failed OUTCOME_UNKNOWN"
    world.wrong = timedelta(days=1) if tripleseat == "silent" else timedelta(minutes=20)
    world.dated["tripleseat"].off = None if tripleseat == "silent" else world.wrong
    assert verdict(world.sync_event(FULL, ignore_time_gate=True), FULL) == expected


def test_a_write_in_doubt_waits_though_only_the_look_for_it_tells_that_the_clock_is_fast(tmp_path: Path) -> None:
    """TripleSeat answers without a Date, so nothing was known of the clock before Revel was asked for the order."""
    world = Astray(tmp_path, "full")
    world.revel.faults.add("drop_before", "POST", "/resources/Order/")
    assert verdict(world.sync(), FULL) == "failed OUTCOME_UNKNOWN"
    world.wrong = timedelta(days=1)
    world.dated["tripleseat"].off = None
    assert verdict(world.sync_event(FULL, ignore_time_gate=True), FULL) == "failed OUTCOME_UNKNOWN"
    assert world.revel.orders == []


def test_a_clock_that_is_fast_does_not_end_the_watch_over_what_was_sent_twice(tmp_path: Path) -> None:
    """An item may come late and twice: the order is looked at once more when that can't happen any more, not before."""
    world = Astray(tmp_path, "full")
    world.revel.faults.add("drop_before", "POST", "/OrderItem/")
    assert verdict(world.sync(), FULL) == "failed OUTCOME_UNKNOWN"
    world.time.move(minutes=16)
    assert verdict(world.sync(), FULL) == "injected"
    due = recheck_of(world)
    world.wrong = timedelta(days=1)
    world.dated["tripleseat"].off = None
    world.sync_event(FULL, ignore_time_gate=True)
    assert recheck_of(world) == due is not None
    world.wrong = timedelta()
    world.time.move(minutes=16)
    world.sync()
    assert recheck_of(world) is None


def test_the_watch_that_a_fast_clock_began_ends_a_quarter_of_an_hour_after_the_clock_is_right(tmp_path: Path) -> None:
    world = Astray(tmp_path, "full")
    for dated in world.dated.values():
        dated.off = None
    world.revel.faults.add("drop_before", "POST", "/OrderItem/")
    world.sync()
    world.wrong = timedelta(hours=2)
    assert verdict(world.sync_event(FULL), FULL) == "injected"
    world.wrong = timedelta()
    world.sync()
    due = recheck_of(world)
    assert due is not None
    assert timedelta() < due - world.time.now <= timedelta(minutes=15)
    world.time.move(minutes=16)
    world.sync()
    assert recheck_of(world) is None


def test_after_a_run_of_a_fast_clock_an_outage_is_looked_back_over_all_the_same(astray: Astray) -> None:
    astray.sync()
    astray.wrong = timedelta(days=30)
    astray.dated["revel"].off = None
    assert astray.sync().exit_status != 10
    astray.wrong = timedelta()
    forgotten = astray.add_event(64000051)
    astray.time.move(days=6)
    assert verdict(astray.sync(), forgotten) == "skipped EVENT_DAY_PASSED"


def recheck_of(world: World) -> datetime | None:
    record = world.record(FULL)
    assert record is not None
    return record.recheck_at
