"""A name without a product, and its candidates, as a person reads them."""

from __future__ import annotations

from collections.abc import Mapping

from tsrevel.cli.map_data import UnmappedName
from tsrevel.cli.maps.speak import lay_out, shown_price
from tsrevel.planning.model import EstablishmentId
from tsrevel.planning.money import show
from tsrevel.planning.products import Suggestion

_MANY = 3
"""So many events are named of those that a name is on; --json names all."""


def describe(wanted: UnmappedName, places: Mapping[EstablishmentId, str]) -> str:
    """A name, where it has no product, and where it was seen."""
    item = f", menu item {wanted.menu_item_id}" if wanted.menu_item_id else ""
    place = places.get(wanted.establishment)
    where = f"establishment {wanted.establishment}" + (f", {place}" if place else "")
    events = list(wanted.events)
    listed = ", ".join(events[:_MANY]) + (", …" if len(events) > _MANY else "")
    seen = [f"{len(events)} event{'s' if len(events) > 1 else ''}: {listed}"] if events else []
    seen += [f"on {', '.join(wanted.menus)}"] if wanted.menus else []
    seen += [f"at {', '.join(map(show, wanted.prices))}"] if wanted.prices else []
    return f"{wanted.name}{item} ({where}; {'; '.join(seen)}): {wanted.why}"


def candidate_lines(wanted: UnmappedName) -> list[str]:
    """The candidates, numbered from 1."""
    rows = [
        (f"{n}", _score(each), str(each.offer.id), each.offer.name, _price(each), ", ".join(each.why))
        for n, each in enumerate(wanted.candidates, 1)
    ]
    nothing = "    nothing in the catalogue is like it: look for its product's id in Revel"
    return lay_out(rows, indent=4) if rows else [nothing]


def _score(candidate: Suggestion) -> str:
    return f"{candidate.score / 100:.2f}"


def _price(candidate: Suggestion) -> str:
    return shown_price(candidate.offer.price) or ""
