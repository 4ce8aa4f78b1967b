"""Every command's JSON, in success and in failure, against the JSON Schemas in docs/schemas."""

from __future__ import annotations

import io
import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.main import get_command

from tsrevel.cli import context as surroundings
from tsrevel.cli.app import app, run_command
from tsrevel.cli.reference import ANSWERS

from .bench import Ran, Shell, execute, finish, start
from .captured import sign
from .consent import Admin, log_in
from .schemas import FOLDER, assert_published, find_errors, published

BODY = b'{"webhook_trigger_type": "CREATE_LEAD"}'
CAKE = "Ube Celebration Cake"
PREPARED: dict[str, list[list[str]]] = {
    "history": [["sync"]],
    "explain": [["sync"]],
    "status": [["sync"], ["resolve", "64000003", "--as", "done", "--order", "77", "--note", "by hand"]],
    "ledger check": [["sync"]],
    "ledger backup": [["sync"]],
    "ledger export": [["sync"]],
    "ledger prune": [["sync"]],
    "map unset": [["map set", CAKE, "8107"]],
    "resume": [["pause", "--reason", "stocktaking"]],
}
"""What is run before."""
GOOD: dict[str, list[list[str]]] = {
    "sync": [[], ["--dry-run"]],
    "sync-event": [["64000001", "64000003"]],
    "rehearse": [["64000001", "--yes"]],
    "replay": [["-", "--signature", sign(BODY)], ["--event", "64000001"]],
    "verify-signature": [["-", "--signature", sign(BODY)]],
    "status": [[]],
    "history": [[], ["64000001"], ["64000003"], ["1"]],
    "explain": [["64000001"], ["64000003"], ["64000001", "--offline"], ["1", "--offline"]],
    "resolve": [["64000003", "--as", "ignored", "--note", "not wanted"]],
    "reconcile": [[]],
    "pause": [["--reason", "stocktaking"]],
    "resume": [[]],
    "ledger check": [[]],
    "ledger backup": [["copy.db"]],
    "ledger export": [[], ["--output", "rows.jsonl"]],
    "ledger prune": [["--older-than", "400"]],
    "login": [["--status"], ["--logout"]],
    "doctor": [[], ["--assumptions"]],
    "report": [[], ["--offline"]],
    "config validate": [[]],
    "config show": [[]],
    "map list": [[], ["--seen"], ["--offline"]],
    "config generate": [[]],
    "map suggest": [[]],
    "map products": [["cake"], ["cake", "--establishment", "8"]],
    "map set": [[CAKE, "8107"], [CAKE, "8107", "--offline", "--establishment", "8"]],
    "map unset": [[CAKE]],
    "map check": [[]],
    "schedule": [["cron"], ["systemd"]],
    "notify": [["--test"]],
    "schema": [[], ["sync"], ["map"]],
    "man": [[]],
}
ELSEWHERE = {"init", "demo", "sandbox", "serve", "hook"}
"""They are run by tests of their own: below, in test_hooks.py, in tests/serve."""
BAD: dict[str, list[str]] = {
    "sync": ["--hours-back", "0"],
    "sync-event": ["none"],
    "rehearse": ["none"],
    "replay": ["nowhere"],
    "verify-signature": ["nowhere", "--signature", "t=1,v1=00"],
    "history": ["no event"],
    "explain": ["no event"],
    "resolve": ["64000003", "--as", "done"],
    "report": ["--output", "config.toml"],
    "reconcile": ["--from", "2026-12-24", "--to", "2026-12-01"],
    "ledger check": ["nowhere"],
    "ledger backup": ["config.toml"],
    "ledger export": ["--output", "config.toml"],
    "ledger prune": ["--older-than", "0"],
    "map list": ["--seen", "--offline"],
    "map set": ["Cake", "1"],
    "map products": ["cake", "--location", "Nowhere"],
    "map unset": ["nothing"],
    "schedule": ["windows"],
    "notify": [],
    "schema": ["nonsense"],
}


def type_in(shell: Shell, command: str, argv: list[str], *, config: Path | None = None) -> Ran:
    """The command with --json; it is compared with its schema by the shell itself."""
    given = [] if command in {"schema", "man"} else ["--config", str(config or shell.write_config())]
    return shell.run(*command.split(), *argv, "--json", *given, stdin=BODY)


def list_commands(tree: Any, above: str = "") -> Iterator[str]:
    for name, each in tree.commands.items():
        if hasattr(each, "commands"):
            yield from list_commands(each, f"{above}{name} ")
        else:
            yield f"{above}{name}"


def test_every_command_has_a_schema() -> None:
    typed = set(list_commands(get_command(app)))
    assert set(ANSWERS) == {*typed, "hook"}
    assert set(GOOD) | ELSEWHERE == set(ANSWERS)


def test_the_published_schemas_are_those_of_the_types() -> None:
    held = {path.name: path.read_text() for path in FOLDER.iterdir()}
    assert held == published(), "write them anew: python -m tests.cli.schemas"


@pytest.mark.parametrize("name", ANSWERS)
def test_a_schema_is_one_and_leaves_nothing_open(name: str) -> None:
    schema = json.loads((FOLDER / f"{name.replace(' ', '-')}.json").read_text())
    Draft202012Validator.check_schema(schema)
    kinds = [each for each in schema["$defs"].values() if each["type"] == "object"]
    assert [each["title"] for each in kinds if each["additionalProperties"]] == ["LedgerRow"] * (
        name == "ledger export"
    )


@pytest.mark.parametrize("command", GOOD)
def test_an_answer_is_what_its_schema_says(shell: Shell, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.chdir(shell.world.folder)
    shell.world.config["tripleseat"]["webhook_signing_keys"] = ["planted-signing-key"]
    for argv in PREPARED.get(command, []):
        type_in(shell, argv[0], argv[1:])
    for argv in GOOD[command]:
        ran = type_in(shell, command, argv)
        assert ran.out, ran.err
        assert all(json.loads(line)["schema"] == 1 for line in ran.lines)


@pytest.mark.parametrize("command", sorted(set(ANSWERS) - ELSEWHERE))
def test_a_failure_is_what_the_schema_says(shell: Shell, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.chdir(shell.world.folder)
    broken = shell.world.folder / "broken.toml"
    broken.write_text('nonsense = 1\n[sync]\nhours_back = "x"\n')
    tries = [type_in(shell, command, ["--nonsense"])]
    if command in BAD:
        tries.append(type_in(shell, command, BAD[command]))
    if command not in {"schema", "man", "config generate"}:
        tries.append(type_in(shell, command, GOOD[command][0], config=broken))
    for ran in tries:
        answer = ran.answer
        assert (answer["schema"], answer["success"]) == (1, False)
        assert ran.status == answer["exit_status"] != 0 or command == "doctor"


@pytest.mark.parametrize("command", ["sync", "doctor", "reconcile", "map list", "map suggest", "map check", "explain"])
def test_a_pause_is_told_as_the_schema_says(shell: Shell, command: str) -> None:
    type_in(shell, "pause", ["--reason", "stocktaking"])
    ran = type_in(shell, command, ["64000001"] if command == "explain" else [])
    assert ran.answer["schema"] == 1


def test_a_login_is_told_as_the_schema_says(shell: Shell) -> None:
    (shell.world.folder / "token.json").unlink()
    ran = log_in(shell, "--json", visit=Admin(shell.world).approve)
    assert find_errors("login", ran.answer) == []
    assert type_in(shell, "login", ["--status"]).answer["expired"] is False


def test_a_new_settings_file_is_told_as_the_schema_says(shell: Shell, tmp_path: Path) -> None:
    options = ["--set", "revel.domain=acme", "--set", "tripleseat.client_id=client", "--set", "revel.user=12"]
    keys = {"REVEL_API_KEY": "a", "REVEL_API_SECRET": "b", "TRIPLESEAT_OAUTH_CLIENT_SECRET": "c"}
    argv = ["init", "--json", "--output", str(tmp_path / "new.toml"), *options]
    first, second = (shell.run(*argv, environ=keys) for _ in range(2))
    assert (first.status, first.answer["schema"]) == (0, 1)
    assert (second.status, second.answer["exit_status"]) == (10, 10)


@pytest.mark.real_process
def test_the_demo_is_told_as_the_schema_says() -> None:
    out = io.StringIO()
    run_command(["demo", "--json"], surroundings.CliContext(environ={}, stdout=out, stderr=io.StringIO()))
    assert_published(["demo"], out.getvalue())
    failed = execute("demo", "--nonsense", "--json")
    assert_published(["demo"], failed.out)
    assert failed.status == 2


@pytest.mark.real_process
def test_the_sandbox_is_told_as_the_schema_says(tmp_path: Path) -> None:
    process = start("sandbox", "--json")
    assert process.stdout is not None
    line = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    finish(process)
    assert_published(["sandbox"], line)
    (tmp_path / "mine.toml").touch()
    failed = execute("sandbox", "--json", "--write-config", str(tmp_path / "mine.toml"))
    assert_published(["sandbox"], failed.out)
    assert (failed.status, failed.answer["exit_status"]) == (10, 10)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda answer: answer.update(undeclared=1),
        lambda answer: answer.pop("schema"),
        lambda answer: answer["summary"].pop("missed"),
        lambda answer: answer["events"][0].update(total=837.72),
        lambda answer: answer["events"][0].update(id=64000001),
        lambda answer: answer["events"][0].update(date="12/12/2026"),
    ],
)
def test_the_validator_finds_what_is_wrong(shell: Shell, spoil: Callable[[dict[str, object]], object]) -> None:
    answer = shell.sync("--json").answer
    assert find_errors("sync", answer) == []
    spoil(answer)
    assert find_errors("sync", answer)


def test_the_schema_of_a_command_and_of_a_group_can_be_printed(shell: Shell) -> None:
    one, group, everything = (json.loads(shell.run("schema", *argv).out) for argv in (["map", "list"], ["map"], []))
    assert one == group["map list"] == everything["map list"]
    assert set(group) == {name for name in ANSWERS if name.startswith("map ")}
    assert set(everything) == set(ANSWERS)
    assert shell.run("schema", "ma").status == 2
