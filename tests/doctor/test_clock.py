"""The clock: against the services' where they tell it, else against what the ledger remembers."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest

from tsrevel.cli.app import run_command
from tsrevel.cli.context import CliContext as Surroundings
from tsrevel.doctor.findings import CheckResult
from tsrevel.doctor.machine import check_clock

from ..world import MORNING, World


@dataclass
class Dated(httpx.BaseTransport):
    """A service whose answers carry the time that it thinks it is."""

    inner: httpx.BaseTransport
    now: datetime

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self.inner.handle_request(request)
        answer.headers["Date"] = format_datetime(self.now, usegmt=True)
        return answer


@pytest.mark.parametrize(("minutes", "verdict", "status"), [(0, "ok", 0), (2, "warning", 0), (10, "problem", 3)])
def test_the_date_of_an_answer_is_what_the_clock_is_compared_with(
    tmp_path: Path, minutes: int, verdict: str, status: int
) -> None:
    world = World(tmp_path)
    world.write_config()
    config = tmp_path / "config.toml"
    config.chmod(0o600)
    runtime = world.runtime()
    runtime = replace(runtime, revel=Dated(world.wires["revel"], MORNING + timedelta(minutes=minutes)))
    out = io.StringIO()
    surroundings = Surroundings(environ={"PATH": str(tmp_path)}, stdout=out, stderr=io.StringIO(), stand_in=runtime)
    assert run_command(["doctor", "--json", "--config", str(config)], surroundings) == status
    clock = next(each for each in json.loads(out.getvalue())["checks"] if each["name"] == "clock")
    assert clock["verdict"] == verdict
    assert "Revel" in clock["text"]


@pytest.mark.parametrize(
    ("skew", "verdict", "code", "status"),
    [
        (0.4, CheckResult.OK, "OK", 0),
        (-30, CheckResult.OK, "OK", 0),
        (31, CheckResult.WARNING, "CLOCK_DOUBTFUL", 0),
        (-301, CheckResult.PROBLEM, "CLOCK_WRONG", 3),
    ],
)
def test_the_worst_of_the_services_decides(skew: float, verdict: CheckResult, code: str, status: int) -> None:
    found = check_clock(MORNING, {"TripleSeat": 0.2, "Revel": skew}, None)
    assert (found.verdict, found.code, found.exit_status) == (verdict, code, status)


def test_it_says_which_way_and_by_whom() -> None:
    assert "400 s ahead of Revel's" in check_clock(MORNING, {"TripleSeat": None, "Revel": -400.0}, None).text
    assert "400 s behind TripleSeat's" in check_clock(MORNING, {"TripleSeat": 400.0, "Revel": 1.0}, None).text


def test_without_any_it_is_plausible_after_the_ledgers_last_fact() -> None:
    silent = {"TripleSeat": None, "Revel": None}
    assert check_clock(MORNING, silent, MORNING - timedelta(hours=1)).code == "NOT_COMPARED"
    early = check_clock(MORNING, silent, MORNING + timedelta(hours=1))
    assert (early.verdict, early.code, early.exit_status) == (CheckResult.PROBLEM, "CLOCK_BEFORE_LEDGER", 3)
    assert "2026-12-12 19:00 UTC" in early.text
