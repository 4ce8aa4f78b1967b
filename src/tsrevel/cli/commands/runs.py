"""`replay`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.options import (
    Archive,
    DryRun,
    Event,
    FromSnapshot,
    Held,
    Plain,
    RunId,
    Signature,
    Unsigned,
    command,
)
from tsrevel.cli.tree import app


@command(app, acts=True)
def replay(
    ctx: CliContext,
    flags: OutputOptions,
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH...", help="Captured deliveries: files, folders, -.")
    ] = None,
    signature: Signature = None,
    unsigned: Unsigned = False,
    plain: Plain = False,
    archive: Archive = None,
    held: Held = False,
    run: RunId = None,
    event: Event = None,
    from_snapshot: FromSnapshot = False,
    dry_run: DryRun = False,
) -> int:
    """Take in webhook deliveries, or try held events again. Either goes through the same engine as sync.

    NAME.json has its signature in NAME.sig beside it. With --json: one object a line, one for each delivery or event.
    """
    from tsrevel.cli import replay as verb

    if sum([bool(paths), held, run is not None, bool(event)]) != 1:
        raise typer.BadParameter("name either deliveries (PATH...), --held, --run or --event")
    if paths:
        if from_snapshot:
            raise typer.BadParameter("--from-snapshot goes with --held, --run or --event")
        return verb.replay_captured(ctx, flags, paths, verb.ReplayOptions(signature, unsigned, plain, archive, dry_run))
    if signature is not None or unsigned or plain or archive:
        raise typer.BadParameter("--signature, --unsigned, --plain and --archive go with deliveries (PATH...)")
    return verb.retry_events(ctx, flags, verb.RetryOptions(held, run, tuple(event or ()), from_snapshot, dry_run))
