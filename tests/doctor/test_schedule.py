"""What starts a run: a crontab line that really is one, of these settings; a timer that is due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tsrevel.config import CommandFailure, CommandResult
from tsrevel.doctor.findings import CheckFinding, CheckResult, FindingCode
from tsrevel.doctor.schedule import check_schedule, read_crontab

from ..world import World

ROOT = Path(__file__).parents[2]
WHEN = "0 0-21/3 * * *"
NONE = CommandResult(failure=CommandFailure.EXIT_STATUS, text="failed with status 1")


class Machine:
    """Commands of a machine, by their first word."""

    def __init__(self, **answers: CommandResult) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __call__(self, words: Sequence[str], environ: Mapping[str, str]) -> CommandResult:
        self.asked.append(" ".join(words))
        return self.answers.get(words[0], NONE)


def find(folder: Path, *lines: str, **environ: str) -> CheckFinding:
    """What is found of a crontab with these lines; HERE in them is the file that is examined."""
    table = "\n".join(lines).replace("HERE", f"{folder}/config.toml")
    return check_schedule(World(folder).settings(), environ, Machine(crontab=CommandResult(table)))


@pytest.mark.parametrize(
    "command",
    [
        "tsrevel sync --config HERE",
        "/opt/tsrevel/.venv/bin/tsrevel sync -q --config=HERE >/dev/null 2>&1",
        "python3 -m tsrevel sync --config HERE",
        "TSREVEL_CONFIG=HERE tsrevel sync",
        "flock -n /tmp/tsrevel.lock tsrevel sync --config HERE",
        "sudo -u tsrevel tsrevel sync --config HERE # go",
        "bash -lc 'tsrevel sync --config HERE'",
        "cd /tmp && tsrevel sync --config HERE % input",
    ],
)
def test_a_line_that_runs_sync_with_these_settings_is_enough(tmp_path: Path, command: str) -> None:
    found = find(tmp_path, "# m h dom mon dow command", f"{WHEN} {command}", f"@hourly {command}")
    assert (found.verdict, found.code) == (CheckResult.OK, FindingCode.OK)
    assert "2 lines" in found.text


def test_the_tables_own_environment_may_name_the_settings(tmp_path: Path) -> None:
    assert find(tmp_path, 'TSREVEL_CONFIG = "HERE"', f"{WHEN} tsrevel sync").verdict is CheckResult.OK


def test_the_shipped_example_is_understood() -> None:
    starts = list(read_crontab((ROOT / "crontab.example").read_text(), {}))
    assert [(each.text, each.dry_run, each.config) for each in starts] == [
        ("tsrevel sync", False, Path("/etc/tsrevel/config.toml"))
    ] * 4


def test_the_usual_place_needs_no_name_and_a_folder_counts(tmp_path: Path) -> None:
    home = tmp_path / ".config" / "tsrevel"
    home.mkdir(parents=True)
    assert find(home, f"{WHEN} tsrevel sync", HOME=str(tmp_path)).verdict is CheckResult.OK
    assert find(home, f"{WHEN} cd {home} && tsrevel sync --config config.toml").verdict is CheckResult.OK


@pytest.mark.parametrize(
    "line",
    [
        "",
        f"# {WHEN} tsrevel sync --config HERE",
        "MAILTO=tsrevel-sync@example.com",
        "MAILTO = tsrevel sync",
        f"{WHEN} tsrevel sync-event 5 --config HERE",
        f"{WHEN} tsrevel doctor --config HERE; sync",
        f"{WHEN} echo tsrevel sync",
        f"{WHEN} backup --what tsrevel-sync",
        "@reboot tsrevel sync --config HERE",
        "tsrevel sync --config HERE",
    ],
)
def test_without_one_the_line_to_add_is_told(tmp_path: Path, line: str) -> None:
    found = find(tmp_path, line)
    assert found.verdict is CheckResult.WARNING
    assert found.code is FindingCode.NOT_SCHEDULED
    assert f"{WHEN} tsrevel sync --config {tmp_path}/config.toml" in found.remedy


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("tsrevel sync --dry-run --config HERE", "is a dry run"),
        ("tsrevel sync --config /other.toml", "reads /other.toml"),
        ("TSREVEL_CONFIG=/other.toml tsrevel sync", "reads /other.toml"),
        ("tsrevel sync", "names no settings file, and finds none"),
    ],
)
def test_a_run_that_is_not_of_this_installation_is_told_as_such(tmp_path: Path, command: str, why: str) -> None:
    found = find(tmp_path, f"{WHEN} REVEL_API_KEY=PLANTED {command}")
    assert (found.verdict, found.code) == (CheckResult.WARNING, FindingCode.OTHER_RUN)
    assert why in found.text
    assert "PLANTED" not in found.text + found.remedy


def test_a_systemd_timer_that_is_due_counts_as_well(tmp_path: Path) -> None:
    machine = Machine(systemctl=CommandResult("Sat 2026-12-12 45min left  -  tsrevel.timer  tsrevel.service"))
    found = check_schedule(World(tmp_path).settings(), {}, machine)
    assert (found.verdict, found.code) == (CheckResult.OK, FindingCode.OK)
    assert "tsrevel.timer" in found.text


@pytest.mark.parametrize("never", ["n/a n/a", "- -"])
def test_a_timer_that_never_elapses_does_not(tmp_path: Path, never: str) -> None:
    line = f"{never} Sat 2026-12-12 06:00:00 PST 2h ago tsrevel.timer tsrevel.service"
    found = check_schedule(World(tmp_path).settings(), {}, Machine(systemctl=CommandResult(line)))
    assert (found.verdict, found.code) == (CheckResult.WARNING, FindingCode.TIMER_OFF)
    assert "systemctl enable --now tsrevel.timer" in found.remedy


def test_a_machine_without_crontab_is_told_plainly(tmp_path: Path) -> None:
    missing = CommandResult(failure=CommandFailure.NOT_FOUND, text="couldn't be found")
    found = check_schedule(World(tmp_path).settings(), {}, Machine(crontab=missing))
    assert (found.verdict, found.code) == (CheckResult.WARNING, FindingCode.NO_CRON)
