"""One command line, run."""

from __future__ import annotations

from contextlib import redirect_stderr, redirect_stdout

from typer.main import get_command

from tsrevel.cli.boundary import USAGE
from tsrevel.cli.commands import ledger, mapping, reports, runs, setup  # noqa: F401 (each hangs its commands into the tree)
from tsrevel.cli.context import CliContext
from tsrevel.cli.options import app as app

_COMMAND = get_command(app)


def run_command(argv: list[str], ctx: CliContext | None = None) -> int:
    """Run one command line; its exit status. `ctx` stands in for the real surroundings in tests."""
    ctx = ctx or CliContext()
    try:
        with redirect_stdout(ctx.stdout), redirect_stderr(ctx.stderr):  # help and usage errors are typer's own
            _COMMAND(args=argv, obj=ctx, prog_name="tsrevel")
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0
        if status == USAGE and "--json" in argv:
            ctx.answer_failure("the command line can't be understood; stderr says why", USAGE)
        return status
    return 0
