"""`pause` and `resume`: no network until it is taken back, and every report says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tsrevel.ledger import hold_lock

from ..world import World
from .bench import Ran, Shell

SINCE = "2026-12-12T18:00:00Z"


def type_in(shell: Shell, *argv: str, tty: bool = False) -> Ran:
    return shell.run(argv[0], "--config", str(shell.write_config()), *argv[1:], tty=tty)


@pytest.fixture
def paused(shell: Shell) -> Shell:
    assert type_in(shell, "pause", "--reason", "fire drill").status == 0
    return shell


def test_a_paused_sync_ends_at_once_without_a_request(paused: Shell) -> None:
    ran = paused.sync("--json")
    assert (ran.status, paused.requests) == (0, 0)
    assert ran.answer["reason"] == "CONNECTOR_DISABLED"
    assert ran.answer["paused"] == {"since": SINCE, "reason": "fire drill"}
    assert (ran.answer["success"], ran.answer["events"]) == (True, [])


@pytest.mark.parametrize("argv", [("sync-event", "64000001"), ("sync", "--dry-run")])
def test_so_does_every_other_run(paused: Shell, argv: tuple[str, ...]) -> None:
    ran = type_in(paused, *argv, "--json")
    assert (ran.status, ran.answer["paused"]["since"], paused.requests) == (0, SINCE, 0)


def test_a_run_on_a_terminal_says_since_when_and_why(paused: Shell) -> None:
    ran = paused.sync(tty=True)
    assert "paused since 2026-12-12 18:00 UTC (fire drill)" in ran.out
    assert "tsrevel resume" in ran.out


def test_off_a_terminal_it_is_silent(paused: Shell) -> None:
    ran = paused.sync()
    assert (ran.status, ran.out, ran.err) == (0, "", "")


def test_replay_is_told_as_well_and_keeps_its_deliveries(paused: Shell, tmp_path: Path) -> None:
    held = paused.replay("--held", "--json")
    assert (held.status, held.answer["reason"], held.answer["processed"]) == (0, "CONNECTOR_DISABLED", False)
    assert "fire drill" in held.answer["error"]
    captured = tmp_path / "one.json"
    captured.write_text(
        '{"webhook_trigger_type": "UPDATE_EVENT", "event": {"id": 64000001, "updated_at": "12/9/2026 10:21 am"}}'
    )
    ran = paused.replay(str(captured), "--unsigned", "--archive", str(tmp_path / "done"), "--json")
    assert (ran.status, ran.answer["ok"], ran.answer["reason"]) == (0, True, "CONNECTOR_DISABLED")
    assert "fire drill" in ran.answer["error"]
    assert captured.exists()
    assert paused.requests == 0


def test_a_run_that_is_not_paused_says_so(shell: Shell) -> None:
    assert shell.sync("--json").answer["paused"] is None


def test_pausing_twice_keeps_the_first_time_and_reason(paused: Shell) -> None:
    paused.world.time.move(hours=3)
    ran = type_in(paused, "pause", "--reason", "another", "--json")
    assert (ran.status, ran.answer["changed"], ran.answer["paused"]) == (
        0,
        False,
        {"since": SINCE, "reason": "fire drill"},
    )
    assert "stopped before" in type_in(paused, "pause").out


def test_resume_lets_runs_work_again(paused: Shell) -> None:
    ran = type_in(paused, "resume")
    assert (ran.status, ran.out) == (0, "Runs work again; they were paused since 2026-12-12 18:00 UTC (fire drill).\n")
    assert paused.sync("--json").answer["summary"]["injected"] == 3


def test_resume_is_fine_where_nothing_was_paused(shell: Shell) -> None:
    assert (type_in(shell, "resume").status, type_in(shell, "resume").out) == (0, "Runs weren't paused.\n")
    assert type_in(shell, "resume", "--json").answer["changed"] is False


def test_a_reason_is_not_needed(shell: Shell) -> None:
    ran = type_in(shell, "pause")
    assert ran.out.startswith("Runs are paused since 2026-12-12 18:00 UTC; `tsrevel resume` ends it.")
    assert shell.sync("--json").answer["paused"] == {"since": SINCE, "reason": None}
    assert type_in(shell, "resume").out == "Runs work again; they were paused since 2026-12-12 18:00 UTC.\n"


@pytest.mark.parametrize("reason", ["a\x1b[31m", "x" * 201])
def test_a_reason_is_a_line_of_text(shell: Shell, reason: str) -> None:
    assert type_in(shell, "pause", "--reason", reason).status == 2


def test_quiet_says_nothing(shell: Shell) -> None:
    assert (type_in(shell, "pause", "-q").out, type_in(shell, "resume", "-q").out) == ("", "")


def test_neither_waits_for_a_run_that_holds_the_lock(shell: Shell) -> None:
    with hold_lock(shell.world.settings().ledger_path):
        assert type_in(shell, "pause").status == 0
        assert shell.sync("--json").answer["reason"] == "CONNECTOR_DISABLED"
        assert type_in(shell, "resume").status == 0
        assert shell.sync("--json").status == 11


def test_both_are_in_the_audit_without_the_reason(paused: Shell) -> None:
    type_in(paused, "resume")
    with paused.world.ledger() as ledger:
        rows = ledger.audit_rows()
        ledger.verify_chain()
    assert [each.kind for each in rows] == ["paused", "resumed"]
    assert "fire drill" not in str(rows)


@pytest.mark.parametrize("state", ["damaged", "older"])
def test_a_ledger_that_can_not_be_asked_is_left_to_the_run(paused: Shell, state: str) -> None:
    path = paused.world.settings().ledger_path
    if state == "damaged":
        path.write_bytes(b"no database")
        assert paused.sync("--json").status == 10
    else:
        path.unlink()
        assert paused.sync("--json").status == 3


def test_a_run_stopped_on_its_way_says_so_below_its_table(shell: Shell) -> None:
    def pause() -> None:
        type_in(shell, "pause", "--reason", "fire drill")

    world: World = shell.world
    world.at("after POST /resources/OrderItem/", pause)
    ran = shell.sync(tty=True)
    assert "Stopped on the way: paused since 2026-12-12 18:00 UTC (fire drill)" in ran.out
    assert "1 injected" in ran.out
