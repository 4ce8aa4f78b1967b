"""`pause`, `resume`, `ledger check`, `ledger backup`, `ledger export`, `ledger prune`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.options import app, command

Reason = Annotated[
    str, typer.Option("--reason", metavar="T", help="Why, for whoever reads the reports; no customer's name.")
]


@command(app, acts=True)
def pause(ctx: CliContext, flags: OutputOptions, reason: Reason = "") -> int:
    """Stop all runs until `resume`. They do nothing and call no service; one under way finishes the order in
    hand and begins no other.

    Kept in the ledger, with time and reason; an earlier pause stands.
    """
    from tsrevel.cli import ledger as verb

    text = " ".join(reason.split())
    if not text.isprintable() or len(text) > 200:
        raise typer.BadParameter("--reason is a line of text of at most 200 characters")
    return verb.pause(ctx, flags, text)


@command(app, acts=True)
def resume(ctx: CliContext, flags: OutputOptions) -> int:
    """Let runs work again after `pause`. The next one looks back as far as the last good one."""
    from tsrevel.cli import ledger as verb

    return verb.resume(ctx, flags)


care = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Take care of the ledger. It is the one file that knows which event has which order.",
)
app.add_typer(care, name="ledger")


@command(care)
def check(
    ctx: CliContext,
    flags: OutputOptions,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Another ledger, such as a backup [default: ledger.path].")
    ] = None,
) -> int:
    """Check the file, its references and its audit chain, and count what is in it: exit 0 or 14. It takes no lock."""
    from tsrevel.cli import ledger as verb

    return verb.check_ledger(ctx, flags, file)


@command(care, acts=True)
def backup(
    ctx: CliContext,
    flags: OutputOptions,
    target: Annotated[Path, typer.Argument(metavar="F", help="A new file; none is overwritten.")],
) -> int:
    """Copy the ledger, whole and checked, also while a run is under way. It takes no lock."""
    from tsrevel.cli import ledger as verb

    return verb.back_up_ledger(ctx, flags, target)


@command(care)
def export(
    ctx: CliContext,
    flags: OutputOptions,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="F", help="Into a new file [default: standard output].")
    ] = None,
) -> int:
    """Print the ledger as JSON lines, a row each, with every free text taken out. It takes no lock.

    Each line is {"table": ..., and the row's columns}; a text taken out reads "[redacted]".
    """
    from tsrevel.cli import ledger as verb

    return verb.export_ledger(ctx, flags, output)


@command(care, acts=True)
def prune(
    ctx: CliContext,
    flags: OutputOptions,
    older_than: Annotated[int, typer.Option("--older-than", min=1, metavar="DAYS", help="Settled so many days ago.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would go.")] = False,
) -> int:
    """Drop details of orders settled long ago. Which event has which order stays for ever, and so does the audit."""
    from tsrevel.cli import ledger as verb

    return verb.prune_ledger(ctx, flags, older_than, dry_run=dry_run)
