"""Checks that the Revel key may read each resource that orders need (facts Revel 1)."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from tsrevel.config import LocationSettings, Settings
from tsrevel.doctor.findings import (
    REFUSED,
    SERVICE_DOWN,
    CheckFinding,
    SkippedCheck,
    attempt,
    failure,
    is_silent,
    ok,
    problem,
    skip_all,
    skipped,
    usable,
    warning,
)
from tsrevel.errors import CredentialsRefused, Refused, TsrevelError, Unreadable
from tsrevel.planning.model import EstablishmentId
from tsrevel.planning.products import Catalogue
from tsrevel.revel.account import Account, Establishment, NamedRow
from tsrevel.revel.client import Revel

CONNECTION, KEY = "revel.connection", "revel.key"
ORDERS = {
    "revel.order": "Order",
    "revel.order_item": "OrderItem",
    "revel.payment": "Payment",
    "revel.order_history": "OrderHistory",
    "revel.product": "Product",
}
"""Check → resource. Every order needs these."""
BUILT_IN_DINING = {
    0: "to go",
    1: "eat in",
    2: "delivery",
    3: "catering",
    4: "drive-through",
    5: "online",
    6: "other",
    7: "shipping",
    8: "pickup",
    9: "third-party delivery",
}
"""facts Revel 5.5; custom ones begin at 100."""
FIRST_CUSTOM_DINING = 100
NO_PAYMENTS = SkippedCheck("NOT_NEEDED", 'orders.payments is "none"')
NO_DISCOUNTS = SkippedCheck("NOT_NEEDED", 'orders.discounts is "prices"')
_NO_LOCATIONS = SkippedCheck("NO_LOCATIONS", "there are no [[locations]]")
LISTS = {
    "revel.establishment": "Establishment",
    "revel.user": "User",
    "revel.station": "PosStation",
    "revel.payment_type": "CustomPaymentType",
    "revel.discount": "Discount",
}
"""Check → resource. Settings name rows of these."""


def is_own_dining(entry: LocationSettings) -> bool:
    """Whether the entry's dining option must be a custom one."""
    return entry.dining_option >= FIRST_CUSTOM_DINING


@dataclass(frozen=True, slots=True)
class RevelLists:
    """Revel's lists; None for a list that couldn't be read.

    `dining`: the dining options on existing orders, for each establishment whose orders could be read.
    """

    establishments: tuple[Establishment, ...] | None = None
    users: tuple[NamedRow, ...] | None = None
    stations: tuple[NamedRow, ...] | None = None
    payment_types: tuple[NamedRow, ...] | None = None
    discounts: tuple[NamedRow, ...] | None = None
    catalogues: Mapping[EstablishmentId, Catalogue | TsrevelError] = field(default_factory=dict)
    dining: Mapping[EstablishmentId, frozenset[int]] = field(default_factory=dict)


def skip_revel(because: SkippedCheck) -> Iterator[CheckFinding]:
    yield from skip_all((CONNECTION, KEY, *ORDERS, *LISTS), because)


def examine_revel(account: Account, revel: Revel, settings: Settings) -> Generator[CheckFinding, None, RevelLists]:
    """Request each resource separately, so a refused one doesn't hide the others."""
    first = attempt(lambda: account.can_read("Order"))
    if is_silent(first):
        yield failure(CONNECTION, first)
        yield from skip_all((KEY, *ORDERS, *LISTS), SkippedCheck("UNREACHABLE", "Revel can't be reached"))
        return RevelLists()
    others = {name: attempt(partial(account.can_read, resource)) for name, resource in list(ORDERS.items())[1:]}
    orders = {"revel.order": first, **others}
    places = tuple(dict.fromkeys(EstablishmentId(each.revel_establishment) for each in settings.locations))
    spared = _not_needed(settings)
    establishments, users = attempt(account.establishments), attempt(account.users)
    stations = None
    if places:
        stations = attempt(lambda: tuple(dict.fromkeys(row for place in places for row in account.stations(place))))
    payment_types = None if "revel.payment_type" in spared else attempt(account.payment_types)
    discounts = None if "revel.discount" in spared else attempt(account.discounts)
    lists = dict(zip(LISTS, (establishments, users, stations, payment_types, discounts), strict=True))
    answers: list[object] = [*orders.values(), *(each for each in lists.values() if each is not None)]
    accepted = any(not isinstance(each, TsrevelError) for each in answers)
    yield ok(CONNECTION, f"{settings.revel_url} answers")
    if isinstance(first, CredentialsRefused) and not accepted:
        remedy = "Check revel.api_key and revel.api_secret, and the API user's rights in Revel's console."
        yield problem(KEY, "REFUSED", f"refused for every resource ({first.without_advice})", remedy, REFUSED)
        yield from skip_all((*ORDERS, *LISTS), SkippedCheck("TOKEN_PROBLEM", f"{KEY} is refused everywhere"))
        return RevelLists()
    if accepted:
        yield ok(KEY, "accepted for reading; only the first order shows whether it may write")
    else:
        yield skipped(KEY, SkippedCheck("NO_USABLE_ANSWER", "no resource gave a usable answer"))
    for name, answer in orders.items():
        yield _tell_order_resource(name, ORDERS[name], answer)
    for name, rows in lists.items():
        yield _tell_list(name, LISTS[name], rows, spared.get(name, _NO_LOCATIONS))
    readable = not isinstance(orders["revel.product"], TsrevelError)
    return RevelLists(
        usable(establishments),
        usable(users),
        usable(stations),
        usable(payment_types),
        usable(discounts),
        {place: attempt(partial(revel.catalogue, place)) for place in places} if readable else {},
        {} if isinstance(first, TsrevelError) else _read_dining(account, settings),
    )


def _not_needed(settings: Settings) -> dict[str, SkippedCheck]:
    """Lists that orders don't need with these settings, and why."""
    spared = {}
    if settings.orders.payments == "none":
        spared["revel.payment_type"] = NO_PAYMENTS
    if settings.orders.discounts == "prices":
        spared["revel.discount"] = NO_DISCOUNTS
    return spared


def _read_dining(account: Account, settings: Settings) -> dict[EstablishmentId, frozenset[int]]:
    """Send one request for each establishment whose entry has a custom dining option."""
    places = {EstablishmentId(each.revel_establishment) for each in settings.locations if is_own_dining(each)}
    read = {place: attempt(partial(account.dining_options, place)) for place in sorted(places)}
    return {place: seen for place, seen in read.items() if not isinstance(seen, TsrevelError)}


def _tell_order_resource(name: str, resource: str, answer: object) -> CheckFinding:
    if not isinstance(answer, TsrevelError):
        return ok(name, f"{resource} can be read")
    if isinstance(answer, Refused):
        text = f"{answer}; runs can make no order without {resource}"
        remedy = "Check revel.domain or revel.base_url."
        return problem(name, "NO_SUCH_RESOURCE", text, remedy, SERVICE_DOWN)
    if isinstance(answer, CredentialsRefused):  # a key may have a right to some resources only (facts Revel 1)
        text = f"the key has no right to {resource}, only to other resources ({answer.without_advice})"
        remedy = f"Give the API user the right to {resource} in Revel's console."
        return problem(name, "NO_RIGHT", text, remedy, REFUSED)
    return failure(name, answer)


def _tell_list(name: str, resource: str, answer: object, unasked: SkippedCheck) -> CheckFinding:
    if answer is None:
        return skipped(name, unasked)
    if isinstance(answer, CredentialsRefused):  # no run reads it, so this is only a warning
        remedy = f"Give the API user the right to {resource}, or compare the ids with Revel's console by hand."
        text = f"can't be checked: the key has no right to {resource}, only to others ({answer.without_advice})"
        return warning(name, "NO_RIGHT", text, remedy)
    if isinstance(answer, Refused | Unreadable):
        remedy = "Compare the ids in the settings with Revel's console by hand."
        text = f"{str(answer).rstrip('.')}; so {resource} ids can't be checked"
        return warning(name, "NO_USABLE_ANSWER", text, remedy)
    if isinstance(answer, TsrevelError):
        return failure(name, answer)
    count = len(answer) if isinstance(answer, tuple) else 0
    return ok(name, f"{resource} can be read: {count} found")
