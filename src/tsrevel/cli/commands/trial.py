"""`demo` and `sandbox`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.options import command
from tsrevel.cli.tree import app


@command(app)
def demo(ctx: CliContext, flags: OutputOptions) -> int:
    """Show the whole story, no account needed. The services are pretended, on this machine.

    It makes its own settings, so --config changes nothing.
    """
    from tsrevel.cli import demo as verb

    return verb.demo(ctx, flags)


@command(app, acts=True, unfinished="the pretend services are gone, with all that was in them")
def sandbox(
    ctx: CliContext,
    flags: OutputOptions,
    write_config: Annotated[
        Path | None,
        typer.Option("--write-config", metavar="F", help="Write a config that uses it, instead of printing it."),
    ] = None,
    tripleseat_port: Annotated[int, typer.Option("--tripleseat-port", min=0, max=65535, help="0: any free one.")] = 0,
    revel_port: Annotated[int, typer.Option("--revel-port", min=0, max=65535, help="0: any free one.")] = 0,
) -> int:
    """Serve the pretend services until interrupted. They listen on loopback, with a sample day in them.

    With --json: {"schema", "tripleseat": URL, "revel": URL, "config": the file written, or else its text}.
    It makes its own settings, so --config changes nothing.
    """
    from tsrevel.cli import sandbox as verb

    try:
        return verb.serve_sandbox(ctx, flags, write_config, (tripleseat_port, revel_port))
    except OSError as error:
        raise typer.BadParameter(f"the sandbox can't be served: {error.strerror or type(error).__name__}") from error
