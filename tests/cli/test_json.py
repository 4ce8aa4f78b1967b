"""`--json`: one object on stdout, its keys and their order as DESIGN 4 has them, also on failure."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tsrevel.ledger import hold_lock

from .bench import Ran, Shell

KEYS = ["schema", "success", "mode", "run_id", "correlation_id", "dry_run", "reason", "summary", "events", "paused"]
SUMMARY = ["queried", "injected", "skipped", "held", "failed", "planned", "missed"]
EVENT = [
    *("id", "name", "date", "location", "establishment", "status"),
    *("reason", "category", "error", "revel_order_id", "local_id", "total"),
]
FAILURE = ["schema", "success", "reason", "error", "exit_status"]


def event(ran: Ran, event_id: int) -> dict[str, Any]:
    return next(each for each in ran.answer["events"] if each["id"] == str(event_id))


def assert_failed(ran: Ran, status: int) -> str:
    """The failure as one object, told on stderr too; its text."""
    assert ran.status == status
    assert list(ran.answer)[:5] == FAILURE
    assert ran.answer["success"] is False
    assert ran.answer["exit_status"] == status
    assert ran.err
    return str(ran.answer["error"])


def test_a_run_is_one_object_with_these_keys_in_this_order(shell: Shell) -> None:
    answer = shell.sync("--json").answer
    assert list(answer) == KEYS
    assert list(answer["summary"]) == SUMMARY
    assert all(list(each) == EVENT for each in answer["events"])


def test_an_injected_event_reads_as_designed(shell: Shell) -> None:
    assert event(shell.sync("--json"), 64000001) == {
        "id": "64000001",
        "name": "Example Widgets holiday lunch",
        "date": "2026-12-12",
        "location": "Special Events",
        "establishment": "8",
        "status": "injected",
        "reason": None,
        "category": None,
        "error": None,
        "revel_order_id": "5550103",
        "local_id": "Triple Seat_64000001",
        "total": "837.72",
    }


def test_a_held_event_says_why_and_whose_turn_it_is(shell: Shell) -> None:
    held = event(shell.sync("--json"), 64000003)
    assert (held["status"], held["reason"], held["category"]) == ("held", "UNMAPPED_ITEMS", "validation")
    assert "Ube Celebration Cake" in held["error"]
    assert (held["revel_order_id"], held["total"]) == (None, None)


def test_a_skip_of_every_day_is_no_error(shell: Shell) -> None:
    early = event(shell.sync("--json"), 64000004)
    assert (early["status"], early["reason"], early["category"]) == ("skipped", "TOO_EARLY", "time_gate")
    assert early["error"] is None


def test_ids_are_strings_and_money_has_two_decimals(shell: Shell) -> None:
    shell.world.add_event(lines=[("Agua Fresca", 2, "15.00")])
    answer = shell.sync("--json").answer
    totals = {each["id"]: each["total"] for each in answer["events"] if each["total"] is not None}
    assert totals["64000050"] == "30.00"
    assert all(isinstance(total, str) and total[-3] == "." for total in totals.values())
    assert all(isinstance(each[key], str) for each in answer["events"] for key in ("id", "establishment"))


def test_the_run_is_told_as_it_was(shell: Shell) -> None:
    answer = shell.sync("--json").answer
    assert (answer["schema"], answer["mode"], answer["dry_run"], answer["reason"]) == (1, "bulk", False, None)
    assert answer["correlation_id"] == f"sync-{answer['run_id'][:8]}"
    assert answer["summary"] == dict(zip(SUMMARY, (7, 3, 3, 1, 0, 0, 1), strict=True))
    assert answer["success"] is False


def test_named_events_are_a_single_run(shell: Shell) -> None:
    answer = shell.sync_event("64000001", "--json").answer
    assert (answer["mode"], answer["success"]) == ("single", True)
    assert [each["id"] for each in answer["events"]] == ["64000001"]


def test_a_dry_run_is_told_as_planned(shell: Shell) -> None:
    answer = shell.sync("--json", "--dry-run").answer
    assert (answer["dry_run"], answer["summary"]["planned"], answer["summary"]["injected"]) == (True, 3, 0)
    assert shell.world.writes == []


def test_names_stay_readable(shell: Shell) -> None:
    shell.world.add_event(name="Crème brûlée soirée")
    assert "Crème brûlée soirée" in shell.sync("--json").out


def test_a_config_error_is_one_object_with_every_problem(shell: Shell) -> None:
    del shell.world.config["sync"]
    config = shell.write_config()
    config.write_text(config.read_text() + "\n[safety2]\nx = 1\n[sync]\nhours_back = 0\nnonsense = true\n")
    ran = shell.run("sync", "--json", "--config", str(config))
    assert_failed(ran, 10)
    problems = ran.answer["problems"]
    assert {each["key"] for each in problems} >= {"safety2", "sync.hours_back", "sync.nonsense"}
    assert all(list(each) == ["key", "origin", "message", "remedy"] for each in problems)
    assert shell.requests == 0


@pytest.mark.parametrize(
    "argv",
    [
        ["sync", "--json", "--nonsense"],
        ["sync", "--json", "--log-format", "xml"],
        ["sync", "--json", "--hours-back", "0"],
        ["sync", "--json", "--max-orders", "0"],
        ["sync", "--json", "--from", "12/24/2026"],
        ["sync", "--json", "--from", "2026-12-24", "--to", "2026-12-01"],
        ["sync-event", "--json"],
        ["nonsense", "--json"],
    ],
    ids=" ".join,
)
def test_a_usage_error_is_one_object_too(shell: Shell, argv: list[str]) -> None:
    assert_failed(shell.run(*argv), 2)
    assert shell.requests == 0


def test_a_held_lock_is_one_object(shell: Shell) -> None:
    with hold_lock(shell.world.settings().ledger_path):
        assert "lock" in assert_failed(shell.sync("--json"), 11)
    assert shell.requests == 0


def test_refused_credentials_are_told_with_the_run(shell: Shell) -> None:
    shell.world.config["revel"]["api_secret"] = "stale"
    ran = shell.sync("--json")
    assert (ran.status, ran.answer["success"], ran.answer["reason"]) == (12, False, "AUTHORIZATION_DENIED")
    assert (ran.answer["exit_status"], list(ran.answer)[:10]) == (12, KEYS)
    assert "stale" not in ran.out + ran.err


def test_a_service_that_is_down_is_told_with_the_run(shell: Shell) -> None:
    shell.world.wires["tripleseat"].down = True
    ran = shell.sync("--json")
    assert (ran.status, ran.answer["reason"], ran.answer["events"]) == (13, "UPSTREAM_UNAVAILABLE", [])
    assert ran.answer["error"]


def test_a_fault_of_ours_is_one_object_without_data(shell: Shell) -> None:
    class Mine(Exception):
        """A fault whose text quotes what it must not."""

    quoted = "PLANTED"

    def fail() -> None:
        raise Mine(quoted)

    shell.world.at("clock", fail)
    ran = shell.sync("--json")
    assert "Mine" in assert_failed(ran, 1)
    assert quoted not in ran.out + ran.err


def test_an_interrupted_run_is_one_object(shell: Shell) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    shell.world.at("before POST", interrupt)
    assert "the next run continues" in assert_failed(shell.sync("--json"), 130)


def test_a_disabled_connector_is_a_success_that_did_nothing(shell: Shell) -> None:
    shell.world.config["safety"]["enable_connector"] = False
    ran = shell.sync("--json")
    assert (ran.status, ran.answer["success"], ran.answer["reason"]) == (0, True, "CONNECTOR_DISABLED")
    assert (ran.answer["summary"]["queried"], ran.answer["events"]) == (0, [])
    assert shell.requests == 0


def test_stdout_is_never_anything_else(shell: Shell) -> None:
    ran = shell.sync("--json", "-vv", tty=True)
    assert json.loads(ran.out)["schema"] == 1
