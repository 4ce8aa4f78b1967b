"""Writes `docs/commands.md`, every command as its own help has it: `python -m tests.house.commands_page`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer
from typer.main import get_command

from tsrevel.cli.app import app
from tsrevel.cli.options import COMMON_PANEL, PANELS

from .source import ROOT

PAGE = ROOT / "docs" / "commands.md"
TOP = """# Commands

`python -m tests.house.commands_page` writes this page from the commands' own help; a test fails if it isn't up to date.

Every command also takes these options, after its name:
"""


def write_page() -> str:
    tree: Any = get_command(app)  # typer keeps the types of commands to itself
    status = tree.commands["status"]
    common = [each for each in status.params if getattr(each, "rich_help_panel", None) == COMMON_PANEL]
    lines = [TOP, *_options(common, typer.Context(status))]
    for panel in PANELS:
        lines += ["", f"## {panel}"]
        for name in tree.list_commands(None):
            if tree.commands[name].rich_help_panel == panel:
                lines += _command(tree.commands[name], f"tsrevel {name}", "###")
    return "\n".join(lines) + "\n"


def _command(command: Any, name: str, mark: str) -> Iterator[str]:
    context = typer.Context(command, info_name=name)
    below = getattr(command, "commands", {})
    yield from ("", f"{mark} `{name}`", "", command.help.strip())
    if not below:
        yield from ("", "```text", command.get_usage(context).removeprefix("Usage: "), "```", "")
        yield from _options([each for each in command.params if each.rich_help_panel != COMMON_PANEL], context)
        yield from ("", command.epilog)
    for each in below.values():
        yield from _command(each, f"{name} {each.name}", f"{mark}#")


def _options(params: list[Any], context: typer.Context) -> Iterator[str]:
    for name, text in (each.get_help_record(context) for each in params):
        yield f"- `{name}`: {text}"


if __name__ == "__main__":
    PAGE.write_text(write_page(), encoding="utf-8")
