"""Values that a shell completes: events and runs of the ledger, locations of the settings.

A key press must not print an error: on any failure nothing is offered. Completion prints nothing, calls no service,
runs no command of the settings, and creates no file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tsrevel.cli.context import CliContext

if TYPE_CHECKING:
    from tsrevel.config import Settings
    from tsrevel.ledger import LedgerView

Candidates = list[tuple[str, str]]
"""Each value with its description, which zsh and fish show."""

_MOST = 200
_WORD = re.compile(r"[\w.-]+")
_UNSAFE = re.compile(r"[^\w ,.-]+")
"""Characters that a shell may obey: zsh evaluates values and descriptions."""


def complete_event(context: typer.Context, incomplete: str) -> Candidates:
    """The events that runs saw last."""
    return _offer(context, lambda _, view: view.queries.recent_events(incomplete, _MOST) if view else ())


def complete_run(context: typer.Context, incomplete: str) -> Candidates:
    """The last runs, by their correlation ids."""

    def list_runs(_: Settings, view: LedgerView | None) -> Iterable[tuple[str, str]]:
        for run in view.runs.latest(_MOST) if view else ():
            if run.correlation_id.startswith(incomplete):
                yield run.correlation_id, f"{run.started_at:%Y-%m-%d %H.%M} UTC, exit {run.exit_status}"

    return _offer(context, list_runs)


def complete_location(context: typer.Context, incomplete: str) -> Candidates:
    """The TripleSeat locations and sites of the settings."""

    def list_locations(settings: Settings, _: LedgerView | None) -> Iterable[tuple[str, str]]:
        for each in settings.locations:
            for number in (each.tripleseat_location, each.tripleseat_site):
                if number and str(number).startswith(incomplete):
                    yield str(number), each.name

    return _offer(context, list_locations)


def _offer(
    context: typer.Context, find: Callable[[Settings, LedgerView | None], Iterable[tuple[str, str]]]
) -> Candidates:
    try:
        from tsrevel.config import examine_settings
        from tsrevel.config.secret_values import CommandResult
        from tsrevel.ledger import open_view

        ctx: CliContext = context.obj
        config: Path | None = context.params.get("config")
        settings, _ = examine_settings(config=config, environ=ctx.environ, run=lambda *_: CommandResult("unread"))
        with open_view(settings.ledger_path, settings.environment) or nullcontext() as view:
            found = list(find(settings, view))
    except Exception:  # noqa: BLE001 (an error must not disturb a key press)
        return []
    return [(value, _UNSAFE.sub(" ", text)) for value, text in found if _WORD.fullmatch(value)]
