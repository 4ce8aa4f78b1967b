"""One command line, run; of the tree's commands only those are declared that it may need."""

from __future__ import annotations

from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from importlib import import_module
from typing import Any

import typer
from typer.main import get_command

from tsrevel.cli.tree import HOMES, app
from tsrevel.cli.world import World

USAGE = 2


def grow_tree(name: str = "") -> typer.Typer:
    """The command tree with that command in it, which is all that one command line needs; by default with all."""
    for home in [HOMES[name]] if name in HOMES else dict.fromkeys(HOMES.values()):
        import_module(f"tsrevel.cli.commands.{home}")
    return app


@cache
def build_command(name: str) -> Any:  # noqa: ANN401 (typer keeps the type to itself)
    """What `grow_tree` grows for that command, ready to run; built once, whatever is typed afterwards."""
    return get_command(grow_tree(name))


def run_command(argv: list[str], world: World | None = None) -> int:
    """Run one command line; its exit status. `world` stands in for the real surroundings in tests."""
    world = world or World()
    try:
        with redirect_stdout(world.stdout), redirect_stderr(world.stderr):  # help and usage errors are typer's own
            build_command(argv[0] if argv and argv[0] in HOMES else "")(args=argv, obj=world, prog_name="tsrevel")
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0
        if status == USAGE and "--json" in argv:
            text = "the command line can't be understood; stderr says why"
            world.answer({"schema": 1, "success": False, "reason": None, "error": text, "exit_status": USAGE})
        return status
    return 0
