"""A narrower look never overwrites what a wider one knows, and a dry run's findings stay apart."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tsrevel.engine.context import RunState
from tsrevel.engine.find import Window
from tsrevel.engine.outcomes import RunReport
from tsrevel.engine.run import sync
from tsrevel.ledger import LedgerView, open_view

from ..world import World, find_outcome, verdict
from .conftest import EARLY, FULL, MISSED, UNMAPPED

LAKESIDE = "30502"


def view(world: World) -> LedgerView:
    settings = world.settings()
    found = open_view(settings.ledger_path, settings.environment)
    assert found
    return found


def held(world: World) -> list[str]:
    with view(world) as ledger:
        return [each.event_id for each in ledger.queries.held_or_failed()]


def missed(world: World) -> list[str]:
    with view(world) as ledger:
        return [each.event_id for each in ledger.queries.missed()]


def dry(world: World) -> list[str]:
    with view(world) as ledger:
        return [each.event_id for each in ledger.queries.dry_findings()]


def retry(world: World) -> tuple[str, ...]:
    with world.ledger() as ledger:
        return ledger.events.retryable()


@pytest.mark.parametrize("narrow", [{"only": [LAKESIDE]}, {"only": [LAKESIDE], "dry_run": True}, {"dry_run": True}])
def test_a_narrowed_run_leaves_what_is_known_elsewhere(day: World, narrow: dict[str, object]) -> None:
    day.sync()
    before = held(day), missed(day), retry(day)
    assert str(UNMAPPED) in before[0]
    assert str(MISSED) in before[1]
    day.sync(**narrow)  # type: ignore[arg-type]
    assert (held(day), missed(day), retry(day)) == before
    report = day.sync()
    assert not [each for each in report.outcomes if each.news and each.status == "held"]


def test_a_run_over_other_days_leaves_what_is_known_of_these(day: World) -> None:
    day.sync()
    before = held(day), missed(day)
    other = (day.time.now + timedelta(days=20)).date()
    day.add_event(64000056, day=other)
    day.sync(first=other, last=other)
    assert (held(day), missed(day)) == before


@pytest.mark.parametrize("unable", ["elsewhere", "down", "refusing", "named", "dry"])
def test_a_run_that_cant_check_a_known_twin_ends_no_alarm(world: World, unable: str) -> None:
    def later(**narrow: object) -> RunReport:
        world.time.move(minutes=45)
        return world.sync(**narrow)  # type: ignore[arg-type]

    later()
    twin = world.add_order(FULL)
    while later().exit_status == 0:
        pass
    for _ in range(2):
        world.wires["revel"].down = unable == "down"
        if unable in {"refusing", "named"}:
            world.revel.faults.add("status", "GET", "/Order/", times=None, status=500)
        if unable == "named":
            assert world.sync_event(FULL).exit_status == 0
        else:
            later(only=[LAKESIDE] if unable == "elsewhere" else [], dry_run=unable == "dry")
        assert held(world) == [str(FULL)]
        world.wires["revel"].down = False
        world.revel.faults.clear()
        report = later()
        assert (verdict(report, FULL), report.exit_status) == ("held DUPLICATE_ORDERS", 14)
        assert not find_outcome(report, FULL).fresh
    world.revel.state.rows["Order"][twin]["deleted"] = True
    assert (later().exit_status, held(world)) == (0, [])


def test_an_event_that_waits_elsewhere_goes_on_waiting(day: World) -> None:
    day.sync()
    day.sync(only=[LAKESIDE])
    with view(day) as ledger:
        assert str(EARLY) in [each.event_id for each in ledger.queries.waiting()]


def test_a_run_that_ran_out_of_time_leaves_what_it_did_not_look_into(day: World) -> None:
    day.sync()
    before = held(day)
    day.config["sync"]["deadline_minutes"] = 1
    with day.open_run(progress=lambda _done, _of: day.time.move(minutes=2)) as ctx:
        cut = sync(ctx, RunState.begin(ctx), Window(48))
    assert (cut.exit_status, verdict(cut, UNMAPPED)) == (13, "skipped RUN_LIMIT_REACHED")
    assert held(day) == before
    report = day.sync()
    assert (verdict(report, UNMAPPED), find_outcome(report, UNMAPPED).news) == ("held UNMAPPED_ITEMS", False)


def test_a_dry_run_tells_what_it_found_once_and_again_when_it_changes(day: World) -> None:
    first, second = day.sync(dry_run=True), day.sync(dry_run=True)
    assert find_outcome(first, UNMAPPED).news
    assert (find_outcome(first, MISSED).missed, find_outcome(second, MISSED).missed) == (True, False)
    assert [each.event_id for each in second.outcomes if each.news] == []
    day.time.move(minutes=45)
    day.rewrite_event(UNMAPPED, lines=[("Another unknown", 1, 5)])
    third = day.sync(dry_run=True)
    assert [each.event_id for each in third.outcomes if each.news] == [str(UNMAPPED)]


def test_a_live_run_tells_as_new_what_only_a_dry_one_found(day: World) -> None:
    day.sync(dry_run=True)
    assert (held(day), retry(day)) == ([], ())
    assert set(dry(day)) >= {str(UNMAPPED), str(MISSED)}
    report = day.sync()
    assert find_outcome(report, UNMAPPED).news
    assert find_outcome(report, MISSED).missed
    assert dry(day) == []


def test_a_dry_run_forgets_no_change_that_a_live_one_has_still_to_tell(world: World) -> None:
    world.sync()
    world.time.move(minutes=45)
    world.tripleseat.cancel_event(FULL)
    first, second, live = world.sync(dry_run=True), world.sync(dry_run=True), world.sync()
    assert [each.exit_status for each in (first, second, live)] == [3, 0, 3]
    assert [find_outcome(each, FULL).news for each in (first, second, live)] == [True, False, True]


def test_a_named_event_that_the_run_has_no_time_for_stays_held(day: World) -> None:
    day.sync()
    assert retry(day) == (str(UNMAPPED),)
    day.config["sync"]["deadline_minutes"] = 1
    day.at(f"after GET /v1/events/{FULL}", lambda: day.time.sleep(59))
    report = day.sync_event(FULL, UNMAPPED)
    assert (report.exit_status, verdict(report, UNMAPPED)) == (13, "skipped RUN_LIMIT_REACHED")
    assert retry(day) == (str(UNMAPPED),)


def test_what_was_missed_while_a_location_was_not_allowed_is_told_once_it_is_allowed_again(day: World) -> None:
    day.sync()
    day.config["safety"]["allowed_locations"] = ["30501"]
    day.time.move(days=1)
    passed_over = day.add_event(64000057, lakeside=True)
    assert verdict(day.sync(), passed_over) == "skipped LOCATION_NOT_ALLOWED"
    for _ in range(4):
        day.time.move(days=1)
        day.sync()
    day.config["safety"]["allowed_locations"] = []
    report = day.sync()
    assert find_outcome(report, passed_over).missed
    assert report.exit_status == 3
    assert day.sync().outcomes == ()


def test_nothing_of_before_is_told_of_a_location_that_was_never_allowed(day: World) -> None:
    day.config["safety"]["allowed_locations"] = ["30501"]
    before = day.add_event(64000057, lakeside=True)
    for _ in range(5):
        day.sync()
        day.time.move(days=1)
    day.config["safety"]["allowed_locations"] = []
    assert str(before) not in {each.event_id for each in day.sync().outcomes}
