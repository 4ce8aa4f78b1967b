"""Run one command line."""

from __future__ import annotations

import re
from contextlib import redirect_stderr, redirect_stdout

import typer
from typer.core import TyperGroup
from typer.main import get_command

from tsrevel.cli.boundary import UNEXPECTED
from tsrevel.cli.commands import ledger, mapping, reports, runs, setup  # noqa: F401 (each adds its commands to the tree)
from tsrevel.cli.context import CliContext
from tsrevel.cli.options import COMMON_OPTIONS
from tsrevel.cli.options import app as app
from tsrevel.cli.streams import styled
from tsrevel.text import reason_of

_COMMAND = get_command(app)
_LIBRARY_TEXTS = (
    (r"Value error, ", ""),
    (r"Input should be a valid integer\b.*", "it must be a whole number"),
    (r"Input should be a valid number\b.*", "it must be a number"),
    (r"Input should be greater than or equal to (\S+)", r"it must be at least \1"),
    (r"Input should be less than or equal to (\S+)", r"it must be at most \1"),
    (r" does not match the formats '%Y-%m-%d'\.?", " is not a day; write it like 2026-12-18"),
    (r"\. Choose from:\s+", "; it must be one of: "),
    (r"\n\t", " "),
)
"""Texts of typer and pydantic, and our texts in their place."""


def run_command(argv: list[str], ctx: CliContext | None = None) -> int:
    """Run one command line, and return its exit status. Tests pass a `ctx` of their own."""
    ctx = ctx or CliContext()
    with redirect_stdout(styled(ctx.stdout)), redirect_stderr(ctx.stderr):  # typer prints help and completion itself
        try:
            status = _COMMAND(args=argv, obj=ctx, prog_name="tsrevel", standalone_mode=False)
        except typer.TyperException as error:
            return _refuse(ctx, argv, error)
        except OSError as error:  # not of a command: `guard` catches those
            ctx.log(f"completion can't be installed: {reason_of(error)}")
            return UNEXPECTED
        except SystemExit as end:  # how completion ends
            status = end.code
    return status if isinstance(status, int) else 0


def _refuse(ctx: CliContext, argv: list[str], error: typer.TyperException) -> int:
    """Report a usage error on stderr, and with --json on stdout. It has no text if help was printed instead."""
    is_ours = isinstance(error, typer.BadParameter) and not (error.param or error.param_hint)
    text = error.message if is_ours else error.format_message()
    for theirs, ours in _LIBRARY_TEXTS:
        text = re.sub(theirs, ours, text)
    if text:
        place = getattr(error, "ctx", None)
        option = getattr(error, "option_name", None)
        if place and isinstance(place.command, TyperGroup) and option in COMMON_OPTIONS:
            command = f"{place.command_path} {place.command.list_commands(place)[0]}"
            text = f"{option} belongs after the command's name, like in `{command} {option}`"
        ctx.log(text)
        if place and not is_ours:  # our own texts say what is wrong
            ctx.log(f"{place.get_usage()}; `{place.command_path} --help` shows more")
    if "--json" in argv:
        ctx.answer_failure(text or "no command was given", error.exit_code)
    return error.exit_code
