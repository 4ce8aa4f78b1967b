"""The root of the command tree: its help, and `--version`."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tsrevel import __version__

ORDER = (
    "sync", "sync-event", "replay", "verify-signature", "status", "history", "explain", "resolve", "reconcile", "pause",
    "resume", "ledger", "init", "login", "doctor", "config", "map", "completion", "demo", "sandbox",
)  # fmt: skip
"""The commands as `--help` lists them."""


class _Tree(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 (typer keeps the type to itself)
        return sorted(super().list_commands(ctx), key=ORDER.index)


app = typer.Typer(
    name="tsrevel",
    cls=_Tree,
    help="Carries catering orders from TripleSeat to Revel POS: exactly one order an event, to the cent.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tsrevel {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    del version
