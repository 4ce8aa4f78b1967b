"""`man`: the man page has every command, and only requests that roff knows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tsrevel.cli.reference import ANSWERS, write_man_page

from .bench import Shell

REQUESTS = {"TH", "SH", "SS", "PP", "B", "I", "TP", "IP", "PD"}


def test_it_has_every_command_with_its_exit_statuses(shell: Shell) -> None:
    page = shell.run("man").out
    for command in set(ANSWERS) - {"hook"}:
        assert f".SS tsrevel {command}\n".replace("-", r"\-") in page, command
    assert page.count("Exit status:") == len(ANSWERS) - 1


def test_every_line_is_text_or_a_request_that_roff_knows() -> None:
    page = write_man_page()
    assert page.isascii()
    assert "\n\n" not in page
    assert {found[1] for found in re.finditer(r"^\.(\w+)", page, re.MULTILINE)} <= REQUESTS
    assert not re.search(r"^'", page, re.MULTILINE)


def test_it_needs_no_settings(shell: Shell, tmp_path: Path) -> None:
    answer = shell.run("man", "--json", environ={"HOME": str(tmp_path)}).answer
    assert answer == {"schema": 1, "success": True, "page": write_man_page()}


@pytest.mark.parametrize("text", ["Make the orders that are due", "~/.config/tsrevel/config.toml"])
def test_it_says(text: str) -> None:
    assert text in write_man_page()
