"""`pause` and `resume`: no network until it is taken back, and every report says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tsrevel.ledger import hold_lock

from ..world import World
from .bench import Ran, Shell
from .test_status import plain

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
    assert "paused since 2026-12-12 10:00 PST (fire drill)" in ran.out
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


def test_pausing_again_gives_a_pause_without_a_reason_one(shell: Shell) -> None:
    type_in(shell, "pause")
    shell.world.time.move(hours=3)
    ran = type_in(shell, "pause", "--reason", "fire drill")
    assert "Its reason is now: fire drill." in ran.out
    assert shell.sync("--json").answer["paused"] == {"since": SINCE, "reason": "fire drill"}
    again = type_in(shell, "pause", "--reason", "another")
    assert "its reason stay; the new reason isn't stored" in again.out
    assert shell.sync("--json").answer["paused"] == {"since": SINCE, "reason": "fire drill"}


def test_resume_lets_runs_work_again(paused: Shell) -> None:
    ran = type_in(paused, "resume")
    assert (ran.status, ran.lines[0]) == (
        0,
        "Runs work again. They were paused since 2026-12-12 18:00 UTC (fire drill).",
    )
    assert paused.sync("--json").answer["summary"]["injected"] == 3


def test_resume_is_fine_where_nothing_was_paused(shell: Shell) -> None:
    assert (type_in(shell, "resume").status, type_in(shell, "resume").lines[0]) == (0, "Runs weren't paused.")
    assert type_in(shell, "resume", "--json").answer["changed"] is False


def test_a_reason_is_not_needed(shell: Shell) -> None:
    ran = type_in(shell, "pause")
    assert ran.out.startswith("Runs are paused since 2026-12-12 18:00 UTC; `tsrevel resume --config ")
    assert shell.sync("--json").answer["paused"] == {"since": SINCE, "reason": None}
    assert type_in(shell, "resume").lines[0] == "Runs work again. They were paused since 2026-12-12 18:00 UTC."


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
        rows = ledger.audit.rows()
        ledger.audit.verify()
    assert [each.kind for each in rows] == ["paused", "resumed"]
    assert "fire drill" not in str(rows)


@pytest.mark.parametrize("state", ["damaged", "older"])
def test_a_ledger_that_can_not_be_asked_is_left_to_the_run(paused: Shell, state: str) -> None:
    path = paused.world.settings().ledger_path
    if state == "damaged":
        path.write_bytes(b"no database")
        assert paused.sync("--json").status == 14
    else:
        path.unlink()
        assert paused.sync("--json").status == 3


def test_a_run_stopped_on_its_way_says_so_below_its_table(shell: Shell) -> None:
    def pause() -> None:
        type_in(shell, "pause", "--reason", "fire drill")

    world: World = shell.world
    world.at("after POST /resources/OrderItem/", pause)
    ran = shell.sync(tty=True)
    assert "The run stopped early: paused since 2026-12-12 10:00 PST (fire drill)" in ran.out
    assert "1 order made" in ran.out


# Of which installation it speaks


@pytest.mark.parametrize("verb", ["pause", "resume", "status"])
def test_each_says_of_which_settings_file_and_ledger_it_speaks(shell: Shell, verb: str) -> None:
    settings = shell.world.settings()
    config, ledger = shell.write_config(), settings.ledger_path
    answer = type_in(shell, verb, "--json").answer
    assert (answer["settings"], answer["ledger"]) == (str(config), str(ledger))
    for tty in (False, True):
        told = "".join(plain(type_in(shell, verb, tty=tty).out).split())  # long paths are folded on a terminal
        assert f"settings:{config}ledger:{ledger}" in told


@pytest.mark.parametrize("verb", ["pause", "resume", "status"])
def test_that_there_is_no_settings_file_is_said(shell: Shell, tmp_path: Path, verb: str) -> None:
    home = tmp_path / "home"
    environ = {"HOME": str(home), "TRIPLESEAT_OAUTH_CLIENT_ID": "client"}
    answer = shell.run(verb, "--json", environ=environ).answer
    assert answer["settings"] is None
    assert answer["ledger"] == str(home / ".local/state/tsrevel/ledger.sqlite3")
    assert "none found; all settings" in shell.run(verb, environ=environ).out


def test_a_relative_name_is_told_as_a_whole_path(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    config = shell.write_config()
    monkeypatch.chdir(config.parent)
    assert shell.run("status", "--config", config.name, "--json").answer["settings"] == str(config)


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_a_ledger_that_no_run_was_made_with_is_warned_of(shell: Shell, verb: str) -> None:
    ran = type_in(shell, verb, "--json")
    assert "no run has used this ledger" in ran.answer["warnings"][0]
    assert "no run has used this ledger" in type_in(shell, verb, "-q").err
    type_in(shell, "resume")
    shell.sync()
    ran = type_in(shell, verb, "--json")
    assert (ran.answer["warnings"], ran.err) == ([], "")
