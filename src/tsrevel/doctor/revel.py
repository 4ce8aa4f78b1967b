"""The checks of the Revel key against every resource that orders rest on, one by one (facts Revel 1)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from tsrevel.config import LocationSettings, Settings
from tsrevel.doctor.findings import (
    REFUSED,
    SERVICE_DOWN,
    CheckFinding,
    FindingCode,
    SkippedCheck,
    attempt,
    failure,
    is_silent,
    ok,
    problem,
    skipped,
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
"""Check → resource, of what every order is made of."""
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
_NO_LOCATIONS = SkippedCheck(FindingCode.NO_LOCATIONS, "there are no [[locations]]")
LISTS = {
    "revel.establishment": "Establishment",
    "revel.user": "User",
    "revel.station": "PosStation",
    "revel.payment_type": "CustomPaymentType",
    "revel.discount": "Discount",
}
"""Check → resource, of what the settings name."""


def is_own_dining(entry: LocationSettings) -> bool:
    """Whether the entry's dining option can only be one of the customer's own."""
    return entry.dining_option >= FIRST_CUSTOM_DINING


@dataclass(frozen=True, slots=True)
class RevelLists:
    """What Revel's lists hold; None for a list that couldn't be read.

    `dining`: the dining options on existing orders, of the establishments whose orders could be read.
    """

    establishments: tuple[Establishment, ...] | None = None
    users: tuple[NamedRow, ...] | None = None
    stations: tuple[NamedRow, ...] | None = None
    payment_types: tuple[NamedRow, ...] | None = None
    discounts: tuple[NamedRow, ...] | None = None
    catalogues: Mapping[EstablishmentId, Catalogue | TsrevelError] = field(default_factory=dict)
    dining: Mapping[EstablishmentId, frozenset[int]] = field(default_factory=dict)


def skip_revel(because: SkippedCheck) -> Iterator[CheckFinding]:
    """Every check of Revel, left out."""
    for name in (CONNECTION, KEY, *ORDERS, *LISTS):
        yield skipped(name, because)


def examine_revel(account: Account, revel: Revel, settings: Settings) -> Generator[CheckFinding, None, RevelLists]:
    """Ask every resource by itself; one that is refused doesn't hide the others."""
    first = attempt(lambda: account.can_read("Order"))
    if is_silent(first) and isinstance(first, TsrevelError):
        yield failure(CONNECTION, first)
        for name in (KEY, *ORDERS, *LISTS):
            yield skipped(name, SkippedCheck(FindingCode.UNREACHABLE, "Revel can't be reached"))
        return RevelLists()
    orders = {name: attempt(_reader(account, resource)) for name, resource in list(ORDERS.items())[1:]}
    orders = {"revel.order": first, **orders}
    places = tuple(dict.fromkeys(EstablishmentId(each.revel_establishment) for each in settings.locations))
    spared = _not_needed(settings)
    lists = _read_lists(account, places, spared)
    answers: list[object] = [*orders.values(), *(each for each in lists.values() if each is not None)]
    usable = any(not isinstance(each, TsrevelError) for each in answers)
    if isinstance(first, CredentialsRefused) and not usable:
        yield ok(CONNECTION, f"{settings.revel_url} answers")
        remedy = "Check revel.api_key and revel.api_secret, and the API user's rights in Revel's console."
        yield problem(KEY, FindingCode.REFUSED, f"refused for every resource ({first.without_advice})", remedy, REFUSED)
        for name in (*ORDERS, *LISTS):
            yield skipped(name, SkippedCheck(FindingCode.TOKEN_PROBLEM, f"{KEY} is refused everywhere"))
        return RevelLists()
    yield ok(CONNECTION, f"{settings.revel_url} answers")
    accepted = ok(KEY, "accepted; whether it may write, only the first order shows")
    unclear = SkippedCheck(FindingCode.NO_USABLE_ANSWER, "no resource gave a usable answer")
    yield accepted if usable else skipped(KEY, unclear)
    for name, answer in orders.items():
        yield _tell_order_resource(name, ORDERS[name], answer)
    for name, rows in lists.items():
        yield _tell_list(name, LISTS[name], rows, spared.get(name, _NO_LOCATIONS))
    catalogues = {} if isinstance(orders["revel.product"], TsrevelError) else _read_catalogues(revel, places)
    dining = {} if isinstance(first, TsrevelError) else _read_dining(account, settings)
    return replace(_lists_of(lists, catalogues), dining=dining)


def _reader(account: Account, resource: str) -> Callable[[], None]:
    return lambda: account.can_read(resource)


Lists = dict[str, "tuple[Establishment, ...] | tuple[NamedRow, ...] | TsrevelError | None"]


def _not_needed(settings: Settings) -> dict[str, SkippedCheck]:
    """Lists that no order of these settings rests on, and why."""
    spared = {}
    if settings.orders.payments == "none":
        spared["revel.payment_type"] = SkippedCheck(FindingCode.NOT_NEEDED, 'orders.payments is "none"')
    if settings.orders.discounts == "prices":
        spared["revel.discount"] = SkippedCheck(FindingCode.NOT_NEEDED, 'orders.discounts is "prices"')
    return spared


def _read_lists(account: Account, places: tuple[EstablishmentId, ...], spared: Mapping[str, SkippedCheck]) -> Lists:
    lists: Lists = {
        "revel.establishment": attempt(account.establishments),
        "revel.user": attempt(account.users),
        "revel.station": attempt(lambda: _stations(account, places)) if places else None,
        "revel.payment_type": None if "revel.payment_type" in spared else attempt(account.payment_types),
        "revel.discount": None if "revel.discount" in spared else attempt(account.discounts),
    }
    return lists


def _stations(account: Account, places: tuple[EstablishmentId, ...]) -> tuple[NamedRow, ...]:
    return tuple(dict.fromkeys(station for place in places for station in account.stations(place)))


def _read_catalogues(
    revel: Revel, places: tuple[EstablishmentId, ...]
) -> dict[EstablishmentId, Catalogue | TsrevelError]:
    return {place: attempt(_catalogue_reader(revel, place)) for place in places}


def _read_dining(account: Account, settings: Settings) -> dict[EstablishmentId, frozenset[int]]:
    """One request for each establishment at which a dining option of the customer's own is configured."""
    places = {EstablishmentId(each.revel_establishment) for each in settings.locations if is_own_dining(each)}
    read = {place: attempt(partial(account.dining_options, place)) for place in sorted(places)}
    return {place: seen for place, seen in read.items() if not isinstance(seen, TsrevelError)}


def _catalogue_reader(revel: Revel, place: EstablishmentId) -> Callable[[], Catalogue]:
    return lambda: revel.catalogue(place)


def _tell_order_resource(name: str, resource: str, answer: object) -> CheckFinding:
    if not isinstance(answer, TsrevelError):
        return ok(name, f"{resource} can be read")
    if isinstance(answer, Refused):
        text = f"{answer}; no order can be made without {resource}"
        remedy = "Check revel.domain or revel.base_url."
        return problem(name, FindingCode.NO_SUCH_RESOURCE, text, remedy, SERVICE_DOWN)
    return _denied(name, resource, answer)


def _denied(name: str, resource: str, error: TsrevelError) -> CheckFinding:
    """A refusal is about this one resource here: others are open (facts Revel 1)."""
    if not isinstance(error, CredentialsRefused):
        return failure(name, error)
    text = f"the key has no right to {resource}, though it has to others ({error.without_advice})"
    remedy = f"Give the API user the right to {resource} in Revel's console."
    return problem(name, FindingCode.NO_RIGHT, text, remedy, REFUSED)


def _tell_list(name: str, resource: str, answer: object, unasked: SkippedCheck) -> CheckFinding:
    if answer is None:
        return skipped(name, unasked)
    if isinstance(answer, CredentialsRefused):  # no run reads it, so it may stay closed
        remedy = f"Give the API user the right to {resource}, or compare the ids with Revel's console by hand."
        text = (
            f"can't be checked: the key has no right to {resource}, though it has to others ({answer.without_advice})"
        )
        return warning(name, FindingCode.NO_RIGHT, text, remedy)
    if isinstance(answer, Refused | Unreadable):
        remedy = "Compare the ids in the settings with Revel's console by hand."
        text = f"{str(answer).rstrip('.')}; so {resource} ids can't be checked"
        return warning(name, FindingCode.NO_USABLE_ANSWER, text, remedy)
    if isinstance(answer, TsrevelError):
        return failure(name, answer)
    count = len(answer) if isinstance(answer, tuple) else 0
    return ok(name, f"{resource} can be read: {count} found")


def _lists_of(lists: Lists, catalogues: Mapping[EstablishmentId, Catalogue | TsrevelError]) -> RevelLists:
    def named(name: str) -> tuple[NamedRow, ...] | None:
        answer = lists[name]
        rows = answer if isinstance(answer, tuple) else None
        return None if rows is None else tuple(each for each in rows if isinstance(each, NamedRow))

    found = lists["revel.establishment"]
    establishments = (
        tuple(each for each in found if isinstance(each, Establishment)) if isinstance(found, tuple) else None
    )
    return RevelLists(
        establishments,
        named("revel.user"),
        named("revel.station"),
        named("revel.payment_type"),
        named("revel.discount"),
        catalogues,
    )
