"""`config validate` and `config show`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.options import command
from tsrevel.cli.tree import app

config = typer.Typer(name="config", help="Check the settings, or show them with their origins.", no_args_is_help=True)
app.add_typer(config)


@command(config)
def validate(ctx: CliContext, flags: OutputOptions) -> int:
    """Check the settings offline. Every problem is told at once; exit status 0 or 10.

    Files and commands that give secrets (api_key_file, api_key_command) are read and run; no service is called.
    With --json: {"success", "problems": [{"key", "origin", "message", "remedy"}], "config": the file, ...}.
    """
    from tsrevel.cli import settings as verb

    return verb.validate_settings(ctx, flags)


@command(config)
def show(
    ctx: CliContext,
    flags: OutputOptions,
    form: Annotated[Literal["toml", "json"], typer.Option("--format", help="--json is the same as json.")] = "toml",
) -> int:
    """Print every setting with its origin, secrets masked. What is wrong goes to stderr, with exit status 10.

    Files and commands that give secrets are read and run, to tell whether they are set; no service is called.
    """
    from tsrevel.cli import settings as verb

    return verb.show_settings(ctx, flags, form)
