from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from tsrevel.errors import ClaimConflict, ConflictCode
from tsrevel.ledger import Ledger

from .samples import RUN, START, make_run, raises


def test_a_run_that_has_not_finished_says_so(ledger: Ledger) -> None:
    assert ledger.runs.latest(10) == (make_run(),)


def test_a_finished_run_keeps_its_exit_status_and_summary(ledger: Ledger) -> None:
    ledger.runs.finish(RUN, exit_status=3, summary={"queried": 5, "held": 1})
    (run,) = ledger.runs.latest(10)
    assert (run.exit_status, run.summary) == (3, {"queried": 5, "held": 1})
    assert run.finished_at is not None
    assert run.finished_at > START


def test_runs_come_newest_first_and_no_more_than_asked_for(ledger: Ledger) -> None:
    ledger.runs.begin(replace(make_run("run-3"), started_at=START + timedelta(hours=2)))
    ledger.runs.begin(replace(make_run("run-2"), started_at=START + timedelta(hours=1), dry_run=True))
    assert [run.run_id for run in ledger.runs.latest(2)] == ["run-3", "run-2"]


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
    assert ledger.runs.last_good() is None
    ledger.runs.finish(RUN, exit_status=3, summary={})
    others = {
        "dry": replace(make_run("dry"), dry_run=True),
        "named": replace(make_run("named"), mode="single"),
        "stopped": make_run("stopped"),
        "died": make_run("died"),
    }
    for hours, (name, run) in enumerate(others.items(), 1):
        ledger.runs.begin(replace(run, started_at=START + timedelta(hours=hours)))
        if name != "died":
            ledger.runs.finish(name, exit_status=13 if name == "stopped" else 0, summary={})
    good = ledger.runs.last_good()
    assert good is not None
    assert good.run_id == RUN
