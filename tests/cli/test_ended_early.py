"""Whatever ends a run early is told once on stderr, whichever way the run began, with where it ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tsrevel.planning.assumptions import AssumptionCode

from ..engine.deliveries import booking, delivery
from ..engine.test_assumptions import answer
from ..engine.test_clocks import Astray
from .bench import Ran, Shell
from .captured import KEY, Spool, answers

FULL, PAID, LOST = 64000001, 64000002, 64000006


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(Astray(tmp_path))
    shell.world.config["tripleseat"]["webhook_signing_keys"] = [KEY]
    return shell


def fail_an_assumption(shell: Shell) -> str:
    answer(shell.world, AssumptionCode.REVEL_UUID_KEPT)
    return "REVEL_UUID_KEPT"


def put_the_clock_wrong(shell: Shell) -> str:
    assert isinstance(shell.world, Astray)
    shell.world.wrong = timedelta(hours=2)
    return "ahead of"


def lose_the_token(shell: Shell) -> str:
    (shell.world.folder / "token.json").unlink()
    return "tsrevel login"


def use_an_old_key(shell: Shell) -> str:
    shell.world.config["revel"]["api_secret"] = "stale"
    return "revel.api_secret"


Cause = Callable[[Shell], str]
CAUSES: list[Cause] = [fail_an_assumption, put_the_clock_wrong, lose_the_token, use_an_old_key]
WAYS = [
    ["sync"],
    ["sync-event", str(FULL)],
    ["replay", "--event", str(FULL)],
    ["rehearse", "--yes", str(FULL)],
    ["replay", "SPOOL"],
]


def told_on_stderr(ran: Ran, sign: str) -> list[str]:
    return [line for line in ran.err.splitlines() if sign in line]


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize("way", WAYS, ids=" ".join)
@pytest.mark.parametrize("flags", [[], ["-q"], ["--json"]], ids=" ".join)
def test_what_ends_a_run_early_is_told_once_on_stderr(
    shell: Shell, spool: Spool, cause: Cause, way: list[str], flags: list[str]
) -> None:
    for number in range(4):
        spool.put(str(number), delivery(shell.world, (FULL, PAID, LOST, 64000007)[number]))
    sign = cause(shell)
    named = [str(spool) if each == "SPOOL" else each for each in way]
    ran = shell.run(named[0], "--config", str(shell.write_config()), *named[1:], *flags)
    assert ran.status in {10, 12}
    assert len(told_on_stderr(ran, sign)) == 1


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize("flags", [[], ["-q"], ["--json"]], ids=" ".join)
def test_the_delivery_at_which_it_ended_is_named_and_the_rest_are_counted(
    shell: Shell, spool: Spool, cause: Cause, flags: list[str]
) -> None:
    for number in range(5):
        spool.put(str(number), delivery(shell.world, FULL, guest_count=number))
    sign = cause(shell)
    ran = shell.replay(str(spool), *flags)
    (line,) = told_on_stderr(ran, sign)
    assert "[sync-00000001] " in line
    assert "0.json: " in line
    assert "1.json and 3 more: not tried" in ran.err
    assert len(ran.err.splitlines()) == 2
    if "--json" in flags:
        assert len(answers(ran)) == 5


def test_a_booking_that_can_not_be_asked_for_is_named_likewise(shell: Shell, spool: Spool) -> None:
    for number in range(3):
        spool.put(str(number), booking(shell.world, FULL, event_ids=None, message=str(number)))
    sign = lose_the_token(shell)
    ran = shell.replay(str(spool))
    (line,) = told_on_stderr(ran, sign)
    assert "0.json: " in line
    assert (ran.out, "1.json and 1 more: not tried" in ran.err) == ("", True)


def test_on_a_terminal_it_is_not_told_twice(shell: Shell, spool: Spool) -> None:
    spool.put("a", delivery(shell.world, FULL))
    sign = put_the_clock_wrong(shell)
    ran = shell.replay(str(spool), tty=True)
    assert (ran.err.count(sign), ran.out.count(sign)) == (1, 0)
    assert "the run ended early" in ran.out


def test_a_rehearsal_that_a_pause_overtakes_says_so(shell: Shell) -> None:
    config = str(shell.write_config())

    def pause() -> None:
        shell.run("pause", "--config", config)

    shell.world.at("events/64000001", lambda: shell.world.at("events/64000001", pause))  # read first to explain it
    ran = shell.run("rehearse", "--yes", str(FULL), "--config", config)
    assert ran.status == 3
    assert "paused" in ran.err
