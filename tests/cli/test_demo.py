"""`demo`: the whole story over real loopback, which is also a check of itself."""

from __future__ import annotations

import io
import re
import time

import pytest

from tsrevel.cli import context as surroundings
from tsrevel.cli.app import run_command

from .bench import ROOT, Ran, Tty, execute

pytestmark = pytest.mark.real_process
DAY = re.compile(r"\d{4}-\d\d-\d\d")


def demo(*argv: str, tty: bool = False) -> Ran:
    out, err = (Tty(), Tty()) if tty else (io.StringIO(), io.StringIO())
    world = surroundings.CliContext(environ={"TERM": "dumb", "COLUMNS": "80"}, stdout=out, stderr=err)
    status = run_command(["demo", *argv], world)
    return Ran(status, out.getvalue(), err.getvalue())


def test_the_demo_tells_the_story_and_keeps_its_promise() -> None:
    ran = demo()
    assert (ran.status, ran.err) == (0, "")
    for part in ("1. A dry run", "2. A live run", "3. Another live run", "4. The orders in Revel now"):
        assert part in ran.out
    assert re.search(r"7 events: 3 orders made \(1,280\.23\), 1 held, 1 missed, 2 with nothing to do", ran.out)
    assert "each order once, correct to the cent." in ran.out


def test_the_readme_shows_what_the_demo_prints() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^```text\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    printed = iter(DAY.sub("DAY", demo().out).splitlines())
    for line in DAY.sub("DAY", shown).splitlines():
        assert line in printed, line  # in this order: what stands between is left out


def test_the_demo_fits_a_page_and_breaks_no_name() -> None:
    lines = demo().lines
    assert max(map(len, lines)) <= 100
    assert [line for line in lines if re.match(r"55501\d\d +Triple Seat_64000001 +5 +837\.72 +200\.00 +637\.72", line)]
    assert [line for line in lines if line != line.rstrip()] == []


def test_the_demo_fits_a_narrow_terminal() -> None:
    ran = demo(tty=True)
    assert max(map(len, ran.lines)) <= 80
    assert "Triple Seat_64000001" in ran.out


def test_the_demo_as_json_is_one_object_with_its_three_runs() -> None:
    answer = demo("--json").answer
    assert list(answer) == ["schema", "success", "faults", "runs"]
    assert (answer["schema"], answer["success"], answer["faults"]) == (1, True, [])
    told = [(run["dry_run"], run["summary"]["planned"], run["summary"]["injected"]) for run in answer["runs"]]
    assert told == [(True, 3, 0), (False, 0, 3), (False, 0, 0)]


def test_a_quiet_demo_says_nothing_but_its_status() -> None:
    ran = demo("-q")
    assert (ran.status, ran.out, ran.err) == (0, "", "")


def test_a_verbose_demo_logs() -> None:
    assert "[sync-" in demo("-v").err


def test_the_demo_runs_as_a_process_of_its_own_in_under_thirty_seconds() -> None:
    began = time.monotonic()
    ran = execute("demo", fresh=True)
    assert time.monotonic() - began < 30
    assert (ran.status, ran.err) == (0, "")
    assert "Revel has each order once, correct to the cent." in ran.out


def test_the_demo_sends_a_webhook_delivery_to_the_real_service() -> None:
    ran = demo("--serve")
    assert (ran.status, ran.err) == (0, "")
    assert "POST /webhook was answered with 200, ACCEPTED." in ran.out
    assert "processed: injected, Revel order 5550104." in ran.out
    assert re.search(r"^5550104 +Triple Seat_64000006", ran.out, re.MULTILINE)
