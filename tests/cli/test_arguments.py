"""Ids on the command line: what names nothing is a usage error, told before anybody is asked or pinged."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from io import BytesIO, StringIO

import pytest
from pytest_httpx import HTTPXMock

from tsrevel.cli.context import CliContext
from tsrevel.cli.prompts import Terminal

from ..world import World
from .bench import Ran, Shell, execute, served_world

FULL = "64000001"
MOMENT = "2026-12-12T18:00:00.000000+00:00"
NO_PLACE = [
    *("999", "8", "Special Events", "30501,30502", "", " ", ",", "0", "-30501", "+30501", "030501", "30501.0"),
    *("３０５０１", "9" * 5000, "15691", "30501 30502", "all", "*"),
]
"""15691 is the site of both entries' locations, which neither entry says."""
NO_EVENT = [
    *("", " ", "abc", "64000001a", "64000001,64000003", "64000001.0", "0", "-5", "+64000001", "064000001", "1e3"),
    *("６４０００００１", "../locations", "64000001?x=1", "9" * 20, "9" * 5000, "unreadable-12345678", "6400 0001"),
]


def told(ran: Ran) -> tuple[int, bool, int]:
    assert ran.err
    return ran.status, ran.answer["success"], ran.answer["exit_status"]


@pytest.mark.parametrize("argv", [["9" * 19], ["8107", "--establishment", "9" * 19]])
def test_a_mapping_to_a_number_that_no_id_has_is_a_usage_error(shell: Shell, argv: list[str]) -> None:
    assert told(shell.run("map", "set", "Cake", *argv, "--offline", "--json")) == (2, False, 2)
    assert not (shell.world.folder / "mappings.toml").exists()


@pytest.mark.parametrize("place", NO_PLACE)
def test_a_location_that_no_entry_has_ends_sync_before_any_request_or_ping(
    shell: Shell, place: str, httpx_mock: HTTPXMock
) -> None:
    shell.world.config["monitor"] = {"ping_url": "http://127.0.0.1:9/ping"}
    for argv in (
        ["--location", place],
        ["--location", "30501", "--location", place],
        ["--dry-run", "--location", place],
    ):
        assert told(shell.sync("--json", *argv)) == (2, False, 2)
    assert (shell.requests, httpx_mock.get_requests()) == (0, [])
    assert not (shell.world.folder / "ledger.sqlite3").exists()


def test_the_error_says_which_locations_there_are(shell: Shell) -> None:
    ran = shell.sync("--json", "--location", "999")
    assert "'999'" in ran.answer["error"]
    assert "30501, 30502" in ran.answer["error"]


def test_an_id_that_is_a_location_and_a_site_narrows_no_run(shell: Shell) -> None:
    shell.world.config["locations"][1]["tripleseat_site"] = 30501
    ran = shell.sync("--json", "--location", "30501")
    assert told(ran) == (2, False, 2)
    assert "as tripleseat_location and as tripleseat_site" in ran.answer["error"]
    assert shell.requests == 0


@pytest.mark.parametrize("place", [" 30501", "30501 ", "\t30501\r\n"])
def test_blanks_round_a_location_are_no_part_of_it(shell: Shell, place: str) -> None:
    events = {each["id"]: each["status"] for each in shell.sync("--json", "--location", place).answer["events"]}
    assert events[FULL] == "injected"


def test_a_wrong_location_is_told_while_runs_are_paused_too(shell: Shell) -> None:
    shell.run("pause", "--config", str(shell.write_config()))
    assert shell.sync("--location", "999").status == 2


def test_a_real_process_says_so_as_well(shell: Shell) -> None:
    with served_world(shell.world.folder / "served", "full") as world:
        config = str(world.folder / "config.toml")
        assert told(execute("sync", "--config", config, "--json", "--location", "999")) == (2, False, 2)
        assert told(execute("sync-event", "--config", config, "--json", "64000001x")) == (2, False, 2)
        assert world.tripleseat.requests == []


@pytest.mark.parametrize("event", NO_EVENT)
@pytest.mark.parametrize(
    "argv",
    [["sync-event", "--"], ["replay", "--event"], ["explain", "--"], ["history", "--"]],
    ids=lambda argv: argv[0],
)
def test_what_can_be_no_event_is_a_usage_error_and_leaves_nothing_behind(
    shell: Shell, argv: list[str], event: str
) -> None:
    command, *rest = argv
    ran = shell.run(command, "--config", str(shell.write_config()), "--json", *rest, event)
    assert told(ran) == (2, False, 2)
    assert shell.requests == 0
    assert "TripleSeat event id" in ran.answer["error"]


@pytest.mark.parametrize("event", NO_EVENT)
def test_what_can_be_no_event_is_not_resolved(shell: Shell, event: str) -> None:
    config = str(shell.write_config())
    for word in ("ignored", "open"):
        ran = shell.run("resolve", "--config", config, "--json", "--as", word, "--note", "by hand", "--", event)
        assert told(ran) == (2, False, 2)


@pytest.mark.parametrize("event", [f" {FULL}", f"{FULL} ", f"\n{FULL}\r\n", f"\u00a0{FULL}"])
def test_blanks_round_an_event_are_no_part_of_it(shell: Shell, event: str) -> None:
    assert shell.sync_event("--json", event).answer["events"][0]["id"] == FULL
    config = str(shell.write_config())
    for argv in (["explain", event], ["history", event], ["resolve", event, "--as", "done", "--note", "looked at"]):
        assert shell.run(*argv, "--config", config, "--json").answer["event_id"] == FULL
    ran = shell.replay("--event", event, "--json")
    assert (ran.status, ran.answer["event_id"]) == (0, FULL)


def test_one_wrong_id_among_several_keeps_all_from_running(shell: Shell) -> None:
    assert shell.sync_event(FULL, "64000001x").status == 2
    assert shell.world.revel.orders == []


def leave_failed(world: World, *event_ids: str) -> None:
    """What an older version left behind: a failed row of each event, whatever its id."""
    report = world.sync_event()
    with closing(sqlite3.connect(world.folder / "ledger.sqlite3")) as ledger, ledger:
        for each in event_ids:
            row = (each, "failed", "EVENT_DATA_UNAVAILABLE", "", MOMENT, MOMENT, report.run_id)
            ledger.execute(
                "INSERT INTO sightings (event_id, status, reason, text_hash, first_seen_at, last_seen_at, run_id) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                row,
            )


@pytest.mark.parametrize("old", ["64000001 ", "abc", "unreadable-12345678", "64000001,64000003", " ", "0"])
def test_whatever_status_lists_can_be_told_and_settled(shell: Shell, old: str) -> None:
    leave_failed(shell.world, old)
    config = str(shell.write_config())
    listed = shell.run("status", "--config", config, "--json").answer["failed"]
    assert [each["id"] for each in listed] == [old]
    for command in ("history", "explain"):
        assert shell.run(command, "--config", config, "--json", "--", old).answer["event_id"] == old
    settled = shell.run("resolve", "--config", config, "--json", "--as", "ignored", "--note", "a slip", "--", old)
    assert (settled.status, settled.answer["event_id"]) == (0, old)
    assert shell.run("status", "--config", config, "--json").answer["failed"] == []
    taken_back = shell.run("resolve", "--config", config, "--json", "--as", "open", "--", old)
    assert (taken_back.status, taken_back.answer["event_id"]) == (0, old)


def test_a_row_without_a_usable_id_that_a_run_has_held_can_be_settled(shell: Shell) -> None:
    event = shell.world.add_event(64000050)
    shell.world.tripleseat.edit_event(event, id=0)
    shell.sync()
    config = str(shell.write_config())
    listed = [each["id"] for each in shell.run("status", "--config", config, "--json").answer["held"]]
    (nameless,) = [each for each in listed if not each.isdigit()]
    assert shell.run("resolve", nameless, "--as", "ignored", "--note", "gone", "--config", config).status == 0
    again = {each["id"]: each["status"] for each in shell.sync("--json").answer["events"]}
    assert again[nameless] == "skipped"


def test_the_order_that_is_named_may_have_blanks_round_it(shell: Shell) -> None:
    order, config = shell.world.add_order(64000003), str(shell.write_config())
    argv = ["resolve", "64000003", "--as", "done", "--note", "by hand", "--order", f" {order} "]
    assert shell.run(*argv, "--config", config, "--json").answer["resolution"]["revel_order_id"] == str(order)


def test_a_menu_item_of_thousands_of_digits_is_a_usage_error(shell: Shell) -> None:
    ran = shell.run("map", "set", "9" * 5000, "8107", "--menu-item", "--config", str(shell.write_config()))
    assert ran.status == 2


@pytest.mark.parametrize("command", ["check", "suggest"])
def test_the_mappings_of_a_location_that_no_entry_has_are_not_surveyed(shell: Shell, command: str) -> None:
    shell.world.config["locations"] = [{"tripleseat_site": 15691, "revel_establishment": 8, "user": 12, "station": 21}]
    config = str(shell.write_config())
    for place in ("999", "30501", ""):
        assert shell.run("map", command, "--location", place, "--config", config).status == 2
    assert shell.requests == 0


@pytest.mark.parametrize(
    "argv",
    [
        ("ledger", "prune", "--older-than", "800000"),
        ("ledger", "prune", "--older-than", "9" * 30, "--dry-run"),
        ("history", "--limit", "9" * 20),
        ("history", FULL, "--limit", "9" * 20),
        ("reconcile", "--to", "9999-12-31"),
        ("reconcile", "--from", "9999-12-31"),
        ("reconcile", "--to", "0001-01-01"),
        ("reconcile", "--from", "9999-12-29", "--to", "9999-12-31"),
    ],
)
def test_a_number_or_day_beyond_all_calendars_is_a_usage_error(shell: Shell, argv: tuple[str, ...]) -> None:
    ran = shell.run(*argv, "--config", str(shell.write_config()))
    assert ran.status == 2
    assert any(option in ran.err for option in argv if option.startswith("--"))
    assert "please report" not in ran.err


@pytest.mark.parametrize("name", ["history", "status"])
def test_the_largest_limit_works(shell: Shell, name: str) -> None:
    assert shell.sync().status == 3
    most = {"history": "1000000", "status": "1000"}[name]
    assert shell.run(name, "--limit", most, "--config", str(shell.write_config())).status == 0


def test_the_oldest_orders_that_can_be_asked_for_are_none(shell: Shell) -> None:
    assert shell.sync().status == 3
    ran = shell.run("ledger", "prune", "--older-than", "36500", "--config", str(shell.write_config()))
    assert (ran.status, "0 receipts" in ran.out) == (0, True)


@pytest.mark.parametrize(
    "argv",
    [
        ("explain", "\udcff"),
        ("history", "6400\udcff"),
        ("resolve", "\udcff", "--as", "done", "--note", "typed"),
        ("resolve", FULL, "--as", "done", "--note", "\udcff"),
        ("replay", "--run", "\udcff"),
        ("replay", "--event", "\udcff"),
        ("sync", "--location", "\udcff"),
        ("sync-event", FULL, "\udcff"),
        ("map", "set", "\udcff", "8101"),
        ("map", "products", "\udcff"),
        ("pause", "--reason", "\udcff"),
        ("notify", "--test", "--config", "\udcff.toml"),
    ],
)
def test_an_argument_that_is_not_utf_8_is_a_usage_error_unless_it_is_a_path(
    shell: Shell, argv: tuple[str, ...]
) -> None:
    config = () if "--config" in argv else ("--config", str(shell.write_config()))
    ran = shell.run(*argv, *config, "--json")
    assert told(ran) == ((10, False, 10) if "--config" in argv else (2, False, 2))
    assert "a fault" not in ran.err
    assert shell.requests == 0


@pytest.mark.parametrize("option", ["--json", "--config", "-q", "--quiet", "-v", "--verbose", "--log-format"])
def test_an_option_before_the_commands_name_is_said_to_belong_behind_it(shell: Shell, option: str) -> None:
    for group, command in ([], "sync"), (["map"], "list"), (["ledger"], "check"), (["config"], "validate"):
        ran = shell.run(*group, option, command)
        assert ran.status == 2
        example = " ".join(["tsrevel", *group, command, option])
        assert f"{option} belongs after the command's name, like in `{example}`" in ran.err


def test_a_settings_file_below_home_is_found_as_a_shell_leaves_it(shell: Shell) -> None:
    config = shell.write_config()
    ran = shell.run("config", "validate", f"--config=~/{config.name}", "--json", environ={"HOME": str(config.parent)})
    assert (ran.status, ran.answer["config"]) == (0, str(config))


def test_a_usage_error_about_no_value_of_an_option_has_no_prefix_of_the_library(shell: Shell) -> None:
    ran = shell.run("explain", "abc", "--config", str(shell.write_config()))
    assert ran.err.startswith("tsrevel: 'abc' is not a TripleSeat event id (up to 18 digits, the first not 0)")
    assert "Invalid value for '--hours-back'" in shell.run("sync", "--hours-back", "999999").err


def test_settings_that_are_a_folder_below_the_root_are_no_fault(shell: Shell) -> None:
    ran = shell.run("status", "--config", "/etc", "--json")
    assert (told(ran), "a folder" in ran.answer["error"]) == ((10, False, 10), True)


def test_an_answer_at_a_prompt_that_is_not_utf_8_is_asked_for_again() -> None:
    said = StringIO()
    ctx = CliContext(environ={}, stdin=BytesIO(b"Caf\xe9\nCaf\xc3\xa9\n"), stdout=StringIO(), stderr=said)
    assert Terminal(ctx).ask("Name") == "Café"
    assert "isn't UTF-8" in said.getvalue()
