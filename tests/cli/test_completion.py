"""`completion`: scripts that shells accept, and that know every command and option there is."""

from __future__ import annotations

import re
import subprocess

import pytest

from tsrevel.cli.app import app
from tsrevel.cli.completion import Verb, read_tree

from ..house.test_documents import commands
from .bench import Shell

TRY = """
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_tsrevel
printf '%s\\n' "${COMPREPLY[@]}"
"""


def press_tab(script: str, *words: str) -> list[str]:
    """What bash offers for the last of `words`."""
    command = ["bash", "--norc", "-c", script + TRY, "bash", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.fixture
def bash(shell: Shell) -> str:
    ran = shell.run("completion", "bash")
    assert (ran.status, ran.err) == (0, "")
    return ran.out


def test_bash_finds_no_fault_in_it(bash: str) -> None:
    done = subprocess.run(["bash", "-n"], input=bash, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_bash_completes_every_command(bash: str) -> None:
    offered = set(press_tab(bash, "tsrevel", ""))
    assert offered == {name.split()[0] for name in commands(app)}
    assert set(press_tab(bash, "tsrevel", "sy")) == {"sync", "sync-event"}


@pytest.mark.parametrize("group", [verb for verb in read_tree(app).tree() if verb.verbs and verb.words], ids=str)
def test_bash_completes_what_stands_below_a_command(bash: str, group: Verb) -> None:
    below = {name.split()[-1] for name in commands(app) if name.startswith(f"{group.path} ")}
    assert set(press_tab(bash, "tsrevel", *group.words, "")) == below


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["sync", "--hours"], ["--hours-back"]),
        (["sync", "--config", "x", "--dry"], ["--dry-run"]),
        (["sync", "--log-format", ""], ["text", "json"]),
        (["login", "--sta"], ["--status"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["--ver"], ["--version"]),
        (["sync", "--config", ""], []),
        (["sync", ""], []),
    ],
    ids=str,
)
def test_bash_completes_options_and_their_values(bash: str, words: list[str], offered: list[str]) -> None:
    assert press_tab(bash, "tsrevel", *words) == offered


def test_an_option_in_help_is_an_option_in_the_script(shell: Shell) -> None:
    for verb in read_tree(app).tree():
        helped = shell.run(*verb.words, "--help").out
        listed = set(re.findall(r"^  (?:-\w, )?(--[a-z-]+)", helped, re.MULTILINE))
        assert listed == {name for flag in verb.flags for name in flag.names if name.startswith("--")}


@pytest.mark.parametrize("name", ["zsh", "fish"])
def test_other_shells_get_every_command_too(shell: Shell, name: str) -> None:
    ran = shell.run("completion", name)
    assert (ran.status, ran.err) == (0, "")
    for verb in read_tree(app).tree():
        assert verb.path in ran.out
    unquoted = re.sub(r"""\\'|'"'"'""", "", ran.out)
    assert unquoted.count("'") % 2 == 0


def test_json_holds_the_script(shell: Shell, bash: str) -> None:
    answer = shell.run("completion", "bash", "--json").answer
    assert answer == {"schema": 1, "success": True, "shell": "bash", "script": bash}


def test_an_unknown_shell_is_a_usage_error(shell: Shell) -> None:
    assert shell.run("completion", "tcsh").status == 2
    assert shell.run("completion").status == 2
