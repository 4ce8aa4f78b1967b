"""What isn't a regular file is refused at once, wherever a command takes a file; nobody waits for its other end."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .bench import Shell
from .captured import KEY, Spool, answers, sign
from .test_replay import FULL, event_body


@pytest.fixture(autouse=True)
def _signed(shell: Shell) -> None:
    shell.world.config["tripleseat"]["webhook_signing_keys"] = [KEY]


def test_a_named_pipe_as_signature_holds_up_no_other_delivery(shell: Shell, spool: Spool) -> None:
    os.mkfifo(spool.put("a", event_body(shell), None).with_suffix(".sig"))
    spool.put("b", event_body(shell))
    ran = shell.replay(str(spool.folder), "--json")
    assert [each["ok"] for each in answers(ran)] == [False, True]
    assert "a named pipe" in answers(ran)[0]["error"]
    assert shell.world.flaws(FULL) == []


def test_what_is_no_file_in_a_folder_is_named_and_stays(shell: Shell, spool: Spool) -> None:
    spool.put("e", event_body(shell))
    os.mkfifo(spool.folder / "a.json")
    (spool.folder / "b.json").symlink_to("/dev/zero")
    (spool.folder / "c.json").mkdir()
    (spool.folder / "d.json").symlink_to("nowhere")
    ran = shell.replay(str(spool.folder), "--json", "--archive", str(spool.folder.with_name("archive")))
    assert ran.status == 3
    assert [each["ok"] for each in answers(ran)] == [False, False, False, False, True]
    assert sorted(each.name for each in spool.folder.iterdir()) == ["a.json", "b.json", "c.json", "d.json"]
    assert shell.world.flaws(FULL) == []


def test_a_named_pipe_as_delivery_is_refused(shell: Shell, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    ran = shell.replay(str(tmp_path / "pipe"), "--json", "--unsigned")
    assert (ran.status, answers(ran)[0]["ok"]) == (3, False)
    ran = shell.run("verify-signature", str(tmp_path / "pipe"), "--signature", "x", "--config", config(shell))
    assert ran.status == 2
    assert "a named pipe" in ran.err


def config(shell: Shell) -> str:
    return str(shell.write_config())


@pytest.mark.parametrize("name", ["-", "/dev/stdin", "/dev/fd/0"])
def test_standard_input_is_no_file_and_taken(shell: Shell, name: str) -> None:
    body = event_body(shell)
    ran = shell.run("verify-signature", name, "--signature", sign(body), "--config", config(shell), stdin=body)
    assert ran.status == 0


@pytest.mark.parametrize("name", ["token.json", "ledger.sqlite3", "ledger.sqlite3.lock", "mappings.toml"])
def test_a_named_pipe_among_the_files_of_a_run_is_a_matter_of_configuration(shell: Shell, name: str) -> None:
    path, config = shell.world.folder / name, shell.write_config()
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    ran = shell.run("sync", "--config", str(config), "--json")
    assert (ran.status, shell.requests) == (10, 0)
    assert "a named pipe" in ran.answer["error"]


@pytest.mark.parametrize(
    "argv",
    [
        ["ledger", "backup", "-"],
        ["ledger", "export", "--output", "-"],
        ["report", "--offline", "--output", "-"],
        ["reconcile", "--html", "-"],
        ["schedule", "cron", "--log", "-"],
        ["sandbox", "--write-config", "-"],
        ["init", "--output", "-"],
        ["replay", "a.json", "--archive", "./-"],
    ],
)
def test_a_dash_is_no_file_to_write(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: list[str]
) -> None:
    """To many programs it means standard output."""
    shell.sync()
    config = str(shell.write_config())
    monkeypatch.chdir(tmp_path)
    ran = shell.run(*argv, "--json", "--config", config)
    assert (ran.status, ran.answer["exit_status"]) == (2, 2)
    assert "not standard output; give another name" in ran.err
    assert not (tmp_path / "-").exists()
