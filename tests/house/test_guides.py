"""The guides lead where they say: every link, every anchor, and every command with its options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from tsrevel.cli.app import app

from . import pages
from .pages import GUIDES, PAGES
from .source import ROOT

TREE: Any = get_command(app)
README = ROOT / "README.md"
LONGEST_README = 200
EACH_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda each: str(each.relative_to(ROOT)))
EACH_GUIDE = pytest.mark.parametrize("page", GUIDES, ids=lambda each: str(each.relative_to(ROOT)))


@EACH_PAGE
def test_every_link_of_a_page_leads_to_a_file_and_a_heading(page: Path) -> None:
    broken = []
    for name, anchor in pages.links(pages.read(page)):
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in pages.anchors(pages.read(target))):
            broken.append(f"{name}#{anchor}")
    assert broken == []


@EACH_GUIDE
def test_every_command_of_a_guide_can_be_typed(page: Path) -> None:
    assert [told for words in pages.commands(pages.read(page)) if (told := refusal(words))] == []


def refusal(words: list[str]) -> str:
    """Why the command line can't be typed as it stands; the words that stand for values are taken as they are."""
    command, name, rest = TREE, "tsrevel", list(words)
    while hasattr(command, "commands"):
        if not rest or rest[0].startswith("-"):
            break
        if rest[0] not in command.commands:
            return f"{name} has no {rest[0]}"
        name = f"{name} {rest[0]}"
        command = command.commands[rest.pop(0)]
    context = command.context_class(command, info_name=name)
    try:
        command.make_parser(context).parse_args(list(rest))
    except Exception as error:  # noqa: BLE001 (typer keeps the class of its errors to itself)
        return f"{name}: {error}"
    return ""


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("tsrevel sync --dry-run  # a word", [["sync", "--dry-run"]]),
        ("DRY_RUN=false /opt/x/.venv/bin/tsrevel sync && tsrevel status", [["sync"], ["status"]]),
        ("printf x | tsrevel replay - --json >> log", [["replay", "-", "--json"]]),
        ("tsrevel init \\\n    --prefill", [["init", "--prefill"]]),
        ("source .venv/bin/activate\npip install tsrevel", []),
    ],
)
def test_a_command_is_found_in_a_script(script: str, found: list[list[str]]) -> None:
    assert list(pages.commands(f"```sh\n{script}\n```\n")) == found


def test_a_command_is_found_in_a_crontab_and_in_a_sentence() -> None:
    text = "Use `tsrevel map suggest [--days 30]`:\n\n```cron\n0,45 0-21/3 * * *  tsrevel sync\n```\n"
    assert list(pages.commands(text)) == [["sync"], ["map", "suggest", "--days", "30"]]


@pytest.mark.parametrize("words", ["frobnicate", "map frobnicate", "sync --frobnicate", "sync --hours-back", "-x"])
def test_a_command_that_is_not_there_is_refused(words: str) -> None:
    assert refusal(words.split())


def test_the_readme_is_short() -> None:
    assert len(pages.read(README).splitlines()) <= LONGEST_README


def test_the_readme_makes_tsrevel_reachable_before_it_is_typed() -> None:
    """A block of the README that types `tsrevel` has its whole path, or comes after a way onto PATH."""
    found = False
    for block in pages.blocks(pages.read(README), "sh"):
        found = found or "/bin/activate" in block
        typed = [line for line in block.splitlines() if line.startswith(("tsrevel ", "DRY_RUN=false tsrevel "))]
        assert found or not typed, block


@pytest.mark.parametrize("guide", [each for each in GUIDES if each.parent == ROOT / "docs"], ids=lambda each: each.name)
def test_the_readme_leads_to_every_guide(guide: Path) -> None:
    assert guide.relative_to(ROOT).as_posix() in {name for name, _ in pages.links(pages.read(README))}
