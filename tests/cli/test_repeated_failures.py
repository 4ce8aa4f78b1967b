"""A write that Revel refuses in every run: from the second run on everybody says what a person can do about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..notify.post import Envelope, ToldWorld
from .bench import Shell

FULL = 64000001
WAIT = "wait for the next run"


@pytest.fixture
def told(tmp_path: Path) -> ToldWorld:
    return ToldWorld(tmp_path, "full")


@pytest.fixture
def shell(told: ToldWorld) -> Shell:
    return Shell(told)


def fail(shell: Shell, path: str, status: int, runs: int) -> list[str]:
    """Let Revel answer a write with that status in so many runs; what they print."""
    shell.world.revel.faults.add("status", "POST", path, times=None, status=status)
    said = []
    for _ in range(runs):
        said.append(shell.sync().out)
        shell.world.time.move(minutes=45)
    return said


def run(shell: Shell, *argv: str) -> str:
    return shell.run(argv[0], "--config", str(shell.write_config()), *argv[1:]).out


def test_a_refused_item_is_told_with_its_order_and_product_from_the_second_run_on(shell: Shell) -> None:
    first, second, third = fail(shell, "/resources/OrderItem/", 400, 3)
    (order,) = shell.world.orders_of(FULL)
    assert "half-written" not in first
    for number, each in ((2, second), (3, third)):
        assert f"failed in {number} runs" in each
        assert "answered 400" in each
        assert f"order {order['id']} is half-written" in each
        assert f"resolve {FULL} --as done --order {order['id']}" in each
        assert "is active and on sale at establishment" in each


COMMANDS = [
    ("status",),
    ("status", "--json"),
    ("explain", str(FULL)),
    ("explain", "--offline", str(FULL)),
    ("explain", "--json", str(FULL)),
    ("history", "--json", str(FULL)),
    ("reconcile",),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_that_speaks_of_the_event_says_so(shell: Shell, command: tuple[str, ...]) -> None:
    fail(shell, "/resources/OrderItem/", 400, 2)
    said = run(shell, *command)
    assert "failed in 2 runs" in said
    assert WAIT not in said


def test_history_shows_what_revel_answered(shell: Shell) -> None:
    fail(shell, "/resources/OrderItem/", 400, 1)
    assert "refused by Revel: item (Revel: POST /resources/OrderItem/ answered 400" in run(shell, "history", str(FULL))


def test_a_second_mail_says_that_a_person_is_needed_and_no_third_follows(shell: Shell, told: ToldWorld) -> None:
    fail(shell, "/resources/OrderItem/", 400, 4)
    first, second = (Envelope(each).text for each in told.sendgrid.mails)
    assert "TRIED AGAIN" in first.upper()
    assert "NEEDS A PERSON" in second.upper()
    assert "half-written" in second


@pytest.mark.parametrize(
    ("service", "path", "advice"),
    [
        ("tripleseat", f"/v1/events/{FULL}", "doctor"),
        ("revel", "/resources/Order/", "doctor"),
    ],
)
def test_a_second_mail_about_a_read_that_fails_again_tells_nobody_to_wait(
    shell: Shell, told: ToldWorld, service: str, path: str, advice: str
) -> None:
    getattr(told, service).faults.add("status", "GET", path, times=None, status=500)
    said = [shell.sync().out]
    for _ in range(3):
        told.time.move(minutes=45)
        said.append(shell.sync().out)
    first, second = (Envelope(each).text for each in told.sendgrid.mails)
    assert "TRIED AGAIN" in first.upper()
    assert "NEEDS A PERSON" in second.upper()
    assert advice in second
    for each in (second, *said[1:]):
        assert WAIT not in each.lower()


def test_an_order_that_revel_answers_with_500_all_day_is_told_likewise(shell: Shell) -> None:
    _, second = fail(shell, "/resources/Order/", 500, 2)
    assert "the write of the order failed in 2 runs" in second
    assert "answered 500" in second
    assert f"resolve {FULL} --as done" in second
    assert "the write of the order failed in 2 runs" in run(shell, "status")
    assert "no usable answer to: order" in run(shell, "history", str(FULL))


def test_the_next_day_it_is_missed_with_the_same_advice(shell: Shell) -> None:
    fail(shell, "/resources/Order/", 500, 2)
    shell.world.time.move(days=1)
    missed = shell.sync().out
    assert "EVENT_DAY_PASSED" in missed
    assert "failed in 2 runs" in missed
    assert "failed in 2 runs" in run(shell, "status", "-q")


def test_once_the_product_is_active_again_the_next_run_finishes_and_nothing_is_left_of_it(shell: Shell) -> None:
    fail(shell, "/resources/OrderItem/", 400, 2)
    shell.world.revel.faults.clear()
    assert "1 order made" in shell.sync().out
    assert shell.world.flaws(FULL) == []
    assert "failed in" not in run(shell, "status") + run(shell, "explain", str(FULL))


def test_a_service_that_is_down_for_several_runs_asks_nobody_to_finish_anything_by_hand(shell: Shell) -> None:
    shell.world.wires["revel"].down = True
    for _ in range(3):
        assert "resolve" not in shell.sync().out
        shell.world.time.move(minutes=45)
    assert WAIT in run(shell, "status")
