"""Whatever goes wrong, one order per event: the ordinary campaign, its own honesty, its repeatability."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.house.source import ROOT

from .__main__ import table
from .alphabet import FAULTS
from .choose import CLEAN, clean_survey, from_seed
from .play import play
from .pool import QUICK, Tally
from .schedule import read_schedule


@pytest.mark.real_process
def test_the_ordinary_campaign_finds_nothing_and_leaves_no_fault_untried() -> None:
    ran = run_campaign("--quick")
    assert ran.returncode == 0, ran.stdout.decode()


@pytest.mark.real_process
def test_nor_does_a_campaign_whose_runs_are_at_several_places_at_a_time() -> None:
    ran = run_campaign("--seeds", "1-40", "--workers", "4")
    assert ran.returncode == 0, ran.stdout.decode()


def run_campaign(*arguments: str, hash_seed: str = "0") -> subprocess.CompletedProcess[bytes]:
    """The command as anyone would start it; over two processes, so that it costs half the time."""
    environ = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-m", "tests.campaign", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, check=False)


def test_a_fault_that_struck_too_rarely_is_named() -> None:
    tally = Tally(hits=Counter(dict.fromkeys(FAULTS, QUICK.least_hits)))
    assert tally.too_rare(QUICK.least_hits) == []
    tally.hits["timeout_late"] -= 1
    assert tally.too_rare(QUICK.least_hits) == ["timeout_late"]


def test_what_is_violated_is_told_with_the_command_that_plays_it_again() -> None:
    tally = Tally()
    tally.add(replace(play(CLEAN), violations=("event 1 has 2 orders",)))
    told = table(tally, 1.0, QUICK.least_hits).splitlines()
    assert told[:2] == ["VIOLATION event 1 has 2 orders", "  python -m tests.campaign --trace --replay 'single'"]


def test_what_several_workers_violated_is_played_again_with_as_many() -> None:
    assert "--workers 4 --replay" in play(CLEAN, workers=4).replay


def test_nothing_goes_wrong_where_nothing_strikes() -> None:
    result = play(CLEAN)
    assert (result.violations, result.fired, result.runs) == ((), (), 2)


def test_every_fault_fits_somewhere_in_the_clean_schedule() -> None:
    assert {name for names in clean_survey() for name in names} == set(FAULTS)


@pytest.mark.parametrize("seed", range(1, 40, 3))
def test_a_schedule_read_back_from_its_text_is_the_same(seed: int) -> None:
    schedule = from_seed(seed)
    assert read_schedule(str(schedule)) == schedule


@pytest.mark.real_process
def test_the_same_seeds_give_the_same_trace_byte_for_byte_in_any_process() -> None:
    traces = [run_campaign("--seeds", "1-12", "--trace", hash_seed=each).stdout for each in ("0", "4711")]
    assert traces[0] == traces[1]
    assert traces[0].count(b"\nrun ") > 24


def test_a_trace_does_not_depend_on_where_the_ledger_lies(tmp_path: Path) -> None:
    schedule = from_seed(7)
    assert play(schedule, tmp_path).trace == play(schedule).trace
