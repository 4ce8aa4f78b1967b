"""The catalogs that orders are planned with: the ledger's copies while they are recent, else downloads."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from tsrevel.errors import Refused
from tsrevel.ledger import Ledger
from tsrevel.ledger.account import decode_catalog, encode_catalog
from tsrevel.planning.model import EstablishmentId, Event, Hold, Location, Plan, Policy, ProductId
from tsrevel.planning.plan import plan_order, takes_second_choice
from tsrevel.planning.products import Catalogue
from tsrevel.planning.reasons import Reason
from tsrevel.revel.client import Revel

RECENT = timedelta(hours=12)
"""How long the ledger's copy is used. Revel confirms each product that an order takes from it, so only one thing may be
outdated: that no other product has the same name. Twelve hours bring an evening's menu changes in by next morning."""
MOST_READY = 30_000
"""Products kept ready for searches, at about 350 bytes each. They would grow with the establishments. Each worker also
holds the catalog that it plans with, whatever its size."""
MOST_CONFIRMED = 100
"""Products in one request, whose path contains their ids."""


class CatalogCache:
    """A run's catalogs: the most recently used ones ready for searches, any number of others compressed.

    With `packs` False the others are dropped, because the ledger has them.
    """

    def __init__(self, most: int = MOST_READY, *, packs: bool = True) -> None:
        self._most = most
        self._packs = packs
        self._ready: dict[EstablishmentId, Catalogue] = {}
        self._packed: dict[EstablishmentId, bytes] = {}
        self._lock = threading.Lock()

    def __contains__(self, establishment: EstablishmentId) -> bool:
        with self._lock:
            return establishment in self._ready or establishment in self._packed

    def add(self, catalog: Catalogue) -> None:
        """Store the catalog in place of its establishment's previous one."""
        with self._lock:
            self._ready.pop(catalog.establishment, None)
            self._packed.pop(catalog.establishment, None)
            self._use(catalog)

    def get(self, establishment: EstablishmentId) -> Catalogue | None:
        """The establishment's catalog; None if there is none."""
        with self._lock:
            catalog = self._ready.pop(establishment, None)
            if catalog is None and establishment in self._packed:
                catalog = decode_catalog(establishment, self._packed[establishment])
            if catalog:
                self._use(catalog)
            return catalog

    def _use(self, catalog: Catalogue) -> None:
        self._ready[catalog.establishment] = catalog
        while len(self._ready) > 1 and sum(len(each.names) for each in self._ready.values()) > self._most:
            oldest = self._ready.pop(next(iter(self._ready)))
            if self._packs and oldest.establishment not in self._packed:  # most runs never need this
                self._packed[oldest.establishment] = encode_catalog(oldest)


@dataclass(slots=True, eq=False, repr=False)
class Catalogs:
    """The products of each establishment, downloaded on first need and at most once a run.

    With a `ledger`, `plan` uses its copy while that is recent. `keep`: downloads are stored there. Without a ledger
    everything is downloaded. Raises what `Revel` and `Ledger` raise.
    """

    revel: Revel
    ledger: Ledger | None = None
    keep: bool = False
    _known: CatalogCache = field(init=False)
    _downloaded: set[EstablishmentId] = field(default_factory=set, init=False)
    _kept: CatalogCache = field(default_factory=partial(CatalogCache, packs=False), init=False)
    _without_copy: set[EstablishmentId] = field(default_factory=set, init=False)
    _confirmed: set[tuple[EstablishmentId, ProductId]] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        self._known = CatalogCache(packs=not (self.ledger and self.keep))

    def of(self, establishment: EstablishmentId) -> Catalogue:
        """The establishment's catalogue as Revel shows it in this run."""
        catalog = self._known.get(establishment)
        if catalog is None and self.ledger and self.keep and establishment in self._downloaded:
            catalog = self.ledger.catalogs.stored(establishment)
        if catalog is None:
            catalog = self.revel.catalogue(establishment)
            if self.ledger and self.keep:
                self.ledger.catalogs.store(catalog)
        self._downloaded.add(establishment)
        self._known.add(catalog)
        return catalog

    def plan(self, event: Event, location: Location, policy: Policy, now: datetime) -> Plan | Hold:
        """The event's order, or why it can't be planned.

        A plan made with the copy is valid if Revel confirms each product: active, at this establishment, and with the
        name that it was matched by. Otherwise the catalogue is downloaded first.
        """
        kept = self._recall(location.establishment)
        made = _plan_from_copy(event, location, kept, policy, now) if kept else None
        if isinstance(made, Hold) or (kept and made and self._confirms(kept, made)):
            return made
        return plan_order(event, location, self.of(location.establishment), policy, now)

    def confirm(self, events: Iterable[tuple[Event, Location]], policy: Policy, now: datetime) -> None:
        """Ask Revel in one go to confirm the products that several later plans will take from copies.

        An event that can't be planned with a copy, or a product that isn't confirmed, is left to `plan`.
        """
        asked: dict[ProductId, _Expected] = {}
        for event, location in events:
            try:
                asked |= self._expected(event, location, policy, now)
            except Exception:  # noqa: BLE001 (`plan` raises it again, for this event alone)
                break
        self._ask(asked)

    def _expected(
        self, event: Event, location: Location, policy: Policy, now: datetime
    ) -> Mapping[ProductId, _Expected]:
        """The products that Revel must confirm before a plan from the copy counts. The copy itself is released."""
        kept = self._recall(location.establishment)
        made = _plan_from_copy(event, location, kept, policy, now) if kept else None
        return self._unconfirmed(kept, made) if kept and isinstance(made, Plan) else {}

    @contextmanager
    def dropped_if_refused(self, establishment: EstablishmentId) -> Iterator[None]:
        """Drop the ledger's copy if Revel refuses a request in the block: an order's write may fail for its product.

        The next run downloads the catalogue again.
        """
        try:
            yield
        except Refused:
            if self.ledger and self.keep:
                self.ledger.catalogs.drop(establishment)
            raise

    def _recall(self, establishment: EstablishmentId) -> Catalogue | None:
        """The ledger's copy, unless this run has downloaded the catalogue."""
        if self.ledger is None or establishment in self._without_copy or establishment in self._downloaded:
            return None
        catalog = self._kept.get(establishment) or self.ledger.catalogs.recent(establishment, RECENT)
        if catalog is None:
            self._without_copy.add(establishment)
        elif establishment not in self._kept:
            self._kept.add(catalog)
        return catalog

    def _confirms(self, kept: Catalogue, plan: Plan) -> bool:
        """Whether Revel shows every product of the plan as the copy has it. A confirmed one isn't requested again."""
        self._ask(self._unconfirmed(kept, plan))
        return not self._unconfirmed(kept, plan)

    def _unconfirmed(self, kept: Catalogue, plan: Plan) -> dict[ProductId, _Expected]:
        """The plan's products that this run hasn't confirmed yet, each with its name in the copy."""
        here = kept.establishment
        products = [item.product for item in plan.items if (here, item.product) not in self._confirmed]
        return {each: _Expected(here, kept.names.get(each, "")) for each in products}

    def _ask(self, wanted: Mapping[ProductId, _Expected]) -> None:
        ids = list(wanted)
        for start in range(0, len(ids), MOST_CONFIRMED):
            batch = {each: wanted[each].establishment for each in ids[start : start + MOST_CONFIRMED]}
            for product, shown in self.revel.products_by_id(batch).items():
                if shown.name == wanted[product].name:
                    self._confirmed.add((batch[product], product))


def _plan_from_copy(
    event: Event, location: Location, kept: Catalogue, policy: Policy, now: datetime
) -> Plan | Hold | None:
    """The plan or hold by the copy; None if a product that the copy lacks may decide."""
    made = plan_order(event, location, kept, policy, now)
    if isinstance(made, Hold):
        return None if made.reason is Reason.UNMAPPED_ITEMS else made
    return None if takes_second_choice(event, location, kept, policy) else made


@dataclass(frozen=True, slots=True)
class _Expected:
    """A product as its copy has it, for Revel to confirm. It doesn't keep the catalog in memory until the answer."""

    establishment: EstablishmentId
    name: str
