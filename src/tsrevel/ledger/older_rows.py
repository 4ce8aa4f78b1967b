"""Reads the rows of older versions, which stored a sentence without a code.

Never change its sentences: they are those of stored rows. No other module reads a code out of a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping

from tsrevel.ledger.records import StationChange
from tsrevel.planning.reasons import Reason

_REASONS = {each.value: each for each in Reason}
_UNDONE = "it is as it was made again"


def read_dispute(reason: str | None, text: str | None) -> tuple[Reason | None, str | None]:
    """Why an order is disputed: code and text. Older rows have no code, and "CODE: text" as the text."""
    if reason is not None or text is None:
        return _REASONS.get(reason or ""), text
    code, _, rest = text.partition(": ")
    return (_REASONS[code], rest) if code in _REASONS else (None, text)


def read_station_change(detail: Mapping[str, str]) -> StationChange | None:
    """The change that an `order_shown` row's detail reports; None if it reports none. Older rows have only a text."""
    if "change" in detail:
        return StationChange(detail["change"])
    if "text" not in detail:
        return None
    return StationChange.UNDONE if detail["text"].endswith(_UNDONE) else StationChange.CHANGED
