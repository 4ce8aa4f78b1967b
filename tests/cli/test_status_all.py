"""`status --all DIR`: every settings file of a folder in one line each, and the exit status of the worst."""

from __future__ import annotations

from pathlib import Path

import pytest

from tsrevel.planning.assumptions import AssumptionAnswer, AssumptionCode, AssumptionResult
from tsrevel.planning.model import EventId

from ..users import as_other, folder_of_other, give_to_other
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


def look(shell: Shell, folder: Path) -> tuple[int, str]:
    """The exit status and the line of an installation alone."""
    ran = shell.run("status", "--all", str(folder))
    return ran.status, ran.lines[0].partition(": ")[2]


@pytest.fixture
def well(brands: dict[str, Shell], tmp_path: Path) -> tuple[Shell, Path]:
    """An installation with which all is well, and its folder."""
    found = brands["bakery"], tmp_path / "bakery"
    assert look(*found) == (0, "good run 0 min ago, 0 held, 0 failed, 0 missed, 0 changed")
    return found


def test_two_orders_of_an_event_are_an_alarm_as_in_each_run_until_a_person_has_seen_to_them(
    well: tuple[Shell, Path],
) -> None:
    shell, folder = well
    twin = shell.world.add_order(64000002, establishment="/enterprise/Establishment/9/")
    assert 14 in {shell.sync().status for _ in range(3)}  # not each of them looks for a twin by its name
    assert shell.sync().status == 14
    status, line = look(*well)
    assert (status, "1 held" in line, line.endswith("a person must check an order")) == (14, True, True)
    [told] = shell.run("status", "--all", str(folder), "--json").answer["installations"]
    assert (told["alarm"], told["disputed"]) == (True, False)
    shell.world.revel.state.rows["Order"][twin]["deleted"] = True
    assert [shell.sync().status, look(*well)[0]] == [0, 0]


def test_a_second_order_that_runs_no_longer_check_is_an_alarm_until_the_event_is_named_again(
    well: tuple[Shell, Path],
) -> None:
    shell, _ = well
    twin = shell.world.add_order(64000002, establishment="/enterprise/Establishment/9/")
    while shell.sync().status != 14:
        shell.world.time.move(minutes=45)
    while shell.sync().status == 14:
        shell.world.time.move(days=1)
    shell.world.revel.state.rows["Order"][twin]["deleted"] = True
    assert (shell.sync().status, look(*well)[0]) == (0, 14)
    assert (shell.sync_event("64000002").status, look(*well)[0]) == (0, 0)


def test_a_doubled_part_of_a_finished_order_is_an_alarm(well: tuple[Shell, Path]) -> None:
    shell, _ = well
    [history] = shell.world.revel.state.rows["OrderHistory"].values()
    same = {key: value for key, value in history.items() if key not in {"id", "resource_uri"}}
    shell.world.revel.add("OrderHistory", None, **same)
    assert (shell.sync().status, look(*well)[0]) == (14, 14)
    shell.world.add_event()
    assert shell.sync_event("64000050").status == 0
    assert look(*well)[0] == 14  # that run didn't look at the other order


def test_a_doubled_part_is_an_alarm_though_its_event_was_resolved_before(well: tuple[Shell, Path]) -> None:
    shell, folder = well
    resolve = ("resolve", "64000002", "--config", str(folder / "config.toml"), "--as", "done", "--note", "seen")
    assert shell.run(*resolve).status == 0
    [history] = shell.world.revel.state.rows["OrderHistory"].values()
    same = {key: value for key, value in history.items() if key not in {"id", "resource_uri"}}
    shell.world.revel.add("OrderHistory", None, **same)
    shell.world.time.move(minutes=45)
    assert (shell.sync().status, look(*well)[0]) == (14, 14)
    shell.world.time.move(minutes=1)
    assert (shell.run(*resolve).status, look(*well)[0]) == (0, 0)


def test_an_assumption_without_which_runs_write_nothing_needs_a_person(well: tuple[Shell, Path]) -> None:
    shell, folder = well
    with shell.world.ledger() as ledger:
        fails = AssumptionAnswer(AssumptionCode.REVEL_UUID_KEPT, AssumptionResult.FAILS, "Revel changed it")
        ledger.assumptions.store([fails])
    assert look(*well) == (3, "good run 0 min ago, 0 held, 0 failed, 0 missed, 0 changed, 1 warning")
    [told] = shell.run("status", "--all", str(folder), "--json").answer["installations"]
    assert "Revel changed it" in told["warnings"][0]


def test_unusable_deliveries_need_a_person(well: tuple[Shell, Path]) -> None:
    shell, _ = well
    failed = shell.world.settings().spool_path / "failed"
    failed.mkdir(parents=True)
    (failed / "a.json").write_text("x")
    assert look(*well) == (3, "good run 0 min ago, 0 held, 0 failed, 0 missed, 0 changed, 1 warning")


def test_an_overdue_event_needs_a_person(well: tuple[Shell, Path]) -> None:
    shell, _ = well
    shell.world.add_event()
    shell.world.add_event(64000051)
    shell.world.config["safety"]["max_orders_per_run"] = 1
    shell.sync()
    assert look(*well)[0] == 0
    shell.world.time.move(hours=22)
    shell.sync("--from", "2026-12-13")
    assert "1 overdue" in look(*well)[1]
    assert look(*well)[0] == 3


def test_a_folder_without_settings_is_a_usage_error(brands: dict[str, Shell], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert brands["new"].run("status", "--all", str(tmp_path / "empty")).status == 2


@pytest.mark.parametrize("mode", [0, 0o100, 0o400])
def test_an_account_whose_folder_is_shut_has_a_line_and_decides(mode: int) -> None:
    with folder_of_other() as folder:
        (folder / "events").mkdir()
        shell = Shell(World(folder / "events", PAID))
        config = shell.write_config()
        config.chmod(0)
        give_to_other(config.parent, config)
        (folder / "events").chmod(mode)
        with as_other():
            told = shell.run("status", "--all", str(folder), "--json")
        (row,) = told.answer["installations"]
        assert (told.status, row["name"], row["exit_status"]) == (10, "events", 10)
        assert "Permission denied" in row["error"]
        (folder / "events").chmod(0o700)


def test_a_folder_that_cannot_be_read_at_all_is_a_usage_error() -> None:
    with folder_of_other() as folder:
        shell = Shell(World(folder, PAID))
        folder.chmod(0)
        with as_other():
            ran = shell.run("status", "--all", str(folder))
        assert (ran.status, "Permission denied" in ran.err) == (2, True)


def test_a_configmap_has_one_line(tmp_path: Path) -> None:
    shell = Shell(World(tmp_path, PAID))
    (tmp_path / "..2026_11_30_10_00_00.1").mkdir()
    shell.write_config().rename(tmp_path / "..2026_11_30_10_00_00.1" / "config.toml")
    (tmp_path / "..data").symlink_to("..2026_11_30_10_00_00.1")
    (tmp_path / "config.toml").symlink_to("..data/config.toml")
    rows = shell.run("status", "--all", str(tmp_path), "--json").answer["installations"]
    assert [each["config"] for each in rows] == [str(tmp_path / "config.toml")]
