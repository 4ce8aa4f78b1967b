"""Off a terminal: silence where nothing is new, a line where something was written, a line for each new hold."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tsrevel.ledger import hold_lock

from ..world import World
from .bench import Shell

CUSTOMER = ["PLANTEDNAME", "PLANTEDFIRST", "PLANTEDLAST", "(702) 555-0199"]


@pytest.fixture
def calm(shell: Shell) -> Shell:
    """A shell whose day has one plain event in it."""
    for event in shell.world.day.events:
        if event.story != "paid":
            del shell.world.tripleseat.state.events[event.id]
    return shell


def test_a_run_that_wrote_prints_exactly_one_line(calm: Shell) -> None:
    ran = calm.sync()
    assert ran.out == "[sync-00000001] 1 event: 1 order made (254.80)\n"
    assert (ran.status, ran.err) == (0, "")


def test_a_run_that_changed_nothing_prints_nothing(calm: Shell) -> None:
    calm.sync()
    ran = calm.sync()
    assert (ran.status, ran.out, ran.err) == (0, "", "")


def test_each_new_hold_has_a_line_of_its_own(shell: Shell) -> None:
    ran = shell.sync()
    summary, *news = ran.lines
    assert "3 orders made" in summary
    assert [line.split()[:3] for line in news] == [["missed", "event", "64000005"], ["held", "event", "64000003"]]
    assert "UNMAPPED_ITEMS" in news[1]
    assert ran.status == 3


def test_a_hold_that_is_known_is_not_told_again_but_keeps_the_status(shell: Shell) -> None:
    shell.sync()
    ran = shell.sync()
    assert (ran.status, ran.out) == (3, "")


def test_a_hold_that_changed_is_told_again(shell: Shell) -> None:
    shell.sync()
    shell.world.rewrite_event(64000003, lines=[("Another Cake", 1, 50)])
    assert [line for line in shell.sync().lines if "Another Cake" in line]


def test_errors_always_print(calm: Shell) -> None:
    with hold_lock(calm.world.settings().ledger_path):
        ran = calm.sync("-q")
    assert (ran.status, ran.out) == (11, "")
    assert ran.err.startswith("tsrevel: Another run (process ")


def test_a_run_that_ended_before_its_time_says_so_on_stderr(calm: Shell) -> None:
    calm.world.wires["tripleseat"].down = True
    ran = calm.sync("-q")
    assert ran.status == 13
    assert "tsrevel: [sync-00000001] the events can't be listed" in ran.err


def test_quiet_means_no_summary(calm: Shell) -> None:
    ran = calm.sync("-q")
    assert (ran.status, ran.out, ran.err) == (0, "", "")
    assert len(calm.world.revel.orders) == 1


def test_a_dry_run_says_what_it_would_write(calm: Shell) -> None:
    summary, line = calm.sync("--dry-run").lines
    assert summary == "[sync-00000001] 1 event: 1 order planned (254.80); dry run, nothing was written"
    assert line.startswith("planned event 64000002 (Lakeside Bakery 2026-12-12) 254.80")


def test_a_disabled_connector_says_nothing(calm: Shell) -> None:
    calm.environ["ENABLE_CONNECTOR"] = "false"
    ran = calm.sync()
    assert (ran.status, ran.out, ran.err, calm.requests) == (0, "", "", 0)


def test_the_log_is_silent_until_asked(shell: Shell) -> None:
    assert shell.sync().err == ""
    assert shell.sync("-v").err != ""


REQUEST = re.compile(
    r"DEBUG \[sync-00000001\] (TripleSeat|Revel): (GET|POST|PATCH) (/\S+) answered \d{3} after \d+ ms$"
)


def test_more_of_the_log_is_shown_step_by_step(shell: Shell) -> None:
    """-v: the run, its settings and what became of each event; -vv: each request as well, by its path alone."""
    config = shell.write_config()
    once = shell.sync("-v").err
    assert f"settings {config}; ledger {shell.world.folder / 'ledger.sqlite3'}" in once
    assert "event 64000003: held UNMAPPED_ITEMS" in once
    assert "DEBUG" not in once


def test_a_log_of_requests_names_each_of_them(shell: Shell) -> None:
    debug = [line for line in shell.sync("-vv").err.splitlines() if " DEBUG " in line]
    found = [REQUEST.search(line) for line in debug]
    assert all(found)
    sent = [f"{each[2]} {each[3]}" for each in found if each and each[1] == "Revel"]
    assert sent == [f"{each.method} {each.path}" for each in shell.world.revel.requests]
    assert not any("?" in line for line in debug)


def test_a_request_without_an_answer_is_logged_too(shell: Shell) -> None:
    shell.world.revel.faults.add("drop_before", "GET", "^/resources/Product/")
    log = shell.sync("-vv").err
    assert re.search(r"Revel: GET /resources/Product/ didn't answer after \d+ ms$", log, re.MULTILINE)


def test_every_log_line_carries_the_correlation_id(shell: Shell) -> None:
    lines = shell.sync("-vv").err.splitlines()
    assert lines
    assert all(re.match(r"\S+Z [A-Z]+ \[sync-00000001\] ", line) for line in lines)


def test_every_json_log_line_is_an_object_with_the_correlation_id(shell: Shell) -> None:
    entries = [json.loads(line) for line in shell.sync("-vv", "--log-format", "json").err.splitlines()]
    assert entries
    assert all(each["correlation_id"] == "sync-00000001" for each in entries)
    assert all(list(each)[:4] == ["at", "level", "correlation_id", "message"] for each in entries)


def test_a_json_log_line_about_an_event_says_which_and_why_by_itself(shell: Shell) -> None:
    entries = [json.loads(line) for line in shell.sync("-v", "--log-format", "json").err.splitlines()]
    told = {each["event_id"]: (each["order_id"], each["reason"]) for each in entries if "event_id" in each}
    assert told["64000001"] == ("5550103", None)
    assert told["64000003"] == (None, "UNMAPPED_ITEMS")
    assert len(told) == 7


def test_the_log_goes_back_to_silence_afterwards(shell: Shell) -> None:
    assert "[sync-00000001]" in shell.sync("-v").err
    second = shell.sync("-v").err
    assert "[sync-00000002]" in second
    assert "[sync-00000001]" not in second


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_customer_and_no_secret_gets_into_lines_that_are_kept(shell: Shell, form: str) -> None:
    world = shell.world
    plant(world)
    secrets = [world.day.api_key, world.day.api_secret, world.day.client_secret, world.tripleseat.tokens.refresh]
    told = ""
    for prepare in (_nothing, _change, _break_revel, _refuse_key):
        prepare(world)
        ran = shell.sync("-vv", "--log-format", form)
        told += ran.out + ran.err
        secrets += list(world.tripleseat.tokens.access)
    assert [word for word in [*CUSTOMER, *secrets] if word in told] == []
    assert "64000060" in told


def plant(world: World) -> None:
    more: dict[str, Any] = {"contact": ("PLANTEDFIRST", "PLANTEDLAST", "(702) 555-0199"), "description": "PLANTEDNAME"}
    world.add_event(64000060, name="PLANTEDNAME due", **more)
    world.add_event(64000061, name="PLANTEDNAME held", lines=[("Nobody knows this", 1, 5)], **more)
    world.add_event(64000062, name="PLANTEDNAME free", lines=[], **more)


def _nothing(_world: World) -> None:
    """The first run injects, holds and misses."""


def _change(world: World) -> None:
    world.tripleseat.edit_event(64000060, name="PLANTEDNAME moved")
    world.tripleseat.cancel_event(64000061)


def _break_revel(world: World) -> None:
    world.add_event(64000063, name="PLANTEDNAME late", contact=("PLANTEDFIRST", "PLANTEDLAST", "(702) 555-0199"))
    world.revel.faults.add("status", "POST", "/OrderItem/", status=500, body="PLANTED-BY-REVEL")


def _refuse_key(world: World) -> None:
    world.tripleseat.revoke_refresh_token()
    world.tripleseat.expire_access_tokens()


FAILURES = {
    "no token file": (("sync",), 10),
    "wrong settings": (("sync",), 10),
    "no such location": (("sync", "--location", "999"), 2),
    "no such event": (("explain", "abc"), 2),
    "no ledger": (("ledger", "check"), 10),
    "problems": (("config", "validate"), 10),
    "a warning": (("pause", "--reason", "test"), 0),
    "not signed": (("verify-signature", "-", "--signature", "t=1,v1=ab"), 4),
    "nothing captured": (("replay", "missing.json", "--unsigned"), 2),
}


@pytest.mark.parametrize("case", FAILURES)
def test_in_a_json_log_the_error_that_ends_a_command_is_an_entry_too(shell: Shell, case: str) -> None:
    argv, status = FAILURES[case]
    (shell.world.folder / "token.json").unlink()
    if case in {"problems", "wrong settings"}:
        shell.world.config["sync"]["workers"] = 99
    ran = shell.run(*argv, "--log-format", "json", "--config", str(shell.write_config()))
    entries = [json.loads(line) for line in ran.err.splitlines()]
    assert ran.status == status
    assert entries
    for each in entries:
        assert each.keys() == {"at", "level", "correlation_id", "message"}
        assert each["level"] == ("WARNING" if status == 0 else "ERROR")
        assert each["message"]
        assert not each["message"].startswith("tsrevel:")


def test_a_run_that_ended_early_names_itself_in_the_json_log_and_its_commands_the_settings_file(shell: Shell) -> None:
    (shell.world.folder / "token.json").unlink()
    config = str(shell.write_config())
    [entry] = [json.loads(line) for line in shell.sync("--log-format", "json").err.splitlines()]
    assert entry["correlation_id"].startswith("sync-")
    assert f"--config {config}`" in entry["message"]
