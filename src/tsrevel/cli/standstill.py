"""Why nothing may be asked of any service, for the commands that make no run (DESIGN 2, 3)."""

from __future__ import annotations

from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.config import Settings
from tsrevel.ledger import look_for_pause
from tsrevel.planning.reasons import Reason
from tsrevel.wiring import Runtime

NOTHING_CHECKED = 3
"""The exit status of a command that was to check something and couldn't: nothing found must not look like success."""


def why_disabled(settings: Settings, runtime: Runtime) -> str | None:
    """The kill switch in the settings, or the pause in the ledger, in words; None while services may be asked."""
    if not settings.safety.enable_connector:
        return "the connector is disabled (safety.enable_connector)"
    pause = look_for_pause(settings.ledger_path, runtime.database)
    return f"runs are {pause}" if pause else None


def report_nothing_checked(ctx: CliContext, flags: OutputOptions, why: str) -> int:
    """Say that nothing was checked, and why: the exit status."""
    text = f"nothing was checked: {why}"
    if flags.json:
        answer = {"schema": 1, "success": False, "exit_status": NOTHING_CHECKED}
        ctx.answer({**answer, "reason": Reason.CONNECTOR_DISABLED, "error": text, "text": text})
    else:
        print(f"{text[0].upper()}{text[1:]}.", file=ctx.stdout)
    return NOTHING_CHECKED
