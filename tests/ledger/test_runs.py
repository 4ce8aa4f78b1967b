from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tsrevel.errors import ClaimConflict, ConflictCode
from tsrevel.ledger import AuditKind, EventResult, Ledger, RunMode
from tsrevel.planning.model import EventId, OrderId

from .samples import RUN, START, make_plan, make_run, open_ledger, raises

CITY, LAKE, HILL = "30501", "30502", "30503"


LATER = START + timedelta(days=9)
"""After all that these tests store."""


def good_over(ledger: Ledger, *locations: str, now: datetime = LATER) -> str | None:
    good = ledger.runs.last_good(locations, now)
    return good.run_id if good else None


def run_over(ledger: Ledger, hours: int, *locations: str, exit_status: int | None = 0) -> None:
    """The run "run-HOURS", begun so many hours after the first one, over these locations; none: over every one."""
    run = replace(make_run(f"run-{hours}"), started_at=START + timedelta(hours=hours))
    ledger.runs.begin(replace(run, locations=locations))
    if exit_status is not None:
        ledger.runs.finish(run.run_id, exit_status=exit_status, summary={})


def test_a_run_that_has_not_finished_says_so(ledger: Ledger) -> None:
    assert ledger.runs.latest(10) == (make_run(),)


def test_a_finished_run_keeps_its_exit_status_and_summary(ledger: Ledger) -> None:
    ledger.runs.finish(RUN, exit_status=3, summary={"queried": 5, "held": 1})
    (run,) = ledger.runs.latest(10)
    assert (run.exit_status, run.summary) == (3, {"queried": 5, "held": 1})
    assert run.finished_at is not None
    assert run.finished_at > START


def test_runs_come_newest_first_and_no_more_than_asked_for_whatever_the_clock_said(ledger: Ledger) -> None:
    ledger.runs.begin(replace(make_run("run-2"), started_at=START + timedelta(days=30)))
    ledger.runs.begin(replace(make_run("run-3"), started_at=START + timedelta(hours=1), dry_run=True))
    assert [run.run_id for run in ledger.runs.latest(2)] == ["run-3", "run-2"]
    assert [run.run_id for run in ledger.runs.find(make_run().correlation_id)] == ["run-3", "run-2", RUN]


def test_live_and_dry_runs_are_counted_apart(ledger: Ledger) -> None:
    for number in range(3):
        ledger.runs.begin(make_run(f"live-{number}"))
    ledger.runs.begin(replace(make_run("dry"), dry_run=True))
    ledger.runs.begin(replace(make_run("one"), mode="single"))
    assert (ledger.runs.count(dry_run=False), ledger.runs.count(dry_run=True)) == (4, 1)


def test_a_run_id_is_used_once(ledger: Ledger) -> None:
    with raises(ClaimConflict, ConflictCode.BROKEN_RULE):
        ledger.runs.begin(make_run())
    assert len(ledger.runs.latest(10)) == 1


def test_a_run_finishes_once(ledger: Ledger) -> None:
    ledger.runs.finish(RUN, exit_status=0, summary={})
    with raises(ClaimConflict, ConflictCode.RUN_NOT_OPEN):
        ledger.runs.finish(RUN, exit_status=1, summary={})
    assert ledger.runs.latest(1)[0].exit_status == 0


def test_a_run_that_never_began_can_not_finish(ledger: Ledger) -> None:
    with raises(ClaimConflict, ConflictCode.RUN_NOT_OPEN):
        ledger.runs.finish("run-9", exit_status=0, summary={})


def test_instants_are_kept_exactly_and_come_back_in_utc(ledger: Ledger) -> None:
    started = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=timezone(timedelta(hours=-8)))
    ledger.runs.begin(replace(make_run("run-2"), started_at=started))
    kept = ledger.runs.latest(1)[0].started_at
    assert kept == started
    assert kept.isoformat().endswith("+00:00")


def test_a_naive_instant_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="aware"):
        ledger.runs.begin(replace(make_run("run-2"), started_at=START.replace(tzinfo=None)))
    assert len(ledger.runs.latest(10)) == 1


def test_a_run_is_found_by_its_correlation_id_and_by_its_id_or_the_beginning_of_it(ledger: Ledger) -> None:
    run = replace(make_run("1a2b3c4d5e6f"), correlation_id="sync-other")
    ledger.runs.begin(run)
    for name in ("1a2b3c4d5e6f", "1a2b3c4d", "sync-other"):
        assert [each.run_id for each in ledger.runs.find(name)] == [run.run_id]
    for name in ("", "1a2b3c4", "sync", "1a2b3c4d5e6f7", "_" * 8):
        assert ledger.runs.find(name) == ()


def test_the_last_good_run_is_live_over_all_events_and_came_to_its_end(ledger: Ledger) -> None:
    assert good_over(ledger, CITY) is None
    ledger.runs.finish(RUN, exit_status=3, summary={})
    others = {
        "dry": replace(make_run("dry"), dry_run=True),
        "named": replace(make_run("named"), mode="single", whole=False),
        "some days": replace(make_run("some days"), whole=False),
        "stopped": make_run("stopped"),
        "died": make_run("died"),
    }
    for hours, (name, run) in enumerate(others.items(), 1):
        ledger.runs.begin(replace(run, started_at=START + timedelta(hours=hours)))
        if name != "died":
            ledger.runs.finish(name, exit_status=13 if name == "stopped" else 0, summary={})
    assert good_over(ledger, CITY) == RUN
    assert ledger.runs.unseen_since([CITY], LATER) == START


def test_a_run_limited_to_locations_is_a_good_one_there_and_nowhere_else(ledger: Ledger) -> None:
    run_over(ledger, 2, CITY, LAKE)
    run_over(ledger, 3, CITY, exit_status=13)
    assert [good_over(ledger, each) for each in (CITY, LAKE, HILL)] == ["run-2", "run-2", None]
    assert ledger.runs.latest(9)[1].locations == (CITY, LAKE)


def test_over_several_locations_the_oldest_of_their_last_good_runs_counts(ledger: Ledger) -> None:
    run_over(ledger, 2, LAKE)
    run_over(ledger, 3, CITY, exit_status=3)
    assert good_over(ledger, CITY, LAKE) == "run-2"
    assert good_over(ledger, CITY, LAKE, HILL) is None
    assert ledger.runs.unseen_since([CITY, LAKE], LATER) == START + timedelta(hours=2)
    run_over(ledger, 4)
    assert good_over(ledger, CITY, LAKE, HILL) == "run-4"


def test_a_location_without_a_good_run_counts_from_its_first_live_one(path: Path) -> None:
    with open_ledger(path) as ledger:
        ledger.runs.begin(replace(make_run("dry"), dry_run=True, locations=(LAKE,)))
        ledger.runs.begin(replace(make_run("some days"), whole=False))
        run_over(ledger, 50, CITY)
        assert ledger.runs.unseen_since([LAKE], LATER) is None
        run_over(ledger, 20, LAKE, exit_status=13)
        run_over(ledger, 30, LAKE, exit_status=None)
        assert ledger.runs.unseen_since([LAKE], LATER) == START + timedelta(hours=20)
        assert ledger.runs.unseen_since([CITY, LAKE], LATER) == START + timedelta(hours=20)
        assert ledger.runs.unseen_since([CITY, HILL], LATER) == START + timedelta(hours=50)
        run_over(ledger, 60, LAKE)
        assert ledger.runs.unseen_since([CITY, LAKE], LATER) == START + timedelta(hours=50)


def test_a_run_of_a_fast_clock_is_no_good_one_until_the_clock_gets_there(ledger: Ledger) -> None:
    run_over(ledger, 2, CITY)
    run_over(ledger, 72, CITY)
    assert good_over(ledger, CITY, now=START + timedelta(hours=71)) == "run-2"
    assert ledger.runs.unseen_since([CITY], START + timedelta(hours=71)) == START + timedelta(hours=2)
    assert good_over(ledger, CITY, now=START + timedelta(hours=72)) == "run-72"


def test_a_location_that_runs_leave_out_is_unseen_since_the_last_good_run_that_covered_it(ledger: Ledger) -> None:
    run_over(ledger, 2, CITY, LAKE)
    run_over(ledger, 30, CITY)
    run_over(ledger, 60, CITY, exit_status=None)
    ledger.runs.mark_partial("run-60")
    assert ledger.runs.unseen_since([CITY], LATER) == START + timedelta(hours=30)
    assert ledger.runs.unseen_since([CITY, LAKE], LATER) == START + timedelta(hours=2)


def test_a_run_that_left_events_out_is_no_first_one_of_a_location_that_it_did_not_cover(path: Path) -> None:
    with open_ledger(path) as ledger:
        run_over(ledger, 2, CITY, exit_status=None)
        ledger.runs.mark_partial("run-2")
        assert ledger.runs.unseen_since([LAKE], LATER) is None
        assert ledger.runs.unseen_since([CITY, LAKE], LATER) == START + timedelta(hours=2)


def test_without_locations_only_a_run_that_names_none_counts(ledger: Ledger) -> None:
    run_over(ledger, 2, CITY)
    assert good_over(ledger) is None
    run_over(ledger, 3)
    assert good_over(ledger) == "run-3"


def test_a_run_that_left_events_out_is_no_good_one_whatever_its_exit_status(ledger: Ledger) -> None:
    ledger.runs.finish(RUN, exit_status=0, summary={})
    for hours, status in enumerate((0, 3, 14), 2):
        run_over(ledger, hours, exit_status=None)
        ledger.runs.mark_partial(f"run-{hours}")
        ledger.runs.finish(f"run-{hours}", exit_status=status, summary={})
    assert good_over(ledger, CITY) == RUN
    assert ledger.runs.unseen_since([CITY], LATER) == START


def test_a_run_over_named_events_or_some_days_that_left_some_out_is_none_to_look_back_to(path: Path) -> None:
    with open_ledger(path) as ledger:
        for run in (replace(make_run("named"), mode="single"), make_run("some days")):
            ledger.runs.begin(replace(run, whole=False))
            ledger.runs.mark_partial(run.run_id)
        assert ledger.runs.unseen_since([CITY], LATER) is None
        assert AuditKind.LEFT_OUT not in {row.kind for row in ledger.audit.rows()}


def write_order(ledger: Ledger, run_id: str, event_id: str, *, seen: bool = False) -> None:
    """An order that this run made; `seen`: an earlier one that it only found at Revel."""
    plan = make_plan(EventId(event_id))
    ledger.orders.claim(run_id, plan)
    ledger.orders.record(run_id, plan.event_id, plan.steps[0], f"50{event_id}", seen=seen)
    ledger.orders.settle(run_id, plan.event_id, OrderId(f"50{event_id}"), None)


def report_order(ledger: Ledger, run_id: str, event_id: str) -> None:
    ledger.events.store_results(run_id, [EventResult(EventId(event_id), None, "injected", None, "", None)])


def test_unreported_are_the_orders_that_earlier_runs_made_and_none_has_reported(ledger: Ledger) -> None:
    write_order(ledger, RUN, "1")
    report_order(ledger, RUN, "1")
    ledger.runs.finish(RUN, exit_status=0, summary={})
    modes: tuple[RunMode, ...] = ("bulk", "single")
    for mode in modes:
        ledger.runs.begin(replace(make_run(f"died-{mode}"), mode=mode, correlation_id=f"sync-{mode}"))
    write_order(ledger, "died-bulk", "2")
    write_order(ledger, "died-single", "3")
    write_order(ledger, "died-single", "4", seen=True)
    ledger.orders.settle("died-single", EventId("1"), OrderId("501"), None)
    for run in (replace(make_run("dry"), dry_run=True), replace(make_run("single"), mode="single")):
        ledger.runs.begin(run)
        ledger.runs.finish(run.run_id, exit_status=0, summary={})
    ledger.runs.begin(make_run("next"))
    write_order(ledger, "next", "5")
    assert ledger.runs.unreported("next") == {"2": "sync-bulk", "3": "sync-single"}
    for event_id in ("2", "5"):
        report_order(ledger, "next", event_id)
    ledger.runs.finish("next", exit_status=0, summary={})
    ledger.runs.begin(make_run("later"))
    assert ledger.runs.unreported("later") == {"3": "sync-single"}


def test_a_run_that_another_one_followed_is_known_as_such_whatever_the_clock_said(ledger: Ledger) -> None:
    run_over(ledger, 9)
    run_over(ledger, 5)
    assert [(each.run_id, each.followed) for each in ledger.runs.latest(2)] == [("run-5", False), ("run-9", True)]
