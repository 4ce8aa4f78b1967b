"""`status --all DIR`: every settings file of a folder in one line each, and the exit status of the worst."""

from __future__ import annotations

from pathlib import Path

import pytest

from tsrevel.planning.model import EventId

from ..world import World
from .bench import Shell

PAID, UNMAPPED = "paid", "unmapped"


@pytest.fixture
def brands(tmp_path: Path) -> dict[str, Shell]:
    """Three accounts, each a folder with its settings: one is well, one holds an event, one was never run."""
    shells = {}
    for name, story in (("bakery", PAID), ("events", UNMAPPED), ("new", PAID)):
        (tmp_path / name).mkdir()
        shells[name] = Shell(World(tmp_path / name, story))
        if name == "new":
            shells[name].write_config()
        else:
            shells[name].sync()
    return shells


def test_each_has_its_line_and_the_worst_decides(brands: dict[str, Shell], tmp_path: Path) -> None:
    shell = brands["bakery"]
    ran = shell.run("status", "--all", str(tmp_path))
    assert (ran.status, [line.partition(":")[0] for line in ran.lines]) == (3, ["bakery", "events", "new"])
    assert "1 held" in ran.lines[1]
    told = shell.run("status", "--all", str(tmp_path), "--json").answer
    rows = {each["name"]: each for each in told["installations"]}
    assert [rows[name]["exit_status"] for name in ("bakery", "events", "new")] == [0, 3, 3]
    assert (rows["events"]["held"], rows["bakery"]["held"], rows["new"]["last_good_at"]) == (1, 0, None)
    quiet = shell.run("status", "--all", str(tmp_path), "-q")
    assert [line.partition(":")[0] for line in quiet.lines] == ["events", "new"]


def test_one_whose_runs_leave_a_location_out_has_no_good_run_yet(tmp_path: Path) -> None:
    shell = Shell(World(tmp_path, PAID))
    shell.sync("--location", "30501")
    assert shell.run("status", "--all", str(tmp_path)).lines[0].startswith("config: no good run yet")
    shell.sync("--location", "30502")
    assert shell.run("status", "--all", str(tmp_path)).lines[0].startswith("config: good run 0 min ago")


def test_one_that_cannot_be_read_does_not_hide_the_others(brands: dict[str, Shell], tmp_path: Path) -> None:
    (tmp_path / "broken.toml").write_text("environment = 3")
    (tmp_path / "mappings.toml").write_text("")
    told = brands["bakery"].run("status", "--all", str(tmp_path), "--json")
    assert told.status == 10
    rows = {each["name"]: each for each in told.answer["installations"]}
    assert list(rows) == ["bakery", "broken", "events", "new"]
    assert (rows["broken"]["exit_status"], rows["bakery"]["exit_status"]) == (10, 0)


def test_a_pause_counts(brands: dict[str, Shell], tmp_path: Path) -> None:
    with brands["bakery"].world.ledger() as ledger:
        ledger.runs.pause("stocktaking")
        assert ledger.orders.get(EventId("1")) is None
    told = brands["bakery"].run("status", "--all", str(tmp_path / "bakery"), "--json")
    assert (told.status, told.answer["installations"][0]["paused"]) == (3, True)


def test_a_folder_without_settings_is_a_usage_error(brands: dict[str, Shell], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert brands["new"].run("status", "--all", str(tmp_path / "empty")).status == 2
