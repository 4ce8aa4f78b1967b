"""`pause` and `resume`: no network until it is taken back, and every report says so."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tsrevel.ledger import Ledger, hold_lock
from tsrevel.ledger.migrations import shipped_migrations, version_of
from tsrevel.wiring import utc_now

from ..world import World
from .bench import Ran, Shell
from .captured import sign
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


@pytest.mark.parametrize(
    "argv",
    [
        ("map", "suggest"), ("map", "list"), ("map", "products", "urn"), ("map", "check"),
        ("map", "set", "--establishment", "8", "Urn", "8200"), ("notify", "--test"), ("reconcile",),
        ("explain", "64000001"), ("rehearse", "64000001", "--yes"), ("sync",), ("replay", "--held"),
    ],
)  # fmt: skip
def test_no_command_calls_a_service_while_nobody_can_tell_whether_runs_are_paused(
    shell: Shell, argv: tuple[str, ...]
) -> None:
    shell.world.settings().ledger_path.write_bytes(b"no database at all")
    ran = shell.run(*argv, "--config", str(shell.write_config()), "--json")
    assert (ran.status, ran.answer["exit_status"], shell.requests) == (14, 14, 0)


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
    assert "That pause stays." in type_in(shell, "pause").out
    ran = type_in(shell, "pause", "--reason", "fire drill")
    assert "its reason is now: fire drill." in ran.out
    assert shell.sync("--json").answer["paused"] == {"since": SINCE, "reason": "fire drill"}
    again = type_in(shell, "pause", "--reason", "another")
    assert "That pause and its reason stay." in again.out
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


def test_neither_migrates_the_ledger_of_a_run_of_an_older_version(shell: Shell) -> None:
    settings = shell.world.settings()
    older = shipped_migrations()[:8]
    Ledger.open(settings.ledger_path, environment="sandbox", clock=utc_now, migrations=older).close()
    with hold_lock(settings.ledger_path):
        assert type_in(shell, "pause", "--reason", "upgrade").status == 0
        assert shell.sync("--json").answer["reason"] == "CONNECTOR_DISABLED"
        assert type_in(shell, "resume").status == 0
        with closing(sqlite3.connect(settings.ledger_path)) as connection:
            assert version_of(connection) == 8
    assert shell.sync("--json").answer["reason"] is None


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


# Whatever else is wrong with the settings, the kill switch is at hand

SPOILT_SECRETS = {"api_key_file": "gone", "api_key_command": "false"}


def spoil_secret(shell: Shell, way: str) -> None:
    """Give Revel's key by a file that isn't there, or by a command that fails."""
    shell.world.config["revel"].pop("api_key")
    shell.world.config["revel"][way] = SPOILT_SECRETS[way]


@pytest.mark.parametrize("way", SPOILT_SECRETS)
@pytest.mark.parametrize(
    "argv",
    [
        ("pause", "--reason", "fire drill"),
        ("resume",),
        ("status",),
        ("history",),
        ("resolve", "64000003", "--as", "ignored", "--note", "x"),
        ("ledger", "check"),
        ("ledger", "export"),
        ("explain", "64000003", "--offline"),
        ("login", "--status"),
        ("map", "list", "--offline"),
        ("schedule", "systemd"),
    ],
)
def test_a_command_that_calls_no_service_works_while_a_secret_can_not_be_read(
    shell: Shell, argv: tuple[str, ...], way: str
) -> None:
    assert shell.sync().status == 3
    spoil_secret(shell, way)
    ran = shell.run(*argv, "--config", str(shell.write_config()))
    assert ran.status in {0, 3}, ran.err
    assert "api_key" not in ran.err


@pytest.mark.parametrize("way", SPOILT_SECRETS)
def test_a_pause_holds_runs_that_get_the_secret_another_way(shell: Shell, way: str) -> None:
    key = shell.world.config["revel"]["api_key"]
    spoil_secret(shell, way)
    assert type_in(shell, "pause").status == 0
    ran = shell.sync("--json", environ={"REVEL_API_KEY": key})
    assert (ran.answer["reason"], shell.requests) == ("CONNECTOR_DISABLED", 0)


def test_a_signature_is_checked_while_other_secrets_can_not_be_read(shell: Shell) -> None:
    body = b'{"webhook_trigger_type": "UPDATE_EVENT", "event": {"id": 64000001}}'
    keys = shell.world.folder / "keys"
    keys.write_text("signing-key")
    shell.world.config["tripleseat"]["webhook_signing_keys_file"] = str(keys)
    spoil_secret(shell, "api_key_file")
    argv = ("verify-signature", "-", "--config", str(shell.write_config()), "--signature")
    assert shell.run(*argv, sign(body, "signing-key"), stdin=body).status == 0
    assert shell.run(*argv, sign(body, "another"), stdin=body).status == 4
    keys.unlink()
    assert shell.run(*argv, sign(body, "signing-key"), stdin=body).status == 10


def test_pause_says_that_the_check_goes_down_without_reading_its_address(shell: Shell) -> None:
    shell.world.config["monitor"] = {"ping_url_file": "gone"}
    assert "pause its check too" in type_in(shell, "pause").out


FAULTS: list[tuple[str, str, object]] = [
    ("revel", "station", "twenty-one"),
    ("safety", "max_order", 5),
    ("safety", "allowed_locations", [8]),
    ("revel", "base_url", "https://acme.revelup.com"),
    ("serve", "port", "x"),
]


@pytest.mark.parametrize(("section", "key", "value"), FAULTS)
def test_a_fault_elsewhere_in_the_settings_stops_no_pause(shell: Shell, section: str, key: str, value: object) -> None:
    sound = shell.world.config.get(section, {})
    shell.world.config[section] = {**sound, key: value}
    assert type_in(shell, "resume").status == 10
    ran = type_in(shell, "pause", "-q")
    assert (ran.status, ran.out) == (0, "")
    assert "so neither a run nor resume works with them; run `tsrevel config validate" in ran.err
    told = type_in(shell, "pause", "--json")
    assert "the settings have 1 problem" in told.answer["warnings"][0]
    shell.world.config[section] = sound
    assert shell.sync("--json").answer["reason"] == "CONNECTOR_DISABLED"


@pytest.mark.parametrize("name", ["mappings.toml", "TSREVEL_SAFETY__DRY_RUM"])
def test_nor_does_one_in_the_mappings_or_the_environment(shell: Shell, name: str) -> None:
    config = shell.write_config()
    environ = {name: "x"} if name.startswith("TSREVEL_") else {}
    if not environ:
        (config.parent / name).write_text("[[product]\n")
    ran = shell.run("pause", "--config", str(config), environ=environ)
    assert (ran.status, "neither a run nor resume works with them" in ran.err) == (0, True)


@pytest.mark.parametrize(
    ("spoil", "environ"),
    [
        ("[ledger]\npath = 5", {}),
        ("[ledger]\npath = '~other/x'", {}),
        ("[ledger]\npaht = 'x'", {}),
        ("[leger]\npath = 'x'", {}),
        ("ledger = 'x'", {}),
        ("environment = 'sandbx'", {}),
        ("[ledger", {}),
        ("", {"TSREVEL_LEGDER__PATH": "x"}),
        ("", {"TSREVEL_LEDGER__PAHT": "x"}),
    ],
)
def test_a_fault_that_may_hide_the_ledger_stops_it(shell: Shell, spoil: str, environ: dict[str, str]) -> None:
    for name in ("ledger", "environment"):
        shell.world.config.pop(name, None)
    config = shell.write_config()
    config.write_text(f"{spoil}\n{config.read_text()}")
    ran = shell.run("pause", "--config", str(config), environ=environ)
    assert (ran.status, ran.out) == (10, "")
    assert not list(config.parent.glob("*.sqlite3"))
