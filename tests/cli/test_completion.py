"""The shell completes commands, options and values; whatever is wrong, it offers nothing and disturbs nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tsrevel.cli.app import app
from tsrevel.ledger import EventResult, RunRecord
from tsrevel.planning.model import EventId

from ..house.test_documents import commands
from .bench import Shell

EVENTS = [f"6400000{n}" for n in range(1, 8)]


def press_tab(shell: Shell, *words: str, of: str = "bash") -> list[str]:
    """The lines that the shell is given for the last of `words`."""
    line = " ".join(["tsrevel", *words])
    asked = {
        "_TSREVEL_COMPLETE": f"complete_{of}",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words)),
        "_TYPER_COMPLETE_ARGS": line,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in asked.items():
            patch.setenv(name, value)
        ran = shell.run()
    assert (ran.status, ran.err) == (0, "")
    return ran.out.split("\n")[:-1] if ran.out.strip() else []


@pytest.fixture
def config(shell: Shell) -> str:
    """The settings of a place where one run was made."""
    shell.sync()
    shell.environ["TSREVEL_CONFIG"] = str(shell.world.folder / "config.toml")
    return shell.environ["TSREVEL_CONFIG"]


def test_every_command_is_completed(shell: Shell) -> None:
    names = set(commands(app))
    assert set(press_tab(shell, "")) == {name.split()[0] for name in names}
    assert set(press_tab(shell, "sy")) == {"sync", "sync-event"}
    for above in {name.split()[0] for name in names if " " in name}:
        below = {name.split()[1] for name in names if name.startswith(f"{above} ")}
        assert set(press_tab(shell, above, "")) == below


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["sync", "--hours"], ["--hours-back"]),
        (["sync", "--config", "x", "--dry"], ["--dry-run"]),
        (["sync", "--log-format", ""], ["text", "json"]),
        (["resolve", "1", "--as", ""], ["done", "ignored", "open"]),
        (["--ver"], ["--version"]),
        (["sync", "--config", ""], []),
    ],
    ids=str,
)
def test_options_and_their_values_are_completed(shell: Shell, words: list[str], offered: list[str]) -> None:
    assert press_tab(shell, *words) == offered


@pytest.mark.usefixtures("config")
@pytest.mark.parametrize(
    "words", [["explain"], ["history"], ["resolve"], ["sync-event"], ["replay", "--event"]], ids=str
)
def test_the_events_of_the_ledger_are_completed(shell: Shell, words: list[str]) -> None:
    assert sorted(press_tab(shell, *words, "")) == EVENTS
    assert press_tab(shell, *words, "64000003") == ["64000003"]
    assert press_tab(shell, *words, "7") == []


@pytest.mark.usefixtures("config")
def test_a_shell_that_shows_descriptions_shows_what_became_of_an_event(shell: Shell) -> None:
    for of in ("zsh", "fish"):
        (held,) = press_tab(shell, "explain", "64000003", of=of)
        assert "64000003" in held
        assert "held UNMAPPED_ITEMS" in held


def test_events_that_a_dry_run_saw_are_completed_too(shell: Shell) -> None:
    shell.sync("--dry-run")
    assert sorted(press_tab(shell, "explain", "--config", str(shell.write_config()), "")) == EVENTS


def test_the_settings_that_are_named_on_the_line_count(shell: Shell, config: str) -> None:
    del shell.environ["TSREVEL_CONFIG"]
    assert press_tab(shell, "explain", "") == []
    assert sorted(press_tab(shell, "explain", "--config", config, "6400000")) == EVENTS


@pytest.mark.usefixtures("config")
def test_nothing_is_offered_that_a_shell_would_obey(shell: Shell) -> None:
    with shell.world.ledger() as ledger:
        ledger.runs.begin(RunRecord("run-x", "sync-x", "bulk", dry_run=False, started_at=datetime.now(UTC)))
        seen = [
            EventResult(EventId(each), None, "held", None, "why", None) for each in ("$(reboot)", "6 4", "`x`", "64-1")
        ]
        ledger.events.store_results("run-x", seen)
    for of in ("bash", "zsh", "fish"):
        offered = " ".join(press_tab(shell, "explain", "", of=of))
        assert "64-1" in offered
        assert not set(offered.replace("_arguments '*: :((", "").replace("))'", "")) & set("$`;\\'[")


def damage_settings(folder: Path) -> None:
    (folder / "config.toml").write_text("[[[")


def damage_ledger(folder: Path) -> None:
    for each in folder.rglob("ledger.sqlite3*"):
        each.write_bytes(b"no database")


def remove_ledger(folder: Path) -> None:
    for each in folder.rglob("ledger.sqlite3*"):
        each.unlink()


def remove_settings(folder: Path) -> None:
    (folder / "config.toml").unlink()


@pytest.mark.usefixtures("config")
@pytest.mark.parametrize("harm", [damage_settings, damage_ledger, remove_ledger, remove_settings])
def test_whatever_is_wrong_nothing_is_offered_printed_or_made(shell: Shell, harm: object) -> None:
    assert callable(harm)
    harm(shell.world.folder)
    before = {each: each.stat().st_mtime_ns for each in shell.world.folder.rglob("*")}
    assert press_tab(shell, "explain", "") == []
    assert {each: each.stat().st_mtime_ns for each in shell.world.folder.rglob("*")} == before


def test_a_key_press_runs_no_command_calls_no_service_and_makes_no_file(shell: Shell, config: str) -> None:
    ran = shell.world.folder / "was-run"
    text = Path(config).read_text()
    Path(config).write_text(text.replace("[revel]", f'[revel]\napi_secret_command = "touch {ran}"'))
    before, asked = sorted(shell.world.folder.rglob("*")), shell.requests
    assert press_tab(shell, "explain", "") != []
    assert (sorted(shell.world.folder.rglob("*")), shell.requests) == (before, asked)


def test_bash_offers_events_once_its_script_is_loaded(config: str, tmp_path: Path) -> None:
    command = tmp_path / "tsrevel"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m tsrevel "$@"\n')
    command.chmod(0o755)
    script = """
        eval "$(_TSREVEL_COMPLETE=source_bash tsrevel)"
        COMP_WORDS=(tsrevel explain 6400000)
        COMP_CWORD=2
        _tsrevel_completion tsrevel
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "TSREVEL_CONFIG": config, "HOME": str(tmp_path)}
    bash = ["bash", "--norc", "-c", script]
    done = subprocess.run(bash, env=environ, capture_output=True, text=True, timeout=60, check=True)
    assert (done.stderr, sorted(done.stdout.split())) == ("", EVENTS)
