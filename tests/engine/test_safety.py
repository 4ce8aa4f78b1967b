"""What keeps a run from writing: dry run, kill switch, allowed locations, the cap, the deadline, and the gate."""

from __future__ import annotations

import io
from datetime import time, timedelta

import pytest

from tsrevel.cli.context import CliContext as Surroundings
from tsrevel.cli.context import OutputOptions
from tsrevel.cli.sync import SyncOptions, sync_all
from tsrevel.engine.context import RunState
from tsrevel.engine.find import Window
from tsrevel.engine.run import sync
from tsrevel.errors import RunLocked, WriteForbidden
from tsrevel.planning.model import Labels, OrderId, Plan

from ..world import Died, World, find_outcome, verdict
from .conftest import FULL, PAID, TWINS, UNMAPPED


def test_a_dry_run_plans_everything_writes_nothing_and_claims_nothing(day: World) -> None:
    reports = [day.sync(dry_run=True), day.sync(dry_run=True)]
    for report in reports:
        assert (report.dry_run, report.summary["planned"], report.summary["injected"]) == (True, 3, 0)
        assert find_outcome(report, FULL).total == 83772
    assert (day.writes, day.revel.orders) == ([], [])
    assert [day.record(each) for each in (FULL, PAID, TWINS)] == [None] * 3
    assert day.sync().summary["injected"] == 3


def test_a_dry_run_remembers_no_report_so_the_live_run_still_brings_it_as_news(day: World) -> None:
    day.sync(dry_run=True)
    report = day.sync()
    assert find_outcome(report, UNMAPPED).news
    assert report.summary["missed"] == 1


def test_a_dry_run_says_of_an_order_begun_that_it_would_be_finished(world: World) -> None:
    world.at("after POST /resources/OrderItem/", world.die)
    with pytest.raises(Died):
        world.sync()
    world.forget_requests()
    report = world.sync(dry_run=True)
    assert (verdict(report, FULL), world.revel.requests) == ("planned", [])
    assert find_outcome(report, FULL).order_id == "5550101"


def test_a_dry_run_says_of_an_order_of_ours_that_it_is_there(world: World) -> None:
    world.sync()
    world.lose_ledger()
    world.forget_requests()
    report = world.sync(dry_run=True)
    assert (verdict(report, FULL), world.writes) == ("skipped ALREADY_INJECTED", [])
    outcome = find_outcome(report, FULL)
    assert (outcome.order_id, outcome.order_only, outcome.news) == ("5550101", False, True)
    assert world.record(FULL) is None


@pytest.mark.parametrize(
    "moment", ["after POST /resources/OrderItem/", "after PATCH", "before POST /resources/OrderHistory/"]
)
def test_a_dry_run_says_of_half_an_order_of_ours_that_it_would_be_finished(world: World, moment: str) -> None:
    world.at(moment, world.die)
    with pytest.raises(Died):
        world.sync()
    world.lose_ledger()
    report = world.sync(dry_run=True)
    assert verdict(report, FULL) == "planned"
    assert find_outcome(report, FULL).order_id == "5550101"


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("local_id", "17", "ORDER_DIFFERS"),
        ("tax", 0, "AMOUNT_MISMATCH"),
        ("gratuity", 1, "AMOUNT_MISMATCH"),
        ("final_total", 0, "ORDER_DIFFERS"),
        ("has_history", False, "ALREADY_INJECTED"),
    ],
)
def test_a_dry_run_says_of_an_order_of_ours_what_a_live_run_would(
    world: World, field: str, value: object, reason: str
) -> None:
    world.sync()
    world.lose_ledger()
    world.revel.state.rows["Order"][5550101][field] = value
    world.forget_requests()
    dry, seen = world.sync(dry_run=True), list(world.writes)
    live = world.sync()
    assert seen == []
    assert dry.exit_status == live.exit_status
    assert find_outcome(dry, FULL) == find_outcome(live, FULL)
    assert find_outcome(dry, FULL).reason == reason


@pytest.mark.parametrize("stories", [("missed",), ("full",)])
def test_a_dry_run_notes_no_order_of_somebody_else(day: World, stories: tuple[str]) -> None:
    event = day.day.event(stories[0]).id
    day.add_order(event)
    report = day.sync(dry_run=True)
    assert verdict(report, event) == "skipped ORDER_EXISTS"
    assert day.record(event) is None


def test_a_dry_run_reports_a_change_and_leaves_it_to_be_reported(world: World) -> None:
    world.sync()
    world.rewrite_event(FULL, lines=[("Coffee Urn", 1, 38)])
    said = [verdict(world.sync(dry_run=dry), FULL) for dry in (True, True, False, False)]
    assert said == ["skipped CHANGED_AFTER_INJECTION"] * 3 + ["skipped ALREADY_INJECTED"]


def test_the_kill_switch_means_no_network_at_all(day: World) -> None:
    day.config["safety"]["enable_connector"] = False
    day.write_config()
    surroundings = Surroundings({}, stdout=io.StringIO(), stderr=io.StringIO(), stand_in=day.runtime())
    surroundings.options = OutputOptions(day.folder / "config.toml")
    report = sync_all(surroundings, SyncOptions())
    assert (report.reason, report.exit_status, report.success) == ("CONNECTOR_DISABLED", 0, True)
    assert day.revel.requests == day.tripleseat.requests == []
    assert not (day.folder / "ledger.sqlite3").exists()


@pytest.mark.parametrize(
    "safety", [{"enable_connector": False}, {"dry_run": True}, {"allowed_locations": [30502]}], ids=str
)
def test_the_gate_refuses_a_write_that_a_faulty_engine_asks_for(world: World, safety: dict[str, object]) -> None:
    plan = claimed_plan(world)
    world.config["safety"] |= safety
    world.forget_requests()
    with world.open_run() as ctx:
        for step in plan.steps:
            with pytest.raises(WriteForbidden):
                ctx.revel.write(plan, step, OrderId("5550101"), Labels("", ""))
    assert world.revel.requests == []


def test_a_disabled_engine_that_runs_all_the_same_writes_nothing(world: World) -> None:
    world.config["safety"]["enable_connector"] = False
    report = world.sync()
    assert (report.exit_status, world.writes) == (1, [])


def claimed_plan(world: World) -> Plan:
    """The plan of the full event, which is written by then."""
    world.sync()
    record = world.record(FULL)
    assert record is not None
    assert record.plan is not None
    return record.plan


def test_only_allowed_locations_are_written_to(day: World) -> None:
    day.config["safety"]["allowed_locations"] = [30502]
    report = day.sync()
    assert verdict(report, FULL) == "skipped LOCATION_NOT_ALLOWED"
    assert verdict(report, PAID) == "injected"
    assert {order["establishment"] for order in day.revel.orders} == {"/enterprise/Establishment/9/"}


def test_a_site_may_be_allowed_as_well(day: World) -> None:
    day.config["safety"]["allowed_locations"] = [15692]
    day.config["locations"][1]["tripleseat_site"] = 15692
    report = day.sync()
    assert (verdict(report, FULL), verdict(report, PAID)) == ("skipped LOCATION_NOT_ALLOWED", "injected")


@pytest.mark.parametrize("how", ["allowed", "only"])
def test_an_allowed_location_does_not_allow_the_site_that_has_the_same_number(day: World, how: str) -> None:
    for event in day.tripleseat.state.events.values():
        if event["location_id"] == 30502:
            event["site_id"] = 30501
    if how == "allowed":
        day.config["safety"]["allowed_locations"] = [30501]
    report = day.sync(only=["30501"] if how == "only" else [])
    assert [verdict(report, each) for each in (FULL, PAID)] == ["injected", "skipped LOCATION_NOT_ALLOWED"]
    assert {order["establishment"] for order in day.revel.orders} == {"/enterprise/Establishment/8/"}


def test_allowed_locations_and_the_flag_narrow_each_other(day: World) -> None:
    day.config["safety"]["allowed_locations"] = [30502]
    report = day.sync(only=["30501"])
    assert [verdict(report, each) for each in (FULL, PAID)] == ["skipped LOCATION_NOT_ALLOWED"] * 2
    assert day.revel.requests == []
    assert verdict(day.sync(only=["30502"]), PAID) == "injected"


def test_an_order_begun_is_held_while_its_location_is_not_allowed(world: World) -> None:
    world.at("after POST /resources/OrderItem/", world.die)
    with pytest.raises(Died):
        world.sync()
    world.forget_requests()
    assert verdict(world.sync(only=["30502"]), FULL) == "skipped LOCATION_NOT_ALLOWED"
    world.config["safety"]["allowed_locations"] = [30502]
    assert verdict(world.sync(), FULL) == "held LOCATION_NOT_ALLOWED"
    assert world.revel.requests == []
    world.config["safety"]["allowed_locations"] = []
    assert (verdict(world.sync(), FULL), world.flaws(FULL)) == ("injected", [])


def test_a_location_without_an_entry_is_held(day: World) -> None:
    del day.config["locations"][1]
    report = day.sync()
    assert verdict(report, PAID) == "held LOCATION_NOT_MAPPED"
    assert verdict(report, FULL) == "injected"


def test_the_cap_leaves_the_rest_to_the_next_run(day: World) -> None:
    day.config["safety"]["max_orders_per_run"] = 2
    first, second = day.sync(), day.sync()
    assert (first.summary["injected"], second.summary["injected"]) == (2, 1)
    assert verdict(first, FULL) == "skipped RUN_LIMIT_REACHED"
    assert [day.flaws(each) for each in (FULL, PAID, TWINS)] == [[], [], []]


@pytest.mark.parametrize("dry_run", [False, True])
def test_the_exit_status_stays_3_while_the_cap_keeps_a_run_from_a_held_event(day: World, dry_run: bool) -> None:
    assert verdict(day.sync(), UNMAPPED) == "held UNMAPPED_ITEMS"
    day.add_event(start=time(7))
    capped = day.sync(max_orders=1, dry_run=dry_run)
    assert (capped.exit_status, verdict(capped, UNMAPPED)) == (3, "skipped RUN_LIMIT_REACHED")
    day.rewrite_event(UNMAPPED, lines=[("Coffee Urn", 1, 38)])
    day.config["safety"]["max_orders_per_run"] = 50
    assert [day.sync().exit_status for _ in range(2)] == [0, 0]
    day.add_event(64000051)
    assert day.sync(max_orders=0).exit_status == 0, "nothing is held any more"


def test_the_flag_lowers_the_cap_and_never_raises_it(day: World) -> None:
    day.config["safety"]["max_orders_per_run"] = 1
    assert day.sync(max_orders=50).summary["injected"] == 1


def test_a_cap_of_nothing_begins_nothing(day: World) -> None:
    day.sync(max_orders=0)
    assert day.writes == []


def test_the_cap_holds_for_a_dry_run_too(day: World) -> None:
    assert day.sync(max_orders=1, dry_run=True).summary["planned"] == 1


@pytest.mark.parametrize("fault", ["lost", "refused", "mismatch", "throttled"])
def test_the_cap_counts_orders_that_were_begun_and_went_wrong(day: World, fault: str) -> None:
    if fault == "lost":
        day.revel.faults.add("drop_before", "POST", "OrderItem", times=None)
    elif fault == "refused":
        day.revel.faults.add("status", "POST", "OrderItem", times=None, status=400)
    elif fault == "mismatch":
        day.revel.dropped_fields.add("final_total")
        day.revel.dropped_fields.add("subtotal")
    else:
        day.revel.faults.add("status", "POST", "OrderItem", times=None, status=429)
    report = day.sync(max_orders=1)
    assert day.writes.count("POST Order") == 1
    assert [verdict(report, each) for each in (TWINS, FULL)] == ["skipped RUN_LIMIT_REACHED"] * 2


def test_a_run_past_its_deadline_begins_no_further_order(day: World) -> None:
    day.config["sync"] |= {"deadline_minutes": 3}
    day.at("after POST /resources/OrderHistory/", lambda: day.time.move(seconds=165))
    first = day.sync()
    assert (first.summary["injected"], verdict(first, TWINS)) == (1, "skipped RUN_LIMIT_REACHED")
    assert day.sync().summary["injected"] == 2


def slow_down(world: World) -> None:
    """TripleSeat's listing takes nearly the whole run."""
    world.config["sync"]["deadline_minutes"] = 5
    world.tripleseat.faults.add("slow", "GET", "/events/search", times=None, seconds=140)


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_run_whose_time_is_up_before_it_makes_any_order_says_so(world: World, dry_run: bool) -> None:
    slow_down(world)
    report = world.sync(dry_run=dry_run)
    assert (report.exit_status, report.reason) == (13, "UPSTREAM_UNAVAILABLE")
    assert report.error is not None
    assert "This run made no order and left 1 event." in report.error
    assert verdict(report, FULL) == "skipped RUN_LIMIT_REACHED"


def test_a_slow_run_that_leaves_nothing_or_makes_progress_ends_well(day: World) -> None:
    slow_down(day)
    for event in (FULL, PAID, UNMAPPED, TWINS):
        del day.tripleseat.state.events[event]
    day.tripleseat.faults.clear()
    assert day.sync().summary["missed"] == 1
    day.time.move(minutes=45)
    slow_down(day)
    assert (day.sync().exit_status, day.sync().error) == (0, None)


def test_a_run_that_serve_ends_before_its_first_order_is_no_failure(world: World) -> None:
    with world.open_run() as ctx:
        world.at("after GET /v1/events/search", ctx.limits.deadline.wind_down)
        report = sync(ctx, RunState.begin(ctx), Window(48))
    assert (report.exit_status, report.error, verdict(report, FULL)) == (0, None, "skipped RUN_LIMIT_REACHED")


def test_an_order_above_the_largest_total_is_held(world: World) -> None:
    world.config["safety"]["max_order_total"] = "800.00"
    assert verdict(world.sync(), FULL) == "held ORDER_TOO_LARGE"
    assert world.writes == []


def test_two_runs_never_overlap(world: World) -> None:
    with world.open_run(), pytest.raises(RunLocked), world.open_run():
        pass


def test_progress_is_told_for_every_event(day: World) -> None:
    told: list[tuple[int, int]] = []
    with day.open_run(progress=lambda done, of: told.append((done, of))) as ctx:
        sync(ctx, RunState.begin(ctx), Window(48))
    assert told == [(each, 7) for each in range(1, 8)]
    assert ctx.limits.deadline.length == timedelta(minutes=30)
