"""What a Revel account offers to be named in the settings: establishments, users, stations, payment types, discounts.

Read only, for the commands that set up and check (facts Revel 5.4, 5.7). Dining options can't be listed (5.5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from tsrevel.planning.model import EstablishmentId, ProductId
from tsrevel.planning.suggest import Offer
from tsrevel.revel.decode import Row, decode_id, decode_page
from tsrevel.revel.lists import read_rows
from tsrevel.revel.products import find_offer, read_offers
from tsrevel.transport import Channel

Entry = TypeVar("Entry", "Establishment", "Named")


@dataclass(frozen=True, slots=True)
class Establishment:
    """A Revel establishment. `timezone` is what Revel says, "" where it says nothing."""

    id: int
    name: str
    timezone: str
    active: bool


@dataclass(frozen=True, slots=True)
class Named:
    """A user, station, payment type, discount or product, by its id. `establishment` is None where it has none."""

    id: int
    name: str
    active: bool = True
    establishment: EstablishmentId | None = None


class Account:
    """The lists of one Revel account. Each method raises what `Channel.read` raises; a 401 may be about one list."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    @property
    def skew(self) -> float | None:
        """Seconds by which Revel's clock is ahead of ours; None where no answer said."""
        return self._channel.skew

    def establishments(self) -> tuple[Establishment, ...]:
        """Every establishment, active or not."""
        return self._all("Establishment", _decode_establishment, prefix="enterprise")

    def users(self) -> tuple[Named, ...]:
        """Every user, active or not. Their names are staff's: show them, don't keep them."""
        return self._all("User", _decode_named, prefix="enterprise")

    def stations(self, establishment: EstablishmentId) -> tuple[Named, ...]:
        """The POS stations of an establishment, and those of which Revel doesn't say where they are."""
        found = self._all("PosStation", _decode_named, establishment=str(establishment))
        return tuple(each for each in found if each.establishment in {None, establishment})

    def payment_types(self) -> tuple[Named, ...]:
        """Every custom payment type of the account."""
        return self._all("CustomPaymentType", _decode_named)

    def discounts(self) -> tuple[Named, ...]:
        """Every discount of the account."""
        return self._all("Discount", _decode_named)

    def products(self, establishment: EstablishmentId) -> tuple[Offer, ...]:
        """Every product that the establishment has on sale (facts Revel 5.6)."""
        return read_offers(self._channel, establishment)

    def product(self, establishment: EstablishmentId, product: ProductId) -> Offer | None:
        """One product, None where the establishment doesn't have it on sale."""
        return find_offer(self._channel, establishment, product)

    def can_read(self, resource: str) -> None:
        """Ask for one row of a resource that orders are made of. Raises what `Channel.read` raises."""
        decode_page(self._channel.read(f"/resources/{resource}/", {"limit": "1"}), resource)

    def _all(
        self, resource: str, decode: Callable[[Row], Entry | None], prefix: str = "resources", **filters: str
    ) -> tuple[Entry, ...]:
        return tuple(_decoded(read_rows(self._channel, resource, filters, prefix=prefix), decode))


def _decoded(rows: Iterator[Row], decode: Callable[[Row], Entry | None]) -> Iterator[Entry]:
    return (entry for row in rows if (entry := decode(row)) is not None)


def _decode_establishment(row: Row) -> Establishment | None:
    found = _number(row.get("id"))
    if found is None:
        return None
    zone = row.get("timezone")
    return Establishment(found, _name(row), zone.strip() if isinstance(zone, str) else "", _is_active(row))


def _decode_named(row: Row) -> Named | None:
    found, place = _number(row.get("id")), _number(row.get("establishment"))
    if found is None:
        return None
    return Named(found, _name(row), _is_active(row), None if place is None else EstablishmentId(place))


def _number(value: object) -> int | None:
    """The number in an id or in a URI such as /enterprise/Establishment/4/."""
    found = decode_id(value)
    return int(found) if found.isdecimal() else None


def _name(row: Row) -> str:
    parts = (row.get("name"), row.get("username"), row.get("first_name"))
    return next((" ".join(part.split()) for part in parts if isinstance(part, str) and part.strip()), "")


def _is_active(row: Row) -> bool:
    return row.get("active") not in {False, "false", "False"}
