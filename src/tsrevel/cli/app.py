"""One command line, run: the tree with every command in it."""

from __future__ import annotations

from contextlib import redirect_stderr, redirect_stdout

from tsrevel.cli.commands import care, doctor, initialise, insight, login, mapping, reconcile, runs, settings, trial
from tsrevel.cli.tree import app
from tsrevel.cli.world import World

__all__ = ["COMMANDS", "app", "run_command"]

USAGE = 2
COMMANDS = (runs, trial, settings, login, doctor, mapping, initialise, insight, reconcile, care)
"""The modules that hang their commands into the tree."""


def run_command(argv: list[str], world: World | None = None) -> int:
    """Run one command line; its exit status. `world` stands in for the real surroundings in tests."""
    world = world or World()
    try:
        with redirect_stdout(world.stdout), redirect_stderr(world.stderr):  # help and usage errors are typer's own
            app(args=argv, obj=world, prog_name="tsrevel")
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0
        if status == USAGE and "--json" in argv:
            text = "the command line can't be understood; stderr says why"
            world.answer({"schema": 1, "success": False, "reason": None, "error": text, "exit_status": USAGE})
        return status
    return 0
