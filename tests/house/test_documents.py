"""What an operator must be able to look up is written down, and nothing is that must not be."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
import typer

from tsrevel import errors
from tsrevel.cli.app import app
from tsrevel.cli.options import PANELS
from tsrevel.config import SETTINGS
from tsrevel.config.settings import OLD_NAMES
from tsrevel.planning.model import Treatment
from tsrevel.planning.reasons import Category, Reason, Status, advise

from . import commands_page, pages
from .source import ROOT, project_files

CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
PROMISES = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8").partition("## What it promises")[2]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
DESIGN = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
EXAMPLE = (ROOT / "config.example.toml").read_text(encoding="utf-8")
EXIT_STATUSES = (0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 129, 130, 143)
OF_THIS_MACHINE = re.compile("|".join(["/" + "work/", "/" + "root/", "py" + "pi", "index" + "-url", "find" + "-links"]))
SECRET_LIKE = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|\bSG\.[\w-]{16,}\.[\w-]{16,}|\bAKIA[0-9A-Z]{16}\b|\bghp_\w{30,}|\bxox[bp]-\w{10,}"
)


def commands(tree: typer.Typer, above: str = "") -> Iterator[str]:
    """The full name of every command that can be typed."""
    for each in tree.registered_commands:
        name = each.name or (each.callback.__name__ if each.callback else "")
        yield f"{above}{name}"
    for group in tree.registered_groups:
        if group.typer_instance:
            yield from commands(group.typer_instance, f"{above}{group.name or group.typer_instance.info.name} ")


def exceptions() -> list[type[errors.TsrevelError]]:
    found = [each for each in vars(errors).values() if isinstance(each, type)]
    return [each for each in found if issubclass(each, errors.TsrevelError)]


@pytest.mark.parametrize("name", sorted(commands(app)))
def test_a_guide_shows_every_command(name: str) -> None:
    told = [pages.read(each) for each in pages.GUIDES if each != commands_page.PAGE]
    assert any(re.search(rf"\b{re.escape(name)}\b", each) for each in told)


@pytest.mark.parametrize("treatment", get_args(Treatment))
def test_what_a_charge_may_be_is_said_wherever_it_is_set(treatment: str) -> None:
    init = typer.main.get_group(app).commands["init"]
    (option,) = [each for each in init.params if each.name == "charge"]
    assert f'"{treatment}"' in EXAMPLE
    assert f'"{treatment}"' in DESIGN
    assert f"={treatment}" in vars(option)["help"]


def test_the_page_of_commands_is_what_their_help_says() -> None:
    assert commands_page.PAGE.read_text(encoding="utf-8") == commands_page.write_page()


def test_every_command_has_its_place_in_help() -> None:
    named = [each.rich_help_panel for each in app.registered_commands]
    assert {*named, *(each.rich_help_panel for each in app.registered_groups)} == set(PANELS)


@pytest.mark.parametrize("status", EXIT_STATUSES)
def test_the_operators_guide_says_what_every_exit_status_means_and_asks(status: int) -> None:
    _, _, table = OPERATIONS.partition("| status | meaning | what to do |")
    assert re.search(rf"^\|[^|]*\b{status}\b[^|]*\| \S[^|]+ \| \S[^|]+ \|$", table, re.MULTILINE)


def test_the_operators_guide_names_only_findings_of_the_schedule_that_exist() -> None:
    table = OPERATIONS.partition("| code | meaning | what to do |")[2].partition("\n\n")[0]
    told = set(re.findall(r"`([A-Z_]+)`", "\n".join(row.split("|")[1] for row in table.strip().splitlines())))
    doctor = "".join(each.read_text(encoding="utf-8") for each in (ROOT / "src/tsrevel/doctor").glob("*.py"))
    assert (len(told) > 10, {each for each in told if f'"{each}"' not in doctor}) == (True, set())


def test_every_promise_names_a_test_that_is_there() -> None:
    rows = re.findall(r"\[`(test_\w+)`\]\(\.\./(tests/[^)]+)\)", PROMISES.partition("\n## ")[0])
    lost = [name for name, file in rows if f"def {name}(" not in (ROOT / file).read_text(encoding="utf-8")]
    assert (len(rows) >= 20, lost) == (True, [])


def test_the_operators_guide_says_of_every_reason_what_the_program_says() -> None:
    _, _, table = OPERATIONS.partition("| reason | status | meaning | what to do |")
    told: list[Reason] = []
    for row in re.findall(r"^\| (?:`(\w+)` )?\| (\w+)(.*?) \| .+ \| (.+) \|$", table, re.MULTILINE):
        told += [Reason(row[0])] if row[0] else []  # a row without a code goes on about the one above
        status = row[1] if row[1] in set(Status) else Status.SKIPPED
        disputed = told[-1] is Reason.AMOUNT_MISMATCH and "exit 14" in row[2]
        assert row[3] == advise("ID", status, told[-1], has_order=disputed)
    assert told == list(Reason)


@pytest.mark.parametrize("key", sorted(SETTINGS))
def test_the_example_config_holds_every_setting(key: str) -> None:
    section, _, name = key.rpartition(".")
    table = tomllib.loads(EXAMPLE)
    assert name in (table.get(section, {}) if section else table) or re.search(rf"^# ?{name} = ", EXAMPLE, re.MULTILINE)


@pytest.mark.parametrize("name", sorted(OLD_NAMES))
def test_the_old_services_names_are_written_down(name: str) -> None:
    assert re.search(rf"\b{name}\b", CONFIGURATION)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_category(reason: Reason) -> None:
    assert reason.category in set(Category)


@pytest.mark.parametrize("error", exceptions())
def test_every_error_ends_in_a_documented_status(error: type[errors.TsrevelError]) -> None:
    assert error.exit_status in EXIT_STATUSES


@pytest.mark.parametrize("error", exceptions())
def test_every_error_is_drawn_in_the_tree(error: type[errors.TsrevelError]) -> None:
    drawn = [line for line in (errors.__doc__ or "").splitlines() if re.search(rf"(── |^ *){error.__name__}\b", line)]
    assert len(drawn) == 1
    told = re.search(r"exit (\d+)", drawn[0])
    assert told is None or int(told[1]) == error.exit_status


def test_no_error_lives_outside_the_tree() -> None:
    names = {error.__name__ for error in exceptions()}
    drawn = set(re.findall(r"── (\w+)", errors.__doc__ or "")) | {"TsrevelError"}
    assert drawn == names


def test_no_file_names_this_machine_or_a_registry() -> None:
    told = [f"{path.name}: {found[0]}" for path, text in texts() if (found := OF_THIS_MACHINE.search(text))]
    assert told == []


def test_no_file_holds_what_looks_like_a_secret() -> None:
    assert [path.name for path, text in texts() if SECRET_LIKE.search(text)] == []


def texts() -> Iterator[tuple[Path, str]]:
    for path in project_files():
        yield path, path.read_bytes().decode("utf-8", errors="replace")
