"""Words that a person types, such as ids. An unusable one is a usage error, before any service is called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import typer

from tsrevel.config.rules import ids_of_both_kinds
from tsrevel.planning.model import EventId
from tsrevel.text import is_id

if TYPE_CHECKING:
    from tsrevel.config import Settings

AN_EVENT_ID = "a TripleSeat event id (up to 18 digits, the first not 0)"


def read_event_id(text: str) -> EventId:
    """The event id in `text`, without blanks around it. Raises typer.BadParameter if it can't be an id."""
    bare = text.strip()
    if not is_id(bare):
        raise typer.BadParameter(f"{text!r} is not {AN_EVENT_ID}; `tsrevel status` lists some")
    return EventId(bare)


def find_event_id(text: str, knows: Callable[[EventId], bool]) -> EventId:
    """The same, but also accepts an id that is no number if the ledger `knows` it.

    The ledger has such ids from TripleSeat rows without a usable id, and from older versions.
    """
    for each in (text, text.strip()):
        if not is_id(each) and each and knows(EventId(each)):
            return EventId(each)
    return read_event_id(text)


def read_locations(settings: Settings, given: Sequence[str]) -> tuple[str, ...]:
    """The TripleSeat locations and sites to narrow a run to.

    Raises typer.BadParameter for an unknown one: a run would find nothing and yet end with success. And for one that
    is a location's and a site's: a run would include more than was meant.
    """
    locations = {str(each.tripleseat_location) for each in settings.locations if each.tripleseat_location}
    sites = {str(each.tripleseat_site) for each in settings.locations if each.tripleseat_site}
    named = [each.strip() for each in given]
    strange = [repr(each) for each in named if each not in locations | sites]
    if strange:
        listed = ", ".join(sorted(locations | sites)) or "none yet"
        raise typer.BadParameter(
            f"--location {', '.join(strange)}: no [[locations]] entry has this tripleseat_location or tripleseat_site; "
            f"the entries have: {listed}"
        )
    unclear = [repr(each) for each in named if each in map(str, ids_of_both_kinds(settings.locations))]
    if unclear:
        raise typer.BadParameter(
            f"--location {', '.join(unclear)}: [[locations]] entries have this as tripleseat_location and as "
            "tripleseat_site; give other ids of these entries, or name their places by tripleseat_location alone"
        )
    return tuple(dict.fromkeys(named))


def one_line(name: str, text: str) -> str:
    """The text for a line of another program's file. Raises typer.BadParameter if it would end or spoil the line."""
    if not text.isprintable():
        raise typer.BadParameter(f"{name} has a line break or another character that can't be printed: {text!r}")
    return text
