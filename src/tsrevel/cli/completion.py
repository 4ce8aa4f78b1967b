"""Values that a shell completes: the events of the ledger.

A key press must not print an error: on any failure nothing is offered. Completion prints nothing, calls no service,
runs no command of the settings, and creates no file.
"""

from __future__ import annotations

import re
from pathlib import Path

import typer

from tsrevel.cli.context import CliContext

_MOST = 200
_WORD = re.compile(r"[\w.-]+")
_UNSAFE = re.compile(r"[^\w ,.-]+")
"""Characters that a shell may obey: zsh evaluates values and descriptions."""


def complete_event(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """The events that runs saw last, each with its description, which zsh and fish show."""
    try:
        from tsrevel.config import examine_settings
        from tsrevel.config.secret_values import CommandResult
        from tsrevel.ledger import open_view

        ctx: CliContext = context.obj
        config: Path | None = context.params.get("config")
        settings, _ = examine_settings(config=config, environ=ctx.environ, run=lambda *_: CommandResult("unread"))
        view = open_view(settings.ledger_path, settings.environment)
        if view is None:
            return []
        with view:
            found = list(view.queries.recent_events(incomplete, _MOST))
    except Exception:  # noqa: BLE001 (an error must not disturb a key press)
        return []
    return [(value, _UNSAFE.sub(" ", text)) for value, text in found if _WORD.fullmatch(value)]
