"""People read a problem that several events have once. In JSON each event has its own text."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from ..notify.test_message import HELD, write
from .bench import Ran, Shell

NO_ANSWER = "no connection"


@pytest.fixture
def silent(shell: Shell) -> Shell:
    """Revel is down."""
    shell.world.wires["revel"].down = True
    return shell


def failed(ran: Ran) -> list[str]:
    return [line for line in ran.out.splitlines() if line.startswith("failed event")]


def test_off_a_terminal(silent: Shell) -> None:
    lines = failed(silent.sync())
    assert len(lines) == 6
    first = lines[1].split()[2]
    assert sum(f"the same as for event {first}" in line for line in lines) == 2
    assert len(set(lines)) == 6


@pytest.mark.parametrize("columns", ["60", "120"])
def test_on_a_terminal(silent: Shell, columns: str) -> None:
    out = silent.sync(tty=True, environ={"COLUMNS": columns}).out
    assert out.count("the same as for event") == 4
    assert all(str(event.id) in out for event in silent.world.day.events)


def test_the_advice_for_missed_events_is_given_once_by_runs_and_by_status(shell: Shell) -> None:
    for number in (64000050, 64000051):
        shell.world.add_event(number, day=date(2026, 12, 11))
    status = ("status", "--config", str(shell.write_config()))
    for ran in (shell.sync(), shell.run(*status, tty=True, environ={"COLUMNS": "300"})):
        assert ran.out.count("--ignore-time-gate") == 1
        assert ran.out.count("do as for event 64000005") == 2


def test_what_is_no_problem_is_not_referred_to_another_event(shell: Shell) -> None:
    for number in (64000050, 64000051):
        shell.world.add_event(number, status="LOST")
    assert "the same as" not in shell.sync(tty=True).out


def test_in_json_each_event_has_its_own_text(silent: Shell) -> None:
    texts = [each["error"] for each in silent.sync("--json").answer["events"] if each["status"] == "failed"]
    assert len(texts) == 6
    assert all(NO_ANSWER in text for text in texts)


def test_in_a_mail() -> None:
    other = replace(HELD, event_id="55521611")
    text = write(HELD, other).text
    assert text.count("no product for") == 1
    assert "UNMAPPED_ITEMS: the same as for event 55521610" in text
    assert text.count("What to do:") == 1


def test_in_a_mail_an_advice_of_its_own_stays() -> None:
    missed = replace(HELD, occasion="missed", reason="EVENT_DAY_PASSED", text="its day passed")
    text = write(missed, replace(missed, event_id="55521611")).text
    assert "sync-event 55521611" in text
