"""Why nothing may be asked of any service, for the commands that make no run (DESIGN 2, 3)."""

from __future__ import annotations

from tsrevel.config import Settings
from tsrevel.ledger import look_for_pause
from tsrevel.wiring import Seams


def why_switched_off(settings: Settings, seams: Seams) -> str | None:
    """The kill switch in the settings, or the pause in the ledger, in words; None while services may be asked."""
    if not settings.safety.enable_connector:
        return "the connector is disabled (safety.enable_connector)"
    pause = look_for_pause(settings.ledger_path, seams.database)
    return f"runs are {pause}" if pause else None
