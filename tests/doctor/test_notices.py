"""What starts a run, and who hears of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tsrevel.config import CommandResult
from tsrevel.doctor.finding import Verdict
from tsrevel.doctor.notices import check_mail, check_monitor, check_schedule

from ..world import World

CRONTAB = "# m h dom mon dow command\n0 0-21/3 * * * tsrevel sync\n45 0-21/3 * * * tsrevel sync\n"
NONE = CommandResult(failure="failed with status 1")


class Machine:
    """Commands of a machine, by their first word."""

    def __init__(self, **answers: CommandResult) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __call__(self, words: Sequence[str], environ: Mapping[str, str]) -> CommandResult:
        self.asked.append(" ".join(words))
        return self.answers.get(words[0], NONE)


def test_a_crontab_with_sync_in_it_is_enough(tmp_path: Path) -> None:
    machine = Machine(crontab=CommandResult(CRONTAB))
    found = check_schedule(World(tmp_path).settings(), {}, machine)
    assert (found.verdict, found.text) == (Verdict.OK, "crontab: 2 lines with `tsrevel sync`")
    assert machine.asked == ["crontab -l"]


@pytest.mark.parametrize("table", ["", "# 0 * * * * tsrevel sync\n", "0 * * * * backup\n"])
def test_without_one_the_line_to_add_is_told(tmp_path: Path, table: str) -> None:
    found = check_schedule(World(tmp_path).settings(), {}, Machine(crontab=CommandResult(table)))
    assert found.verdict is Verdict.WARNING
    assert f"0 0-21/3 * * * tsrevel sync --config {tmp_path}/config.toml" in found.remedy


def test_a_systemd_timer_counts_as_well(tmp_path: Path) -> None:
    machine = Machine(systemctl=CommandResult("Sat 2026-12-12 45min left  -  tsrevel.timer  tsrevel.service"))
    assert check_schedule(World(tmp_path).settings(), {}, machine).verdict is Verdict.OK


def test_a_half_set_up_mail_is_no_mail(tmp_path: Path) -> None:
    world = World(tmp_path)
    assert check_mail(world.settings()).verdict is Verdict.SKIPPED
    world.config["email"] = {"api_key": "planted-key", "base_url": "http://127.0.0.1:9"}
    half = check_mail(world.settings())
    assert (half.verdict, "email.sender, email.recipients" in half.text) == (Verdict.WARNING, True)
    world.config["email"] |= {"sender": "from@example.com", "recipients": ["to@example.com"]}
    whole = check_mail(world.settings())
    assert whole.verdict is Verdict.OK
    assert "planted-key" not in whole.text


def test_a_mail_key_that_can_be_none_is_a_problem(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.config["email"] = {
        "api_key": "two words",
        "base_url": "http://127.0.0.1:9",
        "sender": "from@example.com",
        "recipients": ["to@example.com"],
    }
    assert check_mail(world.settings()).verdict is Verdict.PROBLEM


def test_the_monitor_is_there_or_not_and_its_address_is_never_told(tmp_path: Path) -> None:
    world = World(tmp_path)
    assert check_monitor(world.settings()).verdict is Verdict.WARNING
    world.config["monitor"] = {"ping_url": "http://127.0.0.1:9/planted"}
    found = check_monitor(world.settings())
    assert found.verdict is Verdict.OK
    assert "planted" not in found.text
