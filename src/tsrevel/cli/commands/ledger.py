"""`pause`, `resume`, `ledger check`, `ledger backup`, `ledger export`, `ledger prune`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tsrevel.cli.context import CliContext
from tsrevel.cli.options import CARE, LEDGER_EXITS, LOCK_EXITS, app, command, group, new_file

Reason = Annotated[
    str, typer.Option("--reason", metavar="T", help="The reason, for people who read reports. Name no customers.")
]


@command(app, panel=CARE, example='tsrevel pause --reason "the menu is being changed"', exits=LEDGER_EXITS, acts=True)
def pause(ctx: CliContext, reason: Reason = "") -> int:
    """Stop all runs until `resume`.

    Runs do nothing and call no service. A run that is under way finishes its current order and begins no other. The
    ledger stores the pause with its time and reason. An earlier pause stays as it is. It reads no secrets, and works
    with faulty settings too, unless the fault may hide which ledger it is.
    """
    from tsrevel.cli import ledger as verb

    text = " ".join(reason.split())
    if not text.isprintable() or len(text) > 200:
        raise typer.BadParameter("--reason is a line of text of at most 200 characters")
    return verb.pause(ctx, text)


@command(app, panel=CARE, example="tsrevel resume", exits=LEDGER_EXITS, acts=True)
def resume(ctx: CliContext) -> int:
    """Let runs work again after `pause`.

    The next run looks back to the last good run.
    """
    from tsrevel.cli import ledger as verb

    return verb.resume(ctx)


care = group("ledger", CARE, "Check, copy, export and prune the ledger.")


@command(
    care,
    example="tsrevel ledger check",
    exits=LEDGER_EXITS | {10: "a setting is wrong, or there is no ledger, or it can't be used"},
)
def check(
    ctx: CliContext,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Another ledger, such as a backup. [default: ledger.path]")
    ] = None,
) -> int:
    """Check the ledger and its audit chain, and count what is in it.

    It takes no lock, so it works during a run. If there is no ledger, it fails: the ledger is lost, the path is wrong,
    or there was no run yet.
    """
    from tsrevel.cli import ledger as verb

    return verb.check_ledger(ctx, file)


@command(care, example="tsrevel ledger backup /backup/ledger-2026-12-18.db", exits=LEDGER_EXITS, acts=True)
def backup(
    ctx: CliContext,
    target: Annotated[
        Path, typer.Argument(metavar="F", callback=new_file, help="The new file. It must not exist yet.")
    ],
) -> int:
    """Copy the ledger to a new file, and check the copy.

    It takes no lock, so it works during a run.
    """
    from tsrevel.cli import ledger as verb

    return verb.back_up_ledger(ctx, target)


@command(care, example="tsrevel ledger export --output ledger.jsonl", exits=LEDGER_EXITS)
def export(
    ctx: CliContext,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", metavar="F", callback=new_file, help="Write to this new file. [default: standard output]"
        ),
    ] = None,
) -> int:
    """Print the ledger as JSON lines, without free texts.

    Each line is a JSON object: `table`, and the columns of one row. Free text reads `[redacted]`. It takes no lock.
    """
    from tsrevel.cli import ledger as verb

    return verb.export_ledger(ctx, output)


@command(care, example="tsrevel ledger prune --older-than 400 --dry-run", exits=LEDGER_EXITS | LOCK_EXITS, acts=True)
def prune(
    ctx: CliContext,
    older_than: Annotated[
        int,
        typer.Option(
            "--older-than", min=1, max=36_500, metavar="DAYS", help="Only orders settled more than DAYS days ago."
        ),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would be removed.")] = False,
) -> int:
    """Remove details of orders that were settled long ago.

    The order of each event and the audit stay for ever.
    """
    from tsrevel.cli import ledger as verb

    return verb.prune_ledger(ctx, older_than, dry_run=dry_run)
