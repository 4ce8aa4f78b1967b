"""Rows that Revel has saved and doesn't show yet, as a copy of its database that lags behind would (facts Revel 6)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from .kept import look_at_ledger

if TYPE_CHECKING:
    import httpx

    from .rig import Rig

LONGEST_LAG = timedelta(minutes=5)
SHORT_LAG = 3
LONG_LAG = 30
"""Look-ups."""


def hide_saved(rig: Rig, response: httpx.Response, number: int) -> None:
    """Keep the row just saved out of as many look-ups as `number` says, and for LONGEST_LAG at most."""
    row = response.json()
    if "resource_uri" in row:
        resource = str(row["resource_uri"]).strip("/").split("/")[1]
        rig.revel.state.hidden[resource, row["id"]] = LONG_LAG if number % 4 == 3 else 1 + number % SHORT_LAG
        rig.hidden_until = rig.time.now + LONGEST_LAG


def show_unreceipted(rig: Rig) -> None:
    """A row whose receipt was never stored comes out of hiding soon: what nobody knows of can't be waited for."""
    hidden = rig.revel.state.hidden
    long = [key for key, lookups in hidden.items() if lookups > SHORT_LAG]
    known = {uuid for _, uuid, _ in look_at_ledger(rig).receipts} if long else set()
    for resource, number in long:
        if rig.revel.state.rows[resource][number]["uuid"] not in known:
            hidden[resource, number] = SHORT_LAG
