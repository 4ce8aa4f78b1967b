"""Hooks of whole runs: which is called, with what, and that it has no say."""

from __future__ import annotations

import functools
import io
import json
import sqlite3
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tsrevel.cli.context import CliContext
from tsrevel.cli.replay import ReplayOptions, replay_files
from tsrevel.errors import Terminated
from tsrevel.ledger import hold_lock

from ..engine.deliveries import delivery
from ..world import World
from .bench import Shell
from .schemas import find_errors

FULL, PAID, UNMAPPED, MISSED = 64000001, 64000002, 64000003, 64000005


@pytest.fixture
def hooked(shell: Shell, tmp_path: Path) -> Shell:
    """A shell whose hooks write down what they are told."""
    shell.environ["PATH"] = "/usr/bin:/bin"
    names = ("on_injected", "on_held", "on_failure")
    shell.world.config["hooks"] = {name: f"tee -a {tmp_path / name}" for name in names}
    return shell


def told(world: World, hook: str) -> list[dict[str, Any]]:
    """What the hook was told, call after call."""
    path = world.folder / hook
    if not path.exists():
        return []
    text, found, decoder = path.read_text(), [], json.JSONDecoder()
    while text:
        document, end = decoder.raw_decode(text)
        assert find_errors("hook", document) == []
        found.append(document)
        text = text[end:]
    return found


def ids(document: dict[str, Any]) -> set[str]:
    return {event["id"] for event in document["events"]}


def test_what_was_injected_is_told_in_one_call_as_json_prints_it(hooked: Shell) -> None:
    answer = hooked.sync("--json").answer
    (call,) = told(hooked.world, "on_injected")
    injected = [event for event in answer["events"] if event["status"] == "injected"]
    assert call == {"hook": "on_injected", **answer, "events": injected}
    assert len(injected) == 3


def test_what_is_held_is_told_once(hooked: Shell) -> None:
    for _ in range(3):
        hooked.sync()
    (call,) = told(hooked.world, "on_held")
    assert ids(call) == {str(UNMAPPED)}
    assert call["events"][0]["reason"] == "UNMAPPED_ITEMS"


def test_an_alarm_is_told_once_as_well(hooked: Shell) -> None:
    for _ in range(2):
        hooked.world.add_order(PAID, "Triple Seat_{}")
    for _ in range(3):
        assert hooked.sync().status in {3, 14}
    (call,) = told(hooked.world, "on_held")
    assert str(PAID) in ids(call)
    hooked.world.add_order(PAID, "Triple Seat_{}")
    hooked.sync()
    assert ids(told(hooked.world, "on_held")[1]) == {str(PAID)}


def test_what_was_missed_counts_as_a_failure(hooked: Shell) -> None:
    for _ in range(2):
        hooked.sync()
    (call,) = told(hooked.world, "on_failure")
    assert ids(call) == {str(MISSED)}


def test_a_run_that_couldnt_be_made_counts_as_one_too(hooked: Shell) -> None:
    hooked.world.wires["tripleseat"].down = True
    hooked.sync()
    (call,) = told(hooked.world, "on_failure")
    assert (call["events"], call["exit_status"], call["success"]) == ([], 13, False)
    assert "can't be listed" in call["error"]


def test_a_ledger_that_cant_be_used_is_told_to_the_hook(hooked: Shell) -> None:
    (hooked.world.folder / "ledger.sqlite3").write_bytes(b"")
    assert hooked.sync().status == 14
    (call,) = told(hooked.world, "on_failure")
    assert (call["exit_status"], call["mode"]) == (14, "bulk")
    assert "is an empty file" in call["error"]


def test_what_fails_in_each_run_is_told_once(hooked: Shell) -> None:
    hooked.world.revel.faults.add("status", "POST", "/resources/", times=None, status=500)
    for _ in range(3):
        assert hooked.sync_event(str(PAID)).status in {3, 13}
    (call,) = told(hooked.world, "on_failure")
    assert ids(call) == {str(PAID)}


def test_deliveries_whose_runs_end_early_are_told_once_until_one_does_not(hooked: Shell) -> None:
    world = hooked.world
    ctx = CliContext(stdout=io.StringIO(), stderr=io.StringIO(), stand_in=world.runtime())
    right = world.config["revel"]["api_secret"]
    for event, secret, calls in ((FULL, "wrong", 1), (FULL, "wrong", 1), (FULL, right, 1), (PAID, "wrong", 2)):
        world.config["revel"]["api_secret"] = secret
        path = world.folder / "delivery.json"
        path.write_bytes(delivery(world, event))
        replay_files(ctx, world.settings(), [path], ReplayOptions(unsigned=True), [])
        assert len(told(world, "on_failure")) == calls


def test_another_run_under_way_is_no_failure(hooked: Shell) -> None:
    with hold_lock(hooked.world.settings().ledger_path):
        assert hooked.sync().status == 11
    assert told(hooked.world, "on_failure") == []


def test_a_dry_run_calls_none(hooked: Shell) -> None:
    hooked.sync("--dry-run")
    assert [told(hooked.world, name) for name in ("on_injected", "on_held", "on_failure")] == [[], [], []]


def test_a_disabled_connector_calls_none(hooked: Shell) -> None:
    hooked.environ["ENABLE_CONNECTOR"] = "false"
    hooked.sync()
    assert told(hooked.world, "on_held") == []


def test_sync_event_and_replay_call_them_as_well(hooked: Shell) -> None:
    hooked.sync_event(str(PAID))
    hooked.replay("--event", str(UNMAPPED))
    assert [ids(call) for call in told(hooked.world, "on_injected")] == [{str(PAID)}]
    assert [ids(call) for call in told(hooked.world, "on_held")] == [{str(UNMAPPED)}]


def test_one_that_fails_changes_nothing_and_is_told_on_stderr(hooked: Shell) -> None:
    hooked.world.config["hooks"] = {"on_held": "sh -c 'echo PLANTED; exit 9'"}
    ran = hooked.sync("--json", "-q")
    assert (ran.status, ran.answer["summary"]["held"]) == (3, 1)
    assert "the command of hooks.on_held failed with status 9" in ran.err
    assert "PLANTED" not in ran.out + ran.err


def test_the_environment_may_name_them(shell: Shell, tmp_path: Path) -> None:
    shell.environ |= {"PATH": "/usr/bin:/bin", "TSREVEL_HOOKS__ON_INJECTED": f"tee -a {tmp_path / 'on_injected'}"}
    shell.sync()
    assert len(told(shell.world, "on_injected")) == 1


def test_no_secret_reaches_one(hooked: Shell, tmp_path: Path) -> None:
    world = hooked.world
    hooked.environ |= {"REVEL_API_KEY": world.day.api_key, "COPY": f"x{world.day.api_secret}", "GREETING": "hello"}
    world.config["hooks"] = {"on_injected": f"sh -c 'env > {tmp_path}/env'"}
    hooked.sync()
    seen = (tmp_path / "env").read_text()
    assert "GREETING=hello" in seen
    secrets = [world.day.api_key, world.day.api_secret, world.day.client_secret]
    assert [secret for secret in secrets if secret in seen] == []


@pytest.mark.parametrize(
    ("command", "said"), [("tee 'x", "isn't a command line: a quote isn't closed"), ("  ", "is blank")]
)
def test_a_command_that_cant_be_one_is_a_problem_of_the_settings(hooked: Shell, command: str, said: str) -> None:
    hooked.environ["TSREVEL_CONFIG"] = ""
    path = hooked.write_config()
    path.write_text(path.read_text().replace("[hooks]", f'[hooks]\non_held = "{command}"\n[unused]', 1))
    ran = hooked.run("config", "validate", "--config", str(path))
    assert ran.status == 10
    assert f"hooks.on_held (config.toml): {said}" in ran.out + ran.err


@pytest.mark.parametrize("kills", [1, 2])
def test_orders_of_a_run_that_a_signal_ended_are_told_once_by_the_next_sync(hooked: Shell, kills: int) -> None:
    world = hooked.world
    for _ in range(kills):
        kill_after_an_order(hooked)
    assert told(world, "on_injected") == []
    ran = hooked.sync()
    assert " 3 orders made (" in ran.lines[0]
    (call,) = told(world, "on_injected")
    assert ids(call) == {"64000001", str(PAID), "64000007"}
    made_by = [each["error"] for each in call["events"] if each["error"]]
    assert len(made_by) == kills
    assert all("which ended before it could report it" in each for each in made_by)
    assert ran.lines[0].partition("] ")[2] in hooked.run("history", "--config", str(hooked.write_config())).out
    hooked.sync()
    assert len(told(world, "on_injected")) == 1


def kill_after_an_order(shell: Shell) -> None:
    """A run that SIGTERM ends when it has made one order and begins the next."""

    def end() -> None:
        raise Terminated

    world = shell.world
    world.at("after POST /resources/OrderHistory", lambda: world.at("before POST /resources/Order/", end))
    with suppress(Terminated):
        shell.sync()
    world.revive()
    world.time.move(minutes=45)


def test_an_order_of_a_run_that_a_signal_ended_is_told_although_its_event_is_not_listed_any_more(hooked: Shell) -> None:
    kill_after_an_order(hooked)
    hooked.world.time.move(days=60)
    assert "1 order made (" in hooked.sync().lines[0]
    (call,) = told(hooked.world, "on_injected")
    (event,) = call["events"]
    assert (event["status"], event["date"], event["total"]) == ("injected", "2026-12-12", "254.80")


def test_an_order_of_a_run_that_a_signal_ended_is_told_with_the_change_of_its_event(hooked: Shell) -> None:
    kill_after_an_order(hooked)
    hooked.world.tripleseat.cancel_event(PAID)
    assert hooked.sync().status == 3
    (call,) = told(hooked.world, "on_injected")
    (event,) = [each for each in call["events"] if each["id"] == str(PAID)]
    assert (event["status"], event["reason"]) == ("injected", "CANCELLED_AFTER_INJECTION")


def test_an_order_of_a_run_that_a_signal_ended_is_told_once_its_event_is_out_of_trouble(hooked: Shell) -> None:
    kill_after_an_order(hooked)
    world = hooked.world
    world.rewrite_event(PAID, lines=[("Fruit Platter", 3, 5)])
    world.tripleseat.faults.add("status", "GET", f"/v1/events/{PAID}", times=None, status=503)
    assert "failed" in {each["status"] for each in hooked.sync("--json").answer["events"] if each["id"] == str(PAID)}
    assert str(PAID) not in {each for call in told(world, "on_injected") for each in ids(call)}
    world.tripleseat.faults.clear()
    for _ in range(2):
        world.time.move(minutes=45)
        hooked.sync()
    assert [str(PAID) in ids(call) for call in told(world, "on_injected")].count(True) == 1


class FullAtTheEnd(sqlite3.Connection):
    """A disk that is full when a run ends."""

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        if "SET finished_at" in sql:
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        return super().execute(sql, *parameters)


def test_an_order_whose_report_the_ledger_could_not_store_counts_for_the_next_run(
    hooked: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = hooked.world.runtime
    connect = functools.partial(sqlite3.connect, factory=FullAtTheEnd)
    with monkeypatch.context() as full:
        full.setattr(hooked.world, "runtime", lambda: replace(runtime(), database=connect))
        first = hooked.sync("--json")
    assert (first.status, first.answer["summary"]["injected"]) == (10, 3)
    second = hooked.sync("--json")
    assert (second.status, second.answer["summary"]["injected"]) == (3, 3)
    history = hooked.run("history", "--json", "--config", str(hooked.write_config())).answer["runs"]
    injected = [sum(event["status"] == "injected" for event in each["events"]) for each in history]
    assert [each["exit_status"] for each in history] == [3, None]
    assert injected == [3, 0]
    assert hooked.sync("--json").answer["summary"]["injected"] == 0
