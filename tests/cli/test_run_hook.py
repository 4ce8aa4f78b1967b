"""A hook: the operator's own command, with a limited time and without our secrets."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tsrevel.cli import notifications
from tsrevel.cli.notifications import HookFailure, run_hook, without_secrets

PLAIN = {"PATH": os.environ["PATH"]}


def test_it_gets_what_it_is_told_on_standard_input(tmp_path: Path) -> None:
    assert run_hook(f"tee '{tmp_path}/a file'", '{"é": 1}', PLAIN) is None
    assert (tmp_path / "a file").read_text() == '{"é": 1}'


def test_no_shell_comes_between(tmp_path: Path) -> None:
    run_hook(f"touch '{tmp_path}/$HOME; x'", "", PLAIN)
    assert [each.name for each in tmp_path.iterdir()] == ["$HOME; x"]


def test_it_sees_the_environment_that_it_is_given_and_no_other(tmp_path: Path) -> None:
    run_hook(f"sh -c 'env > {tmp_path}/env'", "", {**PLAIN, "GREETING": "hello"})
    names = {line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
    assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {"PATH", "GREETING"}


def test_what_it_prints_goes_nowhere(capfd: pytest.CaptureFixture[str]) -> None:
    run_hook("sh -c 'echo out; echo err >&2'", "", PLAIN)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("command", "started", "text"),
    [
        ("false", True, "failed with status 1"),
        ("sh -c 'exit 7'", True, "failed with status 7"),
        ("/no/such/command", False, "couldn't be run (No such file or directory)"),
        ("/etc", False, "couldn't be run (Permission denied)"),
    ],
)
def test_why_it_failed_is_told(command: str, started: bool, text: str) -> None:
    assert run_hook(command, "{}", PLAIN) == HookFailure(text, started)


def test_one_that_reads_nothing_is_no_failure() -> None:
    assert run_hook("true", "x" * 1_000_000, PLAIN) is None


@pytest.mark.real_process
def test_one_that_hangs_is_killed_with_all_it_has_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe has an end when nobody is left that holds it."""
    monkeypatch.setattr(notifications, "HOOK_SECONDS", 1.0)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)
    began = time.monotonic()
    hook = f"sh -c 'sh -c \"echo begun; sleep 60\" >{pipe} & sleep 60'"
    assert run_hook(hook, "{}", PLAIN) == HookFailure("took longer than 1.0 seconds")
    with os.fdopen(reader, "rb") as held:
        assert held.read() == b"begun\n"
    assert time.monotonic() - began < 30


def test_secrets_stay_out_of_its_environment() -> None:
    given = {
        "A": "fine",
        "REVEL_API_KEY": "x",
        "MY_COPY": "revel-secret",
        "URL": "https://u:revel-secret@h",
        "N": "abc",
    }
    left = without_secrets(given, {"REVEL_API_KEY"}, ["revel-secret", "b"])
    assert left == {"A": "fine", "N": "abc"}
