"""`verify-signature`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.options import Plain, Signature, command
from tsrevel.cli.tree import app


@command(app, "verify-signature", acts=True)
def verify_signature(
    ctx: CliContext,
    flags: OutputOptions,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The raw body; -: standard input.")] = Path("-"),
    signature: Signature = None,
    tolerance: Annotated[
        int | None,
        typer.Option("--tolerance", min=0, metavar="SECONDS", help="Refuse what was signed longer ago, or ahead."),
    ] = None,
    plain: Plain = False,
) -> int:
    """Check a webhook body against its signature. Exit status 0 or 4; no service is called.

    With --json: {"ok", "reason": a code or null, "timestamp": when it was signed, in epoch seconds, or null}.
    """
    from tsrevel.cli import verify as verb

    return verb.verify_signature(ctx, flags, file, signature, tolerance=tolerance, plain=plain)
