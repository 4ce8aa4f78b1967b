"""Help: commands in groups, nothing cut, an example that can be typed, and the exit statuses."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator

import pytest
import typer

from tsrevel.cli.app import app
from tsrevel.cli.options import PANELS

from ..house.test_documents import EXIT_STATUSES
from .bench import Shell

STYLE = re.compile(r"\x1b\[[0-9;]*m")


def helps(tree: typer.Typer, above: str = "") -> Iterator[tuple[str, str, str]]:
    """Each command's name, its docstring and what stands below its options."""
    for each in tree.registered_commands:
        assert each.callback
        yield f"{above}{each.name}", each.help or "", each.epilog or ""
    for group in tree.registered_groups:
        assert group.typer_instance
        yield from helps(group.typer_instance, f"{group.name} ")


HELPS = list(helps(app))
BY_NAME = pytest.mark.parametrize(("name", "text", "epilog"), HELPS, ids=[name for name, _, _ in HELPS])


@pytest.fixture(autouse=True)
def _columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FORCE_COLOR", raising=False)


def shown(shell: Shell, *argv: str) -> list[str]:
    """The lines of a help page, without borders and styles."""
    ran = shell.run(*argv, "--help")
    assert (ran.status, ran.err) == (0, "")
    return [line.strip("│ ") for line in STYLE.sub("", ran.out).splitlines()]


def test_help_lists_the_commands_in_their_groups(shell: Shell) -> None:
    titles = [found[1] for line in shown(shell) if (found := re.match(r"[╭+]─ (.+?) ─", line))]
    assert titles == ["Options", *PANELS]


@BY_NAME
def test_a_summary_fits_into_one_line_of_80_columns(shell: Shell, name: str, text: str, epilog: str) -> None:
    summary = text.strip().partition("\n")[0].replace("`", "")
    *above, last = name.split()
    assert any(line.split(maxsplit=1) == [last, summary] for line in shown(shell, *above))
    assert epilog


@BY_NAME
@pytest.mark.parametrize("columns", ["60", "120"])
def test_no_word_of_help_is_lost(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, name: str, text: str, epilog: str, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    page = "".join("".join(shown(shell, *name.split())).split())
    for line in f"{text}\n{epilog}".replace("`", "").replace("\n-", "\n").splitlines():
        assert "".join(line.split()) in page


@BY_NAME
def test_the_example_is_one_of_the_command_and_can_be_typed(shell: Shell, name: str, text: str, epilog: str) -> None:
    del text
    found = re.search("Example: `(.+)`", epilog)
    assert found
    words = shlex.split(found[1])
    assert words[: 1 + name.count(" ") + 1] == ["tsrevel", *name.split()]
    assert shell.run(*words[1:], "--help").status == 0


@BY_NAME
def test_every_exit_status_in_help_is_one_of_the_contract(name: str, text: str, epilog: str) -> None:
    del name, text
    listed = {int(each) for each in re.findall(r"^- (\d+): ", epilog, re.MULTILINE)}
    assert {0, 1, 2, 130} <= listed <= set(EXIT_STATUSES)


def test_help_is_in_colours_on_a_terminal_and_plain_elsewhere(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = shell.run("--help", tty=True).out
    assert STYLE.search(coloured)
    assert "x1b" not in coloured
    plain = shell.run("--help").out
    assert STYLE.search(plain) is None
    assert STYLE.sub("", coloured) == plain


def test_what_was_typed_is_shown_and_not_obeyed(shell: Shell) -> None:
    ran = shell.run("sync", "--no\x1b[31mpe\x1b]0;x\x07", tty=True)
    assert ran.status == 2
    assert "\x1b" not in ran.err
    assert r"\x1b[31m" in ran.err


@pytest.mark.parametrize(
    "argv",
    [["snyc"], ["sync", "--nope"], ["ledger", "prune"], ["sync", "--hours-back", "0"], ["sync-event", "x"]],
    ids=str,
)
def test_a_usage_error_says_why_in_json_as_well(shell: Shell, argv: list[str]) -> None:
    shell.write_config()
    plain = shell.run(*argv)
    ran = shell.run(*argv, "--json")
    assert (plain.status, plain.out, ran.status) == (2, "", 2)
    assert ran.answer["exit_status"] == 2
    assert ran.answer["error"] in plain.err


def test_completion_that_cannot_be_installed_is_one_line() -> None:
    line = f"{sys.executable} -m tsrevel --install-completion; exit $?"
    environ = os.environ | {"HOME": "/dev/null"}
    done = subprocess.run(["bash", "-c", line], env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
