"""The one place that reads a code out of a sentence: rows that versions before the codes have stored.

Its sentences are those of stored rows. They never change, whatever the messages of today say.
"""

from __future__ import annotations

from collections.abc import Mapping

from tsrevel.ledger.records import StationChange
from tsrevel.planning.reasons import Reason

_REASONS = {each.value: each for each in Reason}
_UNDONE = "it is as it was made again"


def read_dispute(reason: str | None, text: str | None) -> tuple[Reason | None, str | None]:
    """What an order is disputed for: its code and its text. Older rows have "CODE: text" for a text, and no code."""
    if reason is not None or text is None:
        return _REASONS.get(reason or ""), text
    code, _, rest = text.partition(": ")
    return (_REASONS[code], rest) if code in _REASONS else (None, text)


def read_station_change(detail: Mapping[str, str]) -> StationChange | None:
    """What the detail of an `order_shown` row says was reported; None: nothing was. Older rows have the text alone."""
    if "change" in detail:
        return StationChange(detail["change"])
    if "text" not in detail:
        return None
    return StationChange.UNDONE if detail["text"].endswith(_UNDONE) else StationChange.CHANGED
